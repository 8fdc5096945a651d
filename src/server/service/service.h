/* service.h: what altod can do, one function per operation, free of HTTP. api decodes a request
 * into a service_req, finds the operation in the route table (routes.h), and sends the reply; the
 * command line and the console see nothing else.
 *
 *   api ─▶ service_route_find ─▶ role and scope checked ─▶ service_fn ─▶ store / inventory / bus /
 *   series
 *
 * Every operation gets the caller and hands a scope to each store call: there is no store call
 * without one (invariant 8).
 *
 * Threads: a struct service is shared by all; operations run on worker threads, each with its own
 * struct service_worker (store connection, inventory connection). A request and its reply belong to
 * one thread. */
#ifndef ALTO_SERVER_SERVICE_SERVICE_H
#define ALTO_SERVER_SERVICE_SERVICE_H

#include "base/arena.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "model/scope.h" /* enum service_role, struct scope */
#include "port/port.h"

struct caller {
    enum service_role role;
    al_id id; /* user or host */
    char name[128];
    al_id customer_id; /* empty for an operator */
    al_id session_id;  /* empty for a host */
    bool by_cookie;    /* then writes need the CSRF header */
    char csrf[48];     /* what X-Alto-Csrf must be then; empty for a host */
};

struct service;        /* shared: configuration, bus, store and inventory pools, log */
struct service_worker; /* per worker thread */

struct service_req {
    struct service *service;
    struct service_worker *worker;
    const struct caller *caller; /* role ROLE_NONE where nobody is logged in */
    const char *op;              /* service_route.op */
    const char *ids[4];          /* the {…} parts of the path, in order; NULL-filled */
    /* decoded query parameter or NULL; valid for the request */
    const char *(*query)(void *ctx, const char *name);
    void *query_ctx;
    const json_t *body;   /* NULL: none */
    struct al_span raw;   /* the body as bytes (decompressed), for the agent's batches */
    const char *if_match; /* NULL: absent */
    const char *if_none_match;
    const char *idempotency_key;
    const char *peer; /* address, for audit */
    int64_t now_ns;
    struct al_arena *arena; /* dropped after the reply is sent */
};

struct service_reply {
    int status; /* 200 unless set */
    /* JSON text unless content_type says otherwise; initialised by the api */
    struct al_buf body;
    const char *content_type; /* NULL: application/json */
    /* version of the noun; 0: none. It changes by edits only, not by what agents report: the
     * operation itself sets status 304 where that is right, api never does */
    uint64_t etag;
    const char *location; /* arena; NULL: none */
    const char *cookie;   /* arena; whole Set-Cookie value; NULL: none */
    int retry_after_s;
    /* A file as the body instead of `body`: handed over, read from its begin, file_bytes of it, and
     * closed by whoever sends the reply. file_name (arena): what the client is to call it. With
     * content_type. */
    struct port_file *file;
    uint64_t file_bytes;
    const char *file_name;
    /* Long poll: set both and return AL_OK without a body; api parks the connection and calls the
     * operation again when the bus wakes `park_topic` or park_until_ns has passed (then with
     * req->now_ns at or past it; the operation must answer). The reply stays the same object:
     * park_until_ns is 0 on the first call and afterwards what the operation set; body is empty
     * each time. */
    const char *park_topic;
    int64_t park_until_ns;
};

/* AL_OK with a reply, or a code that api turns into a problem: AL_EINVAL 400/422, AL_EAUTH 401,
 * AL_EPERM 403, AL_ENOENT 404, AL_ECONFLICT 409, AL_ECHANGED 412 (If-Match), AL_ENODATA 428
 * (If-Match missing), AL_ELIMIT 413 or 429, AL_EUNREACH 503, everything else 500 without
 * details. */
typedef int service_fn(struct service_req *req, struct service_reply *reply, struct al_fail *fail);

struct service_route {
    const char *method; /* "GET" ... */
    const char *path;   /* "/api/v1/customers/{id}" */
    unsigned roles;     /* set of enum service_role that may call; 0: anybody */
    service_fn *fn;
    const char *op;  /* operationId in api/openapi.yaml */
    size_t body_max; /* bytes; 0: no body allowed */
    /* a reading that takes well under a millisecond without filters: api runs it on its I/O thread,
     * beside others' sockets */
    bool quick;
    bool raw; /* its body is bytes (application/octet-stream) in service_req.raw, not JSON */
};

/* NULL: no such path. *ret_method_wrong: the path is there with other methods. ids are written into
 * the arena. */
const struct service_route *service_route_find(const char *method, const char *path,
                                               struct al_arena *arena, const char *ids[4],
                                               bool *ret_method_wrong);
/* for the test against openapi.yaml */
const struct service_route *service_routes(size_t *ret_count);

struct service_conf {
    const char *data_dir;
    const char *store_url, *inventory_url, *bus_url, *series_url; /* NULL: embedded */
    const char *import_dir; /* absolute: a folder that is watched for files to import; NULL: none */
    struct al_log *log;
    struct port *port;
    const char *version;
};

/* Opens store, inventory, bus, series; migrates; makes the first operator "admin" and hands its
 * password out once (*ret_first_password, al_alloc'ed, NULL when not the first start). Hand it out
 * before the first service_worker_open: until then it counts as untold, and the next start makes a
 * new one, so that a crash in between locks nobody out. */
int service_open(const struct service_conf *conf, struct service **ret, char **ret_first_password,
                 struct al_fail *fail) AL_MUST_CHECK;
struct service *service_close(struct service *s);
int service_worker_open(struct service *s, struct service_worker **ret,
                        struct al_fail *fail) AL_MUST_CHECK;
struct service_worker *service_worker_close(struct service_worker *w);

/* Who a credential belongs to. token: session token, "<host id>.<secret>" of an agent; AL_EAUTH. */
int service_authenticate(struct service_worker *w, const char *bearer, const char *cookie_token,
                         int64_t now_ns, struct caller *ret) AL_MUST_CHECK;

/* Puts expired leases back, times out hosts, rolls series up, prunes: call about once a second from
 * the scheduler thread. */
int service_tick(struct service_worker *w, int64_t now_ns) AL_MUST_CHECK;
/* Runs the rules that are due: call about once a second from a thread of its own, since planning a
 * large volume takes a while. A bounded number; the next call goes on. */
int service_schedule(struct service_worker *w, int64_t now_ns) AL_MUST_CHECK;

/* Live events: everything published is {event, customer_id, json}. api subscribes once and fans out
 * to its streams by scope. */
struct service_event {
    uint64_t seq;
    const char *event; /* "job", "host", "volume", "share", "import", "figures", "orphans", "audit" */
    const char *customer_id;
    const char *data; /* JSON text */
};
int service_subscribe(struct service *s, void (*on_event)(void *ctx, const struct service_event *e),
                      void *ctx) AL_MUST_CHECK;
/* Wakes parked requests of a topic; the service calls it itself, api registers what it does. */
int service_on_wake(struct service *s, void (*on_wake)(void *ctx, const char *topic),
                    void *ctx) AL_MUST_CHECK;

#endif
