#include "server/api/api_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/jsonout.h"

static const struct {
    int status;
    const char *title;
} titles[] = {
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {409, "Conflict"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {422, "Unprocessable Content"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
};

static const char *
title_of(int status)
{
    for (size_t i = 0; i < AL_LEN(titles); i++) {
        if (titles[i].status == status) {
            return titles[i].title;
        }
    }
    return "Error";
}

/* What a code means over HTTP (service.h). */
static int
status_of_code(const struct request *r, int code)
{
    switch (code) {
    case AL_EINVAL:
        return r->json != NULL ? 422 : 400;
    case AL_EAUTH:
        return 401;
    case AL_EPERM:
        return 403;
    case AL_ENOENT:
        return 404;
    case AL_ECONFLICT:
    case AL_EEXIST:
        return 409;
    case AL_ECHANGED:
        return 412;
    case AL_ELIMIT:
        return r->reply.retry_after_s > 0 ? 429 : 413;
    case AL_ENODATA:
        return 428;
    case AL_EUNREACH:
    case AL_EBUSY:
    case AL_ENOMEM:
    case AL_EMFILE:
    case AL_ENOSPC:
        return 503;
    case AL_ETIMEDOUT:
        return 504; /* not to be asked again as it is */
    default:
        return 500;
    }
}

int
reply_status_of(const struct request *r)
{
    if (r->status != 0) {
        return r->status;
    }
    if (r->rc != AL_OK) {
        return status_of_code(r, r->rc);
    }
    return r->reply.status != 0 ? r->reply.status : 200;
}

/* The service's sentences about a body begin with the member they are about: "name" has 1 to 128
 * bytes. Empty: with none. */
static void
pointer_of(const char *sentence, char out[64])
{
    size_t len =
        sentence[0] != '"' ? 0 : strspn(sentence + 1, "abcdefghijklmnopqrstuvwxyz0123456789_");

    out[0] = '\0';
    if (len > 0 && len < 62 && sentence[1 + len] == '"') {
        snprintf(out, 64, "/%.*s", (int)len, sentence + 1);
    }
}

static int
print_problem(struct request *r, int status, struct al_buf *out)
{
    struct al_jsonout j;
    char pointer[64];
    bool ours = status >= 500 && status != 503;

    al_buf_clear(out);
    al_jo_begin(&j, out);
    al_jo_object(&j, NULL);
    al_jo_str(&j, "type", "about:blank");
    al_jo_str(&j, "title", title_of(status));
    al_jo_u64(&j, "status", (uint64_t)status);
    /* What broke inside is for the log; people outside can do nothing with it. */
    al_jo_str(&j, "detail",
              ours                      ? "Something went wrong inside altod; its log says what"
              : r->fail.text[0] != '\0' ? r->fail.text
                                        : title_of(status));
    al_jo_str(&j, "code", ours ? "internal" : al_code_name(r->rc));
    pointer_of(r->fail.text, pointer);
    if (status == 422 && pointer[0] != '\0') {
        al_jo_str(&j, "pointer", pointer);
    }
    al_jo_close(&j);
    return al_jo_end(&j);
}

static void
security_fields(const struct request *r, struct http_answer *a)
{
    http_answer_field(a, "X-Content-Type-Options", "nosniff");
    if (r->api->tls) {
        http_answer_field(a, "Strict-Transport-Security", "max-age=31536000");
    }
}

/* The fields of an operation's reply. Buffers are the caller's, since they must live until
 * http_answer. */
static void
operation_fields(struct request *r, struct http_answer *a, char etag[32], char retry[16])
{
    if (r->reply.etag != 0) {
        snprintf(etag, 32, "\"%llu\"", (unsigned long long)r->reply.etag);
        http_answer_field(a, "ETag", etag);
    }
    if (r->reply.location != NULL) {
        http_answer_field(a, "Location", r->reply.location);
    }
    if (r->reply.cookie != NULL) {
        const char *cookie = r->reply.cookie;

        if (r->api->tls && strstr(cookie, "; Secure") == NULL) {
            size_t len = strlen(cookie) + sizeof("; Secure");
            char *secure = al_arena_alloc(r->arena, len);

            if (secure != NULL) {
                snprintf(secure, len, "%s; Secure", cookie);
                cookie = secure;
            }
        }
        http_answer_field(a, "Set-Cookie", cookie);
    }
    if (r->reply.retry_after_s > 0) {
        snprintf(retry, 16, "%d", r->reply.retry_after_s);
        http_answer_field(a, "Retry-After", retry);
    }
}

/* A download. The name goes into a quoted string: what could end it, or is no plain ASCII, becomes
 * '_'. */
static void
file_fields(struct request *r, struct http_answer *a)
{
    const char *name = r->reply.file_name != NULL ? r->reply.file_name : "download";
    size_t len = strlen(name) + sizeof("attachment; filename=\"\"");
    char *field = al_arena_alloc(r->arena, len);

    http_answer_field(a, "Content-Type",
                      r->reply.content_type != NULL ? r->reply.content_type
                                                    : "application/octet-stream");
    if (field != NULL) {
        snprintf(field, len, "attachment; filename=\"%s\"", name);
        for (char *at = field + sizeof("attachment; filename=\"") - 1; at[1] != '\0'; at++) {
            *at = *at < 0x20 || *at > 0x7e || strchr("\"\\/;", *at) != NULL ? '_' : *at;
        }
        http_answer_field(a, "Content-Disposition", field);
    }
    a->taken = NULL;
    a->file = r->reply.file;
    a->file_bytes = r->reply.file_bytes;
    r->reply.file = NULL;
}

enum http_next
reply_send(struct request *r)
{
    struct http_answer a = {.status = reply_status_of(r), .taken = &r->reply.body};
    bool problem = r->rc != AL_OK;
    char etag[32], retry[16];

    if (problem) {
        if (a.status >= 500 && a.status != 503) {
            al_log(r->api->log, AL_LOG_ERROR, "%s %s: %s: %s (system error %u)", r->method,
                   r->uri.path, al_code_name(r->rc), r->fail.text, r->fail.os);
        }
        r->reply.etag = 0;
        r->reply.location = r->reply.cookie = NULL;
        if (a.status == 503 && r->reply.retry_after_s == 0) {
            r->reply.retry_after_s = 1;
        }
        if (print_problem(r, a.status, &r->reply.body) != AL_OK) {
            return HTTP_CUT;
        }
    }
    if (!problem && r->reply.file != NULL) {
        file_fields(r, &a);
    } else if (r->reply.body.len > 0) {
        http_answer_field(&a, "Content-Type",
                          problem                         ? "application/problem+json"
                          : r->reply.content_type != NULL ? r->reply.content_type
                                                          : "application/json");
    }
    http_answer_field(&a, "Cache-Control", "no-store");
    security_fields(r, &a);
    operation_fields(r, &a, etag, retry);
    if (a.status == 401) {
        http_answer_field(&a, "WWW-Authenticate", "Bearer realm=\"alto\"");
    }
    if (r->allow != NULL) {
        http_answer_field(&a, "Allow", r->allow);
    }
    if (r->over || atomic_load_explicit(&r->api->stopping, memory_order_relaxed)) {
        http_answer_field(&a, "Connection", "close");
    }
    return http_answer(r->x, &a);
}
