/* agent.h: what the operations of agents share. */
#ifndef ALTO_SERVER_SERVICE_AGENT_AGENT_H
#define ALTO_SERVER_SERVICE_AGENT_AGENT_H

#include "server/service/work/work.h"

int agent_config_version(struct service_req *req, uint64_t *ret,
                         struct al_fail *fail) AL_MUST_CHECK;

/* ---- share_test.c ---- */
/* What the host needs of a share that it is to try out, into the open object of its work. */
int agent_share_test_lend(struct work_tx *t, const char *work_id,
                          struct al_jsonout *j) AL_MUST_CHECK;

#endif
