/* bytes.h: spans (borrowed bytes) and buffers (owned, growing, with a ceiling).
 *
 * Paths and names are bytes, not text: on Linux anything but NUL and '/', on Windows UTF-8 with
 * lone surrogates as three bytes (WTF-8). Any thread; an object belongs to one thread at a time. */
#ifndef ALTO_BASE_BYTES_H
#define ALTO_BASE_BYTES_H

#include "base/result.h"

struct al_span {
    const uint8_t *at; /* not NUL-terminated */
    size_t len;
};

struct al_span al_span_of(const char *text); /* strlen; NULL gives an empty span */
bool al_span_equal(struct al_span a, struct al_span b);
int al_span_order(struct al_span a, struct al_span b); /* memcmp order, shorter first */
/* ASCII alone, whatever the locale; other bytes as they are. */
static inline uint8_t
al_lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}
/* al_alloc'ed and NUL-terminated copy; NULL on memory. A span with a NUL inside is copied whole. */
char *al_span_dup(struct al_span s) AL_MUST_CHECK;

/* A growing buffer. Always NUL-terminated behind len once something was added. Reaching max gives
 * AL_ELIMIT and frees what was held (so that an unchecked overlong input cannot be used half);
 * later additions keep answering AL_ELIMIT. */
struct al_buf {
    uint8_t *at; /* NULL while empty */
    size_t len;
    size_t cap;
    size_t max; /* bytes, without the closing NUL */
    bool over;
};

void al_buf_init(struct al_buf *b, size_t max);
/* usable with AL_CLEANUP; the buffer is empty and usable again */
void al_buf_free(struct al_buf *b);
void al_buf_clear(struct al_buf *b); /* keeps the memory */
int al_buf_add(struct al_buf *b, const void *bytes, size_t len) AL_MUST_CHECK;
int al_buf_adds(struct al_buf *b, const char *text) AL_MUST_CHECK;
int al_buf_addf(struct al_buf *b, const char *format, ...) AL_PRINTF(2, 3) AL_MUST_CHECK;
/* room for more bytes at b->at + b->len */
int al_buf_reserve(struct al_buf *b, size_t more) AL_MUST_CHECK;
/* Hands the bytes over (al_free them) and leaves the buffer empty. NULL when empty. */
uint8_t *al_buf_take(struct al_buf *b, size_t *ret_len);
struct al_span al_buf_span(const struct al_buf *b);

/* Little-endian put and get, for formats on disk and wire. Varints are LEB128, at most 10 bytes. */
void al_put_u16(uint8_t *to, uint16_t v);
void al_put_u32(uint8_t *to, uint32_t v);
void al_put_u64(uint8_t *to, uint64_t v);
uint16_t al_get_u16(const uint8_t *from);
uint32_t al_get_u32(const uint8_t *from);
uint64_t al_get_u64(const uint8_t *from);
int al_buf_add_varint(struct al_buf *b, uint64_t v) AL_MUST_CHECK;
/* Takes a varint off the front of *io; AL_ECORRUPT when it is cut or too long, *io then
 * unchanged. */
int al_span_varint(struct al_span *io, uint64_t *ret) AL_MUST_CHECK;
/* Takes n bytes off the front of *io; AL_ECORRUPT when there are fewer. */
int al_span_take(struct al_span *io, size_t n, struct al_span *ret) AL_MUST_CHECK;

#endif
