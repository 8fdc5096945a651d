/* One import, from its turn to its end. */
#include "server/service/import/import.h"

#include <string.h>

struct run {
    struct service_worker *worker;
    struct background *background;
    size_t slot;
    struct store_import m;
    struct al_arena *arena;
    /* rows a second */
    int64_t at_ns[IMPORT_RATE_SAMPLES];
    uint64_t rows[IMPORT_RATE_SAMPLES];
    size_t samples;
    struct import_progress last;
};

static uint64_t
rate(struct run *r, uint64_t rows)
{
    int64_t now_ns = port_mono_ns(r->worker->service->port), then_ns;
    size_t at = r->samples % IMPORT_RATE_SAMPLES;
    size_t oldest = r->samples < IMPORT_RATE_SAMPLES ? 0 : at;
    uint64_t before = r->samples == 0 ? rows : r->rows[oldest];

    then_ns = r->samples == 0 ? now_ns : r->at_ns[oldest];
    r->at_ns[at] = now_ns;
    r->rows[at] = rows;
    r->samples++;
    if (now_ns <= then_ns || rows < before) {
        return 0;
    }
    return (uint64_t)((double)(rows - before) * 1e9 / (double)(now_ns - then_ns));
}

/* In a transaction of its own. */
static int
tell(struct run *r, const struct store_import_progress *p, struct al_fail *fail)
{
    struct service_worker *w = r->worker;
    struct scope scope = scope_customer(r->m.customer_id);
    int rc;

    SV_TRY(store_begin(w->db, fail));
    rc = store_import_progress(w->db, &scope, r->m.id, p, port_now_ns(w->service->port), fail);
    if (rc != AL_OK) {
        store_rollback(w->db);
        return rc;
    }
    SV_TRY(store_commit(w->db, fail));
    import_publish(w, r->m.customer_id, r->m.id);
    return AL_OK;
}

static int
on_progress(void *ctx, const struct import_progress *p)
{
    struct run *r = ctx;
    struct al_fail quiet = {0};
    struct store_import_progress told = {p->phase == NULL ? "" : p->phase, p->bytes_done, p->rows,
                                         p->refused, rate(r, p->rows)};

    if (background_cancelled(r->background, r->slot) || background_stopping(r->background)) {
        return AL_ECANCELED;
    }
    r->last = *p;
    if (tell(r, &told, &quiet) != AL_OK) { /* the import goes on; the next one may be told */
        al_log(r->worker->service->log, AL_LOG_DEBUG, "progress of import %s: %s", r->m.id,
               quiet.text);
    }
    return AL_OK;
}

/* ---- the end ---- */

static int
write_end(struct run *r, struct work_tx *t, const struct store_import_end *e)
{
    bool done = e->state == STORE_IM_DONE;
    struct store_volume v;
    int rc;

    SV_TRY(store_import_end(t->db, &t->scope, r->m.id, e, t->now_ns, t->fail));
    SV_TRY(import_event(t, &r->m, done ? "import.done" : "import.failed", e->code, e->text,
                        e->result));
    rc = store_volume_get(t->db, &t->scope, r->m.volume_id, t->arena, &v, t->fail);
    if (rc == AL_OK && done) {
        rc = work_volume_news(t, &v);
    }
    return rc;
}

static int
end(struct run *r, const struct store_import_end *e)
{
    struct service_worker *w = r->worker;
    struct al_fail fail = {0};
    struct work_tx t;
    int rc;

    work_tx_system(&t, w, port_now_ns(w->service->port), r->arena, &fail);
    rc = store_begin(w->db, &fail);
    if (rc == AL_OK) {
        rc = write_end(r, &t, e);
        if (rc != AL_OK) {
            store_rollback(w->db);
        } else {
            rc = store_commit(w->db, &fail);
        }
    }
    if (rc != AL_OK) { /* it is still running in the store: taken up again */
        al_log(w->service->log, AL_LOG_WARN, "the end of import %s cannot be written: %s", r->m.id,
               fail.text);
        return rc;
    }
    work_tell(&t);
    import_publish(w, r->m.customer_id, r->m.id);
    return AL_OK;
}

static int
end_well(struct run *r, const struct import_result *result)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {.max = 4096};
    struct store_import_end e = {
        .state = STORE_IM_DONE,
        .code = al_code_name(AL_OK),
        .text = "",
        .rows = result->rows,
        .refused = result->refused,
    };

    SV_TRY(import_result_text(result, &text));
    e.result = (const char *)text.at;
    return end(r, &e);
}

static int
end_badly(struct run *r, int code, const struct al_fail *why)
{
    bool cancelled = code == AL_ECANCELED;
    struct store_import_end e = {
        .state = cancelled ? STORE_IM_CANCELLED : STORE_IM_FAILED,
        .code = al_code_name(code),
        .text = cancelled              ? ""
                : why->text[0] != '\0' ? why->text
                                       : al_code_name(code),
        .rows = r->last.rows,
        .refused = r->last.refused,
    };

    return end(r, &e);
}

static int
run(struct run *r, struct import_result *result, struct al_fail *fail)
{
    AL_CLEANUP(al_json_freep) json_t *tree = NULL;
    struct service *s = r->worker->service;
    struct inventory_scope scope = work_inventory_scope(r->m.customer_id);
    const char *path = import_path(s, r->arena, r->m.id, IMPORT_CONTENT),
               *refused = import_path(s, r->arena, r->m.id, IMPORT_REFUSED);
    struct import_options o;

    if (path == NULL || refused == NULL) {
        return AL_ENOMEM;
    }
    SV_TRY(import_options_parse(r->m.options, r->arena, &tree, &o, fail));
    SV_TRY(inventory_volume_make(s->work->inventory, &scope, r->m.volume_id, 0, fail));
    return inventory_import_run(s->work->inventory, &scope, r->m.volume_id, r->m.id, path, &o,
                                refused, port_now_ns(s->port), on_progress, r, result, fail);
}

int
import_run_one(struct service_worker *w, struct background *b, size_t slot, const char *id)
{
    AL_CLEANUP(al_arena_freep) struct al_arena *arena = al_arena_new(IMPORT_ARENA_MAX);
    struct run r = {.worker = w, .background = b, .slot = slot, .arena = arena};
    struct import_result result = {0};
    struct scope all = scope_system();
    struct al_fail fail = {0};
    int rc;

    if (arena == NULL) {
        return AL_ENOMEM;
    }
    SV_TRY(store_import_get(w->db, &all, id, arena, &r.m, &fail));
    if (r.m.state != STORE_IM_RUNNING) {
        return AL_OK; /* it was cancelled before its turn came */
    }
    if (r.m.cancel) { /* asked for before altod was started again */
        background_cancel(b, id);
    }
    rc = tell(&r, &(struct store_import_progress){.phase = "reading"}, &fail);
    if (rc != AL_OK) {
        return rc == AL_ECONFLICT ? AL_OK : rc; /* likewise */
    }
    rc = run(&r, &result, &fail);
    if (rc == AL_OK) {
        return end_well(&r, &result);
    }
    if (rc == AL_ECANCELED && !background_cancelled(b, slot)) {
        return rc; /* altod is stopping */
    }
    return end_badly(&r, rc, &fail);
}
