/* fanotify(7), and what a gate needs around it. The constants newer than Debian 12's headers are
 * from the kernel's include/uapi/linux/fanotify.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "port/fan.h"
#include "port/linux/linux_priv.h"
#include "port/usock.h"

#ifndef FAN_PRE_ACCESS
#define FAN_PRE_ACCESS 0x00100000u
#endif
#ifndef FAN_DENY_ERRNO
#define FAN_DENY_ERRNO(e) (FAN_DENY | (((uint32_t)(e)&0xffu) << 24))
#endif

/* Without FAN_MARK_IGNORED_SURV_MODIFY: a file that is emptied and filled anew, by a restore for
 * instance, is asked about again. */
#define IGNORE_FLAGS FAN_MARK_IGNORE
#define PROC_FD_MAX 32u

static const char *
proc_fd(int fd, char to[PROC_FD_MAX])
{
    (void)snprintf(to, PROC_FD_MAX, "/proc/self/fd/%d", fd);
    return to;
}

/* fanotify_mark(2) takes no O_PATH descriptor, but the name of one in /proc. */
static int
mark_call(int group, unsigned flags, uint64_t mask, int fd)
{
    char path[PROC_FD_MAX];

    if (fanotify_mark(group, flags, mask, fd, NULL) == 0) {
        return AL_OK;
    }
    if (errno == EBADF && fanotify_mark(group, flags, mask, AT_FDCWD, proc_fd(fd, path)) == 0) {
        return AL_OK;
    }
    return linux_code(errno);
}

int
port_fan_group_new(int *ret_group)
{
    int fd = fanotify_init(FAN_CLASS_PRE_CONTENT | FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS |
                               FAN_CLOEXEC | FAN_NONBLOCK,
                           O_RDONLY | O_LARGEFILE | O_CLOEXEC | O_NOATIME);

    if (fd < 0) {
        return linux_code(errno);
    }
    *ret_group = fd;
    return AL_OK;
}

int
port_fan_mark(int group, int fd, bool *ret_access)
{
    int rc;

    rc = mark_call(group, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN_PERM | FAN_PRE_ACCESS, fd);
    if (rc == AL_OK) {
        *ret_access = true;
        return AL_OK;
    }
    if (rc != AL_EINVAL && rc != AL_ENOTSUP) {
        return rc;
    }
    rc = mark_call(group, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN_PERM, fd);
    if (rc == AL_OK) {
        *ret_access = false;
    }
    return rc;
}

int
port_fan_unmark(int group, int fd)
{
    int rc;

    /* Naming a bit that was never set is fine, but one that the kernel does not know is not. */
    rc =
        mark_call(group, FAN_MARK_REMOVE | FAN_MARK_FILESYSTEM, FAN_OPEN_PERM | FAN_PRE_ACCESS, fd);
    if (rc == AL_EINVAL) {
        rc = mark_call(group, FAN_MARK_REMOVE | FAN_MARK_FILESYSTEM, FAN_OPEN_PERM, fd);
    }
    return rc;
}

int
port_fan_unmark_all(int group)
{
    if (fanotify_mark(group, FAN_MARK_FLUSH | FAN_MARK_FILESYSTEM, 0, AT_FDCWD, "/") != 0 ||
        fanotify_mark(group, FAN_MARK_FLUSH, 0, AT_FDCWD, "/") != 0) {
        return linux_code(errno);
    }
    return AL_OK;
}

/* Taking away a bit that is not in the mark changes nothing, and tells whether there is a mark. */
int
port_fan_marked(int group, int fd, bool *ret)
{
    int rc;

    rc = mark_call(group, FAN_MARK_REMOVE | FAN_MARK_FILESYSTEM, FAN_CLOSE_NOWRITE, fd);
    if (rc != AL_OK && rc != AL_ENOENT) {
        return rc;
    }
    *ret = rc == AL_OK;
    return AL_OK;
}

int
port_fan_same_fs(int fd, const char *path, bool *ret)
{
    int group = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK, O_RDONLY | O_CLOEXEC);
    int rc;

    if (group < 0) {
        return linux_code(errno);
    }
    rc = mark_call(group, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_CLOSE_WRITE, fd);
    if (rc == AL_OK) {
        if (fanotify_mark(group, FAN_MARK_REMOVE | FAN_MARK_FILESYSTEM, FAN_CLOSE_NOWRITE, AT_FDCWD,
                          path) == 0) {
            *ret = true;
        } else if (errno == ENOENT) {
            *ret = false;
        } else {
            rc = linux_code(errno);
        }
    }
    (void)close(group); /* nothing to lose: it held one mark of its own */
    return rc;
}

