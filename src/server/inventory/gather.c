/* What one pass over the entries tells: the sums of each folder, in an array by its number, and which files may have
 * another of their name and size. Grouping by folder took DuckDB three times as long. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "server/inventory/inventory_priv.h"

#define RUNS 128u /* of rows of one folder: added under the lock together */

enum {
    G_SLOT,
    G_FOLDER,
    G_NAME,
    G_TYPE,
    G_STATE,
    G_SIZE,
    G_ALLOCATED,
    G_ACCESSED,
    G_MTIME,
    G_COUNT
};

void
inv_gather_end(struct inv_gather *g)
{
    if (g->at != NULL) {
        port_mutex_end(&g->lock);
    }
    al_free(g->at);
    g->at = NULL;
    inv_twins_end(&g->twins);
}

int
inv_gather_begin(struct inv_gather *g, uint64_t folders, uint64_t entries)
{
    g->at = al_array((size_t)folders + 1, sizeof(*g->at));
    if (g->at == NULL) {
        return AL_ENOMEM;
    }
    port_mutex_init(&g->lock);
    g->count = folders;
    for (uint64_t i = 0; i <= folders; i++) {
        g->at[i].accessed = g->at[i].modified = INT64_MIN;
    }
    return inv_twins_begin(&g->twins, entries);
}

void
inv_sums_add(struct inv_sums *to, const struct inv_sums *from)
{
    for (unsigned i = 0; i < INV_S_SUMS; i++) {
        to->sum[i] = inv_plus(to->sum[i], from->sum[i]);
    }
    to->accessed = from->accessed > to->accessed ? from->accessed : to->accessed;
    to->modified = from->modified > to->modified ? from->modified : to->modified;
}

struct run {
    uint32_t folder;
    struct inv_sums sums;
};

static void
add_runs(struct inv_gather *g, const struct run *runs, size_t count)
{
    port_mutex_lock(&g->lock);
    for (size_t i = 0; i < count; i++) {
        if (runs[i].folder > g->count) {
            g->astray = true;
        } else {
            inv_sums_add(&g->at[runs[i].folder], &runs[i].sums);
        }
    }
    port_mutex_unlock(&g->lock);
}

#define ARGUMENT(type, column)                                                                     \
    ((const type *)duckdb_vector_get_data(duckdb_data_chunk_get_vector(in, column)))

static bool
is_known(const uint64_t *valid, idx_t i)
{
    return valid == NULL || (valid[i / 64] >> (i % 64) & 1) != 0;
}

static void
sum_rows(struct inv_gather *g, const struct inv_gathered *r)
{
    struct run runs[RUNS];
    size_t count = 0;

    for (size_t i = 0; i < r->count; i++) {
        struct inv_sums one = {.sum = {1, (uint64_t)r->sizes[i], (uint64_t)r->allocated[i]}};

        if (r->types[i] != PORT_T_FILE || r->folders[i] == 0) {
            continue;
        }
        if (r->states != NULL && (r->states[i] == RULE_S_STUB || r->states[i] == RULE_S_ARCHIVED)) {
            one.sum[INV_S_STUB_FILES] = 1;
            one.sum[INV_S_STUB_BYTES] = (uint64_t)r->sizes[i];
        }
        one.accessed = is_known(r->has_accessed, i) ? r->accessed[i] : INT64_MIN;
        one.modified = is_known(r->has_modified, i) ? r->modified[i] : INT64_MIN;
        if (count > 0 && runs[count - 1].folder == r->folders[i]) {
            inv_sums_add(&runs[count - 1].sums, &one);
            continue;
        }
        if (count == RUNS) {
            add_runs(g, runs, count);
            count = 0;
        }
        runs[count++] = (struct run){r->folders[i], one};
    }
    add_runs(g, runs, count);
}

void
inv_gather_rows(struct inv_gather *g, const struct inv_gathered *r)
{
    sum_rows(g, r);
    inv_twins_mark(&g->twins, r->names, r->sizes, r->types, r->count);
}

