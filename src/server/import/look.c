/* From bytes to a table: how records and cells are told apart, whether there is a header. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "server/import/guess.h"

#define PREAMBLE_RECORDS 25u /* titles that a program writes above its header */
#define PROBE_RECORDS 200u

struct probe {
    struct import_dialect dialect;
    size_t records, fitting; /* looked at; with the usual number of columns */
    size_t columns;          /* the usual number */
    size_t header;           /* that of a record which is a header; 0: none */
};

struct csv {
    struct import_sample *s;
    const struct import_options *options;
    struct al_arena *arena;
    uint8_t *from, *end; /* the head */
    struct import_dialect dialect;
    size_t columns;
    struct al_span *names;
    struct al_span **rows;
    size_t row_count;
    uint64_t data_at, data_line;
    uint64_t row_bytes;
    size_t window; /* of next_path */
    uint8_t *window_at, *window_end;
    const struct import_plan *plan;
};

/* NUL between records: lists of `find -print0` and the like. Zeros one after the other are no list. Old Macs end lines
 * with '\r' alone. */
static uint8_t
terminator_of(const uint8_t *at, size_t len)
{
    size_t zeros = 0, twice = 0, lines = 0, returns = 0;

    for (size_t i = 0; i < len; i++) {
        zeros += at[i] == 0;
        lines += at[i] == '\n';
        returns += at[i] == '\r';
        twice += i > 0 && at[i] == 0 && at[i - 1] == 0;
    }
    if (zeros > lines && twice * 10 < zeros) {
        return 0;
    }
    return lines == 0 && returns > 0 ? '\r' : '\n';
}

/* Lines that are no rows: "#TYPE ..." of PowerShell, "sep=;" of Excel. */
static bool
is_remark(const uint8_t *at, const uint8_t *end)
{
    return (end - at >= 5 && memcmp(at, "#TYPE", 5) == 0) ||
           (end - at >= 5 && memcmp(at, "sep=", 4) == 0);
}

static bool
is_blank(const struct import_dialect *d, const uint8_t *at, const uint8_t *end)
{
    return at == end || *at == d->terminator || (*at == '\r' && at + 1 < end && at[1] == '\n');
}

/* Splits a copy: to split is to change. */
static size_t
split_copy(struct csv *c, const struct import_dialect *d, const uint8_t *at, const uint8_t *end,
           struct al_span *cells)
{
    size_t len = (size_t)(end - at);
    uint8_t *copy = al_arena_alloc(c->arena, len + 1);

    if (copy == NULL) {
        return 0;
    }
    memcpy(copy, at, len);
    return import_record_split(d, copy, copy + len, cells);
}

/* Whether the record is a header: names that are known, or words above numbers and paths. */
static bool
is_header(const struct al_span *cells, size_t count)
{
    size_t known = 0, values = 0;

    for (size_t i = 0; i < count; i++) {
        struct al_span c = import_trim(cells[i]);
        struct import_time_looks time;
        uint64_t n;

        known += import_name_known(c);
        import_time_look(c, &time);
        values += import_looks_path(c) || time.is_date || time.is_number ||
                  import_cell_size(c, 0, 1, &n) == AL_OK;
    }
    return known > 0 && values == 0 && known * 3 >= count;
}

static void
probe(struct csv *c, struct al_arena *scratch, struct probe *p)
{
    size_t counts[IMPORT_COLUMNS_MAX + 2] = {0}, counted = AL_LEN(counts), best = 0;
    uint8_t *at = c->from;
    struct csv local = *c;

    local.arena = scratch;
    while (at < c->end && p->records < PROBE_RECORDS) {
        struct al_span cells[IMPORT_COLUMNS_MAX];
        uint64_t lines;
        uint8_t *next = import_record_end(&p->dialect, at, c->end, &lines);
        size_t n;

        next = next == NULL && c->s->head_whole ? c->end : next;
        if (next == NULL) {
            break;
        }
        if (!is_remark(at, next) && !is_blank(&p->dialect, at, next)) {
            n = split_copy(&local, &p->dialect, at, next, cells);
            while (n > 1 && n <= IMPORT_COLUMNS_MAX && cells[n - 1].len == 0 &&
                   p->dialect.delimiter == ' ') {
                n--;
            }
            counts[n < counted ? n : counted - 1]++;
            if (p->header == 0 && p->records < PREAMBLE_RECORDS && n <= IMPORT_COLUMNS_MAX &&
                is_header(cells, n)) {
                p->header = n;
            }
            p->records++;
        }
        at = next;
        al_arena_reset(scratch);
    }
    for (size_t n = 1; n < counted; n++) {
        best = counts[n] > counts[best] ? n : best;
    }
    p->columns = best <= IMPORT_COLUMNS_MAX ? best : IMPORT_COLUMNS_MAX; /* such rows are refused */
    p->fitting = counts[best];
}

