#include "client/api.h"

#include <string.h>

void
api_reply_end(struct api_reply *r)
{
    al_json_freep(&r->json);
}

static int
code_of_status(int status)
{
    switch (status) {
    case 401:
        return AL_EAUTH;
    case 403:
        return AL_EPERM;
    case 404:
        return AL_ENOENT;
    case 409:
        return AL_ECONFLICT;
    case 412:
        return AL_ECHANGED;
    case 413:
    case 429:
        return AL_ELIMIT;
    case 502:
    case 503:
    case 504:
        return AL_EUNREACH;
    default:
        return status < 500 ? AL_EINVAL : AL_EINTERNAL;
    }
}

static int
problem(const struct api_reply *r, struct al_fail *fail)
{
    const char *code = NULL, *text = NULL;
    int rc = code_of_status(r->status);

    if (r->json != NULL && al_json_str(r->json, "code", &code, NULL) == AL_OK) {
        int named = al_code_from_name(code);

        /* A code this version does not know is told as its status; "ok" would turn a refusal into
         * success. */
        if (named != AL_EINTERNAL && named != AL_OK) {
            rc = named;
        }
    }
    if (r->json == NULL || (al_json_str(r->json, "detail", &text, NULL) != AL_OK &&
                            al_json_str(r->json, "title", &text, NULL) != AL_OK)) {
        return al_fail_set(fail, rc, (uint32_t)r->status, "the server answered with status %d",
                           r->status);
    }
    return al_fail_set(fail, rc, (uint32_t)r->status, "%s", text);
}

static bool
is_json(const char *type)
{
    return strncmp(type, "application/json", 16) == 0 ||
           strncmp(type, "application/problem+json", 24) == 0;
}

int
api_call(struct http *h, const struct api_call *call, struct api_reply *r, struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf body = {0};
    AL_CLEANUP(http_reply_end) struct http_reply reply = {0};
    struct http_req req = {.method = call->method,
                           .path = call->path,
                           .body = call->raw,
                           .content_type = call->raw_type,
                           .if_match = call->if_match,
                           .if_none_match = call->if_none_match,
                           .idempotency_key = call->idempotency_key,
                           .timeout_ms = call->timeout_ms};
    int rc = AL_OK;

    al_buf_init(&body, AL_JSON_BYTES_MAX);
    http_reply_init(&reply);
    if (call->body != NULL) {
        rc = al_json_print(call->body, &body);
        req.body = al_buf_span(&body);
    }
    rc = rc != AL_OK ? al_fail_set(fail, rc, 0, "the request is too large")
                     : http_call(h, &req, &reply, fail);
    if (rc != AL_OK) {
        return rc;
    }
    al_json_freep(&r->json);
    r->status = reply.status;
    r->retry_after_s = reply.retry_after_s;
    memcpy(r->etag, reply.etag, sizeof(r->etag));
    if (reply.body.len > 0 && is_json(reply.content_type)) {
        rc = al_json_parse(al_buf_span(&reply.body), &r->json, NULL);
    } else if (reply.body.len > 0 && reply.status < 400) {
        rc = AL_ECORRUPT;
    }
    if (reply.status >= 400) {
        return problem(r, fail);
    }
    return rc == AL_OK
               ? AL_OK
               : al_fail_set(fail, AL_ECORRUPT, 0,
                             "the server's answer is not JSON: is this really an Alto server?");
}
