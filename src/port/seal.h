/* seal.h: secrets that lie on disk: readable on this machine alone, by who may read the file they
 * lie in.
 *
 * Windows: DPAPI of the machine (CryptProtectData, CRYPTPROTECT_LOCAL_MACHINE) with a purpose mixed in,
 * since a service's account and the administrator who types the secret are not the same; the file's
 * rights keep other people of the machine away (port_private). Linux has no such thing without a
 * service of its own: there the file's mode is what protects, and port_seals is false. Any thread. */
#ifndef ALTO_PORT_SEAL_H
#define ALTO_PORT_SEAL_H

#include "port/port.h"

#define PORT_SEAL_BYTES_MAX (1u << 20) /* of a secret */

bool port_seals(void);
/* Appends what may be written down. purpose: a short constant; the same opens it. AL_ELIMIT; AL_ENOTSUP
 * where port_seals is false; AL_EIO with the system's number in *ret_os (may be NULL). */
int port_seal(const char *purpose, struct al_span secret, struct al_buf *to,
              uint32_t *ret_os) AL_MUST_CHECK;
/* Appends the secret; who calls wipes it. AL_ECORRUPT: not sealed on this machine, for this purpose, or
 * damaged. */
int port_unseal(const char *purpose, struct al_span sealed, struct al_buf *to,
                uint32_t *ret_os) AL_MUST_CHECK;

/* The folder, and what is made in it later, is the system's, the administrators' and this process's
 * user's alone. Windows: a protected DACL; Linux: mode 0700. extra: an account besides, such as
 * "NT SERVICE\\alto-agent", or NULL. AL_ENOENT: no such account. */
int port_private(struct port *p, struct port_file *folder, const char *extra) AL_MUST_CHECK;

#endif
