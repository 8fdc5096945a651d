/* Records, cells and paths of lists that others made. */
#include "tap.h"

#include <stdlib.h>
#include <string.h>

#include "port/port.h"
#include "server/import/rows.h"

#define S INT64_C(1000000000)
/* 2024-05-01 13:45:10 UTC */
#define MAY_1 (INT64_C(1714571110) * S)
#define HOUR (3600 * S)

static struct al_span
sp(const char *t)
{
    return al_span_of(t);
}

/* ---- records ---- */

static const struct import_dialect csv = {.delimiter = ',', .quote = '"', .terminator = '\n'};

/* All cells of all records, "[a][b]|" a record; every buffer is exactly as long as what is in it. */
static void
cells_of(const struct import_dialect *d, const char *text, size_t len, char *out, size_t cap)
{
    uint8_t *bytes = malloc(len > 0 ? len : 1), *at = bytes, *end = bytes + len;
    size_t n = 0;

    memcpy(bytes, text, len);
    out[0] = '\0';
    while (at < end) {
        struct al_span cells[IMPORT_COLUMNS_MAX];
        uint64_t lines = 0;
        uint8_t *next = import_record_end(d, at, end, &lines);
        size_t count;

        next = next != NULL ? next : end;
        count = import_record_split(d, at, next, cells);
        for (size_t i = 0; i < count && i < IMPORT_COLUMNS_MAX; i++) {
            n += (size_t)snprintf(out + n, cap - n, "[%.*s]", (int)cells[i].len,
                                  (const char *)cells[i].at);
        }
        n += (size_t)snprintf(out + n, cap - n, "|");
        at = next;
    }
    free(bytes);
}

static void
records_are(const struct import_dialect *d, const char *text, size_t len, const char *expected)
{
    char out[1024];

    cells_of(d, text, len, out, sizeof(out));
    TAP_EQUAL_STR(out, expected);
}

#define RECORDS(d, text, expected) records_are(d, text, sizeof(text) - 1, expected)

static void
records_are_told_apart(void)
{
    const struct import_dialect zero = {.delimiter = '\t'};
    const struct import_dialect blanks = {
        .delimiter = ' ', .terminator = '\n', .rest_last = true, .columns = 3};

    RECORDS(&csv, "a,b\nc,d\n", "[a][b]|[c][d]|");
    RECORDS(&csv, "a,b\r\nc,d\r\n", "[a][b]|[c][d]|");
    RECORDS(&csv, "a,b", "[a][b]|");
    RECORDS(&csv, "\n\r\na\n", "||[a]|");
    RECORDS(&csv, ",\n", "[][]|");
    RECORDS(&csv, "a,\n", "[a][]|");
    RECORDS(&csv, "\"a,b\",c\n", "[a,b][c]|");
    RECORDS(&csv, "\"a\nb\",c\nd\n", "[a\nb][c]|[d]|");
    RECORDS(&csv, "\"a\"\"b\",\"\"\"\"\n", "[a\"b][\"]|");
    RECORDS(&csv, "\"\",\"\"\n", "[][]|");
    /* Quotes that are none, and one that is never closed. */
    RECORDS(&csv, "a\"b,c\"\nd\n", "[a\"b][c\"]|[d]|");
    RECORDS(&csv, "\"a\"b,c\n", "[\"a\"b][c]|");
    RECORDS(&csv, "\"a,b\nc\n", "[\"a,b\nc]|");
    RECORDS(&zero, "a\tb\nc\0d\te\0", "[a][b\nc]|[d][e]|");
    RECORDS(&blanks, "f 12 ./a b  c\nd 0 \n", "[f][12][./a b  c]|[d][0][]|");
}

static void
a_record_ends_where_all_of_it_is_there(void)
{
    static const char text[] = "\"a\"\"\n\",b\nc\n";
    uint64_t lines = 0;

    /* Cut anywhere inside, it has no end yet. */
    for (size_t len = 0; len < 9; len++) {
        uint8_t *bytes = malloc(len + 1);

        memcpy(bytes, text, len);
        TAP_CHECK(import_record_end(&csv, bytes, bytes + len, &lines) == NULL);
        free(bytes);
    }
    {
        uint8_t bytes[sizeof(text)];

        memcpy(bytes, text, sizeof(text));
        TAP_CHECK(import_record_end(&csv, bytes, bytes + sizeof(text) - 1, &lines) == bytes + 9);
        TAP_EQUAL_U64(lines, 2);
    }
}

/* ---- cells ---- */

