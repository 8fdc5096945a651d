#include "port/x509.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#define NS_PER_S INT64_C(1000000000)
#define DAY_S INT64_C(86400)

static void
key_freep(EVP_PKEY **k)
{
    EVP_PKEY_free(*k);
}

static void
x509_freep(X509 **x)
{
    X509_free(*x);
}

static void
bio_freep(BIO **b)
{
    BIO_free(*b);
}

/* "DNS:alto.example,IP:127.0.0.1"; AL_EINVAL for a name that could carry more than a name. */
static int
alt_names(const char *const *names, size_t count, struct al_buf *out)
{
    uint8_t address[16];
    int rc = AL_OK;

    for (size_t i = 0; rc == AL_OK && i < count; i++) {
        bool number = inet_pton(AF_INET, names[i], address) == 1 ||
                      inet_pton(AF_INET6, names[i], address) == 1;

        if (names[i][0] == '\0' || strpbrk(names[i], ",;/ \n") != NULL) {
            return AL_EINVAL;
        }
        rc = al_buf_addf(out, "%s%s:%s", i == 0 ? "" : ",", number ? "IP" : "DNS", names[i]);
    }
    return rc;
}

static bool
add_extension(X509 *x, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *e;
    bool ok;

    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
    e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    ok = e != NULL && X509_add_ext(x, e, -1) == 1;
    X509_EXTENSION_free(e);
    return ok;
}

static bool
fill(X509 *x, EVP_PKEY *key, const char *name, const char *alt, int64_t now_ns)
{
    time_t now = (time_t)(now_ns / NS_PER_S);
    BIGNUM *serial = BN_new();
    X509_NAME *subject = X509_get_subject_name(x);
    bool ok;

    ok = serial != NULL && BN_rand(serial, 127, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
         BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(x)) != NULL;
    BN_free(serial);
    /* A common name is at most 64 characters; who asks for more goes by the alternative names. */
    return ok && X509_set_version(x, 2) == 1 &&
           X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_UTF8, (const uint8_t *)"Alto", -1, -1,
                                      0) == 1 &&
           X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                      (const uint8_t *)(strlen(name) <= 64 ? name : "altod"), -1,
                                      -1, 0) == 1 &&
           X509_set_issuer_name(x, subject) == 1 &&
           X509_time_adj_ex(X509_getm_notBefore(x), -1, 0, &now) != NULL &&
           X509_time_adj_ex(X509_getm_notAfter(x), (int)PORT_X509_DAYS, 0, &now) != NULL &&
           X509_set_pubkey(x, key) == 1 && add_extension(x, NID_subject_alt_name, alt) &&
           add_extension(x, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(x, NID_key_usage, "critical,digitalSignature") &&
           add_extension(x, NID_ext_key_usage, "serverAuth") &&
           add_extension(x, NID_subject_key_identifier, "hash") &&
           X509_sign(x, key, EVP_sha256()) != 0;
}

static int
fingerprint(X509 *x, char out[PORT_X509_FINGERPRINT_MAX])
{
    uint8_t sum[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    if (X509_digest(x, EVP_sha256(), sum, &len) != 1 || len * 3 > PORT_X509_FINGERPRINT_MAX) {
        return AL_EIO;
    }
    for (unsigned i = 0; i < len; i++) {
        snprintf(out + (size_t)i * 3, 4, "%02X%s", sum[i], i + 1 < len ? ":" : "");
    }
    return AL_OK;
}

static int
take(BIO *from, struct al_buf *to)
{
    char *at;
    long len = BIO_get_mem_data(from, &at);

    return len <= 0 ? AL_EIO : al_buf_add(to, at, (size_t)len);
}

int
port_x509_self_signed(const char *const *names, size_t count, int64_t now_ns,
                      struct al_buf *cert_pem, struct al_buf *key_pem,
                      char ret_fingerprint[PORT_X509_FINGERPRINT_MAX])
{
    AL_CLEANUP(al_buf_free) struct al_buf alt = {.max = 4096};
    AL_CLEANUP(key_freep) EVP_PKEY *key = NULL;
    AL_CLEANUP(x509_freep) X509 *x = NULL;
    AL_CLEANUP(bio_freep) BIO *cert_out = BIO_new(BIO_s_mem());
    AL_CLEANUP(bio_freep) BIO *key_out = BIO_new(BIO_s_mem());
    char print[PORT_X509_FINGERPRINT_MAX];
    int rc;

    rc = count == 0 ? AL_EINVAL : alt_names(names, count, &alt);
    if (rc != AL_OK) {
        return rc;
    }
    key = EVP_EC_gen("P-256");
    x = X509_new();
    if (key == NULL || x == NULL || cert_out == NULL || key_out == NULL) {
        return AL_ENOMEM;
    }
    if (!fill(x, key, names[0], (const char *)alt.at, now_ns) ||
        PEM_write_bio_X509(cert_out, x) != 1 ||
        PEM_write_bio_PKCS8PrivateKey(key_out, key, NULL, NULL, 0, NULL, NULL) != 1) {
        return AL_EIO;
    }
    rc = fingerprint(x, print);
    if (rc == AL_OK) {
        rc = take(cert_out, cert_pem);
    }
    if (rc == AL_OK) {
        rc = take(key_out, key_pem);
    }
    if (rc == AL_OK) {
        memcpy(ret_fingerprint, print, sizeof(print));
    }
    return rc;
}

int
port_x509_look(struct al_span pem, int64_t *ret_until_ns,
               char ret_fingerprint[PORT_X509_FINGERPRINT_MAX])
{
    AL_CLEANUP(bio_freep) BIO *in = NULL;
    AL_CLEANUP(x509_freep) X509 *x = NULL;
    ASN1_TIME *epoch;
    int days, seconds, rc;

    if (pem.len > INT32_MAX) {
        return AL_EINVAL;
    }
    in = BIO_new_mem_buf(pem.at, (int)pem.len);
    x = in == NULL ? NULL : PEM_read_bio_X509(in, NULL, NULL, NULL);
    if (x == NULL) {
        return AL_EINVAL;
    }
    epoch = ASN1_TIME_set(NULL, 0);
    rc = epoch != NULL && ASN1_TIME_diff(&days, &seconds, epoch, X509_get0_notAfter(x)) == 1
             ? fingerprint(x, ret_fingerprint)
             : AL_EINVAL;
    ASN1_TIME_free(epoch);
    if (rc == AL_OK) {
        *ret_until_ns = (days * DAY_S + seconds) * NS_PER_S;
    }
    return rc;
}
