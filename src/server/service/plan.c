#include "server/service/work_priv.h"

#include <stdio.h>
#include <string.h>

#define PLAN_ARENA_MAX (16u << 20)

/* A rule to be planned, and those that come before it on its volume. */
struct planning { /* planning_end for AL_CLEANUP */
    struct service_req *req;
    struct scope scope;
    struct al_arena *arena;
    struct al_fail *fail;
    struct store_volume v;
    struct store_rule of; /* .id empty: of a text, behind all rules there are */
    struct rule *rule;
    int64_t now_ns;
    struct rule *parsed[INVENTORY_EARLIER_MAX]; /* of the earlier ones */
    struct inventory_earlier earlier[INVENTORY_EARLIER_MAX];
    size_t earlier_count;
    bool past; /* the rule itself was met: what follows comes later */
};

static void
planning_end(struct planning *p)
{
    for (size_t i = 0; i < p->earlier_count; i++) {
        p->parsed[i] = rule_free(p->parsed[i]);
    }
    p->rule = rule_free(p->rule);
    p->arena = al_arena_free(p->arena);
}

static int
parse(struct planning *p, const char *where, struct rule **ret)
{
    struct rule_error error;
    int rc = rule_parse(al_span_of(where), NULL, ret, &error);

    if (rc == AL_EINVAL || rc == AL_ELIMIT) {
        return al_fail_set(p->fail, AL_EINVAL, 0, "at byte %zu: %s%s%s", error.at, error.message,
                           error.expected[0] == '\0' ? "" : "; expected ", error.expected);
    }
    return rc;
}

static int
one_earlier(void *ctx, const struct store_rule *r)
{
    struct planning *p = ctx;
    const char *reason = strcmp(r->action, "exclude") == 0 ? "excluded"
                         : strcmp(r->action, "pin") == 0   ? "pinned"
                                                           : "earlier_rule";

    p->past = p->past || strcmp(r->id, p->of.id) == 0;
    if (p->past) {
        return AL_OK;
    }
    /* A rule that would tier the file anyway decides it too; one that recalls says that it shall
     * not be tiered. */
    if (p->earlier_count == INVENTORY_EARLIER_MAX) {
        return al_fail_set(p->fail, AL_ELIMIT, 0, "more than %u rules come before this one",
                           INVENTORY_EARLIER_MAX);
    }
    SV_TRY(parse(p, r->where, &p->parsed[p->earlier_count]));
    p->earlier[p->earlier_count] = (struct inventory_earlier){p->parsed[p->earlier_count], reason};
    p->earlier_count++;
    return AL_OK;
}

static int
plan_prepare(struct planning *p, struct service_req *req, const char *volume_id, const char *where,
             struct al_fail *fail)
{
    struct store *db = req->worker->db;

