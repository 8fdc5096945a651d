/* What acts came to, applied to the entries they were about. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "server/inventory/access_priv.h"

static const char told_sql[] =
    "CREATE OR REPLACE TEMP TABLE told (n UINTEGER, in_path BLOB, name BLOB, ino UBIGINT, set_bits "
    "UINTEGER, state UTINYINT, object_id VARCHAR, "
    "allocated BIGINT, size BIGINT, mtime_ns BIGINT, accessed_ns BIGINT, source UTINYINT, ext BLOB, "
    "back_id VARCHAR)";

/* Several rows about one file are applied one after the other: round 1 has each file's first, and
 * so on. */
static const char rounds_sql[] =
    "CREATE OR REPLACE TEMP TABLE told_in AS SELECT t.* EXCLUDE (in_path), f.id AS in_folder, "
    "row_number() OVER (PARTITION BY f.id, t.name ORDER BY t.n)::UINTEGER AS round FROM temp.told "
    "t JOIN \"v_%s\".folder f ON f.path = t.in_path";

#define CHANGED                                                                                    \
    "(gone OR state <> was_state OR object_id IS DISTINCT FROM was_object_id OR allocated <> "     \
    "was_allocated OR size <> was_size OR mtime_ns <> was_mtime_ns OR accessed_ns IS DISTINCT "    \
    "FROM was_accessed_ns OR source <> was_source OR epoch <> was_epoch OR btime_ns IS DISTINCT "   \
    "FROM was_btime_ns)"
#define ENTRY_COLUMNS                                                                              \
    "folder, name, ext, type, flags, attrs, mode, uid, gid, nlink, ino, size, allocated, "         \
    "mtime_ns, ctime_ns, btime_ns, accessed_ns, source, state, object_id, epoch, found, came_ns"

/* What is archived is known from its host, and no list that misses it makes it gone. */
#define ENTRY_VALUES                                                                               \
    "folder, name, ext, type, CASE WHEN state = 5 AND flags & 128 <> 0 THEN xor(flags, 128) ELSE "  \
    "flags END, attrs, mode, uid, gid, nlink, ino, size, allocated, mtime_ns, ctime_ns, btime_ns, " \
    "accessed_ns, source, state, object_id, epoch, found, came_ns"

#define MATCHES                                                                                    \
    "e.folder = t.in_folder AND e.name = t.name AND (t.ino = 0 OR e.ino = t.ino) AND NOT e.gone"
/* How much a source is worth: recall and audit saw the access itself. */
#define WORTH(x) "(CASE WHEN " x ".source >= 2 THEN 2 ELSE " x ".source END)"
/* What row t says of entry e, when it is about this very file and that is still there. */
#define TOLD(bits)                                                                                 \
    "((t.ino = 0 OR e.ino = t.ino) AND (t.set_bits & 32) = 0 AND (t.set_bits & " bits ") <> 0)"
#define NEW(bits, column) "CASE WHEN " TOLD(bits) " THEN t." column " ELSE e." column " END"
#define NEW_ACCESS                                                                                 \
    "(" TOLD("8") " AND (" WORTH("t") " > " WORTH("e") " OR (" WORTH("t") " = " WORTH(             \
        "e") " AND "                                                                               \
             "(t.source < 2 OR t.accessed_ns > e.accessed_ns OR e.accessed_ns IS NULL))))"
#define NEW_ACCESSED "CASE WHEN " NEW_ACCESS " THEN t.accessed_ns ELSE e.accessed_ns END"
#define NEW_SOURCE "CASE WHEN " NEW_ACCESS " THEN t.source ELSE e.source END"
#define NEW_EPOCH "CASE WHEN " TOLD("21") " THEN (SELECT epoch FROM \"v_%s\".meta) ELSE e.epoch END"

/* The entries that are told of, as they were and as the first round leaves them: looked up once, changed here round
 * after round, and then put in the place of the old rows. */
