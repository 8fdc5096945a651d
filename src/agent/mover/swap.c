/* swap.c: what is apart in tiering by exchange, and in adopting a stub that a restore or a copy
 * brought: how the file is taken, and how its stub gets its place. What copies it to the share is the
 * same as for every other stub (doc/adr/0058-stubs-by-exchange.md). */
#include "agent/mover/swap.h"

#include <stdio.h>
#include <string.h>

#include "agent/mover/dress.h"
#include "agent/mover/mover_priv.h"
#include "agent/stub/pieces.h"
#include "base/mem.h"

struct swap {
    struct place at;
    bool adopt;
    bool writable;   /* the source is open for writing too, so that views of it can be asked for */
    bool took_aside; /* it may have its other name */
    bool said;       /* "marked" may be durable */
    bool undone;     /* the stub waits under its own name for what is told */
    char aside[PLACE_NAME_MAX], fresh[PLACE_NAME_MAX];
    al_id id;
    struct stub_pieces *pieces;
    struct al_buf sums;  /* of pieces */
    struct al_buf bytes; /* of the tag that is adopted */
    struct stub_tag tag;
    struct port_file *stub; /* as made; held alone until it has its name */
};

static struct swap *
swap_new(struct mover *m)
{
    struct swap *s = al_zalloc(sizeof(*s));

    if (s != NULL) {
        s->adopt = m->item.act == MOVER_ADOPT;
        al_buf_init(&s->sums, 1u << 20);
        m->swap = s;
    }
    return s;
}

/* ---- take ---- */

static bool
is_far(int64_t ns)
{
    return ns == PORT_TIME_FAR || ns == -PORT_TIME_FAR;
}

/* A stub may take a cluster for its tag: what is no larger saves nothing. Of a file that NTFS keeps
 * compressed nobody could say how large it will be when it is back: it would come back as its folder
 * has it. */
static enum stub_refusal
refuse_by_stat(const struct port_stat *st, uint64_t dev)
{
    enum stub_refusal common = stub_refusal_by_stat(st, dev, PORT_A_DAX);

    if (common != STUB_R_NONE) {
        return common;
    }
    if ((st->attrs & (PORT_A_OFFLINE | PORT_A_RECALL)) != 0) {
        return STUB_R_OFFLINE;
    }
    if (st->size <= SWAP_SIZE_MIN) {
        return STUB_R_NO_GAIN;
    }
    if ((st->attrs & PORT_A_COMPRESSED) != 0) {
        return STUB_R_COMPRESSED;
    }
    /* Less on disk than its size says has also what Windows compresses or deduplicates unseen. */
    if ((st->attrs & PORT_A_SPARSE) != 0 || st->allocated < st->size - st->size % SWAP_SIZE_MIN) {
        return STUB_R_SPARSE;
    }
    if (is_far(st->btime_ns)) {
        return STUB_R_TIME;
    }
    return st->size > MARKER_SIZE_MAX ? STUB_R_UNSUPPORTED : STUB_R_NONE;
}

/* What the driver says of it comes before what its attributes say: a stub has all of them. */
static int
refuse_stubs(struct mover *m, enum stub_refusal *refusal)
{
    struct swap *s = m->swap;
    struct stub_seen seen;
    int rc = swap_look(m->item.volume, &s->at, s->at.name, &s->bytes, &seen, &m->result.fail);

    if (rc == AL_EIO && (m->facts.st.attrs & PORT_A_REPARSE) != 0) {
        *refusal = STUB_R_REPARSE;
        return AL_OK;
    }
    if (rc != AL_OK) {
        return mover_local_refusal(m, rc, refusal, "cannot look at the file");
    }
    switch (seen.is) {
    case STUB_IS_OURS:
    case STUB_IS_COPY:
    case STUB_IS_CHANGED:
        *refusal = STUB_R_ALREADY;
        break;
    case STUB_IS_FOREIGN:
        *refusal = STUB_R_REPARSE;
        break;
    case STUB_IS_NONE:
        *refusal = (seen.st.attrs & PORT_A_REPARSE) != 0 ? STUB_R_REPARSE : STUB_R_NONE;
        break;
    }
    return AL_OK;
}

