#include "server/service/job/job.h"
#include "server/service/job/ops.h"
#include "server/service/plan/ask.h"
#include "server/service/rule/when.h"
#include "server/service/work/access.h"

#include <stdio.h>
#include <string.h>

/* A slice of a run by marks is this part of what is missing, and at least so many bytes; the run
 * plans so many times of it, since hosts refuse some, and so many bytes more. */
#define SLICES 8u
#define SLICE_BYTES_MIN (UINT64_C(1) << 20)
#define MISSING_TIMES 4u
#define MISSING_MORE (UINT64_C(1) << 30)

struct running {
    struct job_maker *maker;
    uint64_t files, bytes; /* limits; 0: none */
};

static int
run_row(void *ctx, const struct inventory_row *row)
{
    struct running *r = ctx;

    return job_maker_add(r->maker, row->path, row);
}

/* What the works of this run tell the host of accesses. */
static int
note_coverage(const struct planning *p, struct job_maker *m)
{
    struct inventory_scope scope = work_inventory_scope(p->v.customer_id);
    struct inventory_coverage *c;
    int rc;

    if (p->v.audit == NULL) {
        return AL_OK;
    }
    c = al_arena_alloc(p->arena, sizeof(*c));
    if (c == NULL) {
        return AL_ENOMEM;
    }
    c->audited = true;
    rc = inventory_coverage(p->worker->service->work->inventory, &scope, p->v.id, c);
    m->coverage = c;
    m->plan_ns = p->now_ns;
    return rc == AL_ENOENT ? AL_OK : rc;
}

static int
run_tier(struct planning *p, struct job_maker *m, struct inventory_plan *plan)
{
    struct inventory_scope scope = work_limited_scope(p->v.customer_id, WORK_RUN_NS);
    struct inventory_plan_query q = plan_query(p);
    struct inventory_limits limits = {p->of.limit_files, p->of.limit_bytes};
    struct running r = {.maker = m};
    int rc;

    /* More than a job holds goes into the next run; the oldest files are first. */
    if (limits.files == 0 || limits.files > JOB_ITEMS_MAX) {
        limits.files = JOB_ITEMS_MAX;
    }
    if (m->slice_bytes > 0) {
        uint64_t enough = m->first_bytes * MISSING_TIMES + MISSING_MORE;

        limits.bytes = limits.bytes == 0 || limits.bytes > enough ? enough : limits.bytes;
    }
    SV_TRY(note_coverage(p, m));
    SV_TRY(plan_get(p, plan));
    rc = inventory_candidates(p->worker->service->work->inventory, &scope, p->v.id, &q, &limits,
                              run_row, &r);
    return rc == AL_ENOENT ? AL_OK : ask_failed(p->fail, rc);
}

static int
recall_row(void *ctx, const struct inventory_row *row)
{
    struct running *r = ctx;

    if ((r->files != 0 && r->maker->files >= r->files) ||
        (r->bytes != 0 && r->maker->bytes + row->size > r->bytes)) {
        return AL_ELIMIT;
    }
    return job_maker_add(r->maker, row->path, row);
}

static int
run_recall(struct planning *p, struct job_maker *m, enum rule_state state)
{
    struct inventory_scope scope = work_limited_scope(p->v.customer_id, WORK_RUN_NS);
    struct al_arena AL_CLEANUP(al_arena_freep) *arena = al_arena_new(1u << 20);
    char AL_CLEANUP(al_freep) *cursor = NULL;
    struct running r = {m, p->of.limit_files, p->of.limit_bytes};
    struct inventory_list_query q = {
        .recursive = true,
        .state = state,
        .files_only = true,
        .rule = p->ranked.rule,
        .now_ns = p->now_ns,
        .limit = INVENTORY_PAGE_MAX,
    };
    struct inventory_page page;
    int rc;

    if (arena == NULL) {
        return AL_ENOMEM;
    }
    do {
        page = (struct inventory_page){0};
        q.cursor = cursor;
        rc = inventory_list(p->worker->service->work->inventory, &scope, p->v.id, &q, recall_row,
                            &r, arena, &page, NULL);
        if (rc == AL_ELIMIT || rc == AL_ENOENT) {
            return AL_OK; /* as many as one run may have; or never scanned */
        }
        SV_TRY(ask_failed(p->fail, rc));
        al_free(cursor);
        cursor = page.next_cursor == NULL ? NULL : al_strdup(page.next_cursor);
        if (cursor == NULL && page.next_cursor != NULL) {
            return AL_ENOMEM;
        }
        al_arena_reset(arena);
    } while (cursor != NULL);
    return AL_OK;
}

int
run_kind(const char *action, enum store_job_kind *ret)
{
    static const enum store_job_kind kinds[] = {STORE_J_TIER, STORE_J_ARCHIVE, STORE_J_RECALL};

    for (size_t i = 0; i < AL_LEN(kinds); i++) { /* a job is called as what its rule does */
        if (strcmp(action, store_job_kind_name(kinds[i])) == 0) {
            *ret = kinds[i];
            return AL_OK;
        }
    }
    return AL_EINVAL;
}

