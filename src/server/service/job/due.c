#include "server/service/job/job.h"
#include "server/service/rule/when.h"

#include <string.h>

/* Rules that run by themselves. One at a time is planned, outside of any transaction, on a thread of
 * its own (altod's planner), since a large volume takes its time; then the job and the rule's next
 * moment are written together, so that a moment is run once whatever dies in between. */

#define DUE_ARENA_MAX (64u << 20)
#define RULES_MAX 64u                       /* rules that one call plans; the next call goes on */
#define TURN_NS (INT64_C(2) * 1000000000)   /* and no further one after so long */
#define REST_NS (INT64_C(600) * 1000000000) /* of marks whose run did not reach the stop mark */
#define AGAIN_NS (INT64_C(60) * 1000000000) /* after a failure that may pass */
#define BACK_NS                                                                                    \
    (INT64_C(3600) * 1000000000) /* the clock was set back: what ran in less than that, ran */
#define AHEAD_NS (INT64_C(15) * 86400 * 1000000000) /* no rest and no window is further away */

struct due {
    struct service_worker *w;
    struct al_arena *arena;
    struct al_fail fail;
    struct store_rule r;
    int64_t now_ns, next_ns, rest_ns;
    bool late; /* its moment was while altod did not run */
};

static void
tx_of(struct work_tx *t, struct due *d)
{
    work_tx_system(t, d->w, d->now_ns, d->arena, &d->fail);
    t->actor_name = "schedule";
}

static int
event(struct work_tx *t, const struct due *d, const char *act, int code, const char *text,
      const char *job_id)
{
    struct al_buf AL_CLEANUP(al_buf_free) detail = {0};
    struct al_jsonout j;

    al_buf_init(&detail, 8192);
    al_jo_begin(&j, &detail);
    al_jo_object(&j, NULL);
    al_jo_time(&j, "due_at", d->r.next_run_ns);
    al_jo_str(&j, "text", text);
    al_jo_time(&j, "next_run_at", d->next_ns);
    if (job_id != NULL) {
        al_jo_str(&j, "job_id", job_id);
    }
    al_jo_close(&j);
    SV_TRY(al_jo_end(&j));
    return work_event(t, &(struct work_event){
                             .customer_id = d->r.customer_id,
                             .act = act,
                             .subject_type = "rule",
                             .subject_id = d->r.id,
                             .subject = al_span_of(d->r.name),
                             .code = al_code_name(code),
                             .detail = &detail,
                         });
}

/* The rule as it was found, still due for the same moment. AL_ECHANGED. */
static int
still_due(struct work_tx *t, const struct due *d)
{
    struct store_rule now;
    int rc = store_rule_get(t->db, &t->scope, d->r.id, t->arena, &now, t->fail);

    if (rc == AL_OK && (now.version != d->r.version || now.next_run_ns != d->r.next_run_ns ||
                        now.rest_until_ns != d->r.rest_until_ns || now.suspended_ns != 0)) {
        return AL_ECHANGED;
    }
    return rc == AL_ENOENT ? AL_ECHANGED : rc;
}

/* Not run, and why; text NULL: nothing to tell, it is simply not time. */
static int
skip_in_tx(struct work_tx *t, struct due *d, int code, const char *text)
{
    SV_TRY(still_due(t, d));
    SV_TRY(store_rule_next(t->db, &t->scope, d->r.id, d->next_ns, d->rest_ns, t->fail));
    if (text != NULL) {
        SV_TRY(event(t, d, "rule.skip", code, text, NULL));
    }
    return store_commit(t->db, t->fail);
}

static int
skip(struct due *d, int code, const char *text)
{
    struct work_tx t;
    int rc;

    tx_of(&t, d);
    d->fail = (struct al_fail){0};
    SV_TRY(store_begin(t.db, &d->fail));
    rc = skip_in_tx(&t, d, code, text);
    if (rc != AL_OK) {
        store_rollback(t.db);
        return rc;
    }
    return AL_OK;
}

/* Whether its windows and marks let it run now; otherwise it is done with. */
static int
may_run(struct due *d, bool *ret)
{
    struct scope scope = scope_system();
    struct store_volume v;
    int64_t until = 0;
    bool open = true;

    *ret = false;
    SV_TRY(rule_next_run(&d->r, d->now_ns, &d->next_ns, &d->fail));
    SV_TRY(rule_window_at(d->r.windows, d->now_ns, &open, &until, &d->fail));
    if (!open && d->late) {
        return skip(d, AL_OK,
                    "it was due while altod did not run, and its window is closed: the next run is "
                    "by schedule");
    }
    if (!open) { /* its windows changed, or marks alone make it due: when the next one opens */
        if (d->r.cron == NULL) {
            d->rest_ns = until;
        } else if (until != INT64_MAX) {
            d->next_ns = until;
        }
        return skip(d, AL_OK, NULL);
    }
    if (d->r.start_used_percent > 0) {
        SV_TRY(store_volume_get(d->w->db, &scope, d->r.volume_id, d->arena, &v, &d->fail));
        if (v.bytes_total > 0 && rule_used_percent(&v) < d->r.start_used_percent) {
            return skip(d, AL_OK, NULL);
        }
    }
    *ret = true;
    return AL_OK;
}

static int
run_in_tx(struct work_tx *t, struct due *d, struct planning *p, struct job_maker *m,
          enum store_job_kind kind, const struct inventory_plan *plan)
{
    struct store_job job;

