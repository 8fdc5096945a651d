/* The tables of what audit logs tell (formats 3 to 5), and how they go into a volume's next file. */
#include <stdio.h>
#include <string.h>

#include "server/inventory/access_priv.h"

#define STAT_COLUMNS                                                                               \
    "has_stat BOOLEAN, type UTINYINT, size BIGINT, allocated BIGINT, mtime_ns BIGINT, "            \
    "ctime_ns BIGINT, btime_ns BIGINT, mode UINTEGER, uid UINTEGER, gid UINTEGER, nlink UINTEGER"

static const char *const tables[] = {
    "CREATE TABLE \"%c_%s\".a_move (n UBIGINT, time_ns BIGINT, source BLOB, target BLOB)",
    "CREATE TABLE \"%c_%s\".a_touch (hour BIGINT, path BLOB, \"user\" BLOB, host BLOB, reads "
    "BIGINT, "
    "writes BIGINT, last_ns BIGINT)",
    "CREATE TABLE \"%c_%s\".a_base (n UBIGINT, at_ns BIGINT, path BLOB, accessed_ns BIGINT, source "
    "UTINYINT)",
    "CREATE TABLE \"%c_%s\".a_wait (path BLOB, time_ns BIGINT, modified_ns BIGINT)",
    "CREATE TABLE \"%c_%s\".a_deleting (path BLOB, time_ns BIGINT, told_ns BIGINT, epoch UBIGINT)",
    "CREATE TABLE \"%c_%s\".a_pin (path BLOB, time_ns BIGINT, node BLOB, delta INTEGER, now_path "
    "BLOB)",
    "CREATE TABLE \"%c_%s\".a_recent (number BIGINT, arrived_ns BIGINT, kind UTINYINT, path BLOB, "
    "target BLOB, time_ns BIGINT, modified_ns BIGINT, reads BIGINT, writes BIGINT, \"user\" BLOB, "
    "host "
    "BLOB, node BLOB, " STAT_COLUMNS ")",
    "ALTER TABLE \"%c_%s\".meta ADD COLUMN audited BOOLEAN DEFAULT false",
    "ALTER TABLE \"%c_%s\".meta ADD COLUMN live BOOLEAN DEFAULT false",
    "ALTER TABLE \"%c_%s\".meta ADD COLUMN since_ns BIGINT DEFAULT 0",
    "ALTER TABLE \"%c_%s\".meta ADD COLUMN told_ns BIGINT DEFAULT 0",
    /* Batches taken; the latest time of any row; whether what waits is due to be tried. */
    "ALTER TABLE \"%c_%s\".meta ADD COLUMN access_n UBIGINT DEFAULT 0",
    "ALTER TABLE \"%c_%s\".meta ADD COLUMN newest_ns BIGINT DEFAULT 0",
    "ALTER TABLE \"%c_%s\".meta ADD COLUMN due BOOLEAN DEFAULT false",
};

int
inv_access_make(struct inv_use *u, char catalog)
{
    int rc = AL_OK;

    for (size_t i = 0; rc == AL_OK && i < AL_LEN(tables); i++) {
        rc = inv_run_with_id(u, catalog, tables[i]);
    }
    rc = rc < 0 ? rc : inv_folded_make(u, catalog);
    return rc < 0 ? rc : inv_came_make(u, catalog);
}

int
inv_folded_make(struct inv_use *u, char catalog)
{
    return inv_run_with_id(u, catalog, "CREATE TABLE \"%c_%s\".a_folded (hour BIGINT)");
}

int
inv_folded_at(struct inv_use *u, int64_t *ret_hour)
{
    char sql[128];

    snprintf(sql, sizeof(sql), "SELECT coalesce(max(hour), 0)::BIGINT FROM \"v_%s\".a_folded",
             u->volume->id);
    return inv_one(u->inv, u->conn, sql, ret_hour);
}

int
inv_folded_set(struct inv_use *u, int64_t hour)
{
    return inv_runf(u->inv, u->conn, "INSERT INTO \"v_%s\".a_folded VALUES (%lld)", u->volume->id,
                    (long long)hour);
}

int
inv_access_carry(struct inv_use *u)
{
    static const char *const carried[] = {"a_move", "a_touch",  "a_base",   "a_wait", "a_deleting",
                                          "a_pin",  "a_folded", "a_recent", "a_came"};
    const char *id = u->volume->id;
    int rc = AL_OK;

    for (size_t i = 0; rc == AL_OK && i < AL_LEN(carried); i++) {
        rc = inv_runf(u->inv, u->conn, "INSERT INTO \"n_%s\".%s SELECT * FROM \"v_%s\".%s", id,
                      carried[i], id, carried[i]);
    }
    return rc;
}

/* What is gone may have moved, and the row that says so come later: its evidence is kept. */
static const char gone_sql[] =
    "INSERT INTO \"n_%s\".a_base SELECT m.access_n, %lld, f.path || '/'::BLOB || e.name, "
    "e.accessed_ns, e.source FROM \"v_%s\".entry e JOIN \"v_%s\".folder f ON f.id = e.folder CROSS "
    "JOIN \"v_%s\".meta m WHERE e.type = %d AND e.accessed_ns IS NOT NULL AND e.source > 0 AND NOT "
    "EXISTS (SELECT 1 FROM \"n_%s\".entry n JOIN \"n_%s\".folder g ON g.id = n.folder WHERE n.name "
    "= "
    "e.name AND g.path = f.path)";

int
inv_access_merged(struct inv_use *u, bool scan, int64_t now_ns)
{
    const char *id = u->volume->id;
    char sql[128];
    int64_t audited = 0;
    int rc;

    snprintf(sql, sizeof(sql), "SELECT audited::INTEGER FROM \"v_%s\".meta", id);
    rc = inv_one(u->inv, u->conn, sql, &audited);
    if (rc < 0 || audited == 0) {
        return rc;
    }
    rc =
        inv_runf(u->inv, u->conn, gone_sql, id, (long long)now_ns, id, id, id, PORT_T_FILE, id, id);
    /* A scan that began after it was told of a delete has seen what is there. */
    if (rc == AL_OK && scan) {
        rc = inv_runf(u->inv, u->conn,
                      "DELETE FROM \"n_%s\".a_deleting WHERE epoch < (SELECT epoch FROM "
                      "\"n_%s\".meta)",
                      id, id);
    }
    return rc < 0 ? rc : inv_runf(u->inv, u->conn, "UPDATE \"n_%s\".meta SET due = true", id);
}

int
inv_append_blob(struct inv_append *a, struct al_span s)
{
    return duckdb_append_blob(a->a, s.len > 0 ? s.at : (const uint8_t *)"", s.len) == DuckDBSuccess
               ? AL_OK
               : inv_error(a->inv, DUCKDB_ERROR_IO, duckdb_appender_error(a->a));
}

int
inv_append_path(struct inv_append *a, struct al_span clean, bool ext)
{
    struct al_span name = rule_name_of(clean), tail;
    uint8_t lower[INVENTORY_PATH_MAX];
    int rc = inv_append_blob(
        a, (struct al_span){clean.at, clean.len > name.len ? clean.len - name.len - 1 : 0});

    if (rc == AL_OK) {
        rc = inv_append_blob(a, clean.len > 0 ? name : clean);
    }
    if (rc < 0 || !ext) {
        return rc;
    }
    tail = rule_ext_of(name);
    rule_fold(tail, lower);
    return inv_append_blob(a, (struct al_span){lower, tail.len});
}
