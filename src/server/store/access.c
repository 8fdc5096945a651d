#include "server/store/access.h"

#include "server/store/store_priv.h"

/* The row of a volume in scope is there afterwards. */
static int
row_of(struct store *s, const struct scope *scope, const char *volume_id, struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;

    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_query(s, fail, &q, "SELECT 1 FROM volume WHERE id=?1" STORE_SCOPE(2, 3),
                       S_TEXT(volume_id), S_SCOPE(scope)));
    AL_TRY(store_step_one(q, "volume", fail));
    return store_run(s, fail,
                     "INSERT INTO volume_access(volume_id, customer_id)"
                     " SELECT id, customer_id FROM volume WHERE id=?1 ON CONFLICT DO NOTHING",
                     S_TEXT(volume_id));
}

int
store_access_get(struct store *s, const struct scope *scope, const char *volume_id,
                 struct al_arena *a, struct store_access *ret, struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;
    struct store_access x = {0};

    AL_TRY(store_query(
        s, fail, &q,
        "SELECT v.id, v.customer_id, coalesce(x.state, 'untold'), coalesce(x.text, ''), x.since_ns,"
        " x.covered_ns, x.floor_ns, x.last_event_ns, x.told_ns, x.root, x.filespace,"
        " x.filespace_uuid, x.files, x.active_files, x.behind_bytes, coalesce(x.counts, '{}'),"
        " coalesce(x.sample_why, ''), x.sample, x.rejected, coalesce(x.samples, '[]') FROM volume v"
        " LEFT JOIN volume_access x ON x.volume_id=v.id"
        " WHERE v.id=?1 AND (?2 OR v.customer_id=?3)",
        S_TEXT(volume_id), S_SCOPE(scope)));
    AL_TRY(store_step_one(q, "volume", fail));
    store_col_id(q, 0, x.volume_id);
    store_col_id(q, 1, x.customer_id);
    AL_TRY(store_col_dup(q, 2, a, &x.state));
    AL_TRY(store_col_dup(q, 3, a, &x.text));
    x.since_ns = store_col_i64(q, 4);
    x.covered_ns = store_col_i64(q, 5);
    x.floor_ns = store_col_i64(q, 6);
    x.last_event_ns = store_col_i64(q, 7);
    x.told_ns = store_col_i64(q, 8);
    AL_TRY(store_col_dup_span(q, 9, a, &x.root));
    AL_TRY(store_col_dup_span(q, 10, a, &x.filespace));
    AL_TRY(store_col_dup_span(q, 11, a, &x.filespace_uuid));
    x.files = store_col_u64(q, 12);
    x.active_files = store_col_u64(q, 13);
    x.behind_bytes = store_col_u64(q, 14);
    AL_TRY(store_col_dup(q, 15, a, &x.counts));
    AL_TRY(store_col_dup(q, 16, a, &x.sample_why));
    AL_TRY(store_col_dup_span(q, 17, a, &x.sample));
    x.rejected = store_col_u64(q, 18);
    AL_TRY(store_col_dup(q, 19, a, &x.samples));
    *ret = x;
    return AL_OK;
}

/* An empty span is no NULL. */
static struct store_arg
bytes_of(struct al_span span)
{
    return span.len == 0 ? S_SPAN(al_span_of("")) : S_SPAN(span);
}

int
store_access_set(struct store *s, const struct scope *scope, const struct store_access *x,
                 struct al_fail *fail)
{
    AL_TRY(row_of(s, scope, x->volume_id, fail));
    return store_run(
        s, fail,
        "UPDATE volume_access SET state=?2, text=?3, since_ns=?4, covered_ns=?5, last_event_ns=?6,"
        " told_ns=?7, root=?8, filespace=?9, filespace_uuid=?10, files=?11, active_files=?12,"
        " behind_bytes=?13, counts=?14, sample_why=?15, sample=?16, samples=?17"
        " WHERE volume_id=?1",
        S_TEXT(x->volume_id), S_TEXT(x->state), S_TEXT(x->text), S_I64(x->since_ns),
        S_I64(x->covered_ns), S_I64(x->last_event_ns), S_I64(x->told_ns), bytes_of(x->root),
        bytes_of(x->filespace), bytes_of(x->filespace_uuid), S_U64(x->files),
        S_U64(x->active_files), S_U64(x->behind_bytes), S_TEXT(x->counts), S_TEXT(x->sample_why),
        bytes_of(x->sample), S_TEXT(x->samples == NULL ? "[]" : x->samples));
}

