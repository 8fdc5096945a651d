/* What lies beside the entries: folders with their sums, owners, the import's own result; and the change of
 * places. */
#include <stdio.h>
#include <string.h>

#include "server/inventory/import_priv.h"

static int
sum_folders(struct import_build *b)
{
    INV_ROWS(rows);
    struct inv_tree *t = b->job->source.tree;
    char sql[256];
    bool end = false;
    int rc;

    snprintf(sql, sizeof(sql),
             "SELECT folder, count(*), " INV_SUM(
                 "size") " FROM \"v_%s\".entry_new WHERE type = %d GROUP BY folder",
             b->u->volume->id, PORT_T_FILE);
    rc = inv_query(b->u->inv, b->u->conn, sql, false, &rows);
    while (rc == AL_OK) {
        struct inv_node *n;

        rc = inv_next(&rows, &end);
        if (rc < 0 || end) {
            break;
        }
        n = &t->nodes[t->by_id[inv_num(&rows, 0)]];
        n->files = (uint64_t)inv_num(&rows, 1);
        n->bytes = (uint64_t)inv_num(&rows, 2);
    }
    if (rc == AL_OK) {
        inv_tree_sum(t);
    }
    return rc;
}

struct appender {
    duckdb_appender a;
    struct inventory *inv;
};

static void
appender_end(struct appender *a)
{
    if (a->a != NULL) {
        (void)duckdb_appender_destroy(
            &a->a); /* closed on the main path; here something failed already */
    }
}

static int
appender_begin(struct import_build *b, const char *table, struct appender *ret)
{
    char catalog[AL_ID_LEN + 3];

    snprintf(catalog, sizeof(catalog), "v_%s", b->u->volume->id);
    ret->inv = b->u->inv;
    return duckdb_appender_create_ext(b->u->conn->con, catalog, "main", table, &ret->a) ==
                   DuckDBSuccess
               ? AL_OK
               : inv_error(ret->inv, DUCKDB_ERROR_CATALOG,
                           ret->a != NULL ? duckdb_appender_error(ret->a) : NULL);
}

static int
appender_close(struct appender *a)
{
    return duckdb_appender_close(a->a) == DuckDBSuccess
               ? AL_OK
               : inv_error(a->inv, DUCKDB_ERROR_IO, duckdb_appender_error(a->a));
}

static int
append_folder(const struct inv_tree *t, struct appender *a, uint32_t id, struct al_buf *path)
{
    const struct inv_node *n = &t->nodes[t->by_id[id]];
    duckdb_state bad = DuckDBSuccess;
    int rc;

    al_buf_clear(path);
    rc = inv_tree_path(t, t->by_id[id], path);
    if (rc < 0) {
        return rc;
    }
    bad |= duckdb_append_uint32(a->a, id);
    bad |= duckdb_append_uint32(a->a, n->parent != 0 ? t->nodes[n->parent].id : 0);
    bad |= duckdb_append_uint32(a->a, n->last);
    bad |= duckdb_append_blob(a->a, path->at != NULL ? path->at : (uint8_t *)"", path->len);
    bad |= duckdb_append_blob(a->a, n->name_len > 0 ? (const void *)(t->names + n->name_at) : "",
                              n->name_len);
    bad |= duckdb_append_uint32(a->a, n->flags);
    bad |= duckdb_append_uint64(a->a, n->files);
    bad |= duckdb_append_uint64(a->a, n->bytes);
    bad |= duckdb_appender_end_row(a->a);
    return bad == DuckDBSuccess ? AL_OK
                                : inv_error(a->inv, DUCKDB_ERROR_IO, duckdb_appender_error(a->a));
}

static int
build_folders(struct import_build *b)
{
    AL_CLEANUP(appender_end) struct appender a = {0};
    AL_CLEANUP(al_buf_free) struct al_buf path = {0};
    const struct inv_tree *t = b->job->source.tree;
    const char *id = b->u->volume->id;
    int rc = inv_runf(b->u->inv, b->u->conn,
                      "CREATE TABLE \"v_%s\".folder_new AS SELECT * FROM \"v_%s\".folder LIMIT 0",
                      id, id);

    al_buf_init(&path, INVENTORY_PATH_MAX);
    if (rc == AL_OK) {
        rc = appender_begin(b, "folder_new", &a);
    }
    for (uint32_t i = 1; rc == AL_OK && i <= t->id_count; i++) {
        rc = append_folder(t, &a, i, &path);
    }
    return rc < 0 ? rc : appender_close(&a);
}

