/* The follower on a simulated disk: each trap of doc/format/auditlog.md that is about files, by its number. */
#include "tap.h"

#include "follow_world.h"

#define NAME "2026-09-21T13.15.00Z.log"

static void
a_new_line_a_new_log_and_a_new_node_are_read_soon(void)
{
    start();
    add(LOG ".active", read_of("/a"));
    go();
    TAP_EQUAL_U64(told(DIGEST_USED, "a"), 1);
    add(LOG ".active", read_of("/b"));
    TAP_OK(polls(1));
    TAP_EQUAL_U64(told(DIGEST_USED, "b"), 1);
    sim_clock_add(w.sim, 60 * SECOND); /* so that the folder's time is old */
    TAP_OK(polls(1));
    add(FOLDER "/2026-09-21T13.30.00Z.log.active", read_of("/c"));
    TAP_OK(polls(3));
    TAP_EQUAL_U64(told(DIGEST_USED, "c"), 1);
    add("43/2026/10/2026-10-01T00.00.00Z.log.active", read_of("/d"));
    TAP_OK(polls(4));
    TAP_EQUAL_U64(told(DIGEST_USED, "d"), 1);
    look();
    TAP_CHECK(status.state == AUDIT_LIVE && status.files == 3 && status.active == 3 && status.behind_bytes == 0 && status.caught_up);
    TAP_CHECK(status.node_count == 2 && strcmp(status.nodes[0].node, "42") == 0 && strcmp(status.nodes[0].user, "mara") == 0);
    TAP_CHECK(strcmp(status.filespace, "shows") == 0 && strcmp(status.filespace_uuid, "5f") == 0);
    look();
    TAP_EQUAL_U64(status.node_count, 0); /* nothing changed since */
}

static void
trap_1_a_line_without_its_end_waits_and_counts_in_a_closed_log(void)
{
    char text[600];
    size_t half;

    start();
    snprintf(text, sizeof(text), "%s", read_of("/late"));
    half = strlen(text) / 2;
    add_bytes(AUDIT "/" LOG ".active", text, half);
    go();
    TAP_EQUAL_U64(w.row_count, 0);
    TAP_OK(polls(20)); /* active: it waits, however long */
    TAP_EQUAL_U64(w.row_count, 0);
    add_bytes(AUDIT "/" LOG ".active", text + half, strlen(text) - half - 1);
    TAP_OK(polls(20));
    TAP_EQUAL_U64(w.row_count, 0);
    rename_log(FOLDER, NAME ".active", NAME);
    TAP_OK(polls(20));
    TAP_EQUAL_U64(told(DIGEST_USED, "late"), 1);
    add(LOG, "\n"); /* its end comes after all, and more */
    add(LOG, read_of("/more"));
    TAP_OK(polls(3));
    TAP_EQUAL_U64(told(DIGEST_USED, "late"), 1);
    TAP_EQUAL_U64(told(DIGEST_USED, "more"), 1);
}

static void
trap_1_half_a_line_in_a_closed_log_is_not_given_up(void)
{
    char text[600];

    start();
    snprintf(text, sizeof(text), "%s", read_of("/cut"));
    add_bytes(AUDIT "/" LOG, text, strlen(text) / 2);
    go();
    TAP_OK(polls(30));
    look();
    TAP_CHECK(status.behind_bytes == 0 && status.lines.skipped[AUDITLOG_SKIP_JUNK] == 1);
    add_bytes(AUDIT "/" LOG, text + strlen(text) / 2, strlen(text) - strlen(text) / 2);
    TAP_OK(polls(3));
    TAP_EQUAL_U64(told(DIGEST_USED, "cut"), 1);
}

/* Its client died in the middle of a line; `later`: it was started anew since. */
static void
die_in_a_line(bool later, char text[600])
{
    start();
    add(LOG ".active", read_of("/whole"));
    snprintf(text, 600, "%s", read_of("/cut"));
    add_bytes(AUDIT "/" LOG ".active", text, strlen(text) / 2);
    if (later) {
        add("42/2026/10/2026-10-01T08.00.00Z.log.active", read_of("/again"));
    }
    go();
    TAP_OK(polls(30));
    look();
    TAP_CHECK(status.behind_bytes == strlen(text) / 2 && status.torn == 0);
    TAP_EQUAL_U64(told(DIGEST_USED, "whole"), 1);
}

