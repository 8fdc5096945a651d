/* marker.c: see marker.h for the layout and doc/format/marker.md for the table with its reasons. */
#include "agent/stub/marker.h"

#include <string.h>

#include "base/bytes.h"
#include "port/digest.h"

enum {
    AT_VERSION = 0,
    AT_STATE = 1,
    AT_EXT = 2,
    AT_CONTENT = 6,
    AT_OBJECT = 10,
    AT_SHARE = 26,
    AT_INO = 30,
    AT_GENERATION = 38,
    AT_SIZE = 42,
    AT_MTIME = 48,
    AT_SUM = 56,
    SIZE_LEN = 6,
    SUM_LEN = 8,
    MARKER_VERSION = 1
};
_Static_assert(AT_SUM + SUM_LEN == MARKER_BYTES, "the layout fills the marker");

static int
marker_sum(const uint8_t bytes[MARKER_BYTES], const struct marker_key *key, uint8_t out[SUM_LEN])
{
    uint8_t input[AT_SUM + sizeof(key->fs_id)];
    uint8_t sum[PORT_SHA256_LEN];
    int rc;

    memcpy(input, bytes, AT_SUM);
    memcpy(input + AT_SUM, key->fs_id, sizeof(key->fs_id));
    rc = port_hmac_sha256(key->key, sizeof(key->key), input, sizeof(input), sum);
    if (rc != AL_OK) {
        return rc;
    }
    memcpy(out, sum, SUM_LEN);
    return AL_OK;
}

static bool
state_ok(unsigned state)
{
    return state >= MARKER_STUB && state <= MARKER_UNTOLD;
}

int
marker_encode(const struct marker *m, const struct marker_key *key, uint8_t out[MARKER_BYTES])
{
    uint8_t bytes[MARKER_BYTES] = {0};
    uint32_t ext;
    unsigned i;
    int rc;

    if (!state_ok(m->state) || m->size > MARKER_SIZE_MAX) {
        return AL_EINVAL;
    }
    rc = marker_ext_pack(m->ext, &ext);
    if (rc != AL_OK) {
        return rc;
    }
    bytes[AT_VERSION] = MARKER_VERSION;
    bytes[AT_STATE] = (uint8_t)m->state;
    al_put_u32(bytes + AT_EXT, ext);
    al_put_u32(bytes + AT_CONTENT, m->content);
    memcpy(bytes + AT_OBJECT, m->object, sizeof(m->object));
    al_put_u32(bytes + AT_SHARE, m->share_tag);
    al_put_u64(bytes + AT_INO, m->ino);
    al_put_u32(bytes + AT_GENERATION, m->generation);
    for (i = 0; i < SIZE_LEN; i++) {
        bytes[AT_SIZE + i] = (uint8_t)(m->size >> (8 * i));
    }
    al_put_u64(bytes + AT_MTIME, (uint64_t)m->mtime_ns);
    rc = marker_sum(bytes, key, bytes + AT_SUM);
    if (rc != AL_OK) {
        return rc;
    }
    memcpy(out, bytes, MARKER_BYTES);
    return AL_OK;
}

int
marker_decode(const uint8_t *bytes, size_t len, const struct marker_key *key, struct marker *ret,
              bool *ret_authentic)
{
    struct marker m = {0};
    uint8_t sum[SUM_LEN];
    unsigned i;
    int rc;

    if (len != MARKER_BYTES || bytes[AT_VERSION] != MARKER_VERSION || !state_ok(bytes[AT_STATE]) ||
        marker_ext_unpack(al_get_u32(bytes + AT_EXT), m.ext) != AL_OK) {
        return AL_ECORRUPT;
    }
    rc = marker_sum(bytes, key, sum);
    if (rc != AL_OK) {
        return rc;
    }
    m.state = (enum marker_state)bytes[AT_STATE];
    m.content = al_get_u32(bytes + AT_CONTENT);
    memcpy(m.object, bytes + AT_OBJECT, sizeof(m.object));
    m.share_tag = al_get_u32(bytes + AT_SHARE);
    m.ino = al_get_u64(bytes + AT_INO);
    m.generation = al_get_u32(bytes + AT_GENERATION);
    for (i = 0; i < SIZE_LEN; i++) {
        m.size |= (uint64_t)bytes[AT_SIZE + i] << (8 * i);
    }
    m.mtime_ns = (int64_t)al_get_u64(bytes + AT_MTIME);
    *ret = m;
    *ret_authentic = port_same_secret(sum, bytes + AT_SUM, SUM_LEN);
    return AL_OK;
}

/* 0 for what an extension may not hold. */
static unsigned
ext_digit(char c)
{
    if (c >= 'a' && c <= 'z') {
        return (unsigned)(c - 'a') + 1;
    }
    if (c >= '0' && c <= '9') {
        return (unsigned)(c - '0') + 27;
    }
    return 0;
}

void
marker_ext_of(struct al_span path, char ext[MARKER_EXT_LEN + 1])
{
    size_t begin = path.len, i, len;

    ext[0] = '\0';
    while (begin > 0 && path.at[begin - 1] != '.' && path.at[begin - 1] != '/') {
        begin--;
    }
    len = path.len - begin;
    /* A leading dot makes a hidden name, not an extension. */
    if (begin < 2 || path.at[begin - 1] != '.' || path.at[begin - 2] == '/' || len == 0 ||
        len > MARKER_EXT_LEN) {
        return;
    }
    for (i = 0; i < len; i++) {
        char c = (char)path.at[begin + i];

        c = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
        if (ext_digit(c) == 0) {
            ext[0] = '\0';
            return;
        }
        ext[i] = c;
    }
    ext[len] = '\0';
}

