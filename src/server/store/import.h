/* import.h: imports, exports and costs in the store; what the record says of one file. Scope,
 * transactions and errors as in store.h.
 *
 *   uploading ─▶ ready ─▶ running ─▶ done | failed | cancelled
 *       └──────────┴─▶ cancelled          └──────────────▶ running (again, while the file is kept)
 *
 * A state is changed only from the state named in the call: who comes second finds nothing to
 * change (AL_ECONFLICT). */
#ifndef ALTO_SERVER_STORE_IMPORT_H
#define ALTO_SERVER_STORE_IMPORT_H

#include "server/store/store.h"

enum store_import_state {
    STORE_IM_UPLOADING,
    STORE_IM_READY,
    STORE_IM_RUNNING,
    STORE_IM_DONE,
    STORE_IM_FAILED,
    STORE_IM_CANCELLED,
    STORE_IM_STATES
};
const char *store_import_state_name(enum store_import_state state);

struct store_import {
    al_id id, customer_id, volume_id;
    const char *name;
    enum store_import_state state;
    uint64_t size, received;
    const char *options; /* JSON object */
    const char *look;    /* JSON object; NULL: none yet */
    bool problem;        /* its look says that it cannot be imported like this */
    bool cancel;         /* somebody asked for it while it was running */
    bool kept;           /* its file is there */
    const char *text;
    const char *source; /* "" for an upload, else its path below the watched folder */
    int64_t source_ns;  /* mtime of that file */
    bool source_left;   /* that file still lies where it was found */
    const char *created_by;
    int64_t created_ns, touched_ns, started_ns, ended_ns;
    uint64_t version;
};

/* Without the look, for lists and live events; and with it. */
extern const struct store_noun store_imports, store_imports_whole;

/* id, customer_id, volume_id, name, size, options, source, created_by, created_ns */
int store_import_add(struct store *s, const struct scope *scope, const struct store_import *m,
                     struct al_fail *fail) AL_MUST_CHECK;
int store_import_get(struct store *s, const struct scope *scope, const char *id, struct al_arena *a,
                     struct store_import *ret, struct al_fail *fail) AL_MUST_CHECK;
/* More of the file is there; with a look it becomes ready. AL_ECONFLICT unless it is uploading and
 * at `from`. */
struct store_import_piece {
    uint64_t from, received;
    const char *look; /* NULL: not whole yet */
    const char *options;
    bool problem;
};
int store_import_received(struct store *s, const struct scope *scope, const char *id,
                          const struct store_import_piece *p, int64_t now_ns,
                          struct al_fail *fail) AL_MUST_CHECK;
/* Another look at the same file: ready, whatever it was. AL_ECONFLICT while uploading, running or
 * when its file is gone. */
int store_import_looked(struct store *s, const struct scope *scope, const char *id,
                        const char *options, const char *look, bool problem, int64_t now_ns,
                        struct al_fail *fail) AL_MUST_CHECK;
/* Running, from ready, failed or cancelled. AL_ECONFLICT otherwise, and when its look has a problem or
 * its file is gone. */
int store_import_run(struct store *s, const struct scope *scope, const char *id, int64_t now_ns,
                     struct al_fail *fail) AL_MUST_CHECK;
/* Asks for the end of one at work; cancels any other that is open, or waits for its turn. *ret_ended:
 * it is over. */
int store_import_cancel(struct store *s, const struct scope *scope, const char *id, int64_t now_ns,
                        bool *ret_ended, struct al_fail *fail) AL_MUST_CHECK;
struct store_import_progress {
    const char *phase;
    uint64_t bytes_done, rows, refused, rows_per_s;
};
/* Of a running one; no new version. The first sets started_ns: from then on it is at work. */
int store_import_progress(struct store *s, const struct scope *scope, const char *id,
                          const struct store_import_progress *p, int64_t now_ns,
                          struct al_fail *fail) AL_MUST_CHECK;
/* A running one is over; or one that never ran failed. code: a name of base/result.h; result: JSON object or NULL. */
struct store_import_end {
    enum store_import_state state;
    const char *code, *text, *result;
    uint64_t rows, refused;
};
int store_import_end(struct store *s, const struct scope *scope, const char *id,
                     const struct store_import_end *e, int64_t now_ns,
                     struct al_fail *fail) AL_MUST_CHECK;
/* AL_ECONFLICT while it is running. */
int store_import_del(struct store *s, const struct scope *scope, const char *id,
                     struct al_fail *fail) AL_MUST_CHECK;

/* What the limits are held against: bytes of files kept or promised, of one customer or ("") all;
 * and imports that are uploading or ready. still: of those, bytes that are yet to come. */
struct store_import_use {
    uint64_t bytes, still, open;
};
int store_import_use(struct store *s, const struct scope *scope, const char *customer_id,
                     struct store_import_use *ret, struct al_fail *fail) AL_MUST_CHECK;
