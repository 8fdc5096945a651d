#include "server/store/series.h"

#include "server/store/store_priv.h"

#define NS_PER_S INT64_C(1000000000)
#define DAY_S 86400

static const int64_t steps_s[] = {60, 3600, DAY_S};

static int64_t
floor_to(int64_t value, int64_t unit)
{
    int64_t rest = value % unit;

    return value - (rest < 0 ? rest + unit : rest);
}

static int
series_id(struct store *s, const struct store_series *k, int64_t *ret_id, struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;
    bool row;

    for (int round = 0; round < 2; round++) {
        AL_TRY(store_query(s, fail, &q,
                           "SELECT id, gauge FROM series"
                           " WHERE metric=?1 AND customer_id=?2 AND volume_id=?3",
                           S_TEXT(k->metric), S_TEXT(k->customer_id), S_TEXT(k->volume_id)));
        AL_TRY(store_step(q, &row, fail));
        if (row) {
            if ((store_col_i64(q, 1) != 0) != k->gauge) {
                return al_fail_set(fail, AL_EINVAL, 0, "the metric %.60s is a %s", k->metric,
                                   k->gauge ? "counter" : "gauge");
            }
            *ret_id = store_col_i64(q, 0);
            return AL_OK;
        }
        store_done(&q);
        AL_TRY(store_run(s, fail,
                         "INSERT INTO series(metric, customer_id, volume_id, gauge)"
                         " VALUES(?1, ?2, ?3, ?4)",
                         S_TEXT(k->metric), S_TEXT(k->customer_id), S_TEXT(k->volume_id),
                         S_BOOL(k->gauge)));
    }
    return al_fail_set(fail, AL_EINTERNAL, 0, "a series that was made is not there");
}

/* A counter stops at INT64_MAX instead of turning into a real number. */
static const char add_sql[] =
    "INSERT INTO series_slot(step_s, series_id, slot_s, value, at_ns) VALUES(?1, ?2, ?3, ?4, ?5)"
    " ON CONFLICT DO UPDATE SET at_ns=max(at_ns, excluded.at_ns), value=CASE"
    " WHEN value > 9223372036854775807 - excluded.value THEN 9223372036854775807"
    " ELSE value + excluded.value END";
static const char set_sql[] =
    "INSERT INTO series_slot(step_s, series_id, slot_s, value, at_ns) VALUES(?1, ?2, ?3, ?4, ?5)"
    " ON CONFLICT DO UPDATE SET at_ns=excluded.at_ns, value=excluded.value"
    " WHERE excluded.at_ns >= at_ns";

int
store_series_put(struct store *s, const struct store_series *k, int64_t at_ns, uint64_t value,
                 struct al_fail *fail)
{
    int64_t id = 0;

    AL_TRY(store_need_tx(s, fail));
    if (value > INT64_MAX) {
        return al_fail_set(fail, AL_ELIMIT, 0, "a value of the metric %.60s is too large",
                           k->metric);
    }
    AL_TRY(series_id(s, k, &id, fail));
    for (size_t i = 0; i < AL_LEN(steps_s); i++) {
        AL_TRY(store_run(s, fail, k->gauge ? set_sql : add_sql, S_I64(steps_s[i]), S_I64(id),
                         S_I64(floor_to(floor_to(at_ns, NS_PER_S) / NS_PER_S, steps_s[i])),
                         S_U64(value), S_I64(at_ns)));
    }
    return AL_OK;
}

int
store_series_is_gauge(struct store *s, const char *metric, bool *ret_gauge, bool *ret_known,
                      struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;
    bool row;

    AL_TRY(store_query(s, fail, &q, "SELECT gauge FROM series WHERE metric=?1 LIMIT 1",
                       S_TEXT(metric)));
    AL_TRY(store_step(q, &row, fail));
    *ret_known = row;
    *ret_gauge = row && store_col_i64(q, 0) != 0;
    return AL_OK;
}

