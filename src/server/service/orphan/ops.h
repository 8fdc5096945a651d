/* ops.h: what reconciles found, and what is done about it. Rows of routes.c. */
#ifndef ALTO_SERVER_SERVICE_ORPHAN_OPS_H
#define ALTO_SERVER_SERVICE_ORPHAN_OPS_H

#include "server/service/service.h"

service_fn orphan_sums, orphan_list, orphan_get, orphan_plan, orphan_repair, orphan_ignore,
    orphan_unignore;

#endif
