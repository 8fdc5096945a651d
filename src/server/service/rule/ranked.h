/* ranked.h: a rule, and those that decide before it on its volume, as the inventory wants them for a
 * plan. Plans, previews, runs, exports and counts all take it from here. */
#ifndef ALTO_SERVER_SERVICE_RULE_RANKED_H
#define ALTO_SERVER_SERVICE_RULE_RANKED_H

#include "server/service/work/work.h"

struct ranked { /* ranked_end for AL_CLEANUP; zeroed by its declaration */
    struct rule *rule;
    struct rule *parsed[INVENTORY_EARLIER_MAX]; /* of the earlier ones */
    struct inventory_earlier earlier[INVENTORY_EARLIER_MAX];
    size_t earlier_count;
};
struct ranked_of {
    struct store *db;
    const struct scope *scope;
    const char *volume_id;
    const char *rule_id; /* whose place it has; "": behind all rules there are */
    bool excludes;       /* without a place of its own it comes behind the exclusions, not all */
    const char *where;
    struct al_arena *arena;
};
/* AL_EINVAL with the place in the text, AL_ELIMIT above INVENTORY_EARLIER_MAX. */
int ranked_make(struct ranked *r, const struct ranked_of *of, struct al_fail *fail) AL_MUST_CHECK;
struct inventory_plan_query ranked_query(const struct ranked *r, int64_t now_ns);
void ranked_end(struct ranked *r);

#endif
