#include "server/store/store_priv.h"

/* What a version keeps, in both tables. */
#define KEPT                                                                                       \
    "customer_id, volume_id, share_id, name, where_text, action, position, enabled, limit_files, " \
    "limit_bytes, limit_minutes, limit_error_percent, start_used_percent, stop_used_percent, "     \
    "cron, zone, windows"
#define KEPT_COUNT 17
#define OWN                                                                                        \
    "created_by, created_ns, updated_ns, updated_by, suspended_ns, suspended_reason, "             \
    "suspended_text, next_run_ns, rest_until_ns"
#define COLUMNS "id, version, " KEPT ", " OWN

/* The version that the rule is at now. */
static int
keep_version(struct store *s, const char *id, struct al_fail *fail)
{
    return store_run(s, fail,
                     "INSERT INTO rule_version(rule_id, version, " KEPT ", at_ns, by_name, deleted)"
                     " SELECT id, version, " KEPT ", updated_ns, updated_by, 0 FROM rule"
                     " WHERE id=?1",
                     S_TEXT(id));
}

int
store_rule_add(struct store *s, const struct scope *scope, const struct store_rule *r,
               struct al_fail *fail)
{
    uint64_t position = r->position;

    AL_TRY(store_need_tx(s, fail));
    if (!scope_sees(scope, r->customer_id)) {
        return al_fail_set(fail, AL_ENOENT, 0, "no such customer");
    }
    if (position == 0) {
        AL_TRY(store_number(s, fail, &position,
                            "SELECT coalesce(max(position), 0) + 1 FROM rule WHERE volume_id=?1",
                            S_TEXT(r->volume_id)));
    }
    AL_TRY(store_run(
        s, fail,
        "INSERT INTO rule(id, version, " KEPT ", created_by, created_ns, updated_ns, updated_by,"
        " next_run_ns)"
        " VALUES(?1,1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?20,?19,"
        "?21)",
        S_TEXT(r->id), S_ID(r->customer_id), S_ID(r->volume_id), S_ID(r->share_id), S_TEXT(r->name),
        S_TEXT(r->where), S_TEXT(r->action), S_U64(position), S_BOOL(r->enabled),
        S_U64(r->limit_files), S_U64(r->limit_bytes), S_U64(r->limit_minutes),
        S_U64(r->limit_error_percent), S_U64(r->start_used_percent), S_U64(r->stop_used_percent),
        S_TEXT(r->cron), S_TEXT(r->zone), S_TEXT(r->windows), S_TEXT(r->created_by),
        S_I64(r->created_ns), S_I64(r->next_run_ns)));
    return keep_version(s, r->id, fail);
}

static int
load_kept(struct store_stmt *q, struct al_arena *a, struct store_rule *r)
{
    store_col_id(q, 0, r->id);
    r->version = store_col_u64(q, 1);
    store_col_id(q, 2, r->customer_id);
    store_col_id(q, 3, r->volume_id);
    store_col_id(q, 4, r->share_id);
    AL_TRY(store_col_dup(q, 5, a, &r->name));
    AL_TRY(store_col_dup(q, 6, a, &r->where));
    AL_TRY(store_col_dup(q, 7, a, &r->action));
    r->position = store_col_u64(q, 8);
    r->enabled = store_col_i64(q, 9) != 0;
    r->limit_files = store_col_u64(q, 10);
    r->limit_bytes = store_col_u64(q, 11);
    r->limit_minutes = store_col_u64(q, 12);
    r->limit_error_percent = store_col_u64(q, 13);
    r->start_used_percent = store_col_u64(q, 14);
    r->stop_used_percent = store_col_u64(q, 15);
    AL_TRY(store_col_dup(q, 16, a, &r->cron));
    AL_TRY(store_col_dup(q, 17, a, &r->zone));
    return store_col_dup(q, 18, a, &r->windows);
}

static int
load(struct store_stmt *q, struct al_arena *a, struct store_rule *ret)
{
    enum { AT = KEPT_COUNT + 2 };
    struct store_rule r = {0};

    AL_TRY(load_kept(q, a, &r));
    AL_TRY(store_col_dup(q, AT, a, &r.created_by));
    r.created_ns = store_col_i64(q, AT + 1);
    r.updated_ns = store_col_i64(q, AT + 2);
    AL_TRY(store_col_dup(q, AT + 3, a, &r.updated_by));
    r.suspended_ns = store_col_i64(q, AT + 4);
    AL_TRY(store_col_dup(q, AT + 5, a, &r.suspended_reason));
    AL_TRY(store_col_dup(q, AT + 6, a, &r.suspended_text));
    r.next_run_ns = store_col_i64(q, AT + 7);
    r.rest_until_ns = store_col_i64(q, AT + 8);
    *ret = r;
    return AL_OK;
}

