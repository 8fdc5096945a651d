/* Rows of an import → the volume's entries: staged, freed of what comes twice, joined with what was known. */
#include <stdio.h>
#include <string.h>

#include "server/inventory/import_priv.h"

#define FOUND_MADE "5" /* in the stage alone: a folder that no row speaks of */
#define STAGED                                                                                     \
    IMPORT_ENTRY_COLUMNS                                                                           \
    ", (CASE WHEN accessed_ns IS NULL THEN 0 ELSE 1 END)::UTINYINT AS source, "                    \
    "0::UTINYINT AS state, NULL::VARCHAR AS object_id, 0::UBIGINT AS epoch, "

/* ---- folders ---- */

static int
record_folders(struct import_build *b)
{
    const struct import_folders *f = &b->job->folders;
    int rc = AL_OK;

    for (uint32_t i = 1; rc == AL_OK && i < f->count; i++) {
        const struct import_folder *n = &f->all[i];
        struct entry_record r = {.is_folder_record = true,
                                 .folder = i,
                                 .parent = n->parent,
                                 .name = {(const uint8_t *)"", 0}};

        if (n->name_len > 0) { /* the root has none, and alone there may be no names */
            r.name = (struct al_span){f->names + n->name_at, n->name_len};
        }
        rc = inv_tree_record(b->job->source.tree, &r);
    }
    return rc < 0 ? rc : inv_tree_connect(b->job->source.tree);
}

/* A folder known from before: it stays where a walk saw it, or where the list is added to what is known. */
static int
known_folder(struct import_build *b, const struct inv_rows *rows)
{
    struct inv_tree *t = b->job->source.tree;
    uint32_t id = (uint32_t)inv_num(rows, 0), parent = (uint32_t)inv_num(rows, 1), index;
    bool stays = inv_num(rows, 4) == 0 || b->mode == IMPORT_ADD;
    int rc;

    index = parent != 0 && parent < t->map_cap ? t->map[parent] : 0;
    if (index != 0) {
        t->nodes[index].keep = stays;
    }
    rc = inv_tree_known(t, id, parent, inv_bytes(rows, 2));
    index = rc == AL_OK ? t->map[id] : 0;
    if (index != 0) {
        t->nodes[index].flags = (uint32_t)inv_num(rows, 3);
    }
    return rc;
}

int
import_build_tree(struct import_build *b)
{
    INV_ROWS(rows);
    const char *id = b->u->volume->id;
    char sql[512];
    bool end = false;
    int rc = record_folders(b);

    rc = rc < 0 ? rc : inv_count(b->u, "entry", &b->known);
    snprintf(sql, sizeof(sql),
             "SELECT f.id, f.parent, f.name, f.flags, coalesce(e.flags & %u, 0)::INTEGER FROM "
             "\"v_%s\".folder f LEFT JOIN (SELECT "
             "folder, name, flags FROM \"v_%s\".entry WHERE type = %d) e ON e.folder = f.parent "
             "AND e.name = f.name ORDER BY f.id",
             INVENTORY_IMPORTED, id, id, PORT_T_FOLDER);
    if (rc == AL_OK) {
        rc = inv_query(b->u->inv, b->u->conn, sql, true, &rows);
    }
    while (rc == AL_OK) {
        rc = inv_next(&rows, &end);
        if (rc < 0 || end) {
            break;
        }
        rc = known_folder(b, &rows);
    }
    return rc < 0 ? rc : inv_tree_number(b->job->source.tree);
}

/* ---- the stage ---- */

static int run_sql(struct import_build *b, const struct inv_sql *sql) AL_MUST_CHECK;

static int
run_sql(struct import_build *b, const struct inv_sql *sql)
{
    __atomic_store_n(&b->job->next, 0, __ATOMIC_RELAXED);
    return sql->rc < 0 ? sql->rc : import_run_sql(b->running, b->u->conn, (char *)sql->text.at);
}

/* How columns are packed is said where it is known: to try every way takes a quarter of the time of writing them
 * (0043). A column that the list does not have is one value over and over: DuckDB keeps no more of it than that, once it
 * has not to try any way. */
