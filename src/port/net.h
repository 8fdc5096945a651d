/* net.h: what a protocol library that brings its own sockets still needs of the system: waiting for
 * them, and finding a host, both within a time limit. Linux only so far (on Windows shares are UNC
 * paths). Any thread. */
#ifndef ALTO_PORT_NET_H
#define ALTO_PORT_NET_H

#include "base/result.h"

#define PORT_NET_SOCKETS_MAX 16u

/* Waits until one of the sockets is ready for `events`, which are poll(2)'s own bits, as such
 * libraries ask for them. *ret_events tells what happened at socket *ret_which, 0 when timeout_ns
 * passed first. At most PORT_NET_SOCKETS_MAX sockets are looked at. AL_EIO where the system cannot
 * wait. */
int port_net_wait(const int *sockets, size_t count, int events, int64_t timeout_ns,
                  size_t *ret_which, int *ret_events) AL_MUST_CHECK;

/* Whether the host's name (or address) is known, asked in a thread of its own, because resolvers
 * have time limits of their own. AL_ENOENT: there is no such host; AL_ETIMEDOUT: nobody said so
 * within timeout_ns; AL_ENOMEM. */
int port_net_known(const char *host, int64_t timeout_ns) AL_MUST_CHECK;

#endif
