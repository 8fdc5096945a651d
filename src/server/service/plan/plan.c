#include "server/service/plan/ask.h"
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
    struct inventory_plan_query q = ranked_query(&p->ranked, p->now_ns);

    q.archive = p->of.action != NULL && strcmp(p->of.action, "archive") == 0;
    return q;
}

int
plan_get(struct planning *p, struct inventory_plan *ret)
{
    struct inventory_scope scope = work_limited_scope(p->v.customer_id, WORK_RUN_NS);
    struct inventory_plan_query q = plan_query(p);
    int rc =
        inventory_plan(p->worker->service->work->inventory, &scope, p->v.id, &q, p->arena, ret);

    if (rc == AL_ENOENT) {
        *ret = (struct inventory_plan){0}; /* never scanned: nothing is known that could match */
        return AL_OK;
    }
    return ask_failed(p->fail, rc);
}
