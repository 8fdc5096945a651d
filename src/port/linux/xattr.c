/* Extended attributes: xattr(7). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "port/linux/linux_priv.h"

#define XATTR_LIST_BYTES_MAX 65536u /* XATTR_LIST_MAX, xattr(7) */

/* An O_PATH descriptor has no attribute calls of its own (EBADF); through /proc it has, and nothing
 * is opened: open(2). */
static void
proc_path(int fd, char out[64])
{
    (void)snprintf(out, 64, "/proc/self/fd/%d", fd);
}

int
linux_xattr_get(struct port *p, struct port_file *f, const char *name, void *to, size_t cap,
                size_t *ret_len)
{
    ssize_t n = fgetxattr(f->fd, name, to, cap);

    if (n < 0 && errno == EBADF) {
        char path[64];

        proc_path(f->fd, path);
        n = getxattr(path, name, to, cap);
    }
    if (n < 0) {
        return linux_code(errno);
    }
    *ret_len = (size_t)n;
    return AL_OK;
}

int
linux_xattr_get_at(struct port *p, struct port_file *dir, const char *name, const char *attr,
                   void *to, size_t cap, size_t *ret_len)
{
    char path[4096 + 64];
    ssize_t n;

    if (dir == NULL) {
        n = lgetxattr(name, attr, to, cap);
    } else if (snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dir->fd, name) >=
               (int)sizeof(path)) {
        return AL_ENAMETOOLONG;
    } else {
        n = lgetxattr(path, attr, to, cap);
    }
    if (n < 0) {
        return linux_code(errno);
    }
    *ret_len = (size_t)n;
    return AL_OK;
}

int
linux_xattr_set(struct port *p, struct port_file *f, const char *name, const void *value,
                size_t len)
{
    return fsetxattr(f->fd, name, value, len, 0) == 0 ? AL_OK : linux_code(errno);
}

int
linux_xattr_del(struct port *p, struct port_file *f, const char *name)
{
    return fremovexattr(f->fd, name) == 0 ? AL_OK : linux_code(errno);
}

int
linux_xattr_list(struct port *p, struct port_file *f, struct al_buf *to)
{
    char names[XATTR_LIST_BYTES_MAX];
    ssize_t n = flistxattr(f->fd, names, sizeof(names));

    if (n < 0 && errno == EBADF) {
        char path[64];

        proc_path(f->fd, path);
        n = listxattr(path, names, sizeof(names));
    }
    return n < 0 ? linux_code(errno) : al_buf_add(to, names, (size_t)n);
}
