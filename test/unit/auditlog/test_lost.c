/* The follower on a simulated disk: what may have been lost unseen, and what was not. In each of these a record that is called complete
 * without ground would make a file that was used look cold, and one that begins anew without need is of no use for as long as rules look back. */
#include "tap.h"

#include "follow_world.h"

#define NAME "2026-09-21T13.15.00Z.log"
#define NEXT FOLDER "/2026-09-21T13.30.00Z.log"

/* ---- what nobody looked at ---- */

enum away { DENIED, NOT_MOUNTED, STOPPED, NODE_DENIED, AWAY_COUNT };

/* The agent cannot look. */
static void
away(enum away how)
{
    switch (how) {
    case DENIED:
        w.audit_code = AL_EACCES;
        TAP_OK(polls(60));
        break;
    case NOT_MOUNTED:
        w.other_fs = true;
        w.audit_code = AL_ENOENT;
        TAP_OK(polls(60));
        break;
    case STOPPED:
        world_close();
        sim_clock_add(w.sim, 60 * SECOND);
        break;
    default:
        w.denied = "42";
        TAP_OK(polls(60));
        break;
    }
}

static void
back(void)
{
    w.audit_code = AL_OK;
    w.other_fs = false;
    w.denied = NULL;
    if (w.follow == NULL) {
        go();
    }
    TAP_OK(polls(150));
}

static void
trap_18_an_open_log_that_went_while_nobody_looked_may_have_grown(void)
{
    for (int how = 0; how < AWAY_COUNT; how++) {
        int64_t left;

        one_log();
        add(NEXT, read_of("/next")); /* so that there is something left */
        TAP_OK(polls(10));
        away((enum away)how);
        left = now();
        add(LOG ".active", read_of("/lost"));
        remove_log(LOG ".active");
        back();
        begins_anew(left);
    }
}

static void
trap_18_a_closed_log_that_was_read_may_go_while_nobody_looks(void)
{
    for (int how = 0; how < AWAY_COUNT; how++) {
        one_log();
        rename_log(FOLDER, NAME ".active", NAME);
        add(NEXT ".active", read_of("/next"));
        TAP_OK(polls(20));
        away((enum away)how);
        remove_log(LOG);
        back();
        nothing_is_lost();
    }
}

/* Rotated and then cleaned up, say, while nobody looked. */
static void
trap_18_a_log_that_was_closed_while_nobody_looked_and_went_may_have_grown(void)
{
    one_log();
    away(STOPPED);
    add(LOG ".active", read_of("/lost"));
    rename_log(FOLDER, NAME ".active", NAME);
    remove_log(LOG);
    add(NEXT ".active", read_of("/next"));
    back();
    begins_anew(now() - 250 * SECOND);
}

static void
trap_18_an_open_log_whose_client_began_a_later_one_may_go_at_any_time(void)
{
    for (int how = -1; how < AWAY_COUNT; how++) {
        one_log();
        add(NEXT ".active", read_of("/next"));
        TAP_OK(polls(2 * FOLLOW_HOT_S)); /* its client died: that is how it stays */
        if (how >= 0) {
            away((enum away)how);
        }
        remove_log(LOG ".active");
        back();
        nothing_is_lost();
    }
}

static void
trap_18_a_log_that_shrank_while_nobody_looked_may_have_grown(void)
{
    for (int how = 0; how < AWAY_COUNT; how++) {
        one_log();
        add(LOG ".active", read_of("/b"));
        TAP_OK(polls(2));
        away((enum away)how);
        remove_log(LOG ".active");
        add(LOG ".active", read_of("/a"));
        back();
        begins_anew(now() - 250 * SECOND);
    }
}

static void
trap_18_a_log_that_another_has_replaced_while_nobody_looked_may_have_grown(void)
{
    for (int how = 0; how < AWAY_COUNT; how++) {
        one_log();
        away((enum away)how);
        remove_log(LOG ".active");
        add(LOG ".active", read_of("/another"));
        add(LOG ".active", read_of("/b"));
        back();
        TAP_CHECK(told(DIGEST_USED, "another") == 1 && told(DIGEST_USED, "b") == 1);
        begins_anew(now() - 250 * SECOND);
    }
}

