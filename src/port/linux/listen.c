#include "port/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"

static bool
loopback(const struct sockaddr *sa)
{
    if (sa->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)sa;

        return (ntohl(in->sin_addr.s_addr) >> 24) == 127;
    }
    if (sa->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const void *)sa;

        if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
            return in6->sin6_addr.s6_addr[12] == 127;
        }
        return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
    }
    return false;
}

static socklen_t
fill(const struct port_addr *a, struct sockaddr_storage *to)
{
    memset(to, 0, sizeof(*to));
    if (a->v6 || a->host[0] == '\0') {
        struct sockaddr_in6 *in6 = (void *)to;

        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(a->port);
        in6->sin6_addr = in6addr_any;
        if (a->host[0] != '\0' && inet_pton(AF_INET6, a->host, &in6->sin6_addr) != 1) {
            return 0;
        }
        return sizeof(*in6);
    }
    struct sockaddr_in *in = (void *)to;

    in->sin_family = AF_INET;
    in->sin_port = htons(a->port);
    return inet_pton(AF_INET, a->host, &in->sin_addr) == 1 ? sizeof(*in) : 0;
}

int
port_addr_parse(const char *text, struct port_addr *ret, struct al_fail *fail)
{
    const char *colon = strrchr(text, ':'), *host = text;
    struct port_addr a = {0};
    struct sockaddr_storage sa;
    uint64_t number;
    size_t len;

    if (colon == NULL || al_parse_u64(colon + 1, &number) != AL_OK || number > 65535) {
        return al_fail_set(fail, AL_EINVAL, 0,
                           "\"%.80s\" is no address; write it as 127.0.0.1:8420 or [::1]:8420",
                           text);
    }
    len = (size_t)(colon - text);
    if (len >= 2 && text[0] == '[' && colon[-1] == ']') {
        a.v6 = true;
        host++;
        len -= 2;
    }
    if (len >= sizeof(a.host)) {
        return al_fail_set(fail, AL_EINVAL, 0, "\"%.80s\" is no address", text);
    }
    memcpy(a.host, host, len);
    a.port = (uint16_t)number;
    if (fill(&a, &sa) == 0 || (a.v6 && len == 0)) {
        return al_fail_set(fail, AL_EINVAL, 0,
                           "\"%.80s\" is no numeric address; write it as 127.0.0.1:8420 or "
                           "[::1]:8420",
                           text);
    }
    a.loopback = loopback((struct sockaddr *)&sa);
    *ret = a;
    return AL_OK;
}

static int
failed(int socket, const struct port_addr *a, const char *what, struct al_fail *fail)
{
    int err = errno;
    int code = err == EADDRINUSE                 ? AL_EBUSY
               : err == EACCES || err == EPERM   ? AL_EACCES
               : err == EADDRNOTAVAIL            ? AL_ENOENT
               : err == EMFILE || err == ENFILE  ? AL_EMFILE
               : err == ENOMEM || err == ENOBUFS ? AL_ENOMEM
                                                 : AL_EIO;

    if (socket >= 0) {
        close(socket);
    }
    return al_fail_set(fail, code, (uint32_t)err, "cannot %s %s%s%s:%u: %s", what, a->v6 ? "[" : "",
                       a->host, a->v6 ? "]" : "", a->port, strerror(err));
}

int
port_listen(struct port_addr *io_addr, int backlog, int *ret_socket, struct al_fail *fail)
{
    struct sockaddr_storage sa;
    socklen_t len = fill(io_addr, &sa), got = sizeof(sa);
    int on = 1, off = 0, s;

    if (len == 0) {
        return al_fail_set(fail, AL_EINVAL, 0, "no address to listen at");
    }
    s = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s < 0) {
        return failed(s, io_addr, "make a socket for", fail);
    }
    if (setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        (sa.ss_family == AF_INET6 && io_addr->host[0] == '\0' &&
         setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) != 0)) {
        return failed(s, io_addr, "prepare a socket for", fail);
    }
    if (bind(s, (struct sockaddr *)&sa, len) != 0 || listen(s, backlog) != 0 ||
        getsockname(s, (struct sockaddr *)&sa, &got) != 0) {
        return failed(s, io_addr, "listen at", fail);
    }
    io_addr->port = ntohs(sa.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)(void *)&sa)->sin6_port
                                                   : ((struct sockaddr_in *)(void *)&sa)->sin_port);
    *ret_socket = s;
    return AL_OK;
}

