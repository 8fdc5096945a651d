#include "server/service/access/ops.h"
#include "server/service/figure/ops.h"
#include "server/service/import/import.h"
#include "server/service/job/ops.h"
#include "server/service/tick.h"

#include <string.h>

static const char duckdb_prefix[] = "duckdb:///";

int
work_open(struct service *s, struct al_fail *fail)
{
    struct al_buf AL_CLEANUP(al_buf_free) dir = {0};
    struct inventory_conf conf = {.port = s->port, .log = s->log};
    struct work *k;
    int rc;

    al_buf_init(&dir, 8192);
    if (s->inventory_url == NULL) {
        rc = al_buf_addf(&dir, "%s/inventory", s->data_dir);
    } else if (strncmp(s->inventory_url, duckdb_prefix, sizeof(duckdb_prefix) - 1) == 0) {
        rc = al_buf_adds(&dir, s->inventory_url + sizeof(duckdb_prefix) - 2);
    } else {
        return al_fail_set(fail, AL_ENOTSUP, 0,
                           "this build knows only duckdb:///DIR as inventory, not \"%s\"",
                           s->inventory_url);
    }
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, 0, "the data folder's name is too long");
    }
    k = al_zalloc(sizeof(*k));
    if (k == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "no memory");
    }
    conf.dir = (const char *)dir.at;
    rc = inventory_open(&conf, &k->inventory, fail);
    if (rc != AL_OK) {
        al_free(k);
        return rc;
    }
    port_mutex_init(&k->lock);
    k->jobs = (struct work_news_list){al_array(WORK_JOBS_WATCHED, sizeof(struct work_news_of)), 0,
                                      WORK_JOBS_WATCHED, WORK_JOB_EVERY_NS, WORK_PRUNE_EVERY_NS};
    k->accesses =
        (struct work_news_list){al_array(WORK_ACCESS_WATCHED, sizeof(struct work_news_of)), 0,
                                WORK_ACCESS_WATCHED, WORK_ACCESS_EVERY_NS, WORK_ACCESS_FORGET_NS};
    if (k->jobs.of == NULL || k->accesses.of == NULL) {
        s->work = k;
        work_close(s);
        return al_fail_set(fail, AL_ENOMEM, 0, "no memory");
    }
    k->ask_ns = WORK_ASK_NS;
    s->work = k;
    rc = background_open(s, s->import_dir, &k->background, fail);
    if (rc != AL_OK) {
        work_close(s);
    }
    return rc;
}

void
work_close(struct service *s)
{
    struct work *k = s->work;

    if (k == NULL) {
        return;
    }
    k->background = background_close(k->background);
    (void)inventory_close(k->inventory);
    port_mutex_end(&k->lock);
    al_free(k->jobs.of);
    al_free(k->accesses.of);
    al_free(k->volumes);
    al_free(k);
    s->work = NULL;
}

static int
hosts_gone_silent(struct work_tx *t)
{
    struct store_work_ref *refs;
    size_t count;

    SV_TRY(store_host_lost(t->db, &t->scope, t->now_ns, t->arena, &refs, &count, t->fail));
    for (size_t i = 0; i < count; i++) {
        SV_TRY(work_event(t, &(struct work_event){
                                 .customer_id = refs[i].customer_id,
                                 .act = "host.offline",
                                 .subject_type = "host",
                                 .subject_id = refs[i].host_id,
                                 .code = al_code_name(AL_EUNREACH),
                             }));
        SV_TRY(work_touch(t, WORK_T_HOST, refs[i].host_id, refs[i].customer_id));
        SV_TRY(work_touch(t, WORK_T_FIGURES, refs[i].customer_id, refs[i].customer_id));
    }
    return AL_OK;
}

