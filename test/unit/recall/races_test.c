/* Recalls that meet: another recall of the same file, a kill, a power cut, somebody who writes as
 * soon as he is let in. Whatever was written and synced stays; nobody is denied without need. */
#include "../../sim/world.h"
#include "tap.h"

#include <string.h>

#include "base/mem.h"

#define SIZE 30000u
#define NEWEST "somebody's newest bytes"
#define NEWEST_AT 9000u

static struct world w;

static void
begin(uint64_t seed, enum sim_order order)
{
    struct mover_result r;
    int rc;

    world_make(&w, seed, order);
    TAP_OK(world_start(&w));
    world_file(&w, "a.mov", SIZE, 6); /* without capabilities, which cost syncs of their own */
    r = world_tier(&w, "a.mov", &rc);
    TAP_OK(rc);
    TAP_CHECK(r.tiered);
}

static void
end(void)
{
    world_stop(&w);
    world_end(&w);
}

static void
restart(enum sim_crash how)
{
    world_stop(&w);
    TAP_OK(sim_restart(w.host, how));
    TAP_OK(sim_restart(w.disk, SIM_KILL));
    TAP_OK(world_start(&w));
}

static void
heal(void)
{
    struct reconcile_env env = world_reconcile_env(&w);
    struct reconcile_counts counts = {0};

    TAP_OK(reconcile_found(&env, &counts));
}

static struct recall_result
recall(void)
{
    int rc;
    struct recall_result r = world_recall(&w, "a.mov", &rc);

    TAP_OK(rc);
    return r;
}

/* In place and fdatasync'ed: which keeps the bytes, and on ext4 no change of an attribute. */
static void
write_newest(void)
{
    struct port *p = sim_other(w.host);
    struct port_file *f = NULL;

    TAP_OK(port_open(p, NULL, "/vol/a.mov", PORT_READ | PORT_WRITE, 0, &f));
    TAP_OK(port_pwrite(p, f, NEWEST, strlen(NEWEST), NEWEST_AT));
    TAP_OK(port_datasync(p, f));
    TAP_OK(port_close(p, f));
}

static bool
has_newest(void)
{
    size_t got;
    uint8_t *have = world_read(w.host, "/vol/a.mov", &got);
    bool yes = got == SIZE && memcmp(have + NEWEST_AT, NEWEST, strlen(NEWEST)) == 0;

    al_free(have);
    return yes;
}

static int
put_nowhere(struct outcome_sink *s, const struct outcome *o)
{
    return AL_ENOSPC;
}

/* The fill failed and was undone, but nobody could be told: the intent stays open. It explains
 * nothing that comes later. */
static void
bytes_written_past_the_gate_are_not_taken_for_a_cut_fill(void)
{
    struct outcome_sink full = {.put = put_nowhere};
    struct journal_figures figures;

    begin(7, SIM_ORDER_GLOBAL);
    w.recall_env.sink = &full;
    sim_space(w.host, 0);
    TAP_CODE(recall().code, AL_ENOSPC);
    sim_space(w.host, UINT64_MAX);
    w.recall_env.sink = &w.sink.sink;
    journal_figures(w.journal, &figures);
    TAP_EQUAL_U64(figures.open, 1);
    write_newest();
    TAP_CODE(recall().code, AL_EIO);
    TAP_CHECK(has_newest());
    heal();
    TAP_CHECK(has_newest());
    end();
}

static enum marker_state
marker_state(void)
{
    enum marker_verdict verdict;
    struct stub_facts facts;
    struct marker m = {0};
    int rc = stub_examine_path(w.stub, al_span_of("a.mov"), &m, &verdict, &facts, NULL);

    TAP_CHECK(rc == AL_OK || rc == AL_ENODATA);
    return m.state;
}

/* The agent's state on a disk of its own that is full: neither intent nor outcome can be written. */
static struct journal *
full_journal(struct sim **ret_disk, struct port_file **ret_state)
{
    struct journal *j = NULL;

    TAP_OK(sim_new(5, SIM_ORDER_GLOBAL, ret_disk));
    TAP_OK(port_mkdir(sim_port(*ret_disk), NULL, "/state", 0700));
    TAP_OK(port_open(sim_port(*ret_disk), NULL, "/state", PORT_READ | PORT_FOLDER, 0, ret_state));
    sim_space(*ret_disk, 0);
    TAP_OK(journal_open(sim_port(*ret_disk), *ret_state, &j, NULL, NULL));
    return j;
}

