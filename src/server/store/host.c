#include "server/store/store_priv.h"

#include <stdio.h>
#include <string.h>

int
store_host_add(struct store *s, const struct scope *scope, const struct store_host *h,
               struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    if (!scope_sees(scope, h->customer_id)) {
        return al_fail_set(fail, AL_ENOENT, 0, "no such customer");
    }
    return store_run(
        s, fail,
        "INSERT INTO host(id, customer_id, name, os, agent_version, boot_id, secret_hash,"
        " last_seen_ns, online, enrolled_ns) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)",
        S_TEXT(h->id), S_ID(h->customer_id), S_TEXT(h->name), S_TEXT(h->os),
        S_TEXT(h->agent_version), S_TEXT(h->boot_id),
        S_BLOB(h->secret_hash, h->expected ? 0 : STORE_HASH_LEN), S_I64(h->last_seen_ns),
        S_BOOL(h->online), S_I64(h->enrolled_ns));
}

static void
load_plain(struct store_stmt *q, struct store_host *h)
{
    store_col_id(q, 0, h->id);
    store_col_id(q, 1, h->customer_id);
    h->last_seen_ns = store_col_i64(q, 4);
    h->online = store_col_i64(q, 5) != 0;
    h->enrolled_ns = store_col_i64(q, 6);
    h->version = store_col_u64(q, 7);
}

/* A host that is expected has none. */
static int
load_secret(struct store_stmt *q, int at, struct store_host *h, struct al_fail *fail)
{
    h->expected = store_col_span(q, at).len == 0;
    return h->expected ? AL_OK : store_col_hash(q, at, h->secret_hash, fail);
}

#define PLAIN_COLUMNS                                                                              \
    "id, customer_id, name, secret_hash, last_seen_ns, online, enrolled_ns, version"

int
store_host_get(struct store *s, const struct scope *scope, const char *id, struct al_arena *a,
               struct store_host *ret, struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;
    struct store_host h = {0};

    AL_TRY(store_query(s, fail, &q,
                       "SELECT " PLAIN_COLUMNS ", os, agent_version, boot_id FROM host"
                       " WHERE id=?1" STORE_SCOPE(2, 3),
                       S_TEXT(id), S_SCOPE(scope)));
    AL_TRY(store_step_one(q, "host", fail));
    load_plain(q, &h);
    AL_TRY(store_col_dup(q, 2, a, &h.name));
    AL_TRY(load_secret(q, 3, &h, fail));
    AL_TRY(store_col_dup(q, 8, a, &h.os));
    AL_TRY(store_col_dup(q, 9, a, &h.agent_version));
    AL_TRY(store_col_dup(q, 10, a, &h.boot_id));
    *ret = h;
    return AL_OK;
}

int
store_host_find(struct store *s, const char *id, struct store_host *ret,
                char ret_name[STORE_NAME_BYTES_MAX + 1], struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;
    struct store_host h = {0};

    AL_TRY(store_query(s, fail, &q, "SELECT " PLAIN_COLUMNS " FROM host WHERE id=?1", S_TEXT(id)));
    AL_TRY(store_step_one(q, "host", fail));
    load_plain(q, &h);
    AL_TRY(load_secret(q, 3, &h, fail));
    (void)snprintf(ret_name, STORE_NAME_BYTES_MAX + 1, "%s", store_col_text(q, 2));
    h.name = ret_name;
    *ret = h;
    return AL_OK;
}

int
store_host_set(struct store *s, const struct scope *scope, const struct store_host *h,
               struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_run(s, fail,
                     "UPDATE host SET name=?4, version=version+1 WHERE id=?1" STORE_SCOPE(2, 3),
                     S_TEXT(h->id), S_SCOPE(scope), S_TEXT(h->name)));
    return store_need_change(s, "host", fail);
}

