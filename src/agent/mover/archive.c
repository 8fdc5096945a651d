/* archive.c: what is apart in archiving: how the file is taken without anybody being kept out, and
 * how it gives way to a placeholder (doc/adr/0056-archive-with-a-placeholder.md). What copies it is
 * the same as for a stub. */
#include <stdio.h>
#include <string.h>

#include "agent/mover/mover_priv.h"
#include "base/mem.h"

struct archive {
    struct place at;
    bool took_aside; /* it may have its other name */
    bool said;       /* "marked" may be durable */
    bool gone;       /* the original may be unlinked: nothing is undone any more */
    struct al_xxh_state *xxh;
    uint8_t *chunk;
    uint64_t again; /* bytes read for the second time */
    char aside[PLACE_NAME_MAX], holder[PLACE_NAME_MAX], fresh[PLACE_NAME_MAX];
};

/* ---- take ---- */

/* A file in memory that is mapped directly needs no marker here. */
static enum stub_refusal
refuse_by_stat(const struct port_stat *st, uint64_t dev)
{
    enum stub_refusal common = stub_refusal_by_stat(st, dev, PORT_A_DAX);

    return common == STUB_R_NONE && st->size <= PLACEHOLDER_BYTES_MAX ? STUB_R_NO_GAIN : common;
}

int
mover_local_refusal(struct mover *m, int rc, enum stub_refusal *refusal, const char *what)
{
    *refusal = rc == AL_ENAMETOOLONG ? STUB_R_NAME_TOO_LONG : stub_refusal_by_code(rc);
    return *refusal != STUB_R_NONE ? AL_OK
                                   : al_fail_set(&m->result.fail, mover_local_code(rc),
                                                 port_os_error(m->env->port), "%s", what);
}

int
mover_change_refusal(struct mover *m, int rc, enum stub_refusal *refusal, const char *what)
{
    if (rc == AL_EACCES || rc == AL_EPERM || rc == AL_EROFS) {
        *refusal = STUB_R_READ_ONLY;
        return AL_OK;
    }
    if (rc == AL_ENOSPC) {
        *refusal = STUB_R_NO_ROOM;
        return AL_OK;
    }
    if (rc == AL_EEXIST) {
        *refusal = STUB_R_HOLDER_THERE;
        return AL_OK;
    }
    return mover_local_refusal(m, rc, refusal, what);
}

int
mover_ask_lease(struct mover *m, enum stub_refusal *refusal)
{
    int rc = port_lease_take(m->env->port, m->source);

    if (rc == AL_OK) {
        port_mutex_lock(&m->watch);
        m->leased = m->source;
        port_mutex_unlock(&m->watch);
    } else if (rc == AL_EBUSY) {
        *refusal = STUB_R_OPEN;
    } else if (rc == AL_ECRASH || rc == AL_ENOMEM) {
        return al_fail_set(&m->result.fail, rc, 0, "no lease");
    }
    return AL_OK;
}

static int
open_source(struct mover *m, const char *name, struct port_stat *ret, enum stub_refusal *refusal)
{
    struct archive *a = m->archive;
    int rc = port_open(m->env->port, a->at.dir, name, PORT_READ | PORT_NOATIME | PORT_NONBLOCK, 0,
                       &m->source);

    if (rc == AL_OK) {
        rc = port_stat(m->env->port, m->source, ret);
    }
    return rc == AL_OK ? mover_ask_lease(m, refusal)
                       : mover_local_refusal(m, rc, refusal, "cannot open the file");
}

/* Names that are Alto's own; and placeholders, which a rule may well match. */
static int
refuse_own(struct mover *m, enum stub_refusal *refusal)
{
    struct archive *a = m->archive;
    AL_CLEANUP(al_arena_freep) struct al_arena *arena = NULL;
    struct placeholder holder;
    int rc;

    if (strncmp(a->at.name, PLACE_PREFIX, sizeof(PLACE_PREFIX) - 1) == 0) {
        *refusal = STUB_R_HOLDER;
        return AL_OK;
    }
    if (!placeholder_named(al_span_of(a->at.name))) {
        return AL_OK;
    }
    arena = al_arena_new(1u << 20);
    rc = arena != NULL ? place_read_holder(&a->at, a->at.name, arena, &holder) : AL_ENOMEM;
    if (rc == AL_OK) {
        *refusal = STUB_R_HOLDER;
    }
    return rc == AL_OK || rc == AL_ENODATA
               ? AL_OK
               : mover_local_refusal(m, rc, refusal, "cannot read what may be a placeholder");
}

