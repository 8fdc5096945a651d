/* ops.h: operations on jobs, and what begins one. Rows of routes.c. */
#ifndef ALTO_SERVER_SERVICE_JOB_OPS_H
#define ALTO_SERVER_SERVICE_JOB_OPS_H

#include "server/service/service.h"

service_fn job_list, job_get, job_cancel, job_outcomes, job_pause, job_resume;
service_fn rule_run, volume_scan, volume_reconcile, share_check;

/* Windows, minutes, errors and marks of the jobs that are open: once a second. */
int job_watch(struct service_worker *w, int64_t now_ns) AL_MUST_CHECK;

#endif
