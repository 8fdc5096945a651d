/* store_priv.h: statements and migrations, for the files of src/server/store alone.
 *
 *   AL_CLEANUP(store_done) struct store_stmt *q = NULL;
 *   AL_TRY(store_query(s, fail, &q, "SELECT name FROM host WHERE id=?1", S_TEXT(id)));
 *   while ((rc = store_step(q, &row, fail)) == AL_OK && row) { ... store_col_text(q, 0) ... }
 *
 *   AL_TRY(store_run(s, fail, "UPDATE host SET name=?2 WHERE id=?1", S_TEXT(id), S_TEXT(name)));
 *
 * SQL texts are literals or built from tables, never from input: values are always bound. Each
 * connection keeps what it prepared, found again by the text. Parameters are numbered ?1 ... in the
 * order of the arguments. */
#ifndef ALTO_SERVER_STORE_STORE_PRIV_H
#define ALTO_SERVER_STORE_STORE_PRIV_H

#include <sqlite3.h>
#include <stdatomic.h>

#include "base/jsonout.h"
#include "port/thread.h"
#include "server/store/store.h"

/* prepared statements kept per connection; beyond: prepared and dropped */
#define STORE_STMTS_MAX 256u

/* Leaves the function with the code of a call that failed. */
#define AL_TRY(call)                                                                               \
    do {                                                                                           \
        int al_try_rc_ = (call);                                                                   \
        if (al_try_rc_ != AL_OK) {                                                                 \
            return al_try_rc_;                                                                     \
        }                                                                                          \
    } while (0)

struct store_db {
    struct port *port;
    struct al_log *log;
    char *path;
    port_mutex write_lock; /* one writer of this process at a time: no polling for SQLite's lock */
    atomic_uint writers;   /* who holds or waits for it */
};

struct store_stmt {
    struct store *store;
    sqlite3_stmt *stmt;
    uint64_t hash; /* of the text */
    int rc;        /* first failure of a bind; comes out of store_step */
    bool kept, busy;
};

struct store_chain { /* head of the chain last written to, flushed before the commit */
    bool loaded, dirty;
    char customer_id[AL_ID_LEN + 1];
    uint64_t seq;
    uint8_t hash[STORE_HASH_LEN];
};

struct store {
    struct store_db *db;
    sqlite3 *sql;
    /* prepared at the start, so that it works when there is no memory left */
    sqlite3_stmt *rollback;
    struct store_stmt **stmts; /* open table by hash, STORE_STMTS_MAX * 2 places */
    size_t stmt_count;
    bool in_tx;
    uint32_t events;
    al_id last_event, last_event_customer;
    struct store_chain chain;
    struct al_buf text; /* scratch for canonical events and list queries */
};

/* ---- values ---- */
enum store_arg_kind { STORE_A_NULL, STORE_A_TEXT, STORE_A_INT, STORE_A_BLOB };
struct store_arg {
    enum store_arg_kind kind;
    const char *text;
    int64_t number;
    struct al_span blob;
};
struct store_arg store_arg_u64(uint64_t v); /* above INT64_MAX: INT64_MAX */
#define S_TEXT(t) ((struct store_arg){.kind = STORE_A_TEXT, .text = (t)}) /* NULL: NULL */
#define S_ID(t) (store_arg_id(t))                                         /* NULL or "": NULL */
#define S_I64(n) ((struct store_arg){.kind = STORE_A_INT, .number = (n)})
#define S_U64(n) (store_arg_u64(n))
#define S_BOOL(b) ((struct store_arg){.kind = STORE_A_INT, .number = (b) ? 1 : 0})
/* p NULL: NULL */
#define S_BLOB(p, n) ((struct store_arg){.kind = STORE_A_BLOB, .blob = {(p), (n)}})
#define S_SPAN(s) ((struct store_arg){.kind = STORE_A_BLOB, .blob = (s)})
#define S_NULL ((struct store_arg){.kind = STORE_A_NULL})
struct store_arg store_arg_id(const char *id);

/* ---- statements ---- */
int store_query_args(struct store *s, struct al_fail *fail, struct store_stmt **ret,
                     const char *sql, const struct store_arg *args, size_t count) AL_MUST_CHECK;
