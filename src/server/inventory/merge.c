/* The end of a scan: its entries become what the volume holds. The tables are built anew in the volume's next file
 * (file.c), so readers see one or the other, and nothing is left over after a crash but the batches, which are
 * merged again. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "server/inventory/access_priv.h"

struct merge {
    struct inv_use *u;
    const char *id; /* of the volume */
    struct inv_tree tree;
    struct inv_source source;
    struct inv_gather gather;
    char *folder;
    unsigned slot;
    bool lent;
    bool increment;   /* of the scan that ended last, whose tables are those of now */
    int64_t known;    /* entries before */
    int64_t archived; /* of those, and what came back since the scan began */
    char came[INV_CAME_SQL];
    struct inventory_scan_result result;
};

static void
merge_end(struct merge *m)
{
    if (m->lent) {
        inv_take_back(m->u->inv, m->slot);
    }
    inv_tree_free(&m->tree);
    inv_gather_end(&m->gather);
    al_free(m->folder);
}

/* First pass over the batches: the folders. */
static int
read_folders(struct merge *m)
{
    AL_CLEANUP(al_buf_free) struct al_buf packed = {0};
    AL_CLEANUP(al_buf_free) struct al_buf plain = {0};
    struct entries_reader reader;
    struct entry_record r;
    char path[4096];
    int rc = AL_OK;

    al_buf_init(&packed, 2 * (size_t)ENTRIES_PLAIN_MAX);
    al_buf_init(&plain, ENTRIES_PLAIN_MAX);
    for (uint64_t seq = 1; rc == AL_OK && seq <= m->source.batches; seq++) {
        bool end = false;

        snprintf(path, sizeof(path), "%s/%010llu", m->folder, (unsigned long long)seq);
        al_buf_clear(&packed);
        rc = port_read_file(m->u->inv->port, NULL, path, packed.max, &packed);
        if (rc == AL_OK) {
            rc = entries_unpack(al_buf_span(&packed), &plain, &reader);
        }
        while (rc == AL_OK) {
            rc = entries_next(&reader, &r, &end);
            if (rc < 0 || end) {
                break;
            }
            rc = inv_tree_record(&m->tree, &r);
        }
    }
    return rc < 0 ? rc : inv_tree_connect(&m->tree);
}

/* What is archived is not seen, and stays: a walk that misses it says nothing (invariant 4). Also
 * where its folder is gone, with its placeholders. Nor is gone what came back since the scan began. */
#define STAYS(x)                                                                                   \
    "(" x "state = 5 OR (" x "source = 3 AND " x "epoch >= (SELECT epoch FROM \"v_%s\".meta)))"

/* The folders known from before: which of them are still there, which the scan could not look into.
 */
static int
read_known(struct merge *m)
{
    INV_ROWS(rows);
    char sql[512];
    bool end = false;
    int rc;

    rc = inv_count(m->u, "entry", &m->known);
    if (rc < 0) {
        return rc;
    }
    snprintf(sql, sizeof(sql), "SELECT count(*) FROM \"v_%s\".entry WHERE " STAYS(""), m->id,
             m->id);
    rc = inv_one(m->u->inv, m->u->conn, sql, &m->archived);
    if (rc < 0) {
        return rc;
    }
    /* Numbers are given in preorder: parents come first. Folders with archived files below them stay. */
    if (m->archived > 0) {
        snprintf(
            sql, sizeof(sql),
            "WITH RECURSIVE up AS (SELECT DISTINCT folder AS id FROM \"v_%s\".entry WHERE " STAYS(
                "") " UNION SELECT f.parent FROM up JOIN \"v_%s\".folder f ON f.id = up.id "
                    "WHERE f.parent > 0) SELECT f.id, f.parent, f.name, (f.id IN (SELECT id "
                    "FROM up))::INTEGER, f.flags & 1 FROM \"v_%s\".folder f ORDER BY f.id",
            m->id, m->id, m->id, m->id);
    } else {
        snprintf(sql, sizeof(sql),
                 "SELECT id, parent, name, 0, flags & 1 FROM \"v_%s\".folder ORDER BY id", m->id);
    }
    rc = inv_query(m->u->inv, m->u->conn, sql, true, &rows);
    while (rc == AL_OK) {
        rc = inv_next(&rows, &end);
        if (rc < 0 || end) {
            break;
        }
        rc = inv_tree_stays(&m->tree, (uint32_t)inv_num(&rows, 0), (uint32_t)inv_num(&rows, 1),
                            inv_bytes(&rows, 2), inv_num(&rows, 3) != 0);
        if (rc == AL_OK && inv_num(&rows, 4) != 0) {
            inv_tree_unread(&m->tree, (uint32_t)inv_num(&rows, 0));
        }
    }
    return rc < 0 ? rc : inv_tree_number(&m->tree);
}