int
store_rule_get(struct store *s, const struct scope *scope, const char *id, struct al_arena *a,
               struct store_rule *ret, struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;

    AL_TRY(store_query(s, fail, &q, "SELECT " COLUMNS " FROM rule WHERE id=?1" STORE_SCOPE(2, 3),
                       S_TEXT(id), S_SCOPE(scope)));
    AL_TRY(store_step_one(q, "rule", fail));
    return load(q, a, ret);
}

int
store_rule_set(struct store *s, const struct scope *scope, const struct store_rule *r,
               struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_run(
        s, fail,
        "UPDATE rule SET share_id=?4, name=?5, where_text=?6, action=?7, position=?8, enabled=?9,"
        " limit_files=?10, limit_bytes=?11, limit_minutes=?12, limit_error_percent=?13,"
        " start_used_percent=?14, stop_used_percent=?15, cron=?16, zone=?17, windows=?18,"
        " updated_ns=?19, updated_by=?20, next_run_ns=?21, rest_until_ns=0, version=version+1"
        " WHERE id=?1" STORE_SCOPE(2, 3),
        S_TEXT(r->id), S_SCOPE(scope), S_ID(r->share_id), S_TEXT(r->name), S_TEXT(r->where),
        S_TEXT(r->action), S_U64(r->position), S_BOOL(r->enabled), S_U64(r->limit_files),
        S_U64(r->limit_bytes), S_U64(r->limit_minutes), S_U64(r->limit_error_percent),
        S_U64(r->start_used_percent), S_U64(r->stop_used_percent), S_TEXT(r->cron), S_TEXT(r->zone),
        S_TEXT(r->windows), S_I64(r->updated_ns),
        S_TEXT(r->updated_by == NULL ? "" : r->updated_by), S_I64(r->next_run_ns)));
    AL_TRY(store_need_change(s, "rule", fail));
    AL_TRY(store_run(s, fail,
                     "UPDATE job SET look_ns=0 WHERE rule_id=?1 AND state IN " STORE_JOB_OPEN,
                     S_TEXT(r->id)));
    return keep_version(s, r->id, fail);
}

int
store_rule_del(struct store *s, const struct scope *scope, const char *id, const char *by,
               int64_t now_ns, struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_run(s, fail,
                     "INSERT INTO rule_version(rule_id, version, " KEPT ", at_ns, by_name, deleted)"
                     " SELECT id, version+1, " KEPT ", ?4, ?5, 1 FROM rule"
                     " WHERE id=?1" STORE_SCOPE(2, 3),
                     S_TEXT(id), S_SCOPE(scope), S_I64(now_ns), S_TEXT(by)));
    AL_TRY(store_need_change(s, "rule", fail));
    return store_run(s, fail, "DELETE FROM rule WHERE id=?1", S_TEXT(id));
}

static int
move(struct store *s, const char *volume_id, const char *id, uint64_t position, const char *by,
     int64_t now_ns, uint64_t *io_moved, struct al_fail *fail)
{
    uint64_t there = 0;

    AL_TRY(store_number(s, fail, &there, "SELECT count(*) FROM rule WHERE id=?1 AND volume_id=?2",
                        S_TEXT(id), S_TEXT(volume_id)));
    if (there == 0) {
        return al_fail_set(fail, AL_ECONFLICT, 0,
                           "the volume has no rule %.40s: load the list again", id);
    }
    AL_TRY(store_run(s, fail,
                     "UPDATE rule SET position=?2, updated_ns=?3, updated_by=?4, version=version+1"
                     " WHERE id=?1 AND position<>?2",
                     S_TEXT(id), S_U64(position), S_I64(now_ns), S_TEXT(by)));
    if (store_changes(s) == 0) {
        return AL_OK;
    }
    ++*io_moved;
    return keep_version(s, id, fail);
}

