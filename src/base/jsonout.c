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

/* The letter behind a backslash, 'u' for \u00XX, 0 for a byte that stands for itself. */
static inline char
escape_of(uint8_t c)
{
    if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f) {
        return '\0';
    }
    switch (c) {
    case '"':
    case '\\':
        return (char)c;
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return 'u';
    }
}

/* s is valid UTF-8. The room is counted first, since asking a buffer for more than its max ends it.
 */
static int
add_escaped(struct al_buf *out, struct al_span s)
{
    static const char digits[] = "0123456789abcdef";
    size_t more = s.len;
    uint8_t *at;
    int rc;

    if (s.len > SIZE_MAX / 8) {
        return AL_ELIMIT;
    }
    for (size_t i = 0; i < s.len; i++) {
        char e = escape_of(s.at[i]);

        more += e == '\0' ? 0 : e == 'u' ? 5 : 1;
    }
    rc = al_buf_reserve(out, more + 2);
    if (rc != AL_OK) {
        return rc;
    }
    at = out->at + out->len;
    *at++ = '"';
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.at[i];
        char e = escape_of(c);

        if (e == '\0') {
            *at++ = c;
            continue;
        }
        *at++ = '\\';
        *at++ = (uint8_t)e;
        if (e == 'u') {
            *at++ = '0';
            *at++ = '0';
            *at++ = (uint8_t)digits[c >> 4];
            *at++ = (uint8_t)digits[c & 15];
        }
    }
    *at++ = '"';
    *at = '\0';
    out->len = (size_t)(at - out->at);
    return AL_OK;
}

static bool
plain_ascii(struct al_span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

void
al_jo_text(struct al_jsonout *j, const char *key, struct al_span text)
{
    AL_CLEANUP(al_buf_free) struct al_buf clean = {0};

    if (text.at == NULL) {
        al_jo_null(j, key);
        return;
    }
    lead(j, key);
    if (j->rc != AL_OK) {
        return;
    }
    if (!plain_ascii(text) && !al_utf8_valid(text)) {
        al_buf_init(&clean, SIZE_MAX / 8);
        j->rc = al_utf8_clean(text, &clean);
        if (j->rc != AL_OK) {
            return;
        }
        text = al_buf_span(&clean);
    }
    j->rc = add_escaped(j->out, text);
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
    if (j->rc != AL_OK ||
        (memchr(bytes.at, 0, bytes.len) == NULL && (plain_ascii(bytes) || al_utf8_valid(bytes)))) {
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
