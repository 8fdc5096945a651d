/* trial.h: a share tried out before anybody relies on it: step by step, each with how long it took,
 * and what to do where it failed.
 *
 *   reach ─▶ log_in ─▶ open ─▶ owner ─▶ space ─▶ write ─▶ flush ─▶ read ─▶ list ─▶ latency ─▶ remove
 *
 * A folder of this host begins with open. The first that fails ends it, but what was written is removed all the same. Nothing stays on the
 * share but empty folders, unless the trial is cut off: no identity is made; the folder that its address names and
 * the empty folder "incoming" may be, as the share's first use makes them. Cut off, it leaves incoming/test-ID. A share of another customer is never written to. One thread. */
#ifndef ALTO_AGENT_TARGET_TRIAL_H
#define ALTO_AGENT_TARGET_TRIAL_H

#include "agent/target/target.h"

#define TARGET_TRIAL_ASKS 8u            /* questions whose mean is the latency */
#define TARGET_TRIAL_DEADLINE_MS 10000u /* of one request: somebody waits for the answer */

enum target_step {
    TARGET_S_REACH,   /* a server answers at the address */
    TARGET_S_LOG_IN,  /* it takes user and password */
    TARGET_S_OPEN,    /* it has the share, and its folder */
    TARGET_S_OWNER,   /* the customer's, or empty: alto-share.json */
    TARGET_S_SPACE,   /* how full it is */
    TARGET_S_WRITE,   /* TARGET_TRIAL_BYTES */
    TARGET_S_FLUSH,   /* onto the server's disk, read back, compared, renamed */
    TARGET_S_READ,    /* again from its begin, and equal */
    TARGET_S_LIST,    /* the file is seen with its size */
    TARGET_S_LATENCY, /* of a question */
    TARGET_S_REMOVE,
    TARGET_S_COUNT
};
#define TARGET_TRIAL_BYTES ((size_t)1 << 20)
const char *target_step_name(enum target_step s); /* "reach" ... */

struct target_step_result {
    bool done; /* false: it did not come to it */
    int code;
    uint64_t
        us; /* reach has what reach, log_in and open took together, those two 0; latency: of one */
    char text[320]; /* what was found, or why it failed */
    char next[160]; /* what to do; "": nothing */
};
struct target_trial {
    struct target_step_result steps[TARGET_S_COUNT];
    int code;                  /* of the step that failed; AL_OK */
    struct target_space space; /* 0: not known */
    /* Whether a connection that demands it comes about; false too where that was not tried: shares
     * that are no servers', and trials that failed before. */
    bool signing, encryption;
};

/* conf.customer_id: who is to use it. conf.deadline_ms 0: TARGET_TRIAL_DEADLINE_MS. */
void target_trial(struct port *port, const struct target_conf *conf, struct target_trial *ret);

#endif
