#include "server/store/orphan.h"

#include <string.h>

#include "server/store/store_priv.h"

static const char *const state_names[STORE_OR_STATES] = {"open", "ignored", "mended"};

const char *
store_orphan_state_name(enum store_orphan_state state)
{
    return (unsigned)state < STORE_OR_STATES ? state_names[state] : "unknown";
}

static enum store_orphan_state
state_of(const char *name)
{
    for (unsigned i = 0; i < STORE_OR_STATES; i++) {
        if (strcmp(state_names[i], name) == 0) {
            return (enum store_orphan_state)i;
        }
    }
    return STORE_OR_OPEN;
}

/* ---- as JSON ----
 * What may be done stands in model/orphan.c too, which a test holds against this. */
#define WAY                                                                                        \
    "CASE WHEN t.kind='copied_stub' THEN 'adopt' WHEN t.kind='doubly_known' THEN 'recall'"         \
    " WHEN t.object_id='' THEN 'none' WHEN t.kind='changed' THEN 'restub'"                         \
    " WHEN t.kind IN ('data','forged','marker_lost','no_stub') THEN 'restore' ELSE 'none' END"

static const struct store_field fields[] = {
    {"id", "t.id", STORE_K_TEXT},
    {"customer_id", "t.customer_id", STORE_K_TEXT},
    {"volume_id", "t.volume_id", STORE_K_TEXT},
    {"kind", "t.kind", STORE_K_TEXT},
    {"level", "t.level", STORE_K_TEXT},
    {"path", "'/'||t.path", STORE_K_BYTES},
    {"object_id", "nullif(t.object_id,'')", STORE_K_TEXT},
    {"size", "t.size", STORE_K_INT},
    {"modified_at", "t.mtime_ns", STORE_K_TIME},
    {"text", "t.text", STORE_K_TEXT},
    {"state", "t.state", STORE_K_TEXT},
    {"first_seen_at", "t.first_ns", STORE_K_TIME},
    {"last_seen_at", "t.last_ns", STORE_K_TIME},
    {"walks", "t.walks", STORE_K_INT},
    {"mended_at", "t.ended_ns", STORE_K_TIME},
    {"way", WAY, STORE_K_TEXT},
    {"cost_bytes", "CASE WHEN " WAY " IN ('restore','recall') THEN t.size ELSE 0 END", STORE_K_INT},
    {"ignored",
     "CASE WHEN t.state<>'ignored' THEN 'null' ELSE json_object('by',t.ignored_by,'reason',"
     "t.ignored_reason,'at'," STORE_TIME_TEXT("t.ignored_ns") ") END",
     STORE_K_JSON},
    {"job_id", "t.job_id", STORE_K_TEXT},
};
static const struct store_filter_kind filters[] = {
    {"volume_id", "t.volume_id", STORE_T_EQ, STORE_K_TEXT},
    {"kind", "t.kind", STORE_T_EQ, STORE_K_TEXT},
    {"state", "t.state", STORE_T_EQ, STORE_K_TEXT},
    {"level", "t.level", STORE_T_EQ, STORE_K_TEXT},
};
const struct store_noun store_orphans = {
    .what = "finding",
    .from = "orphan t",
    .id = "t.id",
    .customer = "t.customer_id",
    .order = "t.id",
    .order_kind = STORE_K_TEXT,
    .fields = fields,
    .field_count = AL_LEN(fields),
    .filters = filters,
    .filter_count = AL_LEN(filters),
};

/* ---- what is found ---- */

static int
in_scope(const struct scope *scope, const char *customer_id, struct al_fail *fail)
{
    return scope_sees(scope, customer_id) ? AL_OK
                                          : al_fail_set(fail, AL_ENOENT, 0, "no such volume");
}

static int
is_full(struct store *s, const struct store_orphan *o, bool *ret, struct al_fail *fail)
{
    uint64_t known;

    AL_TRY(store_number(s, fail, &known,
                        "SELECT coalesce(sum(findings),0) FROM orphan_sum WHERE volume_id=?1"
                        " AND state<>'mended'",
                        S_TEXT(o->volume_id)));
    *ret = known >= STORE_ORPHANS_MAX;
    if (*ret) {
        AL_TRY(store_number(s, fail, &known,
                            "SELECT count(*) FROM orphan WHERE volume_id=?1 AND path=?2 AND kind=?3"
                            " AND of=?4 AND state<>'mended'",
                            S_TEXT(o->volume_id), S_SPAN(o->path),
                            S_TEXT(orphan_kind_name(o->kind)),
                            S_TEXT(orphan_by_object(o->kind) ? o->object_id : "")));
        *ret = known == 0;
    }
    return AL_OK;
}

