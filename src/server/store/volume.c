#include "server/store/store_priv.h"

int
store_volume_add(struct store *s, const struct scope *scope, const struct store_volume *v,
                 struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    if (!scope_sees(scope, v->customer_id)) {
        return al_fail_set(fail, AL_ENOENT, 0, "no such customer");
    }
    return store_run(
        s, fail,
        "INSERT INTO volume(id, customer_id, host_id, share_id, name, path, kind, state,"
        " marker_key_sealed, created_ns, audit) VALUES(?1,?2,?3,?4,?5,?6,?7,'unknown',?8,?9,?10)",
        S_TEXT(v->id), S_ID(v->customer_id), S_ID(v->host_id), S_ID(v->share_id), S_TEXT(v->name),
        S_TEXT(v->path), S_TEXT(v->kind), S_SPAN(v->marker_key_sealed), S_I64(v->created_ns),
        S_TEXT(v->audit));
}

#define COLUMNS                                                                                    \
    "id, customer_id, host_id, share_id, name, path, kind, state, state_text, marker_key_sealed, " \
    "files, bytes, allocated, stub_files, stub_bytes, freed_bytes, last_scan_ns, created_ns, "     \
    "version, bytes_total, bytes_free, space_ns, audit"

static int
load(struct store_stmt *q, struct al_arena *a, struct store_volume *ret)
{
    struct store_volume v = {0};

    store_col_id(q, 0, v.id);
    store_col_id(q, 1, v.customer_id);
    store_col_id(q, 2, v.host_id);
    store_col_id(q, 3, v.share_id);
    AL_TRY(store_col_dup(q, 4, a, &v.name));
    AL_TRY(store_col_dup(q, 5, a, &v.path));
    AL_TRY(store_col_dup(q, 6, a, &v.kind));
    AL_TRY(store_col_dup(q, 7, a, &v.state));
    AL_TRY(store_col_dup(q, 8, a, &v.state_text));
    AL_TRY(store_col_dup_span(q, 9, a, &v.marker_key_sealed));
    v.files = store_col_u64(q, 10);
    v.bytes = store_col_u64(q, 11);
    v.allocated = store_col_u64(q, 12);
    v.stub_files = store_col_u64(q, 13);
    v.stub_bytes = store_col_u64(q, 14);
    v.freed_bytes = store_col_u64(q, 15);
    v.last_scan_ns = store_col_i64(q, 16);
    v.created_ns = store_col_i64(q, 17);
    v.version = store_col_u64(q, 18);
    v.bytes_total = store_col_u64(q, 19);
    v.bytes_free = store_col_u64(q, 20);
    v.space_ns = store_col_i64(q, 21);
    AL_TRY(store_col_dup(q, 22, a, &v.audit));
    *ret = v;
    return AL_OK;
}

int
store_volume_get(struct store *s, const struct scope *scope, const char *id, struct al_arena *a,
                 struct store_volume *ret, struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;

    AL_TRY(store_query(s, fail, &q, "SELECT " COLUMNS " FROM volume WHERE id=?1" STORE_SCOPE(2, 3),
                       S_TEXT(id), S_SCOPE(scope)));
    AL_TRY(store_step_one(q, "volume", fail));
    return load(q, a, ret);
}

int
store_volume_set(struct store *s, const struct scope *scope, const struct store_volume *v,
                 struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_run(s, fail,
                     "UPDATE volume SET name=?4, share_id=?5, audit=?6, version=version+1"
                     " WHERE id=?1" STORE_SCOPE(2, 3),
                     S_TEXT(v->id), S_SCOPE(scope), S_TEXT(v->name), S_ID(v->share_id),
                     S_TEXT(v->audit)));
    return store_need_change(s, "volume", fail);
}

