/* scan.h: JSON by RFC 8259, looked at where it lies: what parse.c is made of. A scan never reads at or
 * behind its end. All functions leave `at` behind what they took, and return false where it is not
 * what it should be; `at` is then anywhere. Any thread, one scan each. */
#ifndef ALTO_AGENT_AUDITLOG_SCAN_H
#define ALTO_AGENT_AUDITLOG_SCAN_H

#include "base/bytes.h"

struct scan {
    const uint8_t *at, *end;
};
struct scan_text {
    struct al_span raw; /* between the quotes */
    bool escaped;
};

void scan_blank(struct scan *s);
/* The next byte that is no blank, not taken; 0 at the end. */
uint8_t scan_peek(struct scan *s);
/* Takes that byte if it is this one. */
bool scan_byte(struct scan *s, uint8_t byte);
bool scan_string(struct scan *s, struct scan_text *ret);
/* -1.5e3, as written. */
bool scan_number(struct scan *s, struct al_span *ret);
/* Any value; depth: how many objects and arrays more may lie in each other. */
bool scan_value(struct scan *s, unsigned depth);
/* The text without its escapes, written to `to`, which has room for raw.len bytes. Halves of surrogate
 * pairs become three bytes each, as UTF-8 would have them. Returns how many bytes. */
size_t scan_unescape(const struct scan_text *t, uint8_t *to);
/* Where the first quote, backslash or control character is, or `end`. */
const uint8_t *scan_plain(const uint8_t *at, const uint8_t *end);
/* Likewise. *ret_odd false: up to there no slash has a slash, a dot or a quote behind it. */
const uint8_t *scan_plain_path(const uint8_t *at, const uint8_t *end, bool *ret_odd);
/* Eight bytes at `at`, if they are digits, added at the end of *io. */
bool scan_digits8(const uint8_t *at, uint64_t *io);

#endif
