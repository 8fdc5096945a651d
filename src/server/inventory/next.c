/* The tables of a volume's next file: of the end of a scan and of an import. */
#include <stdio.h>
#include <string.h>

#include "server/inventory/inventory_priv.h"

int
inv_next_sum(struct inv_use *u, struct inv_tree *t)
{
    INV_ROWS(rows);
    char sql[256];
    bool end = false;
    int rc;

    snprintf(sql, sizeof(sql),
             "SELECT folder, count(*), " INV_SUM("size") " FROM \"n_%s\".entry_new WHERE type = %d "
                                                         "GROUP BY folder",
             u->volume->id, PORT_T_FILE);
    rc = inv_query(u->inv, u->conn, sql, false, &rows);
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

/* ---- the appender ---- */

void
inv_append_end(struct inv_append *a)
{
    if (a->a != NULL) {
        (void)duckdb_appender_destroy(
            &a->a); /* closed on the main path; here something failed already */
    }
}

int
inv_append_begin(struct inv_use *u, const char *table, struct inv_append *ret)
{
    char catalog[AL_ID_LEN + 3];

    snprintf(catalog, sizeof(catalog), "n_%s", u->volume->id);
    ret->inv = u->inv;
    return duckdb_appender_create_ext(u->conn->con, catalog, "main", table, &ret->a) ==
                   DuckDBSuccess
               ? AL_OK
               : inv_error(ret->inv, DUCKDB_ERROR_CATALOG,
                           ret->a != NULL ? duckdb_appender_error(ret->a) : NULL);
}

int
inv_append_row(struct inv_append *a, duckdb_state bad)
{
    bad |= duckdb_appender_end_row(a->a);
    return bad == DuckDBSuccess ? AL_OK
                                : inv_error(a->inv, DUCKDB_ERROR_IO, duckdb_appender_error(a->a));
}

int
inv_append_close(struct inv_append *a)
{
    return duckdb_appender_close(a->a) == DuckDBSuccess
               ? AL_OK
               : inv_error(a->inv, DUCKDB_ERROR_IO, duckdb_appender_error(a->a));
}

/* ---- folders ---- */

static int
append_folder(const struct inv_tree *t, struct inv_append *a, uint32_t id, struct al_buf *path)
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
    /* The root has no name, and a tree of the root alone not even room for one. */
    bad |= duckdb_append_blob(a->a, n->name_len > 0 ? (const void *)(t->names + n->name_at) : "",
                              n->name_len);
    bad |= duckdb_append_uint32(a->a, n->flags);
    bad |= duckdb_append_uint64(a->a, n->files);
    bad |= duckdb_append_uint64(a->a, n->bytes);
    return inv_append_row(a, bad);
}

int
inv_next_folders(struct inv_use *u, const struct inv_tree *t)
{
    AL_CLEANUP(inv_append_end) struct inv_append a = {0};
    AL_CLEANUP(al_buf_free) struct al_buf path = {0};
    int rc = inv_append_begin(u, "folder", &a);

    al_buf_init(&path, INVENTORY_PATH_MAX);
    for (uint32_t i = 1; rc == AL_OK && i <= t->id_count; i++) {
        rc = append_folder(t, &a, i, &path);
    }
    return rc < 0 ? rc : inv_append_close(&a);
}

int
inv_next_entries(struct inv_use *u)
{
    const char *id = u->volume->id;
    int rc = inv_runf(u->inv, u->conn, "DROP TABLE \"n_%s\".entry", id);

    return rc < 0 ? rc
                  : inv_runf(u->inv, u->conn, "ALTER TABLE \"n_%s\".entry_new RENAME TO entry", id);
}
