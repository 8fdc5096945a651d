/* http.h: requests to altod, for agent and command line. libcurl on Linux (http_curl.c), WinHTTP on
 * Windows (http_win.c).
 *
 *   http_open ─▶ http_call ... ─▶ http_close
 *
 * TLS with verification, always; plain http only to loopback (AL_EINVAL otherwise). Redirects are
 * not followed: they would carry the credential to somebody else. One struct http keeps one
 * connection alive and belongs to one thread; http_cancel alone may come from any. Programs open
 * their first one before they start threads.
 *
 * Codes of http_call: AL_OK whenever the server answered, whatever the status; AL_EUNREACH nobody
 * there or the connection broke (the request may have been carried out all the same), AL_ETIMEDOUT,
 * AL_EACCES the server's certificate was not accepted, AL_ELIMIT the answer is larger than
 * HTTP_REPLY_MAX, AL_ECANCELED, AL_ENOMEM, AL_EIO. */
#ifndef ALTO_CLIENT_HTTP_H
#define ALTO_CLIENT_HTTP_H

#include "base/bytes.h"

#define HTTP_REPLY_MAX (64u << 20) /* bytes of an answer */
#define HTTP_CONNECT_MS 10000u     /* until a connection and its handshake stand */
#define HTTP_TIMEOUT_MS 60000u     /* of a whole call where the request says nothing */
#define HTTP_HOST_MAX 256u

struct http_url {
    bool tls;
    bool loopback;
    char host[HTTP_HOST_MAX]; /* without the brackets of IPv6 */
    uint16_t port;
};
/* "https://HOST[:PORT]" or "http://LOOPBACK[:PORT]", with nothing behind but an optional '/'.
 * AL_EINVAL with the reason in fail. */
int http_url_parse(const char *url, struct http_url *ret, struct al_fail *fail) AL_MUST_CHECK;

struct http;
struct http_conf {
    const char *url;     /* as above */
    const char *ca_file; /* PEM; NULL: the system's authorities */
    const char *bearer;  /* Authorization: Bearer ...; NULL: none */
    const char *program; /* User-Agent, e.g. "alto-agent/0.1.0" */
};

/* conf is copied; nothing is sent */
int http_open(const struct http_conf *conf, struct http **ret, struct al_fail *fail) AL_MUST_CHECK;
struct http *http_close(struct http *h); /* NULL is fine; returns NULL */
void http_closep(struct http **h);
int http_set_bearer(struct http *h, const char *bearer) AL_MUST_CHECK; /* NULL: none */

struct http_req {
    const char *method;
    const char *path; /* "/api/v1/..." with query, percent-encoded (http_escape) */
    struct al_span body;
    const char *content_type; /* NULL: application/json where there is a body */
    const char *if_match;     /* NULL: none; likewise below */
    const char *if_none_match;
    const char *idempotency_key;
    uint32_t timeout_ms; /* 0: HTTP_TIMEOUT_MS */
    /* Takes the bytes of an answer below 300 as they come, so that it may be of any length; other
     * answers still come in reply.body. Anything but AL_OK ends the call and is what it returns.
     * NULL: none. AL_ENOTSUP on Windows. */
    int (*sink)(void *ctx, const void *bytes, size_t len);
    void *sink_ctx;
};
struct http_reply {
    int status;
    struct al_buf body;
    char etag[80];         /* as sent, with quotes; "" where none */
    char content_type[80]; /* "" where none */
    uint32_t retry_after_s;
};
void http_reply_init(struct http_reply *r);
void http_reply_end(struct http_reply *r); /* usable with AL_CLEANUP */

/* r is emptied first. */
int http_call(struct http *h, const struct http_req *req, struct http_reply *r,
              struct al_fail *fail) AL_MUST_CHECK;
/* From any thread: the call under way and all later ones end at once with AL_ECANCELED. */
void http_cancel(struct http *h);

/* Appends bytes percent-encoded for a path part or query value. */
int http_escape(struct al_buf *to, struct al_span bytes) AL_MUST_CHECK;

#endif
