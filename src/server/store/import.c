#include "server/store/import.h"

#include <string.h>

#include "server/store/store_priv.h"

#define OLD_AT_ONCE 64 /* rows of one look at what is old */

static const char *const state_names[STORE_IM_STATES] = {
    [STORE_IM_UPLOADING] = "uploading", [STORE_IM_READY] = "ready",
    [STORE_IM_RUNNING] = "running",     [STORE_IM_DONE] = "done",
    [STORE_IM_FAILED] = "failed",       [STORE_IM_CANCELLED] = "cancelled",
};

const char *
store_import_state_name(enum store_import_state state)
{
    return (unsigned)state < STORE_IM_STATES ? state_names[state] : "unknown";
}

static enum store_import_state
state_of(const char *text)
{
    for (unsigned i = 0; i < STORE_IM_STATES; i++) {
        if (strcmp(state_names[i], text) == 0) {
            return (enum store_import_state)i;
        }
    }
    return STORE_IM_FAILED;
}

/* ---- as JSON ---- */

#define COMMON_FIELDS                                                                              \
    {"id", "t.id", STORE_K_TEXT}, {"customer_id", "t.customer_id", STORE_K_TEXT},                  \
        {"volume_id", "t.volume_id", STORE_K_TEXT}, {"name", "t.name", STORE_K_TEXT},              \
        {"state", "t.state", STORE_K_TEXT}, {"size", "t.size", STORE_K_INT},                       \
        {"received", "t.received", STORE_K_INT}, {"options", "t.options", STORE_K_JSON},           \
        {"phase", "t.phase", STORE_K_TEXT}, {"bytes_done", "t.bytes_done", STORE_K_INT},           \
        {"rows", "t.rows", STORE_K_INT}, {"refused", "t.refused", STORE_K_INT},                    \
        {"rows_per_s", "t.rows_per_s", STORE_K_INT},                                               \
        {"result", "coalesce(t.result,'null')", STORE_K_JSON}, {"code", "t.code", STORE_K_TEXT},   \
        {"text", "t.text", STORE_K_TEXT}, {"kept", "t.kept", STORE_K_BOOL},                        \
        {"created_by", "t.created_by", STORE_K_TEXT},                                              \
        {"created_at", "t.created_ns", STORE_K_TIME},                                              \
        {"started_at", "t.started_ns", STORE_K_TIME}, {"ended_at", "t.ended_ns", STORE_K_TIME},    \
    {                                                                                              \
        "version", "t.version", STORE_K_INT                                                        \
    }

static const struct store_field short_fields[] = {COMMON_FIELDS};
static const struct store_field whole_fields[] = {
    COMMON_FIELDS, {"look", "coalesce(t.look,'null')", STORE_K_JSON}};
static const struct store_filter_kind filters[] = {
    {"customer_id", "t.customer_id", STORE_T_EQ, STORE_K_TEXT},
    {"volume_id", "t.volume_id", STORE_T_EQ, STORE_K_TEXT},
    {"state", "t.state", STORE_T_EQ, STORE_K_TEXT},
};
#define NOUN(list)                                                                                 \
    {                                                                                              \
        .what = "import", .from = "import t", .id = "t.id", .customer = "t.customer_id",           \
        .order = "t.id", .order_kind = STORE_K_TEXT, .newest_first = true, .version = "t.version", \
        .fields = (list), .field_count = AL_LEN(list), .filters = filters,                         \
        .filter_count = AL_LEN(filters),                                                           \
    }
const struct store_noun store_imports = NOUN(short_fields);
const struct store_noun store_imports_whole = NOUN(whole_fields);

/* ---- one ---- */

int
store_import_add(struct store *s, const struct scope *scope, const struct store_import *m,
                 struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    if (!scope_sees(scope, m->customer_id)) {
        return al_fail_set(fail, AL_ENOENT, 0, "no such customer");
    }
    return store_run(
        s, fail,
        "INSERT INTO import(id, customer_id, volume_id, name, state, size, options, source,"
        " source_ns, source_left, created_by, created_ns, touched_ns)"
        " VALUES(?1,?2,?3,?4,'uploading',?5,?6,?7,?8,?7<>'',?9,?10,?10)",
        S_TEXT(m->id), S_TEXT(m->customer_id), S_TEXT(m->volume_id), S_TEXT(m->name),
        S_U64(m->size), S_TEXT(m->options), S_TEXT(m->source == NULL ? "" : m->source),
        S_I64(m->source_ns), S_TEXT(m->created_by), S_I64(m->created_ns));
}