int
store_orphan_seen(struct store *s, const struct scope *scope, const struct store_orphan *o,
                  int64_t now_ns, bool *ret_news, struct al_fail *fail)
{
    uint64_t before;
    bool full;
    al_id id;

    AL_TRY(store_need_tx(s, fail));
    AL_TRY(in_scope(scope, o->customer_id, fail));
    AL_TRY(is_full(s, o, &full, fail));
    *ret_news = false;
    if (full) {
        return store_run(s, fail, "UPDATE orphan_walk SET left_out=left_out+1 WHERE volume_id=?1",
                         S_TEXT(o->volume_id));
    }
    AL_TRY(store_id_make(s, now_ns, id));
    AL_TRY(store_number(s, fail, &before,
                        "SELECT count(*) FROM orphan WHERE volume_id=?1 AND path=?2 AND kind=?3"
                        " AND of=?4 AND state<>'mended'",
                        S_TEXT(o->volume_id), S_SPAN(o->path), S_TEXT(orphan_kind_name(o->kind)),
                        S_TEXT(orphan_by_object(o->kind) ? o->object_id : "")));
    *ret_news = before == 0;
    /* A sighting that does not know the object takes nothing from one that did. */
    return store_run(
        s, fail,
        "INSERT INTO orphan(id, customer_id, volume_id, kind, level, path, of, object_id, size,"
        " mtime_ns, text, state, first_ns, last_ns, mark) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,"
        " ?11,'open',?12,?12,coalesce((SELECT mark FROM orphan_walk WHERE volume_id=?3),0))"
        " ON CONFLICT(volume_id, path, kind, of) DO UPDATE SET"
        " object_id=iif(excluded.object_id='', object_id, excluded.object_id),"
        " size=iif(excluded.object_id='' AND excluded.size=0, size, excluded.size),"
        " mtime_ns=iif(excluded.mtime_ns=0, mtime_ns, excluded.mtime_ns), text=excluded.text,"
        " first_ns=iif(state='mended', excluded.first_ns, first_ns), last_ns=excluded.last_ns,"
        " walks=iif(state='mended', 1, walks+(mark<>excluded.mark)), mark=excluded.mark,"
        " ended_ns=0, job_id=iif(state='mended', NULL, job_id),"
        " state=iif(state='mended', 'open', state)",
        S_TEXT(id), S_TEXT(o->customer_id), S_TEXT(o->volume_id), S_TEXT(orphan_kind_name(o->kind)),
        S_TEXT(orphan_level_name(orphan_level_of(o->kind))), S_SPAN(o->path),
        S_TEXT(orphan_by_object(o->kind) ? o->object_id : ""), S_TEXT(o->object_id), S_U64(o->size),
        S_I64(o->mtime_ns), S_TEXT(o->text), S_I64(now_ns));
}

int
store_orphan_over(struct store *s, const struct scope *scope, const char *volume_id,
                  struct al_span path, const char *object_id, int64_t now_ns, uint64_t *ret,
                  struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_run(
        s, fail,
        "UPDATE orphan SET state='mended', ended_ns=?4 WHERE volume_id=?1 AND path=?2"
        " AND state<>'mended' AND (of='' OR (kind='no_stub' AND of=?3))" STORE_SCOPE(5, 6),
        S_TEXT(volume_id), S_SPAN(path), S_TEXT(object_id), S_I64(now_ns), S_SCOPE(scope)));
    *ret = store_changes(s);
    return AL_OK;
}

/* ---- walks ---- */

int
store_orphan_walk_begin(struct store *s, const struct scope *scope,
                        const struct store_orphan_walk *w, int64_t now_ns, struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    AL_TRY(in_scope(scope, w->customer_id, fail));
    return store_run(s, fail,
                     "INSERT INTO orphan_walk(volume_id, customer_id, mark, work_id, began_ns)"
                     " VALUES(?1,?2,1,?3,?4) ON CONFLICT(volume_id) DO UPDATE SET mark=mark+1,"
                     " work_id=excluded.work_id, began_ns=excluded.began_ns, ended_ns=0, stubs=0,"
                     " objects=0, objects_seen=0, left_out=0, text=''",
                     S_TEXT(w->volume_id), S_TEXT(w->customer_id), S_TEXT(w->work_id),
                     S_I64(now_ns));
}

