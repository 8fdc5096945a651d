/* Calls with a time limit. One thread ends what is over its time: DuckDB looks at an interrupt
 * between two chunks of rows, our functions look at inv_late between two rows. */
#include "server/inventory/inventory_priv.h"

/* An interrupt that falls between two statements is forgotten by DuckDB at the next one's start. */
#define AGAIN_NS (INT64_C(20) * 1000000)
#define STACK_BYTES ((size_t)256 << 10)

bool
inv_late(const struct inv_conn *c)
{
    return __atomic_load_n(&c->late, __ATOMIC_RELAXED);
}

/* Under inventory.lock. When to look again; INT64_MAX: there is nothing to wait for. */
static int64_t
end_late_ones(struct inventory *inv, int64_t now_ns)
{
    int64_t next_ns = INT64_MAX;

    for (struct al_list *n = inv->timed.next; n != &inv->timed; n = n->next) {
        struct inv_conn *c = AL_LIST_ITEM(n, struct inv_conn, link);
        int64_t look_ns = c->until_ns;

        if (c->until_ns <= now_ns) {
            __atomic_store_n(&c->late, true, __ATOMIC_RELAXED);
            duckdb_interrupt(c->con); /* sets a flag, no more */
            look_ns = now_ns + AGAIN_NS;
        }
        next_ns = look_ns < next_ns ? look_ns : next_ns;
    }
    return next_ns;
}

static void *
clock_run(void *arg)
{
    struct inventory *inv = arg;

    port_mutex_lock(&inv->lock);
    while (!inv->closing) {
        int64_t now_ns = port_mono_ns(inv->port), next_ns = end_late_ones(inv, now_ns);

        if (next_ns == INT64_MAX) {
            port_cond_wait(&inv->clock_wake, &inv->lock);
        } else {
            (void)port_cond_wait_for(&inv->clock_wake, &inv->lock, next_ns - now_ns);
        }
    }
    port_mutex_unlock(&inv->lock);
    return NULL;
}

int
inv_clock_start(struct inventory *inv)
{
    int rc = port_thread_start(&inv->clock, "inventory clock", STACK_BYTES, clock_run, inv);

    inv->clock_runs = rc == AL_OK;
    return rc;
}

void
inv_clock_end(struct inventory *inv)
{
    if (!inv->clock_runs) {
        return;
    }
    port_mutex_lock(&inv->lock);
    inv->closing = true;
    port_cond_signal(&inv->clock_wake);
    port_mutex_unlock(&inv->lock);
    port_thread_join(&inv->clock);
    inv->clock_runs = false;
}

void
inv_limit_begin(struct inventory *inv, struct inv_conn *c, int64_t limit_ns)
{
    port_mutex_lock(&inv->lock);
    c->until_ns = port_mono_ns(inv->port) + limit_ns;
    al_list_push(&inv->timed, &c->link);
    port_cond_signal(&inv->clock_wake);
    port_mutex_unlock(&inv->lock);
}

void
inv_limit_end(struct inventory *inv, struct inv_conn *c)
{
    port_mutex_lock(&inv->lock);
    if (c->until_ns != 0) {
        al_list_drop(&c->link);
        c->until_ns = 0;
        __atomic_store_n(&c->late, false, __ATOMIC_RELAXED);
    }
    port_mutex_unlock(&inv->lock);
}
