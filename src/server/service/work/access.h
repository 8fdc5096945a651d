/* access.h: what audit logs tell, as all rooms of the service tell it: a row as JSON, and how far the
 * record of accesses of a volume is to be trusted. */
#ifndef ALTO_SERVER_SERVICE_WORK_ACCESS_H
#define ALTO_SERVER_SERVICE_WORK_ACCESS_H

#include "server/inventory/access.h"
#include "server/service/work/work.h"
#include "server/store/access.h"

/* ---- access.c ---- */
const char *access_kind_name(enum inventory_access_kind kind); /* "used", "create" ... */
void access_row_json(struct al_jsonout *j, const struct inventory_access_event *e);

/* ---- record.c ---- */
struct access_record {
    struct store_access told;           /* by the host */
    struct inventory_coverage coverage; /* as plans take it */
    bool stale; /* the host was not heard of for INVENTORY_COVERAGE_LAG_NS */
    bool
        complete; /* live, and not stale: what is not in it did not happen, since coverage.since_ns */
    char text[512];
};
/* AL_ENOENT: the volume. */
int access_record_get(struct service_req *req, const struct store_volume *v,
                      struct access_record *ret, struct al_fail *fail) AL_MUST_CHECK;
/* As the member `key`; null for a volume without audit logs. */
int access_record_json(struct service_req *req, const struct store_volume *v, const char *key,
                       struct al_jsonout *j, struct al_fail *fail) AL_MUST_CHECK;

#endif
