/* pools.c: a set of movers and recallers for each share. A call to a share that hangs takes its
 * worker for as long as the deadline of a request; with one set for all shares, those of all
 * others would stand still behind it. */
#include "agent/run/agent.h"

#include <string.h>

#include "base/hash.h"

static int
pools_open(struct agent *a, const char *share_id, struct share_pools *p, struct al_fail *fail)
{
    const struct agent_options *o = &a->options;
    struct mover_pool_conf movers = {.env = &a->mover_env,
                                     .workers = o->movers != 0 ? o->movers : AGENT_MOVERS,
                                     .queue_max = AGENT_QUEUE_MAX,
                                     .pressed = recall_pool_pressed,
                                     .begins = item_begins};
    struct recall_pool_conf recalls = {
        .env = &a->recall_env, .workers = o->recallers != 0 ? o->recallers : AGENT_RECALLERS};
    int rc = recall_pool_open(&recalls, &p->recalls, fail);

    if (rc == AL_OK) {
        movers.pressed_ctx = p->recalls;
        rc = mover_pool_open(&movers, &p->movers, fail);
    }
    if (rc != AL_OK) {
        p->recalls = recall_pool_close(p->recalls);
        return rc;
    }
    memcpy(p->share_id, share_id, sizeof(p->share_id));
    return AL_OK;
}

int
pools_of(struct agent *a, const char *share_id, struct share_pools **ret, struct al_fail *fail)
{
    size_t count = atomic_load(&a->pool_count);
    int rc;

    for (size_t i = 0; i < count; i++) {
        if (strcmp(a->pools[i].share_id, share_id) == 0) {
            *ret = &a->pools[i];
            return AL_OK;
        }
    }
    if (count == AGENT_SHARE_POOLS) {
        *ret = &a->pools[al_xxh64(share_id, strlen(share_id), 0) % AGENT_SHARE_POOLS];
        return AL_OK;
    }
    rc = pools_open(a, share_id, &a->pools[count], fail);
    if (rc != AL_OK) {
        return rc;
    }
    *ret = &a->pools[count];
    atomic_store(&a->pool_count, count + 1);
    return AL_OK;
}

void
pools_cancel(struct agent *a, const char *job_id, bool movers_too)
{
    size_t count = atomic_load(&a->pool_count);

    for (size_t i = 0; i < count; i++) {
        if (movers_too) {
            mover_pool_cancel(a->pools[i].movers, job_id);
        }
        recall_pool_cancel(a->pools[i].recalls, job_id);
    }
}

void
pools_release(struct agent *a, const char *job_id)
{
    size_t count = atomic_load(&a->pool_count);

    for (size_t i = 0; i < count; i++) {
        mover_pool_release(a->pools[i].movers, job_id);
        recall_pool_cancel(a->pools[i].recalls, job_id); /* leaves what is under way alone */
    }
}

void
pools_cancel_moves(struct agent *a)
{
    size_t count = atomic_load(&a->pool_count);

    for (size_t i = 0; i < count; i++) {
        mover_pool_cancel(a->pools[i].movers, NULL);
    }
}

void
pools_close_movers(struct agent *a)
{
    size_t count = atomic_load(&a->pool_count);

    for (size_t i = 0; i < count; i++) {
        a->pools[i].movers = mover_pool_close(a->pools[i].movers);
    }
}

void
pools_close_recalls(struct agent *a)
{
    size_t count = atomic_load(&a->pool_count);

    for (size_t i = 0; i < count; i++) {
        a->pools[i].recalls = recall_pool_close(a->pools[i].recalls);
    }
}
