/* unix(7) sockets with message borders, descriptors in flight, and the poll loop's small parts. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "port/linux/linux_priv.h"
#include "port/usock.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* kernel 6.5, asm-generic/socket.h */
#endif

static int
address(const char *path, struct sockaddr_un *to)
{
    size_t len = strlen(path);

    memset(to, 0, sizeof(*to));
    to->sun_family = AF_UNIX;
    if (len >= sizeof(to->sun_path)) {
        return AL_ENAMETOOLONG;
    }
    memcpy(to->sun_path, path, len);
    return AL_OK;
}

static int
socket_new(int *ret)
{
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return linux_code(errno);
    }
    *ret = fd;
    return AL_OK;
}

int
port_usock_listen(const char *path, uint32_t mode, int *ret)
{
    struct sockaddr_un to;
    mode_t before;
    int fd = -1, rc;

    rc = address(path, &to);
    if (rc == AL_OK) {
        rc = socket_new(&fd);
    }
    if (rc != AL_OK) {
        return rc;
    }
    if (unlink(path) != 0 && errno != ENOENT) {
        rc = linux_code(errno);
        (void)close(fd); /* not bound yet */
        return rc;
    }
    /* bind(2) takes the permissions from the umask; a chmod behind it would leave a moment open to
     * everybody. */
    before = umask((mode_t)(~mode & 0777u));
    rc = bind(fd, (const struct sockaddr *)&to, sizeof(to)) == 0 ? AL_OK : linux_code(errno);
    (void)umask(before);
    if (rc == AL_OK && listen(fd, 64) != 0) {
        rc = linux_code(errno);
    }
    if (rc != AL_OK) {
        (void)close(fd); /* unusable */
        return rc;
    }
    *ret = fd;
    return AL_OK;
}

static int
peer_of(int fd, struct port_peer *ret)
{
    struct ucred cred;
    socklen_t len = sizeof(cred);
    int pidfd;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0) {
        return linux_code(errno);
    }
    len = sizeof(pidfd);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) != 0) {
        pidfd = (int)syscall(SYS_pidfd_open, cred.pid, 0);
    }
    ret->pid = (uint32_t)cred.pid;
    ret->uid = cred.uid;
    ret->pidfd = pidfd;
    return AL_OK;
}

int
port_usock_accept(int listener, int *ret, struct port_peer *ret_peer)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    int rc;

    if (fd < 0) {
        return linux_code(errno);
    }
    rc = peer_of(fd, ret_peer);
    if (rc != AL_OK) {
        (void)close(fd); /* nothing was said yet */
        return rc;
    }
    *ret = fd;
    return AL_OK;
}

int
port_usock_connect(const char *path, int *ret, struct port_peer *ret_peer)
{
    struct sockaddr_un to;
    int fd = -1, rc;

    rc = address(path, &to);
    if (rc == AL_OK) {
        rc = socket_new(&fd);
    }
    if (rc != AL_OK) {
        return rc;
    }
    if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0) {
        rc = linux_code(errno);
    } else {
        rc = peer_of(fd, ret_peer);
    }
    if (rc != AL_OK) {
        (void)close(fd); /* nothing was said yet */
        return rc;
    }
    *ret = fd;
    return AL_OK;
}

union control_room {
    struct cmsghdr align;
    uint8_t bytes[CMSG_SPACE(sizeof(int) * PORT_USOCK_FDS_MAX)];
};

int
port_usock_send(int fd, const void *bytes, size_t len, const int *fds, size_t fd_count,
                int64_t timeout_ms)
{
    union control_room room = {0};
    struct iovec part = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = len};
    struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
    struct pollfd p = {.fd = fd, .events = POLLOUT};

    if (fd_count > PORT_USOCK_FDS_MAX) {
        return AL_EINVAL;
    }
    if (fd_count > 0) {
        struct cmsghdr *head;

        m.msg_control = room.bytes;
        m.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
        head = CMSG_FIRSTHDR(&m);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
        memcpy(CMSG_DATA(head), fds, sizeof(int) * fd_count);
    }
    for (;;) {
        int n;

        if (sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)len) {
            return AL_OK;
        }
        if (errno == EINTR) {
            continue;
        }
        if (errno != EAGAIN) {
            return linux_code(errno);
        }
        n = poll(&p, 1, (int)timeout_ms);
        if (n == 0) {
            return AL_ETIMEDOUT;
        }
        if (n < 0 && errno != EINTR) {
            return linux_code(errno);
        }
    }
}

static void
take_fds(struct msghdr *m, int *fds, size_t *ret_count)
{
    size_t count = 0;

    for (struct cmsghdr *head = CMSG_FIRSTHDR(m); head != NULL; head = CMSG_NXTHDR(m, head)) {
        size_t n, i;

        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        n = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (i = 0; i < n; i++) {
            int got;

            memcpy(&got, CMSG_DATA(head) + i * sizeof(int), sizeof(int));
            if (count < PORT_USOCK_FDS_MAX) {
                fds[count++] = got;
            } else {
                (void)close(got); /* more than was agreed on */
            }
        }
    }
    *ret_count = count;
}

