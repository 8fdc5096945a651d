/* logon.h: another user towards the network, for one thread, so that several shares of one server can be
 * used with different users at once (Windows knows one user for each server and logon session).
 * LogonUserW with LOGON32_LOGON_NEW_CREDENTIALS, ImpersonateLoggedOnUser. What a thread does on this
 * machine stays as the process's user. Wrong passwords are found by the first use, not here.
 *
 * Any thread; a logon may be put on by several at once. AL_ENOTSUP on Linux. */
#ifndef ALTO_PORT_LOGON_H
#define ALTO_PORT_LOGON_H

#include "base/result.h"

struct port_logon;

/* user: "name", "DOMAIN\\name" or "name@domain". Nothing of it is kept in clear. */
int port_logon_new(const char *user, const char *password, struct port_logon **ret,
                   struct al_fail *fail) AL_MUST_CHECK;
struct port_logon *port_logon_free(struct port_logon *l); /* NULL is fine; returns NULL */
/* From now on this thread; NULL: as the process again, or, where the system does not do it, the process
 * ends: it must not go on as somebody else. Files opened meanwhile stay the user's. */
int port_logon_use(const struct port_logon *l) AL_MUST_CHECK;

#endif
