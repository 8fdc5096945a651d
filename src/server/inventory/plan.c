/* What a rule would do: no side effects; everything here happens in a transaction that is rolled
 * back. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "server/inventory/inventory_priv.h"

/* The rows, of a temporary table where deciding on each costs too much to do it twice. */
static int
put_rows(struct inv_sql *sql, const struct inv_plan *p)
{
    INV_SQL(make);

    if (!p->costly) {
        inv_plan_put(sql, p);
        return sql->rc;
    }
    inv_put_text(sql, "temp.matched");
    inv_put(
        &make,
        "CREATE OR REPLACE TEMP TABLE matched AS SELECT rid, folder, size, freed, refusal FROM ");
    inv_plan_put(&make, p);
    if (make.rc < 0 || sql->rc < 0) {
        return make.rc < 0 ? make.rc : sql->rc;
    }
    return inv_run(p->u->inv, p->u->conn, (char *)make.text.at);
}

/* temp.by_folder: sums for each folder and refusal, from which those of folders and of refusals follow:
 * one pass over the rows, and no table as long as they are. */
static int
group_rows(const struct inv_plan *p, const char *from)
{
    INV_SQL(sql);

    inv_put(&sql, "CREATE OR REPLACE TEMP TABLE by_folder AS SELECT refusal, folder, count(*) AS "
                  "n, " INV_SUM("size") " AS b, " INV_SUM(
                      "freed") " AS r, arg_max(rid, size) AS one, max(size) AS most FROM ");
    inv_put_text(&sql, from);
    inv_put(&sql, " GROUP BY refusal, folder");
    return sql.rc < 0 ? sql.rc : inv_run(p->u->inv, p->u->conn, (char *)sql.text.at);
}

/* The paths of the samples: of few rows, found by their numbers. */
static int
read_samples(const struct inv_plan *p, const int64_t *rids, struct al_arena *arena,
             struct inventory_plan *plan)
{
    INV_ROWS(rows);
    INV_SQL(sql);
    bool end = false;
    int rc;

    if (plan->refusal_count == 0) {
        return AL_OK;
    }
    inv_put(&sql,
            "SELECT e.rowid, f.path || '/'::BLOB || e.name FROM \"v_%s\".entry e SEMI JOIN (SELECT "
            "r FROM (VALUES ",
            p->u->volume->id);
    for (size_t i = 0; i < plan->refusal_count; i++) {
        inv_put(&sql, "%s(%lld)", i > 0 ? ", " : "", (long long)rids[i]);
    }
    inv_put(&sql, ") v(r)) w ON e.rowid = w.r JOIN \"v_%s\".folder f ON f.id = e.folder",
            p->u->volume->id);
    rc = sql.rc < 0 ? sql.rc : inv_query(p->u->inv, p->u->conn, (char *)sql.text.at, false, &rows);
    while (rc == AL_OK) {
        rc = inv_next(&rows, &end);
        if (rc < 0 || end) {
            break;
        }
        for (size_t i = 0; i < plan->refusal_count; i++) {
            if (rids[i] == inv_num(&rows, 0)) {
                plan->refusals[i].sample = al_arena_span(arena, inv_bytes(&rows, 1));
                rc = plan->refusals[i].sample.at != NULL ? AL_OK : AL_ENOMEM;
            }
        }
    }
    return rc;
}

