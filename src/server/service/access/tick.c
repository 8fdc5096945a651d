/* What time brings about on volumes with audit logs. */
#include "server/service/access/ops.h"
#include "server/service/work/access.h"

#include <string.h>

#define SETTLE_EVERY_NS (INT64_C(60) * 1000000000) /* between two rounds over all volumes */
#define SETTLE_VOLUMES 64u                         /* of one call */
#define SETTLE_TICK_NS (INT64_C(200) * 1000000)    /* and how long it goes on to the next one */

struct round {
    struct service_worker *worker;
    int64_t now_ns, began_ns;
    al_id last;
    size_t count;
    bool all; /* at the start: however long it takes, and nothing but whose evidence it is */
    int rc;
};

/* A volume that was made before its audit logs were followed, or whose inventory was lost. */
static int
keep_audited(struct round *r, const char *id, const char *customer_id)
{
    struct inventory_scope scope = work_inventory_scope(customer_id);
    struct inventory_coverage c = {0};
    struct al_fail fail = {0};
    int rc = inventory_coverage(r->worker->service->work->inventory, &scope, id, &c);

    if (rc != AL_ENOENT && (rc != AL_OK || c.audited)) {
        return rc;
    }
    return work_volume_audited(r->worker->service, customer_id, id, &fail);
}

static int
one_volume(void *ctx, const char *id, const char *customer_id)
{
    struct round *r = ctx;
    struct work *k = r->worker->service->work;
    struct inventory_scope scope = work_inventory_scope(customer_id);
    uint64_t gone = 0;
    int rc = keep_audited(r, id, customer_id);

    memcpy(r->last, id, strnlen(id, AL_ID_LEN));
    r->count++;
    if (rc == AL_OK && !r->all) {
        rc = inventory_access_settle(k->inventory, &scope, id, r->now_ns, &gone);
    }
    if (rc != AL_OK) { /* the next round tries again */
        al_log(r->worker->service->log, AL_LOG_WARN, "accesses of volume %s are not settled: %s",
               id, al_code_name(rc));
        r->rc = rc;
    }
    if (gone > 0) {
        work_note_volume(k, id, customer_id);
    }
    return !r->all && port_mono_ns(r->worker->service->port) - r->began_ns > SETTLE_TICK_NS
               ? AL_ECANCELED
               : AL_OK;
}

int
access_start(struct service_worker *w)
{
    struct scope all = scope_system();
    struct round r = {.worker = w, .all = true};

    do {
        r.count = 0;
        SV_TRY(
            store_volume_each_audited(w->db, &all, r.last, SETTLE_VOLUMES, one_volume, &r, NULL));
    } while (r.count == SETTLE_VOLUMES);
    return AL_OK; /* what did not go well was told, and is tried with every round */
}

void
access_tick(struct service_worker *w, int64_t now_ns)
{
    struct work *k = w->service->work;
    struct scope all = scope_system();
    struct round r = {.worker = w, .now_ns = now_ns, .began_ns = port_mono_ns(w->service->port)};
    int rc;

    if (now_ns < k->settle_ns && k->settle_ns - now_ns <= SETTLE_EVERY_NS) {
        return;
    }
    memcpy(r.last, k->settle_after, sizeof(al_id));
    rc = store_volume_each_audited(w->db, &all, k->settle_after, SETTLE_VOLUMES, one_volume, &r,
                                   NULL);
    if (rc != AL_OK && rc != AL_ECANCELED) {
        return; /* with the next tick */
    }
    if (rc == AL_OK && r.count < SETTLE_VOLUMES) {
        k->settle_after[0] = '\0';
        k->settle_ns = now_ns + SETTLE_EVERY_NS;
        return;
    }
    memcpy(k->settle_after, r.last, sizeof(al_id));
}
