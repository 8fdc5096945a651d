/* Accesses, each at the path where its file is now, put into the entries. */
#include <stdio.h>
#include <string.h>

#include "server/inventory/access_priv.h"

int
inv_used_begin(struct inv_use *u, struct inv_append *a)
{
    int rc = inv_run(
        u->inv, u->conn,
        "CREATE OR REPLACE TEMP TABLE used (in_path BLOB, name BLOB, ext BLOB, told "
        "BLOB, time_ns BIGINT, modified_ns BIGINT, created BOOLEAN, source UTINYINT, has_stat "
        "BOOLEAN, "
        "type UTINYINT, size BIGINT, allocated BIGINT, mtime_ns BIGINT, ctime_ns "
        "BIGINT, btime_ns BIGINT, mode UINTEGER, uid UINTEGER, gid UINTEGER, nlink "
        "UINTEGER)");

    return rc < 0 ? rc : inv_append_temp(u, "used", a);
}

int
inv_append_stat(struct inv_append *a, const struct inventory_access *r)
{
    static const struct inventory_access none;
    const struct inventory_access *s = r != NULL && r->has_stat ? r : &none;
    duckdb_state bad = duckdb_append_bool(a->a, s->has_stat);

    bad |= duckdb_append_uint8(a->a, (uint8_t)s->type);
    bad |= duckdb_append_int64(a->a, (int64_t)s->size);
    bad |= duckdb_append_int64(a->a, (int64_t)s->allocated);
    bad |= duckdb_append_int64(a->a, s->mtime_ns);
    bad |= duckdb_append_int64(a->a, s->ctime_ns);
    bad |= duckdb_append_int64(a->a, s->btime_ns);
    bad |= duckdb_append_uint32(a->a, s->mode);
    bad |= duckdb_append_uint32(a->a, s->uid);
    bad |= duckdb_append_uint32(a->a, s->gid);
    bad |= duckdb_append_uint32(a->a, s->nlink);
    return inv_append_row(a, bad);
}

int
inv_used_add(struct inv_append *a, const struct inv_used *x)
{
    duckdb_state bad = DuckDBSuccess;
    int rc = inv_append_path(a, x->now, true);

    if (rc == AL_OK) {
        rc = x->told.at != NULL                          ? inv_append_blob(a, x->told)
             : duckdb_append_null(a->a) == DuckDBSuccess ? AL_OK
                                                         : AL_EIO;
    }
    if (rc < 0) {
        return rc;
    }
    bad |= duckdb_append_int64(a->a, x->time_ns);
    bad |= duckdb_append_int64(a->a, x->modified_ns);
    bad |= duckdb_append_bool(a->a, x->created);
    bad |= duckdb_append_uint8(a->a, x->source);
    return bad == DuckDBSuccess ? inv_append_stat(a, x->row) : inv_append_row(a, bad);
}

/* Noise has the source 0: no time of it is a use's. */
static const char group_sql[] =
    "CREATE OR REPLACE TEMP TABLE used_by AS SELECT row_number() OVER () AS un, * FROM (SELECT "
    "in_path, name, any_value(ext) AS ext, max(time_ns) FILTER (source > 0) AS time_ns, "
    "max(modified_ns) "
    "AS modified_ns, arg_max(source, time_ns) FILTER (source > 0) AS source, max(time_ns) FILTER "
    "(created) AS created_ns "
    "FROM temp.used GROUP BY in_path, name)";

/* Few rows have metadata. */
static const char seen_sql[] =
    "CREATE OR REPLACE TEMP TABLE seen AS SELECT b.un, arg_max(struct_pack(type := u.type, size := "
    "u.size, allocated := u.allocated, mtime_ns := u.mtime_ns, ctime_ns := u.ctime_ns, btime_ns := "
    "u.btime_ns, mode := u.mode, uid := u.uid, gid := u.gid, nlink := u.nlink), u.time_ns) AS st "
    "FROM "
    "(SELECT * FROM temp.used WHERE has_stat) u JOIN temp.used_by b ON b.in_path = u.in_path AND "
    "b.name = u.name GROUP BY b.un";