int
marker_ext_pack(const char *ext, uint32_t *ret)
{
    size_t len = strnlen(ext, MARKER_EXT_LEN + 1), i;
    uint64_t packed = 0;

    if (len > MARKER_EXT_LEN) {
        return AL_EINVAL;
    }
    for (i = len; i > 0; i--) {
        unsigned digit = ext_digit(ext[i - 1]);

        if (digit == 0) {
            return AL_EINVAL;
        }
        packed = packed * 37 + digit;
    }
    *ret = (uint32_t)packed;
    return AL_OK;
}

int
marker_ext_unpack(uint32_t packed, char ext[MARKER_EXT_LEN + 1])
{
    char text[MARKER_EXT_LEN + 1] = {0};
    size_t i;

    for (i = 0; packed != 0; i++) {
        unsigned digit = packed % 37;

        if (i == MARKER_EXT_LEN || digit == 0) {
            return AL_EINVAL;
        }
        text[i] = (char)(digit <= 26 ? 'a' + (digit - 1) : '0' + (digit - 27));
        packed /= 37;
    }
    memcpy(ext, text, sizeof(text));
    return AL_OK;
}

static const char crockford[] = "0123456789abcdefghjkmnpqrstvwxyz";

/* A ULID is 128 bits in 26 digits of 5 bits: the first digit holds only 3. */
void
marker_object_id(const struct marker *m, al_id out)
{
    size_t digit, bit;

    for (digit = 0; digit < AL_ID_LEN; digit++) {
        unsigned value = 0;

        for (bit = 0; bit < 5; bit++) {
            size_t at = digit * 5 + bit; /* of 130 bits; the first two are zero */

            value <<= 1;
            if (at >= 2 && (m->object[(at - 2) / 8] & (0x80u >> ((at - 2) % 8))) != 0) {
                value |= 1;
            }
        }
        out[digit] = crockford[value];
    }
    out[AL_ID_LEN] = '\0';
}

int
marker_object_from_id(const char *id, uint8_t out[16])
{
    uint8_t object[16] = {0};
    size_t digit, bit;

    if (!al_id_valid(id)) {
        return AL_EINVAL;
    }
    for (digit = 0; digit < AL_ID_LEN; digit++) {
        const char *found = strchr(crockford, id[digit]);
        unsigned value;

        if (found == NULL || (digit == 0 && found - crockford > 7)) {
            return AL_EINVAL;
        }
        value = (unsigned)(found - crockford);
        for (bit = 0; bit < 5; bit++) {
            size_t at = digit * 5 + bit;

            if (at >= 2 && (value & (0x10u >> bit)) != 0) {
                object[(at - 2) / 8] |= (uint8_t)(0x80u >> ((at - 2) % 8));
            }
        }
    }
    memcpy(out, object, sizeof(object));
    return AL_OK;
}

/* Only a hint for people, so that a failed hash may answer 0. */
uint32_t
marker_share_tag(const char *share_id)
{
    uint8_t sum[PORT_SHA256_LEN];

    return port_sha256_of(share_id, strlen(share_id), sum) == AL_OK ? al_get_u32(sum) : 0;
}

static bool
is_whole(const struct marker *m)
{
    return m->state == MARKER_WHOLE || m->state == MARKER_UNTOLD;
}

/* The order of the questions matters: nothing a marker says is believed before it was shown to be
 * authentic. */
enum marker_verdict
marker_judge(const struct marker *m, bool decoded, bool authentic, const struct marker_facts *facts)
{
    bool own;

    if (!decoded || !authentic) {
        /* We never write an empty one, so it was copied from a stub by somebody who found it gone
         * when he came to read it. Where no byte is missing the bytes are those of the copy. */
        return facts->empty && !facts->has_holes ? MARKER_V_COPIED : MARKER_V_FORGED;
    }
    own = m->ino == facts->ino && m->generation == facts->generation;
    if (!own) {
        if (facts->has_data || facts->size == 0) {
            return MARKER_V_COPIED;
        }
        /* A frame of a file that was whole: its bytes may have been newer than the object's. */
        return facts->size == m->size && !is_whole(m) ? MARKER_V_ADOPT : MARKER_V_CHANGED;
    }
    if (is_whole(m)) {
        return m->state == MARKER_WHOLE ? MARKER_V_WHOLE : MARKER_V_UNTOLD;
    }
    if (facts->size == 0 && m->size != 0) {
        return MARKER_V_TRUNCATED;
    }
    if (facts->size != m->size) {
        return facts->has_data && m->state == MARKER_STUB ? MARKER_V_DATA : MARKER_V_CHANGED;
    }
    if (m->state == MARKER_FILLING) {
        return MARKER_V_FILLING;
    }
    if (facts->has_data) {
        return MARKER_V_DATA;
    }
    /* Another time alone was set by utimes(2), which changes no content, unless a truncate to
     * nothing and back to the old length hides behind it. */
    return facts->mtime_ns == m->mtime_ns || facts->no_truncate ? MARKER_V_STUB : MARKER_V_CHANGED;
}

const char *
marker_verdict_name(enum marker_verdict v)
{
    static const char *const names[] = {
        [MARKER_V_STUB] = "stub",           [MARKER_V_FILLING] = "filling",
        [MARKER_V_COPIED] = "copied",       [MARKER_V_ADOPT] = "adopt",
        [MARKER_V_TRUNCATED] = "truncated", [MARKER_V_CHANGED] = "changed",
        [MARKER_V_WHOLE] = "whole",         [MARKER_V_DATA] = "data",
        [MARKER_V_FORGED] = "forged",       [MARKER_V_UNTOLD] = "untold",
    };

    return (size_t)v < AL_LEN(names) ? names[v] : "unknown";
}
