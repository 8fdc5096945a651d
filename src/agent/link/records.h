/* records.h: the lines of a batch (doc/format/protocol.md), and the outcome sink that spools them.
 * Threads: the printers are pure; a sink may be used from any thread and must outlive whoever holds
 * it. */
#ifndef ALTO_AGENT_LINK_RECORDS_H
#define ALTO_AGENT_LINK_RECORDS_H

#include "agent/journal/outcome.h"
#include "agent/link/spool.h"

/* Each appends one line without '\n'. AL_ENOMEM; AL_ELIMIT when it does not fit the buffer. */
int record_outcome(const struct outcome *o, struct al_buf *to) AL_MUST_CHECK;
int record_progress(const char *work_id, uint64_t files, uint64_t bytes,
                    struct al_buf *to) AL_MUST_CHECK;
int record_work_end(const char *work_id, int code, const char *text,
                    struct al_buf *to) AL_MUST_CHECK;
struct record_scan {
    const char *scan_id, *volume_id;
    int code;
    uint64_t entries, folders, unreadable;
    const char *text;
};
int record_scan_end(const struct record_scan *r, struct al_buf *to) AL_MUST_CHECK;

/* The sink that mover, recall and reconcile get; put_later is spool_put_later. */
struct spool_sink {
    struct outcome_sink sink; /* first */
    struct spool *spool;
};
void spool_sink_init(struct spool_sink *s, struct spool *spool);

#endif
