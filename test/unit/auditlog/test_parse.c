/* Pieces of audit logs into events: each trap of the format by its number (doc/format/auditlog.md). */
#include "tap.h"

#include <stdlib.h>
#include <string.h>

#include "agent/auditlog/parse.h"
#include "agent/auditlog/when.h"

#define EVENTS 64
#define LINE(time, action, path) "{\"timestamp\":" time ",\"user\":{\"name\":\"editor\"},\"operation\":{\"action\":\"" action "\",\"entryPath\":\"" path "\"}}\n"
#define T "1789067746120345"

struct run {
    struct auditlog_parser *p;
    struct auditlog_event e[EVENTS];
    size_t count, used;
};

static void
begin(struct run *r)
{
    memset(r, 0, sizeof(*r));
    TAP_CHECK(auditlog_parser_new(&r->p) == AL_OK);
}

static void
give(struct run *r, const char *text, size_t len, unsigned what)
{
    TAP_CHECK(auditlog_parse(r->p, (struct al_span){(const uint8_t *)text, len}, what, r->e, EVENTS, &r->count, &r->used) == AL_OK);
}

#define GIVE(r, text, what) give(r, text, sizeof(text) - 1, what)

static bool
is(struct al_span s, const char *text)
{
    return s.at != NULL && s.len == strlen(text) && memcmp(s.at, text, s.len) == 0;
}

static uint64_t
skipped(struct run *r, enum auditlog_skip why)
{
    return auditlog_counts(r->p)->skipped[why];
}

static void
all_that_a_line_may_hold_is_told(void)
{
    struct run r;

    begin(&r);
    GIVE(&r, "{\"timestamp\":1789067746120345,\"user\":{\"name\":\"editor@example.com\",\"id\":\"b3\"},\"device\":{\"hostName\":\"edit-bay-07\","
             "\"osName\":\"Windows\"},\"event\":{\"filespace\":\"shows.examplepost\",\"nodeId\":\"42\",\"filespaceUuid\":\"5f0c\"},\"operation\":"
             "{\"action\":\"Move\",\"entryPath\":\"/Shows/Ep 101/cut_v3.mov\",\"fileId\":\"103:3\",\"targetPath\":\"/Shows/b.mov\"}}\n", 0);
    TAP_CHECK(r.count == 1 && r.e[0].time_ns == INT64_C(1789067746120345000) && r.e[0].action == AUDITLOG_MOVE);
    TAP_CHECK(is(r.e[0].user, "editor@example.com") && is(r.e[0].host, "edit-bay-07") && is(r.e[0].node, "42"));
    TAP_CHECK(is(r.e[0].filespace, "shows.examplepost") && is(r.e[0].filespace_uuid, "5f0c") && is(r.e[0].file_id, "103:3"));
    TAP_CHECK(is(r.e[0].path, "/Shows/Ep 101/cut_v3.mov") && is(r.e[0].target, "/Shows/b.mov") && is(r.e[0].name, "Move"));
    auditlog_parser_freep(&r.p);
}

static void
trap_1_a_line_that_is_not_whole_waits(void)
{
    static const char text[] = LINE(T, "FileRead", "/a") LINE(T, "FileWritten", "/b/c") LINE(T, "Pin", "/d");

    for (size_t cut = 0; cut < sizeof(text); cut++) {
        struct run r;
        size_t told = 0, first;

        begin(&r);
        give(&r, text, cut, 0);
        told = r.count;
        first = r.used;
        TAP_CHECK(first <= cut && (first == 0 || text[first - 1] == '\n'));
        give(&r, text + first, sizeof(text) - 1 - first, 0);
        TAP_EQUAL_U64(told + r.count, 3);
        TAP_EQUAL_U64(first + r.used, sizeof(text) - 1);
        auditlog_parser_freep(&r.p);
    }
}

