/* work.h: what stands under all operations around work: one transaction and what it touched, jobs
 * with their works, shares in trouble, volumes, and what is told live.
 *
 *   struct work      inventory, and which jobs and volumes have news            shared by all
 *                    workers
 *   struct work_tx   one transaction's doing: whose it is, and what it touched  one worker
 *
 * A transaction notes what it touched (work_touch_*), and after the commit work_tell publishes it:
 * jobs at most WORK_JOB_EVENTS a second each, figures at most once a second; what came too early is
 * told by the next tick. */
#ifndef ALTO_SERVER_SERVICE_WORK_WORK_H
#define ALTO_SERVER_SERVICE_WORK_WORK_H

#include "server/inventory/inventory.h"
#include "server/service/call/call.h"
#include "server/store/orphan.h"
#include "server/store/share_test.h"

#define WORK_JOB_EVERY_NS (INT64_C(250) * 1000000)      /* live events of one job: four a second */
#define WORK_FIGURES_EVERY_NS (INT64_C(1000) * 1000000) /* of one volume and its customer */
/* jobs with news at the same time; beyond: told with every change */
#define WORK_JOBS_WATCHED 256u
#define WORK_ACCESS_EVERY_NS (INT64_C(500) * 1000000) /* of what audit logs of one volume told */
#define WORK_ACCESS_WATCHED 1024u /* volumes with audit logs that live at the same time */
#define WORK_ACCESS_FORGET_NS (INT64_C(600) * 1000000000) /* of nothing new */
#define WORK_ACCESS_ROWS 20u                              /* of one live event */
#define WORK_VOLUMES_MAX 16384u                           /* volumes with news at the same time */
#define WORK_PRUNE_EVERY_NS (INT64_C(60) * 1000000000)
#define WORK_TICK_ARENA_MAX (16u << 20)
#define WORK_TEXT_MAX 600u

struct inventory_coverage;
struct background; /* import/import.h: threads for what takes long */

/* What is told live, each noun at most once in a while: what came too early is told then. */
struct work_news_of {
    al_id id, customer_id;
    int64_t told_ns;
    uint64_t number; /* of accesses: of the last row that was told */
    bool news;
};
struct work_news_list { /* under work.lock */
    struct work_news_of *of;
    size_t count, max;
    int64_t every_ns, forget_ns; /* between two; and after one, without news */
};
struct work_volume_news {
    al_id id, customer_id;
    int64_t next_ns; /* not looked at before: a large volume takes its time */
    bool news;
};

struct work {
    struct inventory *inventory;
    struct background *background;
    port_mutex lock;                      /* of all that follows */
    struct work_news_list jobs, accesses; /* by job, and by volume */
    struct work_volume_news *volumes;     /* by use, WORK_VOLUMES_MAX at most */
    size_t volume_count, volume_cap;
    int64_t pruned_ns;
    al_id settle_after; /* the round of audited volumes has come to this one; one thread's alone */
    int64_t settle_ns;  /* when the next round begins; 0: one is under way */
    al_id growth_after; /* the round of daily figures has come to this volume */
    int64_t growth_ns;  /* when the next round begins; 0: one is under way */
    bool started;       /* what was left by the last run is taken up */
    int64_t ask_ns;     /* WORK_ASK_NS, but for tests; set before anybody asks */
};

enum work_what {
    WORK_T_JOB,
    WORK_T_JOB_ENDED,
    WORK_T_WAKE,
    WORK_T_VOLUME,       /* its figures: told when they were worked out, which may take a while */
    WORK_T_VOLUME_STATE, /* told at once */
    WORK_T_FIGURES,
    WORK_T_SHARE,
    WORK_T_HOST,
    WORK_T_SHARE_TEST, /* it is over: who waits for it hears so */
    WORK_T_ACCESS,     /* what the audit logs of a volume told */
    WORK_T_ORPHANS     /* what is known of its findings */
};
struct work_touched {
    enum work_what what;
    al_id id, customer_id;
};

struct work_tx {
    struct service_worker *worker;
    struct store *db;
    struct scope scope;
    int64_t now_ns;
    struct al_arena *arena;
    struct al_fail *fail;
    const char *actor_type, *actor_id, *actor_name;
    struct work_touched *touched; /* in the arena */
    size_t count, cap;
};

/* ---- tx.c ---- */
void work_tx_of(struct work_tx *t, struct service_req *req, struct al_fail *fail);
void work_tx_system(struct work_tx *t, struct service_worker *w, int64_t now_ns, struct al_arena *a,
                    struct al_fail *fail);
