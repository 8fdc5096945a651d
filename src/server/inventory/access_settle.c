/* What is due: deletes whose time is over, evidence that waits for what a scan brought, and what is forgotten. */
#include <stdio.h>
#include <string.h>

#include "server/inventory/access_priv.h"

int
inv_pins_follow(struct inv_use *u, const struct inv_moves *m)
{
    AL_CLEANUP(inv_append_end) struct inv_append a = {0};
    AL_CLEANUP(al_buf_free) struct al_buf now = {0};
    INV_ROWS(rows);
    const char *id = u->volume->id;
    char sql[128];
    bool end = false, gone;
    int rc =
        inv_run(u->inv, u->conn,
                "CREATE OR REPLACE TEMP TABLE pins (path BLOB, time_ns BIGINT, node BLOB, delta "
                "INTEGER, now_path BLOB)");

    al_buf_init(&now, 2 * INVENTORY_PATH_MAX);
    snprintf(sql, sizeof(sql),
             "SELECT path, time_ns, node, delta FROM \"v_%s\".a_pin ORDER BY time_ns DESC LIMIT %u",
             id, INV_PINS_MAX);
    if (rc == AL_OK) {
        rc = inv_append_temp(u, "pins", &a);
    }
    if (rc == AL_OK) {
        rc = inv_query(u->inv, u->conn, sql, false, &rows);
    }
    while (rc == AL_OK) {
        struct inv_asked asked = {0};
        duckdb_state bad = DuckDBSuccess;

        rc = inv_next(&rows, &end);
        if (rc < 0 || end) {
            break;
        }
        asked.time_ns = inv_num(&rows, 1);
        rc = inv_moves_resolve(m, inv_bytes(&rows, 0), &asked, &now, &gone);
        if (rc == AL_OK) {
            rc = inv_append_blob(&a, inv_bytes(&rows, 0));
        }
        bad |= duckdb_append_int64(a.a, asked.time_ns);
        if (rc == AL_OK) {
            rc = inv_append_blob(&a, inv_bytes(&rows, 2));
        }
        bad |= duckdb_append_int32(a.a, (int32_t)inv_num(&rows, 3));
        if (rc == AL_OK) {
            rc = inv_append_blob(&a, al_buf_span(&now));
        }
        if (rc == AL_OK) {
            rc = inv_append_row(&a, bad);
        }
    }
    if (rc == AL_OK) {
        rc = inv_append_close(&a);
    }
    if (rc == AL_OK) {
        rc = inv_runf(u->inv, u->conn, "DELETE FROM \"v_%s\".a_pin", id);
    }
    return rc < 0 ? rc
                  : inv_runf(u->inv, u->conn, "INSERT INTO \"v_%s\".a_pin SELECT * FROM temp.pins",
                             id);
}

int
inv_wait_limit(struct inv_use *u, int64_t now_ns, bool *ret_overflow)
{
    const char *id = u->volume->id;
    int64_t count = 0;
    int rc;

    rc = inv_count(u, "a_wait", &count);
    if (rc < 0 || count <= (int64_t)u->inv->unplaced_max) {
        return rc;
    }
    *ret_overflow = true;
    rc = inv_runf(
        u->inv, u->conn,
        "DELETE FROM \"v_%s\".a_wait WHERE rowid IN (SELECT rowid FROM \"v_%s\".a_wait ORDER "
        "BY time_ns LIMIT %lld)",
        id, id, (long long)(count - (int64_t)u->inv->unplaced_max / 2));
    if (rc == AL_OK) {
        rc = inv_runf(u->inv, u->conn, "UPDATE \"v_%s\".meta SET since_ns = %lld WHERE audited", id,
                      (long long)now_ns);
    }
    return rc < 0 ? rc : inv_coverage_anew(u, now_ns);
}

/* ---- deletes ---- */

struct settle {
    struct inv_use *u;
    struct inv_place place;
    struct inv_moves moves;
    int64_t now_ns;
    bool changed;
    uint64_t gone;
};

static void
settle_end(struct settle *s)
{
    inv_place_free(&s->place);
    inv_moves_end(&s->moves);
}

