/* work_ops.h: operations around work: what agents call, jobs, plans, files, figures. Rows of
 * routes.c. */
#ifndef ALTO_SERVER_SERVICE_WORK_OPS_H
#define ALTO_SERVER_SERVICE_WORK_OPS_H

#include "server/service/service.h"

service_fn agent_enrol, agent_config, agent_lease, agent_batch, agent_entries;
service_fn job_list, job_get, job_cancel, job_outcomes;
service_fn job_pause, job_resume;
service_fn rule_preview, rule_preview_text, rule_run;
service_fn volume_scan, volume_reconcile, share_check;
service_fn file_list, file_stat, file_tier, file_recall;
service_fn figures_get, series_get, health;

/* What service.c asks of this part: its share of open, of each worker, and of housekeeping (once a
 * second). */
int work_open(struct service *s, struct al_fail *fail) AL_MUST_CHECK;
void work_close(struct service *s);
int work_worker_open(struct service_worker *w, struct al_fail *fail) AL_MUST_CHECK;
void work_worker_close(struct service_worker *w);
/* The volume is deleted, durably: its inventory goes too. */
void work_volume_gone(struct service *s, const char *customer_id, const char *volume_id);
int work_tick(struct service_worker *w, int64_t now_ns) AL_MUST_CHECK;

#endif