static const struct stage_column {
    const char *name, *type, *packed; /* packed NULL: as DuckDB finds best */
    enum import_field field;          /* IMPORT_FIELDS: always of one value, or nearly */
} stage_columns[] = {
    {"folder", "UINTEGER", NULL, IMPORT_F_PATH},
    {"name", "BLOB", "fsst", IMPORT_F_PATH},
    {"ext", "BLOB", "dictionary", IMPORT_F_PATH},
    {"type", "UTINYINT", NULL, IMPORT_F_PATH},
    {"flags", "UTINYINT", NULL, IMPORT_FIELDS},
    {"attrs", "UINTEGER", NULL, IMPORT_F_ATTRIBUTES},
    {"mode", "UINTEGER", NULL, IMPORT_F_MODE},
    {"uid", "UINTEGER", NULL, IMPORT_F_OWNER},
    {"gid", "UINTEGER", NULL, IMPORT_F_GROUP},
    {"nlink", "UINTEGER", NULL, IMPORT_F_LINKS},
    {"ino", "UBIGINT", NULL, IMPORT_F_INODE},
    {"size", "BIGINT", "bitpacking", IMPORT_F_SIZE},
    {"allocated", "BIGINT", "bitpacking", IMPORT_F_SIZE},
    {"mtime_ns", "BIGINT", "bitpacking", IMPORT_F_MODIFIED},
    {"ctime_ns", "BIGINT", "bitpacking", IMPORT_F_CHANGED},
    {"btime_ns", "BIGINT", "bitpacking", IMPORT_F_CREATED},
    {"accessed_ns", "BIGINT", "bitpacking", IMPORT_F_ACCESSED},
    {"source", "UTINYINT", "rle", IMPORT_F_PATH},
    {"state", "UTINYINT", NULL, IMPORT_FIELDS},
    {"object_id", "VARCHAR", "dictionary", IMPORT_F_PATH}, /* none yet */
    {"epoch", "UBIGINT", NULL, IMPORT_FIELDS},
    {"found", "UTINYINT", NULL, IMPORT_FIELDS},
    {"came_ns", "BIGINT", NULL, IMPORT_FIELDS},
};

static int
make_stage(struct import_build *b)
{
    const int *column = b->job->plan.column;
    INV_SQL(sql);

    inv_put(&sql, "CREATE TABLE %s (", b->stage);
    for (size_t i = 0; i < AL_LEN(stage_columns); i++) {
        const struct stage_column *c = &stage_columns[i];
        /* A mode may tell attributes too; parts stand for the path. */
        bool varies = c->field == IMPORT_F_PATH ||
                      (c->field < IMPORT_FIELDS && column[c->field] >= 0) ||
                      (c->field == IMPORT_F_ATTRIBUTES && column[IMPORT_F_MODE] >= 0);
        const char *packed = varies ? c->packed : "uncompressed";

        inv_put(&sql, "%s%s %s%s%s", i > 0 ? ", " : "", c->name, c->type,
                packed != NULL ? " USING COMPRESSION " : "", packed != NULL ? packed : "");
    }
    inv_put(&sql, ")");
    return sql.rc < 0 ? sql.rc : inv_run(b->u->inv, b->u->conn, (char *)sql.text.at);
}

/* Where something was known, what is staged is joined with it, and gets it then. */
static const char *
came_of(const struct import_build *b)
{
    return b->known == 0 ? b->came : "NULL::BIGINT";
}

static int
stage_rows(struct import_build *b)
{
    INV_SQL(sql);
    int rc = make_stage(b);

    inv_put(&sql, "INSERT INTO %s SELECT " STAGED "0::UTINYINT AS found, %s AS came_ns FROM ",
            b->stage, came_of(b));
    inv_put_text(&sql, b->from);
    return rc < 0 ? rc : run_sql(b, &sql);
}