int
store_host_enrol(struct store *s, const struct scope *scope, const struct store_host *h,
                 al_id ret_id, struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;
    al_id id = "";
    bool row = false;

    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_query(s, fail, &q,
                       "SELECT id FROM host WHERE customer_id=?1 AND name=?2"
                       " AND length(secret_hash)=0" STORE_SCOPE(3, 4),
                       S_TEXT(h->customer_id), S_TEXT(h->name), S_SCOPE(scope)));
    AL_TRY(store_step(q, &row, fail));
    if (row) {
        store_col_id(q, 0, id);
        AL_TRY(store_run(s, fail,
                         "UPDATE host SET os=?2, agent_version=?3, boot_id=?4, secret_hash=?5,"
                         " last_seen_ns=?6, online=?7, enrolled_ns=?8, version=version+1"
                         " WHERE id=?1",
                         S_TEXT(id), S_TEXT(h->os), S_TEXT(h->agent_version), S_TEXT(h->boot_id),
                         S_BLOB(h->secret_hash, STORE_HASH_LEN), S_I64(h->last_seen_ns),
                         S_BOOL(h->online), S_I64(h->enrolled_ns)));
    }
    memcpy(ret_id, id, sizeof id);
    return AL_OK;
}

int
store_host_del(struct store *s, const struct scope *scope, const char *id, struct al_fail *fail)
{
    static const struct store_dependant dependants[] = {
        {"SELECT count(*) FROM volume WHERE host_id=?1", "volume", "volumes"},
    };
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;

    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_query(s, fail, &q, "SELECT 1 FROM host WHERE id=?1" STORE_SCOPE(2, 3), S_TEXT(id),
                       S_SCOPE(scope)));
    AL_TRY(store_step_one(q, "host", fail));
    AL_TRY(store_refuse(s, "host", id, dependants, AL_LEN(dependants), fail));
    return store_run(s, fail, "DELETE FROM host WHERE id=?1" STORE_SCOPE(2, 3), S_TEXT(id),
                     S_SCOPE(scope));
}

/* ---- enrolment ---- */

int
store_token_add(struct store *s, const struct scope *scope, const struct store_token *t,
                struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    if (!scope_sees(scope, t->customer_id)) {
        return al_fail_set(fail, AL_ENOENT, 0, "no such customer");
    }
    return store_run(
        s, fail,
        "INSERT INTO enrol_token(id, customer_id, name, hash, created_by, created_ns, expires_ns)"
        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        S_TEXT(t->id), S_ID(t->customer_id), S_ID(t->name), S_BLOB(t->hash, STORE_HASH_LEN),
        S_TEXT(t->created_by), S_I64(t->created_ns), S_I64(t->expires_ns));
}

int
store_token_take(struct store *s, const uint8_t hash[STORE_HASH_LEN], int64_t now_ns,
                 struct al_arena *a, struct store_token *ret, struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;
    struct store_token t = {0};
    bool row = false;

    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_query(
        s, fail, &q,
        "UPDATE enrol_token SET used_ns=?2 WHERE hash=?1 AND used_ns IS NULL AND expires_ns>?2"
        " RETURNING id, customer_id, name, created_by, created_ns, expires_ns",
        S_BLOB(hash, STORE_HASH_LEN), S_I64(now_ns)));
    AL_TRY(store_step(q, &row, fail));
    if (!row) {
        return al_fail_set(fail, AL_EAUTH, 0,
                           "this enrolment token is unknown, used or expired; make a new one");
    }
    store_col_id(q, 0, t.id);
    store_col_id(q, 1, t.customer_id);
    AL_TRY(store_col_dup(q, 2, a, &t.name));
    store_col_id(q, 3, t.created_by);
    t.created_ns = store_col_i64(q, 4);
    t.expires_ns = store_col_i64(q, 5);
    memcpy(t.hash, hash, STORE_HASH_LEN);
    AL_TRY(store_step(q, &row, fail));
    *ret = t;
    return AL_OK;
}

/* ---- as JSON ---- */

static const struct store_field host_fields[] = {
    {"id", "t.id", STORE_K_TEXT},
    {"customer_id", "t.customer_id", STORE_K_TEXT},
    {"name", "t.name", STORE_K_TEXT},
    {"os", "t.os", STORE_K_TEXT},
    {"agent_version", "t.agent_version", STORE_K_TEXT},
    {"state", "iif(t.last_seen_ns=0, 'never', iif(t.online, 'online', 'offline'))", STORE_K_TEXT},
    {"last_seen_at", "t.last_seen_ns", STORE_K_TIME},
    {"enrolled_at", "t.enrolled_ns", STORE_K_TIME},
    {"driver", "coalesce((SELECT d.driver FROM host_driver d WHERE d.host_id=t.id),'null')",
     STORE_K_JSON},
    {"version", "t.version", STORE_K_INT},
};

