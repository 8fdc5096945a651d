#include "server/service/figure/ops.h"
#include "server/service/work/work.h"

#include <string.h>

#define DAY_NS (INT64_C(86400) * 1000000000)

/* Of another customer's things there is nothing to see, and nothing to tell from what is not there.
 */
static int
check_asked(struct service_req *req, const struct scope *scope, const char **ret_customer,
            const char **ret_volume, struct al_fail *fail)
{
    const char *customer = service_query(req, "customer_id"),
               *volume = service_query(req, "volume_id");

    if (customer != NULL) {
        struct store_customer c;
        SV_TRY(store_customer_get(req->worker->db, scope, customer, req->arena, &c, fail));
    }
    if (volume != NULL) {
        struct store_volume v;
        SV_TRY(store_volume_get(req->worker->db, scope, volume, req->arena, &v, fail));
    }
    *ret_customer = customer;
    *ret_volume = volume;
    return AL_OK;
}

int
figures_get(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    struct scope scope = service_scope(req->caller);
    const char *customer, *volume;

    SV_TRY(check_asked(req, &scope, &customer, &volume, fail));
    return figures_json(req->worker, &scope, customer, volume, req->now_ns, &reply->body, fail);
}

static int
on_point(void *ctx, int64_t at_ns, uint64_t value)
{
    struct al_jsonout *j = ctx;

    al_jo_object(j, NULL);
    al_jo_time(j, "at", at_ns);
    al_jo_u64(j, "value", value);
    al_jo_close(j);
    return j->rc;
}

int
series_get(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    static const char *const metrics[] = {"files",          "bytes",          "stub_files",
                                          "freed_bytes",    "tiered_files",   "tiered_bytes",
                                          "recalled_files", "recalled_bytes", "errors"};
    struct scope scope = service_scope(req->caller);
    struct series_query q = {.metric = service_query(req, "metric")};
    struct al_jsonout j;
    uint64_t step_s;
    uint32_t really = 0;
    bool known = false;

    for (size_t i = 0; i < AL_LEN(metrics) && q.metric != NULL; i++) {
        known = known || strcmp(metrics[i], q.metric) == 0;
    }
    if (!known) {
        return al_fail_set(fail, AL_EINVAL, 0,
                           "metric: one of files, bytes, stub_files, freed_bytes, tiered_files, "
                           "tiered_bytes, recalled_files, recalled_bytes, errors");
    }
    SV_TRY(check_asked(req, &scope, &q.customer_id, &q.volume_id, fail));
    SV_TRY(service_query_time(req, "to", req->now_ns, &q.to_ns, fail));
    SV_TRY(service_query_time(req, "from", q.to_ns - DAY_NS, &q.from_ns, fail));
    SV_TRY(service_query_u64(req, "step_s", 0, 31536000, &step_s, fail));
    q.step_s = (uint32_t)step_s;
    al_jo_begin(&j, &reply->body);
    al_jo_object(&j, NULL);
    al_jo_str(&j, "metric", q.metric);
    al_jo_array(&j, "points");
    int rc = series_ask(req->worker->service->series, req->worker->db, &scope, &q, req->now_ns,
                        on_point, &j, &really);
    if (rc != AL_OK) {
        al_buf_clear(&reply->body);
        return rc == AL_EINVAL ? al_fail_set(fail, rc, 0, "from must be before to") : rc;
    }
    al_jo_close(&j);
    al_jo_u64(&j, "step_s", really);
    al_jo_close(&j);
    return al_jo_end(&j);
}

int
health(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    struct scope scope = scope_system();
    struct al_jsonout j;
    uint64_t users;

    if (store_user_count(req->worker->db, &scope, &users, NULL) != AL_OK) {
        return al_fail_set(fail, AL_EUNREACH, 0, "the store does not answer");
    }
    al_jo_begin(&j, &reply->body);
    al_jo_object(&j, NULL);
    al_jo_str(&j, "status", "ok");
    al_jo_str(&j, "version", req->service->version);
    al_jo_close(&j);
    return al_jo_end(&j);
}
