/* ops.h: operations on plans, costs and exports. Rows of routes.c. */
#ifndef ALTO_SERVER_SERVICE_PLAN_OPS_H
#define ALTO_SERVER_SERVICE_PLAN_OPS_H

#include "server/service/service.h"

service_fn rule_preview, rule_preview_text;
service_fn plan_make, plan_count, plan_export, export_content;
service_fn costs_get, costs_set;

#endif
