/* Schedules and windows: what is accepted and how it is told, and the corners. The moments themselves are held against zoneinfo by
 * test_zoneinfo.py. */
#include "tap.h"

#include "base/text.h"
#include "server/schedule/schedule.h"

#define MINUTE (INT64_C(60) * 1000000000)

static int64_t
at(const char *time)
{
    int64_t ns = 0;

    TAP_OK(al_time_parse(time, &ns));
    return ns;
}

static const char *
said(const char *cron)
{
    static char text[SCHEDULE_TEXT_MAX];
    struct schedule *s = NULL;
    struct al_buf out;

    al_buf_init(&out, SCHEDULE_TEXT_MAX);
    TAP_OK(schedule_open(cron, "UTC", &s, NULL));
    TAP_OK(schedule_text(s, &out));
    (void)snprintf(text, sizeof(text), "%s", (const char *)out.at);
    al_buf_free(&out);
    (void)schedule_close(s);
    return text;
}

static void
test_a_schedule_is_told_in_plain_english(void)
{
    TAP_EQUAL_STR(said("0 20 * * 1-5"), "at 20:00 on Monday to Friday");
    TAP_EQUAL_STR(said("@daily"), "at 00:00 every day");
    TAP_EQUAL_STR(said("@hourly"), "every hour");
    TAP_EQUAL_STR(said("@weekly"), "at 00:00 on Sunday");
    TAP_EQUAL_STR(said("@monthly"), "at 00:00 on the 1st of the month");
    TAP_EQUAL_STR(said("@yearly"), "at 00:00 on the 1st of the month in January");
    TAP_EQUAL_STR(said("* * * * *"), "every minute");
    TAP_EQUAL_STR(said("*/15 * * * *"), "every 15 minutes");
    TAP_EQUAL_STR(said("*/15 8-17 * * mon-fri"),
                  "every 15 minutes in the hours 08 to 17 on Monday to Friday");
    TAP_EQUAL_STR(said("30 6,12,18 * * *"), "at 06:30, 12:30 and 18:30 every day");
    TAP_EQUAL_STR(said("0 */2 * * *"), "every 2 hours from midnight");
    TAP_EQUAL_STR(said("5 * * * *"), "at minute 5 of the hour");
    TAP_EQUAL_STR(said("0 22 L * *"), "at 22:00 on the last day of the month");
    TAP_EQUAL_STR(said("0 22 1,15,L * *"),
                  "at 22:00 on the 1st and 15th and the last day of the month");
    TAP_EQUAL_STR(said("0 0 13 * fri"), "at 00:00 on the 13th of the month or on Friday");
    TAP_EQUAL_STR(said("0 0 */2 * fri"),
                  "at 00:00 on the 1st, 3rd, 5th, 7th, 9th, 11th, 13th, 15th, 17th, 19th, 21st, "
                  "23rd, 25th, 27th, 29th and 31st of the month if it is Friday");
    TAP_EQUAL_STR(said("0 3 * jun-aug sun,SAT"),
                  "at 03:00 on Saturday and Sunday in June to August");
}

static void
refuses(const char *cron, const char *zone, const char *named)
{
    struct schedule *s = NULL;
    struct al_fail fail = {0};

    if (schedule_open(cron, zone, &s, &fail) != AL_EINVAL || s != NULL) {
        tap_fail(__FILE__, __LINE__, "\"%s\" in %s is taken", cron, zone);
    }
    if (strstr(fail.text, named) == NULL) {
        tap_fail(__FILE__, __LINE__, "\"%s\": %s", cron, fail.text);
    }
}

static void
test_what_is_no_schedule_is_refused_with_its_field(void)
{
    static char endless[SCHEDULE_CRON_BYTES_MAX + 2];

    refuses("", "UTC", "not 0");
    refuses("0 20 * *", "UTC", "not 4");
    refuses("0 20 * * 1 2", "UTC", "more than 5");
    refuses("60 * * * *", "UTC", "the minute cannot be \"60\"");
    refuses("0 24 * * *", "UTC", "the hour");
    refuses("0 0 0 * *", "UTC", "the day of month");
    refuses("0 0 * 13 *", "UTC", "the month");
    refuses("0 0 * foo *", "UTC", "jan to dec");
    refuses("0 0 * * 8", "UTC", "the day of week");
    refuses("5-1 * * * *", "UTC", "5-1");
    refuses("*/0 * * * *", "UTC", "*/0");
    refuses("1, * * * *", "UTC", "the minute");
    refuses("1--2 * * * *", "UTC", "the minute");
    refuses("-1 * * * *", "UTC", "the minute");
    refuses("L * * * *", "UTC", "the minute");
    refuses("@reboot", "UTC", "@daily");
    refuses("0 0 * * *", "Europe/Atlantis", "Europe/Atlantis");
    refuses("0 0 * * *", "", "no time zone");
    refuses("0 0 * * *", "../../etc/passwd", "no time zone");
    refuses("0 0 * * *", "+02:00", "no time zone");
    refuses("0 0 * * *", "EST5EDT4", "no time zone");
    refuses("0 0 * * *", "Foo5", "no time zone");
    refuses("0 0 * * *", "/usr/share/zoneinfo/UTC", "no time zone");
    refuses("0 0 * * *", "Europe", "no time zone");
    memset(endless, '1', sizeof(endless) - 1);
    refuses(endless, "UTC", "at most 256 bytes");
}

