/* The follower of audit logs under crashes: while logs are written, rotated and removed, the agent dies at each of its calls in turn, by
 * a kill or a power cut, and begins anew. Whatever died when: every event is told, and nothing that was not written is; each line
 * is counted once, and those that were passed over are kept with where they stood. */
#include "tap.h"

#include "../unit/auditlog/follow_world.h"

#define EVENTS 64

static struct {
    char path[40];
    int64_t time_ns;
} written[EVENTS];
static size_t written_count;
static struct {
    char text[20], log[80];
    uint64_t offset;
} junk[EVENTS];
static size_t junk_count;
static unsigned restarts;

static void
event(const char *log, unsigned file)
{
    char path[40];
    int64_t time_ns;

    snprintf(path, sizeof(path), "/d/file-%u", file);
    sim_clock_add(w.sim, SECOND);
    time_ns = now() / 1000 * 1000;
    snprintf(written[written_count].path, sizeof(written[0].path), "%s", path + 1);
    written[written_count++].time_ns = time_ns;
    add(log, line(file % 3 == 0 ? "FileWritten" : "FileRead", path, NULL, time_ns));
}

/* A line that tells nothing. */
static void
nonsense(const char *folder, const char *name, bool active)
{
    char log[80], path[200], text[24];
    struct port_file *f = NULL;
    struct port_stat st = {0};

    snprintf(log, sizeof(log), "%s/%s", folder, name);
    snprintf(path, sizeof(path), AUDIT "/%s%s", log, active ? ".active" : "");
    TAP_OK(port_open(w.other, NULL, path, PORT_READ, 0, &f));
    TAP_OK(port_stat(w.other, f, &st));
    port_close_quiet(w.other, &f);
    snprintf(junk[junk_count].text, sizeof(junk[0].text), "{junk %zu", junk_count);
    snprintf(junk[junk_count].log, sizeof(junk[0].log), "%s", log);
    junk[junk_count].offset = st.size;
    snprintf(text, sizeof(text), "%s\n", junk[junk_count++].text);
    add_bytes(path, text, strlen(text));
}

/* Rounds, and another agent where this one died. */
static void
rounds(unsigned seconds)
{
    for (unsigned tries = 0; tries < 20; tries++) {
        int rc = w.follow == NULL ? world_open() : AL_OK;

        rc = rc != AL_OK ? rc : polls(seconds);
        if (!sim_is_down(w.sim)) { /* a log that cannot be read is no error of the follower */
            TAP_OK(rc);
            return;
        }
        world_close();
        TAP_OK(sim_restart(w.sim, restarts % 2 == 0 ? SIM_KILL : SIM_POWER));
        restarts++;
    }
    TAP_CHECK(false);
}

/* Whatever died when: nothing was lost, and the record reaches back to the oldest log's begin. */
static void
is_complete(void)
{
    enum audit_state state;
    int64_t since;

    follow_coverage(w.follow, &state, &since, NULL);
    TAP_CHECK(state == AUDIT_LIVE && since == INT64_C(1789995600) * SECOND); /* 2026-09-21T13:00:00Z */
}

static void
story(void)
{
    written_count = junk_count = 0;
    for (unsigned i = 0; i < 6; i++) {
        event("1/2026/09/2026-09-21T13.00.00Z.log.active", i);
        event("2/2026/09/2026-09-21T13.00.00Z.log.active", i * 2);
    }
    nonsense("1/2026/09", "2026-09-21T13.00.00Z.log", true);
    rounds(2);
    event("1/2026/09/2026-09-21T13.00.00Z.log.active", 3);
    nonsense("2/2026/09", "2026-09-21T13.00.00Z.log", true);
    rename_log("1/2026/09", "2026-09-21T13.00.00Z.log.active", "2026-09-21T13.00.00Z.log");
    event("1/2026/09/2026-09-21T13.15.00Z.log.active", 4);
    rounds(2);
    event("2/2026/09/2026-09-21T13.00.00Z.log.active", 5);
    for (unsigned i = 0; i < 3; i++) {
        nonsense("1/2026/09", "2026-09-21T13.15.00Z.log", true);
    }
    rounds(1);
    event("1/2026/09/2026-09-21T13.00.00Z.log", 6); /* late */
    event("3/2026/10/2026-10-01T00.00.00Z.log.active", 7);
    rounds(8);
    is_complete();
    remove_log("1/2026/09/2026-09-21T13.00.00Z.log");
    event("3/2026/10/2026-10-01T00.00.00Z.log.active", 8);
    rounds(4);
}