static const char met_sql
    [] = "CREATE OR REPLACE TEMP TABLE met AS SELECT e.rowid AS rid, e.* REPLACE (" NEW("1", "stat"
                                                                                             "e") " AS state, " NEW("2", "object_id") " AS object_id, " NEW(
        "4",
        "allocated") " AS allocated, " NEW("16",
                                           "size") " AS size, " NEW("16",
                                                                    "mtime_ns") " AS "
                                                                                "mtime_ns,"
                                                                                " " NEW_ACCESSED
                                                                                " AS "
                                                                                "accessed_ns,"
                                                                                " " NEW_SOURCE
                                                                                " AS "
                                                                                "source, " NEW_EPOCH
                                                                                " AS epoch), "
                                                                                "((t.ino = 0 OR "
                                                                                "e.ino = t.ino) "
                                                                                "AND (t.set_bits & "
                                                                                "32) <> 0) AS "
                                                                                "gone, e.state AS "
                                                                                "was_state, "
                                                                                "e.object_id AS "
                                                                                "was_object_id, "
                                                                                "e.allocated AS "
                                                                                "was_allocated, "
                                                                                "e.size AS "
                                                                                "was_size, "
                                                                                "e.mtime_ns AS "
                                                                                "was_mtime_ns, "
                                                                                "e.accessed_ns AS "
                                                                                "was_accessed_ns, "
                                                                                "e.source AS "
                                                                                "was_source, "
                                                                                "e.epoch "
                                                                                "AS was_epoch, "
                                                                                "e.btime_ns AS "
                                                                                "was_btime_ns FROM "
                                                                                "\"v_%s\".entry e "
                                                                                "JOIN temp.told_in "
                                                                                "t ON e.folder = "
                                                                                "t.in_folder AND "
                                                                                "e.name = "
                                                                                "t.name AND "
                                                                                "t.round = 1";

static const char
    update_sql
        [] =
            "UPDATE temp.met AS e SET state = " NEW("1", "state") ", object_id = " NEW("2", "object"
                                                                                            "_id") ", allocated = " NEW(
                "4",
                "allocated") ", size = " NEW("16",
                                             "size") ", mtime_ns = " NEW("16",
                                                                         "mtime_ns") ", "
                                                                                     "accessed_ns "
                                                                                     "="
                                                                                     " " NEW_ACCESSED
                                                                                     ", source "
                                                                                     "= " NEW_SOURCE
                                                                                     ", epoch "
                                                                                     "= " NEW_EPOCH
                                                                                     " FROM "
                                                                                     "temp.told_in "
                                                                                     "t WHERE "
                                                                                     "t.round = "
                                                                                     "%lld AND "
                                                                                     "(t.set_bits "
                                                                                     "& 32) = 0 "
                                                                                     "AND " MATCHES;

static const char gone_sql[] =
    "UPDATE temp.met AS e SET gone = true FROM temp.told_in t WHERE t.round = %lld AND (t.set_bits "
    "& 32) <> 0 AND " MATCHES;

/* A scan that met the folder while the file lay aside found it gone, and no later one will see it:
 * what is archived is known by its outcome alone. What came back under a name that no scan has seen is known
 * at once, with its access. */
static const char unknown_sql[] =
    "INSERT INTO \"v_%s\".entry (" ENTRY_COLUMNS ") SELECT t.in_folder, t.name, t.ext, 1, 0, 0, 0, 0, "
    "0, 1, 0, t.size, CASE WHEN t.state <> 5 AND t.set_bits & 4 <> 0 THEN t.allocated ELSE 0 END, "
    "t.mtime_ns, t.mtime_ns, NULL, CASE WHEN t.set_bits & 8 <> 0 THEN t.accessed_ns END, (CASE WHEN "
    "t.set_bits & 8 <> 0 THEN t.source ELSE 0 END)::UTINYINT, t.state, t.object_id, (SELECT epoch FROM "
    "\"v_%s\".meta), 1, NULL FROM temp.told_in t WHERE ((t.state = 5 AND (t.set_bits & 21) = 21) OR "
    "(t.set_bits & 81) = 81) AND NOT EXISTS (SELECT 1 FROM temp.told_in l WHERE l.in_folder = "
    "t.in_folder AND l.name = t.name AND l.round > t.round) AND NOT EXISTS (SELECT 1 FROM "
    "\"v_%s\".entry e WHERE e.folder = t.in_folder AND e.name = t.name)";

/* Also rows about a file that a row before said is gone. */
static const char matched_sql[] =
    "SELECT count(*) FROM temp.told_in t JOIN temp.met e ON e.folder = t.in_folder AND e.name = "
    "t.name AND (t.ino = 0 OR e.ino = t.ino)";

const char *
inventory_source_name(enum inventory_source s)
{
    static const char *const names[INVENTORY_SOURCES] = {"walk", "import", "audit", "recall"};

    return s < INVENTORY_SOURCES ? names[s] : "walk";
}

static bool
row_is_sound(const struct inventory_outcome *o)
{
    return o->state < RULE_S_COUNT && o->source < INVENTORY_SOURCES && o->allocated <= INT64_MAX &&
           o->size <= INT64_MAX && (o->object_id == NULL || al_id_valid(o->object_id));
}

/* As the column has it: in lower case; at most as long as a name is on any filesystem. */
static duckdb_state
append_ext(duckdb_appender a, struct al_span name)
{
    struct al_span ext = rule_ext_of(name);
    uint8_t folded[256];

    if (ext.len > sizeof(folded)) {
        ext.len = 0;
    }
    rule_fold(ext, folded);
    return duckdb_append_blob(a, folded, ext.len);
}