static void
test_days_of_month_and_of_week(void)
{
    struct schedule *s = NULL;
    int64_t next = 0;

    TAP_OK(schedule_open("0 0 L * *", "UTC", &s, NULL));
    TAP_OK(schedule_next(s, at("2028-02-01T00:00:00Z"), &next));
    TAP_CHECK(next == at("2028-02-29T00:00:00Z"));
    TAP_OK(schedule_next(s, next, &next));
    TAP_CHECK(next == at("2028-03-31T00:00:00Z"));
    s = schedule_close(s);
    /* one of the two is enough: Friday 12 comes before Sunday 14 */
    TAP_OK(schedule_open("0 0 14 * fri", "UTC", &s, NULL));
    TAP_OK(schedule_next(s, at("2026-06-06T00:00:00Z"), &next));
    TAP_CHECK(next == at("2026-06-12T00:00:00Z"));
    TAP_OK(schedule_next(s, next, &next));
    TAP_CHECK(next == at("2026-06-14T00:00:00Z"));
    s = schedule_close(s);
    TAP_OK(schedule_open("0 0 * * 7", "UTC", &s, NULL));
    TAP_OK(schedule_next(s, at("2026-06-06T00:00:00Z"), &next));
    TAP_CHECK(next == at("2026-06-07T00:00:00Z"));
    s = schedule_close(s);
    TAP_OK(schedule_open("0 0 * * fri-sun", "UTC", &s, NULL));
    TAP_OK(schedule_next(s, at("2026-06-07T00:00:00Z"), &next));
    TAP_CHECK(next == at("2026-06-12T00:00:00Z"));
    s = schedule_close(s);
}

static void
test_rare_days_are_found_and_those_that_never_come_are_told(void)
{
    struct schedule *s = NULL;
    int64_t next = 7;

    TAP_OK(schedule_open("0 0 29 feb *", "UTC", &s, NULL));
    TAP_OK(schedule_next(s, at("2097-01-01T00:00:00Z"), &next)); /* 2100 is no leap year */
    TAP_CHECK(next == at("2104-02-29T00:00:00Z"));
    s = schedule_close(s);
    TAP_OK(schedule_open("0 0 30 2 *", "Europe/Berlin", &s, NULL));
    next = 7;
    TAP_CODE(schedule_next(s, at("2026-01-01T00:00:00Z"), &next), AL_ENOENT);
    TAP_CHECK(next == 7);
    s = schedule_close(s);
    TAP_OK(schedule_open("* * * * *", "UTC", &s, NULL)); /* at the end of what nanoseconds hold */
    TAP_CODE(schedule_next(s, INT64_MAX - MINUTE, &next), AL_ENOENT);
    s = schedule_close(s);
}

static void
test_each_moment_comes_once_also_when_a_clock_changes(void)
{
    struct schedule *s = NULL;
    int64_t ns = at("2026-03-29T00:50:00Z");

    TAP_OK(schedule_open("*/10 1-3 * * *", "Europe/Berlin", &s, NULL));
    TAP_OK(schedule_next(s, ns, &ns)); /* 02:00 to 02:59 do not exist: 03:00, once */
    TAP_CHECK(ns == at("2026-03-29T01:00:00Z"));
    TAP_OK(schedule_next(s, ns, &ns));
    TAP_CHECK(ns == at("2026-03-29T01:10:00Z"));
    ns = at("2026-10-25T00:50:00Z"); /* 02:50, the first one */
    TAP_OK(schedule_next(s, ns, &ns));
    TAP_CHECK(ns == at("2026-10-25T02:00:00Z")); /* 03:00, not the second 02:00 */
    s = schedule_close(s);
}

