/* names.h: the names of users and groups, remembered for a while, since asking may go over the
 * network. Any thread. */
#ifndef ALTO_PORT_NAMES_H
#define ALTO_PORT_NAMES_H

#include "base/result.h"

#define PORT_NAME_MAX 256u             /* bytes with NUL; longer names are unknown */
#define PORT_NAMES_SLOTS 1024u         /* remembered at a time */
#define PORT_NAMES_AGE_NS 600000000000 /* asked again after ten minutes, unknown ones too */

struct port_names;

int port_names_new(struct port_names **ret) AL_MUST_CHECK; /* AL_ENOMEM */
struct port_names *port_names_free(struct port_names *n);  /* NULL is fine; returns NULL */
/* False: no such name, or this system has no such numbers (Windows); name is "" then. */
bool port_names_user(struct port_names *n, uint32_t uid, char name[PORT_NAME_MAX]);
bool port_names_group(struct port_names *n, uint32_t gid, char name[PORT_NAME_MAX]);

/* The system's answer itself, not remembered. AL_ENOENT: no such number; AL_ENOTSUP; AL_EIO: cannot
 * be asked now. */
int port_system_name(uint32_t id, bool group, char name[PORT_NAME_MAX]) AL_MUST_CHECK;

#endif
