/* Crashes, power cuts, faults and other people at every call of a tier and of a recall, on both
 * sides. After each the agent starts again and reconciles, and then:
 *   - the file reads as it was (or as the other people left it), directly or after a recall,
 *   - no intent is open,
 *   - every object on the share is referenced by a stub or known to the deletion ledger.
 *
 * usage: torture tier|recall|faults|actors [SEEDS [FIRST]]   TAP on standard output. A failure
 * tells its plan, which repeats exactly. */
#include "world.h"
#include "tap.h"

#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/mem.h"

#define NAME "archive of 2019.dat"
#define SIZE 20000u

enum act { TIER, RECALL };
enum side { HOST, SHARE };

struct plan {
    enum act act;
    enum side side;
    enum sim_crash how;
    enum sim_order order;
    bool after;
    uint64_t nth, seed;
};

static struct plan now; /* told when something does not hold */
static uint64_t cases;

#define HOLDS(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            tap_fail(__FILE__, __LINE__,                                                           \
                     "does not hold: %s (%s, %s, %s, %s, %s, call %" PRIu64 ", seed %" PRIu64 ")", \
                     #condition, now.act == TIER ? "tier" : "recall",                              \
                     now.side == HOST ? "host" : "share",                                          \
                     now.how == SIM_POWER ? "power cut" : "kill",                                  \
                     now.order == SIM_ORDER_GLOBAL ? "one journal" : "each by itself",             \
                     now.after ? "after" : "before", now.nth, now.seed);                           \
        }                                                                                          \
    } while (0)

static bool
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