static void
trap_1_a_last_line_without_its_end_counts_when_nothing_more_comes(void)
{
    static const char whole[] = LINE(T, "FileRead", "/a"), half[] = "{\"timestamp\":17890";
    struct run r;

    begin(&r);
    give(&r, whole, sizeof(whole) - 2, 0);
    TAP_CHECK(r.count == 0 && r.used == 0);
    give(&r, whole, sizeof(whole) - 2, AUDITLOG_SETTLED);
    TAP_CHECK(r.count == 1 && r.used == sizeof(whole) - 2);
    GIVE(&r, half, AUDITLOG_SETTLED);
    TAP_CHECK(r.count == 0 && r.used == sizeof(half) - 1 && skipped(&r, AUDITLOG_SKIP_JUNK) == 1);
    auditlog_parser_freep(&r.p);
}

static void
trap_7_units_of_time_are_told_by_their_size(void)
{
    static const struct {
        const char *text;
        int64_t ns;
    } good[] = {{"1789067746120345", 1789067746120345000},  {"1789067746", 1789067746000000000},
                {"1789067746120", 1789067746120000000},     {"1789067746120345678", 1789067746120345678},
                {"1789067746.5", 1789067746500000000},      {"1789067746120345.25", 1789067746120345250},
                {"2026-09-10T19:15:46.120345Z", 1789067746120345000}, {"2026-09-10T21:15:46+02:00", 1789067746000000000},
                {"1.789067746e9", 1789067746000000000}, {"17890677465E-1", 1789067746500000000}, {"0.001789067746120345e18", 1789067746120345000}, {"1e99999999999999999999999", INT64_MAX},     {"99999999999", INT64_MAX}, {"17890677461203451789067746", INT64_MAX},
                {"946684800", AUDITLOG_TIME_MIN_NS}};
    static const char *const bad[] = {"", "0", "-1", "946684799", "x", "1e", "1e+", "1e5x", "1.e5", "1789067746e-99999999999999999999999", "1789067746.", "0e99", "1789067746 ", "0x6aa1", "nan", "inf"};
    int64_t ns;

    for (size_t i = 0; i < AL_LEN(good); i++) {
        TAP_CHECK(auditlog_time_text((struct al_span){(const uint8_t *)good[i].text, strlen(good[i].text)}, &ns));
        if (ns != good[i].ns) {
            tap_fail(__FILE__, __LINE__, "%s became %" PRId64, good[i].text, ns);
        }
    }
    for (size_t i = 0; i < AL_LEN(bad); i++) {
        if (auditlog_time_text((struct al_span){(const uint8_t *)bad[i], strlen(bad[i])}, &ns)) {
            tap_fail(__FILE__, __LINE__, "\"%s\" is no time, not %" PRId64, bad[i], ns);
        }
    }
}

static void
trap_8_what_is_about_the_logs_is_dropped(void)
{
    struct run r;

    begin(&r);
    GIVE(&r, LINE(T, "FileRead", "/.lucid_audit/7/2026/09/x.log") LINE(T, "FileRead", "/.lucid_audit") LINE(T, "FileRead", "/.lucid_audits/x"), 0);
    TAP_CHECK(r.count == 1 && skipped(&r, AUDITLOG_SKIP_OWN) == 2 && auditlog_sample(r.p)->len == 0);
    auditlog_parser_freep(&r.p);
}

static void
trap_12_paths_are_bytes_behind_their_escapes(void)
{
    struct run r;

    begin(&r);
    GIVE(&r, LINE(T, "FileRead", "/caf\\u00e9/\\ud83d\\ude00\\/x") LINE(T, "FileRead", "/a\xff\xfe b") LINE(T, "FileRead", "/\\ud800") LINE(T, "FileRead", "/x/"), 0);
    TAP_CHECK(r.count == 4 && is(r.e[0].path, "/caf\xc3\xa9/\xf0\x9f\x98\x80/x") && is(r.e[1].path, "/a\xff\xfe b"));
    TAP_CHECK(is(r.e[2].path, "/\xed\xa0\x80") && is(r.e[3].path, "/x"));
    GIVE(&r, LINE(T, "FileRead", "/a\\u0000") LINE(T, "FileRead", "") LINE(T, "FileRead", "a/b") LINE(T, "FileRead", "/a/../b") LINE(T, "FileRead", "/a/.") LINE(T, "FileRead", "/a//b"), 0);
    TAP_CHECK(r.count == 0 && skipped(&r, AUDITLOG_SKIP_PATH) == 6);
    auditlog_parser_freep(&r.p);
}

