/* More of plans: charts, a number while one types, and what a change of a rule moves. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "server/inventory/inventory_priv.h"

#define CHART_GROUPS 20u
/* Entries up to which a rule is counted, not estimated: one that calls back for each row, and one that only looks
 * at names or paths. */
#define COUNT_CALLS_MAX 1000000u
#define COUNT_NAMES_MAX 12000000u
#define COUNT_SAMPLE 300000u /* rows looked at above that, about */

/* ---- charts ---- */

static int
read_tally(const struct inv_plan *p, const char *from, const struct inventory_plan_query *q,
           struct al_arena *arena, struct inventory_plan_charts *to)
{
    struct inv_tally t;
    INV_SQL(sql);
    unsigned slot = 0;
    int64_t rows;
    int rc;

    inv_tally_begin(&t, q->now_ns, p->u->volume->block_bytes);
    rc = inv_lend(p->u->inv, &t, &slot);
    if (rc == AL_OK) {
        inv_put(&sql, "SELECT coalesce(" INV_TALLY_SQL ", 0)::BIGINT FROM ", slot);
        inv_put_text(&sql, from);
        rc = sql.rc < 0 ? sql.rc : inv_one(p->u->inv, p->u->conn, (char *)sql.text.at, &rows);
        inv_take_back(p->u->inv, slot);
    }
    if (rc == AL_OK) {
        rc = inv_tally_ages(t.got.age, arena, &to->age, &to->age_count);
    }
    if (rc == AL_OK) {
        rc = inv_tally_sizes(t.got.size, arena, &to->size, &to->size_count);
    }
    inv_tally_end(&t);
    return rc;
}

static int
read_recalls(const struct inv_plan *p, const char *from, int64_t from_ns,
             struct inventory_plan_charts *to)
{
    INV_ROWS(rows);
    INV_SQL(sql);
    bool end = true;
    int rc;

    inv_put(&sql, "SELECT count(*), " INV_SUM("size") " FROM ");
    inv_put_text(&sql, from);
    inv_put(&sql, " AND accessed_ns >= '%lld'::BIGINT AND accessed_ns <= '%lld'::BIGINT",
            (long long)from_ns, (long long)p->q->now_ns);
    rc = sql.rc < 0 ? sql.rc : inv_query(p->u->inv, p->u->conn, (char *)sql.text.at, false, &rows);
    if (rc == AL_OK) {
        rc = inv_next(&rows, &end);
    }
    if (rc < 0 || end) {
        return rc < 0 ? rc : AL_ECORRUPT;
    }
    to->recall_files = (uint64_t)inv_num(&rows, 0);
    to->recall_bytes = (uint64_t)inv_num(&rows, 1);
    return AL_OK;
}

int
inventory_plan_charts(struct inventory *inv, const struct inventory_scope *scope,
                      const char *volume_id, const struct inventory_plan_query *q,
                      int64_t history_ns, struct al_arena *arena, struct inventory_plan_charts *ret)
{
    INV_USE(u);
    INV_PLAN(p);
    INV_SQL(from);
    struct inventory_plan_charts charts = {0};
    int64_t from_ns = 0;
    const char *text;
    int rc = inv_use_begin(inv, scope, volume_id, false, &u);

    if (rc == AL_OK) {
        rc = inv_begin(&u);
    }
    if (rc == AL_OK) {
        rc = inv_plan_begin(&u, q, &p);
    }
    if (rc < 0) {
        return rc;
    }
    inv_plan_put(&from, &p);
    inv_put(&from, " WHERE refusal IS NULL");
    if (from.rc < 0) {
        return from.rc;
    }
    text = (char *)from.text.at;
    rc = read_tally(&p, text, q, arena, &charts);
    if (rc == AL_OK) {
        rc = inv_groups(&u, text, false, CHART_GROUPS, arena, &charts.exts, &charts.ext_count);
    }
    if (rc == AL_OK) {
        rc = inv_groups(&u, text, true, CHART_GROUPS, arena, &charts.owners, &charts.owner_count);
    }
    if (rc == AL_OK) {
        if (__builtin_sub_overflow(q->now_ns, history_ns, &from_ns)) {
            from_ns = INT64_MIN + 1;
        }
        rc = read_recalls(&p, text, from_ns, &charts);
    }
    if (rc == AL_OK) {
        *ret = charts;
    }
    return rc;
}

/* ---- a number while one types ---- */

