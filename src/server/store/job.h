/* job.h: jobs, the outcomes of their files, and why files were refused. Tables in schema_work.c;
 * conventions in store.h (scope, transaction, errors).
 *
 *   queued ─▶ running ─▶ done | failed          cancelled from all but these two
 *               ▲ │ share in trouble
 *               │ ▼
 *            suspended
 *
 * Each of the first three ─▶ paused ─▶ what the works say; a job is paused and resumed by
 * store_job_pause and store_job_resume alone, and ended before its time by store_job_stop (pause.c).
 *
 * The state is never set by hand: store_job_settle derives it from the works that are left and from
 * what became of the files. */
#ifndef ALTO_SERVER_STORE_JOB_H
#define ALTO_SERVER_STORE_JOB_H

#include "server/store/store.h"

enum store_job_kind {
    STORE_J_SCAN,
    STORE_J_TIER,
    STORE_J_ARCHIVE, /* as tier, with placeholders in the files' places */
    STORE_J_RECALL,
    STORE_J_CHECK_SHARE,
    STORE_J_ADOPT,      /* copied stubs, in the files and folders that its work names */
    STORE_J_REPAIR,     /* what reconciles found, file by file */
    STORE_J_TEST_SHARE, /* a work without a job: share_test.h */
    STORE_J_RECONCILE,
    STORE_J_KINDS
};
enum store_job_state {
    STORE_J_QUEUED,
    STORE_J_RUNNING,
    STORE_J_DONE,
    STORE_J_FAILED,
    STORE_J_CANCELLED,
    STORE_J_SUSPENDED,
    STORE_J_PAUSED,
    STORE_J_STATES
};
bool store_job_kind_moves(enum store_job_kind kind);          /* tier, archive, recall, repair */
bool store_job_kind_writes(enum store_job_kind kind);         /* to the share: tier, archive */
const char *store_job_kind_name(enum store_job_kind kind);    /* "scan" ... */
enum store_job_kind store_job_kind_of(const char *name);      /* STORE_J_RECONCILE: none */
const char *store_job_state_name(enum store_job_state state); /* "queued" ... */
bool store_job_state_open(enum store_job_state state);        /* all but done, failed, cancelled */

/* filters: customer_id, volume_id, rule_id, share_id, state, kind */
extern const struct store_noun store_jobs;
extern const struct store_noun store_outcomes; /* filters: job_id, code, reason, act */

struct store_job {
    al_id id, customer_id, host_id, volume_id, rule_id, share_id; /* the last three empty: none */
    enum store_job_kind kind;
    enum store_job_state state;
    uint64_t total_files, total_bytes, done_files, done_bytes, freed_bytes, refused_files,
        failed_files;
    int end_code; /* the first trouble a work ended with, AL_OK: none */
    const char *text;
    const char *rule_where;                /* NULL: by path */
    int64_t plan_ns;                       /* the rule's now */
    uint64_t rule_version;                 /* 0: none */
    const char *pause_reason, *pause_text; /* "": neither paused nor stopped early */
    bool stopping;                         /* ends with what is in hand */
    bool whole;                            /* a scan of everything is wanted */
    const char *created_by;                /* a name */
    int64_t created_ns, started_ns, ended_ns;
    uint64_t version;
};

/* State is queued. */
int store_job_add(struct store *s, const struct scope *scope, const struct store_job *j,
                  struct al_fail *fail) AL_MUST_CHECK;
int store_job_get(struct store *s, const struct scope *scope, const char *id, struct al_arena *a,
                  struct store_job *ret, struct al_fail *fail) AL_MUST_CHECK;
/* The open job of a kind on a volume, a rule or a share (those not NULL); AL_ENOENT. */
int store_job_find_open(struct store *s, const struct scope *scope, enum store_job_kind kind,
                        const char *volume_id, const char *rule_id, const char *share_id, al_id ret,
                        struct al_fail *fail) AL_MUST_CHECK;
int store_job_count_open(struct store *s, const struct scope *scope, const char *volume_id,
                         uint64_t *ret, struct al_fail *fail) AL_MUST_CHECK;

