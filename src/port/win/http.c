/* http.c: WinHTTP, asynchronously: every step ends in a callback that sets an event, so that a call
 * can be waited for with a time limit and ended from another thread by closing its handle. */
#include <stdatomic.h>
#include <string.h>

#include <windows.h>
#include <winhttp.h>

#include "base/mem.h"
#include "base/text.h"
#include "port/http.h"

#define READ_CHUNK 65536u
#define CANCELLED_MS 1000u /* how long a cancelled request may take to go */
#define HOST_MAX 300u

struct port_http {
    HINTERNET session, connection;
    bool tls;
    HANDLE step;      /* the step under way ended */
    HANDLE cancelled; /* stays set */
    HANDLE closed;    /* the request's handle is gone: no callback comes any more */
    bool abandoned;   /* cancelled, and a callback may still come: nothing of it is freed */
    /* Written by the callback before it sets `step`. */
    DWORD error;  /* 0: the step went well */
    DWORD number; /* of bytes */
};

static void CALLBACK
on_status(HINTERNET handle, DWORD_PTR context, DWORD status, void *info, DWORD len)
{
    struct port_http *h = (struct port_http *)context;

    (void)handle;
    if (h == NULL) {
        return; /* of session or connection */
    }
    switch (status) {
    case WINHTTP_CALLBACK_STATUS_SENDREQUEST_COMPLETE:
    case WINHTTP_CALLBACK_STATUS_HEADERS_AVAILABLE:
        break;
    case WINHTTP_CALLBACK_STATUS_READ_COMPLETE:
        h->number = len;
        break;
    case WINHTTP_CALLBACK_STATUS_REQUEST_ERROR:
        h->error = ((const WINHTTP_ASYNC_RESULT *)info)->dwError;
        break;
    case WINHTTP_CALLBACK_STATUS_HANDLE_CLOSING:
        (void)SetEvent(h->closed); /* fails only for handles that are none */
        return;
    default:
        return; /* resolving, connecting ...: nobody waits for these */
    }
    (void)SetEvent(h->step);
}

static int
code_of(DWORD error)
{
    switch (error) {
    case 0:
        return AL_OK;
    case ERROR_WINHTTP_TIMEOUT:
        return AL_ETIMEDOUT;
    case ERROR_WINHTTP_SECURE_FAILURE:
    case ERROR_WINHTTP_CLIENT_AUTH_CERT_NEEDED:
        return AL_EACCES;
    case ERROR_WINHTTP_OPERATION_CANCELLED:
        return AL_ECANCELED;
    case ERROR_NOT_ENOUGH_MEMORY:
        return AL_ENOMEM;
    default:
        return AL_EUNREACH;
    }
}

/* ASCII to UTF-16; everything that comes here is percent-encoded or checked. */
static WCHAR *
wide(const char *text)
{
    size_t len = strlen(text);
    WCHAR *w = al_array(len + 1, sizeof(*w));

    for (size_t i = 0; w != NULL && i < len; i++) {
        w[i] = (unsigned char)text[i];
    }
    return w;
}

static int
connect_session(struct port_http *h, const struct port_http_conf *conf)
{
    WCHAR *program = wide(conf->program), *host;
    char bracketed[HOST_MAX];
    size_t len = strlen(conf->host);
    bool v6 = strchr(conf->host, ':') != NULL;
    DWORD never = WINHTTP_OPTION_REDIRECT_POLICY_NEVER;

    if (program == NULL || len + 3 > sizeof(bracketed)) {
        al_free(program);
        return program == NULL ? AL_ENOMEM : AL_EINVAL;
    }
    memcpy(bracketed + v6, conf->host, len + 1);
    if (v6) {
        bracketed[0] = '[';
        memcpy(bracketed + 1 + len, "]", 2);
    }
    h->session = WinHttpOpen(
        program, conf->loopback ? WINHTTP_ACCESS_TYPE_NO_PROXY : WINHTTP_ACCESS_TYPE_DEFAULT_PROXY,
        WINHTTP_NO_PROXY_NAME, WINHTTP_NO_PROXY_BYPASS, WINHTTP_FLAG_ASYNC);
    al_free(program);
    if (h->session == NULL || WinHttpSetStatusCallback(h->session, on_status,
                                                       WINHTTP_CALLBACK_FLAG_ALL_COMPLETIONS |
                                                           WINHTTP_CALLBACK_FLAG_HANDLES,
                                                       0) == WINHTTP_INVALID_STATUS_CALLBACK) {
        return AL_ENOMEM;
    }
    if (!WinHttpSetOption(h->session, WINHTTP_OPTION_REDIRECT_POLICY, &never, sizeof(never)) ||
        !WinHttpSetTimeouts(h->session, (int)conf->connect_ms, (int)conf->connect_ms, 0, 0)) {
        return AL_ENOTSUP;
    }
    host = wide(bracketed);
    if (host == NULL) {
        return AL_ENOMEM;
    }
    h->connection = WinHttpConnect(h->session, host, conf->port, 0);
    al_free(host);
    return h->connection != NULL ? AL_OK : AL_ENOMEM;
}

