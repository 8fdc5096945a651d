/* inventory.h: what is on each volume: one DuckDB file per volume, DIR/<volume id>.duckdb, attached
 * to one DuckDB instance with one memory limit. Knows nothing of jobs, users or audit: it answers
 * "which files", fast, and takes what scans and outcomes say.
 *
 *   scan       inventory_scan_begin ─▶ inventory_entries_apply ... ─▶ inventory_scan_end (merge:
 * new, changed, gone) outcomes   inventory_outcomes_apply: state, object, blocks, evidence of
 * access read       inventory_list, _stat, _totals      plan   inventory_plan, inventory_candidates
 *
 * Scope: every call names the customer; a volume of another customer, or one that was never made,
 * is AL_ENOENT. The customer's id lies in the volume's own file, so a file put into the wrong place
 * is refused too.
 *
 * Exactly once: entries and outcomes come in numbered batches of a stream; the number is kept in
 * the transaction that holds what the batch changed. A batch at or below it changes nothing and is
 * AL_OK.
 *
 * Crash: every change is one transaction; after kill -9 or a power cut the file is as before or
 * after it.
 *
 * Evidence of the last access carries its source; a weaker source never replaces a stronger one
 * (walk < import < recall, audit); among audit and recall the later time stays, an import or walk
 * replaces what an earlier import or walk said. A file that became another one (other inode) starts
 * anew, but is never colder for it: what was recalled, or has its size and time of change, keeps evidence that is later than
 * what the walk says; so does a file that came back and was renamed before a scan saw it. What came back since a scan
 * began is not gone for it. Where audit logs are the evidence (access.h) a path is all there is: what a walk says of accesses
 * and inodes counts for nothing, the later time stays whoever told it, and plans, counts and rules of lists
 * see the later of that and of the time since which the logs are complete.
 *
 * Threads: a struct inventory is shared by all threads; calls take a connection of their own from a
 * pool. Writers of one volume wait for each other (a merge of 1,000,000 entries: about a second);
 * readers wait for nobody but the moment in which a merge puts its file in the place of the old one
 * (doc/adr/0054), and see the last committed state. Spans handed to a callback live until
 * it returns. Only this folder includes duckdb.h.
 *
 * Errors everywhere: AL_ENOENT (volume), AL_ENOMEM, AL_EIO, AL_ENOSPC, AL_ECORRUPT (the volume's
 * file), AL_ECANCELED (callback or closing), AL_ETIMEDOUT (limit_ns is over). */
#ifndef ALTO_SERVER_INVENTORY_INVENTORY_H
#define ALTO_SERVER_INVENTORY_INVENTORY_H

#include "base/arena.h"
#include "base/log.h"
#include "base/text.h"
#include "port/port.h"
#include "rule/rule.h"
#include "wire/entries.h"

#define INVENTORY_PAGE_MAX 1000u /* rows of one page: bounds a reply */
#define INVENTORY_CURSOR_MAX                                                                       \
    16384u /* bytes of a cursor: a path of PATH_MAX and its sort key, base64 */
#define INVENTORY_PATH_MAX                                                                         \
    65536u /* bytes of a path below a volume; longer ones are counted and left out */
#define INVENTORY_FOLDERS_MAX                                                                      \
    50000000u /* folders of one scan: bounds memory of the merge (some 150 bytes each) */
#define INVENTORY_OUTCOMES_MAX                                                                     \
    131072u /* rows of one batch of outcomes: some 100 bytes each and their paths */
#define INVENTORY_ATTACHED_MAX                                                                     \
    512u /* volumes open at once; the least recently used idle one is closed */
#define INVENTORY_TOP_FOLDERS 20u
#define INVENTORY_SAMPLE 50u
#define INVENTORY_EARLIER_MAX 256u /* rules that come before the one planned */

struct inventory;

struct inventory_conf {
    struct port *port;
    const char *dir;       /* is made if it is not there */
    uint64_t memory_bytes; /* for DuckDB, all volumes together; 0: 1 GiB. What does not fit spills
                              to dir/tmp */
    unsigned threads;      /* for one query; 0: one per core */
    uint64_t cache_bytes;  /* for pages of lists; 0: 128 MiB */
    unsigned attached_max; /* volumes open at once; 0: INVENTORY_ATTACHED_MAX */
    struct al_log *log;    /* NULL: none */
    /* Of what audit logs tell (access.h), of one volume. 0: as named there; less in tests. */
    uint32_t moves_max, unplaced_max, touches_max;
};

struct inventory_scope {
    const char
        *customer_id; /* never NULL: service resolves the volume, and with it its customer, first */
    /* The call's time: beyond it ends with AL_ETIMEDOUT, and nothing has changed. 0: as long as it
     * takes. A rule of a customer may hold patterns that take milliseconds a file. */
    int64_t limit_ns;
};

