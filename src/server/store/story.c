/* Exports and costs, and what the store tells of one file. */
#include <string.h>

#include "server/store/import.h"
#include "server/store/store_priv.h"

/* ---- exports ---- */

int
store_export_add(struct store *s, const struct scope *scope, const struct store_export *x,
                 struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    if (!scope_sees(scope, x->customer_id)) {
        return al_fail_set(fail, AL_ENOENT, 0, "no such customer");
    }
    return store_run(s, fail, "INSERT INTO export VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)",
                     S_TEXT(x->id), S_TEXT(x->customer_id), S_TEXT(x->volume_id),
                     S_TEXT(x->user_id), S_TEXT(x->name), S_TEXT(x->format), S_U64(x->rows),
                     S_U64(x->bytes), S_I64(x->created_ns), S_I64(x->expires_ns));
}

int
store_export_get(struct store *s, const struct scope *scope, const char *id, struct al_arena *a,
                 struct store_export *ret, struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;
    struct store_export x = {0};

    AL_TRY(store_query(s, fail, &q,
                       "SELECT id, customer_id, volume_id, user_id, name, format, rows, bytes,"
                       " created_ns, expires_ns FROM export WHERE id=?1" STORE_SCOPE(2, 3),
                       S_TEXT(id), S_SCOPE(scope)));
    AL_TRY(store_step_one(q, "export", fail));
    store_col_id(q, 0, x.id);
    store_col_id(q, 1, x.customer_id);
    store_col_id(q, 2, x.volume_id);
    store_col_id(q, 3, x.user_id);
    AL_TRY(store_col_dup(q, 4, a, &x.name));
    AL_TRY(store_col_dup(q, 5, a, &x.format));
    x.rows = store_col_u64(q, 6);
    x.bytes = store_col_u64(q, 7);
    x.created_ns = store_col_i64(q, 8);
    x.expires_ns = store_col_i64(q, 9);
    *ret = x;
    return AL_OK;
}

int
store_export_count(struct store *s, const struct scope *scope, const char *user_id, uint64_t *ret,
                   struct al_fail *fail)
{
    return store_number(s, fail, ret,
                        "SELECT count(*) FROM export WHERE user_id=?1" STORE_SCOPE(2, 3),
                        S_TEXT(user_id), S_SCOPE(scope));
}

int
store_export_expired(struct store *s, const struct scope *scope, int64_t now_ns, al_id ret,
                     struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;
    al_id id = "";

    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_query(s, fail, &q,
                       "SELECT id FROM export WHERE expires_ns<=?1" STORE_SCOPE(
                           2, 3) " ORDER BY expires_ns LIMIT 1",
                       S_I64(now_ns), S_SCOPE(scope)));
    AL_TRY(store_step_one(q, "export", fail));
    store_col_id(q, 0, id);
    AL_TRY(store_run(s, fail, "DELETE FROM export WHERE id=?1", S_TEXT(id)));
    memcpy(ret, id, sizeof id);
    return AL_OK;
}

/* ---- costs ---- */

static int
customer_seen(struct store *s, const struct scope *scope, const char *customer_id,
              struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;

    AL_TRY(store_query(s, fail, &q, "SELECT 1 FROM customer WHERE id=?1 AND (?2 OR id=?3)",
                       S_TEXT(customer_id), S_SCOPE(scope)));
    return store_step_one(q, "customer", fail);
}