/* This very file was known (NULL, and so no, where nothing was). What is known from an import alone
 * (INVENTORY_IMPORTED) is the file of that path, whatever its inode: lists of others have none, or
 * another host's; and where audit logs are the evidence, a path is all there is. */
#define SAME "(t.audited OR o.ino = s.ino OR o.flags & 128 <> 0) AND o.type = s.type"
/* The file of that path that was archived, whatever its inode was. Seen again by a scan that is not
 * older than what was told, it is a file with its content once more. */
#define OURS "(" SAME " OR o.state = 5)"
/* An outcome told of it since the scan began: newer than the scan. */
#define TOLD OURS " AND o.epoch >= t.epoch"
#define HAS_MARKER "s.flags & 2 <> 0"
/* Evidence of a time before: a recall tells one access and not that none came after it; and what was written a day
 * (zones, rounding) after all that a list knows of it is not the content that the list speaks of. */
#define OVERTAKEN                                                                                  \
    "s.accessed_ns > o.accessed_ns AND (o.source = 3 OR (o.source = 1 AND o.flags & 128 <> 0 AND " \
    "o.mtime_ns IS NOT NULL AND s.mtime_ns - 86400000000000 > greatest(o.mtime_ns, "               \
    "o.accessed_ns)))"
/* Nor is a file cold that came back as a new one, or whose number is another one by now, because the walk does not see that
 * it was used: what is stronger stays where it is later, of a recall whatever the file became since. */
#define LATER                                                                                      \
    "o.type = s.type AND (o.source = 3 OR (o.size = s.size AND o.mtime_ns = s.mtime_ns)) AND "     \
    "o.accessed_ns > coalesce(s.accessed_ns, 0)"
#define EVIDENCE                                                                                   \
    "(o.source > 0 AND ((" SAME " AND (t.audited OR NOT coalesce(" OVERTAKEN                       \
    ", false))) OR coalesce(" LATER ", false)))"

static const char first_sql[] =
    "CREATE TABLE \"n_%s\".entry_new AS SELECT s.* REPLACE (CASE WHEN NOT t.audited THEN "
    "s.accessed_ns END AS accessed_ns), 0::UTINYINT AS source, "
    "(CASE WHEN " HAS_MARKER
    " THEN 1 ELSE 0 END)::UTINYINT AS state, NULL::VARCHAR AS object_id, 0::UBIGINT AS epoch, "
    "0::UTINYINT AS found, %s AS came_ns FROM alto_scan(%u::UBIGINT) s CROSS JOIN \"v_%s\".meta t";

/* A stub that nobody told of, whose marker is gone and whose bytes are not back: no scan makes it a
 * file that has its content. */
#define LOST                                                                                       \
    SAME " AND o.state = 1 AND NOT " HAS_MARKER                                                    \
         " AND s.type = 1 AND s.allocated = 0 AND s.size > 0 AND s.size = o.size"                  \
         " AND s.mtime_ns = o.mtime_ns AND o.epoch < t.epoch"
#define FOUND_LOST "4"

/* A scan that sees no marker ends the state stub, but of what is lost; pinned and the two states of
 * work under way are not the scan's to end. */
