/* Files and names: openat(2), pread(2), renameat2(2) and their kin. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "port/linux/linux_priv.h"

int
linux_code(int error_number)
{
    static const struct {
        int error_number, code;
    } codes[] = {
        {ENOENT, AL_ENOENT},
        {EEXIST, AL_EEXIST},
        {EACCES, AL_EACCES},
        {EPERM, AL_EACCES},
        {ENOSPC, AL_ENOSPC},
        {EDQUOT, AL_ENOSPC},
        {EROFS, AL_EROFS},
        {EBUSY, AL_EBUSY},
        {EAGAIN, AL_EBUSY},
        {ETXTBSY, AL_EBUSY},
        {EINVAL, AL_EINVAL},
        {ENOMEM, AL_ENOMEM},
        {ETIMEDOUT, AL_ETIMEDOUT},
        {EHOSTUNREACH, AL_EUNREACH},
        {ENETUNREACH, AL_EUNREACH},
        {ECONNREFUSED, AL_EUNREACH},
        {ECONNRESET, AL_EUNREACH},
        {EPIPE, AL_EUNREACH},
        {EHOSTDOWN, AL_EUNREACH},
        {ENOTCONN, AL_EUNREACH},
        {EOPNOTSUPP, AL_ENOTSUP},
        {ENOSYS, AL_ENOTSUP},
        {ENODATA, AL_ENODATA},
        {ENXIO, AL_ENODATA},
        {ENOTDIR, AL_ENOTDIR},
        {EISDIR, AL_EISDIR},
        {ENOTEMPTY, AL_ENOTEMPTY},
        {ELOOP, AL_ELOOP},
        {ENAMETOOLONG, AL_ENAMETOOLONG},
        {EXDEV, AL_EXDEV},
        {EMFILE, AL_EMFILE},
        {ENFILE, AL_EMFILE},
        {ESTALE, AL_ESTALE},
        {ERANGE, AL_ELIMIT},
        {E2BIG, AL_ELIMIT},
        {EFBIG, AL_ENOSPC},
        {ECANCELED, AL_ECANCELED},
        {EBADMSG, AL_ECORRUPT},
        {EUCLEAN, AL_ECORRUPT},
    };

    for (size_t i = 0; i < AL_LEN(codes); i++) {
        if (codes[i].error_number == error_number) {
            return codes[i].code;
        }
    }
    return AL_EIO;
}

int
linux_file_new(int fd, struct port_file **ret)
{
    struct port_file *f = al_alloc(sizeof(*f));

    if (f == NULL) {
        (void)close(fd); /* nothing was written through it */
        errno = ENOMEM;
        return AL_ENOMEM;
    }
    f->fd = fd;
    *ret = f;
    return AL_OK;
}

static int
at(const struct port_file *dir)
{
    return dir == NULL ? AT_FDCWD : dir->fd;
}

int
linux_open_flags(uint32_t flags)
{
    int o = O_CLOEXEC | O_NOFOLLOW | O_NOCTTY;

    if ((flags & PORT_PATH) != 0) {
        return O_PATH | O_CLOEXEC | O_NOFOLLOW | ((flags & PORT_FOLDER) != 0 ? O_DIRECTORY : 0);
    }
    if ((flags & PORT_WRITE) != 0) {
        o |= (flags & PORT_READ) != 0 ? O_RDWR : O_WRONLY;
    }
    o |= (flags & PORT_CREATE) != 0 ? O_CREAT : 0;
    o |= (flags & PORT_EXCL) != 0 ? O_EXCL : 0;
    o |= (flags & PORT_TRUNC) != 0 ? O_TRUNC : 0;
    o |= (flags & PORT_FOLDER) != 0 ? O_DIRECTORY : 0;
    o |= (flags & PORT_NOATIME) != 0 ? O_NOATIME : 0;
    o |= (flags & PORT_NONBLOCK) != 0 ? O_NONBLOCK : 0;
    return o;
}

static int
file_open(struct port *p, struct port_file *dir, const char *name, uint32_t flags, uint32_t mode,
          struct port_file **ret)
{
    int o = linux_open_flags(flags);
    int fd = openat(at(dir), name, o, (mode_t)mode);

    if (fd < 0 && errno == EPERM && (o & O_NOATIME) != 0) {
        fd = openat(at(dir), name, o & ~O_NOATIME, (mode_t)mode); /* not the owner: open(2) */
    }
    return fd < 0 ? linux_code(errno) : linux_file_new(fd, ret);
}

static int
file_close(struct port *p, struct port_file *f)
{
    int rc = close(f->fd) == 0 || errno == EINTR ? AL_OK : linux_code(errno);

    al_free(f);
    return rc;
}

static int
file_pread(struct port *p, struct port_file *f, void *to, size_t len, uint64_t offset,
           size_t *ret_len)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = pread(f->fd, (char *)to + done, len - done, (off_t)(offset + done));

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return linux_code(errno);
        }
        if (n == 0) {
            break;
        }
        done += (size_t)n;
    }
    *ret_len = done;
    return AL_OK;
}

static int
file_pwrite(struct port *p, struct port_file *f, const void *from, size_t len, uint64_t offset)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = pwrite(f->fd, (const char *)from + done, len - done, (off_t)(offset + done));

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n == 0 ? AL_EIO : linux_code(errno);
        }
        done += (size_t)n;
    }
    return AL_OK;
}

static int
file_sync(struct port *p, struct port_file *f, bool data_only)
{
    return (data_only ? fdatasync(f->fd) : fsync(f->fd)) == 0 ? AL_OK : linux_code(errno);
}

static int
file_truncate(struct port *p, struct port_file *f, uint64_t size)
{
    return ftruncate(f->fd, (off_t)size) == 0 ? AL_OK : linux_code(errno);
}

