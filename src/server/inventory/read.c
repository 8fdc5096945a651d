/* One file or folder, and totals. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "server/inventory/inventory_priv.h"

#define OWNER_COLUMN (INV_ROW_COUNT + 2u)

int
inv_query_entry(struct inv_use *u, struct al_span path, struct inv_rows *ret)
{
    struct al_span name = rule_name_of(path);
    INV_SQL(sql);

    inv_put(&sql,
            "SELECT " INV_ROW_COLUMNS ", c_files, c_bytes, w_name FROM (SELECT e.*, f.path AS "
            "fpath, c.files AS c_files, c.bytes AS c_bytes, w.name AS w_name "
            "FROM \"v_%s\".entry e JOIN \"v_%s\".folder f ON e.folder = f.id LEFT JOIN "
            "\"v_%s\".folder c ON c.parent = e.folder AND c.name = e.name "
            "LEFT JOIN \"v_%s\".owner w ON w.uid = e.uid WHERE f.path = ",
            u->volume->id, u->volume->id, u->volume->id, u->volume->id);
    inv_put_blob(&sql, (struct al_span){path.at, path.len - name.len - 1});
    inv_put(&sql, " AND e.name = ");
    inv_put_blob(&sql, name);
    inv_put(&sql, ") LIMIT 1");
    return sql.rc < 0 ? sql.rc : inv_query(u->inv, u->conn, (char *)sql.text.at, false, ret);
}

/* The root has no entry of its own. */
static int
query_root(struct inv_use *u, struct inv_rows *ret)
{
    char sql[512];

    snprintf(sql, sizeof(sql),
             "SELECT path, name, %d, 0, flags, 0, 0, 0, 0, 0, 0, NULL::BIGINT, 0, 0, 0, 0, 1, 0, "
             "NULL::VARCHAR, NULL::BIGINT, files, bytes, NULL::BLOB "
             "FROM \"v_%s\".folder WHERE parent = 0",
             PORT_T_FOLDER, u->volume->id);
    return inv_query(u->inv, u->conn, sql, false, ret);
}

int
inventory_stat(struct inventory *inv, const struct inventory_scope *scope, const char *volume_id,
               struct al_span path, inventory_row_fn *fn, void *ctx)
{
    INV_USE(u);
    AL_CLEANUP(al_buf_free) struct al_buf clean = {0};
    AL_CLEANUP(al_buf_free) struct al_buf scratch = {0};
    INV_ROWS(rows);
    struct inventory_row row;
    bool end = true;
    int rc;

    al_buf_init(&clean, INVENTORY_PATH_MAX);
    al_buf_init(&scratch, 2 * INVENTORY_PATH_MAX);
    rc = inv_use_begin(inv, scope, volume_id, false, &u);
    if (rc < 0) {
        return rc;
    }
    rc = inv_path_clean(path, &clean);
    if (rc < 0) {
        return rc == AL_EINVAL ? AL_ENODATA : rc;
    }
    rc = clean.len == 0 ? query_root(&u, &rows) : inv_query_entry(&u, al_buf_span(&clean), &rows);
    if (rc == AL_OK) {
        rc = inv_next(&rows, &end);
    }
    if (rc < 0 || end) {
        return rc < 0 ? rc : AL_ENODATA;
    }
    rc = inv_row(&rows, true, &scratch, &row);
    if (rc == AL_OK && clean.len == 0) {
        row.path.len = 1;
    }
    row.owner = inv_bytes(&rows, OWNER_COLUMN); /* nothing where it is NULL */
    return rc < 0 ? rc : fn(ctx, &row);
}

/* ---- totals ---- */

#define IS_STUB "type = 1 AND state IN (1, 5)"

static int
read_totals(struct inv_use *u, struct inventory_totals *ret)
{
    INV_ROWS(rows);
    const char *id = u->volume->id;
    unsigned long long block = u->volume->block_bytes;
    struct inventory_totals t = {0};
    char sql[1536];
    bool end = true;
    int rc;

    snprintf(
        sql, sizeof(sql),
        "SELECT count(*) FILTER (type = 1), count(*) FILTER (type = 2), "
        "count(*) FILTER (type NOT IN (1, 2)), " INV_SUM_IF("size", "type = 1") ", " INV_SUM_IF(
            "allocated", "type = 1") ", count(*) FILTER (" IS_STUB
                                     "), " INV_SUM_IF("size", IS_STUB) ", " INV_SUM_IF(
                                         "greatest(" INV_ROUNDED " - allocated, 0)",
                                         IS_STUB) ", "
                                                  "(SELECT count(*) FROM \"v_%s\".folder WHERE "
                                                  "flags & 1 <> 0), (SELECT last_scan_ns "
                                                  "FROM \"v_%s\".meta), "
                                                  "(SELECT last_scan_id FROM \"v_%s\".meta), "
                                                  "(SELECT count(*) FROM \"v_%s\".folder "
                                                  "WHERE parent = 0) FROM \"v_%s\".entry",
        block - 1, block, block, id, id, id, id, id);
    rc = inv_query(u->inv, u->conn, sql, false, &rows);
    if (rc == AL_OK) {
        rc = inv_next(&rows, &end);
    }
    if (rc < 0 || end) {
        return rc < 0 ? rc : AL_ECORRUPT;
    }
    t.files = (uint64_t)inv_num(&rows, 0);
    t.folders = (uint64_t)(inv_num(&rows, 1) + inv_num(&rows, 11)); /* the root has no entry */
    t.others = (uint64_t)inv_num(&rows, 2);
    t.bytes = (uint64_t)inv_num(&rows, 3);
    t.allocated = (uint64_t)inv_num(&rows, 4);
    t.stub_files = (uint64_t)inv_num(&rows, 5);
    t.stub_bytes = (uint64_t)inv_num(&rows, 6);
    t.freed_bytes = (uint64_t)inv_num(&rows, 7);
    t.unreadable = (uint64_t)inv_num(&rows, 8);
    t.last_scan_ns = inv_num(&rows, 9);
    inv_id(&rows, 10, t.last_scan_id);
    *ret = t;
    return AL_OK;
}

int
inventory_totals(struct inventory *inv, const struct inventory_scope *scope, const char *volume_id,
                 struct inventory_totals *ret)
{
    INV_USE(u);
    struct inventory_totals t = {0};
    uint64_t version;
    bool known;
    int rc = inv_use_begin(inv, scope, volume_id, false, &u);

    if (rc < 0) {
        return rc;
    }
    port_mutex_lock(&u.volume->lock);
    known = u.volume->totals_known;
    version = u.volume->version;
    t = u.volume->totals;
    port_mutex_unlock(&u.volume->lock);
    if (!known) {
        rc = read_totals(&u, &t);
        if (rc < 0) {
            return rc;
        }
        port_mutex_lock(&u.volume->lock);
        if (u.volume->version == version) { /* nothing was committed while we read */
            u.volume->totals = t;
            u.volume->totals_known = true;
        }
        port_mutex_unlock(&u.volume->lock);
    }
    *ret = t;
    return AL_OK;
}