#define COLUMNS                                                                                    \
    "id, customer_id, volume_id, name, state, size, received, options, look, problem, cancel, "    \
    "kept, text, source, source_ns, source_left, created_by, created_ns, touched_ns, "             \
    "started_ns, ended_ns, version"

static int
load(struct store_stmt *q, struct al_arena *a, struct store_import *ret)
{
    struct store_import m = {0};

    store_col_id(q, 0, m.id);
    store_col_id(q, 1, m.customer_id);
    store_col_id(q, 2, m.volume_id);
    AL_TRY(store_col_dup(q, 3, a, &m.name));
    m.state = state_of(store_col_text(q, 4));
    m.size = store_col_u64(q, 5);
    m.received = store_col_u64(q, 6);
    AL_TRY(store_col_dup(q, 7, a, &m.options));
    AL_TRY(store_col_dup(q, 8, a, &m.look));
    m.problem = store_col_i64(q, 9) != 0;
    m.cancel = store_col_i64(q, 10) != 0;
    m.kept = store_col_i64(q, 11) != 0;
    AL_TRY(store_col_dup(q, 12, a, &m.text));
    AL_TRY(store_col_dup(q, 13, a, &m.source));
    m.source_ns = store_col_i64(q, 14);
    m.source_left = store_col_i64(q, 15) != 0;
    AL_TRY(store_col_dup(q, 16, a, &m.created_by));
    m.created_ns = store_col_i64(q, 17);
    m.touched_ns = store_col_i64(q, 18);
    m.started_ns = store_col_i64(q, 19);
    m.ended_ns = store_col_i64(q, 20);
    m.version = store_col_u64(q, 21);
    *ret = m;
    return AL_OK;
}

int
store_import_get(struct store *s, const struct scope *scope, const char *id, struct al_arena *a,
                 struct store_import *ret, struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;

    AL_TRY(store_query(s, fail, &q, "SELECT " COLUMNS " FROM import WHERE id=?1" STORE_SCOPE(2, 3),
                       S_TEXT(id), S_SCOPE(scope)));
    AL_TRY(store_step_one(q, "import", fail));
    return load(q, a, ret);
}

/* The statement changed nothing: the import is not there, or in another state. */
static int
need_state(struct store *s, const struct scope *scope, const char *id, const char *sentence,
           struct al_fail *fail)
{
    uint64_t there;

    if (store_changes(s) > 0) {
        return AL_OK;
    }
    AL_TRY(store_number(s, fail, &there,
                        "SELECT EXISTS(SELECT 1 FROM import WHERE id=?1" STORE_SCOPE(2, 3) ")",
                        S_TEXT(id), S_SCOPE(scope)));
    return there == 0 ? al_fail_set(fail, AL_ENOENT, 0, "no such import")
                      : al_fail_set(fail, AL_ECONFLICT, 0, "%s", sentence);
}

int
store_import_received(struct store *s, const struct scope *scope, const char *id,
                      const struct store_import_piece *p, int64_t now_ns, struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_run(
        s, fail,
        "UPDATE import SET received=?5, look=?6, options=coalesce(?7, options), problem=?8,"
        " state=iif(?6 IS NULL,'uploading','ready'), touched_ns=?9, version=version+1"
        " WHERE id=?1 AND state='uploading' AND received=?4" STORE_SCOPE(2, 3),
        S_TEXT(id), S_SCOPE(scope), S_U64(p->from), S_U64(p->received), S_TEXT(p->look),
        S_TEXT(p->options), S_BOOL(p->problem), S_I64(now_ns)));
    return need_state(s, scope, id, "this import takes no bytes at that offset any more", fail);
}

int
store_import_looked(struct store *s, const struct scope *scope, const char *id, const char *options,
                    const char *look, bool problem, int64_t now_ns, struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_run(
        s, fail,
        "UPDATE import SET state='ready', options=?4, look=?5, problem=?6, touched_ns=?7,"
        " phase='', bytes_done=0, rows=0, refused=0, rows_per_s=0, result=NULL, code=NULL,"
        " text='', started_ns=0, ended_ns=0, cancel=0, version=version+1 WHERE id=?1 AND kept=1"
        " AND received=size AND state IN ('ready','failed','cancelled')" STORE_SCOPE(2, 3),
        S_TEXT(id), S_SCOPE(scope), S_TEXT(options), S_TEXT(look), S_BOOL(problem), S_I64(now_ns)));
    return need_state(s, scope, id,
                      "only an import whose file is whole and that is not running or done can be "
                      "looked at anew",
                      fail);
}