static void
ends(const char *text)
{
    add_bytes(AUDIT "/" LOG ".active", text + strlen(text) / 2, strlen(text) - strlen(text) / 2);
    TAP_OK(polls(70)); /* it may have cooled down: its folder's turn comes */
    for (unsigned i = 0; i < 60 && told(DIGEST_USED, "cut") == 0; i++) {
        TAP_OK(polls(70));
    }
    TAP_EQUAL_U64(told(DIGEST_USED, "cut"), 1);
    look();
    TAP_CHECK(status.torn == 0 && status.behind_bytes == 0);
}

static void
trap_1_a_client_that_died_in_a_line_and_came_back_is_not_behind_for_ever(void)
{
    char text[600];

    die_in_a_line(true, text);
    TAP_OK(polls(FOLLOW_TORN_S - 60));
    look();
    TAP_CHECK(status.behind_bytes > 0);
    TAP_OK(polls(70));
    look();
    TAP_CHECK(status.behind_bytes == 0 && status.torn == 1 && strstr(status.text, "end within a line") != NULL);
    TAP_EQUAL_U64(told(DIGEST_USED, "again"), 1);
    ends(text); /* it was only late */
}

static void
trap_1_a_client_that_died_and_stays_away_is_behind_for_a_day(void)
{
    char text[600];

    die_in_a_line(false, text);
    TAP_OK(polls(2 * FOLLOW_HOT_S));
    look();
    TAP_CHECK(status.behind_bytes > 0 && status.torn == 0);
    sim_clock_add(w.sim, (int64_t)FOLLOW_TORN_ALONE_S * SECOND);
    TAP_OK(polls(2 * 600));
    look();
    TAP_CHECK(status.behind_bytes == 0 && status.torn == 1);
    ends(text);
}

static void
trap_1_a_whole_line_without_its_end_is_not_lost_when_its_client_died(void)
{
    char text[600];

    start();
    snprintf(text, sizeof(text), "%s", read_of("/last"));
    add_bytes(AUDIT "/" LOG ".active", text, strlen(text) - 1);
    add(FOLDER "/2026-09-21T13.30.00Z.log.active", read_of("/again"));
    go();
    TAP_OK(polls(FOLLOW_TORN_S + 30));
    TAP_EQUAL_U64(told(DIGEST_USED, "last"), 1);
    look();
    TAP_CHECK(status.behind_bytes == 0 && status.torn == 0);
    add(LOG ".active", "\n");
    add(LOG ".active", read_of("/more"));
    TAP_OK(polls(3));
    TAP_EQUAL_U64(told(DIGEST_USED, "last"), 1);
    TAP_EQUAL_U64(told(DIGEST_USED, "more"), 1);
    look();
    TAP_EQUAL_U64(status.lines.skipped[AUDITLOG_SKIP_JUNK], 0);
}

static void
trap_1_what_may_still_come_is_no_line_without_its_end(void)
{
    static const char holes[100];

    start();
    add(LOG ".active", read_of("/whole"));
    add_bytes(AUDIT "/" LOG ".active", holes, sizeof(holes)); /* bytes that are not there yet */
    add_bytes(AUDIT "/" LOG ".active", "{\"timestamp", 11);
    add(FOLDER "/2026-09-21T13.30.00Z.log.active", read_of("/again"));
    go();
    TAP_OK(polls(2 * FOLLOW_TORN_S));
    look();
    TAP_CHECK(status.behind_bytes == 111 && status.torn == 0);
}

