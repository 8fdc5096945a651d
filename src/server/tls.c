#include "server/tls.h"

#include <string.h>

#include "base/mem.h"

#define DAY_NS (INT64_C(86400) * 1000000000)

void
tls_init(struct tls *t)
{
    memset(t, 0, sizeof(*t));
    al_buf_init(&t->cert_pem, TLS_PEM_BYTES_MAX);
    al_buf_init(&t->key_pem, TLS_PEM_BYTES_MAX);
}

void
tls_end(struct tls *t)
{
    if (t->key_pem.at != NULL) {
        al_wipe(t->key_pem.at, t->key_pem.len);
    }
    al_buf_free(&t->key_pem);
    al_buf_free(&t->cert_pem);
}

static int
read_pem(struct port *port, struct port_file *dir, const char *name, struct al_buf *to,
         struct al_fail *fail)
{
    int rc = port_read_file(port, dir, name, TLS_PEM_BYTES_MAX, to);

    /* A line end inside is no problem, a NUL is: the library takes texts. */
    if (rc == AL_OK && (to->len == 0 || strlen((const char *)to->at) != to->len)) {
        return al_fail_set(fail, AL_EINVAL, 0, "%.180s is no PEM file", name);
    }
    return rc == AL_OK ? AL_OK
                       : al_fail_set(fail, rc, port_os_error(port), "cannot read %.180s: %s", name,
                                     al_code_name(rc));
}

static int
look(struct tls *t, struct port *port, const char *name, struct al_fail *fail)
{
    if (port_x509_look(al_buf_span(&t->cert_pem), &t->until_ns, t->fingerprint) != AL_OK) {
        return al_fail_set(fail, AL_EINVAL, 0, "there is no certificate in %.150s", name);
    }
    return AL_OK;
}

int
tls_load(struct tls *t, struct port *port, const char *cert_file, const char *key_file,
         struct al_fail *fail)
{
    int rc = read_pem(port, NULL, cert_file, &t->cert_pem, fail);

    if (rc == AL_OK) {
        rc = read_pem(port, NULL, key_file, &t->key_pem, fail);
    }
    if (rc == AL_OK && strstr((const char *)t->key_pem.at, "PRIVATE KEY-----") == NULL) {
        rc = al_fail_set(fail, AL_EINVAL, 0, "there is no private key in %.150s", key_file);
    }
    if (rc == AL_OK) {
        rc = look(t, port, cert_file, fail);
    }
    if (rc == AL_OK && t->until_ns < port_now_ns(port)) {
        rc = al_fail_set(fail, AL_ETIMEDOUT, 0, "the certificate in %.150s is over; renew it",
                         cert_file);
    }
    return rc;
}

static int
make(struct tls *t, struct port *port, struct port_file *dir, const char *host,
     struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf name = {.max = 256};
    const char *names[5];
    size_t count = 0;
    int rc;

    al_buf_clear(&t->cert_pem);
    al_buf_clear(&t->key_pem);
    rc = port_hostname(port, &name);
    if (rc == AL_OK && name.len > 0 && strcmp((const char *)name.at, "localhost") != 0) {
        names[count++] = (const char *)name.at;
    }
    names[count++] = "localhost";
    names[count++] = "127.0.0.1";
    names[count++] = "::1";
    if (host[0] != '\0' && strcmp(host, "127.0.0.1") != 0 && strcmp(host, "::1") != 0) {
        names[count++] = host;
    }
    rc = port_x509_self_signed(names, count, port_now_ns(port), &t->cert_pem, &t->key_pem,
                               t->fingerprint);
    /* No certificate, then the key, then its certificate: a pair that does not fit is never there.
     */
    if (rc == AL_OK) {
        rc = port_unlink(port, dir, "cert.pem");
        rc = rc == AL_ENOENT ? AL_OK : rc;
    }
    if (rc == AL_OK) {
        rc = port_write_file(port, dir, "key.pem", t->key_pem.at, t->key_pem.len, 0600);
    }
    if (rc == AL_OK) {
        rc = port_write_file(port, dir, "cert.pem", t->cert_pem.at, t->cert_pem.len, 0600);
    }
    return rc == AL_OK ? look(t, port, "cert.pem", fail)
                       : al_fail_set(fail, rc, port_os_error(port),
                                     "cannot make a certificate of its own: %s", al_code_name(rc));
}

int
tls_own(struct tls *t, struct port *port, const char *data_dir, const char *host,
        struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf path = {.max = 4096};
    AL_CLEANUP(port_holder_end) struct port_holder dir = {port, NULL};
    struct al_fail quiet = {0};
    int rc;

    rc = al_buf_addf(&path, "%s/tls", data_dir);
    if (rc == AL_OK) {
        rc = port_mkdirs(port, (const char *)path.at, 0700);
    }
    if (rc == AL_OK) {
        rc = port_open(port, NULL, (const char *)path.at, PORT_READ | PORT_FOLDER, 0, &dir.file);
    }
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(port), "cannot make %.150s/tls: %s", data_dir,
                           al_code_name(rc));
    }
    rc = read_pem(port, dir.file, "cert.pem", &t->cert_pem, &quiet);
    if (rc == AL_OK) {
        rc = read_pem(port, dir.file, "key.pem", &t->key_pem, &quiet);
    }
    if (rc == AL_OK) {
        rc = look(t, port, "cert.pem", &quiet);
    }
    if (rc == AL_OK && t->until_ns > port_now_ns(port) + TLS_RENEW_DAYS * DAY_NS) {
        return AL_OK;
    }
    if (rc == AL_OK || rc == AL_ENOENT) {
        return make(t, port, dir.file, host, fail);
    }
    return al_fail_set(fail, rc, quiet.os, "%s (in %.100s/tls; remove it to have a new one made)",
                       quiet.text, data_dir);
}
