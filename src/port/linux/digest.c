#include "port/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/mem.h"

struct port_sha256 {
    EVP_MD_CTX *ctx;
};

int
port_sha256_new(struct port_sha256 **ret)
{
    struct port_sha256 *s = al_zalloc(sizeof(*s));

    if (s == NULL) {
        return AL_ENOMEM;
    }
    s->ctx = EVP_MD_CTX_new();
    if (s->ctx == NULL || EVP_DigestInit_ex(s->ctx, EVP_sha256(), NULL) != 1) {
        port_sha256_freep(&s);
        return AL_ENOMEM;
    }
    *ret = s;
    return AL_OK;
}

int
port_sha256_add(struct port_sha256 *s, const void *bytes, size_t len)
{
    return EVP_DigestUpdate(s->ctx, bytes, len) == 1 ? AL_OK : AL_EINTERNAL;
}

int
port_sha256_end(struct port_sha256 *s, uint8_t out[PORT_SHA256_LEN])
{
    return EVP_DigestFinal_ex(s->ctx, out, NULL) == 1 ? AL_OK : AL_EINTERNAL;
}

void
port_sha256_freep(struct port_sha256 **s)
{
    if (*s != NULL) {
        EVP_MD_CTX_free((*s)->ctx);
        al_free(*s);
        *s = NULL;
    }
}

int
port_sha256_of(const void *bytes, size_t len, uint8_t out[PORT_SHA256_LEN])
{
    return EVP_Digest(bytes, len, out, NULL, EVP_sha256(), NULL) == 1 ? AL_OK : AL_ENOMEM;
}

int
port_hmac_sha256(const void *key, size_t key_len, const void *bytes, size_t len,
                 uint8_t out[PORT_SHA256_LEN])
{
    unsigned out_len = PORT_SHA256_LEN;

    if (key_len > INT32_MAX) {
        return AL_EINVAL;
    }
    return HMAC(EVP_sha256(), key, (int)key_len, bytes, len, out, &out_len) != NULL ? AL_OK
                                                                                    : AL_ENOMEM;
}

bool
port_same_secret(const void *a, const void *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}
