/* search.h (store): nouns by a part of what they are known by, for a search over all of them.
 *
 * Found is what has the text in its name, or in what it is known by besides (the address of a share,
 * the path of a volume, the text of a rule), or has it as its id; letter case of A to Z ignored. The
 * text is bound, never part of SQL. One thread at a time. */
#ifndef ALTO_SERVER_STORE_SEARCH_H
#define ALTO_SERVER_STORE_SEARCH_H

#include "server/store/store.h"

#define STORE_SEARCH_JOBS 10000u /* the newest in scope are looked at: bounds the time */

enum store_found {
    STORE_F_CUSTOMER,
    STORE_F_HOST,
    STORE_F_SHARE,
    STORE_F_VOLUME,
    STORE_F_RULE,
    STORE_F_JOB,
    STORE_F_USER,
    STORE_F_COUNT
};

struct store_hit {                  /* lent for the call */
    const char *id, *name;          /* of a job: "tier by old on data" */
    const char *customer_id;        /* "": of none, an operator */
    const char *customer;           /* its name */
    const char *volume_id, *volume; /* of a volume, its rules and jobs; "": none */
    /* what tells it from others of the name: a host's system, a share's address, a volume's path, a rule's
     * text, a job's state, a user's role; "" of a customer */
    const char *detail;
};
/* First what is named so, then what begins so, then the rest, each by name; jobs newest first. At most
 * `limit`; *ret_more: there is more, or may be (older jobs were not looked at). */
int store_search(struct store *s, const struct scope *scope, enum store_found what,
                 const char *text, uint32_t limit,
                 int (*each)(void *ctx, const struct store_hit *hit), void *ctx, bool *ret_more,
                 struct al_fail *fail) AL_MUST_CHECK;

#endif
