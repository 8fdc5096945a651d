/* http_curl.c: the only file that includes curl. One easy handle inside one multi handle: the
 * multi's poll can be woken from another thread, so that a stopping agent does not sit out its long
 * poll. */
#include "client/http.h"

#include <curl/curl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

#define POLL_MS 1000
#define HEADER_MAX 1024u

struct http {
    CURLM *multi;
    CURL *easy;
    char *url; /* without a closing '/' */
    char *authorization;
    struct http_reply *reply; /* during a call; likewise */
    const struct http_req *req;
    int broken; /* a callback's own failure, during a call */
    char error[CURL_ERROR_SIZE];
    _Atomic bool cancelled;
};

static size_t
on_body(char *bytes, size_t one, size_t len, void *ctx)
{
    struct http *h = ctx;
    long status = 0;

    (void)one;
    if (h->req->sink != NULL &&
        curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK && status < 300) {
        h->broken = h->req->sink(h->req->sink_ctx, bytes, len);
    } else {
        h->broken = al_buf_add(&h->reply->body, bytes, len);
    }
    return h->broken == AL_OK ? len : 0;
}

/* "Name: value\r\n" whose name is `name`: the value's trimmed bytes. */
static bool
header_is(struct al_span line, const char *name, struct al_span *ret)
{
    size_t n = strlen(name), end = line.len;

    if (line.len <= n || line.at[n] != ':') {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        uint8_t c = line.at[i];

        c = c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
        if (c != (uint8_t)name[i]) {
            return false;
        }
    }
    for (n++; n < end && (line.at[n] == ' ' || line.at[n] == '\t'); n++) {
    }
    while (end > n &&
           (line.at[end - 1] == '\r' || line.at[end - 1] == '\n' || line.at[end - 1] == ' ')) {
        end--;
    }
    *ret = (struct al_span){line.at + n, end - n};
    return true;
}

static void
keep(struct al_span value, char *to, size_t cap)
{
    if (value.len < cap) {
        memcpy(to, value.at, value.len);
        to[value.len] = '\0';
    }
}

static size_t
on_header(char *bytes, size_t one, size_t len, void *ctx)
{
    struct http *h = ctx;
    struct al_span line = {(const uint8_t *)bytes, len * one}, value;
    char number[16] = "";
    uint64_t seconds;

    if (header_is(line, "etag", &value)) {
        keep(value, h->reply->etag, sizeof(h->reply->etag));
    } else if (header_is(line, "content-type", &value)) {
        keep(value, h->reply->content_type, sizeof(h->reply->content_type));
    } else if (header_is(line, "retry-after", &value)) {
        keep(value, number, sizeof(number));
        if (al_parse_u64(number, &seconds) == AL_OK &&
            seconds <= 3600) { /* a date is not understood and not needed */
            h->reply->retry_after_s = (uint32_t)seconds;
        }
    }
    return len * one;
}

