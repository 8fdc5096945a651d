/* The numbers of a plan alone, for a rule and for a text: what is asked while one types. */
#include "server/service/plan/ask.h"
#include "server/service/plan/ops.h"

static int
preview(struct ask *k, struct service_reply *reply, int64_t now_ns)
{
    struct service *s = k->req->service;
    struct inventory_scope scope = work_ask_scope(s->work, k->v->customer_id);
    struct inventory_plan_query q = ask_query(k, now_ns);
    int64_t began = port_mono_ns(s->port), took;
    struct inventory_plan plan = {0};
    struct al_jsonout j;
    int rc = inventory_plan(s->work->inventory, &scope, k->v->id, &q, k->req->arena, &plan);

    /* Never scanned: nothing is known that could match. */
    SV_TRY(rc == AL_ENOENT ? AL_OK : ask_failed(k->fail, rc));
    took = port_mono_ns(s->port) - began;
    al_jo_begin(&j, &reply->body);
    al_jo_object(&j, NULL);
    al_jo_u64(&j, "files", plan.files);
    al_jo_u64(&j, "bytes", plan.bytes);
    al_jo_u64(&j, "freed_bytes", plan.freed_bytes);
    plan_lists_json(&j, &plan);
    al_jo_u64(&j, "took_ms", (uint64_t)(took < 0 ? 0 : took) / 1000000);
    al_jo_time(&j, "as_of_at", plan.known_ns);
    SV_TRY(plan_held_json(k->req, k->v, &plan, &j, k->fail));
    al_jo_close(&j);
    return al_jo_end(&j);
}

int
rule_preview(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    static const char *const keys[] = {"now", NULL};
    AL_CLEANUP(ask_end) struct ask k = {0};
    struct scope scope = service_scope(req->caller);
    struct store_rule rule;
    struct store_volume v;
    int64_t now_ns;

    if (req->body != NULL) {
        SV_TRY(service_body(req, fail));
        SV_TRY(service_body_keys(req, keys, fail));
    }
    SV_TRY(ask_now(req, &now_ns, fail));
    SV_TRY(store_rule_get(req->worker->db, &scope, req->ids[0], req->arena, &rule, fail));
    SV_TRY(store_volume_get(req->worker->db, &scope, rule.volume_id, req->arena, &v, fail));
    SV_TRY(ask_rule(&k, req, &rule, &v, fail));
    return preview(&k, reply, now_ns);
}

int
rule_preview_text(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    static const char *const keys[] = {"volume_id", "where", "action", "now", "rule_id", NULL};
    AL_CLEANUP(ask_end) struct ask k = {0};
    struct store_volume v;
    const char *where;
    int64_t now_ns;

    SV_TRY(service_body(req, fail));
    SV_TRY(service_body_keys(req, keys, fail));
    SV_TRY(service_body_text(req, "where", 1, RULE_TEXT_BYTES_MAX, true, &where, fail));
    SV_TRY(ask_now(req, &now_ns, fail));
    SV_TRY(ask_volume(req, &v, fail));
    SV_TRY(ask_read(&k, req, req->body, &v, fail));
    return preview(&k, reply, now_ns);
}
