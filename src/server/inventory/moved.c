/* Files that are at another path than before: the inode says that they are the same. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "server/inventory/inventory_priv.h"

/* What turned up where nothing was known. What a rename leaves as it is must be as it was, so that a new file that
 * got an old number inherits nothing: size, change of content, and the time of birth. Where the filesystem
 * knows no births, the inode's own change must not have moved either: a folder above was renamed. A file renamed by
 * itself is a new one there, which loses evidence but never makes a warm file look cold. */
static const char pairs_sql[] =
    "CREATE OR REPLACE TEMP TABLE moved AS WITH came AS (SELECT n.rowid AS rid, n.ino, n.type, "
    "n.size, n.mtime_ns, n.ctime_ns, n.btime_ns, n.name, n.flags, n.allocated FROM "
    "\"n_%s\".entry_new n WHERE n.found = 0 AND n.ino <> 0), "
    "went AS (SELECT e.* FROM \"v_%s\".entry e SEMI JOIN came c ON e.ino = c.ino AND e.type = "
    "c.type AND e.size = c.size AND e.mtime_ns = c.mtime_ns WHERE e.state <> 5 AND NOT EXISTS "
    "(SELECT 1 FROM "
    "alto_map(%u::UBIGINT) m JOIN \"n_%s\".entry_new n ON n.folder = m.new WHERE m.old = e.folder "
    "AND n.name = e.name AND n.ino = e.ino AND n.type = e.type)), "
    /* Of one inode may have several names: any of the old evidence is of it, and each serves one. */
    "came_n AS (SELECT *, row_number() OVER (PARTITION BY ino, type ORDER BY name, rid) AS n FROM "
    "came), "
    "went_n AS (SELECT *, row_number() OVER (PARTITION BY ino, type ORDER BY name, folder) AS n "
    "FROM went) "
    "SELECT c.rid, w.accessed_ns, w.source, w.state, w.object_id, w.epoch, w.allocated, w.epoch >= "
    "t.epoch AS told, (w.state = 1 AND (c.flags & 2) = 0 AND c.type = 1 AND c.allocated = 0 AND "
    "c.size > 0 AND w.epoch < t.epoch) AS lost "
    "FROM came_n c JOIN went_n w ON w.ino = c.ino AND w.type = c.type AND w.n = c.n AND w.size = "
    "c.size AND w.mtime_ns = c.mtime_ns AND c.ctime_ns >= w.ctime_ns AND ((w.btime_ns IS NOT NULL "
    "AND w.btime_ns = c.btime_ns) OR ((w.btime_ns IS NULL OR c.btime_ns IS NULL) AND w.ctime_ns = "
    "c.ctime_ns)) CROSS JOIN \"v_%s\".meta t";

/* As joined_sql of merge.c has it for a file that is where it was. */
#define EVIDENCE                                                                                   \
    "p.source > 0 AND NOT coalesce(p.source = 3 AND n.accessed_ns > p.accessed_ns, false)"
static const char update_sql[] =
    "UPDATE \"n_%s\".entry_new AS n SET "
    "accessed_ns = CASE WHEN " EVIDENCE " THEN p.accessed_ns ELSE n.accessed_ns END, "
    "source = (CASE WHEN " EVIDENCE " THEN p.source ELSE 0 END)::UTINYINT, allocated = CASE WHEN "
    "p.told THEN p.allocated ELSE n.allocated END, "
    "state = (CASE WHEN p.told OR p.state >= 2 THEN p.state WHEN (n.flags & 2) <> 0 OR p.lost THEN "
    "1 ELSE 0 END)::UTINYINT, "
    "object_id = CASE WHEN p.told OR p.state >= 2 OR (n.flags & 2) <> 0 OR p.lost THEN p.object_id "
    "END, epoch = p.epoch, found = (CASE WHEN p.lost THEN %d ELSE %d END)::UTINYINT "
    "FROM temp.moved p WHERE n.rowid = p.rid";

/* What came back is a new file, whose number nobody told: renamed since, it is known by its size and time of change. It takes
 * no more from there than that it was used. What came back since the scan began is kept where it was, seen or not. */
static const char recalled_sql[] =
    "UPDATE \"n_%s\".entry_new AS n SET accessed_ns = w.accessed_ns, source = w.source FROM "
    "(SELECT "
    "size, mtime_ns, max(accessed_ns) AS accessed_ns, arg_max(source, accessed_ns) AS source FROM "
    "\"v_%s\".entry e WHERE type = 1 AND source = 3 AND size > 0 AND NOT EXISTS (SELECT 1 FROM "
    "alto_map(%u::UBIGINT) m JOIN \"n_%s\".entry_new g ON g.folder = m.new WHERE m.old = e.folder "
    "AND "
    "g.name = e.name AND g.type = e.type AND NOT (g.found = 3 AND g.epoch >= (SELECT epoch FROM "
    "\"v_%s\".meta))) GROUP BY size, mtime_ns) w WHERE n.found = 0 AND n.type "
    "= "
    "1 AND n.size = w.size AND n.mtime_ns = w.mtime_ns AND coalesce(n.accessed_ns, 0) < "
    "w.accessed_ns";

static int
find_recalled(struct inv_use *u, unsigned slot)
{
    const char *id = u->volume->id;
    char sql[128];
    int64_t recalled = 0;
    int rc;

    snprintf(sql, sizeof(sql), "SELECT count(*) FROM \"v_%s\".entry WHERE source = 3", id);
    rc = inv_one(u->inv, u->conn, sql, &recalled);
    return rc < 0 || recalled == 0 ? rc
                                   : inv_runf(u->inv, u->conn, recalled_sql, id, id, slot, id, id);
}

int
inv_find_moved(struct inv_use *u, unsigned slot)
{
    const char *id = u->volume->id;
    int64_t moved = 0;
    int rc = inv_runf(u->inv, u->conn, pairs_sql, id, id, slot, id, id);

    if (rc == AL_OK) {
        rc = inv_one(u->inv, u->conn, "SELECT count(*) FROM temp.moved", &moved);
    }
    if (rc == AL_OK && moved > 0) {
        rc = inv_runf(u->inv, u->conn, update_sql, id, INV_FOUND_LOST, INV_FOUND_MOVED);
    }
    return rc < 0 ? rc : find_recalled(u, slot);
}
