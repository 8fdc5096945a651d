#include "base/text.h"

#include <string.h>

#include "base/mem.h"

int
al_parse_u64(const char *text, uint64_t *ret)
{
    uint64_t v = 0;

    if (*text == '\0') {
        return AL_EINVAL;
    }
    for (const char *p = text; *p != '\0'; p++) {
        if (*p < '0' || *p > '9' || __builtin_mul_overflow(v, (uint64_t)10, &v) ||
            __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v)) {
            return AL_EINVAL;
        }
    }
    *ret = v;
    return AL_OK;
}

int
al_parse_i64(const char *text, int64_t *ret)
{
    bool minus = *text == '-';
    uint64_t v;
    int rc = al_parse_u64(text + (minus ? 1 : 0), &v);

    if (rc != AL_OK) {
        return rc;
    }
    if (v > (uint64_t)INT64_MAX + (minus ? 1 : 0)) {
        return AL_EINVAL;
    }
    *ret = minus ? (int64_t)(0 - v) : (int64_t)v;
    return AL_OK;
}

/* The factor of a unit such as "MiB"; 0 for none known. */
static uint64_t
size_unit(const char *unit)
{
    static const char prefixes[] = "kmgt";
    uint64_t base = 1000, factor = 1;
    const char *at;
    char prefix = (char)al_lower((uint8_t)unit[0]);

    if (unit[0] == '\0' || (prefix == 'b' && unit[1] == '\0')) {
        return 1;
    }
    at = strchr(prefixes, prefix);
    if (at == NULL) {
        return 0;
    }
    unit++;
    if (al_lower((uint8_t)unit[0]) == 'i') {
        base = 1024;
        unit++;
    }
    if (al_lower((uint8_t)unit[0]) != 'b' || unit[1] != '\0') {
        return 0;
    }
    for (const char *p = prefixes; p <= at; p++) {
        factor *= base;
    }
    return factor;
}

int
al_parse_size(const char *text, uint64_t *ret_bytes)
{
    uint64_t whole = 0, part = 0, scale = 1, factor;
    const char *p = text;
    unsigned __int128 bytes;

    if (*p < '0' || *p > '9') {
        return AL_EINVAL;
    }
    for (; *p >= '0' && *p <= '9'; p++) {
        if (__builtin_mul_overflow(whole, (uint64_t)10, &whole) ||
            __builtin_add_overflow(whole, (uint64_t)(*p - '0'), &whole)) {
            return AL_EINVAL;
        }
    }
    if (*p == '.') {
        p++;
        if (*p < '0' || *p > '9') {
            return AL_EINVAL;
        }
        for (; *p >= '0' && *p <= '9'; p++) {
            if (scale < 1000000000) {
                part = part * 10 + (uint64_t)(*p - '0');
                scale *= 10;
            }
        }
    }
    while (*p == ' ') {
        p++;
    }
    factor = size_unit(p);
    if (factor == 0) {
        return AL_EINVAL;
    }
    bytes = (unsigned __int128)whole * factor + (unsigned __int128)part * factor / scale;
    if (bytes > UINT64_MAX) {
        return AL_EINVAL;
    }
    *ret_bytes = (uint64_t)bytes;
    return AL_OK;
}

void
al_hex(const void *bytes, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *b = bytes;

    for (size_t i = 0; i < len; i++) {
        *out++ = digits[b[i] >> 4];
        *out++ = digits[b[i] & 15];
    }
    *out = '\0';
}

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)al_lower((uint8_t)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int
al_unhex(const char *text, size_t len, uint8_t *out)
{
    if (len % 2 != 0) {
        return AL_EINVAL;
    }
    for (size_t i = 0; i < len; i += 2) {
        int hi = hex_digit(text[i]), lo = hex_digit(text[i + 1]);

        if (hi < 0 || lo < 0) {
            return AL_EINVAL;
        }
        out[i / 2] = (uint8_t)(hi << 4 | lo);
    }
    return AL_OK;
}

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
al_base64(const void *bytes, size_t len, char *out)
{
    const uint8_t *b = bytes;

    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        uint32_t v = (uint32_t)b[i] << 16 | (left > 1 ? (uint32_t)b[i + 1] << 8 : 0) |
                     (left > 2 ? b[i + 2] : 0);

        *out++ = base64_digits[v >> 18];
        *out++ = base64_digits[v >> 12 & 63];
        *out++ = left > 1 ? base64_digits[v >> 6 & 63] : '=';
        *out++ = left > 2 ? base64_digits[v & 63] : '=';
    }
    *out = '\0';
}

