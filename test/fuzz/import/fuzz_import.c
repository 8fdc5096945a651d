/* Any bytes as a list: looked at, and every row read as the look says. What is taken must be a path of ours and values in their
 * range; where a record ends must not depend on how much of the rest is there. The first byte chooses options. */
#include <stdlib.h>
#include <string.h>

#include "server/import/look.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t scratch[IMPORT_ROW_SCRATCH];

static void
must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void
check_path(struct al_span p)
{
    size_t at = 0;

    must(p.len <= IMPORT_PATH_BYTES_MAX);
    while (at < p.len) {
        size_t end = at + 1;

        must(p.at[at] == '/');
        while (end < p.len && p.at[end] != '/') {
            must(p.at[end] != 0);
            end++;
        }
        must(end - at > 1);
        must(!(end - at == 2 && p.at[at + 1] == '.') &&
             !(end - at == 3 && p.at[at + 1] == '.' && p.at[at + 2] == '.'));
        at = end;
    }
}

static void
check_row(const struct import_plan *plan, const struct al_span *cells, size_t n)
{
    struct import_values values;
    struct import_refusal why = {0};
    struct import_row row;

    if (!import_row_values(plan, cells, n, &values, &why) ||
        !import_row_read(plan, &values, scratch, &row, &why)) {
        must(why.reason != NULL && why.field <= IMPORT_FIELDS);
        return;
    }
    check_path(row.path);
    must(row.size <= INT64_MAX && row.allocated <= INT64_MAX);
}

static void
check_rows(const struct import_plan *plan, const uint8_t *bytes, size_t len)
{
    uint8_t *copy = malloc(len + 1), *at, *end;

    must(copy != NULL);
    memcpy(copy, bytes, len);
    at = copy + (plan->data_at < len ? plan->data_at : len);
    end = copy + len;
    while (at < end) {
        struct al_span cells[IMPORT_COLUMNS_MAX];
        uint64_t lines = 0, again = 0;
        uint8_t *next = import_record_end(&plan->dialect, at, end, &lines);
        size_t n;

        if (next != NULL) {
            must(next > at && next <= end && lines >= 1);
            /* One byte of the next record more is enough to be sure; the same record then. */
            if (next < end) {
                must(import_record_end(&plan->dialect, at, next + 1, &again) == next &&
                     again == lines);
            }
        }
        next = next != NULL ? next : end;
        n = import_record_split(&plan->dialect, at, next, cells);
        if (n > 0) {
            check_row(plan, cells, n);
        }
        at = next;
    }
    free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char delimiters[] = {0, ',', ';', '\t', '|', ' ', 'x', 0};
    struct import_sample sample = {
        .head_whole = true, .compression = IMPORT_PLAIN, .encoding = IMPORT_UTF8};
    struct import_options o = {0};
    struct import_look look;
    struct import_plan plan;
    struct al_arena *arena;

    if (size < 1 || size > (1u << 16)) {
        return 0;
    }
    o.delimiter = delimiters[data[0] & 7];
    o.header = (enum import_header)((data[0] >> 3) % 3);
    o.dates = (enum import_dates)((data[0] >> 5) & 3);
    arena = al_arena_new((size_t)64 << 20);
    al_buf_init(&sample.bytes, 1u << 20);
    must(arena != NULL && al_buf_add(&sample.bytes, data + 1, size - 1) == AL_OK);
    sample.head_len = sample.file_bytes = sample.plain_about = size - 1;
    if (import_guess_csv(&sample, &o, arena, &look, &plan, NULL) == AL_OK) {
        must(look.column_count == plan.columns);
        check_rows(&plan, sample.bytes.at, sample.head_len);
    }
    import_sample_free(&sample);
    al_arena_free(arena);
    return 0;
}
