#include "server/store/store_priv.h"

#include <string.h>

#define PRUNE_ROWS "1000" /* of each table at a time, so that no writer waits long */

int
store_answer_find(struct store *s, const char *caller_id, const char *key, struct al_arena *a,
                  struct store_answer *ret, struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;
    struct store_answer n = {.caller_id = caller_id, .key = key};

    AL_TRY(store_query(s, fail, &q,
                       "SELECT request_hash, status, body_sealed, location, etag, at_ns FROM answer"
                       " WHERE caller_id=?1 AND key=?2",
                       S_TEXT(caller_id), S_TEXT(key)));
    AL_TRY(store_step_one(q, "answer", fail));
    AL_TRY(store_col_hash(q, 0, n.request_hash, fail));
    n.status = (int)store_col_i64(q, 1);
    AL_TRY(store_col_dup_span(q, 2, a, &n.body_sealed));
    AL_TRY(store_col_dup(q, 3, a, &n.location));
    n.etag = store_col_u64(q, 4);
    n.at_ns = store_col_i64(q, 5);
    *ret = n;
    return AL_OK;
}

int
store_answer_add(struct store *s, const struct store_answer *n, struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    return store_run(s, fail,
                     "INSERT OR REPLACE INTO answer VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                     S_TEXT(n->caller_id), S_TEXT(n->key), S_BLOB(n->request_hash, STORE_HASH_LEN),
                     S_I64(n->status), S_SPAN(n->body_sealed), S_TEXT(n->location), S_U64(n->etag),
                     S_I64(n->at_ns));
}

int
store_prune(struct store *s, int64_t now_ns, struct al_fail *fail)
{
    static const struct {
        const char *sql;
        int64_t kept_ns;
    } steps[] = {
        {"DELETE FROM session WHERE id IN (SELECT id FROM session WHERE expires_ns<?1 "
         "LIMIT " PRUNE_ROWS ")",
         0},
        {"DELETE FROM enrol_token WHERE id IN (SELECT id FROM enrol_token WHERE expires_ns<?1"
         " LIMIT " PRUNE_ROWS ")",
         STORE_TOKEN_KEPT_NS},
        {"DELETE FROM answer WHERE (caller_id, key) IN (SELECT caller_id, key FROM answer WHERE "
         "at_ns<?1"
         " LIMIT " PRUNE_ROWS ")",
         STORE_ANSWER_KEPT_NS},
        {"DELETE FROM login_failure WHERE rowid IN (SELECT rowid FROM login_failure WHERE at_ns<?1"
         " LIMIT " PRUNE_ROWS ")",
         STORE_FAILURE_KEPT_NS},
    };

    AL_TRY(store_need_tx(s, fail));
    for (size_t i = 0; i < AL_LEN(steps); i++) {
        AL_TRY(store_run(s, fail, steps[i].sql, S_I64(now_ns - steps[i].kept_ns)));
    }
    return AL_OK;
}

int
store_setting_get(struct store *s, const char *key, struct al_buf *to, struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;
    struct al_span value;

    AL_TRY(store_query(s, fail, &q, "SELECT value FROM setting WHERE key=?1", S_TEXT(key)));
    AL_TRY(store_step_one(q, "setting", fail));
    value = store_col_span(q, 0);
    return al_buf_add(to, value.at, value.len);
}

int
store_setting_set(struct store *s, const char *key, struct al_span value, struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    if (value.at == NULL) {
        value = (struct al_span){(const uint8_t *)"", 0};
    }
    return store_run(s, fail, "INSERT OR REPLACE INTO setting VALUES(?1, ?2)", S_TEXT(key),
                     S_SPAN(value));
}
