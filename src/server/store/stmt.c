#include "server/store/store_priv.h"

#include "base/hash.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

#define PLACES ((size_t)STORE_STMTS_MAX * 2)

/* ---- failures ---- */

static int
code_of(int rc)
{
    switch (rc) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
    case SQLITE_CONSTRAINT_FOREIGNKEY:
        return AL_ECONFLICT;
    case SQLITE_IOERR_NOMEM:
        return AL_ENOMEM;
    default:
        break;
    }
    switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return AL_EBUSY;
    case SQLITE_NOMEM:
        return AL_ENOMEM;
    case SQLITE_FULL:
        return AL_ENOSPC;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        return AL_EIO;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return AL_ECORRUPT;
    case SQLITE_READONLY:
        return AL_EROFS;
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return AL_EACCES;
    case SQLITE_TOOBIG:
        return AL_ELIMIT;
    case SQLITE_CONSTRAINT:
        return AL_EINVAL;
    case SQLITE_INTERRUPT:
        return AL_ECANCELED;
    default:
        return AL_EINTERNAL;
    }
}

/* "UNIQUE constraint failed: share.customer_id, share.name" becomes "another share has the same
 * name". */
static int
taken(const char *message, struct al_fail *fail)
{
    const char *dot = strrchr(message, '.'), *table = dot;

    if (dot == NULL) {
        return al_fail_set(fail, AL_ECONFLICT, 0, "it is there already");
    }
    while (table > message && table[-1] != ' ') {
        table--;
    }
    if (strncmp(table, "app_", 4) == 0) {
        table += 4;
    }
    return al_fail_set(fail, AL_ECONFLICT, 0, "another %.*s has the same %s", (int)(dot - table),
                       table, dot + 1);
}

int
store_failed(struct store *s, int sqlite_rc, struct al_fail *fail)
{
    int code = code_of(sqlite_rc);
    const char *message = s->sql != NULL ? sqlite3_errmsg(s->sql) : sqlite3_errstr(sqlite_rc);

    if (sqlite_rc == SQLITE_CONSTRAINT_FOREIGNKEY) {
        return al_fail_set(fail, code, 0,
                           "something else still belongs to it, or what it refers to is gone");
    }
    if (code == AL_ECONFLICT) {
        return taken(message, fail);
    }
    if (code == AL_ENOMEM) {
        return al_fail_set(fail, code, 0, "out of memory");
    }
    return al_fail_set(fail, code, (uint32_t)sqlite_rc, "the store: %.200s", message);
}

/* ---- values ---- */

struct store_arg
store_arg_u64(uint64_t v)
{
    return (struct store_arg){.kind = STORE_A_INT,
                              .number = v > (uint64_t)INT64_MAX ? INT64_MAX : (int64_t)v};
}

struct store_arg
store_arg_id(const char *id)
{
    return S_TEXT(id == NULL || id[0] == '\0' ? NULL : id);
}

static int
bind_one(sqlite3_stmt *q, int at, const struct store_arg *v)
{
    switch (v->kind) {
    case STORE_A_TEXT:
        return v->text == NULL ? sqlite3_bind_null(q, at)
                               : sqlite3_bind_text(q, at, v->text, -1, SQLITE_STATIC);
    case STORE_A_INT:
        return sqlite3_bind_int64(q, at, v->number);
    case STORE_A_BLOB:
        if (v->blob.at == NULL) {
            return sqlite3_bind_null(q, at);
        }
        return sqlite3_bind_blob64(q, at, v->blob.at, v->blob.len, SQLITE_STATIC);
    case STORE_A_NULL:
        break;
    }
    return sqlite3_bind_null(q, at);
}

static void
bind_all(struct store_stmt *q, const struct store_arg *args, size_t count)
{
    q->rc = SQLITE_OK;
    for (size_t i = 0; i < count && q->rc == SQLITE_OK; i++) {
        q->rc = bind_one(q->stmt, (int)i + 1, &args[i]);
    }
}

