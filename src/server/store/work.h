/* work.h: pieces of jobs that agents lease, how far each host's stream is applied, and who is
 * alive. Tables in schema_work.c; conventions in store.h.
 *
 * Besides: paused (its job is), pausing and leaving (leased, to be given back: not told yet, told),
 * later (of a slice that is not handed out yet); see pause.c.
 *
 *           lease                  end
 *   queued ───────▶ leased ────────────────▶ (gone)
 *     ▲  ▲ lease out  │ │ share's trouble
 *     │  └────────────┘ └──────▶ held ──▶ queued when the share is well
 *     │                 cancelled while leased: dropped, told to the agent, gone at its next heartbeat
 *
 * A lease that ran out while the agent still holds the work is simply given back to it: work
 * belongs to the host of its volume, nobody else can have taken it. */
#ifndef ALTO_SERVER_STORE_WORK_H
#define ALTO_SERVER_STORE_WORK_H

#include "server/store/job.h"

#define WORK_LEASE_S 60u /* seconds without a heartbeat */
#define WORK_LEASE_NS ((int64_t)WORK_LEASE_S * 1000000000)
/* until the first one: the answer may have gone to an agent that had died */
#define WORK_TAKEN_S 10u
/* leases of one work that ran out; then it is given up */
#define WORK_LOST_MAX 10u
#define WORK_ITEMS_MAX 500u               /* files of one work */
#define WORK_ITEMS_BYTES_MAX (256u << 10) /* of JSON, of one work */
/* times a work is held before waiting gets longer */
#define WORK_HOLD_FREE 3u
#define WORK_HOLD_NS (INT64_C(30) * 1000000000) /* then 30 s, 60 s ... */
#define WORK_HOLD_NS_MAX (INT64_C(600) * 1000000000)
#define HOST_OFFLINE_NS (INT64_C(90) * 1000000000) /* without heartbeat */

struct store_work {
    al_id id, job_id, customer_id, host_id, volume_id, share_id, scan_id; /* empty where none */
    enum store_job_kind kind;
    uint32_t items, lost;
    bool dropped;        /* its job was cancelled */
    bool pausing;        /* its job was paused or stopped: what is not done waits, or goes */
    bool stopping;       /* its job was stopped */
    bool later;          /* store_work_add: of a later slice */
    uint64_t bytes;      /* of its items */
    struct al_span json; /* array of items as text; empty: none */
    int64_t created_ns;
    const char *rule_where; /* of the job, with rule and time; store_work_lease only */
    al_id rule_id;
    int64_t plan_ns;
};

int store_work_add(struct store *s, const struct scope *scope, const struct store_work *w,
                   struct al_fail *fail) AL_MUST_CHECK;
/* AL_ENOENT. With items. */
int store_work_get(struct store *s, const struct scope *scope, const char *host_id, const char *id,
                   struct al_arena *a, struct store_work *ret, struct al_fail *fail) AL_MUST_CHECK;
/* The work of a scan under way on this host; AL_ENOENT. */
int store_work_of_scan(struct store *s, const struct scope *scope, const char *host_id,
                       const char *scan_id, struct al_arena *a, struct store_work *ret,
                       struct al_fail *fail) AL_MUST_CHECK;
/* Whether a lease call would change or give anything: for parked polls, without a transaction. */
int store_work_waiting(struct store *s, const struct scope *scope, const char *host_id,
                       const char *const *running, size_t running_count, size_t max,
                       size_t urgent_max, bool *ret, struct al_fail *fail) AL_MUST_CHECK;
enum store_held {
    STORE_HELD,         /* goes on */
    STORE_HELD_NOT,     /* the host must drop it */
    STORE_HELD_PAUSING, /* to be given back after the file in hand; not told before */
    STORE_HELD_LEAVING  /* the same, told before */
};
/* Heartbeat: prolongs what the host holds; ret_held[i] of running[i]. Works dropped that the host
 * does not hold any more go. fresh: the host has just said so; then one that is queued, its lease
 * being over, is the host's again. What a parked request said may be over: the host has given it
 * back since, and gets it anew. */
int store_work_prolong(struct store *s, const struct scope *scope, const char *host_id,
                       const char *const *running, size_t count, bool fresh, int64_t until_ns,
                       enum store_held *ret_held, struct al_fail *fail) AL_MUST_CHECK;
/* The next works, at most max of any kind and urgent_max more of check_share and recall. A scan
 * gets a new scan_id with every lease. */