static int
look_by_name(struct mover *m, enum stub_refusal *refusal)
{
    struct swap *s = m->swap;
    struct port_stat root;
    int rc = port_stat(m->env->port, m->item.volume->root, &root);

    rc = rc != AL_OK ? rc : place_fs_tag(m->env->port, m->item.volume->root, &m->facts.handle);
    if (rc != AL_OK) {
        return al_fail_set(&m->result.fail, mover_local_code(rc), port_os_error(m->env->port),
                           "the volume's root cannot be looked at");
    }
    rc = port_stat_at(m->env->port, s->at.dir, s->at.name, &m->facts.st);
    if (rc != AL_OK) {
        return mover_local_refusal(m, rc, refusal, "cannot stat the file");
    }
    m->result.size = m->facts.st.size;
    if (strncmp(s->at.name, PLACE_PREFIX, sizeof(PLACE_PREFIX) - 1) == 0) {
        *refusal = STUB_R_HOLDER;
        return AL_OK;
    }
    if (s->adopt) {
        return AL_OK;
    }
    rc = refuse_stubs(m, refusal);
    if (rc == AL_OK && *refusal == STUB_R_NONE) {
        *refusal = refuse_by_stat(&m->facts.st, root.dev);
    }
    if (rc == AL_OK && *refusal == STUB_R_NONE && !mover_rule_holds(m)) {
        *refusal = STUB_R_NO_MATCH;
    }
    return rc;
}

/* The same file as it was taken. Attributes may gain an archive bit by nobody's doing. */
static bool
same(const struct port_stat *a, const struct port_stat *b)
{
    return a->ino == b->ino && a->dev == b->dev && a->type == b->type && a->size == b->size &&
           a->mtime_ns == b->mtime_ns && a->nlink == b->nlink && a->mode == b->mode;
}

/* A view outlives the handle that it was made from. Where it can be neither seen nor asked for, any
 * file may have one. Of a file that is read-only it may be that it cannot be asked; but nobody makes a
 * view of it that writes unless it became read-only later, and while there is one the original is not
 * removed. */
static int
refuse_mapped(struct mover *m, enum stub_refusal *refusal)
{
    enum port_views views = m->item.volume->views;
    bool mapped = false;
    int rc;

    if (m->leased != NULL || views == PORT_VIEWS_BY_SHARING) {
        return AL_OK;
    }
    if (views != PORT_VIEWS_BY_ASKING) {
        *refusal = STUB_R_OPEN;
        return AL_OK;
    }
    rc = port_is_mapped(m->env->port, m->source, &mapped);
    if (rc != AL_OK && rc != AL_ENOTSUP && m->swap->writable) {
        return mover_local_refusal(m, rc, refusal, "whether the file is mapped cannot be seen");
    }
    mapped = rc == AL_OK ? mapped : m->swap->writable;
    *refusal = mapped ? STUB_R_OPEN : STUB_R_NONE;
    return AL_OK;
}

static int
refuse_holes(struct mover *m, enum stub_refusal *refusal)
{
    uint64_t hole = 0;
    int rc = port_next_hole(m->env->port, m->source, 0, &hole);

    if (rc == AL_OK && hole < m->facts.st.size) {
        *refusal = STUB_R_SPARSE;
    }
    return rc == AL_OK || rc == AL_ENOTSUP
               ? AL_OK
               : mover_local_refusal(m, rc, refusal, "cannot look for holes");
}

