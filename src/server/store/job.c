#include "server/store/job.h"

#include <stdio.h>
#include <string.h>

#include "server/store/store_priv.h"

static const char *const kind_names[STORE_J_KINDS] = {
    [STORE_J_SCAN] = "scan",           [STORE_J_TIER] = "tier",
    [STORE_J_RECALL] = "recall",       [STORE_J_CHECK_SHARE] = "check_share",
    [STORE_J_RECONCILE] = "reconcile", [STORE_J_ARCHIVE] = "archive",
    [STORE_J_ADOPT] = "adopt",         [STORE_J_TEST_SHARE] = "test_share",
    [STORE_J_REPAIR] = "repair",
};
static const char *const state_names[STORE_J_STATES] = {
    [STORE_J_QUEUED] = "queued",       [STORE_J_RUNNING] = "running",
    [STORE_J_DONE] = "done",           [STORE_J_FAILED] = "failed",
    [STORE_J_CANCELLED] = "cancelled", [STORE_J_SUSPENDED] = "suspended",
    [STORE_J_PAUSED] = "paused",
};

bool
store_job_kind_moves(enum store_job_kind kind)
{
    return store_job_kind_writes(kind) || kind == STORE_J_RECALL || kind == STORE_J_REPAIR;
}

bool
store_job_kind_writes(enum store_job_kind kind)
{
    return kind == STORE_J_TIER || kind == STORE_J_ARCHIVE;
}

const char *
store_job_kind_name(enum store_job_kind kind)
{
    return (unsigned)kind < STORE_J_KINDS ? kind_names[kind] : "unknown";
}

enum store_job_kind
store_job_kind_of(const char *name)
{
    for (unsigned i = 0; i < STORE_J_KINDS; i++) {
        if (strcmp(kind_names[i], name) == 0) {
            return (enum store_job_kind)i;
        }
    }
    return STORE_J_RECONCILE;
}

const char *
store_job_state_name(enum store_job_state state)
{
    return (unsigned)state < STORE_J_STATES ? state_names[state] : "unknown";
}

bool
store_job_state_open(enum store_job_state state)
{
    return state == STORE_J_QUEUED || state == STORE_J_RUNNING || state == STORE_J_SUSPENDED ||
           state == STORE_J_PAUSED;
}

/* A word the database holds, as its number; the last one for a word of a newer program. */
static unsigned
word_of(const char *text, const char *const *names, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(names[i], text) == 0) {
            return i;
        }
    }
    return count - 1;
}

/* ---- as JSON ---- */

#define REASON_KEYS "'reason',reason,'code',code,'files',files,'sample_path',sample"

