/* Audit logs on the system's own filesystem: where they are, what was used of late, and following them. */
#include "tap.h"

#include <stdlib.h>

#include "agent/run/audit.h"
#include "base/mem.h"

static struct port *port;
static char base[400];

static void
put(const char *path, const char *text, bool more)
{
    struct port_file *f = NULL;
    struct port_stat st;

    TAP_OK(port_open(port, NULL, path, PORT_READ | PORT_WRITE | PORT_CREATE, 0644, &f));
    TAP_OK(port_stat(port, f, &st));
    TAP_OK(port_pwrite(port, f, text, strlen(text), more ? st.size : 0));
    TAP_OK(port_close(port, f));
}

static void
is_found(const char *volume, const char *setting, const char *root, const char *prefix)
{
    char *got_root = NULL, *got_prefix = NULL;

    TAP_OK(audit_root_find(port, volume, setting, &got_root, &got_prefix));
    TAP_EQUAL_STR(got_root, root);
    TAP_EQUAL_STR(got_prefix, prefix);
    al_free(got_root);
    al_free(got_prefix);
}

static void
the_nearest_folder_with_logs_is_the_root(void)
{
    char fs[500], in[600], audit[600];

    snprintf(fs, sizeof(fs), "%s/fs", base);
    snprintf(in, sizeof(in), "%s/a/b", fs);
    snprintf(audit, sizeof(audit), "%s/.lucid_audit", fs);
    TAP_OK(port_mkdirs(port, in, 0755));
    TAP_OK(port_mkdirs(port, audit, 0755));
    is_found(in, NULL, fs, "/a/b");
    is_found(fs, NULL, fs, "");
    strcat(in, "/");
    is_found(in, NULL, fs, "/a/b");
    is_found(in, "/elsewhere", "/elsewhere", "");
    is_found(in, base, base, "/fs/a/b");
    is_found("C:\\Volumes\\w\\fs\\Shows", "C:\\Volumes\\w\\fs\\", "C:/Volumes/w/fs", "/Shows");
}

static void
what_was_used_of_late_is_remembered_and_bounded(void)
{
    struct audit_seen s;
    char path[40];

    audit_seen_begin(&s);
    TAP_EQUAL_U64((uint64_t)audit_seen_recent(&s, al_span_of("a")), 0);
    audit_seen_used(&s, al_span_of("a"), 5, 10);
    audit_seen_used(&s, al_span_of("a"), 9, 10);
    audit_seen_used(&s, al_span_of("a"), 7, 10);
    TAP_EQUAL_U64((uint64_t)audit_seen_recent(&s, al_span_of("a")), 9);
    for (int i = 0; i < (int)AUDIT_RECENT_MAX * 4; i++) {
        snprintf(path, sizeof(path), "file %d", i);
        audit_seen_used(&s, al_span_of(path), 100 + i, 100 + i);
    }
    TAP_EQUAL_U64((uint64_t)audit_seen_recent(&s, al_span_of(path)), 99 + (uint64_t)AUDIT_RECENT_MAX * 4);
    audit_seen_end(&s);
}

static void
trap_6_a_use_that_is_later_than_our_clock_is_not_made_older_and_takes_no_room(void)
{
    int64_t now_ns = INT64_C(1790000000) * 1000000000, later_ns = now_ns + INT64_C(5) * 86400 * 1000000000;
    unsigned known = 0;
    struct audit_seen s;
    char path[40];

    audit_seen_begin(&s);
    audit_seen_used(&s, al_span_of("a"), later_ns, now_ns); /* it may be ours that is behind */
    TAP_EQUAL_U64((uint64_t)audit_seen_recent(&s, al_span_of("a")), (uint64_t)later_ns);
    for (int i = 0; i < (int)AUDIT_RECENT_MAX * 8; i++) {
        snprintf(path, sizeof(path), "ahead %d", i);
        audit_seen_used(&s, al_span_of(path), INT64_MAX, now_ns);
    }
    for (int i = 0; i < 100; i++) {
        snprintf(path, sizeof(path), "file %d", i);
        audit_seen_used(&s, al_span_of(path), now_ns + 1 + i, now_ns + 1 + i);
        known += audit_seen_recent(&s, al_span_of(path)) == now_ns + 1 + i;
    }
    TAP_EQUAL_U64(known, 100);
    audit_seen_end(&s);
}