static int
can_mark(int group, uint64_t mask, int fd, bool *ret)
{
    int rc = mark_call(group, FAN_MARK_ADD, mask, fd);

    if (rc == AL_OK || rc == AL_EINVAL || rc == AL_ENOTSUP) {
        *ret = rc == AL_OK;
        return AL_OK;
    }
    return rc;
}

int
port_fan_can(int folder_fd, bool *ret_open, bool *ret_access)
{
    bool open = false, access = false;
    int group = -1, rc;

    rc = port_fan_group_new(&group);
    if (rc != AL_OK) {
        return rc;
    }
    rc = can_mark(group, FAN_OPEN_PERM, folder_fd, &open);
    if (rc == AL_OK) {
        rc = can_mark(group, FAN_PRE_ACCESS, folder_fd, &access);
    }
    (void)close(group); /* nothing to lose: it held one mark of its own */
    if (rc == AL_OK) {
        *ret_open = open;
        *ret_access = access;
    }
    return rc;
}

int
port_fan_ignore(int group, int fd, bool access)
{
    return mark_call(group, FAN_MARK_ADD | IGNORE_FLAGS | FAN_MARK_EVICTABLE,
                     FAN_OPEN_PERM | (access ? FAN_PRE_ACCESS : 0), fd);
}

int
port_fan_forget(int group, int fd, bool access)
{
    int rc;

    rc = mark_call(group, FAN_MARK_REMOVE | IGNORE_FLAGS,
                   FAN_OPEN_PERM | (access ? FAN_PRE_ACCESS : 0), fd);
    return rc == AL_ENOENT ? AL_OK : rc;
}

int
port_fan_read(int group, struct port_fan_event *to, size_t *ret_count)
{
    /* Room for two opens, or one access with its range: see PORT_FAN_READ_MAX. */
    uint8_t room[2 * sizeof(struct fanotify_event_metadata)]
        __attribute__((aligned(__alignof__(struct fanotify_event_metadata))));
    const struct fanotify_event_metadata *at = (const void *)room;
    ssize_t len;
    size_t n = 0;

    do {
        len = read(group, room, sizeof(room));
    } while (len < 0 && errno == EINTR);
    if (len < 0 && errno == EAGAIN) {
        *ret_count = 0;
        return AL_OK;
    }
    if (len < 0) {
        return linux_code(errno);
    }
    for (; FAN_EVENT_OK(at, len) && n < PORT_FAN_READ_MAX; at = FAN_EVENT_NEXT(at, len)) {
        if (at->vers != FANOTIFY_METADATA_VERSION) {
            return AL_ENOTSUP;
        }
        if (at->fd < 0) {
            continue; /* an overflow, which an unlimited queue never has */
        }
        to[n].fd = at->fd;
        to[n].pid = (uint32_t)at->pid;
        to[n].access = (at->mask & FAN_PRE_ACCESS) != 0;
        n++;
    }
    *ret_count = n;
    return AL_OK;
}

int
port_fan_answer(int group, int number, bool allow)
{
    struct fanotify_response r = {.fd = number, .response = FAN_ALLOW};

    if (!allow) {
        r.response = FAN_DENY_ERRNO(EIO);
    }
    if (write(group, &r, sizeof(r)) == (ssize_t)sizeof(r)) {
        return AL_OK;
    }
    if (!allow && errno == EINVAL) {
        r.response = FAN_DENY;
        if (write(group, &r, sizeof(r)) == (ssize_t)sizeof(r)) {
            return AL_OK;
        }
    }
    return linux_code(errno);
}

unsigned
port_fan_sweep(int group, bool (*keep)(void *ctx, int number), void *ctx)
{
    unsigned denied = 0;

    for (int number = 0; number < PORT_FAN_NUMBERS_MAX; number++) {
        if (keep != NULL && keep(ctx, number)) {
            continue;
        }
        /* The same number may wait more than once when readers died one after the other. */
        while (port_fan_answer(group, number, false) == AL_OK) {
            denied++;
        }
    }
    return denied;
}

static int64_t
mono_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail */
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

unsigned
port_fan_deny_for(int group, int64_t ms)
{
    struct port_fan_event events[PORT_FAN_READ_MAX];
    struct pollfd p = {.fd = group, .events = POLLIN};
    unsigned denied = port_fan_sweep(group, NULL, NULL);
    int64_t end = mono_ms() + ms;
    size_t n;

    for (;;) {
        int64_t left = end - mono_ms();

        if (left <= 0 || poll(&p, 1, (int)left) <= 0) {
            return denied;
        }
        if (port_fan_read(group, events, &n) != AL_OK) {
            return denied;
        }
        for (size_t i = 0; i < n; i++) {
            denied += port_fan_answer(group, events[i].fd, false) == AL_OK ? 1 : 0;
            (void)close(events[i].fd); /* only read */
        }
    }
}

