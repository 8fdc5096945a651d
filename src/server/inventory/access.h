/* access.h: what a volume's audit logs tell, put in its place. Which file a path meant depends on when:
 * logs of different clients come late and out of order, so each row carries its time and the result is
 * the same in whatever order rows come (doc/adr/0055):
 *
 *   moves        are kept for INVENTORY_MOVES_NS, and until all logs were read once; an access to a path at a
 *                time goes through all later ones, so it finds the file where it is now. A move counts as
 *                an access of the file moved, not of what lies below a folder moved. One that comes late goes on through later ones.
 *   accesses     the later time stays. Those of a path that is not known wait for it to come, by a row
 *                with metadata, a move, a scan or an import, at most INVENTORY_UNPLACED_MAX of them.
 *   creates      and writes with metadata add the file, and the folders above it
 *   noise        of these two tells of the file, and of no use of it
 *   deletes      take it away after INVENTORY_DELETE_GRACE_NS, unless a later create, write or move brought
 *                it back: programs save by deleting and renaming
 *   pins         make what lies at or below them refuse as "pinned_in_lucidlink", until as many unpins
 *                of the same node came
 *
 * Coverage: a volume whose evidence is its audit logs has a time since which they are known to be
 * complete. Plans and candidates take as a file's last access the later of what is known and that time, so
 * nothing is called cold for want of logs; what a rule matches only without it is refused as
 * "no_access_record". While the logs are not live, or not told of for INVENTORY_COVERAGE_LAG_NS, that time is
 * now. On such a volume a walk's access times and inode numbers mean nothing: evidence stays with the path, and
 * the time of modification counts as an access where none is known.
 *
 * Names are compared byte by byte; an access that fits none so is taken for the one file whose name is the same in
 * composed form (NFC). Upper and lower case are never folded: nothing says yet which volumes do. Moves, deletes and
 * pins are byte by byte alone.
 *
 * Of a file the record can begin later than of the volume (inventory_row.came_ns): what came from outside of it, and what a
 * scan or an import that is not the first finds with no row that says how it came.
 *
 * What is not so: rows of two files whose times are equal may be placed either way; rows older than INVENTORY_MOVES_NS
 * go through no moves that were forgotten; one row of a file stands for all of its hour, so that of two files of one name in
 * one hour, in a folder that was moved and made anew, the older may miss up to that hour. Between a late row and
 * the next scan, a file that was made at the old path of a folder may be shown at the new one; its evidence waits meanwhile. A
 * folder's delete told after the move of another one to its name leaves the files of both listed until then.
 *
 * Scope, threads, errors and exactly once: as in inventory.h; stream and seq are those of the batch, and grow together
 * with those of outcomes of the same stream. */
#ifndef ALTO_SERVER_INVENTORY_ACCESS_H
#define ALTO_SERVER_INVENTORY_ACCESS_H

#include "server/inventory/inventory.h"

/* Of one batch: some 100 bytes each and their paths, and as much again in tables that go with it. */
#define INVENTORY_ACCESS_ROWS_MAX 200000u
#define INVENTORY_MOVES_NS (INT64_C(35) * 86400 * 1000000000) /* how long a move is remembered */
/* And how many. Beyond it the oldest are forgotten, and the record is complete since then at the earliest. */
#define INVENTORY_MOVES_MAX 1000000u
#define INVENTORY_UNPLACED_MAX 1000000u /* paths; beyond it coverage begins anew, and it is told */
#define INVENTORY_DELETE_GRACE_NS (INT64_C(600) * 1000000000) /* from when it was told */
#define INVENTORY_COVERAGE_LAG_NS (INT64_C(3600) * 1000000000)
#define INVENTORY_FUTURE_NS                                                                        \
    (INT64_C(300) * 1000000000)    /* later than now by more: it counts as now */
#define INVENTORY_TOUCHES_DAYS 90u /* of figures by hour, file and person */
/* Rows of them. Beyond it the older half becomes figures by day, or is forgotten; evidence stays as it is. */
#define INVENTORY_TOUCHES_MAX 4000000u