/* Alone, before the first byte is read, and until the file has gone. */
static int
open_source(struct mover *m, enum stub_refusal *refusal)
{
    struct swap *s = m->swap;
    uint32_t flags = SWAP_ALONE | PORT_NOATIME;
    struct port_stat st;
    int rc;

    flags = s->adopt ? flags : flags & ~(uint32_t)PORT_REPARSE;
    rc = port_open(m->env->port, s->at.dir, s->at.name, flags | PORT_WRITE, 0, &m->source);
    s->writable = rc == AL_OK;
    if (rc == AL_EACCES && (m->facts.st.attrs & PORT_A_READONLY) != 0) {
        rc = port_open(m->env->port, s->at.dir, s->at.name, flags, 0, &m->source);
    }
    rc = rc != AL_OK ? rc : port_stat(m->env->port, m->source, &st);
    if (rc != AL_OK) {
        return mover_local_refusal(m, rc, refusal, "cannot open the file");
    }
    if (!same(&st, &m->facts.st) || (!s->adopt && (st.attrs & PORT_A_REPARSE) != 0)) {
        *refusal = STUB_R_CHANGED;
        return AL_OK;
    }
    m->facts.st = st;
    rc = mover_ask_lease(m, refusal);
    if (rc != AL_OK || *refusal != STUB_R_NONE || s->adopt) {
        return rc;
    }
    rc = refuse_mapped(m, refusal);
    return rc != AL_OK || *refusal != STUB_R_NONE ? rc : refuse_holes(m, refusal);
}

/* The stub that is to be adopted. */
static int
take_copy(struct mover *m)
{
    struct swap *s = m->swap;
    struct stub_seen seen;
    int rc = swap_look(m->item.volume, &s->at, s->at.name, &s->bytes, &seen, &m->result.fail);

    if (rc != AL_OK) {
        return al_fail_set(&m->result.fail, mover_local_code(rc), 0, "the stub cannot be seen");
    }
    if (seen.is != STUB_IS_COPY || seen.tag.size != seen.st.size ||
        seen.tag.share_tag != marker_share_tag(m->item.volume->share_id)) {
        return al_fail_set(&m->result.fail, AL_ECONFLICT, 0,
                           "it is no stub that was made for another file of this volume (%s)",
                           stub_is_name(seen.is));
    }
    s->tag = seen.tag;
    m->facts.st = seen.st;
    memcpy(m->result.object_id, seen.object_id, sizeof(m->result.object_id));
    return AL_OK;
}

int
swap_take(struct mover *m, enum stub_refusal *refusal)
{
    const struct mover_volume *v = m->item.volume;
    struct swap *s;
    int rc;

    if (!mover_claim(m)) {
        *refusal = STUB_R_OPEN;
        return AL_OK;
    }
    s = swap_new(m);
    if (s == NULL) {
        return al_fail_set(&m->result.fail, AL_ENOMEM, 0, "out of memory");
    }
    if (v->maker->ops->ready(v->maker, &m->result.fail) != AL_OK) {
        *refusal = STUB_R_NO_GATE;
        return AL_OK;
    }
    rc = mover_look_for_share(m, v->root, refusal);
    if (rc != AL_OK || *refusal != STUB_R_NONE) {
        return mover_local_code(rc);
    }
    rc = place_open(&s->at, m->env->port, v->root, m->item.path, v->key, false, NULL);
    if (rc != AL_OK) {
        return mover_local_refusal(m, rc, refusal, "the file's folder cannot be opened");
    }
    rc = look_by_name(m, refusal);
    if (rc == AL_OK && *refusal == STUB_R_NONE && s->adopt) {
        rc = take_copy(m);
    }
    if (rc == AL_OK && *refusal == STUB_R_NONE) {
        rc = open_source(m, refusal);
    }
    if (rc == AL_OK && *refusal == STUB_R_NONE) {
        m->step = MOVER_S_BEGIN;
    }
    return rc;
}

/* ---- begin, and the pieces as they pass ---- */