static int
make_away(struct inv_use *u, struct inv_append *a)
{
    int rc =
        inv_run(u->inv, u->conn,
                "CREATE OR REPLACE TEMP TABLE away (path BLOB, in_path BLOB, name BLOB, time_ns "
                "BIGINT)");

    return rc < 0 ? rc : inv_append_temp(u, "away", a);
}

static int
append_away(struct inv_append *a, struct al_span path, int64_t time_ns)
{
    int rc = inv_append_blob(a, path);

    rc = rc < 0 ? rc : inv_append_path(a, path, false);
    return rc < 0 ? rc : inv_append_row(a, duckdb_append_int64(a->a, time_ns));
}

/* temp.away: the paths of what was deleted, where that is now, and is not something else. */
static int
find_away(struct settle *s)
{
    AL_CLEANUP(inv_append_end) struct inv_append a = {0};
    AL_CLEANUP(al_buf_free) struct al_buf now = {0};
    AL_CLEANUP(al_buf_free) struct al_buf then = {0};
    INV_ROWS(rows);
    struct inv_use *u = s->u;
    char sql[192];
    bool end = false, gone;
    int rc = make_away(u, &a);

    al_buf_init(&now, 2 * INVENTORY_PATH_MAX);
    al_buf_init(&then, 2 * INVENTORY_PATH_MAX);
    snprintf(sql, sizeof(sql),
             "SELECT path, time_ns FROM \"v_%s\".a_deleting WHERE told_ns <= %lld", u->volume->id,
             (long long)(s->now_ns - INVENTORY_DELETE_GRACE_NS));
    if (rc == AL_OK) {
        rc = inv_query(u->inv, u->conn, sql, false, &rows);
    }
    while (rc == AL_OK) {
        struct al_span path;
        struct inv_asked asked = {0};

        rc = inv_next(&rows, &end);
        if (rc < 0 || end) {
            break;
        }
        path = inv_bytes(&rows, 0);
        asked.time_ns = inv_num(&rows, 1);
        asked.but = inv_moves_cut(&s->moves, path, asked.time_ns);
        rc = inv_moves_resolve(&s->moves, path, &asked, &now, &gone);
        if (rc == AL_OK) {
            rc = inv_moves_trace(&s->moves, al_buf_span(&now), asked.time_ns, &then);
        }
        if (rc < 0 || !al_span_equal(al_buf_span(&then), path) || now.len == 0) {
            continue;
        }
        rc = append_away(&a, al_buf_span(&now), asked.time_ns);
    }
    return rc < 0 ? rc : inv_append_close(&a);
}

/* It was used after it was deleted, or came, so it is there again, or still; or it is archived: then it was we who took it away. */
#define IS_BACK                                                                                    \
    "(e.state = 5 OR coalesce(e.btime_ns, 0) > a.time_ns OR e.mtime_ns > a.time_ns OR (e.source "  \
    "= 2 AND "                                                                                     \
    "e.accessed_ns > a.time_ns) OR e.came_ns > a.time_ns)"
static const char back_sql[] =
    "DELETE FROM temp.away WHERE (path, time_ns) IN (SELECT a.path, a.time_ns FROM temp.away a "
    "JOIN "
    "\"v_%s\".folder f ON f.path = a.in_path JOIN \"v_%s\".entry e ON e.folder = f.id AND e.name = "
    "a.name WHERE e.type <> %d AND " IS_BACK ")";
static const char back_below_sql[] = "DELETE FROM temp.away WHERE (path, time_ns) IN (SELECT "
                                     "a.path, a.time_ns FROM temp.away a JOIN "
                                     "\"v_%s\".folder f ON f.path = a.path JOIN \"v_%s\".entry e "
                                     "ON e.folder BETWEEN f.id AND f.last "
                                     "WHERE e.type <> %d AND " IS_BACK ")";

/* A folder that was made anew since: what it held is gone, and it is there. Sums have a row of its making. */
static const char remade_sql[] =
    "CREATE OR REPLACE TEMP TABLE remade AS SELECT DISTINCT a.path FROM temp.away a JOIN "
    "\"v_%s\".folder f ON f.path = a.path JOIN \"v_%s\".a_touch t ON t.path = a.path AND t.last_ns "
    "> a.time_ns";