static void
size_is(const char *cell, uint8_t decimal, uint64_t expected)
{
    uint64_t v = 0;
    int rc = import_cell_size(sp(cell), decimal, 1, &v);

    if (rc != AL_OK || v != expected) {
        tap_fail(__FILE__, __LINE__, "\"%s\" gave %d, %llu", cell, rc, (unsigned long long)v);
    }
}

static void
sizes_are_read(void)
{
    static const char *const none[] = {"",
                                       "x",
                                       "-1",
                                       "1.2.3",
                                       "1,23,4",
                                       "12 parsecs",
                                       "1e5",
                                       "9223372036854775808",
                                       "1,234.567.8",
                                       "99999999 TB",
                                       ".",
                                       ",",
                                       "1.",
                                       "0x",
                                       "99999999999999999999999"};
    uint64_t v;

    size_is("4096", 0, 4096);
    size_is(" 4096 ", 0, 4096);
    size_is("0", 0, 0);
    size_is("9223372036854775807", 0, INT64_MAX);
    size_is("1,234,567", 0, 1234567);
    size_is("1.234.567", 0, 1234567);
    size_is("1 234 567", 0, 1234567);
    size_is("1'234'567", 0, 1234567);
    size_is("1\xc2\xa0"
            "234\xe2\x80\xaf"
            "567",
            0, 1234567);
    size_is("1,234", 0, 1234);
    size_is("1.234", 0, 1234);
    size_is("1,5 GB", 0, UINT64_C(1610612736));
    size_is("1.5 GiB", 0, UINT64_C(1610612736));
    size_is("12 KB", 0, 12288);
    size_is("12 kB", 0, 12000);
    size_is("12K", 0, 12288);
    size_is("100 Bytes", 0, 100);
    size_is("1.234,5 MB", 0, UINT64_C(1294467072));
    size_is("1,234.5 MB", 0, UINT64_C(1294467072));
    size_is("1,234 KB", 0, 1234 * 1024);
    size_is("1,234 GB", ',', UINT64_C(1324997410));
    size_is("1.234 GB", ',', UINT64_C(1234) << 30);
    TAP_OK(import_cell_size(sp("1.5"), '.', 1048576, &v));
    TAP_EQUAL_U64(v, 1572864);
    for (size_t i = 0; i < AL_LEN(none); i++) {
        if (import_cell_size(sp(none[i]), 0, 1, &v) != AL_EINVAL) {
            tap_fail(__FILE__, __LINE__, "\"%s\" is taken", none[i]);
        }
    }
}

static void
time_is(const char *cell, enum import_dates dates, int zone, int64_t expected)
{
    int64_t v = 0;
    int rc = import_cell_time(sp(cell), dates, IMPORT_EPOCH_GUESS, zone, &v);

    if (rc != AL_OK || v != expected) {
        tap_fail(__FILE__, __LINE__, "\"%s\" gave %d, %lld, not %lld", cell, rc, (long long)v,
                 (long long)expected);
    }
}

static void
times_are_read(void)
{
    static const struct {
        const char *cell;
        enum import_dates dates;
        int64_t ns;
    } rows[] = {
        {"2024-05-01T13:45:10Z", 0, MAY_1},
        {"2024-05-01T15:45:10+02:00", 0, MAY_1},
        {"2024-05-01 13:45:10", 0, MAY_1},
        {"2024-05-01 13:45:10.5", 0, MAY_1 + S / 2},
        {"2024-05-01+13:45:10.1234567890", 0, MAY_1 + 123456789},
        {"2024/05/01 13:45:10", 0, MAY_1},
        {"2024-05-01T08:45:10-0500", 0, MAY_1},
        {"Wed May  1 13:45:10.0000000000 2024", 0, MAY_1},
        {"1-May-2024 13:45:10", 0, MAY_1},
        {"5/1/2024 1:45:10 PM", IMPORT_DATES_US, MAY_1},
        {"5/1/2024 1:45:10\xe2\x80\xafPM", IMPORT_DATES_US, MAY_1},
        {"05/01/2024, 1:45:10 p.m.", IMPORT_DATES_US, MAY_1},
        {"01/05/2024 13:45:10", IMPORT_DATES_EUROPEAN, MAY_1},
        {"01.05.2024 13:45:10", 0, MAY_1},
        {"1.5.24 13:45:10", IMPORT_DATES_EUROPEAN, MAY_1},
        {"1714571110", 0, MAY_1},
        {"1714571110.5000000000", 0, MAY_1 + S / 2},
        {"1714571110000", 0, MAY_1},
        {"1714571110000000", 0, MAY_1},
        {"1714571110000000000", 0, MAY_1},
        {"133590447100000000", 0, MAY_1},
        {"-86400", 0, -86400 * S},
        {"", 0, IMPORT_TIME_UNKNOWN},
        {" - ", 0, IMPORT_TIME_UNKNOWN},
        {"NULL", 0, IMPORT_TIME_UNKNOWN},
        {"0001-01-01 00:00:00", 0, IMPORT_TIME_UNKNOWN},
        {"1/1/1601 1:00:00 AM", IMPORT_DATES_US, IMPORT_TIME_UNKNOWN},
    };
    static const char *const none[] = {"2024-02-30",
                                       "2024-13-01 00:00:00",
                                       "31.04.2024",
                                       "yesterday",
                                       "25:00",
                                       "2024-05-01 24:00:01",
                                       "99999999999999999999",
                                       "13/13/2024",
                                       "2024-05-01 13:45:10+2",
                                       "5/1/2024 13:45:10 PM",
                                       "1500-01-01",
                                       "3000-01-01",
                                       "2024-05-01 13:45:10 foo"};
    int64_t v;

    for (size_t i = 0; i < AL_LEN(rows); i++) {
        time_is(rows[i].cell, rows[i].dates, 0, rows[i].ns);
    }
    time_is("2024-05-01 15:45:10", 0, 120, MAY_1);
    time_is("2024-05-01T13:45:10Z", 0, 120, MAY_1);
    for (size_t i = 0; i < AL_LEN(none); i++) {
        if (import_cell_time(sp(none[i]), 0, IMPORT_EPOCH_GUESS, 0, &v) != AL_EINVAL) {
            tap_fail(__FILE__, __LINE__, "\"%s\" is taken", none[i]);
        }
    }
}