int inventory_open(const struct inventory_conf *conf, struct inventory **ret,
                   struct al_fail *fail) AL_MUST_CHECK;
struct inventory *inventory_close(
    struct inventory *inv); /* no call may be under way; NULL is fine; returns NULL */

/* ---- volumes ---- */
/* Makes the volume's file; AL_OK if it is there and belongs to this customer. block_bytes: what the
 * host's filesystem rounds allocations to; 0: 4096. */
int inventory_volume_make(struct inventory *inv, const struct inventory_scope *scope,
                          const char *volume_id, uint64_t block_bytes,
                          struct al_fail *fail) AL_MUST_CHECK;
/* Removes the volume's file. AL_EBUSY while another call uses it. */
int inventory_volume_drop(struct inventory *inv, const struct inventory_scope *scope,
                          const char *volume_id) AL_MUST_CHECK;
/* A number that changes with every committed change of the volume (while this process runs): for
 * caches and ETags. */
int inventory_volume_version(struct inventory *inv, const struct inventory_scope *scope,
                             const char *volume_id, uint64_t *ret) AL_MUST_CHECK;

/* ---- scans ---- */
/* A scan that was begun before and not ended is forgotten. Beginning the one under way again is
 * AL_OK and changes nothing; beginning the one that was ended last is AL_ECONFLICT. */
int inventory_scan_begin(struct inventory *inv, const struct inventory_scope *scope,
                         const char *volume_id, const char *scan_id) AL_MUST_CHECK;

/* One batch as entries_pack made it; seq 1, 2, 3 ... per scan. The batch is checked whole before it
 * is kept, and becomes visible only with scan_end. *ret_applied (may be NULL): the last number
 * kept, also on AL_ECONFLICT. AL_ECONFLICT: a number is missing. AL_ECHANGED: this scan is not (any
 * more) the one under way; begin anew. AL_ECORRUPT, AL_ELIMIT: the batch; nothing changed. */
int inventory_entries_apply(struct inventory *inv, const struct inventory_scope *scope,
                            const char *volume_id, const char *scan_id, uint64_t seq,
                            struct al_span packed, uint64_t *ret_applied) AL_MUST_CHECK;

struct inventory_row; /* below */
/* Anything but AL_OK ends the reading and is what the call returns. */
typedef int inventory_row_fn(void *ctx, const struct inventory_row *row);
struct inventory_scan_result {
    uint64_t entries, folders, unreadable; /* seen; of an increment all there are */
    uint64_t added, changed, gone;         /* against what was known */
    uint64_t
        moved; /* at a path that was not known, and known at another that is gone: neither added nor gone; by inode, type, size, time of
                       change and of birth. They keep state, object and evidence */
    uint64_t kept;     /* not seen, but below a folder that could not be read or was left alone */
    uint64_t left_out; /* path too long, or in a folder that never came */
};
/* Makes what the scan saw the truth, in one transaction. Files whose state an outcome changed since
 * scan_begin keep the outcome's state and blocks. *ret may be NULL. Ending the scan that was ended
 * last gives its result again. AL_ECHANGED: not the one under way. AL_ENODATA: no batch came or
 * none has a root folder; nothing changed ("unknown is not absent"). */
int inventory_scan_end(struct inventory *inv, const struct inventory_scope *scope,
                       const char *volume_id, const char *scan_id, int64_t now_ns,
                       struct inventory_scan_result *ret) AL_MUST_CHECK;
/* ---- increments: scans that follow on another ----
 * Folders that come as ENTRY_UNCHANGED are what `follows` made of them, with all below, and stay as they are: entries,
 * states, objects, evidence. One of which nothing is known counts as unreadable. A file of an inode that was seen under
 * another name takes its sizes and times from there, where they are later. */
/* As inventory_scan_end. AL_ECONFLICT: `follows` is not the scan that ended last, or a list was imported since, so that
 * it tells nothing of what is known now; the increment is forgotten, and nothing changed. */
int inventory_increment_end(struct inventory *inv, const struct inventory_scope *scope,
                            const char *volume_id, const char *scan_id, const char *follows,
                            int64_t now_ns, struct inventory_scan_result *ret) AL_MUST_CHECK;
/* The scan that ended last; "": none did. *ret_import: a list was imported since, so that nothing may follow on it. */
int inventory_scan_last(struct inventory *inv, const struct inventory_scope *scope,
                        const char *volume_id, al_id ret, bool *ret_import) AL_MUST_CHECK;
/* Files that were stubs and have neither marker nor blocks any more, with nothing told of them, by
 * the scan that ended last: somebody took the marker away, and who reads them gets zeros. They keep
 * their state and object, so that it is known where the content is. At most max, 0: all. */
