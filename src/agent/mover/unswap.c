/* unswap.c: brings the content of a stub back by exchange: the object under a name of ours, proven by
 * the stub's own tag; then the stub, held alone and looked at again, gives way. What the file has
 * besides its bytes is the stub's by then, with whatever people changed of it. Host and share are
 * enough (doc/adr/0058-stubs-by-exchange.md). */
#include <stdio.h>
#include <string.h>

#include "agent/mover/dress.h"
#include "agent/mover/mover_priv.h"
#include "agent/mover/swap.h"
#include "base/mem.h"

#define LAND_TRIES 20u        /* somebody may be reading through the stub */
#define LAND_WAIT_NS 50000000 /* between two: a second in all */

struct unswap {
    struct place at;
    struct stub_seen seen;
    struct al_buf bytes; /* of its tag */
    al_id id;
    char temp[PLACE_NAME_MAX], aside[PLACE_NAME_MAX];
    struct port_file *file; /* open under temp */
    struct port_file *stub; /* held alone, from landing on */
    bool took_aside;
    unsigned tries;
    struct target_get *get;
    struct al_xxh_state *xxh;
    uint8_t *chunk;
};

static int
failed(struct mover *m, int rc, const char *what)
{
    rc = rc == AL_ECHANGED ? AL_ECONFLICT : rc; /* which is no refusal of this act */
    return al_fail_set(&m->result.fail, mover_local_code(rc), port_os_error(m->env->port), "%s",
                       what);
}

/* ---- find ---- */

static int
unswap_new(struct mover *m)
{
    struct unswap *u;

    if (!mover_claim(m)) {
        return al_fail_set(&m->result.fail, AL_EBUSY, 0, "it is being moved already");
    }
    m->unswap = u = al_zalloc(sizeof(*u));
    if (u != NULL) {
        u->xxh = al_xxh_new();
        u->chunk = al_alloc(m->chunk_bytes);
    }
    return u != NULL && u->xxh != NULL && u->chunk != NULL
               ? AL_OK
               : al_fail_set(&m->result.fail, AL_ENOMEM, 0, "out of memory");
}

/* There is no such file, or another: it may have been archived, which is another way back. */
static int
as_archived(struct mover *m)
{
    unswap_end(m);
    m->result.fail = (struct al_fail){0};
    m->archived = true;
    return AL_OK;
}

/* *ret_stub false: it is a file as any other. */
static int
look(struct mover *m, bool *ret_stub)
{
    struct unswap *u = m->unswap;
    const struct stub_seen *seen = &u->seen;
    int rc = swap_look(m->item.volume, &u->at, u->at.name, &u->bytes, &u->seen, &m->result.fail);

    if (rc == AL_ENOENT) {
        return rc;
    }
    if (rc != AL_OK) {
        return failed(m, rc, "whether it is a stub cannot be seen");
    }
    if (seen->is == STUB_IS_NONE) {
        *ret_stub = false;
        return seen->st.type == PORT_T_FILE && (seen->st.attrs & PORT_A_REPARSE) == 0
                   ? AL_OK
                   : al_fail_set(&m->result.fail, AL_ECONFLICT, 0, "it is no plain file");
    }
    *ret_stub = true;
    if (seen->is != STUB_IS_OURS) {
        return al_fail_set(
            &m->result.fail, AL_ECONFLICT, 0,
            seen->is == STUB_IS_COPY
                ? "it is a copy of another stub: it must be adopted first (alto file adopt)"
            : seen->is == STUB_IS_CHANGED
                ? "the stub has another size than the file that was tiered"
                : "it is a stub of another agent or product");
    }
    if (seen->tag.share_tag != marker_share_tag(m->item.volume->share_id)) {
        return al_fail_set(&m->result.fail, AL_ECONFLICT, 0,
                           "the stub's object lies on another share than the volume's");
    }
    memcpy(m->result.object_id, seen->object_id, sizeof(m->result.object_id));
    m->facts.st = seen->st;
    m->result.size = seen->tag.size;
    return AL_OK;
}