int
store_volume_del(struct store *s, const struct scope *scope, const char *id, struct al_fail *fail)
{
    static const struct store_dependant dependants[] = {
        {"SELECT stub_files FROM volume WHERE id=?1", "stub, which nothing could recall any more",
         "stubs, which nothing could recall any more"},
        {"SELECT count(*) FROM rule WHERE volume_id=?1", "rule", "rules"},
        {"SELECT count(*) FROM job WHERE volume_id=?1 AND state IN " STORE_JOB_OPEN,
         "job that is not over", "jobs that are not over"},
        {"SELECT count(*) FROM import WHERE volume_id=?1 AND state='running'",
         "import that is running", "imports that are running"},
    };
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;

    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_query(s, fail, &q, "SELECT 1 FROM volume WHERE id=?1" STORE_SCOPE(2, 3),
                       S_TEXT(id), S_SCOPE(scope)));
    AL_TRY(store_step_one(q, "volume", fail));
    AL_TRY(store_refuse(s, "volume", id, dependants, AL_LEN(dependants), fail));
    return store_run(s, fail, "DELETE FROM volume WHERE id=?1" STORE_SCOPE(2, 3), S_TEXT(id),
                     S_SCOPE(scope));
}

int
store_volume_state(struct store *s, const struct scope *scope, const char *id, const char *state,
                   const char *text, struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_run(
        s, fail,
        "UPDATE volume SET state=?4, state_text=coalesce(?5, '') WHERE id=?1" STORE_SCOPE(2, 3),
        S_TEXT(id), S_SCOPE(scope), S_TEXT(state), S_TEXT(text)));
    return store_need_change(s, "volume", fail);
}

int
store_volume_figures(struct store *s, const struct scope *scope, const struct store_volume *v,
                     struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_run(
        s, fail,
        "UPDATE volume SET files=?4, bytes=?5, allocated=?6, stub_files=?7, stub_bytes=?8,"
        " freed_bytes=?9, last_scan_ns=?10 WHERE id=?1" STORE_SCOPE(2, 3),
        S_TEXT(v->id), S_SCOPE(scope), S_U64(v->files), S_U64(v->bytes), S_U64(v->allocated),
        S_U64(v->stub_files), S_U64(v->stub_bytes), S_U64(v->freed_bytes), S_I64(v->last_scan_ns)));
    return store_need_change(s, "volume", fail);
}

int
store_volume_space(struct store *s, const struct scope *scope, const char *host_id, const char *id,
                   uint64_t total, uint64_t free, int64_t now_ns, struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    return store_run(s, fail,
                     "UPDATE volume SET bytes_total=?5, bytes_free=?6, space_ns=?7"
                     " WHERE id=?1 AND host_id=?2" STORE_SCOPE(3, 4),
                     S_TEXT(id), S_TEXT(host_id), S_SCOPE(scope), S_U64(total), S_U64(free),
                     S_I64(now_ns));
}

int
store_volume_each(struct store *s, const struct scope *scope, const char *host_id,
                  const char *share_id, struct al_arena *a,
                  int (*each)(void *ctx, const struct store_volume *v), void *ctx,
                  struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;
    struct store_volume v;
    bool row = false;

    AL_TRY(store_query_args(
        s, fail, &q,
        host_id != NULL
            ? "SELECT " COLUMNS " FROM volume WHERE host_id=?1" STORE_SCOPE(2, 3) " ORDER BY id"
            : "SELECT " COLUMNS " FROM volume WHERE share_id=?1" STORE_SCOPE(2, 3) " ORDER BY id",
        STORE_ARGS(S_ID(host_id != NULL ? host_id : share_id), S_SCOPE(scope))));
    for (;;) {
        AL_TRY(store_step(q, &row, fail));
        if (!row) {
            return AL_OK;
        }
        AL_TRY(load(q, a, &v));
        AL_TRY(each(ctx, &v));
    }
}

/* How files of a volume go to a share, and why: stubs where the host holds them for sure, else
 * placeholders where there is a share, else nothing. A filespace that other hosts mount is never one
 * for stubs: nobody knows that each of them runs an agent. Of a host that has not told, or cannot see
 * the volume right now, stubs are expected as its kind has them. */
