/* The entries of a scan as a DuckDB table function, read from the batches by all of DuckDB's
 * threads at once. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "server/inventory/inventory_priv.h"

enum {
    C_FOLDER,
    C_NAME,
    C_EXT,
    C_TYPE,
    C_FLAGS,
    C_ATTRS,
    C_MODE,
    C_UID,
    C_GID,
    C_NLINK,
    C_INO,
    C_SIZE,
    C_ALLOCATED,
    C_MTIME,
    C_CTIME,
    C_BTIME,
    C_ACCESSED,
    C_COUNT
};

static const struct {
    const char *name;
    duckdb_type type;
} source_columns[C_COUNT] = {
    [C_FOLDER] = {"folder", DUCKDB_TYPE_UINTEGER},
    [C_NAME] = {"name", DUCKDB_TYPE_BLOB},
    [C_EXT] = {"ext", DUCKDB_TYPE_BLOB},
    [C_TYPE] = {"type", DUCKDB_TYPE_UTINYINT},
    [C_FLAGS] = {"flags", DUCKDB_TYPE_UTINYINT},
    [C_ATTRS] = {"attrs", DUCKDB_TYPE_UINTEGER},
    [C_MODE] = {"mode", DUCKDB_TYPE_UINTEGER},
    [C_UID] = {"uid", DUCKDB_TYPE_UINTEGER},
    [C_GID] = {"gid", DUCKDB_TYPE_UINTEGER},
    [C_NLINK] = {"nlink", DUCKDB_TYPE_UINTEGER},
    [C_INO] = {"ino", DUCKDB_TYPE_UBIGINT},
    [C_SIZE] = {"size", DUCKDB_TYPE_BIGINT},
    [C_ALLOCATED] = {"allocated", DUCKDB_TYPE_BIGINT},
    [C_MTIME] = {"mtime_ns", DUCKDB_TYPE_BIGINT},
    [C_CTIME] = {"ctime_ns", DUCKDB_TYPE_BIGINT},
    [C_BTIME] = {"btime_ns", DUCKDB_TYPE_BIGINT},
    [C_ACCESSED] = {"accessed_ns", DUCKDB_TYPE_BIGINT},
};

struct local { /* one thread's batch under way */
    struct al_buf packed, plain;
    struct entries_reader reader;
    bool reading;
};

static void
local_free(void *mem)
{
    struct local *l = mem;

    al_buf_free(&l->packed);
    al_buf_free(&l->plain);
    al_free(l);
}

static void
scan_bind(duckdb_bind_info info)
{
    const struct inv_source *s = inv_bind_lent(info);

    for (int i = 0; s != NULL && i < C_COUNT; i++) {
        inv_add_column(info, source_columns[i].name, source_columns[i].type);
    }
    if (s != NULL) {
        duckdb_bind_set_cardinality(info, s->batches * (ENTRIES_BATCH_RECORDS / 2), false);
    }
}

static void
scan_init(duckdb_init_info info)
{
    const struct inv_source *s = duckdb_init_get_bind_data(info);

    duckdb_init_set_max_threads(info, s->batches > 0 ? s->batches : 1);
}

static void
scan_local_init(duckdb_init_info info)
{
    struct local *l = al_zalloc(sizeof(*l));

    if (l == NULL) {
        duckdb_init_set_error(info, "out of memory");
        return;
    }
    al_buf_init(&l->packed, 2 * (size_t)ENTRIES_PLAIN_MAX);
    al_buf_init(&l->plain, ENTRIES_PLAIN_MAX);
    duckdb_init_set_init_data(info, l, local_free);
}

