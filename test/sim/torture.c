/* Crashes, power cuts, faults and other people at every call of a tier and of a recall, on both
 * sides. After each the agent starts again and reconciles, and then:
 *   - the file reads as it was (or as the other people left it), directly or after a recall,
 *   - no intent is open,
 *   - every object on the share is referenced by a stub or known to the deletion ledger.
 *
 * usage: torture tier|recall|faults|actors [SEEDS [FIRST]]   TAP on standard output. A failure
 * tells its plan, which repeats exactly. */
#include "torture.h"
#include "tap.h"

#include "base/fault.h"
#include "base/mem.h"

struct plan now;
uint64_t cases;

void
does_not_hold(const char *file, int line, const char *condition)
{
    tap_fail(file, line,
             "does not hold: %s (%s, %s, %s, %s, %s, call %" PRIu64 ", seed %" PRIu64 ")",
             condition, now.act == TIER ? "tier" : "recall", now.side == HOST ? "host" : "share",
             now.how == SIM_POWER ? "power cut" : "kill",
             now.order == SIM_ORDER_GLOBAL ? "one journal" : "each by itself",
             now.after ? "after" : "before", now.nth, now.seed);
}

bool
reads_as(struct world *w, const char *path, const uint8_t *want, size_t size)
{
    size_t got;
    uint8_t *have = world_read(w->host, path, &got);
    bool same = got == size && memcmp(have, want, size) == 0;

    al_free(have);
    return same;
}

static void
known_to_ledger(struct world *w, const char *id, void *ctx)
{
    HOLDS(world_told(w, "reason=unreferenced_object", id) > 0 ||
          world_told(w, "act=recall code=ok", id) > 0);
}

void
reconcile_all(struct world *w)
{
    plan_heal(w);
    HOLDS(w->torn == 0 || now.how == SIM_POWER);
}

/* world_file gave it these; a tier and a recall must not be seen on them. */
static void
check_attributes(struct world *w, const char *path)
{
    struct port_stat st;
    uint8_t value[32];
    size_t len;

    HOLDS(port_stat_at(sim_other(w->host), NULL, path, &st) == AL_OK);
    HOLDS(st.mtime_ns == 1500000000987654321 && st.atime_ns == 1600000000123456789);
    HOLDS(st.mode == 0640 && st.uid == 1000 && st.gid == 100);
    HOLDS(port_xattr_get_at(sim_other(w->host), NULL, path, "user.note", value, sizeof(value),
                            &len) == AL_OK);
    HOLDS(len == 4 && memcmp(value, "kept", 4) == 0);
    if (now.seed % 2 == 1) {
        HOLDS(port_xattr_get_at(sim_other(w->host), NULL, path, "security.capability", value,
                                sizeof(value), &len) == AL_OK);
        HOLDS(len == 8);
    }
}

/* What every case ends with: the agent runs, nothing is armed. */
static void
check_end(struct world *w, const char *name, const uint8_t *want, size_t size)
{
    char path[300];

    snprintf(path, sizeof(path), "/vol/%s", name);
    reconcile_all(w);
    if (world_has_marker(w, name)) {
        int rc;
        struct recall_result r = world_recall(w, name, &rc);

        HOLDS(rc == AL_OK);
        HOLDS(world_told(w, "act=tier code=ok", r.object_id) >
              0); /* no stub that nobody heard of */
        if (r.code != AL_OK) {
            printf("# recall: %s\n", r.fail.text);
        }
        HOLDS(r.code == AL_OK);
    }
    HOLDS(!world_has_marker(w, name));
    HOLDS(reads_as(w, path, want, size));
    check_attributes(w, path);
    world_objects(w, known_to_ledger, NULL);
}

void
make(struct world *w, uint8_t *want, enum act act)
{
    int rc;

    world_make(w, now.seed, now.order);
    world_bytes(want, SIZE, now.seed);
    world_file(w, NAME, SIZE, now.seed);
    w->chunked = now.seed / 4 % 2 == 1;
    HOLDS(world_start(w) == AL_OK);
    if (act == RECALL) {
        HOLDS(world_tier(w, NAME, &rc).tiered);
    }
}

void
run(struct world *w, enum act act)
{
    int rc;

    if (act == TIER) {
        (void)world_tier(w, NAME, &rc);
    } else {
        (void)world_recall(w, NAME, &rc);
    }
}

/* The next life of whatever died. */
static void
restart(struct world *w)
{
    plan_disks_again(w);
    HOLDS(world_start(w) == AL_OK);
}