static void
trap_1_a_log_that_goes_with_its_cut_line_begins_coverage_at_its_last_change(void)
{
    enum audit_state state;
    int64_t written, before = 0, since = 0;

    start();
    add(LOG ".active", read_of("/whole"));
    go();
    TAP_OK(polls(10));
    follow_coverage(w.follow, &state, &before, NULL);
    sim_clock_add(w.sim, 2 * HOUR);
    TAP_OK(polls(10));
    add_bytes(AUDIT "/" LOG ".active", "{\"timest", 8);
    add("42/2026/10/2026-10-01T08.00.00Z.log.active", read_of("/again"));
    written = now();
    TAP_OK(polls(FOLLOW_TORN_S + 30));
    look();
    TAP_CHECK(status.torn == 1 && before > 0 && before < written - HOUR);
    TAP_CHECK(status.covered_since_ns == before); /* one line of junk: nothing begins anew */
    remove_log(LOG ".active");
    TAP_OK(polls(2 * FOLLOW_GONE_S));
    follow_coverage(w.follow, &state, &since, NULL);
    TAP_CHECK(since >= written - 60 * SECOND && since <= written + DIGEST_FUTURE_NS);
}

static void
trap_2_a_rotated_log_is_the_same_log(void)
{
    start();
    add(LOG ".active", read_of("/a"));
    go();
    add(LOG ".active", read_of("/b")); /* its last line, not read yet when it is renamed */
    rename_log(FOLDER, NAME ".active", NAME);
    add(FOLDER "/2026-09-21T13.30.00Z.log.active", read_of("/c"));
    TAP_OK(polls(3));
    TAP_EQUAL_U64(told(DIGEST_USED, "a"), 1);
    TAP_EQUAL_U64(told(DIGEST_USED, "b"), 1);
    TAP_EQUAL_U64(told(DIGEST_USED, "c"), 1);
    world_close(); /* and by another agent, from the cursors */
    rename_log(FOLDER, "2026-09-21T13.30.00Z.log.active", "2026-09-21T13.30.00Z.log");
    go();
    TAP_OK(polls(10));
    TAP_EQUAL_U64(w.row_count, 3);
}

static void
trap_3_two_names_at_once_are_one_log_and_the_longer_counts(void)
{
    char both[1300];

    start();
    snprintf(both, sizeof(both), "%s%s", read_of("/a"), read_of("/b"));
    add_bytes(AUDIT "/" LOG, both, strlen(both) / 2);
    add_bytes(AUDIT "/" LOG ".active", both, strlen(both));
    go();
    TAP_OK(polls(3));
    TAP_CHECK(told(DIGEST_USED, "a") == 1 && told(DIGEST_USED, "b") == 1);
    add_bytes(AUDIT "/" LOG, both + strlen(both) / 2, strlen(both) - strlen(both) / 2);
    TAP_OK(polls(3));
    remove_log(LOG ".active");
    TAP_OK(polls(70));
    TAP_EQUAL_U64(w.row_count, 2);
    look();
    TAP_CHECK(status.files == 1 && status.covered_since_ns > 0);
}

static void
trap_5_an_old_log_that_grows_is_read(void)
{
    start();
    add("42/2024/01/2024-01-01T00.00.00Z.log", read_of("/old"));
    add(LOG ".active", read_of("/new"));
    go();
    sim_clock_add(w.sim, 20 * 24 * HOUR);
    TAP_OK(polls(2));
    add("42/2024/01/2024-01-01T00.00.00Z.log", read_of("/late"));
    TAP_OK(polls(FOLLOW_ROUND_S)); /* its turn */
    TAP_EQUAL_U64(told(DIGEST_USED, "late"), 1);
    TAP_EQUAL_U64(w.row_count, 3);
}

static void
trap_9_own_reads_and_named_ones_are_dropped_and_counted(void)
{
    start();
    w.own = "moved";
    TAP_OK(audit_names_add(&w.settings.drop_users, "BACKUP-*"));
    add(LOG, read_of("/moved"));
    add(LOG, "{\"timestamp\":1789067746120345,\"user\":{\"name\":\"backup-7\"},\"operation\":{\"action\":\"FileRead\",\"entryPath\":\"/b\"}}\n");
    add(LOG, line("Move", "/elsewhere", "/moved", now()));
    add(LOG, "{\"timestamp\":1789067746120346,\"user\":{\"name\":\"backup-7\"},\"operation\":{\"action\":\"Move\",\"entryPath\":\"/c\",\"targetPath\":\"/d\"}}\n");
    add(LOG, read_of("/kept"));
    go();
    TAP_CHECK(w.row_count == 2 && told(DIGEST_USED, "kept") == 1);
    TAP_CHECK(told(DIGEST_MOVE, "c") == 1); /* what is known of a file goes with it */
    look();
    TAP_CHECK(status.events.own == 2 && status.events.named == 2);
}

