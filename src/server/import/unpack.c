#include "server/import/unpack.h"

#include <string.h>

#include <zlib.h>

#include "base/mem.h"
#include "wire/zstd.h"

#define CHUNK ((size_t)256 << 10)
#define LOOK_BYTES ((size_t)64 << 10)

struct import_stream {
    struct port *port;
    struct port_file *file;
    enum import_compression compression;
    enum import_encoding encoding;
    unsigned bom;
    uint64_t at; /* in the file */
    uint8_t *in; /* CHUNK of the file */
    struct al_span in_left;
    bool file_ended, begun, whole; /* whole: a packed piece ended where the file does */
    z_stream z;
    bool z_open;
    struct wire_unzstd *u;
    uint8_t *plain; /* CHUNK of unpacked bytes, before they are recoded */
    size_t plain_at, plain_len;
    bool plain_ended;
    uint32_t high; /* first half of a pair; 0: none */
    uint64_t given;
};

/* ---- the file ---- */

static int
fill(struct import_stream *s, struct al_fail *fail)
{
    size_t len = 0;
    int rc;

    if (s->in_left.len > 0 || s->file_ended) {
        return AL_OK;
    }
    rc = port_pread(s->port, s->file, s->in, CHUNK, s->at, &len);
    if (rc < 0) {
        return al_fail_set(fail, rc, port_os_error(s->port), "the file cannot be read");
    }
    s->at += len;
    s->in_left = (struct al_span){s->in, len};
    s->file_ended = len < CHUNK;
    return AL_OK;
}

static int
inflate_some(struct import_stream *s, uint8_t *to, size_t cap, size_t *ret_len)
{
    int z;

    if (!s->z_open) {
        if (inflateInit2(&s->z, 15 + 16) != Z_OK) {
            return AL_ENOMEM;
        }
        s->z_open = true;
    } else if (s->whole && inflateReset(&s->z) != Z_OK) {
        return AL_ECORRUPT;
    }
    s->whole = false;
    s->z.next_in = (Bytef *)s->in_left.at; /* zlib does not write there */
    s->z.avail_in = (uInt)s->in_left.len;
    s->z.next_out = to;
    s->z.avail_out = (uInt)cap;
    z = inflate(&s->z, Z_NO_FLUSH);
    s->in_left.at = s->z.next_in;
    s->in_left.len = s->z.avail_in;
    *ret_len = cap - s->z.avail_out;
    s->whole = z == Z_STREAM_END;
    if (z == Z_MEM_ERROR) {
        return AL_ENOMEM;
    }
    return z == Z_OK || z == Z_STREAM_END || z == Z_BUF_ERROR ? AL_OK : AL_ECORRUPT;
}

/* Unpacked bytes; *ret_len 0: the end. */
static int
unpack(struct import_stream *s, uint8_t *to, size_t cap, size_t *ret_len, struct al_fail *fail)
{
    for (;;) {
        int rc = fill(s, fail);
        size_t len = 0;

        if (rc < 0) {
            return rc;
        }
        if (s->in_left.len == 0) {
            *ret_len = 0;
            return s->compression == IMPORT_PLAIN || s->whole
                       ? AL_OK
                       : al_fail_set(
                             fail, AL_ECORRUPT, 0,
                             "the compressed file is cut: it ends in the middle; send it again");
        }
        if (s->compression == IMPORT_PLAIN) {
            len = s->in_left.len < cap ? s->in_left.len : cap;
            memcpy(to, s->in_left.at, len);
            s->in_left.at += len;
            s->in_left.len -= len;
        } else if (s->compression == IMPORT_GZIP) {
            rc = inflate_some(s, to, cap, &len);
        } else {
            rc = wire_unzstd_step(s->u, &s->in_left, to, cap, &len, &s->whole);
        }
        if (rc < 0) {
            return al_fail_set(fail, rc, 0,
                               rc == AL_ELIMIT
                                   ? "the zstd file needs a window above 128 MiB; pack it with less"
                                   : "the compressed file is damaged near byte %llu",
                               (unsigned long long)(s->at - s->in_left.len));
        }
        if (len > 0) {
            *ret_len = len;
            return AL_OK;
        }
    }
}

/* ---- encodings ---- */

static const uint16_t cp1252[32] = {0x20ac, 0xfffd, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
                                    0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0xfffd, 0x017d, 0xfffd,
                                    0xfffd, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
                                    0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0xfffd, 0x017e, 0x0178};