/* ---- the statements a connection keeps ---- */

/* The place of this text, or the empty one where it belongs. */
static struct store_stmt **
place_of(struct store *s, const char *sql, uint64_t hash)
{
    size_t at = hash % PLACES;

    while (s->stmts[at] != NULL &&
           (s->stmts[at]->hash != hash || strcmp(sqlite3_sql(s->stmts[at]->stmt), sql) != 0)) {
        at = (at + 1) % PLACES;
    }
    return &s->stmts[at];
}

static int
prepare(struct store *s, const char *sql, uint64_t hash, struct store_stmt **ret,
        struct al_fail *fail)
{
    struct store_stmt *q = al_zalloc(sizeof *q);
    int rc;

    if (q == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    q->store = s;
    q->hash = hash;
    rc = sqlite3_prepare_v3(s->sql, sql, -1, SQLITE_PREPARE_PERSISTENT, &q->stmt, NULL);
    if (rc != SQLITE_OK) {
        al_free(q);
        return store_failed(s, rc, fail);
    }
    *ret = q;
    return AL_OK;
}

int
store_query_args(struct store *s, struct al_fail *fail, struct store_stmt **ret, const char *sql,
                 const struct store_arg *args, size_t count)
{
    uint64_t hash = al_xxh64(sql, strlen(sql), 0);
    struct store_stmt **place = place_of(s, sql, hash);
    struct store_stmt *q = *place;

    /* One that is being stepped further up the stack is not taken twice: this use gets its own. */
    if (q == NULL || q->busy) {
        AL_TRY(prepare(s, sql, hash, &q, fail));
        if (*place == NULL && s->stmt_count < STORE_STMTS_MAX) {
            q->kept = true;
            s->stmt_count++;
            *place = q;
        }
    }
    q->busy = true;
    bind_all(q, args, count);
    *ret = q;
    return AL_OK;
}

void
store_again(struct store_stmt *q, const struct store_arg *args, size_t count)
{
    (void)sqlite3_reset(q->stmt); /* repeats the last step's failure, which was told */
    bind_all(q, args, count);
}

void
store_done(struct store_stmt **io)
{
    struct store_stmt *q = *io;

    *io = NULL;
    if (q == NULL) {
        return;
    }
    if (!q->kept) {
        (void)sqlite3_finalize(q->stmt); /* as below */
        al_free(q);
        return;
    }
    (void)sqlite3_reset(q->stmt); /* repeats the last step's failure, which was told */
    (void)sqlite3_clear_bindings(q->stmt);
    q->busy = false;
}

int
store_step(struct store_stmt *q, bool *ret_row, struct al_fail *fail)
{
    int rc = q->rc;

    if (rc == SQLITE_OK) {
        rc = sqlite3_step(q->stmt);
    }
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
        return store_failed(q->store, rc, fail);
    }
    *ret_row = rc == SQLITE_ROW;
    return AL_OK;
}

int
store_step_one(struct store_stmt *q, const char *what, struct al_fail *fail)
{
    bool row = false;

    AL_TRY(store_step(q, &row, fail));
    return row ? AL_OK : al_fail_set(fail, AL_ENOENT, 0, "no such %s", what);
}

int
store_each_text(struct store_stmt *q, int (*each)(void *ctx, const char *), void *ctx,
                struct al_fail *fail)
{
    bool row = false;

    for (;;) {
        AL_TRY(store_step(q, &row, fail));
        if (!row) {
            return AL_OK;
        }
        AL_TRY(each(ctx, store_col_text(q, 0)));
    }
}

int
store_each_pair(struct store_stmt *q, int (*each)(void *ctx, const char *, const char *), void *ctx,
                struct al_fail *fail)
{
    bool row = false;

    for (;;) {
        AL_TRY(store_step(q, &row, fail));
        if (!row) {
            return AL_OK;
        }
        AL_TRY(each(ctx, store_col_text(q, 0), store_col_text(q, 1)));
    }
}

