/* records.h: the lines of a batch (doc/format/protocol.md), and the outcome sink that spools them.
 * Threads: the printers are pure; a sink may be used from any thread and must outlive whoever holds
 * it. */
#ifndef ALTO_AGENT_LINK_RECORDS_H
#define ALTO_AGENT_LINK_RECORDS_H

#include "agent/auditlog/filespace.h"
#include "agent/auditlog/follow.h"
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
    const char *follows; /* the scan that this is an increment of; NULL: it walked everything */
    const char *why;     /* it did; "": nothing to say */
};
int record_scan_end(const struct record_scan *r, struct al_buf *to) AL_MUST_CHECK;

#define RECORD_ACCESS_BYTES                                                                        \
    ((size_t)60 << 10) /* of one record; longer is what no one row fits in */
#define RECORD_ACCESS_ROWS 2000u
#define RECORD_ACCESS_WHO 64u /* users, hosts and nodes that short rows of one record name */
#define RECORD_ACCESS_BUFFER ((size_t)256 << 10) /* the max of the buffer that is given */
/* As many rows as one record takes, from the front, of those that are noise or of those that are not: each kind has records
 * of its own, which servers of before pass over; *ret_taken how many, others and dropped ones too. `to` is cleared, and empty where
 * none of them tells anything. A row that does not fit in a record of its own is left out and counted in *io_lost. */
int record_access(const char *volume_id, const struct digest_row *rows, size_t count, bool noise,
                  struct al_buf *to, size_t *ret_taken, uint64_t *io_lost) AL_MUST_CHECK;
/* An `audit` record; `to` is cleared. */
int record_audit(const char *volume_id, const char *root, int64_t told_ns,
                 const struct follow_status *s, struct al_buf *to) AL_MUST_CHECK;

/* A `filespaces` record: what is LucidLink's first, as many as fit. program: where `lucid` is, NULL: nowhere; text: what
 * asking it came to. `to` is cleared. */
int record_filespaces(const struct filespaces *f, const char *program, const char *text,
                      int64_t told_ns, struct al_buf *to) AL_MUST_CHECK;

/* The sink that mover, recall and reconcile get; put_later is spool_put_later. */
struct spool_sink {
    struct outcome_sink sink; /* first */
    struct spool *spool;
};
void spool_sink_init(struct spool_sink *s, struct spool *spool);

#endif