/* A line of client 7, user mara, at bay-07, unless it says otherwise. */
static struct auditlog_event
event_of(enum auditlog_action action, int64_t time_ns)
{
    return (struct auditlog_event){.time_ns = time_ns, .action = action, .folder = al_span_of("7"), .node = al_span_of("7"), .user = al_span_of("mara"),
                                   .host = al_span_of("bay-07")};
}

static bool
asked(struct audit_seen *s, const struct auditlog_event *e, const char *from, const char *to)
{
    struct al_span f = al_span_of(from), t = al_span_of(to != NULL ? to : "");

    return audit_seen_own(s, e, from != NULL ? &f : NULL, to != NULL ? &t : NULL, e->time_ns);
}

/* Whether a read by our own client is ours. */
static bool
own(struct audit_seen *s, const char *path, int64_t time_ns)
{
    struct auditlog_event e = event_of(AUDITLOG_READ, time_ns);

    return asked(s, &e, path, NULL);
}

#define ID "01KAQ0N2V4TZ6M9B3C5D7E8F0G"

/* What shows that client 7 is ours: it does what only we do. */
static void
prove(struct audit_seen *s, int64_t t)
{
    struct auditlog_event e = event_of(AUDITLOG_MOVE, t);

    audit_seen_work(s, al_span_of("proof"), t, t);
    TAP_CHECK(asked(s, &e, "proof", ".alto-aside-" ID));
}

static const int64_t some_time = INT64_C(1790000000) * 1000000000, second = INT64_C(1000000000);

static void
trap_9_what_our_own_client_does_to_what_alto_works_on_is_altos(void)
{
    int64_t t = some_time;
    struct audit_seen s;

    audit_seen_begin(&s);
    prove(&s, t - 3600 * second);
    audit_seen_work(&s, al_span_of("d/f"), t, INT64_MAX);
    TAP_CHECK(own(&s, "d/f", t) && own(&s, "d/f", t + 6000 * second) && own(&s, "d/f.alto", t));
    TAP_CHECK(!own(&s, "d/g", t) && !own(&s, "d/f", t - 2 * second));
    audit_seen_work(&s, al_span_of("d/f"), t, t + 60 * second);
    TAP_CHECK(own(&s, "d/f", t + 65 * second) && !own(&s, "d/f", t + 75 * second));
    audit_seen_end(&s);
}

static void
trap_9_another_client_is_a_person_whatever_it_is_called(void)
{
    struct auditlog_event e = event_of(AUDITLOG_READ, some_time), x;
    struct audit_seen s;

    audit_seen_begin(&s);
    audit_seen_work(&s, al_span_of("d/f"), some_time, INT64_MAX);
    TAP_CHECK(!asked(&s, &e, "d/f", NULL)); /* nobody knows yet who we are */
    prove(&s, some_time);
    TAP_CHECK(asked(&s, &e, "d/f", NULL));
    x = e;
    x.folder = x.node = al_span_of("8"); /* a host of the same name */
    TAP_CHECK(!asked(&s, &x, "d/f", NULL));
    x = e;
    x.user = al_span_of("MARA");
    TAP_CHECK(!asked(&s, &x, "d/f", NULL));
    x = e;
    x.host = (struct al_span){NULL, 0}; /* none told */
    TAP_CHECK(!asked(&s, &x, "d/f", NULL));
    x = e;
    x.node = al_span_of("8"); /* two at once */
    TAP_CHECK(!asked(&s, &x, "d/f", NULL));
    audit_seen_end(&s);
}

