#include "server/api/api_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "wire/zstd.h"

#define FREE_REQUESTS_KEPT                                                                         \
    64u /* per I/O thread: as many as it answers between two looks at its sockets */
#define EARLY_BYTES_MAX                                                                            \
    ((uint64_t)64 << 10) /* a refused body up to this is read and thrown away, so that the refusal \
                            arrives; beyond, we close */
#define EVENTS_PATH "/api/v1/events"
#define METRICS_PATH "/metrics"

int
request_fail(struct request *r, int status, int code, const char *format, ...)
{
    va_list args;

    r->rc = code;
    r->status = status;
    if (r->fail.code == 0) {
        r->fail.code = code;
        va_start(args, format);
        vsnprintf(r->fail.text, sizeof(r->fail.text), format, args);
        va_end(args);
    }
    return code;
}

/* ---- one request's memory ---- */

static struct request *
request_new(struct io *io)
{
    struct request *r = io->free;
    struct al_arena *arena;

    if (r != NULL) {
        io->free = r->next_free;
        io->free_count--;
        arena = r->arena;
    } else {
        r = al_alloc(sizeof(*r));
        arena = r == NULL ? NULL : al_arena_new(API_REQUEST_ARENA_BYTES);
        if (arena == NULL) {
            al_free(r);
            return NULL;
        }
    }
    memset(r, 0, sizeof(*r));
    r->arena = arena;
    return r;
}

static void
request_free(struct request *r)
{
    struct io *io = r->io;

    al_json_freep(&r->json);
    al_buf_free(&r->body);
    al_buf_free(&r->reply.body);
    port_close_quiet(r->api->port, &r->reply.file); /* of an answer that was never sent */
    if (r->counted > 0) {
        atomic_fetch_sub(&r->api->body_bytes, r->counted);
    }
    if (io->free_count >= FREE_REQUESTS_KEPT) {
        al_arena_free(r->arena);
        al_free(r);
        return;
    }
    al_arena_reset(r->arena);
    r->next_free = io->free;
    io->free = r;
    io->free_count++;
}

static void *
begin(void *ctx, void *io, struct http_exchange *x, const char *raw)
{
    struct request *r = io == NULL ? NULL : request_new(io);
    int rc;

    if (r == NULL) {
        return NULL;
    }
    r->api = ctx;
    r->io = io;
    r->x = x;
    r->method = "-";
    r->began_ns = port_mono_ns(r->api->port);
    atomic_fetch_add(&r->api->exchanges, 1);
    al_buf_init(&r->reply.body, API_REPLY_BYTES_MAX);
    al_buf_init(&r->body, 0);
    if (strlen(raw) > API_URI_BYTES_MAX) {
        (void)request_fail(r, 414, AL_ELIMIT, "the address is longer than %zu bytes",
                           API_URI_BYTES_MAX);
        return r;
    }
    rc = uri_parse(raw, r->arena, &r->uri, &r->fail);
    if (rc != AL_OK) {
        (void)request_fail(r, rc == AL_ELIMIT ? 414 : rc == AL_EINVAL ? 400 : 0, rc, "no");
    }
    return r;
}

static void
end(void *ctx, void *request, bool sent)
{
    struct request *r = request;
    int64_t took_ns = port_mono_ns(r->api->port) - r->began_ns;
    int status = r->kind == REQUEST_STREAM && r->rc == AL_OK ? 200 : reply_status_of(r);

    streams_end(r->api->streams, r);
    metrics_add(r->api->metrics, r, status, took_ns);
    if (r->api->log != NULL && r->api->log->level >= AL_LOG_DEBUG) {
        bool loopback;

        al_log(r->api->log, AL_LOG_DEBUG, "%s %s %.200s %d %lld us%s", http_peer(r->x, &loopback),
               r->method, r->uri.path, status, (long long)(took_ns / 1000), sent ? "" : " cut");
    }
    atomic_fetch_sub(&r->api->exchanges, 1);
    request_free(r);
}

/* ---- head ---- */

