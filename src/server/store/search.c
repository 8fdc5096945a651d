#include "server/store/search.h"

#include "server/store/store_priv.h"

/* Columns of a hit, in the order of struct store_hit. ?1 the text, ?2 the limit, ?3 the customer of a
 * scope that does not see all. */
struct search {
    const char *from, *customer, *volume_id, *volume, *name, *detail, *order;
    bool besides; /* looks into detail too */
};

#define NEWEST_JOBS                                                                                \
    " t.id IN (SELECT id FROM (SELECT id FROM job%s ORDER BY id DESC LIMIT 10000)"                 \
    " UNION SELECT lower(?1))"
_Static_assert(STORE_SEARCH_JOBS == 10000u, "stands in NEWEST_JOBS");

static const struct search searches[] = {
    [STORE_F_CUSTOMER] = {"customer t LEFT JOIN customer c ON c.id=t.id", "t.id", "''", "''",
                          "t.name", "''", "name", false},
    [STORE_F_HOST] = {"host t LEFT JOIN customer c ON c.id=t.customer_id", "t.customer_id", "''",
                      "''", "t.name", "t.os", "name", false},
    [STORE_F_SHARE] = {"share t LEFT JOIN customer c ON c.id=t.customer_id", "t.customer_id", "''",
                       "''", "t.name", "t.url", "name", true},
    [STORE_F_VOLUME] = {"volume t LEFT JOIN customer c ON c.id=t.customer_id", "t.customer_id",
                        "t.id", "t.name", "t.name", "t.path", "name", true},
    [STORE_F_RULE] = {"rule t LEFT JOIN customer c ON c.id=t.customer_id LEFT JOIN volume v ON"
                      " v.id=t.volume_id",
                      "t.customer_id", "t.volume_id", "v.name", "t.name", "t.where_text", "name",
                      true},
    [STORE_F_JOB] = {"job t LEFT JOIN customer c ON c.id=t.customer_id LEFT JOIN volume v ON"
                     " v.id=t.volume_id LEFT JOIN rule r ON r.id=t.rule_id LEFT JOIN share h ON"
                     " h.id=t.share_id",
                     "t.customer_id", "t.volume_id", "v.name",
                     "t.kind||coalesce(' by '||r.name,'')||coalesce(' on '||v.name,' of '||h.name,"
                     "'')",
                     "t.state", "id DESC", false},
    [STORE_F_USER] = {"app_user t LEFT JOIN customer c ON c.id=t.customer_id", "t.customer_id",
                      "''", "''", "t.name", "t.role", "name", false},
};

/* 0 named so, 1 begins so, 2 has it, 3 has it besides, 9 has it not. */
static int
put_sql(struct al_buf *sql, const struct search *w, bool jobs, bool all)
{
    AL_TRY(al_buf_adds(sql,
                       "SELECT id, name, customer_id, customer, volume_id, volume, detail FROM ("
                       "SELECT *, CASE WHEN id=lower(?1) OR low=lower(?1) THEN 0"
                       " WHEN substr(low, 1, length(?1))=lower(?1) THEN 1"
                       " WHEN instr(low, lower(?1))>0 THEN 2"));
    AL_TRY(w->besides ? al_buf_adds(sql, " WHEN instr(lower(detail), lower(?1))>0 THEN 3") : AL_OK);
    AL_TRY(al_buf_addf(sql,
                       " ELSE 9 END AS rank FROM (SELECT t.id AS id, %s AS name, lower(%s) AS low,"
                       " %s AS customer_id, c.name AS customer, %s AS volume_id, %s AS volume,"
                       " %s AS detail FROM %s WHERE",
                       w->name, w->name, w->customer, w->volume_id, w->volume, w->detail, w->from));
    AL_TRY(jobs ? al_buf_addf(sql, NEWEST_JOBS, all ? "" : " WHERE customer_id=?3")
                : al_buf_adds(sql, " 1"));
    AL_TRY(all ? AL_OK : al_buf_addf(sql, " AND %s=?3", w->customer));
    return al_buf_addf(sql, ")) WHERE rank<9 ORDER BY rank, %s, id LIMIT ?2", w->order);
}

static int
older_jobs(struct store *s, const struct scope *scope, bool *ret, struct al_fail *fail)
{
    const struct store_arg args[] = {S_I64(STORE_SEARCH_JOBS + 1), S_ID(scope->customer_id)};
    uint64_t count = 0;

    AL_TRY(store_number_args(s, fail, &count,
                             scope->all ? "SELECT count(*) FROM (SELECT 1 FROM job LIMIT ?1)"
                                        : "SELECT count(*) FROM (SELECT 1 FROM job WHERE"
                                          " customer_id=?2 LIMIT ?1)",
                             args, scope->all ? 1 : 2));
    *ret = count > STORE_SEARCH_JOBS;
    return AL_OK;
}

int
store_search(struct store *s, const struct scope *scope, enum store_found what, const char *text,
             uint32_t limit, int (*each)(void *ctx, const struct store_hit *hit), void *ctx,
             bool *ret_more, struct al_fail *fail)
{
    AL_CLEANUP(store_done) struct store_stmt *q = NULL;
    AL_CLEANUP(al_buf_free) struct al_buf sql = {.max = 16384};
    const struct store_arg args[] = {S_TEXT(text), S_I64((int64_t)limit + 1),
                                     S_ID(scope->customer_id)};
    bool row = false, more = false;

    AL_TRY(put_sql(&sql, &searches[what], what == STORE_F_JOB, scope->all));
    AL_TRY(store_query_args(s, fail, &q, (const char *)sql.at, args, scope->all ? 2 : 3));
    for (uint32_t n = 0;; n++) {
        AL_TRY(store_step(q, &row, fail));
        if (!row || n == limit) {
            break;
        }
        AL_TRY(each(ctx, &(struct store_hit){
                             .id = store_col_text(q, 0),
                             .name = store_col_text(q, 1),
                             .customer_id = store_col_text(q, 2),
                             .customer = store_col_text(q, 3),
                             .volume_id = store_col_text(q, 4),
                             .volume = store_col_text(q, 5),
                             .detail = store_col_text(q, 6),
                         }));
    }
    more = row;
    if (what == STORE_F_JOB && !more) {
        AL_TRY(older_jobs(s, scope, &more, fail));
    }
    *ret_more = more;
    return AL_OK;
}
