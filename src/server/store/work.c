#include "server/store/share_test.h"

#include <string.h>

#include "server/store/store_priv.h"

/* What a person waits for comes before what runs through the night. */
static const uint8_t priority_of[STORE_J_KINDS] = {
    [STORE_J_CHECK_SHARE] = 0, [STORE_J_TEST_SHARE] = 0, [STORE_J_RECALL] = 1,
    [STORE_J_RECONCILE] = 2,   [STORE_J_ADOPT] = 2,      [STORE_J_SCAN] = 3,
    [STORE_J_TIER] = 4,        [STORE_J_ARCHIVE] = 4,    [STORE_J_REPAIR] = 2,
};

int
store_work_add(struct store *s, const struct scope *scope, const struct store_work *w,
               struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    if (!scope_sees(scope, w->customer_id)) {
        return al_fail_set(fail, AL_ENOENT, 0, "no such customer");
    }
    AL_TRY(store_run(s, fail,
                     "INSERT INTO work(id, job_id, customer_id, host_id, volume_id, share_id,"
                     " scan_id, kind, priority, state, items, created_ns, bytes)"
                     " VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?12,?10,?11,?13)",
                     S_TEXT(w->id), S_ID(w->job_id), S_TEXT(w->customer_id), S_TEXT(w->host_id),
                     S_ID(w->volume_id), S_ID(w->share_id), S_ID(w->scan_id),
                     S_TEXT(store_job_kind_name(w->kind)), S_U64(priority_of[w->kind]),
                     S_U64(w->items), S_I64(w->created_ns), S_TEXT(w->later ? "later" : "queued"),
                     S_U64(w->bytes)));
    if (w->json.len == 0) {
        return AL_OK;
    }
    /* The cast keeps the span's bytes: TEXT arguments must end with a NUL, which a piece of a
     * buffer does not. */
    return store_run(s, fail, "INSERT INTO work_items(work_id, json) VALUES(?1, CAST(?2 AS TEXT))",
                     S_TEXT(w->id), S_SPAN(w->json));
}

#define WORK_COLUMNS                                                                               \
    "w.id, w.job_id, w.customer_id, w.host_id, w.volume_id, w.share_id, w.scan_id, w.kind,"        \
    " w.items, w.lost, w.created_ns, i.json, j.rule_where, j.rule_id, j.plan_ns, w.state,"         \
    " coalesce(j.stopping,0), w.bytes"
#define WORK_TABLES                                                                                \
    " FROM work w LEFT JOIN work_items i ON i.work_id=w.id LEFT JOIN job j ON j.id=w.job_id "

static int
work_of_row(struct store_stmt *q, struct al_arena *a, struct store_work *ret)
{
    struct store_work w = {0};

    store_col_id(q, 0, w.id);
    store_col_id(q, 1, w.job_id);
    store_col_id(q, 2, w.customer_id);
    store_col_id(q, 3, w.host_id);
    store_col_id(q, 4, w.volume_id);
    store_col_id(q, 5, w.share_id);
    store_col_id(q, 6, w.scan_id);
    w.kind = store_job_kind_of(store_col_text(q, 7));
    w.items = (uint32_t)store_col_u64(q, 8);
    w.lost = (uint32_t)store_col_u64(q, 9);
    w.created_ns = store_col_i64(q, 10);
    AL_TRY(store_col_dup_span(q, 11, a, &w.json));
    AL_TRY(store_col_dup(q, 12, a, &w.rule_where));
    store_col_id(q, 13, w.rule_id);
    w.plan_ns = store_col_i64(q, 14);
    w.dropped = strcmp(store_col_text(q, 15), "dropped") == 0;
    w.pausing = strcmp(store_col_text(q, 15), "pausing") == 0 ||
                strcmp(store_col_text(q, 15), "leaving") == 0 ||
                strcmp(store_col_text(q, 15), "paused") == 0;
    w.stopping = store_col_i64(q, 16) != 0;
    w.bytes = store_col_u64(q, 17);
    *ret = w;
    return AL_OK;
}

