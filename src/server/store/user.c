#include "server/store/store_priv.h"

#include <stdio.h>
#include <string.h>

#define COLUMNS                                                                                    \
    "id, name, role, customer_id, disabled, password_hash, created_ns, last_login_ns, version"

/* Everything but the strings, which need an arena. */
static void
load_plain(struct store_stmt *q, int at, struct store_user *u)
{
    store_col_id(q, at, u->id);
    u->role = model_role_of(store_col_text(q, at + 2));
    store_col_id(q, at + 3, u->customer_id);
    u->disabled = store_col_i64(q, at + 4) != 0;
    u->created_ns = store_col_i64(q, at + 6);
    u->last_login_ns = store_col_i64(q, at + 7);
    u->version = store_col_u64(q, at + 8);
}

static int
load(struct store_stmt *q, struct al_arena *a, struct store_user *ret)
{
    struct store_user u = {0};

    load_plain(q, 0, &u);
    AL_TRY(store_col_dup(q, 1, a, &u.name));
    AL_TRY(store_col_dup(q, 5, a, &u.password_hash));
    *ret = u;
    return AL_OK;
}

int
store_user_add(struct store *s, const struct scope *scope, const struct store_user *u,
               struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    if (!scope_sees(scope, u->customer_id)) {
        return al_fail_set(fail, AL_ENOENT, 0, "no such customer");
    }
    return store_run(
        s, fail,
        "INSERT INTO app_user(id, name, role, customer_id, disabled, password_hash, created_ns)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        S_TEXT(u->id), S_TEXT(u->name), S_TEXT(model_role_name(u->role)), S_ID(u->customer_id),
        S_BOOL(u->disabled), S_TEXT(u->password_hash), S_I64(u->created_ns));
}

int
store_user_get(struct store *s, const struct scope *scope, const char *id, struct al_arena *a,
               struct store_user *ret, struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;

    AL_TRY(store_query(s, fail, &q,
                       "SELECT " COLUMNS " FROM app_user WHERE id=?1" STORE_SCOPE(2, 3), S_TEXT(id),
                       S_SCOPE(scope)));
    AL_TRY(store_step_one(q, "user", fail));
    return load(q, a, ret);
}

int
store_user_by_name(struct store *s, const struct scope *scope, const char *name, struct al_arena *a,
                   struct store_user *ret, struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;

    AL_TRY(store_query(s, fail, &q,
                       "SELECT " COLUMNS " FROM app_user WHERE name=?1" STORE_SCOPE(2, 3),
                       S_TEXT(name), S_SCOPE(scope)));
    AL_TRY(store_step_one(q, "user", fail));
    return load(q, a, ret);
}

/* Nobody could mend anything without one operator who can log in. */
static int
keep_an_operator(struct store *s, const char *but, struct al_fail *fail)
{
    uint64_t others;

    AL_TRY(store_number(
        s, fail, &others,
        "SELECT count(*) FROM app_user WHERE role='operator' AND disabled=0 AND id<>?1",
        S_TEXT(but)));
    if (others == 0) {
        return al_fail_set(fail, AL_ECONFLICT, 0,
                           "this is the last operator; make another one first");
    }
    return AL_OK;
}

static int
was_operator(struct store *s, const struct scope *scope, const char *id, bool *ret,
             struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;

    AL_TRY(store_query(
        s, fail, &q,
        "SELECT role='operator' AND disabled=0 FROM app_user WHERE id=?1" STORE_SCOPE(2, 3),
        S_TEXT(id), S_SCOPE(scope)));
    AL_TRY(store_step_one(q, "user", fail));
    *ret = store_col_i64(q, 0) != 0;
    return AL_OK;
}

int
store_user_set(struct store *s, const struct scope *scope, const struct store_user *u,
               struct al_fail *fail)
{
    bool operator_before = false;

