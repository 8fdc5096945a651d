/* Opening a file so that nothing done through the descriptor is asked about: fanotify(7) gives the
 * descriptor of an event without notification of its own (FMODE_NONOTIFY in the kernel). So the
 * file is watched by a group of ours, opened once, and the descriptor that comes with the event is
 * kept, writable as the group was made. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "port/linux/linux_priv.h"
#include "port/thread.h"

/* Made at the first use and kept: ending a group waits for the kernel's grace period, some
 * milliseconds. One opening at a time, so that the events in the queue belong to it. */
static struct {
    pthread_mutex_t lock;
    int group; /* -1: not made yet */
} unseen = {PTHREAD_MUTEX_INITIALIZER, -1};

static int
group_get(void)
{
    if (unseen.group < 0) {
        unseen.group = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK,
                                     O_RDWR | O_LARGEFILE | O_CLOEXEC | O_NOATIME | O_NONBLOCK);
    }
    return unseen.group < 0 ? linux_code(errno) : AL_OK;
}

/* Takes one event. *ret_fd -1: the queue is empty, or the event was not for us. An event whose file
 * cannot be opened as we want it is answered by read(2) with that error. */
static int
event_take(const struct stat *wanted, int *ret_fd, bool *ret_empty)
{
    struct fanotify_event_metadata event;
    struct stat st;
    ssize_t n;

    *ret_fd = -1;
    *ret_empty = false;
    do {
        n = read(unseen.group, &event, sizeof(event));
    } while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN) {
        *ret_empty = true;
        return AL_OK;
    }
    if (n < 0) {
        return linux_code(errno);
    }
    if (event.fd < 0) {
        return AL_OK; /* the queue ran over: ours comes, or the caller sees it empty */
    }
    if (fstat(event.fd, &st) == 0 && st.st_ino == wanted->st_ino && st.st_dev == wanted->st_dev) {
        *ret_fd = event.fd;
    } else {
        (void)close(event.fd); /* of a file watched before; nothing was written through it */
    }
    return AL_OK;
}

/* Empties the queue; the first descriptor of the file is kept. The first error is that of our own
 * opening, since the queue was empty. */
static int
events_take(const struct stat *wanted, int *ret_fd)
{
    int kept = -1, first = AL_OK;

    for (;;) {
        bool empty;
        int fd, rc = event_take(wanted, &fd, &empty);

        if (empty) {
            break;
        }
        if (rc != AL_OK && first == AL_OK) {
            first = rc;
        }
        if (kept < 0) {
            kept = fd;
        } else if (fd >= 0) {
            (void)close(fd); /* a second opening of the same file by somebody else */
        }
    }
    if (kept < 0) {
        return first != AL_OK ? first : AL_EIO;
    }
    *ret_fd = kept;
    return AL_OK;
}

static int
open_watched(int path_fd, const struct stat *st, int *ret_fd)
{
    char name[64];
    int ignored, stale, seen, rc;

    /* What is left of an earlier opening that was cut short. */
    rc = events_take(st, &stale);
    if (rc == AL_OK) {
        (void)close(stale);
    }
    (void)snprintf(name, sizeof(name), "/proc/self/fd/%d", path_fd);
    if (fanotify_mark(unseen.group, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, name) != 0) {
        return linux_code(errno);
    }
    seen = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOATIME);
    rc = seen < 0 ? linux_code(errno) : events_take(st, ret_fd);
    ignored = fanotify_mark(unseen.group, FAN_MARK_REMOVE, FAN_OPEN, AT_FDCWD, name);
    (void)ignored; /* a mark left over costs an event, which the next opening drops */
    if (seen >= 0) {
        (void)close(seen); /* nothing was done through it */
    }
    return rc;
}

int
linux_open_unseen(struct port *p, struct port_file *dir, const char *name, struct port_file **ret)
{
    int path_fd = openat(dir->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    int fd = -1, rc;

    if (path_fd < 0) {
        return linux_code(errno);
    }
    if (fstat(path_fd, &st) != 0) {
        rc = linux_code(errno);
    } else if (!S_ISREG(st.st_mode)) {
        rc = S_ISLNK(st.st_mode) ? AL_ELOOP
                                 : AL_EINVAL; /* opening a FIFO or device is an act of its own */
    } else {
        (void)pthread_mutex_lock(&unseen.lock); /* fails only for locks that are none */
        rc = group_get();
        if (rc == AL_OK) {
            rc = open_watched(path_fd, &st, &fd);
        }
        (void)pthread_mutex_unlock(&unseen.lock);
    }
    (void)close(path_fd);
    return rc == AL_OK ? linux_file_new(fd, ret) : rc;
}
