/* A row that comes late may mean that accesses told of before went to another file than was thought. What was told is
 * still there (a_touch, a_base), so the evidence of all that lies where it may have been wrong is worked out anew. */
#include <stdio.h>
#include <string.h>

#include "server/inventory/access_priv.h"

struct late {
    struct inv_use *u;
    const struct inv_moves *moves;
    struct inv_times roots;
    struct inv_append used;
    struct al_buf now;
};

static void
late_end(struct late *l)
{
    inv_times_end(&l->roots);
    inv_append_end(&l->used);
    al_buf_free(&l->now);
}

static bool
is_asked(const struct late *l, struct al_span path)
{
    for (size_t end = 1; end <= path.len; end++) {
        if ((end == path.len || path.at[end] == '/') &&
            inv_times_at(&l->roots, (struct al_span){path.at, end}) != INT64_MIN) {
            return true;
        }
    }
    return false;
}

/* "path, time, source, n": of which moves since that batch alone count, 0: all. */
static int
read_evidence(struct late *l, const char *sql, bool told)
{
    INV_ROWS(rows);
    bool end = false, gone;
    int rc = inv_query(l->u->inv, l->u->conn, sql, false, &rows);

    while (rc == AL_OK) {
        struct inv_used x = {0};
        struct inv_asked asked = {0};

        rc = inv_next(&rows, &end);
        if (rc < 0 || end) {
            break;
        }
        asked.time_ns = x.time_ns = inv_num(&rows, 1);
        x.source = (uint8_t)inv_num(&rows, 2);
        asked.above_n = (uint64_t)inv_num(&rows, 3);
        rc = inv_moves_resolve(l->moves, inv_bytes(&rows, 0), &asked, &l->now, &gone);
        if (rc == AL_OK && !gone && l->now.len > 0 && is_asked(l, al_buf_span(&l->now))) {
            x.now = al_buf_span(&l->now);
            x.told = told ? inv_bytes(&rows, 0) : x.told;
            rc = inv_used_add(&l->used, &x);
        }
    }
    return rc;
}

static int
write_roots(struct inv_use *u, const struct al_span *roots, size_t count)
{
    AL_CLEANUP(inv_append_end) struct inv_append a = {0};
    int rc = inv_run(u->inv, u->conn,
                     "CREATE OR REPLACE TEMP TABLE root (path BLOB, in_path BLOB, name BLOB)");

    if (rc == AL_OK) {
        rc = inv_append_temp(u, "root", &a);
    }
    for (size_t i = 0; rc == AL_OK && i < count; i++) {
        rc = inv_append_blob(&a, roots[i]);
        if (rc == AL_OK) {
            rc = inv_append_path(&a, roots[i], false);
        }
        if (rc == AL_OK) {
            rc = inv_append_row(&a, DuckDBSuccess);
        }
    }
    return rc < 0 ? rc : inv_append_close(&a);
}

static const char below_sql[] =
    "CREATE OR REPLACE TEMP TABLE root_folder AS SELECT DISTINCT b.id FROM temp.root r JOIN "
    "\"v_%s\".folder f ON f.path = r.path JOIN \"v_%s\".folder b ON b.id BETWEEN f.id AND f.last";

static const char asked_sql[] =
    "CREATE OR REPLACE TEMP TABLE asked AS SELECT e.rowid AS rid FROM \"v_%s\".entry e WHERE "
    "e.type "
    "<> %d AND e.folder IN (SELECT id FROM temp.root_folder) UNION SELECT e.rowid FROM temp.root r "
    "JOIN \"v_%s\".folder f ON f.path = r.in_path JOIN \"v_%s\".entry e ON e.folder = f.id AND "
    "e.name "
    "= r.name WHERE e.type <> %d";

static const char said_sql[] =
    "CREATE OR REPLACE TEMP TABLE said AS SELECT f.id AS folder, u.name, max(u.time_ns) AS "
    "time_ns, "
    "arg_max(u.source, u.time_ns) AS source FROM temp.used u JOIN \"v_%s\".folder f ON f.path = "
    "u.in_path GROUP BY f.id, u.name";

/* Evidence of the logs that is young enough to be in the sums is what they say, and nothing where they say nothing;
 * other evidence is only raised. */
#define ANEW "(e.source = 2 AND e.accessed_ns > %lld)"
#define RAISED                                                                                     \
    "(s.time_ns IS NOT NULL AND (e.source = 0 OR e.accessed_ns IS NULL OR s.time_ns > "            \
    "e.accessed_ns))"
