/* The follower on a simulated disk: bytes of logs that are not there yet (NULs): those that come, those that never do, and what is behind them. */
#include "tap.h"

#include "follow_world.h"

#define NAME "2026-09-21T13.15.00Z.log"

static void
holes(const char *log, size_t len)
{
    static const char none[4096];
    char path[200];

    snprintf(path, sizeof(path), AUDIT "/%s", log);
    for (; len > 0; len -= len < sizeof(none) ? len : sizeof(none)) {
        add_bytes(path, none, len < sizeof(none) ? len : sizeof(none));
    }
}

static uint64_t
size_of(const char *log)
{
    struct port_stat st = {0};
    char path[200];

    snprintf(path, sizeof(path), AUDIT "/%s", log);
    TAP_OK(port_stat_at(w.other, NULL, path, &st));
    return st.size;
}

static void
put_at(const char *log, uint64_t at, const char *text)
{
    struct port_file *f = NULL;
    char path[200];

    snprintf(path, sizeof(path), AUDIT "/%s", log);
    TAP_OK(port_open(w.other, NULL, path, PORT_READ | PORT_WRITE, 0, &f));
    TAP_OK(port_pwrite(w.other, f, text, strlen(text), at));
    port_close_quiet(w.other, &f);
}

/* ---- bytes that are not there yet ---- */

static void
trap_17_zeros_with_lines_behind_them_are_passed_over_in_the_end(void)
{
    int64_t holed;

    one_log();
    holes(LOG ".active", 300);
    add(LOG ".active", read_of("/b"));
    holed = now();
    for (unsigned i = 0; i < 9; i++) { /* more lines come behind it all the time */
        TAP_OK(polls(60));
        add(LOG ".active", read_of("/c"));
        look();
        TAP_CHECK(status.behind_bytes > 300 && told(DIGEST_USED, "b") == 0);
        TAP_CHECK(covered() == 0 || as_of() <= holed + 2 * SECOND);
    }
    TAP_OK(polls(70));
    TAP_EQUAL_U64(told(DIGEST_USED, "b"), 1);
    TAP_EQUAL_U64(told(DIGEST_USED, "c"), 9);
    begins_anew(holed + 500 * SECOND);
    look();
    TAP_CHECK(status.behind_bytes == 0 && status.lines.skipped[AUDITLOG_SKIP_JUNK] == 1);
    before_ns = covered();
    add(LOG ".active", read_of("/d"));
    TAP_OK(polls(2));
    TAP_EQUAL_U64(told(DIGEST_USED, "d"), 1);
    nothing_is_lost();
}

static void
trap_17_zeros_that_become_data_in_time_lose_nothing(void)
{
    const char *late;
    uint64_t at;

    one_log();
    late = read_of("/late");
    at = size_of(LOG ".active");
    holes(LOG ".active", strlen(late));
    add(LOG ".active", read_of("/b"));
    TAP_OK(polls(400));
    TAP_EQUAL_U64(told(DIGEST_USED, "b"), 0);
    put_at(LOG ".active", at, late);
    TAP_OK(polls(30));
    TAP_CHECK(told(DIGEST_USED, "late") == 1 && told(DIGEST_USED, "b") == 1);
    nothing_is_lost();
    look();
    TAP_EQUAL_U64(status.lines.skipped[AUDITLOG_SKIP_JUNK], 0);
}

static void
trap_17_zeros_that_are_filled_bit_by_bit_are_waited_for(void)
{
    char first[600], second[600];
    uint64_t at;

    one_log();
    snprintf(first, sizeof(first), "%s", read_of("/first"));
    snprintf(second, sizeof(second), "%s", read_of("/second"));
    at = size_of(LOG ".active");
    holes(LOG ".active", strlen(first) + strlen(second));
    add(LOG ".active", read_of("/b"));
    TAP_OK(polls(500));
    put_at(LOG ".active", at, first);
    TAP_OK(polls(500));
    TAP_CHECK(told(DIGEST_USED, "first") == 1 && told(DIGEST_USED, "b") == 0);
    put_at(LOG ".active", at + strlen(first), second);
    TAP_OK(polls(30));
    TAP_CHECK(told(DIGEST_USED, "second") == 1 && told(DIGEST_USED, "b") == 1);
    nothing_is_lost();
}

static void
trap_17_many_stretches_of_zeros_are_waited_for_once(void)
{
    char text[600];

    one_log();
    for (unsigned i = 0; i < 5; i++) { /* the third and fourth within a line */
        snprintf(text, sizeof(text), "%s", read_of("/b"));
        if (i == 2 || i == 3) {
            memset(text + 20, 'x', 30);
            text[50] = '\0';
            add(LOG ".active", text);
        }
        holes(LOG ".active", 100);
        if (i == 3) {
            add(LOG ".active", "yz\"}}\n");
        }
        add(LOG ".active", read_of("/b"));
    }
    TAP_OK(polls(590));
    TAP_EQUAL_U64(told(DIGEST_USED, "b"), 0);
    TAP_OK(polls(40));
    TAP_EQUAL_U64(told(DIGEST_USED, "b"), 5);
    begins_anew(now() - 60 * SECOND);
}

