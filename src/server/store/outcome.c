#include "server/store/job.h"

#include <stdio.h>

#include "server/store/store_priv.h"

static const struct store_field outcome_fields[] = {
    {"path", "'/'||t.path", STORE_K_BYTES},
    /* as files are shown everywhere */ {"act", "t.act", STORE_K_TEXT},
    {"code", "t.code", STORE_K_TEXT},
    {"reason", "t.reason", STORE_K_TEXT},
    {"text", "t.text", STORE_K_TEXT},
    {"object_id", "t.object_id", STORE_K_TEXT},
    {"size", "t.size", STORE_K_INT},
    {"freed", "t.freed", STORE_K_INT},
    {"at", "t.at_ns", STORE_K_TIME},
};
static const struct store_filter_kind outcome_filters[] = {
    {"job_id", "t.job_id", STORE_T_EQ, STORE_K_TEXT},
    {"code", "t.code", STORE_T_EQ, STORE_K_TEXT},
    {"reason", "t.reason", STORE_T_EQ, STORE_K_TEXT},
    {"act", "t.act", STORE_T_EQ, STORE_K_TEXT},
};
const struct store_noun store_outcomes = {
    .what = "outcome",
    .from = "outcome t",
    .id = "t.id",
    .customer = "t.customer_id",
    .order = "t.id",
    .order_kind = STORE_K_INT,
    .newest_first = false,
    .version = NULL,
    .fields = outcome_fields,
    .field_count = AL_LEN(outcome_fields),
    .filters = outcome_filters,
    .filter_count = AL_LEN(outcome_filters),
};

static int
outcome_before(struct store *s, const struct store_outcome *o, struct store_outcome_before *ret,
               struct al_fail *fail)
{
    struct store_stmt AL_CLEANUP(store_done) *q = NULL;
    bool row;

    AL_TRY(store_query(s, fail, &q,
                       "SELECT class, size, freed, code, reason FROM outcome"
                       " WHERE job_id=?1 AND path=?2",
                       S_TEXT(o->job_id), S_SPAN(o->path)));
    AL_TRY(store_step(q, &row, fail));
    ret->there = row;
    if (row) {
        ret->class_ = (enum store_outcome_class)store_col_i64(q, 0);
        ret->size = store_col_u64(q, 1);
        ret->freed = store_col_u64(q, 2);
        snprintf(ret->code, sizeof(ret->code), "%s", store_col_text(q, 3));
        snprintf(ret->reason, sizeof(ret->reason), "%s", store_col_text(q, 4));
    }
    return AL_OK;
}

int
store_outcome_put(struct store *s, const struct scope *scope, const struct store_outcome *o,
                  struct store_outcome_before *ret, struct al_fail *fail)
{
    struct store_outcome_before before = {0};

    AL_TRY(store_need_tx(s, fail));
    AL_TRY(outcome_before(s, o, &before, fail));
    /* Work that was leased twice finds files done already and refuses them: what was done first is
     * the truth. */
    before.kept = before.there && before.class_ == STORE_O_DONE && !o->undoes;
    *ret = before;
    if (before.kept) {
        return AL_OK;
    }
    if (before.there) {
        return store_run(s, fail,
                         "UPDATE outcome SET act=?3, class=?4, code=?5, reason=?6, text=?7,"
                         " object_id=?8, size=?9, freed=?10, at_ns=?11"
                         " WHERE job_id=?1 AND path=?2" STORE_SCOPE(12, 13),
                         S_TEXT(o->job_id), S_SPAN(o->path), S_TEXT(o->act), S_I64(o->class_),
                         S_TEXT(o->code), S_TEXT(o->reason), S_TEXT(o->text), S_ID(o->object_id),
                         S_U64(o->size), S_U64(o->freed), S_I64(o->at_ns), S_SCOPE(scope));
    }
    AL_TRY(store_run(
        s, fail,
        "INSERT INTO outcome(job_id, path, act, class, code, reason, text, object_id, size,"
        " freed, at_ns, customer_id) SELECT ?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,customer_id"
        " FROM job WHERE id=?1" STORE_SCOPE(12, 13),
        S_TEXT(o->job_id), S_SPAN(o->path), S_TEXT(o->act), S_I64(o->class_), S_TEXT(o->code),
        S_TEXT(o->reason), S_TEXT(o->text), S_ID(o->object_id), S_U64(o->size), S_U64(o->freed),
        S_I64(o->at_ns), S_SCOPE(scope)));
    return store_need_change(s, "job", fail);
}

int
store_outcome_seen(struct store *s, const struct scope *scope, const char *job_id,
                   struct al_span path, enum store_outcome_seen *ret, struct al_fail *fail)
{
    struct store_stmt AL_CLEANUP(store_done) *q = NULL;
    bool row;

    AL_TRY(store_query(s, fail, &q,
                       "SELECT class FROM outcome WHERE job_id=?1 AND path=?2" STORE_SCOPE(3, 4),
                       S_TEXT(job_id), S_SPAN(path), S_SCOPE(scope)));
    AL_TRY(store_step(q, &row, fail));
    *ret = !row                                   ? STORE_SEEN_NOT
           : store_col_i64(q, 0) == STORE_O_LATER ? STORE_SEEN_LATER
                                                  : STORE_SEEN_FINAL;
    return AL_OK;
}

int
store_ledger_add(struct store *s, const struct scope *scope, const struct store_ledger_entry *e,
                 struct al_fail *fail)
{
    AL_TRY(store_need_tx(s, fail));
    if (!scope_sees(scope, e->customer_id)) {
        return al_fail_set(fail, AL_ENOENT, 0, "no such share");
    }
    return store_run(s, fail,
                     "INSERT INTO ledger(share_id, object_id, customer_id, host_id, volume_id,"
                     " path, reason, since_ns) VALUES(?1,?2,?3,?4,?5,?6,?7,?8)"
                     " ON CONFLICT DO NOTHING",
                     S_TEXT(e->share_id), S_TEXT(e->object_id), S_TEXT(e->customer_id),
                     S_TEXT(e->host_id), S_ID(e->volume_id), S_SPAN(e->path), S_TEXT(e->reason),
                     S_I64(e->since_ns));
}

int
store_ledger_count(struct store *s, const struct scope *scope, uint64_t *ret, struct al_fail *fail)
{
    return store_number(s, fail, ret, "SELECT count(*) FROM ledger WHERE (?1 OR customer_id=?2)",
                        S_SCOPE(scope));
}
