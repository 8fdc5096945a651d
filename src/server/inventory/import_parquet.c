/* Parquet: DuckDB reads it, and the values go through the same judgement as a CSV's cells. */
#include <stdio.h>
#include <string.h>

#include "server/inventory/import_priv.h"

enum kind { K_TEXT, K_BYTES, K_INTEGER, K_REAL, K_TIME, K_TIME_NS, K_TIME_ZONE, K_DATE, K_OTHER };

struct parquet {
    struct inventory *inv;
    struct inv_conn *c;
    const char *path;
    struct al_arena *arena;
    struct import_table t;
    enum kind kinds[IMPORT_COLUMNS_MAX];
    const char *typed[IMPORT_COLUMNS_MAX];
    struct al_span ends[2]; /* the first and the last path */
    size_t end;
};

static enum kind
kind_of(struct al_span type)
{
    static const struct {
        const char *name;
        enum kind kind;
    } kinds[] = {{"VARCHAR", K_TEXT},
                 {"BLOB", K_BYTES},
                 {"TINYINT", K_INTEGER},
                 {"SMALLINT", K_INTEGER},
                 {"INTEGER", K_INTEGER},
                 {"BIGINT", K_INTEGER},
                 {"HUGEINT", K_INTEGER},
                 {"UTINYINT", K_INTEGER},
                 {"USMALLINT", K_INTEGER},
                 {"UINTEGER", K_INTEGER},
                 {"UBIGINT", K_INTEGER},
                 {"FLOAT", K_REAL},
                 {"DOUBLE", K_REAL},
                 {"TIMESTAMP", K_TIME},
                 {"TIMESTAMP_S", K_TIME},
                 {"TIMESTAMP_MS", K_TIME},
                 {"TIMESTAMP_NS", K_TIME_NS},
                 {"TIMESTAMP WITH TIME ZONE", K_TIME_ZONE},
                 {"DATE", K_DATE},
                 {"ENUM", K_TEXT}};

    for (size_t i = 0; i < AL_LEN(kinds); i++) {
        if (al_span_equal(type, al_span_of(kinds[i].name))) {
            return kinds[i].kind;
        }
    }
    return type.len > 7 && memcmp(type.at, "DECIMAL", 7) == 0 ? K_REAL : K_OTHER;
}

static void
put_quoted(struct inv_sql *sql, struct al_span s, char quote)
{
    for (size_t i = 0; i < s.len; i++) {
        inv_put(sql, s.at[i] == (uint8_t)quote ? "%c%c" : "%c", s.at[i], quote);
    }
}

static void
put_column(struct inv_sql *sql, struct al_span name)
{
    inv_put(sql, "\"");
    put_quoted(sql, name, '"');
    inv_put(sql, "\"");
}

static void
put_source(struct inv_sql *sql, const char *path, bool numbered)
{
    inv_put(sql, "read_parquet('");
    put_quoted(sql, al_span_of(path), '\'');
    inv_put(sql, numbered ? "', file_row_number = true)" : "')");
}

static int
damaged(struct al_fail *fail, int rc)
{
    if (rc == AL_ENOMEM || rc == AL_ENOSPC || rc == AL_ECANCELED) {
        return al_fail_set(fail, rc, 0, "the Parquet file cannot be read");
    }
    return al_fail_set(fail, AL_ECORRUPT, 0,
                       "the Parquet file is damaged or cut, or is none; make and send it again");
}

static int
read_columns(struct parquet *p, struct al_fail *fail)
{
    static const char *const words[] = {[K_TEXT] = NULL,
                                        [K_BYTES] = "bytes",
                                        [K_INTEGER] = NULL,
                                        [K_REAL] = NULL,
                                        [K_TIME] = "timestamps",
                                        [K_TIME_NS] = "timestamps",
                                        [K_TIME_ZONE] = "timestamps",
                                        [K_DATE] = "dates",
                                        [K_OTHER] = NULL};
    INV_SQL(sql);
    INV_ROWS(rows);
    bool end = false;
    int rc;

    inv_put(&sql, "SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM ");
    put_source(&sql, p->path, false);
    inv_put(&sql, ")");
    rc = sql.rc < 0 ? sql.rc : inv_query(p->inv, p->c, (char *)sql.text.at, false, &rows);
    p->t.names = al_arena_alloc(p->arena, IMPORT_COLUMNS_MAX * sizeof(*p->t.names));
    while (rc == AL_OK && p->t.names != NULL) {
        rc = inv_next(&rows, &end);
        if (rc < 0 || end) {
            break;
        }
        if (p->t.columns == IMPORT_COLUMNS_MAX) {
            return al_fail_set(fail, AL_ELIMIT, 0, "the file has more than %u columns",
                               IMPORT_COLUMNS_MAX);
        }
        p->t.names[p->t.columns] = al_arena_span(p->arena, inv_bytes(&rows, 0));
        p->kinds[p->t.columns] = kind_of(inv_bytes(&rows, 1));
        p->typed[p->t.columns] = words[p->kinds[p->t.columns]];
        p->t.columns++;
    }
    p->t.typed = p->typed;
    return rc < 0 ? damaged(fail, rc) : p->t.names == NULL ? AL_ENOMEM : AL_OK;
}