int
port_http_open(const struct port_http_conf *conf, struct port_http **ret, struct al_fail *fail)
{
    struct port_http *h;
    int rc;

    if (conf->ca_file != NULL) {
        return al_fail_set(fail, AL_ENOTSUP, 0,
                           "a certificate file cannot be used on Windows: put the authority into "
                           "the machine's certificate store");
    }
    h = al_zalloc(sizeof(*h));
    if (h == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    h->tls = conf->tls;
    h->step = CreateEventW(NULL, FALSE, FALSE, NULL);
    h->cancelled = CreateEventW(NULL, TRUE, FALSE, NULL);
    h->closed = CreateEventW(NULL, FALSE, FALSE, NULL);
    rc = h->step == NULL || h->cancelled == NULL || h->closed == NULL ? AL_ENOMEM
                                                                      : connect_session(h, conf);
    if (rc != AL_OK) {
        DWORD error = GetLastError();

        (void)port_http_close(h); /* returns NULL */
        return al_fail_set(fail, rc, error, "WinHTTP cannot be set up");
    }
    *ret = h;
    return AL_OK;
}

static void
close_event(HANDLE event)
{
    if (event != NULL) {
        (void)CloseHandle(event);
    }
}

struct port_http *
port_http_close(struct port_http *h)
{
    if (h == NULL || h->abandoned) {
        return NULL;
    }
    if (h->connection != NULL) {
        (void)WinHttpCloseHandle(h->connection);
    }
    if (h->session != NULL) {
        (void)WinHttpCloseHandle(h->session);
    }
    close_event(h->step);
    close_event(h->cancelled);
    close_event(h->closed);
    al_free(h);
    return NULL;
}

void
port_http_cancel(struct port_http *h)
{
    (void)SetEvent(h->cancelled);
}

/* Waits for the end of a step that was begun (`begun`: what the call said). */
static int
wait_step(struct port_http *h, BOOL begun, DWORD until)
{
    HANDLE events[2] = {h->step, h->cancelled};
    DWORD now = GetTickCount(), which;

    if (!begun) {
        h->error = GetLastError();
        return code_of(h->error);
    }
    which = WaitForMultipleObjects(2, events, FALSE, (LONG)(until - now) > 0 ? until - now : 0);
    if (which == WAIT_OBJECT_0) {
        return code_of(h->error);
    }
    return which == WAIT_OBJECT_0 + 1 ? AL_ECANCELED : AL_ETIMEDOUT;
}

static void
header_text(HINTERNET request, DWORD which, char *to, size_t cap)
{
    WCHAR text[128];
    DWORD bytes = sizeof(text), n;

    to[0] = '\0';
    if (!WinHttpQueryHeaders(request, which, WINHTTP_HEADER_NAME_BY_INDEX, text, &bytes,
                             WINHTTP_NO_HEADER_INDEX)) {
        return; /* not there, or longer than anything of ours */
    }
    n = bytes / sizeof(text[0]);
    if (n >= cap) {
        return;
    }
    for (DWORD i = 0; i < n; i++) {
        to[i] = text[i] < 0x80 ? (char)text[i] : '?';
    }
    to[n] = '\0';
}

static int
read_head(HINTERNET request, struct port_http_reply *ret)
{
    DWORD status = 0, size = sizeof(status);
    char seconds[32];
    uint64_t v;

    if (!WinHttpQueryHeaders(request, WINHTTP_QUERY_STATUS_CODE | WINHTTP_QUERY_FLAG_NUMBER,
                             WINHTTP_HEADER_NAME_BY_INDEX, &status, &size,
                             WINHTTP_NO_HEADER_INDEX)) {
        return AL_EIO;
    }
    ret->status = (int)status;
    header_text(request, WINHTTP_QUERY_ETAG, ret->etag, sizeof(ret->etag));
    header_text(request, WINHTTP_QUERY_CONTENT_TYPE, ret->content_type, sizeof(ret->content_type));
    header_text(request, WINHTTP_QUERY_RETRY_AFTER, seconds, sizeof(seconds));
    ret->retry_after_s = al_parse_u64(seconds, &v) == AL_OK && v <= 3600 ? (uint32_t)v : 0;
    return AL_OK;
}

static int
transfer(struct port_http *h, HINTERNET request, const struct port_http_req *req,
         const WCHAR *headers, uint8_t *chunk, struct port_http_reply *ret)
{
    DWORD until = GetTickCount() + req->timeout_ms;
    int rc = wait_step(h,
                       WinHttpSendRequest(request,
                                          headers != NULL ? headers : WINHTTP_NO_ADDITIONAL_HEADERS,
                                          headers != NULL ? (DWORD)-1 : 0, (void *)req->body.at,
                                          (DWORD)req->body.len, (DWORD)req->body.len, (DWORD_PTR)h),
                       until);

    rc = rc != AL_OK ? rc : wait_step(h, WinHttpReceiveResponse(request, NULL), until);
    rc = rc != AL_OK ? rc : read_head(request, ret);
    while (rc == AL_OK) {
        h->number = 0;
        rc = wait_step(h, WinHttpReadData(request, chunk, READ_CHUNK, NULL), until);
        if (rc != AL_OK || h->number == 0) {
            break;
        }
        rc = req->on_body(req->ctx, chunk, h->number);
    }
    return rc;
}

static int
with_request(struct port_http *h, const struct port_http_req *req, const WCHAR *method,
             const WCHAR *path, const WCHAR *headers, uint8_t *chunk, struct port_http_reply *ret)
{
    HINTERNET request =
        WinHttpOpenRequest(h->connection, method, path, NULL, WINHTTP_NO_REFERER,
                           WINHTTP_DEFAULT_ACCEPT_TYPES, h->tls ? WINHTTP_FLAG_SECURE : 0);
    DWORD_PTR context = (DWORD_PTR)h;
    DWORD off = WINHTTP_DISABLE_COOKIES | WINHTTP_DISABLE_AUTHENTICATION;
    int rc;

    if (request == NULL) {
        h->error = GetLastError();
        return AL_ENOMEM;
    }
    if (!WinHttpSetOption(request, WINHTTP_OPTION_CONTEXT_VALUE, &context, sizeof(context))) {
        (void)WinHttpCloseHandle(request); /* without the context no callback knows us */
        return AL_ENOTSUP;
    }
    rc = WinHttpSetOption(request, WINHTTP_OPTION_DISABLE_FEATURE, &off, sizeof(off))
             ? transfer(h, request, req, headers, chunk, ret)
             : AL_ENOTSUP;
    (void)WinHttpCloseHandle(request);
    /* Until then a callback may still come and use what belongs to this call. Windows ends what waits
     * for an answer at once; Wine 8 when the answer comes, and whoever cancels is leaving. */
    h->abandoned = WaitForSingleObject(h->closed, rc == AL_ECANCELED ? CANCELLED_MS : INFINITE) !=
                   WAIT_OBJECT_0;
    (void)ResetEvent(h->step);
    return rc;
}

int
port_http_call(struct port_http *h, const struct port_http_req *req, struct port_http_reply *ret,
               struct al_fail *fail)
{
    WCHAR *method = wide(req->method), *path = wide(req->path),
          *headers = req->headers != NULL ? wide(req->headers) : NULL;
    uint8_t *chunk = al_alloc(READ_CHUNK);
    struct port_http_reply got = {0};
    int rc = AL_ENOMEM;

    h->error = 0;
    if (method != NULL && path != NULL && chunk != NULL &&
        (req->headers == NULL || headers != NULL) && req->body.len <= UINT32_MAX) {
        rc = WaitForSingleObject(h->cancelled, 0) == WAIT_OBJECT_0
                 ? AL_ECANCELED
                 : with_request(h, req, method, path, headers, chunk, &got);
    }
    if (headers != NULL) {
        al_wipe(headers, wcslen(headers) * sizeof(*headers));
    }
    al_free(headers);
    al_free(method);
    al_free(path);
    if (!h->abandoned) {
        al_free(chunk);
    }
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, h->error, "the server cannot be asked (WinHTTP error %lu)",
                           (unsigned long)h->error);
    }
    *ret = got;
    return AL_OK;
}