static int
allowed_methods(struct request *r, const char *const *methods, bool *ret_any)
{
    char text[64] = "OPTIONS";
    const char *ids[4];
    bool other;

    *ret_any = false;
    for (size_t i = 0; methods[i] != NULL; i++) {
        if (service_route_find(methods[i], r->uri.path, r->arena, ids, &other) != NULL) {
            size_t len = strlen(text);

            snprintf(text + len, sizeof(text) - len, ", %s%s", methods[i],
                     strcmp(methods[i], "GET") == 0 ? ", HEAD" : "");
            *ret_any = true;
        }
    }
    r->allow = al_arena_str(r->arena, *ret_any ? text : "OPTIONS, GET, HEAD");
    return r->allow == NULL ? request_fail(r, 0, AL_ENOMEM, "no memory for the request") : AL_OK;
}

static int
refuse_method(struct request *r)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE", NULL};
    bool any;
    int rc = allowed_methods(r, methods, &any);

    if (rc != AL_OK) {
        return rc;
    }
    if (strcmp(r->method, "OPTIONS") == 0) {
        r->kind = REQUEST_REFUSED; /* nothing but Allow */
        r->status = 204;
        return AL_OK;
    }
    return request_fail(r, 405, AL_ENOTSUP, "%.16s is not possible here; %s is", r->method,
                        r->allow);
}

/* What the path names. */
static int
route(struct request *r)
{
    const char *path = r->uri.path;
    const char *method = strcmp(r->method, "HEAD") == 0 ? "GET" : r->method;
    bool reads = strcmp(method, "GET") == 0,
         api = strncmp(path, "/api/", 5) == 0 || strcmp(path, "/api") == 0;
    bool wrong = false;

    if (strcmp(path, EVENTS_PATH) == 0 || strcmp(path, METRICS_PATH) == 0 || !api) {
        if (!reads) {
            return refuse_method(r);
        }
        r->kind = strcmp(path, EVENTS_PATH) == 0    ? REQUEST_STREAM
                  : strcmp(path, METRICS_PATH) == 0 ? REQUEST_METRICS
                                                    : REQUEST_ASSET;
        return AL_OK;
    }
    r->route = service_route_find(method, path, r->arena, r->ids, &wrong);
    if (r->route != NULL) {
        r->kind = REQUEST_OPERATION;
        r->body_max = r->route->body_max;
        return AL_OK;
    }
    if (wrong) {
        return refuse_method(r);
    }
    return request_fail(r, 404, AL_ENOENT, "there is nothing at this address");
}

/* The two ways of telling a body's length; both at once, or one twice, is how requests are smuggled
 * through proxies. */
static int
check_framing(struct request *r, uint64_t *ret_length, bool *ret_chunked)
{
    const char *length = http_header(r->x, "Content-Length");
    unsigned lengths = http_header_count(r->x, "Content-Length");
    unsigned codings = http_header_count(r->x, "Transfer-Encoding");

    *ret_length = 0;
    *ret_chunked = codings > 0;
    if (lengths + codings > 1 || http_header_count(r->x, "Host") > 1 ||
        (length != NULL && al_parse_u64(length, ret_length) != AL_OK)) {
        r->over = true;
        return request_fail(r, 400, AL_EINVAL, "the request's length or host is told in two ways");
    }
    if (codings == 1 && strcmp(http_header(r->x, "Transfer-Encoding"), "chunked") != 0) {
        r->over = true;
        return request_fail(r, 501, AL_ENOTSUP, "only Transfer-Encoding: chunked is understood");
    }
    return AL_OK;
}

static bool
type_is(const char *type, const char *want)
{
    size_t len = strlen(want);

    return strncmp(type, want, len) == 0 &&
           (type[len] == '\0' || type[len] == ';' || type[len] == ' ');
}