int
store_rule_order(struct store *s, const struct scope *scope, const char *volume_id,
                 const char *const *ids, size_t count, const char *by, int64_t now_ns,
                 uint64_t *ret_moved, struct al_fail *fail)
{
    uint64_t all = 0, moved = 0;

    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_number(s, fail, &all,
                        "SELECT count(*) FROM rule WHERE volume_id=?1" STORE_SCOPE(2, 3),
                        S_TEXT(volume_id), S_SCOPE(scope)));
    if (all != count) {
        return al_fail_set(fail, AL_ECONFLICT, 0,
                           "the volume has %u rules, %u are named: load the list again",
                           (unsigned)all, (unsigned)count);
    }
    for (size_t i = 0; i < count; i++) {
        AL_TRY(move(s, volume_id, ids[i], i + 1, by, now_ns, &moved, fail));
    }
    if (ret_moved != NULL) {
        *ret_moved = moved;
    }
    return AL_OK;
}

int
store_rule_version(struct store *s, const struct scope *scope, const char *id, uint64_t version,
                   struct al_arena *a, struct store_rule *ret, struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;
    enum { AT = KEPT_COUNT + 2 };
    struct store_rule r = {.created_by = "", .suspended_reason = "", .suspended_text = ""};

    AL_TRY(store_query(s, fail, &q,
                       "SELECT rule_id, version, " KEPT ", at_ns, by_name FROM rule_version"
                       " WHERE rule_id=?1 AND (?4=0 OR version=?4)" STORE_SCOPE(
                           2, 3) " ORDER BY version DESC LIMIT 1",
                       S_TEXT(id), S_SCOPE(scope), S_U64(version)));
    AL_TRY(store_step_one(q, "version of this rule", fail));
    AL_TRY(load_kept(q, a, &r));
    r.updated_ns = store_col_i64(q, AT);
    AL_TRY(store_col_dup(q, AT + 1, a, &r.updated_by));
    *ret = r;
    return AL_OK;
}

int
store_rule_each(struct store *s, const struct scope *scope, const char *volume_id,
                struct al_arena *a, int (*each)(void *ctx, const struct store_rule *r), void *ctx,
                struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;
    struct store_rule r;
    bool row = false;

    AL_TRY(store_query(s, fail, &q,
                       "SELECT " COLUMNS " FROM rule WHERE enabled AND volume_id=?1" STORE_SCOPE(
                           2, 3) " ORDER BY action<>'exclude', position, id",
                       S_TEXT(volume_id), S_SCOPE(scope)));
    for (;;) {
        AL_TRY(store_step(q, &row, fail));
        if (!row) {
            return AL_OK;
        }
        AL_TRY(load(q, a, &r));
        AL_TRY(each(ctx, &r));
    }
}

/* ---- running by themselves ---- */

#define FRESH_NS "180000000000" /* what an agent told of space and is believed */

int
store_rule_due(struct store *s, const struct scope *scope, int64_t now_ns, struct al_arena *a,
               struct store_rule *ret, struct al_fail *fail)
{
    static const char *const queries[] = {
        "SELECT " COLUMNS " FROM rule WHERE next_run_ns>0 AND next_run_ns<=?1 AND enabled"
        " AND suspended_ns=0" STORE_SCOPE(2, 3) " ORDER BY next_run_ns, id LIMIT 1",
        "SELECT " COLUMNS " FROM rule r WHERE start_used_percent>0 AND rest_until_ns<=?1"
        " AND cron IS NULL AND enabled AND suspended_ns=0" STORE_SCOPE(
            2,
            3) " AND EXISTS(SELECT 1 FROM volume v WHERE v.id=r.volume_id AND v.bytes_total>0"
               "  AND v.space_ns>=?1-" FRESH_NS
               "  AND (v.bytes_total-v.bytes_free)*100.0>=r.start_used_percent*1.0*v.bytes_total)"
               " AND NOT EXISTS(SELECT 1 FROM job j WHERE j.rule_id=r.id AND j.state "
               "IN " STORE_JOB_OPEN ") ORDER BY rest_until_ns, id LIMIT 1",
    };
    bool row = false;

    for (size_t i = 0; i < AL_LEN(queries); i++) {
        AL_CLEANUP(store_done) struct store_stmt *q = NULL;

        AL_TRY(
            store_query_args(s, fail, &q, queries[i], STORE_ARGS(S_I64(now_ns), S_SCOPE(scope))));
        AL_TRY(store_step(q, &row, fail));
        if (row) {
            return load(q, a, ret);
        }
    }
    return AL_ENOENT;
}