static int
append_row(struct inventory *inv, duckdb_appender a, uint32_t n, const struct inventory_outcome *o,
           struct al_buf *path)
{
    struct al_span clean, name;
    duckdb_state bad = DuckDBSuccess;
    int rc;

    al_buf_clear(path);
    rc = inv_path_clean(o->path, path);
    if (rc < 0) {
        return rc == AL_EINVAL ? AL_OK : rc; /* no such file can be: it counts as missing */
    }
    clean = al_buf_span(path);
    name = rule_name_of(clean);
    bad |= duckdb_append_uint32(a, n);
    bad |= duckdb_append_blob(a, clean.len > 0 ? clean.at : (const uint8_t *)"",
                              clean.len > name.len ? clean.len - name.len - 1 : 0);
    bad |= duckdb_append_blob(a, clean.len > 0 ? name.at : (const uint8_t *)"", name.len);
    bad |= duckdb_append_uint64(a, o->ino);
    bad |= duckdb_append_uint32(a, o->set);
    bad |= duckdb_append_uint8(a, (uint8_t)o->state);
    bad |= o->object_id != NULL ? duckdb_append_varchar(a, o->object_id) : duckdb_append_null(a);
    bad |= duckdb_append_int64(a, (int64_t)o->allocated);
    bad |= duckdb_append_int64(a, (int64_t)o->size);
    bad |= duckdb_append_int64(a, o->mtime_ns);
    bad |= o->accessed_ns != RULE_TIME_UNKNOWN ? duckdb_append_int64(a, o->accessed_ns)
                                               : duckdb_append_null(a);
    bad |= duckdb_append_uint8(a, (uint8_t)o->source);
    bad |= append_ext(a, name);
    bad |= o->came_back != NULL ? duckdb_append_varchar(a, o->came_back) : duckdb_append_null(a);
    bad |= duckdb_appender_end_row(a);
    return bad == DuckDBSuccess ? AL_OK : inv_error(inv, DUCKDB_ERROR_IO, duckdb_appender_error(a));
}

static int
append_rows(struct inv_use *u, const struct inventory_outcome *rows, size_t count)
{
    AL_CLEANUP(al_buf_free) struct al_buf path = {0};
    duckdb_appender a = NULL;
    int rc;

    al_buf_init(&path, INVENTORY_PATH_MAX);
    if (duckdb_appender_create_ext(u->conn->con, "temp", "main", "told", &a) != DuckDBSuccess) {
        rc = inv_error(u->inv, DUCKDB_ERROR_CATALOG, a != NULL ? duckdb_appender_error(a) : NULL);
        (void)duckdb_appender_destroy(&a); /* nothing was appended */
        return rc;
    }
    rc = AL_OK;
    for (size_t i = 0; rc == AL_OK && i < count; i++) {
        rc = append_row(u->inv, a, (uint32_t)i, &rows[i], &path);
    }
    if (rc == AL_OK && duckdb_appender_close(a) != DuckDBSuccess) {
        rc = inv_error(u->inv, DUCKDB_ERROR_IO, duckdb_appender_error(a));
    }
    (void)duckdb_appender_destroy(&a); /* closed above, or failed already */
    return rc;
}

/* Whether the batch was applied before. */
int
inv_stream_knows(struct inv_use *u, const char *stream, uint64_t seq, bool *ret)
{
    char sql[256];
    int64_t applied = 0;
    int rc;

    snprintf(sql, sizeof(sql), "SELECT coalesce(max(seq), 0) FROM \"v_%s\".stream WHERE id = '%s'",
             u->volume->id, stream);
    rc = inv_one(u->inv, u->conn, sql, &applied);
    if (rc == AL_OK) {
        *ret = seq <= (uint64_t)applied;
    }
    return rc;
}

static int
apply_rounds(struct inv_use *u, unsigned set, int64_t *ret_matched)
{
    const char *id = u->volume->id;
    int64_t rounds = 0;
    int rc = inv_runf(u->inv, u->conn, rounds_sql, id);

    if (rc == AL_OK) {
        rc = inv_runf(u->inv, u->conn, met_sql, id, id);
    }
    if (rc == AL_OK) {
        rc = inv_one(u->inv, u->conn, matched_sql, ret_matched);
    }
    if (rc == AL_OK) {
        rc = inv_one(u->inv, u->conn, "SELECT coalesce(max(round), 0) FROM temp.told_in", &rounds);
    }
    for (int64_t round = 2; rc == AL_OK && round <= rounds; round++) {
        rc = inv_runf(u->inv, u->conn, update_sql, id, (long long)round);
        if (rc == AL_OK && (set & INVENTORY_SET_GONE) != 0) {
            rc = inv_runf(u->inv, u->conn, gone_sql, (long long)round);
        }
    }
    return rc;
}