int
port_fd_has_xattr(int fd, const char *name, bool *ret)
{
    char path[PROC_FD_MAX];
    ssize_t n = fgetxattr(fd, name, NULL, 0);

    if (n < 0 && errno == EBADF) {
        n = getxattr(proc_fd(fd, path), name, NULL, 0); /* O_PATH */
    }
    if (n < 0 && errno != ENODATA && errno != EOPNOTSUPP) {
        return linux_code(errno);
    }
    *ret = n >= 0;
    return AL_OK;
}

int
port_fd_xattr(int fd, const char *name, void *to, size_t cap, size_t *ret_len)
{
    char path[PROC_FD_MAX];
    ssize_t n = fgetxattr(fd, name, to, cap);

    if (n < 0 && errno == EBADF) {
        n = getxattr(proc_fd(fd, path), name, to, cap); /* O_PATH */
    }
    if (n < 0) {
        return errno == ERANGE ? AL_ELIMIT : errno == EOPNOTSUPP ? AL_ENODATA : linux_code(errno);
    }
    *ret_len = (size_t)n;
    return AL_OK;
}

int
port_fd_identity(int fd, uint64_t *ret_dev, uint64_t *ret_ino, uint64_t *ret_allocated)
{
    struct stat st;

    if (fstat(fd, &st) != 0) {
        return linux_code(errno);
    }
    *ret_dev = st.st_dev;
    *ret_ino = st.st_ino;
    *ret_allocated = (uint64_t)st.st_blocks * 512;
    return AL_OK;
}

int
port_native_fd(const struct port_file *f)
{
    return f->fd;
}

int
port_fd_fs(int fd, struct port_fs *ret)
{
    struct port_file f = {.fd = fd};

    return linux_fs(NULL, &f, ret);
}

bool
port_kernel_at_least(unsigned major, unsigned minor)
{
    struct utsname u;
    uint64_t have_major, have_minor;
    char *rest = u.release, *part;

    if (uname(&u) != 0 || (part = strsep(&rest, ".")) == NULL || rest == NULL ||
        al_parse_u64(part, &have_major) != AL_OK) {
        return false;
    }
    rest[strspn(rest, "0123456789")] = '\0';
    return al_parse_u64(rest, &have_minor) == AL_OK &&
           (have_major > major || (have_major == major && have_minor >= minor));
}

union handle_room {
    struct file_handle head;
    uint8_t bytes[sizeof(struct file_handle) + sizeof(((struct port_handle *)NULL)->bytes)];
};

int
port_fd_handle(int fd, struct port_handle *ret, int32_t *ret_mount)
{
    union handle_room u = {.head.handle_bytes = sizeof(ret->bytes)};
    int mount;

    if (name_to_handle_at(fd, "", &u.head, &mount, AT_EMPTY_PATH) != 0) {
        return linux_code(errno);
    }
    memset(ret, 0, sizeof(*ret));
    ret->type = u.head.handle_type;
    ret->len = u.head.handle_bytes;
    memcpy(ret->bytes, u.head.f_handle, ret->len);
    *ret_mount = mount;
    return AL_OK;
}

/* The folder a mount hangs on, from its line in /proc/self/mountinfo (proc_pid_mountinfo(5)):
 * blanks are written as \040. */
static int
mount_point(int32_t mount, char *to, size_t cap)
{
    char line[8192], *field;
    FILE *f = fopen("/proc/self/mountinfo", "re");
    int rc = AL_ENOENT;

    if (f == NULL) {
        return linux_code(errno);
    }
    while (rc == AL_ENOENT && fgets(line, sizeof(line), f) != NULL) {
        char *rest = line;
        uint64_t id;
        size_t n = 0;

        field = strsep(&rest, " ");
        if (al_parse_u64(field, &id) != AL_OK || id != (uint64_t)mount) {
            continue;
        }
        for (int i = 0; i < 3 && rest != NULL; i++) {
            (void)strsep(&rest, " "); /* parent, device, root */
        }
        field = rest == NULL ? NULL : strsep(&rest, " ");
        if (field == NULL) {
            break;
        }
        for (; *field != '\0' && n + 1 < cap; field++, n++) {
            if (field[0] == '\\' && field[1] >= '0' && field[1] <= '3' && field[2] != '\0' &&
                field[3] != '\0') {
                to[n] = (char)((field[1] - '0') * 64 + (field[2] - '0') * 8 + (field[3] - '0'));
                field += 3;
            } else {
                to[n] = *field;
            }
        }
        to[n] = '\0';
        rc = *field == '\0' ? AL_OK : AL_ENAMETOOLONG;
    }
    (void)fclose(f); /* only read */
    return rc;
}

