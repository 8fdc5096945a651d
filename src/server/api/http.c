#include "server/api/http.h"

#include <assert.h>
#include <microhttpd.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/list.h"
#include "base/mem.h"
#include "port/listen.h"
#include "port/thread.h"
#include "port/usock.h"
#include "server/api/limits.h"

/* TLS 1.2 and 1.3 with what GnuTLS holds to be normal today. */
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"
#define STREAM_BLOCK_BYTES ((size_t)16 << 10)
#define FILE_BLOCK_BYTES ((size_t)256 << 10) /* of a file on its way out, per connection */
#define PAUSE_MS 20           /* before it is looked again whether there is room for a connection */
#define SPARE_CONNECTIONS 16u /* the library counts those it is still closing */

/* What a connection is waiting for; each has its time. Suspended exchanges wait for us, not for the
 * client. */
enum phase { PHASE_HEAD, PHASE_BODY, PHASE_OURS, PHASE_SEND, PHASE_STREAM };

/* An I/O thread is a daemon of the library with one thread. We accept ourselves and deal
 * connections out by load: the library's own pool lets whichever thread wakes first take all that
 * wait, and a busy core sits beside an idle one. */
struct io_thread {
    struct http *http;
    struct MHD_Daemon *daemon;
    bool opened;
    void *io;
    atomic_uint open; /* connections */
};

struct http {
    struct http_app app;
    struct port *port;
    struct al_log *log;
    int64_t idle_ns, head_ns, body_ns, send_ns;
    port_mutex lock; /* of the list */
    struct al_list connections;
    unsigned threads, connections_max;
    struct io_thread thread[API_IO_THREADS_MAX];
    struct port_thread acceptor;
    int listener, wake; /* wake: -1 while there is none */
    bool accepts;
    atomic_bool stop;
};

struct connection {
    struct al_list node;
    struct http *http;
    struct io_thread *thread;
    int socket;
    bool loopback;
    char peer[PORT_ADDR_TEXT_MAX];
    atomic_int phase;
    atomic_int_fast64_t deadline_ns;
};

struct http_exchange {
    struct MHD_Connection *mhd;
    struct connection *connection;
    void *request;
    http_stream_fn *stream;
    bool head_done, answered;
};

static void
phase_set(struct connection *c, enum phase phase, int64_t allowed_ns)
{
    atomic_store_explicit(&c->phase, phase, memory_order_relaxed);
    atomic_store_explicit(&c->deadline_ns, port_mono_ns(c->http->port) + allowed_ns,
                          memory_order_relaxed);
}

/* ---- connections ---- */

static struct connection *
connection_new(struct io_thread *t, struct MHD_Connection *mhd)
{
    struct http *h = t->http;
    const union MHD_ConnectionInfo *info;
    struct connection *c = al_zalloc(sizeof(*c));

    if (c == NULL) {
        return NULL;
    }
    c->http = h;
    c->thread = t;
    c->socket = -1;
    info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info != NULL) {
        c->socket = info->connect_fd;
    }
    info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    port_addr_text(info != NULL ? info->client_addr : NULL, c->peer, &c->loopback);
    if (!t->opened) {
        t->opened = true;
        t->io = h->app.io_open(h->app.ctx);
    }
    phase_set(c, PHASE_HEAD, h->head_ns);
    port_mutex_lock(&h->lock);
    al_list_push(&h->connections, &c->node);
    port_mutex_unlock(&h->lock);
    return c;
}

static void
on_connection(void *ctx, struct MHD_Connection *mhd, void **socket_context,
              enum MHD_ConnectionNotificationCode what)
{
    struct io_thread *t = ctx;
    struct connection *c = *socket_context;

    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        *socket_context = connection_new(t, mhd);
        return;
    }
    atomic_fetch_sub_explicit(&t->open, 1, memory_order_relaxed);
    if (c != NULL) {
        /* The library closes the socket after this call, so that http_sweep never cuts a number
         * that is somebody else's already. */
        port_mutex_lock(&t->http->lock);
        al_list_drop(&c->node);
        port_mutex_unlock(&t->http->lock);
        al_free(c);
        *socket_context = NULL;
    }
}

