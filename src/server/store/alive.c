#include "server/store/store_priv.h"
#include "server/store/work.h"

/* ---- shares being watched ---- */

#define WATCH_MAX 1024u /* of one call; the next tick takes the rest */

/* Of share h: when it shall be checked while it is in trouble. */
#define SHARE_DUE "h.checked_ns+min(max(h.checked_ns-h.trouble_ns,?5),?1)<=?6"

int
store_share_watch(struct store *s, const struct scope *scope, int64_t now_ns, struct al_arena *a,
                  struct store_watch **ret, size_t *ret_count, struct al_fail *fail)
{
    struct store_stmt AL_CLEANUP(store_done) *q = NULL;
    struct store_watch *list = al_arena_alloc(a, WATCH_MAX * sizeof(*list));
    size_t count = 0;
    bool row;

    if (list == NULL) {
        return AL_ENOMEM;
    }
    AL_TRY(store_query(
        s, fail, &q,
        "SELECT h.id, h.customer_id, (SELECT v.host_id FROM volume v JOIN host o ON o.id=v.host_id"
        "  WHERE v.share_id=h.id AND o.online=1 ORDER BY v.id LIMIT 1) AS host FROM share h"
        " WHERE host IS NOT NULL AND (h.checked_ns<=?2 OR (" SHARE_DUE " AND (h.state<>'ok'"
        "  OR EXISTS(SELECT 1 FROM work w WHERE w.share_id=h.id AND w.state='held'))))"
        " AND NOT EXISTS(SELECT 1 FROM work w WHERE w.share_id=h.id AND w.kind='check_share')"
        " AND (?3 OR h.customer_id=?4)",
        S_I64(SHARE_CHECK_EVERY_NS), S_I64(now_ns - SHARE_LOOK_EVERY_NS), S_SCOPE(scope),
        S_I64(SHARE_CHECK_SOON_NS), S_I64(now_ns)));
    for (;;) {
        AL_TRY(store_step(q, &row, fail));
        if (!row || count == WATCH_MAX) {
            break;
        }
        store_col_id(q, 0, list[count].share_id);
        store_col_id(q, 1, list[count].customer_id);
        store_col_id(q, 2, list[count].host_id);
        count++;
    }
    *ret = list;
    *ret_count = count;
    return AL_OK;
}

int
store_share_host(struct store *s, const struct scope *scope, const char *share_id,
                 const char *host_id, al_id ret, struct al_fail *fail)
{
    struct store_stmt AL_CLEANUP(store_done) *q = NULL;

    AL_TRY(store_query(s, fail, &q,
                       "SELECT o.id FROM share h JOIN host o ON o.customer_id=h.customer_id"
                       " WHERE h.id=?2 AND o.online=1 AND (?1 IS NULL OR o.id=?1)"
                       " AND (?3 OR h.customer_id=?4) ORDER BY EXISTS(SELECT 1 FROM volume v"
                       "  WHERE v.share_id=h.id AND v.host_id=o.id) DESC, o.id LIMIT 1",
                       S_ID(host_id), S_TEXT(share_id), S_SCOPE(scope)));
    AL_TRY(store_step_one(q, "host that is online", fail));
    store_col_id(q, 0, ret);
    return AL_OK;
}

int
store_work_shares(struct store *s, const struct scope *scope, const char *host_id,
                  int (*each)(void *ctx, const char *share_id), void *ctx, struct al_fail *fail)
{
    struct store_stmt AL_CLEANUP(store_done) *q = NULL;

    AL_TRY(store_query(s, fail, &q,
                       "SELECT DISTINCT w.share_id FROM work w JOIN share h ON h.id=w.share_id"
                       " WHERE w.host_id=?1 AND w.state IN ('queued','leased')"
                       " AND w.kind='check_share' AND (?2 OR w.customer_id=?3)"
                       " ORDER BY w.share_id",
                       S_TEXT(host_id), S_SCOPE(scope)));
    return store_each_text(q, each, ctx, fail);
}

/* ---- hosts ---- */

int
store_host_seen(struct store *s, const struct scope *scope, const char *host_id, int64_t now_ns,
                bool *ret_was_online, struct al_fail *fail)
{
    uint64_t online;

    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_number(s, fail, &online, "SELECT online FROM host WHERE id=?1" STORE_SCOPE(2, 3),
                        S_TEXT(host_id), S_SCOPE(scope)));
    *ret_was_online = online != 0;
    return store_run(s, fail,
                     "UPDATE host SET online=1, last_seen_ns=max(last_seen_ns,?2) WHERE id=?1",
                     S_TEXT(host_id), S_I64(now_ns));
}

