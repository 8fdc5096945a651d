/* audit.h: the inside of following audit logs, shared by audit.c (a thread for each volume), audit_root.c (where the logs are),
 * audit_seen.c (what was used of late, and what of it is our own doing), audit_own.c (what of that outlives the agent) and
 * audit_self.c (who we are in the logs). */
#ifndef ALTO_AGENT_RUN_AUDIT_H
#define ALTO_AGENT_RUN_AUDIT_H

#include "agent/auditlog/follow.h"
#include "port/thread.h"

#define AUDIT_TELL_NS (INT64_C(30) * 1000000000) /* between two records that say the same */
#define AUDIT_OLD_NS (INT64_C(60) * 1000000000)  /* what was so longer ago is told as of then */
#define AUDIT_ROOT_NS                                                                              \
    (INT64_C(2) * 1000000000) /* between two looks for the root, while there are no logs */
#define AUDIT_RETRY_NS (INT64_C(5) * 1000000000) /* after an error of our own */
#define AUDIT_STOP_NS                                                                              \
    (INT64_C(1000) * 1000000) /* then a thread that hangs on a mount is left alone */
#define AUDIT_RECENT_NS (INT64_C(86400) * 1000000000) /* older uses are no news */
/* An act of ours reaches from so long before its begin, and to so long behind its end, since logs may tell of a close: by one
 * clock, this host's. */
#define AUDIT_OWN_BEFORE_NS (INT64_C(1) * 1000000000)
#define AUDIT_OWN_AFTER_NS (INT64_C(10) * 1000000000)
#define AUDIT_SELVES_MAX 4u /* mounts of ours that are known by their logs: the latest */
#define AUDIT_SELF_PARTS 4u /* folder, node, user, host */
#define AUDIT_PROBE_NS (INT64_C(60) * 1000000000) /* between two probes that were not told of */
#define AUDIT_RECENT_MAX 32768u                   /* paths; older ones give way */
#define AUDIT_OWN_MAX 16384u
/* Logs that come later than that tell of our own acts as of a person's. */
#define AUDIT_OWN_KEPT_NS (INT64_C(14) * 86400 * 1000000000)
#define AUDIT_OWN_ALIVE_NS (INT64_C(5) * 1000000000) /* between two signs of life while works run */
#define AUDIT_NEWS_MAX AUDIT_OWN_MAX

/* ---- audit_root.c ---- */
/* What is at a filespace's .lucid_audit: codes of port_stat_at, AL_ELIMIT. May hang as the mount does. */
int audit_logs_stat(struct port *p, const char *root, struct port_stat *ret) AL_MUST_CHECK;
/* Where the filespace of a volume is mounted: the setting; else the nearest folder at or above the volume that has .lucid_audit, also one
 * that may not be looked at; else the root of the mount. *ret_prefix: the volume from there, "" or "/a/b". Both to be freed.
 * AL_ENOMEM. */
int audit_root_find(struct port *p, const char *volume_path, const char *setting, char **ret_root,
                    char **ret_prefix) AL_MUST_CHECK;

/* ---- audit_seen.c: two bounded tables by path. The owner's lock. ---- */
struct audit_span {
    uint64_t hash;
    int64_t from_ns, until_ns; /* of a use: its time, and when it was seen at the latest */
};
/* Who our own mount is in the logs, as they tell it, all of it: learned from what nobody else can have done. */
struct audit_self {
    int64_t proved_ns; /* wall clock, when it was seen last */
    uint16_t len[AUDIT_SELF_PARTS];
    uint8_t text[AUDIT_SELF_PARTS][AUDIT_NAME_BYTES_MAX];
};
struct audit_seen {
    struct audit_span *recent, *own; /* NULL while there is nothing in them */
    struct audit_span *news; /* AUDIT_NEWS_MAX: of own, to be kept; NULL while there are none */
    uint32_t news_count;     /* more are lost: they are in own as long as the agent lives */
    uint64_t under_way;      /* works that began and did not end */
    struct audit_self selves[AUDIT_SELVES_MAX];
    unsigned self_count;
    bool selves_new; /* since they were kept */
    bool acts;       /* Alto began to do something to a file since that was looked at */
    char probe[48];  /* the name of a file that only we can have made; "": none */
};
void audit_seen_begin(struct audit_seen *s);
void audit_seen_end(struct audit_seen *s);
/* Of those of the future the time is kept, and they give way like others of now. */
void audit_seen_used(struct audit_seen *s, struct al_span path, int64_t time_ns, int64_t now_ns);
int64_t audit_seen_recent(const struct audit_seen *s, struct al_span path); /* 0: none of late */
/* Alto works on it from now on; until_ns INT64_MAX: until it is said again with an end. */
void audit_seen_work(struct audit_seen *s, struct al_span path, int64_t from_ns, int64_t until_ns);
/* What was kept of it: unless something later is known of that path. */
void audit_seen_again(struct audit_seen *s, const struct audit_span *x);
/* Whether an event is ours, as digest.h asks. A read or a write of a path that Alto worked on then is, where the line tells
 * what our own mount's lines tell, client, user and host alike; where that is not known, it is a person's. What has a name that only Alto
 * gives is ours; of a move from such a name also by what it was moved to, since a person may put back what was left.
 * What proves who we are is learned from it: a move between such a name and what we work on, and the probe. */
bool audit_seen_own(struct audit_seen *s, const struct auditlog_event *e,
                    const struct al_span *from, const struct al_span *to, int64_t now_ns);

/* ---- audit_self.c: who we are in the logs; STATE/audit/VOLUME/self. The owner's lock over s. ---- */
/* The event is ours. Nothing is learned where it tells no client: then anybody's lines may be the same. */
void audit_self_prove(struct audit_seen *s, const struct auditlog_event *e, int64_t now_ns);
bool audit_self_is(const struct audit_seen *s, const struct auditlog_event *e);
/* File codes; what does not hold is not loaded. lock: over s, not held. */
int audit_self_load(struct port *p, struct port_file *state, struct audit_seen *s,
                    port_mutex *lock) AL_MUST_CHECK;
int audit_self_keep(struct port *p, struct port_file *state, struct audit_seen *s,
                    port_mutex *lock) AL_MUST_CHECK;
/* Makes a file with a name of its own in the volume's root, notes the name, and takes the file away again; and before that
 * those that an agent left which died in between. */
int audit_self_probe(struct port *p, const char *volume_path, struct audit_seen *s,
                     port_mutex *lock) AL_MUST_CHECK;

/* ---- audit_own.c: STATE/audit/VOLUME/own: records of AUDIT_OWN_MAX paths at most, appended to and now and then written anew. Nothing
 * is synced for a record: what a power cut takes looks like a use, which holds a file back and harms nothing. ---- */
struct audit_own { /* zeroed: nothing is loaded */
    struct port_file *file;
    uint64_t count; /* records in it */
    int64_t alive_ns;
    bool loaded;
};
/* Loads at first; keeps what is new. lock: over s, not held. File codes: it is tried anew with the next call. One thread. */
int audit_own_keep(struct audit_own *o, struct port *p, struct port_file *state,
                   struct audit_seen *s, port_mutex *lock) AL_MUST_CHECK;
void audit_own_end(struct audit_own *o, struct port *p);

#endif