static int
refuse_taken(struct mover *m, enum stub_refusal *refusal)
{
    struct archive *a = m->archive;
    bool there = false;
    int rc;

    if (place_holder_name(a->at.name, a->holder) != AL_OK) {
        *refusal = STUB_R_NAME_TOO_LONG;
        return AL_OK;
    }
    rc = place_is_there(&a->at, a->holder, &there);
    if (rc != AL_OK) {
        return mover_local_refusal(m, rc, refusal, "cannot see whether there is a placeholder");
    }
    *refusal = there ? STUB_R_HOLDER_THERE : STUB_R_NONE;
    return AL_OK;
}

/* A filespace's own record of who did what, which its administrators alone may touch. */
static bool
is_audit_trail(struct al_span path)
{
    static const char folder[] = ".lucid_audit/";
    size_t len = sizeof(folder) - 1;

    for (size_t k = 0; k + len <= path.len; k++) {
        if ((k == 0 || path.at[k - 1] == '/') && memcmp(path.at + k, folder, len) == 0) {
            return true;
        }
    }
    return false;
}

/* The file is not there: archived already perhaps, which is another thing than gone. */
static int
not_there(struct mover *m, enum stub_refusal *refusal)
{
    AL_CLEANUP(al_arena_freep) struct al_arena *arena = al_arena_new(1u << 20);
    struct placeholder holder;
    int rc = arena != NULL ? AL_OK : AL_ENOMEM;

    *refusal = STUB_R_GONE;
    if (rc == AL_OK && place_holder_name(m->archive->at.name, m->archive->holder) == AL_OK) {
        rc = place_read_holder(&m->archive->at, m->archive->holder, arena, &holder);
        *refusal = rc == AL_OK ? STUB_R_ARCHIVED : STUB_R_GONE;
        rc = rc == AL_ENODATA ? AL_OK : rc;
    }
    return rc == AL_OK ? AL_OK
                       : mover_local_refusal(m, rc, refusal, "cannot look at the file's folder");
}

static int
look_by_name(struct mover *m, enum stub_refusal *refusal)
{
    struct port_stat root, *st = &m->facts.st;
    int rc = port_stat(m->env->port, m->item.volume->root, &root);

    rc = rc != AL_OK ? rc : place_fs_tag(m->env->port, m->item.volume->root, &m->facts.handle);
    if (rc != AL_OK) {
        return al_fail_set(&m->result.fail, mover_local_code(rc), port_os_error(m->env->port),
                           "the volume's root cannot be looked at");
    }
    rc = port_stat_at(m->env->port, m->archive->at.dir, m->archive->at.name, st);
    if (rc == AL_ENOENT) {
        return not_there(m, refusal);
    }
    if (rc != AL_OK) {
        return mover_local_refusal(m, rc, refusal, "cannot stat the file");
    }
    m->result.size = st->size;
    rc = refuse_own(m, refusal);
    if (rc != AL_OK || *refusal != STUB_R_NONE) {
        return rc;
    }
    *refusal = refuse_by_stat(st, root.dev);
    if (*refusal == STUB_R_NONE && !mover_rule_holds(m)) {
        *refusal = STUB_R_NO_MATCH;
    }
    return *refusal != STUB_R_NONE ? AL_OK : refuse_taken(m, refusal);
}

/* The same file as far as it can be told where inode numbers mean nothing. */
static bool
same(const struct port_stat *a, const struct port_stat *b)
{
    return a->type == b->type && a->size == b->size && a->mtime_ns == b->mtime_ns &&
           a->nlink == b->nlink && a->mode == b->mode;
}

int
archive_take(struct mover *m, enum stub_refusal *refusal)
{
    const struct mover_volume *v = m->item.volume;
    struct port_stat st = {0};
    struct archive *a;
    int rc;

    if (is_audit_trail(m->item.path)) {
        *refusal = STUB_R_EXCLUDED;
        return AL_OK;
    }
    if (!mover_claim(m)) {
        *refusal = STUB_R_OPEN;
        return AL_OK;
    }
    a = al_zalloc(sizeof(*a));
    if (a == NULL) {
        return al_fail_set(&m->result.fail, AL_ENOMEM, 0, "out of memory");
    }
    m->archive = a;
    rc = mover_look_for_share(m, v->root, refusal);
    if (rc != AL_OK || *refusal != STUB_R_NONE) {
        return mover_local_code(rc);
    }
    rc = place_open(&a->at, m->env->port, v->root, m->item.path, v->key, false, NULL);
    if (rc != AL_OK) {
        return mover_local_refusal(m, rc, refusal, "the file's folder cannot be opened");
    }
    rc = look_by_name(m, refusal);
    if (rc == AL_OK && *refusal == STUB_R_NONE) {
        rc = open_source(m, a->at.name, &st, refusal);
    }
    if (rc != AL_OK || *refusal != STUB_R_NONE) {
        return rc;
    }
    if (!same(&st, &m->facts.st)) {
        *refusal = STUB_R_CHANGED;
        return AL_OK;
    }
    m->step = MOVER_S_BEGIN;
    return AL_OK;
}