/* Each thing once. AL_ENOMEM. */
int work_touch(struct work_tx *t, enum work_what what, const char *id,
               const char *customer_id) AL_MUST_CHECK;
/* detail may be NULL. at_ns 0: now. */
struct work_event {
    const char *customer_id, *act, *subject_type, *subject_id;
    struct al_span subject;
    const char *code; /* NULL: "ok" */
    const struct al_buf *detail;
    int64_t at_ns;
};
int work_event(struct work_tx *t, const struct work_event *e) AL_MUST_CHECK;
/* The volume's inventory changed: its figures follow, also after a crash. */
int work_volume_news(struct work_tx *t, const struct store_volume *v) AL_MUST_CHECK;

/* Derives the job's state, notes it, and leaves the event of an ending. */
int work_settle(struct work_tx *t, const char *job_id, const char *customer_id) AL_MUST_CHECK;

/* ---- news.c: what is told live ---- */
/* The noun's place, made where it has none; NULL: there are too many. The caller holds work.lock. */
struct work_news_of *work_news_find(struct work_news_list *l, const char *id,
                                    const char *customer_id);
/* Whether it is to be told now, which at_once makes it; else work_news_next gives it when it is time. The
 * caller holds work.lock. */
bool work_news_now(const struct work_news_list *l, struct work_news_of *n, int64_t now_ns,
                   bool at_once);
/* One that is due; false: none. */
bool work_news_next(struct work *k, struct work_news_list *l, int64_t now_ns,
                    struct work_news_of *ret);
/* After the commit. */
void work_tell(struct work_tx *t);
void work_note_volume(struct work *k, const char *id, const char *customer_id);
/* What is due of it. */
void work_news(struct service_worker *w, int64_t now_ns);

/* ---- access.c: what audit logs told, live ---- */
/* At most one event of a volume in WORK_ACCESS_EVERY_NS; what came too early is told by work_news. */
void work_access_tell(struct service_worker *w, const char *volume_id, const char *customer_id,
                      int64_t now_ns);
void work_access_news(struct service_worker *w, int64_t now_ns);

/* ---- share.c: shares in trouble ---- */
/* Whether this code of this act is the share's trouble rather than the file's. */
bool work_share_trouble(enum store_job_kind kind, int code);
const char *work_share_state_of(int code); /* "unreachable" ... */
struct work_share_news {
    const char *share_id; /* of the customer in scope */
    int code;
    const char *text;
    uint64_t bytes_total, bytes_free; /* both 0: unknown */
    const char *job_id;               /* of an asked-for check; NULL: none */
};
/* Notes the share's state, holds or releases what waits for it, suspends and wakes. AL_ENOENT. */
int work_share_told(struct work_tx *t, const struct work_share_news *n) AL_MUST_CHECK;
/* A check without anybody having asked. */
int work_share_watch(struct work_tx *t) AL_MUST_CHECK;

/* ---- share_test.c: shares that are tried out ---- */
/* Ends one of the host in scope, and wakes who waits for it; one that is over stays as it is. */
int work_share_test_over(struct work_tx *t, const char *host_id, const char *id,
                         const struct store_share_result *r) AL_MUST_CHECK;
/* What nobody came back from is given up. */
int work_share_tests_late(struct work_tx *t) AL_MUST_CHECK;

/* ---- end.c: a work is over ---- */
int work_ended(struct work_tx *t, const struct store_work *w, int code,
               const char *text) AL_MUST_CHECK;

/* ---- make.c: jobs with their works ---- */
/* files of one job: bounds memory (some 120 MB of JSON) and the transaction */
#define JOB_ITEMS_MAX 1000000u
struct job_maker { /* zeroed by job_maker_begin; job_maker_end for AL_CLEANUP */
    struct al_buf items;
    uint32_t count;
    uint64_t files, bytes;
    struct job_chunk *chunks; /* al_alloc'ed list */
    /* Works of about so many bytes, handed out slice by slice, the first of them first_bytes;
     * slice_bytes 0: all at once. */
    uint64_t slice_bytes, first_bytes;
    /* Of a volume with audit logs: its host cannot see accesses, so the works carry them, as a plan at
     * that moment takes them. NULL: of another one. */
    const struct inventory_coverage *coverage;
    int64_t plan_ns;
    bool walks; /* paths are where walks begin, and are not counted as files */
    uint64_t chunk_bytes;
    size_t chunk_count, chunk_cap;
};
void job_maker_begin(struct job_maker *m);
void job_maker_end(struct job_maker *m);
/* row NULL: by path alone. AL_ELIMIT above JOB_ITEMS_MAX. */
int job_maker_add(struct job_maker *m, struct al_span path,
                  const struct inventory_row *row) AL_MUST_CHECK;
