/* Files of which the record begins later than the volume's: what came into it from outside was used under paths of which
 * nobody told, and so may have been what a scan finds and no row explains. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "server/inventory/access_priv.h"

#define PLACES_MAX (10 * INV_CAME_MAX)

struct place { /* at or below it lies what came then */
    uint8_t *path;
    size_t len;
    int64_t time_ns;
};
struct came {
    struct inv_use *u;
    struct inv_moves moves;
    const struct inv_move **order; /* those that are no deletes, by time */
    size_t order_count;
    struct inv_times at;    /* of places: which of them */
    struct inv_times above; /* of what is above places: how many lie below */
    struct place *places;
    size_t count, cap;
    bool full; /* some are left out */
};

static void
came_end(struct came *c)
{
    inv_moves_end(&c->moves);
    inv_times_end(&c->at);
    inv_times_end(&c->above);
    al_free(c->order);
    for (size_t i = 0; i < c->count; i++) {
        al_free(c->places[i].path);
    }
    al_free(c->places);
}

int
inv_came_make(struct inv_use *u, char catalog)
{
    return inv_run_with_id(u, catalog, "CREATE TABLE \"%c_%s\".a_came (path BLOB, time_ns BIGINT)");
}

int
inv_came_inventoried(struct inv_use *u, bool *ret)
{
    char sql[192];
    int64_t is = 0;
    int rc;

    snprintf(sql, sizeof(sql),
             "SELECT (last_scan_ns > 0 OR EXISTS (SELECT 1 FROM \"v_%s\".import))::INTEGER FROM "
             "\"v_%s\".meta",
             u->volume->id, u->volume->id);
    rc = inv_one(u->inv, u->conn, sql, &is);
    *ret = is != 0;
    return rc;
}

int
inv_came_unknown(struct inv_use *u, int64_t now_ns, char ret[INV_CAME_SQL])
{
    bool audited, inventoried = false;
    int rc;

    port_mutex_lock(&u->volume->lock);
    audited = u->volume->coverage.audited;
    port_mutex_unlock(&u->volume->lock);
    rc = audited ? inv_came_inventoried(u, &inventoried) : AL_OK;
    if (inventoried) {
        snprintf(ret, INV_CAME_SQL, "'%lld'::BIGINT", (long long)now_ns);
    } else {
        snprintf(ret, INV_CAME_SQL, "NULL::BIGINT");
    }
    return rc;
}

static struct al_span
path_of(const struct place *p)
{
    return (struct al_span){p->path, p->len};
}

/* By strict ancestors alone: what is moved itself is found by its path. */
static int
count_above(struct came *c, struct al_span path, int64_t by)
{
    int rc = AL_OK;

    for (size_t end = 0; rc == AL_OK && end < path.len; end++) {
        struct al_span above = {path.at, end};
        int64_t n;

        if (end > 0 && path.at[end] != '/') {
            continue;
        }
        n = inv_times_at(&c->above, above);
        n = (n == INT64_MIN ? 0 : n) + by;
        rc = inv_times_set(&c->above, above, n > 0 ? n : INT64_MIN);
    }
    return rc;
}

static int
add_place(struct came *c, struct al_span path, int64_t time_ns)
{
    int64_t at = inv_times_at(&c->at, path);
    struct place *list;
    uint8_t *kept;
    int rc;

    if (at != INT64_MIN) {
        c->places[at].time_ns = c->places[at].time_ns > time_ns ? c->places[at].time_ns : time_ns;
        return AL_OK;
    }
    if (c->count == PLACES_MAX) {
        c->full = true;
        return AL_OK;
    }
    list = al_grow(c->places, c->count, &c->cap, sizeof(*list));
    kept = list != NULL ? al_alloc(path.len + 1) : NULL;
    c->places = list != NULL ? list : c->places;
    if (kept == NULL) {
        return AL_ENOMEM;
    }
    if (path.len > 0) {
        memcpy(kept, path.at, path.len);
    }
    c->places[c->count] = (struct place){kept, path.len, time_ns};
    rc = inv_times_set(&c->at, path_of(&c->places[c->count]), (int64_t)c->count);
    c->count++;
    return rc < 0 ? rc : count_above(c, path, 1);
}

