/* ops.h: operations on single files. Rows of routes.c. */
#ifndef ALTO_SERVER_SERVICE_FILE_OPS_H
#define ALTO_SERVER_SERVICE_FILE_OPS_H

#include "server/service/service.h"

service_fn file_list, file_stat, file_tier, file_recall, file_recall_own, file_adopt, volume_why;

#endif
