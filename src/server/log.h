/* log.h (server): altod's log: a line each on standard error, with time and level, as text or JSON.
 * Any thread. */
#ifndef ALTO_SERVER_LOG_H
#define ALTO_SERVER_LOG_H

#include "base/log.h"
#include "port/port.h"

struct server_log {
    struct al_log log; /* hand &it.log out */
    struct port *port;
    bool json;
};

void server_log_init(struct server_log *l, struct port *port, enum al_log_level level, bool json);

#endif