static void
types_attributes_and_modes_are_read(void)
{
    static const struct {
        const char *cell;
        uint8_t type;
    } types[] = {{"f", PORT_T_FILE},           {"d", PORT_T_FOLDER},
                 {"l", PORT_T_SYMLINK},        {"File", PORT_T_FILE},
                 {"True", PORT_T_FOLDER},      {"False", PORT_T_FILE},
                 {"Directory", PORT_T_FOLDER}, {"", PORT_T_UNKNOWN},
                 {"s", PORT_T_SOCKET},         {"Dateiordner", PORT_T_FOLDER}};
    uint8_t type;
    uint32_t bits, attrs;

    for (size_t i = 0; i < AL_LEN(types); i++) {
        TAP_OK(import_cell_type(sp(types[i].cell), &type));
        TAP_EQUAL_U64(type, types[i].type);
    }
    TAP_CODE(import_cell_type(sp("Text Document"), &type), AL_EINVAL);
    type = 0;
    TAP_OK(import_cell_attrs(sp("ReadOnly, Archive"), false, &bits, &type));
    TAP_EQUAL_U64(bits, PORT_A_READONLY);
    TAP_EQUAL_U64(type, 0);
    TAP_OK(import_cell_attrs(sp("Directory, Hidden"), false, &bits, &type));
    TAP_EQUAL_U64(bits, PORT_A_HIDDEN);
    TAP_EQUAL_U64(type, PORT_T_FOLDER);
    TAP_OK(import_cell_attrs(sp("RHSA"), false, &bits, &type));
    TAP_EQUAL_U64(bits, PORT_A_READONLY | PORT_A_HIDDEN | PORT_A_SYSTEM);
    TAP_OK(import_cell_attrs(sp("33"), false, &bits, &type));
    TAP_EQUAL_U64(bits, PORT_A_READONLY);
    TAP_CODE(import_cell_attrs(sp("R/H"), false, &bits, &type), AL_EINVAL);
    type = 0;
    attrs = 0;
    TAP_OK(import_cell_mode(sp("0644"), &bits, &type, &attrs));
    TAP_EQUAL_U64(bits, 0644);
    TAP_OK(import_cell_mode(sp("40755"), &bits, &type, &attrs));
    TAP_EQUAL_U64(bits, 0755);
    TAP_EQUAL_U64(type, PORT_T_FOLDER);
    type = 0;
    TAP_OK(import_cell_mode(sp("-rwsr-x--t"), &bits, &type, &attrs));
    TAP_EQUAL_U64(bits, 05751);
    TAP_EQUAL_U64(type, PORT_T_FILE);
    type = 0;
    TAP_OK(import_cell_mode(sp("d-r---"), &bits, &type, &attrs));
    TAP_EQUAL_U64(type, PORT_T_FOLDER);
    TAP_EQUAL_U64(attrs, PORT_A_READONLY);
    TAP_CODE(import_cell_mode(sp("0849"), &bits, &type, &attrs), AL_EINVAL);
}

/* ---- paths ---- */