static int
close_unseen(struct store *s, const struct store_orphan_walk *w, enum orphan_kind kind,
             int64_t now_ns, struct al_fail *fail)
{
    return store_run(s, fail,
                     "UPDATE orphan SET state='mended', ended_ns=?3 WHERE volume_id=?1 AND kind=?2"
                     " AND state IN ('open','ignored')"
                     " AND mark<(SELECT mark FROM orphan_walk WHERE volume_id=?1)",
                     S_TEXT(w->volume_id), S_TEXT(orphan_kind_name(kind)), S_I64(now_ns));
}

int
store_orphan_walk_end(struct store *s, const struct scope *scope, const struct store_orphan_walk *w,
                      int64_t now_ns, uint64_t *ret_mended, struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_run(s, fail,
                     "UPDATE orphan_walk SET ended_ns=?3, stubs=?4, objects=?5, objects_seen=?6,"
                     " text=?7 WHERE volume_id=?1 AND work_id=?2 AND ended_ns=0" STORE_SCOPE(8, 9),
                     S_TEXT(w->volume_id), S_TEXT(w->work_id), S_I64(now_ns), S_BOOL(w->stubs),
                     S_BOOL(w->objects), S_U64(w->objects_seen), S_TEXT(w->text), S_SCOPE(scope)));
    *ret_mended = 0;
    if (store_changes(s) == 0 || !w->stubs) {
        return AL_OK;
    }
    for (unsigned i = 0; i < ORPHAN_KINDS; i++) {
        if (w->objects || !orphan_needs_objects((enum orphan_kind)i)) {
            AL_TRY(close_unseen(s, w, (enum orphan_kind)i, now_ns, fail));
            *ret_mended += store_changes(s);
        }
    }
    return AL_OK;
}

/* ---- sums ---- */

int
store_orphan_sums(struct store *s, const struct scope *scope, const char *customer_id,
                  const char *volume_id, int (*each)(void *ctx, const struct store_orphan_sum *sum),
                  void *ctx, struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;
    bool row = false;

    AL_TRY(
        store_query(s, fail, &q,
                    "SELECT kind, state, sum(findings), sum(bytes) FROM orphan_sum"
                    " WHERE findings>0 AND (?1 IS NULL OR customer_id=?1)"
                    " AND (?2 IS NULL OR volume_id=?2)" STORE_SCOPE(3, 4) " GROUP BY kind, state",
                    S_ID(customer_id), S_ID(volume_id), S_SCOPE(scope)));
    for (;;) {
        struct store_orphan_sum sum;

        AL_TRY(store_step(q, &row, fail));
        if (!row) {
            return AL_OK;
        }
        sum.kind = orphan_kind_of(store_col_text(q, 0));
        sum.state = state_of(store_col_text(q, 1));
        sum.findings = store_col_u64(q, 2);
        sum.bytes = store_col_u64(q, 3);
        if (sum.kind != ORPHAN_KINDS) { /* of a newer program */
            AL_TRY(each(ctx, &sum));
        }
    }
}

#define SUM_OF(where)                                                                              \
    "coalesce((SELECT sum(findings) FROM orphan_sum o WHERE o.volume_id=v.id AND "                 \
    "o.state='open'" where "),0)"

