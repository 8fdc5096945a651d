/* log.h: the program's lines: on standard error, for systemd with a priority in front, for people with
 * the time; for a service of Windows in a file of the state folder, errors in the system's log besides.
 * Any thread. */
#ifndef ALTO_AGENT_RUN_LOG_H
#define ALTO_AGENT_RUN_LOG_H

#include "base/log.h"
#include "port/port.h"
#include "port/thread.h"

#define RUN_LOG_FILE "agent.log"
#define RUN_LOG_OLD "agent.log.1"
#define RUN_LOG_BYTES_MAX (8ull << 20) /* of one file; then it becomes RUN_LOG_OLD */
#define RUN_LOG_LINE_MAX 4096u         /* bytes of one line in a file; cut there */
/* entries in the system's log within an hour; more are in the file alone */
#define RUN_LOG_EVENTS_MAX 20u

struct run_log {
    struct al_log log; /* first */
    bool journald;
    port_mutex lock;                 /* over what follows */
    struct port_file *folder, *file; /* NULL: standard error */
    uint64_t at;
    int64_t hour_ns; /* when the count of events began */
    unsigned events;
};
void run_log_init(struct run_log *l, bool verbose);
/* From now on into RUN_LOG_FILE of the folder, which is opened anew. */
int run_log_to(struct run_log *l, const char *folder, struct al_fail *fail) AL_MUST_CHECK;
void run_log_end(struct run_log *l);

#endif