struct store_job_delta { /* what is added; may be negative */
    int64_t total_files, total_bytes, done_files, done_bytes, freed_bytes, refused_files,
        failed_files;
    int64_t adopted_files, dropped_files,
        finished_files; /* by a reconcile job, of its done_files */
};
int store_job_count(struct store *s, const struct scope *scope, const char *id,
                    const struct store_job_delta *d, struct al_fail *fail) AL_MUST_CHECK;
/* How far a walk is: done_files and done_bytes as they stand. */
int store_job_progress(struct store *s, const struct scope *scope, const char *id, uint64_t files,
                       uint64_t bytes, struct al_fail *fail) AL_MUST_CHECK;
/* A walk's end: how many files there were, how many folders could not be read (as reason
 * "unreadable"), and what it came to, a JSON object. */
int store_job_scanned(struct store *s, const struct scope *scope, const char *id, uint64_t files,
                      uint64_t unreadable, struct al_span scan, struct al_fail *fail) AL_MUST_CHECK;
/* How far a walk of markers is: markers seen so far (those with an alarm are in failed_files
 * already), folders that could not be read (as reason "unreadable"), and markers that could not be
 * judged now (refused, as reason "must_wait"). All as they stand: a walk may begin anew. */
int store_job_walked(struct store *s, const struct scope *scope, const char *id, uint64_t markers,
                     uint64_t unreadable, uint64_t later, struct al_fail *fail) AL_MUST_CHECK;
/* Folders that adopting could not read, as reason "unreadable", as it stands. */
int store_job_unreadable(struct store *s, const struct scope *scope, const char *id,
                         uint64_t unreadable, struct al_fail *fail) AL_MUST_CHECK;
/* The walk of markers is over: those it saw are all there are. */
int store_job_walk_over(struct store *s, const struct scope *scope, const char *id,
                        struct al_fail *fail) AL_MUST_CHECK;
/* text NULL: the code alone. AL_OK leaves the code. */
int store_job_note(struct store *s, const struct scope *scope, const char *id, int code,
                   const char *text, struct al_fail *fail) AL_MUST_CHECK;
/* files may be negative; at 0 the reason goes. sample is kept from the first. */
int store_job_reason(struct store *s, const struct scope *scope, const char *id, const char *reason,
                     const char *code, int64_t files, struct al_span sample,
                     struct al_fail *fail) AL_MUST_CHECK;
/* Derives the state. *ret_state and *ret_changed may be NULL. A cancelled or ended job stays as it
 * is. */
int store_job_settle(struct store *s, const struct scope *scope, const char *id, int64_t now_ns,
                     enum store_job_state *ret_state, bool *ret_changed,
                     struct al_fail *fail) AL_MUST_CHECK;
/* Queued and held works go, leased ones are dropped. AL_OK with *ret_changed false when it had
 * ended. */
int store_job_cancel(struct store *s, const struct scope *scope, const char *id, int64_t now_ns,
                     bool *ret_changed, struct al_fail *fail) AL_MUST_CHECK;

/* ---- paused, resumed, ended early: pause.c ----
 * reason: "window", "user", "free_space" or "limit"; text: for people. The caller settles. */
/* Works that wait are paused, leased ones are to be given back. A job that is paused already gets
 * the new reason. *ret_changed false: it is over, or about to be. until_ns 0: unknown. */
int store_job_pause(struct store *s, const struct scope *scope, const char *id, const char *reason,
                    int64_t until_ns, const char *text, int64_t now_ns, bool *ret_changed,
                    struct al_fail *fail) AL_MUST_CHECK;
/* *ret_changed false: it is not paused. */
int store_job_resume(struct store *s, const struct scope *scope, const char *id, int64_t now_ns,
                     bool *ret_changed, struct al_fail *fail) AL_MUST_CHECK;
/* No further file is begun; the job is over, with this text, when the last one in hand is. code not
 * AL_OK: it failed. *ret_changed false: it is over, or stopped already. */
int store_job_stop(struct store *s, const struct scope *scope, const char *id, const char *reason,
                   const char *text, int code, bool *ret_changed,
                   struct al_fail *fail) AL_MUST_CHECK;