static void
reconcile_all(struct world *w)
{
    struct reconcile_env env = world_reconcile_env(w);
    struct reconcile_counts counts = {0};
    struct journal_figures figures;

    HOLDS(reconcile_found(&env, &counts) == AL_OK);
    journal_figures(w->journal, &figures);
    HOLDS(figures.open == 0);
    HOLDS(counts.later == 0);
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

static void
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

static void
run(struct world *w, enum act act)
{
    int rc;

    if (act == TIER) {
        (void)world_tier(w, NAME, &rc);
    } else {
        (void)world_recall(w, NAME, &rc);
    }
}

static void
arm(struct world *w)
{
    struct sim *on = now.side == HOST ? w->host : w->disk;

    sim_crash_at(on, now.nth, now.how, now.after);
    if (now.side == HOST) {
        sim_follow(w->disk, w->host);
    } else if (now.how == SIM_KILL) {
        sim_follow(w->host, w->disk); /* the agent dies in a call to the share */
    } else {
        sim_down_code(w->disk, AL_EUNREACH); /* the share's computer stops; the agent lives */
    }
}

/* The next life of whatever died. */
static void
restart(struct world *w)
{
    bool agent_died = now.side == HOST || now.how == SIM_KILL;

    world_stop(w);
    sim_follow(w->disk, NULL);
    sim_follow(w->host, NULL);
    sim_down_code(w->disk, AL_ECRASH);
    if (agent_died) {
        HOLDS(sim_restart(w->host, now.how) == AL_OK);
        HOLDS(sim_restart(w->disk, SIM_KILL) ==
              AL_OK); /* the server closes what a lost client had open */
    } else {
        HOLDS(sim_restart(w->disk, SIM_POWER) == AL_OK);
    }
    sim_crash_at(w->host, 0, SIM_KILL, false);
    sim_crash_at(w->disk, 0, SIM_KILL, false);
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
    arm(&w);
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

/* ---- other people ---- */

#define VARIANTS 8u /* of the seed, for each call */

enum deed { WRITE, MAP, DAWDLE, TRUNCATE, CUT, RENAME, REPLACE, TIMES, TOUCH, DEEDS };
static const char *const deed_names[] = {"write",
                                         "write through a mapping",
                                         "pass the gate, be slow, write",
                                         "truncate to nothing",
                                         "truncate to a part",
                                         "rename",
                                         "replace",
                                         "set its times",
                                         "touch"};

/* Who wants the file waits for the agent's next look at its lease, not for the end of the copy: at
 * most the marking and its undoing. */
#define WAITED_MAX 12u

static bool running; /* the act is */

static struct other {
    struct world *w;
    enum deed deed;
    uint64_t at; /* the call before which they come */
    int phase;   /* 0 not come, 1 let pass by the gate, 2 has it open, 3 done */
    struct port_file *file;
    const char *name; /* where the file is now */
    uint8_t want[SIZE];
    size_t size;
    bool stubbed;              /* they met a stub and wait for its recall */
    unsigned waited;           /* calls of the agent while they waited for its lease */
    int64_t set_ns;            /* the time they gave it */
    unsigned losing[VARIANTS]; /* calls before which they came and their time was lost */
} other;

/* alto-gate's answer to an open: wait while held, recall when there is a marker, else pass (and
 * count). */
static bool
gate_lets_pass(void)
{
    struct world *w = other.w;
    struct port_stat st = world_stat(w, other.name);

    if (w->gate.guarded && w->gate.ino == st.ino) {
        if (w->gate.held) {
            return false;
        }
        w->gate.passed++;
        return true;
    }
    other.stubbed = world_has_marker(w, other.name);
    return !other.stubbed;
}

static void
other_opens(void)
{
    char path[300];

    /* An opener in front of the gate counts as an open for the kernel's leases, so one from before
     * the guard is no case here. */
    if (other.deed == DAWDLE && running && !other.w->gate.guarded) {
        return;
    }
    if (other.phase == 0 && gate_lets_pass()) {
        other.phase = 1;
    }
    if (other.phase == 1 && (other.deed != DAWDLE || !running)) {
        snprintf(path, sizeof(path), "/vol/%s", other.name);
        if (port_open(sim_other(other.w->host), NULL, path, PORT_READ | PORT_WRITE, 0,
                      &other.file) == AL_OK) {
            other.phase = 2;
        } else {
            other.waited++;
        }
    }
}

static void
other_acts_on_open_file(void)
{
    static const uint8_t fresh[3] = {0xee, 0xdd, 0xcc};
    struct port *p = sim_other(other.w->host);
    int rc;

    if (other.deed != MAP) {
        rc = port_pwrite(p, other.file, fresh, sizeof(fresh), 9000);
    } else {
        rc = sim_poke(other.w->host, other.file, 9000, fresh, sizeof(fresh));
    }
    HOLDS(rc == AL_OK);
    memcpy(other.want + 9000, fresh, sizeof(fresh));
    HOLDS(port_close(p, other.file) == AL_OK);
    other.file = NULL;
    other.phase = 3;
}

static void
other_replaces(void)
{
    world_file(other.w, "fresh", 100, 77);
    world_bytes(other.want, 100, 77);
    other.size = 100;
    HOLDS(port_rename(sim_other(other.w->host), NULL, "/vol/fresh", NULL, "/vol/" NAME, true) ==
          AL_OK);
    other.phase = 3;
}

static void
other_comes(void *ctx, uint64_t call)
{
    uint64_t half = SIZE / 2;
    int rc;

    if (call < other.at || other.phase == 3) {
        return;
    }
    switch (other.deed) {
    case WRITE:
    case MAP:
    case DAWDLE:
        if (other.phase == 2) {
            other_acts_on_open_file();
        } else {
            other_opens();
        }
        break;
    case TRUNCATE:
    case CUT: /* opens nothing, so no gate is asked; waits for a lease like everybody */
        rc = sim_truncate_path(other.w->host, "/vol/" NAME, other.deed == CUT ? half : 0);
        if (rc == AL_OK) {
            other.size = other.deed == CUT ? half : 0;
            other.stubbed = world_has_marker(other.w, NAME);
            other.phase = 3;
        }
        break;
    case RENAME:
        HOLDS(port_rename(sim_other(other.w->host), NULL, "/vol/" NAME, NULL, "/vol/renamed.txt",
                          false) == AL_OK);
        other.name = "renamed.txt";
        other.phase = 3;
        break;
    case REPLACE:
        other_replaces();
        break;
    case TIMES: /* to a time of their own, or to now */
    case TOUCH:
        other.set_ns =
            other.deed == TIMES ? 1555555555555555555 : port_now_ns(sim_other(other.w->host));
        HOLDS(sim_times_path(other.w->host, "/vol/" NAME, other.set_ns, other.set_ns) == AL_OK);
        other.phase = 3;
        break;
    case DEEDS:
        break;
    }
}

/* The act is over; who still waits gets in now, after a recall if it is a stub. */
static void
let_other_finish(struct world *w)
{
    for (int k = 0; k < 4 && other.phase != 3; k++) {
        if (other.deed <= DAWDLE && other.phase < 2 && world_has_marker(w, other.name)) {
            int rc;

            HOLDS(other.phase == 0); /* whom the gate let pass must not meet a stub */
            HOLDS(world_recall(w, other.name, &rc).code == AL_OK);
        }
        other_comes(NULL, UINT64_MAX);
    }
    HOLDS(other.phase == 3);
    HOLDS(other.waited <= WAITED_MAX);
}

static void
accounted(struct world *w, const char *id, void *ctx)
{
    HOLDS(world_told(w, "reason=unreferenced_object", id) > 0 ||
          world_told(w, "act=recall code=ok", id) > 0 || world_told(w, "act=tier code=ok", id) > 0);
}

static void
check_other(struct world *w)
{
    char path[300];

    snprintf(path, sizeof(path), "/vol/%s", other.name);
    if (other.deed == CUT && other.stubbed) {
        int rc; /* a stub cut to a part is nobody's content: refused, and never read as zeros */

        HOLDS(world_recall(w, other.name, &rc).code == AL_EIO);
        HOLDS(world_told(w, "act=alarm", NULL) > 0);
        return;
    }
    if (world_has_marker(w, other.name)) {
        int rc, code = world_recall(w, other.name, &rc).code;

        if (other.deed == TRUNCATE && now.act == RECALL && code == AL_EIO) {
            HOLDS(world_told(w, "act=alarm", NULL) >
                  0); /* it came between two chunks: an operator decides */
            return;
        }
        HOLDS(code == AL_OK);
    }
    if (other.deed == TRUNCATE && now.act == RECALL && world_stat(w, other.name).size == SIZE) {
        other.size = SIZE; /* it came between the recall's last look and its only write: whole,
                              never a part */
    }
    HOLDS(reads_as(w, path, other.want, other.size));
    world_objects(w, accounted, NULL);
}

/* Between our look at the time and the change that replaces it nobody can see theirs: right before
 * the punch, or each of three writes, and before the restoring. A touch, which is like our own
 * change, also right after. No call besides these. */
static unsigned
losing_max(enum act act, enum deed deed)
{
    unsigned changes = act == TIER ? 1 : 3;

    return deed == TIMES ? changes + 1 : 2 * changes + 1;
}

static void
check_times(struct world *w, unsigned *losing)
{
    struct port_stat st = world_stat(w, NAME);

    HOLDS(st.atime_ns == other.set_ns);
    *losing += st.mtime_ns != other.set_ns;
}

static bool
other_case(enum act act, enum deed deed, uint64_t at, unsigned variant)
{
    uint64_t seed = VARIANTS * at + variant;
    unsigned losing[VARIANTS];
    struct world w;
    uint64_t calls;

    now =
        (struct plan){.act = act, .nth = at, .seed = seed, .order = (enum sim_order)(seed / 2 % 2)};
    memcpy(losing, other.losing, sizeof(losing));
    memset(&other, 0, sizeof(other));
    make(&w, other.want, act);
    other.w = &w;
    w.gate.asks_truncates = deed == TIMES || deed == TOUCH;
    other.deed = deed;
    other.at = at;
    other.name = NAME;
    other.size = SIZE;
    sim_crash_at(w.host, 0, SIM_KILL, false); /* counts from here */
    sim_hook(w.host, other_comes, NULL);
    running = true;
    run(&w, act);
    running = false;
    sim_hook(w.host, NULL, NULL);
    calls = sim_calls(w.host);
    let_other_finish(&w);
    reconcile_all(&w);
    check_other(&w);
    if (deed == TIMES || deed == TOUCH) {
        check_times(&w, &losing[variant]);
    }
    memcpy(other.losing, losing, sizeof(losing));
    world_end(&w);
    cases++;
    return at <= calls;
}

static void
others_everywhere(enum act act, enum deed deed)
{
    unsigned most = 0;

    memset(&other, 0, sizeof(other));
    for (uint64_t at = 1;; at++) {
        bool more = true;

        for (unsigned k = 0; k < VARIANTS; k++) {
            more = other_case(act, deed, at, k) && more;
        }
        if (!more) {
            break;
        }
    }
    for (unsigned k = 0; k < VARIANTS; k++) {
        most = other.losing[k] > most ? other.losing[k] : most;
    }
    printf("# %s: %" PRIu64 " cases", deed_names[deed], cases);
    if (deed == TIMES || deed == TOUCH) {
        printf(", lost before %u calls", most);
    }
    printf("\n");
    HOLDS(most <= losing_max(act, deed));
    cases = 0;
}

static void
a_file_written_during_a_tier_keeps_what_was_written(void)
{
    others_everywhere(TIER, WRITE);
}

static void
a_file_mapped_and_written_during_a_tier_keeps_what_was_written(void)
{
    others_everywhere(TIER, MAP);
}

static void
a_file_whose_opener_was_let_pass_but_is_slow_is_not_tiered_under_it(void)
{
    others_everywhere(TIER, DAWDLE);
}

static void
a_file_truncated_during_a_tier_is_what_truncate_left(void)
{
    others_everywhere(TIER, TRUNCATE);
}

static void
a_file_cut_during_a_tier_is_its_part_or_refused(void)
{
    others_everywhere(TIER, CUT);
}

static void
a_file_renamed_during_a_tier_keeps_its_content(void)
{
    others_everywhere(TIER, RENAME);
}

static void
a_file_replaced_during_a_tier_is_the_new_one(void)
{
    others_everywhere(TIER, REPLACE);
}

static void
a_time_set_during_a_tier_stays(void)
{
    others_everywhere(TIER, TIMES);
    others_everywhere(TIER, TOUCH);
}

static void
a_time_set_during_a_recall_stays(void)
{
    others_everywhere(RECALL, TIMES);
    others_everywhere(RECALL, TOUCH);
}

static void
a_stub_written_during_its_recall_keeps_what_was_written(void)
{
    others_everywhere(RECALL, WRITE);
}

static void
a_stub_renamed_during_its_recall_keeps_its_content(void)
{
    others_everywhere(RECALL, RENAME);
}

static void
a_stub_replaced_during_its_recall_is_the_new_file(void)
{
    others_everywhere(RECALL, REPLACE);
}

static void
a_stub_truncated_during_its_recall_is_empty(void)
{
    others_everywhere(RECALL, TRUNCATE);
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
        TAP_RUN(a_file_written_during_a_tier_keeps_what_was_written);
        TAP_RUN(a_file_mapped_and_written_during_a_tier_keeps_what_was_written);
        TAP_RUN(a_file_whose_opener_was_let_pass_but_is_slow_is_not_tiered_under_it);
        TAP_RUN(a_file_truncated_during_a_tier_is_what_truncate_left);
        TAP_RUN(a_file_cut_during_a_tier_is_its_part_or_refused);
        TAP_RUN(a_file_renamed_during_a_tier_keeps_its_content);
        TAP_RUN(a_file_replaced_during_a_tier_is_the_new_one);
        TAP_RUN(a_time_set_during_a_tier_stays);
        TAP_RUN(a_time_set_during_a_recall_stays);
        TAP_RUN(a_stub_written_during_its_recall_keeps_what_was_written);
        TAP_RUN(a_stub_renamed_during_its_recall_keeps_its_content);
        TAP_RUN(a_stub_replaced_during_its_recall_is_the_new_file);
        TAP_RUN(a_stub_truncated_during_its_recall_is_empty);
    }
    return tap_end();
}
