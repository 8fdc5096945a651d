/* back.c: brings an archived file back: the object under a name of ours, proven, and only then
 * renamed (doc/adr/0056-archive-with-a-placeholder.md). What it is and where it lies the
 * placeholder says; where that is gone, the inventory names the object and the manifest the rest. */
#include <stdio.h>
#include <string.h>

#include "agent/mover/mover_priv.h"
#include "agent/target/kept.h"
#include "base/mem.h"

#define ARENA_MAX (2u << 20)

struct back {
    struct place at; /* the folder it comes into; name: its own name there */
    struct al_arena *arena;
    struct placeholder from;
    char holder[PLACE_NAME_MAX]; /* the placeholder's name; "": none */
    char temp[PLACE_NAME_MAX];
    struct port_file *file; /* open under temp */
    struct target_get *get;
    struct al_xxh_state *xxh;
    uint8_t *chunk;
    struct kept_missed missed;
};

static int
failed(struct mover *m, int rc, const char *what)
{
    return al_fail_set(&m->result.fail, mover_local_code(rc), port_os_error(m->env->port), "%s",
                       what);
}

static void
has_name(struct mover *m, const char *name)
{
    if (!al_span_equal(rule_name_of(m->item.path), al_span_of(name))) {
        (void)snprintf(m->now_name, sizeof(m->now_name), "%s", name);
    }
}

/* ---- find ---- */

/* The placeholder that was asked for, or that stands for the file that was asked for. AL_ENODATA:
 * neither is there. */
static int
find_holder(struct back *b)
{
    int rc = AL_ENODATA;

    (void)snprintf(b->holder, sizeof(b->holder), "%s", b->at.name);
    rc = place_read_holder(&b->at, b->holder, b->arena, &b->from);
    if (rc == AL_ENODATA && place_holder_name(b->at.name, b->holder) == AL_OK) {
        rc = place_read_holder(&b->at, b->holder, b->arena, &b->from);
        if (rc == AL_OK) {
            return rc;
        }
    } else if (rc == AL_OK) {
        struct al_span name = al_span_of(b->at.name);

        /* Its file goes beside it, under the name that a person gave the placeholder. */
        if (placeholder_named(name)) {
            b->at.name[name.len - PLACEHOLDER_SUFFIX_LEN] = '\0';
        } else if (b->from.file.path.len < PLACE_NAME_MAX) {
            memcpy(b->at.name, b->from.file.path.at, b->from.file.path.len);
            b->at.name[b->from.file.path.len] = '\0';
        } else {
            rc = AL_ENAMETOOLONG;
        }
        return rc;
    }
    b->holder[0] = '\0';
    return rc;
}

/* Folders and placeholders are renamed, and swapped, without a word to anybody: what the inventory knows
 * of the path counts only where no placeholder stands. */
static int
find_record(struct mover *m)
{
    struct back *b = m->back;
    int rc = find_holder(b);

    if (rc != AL_OK && rc != AL_ENODATA) {
        return failed(m, rc, "the placeholder cannot be read");
    }
    if (rc == AL_ENODATA && m->item.object_id[0] != '\0') {
        b->from.attrs_elsewhere = true;
        b->from.share_id = m->item.volume->share_id;
        b->from.file.object_id = m->item.object_id;
        rc = AL_OK;
    }
    if (rc == AL_OK && b->from.attrs_elsewhere) {
        struct al_span name = b->from.file.path;

        rc = manifest_find(m->target, m->env->host_id, b->from.file.object_id, b->arena,
                           &b->from.file, &m->result.fail);
        b->from.file.path = name;
    }
    return rc;
}

static int
check_record(struct mover *m)
{
    const struct back *b = m->back;

    if (strcmp(b->from.share_id, m->item.volume->share_id) != 0) {
        return al_fail_set(&m->result.fail, AL_ECONFLICT, 0,
                           "the placeholder's file lies on another share (%s) than the volume's",
                           b->from.share_id);
    }
    if (strcmp(b->from.file.volume_id, m->item.volume->volume_id) != 0) {
        return al_fail_set(&m->result.fail, AL_ECONFLICT, 0,
                           "the placeholder is of another volume (%s)", b->from.file.volume_id);
    }
    memcpy(m->result.object_id, b->from.file.object_id, sizeof(m->result.object_id));
    m->facts.st.mtime_ns = b->from.file.mtime_ns;
    m->facts.st.size = m->result.size = b->from.file.size;
    return AL_OK;
}