    p->req = req;
    p->fail = fail;
    p->scope = service_scope(req->caller);
    p->arena = al_arena_new(PLAN_ARENA_MAX);
    if (p->arena == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    SV_TRY(store_volume_get(db, &p->scope, volume_id, req->arena, &p->v, fail));
    SV_TRY(parse(p, where, &p->rule));
    return store_rule_each(db, &p->scope, p->v.id, req->arena, one_earlier, p, fail);
}

static struct inventory_plan_query
plan_query(const struct planning *p)
{
    return (struct inventory_plan_query){
        .rule = p->rule,
        .now_ns = p->now_ns,
        .earlier = p->earlier,
        .earlier_count = p->earlier_count,
    };
}

static int
plan_get(struct planning *p, struct inventory_plan *ret)
{
    struct inventory_scope scope = work_inventory_scope(p->v.customer_id);
    struct inventory_plan_query q = plan_query(p);
    int rc = inventory_plan(p->req->service->work->inventory, &scope, p->v.id, &q, p->arena, ret);

    if (rc == AL_ENOENT) {
        *ret = (struct inventory_plan){0}; /* never scanned: nothing is known that could match */
        return AL_OK;
    }
    return rc == AL_OK ? AL_OK : al_fail_set(p->fail, rc, 0, "the inventory could not be asked");
}

/* ---- preview ---- */

static void
plan_lists(struct al_jsonout *j, const struct inventory_plan *plan)
{
    al_jo_array(j, "refusals");
    for (size_t i = 0; i < plan->refusal_count; i++) {
        al_jo_object(j, NULL);
        al_jo_str(j, "reason", plan->refusals[i].reason);
        al_jo_u64(j, "files", plan->refusals[i].files);
        al_jo_u64(j, "bytes", plan->refusals[i].bytes);
        al_jo_close(j);
    }
    al_jo_close(j);
    al_jo_array(j, "folders");
    for (size_t i = 0; i < plan->folder_count; i++) {
        al_jo_object(j, NULL);
        al_jo_bytes(j, "path", plan->folders[i].path);
        al_jo_u64(j, "files", plan->folders[i].files);
        al_jo_u64(j, "bytes", plan->folders[i].bytes);
        al_jo_close(j);
    }
    al_jo_close(j);
    al_jo_array(j, "sample");
    for (size_t i = 0; i < plan->sample_count; i++) {
        file_row_json(j, NULL, &plan->sample[i]);
    }
    al_jo_close(j);
}

static int
preview(struct planning *p, struct service_reply *reply)
{
    struct port *port = p->req->service->port;
    int64_t began = port_mono_ns(port), took;
    struct inventory_plan plan;
    struct al_jsonout j;

    SV_TRY(plan_get(p, &plan));
    took = port_mono_ns(port) - began;
    al_jo_begin(&j, &reply->body);
    al_jo_object(&j, NULL);
    al_jo_u64(&j, "files", plan.files);
    al_jo_u64(&j, "bytes", plan.bytes);
    al_jo_u64(&j, "freed_bytes", plan.freed_bytes);
    plan_lists(&j, &plan);
    al_jo_u64(&j, "took_ms", (uint64_t)(took < 0 ? 0 : took) / 1000000);
    al_jo_time(&j, "as_of_at", plan.last_scan_ns);
    al_jo_close(&j);
    return al_jo_end(&j);
}

static int
body_now(struct service_req *req, int64_t *ret, struct al_fail *fail)
{
    const char *text = NULL;

    *ret = req->now_ns;
    if (req->body == NULL) {
        return AL_OK;
    }
    SV_TRY(service_body_text(req, "now", 1, 64, false, &text, fail));
    if (text != NULL && al_time_parse(text, ret) != AL_OK) {
        return al_fail_set(fail, AL_EINVAL, 0, "\"now\" is a time like 2026-11-23T08:30:00Z");
    }
    return AL_OK;
}

int
rule_preview(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    static const char *const keys[] = {"now", NULL};
    struct planning AL_CLEANUP(planning_end) p = {0};
    struct scope scope = service_scope(req->caller);

    if (req->body != NULL) {
        SV_TRY(service_body(req, fail));
        SV_TRY(service_body_keys(req, keys, fail));
    }
    SV_TRY(body_now(req, &p.now_ns, fail));
    SV_TRY(store_rule_get(req->worker->db, &scope, req->ids[0], req->arena, &p.of, fail));
    SV_TRY(plan_prepare(&p, req, p.of.volume_id, p.of.where, fail));
    return preview(&p, reply);
}

int
rule_preview_text(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    static const char *const keys[] = {"volume_id", "where", "action", "now", "rule_id", NULL};
    static const char *const actions[] = {"tier", "recall", "pin", "exclude", NULL};
    struct planning AL_CLEANUP(planning_end) p = {0};
    struct scope scope = service_scope(req->caller);
    const char *where = NULL, *action = NULL;
    al_id volume = "", rule = "";

    SV_TRY(service_body(req, fail));
    SV_TRY(service_body_keys(req, keys, fail));
    SV_TRY(service_body_id(req, "volume_id", true, volume, fail));
    SV_TRY(service_body_id(req, "rule_id", false, rule, fail));
    SV_TRY(service_body_text(req, "where", 1, RULE_TEXT_BYTES_MAX, true, &where, fail));
    SV_TRY(service_body_word(req, "action", actions, false, &action, fail));
    SV_TRY(body_now(req, &p.now_ns, fail));
    if (rule[0] != '\0') { /* a text that is to take the place of this rule's */
        SV_TRY(store_rule_get(req->worker->db, &scope, rule, req->arena, &p.of, fail));
    }
    SV_TRY(plan_prepare(&p, req, volume, where, fail));
    return preview(&p, reply);
}

/* ---- run ---- */

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

static int
run_tier(struct planning *p, struct job_maker *m, struct inventory_plan *plan)
{
    struct inventory_scope scope = work_inventory_scope(p->v.customer_id);
    struct inventory_plan_query q = plan_query(p);
    struct inventory_limits limits = {p->of.limit_files, p->of.limit_bytes};
    struct running r = {.maker = m};
    int rc;

    /* More than a job holds goes into the next run; the oldest files are first. */
    if (limits.files == 0 || limits.files > JOB_ITEMS_MAX) {
        limits.files = JOB_ITEMS_MAX;
    }
    SV_TRY(plan_get(p, plan));
    rc = inventory_candidates(p->req->service->work->inventory, &scope, p->v.id, &q, &limits,
                              run_row, &r);
    return rc == AL_ENOENT ? AL_OK : rc;
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
run_recall(struct planning *p, struct job_maker *m)
{
    struct inventory_scope scope = work_inventory_scope(p->v.customer_id);
    struct al_arena AL_CLEANUP(al_arena_freep) *arena = al_arena_new(1u << 20);
    char AL_CLEANUP(al_freep) *cursor = NULL;
    struct running r = {m, p->of.limit_files, p->of.limit_bytes};
    struct inventory_list_query q = {
        .recursive = true,
        .state = RULE_S_STUB,
        .files_only = true,
        .rule = p->rule,
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
        rc = inventory_list(p->req->service->work->inventory, &scope, p->v.id, &q, recall_row, &r,
                            arena, &page, NULL);
        if (rc == AL_ELIMIT || rc == AL_ENOENT) {
            return AL_OK; /* as many as one run may have; or never scanned */
        }
        SV_TRY(rc);
        al_free(cursor);
        cursor = page.next_cursor == NULL ? NULL : al_strdup(page.next_cursor);
        if (cursor == NULL && page.next_cursor != NULL) {
            return AL_ENOMEM;
        }
        al_arena_reset(arena);
    } while (cursor != NULL);
    return AL_OK;
}

static int
can_run(struct planning *p, enum store_job_kind *ret_kind)
{
    if (strcmp(p->of.action, "tier") == 0) {
        *ret_kind = STORE_J_TIER;
    } else if (strcmp(p->of.action, "recall") == 0) {
        *ret_kind = STORE_J_RECALL;
    } else {
        return al_fail_set(p->fail, AL_ECONFLICT, 0,
                           "a rule that says %s is not run; it keeps other rules off its files",
                           p->of.action);
    }
    if (!p->of.enabled) {
        return al_fail_set(p->fail, AL_ECONFLICT, 0, "this rule is switched off");
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

static int
not_running(struct work_tx *t, enum store_job_kind kind, const char *rule_id)
{
    al_id open;
    int rc = store_job_find_open(t->db, &t->scope, kind, NULL, rule_id, NULL, open, NULL);

    if (rc == AL_OK) {
        return al_fail_set(t->fail, AL_ECONFLICT, 0, "this rule is at work already in job %s",
                           open);
    }
    return rc == AL_ENOENT ? AL_OK : rc;
}

static int
run_write(struct planning *p, struct service_reply *reply, struct job_maker *m,
          enum store_job_kind kind, const struct inventory_plan *plan)
{
    struct service_req *req = p->req;
    struct service_tx AL_CLEANUP(service_tx_end) tx = {0};
    struct store_rule now;
    struct store_job job;
    struct work_tx t;

    SV_TRY(service_begin(req, reply, &tx, p->fail));
    if (tx.replayed) {
        return AL_OK;
    }
    work_tx_of(&t, req, p->fail);
    SV_TRY(store_rule_get(t.db, &t.scope, p->of.id, req->arena, &now, p->fail));
    if (now.version != p->of.version) {
        return al_fail_set(p->fail, AL_ECONFLICT, 0, "the rule was changed meanwhile");
    }
    SV_TRY(not_running(&t, kind, p->of.id));
    SV_TRY(job_start(&t, req, kind, &p->v, &job));
    memcpy(job.rule_id, p->of.id, sizeof(al_id));
    job.rule_where = p->of.where;
    job.plan_ns = p->now_ns;
    for (size_t i = 0; i < plan->refusal_count; i++) {
        job.refused_files += plan->refusals[i].files;
    }
    SV_TRY(job_maker_write(m, &t, &job));
    SV_TRY(note_refusals(&t, &job, plan));
    return job_answer(req, reply, &tx, &t, &job, p->fail);
}

int
rule_run(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    struct planning AL_CLEANUP(planning_end) p = {.now_ns = req->now_ns};
    struct job_maker AL_CLEANUP(job_maker_end) maker = {0};
    struct scope scope = service_scope(req->caller);
    struct inventory_plan plan = {0};
    enum store_job_kind kind = STORE_J_TIER;
    struct work_tx t;
    int rc;

    job_maker_begin(&maker);
    SV_TRY(store_rule_get(req->worker->db, &scope, req->ids[0], req->arena, &p.of, fail));
    SV_TRY(plan_prepare(&p, req, p.of.volume_id, p.of.where, fail));
    SV_TRY(can_run(&p, &kind));
    if (req->idempotency_key == NULL) { /* with a key the answer may be there already */
        work_tx_of(&t, req, fail);
        SV_TRY(not_running(&t, kind, p.of.id));
    }
    rc = kind == STORE_J_TIER ? run_tier(&p, &maker, &plan) : run_recall(&p, &maker);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, 0, "the inventory could not be asked");
    }
    return run_write(&p, reply, &maker, kind, &plan);
}
