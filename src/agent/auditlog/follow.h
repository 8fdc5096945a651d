/* follow.h: follows the audit logs of one filespace: finds every log below <root>/.lucid_audit at whatever depth, reads
 * what was added, and hands on what it means, each event at least once.
 *
 *   look (listings, sizes, times) ─▶ queue ─▶ read ─▶ parse ─▶ digest ─▶ put (durable) ─▶ cursors
 *
 * A step engine: follow_poll does one bounded round and says when to come again. One thread at a time. No file or folder
 * stays open between two calls, so that a filespace can be unmounted.
 *
 * When it looks. A log that grew within FOLLOW_HOT_S is looked at each second: one stat. One that is the last of its folder
 * and ".active", each FOLLOW_IDLE_S at least; the FOLLOW_QUICK that grew last, within FOLLOW_QUICK_S, each
 * FOLLOW_QUICK_NS. The folders in which new logs come (the root, each folder in it, and below them the last by name) are
 * looked at every two to four seconds, or eight where nothing came for FOLLOW_HOT_S; they are listed where their time
 * changed, and else in turn as FOLLOW_LISTED allows, since nothing promises times of folders. All other folders and logs
 * come in turn, each within FOLLOW_ROUND_S, and 2,000 of them within about a minute. A log that is gone (it was rotated) has its folder listed at once. With 200
 * clients and 50,000 logs at rest that is about 250 stats and 20 listings a second. Links are never followed. No
 * watermark: an old log that grew is read.
 *
 * Crashes: rows are put before cursors are written, so what was told may be told again, and nothing is left out.
 *
 * A last line without its end is an event that nobody will tell, as a line of junk is: it is counted (torn). It is not
 * passed over, so that it is read when its end comes; and if the log goes before that, something was lost up to its last change.
 *
 * What cannot be read is never taken for empty: states and coverage as in doc/adr/0055. A root without .lucid_audit on another
 * filesystem than before is one that is not mounted: absent, but nothing is lost by it. Mounted again, and without it for
 * FOLLOW_GONE_S: something was. */
#ifndef ALTO_AGENT_AUDITLOG_FOLLOW_H
#define ALTO_AGENT_AUDITLOG_FOLLOW_H

#include "agent/auditlog/coverage.h"
#include "agent/auditlog/digest.h"
#include "agent/auditlog/tally.h"
#include "port/port.h"

#define FOLLOW_FOLDER ".lucid_audit"
#define FOLLOW_HOT_S 900u /* a log that changed is looked at each second for so long */
#define FOLLOW_HOT_MAX                                                                             \
    20000u               /* looked at each second at most; others come with their folder's turn */
#define FOLLOW_QUICK 16u /* of them: those that grew last, and */
#define FOLLOW_QUICK_S 300u                      /* not longer ago, are looked at */
#define FOLLOW_QUICK_NS (INT64_C(250) * 1000000) /* as often */
#define FOLLOW_IDLE_S                                                                              \
    2u                  /* an open log that did not change for FOLLOW_HOT_S is looked at as often */
#define FOLLOW_OLD_S 8u /* and one that is older than a day at least as often, however hot */
#define FOLLOW_ROUND_S 3600u /* within which each folder and log is looked at */
#define FOLLOW_SOON_S 60     /* within which each is where there are few, but */
#define FOLLOW_SOON 30       /* at most so many a second for it */
#define FOLLOW_LISTED 2000u /* entries a second, of listings of folders whose time did not change */
#define FOLLOW_GONE_S 60u   /* not there for so long: gone */
#define FOLLOW_FORGET_S (7u * 86400u)
/* An open log that was not looked at for so long may have grown meanwhile: if it is not there any more, or another one,
 * something was lost. */
#define FOLLOW_UNSEEN_S 30u
#define FOLLOW_SETTLE_S                                                                            \
    5u /* a closed log that did not change for so long, at two looks, is whole */
/* Bytes that are not there yet (NULs) are waited for for so long. Where lines stand behind them they are then passed over, a
 * line of junk, and coverage begins anew: nobody knows what they were. At the end of a closed log the same, at its last change;
 * at the end of an open one they are waited for for FOLLOW_TORN_ALONE_S. While they are, the log is not read to its end. */
