#include "server/service/import/import.h"

#include <string.h>

#define LOOK_EVERY_NS (INT64_C(1000) * 1000000)    /* for work nobody woke anybody for */
#define WATCH_EVERY_NS (INT64_C(1000) * 1000000)   /* of the watched folder */
#define OLD_EVERY_NS (INT64_C(60) * 1000000000)    /* what is old goes */
#define SWEEP_EVERY_NS (INT64_C(600) * 1000000000) /* what nothing refers to goes */
#define AGAIN_NS (INT64_C(5) * 1000000000)         /* after something failed */
#define STACK_BYTES ((size_t)1 << 20)              /* DuckDB runs on it too */

struct slot {
    bool used, cancel;
    al_id import_id, volume_id;
};

struct runner { /* one thread */
    struct background *background;
    size_t slot;
    struct port_thread thread;
};

struct background {
    struct service *service;
    struct watch *watch; /* NULL: no folder is watched */
    port_mutex lock;     /* of all that follows */
    port_cond wake;
    bool started, stop;
    struct slot slots[IMPORT_RUNS_MAX];
    struct runner runners[IMPORT_RUNS_MAX];
    size_t runner_count;
    struct port_thread keeper;
    bool keeper_runs;
    al_id writes[IMPORT_WRITES_MAX];
};

/* ---- asked from elsewhere ---- */

bool
background_stopping(struct background *b)
{
    bool stop;

    port_mutex_lock(&b->lock);
    stop = b->stop;
    port_mutex_unlock(&b->lock);
    return stop;
}

bool
background_cancelled(struct background *b, size_t slot)
{
    bool cancel;

    port_mutex_lock(&b->lock);
    cancel = b->slots[slot].cancel;
    port_mutex_unlock(&b->lock);
    return cancel;
}

void
background_cancel(struct background *b, const char *id)
{
    port_mutex_lock(&b->lock);
    for (size_t i = 0; i < IMPORT_RUNS_MAX; i++) {
        if (b->slots[i].used && strcmp(b->slots[i].import_id, id) == 0) {
            b->slots[i].cancel = true;
        }
    }
    port_mutex_unlock(&b->lock);
}

void
background_wake(struct background *b)
{
    port_mutex_lock(&b->lock);
    port_cond_broadcast(&b->wake);
    port_mutex_unlock(&b->lock);
}

bool
background_write_begin(struct background *b, const char *id)
{
    size_t place = IMPORT_WRITES_MAX;

    port_mutex_lock(&b->lock);
    for (size_t i = 0; i < IMPORT_WRITES_MAX; i++) {
        if (strcmp(b->writes[i], id) == 0) {
            place = IMPORT_WRITES_MAX;
            break;
        }
        place = b->writes[i][0] == '\0' ? i : place;
    }
    if (place < IMPORT_WRITES_MAX) {
        memcpy(b->writes[place], id, sizeof(al_id));
    }
    port_mutex_unlock(&b->lock);
    return place < IMPORT_WRITES_MAX;
}

void
background_write_end(struct background *b, const char *id)
{
    port_mutex_lock(&b->lock);
    for (size_t i = 0; i < IMPORT_WRITES_MAX; i++) {
        if (strcmp(b->writes[i], id) == 0) {
            b->writes[i][0] = '\0';
        }
    }
    port_mutex_unlock(&b->lock);
}

/* Waits for a wake or for that long; true: stop. */
static bool
rest(struct background *b, int64_t ns)
{
    bool stop;

    port_mutex_lock(&b->lock);
    if (!b->stop) {
        (void)port_cond_wait_for(&b->wake, &b->lock, ns);
    }
    stop = b->stop;
    port_mutex_unlock(&b->lock);
    return stop;
}

/* ---- runners ---- */

struct choice {
    struct background *background;
    size_t slot;
};

/* The first that nobody is at, of a volume that nobody is at. AL_ECANCELED ends the search. */
static int
choose(void *ctx, const char *id, const char *volume_id)
{
    struct choice *c = ctx;
    struct background *b = c->background;
    bool busy = false;

    port_mutex_lock(&b->lock);
    for (size_t i = 0; i < IMPORT_RUNS_MAX; i++) {
        busy = busy || (b->slots[i].used && strcmp(b->slots[i].volume_id, volume_id) == 0);
    }
    if (!busy) {
        struct slot *s = &b->slots[c->slot];

        *s = (struct slot){.used = true};
        memcpy(s->import_id, id, AL_ID_LEN);
        memcpy(s->volume_id, volume_id, AL_ID_LEN);
    }
    port_mutex_unlock(&b->lock);
    return busy ? AL_OK : AL_ECANCELED;
}

