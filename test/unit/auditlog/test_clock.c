/* Clocks that are wrong, of clients and of the host; whose lines are whose, and what they mean (doc/format/auditlog.md: 6, 9). */
#include "tap.h"

#include "agent/auditlog/tree.h"

#include "follow_world.h"

static void
trap_6_a_time_in_the_future_is_told_as_it_is_and_counts_as_now_here(void)
{
    int64_t ahead_ns;

    start();
    ahead_ns = now() + 40 * 365 * 24 * HOUR;
    add(LOG, line("FileRead", "/ahead", NULL, ahead_ns));
    add(LOG, line("FileRead", "/little", NULL, now() + 60 * SECOND));
    go();
    TAP_CHECK(last(DIGEST_USED, "ahead")->time_ns == ahead_ns / 1000 * 1000); /* the server knows what time it is */
    TAP_CHECK(last(DIGEST_USED, "little")->time_ns > now() + 50 * SECOND);
    look();
    TAP_EQUAL_U64(status.events.clamped, 1);
    TAP_CHECK(status.last_event_ns <= now() + 60 * SECOND);
    TAP_CHECK(status.covered_since_ns > 0 && status.covered_since_ns <= now());
}

#define LATER "42/2026/12/2026-12-24T00.00.00Z.log"

static void
trap_6_what_comes_while_the_hosts_clock_is_behind_is_not_older_for_it(void)
{
    int64_t used_ns, modified_ns, begin_ns;

    start();
    sim_clock_add(w.sim, 100 * 24 * HOUR);
    w.behind_ns = 60 * 24 * HOUR;
    used_ns = now() / 1000 * 1000;
    begin_ns = tree_begin_of("2026-12-24T00.00.00Z.log");
    TAP_CHECK(begin_ns > now() - w.behind_ns && begin_ns < now());
    add(LATER, line("FileRead", "/used", NULL, used_ns));
    modified_ns = now() / 1000 * 1000;
    add(LATER, line("FileWritten", "/written", NULL, modified_ns));
    go();
    TAP_OK(polls(5));
    w.behind_ns = 0;
    TAP_OK(polls(5));
    TAP_CHECK(last(DIGEST_USED, "used")->time_ns >= used_ns && last(DIGEST_USED, "written")->modified_ns >= modified_ns);
    look();
    TAP_CHECK(status.covered_since_ns >= begin_ns); /* no log says anything of the time before */
}

static void
lose_a_log(void)
{
    w.full = true;
    add(FOLDER "/2026-09-21T13.45.00Z.log", read_of("/lost"));
    TAP_OK(polls(30));
    remove_log(FOLDER "/2026-09-21T13.45.00Z.log");
    TAP_OK(polls(120));
    w.full = false;
}

static void
trap_6_what_was_lost_while_the_hosts_clock_was_behind_was_not_lost_before(void)
{
    int64_t lost_ns;

    start();
    w.behind_ns = 20 * 24 * HOUR;
    add(LOG, read_of("/a"));
    go();
    TAP_OK(polls(10));
    lose_a_log();
    lost_ns = now() - 60 * SECOND;
    w.behind_ns = 0;
    TAP_OK(polls(5));
    look();
    TAP_CHECK(status.covered_since_ns >= lost_ns);
}

static void
silence(const char *prefix)
{
    int64_t after_ns;

    start();
    w.prefix = prefix;
    add(LOG, read_of("/before"));
    go();
    sim_clock_add(w.sim, 10 * 24 * HOUR); /* nobody wrote: longer than silence_hours */
    w.behind_ns = 5 * 24 * HOUR;
    after_ns = now();
    add(LOG, read_of("/after"));
    TAP_OK(polls(60));
    w.behind_ns = 0;
    TAP_OK(polls(3));
    sim_clock_add(w.sim, HOUR);
    add(LOG, read_of("/now"));
    TAP_OK(polls(60));
    look();
    TAP_CHECK(status.covered_since_ns >= after_ns);
}

static void
trap_6_a_silence_is_not_hidden_by_events_that_seemed_to_come_within_it(void)
{
    silence("");
}

/* Lines of the future that tell nothing of this volume tell of the clock all the same. */
static void
trap_6_a_silence_is_not_hidden_by_events_of_other_volumes(void)
{
    silence("/in");
}

/* One client's clock is ahead. Then the host's goes forward, from a sleep, say: what was told in time stays. */
static void
trap_6_hours_that_were_told_in_time_outlive_a_clients_wrong_clock(void)
{
    start();
    add(LOG ".active", line("FileRead", "/ahead", NULL, now() + 24 * HOUR));
    go();
    TAP_OK(polls(120));
    known();
    for (unsigned day = 0; day < 14; day++) {
        sim_clock_add(w.sim, 24 * HOUR);
        add(LOG ".active", read_of("/a"));
        TAP_OK(polls(20));
    }
    w.behind_ns = -HOUR;
    add(LOG ".active", read_of("/a"));
    TAP_OK(polls(20));
    nothing_is_lost();
}

static void
trap_6_what_was_lost_before_anything_told_of_the_clock_was_not_lost_before_either(void)
{
    int64_t lost_ns;

    start();
    add(LOG, read_of("/a"));
    w.behind_ns = 20 * 24 * HOUR;
    TAP_OK(world_open());
    lose_a_log();
    lost_ns = now() - 60 * SECOND;
    TAP_OK(polls(5)); /* "/a" is of the future */
    w.behind_ns = 0;
    TAP_OK(polls(5));
    look();
    TAP_CHECK(status.covered_since_ns >= lost_ns);
}