static void
trap_18_one_of_the_same_length_has_replaced_it(void)
{
    for (int how = 0; how < AWAY_COUNT; how++) {
        one_log();
        away((enum away)how);
        remove_log(LOG ".active");
        add(LOG ".active", read_of("/b"));
        back();
        TAP_EQUAL_U64(told(DIGEST_USED, "b"), 1);
        begins_anew(now() - 250 * SECOND);
    }
}

static void
trap_18_a_month_that_another_has_replaced_is_read_and_begins_coverage_anew(void)
{
    one_log();
    away(STOPPED);
    TAP_OK(port_rename(w.other, NULL, AUDIT "/42/2026/09", NULL, AUDIT "/42/2026/old", true));
    add(LOG ".active", read_of("/another"));
    add(LOG ".active", read_of("/b"));
    back();
    TAP_CHECK(told(DIGEST_USED, "another") == 1 && told(DIGEST_USED, "b") == 1);
    begins_anew(now() - 250 * SECOND);
}

static void
trap_19_a_log_that_was_compressed_in_its_place_while_nobody_looked_may_have_grown(void)
{
    for (int how = 0; how < AWAY_COUNT; how++) {
        one_log();
        away((enum away)how);
        remove_log(LOG ".active");
        add(LOG, "\x1f\x8b\x08 not read, and as long as what was there before it, so that it did not shrink: .........................................................."
                 "...................................................................................................................................");
        back();
        begins_anew(now() - 250 * SECOND);
    }
}

static void
trap_19_a_log_that_was_read_may_be_compressed(void)
{
    for (int how = -1; how < AWAY_COUNT; how++) {
        one_log();
        rename_log(FOLDER, NAME ".active", NAME);
        add(NEXT ".active", read_of("/next"));
        TAP_OK(polls(20));
        if (how >= 0) {
            away((enum away)how);
        }
        remove_log(LOG);
        add(LOG, "\x1f\x8b\x08 shorter");
        back();
        nothing_is_lost();
    }
}

/* So many others that its folder's turn comes late. */
static void
trap_18_a_closed_log_that_was_read_at_the_first_start_may_go_before_its_turn(void)
{
    char name[80];

    start();
    add("9/2026/09/" NAME, read_of("/a"));
    for (unsigned i = 0; i < 600; i++) {
        snprintf(name, sizeof(name), "1/2026/09/2026-09-21T00.%02u.%02uZ.log", i / 60, i % 60);
        add(name, "");
    }
    add("9/2026/09/2026-09-21T13.30.00Z.log.active", read_of("/b"));
    sim_clock_add(w.sim, HOUR);
    go();
    TAP_OK(polls(50));
    known();
    remove_log("9/2026/09/" NAME);
    TAP_OK(polls(150));
    nothing_is_lost();
}

static void
trap_19_a_log_that_was_read_may_be_compressed_while_agents_come_and_go(void)
{
    one_log();
    rename_log(FOLDER, NAME ".active", NAME);
    add(NEXT ".active", read_of("/next"));
    TAP_OK(polls(20));
    world_close();
    remove_log(LOG);
    add(LOG, "\x1f\x8b\x08 shorter");
    w.denied = NAME; /* seen, and not read yet */
    go();
    TAP_OK(polls(3));
    world_close();
    back();
    nothing_is_lost();
}

/* It was torn for long, its client goes on with it, and it goes. */
static void
trap_18_a_torn_log_that_went_while_nobody_looked_may_have_grown(void)
{
    int64_t left;

    one_log();
    add(LOG ".active", "{\"timestamp\":17");
    TAP_OK(polls(20));
    sim_clock_add(w.sim, (int64_t)FOLLOW_TORN_ALONE_S * SECOND);
    TAP_OK(polls(1300));
    look();
    TAP_EQUAL_U64(status.torn, 1);
    away(DENIED);
    left = now();
    add(LOG ".active", read_of("/lost"));
    remove_log(LOG ".active");
    back();
    begins_anew(left);
}

