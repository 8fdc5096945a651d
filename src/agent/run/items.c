/* items.c: works that consist of files: tier and recall. */
#include "agent/run/agent.h"

#include <string.h>

#include "base/mem.h"

/* One item on its way through a pool. */
struct item_run {
    struct agent_work *aw;
    struct volume *volume; /* a reference */
    struct volume *asked;  /* a reference; NULL: the same. The stub is of another volume than the
                            * one it was asked for in */
    struct al_span path;   /* in that one */
    int64_t began_ns;
    struct al_span act; /* the item's path: in the volume of the work */
    int64_t act_ns;     /* since when something is done to the file; 0: nothing yet */
};

void
item_begins(void *item_run)
{
    struct item_run *run = item_run;

    run->act_ns = port_now_ns(run->aw->agent->port);
    audit_act(run->aw->agent, run->aw->work->volume_id, run->act, run->act_ns, false);
}

static void
act_ends(struct item_run *run)
{
    if (run->act_ns != 0) {
        audit_act(run->aw->agent, run->aw->work->volume_id, run->act, run->act_ns, true);
    }
}

static void
item_end(struct item_run *run, int code, uint64_t bytes, const struct al_fail *fail)
{
    act_ends(run); /* before the work may be gone */
    work_item_done(run->aw, code, bytes, fail);
    volume_unref(run->asked);
    volume_unref(run->volume);
    al_free(run);
}

static struct item_run *
item_begin(struct agent_work *aw, struct volume *v, struct al_span path)
{
    struct item_run *run = al_zalloc(sizeof(*run));

    if (run != NULL) {
        run->aw = aw;
        run->volume = v;
        run->act = path;
        port_mutex_lock(&aw->agent->mutex);
        v->refs++;
        port_mutex_unlock(&aw->agent->mutex);
    }
    return run;
}

/* Waits for every item that was submitted: they hold the work's strings. */
static void
wait_items(struct agent_work *aw)
{
    port_mutex_lock(&aw->lock);
    while (aw->done < aw->submitted) {
        port_cond_wait(&aw->changed, &aw->lock);
    }
    port_mutex_unlock(&aw->lock);
}

/* False when no further item must be begun. A full spool holds new work up until the server has
 * taken some of it. */
static bool
may_begin(struct agent_work *aw)
{
    bool share_bad;

    while (spool_full(aw->agent->spool) && !work_stops(aw)) {
        port_sleep_ns(aw->agent->port, 200000000);
    }
    port_mutex_lock(&aw->lock);
    share_bad = aw->share_code != AL_OK;
    if (!share_bad) {
        aw->submitted++; /* taken back when the submission fails */
    }
    port_mutex_unlock(&aw->lock);
    if (!share_bad && work_stops(aw)) {
        port_mutex_lock(&aw->lock);
        aw->submitted--;
        port_mutex_unlock(&aw->lock);
        return false;
    }
    return !share_bad;
}

static void
not_begun(struct agent_work *aw, struct item_run *run)
{
    port_mutex_lock(&aw->lock);
    aw->submitted--;
    port_mutex_unlock(&aw->lock);
    if (run != NULL) {
        act_ends(run);
        volume_unref(run->asked);
        volume_unref(run->volume);
        al_free(run);
    }
}

/* The work's own result, once all its items are done. rc: what ended the submitting. */
static void
end_work(struct agent_work *aw, int rc)
{
    wait_items(aw);
    if (aw->share_code != AL_OK) {
        work_end(aw, aw->share_code, aw->share_fail.text);
    } else if (work_stops(aw)) {
        work_end(aw, AL_ECANCELED, "the agent stopped or the work was taken back");
    } else {
        work_end(aw, rc, rc == AL_OK ? "" : "not every item could be begun");
    }
}

/* ---- tier ---- */

static void
on_moved(void *ctx, const struct mover_item *item, const struct mover_result *r)
{
    (void)item;
    item_end(ctx, r->code, r->tiered ? r->size : 0, &r->fail);
}

