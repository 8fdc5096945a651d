/* http.h: HTTP as the system brings it along: WinHTTP (port/win/http.c). On Linux there is none;
 * src/client uses libcurl there. One thread at a time but for port_http_cancel. Codes: AL_EUNREACH,
 * AL_ETIMEDOUT, AL_EACCES the certificate was not accepted, AL_ECANCELED, AL_ENOTSUP a ca_file (put
 * the authority's certificate into the machine's store instead), AL_ENOMEM, what on_body
 * returned. */
#ifndef ALTO_PORT_HTTP_H
#define ALTO_PORT_HTTP_H

#include "base/bytes.h"

struct port_http;

struct port_http_conf {
    const char *host;
    uint16_t port;
    bool tls;
    bool loopback;       /* then no proxy is used */
    const char *ca_file; /* NULL: the system's authorities */
    const char *program;
    uint32_t connect_ms;
};
struct port_http_req {
    const char *method;
    const char *path;
    const char *headers; /* whole lines with CR LF; NULL: none */
    struct al_span body;
    uint32_t timeout_ms;
    int (*on_body)(void *ctx, const void *bytes, size_t len);
    void *ctx;
};
struct port_http_reply {
    int status;
    char etag[80];
    char content_type[80];
    uint32_t retry_after_s;
};

int port_http_open(const struct port_http_conf *conf, struct port_http **ret,
                   struct al_fail *fail) AL_MUST_CHECK;
struct port_http *port_http_close(struct port_http *h); /* NULL is fine; returns NULL */
int port_http_call(struct port_http *h, const struct port_http_req *req,
                   struct port_http_reply *ret, struct al_fail *fail) AL_MUST_CHECK;
/* from any thread; the call under way and all later ones end */
void port_http_cancel(struct port_http *h);

#endif
