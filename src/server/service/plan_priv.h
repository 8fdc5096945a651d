/* plan_priv.h: what plans, exports, costs, figures and why share (plan_*.c, costs.c, export_ops.c,
 * figure_*.c, why.c). */
#ifndef ALTO_SERVER_SERVICE_PLAN_PRIV_H
#define ALTO_SERVER_SERVICE_PLAN_PRIV_H

#include "server/inventory/figures.h"
#include "server/service/ranked.h"
#include "server/store/import.h"

#define ASK_ARENA_MAX ((size_t)64 << 20)
#define ASK_HISTORY_DAYS 90u
#define ASK_HISTORY_DAYS_MAX 3650u
#define DAY_NS (INT64_C(86400) * 1000000000)

/* ---- plan_ask.c: a rule as somebody asks about it ----
 *
 *   where                  a text, behind all rules of its volume
 *   rule_id                a rule as it is, behind those before it
 *   rule_id and where      a text in the place of that rule's
 *   rule_id and version    a rule as it was, in its place of now
 */
struct ask { /* ask_end for AL_CLEANUP; zeroed by its declaration */
    struct service_req *req;
    struct al_fail *fail;
    const struct store_volume *v;
    struct store_rule of; /* .id "": of a text */
    const char *where, *action;
    struct ranked ranked;
};
void ask_end(struct ask *k);
/* From the members where, rule_id and version of o; action and its rules. AL_EINVAL when it names
 * none. */
int ask_read(struct ask *k, struct service_req *req, const json_t *o, const struct store_volume *v,
             struct al_fail *fail) AL_MUST_CHECK;
/* The same for a rule of the store, as it is. */
int ask_rule(struct ask *k, struct service_req *req, const struct store_rule *r,
             const struct store_volume *v, struct al_fail *fail) AL_MUST_CHECK;
struct inventory_plan_query ask_query(const struct ask *k, int64_t now_ns);
bool ask_tiers(const struct ask *k);
/* The volume named by "volume_id" of the body, in scope. */
int ask_volume(struct service_req *req, struct store_volume *ret,
               struct al_fail *fail) AL_MUST_CHECK;
/* "now" of the body: the moment it is asked for. */
int ask_now(struct service_req *req, int64_t *ret, struct al_fail *fail) AL_MUST_CHECK;
/* "such as the inventory could not be asked", for what the inventory said. */
int ask_failed(struct al_fail *fail, int rc);

/* ---- plan_json.c ---- */
void plan_lists_json(struct al_jsonout *j, const struct inventory_plan *plan);
void plan_charts_json(struct al_jsonout *j, const struct inventory_plan_charts *c);
void plan_rows_json(struct al_jsonout *j, const char *key, const struct inventory_row *rows,
                    size_t count);
void plan_groups_json(struct al_jsonout *j, const char *key, const struct inventory_group *g,
                      size_t count, bool whole);
/* ages: from_s and to_s; else from and to. whole: stubs too. */
void plan_buckets_json(struct al_jsonout *j, const char *key, const struct inventory_bucket *b,
                       size_t count, bool ages, bool whole);

/* ---- costs.c: money in hundredths of a cent ---- */
#define MONEY_UNIT 10000u /* of one, such as a euro */
#define MONEY_TEXT_MAX 32u
#define MONEY_PRICE_MAX (UINT64_C(1000000) * MONEY_UNIT) /* of a TB and month, or a GB */
#define TB_BYTES UINT64_C(1000000000000)
#define GB_BYTES UINT64_C(1000000000)
/* "12.34", "0.005": at most four digits behind the point. AL_EINVAL. */
int money_parse(const char *text, uint64_t *ret) AL_MUST_CHECK;
/* As short as it may be, with two digits behind the point at least. */
void money_text(int64_t money, char to[MONEY_TEXT_MAX]);
/* bytes at a price per unit of bytes, to a whole cent, half up. */
int64_t money_of(uint64_t price, uint64_t bytes, uint64_t unit_bytes);
void costs_plan_json(struct al_jsonout *j, const struct store_costs *c, uint64_t freed_bytes,
                     uint64_t bytes, uint64_t recall_bytes);

/* ---- figure_json.c ---- */
void figure_totals_json(struct al_jsonout *j, const struct inventory_figures *f);
struct figure_from { /* which volumes rows are of; NULL: of one, and not told */
    const al_id *hottest, *coldest, *largest, *duplicates;
};
int figure_json(struct al_buf *out, const struct inventory_figures *f, unsigned want,
                const struct figure_from *from, size_t volumes, int64_t took_ns) AL_MUST_CHECK;
/* "age,size,ext"; absent: all. */
int figure_want(struct service_req *req, unsigned *ret, struct al_fail *fail) AL_MUST_CHECK;

/* ---- figure_sum.c: figures of several volumes as one ---- */
struct figure_sum { /* all in the arena */
    struct al_arena *arena;
    struct inventory_figures all;
    struct figure_from from;
    al_id *hottest_of, *coldest_of, *largest_of, *duplicates_of;
    size_t rows; /* of each list */
};
void figure_sum_begin(struct figure_sum *s, struct al_arena *arena, size_t rows);
/* f lies in the arena too. AL_ENOMEM. */
int figure_sum_add(struct figure_sum *s, const char *volume_id,
                   const struct inventory_figures *f) AL_MUST_CHECK;
/* Cuts the lists to what was asked for. */
void figure_sum_end(struct figure_sum *s);

/* ---- file_ops.c, as the other reads of files ---- */
/* The query's `name` or `name`_b64, the root where neither is given. Lent from the query or the
 * arena. */
int file_path_asked(struct service_req *req, const char *name, struct al_span *ret,
                    struct al_fail *fail) AL_MUST_CHECK;
/* A row that outlives its callback. */
struct kept_row {
    struct al_arena *arena;
    struct inventory_row row;
};
int kept_row(void *ctx, const struct inventory_row *row);

/* ---- why_text.c: what happened to a file, as a sentence ---- */
struct why_entry {
    int64_t at_ns;
    const char *what; /* "tier", "recall", "seen" ... */
    const char *by, *code, *reason, *rule_id, *job_id, *event_id;
    uint64_t rule_version; /* 0: not told */
    const char *text;
};
/* From an event of the record; texts of the arena. */
int why_of_event(const struct store_told *e, struct al_arena *a,
                 struct why_entry *ret) AL_MUST_CHECK;
/* "it is hard-linked, and moving it would free nothing", for a name of STUB_REFUSALS or of an earlier
 * rule. */
const char *why_refusal_text(const char *reason);
/* NULL: nothing speaks against it. As the inventory judges for plans. */
const char *why_refusal_of(const struct inventory_row *row);

#endif