static void
trap_9_lines_that_tell_no_client_prove_nothing(void)
{
    struct auditlog_event e = event_of(AUDITLOG_MOVE, some_time);
    struct audit_seen s;

    audit_seen_begin(&s);
    e.folder = e.node = (struct al_span){NULL, 0};
    audit_seen_work(&s, al_span_of("d/f"), some_time, INT64_MAX);
    TAP_CHECK(asked(&s, &e, "d/f", "d/.alto-aside-" ID)); /* ours by its name */
    e.action = AUDITLOG_READ;
    TAP_CHECK(!asked(&s, &e, "d/f", NULL) && s.self_count == 0);
    audit_seen_end(&s);
}

static void
trap_9_names_that_people_give_are_not_altos(void)
{
    struct auditlog_event move = event_of(AUDITLOG_MOVE, some_time), read = event_of(AUDITLOG_READ, some_time), theirs;
    struct audit_seen s;

    audit_seen_begin(&s);
    audit_seen_work(&s, al_span_of("d/f"), some_time, INT64_MAX);
    TAP_CHECK(!asked(&s, &move, "d/f", "d/g"));
    TAP_CHECK(!asked(&s, &move, "d/g", "d/.alto-things") && !asked(&s, &move, "d/.alto-things", "d/h"));
    TAP_CHECK(!asked(&s, &move, "d/g", "d/.alto-aside-mine") && !asked(&s, &read, "d/.alto-aside-" ID "x", NULL));
    TAP_CHECK(!asked(&s, &read, "d/.alto-notes.txt", NULL));
    TAP_CHECK(s.self_count == 0);
    TAP_CHECK(asked(&s, &read, "d/.alto-aside-" ID, NULL) && asked(&s, &move, "x", "d/.alto-aside-" ID));
    /* What a crash left is put back: by us, or by a person, who may choose another name. */
    TAP_CHECK(!asked(&s, &move, "d/.alto-aside-" ID, "d/by hand"));
    prove(&s, some_time);
    TAP_CHECK(asked(&s, &move, "d/.alto-aside-" ID, "d/f (kept)"));
    theirs = move;
    theirs.folder = theirs.node = al_span_of("8");
    TAP_CHECK(!asked(&s, &theirs, "d/.alto-aside-" ID, "d/by hand"));
    audit_seen_end(&s);
}

static void
trap_9_a_file_that_only_we_can_have_made_tells_who_we_are(void)
{
    struct auditlog_event e = event_of(AUDITLOG_CREATE, some_time), other;
    char folder[500], path[600];
    struct port_stat st;
    port_mutex lock;
    struct audit_seen s;

    port_mutex_init(&lock);
    snprintf(folder, sizeof(folder), "%s/probed", base);
    TAP_OK(port_mkdirs(port, folder, 0755));
    audit_seen_begin(&s);
    TAP_OK(audit_self_probe(port, folder, &s, &lock));
    snprintf(path, sizeof(path), "%s/%s", folder, s.probe);
    TAP_EQUAL_U64((uint64_t)-port_stat_at(port, NULL, path, &st), (uint64_t)-AL_ENOENT);
    other = e;
    other.folder = other.node = al_span_of("8"); /* another agent's */
    TAP_CHECK(asked(&s, &other, ".alto-probe-0123456789abcdef", NULL) && s.self_count == 0);
    snprintf(path, sizeof(path), "%s", s.probe);
    TAP_CHECK(asked(&s, &e, path, NULL) && s.self_count == 1 && s.probe[0] == '\0');
    audit_seen_work(&s, al_span_of("d/f"), some_time, INT64_MAX);
    TAP_CHECK(own(&s, "d/f", some_time));
    audit_seen_end(&s);
    port_mutex_end(&lock);
}