/* A cell as a person reads it. */
static void
put_shown(struct parquet *p, struct inv_sql *sql, size_t c)
{
    if (p->kinds[c] == K_TEXT || p->kinds[c] == K_BYTES) {
        put_column(sql, p->t.names[c]);
    } else {
        put_column(sql, p->t.names[c]);
        inv_put(sql, "::VARCHAR");
    }
}

static int
read_rows(struct parquet *p, struct al_fail *fail)
{
    INV_SQL(sql);
    INV_ROWS(rows);
    bool end = false;
    int rc;

    inv_put(&sql, "SELECT ");
    for (size_t c = 0; c < p->t.columns; c++) {
        inv_put(&sql, c > 0 ? ", " : "");
        put_shown(p, &sql, c);
    }
    inv_put(&sql, " FROM ");
    put_source(&sql, p->path, false);
    inv_put(&sql, " LIMIT %u", IMPORT_LOOK_ROWS);
    rc = sql.rc < 0 ? sql.rc : inv_query(p->inv, p->c, (char *)sql.text.at, false, &rows);
    p->t.rows = al_arena_alloc(p->arena, IMPORT_LOOK_ROWS * sizeof(*p->t.rows));
    while (rc == AL_OK && p->t.rows != NULL && p->t.row_count < IMPORT_LOOK_ROWS) {
        struct al_span *row;

        rc = inv_next(&rows, &end);
        if (rc < 0 || end) {
            break;
        }
        row = al_arena_alloc(p->arena, (p->t.columns + 1) * sizeof(*row));
        if (row == NULL) {
            return AL_ENOMEM;
        }
        for (size_t c = 0; c < p->t.columns; c++) {
            row[c] = al_arena_span(p->arena, inv_bytes(&rows, (unsigned)c));
        }
        p->t.rows[p->t.row_count++] = row;
    }
    return rc < 0 ? damaged(fail, rc) : p->t.rows == NULL ? AL_ENOMEM : AL_OK;
}

/* Whether the file's own statistics tell the first and the last path to the last byte: then nobody has to read them. */
static int
read_known_ends(struct parquet *p, int column, bool *ret)
{
    INV_SQL(sql);
    INV_ROWS(rows);
    bool end = true;
    int rc;

    inv_put(&sql, "SELECT min(stats_min_value), max(stats_max_value), coalesce(bool_and(coalesce("
                  "min_is_exact AND max_is_exact AND stats_min_value IS NOT NULL AND "
                  "stats_max_value IS NOT NULL, false)), false) FROM parquet_metadata('");
    put_quoted(&sql, al_span_of(p->path), '\'');
    inv_put(&sql, "') WHERE path_in_schema = '");
    put_quoted(&sql, p->t.names[column], '\'');
    inv_put(&sql, "'");
    rc = sql.rc < 0 ? sql.rc : inv_query(p->inv, p->c, (char *)sql.text.at, false, &rows);
    if (rc == AL_OK) {
        rc = inv_next(&rows, &end);
    }
    *ret = rc == AL_OK && !end && p->kinds[column] == K_TEXT && inv_num(&rows, 2) != 0;
    for (unsigned i = 0; *ret && i < 2; i++) {
        p->ends[i] = al_arena_span(p->arena, inv_bytes(&rows, i));
    }
    return rc;
}

/* What all paths share is what the first and the last of them share. */
static int
read_ends(struct parquet *p, int column, struct al_fail *fail)
{
    INV_SQL(sql);
    INV_ROWS(rows);
    bool end = true, known = false;
    int rc;

    if (column < 0 || (p->kinds[column] != K_TEXT && p->kinds[column] != K_BYTES)) {
        return AL_OK;
    }
    rc = read_known_ends(p, column, &known);
    if (rc < 0 || known) {
        return rc < 0 ? damaged(fail, rc) : AL_OK;
    }
    inv_put(&sql, "SELECT min(");
    put_column(&sql, p->t.names[column]);
    inv_put(&sql, "), max(");
    put_column(&sql, p->t.names[column]);
    inv_put(&sql, ") FROM ");
    put_source(&sql, p->path, false);
    rc = sql.rc < 0 ? sql.rc : inv_query(p->inv, p->c, (char *)sql.text.at, false, &rows);
    if (rc == AL_OK) {
        rc = inv_next(&rows, &end);
    }
    for (unsigned i = 0; rc == AL_OK && !end && i < 2; i++) {
        p->ends[i] = al_arena_span(p->arena, inv_bytes(&rows, i));
    }
    return rc < 0 ? damaged(fail, rc) : AL_OK;
}

