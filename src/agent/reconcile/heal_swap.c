/* heal_swap.c: intents of exchanges: which of an act's names are there, and the journal's state,
 * decide (doc/adr/0058-stubs-by-exchange.md). What cannot be seen now is left for later. */
#include <string.h>

#include "agent/reconcile/reconcile_priv.h"
#include "base/mem.h"

/* a driver copies a file of any size within this; beyond, it has given up */
#define FILL_NS (INT64_C(600) * 1000000000)

static enum healed
healed_or_later(int rc, enum healed healed)
{
    return rc == AL_OK ? healed : HEALED_LATER;
}

/* What has the file's name now. *ret_there false: nothing. */
static int
look(struct archive_case *c, struct stub_seen *ret, bool *ret_there)
{
    AL_CLEANUP(al_buf_free) struct al_buf bytes = {0};
    int rc = swap_look(c->volume, &c->at, c->at.name, &bytes, ret, NULL);

    *ret_there = rc == AL_OK;
    return rc == AL_ENOENT ? AL_OK : rc;
}

/* ---- tier and adopt ---- */

/* The stub has its place, or had it: the object is referenced. */
static enum healed
finished(struct archive_case *c)
{
    struct stub_seen seen;
    bool there = false, ours;
    int rc = look(c, &seen, &there);

    ours = there && seen.is == STUB_IS_OURS && strcmp(seen.object_id, c->in->object_id) == 0;
    c->told.ino = ours ? seen.st.ino : 0;
    c->told.freed = c->in->size;
    rc = rc != AL_OK ? rc : place_sync(&c->at);       /* the removal may not be durable yet */
    if (rc == AL_OK && c->in->kind == JOURNAL_SWAP) { /* adopting was told before */
        rc = reconcile_tell(c->env, &c->told, "tier", AL_OK, "finished_by_reconcile",
                            ours ? "" : "the stub was moved or used meanwhile");
    }
    return healed_or_later(rc, HEALED_STUB);
}

static enum healed
undo(struct archive_case *c, const char *id, bool aside)
{
    bool marked = c->in->state >= JOURNAL_MARKED, stub = false;
    char got[PLACE_NAME_MAX] = "";
    int rc = AL_OK;

    if (marked && c->in->state != JOURNAL_FILLED) { /* before anything of it is undone */
        rc = journal_say(c->env->journal, c->item, JOURNAL_FILLED);
    }
    rc = rc != AL_OK ? rc : swap_undo(c->volume, &c->at, id, c->in->object_id, got, &stub, NULL);
    if (rc == AL_OK && got[0] != '\0') {
        rc = reconcile_tell_other_name(c, got);
    }
    if (rc == AL_OK && c->in->kind == JOURNAL_SWAP) {
        rc = aside && marked && !stub
                 ? reconcile_tell(c->env, &c->told, "alarm", AL_ECONFLICT, "stub_elsewhere",
                                  "the file was put back, and its stub was moved or used "
                                  "meanwhile: the object stays")
                 : reconcile_tell_unreferenced(c);
    }
    rc = rc != AL_OK ? rc : swap_undone(&c->at, id);
    return healed_or_later(rc, HEALED_AS_WAS);
}

enum healed
reconcile_swap(struct archive_case *c)
{
    const char *id =
        c->in->kind == JOURNAL_ADOPT ? swap_id_of(c->in->object_name) : c->in->object_id;
    char aside[PLACE_NAME_MAX], fresh[PLACE_NAME_MAX];
    bool is_aside = false, is_fresh = false;
    int rc;

    place_own_name(PLACE_ASIDE, id, aside);
    place_own_name(PLACE_NEW, id, fresh);
    rc = place_is_there(&c->at, aside, &is_aside);
    rc = rc != AL_OK ? rc : place_is_there(&c->at, fresh, &is_fresh);
    if (rc != AL_OK) {
        return HEALED_LATER;
    }
    if (!is_aside && !is_fresh && c->in->state == JOURNAL_FILLED) {
        return HEALED_AS_WAS; /* undone, and told, before its end was written */
    }
    if (!is_aside && !is_fresh && c->in->state >= JOURNAL_MARKED) {
        return finished(c);
    }
    return undo(c, id, is_aside);
}

