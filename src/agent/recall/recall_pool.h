/* recall_pool.h: threads around recalls. Many openers of one stub are one fill: requests for a file
 * that is waiting or under way join it and get the same answer. Openers go before jobs.
 *
 *   gate ─▶ recall_pool_submit ─▶ (joined | queued) ─▶ worker: recall_step ... ─▶ done(ctx, result)
 *   for each who asked
 *
 * One pool serves one share (agent/run/pools.c): what it learns about the share holds for all its
 * requests.
 *
 * Threads: every function from any thread; `done` is called from a worker, once for every request
 * accepted, and must not block. */
#ifndef ALTO_AGENT_RECALL_RECALL_POOL_H
#define ALTO_AGENT_RECALL_RECALL_POOL_H

#include "agent/recall/recall.h"

#define RECALL_WORKERS_MAX 255u
/* requests waiting in all; 20,000 openers at once are a tested case */
#define RECALL_WAITERS_MAX 65536u
/* a request that waited longer than this for a worker is denied with AL_ETIMEDOUT */
#define RECALL_DEADLINE_MS 60000u
/* somebody else fills the file (a job by path, reconcile): ask again after 20 ms */
#define RECALL_BUSY_RETRY_NS 20000000
/* openers wait this long for a share that cannot be reached since then; later ones fail at once */
#define RECALL_GRACE_NS 10000000000
#define RECALL_AWAY_RETRY_NS 250000000
/* the same file's alarm is told again after five minutes */
#define RECALL_ALARM_AGAIN_NS 300000000000
#define RECALL_ALARMS 256u /* files whose alarm is remembered */

struct recall_pool_conf { /* env is lent and outlives the pool */
    const struct recall_env *env;
    unsigned workers;
    uint32_t deadline_ms; /* 0: RECALL_DEADLINE_MS */
};

struct recall_pool;
int recall_pool_open(const struct recall_pool_conf *conf, struct recall_pool **ret,
                     struct al_fail *fail) AL_MUST_CHECK;
/* Everything waiting or under way ends with AL_ECANCELED, stubs are stubs again. NULL is fine;
 * returns NULL */
struct recall_pool *recall_pool_close(struct recall_pool *p);

/* The request is copied (its volume stays lent until done). AL_ELIMIT: RECALL_WAITERS_MAX.
 * AL_ECANCELED: closing. */
int recall_pool_submit(struct recall_pool *p, const struct recall_request *request,
                       void (*done)(void *ctx, const struct recall_result *result),
                       void *ctx) AL_MUST_CHECK;
/* A job's requests that still wait end with AL_ECANCELED; what is under way is finished. */
void recall_pool_cancel(struct recall_pool *p, const char *job_id);
/* True while openers wait for a worker: for mover_pool_conf.pressed. */
bool recall_pool_pressed(void *pool);
void recall_pool_wait(struct recall_pool *p); /* until nothing waits or is under way */

struct recall_pool_figures {
    uint64_t filled, allowed, denied, joined, bytes;
    unsigned queued, running, waiting;
};
void recall_pool_figures(struct recall_pool *p, struct recall_pool_figures *ret);

#endif
