/* mover_pool.h: threads around movers: N workers, each with its own connections to shares, one
 * bounded queue, and one watcher that gives wanted files back within MOVER_WATCH_NS.
 *
 * What bounds the speed of small files is told in doc/adr/0012-syncs-per-file.md: the syncs of one
 * file follow each other, those of different files share one (journal, manifest, spool), so more
 * workers mean more files per sync.
 *
 * Threads: every function from any thread. `done` is called from a worker, once for every item that
 * was accepted. */
#ifndef ALTO_AGENT_MOVER_MOVER_POOL_H
#define ALTO_AGENT_MOVER_MOVER_POOL_H

#include "agent/mover/mover.h"

#define MOVER_WORKERS_MAX 255u
#define MOVER_WATCH_NS 4000000 /* 4 ms, so that "within 10 ms" holds with a late wake-up */
/* a file waits at most 2 s for recalls to go first, so that tiering never stands still */
#define MOVER_PRESSED_NS 2000000000
#define MOVER_PATH_MAX 65536u /* bytes */

struct mover_pool_conf { /* env is lent and outlives the pool */
    const struct mover_env *env;
    unsigned workers;           /* 1 to MOVER_WORKERS_MAX */
    unsigned queue_max;         /* items that wait, at least 1 */
    bool (*pressed)(void *ctx); /* true while recalls wait: no new file is begun. NULL: never */
    void *pressed_ctx;
    /* An item is about to be begun; ctx as given with it. From a worker. NULL: nobody wants to know. */
    void (*begins)(void *ctx);
};

struct mover_pool;

/* AL_ENOMEM, AL_EINVAL */
int mover_pool_open(const struct mover_pool_conf *conf, struct mover_pool **ret,
                    struct al_fail *fail) AL_MUST_CHECK;
/* Everything queued or under way ends with AL_ECANCELED (or is finished, where it was being
 * sealed); then the threads end. NULL is fine; returns NULL */
struct mover_pool *mover_pool_close(struct mover_pool *p);

/* The item is copied (rule and volume stay lent until done). AL_ELIMIT when the queue is full and
 * `wait` is false; with `wait` it waits for room. AL_ECANCELED when the pool is closing. */
int mover_pool_submit(struct mover_pool *p, const struct mover_item *item, bool wait,
                      void (*done)(void *ctx, const struct mover_item *item,
                                   const struct mover_result *r),
                      void *ctx) AL_MUST_CHECK;
/* Items of this job, waiting or under way, end with AL_ECANCELED. NULL: of all jobs. */
void mover_pool_cancel(struct mover_pool *p, const char *job_id);
/* The same for those that wait; what is under way is finished. */
void mover_pool_release(struct mover_pool *p, const char *job_id);
/* Waits until nothing is queued or under way. */
void mover_pool_wait(struct mover_pool *p);

struct mover_pool_figures {
    uint64_t tiered, refused, failed, bytes, freed; /* since it was opened */
    unsigned queued, running;
    uint64_t bytes_running; /* copied so far of what is under way */
    uint64_t refusals[STUB_R_COUNT];
};
void mover_pool_figures(struct mover_pool *p, struct mover_pool_figures *ret);

#endif
