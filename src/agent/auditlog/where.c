#include "agent/auditlog/where.h"

#include <string.h>

static const char own_folder[] = "/.lucid_audit";

bool
where_is_sound(struct al_span p)
{
    const uint8_t *at = p.at, *end = p.at + p.len;

    if (p.len == 0 || p.at[0] != '/') {
        return false;
    }
    if (p.len == 1) {
        return true;
    }
    while (at < end) {
        size_t left = (size_t)(end - at);
        const uint8_t *next = memchr(at + 1, '/', left - 1);
        size_t part = (size_t)((next != NULL ? next : end) - at - 1);

        if (part == 0 || (at[1] == '.' && (part == 1 || (part == 2 && at[2] == '.')))) {
            return false;
        }
        at += part + 1;
    }
    return true;
}

bool
where_is_own(struct al_span path)
{
    const size_t len = sizeof(own_folder) - 1;

    return path.len >= len && path.at[1] == '.' && memcmp(path.at, own_folder, len) == 0 &&
           (path.len == len || path.at[len] == '/');
}
