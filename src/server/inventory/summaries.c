/* Sums of folders and groups of alike files, kept beside the entries: made anew with a scan or an
 * import, brought up to date with outcomes, always in the transaction that changes the entries. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "server/inventory/inventory_priv.h"

/* Sums of hostile sizes stay at what a column can hold; then they are no sums any more, until the
 * next scan. */
#define SUMS_COLUMNS                                                                               \
    "id UINTEGER, files BIGINT, bytes BIGINT, allocated BIGINT, stub_files BIGINT, "               \
    "stub_bytes BIGINT, accessed BIGINT, modified BIGINT"
#define DAY_COLUMNS                                                                                \
    "day_ns BIGINT, files UBIGINT, folders UBIGINT, bytes UBIGINT, allocated UBIGINT, "            \
    "stub_files UBIGINT, stub_bytes UBIGINT, freed_bytes UBIGINT"

static const char *const tables[] = {
    "CREATE TABLE \"%c_%s\".own (" SUMS_COLUMNS ")",
    "CREATE TABLE \"%c_%s\".below (" SUMS_COLUMNS ")",
    "CREATE TABLE \"%c_%s\".twin (name BLOB, size BIGINT, files BIGINT, folder UINTEGER)",
    "CREATE TABLE \"%c_%s\".day (" DAY_COLUMNS ")",
    "CREATE TABLE \"%c_%s\".import (id VARCHAR, at_ns BIGINT, n_rows UBIGINT, refused UBIGINT, "
    "files UBIGINT, folders UBIGINT, others UBIGINT, bytes UBIGINT, added UBIGINT, replaced "
    "UBIGINT, "
    "evidence UBIGINT, removed UBIGINT, folders_made UBIGINT)",
    "ALTER TABLE \"%c_%s\".meta ADD COLUMN moved UBIGINT DEFAULT 0",
};

/* Each statement is a literal with one %c_%s. */
int
inv_run_with_id(struct inv_use *u, char catalog, const char *statement)
{
    const char *at = strstr(statement, "%c_%s");

    return inv_runf(u->inv, u->conn, "%.*s%c_%s%s", (int)(at - statement), statement, catalog,
                    u->volume->id, at + 5);
}

int
inv_summaries_make(struct inv_use *u, char catalog)
{
    int rc = AL_OK;

    for (size_t i = 0; rc == AL_OK && i < AL_LEN(tables); i++) {
        rc = inv_run_with_id(u, catalog, tables[i]);
    }
    return rc;
}

/* ---- folders ---- */

static int
read_parents(struct inv_use *u, char catalog, struct inv_gather *g)
{
    INV_ROWS(rows);
    char sql[128];
    bool end = false;
    int rc;

    snprintf(sql, sizeof(sql), "SELECT id, parent FROM \"%c_%s\".folder", catalog, u->volume->id);
    rc = inv_query(u->inv, u->conn, sql, true, &rows);
    while (rc == AL_OK) {
        uint64_t at;

        rc = inv_next(&rows, &end);
        if (rc < 0 || end) {
            break;
        }
        at = (uint64_t)inv_num(&rows, 0);
        if (at == 0 || at > g->count) {
            return AL_ECORRUPT;
        }
        g->at[at].parent = (uint32_t)inv_num(&rows, 1);
    }
    return rc;
}

/* A parent has the smaller number. */
static int
add_up(struct inv_gather *g)
{
    for (uint64_t id = g->count; id > 1; id--) {
        if (g->at[id].parent >= id) {
            return AL_ECORRUPT;
        }
        inv_sums_add(&g->at[g->at[id].parent], &g->at[id]);
    }
    return AL_OK;
}

/* all: also folders without files. */
static int
write_sums(struct inv_use *u, char catalog, const char *table, const struct inv_gather *g, bool all)
{
    struct inv_numbered n = {.gather = g, .all = all, .count = g->count};
    int rc = inv_runf(u->inv, u->conn, "CREATE OR REPLACE TABLE \"%c_%s\".%s (" SUMS_COLUMNS ")",
                      catalog, u->volume->id, table);

    return rc < 0 ? rc : inv_numbered_insert(u, catalog, table, "alto_sums", &n);
}

