/* ops.h: what agents call. Rows of routes.c. */
#ifndef ALTO_SERVER_SERVICE_AGENT_OPS_H
#define ALTO_SERVER_SERVICE_AGENT_OPS_H

#include "server/service/service.h"

service_fn agent_enrol, agent_config, agent_lease, agent_batch, agent_entries, agent_stubs,
    agent_scan;

#endif