static const struct store_field job_fields[] = {
    {"id", "t.id", STORE_K_TEXT},
    {"customer_id", "t.customer_id", STORE_K_TEXT},
    {"host_id", "t.host_id", STORE_K_TEXT},
    {"volume_id", "t.volume_id", STORE_K_TEXT},
    {"rule_id", "t.rule_id", STORE_K_TEXT},
    {"rule_version", "nullif(t.rule_version, 0)", STORE_K_INT},
    {"share_id", "t.share_id", STORE_K_TEXT},
    {"kind", "t.kind", STORE_K_TEXT},
    {"state", "t.state", STORE_K_TEXT},
    {"total_files", "t.total_files", STORE_K_INT},
    {"total_bytes", "t.total_bytes", STORE_K_INT},
    {"done_files", "t.done_files", STORE_K_INT},
    {"done_bytes", "t.done_bytes", STORE_K_INT},
    {"freed_bytes", "t.freed_bytes", STORE_K_INT},
    {"refused_files", "t.refused_files", STORE_K_INT},
    {"failed_files", "t.failed_files", STORE_K_INT},
    {"reasons",
     "(SELECT json_group_array(CASE WHEN sample_b64 IS NULL THEN json_object(" REASON_KEYS ")"
     " ELSE json_object(" REASON_KEYS ",'sample_path_b64',sample_b64) END)"
     " FROM (SELECT * FROM job_reason r WHERE r.job_id=t.id ORDER BY files DESC, reason, code))",
     STORE_K_JSON},
    {"reconcile",
     "CASE WHEN t.kind='reconcile' THEN json_object("
     "'markers',t.done_files+t.refused_files+t.failed_files,'adopted',t.adopted_files,"
     "'dropped',t.dropped_files,'finished',t.finished_files,'alarms',t.failed_files,"
     "'waiting',t.refused_files,'unreadable',coalesce((SELECT sum(files) FROM job_reason r"
     " WHERE r.job_id=t.id AND r.reason='unreadable'),0)) ELSE 'null' END",
     STORE_K_JSON},
    {"scan", "CASE WHEN t.scan='' THEN 'null' ELSE t.scan END", STORE_K_JSON},
    {"pause",
     "CASE WHEN t.pause_reason='' THEN 'null' ELSE json_object('reason',t.pause_reason,"
     "'until'," STORE_TIME_TEXT("t.pause_until_ns") ",'text',t.pause_text) END",
     STORE_K_JSON},
    {"text", "t.text", STORE_K_TEXT},
    {"created_by", "t.created_by", STORE_K_TEXT},
    {"created_at", "t.created_ns", STORE_K_TIME},
    {"started_at", "t.started_ns", STORE_K_TIME},
    {"ended_at", "t.ended_ns", STORE_K_TIME},
    {"version", "t.version", STORE_K_INT},
};
static const struct store_filter_kind job_filters[] = {
    {"customer_id", "t.customer_id", STORE_T_EQ, STORE_K_TEXT},
    {"volume_id", "t.volume_id", STORE_T_EQ, STORE_K_TEXT},
    {"rule_id", "t.rule_id", STORE_T_EQ, STORE_K_TEXT},
    {"share_id", "t.share_id", STORE_T_EQ, STORE_K_TEXT},
    {"state", "t.state", STORE_T_EQ, STORE_K_TEXT},
    {"kind", "t.kind", STORE_T_EQ, STORE_K_TEXT},
};
const struct store_noun store_jobs = {
    .what = "job",
    .from = "job t",
    .id = "t.id",
    .customer = "t.customer_id",
    .order = "t.id",
    .order_kind = STORE_K_TEXT,
    .newest_first = true,
    .version = "t.version",
    .fields = job_fields,
    .field_count = AL_LEN(job_fields),
    .filters = job_filters,
    .filter_count = AL_LEN(job_filters),
};

/* ---- jobs ---- */

int
store_job_add(struct store *s, const struct scope *scope, const struct store_job *j,
              struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    if (!scope_sees(scope, j->customer_id)) {
        return al_fail_set(fail, AL_ENOENT, 0, "no such customer");
    }
    return store_run(
        s, fail,
        "INSERT INTO job(id, customer_id, host_id, volume_id, rule_id, share_id, kind, state,"
        " total_files, total_bytes, refused_files, text, rule_where, plan_ns, created_by,"
        " created_ns, rule_version, scan_whole)"
        " VALUES(?1,?2,?3,?4,?5,?6,?7,'queued',?8,?9,?10,?11,?12,?13,?14,?15,?16,?17)",
        S_TEXT(j->id), S_TEXT(j->customer_id), S_TEXT(j->host_id), S_ID(j->volume_id),
        S_ID(j->rule_id), S_ID(j->share_id), S_TEXT(store_job_kind_name(j->kind)),
        S_U64(j->total_files), S_U64(j->total_bytes), S_U64(j->refused_files),
        S_TEXT(j->text == NULL ? "" : j->text), S_TEXT(j->rule_where), S_I64(j->plan_ns),
        S_TEXT(j->created_by), S_I64(j->created_ns), S_U64(j->rule_version), S_BOOL(j->whole));
}

