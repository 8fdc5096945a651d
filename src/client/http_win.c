/* http_win.c: requests through WinHTTP, which lies behind port/http.h like everything of the
 * system. */
#include "client/http.h"

#include <string.h>

#include "base/mem.h"
#include "port/http.h"

struct http {
    struct port_http *session;
    char *bearer;
    struct http_reply *reply; /* during a call */
};

static int
on_body(void *ctx, const void *bytes, size_t len)
{
    struct http *h = ctx;

    return al_buf_add(&h->reply->body, bytes, len);
}

int
http_open(const struct http_conf *conf, struct http **ret, struct al_fail *fail)
{
    struct http_url u;
    struct http *h;
    int rc = http_url_parse(conf->url, &u, fail);

    if (rc != AL_OK) {
        return rc;
    }
    h = al_zalloc(sizeof(*h));
    if (h == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    rc = port_http_open(&(struct port_http_conf){.host = u.host,
                                                 .port = u.port,
                                                 .tls = u.tls,
                                                 .loopback = u.loopback,
                                                 .ca_file = conf->ca_file,
                                                 .program = conf->program,
                                                 .connect_ms = HTTP_CONNECT_MS},
                        &h->session, fail);
    if (rc == AL_OK) {
        rc = http_set_bearer(h, conf->bearer);
    }
    if (rc != AL_OK) {
        (void)http_close(h);
        return al_fail_set(fail, rc, 0, "the connection cannot be set up");
    }
    *ret = h;
    return AL_OK;
}

struct http *
http_close(struct http *h)
{
    if (h == NULL) {
        return NULL;
    }
    (void)port_http_close(h->session); /* returns NULL */
    if (h->bearer != NULL) {
        al_wipe(h->bearer, strlen(h->bearer));
    }
    al_free(h->bearer);
    al_free(h);
    return NULL;
}

int
http_set_bearer(struct http *h, const char *bearer)
{
    char *copy = bearer != NULL ? al_strdup(bearer) : NULL;

    if (bearer != NULL && copy == NULL) {
        return AL_ENOMEM;
    }
    if (h->bearer != NULL) {
        al_wipe(h->bearer, strlen(h->bearer));
    }
    al_free(h->bearer);
    h->bearer = copy;
    return AL_OK;
}

void
http_cancel(struct http *h)
{
    port_http_cancel(h->session);
}

static int
header(struct al_buf *to, const char *name, const char *value)
{
    if (value == NULL) {
        return AL_OK;
    }
    if (strpbrk(value, "\r\n") != NULL) {
        return AL_EINVAL;
    }
    return al_buf_addf(to, "%s: %s\r\n", name, value);
}

int
http_call(struct http *h, const struct http_req *req, struct http_reply *r, struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf headers = {0};
    struct port_http_reply got = {0};
    const char *type = req->content_type;
    int rc = AL_OK;

    al_buf_init(&headers, 16u << 10);
    al_buf_clear(&r->body);
    r->status = 0;
    r->etag[0] = r->content_type[0] = '\0';
    r->retry_after_s = 0;
    if (req->sink != NULL) {
        return al_fail_set(fail, AL_ENOTSUP, 0, "downloads of any length do not work here yet");
    }
    h->reply = r;
    if (h->bearer != NULL) {
        rc = al_buf_addf(&headers, "Authorization: Bearer %s\r\n", h->bearer);
    }
    if (type == NULL && req->body.len > 0) {
        type = "application/json";
    }
    rc = rc != AL_OK ? rc : header(&headers, "Content-Type", type);
    rc = rc != AL_OK ? rc : header(&headers, "If-Match", req->if_match);
    rc = rc != AL_OK ? rc : header(&headers, "If-None-Match", req->if_none_match);
    rc = rc != AL_OK ? rc : header(&headers, "Idempotency-Key", req->idempotency_key);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, 0,
                           "the request cannot be made: out of memory, or a bad header");
    }
    rc = port_http_call(h->session,
                        &(struct port_http_req){
                            .method = req->method,
                            .path = req->path,
                            .headers = (const char *)headers.at,
                            .body = req->body,
                            .timeout_ms = req->timeout_ms != 0 ? req->timeout_ms : HTTP_TIMEOUT_MS,
                            .on_body = on_body,
                            .ctx = h},
                        &got, fail);
    h->reply = NULL;
    if (headers.at != NULL) {
        al_wipe(headers.at, headers.len);
    }
    if (rc != AL_OK) {
        return rc;
    }
    r->status = got.status;
    memcpy(r->etag, got.etag, sizeof(r->etag));
    memcpy(r->content_type, got.content_type, sizeof(r->content_type));
    r->retry_after_s = got.retry_after_s;
    return AL_OK;
}
