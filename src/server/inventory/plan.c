/* What a rule would do: no side effects; everything here happens in a transaction that is rolled
 * back. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "server/inventory/inventory_priv.h"

#define REASON_LEN_MAX 31u

/* Why the inventory already knows that a file will not be tiered; names of STUB_REFUSALS
 * (agent/stub/stub.h), the agent looks again. */
static const char refusal_sql[] =
    " WHEN type <> 1 THEN 'not_a_file'"
    " WHEN state = 1 THEN 'already_stub'"
    " WHEN state = 4 THEN 'pinned'"
    " WHEN state IN (2, 3) THEN 'open_elsewhere'"
    " WHEN nlink > 1 THEN 'hard_linked'"
    " WHEN size = 0 OR allocated = 0 THEN 'saves_no_blocks'"
    " WHEN allocated < size AND (attrs & 32) = 0 THEN 'sparse'" /* a compressed file uses less and
                                                                   has no holes */
    " WHEN (attrs & 1) <> 0 THEN 'immutable'"
    " WHEN (attrs & 2) <> 0 THEN 'append_only'"
    " WHEN (attrs & 4) <> 0 THEN 'fs_verity'"
    " WHEN (attrs & 8) <> 0 THEN 'fscrypt'"
    " WHEN (attrs & 16) <> 0 THEN 'dax'"
    " END";

struct plan_rules {
    struct inv_rule_sql rule;
    struct inv_rule_sql *earlier; /* al_alloc'ed */
    size_t earlier_count;
};

static void
plan_rules_end(struct plan_rules *p)
{
    inv_rule_sql_end(&p->rule);
    for (size_t i = 0; i < p->earlier_count; i++) {
        inv_rule_sql_end(&p->earlier[i]);
    }
    al_free(p->earlier);
}

/* The reason goes into SQL as it is. */
static bool
reason_is_sound(const char *reason)
{
    size_t len = strlen(reason);

    return len > 0 && len <= REASON_LEN_MAX && strspn(reason, "abcdefghijklmnopqrstuvwxyz_") == len;
}

static int
plan_rules_make(struct inventory *inv, const struct inventory_plan_query *q, struct plan_rules *p)
{
    int rc;

    if (q->earlier_count > INVENTORY_EARLIER_MAX) {
        return AL_ELIMIT;
    }
    p->earlier = al_array(q->earlier_count + 1, sizeof(*p->earlier));
    if (p->earlier == NULL) {
        return AL_ENOMEM;
    }
    p->earlier_count = q->earlier_count;
    rc = inv_rule_sql_make(inv, q->rule, q->now_ns, &p->rule);
    for (size_t i = 0; rc == AL_OK && i < q->earlier_count; i++) {
        rc = reason_is_sound(q->earlier[i].reason)
                 ? inv_rule_sql_make(inv, q->earlier[i].rule, q->now_ns, &p->earlier[i])
                 : AL_EINVAL;
    }
    return rc;
}

/* "(SELECT *, refusal FROM ... WHERE rule)": what the rule matches. */
static void
put_matched(struct inv_sql *sql, struct inv_use *u, const struct inventory_plan_query *q,
            const struct plan_rules *p)
{
    const char *id = u->volume->id;

    inv_put(sql, "(SELECT *, CASE");
    for (size_t i = 0; i < q->earlier_count; i++) {
        inv_put(sql, " WHEN ");
        inv_put_text(sql, p->earlier[i].text);
        inv_put(sql, " THEN '%s'", q->earlier[i].reason);
    }
    inv_put_text(sql, refusal_sql);
    inv_put(sql,
            " AS refusal, least(allocated, " INV_ROUNDED ") AS freed FROM (SELECT "
            "e.*, e.rowid AS rid, f.path AS fpath, "
            "f.path || '/'::BLOB || e.name AS path, w.name AS owner FROM \"v_%s\".entry e JOIN "
            "\"v_%s\".folder f ON e.folder = f.id "
            "LEFT JOIN \"v_%s\".owner w ON w.uid = e.uid WHERE e.type <> %d) WHERE ",
            (unsigned long long)u->volume->block_bytes - 1,
            (unsigned long long)u->volume->block_bytes, (unsigned long long)u->volume->block_bytes,
            id, id, id, PORT_T_FOLDER);
    inv_put_text(sql, p->rule.text);
    inv_put(sql, ")");
}