/* Entries of the volume, and how many percent of them are looked at. */
static int
count_how(struct inv_use *u, const struct inv_rule_sql *rule, int64_t *ret_entries,
          double *ret_percent)
{
    uint64_t most = inv_sql_asks(rule->text, "alto_") ? COUNT_CALLS_MAX
                    : inv_sql_asks(rule->text, "path") || inv_sql_asks(rule->text, "name")
                        ? COUNT_NAMES_MAX
                        : UINT64_MAX;
    char sql[128];
    int rc;

    snprintf(sql, sizeof(sql), "SELECT count(*) FROM \"v_%s\".entry WHERE type <> %d",
             u->volume->id, PORT_T_FOLDER);
    rc = inv_one(u->inv, u->conn, sql, ret_entries);
    if (rc == AL_OK) {
        *ret_percent =
            (uint64_t)*ret_entries > most ? 100.0 * COUNT_SAMPLE / (double)*ret_entries : 100;
    }
    return rc;
}

/* What a share of the rows had, for all of them. */
static uint64_t
scaled(uint64_t found, uint64_t seen, uint64_t all)
{
    double x = seen > 0 ? (double)found * ((double)all / (double)seen) : 0;

    return x >= (double)INT64_MAX ? INT64_MAX : (uint64_t)x;
}

static int
count_rows(struct inv_use *u, const struct inv_rule_sql *rule, int64_t now_ns, int64_t entries,
           double percent, struct inventory_count *ret)
{
    INV_ROWS(rows);
    INV_SQL(sql);
    uint64_t seen;
    bool end = true;
    int rc;

    inv_put(&sql, "SELECT count(*)%s", percent < 100 ? " FILTER (" : ", " INV_SUM("size"));
    if (percent < 100) {
        inv_put_text(&sql, rule->text);
        inv_put(&sql, "), least(coalesce(sum(size) FILTER (");
        inv_put_text(&sql, rule->text);
        inv_put(&sql, "), 0), 9223372036854775807)::BIGINT, count(*)");
    }
    inv_put(&sql, " FROM ");
    inv_put_source(&sql, u, now_ns, inv_sql_asks_folders(rule->text),
                   inv_sql_asks(rule->text, "owner"), percent);
    if (percent >= 100) {
        inv_put(&sql, " WHERE ");
        inv_put_text(&sql, rule->text);
    }
    rc = sql.rc < 0 ? sql.rc : inv_query(u->inv, u->conn, (char *)sql.text.at, false, &rows);
    if (rc == AL_OK) {
        rc = inv_next(&rows, &end);
    }
    if (rc < 0 || end) {
        return rc < 0 ? rc : AL_ECORRUPT;
    }
    ret->exact = percent >= 100;
    ret->files = (uint64_t)inv_num(&rows, 0);
    ret->bytes = (uint64_t)inv_num(&rows, 1);
    if (!ret->exact) {
        seen = (uint64_t)inv_num(&rows, 2);
        ret->files = scaled(ret->files, seen, (uint64_t)entries);
        ret->bytes = scaled(ret->bytes, seen, (uint64_t)entries);
    }
    return AL_OK;
}

int
inventory_count(struct inventory *inv, const struct inventory_scope *scope, const char *volume_id,
                const struct rule *rule, int64_t now_ns, struct inventory_count *ret)
{
    INV_USE(u);
    AL_CLEANUP(inv_rule_sql_end) struct inv_rule_sql sql = {0};
    struct inventory_count count = {0};
    int64_t entries = 0;
    double percent = 100;
    int rc = inv_use_begin(inv, scope, volume_id, false, &u);

    if (rc == AL_OK) {
        rc = inv_begin(&u);
    }
    if (rc == AL_OK) {
        rc = inv_rule_sql_make(inv, u.conn, rule, now_ns, &sql);
    }
    if (rc == AL_OK) {
        rc = count_how(&u, &sql, &entries, &percent);
    }
    if (rc == AL_OK) {
        rc = count_rows(&u, &sql, now_ns, entries, percent, &count);
    }
    if (rc == AL_OK) {
        *ret = count;
    }
    return rc;
}

/* ---- two rules ---- */

/* temp.<table>: the rows that a plan tiers. */
static int
keep_tiered(const struct inv_plan *p, const char *table)
{
    INV_SQL(sql);

    inv_put(&sql, "CREATE OR REPLACE TEMP TABLE %s AS SELECT rid, size FROM ", table);
    inv_plan_put(&sql, p);
    inv_put(&sql, " WHERE refusal IS NULL");
    return sql.rc < 0 ? sql.rc : inv_run(p->u->inv, p->u->conn, (char *)sql.text.at);
}