static int
remove_away(struct inv_place *p, uint64_t *ret_gone)
{
    struct inv_use *u = p->u;
    const char *id = u->volume->id;
    int rc = inv_runf(u->inv, u->conn, back_sql, id, id, PORT_T_FOLDER);

    rc = rc < 0 ? rc : inv_runf(u->inv, u->conn, back_below_sql, id, id, PORT_T_FOLDER);
    rc = rc < 0 ? rc : inv_runf(u->inv, u->conn, remade_sql, id, id);
    rc = rc < 0 ? rc : inv_place_remove(p, ret_gone);
    return rc < 0 || *ret_gone == 0 ? rc : inv_folders_ensure(p, "SELECT path FROM temp.remade");
}

static int
take_away(struct settle *s)
{
    struct inv_use *u = s->u;
    const char *id = u->volume->id;
    char sql[192];
    int64_t due = 0;
    int rc;

    snprintf(sql, sizeof(sql), "SELECT count(*) FROM \"v_%s\".a_deleting WHERE told_ns <= %lld", id,
             (long long)(s->now_ns - INVENTORY_DELETE_GRACE_NS));
    rc = inv_one(u->inv, u->conn, sql, &due);
    if (rc < 0 || due == 0) {
        return rc;
    }
    s->changed = true;
    if (s->moves.table_from == NULL) {
        rc = inv_moves_load(u, INT64_MIN, &s->moves);
        rc = rc < 0 ? rc : inv_moves_sort(&s->moves);
    }
    if (rc == AL_OK) {
        rc = find_away(s);
    }
    if (rc == AL_OK) {
        rc = remove_away(&s->place, &s->gone);
    }
    return rc < 0
               ? rc
               : inv_runf(u->inv, u->conn, "DELETE FROM \"v_%s\".a_deleting WHERE told_ns <= %lld",
                          id, (long long)(s->now_ns - INVENTORY_DELETE_GRACE_NS));
}

int
inv_delete_now(struct inv_place *p, struct al_span path, int64_t before_ns)
{
    AL_CLEANUP(inv_append_end) struct inv_append a = {0};
    struct inv_use *u = p->u;
    const char *id = u->volume->id;
    INV_SQL(at);
    INV_SQL(sql);
    int64_t time_ns = 0;
    uint64_t gone;
    int rc;

    inv_put(&at, "FROM \"v_%s\".a_deleting WHERE time_ns < %lld AND path = ", id,
            (long long)before_ns);
    inv_put_blob(&at, path);
    inv_put(&sql, "SELECT coalesce(max(time_ns), 0)::BIGINT ");
    inv_put_text(&sql, (char *)at.text.at);
    rc = at.rc < 0    ? at.rc
         : sql.rc < 0 ? sql.rc
                      : inv_one(u->inv, u->conn, (char *)sql.text.at, &time_ns);
    if (rc < 0 || time_ns == 0) {
        return rc;
    }
    rc = p->dirty ? inv_place_end(p) : AL_OK; /* what is below a folder is found by numbers */
    rc = rc < 0 ? rc : make_away(u, &a);
    if (rc == AL_OK) {
        rc = append_away(&a, path, time_ns);
    }
    rc = rc < 0 ? rc : inv_append_close(&a);
    rc = rc < 0 ? rc : remove_away(p, &gone);
    al_buf_clear(&sql.text);
    inv_put(&sql, "DELETE ");
    inv_put_text(&sql, (char *)at.text.at);
    return rc < 0 ? rc : sql.rc < 0 ? sql.rc : inv_run(u->inv, u->conn, (char *)sql.text.at);
}

/* ---- what waits for what a scan or an import brought ---- */