static int
job_of_row(struct store_stmt *q, struct al_arena *a, struct store_job *ret)
{
    struct store_job j = {0};

    store_col_id(q, 0, j.id);
    store_col_id(q, 1, j.customer_id);
    store_col_id(q, 2, j.host_id);
    store_col_id(q, 3, j.volume_id);
    store_col_id(q, 4, j.rule_id);
    store_col_id(q, 5, j.share_id);
    j.kind = (enum store_job_kind)word_of(store_col_text(q, 6), kind_names, STORE_J_KINDS);
    j.state = (enum store_job_state)word_of(store_col_text(q, 7), state_names, STORE_J_STATES);
    j.total_files = store_col_u64(q, 8);
    j.total_bytes = store_col_u64(q, 9);
    j.done_files = store_col_u64(q, 10);
    j.done_bytes = store_col_u64(q, 11);
    j.freed_bytes = store_col_u64(q, 12);
    j.refused_files = store_col_u64(q, 13);
    j.failed_files = store_col_u64(q, 14);
    j.end_code = (int)store_col_i64(q, 15);
    AL_TRY(store_col_dup(q, 16, a, &j.text));
    AL_TRY(store_col_dup(q, 17, a, &j.rule_where));
    j.plan_ns = store_col_i64(q, 18);
    AL_TRY(store_col_dup(q, 19, a, &j.created_by));
    j.created_ns = store_col_i64(q, 20);
    j.started_ns = store_col_i64(q, 21);
    j.ended_ns = store_col_i64(q, 22);
    j.version = store_col_u64(q, 23);
    j.rule_version = store_col_u64(q, 24);
    AL_TRY(store_col_dup(q, 25, a, &j.pause_reason));
    AL_TRY(store_col_dup(q, 26, a, &j.pause_text));
    j.stopping = store_col_i64(q, 27) != 0;
    j.whole = store_col_i64(q, 28) != 0;
    *ret = j;
    return AL_OK;
}

int
store_job_get(struct store *s, const struct scope *scope, const char *id, struct al_arena *a,
              struct store_job *ret, struct al_fail *fail)
{
    struct store_stmt AL_CLEANUP(store_done) *q = NULL;

    AL_TRY(store_query(
        s, fail, &q,
        "SELECT id, customer_id, host_id, volume_id, rule_id, share_id, kind, state, total_files,"
        " total_bytes, done_files, done_bytes, freed_bytes, refused_files, failed_files, end_code,"
        " text, rule_where, plan_ns, created_by, created_ns, started_ns, ended_ns, version,"
        " rule_version, pause_reason, pause_text, stopping, scan_whole"
        " FROM job WHERE id=?1" STORE_SCOPE(2, 3),
        S_TEXT(id), S_SCOPE(scope)));
    AL_TRY(store_step_one(q, "job", fail));
    return job_of_row(q, a, ret);
}

int
store_job_find_open(struct store *s, const struct scope *scope, enum store_job_kind kind,
                    const char *volume_id, const char *rule_id, const char *share_id, al_id ret,
                    struct al_fail *fail)
{
    struct store_stmt AL_CLEANUP(store_done) *q = NULL;

    AL_TRY(store_query(s, fail, &q,
                       "SELECT id FROM job WHERE state IN " STORE_JOB_OPEN
                       " AND kind=?1 AND (?2 IS NULL OR volume_id=?2)"
                       " AND (?3 IS NULL OR rule_id=?3) AND (?4 IS NULL OR share_id=?4)"
                       " AND (?5 OR customer_id=?6) ORDER BY id LIMIT 1",
                       S_TEXT(store_job_kind_name(kind)), S_ID(volume_id), S_ID(rule_id),
                       S_ID(share_id), S_SCOPE(scope)));
    AL_TRY(store_step_one(q, "job", fail));
    store_col_id(q, 0, ret);
    return AL_OK;
}

int
store_job_count_open(struct store *s, const struct scope *scope, const char *volume_id,
                     uint64_t *ret, struct al_fail *fail)
{
    return store_number(s, fail, ret,
                        "SELECT count(*) FROM job WHERE state IN " STORE_JOB_OPEN
                        " AND (?1 IS NULL OR volume_id=?1)" STORE_SCOPE(2, 3),
                        S_ID(volume_id), S_SCOPE(scope));
}

int
store_job_count(struct store *s, const struct scope *scope, const char *id,
                const struct store_job_delta *d, struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_run(
        s, fail,
        "UPDATE job SET total_files=max(0,total_files+?2), total_bytes=max(0,total_bytes+?3),"
        " done_files=max(0,done_files+?4), done_bytes=max(0,done_bytes+?5),"
        " freed_bytes=max(0,freed_bytes+?6), refused_files=max(0,refused_files+?7),"
        " failed_files=max(0,failed_files+?8), adopted_files=adopted_files+?11,"
        " dropped_files=dropped_files+?12, finished_files=finished_files+?13,"
        " version=version+1 WHERE id=?1" STORE_SCOPE(9, 10),
        S_TEXT(id), S_I64(d->total_files), S_I64(d->total_bytes), S_I64(d->done_files),
        S_I64(d->done_bytes), S_I64(d->freed_bytes), S_I64(d->refused_files),
        S_I64(d->failed_files), S_SCOPE(scope), S_I64(d->adopted_files), S_I64(d->dropped_files),
        S_I64(d->finished_files)));
    return store_need_change(s, "job", fail);
}

