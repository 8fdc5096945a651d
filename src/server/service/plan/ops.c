#include "server/service/plan/ask.h"
#include "server/service/plan/costs.h"
#include "server/service/plan/ops.h"

#include <string.h>

/* ---- plan ---- */

struct planned { /* everything a plan tells */
    struct inventory_plan plan;
    struct inventory_plan_charts charts;
    struct inventory_difference difference;
    struct store_costs costs;
    uint64_t days;
    bool compared;
};

static int
compare(struct service_req *req, const struct store_volume *v,
        const struct inventory_plan_query *mine, struct al_arena *arena, struct planned *p,
        struct al_fail *fail)
{
    static const char *const keys[] = {"where", "rule_id", "version", "action", NULL};
    AL_CLEANUP(ask_end) struct ask other = {0};
    struct inventory_scope scope = work_ask_scope(req->service->work, v->customer_id);
    struct service_req part = *req;
    struct inventory_plan_query theirs;
    int rc;

    part.body = json_object_get(req->body, "compare");
    if (part.body == NULL || json_is_null(part.body)) {
        return AL_OK;
    }
    if (!json_is_object(part.body)) {
        return al_fail_set(fail, AL_EINVAL, 0, "\"compare\" is an object with where or rule_id");
    }
    SV_TRY(service_body_keys(&part, keys, fail));
    SV_TRY(ask_read(&other, req, part.body, v, fail));
    theirs = ask_query(&other, mine->now_ns);
    p->compared = true;
    rc = inventory_compare(req->service->work->inventory, &scope, v->id, &theirs, mine, arena,
                           &p->difference);
    return rc == AL_ENOENT ? AL_OK : ask_failed(fail, rc);
}

/* A volume of which nothing is known matches nothing. */
static int
work_out(struct service_req *req, const struct store_volume *v,
         const struct inventory_plan_query *q, struct al_arena *arena, struct planned *p,
         struct al_fail *fail)
{
    struct inventory *inv = req->service->work->inventory;
    struct inventory_scope scope = work_ask_scope(req->service->work, v->customer_id);
    struct scope all = scope_customer(v->customer_id);
    int rc = inventory_plan(inv, &scope, v->id, q, arena, &p->plan);

    if (rc == AL_OK) {
        rc = inventory_plan_charts(inv, &scope, v->id, q, (int64_t)p->days * DAY_NS, arena,
                                   &p->charts);
    }
    SV_TRY(rc == AL_ENOENT ? AL_OK : ask_failed(fail, rc));
    return store_costs_get(req->worker->db, &all, v->customer_id, &p->costs, fail);
}

static void
compare_json(struct al_jsonout *j, const struct planned *p)
{
    const struct inventory_difference *d = &p->difference;

    if (!p->compared) {
        al_jo_null(j, "compare");
        return;
    }
    al_jo_object(j, "compare");
    al_jo_object(j, "enter");
    al_jo_u64(j, "files", d->enter_files);
    al_jo_u64(j, "bytes", d->enter_bytes);
    plan_rows_json(j, "sample", d->enter, d->enter_count);
    al_jo_close(j);
    al_jo_object(j, "leave");
    al_jo_u64(j, "files", d->leave_files);
    al_jo_u64(j, "bytes", d->leave_bytes);
    plan_rows_json(j, "sample", d->leave, d->leave_count);
    al_jo_close(j);
    al_jo_object(j, "stay");
    al_jo_u64(j, "files", d->stay_files);
    al_jo_u64(j, "bytes", d->stay_bytes);
    al_jo_close(j);
    al_jo_close(j);
}

