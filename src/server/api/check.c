#include "server/api/api_priv.h"

#include <string.h>

#include "port/digest.h"

#define COOKIE_NAME "alto_session"

bool
check_is_write(const char *method)
{
    return strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0 &&
           strcmp(method, "OPTIONS") != 0;
}

static bool
same_text(const char *a, const char *b, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (al_lower((uint8_t)a[i]) != al_lower((uint8_t)b[i])) {
            return false;
        }
    }
    return true;
}

/* Copies the credentials out of the headers, which a stream and a parked request outlive. */
static int
take_credentials(struct request *r)
{
    const char *auth = http_header(r->x, "Authorization"), *cookie = http_header(r->x, "Cookie");

    if (auth != NULL && strlen(auth) > 7 && same_text(auth, "Bearer ", 7)) {
        r->bearer = al_arena_str(r->arena, auth + 7 + strspn(auth + 7, " "));
        return r->bearer == NULL ? AL_ENOMEM : AL_OK;
    }
    while (cookie != NULL && *cookie != '\0') {
        size_t len;

        cookie += strspn(cookie, " ;");
        len = strcspn(cookie, ";");
        if (len > sizeof(COOKIE_NAME) &&
            strncmp(cookie, COOKIE_NAME "=", sizeof(COOKIE_NAME)) == 0) {
            struct al_span value = {(const uint8_t *)cookie + sizeof(COOKIE_NAME),
                                    len - sizeof(COOKIE_NAME)};
            char *copy = al_arena_alloc(r->arena, value.len + 1);

            if (copy == NULL) {
                return AL_ENOMEM;
            }
            memcpy(copy, value.at, value.len);
            r->cookie = copy;
            return AL_OK;
        }
        cookie += len;
    }
    return AL_OK;
}

/* The authority of "https://host:port" must be the one the request was sent to. The scheme is not
 * compared: behind a proxy it differs. */
static bool
origin_ours(struct request *r)
{
    const char *origin = http_header(r->x, "Origin"), *host = http_header(r->x, "Host");
    const char *site = http_header(r->x, "Sec-Fetch-Site"), *authority;

    if (site != NULL && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0) {
        return false;
    }
    if (origin == NULL) {
        return true;
    }
    authority = strstr(origin, "://");
    return authority != NULL && host != NULL && strlen(authority + 3) == strlen(host) &&
           same_text(authority + 3, host, strlen(host));
}

static int
check_forgery(struct request *r)
{
    const char *csrf = http_header(r->x, "X-Alto-Csrf");

    if (r->bearer != NULL || !check_is_write(r->method)) {
        return AL_OK; /* another site's page cannot make a browser send a bearer token */
    }
    if (!origin_ours(r)) {
        return request_fail(r, 403, AL_EPERM, "the request comes from another site");
    }
    if (r->caller.role == ROLE_NONE || !r->caller.by_cookie) {
        return AL_OK;
    }
    if (csrf == NULL || r->caller.csrf[0] == '\0' || strlen(csrf) != strlen(r->caller.csrf) ||
        !port_same_secret(csrf, r->caller.csrf, strlen(csrf))) {
        return request_fail(r, 403, AL_EPERM,
                            "the header X-Alto-Csrf is missing or wrong; GET /api/v1/session has "
                            "its value");
    }
    return AL_OK;
}

int
check_caller(struct request *r, struct service_worker *w)
{
    unsigned roles = r->kind == REQUEST_OPERATION ? r->route->roles
                     : r->kind == REQUEST_STREAM  ? ROLES_READ
                                                  : 0;
    bool loopback;
    int rc = take_credentials(r);

    if (rc != AL_OK) {
        return request_fail(r, 0, rc, "no memory for the request");
    }
    if (r->kind == REQUEST_METRICS) {
        (void)http_peer(r->x, &loopback);
        /* Behind a proxy everybody is loopback: what was forwarded must say who it is. */
        if (loopback && http_header(r->x, "X-Forwarded-For") == NULL &&
            http_header(r->x, "Forwarded") == NULL) {
            return AL_OK;
        }
        roles = ROLE_OPERATOR;
    }
    if (roles != 0) {
        if (r->bearer == NULL && r->cookie == NULL) {
            return request_fail(r, 401, AL_EAUTH, "log in first");
        }
        rc = service_authenticate(w, r->bearer, r->cookie, port_now_ns(r->api->port), &r->caller);
        if (rc == AL_EAUTH) {
            return request_fail(r, 401, AL_EAUTH, "the token is wrong or over; log in again");
        }
        if (rc != AL_OK) {
            return request_fail(r, 0, rc, "cannot find out who is calling");
        }
        if ((r->caller.role & roles) == 0) {
            return request_fail(r, 403, AL_EPERM, "your role (%s) may not do this",
                                model_role_name(r->caller.role));
        }
    }
    return check_forgery(r);
}
