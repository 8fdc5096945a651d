/* ops.h: operations on imports. Rows of routes.c. */
#ifndef ALTO_SERVER_SERVICE_IMPORT_OPS_H
#define ALTO_SERVER_SERVICE_IMPORT_OPS_H

#include "server/service/service.h"

service_fn import_create, import_content, import_list, import_get, import_look, import_run,
    import_cancel, import_refused, import_delete;

#endif
