/* api.h: altod over HTTP: REST operations, long polls, live events, metrics, and the console's
 * files.
 *
 *   I/O threads      read, check, answer small questions themselves (routes marked `quick`), send
 *   workers          a bounded number; each runs one operation at a time with its own
 *                    service_worker
 *   housekeeper      time limits, parked requests, heart-beats
 *
 * Threads: api_open, api_quiesce and api_close from one thread. The service must outlive the
 * api. */
#ifndef ALTO_SERVER_API_API_H
#define ALTO_SERVER_API_API_H

#include "base/log.h"
#include "port/port.h"

struct api;
struct service;

struct api_conf {
    struct service *service;
    struct port *port;
    struct al_log *log;
    int listen_socket;    /* stays the caller's */
    unsigned workers;     /* 0: API_WORKERS_DEFAULT */
    unsigned io_threads;  /* 0: one per core */
    const char *cert_pem; /* NULL: plain HTTP */
    const char *key_pem;
    /* absolute; NULL, or nothing there: a page that says how to build it */
    const char *console_dir;
    const char *version;
    /* For tests, 0: as in limits.h. */
    unsigned queue_max, connections_max, streams_max, parked_max;
    int64_t idle_ns, head_ns, body_ns, send_ns, beat_ns, look_ns;
};

/* AL_EIO, AL_ENOMEM, and what the service says when a worker is opened. */
int api_open(const struct api_conf *conf, struct api **ret, struct al_fail *fail) AL_MUST_CHECK;
/* Finishes what is under way, ends streams and long polls, closes all connections. True: all is
 * freed. False: after wait_ns something was still running; then nothing was freed, and the process
 * must end. NULL is fine. */
bool api_close(struct api *a, int64_t wait_ns);

#endif
