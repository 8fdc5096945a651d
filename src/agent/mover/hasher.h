/* hasher.h: the SHA-256 of a file that is being copied, the proof that is kept. It takes longer than
 * everything else that a large copy needs of its thread, so that for large files a thread of its own
 * works it out beside the copy.
 *
 *   hasher_new ─▶ (hasher_room ─▶ fill ─▶ hasher_add) ... ─▶ hasher_end ─▶ hasher_free
 *
 * Threads: a hasher belongs to one thread; its helper is its own. */
#ifndef ALTO_AGENT_MOVER_HASHER_H
#define ALTO_AGENT_MOVER_HASHER_H

#include "port/digest.h"

/* bytes of a file from which on the thread is worth its start */
#define HASHER_APART_BYTES (16u << 20)

struct hasher;

/* For a file of file_bytes, taken chunk_bytes at a time. AL_ENOMEM. Where no thread can be started
 * it goes without. */
int hasher_new(uint64_t file_bytes, size_t chunk_bytes, struct hasher **ret) AL_MUST_CHECK;
/* Where the next chunk goes, chunk_bytes long. Waits for the helper where need be. */
uint8_t *hasher_room(struct hasher *h);
/* The first len bytes of that room are the next of the file. They are the hasher's to read, and the
 * caller's too, until hasher_room is called again. AL_EIO: a digest failed, of this chunk or of one
 * before. */
int hasher_add(struct hasher *h, size_t len) AL_MUST_CHECK;
/* The digest of all that was added; once. */
int hasher_end(struct hasher *h, uint8_t ret_sha256[PORT_SHA256_LEN]) AL_MUST_CHECK;
struct hasher *hasher_free(struct hasher *h); /* NULL is fine; returns NULL */

#endif
