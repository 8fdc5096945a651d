/* ops.h: operations on rules. Rows of routes.c. */
#ifndef ALTO_SERVER_SERVICE_RULE_OPS_H
#define ALTO_SERVER_SERVICE_RULE_OPS_H

#include "server/service/service.h"

service_fn rule_list, rule_create, rule_get, rule_update, rule_delete, rule_check;
service_fn rule_versions, rule_clone, rule_resume, rule_order, rule_templates, rule_schedule;

#endif