/* True when something was at hand. */
static bool
run_next(struct background *b, struct service_worker *w, size_t slot, int64_t *ret_rest_ns)
{
    struct choice c = {b, slot};
    struct scope all = scope_system();
    struct al_fail quiet = {0};
    al_id id;
    int rc = store_import_each_running(w->db, &all, choose, &c, &quiet);

    *ret_rest_ns = LOOK_EVERY_NS;
    if (rc != AL_ECANCELED) {
        return false;
    }
    port_mutex_lock(&b->lock);
    memcpy(id, b->slots[slot].import_id, sizeof id);
    port_mutex_unlock(&b->lock);
    rc = import_run_one(w, b, slot, id);
    port_mutex_lock(&b->lock);
    b->slots[slot].used = false;
    port_mutex_unlock(&b->lock);
    if (rc != AL_OK && rc != AL_ECANCELED && rc != AL_ENOENT) {
        al_log(w->service->log, AL_LOG_WARN, "import %s is taken up again in a moment: %s", id,
               al_code_name(rc));
        *ret_rest_ns = AGAIN_NS;
        return false;
    }
    return true;
}

static struct service_worker *
worker_of(struct background *b)
{
    struct service_worker *w = NULL;
    struct al_fail fail = {0};

    while (service_worker_open(b->service, &w, &fail) != AL_OK) {
        al_log(b->service->log, AL_LOG_WARN, "imports wait: %s", fail.text);
        fail = (struct al_fail){0};
        if (rest(b, AGAIN_NS)) {
            return NULL;
        }
    }
    return w;
}

static void *
runner(void *arg)
{
    struct runner *me = arg;
    struct background *b = me->background;
    struct service_worker *w = worker_of(b);
    int64_t rest_ns = 0;
    bool stop = w == NULL;

    while (!stop) {
        stop = run_next(b, w, me->slot, &rest_ns) ? background_stopping(b) : rest(b, rest_ns);
    }
    (void)service_worker_close(w); /* always NULL */
    return NULL;
}

/* ---- the keeper ---- */

#define OLD_MAX 64u
struct old {
    al_id id[OLD_MAX];
    bool open[OLD_MAX];
    size_t count;
};

static int
one_old(void *ctx, const char *id, bool open)
{
    struct old *o = ctx;

    if (o->count < OLD_MAX) {
        memcpy(o->id[o->count], id, sizeof(al_id));
        o->open[o->count++] = open;
    }
    return AL_OK;
}

/* An upload that nobody goes on with ends; of what is over only the row stays. */
static int
let_go(struct work_tx *t, const char *id, bool open)
{
    struct store_import m;
    bool ended;

    SV_TRY(store_import_get(t->db, &t->scope, id, t->arena, &m, t->fail));
    if (open) {
        SV_TRY(store_import_cancel(t->db, &t->scope, id, t->now_ns, &ended, t->fail));
        SV_TRY(
            import_event(t, &m, "import.cancel", NULL, "nobody went on with it for a week", NULL));
    }
    return store_import_dropped(t->db, &t->scope, id, t->fail);
}

static void
old_imports(struct service_worker *w, struct al_arena *arena, int64_t now_ns)
{
    struct scope all = scope_system();
    struct al_fail fail = {0};
    struct old o = {0};
    int rc = store_import_each_old(w->db, &all, now_ns - IMPORT_KEPT_NS, one_old, &o, &fail);

    for (size_t i = 0; rc == AL_OK && i < o.count; i++) {
        struct work_tx t;

        work_tx_system(&t, w, now_ns, arena, &fail);
        rc = store_begin(w->db, &fail);
        if (rc == AL_OK) {
            rc = let_go(&t, o.id[i], o.open[i]);
            if (rc == AL_OK) {
                rc = store_commit(w->db, &fail);
            } else {
                store_rollback(w->db);
            }
        }
        if (rc == AL_OK) {
            import_files_drop(w->service, o.id[i]);
        }
    }
    if (rc == AL_OK && (rc = store_begin(w->db, &fail)) == AL_OK) {
        rc = store_import_prune(w->db, &all, now_ns - IMPORT_TOLD_NS, &fail);
        if (rc == AL_OK) {
            rc = store_commit(w->db, &fail);
        } else {
            store_rollback(w->db);
        }
    }
    if (rc != AL_OK) {
        al_log(w->service->log, AL_LOG_WARN, "old imports stay for now: %s", fail.text);
    }
}