int
store_rule_next(struct store *s, const struct scope *scope, const char *id, int64_t next_run_ns,
                int64_t rest_until_ns, struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_run(
        s, fail, "UPDATE rule SET next_run_ns=?4, rest_until_ns=?5 WHERE id=?1" STORE_SCOPE(2, 3),
        S_TEXT(id), S_SCOPE(scope), S_I64(next_run_ns), S_I64(rest_until_ns)));
    return store_need_change(s, "rule", fail);
}

int
store_rule_rest(struct store *s, const struct scope *scope, const char *id, int64_t rest_until_ns,
                struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_run(s, fail, "UPDATE rule SET rest_until_ns=?4 WHERE id=?1" STORE_SCOPE(2, 3),
                     S_TEXT(id), S_SCOPE(scope), S_I64(rest_until_ns)));
    return store_need_change(s, "rule", fail);
}

int
store_rule_ahead(struct store *s, const struct scope *scope, const char *after_id, int64_t now_ns,
                 struct al_arena *a, struct store_rule *ret, struct al_fail *fail)
{
    struct store_stmt AL_CLEANUP(store_done) *q = NULL;
    bool row = false;

    AL_TRY(store_query(s, fail, &q,
                       "SELECT " COLUMNS " FROM rule WHERE cron IS NOT NULL AND next_run_ns>?1"
                       " AND id>?2" STORE_SCOPE(3, 4) " ORDER BY id LIMIT 1",
                       S_I64(now_ns), S_TEXT(after_id), S_SCOPE(scope)));
    AL_TRY(store_step(q, &row, fail));
    return row ? load(q, a, ret) : AL_ENOENT;
}

int
store_rule_rest_over(struct store *s, const struct scope *scope, int64_t until_ns,
                     struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_run(s, fail,
                     "UPDATE rule SET rest_until_ns=0 WHERE rest_until_ns>?1" STORE_SCOPE(2, 3),
                     S_I64(until_ns), S_SCOPE(scope)));
    return store_run(s, fail,
                     "UPDATE job SET look_ns=0 WHERE look_ns>?1 AND look_ns<?4"
                     " AND state IN " STORE_JOB_OPEN STORE_SCOPE(2, 3),
                     S_I64(until_ns), S_SCOPE(scope), S_I64(INT64_MAX));
}

int
store_rule_suspend(struct store *s, const struct scope *scope, const char *id, const char *reason,
                   const char *text, int64_t now_ns, bool *ret_changed, struct al_fail *fail)
{
    uint64_t was = 0;

    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_number(s, fail, &was,
                        "SELECT suspended_ns<>0 FROM rule WHERE id=?1" STORE_SCOPE(2, 3),
                        S_TEXT(id), S_SCOPE(scope)));
    *ret_changed = (was != 0) != (reason[0] != '\0');
    return store_run(s, fail,
                     "UPDATE rule SET suspended_ns=?2, suspended_reason=?3, suspended_text=?4,"
                     " rest_until_ns=0 WHERE id=?1",
                     S_TEXT(id), S_I64(reason[0] == '\0' ? 0 : now_ns), S_TEXT(reason),
                     S_TEXT(text));
}

/* ---- as JSON ---- */

#define SCHEDULE_JSON                                                                              \
    "CASE WHEN t.cron IS NULL THEN 'null' ELSE json_object('cron',t.cron,'zone',t.zone) END"
#define SUSPENDED_JSON                                                                             \
    "CASE WHEN t.suspended_ns=0 THEN 'null' ELSE json_object('at'," STORE_TIME_TEXT(               \
        "t.suspended_ns") ",'reason',t.suspended_reason,'text',t.suspended_text) END"
#define LAST_RUN_JSON                                                                              \
    "coalesce((SELECT json_object('job_id',j.id,'at'," STORE_TIME_TEXT(                            \
        "j.created_ns") ",'state',j.state) FROM job j WHERE j.rule_id=t.id ORDER BY j.id DESC "    \
                        "LIMIT 1),'null')"
