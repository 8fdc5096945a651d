/* share_test.h (store): shares that a host tries out before they are saved. Conventions in store.h.
 *
 *   queued ─▶ running ─▶ done            given_up: the host did not come back in time
 *
 * A test is a work without a job: its id is the work's. Its password stays sealed until it is over,
 * and is gone then; the row goes a day later. */
#ifndef ALTO_SERVER_STORE_SHARE_TEST_H
#define ALTO_SERVER_STORE_SHARE_TEST_H

#include "server/store/work.h"

#define SHARE_TEST_WAIT_NS (INT64_C(120) * 1000000000) /* for the host; then it is given up */
#define SHARE_TEST_KEPT_NS (INT64_C(86400) * 1000000000)
#define SHARE_TESTS_OPEN_MAX 16u /* of one customer at the same time */

extern const struct store_noun store_share_tests;

struct store_share_test {
    al_id id, customer_id, host_id;
    const char *url, *user;         /* user NULL: guest */
    struct al_span password_sealed; /* .at NULL: none, or it is over */
    const char *created_by;
    int64_t created_ns;
    bool open; /* queued or running; store_share_test_get */
};
struct store_share_result {
    bool ok;
    const char *steps; /* a JSON array, as the service writes it */
    const char *text;  /* "" or why there are no steps */
    uint64_t bytes_total, bytes_free;
    bool signing, encryption;
};

/* With its work. AL_ELIMIT: SHARE_TESTS_OPEN_MAX are open. */
int store_share_test_add(struct store *s, const struct scope *scope,
                         const struct store_share_test *t, struct al_fail *fail) AL_MUST_CHECK;
int store_share_test_get(struct store *s, const struct scope *scope, const char *id,
                         struct al_arena *a, struct store_share_test *ret,
                         struct al_fail *fail) AL_MUST_CHECK;
/* The host has it. */
int store_share_test_taken(struct store *s, const struct scope *scope, const char *id,
                           struct al_fail *fail) AL_MUST_CHECK;
/* Ends one of this host that is open, otherwise nothing happens (*ret_ended false). */
int store_share_test_end(struct store *s, const struct scope *scope, const char *host_id,
                         const char *id, const struct store_share_result *r, int64_t now_ns,
                         bool *ret_ended, struct al_fail *fail) AL_MUST_CHECK;
/* Gives up what nobody came back from, with its work, and forgets what is old. each gets the ids of
 * those given up. */
int store_share_test_expire(struct store *s, const struct scope *scope, int64_t now_ns,
                            int (*each)(void *ctx, const char *id, const char *customer_id),
                            void *ctx, struct al_fail *fail) AL_MUST_CHECK;

#endif
