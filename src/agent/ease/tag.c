#include "agent/ease/tag.h"

#include <string.h>

#include "base/mem.h"
#include "port/digest.h"

enum {
    AT_VERSION = 4,
    AT_SHIFT = 5,
    AT_LENGTH = 6,
    AT_OBJECT = 8,
    AT_SHARE = 24,
    AT_EXT = 28,
    AT_SIZE = 32,
    AT_MTIME = 40,
    AT_CONTENT = 48,
    AT_FILE_ID = 64,
    AT_SERIAL = 72,
    AT_COUNT = 80,
    AT_ZERO = 84,
    AT_PIECES = 88,
    SUM_LEN = 16,
    TAG_VERSION = 1
};
_Static_assert(AT_PIECES + SUM_LEN == EASE_TAG_FIXED, "the layout fills the tag");

static const uint8_t magic[4] = {'A', 'L', 'T', 'O'};

unsigned
ease_piece_shift(uint64_t size, size_t tag_max)
{
    uint64_t most = tag_max < EASE_TAG_FIXED ? 0 : (tag_max - EASE_TAG_FIXED) / 8;

    if (size > MARKER_SIZE_MAX) {
        return 0;
    }
    for (unsigned shift = EASE_PIECE_SHIFT_MIN; shift <= EASE_PIECE_SHIFT_MAX; shift++) {
        uint64_t count = (size + (1ull << shift) - 1) >> shift;

        if (count <= most) {
            return count < 2 ? 0 : shift;
        }
    }
    return 0;
}

static bool
pieces_fit(uint64_t size, unsigned shift, size_t bytes)
{
    if (shift == 0) {
        return bytes == 0;
    }
    return shift >= EASE_PIECE_SHIFT_MIN && shift <= EASE_PIECE_SHIFT_MAX &&
           bytes <= EASE_PIECES_MAX * 8 && bytes == 8 * (uint64_t)stub_piece_count(size, shift);
}

static int
sum_of(struct al_span covered, const uint8_t key[MARKER_KEY_LEN], uint8_t out[SUM_LEN])
{
    uint8_t sum[PORT_SHA256_LEN];
    int rc = port_hmac_sha256(key, MARKER_KEY_LEN, covered.at, covered.len, sum);

    if (rc == AL_OK) {
        memcpy(out, sum, SUM_LEN);
    }
    return rc;
}

int
ease_tag_encode(const struct stub_tag *t, const uint8_t key[MARKER_KEY_LEN], size_t tag_max,
                struct al_buf *to)
{
    uint8_t fixed[AT_PIECES] = {0}, sum[SUM_LEN];
    size_t begin = to->len, len = EASE_TAG_FIXED + t->pieces.len;
    uint32_t ext;
    int rc;

    if (t->size > MARKER_SIZE_MAX || !pieces_fit(t->size, t->piece_shift, t->pieces.len)) {
        return AL_EINVAL;
    }
    if (len > tag_max || len > EASE_TAG_BYTES_MAX) {
        return AL_ELIMIT;
    }
    rc = marker_ext_pack(t->ext, &ext);
    if (rc != AL_OK) {
        return rc;
    }
    memcpy(fixed, magic, sizeof(magic));
    fixed[AT_VERSION] = TAG_VERSION;
    fixed[AT_SHIFT] = (uint8_t)t->piece_shift;
    al_put_u16(fixed + AT_LENGTH, (uint16_t)len);
    memcpy(fixed + AT_OBJECT, t->object, sizeof(t->object));
    al_put_u32(fixed + AT_SHARE, t->share_tag);
    al_put_u32(fixed + AT_EXT, ext);
    al_put_u64(fixed + AT_SIZE, t->size);
    al_put_u64(fixed + AT_MTIME, (uint64_t)t->mtime_ns);
    al_put_u64(fixed + AT_CONTENT, t->content.lo);
    al_put_u64(fixed + AT_CONTENT + 8, t->content.hi);
    al_put_u64(fixed + AT_FILE_ID, t->file_id);
    al_put_u64(fixed + AT_SERIAL, t->volume_serial);
    al_put_u32(fixed + AT_COUNT, (uint32_t)(t->pieces.len / 8));
    rc = al_buf_add(to, fixed, sizeof(fixed));
    if (rc == AL_OK) {
        rc = al_buf_add(to, t->pieces.at, t->pieces.len);
    }
    if (rc == AL_OK) {
        rc = sum_of((struct al_span){to->at + begin, to->len - begin}, key, sum);
    }
    return rc == AL_OK ? al_buf_add(to, sum, sizeof(sum)) : rc;
}

int
ease_tag_decode(struct al_span bytes, struct stub_tag *ret)
{
    const uint8_t *at = bytes.at;
    struct stub_tag t = {0};

    if (bytes.len < EASE_TAG_FIXED || bytes.len > EASE_TAG_BYTES_MAX ||
        memcmp(at, magic, sizeof(magic)) != 0 || at[AT_VERSION] != TAG_VERSION ||
        al_get_u16(at + AT_LENGTH) != bytes.len || al_get_u32(at + AT_ZERO) != 0 ||
        marker_ext_unpack(al_get_u32(at + AT_EXT), t.ext) != AL_OK) {
        return AL_ECORRUPT;
    }
    t.piece_shift = at[AT_SHIFT];
    t.size = al_get_u64(at + AT_SIZE);
    t.pieces = (struct al_span){at + AT_PIECES, bytes.len - EASE_TAG_FIXED};
    if (t.size > MARKER_SIZE_MAX || !pieces_fit(t.size, t.piece_shift, t.pieces.len) ||
        al_get_u32(at + AT_COUNT) != t.pieces.len / 8) {
        return AL_ECORRUPT;
    }
    memcpy(t.object, at + AT_OBJECT, sizeof(t.object));
    t.share_tag = al_get_u32(at + AT_SHARE);
    t.mtime_ns = (int64_t)al_get_u64(at + AT_MTIME);
    t.content.lo = al_get_u64(at + AT_CONTENT);
    t.content.hi = al_get_u64(at + AT_CONTENT + 8);
    t.file_id = al_get_u64(at + AT_FILE_ID);
    t.volume_serial = al_get_u64(at + AT_SERIAL);
    *ret = t;
    return AL_OK;
}

int
ease_tag_authentic(struct al_span bytes, const uint8_t key[MARKER_KEY_LEN], bool *ret)
{
    uint8_t sum[SUM_LEN];
    int rc = sum_of((struct al_span){bytes.at, bytes.len - SUM_LEN}, key, sum);

    if (rc == AL_OK) {
        *ret = port_same_secret(sum, bytes.at + bytes.len - SUM_LEN, SUM_LEN);
    }
    return rc;
}
