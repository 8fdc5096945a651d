/* volume.c: one volume's root on this host, and whether it can hold safe stubs. */
#include "agent/stub/stub_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

int
stub_volume_open_linux(struct port *port, const struct stub_volume_conf *conf,
                       struct stub_gate *gate, struct stub_volume **ret, struct al_fail *fail)
{
    struct stub_volume *v = al_zalloc(sizeof(*v));
    int rc;

    if (v == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    v->port = port;
    v->gate = gate;
    port_mutex_init(&v->fills_lock);
    al_list_init(&v->fills);
    v->share_tag = marker_share_tag(conf->share_id);
    memcpy(v->key.key, conf->marker_key, sizeof(v->key.key));
    v->volume_id = al_strdup(conf->volume_id);
    rc = v->volume_id != NULL ? AL_OK : AL_ENOMEM;
    if (rc == AL_OK) {
        rc = port_open(port, NULL, conf->root, PORT_READ | PORT_FOLDER, 0, &v->root);
    }
    if (rc == AL_OK && port_mount_apart(port, v->root, &v->apart) != AL_OK) {
        v->apart = NULL; /* then our own opens are asked about, which is slow and no more */
    }
    if (rc == AL_OK) {
        rc = port_stat(port, v->root, &v->root_st);
    }
    if (rc == AL_OK) {
        rc = port_fs(port, v->root, &v->fs);
    }
    if (rc != AL_OK) {
        (void)al_fail_set(fail, rc, port_os_error(port), "cannot open the volume's root %s",
                          conf->root);
        v = stub_volume_close(v);
        return rc;
    }
    if (v->fs.block_bytes == 0) {
        v->fs.block_bytes = 4096;
    }
    memcpy(v->key.fs_id, v->fs.id, sizeof(v->key.fs_id));
    *ret = v;
    return AL_OK;
}

struct stub_volume *
stub_volume_close(struct stub_volume *v)
{
    if (v == NULL) {
        return NULL;
    }
    port_close_quiet(v->port, &v->apart);
    port_close_quiet(v->port, &v->root);
    port_mutex_end(&v->fills_lock);
    al_wipe(&v->key, sizeof(v->key));
    al_free(v->volume_id);
    al_free(v);
    return NULL;
}

struct port *
stub_volume_port(const struct stub_volume *v)
{
    return v->port;
}

struct port_file *
stub_volume_root(const struct stub_volume *v)
{
    return v->root;
}

struct port_file *
stub_volume_inside(struct stub_volume *v)
{
    uint64_t told = atomic_load(&v->told);

    if (v->apart == NULL || v->gate == NULL || v->gate->ops->apart == NULL) {
        return v->root;
    }
    v->gate->ops->apart(v->gate, v->apart, &told);
    atomic_store(&v->told, told);
    return v->apart;
}

static const char *
refuse_kind(const struct port_fs *fs)
{
    switch (fs->kind) {
    case PORT_FS_TMPFS:
        return "tmpfs has no pre-content events and forgets everything at a restart";
    case PORT_FS_OVERLAY:
        return "overlayfs has no pre-content events; use the filesystem below it";
    case PORT_FS_FUSE:
        return "FUSE filesystems have no pre-content events";
    case PORT_FS_NFS:
    case PORT_FS_CIFS:
        return "a network filesystem is read by hosts without an agent";
    case PORT_FS_NTFS:
        return "NTFS on Linux keeps no trusted attributes";
    default:
        break;
    }
    return fs->read_only ? "the filesystem is mounted read-only" : NULL;
}

/* Plays a whole stub on a file of the volume's own: everything that tiering needs must work here,
 * not just on this kind of filesystem. Returns why not, or NULL. */
static const char *
probe_file(struct stub_volume *v, struct port_file *file)
{
    static const uint8_t bytes[65536] = {1};
    struct stub_facts facts;
    uint64_t data;
    uint8_t marker[MARKER_BYTES] = {0};
    size_t len;
    int rc;

    if (port_pwrite(v->port, file, bytes, sizeof(bytes), 0) != AL_OK ||
        port_sync(v->port, file) != AL_OK) {
        return "cannot write into the volume";
    }
    if (port_xattr_set(v->port, file, MARKER_XATTR, marker, sizeof(marker)) != AL_OK ||
        port_xattr_get(v->port, file, MARKER_XATTR, marker, sizeof(marker), &len) != AL_OK ||
        len != sizeof(marker) || port_xattr_del(v->port, file, MARKER_XATTR) != AL_OK) {
        return "no trusted extended attributes here";
    }
    if (stub_facts_read(v, file, &facts, NULL) != AL_OK) {
        return "no file handles or inode generations here";
    }
    if (v->gate != NULL) {
        rc = v->gate->ops->guard(v->gate, facts.st.dev, facts.st.ino, file);
        if (rc == AL_ENOTSUP) {
            return "alto-gate has not marked this filesystem: mount it with mount.alto";
        }
        if (rc != AL_OK) {
            return "alto-gate does not answer";
        }
        rc = v->gate->ops->release(v->gate, facts.st.dev, facts.st.ino);
        if (rc != AL_OK) {
            return "alto-gate does not answer";
        }
    }
    if (port_lease_take(v->port, file) != AL_OK || port_lease_drop(v->port, file) != AL_OK) {
        return "no write leases here";
    }
    if (port_punch(v->port, file, 0, sizeof(bytes)) != AL_OK ||
        port_next_data(v->port, file, 0, &data) != AL_ENODATA) {
        return "the filesystem cannot free the blocks of a file";
    }
    return NULL;
}

int
stub_volume_probe(struct stub_volume *v, bool *ret_can, const char **ret_why)
{
    AL_CLEANUP(port_holder_end) struct port_holder file = {v->port, NULL};
    char name[64];
    uint64_t tag;
    const char *why = refuse_kind(&v->fs);
    int rc;

    if (why == NULL) {
        rc = port_random(v->port, &tag, sizeof(tag));
        if (rc != AL_OK) {
            return rc;
        }
        (void)snprintf(name, sizeof(name), STUB_PROBE_PREFIX "%016llx", (unsigned long long)tag);
        rc = port_open(v->port, v->root, name, PORT_READ | PORT_WRITE | PORT_CREATE | PORT_EXCL,
                       0600, &file.file);
        if (rc != AL_OK) {
            return rc;
        }
        why = probe_file(v, file.file);
        rc = port_unlink(v->port, v->root, name);
        if (rc != AL_OK) {
            return rc;
        }
    }
    *ret_can = why == NULL;
    *ret_why = why;
    return AL_OK;
}
