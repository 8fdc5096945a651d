/* agent.h: the inside of alto-agent: how its parts are wired.
 *
 *   server ◀──▶ link ──▶ work.c ──┬▶ scan.c ──▶ walk ──▶ link (entries)
 *                                 ├▶ tier.c ──▶ mover pool ──▶ share, stub, journal, spool
 *                                 └▶ recall, check_share (share.c), reconcile (reconcile.c)
 *   alto-gate ─▶ gate_linux.c ──▶ recall pool ──▶ share, stub, spool ──▶ answer
 *   audit logs ──▶ audit.c ──▶ spool (a thread for each volume of kind "lucidlink")
 *   mounts, `lucid` ──▶ discover.c ──▶ spool (a thread that may hang on a mount)
 *   pools.c: movers and recallers, a set for each share
 *   keep.c (one thread): opens volumes, tells their state, heals what a crash left, sorts out late
 *   opens
 *
 * Order of starting: lock, spool, journal, configuration kept, volumes' list, pools, gate, keeper,
 * link. A recall needs nothing of the server, so it goes before the link; works that change files
 * wait until the journal was healed once. Stopping is the reverse. */
#ifndef ALTO_AGENT_RUN_AGENT_H
#define ALTO_AGENT_RUN_AGENT_H

#include <stdatomic.h>

#include "agent/journal/journal.h"
#include "agent/link/link.h"
#include "agent/mover/mover_pool.h"
#include "agent/recall/recall_pool.h"
#include "agent/reconcile/reconcile.h"
#include "agent/walk/changes.h"
#include "agent/walk/walk.h"
#include "base/list.h"
#include "port/thread.h"

/* files tiered at once: their syncs share one; 4 did 450 files/s to Samba on loopback, 8 720, 16
 * 830, 32 950 */
#define AGENT_MOVERS 16u
#define AGENT_RECALLERS 8u /* files recalled at once */
/* Walkers: four for each processor within these bounds, since most of them wait for the disk. A
 * million files: cold 5.1 s with 2, 4.5 s with 8, 4.7 s with 16, 7.7 s with 32; warm 1.6 s with any */
#define AGENT_WALKERS_MIN 8u
#define AGENT_WALKERS_MAX 16u
#define AGENT_QUEUE_MAX 64u /* items of works that wait for a mover */
/* shares with workers of their own; further ones use those of another */
#define AGENT_SHARE_POOLS 8u
#define AGENT_LATE_MAX 4096u /* opens of volumes that are not open here yet */
/* how long such an open is kept before it is denied: a volume that is just being configured */
#define AGENT_LATE_NS 10000000000
#define AGENT_KEEP_NS 10000000000 /* between two looks at volumes that are not well */
#define AGENT_PROGRESS_NS 1000000000
/* a stop takes less than 5 s; whatever hangs then (a share) is left to the next start's healing */
#define AGENT_STOP_NS 4500000000
/* as a service of Windows, whose manager would take an end before its time for a crash */
#define AGENT_STOP_SERVICE_NS 35000000000
#define AGENT_STOP_SERVICE_MS 40000u /* told to the manager */
#define AGENT_SERVICE "alto-agent"   /* of the service manager, and in the event log */

struct agent;

#define AGENT_SERVICE "alto-agent" /* of the service manager, and in the event log */

/* ---- pools.c: a set of workers for each share, so that one that hangs holds up nobody but its own
 * files ---- */
struct share_pools {
    al_id share_id;
    struct recall_pool *recalls;
    struct mover_pool *movers;
};
/* *ret lives until the agent ends. One caller at a time: who applies a configuration. AL_ENOMEM and
 * the like, with fail. */
int pools_of(struct agent *a, const char *share_id, struct share_pools **ret,
             struct al_fail *fail) AL_MUST_CHECK;
/* A job's items that wait; of movers also those under way. movers_too false: recalls alone. */
void pools_cancel(struct agent *a, const char *job_id, bool movers_too);
void pools_cancel_moves(struct agent *a); /* of all jobs */
/* What of the job is not begun; what is in hand is finished. */
void pools_release(struct agent *a, const char *job_id);
void pools_close_movers(struct agent *a);
void pools_close_recalls(struct agent *a);

