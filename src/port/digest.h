/* digest.h: SHA-256 and HMAC (OpenSSL on Linux, BCrypt on Windows). Any thread; a state belongs to
 * one at a time. */
#ifndef ALTO_PORT_DIGEST_H
#define ALTO_PORT_DIGEST_H

#include "base/result.h"

#define PORT_SHA256_LEN 32

struct port_sha256;

int port_sha256_new(struct port_sha256 **ret) AL_MUST_CHECK; /* AL_ENOMEM */
int port_sha256_add(struct port_sha256 *s, const void *bytes, size_t len) AL_MUST_CHECK;
int port_sha256_end(struct port_sha256 *s, uint8_t out[PORT_SHA256_LEN]) AL_MUST_CHECK; /* once */
void port_sha256_freep(struct port_sha256 **s);

int port_sha256_of(const void *bytes, size_t len, uint8_t out[PORT_SHA256_LEN]) AL_MUST_CHECK;
int port_hmac_sha256(const void *key, size_t key_len, const void *bytes, size_t len,
                     uint8_t out[PORT_SHA256_LEN]) AL_MUST_CHECK;
/* time does not depend on the content */
bool port_same_secret(const void *a, const void *b, size_t len);

#endif