int
store_import_run(struct store *s, const struct scope *scope, const char *id, int64_t now_ns,
                 struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_run(
        s, fail,
        "UPDATE import SET state='running', phase='waiting', cancel=0, bytes_done=0, rows=0,"
        " refused=0, rows_per_s=0, result=NULL, code=NULL, text='', started_ns=0, ended_ns=0,"
        " touched_ns=?4, version=version+1 WHERE id=?1 AND kept=1 AND received=size AND problem=0"
        " AND state IN ('ready','failed','cancelled')" STORE_SCOPE(2, 3),
        S_TEXT(id), S_SCOPE(scope), S_I64(now_ns)));
    return need_state(s, scope, id,
                      "only an import whose file is whole, whose look has no problem and that is "
                      "not running or done can be run",
                      fail);
}

int
store_import_cancel(struct store *s, const struct scope *scope, const char *id, int64_t now_ns,
                    bool *ret_ended, struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_run(
        s, fail,
        "UPDATE import SET state='cancelled', code='cancelled', ended_ns=?4,"
        " touched_ns=?4, phase='', version=version+1 WHERE id=?1"
        " AND (state IN ('uploading','ready') OR (state='running' AND started_ns=0))" STORE_SCOPE(
            2, 3),
        S_TEXT(id), S_SCOPE(scope), S_I64(now_ns)));
    *ret_ended = store_changes(s) > 0;
    if (*ret_ended) {
        return AL_OK;
    }
    AL_TRY(store_run(s, fail,
                     "UPDATE import SET cancel=1, version=version+1 WHERE id=?1"
                     " AND state='running'" STORE_SCOPE(2, 3),
                     S_TEXT(id), S_SCOPE(scope)));
    return need_state(s, scope, id, "this import is over", fail);
}

int
store_import_progress(struct store *s, const struct scope *scope, const char *id,
                      const struct store_import_progress *p, int64_t now_ns, struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    AL_TRY(
        store_run(s, fail,
                  "UPDATE import SET phase=?4, bytes_done=?5, rows=?6, refused=?7, rows_per_s=?8,"
                  " started_ns=iif(started_ns=0,?9,started_ns) WHERE id=?1"
                  " AND state='running'" STORE_SCOPE(2, 3),
                  S_TEXT(id), S_SCOPE(scope), S_TEXT(p->phase), S_U64(p->bytes_done),
                  S_U64(p->rows), S_U64(p->refused), S_U64(p->rows_per_s), S_I64(now_ns)));
    return need_state(s, scope, id, "this import is not running", fail);
}

int
store_import_end(struct store *s, const struct scope *scope, const char *id,
                 const struct store_import_end *e, int64_t now_ns, struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_run(s, fail,
                     "UPDATE import SET state=?4, code=?5, text=?6, result=?7, rows=?8, refused=?9,"
                     " ended_ns=?10, touched_ns=?10, phase='', rows_per_s=0, version=version+1,"
                     " bytes_done=iif(?4='done',size,bytes_done),"
                     " started_ns=iif(started_ns=0,?10,started_ns)"
                     " WHERE id=?1 AND (state='running' OR (state IN ('uploading','ready')"
                     " AND ?4='failed'))" STORE_SCOPE(2, 3),
                     S_TEXT(id), S_SCOPE(scope), S_TEXT(store_import_state_name(e->state)),
                     S_TEXT(e->code), S_TEXT(e->text), S_TEXT(e->result), S_U64(e->rows),
                     S_U64(e->refused), S_I64(now_ns)));
    return need_state(s, scope, id, "this import is not running", fail);
}

int
store_import_del(struct store *s, const struct scope *scope, const char *id, struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_run(s, fail,
                     "DELETE FROM import WHERE id=?1 AND state<>'running'" STORE_SCOPE(2, 3),
                     S_TEXT(id), S_SCOPE(scope)));
    return need_state(s, scope, id, "this import is running: cancel it first", fail);
}

/* ---- many ---- */

int
store_import_use(struct store *s, const struct scope *scope, const char *customer_id,
                 struct store_import_use *ret, struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;

    AL_TRY(store_query(s, fail, &q,
                       "SELECT coalesce(sum(size),0),"
                       " coalesce(sum(iif(state='uploading',size-received,0)),0),"
                       " coalesce(sum(state IN ('uploading','ready')),0) FROM import"
                       " WHERE kept=1 AND (?1 IS NULL OR customer_id=?1)" STORE_SCOPE(2, 3),
                       S_ID(customer_id), S_SCOPE(scope)));
    AL_TRY(store_step_one(q, "import", fail));
    ret->bytes = store_col_u64(q, 0);
    ret->still = store_col_u64(q, 1);
    ret->open = store_col_u64(q, 2);
    return AL_OK;
}