int
store_access_rejected(struct store *s, const struct scope *scope, const char *volume_id,
                      uint64_t more, struct al_fail *fail)
{
    AL_TRY(row_of(s, scope, volume_id, fail));
    return store_run(s, fail, "UPDATE volume_access SET rejected=rejected+?2 WHERE volume_id=?1",
                     S_TEXT(volume_id), S_U64(more));
}

int
store_access_floor(struct store *s, const struct scope *scope, const char *volume_id,
                   int64_t floor_ns, struct al_fail *fail)
{
    AL_TRY(row_of(s, scope, volume_id, fail));
    return store_run(s, fail,
                     "UPDATE volume_access SET floor_ns=max(floor_ns, ?2) WHERE volume_id=?1",
                     S_TEXT(volume_id), S_I64(floor_ns));
}

/* ---- nodes ---- */

int
store_access_node_set(struct store *s, const struct scope *scope, const char *volume_id,
                      const struct store_access_node *n, struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_run(
        s, fail,
        "INSERT INTO volume_access_node SELECT id, ?4, customer_id, ?5, ?6, ?7, ?8, ?9, ?10, ?11,"
        " ?12 FROM volume WHERE id=?1 AND (?2 OR customer_id=?3) ON CONFLICT(volume_id, node)"
        " DO UPDATE SET active=excluded.active, files=excluded.files,"
        " behind_bytes=excluded.behind_bytes, told_ns=excluded.told_ns,"
        /* What an agent that was started anew has not read again stays as it is known. */
        " host=CASE WHEN length(excluded.host)>0 THEN excluded.host"
        " ELSE volume_access_node.host END,"
        " user=CASE WHEN length(excluded.user)>0 THEN excluded.user"
        " ELSE volume_access_node.user END,"
        " last_event_ns=CASE WHEN excluded.last_event_ns>0 THEN excluded.last_event_ns"
        " ELSE volume_access_node.last_event_ns END,"
        " last_grown_ns=CASE WHEN excluded.last_grown_ns>0 THEN excluded.last_grown_ns"
        " ELSE volume_access_node.last_grown_ns END",
        S_TEXT(volume_id), S_SCOPE(scope), bytes_of(n->node), bytes_of(n->host), bytes_of(n->user),
        S_BOOL(n->active), S_U64(n->files), S_U64(n->behind_bytes), S_I64(n->last_event_ns),
        S_I64(n->last_grown_ns), S_I64(n->told_ns)));
    return store_need_change(s, "volume", fail);
}

int
store_access_nodes_cut(struct store *s, const struct scope *scope, const char *volume_id,
                       struct al_fail *fail)
{
    uint64_t count;

    AL_TRY(store_need_tx(s, fail));
    AL_TRY(
        store_number(s, fail, &count,
                     "SELECT count(*) FROM volume_access_node WHERE volume_id=?1" STORE_SCOPE(2, 3),
                     S_TEXT(volume_id), S_SCOPE(scope)));
    if (count <= STORE_ACCESS_NODES_MAX) {
        return AL_OK;
    }
    return store_run(
        s, fail,
        "DELETE FROM volume_access_node WHERE volume_id=?1" STORE_SCOPE(
            2, 3) " AND node IN (SELECT node FROM volume_access_node WHERE volume_id=?1"
                  " ORDER BY told_ns, node LIMIT ?4)",
        S_TEXT(volume_id), S_SCOPE(scope), S_U64(count - STORE_ACCESS_NODES_MAX));
}

#define OF_QUERY                                                                                   \
    " FROM volume_access_node WHERE volume_id=?1" STORE_SCOPE(                                     \
        2, 3) " AND (?4<0 OR active=?4)"                                                           \
              " AND (?5<0 OR (behind_bytes>0)=?5) AND (?6='' OR instr(lower(node), lower(?6))>0"   \
              " OR instr(lower(host), lower(?6))>0 OR instr(lower(user), lower(?6))>0)"
#define LIST                                                                                       \
    "SELECT node, host, user, active, files, behind_bytes, last_event_ns, last_grown_ns, "         \
    "told_ns" OF_QUERY " ORDER BY "
#define CUT ", node LIMIT ?7 OFFSET ?8"

