/* walk_priv.h: the inside of the walk: walk.c (threads, folders), out.c (records to batches). */
#ifndef ALTO_AGENT_WALK_WALK_PRIV_H
#define ALTO_AGENT_WALK_WALK_PRIV_H

#include <stdatomic.h>

#include "agent/walk/walk.h"
#include "port/thread.h"
#include "wire/entries.h"

/* ---- out.c: from the walkers' chunks to numbered batches ---- */
struct out_slot {
    struct al_buf packed;
    bool ready;
};

struct out {
    uint32_t batch_records;
    port_mutex mutex;
    port_cond space, ready;
    struct al_buf body; /* the batch under way */
    uint64_t body_records;
    uint64_t filled, sent; /* numbers of the last batch closed and of the last one sent */
    struct out_slot ring[WALK_BATCHES_WAITING];
    unsigned walkers; /* still running */
    int rc;           /* first failure; nobody waits any more then */
};

/* A walker's own records, not yet in any batch. */
struct chunk {
    struct al_buf body;
    uint64_t records;
};

void out_init(struct out *o, uint32_t batch_records, unsigned walkers);
void out_end(struct out *o);
/* True when the chunk is to be joined before the next record. */
bool out_chunk_full(const struct out *o, const struct chunk *c);
/* Appends the chunk to the batch under way and empties it. Waits for the sender when the ring is
 * full. The first failure of the walk, when there is one. */
int out_join(struct out *o, struct chunk *c) AL_MUST_CHECK;
void out_fail(struct out *o, int rc); /* the first one counts */
int out_failed(struct out *o);
void out_walker_done(struct out *o);
/* Sends in order until all walkers are done and all is sent, or something failed: the first
 * failure. */
int out_send(struct out *o, const struct walk_conf *conf, uint64_t *ret_batches) AL_MUST_CHECK;

/* ---- owners.c ---- */
struct owners { /* zeroed is empty */
    _Atomic uint32_t slot[WALK_OWNERS_MAX];
};
/* True for one caller only in this walk: the user's name is to be told. False also when there is no
 * room for more. */
bool owners_first(struct owners *o, uint32_t uid);

#endif
