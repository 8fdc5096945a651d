#include <stdio.h>
#include <string.h>

#include "agent/reconcile/reconcile_priv.h"

int
reconcile_tell(const struct reconcile_env *env, const struct told *t, const char *act, int code,
               const char *reason, const char *text)
{
    struct outcome o = {.act = act, .code = code, .reason = reason, .text = text};

    o.volume_id = t->volume_id;
    o.share_id = t->share_id;
    o.job_id = t->job_id;
    o.rule_id = t->rule_id;
    o.path = t->path;
    o.now_name = t->now_name;
    o.ino = t->ino;
    o.object_id = t->object_id;
    o.size = t->size;
    o.freed = t->freed;
    o.mtime_ns = t->mtime_ns;
    o.pid = t->pid;
    o.uid = t->uid;
    o.process = t->process;
    o.ended_ns = port_now_ns(env->port);
    o.began_ns = t->began_ns != 0 ? t->began_ns : o.ended_ns;
    return env->sink->put(env->sink, &o);
}

int
reconcile_object_there(const struct reconcile_env *env, const struct recall_volume *v,
                       const struct marker *m, struct al_fail *fail)
{
    struct target *target = NULL;
    char path[MARKER_EXT_LEN + 3], name[TARGET_NAME_MAX];
    uint64_t size = 0;
    al_id id;
    int rc;

    if (m->share_tag != marker_share_tag(v->share_id)) {
        return al_fail_set(fail, AL_EFOREIGN, 0, "the object lies on another share");
    }
    marker_object_id(m, id);
    (void)snprintf(path, sizeof(path), m->ext[0] != '\0' ? "f.%s" : "f%s", m->ext);
    rc = target_object_name(id, al_span_of(path), name);
    if (rc == AL_OK) {
        rc = env->connect.get(env->connect.ctx, v, &target, fail);
    }
    if (rc == AL_OK) {
        rc = target_size(target, name, &size, fail);
    }
    if (rc == AL_OK && size != m->size) {
        rc = al_fail_set(fail, AL_ECORRUPT, 0, "the object has another length than the file had");
    }
    return rc;
}

int
reconcile_finish(const struct reconcile_env *env, const struct recall_volume *v,
                 const struct port_handle *h, const struct marker *m, struct al_fail *fail)
{
    AL_CLEANUP(port_holder_end) struct port_holder f = {.port = env->port};
    struct stub_fill *fill = NULL;
    struct marker now;
    enum marker_verdict verdict;
    int rc = stub_fill_begin(v->stub, h, false, &fill, &now, fail);

    if (rc != AL_OK) {
        return rc;
    }
    if (memcmp(now.object, m->object, sizeof(now.object)) != 0) {
        (void)stub_fill_abort(fill);
        return al_fail_set(fail, AL_ECHANGED, 0, "the stub changed meanwhile");
    }
    /* Ending a fill that wrote nothing is what frees the blocks, with the claim on the inode that
     * keeps a recall out. */
    (void)stub_fill_abort(fill);
    rc = port_open_handle(env->port, stub_volume_root(v->stub), h, PORT_READ | PORT_NOATIME,
                          &f.file);
    if (rc == AL_OK) {
        rc = stub_examine(v->stub, f.file, &now, &verdict, NULL, fail);
    }
    if (rc == AL_OK && verdict != MARKER_V_STUB) {
        rc = AL_EBUSY; /* still "filling", or a recall was quicker: look again later */
    }
    return rc == AL_OK ? port_sync(env->port, f.file) : rc;
}

/* ---- one intent ---- */

struct intent_case {
    const struct reconcile_env *env;
    const struct journal_intent *in;
    const struct recall_volume *volume;
    struct told told;
    bool marked, own; /* has a marker; it is of this intent's object */
    struct marker marker;
    enum marker_verdict verdict;
    struct stub_facts facts;
    struct al_fail fail;
};

/* AL_ESTALE: the file itself is gone. */
static int
look(struct intent_case *c)
{
    AL_CLEANUP(port_holder_end) struct port_holder f = {.port = c->env->port};
    uint8_t object[16];
    int rc = port_open_handle(c->env->port, stub_volume_root(c->volume->stub), &c->in->handle,
                              PORT_READ | PORT_NOATIME | PORT_NONBLOCK, &f.file);

    if (rc != AL_OK) {
        return rc;
    }
    rc = stub_examine(c->volume->stub, f.file, &c->marker, &c->verdict, &c->facts, &c->fail);
    c->marked = rc == AL_OK;
    if (rc == AL_ENODATA) {
        return AL_OK;
    }
    if (rc == AL_OK) {
        rc = marker_object_from_id(c->in->object_id, object);
    }
    if (rc == AL_OK) {
        c->own =
            c->verdict != MARKER_V_FORGED && memcmp(object, c->marker.object, sizeof(object)) == 0;
    }
    return rc;
}

