/* The wrappers of port.h, which answer for missing operations and count for fault injection, and
 * what is built of them. */
#include "port/ask.h"

#include <stdio.h>
#include <string.h>

#include "base/fault.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/text.h"

/* One line per wrapper: refuse what the system lacks, fail when a test says so, else call. */
#define PORT_CALL(p, op, ...)                                                                      \
    ((p)->ops->op == NULL          ? AL_ENOTSUP                                                    \
     : al_fault_hit(AL_FAULT_PORT) ? AL_EIO                                                        \
                                   : (p)->ops->op((p), __VA_ARGS__))

/* A name below an open folder is one part; without a folder it is absolute. */
static int
name_check(const struct port_file *dir, const char *name)
{
    size_t len = strlen(name);

    if (len == 0) {
        return AL_EINVAL;
    }
    if (dir == NULL) {
        return AL_OK;
    }
    if (strchr(name, '/') != NULL || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        return AL_EINVAL;
    }
    return AL_OK;
}

int
port_open(struct port *p, struct port_file *dir, const char *name, uint32_t flags, uint32_t mode,
          struct port_file **ret)
{
    int rc = name_check(dir, name);

    return rc != AL_OK ? rc : PORT_CALL(p, open, dir, name, flags, mode, ret);
}

int
port_mount_apart(struct port *p, struct port_file *folder, struct port_file **ret)
{
    return PORT_CALL(p, mount_apart, folder, ret);
}

int
port_open_unseen(struct port *p, struct port_file *dir, const char *name, struct port_file **ret)
{
    int rc = dir == NULL ? AL_EINVAL : name_check(dir, name);

    if (rc == AL_OK && p->ops->open_unseen == NULL) {
        return port_open(p, dir, name, PORT_READ | PORT_WRITE | PORT_NOATIME | PORT_NONBLOCK, 0,
                         ret);
    }
    return rc != AL_OK ? rc : PORT_CALL(p, open_unseen, dir, name, ret);
}

int
port_open_handle(struct port *p, struct port_file *on_fs, const struct port_handle *h,
                 uint32_t flags, struct port_file **ret)
{
    return PORT_CALL(p, open_handle, on_fs, h, flags, ret);
}

int
port_close(struct port *p, struct port_file *f)
{
    if (f == NULL) {
        return AL_OK;
    }
    if (al_fault_hit(AL_FAULT_PORT)) {
        (void)p->ops->close(p, f); /* the descriptor ends whatever close reports */
        return AL_EIO;
    }
    return p->ops->close(p, f);
}

void
port_close_quiet(struct port *p, struct port_file **f)
{
    if (*f != NULL) {
        (void)p->ops->close(p, *f); /* what mattered was checked before, or failed already */
        *f = NULL;
    }
}

int
port_pread(struct port *p, struct port_file *f, void *to, size_t len, uint64_t offset,
           size_t *ret_len)
{
    return PORT_CALL(p, pread, f, to, len, offset, ret_len);
}

int
port_pwrite(struct port *p, struct port_file *f, const void *from, size_t len, uint64_t offset)
{
    return PORT_CALL(p, pwrite, f, from, len, offset);
}

int
port_sync(struct port *p, struct port_file *f)
{
    return PORT_CALL(p, sync, f, false);
}

int
port_datasync(struct port *p, struct port_file *f)
{
    return PORT_CALL(p, sync, f, true);
}

int
port_truncate(struct port *p, struct port_file *f, uint64_t size)
{
    return PORT_CALL(p, truncate, f, size);
}

int
port_stat(struct port *p, struct port_file *f, struct port_stat *ret)
{
    return PORT_CALL(p, stat, f, ret);
}

int
port_stat_at(struct port *p, struct port_file *dir, const char *name, struct port_stat *ret)
{
    int rc = name_check(dir, name);

    return rc != AL_OK ? rc : PORT_CALL(p, stat_at, dir, name, ret);
}

int
port_stat_fresh_at(struct port *p, struct port_file *dir, const char *name, struct port_stat *ret)
{
    int rc = name_check(dir, name);

    if (p->ops->stat_fresh_at == NULL) {
        return port_stat_at(p, dir, name, ret);
    }
    return rc != AL_OK ? rc : PORT_CALL(p, stat_fresh_at, dir, name, ret);
}

int
port_rename(struct port *p, struct port_file *dir_a, const char *a, struct port_file *dir_b,
            const char *b, bool replace)
{
    int rc = name_check(dir_a, a);

    if (rc == AL_OK) {
        rc = name_check(dir_b, b);
    }
    return rc != AL_OK ? rc : PORT_CALL(p, rename, dir_a, a, dir_b, b, replace);
}

