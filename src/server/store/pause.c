#include "server/store/job.h"

#include "server/store/store_priv.h"
#include "server/store/work.h"

/* Jobs that are paused, resumed, and ended before their time.
 *
 *   queued, held ──pause──▶ paused ──resume──▶ queued
 *   leased ──pause or stop──▶ pausing ──told──▶ leaving ──given back, or lease over──▶ paused | (gone)
 *
 * What is resumed before the agent gave it back is leased as before; the agent's end of it, code
 * cancelled, puts it back into the queue. */

int
store_job_pause(struct store *s, const struct scope *scope, const char *id, const char *reason,
                int64_t until_ns, const char *text, int64_t now_ns, bool *ret_changed,
                struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_run(s, fail,
                     "UPDATE job SET pause_reason=?2, pause_until_ns=?3, pause_text=?4, text=?4,"
                     " paused_from_ns=iif(state='paused', paused_from_ns, ?5), version=version+1"
                     " WHERE id=?1 AND stopping=0 AND state IN " STORE_JOB_OPEN STORE_SCOPE(6, 7),
                     S_TEXT(id), S_TEXT(reason), S_I64(until_ns), S_TEXT(text), S_I64(now_ns),
                     S_SCOPE(scope)));
    *ret_changed = store_changes(s) > 0;
    if (!*ret_changed) {
        return AL_OK;
    }
    AL_TRY(store_run(
        s, fail, "UPDATE work SET state='paused' WHERE job_id=?1 AND state IN ('queued','held')",
        S_TEXT(id)));
    return store_run(s, fail, "UPDATE work SET state='pausing' WHERE job_id=?1 AND state='leased'",
                     S_TEXT(id));
}

int
store_job_resume(struct store *s, const struct scope *scope, const char *id, int64_t now_ns,
                 bool *ret_changed, struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_run(s, fail,
                     "UPDATE job SET pause_reason='', pause_until_ns=0, pause_text='', text='',"
                     " paused_ns=paused_ns+max(0, ?2-paused_from_ns), paused_from_ns=0, look_ns=0,"
                     " version=version+1"
                     " WHERE id=?1 AND state='paused' AND stopping=0" STORE_SCOPE(3, 4),
                     S_TEXT(id), S_I64(now_ns), S_SCOPE(scope)));
    *ret_changed = store_changes(s) > 0;
    if (!*ret_changed) {
        return AL_OK;
    }
    AL_TRY(store_run(s, fail, "UPDATE work SET state='queued' WHERE job_id=?1 AND state='paused'",
                     S_TEXT(id)));
    return store_run(
        s, fail,
        "UPDATE work SET state='leased' WHERE job_id=?1 AND state IN ('pausing','leaving')",
        S_TEXT(id));
}

int
store_job_stop(struct store *s, const struct scope *scope, const char *id, const char *reason,
               const char *text, int code, bool *ret_changed, struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_run(s, fail,
                     "UPDATE job SET stopping=1, pause_reason=?2, pause_text=?3, text=?3,"
                     " pause_until_ns=0, end_code=iif(?4=0, end_code, ?4), version=version+1"
                     " WHERE id=?1 AND stopping=0 AND state IN " STORE_JOB_OPEN STORE_SCOPE(5, 6),
                     S_TEXT(id), S_TEXT(reason), S_TEXT(text), S_I64(code), S_SCOPE(scope)));
    *ret_changed = store_changes(s) > 0;
    if (!*ret_changed) {
        return AL_OK;
    }
    AL_TRY(store_run(
        s, fail, "DELETE FROM work WHERE job_id=?1 AND state IN ('queued','held','paused','later')",
        S_TEXT(id)));
    return store_run(s, fail, "UPDATE work SET state='pausing' WHERE job_id=?1 AND state='leased'",
                     S_TEXT(id));
}

int
store_job_look(struct store *s, const struct scope *scope, const char *id, int64_t look_ns,
               struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    return store_run(s, fail, "UPDATE job SET look_ns=?2 WHERE id=?1" STORE_SCOPE(3, 4), S_TEXT(id),
                     S_I64(look_ns), S_SCOPE(scope));
}

/* ---- slices ---- */

static int
next_later(struct store *s, const char *job_id, al_id ret_id, uint64_t *ret_bytes, bool *ret_there,
           struct al_fail *fail)
{
    struct store_stmt AL_CLEANUP(store_done) *q = NULL;