static void
trap_17_bytes_that_are_not_there_yet_are_waited_for(void)
{
    static const char nothing[400];
    struct port_file *f = NULL;
    const char *text;

    start();
    add(LOG ".active", read_of("/a"));
    add_bytes(AUDIT "/" LOG ".active", nothing, sizeof(nothing));
    go();
    TAP_OK(polls(4));
    TAP_EQUAL_U64(w.row_count, 1);
    text = read_of("/b");
    TAP_OK(port_open(w.other, NULL, AUDIT "/" LOG ".active", PORT_READ | PORT_WRITE, 0, &f));
    TAP_OK(port_pwrite(w.other, f, text, strlen(text), strlen(text)));
    port_close_quiet(w.other, &f);
    TAP_OK(polls(6));
    TAP_CHECK(told(DIGEST_USED, "a") == 1 && told(DIGEST_USED, "b") == 1);
}

static void
trap_18_a_log_that_shrank_is_read_again(void)
{
    start();
    add(LOG, read_of("/a"));
    add(LOG, read_of("/b"));
    go();
    TAP_OK(polls(10));
    remove_log(LOG);
    add(LOG, read_of("/c"));
    TAP_OK(polls(5));
    TAP_EQUAL_U64(told(DIGEST_USED, "c"), 1);
    TAP_EQUAL_U64(told(DIGEST_USED, "a"), 1);
}

static void
trap_18_a_log_that_begins_otherwise_is_another(void)
{
    start();
    add(LOG, read_of("/a"));
    go();
    TAP_OK(polls(10));
    world_close();
    remove_log(LOG);
    add(LOG, read_of("/other-and-longer"));
    add(LOG, read_of("/b"));
    go();
    TAP_CHECK(told(DIGEST_USED, "other-and-longer") == 1 && told(DIGEST_USED, "b") == 1);
}

static void
trap_18_a_log_that_vanished_after_it_was_read_changes_nothing(void)
{
    int64_t covered;

    start();
    add(LOG, read_of("/a"));
    add(FOLDER "/2026-09-21T13.20.00Z.log.active", read_of("/b"));
    go();
    TAP_OK(polls(10));
    look();
    covered = status.covered_since_ns;
    TAP_CHECK(covered > 0);
    remove_log(LOG);
    TAP_OK(polls(120));
    look();
    TAP_CHECK(status.files == 1 && status.covered_since_ns == covered);
    remove_log(FOLDER "/2026-09-21T13.20.00Z.log.active");
    world_close(); /* while nobody looks: that one may have grown */
    go();
    TAP_OK(polls(120));
    look();
    TAP_CHECK(status.covered_since_ns > covered);
}

static void
trap_18_a_log_that_vanished_unread_begins_coverage_anew(void)
{
    int64_t before;

    start();
    add(LOG, read_of("/a"));
    go();
    TAP_OK(polls(10));
    before = now();
    w.full = true; /* no room: nothing is read */
    add(FOLDER "/2026-09-21T13.45.00Z.log", read_of("/lost"));
    TAP_OK(polls(30));
    remove_log(FOLDER "/2026-09-21T13.45.00Z.log");
    TAP_OK(polls(120));
    w.full = false;
    TAP_OK(polls(3));
    look();
    TAP_CHECK(status.covered_since_ns > before && told(DIGEST_USED, "lost") == 0);
}