int store_run_args(struct store *s, struct al_fail *fail, const char *sql,
                   const struct store_arg *args, size_t count) AL_MUST_CHECK;
#define STORE_ARGS(...)                                                                            \
    (const struct store_arg[]){__VA_ARGS__},                                                       \
        sizeof((const struct store_arg[]){__VA_ARGS__}) / sizeof(struct store_arg)
#define store_query(s, fail, ret, sql, ...)                                                        \
    store_query_args(s, fail, ret, sql, STORE_ARGS(__VA_ARGS__))
/* Runs it to its end. */
#define store_run(s, fail, sql, ...) store_run_args(s, fail, sql, STORE_ARGS(__VA_ARGS__))
/* Next row: *ret_row false at the end. */
int store_step(struct store_stmt *q, bool *ret_row, struct al_fail *fail) AL_MUST_CHECK;
/* Exactly one row, or AL_ENOENT with the sentence "no such <what>". */
int store_step_one(struct store_stmt *q, const char *what, struct al_fail *fail) AL_MUST_CHECK;
/* The first column of each row, or the first two, as texts; ends with the first failure of `each`. */
int store_each_text(struct store_stmt *q, int (*each)(void *ctx, const char *), void *ctx,
                    struct al_fail *fail) AL_MUST_CHECK;
int store_each_pair(struct store_stmt *q, int (*each)(void *ctx, const char *, const char *),
                    void *ctx, struct al_fail *fail) AL_MUST_CHECK;
/* Starts the same statement again with other values (for loops of inserts). */
void store_again(struct store_stmt *q, const struct store_arg *args, size_t count);
void store_done(struct store_stmt **q);        /* for AL_CLEANUP: back to the cache */
uint64_t store_changes(const struct store *s); /* rows of the last statement that changed some */
/* One number of one row; AL_ENOENT without a row. */
int store_number_args(struct store *s, struct al_fail *fail, uint64_t *ret, const char *sql,
                      const struct store_arg *args, size_t count) AL_MUST_CHECK;
#define store_number(s, fail, ret, sql, ...)                                                       \
    store_number_args(s, fail, ret, sql, STORE_ARGS(__VA_ARGS__))

/* Columns of the row a step gave; borrowed until the next step. */
const char *store_col_text(struct store_stmt *q, int at); /* "" for NULL */
/* text or blob as bytes; .at NULL for NULL */
struct al_span store_col_span(struct store_stmt *q, int at);
int64_t store_col_i64(struct store_stmt *q, int at);
uint64_t store_col_u64(struct store_stmt *q, int at);
bool store_col_null(struct store_stmt *q, int at);
void store_col_id(struct store_stmt *q, int at, al_id ret); /* "" for NULL */
/* AL_ECORRUPT */
int store_col_hash(struct store_stmt *q, int at, uint8_t ret[STORE_HASH_LEN],
                   struct al_fail *fail) AL_MUST_CHECK;
/* Copies into the arena: *ret NULL for NULL. AL_ENOMEM. */
int store_col_dup(struct store_stmt *q, int at, struct al_arena *a, const char **ret) AL_MUST_CHECK;
int store_col_dup_span(struct store_stmt *q, int at, struct al_arena *a,
                       struct al_span *ret) AL_MUST_CHECK;

/* Our code of a SQLite result, with its sentence in fail. */
int store_failed(struct store *s, int sqlite_rc, struct al_fail *fail);
/* AL_EINTERNAL unless a transaction is open. */
int store_need_tx(const struct store *s, struct al_fail *fail) AL_MUST_CHECK;
/* AL_ENOENT "no such <what>" unless the last statement changed a row. */
int store_need_change(const struct store *s, const char *what, struct al_fail *fail) AL_MUST_CHECK;
/* Scope as the two last values of a statement: `(?a OR customer_id=?b)`; see STORE_SCOPE. */
/* An empty customer becomes NULL, which equals nothing: an empty scope sees nothing. */
#define S_SCOPE(scope) S_BOOL((scope)->all), S_ID((scope)->customer_id)
#define STORE_SCOPE(all_at, id_at) " AND (?" #all_at " OR customer_id=?" #id_at ")"

