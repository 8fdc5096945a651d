#include "server/service/work/work.h"

#include <string.h>

void
work_tx_of(struct work_tx *t, struct service_req *req, struct al_fail *fail)
{
    *t = (struct work_tx){
        .worker = req->worker,
        .db = req->worker->db,
        .scope = service_scope(req->caller),
        .now_ns = req->now_ns,
        .arena = req->arena,
        .fail = fail,
        .actor_type = req->caller->role == ROLE_HOST ? "host" : "user",
        .actor_id = req->caller->id,
        .actor_name = req->caller->name,
    };
}

void
work_tx_system(struct work_tx *t, struct service_worker *w, int64_t now_ns, struct al_arena *a,
               struct al_fail *fail)
{
    *t = (struct work_tx){
        .worker = w,
        .db = w->db,
        .scope = scope_system(),
        .now_ns = now_ns,
        .arena = a,
        .fail = fail,
        .actor_type = "system",
        .actor_id = "",
        .actor_name = "altod",
    };
}

int
work_touch(struct work_tx *t, enum work_what what, const char *id, const char *customer_id)
{
    struct work_touched *to;

    for (size_t i = 0; i < t->count; i++) {
        if (t->touched[i].what == what && strcmp(t->touched[i].id, id) == 0) {
            return AL_OK;
        }
    }
    if (t->count == t->cap) {
        size_t cap = t->cap == 0 ? 32 : t->cap * 2;

        to = al_arena_alloc(t->arena, cap * sizeof(*to));
        if (to == NULL) {
            return al_fail_set(t->fail, AL_ENOMEM, 0, "no memory");
        }
        if (t->count > 0) {
            memcpy(to, t->touched, t->count * sizeof(*to));
        }
        t->touched = to;
        t->cap = cap;
    }
    to = &t->touched[t->count++];
    to->what = what;
    memcpy(to->id, id, strnlen(id, AL_ID_LEN));
    memcpy(to->customer_id, customer_id, strnlen(customer_id, AL_ID_LEN));
    return AL_OK;
}

int
work_event(struct work_tx *t, const struct work_event *e)
{
    struct store_event line = {
        .customer_id = e->customer_id,
        .at_ns = e->at_ns != 0 ? e->at_ns : t->now_ns,
        .actor_type = t->actor_type,
        .actor_id = t->actor_id,
        .actor_name = t->actor_name,
        .act = e->act,
        .subject_type = e->subject_type,
        .subject_id = e->subject_id,
        .subject = e->subject,
        .code = e->code == NULL ? "ok" : e->code,
    };

    if (e->detail != NULL) {
        line.detail = al_buf_span(e->detail);
    }
    return store_event_add(t->db, &line, t->fail);
}

int
work_volume_news(struct work_tx *t, const struct store_volume *v)
{
    SV_TRY(store_news_add(t->db, &t->scope, v->id, t->fail));
    return work_touch(t, WORK_T_VOLUME, v->id, v->customer_id);
}

int
work_settle(struct work_tx *t, const char *job_id, const char *customer_id)
{
    struct al_buf AL_CLEANUP(al_buf_free) detail = {0};
    struct al_jsonout j;
    struct store_job job;
    enum store_job_state state;
    bool changed;

    SV_TRY(store_job_settle(t->db, &t->scope, job_id, t->now_ns, &state, &changed, t->fail));
    SV_TRY(work_touch(t, changed ? WORK_T_JOB_ENDED : WORK_T_JOB, job_id, customer_id));
    if (!changed || store_job_state_open(state)) {
        return AL_OK;
    }
    SV_TRY(work_touch(t, WORK_T_FIGURES, customer_id, customer_id));
    SV_TRY(store_job_get(t->db, &t->scope, job_id, t->arena, &job, t->fail));
    SV_TRY(job_errors_at_end(t, &job));
    al_buf_init(&detail, 4096);
    al_jo_begin(&j, &detail);
    al_jo_object(&j, NULL);
    al_jo_str(&j, "kind", store_job_kind_name(job.kind));
    al_jo_u64(&j, "done_files", job.done_files);
    al_jo_u64(&j, "refused_files", job.refused_files);
    al_jo_u64(&j, "failed_files", job.failed_files);
    al_jo_str(&j, "text", job.text);
    al_jo_close(&j);
    SV_TRY(al_jo_end(&j));
    return work_event(t, &(struct work_event){
                             .customer_id = customer_id,
                             .act = state == STORE_J_FAILED ? "job.fail" : "job.finish",
                             .subject_type = "job",
                             .subject_id = job_id,
                             .code = al_code_name(state == STORE_J_FAILED ? job.end_code : AL_OK),
                             .detail = &detail,
                         });
}
