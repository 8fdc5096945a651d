/* harness.h: a service in a folder of its own, and requests to it through the route table, as the
 * api makes them: route found, role checked, operation run, code and body kept. Include it once. */
#ifndef ALTO_TEST_SERVICE_HARNESS_H
#define ALTO_TEST_SERVICE_HARNESS_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/mem.h"
#include "server/service/call/call.h"
#include "tap.h"

#define SECOND INT64_C(1000000000)

struct harness {
    char dir[64];
    struct service *s;
    struct service_worker *w;
    char *first_password;
    int64_t now_ns;
    /* of the next call */
    const char *if_match, *key, *query, *peer; /* query: "name=value&name=value", not escaped */
    struct al_span raw;        /* bytes instead of JSON; .at NULL: none */
    const char *import_dir;    /* of every start; NULL: none */
    uint64_t fault;                            /* this allocation of the operation fails; 0: none */
    /* of the last call */
    uint64_t fault_calls; /* allocations counted, where one was to fail */
    struct al_arena *arena;
    struct service_reply reply;
    struct al_fail fail;
    json_t *json;
};

static inline int
harness_remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st;
    (void)kind;
    (void)where;
    return remove(path);
}

static inline int
harness_start(struct harness *h, struct al_fail *fail)
{
    struct service_conf conf = {.data_dir = h->dir,
                                .port = port_native(),
                                .version = "test",
                                .import_dir = h->import_dir};
    int rc = service_open(&conf, &h->s, &h->first_password, fail);

    return rc == AL_OK ? service_worker_open(h->s, &h->w, fail) : rc;
}

static inline void
harness_stop(struct harness *h)
{
    h->w = service_worker_close(h->w);
    h->s = service_close(h->s);
    al_free(h->first_password);
    h->first_password = NULL;
}

static inline void
harness_open(struct harness *h)
{
    struct al_fail fail = {0};

    *h = (struct harness){.dir = "/tmp/alto-service-XXXXXX"};
    TAP_CHECK(mkdtemp(h->dir) != NULL);
    h->now_ns = port_now_ns(port_native());
    h->arena = al_arena_new(8 << 20);
    TAP_CHECK(h->arena != NULL);
    if (harness_start(h, &fail) != AL_OK) {
        tap_fail(__FILE__, __LINE__, "the service does not open: %s", fail.text);
    }
}

static inline void
harness_close(struct harness *h)
{
    al_json_freep(&h->json);
    al_buf_free(&h->reply.body);
    port_close_quiet(port_native(), &h->reply.file);
    harness_stop(h);
    h->arena = al_arena_free(h->arena);
    nftw(h->dir, harness_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline const char *
harness_query(void *ctx, const char *name)
{
    struct harness *h = ctx;
    size_t len = strlen(name);
    const char *at = h->query;

    while (at != NULL && *at != '\0') {
        size_t part = strcspn(at, "&");

        if (part > len && strncmp(at, name, len) == 0 && at[len] == '=') {
            char *value = al_arena_alloc(h->arena, part - len);

            memcpy(value, at + len + 1, part - len - 1);
            return value;
        }
        at += part;
        at += *at == '&';
    }
    return NULL;
}

/* Runs one request. The answer is the operation's code, AL_ENOTSUP where there is no such route,
 * AL_EPERM where the role may not. */
static inline int
harness_call(struct harness *h, const struct caller *who, const char *method, const char *path,
             const char *body)
{
    static const struct caller nobody;
    const struct service_route *route;
    struct service_req req = {0};
    json_t *parsed = NULL;
    bool wrong;
    int rc;

    al_json_freep(&h->json);
    al_buf_free(&h->reply.body);
    port_close_quiet(port_native(), &h->reply.file);
    al_arena_reset(h->arena);
    h->reply = (struct service_reply){.status = 200};
    al_buf_init(&h->reply.body, 16 << 20);
    h->fail = (struct al_fail){0};
    route = service_route_find(method, path, h->arena, req.ids, &wrong);
    if (route == NULL) {
        return AL_ENOTSUP;
    }
    who = who != NULL ? who : &nobody;
    if (route->roles != 0 && (route->roles & who->role) == 0) {
        return AL_EPERM;
    }
    if (body != NULL) {
        TAP_OK(al_json_parse(al_span_of(body), &parsed, NULL));
    }
    req.service = h->s;
    req.worker = h->w;
    req.caller = who;
    req.op = route->op;
    req.query = harness_query;
    req.query_ctx = h;
    req.body = parsed;
    req.raw = h->raw.at != NULL ? h->raw : al_span_of(body);
    req.if_match = h->if_match;
    req.idempotency_key = h->key;
    req.peer = h->peer != NULL ? h->peer : "127.0.0.1:1";
    req.now_ns = h->now_ns += SECOND / 1000;
    req.arena = h->arena;
    if (h->fault > 0) {
        al_fault_arm(AL_FAULT_MEM, h->fault, false);
    }
    rc = route->fn(&req, &h->reply, &h->fail);
    if (h->fault > 0) {
        h->fault_calls = al_fault_disarm();
        h->fault = 0;
    }
    al_json_freep(&parsed);
    if (store_in_tx(h->w->db)) {
        tap_fail(__FILE__, __LINE__, "%s %s left its transaction open", method, path);
    }
    if (rc == AL_OK && h->reply.body.len > 0) {
        TAP_OK(al_json_parse(al_buf_span(&h->reply.body), &h->json, NULL));
    }
    h->if_match = h->key = h->query = h->peer = NULL;
    h->raw = (struct al_span){NULL, 0};
    return rc;
}

static inline const char *
harness_str(struct harness *h, const char *key)
{
    const char *text = h->json != NULL ? json_string_value(json_object_get(h->json, key)) : NULL;

    return text != NULL ? text : "";
}

static inline void
harness_id(struct harness *h, al_id id)
{
    TAP_EQUAL_U64(strlen(harness_str(h, "id")), AL_ID_LEN);
    memcpy(id, harness_str(h, "id"), AL_ID_LEN + 1);
}

static inline uint64_t
harness_u64(struct harness *h, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(h->json, key));
}

static inline size_t
harness_items(struct harness *h)
{
    return json_array_size(json_object_get(h->json, "items"));
}

/* Logs in and says who that is. */
static inline void
harness_login(struct harness *h, const char *name, const char *password, struct caller *ret)
{
    char body[256], token[64];

    snprintf(body, sizeof body, "{\"name\":\"%s\",\"password\":\"%s\"}", name, password);
    if (harness_call(h, NULL, "POST", "/api/v1/session", body) != AL_OK) {
        tap_fail(__FILE__, __LINE__, "%s cannot log in: %s", name, h->fail.text);
    }
    snprintf(token, sizeof token, "%s", harness_str(h, "token"));
    TAP_OK(service_authenticate(h->w, token, NULL, h->now_ns, ret));
}

#endif
