/* api_priv.h: what the files of src/server/api share.
 *
 *   request.c  one request from its first line to its end     check.c   who, and may they
 *              reply.c  answers and problems
 *   pool.c     the bounded workers                             park.c    long polls
 *              stream.c live events
 *   asset.c    the console's files                             metrics.c /metrics
 *              api.c    open, close, housekeeping */
#ifndef ALTO_SERVER_API_API_PRIV_H
#define ALTO_SERVER_API_API_PRIV_H

#include <stdatomic.h>

#include "base/list.h"
#include "port/thread.h"
#include "server/api/api.h"
#include "server/api/http.h"
#include "server/api/limits.h"
#include "server/api/uri.h"
#include "server/service/service.h"

struct asset_set;
struct metrics;
struct pool;
struct park;
struct streams;
struct stream;

enum request_kind {
    REQUEST_REFUSED,
    REQUEST_OPERATION,
    REQUEST_STREAM,
    REQUEST_METRICS,
    REQUEST_ASSET
};
enum request_state { REQUEST_READING, REQUEST_RUNNING, REQUEST_DONE };

struct request {
    struct api *api;
    struct io *io;
    struct http_exchange *x;
    struct al_arena *arena;
    struct al_list node; /* in the pool's queue, or parked */
    struct request *next_free;
    int64_t began_ns; /* monotonic */
    enum request_kind kind;
    _Atomic(enum request_state) state;
    const char *method;
    struct uri uri;
    const struct service_route *route;
    const char *ids[4];
    struct caller caller;
    const char *bearer, *cookie; /* arena; NULL: none */
    /* The body. */
    struct al_buf body;
    size_t body_max;
    uint64_t discarded, counted;
    bool zstd, over, body_read;
    json_t *json;
    /* How it went: rc AL_OK and a reply, or a problem. status 0: follows from rc. */
    int rc, status;
    struct al_fail fail;
    struct service_reply reply;
    const char *allow; /* arena; for 405 and OPTIONS */
    /* Parked. */
    uint32_t park_slot;
    uint64_t wakes_seen;
    const char *topic; /* arena */
    int64_t due_mono_ns, until_ns;
    bool due;
    struct stream *stream;
};

struct io { /* of one I/O thread */
    struct api *api;
    struct service_worker *worker; /* NULL: could not be opened; then everything goes to the pool */
    struct request *free;
    unsigned free_count;
};

struct api {
    struct service *service;
    struct port *port;
    struct al_log *log;
    const char *version;
    bool tls;
    struct http *http;
    struct asset_set *assets;
    struct metrics *metrics;
    struct pool *pool;
    struct park *park;
    struct streams *streams;
    atomic_uint_fast64_t body_bytes; /* of all requests */
    atomic_uint exchanges;           /* from request line to end of answer */
    atomic_bool stopping;
    struct port_thread housekeeper;
    bool housekeeper_runs;
    port_mutex lock;
    port_cond wake;
    bool end;
    int64_t look_ns;
};

/* ---- request.c ---- */
struct http_app request_app(struct api *a);
/* Runs the operation with w; true: finished, false: it wants to be parked. */
bool request_run(struct request *r, struct service_worker *w);
/* Back to the I/O thread, which answers. Any thread; r is not the caller's any more. */
void request_finish(struct request *r);
/* Makes it a problem. status 0: follows from code. Returns code. */
int request_fail(struct request *r, int status, int code, const char *format, ...) AL_PRINTF(4, 5);

/* ---- check.c ---- */
/* Finds out who is calling and whether they may; fails the request otherwise. */
int check_caller(struct request *r, struct service_worker *w);
/* True for methods that change something. */
bool check_is_write(const char *method);

/* ---- reply.c ---- */
enum http_next reply_send(struct request *r);
int reply_status_of(const struct request *r);

/* ---- pool.c ---- */
int pool_open(struct api *a, unsigned workers, unsigned queue_max, struct pool **ret,
              struct al_fail *fail) AL_MUST_CHECK;
/* False: full. Otherwise a place is kept, and pool_put must follow. */
bool pool_reserve(struct pool *p);
void pool_put(struct pool *p, struct request *r);
void pool_put_parked(struct pool *p, struct request *r); /* always fits: it was counted as parked */
/* Waits until nothing runs and nothing waits, then ends the workers. False after wait_ns. */
bool pool_drain(struct pool *p, int64_t wait_ns);
struct pool *pool_close(struct pool *p);
void pool_count(struct pool *p, unsigned *ret_waiting, unsigned *ret_running,
                unsigned *ret_workers);

/* ---- park.c ---- */
int park_open(struct api *a, unsigned max, struct park **ret) AL_MUST_CHECK;
struct park *park_close(struct park *p);
/* to be taken before an operation looks at the state it may park on */
uint64_t park_wakes(struct park *p);
enum park_result { PARKED, PARK_WOKEN /* meanwhile: run it again */, PARK_FULL };
enum park_result park_put(struct park *p, struct request *r);
void park_wake(void *park, const char *topic);
/* Hands what is due to the pool; *ret_next_ns (monotonic) is when to come back. look: also drop
 * those whose client has gone. */
void park_sweep(struct park *p, int64_t mono_ns, bool look, int64_t *ret_next_ns);
unsigned park_count(struct park *p);

/* ---- stream.c ---- */
int streams_open(struct api *a, unsigned max, int64_t beat_ns, struct streams **ret) AL_MUST_CHECK;
struct streams *streams_close(struct streams *s);
void streams_publish(void *streams, const struct service_event *e);
enum http_next streams_begin(struct streams *s, struct request *r);
void streams_end(struct streams *s, struct request *r);
void streams_sweep(struct streams *s, int64_t mono_ns, bool look);
void streams_stop(struct streams *s);
void streams_count(struct streams *s, unsigned *ret_open, uint64_t *ret_cut);

/* ---- asset.c ---- */
int assets_open(struct port *port, const char *dir, struct al_log *log, struct asset_set **ret,
                struct al_fail *fail) AL_MUST_CHECK;
struct asset_set *assets_close(struct asset_set *s);
enum http_next assets_send(struct request *r);

/* ---- metrics.c ---- */
int metrics_open(struct metrics **ret) AL_MUST_CHECK;
struct metrics *metrics_close(struct metrics *m);
void metrics_add(struct metrics *m, const struct request *r, int status, int64_t took_ns);
/* Runs in a worker: fills r->reply. */
void metrics_run(struct request *r, struct service_worker *w);

#endif
