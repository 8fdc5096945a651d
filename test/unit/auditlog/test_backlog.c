/* The follower on a simulated disk: what is asked of files besides the logs, and logs that wait to be read. */
#include "tap.h"

#include "follow_world.h"

static void
metadata_comes_with_what_was_made_written_or_moved(void)
{
    start();
    add_bytes("/fs/d/f", "12345", 5);
    add_bytes("/fs/d/g", "123", 3);
    TAP_OK(port_mkdirs(w.other, "/fs/away/folder", 0755));
    TAP_OK(port_symlink(w.other, NULL, "/fs/link", "/fs/d"));
    add(LOG, line("FileCreate", "/d/f", NULL, now()));
    add(LOG, line("FileWritten", "/d/f", NULL, now()));
    add(LOG, line("Move", "/d/old", "/d/g", now()));
    add(LOG, line("FileWritten", "/link/f", NULL, now()));
    add(LOG, line("FileWritten", "/gone", NULL, now()));
    add(LOG, line("DirectoryCreate", "/never", NULL, now()));
    add(LOG, read_of("/d/g"));
    go();
    TAP_CHECK(last(DIGEST_CREATE, "d/f")->size == 5 && last(DIGEST_USED, "d/f")->size == 5);
    TAP_CHECK(last(DIGEST_MOVE, "d/old")->size == 3 && strcmp(last(DIGEST_MOVE, "d/old")->target, "d/g") == 0);
    TAP_CHECK(!last(DIGEST_USED, "link/f")->has_stat && !last(DIGEST_USED, "gone")->has_stat && !last(DIGEST_USED, "d/g")->has_stat);
    TAP_CHECK(told(DIGEST_CREATE, "never") == 0);
}

/* It is asked for once, and hides nothing that is there. */
static void
a_folder_that_is_not_there_has_no_metadata_and_others_have(void)
{
    start();
    add_bytes("/fs/d/f", "12345", 5);
    add_bytes("/fs/d/g", "123", 3);
    add_bytes("/fs/top", "1", 1);
    add(LOG, line("FileWritten", "/never/a", NULL, now()));
    add(LOG, line("FileWritten", "/never/b", NULL, now()));
    add(LOG, line("FileWritten", "/d/f", NULL, now()));
    add(LOG, line("FileWritten", "/never/c", NULL, now()));
    add(LOG, line("FileWritten", "/d/none", NULL, now()));
    add(LOG, line("FileWritten", "/d/g", NULL, now()));
    add(LOG, line("FileWritten", "/top", NULL, now()));
    go();
    TAP_CHECK(last(DIGEST_USED, "d/f")->size == 5 && last(DIGEST_USED, "d/g")->size == 3 && last(DIGEST_USED, "top")->size == 1);
    TAP_CHECK(!last(DIGEST_USED, "never/a")->has_stat && !last(DIGEST_USED, "never/b")->has_stat && !last(DIGEST_USED, "never/c")->has_stat);
    TAP_CHECK(!last(DIGEST_USED, "d/none")->has_stat);
    add_bytes("/fs/never/b", "12", 2); /* it is there the next time */
    add(LOG, line("FileWritten", "/never/b", NULL, now()));
    TAP_OK(polls(2));
    TAP_CHECK(last(DIGEST_USED, "never/b")->size == 2);
}

/* Logs that came today and wait are not looked at each second, and what came meanwhile is read with them. */
static void
logs_that_wait_to_be_read_are_not_looked_at(void)
{
    struct follow_figures before, after;
    char log[80], path[16];

    start();
    w.full = true;
    for (unsigned i = 0; i < 50; i++) {
        snprintf(log, sizeof(log), FOLDER "/2026-09-21T13.%02u.00Z.log", i);
        snprintf(path, sizeof(path), "/f%u", i);
        add(log, read_of(path));
    }
    go();
    follow_figures(w.follow, &before);
    TAP_OK(polls(7));
    follow_figures(w.follow, &after);
    TAP_CHECK(after.stats - before.stats < 100);
    add(FOLDER "/2026-09-21T13.07.00Z.log", read_of("/f7"));
    rename_log(FOLDER, "2026-09-21T13.08.00Z.log", "2026-09-21T13.08.00Z.log.active");
    w.full = false;
    TAP_OK(polls(2));
    for (unsigned i = 0; i < 50; i++) {
        snprintf(path, sizeof(path), "f%u", i);
        TAP_EQUAL_U64(told(DIGEST_USED, path), i == 7 ? 2 : 1);
    }
    look();
    TAP_CHECK(status.behind_bytes == 0 && status.caught_up);
    add(FOLDER "/2026-09-21T13.09.00Z.log", read_of("/f9")); /* and are hot still */
    TAP_OK(polls(2));
    TAP_EQUAL_U64(told(DIGEST_USED, "f9"), 2);
}

