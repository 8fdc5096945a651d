#include "server/service/work/work.h"

#include <stdio.h>

#define ERRORS_FROM 100u /* files that were moved or failed before their share counts */

bool
job_errors_too_many(uint64_t done, uint64_t failed, uint64_t limit_percent)
{
    return limit_percent > 0 && done + failed >= ERRORS_FROM &&
           failed * 100 >= limit_percent * (done + failed);
}

int
job_errors_suspend(struct work_tx *t, struct job_errors *e)
{
    struct al_buf AL_CLEANUP(al_buf_free) detail = {0};
    struct al_jsonout j;
    bool changed;

    (void)snprintf(e->text, sizeof(e->text),
                   "%llu of %llu files failed, the limit is %llu %%: look at the outcomes, then "
                   "resume the rule",
                   (unsigned long long)e->failed, (unsigned long long)(e->done + e->failed),
                   (unsigned long long)e->limit_percent);
    SV_TRY(store_rule_suspend(t->db, &t->scope, e->rule_id, "errors", e->text, t->now_ns, &changed,
                              t->fail));
    if (!changed) {
        return AL_OK;
    }
    al_buf_init(&detail, 4096);
    al_jo_begin(&j, &detail);
    al_jo_object(&j, NULL);
    al_jo_str(&j, "reason", "errors");
    al_jo_str(&j, "text", e->text);
    al_jo_str(&j, "job_id", e->job_id);
    al_jo_close(&j);
    SV_TRY(al_jo_end(&j));
    return work_event(t, &(struct work_event){
                             .customer_id = e->customer_id,
                             .act = "rule.suspend",
                             .subject_type = "rule",
                             .subject_id = e->rule_id,
                             .subject = al_span_of(e->rule_name),
                             .code = al_code_name(AL_ELIMIT),
                             .detail = &detail,
                         });
}

int
job_errors_at_end(struct work_tx *t, const struct store_job *job)
{
    struct store_rule r;
    struct job_errors e;
    int rc;

    if (job->rule_id[0] == '\0') {
        return AL_OK;
    }
    rc = store_rule_get(t->db, &t->scope, job->rule_id, t->arena, &r, NULL);
    if (rc != AL_OK) {
        return rc == AL_ENOENT ? AL_OK : rc;
    }
    e = (struct job_errors){r.id,
                        r.name,
                        job->customer_id,
                        job->id,
                        job->done_files,
                        job->failed_files,
                        r.limit_error_percent,
                        ""};
    return job_errors_too_many(e.done, e.failed, e.limit_percent) ? job_errors_suspend(t, &e) : AL_OK;
}