static void
path_is(bool windows, const char *root, const char *raw, size_t raw_len, const char *expected)
{
    struct import_root r = {windows, sp(root)};
    uint8_t *out = malloc(raw_len + 2), *exact = malloc(raw_len > 0 ? raw_len : 1);
    size_t len = 0;
    bool folder;
    const char *why;
    char got[256];

    memcpy(exact, raw, raw_len);
    why = import_path_read(&r, (struct al_span){exact, raw_len}, out, &len, &folder);
    (void)snprintf(got, sizeof(got), "%.*s%s", why == NULL ? (int)len : 0, (const char *)out,
                   why != NULL ? "refused" : "");
    free(out);
    free(exact);
    if (strcmp(got, expected) != 0) {
        tap_fail(__FILE__, __LINE__, "\"%s\" below \"%s\" is \"%s\", not \"%s\" (%s)", raw, root,
                 got, expected, why != NULL ? why : "");
    }
}

#define PATH(windows, root, raw, expected) path_is(windows, root, raw, sizeof(raw) - 1, expected)

static void
paths_become_ours(void)
{
    PATH(false, "/srv/data", "/srv/data/a/b", "/a/b");
    PATH(false, "/srv/data", "/srv/data", "");
    PATH(false, "/srv/data", "/srv/data/", "");
    PATH(false, "/srv/data", "/srv/data/a/", "/a");
    PATH(false, "", "./a/b", "/a/b");
    PATH(false, "", ".", "");
    PATH(false, "", "a/b", "/a/b");
    PATH(false, "", "/a\\b", "/a\\b");
    PATH(false, "", "/a\xff", "/a\xff");
    PATH(true, "D:/Data", "D:\\Data\\a\\b", "/a/b");
    PATH(true, "D:/Data", "d:\\DATA\\a", "/a");
    PATH(true, "D:", "D:\\", "");
    PATH(true, "D:", "D:\\a", "/a");
    PATH(true, "D:", "\\\\?\\D:\\a", "/a");
    PATH(true, "//nas/x", "\\\\nas\\x\\a", "/a");
    PATH(true, "//nas/x", "\\\\?\\UNC\\nas\\x\\a", "/a");
    PATH(false, "/srv/data", "/srv/data2/a", "refused");
    PATH(false, "/srv/data", "/srv", "refused");
    PATH(false, "", "", "refused");
    PATH(false, "", "/a/../b", "refused");
    PATH(false, "", "/a/./b", "refused");
    PATH(false, "", "/..", "refused");
    PATH(false, "", "/a//b", "refused");
    PATH(false, "", "//", "refused");
    PATH(false, "", "/a\0b", "refused");
    PATH(true, "D:", "D:\\..\\a", "refused");
    PATH(true, "D:", "E:\\a", "refused");
}

static void
an_overlong_name_is_refused(void)
{
    char raw[IMPORT_NAME_BYTES_MAX + 3];
    struct import_root r = {false, sp("")};
    uint8_t out[sizeof(raw) + 2];
    size_t len;
    bool folder;

    memset(raw, 'a', sizeof(raw));
    raw[0] = '/';
    TAP_CHECK(import_path_read(&r, (struct al_span){(uint8_t *)raw, IMPORT_NAME_BYTES_MAX + 1}, out,
                               &len, &folder) == NULL);
    TAP_CHECK(import_path_read(&r, (struct al_span){(uint8_t *)raw, IMPORT_NAME_BYTES_MAX + 2}, out,
                               &len, &folder) != NULL);
}

static void
names_go_both_ways(void)
{
    for (int f = 0; f < IMPORT_FIELDS; f++) {
        TAP_CHECK((int)import_field_of(import_field_name((enum import_field)f)) == f);
    }
    TAP_CHECK(import_field_name(IMPORT_FIELDS) == NULL);
    TAP_CHECK(import_field_of("nothing") == IMPORT_FIELDS);
    TAP_CHECK(import_encoding_of(import_encoding_name(IMPORT_UTF16BE)) == IMPORT_UTF16BE);
    TAP_CHECK(import_dates_of("european") == IMPORT_DATES_EUROPEAN && import_dates_of("x") == -1);
}

int
main(void)
{
    TAP_RUN(records_are_told_apart);
    TAP_RUN(a_record_ends_where_all_of_it_is_there);
    TAP_RUN(sizes_are_read);
    TAP_RUN(times_are_read);
    TAP_RUN(types_attributes_and_modes_are_read);
    TAP_RUN(paths_become_ours);
    TAP_RUN(an_overlong_name_is_refused);
    TAP_RUN(names_go_both_ways);
    return tap_end();
}