int
port_unlink(struct port *p, struct port_file *dir, const char *name)
{
    int rc = name_check(dir, name);

    return rc != AL_OK ? rc : PORT_CALL(p, unlink, dir, name);
}

int
port_mkdir(struct port *p, struct port_file *dir, const char *name, uint32_t mode)
{
    int rc = name_check(dir, name);

    return rc != AL_OK ? rc : PORT_CALL(p, mkdir, dir, name, mode);
}

int
port_rmdir(struct port *p, struct port_file *dir, const char *name)
{
    int rc = name_check(dir, name);

    return rc != AL_OK ? rc : PORT_CALL(p, rmdir, dir, name);
}

int
port_readlink(struct port *p, struct port_file *dir, const char *name, struct al_buf *to)
{
    int rc = name_check(dir, name);

    return rc != AL_OK ? rc : PORT_CALL(p, readlink, dir, name, to);
}

int
port_symlink(struct port *p, struct port_file *dir, const char *name, const char *target)
{
    int rc = name_check(dir, name);

    return rc != AL_OK ? rc : PORT_CALL(p, symlink, dir, name, target);
}

int
port_dir_open(struct port *p, struct port_file *folder, struct port_dir **ret)
{
    return PORT_CALL(p, dir_open, folder, ret);
}

int
port_dir_next(struct port *p, struct port_dir *d, struct port_dirent *ret, bool *ret_end)
{
    return PORT_CALL(p, dir_next, d, ret, ret_end);
}

void
port_dir_close(struct port *p, struct port_dir **d)
{
    if (*d != NULL) {
        p->ops->dir_close(p, *d);
        *d = NULL;
    }
}

int
port_xattr_get(struct port *p, struct port_file *f, const char *name, void *to, size_t cap,
               size_t *ret_len)
{
    return PORT_CALL(p, xattr_get, f, name, to, cap, ret_len);
}

int
port_xattr_get_at(struct port *p, struct port_file *dir, const char *name, const char *attr,
                  void *to, size_t cap, size_t *ret_len)
{
    int rc = name_check(dir, name);

    return rc != AL_OK ? rc : PORT_CALL(p, xattr_get_at, dir, name, attr, to, cap, ret_len);
}

int
port_xattr_set(struct port *p, struct port_file *f, const char *name, const void *value, size_t len)
{
    return PORT_CALL(p, xattr_set, f, name, value, len);
}

int
port_xattr_del(struct port *p, struct port_file *f, const char *name)
{
    return PORT_CALL(p, xattr_del, f, name);
}

int
port_xattr_list(struct port *p, struct port_file *f, struct al_buf *to)
{
    return PORT_CALL(p, xattr_list, f, to);
}

int
port_set_times(struct port *p, struct port_file *f, int64_t atime_ns, int64_t mtime_ns)
{
    return PORT_CALL(p, set_times, f, atime_ns, mtime_ns);
}

int
port_set_owner(struct port *p, struct port_file *f, uint32_t uid, uint32_t gid)
{
    return PORT_CALL(p, set_owner, f, uid, gid);
}

int
port_set_mode(struct port *p, struct port_file *f, uint32_t mode)
{
    return PORT_CALL(p, set_mode, f, mode);
}

int
port_lock(struct port *p, struct port_file *f)
{
    return PORT_CALL(p, lock, f);
}

#define PORT_CALL0(p, op, f)                                                                       \
    ((p)->ops->op == NULL          ? AL_ENOTSUP                                                    \
     : al_fault_hit(AL_FAULT_PORT) ? AL_EIO                                                        \
                                   : (p)->ops->op((p), (f)))

int
port_lease_take(struct port *p, struct port_file *f)
{
    return PORT_CALL0(p, lease_take, f);
}

int
port_lease_state(struct port *p, struct port_file *f, enum port_lease *ret)
{
    return PORT_CALL(p, lease_state, f, ret);
}

int
port_lease_drop(struct port *p, struct port_file *f)
{
    return PORT_CALL0(p, lease_drop, f);
}

int
port_punch(struct port *p, struct port_file *f, uint64_t offset, uint64_t len)
{
    return PORT_CALL(p, punch, f, offset, len);
}

int
port_next_data(struct port *p, struct port_file *f, uint64_t offset, uint64_t *ret_offset)
{
    return PORT_CALL(p, next_data, f, offset, ret_offset);
}

int
port_has_data(struct port *p, struct port_file *f, uint64_t size, bool *ret)
{
    uint64_t data = 0;
    int rc = port_next_data(p, f, 0, &data);

    *ret = rc == AL_OK && data < size;
    return rc == AL_ENODATA ? AL_OK : rc;
}

int
port_next_hole(struct port *p, struct port_file *f, uint64_t offset, uint64_t *ret_offset)
{
    return PORT_CALL(p, next_hole, f, offset, ret_offset);
}