static size_t
put_utf8(uint32_t c, uint8_t *to)
{
    if (c < 0x80) {
        to[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        to[0] = (uint8_t)(0xc0 | c >> 6);
        to[1] = (uint8_t)(0x80 | (c & 63));
        return 2;
    }
    if (c < 0x10000) {
        to[0] = (uint8_t)(0xe0 | c >> 12);
        to[1] = (uint8_t)(0x80 | (c >> 6 & 63));
        to[2] = (uint8_t)(0x80 | (c & 63));
        return 3;
    }
    to[0] = (uint8_t)(0xf0 | c >> 18);
    to[1] = (uint8_t)(0x80 | (c >> 12 & 63));
    to[2] = (uint8_t)(0x80 | (c >> 6 & 63));
    to[3] = (uint8_t)(0x80 | (c & 63));
    return 4;
}

static size_t
put_cp1252(uint8_t b, uint8_t *to)
{
    return put_utf8(b >= 0x80 && b < 0xa0 ? cp1252[b - 0x80] : b, to);
}

int
import_recode_cp1252(struct al_span from, struct al_buf *to)
{
    uint8_t out[4];
    int rc = AL_OK;

    for (size_t i = 0; rc == AL_OK && i < from.len; i++) {
        rc = al_buf_add(to, out, put_cp1252(from.at[i], out));
    }
    return rc;
}

/* One unit of UTF-16 (0x10000: none, only a half that waits is put out). */
static size_t
put_unit(struct import_stream *s, uint32_t unit, uint8_t *to)
{
    size_t n = 0;

    if (s->high != 0) {
        if (unit >= 0xdc00 && unit < 0xe000) {
            n = put_utf8(0x10000 + ((s->high - 0xd800) << 10) + (unit - 0xdc00), to);
            s->high = 0;
            return n;
        }
        n = put_utf8(s->high, to);
        s->high = 0;
    }
    if (unit >= 0xd800 && unit < 0xdc00) {
        s->high = unit;
        return n;
    }
    return unit == 0x10000 ? n : n + put_utf8(unit, to + n);
}

static void
recode(struct import_stream *s, uint8_t *to, size_t cap, size_t *ret_len)
{
    bool wide = s->encoding != IMPORT_CP1252, little = s->encoding == IMPORT_UTF16LE;
    size_t n = 0, step = wide ? 2 : 1;

    while (s->plain_at + step <= s->plain_len && n + 8 <= cap) {
        const uint8_t *p = s->plain + s->plain_at;

        n += wide ? put_unit(s, little ? p[0] | (uint32_t)p[1] << 8 : p[1] | (uint32_t)p[0] << 8,
                             to + n)
                  : put_cp1252(p[0], to + n);
        s->plain_at += step;
    }
    *ret_len = n;
}

/* More unpacked bytes behind what is left over of the last ones (half a unit). */
static int
refill(struct import_stream *s, struct al_fail *fail)
{
    size_t left = s->plain_len - s->plain_at, len = 0;
    int rc;

    if (left > 0) {
        memmove(s->plain, s->plain + s->plain_at, left);
    }
    s->plain_at = 0;
    s->plain_len = left;
    rc = unpack(s, s->plain + left, CHUNK - left, &len, fail);
    if (rc == AL_OK) {
        s->plain_len += len;
        s->plain_ended = len == 0;
    }
    return rc;
}

int
import_stream_read(struct import_stream *s, uint8_t *to, size_t cap, size_t *ret_len,
                   struct al_fail *fail)
{
    size_t len = 0;
    int rc = AL_OK;

    while (rc == AL_OK && len == 0) {
        size_t left = s->plain_len - s->plain_at;

        if (s->encoding == IMPORT_UTF8 && left > 0) {
            len = left < cap ? left : cap;
            memcpy(to, s->plain + s->plain_at, len);
            s->plain_at += len;
        } else if (s->encoding == IMPORT_UTF8) {
            rc = unpack(s, to, cap, &len, fail);
            if (len == 0) {
                break;
            }
        } else {
            recode(s, to, cap, &len);
            if (len == 0 && s->plain_ended) {
                if (s->plain_at < s->plain_len) {
                    return al_fail_set(
                        fail, AL_ECORRUPT, 0,
                        "the UTF-16 file has half a character at its end: it is cut");
                }
                len = put_unit(s, 0x10000, to);
                break;
            }
            rc = len == 0 ? refill(s, fail) : AL_OK;
        }
    }
    s->given += len;
    if (rc == AL_OK && s->given > IMPORT_UNPACKED_BYTES_MAX) {
        return al_fail_set(fail, AL_ELIMIT, 0,
                           "the file becomes more than %llu bytes when unpacked",
                           (unsigned long long)IMPORT_UNPACKED_BYTES_MAX);
    }
    if (rc == AL_OK) {
        *ret_len = len;
    }
    return rc;
}

/* ---- what it is ---- */

static enum import_compression
compression_of(struct al_span head)
{
    static const uint8_t gzip[] = {0x1f, 0x8b, 8}, zstd[] = {0x28, 0xb5, 0x2f, 0xfd};

    if (head.len >= sizeof(gzip) && memcmp(head.at, gzip, sizeof(gzip)) == 0) {
        return IMPORT_GZIP;
    }
    return head.len >= sizeof(zstd) && memcmp(head.at, zstd, sizeof(zstd)) == 0 ? IMPORT_ZSTD
                                                                                : IMPORT_PLAIN;
}

/* UTF-16 without a mark: text has zeros in every other place. */
static enum import_encoding
encoding_of(struct al_span head, unsigned *ret_bom)
{
    size_t zeros[2] = {0, 0}, n = head.len < 4096 ? head.len & ~(size_t)1 : 4096;

    *ret_bom = 0;
    if (head.len >= 3 && memcmp(head.at, "\xef\xbb\xbf", 3) == 0) {
        *ret_bom = 3;
        return IMPORT_UTF8;
    }
    if (head.len >= 2 &&
        (memcmp(head.at, "\xff\xfe", 2) == 0 || memcmp(head.at, "\xfe\xff", 2) == 0)) {
        *ret_bom = 2;
        return head.at[0] == 0xff ? IMPORT_UTF16LE : IMPORT_UTF16BE;
    }
    for (size_t i = 0; i < n; i++) {
        zeros[i & 1] += head.at[i] == 0;
    }
    if (n >= 8 && zeros[1] > n / 4 && zeros[0] < n / 20) {
        return IMPORT_UTF16LE;
    }
    return n >= 8 && zeros[0] > n / 4 && zeros[1] < n / 20 ? IMPORT_UTF16BE : IMPORT_UTF8;
}

static int
begin(struct import_stream *s, struct al_fail *fail)
{
    enum import_encoding found;
    int rc = fill(s, fail);

    if (rc < 0) {
        return rc;
    }
    if (s->compression == IMPORT_COMPRESSION_GUESS) {
        s->compression = compression_of(s->in_left);
    }
    if (s->compression == IMPORT_ZSTD) {
        s->u = wire_unzstd_new(WIRE_ZSTD_FILE_WINDOW_LOG_MAX);
        if (s->u == NULL) {
            return AL_ENOMEM;
        }
    }
    while (s->plain_len < LOOK_BYTES && !s->plain_ended) {
        size_t len = 0;

        rc = unpack(s, s->plain + s->plain_len, LOOK_BYTES - s->plain_len, &len, fail);
        if (rc < 0) {
            return rc;
        }
        s->plain_len += len;
        s->plain_ended = len == 0;
    }
    found = encoding_of((struct al_span){s->plain, s->plain_len}, &s->bom);
    if (s->encoding == IMPORT_ENCODING_GUESS) {
        s->encoding = found;
    }
    if (s->encoding == found) {
        s->plain_at = s->bom;
    } else {
        s->bom = 0;
    }
    return AL_OK;
}

int
import_stream_open(struct port *port, struct port_file *file, enum import_compression compression,
                   enum import_encoding encoding, struct import_stream **ret, struct al_fail *fail)
{
    AL_CLEANUP(import_stream_closep) struct import_stream *s = al_zalloc(sizeof(*s));
    int rc;

    if (s == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    s->port = port;
    s->file = file;
    s->compression = compression;
    s->encoding = encoding;
    s->in = al_alloc(CHUNK);
    s->plain = al_alloc(CHUNK);
    rc = s->in != NULL && s->plain != NULL ? begin(s, fail) : AL_ENOMEM;
    if (rc < 0) {
        return al_fail_set(fail, rc, 0, "the file cannot be read");
    }
    *ret = s;
    s = NULL;
    return AL_OK;
}

enum import_compression
import_stream_compression(const struct import_stream *s)
{
    return s->compression;
}

enum import_encoding
import_stream_encoding(const struct import_stream *s)
{
    return s->encoding;
}

uint64_t
import_stream_at(const struct import_stream *s)
{
    return s->at - s->in_left.len;
}

unsigned
import_stream_bom(const struct import_stream *s)
{
    return s->bom;
}

struct import_stream *
import_stream_close(struct import_stream *s)
{
    if (s != NULL) {
        if (s->z_open) {
            (void)inflateEnd(&s->z); /* only frees */
        }
        wire_unzstd_free(s->u);
        al_free(s->in);
        al_free(s->plain);
        al_free(s);
    }
    return NULL;
}

void
import_stream_closep(struct import_stream **s)
{
    *s = import_stream_close(*s);
}