static void
window_is(const char *zone, const struct schedule_span *spans, size_t count, const char *now,
          bool wanted, const char *until)
{
    struct windows *w = NULL;
    bool open = !wanted;
    int64_t found = 0;

    TAP_OK(windows_open(zone, spans, count, &w, NULL));
    TAP_OK(windows_at(w, at(now), &open, &found));
    w = windows_close(w);
    if (open != wanted || found != (until == NULL ? INT64_MAX : at(until))) {
        char text[AL_TIME_TEXT_MAX];

        al_time_text(found, text);
        tap_fail(__FILE__, __LINE__, "at %s: %s until %s", now, open ? "open" : "closed", text);
    }
}

static void
test_windows_go_over_midnight(void)
{
    static const struct schedule_span nights[] = {{0x1f, 20 * 60, 6 * 60}}; /* Monday to Friday */

    window_is("Europe/Berlin", nights, 1, "2026-11-26T18:59:59Z", false, "2026-11-26T19:00:00Z");
    window_is("Europe/Berlin", nights, 1, "2026-11-26T19:00:00Z", true, "2026-11-27T05:00:00Z");
    window_is("Europe/Berlin", nights, 1, "2026-11-28T04:59:59Z", true, "2026-11-28T05:00:00Z");
    window_is("Europe/Berlin", nights, 1, "2026-11-28T05:00:00Z", false, "2026-11-30T19:00:00Z");
}

static void
test_spans_that_touch_are_one(void)
{
    static const struct schedule_span three[] = {
        {0x20, 0, 0}, {0x40, 0, 1440}, {0x01, 0, 7 * 60}}; /* the weekend, and to 07:00 */
    static const struct schedule_span always[] = {{0x7f, 0, 1440}};

    window_is("UTC", three, 3, "2026-11-28T12:00:00Z", true, "2026-11-30T07:00:00Z");
    window_is("UTC", always, 1, "2026-11-28T12:00:00Z", true, NULL);
}

static void
test_a_window_that_a_clock_skips_is_not_there_that_day(void)
{
    static const struct schedule_span early[] = {{0x7f, 2 * 60, 2 * 60 + 30}};

    window_is("Europe/Berlin", early, 1, "2026-03-28T12:00:00Z", false, "2026-03-30T00:00:00Z");
}

static void
test_windows_are_told_and_checked(void)
{
    static const struct schedule_span good[] = {{0x1f, 20 * 60, 6 * 60}, {0x60, 0, 1440}};
    static const struct schedule_span bad[] = {
        {0, 0, 60}, {0x80, 0, 60}, {1, 1440, 60}, {1, 0, 1441}};
    struct al_fail fail = {0};
    struct windows *w = NULL;
    struct al_buf out;
    uint16_t minute = 0;

    al_buf_init(&out, SCHEDULE_TEXT_MAX);
    TAP_OK(windows_open("UTC", good, 2, &w, NULL));
    TAP_OK(windows_text(w, &out));
    TAP_EQUAL_STR((const char *)out.at,
                  "Monday to Friday 20:00 to 06:00, Saturday and Sunday all day");
    al_buf_free(&out);
    w = windows_close(w);
    for (size_t i = 0; i < AL_LEN(bad); i++) {
        TAP_CODE(windows_open("UTC", &bad[i], 1, &w, NULL), AL_EINVAL);
    }
    TAP_CODE(windows_open("UTC", good, 0, &w, NULL), AL_EINVAL);
    TAP_CODE(windows_open("Mars/Base", good, 2, &w, &fail), AL_EINVAL);
    TAP_CHECK(strstr(fail.text, "Mars/Base") != NULL);
    TAP_OK(schedule_minute("06:05", &minute));
    TAP_EQUAL_U64(minute, 365);
    TAP_OK(schedule_minute("24:00", &minute));
    TAP_CODE(schedule_minute("24:01", &minute), AL_EINVAL);
    TAP_CODE(schedule_minute("6:05", &minute), AL_EINVAL);
    TAP_CODE(schedule_minute("06:60", &minute), AL_EINVAL);
    TAP_CODE(schedule_minute("0a:00", &minute), AL_EINVAL);
}

int
main(void)
{
    TAP_RUN(test_a_schedule_is_told_in_plain_english);
    TAP_RUN(test_what_is_no_schedule_is_refused_with_its_field);
    TAP_RUN(test_days_of_month_and_of_week);
    TAP_RUN(test_rare_days_are_found_and_those_that_never_come_are_told);
    TAP_RUN(test_each_moment_comes_once_also_when_a_clock_changes);
    TAP_RUN(test_windows_go_over_midnight);
    TAP_RUN(test_spans_that_touch_are_one);
    TAP_RUN(test_a_window_that_a_clock_skips_is_not_there_that_day);
    TAP_RUN(test_windows_are_told_and_checked);
    return tap_end();
}