int
inv_summaries_write(struct inv_use *u, char catalog, struct inv_gather *g)
{
    int rc = write_sums(u, catalog, "own", g, false);

    if (rc == AL_OK) {
        rc = read_parents(u, catalog, g);
    }
    if (rc == AL_OK) {
        rc = add_up(g);
    }
    if (rc == AL_OK) {
        rc = write_sums(u, catalog, "below", g, true);
    }
    return rc == AL_OK ? inv_twins_keep(u, catalog, &g->twins) : rc;
}

int
inv_summaries_build(struct inv_use *u)
{
    AL_CLEANUP(inv_gather_end) struct inv_gather g = {0};
    char sql[128];
    int64_t folders = 0;
    int rc;

    snprintf(sql, sizeof(sql), "SELECT coalesce(max(id), 0)::BIGINT FROM \"v_%s\".folder",
             u->volume->id);
    rc = inv_one(u->inv, u->conn, sql, &folders);
    if (rc == AL_OK) {
        rc = inv_gather_read(u, INV_NOW, "entry", (uint64_t)folders, &g);
    }
    return rc == AL_OK ? inv_summaries_write(u, INV_NOW, &g) : rc;
}

/* ---- outcomes ---- */

/* What an outcome changed of the folders' own sums. less: the latest of a folder may be an earlier one
 * now. */
static const char change_sql[] =
    "CREATE OR REPLACE TEMP TABLE change AS SELECT * FROM (SELECT m.folder AS id, "
    "-count(*) FILTER (m.gone) AS files, sum(CASE WHEN m.gone THEN 0 ELSE m.size END - m.was_size) "
    "AS bytes, sum(CASE WHEN m.gone THEN 0 ELSE m.allocated END - m.was_allocated) AS allocated, "
    "count(*) FILTER (m.state IN (1, 5) AND NOT m.gone) - count(*) FILTER (m.was_state IN (1, 5)) "
    "AS "
    "stub_files, coalesce(sum(m.size) FILTER (m.state IN (1, 5) AND NOT m.gone), 0) - "
    "coalesce(sum(m.was_size) FILTER (m.was_state IN (1, 5)), 0) AS stub_bytes, "
    "max(m.accessed_ns) FILTER (NOT m.gone) AS accessed, max(m.mtime_ns) FILTER (NOT m.gone) AS "
    "modified, bool_or(m.gone OR m.accessed_ns IS DISTINCT FROM m.was_accessed_ns OR m.mtime_ns <> "
    "m.was_mtime_ns) AS times, bool_or((m.was_accessed_ns >= o.accessed AND (m.gone OR "
    "m.accessed_ns IS NULL OR m.accessed_ns < m.was_accessed_ns)) OR (m.was_mtime_ns >= o.modified "
    "AND (m.gone OR m.mtime_ns < m.was_mtime_ns))) AS less FROM temp.met m JOIN \"v_%s\".own o ON "
    "o.id = m.folder WHERE m.type = %d GROUP BY m.folder) WHERE times OR less OR files <> 0 OR "
    "bytes <> 0 OR allocated <> 0 OR stub_files <> 0 OR stub_bytes <> 0";

/* The latest of folders that lost it, looked for among their files. */
static int
look_for_own_latest(struct inv_use *u)
{
    const char *id = u->volume->id;
    int64_t less = 0;
    int rc = inv_one(u->inv, u->conn, "SELECT count(*) FROM temp.change WHERE less", &less);

    if (rc < 0 || less == 0) {
        return rc;
    }
    return inv_runf(
        u->inv, u->conn,
        "UPDATE \"v_%s\".own AS o SET accessed = f.accessed, modified = f.modified FROM "
        "(SELECT c.id, max(e.accessed_ns) AS accessed, max(e.mtime_ns) AS modified FROM "
        "temp.change c LEFT JOIN \"v_%s\".entry e ON e.folder = c.id AND e.type = %d "
        "WHERE c.less GROUP BY c.id) f WHERE o.id = f.id",
        id, id, PORT_T_FILE);
}