static void
trap_19_other_names_are_counted_and_configured_ones_read(void)
{
    start();
    TAP_OK(audit_names_add(&w.settings.logs, ".log.old"));
    add(FOLDER "/a.log", read_of("/a"));
    add(FOLDER "/b.active", read_of("/b"));
    add(FOLDER "/c.log.old", read_of("/c"));
    add(FOLDER "/d.log.1", read_of("/d"));
    add(FOLDER "/e.log.gz", "\x1f\x8b...");
    add(FOLDER "/f.log", "\x1f\x8b...");
    TAP_OK(port_symlink(w.other, NULL, AUDIT "/" FOLDER "/g.log", "/fs/.lucid_audit/" FOLDER "/a.log"));
    go();
    TAP_OK(polls(3));
    TAP_CHECK(told(DIGEST_USED, "a") == 1 && told(DIGEST_USED, "b") == 1 && told(DIGEST_USED, "c") == 1);
    TAP_EQUAL_U64(w.row_count, 3);
    look();
    TAP_EQUAL_U64(status.ignored_files, 4);
}

static void
trap_20_depth_does_not_matter(void)
{
    start();
    add("a.log", read_of("/a"));
    add("x/b.log", read_of("/b"));
    add("x/1/2/3/4/5/6/7/c.log", read_of("/c"));
    go();
    TAP_OK(polls(2));
    TAP_CHECK(told(DIGEST_USED, "a") == 1 && told(DIGEST_USED, "b") == 1 && told(DIGEST_USED, "c") == 1);
}

static void
trap_21_absent_denied_silent_live(void)
{
    int64_t covered;

    start();
    go();
    look();
    TAP_CHECK(status.state == AUDIT_ABSENT);
    add(LOG ".active", read_of("/a"));
    TAP_OK(polls(3));
    look();
    TAP_CHECK(status.state == AUDIT_LIVE && status.covered_since_ns > 0); /* nothing was known that could be lost */
    covered = status.covered_since_ns;
    w.audit_code = AL_EACCES;
    TAP_OK(polls(1000));
    look();
    TAP_CHECK(status.state == AUDIT_DENIED && status.covered_since_ns == covered);
    add(LOG ".active", read_of("/while-denied"));
    w.audit_code = AL_OK;
    TAP_OK(polls(3));
    look();
    TAP_CHECK(status.state == AUDIT_LIVE && status.covered_since_ns == covered && told(DIGEST_USED, "while-denied") == 1);
    sim_clock_add(w.sim, 169 * HOUR);
    TAP_OK(polls(3));
    look();
    TAP_CHECK(status.state == AUDIT_SILENT);
    add(LOG ".active", read_of("/again"));
    TAP_OK(polls(9));
    look();
    TAP_CHECK(status.state == AUDIT_LIVE && status.covered_since_ns > now() - 2 * HOUR && status.covered_since_ns <= now() + HOUR);
}

static void
trap_21_errors_that_pass_are_passed_over(void)
{
    start();
    add(LOG ".active", read_of("/a"));
    go();
    TAP_OK(polls(3));
    w.audit_code = AL_EIO;
    TAP_OK(polls(10));
    look();
    TAP_CHECK(status.state == AUDIT_LIVE);
    TAP_OK(polls(40));
    look();
    TAP_CHECK(status.state == AUDIT_DENIED);
    w.audit_code = AL_OK;
    TAP_OK(polls(2));
    look();
    TAP_CHECK(status.state == AUDIT_LIVE && w.row_count == 1);
}

static void
trap_21_an_unmounted_filespace_is_absent_and_loses_nothing(void)
{
    int64_t covered;

    start();
    add(LOG ".active", read_of("/a"));
    go();
    TAP_OK(polls(9));
    look();
    covered = status.covered_since_ns;
    w.other_fs = true;
    w.audit_code = AL_ENOENT;
    TAP_OK(polls(20));
    look();
    TAP_CHECK(status.state == AUDIT_ABSENT && strstr(status.text, "not mounted") != NULL);
    w.other_fs = false;
    w.audit_code = AL_OK;
    TAP_OK(polls(3));
    look();
    TAP_CHECK(status.state == AUDIT_LIVE && status.covered_since_ns == covered && covered > 0);
    w.audit_code = AL_ENOENT; /* the same filesystem, without logs: somebody took them away */
    TAP_OK(polls(3));
    w.audit_code = AL_OK;
    TAP_OK(polls(3));
    look();
    TAP_CHECK(status.state == AUDIT_LIVE && status.covered_since_ns > covered && status.covered_since_ns > now() - 60 * SECOND);
}