static int
begin_intent(struct mover *m)
{
    struct unswap *u = m->unswap;
    struct journal_intent in = {.kind = JOURNAL_UNSWAP, .object_name = u->temp};
    int rc = place_fs_tag(m->env->port, m->item.volume->root, &in.handle);

    if (rc != AL_OK) {
        return failed(m, rc, "the volume's root cannot be looked at");
    }
    in.ino = u->seen.st.ino;
    in.atime_ns = u->seen.st.atime_ns;
    return mover_begin_intent(m, &in);
}

/* The file is empty still: who may not read the stub's content may not read it here either, also when
 * a crash leaves it. */
static int
guard_content(struct mover *m)
{
    AL_CLEANUP(port_holder_end) struct port_holder stub = {.port = m->env->port};
    struct unswap *u = m->unswap;
    int rc = port_open(stub.port, u->at.dir, u->at.name,
                       PORT_READ | PORT_REPARSE | PORT_NONBLOCK | PORT_NOATIME, 0, &stub.file);

    rc = rc != AL_OK ? rc : dress_rights(stub.port, stub.file, u->file, &m->result.fail);
    return rc == AL_OK ? AL_OK : failed(m, rc, "the file cannot be given the stub's rights");
}

static int
open_both(struct mover *m)
{
    struct unswap *u = m->unswap;
    char path[MARKER_EXT_LEN + 3], name[TARGET_NAME_MAX];
    uint64_t size = 0;
    int rc;

    mover_ext_path(u->seen.tag.ext, path);
    rc = target_object_name(m->result.object_id, al_span_of(path), name);
    rc = rc != AL_OK ? rc : target_get_begin(m->target, name, &u->get, &size, &m->result.fail);
    if (rc != AL_OK) {
        return al_fail_set(&m->result.fail, rc, 0, "the object has no name");
    }
    if (size != m->result.size) {
        return al_fail_set(&m->result.fail, AL_ECORRUPT, 0,
                           "the object has another length than the file had");
    }
    rc = port_open(m->env->port, u->at.dir, u->temp,
                   PORT_READ | PORT_WRITE | PORT_CREATE | PORT_EXCL | PORT_ALONE | PORT_DELETE,
                   0600, &u->file);
    return rc == AL_OK ? guard_content(m) : failed(m, rc, "no file can be made in the folder");
}

static int
step_find(struct mover *m)
{
    const struct mover_volume *v = m->item.volume;
    struct unswap *u;
    bool stub = false;
    int rc = unswap_new(m);

    u = m->unswap;
    rc = rc != AL_OK ? rc
                     : place_open(&u->at, m->env->port, v->root, m->item.path, v->key, false,
                                  &m->result.fail);
    if (rc != AL_OK) {
        return mover_local_code(rc);
    }
    rc = look(m, &stub);
    if (rc != AL_OK) {
        return rc == AL_ENOENT ? as_archived(m) : rc;
    }
    if (!stub && (m->item.object_id[0] != '\0' || placeholder_named(m->item.path))) {
        return as_archived(m); /* a placeholder, or what has the name of a file that was archived */
    }
    if (!stub) {
        m->reason = "already_resident";
        m->result.tiered = true;
        m->step = MOVER_S_REPORT;
        return AL_OK;
    }
    rc = mover_fresh_id(m, u->id);
    if (rc != AL_OK) {
        return rc;
    }
    place_own_name(PLACE_BACK, u->id, u->temp);
    place_own_name(PLACE_ASIDE, u->id, u->aside);
    rc = begin_intent(m);
    rc = rc != AL_OK ? rc : open_both(m);
    if (rc == AL_OK) {
        m->step = MOVER_S_FETCH;
    }
    return rc;
}

/* ---- fetch ---- */

static int
step_fetch(struct mover *m)
{
    struct unswap *u = m->unswap;
    size_t got = 0;
    int rc = target_get_read(u->get, u->chunk, m->chunk_bytes, &got, &m->result.fail);

    if (rc != AL_OK) {
        return rc;
    }
    if (got > 0) {
        al_xxh_add(u->xxh, u->chunk, got);
        rc = port_pwrite(m->env->port, u->file, u->chunk, got, m->offset);
        m->offset += got;
        return rc == AL_OK ? AL_OK : failed(m, rc, "the file cannot be written");
    }
    u->get = target_get_end(u->get);
    if (m->offset != m->result.size || !al_xxh_equal(al_xxh_result(u->xxh), u->seen.tag.content)) {
        return al_fail_set(&m->result.fail, AL_ECORRUPT, 0,
                           "what lies on the share is not what was tiered");
    }
    m->step = MOVER_S_DRESS; /* which syncs it */
    return AL_OK;
}

