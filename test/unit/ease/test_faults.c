/* Every call of memory, system and share fails once, on whichever thread makes it: the reader gets the
 * right bytes or is denied, the next read is right, and nothing is left behind. */
#include <stdatomic.h>

#include "base/fault.h"
#include "ease_test.h"

/* The threads are not ours, so the first call on them that we see arms them. */
static struct {
    struct port port;
    struct port_ops ops;
    atomic_llong nth; /* 0: leave it; -1: disarm */
    atomic_uint kinds;
} worker, driver;

static void
arm(atomic_llong *nth, atomic_uint *kinds)
{
    long long n = atomic_load(nth);

    if (n != 0) {
        atomic_store(nth, 0);
        (void)al_fault_disarm();
        if (n > 0) {
            al_fault_arm(atomic_load(kinds), (uint64_t)n, false);
        }
    }
}

/* Asked once for each new file, by the thread that fetches. */
static int
worker_random(struct port *p, void *to, size_t len)
{
    arm(&worker.nth, &worker.kinds);
    return port_native()->ops->random(port_native(), to, len);
}

/* Asked first by the thread that answers. */
static int64_t
driver_mono(struct port *p)
{
    arm(&driver.nth, &driver.kinds);
    return port_native()->ops->mono_ns(port_native());
}

static void
begin_faulty(void)
{
    begin();
    worker.ops = *w.port->ops;
    worker.ops.random = worker_random;
    worker.port.ops = &worker.ops;
    driver.ops = *w.port->ops;
    driver.ops.mono_ns = driver_mono;
    driver.port.ops = &driver.ops;
    w.fetch_conf.port = &worker.port;
    w.fetch_conf.workers = 1;
    w.fetch_conf.keep_ns = 1;
    w.fetch_conf.idle_ns = 1;
    w.conf.port = &driver.port;
    w.conf.threads = 1;
    world_start(&w);
}

static void
each_fault(atomic_llong *nth, atomic_uint *kinds, unsigned kind, const struct world_stub *s)
{
    uint8_t *bytes = al_alloc((size_t)s->size);
    unsigned denied = 0;

    atomic_store(kinds, kind);
    for (int n = 1; n <= 40; n++) {
        size_t got = 0;
        int rc;

        ease_fetch_sweep(w.fetch, port_now_ns(w.port) + 1000000000);
        atomic_store(nth, n);
        rc = n % 2 == 0 ? w.stand->map(s->path, WORLD_READER, bytes, (size_t)s->size, &got)
                        : w.stand->read_once(s->path, WORLD_READER, 0, 65536, bytes, &got);
        TAP_CHECK(rc == STAND_OK || rc == STAND_DENIED);
        TAP_CHECK(rc == STAND_DENIED || (got > 0 && world_same(s->seed, 0, bytes, got)));
        denied += rc == STAND_DENIED ? 1 : 0;
        ease_fetch_sweep(w.fetch, port_now_ns(w.port) + 1000000000);
        atomic_store(nth, -1);
        /* one that was left over may hit first */
        TAP_CHECK(reads_right(s) || reads_right(s));
    }
    TAP_CHECK(denied > 0);
    al_free(bytes);
}

static void
test_each_call_fails_once(void)
{
    static const unsigned kinds[] = {AL_FAULT_MEM, AL_FAULT_PORT, AL_FAULT_TARGET};
    struct world_stub small, large;
    struct stand_counts c;

    begin_faulty();
    world_stub(&w, &small, "small.mov", 5000, 7, false);
    world_stub(&w, &large, "large.mov", (3u << 20) + 5, 8, true);
    for (size_t k = 0; k < AL_LEN(kinds); k++) {
        each_fault(&worker.nth, &worker.kinds, kinds[k], &small);
        each_fault(&worker.nth, &worker.kinds, kinds[k], &large);
        if (kinds[k] != AL_FAULT_TARGET) {
            each_fault(&driver.nth, &driver.kinds, kinds[k], &small);
            each_fault(&driver.nth, &driver.kinds, kinds[k], &large);
        }
    }
    c = world_counts(&w);
    TAP_EQUAL_U64(c.lost, 0);
    world_stub_end(&small);
    world_stub_end(&large);
    world_end(&w);
}

static void
test_each_start_fails_once(void)
{
    uint64_t calls = 1;

    begin();
    for (uint64_t n = 1; n <= calls + 1; n++) {
        struct ease_fetch *fetch = NULL;
        struct ease *e = NULL;
        int rc;

        al_fault_arm(AL_FAULT_MEM | AL_FAULT_PORT, n, false);
        rc = ease_fetch_open(&w.fetch_conf, &fetch, NULL);
        w.conf.answer.fetch = fetch;
        if (rc == AL_OK) {
            rc = ease_start(&w.conf, &e, NULL);
        }
        calls = al_fault_disarm();
        TAP_CHECK((rc == AL_OK) == (e != NULL));
        (void)ease_stop(e);
        (void)ease_fetch_close(fetch);
    }
    TAP_CHECK(calls > 10);
    world_start(&w); /* and all is well afterwards */
    world_end(&w);
}

int
main(int argc, char **argv)
{
    if (!test_args(argc, argv)) {
        return 2;
    }
    TAP_RUN(test_each_call_fails_once);
    TAP_RUN(test_each_start_fails_once);
    return tap_end();
}