#define SERIES_MATCH                                                                               \
    " x.metric=?1 AND (?2 IS NULL OR x.customer_id=?2) AND (?3 IS NULL OR x.volume_id=?3)"         \
    " AND (?4 OR x.customer_id=?5)"
#define SERIES_MATCH_ARGS(q, scope)                                                                \
    S_TEXT((q)->metric), S_TEXT((q)->customer_id), S_TEXT((q)->volume_id), S_SCOPE(scope)

int
store_series_sums(struct store *s, const struct scope *scope, const struct store_series_query *q,
                  int (*each)(void *ctx, int64_t slot_s, uint64_t value), void *ctx,
                  struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *st = NULL;
    bool row;
    int rc;

    /* total() is a real number that cannot overflow; sums beyond 2^53 are shown rounded. */
    AL_TRY(store_query(s, fail, &st,
                       "SELECT p.slot_s, CAST(total(p.value) AS INTEGER) FROM series x"
                       " JOIN series_slot p ON p.step_s=?6 AND p.series_id=x.id"
                       "  AND p.slot_s >= ?7 AND p.slot_s < ?8"
                       " WHERE" SERIES_MATCH " GROUP BY p.slot_s ORDER BY p.slot_s",
                       SERIES_MATCH_ARGS(q, scope), S_I64(q->step_s), S_I64(q->from_s),
                       S_I64(q->to_s)));
    while ((rc = store_step(st, &row, fail)) == AL_OK && row) {
        AL_TRY(each(ctx, store_col_i64(st, 0), store_col_u64(st, 1)));
    }
    return rc;
}

int
store_series_each(struct store *s, const struct scope *scope, const struct store_series_query *q,
                  int (*each)(void *ctx, uint64_t series, bool gone, int64_t slot_s,
                              uint64_t value),
                  void *ctx, struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *st = NULL;
    bool row;
    int rc;

    /* In front of `from` the finest step may be pruned already, the day's never is. */
    AL_TRY(store_query(
        s, fail, &st,
        "SELECT x.id, x.volume_id <> '' AND NOT EXISTS(SELECT 1 FROM volume v"
        "  WHERE v.id=x.volume_id), p.slot_s, p.value"
        " FROM series x JOIN series_slot p ON p.series_id=x.id AND ("
        "  (p.step_s=?6 AND p.slot_s >= ?7 AND p.slot_s < ?8) OR"
        "  (p.step_s=?6 AND p.slot_s=(SELECT max(b.slot_s) FROM series_slot b"
        "   WHERE b.step_s=?6 AND b.series_id=x.id AND b.slot_s < ?7)) OR"
        "  (p.step_s=86400 AND ?6 < 86400 AND p.slot_s=(SELECT max(d.slot_s) FROM series_slot d"
        "   WHERE d.step_s=86400 AND d.series_id=x.id AND d.slot_s + 86400 <= ?7)))"
        " WHERE" SERIES_MATCH " ORDER BY x.id, p.at_ns, p.slot_s",
        SERIES_MATCH_ARGS(q, scope), S_I64(q->step_s), S_I64(q->from_s), S_I64(q->to_s)));
    while ((rc = store_step(st, &row, fail)) == AL_OK && row) {
        AL_TRY(each(ctx, store_col_u64(st, 0), store_col_i64(st, 1) != 0, store_col_i64(st, 2),
                    store_col_u64(st, 3)));
    }
    return rc;
}

int
store_series_prune(struct store *s, uint32_t step_s, int64_t before_s, uint32_t max_rows,
                   uint64_t *ret_deleted, struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_run(s, fail,
                     "DELETE FROM series_slot WHERE (step_s, series_id, slot_s) IN ("
                     " SELECT step_s, series_id, slot_s FROM series_slot"
                     " WHERE step_s=?1 AND slot_s < ?2 ORDER BY slot_s LIMIT ?3)",
                     S_I64(step_s), S_I64(before_s), S_U64(max_rows)));
    *ret_deleted = store_changes(s);
    return AL_OK;
}