/* Which column the first cell that looks like a path is, in most records; -1: none. */
static int
path_column(struct csv *c, struct al_arena *scratch, struct import_dialect *d)
{
    size_t votes[16] = {0}, records = 0;
    uint8_t *at = c->from;
    struct csv local = *c;

    local.arena = scratch;
    while (at < c->end && records < PROBE_RECORDS) {
        struct al_span cells[IMPORT_COLUMNS_MAX];
        uint64_t lines;
        uint8_t *next = import_record_end(d, at, c->end, &lines);
        size_t n;

        next = next == NULL && c->s->head_whole ? c->end : next;
        if (next == NULL) {
            break;
        }
        n = split_copy(&local, d, at, next, cells);
        records += n > 0;
        for (size_t k = 0; k < n && k < AL_LEN(votes); k++) {
            if (import_looks_path(cells[k])) {
                votes[k]++;
                break;
            }
        }
        at = next;
        al_arena_reset(scratch);
    }
    for (size_t k = 0; k < AL_LEN(votes); k++) {
        if (records > 0 && votes[k] * 10 >= records * 8) {
            return (int)k;
        }
    }
    return -1;
}

/* Whether cells begin with quotes: only then are they quotes. */
static bool
has_quoted(const struct csv *c, uint8_t delimiter, uint8_t terminator)
{
    for (const uint8_t *p = c->from; p < c->end; p++) {
        if (*p == '"' &&
            (p == c->from || p[-1] == delimiter || p[-1] == terminator || p[-1] == '\n')) {
            const uint8_t *close = memchr(p + 1, '"', (size_t)(c->end - p - 1));

            if (close != NULL && (close + 1 == c->end || close[1] == delimiter ||
                                  close[1] == '\r' || close[1] == '\n' || close[1] == '"')) {
                return true;
            }
        }
    }
    return false;
}

/* Where the path comes last, what is behind the cells before it is all of it, delimiters too. */
static bool
try_rest(struct csv *c, struct al_arena *scratch, uint8_t delimiter, struct import_dialect *d)
{
    int path;

    d->delimiter = delimiter;
    d->quote = 0;
    path = path_column(c, scratch, d);
    if (path < 1) {
        return false;
    }
    d->rest_last = true;
    d->columns = (size_t)path + 1;
    return true;
}

