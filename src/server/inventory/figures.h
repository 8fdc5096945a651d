/* figures.h: what lies on a volume, in figures; which files a change of a rule moves; lists of any length.
 * Each figure of 10,000,000 entries is meant to be there in 300 ms, a page of folders in 100 ms: what a
 * scan of the whole table cannot do in that time is worked out when the entries change and kept in the
 * volume's file.
 *
 * Scope, threads and errors as in inventory.h. Results lie in the arena. */
#ifndef ALTO_SERVER_INVENTORY_FIGURES_H
#define ALTO_SERVER_INVENTORY_FIGURES_H

#include "server/inventory/inventory.h"

/* In inventory_row.flags: known from an import only, not yet seen by a walk. Never on the wire. */
#define INVENTORY_IMPORTED 128u

#define INVENTORY_FIGURE_ROWS_MAX 1000u /* of one list; 0 asks for 20 */

enum inventory_figure {
    INVENTORY_FIG_AGE = 1,        /* histogram: by last access */
    INVENTORY_FIG_MODIFIED = 2,   /* histogram: by last change */
    INVENTORY_FIG_SIZE = 4,       /* histogram */
    INVENTORY_FIG_EXT = 8,        /* most bytes first */
    INVENTORY_FIG_OWNER = 16,     /* most bytes first */
    INVENTORY_FIG_HOTTEST = 32,   /* last accessed first */
    INVENTORY_FIG_COLDEST = 64,   /* longest untouched first; unknown access last */
    INVENTORY_FIG_DUPLICATES = 128, /* same size and same name, most bytes to be had first */
    INVENTORY_FIG_LARGEST = 256
};

struct inventory_figures_query {
    struct al_span folder; /* "" or "/": the whole volume; else everything below it */
    unsigned want;         /* set of enum inventory_figure; totals always come */
    size_t rows;           /* of each list */
    int64_t now_ns;
};
struct inventory_bucket { /* from <= x < to; ages in ns back from now, sizes in bytes; to INT64_MAX: no end */
    int64_t from, to;
    uint64_t files, bytes, stub_files, stub_bytes;
};
/* Histograms have all their buckets, also empty ones, so that those of several volumes can be added; an access or
 * change that lies in the future is of age 0; unknown access is in no bucket. totals.folders counts the
 * folder asked for too. Duplicates of the whole volume are kept: of groups that waste least, more than 4,096 deep,
 * nothing is known until the next scan. Those of a folder are looked for, in about the time of two passes over its
 * names: of one that holds 10,000,000 files, some 0.8 s. */
struct inventory_group {
    struct al_span name; /* extension without '.', "" none; owner's name, or the uid as digits */
    uint64_t files, bytes, allocated, stub_files, stub_bytes;
};
struct inventory_duplicate {
    struct al_span name, sample_path;
    uint64_t size, files, wasted_bytes; /* (files - 1) * size */
};
struct inventory_figures {
    struct inventory_totals totals; /* of the folder asked for */
    uint64_t unknown_access_files, unknown_access_bytes;
    struct inventory_bucket *age, *modified, *size;
    size_t age_count, modified_count, size_count;
    struct inventory_group *exts, *owners;
    size_t ext_count, owner_count;
    struct inventory_row *hottest, *coldest, *largest;
    size_t hottest_count, coldest_count, largest_count;
    struct inventory_duplicate *duplicates;
    size_t duplicate_count;
    uint64_t evidence_files[INVENTORY_SOURCES]; /* by source of the access time */
    uint64_t imported_files; /* INVENTORY_IMPORTED */
};
/* AL_ENODATA: no such folder. AL_ELIMIT: rows above INVENTORY_FIGURE_ROWS_MAX. */
int inventory_figures(struct inventory *inv, const struct inventory_scope *scope,
                      const char *volume_id, const struct inventory_figures_query *q,
                      struct al_arena *arena, struct inventory_figures *ret) AL_MUST_CHECK;