/* An agent was killed between making its probe and taking it away. */
static void
a_probe_that_was_left_goes_with_the_next_and_nothing_else_does(void)
{
    static const struct {
        const char *name, *text;
        bool stays;
    } files[] = {{".alto-probe-0123456789abcdef", "", false},
                 {".alto-probe-fedcba9876543210", "somebody's", true},
                 {".alto-probe-views", "", true},
                 {".alto-probe-0123456789abcdef0", "", true},
                 {"a", "", true}};
    char folder[500], path[600];
    struct port_stat st;
    port_mutex m;
    struct audit_seen s;

    port_mutex_init(&m);
    snprintf(folder, sizeof(folder), "%s/left", base);
    TAP_OK(port_mkdirs(port, folder, 0755));
    for (size_t i = 0; i < AL_LEN(files); i++) {
        FILE *f;

        snprintf(path, sizeof(path), "%s/%s", folder, files[i].name);
        f = fopen(path, "w");
        TAP_CHECK(f != NULL && fputs(files[i].text, f) >= 0 && fclose(f) == 0);
    }
    audit_seen_begin(&s);
    TAP_OK(audit_self_probe(port, folder, &s, &m));
    for (size_t i = 0; i < AL_LEN(files); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, files[i].name);
        TAP_CHECK((port_stat_at(port, NULL, path, &st) == AL_OK) == files[i].stays);
    }
    audit_seen_end(&s);
    port_mutex_end(&m);
}

/* ---- what Alto did outlives the agent ---- */

static port_mutex lock;

static struct port_file *
state_of(const char *name)
{
    struct port_file *f = NULL;
    char path[500];

    snprintf(path, sizeof(path), "%s/%s", base, name);
    TAP_OK(port_mkdirs(port, path, 0700));
    TAP_OK(port_open(port, NULL, path, PORT_READ | PORT_FOLDER, 0, &f));
    return f;
}

static void
put_in(struct port_file *dir, const char *name, const char *text)
{
    struct port_file *f = NULL;

    TAP_OK(port_open(port, dir, name, PORT_READ | PORT_WRITE, 0600, &f));
    TAP_OK(port_pwrite(port, f, text, strlen(text), 0));
    TAP_OK(port_close(port, f));
}

/* An agent that comes after one that was killed. */
static void
next_agent(struct audit_own *o, struct audit_seen *s, struct port_file *state)
{
    audit_own_end(o, port);
    audit_seen_end(s);
    *o = (struct audit_own){0};
    audit_seen_begin(s);
    TAP_OK(audit_own_keep(o, port, state, s, &lock));
    TAP_OK(audit_self_load(port, state, s, &lock));
}

static void
trap_9_what_alto_did_is_known_to_the_agent_that_comes_after(void)
{
    int64_t t = port_now_ns(port), hour = 3600 * second;
    struct port_file *state = state_of("own");
    struct audit_own o = {0};
    struct audit_seen s;

    port_mutex_init(&lock);
    audit_seen_begin(&s);
    TAP_OK(audit_own_keep(&o, port, state, &s, &lock));
    prove(&s, t - 3 * hour);
    TAP_OK(audit_self_keep(port, state, &s, &lock));
    audit_seen_work(&s, al_span_of("done"), t - 2 * hour, t - hour);
    audit_seen_work(&s, al_span_of("old"), t - 30 * 24 * hour, t - 29 * 24 * hour);
    audit_seen_work(&s, al_span_of("to come"), t + hour, t + 2 * hour); /* by a clock that was set back since */
    audit_seen_work(&s, al_span_of("cut"), t - hour, INT64_MAX);
    s.under_way = 1;
    TAP_OK(audit_own_keep(&o, port, state, &s, &lock)); /* and dies */
    next_agent(&o, &s, state);
    TAP_CHECK(own(&s, "done", t - 90 * 60 * second) && !own(&s, "done", t - 30 * 60 * second));
    TAP_CHECK(!own(&s, "old", t - 29 * 24 * hour - hour) && !own(&s, "to come", t + hour + second));
    TAP_CHECK(own(&s, "cut", t - 60 * second)); /* it lived till then, and no longer */
    TAP_CHECK(!own(&s, "cut", port_now_ns(port) + 2 * 60 * second) && s.under_way == 0);
    audit_seen_work(&s, al_span_of("cut"), t, t + second); /* what is known later counts */
    TAP_OK(audit_own_keep(&o, port, state, &s, &lock));
    next_agent(&o, &s, state);
    next_agent(&o, &s, state);
    TAP_CHECK(own(&s, "cut", t) && own(&s, "done", t - hour));
    audit_own_end(&o, port);
    audit_seen_end(&s);
    port_close_quiet(port, &state);
}

