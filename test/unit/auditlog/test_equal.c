/* Lines of all kinds and mutants of them, against a general JSON library, and against itself without looking for shapes. */
#include "tap.h"

#include "lib/auditlog_reference.h"

static uint64_t seed = 88172645463325252u;

static uint32_t
dice(uint32_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 11) % n;
}

static const char *const texts[] = {"\"editor@example.com\"", "\"edit-bay-07\"", "\"\"", "null", "42", "-1.5e3", "true", "[1,{\"a\":[]}]", "{}",
                                    "\"\\u00e9\\n\\\"\\ud83d\\ude00\"", "\"caf\xc3\xa9\"", "\"103:3\"", "{\"name\":\"x\"}", "\"\\ud800x\""};
static const char *const paths[] = {"\"/Shows/Ep 101/cut_v3.mov\"", "\"/a\"", "\"/\"", "\"\"", "\"a/b\"", "\"/a//b\"", "\"/a/../b\"", "\"/a/./b\"",
                                    "\"/.lucid_audit/1/2\"", "\"/.lucid_auditor\"", "\"/x/\"", "\"/..x/y\"", "\"/\\u00e9\\/\\u202f\"", "null", "7",
                                    "\"/nul\\u0000\"", "\"/very/long/path/with/many/parts/that/is/longer/than/sixteen/bytes/at/a/time.mov\""};
static const char *const times[] = {"1789067746120345", "1789067746", "1789067746120", "1789067746120345678", "\"1789067746120345\"",
                                    "1789067746.5", "\"2026-09-10T19:15:46.120345Z\"", "0", "-5", "null", "\"x\"", "1.789e9", "99999999999999999",
                                    "01", "9223372036854775807", "1789067746120345.25"};
static const char *const actions[] = {"\"FileRead\"", "\"FileWritten\"", "\"Move\"", "\"New\\u0041ction\"", "null", "\"fileread\"", "\"\""};

#define ANY(list) list[dice((uint32_t)AL_LEN(list))]

static void
put(struct al_buf *b, const char *format, ...)
{
    char text[4096];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (al_buf_adds(b, text) != AL_OK) {
        abort();
    }
}

/* Members in an order that stays for a while, as one client's do. */
static void
make_line(struct al_buf *b, uint32_t kind)
{
    const char *gap = kind % 5 == 4 ? " " : "";

    al_buf_clear(b);
    put(b, "{");
    if (kind % 7 != 6) {
        put(b, "%s\"timestamp\":%s%s,", gap, gap, dice(6) ? times[0] : ANY(times));
    }
    if (kind % 3 != 2) {
        put(b, "\"user\":%s{\"name\":%s,\"id\":%s},\"device\":{\"hostName\":%s,\"osName\":\"macOS\"},", gap, dice(6) ? texts[0] : ANY(texts),
            dice(9) ? texts[0] : ANY(texts), dice(9) ? texts[1] : ANY(texts));
    } else if (kind % 2) {
        put(b, "\"user\":%s,", ANY(texts));
    }
    if (kind % 4 != 3) {
        put(b, "\"event\":{\"filespace\":%s,\"nodeId\":%s,\"filespaceUuid\":%s},", dice(9) ? "\"shows.x\"" : ANY(texts),
            dice(9) ? "\"42\"" : ANY(texts), dice(9) ? "\"5f0c\"" : ANY(texts));
    }
    put(b, "\"operation\":{");
    if (kind % 11 == 10) {
        put(b, "\"entryPath\":%s,\"action\":%s", ANY(paths), ANY(actions));
    } else {
        put(b, "\"action\":%s,%s\"entryPath\":%s", dice(5) ? ANY(actions) : actions[0], gap, dice(3) ? paths[0] : ANY(paths));
    }
    if (dice(3)) {
        put(b, ",\"fileId\":%s", dice(9) ? "\"103:3\"" : ANY(texts));
    }
    if (!dice(4)) {
        put(b, ",\"targetPath\":%s", ANY(paths));
    }
    if (!dice(12)) {
        put(b, ",\"entryPath\":%s", ANY(paths));
    }
    put(b, "}");
    if (kind % 7 == 6) {
        put(b, ",\"timestamp\":%s", ANY(times));
    }
    if (!dice(12)) {
        put(b, ",\"%s\":%s", dice(2) ? "timestamp" : "user", dice(2) ? ANY(times) : ANY(texts));
    }
    if (!dice(20)) {
        put(b, ",\"op\\u0065ration\":{\"action\":\"Pin\",\"entryPath\":%s}", ANY(paths));
    }
    put(b, "}%s", dice(9) ? "" : dice(2) ? "\r" : " x");
}