int
store_work_get(struct store *s, const struct scope *scope, const char *host_id, const char *id,
               struct al_arena *a, struct store_work *ret, struct al_fail *fail)
{
    struct store_stmt AL_CLEANUP(store_done) *q = NULL;

    AL_TRY(store_query(s, fail, &q,
                       "SELECT " WORK_COLUMNS WORK_TABLES "WHERE w.id=?1 AND w.host_id=?2"
                       " AND (?3 OR w.customer_id=?4)",
                       S_TEXT(id), S_TEXT(host_id), S_SCOPE(scope)));
    AL_TRY(store_step_one(q, "work", fail));
    return work_of_row(q, a, ret);
}

int
store_work_of_scan(struct store *s, const struct scope *scope, const char *host_id,
                   const char *scan_id, struct al_arena *a, struct store_work *ret,
                   struct al_fail *fail)
{
    struct store_stmt AL_CLEANUP(store_done) *q = NULL;

    AL_TRY(store_query(s, fail, &q,
                       "SELECT " WORK_COLUMNS WORK_TABLES "WHERE w.scan_id=?1 AND w.host_id=?2"
                       " AND (?3 OR w.customer_id=?4)",
                       S_TEXT(scan_id), S_TEXT(host_id), S_SCOPE(scope)));
    AL_TRY(store_step_one(q, "scan", fail));
    return work_of_row(q, a, ret);
}

/* ---- leasing ---- */

int
store_work_waiting(struct store *s, const struct scope *scope, const char *host_id,
                   const char *const *running, size_t running_count, size_t max, size_t urgent_max,
                   bool *ret, struct al_fail *fail)
{
    uint64_t found = 0;

    for (size_t i = 0; i < running_count; i++) {
        AL_TRY(store_number(s, fail, &found,
                            "SELECT count(*) FROM work WHERE id=?1 AND host_id=?2"
                            " AND state IN ('leased','queued','leaving')" STORE_SCOPE(3, 4),
                            S_TEXT(running[i]), S_TEXT(host_id), S_SCOPE(scope)));
        if (found == 0) {
            *ret = true; /* something to drop */
            return AL_OK;
        }
    }
    AL_TRY(store_number(s, fail, &found,
                        "SELECT count(*) FROM (SELECT 1 FROM work WHERE host_id=?1"
                        " AND state='queued' AND priority<=?2 AND (?3 OR customer_id=?4) LIMIT 1)",
                        S_TEXT(host_id),
                        S_I64(max > 0          ? UINT8_MAX
                              : urgent_max > 0 ? priority_of[STORE_J_RECALL]
                                               : -1),
                        S_SCOPE(scope)));
    *ret = found > 0;
    return AL_OK;
}

static bool
holds(const char *const *running, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(running[i], id) == 0) {
            return true;
        }
    }
    return false;
}

static int
drop_let_go(struct store *s, const struct scope *scope, const char *host_id,
            const char *const *running, size_t count, struct al_fail *fail)
{
    for (;;) {
        struct store_stmt AL_CLEANUP(store_done) *q = NULL;
        al_id gone = "";
        bool row;

        AL_TRY(store_query(s, fail, &q,
                           "SELECT id FROM work WHERE host_id=?1 AND state='dropped'"
                           " AND (?2 OR customer_id=?3)",
                           S_TEXT(host_id), S_SCOPE(scope)));
        do {
            AL_TRY(store_step(q, &row, fail));
            if (row && !holds(running, count, store_col_text(q, 0))) {
                store_col_id(q, 0, gone);
            }
        } while (row && gone[0] == '\0');
        if (gone[0] == '\0') {
            return AL_OK;
        }
        store_done(&q);
        AL_TRY(store_work_del(s, scope, gone, fail));
    }
}

/* Of a work that is not simply leased. One that is paused already, its lease being over, is the
 * agent's to give back all the same. */