#define WAY(kind, reason) "json_object('kind', '" kind "', 'reasons', json_array(" reason "))"
#define WAY_SAID(otherwise) "CASE t.state_text WHEN '' THEN '" otherwise "' ELSE t.state_text END"
/* clang-format off */
#define WAY_SQL \
    "CASE WHEN t.share_id IS NULL THEN " \
        WAY("report", "'It has no share that files could go to.'") \
    " WHEN t.kind='lucidlink' THEN " \
        WAY("archive", "'Hosts without an agent may mount this filespace too; they would read zeros from stubs.'") \
    " WHEN t.state='ok' THEN " WAY("stub", "") \
    " WHEN t.state='tracked_only' THEN " WAY("archive", WAY_SAID("Its host says that it holds no stubs.")) \
    " WHEN t.kind<>'posix' THEN " \
        WAY("archive", WAY_SAID("Its host has not told yet whether it holds stubs.")) \
    " WHEN t.state='unknown' THEN " WAY("stub", "'Its host has not told yet whether it holds stubs.'") \
    " ELSE " WAY("stub", "t.state_text") " END"
/* clang-format on */

int
store_volume_way(struct store *s, const struct scope *scope, const char *id, struct al_arena *a,
                 const char **ret_kind, const char **ret_reason, struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;

    AL_TRY(store_query(s, fail, &q,
                       "SELECT json_extract(way, '$.kind'),"
                       " coalesce(json_extract(way, '$.reasons[0]'), '') FROM (SELECT " WAY_SQL
                       " AS way FROM volume t WHERE t.id=?1" STORE_SCOPE(2, 3) ")",
                       S_TEXT(id), S_SCOPE(scope)));
    AL_TRY(store_step_one(q, "volume", fail));
    AL_TRY(store_col_dup(q, 0, a, ret_kind));
    return store_col_dup(q, 1, a, ret_reason);
}

static const struct store_field fields[] = {
    {"id", "t.id", STORE_K_TEXT},
    {"customer_id", "t.customer_id", STORE_K_TEXT},
    {"host_id", "t.host_id", STORE_K_TEXT},
    {"share_id", "t.share_id", STORE_K_TEXT},
    {"name", "t.name", STORE_K_TEXT},
    {"path", "t.path", STORE_K_TEXT},
    {"kind", "t.kind", STORE_K_TEXT},
    {"state", "t.state", STORE_K_TEXT},
    {"state_text", "t.state_text", STORE_K_TEXT},
    {"way", WAY_SQL, STORE_K_JSON},
    {"files", "t.files", STORE_K_INT},
    {"bytes", "t.bytes", STORE_K_INT},
    {"allocated", "t.allocated", STORE_K_INT},
    {"stub_files", "t.stub_files", STORE_K_INT},
    {"stub_bytes", "t.stub_bytes", STORE_K_INT},
    {"freed_bytes", "t.freed_bytes", STORE_K_INT},
    {"last_scan_at", "t.last_scan_ns", STORE_K_TIME},
    {"bytes_total", "t.bytes_total", STORE_K_INT},
    {"bytes_free", "t.bytes_free", STORE_K_INT},
    {"space_at", "t.space_ns", STORE_K_TIME},
    {"audit", "coalesce(t.audit,'null')", STORE_K_JSON},
    {"created_at", "t.created_ns", STORE_K_TIME},
    {"version", "t.version", STORE_K_INT},
};

static const struct store_filter_kind filters[] = {
    {"customer_id", "t.customer_id", STORE_T_EQ, STORE_K_TEXT},
    {"host_id", "t.host_id", STORE_T_EQ, STORE_K_TEXT},
    {"share_id", "t.share_id", STORE_T_EQ, STORE_K_TEXT},
    {"name", "t.name", STORE_T_EQ_NOCASE, STORE_K_TEXT},
    {"state", "t.state", STORE_T_EQ, STORE_K_TEXT},
    {"q", "t.name", STORE_T_CONTAINS, STORE_K_TEXT},
};

const struct store_noun store_volumes = {
    .what = "volume",
    .from = "volume t",
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