int
store_clock_back(struct store *s, const struct scope *scope, int64_t now_ns, struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_run(s, fail,
                     "UPDATE host SET last_seen_ns=?1 WHERE online=1 AND last_seen_ns>?2"
                     " AND (?3 OR customer_id=?4)",
                     S_I64(now_ns), S_I64(now_ns + CLOCK_SLACK_NS), S_SCOPE(scope)));
    AL_TRY(store_run(s, fail,
                     "UPDATE share SET checked_ns=?1, trouble_ns=min(trouble_ns,?1)"
                     " WHERE checked_ns>?2 AND (?3 OR customer_id=?4)",
                     S_I64(now_ns), S_I64(now_ns + CLOCK_SLACK_NS), S_SCOPE(scope)));
    AL_TRY(store_run(s, fail,
                     "UPDATE work SET lease_until_ns=?1 WHERE state IN ('leased','dropped')"
                     " AND lease_until_ns>?2 AND (?3 OR customer_id=?4)",
                     S_I64(now_ns + WORK_LEASE_NS), S_I64(now_ns + WORK_LEASE_NS + CLOCK_SLACK_NS),
                     S_SCOPE(scope)));
    AL_TRY(store_run(s, fail, /* its work goes by the same time (store_share_test_expire) */
                     "UPDATE work SET created_ns=?1 WHERE kind='test_share' AND created_ns>?2"
                     " AND (?3 OR customer_id=?4)",
                     S_I64(now_ns), S_I64(now_ns + CLOCK_SLACK_NS), S_SCOPE(scope)));
    AL_TRY(store_run(s, fail,
                     "UPDATE share_test SET created_ns=?1 WHERE created_ns>?2"
                     " AND (?3 OR customer_id=?4)",
                     S_I64(now_ns), S_I64(now_ns + CLOCK_SLACK_NS), S_SCOPE(scope)));
    return store_run(s, fail,
                     "UPDATE work SET hold_until_ns=?1 WHERE state='held' AND hold_until_ns>?2"
                     " AND (?3 OR customer_id=?4)",
                     S_I64(now_ns + WORK_HOLD_NS),
                     S_I64(now_ns + WORK_HOLD_NS_MAX + CLOCK_SLACK_NS), S_SCOPE(scope));
}

int
store_host_lost(struct store *s, const struct scope *scope, int64_t now_ns, struct al_arena *a,
                struct store_work_ref **ret, size_t *ret_count, struct al_fail *fail)
{
    struct store_work_ref *list = al_arena_alloc(a, WATCH_MAX * sizeof(*list));
    size_t count = 0;
    bool row;

    AL_TRY(store_need_tx(s, fail));
    if (list == NULL) {
        return AL_ENOMEM;
    }
    {
        struct store_stmt AL_CLEANUP(store_done) *q = NULL;

        AL_TRY(store_query(s, fail, &q,
                           "SELECT id, customer_id FROM host WHERE online=1 AND last_seen_ns<=?1"
                           " AND (?2 OR customer_id=?3)",
                           S_I64(now_ns - HOST_OFFLINE_NS), S_SCOPE(scope)));
        for (;;) {
            AL_TRY(store_step(q, &row, fail));
            if (!row || count == WATCH_MAX) {
                break;
            }
            store_col_id(q, 0, list[count].host_id);
            store_col_id(q, 1, list[count].customer_id);
            count++;
        }
    }
    for (size_t i = 0; i < count; i++) {
        AL_TRY(store_run(s, fail, "UPDATE host SET online=0 WHERE id=?1", S_TEXT(list[i].host_id)));
    }
    *ret = list;
    *ret_count = count;
    return AL_OK;
}

/* ---- intake ---- */

int
store_intake_seq(struct store *s, const struct scope *scope, const char *host_id,
                 const char *stream, uint64_t *ret, struct al_fail *fail)
{
    return store_number(s, fail, ret,
                        "SELECT coalesce((SELECT i.seq FROM intake i JOIN host h ON h.id=i.host_id"
                        " WHERE i.host_id=?1 AND i.stream=?2 AND (?3 OR h.customer_id=?4)), 0)",
                        S_TEXT(host_id), S_TEXT(stream), S_SCOPE(scope));
}

int
store_intake_set(struct store *s, const struct scope *scope, const char *host_id,
                 const char *stream, uint64_t seq, const char *body, int64_t now_ns,
                 struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_run(
        s, fail,
        "INSERT INTO intake(host_id, stream, seq, at_ns, body) SELECT id,?2,?3,?4,?7 FROM host"
        " WHERE id=?1 AND (?5 OR customer_id=?6)"
        " ON CONFLICT(host_id, stream) DO UPDATE SET seq=?3, at_ns=?4, body=?7 WHERE seq<?3",
        S_TEXT(host_id), S_TEXT(stream), S_U64(seq), S_I64(now_ns), S_SCOPE(scope), S_TEXT(body)));
    return store_need_change(s, "host", fail);
}

