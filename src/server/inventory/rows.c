#include <string.h>

#include "base/mem.h"
#include "server/inventory/inventory_priv.h"

int
inv_path_clean(struct al_span path, struct al_buf *out)
{
    size_t at = 0;
    int rc = AL_OK;

    while (rc == AL_OK && at < path.len) {
        size_t end = at;
        struct al_span part;

        while (end < path.len && path.at[end] != '/') {
            end++;
        }
        part = (struct al_span){path.at + at, end - at};
        at = end + 1;
        if (part.len == 0) {
            if (end != 0 && end + 1 <= path.len && end != path.len) {
                return AL_EINVAL; /* "//" inside */
            }
            continue;
        }
        if (memchr(part.at, 0, part.len) != NULL || al_span_equal(part, al_span_of(".")) ||
            al_span_equal(part, al_span_of(".."))) {
            return AL_EINVAL;
        }
        rc = al_buf_add(out, "/", 1);
        if (rc == AL_OK) {
            rc = al_buf_add(out, part.at, part.len);
        }
    }
    return rc == AL_ELIMIT ? AL_EINVAL : rc;
}

int
inv_row(const struct inv_rows *r, bool counts, struct al_buf *scratch, struct inventory_row *ret)
{
    struct al_span folder = inv_bytes(r, 0), name = inv_bytes(r, 1);
    struct inventory_row row = {0};
    int rc;

    al_buf_clear(scratch);
    rc = al_buf_reserve(scratch, folder.len + 1 + name.len);
    if (rc < 0) {
        return rc;
    }
    if (folder.len > 0) {
        memcpy(scratch->at, folder.at, folder.len);
    }
    scratch->at[folder.len] = '/';
    if (name.len > 0) {
        memcpy(scratch->at + folder.len + 1, name.at, name.len);
    }
    row.path = (struct al_span){scratch->at, folder.len + 1 + name.len};
    row.name = (struct al_span){scratch->at + folder.len + 1, name.len};
    row.type = (enum port_type)inv_num(r, 2);
    row.state = (enum rule_state)inv_num(r, 3);
    row.flags = (uint32_t)inv_num(r, 4);
    row.attrs = (uint32_t)inv_num(r, 5);
    row.size = (uint64_t)inv_num(r, 6);
    row.allocated = (uint64_t)inv_num(r, 7);
    row.mtime_ns = inv_num(r, 8);
    row.ctime_ns = inv_num(r, 9);
    row.btime_ns = inv_num(r, 10);
    row.accessed_ns = inv_null(r, 11) ? RULE_TIME_UNKNOWN : inv_num(r, 11);
    row.source = (enum inventory_source)inv_num(r, 12);
    row.mode = (uint32_t)inv_num(r, 13);
    row.uid = (uint32_t)inv_num(r, 14);
    row.gid = (uint32_t)inv_num(r, 15);
    row.nlink = (uint32_t)inv_num(r, 16);
    row.ino = (uint64_t)inv_num(r, 17);
    inv_id(r, 18, row.object_id);
    row.came_ns = inv_num(r, 19);
    if (counts && !inv_null(r, INV_ROW_COUNT)) {
        row.has_counts = true;
        row.files = (uint64_t)inv_num(r, INV_ROW_COUNT);
        row.bytes = (uint64_t)inv_num(r, INV_ROW_COUNT + 1);
    }
    *ret = row;
    return AL_OK;
}
