/* Crashes, power cuts, faults and other people at every call of a tier by exchange, of its way back, and of adopting a stub that a
 * restore brought. While they happen, whoever reads the name gets the original bytes, a stub, or an error; and after the agent has
 * started again and healed:
 *   - under its name (or another, with an alarm) lies the original, whole, or a finished stub whose object is whole,
 *   - a stub can be brought back, equal in bytes, owner, mode, attributes and times,
 *   - no intent is open, and nothing of Alto's own is left in the folder,
 *   - every object on the share is known: referenced by a stub, told, or in the deletion ledger; none that a stub refers to is in it.
 *
 * usage: swaps tier|back|adopt|faults|people [SEEDS [FIRST]] */
#include "swaps.h"
#include "like_windows.h"
#include "tap.h"

#include "agent/mover/swap.h"
#include "base/fault.h"
#include "base/mem.h"

struct plan now;
uint64_t cases;
enum what what;
static uint64_t seeds = 2, first = 1;
static bool no_maker; /* the driver is not there */
static bool windows;  /* the host is like one of Windows */
uint8_t want[SIZE];
static struct fake_maker fake;
static const uint8_t key[MARKER_KEY_LEN] = {7, 7, 7};

void
does_not_hold(const char *file, int line, const char *condition)
{
    static const char *const names[] = {"tier", "back", "adopt"};

    tap_fail(file, line, "does not hold: %s (%s, %s, %s, %s, %s, call %" PRIu64 ", seed %" PRIu64 ")", condition, names[what],
             now.side == HOST ? "host" : "share", now.how == SIM_POWER ? "power cut" : "kill",
             now.order == SIM_ORDER_GLOBAL ? "one journal" : "each by itself", now.after ? "after" : "before", now.nth, now.seed);
}

/* ---- looking at the folder, as somebody else ---- */

void
swaps_each_name(struct world *w, void (*each)(struct world *w, const char *name, void *ctx), void *ctx)
{
    struct port *p = sim_other(w->host);
    struct port_file *f = NULL;
    struct port_dir *d = NULL;
    struct port_dirent e;
    bool end = false;
    char names[16][256];
    unsigned n = 0;

    HOLDS(port_open(p, NULL, "/vol", PORT_READ | PORT_FOLDER, 0, &f) == AL_OK);
    HOLDS(port_dir_open(p, f, &d) == AL_OK);
    while (port_dir_next(p, d, &e, &end) == AL_OK && !end) {
        HOLDS(n < 16);
        (void)snprintf(names[n++], 256, "%s", e.name);
    }
    port_dir_close(p, &d);
    HOLDS(port_close(p, f) == AL_OK);
    for (unsigned i = 0; i < n; i++) {
        each(w, names[i], ctx);
    }
}

struct stub_seen
swaps_seen_at(struct world *w, const char *name)
{
    struct stub_seen seen = {.is = STUB_IS_NONE};
    char path[300];

    (void)snprintf(path, sizeof(path), "/vol/%s", name);
    HOLDS(fake_look(sim_other(w->host), path, key, &seen) == AL_OK);
    return seen;
}

static void
is_ours(struct world *w, const char *name, void *ctx)
{
    if (strncmp(name, PLACE_PREFIX, sizeof(PLACE_PREFIX) - 1) == 0) {
        printf("# left: %s\n", name);
        HOLDS(false);
    }
}

void
swaps_nothing_of_ours_left(struct world *w)
{
    swaps_each_name(w, is_ours, NULL);
}

struct find {
    const uint8_t *bytes;
    size_t len;
    const char *object; /* of a stub */
    unsigned found;
};

static void
find_one(struct world *w, const char *name, void *ctx)
{
    struct find *f = ctx;
    struct stub_seen seen = swaps_seen_at(w, name);
    char path[300];
    size_t got;
    uint8_t *have;

    if (f->object != NULL) {
        f->found += seen.is != STUB_IS_NONE && seen.is != STUB_IS_FOREIGN && strcmp(seen.object_id, f->object) == 0;
    } else if (seen.is == STUB_IS_NONE) {
        (void)snprintf(path, sizeof(path), "/vol/%s", name);
        have = world_read(w->host, path, &got);
        f->found += got == f->len && memcmp(have, f->bytes, f->len) == 0;
        al_free(have);
    }
}

