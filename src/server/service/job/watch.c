#include "server/service/job/job.h"
#include "server/service/job/ops.h"
#include "server/service/rule/when.h"

#include <stdio.h>
#include <string.h>

#define MINUTE_NS (INT64_C(60) * 1000000000)

/* ---- changes, each with its event ---- */

static int
tell(struct work_tx *t, const struct job_change *c, const char *act)
{
    struct al_buf AL_CLEANUP(al_buf_free) detail = {0};
    struct al_jsonout j;

    al_buf_init(&detail, 8192);
    al_jo_begin(&j, &detail);
    al_jo_object(&j, NULL);
    if (c->reason != NULL) {
        al_jo_str(&j, "reason", c->reason);
        al_jo_str(&j, "text", c->text);
        al_jo_time(&j, "until", c->until_ns);
    }
    al_jo_close(&j);
    SV_TRY(al_jo_end(&j));
    SV_TRY(work_event(t, &(struct work_event){
                             .customer_id = c->customer_id,
                             .act = act,
                             .subject_type = "job",
                             .subject_id = c->job_id,
                             .code = al_code_name(c->code),
                             .detail = &detail,
                         }));
    SV_TRY(work_settle(t, c->job_id, c->customer_id));
    SV_TRY(work_touch(t, WORK_T_JOB_ENDED, c->job_id, c->customer_id)); /* told at once */
    SV_TRY(work_touch(t, WORK_T_FIGURES, c->customer_id, c->customer_id));
    return work_touch(t, WORK_T_WAKE, c->host_id, c->customer_id);
}

int
job_do_pause(struct work_tx *t, const struct job_change *c, bool *ret_changed)
{
    bool changed;

    SV_TRY(store_job_pause(t->db, &t->scope, c->job_id, c->reason, c->until_ns, c->text, t->now_ns,
                           &changed, t->fail));
    if (ret_changed != NULL) {
        *ret_changed = changed;
    }
    return changed ? tell(t, c, "job.pause") : AL_OK;
}

int
job_do_resume(struct work_tx *t, const struct job_change *c, bool *ret_changed)
{
    struct store_job job;
    bool changed;

    SV_TRY(store_job_resume(t->db, &t->scope, c->job_id, t->now_ns, &changed, t->fail));
    if (ret_changed != NULL) {
        *ret_changed = changed;
    }
    if (!changed) {
        return AL_OK;
    }
    SV_TRY(store_job_get(t->db, &t->scope, c->job_id, t->arena, &job, t->fail));
    SV_TRY(job_hold_if_bad(t, &job));
    return tell(t, c, "job.resume");
}

int
job_do_stop(struct work_tx *t, const struct job_change *c, bool *ret_changed)
{
    bool changed;

    SV_TRY(store_job_stop(t->db, &t->scope, c->job_id, c->reason, c->text, c->code, &changed,
                          t->fail));
    if (ret_changed != NULL) {
        *ret_changed = changed;
    }
    return changed ? tell(t, c, "job.stop") : AL_OK;
}

/* ---- what is looked at ---- */

static struct job_change
change_of(const struct store_job_watch *w, const char *reason, const char *text)
{
    return (struct job_change){
        .job_id = w->id,
        .customer_id = w->customer_id,
        .host_id = w->host_id,
        .reason = reason,
        .text = text,
    };
}

static int
too_many_errors(struct work_tx *t, const struct store_job_watch *w, bool *ret_over)
{
    struct job_errors e = {w->rule_id,    w->rule_name,    w->customer_id,         w->id,
                       w->done_files, w->failed_files, w->limit_error_percent, ""};
    struct job_change c;

    if (!job_errors_too_many(e.done, e.failed, e.limit_percent)) {
        return AL_OK;
    }
    *ret_over = true;
    SV_TRY(job_errors_suspend(t, &e));
    c = change_of(w, "limit", e.text);
    c.code = AL_ELIMIT;
    return job_do_stop(t, &c, NULL);
}

