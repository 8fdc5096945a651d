/* tag.h: our marker as a stub's tag data: what a recall needs to find the object and to know every
 * byte of it again. Longer than Linux's marker (agent/stub/marker.h), since tag data has room: with
 * the content's whole hash, and with hashes of pieces, so that the first of a large file can be
 * given out before the last was fetched. Pure: no system calls. All numbers little-endian.
 *
 *   offset  bytes
 *   0       4   "ALTO": never the key that makes the driver redirect the open (6F 5D A6 BB)
 *   4       1   version (1)
 *   5       1   binary logarithm of a piece's bytes; 0: no pieces
 *   6       2   length of the tag
 *   8       16  object id (the 128 bits of the ULID)
 *   24      4   share tag: first 4 bytes of SHA-256 of the share's id
 *   28      4   extension of the object's name on the share (marker_ext_pack)
 *   32      8   size of the file in bytes
 *   40      8   mtime in ns
 *   48      16  XXH3-128 of the content, low half first
 *   64      8   file id it was made for, by which a copied tag is denied; 0: good for any file,
 *               which no tag of a stub that others can see may be
 *   72      8   serial number of the volume; 0: not known
 *   80      4   number of pieces
 *   84      4   zero
 *   88      8n  of each piece the low half of its XXH3-128
 *   88+8n   16  first 16 bytes of HMAC-SHA256 with the volume's marker key over all before */
#ifndef ALTO_AGENT_EASE_TAG_H
#define ALTO_AGENT_EASE_TAG_H

#include "agent/ease/abi.h"
#include "agent/stub/maker.h"
#include "agent/stub/pieces.h"

#define EASE_TAG_FIXED 104u /* bytes without pieces */
#define EASE_PIECES_MAX ((EASE_TAG_BYTES_MAX - EASE_TAG_FIXED) / 8)
#define EASE_PIECE_SHIFT_MIN 20u /* 1 MiB: what is fetched at a time anyway */
#define EASE_PIECE_SHIFT_MAX 30u /* beyond, a piece takes as long as no reader waits */

/* How a file of this size is cut so that its tag fits tag_max bytes: the shift, or 0 when that gives
 * fewer than two pieces or too large ones. */
unsigned ease_piece_shift(uint64_t size, size_t tag_max);

/* Appends the tag. AL_EINVAL: pieces that do not fit the size; AL_ELIMIT: longer than tag_max. */
int ease_tag_encode(const struct stub_tag *t, const uint8_t key[MARKER_KEY_LEN], size_t tag_max,
                    struct al_buf *to) AL_MUST_CHECK;
/* AL_ECORRUPT: none of ours, of another version, or cut. The checksum is judged apart, since which
 * key is right stands in the tag: ease_tag_authentic. */
int ease_tag_decode(struct al_span bytes, struct stub_tag *ret) AL_MUST_CHECK;
/* bytes: what ease_tag_decode took. Other codes: the digest failed. */
int ease_tag_authentic(struct al_span bytes, const uint8_t key[MARKER_KEY_LEN],
                       bool *ret) AL_MUST_CHECK;

#endif