static void
trap_19_a_log_that_was_compressed_before_it_was_read_is_not_told_as_read(void)
{
    int64_t packed;

    start();
    add(LOG, "\x1f\x8b\x08 what was in it?");
    packed = now();
    sim_clock_add(w.sim, 10 * HOUR);
    add(NEXT, read_of("/a"));
    go();
    TAP_OK(polls(20));
    TAP_CHECK(covered() >= packed && covered() <= packed + HOUR);
}

/* ---- another filespace ---- */

static const char *
line_of(const char *path, const char *name, const char *uuid)
{
    static char text[4][600];
    static unsigned turn;
    char *at = text[turn++ % 4];
    int len = snprintf(at, sizeof(text[0]), "{\"timestamp\":%lld,\"user\":{\"name\":\"mara\"},\"event\":{\"nodeId\":\"42\"", (long long)(now() / 1000));

    if (name != NULL) {
        len += snprintf(at + len, sizeof(text[0]) - (size_t)len, ",\"filespace\":\"%s\"", name);
    }
    if (uuid != NULL) {
        len += snprintf(at + len, sizeof(text[0]) - (size_t)len, ",\"filespaceUuid\":\"%s\"", uuid);
    }
    snprintf(at + len, sizeof(text[0]) - (size_t)len, "},\"operation\":{\"action\":\"FileRead\",\"entryPath\":\"%s\"}}\n", path);
    return at;
}

/* A filespace whose logs were all read, and closed: nothing of it can get lost. */
static void
one_filespace(const char *name, const char *uuid)
{
    start();
    add("1/2026/09/" NAME, line_of("/a", name, uuid));
    add("2/2026/09/" NAME, line_of("/b", name, uuid));
    go();
    TAP_OK(polls(120));
    known();
}

static void
mount_another(bool stopped)
{
    if (stopped) {
        world_close();
    }
    TAP_OK(port_rename(w.other, NULL, "/fs/.lucid_audit", NULL, "/fs/first", true));
}

static void
another_by(const char *name, const char *uuid, const char *name_b, const char *uuid_b, const char *log)
{
    for (unsigned stopped = 0; stopped < 2; stopped++) {
        int64_t then;

        one_filespace(name, uuid);
        then = now();
        mount_another(stopped != 0);
        add(log, line_of("/c", name_b, uuid_b));
        add(log, line_of("/d", name_b, uuid_b));
        back();
        TAP_EQUAL_U64(told(DIGEST_USED, "c"), 1);
        begins_anew(then);
    }
}

static void
another_filespace_at_the_path_is_known_by_its_lines(void)
{
    another_by("shows", "5f", "films", "6a", "7/2026/09/" NAME);
    another_by("shows", "5f", "films", "6a", "1/2026/09/2026-09-21T13.30.00Z.log");
    another_by("shows", "5f", "shows", "6a", "1/2026/09/2026-09-21T13.30.00Z.log");
    another_by("shows", NULL, "films", NULL, "1/2026/09/2026-09-21T13.30.00Z.log");
    another_by("shows", "5f", "films", NULL, "1/2026/09/2026-09-21T13.30.00Z.log");
    another_by("shows", NULL, "films", "6a", "1/2026/09/2026-09-21T13.30.00Z.log");
}

static void
another_filespace_at_the_path_is_known_by_its_nodes_and_logs(void)
{
    another_by("shows", "5f", NULL, NULL, "7/2026/09/" NAME);
    another_by(NULL, NULL, NULL, NULL, "7/2026/09/" NAME);
    another_by(NULL, NULL, NULL, NULL, "1/2026/09/" NAME);
}