int store_work_lease(struct store *s, const struct scope *scope, const char *host_id, size_t max,
                     size_t urgent_max, int64_t now_ns, int64_t until_ns, struct al_arena *a,
                     int (*each)(void *ctx, const struct store_work *w), void *ctx,
                     struct al_fail *fail) AL_MUST_CHECK;
/* Gone. AL_ENOENT. */
int store_work_del(struct store *s, const struct scope *scope, const char *id,
                   struct al_fail *fail) AL_MUST_CHECK;
/* New items of a work whose others are done. */
int store_work_items(struct store *s, const struct scope *scope, const char *id, uint32_t items,
                     struct al_span json, struct al_fail *fail) AL_MUST_CHECK;
/* leased ─▶ queued: the agent gave it back. Counts as a lost lease. */
int store_work_back(struct store *s, const struct scope *scope, const char *id,
                    struct al_fail *fail) AL_MUST_CHECK;
/* leased or queued ─▶ held; each further time it waits longer. */
int store_work_hold(struct store *s, const struct scope *scope, const char *id, int64_t now_ns,
                    struct al_fail *fail) AL_MUST_CHECK;
/* All queued works of a job ─▶ held. */
int store_work_hold_job(struct store *s, const struct scope *scope, const char *job_id,
                        int64_t now_ns, struct al_fail *fail) AL_MUST_CHECK;
/* Every queued work that needs the share: reads too, or only those that write. each gets the jobs,
 * and with `all` those too whose works are held already. */
int store_work_hold_share(struct store *s, const struct scope *scope, const char *share_id,
                          bool reads_too, bool all, int64_t now_ns,
                          int (*each)(void *ctx, const char *job_id), void *ctx,
                          struct al_fail *fail) AL_MUST_CHECK;

/* What is left of a work that was given back: paused, with these items (none: as they were). */
int store_work_pause(struct store *s, const struct scope *scope, const char *id, uint32_t items,
                     struct al_span json, struct al_fail *fail) AL_MUST_CHECK;
/* The host is told which of its works to give back. */
int store_work_told(struct store *s, const struct scope *scope, const char *host_id,
                    struct al_fail *fail) AL_MUST_CHECK;

struct store_work_ref {
    al_id work_id, job_id, customer_id, host_id, share_id;
    enum store_job_kind kind;
    uint32_t lost;
};
/* Held works of a share (NULL: of every share) whose waiting is over and which the share's state
 * allows ─▶ queued: all of one that is well, recalls of one that is full or read-only. */
int store_work_release(struct store *s, const struct scope *scope, const char *share_id,
                       int64_t now_ns, struct al_arena *a, struct store_work_ref **ret,
                       size_t *ret_count, struct al_fail *fail) AL_MUST_CHECK;
/* Checks nobody asked for that no agent took within SHARE_CHECK_STALE_NS go: another host may be
 * there. Leases that ran out ─▶ queued; those with lost > WORK_LOST_MAX stay for the caller to end.
 * Dropped ones go. */
int store_work_expire(struct store *s, const struct scope *scope, int64_t now_ns,
                      struct al_arena *a, struct store_work_ref **ret, size_t *ret_count,
                      struct al_fail *fail) AL_MUST_CHECK;
/* Whether there are any of those of the next call. Reads only. */
int store_work_left_due(struct store *s, const struct scope *scope, int64_t now_ns, bool *ret,
                        struct al_fail *fail) AL_MUST_CHECK;
/* Works to be given back whose lease is over: paused, or gone where the job was stopped. */
int store_work_left(struct store *s, const struct scope *scope, int64_t now_ns, struct al_arena *a,
                    struct store_work_ref **ret, size_t *ret_count,
                    struct al_fail *fail) AL_MUST_CHECK;
/* Whether tick has anything to do: leases run out, holds over, hosts silent, shares to check. Reads
 * only. */
int store_work_due(struct store *s, const struct scope *scope, int64_t now_ns, bool *ret,
                   struct al_fail *fail) AL_MUST_CHECK;