static void
mutate(struct al_buf *b)
{
    for (uint32_t n = dice(3); n > 0 && b->len > 0; n--) {
        uint32_t at = dice((uint32_t)b->len);

        switch (dice(4)) {
        case 0:
            b->at[at] = (uint8_t)dice(256);
            break;
        case 1:
            b->at[at] = (uint8_t) "{}[]\",:\\0u9e"[dice(12)];
            break;
        case 2:
            b->len = at;
            break;
        default:
            memmove(b->at + at, b->at + at + 1, b->len - at - 1);
            b->len--;
            break;
        }
    }
}

static bool
same_text(struct al_span a, struct al_span b)
{
    return (a.at == NULL) == (b.at == NULL) && (a.at == NULL || (a.len == b.len && memcmp(a.at, b.at, a.len) == 0));
}

static bool
same_event(const struct auditlog_event *a, const struct auditlog_event *b)
{
    return a->time_ns == b->time_ns && a->action == b->action && same_text(a->name, b->name) && same_text(a->path, b->path) &&
           same_text(a->target, b->target) && same_text(a->user, b->user) && same_text(a->host, b->host) && same_text(a->node, b->node) &&
           same_text(a->file_id, b->file_id) && same_text(a->filespace, b->filespace) && same_text(a->filespace_uuid, b->filespace_uuid);
}

static void
lines(bool mutants, uint32_t count)
{
    struct line_reader with, without;
    struct al_buf AL_CLEANUP(al_buf_free) b = {0};
    uint32_t kind = 0, told = 0, shapes = 0;

    al_buf_init(&b, 1u << 20);
    line_reader_begin(&with);
    line_reader_begin(&without);
    without.guess = false;
    for (uint32_t i = 0; i < count; i++) {
        struct auditlog_event x = {0}, y = {0};
        enum auditlog_skip a = AUDITLOG_SKIP_LONG, c = AUDITLOG_SKIP_LONG;
        bool known = with.shape.known, one, two;
        const char *differs;

        kind = dice(40) == 0 ? dice(1000) : kind;
        make_line(&b, kind);
        if (mutants) {
            mutate(&b);
        }
        TAP_CHECK(line_reader_room(&with, al_buf_span(&b)) && line_reader_room(&without, al_buf_span(&b)));
        one = line_read(&with, al_buf_span(&b), &x, &a);
        two = line_read(&without, al_buf_span(&b), &y, &c);
        if (one != two || (one ? !same_event(&x, &y) : a != c)) {
            tap_fail(__FILE__, __LINE__, "with and without shapes differ on %.*s", (int)b.len, (const char *)b.at);
        }
        TAP_CHECK(line_reader_room(&with, al_buf_span(&b)));
        differs = reference_differs(&with, b.at, b.len);
        if (differs != NULL) {
            tap_fail(__FILE__, __LINE__, "%s: %.*s", differs, (int)b.len, (const char *)b.at);
        }
        told += one;
        shapes += known;
    }
    /* Or nothing would have been tried. */
    TAP_CHECK(told > count / 10 && shapes > count / 10);
    line_reader_end(&with);
    line_reader_end(&without);
}

static void
a_general_library_reads_the_same(void)
{
    lines(false, 200000);
}

static void
a_general_library_reads_the_same_in_mutants(void)
{
    lines(true, 400000);
}

int
main(void)
{
    TAP_RUN(a_general_library_reads_the_same);
    TAP_RUN(a_general_library_reads_the_same_in_mutants);
    return tap_end();
}