static void
a_filespace_is_the_same_whatever_its_lines_call_it(void)
{
    one_filespace("shows", NULL);
    add("3/2026/09/" NAME, line_of("/c", "shows.examplepost", "5f")); /* by a client that is newer */
    TAP_OK(polls(20));
    add("1/2026/09/2026-09-21T13.30.00Z.log", line_of("/d", "shows", NULL));
    TAP_OK(polls(20));
    add("4/2026/09/" NAME, line_of("/e", "films.examplepost", "5f")); /* it has another name now */
    add("5/2026/09/" NAME, line_of("/f", NULL, NULL));
    TAP_OK(polls(20));
    add("1/2026/09/2026-09-21T13.45.00Z.log", line_of("/g", "films", NULL));
    TAP_OK(polls(20));
    TAP_CHECK(told(DIGEST_USED, "e") == 1 && told(DIGEST_USED, "f") == 1 && told(DIGEST_USED, "g") == 1);
    nothing_is_lost();
    look();
    TAP_EQUAL_STR(status.filespace_uuid, "5f");
    world_close();
    add("6/2026/09/" NAME, line_of("/h", "other.examplepost", "5f"));
    add("1/2026/09/2026-09-21T14.00.00Z.log", line_of("/i", "other", NULL));
    go();
    TAP_OK(polls(90));
    nothing_is_lost();
}

/* As long as none of its logs can be compared, nobody knows whether it is another one. */
static void
whose_logs_they_are_is_found_out_when_they_can_be_read(void)
{
    for (unsigned another = 0; another < 2; another++) {
        int64_t then;

        one_filespace("shows", NULL);
        then = now();
        w.denied = NAME;
        if (another != 0) {
            mount_another(false);
            add("1/2026/09/" NAME, line_of("/x", "films", NULL));
            add("2/2026/09/" NAME, line_of("/y", "films", NULL));
        }
        add("3/2026/09/2026-09-21T13.30.00Z.log", line_of("/c", "films", NULL));
        TAP_OK(polls(20));
        TAP_EQUAL_U64(told(DIGEST_USED, "c"), 1);
        w.denied = NULL;
        add("3/2026/09/2026-09-21T13.30.00Z.log", line_of("/d", "films", NULL));
        TAP_OK(polls(90));
        if (another != 0) {
            begins_anew(then);
        } else {
            nothing_is_lost();
        }
    }
}

static void
a_filespace_with_few_lines_and_no_names_is_the_same(void)
{
    one_filespace(NULL, NULL);
    add("3/2026/09/" NAME, line_of("/c", NULL, NULL));
    TAP_OK(polls(20));
    world_close();
    add("4/2026/09/" NAME, line_of("/d", "shows", "5f"));
    go();
    TAP_OK(polls(90));
    nothing_is_lost();
}

static void
lines_of_two_filespaces_that_are_there_at_first_are_one(void)
{
    start();
    add("1/2026/09/" NAME, line_of("/a", "shows", "5f"));
    add("2/2026/09/" NAME, line_of("/b", "shows.new", "6a")); /* carried over, as one that was upgraded */
    add("3/2026/09/" NAME, line_of("/c", "shows", "5f"));
    go();
    TAP_OK(polls(120));
    known();
}

/* ---- what the agent knew ---- */

static void
remove_cursors(void)
{
    TAP_OK(port_unlink(w.other, NULL, "/state/cursors"));
}

static void
cursors_that_are_lost_begin_coverage_anew(void)
{
    one_log();
    world_close();
    remove_cursors();
    go();
    TAP_OK(polls(20));
    begins_anew(now() - 60 * SECOND);
    before_ns = covered();
    TAP_OK(polls(120));
    world_close(); /* and once */
    go();
    TAP_OK(polls(20));
    TAP_CHECK(covered() == before_ns);
}

static void
cursors_that_were_lost_are_so_for_an_agent_that_dies_at_once(void)
{
    one_log();
    world_close();
    remove_cursors();
    TAP_OK(world_open());
    world_close();
    go();
    TAP_OK(polls(20));
    begins_anew(now() - 60 * SECOND);
}

static void
cursors_that_are_damaged_begin_coverage_anew(void)
{
    static const uint64_t places[] = {0, 9, 20, 2000, 4600};

    for (size_t i = 0; i < AL_LEN(places); i++) {
        struct port_file *f = NULL;

        one_log();
        world_close();
        TAP_OK(port_open(w.other, NULL, "/state/cursors", PORT_READ | PORT_WRITE, 0, &f));
        TAP_OK(port_pwrite(w.other, f, "garbage", 7, places[i]));
        port_close_quiet(w.other, &f);
        go();
        TAP_OK(polls(20));
        begins_anew(now() - 60 * SECOND);
    }
}