#define FOLLOW_SETTLE_HOLES_S 600u
/* A log that is open yet ends within a line: its client died in the middle of it, or is asleep. After so long without a
 * change it counts as read, where its node has begun a later log (it rotates by closing the one before); else only after so long
 * that no client is at work on it: they begin a new log after a quarter of an hour. What is added later is read all
 * the same. */
#define FOLLOW_TORN_S 600u
#define FOLLOW_TORN_ALONE_S 86400u
#define FOLLOW_CATCH_UP_S 600u /* not read to the ends for so long: coverage is not told */
#define FOLLOW_KEPT_NS                                                                             \
    (INT64_C(60) * 1000000000) /* how late the time of the last catching up is kept */
#define FOLLOW_READ_BYTES ((size_t)256 << 10)
#define FOLLOW_ROUND_NS (INT64_C(500) * 1000000) /* of reading, before others are looked at again */
#define FOLLOW_STATS_MAX 2048u                   /* files looked at for metadata in one digest */
#define FOLLOW_NODES_TOLD 100u                   /* in one status */

struct follow_conf {
    struct port *port;
    struct port_file *state; /* an open folder for the cursors, of this volume alone; lent */
    const char *root;        /* the filespace's, absolute; lent */
    const char *prefix;      /* the volume's path below it: "" or "/a/b"; lent */
    const struct audit_settings *settings; /* lent */
    /* Rows, durable when it returns AL_OK. Called with them again after an error. */
    int (*put)(void *ctx, const struct digest_row *rows, size_t count);
    /* Whether there is no room for more now; may be NULL. */
    bool (*full)(void *ctx);
    bool (*stop)(void *ctx); /* asked often; may be NULL */
    bool (*is_own)(void *ctx, const struct auditlog_event *e, const struct al_span *from,
                   const struct al_span *to); /* as digest.h has it; may be NULL */
    /* A use of a path that was just seen, whether or not it will be told as a row of its own, and when, as it was told: perhaps
     * in the future; may be NULL. */
    void (*seen)(void *ctx, struct al_span path, int64_t time_ns);
    void *ctx;
};
struct follow_node {
    const char *node, *host, *user; /* "" unknown; lent */
    int64_t last_event_ns, last_grown_ns;
    uint64_t behind_bytes, files;
    bool active;
};
struct follow_status {
    enum audit_state state;
    int64_t since_ns, covered_since_ns, last_event_ns;
    int64_t as_of_ns; /* when that was so */
    bool caught_up;   /* within FOLLOW_CATCH_UP_S */
    char text[256];
    const char *filespace, *filespace_uuid; /* "" unknown; lent */
    uint64_t files, active, behind_bytes, ignored_files, unreadable, torn;
    struct auditlog_counts lines;
    struct digest_counts events;
    const struct tally_sample *samples[TALLY_SAMPLES_MAX]; /* the latest first; lent */
    size_t sample_count;
    struct follow_node
        nodes[FOLLOW_NODES_TOLD]; /* of those that changed since they were last told */
    size_t node_count;
};
struct follow_figures { /* since it was opened */
    uint64_t stats, listings, listed, reads, bytes, rows, flushes, polls;
};
struct follow;

/* Loads the cursors. AL_EIO and other file codes of the state; AL_ENOMEM. */
int follow_open(const struct follow_conf *conf, struct follow **ret,
                struct al_fail *fail) AL_MUST_CHECK;
/* Writes nothing. NULL is fine; returns NULL. */
struct follow *follow_close(struct follow *f);
/* One round. *ret_wait_ns: come again after it; 0: there is more to read. AL_OK also where the logs cannot be read:
 * follow_status tells. Errors are of the state, of put, or of memory: come again later, nothing is lost. */
int follow_poll(struct follow *f, int64_t *ret_wait_ns) AL_MUST_CHECK;
/* State and coverage alone: cheap. *ret_covered_ns 0: the logs were not read to their ends for FOLLOW_CATCH_UP_S, or a
 * folder or log that was read before may not be looked at. Else it is so as of *ret_as_of_ns (wall clock), when they last
 * were; between the start and the first time that they were, that is the follower's before. NULL: not asked. */
void follow_coverage(struct follow *f, enum audit_state *ret_state, int64_t *ret_covered_ns,
                     int64_t *ret_as_of_ns);
/* Goes through all logs. Lines and events are counted since the volume is followed. Nodes that are told count as told. */
void follow_status(struct follow *f, struct follow_status *ret);
void follow_figures(const struct follow *f, struct follow_figures *ret);

#endif