/* how: what comes after the recall. 0: healing of the intent in memory, 1 and 2: a kill or a power
 * cut, and the next opener, 3: a walk. */
static void
recalled_without_room(unsigned how)
{
    struct outcome_sink full = {.put = put_nowhere};
    struct reconcile_env env;
    struct reconcile_counts counts = {0};
    struct al_fail fail = {0};
    struct sim *disk = NULL;
    struct port_file *state = NULL;
    struct journal *j;
    struct recall_result r;

    begin(9 + how, SIM_ORDER_GLOBAL);
    j = full_journal(&disk, &state);
    w.recall_env.journal = j;
    w.recall_env.sink = &full;
    TAP_OK(recall().code);
    TAP_CHECK(world_has_marker(&w, "a.mov")); /* it alone tells of the recall */
    write_newest();
    r = recall(); /* of an opener who comes later: still nothing can be told */
    TAP_CHECK(r.code == AL_OK && r.was_resident && has_newest());
    if (how == 1 || how == 2) {
        restart(how == 1 ? SIM_KILL : SIM_POWER);
        TAP_OK(recall().code);
    } else {
        sim_space(disk, UINT64_MAX);
        w.recall_env.journal = w.journal;
        w.recall_env.sink = &w.sink.sink;
        env = world_reconcile_env(&w);
        env.journal = j;
        TAP_OK(how == 0 ? reconcile_found(&env, &counts)
                        : reconcile_walk(&env, &w.recall_volume, NULL, NULL, &counts, &fail));
    }
    TAP_CHECK(has_newest() && !world_has_marker(&w, "a.mov"));
    TAP_EQUAL_U64(world_told(&w, "act=recall", NULL), 1);
    TAP_EQUAL_U64(world_told(&w, "act=alarm", NULL), 0);
    (void)journal_close(j); /* returns NULL */
    TAP_OK(port_close(sim_port(disk), state));
    (void)sim_free(disk); /* returns NULL */
    end();
}

static void
a_recall_needs_no_room_for_the_agents_state(void)
{
    for (unsigned how = 0; how < 4; how++) {
        recalled_without_room(how);
    }
}

/* A crash at every call of such a recall. Whoever is let in afterwards, told or not, keeps what he
 * writes; and each file that was filled is told of. */
static void
such_a_recall_survives_a_crash_at_every_call(void)
{
    struct outcome_sink full = {.put = put_nowhere};
    unsigned untold = 0;

    for (uint64_t nth = 1;; nth++) {
        enum sim_crash how = nth % 2 == 0 ? SIM_KILL : SIM_POWER;
        struct port_file *state = NULL;
        struct sim *disk = NULL;
        struct journal *j;
        bool down, let_in;
        int rc;

        begin(nth, nth % 4 < 2 ? SIM_ORDER_GLOBAL : SIM_ORDER_OBJECT);
        j = full_journal(&disk, &state);
        w.recall_env.journal = j;
        w.recall_env.sink = &full;
        sim_crash_at(w.host, nth, how, false);
        (void)world_recall(&w, "a.mov", &rc);
        down = sim_is_down(w.host);
        (void)journal_close(j); /* returns NULL */
        TAP_OK(port_close(sim_port(disk), state));
        (void)sim_free(disk); /* returns NULL */
        restart(how);
        let_in = marker_state() == MARKER_UNTOLD;
        if (let_in) {
            untold++;
            write_newest();
            restart(SIM_POWER);
        }
        TAP_OK(recall().code);
        TAP_CHECK(!world_has_marker(&w, "a.mov") && (!let_in || has_newest()));
        TAP_CHECK(world_told(&w, "act=recall code=ok", NULL) == 1);
        TAP_EQUAL_U64(world_told(&w, "act=alarm", NULL), 0);
        end();
        if (!down) {
            break;
        }
    }
    TAP_CHECK(untold > 1);
}

/* A kill at every call; where no marker is left the gate lets somebody in. */
static void
killed_then_written(bool healed)
{
    unsigned cases = 0;

    for (uint64_t seed = 2; seed < 40; seed += 2) {
        for (uint64_t nth = 1;; nth++) {
            int rc;
            bool down;

            begin(seed, seed % 4 != 0 ? SIM_ORDER_GLOBAL : SIM_ORDER_OBJECT);
            sim_crash_at(w.host, nth, SIM_KILL, false);
            (void)world_recall(&w, "a.mov", &rc);
            down = sim_is_down(w.host);
            restart(SIM_KILL);
            if (healed) {
                heal();
            }
            if (!world_has_marker(&w, "a.mov")) {
                cases++;
                write_newest();
                restart(SIM_POWER);
                heal();
                if (world_has_marker(&w, "a.mov")) {
                    TAP_OK(recall().code);
                }
                TAP_CHECK(has_newest());
            }
            end();
            if (!down) {
                break;
            }
        }
    }
    TAP_CHECK(cases > 40);
}