/* The caller owns what it was. */
static int
take_place(struct came *c, size_t i, struct place *ret)
{
    int rc;

    *ret = c->places[i];
    c->places[i] = c->places[--c->count];
    rc = i < c->count ? inv_times_set(&c->at, path_of(&c->places[i]), (int64_t)i) : AL_OK;
    rc = rc < 0 ? rc : inv_times_set(&c->at, path_of(ret), INT64_MIN);
    return rc < 0 ? rc : count_above(c, path_of(ret), -1);
}

/* What lies below what moves, and came. */
static int
follow_below(struct came *c, struct al_span from, struct al_span to)
{
    AL_CLEANUP(al_buf_free) struct al_buf path = {0};
    size_t i = 0;
    int rc = AL_OK;

    al_buf_init(&path, 2 * (size_t)INVENTORY_PATH_MAX);
    while (rc == AL_OK && i < c->count) {
        struct place p;

        if (c->places[i].len <= from.len || !inv_path_below(path_of(&c->places[i]), from)) {
            i++;
            continue;
        }
        rc = take_place(c, i, &p); /* the last one is there now */
        al_buf_clear(&path);
        rc = rc < 0 ? rc : al_buf_add(&path, to.at, to.len);
        rc = rc < 0 ? rc : al_buf_add(&path, p.path + from.len, p.len - from.len);
        rc = rc < 0 ? rc : add_place(c, al_buf_span(&path), p.time_ns);
        rc = rc == AL_ELIMIT ? AL_OK : rc; /* no such path can be */
        al_free(p.path);
    }
    return rc;
}

/* When what lies at a path came, at the latest. */
static int64_t
came_at(const struct came *c, struct al_span path)
{
    int64_t latest = INT64_MIN;

    for (size_t end = 0; end <= path.len; end++) {
        int64_t at;

        if (end > 0 && end < path.len && path.at[end] != '/') {
            continue;
        }
        at = inv_times_at(&c->at, (struct al_span){path.at, end});
        if (at != INT64_MIN && c->places[at].time_ns > latest) {
            latest = c->places[at].time_ns;
        }
    }
    return latest;
}

static int
follow(struct came *c, const struct inv_move *v)
{
    struct al_span from = {c->moves.names + v->from_at, v->from_len};
    struct al_span to = {c->moves.names + v->to_at, v->to_len};
    int64_t latest = came_at(c, from), at = inv_times_at(&c->at, from);
    /* What goes into itself, or onto what is above it, leaves nothing (inv_folders_move). */
    bool leaves = from.len > 0 && !inv_path_below(to, from) && !inv_path_below(from, to);
    struct place left;
    int rc = AL_OK;

    if (leaves && at != INT64_MIN) {
        rc = take_place(c, (size_t)at, &left);
        al_free(left.path);
    }
    if (rc == AL_OK && latest != INT64_MIN) {
        rc = add_place(c, to, latest);
    }
    return rc < 0 || !leaves || inv_times_at(&c->above, from) == INT64_MIN
               ? rc
               : follow_below(c, from, to);
}

static int
by_time(const void *a, const void *b)
{
    const struct inv_move *x = *(const struct inv_move *const *)a,
                          *y = *(const struct inv_move *const *)b;

    return (x->time_ns > y->time_ns) - (x->time_ns < y->time_ns);
}

static int
load_moves(struct came *c)
{
    int rc = inv_moves_load(c->u, INT64_MIN, &c->moves);

    if (rc < 0) {
        return rc;
    }
    c->order = al_array((size_t)c->moves.count + 1, sizeof(*c->order));
    if (c->order == NULL) {
        return AL_ENOMEM;
    }
    for (uint32_t i = 0; i < c->moves.count; i++) {
        if (!c->moves.all[i].cut) {
            c->order[c->order_count++] = &c->moves.all[i];
        }
    }
    qsort(c->order, c->order_count, sizeof(const struct inv_move *), by_time);
    return AL_OK;
}