static int
read_sums(struct inv_use *u, struct inventory_difference *to)
{
    INV_ROWS(rows);
    bool end = true;
    int rc = inv_query(
        u->inv, u->conn,
        "SELECT count(*) FILTER (a IS NULL), " INV_SUM_IF(
            "size", "a IS NULL") ", count(*) FILTER "
                                 "(b IS NULL), " INV_SUM_IF(
                                     "size", "b IS NULL") ", count(*) FILTER (a = "
                                                          "b), " INV_SUM_IF("size",
                                                                            "a = b") " FROM "
                                                                                     "temp.both_"
                                                                                     "plans",
        false, &rows);

    if (rc == AL_OK) {
        rc = inv_next(&rows, &end);
    }
    if (rc < 0 || end) {
        return rc < 0 ? rc : AL_ECORRUPT;
    }
    to->enter_files = (uint64_t)inv_num(&rows, 0);
    to->enter_bytes = (uint64_t)inv_num(&rows, 1);
    to->leave_files = (uint64_t)inv_num(&rows, 2);
    to->leave_bytes = (uint64_t)inv_num(&rows, 3);
    to->stay_files = (uint64_t)inv_num(&rows, 4);
    to->stay_bytes = (uint64_t)inv_num(&rows, 5);
    return AL_OK;
}

static int
read_largest(struct inv_use *u, const char *side, const char *other, struct al_arena *arena,
             struct inventory_row **ret, size_t *ret_count)
{
    char sql[1024];

    snprintf(
        sql, sizeof(sql),
        "SELECT " INV_ROW_COLUMNS " FROM (SELECT e.*, f.path AS fpath FROM \"v_%s\".entry e "
        "SEMI JOIN (SELECT %s AS rid FROM temp.both_plans WHERE %s IS NULL ORDER BY size DESC, "
        "rid LIMIT %u) s ON e.rowid = s.rid JOIN \"v_%s\".folder f ON f.id = e.folder) ORDER "
        "BY size DESC, fpath, name",
        u->volume->id, side, other, INVENTORY_SAMPLE, u->volume->id);
    return inv_keep_rows(u, sql, INVENTORY_SAMPLE, arena, ret, ret_count);
}

static int
compare(const struct inv_plan *a, const struct inv_plan *b, struct al_arena *arena,
        struct inventory_difference *to)
{
    struct inv_use *u = a->u;
    int rc = keep_tiered(a, "plan_a");

    if (rc == AL_OK) {
        rc = keep_tiered(b, "plan_b");
    }
    if (rc == AL_OK) {
        rc = inv_run(u->inv, u->conn,
                     "CREATE OR REPLACE TEMP TABLE both_plans AS SELECT a.rid AS a, b.rid AS b, "
                     "coalesce(a.size, b.size) AS size FROM temp.plan_a a FULL JOIN temp.plan_b b "
                     "ON a.rid = b.rid");
    }
    if (rc == AL_OK) {
        rc = read_sums(u, to);
    }
    if (rc == AL_OK) {
        rc = read_largest(u, "b", "a", arena, &to->enter, &to->enter_count);
    }
    return rc == AL_OK ? read_largest(u, "a", "b", arena, &to->leave, &to->leave_count) : rc;
}

int
inventory_compare(struct inventory *inv, const struct inventory_scope *scope, const char *volume_id,
                  const struct inventory_plan_query *a, const struct inventory_plan_query *b,
                  struct al_arena *arena, struct inventory_difference *ret)
{
    INV_USE(u);
    INV_PLAN(plan_a);
    INV_PLAN(plan_b);
    struct inventory_difference difference = {0};
    int rc = inv_use_begin(inv, scope, volume_id, false, &u);

    if (rc == AL_OK) {
        rc = inv_begin(&u);
    }
    if (rc == AL_OK) {
        rc = inv_plan_begin(&u, a, &plan_a);
    }
    if (rc == AL_OK) {
        rc = inv_plan_begin(&u, b, &plan_b);
    }
    if (rc == AL_OK) {
        rc = compare(&plan_a, &plan_b, arena, &difference);
    }
    if (rc == AL_OK) {
        *ret = difference;
    }
    return rc;
}
