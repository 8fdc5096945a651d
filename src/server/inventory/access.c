/* Rows of audit logs into a volume: what is remembered of them, then what they change. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "server/inventory/access_priv.h"

#define PATHS_BYTES_MAX (UINT64_C(1) << 30) /* of one batch */

struct row {
    const struct inventory_access *a;
    struct al_span path, target; /* clean; at NULL: none */
    int64_t time_ns, modified_ns;
    uint32_t move; /* in apply.moves, UINT32_MAX: none */
    bool known;    /* a move that was told before */
};
struct apply {
    struct inv_use *u;
    struct inv_place place;
    struct al_arena *arena;
    struct row *rows; /* by time */
    size_t count;
    struct inv_routes routes;
    int64_t now_ns, newest_ns;
    uint64_t n;
    bool has_moves, has_pins, has_came;
    struct inventory_access_result result;
};

static void
apply_end(struct apply *p)
{
    inv_place_free(&p->place);
    inv_routes_end(&p->routes);
    al_free(p->rows);
    al_arena_free(p->arena);
}

static bool
is_move(const struct inventory_access *a)
{
    return a->kind == INVENTORY_ACCESS_MOVE || a->kind == INVENTORY_ACCESS_DELETE ||
           a->kind == INVENTORY_ACCESS_FOLDER_DELETE;
}

static bool
is_pin(const struct inventory_access *a)
{
    return a->kind == INVENTORY_ACCESS_PIN || a->kind == INVENTORY_ACCESS_UNPIN;
}

static bool
is_came(const struct inventory_access *a)
{
    return a->kind == INVENTORY_ACCESS_CREATE && a->came;
}

/* Whether the row says that a file was used. */
static bool
is_use(const struct inventory_access *a)
{
    return a->kind == INVENTORY_ACCESS_USED || a->kind == INVENTORY_ACCESS_CREATE ||
           a->kind == INVENTORY_ACCESS_MOVE;
}

static int
by_time(const void *a, const void *b)
{
    const struct row *x = a, *y = b;

    if (x->time_ns != y->time_ns) {
        return x->time_ns < y->time_ns ? -1 : 1;
    }
    return x->a < y->a ? -1 : x->a > y->a;
}

/* *ret.at NULL: no such path can be, or it is the root. */
static int
clean(struct apply *p, struct al_buf *buf, struct al_span path, struct al_span *ret)
{
    int rc;

    al_buf_clear(buf);
    *ret = (struct al_span){NULL, 0};
    rc = inv_path_clean(path, buf);
    if (rc < 0 || buf->len == 0) {
        return rc == AL_EINVAL ? AL_OK : rc;
    }
    *ret = al_arena_span(p->arena, al_buf_span(buf));
    return ret->at != NULL ? AL_OK : AL_ENOMEM;
}

static int64_t
sound_time(const struct apply *p, int64_t ns)
{
    return ns > p->now_ns + INVENTORY_FUTURE_NS ? p->now_ns : ns;
}

static int
take_rows(struct apply *p, const struct inventory_access *rows, size_t count)
{
    AL_CLEANUP(al_buf_free) struct al_buf buf = {0};
    int rc = AL_OK;

    al_buf_init(&buf, INVENTORY_PATH_MAX);
    p->arena = p->routes.arena = al_arena_new(PATHS_BYTES_MAX);
    p->rows = al_array(count + 1, sizeof(*p->rows));
    if (p->arena == NULL || p->rows == NULL) {
        return AL_ENOMEM;
    }
    for (size_t i = 0; rc == AL_OK && i < count; i++) {
        const struct inventory_access *a = &rows[i];
        struct row *r = &p->rows[p->count];

        *r = (struct row){.a = a,
                          .time_ns = sound_time(p, a->time_ns),
                          .modified_ns = sound_time(p, a->modified_ns),
                          .move = UINT32_MAX};
        rc = clean(p, &buf, a->path, &r->path);
        if (rc == AL_OK && a->kind == INVENTORY_ACCESS_MOVE) {
            rc = clean(p, &buf, a->target, &r->target);
        }
        /* A pin of the root is of all, and so it is where it came; of nothing else the root is the path. */
        if ((is_pin(a) || is_came(a)) && r->path.at == NULL && a->path.len <= 1) {
            r->path = (struct al_span){(const uint8_t *)"", 0};
        }
        if (r->path.at == NULL || (a->kind == INVENTORY_ACCESS_MOVE && r->target.at == NULL) ||
            r->time_ns <= 0) {
            continue;
        }
        p->has_moves |= is_move(a);
        p->has_pins |= is_pin(a);
        p->has_came |= is_came(a);
        p->count++;
    }
    qsort(p->rows, p->count, sizeof(*p->rows), by_time);
    return rc;
}