static int
find_matched(struct inv_use *u, const struct inventory_plan_query *q, const struct plan_rules *p)
{
    INV_SQL(sql);

    inv_put(
        &sql,
        "CREATE OR REPLACE TEMP TABLE matched AS SELECT rid, folder, size, freed, refusal FROM ");
    put_matched(&sql, u, q, p);
    return sql.rc < 0 ? sql.rc : inv_run(u->inv, u->conn, (char *)sql.text.at);
}

static int
read_sums(struct inv_use *u, struct al_arena *arena, struct inventory_plan *plan)
{
    INV_ROWS(rows);
    /* Each refusal has a row, what is tiered another. */
    size_t most = INVENTORY_EARLIER_MAX + 32;
    bool end = false;
    char sql[768];
    int rc;

    snprintf(sql, sizeof(sql),
             "SELECT m.refusal, m.n, m.b, m.r, f.path || '/'::BLOB || e.name FROM (SELECT refusal, "
             "count(*) AS n, " INV_SUM("size") " AS b, " INV_SUM(
                 "freed") " AS r, arg_max(rid, size) AS one FROM temp.matched "
                          "GROUP BY refusal) m JOIN \"v_%s\".entry e ON e.rowid = m.one JOIN "
                          "\"v_%s\".folder f ON f.id = e.folder ORDER BY m.n DESC, m.refusal",
             u->volume->id, u->volume->id);
    rc = inv_query(u->inv, u->conn, sql, false, &rows);
    plan->refusals = al_arena_alloc(arena, most * sizeof(*plan->refusals));
    if (plan->refusals == NULL) {
        return AL_ENOMEM;
    }
    while (rc == AL_OK) {
        struct inventory_refusal *r;
        struct al_span reason;
        char *text;

        rc = inv_next(&rows, &end);
        if (rc < 0 || end) {
            break;
        }
        reason = inv_bytes(&rows, 0);
        if (reason.at == NULL) {
            plan->files = (uint64_t)inv_num(&rows, 1);
            plan->bytes = (uint64_t)inv_num(&rows, 2);
            plan->freed_bytes = (uint64_t)inv_num(&rows, 3);
            continue;
        }
        if (plan->refusal_count == most) {
            return AL_ELIMIT;
        }
        r = &plan->refusals[plan->refusal_count++];
        r->files = (uint64_t)inv_num(&rows, 1);
        r->bytes = (uint64_t)inv_num(&rows, 2);
        text = al_arena_alloc(arena, reason.len + 1); /* zeroed: ends the string */
        if (text == NULL) {
            return AL_ENOMEM;
        }
        memcpy(text, reason.at, reason.len);
        r->reason = text;
        r->sample = al_arena_span(arena, inv_bytes(&rows, 4));
        if (r->sample.at == NULL) {
            return AL_ENOMEM;
        }
    }
    return rc;
}