    SV_TRY(still_due(t, d));
    SV_TRY(run_make(p, t, m, kind, plan, &job));
    SV_TRY(store_rule_next(t->db, &t->scope, d->r.id, d->next_ns,
                           d->r.start_used_percent > 0 ? d->rest_ns : 0, t->fail));
    if (d->late) {
        SV_TRY(event(t, d, "rule.late", AL_OK, "it was due while altod did not run", job.id));
    }
    return store_commit(t->db, t->fail);
}

static int
run(struct due *d, struct planning *p, struct job_maker *m)
{
    struct scope scope = scope_customer(d->r.customer_id);
    struct inventory_plan plan = {0};
    enum store_job_kind kind = STORE_J_TIER;
    struct work_tx t;
    int rc;

    p->of = d->r;
    p->now_ns = d->now_ns;
    tx_of(&t, d);
    SV_TRY(plan_prepare(p, d->w, &scope, d->r.volume_id, d->r.where, &d->fail));
    SV_TRY(run_kind(d->r.action, &kind));
    SV_TRY(run_alone(&t, kind, d->r.id));
    SV_TRY(run_gather(p, m, &kind, &plan));
    SV_TRY(store_begin(t.db, &d->fail));
    rc = run_in_tx(&t, d, p, m, kind, &plan);
    if (rc != AL_OK) {
        store_rollback(t.db);
        return rc;
    }
    work_tell(&t);
    return AL_OK;
}

static int
one(struct due *d)
{
    struct planning AL_CLEANUP(planning_end) p = {0};
    struct job_maker AL_CLEANUP(job_maker_end) maker = {0};
    char text[sizeof(d->fail.text)];
    bool may = false;
    int rc;

    d->rest_ns = d->now_ns + REST_NS;
    d->late = d->r.next_run_ns > 0 && d->r.next_run_ns < d->w->service->opened_ns;
    job_maker_begin(&maker);
    rc = may_run(d, &may);
    if (rc == AL_OK && may) {
        rc = run(d, &p, &maker);
    }
    if (rc == AL_OK || rc == AL_ECHANGED) { /* changed: looked at anew */
        return AL_OK;
    }
    memcpy(text, d->fail.text, sizeof(text));
    if (rc != AL_ECONFLICT && rc != AL_EINVAL && rc != AL_ELIMIT && rc != AL_ETIMEDOUT) {
        d->next_ns = d->r.cron != NULL ? d->now_ns + AGAIN_NS : 0;
    }
    rc = skip(d, rc, text);
    return rc == AL_ECHANGED ? AL_OK : rc;
}

/* ---- a clock that stood ahead ---- */

static int
again_in_tx(struct work_tx *t, int64_t rest_max_ns)
{
    struct store_rule r = {.id = ""};
    al_id last = "";

    SV_TRY(store_rule_rest_over(t->db, &t->scope, rest_max_ns, t->fail));
    for (;;) {
        int64_t next_ns;
        int rc = store_rule_ahead(t->db, &t->scope, last, t->now_ns, t->arena, &r, t->fail);

        if (rc != AL_OK) {
            return rc == AL_ENOENT ? store_commit(t->db, t->fail) : rc;
        }
        memcpy(last, r.id, sizeof(last));
        SV_TRY(rule_next_run(&r, t->now_ns, &next_ns, t->fail));
        if (next_ns != 0 && next_ns < r.next_run_ns) {
            SV_TRY(store_rule_next(t->db, &t->scope, r.id, next_ns, 0, t->fail));
        }
    }
}

/* Moments were worked out from a clock that stood ahead, for a while or before altod was started: they are worked
 * out again, or no rule would run before that clock's time comes. */
static int
clock_back(struct service_worker *w, int64_t now_ns)
{
    struct service *s = w->service;
    bool first = s->planned_ns == 0, back = now_ns < s->planned_ns - BACK_NS;
    struct al_arena AL_CLEANUP(al_arena_freep) *arena = NULL;
    struct al_fail fail = {0};
    struct work_tx t;
    int rc;

    if (!first && !back) {
        s->planned_ns = now_ns > s->planned_ns ? now_ns : s->planned_ns;
        return AL_OK;
    }
    arena = al_arena_new(DUE_ARENA_MAX);
    if (arena == NULL) {
        return AL_ENOMEM;
    }
    work_tx_system(&t, w, now_ns, arena, &fail);
    SV_TRY(store_begin(t.db, &fail));
    rc = again_in_tx(&t, back ? now_ns : now_ns + AHEAD_NS);
    if (rc != AL_OK) {
        store_rollback(t.db);
        return rc;
    }
    s->planned_ns = now_ns;
    return AL_OK;
}

int
service_schedule(struct service_worker *w, int64_t now_ns)
{
    struct scope scope = scope_system();
    struct port *port = w->service->port;
    int64_t began = port_mono_ns(port), took = 0;

    SV_TRY(clock_back(w, now_ns));
    for (unsigned i = 0; i < RULES_MAX && took < TURN_NS; i++) {
        struct al_arena AL_CLEANUP(al_arena_freep) *arena = al_arena_new(DUE_ARENA_MAX);
        struct due d = {.w = w, .arena = arena, .now_ns = now_ns + took};
        int rc;

        if (arena == NULL) {
            return AL_ENOMEM;
        }
        rc = store_rule_due(w->db, &scope, d.now_ns, arena, &d.r, &d.fail);
        if (rc != AL_OK) {
            return rc == AL_ENOENT ? AL_OK : rc;
        }
        rc = one(&d);
        if (rc != AL_OK) {
            al_log(w->service->log, AL_LOG_WARN, "rule %s could not run by itself: %s (%s)", d.r.id,
                   d.fail.text, al_code_name(rc));
            return rc;
        }
        took = port_mono_ns(port) - began; /* planning takes its time */
    }
    return AL_OK;
}