/* ---- what is remembered ---- */

static int64_t
small(uint64_t count)
{
    return count < INT64_MAX ? (int64_t)count : INT64_MAX;
}

static int
write_touches(struct apply *p)
{
    AL_CLEANUP(inv_append_end) struct inv_append a = {0};
    int rc = inv_append_now(p->u, "a_touch", &a);

    for (size_t i = 0; rc == AL_OK && i < p->count; i++) {
        const struct row *r = &p->rows[i];
        duckdb_state bad = DuckDBSuccess;

        if (!is_use(r->a) || r->a->noise || r->path.len == 0) {
            continue;
        }
        bad |= duckdb_append_int64(a.a, r->time_ns / INV_HOUR_NS);
        rc = inv_append_blob(&a, r->target.at != NULL ? r->target : r->path);
        if (rc == AL_OK) {
            rc = inv_append_blob(&a, r->a->user);
        }
        if (rc == AL_OK) {
            rc = inv_append_blob(&a, r->a->host);
        }
        if (rc < 0) {
            break;
        }
        bad |= duckdb_append_int64(a.a, small(r->a->reads));
        bad |= duckdb_append_int64(a.a, small(r->a->writes));
        bad |= duckdb_append_int64(a.a, r->time_ns);
        rc = inv_append_row(&a, bad);
    }
    return rc < 0 ? rc : inv_append_close(&a);
}

/* A path with its leading '/', or as it came where it is none. */
static int
append_told(struct inv_append *a, struct al_buf *buf, struct al_span path)
{
    int rc;

    al_buf_clear(buf);
    rc = inv_path_clean(path, buf);
    return rc < 0 && rc != AL_EINVAL ? rc : inv_append_blob(a, rc < 0 ? path : al_buf_span(buf));
}

static int
append_spans(struct inv_append *a, const struct al_span *spans, size_t count)
{
    int rc = AL_OK;

    for (size_t i = 0; rc == AL_OK && i < count; i++) {
        rc = inv_append_blob(a, spans[i]);
    }
    return rc;
}

/* By arrival: in the order of the batch. */
static int
write_recent(struct apply *p, const struct inventory_access *rows, size_t count)
{
    AL_CLEANUP(inv_append_end) struct inv_append a = {0};
    AL_CLEANUP(al_buf_free) struct al_buf buf = {0};
    size_t first = count > INVENTORY_RECENT_MAX ? count - INVENTORY_RECENT_MAX : 0;
    char sql[256];
    int64_t last = 0, kept = 0;
    int rc;

    al_buf_init(&buf, INVENTORY_PATH_MAX);
    snprintf(sql, sizeof(sql), "SELECT coalesce(max(number), 0)::BIGINT FROM \"v_%s\".a_recent",
             p->u->volume->id);
    rc = inv_one(p->u->inv, p->u->conn, sql, &last);
    if (rc == AL_OK) {
        rc = inv_append_now(p->u, "a_recent", &a);
    }
    for (size_t i = first; rc == AL_OK && i < count; i++) {
        const struct inventory_access *r = &rows[i];
        struct al_span names[] = {r->user, r->host, r->node};
        duckdb_state bad;

        if (r->noise) {
            continue;
        }
        bad = duckdb_append_int64(a.a, last + 1 + (int64_t)i);
        bad |= duckdb_append_int64(a.a, p->now_ns);
        bad |= duckdb_append_uint8(a.a, (uint8_t)r->kind);
        rc = append_told(&a, &buf, r->path);
        if (rc == AL_OK) {
            rc = append_told(&a, &buf, r->target);
        }
        bad |= duckdb_append_int64(a.a, sound_time(p, r->time_ns));
        bad |= duckdb_append_int64(a.a, sound_time(p, r->modified_ns));
        bad |= duckdb_append_int64(a.a, small(r->reads));
        bad |= duckdb_append_int64(a.a, small(r->writes));
        if (rc == AL_OK) {
            rc = append_spans(&a, names, AL_LEN(names));
        }
        if (rc == AL_OK) {
            rc = bad == DuckDBSuccess ? inv_append_stat(&a, r) : inv_append_row(&a, bad);
        }
    }
    if (rc == AL_OK) {
        rc = inv_append_close(&a);
    }
    rc = rc < 0 ? rc : inv_count(p->u, "a_recent", &kept);
    return rc < 0 || kept < 2 * (int64_t)INVENTORY_RECENT_MAX
               ? rc
               : inv_runf(p->u->inv, p->u->conn,
                          "DELETE FROM \"v_%s\".a_recent WHERE number <= %lld", p->u->volume->id,
                          (long long)(last + (int64_t)count - INVENTORY_RECENT_MAX));
}

