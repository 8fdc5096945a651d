/* api.h: a call of altod's JSON interface: a request with JSON, an answer with JSON, a problem (RFC
 * 9457) as an al_fail. Threads as http.h. */
#ifndef ALTO_CLIENT_API_H
#define ALTO_CLIENT_API_H

#include "base/json.h"
#include "client/http.h"

struct api_call {
    const char *method;
    const char *path;   /* "/api/v1/..." */
    const json_t *body; /* NULL: none */
    struct al_span raw; /* instead of body, with raw_type */
    const char *raw_type;
    const char *if_match; /* NULL: none; likewise below */
    const char *if_none_match;
    const char *idempotency_key;
    uint32_t timeout_ms; /* 0: HTTP_TIMEOUT_MS */
};
struct api_reply {
    int status;
    json_t *json; /* NULL where the answer had no body */
    char etag[80];
    uint32_t retry_after_s; /* also of a refused call */
};
void api_reply_end(struct api_reply *r); /* usable with AL_CLEANUP; r must be zeroed or filled */

/* AL_OK for every status below 400 (304 included). Above: the problem's "code", its "detail" (or
 * "title") in fail, r->json the problem; an answer that is no problem gives the code its status
 * suggests: 401 AL_EAUTH, 403 AL_EPERM, 404 AL_ENOENT, 409 AL_ECONFLICT, 412 AL_ECHANGED, 413 and
 * 429 AL_ELIMIT, 502 to 504 AL_EUNREACH, else AL_EINVAL below 500 and AL_EINTERNAL above.
 * AL_ECORRUPT: an answer that is not JSON. */
int api_call(struct http *h, const struct api_call *call, struct api_reply *r,
             struct al_fail *fail) AL_MUST_CHECK;

#endif