static void
trap_9_what_is_kept_is_bounded_and_a_broken_end_is_cut(void)
{
    int64_t t = port_now_ns(port);
    struct port_file *state = state_of("many"), *f = NULL;
    struct audit_own o = {0};
    struct port_stat st;
    struct audit_seen s;
    char path[40];

    audit_seen_begin(&s);
    prove(&s, t);
    TAP_OK(audit_self_keep(port, state, &s, &lock));
    for (unsigned round = 0; round < 10; round++) {
        for (unsigned i = 0; i < AUDIT_OWN_MAX; i++) {
            snprintf(path, sizeof(path), "f%u", round * AUDIT_OWN_MAX + i);
            audit_seen_work(&s, al_span_of(path), t - 10 * second, t - second);
        }
        TAP_OK(audit_own_keep(&o, port, state, &s, &lock));
        TAP_OK(port_stat_at(port, state, "own", &st));
        TAP_CHECK(st.size <= 4ull * AUDIT_OWN_MAX * 32);
    }
    audit_seen_work(&s, al_span_of("last"), t - 10 * second, t - second);
    TAP_OK(audit_own_keep(&o, port, state, &s, &lock));
    audit_own_end(&o, port);
    TAP_OK(port_open(port, state, "own", PORT_READ | PORT_WRITE, 0600, &f));
    TAP_OK(port_stat(port, f, &st));
    TAP_OK(port_pwrite(port, f, "torn", 4, st.size));
    TAP_OK(port_close(port, f));
    next_agent(&o, &s, state);
    TAP_CHECK(own(&s, "last", t - 5 * second));
    TAP_OK(port_stat_at(port, state, "own", &st));
    TAP_CHECK(st.size % 32 == 0 && st.size <= AUDIT_OWN_MAX * 32);
    audit_own_end(&o, port);
    TAP_OK(port_open(port, state, "own", PORT_READ | PORT_WRITE, 0600, &f));
    TAP_OK(port_pwrite(port, f, "nothing of ours", 15, 0)); /* the first record: none holds behind it */
    TAP_OK(port_close(port, f));
    next_agent(&o, &s, state);
    TAP_CHECK(!own(&s, "last", t - 5 * second) && s.self_count == 1);
    put_in(state, "self", "nothing of ours");
    next_agent(&o, &s, state);
    TAP_EQUAL_U64(s.self_count, 0);
    audit_own_end(&o, port);
    audit_seen_end(&s);
    port_close_quiet(port, &state);
    port_mutex_end(&lock);
}

static struct {
    char text[2000];
} got;

static int
on_put(void *ctx, const struct digest_row *rows, size_t count)
{
    (void)ctx;
    for (size_t i = 0; i < count; i++) {
        size_t at = strlen(got.text);

        snprintf(got.text + at, sizeof(got.text) - at, "%d %.*s %llu %d\n", (int)rows[i].kind, (int)rows[i].path.len,
                 (const char *)rows[i].path.at, (unsigned long long)(rows[i].stat != NULL ? rows[i].stat->size : 0),
                 (int)(rows[i].reads + rows[i].writes));
    }
    return AL_OK;
}

/* One round, and those of the seconds that follow. */
static void
polls(struct follow *f, unsigned rounds)
{
    int64_t until_ns = port_mono_ns(port) + (int64_t)(rounds - 1) * 1000000000;
    bool last;

    do {
        int64_t wait_ns = 0;

        last = port_mono_ns(port) >= until_ns;
        while (wait_ns == 0) {
            TAP_OK(follow_poll(f, &wait_ns));
        }
        if (!last) {
            port_sleep_ns(port, wait_ns);
        }
    } while (!last);
}