static bool
next_end(void *ctx, struct al_span *ret, bool *ret_is_folder)
{
    struct parquet *p = ctx;

    if (p->end == 2) {
        return false;
    }
    *ret = p->ends[p->end++];
    *ret_is_folder = false;
    return true;
}

static bool
is_time(enum import_field f)
{
    return f == IMPORT_F_MODIFIED || f == IMPORT_F_ACCESSED || f == IMPORT_F_CREATED ||
           f == IMPORT_F_CHANGED;
}

static bool
is_numeric(enum import_field f)
{
    return is_time(f) || f == IMPORT_F_SIZE || f == IMPORT_F_ALLOCATED || f == IMPORT_F_OWNER ||
           f == IMPORT_F_GROUP || f == IMPORT_F_MODE || f == IMPORT_F_INODE || f == IMPORT_F_LINKS;
}

/* Whole numbers that other programs may keep as reals. */
static bool
is_number_of(enum import_field f)
{
    return f == IMPORT_F_OWNER || f == IMPORT_F_GROUP || f == IMPORT_F_MODE ||
           f == IMPORT_F_INODE || f == IMPORT_F_LINKS;
}

static void
set_epochs(const struct parquet *p, struct import_plan *plan)
{
    for (int f = 0; f < IMPORT_FIELDS; f++) {
        int c = plan->column[f];

        if (c >= 0 && is_time((enum import_field)f) && p->kinds[c] >= K_TIME &&
            p->kinds[c] <= K_DATE) {
            plan->epoch[f] = IMPORT_EPOCH_NS;
        }
    }
}

int
import_parquet_look(struct inventory *inv, struct inv_conn *c, const char *path,
                    const struct import_options *options, struct al_arena *arena,
                    struct import_look *ret, struct import_plan *ret_plan, struct al_fail *fail)
{
    struct parquet p = {.inv = inv, .c = c, .path = path, .arena = arena};
    struct import_look look = {.options = *options, .made_by = ""};
    INV_SQL(sql);
    int64_t count = 0;
    int rc = read_columns(&p, fail);

    if (rc == AL_OK) {
        rc = read_rows(&p, fail);
    }
    inv_put(&sql, "SELECT coalesce(sum(num_rows), 0)::BIGINT FROM parquet_file_metadata('");
    put_quoted(&sql, al_span_of(path), '\'');
    inv_put(&sql, "')");
    if (rc == AL_OK) {
        rc = sql.rc < 0 ? sql.rc : inv_one(inv, c, (char *)sql.text.at, &count);
        rc = rc < 0 ? damaged(fail, rc) : AL_OK;
    }
    if (rc == AL_OK) {
        struct import_look first = look;

        rc = import_guess_columns(&p.t, options, NULL, NULL, arena, &first, ret_plan);
        if (rc == AL_OK && options->root.at == NULL) {
            rc = read_ends(&p,
                           ret_plan->column[IMPORT_F_PATH] >= 0 ? ret_plan->column[IMPORT_F_PATH]
                                                                : ret_plan->column[IMPORT_F_FOLDER],
                           fail);
        }
    }
    if (rc == AL_OK) {
        *ret_plan = (struct import_plan){0};
        rc = import_guess_columns(&p.t, options, next_end, &p, arena, &look, ret_plan);
    }
    if (rc < 0) {
        return al_fail_set(fail, rc, 0, "the file cannot be looked at");
    }
    set_epochs(&p, ret_plan);
    look.rows_about = (uint64_t)count;
    look.options.format = IMPORT_PARQUET;
    look.options.compression = IMPORT_PLAIN;
    look.options.encoding = IMPORT_UTF8;
    look.options.header = IMPORT_HEADER_YES;
    look.options.map = NULL;
    look.options.map_count = 0;
    if (count == 0 && look.problem.len == 0) {
        look.problem = al_arena_span(arena, al_span_of("the file has no rows"));
    }
    *ret = look;
    return AL_OK;
}

