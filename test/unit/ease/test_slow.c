/* The binding against the stand-in, over a share that is slow: deadlines, pieces, stopping, sharing. */
#include <stdatomic.h>

#include "ease_test.h"

static struct {
    struct port port;
    struct port_ops ops;
    atomic_llong ns; /* each large read takes so long */
} slow;

static int
slow_pread(struct port *p, struct port_file *f, void *to, size_t len, uint64_t offset,
           size_t *ret_len)
{
    struct port *native = port_native();

    if (len >= TARGET_CHUNK_BYTES) {
        port_sleep_ns(native, atomic_load(&slow.ns));
    }
    return native->ops->pread(native, f, to, len, offset, ret_len);
}

static void
begin_slow(int64_t ns)
{
    begin();
    slow.ops = *w.port->ops;
    slow.ops.pread = slow_pread;
    slow.port.ops = &slow.ops;
    atomic_store(&slow.ns, ns);
    w.fetch_conf.port = &slow.port;
    w.conf.timeout_s = 2; /* so half a second before that there is a reply */
    world_start(&w);
}

static void
test_deadline(void)
{
    struct world_stub s;
    uint8_t bytes[4096];
    size_t got;
    struct stand_counts c;
    struct ease_state state;
    int64_t began;

    begin_slow(800000000);
    world_stub(&w, &s, "a.mov", 4u << 20, 7, false);
    began = port_mono_ns(w.port);
    TAP_CHECK(w.stand->read_once(s.path, WORLD_READER, 0, 4096, bytes, &got) == STAND_DENIED);
    TAP_CHECK(port_mono_ns(w.port) - began < 1900000000);
    TAP_CHECK(port_mono_ns(w.port) - began > 1200000000);
    ease_state_get(w.ease, &state);
    TAP_EQUAL_U64(state.answered.late, 1);
    port_sleep_ns(w.port, 1000000000);
    TAP_CHECK(w.stand->read_once(s.path, WORLD_READER, 0, 4096, bytes, &got) == STAND_DENIED ||
              world_same(7, 0, bytes, 4096));
    port_sleep_ns(w.port, 1500000000); /* the fetch went on by itself */
    TAP_CHECK(reads_right(&s));
    world_stub_end(&s);
    atomic_store(&slow.ns, 300000000);
    world_stub(&w, &s, "b.mov", 8u << 20, 8, true); /* pieces: the first before the last is here */
    TAP_EQUAL_U64(w.stand->read_once(s.path, WORLD_READER, 5000, 4096, bytes, &got), 0);
    TAP_CHECK(world_same(8, 5000, bytes, 4096));
    /* and what is asked for is brought before what lies before it */
    began = port_mono_ns(w.port);
    TAP_EQUAL_U64(w.stand->read_once(s.path, WORLD_READER, (7u << 20) - 1, 4096, bytes, &got), 0);
    TAP_CHECK(world_same(8, (7u << 20) - 1, bytes, 4096));
    TAP_CHECK(port_mono_ns(w.port) - began < 1400000000); /* in order: seven times 0.3 s */
    port_sleep_ns(w.port, 2500000000);
    TAP_CHECK(reads_right(&s));
    world_stub_end(&s);
    c = world_counts(&w);
    TAP_EQUAL_U64(c.lost, 0);
    TAP_EQUAL_U64(c.late, 0);
    atomic_store(&slow.ns, 0);
    world_end(&w);
}

static struct {
    const struct world_stub *s;
    atomic_uint denied, other;
} crowd;

static void *
one_of_the_crowd(void *arg)
{
    uint8_t bytes[4096];
    size_t got;
    int rc =
        w.stand->read_once(crowd.s->path, WORLD_READER, (uintptr_t)arg * 4096, 4096, bytes, &got);

    atomic_fetch_add(rc == STAND_DENIED || rc == STAND_NO_CLIENT ? &crowd.denied : &crowd.other, 1);
    return NULL;
}