static int
place_due(struct settle *s)
{
    struct inv_use *u = s->u;
    char sql[128];
    int64_t due = 0, n = 0;
    int rc;

    snprintf(sql, sizeof(sql), "SELECT due::INTEGER FROM \"v_%s\".meta", u->volume->id);
    rc = inv_one(u->inv, u->conn, sql, &due);
    if (rc < 0 || due == 0) {
        return rc;
    }
    s->changed = true;
    snprintf(sql, sizeof(sql), "SELECT access_n::BIGINT FROM \"v_%s\".meta", u->volume->id);
    rc = inv_one(u->inv, u->conn, sql, &n);
    if (rc == AL_OK) {
        rc = inv_moves_load(u, INT64_MIN, &s->moves);
    }
    if (rc == AL_OK) {
        rc = inv_moves_sort(&s->moves);
    }
    if (rc == AL_OK) {
        rc = inv_used_waiting(&s->place, &s->moves, (uint64_t)n, s->now_ns, true);
    }
    if (rc == AL_OK) {
        rc = inv_came_apply(&s->place);
    }
    return rc < 0
               ? rc
               : inv_runf(u->inv, u->conn, "UPDATE \"v_%s\".meta SET due = false", u->volume->id);
}

/* ---- what is forgotten ---- */

static int
forget(struct settle *s, const char *table, const char *column, int64_t below)
{
    struct inv_use *u = s->u;
    char sql[192];
    int64_t old = 0;
    int rc;

    snprintf(sql, sizeof(sql), "SELECT count(*) FROM \"v_%s\".%s WHERE %s < %lld", u->volume->id,
             table, column, (long long)below);
    rc = inv_one(u->inv, u->conn, sql, &old);
    if (rc < 0 || old == 0) {
        return rc;
    }
    s->changed = true;
    return inv_runf(u->inv, u->conn, "DELETE FROM \"v_%s\".%s WHERE %s < %lld", u->volume->id,
                    table, column, (long long)below);
}

/* The earlier half of the rows by days, when there are too many. */
static int
fold_touches(struct settle *s)
{
    struct inv_use *u = s->u;
    const char *id = u->volume->id;
    char sql[192];
    int64_t count = 0, middle = 0;
    int rc;

    rc = inv_count(u, "a_touch", &count);
    if (rc < 0 || count <= (int64_t)u->inv->touches_max) {
        return rc;
    }
    s->changed = true;
    snprintf(sql, sizeof(sql), "SELECT quantile_disc(hour, 0.5) // 24 * 24 FROM \"v_%s\".a_touch",
             id);
    rc = inv_one(u->inv, u->conn, sql, &middle);
    if (rc == AL_OK) {
        rc = inv_runf(
            u->inv, u->conn,
            "CREATE OR REPLACE TEMP TABLE folded AS SELECT CASE WHEN hour < %lld THEN hour // "
            "24 * 24 ELSE hour END AS hour, path, \"user\", host, " INV_SUM_SQL(
                "reads") " AS reads, " INV_SUM_SQL("writes") " AS writes, max(last_ns) AS last_ns FROM "
            "\"v_%s\".a_touch GROUP BY ALL ORDER BY hour",
            (long long)middle, id);
    }
    if (rc == AL_OK) {
        rc = inv_runf(u->inv, u->conn, "DELETE FROM \"v_%s\".a_touch", id);
    }
    if (rc == AL_OK) {
        rc =
            inv_runf(u->inv, u->conn, "INSERT INTO \"v_%s\".a_touch SELECT * FROM temp.folded", id);
    }
    if (rc == AL_OK) {
        rc = inv_folded_set(u, middle);
    }
    if (rc == AL_OK) {
        rc = inv_one(u->inv, u->conn, "SELECT count(*) FROM temp.folded", &count);
    }
    al_log(u->inv->log, AL_LOG_WARN,
           "inventory: accesses of %s are more than %u sums by hour: the older ones are %s", id,
           u->inv->touches_max,
           count <= (int64_t)u->inv->touches_max ? "sums by day now" : "forgotten");
    /* Days of more than that are not kept. */
    return rc < 0 || count <= (int64_t)u->inv->touches_max ? rc
                                                           : forget(s, "a_touch", "hour", middle);
}