int
store_intake_other(struct store *s, const struct scope *scope, const char *host_id,
                   const char *stream, const char *body, bool *ret, struct al_fail *fail)
{
    uint64_t other;

    AL_TRY(store_number(s, fail, &other,
                        "SELECT EXISTS(SELECT 1 FROM intake i JOIN host h ON h.id=i.host_id"
                        " WHERE i.host_id=?1 AND i.stream=?2 AND i.body<>'' AND i.body<>?5"
                        " AND (?3 OR h.customer_id=?4))",
                        S_TEXT(host_id), S_TEXT(stream), S_SCOPE(scope), S_TEXT(body)));
    *ret = other != 0;
    return AL_OK;
}

/* ---- volumes with news ---- */

int
store_news_add(struct store *s, const struct scope *scope, const char *volume_id,
               struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    return store_run(
        s, fail,
        "INSERT INTO volume_news(volume_id, customer_id, n) SELECT id, customer_id, 1"
        " FROM volume WHERE id=?1" STORE_SCOPE(2, 3) " ON CONFLICT(volume_id) DO UPDATE SET n=n+1",
        S_TEXT(volume_id), S_SCOPE(scope));
}

int
store_news_of(struct store *s, const struct scope *scope, const char *volume_id, uint64_t *ret,
              struct al_fail *fail)
{
    return store_number(
        s, fail, ret,
        "SELECT coalesce((SELECT n FROM volume_news WHERE volume_id=?1" STORE_SCOPE(2, 3) "), 0)",
        S_TEXT(volume_id), S_SCOPE(scope));
}

int
store_news_done(struct store *s, const struct scope *scope, const char *volume_id, uint64_t n,
                struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    return store_run(s, fail,
                     "DELETE FROM volume_news WHERE volume_id=?1 AND n=?2" STORE_SCOPE(3, 4),
                     S_TEXT(volume_id), S_U64(n), S_SCOPE(scope));
}

int
store_news_each(struct store *s, const struct scope *scope,
                int (*each)(void *ctx, const char *volume_id, const char *customer_id), void *ctx,
                struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;

    AL_TRY(store_query(
        s, fail, &q, "SELECT volume_id, customer_id FROM volume_news WHERE (?1 OR customer_id=?2)",
        S_SCOPE(scope)));
    return store_each_pair(q, each, ctx, fail);
}

/* ---- figures ---- */

#define OF_CUSTOMER "(?1 IS NULL OR customer_id=?1) AND (?3 OR customer_id=?4)"

int
store_figures(struct store *s, const struct scope *scope, const char *customer_id,
              const char *volume_id, struct store_figures *ret, struct al_fail *fail)
{
    struct store_figures f = {0};
    {
        struct store_stmt AL_CLEANUP(store_done) *q = NULL;

        AL_TRY(store_query(s, fail, &q,
                           "SELECT coalesce(sum(files),0), coalesce(sum(bytes),0),"
                           " coalesce(sum(allocated),0), coalesce(sum(stub_files),0),"
                           " coalesce(sum(stub_bytes),0), coalesce(sum(freed_bytes),0), count(*)"
                           " FROM volume WHERE (?2 IS NULL OR id=?2) AND " OF_CUSTOMER,
                           S_ID(customer_id), S_ID(volume_id), S_SCOPE(scope)));
        AL_TRY(store_step_one(q, "volume", fail));
        f.files = store_col_u64(q, 0);
        f.bytes = store_col_u64(q, 1);
        f.allocated = store_col_u64(q, 2);
        f.stub_files = store_col_u64(q, 3);
        f.stub_bytes = store_col_u64(q, 4);
        f.freed_bytes = store_col_u64(q, 5);
        f.volumes = store_col_u64(q, 6);
    }
    {
        struct store_stmt AL_CLEANUP(store_done) *q = NULL;

        AL_TRY(store_query(
            s, fail, &q,
            "SELECT (SELECT count(*) FROM host WHERE (?2 IS NULL OR"
            "  id=(SELECT host_id FROM volume WHERE id=?2)) AND " OF_CUSTOMER "),"
            " (SELECT count(*) FROM host WHERE online=1 AND (?2 IS NULL OR"
            "  id=(SELECT host_id FROM volume WHERE id=?2)) AND " OF_CUSTOMER "),"
            " (SELECT count(*) FROM share WHERE (?2 IS NULL OR"
            "  id=(SELECT share_id FROM volume WHERE id=?2)) AND " OF_CUSTOMER "),"
            " (SELECT count(*) FROM job WHERE state IN " STORE_JOB_OPEN
            "  AND state='running' AND (?2 IS NULL OR volume_id=?2) AND " OF_CUSTOMER ")",
            S_ID(customer_id), S_ID(volume_id), S_SCOPE(scope)));
        AL_TRY(store_step_one(q, "figure", fail));
        f.hosts = store_col_u64(q, 0);
        f.hosts_online = store_col_u64(q, 1);
        f.shares = store_col_u64(q, 2);
        f.jobs_running = store_col_u64(q, 3);
    }
    *ret = f;
    return AL_OK;
}