static const char joined_sql[] =
    "CREATE TABLE \"n_%s\".entry_new AS SELECT s.folder, s.name, s.ext, s.type, s.flags, s.attrs, "
    "s.mode, s.uid, s.gid, s.nlink, s.ino, "
    "CASE WHEN " TOLD " THEN o.size ELSE s.size END AS size, "
    "CASE WHEN " TOLD " THEN o.allocated ELSE s.allocated END AS allocated, "
    "CASE WHEN " TOLD " THEN o.mtime_ns ELSE s.mtime_ns END AS mtime_ns, s.ctime_ns, CASE WHEN "
    "t.audited AND " SAME " THEN greatest(s.btime_ns, o.btime_ns) ELSE s.btime_ns END AS btime_ns, "
    "CASE WHEN " EVIDENCE " THEN o.accessed_ns WHEN NOT t.audited THEN s.accessed_ns END AS "
    "accessed_ns, "
    "(CASE WHEN " EVIDENCE " THEN o.source ELSE 0 END)::UTINYINT AS source, "
    "(CASE WHEN " OURS
    " AND (o.epoch >= t.epoch OR o.state IN (2, 3, 4)) THEN o.state WHEN " HAS_MARKER " OR (" LOST
    ") THEN 1 ELSE 0 END)::UTINYINT AS state, "
    "CASE WHEN " OURS " AND (o.epoch >= t.epoch OR o.state IN (2, 3, 4) OR " HAS_MARKER " OR (" LOST
    ")) THEN o.object_id END AS object_id, "
    "(CASE WHEN " OURS " THEN o.epoch ELSE 0 END)::UBIGINT AS epoch, "
    "(CASE WHEN o.name IS NULL THEN 0 WHEN " LOST " THEN " FOUND_LOST " WHEN " SAME
    " AND o.size = s.size AND o.mtime_ns = s.mtime_ns AND o.ctime_ns = s.ctime_ns "
    "AND o.flags = s.flags THEN 1 ELSE 2 END)::UTINYINT AS found, CASE WHEN o.type = s.type THEN "
    "o.came_ns ELSE %s END AS came_ns "
    "FROM alto_scan(%u::UBIGINT) s LEFT JOIN (SELECT e.*, m.new AS in_folder FROM \"v_%s\".entry e "
    "JOIN alto_map(%u::UBIGINT) m ON e.folder = m.old) o "
    "ON o.in_folder = s.folder AND o.name = s.name CROSS JOIN \"v_%s\".meta t";

/* What is known below folders that could not be read, and was not seen. What an increment does not go to stays lost. */
#define STAYS_LOST                                                                                 \
    "CASE WHEN e.found = " FOUND_LOST " AND e.state = 1 THEN " FOUND_LOST " ELSE 3 END"
static const char kept_sql[] =
    "INSERT INTO \"n_%s\".entry_new SELECT m.new AS folder, e.name, e.ext, e.type, e.flags, "
    "e.attrs, e.mode, e.uid, e.gid, e.nlink, e.ino, e.size, "
    "e.allocated, e.mtime_ns, e.ctime_ns, e.btime_ns, e.accessed_ns, e.source, e.state, "
    "e.object_id, e.epoch, (%s)::UTINYINT AS found, e.came_ns "
    "FROM \"v_%s\".entry e JOIN alto_map(%u::UBIGINT) m ON e.folder = m.old WHERE m.keep AND NOT "
    "EXISTS "
    "(SELECT 1 FROM \"n_%s\".entry_new n WHERE n.folder = m.new AND n.name = e.name)";

/* A file with several names changed, and was seen under one of them: what is kept under another is the same file. Only
 * what changed later counts, since a listing may tell late of a name that nobody used. */
