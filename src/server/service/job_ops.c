#include "server/service/work_priv.h"

#include <string.h>

int
job_list(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    return service_list(req, reply, &store_jobs, fail);
}

int
job_get(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    return service_one(req, reply, &store_jobs, req->ids[0], 0, fail);
}

int
job_outcomes(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    struct scope scope = service_scope(req->caller);
    struct store_filter filters[3] = {{"job_id", req->ids[0]}};
    static const char *const names[] = {"code", "reason"};
    struct store_page page;
    struct store_job job;
    size_t count = 1;

    SV_TRY(store_job_get(req->worker->db, &scope, req->ids[0], req->arena, &job, fail));
    SV_TRY(service_page(req, &page, fail));
    for (size_t i = 0; i < AL_LEN(names); i++) {
        const char *text = service_query(req, names[i]);

        if (text != NULL) {
            filters[count++] = (struct store_filter){names[i], text};
        }
    }
    return store_list(req->worker->db, &scope, &store_outcomes, filters, count, &page, &reply->body,
                      fail);
}

int
job_cancel(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    struct service_tx AL_CLEANUP(service_tx_end) tx = {0};
    struct work_tx t;
    struct store_job job;
    bool changed;

    SV_TRY(service_begin(req, reply, &tx, fail));
    if (tx.replayed) {
        return AL_OK;
    }
    work_tx_of(&t, req, fail);
    SV_TRY(store_job_get(t.db, &t.scope, req->ids[0], req->arena, &job, fail));
    SV_TRY(store_job_cancel(t.db, &t.scope, job.id, t.now_ns, &changed, fail));
    SV_TRY(service_one(req, reply, &store_jobs, job.id, 200, fail));
    if (!changed) {
        return AL_OK; /* it had ended: nothing to write */
    }
    SV_TRY(service_event(req, job.customer_id, "job.cancel", "job", job.id,
                         store_job_kind_name(job.kind), NULL, NULL, fail));
    SV_TRY(work_touch(&t, WORK_T_JOB_ENDED, job.id, job.customer_id));
    SV_TRY(work_touch(&t, WORK_T_FIGURES, job.customer_id, job.customer_id));
    SV_TRY(work_touch(&t, WORK_T_WAKE, job.host_id, job.customer_id));
    SV_TRY(service_commit(&tx, reply, fail));
    work_tell(&t);
    return AL_OK;
}

int
job_answer(struct service_req *req, struct service_reply *reply, struct service_tx *tx,
           struct work_tx *t, const struct store_job *job, struct al_fail *fail)
{
    SV_TRY(service_one(req, reply, &store_jobs, job->id, 202, fail));
    reply->location = service_printf(req, "/api/v1/jobs/%s", job->id);
    if (reply->location == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "no memory");
    }
    SV_TRY(service_commit(tx, reply, fail));
    work_tell(t);
    return AL_OK;
}

int
volume_scan(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    struct service_tx AL_CLEANUP(service_tx_end) tx = {0};
    struct work_tx t;
    struct store_volume v;
    struct store_job job;
    al_id open;
    int rc;

    SV_TRY(service_begin(req, reply, &tx, fail));
    if (tx.replayed) {
        return AL_OK;
    }
    work_tx_of(&t, req, fail);
    SV_TRY(work_volume(req, &v, fail));
    rc = store_job_find_open(t.db, &t.scope, STORE_J_SCAN, v.id, NULL, NULL, open, NULL);
    if (rc == AL_OK) {
        return service_one(req, reply, &store_jobs, open, 202, fail);
    }
    if (rc != AL_ENOENT) {
        return rc;
    }
    SV_TRY(job_start(&t, req, STORE_J_SCAN, &v, &job));
    SV_TRY(job_make_plain(&t, &job));
    return job_answer(req, reply, &tx, &t, &job, fail);
}

int
share_check(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    static const char *const keys[] = {"host_id", NULL};
    struct service_tx AL_CLEANUP(service_tx_end) tx = {0};
    struct work_tx t;
    struct store_share share;
    struct store_job job = {.kind = STORE_J_CHECK_SHARE, .text = ""};
    al_id host = "", open;
    int rc;

    if (req->body != NULL) {
        SV_TRY(service_body(req, fail));
        SV_TRY(service_body_keys(req, keys, fail));
        SV_TRY(service_body_id(req, "host_id", false, host, fail));
    }
    SV_TRY(service_begin(req, reply, &tx, fail));
    if (tx.replayed) {
        return AL_OK;
    }
    work_tx_of(&t, req, fail);
    SV_TRY(store_share_get(t.db, &t.scope, req->ids[0], req->arena, &share, fail));
    rc = store_job_find_open(t.db, &t.scope, STORE_J_CHECK_SHARE, NULL, NULL, share.id, open, NULL);
    if (rc == AL_OK) {
        return service_one(req, reply, &store_jobs, open, 202, fail);
    }
    if (rc != AL_ENOENT) {
        return rc;
    }
    rc = store_share_host(t.db, &t.scope, share.id, host[0] == '\0' ? NULL : host, job.host_id,
                          NULL);
    if (rc == AL_ENOENT) {
        return al_fail_set(fail, AL_ECONFLICT, 0,
                           host[0] == '\0' ? "no host has a volume on this share; add one first"
                                           : "that host has no volume on this share");
    }
    SV_TRY(rc);
    SV_TRY(store_id_make(t.db, t.now_ns, job.id));
    memcpy(job.customer_id, share.customer_id, sizeof(al_id));
    memcpy(job.share_id, share.id, sizeof(al_id));
    job.created_by = req->caller->name;
    job.created_ns = t.now_ns;
    SV_TRY(job_make_plain(&t, &job));
    return job_answer(req, reply, &tx, &t, &job, fail);
}