static int
leases_run_out(struct work_tx *t)
{
    struct store_work_ref *refs;
    size_t count;

    SV_TRY(store_work_expire(t->db, &t->scope, t->now_ns, t->arena, &refs, &count, t->fail));
    for (size_t i = 0; i < count; i++) {
        if (refs[i].lost > WORK_LOST_MAX) {
            struct store_work work;

            SV_TRY(store_work_get(t->db, &t->scope, refs[i].host_id, refs[i].work_id, t->arena,
                                  &work, t->fail));
            SV_TRY(work_ended(t, &work, AL_ELIMIT,
                              "Given up: the agent took it ten times and never finished"));
            continue;
        }
        SV_TRY(work_touch(t, WORK_T_WAKE, refs[i].host_id, refs[i].customer_id));
        if (refs[i].job_id[0] != '\0') {
            SV_TRY(work_settle(t, refs[i].job_id, refs[i].customer_id));
        }
    }
    return AL_OK;
}

static int
holds_are_over(struct work_tx *t)
{
    struct store_work_ref *refs;
    size_t count;

    SV_TRY(store_work_release(t->db, &t->scope, NULL, t->now_ns, t->arena, &refs, &count, t->fail));
    for (size_t i = 0; i < count; i++) {
        SV_TRY(work_touch(t, WORK_T_WAKE, refs[i].host_id, refs[i].customer_id));
        SV_TRY(work_settle(t, refs[i].job_id, refs[i].customer_id));
    }
    return AL_OK;
}

static int
tick_in_tx(struct work_tx *t)
{
    SV_TRY(store_clock_back(t->db, &t->scope, t->now_ns, t->fail));
    SV_TRY(hosts_gone_silent(t));
    SV_TRY(leases_run_out(t));
    SV_TRY(holds_are_over(t));
    SV_TRY(work_share_watch(t));
    SV_TRY(work_share_tests_late(t));
    return store_commit(t->db, t->fail);
}

static int
prune(struct service_worker *w, int64_t now_ns)
{
    struct work *k = w->service->work;
    bool due;
    int rc;

    port_mutex_lock(&k->lock);
    due = now_ns - k->pruned_ns >= WORK_PRUNE_EVERY_NS;
    k->pruned_ns = due ? now_ns : k->pruned_ns;
    port_mutex_unlock(&k->lock);
    if (!due) {
        return AL_OK;
    }
    SV_TRY(store_begin(w->db, NULL));
    rc = store_job_prune(w->db, now_ns, NULL);
    rc = rc != AL_OK ? rc : store_orphan_prune(w->db, now_ns, NULL);
    if (rc != AL_OK) {
        store_rollback(w->db);
        return rc;
    }
    return store_commit(w->db, NULL);
}

static int
left_over(void *ctx, const char *volume_id, const char *customer_id)
{
    work_note_volume(ctx, volume_id, customer_id);
    return AL_OK;
}

/* What a run before this one did not get to tell. */
static int
start(struct service_worker *w)
{
    struct work *k = w->service->work;
    struct scope scope = scope_system();
    bool first;

    port_mutex_lock(&k->lock);
    first = !k->started;
    k->started = true;
    port_mutex_unlock(&k->lock);
    SV_TRY(first ? access_start(w) : AL_OK);
    return first ? store_news_each(w->db, &scope, left_over, k, NULL) : AL_OK;
}

int
work_tick(struct service_worker *w, int64_t now_ns)
{
    struct al_arena AL_CLEANUP(al_arena_freep) *arena = NULL;
    struct al_fail fail = {0};
    struct scope scope = scope_system();
    struct work_tx t;
    bool due;
    int rc;

    SV_TRY(start(w));
    background_start(w->service->work->background);
    work_news(w, now_ns);
    growth_tick(w, now_ns);
    access_tick(w, now_ns);
    SV_TRY(prune(w, now_ns));
    SV_TRY(job_watch(w, now_ns));
    SV_TRY(store_work_due(w->db, &scope, now_ns, &due, &fail));
    if (!due) {
        return AL_OK;
    }
    arena = al_arena_new(WORK_TICK_ARENA_MAX);
    if (arena == NULL) {
        return AL_ENOMEM;
    }
    work_tx_system(&t, w, now_ns, arena, &fail);
    SV_TRY(store_begin(w->db, &fail));
    rc = tick_in_tx(&t);
    if (rc != AL_OK) {
        store_rollback(w->db);
        al_log(w->service->log, AL_LOG_WARN, "housekeeping of work: %s (%s)", fail.text,
               al_code_name(rc));
        return rc;
    }
    work_tell(&t);
    return AL_OK;
}
