/* import_priv.h: what the files of an import share.
 *
 *   first pass    every row read and judged; folders numbered (struct import_folders), owners, the list of
 *                 refused rows
 *   second pass   the rows that were good, as a table of DuckDB ─▶ entry_new
 *
 * A CSV file is cut into pieces that DuckDB's threads take one after the other; a Parquet file's rows come
 * through a function of ours, from DuckDB's own reader. */
#ifndef ALTO_SERVER_INVENTORY_IMPORT_PRIV_H
#define ALTO_SERVER_INVENTORY_IMPORT_PRIV_H

#include "server/import/look.h"
#include "server/inventory/import.h"
#include "server/inventory/access_priv.h"

#define IMPORT_PIECE_BYTES ((size_t)4 << 20)
#define IMPORT_OWNERS_MAX 1000000u /* names of one list */
#define IMPORT_OWNER_FIRST                                                                         \
    3221225472u /* the number of the first name that has none: no host gives such */
#define IMPORT_NEAR_OWNERS 64u
#define IMPORT_NEAR_OWNER_BYTES 59u
#define IMPORT_SEEN_SLOTS_MAX (UINT64_C(1) << 25) /* 128 MiB: lists of up to 25,000,000 rows */
#define IMPORT_REFUSED_TEXT_MAX 256u /* bytes of the value that was refused, in the list */

/* ---- import_folders.c: paths of folders → numbers ---- */
struct import_folder {
    uint64_t hash; /* of the path */
    uint64_t name_at;
    uint32_t name_len, path_len;
    uint32_t parent, next_same; /* index; 0: none */
    bool has_row;               /* a row of its own; atomic */
};
struct import_folders { /* 1: the root */
    port_mutex lock;    /* of the first pass */
    struct import_folder *all;
    uint32_t count, cap; /* index 0 unused; count: the next one */
    uint32_t *table;
    uint32_t table_mask;
    uint8_t *names;
    uint64_t names_len, names_cap;
};
int import_folders_begin(struct import_folders *f) AL_MUST_CHECK;
void import_folders_end(struct import_folders *f);
/* One thread's last folder: lists have rows of a folder one after the other. */
struct import_folder_near {
    uint8_t *path; /* IMPORT_PATH_BYTES_MAX */
    size_t len;
    uint32_t index; /* 0: none yet */
    struct {        /* owners that came lately; len 0: none */
        uint32_t uid;
        uint8_t len, name[IMPORT_NEAR_OWNER_BYTES];
    } owners[IMPORT_NEAR_OWNERS];
};
int import_near_begin(struct import_folder_near *n) AL_MUST_CHECK;
void import_near_end(struct import_folder_near *n);
/* The folder of this path, made with those it lies in if it is not there. AL_ELIMIT: INVENTORY_FOLDERS_MAX. */
int import_folder_make(struct import_folders *f, struct import_folder_near *near,
                       struct al_span path, bool has_row) AL_MUST_CHECK;
/* 0: not there. Of the second pass: without the lock. */
uint32_t import_folder_find(const struct import_folders *f, struct import_folder_near *near,
                            struct al_span path);

/* ---- import_owners.c ---- */
struct import_owner {
    uint64_t name_at;
    uint32_t name_len, uid, next_same;
    bool is_new; /* the volume had no number for it */
};
struct import_owners {
    port_mutex lock;
    struct import_owner *all;
    uint32_t count, cap; /* index 0 unused */
    uint32_t *table;
    uint32_t table_mask, next_uid;
    uint8_t *names;
    uint64_t names_len, names_cap;
};
int import_owners_begin(struct import_owners *o) AL_MUST_CHECK;
void import_owners_end(struct import_owners *o);
/* Of the first pass. AL_ELIMIT: IMPORT_OWNERS_MAX. */
int import_owner_make(struct import_owners *o, struct al_span name) AL_MUST_CHECK;
/* Between the passes: those that the volume knows, then numbers for the others. */
void import_owner_known(struct import_owners *o, struct al_span name, uint32_t uid);
void import_owners_number(struct import_owners *o);
uint32_t import_owner_find(const struct import_owners *o, struct al_span name); /* its uid */

/* ---- import_refused.c: the list of refused rows ---- */
struct import_refused {
    struct port *port;
    const char *path;
    struct port_file *file;
    port_mutex lock;
    uint64_t at, kept, count;
    int rc; /* first failure */
};
int import_refused_begin(struct import_refused *r, struct port *port, const char *path,
                         struct al_fail *fail) AL_MUST_CHECK;