/* Somebody opens the file before the agent has come to heal. */
static void
early_opener(struct world *w, const uint8_t *want)
{
    int rc;

    if (now.seed % 3 == 0 && world_has_marker(w, NAME)) {
        struct recall_result r = world_recall(w, NAME, &rc);

        HOLDS(r.code == AL_OK);
        HOLDS(reads_as(w, "/vol/" NAME, want, SIZE));
    }
}

/* False when the act ended before the call came. */
static bool
crash_case(void)
{
    static uint8_t want[SIZE];
    struct world w;
    bool crashed;

    make(&w, want, now.act);
    plan_arm(&w);
    run(&w, now.act);
    crashed = sim_is_down(now.side == HOST ? w.host : w.disk);
    restart(&w);
    early_opener(&w, want);
    check_end(&w, NAME, want, SIZE);
    world_end(&w);
    cases++;
    return crashed;
}

static uint64_t seeds = 3, first = 1;

static void
crash_everywhere(enum act act, enum side side, enum sim_crash how)
{
    for (uint64_t seed = first; seed < first + seeds; seed++) {
        for (int order = 0; order < 2; order++) {
            for (int after = 0; after < 2; after++) {
                uint64_t nth = 1;

                do {
                    now = (struct plan){.act = act, .side = side, .how = how, .nth = nth++};
                    now.seed = seed * 1001 + nth; /* both parities at every call */
                    now.order = (enum sim_order)order;
                    now.after = after;
                } while (crash_case());
            }
        }
    }
    printf("# %" PRIu64 " cases\n", cases);
    cases = 0;
}

static void
tier_survives_a_power_cut_of_the_host_at_every_call(void)
{
    crash_everywhere(TIER, HOST, SIM_POWER);
}

static void
tier_survives_a_kill_of_the_agent_at_every_call(void)
{
    crash_everywhere(TIER, HOST, SIM_KILL);
}

static void
tier_survives_a_kill_of_the_agent_at_every_call_to_the_share(void)
{
    crash_everywhere(TIER, SHARE, SIM_KILL);
}

static void
tier_survives_a_power_cut_of_the_share_at_every_call(void)
{
    crash_everywhere(TIER, SHARE, SIM_POWER);
}

static void
recall_survives_a_power_cut_of_the_host_at_every_call(void)
{
    crash_everywhere(RECALL, HOST, SIM_POWER);
}

static void
recall_survives_a_kill_of_the_agent_at_every_call(void)
{
    crash_everywhere(RECALL, HOST, SIM_KILL);
}

static void
recall_survives_a_kill_of_the_agent_at_every_call_to_the_share(void)
{
    crash_everywhere(RECALL, SHARE, SIM_KILL);
}

static void
recall_survives_a_power_cut_of_the_share_at_every_call(void)
{
    crash_everywhere(RECALL, SHARE, SIM_POWER);
}

/* ---- crashes while a crash is being healed ---- */

static void
healing_survives_a_crash_at_every_call(void)
{
    static uint8_t want[SIZE];

    for (uint64_t seed = first; seed < first + seeds; seed++) {
        for (uint64_t nth = 1; nth < 400; nth += 1 + seed % 3) {
            struct world w;
            struct reconcile_counts counts = {0};
            struct reconcile_env env;
            bool crashed;

            now = (struct plan){
                .act = nth % 2 ? TIER : RECALL, .nth = nth, .seed = seed * 7777 + nth};
            now.how = nth % 4 < 2 ? SIM_POWER : SIM_KILL;
            now.order = (enum sim_order)(nth % 3 == 0);
            make(&w, want, now.act);
            /* First a crash somewhere in the act, then one somewhere in its healing. */
            sim_crash_at(w.host, 1 + sim_random(w.host) % (now.act == TIER ? 110 : 60), now.how,
                         false);
            sim_follow(w.disk, w.host);
            run(&w, now.act);
            world_stop(&w);
            HOLDS(sim_restart(w.host, now.how) == AL_OK);
            HOLDS(sim_restart(w.disk, SIM_KILL) == AL_OK);
            sim_crash_at(w.host, 1 + sim_random(w.host) % 60, now.how, false);
            if (world_start(&w) == AL_OK) {
                env = world_reconcile_env(&w);
                HOLDS(reconcile_found(&env, &counts) == AL_OK);
            }
            crashed = sim_is_down(w.host);
            restart(&w);
            check_end(&w, NAME, want, SIZE);
            world_end(&w);
            cases += crashed;
        }
    }
    printf("# %" PRIu64 " cases crashed twice\n", cases);
    cases = 0;
}

/* ---- every fallible call fails ---- */