    AL_TRY(store_query(s, fail, &q,
                       "SELECT id, bytes FROM work WHERE job_id=?1 AND state='later'"
                       " ORDER BY id LIMIT 1",
                       S_TEXT(job_id)));
    AL_TRY(store_step(q, ret_there, fail));
    if (*ret_there) {
        store_col_id(q, 0, ret_id);
        *ret_bytes = store_col_u64(q, 1);
    }
    return AL_OK;
}

int
store_job_slice(struct store *s, const struct scope *scope, const char *id, uint64_t bytes,
                uint64_t *ret_works, struct al_fail *fail)
{
    uint64_t out = 0, of_this = 0, works = 0;
    al_id work;
    bool there;

    AL_TRY(store_need_tx(s, fail));
    for (;;) {
        AL_TRY(next_later(s, id, work, &of_this, &there, fail));
        if (!there || (works > 0 && out + of_this > bytes)) {
            *ret_works = works;
            return AL_OK;
        }
        AL_TRY(store_run(s, fail, "UPDATE work SET state='queued' WHERE id=?1" STORE_SCOPE(2, 3),
                         S_TEXT(work), S_SCOPE(scope)));
        AL_TRY(store_need_change(s, "work", fail));
        out += of_this;
        works++;
    }
}

int
store_job_slice_over(struct store *s, const struct scope *scope, const char *id, int64_t now_ns,
                     struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    return store_run(s, fail,
                     "UPDATE job SET slice_ns=?2 WHERE id=?1" STORE_SCOPE(
                         3, 4) " AND EXISTS(SELECT 1 FROM work WHERE job_id=?1 AND state='later')",
                     S_TEXT(id), S_I64(now_ns), S_SCOPE(scope));
}

/* ---- works that were given back ---- */

int
store_work_pause(struct store *s, const struct scope *scope, const char *id, uint32_t items,
                 struct al_span json, struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    if (items > 0) {
        AL_TRY(store_work_items(s, scope, id, items, json, fail));
    }
    return store_run(s, fail,
                     "UPDATE work SET state='paused' WHERE id=?1"
                     " AND state IN ('pausing','leaving')" STORE_SCOPE(2, 3),
                     S_TEXT(id), S_SCOPE(scope));
}

int
store_work_told(struct store *s, const struct scope *scope, const char *host_id,
                struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    return store_run(s, fail,
                     "UPDATE work SET state='leaving' WHERE host_id=?1"
                     " AND state='pausing'" STORE_SCOPE(2, 3),
                     S_TEXT(host_id), S_SCOPE(scope));
}

#define LEFT                                                                                       \
    " FROM work w WHERE w.state IN " STORE_WORK_LENT " AND w.lease_until_ns<=?1"                   \
    " AND w.state IN ('pausing','leaving') AND (?2 OR w.customer_id=?3)"

int
store_work_left_due(struct store *s, const struct scope *scope, int64_t now_ns, bool *ret,
                    struct al_fail *fail)
{
    uint64_t found = 0;

    AL_TRY(store_number(s, fail, &found, "SELECT EXISTS(SELECT 1" LEFT ")", S_I64(now_ns),
                        S_SCOPE(scope)));
    *ret = found != 0;
    return AL_OK;
}

int
store_work_left(struct store *s, const struct scope *scope, int64_t now_ns, struct al_arena *a,
                struct store_work_ref **ret, size_t *ret_count, struct al_fail *fail)
{
    {
        struct store_stmt AL_CLEANUP(store_done) *q = NULL;

        AL_TRY(store_need_tx(s, fail));
        AL_TRY(store_query(s, fail, &q, "SELECT " STORE_REF_COLUMNS LEFT, S_I64(now_ns),
                           S_SCOPE(scope)));
        AL_TRY(store_work_refs(q, a, ret, ret_count, fail));
    }
    for (size_t i = 0; i < *ret_count; i++) {
        const char *id = (*ret)[i].work_id;

        AL_TRY(store_run(s, fail,
                         "DELETE FROM work WHERE id=?1"
                         " AND (SELECT stopping FROM job WHERE id=work.job_id)=1",
                         S_TEXT(id)));
        AL_TRY(store_run(s, fail, "UPDATE work SET state='paused' WHERE id=?1", S_TEXT(id)));
    }
    return AL_OK;
}