static bool
set_lasting(struct http *h, const struct http_conf *conf, const struct http_url *u)
{
    CURL *e = h->easy;
    bool ok = curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;

    ok = ok && curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, u->tls ? "https" : "http") == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)HTTP_CONNECT_MS) == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L) == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_ERRORBUFFER, h->error) == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_WRITEDATA, h) == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_HEADERDATA, h) == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_USERAGENT, conf->program) == CURLE_OK;
    if (u->loopback) { /* no proxy is asked for this machine itself */
        ok = ok && curl_easy_setopt(e, CURLOPT_PROXY, "") == CURLE_OK;
    }
    if (conf->ca_file != NULL) { /* these authorities and no others */
        ok = ok && curl_easy_setopt(e, CURLOPT_CAINFO, conf->ca_file) == CURLE_OK;
        ok = ok && curl_easy_setopt(e, CURLOPT_CAPATH, NULL) == CURLE_OK;
    }
    return ok;
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
    atomic_init(&h->cancelled, false);
    h->url = al_strdup(conf->url);
    h->multi = curl_multi_init();
    h->easy = curl_easy_init();
    if (h->url == NULL || h->multi == NULL || h->easy == NULL || !set_lasting(h, conf, &u) ||
        http_set_bearer(h, conf->bearer) != AL_OK) {
        (void)http_close(h);
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    if (h->url[strlen(h->url) - 1] == '/') {
        h->url[strlen(h->url) - 1] = '\0';
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
    curl_easy_cleanup(h->easy);
    if (h->multi != NULL) {
        (void)curl_multi_cleanup(h->multi); /* nothing is inside; it can only refuse a bad handle */
    }
    if (h->authorization != NULL) {
        al_wipe(h->authorization, strlen(h->authorization));
    }
    al_free(h->authorization);
    al_free(h->url);
    al_free(h);
    return NULL;
}

int
http_set_bearer(struct http *h, const char *bearer)
{
    AL_CLEANUP(al_buf_free) struct al_buf line = {0};
    size_t len;

    al_buf_init(&line, 4096);
    if (bearer != NULL) {
        int rc = al_buf_addf(&line, "Authorization: Bearer %s", bearer);

        if (rc != AL_OK) {
            return rc;
        }
    }
    if (h->authorization != NULL) {
        al_wipe(h->authorization, strlen(h->authorization));
    }
    al_free(h->authorization);
    h->authorization = (char *)al_buf_take(&line, &len);
    return AL_OK;
}

void
http_cancel(struct http *h)
{
    atomic_store(&h->cancelled, true);
    (void)curl_multi_wakeup(h->multi); /* failing, the poll ends by itself within a second */
}

static void
slist_freep(struct curl_slist **l)
{
    curl_slist_free_all(*l);
}

static bool
header(struct curl_slist **list, const char *name, const char *value)
{
    char line[HEADER_MAX];
    struct curl_slist *grown;
    int n;

    if (value == NULL) {
        return true;
    }
    n = snprintf(line, sizeof(line), "%s: %s", name, value);
    if (n < 0 || (size_t)n >= sizeof(line) || strpbrk(value, "\r\n") != NULL) {
        return false;
    }
    grown = curl_slist_append(*list, line);
    if (grown == NULL) {
        return false;
    }
    *list = grown;
    return true;
}

static bool
set_headers(struct http *h, const struct http_req *req, struct curl_slist **list)
{
    const char *type = req->content_type;
    bool ok = true;

    if (type == NULL && req->body.len > 0) {
        type = "application/json";
    }
    if (h->authorization != NULL) {
        struct curl_slist *grown = curl_slist_append(*list, h->authorization);

        ok = grown != NULL;
        *list = ok ? grown : *list;
    }
    ok = ok && header(list, "Content-Type", type);
    ok = ok && header(list, "If-Match", req->if_match);
    ok = ok && header(list, "If-None-Match", req->if_none_match);
    ok = ok && header(list, "Idempotency-Key", req->idempotency_key);
    /* No "Expect: 100-continue": it costs a round trip or a second of waiting. */
    if (ok) {
        struct curl_slist *grown = curl_slist_append(*list, "Expect:");

        ok = grown != NULL;
        *list = ok ? grown : *list;
    }
    return ok && curl_easy_setopt(h->easy, CURLOPT_HTTPHEADER, *list) == CURLE_OK;
}

static bool
set_request(struct http *h, const struct http_req *req)
{
    AL_CLEANUP(al_buf_free) struct al_buf url = {0};
    uint32_t timeout = req->timeout_ms != 0 ? req->timeout_ms : HTTP_TIMEOUT_MS;
    bool has_body = req->body.len > 0 || strcmp(req->method, "POST") == 0 ||
                    strcmp(req->method, "PUT") == 0 || strcmp(req->method, "PATCH") == 0;
    CURL *e = h->easy;
    bool ok;

    al_buf_init(&url, 64u << 10);
    ok = al_buf_adds(&url, h->url) == AL_OK && al_buf_adds(&url, req->path) == AL_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_URL, url.at) == CURLE_OK;
    ok = ok && curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)timeout) == CURLE_OK;
    if (has_body) {
        ok = ok && curl_easy_setopt(e, CURLOPT_POST, 1L) == CURLE_OK;
        ok = ok && curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)req->body.len) ==
                       CURLE_OK;
        ok = ok &&
             curl_easy_setopt(e, CURLOPT_POSTFIELDS,
                              req->body.at != NULL ? (const char *)req->body.at : "") == CURLE_OK;
    } else {
        ok = ok && curl_easy_setopt(e, CURLOPT_HTTPGET, 1L) == CURLE_OK;
    }
    return ok && curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, req->method) == CURLE_OK;
}

