#include "server/service/work_priv.h"

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
    SV_TRY(job_watch_end(t, &job));
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

/* ---- telling ---- */

static void
tell_job(struct service_worker *w, const struct work_touched *x, int64_t now_ns, bool at_once)
{
    struct work *k = w->service->work;
    struct work_job_news *n = NULL;

    port_mutex_lock(&k->lock);
    for (size_t i = 0; i < k->job_count && n == NULL; i++) {
        n = strcmp(k->jobs[i].id, x->id) == 0 ? &k->jobs[i] : NULL;
    }
    if (n == NULL && k->job_count < WORK_JOBS_WATCHED) {
        n = &k->jobs[k->job_count++];
        *n = (struct work_job_news){0};
        memcpy(n->id, x->id, sizeof(n->id));
        memcpy(n->customer_id, x->customer_id, sizeof(n->customer_id));
    }
    if (n != NULL) {
        at_once = at_once || now_ns - n->told_ns >= WORK_JOB_EVERY_NS || n->told_ns > now_ns;
        n->news = !at_once;
        n->told_ns = at_once ? now_ns : n->told_ns;
    }
    port_mutex_unlock(&k->lock);
    if (at_once || n == NULL) {
        service_publish_noun(w, "job", &store_jobs, x->customer_id, x->id);
    }
}

void
work_note_volume(struct work *k, const char *id, const char *customer_id)
{
    struct work_volume_news *n = NULL;

    port_mutex_lock(&k->lock);
    for (size_t i = 0; i < k->volume_count && n == NULL; i++) {
        n = strcmp(k->volumes[i].id, id) == 0 ? &k->volumes[i] : NULL;
    }
    if (n == NULL && k->volume_count == k->volume_cap && k->volume_cap < WORK_VOLUMES_MAX) {
        size_t cap = k->volume_cap == 0 ? 64 : k->volume_cap * 2;
        struct work_volume_news *more = al_realloc(k->volumes, cap * sizeof(*more));

        if (more != NULL) { /* else: told late, by the next change or start */
            k->volumes = more;
            k->volume_cap = cap;
        }
    }
    if (n == NULL && k->volume_count < k->volume_cap) {
        n = &k->volumes[k->volume_count++];
        *n = (struct work_volume_news){0};
        memcpy(n->id, id, strnlen(id, AL_ID_LEN));
        memcpy(n->customer_id, customer_id, strnlen(customer_id, AL_ID_LEN));
    }
    if (n != NULL) {
        n->news = true;
    }
    port_mutex_unlock(&k->lock);
}

void
work_tell(struct work_tx *t)
{
    struct service_worker *w = t->worker;

    for (size_t i = 0; i < t->count; i++) {
        const struct work_touched *x = &t->touched[i];

        switch (x->what) {
        case WORK_T_JOB:
        case WORK_T_JOB_ENDED:
            tell_job(w, x, t->now_ns, x->what == WORK_T_JOB_ENDED);
            break;
        case WORK_T_WAKE:
            service_wake_host(w->service, x->id);
            break;
        case WORK_T_VOLUME:
            work_note_volume(w->service->work, x->id, x->customer_id);
            break;
        case WORK_T_VOLUME_STATE:
            service_publish_noun(w, "volume", &store_volumes, x->customer_id, x->id);
            break;
        case WORK_T_FIGURES:
            work_figures_tell(w, x->customer_id, t->now_ns);
            break;
        case WORK_T_SHARE:
            service_publish_noun(w, "share", &store_shares, x->customer_id, x->id);
            break;
        case WORK_T_HOST:
            service_publish_noun(w, "host", &store_hosts, x->customer_id, x->id);
            break;
        }
    }
    t->count = 0;
}
