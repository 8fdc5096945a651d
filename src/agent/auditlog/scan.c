#include "agent/auditlog/scan.h"

#include <string.h>

/* Sixteen bytes at a time, as the compiler has them for any processor. */
typedef uint8_t bytes16 __attribute__((vector_size(16)));
typedef uint64_t words2 __attribute__((vector_size(16)));

static bool
is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool
is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

void
scan_blank(struct scan *s)
{
    while (s->at < s->end && is_blank(*s->at)) {
        s->at++;
    }
}

uint8_t
scan_peek(struct scan *s)
{
    if (s->at<s->end && * s->at> ' ') {
        return *s->at;
    }
    scan_blank(s);
    return s->at < s->end ? *s->at : 0;
}

bool
scan_byte(struct scan *s, uint8_t byte)
{
    if (scan_peek(s) != byte || s->at == s->end) {
        return false;
    }
    s->at++;
    return true;
}

/* The bytes in memory's order, the first one lowest. */
static uint64_t
in_order(uint64_t word)
{
    return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap64(word) : word;
}

/* How many bytes lie before the first that is not zero; 16: all of them. */
static unsigned
before(bytes16 v)
{
    words2 w;

    memcpy(&w, &v, sizeof(w));
    if (w[0] != 0) {
        return (unsigned)__builtin_ctzll(in_order(w[0])) / 8;
    }
    return w[1] != 0 ? 8 + (unsigned)__builtin_ctzll(in_order(w[1])) / 8 : 16;
}

static bytes16
is_stop(bytes16 v)
{
    return (bytes16)((v == '"') | (v == '\\') | (v < 0x20));
}

const uint8_t *
scan_plain(const uint8_t *at, const uint8_t *end)
{
    while (end - at >= 16) {
        bytes16 v;
        unsigned n;

        memcpy(&v, at, sizeof(v));
        n = before(is_stop(v));
        at += n;
        if (n < 16) {
            return at;
        }
    }
    while (at < end && *at != '"' && *at != '\\' && *at >= 0x20) {
        at++;
    }
    return at;
}

const uint8_t *
scan_plain_path(const uint8_t *at, const uint8_t *end, bool *ret_odd)
{
    bytes16 odd = {0};
    words2 w;

    while (end - at > 16) {
        bytes16 v, next;
        unsigned n;

        memcpy(&v, at, sizeof(v));
        memcpy(&next, at + 1, sizeof(next));
        odd |= (bytes16)((v == '/') & ((next == '/') | (next == '.') | (next == '"')));
        n = before(is_stop(v));
        at += n;
        if (n < 16) {
            memcpy(&w, &odd, sizeof(w));
            *ret_odd = (w[0] | w[1]) != 0;
            return at;
        }
    }
    *ret_odd = true; /* near the piece's end: not looked for */
    return scan_plain(at, end);
}

bool
scan_digits8(const uint8_t *at, uint64_t *io)
{
    uint64_t v;

    memcpy(&v, at, sizeof(v));
    v = in_order(v) - UINT64_C(0x3030303030303030);
    /* Above nine, or borrowed: some high half is not zero, or becomes so. */
    if (((v | (v + UINT64_C(0x0606060606060606))) & UINT64_C(0xf0f0f0f0f0f0f0f0)) != 0) {
        return false;
    }
    /* Neighbours together: tens and ones, then hundreds, then ten thousands. */
    v = (v * 10 + (v >> 8)) & UINT64_C(0x00ff00ff00ff00ff);
    v = (v * 100 + (v >> 16)) & UINT64_C(0x0000ffff0000ffff);
    v = (v * 10000 + (v >> 32)) & UINT64_C(0xffffffff);
    *io = *io * UINT64_C(100000000) + v;
    return true;
}

static bool
is_hex(uint8_t c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Behind a backslash. */
static bool
scan_escape(struct scan *s)
{
    if (s->at == s->end) {
        return false;
    }
    switch (*s->at++) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return true;
    case 'u':
        if (s->end - s->at < 4) {
            return false;
        }
        for (int i = 0; i < 4; i++) {
            if (!is_hex(*s->at++)) {
                return false;
            }
        }
        return true;
    default:
        return false;
    }
}

bool
scan_string(struct scan *s, struct scan_text *ret)
{
    const uint8_t *begin;

    if (!scan_byte(s, '"')) {
        return false;
    }
    begin = s->at;
    ret->escaped = false;
    for (;;) {
        s->at = scan_plain(s->at, s->end);
        if (s->at == s->end || *s->at < 0x20) {
            return false;
        }
        if (*s->at++ == '"') {
            ret->raw = (struct al_span){begin, (size_t)(s->at - 1 - begin)};
            return true;
        }
        ret->escaped = true;
        if (!scan_escape(s)) {
            return false;
        }
    }
}

