#include "base/jsonout.h"

#include "base/mem.h"
#include "base/text.h"

#include <string.h>

void
al_jo_begin(struct al_jsonout *j, struct al_buf *out)
{
    *j = (struct al_jsonout){.out = out};
}

int
al_jo_end(struct al_jsonout *j)
{
    if (j->rc == AL_OK && j->depth != 0) {
        j->rc = AL_EINTERNAL;
    }
    return j->rc;
}

static void
put(struct al_jsonout *j, const void *bytes, size_t len)
{
    if (j->rc == AL_OK) {
        j->rc = al_buf_add(j->out, bytes, len);
    }
}

/* Comma and key; afterwards a value follows. */
static void
lead(struct al_jsonout *j, const char *key)
{
    size_t len = key != NULL ? strlen(key) : 0;
    uint8_t *at;

    if (j->rc != AL_OK) {
        return;
    }
    j->rc = al_buf_reserve(j->out, (j->comma ? 1 : 0) + (key != NULL ? len + 3 : 0));
    if (j->rc != AL_OK) {
        return;
    }
    at = j->out->at + j->out->len;
    if (j->comma) {
        *at++ = ',';
    }
    if (key != NULL) {
        *at++ = '"';
        memcpy(at, key, len);
        at += len;
        *at++ = '"';
        *at++ = ':';
    }
    *at = '\0';
    j->out->len = (size_t)(at - j->out->at);
    j->comma = true;
}

static void
open_level(struct al_jsonout *j, const char *key, bool array)
{
    lead(j, key);
    if (j->rc == AL_OK && j->depth == AL_JO_DEPTH_MAX) {
        j->rc = AL_ELIMIT;
    }
    if (j->rc != AL_OK) {
        return;
    }
    put(j, array ? "[" : "{", 1);
    j->arrays = array ? j->arrays | 1u << j->depth : j->arrays & ~(1u << j->depth);
    j->depth++;
    j->comma = false;
}

void
al_jo_object(struct al_jsonout *j, const char *key)
{
    open_level(j, key, false);
}

void
al_jo_array(struct al_jsonout *j, const char *key)
{
    open_level(j, key, true);
}

void
al_jo_close(struct al_jsonout *j)
{
    if (j->rc == AL_OK && j->depth == 0) {
        j->rc = AL_EINTERNAL;
    }
    if (j->rc != AL_OK) {
        return;
    }
    j->depth--;
    put(j, (j->arrays >> j->depth & 1u) != 0 ? "]" : "}", 1);
    j->comma = true;
}

/* What a byte is to JSON: 0 stands for itself; a letter comes behind a backslash, 'u' means \u00XX;
 * 1 is part of UTF-8 that wants checking. */
static const uint8_t kinds[256] = {
    [0x00 ... 0x08] = 'u', ['\t'] = 't', ['\n'] = 'n',  [0x0b ... 0x0c] = 'u', ['\r'] = 'r',
    [0x0e ... 0x1f] = 'u', ['"'] = '"',  ['\\'] = '\\', [0x7f] = 'u',          [0x80 ... 0xff] = 1,
};

static uint8_t *
put_escaped(uint8_t *at, uint8_t c)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t e = kinds[c];

    if (e <= 1) {
        *at++ = c;
        return at;
    }
    *at++ = '\\';
    *at++ = e;
    if (e == 'u') {
        *at++ = '0';
        *at++ = '0';
        *at++ = (uint8_t)digits[c >> 4];
        *at++ = (uint8_t)digits[c & 15];
    }
    return at;
}

/* s is valid UTF-8; `more` bytes are what its escapes add. Asking a buffer for more than its max
 * ends it, so this asks for exactly what it needs. */
static int
add_quoted(struct al_buf *out, struct al_span s, size_t more)
{
    uint8_t *at;
    int rc = s.len > SIZE_MAX / 8 ? AL_ELIMIT : al_buf_reserve(out, s.len + more + 2);

    if (rc != AL_OK) {
        return rc;
    }
    at = out->at + out->len;
    *at++ = '"';
    if (more == 0) {
        memcpy(at, s.at, s.len);
        at += s.len;
    } else {
        for (size_t i = 0; i < s.len; i++) {
            at = put_escaped(at, s.at[i]);
        }
    }
    *at++ = '"';
    *at = '\0';
    out->len = (size_t)(at - out->at);
    return AL_OK;
}

/* Bytes that escapes add; *ret_ascii tells whether all are ASCII. */
static size_t
look_at(struct al_span s, bool *ret_ascii)
{
    size_t more = 0;
    bool ascii = true;

    for (size_t i = 0; i < s.len; i++) {
        uint8_t e = kinds[s.at[i]];

        if (e != 0) {
            ascii = ascii && e != 1;
            more += e == 1 ? 0 : e == 'u' ? 5 : 1;
        }
    }
    *ret_ascii = ascii;
    return more;
}

