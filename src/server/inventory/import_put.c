/* Rows judged, and made into entries in DuckDB's vectors. */
#include <stdio.h>
#include <string.h>

#include "server/inventory/import_priv.h"

enum {
    O_FOLDER,
    O_NAME,
    O_EXT,
    O_TYPE,
    O_FLAGS,
    O_ATTRS,
    O_MODE,
    O_UID,
    O_GID,
    O_NLINK,
    O_INO,
    O_SIZE,
    O_ALLOCATED,
    O_MTIME,
    O_CTIME,
    O_BTIME,
    O_ACCESSED,
    O_LINE
};

const struct import_out_column import_out_columns[IMPORT_COLUMNS_OUT] = {
    [O_FOLDER] = {"folder", DUCKDB_TYPE_UINTEGER},
    [O_NAME] = {"name", DUCKDB_TYPE_BLOB},
    [O_EXT] = {"ext", DUCKDB_TYPE_BLOB},
    [O_TYPE] = {"type", DUCKDB_TYPE_UTINYINT},
    [O_FLAGS] = {"flags", DUCKDB_TYPE_UTINYINT},
    [O_ATTRS] = {"attrs", DUCKDB_TYPE_UINTEGER},
    [O_MODE] = {"mode", DUCKDB_TYPE_UINTEGER},
    [O_UID] = {"uid", DUCKDB_TYPE_UINTEGER},
    [O_GID] = {"gid", DUCKDB_TYPE_UINTEGER},
    [O_NLINK] = {"nlink", DUCKDB_TYPE_UINTEGER},
    [O_INO] = {"ino", DUCKDB_TYPE_UBIGINT},
    [O_SIZE] = {"size", DUCKDB_TYPE_BIGINT},
    [O_ALLOCATED] = {"allocated", DUCKDB_TYPE_BIGINT},
    [O_MTIME] = {"mtime_ns", DUCKDB_TYPE_BIGINT},
    [O_CTIME] = {"ctime_ns", DUCKDB_TYPE_BIGINT},
    [O_BTIME] = {"btime_ns", DUCKDB_TYPE_BIGINT},
    [O_ACCESSED] = {"accessed_ns", DUCKDB_TYPE_BIGINT},
    [O_LINE] = {"line", DUCKDB_TYPE_UBIGINT},
};

int
import_job_fail(struct import_job *j, int rc, const char *format, ...)
{
    char text[256];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args); /* cut, where it is too long */
    va_end(args);
    port_mutex_lock(&j->lock);
    if (j->rc == AL_OK) {
        j->rc = rc;
        (void)al_fail_set(&j->fail, rc, 0, "%s", text); /* returned below */
    }
    port_mutex_unlock(&j->lock);
    return rc;
}

bool
import_job_stops(struct import_job *j)
{
    /* Looked at between pieces and chunks; a stale look costs one more of them. */
    return __atomic_load_n(&j->cancel, __ATOMIC_RELAXED) ||
           __atomic_load_n(&j->rc, __ATOMIC_RELAXED) < 0 ||
           __atomic_load_n(&j->misfit, __ATOMIC_RELAXED);
}

static struct al_span
parent_of(struct al_span path)
{
    size_t at = path.len;

    while (at > 0 && path.at[at - 1] != '/') {
        at--;
    }
    return (struct al_span){path.at, at > 0 ? at - 1 : 0};
}

/* Whether an owner came lately: most rows have one of a few. NULL: too long for that. */
static uint32_t *
near_owner(struct import_folder_near *near, struct al_span name, bool *ret_known)
{
    unsigned at;

    *ret_known = false;
    if (name.len == 0 || name.len > IMPORT_NEAR_OWNER_BYTES) {
        return NULL;
    }
    at = ((unsigned)name.len * 31u + name.at[0] + name.at[name.len - 1] * 7u +
          name.at[name.len / 2] * 13u) %
         IMPORT_NEAR_OWNERS;
    *ret_known =
        near->owners[at].len == name.len && memcmp(near->owners[at].name, name.at, name.len) == 0;
    if (!*ret_known) {
        near->owners[at].len = (uint8_t)name.len;
        memcpy(near->owners[at].name, name.at, name.len);
    }
    return &near->owners[at].uid;
}

static uint32_t
owner_uid(const struct import_job *j, struct import_folder_near *near, struct al_span name)
{
    bool known;
    uint32_t *uid = near_owner(near, name, &known), found;

    if (known) {
        return *uid;
    }
    found = import_owner_find(&j->owners, name);
    if (uid != NULL) {
        *uid = found;
    }
    return found;
}

int
import_first_pass_row(struct import_job *j, struct import_folder_near *near,
                      const struct import_row *row)
{
    bool known = false;
    int rc = AL_OK;

    if (row->owner.at != NULL) {
        (void)near_owner(near, row->owner, &known);
    }
    if (row->owner.at != NULL && !known) {
        rc = import_owner_make(&j->owners, row->owner);
        if (rc < 0) {
            return import_job_fail(j, rc,
                                   rc == AL_ELIMIT
                                       ? "the list has more than %u owners: is the column right?"
                                       : "out of memory",
                                   IMPORT_OWNERS_MAX);
        }
    }
    rc = row->type == PORT_T_FOLDER
             ? import_folder_make(&j->folders, near, row->path, true)
             : import_folder_make(&j->folders, near, parent_of(row->path), false);
    return rc < 0
               ? import_job_fail(
                     j, rc, rc == AL_ELIMIT ? "the list has more than %u folders" : "out of memory",
                     INVENTORY_FOLDERS_MAX)
               : AL_OK;
}

