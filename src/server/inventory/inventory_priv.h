/* inventory_priv.h: what the files of this folder share. DuckDB's types stay below db.c's small
 * layer where they can. */
#ifndef ALTO_SERVER_INVENTORY_INVENTORY_PRIV_H
#define ALTO_SERVER_INVENTORY_INVENTORY_PRIV_H

#include <duckdb.h>

#include "base/list.h"
#include "port/thread.h"
#include "server/inventory/access.h"
#include "server/inventory/figures.h"
#include "server/inventory/inventory.h"

/* What a host may say of an entry: that it is known from an import is not for it to say. */
#define INV_WIRE_FLAGS (ENTRY_FLAGS_MASK & ~INVENTORY_IMPORTED)
#define INV_FORMAT                                                                                 \
    5 /* of a volume's file; an older one is made this when opened, a newer one is refused */
#define INV_SQL_MAX                                                                                \
    (16u                                                                                           \
     << 20) /* bytes of one statement: a rule of RULE_TEXT_BYTES_MAX with earlier rules,       \
                   escaped */
#define INV_SLOTS_MAX 4096u /* rules and merges lent to DuckDB's functions at one time */
/* Changes lie in the log up to this size before they are worked into the file, which writes every part anew that
 * one of them touches: a batch of outcomes all over a volume touches them all. Read again after a crash. */
#define INV_LOG_BYTES_MAX "64MiB"
#define INV_LOG_ALL "1024GiB"   /* of a next file, which is closed at once */
#define INV_CONNECTIONS_MAX 64u /* idle ones kept */

struct inv_conn {
    struct al_list link; /* idle, or with a time limit; under inventory.lock */
    duckdb_connection con;
    int64_t until_ns; /* monotonic; 0: none. Under inventory.lock */
    bool late;        /* atomic: that is over */
};