int
store_orphan_volumes(struct store *s, const struct scope *scope, const char *customer_id,
                     const char *volume_id, uint32_t limit,
                     int (*each)(void *ctx, const struct store_orphan_volume *v), void *ctx,
                     struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;
    bool row = false;

    AL_TRY(store_query(
        s, fail, &q,
        "SELECT id, customer_id, name, open, unreadable, began_ns, ended_ns, stubs, objects,"
        " objects_seen, left_out, text, work_id FROM (SELECT v.id, v.customer_id, v.name,"
        " " SUM_OF("") " AS open, " SUM_OF(
            " AND o.level='unreadable'") " AS unreadable,"
                                         " coalesce(w.began_ns,0) AS began_ns, "
                                         "coalesce(w.ended_ns,0) AS ended_ns,"
                                         " coalesce(w.stubs,0) AS stubs, coalesce(w.objects,0) AS "
                                         "objects,"
                                         " coalesce(w.objects_seen,0) AS objects_seen, "
                                         "coalesce(w.left_out,0) AS left_out,"
                                         " coalesce(w.text,'') AS text, w.work_id AS work_id"
                                         " FROM volume v LEFT JOIN orphan_walk w ON "
                                         "w.volume_id=v.id"
                                         " WHERE (?1 IS NULL OR v.customer_id=?1) AND (?2 IS NULL "
                                         "OR v.id=?2)"
                                         " AND (?3 OR v.customer_id=?4)) WHERE open>0 OR "
                                         "began_ns>0 OR ?2 IS NOT NULL"
                                         " ORDER BY unreadable DESC, open DESC, id LIMIT ?5",
        S_ID(customer_id), S_ID(volume_id), S_SCOPE(scope), S_I64(limit)));
    for (;;) {
        struct store_orphan_volume v = {0};

        AL_TRY(store_step(q, &row, fail));
        if (!row) {
            return AL_OK;
        }
        store_col_id(q, 0, v.volume_id);
        store_col_id(q, 1, v.customer_id);
        v.name = store_col_text(q, 2);
        v.open = store_col_u64(q, 3);
        v.unreadable = store_col_u64(q, 4);
        v.walk.began_ns = store_col_i64(q, 5);
        v.walk.ended_ns = store_col_i64(q, 6);
        v.walk.stubs = store_col_i64(q, 7) != 0;
        v.walk.objects = store_col_i64(q, 8) != 0;
        v.walk.objects_seen = store_col_u64(q, 9);
        v.walk.left_out = store_col_u64(q, 10);
        v.walk.text = store_col_text(q, 11);
        store_col_id(q, 12, v.walk.work_id);
        AL_TRY(each(ctx, &v));
    }
}

/* ---- acts ---- */

#define ROW "id, volume_id, customer_id, kind, path, object_id, size, mtime_ns, text, state"

static int
give(struct store_stmt *q, const struct store_orphan_pick *p,
     int (*each)(void *ctx, const struct store_orphan *o), void *ctx)
{
    struct store_orphan o = {0};

    if (state_of(store_col_text(q, 9)) != p->state) {
        return AL_OK;
    }
    store_col_id(q, 0, o.id);
    store_col_id(q, 1, o.volume_id);
    store_col_id(q, 2, o.customer_id);
    o.kind = orphan_kind_of(store_col_text(q, 3));
    o.path = store_col_span(q, 4);
    o.object_id = store_col_text(q, 5);
    o.size = store_col_u64(q, 6);
    o.mtime_ns = store_col_i64(q, 7);
    o.text = store_col_text(q, 8);
    return o.kind == ORPHAN_KINDS ? AL_OK : each(ctx, &o);
}

static int
each_id(struct store *s, const struct scope *scope, const struct store_orphan_pick *p,
        int (*each)(void *ctx, const struct store_orphan *o), void *ctx, struct al_fail *fail)
{
    for (size_t i = 0; i < p->count; i++) {
        AL_CLEANUP(store_done) struct store_stmt *q = NULL;

        AL_TRY(store_query(s, fail, &q,
                           "SELECT " ROW
                           " FROM orphan WHERE id=?1 AND volume_id=?2" STORE_SCOPE(3, 4),
                           S_TEXT(p->ids[i]), S_TEXT(p->volume_id), S_SCOPE(scope)));
        AL_TRY(store_step_one(q, "finding of this volume", fail));
        AL_TRY(give(q, p, each, ctx));
    }
    return AL_OK;
}

int
store_orphan_each(struct store *s, const struct scope *scope, const struct store_orphan_pick *p,
                  int (*each)(void *ctx, const struct store_orphan *o), void *ctx,
                  struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;
    bool row = false;

    if (p->ids != NULL) {
        return each_id(s, scope, p, each, ctx, fail);
    }
    AL_TRY(store_query(s, fail, &q,
                       "SELECT " ROW
                       " FROM orphan WHERE volume_id=?1 AND state=?2 AND kind=?3" STORE_SCOPE(
                           4, 5) " ORDER BY path, mtime_ns DESC, id",
                       S_TEXT(p->volume_id), S_TEXT(store_orphan_state_name(p->state)),
                       S_TEXT(orphan_kind_name(p->kind)), S_SCOPE(scope)));
    for (;;) {
        AL_TRY(store_step(q, &row, fail));
        if (!row) {
            return AL_OK;
        }
        AL_TRY(give(q, p, each, ctx));
    }
}

