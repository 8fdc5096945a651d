/* ops.h: operations on what audit logs tell. Rows of routes.c. */
#ifndef ALTO_SERVER_SERVICE_ACCESS_OPS_H
#define ALTO_SERVER_SERVICE_ACCESS_OPS_H

#include "server/service/service.h"

service_fn access_list, access_get, access_nodes, access_top, access_hours, access_recent;

/* The evidence of every volume with audit logs is those, from before the first plan on. */
int access_start(struct service_worker *w) AL_MUST_CHECK;
/* Some volumes with audit logs a call, all of them about once a minute: what was deleted goes, what is
 * too old is forgotten. The scheduler's thread alone. */
void access_tick(struct service_worker *w, int64_t now_ns);

#endif