static void
copy(const char *from, const char *to)
{
    AL_CLEANUP(al_buf_free) struct al_buf bytes = {0};
    struct port_file *dir = NULL;

    al_buf_init(&bytes, 1u << 20);
    TAP_OK(port_open(w.other, NULL, "/state", PORT_READ | PORT_FOLDER, 0, &dir));
    TAP_OK(port_read_file(w.other, dir, from, 1u << 20, &bytes));
    TAP_OK(port_write_file(w.other, dir, to, bytes.at, bytes.len, 0600));
    port_close_quiet(w.other, &dir);
}

static void
cursors_of_a_backup_begin_coverage_anew(void)
{
    one_log();
    copy("cursors", "kept");
    for (unsigned i = 0; i < 5; i++) {
        add(LOG ".active", read_of("/b"));
        TAP_OK(polls(60));
    }
    world_close();
    copy("kept", "cursors");
    go();
    TAP_OK(polls(20));
    begins_anew(now() - 60 * SECOND);
}

static void
cursors_with_a_torn_end_and_those_of_an_older_agent_are_whole(void)
{
    one_log();
    world_close();
    add_bytes("/state/cursors", "torn", 4);
    go();
    TAP_OK(polls(90));
    nothing_is_lost();
    world_close();
    TAP_CODE(port_unlink(w.other, NULL, "/state/followed"), AL_OK); /* it wrote none */
    go();
    TAP_OK(polls(90));
    nothing_is_lost();
}

static void
the_first_start_takes_the_oldest_logs_begin(void)
{
    start();
    add("42/2024/01/2024-01-01T00.00.00Z.log", line("FileRead", "/old", NULL, INT64_C(1704067300) * SECOND));
    add(LOG ".active", read_of("/a"));
    w.settings.silence_hours = 100000;
    TAP_OK(world_open());
    world_close(); /* it dies before it read anything, and again */
    TAP_OK(world_open());
    world_close();
    go();
    TAP_OK(polls(20));
    TAP_CHECK(covered() == INT64_C(1704067200) * SECOND);
}

/* ---- one client's folder ---- */

static void
trap_21_a_folder_that_may_not_be_looked_at_is_noticed_at_once(void)
{
    static const char *const names[] = {"42", "2026", "09"};

    for (size_t i = 0; i < AL_LEN(names); i++) {
        one_log();
        w.denied = names[i];
        TAP_OK(polls(3));
        TAP_EQUAL_U64((uint64_t)covered(), 0);
        add(LOG ".active", read_of("/meanwhile"));
        TAP_OK(polls(1500));
        TAP_EQUAL_U64((uint64_t)covered(), 0);
        look();
        TAP_CHECK(status.state == AUDIT_LIVE && strstr(status.text, "cannot be read") != NULL);
        w.denied = NULL;
        TAP_OK(polls(30));
        TAP_EQUAL_U64(told(DIGEST_USED, "meanwhile"), 1);
        nothing_is_lost();
    }
}

static void
trap_21_a_log_that_may_not_be_opened_is_noticed_at_once(void)
{
    one_log();
    w.denied = NAME ".active";
    add(LOG ".active", read_of("/meanwhile"));
    TAP_OK(polls(3));
    TAP_EQUAL_U64((uint64_t)covered(), 0);
    w.denied = NULL;
    TAP_OK(polls(30));
    TAP_EQUAL_U64(told(DIGEST_USED, "meanwhile"), 1);
    nothing_is_lost();
}

/* Mounted again, and its logs are not there, for that long. */
static void
mount_without_logs(bool stopped, unsigned seconds)
{
    one_log();
    away(NOT_MOUNTED);
    if (stopped) {
        world_close();
    }
    w.other_fs = false;
    if (stopped) {
        go();
    }
    TAP_OK(polls(seconds));
}

static void
trap_21_a_filespace_that_is_mounted_again_without_its_logs_begins_coverage_anew(void)
{
    for (unsigned stopped = 0; stopped < 2; stopped++) {
        int64_t left;

        mount_without_logs(stopped != 0, FOLLOW_GONE_S + 5);
        sim_clock_add(w.sim, 50 * HOUR);
        TAP_OK(polls(3));
        left = now();
        back();
        begins_anew(left);
    }
}