static void
old_exports(struct service_worker *w, int64_t now_ns)
{
    struct scope all = scope_system();
    struct al_fail quiet = {0};
    al_id id;
    int rc = AL_OK;

    for (unsigned i = 0; i < OLD_MAX && rc == AL_OK; i++) {
        rc = store_begin(w->db, &quiet);
        if (rc == AL_OK) {
            rc = store_export_expired(w->db, &all, now_ns, id, &quiet);
            if (rc == AL_OK) {
                rc = store_commit(w->db, &quiet);
            } else {
                store_rollback(w->db);
            }
        }
        if (rc == AL_OK) {
            export_file_drop(w->service, id);
        }
    }
}

static void *
keeper(void *arg)
{
    struct background *b = arg;
    struct service_worker *w = worker_of(b);
    struct al_arena *arena = al_arena_new(IMPORT_ARENA_MAX);
    struct port *port = b->service->port;
    int64_t old_ns = 0, sweep_ns = port_mono_ns(port);
    bool stop = w == NULL || arena == NULL;

    while (!stop) {
        int64_t mono_ns = port_mono_ns(port);

        if (old_ns == 0 || mono_ns - old_ns >= OLD_EVERY_NS) {
            old_ns = mono_ns;
            old_imports(w, arena, port_now_ns(port));
            old_exports(w, port_now_ns(port));
            al_arena_reset(arena);
        }
        if (mono_ns - sweep_ns >= SWEEP_EVERY_NS) {
            int rc = import_files_sweep(b->service, w->db, port_now_ns(port));

            sweep_ns = mono_ns;
            if (rc != AL_OK) {
                al_log(b->service->log, AL_LOG_WARN, "what is left of imports stays for now: %s",
                       al_code_name(rc));
            }
        }
        if (b->watch != NULL) {
            watch_look(b->watch, w, b);
        }
        stop = rest(b, WATCH_EVERY_NS);
    }
    (void)al_arena_free(arena);    /* always NULL */
    (void)service_worker_close(w); /* always NULL */
    return NULL;
}

/* ---- beginning and end ---- */

int
background_open(struct service *s, const char *import_dir, struct background **ret,
                struct al_fail *fail)
{
    struct background *b;
    int rc;

    SV_TRY(import_files_open(s, fail));
    b = al_zalloc(sizeof(*b));
    if (b == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    b->service = s;
    port_mutex_init(&b->lock);
    port_cond_init(&b->wake);
    rc = import_dir == NULL ? AL_OK : watch_open(s, import_dir, &b->watch, fail);
    if (rc != AL_OK) {
        (void)background_close(b); /* always NULL */
        return rc;
    }
    *ret = b;
    return AL_OK;
}

void
background_start(struct background *b)
{
    bool first;

    port_mutex_lock(&b->lock);
    first = !b->started && !b->stop;
    b->started = true;
    port_mutex_unlock(&b->lock);
    if (!first) {
        return;
    }
    for (size_t i = 0; i < IMPORT_RUNS_MAX; i++) {
        struct runner *r = &b->runners[b->runner_count];

        *r = (struct runner){.background = b, .slot = b->runner_count};
        if (port_thread_start(&r->thread, "import", STACK_BYTES, runner, r) == AL_OK) {
            b->runner_count++;
        }
    }
    b->keeper_runs =
        port_thread_start(&b->keeper, "import-keeper", STACK_BYTES, keeper, b) == AL_OK;
    if (b->runner_count == 0 || !b->keeper_runs) {
        al_log(b->service->log, AL_LOG_ERROR, "no thread for imports can be started");
    }
}

struct background *
background_close(struct background *b)
{
    if (b == NULL) {
        return NULL;
    }
    port_mutex_lock(&b->lock);
    b->stop = true;
    port_cond_broadcast(&b->wake);
    port_mutex_unlock(&b->lock);
    for (size_t i = 0; i < b->runner_count; i++) {
        port_thread_join(&b->runners[i].thread);
    }
    if (b->keeper_runs) {
        port_thread_join(&b->keeper);
    }
    b->watch = watch_close(b->watch);
    port_cond_end(&b->wake);
    port_mutex_end(&b->lock);
    al_free(b);
    return NULL;
}
