/* access_priv.h: what the files that place audit rows share. See access.h and doc/adr/0055.
 *
 *   a_move      moves, and deletes as moves to nowhere (target NULL); n: the batch that brought it
 *   a_touch     sums by hour, path as told, user and host: figures, and what happened when
 *   a_base      evidence that was there before an access was written over it, and that of what a scan took away
 *   a_wait      accesses of paths that nobody knows yet
 *   a_folded    from which hour on the sums of a_touch are whole, where there were too many
 *   a_came      what came from outside of the volume, with all below: path as told, when
 *   a_deleting  deletes that wait; a_pin pins and unpins; a_recent the latest rows
 *
 * An entry's evidence is what a_touch and a_base say of its path and of the paths it had, so it can be worked out
 * anew where a row comes late (access_late.c). */
#ifndef ALTO_SERVER_INVENTORY_ACCESS_PRIV_H
#define ALTO_SERVER_INVENTORY_ACCESS_PRIV_H

#include "server/inventory/access.h"
#include "server/inventory/inventory_priv.h"

#define INV_HOUR_NS (INT64_C(3600) * 1000000000)
/* Of a column of counts, which a host may tell as large as it likes: never beyond INT64_MAX. */
#define INV_SUM_SQL(column) "least(sum(" column "), 9223372036854775807)::BIGINT"
#define INV_HOPS_MAX 4096u /* moves that one path goes through; beyond, it is nowhere */
/* Evidence this old may be in no sum any more. */
#define INV_LOGGED_NS (INT64_C(80) * 86400 * 1000000000)
#define INV_PINS_MAX 100000u
/* Paths that some client has pinned, as they are now; %s: the volume. A path of two clients is there twice. */
#define INV_PINNED_SQL                                                                             \
    "(SELECT now_path FROM \"v_%s\".a_pin GROUP BY now_path, node HAVING sum(delta) > 0)"
#define INV_BASE_NS (2 * INVENTORY_MOVES_NS) /* longer than a late move may come */

struct inv_moves;
/* ---- access_times.c: the latest time of something at or below a path, by hashes: it may say later, never earlier ---- */
struct inv_times {
    struct inv_time {
        uint64_t hash; /* 0: free */
        int64_t time_ns;
    } * at;
    uint64_t count, mask;
};
void inv_times_end(struct inv_times *t);
int inv_times_add(struct inv_times *t, struct al_span path, int64_t time_ns) AL_MUST_CHECK;
int64_t inv_times_at(const struct inv_times *t, struct al_span path); /* INT64_MIN: nothing */
int inv_times_put(struct inv_times *t, struct al_span path,
                  int64_t time_ns) AL_MUST_CHECK; /* only at it */
/* What is kept at a path from now on, whatever it was; INT64_MIN: nothing. */
int inv_times_set(struct inv_times *t, struct al_span path, int64_t value) AL_MUST_CHECK;
/* Where active moves began; ends: and where they ended. */
int inv_times_moves(struct inv_times *t, const struct inv_moves *m, bool ends) AL_MUST_CHECK;
int inv_times_touches(struct inv_times *t, struct inv_use *u, int64_t since_ns) AL_MUST_CHECK;

/* ---- access_moves.c: moves in memory ---- */
struct inv_move {
    int64_t time_ns;
    uint64_t n;              /* the batch it came with */
    uint64_t from_at, to_at; /* into names */
    uint32_t from_len, to_len;
    uint64_t from_hash, to_hash;
    bool cut;    /* a delete: to nowhere */
    bool active; /* counts */
};
struct inv_moves {
    struct inv_move *all;
    uint32_t count, cap;
    uint8_t *names;
    uint64_t names_len, names_cap;
    uint32_t *by_from, *by_to;       /* by hash, then time */
    uint32_t *table_from, *table_to; /* hash → 1 + first of its group */
    uint32_t table_mask;
};
void inv_moves_end(struct inv_moves *m);
int inv_moves_add(struct inv_moves *m, int64_t time_ns, uint64_t n, struct al_span from,
                  struct al_span to, bool cut, bool active, uint32_t *ret) AL_MUST_CHECK;
int inv_moves_sort(struct inv_moves *m) AL_MUST_CHECK; /* after the last add, before asking */
/* Whether the same was added before. */
bool inv_moves_twice(const struct inv_moves *m, uint32_t index);
const struct inv_move *inv_moves_cut(const struct inv_moves *m, struct al_span path,
                                     int64_t time_ns); /* NULL: none */