/* ---- back ---- */

static enum healed
is_back(struct archive_case *c)
{
    struct port_stat st;
    int rc = place_sync(&c->at);

    if (rc == AL_OK && port_stat_at(c->env->port, c->at.dir, c->at.name, &st) == AL_OK) {
        c->told.ino = st.ino;
    }
    c->told.freed = c->in->size;
    rc = rc != AL_OK
             ? rc
             : reconcile_tell(c->env, &c->told, "recall", AL_OK, "finished_by_reconcile", "");
    return healed_or_later(rc, HEALED_REPORTED);
}

static enum healed
is_stub(struct archive_case *c)
{
    int rc;

    c->told.ino = c->in->ino;
    c->told.size = 0;
    rc = reconcile_tell(c->env, &c->told, "recall", AL_ECANCELED, "interrupted",
                        "the way back was cut; the file is a stub as before");
    return healed_or_later(rc, HEALED_REPORTED);
}

enum healed
reconcile_unswap(struct archive_case *c)
{
    char aside[PLACE_NAME_MAX], got[PLACE_NAME_MAX];
    bool is_aside = false, fetched = false, back = false, there = false;
    struct stub_seen seen;
    int rc;

    place_own_name(PLACE_ASIDE, swap_id_of(c->in->object_name), aside);
    rc = place_is_there(&c->at, aside, &is_aside);
    rc = rc != AL_OK ? rc : place_is_there(&c->at, c->in->object_name, &fetched);
    if (rc == AL_OK && !is_aside && !fetched && c->in->state == JOURNAL_FILLED) {
        /* Done, or undone before its end was written: then its stub is there still. */
        rc = look(c, &seen, &there);
        back = !there || seen.is != STUB_IS_OURS || seen.st.ino != c->in->ino;
        return rc != AL_OK ? HEALED_LATER : back ? is_back(c) : is_stub(c);
    }
    rc = rc != AL_OK ? rc : unswap_undo(&c->at, c->in->object_name, got, &back);
    if (rc == AL_OK && got[0] != '\0') {
        rc = reconcile_tell_other_name(c, got);
    }
    return rc != AL_OK ? HEALED_LATER : back ? is_back(c) : is_stub(c);
}

/* ---- filled by the driver ---- */

static enum healed
tell_fill(struct archive_case *c, const char *act, int code, const char *reason, const char *text)
{
    return healed_or_later(reconcile_tell(c->env, &c->told, act, code, reason, text),
                           HEALED_REPORTED);
}

/* The bytes were given; under its name there is something else by now, or its name is not known. */
static enum healed
is_elsewhere(struct archive_case *c)
{
    c->told.path = (struct al_span){0};
    return tell_fill(c, "read", AL_OK, "finished_by_reconcile",
                     "the file was moved or replaced meanwhile");
}

enum healed
reconcile_fill(struct archive_case *c)
{
    struct stub_seen seen;
    bool there = false;
    int rc;

    if (c->in->path.len == 0) {
        return is_elsewhere(c);
    }
    rc =
        place_open(&c->at, c->env->port, c->volume->root, c->in->path, c->volume->key, false, NULL);
    if (rc == AL_ENOENT || rc == AL_ENOTDIR || rc == AL_ELOOP) {
        return is_elsewhere(c);
    }
    if (rc != AL_OK) {
        return HEALED_LATER;
    }
    rc = look(c, &seen, &there);
    place_end(&c->at);
    if (rc != AL_OK) {
        return HEALED_LATER;
    }
    if (there && seen.is == STUB_IS_NONE && seen.st.size == c->in->size) {
        c->told.ino = seen.st.ino;
        c->told.freed = c->in->size;
        return tell_fill(c, "recall", AL_OK, "finished_by_reconcile", "");
    }
    if (!there || seen.is == STUB_IS_NONE || strcmp(seen.object_id, c->in->object_id) != 0) {
        return is_elsewhere(c);
    }
    if (port_now_ns(c->env->port) - c->in->began_ns < FILL_NS) {
        return HEALED_LATER; /* it may be at it still */
    }
    c->told.size = 0;
    return tell_fill(c, "recall", AL_ECANCELED, "interrupted",
                     "the filter driver did not bring the file back; it is a stub");
}
