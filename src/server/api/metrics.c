#include "server/api/api_priv.h"

#include <string.h>

#include "base/mem.h"

/* Prometheus' text form. Labels carry routes and statuses, never a customer. Counters are bumped
 * without a lock by all I/O threads. */

#define ROUTES_MAX 128u

static const int statuses[] = {200, 201, 202, 204, 304, 400, 401, 403, 404, 405, 409, 412,
                               413, 414, 415, 422, 428, 429, 431, 500, 501, 503, 0 /* other */};
static const double bounds_s[] = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                  0.25,   0.5,   1,      2.5,   5,    10,    30};

struct route_metrics {
    atomic_uint_fast64_t status[AL_LEN(statuses)];
    atomic_uint_fast64_t slower[AL_LEN(bounds_s) +
                                1]; /* slot i: took at most bounds_s[i], more than the one before */
    atomic_uint_fast64_t total_ns;
};

struct metrics {
    struct route_metrics route[ROUTES_MAX + 4]; /* operations, then: none, stream, metrics, asset */
};

int
metrics_open(struct metrics **ret)
{
    struct metrics *m = al_zalloc(sizeof(*m));

    if (m == NULL) {
        return AL_ENOMEM;
    }
    *ret = m;
    return AL_OK;
}

struct metrics *
metrics_close(struct metrics *m)
{
    al_free(m);
    return NULL;
}

static size_t
slot_of(const struct request *r)
{
    size_t count;
    const struct service_route *first = service_routes(&count);

    if (r->route != NULL && (size_t)(r->route - first) < ROUTES_MAX) {
        return (size_t)(r->route - first);
    }
    return ROUTES_MAX + (r->kind == REQUEST_STREAM    ? 1u
                         : r->kind == REQUEST_METRICS ? 2u
                         : r->kind == REQUEST_ASSET   ? 3u
                                                      : 0u);
}

void
metrics_add(struct metrics *m, const struct request *r, int status, int64_t took_ns)
{
    struct route_metrics *at = &m->route[slot_of(r)];
    size_t s = 0, b = 0;

    while (s + 1 < AL_LEN(statuses) && statuses[s] != status) {
        s++;
    }
    while (b < AL_LEN(bounds_s) && (double)took_ns > bounds_s[b] * 1e9) {
        b++;
    }
    atomic_fetch_add_explicit(&at->status[s], 1, memory_order_relaxed);
    if (r->kind != REQUEST_STREAM) { /* how long somebody watched is no latency */
        atomic_fetch_add_explicit(&at->slower[b], 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&at->total_ns, (uint64_t)took_ns, memory_order_relaxed);
    }
}

/* ---- telling ---- */

struct telling {
    struct al_buf *out;
    int rc;
};

AL_PRINTF(2, 3)
static void
tell(struct telling *t, const char *format, ...)
{
    char line[256];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (t->rc == AL_OK) {
        t->rc = al_buf_adds(t->out, line);
    }
}

static const char *
name_of(size_t slot)
{
    static const char *const others[] = {"none", "events_get", "metrics_get", "console"};
    size_t count;
    const struct service_route *first = service_routes(&count);

    if (slot >= ROUTES_MAX) {
        return others[slot - ROUTES_MAX];
    }
    return slot < count ? first[slot].op : NULL;
}

static void
tell_requests(struct metrics *m, struct telling *t)
{
    tell(t, "# HELP alto_http_requests_total Requests by operation and status.\n"
            "# TYPE alto_http_requests_total counter\n");
    for (size_t i = 0; i < AL_LEN(m->route); i++) {
        for (size_t s = 0; name_of(i) != NULL && s < AL_LEN(statuses); s++) {
            uint64_t n = atomic_load_explicit(&m->route[i].status[s], memory_order_relaxed);

            if (n > 0) {
                tell(t, "alto_http_requests_total{operation=\"%s\",status=\"%d\"} %llu\n",
                     name_of(i), statuses[s], (unsigned long long)n);
            }
        }
    }
}

