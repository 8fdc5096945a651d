/* What became of lines, and samples of those that were passed over: kept with the cursors. */
#include "tap.h"

#include "follow_world.h"

/* Another follower of the same volume: after a restart, or other settings. */
static void
anew(void)
{
    world_close();
    go();
    TAP_OK(polls(3));
    look();
}

static void
what_became_of_lines_and_the_name_outlive_the_follower(void)
{
    struct auditlog_counts lines;
    struct digest_counts events;

    start();
    w.own = "own";
    w.prefix = "/in";
    add(LOG ".active", "not a line\n");
    add(LOG ".active", read_of("/in/own"));
    add(LOG ".active", read_of("/out"));
    add(LOG ".active", line("FileRead", "/in/late", NULL, now() + HOUR));
    add(LOG ".active", line("Invented", "/in/new", NULL, now()));
    go();
    TAP_OK(polls(3));
    look();
    lines = status.lines;
    events = status.events;
    TAP_CHECK(lines.lines == 5 && lines.other == 1 && lines.skipped[AUDITLOG_SKIP_JUNK] == 1);
    TAP_CHECK(events.own == 1 && events.outside == 1 && events.clamped == 1);
    for (unsigned i = 0; i < 3; i++) {
        anew();
        TAP_CHECK(memcmp(&status.lines, &lines, sizeof(lines)) == 0 && memcmp(&status.events, &events, sizeof(events)) == 0);
        TAP_EQUAL_STR(status.filespace, "shows");
        TAP_EQUAL_STR(status.filespace_uuid, "5f");
        TAP_CHECK(status.sample_count == 1 && status.samples[0]->offset == 0);
    }
    add(LOG ".active", "{\n");
    TAP_OK(polls(3));
    look();
    TAP_CHECK(status.lines.lines == 6 && status.lines.skipped[AUDITLOG_SKIP_JUNK] == 2 && status.sample_count == 2);
    TAP_EQUAL_U64(status.samples[0]->text_len, 1);
}

static void
trap_1_a_line_without_its_end_is_counted_once_however_often_agents_come_and_go(void)
{
    char text[600];

    start();
    snprintf(text, sizeof(text), "%s", read_of("/cut"));
    add_bytes(AUDIT "/" LOG, text, strlen(text) / 2);
    go();
    for (unsigned i = 0; i < 4; i++) {
        TAP_OK(polls(30));
        look();
        TAP_CHECK(status.lines.skipped[AUDITLOG_SKIP_JUNK] == 1 && status.sample_count == 1);
        anew();
        TAP_CHECK(status.lines.skipped[AUDITLOG_SKIP_JUNK] == 1 && status.sample_count == 1);
    }
    add_bytes(AUDIT "/" LOG, text + strlen(text) / 2, strlen(text) - strlen(text) / 2);
    add(LOG, "[]\n");
    TAP_OK(polls(3));
    look();
    TAP_CHECK(status.lines.events == 1 && status.lines.skipped[AUDITLOG_SKIP_JUNK] == 2 && status.sample_count == 2);
    TAP_EQUAL_U64(status.samples[0]->offset, strlen(text));
}

static void
trap_16_samples_are_the_latest_of_each_reason_and_say_where_they_stood(void)
{
    char bad[40];

    start();
    add(LOG ".active", "{\"timestamp\":0,\"operation\":{\"action\":\"FileRead\",\"entryPath\":\"/a\"}}\n");
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(bad, sizeof(bad), "junk %04u\n", i);
        add(LOG ".active", bad);
    }
    add("odd\xff/\x01\n.log", "\xff\xfe \x1b[31m\r\n");
    go();
    TAP_OK(polls(5));
    look();
    TAP_EQUAL_U64(status.lines.skipped[AUDITLOG_SKIP_JUNK], 1001);
    TAP_EQUAL_U64(status.sample_count, AUDITLOG_SAMPLES + 1); /* a flood of one reason does not drive out the other */
    for (size_t i = 0, seen = 0; i < status.sample_count; i++) {
        const struct tally_sample *s = status.samples[i];

        TAP_CHECK(i == 0 || s->number < status.samples[i - 1]->number);
        if (s->why == AUDITLOG_SKIP_TIME) {
            TAP_CHECK(s->offset == 0 && s->path_len == strlen(LOG) && memcmp(s->path, LOG, s->path_len) == 0);
        } else if (s->path_len == 10) {
            TAP_CHECK(memcmp(s->path, "odd\xff/\x01\n.log", 10) == 0 && s->text_len == 9 && memcmp(s->text, "\xff\xfe \x1b[31m\r", 9) == 0);
        } else {
            TAP_EQUAL_U64(strtoul((const char *)s->text + 5, NULL, 10), 999 - seen);
            TAP_EQUAL_U64(s->offset, 67 + 10 * (999 - seen));
            seen++;
        }
    }
}

int
main(void)
{
    TAP_RUN(what_became_of_lines_and_the_name_outlive_the_follower);
    TAP_RUN(trap_1_a_line_without_its_end_is_counted_once_however_often_agents_come_and_go);
    TAP_RUN(trap_16_samples_are_the_latest_of_each_reason_and_say_where_they_stood);
    world_end();
    return tap_end();
}