static void
choose_dialect(struct csv *c, struct al_arena *scratch)
{
    static const uint8_t delimiters[] = {'\t', ',', ';', '|'};
    struct import_dialect *d = &c->dialect, blanks;
    struct probe best = {0}, headed = {0};
    size_t best_score = 0;

    for (size_t i = 0; i < AL_LEN(delimiters); i++) {
        struct probe p = {.dialect = *d};
        size_t share, score;

        p.dialect.delimiter = delimiters[i];
        if (c->options->delimiter != 0 && (uint8_t)c->options->delimiter != delimiters[i]) {
            continue;
        }
        if (d->terminator != 0 && (delimiters[i] == ',' || delimiters[i] == ';' ||
                                   has_quoted(c, delimiters[i], d->terminator))) {
            p.dialect.quote = '"';
        }
        probe(c, scratch, &p);
        share = p.records > 0 ? p.fitting * 100 / p.records : 0;
        score = p.columns > 1 && share >= (p.header == p.columns ? 60u : 90u)
                    ? share * 100 + (p.columns < 50 ? p.columns : 50)
                    : 0;
        if (score > best_score || (c->options->delimiter != 0 && best.records == 0)) {
            best_score = score;
            best = p;
        }
        if (p.header > headed.header) {
            headed = p;
        }
    }
    blanks = *d;
    if (c->options->delimiter == ' ' || (c->options->delimiter == 0 && best_score < 9000)) {
        bool quoted = has_quoted(c, ' ', d->terminator);

        if ((best_score == 0 && c->options->delimiter == 0 &&
             try_rest(c, scratch, '\t', &blanks)) ||
            try_rest(c, scratch, ' ', &blanks)) {
            *d = blanks;
            c->columns = blanks.columns;
            return;
        }
        if (c->options->delimiter == ' ') {
            best.dialect.delimiter = ' ';
            best.dialect.terminator = d->terminator;
            best.dialect.quote = quoted ? '"' : 0;
            probe(c, scratch, &best);
        }
    }
    if (best_score == 0 && c->options->delimiter == 0 && headed.header > 1) {
        /* Rows that do not fit their header are refused, which people see; as paths they would be taken. */
        *d = headed.dialect;
        c->columns = headed.header;
        return;
    }
    if (best_score == 0 && c->options->delimiter == 0) {
        /* One column: each line is a path. */
        d->quote = d->terminator != 0 && has_quoted(c, ',', d->terminator) ? '"' : 0;
        d->delimiter = d->quote != 0 ? ',' : '\t';
        d->rest_last = d->quote == 0;
        d->columns = c->columns = 1;
        return;
    }
    *d = best.dialect;
    if (c->options->delimiter != 0 && best.records == 0) {
        d->delimiter = (uint8_t)c->options->delimiter;
        probe(c, scratch, &best);
    }
    c->columns = best.columns > 0 ? best.columns : 1;
}

/* Words alone, above rows that have numbers or paths in the same columns. */
static bool
is_unknown_header(const struct al_span *cells, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct import_time_looks time;

        import_time_look(import_trim(cells[i]), &time);
        if (cells[i].len == 0 || time.is_number || time.is_date || import_looks_path(cells[i]) ||
            memchr(cells[i].at, '/', cells[i].len) != NULL ||
            memchr(cells[i].at, '\\', cells[i].len) != NULL) {
            return false;
        }
    }
    return count > 1;
}

static int
keep_names(struct csv *c, const struct al_span *cells)
{
    c->names = al_arena_alloc(c->arena, (c->columns + 1) * sizeof(*c->names));
    for (size_t i = 0; c->names != NULL && i < c->columns; i++) {
        c->names[i] = cells[i];
    }
    return c->names != NULL ? AL_OK : AL_ENOMEM;
}

static int
keep_row(struct csv *c, const struct al_span *cells, size_t n)
{
    struct al_span *row = al_arena_alloc(c->arena, (c->columns + 1) * sizeof(*row));

    if (row == NULL) {
        return AL_ENOMEM;
    }
    for (size_t i = 0; i < c->columns && i < n; i++) {
        row[i] = cells[i];
    }
    c->rows[c->row_count++] = row;
    return AL_OK;
}

/* The header, if there is one, and the first rows. */
static int
read_head(struct csv *c)
{
    uint8_t *at = c->from;
    uint64_t line = 1, lines = 0;
    size_t record = 0;
    bool header = c->options->header != IMPORT_HEADER_NO,
         wanted = c->options->header == IMPORT_HEADER_YES;
    int rc = AL_OK;

    c->data_at = 0;
    c->data_line = 1;
    c->rows = al_arena_alloc(c->arena, IMPORT_LOOK_ROWS * sizeof(*c->rows));
    if (c->rows == NULL) {
        return AL_ENOMEM;
    }
    while (rc == AL_OK && at < c->end && c->row_count < IMPORT_LOOK_ROWS) {
        struct al_span cells[IMPORT_COLUMNS_MAX];
        uint8_t *next = import_record_end(&c->dialect, at, c->end, &lines);
        size_t n;
        bool taken = false;

        next = next == NULL && c->s->head_whole ? c->end : next;
        if (next == NULL) {
            break;
        }
        n = is_remark(at, next) || is_blank(&c->dialect, at, next)
                ? 0
                : split_copy(c, &c->dialect, at, next, cells);
        if (n == c->columns && header && c->names == NULL && record < PREAMBLE_RECORDS &&
            (wanted ? true
                    : is_header(cells, n) ||
                          (c->row_count == 0 && record == 0 && is_unknown_header(cells, n)))) {
            rc = keep_names(c, cells);
            c->row_count = 0; /* what stood above it is a title */
            taken = true;
        } else if (n >= c->columns) {
            rc = keep_row(c, cells, n);
            c->row_bytes += (uint64_t)(next - at);
        }
        record += n > 0;
        line += lines;
        if (taken || (n == 0 && c->row_count == 0)) {
            c->data_at = (uint64_t)(next - c->from);
            c->data_line = line;
            c->row_bytes = 0;
        }
        at = next;
    }
    return rc;
}