static int
held_how(struct store *s, const struct scope *scope, const char *host_id, const char *id,
         int64_t until_ns, enum store_held *ret, struct al_fail *fail)
{
    struct store_stmt AL_CLEANUP(store_done) *q = NULL;
    enum store_held held = STORE_HELD_NOT;
    bool row;

    AL_TRY(store_query(s, fail, &q,
                       "SELECT state FROM work WHERE id=?1 AND host_id=?2"
                       " AND state IN ('queued','pausing','leaving','paused')" STORE_SCOPE(3, 4),
                       S_TEXT(id), S_TEXT(host_id), S_SCOPE(scope)));
    AL_TRY(store_step(q, &row, fail));
    if (row) {
        const char *state = store_col_text(q, 0);

        held = strcmp(state, "queued") == 0    ? STORE_HELD
               : strcmp(state, "pausing") == 0 ? STORE_HELD_PAUSING
                                               : STORE_HELD_LEAVING;
    }
    store_done(&q);
    *ret = held;
    return store_run(s, fail,
                     "UPDATE work SET lease_until_ns=?2 WHERE id=?1"
                     " AND state IN ('pausing','leaving')",
                     S_TEXT(id), S_I64(until_ns));
}

int
store_work_prolong(struct store *s, const struct scope *scope, const char *host_id,
                   const char *const *running, size_t count, bool fresh, int64_t until_ns,
                   enum store_held *ret_held, struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    for (size_t i = 0; i < count; i++) {
        AL_TRY(store_run(
            s, fail,
            "UPDATE work SET state='leased', lease_until_ns=?3 WHERE id=?1"
            " AND host_id=?2 AND (state='leased' OR (?6 AND state='queued'))" STORE_SCOPE(4, 5),
            S_TEXT(running[i]), S_TEXT(host_id), S_I64(until_ns), S_SCOPE(scope), S_BOOL(fresh)));
        ret_held[i] = STORE_HELD;
        if (store_changes(s) == 0) {
            AL_TRY(held_how(s, scope, host_id, running[i], until_ns, &ret_held[i], fail));
        }
    }
    return drop_let_go(s, scope, host_id, running, count, fail);
}

struct leasing {
    al_id *ids;
    size_t count;
};

static int
lease_pick(struct store *s, const struct scope *scope, const char *host_id, size_t max,
           size_t urgent_max, struct leasing *to, struct al_fail *fail)
{
    struct store_stmt AL_CLEANUP(store_done) *q = NULL;
    size_t plain = 0, urgent = 0;
    bool row;

    AL_TRY(store_query(s, fail, &q,
                       "SELECT id, priority FROM work WHERE host_id=?1 AND state='queued'"
                       " AND (?2 OR customer_id=?3) ORDER BY priority, id LIMIT ?4",
                       S_TEXT(host_id), S_SCOPE(scope), S_U64(max + urgent_max)));
    for (;;) {
        AL_TRY(store_step(q, &row, fail));
        if (!row) {
            return AL_OK;
        }
        if (store_col_i64(q, 1) <= priority_of[STORE_J_RECALL] && urgent < urgent_max) {
            urgent++;
        } else if (plain < max) {
            plain++;
        } else {
            continue;
        }
        store_col_id(q, 0, to->ids[to->count++]);
    }
}

int
store_work_lease(struct store *s, const struct scope *scope, const char *host_id, size_t max,
                 size_t urgent_max, int64_t now_ns, int64_t until_ns, struct al_arena *a,
                 int (*each)(void *ctx, const struct store_work *w), void *ctx,
                 struct al_fail *fail)
{
    struct leasing l = {0};