static int
can_run(struct planning *p, enum store_job_kind *ret_kind)
{
    if (run_kind(p->of.action, ret_kind) != AL_OK) {
        return al_fail_set(p->fail, AL_ECONFLICT, 0,
                           "a rule that says %s is not run; it keeps other rules off its files",
                           p->of.action);
    }
    if (!p->of.enabled) {
        return al_fail_set(p->fail, AL_ECONFLICT, 0, "this rule is switched off");
    }
    if (p->of.suspended_ns != 0) {
        return al_fail_set(p->fail, AL_ECONFLICT, 0, "this rule is suspended: %.150s",
                           p->of.suspended_text);
    }
    if (p->v.share_id[0] == '\0') {
        return al_fail_set(p->fail, AL_ECONFLICT, 0, "the volume has no share");
    }
    if (p->of.share_id[0] != '\0' && strcmp(p->of.share_id, p->v.share_id) != 0) {
        return al_fail_set(p->fail, AL_ECONFLICT, 0,
                           "the rule names another share than its volume uses");
    }
    return AL_OK;
}

/* What the inventory knows already to be refused is told beside what the host refuses, so that
 * nothing matched goes unexplained. */
static int
note_refusals(struct work_tx *t, const struct store_job *job, const struct inventory_plan *plan)
{
    for (size_t i = 0; i < plan->refusal_count; i++) {
        const struct inventory_refusal *r = &plan->refusals[i];
        struct al_span path = {r->sample.at + 1, r->sample.len - 1};

        SV_TRY(store_job_reason(t->db, &t->scope, job->id, r->reason, al_code_name(AL_OK),
                                (int64_t)r->files, path, t->fail));
    }
    return AL_OK;
}

int
run_alone(struct work_tx *t, enum store_job_kind kind, const char *rule_id)
{
    al_id open;
    int rc = store_job_find_open(t->db, &t->scope, kind, NULL, rule_id, NULL, open, NULL);

    if (rc == AL_OK) {
        return al_fail_set(t->fail, AL_ECONFLICT, 0, "this rule is at work already in job %s",
                           open);
    }
    return rc == AL_ENOENT ? AL_OK : rc;
}

int
run_gather(struct planning *p, struct job_maker *m, enum store_job_kind *ret_kind,
           struct inventory_plan *ret)
{
    int rc;

    SV_TRY(can_run(p, ret_kind));
    if (p->of.stop_used_percent > 0 && p->v.bytes_total > 0) {
        m->first_bytes = rule_missing(&p->of, &p->v);
        if (m->first_bytes == 0) {
            return al_fail_set(p->fail, AL_ECONFLICT, 0,
                               "the volume is used to %u %%, below the rule's stop mark of %u %%: "
                               "there is nothing to free",
                               rule_used_percent(&p->v), (unsigned)p->of.stop_used_percent);
        }
        m->slice_bytes =
            m->first_bytes / SLICES > SLICE_BYTES_MIN ? m->first_bytes / SLICES : SLICE_BYTES_MIN;
    }
    if (store_job_kind_writes(*ret_kind)) {
        rc = run_tier(p, m, ret);
    } else {
        rc = run_recall(p, m, RULE_S_STUB);
        rc = rc != AL_OK ? rc : run_recall(p, m, RULE_S_ARCHIVED);
    }
    return rc == AL_OK ? AL_OK : al_fail_set(p->fail, rc, 0, "the inventory could not be asked");
}

int
run_make(struct planning *p, struct work_tx *t, struct job_maker *m, enum store_job_kind kind,
         const struct inventory_plan *plan, struct store_job *ret)
{
    struct store_rule now;

    SV_TRY(store_rule_get(t->db, &t->scope, p->of.id, t->arena, &now, t->fail));
    if (now.version != p->of.version) {
        return al_fail_set(t->fail, AL_ECONFLICT, 0, "the rule was changed meanwhile");
    }
    SV_TRY(run_alone(t, kind, p->of.id));
    SV_TRY(job_start(t, kind, &p->v, ret));
    memcpy(ret->rule_id, p->of.id, sizeof(al_id));
    ret->rule_where = p->of.where;
    ret->rule_version = p->of.version;
    ret->plan_ns = p->now_ns;
    for (size_t i = 0; i < plan->refusal_count; i++) {
        ret->refused_files += plan->refusals[i].files;
    }
    SV_TRY(job_maker_write(m, t, ret));
    return note_refusals(t, ret, plan);
}

int
rule_run(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    struct planning AL_CLEANUP(planning_end) p = {.now_ns = req->now_ns};
    struct job_maker AL_CLEANUP(job_maker_end) maker = {0};
    struct service_tx AL_CLEANUP(service_tx_end) tx = {0};
    struct scope scope = service_scope(req->caller);
    struct inventory_plan plan = {0};
    enum store_job_kind kind = STORE_J_TIER;
    struct store_job job;
    struct work_tx t;

    job_maker_begin(&maker);
    SV_TRY(store_rule_get(req->worker->db, &scope, req->ids[0], req->arena, &p.of, fail));
    SV_TRY(plan_prepare(&p, req->worker, &scope, p.of.volume_id, p.of.where, fail));
    work_tx_of(&t, req, fail);
    if (req->idempotency_key == NULL) { /* with a key the answer may be there already */
        SV_TRY(can_run(&p, &kind));
        SV_TRY(run_alone(&t, kind, p.of.id));
    }
    SV_TRY(run_gather(&p, &maker, &kind, &plan));
    SV_TRY(service_begin(req, reply, &tx, fail));
    if (tx.replayed) {
        return AL_OK;
    }
    SV_TRY(run_make(&p, &t, &maker, kind, &plan, &job));
    return job_answer(req, reply, &tx, &t, &job, fail);
}
