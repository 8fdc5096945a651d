/* listen.h: the little a server needs of sockets besides its HTTP library: a listener at one
 * address, and what can be asked of a connection's socket number. Linux only. Any thread. */
#ifndef ALTO_PORT_LISTEN_H
#define ALTO_PORT_LISTEN_H

#include "base/result.h"

#define PORT_ADDR_TEXT_MAX 64u /* "ffff:…:255.255.255.255%interface" and its NUL */

/* An address as people write it: "127.0.0.1:8420", "[::1]:8420", ":8420" (every address). Numbers
 * only: a name could change its mind. */
struct port_addr {
    char host[PORT_ADDR_TEXT_MAX]; /* without brackets; "" is every address */
    uint16_t port;                 /* 0: any free one */
    bool v6;
    bool loopback; /* 127.0.0.0/8 or ::1 */
};
/* AL_EINVAL with a sentence. */
int port_addr_parse(const char *text, struct port_addr *ret, struct al_fail *fail) AL_MUST_CHECK;

/* Binds and listens; *io_addr gets the port that was really taken. AL_EBUSY: somebody else has it;
 * AL_EACCES: a port below 1024. The socket does not wait and is not inherited. */
int port_listen(struct port_addr *io_addr, int backlog, int *ret_socket,
                struct al_fail *fail) AL_MUST_CHECK;

/* The other end as the system writes it down: a struct sockaddr for libraries that want one. */
struct port_sockaddr {
    _Alignas(16) uint8_t bytes[128];
    uint32_t len;
};
/* Takes one connection; neither it nor the call waits, and it is not inherited. AL_EBUSY: nobody is
 * there; AL_EMFILE: no descriptor is free, the connection stays where it is; AL_EIO: that one
 * failed, the next may not. */
int port_accept(int listener, int *ret_socket, struct port_sockaddr *ret_from) AL_MUST_CHECK;

/* The other end's address (a struct sockaddr) as text; *ret_loopback whether it is this machine
 * through its loopback. */
void port_addr_text(const void *sockaddr, char out[PORT_ADDR_TEXT_MAX], bool *ret_loopback);

/* ends the connection both ways; whoever owns the number still closes it */
void port_socket_cut(int socket);
bool port_socket_gone(int socket); /* the other end has hung up, even if bytes of it are unread */
void port_socket_close(int socket);

/* Writes all of it to a descriptor that somebody handed to this program. AL_EIO. */
int port_fd_write_all(int fd, const void *bytes, size_t len) AL_MUST_CHECK;
unsigned port_cpu_count(void); /* that this process may use; at least 1 */
/* A fresh file that only its owner may read, at an absolute path or below the current folder, with
 * these bytes, durable. AL_EEXIST: never replaces one. */
int port_secret_file(const char *path, const void *bytes, size_t len) AL_MUST_CHECK;
/* Absolute form of a path that need not be there yet; al_free it. AL_ENOMEM, AL_EIO. */
int port_path_absolute(const char *path, char **ret) AL_MUST_CHECK;

#endif