/* What the plan took as the last access, or what the logs told since. 0: the file's own time counts. */
static int64_t
last_access(struct agent *a, const struct work *w, const struct work_item *item)
{
    int64_t recent;

    if (item->accessed_ns == 0) {
        return 0;
    }
    recent = audit_recent(a, w->volume_id, item->path);
    return recent > item->accessed_ns ? recent : item->accessed_ns;
}

static int
submit_moves(struct agent_work *aw, struct volume *v, const struct mover_volume *mv,
             const struct rule *rule, enum mover_act act)
{
    const struct work *w = aw->work;
    int rc = AL_OK;

    for (size_t i = 0; i < w->item_count && rc == AL_OK; i++) {
        struct mover_item item = {.volume = mv,
                                  .path = w->items[i].path,
                                  .rule = rule,
                                  .now_ns = w->now_ns,
                                  .job_id = w->job_id[0] != '\0' ? w->job_id : NULL,
                                  .rule_id = w->rule_id[0] != '\0' ? w->rule_id : NULL,
                                  .act = act,
                                  .accessed_ns = last_access(aw->agent, w, &w->items[i])};
        struct item_run *run;

        if (!may_begin(aw)) {
            break;
        }
        run = item_begin(aw, v, item.path);
        rc = run != NULL ? mover_pool_submit(v->pools->movers, &item, true, on_moved, run)
                         : AL_ENOMEM;
        if (rc != AL_OK) {
            not_begun(aw, run);
        }
    }
    return rc;
}

/* Every item of a volume that can hold no stubs is refused by name, so that the job tells it file
 * by file as for any other reason. */
static void
refuse_all(struct agent_work *aw, enum stub_refusal refusal, const char *why)
{
    struct agent *a = aw->agent;
    const struct work *w = aw->work;

    for (size_t i = 0; i < w->item_count && !work_stops(aw); i++) {
        int64_t now = port_now_ns(a->port);
        struct outcome o = {.act = "refuse",
                            .code = AL_OK,
                            .reason = stub_refusal_name(refusal),
                            .text = why,
                            .volume_id = w->volume_id,
                            .job_id = w->job_id[0] != '\0' ? w->job_id : NULL,
                            .rule_id = w->rule_id[0] != '\0' ? w->rule_id : NULL,
                            .path = w->items[i].path,
                            .ino = w->items[i].ino,
                            .size = w->items[i].size,
                            .mtime_ns = w->items[i].mtime_ns,
                            .began_ns = now,
                            .ended_ns = now};

        if (a->sink.sink.put(&a->sink.sink, &o) != AL_OK) {
            break; /* what has no outcome is told by the work's end */
        }
    }
    work_end(aw, work_stops(aw) ? AL_ECANCELED : AL_OK, why);
}

static int
parse_rule(const struct work *w, struct rule **ret, struct al_fail *fail)
{
    struct rule_error e = {0};
    int rc;

    if (w->rule_where == NULL) {
        return AL_OK; /* asked for by path: whatever it is */
    }
    rc = rule_parse(al_span_of(w->rule_where), NULL, ret, &e);
    return rc == AL_OK ? AL_OK
                       : al_fail_set(fail, rc, 0, "the rule cannot be read at byte %u: %s",
                                     (unsigned)e.at, e.message);
}

static void
work_archive(struct agent_work *aw, struct volume *v, const struct rule *rule)
{
    AL_CLEANUP(volume_place_end) struct volume_place place = {0};
    struct al_fail fail = {0};
    int rc = volume_place(v, &place, &fail);

    rc = rc != AL_OK ? rc : volume_manifests(v, &place.mover.manifests, &fail);
    if (rc == AL_OK) {
        end_work(aw, submit_moves(aw, v, &place.mover, rule, MOVER_ARCHIVE));
    } else if (rc == AL_ENOTSUP) {
        refuse_all(aw, STUB_R_UNSUPPORTED, fail.text);
    } else {
        work_end(aw, rc, fail.text);
    }
}