/* Only tiering frees anything, or brings recalls about. */
static int
plan_json(struct service_req *req, const struct store_volume *v, struct al_buf *out,
          const struct planned *p, bool tiers, int64_t took_ns, struct al_fail *fail)
{
    uint64_t freed = tiers ? p->plan.freed_bytes : 0;
    struct al_jsonout j;

    al_jo_begin(&j, out);
    al_jo_object(&j, NULL);
    al_jo_u64(&j, "files", p->plan.files);
    al_jo_u64(&j, "bytes", p->plan.bytes);
    al_jo_u64(&j, "freed_bytes", freed);
    plan_lists_json(&j, &p->plan);
    al_jo_time(&j, "as_of_at", p->plan.known_ns);
    al_jo_u64(&j, "took_ms", (uint64_t)(took_ns < 0 ? 0 : took_ns) / 1000000);
    SV_TRY(plan_held_json(req, v, &p->plan, &j, fail));
    plan_charts_json(&j, &p->charts);
    al_jo_object(&j, "recalls");
    al_jo_u64(&j, "days", p->days);
    al_jo_u64(&j, "files", tiers ? p->charts.recall_files : 0);
    al_jo_u64(&j, "bytes", tiers ? p->charts.recall_bytes : 0);
    al_jo_close(&j);
    if (tiers && p->costs.has_primary && p->costs.has_tier) {
        costs_plan_json(&j, &p->costs, freed, p->plan.bytes, p->charts.recall_bytes);
    } else {
        al_jo_null(&j, "cost");
    }
    compare_json(&j, p);
    al_jo_close(&j);
    return al_jo_end(&j);
}

int
plan_make(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    static const char *const keys[] = {"volume_id", "where",        "rule_id", "version", "action",
                                       "now",       "history_days", "compare", NULL};
    AL_CLEANUP(ask_end) struct ask mine = {0};
    AL_CLEANUP(al_arena_freep) struct al_arena *arena = al_arena_new(ASK_ARENA_MAX);
    struct port *port = req->service->port;
    struct planned p = {.days = ASK_HISTORY_DAYS};
    int64_t began_ns = port_mono_ns(port), now_ns;
    struct inventory_plan_query q;
    struct store_volume v;

    if (arena == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    SV_TRY(service_body_keys(req, keys, fail));
    SV_TRY(ask_volume(req, &v, fail));
    SV_TRY(ask_now(req, &now_ns, fail));
    SV_TRY(service_body_u64(req, "history_days", ASK_HISTORY_DAYS_MAX, &p.days, fail));
    SV_TRY(ask_read(&mine, req, req->body, &v, fail));
    q = ask_query(&mine, now_ns);
    SV_TRY(work_out(req, &v, &q, arena, &p, fail));
    SV_TRY(compare(req, &v, &q, arena, &p, fail));
    return plan_json(req, &v, &reply->body, &p, ask_tiers(&mine), port_mono_ns(port) - began_ns,
                     fail);
}

/* ---- a number while one types ---- */

int
plan_count(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    static const char *const keys[] = {"volume_id", "where", "now", NULL};
    AL_CLEANUP(rule_freep) struct rule *rule = NULL;
    struct port *port = req->service->port;
    int64_t began_ns = port_mono_ns(port), now_ns, took_ns;
    struct inventory_count count = {.exact = true};
    struct inventory_scope scope;
    struct rule_error error;
    const char *where = NULL;
    struct store_volume v;
    struct al_jsonout j;
    int rc;

    SV_TRY(service_body_keys(req, keys, fail));
    SV_TRY(ask_volume(req, &v, fail));
    SV_TRY(ask_now(req, &now_ns, fail));
    SV_TRY(service_body_text(req, "where", 1, RULE_TEXT_BYTES_MAX, true, &where, fail));
    rc = where == NULL ? AL_EINVAL : rule_parse(al_span_of(where), NULL, &rule, &error);
    if (where == NULL || rc == AL_EINVAL || rc == AL_ELIMIT) {
        return where == NULL
                   ? al_fail_set(fail, rc, 0, "\"where\" is missing")
                   : al_fail_set(fail, AL_EINVAL, 0, "at byte %zu: %s%s%s", error.at, error.message,
                                 error.expected[0] == '\0' ? "" : "; expected ", error.expected);
    }
    SV_TRY(rc);
    scope = work_ask_scope(req->service->work, v.customer_id);
    rc = inventory_count(req->service->work->inventory, &scope, v.id, rule, now_ns, &count);
    SV_TRY(rc == AL_ENOENT ? AL_OK : ask_failed(fail, rc));
    took_ns = port_mono_ns(port) - began_ns;
    al_jo_begin(&j, &reply->body);
    al_jo_object(&j, NULL);
    al_jo_u64(&j, "files", count.files);
    al_jo_u64(&j, "bytes", count.bytes);
    al_jo_bool(&j, "exact", count.exact);
    al_jo_u64(&j, "took_ms", (uint64_t)(took_ns < 0 ? 0 : took_ns) / 1000000);
    al_jo_close(&j);
    return al_jo_end(&j);
}