/* Those of the batch that are not known join those of the volume, and count from when it is their turn. */
static int
take_moves(struct apply *p)
{
    int64_t since = INT64_MAX;
    uint32_t known;
    int rc = AL_OK;

    for (size_t i = 0; i < p->count; i++) {
        since = p->rows[i].time_ns - 1 < since ? p->rows[i].time_ns - 1 : since;
    }
    rc = inv_moves_load(p->u, since, &p->routes.moves);
    known = p->routes.moves.count;
    for (size_t i = 0; rc == AL_OK && i < p->count; i++) {
        struct row *r = &p->rows[i];

        if (is_move(r->a)) {
            rc = inv_moves_add(&p->routes.moves, r->time_ns, p->n, r->path,
                               r->target.at != NULL ? r->target : (struct al_span){NULL, 0},
                               r->a->kind != INVENTORY_ACCESS_MOVE, false, &r->move);
        }
    }
    if (rc == AL_OK) {
        rc = inv_moves_sort(&p->routes.moves);
    }
    for (size_t i = 0; rc == AL_OK && i < p->count; i++) {
        struct row *r = &p->rows[i];

        r->known = r->move != UINT32_MAX && inv_moves_twice(&p->routes.moves, r->move);
    }
    if (rc == AL_OK && known > 0 && p->has_moves) {
        rc = inv_times_moves(&p->routes.before, &p->routes.moves, true);
        if (rc == AL_OK) {
            rc = inv_times_moves(&p->routes.sources, &p->routes.moves, false);
        }
    }
    return rc;
}

static int
write_moves(struct apply *p)
{
    AL_CLEANUP(inv_append_end) struct inv_append a = {0};
    int rc = inv_append_now(p->u, "a_move", &a);

    for (size_t i = 0; rc == AL_OK && i < p->count; i++) {
        const struct row *r = &p->rows[i];
        duckdb_state bad;

        if (r->move == UINT32_MAX || r->known) {
            continue;
        }
        bad = duckdb_append_uint64(a.a, p->n);
        bad |= duckdb_append_int64(a.a, r->time_ns);
        rc = inv_append_blob(&a, r->path);
        if (rc == AL_OK && r->target.at != NULL) {
            rc = inv_append_blob(&a, r->target);
        } else {
            bad |= duckdb_append_null(a.a);
        }
        if (rc == AL_OK) {
            rc = inv_append_row(&a, bad);
        }
    }
    return rc < 0 ? rc : inv_append_close(&a);
}

static int
write_deletes(struct apply *p)
{
    AL_CLEANUP(inv_append_end) struct inv_append a = {0};
    char sql[128];
    int64_t epoch = 0;
    int rc;

    snprintf(sql, sizeof(sql), "SELECT epoch::BIGINT FROM \"v_%s\".meta", p->u->volume->id);
    rc = inv_one(p->u->inv, p->u->conn, sql, &epoch);
    if (rc == AL_OK) {
        rc = inv_append_now(p->u, "a_deleting", &a);
    }
    for (size_t i = 0; rc == AL_OK && i < p->count; i++) {
        const struct row *r = &p->rows[i];
        duckdb_state bad = DuckDBSuccess;

        if (r->move == UINT32_MAX || r->known || r->target.at != NULL) {
            continue;
        }
        rc = inv_append_blob(&a, r->path);
        bad |= duckdb_append_int64(a.a, r->time_ns);
        bad |= duckdb_append_int64(a.a, p->now_ns);
        bad |= duckdb_append_uint64(a.a, (uint64_t)epoch);
        if (rc == AL_OK) {
            rc = inv_append_row(&a, bad);
        }
        p->result.deleted++;
    }
    return rc < 0 ? rc : inv_append_close(&a);
}

