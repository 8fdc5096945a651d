/* look.h: what a list seems to be, from its beginning and from windows into the rest of it. Everything a look
 * gives lies in its arena, plans borrow from it. One thread at a time. */
#ifndef ALTO_SERVER_IMPORT_LOOK_H
#define ALTO_SERVER_IMPORT_LOOK_H

#include "server/import/rows.h"
#include "server/import/unpack.h"

#define IMPORT_LOOK_HEAD_BYTES ((size_t)2 << 20)    /* read whole; more than one record */
#define IMPORT_LOOK_WINDOW_BYTES ((size_t)32 << 10) /* each of the pieces of the rest */
#define IMPORT_LOOK_WINDOWS 64u
#define IMPORT_LOOK_STREAM_BYTES (UINT64_C(64) << 20) /* of a packed file: unpacked for the look */
#define IMPORT_LOOK_ROWS 500u /* of the head: what columns are guessed from */

struct import_sample {   /* zero it first */
    struct al_buf bytes; /* head, then the windows */
    size_t head_len;
    bool head_whole; /* the head is all of it */
    size_t window_at[IMPORT_LOOK_WINDOWS], window_len[IMPORT_LOOK_WINDOWS], windows;
    uint64_t file_bytes, plain_about; /* of the file, and of it unpacked and recoded, about */
    enum import_compression compression;
    enum import_encoding encoding;
    unsigned bom;
    bool is_parquet;
};
void import_sample_free(struct import_sample *s);
/* Reads it. The formats that options name are not looked for. AL_ECORRUPT with fail. */
int import_sample_read(struct port *port, struct port_file *file,
                       const struct import_options *options, struct import_sample *ret,
                       struct al_fail *fail) AL_MUST_CHECK;

/* Rows as cells, whoever read them. */
struct import_table {
    struct al_span *names; /* NULL: there is no header */
    size_t columns;
    struct al_span **rows;
    size_t row_count;
    const char *const
        *typed; /* Parquet: how a column's type is read, NULL: as text; NULL: all as text */
};
/* Columns, dates, root: fills what the plan and the look do not have yet. `paths` (may be NULL) gives more
 * paths for the root, one a call until it answers false. */
typedef bool import_paths_fn(void *ctx, struct al_span *ret_path, bool *ret_is_folder);
int import_guess_columns(const struct import_table *t, const struct import_options *options,
                         import_paths_fn *paths, void *paths_ctx, struct al_arena *arena,
                         struct import_look *io_look, struct import_plan *io_plan) AL_MUST_CHECK;
/* Of a sample that is no Parquet. *io_sample may be recoded. AL_ECORRUPT with fail: no list at all. */
int import_guess_csv(struct import_sample *io_sample, const struct import_options *options,
                     struct al_arena *arena, struct import_look *ret_look,
                     struct import_plan *ret_plan, struct al_fail *fail) AL_MUST_CHECK;

#endif
