#include "server/store/store_priv.h"

#define COLUMNS                                                                                    \
    "id, customer_id, volume_id, share_id, name, where_text, action, position, enabled, "          \
    "limit_files, limit_bytes, created_by, created_ns, updated_ns, version"

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
    return store_run(
        s, fail,
        "INSERT INTO rule(" COLUMNS ") VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?13,1)",
        S_TEXT(r->id), S_ID(r->customer_id), S_ID(r->volume_id), S_ID(r->share_id), S_TEXT(r->name),
        S_TEXT(r->where), S_TEXT(r->action), S_U64(position), S_BOOL(r->enabled),
        S_U64(r->limit_files), S_U64(r->limit_bytes), S_TEXT(r->created_by), S_I64(r->created_ns));
}

static int
load(struct store_stmt *q, struct al_arena *a, struct store_rule *ret)
{
    struct store_rule r = {0};

    store_col_id(q, 0, r.id);
    store_col_id(q, 1, r.customer_id);
    store_col_id(q, 2, r.volume_id);
    store_col_id(q, 3, r.share_id);
    AL_TRY(store_col_dup(q, 4, a, &r.name));
    AL_TRY(store_col_dup(q, 5, a, &r.where));
    AL_TRY(store_col_dup(q, 6, a, &r.action));
    r.position = store_col_u64(q, 7);
    r.enabled = store_col_i64(q, 8) != 0;
    r.limit_files = store_col_u64(q, 9);
    r.limit_bytes = store_col_u64(q, 10);
    AL_TRY(store_col_dup(q, 11, a, &r.created_by));
    r.created_ns = store_col_i64(q, 12);
    r.updated_ns = store_col_i64(q, 13);
    r.version = store_col_u64(q, 14);
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
        " limit_files=?10, limit_bytes=?11, updated_ns=?12, version=version+1"
        " WHERE id=?1" STORE_SCOPE(2, 3),
        S_TEXT(r->id), S_SCOPE(scope), S_ID(r->share_id), S_TEXT(r->name), S_TEXT(r->where),
        S_TEXT(r->action), S_U64(r->position), S_BOOL(r->enabled), S_U64(r->limit_files),
        S_U64(r->limit_bytes), S_I64(r->updated_ns)));
    return store_need_change(s, "rule", fail);
}

int
store_rule_del(struct store *s, const struct scope *scope, const char *id, struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_run(s, fail, "DELETE FROM rule WHERE id=?1" STORE_SCOPE(2, 3), S_TEXT(id),
                     S_SCOPE(scope)));
    return store_need_change(s, "rule", fail);
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

static const struct store_field fields[] = {
    {"id", "t.id", STORE_K_TEXT},
    {"customer_id", "t.customer_id", STORE_K_TEXT},
    {"volume_id", "t.volume_id", STORE_K_TEXT},
    {"share_id", "t.share_id", STORE_K_TEXT},
    {"name", "t.name", STORE_K_TEXT},
    {"where", "t.where_text", STORE_K_TEXT},
    {"action", "t.action", STORE_K_TEXT},
    {"position", "t.position", STORE_K_INT},
    {"enabled", "t.enabled", STORE_K_BOOL},
    {"limit_files", "nullif(t.limit_files, 0)", STORE_K_INT},
    {"limit_bytes", "nullif(t.limit_bytes, 0)", STORE_K_INT},
    {"version", "t.version", STORE_K_INT},
    {"created_by", "t.created_by", STORE_K_TEXT},
    {"created_at", "t.created_ns", STORE_K_TIME},
    {"updated_at", "t.updated_ns", STORE_K_TIME},
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