unsigned
swaps_whole_files(struct world *w, const uint8_t *bytes, size_t len)
{
    struct find f = {.bytes = bytes, .len = len};

    swaps_each_name(w, find_one, &f);
    return f.found;
}

static unsigned
stubs_of(struct world *w, const char *object)
{
    struct find f = {.object = object};

    swaps_each_name(w, find_one, &f);
    return f.found;
}

static void
add_name(struct world *w, const char *name, void *ctx)
{
    ++*(unsigned *)ctx;
}

static unsigned
count_names(struct world *w)
{
    unsigned n = 0;

    swaps_each_name(w, add_name, &n);
    return n;
}

/* ---- what must hold ---- */

void
swaps_known(struct world *w, const char *id, void *ctx)
{
    unsigned stubs = stubs_of(w, id), ledger = world_told(w, "reason=unreferenced_object", id);

    HOLDS(stubs == 0 || ledger == 0); /* no stub's object dies */
    HOLDS(stubs > 0 || ledger > 0 || world_told(w, "act=tier code=ok", id) > 0 || world_told(w, "act=recall code=ok", id) > 0 ||
          world_told(w, "reason=stub_elsewhere", id) > 0 || world_told(w, "act=adopt", id) > 0);
    if (stubs > 0 && what != ADOPT) { /* none that nobody heard of */
        HOLDS(world_told(w, "act=tier code=ok", id) > 0 || world_told(w, "reason=stub_elsewhere", id) > 0);
    }
}

/* Some are read-only, which cannot be opened for writing nor removed. */
static uint32_t
win_attrs(void)
{
    return PORT_A_HIDDEN | PORT_A_ARCHIVE | (now.seed % 2 == 1 ? PORT_A_READONLY : 0u);
}

static void
check_stat(struct world *w)
{
    struct port_stat st = world_stat(w, NAME);
    uint8_t value[32];
    size_t len;

    HOLDS(st.size == SIZE);
    if (windows) {
        HOLDS(st.mtime_ns == 1500000000987654321 && st.mode == 0640);
        HOLDS(like_windows_dressed(w->host, "/vol/" NAME, win_attrs(), "rights of its own", "Zone.Identifier", "[ZoneTransfer]", 14,
                                   1400000000123456700));
        return;
    }
    HOLDS(st.mtime_ns == 1500000000987654321 && st.mode == 0640 && st.uid == 1000 && st.gid == 100);
    HOLDS(port_xattr_get_at(sim_other(w->host), NULL, "/vol/" NAME, "user.note", value, sizeof(value), &len) == AL_OK);
    HOLDS(len == 4 && memcmp(value, "kept", 4) == 0);
    if (now.seed % 2 == 1) {
        HOLDS(port_xattr_get_at(sim_other(w->host), NULL, "/vol/" NAME, "security.capability", value, sizeof(value), &len) == AL_OK);
    }
}

void
swaps_check_end(struct world *w)
{
    struct stub_seen seen;
    struct mover_result r;
    int rc;

    plan_heal(w);
    swaps_nothing_of_ours_left(w);
    HOLDS(count_names(w) == 1 && world_exists(w, NAME));
    check_stat(w);
    world_objects(w, swaps_known, NULL);
    seen = swaps_seen_at(w, NAME);
    if (what == ADOPT && seen.is == STUB_IS_COPY) {
        r = world_adopt(w, NAME, &rc);
        HOLDS(rc == AL_OK && r.tiered);
        seen = swaps_seen_at(w, NAME);
        check_stat(w);
    }
    if (what == SWAP) {
        HOLDS((seen.is == STUB_IS_OURS) == (world_told(w, "act=tier code=ok", NULL) > 0));
    }
    if (what == UNSWAP) {
        HOLDS((seen.is == STUB_IS_NONE) == (world_told(w, "act=recall code=ok", NULL) > 0));
    }
    if (seen.is != STUB_IS_NONE) {
        HOLDS(seen.is == STUB_IS_OURS && seen.tag.size == SIZE);
        r = world_back(w, NAME, "", &rc);
        if (r.code != AL_OK) {
            printf("# back: %s\n", r.fail.text);
        }
        HOLDS(rc == AL_OK && r.code == AL_OK && r.tiered);
        check_stat(w);
    }
    HOLDS(world_reads(w, NAME, want, SIZE));
    HOLDS(count_names(w) == 1);
    swaps_nothing_of_ours_left(w);
}