/* ---- the tree ---- */
struct inventory_folder { /* with everything below it */
    struct al_span path, name;
    uint64_t files, bytes, allocated, stub_files, stub_bytes, folders;
    int64_t accessed_ns, modified_ns; /* the latest below it; RULE_TIME_UNKNOWN */
    bool unreadable, has_children;
};
enum inventory_tree_sort { INVENTORY_TREE_BYTES, INVENTORY_TREE_FILES, INVENTORY_TREE_NAME, INVENTORY_TREE_ACCESSED };
struct inventory_tree_query {
    struct al_span folder;
    enum inventory_tree_sort sort; /* largest, most, latest first; names ascending */
    size_t offset, limit;          /* limit: 1 to INVENTORY_PAGE_MAX */
};
typedef int inventory_folder_fn(void *ctx, const struct inventory_folder *f);
/* The folder itself first into *ret_self (arena), then its children through fn. *ret_total: how many children
 * there are. Figures of files that outcomes changed since the last scan follow within the same call
 * that changed them; `folders` and unreadable are of the last scan. AL_ENODATA: no such folder (the root of a
 * volume that was never scanned is there, and empty). AL_EINVAL: limit. */
int inventory_tree(struct inventory *inv, const struct inventory_scope *scope,
                   const char *volume_id, const struct inventory_tree_query *q,
                   struct al_arena *arena, struct inventory_folder *ret_self, uint64_t *ret_total,
                   inventory_folder_fn *fn, void *ctx) AL_MUST_CHECK;

/* ---- a number while one types ---- */
struct inventory_count {
    uint64_t files, bytes; /* that the rule matches; nothing else is looked at */
    bool exact; /* false: estimated from a part: over more than 1,000,000 files for globs, `like` and letters of
                   either case, over more than 12,000,000 for names and paths at all */
};
int inventory_count(struct inventory *inv, const struct inventory_scope *scope,
                    const char *volume_id, const struct rule *rule, int64_t now_ns,
                    struct inventory_count *ret) AL_MUST_CHECK;

/* ---- plans, more of them (inventory.h has inventory_plan) ---- */
struct inventory_plan_charts { /* of the files to be tiered */
    struct inventory_bucket *age, *size;
    size_t age_count, size_count;
    struct inventory_group *exts, *owners; /* 20 each */
    size_t ext_count, owner_count;
    /* Files of the plan whose last access lies within history_ns before the query's now: what they
     * would have cost in recalls if the rule had run then. */
    uint64_t recall_files, recall_bytes;
};
int inventory_plan_charts(struct inventory *inv, const struct inventory_scope *scope,
                          const char *volume_id, const struct inventory_plan_query *q,
                          int64_t history_ns, struct al_arena *arena,
                          struct inventory_plan_charts *ret) AL_MUST_CHECK;

struct inventory_difference {
    uint64_t enter_files, enter_bytes, leave_files, leave_bytes, stay_files, stay_bytes;
    struct inventory_row *enter, *leave; /* largest first, INVENTORY_SAMPLE at most */
    size_t enter_count, leave_count;
};
/* What b would tier and a not (enters), and the other way round (leaves). */
int inventory_compare(struct inventory *inv, const struct inventory_scope *scope,
                      const char *volume_id, const struct inventory_plan_query *a,
                      const struct inventory_plan_query *b, struct al_arena *arena,
                      struct inventory_difference *ret) AL_MUST_CHECK;

/* ---- lists without an end ---- */
enum inventory_export_format { INVENTORY_EXPORT_CSV, INVENTORY_EXPORT_PARQUET };
struct inventory_export_query {
    const struct inventory_plan_query *plan; /* its files and, with refused, those it refuses, with the reason; NULL: all entries below folder */
    bool refused;
    struct al_span folder;
    enum inventory_export_format format;
};
/* Writes to path (made, replaced): columns path, path_b64 (where it is not UTF-8), type, size, allocated, modified, accessed, accessed_source, created, owner,
 * mode, attributes, inode, links, state, object_id, reason. Readable again by inventory_import_run. *ret_rows may be NULL. */
int inventory_export(struct inventory *inv, const struct inventory_scope *scope,
                     const char *volume_id, const struct inventory_export_query *q,
                     const char *path, uint64_t *ret_rows) AL_MUST_CHECK;

/* ---- growth ---- */
struct inventory_day {
    int64_t day_ns; /* midnight UTC */
    uint64_t files, folders, bytes, allocated, stub_files, stub_bytes, freed_bytes;
};
/* Keeps today's figures, replacing those of the same day; cheap when the volume did not change. */
int inventory_day_keep(struct inventory *inv, const struct inventory_scope *scope,
                       const char *volume_id, int64_t now_ns) AL_MUST_CHECK;
/* From from_ns on, oldest first, at most 4,000. */
int inventory_days(struct inventory *inv, const struct inventory_scope *scope,
                   const char *volume_id, int64_t from_ns, struct al_arena *arena,
                   struct inventory_day **ret, size_t *ret_count) AL_MUST_CHECK;

#endif