/* ---- land ---- */

/* Alone from here on, so that it is the stub that was looked at, and stays it. */
static int
hold_stub(struct mover *m, bool *ret_wait)
{
    struct unswap *u = m->unswap;
    AL_CLEANUP(al_buf_free) struct al_buf bytes = {0};
    struct stub_seen now;
    int rc = swap_look(m->item.volume, &u->at, u->at.name, &bytes, &now, &m->result.fail);

    if (rc == AL_OK && (now.is != STUB_IS_OURS || now.st.ino != u->seen.st.ino ||
                        !al_span_equal(al_buf_span(&bytes), al_buf_span(&u->bytes)))) {
        rc = AL_ECHANGED;
    }
    if (rc == AL_OK) { /* names, rights, streams, times may have been changed: they count as now */
        rc = swap_open_seen(&u->at, u->at.name, &now, PORT_WRITE, &u->stub);
    }
    if (rc == AL_EACCES && (now.st.attrs & PORT_A_READONLY) != 0) {
        rc = swap_open_seen(&u->at, u->at.name, &now, 0, &u->stub);
    }
    if (rc == AL_OK) {
        rc = port_stat(m->env->port, u->stub, &m->facts.st);
    }
    if (rc == AL_EBUSY && ++u->tries < LAND_TRIES) {
        port_sleep_ns(m->env->port, LAND_WAIT_NS);
        *ret_wait = true;
        return AL_OK;
    }
    if (rc == AL_ENOENT || rc == AL_ECHANGED) {
        return al_fail_set(&m->result.fail, AL_ECONFLICT, 0,
                           "the stub was moved, replaced or written to while it was fetched");
    }
    return rc == AL_OK ? AL_OK : failed(m, rc, "the stub cannot be held");
}

static int
step_dress(struct mover *m)
{
    struct unswap *u = m->unswap;
    struct port *p = m->env->port;
    const struct port_stat *st = &m->facts.st;
    uint32_t attrs;
    bool wait = false;
    int rc = hold_stub(m, &wait);

    if (rc != AL_OK || wait) {
        return rc;
    }
    attrs = st->attrs & DRESS_ATTRS & ~(uint32_t)PORT_A_OFFLINE;
    rc = dress_like(p, u->stub, u->file, &m->result.fail);
    rc = rc != AL_OK ? rc : dress_last(p, u->file, st, attrs, &m->result.fail);
    rc = rc != AL_OK ? rc : dress_check(p, u->stub, u->file, st, attrs, &m->result.fail);
    rc = rc != AL_OK ? rc : port_sync(p, u->file);
    rc = rc != AL_OK ? rc : place_sync(&u->at);
    if (rc != AL_OK) {
        return failed(m, rc, "the file cannot be made like its stub");
    }
    m->state = JOURNAL_FILLED;
    rc = journal_say(m->env->journal, m->intent, JOURNAL_FILLED);
    if (rc != AL_OK) {
        return failed(m, rc, "the agent's journal cannot be written");
    }
    m->step = MOVER_S_LAND;
    return AL_OK;
}

static int
step_land(struct mover *m)
{
    struct unswap *u = m->unswap;
    struct port_stat st;
    int64_t began = port_mono_ns(m->env->port);
    bool is = false;
    int rc = swap_is_at(&u->at, u->stub, u->at.name, &is);

    rc = rc == AL_OK && !is ? AL_ECONFLICT : rc;
    rc = rc != AL_OK ? rc : port_stat(m->env->port, u->file, &st);
    if (rc != AL_OK) {
        return failed(m, rc, "the stub was moved or replaced while it was fetched");
    }
    u->took_aside = true;
    rc = swap_rename(&u->at, u->stub, u->at.name, u->aside);
    rc = rc != AL_OK ? rc : swap_rename(&u->at, u->file, u->temp, u->at.name);
    m->result.gap_ns = port_mono_ns(m->env->port) - began;
    rc = rc != AL_OK ? rc : place_sync(&u->at);
    if (rc != AL_OK) {
        return failed(m, rc, "the file and its stub cannot change places");
    }
    port_close_quiet(m->env->port, &u->file); /* synced before */
    m->new_ino = st.ino;
    rc = swap_remove_open(&u->at, &u->stub, u->aside);
    rc = rc != AL_OK ? rc : place_sync(&u->at);
    if (rc != AL_OK) {
        return failed(m, rc, "the stub cannot be removed");
    }
    m->facts.st.size = m->result.size;
    m->result.tiered = true;
    m->result.freed = m->result.size;
    m->step = MOVER_S_REPORT;
    return AL_OK;
}

