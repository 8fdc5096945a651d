/* orphan.h (store): what reconciles found between volumes and shares, kept until it is over and for
 * STORE_ORPHANS_KEPT_NS more. Conventions in store.h.
 *
 *              put aside
 *        open ◀────────▶ ignored            seen again: open stays open, ignored stays ignored,
 *          │  ▲             │               mended is open again
 *          ▼  │ seen again  ▼
 *          mended ◀─────────┘               mended: an act on it went well, or a whole walk that began
 *                                           after it was seen last did not find it
 *
 * "Began after" goes by the order in which the host told (orphan_walk.mark), never by a clock: what is
 * seen between a walk's begin and its end, by that walk or by anything else, is not older than the
 * walk. A walk that did not come to everything ends nothing. */
#ifndef ALTO_SERVER_STORE_ORPHAN_H
#define ALTO_SERVER_STORE_ORPHAN_H

#include "model/orphan.h"
#include "server/store/store.h"

/* findings of one volume that are not mended; beyond, they are only counted */
#define STORE_ORPHANS_MAX 1000000u
#define STORE_ORPHANS_KEPT_NS (INT64_C(90) * 86400 * 1000000000)
#define STORE_ORPHAN_PRUNE_ROWS 5000u /* of one call */
#define STORE_ORPHAN_ACT_ROWS 20000u  /* of one call: about a second */
#define STORE_ORPHAN_TEXT_MAX 256u    /* bytes kept of a sentence */

enum store_orphan_state { STORE_OR_OPEN, STORE_OR_IGNORED, STORE_OR_MENDED, STORE_OR_STATES };
const char *store_orphan_state_name(enum store_orphan_state state);

/* filters: volume_id, kind, state, level */
extern const struct store_noun store_orphans;

struct store_orphan {
    al_id id, volume_id, customer_id; /* id: of a pick */
    enum orphan_kind kind;
    struct al_span path;   /* without leading '/' */
    const char *object_id; /* "": not known */
    uint64_t size;
    int64_t mtime_ns;
    const char *text;
};
/* Seen now. *ret_news: it was not known, or over. With STORE_ORPHANS_MAX of the volume it is left out,
 * which the walk counts. AL_ENOENT: the volume's customer is out of scope. */
int store_orphan_seen(struct store *s, const struct scope *scope, const struct store_orphan *o,
                      int64_t now_ns, bool *ret_news, struct al_fail *fail) AL_MUST_CHECK;
/* What is wrong with the file at that path is over, and an object_id (may be "") that had no file there
 * has one. *ret: how many. */
int store_orphan_over(struct store *s, const struct scope *scope, const char *volume_id,
                      struct al_span path, const char *object_id, int64_t now_ns, uint64_t *ret,
                      struct al_fail *fail) AL_MUST_CHECK;

/* ---- walks ---- */
struct store_orphan_walk {
    al_id volume_id, customer_id, work_id;
    int64_t began_ns, ended_ns; /* ended_ns 0: under way, or cut */
    bool stubs, objects; /* ended: it came to every marker; it held all objects against them */
    uint64_t objects_seen, left_out;
    const char *text; /* why it was not whole; "" */
};
/* volume_id, customer_id, work_id. One that was under way is given up. */
int store_orphan_walk_begin(struct store *s, const struct scope *scope,
                            const struct store_orphan_walk *w, int64_t now_ns,
                            struct al_fail *fail) AL_MUST_CHECK;
/* Ends what it should have found and did not: kinds that need objects only with stubs and objects,
 * others with stubs. A walk that is not the one under way: nothing, *ret_mended 0. */
int store_orphan_walk_end(struct store *s, const struct scope *scope,
                          const struct store_orphan_walk *w, int64_t now_ns, uint64_t *ret_mended,
                          struct al_fail *fail) AL_MUST_CHECK;

/* ---- sums ---- */
struct store_orphan_sum {
    enum orphan_kind kind;
    enum store_orphan_state state;
    uint64_t findings, bytes;
};
/* Over what is in scope; customer_id and volume_id may be NULL. Never looks at the findings. */
int store_orphan_sums(struct store *s, const struct scope *scope, const char *customer_id,
                      const char *volume_id,
                      int (*each)(void *ctx, const struct store_orphan_sum *sum), void *ctx,
                      struct al_fail *fail) AL_MUST_CHECK;
/* Volumes that have a walk or findings, those with most unreadable files first. */
struct store_orphan_volume {
    al_id volume_id, customer_id;
    const char *name;
    uint64_t open, unreadable;     /* findings */
    struct store_orphan_walk walk; /* began_ns 0: none yet */
};
int store_orphan_volumes(struct store *s, const struct scope *scope, const char *customer_id,
                         const char *volume_id, uint32_t limit,
                         int (*each)(void *ctx, const struct store_orphan_volume *v), void *ctx,
                         struct al_fail *fail) AL_MUST_CHECK;

/* ---- acts ---- */
struct store_orphan_pick {
    const char *volume_id;
    const char *const *ids; /* NULL: all of kind */
    size_t count;
    enum orphan_kind kind;
    enum store_orphan_state state; /* others are passed by */
};
/* each gets those chosen; where all of a kind are meant by path, of one path the newest first. An id that
 * is no finding of the volume: AL_ENOENT. */
int store_orphan_each(struct store *s, const struct scope *scope, const struct store_orphan_pick *p,
                      int (*each)(void *ctx, const struct store_orphan *o), void *ctx,
                      struct al_fail *fail) AL_MUST_CHECK;
/* To ignored, with reason and who; or with reason NULL back to open. p->state is set. Of all of a kind at
 * most STORE_ORPHAN_ACT_ROWS, so that nobody else waits for long: *ret how many, *ret_left how many more
 * there are. */
int store_orphan_ignore(struct store *s, const struct scope *scope,
                        const struct store_orphan_pick *p, const char *reason, const char *by,
                        int64_t now_ns, uint64_t *ret, uint64_t *ret_left,
                        struct al_fail *fail) AL_MUST_CHECK;
/* The job that was asked to mend those chosen. */
int store_orphan_asked(struct store *s, const struct scope *scope,
                       const struct store_orphan_pick *p, const char *job_id,
                       struct al_fail *fail) AL_MUST_CHECK;
/* In a transaction; a bounded piece. */
int store_orphan_prune(struct store *s, int64_t now_ns, struct al_fail *fail) AL_MUST_CHECK;

#endif