static int
out_of_time(struct work_tx *t, const struct store_job_watch *w, bool *ret_over)
{
    int64_t worked = t->now_ns - w->started_ns - w->paused_ns;
    struct job_change c;
    char text[160];

    if (w->limit_minutes == 0 || w->started_ns == 0 || w->pause_reason[0] != '\0' ||
        worked < (int64_t)w->limit_minutes * MINUTE_NS) {
        return AL_OK;
    }
    (void)snprintf(text, sizeof(text),
                   "The run's %llu minutes are over; what is left goes to the next run",
                   (unsigned long long)w->limit_minutes);
    *ret_over = true;
    c = change_of(w, "limit", text);
    return job_do_stop(t, &c, NULL);
}

/* Space: below the stop mark the job is over; above it, once what was handed out is done and the
 * agent has told of the space after that, the next slice is handed out. */
static int
watch_space(struct work_tx *t, const struct store_job_watch *w, bool *ret_over)
{
    struct store_volume v = {.bytes_total = w->bytes_total, .bytes_free = w->bytes_free};
    struct store_rule r = {.stop_used_percent = w->stop_used_percent};
    uint64_t missing = rule_missing(&r, &v), works;
    struct job_change c;
    char text[160];

    if (w->stop_used_percent == 0 || w->bytes_total == 0 || w->space_ns < w->slice_ns) {
        return AL_OK;
    }
    if (missing > 0) {
        if (w->works_out > 0 || w->works_later == 0 || w->pause_reason[0] != '\0' ||
            w->slice_ns == 0) {
            return AL_OK;
        }
        SV_TRY(store_job_slice(t->db, &t->scope, w->id, missing, &works, t->fail));
        return work_touch(t, WORK_T_WAKE, w->host_id, w->customer_id);
    }
    (void)snprintf(text, sizeof(text), "The volume is used to %u %%, below the mark of %llu %%",
                   rule_used_percent(&v), (unsigned long long)w->stop_used_percent);
    *ret_over = true;
    SV_TRY(store_rule_rest(t->db, &t->scope, w->rule_id, 0, t->fail));
    c = change_of(w, "free_space", text);
    return job_do_stop(t, &c, NULL);
}

static int
watch_window(struct work_tx *t, const struct store_job_watch *w)
{
    bool open = true, paused = strcmp(w->pause_reason, "window") == 0;
    int64_t until = INT64_MAX;
    struct job_change c = change_of(w, NULL, NULL);

    if (w->look_ns > t->now_ns && w->windows != NULL) {
        return AL_OK;
    }
    SV_TRY(rule_window_at(w->windows, t->now_ns, &open, &until, t->fail));
    SV_TRY(store_job_look(t->db, &t->scope, w->id, until, t->fail));
    if (open && paused) {
        c.reason = "window";
        c.text = w->windows == NULL ? "The rule has no windows any more" : "The window is open";
        SV_TRY(job_do_resume(t, &c, NULL));
        return store_job_look(t->db, &t->scope, w->id, until, t->fail);
    }
    if (open || w->pause_reason[0] != '\0') {
        return AL_OK; /* one that a person paused stays paused */
    }
    c.reason = "window";
    c.text = "The rule's window is closed";
    c.until_ns = until == INT64_MAX ? 0 : until;
    return job_do_pause(t, &c, NULL);
}

static int
watch_one(void *ctx, const struct store_job_watch *w)
{
    struct work_tx *t = ctx;
    bool over = false;

    SV_TRY(too_many_errors(t, w, &over));
    if (!over) {
        SV_TRY(watch_space(t, w, &over));
    }
    if (!over) {
        SV_TRY(out_of_time(t, w, &over));
    }
    return over ? AL_OK : watch_window(t, w);
}

/* ---- the tick's part ---- */

struct watched {
    struct al_arena *arena;
    struct store_job_watch *jobs;
    size_t count, cap;
};