static void
names(struct swap *s)
{
    place_own_name(PLACE_ASIDE, s->id, s->aside);
    place_own_name(PLACE_NEW, s->id, s->fresh);
}

static int
begin_adopt(struct mover *m)
{
    struct swap *s = m->swap;
    struct journal_intent in = {.kind = JOURNAL_ADOPT, .handle = m->facts.handle};
    int rc = mover_fresh_id(m, s->id);

    if (rc != AL_OK) {
        return rc;
    }
    names(s);
    in.object_name = s->fresh;
    in.ino = m->facts.st.ino;
    in.atime_ns = m->facts.st.atime_ns;
    rc = mover_begin_intent(m, &in);
    if (rc == AL_OK) {
        m->step = MOVER_S_MAKE;
    }
    return rc;
}

int
swap_begin(struct mover *m, struct journal_intent *in)
{
    struct swap *s = m->swap;
    struct stub_maker *maker = m->item.volume->maker;
    int rc;

    if (s->adopt) {
        return begin_adopt(m);
    }
    memcpy(s->id, m->result.object_id, sizeof(s->id));
    names(s);
    s->tag.piece_shift = maker->ops->piece_shift(maker, m->facts.st.size);
    rc = s->tag.piece_shift > 0 ? stub_pieces_new(s->tag.piece_shift, &s->pieces) : AL_OK;
    if (rc != AL_OK) {
        return al_fail_set(&m->result.fail, rc, 0, "out of memory");
    }
    in->kind = JOURNAL_SWAP;
    in->object_name = m->object_name;
    in->handle = m->facts.handle;
    in->ino = m->facts.st.ino;
    in->atime_ns = m->facts.st.atime_ns;
    rc = mover_begin_intent(m, in);
    if (rc == AL_OK) {
        m->step = MOVER_S_OPEN;
    }
    return rc;
}

int
swap_passed(struct mover *m, const uint8_t *bytes, size_t len)
{
    struct swap *s = m->swap;
    int rc = s->pieces != NULL ? stub_pieces_add(s->pieces, bytes, len, &s->sums) : AL_OK;

    if (rc == AL_OK && s->pieces != NULL && m->offset + len == m->facts.st.size) {
        rc = stub_pieces_end(s->pieces, &s->sums);
    }
    return rc == AL_OK ? AL_OK : al_fail_set(&m->result.fail, rc, 0, "out of memory");
}

/* ---- the stub ---- */

static int
dressing(struct mover *m, int rc, enum stub_refusal *refusal)
{
    if (rc == AL_EPERM || rc == AL_EACCES || rc == AL_ENOTSUP || rc == AL_EINVAL ||
        rc == AL_ENOENT) {
        *refusal = STUB_R_RIGHTS;
        return AL_OK;
    }
    if (rc == AL_ELIMIT) {
        *refusal = STUB_R_ATTRS_TOO_LARGE;
        return AL_OK;
    }
    return rc == AL_OK ? AL_OK : mover_change_refusal(m, rc, refusal, "the stub cannot be made");
}

/* An empty file of our own, with all that the original has but its bytes. */
static int
make_empty(struct mover *m, enum stub_refusal *refusal)
{
    struct swap *s = m->swap;
    struct port *p = m->env->port;
    struct port_file *f = NULL;
    struct port_stat st;
    int rc = port_open(p, s->at.dir, s->fresh,
                       PORT_READ | PORT_WRITE | PORT_CREATE | PORT_EXCL | PORT_ALONE | PORT_DELETE,
                       0600, &f);
    int closed;

    rc = rc != AL_OK ? rc : port_stat(p, f, &st);
    if (rc != AL_OK) {
        if (f != NULL) {
            port_close_quiet(p, &f);
        }
        return mover_change_refusal(m, rc, refusal, "no file can be made in the folder");
    }
    s->tag.file_id = st.ino;
    rc = dress_like(p, m->source, f, &m->result.fail);
    rc = rc != AL_OK ? rc : port_sync(p, f);
    closed = port_close(p, f);
    return dressing(m, rc != AL_OK ? rc : closed, refusal);
}

