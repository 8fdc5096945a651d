/* text.h: numbers, sizes, hex, base64, identifiers, UTF-8 and RFC 3339 times as text. No locale
 * anywhere. Any thread. */
#ifndef ALTO_BASE_TEXT_H
#define ALTO_BASE_TEXT_H

#include "base/bytes.h"

/* Whole string must be the number; AL_EINVAL otherwise (sign, blanks, overflow included). */
int al_parse_u64(const char *text, uint64_t *ret) AL_MUST_CHECK;
int al_parse_i64(const char *text, int64_t *ret) AL_MUST_CHECK;
/* "10MB", "4096", "1.5 TiB": B, kB/KB, MB, GB, TB (1000) and KiB, MiB, GiB, TiB (1024),
 * case-insensitive. */
int al_parse_size(const char *text, uint64_t *ret_bytes) AL_MUST_CHECK;

/* out must hold 2 * len + 1. */
void al_hex(const void *bytes, size_t len, char *out);
/* out: len / 2 bytes; AL_EINVAL */
int al_unhex(const char *text, size_t len, uint8_t *out) AL_MUST_CHECK;
/* Standard alphabet with padding. out must hold 4 * ((len + 2) / 3) + 1. */
void al_base64(const void *bytes, size_t len, char *out);
/* Appends the decoded bytes; AL_EINVAL on anything that is not canonical base64. */
int al_unbase64(const char *text, size_t len, struct al_buf *out) AL_MUST_CHECK;

/* strict: no surrogates, no overlong forms, at most U+10FFFF */
bool al_utf8_valid(struct al_span s);
/* Appends s as valid UTF-8: each byte that does not belong becomes U+FFFD. */
int al_utf8_clean(struct al_span s, struct al_buf *out) AL_MUST_CHECK;

/* RFC 3339 in UTC with the shortest fraction: "2026-11-23T08:30:00Z", "…00.000000001Z". out must
 * hold AL_TIME_TEXT_MAX. */
#define AL_TIME_TEXT_MAX 40
void al_time_text(int64_t ns_since_1970, char *out);
/* Accepts RFC 3339 with any offset and up to nine fraction digits. AL_EINVAL. Range: years 1678 to
 * 2261. */
int al_time_parse(const char *text, int64_t *ret_ns) AL_MUST_CHECK;

/* Identifiers of all nouns: 26 characters of Crockford base32 in lower case (ULID: 48 bits of
 * milliseconds, 80 random bits), so that they sort by time. */
#define AL_ID_LEN 26
typedef char al_id[AL_ID_LEN + 1];
void al_id_make(int64_t now_ns, const uint8_t random[10], al_id out);
bool al_id_valid(const char *text);

#endif