static int
read_sums(const struct inv_plan *p, struct al_arena *arena, struct inventory_plan *plan)
{
    INV_ROWS(rows);
    int64_t rids[INVENTORY_EARLIER_MAX + 32]; /* each refusal has a row, what is tiered another */
    bool end = false;
    int rc;

    plan->refusals = al_arena_alloc(arena, AL_LEN(rids) * sizeof(*plan->refusals));
    if (plan->refusals == NULL) {
        return AL_ENOMEM;
    }
    rc = inv_query(p->u->inv, p->u->conn,
                   "SELECT refusal, sum(n)::BIGINT AS files, " INV_SUM("b") ", " INV_SUM(
                       "r") ", arg_max(one, most) FROM temp.by_folder GROUP BY refusal ORDER BY "
                            "files DESC, refusal",
                   false, &rows);
    while (rc == AL_OK) {
        struct inventory_refusal *r = &plan->refusals[plan->refusal_count];

        rc = inv_next(&rows, &end);
        if (rc < 0 || end) {
            break;
        }
        if (inv_null(&rows, 0)) {
            plan->files = (uint64_t)inv_num(&rows, 1);
            plan->bytes = (uint64_t)inv_num(&rows, 2);
            plan->freed_bytes = (uint64_t)inv_num(&rows, 3);
            continue;
        }
        if (plan->refusal_count == AL_LEN(rids)) {
            return AL_ELIMIT;
        }
        r->reason = al_arena_str(arena, inv_plan_reason(p, inv_num(&rows, 0)));
        r->files = (uint64_t)inv_num(&rows, 1);
        r->bytes = (uint64_t)inv_num(&rows, 2);
        rids[plan->refusal_count++] = inv_num(&rows, 4);
        rc = r->reason != NULL ? AL_OK : AL_ENOMEM;
    }
    return rc < 0 ? rc : read_samples(p, rids, arena, plan);
}

static int
read_folders(const struct inv_plan *p, struct al_arena *arena, struct inventory_plan *plan)
{
    INV_ROWS(rows);
    char sql[512];
    bool end = false;
    int rc;

    plan->folders = al_arena_alloc(arena, INVENTORY_TOP_FOLDERS * sizeof(*plan->folders));
    if (plan->folders == NULL) {
        return AL_ENOMEM;
    }
    snprintf(
        sql, sizeof(sql),
        "SELECT f.path, m.n, m.b FROM (SELECT folder, n, b FROM temp.by_folder WHERE refusal IS "
        "NULL ORDER BY b DESC, n DESC, folder LIMIT %u) m JOIN \"v_%s\".folder f ON f.id = "
        "m.folder ORDER BY m.b DESC, m.n DESC, m.folder",
        INVENTORY_TOP_FOLDERS, p->u->volume->id);
    rc = inv_query(p->u->inv, p->u->conn, sql, false, &rows);
    while (rc == AL_OK && plan->folder_count < INVENTORY_TOP_FOLDERS) {
        struct inventory_folder_sum *f = &plan->folders[plan->folder_count];
        struct al_span path;

        rc = inv_next(&rows, &end);
        if (rc < 0 || end) {
            break;
        }
        path = inv_bytes(&rows, 0);
        f->path = al_arena_span(arena, path.len > 0 ? path : al_span_of("/"));
        if (f->path.at == NULL) {
            return AL_ENOMEM;
        }
        f->files = (uint64_t)inv_num(&rows, 1);
        f->bytes = (uint64_t)inv_num(&rows, 2);
        plan->folder_count++;
    }
    return rc;
}

static int
read_largest(const struct inv_plan *p, const char *from, struct al_arena *arena,
             struct inventory_plan *plan)
{
    const char *id = p->u->volume->id;
    INV_SQL(sql);

    inv_put(&sql,
            "SELECT " INV_ROW_COLUMNS " FROM (SELECT e.*, f.path AS fpath FROM \"v_%s\".entry e "
            "SEMI JOIN (SELECT rid FROM ",
            id);
    inv_put_text(&sql, from);
    inv_put(&sql,
            " WHERE refusal IS NULL ORDER BY size DESC, rid LIMIT %u) s ON e.rowid = s.rid JOIN "
            "\"v_%s\".folder f ON f.id = e.folder) ORDER BY size DESC, fpath, name",
            INVENTORY_SAMPLE, id);
    return sql.rc < 0 ? sql.rc
                      : inv_keep_rows(p->u, (char *)sql.text.at, INVENTORY_SAMPLE, arena,
                                      &plan->sample, &plan->sample_count);
}

int
inventory_plan(struct inventory *inv, const struct inventory_scope *scope, const char *volume_id,
               const struct inventory_plan_query *q, struct al_arena *arena,
               struct inventory_plan *ret)
{
    INV_USE(u);
    INV_PLAN(p);
    INV_SQL(from);
    struct inventory_plan plan = {0};
    int rc = inv_use_begin(inv, scope, volume_id, false, &u);