static int
nothing(void *ctx, const struct store_orphan *o)
{
    (void)ctx;
    (void)o;
    return AL_OK;
}

#define SET_ASIDE                                                                                  \
    "UPDATE orphan SET state=iif(?2 IS NULL,'open','ignored'), ignored_reason=?2, ignored_by=?3,"  \
    " ignored_ns=?4 WHERE volume_id=?1"

static int
ignore_kind(struct store *s, const struct scope *scope, const struct store_orphan_pick *p,
            const char *reason, const char *by, int64_t now_ns, uint64_t *ret, uint64_t *ret_left,
            struct al_fail *fail)
{
    const char *from = reason != NULL ? "open" : "ignored";

    AL_TRY(store_run(s, fail,
                     SET_ASIDE " AND id IN (SELECT id FROM orphan WHERE volume_id=?1 AND state=?5"
                               " AND kind=?6 ORDER BY id LIMIT ?9)" STORE_SCOPE(7, 8),
                     S_TEXT(p->volume_id), S_TEXT(reason), reason != NULL ? S_TEXT(by) : S_NULL,
                     S_I64(reason != NULL ? now_ns : 0), S_TEXT(from),
                     S_TEXT(orphan_kind_name(p->kind)), S_SCOPE(scope),
                     S_I64(STORE_ORPHAN_ACT_ROWS)));
    *ret = store_changes(s);
    return store_number(s, fail, ret_left,
                        "SELECT coalesce(sum(findings),0) FROM orphan_sum WHERE volume_id=?1"
                        " AND state=?2 AND kind=?3" STORE_SCOPE(4, 5),
                        S_TEXT(p->volume_id), S_TEXT(from), S_TEXT(orphan_kind_name(p->kind)),
                        S_SCOPE(scope));
}

int
store_orphan_ignore(struct store *s, const struct scope *scope, const struct store_orphan_pick *p,
                    const char *reason, const char *by, int64_t now_ns, uint64_t *ret,
                    uint64_t *ret_left, struct al_fail *fail)
{
    const char *from = reason != NULL ? "open" : "ignored";
    struct store_arg who = reason != NULL ? S_TEXT(by) : S_NULL;
    int64_t at_ns = reason != NULL ? now_ns : 0;

    AL_TRY(store_need_tx(s, fail));
    *ret = *ret_left = 0;
    if (p->ids == NULL) {
        return ignore_kind(s, scope, p, reason, by, now_ns, ret, ret_left, fail);
    }
    AL_TRY(each_id(s, scope, p, nothing, NULL, fail)); /* all are there, or nothing happens */
    for (size_t i = 0; i < p->count; i++) {
        AL_TRY(store_run(s, fail, SET_ASIDE " AND state=?5 AND id=?6" STORE_SCOPE(7, 8),
                         S_TEXT(p->volume_id), S_TEXT(reason), who, S_I64(at_ns), S_TEXT(from),
                         S_TEXT(p->ids[i]), S_SCOPE(scope)));
        *ret += store_changes(s);
    }
    return AL_OK;
}

int
store_orphan_asked(struct store *s, const struct scope *scope, const struct store_orphan_pick *p,
                   const char *job_id, struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    for (size_t i = 0; i < p->count; i++) {
        AL_TRY(store_run(
            s, fail, "UPDATE orphan SET job_id=?3 WHERE id=?1 AND volume_id=?2" STORE_SCOPE(4, 5),
            S_TEXT(p->ids[i]), S_TEXT(p->volume_id), S_TEXT(job_id), S_SCOPE(scope)));
    }
    return p->ids != NULL
               ? AL_OK
               : store_run(s, fail,
                           "UPDATE orphan SET job_id=?4 WHERE volume_id=?1 AND state=?2 AND "
                           "kind=?3" STORE_SCOPE(5, 6),
                           S_TEXT(p->volume_id), S_TEXT(store_orphan_state_name(p->state)),
                           S_TEXT(orphan_kind_name(p->kind)), S_TEXT(job_id), S_SCOPE(scope));
}

int
store_orphan_prune(struct store *s, int64_t now_ns, struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    return store_run(s, fail,
                     "DELETE FROM orphan WHERE id IN (SELECT id FROM orphan WHERE state='mended'"
                     " AND ended_ns<?1 LIMIT ?2)",
                     S_I64(now_ns - STORE_ORPHANS_KEPT_NS), S_I64(STORE_ORPHAN_PRUNE_ROWS));
}