int import_refused_restart(struct import_refused *r) AL_MUST_CHECK; /* empty again */
int import_refused_finish(struct import_refused *r) AL_MUST_CHECK;  /* flushed and closed */
void import_refused_end(struct import_refused *r);
/* One line, appended. Its number is relative, and made absolute by import_refused_add. */
struct import_refused_line {
    uint64_t line;
    const char *reason, *column; /* column NULL: the row */
    struct al_span text;
};
int import_refused_format(const struct import_refused_line *l, struct al_buf *out) AL_MUST_CHECK;
/* Lines of a piece (struct import_held), their numbers made absolute with base. */
int import_refused_add(struct import_refused *r, uint64_t base, struct al_span held,
                       uint64_t count) AL_MUST_CHECK;
/* In a piece's buffer: u64 line, then the rest of the formatted line with its line end. */
int import_refused_hold(struct al_buf *held, const struct import_refused_line *l) AL_MUST_CHECK;

/* ---- import_seen.c: paths that come twice ---- */
struct import_seen {
    uint32_t *slots; /* NULL: more rows than it is for */
    uint64_t mask;
    uint64_t twice; /* rows that look like one before; atomic */
};
struct import_entry;
int import_seen_begin(struct import_seen *s, uint64_t rows) AL_MUST_CHECK;
void import_seen_end(struct import_seen *s);
uint64_t import_seen_hash(const struct import_entry *e);
void import_seen_add(struct import_seen *s, const uint64_t *hashes, size_t count);

/* ---- the job ---- */
struct import_piece {
    uint64_t from, to;          /* bytes of the file: its first record, behind its last */
    uint64_t lines, first_line; /* first_line when all before it are done */
    bool done;
};
struct import_counts { /* of good rows */
    uint64_t rows, refused, files, folders, others, bytes;
};
struct import_job {
    struct inventory *inv;
    struct import_plan plan;
    struct import_plan judged; /* Parquet: of the columns that this pass reads */
    uint64_t block_bytes;
    bool parquet, second; /* second: the second pass */
    struct import_folders folders;
    struct import_owners owners;
    struct import_refused refused;
    struct inv_source source; /* .tree; what alto_map looks at */
    /* CSV */
    struct port_file *file;
    uint64_t file_bytes;
    struct import_piece *pieces;
    uint64_t piece_count;
    uint64_t next;            /* piece to be taken; atomic */
    uint64_t made;            /* folder to be looked at; of alto_import_made; atomic */
    bool one_after_the_other; /* pieces begin where those before end */
    /* The fields below under lock. */
    port_mutex lock;
    struct al_buf *held; /* refused lines of pieces that wait for those before them */
    uint64_t *held_count;
    uint64_t flushed; /* pieces whose lines are written */
    bool misfit;      /* a piece did not begin where the one before ended */
    struct import_counts counts;
    struct al_fail fail;
    int rc; /* first failure */
    /* for progress; atomic */
    uint64_t bytes_seen, rows_seen, refused_seen;
    bool cancel;
    /* Parquet: how the arguments of alto_import_row lie; column names for the list */
    enum import_field args[IMPORT_FIELDS];
    size_t arg_count;
    const char *column_names[IMPORT_FIELDS];
    uint64_t noted[8]; /* by alto_import_note; atomic */
    struct import_seen seen;
    bool gathers; /* the second pass gathers its rows: nothing else becomes an entry */
    struct inv_gather gather;
};
int import_job_fail(struct import_job *j, int rc, const char *format, ...) AL_PRINTF(3, 4);
bool import_job_stops(struct import_job *j);
/* A good row of the first pass: its folder, its owner. */
int import_first_pass_row(struct import_job *j, struct import_folder_near *near,
                          const struct import_row *row) AL_MUST_CHECK;
/* What the second pass makes of a row; false: it has no entry (the root). */
struct import_entry {
    uint32_t folder; /* number in the tree */
    struct al_span name;
    uint8_t type;
    uint64_t line;
    uint32_t uid;
    const struct import_row *row;
};
bool import_second_pass_row(struct import_job *j, struct import_folder_near *near,
                            const struct import_row *row, uint64_t line, struct import_entry *ret);

