/* import.h: what imports and exports share.
 *
 *   DATA/imports/ID/content       as it came; bytes behind `received` are not there yet
 *   DATA/imports/ID/refused.csv   rows that made no sense
 *   DATA/exports/ID               a list somebody asked for
 *
 * An import's state stands in the store and nowhere else: whatever was running when altod ended is
 * run again under the same id, which the inventory makes once. */
#ifndef ALTO_SERVER_SERVICE_IMPORT_IMPORT_H
#define ALTO_SERVER_SERVICE_IMPORT_IMPORT_H

#include "server/inventory/import.h"
#include "server/service/work/work.h"
#include "server/store/import.h"

#define GIB (UINT64_C(1) << 30)
#define IMPORT_CHUNK_BYTES_MAX ((size_t)8 << 20) /* one piece of an upload: bounds memory */
#define IMPORT_BYTES_MAX (64 * GIB)              /* one import */
#define IMPORT_CUSTOMER_BYTES_MAX (256 * GIB)    /* kept and promised, of one customer */
#define IMPORT_ALL_BYTES_MAX (1024 * GIB)        /* of all */
#define IMPORT_OPEN_MAX 64u                      /* uploading or ready, of one customer */
#define IMPORT_DISK_FREE_MIN GIB                 /* stays free for the rest of altod */
#define IMPORT_NAME_BYTES_MAX 255u
#define IMPORT_KEPT_NS (INT64_C(7) * 86400 * 1000000000)  /* the file, since it was last used */
#define IMPORT_TOLD_NS (INT64_C(90) * 86400 * 1000000000) /* the row, after its end */
#define IMPORT_RUNS_MAX 2u                        /* at work at the same time; one per volume */
#define IMPORT_WRITES_MAX 64u                     /* pieces being written at the same time */
#define IMPORT_LOOK_BYTES_MAX ((size_t)128 << 10) /* a look as JSON: sample rows are left out */
#define IMPORT_ARENA_MAX ((size_t)32 << 20)
#define IMPORT_OPTIONS_BYTES_MAX ((size_t)64 << 10)
#define IMPORT_RATE_SAMPLES 8u /* rows a second: over the last so many tellings, two seconds */
#define EXPORT_KEPT_NS (INT64_C(3600) * 1000000000)
#define EXPORT_USER_MAX 16u /* kept at the same time, of one user */

/* ---- json.c ---- */
/* The object "options", or NULL: everything is guessed. Lent texts are of o. */
int import_options_read(const json_t *o, struct al_arena *a, struct import_options *ret,
                        struct al_fail *fail) AL_MUST_CHECK;
/* From the store's text; what it lends is of *ret_tree, which the caller frees. */
int import_options_parse(const char *text, struct al_arena *a, json_t **ret_tree,
                         struct import_options *ret, struct al_fail *fail) AL_MUST_CHECK;
void import_options_json(struct al_jsonout *j, const char *key, const struct import_options *o);
int import_options_text(const struct import_options *o, struct al_buf *out) AL_MUST_CHECK;
/* Looks at a file and appends what it saw. A file that is none (and options that do not fit) give a
 * look with a problem, which *ret_problem tells too. */
int import_look_text(struct service *s, const char *path, const struct import_options *o,
                     struct al_arena *a, struct al_buf *out, bool *ret_problem,
                     struct al_fail *fail) AL_MUST_CHECK;
int import_result_text(const struct import_result *r, struct al_buf *out) AL_MUST_CHECK;

/* ---- files.c ---- */
#define IMPORT_CONTENT "content"
#define IMPORT_REFUSED "refused.csv"
/* The folders, and what a crash left in them of nothing that is known. */
int import_files_open(struct service *s, struct al_fail *fail) AL_MUST_CHECK;
/* What lies there and nothing refers to goes, such as of a volume that was deleted. */
int import_files_sweep(struct service *s, struct store *db, int64_t now_ns) AL_MUST_CHECK;
/* "DATA/imports/ID" or, with a name, the file in it; in the arena, NULL on memory. */
char *import_path(struct service *s, struct al_arena *a, const char *id, const char *name);
char *export_path(struct service *s, struct al_arena *a, const char *id);
/* Room for so many bytes more than were promised already? AL_ENOSPC. promised: that are yet to come
 * of other uploads. */
int import_disk_room(struct service *s, uint64_t promised, uint64_t more,
                     struct al_fail *fail) AL_MUST_CHECK;
/* Writes a piece durably. whole: it is the last one, and the file ends with it. */
int import_piece_write(struct service *s, struct al_arena *a, const char *id, struct al_span piece,
                       uint64_t offset, bool whole, struct al_fail *fail) AL_MUST_CHECK;
/* The import's or export's files go; what is not there is fine. */
void import_files_drop(struct service *s, const char *id);
void export_file_drop(struct service *s, const char *id);
/* Fills the reply with a file. AL_ENOENT. */
int import_reply_file(struct service_req *req, struct service_reply *reply, const char *path,
                      const char *type, const char *name) AL_MUST_CHECK;

/* ---- make.c: what HTTP and the watched folder do alike ---- */
struct import_new {
    const char *volume_id, *customer_id, *name, *options; /* options: JSON */
    uint64_t size;
    const char *source; /* NULL: an upload */
    int64_t source_ns;
    const char *created_by;
};
/* Within the transaction: holds it against the limits, adds it, leaves the event. */
int import_make(struct work_tx *t, const struct import_new *n, al_id ret) AL_MUST_CHECK;
int import_event(struct work_tx *t, const struct store_import *m, const char *act, const char *code,
                 const char *text, const char *result) AL_MUST_CHECK;
void import_publish(struct service_worker *w, const char *customer_id, const char *id);

/* ---- run.c ---- */
/* Runs one that is running in the store, and writes its end. AL_ECANCELED: altod is stopping, the
 * next start takes it up. cancel is asked between two tellings. */
struct background;
int import_run_one(struct service_worker *w, struct background *b, size_t slot,
                   const char *id) AL_MUST_CHECK;

/* ---- watch.c: the folder that is watched ---- */
struct watch;
int watch_open(struct service *s, const char *dir, struct watch **ret,
               struct al_fail *fail) AL_MUST_CHECK;
struct watch *watch_close(struct watch *w);
/* One look at the whole folder; what has come to rest is taken. */
void watch_look(struct watch *x, struct service_worker *w, struct background *b);

/* ---- background.c: threads of their own for what takes long ----
 *
 *   IMPORT_RUNS_MAX runners    take what is running in the store, the longest waiting first, one a
 *                              volume
 *   one keeper                 the watched folder, and files whose time is over
 *
 * They start with the first tick: by then somebody else has opened a worker (service_open). */
int background_open(struct service *s, const char *import_dir, struct background **ret,
                    struct al_fail *fail) AL_MUST_CHECK;
void background_start(struct background *b);
/* Waits for them; an import under way ends at its next telling. */
struct background *background_close(struct background *b);
void background_wake(struct background *b);
/* An import at work shall end. */
void background_cancel(struct background *b, const char *id);
bool background_stopping(struct background *b);
bool background_cancelled(struct background *b, size_t slot);
/* One writer per import: false when somebody else is at it. */
bool background_write_begin(struct background *b, const char *id);
void background_write_end(struct background *b, const char *id);

#endif
