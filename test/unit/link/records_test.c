/* Rows of audit logs as records: every row is told once, no record is too long, and each says what the row said. */
#include <stdio.h>
#include <string.h>

#include "agent/link/records.h"
#include "base/json.h"
#include "tap.h"

#define VOLUME "01KAQ0N2V4TZ6M9B3C5D7E8F0G"

static struct al_buf line;

static struct digest_row
used(const char *path, const char *user, const char *node)
{
    return (struct digest_row){.kind = DIGEST_USED,
                               .path = al_span_of(path),
                               .time_ns = 7,
                               .reads = 2,
                               .user = al_span_of(user),
                               .node = al_span_of(node)};
}

static json_t *
print_of(bool noise, const struct digest_row *rows, size_t count, size_t *ret_taken)
{
    uint64_t lost = 0;
    json_t *obj = NULL;

    TAP_OK(record_access(VOLUME, rows, count, noise, &line, ret_taken, &lost));
    TAP_EQUAL_U64(lost, 0);
    TAP_CHECK(line.len <= RECORD_ACCESS_BYTES);
    TAP_OK(al_json_parse(al_buf_span(&line), &obj, NULL));
    return obj;
}

static json_t *
print(const struct digest_row *rows, size_t count, size_t *ret_taken)
{
    return print_of(false, rows, count, ret_taken);
}

/* A server that knows nothing of noise finds a record without rows. */
static void
noise_has_records_of_its_own(void)
{
    struct digest_row rows[] = {used("a", "anna", "n"), used("b", "backup", "n"),
                                {.kind = DIGEST_CREATE, .path = al_span_of("c"), .time_ns = 1}};
    json_t AL_CLEANUP(al_json_freep) *obj = NULL;
    json_t AL_CLEANUP(al_json_freep) *other = NULL;
    size_t taken;

    rows[1].noise = rows[2].noise = true;
    obj = print_of(true, rows, AL_LEN(rows), &taken);
    TAP_EQUAL_U64(taken, AL_LEN(rows));
    TAP_EQUAL_STR((const char *)line.at,
                  "{\"t\":\"access\",\"volume_id\":\"" VOLUME "\",\"rows\":[],\"noise\":["
                  "[\"b\",7,0,2,0,0],{\"k\":\"create\",\"path\":\"c\",\"time_ns\":1}],"
                  "\"who\":[[\"backup\",null,\"n\"]]}");
    other = print(rows, AL_LEN(rows), &taken);
    TAP_EQUAL_STR((const char *)line.at,
                  "{\"t\":\"access\",\"volume_id\":\"" VOLUME "\",\"rows\":["
                  "[\"a\",7,0,2,0,0]],\"who\":[[\"anna\",null,\"n\"]]}");
    TAP_OK(record_access(VOLUME, rows, 1, true, &line, &taken, &(uint64_t){0}));
    TAP_CHECK(taken == 1 && line.len == 0);
}

static void
uses_without_metadata_are_short(void)
{
    static const struct port_stat st = {.type = PORT_T_FILE, .size = 1};
    struct digest_row rows[] = {
        used("a", "anna", "n"),     used("b", "anna", "n"),
        used("c", "", ""),          used("d", "anna", "n"),
        used("e\xff", "anna", "n"), {.kind = DIGEST_PIN, .path = al_span_of("f"), .time_ns = 1}};
    json_t AL_CLEANUP(al_json_freep) *obj = NULL;
    size_t taken;

    rows[3].stat = &st;
    rows[1].dropped = true;
    obj = print(rows, AL_LEN(rows), &taken);
    TAP_EQUAL_U64(taken, AL_LEN(rows));
    TAP_EQUAL_STR(
        (const char *)line.at,
        "{\"t\":\"access\",\"volume_id\":\"" VOLUME "\",\"rows\":["
        "[\"a\",7,0,2,0,0],[\"c\",7,0,2,0,1],"
        "{\"k\":\"used\",\"path\":\"d\",\"time_ns\":7,\"reads\":2,\"user\":\"anna\",\"node\":\"n\","
        "\"stat\":{\"type\":\"file\",\"size\":1,\"mtime_ns\":0,\"ctime_ns\":0,\"btime_ns\":0}},"
        "{\"k\":\"used\",\"path\":\"e\xef\xbf\xbd\",\"path_b64\":\"Zf8=\",\"time_ns\":7,\"reads\":"
        "2,\"user\":\"anna\",\"node\":\"n\"},"
        "{\"k\":\"pin\",\"path\":\"f\",\"time_ns\":1}],"
        "\"who\":[[\"anna\",null,\"n\"],[\"\",null,\"\"]]}");
}