static const char names_sql[] =
    "UPDATE \"n_%s\".entry_new AS k SET attrs = s.attrs, mode = s.mode, uid = s.uid, gid = s.gid, "
    "nlink = s.nlink, size = s.size, allocated = s.allocated, mtime_ns = s.mtime_ns, ctime_ns = "
    "s.ctime_ns, accessed_ns = CASE WHEN k.source = 0 AND s.source = 0 THEN "
    "greatest(k.accessed_ns, "
    "s.accessed_ns) ELSE k.accessed_ns END, found = 2 FROM (SELECT DISTINCT ON (ino) * FROM "
    "\"n_%s\".entry_new WHERE found <> 3 AND type = 1 AND ino <> 0 ORDER BY ino, ctime_ns DESC) s "
    "WHERE k.found = 3 AND k.type = 1 AND k.ino = s.ino AND k.state NOT IN (1, 5) AND k.flags & "
    "128 = 0 AND s.ctime_ns > k.ctime_ns AND k.epoch < (SELECT epoch FROM \"v_%s\".meta)";

/* What came back in place since the scan began, and was renamed before the walk met it, is where the walk found it. Where logs
 * are the evidence, their moves tell of it. */
#define RENAMED                                                                                    \
    "e.state <> 5 AND NOT (SELECT audited FROM \"v_%s\".meta) AND EXISTS (SELECT 1 FROM "          \
    "\"n_%s\".entry_new n WHERE n.found = 0 AND n.type = e.type AND n.size = e.size AND "          \
    "n.mtime_ns = e.mtime_ns AND (n.ino = e.ino OR e.ino = 0))"
static const char archived_sql[] =
    "INSERT INTO \"n_%s\".entry_new SELECT m.new AS folder, e.name, e.ext, e.type, e.flags, "
    "e.attrs, e.mode, e.uid, e.gid, e.nlink, e.ino, e.size, "
    "e.allocated, e.mtime_ns, e.ctime_ns, e.btime_ns, e.accessed_ns, e.source, e.state, "
    "e.object_id, e.epoch, 3::UTINYINT AS found, e.came_ns "
    "FROM \"v_%s\".entry e JOIN alto_map(%u::UBIGINT) m ON e.folder = m.old WHERE " STAYS(
        "e.") " "
              "AND m.new > 0 AND NOT EXISTS "
              "(SELECT 1 FROM \"n_%s\".entry_new n WHERE n.folder = m.new AND n.name = e.name) AND "
              "NOT (" RENAMED ")";
/* Its placeholder is no file of its own. */
static const char holders_sql[] =
    "DELETE FROM \"n_%s\".entry_new WHERE rowid IN (SELECT h.rowid FROM \"n_%s\".entry_new h JOIN "
    "\"n_%s\".entry_new a ON a.folder = h.folder AND " STAYS(
        "a.") " AND h.name = a.name || "
              "'.alto'::BLOB WHERE h.type = 1 AND h.state = 0 AND h.size <= 65536)";

/* A folder that changed while it was listed can give a name twice. */
static const char twice_sql[] =
    "SELECT count(*) - count(DISTINCT hash(folder, name)) FROM \"n_%s\".entry_new";
static const char once_sql[] =
    "DELETE FROM \"n_%s\".entry_new WHERE rowid IN (SELECT rowid FROM (SELECT rowid, row_number() "
    "OVER (PARTITION BY folder, name ORDER BY rowid) AS n "
    "FROM \"n_%s\".entry_new) WHERE n > 1)";