enum inventory_access_kind {
    INVENTORY_ACCESS_USED,   /* read, or written where modified_ns says so; many are one row */
    INVENTORY_ACCESS_CREATE, /* a file; a folder where stat.type says so */
    INVENTORY_ACCESS_MOVE,   /* of a file or a folder, to target */
    INVENTORY_ACCESS_DELETE,
    INVENTORY_ACCESS_FOLDER_DELETE, /* with all below it */
    INVENTORY_ACCESS_PIN,
    INVENTORY_ACCESS_UNPIN,
    INVENTORY_ACCESS_KINDS
};
struct inventory_access {
    enum inventory_access_kind kind;
    struct al_span path, target; /* below the volume's root, with or without the leading '/' */
    int64_t time_ns;             /* of the last event in it */
    int64_t modified_ns;         /* of the last write in it; 0: none */
    uint64_t reads, writes;
    struct al_span user, host, node; /* "" unknown */
    bool noise;                      /* USED, CREATE: the tree changed, but nobody used the file */
    /* CREATE: it came from outside of what the volume is of the filespace, with all below; path "": the volume did.
     * What happened to it before under its path out there nobody told, so of all of it the record begins then. */
    bool came;
    bool has_stat; /* what the host saw when it looked right after */
    enum port_type type;
    uint64_t size, allocated;
    int64_t mtime_ns, ctime_ns, btime_ns;
    uint32_t mode, uid, gid, nlink;
};
struct inventory_access_result {
    uint64_t placed, unplaced, added, moved, deleted; /* rows; moved: entries */
    bool overflow;                                    /* unplaced ones were dropped */
};
/* *ret may be NULL. AL_ELIMIT above INVENTORY_ACCESS_ROWS_MAX. now_ns: the server's. */
int inventory_access_apply(struct inventory *inv, const struct inventory_scope *scope,
                           const char *volume_id, const char *stream, uint64_t seq,
                           const struct inventory_access *rows, size_t count, int64_t now_ns,
                           struct inventory_access_result *ret) AL_MUST_CHECK;
/* Takes away what was deleted longer ago than the grace, forgets moves and touches that are too old. Cheap
 * where nothing is due. *ret_gone may be NULL. */
int inventory_access_settle(struct inventory *inv, const struct inventory_scope *scope,
                            const char *volume_id, int64_t now_ns,
                            uint64_t *ret_gone) AL_MUST_CHECK;

struct inventory_coverage {
    bool audited;     /* false: evidence is as on any volume */
    bool live;        /* the logs are being read to their ends */
    int64_t since_ns; /* complete since then; 0: not at all so far */
    int64_t told_ns;  /* when the host last said so */
};
/* Durable; the volume is made if it is not there yet. Changes of told_ns alone are kept in memory for a
 * minute. */
int inventory_coverage_set(struct inventory *inv, const struct inventory_scope *scope,
                           const char *volume_id, const struct inventory_coverage *c) AL_MUST_CHECK;
int inventory_coverage(struct inventory *inv, const struct inventory_scope *scope,
                       const char *volume_id, struct inventory_coverage *ret) AL_MUST_CHECK;

/* What a plan at now_ns takes as the last access of what inventory_stat or a list gave; for who asks about one file. On
 * a volume that is not audited: row->accessed_ns. ret_known_ns (may be NULL): the same without coverage. */
int64_t inventory_covered_access(const struct inventory_coverage *c,
                                 const struct inventory_row *row, int64_t now_ns,
                                 int64_t *ret_known_ns);

/* Whether a path lies at or below what some client has pinned, as plans have it. */
int inventory_pinned(struct inventory *inv, const struct inventory_scope *scope,
                     const char *volume_id, struct al_span path, bool *ret) AL_MUST_CHECK;

/* ---- figures: from hour or day sums, UTC; from_ns and to_ns are rounded outwards to hours ---- */
enum inventory_access_by {
    INVENTORY_BY_FILE,
    INVENTORY_BY_FOLDER,
    INVENTORY_BY_USER,
    INVENTORY_BY_HOST
};
struct inventory_access_sum {
    struct al_span what; /* a path with its leading '/', or a name; "" unknown */
    uint64_t reads, writes, files;
    int64_t last_ns;
};
/* Most used first, at most max (1 to 1000). folder "" or "/": all; else what lies below it. A folder's
 * sum is of files lying in it. fn as inventory_row_fn. */
int inventory_access_top(struct inventory *inv, const struct inventory_scope *scope,
                         const char *volume_id, enum inventory_access_by by, struct al_span folder,
                         int64_t from_ns, int64_t to_ns, size_t max,
                         int (*fn)(void *ctx, const struct inventory_access_sum *s),
                         void *ctx) AL_MUST_CHECK;
/* Each hour of the time that has any, in order; what is "". */
int inventory_access_hours(struct inventory *inv, const struct inventory_scope *scope,
                           const char *volume_id, struct al_span folder, int64_t from_ns,
                           int64_t to_ns,
                           int (*fn)(void *ctx, int64_t hour_ns, uint64_t reads, uint64_t writes),
                           void *ctx) AL_MUST_CHECK;
struct inventory_access_event { /* a row as it came */
    uint64_t number;            /* grows with arrival */
    struct inventory_access row;
    int64_t arrived_ns;
};
#define INVENTORY_RECENT_MAX 10000u /* rows kept for it */
/* The latest to arrive, newest first, those with a number above `after` and below `before` (0: any), at most
 * max (1 to 1000). path: "" any, else of that file, or of all below that folder. */
int inventory_access_recent(struct inventory *inv, const struct inventory_scope *scope,
                            const char *volume_id, struct al_span path, uint64_t after,
                            uint64_t before, size_t max,
                            int (*fn)(void *ctx, const struct inventory_access_event *e),
                            void *ctx) AL_MUST_CHECK;

#endif