/* ---- volumes.c ---- */
enum volume_state {
    VOLUME_UNKNOWN,
    VOLUME_OK,
    VOLUME_TRACKED_ONLY,
    VOLUME_UNMARKED,
    VOLUME_UNREACHABLE
};
const char *volume_state_name(enum volume_state s);

/* An open root. Fills of one inode exclude each other inside one stub_volume, so there is never a
 * second root of a volume: one with other settings waits until the last user of the former is
 * gone. */
struct volume_root {
    struct al_list node; /* in agent.roots */
    unsigned refs;       /* under agent.mutex */
    al_id volume_id, share_id;
    char *path;
    uint8_t key[CONFIG_KEY_LEN];
    struct stub_volume *stub;
    uint64_t dev;
};

struct volume { /* settings never change: a changed one is another struct volume */
    struct agent *agent;
    unsigned refs; /* under agent.mutex; one is the agent's list's */
    al_id id, share_id;
    char *name, *path, *kind;
    char *root_path; /* path with '/' between parts */
    /* under lock: asked of the volume once */
    enum port_views views;
    bool views_known;
    bool tracked_only, has_key;
    uint8_t key[CONFIG_KEY_LEN];
    char *url, *user, *password, *share_name; /* of the share; url NULL: none */
    uint32_t wire;                            /* of the share */
    _Atomic bool looked;                      /* at least once: its root is open if it can be */
    struct share_pools *pools;                /* NULL without a share */

    port_mutex lock;          /* over what follows */
    struct volume_root *root; /* NULL: not open */
    enum volume_state state, told;
    char text[256];
    struct manifest_writer *manifests;
    struct mover_volume mover;   /* valid once manifests is */
    struct recall_volume recall; /* valid once root is */
};

void volume_unref(struct volume *v);                         /* NULL is fine */
struct volume *volume_find(struct agent *a, const char *id); /* a reference, or NULL */
/* Takes over a configuration's volumes; what did not change stays as it is. */
int volumes_apply(struct agent *a, const struct agent_config *c) AL_MUST_CHECK;
void volumes_end(struct agent *a);
/* Looks at one: opens the root if it can be opened; tells a new state as an outcome. */
void volume_look(struct volume *v);
/* Appends the space of each volume whose root is open; what cannot be read is left out. */
int volumes_space(struct agent *a, json_t *list) AL_MUST_CHECK; /* space.c */
void volume_root_unref(struct agent *a, struct volume_root *r);
void volumes_look(struct agent *a, bool all); /* not all: only those that are not well */
/* An open volume for an event on a filesystem, by the device and, where several volumes lie on it,
 * by whose marker it is. A reference, or NULL: none is open there, or nobody's marker so far while
 * some volumes were not looked at yet. */
struct volume *volume_of_event(struct agent *a, uint64_t dev, const struct port_handle *h);
/* Another open volume on the same filesystem whose marker the inode carries: one volume may lie
 * within another, and a stub may be moved between them. A reference, or NULL: none, or it is v's
 * own. */
struct volume *volume_other_of(struct volume *v, const struct port_handle *h);
/* The same for a path below v's root; `to` gets the path below the other's root, nothing where it
 * is not below it. */
struct volume *volume_other_at(struct volume *v, struct al_span path, struct al_buf *to,
                               struct port_handle *ret_handle);
/* Says in text that another volume lies within v or around it, where one does. */
void volume_say_nested(struct volume *v, char *text, size_t cap);
/* For reconcile_env, with the agent as ctx. */
bool volume_is_anothers(void *agent, const struct recall_volume *v, const struct port_handle *h);
/* The recall side, NULL while the root is not open. Lent as long as the reference. */
const struct recall_volume *volume_recall(struct volume *v);
/* The mover side: connects the manifest writer on first use. AL_ENOENT: the root is not open (text
 * in fail); AL_ENOTSUP: tracked only; share's codes. */
int volume_mover(struct volume *v, const struct mover_volume **ret,
                 struct al_fail *fail) AL_MUST_CHECK;
struct target_conf volume_target(const struct volume *v); /* borrows the volume's strings */
/* Connects the volume's manifest writer on first use; its lock is not held. Share's codes. */
int volume_manifests(struct volume *v, struct manifest_writer **ret,
                     struct al_fail *fail) AL_MUST_CHECK;

