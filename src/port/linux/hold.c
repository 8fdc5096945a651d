/* Taking a file and finding it again: locks, leases, holes, handles. */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/bytes.h"
#include "port/linux/linux_priv.h"

int
linux_lock(struct port *p, struct port_file *f)
{
    return flock(f->fd, LOCK_EX | LOCK_NB) == 0 ? AL_OK : linux_code(errno);
}

int
linux_lease_take(struct port *p, struct port_file *f)
{
    /* A reader waiting for our lease shows here as F_RDLCK. Setting the lease again would succeed
     * and make the kernel forget that somebody waits (tried on 6.18), so it must not be asked then.
     * A waiting writer is refused by F_SETLEASE itself. */
    if (fcntl(f->fd, F_GETLEASE) == F_RDLCK) {
        errno = EAGAIN;
        return AL_EBUSY;
    }
    /* The signal of a broken lease (SIGIO by default) would end the program: SIGURG is ignored by
     * default, and the state is asked for with F_GETLEASE. */
    if (fcntl(f->fd, F_SETSIG, SIGURG) != 0 || fcntl(f->fd, F_SETLEASE, F_WRLCK) != 0) {
        return linux_code(errno);
    }
    return AL_OK;
}

int
linux_lease_state(struct port *p, struct port_file *f, enum port_lease *ret)
{
    int type = fcntl(f->fd, F_GETLEASE);

    if (type < 0) {
        return linux_code(errno);
    }
    /* fcntl(2): while a lease is being broken F_GETLEASE tells what it is to become, F_RDLCK or
     * F_UNLCK. F_UNLCK therefore means "wanted by a writer" or "gone": both end what we were doing.
     */
    *ret = type == F_WRLCK ? PORT_LEASE_HELD : PORT_LEASE_WANTED;
    return AL_OK;
}

int
linux_lease_drop(struct port *p, struct port_file *f)
{
    return fcntl(f->fd, F_SETLEASE, F_UNLCK) == 0 || errno == EAGAIN ? AL_OK : linux_code(errno);
}

int
linux_punch(struct port *p, struct port_file *f, uint64_t offset, uint64_t len)
{
    return fallocate(f->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
                     (off_t)len) == 0
               ? AL_OK
               : linux_code(errno);
}

int
linux_next_data(struct port *p, struct port_file *f, uint64_t offset, uint64_t *ret_offset)
{
    off_t at = lseek(f->fd, (off_t)offset, SEEK_DATA);

    if (at < 0) {
        return linux_code(errno); /* ENXIO, nothing but a hole, is AL_ENODATA */
    }
    *ret_offset = (uint64_t)at;
    return AL_OK;
}

int
linux_next_hole(struct port *p, struct port_file *f, uint64_t offset, uint64_t *ret_offset)
{
    off_t at = lseek(f->fd, (off_t)offset, SEEK_HOLE);

    if (at < 0) {
        return linux_code(errno);
    }
    *ret_offset = (uint64_t)at;
    return AL_OK;
}

struct handle_room {
    struct file_handle head;
    uint8_t bytes[128];
};

int
linux_handle_get(struct port *p, struct port_file *f, struct port_handle *ret)
{
    union {
        struct handle_room room;
        struct file_handle head;
    } u = {.head.handle_bytes = sizeof(ret->bytes)};
    int mount_id;

    if (name_to_handle_at(f->fd, "", &u.head, &mount_id, AT_EMPTY_PATH) != 0) {
        return linux_code(errno);
    }
    memset(ret, 0, sizeof(*ret));
    ret->type = u.head.handle_type;
    ret->len = u.head.handle_bytes;
    memcpy(ret->bytes, u.head.f_handle, ret->len);
    return AL_OK;
}

int
linux_open_handle(struct port *p, struct port_file *on_fs, const struct port_handle *h,
                  uint32_t flags, struct port_file **ret)
{
    union {
        struct handle_room room;
        struct file_handle head;
    } u = {.head = {.handle_bytes = h->len, .handle_type = h->type}};
    int fd;

    if (h->len > sizeof(h->bytes)) {
        return AL_EINVAL;
    }
    memcpy(u.head.f_handle, h->bytes, h->len);
    fd = open_by_handle_at(on_fs->fd, &u.head, linux_open_flags(flags) & ~O_NOFOLLOW);
    return fd < 0 ? linux_code(errno) : linux_file_new(fd, ret);
}

int
linux_generation(struct port *p, struct port_file *f, uint32_t *ret)
{
    struct port_handle h;
    uint32_t hash = 2166136261u;
    int rc = linux_handle_get(p, f, &h);

    if (rc != AL_OK) {
        return rc;
    }
    /* The handle holds the generation, at a place that differs by filesystem: a hash of the whole
     * needs no layout. The ioctl FS_IOC_GETVERSION would need an open file, XFS and btrfs answer it
     * with 0, and O_PATH descriptors cannot ask. */
    for (uint32_t i = 0; i < h.len; i++) {
        hash = (hash ^ h.bytes[i]) * 16777619u;
    }
    *ret = hash;
    return AL_OK;
}
