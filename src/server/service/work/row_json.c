#include "server/service/work/work.h"

#include <stdio.h>
#include <string.h>

static const char *
type_name(enum port_type type)
{
    static const char *const names[] = {
        [PORT_T_UNKNOWN] = "unknown", [PORT_T_FILE] = "file",   [PORT_T_FOLDER] = "folder",
        [PORT_T_SYMLINK] = "symlink", [PORT_T_FIFO] = "fifo",   [PORT_T_SOCKET] = "socket",
        [PORT_T_CHAR] = "char",       [PORT_T_BLOCK] = "block",
    };

    return (size_t)type < AL_LEN(names) ? names[type] : "unknown";
}

enum rule_state
file_state_of(const char *name)
{
    for (unsigned i = 0; i < RULE_S_COUNT; i++) {
        if (strcmp(rule_state_name((enum rule_state)i), name) == 0) {
            return (enum rule_state)i;
        }
    }
    return RULE_S_COUNT;
}

void
file_row_members(struct al_jsonout *j, const struct inventory_row *row)
{
    char ino[24];

    /* As text: it may fill all 64 bits, and browsers keep 53 of a number. */
    (void)snprintf(ino, sizeof(ino), "%llu", (unsigned long long)row->ino);
    al_jo_bytes(j, "path", row->path);
    al_jo_bytes(j, "name", row->name);
    al_jo_str(j, "type", type_name(row->type));
    al_jo_u64(j, "size", row->size);
    al_jo_u64(j, "allocated", row->allocated);
    al_jo_time(j, "mtime_at", row->mtime_ns);
    al_jo_time(j, "ctime_at", row->ctime_ns);
    al_jo_time(j, "btime_at", row->btime_ns);
    al_jo_time(j, "accessed_at", row->accessed_ns == RULE_TIME_UNKNOWN ? 0 : row->accessed_ns);
    al_jo_str(j, "accessed_source", inventory_source_name(row->source));
    al_jo_u64(j, "uid", row->uid);
    al_jo_u64(j, "gid", row->gid);
    if (row->owner.len > 0) {
        al_jo_bytes(j, "owner", row->owner);
    }
    al_jo_u64(j, "mode", row->mode);
    al_jo_u64(j, "nlink", row->nlink);
    al_jo_str(j, "ino", ino);
    al_jo_str(j, "state", rule_state_name(row->state));
    al_jo_str(j, "object_id", row->object_id[0] == '\0' ? NULL : row->object_id);
    if (row->has_counts) {
        al_jo_u64(j, "files", row->files);
        al_jo_u64(j, "bytes", row->bytes);
    }
}

void
file_row_json(struct al_jsonout *j, const char *key, const struct inventory_row *row)
{
    al_jo_object(j, key);
    file_row_members(j, row);
    al_jo_close(j);
}
