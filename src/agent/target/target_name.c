/* target_name.c: names on the share. They must be fit for Windows, whatever the original file was
 * called. */
#include "agent/target/target_kind.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* The extension of the last part of path as kept on the share, lower case with its dot, or "" where
 * it is not worth keeping. */
static void
safe_extension(struct al_span path, char ext[TARGET_EXT_MAX + 1])
{
    size_t i, n, start = path.len;

    ext[0] = '\0';
    while (start > 0 && path.at[start - 1] != '.' && path.at[start - 1] != '/') {
        start--;
    }
    /* "name" has none, ".profile" is all name, "name." would end in a dot. */
    if (start < 2 || path.at[start - 1] != '.' || path.at[start - 2] == '/') {
        return;
    }
    n = path.len - start;
    if (n == 0 || n + 1 > TARGET_EXT_MAX) {
        return;
    }
    for (i = 0; i < n; i++) {
        uint8_t c = path.at[start + i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

        if (!letter && !(c >= '0' && c <= '9') && c != '_' && c != '-') {
            ext[0] = '\0';
            return;
        }
        ext[i + 1] = (char)(letter ? c | 0x20 : c);
    }
    ext[0] = '.';
    ext[n + 1] = '\0';
}

int
target_object_name(const char *object_id, struct al_span path, char name[TARGET_NAME_MAX])
{
    char ext[TARGET_EXT_MAX + 1];

    if (!al_id_valid(object_id)) {
        return AL_EINVAL;
    }
    safe_extension(path, ext);
    /* Ten characters of time, then sixteen of chance: the last two are spread evenly, over 32 x 32
     * folders. */
    (void)snprintf(name, TARGET_NAME_MAX, "objects/%c/%c/%s%s", object_id[AL_ID_LEN - 2],
                   object_id[AL_ID_LEN - 1], object_id, ext);
    return AL_OK;
}

int
target_temp_name(const char *name, char temp[TARGET_NAME_MAX])
{
    const char *slash = strrchr(name, '/');
    int n = snprintf(temp, TARGET_NAME_MAX, TARGET_INCOMING "/%s.part", slash ? slash + 1 : name);

    return n > 0 && (unsigned)n < TARGET_NAME_MAX ? AL_OK : AL_ENAMETOOLONG;
}

int
target_name_check(const char *name, struct al_fail *fail)
{
    const char *part = name, *c;

    if (strlen(name) >= TARGET_NAME_MAX) {
        return al_fail_set(fail, AL_ENAMETOOLONG, 0, "a name on the share has at most %u bytes",
                           TARGET_NAME_MAX - 1);
    }
    for (c = name;; c++) {
        if (*c == '/' || *c == '\0') {
            size_t len = (size_t)(c - part);

            if (len == 0 || (len == 1 && part[0] == '.') || part[len - 1] == '.' ||
                part[len - 1] == ' ') {
                return al_fail_set(fail, AL_EINVAL, 0, "\"%.100s\" is no name for a share", name);
            }
            part = c + 1;
        } else if ((unsigned char)*c < 0x20 || strchr("\\:*?\"<>|", *c)) {
            return al_fail_set(fail, AL_EINVAL, 0, "\"%.100s\" is no name for a share", name);
        }
        if (*c == '\0') {
            return AL_OK;
        }
    }
}