/* ---- increment.c: STATE/scan-VOLUME, how far the last scan of each volume knows it ---- */
#define INCREMENT_FULL_DAYS 7 /* after which everything is walked once more */
#define INCREMENT_AGAIN_MAX                                                                        \
    1000u          /* folders that could not be read; with more the next scan walks everything */
struct increment { /* zeroed; increment_end */
    struct walk_since since; /* plan NULL: everything */
    al_id follows;           /* "": nothing */
    char why[LINK_WHY_MAX];  /* everything is walked; "": it is not */
    char root[24];           /* the root's inode */
    int64_t full_ns;         /* when everything was walked last */
    int64_t looks;           /* what tells stubs: 1 the key, 2 their maker; set before it begins */
    port_mutex lock;         /* walkers tell at once */
    bool begun;
    char **again; /* folders that could not be read, hexadecimal */
    size_t again_count, again_cap;
    bool again_lost;
};
/* Before anything of the volume is looked at. AL_ENOMEM; all else is a walk of everything. */
int increment_begin(struct agent *a, struct volume *v, struct link_entries *e,
                    struct increment *f) AL_MUST_CHECK;
void increment_unreadable(struct increment *f, struct al_span path); /* any thread */
/* Something could not be looked at that only a walk of everything comes to again. Any thread. */
void increment_lost(struct increment *f);
/* The scan ended well, and is about to be told so: what is kept counts once the server has its end. What cannot be
 * kept makes the next one walk everything. */
void increment_keep(struct agent *a, const struct volume *v, const char *scan_id,
                    struct increment *f);
void increment_end(struct increment *f);

/* ---- archive.c ---- */
struct
    volume_place { /* a volume to archive in and bring back to; movers must be done before its end */
    struct port *port;
    struct port_file *root;
    struct mover_volume mover; /* without manifests */
};
/* AL_ENOENT: not to be opened now; AL_ENOTSUP: no share, or no key. */
int volume_place(struct volume *v, struct volume_place *ret, struct al_fail *fail) AL_MUST_CHECK;
void volume_place_end(struct volume_place *p);
/* The server says so, or its name: a placeholder was asked for. */
bool item_is_archived(const struct work_item *item);

/* ---- fsid.c: which filesystem was at a volume's path before ---- */
struct fs_memory;
int fs_memory_open(struct port *port, struct port_file *state, struct fs_memory **ret,
                   struct al_fail *fail) AL_MUST_CHECK;
struct fs_memory *fs_memory_close(struct fs_memory *m);
/* AL_OK: the one that was there before, or the first seen, or one that has no lasting id.
 * AL_ECHANGED: another. */
int fs_memory_check(struct fs_memory *m, const char *volume_id, const char *path,
                    struct al_fail *fail) AL_MUST_CHECK;
/* The same for who only looks: nothing is remembered. *ret_known false: none was seen there yet, or
 * none that lasts. */
int fs_memory_look(struct fs_memory *m, const char *path, bool *ret_known,
                   struct al_fail *fail) AL_MUST_CHECK;
/* Forgets what was at a path, so that the next one seen counts. AL_ENOENT. */
int fs_memory_forget(struct fs_memory *m, const char *path) AL_MUST_CHECK;

/* ---- audit.c: audit logs of volumes of kind "lucidlink" ---- */
struct audits;
int audits_open(struct audits **ret) AL_MUST_CHECK; /* AL_ENOMEM */
/* Takes over a configuration's volumes. Waits for no mount. AL_ENOMEM: some are not followed. */
int audits_apply(struct agent *a, const struct agent_config *c) AL_MUST_CHECK;
struct audits *audits_close(struct audits *s, struct port *p); /* within AUDIT_STOP_NS */
/* The latest use of a path (below the volume's root) that audit logs told of within a day, as far as it is remembered;
 * 0: none. Any thread. */
int64_t audit_recent(struct agent *a, const char *volume_id, struct al_span path);
/* The work begins, or ends. */
void audit_work(struct agent *a, const struct work *w, bool ends);
/* What our own mount does to that file from then until it ends is Alto's own doing. */
void audit_act(struct agent *a, const char *volume_id, struct al_span path, int64_t began_ns,
               bool ends);

