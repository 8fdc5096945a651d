/* outcome.h: what an act of the agent came to: a line for inventory, audit and figures. Mover,
 * recall, reconcile and walk hand them to a sink; agent/link spools them durably and delivers each
 * exactly once. JSON form: doc/format/protocol.md. */
#ifndef ALTO_AGENT_JOURNAL_OUTCOME_H
#define ALTO_AGENT_JOURNAL_OUTCOME_H

#include "base/text.h"

/* Of a recall that failed: the path is no file here, nor is anything known of one that went. */
#define OUTCOME_NOTHING_BACK "nothing_to_bring_back"

struct outcome {
    /* "tier", "archive", "recall", "read", "refuse", "adopt", "drop_marker", "reconcile", "share_state",
     * "volume_state", "alarm" */
    const char *act;
    int code;                                            /* AL_OK, or why it failed */
    const char *reason;                                  /* refusal name, or "" */
    const char *text;                                    /* sentence for people, or "" */
    const char *volume_id, *share_id, *job_id, *rule_id; /* NULL where none */
    struct al_span path; /* relative to the volume's root; empty where unknown */
    /* recall of what was archived: the file's name, in path's folder; NULL: as in path */
    const char *now_name;
    uint64_t ino;
    const char *object_id; /* NULL where none */
    uint64_t size;         /* bytes moved */
    uint64_t freed;        /* bytes of blocks freed (tier) or used (recall) */
    int64_t began_ns, ended_ns;
    int64_t mtime_ns;
    uint32_t pid, uid;   /* recall: who opened; 0 unknown */
    const char *process; /* recall: command name, or NULL */
};

/* put returns when the outcome is durable on this host (group commit), and must do so before the
 * act is reported done. Any thread.
 *
 * put_later, for an act whose durable intent tells of it until then: takes the outcome and returns;
 * done(ctx, code) is called once, from any thread, also before put_later returns, when the outcome
 * is durable (AL_OK) or not known to be. An error: done is not called. NULL: put must be used. */
struct outcome_sink {
    int (*put)(struct outcome_sink *s, const struct outcome *o);
    int (*put_later)(struct outcome_sink *s, const struct outcome *o,
                     void (*done)(void *ctx, int code), void *ctx);
};

#endif