static int
build_entries(struct merge *m)
{
    struct inventory *inv = m->u->inv;
    struct inv_conn *c = m->u->conn;
    int64_t twice = 0;
    char sql[512];
    int rc;

    if (m->known == 0) {
        rc = inv_runf(inv, c, first_sql, m->id, m->came, m->slot, m->id);
    } else {
        rc = inv_runf(inv, c, joined_sql, m->id, m->came, m->slot, m->id, m->slot, m->id);
    }
    if (rc < 0 && m->source.rc < 0) {
        return m->source.rc; /* DuckDB only says that our function failed */
    }
    if (rc == AL_OK && m->known > 0 && m->tree.unreadable + m->tree.unchanged > 0) {
        rc = inv_runf(inv, c, kept_sql, m->id, m->increment ? STAYS_LOST : "3", m->id, m->slot,
                      m->id);
        rc = rc < 0 || !m->increment ? rc : inv_runf(inv, c, names_sql, m->id, m->id, m->id);
    }
    if (rc == AL_OK && m->archived > 0) {
        rc = inv_runf(inv, c, archived_sql, m->id, m->id, m->slot, m->id, m->id, m->id, m->id);
        rc = rc < 0 ? rc : inv_runf(inv, c, holders_sql, m->id, m->id, m->id, m->id);
    }
    if (rc == AL_OK) {
        snprintf(sql, sizeof(sql), twice_sql, m->id);
        rc = inv_one(inv, c, sql, &twice);
    }
    /* Two names of one hash are told apart here. */
    if (rc == AL_OK && twice > 0) {
        rc = inv_runf(inv, c, once_sql, m->id, m->id);
    }
    return rc == AL_OK && m->known > 0 && !m->u->volume->coverage.audited
               ? inv_find_moved(m->u, m->slot)
               : rc;
}

static int
count_found(struct merge *m)
{
    INV_ROWS(rows);
    char sql[256];
    bool end = false;
    uint64_t matched = 0;
    int rc;

    snprintf(sql, sizeof(sql), "SELECT found, count(*) FROM \"n_%s\".entry_new GROUP BY found",
             m->id);
    rc = inv_query(m->u->inv, m->u->conn, sql, false, &rows);
    while (rc == AL_OK) {
        uint64_t n;

        rc = inv_next(&rows, &end);
        if (rc < 0 || end) {
            break;
        }
        n = (uint64_t)inv_num(&rows, 1);
        switch (inv_num(&rows, 0)) {
        case 0:
            m->result.added = n;
            break;
        case 2:
            m->result.changed = n;
            matched += n;
            break;
        case 3:
            m->result.kept = n;
            break;
        case INV_FOUND_MOVED:
            m->result.moved = n;
            matched += n;
            break;
        default:
            matched += n;
        }
    }
    m->result.entries = m->result.added + matched + (m->increment ? m->result.kept : 0);
    m->result.folders = m->tree.id_count;
    m->result.unreadable = m->tree.unreadable;
    m->result.gone = (uint64_t)m->known - matched - m->result.kept;
    m->result.left_out = m->source.left_out;
    return rc;
}

static int
build_owners(struct merge *m)
{
    AL_CLEANUP(inv_append_end) struct inv_append a = {0};
    int rc;

    if (m->tree.owner_count == 0) {
        return AL_OK;
    }
    /* An increment meets few of them. */
    rc =
        m->increment ? AL_OK : inv_runf(m->u->inv, m->u->conn, "DELETE FROM \"n_%s\".owner", m->id);
    if (rc == AL_OK) {
        rc = inv_append_begin(m->u, "owner", &a);
    }
    for (uint32_t i = 0; rc == AL_OK && i < m->tree.owner_count; i++) {
        const struct inv_owner *o = &m->tree.owners[i];
        duckdb_state bad = duckdb_append_uint32(a.a, o->uid);

        bad |= duckdb_append_blob(a.a, m->tree.names + o->name_at, o->name_len);
        rc = inv_append_row(&a, bad);
    }
    if (rc == AL_OK) {
        rc = inv_append_close(&a);
    }
    /* A name told twice for a user would double that user's files in a join. */
    return rc < 0 ? rc
                  : inv_runf(m->u->inv, m->u->conn,
                             "DELETE FROM \"n_%s\".owner WHERE rowid NOT IN (SELECT max(rowid) "
                             "FROM \"n_%s\".owner GROUP BY uid)",
                             m->id, m->id);
}