    AL_TRY(store_need_tx(s, fail));
    l.ids = al_arena_alloc(a, (max + urgent_max + 1) * sizeof(al_id));
    if (l.ids == NULL) {
        return AL_ENOMEM;
    }
    AL_TRY(lease_pick(s, scope, host_id, max, urgent_max, &l, fail));
    for (size_t i = 0; i < l.count; i++) {
        struct store_work w;
        al_id scan_id;

        AL_TRY(store_id_make(s, now_ns, scan_id));
        /* A scan that was cut starts anew: what its first lease sent must not mix with what the
         * next one sends. */
        AL_TRY(store_run(s, fail,
                         "UPDATE work SET state='leased', lease_until_ns=?2,"
                         " scan_id=CASE WHEN kind='scan' THEN ?3 END WHERE id=?1",
                         S_TEXT(l.ids[i]), S_I64(until_ns), S_TEXT(scan_id)));
        AL_TRY(store_work_get(s, scope, host_id, l.ids[i], a, &w, fail));
        AL_TRY(each(ctx, &w));
        if (w.job_id[0] != '\0') {
            AL_TRY(store_job_settle(s, scope, w.job_id, now_ns, NULL, NULL, fail));
        }
    }
    return AL_OK;
}

int
store_work_del(struct store *s, const struct scope *scope, const char *id, struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_run(s, fail, "DELETE FROM work WHERE id=?1" STORE_SCOPE(2, 3), S_TEXT(id),
                     S_SCOPE(scope)));
    return store_need_change(s, "work", fail);
}

int
store_work_items(struct store *s, const struct scope *scope, const char *id, uint32_t items,
                 struct al_span json, struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_run(s, fail, "UPDATE work SET items=?2 WHERE id=?1" STORE_SCOPE(3, 4), S_TEXT(id),
                     S_U64(items), S_SCOPE(scope)));
    AL_TRY(store_need_change(s, "work", fail));
    return store_run(s, fail, "UPDATE work_items SET json=CAST(?2 AS TEXT) WHERE work_id=?1",
                     S_TEXT(id), S_SPAN(json));
}

int
store_work_back(struct store *s, const struct scope *scope, const char *id, struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    return store_run(
        s, fail,
        "UPDATE work SET state='queued', lost=lost+1 WHERE id=?1 AND state='leased'" STORE_SCOPE(2,
                                                                                                 3),
        S_TEXT(id), S_SCOPE(scope));
}

/* ---- held ---- */

int
store_work_hold(struct store *s, const struct scope *scope, const char *id, int64_t now_ns,
                struct al_fail *fail)
{
    uint64_t held;
    int64_t wait = 0;

    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_number(s, fail, &held, "SELECT held FROM work WHERE id=?1" STORE_SCOPE(2, 3),
                        S_TEXT(id), S_SCOPE(scope)));
    /* A share that its check finds well and that fails at once all the same (nearly full) must not
     * be tried in a circle. */
    if (held >= WORK_HOLD_FREE) {
        uint64_t doublings = held - WORK_HOLD_FREE;
        wait = doublings > 5 ? WORK_HOLD_NS_MAX : WORK_HOLD_NS << doublings;
        wait = wait > WORK_HOLD_NS_MAX ? WORK_HOLD_NS_MAX : wait;
    }
    AL_TRY(store_run(s, fail,
                     "UPDATE work SET state='held', held=held+1, hold_until_ns=?2"
                     " WHERE id=?1 AND state IN ('leased','queued')",
                     S_TEXT(id), S_I64(now_ns + wait)));
    return AL_OK;
}

int
store_work_hold_job(struct store *s, const struct scope *scope, const char *job_id, int64_t now_ns,
                    struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    return store_run(s, fail,
                     "UPDATE work SET state='held', hold_until_ns=?2 WHERE job_id=?1"
                     " AND state='queued'" STORE_SCOPE(3, 4),
                     S_TEXT(job_id), S_I64(now_ns), S_SCOPE(scope));
}

