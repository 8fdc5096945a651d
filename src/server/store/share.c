#include "server/store/store_priv.h"

int
store_share_add(struct store *s, const struct scope *scope, const struct store_share *h,
                struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    if (!scope_sees(scope, h->customer_id)) {
        return al_fail_set(fail, AL_ENOENT, 0, "no such customer");
    }
    return store_run(s, fail,
                     "INSERT INTO share(id, customer_id, name, url, user, password_sealed, state, "
                     "created_ns, wire)"
                     " VALUES(?1, ?2, ?3, ?4, ?5, ?6, 'unknown', ?7, coalesce(?8, 'any'))",
                     S_TEXT(h->id), S_ID(h->customer_id), S_TEXT(h->name), S_TEXT(h->url),
                     S_TEXT(h->user), S_SPAN(h->password_sealed), S_I64(h->created_ns),
                     S_TEXT(h->wire));
}

int
store_share_get(struct store *s, const struct scope *scope, const char *id, struct al_arena *a,
                struct store_share *ret, struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;
    struct store_share h = {0};

    AL_TRY(
        store_query(s, fail, &q,
                    "SELECT id, customer_id, name, url, user, password_sealed, state, state_text,"
                    " bytes_total, bytes_free, checked_ns, created_ns, version, wire FROM share"
                    " WHERE id=?1" STORE_SCOPE(2, 3),
                    S_TEXT(id), S_SCOPE(scope)));
    AL_TRY(store_step_one(q, "share", fail));
    store_col_id(q, 0, h.id);
    store_col_id(q, 1, h.customer_id);
    AL_TRY(store_col_dup(q, 2, a, &h.name));
    AL_TRY(store_col_dup(q, 3, a, &h.url));
    AL_TRY(store_col_dup(q, 4, a, &h.user));
    AL_TRY(store_col_dup_span(q, 5, a, &h.password_sealed));
    AL_TRY(store_col_dup(q, 6, a, &h.state));
    AL_TRY(store_col_dup(q, 7, a, &h.state_text));
    h.bytes_total = store_col_u64(q, 8);
    h.bytes_free = store_col_u64(q, 9);
    h.checked_ns = store_col_i64(q, 10);
    h.created_ns = store_col_i64(q, 11);
    h.version = store_col_u64(q, 12);
    AL_TRY(store_col_dup(q, 13, a, &h.wire));
    *ret = h;
    return AL_OK;
}

int
store_share_set(struct store *s, const struct scope *scope, const struct store_share *h,
                struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_run(
        s, fail,
        "UPDATE share SET name=?4, url=?5, user=?6, password_sealed=?7, version=version+1,"
        " wire=coalesce(?8, 'any')"
        " WHERE id=?1" STORE_SCOPE(2, 3),
        S_TEXT(h->id), S_SCOPE(scope), S_TEXT(h->name), S_TEXT(h->url), S_TEXT(h->user),
        S_SPAN(h->password_sealed), S_TEXT(h->wire)));
    return store_need_change(s, "share", fail);
}

int
store_share_del(struct store *s, const struct scope *scope, const char *id, struct al_fail *fail)
{
    static const struct store_dependant dependants[] = {
        {"SELECT count(*) FROM volume WHERE share_id=?1", "volume that tiers to it",
         "volumes that tier to it"},
        {"SELECT count(*) FROM rule WHERE share_id=?1", "rule that names it", "rules that name it"},
    };
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;

    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_query(s, fail, &q, "SELECT 1 FROM share WHERE id=?1" STORE_SCOPE(2, 3), S_TEXT(id),
                       S_SCOPE(scope)));
    AL_TRY(store_step_one(q, "share", fail));
    AL_TRY(store_refuse(s, "share", id, dependants, AL_LEN(dependants), fail));
    return store_run(s, fail, "DELETE FROM share WHERE id=?1" STORE_SCOPE(2, 3), S_TEXT(id),
                     S_SCOPE(scope));
}

int
store_share_state(struct store *s, const struct scope *scope, const struct store_share *h,
                  struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_run(
        s, fail,
        "UPDATE share SET state=?4, state_text=coalesce(?5, ''), bytes_total=?6, bytes_free=?7,"
        " checked_ns=?8,"
        " trouble_ns=CASE WHEN ?4='ok' THEN 0 WHEN trouble_ns=0 THEN ?8 ELSE trouble_ns END"
        " WHERE id=?1" STORE_SCOPE(2, 3),
        S_TEXT(h->id), S_SCOPE(scope), S_TEXT(h->state), S_TEXT(h->state_text),
        S_U64(h->bytes_total), S_U64(h->bytes_free), S_I64(h->checked_ns)));
    return store_need_change(s, "share", fail);
}

static const struct store_field fields[] = {
    {"id", "t.id", STORE_K_TEXT},
    {"customer_id", "t.customer_id", STORE_K_TEXT},
    {"name", "t.name", STORE_K_TEXT},
    {"url", "t.url", STORE_K_TEXT},
    {"user", "t.user", STORE_K_TEXT},
    {"wire", "t.wire", STORE_K_TEXT},
    {"has_password", "t.password_sealed IS NOT NULL", STORE_K_BOOL},
    {"state", "t.state", STORE_K_TEXT},
    {"state_text", "t.state_text", STORE_K_TEXT},
    {"bytes_total", "nullif(t.bytes_total, 0)", STORE_K_INT},
    {"bytes_free", "iif(t.bytes_total=0, NULL, t.bytes_free)", STORE_K_INT},
    {"checked_at", "t.checked_ns", STORE_K_TIME},
    {"created_at", "t.created_ns", STORE_K_TIME},
    {"version", "t.version", STORE_K_INT},
};

static const struct store_filter_kind filters[] = {
    {"customer_id", "t.customer_id", STORE_T_EQ, STORE_K_TEXT},
    {"name", "t.name", STORE_T_EQ_NOCASE, STORE_K_TEXT},
    {"state", "t.state", STORE_T_EQ, STORE_K_TEXT},
    {"q", "t.name", STORE_T_CONTAINS, STORE_K_TEXT},
};

const struct store_noun store_shares = {
    .what = "share",
    .from = "share t",
    .id = "t.id",
    .customer = "t.customer_id",
    .order = "t.id",
    .order_kind = STORE_K_TEXT,
    .version = "t.version",
    .fields = fields,
    .field_count = AL_LEN(fields),
    .filters = filters,
    .filter_count = AL_LEN(filters),
};
