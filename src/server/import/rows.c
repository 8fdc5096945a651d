#include "server/import/rows.h"

#include <string.h>

#include "base/text.h"
#include "port/port.h"

bool
import_row_values(const struct import_plan *p, const struct al_span *cells, size_t count,
                  struct import_values *ret, struct import_refusal *ret_refusal)
{
    /* A list may end its lines with a delimiter. */
    while (count > p->columns && count <= IMPORT_COLUMNS_MAX && cells[count - 1].len == 0) {
        count--;
    }
    if (count != p->columns) {
        *ret_refusal = (struct import_refusal){count > p->columns
                                                   ? "the row has more columns than the others"
                                                   : "the row has fewer columns than the others",
                                               IMPORT_FIELDS};
        return false;
    }
    ret->numbers = 0;
    for (int f = 0; f < IMPORT_FIELDS; f++) {
        ret->text[f] = p->column[f] >= 0 ? cells[p->column[f]] : (struct al_span){NULL, 0};
    }
    return true;
}

static bool
has(const struct import_values *v, enum import_field f)
{
    return (v->numbers & 1u << f) != 0 || v->text[f].at != NULL;
}

static bool
is_number(const struct import_values *v, enum import_field f)
{
    return (v->numbers & 1u << f) != 0;
}

struct reading {
    const struct import_plan *p;
    const struct import_values *v;
    struct import_row *row;
    struct import_refusal *refusal;
    uint8_t *scratch;
};

static bool
refuse(struct reading *r, enum import_field f, const char *reason)
{
    *r->refusal = (struct import_refusal){reason, f};
    return false;
}

/* FOLDER, NAME and EXT put together, behind what the path is then made into. */
static bool
joined(struct reading *r, struct al_span *ret)
{
    struct al_span folder = r->v->text[IMPORT_F_FOLDER], name = r->v->text[IMPORT_F_NAME],
                   ext = r->v->text[IMPORT_F_EXT];
    uint8_t *out = r->scratch + IMPORT_RECORD_BYTES_MAX + 16;
    size_t len = folder.len;
    uint8_t mark = r->p->root.windows ? '\\' : '/';

    if (name.len == 0) {
        return refuse(r, IMPORT_F_NAME, "the name is empty");
    }
    if (folder.len + name.len + ext.len + 2 > IMPORT_RECORD_BYTES_MAX) {
        return refuse(r, IMPORT_F_NAME, "the path is longer than 65536 bytes");
    }
    if (memchr(name.at, '/', name.len) != NULL ||
        (r->p->root.windows && memchr(name.at, '\\', name.len) != NULL)) {
        return refuse(r, IMPORT_F_NAME, "the name contains a separator");
    }
    if (len > 0) {
        memcpy(out, folder.at, len);
        if (out[len - 1] != '/' && out[len - 1] != mark) {
            out[len++] = mark;
        }
    }
    memcpy(out + len, name.at, name.len);
    len += name.len;
    /* Only where the name does not show it already. */
    if (ext.len > 0 && memchr(name.at, '.', name.len) == NULL) {
        if (ext.at[0] != '.') {
            out[len++] = '.';
        }
        memcpy(out + len, ext.at, ext.len);
        len += ext.len;
    }
    *ret = (struct al_span){out, len};
    return true;
}

static bool
decoded(struct reading *r, struct al_span text, struct al_span *ret)
{
    AL_CLEANUP(al_buf_free) struct al_buf plain = {0};
    uint8_t *out = r->scratch + IMPORT_RECORD_BYTES_MAX + 16;
    int rc;

    al_buf_init(&plain, IMPORT_RECORD_BYTES_MAX);
    rc = al_unbase64((const char *)text.at, text.len, &plain);
    if (rc < 0 || plain.len == 0) {
        return refuse(r, IMPORT_F_PATH_B64, "the path is no base64");
    }
    memcpy(out, plain.at, plain.len);
    *ret = (struct al_span){out, plain.len};
    return true;
}