/* Before anything is healed: the bytes are here, or a finished stub is. */
static void
never_both_gone(struct world *w)
{
    struct find f = {.object = NULL};
    struct stub_seen seen;
    bool stub = false;

    f.bytes = want;
    f.len = SIZE;
    swaps_each_name(w, find_one, &f);
    if (f.found == 0 && world_exists(w, NAME)) {
        seen = swaps_seen_at(w, NAME);
        stub = seen.is == STUB_IS_OURS || (what == ADOPT && seen.is == STUB_IS_COPY);
    }
    if (f.found == 0 && !stub) { /* a stub that lies aside */
        struct port_stat st;

        HOLDS(what != SWAP);
        stub = port_stat_at(sim_other(w->host), NULL, "/vol", &st) == AL_OK && count_names(w) > 0;
    }
    HOLDS(f.found > 0 || stub);
}

/* ---- worlds ---- */

static void
start(struct world *w)
{
    fake = (struct fake_maker){.maker = {.ops = &fake_maker_ops}, .port = sim_port(w->host)};
    w->maker = no_maker ? NULL : &fake.maker;
    if (windows) {
        like_windows(w->host);
        w->views = PORT_VIEWS_BY_ASKING;
    }
    HOLDS(world_start(w) == AL_OK);
}

/* What a restore does: the same tag on another file. */
static void
restore_it(struct world *w)
{
    struct port *p = sim_other(w->host);
    struct port_file *a = NULL, *b = NULL, *dir = NULL;
    struct port_stat st;
    static const char *const attrs[] = {FAKE_TAG, "user.note", "security.capability"};
    uint8_t value[512];
    size_t len;

    HOLDS(port_open(p, NULL, "/vol", PORT_READ | PORT_FOLDER, 0, &dir) == AL_OK);
    HOLDS(port_open(p, dir, NAME, PORT_READ, 0, &a) == AL_OK);
    HOLDS(port_open(p, dir, "restored", PORT_READ | PORT_WRITE | PORT_CREATE, 0640, &b) == AL_OK);
    HOLDS(port_stat(p, a, &st) == AL_OK);
    HOLDS(port_truncate(p, b, st.size) == AL_OK);
    HOLDS(port_set_owner(p, b, st.uid, st.gid) == AL_OK);
    for (size_t i = 0; i < 3; i++) {
        if (port_xattr_get(p, a, attrs[i], value, sizeof(value), &len) == AL_OK) {
            HOLDS(port_xattr_set(p, b, attrs[i], value, len) == AL_OK);
        }
    }
    HOLDS(port_set_times(p, b, st.atime_ns, st.mtime_ns) == AL_OK);
    HOLDS(port_sync(p, b) == AL_OK);
    HOLDS(port_close(p, a) == AL_OK && port_close(p, b) == AL_OK);
    HOLDS(port_rename(p, dir, "restored", dir, NAME, true) == AL_OK);
    HOLDS(port_sync(p, dir) == AL_OK && port_close(p, dir) == AL_OK);
    HOLDS(swaps_seen_at(w, NAME).is == STUB_IS_COPY);
}

static al_id tiered;

void
swaps_make_world(struct world *w)
{
    int rc;

    world_make(w, now.seed, now.order);
    world_bytes(want, SIZE, now.seed);
    world_file(w, NAME, SIZE, now.seed);
    start(w);
    if (windows) {
        like_windows_dress(w->host, "/vol/" NAME, win_attrs(), "rights of its own", "Zone.Identifier", "[ZoneTransfer]", 14,
                           1400000000123456700);
    }
    if (what != SWAP) {
        struct mover_result r = world_tier(w, NAME, &rc);

        HOLDS(r.tiered && r.reported);
        memcpy(tiered, r.object_id, sizeof(tiered));
        HOLDS(swaps_seen_at(w, NAME).is == STUB_IS_OURS);
    }
    if (what == ADOPT) {
        restore_it(w);
    }
    if (what == ADOPT && windows) {
        like_windows_dress(w->host, "/vol/" NAME, win_attrs() | PORT_A_OFFLINE, "rights of its own", "Zone.Identifier",
                           "[ZoneTransfer]", 14, 1400000000123456700);
    }
}