/* Capabilities that a cut act took away come back where the file is still the one of the intent. An
 * error means: later. */
static int
restore_capability(const struct intent_case *c)
{
    AL_CLEANUP(port_holder_end) struct port_holder f = {.port = c->env->port};
    uint8_t now[JOURNAL_CAPABILITY_MAX];
    struct port_stat st;
    size_t len;
    int rc;

    if (c->in->capability.len == 0) {
        return AL_OK;
    }
    rc = port_open_handle(c->env->port, stub_volume_root(c->volume->stub), &c->in->handle,
                          PORT_READ | PORT_NOATIME | PORT_NONBLOCK, &f.file);
    if (rc != AL_OK) {
        return rc == AL_ESTALE ? AL_OK : rc;
    }
    rc = port_stat(c->env->port, f.file, &st);
    if (rc != AL_OK || st.size != c->in->size || st.mtime_ns != c->in->mtime_ns) {
        return rc; /* written since: whoever wrote took them away, rightly */
    }
    rc = port_xattr_get(c->env->port, f.file, JOURNAL_CAPABILITY_XATTR, now, sizeof(now), &len);
    if (rc != AL_ENODATA) {
        return rc;
    }
    rc = port_xattr_set(c->env->port, f.file, JOURNAL_CAPABILITY_XATTR, c->in->capability.at,
                        c->in->capability.len);
    return rc == AL_OK ? port_sync(c->env->port, f.file) : rc;
}

static enum healed
to_ledger(const struct intent_case *c)
{
    if (restore_capability(c) != AL_OK) {
        return HEALED_LATER;
    }
    return reconcile_tell(c->env, &c->told, "reconcile", AL_OK, "unreferenced_object",
                          "an act that was cut left this object; the file is as it was") == AL_OK
               ? HEALED_AS_WAS
               : HEALED_LATER;
}

static enum healed
alarm_and_end(const struct intent_case *c)
{
    return reconcile_tell(c->env, &c->told, "alarm", AL_EIO, marker_verdict_name(c->verdict),
                          "the stub does not fit its file: decide what it shall be, nothing was "
                          "changed") == AL_OK
               ? HEALED_REPORTED
               : HEALED_LATER;
}

/* The object is safe and referenced: report the tier that nobody heard of. An object id names one
 * act, so a report that is given twice counts once (doc/format/journal.md). */
static enum healed
report_stub(struct intent_case *c)
{
    if (restore_capability(c) != AL_OK) {
        return HEALED_LATER;
    }
    c->told.freed = c->in->size;
    return reconcile_tell(c->env, &c->told, "tier", AL_OK, "finished_by_reconcile", "") == AL_OK
               ? HEALED_STUB
               : HEALED_LATER;
}

static enum healed
finish_stub(struct intent_case *c)
{
    int rc = reconcile_object_there(c->env, c->volume, &c->marker, &c->fail);

    if (rc == AL_OK) {
        rc = reconcile_finish(c->env, c->volume, &c->in->handle, &c->marker, &c->fail);
        return rc == AL_OK ? report_stub(c) : HEALED_LATER;
    }
    return rc == AL_ENOENT || rc == AL_ECORRUPT ? alarm_and_end(c) : HEALED_LATER;
}

static enum healed
heal_tier(struct intent_case *c)
{
    int rc = look(c);

    if (rc == AL_ESTALE) {
        return to_ledger(c);
    }
    if (rc != AL_OK) {
        return HEALED_LATER;
    }
    if (!c->marked || !c->own || c->verdict == MARKER_V_WHOLE || c->verdict == MARKER_V_UNTOLD) {
        return to_ledger(c);
    }
    switch (c->verdict) {
    case MARKER_V_STUB:
        return report_stub(c);
    case MARKER_V_FILLING:
        return finish_stub(c);
    case MARKER_V_TRUNCATED:
        rc = reconcile_tell(c->env, &c->told, "drop_marker", AL_OK, "truncated",
                            "the stub was emptied");
        if (rc == AL_OK) {
            rc = stub_drop_marker(c->volume->stub, &c->in->handle, c->verdict, &c->fail);
        }
        return rc == AL_OK ? to_ledger(c) : HEALED_LATER;
    case MARKER_V_WHOLE:
    case MARKER_V_UNTOLD:
    case MARKER_V_COPIED:
    case MARKER_V_ADOPT:
    case MARKER_V_CHANGED:
    case MARKER_V_DATA:
    case MARKER_V_FORGED:
        break;
    }
    return alarm_and_end(c);
}

