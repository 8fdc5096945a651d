/* ask.h: a rule as somebody asks about it, and the answer as JSON. Plans, counts, comparisons,
 * exports and figures are asked with it. */
#ifndef ALTO_SERVER_SERVICE_PLAN_ASK_H
#define ALTO_SERVER_SERVICE_PLAN_ASK_H

#include "server/inventory/figures.h"
#include "server/service/rule/ranked.h"
#include "server/store/import.h"

#define ASK_ARENA_MAX ((size_t)64 << 20)
#define ASK_HISTORY_DAYS 90u
#define ASK_HISTORY_DAYS_MAX 3650u
#define DAY_NS (INT64_C(86400) * 1000000000)

/* ---- ask.c: a rule as somebody asks about it ----
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

/* ---- json.c ---- */
void plan_lists_json(struct al_jsonout *j, const struct inventory_plan *plan);
/* The members held_for_access_record and access_record: what the plan left out for want of a record. */
int plan_held_json(struct service_req *req, const struct store_volume *v,
                   const struct inventory_plan *plan, struct al_jsonout *j,
                   struct al_fail *fail) AL_MUST_CHECK;
void plan_charts_json(struct al_jsonout *j, const struct inventory_plan_charts *c);
void plan_rows_json(struct al_jsonout *j, const char *key, const struct inventory_row *rows,
                    size_t count);
void plan_groups_json(struct al_jsonout *j, const char *key, const struct inventory_group *g,
                      size_t count, bool whole);
/* ages: from_s and to_s; else from and to. whole: stubs too. */
void plan_buckets_json(struct al_jsonout *j, const char *key, const struct inventory_bucket *b,
                       size_t count, bool ages, bool whole);

#endif
