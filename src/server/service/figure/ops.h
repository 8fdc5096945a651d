/* ops.h: operations on figures, and altod's health. Rows of routes.c. */
#ifndef ALTO_SERVER_SERVICE_FIGURE_OPS_H
#define ALTO_SERVER_SERVICE_FIGURE_OPS_H

#include "server/service/service.h"

service_fn figures_get, series_get, health;
service_fn volume_figures, inventory_figures_get, volume_tree, volume_growth;

/* Keeps today's figures of one volume a call, round after round: cheap when nothing changed. */
void growth_tick(struct service_worker *w, int64_t now_ns);

#endif