int inventory_lost(struct inventory *inv, const struct inventory_scope *scope,
                   const char *volume_id, size_t max, inventory_row_fn *fn,
                   void *ctx) AL_MUST_CHECK;
/* Forgets an unfinished scan. */
int inventory_scan_drop(struct inventory *inv, const struct inventory_scope *scope,
                        const char *volume_id, const char *scan_id) AL_MUST_CHECK;

/* ---- outcomes ---- */
enum inventory_source {
    INVENTORY_BY_WALK,
    INVENTORY_BY_IMPORT,
    INVENTORY_BY_AUDIT,
    INVENTORY_BY_RECALL,
    INVENTORY_SOURCES
};
const char *inventory_source_name(
    enum inventory_source s); /* "walk", "import", "audit", "recall" */

enum inventory_set { /* which fields of an outcome count */
                     INVENTORY_SET_STATE = 1,
                     INVENTORY_SET_OBJECT = 2, /* object_id; NULL clears it */
                     INVENTORY_SET_ALLOCATED = 4,
                     INVENTORY_SET_ACCESSED = 8, /* accessed_ns with its source */
                     INVENTORY_SET_SIZE = 16,    /* size and mtime_ns */
                     INVENTORY_SET_GONE = 32,    /* the file is not there any more */
                     /* where it is not known, it is from now on, and so are the folders above it; with
                      * STATE and SIZE */
                     INVENTORY_SET_MAKE = 64
};
struct inventory_outcome {
    struct al_span path; /* with or without the leading '/' */
    uint64_t ino;        /* 0: whatever is there; else only the file with this inode number */
    unsigned set;        /* enum inventory_set */
    enum rule_state state;
    const char *object_id;
    uint64_t allocated, size;
    int64_t mtime_ns;
    int64_t accessed_ns;
    enum inventory_source source;
    /* The object that is a file under this path again, NULL: none is. Its placeholder may have been renamed:
     * whatever else was archived as it is not there any more. */
    const char *came_back;
};
/* The rows count in their order. stream and seq: seq must grow within a stream, gaps are fine (a
 * host's stream serves many volumes). *ret_missing (may be NULL): rows whose file is not known;
 * they change nothing. AL_ELIMIT above INVENTORY_OUTCOMES_MAX. */
int inventory_outcomes_apply(struct inventory *inv, const struct inventory_scope *scope,
                             const char *volume_id, const char *stream, uint64_t seq,
                             const struct inventory_outcome *rows, size_t count,
                             uint64_t *ret_missing) AL_MUST_CHECK;

/* ---- reading ---- */
struct inventory_row {
    struct al_span path; /* "/" first; the root is "/" */
    struct al_span name; /* "" for the root */
    enum port_type type;
    enum rule_state state;
    uint32_t flags; /* enum entry_flag */
    uint32_t attrs; /* enum port_attr */
    uint64_t size, allocated;
    int64_t mtime_ns, ctime_ns;
    int64_t btime_ns;    /* 0: unknown */
    int64_t accessed_ns; /* RULE_TIME_UNKNOWN: unknown */
    enum inventory_source source;
    int64_t
        came_ns; /* where audit logs are the evidence: of before that nothing can be told; 0: all that is known */
    uint32_t mode, uid, gid, nlink;
    struct al_span owner; /* inventory_stat alone: how the host calls the user uid; "": not known */
    uint64_t ino;
    al_id object_id; /* "" : none */
    bool has_counts; /* a folder: all files below it, at any depth, as of the last scan */
    uint64_t files, bytes;
};

enum inventory_sort {
    INVENTORY_SORT_NAME,
    INVENTORY_SORT_SIZE,
    INVENTORY_SORT_MTIME,
    INVENTORY_SORT_ACCESSED
};

struct inventory_list_query {
    struct al_span folder; /* "" or "/": the root */
    bool recursive; /* all below instead of the children; sorted by path where sort is NAME */
    struct al_span search;   /* bytes that the name contains, ASCII case ignored; empty: any */
    int state;               /* enum rule_state; -1: any */
    bool files_only;         /* leave folders out */
    const struct rule *rule; /* NULL: any; else only what it matches at now_ns */
    int64_t now_ns;
    enum inventory_sort sort;
    bool descending;
    size_t limit; /* 1 to INVENTORY_PAGE_MAX */
    const char
        *cursor;     /* NULL: from the start; else what the page before gave, for the same query */
    bool want_total; /* count all that match; costs a pass */
};
struct inventory_page {
    char *next_cursor; /* of the arena; NULL: this was the last page */
    uint64_t total;    /* when wanted */
};
/* AL_ENOENT (folder; told apart from the volume by fail), AL_ENOTDIR, AL_EINVAL (cursor, limit). */
int inventory_list(struct inventory *inv, const struct inventory_scope *scope,
                   const char *volume_id, const struct inventory_list_query *q,
                   inventory_row_fn *fn, void *ctx, struct al_arena *arena,
                   struct inventory_page *ret, struct al_fail *fail) AL_MUST_CHECK;

