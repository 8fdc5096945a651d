/* reconcile.c: the work that looks at every marker of a volume. What it changes it tells as outcomes
 * of its job; how many it saw, as progress. */
#include "agent/run/agent.h"

#include <string.h>

#include "base/jsonout.h"
#include "base/mem.h"

#define RECORD_MAX 4096u

int
share_connection_get(void *ctx, const struct recall_volume *v, struct target **ret,
                     struct al_fail *fail)
{
    struct share_connection *c = ctx;
    int rc;

    if (c->target == NULL || strcmp(c->share_id, v->share_id) != 0) {
        c->target = target_close(c->target);
        rc = target_open(c->port, &v->target, false, &c->target, fail);
        if (rc != AL_OK) {
            return rc;
        }
        memcpy(c->share_id, v->share_id, sizeof(c->share_id));
    }
    *ret = c->target;
    return AL_OK;
}

void
share_connection_end(struct share_connection *c)
{
    c->target = target_close(c->target);
}

/* What a walk tells belongs to the job that asked for it. */
struct job_sink {
    struct outcome_sink sink; /* first */
    struct outcome_sink *to;
    const char *job_id; /* NULL: none */
};

static int
job_put(struct outcome_sink *sink, const struct outcome *o)
{
    struct job_sink *s = (struct job_sink *)(void *)sink;
    struct outcome mine = *o;

    if (mine.job_id == NULL || mine.job_id[0] == '\0') {
        mine.job_id = s->job_id;
    }
    return s->to->put(s->to, &mine);
}

static void
job_sink_init(struct job_sink *s, struct agent_work *aw)
{
    const char *job_id = aw->work->job_id;

    *s = (struct job_sink){.sink.put = job_put,
                           .to = &aw->agent->sink.sink,
                           .job_id = job_id[0] != '\0' ? job_id : NULL};
}

struct walking {
    struct agent_work *aw;
    struct reconcile_counts counts;
    int64_t told_ns;
};

static int
counts_line(const struct walking *w, struct al_buf *to)
{
    struct al_jsonout j;

    al_jo_begin(&j, to);
    al_jo_object(&j, NULL);
    al_jo_str(&j, "t", "progress");
    al_jo_str(&j, "work_id", w->aw->work->work_id);
    al_jo_u64(&j, "files", w->counts.markers);
    al_jo_u64(&j, "bytes", 0);
    al_jo_u64(&j, "unreadable", w->counts.unreadable);
    al_jo_u64(&j, "later", w->counts.later);
    al_jo_close(&j);
    return al_jo_end(&j);
}

/* at_end: it must be there before the work's end is. */
static int
tell_counts(struct walking *w, bool at_end)
{
    AL_CLEANUP(al_buf_free) struct al_buf line = {0};
    struct spool *spool = w->aw->agent->spool;
    int rc;

    al_buf_init(&line, RECORD_MAX);
    rc = counts_line(w, &line);
    if (rc != AL_OK) {
        return rc;
    }
    return at_end ? spool_put(spool, al_buf_span(&line), NULL)
                  : spool_add(spool, al_buf_span(&line));
}

/* Asked for every entry. */
static bool
on_entry(void *walking)
{
    struct walking *w = walking;
    int64_t now = port_mono_ns(w->aw->agent->port);

    if (now - w->told_ns >= AGENT_PROGRESS_NS) {
        w->told_ns = now;
        if (tell_counts(w, false) != AL_OK) {
            al_log(w->aw->agent->log, AL_LOG_DEBUG, "progress of work %s was not spooled",
                   w->aw->work->work_id); /* nice to know, no more */
        }
    }
    return work_stops(w->aw);
}

static int
not_open(struct volume *v, struct al_fail *fail)
{
    char why[sizeof(v->text)] = "";

    if (v != NULL) {
        port_mutex_lock(&v->lock);
        memcpy(why, v->text, sizeof(why));
        port_mutex_unlock(&v->lock);
    }
    return al_fail_set(fail, AL_ENOENT, 0, "the volume is not open here%s%s",
                       why[0] != '\0' ? ": " : "", why);
}

/* Of a volume with a maker. A walk adopts nothing by itself: copies raise their alarm. */
static int
walk_made(struct volume *v, const struct reconcile_env *env, struct walking *w,
          struct al_fail *fail)
{
    AL_CLEANUP(volume_place_end) struct volume_place place = {0};
    struct reconcile_made made = {.env = env, .mover_env = &v->agent->mover_env};
    int rc = volume_place(v, &place, fail);

    if (rc == AL_OK && place.mover.maker == NULL) {
        rc = not_open(v, fail);
    }
    made.volume = &place.mover;
    return rc != AL_OK ? rc : reconcile_walk_made(&made, on_entry, w, &w->counts, fail);
}

/* ---- adopting ---- */

static int
adopt_paths(struct walking *w, const struct reconcile_made *made, struct al_fail *fail)
{
    const struct work *work = w->aw->work;
    int rc = AL_OK;

    for (size_t i = 0; i < work->item_count && rc == AL_OK; i++) {
        rc = work_stops(w->aw)
                 ? AL_ECANCELED
                 : reconcile_adopt(made, work->items[i].path, on_entry, w, &w->counts, fail);
    }
    if (rc == AL_OK && w->counts.later > 0) {
        rc = al_fail_set(fail, AL_EBUSY, 0,
                         "%llu stubs could be neither adopted nor told of now: ask once more",
                         (unsigned long long)w->counts.later);
    }
    return rc;
}