static int
end_tables(struct merge *m, const char *scan_id, int64_t now_ns)
{
    const struct inventory_scan_result *r = &m->result;
    int rc = inv_next_entries(m->u);

    if (rc < 0) {
        return rc;
    }
    return inv_runf(
        m->u->inv, m->u->conn,
        "UPDATE \"n_%s\".meta SET last_scan_id = '%s', last_scan_ns = %lld, entries = "
        "%llu, folders = %llu, unreadable = %llu, "
        "added = %llu, changed = %llu, gone = %llu, kept = %llu, left_out = %llu, moved = "
        "%llu",
        m->id, scan_id, (long long)now_ns, (unsigned long long)r->entries,
        (unsigned long long)r->folders, (unsigned long long)r->unreadable,
        (unsigned long long)r->added, (unsigned long long)r->changed, (unsigned long long)r->gone,
        (unsigned long long)r->kept, (unsigned long long)r->left_out, (unsigned long long)r->moved);
}

static int
merge(struct inv_use *u, const char *scan_id, bool increment, uint64_t batches, int64_t now_ns,
      struct inventory_scan_result *ret)
{
    AL_CLEANUP(merge_end) struct merge m = {.u = u, .id = u->volume->id, .increment = increment};
    int rc;

    m.folder = inv_scan_path(u->inv, m.id, scan_id);
    if (m.folder == NULL) {
        return AL_ENOMEM;
    }
    m.source =
        (struct inv_source){.inv = u->inv, .folder = m.folder, .batches = batches, .tree = &m.tree};
    rc = inv_lend(u->inv, &m.source, &m.slot);
    m.lent = rc == AL_OK;
    if (rc == AL_OK) {
        rc = read_folders(&m);
    }
    if (rc == AL_OK) {
        rc = inv_next_begin(u);
    }
    if (rc == AL_OK) {
        rc = read_known(&m);
    }
    if (rc == AL_OK) {
        rc = inv_came_unknown(u, now_ns, m.came);
    }
    if (rc == AL_OK) {
        rc = build_entries(&m);
    }
    if (rc == AL_OK) {
        rc = count_found(&m);
    }
    if (rc == AL_OK) {
        rc = inv_next_sum(u, &m.tree, &m.gather);
    }
    if (rc == AL_OK) {
        rc = inv_next_folders(u, &m.tree);
    }
    if (rc == AL_OK) {
        rc = build_owners(&m);
    }
    if (rc == AL_OK) {
        rc = end_tables(&m, scan_id, now_ns);
    }
    if (rc == AL_OK) {
        rc = inv_summaries_write(u, INV_NEXT, &m.gather);
    }
    if (rc == AL_OK) {
        rc = inv_access_merged(u, true, now_ns);
    }
    if (rc == AL_OK) {
        rc = inv_next_commit(u);
    }
    if (rc == AL_OK) {
        inv_access_after(u, now_ns);
        *ret = m.result;
    }
    return rc;
}

int
inventory_lost(struct inventory *inv, const struct inventory_scope *scope, const char *volume_id,
               size_t max, inventory_row_fn *fn, void *ctx)
{
    INV_USE(u);
    AL_CLEANUP(al_buf_free) struct al_buf scratch = {0};
    INV_ROWS(rows);
    INV_SQL(sql);
    bool end = false;
    int rc = inv_use_begin(inv, scope, volume_id, false, &u);

    al_buf_init(&scratch, 2 * INVENTORY_PATH_MAX);
    if (rc < 0) {
        return rc;
    }
    inv_put(&sql,
            "SELECT " INV_ROW_COLUMNS
            " FROM (SELECT e.*, f.path AS fpath FROM \"v_%s\".entry e JOIN "
            "\"v_%s\".folder f ON f.id = e.folder WHERE e.found = " FOUND_LOST
            " AND e.state = 1) ORDER BY fpath, name",
            u.volume->id, u.volume->id);
    if (max > 0) {
        inv_put(&sql, " LIMIT %zu", max);
    }
    rc = sql.rc < 0 ? sql.rc : inv_query(inv, u.conn, (char *)sql.text.at, false, &rows);
    while (rc == AL_OK) {
        struct inventory_row row;

        rc = inv_next(&rows, &end);
        if (rc < 0 || end) {
            break;
        }
        rc = inv_row(&rows, false, &scratch, &row);
        if (rc == AL_OK) {
            rc = fn(ctx, &row);
        }
    }
    return rc;
}