/* The rows that lost: told in the list, and counted no more. */
static int
refuse_losers(struct import_build *b, const char *reason)
{
    INV_ROWS(rows);
    AL_CLEANUP(al_buf_free) struct al_buf held = {0};
    struct import_counts *c = &b->job->counts;
    bool end = false;
    int rc =
        inv_query(b->u->inv, b->u->conn,
                  "SELECT line, type, size, name FROM temp.import_rows WHERE n > 1 ORDER BY line",
                  true, &rows);

    al_buf_init(&held, 65536);
    while (rc == AL_OK) {
        struct import_refused_line l = {.reason = reason, .column = "path"};
        uint64_t size;

        rc = inv_next(&rows, &end);
        if (rc < 0 || end) {
            break;
        }
        l.line = (uint64_t)inv_num(&rows, 0);
        l.text = inv_bytes(&rows, 3);
        size = (uint64_t)inv_num(&rows, 2);
        c->files -= inv_num(&rows, 1) == PORT_T_FILE;
        c->bytes -= inv_num(&rows, 1) == PORT_T_FILE ? (size < c->bytes ? size : c->bytes) : 0;
        c->folders -= inv_num(&rows, 1) == PORT_T_FOLDER;
        c->others -= inv_num(&rows, 1) != PORT_T_FILE && inv_num(&rows, 1) != PORT_T_FOLDER;
        c->refused++;
        al_buf_clear(&held);
        rc = import_refused_hold(&held, &l);
        if (rc == AL_OK) {
            rc = import_refused_add(&b->job->refused, 0, al_buf_span(&held), 1);
        }
    }
    return rc;
}

/* Rows change places: what was gathered of them is void. */
static void
forget_gathered(struct import_build *b)
{
    b->job->gathers = false;
    inv_gather_end(&b->job->gather);
}

/* For the paths in temp.import_twice: reads their rows again, with their lines. all: none of them stays. */
static int
settle_twice(struct import_build *b, bool all, const char *reason)
{
    struct inventory *inv = b->u->inv;
    struct import_counts before = b->job->counts;
    INV_SQL(sql);
    INV_SQL(back);
    int rc;

    forget_gathered(b);
    inv_put(&sql,
            "CREATE OR REPLACE TEMP TABLE import_rows AS SELECT s.*, %srow_number() OVER "
            "(PARTITION BY folder, name "
            "ORDER BY (type = %d) DESC, line DESC) AS n FROM (SELECT * FROM ",
            all ? "1 + " : "", PORT_T_FOLDER);
    inv_put_text(&sql, b->from);
    inv_put(&sql, ") s SEMI JOIN temp.import_twice t ON t.folder = s.folder AND t.name = s.name%s",
            all ? " WHERE s.type <> 2" : "");
    rc = run_sql(b, &sql);
    b->job->counts = before; /* the rows were counted before */
    if (rc == AL_OK) {
        rc = inv_runf(inv, b->u->conn,
                      "DELETE FROM %s s USING temp.import_twice t WHERE t.folder = "
                      "s.folder AND t.name = s.name%s",
                      b->stage, all ? " AND s.type <> 2" : "");
    }
    inv_put(&back,
            "INSERT INTO %s SELECT " STAGED
            "0::UTINYINT AS found, %s AS came_ns FROM temp.import_rows WHERE n = 1",
            b->stage, came_of(b));
    if (rc == AL_OK) {
        rc = back.rc < 0 ? back.rc : inv_run(inv, b->u->conn, (char *)back.text.at);
    }
    if (rc == AL_OK) {
        rc = refuse_losers(b, reason);
    }
    if (rc == AL_OK) {
        rc = inv_run(inv, b->u->conn, "DROP TABLE temp.import_rows");
    }
    return rc < 0 ? rc : inv_run(inv, b->u->conn, "DROP TABLE temp.import_twice");
}