static int
write_pins(struct apply *p)
{
    AL_CLEANUP(inv_append_end) struct inv_append a = {0};
    const char *id = p->u->volume->id;
    int rc =
        inv_run(p->u->inv, p->u->conn,
                "CREATE OR REPLACE TEMP TABLE pins (path BLOB, time_ns BIGINT, node BLOB, delta "
                "INTEGER)");

    if (rc == AL_OK) {
        rc = inv_append_temp(p->u, "pins", &a);
    }
    for (size_t i = 0; rc == AL_OK && i < p->count; i++) {
        const struct row *r = &p->rows[i];
        duckdb_state bad = DuckDBSuccess;

        if (!is_pin(r->a)) {
            continue;
        }
        rc = inv_append_blob(&a, r->path);
        bad |= duckdb_append_int64(a.a, r->time_ns);
        if (rc == AL_OK) {
            rc = inv_append_blob(&a, r->a->node);
        }
        bad |= duckdb_append_int32(a.a, r->a->kind == INVENTORY_ACCESS_PIN ? 1 : -1);
        if (rc == AL_OK) {
            rc = inv_append_row(&a, bad);
        }
    }
    if (rc == AL_OK) {
        rc = inv_append_close(&a);
    }
    return rc < 0 ? rc
                  : inv_runf(
                        p->u->inv, p->u->conn,
                        "INSERT INTO \"v_%s\".a_pin SELECT DISTINCT *, path FROM temp.pins n ANTI "
                        "JOIN \"v_%s\".a_pin o ON o.path = n.path AND o.time_ns = n.time_ns AND "
                        "o.node = n.node AND o.delta = n.delta",
                        id, id);
}

static int
write_came(struct apply *p)
{
    AL_CLEANUP(inv_append_end) struct inv_append a = {0};
    int rc = inv_append_now(p->u, "a_came", &a);

    for (size_t i = 0; rc == AL_OK && i < p->count; i++) {
        if (is_came(p->rows[i].a)) {
            rc = inv_append_blob(&a, p->rows[i].path);
            rc = rc < 0 ? rc : inv_append_row(&a, duckdb_append_int64(a.a, p->rows[i].time_ns));
        }
    }
    return rc < 0 ? rc : inv_append_close(&a);
}

/* ---- what is changed ---- */

/* Whether one of the roots is the path, above it or below it. */
static bool
meets_root(const struct inv_times *roots, const struct inv_times *above, struct al_span path)
{
    for (size_t end = 1; end < path.len; end++) {
        if (path.at[end] == '/' &&
            inv_times_at(roots, (struct al_span){path.at, end}) != INT64_MIN) {
            return true;
        }
    }
    return inv_times_at(above, path) != INT64_MIN;
}

/* What lies there is looked for where later moves of the batch took it: they were not planned yet when it was found that
 * its evidence is to be worked out anew. In the order in which they were done; too many do no harm. */
static int
follow_roots(struct inv_routes *r)
{
    AL_CLEANUP(inv_times_end) struct inv_times roots = {0};
    AL_CLEANUP(inv_times_end) struct inv_times above = {0};
    int rc = AL_OK;

    for (size_t i = 0; rc == AL_OK && i < r->root_count; i++) {
        rc = inv_times_put(&roots, r->roots[i], 0);
        rc = rc < 0 ? rc : inv_times_add(&above, r->roots[i], 0);
    }
    for (size_t i = 0; rc == AL_OK && r->root_count > 0 && i < r->relocation_count; i++) {
        const struct inv_relocation *x = &r->relocations[i];

        if (x->known && meets_root(&roots, &above, x->from)) {
            rc = inv_routes_root(r, x->to);
            rc = rc < 0 ? rc : inv_times_put(&roots, x->to, 0);
            rc = rc < 0 ? rc : inv_times_add(&above, x->to, 0);
        }
    }
    return rc;
}

