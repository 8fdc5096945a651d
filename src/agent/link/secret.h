/* secret.h: files of the state folder that hold secrets: the agent's key, shares' passwords, the filter
 * driver's licence key. Sealed where the system has such a thing (port/seal.h), else as they are, mode
 * 0600.
 *
 *   "ALTO-SEALED 1 N\n", then N times: length (4 bytes, little-endian) and that many sealed bytes
 *
 * A piece is sealed for its file, its place and how many there are, so that none is left out or put
 * elsewhere. A file without that line was written before, or on a system that does not seal: it is read
 * as it is, and sealed by secret_seal. Any thread; two writers of one file: the last one wins. */
#ifndef ALTO_AGENT_LINK_SECRET_H
#define ALTO_AGENT_LINK_SECRET_H

#include "port/port.h"

#define SECRET_PIECE_BYTES (512u << 10) /* of the secret, in one piece */
#define SECRET_PIECES_MAX 64u
#define SECRET_SEALED_MORE 4096u /* bytes that sealing may add to a piece */

/* Appends at most max bytes; who calls wipes them. *ret_clear (may be NULL): it lies there as it is,
 * though this system seals. AL_ENOENT; AL_ELIMIT; AL_ECORRUPT: damaged, or sealed on another machine. */
int secret_read(struct port *port, struct port_file *state, const char *name, size_t max,
                struct al_buf *to, bool *ret_clear) AL_MUST_CHECK;
/* Replaces the file as port_write_file does. */
int secret_write(struct port *port, struct port_file *state, const char *name,
                 struct al_span secret) AL_MUST_CHECK;
/* Seals what lies there as it is. AL_OK too where there is no such file, or nothing to do. The disk's
 * blocks that held it are not overwritten. */
int secret_seal(struct port *port, struct port_file *state, const char *name,
                size_t max) AL_MUST_CHECK;

#endif