/* More people than a record names, and so many rows, of paths of every length, that they take many records. */
static void
every_row_is_told_once(void)
{
    enum { ROWS = 9000, PEOPLE = 100 };
    static struct digest_row rows[ROWS];
    static char paths[ROWS][300], people[PEOPLE][80];
    size_t at = 0, told = 0, records = 0, shorts = 0;

    for (size_t i = 0; i < PEOPLE; i++) { /* quotes take two bytes, control characters six */
        snprintf(people[i], sizeof(people[i]),
                 "%zu \"\"\"\"\"\"\"\"\"\" \x01\x02\x03\x04\x05 of some length", i);
    }
    for (size_t i = 0; i < ROWS; i++) {
        snprintf(paths[i], sizeof(paths[i]), "%zu/%0*d\n", i, (int)(i * 7 % 250), 0);
        rows[i] = used(paths[i], people[i / 3 % PEOPLE], people[i / 500 % PEOPLE]);
    }
    while (at < ROWS) {
        size_t taken = 0;
        json_t AL_CLEANUP(al_json_freep) *obj = print(rows + at, ROWS - at, &taken);
        const json_t *list = json_object_get(obj, "rows"), *who = json_object_get(obj, "who");

        TAP_CHECK(taken > 0 && json_array_size(list) == taken);
        TAP_CHECK(json_array_size(who) <= RECORD_ACCESS_WHO);
        for (size_t i = 0; i < taken; i++) {
            const json_t *row = json_array_get(list, i);
            const struct digest_row *r = &rows[at + i];
            bool is_short = json_is_array(row);
            const json_t *names =
                is_short ? json_array_get(who, (size_t)json_integer_value(json_array_get(row, 5)))
                         : NULL;
            const char *path =
                json_string_value(is_short ? json_array_get(row, 0) : json_object_get(row, "path"));
            const char *user = json_string_value(is_short ? json_array_get(names, 0)
                                                          : json_object_get(row, "user"));
            const char *node = json_string_value(is_short ? json_array_get(names, 2)
                                                          : json_object_get(row, "node"));

            if (path == NULL || user == NULL || node == NULL ||
                !al_span_equal(al_span_of(path), r->path) ||
                !al_span_equal(al_span_of(user), r->user) ||
                !al_span_equal(al_span_of(node), r->node)) {
                TAP_CHECK(false);
                return;
            }
            shorts += is_short;
            told++;
        }
        at += taken;
        records++;
    }
    TAP_EQUAL_U64(told, ROWS);
    TAP_CHECK(records > 10 && shorts > ROWS / 4 && shorts < ROWS);
}

/* The names alone take the room: none may push a record over its end. */
static void
names_count_as_bytes_too(void)
{
    enum { ROWS = 200 };
    static char people[ROWS][256];
    struct digest_row rows[ROWS];

    for (size_t i = 0; i < ROWS; i++) {
        memset(people[i], 1, 255); /* six bytes each */
        snprintf(people[i], 8, "%05zu", i);
        people[i][5] = 'x';
        rows[i] = used("p", people[i], people[i]);
    }
    for (size_t at = 0; at < ROWS;) {
        size_t taken = 0;
        json_t AL_CLEANUP(al_json_freep) *obj = print(rows + at, ROWS - at, &taken);

        TAP_CHECK(taken > 1 && json_array_size(json_object_get(obj, "rows")) == taken);
        if (taken == 0) {
            return;
        }
        at += taken;
    }
}

int
main(void)
{
    al_buf_init(&line, RECORD_ACCESS_BUFFER);
    TAP_RUN(uses_without_metadata_are_short);
    TAP_RUN(noise_has_records_of_its_own);
    TAP_RUN(every_row_is_told_once);
    TAP_RUN(names_count_as_bytes_too);
    al_buf_free(&line);
    return tap_end();
}
