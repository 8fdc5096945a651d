/* remote.h: what a program on Windows needs of shares besides files: a time limit for calls that wait for
 * a server, and what is known of the connection. Linux has libsmb2 for it: AL_ENOTSUP there.
 *
 *   port_watch_begin(w, ms) ─▶ calls that may hang ─▶ port_watch_end(w) true: cut off, they are AL_ECANCELED
 */
#ifndef ALTO_PORT_REMOTE_H
#define ALTO_PORT_REMOTE_H

#include "port/port.h"

/* Cuts off what a thread waits for: CancelSynchronousIo, from a thread of its own, again and again until
 * the end. The system's client gives up opens, reads, writes and flushes for it; what it does not give up
 * ends by its own limit (SessTimeout of LanmanWorkstation, 60 s). One user thread at a time. */
struct port_watch;
int port_watch_new(struct port_watch **ret) AL_MUST_CHECK;
struct port_watch *port_watch_free(struct port_watch *w); /* NULL is fine; returns NULL */
void port_watch_begin(struct port_watch *w, uint32_t limit_ms);
/* From now on nothing of this thread is cut off. True: time was up. */
bool port_watch_end(struct port_watch *w);

enum port_wire { PORT_WIRE_SIGNED = 1, PORT_WIRE_ENCRYPTED = 2 };
/* How what is done through f goes over the wire, as the system's client says (FileRemoteProtocolInfo;
 * encrypted counts as signed too). AL_ENOTSUP: it does not say, or f is of this machine. */
int port_wire_of(struct port_file *f, uint32_t *ret) AL_MUST_CHECK;
/* Connects this thread's user (port/logon.h) to "//host/share", as UTF-8, so that what of `wire` is asked
 * for is kept or the connection is refused: WNetAddConnection2W with CONNECT_REQUIRE_INTEGRITY,
 * CONNECT_REQUIRE_PRIVACY. Lasts as long as the logon. Older systems ignore the wish: ask port_wire_of
 * afterwards. AL_EACCES, AL_EAUTH, AL_EUNREACH; AL_ECONFLICT: another user of this logon. */
int port_wire_demand(const char *share, uint32_t wire) AL_MUST_CHECK;

#endif