void
http_sweep(struct http *h, int64_t mono_ns)
{
    port_mutex_lock(&h->lock);
    for (struct al_list *n = h->connections.next; n != &h->connections; n = n->next) {
        struct connection *c = AL_LIST_ITEM(n, struct connection, node);
        int phase = atomic_load_explicit(&c->phase, memory_order_relaxed);

        if (phase != PHASE_OURS && phase != PHASE_STREAM &&
            mono_ns > atomic_load_explicit(&c->deadline_ns, memory_order_relaxed)) {
            port_socket_cut(c->socket);
        }
    }
    port_mutex_unlock(&h->lock);
}

/* ---- the library's callbacks ---- */

static void *
on_uri(void *ctx, const char *uri, struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct http *h = ((struct io_thread *)ctx)->http;
    struct connection *c = info == NULL ? NULL : info->socket_context;
    struct http_exchange *x = c == NULL ? NULL : al_zalloc(sizeof(*x));

    if (x == NULL) {
        return NULL;
    }
    x->mhd = mhd;
    x->connection = c;
    phase_set(c, PHASE_HEAD, h->head_ns);
    x->request = h->app.begin(h->app.ctx, c->thread->io, x, uri);
    if (x->request == NULL) {
        al_free(x);
        return NULL;
    }
    return x;
}

static enum MHD_Result
do_next(struct http_exchange *x, enum http_next next)
{
    if (next == HTTP_ANSWERED) {
        x->answered = true;
    }
    return next == HTTP_CUT ? MHD_NO : MHD_YES;
}

static enum MHD_Result
on_request(void *ctx, struct MHD_Connection *mhd, const char *url, const char *method,
           const char *version, const char *upload, size_t *upload_len, void **con_cls)
{
    struct http *h = ((struct io_thread *)ctx)->http;
    struct http_exchange *x = *con_cls;
    enum http_next next;

    if (x == NULL) {
        return MHD_NO;
    }
    if (!x->head_done) {
        x->head_done = true;
        phase_set(x->connection, PHASE_BODY, h->body_ns);
        return do_next(x, h->app.head(h->app.ctx, x->request, method, version));
    }
    if (*upload_len > 0) {
        next = x->answered ? HTTP_GO_ON : h->app.body(h->app.ctx, x->request, upload, *upload_len);
        *upload_len = 0;
        return do_next(x, next);
    }
    if (x->answered) {
        return MHD_YES;
    }
    atomic_store_explicit(&x->connection->phase, PHASE_OURS, memory_order_relaxed);
    return do_next(x, h->app.ready(h->app.ctx, x->request));
}

static void
on_completed(void *ctx, struct MHD_Connection *mhd, void **con_cls,
             enum MHD_RequestTerminationCode why)
{
    struct http *h = ((struct io_thread *)ctx)->http;
    struct http_exchange *x = *con_cls;

    if (x == NULL) {
        return;
    }
    *con_cls = NULL;
    phase_set(x->connection, PHASE_HEAD, h->idle_ns);
    h->app.end(h->app.ctx, x->request, why == MHD_REQUEST_TERMINATED_COMPLETED_OK);
    al_free(x);
}

/* Paths and queries are decoded by uri.c, which refuses what this library would let pass. */
static size_t
unescape_nothing(void *ctx, struct MHD_Connection *mhd, char *text)
{
    return strlen(text);
}

AL_PRINTF(2, 0)
static void
on_log(void *ctx, const char *format, va_list args)
{
    struct http *h = ctx;
    char line[256];

    vsnprintf(line, sizeof(line), format, args);
    line[strcspn(line, "\r\n")] = '\0';
    al_log(h->log, AL_LOG_DEBUG, "http: %s", line);
}

/* ---- accepting ---- */

unsigned
http_connections(const struct http *h)
{
    unsigned open = 0;

    for (unsigned i = 0; i < h->threads; i++) {
        open += atomic_load_explicit(&h->thread[i].open, memory_order_relaxed);
    }
    return open;
}

