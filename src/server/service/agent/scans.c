/* What an agent asks before it scans: whether it may list only what changed since another scan. */
#include "base/jsonout.h"
#include "server/service/agent/ops.h"
#include "server/service/work/work.h"
#include "server/store/work.h"

/* *ret_why: why nothing may follow; ret_follows "" then. */
static int
followed(struct service_req *req, const struct store_work *w, al_id ret_follows,
         const char **ret_why, struct al_fail *fail)
{
    struct inventory_scope customer = work_inventory_scope(req->caller->customer_id);
    struct scope scope = service_scope(req->caller);
    struct store_job job = {0};
    bool import = false;
    int rc = AL_OK;

    ret_follows[0] = '\0';
    if (w->job_id[0] != '\0') {
        SV_TRY(store_job_get(req->worker->db, &scope, w->job_id, req->arena, &job, fail));
    }
    if (job.whole) {
        *ret_why = "it was asked for";
        return AL_OK;
    }
    rc = inventory_scan_last(req->service->work->inventory, &customer, w->volume_id, ret_follows,
                             &import);
    if (rc != AL_OK && rc != AL_ENOENT) {
        return al_fail_set(fail, rc, 0, "the inventory does not tell its last scan");
    }
    *ret_why = rc == AL_ENOENT || ret_follows[0] == '\0' ? "there was no scan before"
               : import                                  ? "a list was imported since the last scan"
                                                         : "";
    if (import) {
        ret_follows[0] = '\0';
    }
    return AL_OK;
}

int
agent_scan(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    struct scope scope = service_scope(req->caller);
    const char *why = "";
    struct store_work w;
    struct al_jsonout j;
    al_id follows = "";

    SV_TRY(store_work_of_scan(req->worker->db, &scope, req->caller->id, req->ids[0], req->arena, &w,
                              fail));
    SV_TRY(followed(req, &w, follows, &why, fail));
    al_jo_begin(&j, &reply->body);
    al_jo_object(&j, NULL);
    al_jo_str(&j, "follows", follows[0] == '\0' ? NULL : follows);
    al_jo_str(&j, "why", why);
    al_jo_close(&j);
    return al_jo_end(&j);
}