static void
trap_6_an_old_loss_is_not_a_new_one_after_a_sleep(void)
{
    start();
    add(LOG ".active", read_of("/a"));
    go();
    TAP_OK(polls(10));
    lose_a_log();
    sim_clock_add(w.sim, 50 * HOUR);
    TAP_OK(polls(120));
    known();
    w.behind_ns = -HOUR;
    TAP_OK(polls(20));
    TAP_CHECK(covered() == before_ns);
}

/* So little at a time that no clock was wrong. */
static void
trap_6_a_clock_that_drifts_was_not_behind(void)
{
    start();
    add(LOG, read_of("/a"));
    go();
    TAP_OK(polls(10));
    lose_a_log();
    add(LOG, line("FileRead", "/ahead", NULL, now() + 24 * HOUR));
    sim_clock_add(w.sim, HOUR);
    TAP_OK(polls(120));
    known();
    for (unsigned i = 0; i < 20; i++) {
        w.behind_ns -= 60 * SECOND;
        TAP_OK(polls(10));
    }
    TAP_CHECK(covered() == before_ns);
}

static void
trap_9_a_line_that_names_no_node_is_of_the_client_whose_log_it_is_in(void)
{
    start();
    add(LOG, "{\"timestamp\":1789067746120345,\"operation\":{\"action\":\"FileRead\",\"entryPath\":\"/a\"}}\n");
    go();
    TAP_EQUAL_STR(w.client, "42 42");
    add(LOG, "{\"timestamp\":1789067746120345,\"event\":{\"nodeId\":43},\"operation\":{\"action\":\"FileRead\",\"entryPath\":\"/b\"}}\n");
    TAP_OK(polls(3));
    TAP_EQUAL_STR(w.client, "42 43");
    add("c.log", "{\"timestamp\":1789067746120345,\"operation\":{\"action\":\"FileRead\",\"entryPath\":\"/c\"}}\n");
    TAP_OK(polls(5));
    TAP_EQUAL_STR(w.client, " ");
}

static void
trap_9_what_noise_does_changes_the_tree_and_is_no_use(void)
{
    start();
    TAP_OK(audit_names_add(&w.settings.drop_users, "MAR?"));
    add_bytes("/fs/new", "12345", 5);
    add_bytes("/fs/old", "1234567", 7);
    add(LOG, line("FileCreate", "/new", NULL, now()));
    add(LOG, line("FileWritten", "/new", NULL, now()));
    add(LOG, line("FileRead", "/old", NULL, now()));
    add(LOG, line("FileWritten", "/old", NULL, now()));
    add(LOG, line("FileRead", "/old", NULL, now()));
    add(LOG, line("PreHydrate", "/old", NULL, now()));
    add(LOG, line("Pin", "/old", NULL, now()));
    add(LOG, line("FileDelete", "/gone", NULL, now()));
    add(LOG, line("DirectoryDelete", "/away", NULL, now()));
    go();
    TAP_CHECK(w.row_count == 5);
    TAP_CHECK(last(DIGEST_CREATE, "new")->noise && last(DIGEST_USED, "new")->noise && last(DIGEST_USED, "new")->size == 5);
    TAP_CHECK(last(DIGEST_USED, "old")->noise && last(DIGEST_USED, "old")->reads == 0 && last(DIGEST_USED, "old")->writes == 1);
    TAP_CHECK(last(DIGEST_USED, "old")->size == 7 && last(DIGEST_USED, "old")->modified_ns > 0);
    TAP_CHECK(told(DIGEST_DELETE, "gone") == 1 && told(DIGEST_FOLDER_DELETE, "away") == 1);
    look();
    TAP_EQUAL_U64(status.events.named, 9);
}

static void
an_action_that_nobody_knows_counts_as_a_use(void)
{
    start();
    TAP_OK(audit_names_add(&w.settings.drop_users, "backup"));
    add(LOG, line("FileOpened", "/a", NULL, now()));
    add(LOG, "{\"timestamp\":1789067746120345,\"user\":{\"name\":\"backup\"},\"operation\":{\"action\":\"FileOpened\",\"entryPath\":\"/b\"}}\n");
    add(LOG, line("ExtendedAttributeSet", "/c", NULL, now()));
    go();
    TAP_CHECK(w.row_count == 1 && told(DIGEST_USED, "a") == 1);
    look();
    TAP_EQUAL_U64(status.lines.other, 2);
}

int
main(void)
{
    TAP_RUN(trap_6_a_time_in_the_future_is_told_as_it_is_and_counts_as_now_here);
    TAP_RUN(trap_6_what_comes_while_the_hosts_clock_is_behind_is_not_older_for_it);
    TAP_RUN(trap_6_what_was_lost_while_the_hosts_clock_was_behind_was_not_lost_before);
    TAP_RUN(trap_6_a_silence_is_not_hidden_by_events_that_seemed_to_come_within_it);
    TAP_RUN(trap_6_hours_that_were_told_in_time_outlive_a_clients_wrong_clock);
    TAP_RUN(trap_6_what_was_lost_before_anything_told_of_the_clock_was_not_lost_before_either);
    TAP_RUN(trap_6_an_old_loss_is_not_a_new_one_after_a_sleep);
    TAP_RUN(trap_6_a_clock_that_drifts_was_not_behind);
    TAP_RUN(trap_6_a_silence_is_not_hidden_by_events_of_other_volumes);
    TAP_RUN(trap_9_a_line_that_names_no_node_is_of_the_client_whose_log_it_is_in);
    TAP_RUN(an_action_that_nobody_knows_counts_as_a_use);
    TAP_RUN(trap_9_what_noise_does_changes_the_tree_and_is_no_use);
    world_end();
    return tap_end();
}