int
store_job_progress(struct store *s, const struct scope *scope, const char *id, uint64_t files,
                   uint64_t bytes, struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_run(s, fail,
                     "UPDATE job SET done_files=?2, done_bytes=?3, version=version+1"
                     " WHERE id=?1" STORE_SCOPE(4, 5),
                     S_TEXT(id), S_U64(files), S_U64(bytes), S_SCOPE(scope)));
    return store_need_change(s, "job", fail);
}

int
store_job_scanned(struct store *s, const struct scope *scope, const char *id, uint64_t files,
                  uint64_t unreadable, struct al_span scan, struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_run(s, fail,
                     "UPDATE job SET total_files=?2, done_files=?2, scan=CAST(?3 AS TEXT),"
                     " version=version+1 WHERE id=?1" STORE_SCOPE(4, 5),
                     S_TEXT(id), S_U64(files), S_SPAN(scan), S_SCOPE(scope)));
    AL_TRY(store_need_change(s, "job", fail));
    if (unreadable == 0) {
        return AL_OK;
    }
    return store_job_reason(s, scope, id, "unreadable", al_code_name(AL_EACCES),
                            (int64_t)unreadable, (struct al_span){0}, fail);
}

/* A reason as it stands; at 0 it goes. */
static int
reason_is(struct store *s, const char *id, const char *reason, int code, uint64_t files,
          struct al_fail *fail)
{
    if (files == 0) {
        return store_run(s, fail, "DELETE FROM job_reason WHERE job_id=?1 AND reason=?2",
                         S_TEXT(id), S_TEXT(reason));
    }
    return store_run(s, fail,
                     "INSERT INTO job_reason(job_id, reason, code, files, sample)"
                     " VALUES(?1,?2,?3,?4,'')"
                     " ON CONFLICT(job_id, reason, code) DO UPDATE SET files=?4",
                     S_TEXT(id), S_TEXT(reason), S_TEXT(al_code_name(code)), S_U64(files));
}

int
store_job_walked(struct store *s, const struct scope *scope, const char *id, uint64_t markers,
                 uint64_t unreadable, uint64_t later, struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_run(s, fail,
                     "UPDATE job SET done_files=max(0,?2-?3-failed_files), refused_files=?3,"
                     " version=version+1 WHERE id=?1" STORE_SCOPE(4, 5),
                     S_TEXT(id), S_U64(markers), S_U64(later), S_SCOPE(scope)));
    AL_TRY(store_need_change(s, "job", fail));
    AL_TRY(reason_is(s, id, "unreadable", AL_EACCES, unreadable, fail));
    return reason_is(s, id, "must_wait", AL_EBUSY, later, fail);
}

int
store_job_unreadable(struct store *s, const struct scope *scope, const char *id,
                     uint64_t unreadable, struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_run(s, fail, "UPDATE job SET version=version+1 WHERE id=?1" STORE_SCOPE(2, 3),
                     S_TEXT(id), S_SCOPE(scope)));
    AL_TRY(store_need_change(s, "job", fail));
    return reason_is(s, id, "unreadable", AL_EACCES, unreadable, fail);
}

int
store_job_walk_over(struct store *s, const struct scope *scope, const char *id,
                    struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_run(s, fail,
                     "UPDATE job SET total_files=done_files+refused_files+failed_files,"
                     " version=version+1 WHERE id=?1" STORE_SCOPE(2, 3),
                     S_TEXT(id), S_SCOPE(scope)));
    return store_need_change(s, "job", fail);
}

int
store_job_note(struct store *s, const struct scope *scope, const char *id, int code,
               const char *text, struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_run(s, fail,
                     "UPDATE job SET end_code=CASE WHEN ?2=0 THEN end_code ELSE ?2 END,"
                     " text=coalesce(?3,text), version=version+1 WHERE id=?1" STORE_SCOPE(4, 5),
                     S_TEXT(id), S_I64(code), S_TEXT(text), S_SCOPE(scope)));
    return store_need_change(s, "job", fail);
}

