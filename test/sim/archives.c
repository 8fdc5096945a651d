/* Crashes, power cuts, faults and other people at every call of an archive and of a way back. After each the agent starts
 * again and heals, and then:
 *   - the original lies whole under its name (or another, with an alarm), or its placeholder and its object are whole,
 *   - a file that can be brought back is, equal in bytes and times,
 *   - no intent is open, and nothing of Alto's own is left in the folder,
 *   - every object on the share is known: archived, recalled or in the deletion ledger.
 *
 * usage: archives crash|back|faults|people [SEEDS [FIRST]] */
#include "torture.h"
#include "tap.h"

#include "agent/mover/place.h"
#include "base/fault.h"
#include "base/mem.h"

#define HOLDER NAME ".alto"

struct plan now;
uint64_t cases;
static uint64_t seeds = 2, first = 1;
static bool plain; /* a filesystem without renames that replace nothing */
static bool stale; /* a way back is told an older object than the one whose placeholder stands there */
static bool by_holder; /* a way back is asked for by the placeholder */
static uint8_t want[SIZE];
static al_id archived, older;

void
does_not_hold(const char *file, int line, const char *condition)
{
    tap_fail(file, line, "does not hold: %s (%s, %s, %s, %s, %s, call %" PRIu64 ", seed %" PRIu64 ")", condition,
             now.act == TIER ? "archive" : "back", now.side == HOST ? "host" : "share", now.how == SIM_POWER ? "power cut" : "kill",
             now.order == SIM_ORDER_GLOBAL ? "one journal" : "each by itself", now.after ? "after" : "before", now.nth, now.seed);
}

/* Nothing but what people know of lies in the volume's root. */
static void
nothing_of_ours_left(struct world *w)
{
    struct port *p = sim_other(w->host);
    struct port_file *f = NULL;
    struct port_dir *d = NULL;
    struct port_dirent e;
    bool end = false;

    HOLDS(port_open(p, NULL, "/vol", PORT_READ | PORT_FOLDER, 0, &f) == AL_OK);
    HOLDS(port_dir_open(p, f, &d) == AL_OK);
    while (port_dir_next(p, d, &e, &end) == AL_OK && !end) {
        if (strncmp(e.name, PLACE_PREFIX, sizeof(PLACE_PREFIX) - 1) == 0) {
            printf("# left: %s\n", e.name);
            HOLDS(false);
        }
    }
    port_dir_close(p, &d);
    HOLDS(port_close(p, f) == AL_OK);
}

static unsigned
count_names(struct world *w)
{
    struct port *p = sim_other(w->host);
    struct port_file *f = NULL;
    struct port_dir *d = NULL;
    struct port_dirent e;
    bool end = false;
    unsigned n = 0;

    HOLDS(port_open(p, NULL, "/vol", PORT_READ | PORT_FOLDER, 0, &f) == AL_OK);
    HOLDS(port_dir_open(p, f, &d) == AL_OK);
    while (port_dir_next(p, d, &e, &end) == AL_OK && !end) {
        n++;
    }
    port_dir_close(p, &d);
    HOLDS(port_close(p, f) == AL_OK);
    return n;
}

static void
known(struct world *w, const char *id, void *ctx)
{
    HOLDS(world_told(w, "reason=unreferenced_object", id) > 0 || world_told(w, "act=archive code=ok", id) > 0);
}

static void
check_file(struct world *w)
{
    struct port_stat st = world_stat(w, NAME);
    uint8_t value[32];
    size_t len;

    HOLDS(world_reads(w, NAME, want, SIZE));
    HOLDS(st.mtime_ns == 1500000000987654321 && st.mode == 0640 && st.uid == 1000 && st.gid == 100);
    HOLDS(port_xattr_get_at(sim_other(w->host), NULL, "/vol/" NAME, "user.note", value, sizeof(value), &len) == AL_OK);
    HOLDS(len == 4 && memcmp(value, "kept", 4) == 0);
    if (now.seed % 2 == 1) {
        HOLDS(port_xattr_get_at(sim_other(w->host), NULL, "/vol/" NAME, "security.capability", value, sizeof(value), &len) == AL_OK);
    }
}