static bool
read_path(struct reading *r, bool *ret_is_folder)
{
    const struct import_values *v = r->v;
    struct al_span raw = v->text[IMPORT_F_PATH];
    const char *why;
    size_t len = 0;

    if (v->text[IMPORT_F_PATH_B64].len > 0) {
        if (!decoded(r, v->text[IMPORT_F_PATH_B64], &raw)) {
            return false;
        }
    } else if (r->p->column[IMPORT_F_PATH] < 0 && !joined(r, &raw)) {
        return false;
    }
    if (raw.len > IMPORT_RECORD_BYTES_MAX) {
        return refuse(r, IMPORT_F_PATH, "the path is longer than 65536 bytes");
    }
    why = import_path_read(&r->p->root, raw, r->scratch, &len, ret_is_folder);
    r->row->path = (struct al_span){r->scratch, len};
    return why == NULL ||
           refuse(r, r->p->column[IMPORT_F_PATH] < 0 ? IMPORT_F_NAME : IMPORT_F_PATH, why);
}

/* WinDirStat's own column: free space and the like are no files. */
static bool
read_item(struct reading *r, struct al_span cell)
{
    static const uint8_t number_types[16] = {
        [2] = PORT_T_FOLDER, [3] = PORT_T_FOLDER, [4] = PORT_T_FILE};
    uint64_t n;
    uint8_t type;

    if (import_cell_u64(cell, &n) < 0) {
        return refuse(r, IMPORT_F_TYPE, "the item type is no number");
    }
    if (r->p->item_bits) {
        type = (n & 8) != 0 ? PORT_T_FILE : (n & 6) != 0 ? PORT_T_FOLDER : PORT_T_UNKNOWN;
    } else {
        type = number_types[n & 15];
    }
    r->row->type = type;
    return type != PORT_T_UNKNOWN || refuse(r, IMPORT_F_TYPE, "the row is neither file nor folder");
}

static bool
read_type(struct reading *r, bool is_folder)
{
    struct al_span cell = r->v->text[IMPORT_F_TYPE];
    uint8_t hint = PORT_T_UNKNOWN;

    if (r->p->maker == IMPORT_BY_WINDIRSTAT && cell.at != NULL) {
        if (!read_item(r, cell)) {
            return false;
        }
    } else if (cell.at != NULL && import_cell_type(cell, &r->row->type) < 0 &&
               !r->p->type_lenient) {
        return refuse(r, IMPORT_F_TYPE, "the type is none that is known");
    }
    if (has(r->v, IMPORT_F_MODE) && !is_number(r->v, IMPORT_F_MODE) &&
        import_cell_mode(r->v->text[IMPORT_F_MODE], &r->row->mode, &hint, &r->row->attrs) < 0) {
        return refuse(r, IMPORT_F_MODE, "the mode is none");
    }
    if (is_number(r->v, IMPORT_F_MODE)) {
        r->row->mode = (uint32_t)r->v->number[IMPORT_F_MODE] & 07777;
    }
    if (has(r->v, IMPORT_F_ATTRIBUTES) && !is_number(r->v, IMPORT_F_ATTRIBUTES)) {
        uint32_t attrs;

        if (import_cell_attrs(r->v->text[IMPORT_F_ATTRIBUTES], r->p->maker == IMPORT_BY_ALTO,
                              &attrs, &hint) < 0) {
            return refuse(r, IMPORT_F_ATTRIBUTES, "the attributes are none");
        }
        r->row->attrs |= attrs;
    }
    r->row->type = r->row->type != PORT_T_UNKNOWN ? r->row->type : hint;
    if (is_folder) {
        if (r->row->type != PORT_T_UNKNOWN && r->row->type != PORT_T_FOLDER) {
            return refuse(r, IMPORT_F_TYPE, "the path is a folder's, the type is none");
        }
        r->row->type = PORT_T_FOLDER;
    }
    return true;
}

static bool
read_bytes(struct reading *r, enum import_field f, const char *why, bool *ret_has, uint64_t *ret)
{
    if (!has(r->v, f)) {
        return true;
    }
    if (is_number(r->v, f)) {
        *ret_has = true;
        *ret = (uint64_t)r->v->number[f];
        return r->v->number[f] >= 0 || refuse(r, f, why);
    }
    if (import_cell_empty(r->v->text[f])) {
        return true;
    }
    *ret_has = true;
    return import_cell_size(r->v->text[f], r->p->decimal, r->p->unit[f], ret) == AL_OK ||
           refuse(r, f, why);
}

static bool
read_size(struct reading *r)
{
    struct import_row *row = r->row;

    /* Of a folder, a list tells everything below it; nothing of it is the folder's own. */
    if (row->type == PORT_T_FOLDER) {
        return true;
    }
    if (!read_bytes(r, IMPORT_F_SIZE, "the size is none", &row->has_size, &row->size) ||
        !read_bytes(r, IMPORT_F_ALLOCATED, "the allocated size is none", &row->has_allocated,
                    &row->allocated)) {
        return false;
    }
    if (!row->has_size && r->p->column[IMPORT_F_SIZE] >= 0) {
        if (row->type == PORT_T_FILE) {
            return refuse(r, IMPORT_F_SIZE, "the size is missing");
        }
        /* PowerShell gives folders no length. */
        row->type = row->type == PORT_T_UNKNOWN ? PORT_T_FOLDER : row->type;
    }
    return true;
}