static int
fill_tag(struct mover *m)
{
    struct swap *s = m->swap;

    if (s->adopt) {
        return AL_OK;
    }
    s->tag.size = m->facts.st.size;
    s->tag.mtime_ns = m->facts.st.mtime_ns;
    s->tag.content = m->hash;
    s->tag.share_tag = marker_share_tag(m->item.volume->share_id);
    s->tag.pieces = al_buf_span(&s->sums);
    memcpy(s->tag.ext, m->ext, sizeof(s->tag.ext));
    return marker_object_from_id(m->result.object_id, s->tag.object);
}

static uint32_t
attrs_of(const struct mover *m)
{
    return (m->facts.st.attrs & DRESS_ATTRS) | PORT_A_OFFLINE;
}

static int
make_stub(struct mover *m, enum stub_refusal *refusal)
{
    AL_CLEANUP(al_buf_free) struct al_buf path = {0};
    const struct mover_volume *v = m->item.volume;
    struct swap *s = m->swap;
    int rc = fill_tag(m);

    al_buf_init(&path, SWAP_PATH_MAX);
    rc = rc != AL_OK ? rc : swap_path(v, &s->at, s->fresh, &path);
    if (rc != AL_OK) {
        return al_fail_set(&m->result.fail, mover_local_code(rc), 0, "the stub cannot be named");
    }
    /* Read-only it is made last of all: nobody could write to it before. */
    rc = v->maker->ops->make(v->maker, (const char *)path.at, &s->tag, v->key,
                             attrs_of(m) & ~(uint32_t)PORT_A_READONLY, &m->result.fail);
    if (rc == AL_EUNREACH) {
        *refusal = STUB_R_NO_GATE;
        return AL_OK;
    }
    if (rc == AL_ESTALE ||
        rc == AL_ENOTSUP) { /* this driver's stubs cannot be tied to their file */
        *refusal = STUB_R_UNSUPPORTED;
        return AL_OK;
    }
    return rc == AL_OK ? AL_OK : mover_change_refusal(m, rc, refusal, "the stub cannot be made");
}

/* The driver may have changed what the empty file was given: then it is given once more, to the stub
 * itself, and must be there in the end. */
static int
finish_stub(struct mover *m, enum stub_refusal *refusal)
{
    struct swap *s = m->swap;
    struct port *p = m->env->port;
    struct port_stat st;
    int rc = port_open(p, s->at.dir, s->fresh, SWAP_ALONE | PORT_WRITE, 0, &s->stub);

    rc = rc != AL_OK ? rc : port_stat(p, s->stub, &st);
    if (rc != AL_OK) {
        return mover_local_refusal(m, rc, refusal, "the new stub cannot be opened");
    }
    if (st.ino != s->tag.file_id || st.size != m->facts.st.size) {
        return al_fail_set(&m->result.fail, AL_EIO, 0, "the new stub is not what was made");
    }
    for (int again = 0; again < 2; again++) {
        struct al_fail why = {0};

        rc = again > 0 ? dress_like(p, m->source, s->stub, &why) : AL_OK;
        rc = rc != AL_OK ? rc : dress_last(p, s->stub, &m->facts.st, attrs_of(m), &why);
        rc = rc != AL_OK ? rc : dress_check(p, m->source, s->stub, &m->facts.st, attrs_of(m), &why);
        if (rc != AL_EPERM || again > 0) {
            (void)(rc != AL_OK ? al_fail_set(&m->result.fail, rc, why.os, "%s", why.text) : 0);
            break;
        }
    }
    rc = rc != AL_OK ? rc : port_sync(p, s->stub);
    rc = rc != AL_OK ? rc : place_sync(&s->at);
    return dressing(m, rc, refusal);
}