/* What every case ends with, nothing armed. */
static void
check_end(struct world *w)
{
    int rc;

    plan_heal(w);
    nothing_of_ours_left(w);
    if (by_holder && world_exists(w, NAME)) {
        HOLDS(world_told(w, "act=recall code=ok", "now=" NAME " path=" HOLDER) > 0);
    }
    if (!world_exists(w, NAME)) {
        struct mover_result r;

        HOLDS(world_exists(w, HOLDER));
        r = world_back(w, NAME, "", &rc);
        HOLDS(rc == AL_OK);
        if (r.code != AL_OK) {
            printf("# back: %s\n", r.fail.text);
        }
        HOLDS(r.code == AL_OK && r.tiered);
        HOLDS(world_told(w, "act=archive code=ok", r.object_id) > 0); /* none that nobody heard of */
        HOLDS(!world_exists(w, HOLDER));
    } else if (now.act == TIER) {
        HOLDS(world_told(w, "act=archive code=ok", NULL) == 0); /* nor told of one that is not */
    }
    check_file(w);
    HOLDS(count_names(w) == 1);
    nothing_of_ours_left(w);
    world_objects(w, known, NULL);
}

static void
remove_name(struct world *w, const char *name)
{
    struct port_file *dir = NULL;

    HOLDS(port_open(sim_other(w->host), NULL, "/vol", PORT_READ | PORT_FOLDER, 0, &dir) == AL_OK);
    HOLDS(port_unlink(sim_other(w->host), dir, name) == AL_OK);
    HOLDS(port_close(sim_other(w->host), dir) == AL_OK);
}

/* Another file had the name before, was archived, and its placeholder is gone. */
static void
make_older(struct world *w)
{
    struct mover_result r;
    int rc;

    world_file(w, NAME, SIZE, now.seed + 1);
    r = world_archive(w, NAME, &rc);
    HOLDS(r.tiered);
    memcpy(older, r.object_id, sizeof(older));
    remove_name(w, HOLDER);
}

static void
make_world(struct world *w, enum act act)
{
    int rc;

    world_make(w, now.seed, now.order);
    world_bytes(want, SIZE, now.seed);
    sim_plain_renames(w->host, plain);
    if (stale) {
        HOLDS(world_start(w) == AL_OK);
        make_older(w);
        world_stop(w);
    }
    world_file(w, NAME, SIZE, now.seed);
    HOLDS(world_start(w) == AL_OK);
    if (act == RECALL) {
        struct mover_result r = world_archive(w, NAME, &rc);

        HOLDS(r.tiered);
        memcpy(archived, r.object_id, sizeof(archived));
        HOLDS(!world_exists(w, NAME));
    }
}

static void
do_it(struct world *w)
{
    int rc;

    if (now.act == TIER) {
        (void)world_archive(w, NAME, &rc);
    } else {
        (void)world_back(w, by_holder ? HOLDER : NAME, stale ? older : "", &rc);
    }
}

static void
restart(struct world *w)
{
    plan_disks_again(w);
    HOLDS(world_start(w) == AL_OK);
}

/* The rule of it all, before anything is healed: never both gone. */
static void
never_both_gone(struct world *w)
{
    struct port *p = sim_other(w->host);
    struct port_file *f = NULL;
    struct port_dir *d = NULL;
    struct port_dirent e;
    bool end = false, whole = false;

    HOLDS(port_open(p, NULL, "/vol", PORT_READ | PORT_FOLDER, 0, &f) == AL_OK);
    HOLDS(port_dir_open(p, f, &d) == AL_OK);
    while (port_dir_next(p, d, &e, &end) == AL_OK && !end) {
        whole = whole || (strcmp(e.name, HOLDER) != 0 && world_reads(w, e.name, want, SIZE));
    }
    port_dir_close(p, &d);
    HOLDS(port_close(p, f) == AL_OK);
    HOLDS(whole || world_exists(w, HOLDER));
}