/* Between two seconds the few that changed last are looked at, and no others. */
static void
what_grew_last_is_looked_at_four_times_a_second(void)
{
    struct follow_figures before, after;
    int64_t wait_ns = 0;
    char log[80], path[16];

    start();
    for (unsigned i = 0; i < 2 * FOLLOW_QUICK; i++) {
        snprintf(log, sizeof(log), "%u/2026/09/2026-09-21T13.15.00Z.log.active", i);
        snprintf(path, sizeof(path), "/f%u", i);
        add(log, read_of(path));
    }
    go();
    TAP_OK(polls(5));
    add("7/2026/09/2026-09-21T13.15.00Z.log.active", read_of("/x"));
    TAP_OK(polls(1)); /* now it is of those that grew last */
    add("7/2026/09/2026-09-21T13.15.00Z.log.active", read_of("/y"));
    TAP_OK(follow_poll(w.follow, &wait_ns));
    TAP_EQUAL_U64(told(DIGEST_USED, "y"), 0); /* it is too soon for that */
    TAP_CHECK(wait_ns > 0 && wait_ns <= FOLLOW_QUICK_NS);
    follow_figures(w.follow, &before);
    sim_clock_add(w.sim, FOLLOW_QUICK_NS);
    TAP_OK(follow_poll(w.follow, &wait_ns));
    follow_figures(w.follow, &after);
    TAP_EQUAL_U64(told(DIGEST_USED, "y"), 1);
    TAP_CHECK(after.stats - before.stats <= FOLLOW_QUICK + 3 && after.listings == before.listings);
    remove_log("7/2026/09/2026-09-21T13.15.00Z.log.active"); /* one that is gone harms nobody */
    sim_clock_add(w.sim, FOLLOW_QUICK_NS);
    TAP_OK(follow_poll(w.follow, &wait_ns));
    TAP_OK(polls(2 * FOLLOW_GONE_S));
    w.denied = ".lucid_audit"; /* nor one that nobody may look at */
    sim_clock_add(w.sim, FOLLOW_QUICK_NS);
    TAP_OK(follow_poll(w.follow, &wait_ns));
    TAP_CHECK(wait_ns > 0);
    w.denied = NULL;
    add("8/2026/09/2026-09-21T13.15.00Z.log.active", read_of("/z"));
    TAP_OK(polls(2));
    TAP_EQUAL_U64(told(DIGEST_USED, "z"), 1);
}

/* What the looks of a second did not find is not hot any more, and is again when it is back as it was. */
static void
a_log_that_was_away_for_a_moment_is_looked_at_each_second_again(void)
{
    char log[80];

    start();
    for (unsigned i = 0; i < 300; i++) { /* so many that a turn takes long */
        snprintf(log, sizeof(log), "9/2026/08/2026-08-%02uT%02u.15.00Z.log", 1 + i / 24, i % 24);
        add(log, read_of("/old"));
    }
    add(LOG ".active", read_of("/a"));
    go();
    TAP_OK(polls(20));
    rename_log("42/2026", "09", "away");
    TAP_OK(polls(10));
    rename_log("42/2026", "away", "09");
    TAP_OK(polls(10));
    add(LOG ".active", read_of("/b"));
    TAP_OK(polls(2));
    TAP_EQUAL_U64(told(DIGEST_USED, "b"), 1);
}

/* Of a client that was away, say: its log lies among older ones, where nobody looks for new ones. */
static void
a_late_log_among_old_ones_is_found_soon_where_there_are_few(void)
{
    char log[100];

    start();
    for (unsigned i = 0; i < 300; i++) {
        snprintf(log, sizeof(log), "%u/2026/0%u/2026-0%u-01T%02u.%02u.00Z.log", i % 10, 8 + i / 150, 8 + i / 150, i / 60, i % 60);
        add(log, read_of("/old"));
    }
    go();
    TAP_OK(polls(10));
    add("8/2026/08/2026-08-31T00.00.00Z.log", read_of("/late"));
    TAP_OK(polls(45));
    TAP_EQUAL_U64(told(DIGEST_USED, "late"), 1);
}

int
main(void)
{
    TAP_RUN(metadata_comes_with_what_was_made_written_or_moved);
    TAP_RUN(a_folder_that_is_not_there_has_no_metadata_and_others_have);
    TAP_RUN(logs_that_wait_to_be_read_are_not_looked_at);
    TAP_RUN(what_grew_last_is_looked_at_four_times_a_second);
    TAP_RUN(a_log_that_was_away_for_a_moment_is_looked_at_each_second_again);
    TAP_RUN(a_late_log_among_old_ones_is_found_soon_where_there_are_few);
    world_end();
    return tap_end();
}