#define IS_SEEN                                                                                    \
    "(e.type <> 2 AND s.st IS NOT NULL AND s.st.type = e.type AND s.st.ctime_ns >= e.ctime_ns)"
#define SEEN(column) "CASE WHEN " IS_SEEN " THEN s.st." column " ELSE e." column " END AS " column
/* What a walk said of accesses means nothing here. */
#define WINS                                                                                       \
    "(e.type <> 2 AND t.time_ns IS NOT NULL AND (e.source = 0 OR e.accessed_ns IS NULL OR "        \
    "t.time_ns > e.accessed_ns))"

/* Folders first, or DuckDB joins them to all entries. */
static const char at_sql[] =
    "CREATE OR REPLACE TEMP TABLE used_at AS SELECT t.*, f.id AS in_folder FROM "
    "temp.used_by t JOIN \"v_%s\".folder f ON f.path = t.in_path";

/* As outcome.c's, so that its rows go back in the same way. */
#define MET                                                                                        \
    "CREATE OR REPLACE TEMP TABLE met AS SELECT t.un, e.rowid AS rid, e.* REPLACE (" SEEN(         \
        "size") ", " SEEN("allocated") ", " SEEN("ctime_ns") ", CASE WHEN " IS_SEEN                \
                                                             " THEN s.st.mtime_ns WHEN e.type <> " \
                                                             "2 THEN greatest(e.mtime_ns, "        \
                                                             "t.modified_ns) ELSE "                \
                                                             "e.mtime_ns END AS mtime_ns, CASE "   \
                                                             "WHEN e.type <> 2 AND t.created_ns "  \
                                                             "IS NOT NULL THEN "                   \
                                                             "greatest(e.btime_ns, t.created_ns) " \
                                                             "ELSE e.btime_ns END AS btime_ns, "   \
                                                             "CASE WHEN " WINS                     \
                                                             " THEN t.time_ns ELSE e.accessed_ns " \
                                                             "END AS accessed_ns, (CASE "          \
                                                             "WHEN " WINS                          \
                                                             " THEN t.source ELSE e.source "       \
                                                             "END)::UTINYINT AS source, CASE "     \
                                                             "WHEN " IS_SEEN                       \
                                                             " THEN m.epoch ELSE e.epoch END AS "  \
                                                             "epoch), false AS gone, e.state AS "  \
                                                             "was_state, e.object_id "             \
                                                             "AS was_object_id, e.allocated AS "   \
                                                             "was_allocated, e.size AS was_size, " \
                                                             "e.mtime_ns AS "                      \
                                                             "was_mtime_ns, e.accessed_ns AS "     \
                                                             "was_accessed_ns, e.source AS "       \
                                                             "was_source, e.epoch AS "             \
                                                             "was_epoch, e.btime_ns AS "           \
                                                             "was_btime_ns FROM "
#define MET_MORE " LEFT JOIN temp.seen s ON s.un = t.un CROSS JOIN \"v_%s\".meta m"
static const char met_sql[] = MET
    "temp.used_at t JOIN \"v_%s\".entry e ON e.folder = t.in_folder AND e.name = t.name" MET_MORE
    " WHERE " INV_SIEVE_SQL;

static int
fill_sieve(struct inv_use *u, struct inv_sieve *s)
{
    INV_ROWS(rows);
    int64_t count = 0, greatest = 0;
    bool end = false;
    int rc = inv_one(u->inv, u->conn, "SELECT count(*) FROM temp.used_at", &count);

    if (rc == AL_OK) {
        rc = inv_one(u->inv, u->conn,
                     "SELECT coalesce(max(in_folder), 0)::BIGINT FROM temp.used_at", &greatest);
    }
    if (rc == AL_OK) {
        rc = inv_sieve_begin(s, (uint64_t)greatest, (uint64_t)count);
    }
    if (rc == AL_OK) {
        rc = inv_query(u->inv, u->conn, "SELECT in_folder, name FROM temp.used_at", true, &rows);
    }
    while (rc == AL_OK) {
        rc = inv_next(&rows, &end);
        if (rc < 0 || end) {
            break;
        }
        inv_sieve_add(s, (uint64_t)inv_num(&rows, 0), inv_bytes(&rows, 1));
    }
    return rc;
}

