/* http.h: HTTP/1.1 as the rest of this folder sees it; http.c is the one file that includes
 * libmicrohttpd.
 *
 *   begin ─▶ head ─▶ body ... ─▶ ready ─▶ answered ─▶ end
 *                                 │  ▲
 *                          suspend└──┘resume, from any thread, as often as needed
 *
 * Each exchange (one request and its answer) lives on one I/O thread; all callbacks but
 * http_resume's caller run there. A callback says what is to happen next with enum http_next. Total
 * time limits are kept here (limits.h): whoever drips bytes is cut. */
#ifndef ALTO_SERVER_API_HTTP_H
#define ALTO_SERVER_API_HTTP_H

#include "base/bytes.h"
#include "base/log.h"
#include "port/port.h"

struct http;
struct http_exchange;

enum http_next {
    HTTP_GO_ON,     /* after head and body: the rest may come */
    HTTP_ANSWERED,  /* http_answer was called */
    HTTP_SUSPENDED, /* http_suspend was called; `ready` comes again after http_resume */
    HTTP_CUT        /* close the connection, nothing is said */
};

struct http_app {
    void *ctx;
    /* Once per I/O thread, in it, before its first exchange: what `io` will be. NULL is allowed. */
    void *(*io_open)(void *ctx);
    void (*io_close)(void *ctx, void *io); /* after all I/O threads are gone */
    /* A request line came. uri is raw (nothing decoded) and lent for the call. NULL: cut. */
    void *(*begin)(void *ctx, void *io, struct http_exchange *x, const char *uri);
    enum http_next (*head)(void *ctx, void *request, const char *method, const char *version);
    /* HTTP_GO_ON or HTTP_CUT */
    enum http_next (*body)(void *ctx, void *request, const void *bytes, size_t len);
    enum http_next (*ready)(void *ctx, void *request);
    void (*end)(void *ctx, void *request, bool sent); /* request is given back; x is gone */
};

struct http_conf {
    int listen_socket; /* stays the caller's; closed after http_close */
    unsigned io_threads;
    unsigned connections_max;
    const char *cert_pem, *key_pem; /* NULL: no TLS */
    struct port *port;
    struct al_log *log;
    /* Time limits, here so that tests need not wait for minutes; 0: those of limits.h. */
    int64_t idle_ns, head_ns, body_ns, send_ns;
};

int http_open(const struct http_conf *conf, const struct http_app *app, struct http **ret,
              struct al_fail *fail) AL_MUST_CHECK;
void http_quiesce(struct http *h);       /* accepts no more connections */
struct http *http_close(struct http *h); /* nothing may be suspended any more; NULL is fine */
/* Cuts what is over its time; call about once a second. */
void http_sweep(struct http *h, int64_t mono_ns);
unsigned http_connections(const struct http *h);

/* ---- the request ---- */
/* NULL: absent. Lent until the end */
const char *http_header(struct http_exchange *x, const char *name);
unsigned http_header_count(struct http_exchange *x, const char *name);
size_t http_head_bytes(struct http_exchange *x);
const char *http_peer(struct http_exchange *x, bool *ret_loopback);
int http_socket(struct http_exchange *x); /* for port_socket_gone */
/* From now on the body has this long to come. */
void http_expect_body(struct http_exchange *x, uint64_t bytes);

/* ---- the answer ---- */
struct http_field {
    const char *name, *value; /* lent for the call */
};
#define HTTP_FIELDS_MAX 16u
/* Fills `to` with up to room bytes. *ret_len 0 with HTTP_SUSPENDED after http_suspend;
 * HTTP_ANSWERED: the end; HTTP_CUT: ends it broken. */
typedef enum http_next http_stream_fn(void *request, uint8_t *to, size_t room, size_t *ret_len);
struct http_answer {
    int status;
    struct http_field field[HTTP_FIELDS_MAX];
    size_t fields;
    /* One of the four: */
    /* its bytes are taken and freed when sent; the buffer is empty afterwards */
    struct al_buf *taken;
    struct al_span fixed; /* stays as long as the server */
    http_stream_fn *stream;
    struct port_file *file; /* its first file_bytes; taken, and closed when sent or cut */
    uint64_t file_bytes;
};
/* beyond HTTP_FIELDS_MAX: asserted */
void http_answer_field(struct http_answer *a, const char *name, const char *value);
/* In head or ready. HTTP_ANSWERED, or HTTP_CUT when there is no memory. */
enum http_next http_answer(struct http_exchange *x, struct http_answer *a);

/* In head, ready or a stream function, before anybody can call http_resume for it. */
void http_suspend(struct http_exchange *x);
void http_resume(struct http_exchange *x); /* any thread, once per suspend */

#endif