static int
file_rename(struct port *p, struct port_file *dir_a, const char *a, struct port_file *dir_b,
            const char *b, bool replace)
{
    return renameat2(at(dir_a), a, at(dir_b), b, replace ? 0 : RENAME_NOREPLACE) == 0
               ? AL_OK
               : linux_code(errno);
}

static int
file_unlink(struct port *p, struct port_file *dir, const char *name)
{
    return unlinkat(at(dir), name, 0) == 0 ? AL_OK : linux_code(errno);
}

static int
file_mkdir(struct port *p, struct port_file *dir, const char *name, uint32_t mode)
{
    return mkdirat(at(dir), name, (mode_t)mode) == 0 ? AL_OK : linux_code(errno);
}

static int
file_rmdir(struct port *p, struct port_file *dir, const char *name)
{
    return unlinkat(at(dir), name, AT_REMOVEDIR) == 0 ? AL_OK : linux_code(errno);
}

#define LINK_MAX_BYTES 4096u /* PATH_MAX, symlink(7) */

static int
file_readlink(struct port *p, struct port_file *dir, const char *name, struct al_buf *to)
{
    char target[LINK_MAX_BYTES];
    ssize_t n = readlinkat(at(dir), name, target, sizeof(target));

    return n < 0 ? linux_code(errno) : al_buf_add(to, target, (size_t)n);
}

static int
file_symlink(struct port *p, struct port_file *dir, const char *name, const char *target)
{
    return symlinkat(target, at(dir), name) == 0 ? AL_OK : linux_code(errno);
}

static struct timespec
timespec_of(int64_t ns)
{
    int64_t s = ns / 1000000000, rest = ns % 1000000000;

    if (ns == PORT_TIME_OMIT) {
        return (struct timespec){.tv_nsec = UTIME_OMIT};
    }
    if (rest < 0) {
        rest += 1000000000;
        s--;
    }
    return (struct timespec){.tv_sec = (time_t)s, .tv_nsec = rest};
}

static int
file_set_times(struct port *p, struct port_file *f, int64_t atime_ns, int64_t mtime_ns)
{
    struct timespec times[2] = {timespec_of(atime_ns), timespec_of(mtime_ns)};

    return futimens(f->fd, times) == 0 ? AL_OK : linux_code(errno);
}

static int
file_set_owner(struct port *p, struct port_file *f, uint32_t uid, uint32_t gid)
{
    return fchown(f->fd, uid, gid) == 0 ? AL_OK : linux_code(errno);
}

static int
file_set_mode(struct port *p, struct port_file *f, uint32_t mode)
{
    return fchmod(f->fd, (mode_t)mode) == 0 ? AL_OK : linux_code(errno);
}

static int64_t
clock_ns(clockid_t clock)
{
    struct timespec t;

    (void)clock_gettime(clock, &t); /* cannot fail: both clocks exist everywhere we run */
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t
now_ns(struct port *p)
{
    return clock_ns(CLOCK_REALTIME);
}

static int64_t
mono_ns(struct port *p)
{
    return clock_ns(CLOCK_MONOTONIC);
}

static void
sleep_ns(struct port *p, int64_t ns)
{
    struct timespec left = timespec_of(ns < 0 ? 0 : ns);

    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

static int
random_bytes(struct port *p, void *to, size_t len)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = getrandom((char *)to + done, len - done, 0);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return linux_code(errno);
        }
        done += (size_t)n;
    }
    return AL_OK;
}

static int
hostname(struct port *p, struct al_buf *to)
{
    char name[256];

    if (gethostname(name, sizeof(name)) != 0) {
        return linux_code(errno);
    }
    name[sizeof(name) - 1] = '\0';
    return al_buf_adds(to, name);
}

static uint32_t
os_error(struct port *p)
{
    return (uint32_t)errno;
}

const struct port_ops linux_ops = {
    .open = file_open,
    .mount_apart = linux_mount_apart,
    .open_unseen = linux_open_unseen,
    .open_handle = linux_open_handle,
    .close = file_close,
    .pread = file_pread,
    .pwrite = file_pwrite,
    .sync = file_sync,
    .truncate = file_truncate,
    .stat = linux_stat,
    .stat_at = linux_stat_at,
    .stat_fresh_at = linux_stat_fresh_at,
    .rename = file_rename,
    .unlink = file_unlink,
    .mkdir = file_mkdir,
    .rmdir = file_rmdir,
    .readlink = file_readlink,
    .symlink = file_symlink,
    .dir_open = linux_dir_open,
    .dir_next = linux_dir_next,
    .dir_close = linux_dir_close,
    .xattr_get = linux_xattr_get,
    .xattr_get_at = linux_xattr_get_at,
    .xattr_set = linux_xattr_set,
    .xattr_del = linux_xattr_del,
    .xattr_list = linux_xattr_list,
    .set_times = file_set_times,
    .set_owner = file_set_owner,
    .set_mode = file_set_mode,
    .lock = linux_lock,
    .lease_take = linux_lease_take,
    .lease_state = linux_lease_state,
    .lease_drop = linux_lease_drop,
    .punch = linux_punch,
    .next_data = linux_next_data,
    .next_hole = linux_next_hole,
    .handle_get = linux_handle_get,
    .generation = linux_generation,
    .path_of = linux_path_of,
    .fs = linux_fs,
    .now_ns = now_ns,
    .mono_ns = mono_ns,
    .sleep_ns = sleep_ns,
    .random = random_bytes,
    .hostname = hostname,
    .os_error = os_error,
};

struct port *
port_native(void)
{
    static struct port native = {.ops = &linux_ops};

    return &native;
}