/* ---- discover.c: LucidLink filespaces that are mounted here ---- */
struct discovery;
int discovery_open(struct agent *a, struct discovery **ret) AL_MUST_CHECK; /* AL_ENOMEM, AL_EIO */
struct discovery *discovery_close(struct discovery *d); /* within DISCOVER_STOP_NS */

/* ---- work.c: leased works ---- */
struct agent_work {
    struct al_list node;
    struct agent *agent;
    struct work *work;
    struct port_thread thread;
    _Atomic bool cancelled;
    _Atomic bool paused; /* given back after what is in hand */
    _Atomic bool over;   /* the thread may be joined */
    /* Items under way. */
    port_mutex lock;
    port_cond changed;
    unsigned submitted, done, fine;
    uint64_t bytes;
    int share_code; /* first share error of an item: no further ones are begun */
    struct al_fail share_fail;
    int64_t told_ns;
};
void work_start(struct agent *a, struct work *w_taken);
void work_cancel(struct agent *a, const char *work_id);
/* No further item is begun; files in hand are finished, and the work ends with AL_ECANCELED. */
void work_pause(struct agent *a, const char *work_id);
/* all of them, as far as they have not begun to change a file */
void works_cancel(struct agent *a);
void works_reap(struct agent *a, bool all); /* joins ended ones; all: waits for every one */
void item_begins(void *item_run);           /* a pool is about to begin one: any thread */
bool work_stops(void *agent_work);          /* cancelled, paused, or the agent stops */
void work_end(struct agent_work *aw, int code, const char *text);
/* Counts one item's end; share codes stop the work. */
void work_item_done(struct agent_work *aw, int code, uint64_t bytes, const struct al_fail *fail);
bool work_is_share_code(int code);

void work_scan(struct agent_work *aw);
void work_tier(struct agent_work *aw);
void work_recall(struct agent_work *aw);
void work_check_share(struct agent_work *aw);
void work_test_share(struct agent_work *aw);
void work_reconcile(struct agent_work *aw);
void work_adopt(struct agent_work *aw);
void work_repair(struct agent_work *aw);
/* A connection of its own for the time of one work, for recall_connect; share_connection_end. */
struct share_connection {
    struct port *port;
    struct target *target;
    al_id share_id;
};
int share_connection_get(void *ctx, const struct recall_volume *v, struct target **ret,
                         struct al_fail *fail) AL_MUST_CHECK;
void share_connection_end(struct share_connection *c);
/* Which volume a work of markers is of, open; a reference, on failure too where there is one (NULL:
 * none). *ret_stubs NULL: its stubs are made by a maker. */
int work_volume_open(struct agent_work *aw, struct volume **ret,
                     const struct recall_volume **ret_stubs, struct al_fail *fail) AL_MUST_CHECK;

/* ---- findings.c: what a reconcile found, on its way to the server ---- */
struct findings {
    struct reconcile_finds finds; /* first */
    struct agent_work *aw;
    struct al_buf line;
    size_t count; /* in the line */
    uint64_t told;
    struct objects *objects;
    bool listed; /* they were listed: else why not */
    struct al_fail why;
};
/* Tells that the walk begins, and lists the share's objects where stubs is given. An error: nothing may
 * be said to be found or not. */
int findings_begin(struct findings *f, struct agent_work *aw, const struct recall_volume *stubs,
                   const struct recall_connect *connect, struct al_fail *fail) AL_MUST_CHECK;
/* After the walk, before the work's end: what is left of the objects, and that the walk is over. whole:
 * it came to every marker. */
int findings_finish(struct findings *f, const struct reconcile_env *env, struct volume *v,
                    const struct recall_volume *stubs, bool whole,
                    struct al_fail *fail) AL_MUST_CHECK;
void findings_end(struct findings *f); /* for AL_CLEANUP */

