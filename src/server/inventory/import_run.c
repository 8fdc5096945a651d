#include <string.h>

#include "server/inventory/import_priv.h"

#define TELL_NS INT64_C(250000000)
#define STACK_BYTES ((size_t)8 << 20) /* DuckDB plans recursively */

struct work {
    struct inventory *inv;
    struct inv_conn *conn;
    const char *sql;
    port_mutex lock;
    port_cond ended;
    bool done;
    int rc;
};

static void *
work(void *arg)
{
    struct work *w = arg;
    int rc = inv_run(w->inv, w->conn, w->sql);

    port_mutex_lock(&w->lock);
    w->rc = rc;
    w->done = true;
    port_cond_signal(&w->ended);
    port_mutex_unlock(&w->lock);
    return NULL;
}

int
import_tell(struct import_running *r)
{
    const struct import_job *j = r->job;
    struct import_progress *p = &r->told;

    if (j != NULL && r->work_total > 0) {
        uint64_t seen = __atomic_load_n(&j->bytes_seen, __ATOMIC_RELAXED);
        double share =
            (double)(seen < r->work_total ? seen : r->work_total) / (double)r->work_total;
        uint64_t done = (uint64_t)(share * (double)p->bytes_total);

        p->bytes_done = done > p->bytes_done ? done : p->bytes_done;
        p->rows = __atomic_load_n(&j->rows_seen, __ATOMIC_RELAXED);
        p->refused = __atomic_load_n(&j->refused_seen, __ATOMIC_RELAXED);
    }
    return r->progress != NULL ? r->progress(r->ctx, p) : AL_OK;
}

int
import_run_sql(struct import_running *r, struct inv_conn *c, const char *sql)
{
    struct work w = {.inv = r->inv, .conn = c, .sql = sql};
    struct port_thread thread;
    int rc, told = AL_OK;

    port_mutex_init(&w.lock);
    port_cond_init(&w.ended);
    rc = port_thread_start(&thread, "import", STACK_BYTES, work, &w);
    if (rc == AL_OK) {
        port_mutex_lock(&w.lock);
        while (!w.done) {
            (void)port_cond_wait_for(&w.ended, &w.lock, TELL_NS); /* w.done says which it was */
            if (w.done || told < 0) {
                continue;
            }
            port_mutex_unlock(&w.lock);
            told = import_tell(r);
            if (told < 0) {
                __atomic_store_n(&r->job->cancel, true, __ATOMIC_RELAXED);
                duckdb_interrupt(c->con);
            }
            port_mutex_lock(&w.lock);
        }
        port_mutex_unlock(&w.lock);
        port_thread_join(&thread);
        rc = w.rc;
    }
    port_cond_end(&w.ended);
    port_mutex_end(&w.lock);
    if (told < 0) {
        return told;
    }
    /* DuckDB only knows that our function failed. */
    return rc < 0 && r->job->rc < 0 ? r->job->rc : rc;
}