static bool
scan_digits(struct scan *s)
{
    const uint8_t *begin = s->at;

    while (s->at < s->end && is_digit(*s->at)) {
        s->at++;
    }
    return s->at > begin;
}

bool
scan_number(struct scan *s, struct al_span *ret)
{
    const uint8_t *begin;

    (void)scan_peek(s);
    begin = s->at;
    if (s->at < s->end && *s->at == '-') {
        s->at++;
    }
    if (s->at < s->end && *s->at == '0') {
        s->at++;
    } else if (!scan_digits(s)) {
        return false;
    }
    if (s->at < s->end && *s->at == '.') {
        s->at++;
        if (!scan_digits(s)) {
            return false;
        }
    }
    if (s->at < s->end && (*s->at == 'e' || *s->at == 'E')) {
        s->at++;
        if (s->at < s->end && (*s->at == '+' || *s->at == '-')) {
            s->at++;
        }
        if (!scan_digits(s)) {
            return false;
        }
    }
    *ret = (struct al_span){begin, (size_t)(s->at - begin)};
    return true;
}

static bool
scan_word(struct scan *s, const char *word)
{
    size_t len = strlen(word);

    if ((size_t)(s->end - s->at) < len || memcmp(s->at, word, len) != 0) {
        return false;
    }
    s->at += len;
    return true;
}

/* Behind the opening bracket. */
static bool
scan_members(struct scan *s, unsigned depth, bool object)
{
    const uint8_t close = object ? '}' : ']';
    struct scan_text key;

    if (scan_byte(s, close)) {
        return true;
    }
    do {
        if (object && (!scan_string(s, &key) || !scan_byte(s, ':'))) {
            return false;
        }
        if (!scan_value(s, depth)) {
            return false;
        }
    } while (scan_byte(s, ','));
    return scan_byte(s, close);
}

bool
scan_value(struct scan *s, unsigned depth)
{
    struct scan_text text;
    struct al_span number;

    switch (scan_peek(s)) {
    case '"':
        return scan_string(s, &text);
    case '{':
    case '[':
        if (depth == 0) {
            return false;
        }
        return scan_members(s, depth - 1, *s->at++ == '{');
    case 't':
        return scan_word(s, "true");
    case 'f':
        return scan_word(s, "false");
    case 'n':
        return scan_word(s, "null");
    default:
        return scan_number(s, &number);
    }
}

static uint32_t
hex4(const uint8_t *at)
{
    uint32_t v = 0;

    for (int i = 0; i < 4; i++) {
        uint8_t c = at[i];

        v = v << 4 | (uint32_t)(is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return v;
}

static uint8_t *
put_utf8(uint8_t *to, uint32_t c)
{
    if (c < 0x80) {
        *to++ = (uint8_t)c;
    } else if (c < 0x800) {
        *to++ = (uint8_t)(0xc0 | c >> 6);
        *to++ = (uint8_t)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        *to++ = (uint8_t)(0xe0 | c >> 12);
        *to++ = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        *to++ = (uint8_t)(0x80 | (c & 0x3f));
    } else {
        *to++ = (uint8_t)(0xf0 | c >> 18);
        *to++ = (uint8_t)(0x80 | (c >> 12 & 0x3f));
        *to++ = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        *to++ = (uint8_t)(0x80 | (c & 0x3f));
    }
    return to;
}

/* \uXXXX, and its other half where there is one; `at` stands behind the u. */
static const uint8_t *
take_u(const uint8_t *at, const uint8_t *end, uint32_t *ret)
{
    uint32_t c = hex4(at), low;

    at += 4;
    if (c >= 0xd800 && c < 0xdc00 && end - at >= 6 && at[0] == '\\' && at[1] == 'u') {
        low = hex4(at + 2);
        if (low >= 0xdc00 && low < 0xe000) {
            c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
            at += 6;
        }
    }
    *ret = c;
    return at;
}

size_t
scan_unescape(const struct scan_text *t, uint8_t *to)
{
    static const char from[] = "bfnrt", plain[] = "\b\f\n\r\t";
    const uint8_t *at = t->raw.at, *end = at + t->raw.len;
    uint8_t *begin = to;

    while (at < end) {
        const uint8_t *stop = memchr(at, '\\', (size_t)(end - at));
        size_t len = (size_t)((stop != NULL ? stop : end) - at);
        const char *one;
        uint32_t c;

        memmove(to, at, len);
        to += len;
        at += len;
        if (stop == NULL) {
            break;
        }
        c = at[1];
        at += 2;
        one = strchr(from, (int)c);
        if (c == 'u') {
            at = take_u(at, end, &c);
        } else if (one != NULL) {
            c = (uint8_t)plain[one - from];
        }
        to = put_utf8(to, c);
    }
    return (size_t)(to - begin);
}
