/* plan_ops.h: operations on imports, plans, costs, exports and figures. Rows of routes.c. */
#ifndef ALTO_SERVER_SERVICE_PLAN_OPS_H
#define ALTO_SERVER_SERVICE_PLAN_OPS_H

#include "server/service/service.h"

service_fn import_create, import_content, import_list, import_get, import_look, import_run,
    import_cancel, import_refused, import_delete;
service_fn host_create;
service_fn plan_make, plan_count, plan_export, export_content;
service_fn costs_get, costs_set;
service_fn volume_figures, inventory_figures_get, volume_tree, volume_growth, volume_why;

/* Keeps today's figures of one volume a call, round after round: cheap when nothing changed. */
void growth_tick(struct service_worker *w, int64_t now_ns);

#endif