/* Those of the volume later than since_ns. */
int inv_moves_load(struct inv_use *u, int64_t since_ns, struct inv_moves *m) AL_MUST_CHECK;
struct inv_asked {
    int64_t time_ns;            /* moves later than it */
    uint64_t above_n;           /* and of batches above it; 0: any */
    const struct inv_move *but; /* and not this one */
    /* Tells whether there is something in the one, or the other, at or below a path it went through, later than it came
     * there. NULL: not asked. */
    const struct inv_times *before, *sources;
    bool *ret_late, *ret_split;
};
/* Where what was at path at that time is now. *ret_gone: it was deleted, at the path that comes out. */
int inv_moves_resolve(const struct inv_moves *m, struct al_span path, const struct inv_asked *asked,
                      struct al_buf *out, bool *ret_gone) AL_MUST_CHECK;
/* Where what is at path now was at that time. */
int inv_moves_trace(const struct inv_moves *m, struct al_span path, int64_t time_ns,
                    struct al_buf *out) AL_MUST_CHECK;
bool inv_path_below(struct al_span path, struct al_span folder); /* at it or below it; "" all */

/* ---- access_tables.c ---- */
int inv_access_make(struct inv_use *u, char catalog) AL_MUST_CHECK; /* all of them */
int inv_folded_make(struct inv_use *u, char catalog) AL_MUST_CHECK; /* what format 3 lacks */
int inv_access_carry(struct inv_use *u) AL_MUST_CHECK; /* their rows into the next file */
int inv_came_make(struct inv_use *u, char catalog) AL_MUST_CHECK; /* what format 4 lacks */
/* Sums before that hour are forgotten, or by day. 0: none are. */
int inv_folded_at(struct inv_use *u, int64_t *ret_hour) AL_MUST_CHECK;
int inv_folded_set(struct inv_use *u, int64_t hour) AL_MUST_CHECK;
/* At the end of a scan or an import, in the next file: what waits is due. */
int inv_access_merged(struct inv_use *u, bool scan, int64_t now_ns) AL_MUST_CHECK;
/* After that is committed. A failure is tried again by who comes next. */
void inv_access_after(struct inv_use *u, int64_t now_ns);
/* "dir", "name" and "ext" of a clean path to an appender: BLOBs. */
int inv_append_path(struct inv_append *a, struct al_span clean, bool ext) AL_MUST_CHECK;
int inv_append_blob(struct inv_append *a, struct al_span s) AL_MUST_CHECK;

/* ---- access_place.c: entries change places ---- */
struct inv_relocation {
    struct al_span from, to; /* clean, as the tree is now */
    bool straight;           /* `to` is what the row says: no later move is known of it */
    int64_t time_ns;         /* of the move */
    bool stranger;           /* what is at `from` came there later */
    const struct inventory_access *row; /* its metadata */
    bool known, there;                  /* ret: something was at `from`; at `to`, before */
};
struct inv_place {
    struct inv_use *u;
    bool dirty;          /* folders need new numbers */
    bool changed;        /* rows came or went */
    uint32_t known_id;   /* greatest number of a folder, before */
    struct al_buf moved; /* numbers of folders that have another parent now, uint32_t */
    uint64_t relocated, added;
};
#define INV_PLACE(name) AL_CLEANUP(inv_place_free) struct inv_place name = {0}
int inv_place_begin(struct inv_place *p, struct inv_use *u) AL_MUST_CHECK;
void inv_place_free(struct inv_place *p);
/* One after the other. */
int inv_place_relocate(struct inv_place *p, struct inv_relocation *all, size_t count) AL_MUST_CHECK;
/* Those of temp.rest (access_used.c) that have metadata; folders above them too. */
int inv_place_add(struct inv_place *p) AL_MUST_CHECK;
/* Takes away what temp.away (path) names, with all below. */
int inv_place_remove(struct inv_place *p, uint64_t *ret_gone) AL_MUST_CHECK;
/* Numbers, sums. Nothing to do: cheap. */
int inv_place_end(struct inv_place *p) AL_MUST_CHECK;

/* ---- access_routes.c: what moves of a batch mean for the tree as it is ---- */
struct inv_routes {
    /* all that may matter; those of the batch are not active until their turn */
    struct inv_moves moves;
    struct inv_times before;  /* what happened when, but for this batch */
    struct inv_times sources; /* where moves began, but for this batch */
    struct al_arena *arena;   /* lent: of paths */
    struct inv_relocation *relocations;
    size_t relocation_count, relocation_cap;
    struct al_span *roots; /* whose evidence is to be worked out anew */
    size_t root_count, root_cap;
};
void inv_routes_end(struct inv_routes *r);
int inv_routes_root(struct inv_routes *r, struct al_span path) AL_MUST_CHECK;
/* The next move of the batch, in the order of time, becomes active. buf: room for a path. */
int inv_routes_plan(struct inv_routes *r, uint32_t move, const struct inventory_access *row,
                    struct al_buf *buf) AL_MUST_CHECK;