static int
add_owners(struct import_build *b)
{
    AL_CLEANUP(appender_end) struct appender a = {0};
    const struct import_owners *o = &b->job->owners;
    int rc = appender_begin(b, "owner", &a);

    for (uint32_t i = 1; rc == AL_OK && i < o->count; i++) {
        duckdb_state bad = DuckDBSuccess;

        if (!o->all[i].is_new) {
            continue;
        }
        bad |= duckdb_append_uint32(a.a, o->all[i].uid);
        bad |= duckdb_append_blob(a.a, o->names + o->all[i].name_at, o->all[i].name_len);
        bad |= duckdb_appender_end_row(a.a);
        rc = bad == DuckDBSuccess ? AL_OK
                                  : inv_error(a.inv, DUCKDB_ERROR_IO, duckdb_appender_error(a.a));
    }
    return rc < 0 ? rc : appender_close(&a);
}

static int
change_places(struct import_build *b)
{
    static const char *const swaps[] = {
        "DROP TABLE \"v_%s\".entry",
        "ALTER TABLE \"v_%s\".entry_new RENAME TO entry",
        "DROP TABLE \"v_%s\".folder",
        "ALTER TABLE \"v_%s\".folder_new RENAME TO folder",
    };
    int rc = AL_OK;

    for (size_t i = 0; rc == AL_OK && i < AL_LEN(swaps); i++) {
        const char *at = strstr(swaps[i], "%s");

        rc = inv_runf(b->u->inv, b->u->conn, "%.*s%s%s", (int)(at - swaps[i]), swaps[i],
                      b->u->volume->id, at + 2);
    }
    return rc;
}

/* ---- imports that are in ---- */

int
import_known_result(struct inv_use *u, const char *import_id, bool *ret_is,
                    struct import_result *ret)
{
    INV_ROWS(rows);
    char sql[512];
    int64_t there = 0;
    bool end = true;
    uint64_t *to[] = {&ret->rows,     &ret->refused, &ret->files,       &ret->folders,
                      &ret->others,   &ret->bytes,   &ret->added,       &ret->replaced,
                      &ret->evidence, &ret->removed, &ret->folders_made};
    int rc;

    *ret_is = false;
    /* Volumes that were made before there were imports have no such table. */
    snprintf(sql, sizeof(sql),
             "SELECT count(*) FROM duckdb_tables() WHERE database_name = 'v_%s' AND table_name = "
             "'import'",
             u->volume->id);
    rc = inv_one(u->inv, u->conn, sql, &there);
    if (rc < 0 || there == 0) {
        return rc;
    }
    snprintf(sql, sizeof(sql),
             "SELECT n_rows, refused, files, folders, others, bytes, added, replaced, evidence, "
             "removed, folders_made FROM "
             "\"v_%s\".import WHERE id = '%s'",
             u->volume->id, import_id);
    rc = inv_query(u->inv, u->conn, sql, false, &rows);
    if (rc == AL_OK) {
        rc = inv_next(&rows, &end);
    }
    for (unsigned i = 0; rc == AL_OK && !end && i < AL_LEN(to); i++) {
        *to[i] = (uint64_t)inv_num(&rows, i);
    }
    *ret_is = rc == AL_OK && !end;
    return rc;
}

static int
keep_result(struct import_build *b, const char *import_id, int64_t now_ns)
{
    const char *id = b->u->volume->id;
    const struct import_result *r = b->result;
    const uint64_t numbers[] = {r->rows,     r->refused, r->files,       r->folders,
                                r->others,   r->bytes,   r->added,       r->replaced,
                                r->evidence, r->removed, r->folders_made};
    INV_SQL(sql);
    int rc = inv_runf(b->u->inv, b->u->conn,
                      "CREATE TABLE IF NOT EXISTS \"v_%s\".import (id VARCHAR, at_ns BIGINT, "
                      "n_rows UBIGINT, refused UBIGINT, files "
                      "UBIGINT, folders UBIGINT, others UBIGINT, bytes UBIGINT, added UBIGINT, "
                      "replaced UBIGINT, evidence UBIGINT, "
                      "removed UBIGINT, folders_made UBIGINT)",
                      id);

    inv_put(&sql, "INSERT INTO \"v_%s\".import VALUES ('%s', %lld", id, import_id,
            (long long)now_ns);
    for (size_t i = 0; i < AL_LEN(numbers); i++) {
        inv_put(&sql, ", %llu", (unsigned long long)numbers[i]);
    }
    inv_put(&sql, ")");
    if (rc == AL_OK) {
        rc = sql.rc < 0 ? sql.rc : inv_run(b->u->inv, b->u->conn, (char *)sql.text.at);
    }
    return rc;
}

int
import_build_tables(struct import_build *b, const char *import_id, int64_t now_ns)
{
    int rc = sum_folders(b);

    if (rc == AL_OK) {
        rc = build_folders(b);
    }
    if (rc == AL_OK) {
        rc = add_owners(b);
    }
    if (rc == AL_OK) {
        rc = change_places(b);
    }
    if (rc == AL_OK) {
        rc = inv_summaries_build(b->u);
    }
    return rc < 0 ? rc : keep_result(b, import_id, now_ns);
}