/* A path that the list has twice: the later row counts. */
static int
stage_once(struct import_build *b)
{
    int64_t twice = (int64_t)b->job->seen.twice;
    char sql[512];
    int rc = AL_OK;

    snprintf(sql, sizeof(sql), "SELECT count(*) - count(DISTINCT hash(folder, name)) FROM %s",
             b->stage);
    if (b->job->seen.slots == NULL) {
        rc = inv_one(b->u->inv, b->u->conn, sql, &twice);
    }
    import_seen_end(&b->job->seen); /* who reads rows again is not to look */
    if (rc < 0 || twice == 0) {
        return rc;
    }
    /* Two names of one hash are told apart here. */
    rc = inv_runf(b->u->inv, b->u->conn,
                  "CREATE OR REPLACE TEMP TABLE import_twice AS SELECT folder, name FROM "
                  "%s GROUP BY folder, name HAVING count(*) > 1",
                  b->stage);
    return rc < 0 ? rc : settle_twice(b, false, "the same path comes again further down");
}

/* Folders that no row speaks of; what a row calls a file, and others lie in, is a folder. */
static int
stage_made(struct import_build *b)
{
    struct inventory *inv = b->u->inv;
    int64_t files = 0, made = 0;
    char sql[512];
    int rc;

    snprintf(sql, sizeof(sql), "SELECT count(*) FROM alto_import_made(%u::UBIGINT)", b->job_slot);
    rc = inv_one(inv, b->u->conn, sql, &made);
    if (rc < 0 || made == 0) {
        return rc;
    }
    snprintf(sql, sizeof(sql),
             "SELECT count(*) FROM %s s SEMI JOIN alto_import_made(%u::UBIGINT) m ON "
             "m.folder = s.folder AND m.name = "
             "s.name WHERE s.type <> %d",
             b->stage, b->job_slot, PORT_T_FOLDER);
    rc = inv_one(inv, b->u->conn, sql, &files);
    if (rc == AL_OK && files > 0) {
        rc = inv_runf(inv, b->u->conn,
                      "CREATE OR REPLACE TEMP TABLE import_twice AS SELECT folder, name FROM "
                      "alto_import_made(%u::UBIGINT)",
                      b->job_slot);
        if (rc == AL_OK) {
            rc = settle_twice(b, true, "other rows lie in it, so it is a folder");
        }
    }
    b->result->folders_made = (uint64_t)made;
    return rc < 0 ? rc
                  : inv_runf(inv, b->u->conn,
                             "INSERT INTO %s SELECT " STAGED
                             "%s::UTINYINT AS found, %s AS came_ns FROM "
                             "alto_import_made(%u::UBIGINT)",
                             b->stage, b->known > 0 ? FOUND_MADE : "0", came_of(b), b->job_slot);
}

/* ---- what was known ---- */

#define IMPORTED "(o.flags & 128 <> 0)"
#define WALKED "(o.name IS NOT NULL AND o.flags & 128 = 0)"
/* What was known stays: a walk saw it, or the list does not speak of it. */
#define OLD "(" WALKED " OR (o.name IS NOT NULL AND (s.name IS NULL OR s.found = " FOUND_MADE ")))"
#define EVIDENCE "(" WALKED " AND s.accessed_ns IS NOT NULL AND s.type = o.type AND o.source <= 1)"
/* An import's own evidence is replaced, what is stronger is not, and what says nothing replaces nothing. */
#define OLD_ACCESS "(" OLD " OR (" IMPORTED " AND (o.source > 1 OR s.accessed_ns IS NULL)))"

enum note { NOTE_ADDED, NOTE_MADE, NOTE_REPLACED, NOTE_EVIDENCE, NOTE_STAYED };