    if (rc == AL_OK) {
        rc = inv_begin(&u);
    }
    if (rc == AL_OK) {
        rc = inv_plan_begin(&u, q, &p);
    }
    if (rc == AL_OK) {
        rc = put_rows(&from, &p);
    }
    if (rc == AL_OK) {
        rc = group_rows(&p, (char *)from.text.at);
    }
    if (rc == AL_OK) {
        rc = read_sums(&p, arena, &plan);
    }
    if (rc == AL_OK) {
        rc = read_folders(&p, arena, &plan);
    }
    if (rc == AL_OK) {
        rc = read_largest(&p, (char *)from.text.at, arena, &plan);
    }
    if (rc == AL_OK) {
        plan.known_ns = p.known_ns;
        *ret = plan;
    }
    return rc;
}

static int
hand_candidates(struct inv_rows *rows, const struct inventory_limits *limits, inventory_row_fn *fn,
                void *ctx)
{
    AL_CLEANUP(al_buf_free) struct al_buf scratch = {0};
    struct inventory_row row;
    uint64_t files = 0, bytes = 0;
    bool end = false;
    int rc = AL_OK;

    al_buf_init(&scratch, 2 * INVENTORY_PATH_MAX);
    while (rc == AL_OK) {
        rc = inv_next(rows, &end);
        if (rc < 0 || end) {
            break;
        }
        rc = inv_row(rows, false, &scratch, &row);
        if (rc < 0) {
            break;
        }
        files++;
        bytes += row.size;
        if (limits != NULL && ((limits->files > 0 && files > limits->files) ||
                               (limits->bytes > 0 && bytes > limits->bytes))) {
            break;
        }
        rc = fn(ctx, &row);
    }
    return rc;
}

/* Folders number in the order of the tree. */
#define CANDIDATE_ORDER " ORDER BY accessed_ns NULLS LAST, folder, rid"

static void
put_candidates(struct inv_sql *sql, const struct inv_plan *p, uint64_t most)
{
    bool paths = inv_plan_has_paths(p);
    char limit[32] = "";

    if (most > 0) {
        snprintf(limit, sizeof(limit), " LIMIT %llu", (unsigned long long)most);
    }
    inv_put(sql, "SELECT " INV_ROW_COLUMNS " FROM ");
    if (paths) {
        inv_plan_put(sql, p);
        inv_put(sql, " WHERE refusal IS NULL" CANDIDATE_ORDER "%s", limit);
        return;
    }
    /* The paths are joined to what is left. */
    inv_put(sql, "(SELECT c.*, f.path AS fpath FROM (SELECT * FROM ");
    inv_plan_put(sql, p);
    inv_put(
        sql,
        " WHERE refusal IS NULL%s%s) c JOIN \"v_%s\".folder f ON f.id = c.folder)" CANDIDATE_ORDER,
        most > 0 ? CANDIDATE_ORDER : "", limit, p->u->volume->id);
}

int
inventory_candidates(struct inventory *inv, const struct inventory_scope *scope,
                     const char *volume_id, const struct inventory_plan_query *q,
                     const struct inventory_limits *limits, inventory_row_fn *fn, void *ctx)
{
    INV_USE(u);
    INV_PLAN(p);
    INV_SQL(sql);
    INV_ROWS(rows);
    int rc = inv_use_begin(inv, scope, volume_id, false, &u);

    if (rc == AL_OK) {
        rc = inv_begin(&u); /* rule and rows of one state */
    }
    if (rc == AL_OK) {
        rc = inv_plan_begin(&u, q, &p);
    }
    if (rc < 0) {
        return rc;
    }
    put_candidates(&sql, &p, limits != NULL ? limits->files : 0);
    rc = sql.rc < 0 ? sql.rc : inv_query(inv, u.conn, (char *)sql.text.at, true, &rows);
    return rc < 0 ? rc : hand_candidates(&rows, limits, fn, ctx);
}