/* Stopping while many wait: all are denied at once, nothing is lost, nothing hangs. */
static void
test_stop_under_load(void)
{
    struct port_thread threads[24];
    struct world_stub s;
    struct stand_counts c;
    int64_t began;

    for (int round = 0; round < 3; round++) {
        begin_slow(200000000);
        w.conf.timeout_s = 20;
        world_stop(&w);
        world_start(&w);
        world_stub(&w, &s, "a.mov", 60u << 20, 7, false);
        crowd.s = &s;
        atomic_store(&crowd.denied, 0);
        atomic_store(&crowd.other, 0);
        for (uintptr_t i = 0; i < AL_LEN(threads); i++) {
            TAP_OK(port_thread_start(&threads[i], "crowd", 0, one_of_the_crowd, (void *)i));
        }
        port_sleep_ns(w.port, 30000000 * round);
        began = port_mono_ns(w.port);
        w.ease = ease_stop(w.ease);
        TAP_CHECK(port_mono_ns(w.port) - began < 3000000000);
        for (uintptr_t i = 0; i < AL_LEN(threads); i++) {
            port_thread_join(&threads[i]);
        }
        TAP_EQUAL_U64(atomic_load(&crowd.denied), AL_LEN(threads));
        c = world_counts(&w);
        TAP_EQUAL_U64(c.lost, 0);
        world_stub_end(&s);
        atomic_store(&slow.ns, 0);
        world_end(&w);
    }
}

/* Readers of one object at the same time: one fetch. */
static void
test_shared_fetch(void)
{
    struct port_thread threads[8];
    struct world_stub s;
    struct ease_fetch_figures f;

    begin_slow(100000000);
    world_stub(&w, &s, "a.mov", 3u << 20, 7, false);
    crowd.s = &s;
    atomic_store(&crowd.denied, 0);
    atomic_store(&crowd.other, 0);
    for (uintptr_t i = 0; i < AL_LEN(threads); i++) {
        TAP_OK(port_thread_start(&threads[i], "crowd", 0, one_of_the_crowd, (void *)i));
    }
    for (uintptr_t i = 0; i < AL_LEN(threads); i++) {
        port_thread_join(&threads[i]);
    }
    TAP_EQUAL_U64(atomic_load(&crowd.other), AL_LEN(threads));
    ease_fetch_figures(w.fetch, &f);
    TAP_EQUAL_U64(f.fetched, 1);
    TAP_EQUAL_U64(f.joined, AL_LEN(threads) - 1);
    atomic_store(&slow.ns, 0);
    world_counts(&w);
    world_stub_end(&s);
    world_end(&w);
}

/* A large file that may be written to is the opener's own, without a copy. */
static void
test_large_mapping(void)
{
    struct world_stub s;
    struct ease_fetch_figures f;
    uint8_t bytes[4096];
    size_t got;

    begin();
    world_start(&w);
    world_stub(&w, &s, "a.mov", (64u << 20) + 1, 7, false);
    for (int i = 0; i < 2; i++) {
        TAP_EQUAL_U64(w.stand->map(s.path, WORLD_READER, bytes, sizeof(bytes), &got), 0);
        TAP_CHECK(got == sizeof(bytes) && world_same(7, 0, bytes, got));
    }
    ease_fetch_figures(w.fetch, &f);
    TAP_EQUAL_U64(f.files, 2);
    TAP_EQUAL_U64(f.fetched, 2);
    TAP_EQUAL_U64(f.objects, 0);
    world_counts(&w);
    world_stub_end(&s);
    world_end(&w);
}

int
main(int argc, char **argv)
{
    if (!test_args(argc, argv)) {
        return 2;
    }
    TAP_RUN(test_deadline);
    TAP_RUN(test_stop_under_load);
    TAP_RUN(test_shared_fetch);
    TAP_RUN(test_large_mapping);
    return tap_end();
}