static void
trap_21_a_filespace_that_is_mounted_again_and_whose_logs_come_soon_loses_nothing(void)
{
    for (unsigned stopped = 0; stopped < 2; stopped++) {
        mount_without_logs(stopped != 0, FOLLOW_GONE_S / 2);
        back();
        nothing_is_lost();
    }
}

/* What is told is as of when all was read. */
static void
coverage_is_as_of_what_was_read(void)
{
    int64_t then;

    one_log();
    then = now();
    w.full = true;
    add(LOG ".active", read_of("/b"));
    TAP_OK(polls(300));
    TAP_CHECK(covered() == before_ns && as_of() <= then + SECOND);
    w.full = false;
    TAP_OK(polls(3));
    nothing_is_lost();
}

int
main(void)
{
    TAP_RUN(trap_18_an_open_log_that_went_while_nobody_looked_may_have_grown);
    TAP_RUN(trap_18_a_closed_log_that_was_read_may_go_while_nobody_looks);
    TAP_RUN(trap_18_a_log_that_was_closed_while_nobody_looked_and_went_may_have_grown);
    TAP_RUN(trap_18_an_open_log_whose_client_began_a_later_one_may_go_at_any_time);
    TAP_RUN(trap_18_a_log_that_shrank_while_nobody_looked_may_have_grown);
    TAP_RUN(trap_18_a_log_that_another_has_replaced_while_nobody_looked_may_have_grown);
    TAP_RUN(trap_18_one_of_the_same_length_has_replaced_it);
    TAP_RUN(trap_18_a_month_that_another_has_replaced_is_read_and_begins_coverage_anew);
    TAP_RUN(trap_19_a_log_that_was_compressed_in_its_place_while_nobody_looked_may_have_grown);
    TAP_RUN(trap_19_a_log_that_was_read_may_be_compressed);
    TAP_RUN(trap_18_a_closed_log_that_was_read_at_the_first_start_may_go_before_its_turn);
    TAP_RUN(trap_18_a_torn_log_that_went_while_nobody_looked_may_have_grown);
    TAP_RUN(trap_19_a_log_that_was_read_may_be_compressed_while_agents_come_and_go);
    TAP_RUN(trap_19_a_log_that_was_compressed_before_it_was_read_is_not_told_as_read);
    TAP_RUN(another_filespace_at_the_path_is_known_by_its_lines);
    TAP_RUN(another_filespace_at_the_path_is_known_by_its_nodes_and_logs);
    TAP_RUN(a_filespace_is_the_same_whatever_its_lines_call_it);
    TAP_RUN(whose_logs_they_are_is_found_out_when_they_can_be_read);
    TAP_RUN(a_filespace_with_few_lines_and_no_names_is_the_same);
    TAP_RUN(lines_of_two_filespaces_that_are_there_at_first_are_one);
    TAP_RUN(cursors_that_are_lost_begin_coverage_anew);
    TAP_RUN(cursors_that_were_lost_are_so_for_an_agent_that_dies_at_once);
    TAP_RUN(cursors_that_are_damaged_begin_coverage_anew);
    TAP_RUN(cursors_of_a_backup_begin_coverage_anew);
    TAP_RUN(cursors_with_a_torn_end_and_those_of_an_older_agent_are_whole);
    TAP_RUN(the_first_start_takes_the_oldest_logs_begin);
    TAP_RUN(trap_21_a_folder_that_may_not_be_looked_at_is_noticed_at_once);
    TAP_RUN(trap_21_a_log_that_may_not_be_opened_is_noticed_at_once);
    TAP_RUN(trap_21_a_filespace_that_is_mounted_again_without_its_logs_begins_coverage_anew);
    TAP_RUN(trap_21_a_filespace_that_is_mounted_again_and_whose_logs_come_soon_loses_nothing);
    TAP_RUN(coverage_is_as_of_what_was_read);
    world_end();
    return tap_end();
}
