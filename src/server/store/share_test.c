#include "server/store/share_test.h"

#include <string.h>

#include "server/store/store_priv.h"

/* Its host or customer goes: the test goes too, and with it the password. */
const struct store_migration store_schema_share_test = {
    .number = 18,
    .name = "shares that are tried out",
    .sql = "CREATE TABLE share_test("
           " id TEXT PRIMARY KEY, customer_id TEXT NOT NULL,"
           " host_id TEXT NOT NULL REFERENCES host(id) ON DELETE CASCADE,"
           " url TEXT NOT NULL, user TEXT, password_sealed BLOB,"
           " state TEXT NOT NULL CHECK(state IN ('queued','running','done','given_up')),"
           " ok INTEGER, steps TEXT NOT NULL DEFAULT '[]', text TEXT NOT NULL DEFAULT '',"
           " bytes_total INTEGER, bytes_free INTEGER, signing INTEGER, encryption INTEGER,"
           " created_by TEXT NOT NULL, created_ns INTEGER NOT NULL,"
           " ended_ns INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;"
           "CREATE INDEX share_test_customer ON share_test(customer_id, id);"
           "CREATE INDEX share_test_open ON share_test(created_ns)"
           " WHERE state IN ('queued','running');",
};

static const struct store_field fields[] = {
    {"id", "t.id", STORE_K_TEXT},
    {"customer_id", "t.customer_id", STORE_K_TEXT},
    {"host_id", "t.host_id", STORE_K_TEXT},
    {"url", "t.url", STORE_K_TEXT},
    {"user", "t.user", STORE_K_TEXT},
    {"state", "t.state", STORE_K_TEXT},
    {"ok", "CASE t.ok WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE 'null' END", STORE_K_JSON},
    {"steps", "t.steps", STORE_K_JSON},
    {"text", "t.text", STORE_K_TEXT},
    {"bytes_total", "t.bytes_total", STORE_K_INT},
    {"bytes_free", "t.bytes_free", STORE_K_INT},
    {"signing", "CASE t.signing WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE 'null' END",
     STORE_K_JSON},
    {"encryption", "CASE t.encryption WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE 'null' END",
     STORE_K_JSON},
    {"created_by", "t.created_by", STORE_K_TEXT},
    {"created_at", "t.created_ns", STORE_K_TIME},
    {"ended_at", "t.ended_ns", STORE_K_TIME},
};
const struct store_noun store_share_tests = {
    .what = "share test",
    .from = "share_test t",
    .id = "t.id",
    .customer = "t.customer_id",
    .order = "t.id",
    .order_kind = STORE_K_TEXT,
    .newest_first = true,
    .fields = fields,
    .field_count = AL_LEN(fields),
};

int
store_share_test_add(struct store *s, const struct scope *scope, const struct store_share_test *t,
                     struct al_fail *fail)
{
    struct store_work w = {.kind = STORE_J_TEST_SHARE, .created_ns = t->created_ns};
    uint64_t open = 0;

    AL_TRY(store_number(s, fail, &open,
                        "SELECT count(*) FROM share_test WHERE customer_id=?1"
                        " AND state IN ('queued','running')",
                        S_TEXT(t->customer_id)));
    if (open >= SHARE_TESTS_OPEN_MAX) {
        return al_fail_set(fail, AL_ELIMIT, 0,
                           "%u tests of shares are under way already: wait for one to end",
                           SHARE_TESTS_OPEN_MAX);
    }
    memcpy(w.id, t->id, sizeof(al_id));
    memcpy(w.customer_id, t->customer_id, sizeof(al_id));
    memcpy(w.host_id, t->host_id, sizeof(al_id));
    AL_TRY(store_work_add(s, scope, &w, fail)); /* looks at the scope */
    return store_run(s, fail,
                     "INSERT INTO share_test(id, customer_id, host_id, url, user, password_sealed,"
                     " state, created_by, created_ns) VALUES(?1,?2,?3,?4,?5,?6,'queued',?7,?8)",
                     S_TEXT(t->id), S_ID(t->customer_id), S_ID(t->host_id), S_TEXT(t->url),
                     S_TEXT(t->user), S_SPAN(t->password_sealed), S_TEXT(t->created_by),
                     S_I64(t->created_ns));
}

