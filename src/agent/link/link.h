/* link.h: the agent's side of the protocol (doc/format/protocol.md): two threads of its own, both
 * outbound only.
 *
 *   lease thread    long poll and heartbeat ─▶ on_config, on_work, on_cancel, on_pause
 *   batch thread    spool ─▶ numbered batches ─▶ server
 *
 * Losing the server stops nothing that needs no server: both threads go on asking, with growing
 * pauses (LINK_PAUSE_MS_MAX, with jitter, so that a thousand agents do not come back in the same
 * second), while outcomes wait in the spool.
 *
 * A work is told as running until the server has applied its end, so that its lease does not run
 * out between the two. While the spool is full no new work is taken.
 *
 * Threads: callbacks come from the lease thread and must not call link_stop. link_work_end,
 * link_progress, link_entries from any. */
#ifndef ALTO_AGENT_LINK_LINK_H
#define ALTO_AGENT_LINK_LINK_H

#include "agent/link/config.h"
#include "agent/link/identity.h"
#include "agent/link/records.h"
#include "agent/link/spool.h"
#include "agent/link/work.h"

#define LINK_WAIT_S 25u     /* of a long poll while nothing runs */
#define LINK_BUSY_WAIT_S 2u /* while something runs: a free place shall be filled soon */
/* how often the volumes' space is told: while something runs and once after it, and otherwise */
#define LINK_SPACE_BUSY_NS (INT64_C(10) * 1000000000)
#define LINK_SPACE_NS (INT64_C(60) * 1000000000)
#define LINK_PAUSE_MS_MIN 500u /* after the first failure */
#define LINK_PAUSE_MS_MAX 60000u
#define LINK_RUNNING_MAX 300u /* works held at once; the server gives no more than 260 */
#define LINK_WORKERS_MAX 256u
#define LINK_FLUSH_MS 2000 /* what link_stop waits for the spool to be delivered */

struct link;

struct link_conf {
    struct port *port;
    struct port_file *state;         /* open state directory; lent */
    const struct identity *identity; /* lent */
    struct spool *spool;             /* lent; only the link takes batches from it */
    struct agent_config *config;     /* the kept one, NULL: none; the link takes a reference */
    const char *program;             /* "alto-agent/0.1.0" */
    struct al_log *log;
    unsigned workers; /* works at once; 0: what the configuration says */
    /* a new one, kept already; lent for the call */
    void (*on_config)(void *ctx, struct agent_config *c);
    void (*on_work)(void *ctx, struct work *w);        /* handed over */
    void (*on_cancel)(void *ctx, const char *work_id); /* its lease is lost: stop, send no end */
    /* finish the file in hand, then end it with AL_ECANCELED; may be told again */
    void (*on_pause)(void *ctx, const char *work_id);
    /* Appends {volume_id, bytes_total, bytes_free} of each volume that is well; NULL: nothing is
     * told. Called at most every LINK_SPACE_BUSY_NS. */
    int (*spaces)(void *ctx, json_t *list);
    void *ctx;
};

int link_start(const struct link_conf *conf, struct link **ret, struct al_fail *fail) AL_MUST_CHECK;
/* Gives the spool LINK_FLUSH_MS to be delivered where the server answers, then ends both threads.
 * NULL is fine; returns NULL. */
struct link *link_stop(struct link *l);

/* The work is over; durable when it returns. A work that was cancelled is forgotten without a word.
 * Storage's codes. */
int link_work_end(struct link *l, const char *work_id, int code, const char *text) AL_MUST_CHECK;
/* The end of a scan, which is the end of its work too. */
int link_scan_end(struct link *l, const char *work_id, const struct record_scan *r) AL_MUST_CHECK;
/* Now and then; may get lost. */
void link_progress(struct link *l, const char *work_id, uint64_t files, uint64_t bytes);

/* Sending a scan's batches, one link_entries per scan and thread. */
struct link_entries;
int link_entries_open(struct link *l, const char *scan_id, struct link_entries **ret,
                      struct al_fail *fail) AL_MUST_CHECK;
#define LINK_WHY_MAX 200u /* bytes of the server's words, with the NUL */
/* Which scan this one may follow on, as the server has it: the one it ended last. "": none, and `why` (LINK_WHY_MAX)
 * says why not. Asked once: any failure is the caller's, who walks it all. */
int link_entries_follows(struct link_entries *e, al_id ret, char *why,
                         struct al_fail *fail) AL_MUST_CHECK;
/* Sends number seq until it is applied, however long the server is away. AL_ECANCELED: link_stop,
 * or `stop` said so (asked between attempts); AL_ECHANGED, AL_ECONFLICT and other refusals of the
 * server: the scan is over. */
int link_entries_send(struct link_entries *e, uint64_t seq, struct al_span packed,
                      bool (*stop)(void *ctx), void *ctx, struct al_fail *fail) AL_MUST_CHECK;
struct link_entries *link_entries_close(struct link_entries *e);

struct link_figures {
    bool online;      /* the last call was answered */
    unsigned running; /* works */
    uint64_t spooled; /* bytes not yet delivered */
    uint64_t batches; /* applied since the start */
    uint64_t polls;   /* answered lease calls since the start */
    int code;         /* of the last failure; AL_OK: none since the last success */
};
void link_figures(struct link *l, struct link_figures *ret);

#endif
