/* Rows by a folder's number, as tables of DuckDB that all its threads fill: alto_folders and alto_sums. Each thread takes
 * numbers that lie together, as many as DuckDB keeps in one group of rows, so that groups have borders of their own. */
#include <string.h>

#include "base/mem.h"
#include "server/inventory/inventory_priv.h"

#define TAKEN_AT_ONCE 122880u

struct place { /* one thread's */
    uint64_t at, end;
    struct al_buf path;
};

static void
place_free(void *mem)
{
    struct place *p = mem;

    al_buf_free(&p->path);
    al_free(p);
}

static void
numbered_init(duckdb_init_info info)
{
    struct inv_numbered *n = duckdb_init_get_bind_data(info);

    n->next = 1;
    duckdb_init_set_max_threads(info, n->count / TAKEN_AT_ONCE + 1);
}

static void
numbered_local(duckdb_init_info info)
{
    struct place *p = al_zalloc(sizeof(*p));

    if (p == NULL) {
        duckdb_init_set_error(info, "out of memory");
        return;
    }
    al_buf_init(&p->path, INVENTORY_PATH_MAX);
    duckdb_init_set_init_data(info, p, place_free);
}

/* 0: there are no more. */
static uint64_t
next_number(struct inv_numbered *n, struct place *p)
{
    if (p->at == p->end) {
        p->at = __atomic_fetch_add(&n->next, TAKEN_AT_ONCE, __ATOMIC_RELAXED);
        p->end = p->at + TAKEN_AT_ONCE;
        if (p->end > n->count + 1) {
            p->end = p->at > n->count ? p->at : n->count + 1;
        }
    }
    return p->at < p->end ? p->at++ : 0;
}

#define OUT(type, column)                                                                          \
    (((type *)duckdb_vector_get_data(duckdb_data_chunk_get_vector(out, column)))[row])

static void
put_time(duckdb_data_chunk out, unsigned column, idx_t row, int64_t ns)
{
    duckdb_vector v = duckdb_data_chunk_get_vector(out, column);

    OUT(int64_t, column) = ns;
    if (ns == INT64_MIN) {
        duckdb_vector_ensure_validity_writable(v);
        duckdb_validity_set_row_invalid(duckdb_vector_get_validity(v), row);
    }
}

static void
sums_bind(duckdb_bind_info info)
{
    static const char *const names[] = {"files",      "bytes",    "allocated", "stub_files",
                                        "stub_bytes", "accessed", "modified"};

    if (inv_bind_lent(info) != NULL) {
        inv_add_column(info, "id", DUCKDB_TYPE_UINTEGER);
        for (size_t i = 0; i < AL_LEN(names); i++) {
            inv_add_column(info, names[i], DUCKDB_TYPE_BIGINT);
        }
    }
}

static void
sums_function(duckdb_function_info info, duckdb_data_chunk out)
{
    struct inv_numbered *n = duckdb_function_get_bind_data(info);
    struct place *p = duckdb_function_get_local_init_data(info);
    idx_t row = 0, most = duckdb_vector_size();

    while (row < most) {
        uint64_t id = next_number(n, p);
        const struct inv_sums *s = &n->gather->at[id];

        if (id == 0) {
            break;
        }
        if (!n->all && s->sum[INV_S_FILES] == 0) {
            continue;
        }
        OUT(uint32_t, 0) = (uint32_t)id;
        for (unsigned i = 0; i < INV_S_SUMS; i++) {
            OUT(int64_t, 1 + i) = (int64_t)s->sum[i];
        }
        put_time(out, 1 + INV_S_SUMS, row, s->accessed);
        put_time(out, 2 + INV_S_SUMS, row, s->modified);
        row++;
    }
    duckdb_data_chunk_set_size(out, row);
}

enum { F_ID, F_PARENT, F_LAST, F_PATH, F_NAME, F_FLAGS, F_FILES, F_BYTES };

static void
folders_bind(duckdb_bind_info info)
{
    if (inv_bind_lent(info) != NULL) {
        inv_add_column(info, "id", DUCKDB_TYPE_UINTEGER);
        inv_add_column(info, "parent", DUCKDB_TYPE_UINTEGER);
        inv_add_column(info, "last", DUCKDB_TYPE_UINTEGER);
        inv_add_column(info, "path", DUCKDB_TYPE_BLOB);
        inv_add_column(info, "name", DUCKDB_TYPE_BLOB);
        inv_add_column(info, "flags", DUCKDB_TYPE_UINTEGER);
        inv_add_column(info, "files", DUCKDB_TYPE_UBIGINT);
        inv_add_column(info, "bytes", DUCKDB_TYPE_UBIGINT);
    }
}

static void
put_bytes(duckdb_data_chunk out, unsigned column, idx_t row, const uint8_t *at, size_t len)
{
    /* The root has neither name nor path, and a tree of the root alone not even room for one. */
    duckdb_vector_assign_string_element_len(duckdb_data_chunk_get_vector(out, column), row,
                                            len > 0 ? (const char *)at : "", len);
}

static void
folders_function(duckdb_function_info info, duckdb_data_chunk out)
{
    struct inv_numbered *n = duckdb_function_get_bind_data(info);
    struct place *p = duckdb_function_get_local_init_data(info);
    const struct inv_tree *t = n->tree;
    idx_t row = 0, most = duckdb_vector_size();

    for (; row < most; row++) {
        uint64_t id = next_number(n, p);
        const struct inv_node *f;

        if (id == 0) {
            break;
        }
        f = &t->nodes[t->by_id[id]];
        al_buf_clear(&p->path);
        if (inv_tree_path(t, t->by_id[id], &p->path) < 0) {
            duckdb_function_set_error(info, "a folder's path is too long");
            return;
        }
        OUT(uint32_t, F_ID) = (uint32_t)id;
        OUT(uint32_t, F_PARENT) = f->parent != 0 ? t->nodes[f->parent].id : 0;
        OUT(uint32_t, F_LAST) = f->last;
        put_bytes(out, F_PATH, row, p->path.at, p->path.len);
        put_bytes(out, F_NAME, row, f->name_len > 0 ? t->names + f->name_at : p->path.at,
                  f->name_len); /* the root has none, and there may be no other */
        OUT(uint32_t, F_FLAGS) = f->flags;
        OUT(uint64_t, F_FILES) = f->files;
        OUT(uint64_t, F_BYTES) = f->bytes;
    }
    duckdb_data_chunk_set_size(out, row);
}

int
inv_numbered_register(struct inventory *inv, struct inv_conn *c)
{
    int rc = inv_register_table(inv, c, "alto_sums", sums_bind, numbered_init, numbered_local,
                                sums_function);

    return rc < 0 ? rc
                  : inv_register_table(inv, c, "alto_folders", folders_bind, numbered_init,
                                       numbered_local, folders_function);
}

int
inv_numbered_insert(struct inv_use *u, char catalog, const char *table, const char *function,
                    struct inv_numbered *n)
{
    unsigned slot;
    int rc = inv_lend(u->inv, n, &slot);

    if (rc < 0) {
        return rc;
    }
    rc = inv_runf(u->inv, u->conn, "INSERT INTO \"%c_%s\".%s SELECT * FROM %s(%u::UBIGINT)",
                  catalog, u->volume->id, table, function, slot);
    inv_take_back(u->inv, slot);
    return rc;
}