static void
trap_2_a_log_is_followed_across_its_rotation(void)
{
    struct audit_settings settings = {.silence_hours = 1000000};
    char root[500], folder[600], state[600], log[720], closed[700], file[600];
    struct follow_conf conf = {.port = port, .root = root, .prefix = "", .settings = &settings, .put = on_put};
    static struct follow_status status;
    struct follow *f = NULL;

    snprintf(root, sizeof(root), "%s/filespace", base);
    snprintf(folder, sizeof(folder), "%s/.lucid_audit/7/2026/10", root);
    snprintf(state, sizeof(state), "%s/state", base);
    snprintf(closed, sizeof(closed), "%s/2026-10-01T00.00.00Z.log", folder);
    snprintf(log, sizeof(log), "%s.active", closed);
    snprintf(file, sizeof(file), "%s/written \xc3\xa9", root);
    TAP_OK(port_mkdirs(port, folder, 0755));
    TAP_OK(port_mkdirs(port, state, 0755));
    put(file, "12345", false);
    put(log, "{\"timestamp\":1790000000000000,\"operation\":{\"action\":\"FileWritten\",\"entryPath\":\"/written \xc3\xa9\"}}\n{\"timest", false);
    TAP_OK(port_open(port, NULL, state, PORT_READ | PORT_FOLDER, 0, &conf.state));
    TAP_OK(follow_open(&conf, &f, NULL));
    polls(f, 1);
    TAP_EQUAL_STR(got.text, "0 written \xc3\xa9 5 1\n");
    put(log, "amp\":1790000001000000,\"operation\":{\"action\":\"FileRead\",\"entryPath\":\"/b\"}}\n", true);
    TAP_OK(port_rename(port, NULL, log, NULL, closed, false));
    polls(f, 3);
    TAP_EQUAL_STR(got.text, "0 written \xc3\xa9 5 1\n0 b 0 1\n");
    follow_status(f, &status);
    TAP_CHECK(status.state == AUDIT_LIVE && status.files == 1 && status.active == 0 && status.covered_since_ns > 0);
    f = follow_close(f);
    TAP_OK(follow_open(&conf, &f, NULL));
    polls(f, 2);
    TAP_EQUAL_STR(got.text, "0 written \xc3\xa9 5 1\n0 b 0 1\n");
    f = follow_close(f);
    port_close_quiet(port, &conf.state);
}

int
main(int argc, char **argv)
{
    port = port_native();
    snprintf(base, sizeof(base), "%s/audit-test-%lld", argc > 1 ? argv[1] : "/tmp", (long long)port_now_ns(port));
    if (port_mkdirs(port, base, 0755) != AL_OK) {
        return 1;
    }
    TAP_RUN(the_nearest_folder_with_logs_is_the_root);
    TAP_RUN(what_was_used_of_late_is_remembered_and_bounded);
    TAP_RUN(trap_6_a_use_that_is_later_than_our_clock_is_not_made_older_and_takes_no_room);
    TAP_RUN(trap_9_what_our_own_client_does_to_what_alto_works_on_is_altos);
    TAP_RUN(trap_9_another_client_is_a_person_whatever_it_is_called);
    TAP_RUN(trap_9_lines_that_tell_no_client_prove_nothing);
    TAP_RUN(trap_9_names_that_people_give_are_not_altos);
    TAP_RUN(trap_9_a_file_that_only_we_can_have_made_tells_who_we_are);
    TAP_RUN(a_probe_that_was_left_goes_with_the_next_and_nothing_else_does);
    TAP_RUN(trap_9_what_alto_did_is_known_to_the_agent_that_comes_after);
    TAP_RUN(trap_9_what_is_kept_is_bounded_and_a_broken_end_is_cut);
    TAP_RUN(trap_2_a_log_is_followed_across_its_rotation);
    return tap_end();
}
