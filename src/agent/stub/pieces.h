/* pieces.h: hashes of pieces of bytes that pass in order, as they stand in a stub's tag
 * (agent/stub/maker.h): the low half of each piece's XXH3-128. Pure. One thread per struct. */
#ifndef ALTO_AGENT_STUB_PIECES_H
#define ALTO_AGENT_STUB_PIECES_H

#include "base/bytes.h"

#define STUB_PIECE_BYTES 8u /* of one piece's hash */

/* How many pieces of 2^shift bytes a file of this size has; 0 with shift 0. */
uint32_t stub_piece_count(uint64_t size, unsigned shift);

struct stub_pieces;
int stub_pieces_new(unsigned shift, struct stub_pieces **ret) AL_MUST_CHECK; /* AL_ENOMEM */
/* Appends STUB_PIECE_BYTES to `to` for each piece that is complete by now. */
int stub_pieces_add(struct stub_pieces *p, const void *bytes, size_t len,
                    struct al_buf *to) AL_MUST_CHECK;
/* The last piece, where it is a part. */
int stub_pieces_end(struct stub_pieces *p, struct al_buf *to) AL_MUST_CHECK;
struct stub_pieces *stub_pieces_free(struct stub_pieces *p); /* NULL is fine; returns NULL */
void stub_pieces_freep(struct stub_pieces **p);

#endif