/* The latest `most` rows of a table alone: the record counts from the oldest of them. */
static int
limit_rows(struct settle *s, const char *table, uint32_t most)
{
    struct inv_use *u = s->u;
    const char *id = u->volume->id;
    char sql[192];
    int64_t count = 0, border = 0;
    int rc;

    rc = inv_count(u, table, &count);
    if (rc < 0 || count <= (int64_t)most) {
        return rc;
    }
    snprintf(
        sql, sizeof(sql),
        "SELECT min(time_ns) FROM (SELECT time_ns FROM \"v_%s\".%s ORDER BY time_ns DESC LIMIT "
        "%u)",
        id, table, most);
    rc = inv_one(u->inv, u->conn, sql, &border);
    rc = rc < 0 ? rc : forget(s, table, "time_ns", border);
    if (rc < 0) {
        return rc;
    }
    al_log(u->inv->log, AL_LOG_WARN,
           "inventory: moves in %s are more than %u: the record of accesses begins with the oldest "
           "that is kept",
           id, most);
    return inv_runf(
        u->inv, u->conn,
        "UPDATE \"v_%s\".meta SET since_ns = greatest(since_ns, %lld) WHERE audited AND "
        "since_ns > 0",
        id, (long long)border);
}

/* Logs are read one after the other: until all were, what one told of moves counts for what another tells of long ago. What
 * came from outside, and where to, counts until a scan found it. What comes late and is older than a move that is forgotten
 * may find no file, or another one. */
static int
forget_moves(struct settle *s)
{
    int64_t came = 0, old = s->now_ns - INVENTORY_MOVES_NS;
    bool inventoried;
    int rc = inv_count(s->u, "a_came", &came);

    rc = rc < 0 ? rc : inv_came_inventoried(s->u, &inventoried);
    if (rc == AL_OK && inv_coverage_complete(s->u, s->now_ns) && (inventoried || came == 0)) {
        rc = forget(s, "a_move", "time_ns", old);
        rc = rc < 0 || came == 0 ? rc : forget(s, "a_came", "time_ns", old);
    }
    rc = rc < 0 ? rc : limit_rows(s, "a_came", INV_CAME_MAX);
    return rc < 0 ? rc : limit_rows(s, "a_move", s->u->inv->moves_max);
}

static int
forget_all(struct settle *s)
{
    int64_t now = s->now_ns;
    int rc = forget(s, "a_base", "at_ns", now - INV_BASE_NS);

    if (rc == AL_OK) {
        rc = forget(s, "a_touch", "hour",
                    (now / INV_HOUR_NS / 24 - (int64_t)INVENTORY_TOUCHES_DAYS) * 24);
    }
    if (rc == AL_OK) {
        rc = forget_moves(s);
    }
    return rc < 0 ? rc : fold_touches(s);
}

/* all: not only what waits for what a scan has brought. */
static int
settle(struct inv_use *u, int64_t now_ns, bool all, uint64_t *ret_gone)
{
    AL_CLEANUP(settle_end) struct settle s = {.u = u, .now_ns = now_ns};
    int rc = inv_begin(u);

    if (rc == AL_OK) {
        rc = inv_place_begin(&s.place, u);
    }
    if (rc == AL_OK) {
        rc = place_due(&s);
    }
    if (rc == AL_OK && all) {
        rc = take_away(&s);
    }
    if (rc == AL_OK) {
        rc = inv_place_end(&s.place);
    }
    if (rc == AL_OK && all) {
        rc = forget_all(&s);
    }
    if (rc == AL_OK && s.changed) {
        rc = inv_commit(u);
    }
    if (rc == AL_OK) {
        rc = inv_coverage_read(u->inv, u->conn, u->volume);
    }
    if (rc == AL_OK && ret_gone != NULL) {
        *ret_gone = s.gone;
    }
    return rc;
}

int
inventory_access_settle(struct inventory *inv, const struct inventory_scope *scope,
                        const char *volume_id, int64_t now_ns, uint64_t *ret_gone)
{
    INV_USE(u);
    int rc = inv_use_begin(inv, scope, volume_id, true, &u);

    return rc < 0 ? rc : settle(&u, now_ns, true, ret_gone);
}

void
inv_access_after(struct inv_use *u, int64_t now_ns)
{
    int rc = inv_coverage_read(u->inv, u->conn, u->volume);

    if (rc == AL_OK && inv_coverage_due(u)) {
        rc = settle(u, now_ns, false, NULL);
    }
    if (rc < 0) {
        al_log(u->inv->log, AL_LOG_WARN, "inventory: what waited for a scan of %s waits on: %s",
               u->volume->id, al_code_name(rc));
    }
}