static void
fault_with(enum act act, bool from_then_on, uint64_t seed)
{
    static uint8_t want[SIZE];

    for (uint64_t nth = 1;; nth++) {
        struct world w;
        uint64_t seen;

        now = (struct plan){.act = act, .nth = nth, .seed = seed, .after = from_then_on};
        make(&w, want, act);
        al_fault_arm(AL_FAULT_ALL, nth, from_then_on);
        run(&w, act);
        seen = al_fault_disarm();
        world_stop(&w);
        HOLDS(sim_open_files(w.host) == 0);
        HOLDS(sim_open_files(w.disk) == 0);
        HOLDS(world_start(&w) == AL_OK);
        check_end(&w, NAME, want, SIZE);
        world_end(&w);
        cases++;
        if (seen < nth) {
            break;
        }
    }
    printf("# %" PRIu64 " calls failed\n", cases - 1);
    cases = 0;
}

static void
fault_everywhere(enum act act, bool from_then_on)
{
    for (uint64_t seed = 2; seed < 6;
         seed++) { /* with and without capabilities, at once and in chunks */
        fault_with(act, from_then_on, seed);
    }
}

static void
tier_survives_each_call_failing_once(void)
{
    fault_everywhere(TIER, false);
}

static void
tier_survives_all_calls_failing_from_each_one_on(void)
{
    fault_everywhere(TIER, true);
}

static void
recall_survives_each_call_failing_once(void)
{
    fault_everywhere(RECALL, false);
}

static void
recall_survives_all_calls_failing_from_each_one_on(void)
{
    fault_everywhere(RECALL, true);
}

/* Starting and healing fail too; the next start heals. */
static void
start_and_healing_survive_each_call_failing(void)
{
    static uint8_t want[SIZE];

    for (uint64_t round = 0; round < 2 * seeds; round++) {
        for (uint64_t nth = 1;; nth++) {
            struct reconcile_counts counts = {0};
            struct reconcile_env env;
            struct world w;
            uint64_t seen;

            now = (struct plan){.act = round % 2 ? TIER : RECALL, .nth = nth, .seed = 900 + round};
            now.how = SIM_KILL;
            make(&w, want, now.act);
            sim_crash_at(w.host, now.act == TIER ? 30 + 20 * round : 12 + 6 * round, SIM_KILL,
                         false);
            sim_follow(w.disk, w.host);
            run(&w, now.act);
            world_stop(&w);
            HOLDS(sim_restart(w.host, SIM_KILL) == AL_OK);
            HOLDS(sim_restart(w.disk, SIM_KILL) == AL_OK);
            al_fault_arm(AL_FAULT_ALL, nth, false);
            if (world_start(&w) == AL_OK) {
                env = world_reconcile_env(&w);
                HOLDS(reconcile_found(&env, &counts) == AL_OK);
            }
            seen = al_fault_disarm();
            world_stop(&w);
            HOLDS(sim_open_files(w.host) == 0);
            HOLDS(world_start(&w) == AL_OK);
            check_end(&w, NAME, want, SIZE);
            world_end(&w);
            cases++;
            if (seen < nth) {
                break;
            }
        }
    }
    printf("# %" PRIu64 " calls failed\n", cases);
    cases = 0;
}

int
main(int argc, char **argv)
{
    const char *which = argc > 1 ? argv[1] : "tier";

    seeds = argc > 2 ? (uint64_t)atoi(argv[2]) : seeds;
    first = argc > 3 ? (uint64_t)atoi(argv[3]) : first;
    if (strcmp(which, "tier") == 0) {
        TAP_RUN(tier_survives_a_power_cut_of_the_host_at_every_call);
        TAP_RUN(tier_survives_a_kill_of_the_agent_at_every_call);
        TAP_RUN(tier_survives_a_kill_of_the_agent_at_every_call_to_the_share);
        TAP_RUN(tier_survives_a_power_cut_of_the_share_at_every_call);
        TAP_RUN(healing_survives_a_crash_at_every_call);
    } else if (strcmp(which, "recall") == 0) {
        TAP_RUN(recall_survives_a_power_cut_of_the_host_at_every_call);
        TAP_RUN(recall_survives_a_kill_of_the_agent_at_every_call);
        TAP_RUN(recall_survives_a_kill_of_the_agent_at_every_call_to_the_share);
        TAP_RUN(recall_survives_a_power_cut_of_the_share_at_every_call);
    } else if (strcmp(which, "faults") == 0) {
        TAP_RUN(tier_survives_each_call_failing_once);
        TAP_RUN(tier_survives_all_calls_failing_from_each_one_on);
        TAP_RUN(recall_survives_each_call_failing_once);
        TAP_RUN(recall_survives_all_calls_failing_from_each_one_on);
        TAP_RUN(start_and_healing_survive_each_call_failing);
    } else {
        for (const struct torture_test *t = actors; t->name != NULL; t++) {
            tap_run(t->name, t->test);
        }
    }
    return tap_end();
}