struct mover_result
swaps_do_it(struct world *w)
{
    int rc;

    return what == SWAP     ? world_tier(w, NAME, &rc)
           : what == UNSWAP ? world_back(w, NAME, "", &rc)
                            : world_adopt(w, NAME, &rc);
}

static void
restart(struct world *w)
{
    plan_disks_again(w);
    start(w);
}

static bool
crash_case(void)
{
    struct world w;
    struct sim *on;
    bool crashed;

    swaps_make_world(&w);
    on = now.side == HOST ? w.host : w.disk;
    plan_arm(&w);
    (void)swaps_do_it(&w);
    crashed = sim_is_down(on);
    restart(&w);
    never_both_gone(&w);
    swaps_check_end(&w);
    world_end(&w);
    cases++;
    return crashed;
}

static void
crash_everywhere(enum side side, enum sim_crash how)
{
    for (uint64_t seed = first; seed < first + seeds; seed++) {
        for (int k = 0; k < 4; k++) {
            uint64_t nth = 1;

            do {
                now = (struct plan){.side = side, .how = how, .nth = nth++};
                now.seed = seed * 1001 + nth;
                now.order = (enum sim_order)(k / 2);
                now.after = k % 2;
            } while (crash_case());
        }
    }
    printf("# %" PRIu64 " cases\n", cases);
    cases = 0;
}

static void
it_survives_a_power_cut_of_the_host_at_every_call(void)
{
    crash_everywhere(HOST, SIM_POWER);
}

static void
it_survives_a_kill_of_the_agent_at_every_call(void)
{
    crash_everywhere(HOST, SIM_KILL);
}

static void
it_survives_a_kill_at_every_call_to_the_share(void)
{
    crash_everywhere(SHARE, SIM_KILL);
}

static void
it_survives_a_power_cut_of_the_share_at_every_call(void)
{
    crash_everywhere(SHARE, SIM_POWER);
}

static void
healing_survives_a_crash_at_every_call(void)
{
    for (uint64_t seed = first; seed < first + 2 * seeds; seed++) {
        for (uint64_t nth = 1; nth < 300; nth++) {
            struct world w;
            struct reconcile_counts counts = {0};
            struct reconcile_env env;

            now = (struct plan){.nth = nth, .seed = seed * 7777 + nth};
            now.how = nth % 4 < 2 ? SIM_POWER : SIM_KILL;
            now.order = (enum sim_order)(nth % 3 == 0);
            swaps_make_world(&w);
            sim_crash_at(w.host, 1 + sim_random(w.host) % (what == SWAP ? 200 : 120), now.how, false);
            sim_follow(w.disk, w.host);
            (void)swaps_do_it(&w);
            world_stop(&w);
            HOLDS(sim_restart(w.host, now.how) == AL_OK);
            HOLDS(sim_restart(w.disk, SIM_KILL) == AL_OK);
            sim_crash_at(w.host, 1 + sim_random(w.host) % 80, now.how, false);
            if (world_start(&w) == AL_OK) {
                env = world_reconcile_env(&w);
                HOLDS(reconcile_found(&env, &counts) == AL_OK);
            }
            cases += sim_is_down(w.host);
            restart(&w);
            never_both_gone(&w);
            swaps_check_end(&w);
            world_end(&w);
        }
    }
    printf("# %" PRIu64 " cases crashed twice\n", cases);
    cases = 0;
}

/* Nobody can tell a stub: the original does not lie aside for long all the same, unless its stub has its name. */
static void
healing_goes_as_far_as_it_can_without_the_driver(void)
{
    bool crashed = true;

    for (uint64_t nth = 1; crashed; nth++) {
        struct reconcile_counts counts = {0};
        struct reconcile_env env;
        struct world w;

        now = (struct plan){.how = SIM_KILL, .nth = nth, .seed = 500 + nth};
        swaps_make_world(&w);
        sim_crash_at(w.host, nth, SIM_KILL, false);
        sim_follow(w.disk, w.host);
        (void)swaps_do_it(&w);
        crashed = sim_is_down(w.host);
        no_maker = true;
        restart(&w);
        env = world_reconcile_env(&w);
        HOLDS(reconcile_found(&env, &counts) == AL_OK);
        HOLDS(world_exists(&w, NAME)); /* what was there, or what takes its place */
        cases += counts.later;
        no_maker = false;
        restart(&w);
        swaps_check_end(&w);
        world_end(&w);
    }
    printf("# %" PRIu64 " of them had to wait for the driver\n", cases);
    cases = 0;
}