static struct port_file *
open_other(struct world *w, const char *name, uint32_t flags)
{
    struct port_file *dir = NULL, *f = NULL;

    HOLDS(port_open(sim_other(w->host), NULL, "/vol", PORT_READ | PORT_FOLDER, 0, &dir) == AL_OK);
    if (port_open(sim_other(w->host), dir, name, flags, 0644, &f) != AL_OK) {
        f = NULL;
    }
    HOLDS(port_close(sim_other(w->host), dir) == AL_OK);
    return f;
}

static void
removes_the_placeholder(struct world *w)
{
    struct port_file *dir = NULL;

    HOLDS(port_open(sim_other(w->host), NULL, "/vol", PORT_READ | PORT_FOLDER, 0, &dir) == AL_OK);
    (void)!port_unlink(sim_other(w->host), dir, HOLDER);
    HOLDS(port_close(sim_other(w->host), dir) == AL_OK);
}

static void
remember(struct world *w, const char *id, void *ctx)
{
    memcpy(archived, id, sizeof(archived));
}

/* Somebody removes the placeholder before the agent comes to heal: the object stays, and is known. */
static void
without_placeholder(struct world *w)
{
    int rc;

    removes_the_placeholder(w);
    world_objects(w, remember, NULL);
    plan_heal(w);
    nothing_of_ours_left(w);
    if (!world_exists(w, NAME)) {
        HOLDS(world_told(w, "act=archive code=ok", archived) > 0);
        HOLDS(world_told(w, "reason=unreferenced_object", archived) == 0);
        HOLDS(world_back(w, NAME, archived, &rc).tiered);
    }
    check_file(w);
}

static bool
crash_case(void)
{
    struct world w;
    bool crashed;

    make_world(&w, now.act);
    plan_arm(&w);
    do_it(&w);
    crashed = sim_is_down(now.side == HOST ? w.host : w.disk);
    restart(&w);
    never_both_gone(&w);
    if (now.act == TIER && now.seed % 3 == 0) {
        without_placeholder(&w);
    } else {
        check_end(&w);
    }
    world_end(&w);
    cases++;
    return crashed;
}

