/* Healing and walking on simulated disks. Crashes at every call are in test/sim. */
#include "../../sim/world.h"
#include "tap.h"

#include <string.h>

#include "base/mem.h"

#define SIZE 30000u

static struct world w;

static void
begin(uint64_t seed)
{
    world_make(&w, seed, SIM_ORDER_GLOBAL);
    TAP_OK(world_start(&w));
}

static void
end(void)
{
    world_stop(&w);
    TAP_EQUAL_U64(sim_open_files(w.host), 0);
    world_end(&w);
}

static struct mover_result
tier(const char *name, uint64_t seed)
{
    struct mover_result r;
    int rc;

    world_file(&w, name, SIZE, seed);
    r = world_tier(&w, name, &rc);
    TAP_OK(rc);
    TAP_CHECK(r.tiered);
    return r;
}

/* Dies by a kill in the n-th call of a tier. */
static void
tier_killed_at(const char *name, uint64_t nth)
{
    int rc;

    world_file(&w, name, SIZE, 9);
    sim_crash_at(w.host, nth, SIM_KILL, false);
    sim_follow(w.disk, w.host);
    (void)world_tier(&w, name, &rc);
    TAP_CHECK(sim_is_down(w.host));
    world_stop(&w);
    sim_follow(w.disk, NULL);
    TAP_OK(sim_restart(w.host, SIM_KILL));
    TAP_OK(sim_restart(w.disk, SIM_KILL));
    TAP_OK(world_start(&w));
}

static struct reconcile_counts
heal(void)
{
    struct reconcile_counts counts = {0};
    struct reconcile_env env = world_reconcile_env(&w);

    TAP_OK(reconcile_found(&env, &counts));
    return counts;
}

static struct reconcile_counts
walk(void)
{
    struct reconcile_counts counts = {0};
    struct reconcile_env env = world_reconcile_env(&w);

    TAP_OK(reconcile_walk(&env, &w.recall_volume, NULL, NULL, &counts, NULL));
    return counts;
}

/* A "filling" marker says that the object is needed: while the share is away nothing is judged. */
static void
a_share_that_is_away_leaves_the_intent_and_the_file_alone(void)
{
    bool seen = false;

    for (uint64_t nth = 20; nth < 60 && !seen; nth++) {
        struct reconcile_counts counts;
        struct marker m;
        enum marker_verdict verdict;
        struct stub_facts facts;

        begin(nth);
        tier_killed_at("a.dat", nth);
        if (stub_examine_path(w.stub, al_span_of("a.dat"), &m, &verdict, &facts, NULL) == AL_OK &&
            verdict == MARKER_V_FILLING) {
            uint64_t allocated = world_stat(&w, "a.dat").allocated;

            seen = true;
            sim_down_code(w.disk, AL_EUNREACH);
            sim_crash_at(w.disk, 1, SIM_POWER, false);
            counts = heal();
            TAP_EQUAL_U64(counts.later, 1);
            TAP_EQUAL_U64(world_stat(&w, "a.dat").allocated, allocated);
            TAP_OK(sim_restart(w.disk, SIM_KILL));
            w.target = target_close(w.target);
            w.manifests = manifest_writer_close(w.manifests);
            counts = heal();
            TAP_EQUAL_U64(counts.later, 0);
            TAP_EQUAL_U64(counts.stubs_finished, 1);
            TAP_EQUAL_U64(world_stat(&w, "a.dat").allocated, 0);
            TAP_EQUAL_U64(world_told(&w, "act=tier code=ok", "finished_by_reconcile"), 1);
        }
        end();
    }
    TAP_CHECK(seen);
}

static void
an_intent_of_a_volume_that_is_not_there_waits(void)
{
    struct reconcile_counts counts = {0};
    struct reconcile_env env;

    begin(2);
    tier_killed_at("a.dat", 25);
    env = world_reconcile_env(&w);
    env.volume_ctx = &w;
    w.recall_volume.share_id = "01kaz0000000000000000000xx"; /* configured to another share now */
    TAP_OK(reconcile_found(&env, &counts));
    TAP_EQUAL_U64(counts.later, 1);
    w.recall_volume.share_id = WORLD_SHARE;
    TAP_EQUAL_U64(heal().put_back_as_was, 1);
    end();
}

static void
the_object_of_a_file_that_is_gone_goes_to_the_ledger(void)
{
    begin(3);
    tier_killed_at("a.dat", 34);
    TAP_OK(port_unlink(sim_other(w.host), NULL, "/vol/a.dat"));
    TAP_EQUAL_U64(heal().put_back_as_was, 1);
    TAP_EQUAL_U64(world_told(&w, "act=reconcile", "unreferenced_object"), 1);
    TAP_EQUAL_U64(heal().intents, 0);
    end();
}