/* ---- gate_linux.c: alto-gate; gate_ease.c: the filter driver of Windows ---- */
struct agent_gate;
struct agent_open {
    uint64_t number, dev, ino;
    struct port_handle handle;
    uint32_t pid, uid;
    char process[32];
};
int agent_gate_start(struct agent *a, struct agent_gate **ret, struct al_fail *fail) AL_MUST_CHECK;
struct agent_gate *agent_gate_stop(struct agent_gate *g);
struct stub_gate *agent_gate_stub(struct agent_gate *g); /* NULL: this system has none */
/* Once, with the first configuration: waits until recalls can be answered. False: not yet. */
bool agent_gate_wait(struct agent_gate *g, int64_t timeout_ms);
/* A configuration's volumes, for who answers recalls by himself. AL_ENOMEM. */
int agent_gate_apply(struct agent_gate *g, struct agent_config *c) AL_MUST_CHECK;
/* By the keeper, every few seconds. True: volumes may hold stubs now that could not, or the other way. */
bool agent_gate_tend(struct agent_gate *g);
/* Why a volume of this kind holds no stubs here, for people; "" where it may. */
void agent_gate_why_not(struct agent_gate *g, const char *kind, char *text, size_t cap);
void agent_gate_answer(struct agent_gate *g, uint64_t number, int code);
/* Whether stubs of this system are made beside the files, by a maker; then no volume has a root of
 * stub_volume. */
bool agent_gate_makes(struct agent_gate *g);
/* The maker (agent/stub/maker.h), until the agent ends. NULL: none is there yet. */
struct stub_maker *agent_gate_maker(struct agent_gate *g);
/* What a crash cut was looked at, with who makes stubs there: openers need not wait for it any more.
 * Again and again: no matter. */
void agent_gate_release(struct agent_gate *g);
/* Whether the filesystem of an open file is marked. AL_ENOTSUP: no gate on this system;
 * AL_EUNREACH. */
int agent_gate_marked(struct agent_gate *g, struct port_file *f, bool *ret) AL_MUST_CHECK;
/* Whether somebody else is told of files on the filesystem of f by descriptors that nobody is asked
 * about (port/fan.h): text, of cap bytes, names the first. Looks through all processes. */
bool agent_gate_watched(struct port_file *f, char *text, size_t cap);
int agent_stub_open(struct agent *a, const struct stub_volume_conf *conf, struct stub_volume **ret,
                    struct al_fail *fail) AL_MUST_CHECK;
/* Called by the gate side for each open; does not wait. After opens_stop it does nothing, and none
 * is under way. */
void agent_opened(struct agent *a, const struct agent_open *o);
void opens_stop(struct agent *a);

/* ---- keep.c ---- */
void *keep_main(void *agent);
void keep_wake(struct agent *a);

/* ---- agent.c ---- */
struct agent_options {
    const char *state;       /* absolute path */
    const char *gate_socket; /* NULL: the default of this system */
    const char *driver;  /* Windows: the driver's DLL, absolute; NULL: as the state folder says */
    const char *program; /* for User-Agent and logs */
    unsigned movers, recallers, walk_threads; /* 0: the defaults */
    uint64_t spool_bytes;                     /* 0: the default */
    bool once;
    const struct walk_changes *changes; /* who knows what changed; NULL: the system's */
};

struct late_open {
    struct agent_open open;
    int64_t since_ns;
};

struct agent {
    struct port *port;
    struct al_log *log;
    struct agent_options options;
    struct port_file *state, *lock;
    struct identity *identity;
    struct spool *spool;
    struct spool_sink sink;
    struct journal *journal;
    bool journal_torn;
    struct fs_memory *filesystems;
    struct stamps *stamps;
    struct claims *claims;
    struct audits *audits;
    struct discovery *discovery;
    struct recall_env recall_env;
    struct mover_env mover_env;
    struct share_pools pools[AGENT_SHARE_POOLS];
    _Atomic size_t pool_count; /* those before it do not change */
    struct agent_gate *gate;
    struct link *link;
    struct port_thread keeper;
    bool keeper_runs;

    port_mutex mutex;
    port_cond changed; /* healed, stopping, keep_wake */
    _Atomic bool stopping;
    bool answers_stopped; /* openers are left to the next agent */
    unsigned dispatching; /* calls of agent_opened under way */
    bool healed;          /* the journal was looked through once */
    bool woken;
    bool volumes_new; /* the list changed: look at once */
    struct agent_config *config;
    struct volume **volumes;
    size_t volume_count;
    struct al_list roots;
    struct al_list works;
    struct late_open *late;
    size_t late_count;
};

int agent_start(const struct agent_options *o, struct al_log *log, struct agent **ret,
                struct al_fail *fail) AL_MUST_CHECK;
struct agent *agent_stop(struct agent *a);
/* For --once: nothing runs, nothing waits, and the server was asked. */
bool agent_idle(struct agent *a);

#endif