#define PLUS(x) x " = greatest(least(b." x "::HUGEINT + c." x ", 9223372036854775807), 0)::BIGINT"

static int
change_sums(struct inv_use *u, const char *table, const char *changes)
{
    return inv_runf(
        u->inv, u->conn,
        "UPDATE \"v_%s\".%s AS b SET " PLUS("files") ", " PLUS("bytes") ", " PLUS(
            "allocated") ", " PLUS("stub_files") ", " PLUS("stub_bytes") ", accessed = "
                                                                         "greatest(b.accessed, "
                                                                         "c.accessed), "
                                                                         "modified = "
                                                                         "greatest(b.modified, "
                                                                         "c.modified) "
                                                                         "FROM temp.%s c WHERE "
                                                                         "b.id = c.id",
        u->volume->id, table, changes);
}

/* ---- the folders above those that changed ---- */

struct step { /* one folder that changed, or that is above one */
    uint32_t id, parent, last;
    int64_t sum[INV_S_SUMS];
    int64_t accessed, modified; /* INT64_MIN: none */
    bool less;
};
struct way_up {
    struct step *at; /* ids ascending */
    uint64_t count;
};

static void
way_up_end(struct way_up *w)
{
    al_free(w->at);
}

static int
read_way_up(struct inv_use *u, struct way_up *w)
{
    INV_ROWS(rows);
    const char *id = u->volume->id;
    char sql[768];
    int64_t count = 0;
    bool end = false;
    int rc = inv_runf(u->inv, u->conn,
                      "CREATE OR REPLACE TEMP TABLE up AS WITH RECURSIVE r(id) AS (SELECT id FROM "
                      "temp.change UNION SELECT f.parent FROM r JOIN \"v_%s\".folder f ON f.id = "
                      "r.id WHERE f.parent <> 0) SELECT r.id, f.parent, f.last FROM r JOIN "
                      "\"v_%s\".folder f ON f.id = r.id",
                      id, id);

    if (rc == AL_OK) {
        rc = inv_one(u->inv, u->conn, "SELECT count(*) FROM temp.up", &count);
    }
    if (rc < 0) {
        return rc;
    }
    w->at = al_array((size_t)count + 1, sizeof(*w->at));
    if (w->at == NULL) {
        return AL_ENOMEM;
    }
    snprintf(
        sql, sizeof(sql),
        "SELECT up.id, up.parent, up.last, c.files::BIGINT, least(greatest(coalesce(c.bytes, 0), "
        "-9223372036854775807), 9223372036854775807)::BIGINT, "
        "c.allocated::BIGINT, c.stub_files::BIGINT, c.stub_bytes::BIGINT, c.accessed, "
        "c.modified, coalesce(c.less, false) FROM temp.up up LEFT JOIN temp.change c ON c.id = "
        "up.id ORDER BY up.id");
    rc = inv_query(u->inv, u->conn, sql, false, &rows);
    while (rc == AL_OK && w->count < (uint64_t)count) {
        struct step *s = &w->at[w->count];

        rc = inv_next(&rows, &end);
        if (rc < 0 || end) {
            break;
        }
        s->id = (uint32_t)inv_num(&rows, 0);
        s->parent = (uint32_t)inv_num(&rows, 1);
        s->last = (uint32_t)inv_num(&rows, 2);
        for (unsigned i = 0; i < INV_S_SUMS; i++) {
            s->sum[i] = inv_num(&rows, 3 + i);
        }
        s->accessed = inv_null(&rows, 3 + INV_S_SUMS) ? INT64_MIN : inv_num(&rows, 3 + INV_S_SUMS);
        s->modified = inv_null(&rows, 4 + INV_S_SUMS) ? INT64_MIN : inv_num(&rows, 4 + INV_S_SUMS);
        s->less = inv_num(&rows, 5 + INV_S_SUMS) != 0;
        w->count++;
    }
    return rc;
}