static int
keep(void *ctx, const struct store_job_watch *w)
{
    struct watched *k = ctx;

    if (k->count == k->cap) {
        size_t cap = k->cap == 0 ? 32 : k->cap * 2;
        struct store_job_watch *more = al_arena_alloc(k->arena, cap * sizeof(*more));

        if (more == NULL) {
            return AL_ENOMEM;
        }
        if (k->count > 0) {
            memcpy(more, k->jobs, k->count * sizeof(*more));
        }
        k->jobs = more;
        k->cap = cap;
    }
    k->jobs[k->count++] = *w;
    return AL_OK;
}

static int
left_in_tx(struct work_tx *t)
{
    struct store_work_ref *refs;
    size_t count;

    SV_TRY(store_work_left(t->db, &t->scope, t->now_ns, t->arena, &refs, &count, t->fail));
    for (size_t i = 0; i < count; i++) {
        if (refs[i].job_id[0] != '\0') {
            SV_TRY(work_settle(t, refs[i].job_id, refs[i].customer_id));
        }
    }
    return AL_OK;
}

/* Whether there is anything to write for this job now: most seconds there is not, and nobody shall
 * wait for an empty transaction. */
static bool
stirs(const struct store_job_watch *w, int64_t now_ns)
{
    struct store_volume v = {.bytes_total = w->bytes_total, .bytes_free = w->bytes_free};
    struct store_rule r = {.stop_used_percent = w->stop_used_percent};
    bool space = w->stop_used_percent > 0 && w->bytes_total > 0 && w->space_ns >= w->slice_ns;

    return (w->windows != NULL && w->look_ns <= now_ns) ||
           (w->windows == NULL && strcmp(w->pause_reason, "window") == 0) ||
           job_errors_too_many(w->done_files, w->failed_files, w->limit_error_percent) ||
           (w->limit_minutes > 0 && w->started_ns != 0 && w->pause_reason[0] == '\0' &&
            now_ns - w->started_ns - w->paused_ns >= (int64_t)w->limit_minutes * MINUTE_NS) ||
           (space && (rule_missing(&r, &v) == 0 ||
                      (w->works_out == 0 && w->works_later > 0 && w->slice_ns != 0)));
}

/* Read again under the lock: somebody may have paused or cancelled one meanwhile. */
static int
watch_in_tx(struct work_tx *t)
{
    struct watched k = {.arena = t->arena};

    SV_TRY(left_in_tx(t));
    SV_TRY(store_job_watched(t->db, &t->scope, t->now_ns, t->arena, keep, &k, t->fail));
    for (size_t i = 0; i < k.count; i++) {
        if (stirs(&k.jobs[i], t->now_ns)) {
            SV_TRY(watch_one(t, &k.jobs[i]));
        }
    }
    return store_commit(t->db, t->fail);
}

int
job_watch(struct service_worker *w, int64_t now_ns)
{
    struct al_arena AL_CLEANUP(al_arena_freep) *arena = al_arena_new(WORK_TICK_ARENA_MAX);
    struct watched all = {.arena = arena};
    struct scope scope = scope_system();
    struct al_fail fail = {0};
    bool due = false;
    struct work_tx t;
    int rc;

    if (arena == NULL) {
        return AL_ENOMEM;
    }
    SV_TRY(store_job_watched(w->db, &scope, now_ns, arena, keep, &all, &fail));
    SV_TRY(store_work_left_due(w->db, &scope, now_ns, &due, &fail));
    for (size_t i = 0; i < all.count && !due; i++) {
        due = stirs(&all.jobs[i], now_ns);
    }
    if (!due) {
        return AL_OK;
    }
    work_tx_system(&t, w, now_ns, arena, &fail);
    t.actor_name = "schedule";
    SV_TRY(store_begin(w->db, &fail));
    rc = watch_in_tx(&t);
    if (rc != AL_OK) {
        store_rollback(w->db);
        al_log(w->service->log, AL_LOG_WARN, "windows and limits of jobs: %s (%s)", fail.text,
               al_code_name(rc));
        return rc;
    }
    work_tell(&t);
    return AL_OK;
}