int
store_job_reason(struct store *s, const struct scope *scope, const char *id, const char *reason,
                 const char *code, int64_t files, struct al_span sample, struct al_fail *fail)
{
    struct al_buf AL_CLEANUP(al_buf_free) path = {0}, clean = {0}, b64 = {0};
    bool exact = al_utf8_valid(sample);

    AL_TRY(store_need_tx(s, fail));
    al_buf_init(&path, sample.len + 1);
    al_buf_init(&clean, sample.len * 3 + 1);
    al_buf_init(&b64, (sample.len + 3) / 3 * 4 + 1);
    if (sample.len > 0) { /* as files are shown everywhere */
        AL_TRY(al_buf_adds(&path, "/"));
        AL_TRY(al_buf_add(&path, sample.at, sample.len));
    }
    AL_TRY(al_utf8_clean(al_buf_span(&path), &clean));
    if (!exact) {
        AL_TRY(al_buf_reserve(&b64, (path.len + 2) / 3 * 4 + 1));
        al_base64(path.at, path.len, (char *)b64.at);
    }
    AL_TRY(store_run(s, fail,
                     "INSERT INTO job_reason(job_id, reason, code, files, sample, sample_b64)"
                     " SELECT id,?2,?3,?4,?5,?6 FROM job WHERE id=?1" STORE_SCOPE(
                         7, 8) " ON CONFLICT(job_id, reason, code) DO UPDATE SET files=files+?4",
                     S_TEXT(id), S_TEXT(reason), S_TEXT(code), S_I64(files),
                     S_TEXT(clean.at == NULL ? "" : (const char *)clean.at),
                     S_TEXT(exact ? NULL : (const char *)b64.at), S_SCOPE(scope)));
    if (files < 0) {
        AL_TRY(store_run(
            s, fail,
            "DELETE FROM job_reason WHERE job_id=?1 AND reason=?2 AND code=?3 AND files<=0",
            S_TEXT(id), S_TEXT(reason), S_TEXT(code)));
    }
    return AL_OK;
}

/* ---- the state ---- */

struct tally {
    uint64_t open, held, leased, later; /* later: not handed out yet, in none of the others */
};

static int
tally_works(struct store *s, const char *job_id, struct tally *ret, struct al_fail *fail)
{
    struct store_stmt AL_CLEANUP(store_done) *q = NULL;

    AL_TRY(store_query(s, fail, &q,
                       "SELECT coalesce(sum(state<>'later'),0), coalesce(sum(state='held'),0),"
                       " coalesce(sum(state IN ('leased','pausing','leaving')),0),"
                       " coalesce(sum(state='later'),0) FROM work"
                       " WHERE job_id=?1 AND state<>'dropped'",
                       S_TEXT(job_id)));
    AL_TRY(store_step_one(q, "job", fail));
    ret->open = store_col_u64(q, 0);
    ret->held = store_col_u64(q, 1);
    ret->leased = store_col_u64(q, 2);
    ret->later = store_col_u64(q, 3);
    return AL_OK;
}

static enum store_job_state
state_of(const struct store_job *j, const struct tally *t)
{
    if (t->open + t->later > 0) {
        if (j->pause_reason[0] != '\0' && !j->stopping) {
            return STORE_J_PAUSED;
        }
        if (t->open > 0 && t->held == t->open) {
            return STORE_J_SUSPENDED;
        }
        return t->leased > 0 || j->started_ns != 0 ? STORE_J_RUNNING : STORE_J_QUEUED;
    }
    if (j->end_code != AL_OK) {
        return STORE_J_FAILED;
    }
    if (j->kind == STORE_J_RECONCILE) {
        return STORE_J_DONE; /* it saw what is wrong, which is what it is for */
    }
    return j->failed_files > 0 && j->done_files == 0 ? STORE_J_FAILED : STORE_J_DONE;
}