/* ---- access_folders.c ---- */
/* Makes those that a query names, as `path`, and what is above them. */
int inv_folders_ensure(struct inv_place *p, const char *paths) AL_MUST_CHECK;
/* Onto one that is there: what is in both is one; the later access stays. */
int inv_folders_move(struct inv_place *p, struct al_span from, struct al_span to) AL_MUST_CHECK;
int inv_folders_number(struct inv_place *p) AL_MUST_CHECK;

/* ---- access_used.c: accesses ---- */
/* "has_stat, type, size ..." of a row, or of none, and the row's end. */
int inv_append_stat(struct inv_append *a, const struct inventory_access *r) AL_MUST_CHECK;
int inv_used_begin(struct inv_use *u, struct inv_append *a) AL_MUST_CHECK; /* table used */
struct inv_used {
    struct al_span now, told; /* told.at NULL: it does not wait */
    int64_t time_ns, modified_ns;
    bool created;
    uint8_t source;                     /* 0: it is no use of the file */
    const struct inventory_access *row; /* NULL: no metadata */
};
int inv_used_add(struct inv_append *a, const struct inv_used *x) AL_MUST_CHECK;
/* Groups used, raises what is there, adds what has metadata, lets the rest wait. */
int inv_used_apply(struct inv_place *p, uint64_t n, int64_t now_ns, uint64_t *ret_placed,
                   uint64_t *ret_waits) AL_MUST_CHECK;
/* What waits for a path that is there now. due: also what was written over, or taken away by a scan. */
int inv_used_waiting(struct inv_place *p, const struct inv_moves *m, uint64_t n, int64_t now_ns,
                     bool due) AL_MUST_CHECK;

/* ---- access_names.c ---- */
/* Rows of temp.rest that mean a file whose name is written in another way: out of it, and what temp.used has of them
 * into temp.used_next, under the name that is there. *ret: how many; 0: there is no such table. */
int inv_names_match(struct inv_use *u, uint64_t *ret) AL_MUST_CHECK;

/* ---- access_came.c ---- */
#define INV_CAME_MAX 100000u /* of a_came; beyond, the record begins with the oldest that is kept */
/* Of all that came from outside, wherever it is now, the record begins when it came. Nothing came: cheap. */
int inv_came_apply(struct inv_place *p) AL_MUST_CHECK;
/* Whether a scan or an import told what there is. */
int inv_came_inventoried(struct inv_use *u, bool *ret) AL_MUST_CHECK;

/* ---- access_late.c ---- */
/* Evidence of all at or below these paths, anew. */
int inv_late_apply(struct inv_place *p, const struct inv_moves *m, const struct al_span *roots,
                   size_t count, int64_t now_ns) AL_MUST_CHECK;

/* ---- access_settle.c ---- */
/* A folder comes to this path at that time: a delete of what was there, told of and earlier, waits no longer. */
int inv_delete_now(struct inv_place *p, struct al_span path, int64_t before_ns) AL_MUST_CHECK;
int inv_pins_follow(struct inv_use *u,
                    const struct inv_moves *m) AL_MUST_CHECK; /* a_pin.now_path */
/* Drops of a_wait what is too much; coverage begins anew then. */
int inv_wait_limit(struct inv_use *u, int64_t now_ns, bool *ret_overflow) AL_MUST_CHECK;

/* ---- back.c: of outcomes that tell of files that came back (temp.told, temp.told_in, temp.met) ---- */
/* Those of rows that make their file. */
int inv_back_folders(struct inv_use *u) AL_MUST_CHECK;
/* What else is archived as an object that came back is gone, in temp.met. *ret: some is. */
int inv_back_elsewhere(struct inv_use *u, bool *ret) AL_MUST_CHECK;
/* Of folders in which files were made. */
int inv_back_sums(struct inv_use *u) AL_MUST_CHECK;

/* ---- coverage.c ---- */
bool inv_coverage_due(struct inv_use *u); /* what waits is to be tried */
bool inv_coverage_complete(struct inv_use *u,
                           int64_t now_ns); /* all logs were read to their ends */
int inv_coverage_anew(struct inv_use *u,
                      int64_t now_ns) AL_MUST_CHECK; /* in memory; the file says so too */
/* As it is in the file, into the volume's memory. */
int inv_coverage_read(struct inventory *inv, struct inv_conn *c,
                      struct inv_volume *v) AL_MUST_CHECK;

/* What a plan at now_ns is to take as the time since which logs are complete. *ret_audited false: nothing is to be done. */
void inv_coverage_since(struct inv_use *u, int64_t now_ns, bool *ret_audited,
                        int64_t *ret_since_ns);

#endif