int
store_share_test_get(struct store *s, const struct scope *scope, const char *id, struct al_arena *a,
                     struct store_share_test *ret, struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;
    struct store_share_test t = {0};

    AL_TRY(store_query(s, fail, &q,
                       "SELECT id, customer_id, host_id, url, user, password_sealed, created_by,"
                       " created_ns, state IN ('queued','running') FROM share_test"
                       " WHERE id=?1" STORE_SCOPE(2, 3),
                       S_TEXT(id), S_SCOPE(scope)));
    AL_TRY(store_step_one(q, "share test", fail));
    store_col_id(q, 0, t.id);
    store_col_id(q, 1, t.customer_id);
    store_col_id(q, 2, t.host_id);
    AL_TRY(store_col_dup(q, 3, a, &t.url));
    AL_TRY(store_col_dup(q, 4, a, &t.user));
    AL_TRY(store_col_dup_span(q, 5, a, &t.password_sealed));
    AL_TRY(store_col_dup(q, 6, a, &t.created_by));
    t.created_ns = store_col_i64(q, 7);
    t.open = store_col_i64(q, 8) != 0;
    *ret = t;
    return AL_OK;
}

int
store_share_test_taken(struct store *s, const struct scope *scope, const char *id,
                       struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    return store_run(s, fail,
                     "UPDATE share_test SET state='running' WHERE id=?1"
                     " AND state='queued'" STORE_SCOPE(2, 3),
                     S_TEXT(id), S_SCOPE(scope));
}

int
store_share_test_end(struct store *s, const struct scope *scope, const char *host_id,
                     const char *id, const struct store_share_result *r, int64_t now_ns,
                     bool *ret_ended, struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_run(s, fail,
                     "UPDATE share_test SET state='done', password_sealed=NULL, ok=?5, steps=?6,"
                     " text=?7, bytes_total=?8, bytes_free=?9, signing=?10, encryption=?11,"
                     " ended_ns=?12 WHERE id=?1 AND host_id=?2"
                     " AND state IN ('queued','running')" STORE_SCOPE(3, 4),
                     S_TEXT(id), S_TEXT(host_id), S_SCOPE(scope), S_BOOL(r->ok), S_TEXT(r->steps),
                     S_TEXT(r->text), r->bytes_total > 0 ? S_U64(r->bytes_total) : S_NULL,
                     r->bytes_total > 0 ? S_U64(r->bytes_free) : S_NULL,
                     r->ok ? S_BOOL(r->signing) : S_NULL, r->ok ? S_BOOL(r->encryption) : S_NULL,
                     S_I64(now_ns)));
    *ret_ended = store_changes(s) > 0;
    return AL_OK;
}

int
store_share_test_expire(struct store *s, const struct scope *scope, int64_t now_ns,
                        int (*each)(void *ctx, const char *id, const char *customer_id), void *ctx,
                        struct al_fail *fail)
{
    int64_t late_ns = now_ns - SHARE_TEST_WAIT_NS;

    AL_TRY(store_need_tx(s, fail));
    {
        AL_CLEANUP(store_done) struct store_stmt *q = NULL;

        AL_TRY(store_query(s, fail, &q,
                           "SELECT id, customer_id FROM share_test WHERE created_ns<=?1"
                           " AND state IN ('queued','running')" STORE_SCOPE(2, 3),
                           S_I64(late_ns), S_SCOPE(scope)));
        AL_TRY(store_each_pair(q, each, ctx, fail));
    }
    /* An agent that still holds it hears that it is over, and it goes with its next heartbeat. */
    AL_TRY(store_run(s, fail,
                     "DELETE FROM work WHERE kind='test_share' AND state<>'leased'"
                     " AND created_ns<=?1" STORE_SCOPE(2, 3),
                     S_I64(late_ns), S_SCOPE(scope)));
    AL_TRY(store_run(s, fail,
                     "UPDATE work SET state='dropped' WHERE kind='test_share' AND state='leased'"
                     " AND created_ns<=?1" STORE_SCOPE(2, 3),
                     S_I64(late_ns), S_SCOPE(scope)));
    AL_TRY(store_run(s, fail,
                     "UPDATE share_test SET state='given_up', password_sealed=NULL, ok=0,"
                     " ended_ns=?4, text='The host did not come back from it in time: see whether"
                     " alto-agent runs there, and test again.' WHERE created_ns<=?1"
                     " AND state IN ('queued','running')" STORE_SCOPE(2, 3),
                     S_I64(late_ns), S_SCOPE(scope), S_I64(now_ns)));
    return store_run(s, fail, "DELETE FROM share_test WHERE created_ns<=?1" STORE_SCOPE(2, 3),
                     S_I64(now_ns - SHARE_TEST_KEPT_NS), S_SCOPE(scope));
}
