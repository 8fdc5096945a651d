/* planning.h: a rule about to be planned (plan.c), and its run (rule_run.c), by a caller's wish or
 * by its schedule. */
#ifndef ALTO_SERVER_SERVICE_PLANNING_H
#define ALTO_SERVER_SERVICE_PLANNING_H

#include "server/service/ranked.h"

/* A rule to be planned, and those that come before it on its volume. */
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

/* ---- rule_run.c ---- */
/* What a run of the planned rule moves, gathered into m; *ret tells what is refused. The caller's
 * transaction is not open: this may take a while. AL_ECONFLICT: it is not one that is run. */
int run_gather(struct planning *p, struct job_maker *m, enum store_job_kind *ret_kind,
               struct inventory_plan *ret) AL_MUST_CHECK;
/* AL_ECONFLICT with a sentence: a job of the rule is open. */
int run_alone(struct work_tx *t, enum store_job_kind kind, const char *rule_id) AL_MUST_CHECK;
/* Makes the job in t's transaction. AL_ECONFLICT: changed meanwhile, or at work. */
int run_make(struct planning *p, struct work_tx *t, struct job_maker *m, enum store_job_kind kind,
             const struct inventory_plan *plan, struct store_job *ret) AL_MUST_CHECK;

#endif