int
store_run_args(struct store *s, struct al_fail *fail, const char *sql, const struct store_arg *args,
               size_t count)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;
    bool row = false;

    AL_TRY(store_query_args(s, fail, &q, sql, args, count));
    do {
        AL_TRY(store_step(q, &row, fail));
    } while (row);
    return AL_OK;
}

int
store_number_args(struct store *s, struct al_fail *fail, uint64_t *ret, const char *sql,
                  const struct store_arg *args, size_t count)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;

    AL_TRY(store_query_args(s, fail, &q, sql, args, count));
    AL_TRY(store_step_one(q, "row", fail));
    *ret = store_col_u64(q, 0);
    return AL_OK;
}

uint64_t
store_changes(const struct store *s)
{
    return (uint64_t)sqlite3_changes64(s->sql);
}

int
store_need_change(const struct store *s, const char *what, struct al_fail *fail)
{
    if (store_changes(s) == 0) {
        return al_fail_set(fail, AL_ENOENT, 0, "no such %s", what);
    }
    return AL_OK;
}

/* ---- columns ---- */

const char *
store_col_text(struct store_stmt *q, int at)
{
    const char *text = (const char *)sqlite3_column_text(q->stmt, at);

    return text != NULL ? text : "";
}

struct al_span
store_col_span(struct store_stmt *q, int at)
{
    struct al_span s = {NULL, 0};

    if (sqlite3_column_type(q->stmt, at) == SQLITE_NULL) {
        return s;
    }
    s.at = sqlite3_column_blob(q->stmt, at);
    s.len = (size_t)sqlite3_column_bytes(q->stmt, at);
    if (s.at == NULL) { /* SQLite's way to say empty */
        s.at = (const uint8_t *)"";
        s.len = 0;
    }
    return s;
}

int64_t
store_col_i64(struct store_stmt *q, int at)
{
    return sqlite3_column_int64(q->stmt, at);
}

uint64_t
store_col_u64(struct store_stmt *q, int at)
{
    int64_t v = sqlite3_column_int64(q->stmt, at);

    return v < 0 ? 0 : (uint64_t)v;
}

bool
store_col_null(struct store_stmt *q, int at)
{
    return sqlite3_column_type(q->stmt, at) == SQLITE_NULL;
}

void
store_col_id(struct store_stmt *q, int at, al_id ret)
{
    const char *text = store_col_text(q, at);

    (void)snprintf(ret, AL_ID_LEN + 1, "%s", text);
}

int
store_col_hash(struct store_stmt *q, int at, uint8_t ret[STORE_HASH_LEN], struct al_fail *fail)
{
    struct al_span s = store_col_span(q, at);

    if (s.len != STORE_HASH_LEN) {
        return al_fail_set(fail, AL_ECORRUPT, 0, "the store: a hash of %zu bytes", s.len);
    }
    memcpy(ret, s.at, STORE_HASH_LEN);
    return AL_OK;
}

int
store_col_dup(struct store_stmt *q, int at, struct al_arena *a, const char **ret)
{
    char *copy;

    if (store_col_null(q, at)) {
        *ret = NULL;
        return AL_OK;
    }
    copy = al_arena_str(a, store_col_text(q, at));
    if (copy == NULL) {
        return AL_ENOMEM;
    }
    *ret = copy;
    return AL_OK;
}

int
store_col_dup_span(struct store_stmt *q, int at, struct al_arena *a, struct al_span *ret)
{
    struct al_span s = store_col_span(q, at), copy = {NULL, 0};

    if (s.at != NULL) {
        copy = al_arena_span(a, s);
        if (copy.at == NULL && s.len > 0) {
            return AL_ENOMEM;
        }
        if (copy.at == NULL) {
            copy.at = (const uint8_t *)"";
        }
    }
    *ret = copy;
    return AL_OK;
}
