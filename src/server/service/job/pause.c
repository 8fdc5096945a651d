#include "server/service/job/job.h"
#include "server/service/job/ops.h"
#include "server/service/rule/when.h"

#include <stdio.h>
#include <string.h>

/* Only what moves files is paused: it goes on where it was. A walk would begin anew. */
static int
can_pause(const struct store_job *job, struct al_fail *fail)
{
    if (!store_job_kind_moves(job->kind)) {
        return al_fail_set(fail, AL_ECONFLICT, 0,
                           "a %s is not paused, since it would begin anew: cancel it instead",
                           store_job_kind_name(job->kind));
    }
    if (!store_job_state_open(job->state) || job->stopping) {
        return al_fail_set(fail, AL_ECONFLICT, 0, "the job is %s",
                           job->stopping ? "about to end" : store_job_state_name(job->state));
    }
    return AL_OK;
}

/* Nobody resumes into a closed window: the next tick would pause the job again. */
static int
window_open(struct work_tx *t, const struct store_job *job)
{
    struct store_rule r;
    char when[AL_TIME_TEXT_MAX];
    int64_t until = 0;
    bool open = true;
    int rc;

    if (job->rule_id[0] == '\0') {
        return AL_OK;
    }
    rc = store_rule_get(t->db, &t->scope, job->rule_id, t->arena, &r, NULL);
    if (rc == AL_ENOENT) {
        return AL_OK; /* deleted: it has no windows any more */
    }
    SV_TRY(rc);
    SV_TRY(rule_window_at(r.windows, t->now_ns, &open, &until, t->fail));
    if (open) {
        return AL_OK;
    }
    al_time_text(until, when);
    return al_fail_set(t->fail, AL_ECONFLICT, 0,
                       "the window of rule \"%.100s\" is closed until %s, when the job goes on by "
                       "itself: change the rule's windows to let it work now",
                       r.name, until == INT64_MAX ? "further notice" : when);
}

static int
change(struct service_req *req, struct service_reply *reply, bool pause, struct al_fail *fail)
{
    struct service_tx AL_CLEANUP(service_tx_end) tx = {0};
    struct job_change c = {.reason = "user"};
    struct work_tx t;
    struct store_job job;
    char text[256];
    bool changed = false;

    SV_TRY(service_begin(req, reply, &tx, fail));
    if (tx.replayed) {
        return AL_OK;
    }
    work_tx_of(&t, req, fail);
    SV_TRY(store_job_get(t.db, &t.scope, req->ids[0], req->arena, &job, fail));
    SV_TRY(can_pause(&job, fail));
    c.job_id = job.id;
    c.customer_id = job.customer_id;
    c.host_id = job.host_id;
    (void)snprintf(text, sizeof(text), "%s by %s", pause ? "Paused" : "Resumed", t.actor_name);
    c.text = text;
    if (pause && strcmp(job.pause_reason, "user") != 0) {
        SV_TRY(job_do_pause(&t, &c, &changed));
    } else if (!pause && job.state == STORE_J_PAUSED) {
        SV_TRY(window_open(&t, &job));
        SV_TRY(job_do_resume(&t, &c, &changed));
    }
    SV_TRY(service_one(req, reply, &store_jobs, job.id, 200, fail));
    if (!changed) {
        return AL_OK; /* it was so already */
    }
    SV_TRY(service_commit(&tx, reply, fail));
    work_tell(&t);
    return AL_OK;
}

int
job_pause(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    return change(req, reply, true, fail);
}

int
job_resume(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    return change(req, reply, false, fail);
}