/* What has the text in its name; with a '/' in the text, what lies in a folder whose path ends in what
 * is before the last '/', and has a name that begins with what is behind it. ASCII case ignored. First
 * what has that very name, then others as they are met, at most `limit` (INVENTORY_PAGE_MAX): a look
 * for somebody who waits, no list. AL_ETIMEDOUT: fn had what was found so far. AL_EINVAL: the text is
 * empty, or above INVENTORY_FIND_BYTES_MAX. */
#define INVENTORY_FIND_BYTES_MAX 4096u
int inventory_find(struct inventory *inv, const struct inventory_scope *scope,
                   const char *volume_id, struct al_span text, size_t limit, inventory_row_fn *fn,
                   void *ctx) AL_MUST_CHECK;

/* One file or folder, by path. AL_ENODATA: no such file (the volume is there). fn is called once.
 */
int inventory_stat(struct inventory *inv, const struct inventory_scope *scope,
                   const char *volume_id, struct al_span path, inventory_row_fn *fn,
                   void *ctx) AL_MUST_CHECK;

struct inventory_totals {
    uint64_t files, folders, others; /* others: symlinks, devices ... */
    uint64_t bytes, allocated;       /* of files */
    uint64_t stub_files, stub_bytes; /* what lies on the share: stubs, and archived files */
    uint64_t freed_bytes; /* what stubs would use, rounded to blocks, less what they do use */
    uint64_t unreadable;  /* folders */
    int64_t last_scan_ns; /* 0: never */
    al_id last_scan_id;
};
/* Kept in memory between changes: cheap enough for every request. */
int inventory_totals(struct inventory *inv, const struct inventory_scope *scope,
                     const char *volume_id, struct inventory_totals *ret) AL_MUST_CHECK;

/* ---- plans: no side effects ---- */
struct inventory_earlier {
    const struct rule *rule;
    const char *reason; /* why a file it matches is not for the planned rule: "excluded", "pinned",
                           "earlier_rule"; at most 31 letters a-z _ */
};
/* now_ns may be any moment. Before the last scan, what is known is still of today: files made or changed later
 * than now_ns are refused as "newer_than_the_date" (they did not exist then, or were others), before anything else
 * is asked; files that are gone since are not in it; a file read later than now_ns counts with that later access,
 * since the earlier one was overwritten, so that such a plan never counts more than there would have been. */
struct inventory_plan_query {
    const struct rule *rule;
    int64_t now_ns;
    const struct inventory_earlier *earlier; /* in order; the first that matches decides */
    size_t earlier_count;
    bool archive; /* with placeholders: other refusals than for stubs */
};
struct inventory_refusal { /* names of agent/stub/stub.h STUB_REFUSALS, the reason of an earlier
                              rule, "newer_than_the_date", "pinned_in_lucidlink" or
                              "no_access_record" (access.h) */
    const char *reason;
    uint64_t files, bytes;
    struct al_span sample; /* the path of the largest of them, with its leading '/' */
};
struct inventory_folder_sum { /* files lying in this very folder */
    struct al_span path;
    uint64_t files, bytes;
};
struct inventory_plan {    /* everything in the arena */
    uint64_t files, bytes; /* that would be tiered */
    uint64_t freed_bytes;  /* blocks they really use now, at most their size rounded to blocks */
    struct inventory_refusal *refusals; /* matched by the rule and not tiered; most files first */
    size_t refusal_count;
    struct inventory_folder_sum *folders; /* by bytes, at most INVENTORY_TOP_FOLDERS */
    size_t folder_count;
    struct inventory_row *sample; /* at most INVENTORY_SAMPLE, by size, largest first */
    size_t sample_count;
    int64_t known_ns; /* of the last scan or import; 0: none yet */
};
/* For a rule that tiers. Folders are never in it; what a rule matches and is no plain file counts
 * as "not_a_file". */
int inventory_plan(struct inventory *inv, const struct inventory_scope *scope,
                   const char *volume_id, const struct inventory_plan_query *q,
                   struct al_arena *arena, struct inventory_plan *ret) AL_MUST_CHECK;

struct inventory_limits { /* 0: none */
    uint64_t files, bytes;
};
/* The files the plan counts as to be tiered, each once, oldest access first (unknown last), then in the
 * order of the tree, until a limit would be passed. */
int inventory_candidates(struct inventory *inv, const struct inventory_scope *scope,
                         const char *volume_id, const struct inventory_plan_query *q,
                         const struct inventory_limits *limits, inventory_row_fn *fn,
                         void *ctx) AL_MUST_CHECK;

#endif
