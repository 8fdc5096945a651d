/* tick.h: inventory, background threads and housekeeping around work. */
#ifndef ALTO_SERVER_SERVICE_TICK_H
#define ALTO_SERVER_SERVICE_TICK_H

#include "server/service/service.h"

/* Their share of open, and of housekeeping (once a second). */
int work_open(struct service *s, struct al_fail *fail) AL_MUST_CHECK;
void work_close(struct service *s);
int work_tick(struct service_worker *w, int64_t now_ns) AL_MUST_CHECK;

#endif
