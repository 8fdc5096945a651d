#include "server/service/plan/ask.h"
#include "server/service/plan/ops.h"
#include "server/service/plan/plan.h"

#include <string.h>

#define PLAN_ARENA_MAX (16u << 20)

void
planning_end(struct planning *p)
{
    ranked_end(&p->ranked);
    p->arena = al_arena_free(p->arena);
}

int
plan_prepare(struct planning *p, struct service_worker *w, const struct scope *scope,
             const char *volume_id, const char *where, struct al_fail *fail)
{
    p->worker = w;
    p->fail = fail;
    p->scope = *scope;
    p->arena = al_arena_new(PLAN_ARENA_MAX);
    if (p->arena == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    SV_TRY(store_volume_get(w->db, &p->scope, volume_id, p->arena, &p->v, fail));
    return ranked_make(&p->ranked,
                       &(struct ranked_of){
                           .db = w->db,
                           .scope = &p->scope,
                           .volume_id = p->v.id,
                           .rule_id = p->of.id,
                           .where = where,
                           .arena = p->arena,
                       },
                       fail);
}

struct inventory_plan_query
plan_query(const struct planning *p)
{
    return ranked_query(&p->ranked, p->now_ns);
}

int
plan_get(struct planning *p, struct inventory_plan *ret)
{
    struct inventory_scope scope =
        p->for_run ? work_limited_scope(p->v.customer_id, WORK_RUN_NS)
                   : work_ask_scope(p->worker->service->work, p->v.customer_id);
    struct inventory_plan_query q = plan_query(p);
    int rc =
        inventory_plan(p->worker->service->work->inventory, &scope, p->v.id, &q, p->arena, ret);

    if (rc == AL_ENOENT) {
        *ret = (struct inventory_plan){0}; /* never scanned: nothing is known that could match */
        return AL_OK;
    }
    return ask_failed(p->fail, rc);
}

/* ---- preview ---- */

static int
preview(struct planning *p, struct service_reply *reply)
{
    struct port *port = p->worker->service->port;
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
    plan_lists_json(&j, &plan);
    al_jo_u64(&j, "took_ms", (uint64_t)(took < 0 ? 0 : took) / 1000000);
    al_jo_time(&j, "as_of_at", plan.known_ns);
    al_jo_close(&j);
    return al_jo_end(&j);
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
    SV_TRY(ask_now(req, &p.now_ns, fail));
    SV_TRY(store_rule_get(req->worker->db, &scope, req->ids[0], req->arena, &p.of, fail));
    SV_TRY(plan_prepare(&p, req->worker, &scope, p.of.volume_id, p.of.where, fail));
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
    SV_TRY(ask_now(req, &p.now_ns, fail));
    if (rule[0] != '\0') { /* a text that is to take the place of this rule's */
        SV_TRY(store_rule_get(req->worker->db, &scope, rule, req->arena, &p.of, fail));
    }
    SV_TRY(plan_prepare(&p, req->worker, &scope, volume, where, fail));
    return preview(&p, reply);
}