static void
trap_14_only_three_members_are_needed(void)
{
    struct run r;

    begin(&r);
    GIVE(&r, "{\"operation\":{\"entryPath\":\"/a\",\"action\":\"FileRead\"},\"timestamp\":\"" T "\"}\n"
             "{\"timestamp\":" T ",\"user\":null,\"device\":[],\"event\":7,\"x\":{\"operation\":{}},\"operation\":{\"action\":\"New\",\"entryPath\":\"/b\",\"entryPath\":\"/c\"}}\n"
             "{\"timestamp\":" T "}\n{\"timestamp\":" T ",\"operation\":{\"action\":\"FileRead\"}}\n{\"operation\":{\"action\":\"FileRead\",\"entryPath\":\"/\"}}\n", 0);
    TAP_CHECK(r.count == 2 && is(r.e[0].path, "/a") && r.e[0].user.at == NULL);
    TAP_CHECK(is(r.e[1].path, "/c") && r.e[1].action == AUDITLOG_OTHER && is(r.e[1].name, "New") && auditlog_counts(r.p)->other == 1);
    TAP_CHECK(skipped(&r, AUDITLOG_SKIP_ACTION) == 1 && skipped(&r, AUDITLOG_SKIP_PATH) == 1 && skipped(&r, AUDITLOG_SKIP_TIME) == 1);
    auditlog_parser_freep(&r.p);
}

static void
trap_15_numbers_and_texts_are_the_same(void)
{
    struct run r;

    begin(&r);
    GIVE(&r, "{\"timestamp\":" T ",\"event\":{\"nodeId\":43},\"operation\":{\"action\":\"Unpin\",\"entryPath\":\"/a\",\"fileId\":1207}}\n", 0);
    TAP_CHECK(r.count == 1 && is(r.e[0].node, "43") && is(r.e[0].file_id, "1207"));
    auditlog_parser_freep(&r.p);
}

static void
trap_16_junk_is_counted_and_passed_over(void)
{
    static const char text[] = "\xef\xbb\xbf" LINE(T, "FileRead", "/a") "\r\n\n   \nnot json\n[1]\n" LINE(T, "FileRead", "/b") "{\"timestamp\":" T ",}\n";
    struct run r;

    begin(&r);
    GIVE(&r, text, AUDITLOG_BEGIN);
    TAP_CHECK(r.count == 2 && r.used == sizeof(text) - 1 && skipped(&r, AUDITLOG_SKIP_JUNK) == 3 && auditlog_counts(r.p)->lines == 5);
    TAP_CHECK(auditlog_sample(r.p)->why == AUDITLOG_SKIP_JUNK && memcmp(auditlog_sample(r.p)->text, "{\"timestamp\"", 12) == 0);
    GIVE(&r, "\xef\xbb\xbf" LINE(T, "FileRead", "/a"), 0);
    TAP_CHECK(r.count == 0); /* a mark that is not at the file's beginning is none */
    auditlog_parser_freep(&r.p);
}

static void
trap_16_a_line_without_measure_is_passed_over(void)
{
    const size_t len = AUDITLOG_LINE_MAX + 5000;
    char *text = malloc(len + 200);
    struct run r;

    TAP_CHECK(text != NULL);
    memset(text, 'x', len);
    begin(&r);
    give(&r, text, AUDITLOG_LINE_MAX, 0);
    TAP_CHECK(r.used == 0); /* it may still be one */
    give(&r, text, len, 0);
    TAP_CHECK(r.used == len && auditlog_in_long_line(r.p));
    give(&r, text, len, 0);
    TAP_CHECK(r.used == len && auditlog_in_long_line(r.p) && skipped(&r, AUDITLOG_SKIP_LONG) == 1);
    /* Its end looks like a line of its own. */
    strcpy(text, LINE(T, "FileRead", "/forged") LINE(T, "FileRead", "/a"));
    give(&r, text, strlen(text), 0);
    TAP_CHECK(r.count == 1 && is(r.e[0].path, "/a") && !auditlog_in_long_line(r.p));
    /* One with an end that is too long, and what comes after a restart inside of one. */
    memset(text, 'x', len);
    strcpy(text + len, "\n" LINE(T, "FileRead", "/b"));
    give(&r, text, strlen(text), 0);
    TAP_CHECK(r.count == 1 && skipped(&r, AUDITLOG_SKIP_LONG) == 2);
    auditlog_parser_begin(r.p, true);
    GIVE(&r, "rest\n" LINE(T, "FileRead", "/c"), 0);
    TAP_CHECK(r.count == 1 && is(r.e[0].path, "/c"));
    auditlog_parser_freep(&r.p);
    free(text);
}