static void
deal_out(struct http *h, int socket, const struct port_sockaddr *from)
{
    struct io_thread *t = &h->thread[0];

    for (unsigned i = 1; i < h->threads; i++) {
        if (atomic_load(&h->thread[i].open) < atomic_load(&t->open)) {
            t = &h->thread[i];
        }
    }
    /* Counted here and not when the thread takes it up, or a burst would go to one of them. */
    atomic_fetch_add(&t->open, 1);
    if (MHD_add_connection(t->daemon, socket, (const struct sockaddr *)(const void *)from->bytes,
                           from->len) != MHD_YES) {
        atomic_fetch_sub(&t->open, 1); /* the socket is closed by the library */
    }
}

/* At the limit connections wait in the kernel's queue until one of ours ends. */
static void *
accept_all(void *arg)
{
    struct http *h = arg;
    struct port_poll ends[] = {{.fd = h->wake}, {.fd = h->listener}};
    bool rest = false;

    while (!atomic_load(&h->stop)) {
        bool full = rest || http_connections(h) >= h->connections_max;

        rest = false;
        if (port_poll(ends, full ? 1 : AL_LEN(ends), full ? PAUSE_MS : -1) != AL_OK) {
            port_sleep_ns(h->port, PAUSE_MS * API_MS);
            continue;
        }
        while (!full && !atomic_load(&h->stop) && http_connections(h) < h->connections_max) {
            struct port_sockaddr from;
            int socket = -1, rc = port_accept(h->listener, &socket, &from);

            if (rc == AL_OK) {
                deal_out(h, socket, &from);
            } else if (rc != AL_EIO) {
                rest = rc != AL_EBUSY; /* no descriptors: let some be given back */
                break;
            }
        }
    }
    return NULL;
}

/* ---- open and close ---- */

static struct MHD_Daemon *
start(struct io_thread *t, const struct http_conf *conf)
{
    struct http *h = t->http;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_NO_LISTEN_SOCKET |
                     MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO | MHD_USE_ERROR_LOG;
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)conf->key_pem},
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)conf->cert_pem},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_PRIORITIES},
        {MHD_OPTION_END, 0, NULL}};

    if (conf->cert_pem != NULL) {
        flags |= MHD_USE_TLS;
    }
    return MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, t, MHD_OPTION_EXTERNAL_LOGGER, on_log, h,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, API_CONNECTION_BYTES, MHD_OPTION_CONNECTION_LIMIT,
        conf->connections_max + SPARE_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)(h->idle_ns / API_S + 1), MHD_OPTION_NOTIFY_CONNECTION, on_connection, t,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, t, MHD_OPTION_URI_LOG_CALLBACK, on_uri, t,
        MHD_OPTION_UNESCAPE_CALLBACK, unescape_nothing, h, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_ARRAY, conf->cert_pem != NULL ? tls : &tls[AL_LEN(tls) - 1], MHD_OPTION_END);
}

static int
start_all(struct http *h, const struct http_conf *conf, struct al_fail *fail)
{
    int rc;

    for (unsigned i = 0; i < h->threads; i++) {
        h->thread[i].http = h;
        h->thread[i].daemon = start(&h->thread[i], conf);
        if (h->thread[i].daemon == NULL) {
            return al_fail_set(fail, AL_EIO, 0, "%s",
                               conf->cert_pem != NULL
                                   ? "the HTTP server does not start: do certificate and key fit?"
                                   : "the HTTP server does not start");
        }
    }
    rc = port_wake_new(&h->wake);
    if (rc == AL_OK) {
        rc = port_thread_start(&h->acceptor, "accept", 0, accept_all, h);
        h->accepts = rc == AL_OK;
    }
    return rc == AL_OK ? AL_OK : al_fail_set(fail, rc, 0, "the HTTP server does not start");
}

int
http_open(const struct http_conf *conf, const struct http_app *app, struct http **ret,
          struct al_fail *fail)
{
    unsigned threads = conf->io_threads;
    struct http *h = al_zalloc(sizeof(*h));
    int rc;

