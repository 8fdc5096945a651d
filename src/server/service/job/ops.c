#include "server/service/job/job.h"
#include "server/service/job/ops.h"

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

static int
cancel(struct service_req *req, struct work_tx *t, const struct store_job *job, bool *ret_changed)
{
    SV_TRY(store_job_cancel(t->db, &t->scope, job->id, t->now_ns, ret_changed, t->fail));
    if (!*ret_changed) {
        return AL_OK;
    }
    SV_TRY(service_event(req, job->customer_id, "job.cancel", "job", job->id,
                         store_job_kind_name(job->kind), NULL, NULL, t->fail));
    SV_TRY(work_touch(t, WORK_T_JOB_ENDED, job->id, job->customer_id));
    SV_TRY(work_touch(t, WORK_T_FIGURES, job->customer_id, job->customer_id));
    return work_touch(t, WORK_T_WAKE, job->host_id, job->customer_id);
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
    SV_TRY(cancel(req, &t, &job, &changed));
    SV_TRY(service_one(req, reply, &store_jobs, job.id, 200, fail));
    if (!changed) {
        return AL_OK; /* it had ended: nothing to write */
    }
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

/* A body is not needed; "full" of a scan. */
static int
wants_whole(struct service_req *req, enum store_job_kind kind, bool *ret, struct al_fail *fail)
{
    static const char *const keys[] = {"full", NULL};

    if (req->body == NULL || kind != STORE_J_SCAN) {
        return AL_OK;
    }
    SV_TRY(service_body(req, fail));
    SV_TRY(service_body_keys(req, keys, fail));
    return service_body_bool(req, "full", ret, fail);
}

/* A walk of a volume, answered with its job; one already under way is answered with itself. */
static int
walk(struct service_req *req, struct service_reply *reply, enum store_job_kind kind,
     struct al_fail *fail)
{
    struct service_tx AL_CLEANUP(service_tx_end) tx = {0};
    struct work_tx t;
    struct store_volume v;
    struct store_job job;
    bool whole = false;
    al_id open;
    int rc;

    SV_TRY(wants_whole(req, kind, &whole, fail));
    SV_TRY(service_begin(req, reply, &tx, fail));
    if (tx.replayed) {
        return AL_OK;
    }
    work_tx_of(&t, req, fail);
    SV_TRY(work_volume(req, &v, fail));
    if (kind == STORE_J_RECONCILE && v.share_id[0] == '\0') {
        return al_fail_set(fail, AL_ECONFLICT, 0,
                           "this volume has no share, so it holds no stubs to look at; to see its "
                           "files, scan it");
    }
    rc = store_job_find_open(t.db, &t.scope, kind, v.id, NULL, NULL, open, NULL);
    if (rc == AL_OK) {
        return service_one(req, reply, &store_jobs, open, 202, fail);
    }
    if (rc != AL_ENOENT) {
        return rc;
    }
    SV_TRY(job_start(&t, kind, &v, &job));
    job.whole = whole;
    SV_TRY(job_make_plain(&t, &job));
    return job_answer(req, reply, &tx, &t, &job, fail);
}

int
volume_scan(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    return walk(req, reply, STORE_J_SCAN, fail);
}

int
volume_reconcile(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    return walk(req, reply, STORE_J_RECONCILE, fail);
}

/* The open check of the share, "" for none. One that waits for a host that is not there any more
 * makes room for another. */
static int
check_under_way(struct service_req *req, struct work_tx *t, const struct store_share *share,
                al_id ret)
{
    struct store_host host;
    struct store_job job;
    al_id open;
    bool changed;
    int rc = store_job_find_open(t->db, &t->scope, STORE_J_CHECK_SHARE, NULL, NULL, share->id, open,
                                 NULL);

    ret[0] = '\0';
    if (rc != AL_OK) {
        return rc == AL_ENOENT ? AL_OK : rc;
    }
    SV_TRY(store_job_get(t->db, &t->scope, open, req->arena, &job, t->fail));
    rc = store_host_get(t->db, &t->scope, job.host_id, req->arena, &host, NULL);
    if (rc == AL_ENOENT || (rc == AL_OK && !host.online)) {
        return cancel(req, t, &job, &changed);
    }
    SV_TRY(rc);
    memcpy(ret, open, sizeof(al_id));
    return AL_OK;
}

/* Who looks: whoever uses the share knows best, but the address and the password can be tried by
 * any host. */
static int
check_host(struct work_tx *t, const struct store_share *share, const char *asked, al_id ret)
{
    int rc =
        store_share_host(t->db, &t->scope, share->id, asked[0] == '\0' ? NULL : asked, ret, NULL);

    if (rc != AL_ENOENT) {
        return rc;
    }
    return asked[0] == '\0'
               ? al_fail_set(t->fail, AL_ECONFLICT, 0,
                             "no host of this customer is online to look at the share: start "
                             "alto-agent on one, or enrol one (alto host token), then check again")
               : al_fail_set(t->fail, AL_ECONFLICT, 0,
                             "that host is not online, or not of the share's customer: start "
                             "alto-agent on it, or leave the choice to altod");
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
    SV_TRY(check_host(&t, &share, host, job.host_id));
    SV_TRY(check_under_way(req, &t, &share, open));
    if (open[0] != '\0') {
        return service_one(req, reply, &store_jobs, open, 202, fail);
    }
    SV_TRY(store_id_make(t.db, t.now_ns, job.id));
    memcpy(job.customer_id, share.customer_id, sizeof(al_id));
    memcpy(job.share_id, share.id, sizeof(al_id));
    job.created_by = req->caller->name;
    job.created_ns = t.now_ns;
    SV_TRY(job_make_plain(&t, &job));
    return job_answer(req, reply, &tx, &t, &job, fail);
}
