#include "base/bytes.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

struct al_span
al_span_of(const char *text)
{
    return (struct al_span){(const uint8_t *)text, text == NULL ? 0 : strlen(text)};
}

bool
al_span_equal(struct al_span a, struct al_span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

int
al_span_order(struct al_span a, struct al_span b)
{
    size_t both = a.len < b.len ? a.len : b.len;
    int order = both == 0 ? 0 : memcmp(a.at, b.at, both);

    if (order != 0) {
        return order;
    }
    return a.len < b.len ? -1 : a.len > b.len;
}

char *
al_span_dup(struct al_span s)
{
    char *copy;

    if (s.len == SIZE_MAX) {
        return NULL;
    }
    copy = al_alloc(s.len + 1);
    if (copy != NULL) {
        if (s.len > 0) {
            memcpy(copy, s.at, s.len);
        }
        copy[s.len] = '\0';
    }
    return copy;
}

void
al_buf_init(struct al_buf *b, size_t max)
{
    *b = (struct al_buf){.max = max};
}

void
al_buf_free(struct al_buf *b)
{
    al_free(b->at);
    *b = (struct al_buf){.max = b->max};
}

void
al_buf_clear(struct al_buf *b)
{
    b->len = 0;
    b->over = false;
    if (b->at != NULL) {
        b->at[0] = '\0';
    }
}

int
al_buf_reserve(struct al_buf *b, size_t more)
{
    size_t want, cap;
    uint8_t *grown;

    if (b->over) {
        return AL_ELIMIT;
    }
    if (more > b->max || b->len > b->max - more) {
        size_t max = b->max;

        al_buf_free(b);
        b->max = max;
        b->over = true;
        return AL_ELIMIT;
    }
    want = b->len + more;
    if (b->at != NULL && want <= b->cap) {
        return AL_OK;
    }
    cap = b->cap < 64 ? 64 : b->cap;
    while (cap < want) {
        cap = cap > SIZE_MAX / 2 ? want : cap * 2;
    }
    if (cap > b->max) {
        cap = b->max;
    }
    grown = al_realloc(b->at, cap + 1);
    if (grown == NULL) {
        return AL_ENOMEM;
    }
    if (b->at == NULL) {
        grown[0] = '\0';
    }
    b->at = grown;
    b->cap = cap;
    return AL_OK;
}

int
al_buf_add(struct al_buf *b, const void *bytes, size_t len)
{
    int rc = al_buf_reserve(b, len);

    if (rc != AL_OK) {
        return rc;
    }
    if (len > 0) {
        memcpy(b->at + b->len, bytes, len);
    }
    b->len += len;
    b->at[b->len] = '\0';
    return AL_OK;
}

int
al_buf_adds(struct al_buf *b, const char *text)
{
    return al_buf_add(b, text, strlen(text));
}

int
al_buf_addf(struct al_buf *b, const char *format, ...)
{
    va_list args, again;
    int len, rc;

    va_start(args, format);
    va_copy(again, args);
    len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0) {
        va_end(again);
        return AL_EINVAL;
    }
    rc = al_buf_reserve(b, (size_t)len);
    if (rc == AL_OK) {
        (void)vsnprintf((char *)b->at + b->len, (size_t)len + 1, format, again);
        b->len += (size_t)len;
    }
    va_end(again);
    return rc;
}

uint8_t *
al_buf_take(struct al_buf *b, size_t *ret_len)
{
    uint8_t *at = b->at;

    *ret_len = b->len;
    *b = (struct al_buf){.max = b->max};
    return at;
}

struct al_span
al_buf_span(const struct al_buf *b)
{
    return (struct al_span){b->at, b->len};
}

void
al_put_u16(uint8_t *to, uint16_t v)
{
    to[0] = (uint8_t)v;
    to[1] = (uint8_t)(v >> 8);
}

void
al_put_u32(uint8_t *to, uint32_t v)
{
    al_put_u16(to, (uint16_t)v);
    al_put_u16(to + 2, (uint16_t)(v >> 16));
}

void
al_put_u64(uint8_t *to, uint64_t v)
{
    al_put_u32(to, (uint32_t)v);
    al_put_u32(to + 4, (uint32_t)(v >> 32));
}

uint16_t
al_get_u16(const uint8_t *from)
{
    return (uint16_t)(from[0] | from[1] << 8);
}

uint32_t
al_get_u32(const uint8_t *from)
{
    return al_get_u16(from) | (uint32_t)al_get_u16(from + 2) << 16;
}

uint64_t
al_get_u64(const uint8_t *from)
{
    return al_get_u32(from) | (uint64_t)al_get_u32(from + 4) << 32;
}

int
al_buf_add_varint(struct al_buf *b, uint64_t v)
{
    uint8_t bytes[10];
    size_t len = 0;

    do {
        bytes[len++] = (uint8_t)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
        v >>= 7;
    } while (v != 0);
    return al_buf_add(b, bytes, len);
}

int
al_span_varint(struct al_span *io, uint64_t *ret)
{
    uint64_t v = 0;

    for (size_t i = 0; i < io->len && i < 10; i++) {
        uint8_t byte = io->at[i];

        if (i == 9 && byte > 1) {
            return AL_ECORRUPT;
        }
        v |= (uint64_t)(byte & 0x7f) << (7 * i);
        if ((byte & 0x80) == 0) {
            io->at += i + 1;
            io->len -= i + 1;
            *ret = v;
            return AL_OK;
        }
    }
    return AL_ECORRUPT;
}

int
al_span_take(struct al_span *io, size_t n, struct al_span *ret)
{
    if (n > io->len) {
        return AL_ECORRUPT;
    }
    *ret = (struct al_span){io->at, n};
    io->at += n;
    io->len -= n;
    return AL_OK;
}