/* ---- aside, and read again ---- */

static int
step_aside(struct mover *m, enum stub_refusal *refusal)
{
    struct archive *a = m->archive;
    struct port_stat st = {0};
    int rc;

    place_own_name(PLACE_ASIDE, m->result.object_id, a->aside);
    place_own_name(PLACE_NEW, m->result.object_id, a->fresh);
    rc = port_stat_at(m->env->port, a->at.dir, a->at.name, &st);
    if (rc != AL_OK || !same(&st, &m->facts.st)) {
        *refusal = rc == AL_OK ? STUB_R_CHANGED : STUB_R_NONE;
        return rc == AL_OK ? AL_OK : mover_local_refusal(m, rc, refusal, "cannot stat the file");
    }
    /* Opened afresh below, so that what is read is what the filesystem has now and not what this
     * descriptor may have kept. */
    mover_let_go(m);
    a->took_aside = true;
    /* Nobody has that name, so a rename that could replace something is enough. */
    rc = port_rename(m->env->port, a->at.dir, a->at.name, a->at.dir, a->aside, true);
    if (rc != AL_OK) {
        return mover_change_refusal(m, rc, refusal, "the file cannot be renamed within its folder");
    }
    rc = open_source(m, a->aside, &st, refusal);
    if (rc != AL_OK || *refusal != STUB_R_NONE) {
        return rc;
    }
    if (!same(&st, &m->facts.st)) {
        *refusal = STUB_R_CHANGED;
        return AL_OK;
    }
    a->xxh = al_xxh_new();
    a->chunk = al_alloc(m->chunk_bytes);
    if (a->xxh == NULL || a->chunk == NULL) {
        return al_fail_set(&m->result.fail, AL_ENOMEM, 0, "out of memory");
    }
    m->step = MOVER_S_AGAIN;
    return AL_OK;
}

static int
step_again(struct mover *m, enum stub_refusal *refusal)
{
    struct archive *a = m->archive;
    size_t got = 0;
    int rc = port_pread(m->env->port, m->source, a->chunk, m->chunk_bytes, a->again, &got);

    if (rc != AL_OK) {
        return al_fail_set(&m->result.fail, mover_local_code(rc), port_os_error(m->env->port),
                           "cannot read the file again");
    }
    al_xxh_add(a->xxh, a->chunk, got);
    a->again += got;
    if (got == m->chunk_bytes && a->again <= m->facts.st.size) {
        return AL_OK; /* one read more tells that it ends */
    }
    if (a->again != m->facts.st.size || !al_xxh_equal(al_xxh_result(a->xxh), m->hash)) {
        *refusal = STUB_R_CHANGED;
        return AL_OK;
    }
    m->step = MOVER_S_PLACE;
    return AL_OK;
}

/* ---- the placeholder ---- */

static int
holder_text(struct mover *m, struct al_buf *to)
{
    const struct mover_volume *v = m->item.volume;
    struct placeholder p = {.share_id = v->share_id, .file = *mover_record(m)};
    struct placeholder_more more = {.path = m->item.path,
                                    .share_name = v->share_name,
                                    .volume_name = v->name,
                                    .rule_id = m->item.rule_id};

    p.file.path = al_span_of(m->archive->at.name);
    p.file.owner = p.file.group = NULL; /* for people, in the manifest */
    return placeholder_print(&p, &more, v->key, to);
}

/* Who may read the file may read what became of it. Where the mount lets us. */
static void
like_the_file(struct mover *m, struct port_file *f)
{
    const struct port_stat *st = &m->facts.st;
    int told = port_set_owner(m->env->port, f, st->uid, st->gid);

    told = told == AL_OK ? port_set_mode(m->env->port, f, st->mode & 0666u) : told;
    (void)told; /* a text that fewer people can read is no reason to stop */
}

static int
write_fresh(struct mover *m, const struct al_buf *text)
{
    struct archive *a = m->archive;
    struct port *p = m->env->port;
    struct port_file *f = NULL;
    int rc = port_open(p, a->at.dir, a->fresh, PORT_WRITE | PORT_CREATE | PORT_EXCL, 0644, &f);
    int closed;

    if (rc != AL_OK) {
        return rc;
    }
    rc = port_pwrite(p, f, text->at, text->len, 0);
    like_the_file(m, f);
    rc = rc != AL_OK ? rc : port_sync(p, f);
    closed = port_close(p, f);
    return rc != AL_OK ? rc : closed;
}