static int
read_folders(struct inv_use *u, struct al_arena *arena, struct inventory_plan *plan)
{
    INV_ROWS(rows);
    char sql[512];
    bool end = false;
    int rc;

    plan->folders = al_arena_alloc(arena, INVENTORY_TOP_FOLDERS * sizeof(*plan->folders));
    if (plan->folders == NULL) {
        return AL_ENOMEM;
    }
    snprintf(sql, sizeof(sql),
             "SELECT f.path, m.n, m.b FROM (SELECT folder, count(*) AS n, " INV_SUM(
                 "size") " AS b "
                         "FROM temp.matched WHERE refusal IS NULL "
                         "GROUP BY folder ORDER BY b DESC, n DESC, folder LIMIT %u) m JOIN "
                         "\"v_%s\".folder f "
                         "ON f.id = m.folder ORDER BY m.b DESC, m.n DESC, m.folder",
             INVENTORY_TOP_FOLDERS, u->volume->id);
    rc = inv_query(u->inv, u->conn, sql, false, &rows);
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
read_sample(struct inv_use *u, struct al_arena *arena, struct inventory_plan *plan)
{
    AL_CLEANUP(al_buf_free) struct al_buf scratch = {0};
    INV_ROWS(rows);
    char sql[1024];
    bool end = false;
    int rc;

    al_buf_init(&scratch, 2 * INVENTORY_PATH_MAX);
    plan->sample = al_arena_alloc(arena, INVENTORY_SAMPLE * sizeof(*plan->sample));
    if (plan->sample == NULL) {
        return AL_ENOMEM;
    }
    snprintf(sql, sizeof(sql),
             "SELECT " INV_ROW_COLUMNS " FROM (SELECT e.*, f.path AS fpath FROM \"v_%s\".entry e "
             "JOIN (SELECT rid FROM temp.matched "
             "WHERE refusal IS NULL ORDER BY size DESC, rid LIMIT %u) s ON e.rowid = s.rid JOIN "
             "\"v_%s\".folder f ON f.id = e.folder) "
             "ORDER BY size DESC, fpath, name",
             u->volume->id, INVENTORY_SAMPLE, u->volume->id);
    rc = inv_query(u->inv, u->conn, sql, false, &rows);
    while (rc == AL_OK && plan->sample_count < INVENTORY_SAMPLE) {
        struct inventory_row *row = &plan->sample[plan->sample_count];

        rc = inv_next(&rows, &end);
        if (rc < 0 || end) {
            break;
        }
        rc = inv_row(&rows, false, &scratch, row);
        if (rc < 0) {
            break;
        }
        row->path = al_arena_span(arena, row->path);
        if (row->path.at == NULL) {
            return AL_ENOMEM;
        }
        row->name = rule_name_of(row->path);
        plan->sample_count++;
    }
    return rc;
}

int
inventory_plan(struct inventory *inv, const struct inventory_scope *scope, const char *volume_id,
               const struct inventory_plan_query *q, struct al_arena *arena,
               struct inventory_plan *ret)
{
    INV_USE(u);
    AL_CLEANUP(plan_rules_end) struct plan_rules rules = {0};
    struct inventory_plan plan = {0};
    char sql[128];
    int rc = inv_use_begin(inv, scope, volume_id, false, &u);

    if (rc == AL_OK) {
        rc = plan_rules_make(inv, q, &rules);
    }
    if (rc == AL_OK) {
        rc = inv_begin(&u);
    }
    if (rc == AL_OK) {
        rc = find_matched(&u, q, &rules);
    }
    if (rc == AL_OK) {
        rc = read_sums(&u, arena, &plan);
    }
    if (rc == AL_OK) {
        rc = read_folders(&u, arena, &plan);
    }
    if (rc == AL_OK) {
        rc = read_sample(&u, arena, &plan);
    }
    if (rc == AL_OK) {
        snprintf(sql, sizeof(sql), "SELECT last_scan_ns FROM \"v_%s\".meta", u.volume->id);
        rc = inv_one(inv, u.conn, sql, &plan.last_scan_ns);
    }
    if (rc == AL_OK) {
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

int
inventory_candidates(struct inventory *inv, const struct inventory_scope *scope,
                     const char *volume_id, const struct inventory_plan_query *q,
                     const struct inventory_limits *limits, inventory_row_fn *fn, void *ctx)
{
    INV_USE(u);
    AL_CLEANUP(plan_rules_end) struct plan_rules rules = {0};
    INV_SQL(sql);
    INV_ROWS(rows);
    int rc = inv_use_begin(inv, scope, volume_id, false, &u);

    if (rc == AL_OK) {
        rc = plan_rules_make(inv, q, &rules);
    }
    if (rc < 0) {
        return rc;
    }
    inv_put(&sql, "SELECT " INV_ROW_COLUMNS " FROM ");
    put_matched(&sql, &u, q, &rules);
    inv_put(&sql, " WHERE refusal IS NULL ORDER BY accessed_ns NULLS LAST, fpath, name");
    if (limits != NULL && limits->files > 0) {
        inv_put(&sql, " LIMIT %llu", (unsigned long long)limits->files);
    }
    rc = sql.rc < 0 ? sql.rc : inv_query(inv, u.conn, (char *)sql.text.at, true, &rows);
    return rc < 0 ? rc : hand_candidates(&rows, limits, fn, ctx);
}