static void
coverage_is_not_told_before_all_is_read(void)
{
    enum audit_state state;
    int64_t covered;

    start();
    w.full = true;
    add(LOG ".active", read_of("/a"));
    go();
    TAP_OK(polls(5));
    follow_coverage(w.follow, &state, &covered, NULL);
    TAP_CHECK(covered == 0);
    w.full = false;
    TAP_OK(polls(2));
    follow_coverage(w.follow, &state, &covered, NULL);
    TAP_CHECK(state == AUDIT_LIVE && covered > 0 && covered < now());
    w.full = true;
    add(LOG ".active", read_of("/b"));
    TAP_OK(polls(FOLLOW_CATCH_UP_S + 5));
    follow_coverage(w.follow, &state, &covered, NULL);
    TAP_CHECK(covered == 0);
}

/* The agent ends, some time passes, it is started anew. What it tells then, before it has read a thing more. */
static int64_t
restarted(int64_t after_ns, int64_t *ret_as_of_ns)
{
    enum audit_state state;
    int64_t covered;

    world_close();
    sim_clock_add(w.sim, after_ns);
    w.full = true;
    go();
    follow_coverage(w.follow, &state, &covered, ret_as_of_ns);
    TAP_CHECK(state == AUDIT_LIVE);
    look();
    TAP_CHECK(status.covered_since_ns == covered && status.as_of_ns == *ret_as_of_ns);
    return covered;
}

static void
what_was_known_of_coverage_outlives_the_agent_as_of_when_all_was_read(void)
{
    enum audit_state state;
    int64_t before = 0, read_ns, covered, as_of = 0;

    start();
    add(LOG ".active", read_of("/a"));
    go();
    TAP_OK(polls(130));
    follow_coverage(w.follow, &state, &before, &as_of);
    read_ns = now();
    TAP_CHECK(before > 0 && as_of >= read_ns - 2 * SECOND);
    add(LOG ".active", read_of("/b")); /* nobody has read it */
    covered = restarted(90 * SECOND, &as_of);
    TAP_CHECK(covered == before && as_of <= read_ns && as_of > read_ns - FOLLOW_KEPT_NS - 2 * SECOND);
    TAP_CHECK(restarted(5 * HOUR, &as_of) == before && as_of <= read_ns); /* and read nothing meanwhile */
    TAP_OK(polls(FOLLOW_CATCH_UP_S + 5));
    follow_coverage(w.follow, &state, &covered, &as_of);
    TAP_CHECK(covered == before && as_of <= read_ns);
    w.full = false;
    TAP_OK(polls(5));
    follow_coverage(w.follow, &state, &covered, &as_of);
    TAP_CHECK(covered == before && as_of > read_ns + 5 * HOUR);
    TAP_EQUAL_U64(told(DIGEST_USED, "b"), 1);
}

static void
coverage_that_cannot_be_placed_in_time_is_none(void)
{
    int64_t as_of;

    world_begin(2); /* nothing was ever read to its end */
    add(LOG ".active", read_of("/a"));
    w.full = true;
    go();
    TAP_CHECK(restarted(90 * SECOND, &as_of) == 0);
    world_begin(3); /* it was read at a time that is still to come: the clock was set back */
    add(LOG ".active", read_of("/a"));
    sim_clock_add(w.sim, HOUR);
    go();
    TAP_OK(polls(70));
    add(LOG ".active", read_of("/b"));
    TAP_CHECK(restarted(-HOUR, &as_of) == 0);
}

static void
what_was_not_put_is_put_again(void)
{
    start();
    add(LOG, read_of("/a"));
    TAP_OK(world_open());
    w.put_code = AL_ENOSPC;
    TAP_CODE(polls(1), AL_ENOSPC);
    w.put_code = AL_OK;
    TAP_OK(polls(2));
    TAP_EQUAL_U64(told(DIGEST_USED, "a"), 1);
}