static int
join_known(struct import_build *b)
{
    static const char *const plain[] = {"ext",      "type",     "flags",   "attrs", "mode",
                                        "uid",      "gid",      "nlink",   "ino",   "size",
                                        "mtime_ns", "ctime_ns", "btime_ns"};
    const char *id = b->u->volume->id;
    INV_SQL(sql);

    inv_put(&sql,
            "CREATE TABLE \"n_%s\".entry_new AS SELECT coalesce(s.folder, o.in_folder) AS folder, "
            "coalesce(s.name, o.name) "
            "AS name",
            id);
    for (size_t i = 0; i < AL_LEN(plain); i++) {
        inv_put(&sql, ", CASE WHEN " OLD " THEN o.%s ELSE s.%s END AS %s", plain[i], plain[i],
                plain[i]);
        if (strcmp(plain[i], "size") == 0) {
            /* Blocks that an act told of. */
            inv_put(&sql, ", CASE WHEN " OLD
                          " OR o.state <> 0 THEN o.allocated ELSE s.allocated END AS allocated");
        }
    }
    inv_put(&sql, ", CASE WHEN " EVIDENCE " THEN s.accessed_ns WHEN " OLD_ACCESS
                  " THEN o.accessed_ns ELSE s.accessed_ns END AS accessed_ns, "
                  "(CASE WHEN " EVIDENCE " THEN 1 WHEN " OLD_ACCESS
                  " THEN o.source ELSE s.source END)::UTINYINT AS source, "
                  "coalesce(o.state, 0)::UTINYINT AS state, o.object_id, coalesce(o.epoch, "
                  "0)::UBIGINT AS epoch, ");
    inv_put(&sql,
            "alto_import_note(%u::UBIGINT, (CASE WHEN o.name IS NULL THEN CASE WHEN s.found "
            "= " FOUND_MADE " THEN %d ELSE %d END WHEN " EVIDENCE
            " AND (o.source <> 1 OR o.accessed_ns IS DISTINCT FROM s.accessed_ns) THEN %d WHEN " OLD
            " THEN %d ELSE %d END)::UTINYINT, (CASE WHEN " OLD
            " THEN o.found ELSE 0 END)::UTINYINT) AS found, CASE WHEN o.name IS NULL THEN %s ELSE "
            "o.came_ns END AS came_ns ",
            b->job_slot, NOTE_MADE, NOTE_ADDED, NOTE_EVIDENCE, NOTE_STAYED, NOTE_REPLACED, b->came);
    inv_put(&sql,
            "FROM %s s FULL OUTER JOIN (SELECT e.*, m.new AS in_folder FROM "
            "\"v_%s\".entry e JOIN "
            "alto_map(%u::UBIGINT) m ON e.folder = m.old) o ON o.in_folder = s.folder AND o.name = "
            "s.name WHERE s.name "
            "IS NOT NULL OR %s",
            b->stage, id, b->map_slot, b->mode == IMPORT_ADD ? "true" : WALKED);
    return run_sql(b, &sql);
}

int
import_build_entries(struct import_build *b)
{
    const uint64_t *n = b->job->noted;
    int rc;

    snprintf(b->stage, sizeof(b->stage), "\"%c_%s\".entry_new", b->known > 0 ? INV_STAGE : INV_NEXT,
             b->u->volume->id);
    rc = b->known > 0 ? inv_stage_begin(b->u) : inv_next_begin(b->u);
    if (rc == AL_OK && b->known == 0) {
        rc = inv_gather_begin(&b->job->gather, b->job->source.tree->id_count, b->job->counts.rows);
        b->job->gathers = rc == AL_OK;
    }
    if (rc == AL_OK) {
        rc = import_seen_begin(&b->job->seen, b->job->counts.rows);
    }
    if (rc == AL_OK) {
        rc = stage_rows(b);
    }
    if (rc == AL_OK) {
        rc = stage_once(b);
    }
    if (rc == AL_OK) {
        rc = stage_made(b);
    }
    if (rc < 0 || b->known == 0) {
        char sql[256];
        int64_t count = 0;

        snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", b->stage);
        rc = rc < 0 ? rc : inv_one(b->u->inv, b->u->conn, sql, &count);
        b->result->added = (uint64_t)count - b->result->folders_made;
        return rc;
    }
    memset(b->job->noted, 0, sizeof(b->job->noted));
    rc = inv_next_begin(b->u);
    if (rc == AL_OK) {
        rc = join_known(b);
    }
    b->result->added = n[NOTE_ADDED];
    b->result->folders_made = n[NOTE_MADE];
    b->result->replaced = n[NOTE_REPLACED];
    b->result->evidence = n[NOTE_EVIDENCE];
    b->result->removed = (uint64_t)b->known - n[NOTE_REPLACED] - n[NOTE_EVIDENCE] - n[NOTE_STAYED];
    return rc;
}