/* ---- faults ---- */

static void
fault_with(enum what which, bool from_then_on, uint64_t seed)
{
    what = which;
    for (uint64_t nth = 1;; nth++) {
        struct world w;
        uint64_t seen;

        now = (struct plan){.nth = nth, .seed = seed, .after = from_then_on};
        swaps_make_world(&w);
        al_fault_arm(AL_FAULT_ALL, nth, from_then_on);
        (void)swaps_do_it(&w);
        seen = al_fault_disarm();
        world_stop(&w);
        HOLDS(sim_open_files(w.host) == 0);
        HOLDS(sim_open_files(w.disk) == 0);
        start(&w);
        never_both_gone(&w);
        swaps_check_end(&w);
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
each_call_may_fail(void)
{
    for (int k = SWAP; k <= ADOPT; k++) {
        fault_with((enum what)k, false, 2);
        fault_with((enum what)k, false, 3);
        fault_with((enum what)k, true, 2);
    }
}

static void
a_full_disk_leaves_it_as_it_was(void)
{
    for (int k = SWAP; k <= ADOPT; k++) {
        what = (enum what)k;
        for (uint64_t room = 0; room < 8; room++) {
            struct mover_result r;
            struct world w;

            now = (struct plan){.seed = 10 + room};
            swaps_make_world(&w);
            sim_space(w.host, room);
            r = swaps_do_it(&w);
            HOLDS(r.tiered || r.code != AL_ENOSPC); /* which would be the share's */
            sim_space(w.host, UINT64_MAX);
            swaps_check_end(&w);
            world_end(&w);
        }
    }
}

static void
a_folder_that_takes_no_change_leaves_it_as_it_was(void)
{
    for (int k = SWAP; k <= ADOPT; k++) {
        struct world w;
        struct mover_result r;

        what = (enum what)k;
        now = (struct plan){.seed = 10};
        swaps_make_world(&w);
        sim_read_only(w.host, true);
        r = swaps_do_it(&w);
        HOLDS(!r.tiered);
        sim_read_only(w.host, false);
        swaps_check_end(&w);
        world_end(&w);
    }
}

static void
refusals_have_names(void)
{
    struct mover_result r;
    struct world w;
    int rc;

    what = SWAP;
    now = (struct plan){.seed = 2};
    swaps_make_world(&w);
    HOLDS(world_tier(&w, "none", &rc).refusal == STUB_R_GONE);
    world_file(&w, "zero", 0, 2);
    HOLDS(world_tier(&w, "zero", &rc).refusal == STUB_R_NO_GAIN);
    world_file(&w, "small", 4096, 2);
    HOLDS(world_tier(&w, "small", &rc).refusal == STUB_R_NO_GAIN);
    world_file(&w, "large", 4097, 2);
    HOLDS(world_tier(&w, "large", &rc).tiered);
    HOLDS(world_tier(&w, "large", &rc).refusal == STUB_R_ALREADY);
    HOLDS(world_back(&w, "large", "", &rc).tiered);
    HOLDS(world_back(&w, "large", "", &rc).tiered && world_told(&w, "act=recall", "already_resident") == 1);
    /* A placeholder that is asked for is a file, and no stub; and so is a new file that has the old one's name. */
    HOLDS(world_archive(&w, "large", &rc).tiered && world_exists(&w, "large.alto"));
    HOLDS(world_back(&w, "large.alto", "", &rc).tiered && world_exists(&w, "large") && !world_exists(&w, "large.alto"));
    r = world_archive(&w, "large", &rc);
    world_file(&w, "large", 77, 2);
    HOLDS(world_back(&w, "large", r.object_id, &rc).tiered && world_stat(&w, "large (recalled)").size == 4097);
    HOLDS(world_stat(&w, "large").size == 77 && world_told(&w, "act=recall", "already_resident") == 1);
    world_file(&w, ".alto-aside-01kaz0000000000000000000qq", 5000, 2);
    HOLDS(world_tier(&w, ".alto-aside-01kaz0000000000000000000qq", &rc).refusal == STUB_R_HOLDER);
    fake.away = true;
    HOLDS(world_tier(&w, NAME, &rc).refusal == STUB_R_NO_GATE);
    fake.away = false;
    fake.new_files = true; /* a driver whose stubs cannot be tied to their file */
    HOLDS(world_tier(&w, NAME, &rc).refusal == STUB_R_UNSUPPORTED);
    fake.new_files = false;
    HOLDS(world_reads(&w, NAME, want, SIZE));
    HOLDS(world_adopt(&w, NAME, &rc).code == AL_ECONFLICT);
    HOLDS(world_back(&w, "none", "", &rc).code == AL_ENOENT);
    HOLDS(world_archive(&w, NAME, &rc).tiered); /* which goes on as ever */
    HOLDS(world_back(&w, NAME, "", &rc).tiered && world_reads(&w, NAME, want, SIZE));
    HOLDS(world_tier(&w, NAME, &rc).tiered);
    HOLDS(sim_times_path(w.host, "/vol/" NAME, 1, 1300000000000000000) == AL_OK); /* counts as now */
    HOLDS(world_back(&w, NAME, "", &rc).tiered && world_reads(&w, NAME, want, SIZE));
    HOLDS(world_stat(&w, NAME).mtime_ns == 1300000000000000000);
    world_end(&w);
}

static void
a_walk_adopts_where_it_was_asked_to(void)
{
    struct world w;
    struct reconcile_env env;
    struct reconcile_made made;
    struct reconcile_counts counts = {0};

    what = ADOPT;
    now = (struct plan){.seed = 2};
    swaps_make_world(&w);
    env = world_reconcile_env(&w);
    made = (struct reconcile_made){.env = &env, .mover_env = &w.mover_env, .volume = &w.mover_volume};
    HOLDS(reconcile_walk_made(&made, NULL, NULL, &counts, NULL) == AL_OK);
    HOLDS(counts.markers == 1 && counts.alarms == 1 && counts.adopted == 0);
    HOLDS(world_told(&w, "act=alarm", "copied_stub") == 1 && swaps_seen_at(&w, NAME).is == STUB_IS_COPY);
    made.adopt = true;
    HOLDS(reconcile_walk_made(&made, NULL, NULL, &counts, NULL) == AL_OK);
    HOLDS(counts.adopted == 1 && counts.later == 0 && swaps_seen_at(&w, NAME).is == STUB_IS_OURS);
    HOLDS(world_told(&w, "act=adopt code=ok", tiered) == 1);
    swaps_check_end(&w);
    world_end(&w);
}

static void
run_crashes(enum what which)
{
    what = which;
    TAP_RUN(it_survives_a_power_cut_of_the_host_at_every_call);
    TAP_RUN(it_survives_a_kill_of_the_agent_at_every_call);
    TAP_RUN(it_survives_a_kill_at_every_call_to_the_share);
    TAP_RUN(it_survives_a_power_cut_of_the_share_at_every_call);
    TAP_RUN(healing_survives_a_crash_at_every_call);
    TAP_RUN(healing_goes_as_far_as_it_can_without_the_driver);
}

int
main(int argc, char **argv)
{
    const char *which = argc > 1 ? argv[1] : "tier";

    seeds = argc > 2 ? (uint64_t)atoi(argv[2]) : seeds;
    first = argc > 3 ? (uint64_t)atoi(argv[3]) : first;
    if (strncmp(which, "win-", 4) == 0) {
        windows = true;
        which += 4;
    }
    if (windows && strcmp(which, "faults") == 0) {
        for (const struct torture_test *t = swaps_windows; t->name != NULL; t++) {
            tap_run(t->name, t->test);
        }
        TAP_RUN(each_call_may_fail);
    } else if (strcmp(which, "tier") == 0) {
        run_crashes(SWAP);
    } else if (strcmp(which, "back") == 0) {
        run_crashes(UNSWAP);
    } else if (strcmp(which, "adopt") == 0) {
        run_crashes(ADOPT);
    } else if (strcmp(which, "faults") == 0) {
        TAP_RUN(refusals_have_names);
        TAP_RUN(a_walk_adopts_where_it_was_asked_to);
        TAP_RUN(a_full_disk_leaves_it_as_it_was);
        TAP_RUN(a_folder_that_takes_no_change_leaves_it_as_it_was);
        TAP_RUN(each_call_may_fail);
    } else {
        for (const struct torture_test *t = swaps_people; t->name != NULL; t++) {
            tap_run(t->name, t->test);
        }
    }
    return tap_end();
}
