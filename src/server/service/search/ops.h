/* ops.h: one search over everything. Rows of routes.c. */
#ifndef ALTO_SERVER_SERVICE_SEARCH_OPS_H
#define ALTO_SERVER_SERVICE_SEARCH_OPS_H

#include "server/service/service.h"

service_fn search_get;

#endif