/* What a version keeps, for both nouns. */
#define KEPT_FIELDS                                                                                \
    {"customer_id", "t.customer_id", STORE_K_TEXT}, {"volume_id", "t.volume_id", STORE_K_TEXT},    \
        {"share_id", "t.share_id", STORE_K_TEXT}, {"name", "t.name", STORE_K_TEXT},                \
        {"where", "t.where_text", STORE_K_TEXT}, {"action", "t.action", STORE_K_TEXT},             \
        {"position", "t.position", STORE_K_INT}, {"enabled", "t.enabled", STORE_K_BOOL},           \
        {"limit_files", "nullif(t.limit_files, 0)", STORE_K_INT},                                  \
        {"limit_bytes", "nullif(t.limit_bytes, 0)", STORE_K_INT},                                  \
        {"limit_minutes", "nullif(t.limit_minutes, 0)", STORE_K_INT},                              \
        {"limit_error_percent", "nullif(t.limit_error_percent, 0)", STORE_K_INT},                  \
        {"start_used_percent", "nullif(t.start_used_percent, 0)", STORE_K_INT},                    \
        {"stop_used_percent", "nullif(t.stop_used_percent, 0)", STORE_K_INT},                      \
        {"schedule", SCHEDULE_JSON, STORE_K_JSON},                                                 \
        {"windows", "coalesce(t.windows, 'null')", STORE_K_JSON},                                  \
    {                                                                                              \
        "version", "t.version", STORE_K_INT                                                        \
    }

static const struct store_field fields[] = {
    {"id", "t.id", STORE_K_TEXT},
    KEPT_FIELDS,
    {"suspended", SUSPENDED_JSON, STORE_K_JSON},
    {"next_run_at", "iif(t.enabled AND t.suspended_ns=0, t.next_run_ns, 0)", STORE_K_TIME},
    {"last_run", LAST_RUN_JSON, STORE_K_JSON},
    {"created_by", "t.created_by", STORE_K_TEXT},
    {"created_at", "t.created_ns", STORE_K_TIME},
    {"updated_by", "t.updated_by", STORE_K_TEXT},
    {"updated_at", "t.updated_ns", STORE_K_TIME},
};

static const struct store_field version_fields[] = {
    {"rule_id", "t.rule_id", STORE_K_TEXT}, KEPT_FIELDS,
    {"at", "t.at_ns", STORE_K_TIME},        {"by", "t.by_name", STORE_K_TEXT},
    {"deleted", "t.deleted", STORE_K_BOOL},
};

static const struct store_filter_kind filters[] = {
    {"customer_id", "t.customer_id", STORE_T_EQ, STORE_K_TEXT},
    {"volume_id", "t.volume_id", STORE_T_EQ, STORE_K_TEXT},
    {"share_id", "t.share_id", STORE_T_EQ, STORE_K_TEXT},
    {"name", "t.name", STORE_T_EQ_NOCASE, STORE_K_TEXT},
    {"action", "t.action", STORE_T_EQ, STORE_K_TEXT},
    {"enabled", "t.enabled", STORE_T_EQ, STORE_K_BOOL},
    {"q", "t.name", STORE_T_CONTAINS, STORE_K_TEXT},
};
static const struct store_filter_kind version_filters[] = {
    {"rule_id", "t.rule_id", STORE_T_EQ, STORE_K_TEXT},
};

/* Ordered as they decide: a volume's rules together, excludes first. A volume has tens of rules, so
 * the sort costs nothing. */
const struct store_noun store_rules = {
    .what = "rule",
    .from = "rule t",
    .id = "t.id",
    .customer = "t.customer_id",
    .order = "printf('%s%d%019d%s', t.volume_id, t.action<>'exclude', t.position, t.id)",
    .order_kind = STORE_K_TEXT,
    .version = "t.version",
    .fields = fields,
    .field_count = AL_LEN(fields),
    .filters = filters,
    .filter_count = AL_LEN(filters),
};

const struct store_noun store_rule_versions = {
    .what = "version of a rule",
    .from = "rule_version t",
    .id = "t.rule_id",
    .customer = "t.customer_id",
    .order = "printf('%s%019d', t.rule_id, t.version)",
    .order_kind = STORE_K_TEXT,
    .newest_first = true,
    .version = NULL,
    .fields = version_fields,
    .field_count = AL_LEN(version_fields),
    .filters = version_filters,
    .filter_count = AL_LEN(version_filters),
};