bool
import_second_pass_row(struct import_job *j, struct import_folder_near *near,
                       const struct import_row *row, uint64_t line, struct import_entry *ret)
{
    const struct inv_tree *t = j->source.tree;
    struct al_span parent = parent_of(row->path);
    uint32_t index;

    *ret = (struct import_entry){.row = row, .line = line, .type = row->type};
    if (row->path.len == 0) {
        ret->type = PORT_T_FOLDER;
        return false;
    }
    if (row->type == PORT_T_UNKNOWN) {
        struct import_folder_near none = *near; /* its place is kept for the folder of the files */

        none.index = 0;
        index = import_folder_find(&j->folders, &none, row->path);
        ret->type = index != 0 ? PORT_T_FOLDER : PORT_T_FILE;
        if (index != 0) {
            __atomic_store_n(&j->folders.all[index].has_row, true, __ATOMIC_RELAXED);
        }
        near->index = index != 0 ? 0 : near->index; /* the buffer is shared */
    }
    index = import_folder_find(&j->folders, near, parent);
    ret->folder = index < t->scan_id_cap ? t->nodes[t->by_scan_id[index]].id : 0;
    ret->name = (struct al_span){row->path.at + parent.len + 1, row->path.len - parent.len - 1};
    ret->uid = row->owner.at != NULL ? owner_uid(j, near, row->owner) : row->uid;
    return ret->folder != 0;
}

void
import_out_begin(struct import_out *o, duckdb_vector (*vector)(void *ctx, uint64_t i), void *ctx)
{
    for (uint64_t i = 0; i < IMPORT_COLUMNS_OUT; i++) {
        o->vectors[i] = vector(ctx, i);
        o->data[i] = duckdb_vector_get_data(o->vectors[i]);
        o->valid[i] = NULL;
        if (i == O_MTIME || i == O_BTIME || i == O_ACCESSED) {
            duckdb_vector_ensure_validity_writable(o->vectors[i]);
            o->valid[i] = duckdb_vector_get_validity(o->vectors[i]);
        }
    }
}

#define OUT(type, column) (((type *)o->data[column])[at])

static void
put_time(const struct import_out *o, int column, uint64_t at, int64_t ns)
{
    OUT(int64_t, column) = ns;
    duckdb_validity_set_row_validity(o->valid[column], at, ns != IMPORT_TIME_UNKNOWN);
}

/* What a file of this size uses, where nobody says. */
static uint64_t
rounded(const struct import_job *j, uint64_t size)
{
    return size > INT64_MAX - j->block_bytes
               ? INT64_MAX
               : (size + j->block_bytes - 1) / j->block_bytes * j->block_bytes;
}

void
import_put(const struct import_job *j, const struct import_out *o, uint64_t at,
           const struct import_entry *e)
{
    const struct import_row *r = e->row;
    struct al_span ext = rule_ext_of(e->name);
    uint8_t lower[IMPORT_NAME_BYTES_MAX];
    bool folder = e->type == PORT_T_FOLDER;

    OUT(uint32_t, O_FOLDER) = e->folder;
    duckdb_vector_assign_string_element_len(o->vectors[O_NAME], at, (const char *)e->name.at,
                                            e->name.len);
    rule_fold(ext, lower);
    duckdb_vector_assign_string_element_len(o->vectors[O_EXT], at, (const char *)lower, ext.len);
    OUT(uint8_t, O_TYPE) = e->type;
    OUT(uint8_t, O_FLAGS) = INVENTORY_IMPORTED;
    OUT(uint32_t, O_ATTRS) = r->attrs;
    OUT(uint32_t, O_MODE) = r->mode;
    OUT(uint32_t, O_UID) = e->uid;
    OUT(uint32_t, O_GID) = r->gid;
    OUT(uint32_t, O_NLINK) = r->nlink;
    OUT(uint64_t, O_INO) = r->inode;
    OUT(int64_t, O_SIZE) = folder ? 0 : (int64_t)r->size;
    OUT(int64_t, O_ALLOCATED) =
        folder ? 0 : (int64_t)(r->has_allocated ? r->allocated : rounded(j, r->size));
    put_time(o, O_MTIME, at, r->modified_ns);
    OUT(int64_t, O_CTIME) = r->changed_ns == IMPORT_TIME_UNKNOWN ? 0 : r->changed_ns;
    put_time(o, O_BTIME, at, r->created_ns);
    put_time(o, O_ACCESSED, at, r->accessed_ns);
    OUT(uint64_t, O_LINE) = e->line;
}

void
import_out_gather(struct import_job *j, const struct import_out *o, uint64_t rows)
{
    if (j->gathers) {
        inv_gather_rows(&j->gather, &(struct inv_gathered){.folders = o->data[O_FOLDER],
                                                           .names = o->data[O_NAME],
                                                           .types = o->data[O_TYPE],
                                                           .sizes = o->data[O_SIZE],
                                                           .allocated = o->data[O_ALLOCATED],
                                                           .accessed = o->data[O_ACCESSED],
                                                           .modified = o->data[O_MTIME],
                                                           .has_accessed = o->valid[O_ACCESSED],
                                                           .has_modified = o->valid[O_MTIME],
                                                           .count = rows});
    }
}
