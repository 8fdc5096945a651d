/* smb_name.c: UTF-16 of the wire and the bytes names are made of elsewhere. */
#include "agent/target/smb_priv.h"

/* One code point off the front; bytes that are no UTF-8 are taken for Latin-1, so that every name
 * becomes some name. */
static uint32_t
take_point(struct al_span *s)
{
    uint8_t first = s->at[0];
    size_t more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : first >= 0xC0 ? 1 : 0, i;
    uint32_t point = more == 3 ? first & 7u : more == 2 ? first & 15u : first & 31u;

    for (i = 1; i <= more && i < s->len && (s->at[i] & 0xC0) == 0x80; i++) {
        point = point << 6 | (s->at[i] & 0x3Fu);
    }
    if (more == 0 || i <= more || point > 0x10FFFF) {
        point = first;
        i = 1;
    }
    s->at += i;
    s->len -= i;
    return point;
}

int
smb_to_utf16(struct al_span text, uint16_t *to, size_t cap, size_t *ret_units)
{
    uint8_t *bytes = (uint8_t *)to;
    size_t n = 0;

    while (text.len > 0) {
        uint32_t point = take_point(&text);

        if (n + 2 > cap) {
            return AL_ENAMETOOLONG;
        }
        if (point >= 0x10000) {
            al_put_u16(bytes + 2 * n++, (uint16_t)(0xD800 + ((point - 0x10000) >> 10)));
            point = 0xDC00 + ((point - 0x10000) & 0x3FF);
        }
        al_put_u16(bytes + 2 * n++, (uint16_t)point);
    }
    *ret_units = n;
    return AL_OK;
}

static int
add_point(struct al_buf *to, uint32_t p)
{
    uint8_t b[4];
    size_t n;

    if (p < 0x80) {
        b[0] = (uint8_t)p;
        n = 1;
    } else if (p < 0x800) {
        b[0] = (uint8_t)(0xC0 | p >> 6);
        b[1] = (uint8_t)(0x80 | (p & 0x3F));
        n = 2;
    } else if (p < 0x10000) {
        b[0] = (uint8_t)(0xE0 | p >> 12);
        b[1] = (uint8_t)(0x80 | (p >> 6 & 0x3F));
        b[2] = (uint8_t)(0x80 | (p & 0x3F));
        n = 3;
    } else {
        b[0] = (uint8_t)(0xF0 | p >> 18);
        b[1] = (uint8_t)(0x80 | (p >> 12 & 0x3F));
        b[2] = (uint8_t)(0x80 | (p >> 6 & 0x3F));
        b[3] = (uint8_t)(0x80 | (p & 0x3F));
        n = 4;
    }
    return al_buf_add(to, b, n);
}

int
smb_from_utf16(const uint8_t *bytes, size_t len, struct al_buf *to)
{
    size_t i;
    int r = AL_OK;

    for (i = 0; r == AL_OK && i + 1 < len; i += 2) {
        uint32_t p = al_get_u16(bytes + i), low;

        if (p >= 0xD800 && p < 0xDC00 && i + 3 < len) {
            low = al_get_u16(bytes + i + 2);
            if (low >= 0xDC00 && low < 0xE000) {
                p = 0x10000 + ((p - 0xD800) << 10) + (low - 0xDC00);
                i += 2;
            }
        }
        r = add_point(to, p);
    }
    return r;
}
