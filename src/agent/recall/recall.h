/* recall.h: fills one stub again, step by step, from the share alone.
 *
 *   recall_new ─▶ recall_step ... until RECALL_ENDED ─▶ recall_result ─▶ recall_free
 *
 *   examine   what the file is (agent/stub/marker.h): a stub is filled; a foreign one with holes is
 *             adopted first (registered, durable, then rewritten); one that has its own data or was
 *             emptied loses its marker; all else is denied, with an alarm
 *   begin     intent written; the object is asked for, small files whole and in one round trip
 *   mark      intent durable (all who wait share one sync); marker "filling"
 *   fill      others than small files a chunk a step; length and 32 bits of the content's hash (in
 *             the marker) must fit
 *   end       data durable, times back; marker "whole", durable, then gone; answer "allow"
 *   report    outcome handed over; the intent is open until it is durable. Where neither can be
 *             written (a full disk under the agent's state) the marker ends as "untold" and tells
 *             of the recall, until the next look at the file can
 *
 * Whatever goes wrong: the file is a stub again (or stays "filling", which the next open heals),
 * and the answer is "deny" with the reason in an outcome. An opener never gets a part, never zeros.
 *
 * Share errors are answers too: AL_EUNREACH, AL_ETIMEDOUT, AL_EAUTH, AL_ENOENT (object gone),
 * AL_ECORRUPT (not the content that was tiered), AL_EFOREIGN (another share's object or another
 * customer's share).
 *
 * Threads: a recall belongs to one thread. recall_pool.h puts threads around it. */
#ifndef ALTO_AGENT_RECALL_RECALL_H
#define ALTO_AGENT_RECALL_RECALL_H

#include "agent/journal/journal.h"
#include "agent/journal/outcome.h"
#include "agent/stub/stub.h"
#include "agent/target/target.h"

#define RECALL_SMALL_BYTES (1u << 20) /* up to here one request brings the object */

struct recall_volume { /* lent; outlives its recalls */
    const char *volume_id, *share_id;
    struct stub_volume *stub;
    struct target_conf target;
};

struct recall_env { /* lent */
    struct port *port;
    struct journal *journal;
    struct outcome_sink *sink;
    size_t chunk_bytes; /* 0: TARGET_CHUNK_BYTES */
    size_t small_bytes; /* 0: RECALL_SMALL_BYTES */
};

struct recall_request { /* lent to recall_new; copied by recall_pool_submit */
    const struct recall_volume *volume;
    struct port_handle handle; /* of an opener's file; len 0: by path */
    /* relative to the volume's root; empty: by handle. Only told in the outcome when a handle is
     * there */
    struct al_span path;
    const char *job_id; /* NULL: an opener */
    uint32_t pid, uid;
    const char *process; /* or NULL */
};

enum recall_event { RECALL_MORE, RECALL_ENDED };

struct recall_result {
    int code; /* AL_OK: the file has its content: let the opener in. Else deny */
    bool filled;
    /* of the first look; MARKER_V_STUB when there was no marker at all and code is AL_OK */
    enum marker_verdict verdict;
    bool was_resident; /* no marker */
    uint64_t size;
    al_id object_id; /* "" where unknown */
    /* nothing was reported: a new recall shall try again (recall_may_repeat, recall_may_wait) */
    bool repeat;
    struct al_fail fail;
};

struct recall;

/* connect: asked for a connection when one is needed, so that files that need none never wait for a
 * share. The target is lent until recall_free. */
struct recall_connect {
    int (*get)(void *ctx, const struct recall_volume *v, struct target **ret, struct al_fail *fail);
    void *ctx;
};
/* AL_ENOMEM */
int recall_new(const struct recall_env *env, const struct recall_connect *connect,
               const struct recall_request *request, struct recall **ret) AL_MUST_CHECK;
enum recall_event recall_step(struct recall *r);
void recall_cancel(struct recall *r); /* the next step puts the stub back; AL_ECANCELED */
/* No alarm outcome for a file that is denied by its marker: the same was told already (recall_pool
 * remembers). */
void recall_quiet(struct recall *r);
/* For a first attempt, before its first step: should the share's connection break (AL_EUNREACH),
 * the file is a stub again, but nothing is reported and recall_result tells `repeat`. */
void recall_may_repeat(struct recall *r);
/* Likewise, where somebody else fills the file (code AL_EBUSY: wait a little), has filled it
 * (AL_ENODATA) or has tiered it anew (AL_ECHANGED): by path and by handle one file can be asked for
 * twice. */
void recall_may_wait(struct recall *r);
const struct recall_result *recall_result(const struct recall *r);
/* NULL is fine; returns NULL. One not ended is cancelled first */
struct recall *recall_free(struct recall *r);

#endif
