/* limits.h: every limit of the HTTP layer, with its unit and the reason for the number. */
#ifndef ALTO_SERVER_API_LIMITS_H
#define ALTO_SERVER_API_LIMITS_H

#include <stddef.h>
#include <stdint.h>

#define API_MS INT64_C(1000000)
#define API_S INT64_C(1000000000)

/* ---- connections ---- */
#define API_CONNECTIONS_MAX 12000u /* 10,000 agents parked, and people */
#define API_BACKLOG 1024           /* connections the kernel holds for us */
#define API_IO_THREADS_MAX 8u      /* one per core; more only fight for the same cores */
/* library's memory of one: request head, and head of the answer */
#define API_CONNECTION_BYTES ((size_t)32 << 10)

/* ---- a request on its way in ---- */
#define API_HEAD_BYTES_MAX ((size_t)16 << 10) /* request line and headers: 431 */
/* a cursor and a path of 4,096 bytes, percent-encoded: 414 */
#define API_URI_BYTES_MAX ((size_t)12 << 10)
#define API_PATH_BYTES_MAX ((size_t)2048) /* decoded */
#define API_QUERY_PARAMS_MAX 32u
/* a connection without a request; browsers and proxies keep one about as long */
#define API_IDLE_NS (INT64_C(60) * API_S)
#define API_HEAD_NS (INT64_C(30) * API_S) /* for request line and headers, however they drip */
#define API_BODY_NS (INT64_C(30) * API_S) /* for a body, and a second more for each: */
#define API_BODY_BYTES_PER_S ((uint64_t)32 << 10)
/* for the answer to be taken, and a second more for each: */
#define API_SEND_NS (INT64_C(60) * API_S)
#define API_SEND_BYTES_PER_S ((uint64_t)32 << 10)
#define API_BODIES_BYTES_MAX ((uint64_t)256 << 20) /* of all requests together: 503 */
/* short-lived memory of one request: a ceiling, taken as needed */
#define API_REQUEST_ARENA_BYTES ((size_t)64 << 20)

/* ---- operations ---- */
#define API_WORKERS_DEFAULT 8u
#define API_WORKERS_MAX 64u
#define API_QUEUE_MAX 1024u                    /* requests that wait for a worker: 503 beyond */
#define API_REPLY_BYTES_MAX ((size_t)64 << 20) /* one answer */
#define API_PARKED_MAX 10000u                  /* long polls: 503 beyond */
#define API_PARK_NS_MAX (INT64_C(120) * API_S) /* the longest an operation may ask to be parked */

/* ---- live events ---- */
#define API_STREAMS_MAX 512u /* browsers watching: 503 beyond */
/* one person's tabs share one; the rest is other machines */
#define API_STREAMS_PER_CALLER_MAX 32u
/* for Last-Event-ID, and how far a slow client may fall behind before it is cut */
#define API_EVENTS_KEPT 1024u
#define API_EVENTS_BYTES_MAX ((size_t)16 << 20) /* of those: the oldest go first */
#define API_BEAT_NS (INT64_C(15) * API_S)
/* how often parked connections are asked whether the client is still there */
#define API_LOOK_NS (INT64_C(5) * API_S)

/* ---- console ---- */
#define API_ASSETS_MAX 4096u
#define API_ASSETS_BYTES_MAX ((size_t)64 << 20)

/* ---- stopping ---- */
#define API_STOP_NS (INT64_C(5) * API_S)

#endif