/* In the order of time: what came, and where it went. */
static int
find_places(struct came *c)
{
    INV_ROWS(rows);
    char sql[128];
    bool end = false;
    size_t next = 0;
    int rc;

    snprintf(sql, sizeof(sql), "SELECT time_ns, path FROM \"v_%s\".a_came ORDER BY time_ns",
             c->u->volume->id);
    rc = inv_query(c->u->inv, c->u->conn, sql, false, &rows);
    while (rc == AL_OK && !end) {
        rc = inv_next(&rows, &end);
        while (rc == AL_OK && next < c->order_count &&
               (end || c->order[next]->time_ns < inv_num(&rows, 0))) {
            rc = follow(c, c->order[next++]);
        }
        if (rc == AL_OK && !end) {
            rc = add_place(c, inv_bytes(&rows, 1), inv_num(&rows, 0));
        }
    }
    return rc;
}

static const char folders_sql[] =
    "CREATE OR REPLACE TEMP TABLE came_folder AS SELECT b.id, max(c.time_ns) AS time_ns FROM "
    "temp.came_at c JOIN \"v_%s\".folder f ON f.path = c.path JOIN \"v_%s\".folder b ON b.id "
    "BETWEEN f.id AND f.last GROUP BY b.id";

static const char update_sql[] =
    "UPDATE \"v_%s\".entry AS e SET came_ns = c.time_ns FROM temp.came_folder c WHERE e.folder = "
    "c.id AND e.type <> %d AND coalesce(e.came_ns, 0) < c.time_ns";

static int
write_places(struct came *c)
{
    AL_CLEANUP(inv_append_end) struct inv_append a = {0};
    struct inv_use *u = c->u;
    const char *id = u->volume->id;
    int rc = inv_run(u->inv, u->conn,
                     "CREATE OR REPLACE TEMP TABLE came_at (path BLOB, time_ns BIGINT)");

    rc = rc < 0 ? rc : inv_append_temp(u, "came_at", &a);
    for (size_t i = 0; rc == AL_OK && i < c->count; i++) {
        rc = inv_append_blob(&a, path_of(&c->places[i]));
        rc = rc < 0 ? rc : inv_append_row(&a, duckdb_append_int64(a.a, c->places[i].time_ns));
    }
    rc = rc < 0 ? rc : inv_append_close(&a);
    rc = rc < 0 ? rc : inv_runf(u->inv, u->conn, folders_sql, id, id);
    return rc < 0 ? rc : inv_runf(u->inv, u->conn, update_sql, id, PORT_T_FOLDER);
}

/* Where not all of it can be followed, the record begins when the last of it came. */
static int
begin_late(struct came *c)
{
    const char *id = c->u->volume->id;

    al_log(c->u->inv->log, AL_LOG_WARN,
           "inventory: what came into %s lies at more than %u paths: the record of accesses begins "
           "with the last that came",
           id, PLACES_MAX);
    return inv_runf(
        c->u->inv, c->u->conn,
        "UPDATE \"v_%s\".meta SET since_ns = greatest(since_ns, (SELECT max(time_ns) FROM "
        "\"v_%s\".a_came)) WHERE audited AND since_ns > 0",
        id, id);
}

int
inv_came_apply(struct inv_place *p)
{
    AL_CLEANUP(came_end) struct came c = {.u = p->u};
    int64_t count = 0;
    int rc = inv_count(p->u, "a_came", &count);

    if (rc < 0 || count == 0) {
        return rc;
    }
    rc = inv_place_end(p); /* what is below a folder is found by numbers */
    rc = rc < 0 ? rc : load_moves(&c);
    rc = rc < 0 ? rc : find_places(&c);
    rc = rc < 0 ? rc : write_places(&c);
    return rc < 0 || !c.full ? rc : begin_late(&c);
}
