/* Tiering one file on simulated disks: what is left behind, on both sides, and in the spool. */
#include "../../sim/world.h"
#include "tap.h"

#include <string.h>

#include "base/mem.h"

static struct mover_result
tier(struct world *w, const char *name)
{
    int rc;
    struct mover_result r = world_tier(w, name, &rc);

    TAP_OK(rc);
    return r;
}

static struct recall_result
recall(struct world *w, const char *name)
{
    int rc;
    struct recall_result r = world_recall(w, name, &rc);

    TAP_OK(rc);
    return r;
}

static bool
has_bytes(struct world *w, const char *path, size_t size, uint64_t seed)
{
    AL_CLEANUP(al_freep) uint8_t *want = al_alloc(size);
    size_t got;
    AL_CLEANUP(al_freep) uint8_t *have = world_read(w->host, path, &got);

    world_bytes(want, size, seed);
    return got == size && memcmp(want, have, size) == 0;
}

static void
a_tiered_file_becomes_a_stub_and_comes_back_as_it_was(void)
{
    struct world w;
    struct mover_result r;
    struct recall_result back;
    struct port_stat before, stub, after;

    world_make(&w, 1, SIM_ORDER_GLOBAL);
    world_file(&w, "old report.PDF", 20000, 42);
    before = world_stat(&w, "old report.PDF");
    TAP_OK(world_start(&w));
    r = tier(&w, "old report.PDF");
    TAP_EQUAL_STR(r.fail.text, "");
    TAP_OK(r.code);
    TAP_EQUAL_STR(stub_refusal_name(r.refusal), "none");
    TAP_CHECK(r.tiered && r.reported);
    TAP_EQUAL_U64(r.size, 20000);
    TAP_EQUAL_U64(r.freed, 5 * 4096);
    stub = world_stat(&w, "old report.PDF");
    TAP_EQUAL_U64(stub.allocated, 0);
    TAP_EQUAL_U64(stub.size, 20000);
    TAP_CHECK(stub.mtime_ns == before.mtime_ns && stub.atime_ns == before.atime_ns);
    TAP_CHECK(world_has_marker(&w, "old report.PDF"));
    TAP_EQUAL_U64(world_told(&w, "act=tier code=ok", r.object_id), 1);

    back = recall(&w, "old report.PDF");
    TAP_EQUAL_STR(back.fail.text, "");
    TAP_OK(back.code);
    TAP_CHECK(back.filled);
    after = world_stat(&w, "old report.PDF");
    TAP_CHECK(!world_has_marker(&w, "old report.PDF"));
    TAP_CHECK(has_bytes(&w, "/vol/old report.PDF", 20000, 42));
    TAP_CHECK(after.mtime_ns == before.mtime_ns && after.atime_ns == before.atime_ns);
    TAP_EQUAL_U64(world_told(&w, "act=recall code=ok", r.object_id), 1);
    world_stop(&w);
    TAP_EQUAL_U64(sim_open_files(w.host), 0);
    TAP_EQUAL_U64(sim_open_files(w.disk), 0);
    world_end(&w);
}

int
main(void)
{
    TAP_RUN(a_tiered_file_becomes_a_stub_and_comes_back_as_it_was);
    return tap_end();
}