/* Every running import, oldest first. */
int store_import_each_running(struct store *s, const struct scope *scope,
                              int (*each)(void *ctx, const char *id, const char *volume_id),
                              void *ctx, struct al_fail *fail) AL_MUST_CHECK;
/* Up to 64 whose file is kept and that nobody touched since before_ns, running ones aside. */
int store_import_each_old(struct store *s, const struct scope *scope, int64_t before_ns,
                          int (*each)(void *ctx, const char *id, bool open), void *ctx,
                          struct al_fail *fail) AL_MUST_CHECK;
/* Its file was removed. */
int store_import_dropped(struct store *s, const struct scope *scope, const char *id,
                         struct al_fail *fail) AL_MUST_CHECK;
/* Rows of imports that ended before that time, and whose files are gone, go; 64 at most. */
int store_import_prune(struct store *s, const struct scope *scope, int64_t before_ns,
                       struct al_fail *fail) AL_MUST_CHECK;

/* ---- the watched folder ---- */
/* The import made of this file of the volume's folder, as long as it lies there. AL_ENOENT. */
int store_import_of_source(struct store *s, const struct scope *scope, const char *volume_id,
                           const char *source, int64_t source_ns, uint64_t size, struct al_arena *a,
                           struct store_import *ret, struct al_fail *fail) AL_MUST_CHECK;
int store_import_source_moved(struct store *s, const struct scope *scope, const char *id,
                              struct al_fail *fail) AL_MUST_CHECK;
/* Each import whose file of the folder is taken to lie there still, and that is over. */
int store_import_each_left(struct store *s, const struct scope *scope,
                           int (*each)(void *ctx, const char *id, const char *source), void *ctx,
                           struct al_fail *fail) AL_MUST_CHECK;
/* Copies that a crash cut short: uploading, and from a folder. */
int store_import_each_cut(struct store *s, const struct scope *scope,
                          int (*each)(void *ctx, const char *id), void *ctx,
                          struct al_fail *fail) AL_MUST_CHECK;
/* The volume of that name of the customer of that name. AL_ENOENT. */
int store_volume_by_names(struct store *s, const struct scope *scope, const char *customer,
                          const char *volume, al_id ret, struct al_fail *fail) AL_MUST_CHECK;

/* ---- exports ---- */
struct store_export {
    al_id id, customer_id, volume_id, user_id;
    const char *name, *format;
    uint64_t rows, bytes;
    int64_t created_ns, expires_ns;
};
int store_export_add(struct store *s, const struct scope *scope, const struct store_export *x,
                     struct al_fail *fail) AL_MUST_CHECK;
int store_export_get(struct store *s, const struct scope *scope, const char *id, struct al_arena *a,
                     struct store_export *ret, struct al_fail *fail) AL_MUST_CHECK;
/* How many a user has. */
int store_export_count(struct store *s, const struct scope *scope, const char *user_id,
                       uint64_t *ret, struct al_fail *fail) AL_MUST_CHECK;
/* Takes one that expired away; AL_ENOENT: there is none. */
int store_export_expired(struct store *s, const struct scope *scope, int64_t now_ns, al_id ret,
                         struct al_fail *fail) AL_MUST_CHECK;

/* ---- costs: money in hundredths of a cent ---- */
#define STORE_CURRENCY_LEN 3
struct store_costs {
    char currency[STORE_CURRENCY_LEN + 1];
    bool has_primary, has_tier, has_recall;
    uint64_t primary_tb_month, tier_tb_month, recall_gb;
    uint64_t version; /* 1 until they were set */
};
/* What was never set: version 1 and nothing told. */
int store_costs_get(struct store *s, const struct scope *scope, const char *customer_id,
                    struct store_costs *ret, struct al_fail *fail) AL_MUST_CHECK;
/* raises version */
int store_costs_set(struct store *s, const struct scope *scope, const char *customer_id,
                    const struct store_costs *c, struct al_fail *fail) AL_MUST_CHECK;

/* ---- one file, and all rules of a volume ---- */
struct store_told { /* lent for the call */
    al_id id;
    int64_t at_ns;
    const char *actor_name, *act, *code;
    struct al_span detail; /* JSON object */
};
/* The events about one path of a volume, newest first, at most max. */
int store_event_each_of(struct store *s, const struct scope *scope, const char *volume_id,
                        struct al_span path, uint32_t max,
                        int (*each)(void *ctx, const struct store_told *e), void *ctx,
                        struct al_fail *fail) AL_MUST_CHECK;
/* Ids of all rules of a volume, those switched off too, in the order in which they decide. */
int store_rule_each_id(struct store *s, const struct scope *scope, const char *volume_id,
                       int (*each)(void *ctx, const char *id), void *ctx,
                       struct al_fail *fail) AL_MUST_CHECK;
/* Every volume, or one customer's, behind that id; at most max. */
int store_volume_each_after(struct store *s, const struct scope *scope, const char *after,
                            uint32_t max,
                            int (*each)(void *ctx, const char *id, const char *customer_id),
                            void *ctx, struct al_fail *fail) AL_MUST_CHECK;

#endif