    if (h == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "no memory for the HTTP server");
    }
    h->app = *app;
    h->port = conf->port;
    h->log = conf->log;
    h->idle_ns = conf->idle_ns > 0 ? conf->idle_ns : API_IDLE_NS;
    h->head_ns = conf->head_ns > 0 ? conf->head_ns : API_HEAD_NS;
    h->body_ns = conf->body_ns > 0 ? conf->body_ns : API_BODY_NS;
    h->send_ns = conf->send_ns > 0 ? conf->send_ns : API_SEND_NS;
    h->connections_max = conf->connections_max;
    h->listener = conf->listen_socket;
    h->wake = -1;
    h->threads = threads < 1 ? 1 : threads > API_IO_THREADS_MAX ? API_IO_THREADS_MAX : threads;
    al_list_init(&h->connections);
    port_mutex_init(&h->lock);
    rc = start_all(h, conf, fail);
    if (rc != AL_OK) {
        http_close(h);
        return rc;
    }
    *ret = h;
    return AL_OK;
}

void
http_quiesce(struct http *h)
{
    if (h->accepts) {
        atomic_store(&h->stop, true);
        port_wake_set(h->wake);
        port_thread_join(&h->acceptor);
        h->accepts = false;
    }
}

struct http *
http_close(struct http *h)
{
    if (h == NULL) {
        return NULL;
    }
    http_quiesce(h);
    for (unsigned i = 0; i < h->threads; i++) {
        if (h->thread[i].daemon != NULL) {
            MHD_stop_daemon(h->thread[i].daemon);
        }
    }
    for (unsigned i = 0; i < h->threads; i++) {
        if (h->thread[i].opened) {
            h->app.io_close(h->app.ctx, h->thread[i].io);
        }
    }
    port_fd_close(&h->wake);
    port_mutex_end(&h->lock);
    al_free(h);
    return NULL;
}

/* ---- the request ---- */

const char *
http_header(struct http_exchange *x, const char *name)
{
    return MHD_lookup_connection_value(x->mhd, MHD_HEADER_KIND, name);
}

struct counting {
    const char *name;
    unsigned count;
};

static bool
same_name(const char *a, const char *b)
{
    for (; *a != '\0' && *b != '\0'; a++, b++) {
        unsigned char x = (unsigned char)*a, y = (unsigned char)*b;

        x = x >= 'A' && x <= 'Z' ? (unsigned char)(x + 32) : x;
        y = y >= 'A' && y <= 'Z' ? (unsigned char)(y + 32) : y;
        if (x != y) {
            return false;
        }
    }
    return *a == *b;
}

static enum MHD_Result
count_name(void *ctx, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct counting *c = ctx;

    c->count += same_name(name, c->name);
    return MHD_YES;
}

unsigned
http_header_count(struct http_exchange *x, const char *name)
{
    struct counting c = {.name = name};

    MHD_get_connection_values(x->mhd, MHD_HEADER_KIND, count_name, &c);
    return c.count;
}

size_t
http_head_bytes(struct http_exchange *x)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(x->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

    return info == NULL ? 0 : info->header_size;
}

const char *
http_peer(struct http_exchange *x, bool *ret_loopback)
{
    *ret_loopback = x->connection->loopback;
    return x->connection->peer;
}

int
http_socket(struct http_exchange *x)
{
    return x->connection->socket;
}

void
http_expect_body(struct http_exchange *x, uint64_t bytes)
{
    phase_set(x->connection, PHASE_BODY,
              x->connection->http->body_ns + (int64_t)(bytes / API_BODY_BYTES_PER_S) * API_S);
}

/* ---- the answer ---- */

void
http_answer_field(struct http_answer *a, const char *name, const char *value)
{
    assert(a->fields < HTTP_FIELDS_MAX);
    a->field[a->fields].name = name;
    a->field[a->fields++].value = value;
}

