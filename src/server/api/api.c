#include "server/api/api_priv.h"

#include "base/mem.h"
#include "port/listen.h"

#define PAUSE_NS                                                                                   \
    (INT64_C(50) * API_MS) /* between two sweeps at least: what is due meanwhile is done at once   \
                            */
#define SWEEP_NS (INT64_C(1000) * API_MS)
#define CLOSE_STEP_NS (INT64_C(10) * API_MS)
#define LAST_WORDS_NS                                                                              \
    (INT64_C(1000) * API_MS) /* for answers that are on their way when everything else is done */

/* Time limits, long polls that are due, heart-beats, and clients that have gone. */
static void *
keep_house(void *arg)
{
    struct api *a = arg;
    int64_t sweep_ns = 0, look_ns = 0;

    port_mutex_lock(&a->lock);
    while (!a->end) {
        int64_t now_ns = port_mono_ns(a->port), next_ns = now_ns + SWEEP_NS;
        bool look = now_ns - look_ns >= a->look_ns;

        port_mutex_unlock(&a->lock);
        park_sweep(a->park, now_ns, look, &next_ns);
        if (look || now_ns - sweep_ns >= SWEEP_NS) {
            http_sweep(a->http, now_ns);
            streams_sweep(a->streams, now_ns, look);
            sweep_ns = now_ns;
        }
        look_ns = look ? now_ns : look_ns;
        port_sleep_ns(a->port, PAUSE_NS);
        port_mutex_lock(&a->lock);
        now_ns = port_mono_ns(a->port);
        if (!a->end && next_ns > now_ns) {
            (void)port_cond_wait_for(&a->wake, &a->lock, next_ns - now_ns);
        }
    }
    port_mutex_unlock(&a->lock);
    return NULL;
}

static void
free_all(struct api *a)
{
    if (a->housekeeper_runs) {
        port_mutex_lock(&a->lock);
        a->end = true;
        port_cond_signal(&a->wake);
        port_mutex_unlock(&a->lock);
        port_thread_join(&a->housekeeper);
    }
    /* The I/O threads end first: until then they hand requests to the pool, and answer what it
     * gives back. */
    http_close(a->http);
    pool_close(a->pool);
    park_close(a->park);
    streams_close(a->streams);
    metrics_close(a->metrics);
    assets_close(a->assets);
    port_cond_end(&a->wake);
    port_mutex_end(&a->lock);
    al_free(a);
}

static unsigned
or_default(unsigned value, unsigned otherwise, unsigned max)
{
    value = value == 0 ? otherwise : value;
    return value > max ? max : value;
}

static int
open_parts(struct api *a, const struct api_conf *conf, struct al_fail *fail)
{
    int64_t beat_ns = conf->beat_ns > 0 ? conf->beat_ns : API_BEAT_NS;
    struct http_conf hc = {
        .listen_socket = conf->listen_socket,
        .io_threads = or_default(conf->io_threads, port_cpu_count(), API_IO_THREADS_MAX),
        .connections_max = or_default(conf->connections_max, API_CONNECTIONS_MAX, 1u << 20),
        .cert_pem = conf->cert_pem,
        .key_pem = conf->key_pem,
        .port = conf->port,
        .log = conf->log,
        .idle_ns = conf->idle_ns,
        .head_ns = conf->head_ns,
        .body_ns = conf->body_ns,
        .send_ns = conf->send_ns,
    };
    struct http_app app = request_app(a);
    int rc = assets_open(a->port, conf->console_dir, a->log, &a->assets, fail);

    if (rc == AL_OK) {
        rc = metrics_open(&a->metrics);
    }
    if (rc == AL_OK) {
        rc = park_open(a, or_default(conf->parked_max, API_PARKED_MAX, 1u << 20), &a->park);
    }
    if (rc == AL_OK) {
        rc = streams_open(a, or_default(conf->streams_max, API_STREAMS_MAX, 1u << 16), beat_ns,
                          &a->streams);
    }
    if (rc == AL_OK) {
        rc = pool_open(a, or_default(conf->workers, API_WORKERS_DEFAULT, API_WORKERS_MAX),
                       or_default(conf->queue_max, API_QUEUE_MAX, 1u << 20), &a->pool, fail);
    }
    if (rc == AL_OK) {
        rc = service_on_wake(a->service, park_wake, a->park);
    }
    if (rc == AL_OK) {
        rc = service_subscribe(a->service, streams_publish, a->streams);
    }
    return rc == AL_OK ? http_open(&hc, &app, &a->http, fail) : rc;
}

int
api_open(const struct api_conf *conf, struct api **ret, struct al_fail *fail)
{
    struct api *a = al_zalloc(sizeof(*a));
    int rc;

    if (a == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "no memory for the HTTP interface");
    }
    a->service = conf->service;
    a->port = conf->port;
    a->log = conf->log;
    a->version = conf->version;
    a->tls = conf->cert_pem != NULL;
    a->look_ns = conf->look_ns > 0 ? conf->look_ns : API_LOOK_NS;
    port_mutex_init(&a->lock);
    port_cond_init(&a->wake);
    rc = open_parts(a, conf, fail);
    if (rc == AL_OK) {
        rc = port_thread_start(&a->housekeeper, "housekeeper", 0, keep_house, a);
        a->housekeeper_runs = rc == AL_OK;
    }
    if (rc != AL_OK) {
        free_all(a);
        return al_fail_set(fail, rc, 0, "the HTTP interface does not start: %s", al_code_name(rc));
    }
    *ret = a;
    return AL_OK;
}

/* Ends what waits until nothing does any more. */
static bool
drain(struct api *a, int64_t wait_ns)
{
    int64_t end_ns = port_mono_ns(a->port) + wait_ns;

    for (;;) {
        int64_t next_ns = INT64_MAX, left_ns;
        unsigned streams;
        uint64_t cut;

        park_sweep(a->park, port_mono_ns(a->port), false, &next_ns);
        streams_stop(a->streams);
        left_ns = end_ns - port_mono_ns(a->port);
        if (!pool_drain(a->pool, left_ns < 0 ? 0 : left_ns)) {
            return false;
        }
        streams_count(a->streams, &streams, &cut);
        if (streams == 0 && park_count(a->park) == 0) {
            return true;
        }
        if (left_ns <= 0) {
            return false;
        }
        port_sleep_ns(a->port, CLOSE_STEP_NS);
    }
}

bool
api_close(struct api *a, int64_t wait_ns)
{
    if (a == NULL) {
        return true;
    }
    http_quiesce(a->http);
    atomic_store(&a->stopping, true);
    if (!drain(a, wait_ns)) {
        return false;
    }
    /* What was answered last is on its way: closing at once would cut it. */
    for (int64_t waited_ns = 0; atomic_load(&a->exchanges) > 0 && waited_ns < LAST_WORDS_NS;
         waited_ns += CLOSE_STEP_NS) {
        port_sleep_ns(a->port, CLOSE_STEP_NS);
    }
    free_all(a);
    return true;
}
