/* marker.h: the extended attribute "trusted.alto" that makes a file a stub: 64 bytes and a name of
 * four letters, since ext4 has 96 bytes * in the inode for attributes and takes a whole block for
 * more (measured: nine letters cost 4 KiB a stub). Everything else about the file is in its
 * manifest line. Pure: no system calls.
 *
 *   offset  bytes
 *   0       1   version (1)
 *   1       1   state: enum marker_state
 *   2       4   extension of the object's name on the share (marker_ext_pack), so that a recall by
 *           handle, which knows no path,
 *               finds the object in one round trip, also after the file was renamed
 *   6       4   content check: low 32 bits of the XXH3-128 of the content, so that a recall can
 *           tell a damaged object without
 *               its manifest (doc/adr/0011-content-check-in-the-marker.md)
 *   10      16  object id (the 128 bits of the ULID)
 *   26      4   share tag: first 4 bytes of SHA-256 of the share's id
 *   30      8   inode number it was made for
 *   38      4   inode generation it was made for
 *   42      6   size of the file in bytes (at most MARKER_SIZE_MAX)
 *   48      8   mtime in ns
 *   56      8   first 8 bytes of HMAC-SHA256 with the volume's marker key over bytes 0..55 and the
 *           filesystem's id
 *
 * State is under the checksum, so "filling" cannot be forged either. The key comes with the
 * volume's configuration and never leaves agent and server. */
#ifndef ALTO_AGENT_STUB_MARKER_H
#define ALTO_AGENT_STUB_MARKER_H

#include "base/text.h"
#include "port/port.h"

#define MARKER_XATTR "trusted.alto"
#define MARKER_BYTES 64u
#define MARKER_KEY_LEN 32u
/* characters of an extension that is kept: a-z and 0-9 */
#define MARKER_EXT_LEN 6u
#define MARKER_SIZE_MAX ((1ull << 48) - 1) /* bytes of a file that can become a stub */

/* whole: the bytes are the file's own again, and durable; the marker is about to go. Filled anew
 * from the share it would lose what was written since. untold: whole as well, and the marker is the
 * only record of that recall (doc/adr/0032-a-recall-that-cannot-be-written-down.md); it stays until
 * the recall was told. */
enum marker_state { MARKER_STUB = 1, MARKER_FILLING = 2, MARKER_WHOLE = 3, MARKER_UNTOLD = 4 };

struct marker {
    enum marker_state state;
    uint8_t object[16];
    char ext[MARKER_EXT_LEN + 1]; /* without the dot; "" where the object has none */
    uint32_t content;             /* low 32 bits of the XXH3-128 of the content */
    uint32_t share_tag;
    uint64_t ino;
    uint32_t generation;
    uint64_t size;
    int64_t mtime_ns;
};

struct marker_key {
    uint8_t key[MARKER_KEY_LEN];
    uint8_t fs_id[16];
};

int marker_encode(const struct marker *m, const struct marker_key *key,
                  uint8_t out[MARKER_BYTES]) AL_MUST_CHECK;
/* AL_ECORRUPT: wrong length, version or state. The checksum is judged apart: *ret_authentic. */
int marker_decode(const uint8_t *bytes, size_t len, const struct marker_key *key,
                  struct marker *ret, bool *ret_authentic) AL_MUST_CHECK;
void marker_object_id(const struct marker *m, al_id out);
int marker_object_from_id(const char *id, uint8_t out[16]) AL_MUST_CHECK; /* AL_EINVAL */
uint32_t marker_share_tag(const char *share_id);
/* The extension an object of this path keeps: 1 to MARKER_EXT_LEN letters and digits after the last
 * dot of the last part, in lower case; anything else gives "". Both mover and recall name objects
 * by it. */
void marker_ext_of(struct al_span path, char ext[MARKER_EXT_LEN + 1]);
/* Base 37 (0 = nothing, 1..26 = a..z, 27..36 = 0..9), first character least significant. AL_EINVAL
 * for what marker_ext_of never gives; unpack refuses numbers that pack never gives. */
int marker_ext_pack(const char *ext, uint32_t *ret) AL_MUST_CHECK;
int marker_ext_unpack(uint32_t packed, char ext[MARKER_EXT_LEN + 1]) AL_MUST_CHECK;

/* What a file with a marker is. The whole table of design section 6; doc/format/marker.md has it
 * with reasons. */
enum marker_verdict {
    MARKER_V_STUB,    /* own, all holes, size and time match, authentic: recall */
    MARKER_V_FILLING, /* own, authentic, a recall was cut: fill again */
    /* made for another inode, the file has its own data: drop the marker, keep the data */
    MARKER_V_COPIED,
    /* made for another inode, all holes, authentic, size matches: register, rewrite for this inode,
     * then recall */
    MARKER_V_ADOPT,
    MARKER_V_TRUNCATED, /* own, size is 0 by truncate(2): the file is empty now; drop the marker */
    MARKER_V_WHOLE,     /* own, whole, whatever else: drop the marker, keep the bytes */
    MARKER_V_UNTOLD,    /* own, untold, whatever else: tell the recall, then the same */
    /* own, all holes, size or (where truncates go unasked) time does not fit: EIO and an
     * operator */
    MARKER_V_CHANGED,
    /* own, has data though not filling: EIO and an operator; never overwritten */
    MARKER_V_DATA,
    /* not authentic or not decodable: EIO, nothing is changed. But empty on a file without holes:
     * MARKER_V_COPIED */
    MARKER_V_FORGED
};

struct marker_facts { /* read from the file, freshly */
    uint64_t ino;
    uint32_t generation;
    uint64_t size;
    int64_t mtime_ns;
    bool has_data;  /* anything that is not a hole below size */
    bool has_holes; /* any hole below size; looked at only for a marker that is empty */
    bool empty;     /* the attribute is there, and nothing in it */
    /* nobody can have truncated it unasked: another time was set, and the content is the same */
    bool no_truncate;
};

enum marker_verdict marker_judge(const struct marker *m, bool decoded, bool authentic,
                                 const struct marker_facts *facts);
const char *marker_verdict_name(enum marker_verdict v);

#endif
