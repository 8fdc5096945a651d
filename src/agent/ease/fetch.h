/* fetch.h: objects on their way from the share to local disk, for who cannot be filled in place: the
 * driver wants bytes or the path of a complete file, not writes into the stub.
 *
 *   driver's thread ─▶ ease_fetch_wait ─▶ (joined | queued) ─▶ worker: share ─▶ file, hash ─▶ ready
 *                            └─▶ ease_held_read, ease_held_path ─▶ ease_held_end
 *
 * An object is fetched once for all who ask meanwhile. Nothing is given out before it is proven: all
 * of it by length and XXH3-128, or the pieces whose hashes stand in the tag. A fetch goes
 * on when nobody waits any more, so that who asks again finds more.
 *
 * Files lie in a folder of ours, outside every managed folder, under names that never existed before:
 * "<object id>-<random>.obj". Nothing says when the driver is done with a file whose path it was
 * given [unknown], so such a file stays for EASE_KEEP_NS at least, also across restarts (by its own
 * time), and is never written again nor, once it may be written to by others, read by us. After a
 * start nothing that lies there is used; it only ages.
 *
 * Threads: every function from any thread. No lock is held while a share or disk is waited for. */
#ifndef ALTO_AGENT_EASE_FETCH_H
#define ALTO_AGENT_EASE_FETCH_H

#include "agent/ease/tag.h"
#include "agent/target/target.h"
#include "base/log.h"
#include "base/text.h"

#define EASE_FETCH_WORKERS_MAX 64u
/* a path that was given out stays good for an hour, which is what the vendor's samples purge by */
#define EASE_KEEP_NS 3600000000000
/* files whose path was given out take at most this part of the room and of the number of files, so
 * that blocks can be read whatever happens: three of four */
#define EASE_GIVEN_OF(all) ((all) / 4 * 3)
/* what nobody asked for goes after ten minutes; until then a reader of blocks comes back to it */
#define EASE_IDLE_NS 600000000000
/* looked through once in so long */
#define EASE_SWEEP_NS 10000000000
/* up to here an opener that may write gets a copy: less than fetching it again for the next */
#define EASE_COPY_BYTES (64u << 20)
#define EASE_FETCH_OBJECTS_MAX 4096u /* known at a time; beyond: AL_ELIMIT */
/* a file that could not be removed (somebody has it open) is tried again by the next sweeps */
#define EASE_FETCH_FILES_MAX 65536u
/* how long a broken connection to the share is tried again for */
#define EASE_FETCH_AGAIN_NS 1000000000

struct ease_fetch_conf { /* copied; port and log are lent */
    struct port *port;
    struct al_log *log;
    const char *folder; /* absolute, there, ours alone */
    unsigned workers;   /* 1 to EASE_FETCH_WORKERS_MAX */
    uint64_t bytes_max; /* in the folder, all files together */
    int64_t keep_ns;    /* 0: EASE_KEEP_NS */
    int64_t idle_ns;    /* 0: EASE_IDLE_NS */
};

struct ease_object { /* lent for the call */
    al_id id;
    const struct stub_tag *tag;
    const char *share_id;
    const struct target_conf *target; /* lent until the pool is closed */
    uint64_t turn;                    /* ease_fetch_turn */
};

struct ease_fetch;
struct ease_held; /* an object that somebody uses: its file stays meanwhile */

int ease_fetch_open(const struct ease_fetch_conf *conf, struct ease_fetch **ret,
                    struct al_fail *fail) AL_MUST_CHECK;
/* Who waits gets AL_ECANCELED, what is under way stops. */
void ease_fetch_cancel(struct ease_fetch *f);
/* Who waits or comes to wait with a turn of before gets AL_ECANCELED; what is under way goes on, and
 * the pool is there for others. */
void ease_fetch_interrupt(struct ease_fetch *f);
uint64_t ease_fetch_turn(struct ease_fetch *f);
/* Nobody may hold anything. NULL is fine; returns NULL */
struct ease_fetch *ease_fetch_close(struct ease_fetch *f);

/* Waits until the whole object is ready, or, with len > 0 and a tag with pieces, until the len bytes at
 * offset are proven, whose pieces are brought next then. until_ns: of port_mono_ns. *ret_whole tells which. AL_ETIMEDOUT: not by then; the fetch
 * goes on. AL_ENOSPC: no room in the folder, or on its disk; AL_ELIMIT; AL_ECORRUPT: not the content
 * that was tiered; the share's codes. */
int ease_fetch_wait(struct ease_fetch *f, const struct ease_object *o, uint64_t offset,
                    uint32_t len, int64_t until_ns, struct ease_held **ret, bool *ret_whole,
                    struct al_fail *fail) AL_MUST_CHECK;
/* Exactly len bytes that were proven. AL_ECHANGED: somebody wrote to the file; it is not used any
 * more, ask for the object anew. */
int ease_held_read(struct ease_held *h, uint64_t offset, void *to, size_t len,
                   struct al_fail *fail) AL_MUST_CHECK;
/* Of a whole one: appends the path of a complete file that stays for keep_ns. for_self: one that
 * nobody else is given or reads, for a driver that may let others write to it: a copy, or, above
 * EASE_COPY_BYTES and used by nobody else, the fetched file itself, which is fetched anew for the
 * next; else the same for all. until_ns: AL_ETIMEDOUT where the copy takes longer. AL_ENOSPC: as much
 * as may be is given out (EASE_GIVEN_OF), or no room for a copy. Codes else: those of
 * ease_held_read. */
int ease_held_path(struct ease_held *h, bool for_self, int64_t until_ns, struct al_buf *to,
                   struct al_fail *fail) AL_MUST_CHECK;
struct ease_held *ease_held_end(struct ease_held *h); /* NULL is fine; returns NULL */

struct ease_fetch_figures {
    uint64_t fetched, joined, failed, bytes; /* since it was opened */
    uint64_t given;                          /* paths */
    unsigned objects, files, queued, running;
    unsigned files_given;
    uint64_t bytes_held,
        bytes_given; /* in the folder; of them, of files whose path was given out */
};
void ease_fetch_figures(struct ease_fetch *f, struct ease_fetch_figures *ret);
/* Ages what lies in the folder as if it were now_ns (port_now_ns), which workers do by themselves. */
void ease_fetch_sweep(struct ease_fetch *f, int64_t now_ns);

#endif
