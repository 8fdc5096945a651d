#include "server/service/work/work.h"

#define DAY_NS (INT64_C(86400) * 1000000000)

static int
sum_of_day(struct service_worker *w, const struct scope *scope, const char *customer_id,
           const char *volume_id, const char *metric, int64_t now_ns, uint64_t *ret)
{
    struct series_query q = {
        .metric = metric,
        .customer_id = customer_id,
        .volume_id = volume_id,
        .from_ns = now_ns - DAY_NS,
        .to_ns = now_ns + 1,
    };

    return series_sum(w->service->series, w->db, scope, &q, now_ns, ret);
}

int
figures_json(struct service_worker *w, const struct scope *scope, const char *customer_id,
             const char *volume_id, int64_t now_ns, struct al_buf *out, struct al_fail *fail)
{
    struct store_figures f;
    uint64_t recalls = 0, tiered = 0, errors = 0;
    struct al_jsonout j;

    SV_TRY(store_figures(w->db, scope, customer_id, volume_id, &f, fail));
    SV_TRY(sum_of_day(w, scope, customer_id, volume_id, "recalled_files", now_ns, &recalls));
    SV_TRY(sum_of_day(w, scope, customer_id, volume_id, "tiered_files", now_ns, &tiered));
    SV_TRY(sum_of_day(w, scope, customer_id, volume_id, "errors", now_ns, &errors));
    al_jo_begin(&j, out);
    al_jo_object(&j, NULL);
    al_jo_u64(&j, "files", f.files);
    al_jo_u64(&j, "bytes", f.bytes);
    al_jo_u64(&j, "allocated", f.allocated);
    al_jo_u64(&j, "stub_files", f.stub_files);
    al_jo_u64(&j, "stub_bytes", f.stub_bytes);
    al_jo_u64(&j, "freed_bytes", f.freed_bytes);
    al_jo_u64(&j, "hosts", f.hosts);
    al_jo_u64(&j, "hosts_online", f.hosts_online);
    al_jo_u64(&j, "volumes", f.volumes);
    al_jo_u64(&j, "shares", f.shares);
    al_jo_u64(&j, "jobs_running", f.jobs_running);
    al_jo_u64(&j, "recalls_24h", recalls);
    al_jo_u64(&j, "tiered_24h", tiered);
    al_jo_u64(&j, "errors_24h", errors);
    al_jo_close(&j);
    return al_jo_end(&j);
}

void
work_figures_tell(struct service_worker *w, const char *customer_id, int64_t now_ns)
{
    struct al_buf AL_CLEANUP(al_buf_free) json = {0};
    struct scope scope = scope_customer(customer_id);

    al_buf_init(&json, 4096);
    if (figures_json(w, &scope, customer_id, NULL, now_ns, &json, NULL) == AL_OK) {
        service_publish(w->service, "figures", customer_id, (const char *)json.at);
    }
}