static void
trap_17_nuls_are_data_that_is_not_there_yet(void)
{
    static const char tail[] = LINE(T, "FileRead", "/a") "\0\0\0\0\0", hole[] = LINE(T, "FileRead", "/a") "{\"time\0\0\0\0\0\0p\":1}\n" LINE(T, "FileRead", "/b");
    const size_t first = sizeof(LINE(T, "FileRead", "/a")) - 1;
    struct run r;

    begin(&r);
    GIVE(&r, tail, 0);
    TAP_CHECK(r.count == 1 && r.used == first);
    GIVE(&r, hole, 0);
    TAP_CHECK(r.count == 1 && r.used == first && skipped(&r, AUDITLOG_SKIP_JUNK) == 0);
    GIVE(&r, hole, AUDITLOG_SETTLED);
    TAP_CHECK(r.count == 2 && r.used == sizeof(hole) - 1 && skipped(&r, AUDITLOG_SKIP_JUNK) == 1);
    auditlog_parser_freep(&r.p);
}

static void
events_are_given_in_portions(void)
{
    char text[8192] = "";
    struct run r;
    size_t from = 0, told = 0;

    for (int i = 0; i < 40; i++) {
        strcat(text, i % 3 == 0 ? "junk\n" : LINE(T, "FileRead", "/\\u0061"));
    }
    begin(&r);
    while (from < strlen(text)) {
        TAP_CHECK(auditlog_parse(r.p, (struct al_span){(const uint8_t *)text + from, strlen(text) - from}, 0, r.e, 7, &r.count, &r.used) == AL_OK);
        TAP_CHECK(r.used > 0);
        for (size_t i = 0; i < r.count; i++) {
            TAP_CHECK(is(r.e[i].path, "/a"));
        }
        from += r.used;
        told += r.count;
    }
    TAP_EQUAL_U64(told, 26);
    auditlog_parser_freep(&r.p);
}

static void
objects_within_objects_end_somewhere(void)
{
    char text[4096] = "{\"x\":";
    struct run r;

    for (unsigned i = 0; i < 1000; i++) {
        strcat(text, "[");
    }
    strcat(text, "\n");
    begin(&r);
    give(&r, text, strlen(text), 0);
    TAP_CHECK(r.count == 0 && skipped(&r, AUDITLOG_SKIP_JUNK) == 1);
    auditlog_parser_freep(&r.p);
}

int
main(void)
{
    TAP_RUN(all_that_a_line_may_hold_is_told);
    TAP_RUN(trap_1_a_line_that_is_not_whole_waits);
    TAP_RUN(trap_1_a_last_line_without_its_end_counts_when_nothing_more_comes);
    TAP_RUN(trap_7_units_of_time_are_told_by_their_size);
    TAP_RUN(trap_8_what_is_about_the_logs_is_dropped);
    TAP_RUN(trap_12_paths_are_bytes_behind_their_escapes);
    TAP_RUN(trap_14_only_three_members_are_needed);
    TAP_RUN(trap_15_numbers_and_texts_are_the_same);
    TAP_RUN(trap_16_junk_is_counted_and_passed_over);
    TAP_RUN(trap_16_a_line_without_measure_is_passed_over);
    TAP_RUN(trap_17_nuls_are_data_that_is_not_there_yet);
    TAP_RUN(events_are_given_in_portions);
    TAP_RUN(objects_within_objects_end_somewhere);
    return tap_end();
}