int
port_handle_get(struct port *p, struct port_file *f, struct port_handle *ret)
{
    return PORT_CALL(p, handle_get, f, ret);
}

int
port_generation(struct port *p, struct port_file *f, uint32_t *ret)
{
    return PORT_CALL(p, generation, f, ret);
}

int
port_path_of(struct port *p, struct port_file *root, struct port_file *f, struct al_buf *to)
{
    return PORT_CALL(p, path_of, root, f, to);
}

int
port_fs(struct port *p, struct port_file *f, struct port_fs *ret)
{
    return PORT_CALL(p, fs, f, ret);
}

int
port_rename_open(struct port *p, struct port_file *f, struct port_file *dir, const char *name)
{
    int rc = dir == NULL ? AL_EINVAL : name_check(dir, name);

    return rc != AL_OK ? rc : PORT_CALL(p, rename_open, f, dir, name);
}

int
port_remove_open(struct port *p, struct port_file *f)
{
    return PORT_CALL(p, remove_open, f);
}

int
port_is_mapped(struct port *p, struct port_file *f, bool *ret)
{
    return PORT_CALL(p, is_mapped, f, ret);
}

int
port_map_probe(struct port *p, struct port_file *folder, const char *name, enum port_views *ret)
{
    int rc = folder == NULL ? AL_EINVAL : name_check(folder, name);

    return rc != AL_OK ? rc : PORT_CALL(p, map_probe, folder, name, ret);
}

int
port_security_get(struct port *p, struct port_file *f, struct al_buf *to)
{
    return PORT_CALL(p, security_get, f, to);
}

int
port_security_set(struct port *p, struct port_file *f, struct al_span descriptor)
{
    return PORT_CALL(p, security_set, f, descriptor);
}

int
port_stream_list(struct port *p, struct port_file *f, port_stream_fn each, void *ctx)
{
    return PORT_CALL(p, stream_list, f, each, ctx);
}

/* What NTFS forbids in a stream's name, and what would name another file or another kind of stream. */
static bool
stream_name_good(const char *name)
{
    size_t len = strlen(name);

    return len > 0 && len < PORT_STREAM_NAME_MAX && strpbrk(name, ":/\\") == NULL;
}

int
port_stream_open(struct port *p, struct port_file *f, const char *name, uint32_t flags,
                 struct port_file **ret)
{
    const uint32_t known = PORT_READ | PORT_WRITE | PORT_CREATE | PORT_EXCL | PORT_TRUNC;

    if (!stream_name_good(name) || (flags & ~known) != 0) {
        return AL_EINVAL;
    }
    return PORT_CALL(p, stream_open, f, name, flags, ret);
}

int
port_set_attrs(struct port *p, struct port_file *f, uint32_t attrs, uint32_t mask)
{
    const uint32_t settable = PORT_A_READONLY | PORT_A_HIDDEN | PORT_A_SYSTEM | PORT_A_ARCHIVE |
                              PORT_A_OFFLINE | PORT_A_NOT_INDEXED;

    return (mask & ~settable) != 0 ? AL_EINVAL : PORT_CALL(p, set_attrs, f, attrs, mask);
}

int
port_set_born(struct port *p, struct port_file *f, int64_t btime_ns)
{
    return PORT_CALL(p, set_born, f, btime_ns);
}

int64_t
port_now_ns(struct port *p)
{
    return p->ops->now_ns(p);
}

int64_t
port_mono_ns(struct port *p)
{
    return p->ops->mono_ns(p);
}

void
port_sleep_ns(struct port *p, int64_t ns)
{
    p->ops->sleep_ns(p, ns);
}

int
port_random(struct port *p, void *to, size_t len)
{
    return PORT_CALL(p, random, to, len);
}

int
port_hostname(struct port *p, struct al_buf *to)
{
    return PORT_CALL(p, hostname, to);
}

uint32_t
port_os_error(struct port *p)
{
    return p->ops->os_error(p);
}

#define READ_FILE_CHUNK 65536u

int
port_read_file(struct port *p, struct port_file *dir, const char *name, size_t max,
               struct al_buf *to)
{
    AL_CLEANUP(port_holder_end) struct port_holder f = {.port = p};
    uint64_t offset = 0;
    int rc = port_open(p, dir, name, PORT_READ, 0, &f.file);