/* Stubs of a maker: the file gives way to one, as to a placeholder. */
static void
tier_made(struct agent_work *aw, struct volume *v, const struct rule *rule)
{
    AL_CLEANUP(volume_place_end) struct volume_place place = {0};
    struct al_fail fail = {0};
    int rc = volume_place(v, &place, &fail);

    if (rc == AL_OK) {
        port_mutex_lock(&v->lock);
        if (v->state != VOLUME_OK || place.mover.maker == NULL) {
            rc = al_fail_set(&fail, AL_ENOTSUP, 0, "%s",
                             v->text[0] != '\0' ? v->text : "the volume holds no stubs yet");
        }
        port_mutex_unlock(&v->lock);
    }
    rc = rc != AL_OK ? rc : volume_manifests(v, &place.mover.manifests, &fail);
    if (rc == AL_OK) {
        end_work(aw, submit_moves(aw, v, &place.mover, rule, MOVER_TIER));
    } else if (rc == AL_ENOTSUP) {
        refuse_all(aw, STUB_R_UNSUPPORTED, fail.text);
    } else {
        work_end(aw, rc, fail.text);
    }
}

void
work_tier(struct agent_work *aw)
{
    struct agent *a = aw->agent;
    AL_CLEANUP(rule_freep) struct rule *rule = NULL;
    struct volume *v = volume_find(a, aw->work->volume_id);
    const struct mover_volume *mv = NULL;
    struct al_fail fail = {0};
    char watched[256];
    int rc = parse_rule(aw->work, &rule, &fail);

    if (rc == AL_OK && v == NULL) {
        rc = al_fail_set(&fail, AL_ENOENT, 0, "this host has no such volume");
    }
    if (rc == AL_OK && (aw->work->kind == WORK_ARCHIVE || agent_gate_makes(a->gate))) {
        if (aw->work->kind == WORK_ARCHIVE) {
            work_archive(aw, v, rule);
        } else {
            tier_made(aw, v, rule);
        }
        volume_unref(v);
        return;
    }
    if (rc == AL_OK) {
        rc = volume_mover(v, &mv, &fail);
    }
    if (rc == AL_OK && agent_gate_watched(stub_volume_root(mv->stub), watched, sizeof(watched))) {
        refuse_all(aw, STUB_R_WATCHED, watched);
    } else if (rc == AL_OK) {
        end_work(aw, submit_moves(aw, v, mv, rule, MOVER_TIER));
    } else if (rc == AL_ENOTSUP) {
        refuse_all(aw, STUB_R_UNSUPPORTED, fail.text);
    } else {
        work_end(aw, rc, fail.text);
    }
    volume_unref(v);
}

/* ---- recall ---- */

/* The other volume's recall has told of the file there; this tells of the item. */
static int
tell_asked(struct item_run *run, const struct recall_result *r)
{
    struct agent *a = run->aw->agent;
    const struct work *w = run->aw->work;
    struct outcome o = {.act = "recall",
                        .code = r->code,
                        .reason = r->code == AL_OK ? "already_resident" : "",
                        .text = r->fail.text,
                        .volume_id = run->asked->id,
                        .share_id = run->volume->share_id,
                        .job_id = w->job_id[0] != '\0' ? w->job_id : w->work_id,
                        .path = run->path,
                        .began_ns = run->began_ns,
                        .ended_ns = port_now_ns(a->port)};

    return a->sink.sink.put(&a->sink.sink, &o);
}

static void
on_recalled(void *ctx, const struct recall_result *r)
{
    struct item_run *run = ctx;

    if (run->asked != NULL && tell_asked(run, r) != AL_OK) {
        al_log(run->aw->agent->log, AL_LOG_DEBUG, "an item that is not told of comes again");
    }
    item_end(ctx, r->code, r->filled ? r->size : 0, &r->fail);
}

/* The request for an item, which may be a stub of another volume on the same filesystem: then it is
 * that one's recall, as an opener's would be. */
static struct item_run *
recall_begin(struct agent_work *aw, struct volume *v, struct recall_request *io,
             struct al_buf *path)
{
    struct port_handle handle = {0};
    struct volume *other = volume_other_at(v, io->path, path, &handle);
    struct item_run *run = item_begin(aw, other != NULL ? other : v, io->path);