int
store_access_nodes(struct store *s, const struct scope *scope, const char *volume_id,
                   const struct store_access_nodes_query *q,
                   int (*each)(void *ctx, const struct store_access_node *n), void *ctx,
                   struct al_fail *fail)
{
    static const char *const lists[STORE_AN_SORTS][2] = {
        [STORE_AN_NODE] = {LIST "node" CUT, LIST "node DESC" CUT},
        [STORE_AN_HOST] = {LIST "host" CUT, LIST "host DESC" CUT},
        [STORE_AN_USER] = {LIST "user" CUT, LIST "user DESC" CUT},
        [STORE_AN_LAST_EVENT] = {LIST "last_event_ns" CUT, LIST "last_event_ns DESC" CUT},
        [STORE_AN_LAST_GROWN] = {LIST "last_grown_ns" CUT, LIST "last_grown_ns DESC" CUT},
        [STORE_AN_BEHIND] = {LIST "behind_bytes" CUT, LIST "behind_bytes DESC" CUT},
    };
    AL_CLEANUP(store_done) struct store_stmt *stmt = NULL;
    bool row;

    AL_TRY(store_query_args(s, fail, &stmt, lists[q->sort][q->descending],
                            STORE_ARGS(S_TEXT(volume_id), S_SCOPE(scope), S_I64(q->active),
                                       S_I64(q->behind), S_TEXT(q->q == NULL ? "" : q->q),
                                       S_I64(q->limit), S_U64(q->offset))));
    for (;;) {
        struct store_access_node n;

        AL_TRY(store_step(stmt, &row, fail));
        if (!row) {
            return AL_OK;
        }
        n = (struct store_access_node){
            .node = store_col_span(stmt, 0),
            .host = store_col_span(stmt, 1),
            .user = store_col_span(stmt, 2),
            .active = store_col_i64(stmt, 3) != 0,
            .files = store_col_u64(stmt, 4),
            .behind_bytes = store_col_u64(stmt, 5),
            .last_event_ns = store_col_i64(stmt, 6),
            .last_grown_ns = store_col_i64(stmt, 7),
            .told_ns = store_col_i64(stmt, 8),
        };
        AL_TRY(each(ctx, &n));
    }
}

int
store_access_nodes_sum(struct store *s, const struct scope *scope, const char *volume_id,
                       const struct store_access_nodes_query *q, struct store_access_sums *ret,
                       struct al_fail *fail)
{
    static const struct store_access_nodes_query any = {.active = -1, .behind = -1};
    AL_CLEANUP(store_done) struct store_stmt *stmt = NULL;

    q = q == NULL ? &any : q;
    AL_TRY(store_query(s, fail, &stmt,
                       "SELECT count(*), coalesce(sum(active), 0),"
                       " coalesce(sum(behind_bytes>0), 0)" OF_QUERY,
                       S_TEXT(volume_id), S_SCOPE(scope), S_I64(q->active), S_I64(q->behind),
                       S_TEXT(q->q == NULL ? "" : q->q)));
    AL_TRY(store_step_one(stmt, "volume", fail));
    ret->total = store_col_u64(stmt, 0);
    ret->active = store_col_u64(stmt, 1);
    ret->behind = store_col_u64(stmt, 2);
    return AL_OK;
}

/* ---- volumes ---- */

int
store_access_volumes(struct store *s, const struct scope *scope, int64_t told_since_ns,
                     uint64_t offset, uint32_t limit, int (*each)(void *ctx, const char *id),
                     void *ctx, struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;

    AL_TRY(store_query(
        s, fail, &q,
        "SELECT v.id FROM volume v LEFT JOIN volume_access x ON x.volume_id=v.id"
        " WHERE v.kind='lucidlink' AND (?1 OR v.customer_id=?2)"
        " ORDER BY (coalesce(x.state, 'untold')='live' AND x.told_ns>=?3), v.name, v.id"
        " LIMIT ?4 OFFSET ?5",
        S_SCOPE(scope), S_I64(told_since_ns), S_I64(limit), S_U64(offset)));
    return store_each_text(q, each, ctx, fail);
}

int
store_access_volumes_sum(struct store *s, const struct scope *scope, uint64_t *ret,
                         struct al_fail *fail)
{
    return store_number(
        s, fail, ret,
        "SELECT count(*) FROM volume WHERE kind='lucidlink' AND (?1 OR customer_id=?2)",
        S_SCOPE(scope));
}

int
store_volume_each_audited(struct store *s, const struct scope *scope, const char *after,
                          uint32_t max,
                          int (*each)(void *ctx, const char *id, const char *customer_id),
                          void *ctx, struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;

    AL_TRY(store_query(
        s, fail, &q,
        "SELECT id, customer_id FROM volume WHERE kind='lucidlink' AND id>?1" STORE_SCOPE(
            2, 3) " ORDER BY id LIMIT ?4",
        S_TEXT(after), S_SCOPE(scope), S_I64(max)));
    return store_each_pair(q, each, ctx, fail);
}
