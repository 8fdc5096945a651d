#include <stdio.h>
#include <string.h>

#include "agent/mover/mover_priv.h"
#include "agent/mover/place.h"

void
mover_ext_path(const char *ext, char path[MARKER_EXT_LEN + 3])
{
    (void)snprintf(path, MARKER_EXT_LEN + 3, ext[0] != '\0' ? "f.%s" : "f%s", ext);
}

void
mover_let_go(struct mover *m)
{
    struct stub_take *take;

    port_mutex_lock(&m->watch);
    take = m->take;
    m->take = NULL;
    m->leased = NULL;
    port_mutex_unlock(&m->watch);
    if (take != NULL) {
        m->source = NULL;
        (void)stub_let_go(take);
    } else if (m->source != NULL) { /* archive's own; its lease ends with it */
        port_close_quiet(m->env->port, &m->source);
    }
}

static void
fill_outcome(const struct mover *m, struct outcome *o)
{
    *o = (struct outcome){.code = m->result.code, .reason = "", .text = m->result.fail.text};
    o->volume_id = m->item.volume->volume_id;
    o->share_id = m->item.volume->share_id;
    o->job_id = m->item.job_id;
    o->rule_id = m->item.rule_id;
    o->path = m->item.path;
    /* Of archives it means nothing. */
    o->ino = m->new_ino != 0                                  ? m->new_ino
             : m->item.act == MOVER_TIER || m->unswap != NULL ? m->facts.st.ino
                                                              : 0;
    o->mtime_ns = m->facts.st.mtime_ns;
    o->began_ns = m->began_ns;
    o->ended_ns = port_now_ns(m->env->port);
}

/* Beside the act itself, and none of the job's: of each file that counts one outcome. */
static void
fill_beside(const struct mover *m, const char *act, int code, const char *reason, struct outcome *o)
{
    fill_outcome(m, o);
    o->act = act;
    o->code = code;
    o->reason = reason;
    o->job_id = NULL;
    o->rule_id = NULL;
}

/* For the deletion ledger: nothing refers to this object, and it may be there. */
static int
tell_ledger(struct mover *m)
{
    struct outcome o;

    fill_outcome(m, &o);
    o.act = "reconcile";
    o.code = AL_OK;
    o.reason = "unreferenced_object";
    o.object_id = m->result.object_id;
    o.size = m->facts.st.size;
    return m->env->sink->put(m->env->sink, &o);
}

int
mover_tell_copied(struct mover *m, const struct stub_facts *facts)
{
    struct outcome o;

    fill_beside(m, "drop_marker", AL_OK, marker_verdict_name(MARKER_V_COPIED), &o);
    o.text = "a copy of a stub that has its own data";
    o.ino = facts->st.ino;
    o.mtime_ns = facts->st.mtime_ns;
    return m->env->sink->put(m->env->sink, &o);
}

int
mover_tell_recalled(struct mover *m, const struct marker *marker, const struct stub_facts *facts)
{
    struct outcome o;
    al_id object_id;

    fill_beside(m, "recall", AL_OK, "finished_by_reconcile", &o);
    marker_object_id(marker, object_id);
    o.object_id = object_id;
    o.size = o.freed = marker->size;
    o.ino = facts->st.ino;
    o.mtime_ns = facts->st.mtime_ns;
    return m->env->sink->put(m->env->sink, &o);
}

int
mover_tell_other_name(struct mover *m, const char *got)
{
    struct outcome o = {.act = "alarm", .code = AL_EEXIST, .reason = "name_taken"};
    char text[PLACE_NAME_MAX + 96];

    (void)snprintf(text, sizeof(text),
                   "a file of its name was made while it was being moved; it is \"%s\" now", got);
    o.text = text;
    o.volume_id = m->item.volume->volume_id;
    o.share_id = m->item.volume->share_id;
    o.path = m->item.path;
    o.began_ns = o.ended_ns = port_now_ns(m->env->port);
    return m->env->sink->put(m->env->sink, &o);
}