int
store_work_hold_share(struct store *s, const struct scope *scope, const char *share_id,
                      bool reads_too, bool all, int64_t now_ns,
                      int (*each)(void *ctx, const char *job_id), void *ctx, struct al_fail *fail)
{
    al_id jobs[256]; /* jobs of one share that wait at the same time; the rest is held by the next
                        call */
    size_t count = 0;
    bool row;
    {
        struct store_stmt AL_CLEANUP(store_done) *q = NULL;

        AL_TRY(store_need_tx(s, fail));
        AL_TRY(store_query(s, fail, &q,
                           "SELECT DISTINCT job_id FROM work WHERE share_id=?1"
                           " AND (state='queued' OR (?5 AND state='held'))"
                           " AND (kind IN ('tier','archive') OR (?2 AND kind IN "
                           "('recall','repair'))) AND (?3 OR customer_id=?4)"
                           " AND job_id IS NOT NULL LIMIT 256",
                           S_TEXT(share_id), S_BOOL(reads_too), S_SCOPE(scope), S_BOOL(all)));
        do {
            AL_TRY(store_step(q, &row, fail));
            if (row) {
                store_col_id(q, 0, jobs[count++]);
            }
        } while (row && count < AL_LEN(jobs));
    }
    for (size_t i = 0; i < count; i++) {
        AL_TRY(
            store_run(s, fail,
                      "UPDATE work SET state='held', hold_until_ns=?3 WHERE job_id=?1"
                      " AND state='queued' AND share_id=?2"
                      " AND (kind IN ('tier','archive') OR (?4 AND kind IN ('recall','repair')))",
                      S_TEXT(jobs[i]), S_TEXT(share_id), S_I64(now_ns), S_BOOL(reads_too)));
        AL_TRY(each(ctx, jobs[i]));
    }
    return AL_OK;
}

/* ---- lists of works that something happened to ---- */

#define REFS_MAX 4096u /* of one call: a bounded transaction; the next tick takes the rest */

int
store_work_refs(struct store_stmt *q, struct al_arena *a, struct store_work_ref **ret,
                size_t *ret_count, struct al_fail *fail)
{
    struct store_work_ref *refs = al_arena_alloc(a, REFS_MAX * sizeof(*refs));
    size_t count = 0;
    bool row;

    if (refs == NULL) {
        return AL_ENOMEM;
    }
    for (;;) {
        AL_TRY(store_step(q, &row, fail));
        if (!row || count == REFS_MAX) {
            break;
        }
        store_col_id(q, 0, refs[count].work_id);
        store_col_id(q, 1, refs[count].job_id);
        store_col_id(q, 2, refs[count].customer_id);
        store_col_id(q, 3, refs[count].host_id);
        store_col_id(q, 4, refs[count].share_id);
        refs[count].kind = store_job_kind_of(store_col_text(q, 5));
        refs[count].lost = (uint32_t)store_col_u64(q, 6);
        count++;
    }
    *ret = refs;
    *ret_count = count;
    return AL_OK;
}

int
store_work_release(struct store *s, const struct scope *scope, const char *share_id, int64_t now_ns,
                   struct al_arena *a, struct store_work_ref **ret, size_t *ret_count,
                   struct al_fail *fail)
{
    {
        struct store_stmt AL_CLEANUP(store_done) *q = NULL;

        AL_TRY(store_need_tx(s, fail));
        AL_TRY(
            store_query(s, fail, &q,
                        "SELECT " STORE_REF_COLUMNS " FROM work w JOIN share h ON h.id=w.share_id"
                        " WHERE w.state='held' AND w.hold_until_ns<=?1"
                        " AND (?2 IS NULL OR w.share_id=?2) AND (h.state='ok'"
                        "  OR (w.kind IN ('recall','repair') AND h.state IN ('full','read_only')))"
                        " AND (?3 OR w.customer_id=?4)",
                        S_I64(now_ns), S_ID(share_id), S_SCOPE(scope)));
        AL_TRY(store_work_refs(q, a, ret, ret_count, fail));
    }
    for (size_t i = 0; i < *ret_count; i++) {
        AL_TRY(store_run(s, fail, "UPDATE work SET state='queued' WHERE id=?1 AND state='held'",
                         S_TEXT((*ret)[i].work_id)));
    }
    return AL_OK;
}