/* A stub that is adopted must be known before it is one. */
static int
tell_adopted(struct mover *m)
{
    int rc;

    if (!m->swap->adopt) {
        return AL_OK;
    }
    m->result.tiered = true;
    m->new_ino = m->swap->tag.file_id;
    rc = mover_tell_act(m);
    m->result.tiered = false;
    m->told = rc == AL_OK;
    return rc == AL_OK
               ? AL_OK
               : al_fail_set(&m->result.fail, mover_local_code(rc), 0, "it cannot be written down");
}

static int
step_make(struct mover *m, enum stub_refusal *refusal)
{
    struct swap *s = m->swap;
    int rc = make_empty(m, refusal);

    if (rc == AL_OK && *refusal == STUB_R_NONE) {
        rc = make_stub(m, refusal);
    }
    if (rc == AL_OK && *refusal == STUB_R_NONE) {
        rc = finish_stub(m, refusal);
    }
    if (rc != AL_OK || *refusal != STUB_R_NONE) {
        return rc;
    }
    rc = tell_adopted(m);
    if (rc != AL_OK) {
        return rc;
    }
    /* Durable before the names change: without it nobody could tell a stub that somebody moved from
     * one that never was. */
    s->said = true;
    m->state = JOURNAL_MARKED;
    rc = journal_say(m->env->journal, m->intent, JOURNAL_MARKED);
    if (rc != AL_OK) {
        return al_fail_set(&m->result.fail, mover_local_code(rc), 0,
                           "the agent's journal cannot be written");
    }
    m->step = MOVER_S_ASIDE;
    return AL_OK;
}

/* ---- the exchange ---- */

static int
still_same(struct mover *m, enum stub_refusal *refusal)
{
    struct port_stat now;
    bool lost;
    int rc = port_stat(m->env->port, m->source, &now);

    port_mutex_lock(&m->watch);
    m->sealing = true;
    lost = m->lost;
    port_mutex_unlock(&m->watch);
    if (rc != AL_OK) {
        return al_fail_set(&m->result.fail, mover_local_code(rc), port_os_error(m->env->port),
                           "cannot stat the file");
    }
    *refusal = lost || (m->leased != NULL && mover_wanted(m)) ? STUB_R_OPEN
               : !same(&now, &m->facts.st)                    ? STUB_R_CHANGED
                                                              : STUB_R_NONE;
    return AL_OK;
}

static int
step_exchange(struct mover *m, enum stub_refusal *refusal)
{
    struct swap *s = m->swap;
    int64_t began;
    bool is = false;
    int rc = still_same(m, refusal);

    if (rc != AL_OK || *refusal != STUB_R_NONE) {
        return rc;
    }
    rc = swap_is_at(&s->at, m->source, s->at.name, &is);
    if (rc != AL_OK || !is) {
        *refusal = rc == AL_OK ? STUB_R_CHANGED : STUB_R_NONE;
        return rc == AL_OK ? AL_OK : mover_local_refusal(m, rc, refusal, "cannot stat the file");
    }
    began = port_mono_ns(m->env->port);
    s->took_aside = true;
    rc = swap_rename(&s->at, m->source, s->at.name, s->aside);
    rc = rc != AL_OK ? rc : swap_rename(&s->at, s->stub, s->fresh, s->at.name);
    m->result.gap_ns = port_mono_ns(m->env->port) - began;
    if (rc == AL_EEXIST || rc == AL_ECHANGED) { /* somebody was in between */
        *refusal = STUB_R_CHANGED;
        return AL_OK;
    }
    if (rc != AL_OK) {
        return mover_change_refusal(m, rc, refusal, "the file's names cannot be changed");
    }
    port_close_quiet(m->env->port, &s->stub); /* synced before; readers may come now */
    rc = place_sync(&s->at);
    if (rc != AL_OK) {
        return al_fail_set(&m->result.fail, mover_local_code(rc), port_os_error(m->env->port),
                           "the folder cannot be written");
    }
    m->step = MOVER_S_LAST;
    return AL_OK;
}