static void
ending_text(const struct store_job *j, enum store_job_state state, char *out, size_t cap)
{
    if (j->stopping) {
        snprintf(out, cap, "%s", j->pause_text);
    } else if (j->text[0] != '\0' && state == STORE_J_FAILED) {
        snprintf(out, cap, "%s", j->text);
    } else if (j->failed_files > 0 && j->kind == STORE_J_RECONCILE) {
        snprintf(out, cap, "%llu %s: see what became of %s, and decide what %s shall be",
                 (unsigned long long)j->failed_files,
                 j->failed_files == 1 ? "stub does not fit its file"
                                      : "stubs do not fit their files",
                 j->failed_files == 1 ? "it" : "each", j->failed_files == 1 ? "it" : "they");
    } else if (j->failed_files > 0) {
        snprintf(out, cap, "%llu of %llu files failed", (unsigned long long)j->failed_files,
                 (unsigned long long)j->total_files);
    } else if (state == STORE_J_FAILED) {
        snprintf(out, cap, "%s", al_code_name(j->end_code));
    } else {
        out[0] = '\0';
    }
}

int
store_job_settle(struct store *s, const struct scope *scope, const char *id, int64_t now_ns,
                 enum store_job_state *ret_state, bool *ret_changed, struct al_fail *fail)
{
    struct al_arena AL_CLEANUP(al_arena_freep) *a = al_arena_new(64u << 10);
    struct store_job j;
    struct tally t = {0};
    enum store_job_state state;
    char text[600];

    AL_TRY(store_need_tx(s, fail));
    if (a == NULL) {
        return AL_ENOMEM;
    }
    AL_TRY(store_job_get(s, scope, id, a, &j, fail));
    state = j.state;
    if (store_job_state_open(j.state)) {
        AL_TRY(tally_works(s, id, &t, fail));
        state = state_of(&j, &t);
    }
    if (ret_state != NULL) {
        *ret_state = state;
    }
    if (ret_changed != NULL) {
        *ret_changed = state != j.state;
    }
    if (state == j.state) {
        return AL_OK;
    }
    snprintf(text, sizeof(text), "%s",
             state == STORE_J_SUSPENDED ? j.text
             : state == STORE_J_PAUSED  ? j.pause_text
                                        : "");
    if (!store_job_state_open(state)) {
        ending_text(&j, state, text, sizeof(text));
    }
    return store_run(
        s, fail,
        "UPDATE job SET state=?2, text=?3,"
        " started_ns=CASE WHEN started_ns=0 AND ?4 THEN ?5 ELSE started_ns END,"
        " ended_ns=CASE WHEN ?6 THEN ?5 ELSE 0 END, version=version+1 WHERE id=?1",
        S_TEXT(id), S_TEXT(store_job_state_name(state)), S_TEXT(text),
        S_BOOL(state != STORE_J_QUEUED && state != STORE_J_SUSPENDED && state != STORE_J_PAUSED),
        S_I64(now_ns), S_BOOL(!store_job_state_open(state)));
}

int
store_job_cancel(struct store *s, const struct scope *scope, const char *id, int64_t now_ns,
                 bool *ret_changed, struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    AL_TRY(store_run(s, fail,
                     "UPDATE job SET state='cancelled', ended_ns=?2, text='', version=version+1"
                     " WHERE id=?1 AND state IN " STORE_JOB_OPEN STORE_SCOPE(3, 4),
                     S_TEXT(id), S_I64(now_ns), S_SCOPE(scope)));
    *ret_changed = store_changes(s) > 0;
    if (!*ret_changed) {
        return AL_OK;
    }
    AL_TRY(store_run(
        s, fail, "DELETE FROM work WHERE job_id=?1 AND state IN ('queued','held','paused','later')",
        S_TEXT(id)));
    return store_run(s, fail,
                     "UPDATE work SET state='dropped' WHERE job_id=?1"
                     " AND state IN ('leased','pausing','leaving')",
                     S_TEXT(id));
}

int
store_job_prune(struct store *s, int64_t now_ns, struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    /* One job at a time: its outcomes may be a million rows, and everybody else waits for the
     * transaction. */
    return store_run(s, fail,
                     "DELETE FROM job WHERE id=(SELECT id FROM job WHERE ended_ns>0 AND"
                     " ended_ns<?1 AND state IN ('done','failed','cancelled') ORDER BY id LIMIT 1)",
                     S_I64(now_ns - STORE_JOBS_KEPT_NS));
}