/* ---- what is to be watched ---- */

static int
watch_of(struct store_stmt *q, struct al_arena *a, struct store_job_watch *ret)
{
    struct store_job_watch w = {0};

    store_col_id(q, 0, w.id);
    store_col_id(q, 1, w.customer_id);
    store_col_id(q, 2, w.host_id);
    store_col_id(q, 3, w.volume_id);
    store_col_id(q, 4, w.rule_id);
    w.kind = store_job_kind_of(store_col_text(q, 5));
    w.stopping = store_col_i64(q, 6) != 0;
    AL_TRY(store_col_dup(q, 7, a, &w.pause_reason));
    AL_TRY(store_col_dup(q, 8, a, &w.rule_name));
    AL_TRY(store_col_dup(q, 9, a, &w.windows));
    w.look_ns = store_col_i64(q, 10);
    w.started_ns = store_col_i64(q, 11);
    w.paused_from_ns = store_col_i64(q, 12);
    w.paused_ns = store_col_i64(q, 13);
    w.slice_ns = store_col_i64(q, 14);
    w.space_ns = store_col_i64(q, 15);
    w.done_files = store_col_u64(q, 16);
    w.failed_files = store_col_u64(q, 17);
    w.limit_minutes = store_col_u64(q, 18);
    w.limit_error_percent = store_col_u64(q, 19);
    w.stop_used_percent = store_col_u64(q, 20);
    w.bytes_total = store_col_u64(q, 21);
    w.bytes_free = store_col_u64(q, 22);
    w.works_out = store_col_u64(q, 23);
    w.works_later = store_col_u64(q, 24);
    *ret = w;
    return AL_OK;
}

/* Failed files are counted for good only where their share is reached: the counter holds those too
 * that wait for it. */
int
store_job_watched(struct store *s, const struct scope *scope, int64_t now_ns, struct al_arena *a,
                  int (*each)(void *ctx, const struct store_job_watch *w), void *ctx,
                  struct al_fail *fail)
{
    struct store_stmt AL_CLEANUP(store_done) *q = NULL;
    bool row;

    AL_TRY(store_query(
        s, fail, &q,
        "SELECT j.id, j.customer_id, j.host_id, j.volume_id, r.id, j.kind, j.stopping,"
        " j.pause_reason, coalesce(r.name,''), r.windows, j.look_ns, j.started_ns,"
        " j.paused_from_ns, j.paused_ns, j.slice_ns, coalesce(v.space_ns,0), j.done_files,"
        " iif(r.limit_error_percent>0 AND j.failed_files>0,"
        "  (SELECT count(*) FROM outcome o WHERE o.job_id=j.id AND o.class=2), 0),"
        " coalesce(r.limit_minutes,0), coalesce(r.limit_error_percent,0),"
        " coalesce(r.stop_used_percent,0), coalesce(v.bytes_total,0), coalesce(v.bytes_free,0),"
        " iif(r.stop_used_percent>0, (SELECT count(*) FROM work w WHERE w.job_id=j.id"
        "  AND w.state NOT IN ('later','dropped')), 0),"
        " iif(r.stop_used_percent>0, (SELECT count(*) FROM work w WHERE w.job_id=j.id"
        "  AND w.state='later'), 0)"
        " FROM job j LEFT JOIN rule r ON r.id=j.rule_id LEFT JOIN volume v ON v.id=j.volume_id"
        " WHERE j.state IN " STORE_JOB_OPEN " AND j.rule_id IS NOT NULL AND j.stopping=0"
        " AND (r.limit_minutes>0 OR r.limit_error_percent>0 OR r.stop_used_percent>0"
        "  OR (r.windows IS NOT NULL AND j.look_ns<=?1)"
        "  OR (r.windows IS NULL AND j.pause_reason='window'))"
        " AND (?2 OR j.customer_id=?3) ORDER BY j.id",
        S_I64(now_ns), S_SCOPE(scope)));
    for (;;) {
        struct store_job_watch w;

        AL_TRY(store_step(q, &row, fail));
        if (!row) {
            return AL_OK;
        }
        AL_TRY(watch_of(q, a, &w));
        AL_TRY(each(ctx, &w));
    }
}