static int
adopt(struct walking *w, struct volume *v, struct al_fail *fail)
{
    AL_CLEANUP(volume_place_end) struct volume_place place = {0};
    struct agent *a = w->aw->agent;
    struct job_sink sink;
    struct reconcile_env env = {.port = a->port, .journal = a->journal, .sink = &sink.sink};
    struct reconcile_made made = {.env = &env, .mover_env = &a->mover_env, .adopt = true};
    int rc = volume_place(v, &place, fail), told;

    job_sink_init(&sink, w->aw);
    made.job_id = sink.job_id;
    if (rc == AL_OK && place.mover.maker == NULL) {
        return al_fail_set(fail, AL_ENOTSUP, 0,
                           "stubs of this volume are not a filter driver's: what was restored is "
                           "adopted when it is read, or by a reconcile");
    }
    if (rc == AL_OK) { /* before the first file is judged: without the driver nothing can be */
        rc = place.mover.maker->ops->ready(place.mover.maker, fail);
    }
    if (rc != AL_OK) {
        return rc;
    }
    made.volume = &place.mover;
    rc = adopt_paths(w, &made, fail);
    told = tell_counts(w, true);
    return rc != AL_OK     ? rc
           : told == AL_OK ? AL_OK
                           : al_fail_set(fail, told, 0, "what was seen could not be spooled");
}

void
work_adopt(struct agent_work *aw)
{
    struct agent *a = aw->agent;
    struct volume *v = volume_find(a, aw->work->volume_id);
    struct walking w = {.aw = aw, .told_ns = port_mono_ns(a->port)};
    struct al_fail fail = {0};
    int rc = v == NULL ? not_open(v, &fail) : adopt(&w, v, &fail);

    al_log(a->log, AL_LOG_INFO, "adopting in %s: %llu stubs seen, %llu adopted, %llu alarms: %s",
           v != NULL ? v->path : aw->work->volume_id, (unsigned long long)w.counts.markers,
           (unsigned long long)w.counts.adopted, (unsigned long long)w.counts.alarms,
           al_code_name(rc));
    work_end(aw, rc, rc == AL_OK ? "" : fail.text);
    volume_unref(v);
}

/* rv NULL: its stubs are made by a maker. */
static int
walk(struct walking *w, struct volume *v, const struct recall_volume *rv, struct al_fail *fail)
{
    AL_CLEANUP(share_connection_end) struct share_connection c = {.port = w->aw->agent->port};
    AL_CLEANUP(findings_end) struct findings found = {0};
    struct agent *a = w->aw->agent;
    struct job_sink sink;
    struct reconcile_env env = {.port = a->port,
                                .journal = a->journal,
                                .sink = &sink.sink,
                                .connect = {.get = share_connection_get, .ctx = &c},
                                .is_anothers = volume_is_anothers,
                                .others_ctx = a,
                                .finds = &found.finds};
    int rc = findings_begin(&found, w->aw, rv, &env.connect, fail);

    job_sink_init(&sink, w->aw);
    if (rc == AL_OK) {
        rc = rv != NULL ? reconcile_walk(&env, rv, on_entry, w, &w->counts, fail)
                        : walk_made(v, &env, w, fail);
    }
    if (rc == AL_OK) {
        rc = findings_finish(&found, &env, v, rv,
                             w->counts.unreadable == 0 && w->counts.later == w->counts.busy, fail);
    }
    if (rc == AL_OK) {
        rc = tell_counts(w, true);
        if (rc != AL_OK) {
            (void)al_fail_set(fail, rc, 0, "what the walk counted could not be spooled");
        }
    }
    return rc;
}

int
work_volume_open(struct agent_work *aw, struct volume **ret, const struct recall_volume **ret_stubs,
                 struct al_fail *fail)
{
    struct volume *v = volume_find(aw->agent, aw->work->volume_id);

    *ret = v;
    if (v != NULL && volume_recall(v) == NULL) {
        volume_look(v);
    }
    *ret_stubs = v != NULL ? volume_recall(v) : NULL;
    return *ret_stubs == NULL && (v == NULL || !agent_gate_makes(aw->agent->gate))
               ? not_open(v, fail)
               : AL_OK;
}

void
work_reconcile(struct agent_work *aw)
{
    struct agent *a = aw->agent;
    struct walking w = {.aw = aw, .told_ns = port_mono_ns(a->port)};
    const struct recall_volume *rv;
    struct volume *v;
    struct al_fail fail = {0};
    int rc = work_volume_open(aw, &v, &rv, &fail);

    rc = rc != AL_OK ? rc : walk(&w, v, rv, &fail);
    al_log(a->log, AL_LOG_INFO,
           "reconcile of %s: %llu markers, %llu adopted, %llu dropped, %llu alarms, %llu folders "
           "unreadable",
           v != NULL ? v->path : aw->work->volume_id, (unsigned long long)w.counts.markers,
           (unsigned long long)w.counts.adopted, (unsigned long long)w.counts.dropped,
           (unsigned long long)w.counts.alarms, (unsigned long long)w.counts.unreadable);
    work_end(aw, rc, rc == AL_OK ? "" : fail.text);
    volume_unref(v);
}