static int
check_body(struct request *r, uint64_t length, bool chunked)
{
    const char *type = http_header(r->x, "Content-Type");
    const char *coding = http_header(r->x, "Content-Encoding");
    bool operation = r->kind == REQUEST_OPERATION;
    bool host = operation && (r->route->roles & ROLE_HOST) != 0, raw = operation && r->route->raw;

    if (length == 0 && !chunked) {
        return AL_OK;
    }
    if (r->body_max == 0 || length > r->body_max) {
        return request_fail(r, 413, AL_ELIMIT,
                            r->body_max == 0 ? "no body is taken here"
                                             : "the body is longer than %zu bytes",
                            r->body_max);
    }
    if (raw && (type == NULL || !type_is(type, "application/octet-stream"))) {
        return request_fail(r, 415, AL_ENOTSUP, "send the bytes as application/octet-stream");
    }
    if (type == NULL || !(raw || type_is(type, "application/json") ||
                          (host && (type_is(type, "application/x-ndjson") ||
                                    type_is(type, "application/octet-stream"))))) {
        return request_fail(r, 415, AL_ENOTSUP, "send the body as application/json");
    }
    r->zstd = coding != NULL && strcmp(coding, "zstd") == 0;
    if (coding != NULL && !r->zstd && strcmp(coding, "identity") != 0) {
        return request_fail(r, 415, AL_ENOTSUP, "of Content-Encoding only zstd is understood");
    }
    if (atomic_load(&r->api->body_bytes) + length > API_BODIES_BYTES_MAX) {
        return request_fail(r, 503, AL_ELIMIT, "too many bytes are on their way in");
    }
    atomic_fetch_add(&r->api->body_bytes, length);
    r->counted = length;
    al_buf_free(&r->body);
    al_buf_init(&r->body, r->body_max);
    http_expect_body(r->x, chunked ? r->body_max : length);
    return AL_OK;
}

static enum http_next
head(void *ctx, void *request, const char *method, const char *version)
{
    struct request *r = request;
    uint64_t length = 0;
    bool chunked = false;

    r->method = al_arena_str(r->arena, method);
    if (r->method == NULL) {
        return HTTP_CUT;
    }
    if (r->rc == AL_OK && http_head_bytes(r->x) > API_HEAD_BYTES_MAX) {
        (void)request_fail(r, 431, AL_ELIMIT, "the headers are longer than %zu bytes",
                           API_HEAD_BYTES_MAX);
    }
    if (check_framing(r, &length, &chunked) == AL_OK && r->rc == AL_OK && route(r) == AL_OK &&
        r->kind != REQUEST_ASSET && r->kind != REQUEST_REFUSED) {
        if (r->io->worker == NULL) {
            (void)request_fail(r, 503, AL_EUNREACH, "the store is not reachable");
        } else if (check_caller(r, r->io->worker) == AL_OK) {
            (void)check_body(r, length, chunked);
        }
    } else if (r->rc == AL_OK && (length > 0 || chunked)) {
        (void)check_body(r, length, chunked);
    }
    if (r->rc != AL_OK && (chunked || length > EARLY_BYTES_MAX || r->over)) {
        r->over = true;
        return reply_send(r);
    }
    return HTTP_GO_ON;
}

/* ---- body ---- */

static enum http_next
body(void *ctx, void *request, const void *bytes, size_t len)
{
    struct request *r = request;
    uint64_t had = r->body.len;
    int rc;

    if (r->rc == AL_OK) {
        rc = al_buf_add(&r->body, bytes, len);
        if (rc == AL_OK) {
            if (had + len > r->counted) { /* chunked: not told before */
                atomic_fetch_add(&r->api->body_bytes, had + len - r->counted);
                r->counted = had + len;
            }
            return HTTP_GO_ON;
        }
        r->over = true;
        (void)request_fail(r, rc == AL_ELIMIT ? 413 : 0, rc, "the body is longer than %zu bytes",
                           r->body_max);
    }
    r->discarded += len;
    return r->discarded > EARLY_BYTES_MAX + r->body_max ? HTTP_CUT : HTTP_GO_ON;
}