int
port_accept(int listener, int *ret_socket, struct port_sockaddr *ret_from)
{
    struct port_sockaddr from;
    socklen_t len = sizeof(from.bytes);
    int s = accept4(listener, (struct sockaddr *)(void *)from.bytes, &len,
                    SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (s < 0) {
        return errno == EAGAIN || errno == EWOULDBLOCK ? AL_EBUSY
               : errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS
                   ? AL_EMFILE
                   : AL_EIO;
    }
    from.len = (uint32_t)len;
    *ret_from = from;
    *ret_socket = s;
    return AL_OK;
}

void
port_addr_text(const void *sockaddr, char out[PORT_ADDR_TEXT_MAX], bool *ret_loopback)
{
    const struct sockaddr *sa = sockaddr;

    *ret_loopback = false;
    snprintf(out, PORT_ADDR_TEXT_MAX, "unknown");
    if (sa == NULL) {
        return;
    }
    *ret_loopback = loopback(sa);
    if (sa->sa_family == AF_INET) {
        inet_ntop(AF_INET, &((const struct sockaddr_in *)sockaddr)->sin_addr, out,
                  PORT_ADDR_TEXT_MAX);
    } else if (sa->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = sockaddr;

        if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
            inet_ntop(AF_INET, &in6->sin6_addr.s6_addr[12], out, PORT_ADDR_TEXT_MAX);
        } else {
            inet_ntop(AF_INET6, &in6->sin6_addr, out, PORT_ADDR_TEXT_MAX);
        }
    }
}

void
port_socket_cut(int socket)
{
    (void)shutdown(socket, SHUT_RDWR);
}

bool
port_socket_gone(int socket)
{
    struct pollfd p = {.fd = socket, .events = POLLRDHUP};

    return poll(&p, 1, 0) == 1 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL)) != 0;
}

void
port_socket_close(int socket)
{
    if (socket >= 0) {
        close(socket);
    }
}

int
port_fd_write_all(int fd, const void *bytes, size_t len)
{
    const char *at = bytes;

    while (len > 0) {
        ssize_t n = write(fd, at, len);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return AL_EIO;
        }
        at += n;
        len -= (size_t)n;
    }
    return AL_OK;
}

unsigned
port_cpu_count(void)
{
    cpu_set_t set;
    int n = 0;

    if (sched_getaffinity(0, sizeof(set), &set) == 0) {
        n = CPU_COUNT(&set);
    }
    return n < 1 ? 1 : (unsigned)n;
}

int
port_secret_file(const char *path, const void *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600), rc;

    if (fd < 0) {
        return errno == EEXIST                     ? AL_EEXIST
               : errno == EACCES || errno == EPERM ? AL_EACCES
               : errno == ENOENT                   ? AL_ENOENT
               : errno == ENOSPC                   ? AL_ENOSPC
               : errno == EROFS                    ? AL_EROFS
                                                   : AL_EIO;
    }
    rc = port_fd_write_all(fd, bytes, len);
    if (rc == AL_OK && fsync(fd) != 0) {
        rc = AL_EIO;
    }
    if (close(fd) != 0 && rc == AL_OK) {
        rc = AL_EIO;
    }
    if (rc != AL_OK) {
        (void)unlink(path);
    }
    return rc;
}

int
port_path_absolute(const char *path, char **ret)
{
    char here[PATH_MAX];
    size_t len;
    char *out;

    if (path[0] == '/') {
        here[0] = '\0';
    } else if (getcwd(here, sizeof(here)) == NULL) {
        return AL_EIO;
    }
    len = strlen(here) + strlen(path) + 2;
    out = al_alloc(len);
    if (out == NULL) {
        return AL_ENOMEM;
    }
    snprintf(out, len, "%s%s%s", here, path[0] == '/' ? "" : "/", path);
    *ret = out;
    return AL_OK;
}
