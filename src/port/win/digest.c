#include <string.h>

#include <windows.h>

#include <bcrypt.h>

#include "base/mem.h"
#include "port/digest.h"

struct port_sha256 {
    BCRYPT_HASH_HANDLE hash;
};

/* The pseudo handles of bcrypt.h need no opening, but Wine 8 does not know them: the algorithm is
 * opened per digest, which is cached by the system. */
static int
hash_new(const void *key, size_t key_len, BCRYPT_ALG_HANDLE *ret_alg, BCRYPT_HASH_HANDLE *ret)
{
    if (BCryptOpenAlgorithmProvider(ret_alg, BCRYPT_SHA256_ALGORITHM, NULL,
                                    key != NULL ? BCRYPT_ALG_HANDLE_HMAC_FLAG : 0) != 0) {
        return AL_ENOMEM;
    }
    if (BCryptCreateHash(*ret_alg, ret, NULL, 0, (PUCHAR)(uintptr_t)key, (ULONG)key_len, 0) != 0) {
        (void)BCryptCloseAlgorithmProvider(*ret_alg, 0);
        return AL_ENOMEM;
    }
    return AL_OK;
}

struct sha256_full {
    struct port_sha256 s;
    BCRYPT_ALG_HANDLE alg;
};

int
port_sha256_new(struct port_sha256 **ret)
{
    struct sha256_full *f = al_zalloc(sizeof(*f));
    int rc;

    if (f == NULL) {
        return AL_ENOMEM;
    }
    rc = hash_new(NULL, 0, &f->alg, &f->s.hash);
    if (rc != AL_OK) {
        al_free(f);
        return rc;
    }
    *ret = &f->s;
    return AL_OK;
}

int
port_sha256_add(struct port_sha256 *s, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;

    while (len > 0) {
        ULONG part = len > (1u << 30) ? 1u << 30 : (ULONG)len;

        if (BCryptHashData(s->hash, (PUCHAR)(uintptr_t)at, part, 0) != 0) {
            return AL_EINTERNAL;
        }
        at += part;
        len -= part;
    }
    return AL_OK;
}

int
port_sha256_end(struct port_sha256 *s, uint8_t out[PORT_SHA256_LEN])
{
    return BCryptFinishHash(s->hash, out, PORT_SHA256_LEN, 0) == 0 ? AL_OK : AL_EINTERNAL;
}

void
port_sha256_freep(struct port_sha256 **s)
{
    if (*s != NULL) {
        struct sha256_full *f = (struct sha256_full *)*s;

        (void)BCryptDestroyHash(f->s.hash);
        (void)BCryptCloseAlgorithmProvider(f->alg, 0);
        al_free(f);
        *s = NULL;
    }
}

int
port_sha256_of(const void *bytes, size_t len, uint8_t out[PORT_SHA256_LEN])
{
    AL_CLEANUP(port_sha256_freep) struct port_sha256 *s = NULL;
    int rc = port_sha256_new(&s);

    if (rc == AL_OK) {
        rc = port_sha256_add(s, bytes, len);
    }
    return rc == AL_OK ? port_sha256_end(s, out) : rc;
}

int
port_hmac_sha256(const void *key, size_t key_len, const void *bytes, size_t len,
                 uint8_t out[PORT_SHA256_LEN])
{
    struct sha256_full f = {0};
    int rc = hash_new(key, key_len, &f.alg, &f.s.hash);

    if (rc != AL_OK) {
        return rc;
    }
    rc = port_sha256_add(&f.s, bytes, len);
    if (rc == AL_OK) {
        rc = port_sha256_end(&f.s, out);
    }
    (void)BCryptDestroyHash(f.s.hash);
    (void)BCryptCloseAlgorithmProvider(f.alg, 0);
    return rc;
}

bool
port_same_secret(const void *a, const void *b, size_t len)
{
    const uint8_t *x = a, *y = b;
    volatile uint8_t diff = 0;

    for (size_t i = 0; i < len; i++) {
        diff = (uint8_t)(diff | (x[i] ^ y[i]));
    }
    return diff == 0;
}