/* ---- shares being watched ---- */
#define SHARE_CHECK_STALE_NS (INT64_C(120) * 1000000000)
#define SHARE_LOOK_EVERY_NS (INT64_C(600) * 1000000000)
#define SHARE_CHECK_EVERY_NS (INT64_C(30) * 1000000000)
#define SHARE_CHECK_SOON_NS (INT64_C(2) * 1000000000)
struct store_watch {
    al_id share_id, customer_id, host_id; /* a host that uses it and is online */
};
/* Shares in trouble, or that works wait for, and those that are well but were not looked at for
 * SHARE_LOOK_EVERY_NS; without a check under way, and with an online host to do it. A share in
 * trouble is checked after SHARE_CHECK_SOON_NS, then whenever the trouble has lasted twice as long,
 * at least every SHARE_CHECK_EVERY_NS: a server that was restarted is noticed at once, one that is
 * gone costs little. */
int store_share_watch(struct store *s, const struct scope *scope, int64_t now_ns,
                      struct al_arena *a, struct store_watch **ret, size_t *ret_count,
                      struct al_fail *fail) AL_MUST_CHECK;
/* An online host of the share's customer that can look at it: host_id (NULL: any, one that uses the
 * share first). AL_ENOENT. */
int store_share_host(struct store *s, const struct scope *scope, const char *share_id,
                     const char *host_id, al_id ret, struct al_fail *fail) AL_MUST_CHECK;

/* Shares that a host is to look at, whether a volume of it uses them or not. */
int store_work_shares(struct store *s, const struct scope *scope, const char *host_id,
                      int (*each)(void *ctx, const char *share_id), void *ctx,
                      struct al_fail *fail) AL_MUST_CHECK;

/* ---- hosts ---- */
/* *ret_was_online before. */
int store_host_seen(struct store *s, const struct scope *scope, const char *host_id, int64_t now_ns,
                    bool *ret_was_online, struct al_fail *fail) AL_MUST_CHECK;
/* The clock of this machine may go back, by a repair of the time or another machine that takes over
 * the store. What was written down before lies ahead then, and silence, leases, holds and checks
 * would not be over before the clock is there again: it becomes what it would be had it just been
 * written. */
#define CLOCK_SLACK_NS (INT64_C(5) * 1000000000) /* between threads that read it */
int store_clock_back(struct store *s, const struct scope *scope, int64_t now_ns,
                     struct al_fail *fail) AL_MUST_CHECK;
/* Hosts silent for HOST_OFFLINE_NS become offline. */
int store_host_lost(struct store *s, const struct scope *scope, int64_t now_ns, struct al_arena *a,
                    struct store_work_ref **ret, size_t *ret_count,
                    struct al_fail *fail) AL_MUST_CHECK;

/* ---- intake ---- */
/* 0: none yet */
int store_intake_seq(struct store *s, const struct scope *scope, const char *host_id,
                     const char *stream, uint64_t *ret, struct al_fail *fail) AL_MUST_CHECK;
/* body: a hash of it, so that another batch under the same number is noticed. */
int store_intake_set(struct store *s, const struct scope *scope, const char *host_id,
                     const char *stream, uint64_t seq, const char *body, int64_t now_ns,
                     struct al_fail *fail) AL_MUST_CHECK;
/* Whether the stream's last batch had another body. */
int store_intake_other(struct store *s, const struct scope *scope, const char *host_id,
                       const char *stream, const char *body, bool *ret,
                       struct al_fail *fail) AL_MUST_CHECK;

/* ---- volumes whose figures are behind ---- */
int store_news_add(struct store *s, const struct scope *scope, const char *volume_id,
                   struct al_fail *fail) AL_MUST_CHECK;
/* What is noted of a volume; 0: nothing. */
int store_news_of(struct store *s, const struct scope *scope, const char *volume_id, uint64_t *ret,
                  struct al_fail *fail) AL_MUST_CHECK;
/* Taken away unless there is newer news. */
int store_news_done(struct store *s, const struct scope *scope, const char *volume_id, uint64_t n,
                    struct al_fail *fail) AL_MUST_CHECK;
int store_news_each(struct store *s, const struct scope *scope,
                    int (*each)(void *ctx, const char *volume_id, const char *customer_id),
                    void *ctx, struct al_fail *fail) AL_MUST_CHECK;

/* ---- figures: sums over what is in scope ---- */
struct store_figures {
    uint64_t files, bytes, allocated, stub_files, stub_bytes, freed_bytes, hosts, hosts_online,
        volumes, shares, jobs_running;
};
int store_figures(struct store *s, const struct scope *scope, const char *customer_id,
                  const char *volume_id, struct store_figures *ret,
                  struct al_fail *fail) AL_MUST_CHECK;

#endif
