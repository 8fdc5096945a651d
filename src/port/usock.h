/* usock.h: local sockets that keep message borders (AF_UNIX, SOCK_SEQPACKET), carry descriptors and
 * tell who is at the other end; and the few things around plain descriptors that programs with a
 * poll loop need. Linux only. Any thread; one descriptor is closed by one. */
#ifndef ALTO_PORT_USOCK_H
#define ALTO_PORT_USOCK_H

#include "base/result.h"

#define PORT_USOCK_FDS_MAX 4u

struct port_peer {
    uint32_t pid, uid;
    int pidfd; /* -1 where it cannot be had; owned by the caller */
};

/* A listening socket at `path` with the given permission bits; an old socket file there is
 * replaced. AL_ENAMETOOLONG above 107 bytes. */
int port_usock_listen(const char *path, uint32_t mode, int *ret) AL_MUST_CHECK;
/* AL_EBUSY: nobody */
int port_usock_accept(int listener, int *ret, struct port_peer *ret_peer) AL_MUST_CHECK;
/* AL_ENOENT, AL_EUNREACH: nobody listens. */
int port_usock_connect(const char *path, int *ret, struct port_peer *ret_peer) AL_MUST_CHECK;
/* One message. Waits at most timeout_ms for room (AL_ETIMEDOUT); AL_EUNREACH when the other end is
 * gone. fds stay the caller's. */
int port_usock_send(int fd, const void *bytes, size_t len, const int *fds, size_t fd_count,
                    int64_t timeout_ms) AL_MUST_CHECK;
/* One message. ret_fds has room for PORT_USOCK_FDS_MAX, owned by the caller. AL_EUNREACH at the
 * end, AL_ELIMIT for a message longer than cap, AL_EBUSY when there is none and `wait` is false. */
int port_usock_recv(int fd, bool wait, void *to, size_t cap, size_t *ret_len, int *ret_fds,
                    size_t *ret_fd_count) AL_MUST_CHECK;

/* Waits at most timeout_ms for one message without descriptors; any that come are closed. As
 * port_usock_recv, and AL_ETIMEDOUT. */
int port_usock_answer(int fd, void *to, size_t cap, size_t *ret_len,
                      int64_t timeout_ms) AL_MUST_CHECK;

/* True while the process of the pidfd lives. */
bool port_pidfd_alive(int pidfd);
/* SIGKILL, to that process and no later one of its number. AL_OK also when it has ended. AL_EACCES;
 * AL_EINVAL: no pidfd. */
int port_pidfd_kill(int pidfd) AL_MUST_CHECK;

struct port_poll {
    int fd;        /* below 0: skipped */
    bool readable; /* or at its end */
};
/* Waits until one is readable or timeout_ms passed (below 0: for ever). Interrupted: AL_OK with
 * none readable. */
int port_poll(struct port_poll *items, size_t count, int64_t timeout_ms) AL_MUST_CHECK;

/* Wakes a port_poll from any thread. */
int port_wake_new(int *ret) AL_MUST_CHECK;
void port_wake_set(int fd);
void port_wake_clear(int fd);

void port_fd_close(int *fd); /* sets -1; below 0 is fine */
int port_fd_dup(int fd, int *ret) AL_MUST_CHECK;
/* read-only, close-on-exec, never waits */
int port_fd_open(const char *path, int *ret) AL_MUST_CHECK;
int port_fd_open_folder(const char *path, int *ret) AL_MUST_CHECK; /* AL_ENOTDIR; raises no event */
/* Moves a descriptor to the first free number from `from` on, where no event's number is looked
 * for. On failure it stays what it is. */
int port_fd_raise(int *io_fd, uint64_t from) AL_MUST_CHECK;
/* O_PATH of the same file: holds no lease, counts as no open */
int port_fd_path(int fd, int *ret) AL_MUST_CHECK;
/* this process's descriptors stay below max, or below what we may have */
int port_fd_numbers_limit(uint64_t max) AL_MUST_CHECK;
uint64_t port_fd_numbers(void); /* the limit in force */

/* Who a process is, for records: command name and effective user; empty and 0 where it cannot be
 * told. */
void port_pid_name(uint32_t pid, char comm[32], uint32_t *ret_uid);

#endif
