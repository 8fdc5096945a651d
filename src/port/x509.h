/* x509.h: a key and a certificate that signs itself, for a server that has none from anybody else.
 * OpenSSL on Linux. Any thread. */
#ifndef ALTO_PORT_X509_H
#define ALTO_PORT_X509_H

#include "base/bytes.h"

#define PORT_X509_DAYS 825u /* what browsers still accept */
#define PORT_X509_FINGERPRINT_MAX 96u

/* ECDSA on P-256, valid from a day ago (clocks differ) for PORT_X509_DAYS. names: host names and
 * numeric addresses, at least one; the first is the common name. Appends PEM to both;
 * ret_fingerprint: SHA-256 of the certificate as "AB:CD:…". AL_ENOMEM, AL_EIO. */
int port_x509_self_signed(const char *const *names, size_t count, int64_t now_ns,
                          struct al_buf *cert_pem, struct al_buf *key_pem,
                          char ret_fingerprint[PORT_X509_FINGERPRINT_MAX]) AL_MUST_CHECK;
/* Of the first certificate in a PEM text: until when it is valid, and its fingerprint. AL_EINVAL:
 * none in there. */
int port_x509_look(struct al_span pem, int64_t *ret_until_ns,
                   char ret_fingerprint[PORT_X509_FINGERPRINT_MAX]) AL_MUST_CHECK;

#endif