static enum healed
report_recall(struct intent_case *c, int code, const char *reason, const char *text)
{
    if (restore_capability(c) != AL_OK) {
        return HEALED_LATER;
    }
    if (code == AL_OK) {
        c->told.freed = c->in->size;
    } else {
        c->told.size = 0;
    }
    return reconcile_tell(c->env, &c->told, "recall", code, reason, text) == AL_OK ? HEALED_REPORTED
                                                                                   : HEALED_LATER;
}

/* The marker is the only durable record, so it goes last. */
static enum healed
report_untold(struct intent_case *c)
{
    enum healed healed = report_recall(c, AL_OK, "finished_by_reconcile", "");
    int rc = healed == HEALED_REPORTED
                 ? stub_drop_marker(c->volume->stub, &c->in->handle, c->verdict, &c->fail)
                 : AL_OK;

    return rc == AL_OK || rc == AL_ENODATA ? healed : HEALED_LATER;
}

static enum healed
heal_recall(struct intent_case *c)
{
    int rc = look(c);

    if (rc == AL_ESTALE) { /* removed, or replaced by a save, since: that it was filled is known */
        return c->in->state == JOURNAL_FILLED
                   ? report_recall(c, AL_OK, "finished_by_reconcile", "")
                   : report_recall(c, AL_ESTALE, "interrupted", "the file is gone");
    }
    if (rc != AL_OK) {
        return HEALED_LATER;
    }
    if (c->own && c->verdict == MARKER_V_UNTOLD) {
        return report_untold(c);
    }
    if (c->own && c->verdict == MARKER_V_WHOLE) {
        rc = stub_drop_marker(c->volume->stub, &c->in->handle, c->verdict, &c->fail);
        if (rc != AL_OK && rc != AL_ENODATA) {
            return HEALED_LATER;
        }
        c->marked = false;
    }
    if (!c->marked) { /* the marker goes only after the data is durable */
        return report_recall(c, AL_OK, "finished_by_reconcile", "");
    }
    if (c->own && c->verdict == MARKER_V_DATA && c->in->state == JOURNAL_BEGUN) {
        rc = stub_fill_was_cut(c->volume->stub, &c->in->handle, c->in->object_id, c->in->mtime_ns,
                               &c->fail);
        if (rc != AL_OK && rc != AL_ECONFLICT) {
            return HEALED_LATER;
        }
        c->verdict = rc == AL_OK ? MARKER_V_FILLING : c->verdict;
    }
    if (c->own && c->verdict == MARKER_V_FILLING) {
        rc = reconcile_object_there(c->env, c->volume, &c->marker, &c->fail);
        if (rc == AL_OK) {
            rc = reconcile_finish(c->env, c->volume, &c->in->handle, &c->marker, &c->fail);
        }
        if (rc == AL_ENOENT || rc == AL_ECORRUPT) {
            return alarm_and_end(c);
        }
        if (rc != AL_OK) {
            return HEALED_LATER;
        }
    }
    return report_recall(c, AL_ECANCELED, "interrupted", "the recall was cut; the file is a stub");
}

static enum healed
heal(const struct reconcile_env *env, struct journal_item *item)
{
    const struct journal_intent *in = journal_intent_of(item);
    struct intent_case c = {.env = env, .in = in};

    c.told = (struct told){.volume_id = in->volume_id,
                           .share_id = in->share_id,
                           .object_id = in->object_id,
                           .path = in->path,
                           .ino = in->ino,
                           .size = in->size,
                           .mtime_ns = in->mtime_ns,
                           .began_ns = in->began_ns,
                           .job_id = in->job_id,
                           .rule_id = in->rule_id,
                           .pid = in->pid,
                           .uid = in->uid,
                           .process = in->process};
    if (in->kind != JOURNAL_TIER && in->kind != JOURNAL_RECALL) {
        return reconcile_archive(env, item, &c.told);
    }
    c.volume = env->volume(env->volume_ctx, in->volume_id);
    if (c.volume == NULL || strcmp(c.volume->share_id, in->share_id) != 0) {
        return HEALED_LATER;
    }
    return in->kind == JOURNAL_TIER ? heal_tier(&c) : heal_recall(&c);
}

int
reconcile_found(const struct reconcile_env *env, struct reconcile_counts *counts)
{
    struct journal_figures figures;

    journal_figures(env->journal, &figures);
    for (uint32_t left = figures.found; left > 0; left--) {
        struct journal_item *item = journal_take_found(env->journal);

        if (item == NULL) {
            break;
        }
        counts->intents++;
        switch (heal(env, item)) {
        case HEALED_AS_WAS:
            counts->put_back_as_was++;
            break;
        case HEALED_STUB:
            counts->stubs_finished++;
            break;
        case HEALED_REPORTED:
            counts->reported++;
            break;
        case HEALED_LATER:
            counts->later++;
            journal_put_back(env->journal, item);
            continue;
        }
        journal_end(env->journal, item);
    }
    return AL_OK;
}
