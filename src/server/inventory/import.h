/* import.h: inventories made by others, CSV or Parquet, into a volume's inventory.
 *
 *   file ─▶ inventory_import_look   what it seems to be: dialect, columns, what each means, sample rows
 *        └▶ inventory_import_run    ─▶ entries of the volume (one transaction) + a list of refused rows
 *
 * What an import means for what is known already:
 *   a path nobody knew          becomes an entry with INVENTORY_IMPORTED set in its flags
 *   known from an import only   is replaced by the row
 *   seen by a walk              stays as the walk saw it; the row's access time counts as evidence
 *                               "import" (inventory.h says which evidence wins)
 *   not in the file             IMPORT_REPLACE: goes if it was known from an import only;
 *                               IMPORT_ADD: stays
 * A later scan replaces what was imported by what is there, and keeps the imported evidence.
 *
 * Rows: a row that makes no sense (no path, a size that is none, a date that no calendar has) is refused
 * with its line and reason and counted; the others count. A file that is broken as a whole (cut gzip,
 * damaged Parquet, a record above IMPORT_RECORD_BYTES_MAX, no path column, more than
 * refused_percent_max refused) is refused whole and changes nothing.
 *
 * Bytes: paths are bytes; they need not be UTF-8. A path outside of `root` is refused. Folders that have no row of
 * their own are made. Memory does not grow with the file, but with its folders (some 250 bytes each,
 * INVENTORY_FOLDERS_MAX) and its largest record.
 *
 * Threads, scope and errors as in inventory.h. */
#ifndef ALTO_SERVER_INVENTORY_IMPORT_H
#define ALTO_SERVER_INVENTORY_IMPORT_H

#include "server/import/kinds.h"
#include "server/inventory/inventory.h"

/* Reads the beginning of the file. path: of a local file. AL_ECORRUPT with fail for what is no CSV or
 * Parquet at all. */
int inventory_import_look(struct inventory *inv, const char *path,
                          const struct import_options *options, struct al_arena *arena,
                          struct import_look *ret, struct al_fail *fail) AL_MUST_CHECK;

struct import_progress {
    uint64_t bytes_done, bytes_total; /* of the file as it lies there */
    uint64_t rows, refused;
    const char *phase; /* "reading", "folders", "entries", "committing" */
};
/* Called about four times a second from the thread that called run. Anything but AL_OK ends the
 * import, which then changed nothing, and is what run returns. */
typedef int import_progress_fn(void *ctx, const struct import_progress *p);

struct import_result {
    uint64_t rows, refused;
    uint64_t files, folders, others; /* of the rows */
    uint64_t bytes;
    uint64_t added, replaced, evidence,
        removed; /* entries: new; known from an import only; seen by a walk with newer evidence; gone by IMPORT_REPLACE */
    uint64_t folders_made; /* without a row of their own */
};
/* What is compressed or no UTF-8 is unpacked into `path`.unpacked meanwhile (import/unpack.h has the limit); a
 * kill leaves that file, the next run of the same path replaces it. Writers of the volume wait from the end of the
 * first pass (phase "entries") on. The list of refused rows is in the order of the file but for what the second
 * pass finds (paths that come twice), and whole only when the call returned.
 *
 * refused_path: where the list of refused rows goes, as CSV with header line,reason,column,text (made, replaced; its
 * folder is there). import_id: once it is in, the same id is AL_OK with the same result and changes
 * nothing. AL_EINVAL (options, no path column), AL_ECORRUPT (file), AL_ELIMIT (record, folders, too many
 * refused): fail says which line and what to do. */
int inventory_import_run(struct inventory *inv, const struct inventory_scope *scope,
                         const char *volume_id, const char *import_id, const char *path,
                         const struct import_options *options, const char *refused_path,
                         int64_t now_ns, import_progress_fn *progress, void *ctx,
                         struct import_result *ret, struct al_fail *fail) AL_MUST_CHECK;

#endif