static void
all_is_told(void)
{
    for (size_t i = 0; i < written_count; i++) {
        int64_t expected = 0;
        const struct told *t = last(DIGEST_USED, written[i].path);

        for (size_t k = 0; k < written_count; k++) {
            if (strcmp(written[k].path, written[i].path) == 0 && written[k].time_ns > expected) {
                expected = written[k].time_ns;
            }
        }
        TAP_CHECK(t != NULL && t->time_ns == expected);
    }
    for (size_t i = 0; i < w.row_count; i++) {
        bool known = false;

        for (size_t k = 0; k < written_count && !known; k++) {
            known = strcmp(written[k].path, w.rows[i].path) == 0 && written[k].time_ns == w.rows[i].time_ns;
        }
        TAP_CHECK(known);
    }
}

static bool
is_kept(const struct follow_status *s, size_t k)
{
    for (size_t i = 0; i < s->sample_count; i++) {
        const struct tally_sample *x = s->samples[i];

        if (x->offset == junk[k].offset && x->path_len == strlen(junk[k].log) && memcmp(x->path, junk[k].log, x->path_len) == 0 &&
            x->text_len == strlen(junk[k].text) && memcmp(x->text, junk[k].text, x->text_len) == 0) {
            return x->why == AUDITLOG_SKIP_JUNK && x->time_ns > 0;
        }
    }
    return false;
}

/* removed: a log that went may have taken lines along that a power cut made uncounted. */
static void
all_is_counted(bool removed)
{
    static struct follow_status s;
    uint64_t lines = written_count + junk_count;

    follow_status(w.follow, &s);
    TAP_EQUAL_STR(s.filespace, "shows");
    TAP_EQUAL_STR(s.filespace_uuid, "5f");
    TAP_CHECK(s.lines.lines == lines || (removed && s.lines.lines < lines));
    TAP_CHECK(s.lines.skipped[AUDITLOG_SKIP_JUNK] == junk_count || (removed && s.lines.skipped[AUDITLOG_SKIP_JUNK] < junk_count));
    TAP_CHECK(s.sample_count <= AUDITLOG_SAMPLES);
    for (size_t k = 0; k < junk_count && !removed; k++) { /* the latest of them, in whichever order their logs were read */
        TAP_CHECK(is_kept(&s, k) || junk_count > AUDITLOG_SAMPLES);
    }
    if (!removed) {
        TAP_EQUAL_U64(s.sample_count, junk_count < AUDITLOG_SAMPLES ? junk_count : AUDITLOG_SAMPLES);
        TAP_CHECK(is_kept(&s, junk_count - 1));
    }
}

static void
at_each_call(enum sim_crash how, bool after)
{
    unsigned died = 0;

    for (uint64_t nth = 1;; nth++) {
        world_begin(nth);
        restarts = how == SIM_KILL ? 0 : 1;
        sim_crash_at(w.sim, nth, how, after);
        story();
        all_is_told();
        all_is_counted(how == SIM_POWER);
        TAP_CHECK(sim_open_files(w.sim) <= 2); /* the state folder and the cursors: nothing of the filespace */
        if (restarts == (how == SIM_KILL ? 0u : 1u)) {
            break;
        }
        died++;
    }
    printf("# died at %u calls\n", died);
    TAP_CHECK(died > 300);
}

static void
killed_before_each_call(void)
{
    at_each_call(SIM_KILL, false);
}

static void
killed_after_each_call(void)
{
    at_each_call(SIM_KILL, true);
}

static void
power_cut_before_each_call(void)
{
    at_each_call(SIM_POWER, false);
}

static void
power_cut_after_each_call(void)
{
    at_each_call(SIM_POWER, true);
}

/* Every fallible call fails once, memory too: an error is told, nothing is lost, and the next rounds go on. */
static void
each_call_and_allocation_fails_once(void)
{
    for (uint64_t nth = 1;; nth++) {
        uint64_t calls;
        int rc;

        world_begin(nth);
        written_count = junk_count = 0;
        for (unsigned i = 0; i < 4; i++) {
            event("1/2026/09/2026-09-21T13.00.00Z.log.active", i);
        }
        nonsense("1/2026/09", "2026-09-21T13.00.00Z.log", true);
        al_fault_arm(AL_FAULT_MEM | AL_FAULT_PORT, nth, false);
        rc = world_open();
        rc = rc != AL_OK ? rc : polls(3);
        calls = al_fault_disarm();
        if (w.follow == NULL) {
            world_close();
            TAP_OK(world_open());
        }
        TAP_OK(polls(40));
        all_is_told();
        all_is_counted(false);
        is_complete();
        if (rc == AL_OK && calls < nth) {
            printf("# %llu calls failed\n", (unsigned long long)nth - 1);
            break;
        }
    }
}

int
main(void)
{
    TAP_RUN(killed_before_each_call);
    TAP_RUN(killed_after_each_call);
    TAP_RUN(power_cut_before_each_call);
    TAP_RUN(power_cut_after_each_call);
    TAP_RUN(each_call_and_allocation_fails_once);
    world_end();
    return tap_end();
}