static struct step *
step_of(const struct way_up *w, uint32_t id)
{
    uint64_t low = 0, high = w->count;

    while (low < high) {
        uint64_t mid = (low + high) / 2;

        if (w->at[mid].id == id) {
            return &w->at[mid];
        }
        if (w->at[mid].id < id) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return NULL;
}

/* Sums that stand at the greatest number are none any more: neither are their differences. */
static int64_t
plus(int64_t a, int64_t b)
{
    int64_t sum;

    return __builtin_add_overflow(a, b, &sum) ? (a > 0 ? INT64_MAX : INT64_MIN) : sum;
}

/* A parent has the smaller number. */
static void
go_up(struct way_up *w)
{
    for (uint64_t i = w->count; i > 0; i--) {
        const struct step *s = &w->at[i - 1];
        struct step *to = s->parent != 0 ? step_of(w, s->parent) : NULL;

        for (unsigned k = 0; to != NULL && k < INV_S_SUMS; k++) {
            to->sum[k] = plus(to->sum[k], s->sum[k]);
        }
        if (to != NULL) {
            to->accessed = s->accessed > to->accessed ? s->accessed : to->accessed;
            to->modified = s->modified > to->modified ? s->modified : to->modified;
            to->less |= s->less;
        }
    }
}

static int
append_steps(duckdb_appender a, const struct way_up *w)
{
    duckdb_state bad = DuckDBSuccess;

    for (uint64_t i = 0; bad == DuckDBSuccess && i < w->count; i++) {
        const struct step *s = &w->at[i];

        bad |= duckdb_append_uint32(a, s->id);
        bad |= duckdb_append_uint32(a, s->last);
        for (unsigned k = 0; k < INV_S_SUMS; k++) {
            bad |= duckdb_append_int64(a, s->sum[k]);
        }
        bad |=
            s->accessed != INT64_MIN ? duckdb_append_int64(a, s->accessed) : duckdb_append_null(a);
        bad |=
            s->modified != INT64_MIN ? duckdb_append_int64(a, s->modified) : duckdb_append_null(a);
        bad |= duckdb_append_bool(a, s->less);
        bad |= duckdb_appender_end_row(a);
    }
    return bad == DuckDBSuccess && duckdb_appender_close(a) == DuckDBSuccess ? AL_OK : AL_EIO;
}

/* temp.above: each of these folders with what changed below it. */
static int
find_above(struct inv_use *u)
{
    AL_CLEANUP(way_up_end) struct way_up w = {0};
    duckdb_appender a = NULL;
    int rc = read_way_up(u, &w);

    if (rc == AL_OK) {
        go_up(&w);
        rc =
            inv_run(u->inv, u->conn,
                    "CREATE OR REPLACE TEMP TABLE above (id UINTEGER, last UINTEGER, files BIGINT, "
                    "bytes BIGINT, allocated BIGINT, stub_files BIGINT, stub_bytes BIGINT, "
                    "accessed BIGINT, modified BIGINT, less BOOLEAN)");
    }
    if (rc < 0) {
        return rc;
    }
    rc = duckdb_appender_create_ext(u->conn->con, "temp", "main", "above", &a) == DuckDBSuccess
             ? append_steps(a, &w)
             : AL_EINTERNAL;
    if (rc < 0) {
        rc = inv_error(u->inv, rc == AL_EIO ? DUCKDB_ERROR_IO : DUCKDB_ERROR_CATALOG,
                       a != NULL ? duckdb_appender_error(a) : NULL);
    }
    (void)duckdb_appender_destroy(&a); /* closed above, or failed already */
    return rc;
}

/* Where the latest of a folder became earlier, the latest of all below must be looked for. */
static int
look_for_latest(struct inv_use *u)
{
    int64_t less = 0;
    int rc = inv_one(u->inv, u->conn, "SELECT count(*) FROM temp.above WHERE less", &less);

    if (rc < 0 || less == 0) {
        return rc;
    }
    return inv_runf(u->inv, u->conn,
                    "UPDATE \"v_%s\".below AS b SET accessed = r.accessed, modified = r.modified "
                    "FROM (SELECT a.id, max(o.accessed) AS accessed, max(o.modified) AS modified "
                    "FROM temp.above a LEFT JOIN \"v_%s\".own o ON o.id BETWEEN a.id AND a.last "
                    "WHERE a.less GROUP BY a.id) r WHERE b.id = r.id",
                    u->volume->id, u->volume->id);
}

static int
regroup_twins(struct inv_use *u)
{
    const char *id = u->volume->id;
    int64_t names = 0;
    int rc = inv_run(u->inv, u->conn,
                     "CREATE OR REPLACE TEMP TABLE resized AS SELECT DISTINCT name FROM temp.met "
                     "WHERE gone OR size <> was_size");

    if (rc == AL_OK) {
        rc = inv_one(u->inv, u->conn, "SELECT count(*) FROM temp.resized", &names);
    }
    if (rc < 0 || names == 0) {
        return rc;
    }
    rc = inv_runf(u->inv, u->conn,
                  "DELETE FROM \"v_%s\".twin WHERE name IN (SELECT name FROM temp.resized)", id);
    return rc < 0 ? rc
                  : inv_runf(u->inv, u->conn,
                             "INSERT INTO \"v_%s\".twin SELECT name, size, count(*), min(folder) "
                             "FROM \"v_%s\".entry WHERE type = %d AND size > 0 AND name IN (SELECT "
                             "name FROM temp.resized) GROUP BY name, size HAVING count(*) > 1",
                             id, id, PORT_T_FILE);
}

int
inv_summaries_follow(struct inv_use *u, unsigned set)
{
    int64_t changes = 0;
    int rc = inv_runf_long(u->inv, u->conn, change_sql, u->volume->id, PORT_T_FILE);

    if (rc == AL_OK) {
        rc = inv_one(u->inv, u->conn, "SELECT count(*) FROM temp.change", &changes);
    }
    if (rc == AL_OK && changes > 0) {
        rc = change_sums(u, "own", "change");
        if (rc == AL_OK) {
            rc = look_for_own_latest(u);
        }
        if (rc == AL_OK) {
            rc = find_above(u);
        }
        if (rc == AL_OK) {
            rc = change_sums(u, "below", "above");
        }
        if (rc == AL_OK) {
            rc = look_for_latest(u);
        }
    }
    return rc == AL_OK && (set & (INVENTORY_SET_SIZE | INVENTORY_SET_GONE)) != 0 ? regroup_twins(u)
                                                                                 : rc;
}

/* ---- rows that came or went ---- */

/* Sums of folders that have files, and of those that have none any more. */
static const char touched_sql[] =
    "CREATE OR REPLACE TEMP TABLE own_is AS SELECT t.id, count(e.folder) AS files, "
    "least(coalesce(sum(e.size), 0), 9223372036854775807)::BIGINT AS bytes, "
    "least(coalesce(sum(e.allocated), 0), 9223372036854775807)::BIGINT AS allocated, count(*) "
    "FILTER "
    "(e.state = 1) AS stub_files, least(coalesce(sum(e.size) FILTER (e.state = 1), 0), "
    "9223372036854775807)::BIGINT AS stub_bytes, max(e.accessed_ns) AS accessed, max(e.mtime_ns) "
    "AS "
    "modified FROM (SELECT DISTINCT id FROM temp.touched) t LEFT JOIN \"v_%s\".entry e ON e.folder "
    "= t.id AND e.type = %d GROUP BY t.id";

#define MINUS(x) "i." x " - coalesce(o." x ", 0) AS " x
static const char difference_sql[] =
    "CREATE OR REPLACE TEMP TABLE change AS SELECT i.id, " MINUS("files") ", " MINUS(
        "bytes") ", " MINUS("allocated") ", " MINUS("stub_files") ", " MINUS("stub_bytes") ", "
                                                                                           "i."
                                                                                           "accesse"
                                                                                           "d, "
                                                                                           "i."
                                                                                           "modifie"
                                                                                           "d, "
                                                                                           "coalesc"
                                                                                           "e(o."
                                                                                           "accesse"
                                                                                           "d > "
                                                                                           "coalesc"
                                                                                           "e(i."
                                                                                           "accesse"
                                                                                           "d, "
                                                                                           "-922337"
                                                                                           "2036854"
                                                                                           "775807)"
                                                                                           " OR "
                                                                                           "o."
                                                                                           "modifie"
                                                                                           "d > "
                                                                                           "coalesc"
                                                                                           "e(i."
                                                                                           "modifie"
                                                                                           "d, "
                                                                                           "-922337"
                                                                                           "2036854"
                                                                                           "775807)"
                                                                                           ", "
                                                                                           "false) "
                                                                                           "AS "
                                                                                           "less "
                                                                                           "FROM "
                                                                                           "temp."
                                                                                           "own_is "
                                                                                           "i LEFT "
                                                                                           "JOIN "
                                                                                           "\"v_%"
                                                                                           "s\"."
                                                                                           "own o "
                                                                                           "ON "
                                                                                           "o.id = "
                                                                                           "i.id";

static int
replace_own(struct inv_use *u)
{
    const char *id = u->volume->id;
    int rc = inv_runf(u->inv, u->conn,
                      "DELETE FROM \"v_%s\".own WHERE id IN (SELECT id FROM temp.own_is)", id);

    return rc < 0
               ? rc
               : inv_runf(u->inv, u->conn,
                          "INSERT INTO \"v_%s\".own BY NAME SELECT * FROM temp.own_is WHERE files "
                          "> 0",
                          id);
}

/* `below` from `own`, all of it. */
static int
rebuild_below(struct inv_use *u)
{
    AL_CLEANUP(inv_gather_end) struct inv_gather g = {0};
    INV_ROWS(rows);
    char sql[256];
    int64_t folders = 0;
    bool end = false;
    int rc;

    snprintf(sql, sizeof(sql), "SELECT coalesce(max(id), 0)::BIGINT FROM \"v_%s\".folder",
             u->volume->id);
    rc = inv_one(u->inv, u->conn, sql, &folders);
    if (rc == AL_OK) {
        rc = inv_gather_begin(&g, (uint64_t)folders, 0);
    }
    snprintf(sql, sizeof(sql),
             "SELECT id, files, bytes, allocated, stub_files, stub_bytes, accessed, modified FROM "
             "\"v_%s\".own",
             u->volume->id);
    if (rc == AL_OK) {
        rc = inv_query(u->inv, u->conn, sql, true, &rows);
    }
    while (rc == AL_OK) {
        struct inv_sums *s;
        uint64_t id;

        rc = inv_next(&rows, &end);
        if (rc < 0 || end) {
            break;
        }
        id = (uint64_t)inv_num(&rows, 0);
        if (id == 0 || id > g.count) {
            return AL_ECORRUPT;
        }
        s = &g.at[id];
        for (unsigned i = 0; i < INV_S_SUMS; i++) {
            s->sum[i] = (uint64_t)inv_num(&rows, 1 + i);
        }
        s->accessed = inv_null(&rows, 6) ? INT64_MIN : inv_num(&rows, 6);
        s->modified = inv_null(&rows, 7) ? INT64_MIN : inv_num(&rows, 7);
    }
    if (rc == AL_OK) {
        rc = read_parents(u, INV_NOW, &g);
    }
    if (rc == AL_OK) {
        rc = add_up(&g);
    }
    return rc == AL_OK ? write_sums(u, INV_NOW, "below", &g, true) : rc;
}

int
inv_summaries_touched(struct inv_use *u, bool renumbered)
{
    int rc = inv_runf(u->inv, u->conn, touched_sql, u->volume->id, PORT_T_FILE);

    if (rc == AL_OK && !renumbered) {
        rc = inv_runf(u->inv, u->conn, difference_sql, u->volume->id);
    }
    if (rc == AL_OK) {
        rc = replace_own(u);
    }
    if (rc < 0 || renumbered) {
        return rc < 0 ? rc : rebuild_below(u);
    }
    rc = find_above(u);
    if (rc == AL_OK) {
        rc = change_sums(u, "below", "above");
    }
    return rc == AL_OK ? look_for_latest(u) : rc;
}