static const struct store_filter_kind host_filters[] = {
    {"customer_id", "t.customer_id", STORE_T_EQ, STORE_K_TEXT},
    {"name", "t.name", STORE_T_EQ_NOCASE, STORE_K_TEXT},
    {"state", "iif(t.last_seen_ns=0, 'never', iif(t.online, 'online', 'offline'))", STORE_T_EQ,
     STORE_K_TEXT},
    {"q", "t.name", STORE_T_CONTAINS, STORE_K_TEXT},
};

const struct store_noun store_hosts = {
    .what = "host",
    .from = "host t",
    .id = "t.id",
    .customer = "t.customer_id",
    .order = "t.id",
    .order_kind = STORE_K_TEXT,
    .version = "t.version",
    .fields = host_fields,
    .field_count = AL_LEN(host_fields),
    .filters = host_filters,
    .filter_count = AL_LEN(host_filters),
};

static const struct store_field token_fields[] = {
    {"id", "t.id", STORE_K_TEXT},
    {"customer_id", "t.customer_id", STORE_K_TEXT},
    {"name", "t.name", STORE_K_TEXT},
    {"created_at", "t.created_ns", STORE_K_TIME},
    {"expires_at", "t.expires_ns", STORE_K_TIME},
    {"used_at", "t.used_ns", STORE_K_TIME},
};

static const struct store_filter_kind token_filters[] = {
    {"customer_id", "t.customer_id", STORE_T_EQ, STORE_K_TEXT},
};

const struct store_noun store_tokens = {
    .what = "enrolment token",
    .from = "enrol_token t",
    .id = "t.id",
    .customer = "t.customer_id",
    .order = "t.id",
    .order_kind = STORE_K_TEXT,
    .fields = token_fields,
    .field_count = AL_LEN(token_fields),
    .filters = token_filters,
    .filter_count = AL_LEN(token_filters),
};

/* ---- filespaces that are mounted there ---- */

int
store_host_found(struct store *s, const struct scope *scope, const char *id, struct al_arena *a,
                 const char **ret, int64_t *ret_told_ns, struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;

    AL_TRY(store_query(s, fail, &q,
                       "SELECT coalesce(f.found, ''), coalesce(f.told_ns, 0) FROM host h"
                       " LEFT JOIN host_filespaces f ON f.host_id=h.id"
                       " WHERE h.id=?1 AND (?2 OR h.customer_id=?3)",
                       S_TEXT(id), S_SCOPE(scope)));
    AL_TRY(store_step_one(q, "host", fail));
    AL_TRY(store_col_dup(q, 0, a, ret));
    *ret_told_ns = store_col_i64(q, 1);
    return AL_OK;
}

/* What a host told last of one kind, whole. insert: its statement. */
static int
told_set(struct store *s, const char *insert, const struct scope *scope, const char *id,
         int64_t told_ns, const char *text, struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    return store_run(s, fail, insert, S_TEXT(id), S_SCOPE(scope), S_I64(told_ns), S_TEXT(text));
}

#define TOLD_SET(table, column)                                                                    \
    "INSERT INTO " table "(host_id, customer_id, told_ns, " column ")"                             \
    " SELECT id, customer_id, ?4, ?5 FROM host WHERE id=?1" STORE_SCOPE(                           \
        2, 3) " ON CONFLICT(host_id) DO UPDATE SET told_ns=excluded.told_ns, " column              \
              "=excluded." column

int
store_host_found_set(struct store *s, const struct scope *scope, const char *id, const char *found,
                     int64_t told_ns, struct al_fail *fail)
{
    return told_set(s, TOLD_SET("host_filespaces", "found"), scope, id, told_ns, found, fail);
}

/* ---- the filter driver of a Windows host ---- */

int
store_host_driver_set(struct store *s, const struct scope *scope, const char *id,
                      const char *driver, int64_t told_ns, struct al_fail *fail)
{
    return told_set(s, TOLD_SET("host_driver", "driver"), scope, id, told_ns, driver, fail);
}
