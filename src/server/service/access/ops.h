/* ops.h: operations on what audit logs tell. Rows of routes.c. */
#ifndef ALTO_SERVER_SERVICE_ACCESS_OPS_H
#define ALTO_SERVER_SERVICE_ACCESS_OPS_H

#include "server/service/service.h"

service_fn access_get, access_nodes, access_top, access_hours, access_recent;

#endif
