#include "server/service/call/call.h"

#include <stdio.h>
#include <string.h>

#define FILTERS_MAX 16u

struct scope
service_scope(const struct caller *c)
{
    return c->role == ROLE_OPERATOR ? scope_system() : scope_customer(c->customer_id);
}

const char *
service_query(const struct service_req *req, const char *name)
{
    const char *text = req->query != NULL ? req->query(req->query_ctx, name) : NULL;

    return text != NULL && text[0] != '\0' ? text : NULL;
}

int
service_query_u64(const struct service_req *req, const char *name, uint64_t absent, uint64_t max,
                  uint64_t *ret, struct al_fail *fail)
{
    const char *text = service_query(req, name);
    uint64_t v = absent;

    if (text != NULL && (al_parse_u64(text, &v) != AL_OK || v > max)) {
        return al_fail_set(fail, AL_EINVAL, 0, "\"%s\" is a number from 0 to %llu", name,
                           (unsigned long long)max);
    }
    *ret = v;
    return AL_OK;
}

int
service_query_bool(const struct service_req *req, const char *name, bool absent, bool *ret,
                   struct al_fail *fail)
{
    const char *text = service_query(req, name);

    if (text == NULL) {
        *ret = absent;
    } else if (strcmp(text, "true") == 0 || strcmp(text, "1") == 0) {
        *ret = true;
    } else if (strcmp(text, "false") == 0 || strcmp(text, "0") == 0) {
        *ret = false;
    } else {
        return al_fail_set(fail, AL_EINVAL, 0, "\"%s\" is true or false", name);
    }
    return AL_OK;
}

int
service_query_word(const struct service_req *req, const char *name, const char *const *words,
                   size_t count, size_t absent, size_t *ret, struct al_fail *fail)
{
    const char *text = service_query(req, name);
    char known[256] = "";
    size_t len = 0;

    if (text == NULL) {
        *ret = absent;
        return AL_OK;
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(words[i], text) == 0) {
            *ret = i;
            return AL_OK;
        }
        if (len < sizeof(known)) {
            len += (size_t)snprintf(known + len, sizeof(known) - len, "%s%s",
                                    i == 0           ? ""
                                    : i == count - 1 ? " or "
                                                     : ", ",
                                    words[i]);
        }
    }
    return al_fail_set(fail, AL_EINVAL, 0, "\"%s\" is %s", name, known);
}

int
service_query_time(const struct service_req *req, const char *name, int64_t absent, int64_t *ret_ns,
                   struct al_fail *fail)
{
    const char *text = service_query(req, name);
    int64_t v = absent;

    if (text != NULL && al_time_parse(text, &v) != AL_OK) {
        return al_fail_set(fail, AL_EINVAL, 0, "\"%s\" is a time like 2026-11-23T08:30:00Z", name);
    }
    *ret_ns = v;
    return AL_OK;
}

int
service_page(const struct service_req *req, struct store_page *ret, struct al_fail *fail)
{
    struct store_page page = {.cursor = service_query(req, "cursor")};
    uint64_t limit;

    SV_TRY(service_query_u64(req, "limit", STORE_PAGE_DEFAULT, STORE_PAGE_MAX, &limit, fail));
    SV_TRY(service_query_bool(req, "count", false, &page.count, fail));
    page.limit = (uint32_t)limit;
    *ret = page;
    return AL_OK;
}

int
service_list(struct service_req *req, struct service_reply *reply, const struct store_noun *n,
             struct al_fail *fail)
{
    struct scope scope = service_scope(req->caller);
    struct store_filter filters[FILTERS_MAX];
    struct store_page page;
    const char *name;
    size_t count = 0;

    SV_TRY(service_page(req, &page, fail));
    for (size_t i = 0; (name = store_noun_filter(n, i)) != NULL && count < FILTERS_MAX; i++) {
        const char *text = service_query(req, name);

        if (text != NULL) {
            filters[count++] = (struct store_filter){name, text};
        }
    }
    return store_list(req->worker->db, &scope, n, filters, count, &page, &reply->body, fail);
}

int
service_asked_scope(struct service_req *req, struct scope *ret, struct al_fail *fail)
{
    const char *customer_id = service_query(req, "customer_id");
    struct store_customer c;

    *ret = service_scope(req->caller);
    if (customer_id == NULL) {
        return AL_OK;
    }
    SV_TRY(store_customer_get(req->worker->db, ret, customer_id, req->arena, &c, fail));
    *ret = scope_customer(c.id);
    return AL_OK;
}

/* "/api/v1/volumes/01j..." */
static char *
location_of(struct service_req *req, const struct store_noun *n, const char *id)
{
    static const struct {
        const struct store_noun *noun;
        const char *path;
    } places[] = {
        {&store_customers, "customers"}, {&store_users, "users"},     {&store_hosts, "hosts"},
        {&store_shares, "shares"},       {&store_volumes, "volumes"}, {&store_rules, "rules"},
    };

    for (size_t i = 0; i < AL_LEN(places); i++) {
        if (places[i].noun == n) {
            return service_printf(req, "/api/v1/%s/%s", places[i].path, id);
        }
    }
    return NULL;
}

/* Whether If-None-Match has this version: the client need not get again what it has. */
static bool
has_already(const struct service_req *req, const struct store_noun *n, uint64_t version)
{
    char tag[32];

    /* The other nouns carry what agents report, which raises no version. */
    if (req->if_none_match == NULL || n != &store_rules) {
        return false;
    }
    (void)snprintf(tag, sizeof tag, "\"%llu\"", (unsigned long long)version);
    return strstr(req->if_none_match, tag) != NULL;
}

int
service_one(struct service_req *req, struct service_reply *reply, const struct store_noun *n,
            const char *id, int status, struct al_fail *fail)
{
    struct scope scope = service_scope(req->caller);
    uint64_t version = 0;

    SV_TRY(store_one(req->worker->db, &scope, n, id, &reply->body, &version, fail));
    reply->etag = version;
    if (status != 0) {
        reply->status = status;
    } else if (has_already(req, n, version)) {
        al_buf_clear(&reply->body);
        reply->status = 304;
    }
    if (status == 201) {
        reply->location = location_of(req, n, id);
        if (reply->location == NULL) {
            return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
        }
    }
    return AL_OK;
}

int
service_done(struct service_reply *reply)
{
    reply->status = 204;
    return AL_OK;
}

char *
service_printf(struct service_req *req, const char *format, ...)
{
    va_list args, again;
    char *text = NULL;
    int len;

    va_start(args, format);
    va_copy(again, args);
    len = vsnprintf(NULL, 0, format, args);
    if (len >= 0) {
        text = al_arena_alloc(req->arena, (size_t)len + 1);
    }
    if (text != NULL) {
        (void)vsnprintf(text, (size_t)len + 1, format, again);
    }
    va_end(again);
    va_end(args);
    return text;
}