/* Once, before the operation first runs, and where there is time for it. */
static int
read_body(struct request *r)
{
    const char *type = http_header(r->x, "Content-Type");
    int rc;

    if (r->body_read || r->body.len == 0) {
        return AL_OK;
    }
    r->body_read = true;
    if (r->zstd) {
        struct al_buf plain;

        al_buf_init(&plain, r->body_max + 1);
        rc = wire_zstd_decompress(al_buf_span(&r->body), r->body_max, &plain);
        if (rc != AL_OK) {
            al_buf_free(&plain);
            return request_fail(r,
                                rc == AL_ELIMIT     ? 413
                                : rc == AL_ECORRUPT ? 400
                                                    : 0,
                                rc == AL_ECORRUPT ? AL_EINVAL : rc,
                                rc == AL_ELIMIT ? "the body is longer than %zu bytes when unpacked"
                                                : "the body is no whole zstd frame",
                                r->body_max);
        }
        al_buf_free(&r->body);
        r->body = plain;
    }
    if (type != NULL && type_is(type, "application/json")) {
        rc = al_json_parse(al_buf_span(&r->body), &r->json, &r->fail);
        if (rc != AL_OK) {
            return request_fail(r, rc == AL_EINVAL ? 400 : 0, rc, "the body is no JSON");
        }
    }
    return AL_OK;
}

/* ---- running ---- */

static const char *
query(void *ctx, const char *name)
{
    struct request *r = ctx;

    return uri_param(&r->uri, name);
}

/* Keeps what a parked request needs; AL_OK or a failure of the request. */
static int
keep_parked(struct request *r, int64_t now_ns)
{
    int64_t wait_ns = r->reply.park_until_ns - now_ns;

    if (r->due) {
        return request_fail(r, 500, AL_EINTERNAL,
                            "the operation does not answer when its time is up");
    }
    if (r->topic != NULL) {
        return AL_OK; /* woken for nothing: the time that was given first stands */
    }
    wait_ns = wait_ns < 0 ? 0 : wait_ns > API_PARK_NS_MAX ? API_PARK_NS_MAX : wait_ns;
    r->until_ns = now_ns + wait_ns;
    r->due_mono_ns = port_mono_ns(r->api->port) + wait_ns;
    r->topic = al_arena_str(r->arena, r->reply.park_topic);
    return r->topic == NULL ? request_fail(r, 0, AL_ENOMEM, "no memory for the request") : AL_OK;
}

static void
fill_req(struct request *r, struct service_worker *w, struct service_req *q)
{
    bool loopback;

    *q = (struct service_req){
        .service = r->api->service,
        .worker = w,
        .caller = &r->caller,
        .op = r->route != NULL ? r->route->op : NULL,
        .query = query,
        .query_ctx = r,
        .body = r->json,
        .raw = al_buf_span(&r->body),
        .if_match = http_header(r->x, "If-Match"),
        .if_none_match = http_header(r->x, "If-None-Match"),
        .idempotency_key = http_header(r->x, "Idempotency-Key"),
        .peer = http_peer(r->x, &loopback),
        .now_ns = port_now_ns(r->api->port),
        .arena = r->arena,
    };
    memcpy(q->ids, r->ids, sizeof(q->ids));
    if (r->due && q->now_ns < r->until_ns) {
        q->now_ns = r->until_ns; /* the wall clock was set back meanwhile */
    }
}

bool
request_run(struct request *r, struct service_worker *w)
{
    struct service_req q;
    struct al_buf kept;

    if (r->kind == REQUEST_METRICS) {
        metrics_run(r, w);
        return true;
    }
    if (read_body(r) != AL_OK) {
        return true;
    }
    r->wakes_seen = park_wakes(r->api->park);
    fill_req(r, w, &q);
    al_buf_clear(&r->reply.body);
    kept = r->reply.body;
    r->reply = (struct service_reply){
        .status = 200, .body = kept, .park_until_ns = r->topic != NULL ? r->until_ns : 0};
    r->fail = (struct al_fail){0};
    r->rc = r->route->fn(&q, &r->reply, &r->fail);
    if (r->rc == AL_OK && r->reply.park_topic != NULL) {
        return keep_parked(r, q.now_ns) != AL_OK;
    }
    if (r->rc == AL_EINVAL && r->json == NULL && r->fail.text[0] == '\0') {
        (void)request_fail(r, 0, AL_EINVAL, "a parameter is wrong");
    }
    return true;
}