/* The library's type for this is as wide on every system that altod runs on. */
static int64_t
on_stream(void *ctx, uint64_t position, char *to, size_t room)
{
    struct http_exchange *x = ctx;
    size_t len = 0;

    switch (x->stream(x->request, (uint8_t *)to, room, &len)) {
    case HTTP_GO_ON:
    case HTTP_SUSPENDED:
        return (int64_t)len;
    case HTTP_ANSWERED:
        return len > 0 ? (int64_t)len : MHD_CONTENT_READER_END_OF_STREAM;
    case HTTP_CUT:
        break;
    }
    /* The library marks the connection as closed, and then may sleep until something else happens
     * on this thread (0.9.75). */
    port_socket_cut(x->connection->socket);
    return MHD_CONTENT_READER_END_WITH_ERROR;
}

/* A file on its way out: read piece by piece, so that it need not fit into memory. */
struct sending {
    struct http_exchange *x;
    struct port *port;
    struct port_file *file;
};

static void
sending_end(void *ctx)
{
    struct sending *f = ctx;

    port_close_quiet(f->port, &f->file);
    al_free(f);
}

static int64_t
on_file(void *ctx, uint64_t position, char *to, size_t room)
{
    struct sending *f = ctx;
    size_t len = 0;
    int rc = port_pread(f->port, f->file, to, room, position, &len);

    if (rc == AL_OK && len > 0) {
        return (int64_t)len;
    }
    /* Shorter than it was, or not to be read: the length is told already, so the client must see a
     * broken connection. As in on_stream. */
    port_socket_cut(f->x->connection->socket);
    return MHD_CONTENT_READER_END_WITH_ERROR;
}

static struct MHD_Response *
response_of_file(struct http_exchange *x, struct http_answer *a)
{
    struct sending *f = al_zalloc(sizeof(*f));
    struct MHD_Response *r = NULL;
    struct port *port = x->connection->http->port;

    if (f != NULL) {
        *f = (struct sending){x, port, a->file};
        r = MHD_create_response_from_callback(a->file_bytes, FILE_BLOCK_BYTES, on_file, f,
                                              sending_end);
    }
    if (r == NULL) {
        port_close_quiet(port, &a->file);
        al_free(f);
    }
    a->file = NULL;
    return r;
}

static struct MHD_Response *
response_of(struct http_exchange *x, struct http_answer *a)
{
    struct MHD_Response *r;
    uint8_t *bytes;
    size_t len;

    if (a->stream != NULL) {
        x->stream = a->stream;
        return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK_BYTES, on_stream, x,
                                                 NULL);
    }
    if (a->file != NULL) {
        return response_of_file(x, a);
    }
    if (a->taken == NULL || a->taken->len == 0) {
        return MHD_create_response_from_buffer(a->fixed.len, (void *)(uintptr_t)a->fixed.at,
                                               MHD_RESPMEM_PERSISTENT);
    }
    bytes = al_buf_take(a->taken, &len);
    r = MHD_create_response_from_buffer_with_free_callback(len, bytes, al_free);
    if (r == NULL) {
        al_free(bytes);
    }
    return r;
}

enum http_next
http_answer(struct http_exchange *x, struct http_answer *a)
{
    uint64_t len = a->file != NULL    ? a->file_bytes
                   : a->taken != NULL ? a->taken->len
                                      : a->fixed.len;
    struct MHD_Response *r = response_of(x, a);
    bool ok = r != NULL;

    for (size_t i = 0; ok && i < a->fields; i++) {
        ok = MHD_add_response_header(r, a->field[i].name, a->field[i].value) == MHD_YES;
    }
    if (ok) {
        if (a->stream != NULL) {
            phase_set(x->connection, PHASE_STREAM, 0);
        } else {
            phase_set(x->connection, PHASE_SEND,
                      x->connection->http->send_ns + (int64_t)(len / API_SEND_BYTES_PER_S) * API_S);
        }
        ok = MHD_queue_response(x->mhd, (unsigned)a->status, r) == MHD_YES;
    }
    if (r != NULL) {
        MHD_destroy_response(r);
    }
    return ok ? HTTP_ANSWERED : HTTP_CUT;
}

void
http_suspend(struct http_exchange *x)
{
    MHD_suspend_connection(x->mhd);
}

void
http_resume(struct http_exchange *x)
{
    MHD_resume_connection(x->mhd);
}