/* What a reconcile found, with what shall be done about it. AL_ELIMIT above JOB_ITEMS_MAX. */
int job_maker_add_finding(struct job_maker *m, const struct store_orphan *o,
                          enum orphan_way way) AL_MUST_CHECK;
/* Writes the job and its works inside the transaction; with no items the job ends at once.
 * share_bad: the works wait. */
int job_maker_write(struct job_maker *m, struct work_tx *t, struct store_job *job) AL_MUST_CHECK;
/* A job of one work without items. */
int job_make_plain(struct work_tx *t, struct store_job *job) AL_MUST_CHECK;
/* What a job begun by the transaction's actor has in common. */
int job_start(struct work_tx *t, enum store_job_kind kind, const struct store_volume *v,
              struct store_job *ret) AL_MUST_CHECK;
/* While the job's share is known to be in trouble its works wait for it. */
int job_hold_if_bad(struct work_tx *t, const struct store_job *job) AL_MUST_CHECK;

/* ---- errors.c: a run in which too much fails suspends its rule ---- */
struct job_errors {
    const char *rule_id, *rule_name, *customer_id, *job_id;
    uint64_t done, failed, limit_percent;
    char text[256]; /* out: for people */
};
bool job_errors_too_many(uint64_t done, uint64_t failed, uint64_t limit_percent);
int job_errors_suspend(struct work_tx *t, struct job_errors *e) AL_MUST_CHECK;
/* A job that ended: one that was over before anybody looked at its errors suspends its rule all the
 * same. */
int job_errors_at_end(struct work_tx *t, const struct store_job *job) AL_MUST_CHECK;

/* ---- row_json.c ---- */
void file_row_json(struct al_jsonout *j, const char *key, const struct inventory_row *row);
void file_row_members(struct al_jsonout *j, const struct inventory_row *row); /* into an object */
enum rule_state file_state_of(const char *name); /* RULE_S_COUNT for none */

/* ---- figures.c ---- */
/* Appends the figures of what is in scope; customer_id and volume_id may be NULL. */
int figures_json(struct service_worker *w, const struct scope *scope, const char *customer_id,
                 const char *volume_id, int64_t now_ns, struct al_buf *out,
                 struct al_fail *fail) AL_MUST_CHECK;

/* live */
void work_figures_tell(struct service_worker *w, const char *customer_id, int64_t now_ns);

/* ---- volume.c ---- */
struct inventory_scope work_inventory_scope(const char *customer_id);
/* The same for what a rule or a search of somebody's decides: patterns may be slow over millions of
 * files, and whoever asks shall not hold up others for ever. Beyond limit_ns: AL_ETIMEDOUT. */
#define WORK_ASK_NS (INT64_C(30) * 1000000000)    /* while somebody waits for the answer */
#define WORK_RUN_NS (INT64_C(300) * 1000000000)   /* of a run: one thread plans for all */
#define WORK_LIST_NS (INT64_C(1800) * 1000000000) /* of a list that is written */
struct inventory_scope work_limited_scope(const char *customer_id, int64_t limit_ns);
struct inventory_scope work_ask_scope(const struct work *k, const char *customer_id);
/* The volume by the path's {id}, in scope. */
int work_volume(struct service_req *req, struct store_volume *ret,
                struct al_fail *fail) AL_MUST_CHECK;
/* Whether the volume's files can go that way at all. Who asks for stubs gets stubs: where they cannot be,
 * a placeholder in a file's place would be a surprise. AL_ECONFLICT, with what to do instead. */
int work_volume_takes(struct service_req *req, const char *customer_id, const char *volume_id,
                      const char *action, struct al_fail *fail) AL_MUST_CHECK;
/* A volume that is about to be: from its first moment its evidence is its audit logs, of which nothing
 * was told. Before the commit; harmless where that fails. */
int work_volume_audited(struct service *s, const char *customer_id, const char *volume_id,
                        struct al_fail *fail) AL_MUST_CHECK;
/* The volume is deleted, durably: its inventory goes too. */
void work_volume_gone(struct service *s, const char *customer_id, const char *volume_id);
/* Brings the store's figures of a volume up to the inventory's; its own transaction. */
int work_figures_refresh(struct service_worker *w, const char *customer_id, const char *volume_id,
                         int64_t now_ns) AL_MUST_CHECK;

#endif