/* Refuses with AL_ECONFLICT when one of the counts (SQL with ?1 = id) is not 0: "this host still
 * has 2 volumes". */
struct store_dependant {
    const char *sql;
    const char *one, *many;
};
int store_refuse(struct store *s, const char *what, const char *id,
                 const struct store_dependant *list, size_t count,
                 struct al_fail *fail) AL_MUST_CHECK;

/* Writes the chain's head back; store_commit calls it. */
int store_chain_flush(struct store *s, struct al_fail *fail) AL_MUST_CHECK;

/* An expression: the time of a column of nanoseconds as text for a JSON object, NULL for 0. */
#define STORE_TIME_TEXT(column)                                                                    \
    "iif(" column "=0, NULL, strftime('%Y-%m-%dT%H:%M:%SZ', " column "/1000000000, 'unixepoch'))"

/* ---- nouns as JSON ---- */
enum store_kind {
    STORE_K_TEXT,  /* NULL: null */
    STORE_K_BYTES, /* byte string: KEY and, where needed, KEY_b64 */
    STORE_K_INT,   /* NULL: null */
    STORE_K_BOOL,
    STORE_K_TIME, /* nanoseconds; NULL or 0: null */
    STORE_K_JSON, /* text that is JSON */
    STORE_K_HEX   /* blob */
};
struct store_field {
    const char *key; /* in the JSON object */
    const char *sql; /* an expression over the noun's tables */
    enum store_kind kind;
};
enum store_test {
    STORE_T_EQ,
    STORE_T_EQ_NOCASE,
    STORE_T_CONTAINS,
    STORE_T_FROM /* >= */,
    STORE_T_TO /* < */
};
struct store_filter_kind {
    const char *name; /* of the query parameter */
    const char *sql;  /* an expression */
    enum store_test test;
    enum store_kind kind; /* TEXT, INT, BOOL ("true"/"false") or TIME */
};
struct store_noun {
    const char *what;     /* "host" */
    const char *from;     /* "host t LEFT JOIN ..." */
    const char *id;       /* "t.id" */
    const char *customer; /* "t.customer_id" */
    /* a unique expression of kind order_kind, with an index that begins with it or with a filter's
     * column */
    const char *order;
    enum store_kind order_kind; /* TEXT or INT */
    bool newest_first;
    const char *version; /* "t.version"; NULL: none */
    const struct store_field *fields;
    size_t field_count;
    const struct store_filter_kind *filters;
    size_t filter_count;
};
int store_row_json(struct store_stmt *q, int first_column, const struct store_field *fields,
                   size_t count, struct al_jsonout *j) AL_MUST_CHECK;

/* Jobs that are not over, and works that an agent holds or held, as lists of states: the words of
 * the partial indexes job_open and work_lease, which serve only queries that say the same. */
#define STORE_JOB_OPEN "('queued','running','suspended','paused')"
#define STORE_WORK_LENT "('leased','dropped','pausing','leaving')"

#define STORE_REF_COLUMNS "w.id, w.job_id, w.customer_id, w.host_id, w.share_id, w.kind, w.lost"
struct store_work_ref;
int store_work_refs(struct store_stmt *q, struct al_arena *a, struct store_work_ref **ret,
                    size_t *ret_count, struct al_fail *fail) AL_MUST_CHECK;

/* ---- migrations: never edited once released, only added; applied in order, each in a transaction
 * with its record ---- */
struct store_migration {
    unsigned number;
    const char *name;
    const char *sql; /* several statements */
};
extern const struct store_migration store_schema_core, store_schema_work, store_schema_series,
    store_schema_news, store_schema_trouble, store_schema_bodies, store_schema_acts,
    store_schema_reconcile, store_schema_rules;
extern const struct store_migration store_schema_import, store_schema_access, store_schema_archive,
    store_schema_found, store_schema_skipped, store_schema_driver, store_schema_wire,
    store_schema_scan, store_schema_share_test, store_schema_orphan;
const struct store_migration *const *store_migrations(size_t *ret_count);
int store_migrate(struct store *s, const struct store_migration *const *list, size_t count,
                  struct al_fail *fail) AL_MUST_CHECK;

#endif
