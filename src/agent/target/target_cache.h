/* target_cache.h: the shares one worker thread is connected to, kept open between files. One
 * thread; it owns its targets. */
#ifndef ALTO_AGENT_TARGET_TARGET_CACHE_H
#define ALTO_AGENT_TARGET_TARGET_CACHE_H

#include "agent/target/target.h"

/* connections of one worker; beyond, the one unused for longest is closed */
#define TARGET_CACHE_SHARES 4u

struct target_cache {
    struct port *port;
    uint64_t now;
    struct {
        char *share_id;
        struct target *target;
        uint64_t used;
    } at[TARGET_CACHE_SHARES];
};

/* Zeroed and with its port set, a cache is ready. */
/* The target of a share, opened if it is not. Lent until the next call. Errors: target_open's. */
int target_cache_get(struct target_cache *c, const char *share_id, const struct target_conf *conf,
                     struct target **ret, struct al_fail *fail) AL_MUST_CHECK;
/* For a worker that had nothing to do for a while: connections stay, memory goes. */
#define TARGET_CACHE_REST_NS 5000000000
void target_cache_rest(struct target_cache *c);
void target_cache_end(struct target_cache *c); /* closes all; for AL_CLEANUP too */

#endif