/* ---- import_source.c ---- */
#define IMPORT_ENTRY_COLUMNS                                                                       \
    "folder, name, ext, type, flags, attrs, mode, uid, gid, nlink, ino, size, allocated, "         \
    "mtime_ns, ctime_ns, btime_ns, accessed_ns"

/* ---- import_put.c: entries into vectors of DuckDB ---- */
enum { IMPORT_COLUMNS_OUT = 18 };
extern const struct import_out_column {
    const char *name;
    duckdb_type type;
} import_out_columns[IMPORT_COLUMNS_OUT]; /* those of entry, and line */
struct import_out {
    duckdb_vector vectors[IMPORT_COLUMNS_OUT];
    void *data[IMPORT_COLUMNS_OUT];
    uint64_t *valid[IMPORT_COLUMNS_OUT]; /* of times; NULL: never unknown */
};
void import_out_begin(struct import_out *o, duckdb_vector (*vector)(void *ctx, uint64_t i),
                      void *ctx);
/* The first `rows` rows of what was put. */
void import_out_gather(struct import_job *j, const struct import_out *o, uint64_t rows);
void import_put(const struct import_job *j, const struct import_out *o, uint64_t row,
                const struct import_entry *e);

/* ---- import_csv.c: pieces ---- */
int import_pieces_make(struct import_job *j) AL_MUST_CHECK;
struct import_reader { /* one thread's place in the file */
    uint8_t *buffer, *scratch;
    struct import_folder_near near;
    uint8_t *at, *end, *stop; /* records that begin before stop are this piece's */
    uint64_t piece, line;
    bool reading, last;
};
int import_reader_begin(struct import_reader *r) AL_MUST_CHECK;
void import_reader_end(struct import_reader *r);
/* The first pass over the next piece. *ret_end: there is none. */
int import_first_pass(struct import_job *j, struct import_reader *r, bool *ret_end) AL_MUST_CHECK;
/* The next good row of the second pass, across pieces. */
int import_next_row(struct import_job *j, struct import_reader *r, struct import_row *ret,
                    uint64_t *ret_line, bool *ret_end) AL_MUST_CHECK;

/* ---- import_parquet.c ---- */
int import_parquet_look(struct inventory *inv, struct inv_conn *c, const char *path,
                        const struct import_options *options, struct al_arena *arena,
                        struct import_look *ret, struct import_plan *ret_plan,
                        struct al_fail *fail) AL_MUST_CHECK;
/* "read_parquet('...', file_row_number = true)" and the arguments of alto_import_row behind the slot and
 * the number. The first pass leaves out what the file itself says to be in range. */
int import_parquet_sql(struct import_job *j, struct inv_conn *c, const char *path,
                       const struct import_look *look, struct inv_sql *from, struct inv_sql *args,
                       struct al_fail *fail) AL_MUST_CHECK;

/* ---- import_run.c: statements that take long ---- */
struct import_running {
    struct inventory *inv;
    struct import_job *job;
    import_progress_fn *progress;
    void *ctx;
    struct import_progress told;
    uint64_t work_total; /* what job.bytes_seen counts up to, both passes together */
};
/* Runs it on a thread of its own, tells progress meanwhile. The job's failure wins over DuckDB's. */
int import_run_sql(struct import_running *r, struct inv_conn *c, const char *sql) AL_MUST_CHECK;
int import_tell(struct import_running *r) AL_MUST_CHECK;

/* ---- import_build.c: the entries; import_tables.c: what lies beside them ---- */
struct import_build {
    struct inv_use *u;
    struct import_job *job;
    struct import_running *running;
    unsigned job_slot, map_slot;
    const char *from; /* SQL: what gives the rows of the second pass */
    enum import_mode mode;
    int64_t known;              /* entries before */
    char came[INV_CAME_SQL];    /* of what nobody told of */
    char stage[AL_ID_LEN + 24]; /* table of the rows: of the next file, or of the stage */
    struct import_result *result;
};
int import_build_tree(struct import_build *b) AL_MUST_CHECK;
int import_build_entries(struct import_build *b) AL_MUST_CHECK;
int import_build_tables(struct import_build *b, const char *import_id,
                        int64_t now_ns) AL_MUST_CHECK;
/* The result of this import, if it is in. */
int import_known_result(struct inv_use *u, const char *import_id, bool *ret_is,
                        struct import_result *ret) AL_MUST_CHECK;

#endif
