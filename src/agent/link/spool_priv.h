/* spool_priv.h: the inside of the spool, shared by spool.c (files, group commit) and spool_batch.c
 * (reading, batches). */
#ifndef ALTO_AGENT_LINK_SPOOL_PRIV_H
#define ALTO_AGENT_LINK_SPOOL_PRIV_H

#include "agent/link/spool.h"
#include "base/list.h"
#include "port/thread.h"

/* On disk: magic, length of the payload, XXH3-64 of the payload seeded with the record's position,
 * payload. Little-endian. */
#define SPOOL_MAGIC 0x31505341u /* "ASP1" */
#define SPOOL_HEADER 16u
#define SPOOL_SEGMENTS_MAX 65536u
#define SPOOL_HEAD_NAME "head"
#define SPOOL_PENDING_MAX (16u << 20) /* bytes added and not yet written */

struct spool {
    struct port *port;
    struct al_log *log;
    struct port_file *dir;
    uint64_t limit;
    uint32_t segment_bytes, batch_records;
    size_t batch_bytes; /* of the thread that sends */

    port_mutex mutex;
    /* durable moved on, or a flush failed: for the sender, and who waits for room */
    port_cond changed;
    /* Those who wait for their record: of the group that is written, and of the next one. Each is
     * woken once; of the next group only the one who writes. */
    port_cond turns[2];
    unsigned turn;  /* of who comes now */
    port_cond more; /* for the sender */
    bool woken;

    /* Writing. Everything up to `durable` is safe, up to `end` is in pending or being written. */
    /* last segment, NULL until the first record after start or after a failed write */
    struct port_file *tail;
    uint64_t tail_base;
    bool flushing;
    struct al_buf pending;
    uint64_t durable, end;
    uint64_t epoch; /* counts failed flushes; whoever waited over one gets epoch_code */
    int epoch_code;

    /* Records nobody waits for (struct late), in the order they were added. */
    struct al_list late;
    bool late_runs;
    port_cond late_come;

    /* Segments by position, oldest first. A segment's records end where the next begins. */
    uint64_t *segments;
    size_t segment_count, segment_cap;

    /* The head. end_of_batch == begin: no batch under way. */
    al_id stream;
    uint64_t seq;
    uint64_t begin, end_of_batch;
};

void spool_segment_name(uint64_t base, char out[24]);
/* Reads the segment files' names into s->segments, sorted. */
int spool_list(struct spool *s);
/* Looks through the last segment and sets s->durable and s->end behind its last record. *ret_cut:
 * the file has bytes behind that. */
int spool_scan_tail(struct spool *s, bool *ret_cut);
int spool_head_load(struct spool *s);
int spool_head_save(struct spool *s);
/* A record at `at` (position pos) of len bytes left: true and *ret_len, the payload's length, if it
 * is whole and right. */
bool spool_record_ok(const uint8_t *at, size_t left, uint64_t pos, uint32_t *ret_len);
int spool_new_stream(struct spool *s);
/* Makes everything added so far durable. */
int spool_flush(struct spool *s);

#endif