static void
what_was_written_after_a_kill_and_synced_outlives_a_power_cut(void)
{
    killed_then_written(false);
    killed_then_written(true);
}

static struct {
    unsigned left; /* calls until the other recall comes; 0: it has come */
    bool in, wrote;
} other;

static void
other_comes(void *ctx, uint64_t call)
{
    int rc;
    struct recall_result r;

    if (other.in || other.left == 0 || --other.left > 0) {
        return;
    }
    other.in = true;
    r = world_recall(&w, "a.mov", &rc);
    if (r.code == AL_OK && !world_has_marker(&w, "a.mov")) {
        write_newest();
        other.wrote = true;
    }
    other.in = false;
}

/* Another recall comes before call k of our first look at the file (which of all steps alone holds
 * no lock of the journal), or, counted on from there, before one of the later steps. False: ours
 * had ended by then. */
static bool
recall_with_another_at(unsigned k, struct recall_result *ret)
{
    struct recall_request q = {.volume = &w.recall_volume, .path = al_span_of("a.mov")};
    struct reconcile_env env = world_reconcile_env(&w);
    struct recall *r = NULL;
    enum recall_event event;

    memset(&other, 0, sizeof(other));
    other.left = k;
    TAP_OK(recall_new(&w.recall_env, &env.connect, &q, &r));
    sim_hook(w.host, other_comes, NULL);
    event = recall_step(r);
    sim_hook(w.host, NULL, NULL);
    while (event == RECALL_MORE) {
        other_comes(NULL, 0);
        event = recall_step(r);
    }
    *ret = *recall_result(r);
    r = recall_free(r);
    return other.left == 0;
}

static struct {
    struct recall *first; /* under way: the marker says "filling" */
    unsigned left;
    uint64_t length;
    bool in, cut;
} meanwhile;

/* The first recall ends, and whom it let in makes the file shorter, before ours has seen all of it. */
static void
first_ends_and_file_is_cut(void *ctx, uint64_t call)
{
    if (meanwhile.in || meanwhile.left == 0 || --meanwhile.left > 0) {
        return;
    }
    meanwhile.in = true;
    while (recall_step(meanwhile.first) == RECALL_MORE) {
    }
    TAP_OK(recall_result(meanwhile.first)->code);
    TAP_OK(sim_truncate_path(w.host, "/vol/a.mov", meanwhile.length));
    meanwhile.cut = true;
    meanwhile.in = false;
}

static bool
cut_before(unsigned k, unsigned steps, uint64_t length)
{
    struct recall_request q = {.volume = &w.recall_volume, .path = al_span_of("a.mov")};
    struct reconcile_env env;
    struct recall *ours = NULL;
    bool met;

    begin(2, SIM_ORDER_GLOBAL);
    env = world_reconcile_env(&w);
    memset(&meanwhile, 0, sizeof(meanwhile));
    meanwhile.left = k;
    meanwhile.length = length;
    TAP_OK(recall_new(&w.recall_env, &env.connect, &q, &meanwhile.first));
    while (steps-- > 0) {
        TAP_CHECK(recall_step(meanwhile.first) == RECALL_MORE);
    }
    TAP_OK(recall_new(&w.recall_env, &env.connect, &q, &ours));
    recall_may_wait(ours);
    sim_hook(w.host, first_ends_and_file_is_cut, NULL);
    (void)recall_step(ours);
    sim_hook(w.host, NULL, NULL);
    met = meanwhile.cut;
    if (met) {
        while (recall_step(ours) == RECALL_MORE) {
        }
        TAP_CHECK(recall_result(ours)->code == AL_OK || recall_result(ours)->repeat);
        TAP_EQUAL_U64(world_told(&w, "act=alarm", NULL), 0);
        TAP_EQUAL_U64(world_told(&w, "act=drop_marker", NULL), 0);
        TAP_EQUAL_U64(world_stat(&w, "a.mov").size, length);
    }
    ours = recall_free(ours);
    meanwhile.first = recall_free(meanwhile.first);
    end();
    return met;
}

