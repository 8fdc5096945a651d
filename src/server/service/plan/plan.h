/* plan.h: a rule about to be run, by a caller's wish or by its schedule. */
#ifndef ALTO_SERVER_SERVICE_PLAN_PLAN_H
#define ALTO_SERVER_SERVICE_PLAN_PLAN_H

#include "server/service/rule/ranked.h"

/* A rule to be run, and those that come before it on its volume. */
struct planning { /* planning_end for AL_CLEANUP */
    struct service_worker *worker;
    struct scope scope;
    struct al_arena *arena; /* its own */
    struct al_fail *fail;
    struct store_volume v;
    struct store_rule of; /* .id empty: of a text, behind all rules there are */
    struct ranked ranked;
    int64_t now_ns;
};

/* of and now_ns are set before. */
int plan_prepare(struct planning *p, struct service_worker *w, const struct scope *scope,
                 const char *volume_id, const char *where, struct al_fail *fail) AL_MUST_CHECK;
int plan_get(struct planning *p, struct inventory_plan *ret) AL_MUST_CHECK;
struct inventory_plan_query plan_query(const struct planning *p);
void planning_end(struct planning *p);

#endif
