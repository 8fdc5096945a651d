/* checkup.h: the agent's half of `alto-agent doctor`: its state folder, its spool, the server, and
 * the volume and share that a path belongs to. Nothing is changed; a running agent is not
 * disturbed. One thread. */
#ifndef ALTO_AGENT_RUN_CHECKUP_H
#define ALTO_AGENT_RUN_CHECKUP_H

#include "agent/stub/doctor.h"

#define CHECKUP_SERVER_MS 5000u
#define CHECKUP_SHARE_MS 5000u
/* of the filesystem that holds the state folder: journal and spool must always find room */
#define CHECKUP_FREE_MIN (256ull << 20)
#define CHECKUP_SPOOL_WARN (256ull << 20) /* undelivered bytes: more than a day of a busy host */

/* Adds its findings to report. None of them is DOCTOR_BAD except a state folder that is there and
 * cannot be used, and a volume that is held because another filesystem is at its path: stubs stay
 * safe without server, share and identity, they only cannot be made or filled. program:
 * "alto-agent/0.1.0". */
void agent_checkup(const struct doctor_conf *conf, const char *program,
                   struct doctor_report *report);

/* What this system has besides of its own: driver and service of Windows (checkup_ease.c); nothing on Linux
 * (gate_linux.c). */
void agent_checkup_system(struct port *port, struct port_file *state, struct doctor_report *report);

#endif