static void
tell_times(struct metrics *m, struct telling *t)
{
    tell(t, "# HELP alto_http_request_seconds From the request line to the end of the answer.\n"
            "# TYPE alto_http_request_seconds histogram\n");
    for (size_t i = 0; i < AL_LEN(m->route); i++) {
        const char *name = name_of(i);
        uint64_t sum = 0;

        for (size_t b = 0; name != NULL && b <= AL_LEN(bounds_s); b++) {
            sum += atomic_load_explicit(&m->route[i].slower[b], memory_order_relaxed);
        }
        if (sum == 0) {
            continue;
        }
        sum = 0;
        for (size_t b = 0; b < AL_LEN(bounds_s); b++) {
            sum += atomic_load_explicit(&m->route[i].slower[b], memory_order_relaxed);
            tell(t, "alto_http_request_seconds_bucket{operation=\"%s\",le=\"%g\"} %llu\n", name,
                 bounds_s[b], (unsigned long long)sum);
        }
        sum += atomic_load_explicit(&m->route[i].slower[AL_LEN(bounds_s)], memory_order_relaxed);
        tell(t,
             "alto_http_request_seconds_bucket{operation=\"%s\",le=\"+Inf\"} %llu\n"
             "alto_http_request_seconds_sum{operation=\"%s\"} %.6f\n"
             "alto_http_request_seconds_count{operation=\"%s\"} %llu\n",
             name, (unsigned long long)sum, name,
             (double)atomic_load_explicit(&m->route[i].total_ns, memory_order_relaxed) / 1e9, name,
             (unsigned long long)sum);
    }
}

static void
gauge(struct telling *t, const char *name, const char *help, uint64_t value)
{
    tell(t, "# HELP %s %s\n# TYPE %s gauge\n%s %llu\n", name, help, name, name,
         (unsigned long long)value);
}

static void
tell_server(struct api *a, struct telling *t)
{
    unsigned waiting, running, workers, streams;
    uint64_t cut;

    pool_count(a->pool, &waiting, &running, &workers);
    streams_count(a->streams, &streams, &cut);
    tell(t,
         "# HELP alto_build_info The program.\n# TYPE alto_build_info gauge\n"
         "alto_build_info{version=\"%s\"} 1\n",
         a->version);
    gauge(t, "alto_http_connections", "Open connections.", http_connections(a->http));
    gauge(t, "alto_http_parked", "Long polls that wait.", park_count(a->park));
    gauge(t, "alto_http_streams", "Streams of events.", streams);
    gauge(t, "alto_http_body_bytes", "Bytes of request bodies in memory.",
          atomic_load(&a->body_bytes));
    gauge(t, "alto_workers", "Workers there are.", workers);
    gauge(t, "alto_workers_running", "Workers that run an operation.", running);
    gauge(t, "alto_workers_queue", "Requests that wait for a worker.", waiting);
    tell(t,
         "# HELP alto_http_streams_cut_total Streams cut because their client was too slow.\n"
         "# TYPE alto_http_streams_cut_total counter\nalto_http_streams_cut_total %llu\n",
         (unsigned long long)cut);
}

static const char *
no_query(void *ctx, const char *name)
{
    return NULL;
}

/* How Alto stands: what the operation figures_get tells an operator, each number a gauge. */
static void
tell_figures(struct request *r, struct service_worker *w, struct telling *t)
{
    AL_CLEANUP(al_json_freep) json_t *figures = NULL;
    AL_CLEANUP(al_buf_free) struct al_buf text = {.max = 64u << 10};
    struct caller system = {.role = ROLE_OPERATOR, .name = "metrics"};
    struct service_req q = {.service = r->api->service,
                            .worker = w,
                            .caller = &system,
                            .query = no_query,
                            .now_ns = port_now_ns(r->api->port),
                            .peer = "",
                            .arena = r->arena};
    struct service_reply reply = {.status = 200};
    const struct service_route *route;
    const char *key;
    json_t *value;
    bool wrong;
    int rc;

    route = service_route_find("GET", "/api/v1/figures", r->arena, q.ids, &wrong);
    if (route == NULL) {
        return;
    }
    reply.body = text;
    rc = route->fn(&q, &reply, NULL);
    text = reply.body;
    if (rc != AL_OK || al_json_parse(al_buf_span(&text), &figures, NULL) != AL_OK) {
        return; /* the server's own figures are worth having without these */
    }
    json_object_foreach(figures, key, value)
    {
        if (json_is_integer(value)) {
            tell(t, "# TYPE alto_%s gauge\nalto_%s %lld\n", key, key,
                 (long long)json_integer_value(value));
        }
    }
}

void
metrics_run(struct request *r, struct service_worker *w)
{
    struct telling t = {.out = &r->reply.body};

    tell_server(r->api, &t);
    tell_figures(r, w, &t);
    tell_requests(r->api->metrics, &t);
    tell_times(r->api->metrics, &t);
    r->reply.content_type = "text/plain; version=0.0.4; charset=utf-8";
    if (t.rc != AL_OK) {
        (void)request_fail(r, 0, t.rc, "no memory for the metrics");
    }
}