/* Takes the next batch; false when all are taken or something failed. */
static bool
next_batch(struct inv_source *s, struct local *l)
{
    uint64_t seq = __atomic_add_fetch(&s->next, 1, __ATOMIC_RELAXED);
    char path[4096];
    int rc, none = AL_OK;

    if (seq > s->batches) {
        return false;
    }
    snprintf(path, sizeof(path), "%s/%010llu", s->folder, (unsigned long long)seq);
    al_buf_clear(&l->packed);
    rc = port_read_file(s->inv->port, NULL, path, l->packed.max, &l->packed);
    if (rc == AL_OK) {
        rc = entries_unpack(al_buf_span(&l->packed), &l->plain, &l->reader);
    }
    if (rc < 0) {
        __atomic_compare_exchange_n(&s->rc, &none, rc, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
        return false;
    }
    l->reading = true;
    return true;
}

struct columns {
    duckdb_vector vectors[C_COUNT];
    void *data[C_COUNT];
    uint64_t *btime_valid, *accessed_valid;
};

static void
columns_of(duckdb_data_chunk chunk, struct columns *c)
{
    for (int i = 0; i < C_COUNT; i++) {
        c->vectors[i] = duckdb_data_chunk_get_vector(chunk, (idx_t)i);
        c->data[i] = duckdb_vector_get_data(c->vectors[i]);
    }
    duckdb_vector_ensure_validity_writable(c->vectors[C_BTIME]);
    duckdb_vector_ensure_validity_writable(c->vectors[C_ACCESSED]);
    c->btime_valid = duckdb_vector_get_validity(c->vectors[C_BTIME]);
    c->accessed_valid = duckdb_vector_get_validity(c->vectors[C_ACCESSED]);
}

#define COLUMN(type, column) (((type *)c->data[column])[i])

static void
put_row(const struct columns *c, idx_t i, const struct entry_record *r, uint32_t folder_id)
{
    struct al_span ext = rule_ext_of(r->name);
    uint8_t lower[ENTRIES_NAME_MAX];

    COLUMN(uint32_t, C_FOLDER) = folder_id;
    duckdb_vector_assign_string_element_len(c->vectors[C_NAME], i, (const char *)r->name.at,
                                            r->name.len);
    rule_fold(ext, lower);
    duckdb_vector_assign_string_element_len(c->vectors[C_EXT], i, (const char *)lower, ext.len);
    COLUMN(uint8_t, C_TYPE) = r->type;
    COLUMN(uint8_t, C_FLAGS) = (uint8_t)(r->flags & INV_WIRE_FLAGS);
    COLUMN(uint32_t, C_ATTRS) = r->flags >> ENTRY_ATTRS_SHIFT;
    COLUMN(uint32_t, C_MODE) = r->mode;
    COLUMN(uint32_t, C_UID) = r->uid;
    COLUMN(uint32_t, C_GID) = r->gid;
    COLUMN(uint32_t, C_NLINK) = r->nlink;
    COLUMN(uint64_t, C_INO) = r->ino;
    COLUMN(int64_t, C_SIZE) = (int64_t)r->size;
    COLUMN(int64_t, C_ALLOCATED) = (int64_t)r->allocated;
    COLUMN(int64_t, C_MTIME) = r->mtime_ns;
    COLUMN(int64_t, C_CTIME) = r->ctime_ns;
    COLUMN(int64_t, C_BTIME) = r->btime_ns;
    duckdb_validity_set_row_validity(c->btime_valid, i,
                                     r->btime_ns != 0 && r->btime_ns != RULE_TIME_UNKNOWN);
    COLUMN(int64_t, C_ACCESSED) = r->atime_ns;
    duckdb_validity_set_row_validity(c->accessed_valid, i, r->atime_ns != RULE_TIME_UNKNOWN);
}

/* The index of the folder an entry lies in, 0 when it is to be left out. */
static uint32_t
folder_of(const struct inv_tree *t, const struct entry_record *r)
{
    uint32_t index = r->folder < t->scan_id_cap ? t->by_scan_id[r->folder] : 0;

    if (index == 0 || t->nodes[index].id == 0 ||
        t->nodes[index].path_len + 1 + r->name.len > INVENTORY_PATH_MAX) {
        return 0;
    }
    return index;
}

static void
scan_function(duckdb_function_info info, duckdb_data_chunk out)
{
    struct inv_source *s = duckdb_function_get_bind_data(info);
    struct local *l = duckdb_function_get_local_init_data(info);
    idx_t n = 0, most = duckdb_vector_size();
    struct columns c;
    struct entry_record r;
    int none = AL_OK;

    columns_of(out, &c);
    while (n < most && (l->reading || next_batch(s, l))) {
        bool end = false;
        uint32_t index;
        int rc = entries_next(&l->reader, &r, &end);

        if (rc < 0) {
            __atomic_compare_exchange_n(&s->rc, &none, rc, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED);
        }
        if (rc < 0 || end) {
            l->reading = false;
            continue;
        }
        if (r.is_folder_record || r.is_owner_record) {
            continue;
        }
        index = folder_of(s->tree, &r);
        if (index == 0) {
            __atomic_add_fetch(&s->left_out, 1, __ATOMIC_RELAXED);
            continue;
        }
        put_row(&c, n++, &r, s->tree->nodes[index].id);
    }
    if (__atomic_load_n(&s->rc, __ATOMIC_RELAXED) < 0) {
        duckdb_function_set_error(info, "a batch cannot be read");
        return;
    }
    duckdb_data_chunk_set_size(out, n);
}

/* ---- alto_map: old folder id → new id, and whether what lay in it is kept ---- */

static void
map_bind(duckdb_bind_info info)
{
    if (inv_bind_lent(info) != NULL) {
        inv_add_column(info, "old", DUCKDB_TYPE_UINTEGER);
        inv_add_column(info, "new", DUCKDB_TYPE_UINTEGER);
        inv_add_column(info, "keep", DUCKDB_TYPE_BOOLEAN);
    }
}

static void
map_init(duckdb_init_info info)
{
    uint32_t *at = al_zalloc(sizeof(*at));

    if (at == NULL) {
        duckdb_init_set_error(info, "out of memory");
        return;
    }
    duckdb_init_set_max_threads(info, 1);
    duckdb_init_set_init_data(info, at, al_free);
}

static void
map_function(duckdb_function_info info, duckdb_data_chunk out)
{
    const struct inv_source *s = duckdb_function_get_bind_data(info);
    uint32_t *at = duckdb_function_get_init_data(info);
    uint32_t *old = duckdb_vector_get_data(duckdb_data_chunk_get_vector(out, 0));
    uint32_t *new_id = duckdb_vector_get_data(duckdb_data_chunk_get_vector(out, 1));
    bool *keep = duckdb_vector_get_data(duckdb_data_chunk_get_vector(out, 2));
    idx_t n = 0, most = duckdb_vector_size();

    for (; n < most && *at < s->tree->map_cap; (*at)++) {
        uint32_t index = s->tree->map[*at];

        if (index != 0 && s->tree->nodes[index].id != 0) {
            old[n] = *at;
            new_id[n] = s->tree->nodes[index].id;
            keep[n] = s->tree->nodes[index].keep;
            n++;
        }
    }
    duckdb_data_chunk_set_size(out, n);
}

int
inv_sources_register(struct inventory *inv, struct inv_conn *c)
{
    int rc = inv_register_table(inv, c, "alto_scan", scan_bind, scan_init, scan_local_init,
                                scan_function);

    return rc < 0 ? rc
                  : inv_register_table(inv, c, "alto_map", map_bind, map_init, NULL, map_function);
}
