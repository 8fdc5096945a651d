/* rights.h: what the agent's account needs of rights on Windows, and what doctor says of them. */
#ifndef ALTO_AGENT_RUN_RIGHTS_H
#define ALTO_AGENT_RUN_RIGHTS_H

#include "agent/stub/doctor.h"

#define RIGHTS_COUNT 5u
/* "SeBackupPrivilege" ...; the list of doc/ops/windows.md */
extern const char *const rights_needed[RIGHTS_COUNT];

/* The account that the agent's service runs as, and one finding for each of the rights (its check is the
 * privilege's name): held and on, held and switched off, lacking, with what is lost without it and what to
 * do. Where the service does not run, of this process. Nothing on Linux, where rights are the user's.
 * Never DOCTOR_BAD: what lacks costs files, not their safety. */
void rights_checkup(struct doctor_report *report);

#endif