    AL_TRY(store_need_tx(s, fail));
    AL_TRY(was_operator(s, scope, u->id, &operator_before, fail));
    if (operator_before && (u->role != ROLE_OPERATOR || u->disabled)) {
        AL_TRY(keep_an_operator(s, u->id, fail));
    }
    AL_TRY(store_run(
        s, fail,
        "UPDATE app_user SET name=?4, role=?5, customer_id=?6, disabled=?7, password_hash=?8,"
        " version=version+1 WHERE id=?1" STORE_SCOPE(2, 3),
        S_TEXT(u->id), S_SCOPE(scope), S_TEXT(u->name), S_TEXT(model_role_name(u->role)),
        S_ID(u->customer_id), S_BOOL(u->disabled), S_TEXT(u->password_hash)));
    AL_TRY(store_need_change(s, "user", fail));
    return u->disabled ? store_session_del_of(s, u->id, NULL, fail) : AL_OK;
}

int
store_user_del(struct store *s, const struct scope *scope, const char *id, struct al_fail *fail)
{
    bool operator_before = false;

    AL_TRY(store_need_tx(s, fail));
    AL_TRY(was_operator(s, scope, id, &operator_before, fail));
    if (operator_before) {
        AL_TRY(keep_an_operator(s, id, fail));
    }
    AL_TRY(store_run(s, fail, "DELETE FROM app_user WHERE id=?1" STORE_SCOPE(2, 3), S_TEXT(id),
                     S_SCOPE(scope)));
    return store_need_change(s, "user", fail);
}

int
store_user_count(struct store *s, const struct scope *scope, uint64_t *ret, struct al_fail *fail)
{
    return store_number(s, fail, ret, "SELECT count(*) FROM app_user WHERE 1" STORE_SCOPE(1, 2),
                        S_SCOPE(scope));
}

int
store_user_logged_in(struct store *s, const struct scope *scope, const char *id, int64_t now_ns,
                     struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_run(s, fail, "UPDATE app_user SET last_login_ns=?4 WHERE id=?1" STORE_SCOPE(2, 3),
                     S_TEXT(id), S_SCOPE(scope), S_I64(now_ns)));
    return store_need_change(s, "user", fail);
}

/* ---- sessions: found by the hash of a random token, which is the permission to see them; hence no
 * scope ---- */

int
store_session_add(struct store *s, const struct scope *scope, const struct store_session *t,
                  struct al_fail *fail)
{
    bool of_operator = false;

    AL_TRY(store_need_tx(s, fail));
    AL_TRY(was_operator(s, scope, t->user_id, &of_operator, fail)); /* for its AL_ENOENT */
    return store_run(s, fail, "INSERT INTO session VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                     S_TEXT(t->id), S_BLOB(t->token_hash, STORE_HASH_LEN), S_TEXT(t->user_id),
                     S_TEXT(t->csrf), S_I64(t->created_ns), S_I64(t->expires_ns), S_TEXT(t->peer));
}

int
store_session_find(struct store *s, const uint8_t token_hash[STORE_HASH_LEN],
                   struct store_session *ret, struct store_user *ret_user,
                   char ret_name[STORE_NAME_BYTES_MAX + 1], struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;
    struct store_session t = {0};
    struct store_user u = {0};

    AL_TRY(store_query(s, fail, &q,
                       "SELECT t.id, t.user_id, t.csrf, t.created_ns, t.expires_ns, t.peer,"
                       " u.id, u.name, u.role, u.customer_id, u.disabled, '', u.created_ns,"
                       " u.last_login_ns, u.version"
                       " FROM session t JOIN app_user u ON u.id=t.user_id WHERE t.token_hash=?1",
                       S_BLOB(token_hash, STORE_HASH_LEN)));
    AL_TRY(store_step_one(q, "session", fail));
    store_col_id(q, 0, t.id);
    store_col_id(q, 1, t.user_id);
    memcpy(t.token_hash, token_hash, STORE_HASH_LEN);
    (void)snprintf(t.csrf, sizeof t.csrf, "%s", store_col_text(q, 2));
    t.created_ns = store_col_i64(q, 3);
    t.expires_ns = store_col_i64(q, 4);
    (void)snprintf(t.peer, sizeof t.peer, "%s", store_col_text(q, 5));
    load_plain(q, 6, &u);
    (void)snprintf(ret_name, STORE_NAME_BYTES_MAX + 1, "%s", store_col_text(q, 7));
    u.name = ret_name;
    *ret = t;
    *ret_user = u;
    return AL_OK;
}