int
port_usock_recv(int fd, bool wait, void *to, size_t cap, size_t *ret_len, int *ret_fds,
                size_t *ret_fd_count)
{
    union control_room room = {0};
    struct iovec part = {.iov_base = to, .iov_len = cap};
    struct msghdr m = {.msg_iov = &part,
                       .msg_iovlen = 1,
                       .msg_control = room.bytes,
                       .msg_controllen = sizeof(room.bytes)};
    int fds[PORT_USOCK_FDS_MAX];
    size_t count;
    ssize_t n;

    do {
        n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return linux_code(errno);
    }
    take_fds(&m, fds, &count);
    if (n == 0 || (m.msg_flags & MSG_TRUNC) != 0) {
        for (size_t i = 0; i < count; i++) {
            (void)close(fds[i]); /* came with what is refused */
        }
        return n == 0 ? AL_EUNREACH : AL_ELIMIT;
    }
    memcpy(ret_fds, fds, count * sizeof(int));
    *ret_fd_count = count;
    *ret_len = (size_t)n;
    return AL_OK;
}

int
port_usock_answer(int fd, void *to, size_t cap, size_t *ret_len, int64_t timeout_ms)
{
    struct port_poll p = {.fd = fd};
    int fds[PORT_USOCK_FDS_MAX];
    size_t count = 0;
    int rc = port_poll(&p, 1, timeout_ms);

    if (rc == AL_OK && !p.readable) {
        rc = AL_ETIMEDOUT;
    }
    if (rc == AL_OK) {
        rc = port_usock_recv(fd, false, to, cap, ret_len, fds, &count);
    }
    for (size_t i = 0; i < count; i++) {
        port_fd_close(&fds[i]);
    }
    return rc;
}

int
port_pidfd_kill(int pidfd)
{
    if (syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) != 0 && errno != ESRCH) {
        return linux_code(errno);
    }
    return AL_OK;
}

bool
port_pidfd_alive(int pidfd)
{
    struct pollfd p = {.fd = pidfd, .events = POLLIN};

    return pidfd >= 0 &&
           poll(&p, 1, 0) == 0; /* pidfd_open(2): readable when the process has ended */
}

#define POLL_MAX 256u

int
port_poll(struct port_poll *items, size_t count, int64_t timeout_ms)
{
    struct pollfd p[POLL_MAX];
    size_t i;
    int n;

    if (count > POLL_MAX) {
        return AL_ELIMIT;
    }
    for (i = 0; i < count; i++) {
        p[i] = (struct pollfd){.fd = items[i].fd, .events = POLLIN};
    }
    n = poll(p, count, timeout_ms < 0 ? -1 : timeout_ms > 3600000 ? 3600000 : (int)timeout_ms);
    if (n < 0 && errno != EINTR) {
        return linux_code(errno);
    }
    for (i = 0; i < count; i++) {
        items[i].readable = n > 0 && p[i].revents != 0;
    }
    return AL_OK;
}

int
port_wake_new(int *ret)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    if (fd < 0) {
        return linux_code(errno);
    }
    *ret = fd;
    return AL_OK;
}

void
port_wake_set(int fd)
{
    const uint64_t one = 1;
    ssize_t n = write(fd, &one, sizeof(one));

    (void)n; /* fails only when 2^64 - 2 wakes were not looked at: it is awake then */
}

void
port_wake_clear(int fd)
{
    uint64_t count;
    ssize_t n = read(fd, &count, sizeof(count));

    (void)n; /* nothing to clear is fine */
}

void
port_fd_close(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd); /* sockets and what was only read: nothing can be lost */
    }
    *fd = -1;
}

int
port_fd_dup(int fd, int *ret)
{
    int n = fcntl(fd, F_DUPFD_CLOEXEC, 0);

    if (n < 0) {
        return linux_code(errno);
    }
    *ret = n;
    return AL_OK;
}

int
port_fd_raise(int *io_fd, uint64_t from)
{
    int n = fcntl(*io_fd, F_DUPFD_CLOEXEC, (int)from);

    if (n < 0) {
        return linux_code(errno);
    }
    (void)close(*io_fd); /* the other one goes on */
    *io_fd = n;
    return AL_OK;
}

int
port_fd_open(const char *path, int *ret)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0) {
        return linux_code(errno);
    }
    *ret = fd;
    return AL_OK;
}

int
port_fd_open_folder(const char *path, int *ret)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_DIRECTORY);

    if (fd < 0) {
        return linux_code(errno);
    }
    *ret = fd;
    return AL_OK;
}

int
port_fd_path(int fd, int *ret)
{
    char path[32];
    int n;

    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    n = open(path, O_PATH | O_CLOEXEC);
    if (n < 0) {
        return linux_code(errno);
    }
    *ret = n;
    return AL_OK;
}

int
port_fd_numbers_limit(uint64_t max)
{
    struct rlimit limit = {.rlim_cur = max, .rlim_max = max};
    struct rlimit now;

    if (setrlimit(RLIMIT_NOFILE, &limit) == 0) {
        return AL_OK;
    }
    if (errno != EPERM || getrlimit(RLIMIT_NOFILE, &now) != 0) {
        return linux_code(errno);
    }
    limit.rlim_cur = limit.rlim_max = now.rlim_max < max ? now.rlim_max : max;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? AL_OK : linux_code(errno);
}

uint64_t
port_fd_numbers(void)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 256;
}

void
port_pid_name(uint32_t pid, char comm[32], uint32_t *ret_uid)
{
    char path[48];
    struct stat st;
    ssize_t n = 0;
    int fd;

    comm[0] = '\0';
    *ret_uid = 0;
    (void)snprintf(path, sizeof(path), "/proc/%u", pid);
    if (stat(path, &st) == 0) {
        *ret_uid = st.st_uid; /* proc(5): the effective user */
    }
    (void)snprintf(path, sizeof(path), "/proc/%u/comm", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        n = read(fd, comm, 31);
        (void)close(fd); /* only read */
    }
    comm[n > 0 ? n : 0] = '\0';
    comm[strcspn(comm, "\n")] = '\0';
}