    if (run != NULL && other != NULL) {
        run->asked = v;
        port_mutex_lock(&aw->agent->mutex);
        v->refs++;
        port_mutex_unlock(&aw->agent->mutex);
        run->path = io->path;
        run->began_ns = port_now_ns(aw->agent->port);
        io->volume = volume_recall(other);
        io->handle = handle;
        io->path = al_buf_span(path);
        io->job_id = NULL;
    }
    volume_unref(other);
    return run;
}

static int
submit_back(struct agent_work *aw, struct volume *v, const struct volume_place *place,
            const struct work_item *item)
{
    const struct work *w = aw->work;
    struct mover_item back = {.volume = &place->mover,
                              .path = item->path,
                              .job_id = w->job_id[0] != '\0' ? w->job_id : w->work_id,
                              .act = MOVER_BACK};
    struct item_run *run = item_begin(aw, v, item->path);
    int rc = AL_ENOMEM;

    memcpy(back.object_id, item->object_id, sizeof(back.object_id));
    if (run != NULL) {
        rc = mover_pool_submit(v->pools->movers, &back, true, on_moved, run);
    }
    if (rc != AL_OK) {
        not_begun(aw, run);
    }
    return rc;
}

static int
submit_fill(struct agent_work *aw, struct volume *v, const struct recall_volume *rv,
            const struct work_item *item, struct al_buf *path)
{
    const struct work *w = aw->work;
    struct recall_request request = {
        .volume = rv, .path = item->path, .job_id = w->job_id[0] != '\0' ? w->job_id : w->work_id};
    struct item_run *run = recall_begin(aw, v, &request, path);
    int rc;

    if (run != NULL && request.volume != NULL) { /* what it may end before this returns has begun */
        item_begins(run);
    }
    rc = run == NULL ? AL_ENOMEM
         : request.volume == NULL
             ? AL_ENOENT
             : recall_pool_submit(run->volume->pools->recalls, &request, on_recalled, run);

    if (rc != AL_OK) {
        not_begun(aw, run);
    }
    return rc;
}

/* rv NULL: the volume holds no stubs, so that every item is one that was archived. */
static int
submit_recalls(struct agent_work *aw, struct volume *v, const struct recall_volume *rv,
               const struct volume_place *place)
{
    AL_CLEANUP(al_buf_free) struct al_buf path = {0};
    const struct work *w = aw->work;
    int rc = AL_OK;

    al_buf_init(&path, 128u << 10);
    for (size_t i = 0; i < w->item_count && rc == AL_OK; i++) {
        const struct work_item *item = &w->items[i];

        if (!may_begin(aw)) {
            break;
        }
        rc = rv == NULL || item_is_archived(item) ? submit_back(aw, v, place, item)
                                                  : submit_fill(aw, v, rv, item, &path);
    }
    return rc;
}

static bool
has_archived(const struct work *w)
{
    for (size_t i = 0; i < w->item_count; i++) {
        if (item_is_archived(&w->items[i])) {
            return true;
        }
    }
    return false;
}

void
work_recall(struct agent_work *aw)
{
    AL_CLEANUP(volume_place_end) struct volume_place place = {0};
    struct volume *v = volume_find(aw->agent, aw->work->volume_id);
    const struct recall_volume *rv = NULL;
    struct al_fail fail = {0};
    int rc = AL_OK;

    if (v != NULL && !v->tracked_only && volume_recall(v) == NULL) {
        volume_look(v);
    }
    rv = v != NULL ? volume_recall(v) : NULL;
    if (v == NULL) {
        rc = al_fail_set(&fail, AL_ENOENT, 0, "this host has no such volume");
    } else if (rv == NULL || has_archived(aw->work)) {
        rc = volume_place(v, &place, &fail);
    }
    if (rc == AL_OK) {
        end_work(aw, submit_recalls(aw, v, rv, &place));
    } else {
        work_end(aw, rc, fail.text);
    }
    volume_unref(v);
}