int
unswap_step(struct mover *m)
{
    switch (m->step) {
    case MOVER_S_FIND:
        return step_find(m);
    case MOVER_S_FETCH:
        return step_fetch(m);
    case MOVER_S_DRESS:
        return step_dress(m);
    default:
        return step_land(m);
    }
}

/* ---- giving up ---- */

int
unswap_undo(const struct place *at, const char *temp, char got[PLACE_NAME_MAX], bool *ret_back)
{
    char aside[PLACE_NAME_MAX];
    bool there = false, fetched = false;
    int rc;

    place_own_name(PLACE_ASIDE, swap_id_of(temp), aside);
    got[0] = '\0';
    *ret_back = false;
    rc = place_is_there(at, aside, &there);
    rc = rc != AL_OK ? rc : place_is_there(at, temp, &fetched);
    if (rc == AL_OK && there) { /* what a rename that was cut may have left */
        rc = place_clear(at, temp, at->name, PLACE_KEPT);
    }
    if (rc == AL_OK && there && !fetched) { /* the file has its name: the stub is to go */
        struct port_stat st, stub;

        rc = port_stat_at(at->port, at->dir, aside, &stub);
        rc = rc != AL_OK ? rc : port_stat_at(at->port, at->dir, at->name, &st);
        *ret_back = rc == AL_OK && st.type == PORT_T_FILE && st.size == stub.size;
        rc = rc == AL_ENOENT ? AL_OK : rc;
        rc = rc == AL_OK && *ret_back ? swap_drop(at, aside) : rc;
        there = there && !*ret_back;
    }
    if (rc == AL_OK && there) {
        char to[PLACE_NAME_MAX];

        rc = place_rename_free(at, aside, at->name, PLACE_KEPT, to);
        (void)snprintf(got, PLACE_NAME_MAX, "%s", strcmp(to, at->name) == 0 ? "" : to);
    }
    rc = rc != AL_OK ? rc : place_sync(at);
    rc = rc != AL_OK || !fetched ? rc : swap_drop(at, temp);
    return rc != AL_OK || !fetched ? rc : place_sync(at);
}

int
unswap_give_up(struct mover *m)
{
    struct unswap *u = m->unswap;
    char got[PLACE_NAME_MAX];
    bool back = false;
    int rc;

    if (u->file != NULL) {
        port_close_quiet(m->env->port, &u->file);
    }
    if (u->stub != NULL) {
        port_close_quiet(m->env->port, &u->stub);
    }
    if (m->intent == NULL) {
        return AL_OK;
    }
    if (u->took_aside) {
        bool aside = false, fetched = false;

        rc = place_is_there(&u->at, u->aside, &aside);
        rc = rc != AL_OK ? rc : place_is_there(&u->at, u->temp, &fetched);
        if (rc != AL_OK || !fetched) { /* exchanged, though a call failed: reconcile ends it */
            return rc != AL_OK ? rc : AL_EBUSY;
        }
    }
    rc = unswap_undo(&u->at, u->temp, got, &back);
    return rc == AL_OK && got[0] != '\0' ? mover_tell_other_name(m, got) : rc;
}

void
unswap_end(struct mover *m)
{
    struct unswap *u = m->unswap;

    if (u != NULL) {
        u->get = target_get_end(u->get);
        if (u->file != NULL) {
            port_close_quiet(m->env->port, &u->file);
        }
        if (u->stub != NULL) {
            port_close_quiet(m->env->port, &u->stub);
        }
        if (u->at.port != NULL) {
            place_end(&u->at);
        }
        u->xxh = al_xxh_free(u->xxh);
        al_buf_free(&u->bytes);
        al_free(u->chunk);
        al_free(u);
        m->unswap = NULL;
    }
}