static void
what_was_not_put_is_put_again_though_a_log_cannot_be_read(void)
{
    start();
    add(LOG, read_of("/a"));
    TAP_OK(world_open());
    w.put_code = AL_ENOSPC;
    TAP_CODE(polls(1), AL_ENOSPC);
    w.denied = NAME;
    add(LOG, read_of("/b"));
    TAP_CODE(polls(3), AL_ENOSPC);
    w.put_code = AL_OK;
    TAP_OK(polls(3));
    TAP_EQUAL_U64(told(DIGEST_USED, "a"), 1);
    w.denied = NULL;
    TAP_OK(polls(30));
    TAP_EQUAL_U64(told(DIGEST_USED, "b"), 1);
}

static void
a_folder_that_cannot_be_listed_is_waited_for(void)
{
    struct follow_figures figures;

    start();
    add(LOG ".active", read_of("/a"));
    w.denied = "42";
    go();
    TAP_OK(polls(10));
    follow_figures(w.follow, &figures);
    TAP_CHECK(figures.polls < 30);
    w.denied = NULL;
    TAP_OK(polls(15));
    TAP_EQUAL_U64(told(DIGEST_USED, "a"), 1);
}

static void
moves_across_the_volumes_border_are_deletes_and_creates(void)
{
    start();
    w.prefix = "/in";
    add_bytes("/fs/in/new", "12", 2);
    TAP_OK(port_mkdirs(w.other, "/fs/away/folder", 0755));
    add_bytes("/fs/away/file", "1", 1);
    add(LOG, line("Move", "/in/a", "/away/file", now()));
    add(LOG, line("Move", "/in/b", "/away/folder", now()));
    add(LOG, line("Move", "/away/new", "/in/new", now()));
    add(LOG, line("Move", "/away/on", "/in/on", now())); /* and on from there: nothing is found to look at */
    add(LOG, line("Move", "/away/x", "/away/y", now()));
    add(LOG, read_of("/inside-not"));
    add(LOG, read_of("/in/c"));
    go();
    TAP_CHECK(told(DIGEST_DELETE, "a") == 1 && told(DIGEST_FOLDER_DELETE, "b") == 1);
    TAP_CHECK(told(DIGEST_CREATE, "new") == 1 && last(DIGEST_CREATE, "new")->size == 2);
    TAP_CHECK(last(DIGEST_CREATE, "new")->came);
    TAP_CHECK(told(DIGEST_CREATE, "on") == 1 && last(DIGEST_CREATE, "on")->came);
    TAP_CHECK(told(DIGEST_USED, "c") == 1 && w.row_count == 5);
    look();
    TAP_EQUAL_U64(status.events.outside, 2);
}

/* By itself, or with a folder above it. */
static void
a_volume_that_is_moved_is_told_as_one_that_came(void)
{
    static const char *const to[] = {"/up/in", "/up"};

    for (size_t i = 0; i < AL_LEN(to); i++) {
        start();
        w.prefix = "/up/in";
        TAP_OK(port_mkdirs(w.other, "/fs/up/in", 0755));
        add(LOG, line("Move", "/away", to[i], now()));
        add(LOG, line("Move", "/away", "/u", now()));
        add(LOG, line("Move", "/away", "/up/inner", now()));
        go();
        TAP_CHECK(w.row_count == 1 && told(DIGEST_CREATE, "") == 1 && w.rows[0].came);
        world_close();
    }
}

static void
cursors_that_are_broken_are_read_as_far_as_they_hold(void)
{
    struct port_stat st;
    struct port_file *f = NULL;

    start();
    add(LOG, read_of("/a"));
    go();
    TAP_OK(polls(10));
    world_close();
    TAP_OK(port_open(w.other, NULL, "/state/cursors", PORT_READ | PORT_WRITE, 0, &f));
    TAP_OK(port_stat(w.other, f, &st));
    TAP_OK(port_pwrite(w.other, f, "torn", 4, st.size));
    port_close_quiet(w.other, &f);
    go();
    TAP_EQUAL_U64(w.row_count, 1); /* the torn tail alone is lost */
    world_close();
    TAP_OK(port_open(w.other, NULL, "/state/cursors", PORT_READ | PORT_WRITE, 0, &f));
    TAP_OK(port_pwrite(w.other, f, "garbage", 7, 20));
    port_close_quiet(w.other, &f);
    go();
    TAP_EQUAL_U64(told(DIGEST_USED, "a"), 2); /* all is: it is read again */
}