void
request_finish(struct request *r)
{
    struct http_exchange *x = r->x;

    atomic_store_explicit(&r->state, REQUEST_DONE, memory_order_release);
    http_resume(x);
}

static enum http_next
hand_over(struct request *r)
{
    if (!pool_reserve(r->api->pool)) {
        r->reply.retry_after_s = 1;
        (void)request_fail(r, 503, AL_ELIMIT, "too many requests are waiting; try again");
        return reply_send(r);
    }
    atomic_store_explicit(&r->state, REQUEST_RUNNING, memory_order_relaxed);
    http_suspend(r->x);
    pool_put(r->api->pool, r);
    return HTTP_SUSPENDED;
}

/* Filters beside these may make the store look at many rows to find a page's worth. */
static bool
short_question(const struct request *r)
{
    static const char *const short_ones[] = {"limit", "cursor", "customer_id", "volume_id",
                                             "host_id"};
    size_t known = 0;

    if (!r->route->quick || r->body.len > 0) {
        return false;
    }
    for (size_t i = 0; i < AL_LEN(short_ones); i++) {
        known += uri_param(&r->uri, short_ones[i]) != NULL;
    }
    return known == r->uri.params;
}

static enum http_next
start(struct request *r)
{
    if (atomic_load_explicit(&r->api->stopping, memory_order_relaxed) && r->rc == AL_OK) {
        (void)request_fail(r, 503, AL_EUNREACH, "altod is stopping");
    }
    if (r->rc != AL_OK) {
        return reply_send(r);
    }
    switch (r->kind) {
    case REQUEST_REFUSED:
        return reply_send(r);
    case REQUEST_ASSET:
        return assets_send(r);
    case REQUEST_STREAM:
        return streams_begin(r->api->streams, r);
    case REQUEST_METRICS:
        return hand_over(r);
    case REQUEST_OPERATION:
        break;
    }
    /* A short question costs less than the way to a worker and back. Such an operation never parks.
     */
    if (short_question(r)) {
        if (!request_run(r, r->io->worker)) {
            (void)request_fail(r, 500, AL_EINTERNAL, "a quick operation wants to wait");
        }
        return reply_send(r);
    }
    return hand_over(r);
}

static enum http_next
ready(void *ctx, void *request)
{
    struct request *r = request;

    switch (atomic_load_explicit(&r->state, memory_order_acquire)) {
    case REQUEST_READING:
        return start(r);
    case REQUEST_RUNNING:
        return HTTP_SUSPENDED;
    case REQUEST_DONE:
        break;
    }
    return r->rc == AL_ECANCELED && r->topic != NULL ? HTTP_CUT : reply_send(r);
}

/* ---- I/O threads ---- */

static void *
io_open(void *ctx)
{
    struct api *a = ctx;
    struct io *io = al_zalloc(sizeof(*io));
    struct al_fail fail = {0};

    if (io == NULL) {
        return NULL;
    }
    io->api = a;
    if (service_worker_open(a->service, &io->worker, &fail) != AL_OK) {
        al_log(a->log, AL_LOG_ERROR, "an I/O thread has no store connection: %s", fail.text);
    }
    return io;
}

static void
io_close(void *ctx, void *arg)
{
    struct io *io = arg;

    if (io == NULL) {
        return;
    }
    while (io->free != NULL) {
        struct request *r = io->free;

        io->free = r->next_free;
        al_arena_free(r->arena);
        al_free(r);
    }
    service_worker_close(io->worker);
    al_free(io);
}

struct http_app
request_app(struct api *a)
{
    return (struct http_app){
        .ctx = a,
        .io_open = io_open,
        .io_close = io_close,
        .begin = begin,
        .head = head,
        .body = body,
        .ready = ready,
        .end = end,
    };
}
