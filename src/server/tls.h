/* tls.h: altod's certificate and key: given, or its own. One thread. */
#ifndef ALTO_SERVER_TLS_H
#define ALTO_SERVER_TLS_H

#include "base/bytes.h"
#include "port/port.h"
#include "port/x509.h"

#define TLS_PEM_BYTES_MAX ((size_t)256 << 10)

struct tls {
    struct al_buf cert_pem, key_pem;
    int64_t until_ns;
    char fingerprint[PORT_X509_FINGERPRINT_MAX];
};

void tls_init(struct tls *t);
void tls_end(struct tls *t); /* wipes the key; for AL_CLEANUP */
/* AL_ENOENT, AL_EACCES, AL_EINVAL: no certificate in there, AL_ETIMEDOUT: it is over. */
int tls_load(struct tls *t, struct port *port, const char *cert_file, const char *key_file,
             struct al_fail *fail) AL_MUST_CHECK;
/* From data_dir/tls, made there when there is none or it ends within TLS_RENEW_DAYS. host: the
 * address listened at, "" for all. */
#define TLS_RENEW_DAYS 30
int tls_own(struct tls *t, struct port *port, const char *data_dir, const char *host,
            struct al_fail *fail) AL_MUST_CHECK;

#endif