static int
step_last(struct mover *m, enum stub_refusal *refusal)
{
    struct swap *s = m->swap;
    struct port_file *source = m->source;
    int rc = still_same(m, refusal);

    if (rc != AL_OK || *refusal != STUB_R_NONE) {
        return rc;
    }
    port_mutex_lock(&m->watch);
    m->leased = NULL;
    port_mutex_unlock(&m->watch);
    m->source = NULL;
    rc = swap_remove_open(&s->at, &source, s->aside);
    rc = rc != AL_OK ? rc : place_sync(&s->at);
    if (rc == AL_EBUSY) { /* somebody has a view of it */
        *refusal = STUB_R_OPEN;
        return AL_OK;
    }
    if (rc != AL_OK) {
        return al_fail_set(&m->result.fail, mover_local_code(rc), port_os_error(m->env->port),
                           "the original cannot be removed");
    }
    journal_note(m->env->journal, m->intent, JOURNAL_PUNCHED);
    m->state = JOURNAL_PUNCHED;
    m->result.tiered = true;
    m->result.freed = s->adopt ? 0 : m->facts.st.allocated;
    m->new_ino = s->tag.file_id;
    m->step = MOVER_S_REPORT;
    return AL_OK;
}

int
swap_step(struct mover *m, enum stub_refusal *refusal)
{
    switch (m->step) {
    case MOVER_S_MAKE:
        return step_make(m, refusal);
    case MOVER_S_ASIDE:
        return step_exchange(m, refusal);
    default:
        return step_last(m, refusal);
    }
}

/* ---- the way back ---- */

int
swap_put_back(struct mover *m)
{
    struct swap *s = m->swap;
    char got[PLACE_NAME_MAX] = "";
    bool stub = false, there = false;
    int rc;

    if (s->stub != NULL) {
        port_close_quiet(m->env->port, &s->stub);
    }
    if (m->intent == NULL) {
        return AL_OK;
    }
    rc = place_is_there(&s->at, s->aside, &there);
    if (rc == AL_OK && !there && s->took_aside) {
        bool made = false;

        /* Removed, though the call failed: tiered, which reconcile will tell. Or never renamed. */
        rc = place_is_there(&s->at, s->fresh, &made);
        rc = rc == AL_OK && !made ? AL_ENOENT : rc;
    }
    if (rc == AL_OK && s->said) { /* before anything of it is undone */
        m->state = JOURNAL_FILLED;
        rc = journal_say(m->env->journal, m->intent, JOURNAL_FILLED);
    }
    rc = rc != AL_OK
             ? rc
             : swap_undo(m->item.volume, &s->at, s->id, m->result.object_id, got, &stub, NULL);
    if (rc == AL_OK && got[0] != '\0') {
        rc = mover_tell_other_name(m, got);
    }
    if (rc == AL_OK && there && !stub && !s->adopt) { /* it is somewhere: the object stays */
        m->keep_object = true;
        rc = mover_tell_stub_moved(m);
    }
    s->undone = rc == AL_OK;
    return rc;
}

int
swap_end_undo(struct mover *m)
{
    struct swap *s = m->swap;

    return s->undone ? swap_undone(&s->at, s->id) : AL_OK;
}

void
swap_end(struct mover *m)
{
    struct swap *s = m->swap;

    if (s != NULL) {
        mover_let_go(m);
        if (s->stub != NULL) {
            port_close_quiet(m->env->port, &s->stub);
        }
        if (s->at.port != NULL) {
            place_end(&s->at);
        }
        s->pieces = stub_pieces_free(s->pieces);
        al_buf_free(&s->sums);
        al_buf_free(&s->bytes);
        al_free(s);
        m->swap = NULL;
    }
}