static const char met_sql[] =
    "CREATE OR REPLACE TEMP TABLE met AS SELECT e.rowid AS rid, e.* REPLACE (CASE WHEN " ANEW
    " OR " RAISED " THEN s.time_ns ELSE e.accessed_ns END AS accessed_ns, (CASE WHEN " ANEW
    " OR " RAISED
    " THEN coalesce(s.source, 0) ELSE e.source END)::UTINYINT AS source), false AS gone, "
    "e.state AS was_state, e.object_id AS was_object_id, e.allocated AS was_allocated, e.size AS "
    "was_size, e.mtime_ns AS was_mtime_ns, e.accessed_ns AS was_accessed_ns, e.source AS "
    "was_source, "
    "e.epoch AS was_epoch, e.btime_ns AS was_btime_ns FROM \"v_%s\".entry e SEMI JOIN temp.asked a "
    "ON a.rid = e.rowid LEFT "
    "JOIN "
    "temp.said s ON s.folder = e.folder AND s.name = e.name";

/* Of a path that is not there it waits, if it does not yet. */
static const char wait_sql[] =
    "INSERT INTO \"v_%s\".a_wait SELECT DISTINCT u.told, u.time_ns, 0 FROM temp.used u LEFT JOIN "
    "(SELECT f.path, e.name FROM \"v_%s\".entry e SEMI JOIN temp.asked a ON a.rid = e.rowid JOIN "
    "\"v_%s\".folder f ON f.id = e.folder) e ON e.path = u.in_path AND e.name = u.name ANTI JOIN "
    "\"v_%s\".a_wait w ON w.path = u.told AND w.time_ns = u.time_ns WHERE e.name IS NULL AND "
    "u.told IS "
    "NOT NULL";

/* Since when sums by hour tell of all evidence. Where there were too many, older ones are forgotten, or sums by day: two files
 * that a path had in one day are one there. */
static int
summed_since(struct inv_use *u, int64_t now_ns, int64_t *ret)
{
    int64_t hour = 0;
    int rc = inv_folded_at(u, &hour);

    *ret = now_ns - INV_LOGGED_NS;
    *ret = hour * INV_HOUR_NS > *ret ? hour * INV_HOUR_NS : *ret;
    return rc;
}

static int
change(struct late *l, int64_t now_ns)
{
    struct inv_use *u = l->u;
    const char *id = u->volume->id;
    int64_t since_ns;
    int rc = summed_since(u, now_ns, &since_ns);
    long long logged = (long long)since_ns;

    rc = rc < 0 ? rc : inv_runf(u->inv, u->conn, below_sql, id, id);

    if (rc == AL_OK) {
        rc = inv_runf(u->inv, u->conn, asked_sql, id, PORT_T_FOLDER, id, id, PORT_T_FOLDER);
    }
    if (rc == AL_OK) {
        rc = inv_runf(u->inv, u->conn, said_sql, id);
    }
    if (rc == AL_OK) {
        rc = inv_runf(u->inv, u->conn, wait_sql, id, id, id, id);
    }
    if (rc == AL_OK) {
        rc = inv_runf(u->inv, u->conn, met_sql, logged, logged, id);
    }
    if (rc == AL_OK) {
        rc = inv_write_back(u);
    }
    return rc < 0 ? rc : inv_summaries_follow(u, INVENTORY_SET_ACCESSED);
}

int
inv_late_apply(struct inv_place *p, const struct inv_moves *m, const struct al_span *roots,
               size_t count, int64_t now_ns)
{
    AL_CLEANUP(late_end) struct late l = {.u = p->u, .moves = m};
    const char *id = p->u->volume->id;
    char sql[256];
    int rc = inv_place_end(p);

    al_buf_init(&l.now, 2 * INVENTORY_PATH_MAX);
    for (size_t i = 0; rc == AL_OK && i < count; i++) {
        rc = inv_times_put(&l.roots, roots[i], 0);
    }
    if (rc == AL_OK) {
        rc = write_roots(p->u, roots, count);
    }
    if (rc == AL_OK) {
        rc = inv_used_begin(p->u, &l.used);
    }
    snprintf(sql, sizeof(sql), "SELECT path, last_ns, %d, 0 FROM \"v_%s\".a_touch",
             INVENTORY_BY_AUDIT, id);
    if (rc == AL_OK) {
        rc = read_evidence(&l, sql, true);
    }
    snprintf(sql, sizeof(sql), "SELECT path, accessed_ns, source, n FROM \"v_%s\".a_base", id);
    if (rc == AL_OK) {
        rc = read_evidence(&l, sql, false);
    }
    if (rc == AL_OK) {
        rc = inv_append_close(&l.used);
    }
    return rc < 0 ? rc : change(&l, now_ns);
}