/* Whether the file is there already, byte for byte: an act that was cut, or came twice. */
static int
is_back(struct mover *m, bool *ret)
{
    AL_CLEANUP(port_holder_end) struct port_holder f = {.port = m->env->port};
    struct back *b = m->back;
    struct port_stat st;
    uint64_t at = 0;
    size_t got = 1;
    int rc = port_stat_at(f.port, b->at.dir, b->at.name, &st);

    *ret = false;
    if (rc == AL_ENOENT || (rc == AL_OK && (st.type != PORT_T_FILE || st.size != m->result.size ||
                                            st.mtime_ns != m->facts.st.mtime_ns))) {
        return AL_OK;
    }
    rc = rc != AL_OK ? rc : port_open(f.port, b->at.dir, b->at.name, PORT_READ, 0, &f.file);
    al_xxh_reset(b->xxh);
    while (rc == AL_OK && got > 0) {
        rc = port_pread(f.port, f.file, b->chunk, m->chunk_bytes, at, &got);
        al_xxh_add(b->xxh, b->chunk, rc == AL_OK ? got : 0);
        at += got;
    }
    *ret = rc == AL_OK && at == m->result.size &&
           al_xxh_equal(al_xxh_result(b->xxh), b->from.file.xxh);
    al_xxh_reset(b->xxh);
    return rc;
}

static int
remove_holder(struct mover *m)
{
    struct back *b = m->back;
    bool kept = false;
    int rc = AL_OK;

    if (b->holder[0] != '\0') {
        rc = place_remove_holder(&b->at, b->holder, m->result.object_id, &kept);
    }
    rc = rc != AL_OK ? rc : place_sync(&b->at);
    if (rc == AL_OK && kept) {
        size_t len = strlen(m->note);

        (void)snprintf(m->note + len, sizeof(m->note) - len,
                       "%sthe placeholder was edited and stays", len > 0 ? "; " : "");
    }
    return rc;
}

static int
begin_intent(struct mover *m)
{
    struct journal_intent in = {.kind = JOURNAL_BACK};
    int rc = place_fs_tag(m->env->port, m->item.volume->root, &in.handle);

    if (rc != AL_OK) {
        return failed(m, rc, "the volume's root cannot be looked at");
    }
    in.object_name = m->back->temp;
    return mover_begin_intent(m, &in);
}

static int
open_both(struct mover *m)
{
    struct back *b = m->back;
    uint64_t size = 0;
    int rc = target_get_begin(m->target, b->from.file.object_name, &b->get, &size, &m->result.fail);

    if (rc != AL_OK) {
        return rc;
    }
    if (size != m->result.size) {
        return al_fail_set(&m->result.fail, AL_ECORRUPT, 0,
                           "the object has another length than the file had");
    }
    rc = port_open(m->env->port, b->at.dir, b->temp,
                   PORT_READ | PORT_WRITE | PORT_CREATE | PORT_EXCL, 0600, &b->file);
    rc = rc != AL_OK ? rc : kept_rights(m->env->port, b->file, &b->from.file, &b->missed);
    return rc == AL_OK ? AL_OK : failed(m, rc, "no file can be made in the folder");
}

static int
fresh_temp(struct mover *m)
{
    uint8_t random[10];
    al_id id;
    int rc = port_random(m->env->port, random, sizeof(random));

    if (rc == AL_OK) {
        al_id_make(port_now_ns(m->env->port), random, id);
        place_own_name(PLACE_BACK, id, m->back->temp);
    }
    return rc == AL_OK ? AL_OK : failed(m, rc, "no random numbers");
}

static int
back_new(struct mover *m)
{
    struct back *b;

    if (!mover_claim(m)) {
        return al_fail_set(&m->result.fail, AL_EBUSY, 0, "it is being moved already");
    }
    m->back = b = al_zalloc(sizeof(*b));
    if (b != NULL) {
        b->arena = al_arena_new(ARENA_MAX);
        b->xxh = al_xxh_new();
        b->chunk = al_alloc(m->chunk_bytes);
    }
    return b != NULL && b->arena != NULL && b->xxh != NULL && b->chunk != NULL
               ? AL_OK
               : al_fail_set(&m->result.fail, AL_ENOMEM, 0, "out of memory");
}