static void
copy_marker(const char *from, const char *to, const char *bytes)
{
    struct port *p = sim_other(w.host);
    struct port_file *f = NULL;
    uint8_t m[MARKER_BYTES];
    size_t len;

    TAP_OK(port_xattr_get_at(p, NULL, from, MARKER_XATTR, m, sizeof(m), &len));
    TAP_OK(port_open(p, NULL, to, PORT_READ | PORT_WRITE | PORT_CREATE, 0644, &f));
    if (bytes != NULL) {
        TAP_OK(port_pwrite(p, f, bytes, strlen(bytes), 0));
    } else {
        TAP_OK(port_truncate(p, f, SIZE));
    }
    TAP_OK(port_xattr_set(p, f, MARKER_XATTR, m, len));
    TAP_OK(port_close(p, f));
}

static void
a_walk_adopts_drops_and_reports_by_the_table(void)
{
    struct reconcile_counts counts;

    begin(4);
    TAP_OK(port_mkdir(sim_other(w.host), NULL, "/vol/deep", 0755));
    TAP_OK(port_mkdir(sim_other(w.host), NULL, "/vol/deep/er", 0755));
    (void)tier("stub.dat", 1);
    (void)tier("emptied.dat", 2);
    (void)tier("cut.dat", 3);
    copy_marker("/vol/stub.dat", "/vol/deep/er/copy.dat", NULL);
    copy_marker("/vol/stub.dat", "/vol/deep/own.dat", "own data");
    TAP_OK(sim_truncate_path(w.host, "/vol/emptied.dat", 0));
    TAP_OK(sim_truncate_path(w.host, "/vol/cut.dat", 100));
    counts = walk();
    TAP_EQUAL_U64(counts.markers, 5);
    TAP_EQUAL_U64(counts.adopted, 1);
    TAP_EQUAL_U64(counts.dropped, 2);
    TAP_EQUAL_U64(counts.alarms, 1);
    TAP_EQUAL_U64(counts.later + counts.unreadable, 0);
    TAP_CHECK(world_has_marker(&w, "deep/er/copy.dat") && world_has_marker(&w, "cut.dat"));
    TAP_CHECK(!world_has_marker(&w, "deep/own.dat") && !world_has_marker(&w, "emptied.dat"));
    TAP_EQUAL_U64(world_told(&w, "act=adopt", "path=deep/er/copy.dat"), 1);
    TAP_EQUAL_U64(world_told(&w, "act=alarm", "path=cut.dat"), 1);
    counts = walk(); /* again: nothing but what waits for an operator */
    TAP_EQUAL_U64(counts.markers, 3);
    TAP_EQUAL_U64(counts.adopted + counts.dropped, 0);
    TAP_EQUAL_U64(counts.alarms, 1);
    {
        int rc;

        TAP_OK(world_recall(&w, "deep/er/copy.dat", &rc).code);
    }
    end();
}

/* The journal is lost with the state folder: the walk alone heals. */
static void
a_walk_finishes_what_a_lost_journal_no_longer_knows(void)
{
    bool seen = false;

    for (uint64_t nth = 20; nth < 60 && !seen; nth++) {
        struct marker m;
        enum marker_verdict verdict;
        struct stub_facts facts;

        begin(nth);
        tier_killed_at("a.dat", nth);
        if (stub_examine_path(w.stub, al_span_of("a.dat"), &m, &verdict, &facts, NULL) == AL_OK &&
            verdict == MARKER_V_FILLING) {
            struct reconcile_counts counts;
            int rc;

            seen = true;
            world_stop(&w);
            TAP_OK(port_unlink(sim_other(w.host), NULL, "/state/journal"));
            TAP_OK(world_start(&w));
            TAP_EQUAL_U64(heal().intents, 0);
            counts = walk();
            TAP_EQUAL_U64(counts.stubs_finished, 1);
            TAP_OK(world_recall(&w, "a.dat", &rc).code);
        }
        end();
    }
    TAP_CHECK(seen);
}

static bool
stop_at_once(void *ctx)
{
    return true;
}

static void
a_walk_stops_when_told(void)
{
    struct reconcile_counts counts = {0};
    struct reconcile_env env;

    begin(5);
    world_file(&w, "a", 10, 1);
    env = world_reconcile_env(&w);
    TAP_CODE(reconcile_walk(&env, &w.recall_volume, stop_at_once, NULL, &counts, NULL),
             AL_ECANCELED);
    end();
}

int
main(void)
{
    TAP_RUN(a_share_that_is_away_leaves_the_intent_and_the_file_alone);
    TAP_RUN(an_intent_of_a_volume_that_is_not_there_waits);
    TAP_RUN(the_object_of_a_file_that_is_gone_goes_to_the_ledger);
    TAP_RUN(a_walk_adopts_drops_and_reports_by_the_table);
    TAP_RUN(a_walk_finishes_what_a_lost_journal_no_longer_knows);
    TAP_RUN(a_walk_stops_when_told);
    return tap_end();
}