static int
relocate(struct apply *p)
{
    AL_CLEANUP(al_buf_free) struct al_buf buf = {0};
    int64_t since = INT64_MAX;
    int rc = AL_OK;

    al_buf_init(&buf, 2 * INVENTORY_PATH_MAX);
    for (size_t i = 0; i < p->count; i++) {
        const struct row *r = &p->rows[i];

        if (r->move != UINT32_MAX && !r->known && r->time_ns < since) {
            since = r->time_ns;
        }
    }
    if (since < p->newest_ns) {
        rc = inv_times_touches(&p->routes.before, p->u, since);
    }
    for (size_t i = 0; rc == AL_OK && i < p->count; i++) {
        struct row *r = &p->rows[i];

        if (r->move != UINT32_MAX && !r->known) {
            rc = inv_routes_plan(&p->routes, r->move, r->a, &buf);
        }
    }
    if (rc == AL_OK && p->routes.relocation_count > 0) {
        rc = inv_place_relocate(&p->place, p->routes.relocations, p->routes.relocation_count);
    }
    /* What is there now was known under other names, perhaps, before it was here. */
    for (size_t i = 0; rc == AL_OK && i < p->routes.relocation_count; i++) {
        if (!p->routes.relocations[i].known && p->routes.relocations[i].there) {
            rc = inv_routes_root(&p->routes, p->routes.relocations[i].to);
        }
    }
    return rc < 0 ? rc : follow_roots(&p->routes);
}

static int
use(struct apply *p)
{
    AL_CLEANUP(al_buf_free) struct al_buf buf = {0};
    AL_CLEANUP(inv_append_end) struct inv_append a = {0};
    int rc = inv_used_begin(p->u, &a);

    al_buf_init(&buf, 2 * INVENTORY_PATH_MAX);
    for (size_t i = 0; rc == AL_OK && i < p->count; i++) {
        const struct row *r = &p->rows[i];
        struct al_span told = r->target.at != NULL ? r->target : r->path;
        struct inv_asked asked = {.time_ns = r->time_ns};
        bool gone;

        if (!is_use(r->a)) {
            continue;
        }
        rc = inv_moves_resolve(&p->routes.moves, told, &asked, &buf, &gone);
        if (rc == AL_OK && !gone && buf.len > 0) {
            struct inv_used x = {.now = al_buf_span(&buf),
                                 .told = r->a->noise ? (struct al_span){NULL, 0} : told,
                                 .time_ns = r->time_ns,
                                 .modified_ns = r->modified_ns,
                                 .created = r->a->kind == INVENTORY_ACCESS_CREATE,
                                 .source = r->a->noise ? 0 : INVENTORY_BY_AUDIT,
                                 .row = r->a};

            rc = inv_used_add(&a, &x);
        }
    }
    if (rc == AL_OK) {
        rc = inv_append_close(&a);
    }
    return rc < 0
               ? rc
               : inv_used_apply(&p->place, p->n, p->now_ns, &p->result.placed, &p->result.unplaced);
}

/* What else depends on moves: with all that are remembered. */
static int
after_moves(struct apply *p)
{
    AL_CLEANUP(inv_moves_end) struct inv_moves all = {0};
    bool came = p->place.relocated > 0 || p->place.added > 0;
    int64_t waits = 0, pins = 0;
    int rc = inv_count(p->u, "a_wait", &waits);

    if (rc == AL_OK) {
        rc = inv_count(p->u, "a_pin", &pins);
    }
    came &= waits > 0;
    if (rc < 0 ||
        (p->routes.root_count == 0 && !came && (pins == 0 || !(p->has_moves || p->has_pins)))) {
        return rc;
    }
    rc = inv_moves_load(p->u, INT64_MIN, &all);
    if (rc == AL_OK) {
        rc = inv_moves_sort(&all);
    }
    if (rc == AL_OK && p->routes.root_count > 0) {
        rc = inv_late_apply(&p->place, &all, p->routes.roots, p->routes.root_count, p->now_ns);
    }
    if (rc == AL_OK && came) {
        rc = inv_used_waiting(&p->place, &all, p->n, p->now_ns, false);
    }
    return rc == AL_OK && pins > 0 ? inv_pins_follow(p->u, &all) : rc;
}