/* Nothing tells of an archived file: either it was never archived, or it came back long ago. */
static int
nothing_found(struct mover *m)
{
    const struct place *at = &m->back->at;
    struct port_stat st;
    int rc = port_stat_at(at->port, at->dir, at->name, &st);

    m->reason =
        rc == AL_ENOENT || (rc == AL_OK && st.type == PORT_T_FOLDER) ? OUTCOME_NOTHING_BACK : NULL;
    if (rc == AL_ENOENT) {
        return al_fail_set(&m->result.fail, rc, 0,
                           "there is no such file and no placeholder of it here");
    }
    if (rc != AL_OK) {
        return failed(m, rc, "the file's folder cannot be looked at");
    }
    if (st.type == PORT_T_FOLDER) {
        return al_fail_set(&m->result.fail, AL_EISDIR, 0,
                           "nothing to bring back: it is a folder, and no scan has seen archived "
                           "files in it");
    }
    m->reason = "already_resident";
    m->result.tiered = true;
    m->step = MOVER_S_REPORT;
    return AL_OK;
}

static int
step_find(struct mover *m)
{
    const struct mover_volume *v = m->item.volume;
    bool known = m->item.object_id[0] != '\0', is = false;
    int rc = back_new(m);

    rc = rc != AL_OK ? rc
                     : place_open(&m->back->at, m->env->port, v->root, m->item.path, v->key, known,
                                  &m->result.fail);
    if (rc != AL_OK) {
        return mover_local_code(rc);
    }
    rc = find_record(m);
    if (rc == AL_ENODATA && !known) {
        return nothing_found(m);
    }
    rc = rc != AL_OK ? rc : check_record(m);
    if (rc != AL_OK) {
        return rc;
    }
    rc = is_back(m, &is);
    if (rc != AL_OK) {
        return failed(m, rc, "the file that is there cannot be read");
    }
    if (is) {
        rc = remove_holder(m);
        if (rc != AL_OK) {
            return failed(m, rc, "the placeholder cannot be removed");
        }
        m->reason = "already_resident";
        has_name(m, m->back->at.name);
        m->result.tiered = true;
        m->step = MOVER_S_REPORT;
        return AL_OK;
    }
    rc = fresh_temp(m);
    rc = rc != AL_OK ? rc : begin_intent(m);
    rc = rc != AL_OK ? rc : open_both(m);
    if (rc == AL_OK) {
        m->step = MOVER_S_FETCH;
    }
    return rc;
}

/* ---- fetch ---- */

static bool
all_zero(const uint8_t *at, size_t len)
{
    return len > 0 && at[0] == 0 && memcmp(at, at + 1, len - 1) == 0;
}

/* Times must be right; owner, mode and the rest as far as the mount has them. */
static int
set_attributes(struct mover *m)
{
    struct back *b = m->back;
    int rc = kept_rest(m->env->port, b->file, &b->from.file, &b->missed);

    if (!kept_all(&b->missed)) {
        (void)snprintf(m->note, sizeof(m->note),
                       "owner, mode or extended attributes could not all be set here");
    }
    return rc;
}