/* When the windows of the job's rule are to be looked at again. */
int store_job_look(struct store *s, const struct scope *scope, const char *id, int64_t look_ns,
                   struct al_fail *fail) AL_MUST_CHECK;
/* Hands out works that are to come later, in their order: those that fit into bytes, at least one. */
int store_job_slice(struct store *s, const struct scope *scope, const char *id, uint64_t bytes,
                    uint64_t *ret_works, struct al_fail *fail) AL_MUST_CHECK;
/* The works handed out so far are over, since now_ns; nothing for a job without later ones. */
int store_job_slice_over(struct store *s, const struct scope *scope, const char *id, int64_t now_ns,
                         struct al_fail *fail) AL_MUST_CHECK;

/* An open job of a rule with something to watch: windows to look at, minutes, errors, marks. */
struct store_job_watch {
    al_id id, customer_id, host_id, volume_id, rule_id; /* rule_id empty: the rule is deleted */
    enum store_job_kind kind;
    bool stopping;
    const char *pause_reason, *rule_name, *windows; /* windows NULL: none */
    int64_t look_ns, started_ns, paused_from_ns, paused_ns, slice_ns, space_ns;
    uint64_t done_files, failed_files; /* failed: for good, not for the share's sake */
    uint64_t limit_minutes, limit_error_percent, stop_used_percent;
    uint64_t bytes_total, bytes_free; /* of the volume; bytes_total 0: unknown */
    uint64_t works_out, works_later;  /* handed out and not over; still to come */
};
int store_job_watched(struct store *s, const struct scope *scope, int64_t now_ns,
                      struct al_arena *a, int (*each)(void *ctx, const struct store_job_watch *w),
                      void *ctx, struct al_fail *fail) AL_MUST_CHECK;

/* ---- what became of a file ---- */
enum store_outcome_class {
    STORE_O_DONE,    /* final */
    STORE_O_REFUSED, /* final */
    STORE_O_FAILED,  /* final: the file's own trouble */
    STORE_O_LATER    /* the share's trouble: counted as failed until the item is done again */
};
struct store_outcome {
    const char *job_id; /* of this customer: looked up by the caller */
    struct al_span path;
    const char *act, *code, *reason, *text, *object_id; /* object_id NULL: none */
    enum store_outcome_class class_;
    uint64_t size, freed;
    int64_t at_ns;
    bool undoes; /* of an act that is told before it is done: what was told done is not */
};
struct store_outcome_before {
    /* there: the file had an outcome; kept: it was done and stays so, the new one is not counted */
    bool there, kept;
    enum store_outcome_class class_;
    uint64_t size, freed;
    char code[32], reason[72];
};
int store_outcome_put(struct store *s, const struct scope *scope, const struct store_outcome *o,
                      struct store_outcome_before *ret, struct al_fail *fail) AL_MUST_CHECK;
enum store_outcome_seen { STORE_SEEN_NOT, STORE_SEEN_LATER, STORE_SEEN_FINAL };
int store_outcome_seen(struct store *s, const struct scope *scope, const char *job_id,
                       struct al_span path, enum store_outcome_seen *ret,
                       struct al_fail *fail) AL_MUST_CHECK;

/* ---- the deletion ledger ---- */
struct store_ledger_entry {
    /* volume_id NULL: unknown */
    const char *share_id, *object_id, *customer_id, *host_id, *volume_id, *reason;
    struct al_span path;
    int64_t since_ns;
};
/* there already: stays */
int store_ledger_add(struct store *s, const struct scope *scope, const struct store_ledger_entry *e,
                     struct al_fail *fail) AL_MUST_CHECK;
int store_ledger_count(struct store *s, const struct scope *scope, uint64_t *ret,
                       struct al_fail *fail) AL_MUST_CHECK;

/* Ended jobs older than this go, with their outcomes; the audit keeps what they did. */
#define STORE_JOBS_KEPT_NS (INT64_C(90) * 86400 * 1000000000)
/* in a transaction; a bounded piece */
int store_job_prune(struct store *s, int64_t now_ns, struct al_fail *fail) AL_MUST_CHECK;

#endif