/* The column as alto_import_row takes it: text or bytes, or a BIGINT that counts what the field means. */
static void
put_argument(struct inv_sql *sql, struct al_span name, enum kind kind, enum import_field f,
             int zone_minutes)
{
    if (kind == K_TEXT || kind == K_BYTES) {
        put_column(sql, name);
    } else if ((kind == K_INTEGER && is_numeric(f)) || (kind == K_REAL && is_number_of(f))) {
        inv_put(sql, "try_cast(");
        put_column(sql, name);
        inv_put(sql, " AS BIGINT)");
    } else if (kind >= K_TIME && kind <= K_DATE && is_time(f)) {
        /* Beyond what 64 bits of nanoseconds hold: a number that no reader takes. Infinity is NULL. */
        inv_put(sql, "CASE WHEN ");
        put_column(sql, name);
        inv_put(sql, " IS NULL THEN NULL ELSE coalesce(try(%s(",
                kind == K_TIME_NS ? "epoch_ns" : "epoch_us");
        put_column(sql, name);
        inv_put(sql, "%s)%s - %lld), 9223372036854775807) END::BIGINT",
                kind == K_DATE ? "::TIMESTAMP" : "", kind == K_TIME_NS ? "" : " * 1000",
                kind == K_TIME_ZONE ? 0LL : (long long)zone_minutes * 60000000000LL);
    } else if (kind == K_REAL) {
        inv_put(sql, "try_cast(");
        put_column(sql, name);
        inv_put(sql, " AS DECIMAL(38, 9))::VARCHAR");
    } else {
        put_column(sql, name);
        inv_put(sql, "::VARCHAR");
    }
}

/* Whether the file itself says that no value of the column can be refused: none missing, all in range. */
static int
is_sound(struct parquet *p, size_t column, enum import_field f, bool *ret)
{
    bool time = p->kinds[column] >= K_TIME && p->kinds[column] <= K_DATE && is_time(f);
    bool bytes = p->kinds[column] == K_INTEGER && (f == IMPORT_F_SIZE || f == IMPORT_F_ALLOCATED);
    int64_t sound = 0;
    INV_SQL(sql);
    int rc = AL_OK;

    if (time || bytes) {
        inv_put(
            &sql,
            time ? "SELECT coalesce(bool_and(coalesce(try_cast(stats_min_value AS TIMESTAMP) >= "
                   "'1678-01-02'::TIMESTAMP AND "
                   "try_cast(stats_max_value AS TIMESTAMP) < '2261-12-30'::TIMESTAMP, false)), "
                   "false)"
                 : "SELECT coalesce(bool_and(coalesce(try_cast(stats_min_value AS BIGINT) >= 0 AND "
                   "try_cast(stats_max_value AS BIGINT) >= 0 AND stats_null_count = 0, false)), "
                   "false)");
        inv_put(&sql, " FROM parquet_metadata('");
        put_quoted(&sql, al_span_of(p->path), '\'');
        inv_put(&sql, "') WHERE path_in_schema = '");
        put_quoted(&sql, p->t.names[column], '\'');
        inv_put(&sql, "'");
        rc = sql.rc < 0 ? sql.rc : inv_one(p->inv, p->c, (char *)sql.text.at, &sound);
    }
    if (rc == AL_OK) {
        *ret = sound != 0;
    }
    return rc;
}

int
import_parquet_sql(struct import_job *j, struct inv_conn *c, const char *path,
                   const struct import_look *look, struct inv_sql *from, struct inv_sql *args,
                   struct al_fail *fail)
{
    AL_CLEANUP(al_arena_freep) struct al_arena *arena = al_arena_new((size_t)1 << 20);
    struct parquet p = {.inv = j->inv, .c = c, .path = path, .arena = arena};
    int rc = arena != NULL ? read_columns(&p, fail) : AL_ENOMEM;

    if (rc < 0 || p.t.columns != look->column_count) {
        return rc < 0 ? rc
                      : al_fail_set(fail, AL_ECHANGED, 0, "the file changed while it was read");
    }
    put_source(from, path, true);
    j->judged = j->plan;
    j->arg_count = 0;
    for (int f = 0; rc == AL_OK && f < IMPORT_FIELDS; f++) {
        int column = j->plan.column[f];
        bool sound = false;

        if (column >= 0 && !j->second) {
            rc = is_sound(&p, (size_t)column, (enum import_field)f, &sound);
        }
        if (sound) {
            j->judged.column[f] = -1;
        } else if (column >= 0) {
            j->args[j->arg_count++] = (enum import_field)f;
            inv_put(args, ", ");
            put_argument(args, p.t.names[column], p.kinds[column], (enum import_field)f,
                         j->plan.zone_minutes[f]);
        }
    }
    if (rc < 0) {
        return damaged(fail, rc);
    }
    return from->rc < 0 ? from->rc : args->rc;
}