int
store_work_expire(struct store *s, const struct scope *scope, int64_t now_ns, struct al_arena *a,
                  struct store_work_ref **ret, size_t *ret_count, struct al_fail *fail)
{
    {
        struct store_stmt AL_CLEANUP(store_done) *q = NULL;

        AL_TRY(store_need_tx(s, fail));
        AL_TRY(store_run(s, fail,
                         "DELETE FROM work WHERE state='dropped' AND lease_until_ns<=?1"
                         " AND (?2 OR customer_id=?3)",
                         S_I64(now_ns), S_SCOPE(scope)));
        AL_TRY(store_run(s, fail,
                         "DELETE FROM work WHERE job_id IS NULL AND kind='check_share'"
                         " AND state='queued' AND created_ns<=?1 AND (?2 OR customer_id=?3)",
                         S_I64(now_ns - SHARE_CHECK_STALE_NS), S_SCOPE(scope)));
        AL_TRY(store_query(s, fail, &q,
                           "SELECT " STORE_REF_COLUMNS " FROM work w WHERE w.state='leased'"
                           " AND w.lease_until_ns<=?1 AND (?2 OR w.customer_id=?3)",
                           S_I64(now_ns), S_SCOPE(scope)));
        AL_TRY(store_work_refs(q, a, ret, ret_count, fail));
    }
    for (size_t i = 0; i < *ret_count; i++) {
        struct store_work_ref *r = &(*ret)[i];

        r->lost++;
        if (r->lost > WORK_LOST_MAX) {
            continue; /* the caller ends it, and says what became of its files */
        }
        AL_TRY(store_run(s, fail, "UPDATE work SET state='queued', lost=lost+1 WHERE id=?1",
                         S_TEXT(r->work_id)));
    }
    return AL_OK;
}

int
store_work_due(struct store *s, const struct scope *scope, int64_t now_ns, bool *ret,
               struct al_fail *fail)
{
    uint64_t due;

    AL_TRY(store_number(
        s, fail, &due,
        "SELECT EXISTS(SELECT 1 FROM work WHERE state IN " STORE_WORK_LENT
        "  AND lease_until_ns<=?1)"
        " OR EXISTS(SELECT 1 FROM work w JOIN share h ON h.id=w.share_id"
        "  WHERE w.state='held' AND (h.state='ok' OR h.checked_ns<=?2) AND w.hold_until_ns<=?1)"
        " OR EXISTS(SELECT 1 FROM host WHERE online=1 AND last_seen_ns<=?3)"
        " OR EXISTS(SELECT 1 FROM share WHERE checked_ns<=?4 OR (state<>'ok' AND checked_ns<=?5))"
        /* store_clock_back */
        " OR EXISTS(SELECT 1 FROM host WHERE online=1 AND last_seen_ns>?6)"
        " OR EXISTS(SELECT 1 FROM share WHERE checked_ns>?6)"
        " OR EXISTS(SELECT 1 FROM work WHERE state IN ('leased','dropped') AND lease_until_ns>?7)"
        " OR EXISTS(SELECT 1 FROM share_test WHERE state IN ('queued','running')"
        "  AND (created_ns<=?8 OR created_ns>?6))",
        S_I64(now_ns), S_I64(now_ns - SHARE_CHECK_EVERY_NS), S_I64(now_ns - HOST_OFFLINE_NS),
        S_I64(now_ns - SHARE_LOOK_EVERY_NS), S_I64(now_ns - SHARE_CHECK_SOON_NS),
        S_I64(now_ns + CLOCK_SLACK_NS), S_I64(now_ns + WORK_LEASE_NS + CLOCK_SLACK_NS),
        S_I64(now_ns - SHARE_TEST_WAIT_NS)));
    (void)scope;
    *ret = due != 0;
    return AL_OK;
}