static void
a_file_that_is_cut_between_two_looks_raises_no_alarm(void)
{
    static const uint64_t lengths[] = {0, 1, SIZE / 2, SIZE * 2};

    for (unsigned steps = 0; steps < 5; steps++) { /* of the first: from "stub" to "filling" */
        for (size_t i = 0; i < AL_LEN(lengths); i++) {
            for (unsigned k = 1; cut_before(k, steps, lengths[i]); k++) {
            }
        }
    }
}

static void
two_recalls_of_a_stub_raise_no_alarm_and_lose_nothing(void)
{
    struct recall_result r;
    bool met = true;

    for (unsigned k = 1; met; k++) {
        begin(2, SIM_ORDER_GLOBAL);
        met = recall_with_another_at(k, &r);
        TAP_EQUAL_U64(world_told(&w, "act=alarm", NULL), 0);
        TAP_CHECK(r.code == AL_OK || r.code == AL_EBUSY || r.code == AL_ECHANGED ||
                  r.code == AL_ENODATA); /* the pool asks again for these */
        TAP_CHECK(!other.wrote || has_newest());
        end();
    }
}

/* A power cut that kept bytes of the fill under a marker that says "stub". False: not this one. */
static bool
cut_fill(uint64_t seed, uint64_t nth)
{
    uint8_t m[MARKER_BYTES];
    size_t len;
    int rc;

    begin(seed, SIM_ORDER_GLOBAL);
    sim_crash_at(w.host, nth, SIM_POWER, false);
    (void)world_recall(&w, "a.mov", &rc);
    restart(SIM_POWER);
    return port_xattr_get_at(sim_other(w.host), NULL, "/vol/a.mov", MARKER_XATTR, m, sizeof(m),
                             &len) == AL_OK &&
           m[1] == MARKER_STUB && world_stat(&w, "a.mov").allocated > 0;
}

static void
two_recalls_of_a_cut_fill_lose_nothing(void)
{
    unsigned cases = 0;

    for (uint64_t seed = 2; seed < 60 && cases < 400; seed += 2) {
        for (uint64_t nth = 15; nth < 45; nth++) {
            struct recall_result r;
            bool met = cut_fill(seed, nth);

            end();
            for (unsigned k = 1; met; k++) {
                TAP_CHECK(cut_fill(seed, nth));
                met = recall_with_another_at(k, &r);
                TAP_CHECK(!other.wrote || has_newest());
                TAP_EQUAL_U64(world_told(&w, "act=alarm", NULL), 0);
                cases++;
                end();
            }
        }
    }
    TAP_CHECK(cases > 50);
}

/* As a mover does that finds the marker in its way. */
static void
drop_whole(void *ctx, uint64_t call)
{
    struct stub_facts facts;
    enum marker_verdict verdict;
    struct marker m;

    if (!other.in) {
        other.in = true;
        if (stub_examine_path(w.stub, al_span_of("a.mov"), &m, &verdict, &facts, NULL) == AL_OK &&
            verdict == MARKER_V_WHOLE) {
            TAP_OK(stub_drop_marker(w.stub, &facts.handle, verdict, NULL));
            other.wrote = true;
        }
        other.in = false;
    }
}

static void
a_marker_whole_that_somebody_else_drops_is_as_good_as_gone(void)
{
    begin(2, SIM_ORDER_GLOBAL);
    memset(&other, 0, sizeof(other));
    sim_hook(w.host, drop_whole, NULL);
    TAP_OK(recall().code);
    sim_hook(w.host, NULL, NULL);
    TAP_CHECK(other.wrote && !world_has_marker(&w, "a.mov"));
    end();
}

int
main(void)
{
    TAP_RUN(a_recall_needs_no_room_for_the_agents_state);
    TAP_RUN(such_a_recall_survives_a_crash_at_every_call);
    TAP_RUN(bytes_written_past_the_gate_are_not_taken_for_a_cut_fill);
    TAP_RUN(what_was_written_after_a_kill_and_synced_outlives_a_power_cut);
    TAP_RUN(two_recalls_of_a_stub_raise_no_alarm_and_lose_nothing);
    TAP_RUN(a_file_that_is_cut_between_two_looks_raises_no_alarm);
    TAP_RUN(two_recalls_of_a_cut_fill_lose_nothing);
    TAP_RUN(a_marker_whole_that_somebody_else_drops_is_as_good_as_gone);
    return tap_end();
}