/* The result of the scan that was ended last. */
static int
last_result(struct inv_use *u, const char *scan_id, bool *ret_is, struct inventory_scan_result *ret)
{
    INV_ROWS(rows);
    char sql[256];
    bool end = true;
    int rc;

    snprintf(sql, sizeof(sql),
             "SELECT entries, folders, unreadable, added, changed, gone, kept, left_out, moved "
             "FROM \"v_%s\".meta WHERE last_scan_id = '%s'",
             u->volume->id, scan_id);
    rc = inv_query(u->inv, u->conn, sql, false, &rows);
    if (rc == AL_OK) {
        rc = inv_next(&rows, &end);
    }
    if (rc < 0) {
        return rc;
    }
    *ret_is = !end;
    if (!end) {
        *ret = (struct inventory_scan_result){.entries = (uint64_t)inv_num(&rows, 0),
                                              .folders = (uint64_t)inv_num(&rows, 1),
                                              .unreadable = (uint64_t)inv_num(&rows, 2),
                                              .added = (uint64_t)inv_num(&rows, 3),
                                              .changed = (uint64_t)inv_num(&rows, 4),
                                              .gone = (uint64_t)inv_num(&rows, 5),
                                              .kept = (uint64_t)inv_num(&rows, 6),
                                              .left_out = (uint64_t)inv_num(&rows, 7),
                                              .moved = (uint64_t)inv_num(&rows, 8)};
    }
    return AL_OK;
}

/* follows NULL: a scan of everything. */
static int
end_scan(struct inventory *inv, const struct inventory_scope *scope, const char *volume_id,
         const char *scan_id, const char *follows, int64_t now_ns,
         struct inventory_scan_result *ret)
{
    INV_USE(u);
    struct inventory_scan_result result = {0};
    uint64_t batches = 0;
    bool ended = false, fits = true;
    int rc;

    if (!al_id_valid(scan_id) || (follows != NULL && !al_id_valid(follows))) {
        return AL_EINVAL;
    }
    rc = inv_use_begin(inv, scope, volume_id, true, &u);
    if (rc == AL_OK) {
        rc = last_result(&u, scan_id, &ended, &result);
    }
    if (rc == AL_OK && !ended) {
        if (!inv_scan_is(&u, scan_id, &batches)) {
            return AL_ECHANGED;
        }
        rc = follows != NULL ? inv_scan_followed(&u, follows, &fits) : AL_OK;
        if (rc == AL_OK && fits) {
            rc = batches > 0 ? merge(&u, scan_id, follows != NULL, batches, now_ns, &result)
                             : AL_ENODATA;
        }
        if (rc == AL_OK) {
            /* Batches that stay are recognised and removed when the volume is opened next, or with
             * the next scan. */
            inv_set_scan(&u, "", 0);
            if (inv_remove_scans(inv, volume_id, NULL) < 0) {
                al_log(inv->log, AL_LOG_DEBUG, "inventory: batches of scan %s stay", scan_id);
            }
        }
    }
    if (rc == AL_OK && !fits) {
        return AL_ECONFLICT;
    }
    if (rc == AL_OK && ret != NULL) {
        *ret = result;
    }
    return rc;
}

int
inventory_scan_end(struct inventory *inv, const struct inventory_scope *scope,
                   const char *volume_id, const char *scan_id, int64_t now_ns,
                   struct inventory_scan_result *ret)
{
    return end_scan(inv, scope, volume_id, scan_id, NULL, now_ns, ret);
}

int
inventory_increment_end(struct inventory *inv, const struct inventory_scope *scope,
                        const char *volume_id, const char *scan_id, const char *follows,
                        int64_t now_ns, struct inventory_scan_result *ret)
{
    return follows == NULL ? AL_EINVAL
                           : end_scan(inv, scope, volume_id, scan_id, follows, now_ns, ret);
}