static int
fetched(struct mover *m)
{
    struct back *b = m->back;
    struct port *p = m->env->port;
    int rc, closed;

    b->get = target_get_end(b->get);
    if (m->offset != m->result.size || !al_xxh_equal(al_xxh_result(b->xxh), b->from.file.xxh)) {
        return al_fail_set(&m->result.fail, AL_ECORRUPT, 0,
                           "what lies on the share is not what was archived");
    }
    rc = port_truncate(p, b->file, m->result.size); /* a hole may end it */
    rc = rc != AL_OK ? rc : set_attributes(m);
    rc = rc != AL_OK ? rc : port_sync(p, b->file);
    closed = port_close(p, b->file);
    b->file = NULL;
    rc = rc != AL_OK ? rc : closed;
    rc = rc != AL_OK ? rc : place_sync(&b->at);
    if (rc != AL_OK) {
        return failed(m, rc, "the file cannot be made whole here");
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
step_fetch(struct mover *m)
{
    struct back *b = m->back;
    size_t got = 0;
    int rc = target_get_read(b->get, b->chunk, m->chunk_bytes, &got, &m->result.fail);

    if (rc != AL_OK) {
        return rc;
    }
    if (got == 0) {
        return fetched(m);
    }
    al_xxh_add(b->xxh, b->chunk, got);
    if (!all_zero(b->chunk, got)) {
        rc = port_pwrite(m->env->port, b->file, b->chunk, got, m->offset);
    }
    m->offset += got;
    return rc == AL_OK ? AL_OK : failed(m, rc, "the file cannot be written");
}

/* ---- land ---- */

/* What has the name goes beside, and what came back takes its place. It is back already, under another
 * name, and that is how it stays where this does not go well or is cut: then either name is free, or
 * what was there still has it. */
static int
take_its_name(struct mover *m, char got[PLACE_NAME_MAX])
{
    struct place *at = &m->back->at;
    char kept[PLACE_NAME_MAX];
    struct port_stat st;
    int rc = port_stat_at(at->port, at->dir, at->name, &st);

    if (rc != AL_OK || st.type != PORT_T_FILE) {
        return rc == AL_ENOENT ? place_rename(at, got, at->name) : rc != AL_OK ? rc : AL_EEXIST;
    }
    rc = AL_EEXIST;
    for (unsigned n = 1; rc == AL_EEXIST && n <= PLACE_OTHERS_MAX; n++) {
        place_other_name(at->name, PLACE_KEPT, n, kept);
        rc = place_rename(at, at->name, kept);
    }
    if (rc != AL_OK) {
        return rc;
    }
    (void)snprintf(m->result.kept, sizeof(m->result.kept), "%s", kept);
    rc = place_sync(at); /* a power cut must not keep the next name alone */
    return rc == AL_OK ? place_rename(at, got, at->name) : rc;
}

static int
step_land(struct mover *m)
{
    struct back *b = m->back;
    char got[PLACE_NAME_MAX];
    int rc = place_rename_free(&b->at, b->temp, b->at.name, PLACE_RECALLED, got);

    rc = rc != AL_OK ? rc : place_sync(&b->at);
    if (rc != AL_OK) {
        return failed(m, rc, "the file cannot be renamed to its name");
    }
    if (strcmp(got, b->at.name) != 0) {
        (void)snprintf(m->note, sizeof(m->note), "its name was taken; it came back as \"%.200s\"",
                       got);
    }
    b->temp[0] = '\0';
    m->result.tiered = true;
    m->result.freed = m->result.size;
    m->step = MOVER_S_REPORT;
    if (m->item.aside && strcmp(got, b->at.name) != 0 && take_its_name(m, got) == AL_OK) {
        (void)snprintf(got, sizeof(got), "%s", b->at.name);
        (void)snprintf(m->note, sizeof(m->note), "what was there is kept as \"%.200s\"",
                       m->result.kept);
    }
    rc = remove_holder(m);
    if (rc == AL_OK && strcmp(b->holder, b->at.name) == 0 && strcmp(got, b->at.name) != 0 &&
        place_rename(&b->at, got, b->at.name) == AL_OK) {
        m->note[0] = '\0'; /* the placeholder itself had the name */
        (void)snprintf(got, sizeof(got), "%s", b->at.name);
        rc = place_sync(&b->at);
    }
    has_name(m, got);
    if (rc != AL_OK) { /* the file is back; its text can be removed by anybody */
        (void)snprintf(m->note, sizeof(m->note), "the placeholder could not be removed");
    }
    return AL_OK;
}

int
back_step(struct mover *m)
{
    switch (m->step) {
    case MOVER_S_FIND:
        return step_find(m);
    case MOVER_S_FETCH:
        return step_fetch(m);
    default:
        return step_land(m);
    }
}

/* ---- giving up ---- */

int
back_give_up(struct mover *m)
{
    struct back *b = m->back;
    int rc = AL_OK;

    if (b->file != NULL) {
        port_close_quiet(m->env->port, &b->file);
    }
    if (m->intent != NULL && b->temp[0] != '\0') {
        bool there = false;

        /* Complete, and not there: renamed, though the call failed. */
        rc = m->state == JOURNAL_FILLED ? place_is_there(&b->at, b->temp, &there) : AL_OK;
        if (rc == AL_OK && m->state == JOURNAL_FILLED && !there) {
            rc = AL_ENOENT;
        }
        rc = rc != AL_OK ? rc : place_remove(&b->at, b->temp);
    }
    return rc;
}

void
back_end(struct mover *m)
{
    struct back *b = m->back;

    if (b != NULL) {
        b->get = target_get_end(b->get);
        if (b->file != NULL) {
            port_close_quiet(m->env->port, &b->file);
        }
        place_end(&b->at);
        b->xxh = al_xxh_free(b->xxh);
        b->arena = al_arena_free(b->arena);
        al_free(b->chunk);
        al_free(b);
        m->back = NULL;
    }
}