int
port_fan_pass(int group, int folder_fd)
{
    const unsigned flags =
        FAN_MARK_ADD | FAN_MARK_MOUNT | FAN_MARK_IGNORED_MASK | FAN_MARK_IGNORED_SURV_MODIFY;
    struct statx st;
    char point[PATH_MAX];
    int rc;

    if (statx(folder_fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &st) != 0) {
        return linux_code(errno);
    }
    if ((st.stx_mask & STATX_MNT_ID) == 0) {
        return AL_ENOTSUP;
    }
    rc = mount_point((int32_t)st.stx_mnt_id, point, sizeof(point));
    if (rc != AL_ENOENT) {
        return rc == AL_OK ? AL_ECONFLICT : rc;
    }
    rc = mark_call(group, flags, FAN_OPEN_PERM | FAN_PRE_ACCESS, folder_fd);
    return rc == AL_EINVAL || rc == AL_ENOTSUP ? mark_call(group, flags, FAN_OPEN_PERM, folder_fd)
                                               : rc;
}

int
port_fd_by_handle(const struct port_handle *h, int32_t mount, int *ret)
{
    union handle_room u = {.head = {.handle_bytes = h->len, .handle_type = h->type}};
    char folder[4096];
    int dir, fd, rc;

    if (h->len > sizeof(h->bytes)) {
        return AL_EINVAL;
    }
    rc = mount_point(mount, folder, sizeof(folder));
    if (rc != AL_OK) {
        return rc;
    }
    /* A folder raises no event with our marks, and O_PATH opens nothing: a gate must not wait for
     * itself. */
    dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0) {
        return linux_code(errno);
    }
    memcpy(u.head.f_handle, h->bytes, h->len);
    fd = open_by_handle_at(dir, &u.head, O_PATH | O_CLOEXEC);
    rc = fd < 0 ? linux_code(errno) : AL_OK;
    (void)close(dir); /* only lent its filesystem */
    if (rc == AL_OK) {
        *ret = fd;
    }
    return rc;
}

int
port_fd_vacate(int number, int null_fd)
{
    return dup3(null_fd, number, O_CLOEXEC) < 0 ? linux_code(errno) : AL_OK;
}

bool
port_fd_is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

int
port_shared_new(const char *name, size_t bytes, int *ret_fd)
{
    int fd = memfd_create(name, MFD_CLOEXEC);
    int rc;

    if (fd < 0) {
        return linux_code(errno);
    }
    if (ftruncate(fd, (off_t)bytes) != 0) {
        rc = linux_code(errno);
        (void)close(fd); /* nobody else has it */
        return rc;
    }
    *ret_fd = fd;
    return AL_OK;
}

int
port_shared_map(int fd, size_t bytes, void **ret)
{
    struct stat st;
    void *at;

    if (fstat(fd, &st) != 0) {
        return linux_code(errno);
    }
    if ((uint64_t)st.st_size < bytes) {
        return AL_ECORRUPT;
    }
    at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED) {
        return linux_code(errno);
    }
    *ret = at;
    return AL_OK;
}

void
port_shared_unmap(void *at, size_t bytes)
{
    if (at != NULL) {
        (void)munmap(at, bytes); /* fails only for what was never mapped */
    }
}

int
port_fan_right(int shared_fd, int64_t timeout_ms, int *ret_right)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
    const struct timespec pause = {.tv_nsec = 2000000};
    int64_t end = mono_ms() + timeout_ms;
    char path[PROC_FD_MAX];
    int rc = AL_EBUSY;
    int fd;

    /* A lock of an open of our own: the holders share one open of the memory, and a lock of the
     * process would end with the first duplicate that is closed. */
    fd = open(proc_fd(shared_fd, path), O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        return linux_code(errno);
    }
    for (;;) {
        if (fcntl(fd, F_OFD_SETLK, &lock) == 0) {
            *ret_right = fd;
            return AL_OK;
        }
        if (errno != EAGAIN && errno != EACCES) {
            rc = linux_code(errno);
            break;
        }
        if (mono_ms() >= end) {
            rc = timeout_ms > 0 ? AL_ETIMEDOUT : AL_EBUSY;
            break;
        }
        (void)nanosleep(&pause, NULL); /* a shorter one is as good */
    }
    (void)close(fd); /* holds nothing */
    return rc;
}