static bool
read_time(struct reading *r, enum import_field f, int64_t *ret)
{
    if (!has(r->v, f)) {
        return true;
    }
    if (is_number(r->v, f)) {
        return import_epoch_ns(r->v->number[f], r->p->epoch[f], ret) == AL_OK ||
               refuse(r, f, "the date is outside of the years 1678 to 2261");
    }
    return import_cell_time(r->v->text[f], r->p->dates, r->p->epoch[f], r->p->zone_minutes[f],
                            ret) == AL_OK ||
           refuse(r, f, "the date is none that a calendar has");
}

static bool
read_id(struct reading *r, enum import_field f, uint32_t *ret, bool *ret_is_number)
{
    uint64_t n;

    *ret_is_number = true;
    if (is_number(r->v, f)) {
        n = (uint64_t)r->v->number[f];
    } else if (import_cell_u64(r->v->text[f], &n) < 0 || n > UINT32_MAX) {
        *ret_is_number = false;
        return true;
    }
    *ret = n <= UINT32_MAX ? (uint32_t)n : IMPORT_NO_ID;
    return n <= UINT32_MAX || refuse(r, f, "the number of the user or group is none");
}

static bool
read_owner(struct reading *r)
{
    struct import_row *row = r->row;
    bool number = true;

    if (has(r->v, IMPORT_F_OWNER)) {
        struct al_span owner = import_trim(r->v->text[IMPORT_F_OWNER]);

        if (owner.len > 1 && owner.at[0] == '\'' && import_is_formula(owner.at[1])) {
            owner.at++; /* as our own lists have it */
            owner.len--;
        }

        if (!read_id(r, IMPORT_F_OWNER, &row->uid, &number)) {
            return false;
        }
        if (!number && !import_cell_empty(owner)) {
            row->owner = owner;
        }
    }
    if (has(r->v, IMPORT_F_GROUP)) {
        if (!read_id(r, IMPORT_F_GROUP, &row->gid, &number)) {
            return false;
        }
        row->gid = number ? row->gid : IMPORT_NO_ID;
    }
    return true;
}

static bool
read_count(struct reading *r, enum import_field f, const char *why, uint64_t *ret)
{
    if (is_number(r->v, f)) {
        *ret = (uint64_t)r->v->number[f];
        return true;
    }
    if (r->v->text[f].at == NULL || import_cell_empty(r->v->text[f])) {
        return true;
    }
    return import_cell_u64(r->v->text[f], ret) == AL_OK || refuse(r, f, why);
}

bool
import_row_read(const struct import_plan *p, const struct import_values *v, uint8_t *scratch,
                struct import_row *ret, struct import_refusal *ret_refusal)
{
    struct import_row row = {.uid = IMPORT_NO_ID,
                             .gid = IMPORT_NO_ID,
                             .modified_ns = IMPORT_TIME_UNKNOWN,
                             .accessed_ns = IMPORT_TIME_UNKNOWN,
                             .created_ns = IMPORT_TIME_UNKNOWN,
                             .changed_ns = IMPORT_TIME_UNKNOWN};
    struct reading r = {p, v, &row, ret_refusal, scratch};
    uint64_t links = 1;
    bool is_folder;

    if (!read_path(&r, &is_folder) || !read_type(&r, is_folder) || !read_size(&r) ||
        !read_time(&r, IMPORT_F_MODIFIED, &row.modified_ns) ||
        !read_time(&r, IMPORT_F_ACCESSED, &row.accessed_ns) ||
        !read_time(&r, IMPORT_F_CREATED, &row.created_ns) ||
        !read_time(&r, IMPORT_F_CHANGED, &row.changed_ns) || !read_owner(&r) ||
        !read_count(&r, IMPORT_F_INODE, "the inode number is none", &row.inode) ||
        !read_count(&r, IMPORT_F_LINKS, "the number of links is none", &links)) {
        return false;
    }
    row.nlink = links > UINT32_MAX ? UINT32_MAX : (uint32_t)links;
    *ret = row;
    return true;
}
