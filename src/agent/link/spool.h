/* spool.h: the agent's outgoing records, durable on this host until the server has applied them.
 *
 *   spool_put ─▶ segment files (group commit) ─▶ spool_batch ─▶ (sent) ─▶ spool_applied ─▶ segments
 *   removed
 *
 * A record has a position for ever: the number of bytes ever spooled before it. Segment files are
 * named by the position they begin at ("%016x.seg"), append-only, each record with length and a
 * checksum that includes its position, so that neither a torn tail nor a block of an older file
 * passes for a record. A small file "head" says which batch is under way: its number and the
 * positions it runs between. It is made durable before the batch is handed out, so that a batch of
 * one number always has the same bytes, also after kill -9. Rules of the numbers:
 * doc/format/protocol.md.
 *
 * The limit: above limit_bytes of undelivered records spool_full() says so, and whoever makes new
 * work that can wait (tier, scan) stops. What has been done is still taken (a recall's outcome must
 * not be lost) until the disk itself is full; then spool_put answers AL_ENOSPC and the act is not
 * reported done.
 *
 * Threads: spool_put, spool_put_later, spool_late_begin and _end, spool_add, spool_full, spool_wake from any;
 * the other calls from the one thread that sends. The folder belongs to one process (the agent's lock on its state
 * directory). */
#ifndef ALTO_AGENT_LINK_SPOOL_H
#define ALTO_AGENT_LINK_SPOOL_H

#include "base/log.h"
#include "base/text.h"
#include "port/port.h"

/* bytes of one record; a path is at most 4 KiB, six times that as escaped JSON */
#define SPOOL_RECORD_MAX (64u << 10)
/* a segment that has reached it is followed by a new one; what is read at once at start */
#define SPOOL_SEGMENT_BYTES (4u << 20)
/* default limit: about 5 million outcomes, a week of a busy host without a server */
#define SPOOL_LIMIT_BYTES (2ull << 30)
#define SPOOL_BATCH_RECORDS 2000u    /* of a batch at most */
#define SPOOL_BATCH_BYTES (1u << 20) /* a batch is closed when it has reached it, at first */
/* the most spool_batch_limit allows; with one record more below what a server takes (16 MiB) */
#define SPOOL_BATCH_BYTES_MAX (15u << 20)
#define SPOOL_LATE_NS 20000000 /* how long put_later gathers */

struct spool;

struct spool_conf {
    struct port *port;
    const char *path;       /* folder; made if missing (its parent must be there) */
    uint64_t limit_bytes;   /* 0: SPOOL_LIMIT_BYTES */
    uint32_t segment_bytes; /* 0: SPOOL_SEGMENT_BYTES; smaller in tests */
    uint32_t batch_records; /* 0: SPOOL_BATCH_RECORDS */
    struct al_log *log;     /* lost records are told here, at error; may be NULL */
};

/* Opens, cuts a torn tail, finds the batch under way. AL_EIO and other file codes; nothing of what
 * was spooled is changed then. */
int spool_open(const struct spool_conf *conf, struct spool **ret,
               struct al_fail *fail) AL_MUST_CHECK;
/* Makes what was added durable where possible, then frees. NULL is fine; returns NULL. No other
 * call may be under way. */
struct spool *spool_close(struct spool *s);

/* One record: a line without '\n'. AL_OK: it is durable, *ret_pos (may be NULL) is the position
 * behind it. AL_ELIMIT above SPOOL_RECORD_MAX; AL_ENOSPC, AL_EIO ...: it is not known to be durable
 * (it may be delivered all the same). */
int spool_put(struct spool *s, struct al_span line, uint64_t *ret_pos) AL_MUST_CHECK;
/* Like it, but only made durable with the next put or batch: for what is nice to know (progress).
 * Dropped silently when full. */
int spool_add(struct spool *s, struct al_span line) AL_MUST_CHECK;

/* A put that nobody waits for: done(ctx, code) is called once, from spool_late_run's thread, when
 * the record is durable (AL_OK) or not known to be; without such a thread, from within. Many share
 * one sync. An error of the call itself: done is not called. done must not call the spool. */
int spool_put_later(struct spool *s, struct al_span line, void (*done)(void *ctx, int code),
                    void *ctx) AL_MUST_CHECK;
/* The one thread that makes such records durable, begun SPOOL_LATE_NS after the first of them at the
 * latest: spool_late_run is its body, between spool_late_begin and spool_late_end, which return at
 * once. It returns when all are answered; puts that come then are synced by whoever puts them. */
void spool_late_begin(struct spool *s);
void spool_late_run(struct spool *s);
void spool_late_end(struct spool *s);

bool spool_full(struct spool *s);
/* Undelivered bytes and records' oldest position, for figures. */
uint64_t spool_waiting(struct spool *s);

/* The batch to send now: the one under way, or a new one of what is there. *ret_any false: nothing
 * to send. body gets the records, each with '\n'. stream is filled. */
int spool_batch(struct spool *s, struct al_buf *body, al_id stream, uint64_t *ret_seq,
                bool *ret_any) AL_MUST_CHECK;
/* How many bytes close batches that are yet to be formed: brought between SPOOL_BATCH_BYTES and
 * SPOOL_BATCH_BYTES_MAX, and returned so. The batch under way stays what it is. */
size_t spool_batch_limit(struct spool *s, size_t bytes);
/* The server's answer: it has applied up to applied_seq of this stream.
 *   equal to the batch's seq       done, the batch is over
 *   seq - 1                        not applied yet: send it again
 *   anything else                  one of the two sides was set back (restored from a backup). The
 *                                  stream ends and the batch's records begin a new one: delivered
 *                                  twice in the worst case, never lost; told in the log */
int spool_applied(struct spool *s, uint64_t seq, uint64_t applied_seq) AL_MUST_CHECK;
/* Everything before it was applied. */
uint64_t spool_applied_pos(struct spool *s);

/* Waits until there is something to send or spool_wake was called or timeout_ns passed. True when
 * there is something. */
bool spool_wait(struct spool *s, int64_t timeout_ns);
void spool_wake(struct spool *s);

#endif