/* The next path of the windows, for the root. */
static bool
next_path(void *ctx, struct al_span *ret, bool *ret_is_folder)
{
    struct csv *c = ctx;
    int column = c->plan->column[IMPORT_F_PATH] >= 0 ? c->plan->column[IMPORT_F_PATH]
                                                     : c->plan->column[IMPORT_F_FOLDER];

    while (column >= 0 && c->window <= c->s->windows) {
        struct al_span cells[IMPORT_COLUMNS_MAX];
        uint64_t lines;
        uint8_t *next = c->window_at != NULL
                            ? import_record_end(&c->dialect, c->window_at, c->window_end, &lines)
                            : NULL;
        size_t n;

        if (next == NULL) {
            uint8_t *first;

            if (c->window == c->s->windows) {
                return false;
            }
            c->window_at = c->s->bytes.at + c->s->window_at[c->window];
            c->window_end = c->window_at + c->s->window_len[c->window];
            c->window++;
            first =
                memchr(c->window_at, c->dialect.terminator, (size_t)(c->window_end - c->window_at));
            c->window_at = first != NULL ? first + 1 : NULL; /* it begins inside of a record */
            continue;
        }
        n = split_copy(c, &c->dialect, c->window_at, next, cells);
        c->window_at = next;
        /* A window may begin inside of quotes: what does not look like the others is passed over. */
        if (n == c->columns && (import_looks_path(cells[column]) || !c->plan->root.windows)) {
            if (c->names != NULL && !import_looks_path(cells[column])) {
                continue;
            }
            *ret = cells[column];
            *ret_is_folder = c->plan->column[IMPORT_F_PATH] < 0;
            return true;
        }
    }
    return false;
}

/* Of whole records, since the head may end inside of a character. */
static bool
is_utf8(const struct import_sample *s)
{
    size_t len = s->head_len;

    while (!s->head_whole && len > 0 && s->bytes.at[len - 1] != '\n') {
        len--;
    }
    return al_utf8_valid((struct al_span){s->bytes.at, len});
}

static int
recode_sample(struct import_sample *s)
{
    AL_CLEANUP(al_buf_free) struct al_buf out = {0};
    int rc;

    al_buf_init(&out, 4 * s->bytes.max);
    rc = import_recode_cp1252((struct al_span){s->bytes.at, s->head_len}, &out);
    if (rc < 0) {
        return rc;
    }
    al_buf_free(&s->bytes);
    s->bytes = out;
    out = (struct al_buf){0};
    s->head_len = s->bytes.len;
    s->windows = 0;
    s->bom = 0;
    s->encoding = IMPORT_CP1252;
    return AL_OK;
}

static int
guess_once(struct import_sample *s, const struct import_options *options, struct al_arena *arena,
           struct import_look *look, struct import_plan *plan)
{
    struct al_arena *scratch = al_arena_new(8 * (size_t)IMPORT_RECORD_BYTES_MAX);
    struct csv c = {.s = s, .options = options, .arena = arena, .plan = plan};
    struct import_table t;
    int rc = scratch != NULL ? AL_OK : AL_ENOMEM;

