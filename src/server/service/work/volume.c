#include "server/service/work/access.h"

#include <string.h>

struct inventory_scope
work_inventory_scope(const char *customer_id)
{
    return (struct inventory_scope){.customer_id = customer_id};
}

struct inventory_scope
work_limited_scope(const char *customer_id, int64_t limit_ns)
{
    return (struct inventory_scope){.customer_id = customer_id, .limit_ns = limit_ns};
}

struct inventory_scope
work_ask_scope(const struct work *k, const char *customer_id)
{
    return work_limited_scope(customer_id, k->ask_ns);
}

int
work_volume(struct service_req *req, struct store_volume *ret, struct al_fail *fail)
{
    struct scope scope = service_scope(req->caller);

    return store_volume_get(req->worker->db, &scope, req->ids[0], req->arena, ret, fail);
}

int
work_volume_takes(struct service_req *req, const char *customer_id, const char *volume_id,
                  const char *action, struct al_fail *fail)
{
    struct scope scope = scope_customer(customer_id);
    const char *way, *reason;

    if (strcmp(action, "tier") != 0) {
        return AL_OK;
    }
    SV_TRY(store_volume_way(req->worker->db, &scope, volume_id, req->arena, &way, &reason, fail));
    return strcmp(way, "archive") != 0
               ? AL_OK
               : al_fail_set(
                     fail, AL_ECONFLICT, 0,
                     "files of this volume do not become stubs (%.300s): use a rule with the "
                     "action archive, which leaves a readable placeholder",
                     reason);
}

int
work_volume_audited(struct service *s, const char *customer_id, const char *volume_id,
                    struct al_fail *fail)
{
    static const struct inventory_coverage untold = {.audited = true};
    struct inventory_scope scope = work_inventory_scope(customer_id);
    int rc = inventory_coverage_set(s->work->inventory, &scope, volume_id, &untold);

    return rc == AL_OK ? AL_OK
                       : al_fail_set(fail, rc, 0,
                                     "the inventory does not keep that its evidence is "
                                     "its audit logs: %s",
                                     al_code_name(rc));
}

void
work_volume_gone(struct service *s, const char *customer_id, const char *volume_id)
{
    struct inventory_scope scope = work_inventory_scope(customer_id);
    int rc = inventory_volume_drop(s->work->inventory, &scope, volume_id);

    if (rc != AL_OK && rc != AL_ENOENT) { /* nobody finds it any more; it only takes room */
        al_log(s->log, AL_LOG_WARN, "the inventory of the deleted volume %s stays: %s", volume_id,
               al_code_name(rc));
    }
}

/* ---- figures of volumes ---- */

static int
write_figures(struct service_worker *w, const struct store_volume *v, uint64_t news, int64_t now_ns)
{
    struct scope scope = scope_customer(v->customer_id);
    const struct {
        const char *metric;
        uint64_t value;
    } gauges[] = {
        {"files", v->files},
        {"bytes", v->bytes},
        {"stub_files", v->stub_files},
        {"freed_bytes", v->freed_bytes},
    };

    SV_TRY(store_news_done(w->db, &scope, v->id, news, NULL));
    SV_TRY(store_volume_figures(w->db, &scope, v, NULL));
    for (size_t i = 0; i < AL_LEN(gauges); i++) {
        struct series_key key = {v->customer_id, v->id, gauges[i].metric};
        SV_TRY(series_gauge(w->service->series, w->db, &key, now_ns, gauges[i].value));
    }
    return AL_OK;
}

int
work_figures_refresh(struct service_worker *w, const char *customer_id, const char *volume_id,
                     int64_t now_ns)
{
    struct inventory_scope scope = work_inventory_scope(customer_id);
    struct inventory_totals t;
    struct store_volume v = {0};
    struct scope customer = scope_customer(customer_id);
    uint64_t news;
    int rc;

    SV_TRY(store_news_of(w->db, &customer, volume_id, &news, NULL));
    rc = inventory_totals(w->service->work->inventory, &scope, volume_id, &t);
    if (rc == AL_ENOENT) {
        return AL_OK; /* never scanned */
    }
    SV_TRY(rc);
    memcpy(v.id, volume_id, AL_ID_LEN);
    memcpy(v.customer_id, customer_id, AL_ID_LEN);
    v.files = t.files;
    v.bytes = t.bytes;
    v.allocated = t.allocated;
    v.stub_files = t.stub_files;
    v.stub_bytes = t.stub_bytes;
    v.freed_bytes = t.freed_bytes;
    v.last_scan_ns = t.last_scan_ns;
    SV_TRY(store_begin(w->db, NULL));
    rc = write_figures(w, &v, news, now_ns);
    if (rc != AL_OK) {
        store_rollback(w->db);
        return rc == AL_ENOENT ? AL_OK : rc; /* the volume was removed meanwhile */
    }
    SV_TRY(store_commit(w->db, NULL));
    service_publish_noun(w, "volume", &store_volumes, customer_id, volume_id);
    return AL_OK;
}