    if (rc != AL_OK) {
        return rc;
    }
    for (;;) {
        size_t want = READ_FILE_CHUNK, got;

        if (offset == max) { /* the buffer may be full now: only look whether there is more */
            uint8_t more;

            rc = port_pread(p, f.file, &more, 1, offset, &got);
            return rc != AL_OK ? rc : got == 0 ? AL_OK : AL_ELIMIT;
        }
        if (want > max - offset) {
            want = (size_t)(max - offset);
        }
        rc = al_buf_reserve(to, want);
        if (rc == AL_OK) {
            rc = port_pread(p, f.file, to->at + to->len, want, offset, &got);
        }
        if (rc != AL_OK) {
            return rc;
        }
        to->len += got;
        to->at[to->len] = '\0';
        offset += got;
        if (got < want) {
            return AL_OK;
        }
    }
}

static int
write_new(struct port *p, struct port_file *dir, const char *name, const void *bytes, size_t len,
          uint32_t mode)
{
    struct port_file *f = NULL;
    int rc = port_open(p, dir, name, PORT_WRITE | PORT_CREATE | PORT_EXCL, mode, &f);

    if (rc != AL_OK) {
        return rc;
    }
    rc = port_pwrite(p, f, bytes, len, 0);
    if (rc == AL_OK) {
        rc = port_sync(p, f);
    }
    if (rc != AL_OK) {
        port_close_quiet(p, &f);
        return rc;
    }
    return port_close(p, f);
}

#define TEMP_NAME_MAX 300

int
port_write_file(struct port *p, struct port_file *dir, const char *name, const void *bytes,
                size_t len, uint32_t mode)
{
    char temp[TEMP_NAME_MAX];
    uint8_t random[6];
    char hex[2 * sizeof(random) + 1];
    int rc = port_random(p, random, sizeof(random));

    if (rc != AL_OK) {
        return rc;
    }
    al_hex(random, sizeof(random), hex);
    if (snprintf(temp, sizeof(temp), ".%s.%s.new", name, hex) >= (int)sizeof(temp)) {
        return AL_ENAMETOOLONG;
    }
    rc = write_new(p, dir, temp, bytes, len, mode);
    if (rc == AL_OK) {
        rc = port_rename(p, dir, temp, dir, name, true);
    }
    if (rc != AL_OK) {
        if (p->ops->unlink(p, dir, temp) != AL_OK) {
            /* The first error counts; a left-over temporary file harms nobody. */
        }
        return rc;
    }
    return port_sync(p, dir);
}

int
port_mkdirs(struct port *p, const char *path, uint32_t mode)
{
    AL_CLEANUP(al_freep) char *part = al_strdup(path);
    struct port_stat st;

    if (part == NULL) {
        return AL_ENOMEM;
    }
    for (char *at = part + 1;; at++) {
        char stopped = *at;
        int rc;

        if (stopped != '/' && stopped != '\0') {
            continue;
        }
        *at = '\0';
        rc = port_stat_at(p, NULL, part, &st);
        if (rc != AL_OK) {
            rc = port_mkdir(p, NULL, part, mode);
            if (rc != AL_OK && rc != AL_EEXIST) {
                return rc;
            }
        }
        *at = stopped;
        if (stopped == '\0') {
            return AL_OK;
        }
    }
}

int
port_walk_to(struct port *p, struct port_file *root, const char *path, struct port_file **ret_dir,
             const char **ret_name)
{
    AL_CLEANUP(port_holder_end) struct port_holder at = {.port = p};
    char part[256];

    for (;;) {
        const char *slash = strchr(path, '/');
        struct port_file *next = NULL;
        struct port_file *from = at.file == NULL ? root : at.file;
        int rc;

        if (slash == NULL) {
            break;
        }
        if (slash == path || (size_t)(slash - path) >= sizeof(part)) {
            return slash == path ? AL_EINVAL : AL_ENAMETOOLONG;
        }
        memcpy(part, path, (size_t)(slash - path));
        part[slash - path] = '\0';
        rc = port_open(p, from, part, PORT_READ | PORT_FOLDER, 0, &next);
        if (rc != AL_OK) {
            return rc;
        }
        port_close_quiet(p, &at.file);
        at.file = next;
        path = slash + 1;
    }
    if (name_check(root, path) != AL_OK) {
        return AL_EINVAL;
    }
    if (at.file == NULL) {
        /* The caller closes what it gets and the root stays his: a second opening of it. Every port
         * takes "." here. */
        int rc = PORT_CALL(p, open, root, ".", PORT_READ | PORT_FOLDER, 0, &at.file);

        if (rc != AL_OK) {
            return rc;
        }
    }
    *ret_dir = at.file;
    at.file = NULL;
    *ret_name = path;
    return AL_OK;
}

void
port_holder_end(struct port_holder *h)
{
    port_close_quiet(h->port, &h->file);
}

/* ---- ask.h: what its implementations share ---- */

bool
port_child_arg_ok(const char *arg)
{
    static const char fine[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

    return arg[0] != '\0' && strspn(arg, fine) == strlen(arg);
}