int
store_costs_get(struct store *s, const struct scope *scope, const char *customer_id,
                struct store_costs *ret, struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;
    struct store_costs c = {.version = 1};
    bool row = false;

    AL_TRY(customer_seen(s, scope, customer_id, fail));
    AL_TRY(store_query(s, fail, &q,
                       "SELECT currency, primary_tb_month, tier_tb_month, recall_gb, version"
                       " FROM customer_cost WHERE customer_id=?1",
                       S_TEXT(customer_id)));
    AL_TRY(store_step(q, &row, fail));
    if (row) {
        struct al_span currency = store_col_span(q, 0);

        if (currency.len != 0 && currency.len != STORE_CURRENCY_LEN) {
            return al_fail_set(fail, AL_ECORRUPT, 0, "a currency is a code of three letters");
        }
        if (currency.len > 0) {
            memcpy(c.currency, currency.at, currency.len);
        }
        c.has_primary = !store_col_null(q, 1);
        c.primary_tb_month = store_col_u64(q, 1);
        c.has_tier = !store_col_null(q, 2);
        c.tier_tb_month = store_col_u64(q, 2);
        c.has_recall = !store_col_null(q, 3);
        c.recall_gb = store_col_u64(q, 3);
        c.version = store_col_u64(q, 4);
    }
    *ret = c;
    return AL_OK;
}

int
store_costs_set(struct store *s, const struct scope *scope, const char *customer_id,
                const struct store_costs *c, struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    AL_TRY(customer_seen(s, scope, customer_id, fail));
    return store_run(
        s, fail,
        "INSERT INTO customer_cost(customer_id, currency, primary_tb_month, tier_tb_month,"
        " recall_gb, version) VALUES(?1,?2,?3,?4,?5,2) ON CONFLICT(customer_id) DO UPDATE SET"
        " currency=?2, primary_tb_month=?3, tier_tb_month=?4, recall_gb=?5, version=version+1",
        S_TEXT(customer_id), S_TEXT(c->currency),
        c->has_primary ? S_U64(c->primary_tb_month) : S_NULL,
        c->has_tier ? S_U64(c->tier_tb_month) : S_NULL,
        c->has_recall ? S_U64(c->recall_gb) : S_NULL);
}

/* ---- one file ---- */

int
store_event_each_of(struct store *s, const struct scope *scope, const char *volume_id,
                    struct al_span path, uint32_t max,
                    int (*each)(void *ctx, const struct store_told *e), void *ctx,
                    struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;
    bool row;

    AL_TRY(store_query(s, fail, &q,
                       "SELECT id, at_ns, actor_name, act, code, detail FROM event"
                       " WHERE subject_type='file' AND subject_id=?1 AND subject=?2" STORE_SCOPE(
                           3, 4) " ORDER BY at_ns DESC LIMIT ?5",
                       S_TEXT(volume_id), S_SPAN(path), S_SCOPE(scope), S_I64(max)));
    for (;;) {
        struct store_told e = {0};

        AL_TRY(store_step(q, &row, fail));
        if (!row) {
            return AL_OK;
        }
        store_col_id(q, 0, e.id);
        e.at_ns = store_col_i64(q, 1);
        e.actor_name = store_col_text(q, 2);
        e.act = store_col_text(q, 3);
        e.code = store_col_text(q, 4);
        e.detail = store_col_span(q, 5);
        AL_TRY(each(ctx, &e));
    }
}

int
store_rule_each_id(struct store *s, const struct scope *scope, const char *volume_id,
                   int (*each)(void *ctx, const char *id), void *ctx, struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;

    AL_TRY(store_query(s, fail, &q,
                       "SELECT id FROM rule WHERE volume_id=?1" STORE_SCOPE(
                           2, 3) " ORDER BY action<>'exclude', position, id",
                       S_TEXT(volume_id), S_SCOPE(scope)));
    return store_each_text(q, each, ctx, fail);
}

int
store_volume_each_after(struct store *s, const struct scope *scope, const char *after, uint32_t max,
                        int (*each)(void *ctx, const char *id, const char *customer_id), void *ctx,
                        struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;

    AL_TRY(store_query(
        s, fail, &q,
        "SELECT id, customer_id FROM volume WHERE id>?1" STORE_SCOPE(2, 3) " ORDER BY id LIMIT ?4",
        S_TEXT(after), S_SCOPE(scope), S_I64(max)));
    return store_each_pair(q, each, ctx, fail);
}