static int
find_met(struct inv_use *u)
{
    AL_CLEANUP(inv_sieve_end) struct inv_sieve s = {0};
    const char *id = u->volume->id;
    unsigned slot;
    int rc = inv_runf_long(u->inv, u->conn, at_sql, id);

    if (rc == AL_OK) {
        rc = fill_sieve(u, &s);
    }
    if (rc == AL_OK) {
        rc = inv_lend(u->inv, &s, &slot);
    }
    if (rc < 0) {
        return rc;
    }
    rc = inv_runf_long(u->inv, u->conn, met_sql, id, id, slot, slot);
    inv_take_back(u->inv, slot);
    return rc;
}

static const char base_sql[] =
    "INSERT INTO \"v_%s\".a_base SELECT %llu, %lld, b.in_path || '/'::BLOB || b.name, "
    "m.was_accessed_ns, m.was_source FROM temp.met m JOIN temp.used_by b ON b.un = m.un WHERE "
    "m.was_accessed_ns IS NOT NULL AND m.accessed_ns <> m.was_accessed_ns AND (m.was_source IN (1, "
    "3) OR (m.was_source = 2 AND m.was_accessed_ns < %lld))";

static int
raise(struct inv_place *p, uint64_t n, int64_t now_ns)
{
    struct inv_use *u = p->u;
    const char *id = u->volume->id;
    int64_t met = 0;
    int rc = find_met(u);

    if (rc == AL_OK) {
        rc = inv_one(u->inv, u->conn, "SELECT count(*) FROM temp.met", &met);
    }
    if (rc < 0 || met == 0) {
        return rc;
    }
    rc = inv_runf(u->inv, u->conn, base_sql, id, (unsigned long long)n, (long long)now_ns,
                  (long long)(now_ns - INV_LOGGED_NS));
    if (rc == AL_OK) {
        rc = inv_write_back(u);
    }
    return rc < 0 ? rc : inv_summaries_follow(u, INVENTORY_SET_ACCESSED);
}

static const char rest_sql[] = "CREATE OR REPLACE TEMP TABLE rest AS SELECT b.*, s.st FROM "
                               "temp.used_by b LEFT JOIN temp.seen s ON "
                               "s.un = b.un WHERE b.un NOT IN (SELECT un FROM temp.met)";

static const char wait_sql[] =
    "INSERT INTO \"v_%s\".a_wait SELECT DISTINCT u.told, u.time_ns, u.modified_ns FROM temp.used u "
    "JOIN temp.rest r ON r.in_path = u.in_path AND r.name = u.name WHERE r.st IS NULL AND u.told "
    "IS NOT "
    "NULL";

/* What has metadata is added, the rest waits. */
static int
settle_rest(struct inv_place *p, int64_t *ret_waits)
{
    struct inv_use *u = p->u;
    int rc = inv_place_add(p);

    if (rc == AL_OK) {
        rc = inv_runf(u->inv, u->conn, wait_sql, u->volume->id);
    }
    return rc < 0 ? rc
                  : inv_one(u->inv, u->conn,
                            "SELECT count(*) FROM temp.used u JOIN temp.rest r ON r.in_path = "
                            "u.in_path AND r.name = u.name WHERE r.st IS NULL AND u.source > 0",
                            ret_waits);
}

static int
raise_and_rest(struct inv_place *p, uint64_t n, int64_t now_ns, int64_t *ret_rest)
{
    struct inv_use *u = p->u;
    int rc = inv_run_long(u->inv, u->conn, group_sql);

    if (rc == AL_OK) {
        rc = inv_run_long(u->inv, u->conn, seen_sql);
    }
    if (rc == AL_OK) {
        rc = raise(p, n, now_ns);
    }
    if (rc == AL_OK) {
        rc = inv_run_long(u->inv, u->conn, rest_sql);
    }
    return rc < 0 ? rc : inv_one(u->inv, u->conn, "SELECT count(*) FROM temp.rest", ret_rest);
}