/* Rows go and come: an update in place would, for each column of each block of rows that has one, write the
 * block anew, with every commit, and all of the table with files told of all over it. */
int
inv_write_back(struct inv_use *u)
{
    const char *id = u->volume->id;
    int rc = inv_runf_long(
        u->inv, u->conn,
        "DELETE FROM \"v_%s\".entry WHERE rowid IN (SELECT rid FROM temp.met WHERE " CHANGED ")",
        id);

    return rc < 0
               ? rc
               : inv_runf_long(u->inv, u->conn,
                               "INSERT INTO \"v_%s\".entry (" ENTRY_COLUMNS ") SELECT " ENTRY_VALUES
                               " FROM temp.met WHERE NOT gone AND " CHANGED,
                               id);
}

int
inv_stream_set(struct inv_use *u, const char *stream, uint64_t seq)
{
    int rc = inv_runf(u->inv, u->conn, "DELETE FROM \"v_%s\".stream WHERE id = '%s'", u->volume->id,
                      stream);

    return rc < 0 ? rc
                  : inv_runf(u->inv, u->conn, "INSERT INTO \"v_%s\".stream VALUES ('%s', %llu)",
                             u->volume->id, stream, (unsigned long long)seq);
}

/* What the rows of a batch are about, besides files that are known. */
struct about {
    unsigned set;
    bool archives, came_back;
};

static int
look_at_rows(const struct inventory_outcome *rows, size_t count, struct about *ret)
{
    *ret = (struct about){0};
    for (size_t i = 0; i < count; i++) {
        if (!row_is_sound(&rows[i])) {
            return AL_EINVAL;
        }
        ret->set |= rows[i].set;
        ret->archives = ret->archives || rows[i].state == RULE_S_ARCHIVED;
        ret->came_back = ret->came_back || rows[i].came_back != NULL;
    }
    return AL_OK;
}

static int
apply_rows(struct inv_use *u, const struct about *b, int64_t *ret_matched)
{
    const char *id = u->volume->id;
    bool makes = (b->set & INVENTORY_SET_MAKE) != 0, elsewhere = false;
    int rc = makes ? inv_back_folders(u) : AL_OK;

    if (rc == AL_OK) {
        rc = apply_rounds(u, b->set, ret_matched);
    }
    if (rc == AL_OK && b->came_back) {
        rc = inv_back_elsewhere(u, &elsewhere);
    }
    if (rc == AL_OK) {
        rc = inv_write_back(u);
    }
    if (rc == AL_OK && (*ret_matched > 0 || elsewhere)) {
        rc = inv_summaries_follow(u, elsewhere ? b->set | INVENTORY_SET_GONE : b->set);
    }
    if (rc == AL_OK && (b->archives || makes)) {
        rc = inv_runf(u->inv, u->conn, unknown_sql, id, id, id);
    }
    return rc == AL_OK && makes ? inv_back_sums(u) : rc;
}

int
inventory_outcomes_apply(struct inventory *inv, const struct inventory_scope *scope,
                         const char *volume_id, const char *stream, uint64_t seq,
                         const struct inventory_outcome *rows, size_t count, uint64_t *ret_missing)
{
    INV_USE(u);
    struct about about;
    int64_t matched = 0;
    bool known = false;
    int rc;

    if (!al_id_valid(stream) || seq == 0 || seq > INT64_MAX) {
        return AL_EINVAL;
    }
    if (count > INVENTORY_OUTCOMES_MAX) {
        return AL_ELIMIT;
    }
    rc = look_at_rows(rows, count, &about);
    if (rc == AL_OK) {
        rc = inv_use_begin(inv, scope, volume_id, true, &u);
    }
    if (rc == AL_OK) {
        rc = inv_begin(&u);
    }
    if (rc == AL_OK) {
        rc = inv_stream_knows(&u, stream, seq, &known);
    }
    if (rc < 0 || known) {
        return rc;
    }
    rc = inv_run(inv, u.conn, told_sql);
    if (rc == AL_OK) {
        rc = append_rows(&u, rows, count);
    }
    if (rc == AL_OK) {
        rc = apply_rows(&u, &about, &matched);
    }
    if (rc == AL_OK) {
        rc = inv_stream_set(&u, stream, seq);
    }
    if (rc == AL_OK) {
        rc = inv_commit(&u);
    }
    if (rc == AL_OK && ret_missing != NULL) {
        *ret_missing = count - (uint64_t)matched;
    }
    return rc;
}