int
store_session_get(struct store *s, const char *id, struct store_session *ret, struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;
    struct store_session t = {0};

    AL_TRY(store_query(
        s, fail, &q,
        "SELECT id, user_id, csrf, created_ns, expires_ns, peer FROM session WHERE id=?1",
        S_TEXT(id)));
    AL_TRY(store_step_one(q, "session", fail));
    store_col_id(q, 0, t.id);
    store_col_id(q, 1, t.user_id);
    (void)snprintf(t.csrf, sizeof t.csrf, "%s", store_col_text(q, 2));
    t.created_ns = store_col_i64(q, 3);
    t.expires_ns = store_col_i64(q, 4);
    (void)snprintf(t.peer, sizeof t.peer, "%s", store_col_text(q, 5));
    *ret = t;
    return AL_OK;
}

int
store_session_prolong(struct store *s, const char *id, int64_t expires_ns, struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    return store_run(s, fail, "UPDATE session SET expires_ns=?2 WHERE id=?1", S_TEXT(id),
                     S_I64(expires_ns));
}

int
store_session_del(struct store *s, const char *id, struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    return store_run(s, fail, "DELETE FROM session WHERE id=?1", S_TEXT(id));
}

int
store_session_del_of(struct store *s, const char *user_id, const char *except, struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    return store_run(s, fail, "DELETE FROM session WHERE user_id=?1 AND id IS NOT ?2",
                     S_TEXT(user_id), S_TEXT(except));
}

/* ---- failed logins ---- */

int
store_login_failures(struct store *s, const char *key, int64_t since_ns, uint32_t *ret_count,
                     int64_t *ret_last_ns, struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;

    AL_TRY(store_query(s, fail, &q,
                       "SELECT count(*), coalesce(max(at_ns), 0) FROM login_failure"
                       " WHERE key=?1 AND at_ns>=?2",
                       S_TEXT(key), S_I64(since_ns)));
    AL_TRY(store_step_one(q, "row", fail));
    *ret_count = (uint32_t)store_col_u64(q, 0);
    *ret_last_ns = store_col_i64(q, 1);
    return AL_OK;
}

int
store_login_failed(struct store *s, const char *key, int64_t now_ns, int64_t since_ns,
                   uint32_t *ret_count, struct al_fail *fail)
{
    int64_t last;

    AL_TRY(store_need_tx(s, fail));
    AL_TRY(
        store_run(s, fail, "INSERT INTO login_failure VALUES(?1, ?2)", S_TEXT(key), S_I64(now_ns)));
    return store_login_failures(s, key, since_ns, ret_count, &last, fail);
}

int
store_login_clear(struct store *s, const char *key, struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    return store_run(s, fail, "DELETE FROM login_failure WHERE key=?1", S_TEXT(key));
}

/* ---- as JSON ---- */

static const struct store_field fields[] = {
    {"id", "t.id", STORE_K_TEXT},
    {"name", "t.name", STORE_K_TEXT},
    {"role", "t.role", STORE_K_TEXT},
    {"customer_id", "t.customer_id", STORE_K_TEXT},
    {"disabled", "t.disabled", STORE_K_BOOL},
    {"created_at", "t.created_ns", STORE_K_TIME},
    {"last_login_at", "t.last_login_ns", STORE_K_TIME},
    {"version", "t.version", STORE_K_INT},
};

static const struct store_filter_kind filters[] = {
    {"customer_id", "t.customer_id", STORE_T_EQ, STORE_K_TEXT},
    {"name", "t.name", STORE_T_EQ_NOCASE, STORE_K_TEXT},
    {"role", "t.role", STORE_T_EQ, STORE_K_TEXT},
    {"q", "t.name", STORE_T_CONTAINS, STORE_K_TEXT},
};

const struct store_noun store_users = {
    .what = "user",
    .from = "app_user t",
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