int
inv_used_apply(struct inv_place *p, uint64_t n, int64_t now_ns, uint64_t *ret_placed,
               uint64_t *ret_waits)
{
    struct inv_use *u = p->u;
    int64_t all = 0, waits = 0, rest = 0;
    uint64_t renamed = 0;
    int rc = inv_place_end(p);

    if (rc == AL_OK) {
        rc = inv_one(u->inv, u->conn, "SELECT count(*) FROM temp.used", &all);
    }
    if (rc < 0 || all == 0) {
        return rc;
    }
    rc = raise_and_rest(p, n, now_ns, &rest);
    if (rc == AL_OK && rest > 0) {
        rc = inv_names_match(u, &renamed);
        if (rc == AL_OK) {
            rc = settle_rest(p, &waits);
        }
    }
    if (rc == AL_OK && renamed > 0) {
        rc = inv_run(u->inv, u->conn,
                     "CREATE OR REPLACE TEMP TABLE used AS SELECT * FROM temp.used_next");
        if (rc == AL_OK) {
            rc = raise_and_rest(p, n, now_ns, &rest);
        }
    }
    if (rc == AL_OK) {
        rc = inv_place_end(p);
    }
    *ret_placed += (uint64_t)(all - waits);
    *ret_waits += (uint64_t)waits;
    return rc;
}

/* base: "path, accessed_ns, source, n", which only later batches move. */
static int
read_waiting(struct inv_place *p, const struct inv_moves *m, bool base, struct inv_append *a)
{
    AL_CLEANUP(al_buf_free) struct al_buf now = {0};
    INV_ROWS(rows);
    char sql[192];
    bool end = false, gone;
    int rc;

    al_buf_init(&now, 2 * INVENTORY_PATH_MAX);
    snprintf(sql, sizeof(sql), "SELECT path, %s FROM \"v_%s\".%s",
             base ? "accessed_ns, source, n" : "time_ns, modified_ns", p->u->volume->id,
             base ? "a_base" : "a_wait");
    rc = inv_query(p->u->inv, p->u->conn, sql, false, &rows);
    while (rc == AL_OK) {
        struct inv_used x = {.source = INVENTORY_BY_AUDIT};
        struct inv_asked asked = {0};
        struct al_span told;

        rc = inv_next(&rows, &end);
        if (rc < 0 || end) {
            break;
        }
        told = inv_bytes(&rows, 0);
        x.time_ns = asked.time_ns = inv_num(&rows, 1);
        if (base) {
            x.source = (uint8_t)inv_num(&rows, 2);
            asked.above_n = (uint64_t)inv_num(&rows, 3);
        } else {
            x.told = told;
            x.modified_ns = inv_num(&rows, 2);
        }
        rc = inv_moves_resolve(m, told, &asked, &now, &gone);
        if (rc == AL_OK && !gone && now.len > 0) {
            x.now = al_buf_span(&now);
            rc = inv_used_add(a, &x);
        }
    }
    return rc;
}

int
inv_used_waiting(struct inv_place *p, const struct inv_moves *m, uint64_t n, int64_t now_ns,
                 bool due)
{
    AL_CLEANUP(inv_append_end) struct inv_append a = {0};
    struct inv_use *u = p->u;
    uint64_t placed = 0, waits = 0;
    int64_t count = 0;
    int rc;

    rc = inv_count(u, "a_wait", &count);
    if (rc < 0 || (count == 0 && !due)) {
        return rc;
    }
    rc = inv_used_begin(u, &a);
    if (rc == AL_OK) {
        rc = read_waiting(p, m, false, &a);
    }
    if (rc == AL_OK && due) {
        rc = read_waiting(p, m, true, &a);
    }
    if (rc == AL_OK) {
        rc = inv_append_close(&a);
    }
    /* What still waits comes back. */
    if (rc == AL_OK) {
        rc = inv_runf(u->inv, u->conn, "DELETE FROM \"v_%s\".a_wait", u->volume->id);
    }
    return rc < 0 ? rc : inv_used_apply(p, n, now_ns, &placed, &waits);
}
