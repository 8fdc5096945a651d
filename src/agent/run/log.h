/* log.h: lines on standard error: for systemd with a priority in front, for people with the time.
 * Any thread. */
#ifndef ALTO_AGENT_RUN_LOG_H
#define ALTO_AGENT_RUN_LOG_H

#include "base/log.h"

struct run_log {
    struct al_log log; /* first */
    bool journald;
};
void run_log_init(struct run_log *l, bool verbose);

#endif
