/* The tables of a volume's next file: of the end of a scan and of an import. */
#include <stdio.h>
#include <string.h>

#include "server/inventory/inventory_priv.h"

int
inv_next_sum(struct inv_use *u, struct inv_tree *t, struct inv_gather *g)
{
    int rc = g->at != NULL ? (g->astray ? AL_ECORRUPT : AL_OK)
                           : inv_gather_read(u, INV_NEXT, "entry_new", t->id_count, g);

    for (uint32_t id = 1; rc == AL_OK && id <= t->id_count; id++) {
        struct inv_node *n = &t->nodes[t->by_id[id]];

        n->files = g->at[id].sum[INV_S_FILES];
        n->bytes = g->at[id].sum[INV_S_BYTES];
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

static int
begin_in(struct inv_use *u, const char *catalog, const char *table, struct inv_append *ret)
{
    ret->inv = u->inv;
    return duckdb_appender_create_ext(u->conn->con, catalog, "main", table, &ret->a) ==
                   DuckDBSuccess
               ? AL_OK
               : inv_error(ret->inv, DUCKDB_ERROR_CATALOG,
                           ret->a != NULL ? duckdb_appender_error(ret->a) : NULL);
}

int
inv_append_begin(struct inv_use *u, const char *table, struct inv_append *ret)
{
    char catalog[AL_ID_LEN + 3];

    snprintf(catalog, sizeof(catalog), "n_%s", u->volume->id);
    return begin_in(u, catalog, table, ret);
}

int
inv_append_now(struct inv_use *u, const char *table, struct inv_append *ret)
{
    char catalog[AL_ID_LEN + 3];

    snprintf(catalog, sizeof(catalog), "v_%s", u->volume->id);
    return begin_in(u, catalog, table, ret);
}

int
inv_append_temp(struct inv_use *u, const char *table, struct inv_append *ret)
{
    return begin_in(u, "temp", table, ret);
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

int
inv_next_folders(struct inv_use *u, const struct inv_tree *t)
{
    struct inv_numbered n = {.tree = t, .count = t->id_count};

    return inv_numbered_insert(u, INV_NEXT, "folder", "alto_folders", &n);
}

int
inv_next_entries(struct inv_use *u)
{
    const char *id = u->volume->id;
    int rc = inv_runf(u->inv, u->conn, "DROP TABLE \"n_%s\".entry", id);

    return rc < 0 ? rc
                  : inv_runf(u->inv, u->conn, "ALTER TABLE \"n_%s\".entry_new RENAME TO entry", id);
}
