/* fsid.c: STATE/filesystems.json. An unmounted volume leaves an empty folder at its path; walked,
 * it would look as if every file had been deleted. So the filesystem first seen at a volume's path
 * is remembered, and another one is an unreachable volume until a person says otherwise
 * (`alto-agent accept --state DIR PATH`). */
#include "agent/run/agent.h"

#include <string.h>

#include "base/mem.h"

#define FILE_NAME "filesystems.json"
#define FILE_MAX (4u << 20)

struct fs_memory {
    struct port *port;
    struct port_file *state;
    port_mutex mutex;
    json_t *known; /* path → {fs, volume_id} */
};

struct fs_memory *
fs_memory_close(struct fs_memory *m)
{
    if (m != NULL) {
        al_json_freep(&m->known);
        port_mutex_end(&m->mutex);
        al_free(m);
    }
    return NULL;
}

static int
load(struct fs_memory *m)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    json_t *j = NULL;
    int rc;

    al_buf_init(&text, FILE_MAX);
    rc = port_read_file(m->port, m->state, FILE_NAME, FILE_MAX, &text);
    if (rc == AL_OK) {
        rc = al_json_parse(al_buf_span(&text), &j, NULL);
    } else if (rc == AL_ENOENT) {
        j = json_object();
        rc = j != NULL ? AL_OK : AL_ENOMEM;
    }
    if (rc == AL_OK && !json_is_object(j)) {
        al_json_freep(&j);
        rc = AL_ECORRUPT;
    }
    if (rc == AL_OK) {
        al_json_freep(&m->known);
        m->known = j;
    }
    return rc;
}

static int
save(struct fs_memory *m)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    int rc;

    al_buf_init(&text, FILE_MAX);
    rc = al_json_print(m->known, &text);
    return rc != AL_OK ? rc
                       : port_write_file(m->port, m->state, FILE_NAME, text.at, text.len, 0600);
}

int
fs_memory_open(struct port *port, struct port_file *state, struct fs_memory **ret,
               struct al_fail *fail)
{
    struct fs_memory *m = al_zalloc(sizeof(*m));
    int rc;

    if (m == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    m->port = port;
    m->state = state;
    port_mutex_init(&m->mutex);
    rc = load(m);
    if (rc != AL_OK) {
        (void)fs_memory_close(m); /* returns NULL */
        return al_fail_set(
            fail, rc, port_os_error(port),
            "%s cannot be read; removing it makes the agent trust what is mounted now", FILE_NAME);
    }
    *ret = m;
    return AL_OK;
}

/* Filesystems whose id is the same after every mount. */
static bool
lasts(const struct port_fs *fs)
{
    static const uint8_t none[16];

    return (fs->kind == PORT_FS_EXT4 || fs->kind == PORT_FS_XFS || fs->kind == PORT_FS_BTRFS ||
            fs->kind == PORT_FS_NTFS || fs->kind == PORT_FS_FUSE) &&
           memcmp(fs->id, none, sizeof(none)) != 0;
}

static int
fs_at(struct fs_memory *m, const char *path, struct port_fs *ret)
{
    AL_CLEANUP(port_holder_end) struct port_holder root = {m->port, NULL};
    static const uint8_t none[16];
    int rc = port_open(m->port, NULL, path, PORT_READ | PORT_FOLDER, 0, &root.file);

    rc = rc != AL_OK ? rc : port_fs(m->port, root.file, ret);
    /* FUSE has no ids, but what lies below its mount point is another filesystem: an empty folder
     * there does not mean that every file is gone. */
    if (rc == AL_OK && ret->kind == PORT_FS_FUSE && memcmp(ret->id, none, sizeof(none)) == 0) {
        memcpy(ret->id, "fuse", 4);
    }
    return rc;
}

static int
check(struct fs_memory *m, const char *volume_id, const char *path, const char *id,
      struct al_fail *fail)
{
    json_t *entry = json_object_get(m->known, path);
    const char *was = NULL;
    int rc;

    if (entry != NULL && al_json_str(entry, "fs", &was, NULL) == AL_OK) {
        if (strcmp(was, id) == 0) {
            return AL_OK;
        }
        rc = load(m); /* accepted in between? */
        entry = json_object_get(m->known, path);
        if (rc != AL_OK || entry != NULL) {
            return al_fail_set(fail, AL_ECHANGED, 0,
                               "another filesystem than before is at %s: mount the volume; if "
                               "this is right, alto-agent doctor %s tells how to accept it",
                               path, path);
        }
    }
    entry = json_object();
    rc = al_json_set_str(entry, "fs", id);
    rc = rc != AL_OK ? rc : al_json_set_str(entry, "volume_id", volume_id);
    if (rc != AL_OK) {
        json_decref(entry);
        return rc;
    }
    rc = al_json_set(m->known, path, entry);
    return rc != AL_OK ? rc : save(m);
}

int
fs_memory_check(struct fs_memory *m, const char *volume_id, const char *path, struct al_fail *fail)
{
    struct port_fs fs;
    char id[33];
    int rc = fs_at(m, path, &fs);

    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(m->port), "%s cannot be opened", path);
    }
    al_hex(fs.id, sizeof(fs.id), id);
    /* What lasts not is compared with nothing, but where something lasting was remembered it is
     * another. */
    port_mutex_lock(&m->mutex);
    if (lasts(&fs) || json_object_get(m->known, path) != NULL) {
        rc = check(m, volume_id, path, id, fail);
    }
    port_mutex_unlock(&m->mutex);
    return rc;
}

int
fs_memory_look(struct fs_memory *m, const char *path, bool *ret_known, struct al_fail *fail)
{
    const char *was = NULL;
    struct port_fs fs;
    json_t *entry;
    char id[33];
    int rc = fs_at(m, path, &fs);

    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(m->port), "%s cannot be opened", path);
    }
    al_hex(fs.id, sizeof(fs.id), id);
    port_mutex_lock(&m->mutex);
    entry = json_object_get(m->known, path);
    *ret_known = entry != NULL && al_json_str(entry, "fs", &was, NULL) == AL_OK;
    if (*ret_known && strcmp(was, id) != 0) {
        rc = al_fail_set(fail, AL_ECHANGED, 0, "another filesystem than before is at %s", path);
    }
    port_mutex_unlock(&m->mutex);
    return rc;
}

int
fs_memory_forget(struct fs_memory *m, const char *path)
{
    int rc = AL_ENOENT;

    port_mutex_lock(&m->mutex);
    if (json_object_get(m->known, path) != NULL) {
        rc = json_object_del(m->known, path) == 0 ? save(m) : AL_EINTERNAL;
    }
    port_mutex_unlock(&m->mutex);
    return rc;
}
