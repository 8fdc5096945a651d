/* Files that came back under a name that nobody knew, and whose placeholders had been renamed. */
#include "server/inventory/access_priv.h"

int
inv_back_folders(struct inv_use *u)
{
    INV_PLACE(p);
    int rc = inv_place_begin(&p, u);

    if (rc == AL_OK) {
        rc = inv_folders_ensure(&p,
                                "SELECT in_path AS path FROM temp.told WHERE set_bits & 64 <> 0");
    }
    return rc < 0 ? rc : inv_place_end(&p);
}

/* All entries are looked through only where an object is not archived at the path at which it came back, nor
 * a file there already. */
static const char strayed_sql[] = "CREATE OR REPLACE TEMP TABLE strayed AS SELECT DISTINCT "
                                  "t.back_id FROM temp.told t WHERE t.back_id IS NOT "
                                  "NULL AND NOT EXISTS (SELECT 1 FROM temp.met m WHERE m.was_state "
                                  "= 5 AND m.was_object_id = t.back_id "
                                  "AND NOT m.gone AND m.state <> 5)";
static const char others_sql[] =
    "INSERT INTO temp.met SELECT e.rowid, e.*, true, e.state, e.object_id, e.allocated, e.size, "
    "e.mtime_ns, e.accessed_ns, e.source, e.epoch, e.btime_ns FROM \"v_%s\".entry e WHERE e.state "
    "= 5 AND "
    "e.object_id IN (SELECT back_id FROM temp.strayed) AND e.rowid NOT IN (SELECT rid FROM "
    "temp.met)";
static const char also_sql[] =
    "UPDATE temp.met SET gone = true WHERE state = 5 AND object_id IN (SELECT back_id FROM "
    "temp.strayed)";

int
inv_back_elsewhere(struct inv_use *u, bool *ret)
{
    int64_t gone = 0, strayed = 0;
    int rc = inv_run(u->inv, u->conn, strayed_sql);

    if (rc == AL_OK) {
        rc = inv_one(u->inv, u->conn, "SELECT count(*) FROM temp.strayed", &strayed);
    }
    if (rc < 0 || strayed == 0) {
        return rc;
    }
    rc = inv_runf_long(u->inv, u->conn, others_sql, u->volume->id);
    if (rc == AL_OK) {
        rc = inv_run(u->inv, u->conn, also_sql);
    }
    if (rc == AL_OK) {
        rc = inv_one(u->inv, u->conn, "SELECT count(*) FROM temp.met WHERE gone", &gone);
    }
    if (rc == AL_OK) {
        *ret = gone > 0;
    }
    return rc;
}

int
inv_back_sums(struct inv_use *u)
{
    INV_PLACE(p);
    int rc = inv_place_begin(&p, u);

    if (rc == AL_OK) {
        rc = inv_run(u->inv, u->conn,
                     "INSERT INTO temp.touched SELECT DISTINCT in_folder FROM temp.told_in WHERE "
                     "set_bits & 64 <> 0");
    }
    p.changed = true;
    return rc < 0 ? rc : inv_place_end(&p);
}
