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

static uint32_t calm = 1; /* how seldom a line is another than the one before */

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
        put(b, "%s\"timestamp\":%s%s,", gap, gap, dice(6 * calm) ? times[0] : ANY(times));
    }
    if (kind % 3 != 2) {
        put(b, "\"user\":%s{\"name\":%s,\"id\":%s},\"device\":{\"hostName\":%s,\"osName\":\"macOS\"},", gap, dice(6 * calm) ? texts[0] : ANY(texts),
            dice(9 * calm) ? texts[0] : ANY(texts), dice(9 * calm) ? texts[1] : ANY(texts));
    } else if (kind % 2) {
        put(b, "\"user\":%s,", ANY(texts));
    }
    if (kind % 4 != 3) {
        put(b, "\"event\":{\"filespace\":%s,\"nodeId\":%s,\"filespaceUuid\":%s},", dice(9 * calm) ? "\"shows.x\"" : ANY(texts),
            dice(9 * calm) ? "\"42\"" : ANY(texts), dice(9 * calm) ? "\"5f0c\"" : ANY(texts));
    }
    put(b, "\"operation\":{");
    if (kind % 11 == 10) {
        put(b, "\"entryPath\":%s,\"action\":%s", ANY(paths), ANY(actions));
    } else {
        put(b, "\"action\":%s,%s\"entryPath\":%s", dice(5) ? ANY(actions) : actions[0], gap, dice(3) ? paths[0] : ANY(paths));
    }
    if (dice(3)) {
        put(b, ",\"fileId\":%s", dice(9 * calm) ? "\"103:3\"" : ANY(texts));
    }
    if (!dice(4)) {
        put(b, ",\"targetPath\":%s", ANY(paths));
    }
    if (!dice(12 * calm)) {
        put(b, ",\"entryPath\":%s", ANY(paths));
    }
    put(b, "}");
    if (kind % 7 == 6) {
        put(b, ",\"timestamp\":%s", ANY(times));
    }
    if (!dice(12 * calm)) {
        put(b, ",\"%s\":%s", dice(2) ? "timestamp" : "user", dice(2) ? ANY(times) : ANY(texts));
    }
    if (!dice(20 * calm)) {
        put(b, ",\"op\\u0065ration\":{\"action\":\"Pin\",\"entryPath\":%s}", ANY(paths));
    }
    put(b, "}%s", dice(9 * calm) ? "" : dice(2) ? "\r" : " x");
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

/* The line with what may come behind it. Returns whether it was told in one look. */
static bool
ahead(struct line_reader *r, struct al_buf *b, struct auditlog_event *ret)
{
    const size_t len = b->len;
    size_t told = 0;
    bool yes;

    put(b, "\n%.*s", (int)dice(30), "{\"timestamp\":17/./.\"\\ 9067746");
    yes = line_ahead(r, al_buf_span(b), ret, &told);
    b->len = len;
    TAP_CHECK(!yes || told == len + 1);
    return yes;
}

static void
lines(bool mutants, uint32_t count)
{
    struct line_reader with, without;
    struct al_buf AL_CLEANUP(al_buf_free) b = {0};
    uint32_t kind = 0, told = 0, shapes = 0, looks = 0;

    al_buf_init(&b, 1u << 20);
    line_reader_begin(&with);
    line_reader_begin(&without);
    without.guess = false;
    for (uint32_t i = 0; i < count; i++) {
        struct auditlog_event x = {0}, y = {0}, z = {0};
        enum auditlog_skip a = AUDITLOG_SKIP_LONG, c = AUDITLOG_SKIP_LONG;
        bool known = with.shape.known, look, one, two;
        const char *differs;

        if (dice(40) == 0) {
            kind = dice(1000);
            calm = dice(2) ? 1 : 30;
        }
        make_line(&b, kind);
        if (mutants) {
            mutate(&b);
        }
        TAP_CHECK(line_reader_room(&with, al_buf_span(&b)) && line_reader_room(&without, al_buf_span(&b)));
        look = memchr(b.at, '\n', b.len) == NULL && ahead(&with, &b, &z);
        one = line_read(&with, al_buf_span(&b), &x, &a);
        two = line_read(&without, al_buf_span(&b), &y, &c);
        if (one != two || (one ? !reference_same_event(&x, &y) : a != c)) {
            tap_fail(__FILE__, __LINE__, "with and without shapes differ on %.*s", (int)b.len, (const char *)b.at);
        }
        if (look && (!two || !reference_same_event(&z, &y))) {
            tap_fail(__FILE__, __LINE__, "in one look it is another event: %.*s", (int)b.len, (const char *)b.at);
        }
        looks += look;
        TAP_CHECK(line_reader_room(&with, al_buf_span(&b)));
        differs = reference_differs(&with, b.at, b.len);
        if (differs != NULL) {
            tap_fail(__FILE__, __LINE__, "%s: %.*s", differs, (int)b.len, (const char *)b.at);
        }
        told += one;
        shapes += known;
    }
    /* Or nothing would have been tried. */
    printf("# of %u lines %u told something, %u had a shape before them, %u were told in one look\n", count, told, shapes, looks);
    TAP_CHECK(told > count / 10 && shapes > count / 10 && looks > count / 200);
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