    c.from = s->bytes.at;
    c.end = s->bytes.at + s->head_len;
    c.dialect.terminator = terminator_of(c.from, s->head_len);
    if (rc == AL_OK) {
        choose_dialect(&c, scratch);
        rc = read_head(&c);
    }
    al_arena_free(scratch);
    if (rc < 0) {
        return rc;
    }
    if (c.names != NULL && c.dialect.terminator != 0 && !c.dialect.rest_last) {
        c.dialect.quote =
            '"'; /* who writes a header knows of quotes, though the first rows have none */
    }
    plan->dialect = c.dialect;
    plan->data_at = c.data_at;
    plan->data_line = c.data_line;
    t = (struct import_table){c.names, c.columns, c.rows, c.row_count, NULL};
    rc = import_guess_columns(&t, options, next_path, &c, arena, look, plan);
    /* Without a header a path that comes last may have the delimiter in it, and quotes mean nothing. */
    if (rc == AL_OK && c.names == NULL && plan->column[IMPORT_F_PATH] == (int)c.columns - 1 &&
        plan->maker == IMPORT_BY_FIND && plan->dialect.quote == 0) {
        plan->dialect.rest_last = true;
        plan->dialect.columns = c.columns;
    }
    look->options.header = c.names != NULL ? IMPORT_HEADER_YES : IMPORT_HEADER_NO;
    look->options.delimiter = c.columns > 1 ? (char)c.dialect.delimiter : 0;
    look->rows_about = c.row_count == 0 ? 0
                       : s->head_whole && c.row_count < IMPORT_LOOK_ROWS
                           ? c.row_count
                           : (uint64_t)((double)c.row_count / (double)c.row_bytes *
                                        (double)(s->plain_about - c.data_at));
    return rc;
}

/* Bytes that no text has: what the machine prints, not people. */
static bool
is_binary(const struct import_sample *s)
{
    size_t strange = 0, n = s->head_len < 65536 ? s->head_len : 65536;

    for (size_t i = 0; i < n; i++) {
        uint8_t b = s->bytes.at[i];

        strange += b < 32 && b != 0 && b != '\t' && b != '\n' && b != '\r' && b != 27;
    }
    return n > 0 && strange * 20 > n;
}

int
import_guess_csv(struct import_sample *io_sample, const struct import_options *options,
                 struct al_arena *arena, struct import_look *ret_look, struct import_plan *ret_plan,
                 struct al_fail *fail)
{
    struct import_look look = {.options = *options, .made_by = "", .bytes = io_sample->file_bytes};
    struct import_plan plan = {0};
    int rc = AL_OK;

    if (io_sample->head_len == 0) {
        return al_fail_set(fail, AL_ECORRUPT, 0, "the file is empty");
    }
    if (is_binary(io_sample)) {
        return al_fail_set(fail, AL_ECORRUPT, 0,
                           "the file is neither CSV nor Parquet: it begins with binary data");
    }
    if (options->encoding == IMPORT_CP1252 && io_sample->compression != IMPORT_PLAIN) {
        look.options.encoding = IMPORT_CP1252; /* the stream recoded it */
    }
    rc = guess_once(io_sample, options, arena, &look, &plan);
    /* Names on Windows are text; what is no UTF-8 there is the old code page. */
    if (rc == AL_OK && options->encoding == IMPORT_ENCODING_GUESS &&
        io_sample->encoding == IMPORT_UTF8 && plan.root.windows && !is_utf8(io_sample)) {
        rc = recode_sample(io_sample);
        if (rc == AL_OK) {
            look = (struct import_look){
                .options = *options, .made_by = "", .bytes = io_sample->file_bytes};
            plan = (struct import_plan){0};
            rc = guess_once(io_sample, options, arena, &look, &plan);
        }
    }
    if (rc < 0) {
        return al_fail_set(fail, rc, 0,
                           rc == AL_ENOMEM
                               ? "the file's first records are too long to look at: is it CSV?"
                               : "the file cannot be looked at");
    }
    if (look.row_count == 0 && look.problem.len == 0) {
        look.problem = al_arena_span(arena, al_span_of("the file has no rows"));
    }
    look.options.format = IMPORT_CSV;
    look.options.compression = io_sample->compression;
    look.options.encoding = io_sample->encoding;
    look.options.map = NULL;
    look.options.map_count = 0;
    *ret_look = look;
    *ret_plan = plan;
    return AL_OK;
}