/* What no reader of JSON has trouble with: jansson takes no document with a NUL in it, whatever else it holds. */
static int
cleaned(struct al_span text, struct al_buf *to)
{
    static const char none[] = "\xef\xbf\xbd";
    const uint8_t *nul;
    int rc = AL_OK;

    while (rc == AL_OK && (nul = memchr(text.at, 0, text.len)) != NULL) {
        size_t len = (size_t)(nul - text.at);

        rc = al_utf8_clean((struct al_span){text.at, len}, to);
        rc = rc != AL_OK ? rc : al_buf_add(to, none, sizeof none - 1);
        text.at += len + 1;
        text.len -= len + 1;
    }
    return rc != AL_OK ? rc : al_utf8_clean(text, to);
}

void
al_jo_text(struct al_jsonout *j, const char *key, struct al_span text)
{
    AL_CLEANUP(al_buf_free) struct al_buf clean = {0};
    bool ascii, nul;
    size_t more;

    if (text.at == NULL) {
        al_jo_null(j, key);
        return;
    }
    lead(j, key);
    if (j->rc != AL_OK) {
        return;
    }
    more = look_at(text, &ascii);
    nul = more > 0 && memchr(text.at, 0, text.len) != NULL;
    if (nul || (!ascii && !al_utf8_valid(text))) {
        al_buf_init(&clean, SIZE_MAX / 8);
        j->rc = cleaned(text, &clean);
        if (j->rc != AL_OK) {
            return;
        }
        text = al_buf_span(&clean);
        more = nul ? look_at(text, &ascii) : more;
    }
    j->rc = add_quoted(j->out, text, more);
}

void
al_jo_str(struct al_jsonout *j, const char *key, const char *text)
{
    if (text == NULL) {
        al_jo_null(j, key);
    } else {
        al_jo_text(j, key, (struct al_span){(const uint8_t *)text, strlen(text)});
    }
}

static void
put_number(struct al_jsonout *j, const char *key, uint64_t v, bool minus)
{
    char text[24];
    size_t at = sizeof text;

    do {
        text[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v != 0);
    if (minus) {
        text[--at] = '-';
    }
    lead(j, key);
    put(j, text + at, sizeof text - at);
}

void
al_jo_u64(struct al_jsonout *j, const char *key, uint64_t v)
{
    put_number(j, key, v, false);
}

void
al_jo_i64(struct al_jsonout *j, const char *key, int64_t v)
{
    put_number(j, key, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, v < 0);
}

void
al_jo_bool(struct al_jsonout *j, const char *key, bool v)
{
    lead(j, key);
    put(j, v ? "true" : "false", v ? 4 : 5);
}

void
al_jo_null(struct al_jsonout *j, const char *key)
{
    lead(j, key);
    put(j, "null", 4);
}

void
al_jo_time(struct al_jsonout *j, const char *key, int64_t ns)
{
    char text[AL_TIME_TEXT_MAX + 2];

    if (ns == 0) {
        al_jo_null(j, key);
        return;
    }
    al_time_text(ns, text);
    al_jo_str(j, key, text);
}

void
al_jo_hex(struct al_jsonout *j, const char *key, struct al_span bytes)
{
    if (bytes.at == NULL) {
        al_jo_null(j, key);
        return;
    }
    lead(j, key);
    put(j, "\"", 1);
    if (j->rc == AL_OK) {
        j->rc = bytes.len > SIZE_MAX / 4 ? AL_ELIMIT : al_buf_reserve(j->out, bytes.len * 2 + 1);
    }
    if (j->rc == AL_OK) {
        al_hex(bytes.at, bytes.len, (char *)j->out->at + j->out->len);
        j->out->len += bytes.len * 2;
    }
    put(j, "\"", 1);
}

void
al_jo_bytes(struct al_jsonout *j, const char *key, struct al_span bytes)
{
    char b64_key[64];
    char *text;
    size_t len = strlen(key);

    if (bytes.at == NULL) {
        bytes = (struct al_span){(const uint8_t *)"", 0};
    }
    al_jo_text(j, key, bytes);
    if (j->rc != AL_OK || (memchr(bytes.at, 0, bytes.len) == NULL && al_utf8_valid(bytes))) {
        return;
    }
    if (len + sizeof "_b64" > sizeof b64_key || bytes.len > SIZE_MAX / 4) {
        j->rc = AL_ELIMIT;
        return;
    }
    memcpy(b64_key, key, len);
    memcpy(b64_key + len, "_b64", sizeof "_b64");
    text = al_alloc(4 * ((bytes.len + 2) / 3) + 1);
    if (text == NULL) {
        j->rc = AL_ENOMEM;
        return;
    }
    al_base64(bytes.at, bytes.len, text);
    al_jo_str(j, b64_key, text);
    al_free(text);
}

void
al_jo_raw(struct al_jsonout *j, const char *key, struct al_span json)
{
    lead(j, key);
    put(j, json.at, json.len);
}