/* alto_gather(slot, folder, name, ...): 1 for each row. */
static void
gather_function(duckdb_function_info info, duckdb_data_chunk in, duckdb_vector out)
{
    struct inventory *inv = duckdb_scalar_function_get_extra_info(info);
    int64_t *result = duckdb_vector_get_data(out);
    idx_t n = duckdb_data_chunk_get_size(in);
    struct inv_gather *g = NULL;

    if (n == 0) {
        return;
    }
    g = (struct inv_gather *)inv_lent(inv, ARGUMENT(uint64_t, G_SLOT)[0]); /* to be changed */
    if (g == NULL) {
        duckdb_scalar_function_set_error(info, "no such slot");
        return;
    }
    for (idx_t i = 0; i < n; i++) {
        result[i] = 1;
    }
    inv_gather_rows(g, &(struct inv_gathered){.folders = ARGUMENT(uint32_t, G_FOLDER),
                                              .names = ARGUMENT(duckdb_string_t, G_NAME),
                                              .types = ARGUMENT(uint8_t, G_TYPE),
                                              .states = ARGUMENT(uint8_t, G_STATE),
                                              .sizes = ARGUMENT(int64_t, G_SIZE),
                                              .allocated = ARGUMENT(int64_t, G_ALLOCATED),
                                              .accessed = ARGUMENT(int64_t, G_ACCESSED),
                                              .modified = ARGUMENT(int64_t, G_MTIME),
                                              .has_accessed = duckdb_vector_get_validity(
                                                  duckdb_data_chunk_get_vector(in, G_ACCESSED)),
                                              .has_modified = duckdb_vector_get_validity(
                                                  duckdb_data_chunk_get_vector(in, G_MTIME)),
                                              .count = n});
}

int
inv_gather_register(struct inventory *inv, struct inv_conn *c)
{
    static const duckdb_type types[G_COUNT] = {
        [G_SLOT] = DUCKDB_TYPE_UBIGINT,     [G_FOLDER] = DUCKDB_TYPE_UINTEGER,
        [G_NAME] = DUCKDB_TYPE_BLOB,        [G_TYPE] = DUCKDB_TYPE_UTINYINT,
        [G_STATE] = DUCKDB_TYPE_UTINYINT,   [G_SIZE] = DUCKDB_TYPE_BIGINT,
        [G_ALLOCATED] = DUCKDB_TYPE_BIGINT, [G_ACCESSED] = DUCKDB_TYPE_BIGINT,
        [G_MTIME] = DUCKDB_TYPE_BIGINT};

    return inv_register_scalar(inv, c, "alto_gather", types, AL_LEN(types), DUCKDB_TYPE_BIGINT,
                               INV_SEES_NULLS | INV_COUNTS_CALLS, gather_function);
}

int
inv_gather_read(struct inv_use *u, char catalog, const char *table, uint64_t folders,
                struct inv_gather *g)
{
    char sql[512];
    int64_t entries = 0;
    unsigned slot;
    int rc;

    snprintf(sql, sizeof(sql), "SELECT count(*) FROM \"%c_%s\".%s", catalog, u->volume->id, table);
    rc = inv_one(u->inv, u->conn, sql, &entries);
    if (rc == AL_OK) {
        rc = inv_gather_begin(g, folders, (uint64_t)entries);
    }
    if (rc == AL_OK) {
        rc = inv_lend(u->inv, g, &slot);
    }
    if (rc < 0) {
        return rc;
    }
    snprintf(sql, sizeof(sql),
             "SELECT coalesce(sum(alto_gather(%u::UBIGINT, folder, name, type, state, size, "
             "allocated, accessed_ns, mtime_ns)), 0)::BIGINT FROM \"%c_%s\".%s",
             slot, catalog, u->volume->id, table);
    rc = inv_one(u->inv, u->conn, sql, &entries);
    inv_take_back(u->inv, slot);
    return rc == AL_OK && g->astray ? AL_ECORRUPT : rc;
}