static int
translate(struct http *h, CURLcode code, struct al_fail *fail)
{
    const char *why = h->error[0] != '\0' ? h->error : curl_easy_strerror(code);
    int rc;

    if (h->broken != AL_OK) {
        return al_fail_set(fail, h->broken, 0,
                           h->req->sink != NULL
                               ? "what came cannot be kept"
                               : "the server's answer is too large or memory ran out");
    }
    switch (code) {
    case CURLE_OK:
        return AL_OK;
    case CURLE_OUT_OF_MEMORY:
        rc = AL_ENOMEM;
        break;
    case CURLE_OPERATION_TIMEDOUT:
        rc = AL_ETIMEDOUT;
        break;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
        rc = AL_EACCES;
        break;
    default:
        rc = AL_EUNREACH;
    }
    return al_fail_set(fail, rc, (uint32_t)code, "%s: %s", h->url, why);
}

/* Drives the one transfer to its end. */
static int
drive(struct http *h, struct al_fail *fail)
{
    int running = 1, left;
    CURLMsg *msg;

    while (running > 0) {
        if (atomic_load(&h->cancelled)) {
            return al_fail_set(fail, AL_ECANCELED, 0, "cancelled");
        }
        if (curl_multi_perform(h->multi, &running) != CURLM_OK) {
            return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
        }
        if (running > 0 && curl_multi_poll(h->multi, NULL, 0, POLL_MS, NULL) != CURLM_OK) {
            return al_fail_set(fail, AL_EIO, 0, "waiting for the server failed");
        }
    }
    while ((msg = curl_multi_info_read(h->multi, &left)) != NULL) {
        if (msg->msg == CURLMSG_DONE) {
            return translate(h, msg->data.result, fail);
        }
    }
    return al_fail_set(fail, AL_EIO, 0, "the transfer ended without a result");
}

int
http_call(struct http *h, const struct http_req *req, struct http_reply *r, struct al_fail *fail)
{
    AL_CLEANUP(slist_freep) struct curl_slist *headers = NULL;
    long status = 0;
    int rc;

    al_buf_clear(&r->body);
    r->status = 0;
    r->etag[0] = r->content_type[0] = '\0';
    r->retry_after_s = 0;
    h->reply = r;
    h->req = req;
    h->broken = AL_OK;
    h->error[0] = '\0';
    if (!set_request(h, req) || !set_headers(h, req, &headers)) {
        return al_fail_set(
            fail, AL_EINVAL, 0,
            "the request cannot be made: out of memory, or a header that is too long");
    }
    if (curl_multi_add_handle(h->multi, h->easy) != CURLM_OK) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    rc = drive(h, fail);
    (void)curl_multi_remove_handle(h->multi, h->easy); /* it was added above */
    if (rc == AL_OK && curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status) != CURLE_OK) {
        rc = al_fail_set(fail, AL_EIO, 0, "no status");
    }
    (void)curl_easy_setopt(h->easy, CURLOPT_HTTPHEADER,
                           NULL); /* the list ends here; setting NULL cannot fail */
    h->reply = NULL;
    h->req = NULL;
    r->status = (int)status;
    return rc;
}