static void
a_line_that_is_too_long_is_passed_over_across_agents(void)
{
    size_t len = (size_t)3 << 20;
    char *x = malloc(len);

    TAP_CHECK(x != NULL);
    memset(x, 'x', len);
    start();
    add_bytes(AUDIT "/" LOG ".active", x, len);
    go();
    TAP_OK(polls(2));
    world_close();
    add_bytes(AUDIT "/" LOG ".active", x, len / 2);
    free(x);
    add(LOG ".active", "\n");
    add(LOG ".active", read_of("/after"));
    go();
    TAP_OK(polls(2));
    TAP_EQUAL_U64(told(DIGEST_USED, "after"), 1);
    look();
    TAP_CHECK(status.lines.skipped[AUDITLOG_SKIP_JUNK] == 0);
}

int
main(void)
{
    TAP_RUN(a_new_line_a_new_log_and_a_new_node_are_read_soon);
    TAP_RUN(trap_1_a_line_without_its_end_waits_and_counts_in_a_closed_log);
    TAP_RUN(trap_1_half_a_line_in_a_closed_log_is_not_given_up);
    TAP_RUN(trap_1_a_client_that_died_in_a_line_and_came_back_is_not_behind_for_ever);
    TAP_RUN(trap_1_a_client_that_died_and_stays_away_is_behind_for_a_day);
    TAP_RUN(trap_1_a_whole_line_without_its_end_is_not_lost_when_its_client_died);
    TAP_RUN(trap_1_what_may_still_come_is_no_line_without_its_end);
    TAP_RUN(trap_1_a_log_that_goes_with_its_cut_line_begins_coverage_at_its_last_change);
    TAP_RUN(trap_2_a_rotated_log_is_the_same_log);
    TAP_RUN(trap_3_two_names_at_once_are_one_log_and_the_longer_counts);
    TAP_RUN(trap_5_an_old_log_that_grows_is_read);
    TAP_RUN(trap_9_own_reads_and_named_ones_are_dropped_and_counted);
    TAP_RUN(trap_17_bytes_that_are_not_there_yet_are_waited_for);
    TAP_RUN(trap_18_a_log_that_shrank_is_read_again);
    TAP_RUN(trap_18_a_log_that_begins_otherwise_is_another);
    TAP_RUN(trap_18_a_log_that_vanished_after_it_was_read_changes_nothing);
    TAP_RUN(trap_18_a_log_that_vanished_unread_begins_coverage_anew);
    TAP_RUN(trap_19_other_names_are_counted_and_configured_ones_read);
    TAP_RUN(trap_20_depth_does_not_matter);
    TAP_RUN(trap_21_absent_denied_silent_live);
    TAP_RUN(trap_21_errors_that_pass_are_passed_over);
    TAP_RUN(trap_21_an_unmounted_filespace_is_absent_and_loses_nothing);
    TAP_RUN(coverage_is_not_told_before_all_is_read);
    TAP_RUN(what_was_known_of_coverage_outlives_the_agent_as_of_when_all_was_read);
    TAP_RUN(coverage_that_cannot_be_placed_in_time_is_none);
    TAP_RUN(what_was_not_put_is_put_again);
    TAP_RUN(what_was_not_put_is_put_again_though_a_log_cannot_be_read);
    TAP_RUN(a_folder_that_cannot_be_listed_is_waited_for);
    TAP_RUN(moves_across_the_volumes_border_are_deletes_and_creates);
    TAP_RUN(a_volume_that_is_moved_is_told_as_one_that_came);
    TAP_RUN(cursors_that_are_broken_are_read_as_far_as_they_hold);
    TAP_RUN(a_line_that_is_too_long_is_passed_over_across_agents);
    world_end();
    return tap_end();
}