static int
read_state(struct apply *p)
{
    char sql[128];
    int64_t n = 0;
    int rc;

    snprintf(sql, sizeof(sql), "SELECT access_n::BIGINT FROM \"v_%s\".meta", p->u->volume->id);
    rc = inv_one(p->u->inv, p->u->conn, sql, &n);
    p->n = (uint64_t)n + 1;
    snprintf(sql, sizeof(sql), "SELECT newest_ns FROM \"v_%s\".meta", p->u->volume->id);
    return rc < 0 ? rc : inv_one(p->u->inv, p->u->conn, sql, &p->newest_ns);
}

static int
write_state(struct apply *p)
{
    int64_t newest = p->count > 0 ? p->rows[p->count - 1].time_ns : 0;
    int rc =
        inv_runf(p->u->inv, p->u->conn,
                 "UPDATE \"v_%s\".meta SET access_n = %llu, newest_ns = greatest(newest_ns, %lld)",
                 p->u->volume->id, (unsigned long long)p->n, (long long)newest);

    return rc < 0 ? rc : inv_wait_limit(p->u, p->now_ns, &p->result.overflow);
}

static int
apply(struct apply *p, const struct inventory_access *rows, size_t count)
{
    int rc = read_state(p);

    if (rc == AL_OK) {
        rc = take_rows(p, rows, count);
    }
    if (rc == AL_OK) {
        rc = inv_place_begin(&p->place, p->u);
    }
    if (rc == AL_OK) {
        rc = take_moves(p);
    }
    if (rc == AL_OK && p->has_moves) {
        rc = write_deletes(p);
        rc = rc < 0 ? rc : relocate(p);
    }
    if (rc == AL_OK) {
        rc = write_touches(p);
    }
    if (rc == AL_OK) {
        rc = write_recent(p, rows, count);
    }
    if (rc == AL_OK && p->has_moves) {
        rc = write_moves(p);
    }
    if (rc == AL_OK && p->has_pins) {
        rc = write_pins(p);
    }
    if (rc == AL_OK) {
        rc = use(p);
    }
    if (rc == AL_OK) {
        rc = after_moves(p);
    }
    if (rc == AL_OK && p->has_came) {
        rc = write_came(p);
    }
    if (rc == AL_OK && (p->has_came || p->routes.root_count > 0)) {
        rc = inv_came_apply(&p->place);
    }
    return rc < 0 ? rc : write_state(p);
}

static bool
row_is_sound(const struct inventory_access *a)
{
    return (unsigned)a->kind < INVENTORY_ACCESS_KINDS && (unsigned)a->type <= PORT_T_BLOCK &&
           a->size <= INT64_MAX && a->allocated <= INT64_MAX;
}

int
inventory_access_apply(struct inventory *inv, const struct inventory_scope *scope,
                       const char *volume_id, const char *stream, uint64_t seq,
                       const struct inventory_access *rows, size_t count, int64_t now_ns,
                       struct inventory_access_result *ret)
{
    INV_USE(u);
    AL_CLEANUP(apply_end) struct apply p = {.u = &u, .now_ns = now_ns};
    bool known = false;
    int rc;

    if (!al_id_valid(stream) || seq == 0 || seq > INT64_MAX) {
        return AL_EINVAL;
    }
    if (count > INVENTORY_ACCESS_ROWS_MAX) {
        return AL_ELIMIT;
    }
    for (size_t i = 0; i < count; i++) {
        if (!row_is_sound(&rows[i])) {
            return AL_EINVAL;
        }
    }
    rc = inv_use_begin(inv, scope, volume_id, true, &u);
    if (rc == AL_OK) {
        rc = inv_begin(&u);
    }
    if (rc == AL_OK) {
        rc = inv_stream_knows(&u, stream, seq, &known);
    }
    if (rc == AL_OK && !known) {
        rc = apply(&p, rows, count);
        if (rc == AL_OK) {
            rc = inv_stream_set(&u, stream, seq);
        }
        if (rc == AL_OK) {
            rc = inv_commit(&u);
        }
    }
    if (rc == AL_OK && ret != NULL) {
        p.result.added = p.place.added;
        p.result.moved = p.place.relocated;
        *ret = p.result;
    }
    return rc;
}