int
store_import_each_running(struct store *s, const struct scope *scope,
                          int (*each)(void *ctx, const char *id, const char *volume_id), void *ctx,
                          struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;

    AL_TRY(store_query(s, fail, &q,
                       "SELECT id, volume_id FROM import WHERE state='running'" STORE_SCOPE(
                           1, 2) " ORDER BY touched_ns, id",
                       S_SCOPE(scope)));
    return store_each_pair(q, each, ctx, fail);
}

int
store_import_each_old(struct store *s, const struct scope *scope, int64_t before_ns,
                      int (*each)(void *ctx, const char *id, bool open), void *ctx,
                      struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;
    bool row;

    AL_TRY(store_query(
        s, fail, &q,
        "SELECT id, state IN ('uploading','ready') FROM import WHERE kept=1"
        " AND touched_ns<?1 AND state<>'running'" STORE_SCOPE(2, 3) " ORDER BY touched_ns LIMIT ?4",
        S_I64(before_ns), S_SCOPE(scope), S_I64(OLD_AT_ONCE)));
    for (;;) {
        AL_TRY(store_step(q, &row, fail));
        if (!row) {
            return AL_OK;
        }
        AL_TRY(each(ctx, store_col_text(q, 0), store_col_i64(q, 1) != 0));
    }
}

int
store_import_dropped(struct store *s, const struct scope *scope, const char *id,
                     struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    return store_run(s, fail,
                     "UPDATE import SET kept=0, version=version+1 WHERE id=?1"
                     " AND kept=1" STORE_SCOPE(2, 3),
                     S_TEXT(id), S_SCOPE(scope));
}

int
store_import_prune(struct store *s, const struct scope *scope, int64_t before_ns,
                   struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    return store_run(
        s, fail,
        "DELETE FROM import WHERE id IN (SELECT id FROM import WHERE kept=0"
        " AND source_left=0 AND ended_ns<>0 AND ended_ns<?1" STORE_SCOPE(2, 3) " LIMIT ?4)",
        S_I64(before_ns), S_SCOPE(scope), S_I64(OLD_AT_ONCE));
}

/* ---- the watched folder ---- */

int
store_import_of_source(struct store *s, const struct scope *scope, const char *volume_id,
                       const char *source, int64_t source_ns, uint64_t size, struct al_arena *a,
                       struct store_import *ret, struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;

    AL_TRY(store_query(
        s, fail, &q,
        "SELECT " COLUMNS " FROM import WHERE source_left=1 AND volume_id=?1"
        " AND source=?2 AND source_ns=?3 AND size=?4" STORE_SCOPE(5, 6) " ORDER BY id DESC LIMIT 1",
        S_TEXT(volume_id), S_TEXT(source), S_I64(source_ns), S_U64(size), S_SCOPE(scope)));
    AL_TRY(store_step_one(q, "import", fail));
    return load(q, a, ret);
}

int
store_import_source_moved(struct store *s, const struct scope *scope, const char *id,
                          struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    return store_run(s, fail, "UPDATE import SET source_left=0 WHERE id=?1" STORE_SCOPE(2, 3),
                     S_TEXT(id), S_SCOPE(scope));
}

int
store_import_each_left(struct store *s, const struct scope *scope,
                       int (*each)(void *ctx, const char *id, const char *source), void *ctx,
                       struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;

    AL_TRY(store_query(s, fail, &q,
                       "SELECT id, source FROM import WHERE source_left=1"
                       " AND state IN ('done','failed','cancelled')" STORE_SCOPE(1, 2),
                       S_SCOPE(scope)));
    return store_each_pair(q, each, ctx, fail);
}

int
store_import_each_cut(struct store *s, const struct scope *scope,
                      int (*each)(void *ctx, const char *id), void *ctx, struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;

    AL_TRY(store_query(
        s, fail, &q,
        "SELECT id FROM import WHERE state='uploading' AND source<>''" STORE_SCOPE(1, 2),
        S_SCOPE(scope)));
    return store_each_text(q, each, ctx, fail);
}

int
store_volume_by_names(struct store *s, const struct scope *scope, const char *customer,
                      const char *volume, al_id ret, struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;

    AL_TRY(store_query(s, fail, &q,
                       "SELECT v.id FROM volume v JOIN customer c ON c.id=v.customer_id"
                       " WHERE c.name=?1 AND v.name=?2 AND (?3 OR v.customer_id=?4)"
                       " ORDER BY v.name<>?2 COLLATE BINARY LIMIT 1",
                       S_TEXT(customer), S_TEXT(volume), S_SCOPE(scope)));
    AL_TRY(store_step_one(q, "volume", fail));
    store_col_id(q, 0, ret);
    return AL_OK;
}