static void
trap_17_more_than_can_be_held_behind_zeros_is_read(bool active)
{
    const char *log = active ? LOG ".active" : LOG;
    static char text[600];

    one_log();
    if (!active) {
        rename_log(FOLDER, NAME ".active", NAME);
    }
    holes(log, 3u << 20);
    add(log, read_of("/b"));
    for (unsigned i = 0; i < 3000; i++) {
        snprintf(text, sizeof(text), "{\"timestamp\":%lld,\"operation\":{\"action\":\"FileRead\",\"entryPath\":\"/%0400u\"}}\n", (long long)(now() / 1000), i);
        add(log, text);
    }
    add(log, read_of("/c"));
    TAP_OK(polls(800));
    TAP_CHECK(told(DIGEST_USED, "b") == 1 && told(DIGEST_USED, "c") == 1);
    begins_anew(now() - 300 * SECOND);
    look();
    TAP_EQUAL_U64(status.behind_bytes, 0);
}

static void
trap_17_more_than_can_be_held_behind_zeros_of_an_open_log_is_read(void)
{
    trap_17_more_than_can_be_held_behind_zeros_is_read(true);
}

static void
trap_17_more_than_can_be_held_behind_zeros_of_a_closed_log_is_read(void)
{
    trap_17_more_than_can_be_held_behind_zeros_is_read(false);
}

static void
trap_17_zeros_at_the_end_of_an_open_log_are_not_passed_over(void)
{
    const char *late;
    int64_t holed;
    uint64_t at;

    one_log();
    late = read_of("/late");
    at = size_of(LOG ".active");
    holes(LOG ".active", strlen(late));
    holed = now();
    TAP_OK(polls(650));
    look();
    TAP_CHECK(status.behind_bytes == strlen(late) && covered() == 0);
    sim_clock_add(w.sim, (int64_t)FOLLOW_TORN_ALONE_S * SECOND);
    TAP_OK(polls(1300)); /* nobody fills it any more: what was in it, if anything, is lost */
    look();
    TAP_CHECK(status.behind_bytes == 0 && status.torn == 1);
    TAP_CHECK(covered() >= holed - SECOND && covered() <= holed + DIGEST_FUTURE_NS + SECOND);
    put_at(LOG ".active", at, late);
    TAP_OK(polls(1300));
    TAP_EQUAL_U64(told(DIGEST_USED, "late"), 1);
}

static void
trap_17_zeros_at_the_end_of_a_closed_log_begin_coverage_at_its_last_change(void)
{
    for (size_t size = 100; size <= (size_t)6 << 20; size <<= 15) {
        int64_t holed;

        one_log();
        holes(LOG ".active", size);
        rename_log(FOLDER, NAME ".active", NAME);
        holed = now();
        TAP_OK(polls(900));
        look();
        TAP_CHECK(status.behind_bytes == 0);
        TAP_CHECK(covered() >= holed - SECOND && covered() <= holed + DIGEST_FUTURE_NS + SECOND);
    }
}

/* Half a line was counted already; then it goes on with zeros. */
static void
trap_17_zeros_behind_a_line_that_was_counted_begin_coverage_at_its_last_change(void)
{
    int64_t holed;

    one_log();
    rename_log(FOLDER, NAME ".active", NAME);
    add(LOG, "{\"timestamp\":17");
    TAP_OK(polls(60));
    look();
    TAP_EQUAL_U64(status.lines.skipped[AUDITLOG_SKIP_JUNK], 1);
    holes(LOG, 100);
    holed = now();
    TAP_OK(polls(900));
    look();
    TAP_CHECK(status.behind_bytes == 0 && status.lines.skipped[AUDITLOG_SKIP_JUNK] == 1);
    TAP_CHECK(covered() >= holed - SECOND && covered() <= holed + DIGEST_FUTURE_NS + SECOND);
}

int
main(void)
{
    TAP_RUN(trap_17_zeros_with_lines_behind_them_are_passed_over_in_the_end);
    TAP_RUN(trap_17_zeros_that_become_data_in_time_lose_nothing);
    TAP_RUN(trap_17_zeros_that_are_filled_bit_by_bit_are_waited_for);
    TAP_RUN(trap_17_many_stretches_of_zeros_are_waited_for_once);
    TAP_RUN(trap_17_more_than_can_be_held_behind_zeros_of_an_open_log_is_read);
    TAP_RUN(trap_17_more_than_can_be_held_behind_zeros_of_a_closed_log_is_read);
    TAP_RUN(trap_17_zeros_at_the_end_of_an_open_log_are_not_passed_over);
    TAP_RUN(trap_17_zeros_at_the_end_of_a_closed_log_begin_coverage_at_its_last_change);
    TAP_RUN(trap_17_zeros_behind_a_line_that_was_counted_begin_coverage_at_its_last_change);
    world_end();
    return tap_end();
}