static void
crash_everywhere(enum act act, enum side side, enum sim_crash how)
{
    for (uint64_t seed = first; seed < first + seeds; seed++) {
        for (int order = 0; order < 2; order++) {
            for (int after = 0; after < 2; after++) {
                uint64_t nth = 1;

                do {
                    now = (struct plan){.act = act, .side = side, .how = how, .nth = nth++};
                    now.seed = seed * 1001 + nth;
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
the_same_where_no_rename_keeps_from_replacing(void)
{
    plain = true;
    crash_everywhere(TIER, HOST, SIM_POWER);
    crash_everywhere(TIER, HOST, SIM_KILL);
    crash_everywhere(RECALL, HOST, SIM_POWER);
    crash_everywhere(RECALL, HOST, SIM_KILL);
    plain = false;
}

static void
an_archive_survives_a_power_cut_of_the_host_at_every_call(void)
{
    crash_everywhere(TIER, HOST, SIM_POWER);
}

static void
an_archive_survives_a_kill_of_the_agent_at_every_call(void)
{
    crash_everywhere(TIER, HOST, SIM_KILL);
}

static void
an_archive_survives_a_kill_at_every_call_to_the_share(void)
{
    crash_everywhere(TIER, SHARE, SIM_KILL);
}

static void
an_archive_survives_a_power_cut_of_the_share_at_every_call(void)
{
    crash_everywhere(TIER, SHARE, SIM_POWER);
}

static void
a_way_back_survives_a_power_cut_of_the_host_at_every_call(void)
{
    crash_everywhere(RECALL, HOST, SIM_POWER);
}

static void
a_way_back_survives_a_kill_of_the_agent_at_every_call(void)
{
    crash_everywhere(RECALL, HOST, SIM_KILL);
}

/* Whatever it is called then: the access is of the file that came back. */
static void
a_way_back_of_a_placeholder_tells_the_name_that_the_file_has(void)
{
    by_holder = true;
    crash_everywhere(RECALL, HOST, SIM_POWER);
    crash_everywhere(RECALL, HOST, SIM_KILL);
    by_holder = false;
}

static void
a_way_back_survives_a_power_cut_of_the_share_at_every_call(void)
{
    crash_everywhere(RECALL, SHARE, SIM_POWER);
}

static void
what_stands_there_comes_back_whatever_is_known_of_its_name(void)
{
    stale = true;
    crash_everywhere(RECALL, HOST, SIM_POWER);
    crash_everywhere(RECALL, HOST, SIM_KILL);
    stale = false;
}

static void
healing_survives_a_crash_at_every_call(void)
{
    for (uint64_t seed = first; seed < first + 3 * seeds; seed++) {
        for (uint64_t nth = 1; nth < 300; nth++) {
            struct world w;
            struct reconcile_counts counts = {0};
            struct reconcile_env env;
            bool crashed;

            now = (struct plan){.act = nth % 2 ? TIER : RECALL, .nth = nth, .seed = seed * 7777 + nth};
            now.how = nth % 4 < 2 ? SIM_POWER : SIM_KILL;
            now.order = (enum sim_order)(nth % 3 == 0);
            make_world(&w, now.act);
            sim_crash_at(w.host, 1 + sim_random(w.host) % (now.act == TIER ? 150 : 80), now.how, false);
            sim_follow(w.disk, w.host);
            do_it(&w);
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
            never_both_gone(&w);
            check_end(&w);
            world_end(&w);
            cases += crashed;
        }
    }
    printf("# %" PRIu64 " cases crashed twice\n", cases);
    cases = 0;
}

static void
fault_with(enum act act, bool from_then_on, uint64_t seed)
{
    for (uint64_t nth = 1;; nth++) {
        struct world w;
        uint64_t seen;

        now = (struct plan){.act = act, .nth = nth, .seed = seed, .after = from_then_on};
        make_world(&w, act);
        al_fault_arm(AL_FAULT_ALL, nth, from_then_on);
        do_it(&w);
        seen = al_fault_disarm();
        world_stop(&w);
        HOLDS(sim_open_files(w.host) == 0);
        HOLDS(sim_open_files(w.disk) == 0);
        HOLDS(world_start(&w) == AL_OK);
        never_both_gone(&w);
        /* A way back may lose what a mount need not have; what it is told of then is in its outcome. */
        if (act == TIER || from_then_on) {
            check_end(&w);
        } else {
            plan_heal(&w);
            nothing_of_ours_left(&w);
        }
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
an_archive_survives_each_call_failing(void)
{
    fault_with(TIER, false, 2);
    fault_with(TIER, false, 3);
    fault_with(TIER, true, 2);
}

static void
a_way_back_survives_each_call_failing(void)
{
    fault_with(RECALL, false, 2);
    fault_with(RECALL, true, 3);
}

/* ---- other people, at every call ---- */

static const char newer[] = "written by somebody else meanwhile";

struct person {
    struct world *w;
    uint64_t at;
    void (*act)(struct world *w);
    bool done;
};

static void
on_call(void *ctx, uint64_t call)
{
    struct person *p = ctx;

    if (call == p->at && !p->done) {
        p->done = true;
        p->act(p->w);
    }
}

/* Whether the person has written, and has what was there before. */
static bool wrote;

static void
write_there(struct world *w, const char *name, uint32_t flags)
{
    struct port_file *f = open_other(w, name, PORT_READ | PORT_WRITE | flags);

    if (f != NULL) {
        HOLDS(port_pwrite(sim_other(w->host), f, newer, sizeof(newer), 0) == AL_OK);
        HOLDS(port_close(sim_other(w->host), f) == AL_OK);
        wrote = true;
    }
}

static void
edits_in_place(struct world *w)
{
    write_there(w, NAME, 0);
}

/* As a program does that keeps times: nothing but the bytes tells. */
static void
edits_and_sets_the_time_back(struct world *w)
{
    write_there(w, NAME, 0);
    if (wrote) {
        HOLDS(sim_times_path(w->host, "/vol/" NAME, 1600000000123456789, 1500000000987654321) == AL_OK);
    }
}

static void
makes_anew(struct world *w)
{
    write_there(w, NAME, PORT_CREATE | PORT_EXCL);
}

static void
edits_the_placeholder(struct world *w)
{
    struct port_file *f = open_other(w, HOLDER, PORT_READ | PORT_WRITE);

    if (f != NULL) {
        HOLDS(port_pwrite(sim_other(w->host), f, "my note: ", 9, 0) == AL_OK);
        HOLDS(port_close(sim_other(w->host), f) == AL_OK);
    }
}

/* Whether what the person wrote lies under any name, or the person wrote nothing. */
static bool
somewhere(struct world *w, const uint8_t *bytes, size_t len)
{
    struct port *p = sim_other(w->host);
    struct port_file *f = NULL;
    struct port_dir *d = NULL;
    struct port_dirent e;
    bool end = false, found = false;

    HOLDS(port_open(p, NULL, "/vol", PORT_READ | PORT_FOLDER, 0, &f) == AL_OK);
    HOLDS(port_dir_open(p, f, &d) == AL_OK);
    while (port_dir_next(p, d, &e, &end) == AL_OK && !end) {
        char path[300];
        size_t got;
        uint8_t *have;

        snprintf(path, sizeof(path), "/vol/%s", e.name);
        have = world_read(w->host, path, &got);
        found = found || (got >= len && memcmp(have, bytes, len) == 0);
        al_free(have);
    }
    port_dir_close(p, &d);
    HOLDS(port_close(p, f) == AL_OK);
    return found;
}

/* anew: what the person writes is another file; else it is this one's new content. */
static void
with_person(enum act act, void (*what)(struct world *w), bool anew)
{
    for (uint64_t nth = 1;; nth++) {
        struct world w;
        struct person p = {.w = &w, .at = nth, .act = what};
        struct mover_result r;
        int rc;

        now = (struct plan){.act = act, .nth = nth, .seed = 40 + nth};
        wrote = false;
        make_world(&w, act);
        sim_crash_at(w.host, 0, SIM_KILL, false);
        sim_hook(w.host, on_call, &p);
        r = act == TIER ? world_archive(&w, NAME, &rc) : world_back(&w, NAME, "", &rc);
        sim_hook(w.host, NULL, NULL);
        plan_heal(&w);
        nothing_of_ours_left(&w);
        if (!somewhere(&w, wrote && !anew ? (const uint8_t *)newer : want, wrote && !anew ? sizeof(newer) : SIZE)) {
            struct mover_result back = world_back(&w, NAME, act == TIER ? r.object_id : archived, &rc);

            HOLDS(back.code == AL_OK);
        }
        if (wrote) {
            HOLDS(somewhere(&w, (const uint8_t *)newer, sizeof(newer)));
        }
        if (!wrote || anew) {
            HOLDS(somewhere(&w, want, SIZE));
        }
        nothing_of_ours_left(&w);
        world_objects(&w, known, NULL);
        world_end(&w);
        if (!p.done) {
            break;
        }
        cases++;
    }
    printf("# %" PRIu64 " moments\n", cases);
    cases = 0;
}

static void
somebody_edits_the_file(void)
{
    with_person(TIER, edits_in_place, false);
    with_person(TIER, edits_and_sets_the_time_back, false);
}

static void
somebody_makes_a_file_of_its_name(void)
{
    with_person(TIER, makes_anew, true);
    with_person(RECALL, makes_anew, true);
}

static void
somebody_removes_the_placeholder(void)
{
    with_person(TIER, removes_the_placeholder, false);
    with_person(RECALL, removes_the_placeholder, false);
}

static void
somebody_edits_the_placeholder(void)
{
    with_person(TIER, edits_the_placeholder, false);
    with_person(RECALL, edits_the_placeholder, false);
}

/* ---- somebody opens the original at the last moment, and then the agent dies on the way back ---- */

static void
opens_the_aside(struct world *w)
{
    struct port *p = sim_other(w->host);
    struct port_file *f = NULL;
    struct port_dir *d = NULL;
    struct port_dirent e;
    bool end = false;

    HOLDS(port_open(p, NULL, "/vol", PORT_READ | PORT_FOLDER, 0, &f) == AL_OK);
    HOLDS(port_dir_open(p, f, &d) == AL_OK);
    while (port_dir_next(p, d, &e, &end) == AL_OK && !end) {
        if (strncmp(e.name, PLACE_ASIDE, sizeof(PLACE_ASIDE) - 1) == 0) {
            struct port_file *aside = NULL;

            HOLDS(port_open(p, f, e.name, PORT_READ, 0, &aside) == AL_EBUSY);
        }
    }
    port_dir_close(p, &d);
    HOLDS(port_close(p, f) == AL_OK);
}

static uint64_t holder_call;

static void
find_call(void *ctx, uint64_t call)
{
    struct world *w = ctx;

    if (holder_call == 0 && world_exists(w, HOLDER)) {
        holder_call = call;
    }
}

static bool
way_back_case(uint64_t nth)
{
    struct world w;
    struct person p = {.w = &w, .act = opens_the_aside};
    bool crashed;

    now.nth = nth;
    now.seed = 900 + nth;
    make_world(&w, TIER);
    p.at = holder_call;
    sim_crash_at(w.host, holder_call + nth, now.how, now.after);
    sim_follow(w.disk, w.host);
    sim_hook(w.host, on_call, &p);
    do_it(&w);
    sim_hook(w.host, NULL, NULL);
    HOLDS(p.done);
    crashed = sim_is_down(w.host);
    restart(&w);
    never_both_gone(&w);
    check_end(&w);
    world_end(&w);
    cases++;
    return crashed;
}

static void
a_putting_back_survives_a_crash_at_every_call(void)
{
    for (int k = 0; k < 8; k++) {
        struct world w;
        uint64_t nth = 1;

        now = (struct plan){.how = k & 1 ? SIM_POWER : SIM_KILL, .after = (k & 2) != 0, .order = (enum sim_order)(k / 4)};
        holder_call = 0;
        make_world(&w, TIER);
        sim_crash_at(w.host, 0, SIM_KILL, false);
        sim_hook(w.host, find_call, &w);
        do_it(&w);
        world_end(&w);
        HOLDS(holder_call > 0);
        while (way_back_case(nth)) {
            nth++;
        }
    }
    printf("# %" PRIu64 " cases\n", cases);
    cases = 0;
}

int
main(int argc, char **argv)
{
    const char *which = argc > 1 ? argv[1] : "crash";

    seeds = argc > 2 ? (uint64_t)atoi(argv[2]) : seeds;
    first = argc > 3 ? (uint64_t)atoi(argv[3]) : first;
    if (strcmp(which, "crash") == 0) {
        TAP_RUN(an_archive_survives_a_power_cut_of_the_host_at_every_call);
        TAP_RUN(an_archive_survives_a_kill_of_the_agent_at_every_call);
        TAP_RUN(an_archive_survives_a_kill_at_every_call_to_the_share);
        TAP_RUN(an_archive_survives_a_power_cut_of_the_share_at_every_call);
        TAP_RUN(the_same_where_no_rename_keeps_from_replacing);
    } else if (strcmp(which, "back") == 0) {
        TAP_RUN(a_way_back_survives_a_power_cut_of_the_host_at_every_call);
        TAP_RUN(a_way_back_survives_a_kill_of_the_agent_at_every_call);
        TAP_RUN(a_way_back_survives_a_power_cut_of_the_share_at_every_call);
        TAP_RUN(what_stands_there_comes_back_whatever_is_known_of_its_name);
        TAP_RUN(a_way_back_of_a_placeholder_tells_the_name_that_the_file_has);
        TAP_RUN(a_putting_back_survives_a_crash_at_every_call);
        TAP_RUN(healing_survives_a_crash_at_every_call);
    } else if (strcmp(which, "faults") == 0) {
        TAP_RUN(an_archive_survives_each_call_failing);
        TAP_RUN(a_way_back_survives_each_call_failing);
    } else {
        TAP_RUN(somebody_edits_the_file);
        TAP_RUN(somebody_makes_a_file_of_its_name);
        TAP_RUN(somebody_removes_the_placeholder);
        TAP_RUN(somebody_edits_the_placeholder);
    }
    return tap_end();
}
