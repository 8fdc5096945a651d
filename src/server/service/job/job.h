/* job.h: runs of rules, by a caller's wish or by a schedule, and the jobs that are open. */
#ifndef ALTO_SERVER_SERVICE_JOB_JOB_H
#define ALTO_SERVER_SERVICE_JOB_JOB_H

#include "server/service/plan/plan.h"

/* ---- run.c ---- */
/* What a run of the planned rule moves, gathered into m; *ret tells what is refused. The caller's
 * transaction is not open: this may take a while. AL_ECONFLICT: it is not one that is run. */
int run_gather(struct planning *p, struct job_maker *m, enum store_job_kind *ret_kind,
               struct inventory_plan *ret) AL_MUST_CHECK;
/* Of a rule's action. AL_EINVAL: it is not run. */
int run_kind(const char *action, enum store_job_kind *ret) AL_MUST_CHECK;
/* AL_ECONFLICT with a sentence: a job of the rule is open. */
int run_alone(struct work_tx *t, enum store_job_kind kind, const char *rule_id) AL_MUST_CHECK;
/* Makes the job in t's transaction. AL_ECONFLICT: changed meanwhile, or at work. */
int run_make(struct planning *p, struct work_tx *t, struct job_maker *m, enum store_job_kind kind,
             const struct inventory_plan *plan, struct store_job *ret) AL_MUST_CHECK;

/* ---- watch.c: windows, minutes, errors and marks of the jobs that are open ---- */
/* Pauses, resumes, or ends early in the transaction, with the event. *ret_changed may be NULL. */
struct job_change {
    const char *job_id, *customer_id, *host_id;
    const char *reason, *text; /* of store_job_pause and store_job_stop */
    int64_t until_ns;
    int code; /* of a stop */
};
int job_do_pause(struct work_tx *t, const struct job_change *c, bool *ret_changed) AL_MUST_CHECK;
int job_do_resume(struct work_tx *t, const struct job_change *c, bool *ret_changed) AL_MUST_CHECK;
int job_do_stop(struct work_tx *t, const struct job_change *c, bool *ret_changed) AL_MUST_CHECK;

/* ---- ops.c ---- */
/* Answers 202 with the job, commits, tells. */
int job_answer(struct service_req *req, struct service_reply *reply, struct service_tx *tx,
               struct work_tx *t, const struct store_job *job, struct al_fail *fail) AL_MUST_CHECK;

#endif
