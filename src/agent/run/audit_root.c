#include "agent/run/audit.h"

#include <string.h>

#include "base/mem.h"

/* "C:\a\" as "C:/a"; "/" stays. */
static void
tidy(char *path)
{
    size_t len = strlen(path);
    bool windows = (path[0] != '\0' && path[1] == ':') || strncmp(path, "\\\\", 2) == 0;

    for (size_t i = 0; windows && i < len; i++) {
        path[i] = path[i] == '\\' ? '/' : path[i];
    }
    while (len > 1 && path[len - 1] == '/' && path[len - 2] != ':') {
        path[--len] = '\0';
    }
}

/* The folder above, in place. False: there is none. */
static bool
up(char *path)
{
    char *slash = strrchr(path, '/');

    if (slash == NULL || slash[1] == '\0' || strncmp(path, "//", 2) == 0) {
        return false; /* "/", "C:/", or of a share: which of its folders are its name is not known */
    }
    slash[slash == path || slash[-1] == ':' ? 1 : 0] = '\0';
    return true;
}

int
audit_logs_stat(struct port *p, const char *root, struct port_stat *ret)
{
    AL_CLEANUP(al_buf_free) struct al_buf path = {0};
    size_t len = strlen(root);
    int rc;

    al_buf_init(&path, (size_t)64 << 10);
    rc = al_buf_addf(&path, "%s%s" FOLLOW_FOLDER, root, len > 0 && root[len - 1] == '/' ? "" : "/");
    return rc != AL_OK ? rc : port_stat_at(p, NULL, (const char *)path.at, ret);
}

/* AL_OK: it has logs, or what may be logs; AL_ENOENT: not. */
static int
has_logs(struct port *p, const char *folder)
{
    struct port_stat st;
    int rc = audit_logs_stat(p, folder, &st);

    if (rc == AL_ENOENT || rc == AL_ENOTDIR || (rc == AL_OK && st.type != PORT_T_FOLDER)) {
        return AL_ENOENT;
    }
    return rc == AL_ENOMEM || rc == AL_ELIMIT ? rc : AL_OK;
}

static void
mount_root(struct port *p, char *path)
{
    AL_CLEANUP(al_freep) char *above = al_strdup(path);
    struct port_stat st, above_st;

    if (above == NULL || port_stat_at(p, NULL, path, &st) != AL_OK) {
        return;
    }
    while (up(above) && port_stat_at(p, NULL, above, &above_st) == AL_OK &&
           above_st.dev == st.dev) {
        memcpy(path, above, strlen(above) + 1);
    }
}

static int
find(struct port *p, const char *volume, const char *setting, char *root)
{
    int rc = AL_ENOENT;

    if (setting != NULL) {
        return AL_OK;
    }
    do {
        rc = has_logs(p, root);
    } while (rc == AL_ENOENT && up(root));
    if (rc == AL_ENOENT) {
        memcpy(root, volume, strlen(volume) + 1);
        mount_root(p, root);
        rc = AL_OK;
    }
    return rc;
}

int
audit_root_find(struct port *p, const char *volume_path, const char *setting, char **ret_root,
                char **ret_prefix)
{
    AL_CLEANUP(al_freep) char *volume = al_strdup(volume_path);
    AL_CLEANUP(al_freep) char *root = al_strdup(setting != NULL ? setting : volume_path);
    struct al_span below = {0};
    char *prefix;
    size_t len;
    int rc;

    if (volume == NULL || root == NULL) {
        return AL_ENOMEM;
    }
    tidy(volume);
    tidy(root);
    rc = find(p, volume, setting, root);
    if (rc != AL_OK) {
        return rc;
    }
    len = strlen(root);
    len -= len > 0 && root[len - 1] == '/';
    if (strncmp(volume, root, len) == 0 && volume[len] == '/' && volume[len + 1] != '\0') {
        below = al_span_of(volume + len);
    }
    prefix = below.len > 0 ? al_span_dup(below) : al_strdup("");
    if (prefix == NULL) {
        return AL_ENOMEM;
    }
    *ret_root = root;
    *ret_prefix = prefix;
    root = NULL;
    return AL_OK;
}