int
mover_tell_stub_moved(struct mover *m)
{
    struct outcome o;

    fill_beside(m, "alarm", AL_ECONFLICT, "stub_elsewhere", &o);
    o.text = "the file was put back, and its stub was moved or used meanwhile: the object stays";
    o.object_id = m->result.object_id;
    return m->env->sink->put(m->env->sink, &o);
}

int
mover_tell_act(struct mover *m)
{
    struct outcome o;

    fill_outcome(m, &o);
    o.act = mover_act_name(m->item.act);
    o.reason = m->reason != NULL ? m->reason : "";
    if (m->result.refusal != STUB_R_NONE) {
        o.act = "refuse";
        o.reason = stub_refusal_name(m->result.refusal);
        o.code = AL_OK;
    }
    if (m->result.tiered) {
        o.object_id = m->result.object_id;
        o.size = m->facts.st.size;
        o.freed = m->result.freed;
        o.text = m->note;
        o.now_name = m->now_name[0] != '\0' ? m->now_name : NULL;
    }
    return m->env->sink->put(m->env->sink, &o);
}

/* The last word on the intent: ended when everything is told, else left for reconcile. */
static void
close_intent(struct mover *m, bool all_told)
{
    if (m->intent != NULL) {
        if (all_told) {
            journal_end(m->env->journal, m->intent);
        } else {
            journal_put_back(m->env->journal, m->intent);
        }
        m->intent = NULL;
    }
    m->step = MOVER_S_ENDED;
}

static void
drop_copy(struct mover *m)
{
    m->put = target_put_end(m->put);
    m->hasher = hasher_free(m->hasher);
    m->attrs = mover_attrs_free(m->attrs);
}

void
mover_report(struct mover *m)
{
    int rc;

    drop_copy(m);
    rc = m->told ? AL_OK : mover_tell_act(m);
    m->result.reported = rc == AL_OK;
    if (rc != AL_OK) {
        m->result.code = rc;
        (void)al_fail_set(&m->result.fail, rc, 0,
                          "the file was moved, but its outcome could not be written down yet");
    }
    close_intent(m, rc == AL_OK);
}

/* The file first, since somebody may be waiting for it: within 10 ms of being wanted. */
static bool
put_file_back(struct mover *m)
{
    int rc = AL_OK;

    if (m->take != NULL && m->marking) {
        rc = stub_unmark(m->take, &m->result.fail);
    }
    mover_let_go(m);
    if (m->archive != NULL) {
        rc = archive_put_back(m);
    }
    if (m->back != NULL) {
        rc = back_give_up(m);
    }
    if (m->swap != NULL) {
        rc = swap_put_back(m);
    }
    if (m->unswap != NULL) {
        rc = unswap_give_up(m);
    }
    return rc == AL_OK;
}

static bool
share_failed(int code)
{
    return code != AL_OK && code != AL_ECANCELED;
}

void
mover_give_up(struct mover *m)
{
    bool back = put_file_back(m), told = true;

    drop_copy(m);
    if (m->intent == NULL && m->item.act != MOVER_BACK) {
        m->result.object_id[0] = '\0'; /* nothing was made under it */
    }
    if (!back) {
        /* The marker says "filling": a recall would fill it from the share; or the original lies
         * aside. The object is referenced, so it is no case for the ledger; reconcile ends it one
         * way or the other. */
        m->result.code = m->result.code == AL_OK ? AL_EIO : m->result.code;
        m->result.refusal = STUB_R_NONE;
        close_intent(m, false);
        m->result.reported = false;
        return;
    }
    /* A share that failed us may also keep the temporary file, which ending the put removes only
     * when it can. */
    if (m->intent != NULL && !m->keep_object &&
        (m->maybe_there || (m->put_begun && share_failed(m->result.code)))) {
        told = tell_ledger(m) == AL_OK;
    }
    if (told && m->swap != NULL) {
        told = swap_end_undo(m) == AL_OK;
    }
    m->result.repeat = told && m->may_repeat &&
                       (m->result.code == AL_EUNREACH || m->result.refusal == STUB_R_NO_GATE);
    m->result.reported = told && !m->result.repeat && mover_tell_act(m) == AL_OK;
    close_intent(m, m->result.reported || m->result.repeat);
}