/* Sums that stand at INT64_MAX are none any more, and stay there: DuckDB's are signed. a and b are at most that. */
static inline uint64_t
inv_plus(uint64_t a, uint64_t b)
{
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

/* What tally.c counts. */
#define INV_BUCKETS_MAX 16u
struct inv_counts {
    uint64_t files, bytes, stub_files, stub_bytes;
};
struct inv_tallied {
    struct inv_counts age[INV_BUCKETS_MAX], modified[INV_BUCKETS_MAX], size[INV_BUCKETS_MAX];
    struct inventory_totals totals; /* of these rows: no unreadable, no scan */
    uint64_t unknown_files, unknown_bytes, imported, evidence[INVENTORY_SOURCES];
};

/* One volume's file. Attached under the name "v_<id>". */
struct inv_volume {
    struct al_list link; /* in inventory.volumes, most recently used last */
    al_id id;
    al_id customer_id;
    bool busy;        /* one thread opens or closes it, without the lock; under inventory.lock */
    unsigned uses;    /* calls that work with it; under inventory.lock */
    unsigned waiting; /* of these: writers that wait for another; under inventory.lock */
    unsigned round;   /* of inv_hold; under inventory.lock */
    unsigned before;  /* uses that began before this round and are not over; under inventory.lock */
    bool holds;       /* inv_hold is at work; under inventory.lock */
    bool
        spoiled; /* a commit failed: opened anew before anybody else uses it; under inventory.lock */
    uint64_t block_bytes;
    port_mutex write; /* held by a writer for its whole transaction; then inv_volume.lock may be
                         taken, never the other way */
    port_mutex lock;  /* the fields below */
    uint64_t version;
    bool totals_known;
    struct inventory_totals totals;
    uint64_t tallied_version; /* tallied is of all entries at this version; 0: of none */
    struct inv_tallied tallied;
    struct inventory_coverage coverage;
    int64_t told_kept_ns; /* its told_ns in the file */
    bool due;             /* what waits is to be tried: a scan or an import ended */
    al_id scan_id;        /* under way; "" none */
    uint64_t scan_applied;
};

/* ---- cache.c ---- */
struct inv_page {
    struct al_list link; /* in the cache, most recently used last */
    struct inv_page *next_same;
    uint64_t hash;
    uint8_t *key;
    size_t key_len;
    unsigned refs; /* under the cache's lock */
    size_t bytes;
    struct inventory_row *rows;
    size_t count, row_cap;
    struct al_buf text; /* the paths */
    char *next_cursor;  /* NULL: none */
    uint64_t total;
};
struct inv_cache {
    port_mutex lock;
    struct al_list pages;
    struct inv_page **table;
    uint64_t bytes, bytes_max;
};
int inv_cache_begin(struct inv_cache *c, uint64_t bytes_max) AL_MUST_CHECK;
void inv_cache_end(struct inv_cache *c);
struct inv_page *inv_cache_get(struct inv_cache *c,
                               struct al_span key); /* inv_page_done it; NULL: not there */
void inv_cache_put(struct inv_cache *c, struct al_span key,
                   struct inv_page *p);                   /* a finished page, once */
struct inv_page *inv_page_new(size_t rows) AL_MUST_CHECK; /* NULL on memory */
int inv_page_add(struct inv_page *p, const struct inventory_row *row) AL_MUST_CHECK;
void inv_page_end(struct inv_page *p); /* lets the rows point at their text */
void inv_page_done(struct inv_cache *c, struct inv_page *p);

struct inventory {
    struct port *port;
    struct al_log *log;
    char *dir;
    unsigned attached_max;
    uint32_t moves_max, unplaced_max, touches_max;
    duckdb_database db;
    struct port_thread clock; /* ends what is over its time (limit.c) */
    bool clock_runs;
    port_mutex lock;      /* the fields below */
    struct al_list timed; /* inv_conn at work with a time limit */
    port_cond clock_wake;
    bool closing;
    struct al_list idle; /* inv_conn */
    unsigned idle_count;
    struct al_list volumes;
    unsigned volume_count;
    uint64_t versions; /* the last version given to any volume */
    port_cond settled; /* a volume is busy no more, or gone */
    /* Apart from the lock above, which is never taken inside of a call of DuckDB: its functions ask
     * for slots while it holds locks. */
    port_mutex slot_lock;
    const void *slots[INV_SLOTS_MAX]; /* see inv_lend */
    struct inv_cache cache;
};

/* ---- db.c ---- */
int inv_connect(struct inventory *inv, struct inv_conn **ret) AL_MUST_CHECK; /* from the pool */
struct inv_conn_of {
    struct inventory *inv;
    struct inv_conn *conn;
};
void inv_disconnect(struct inv_conn_of *c); /* for AL_CLEANUP; no transaction may be open */

/* Runs one statement and forgets its rows. */
int inv_run(struct inventory *inv, struct inv_conn *c, const char *sql) AL_MUST_CHECK;
int inv_runf(struct inventory *inv, struct inv_conn *c, const char *format, ...)
    AL_PRINTF(3, 4) AL_MUST_CHECK;
/* The same for one statement that reads much, on all threads: the caller sleeps while it has no part in it. */
int inv_run_long(struct inventory *inv, struct inv_conn *c, const char *sql) AL_MUST_CHECK;
int inv_runf_long(struct inventory *inv, struct inv_conn *c, const char *format, ...)
    AL_PRINTF(3, 4) AL_MUST_CHECK;
int inv_error(struct inventory *inv, duckdb_error_type type,
              const char *text); /* the code of a failure of DuckDB; logs it at debug */

/* The rows of a query. Columns are asked by number; integers of every width through inv_num. */
struct inv_rows {
    struct inventory *inv;
    const struct inv_conn *conn;
    duckdb_result result;
    duckdb_data_chunk chunk;
    uint64_t at, count; /* row in chunk */
    bool started, open;
};
#define INV_ROWS(name) AL_CLEANUP(inv_rows_end) struct inv_rows name = {0}
/* big: rows are made while they are read, so that not all are in memory at once. */
int inv_query(struct inventory *inv, struct inv_conn *c, const char *sql, bool big,
              struct inv_rows *ret) AL_MUST_CHECK;
int inv_next(struct inv_rows *r, bool *ret_end) AL_MUST_CHECK;
void inv_rows_end(struct inv_rows *r);
bool inv_null(const struct inv_rows *r, unsigned column);
int64_t inv_num(const struct inv_rows *r, unsigned column); /* NULL: 0 */
struct al_span inv_bytes(const struct inv_rows *r,
                         unsigned column); /* NULL: .at NULL; until inv_next */
void inv_id(const struct inv_rows *r, unsigned column, al_id out); /* NULL or not an id: "" */
/* The first column of the only row. AL_ECORRUPT when there is none. */
int inv_one(struct inventory *inv, struct inv_conn *c, const char *sql, int64_t *ret) AL_MUST_CHECK;

/* SQL text: first failure stays in rc, as AL_ENOMEM or AL_ELIMIT. */
struct inv_sql {
    struct al_buf text;
    int rc;
};
void inv_sql_free(struct inv_sql *s);
#define INV_SQL(name) AL_CLEANUP(inv_sql_free) struct inv_sql name = {.text = {.max = INV_SQL_MAX}}
void inv_put(struct inv_sql *s, const char *format, ...) AL_PRINTF(2, 3);
void inv_put_text(struct inv_sql *s, const char *text); /* as it is */
void inv_put_blob(struct inv_sql *s, struct al_span bytes);
/* Whether the column is `before`, the text as it stands, `after`: those two are parts of a glob. ASCII
 * case ignored. */
void inv_put_glob(struct inv_sql *s, const char *column, const char *before, struct al_span text,
                  const char *after);

/* Things lent to DuckDB's functions go by number, since a pointer cannot go through SQL. AL_ELIMIT
 * when all slots are taken. */
int inv_lend(struct inventory *inv, const void *thing, unsigned *ret_slot) AL_MUST_CHECK;
void inv_take_back(struct inventory *inv, unsigned slot);
const void *inv_lent(struct inventory *inv, uint64_t slot); /* NULL: nothing there */

/* ---- limit.c ---- */
int inv_clock_start(struct inventory *inv) AL_MUST_CHECK;
void inv_clock_end(struct inventory *inv);
/* From now on what runs on c ends with AL_ETIMEDOUT when limit_ns is over, until inv_limit_end. */
void inv_limit_begin(struct inventory *inv, struct inv_conn *c, int64_t limit_ns);
void inv_limit_end(struct inventory *inv, struct inv_conn *c); /* none was begun: fine */
bool inv_late(const struct inv_conn *c);

/* ---- register.c: how a function of ours becomes one of DuckDB's ---- */
/* The thing lent under the first parameter becomes the bind data; NULL: there is none, and it is
 * said. */
void *inv_bind_lent(duckdb_bind_info info);
void inv_add_column(duckdb_bind_info info, const char *name, duckdb_type type);
/* Of one parameter, a slot. local_init may be NULL. */
int inv_register_table(struct inventory *inv, struct inv_conn *c, const char *name,
                       duckdb_table_function_bind_t bind, duckdb_table_function_init_t init,
                       duckdb_table_function_init_t local_init,
                       duckdb_table_function_t function) AL_MUST_CHECK;
/* how: a NULL argument is a call too, not a NULL result; each row is a call, never fewer; any
 * arguments may follow. */
#define INV_SEES_NULLS 1u
#define INV_COUNTS_CALLS 2u
#define INV_ANY_MORE 4u
int inv_register_scalar(struct inventory *inv, struct inv_conn *c, const char *name,
                        const duckdb_type *types, size_t count, duckdb_type back, unsigned how,
                        duckdb_scalar_function_t function) AL_MUST_CHECK;
/* The same; back is taken over. */
int inv_register_scalar_to(struct inventory *inv, struct inv_conn *c, const char *name,
                           const duckdb_type *types, size_t count, duckdb_logical_type back,
                           unsigned how, duckdb_scalar_function_t function) AL_MUST_CHECK;

/* ---- functions.c, source.c: what DuckDB may call ---- */
struct inv_lent_rule {
    const struct rule *rule;
    int64_t now_ns;
    const struct inv_conn *conn; /* whose time limit ends it */
};
/* A rule as SQL over the columns dir (the folder's path and '/'), path, name, ext, ... : what rule_sql narrows, and where that is
 * wider, rule_match besides. Stays where it is while a query uses it, since DuckDB calls back. */
struct inv_rule_sql {
    struct inventory *inv;
    char *text; /* NULL: none */
    struct inv_lent_rule lent;
    unsigned slot;
    bool is_lent;
};
int inv_rule_sql_make(struct inventory *inv, const struct inv_conn *conn, const struct rule *rule,
                      int64_t now_ns, struct inv_rule_sql *r) AL_MUST_CHECK;
void inv_rule_sql_end(struct inv_rule_sql *r);
int inv_functions_register(struct inventory *inv, struct inv_conn *c) AL_MUST_CHECK;
int inv_sources_register(struct inventory *inv, struct inv_conn *c) AL_MUST_CHECK;
int inv_imports_register(struct inventory *inv, struct inv_conn *c) AL_MUST_CHECK;

/* ---- instance.c ---- */
void inv_volume_free(struct inventory *inv, struct inv_volume *v); /* under inventory.lock */

/* ---- volume.c ---- */
struct inv_use { /* one call's hold on a volume */
    struct inventory *inv;
    struct inv_volume *volume;
    struct inv_conn *conn;
    bool writing;
    unsigned round;   /* of the volume, when it began */
    bool open;        /* a transaction; rolled back at the end */
    bool next, stage; /* attached; taken away at the end */
};
/* The rows of a table of the volume's file, at most 63 letters of name. */
int inv_count(struct inv_use *u, const char *table, int64_t *ret) AL_MUST_CHECK;
#define INV_USE(name) AL_CLEANUP(inv_use_end) struct inv_use name = {0}
/* Finds the volume, checks the scope, takes a connection; with writing waits for the other writers.
 */
int inv_use_begin(struct inventory *inv, const struct inventory_scope *scope, const char *volume_id,
                  bool writing, struct inv_use *ret) AL_MUST_CHECK;
void inv_use_end(struct inv_use *u);
int inv_begin(struct inv_use *u) AL_MUST_CHECK;
int inv_commit(struct inv_use *u) AL_MUST_CHECK; /* then the volume has a new version */
void inv_changed(struct inv_use *u);
uint64_t inv_version(struct inv_use *u);
/* dir/<volume id>.scan, and below it the scan's folder; al_free. */
char *inv_scan_path(const struct inventory *inv, const char *volume_id, const char *scan_id);
int inv_remove_scans(struct inventory *inv, const char *volume_id,
                     const char *except_scan_id) AL_MUST_CHECK;

/* Waits until nobody else uses the volume and keeps it so until inv_let_go. For a writer. */
void inv_hold(struct inv_use *u);
void inv_let_go(struct inv_use *u, bool spoiled);

/* ---- file.c: a volume's file, and the next one, which takes its place ----
 * Each is attached as "<letter>_<volume id>". */
#define INV_NOW 'v'
#define INV_NEXT 'n'
#define INV_STAGE 's'
/* Finishes a change of files that a crash cut, and removes what was not whole. Before the volume is attached. */
int inv_file_settle(struct inventory *inv, const char *volume_id) AL_MUST_CHECK;
int inv_file_find(struct inventory *inv, const char *volume_id) AL_MUST_CHECK; /* AL_ENOENT */
int inv_file_make(struct inventory *inv, struct inv_conn *c, const struct inventory_scope *scope,
                  const char *volume_id, uint64_t block_bytes) AL_MUST_CHECK;
int inv_file_attach(struct inventory *inv, struct inv_conn *c, const char *volume_id) AL_MUST_CHECK;
int inv_file_detach(struct inventory *inv, struct inv_conn *c, const char *volume_id) AL_MUST_CHECK;
int inv_file_remove(struct inventory *inv, struct inv_conn *c, const char *volume_id) AL_MUST_CHECK;
/* A new file with the volume's tables, of which meta, stream, owner, day and import have their rows already, and a
 * transaction in which it can be filled and the old one read. One open before ends. For a writer. */
int inv_next_begin(struct inv_use *u) AL_MUST_CHECK;
/* Commits it and puts it in the old one's place. Fails before, with nothing changed, or after, with the volume to be
 * opened anew, which then finds what is whole. */
int inv_next_commit(struct inv_use *u) AL_MUST_CHECK;
/* A file for rows on their way, and a transaction; inv_next_begin ends it. */
int inv_stage_begin(struct inv_use *u) AL_MUST_CHECK;
void inv_next_drop(struct inv_use *u); /* removes what was begun and is not committed */

/* ---- scan.c ---- */
/* Which scan is under way. For writers: nobody else changes it meanwhile. */
void inv_set_scan(struct inv_use *u, const char *scan_id, uint64_t applied);
bool inv_scan_is(struct inv_use *u, const char *scan_id, uint64_t *ret_applied);
/* Whether the tables are what this scan made of them: it ended last, and no list came in since. */
int inv_scan_followed(struct inv_use *u, const char *scan_id, bool *ret) AL_MUST_CHECK;

/* ---- tree.c: the folders of a scan ---- */
struct inv_node {
    uint32_t parent;      /* index of the parent; 0: none (root, or not connected). Until
                             inv_tree_connect: the scan's id of it */
    uint32_t first_child; /* index */
    uint32_t next_child;
    uint32_t next_same; /* chain of the hash table */
    uint32_t id;        /* 1 ... in preorder; 0: not below the root */
    uint32_t last;      /* greatest id below it */
    uint32_t name_len;
    uint32_t flags;   /* enum entry_flag */
    uint64_t name_at; /* into names */
    bool listed, keep, unchanged;
    bool known; /* a folder from before */
    uint64_t path_len;
    uint64_t files, bytes; /* own at first, then with all below */
};
struct inv_late { /* an entry that is a folder: has it a folder record? */
    uint64_t scan_id;
    uint64_t name_at;
    uint32_t name_len;
    uint32_t flags;
};
struct inv_owner {
    uint32_t uid;
    uint32_t name_len;
    uint64_t name_at;
};
struct inv_tree {
    struct inv_node *nodes; /* index 0 unused */
    uint32_t count, cap;
    uint32_t root;
    uint32_t *table; /* hash of (parent, name) → index */
    uint32_t table_mask;
    uint32_t *by_scan_id; /* a scan's folder id → index */
    uint64_t scan_id_cap;
    uint32_t *by_id;   /* our id → index */
    uint32_t id_count; /* ids 1 ... id_count */
    uint8_t *names;
    uint64_t names_len, names_cap;
    struct inv_owner *owners;
    uint32_t owner_count, owner_cap;
    struct inv_late *late; /* folder entries whose folder record may be still to come */
    uint64_t late_count, late_cap;
    uint32_t *map; /* old folder id → index, 0: gone */
    uint32_t map_cap;
    uint64_t unreadable;
    uint64_t unchanged; /* left alone by the scan, and what is known below */
};
void inv_tree_free(struct inv_tree *t);
int inv_tree_record(struct inv_tree *t, const struct entry_record *r) AL_MUST_CHECK;
/* Connects the folders. AL_ENODATA without a root. */
int inv_tree_connect(struct inv_tree *t) AL_MUST_CHECK;
/* A folder known from before, parents first: maps it to what the scan has, or keeps it where the
 * scan could not look. */
int inv_tree_known(struct inv_tree *t, uint32_t old_id, uint32_t old_parent,
                   struct al_span name) AL_MUST_CHECK;
/* The same; stays: it is kept also where the scan looked and it was not there. */
int inv_tree_stays(struct inv_tree *t, uint32_t old_id, uint32_t old_parent, struct al_span name,
                   bool stays) AL_MUST_CHECK;
/* A folder that inv_tree_stays was told of and that could not be read before: it stays so where it was left alone. */
void inv_tree_unread(struct inv_tree *t, uint32_t old_id);
int inv_tree_number(struct inv_tree *t) AL_MUST_CHECK; /* gives ids; nothing is added afterwards */
void inv_tree_sum(struct inv_tree *t);                 /* files and bytes: own → with all below */
/* The path of a numbered node, "" for the root, appended. */
int inv_tree_path(const struct inv_tree *t, uint32_t index, struct al_buf *out) AL_MUST_CHECK;

/* ---- next.c: tables of the next file ---- */
struct inv_gather;  /* below */
struct inv_append { /* rows for a table of it; inv_append_end for AL_CLEANUP */
    duckdb_appender a;
    struct inventory *inv;
};
int inv_append_begin(struct inv_use *u, const char *table, struct inv_append *ret) AL_MUST_CHECK;
int inv_append_now(struct inv_use *u, const char *table,
                   struct inv_append *ret) AL_MUST_CHECK; /* of the volume */
int inv_append_temp(struct inv_use *u, const char *table, struct inv_append *ret) AL_MUST_CHECK;
/* Ends a row whose values were appended with the states or'ed into bad. */
int inv_append_row(struct inv_append *a, duckdb_state bad) AL_MUST_CHECK;
int inv_append_close(struct inv_append *a) AL_MUST_CHECK; /* or what was appended is lost */
void inv_append_end(struct inv_append *a);
/* Gathers of entry_new, unless that was done while it was written, and gives each folder of t its files and bytes. */
int inv_next_sum(struct inv_use *u, struct inv_tree *t, struct inv_gather *g) AL_MUST_CHECK;
int inv_next_folders(struct inv_use *u, const struct inv_tree *t) AL_MUST_CHECK;
/* entry_new becomes entry. */
int inv_next_entries(struct inv_use *u) AL_MUST_CHECK;

/* ---- source.c: a scan's entries as a table ---- */
struct inv_source {
    struct inventory *inv;
    const char *folder; /* of the scan's batches */
    uint64_t batches;
    struct inv_tree *tree;
    uint64_t next;     /* batch to be taken; atomic */
    uint64_t left_out; /* atomic */
    int rc;            /* first failure; atomic */
};

/* Sums that hold what a column of the result can: sizes come from outside, and a hostile host's
 * must not end in an overflow. */
#define INV_SUM_IF(x, condition)                                                                   \
    "least(coalesce(sum(" x ") FILTER (" condition "), 0), 9223372036854775807)::BIGINT"
#define INV_SUM(x) INV_SUM_IF(x, "true")
/* size rounded to blocks of three times the same %llu: block - 1, block, block. */
#define INV_ROUNDED "((least(size, 4611686018427387904) + %llu) // %llu * %llu)"
#define INV_BLOCK_BYTES_MAX (1u << 30)

/* ---- summaries.c: what is worked out when the entries change ----
 * own    a folder's own files: one row for each folder that has some
 * below  each folder's files with all below it
 * twin   the groups of files of one name and size that waste most, at most INV_TWINS_KEPT */
#define INV_TWINS_KEPT 4096u
/* The tables this format has and format 1 had not; in a transaction. */
int inv_summaries_make(struct inv_use *u, char catalog) AL_MUST_CHECK;
/* All of them anew, from what was gathered of the entries and from the folders; g is used up. Whoever puts other
 * tables in their place calls it, before the change is committed. */
int inv_summaries_write(struct inv_use *u, char catalog, struct inv_gather *g) AL_MUST_CHECK;
int inv_summaries_build(struct inv_use *u) AL_MUST_CHECK; /* the same for what is there */
/* After outcomes: temp.met holds each entry told of, as it was and as it is. set: all fields that some row set. */
int inv_summaries_follow(struct inv_use *u, unsigned set) AL_MUST_CHECK;

/* Folders whose own files came or went, in temp.touched (id): their sums anew, and what that makes of those above.
 * renumbered: those above are all made anew. */
int inv_summaries_touched(struct inv_use *u, bool renumbered) AL_MUST_CHECK;
/* A statement with one %c_%s: the catalog and the volume. */
int inv_run_with_id(struct inv_use *u, char catalog, const char *statement) AL_MUST_CHECK;

/* ---- outcome.c ---- */
/* Rows of temp.met into the place of those they were. */
int inv_write_back(struct inv_use *u) AL_MUST_CHECK;
int inv_stream_knows(struct inv_use *u, const char *stream, uint64_t seq, bool *ret) AL_MUST_CHECK;
int inv_stream_set(struct inv_use *u, const char *stream, uint64_t seq) AL_MUST_CHECK;

/* ---- twins.c: files of one name and size ----
 * Two passes: the first marks in a map of bits which hashes came, and which came again; the second groups
 * only rows whose hash came again. Grouping all names of 10,000,000 entries takes five times as long. */
struct inv_twins {
    uint64_t *once, *again; /* atomic */
    uint64_t mask;
};
int inv_twins_begin(struct inv_twins *t, uint64_t entries) AL_MUST_CHECK;
void inv_twins_end(struct inv_twins *t);
/* The first pass, over some rows, of those with a size that are files; types NULL: all are. By any thread. */
void inv_twins_mark(struct inv_twins *t, const duckdb_string_t *names, const int64_t *sizes,
                    const uint8_t *types, size_t count);
/* "name, size, files, folder" of all groups of at least two below, most waste first, at most `most`. */
int inv_twins_find(struct inv_use *u, uint32_t first, uint32_t last, uint64_t entries, size_t most,
                   struct inv_rows *ret_rows) AL_MUST_CHECK;
/* The second pass: table twin anew. */
int inv_twins_keep(struct inv_use *u, char catalog, const struct inv_twins *t) AL_MUST_CHECK;
int inv_twins_register(struct inventory *inv, struct inv_conn *c) AL_MUST_CHECK;

/* ---- sieve.c: which entries a batch may tell of, asked while DuckDB reads them ---- */
struct inv_sieve {
    uint64_t *folders, *names; /* bits: by number; by hash */
    uint64_t count, mask;      /* greatest number of a folder */
};
/* SQL: what a batch does not tell of is let go of early; with a sieve lent under slot. Not a condition of its own: some
 * rows pass that are not told of. */
#define INV_SIEVE_SQL                                                                              \
    "alto_told_folder(%u::UBIGINT, e.folder) AND alto_told_name(%u::UBIGINT, e.name)"
int inv_sieve_begin(struct inv_sieve *s, uint64_t folders, uint64_t rows) AL_MUST_CHECK;
void inv_sieve_add(struct inv_sieve *s, uint64_t folder, struct al_span name);
void inv_sieve_end(struct inv_sieve *s);
int inv_sieve_register(struct inventory *inv, struct inv_conn *c) AL_MUST_CHECK;

/* ---- gather.c: the sums of each folder's own files, and the first pass of the twins ---- */
enum { INV_S_FILES, INV_S_BYTES, INV_S_ALLOCATED, INV_S_STUB_FILES, INV_S_STUB_BYTES, INV_S_SUMS };
struct inv_sums {
    uint64_t sum[INV_S_SUMS];   /* at most INT64_MAX: hostile sizes end there */
    int64_t accessed, modified; /* the latest; INT64_MIN: unknown */
    uint32_t parent;
};
struct inv_gather {
    port_mutex lock;
    struct inv_sums *at; /* index is the folder's number; 0 unused */
    uint64_t count;      /* greatest number */
    bool astray;         /* an entry is in none of them */
    struct inv_twins twins;
};
struct inv_gathered { /* some rows, column by column; folder 0: no entry */
    const uint32_t *folders;
    const duckdb_string_t *names;
    const uint8_t *types, *states; /* states NULL: none is a stub */
    const int64_t *sizes, *allocated, *accessed, *modified;
    const uint64_t *has_accessed, *has_modified; /* validity; NULL: all known */
    size_t count;
};
int inv_gather_begin(struct inv_gather *g, uint64_t folders, uint64_t entries) AL_MUST_CHECK;
/* By any thread. An entry astray is told by g->astray. */
void inv_gather_rows(struct inv_gather *g, const struct inv_gathered *r);
/* One pass over a table of entries, whose folders have the numbers 1 to `folders`: 64 bytes each. */
int inv_gather_read(struct inv_use *u, char catalog, const char *table, uint64_t folders,
                    struct inv_gather *g) AL_MUST_CHECK;
void inv_gather_end(struct inv_gather *g); /* also of one that was never read */
void inv_sums_add(struct inv_sums *to, const struct inv_sums *from);
int inv_gather_register(struct inventory *inv, struct inv_conn *c) AL_MUST_CHECK;

/* ---- numbered.c: rows by a folder's number, made by all of DuckDB's threads ---- */
struct inv_numbered {
    const struct inv_tree *tree;     /* of alto_folders */
    const struct inv_gather *gather; /* of alto_sums */
    bool all;                        /* also folders without files */
    uint64_t count;                  /* greatest number */
    uint64_t next;                   /* to be taken; atomic */
};
int inv_numbered_insert(struct inv_use *u, char catalog, const char *table, const char *function,
                        struct inv_numbered *n) AL_MUST_CHECK;
int inv_numbered_register(struct inventory *inv, struct inv_conn *c) AL_MUST_CHECK;

/* ---- tally.c: histograms and totals of any rows, in one pass ---- */
struct inv_tally {
    port_mutex lock; /* the last field */
    int64_t now_ns;
    uint64_t block_bytes;
    struct inv_tallied got;
};
/* SQL: sum(alto_tally(slot, ...)) over rows of these columns, with a tally lent under slot. Only in a
 * select list: a filter may see rows that others turn away. */
#define INV_TALLY_SQL                                                                              \
    "sum(alto_tally(%u::UBIGINT, type, state, flags, source, size, allocated, accessed_ns, "       \
    "mtime_ns))"
void inv_tally_begin(struct inv_tally *t, int64_t now_ns, uint64_t block_bytes);
void inv_tally_end(struct inv_tally *t);
int inv_tally_register(struct inventory *inv, struct inv_conn *c) AL_MUST_CHECK;
/* Borders of the histogram with these counts, all buckets, also empty ones. */
int inv_tally_ages(const struct inv_counts *c, struct al_arena *arena,
                   struct inventory_bucket **ret, size_t *ret_count) AL_MUST_CHECK;
int inv_tally_sizes(const struct inv_counts *c, struct al_arena *arena,
                    struct inventory_bucket **ret, size_t *ret_count) AL_MUST_CHECK;

/* ---- plan_sql.c: what a rule does to each row ---- */
struct inv_plan {
    struct inv_use *u;
    const struct inventory_plan_query *q;
    struct inv_rule_sql rule;
    struct inv_rule_sql *earlier; /* al_alloc'ed */
    size_t earlier_count;
    int64_t known_ns; /* the last scan or import */
    bool costly;      /* some rule has what only the native evaluator decides */
    bool covers;      /* it asks of accesses, where audit logs are the evidence */
    bool pins;        /* some client has pinned something */
};
#define INV_PLAN(name) AL_CLEANUP(inv_plan_end) struct inv_plan name = {0}
int inv_plan_begin(struct inv_use *u, const struct inventory_plan_query *q,
                   struct inv_plan *p) AL_MUST_CHECK;
void inv_plan_end(struct inv_plan *p);
/* "(SELECT e.*, rid, refusal, freed FROM ... WHERE rule)": what the rule matches, refusal NULL where it is to be
 * tiered. Folders' paths and owners are joined in only where a rule asks for them. */
void inv_plan_put(struct inv_sql *sql, const struct inv_plan *p);
bool inv_plan_has_paths(const struct inv_plan *p); /* its rows have fpath and path already */
const char *inv_plan_reason(const struct inv_plan *p, int64_t code); /* of a refusal */
/* An expression that turns `refusal` into its reason as text. */
void inv_plan_put_reason(struct inv_sql *sql, const struct inv_plan *p);
/* "(SELECT e.*, rid[, fpath, path][, owner] FROM ...)": all but folders; below 100 percent, of so many of all
 * entries, about, taken by blocks of rows that lie together, always the same ones. */
void inv_put_source(struct inv_sql *sql, struct inv_use *u, int64_t now_ns, bool path, bool owner,
                    double percent);
/* "e.*" as a rule is to see it at now_ns: where audit logs are the evidence, with the later of what is known and the
 * time since which they are complete as accessed_ns, and a column known_ns without that. */
void inv_put_columns(struct inv_sql *sql, struct inv_use *u, int64_t now_ns);
/* Whether a rule's text asks for a column: nothing of the rule's own words is in it, only names of columns
 * and functions and numbers. */
bool inv_sql_asks(const char *text, const char *column);
bool inv_sql_asks_folders(const char *text); /* for path, or for dir */

/* ---- figures.c ---- */
struct inv_below { /* folders with these numbers */
    uint32_t id, last;
};
/* By clean path; the root is 1 to UINT32_MAX. AL_ENODATA: there is none. */
int inv_below_find(struct inv_use *u, struct al_span path, struct inv_below *ret) AL_MUST_CHECK;
/* "SELECT ext or owner, files, bytes, allocated, stub files, stub bytes FROM source", `rows` of most bytes, into
 * the arena. */
int inv_groups(struct inv_use *u, const char *source, bool owners, size_t rows,
               struct al_arena *arena, struct inventory_group **ret,
               size_t *ret_count) AL_MUST_CHECK;
/* Rows of a query of INV_ROW_COLUMNS into the arena, at most most. */
int inv_keep_rows(struct inv_use *u, const char *sql, size_t most, struct al_arena *arena,
                  struct inventory_row **ret, size_t *ret_count) AL_MUST_CHECK;

/* ---- export.c ---- */
int inv_export_register(struct inventory *inv, struct inv_conn *c) AL_MUST_CHECK;

/* ---- access_came.c ---- */
#define INV_CAME_SQL 40u
/* SQL: came_ns of a file that a scan or an import finds and nobody told of. Where audit logs are the evidence and something
 * was known of the volume before, it may have come from anywhere, and was used there. */
int inv_came_unknown(struct inv_use *u, int64_t now_ns, char ret[INV_CAME_SQL]) AL_MUST_CHECK;

/* ---- moved.c ---- */
#define INV_FOUND_LOST 4 /* entry.found: a stub whose marker is gone (merge.c) */
#define INV_FOUND_MOVED 5
/* Of entry_new, what was not known at its path (found = 0): what was known elsewhere and is not there any
 * more keeps state, object and evidence. slot: of the merge's source, for alto_map. */
int inv_find_moved(struct inv_use *u, unsigned slot) AL_MUST_CHECK;

/* ---- rows.c ---- */
/* What inv_row reads, from a table or subquery named e with a column fpath (the folder's path) and
 * one `counts` (its own row when it is a folder: files, bytes, else NULL). */
#define INV_ROW_COLUMNS                                                                            \
    "fpath, name, type, state, flags, attrs, size, allocated, mtime_ns, ctime_ns, btime_ns, "      \
    "accessed_ns, source, mode, uid, gid, nlink, "                                                 \
    "ino, object_id, came_ns"
#define INV_ROW_COUNT 20u
/* scratch holds the path. With counts the two columns behind are files and bytes (NULL: none). */
int inv_row(const struct inv_rows *r, bool counts, struct al_buf *scratch,
            struct inventory_row *ret) AL_MUST_CHECK;
/* One entry, by clean path, as rows of INV_ROW_COLUMNS, counts, and its owner's name. */
int inv_query_entry(struct inv_use *u, struct al_span path, struct inv_rows *ret) AL_MUST_CHECK;
/* "/a/b/" or "a/b" → "/a/b"; "" and "/" → "". Borrowed parts of path in out. AL_EINVAL for "."
 * "..", an empty part, NUL. */
int inv_path_clean(struct al_span path, struct al_buf *out) AL_MUST_CHECK;

#endif