static int
step_place(struct mover *m, enum stub_refusal *refusal)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    struct archive *a = m->archive;
    int rc;

    al_buf_init(&text, MANIFEST_LINE_MAX);
    rc = holder_text(m, &text);
    if (rc == AL_ELIMIT) {
        *refusal = STUB_R_NAME_TOO_LONG;
        return AL_OK;
    }
    if (rc != AL_OK) {
        return al_fail_set(&m->result.fail, rc, 0, "the placeholder cannot be made");
    }
    rc = write_fresh(m, &text);
    rc = rc != AL_OK ? rc : place_rename(&a->at, a->fresh, a->holder);
    rc = rc != AL_OK ? rc : place_sync(&a->at);
    if (rc != AL_OK) {
        return mover_change_refusal(m, rc, refusal, "the placeholder cannot be written");
    }
    /* Durable before the original goes: without it nobody could tell a placeholder that somebody
     * removed from one that never was. */
    a->said = true;
    m->state = JOURNAL_MARKED;
    rc = journal_say(m->env->journal, m->intent, JOURNAL_MARKED);
    if (rc != AL_OK) {
        return al_fail_set(&m->result.fail, mover_local_code(rc), 0,
                           "the agent's journal cannot be written");
    }
    m->step = MOVER_S_LAST;
    return AL_OK;
}

/* ---- the last look ---- */

static int
step_last(struct mover *m, enum stub_refusal *refusal)
{
    struct archive *a = m->archive;
    struct port_stat by_fd, by_name;
    bool lost;
    int rc = port_stat(m->env->port, m->source, &by_fd);

    port_mutex_lock(&m->watch);
    m->sealing = true;
    lost = m->lost;
    port_mutex_unlock(&m->watch);
    rc = rc != AL_OK ? rc : port_stat_at(m->env->port, a->at.dir, a->aside, &by_name);
    if (rc != AL_OK) {
        return al_fail_set(&m->result.fail, mover_local_code(rc), port_os_error(m->env->port),
                           "cannot stat the file");
    }
    if (lost || (m->leased != NULL && mover_wanted(m))) {
        *refusal = STUB_R_OPEN;
        return AL_OK;
    }
    if (!same(&by_fd, &m->facts.st) || !same(&by_name, &m->facts.st)) {
        *refusal = STUB_R_CHANGED;
        return AL_OK;
    }
    a->gone = true;
    rc = port_unlink(m->env->port, a->at.dir, a->aside);
    rc = rc != AL_OK ? rc : place_sync(&a->at);
    if (rc != AL_OK) {
        return al_fail_set(&m->result.fail, mover_local_code(rc), port_os_error(m->env->port),
                           "the original cannot be removed");
    }
    journal_note(m->env->journal, m->intent, JOURNAL_PUNCHED);
    m->state = JOURNAL_PUNCHED;
    m->result.tiered = true;
    m->result.freed = m->facts.st.allocated;
    mover_let_go(m);
    m->step = MOVER_S_REPORT;
    return AL_OK;
}

int
archive_step(struct mover *m, enum stub_refusal *refusal)
{
    switch (m->step) {
    case MOVER_S_ASIDE:
        return step_aside(m, refusal);
    case MOVER_S_AGAIN:
        return step_again(m, refusal);
    case MOVER_S_PLACE:
        return step_place(m, refusal);
    default:
        return step_last(m, refusal);
    }
}

/* ---- the way back ---- */

int
archive_put_back(struct mover *m)
{
    struct archive *a = m->archive;
    char got[PLACE_NAME_MAX] = "";
    struct al_fail fail = {0};
    bool there = false;
    int rc;

    if (!a->took_aside) {
        return AL_OK;
    }
    rc = place_is_there(&a->at, a->aside, &there);
    if (rc == AL_OK && !there && a->gone) {
        rc = AL_ENOENT; /* removed, though the call failed: archived, which reconcile will tell */
    }
    if (rc == AL_OK && there && a->said) {
        m->state = JOURNAL_FILLED;
        rc = journal_say(m->env->journal, m->intent, JOURNAL_FILLED);
    }
    rc = rc != AL_OK ? rc : place_undo(&a->at, m->result.object_id, got, &fail);
    if (rc == AL_OK && got[0] != '\0') {
        rc = mover_tell_other_name(m, got);
    }
    return rc;
}

void
archive_end(struct mover *m)
{
    if (m->archive != NULL) {
        mover_let_go(m);
        place_end(&m->archive->at);
        m->archive->xxh = al_xxh_free(m->archive->xxh);
        al_free(m->archive->chunk);
        al_free(m->archive);
        m->archive = NULL;
    }
}