static int
base64_digit(char c)
{
    const char *at = c == '\0' ? NULL : strchr(base64_digits, c);

    return at == NULL ? -1 : (int)(at - base64_digits);
}

int
al_unbase64(const char *text, size_t len, struct al_buf *out)
{
    if (len % 4 != 0) {
        return AL_EINVAL;
    }
    for (size_t i = 0; i < len; i += 4) {
        unsigned pad = 0;
        uint32_t v = 0;
        uint8_t three[3];
        int rc;

        for (size_t k = 0; k < 4; k++) {
            int digit = base64_digit(text[i + k]);

            if (digit < 0) {
                /* Padding: only the last one or two characters of the whole text. */
                if (text[i + k] != '=' || i + 4 != len || k < 2) {
                    return AL_EINVAL;
                }
                pad++;
                digit = 0;
            } else if (pad > 0) {
                return AL_EINVAL;
            }
            v = v << 6 | (uint32_t)digit;
        }
        if ((pad == 1 && (v & 0xff) != 0) || (pad == 2 && (v & 0xffff) != 0)) {
            return AL_EINVAL;
        }
        three[0] = (uint8_t)(v >> 16);
        three[1] = (uint8_t)(v >> 8);
        three[2] = (uint8_t)v;
        rc = al_buf_add(out, three, 3 - pad);
        if (rc != AL_OK) {
            return rc;
        }
    }
    return AL_OK;
}

/* The length of the valid UTF-8 sequence at the front, 0 when there is none. */
static size_t
utf8_step(const uint8_t *at, size_t left)
{
    uint32_t c = at[0];
    size_t len;

    if (c < 0x80) {
        return 1;
    }
    if (c >= 0xc2 && c <= 0xdf) {
        len = 2;
        c &= 0x1f;
    } else if (c >= 0xe0 && c <= 0xef) {
        len = 3;
        c &= 0x0f;
    } else if (c >= 0xf0 && c <= 0xf4) {
        len = 4;
        c &= 0x07;
    } else {
        return 0;
    }
    if (left < len) {
        return 0;
    }
    for (size_t i = 1; i < len; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
        c = c << 6 | (at[i] & 0x3f);
    }
    if ((len == 3 && (c < 0x800 || (c >= 0xd800 && c <= 0xdfff))) ||
        (len == 4 && (c < 0x10000 || c > 0x10ffff))) {
        return 0;
    }
    return len;
}

bool
al_utf8_valid(struct al_span s)
{
    for (size_t i = 0; i < s.len;) {
        size_t step = utf8_step(s.at + i, s.len - i);

        if (step == 0) {
            return false;
        }
        i += step;
    }
    return true;
}

int
al_utf8_clean(struct al_span s, struct al_buf *out)
{
    size_t from = 0, i = 0;

    if (s.len == 0) {
        return al_buf_add(out, "", 0); /* an empty span may have no address to count from */
    }

    while (i < s.len) {
        size_t step = utf8_step(s.at + i, s.len - i);
        int rc;

        if (step > 0) {
            i += step;
            continue;
        }
        rc = al_buf_add(out, s.at + from, i - from);
        if (rc == AL_OK) {
            rc = al_buf_add(out, "\xef\xbf\xbd", 3);
        }
        if (rc != AL_OK) {
            return rc;
        }
        i++;
        from = i;
    }
    return al_buf_add(out, s.at + from, s.len - from);
}

static const char id_digits[] = "0123456789abcdefghjkmnpqrstvwxyz";

void
al_id_make(int64_t now_ns, const uint8_t random[10], al_id out)
{
    uint64_t ms = now_ns < 0 ? 0 : (uint64_t)now_ns / 1000000;
    uint8_t bytes[16];
    unsigned __int128 v = 0;

    for (unsigned i = 0; i < 6; i++) {
        bytes[i] = (uint8_t)(ms >> (8 * (5 - i)));
    }
    memcpy(bytes + 6, random, 10);
    for (unsigned i = 0; i < 16; i++) {
        v = v << 8 | bytes[i];
    }
    for (unsigned i = 0; i < AL_ID_LEN; i++) {
        out[AL_ID_LEN - 1 - i] = id_digits[(unsigned)(v & 31)];
        v >>= 5;
    }
    out[AL_ID_LEN] = '\0';
}

bool
al_id_valid(const char *text)
{
    size_t len = 0;

    for (; text[len] != '\0'; len++) {
        if (len == AL_ID_LEN || strchr(id_digits, text[len]) == NULL) {
            return false;
        }
    }
    return len == AL_ID_LEN && text[0] <= '7';
}
