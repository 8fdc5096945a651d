#include "lib/http_server.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 64
#define REQUEST_MAX (64u << 20)

struct http_server {
    int listener;
    uint16_t port;
    http_server_fn *fn;
    void *ctx;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t left;
    int fds[CONNECTIONS_MAX]; /* -1: free */
    int open;
    bool stopping;
};

struct connection {
    struct http_server *server;
    int fd;
    int slot;
};

/* Reads until a whole request is in *buf. False: the other side left, or rubbish. */
static bool
read_request(int fd, char **buf, size_t *have, size_t *ret_head, size_t *ret_whole)
{
    for (;;) {
        char *end = *have > 0 ? memmem(*buf, *have, "\r\n\r\n", 4) : NULL;
        ssize_t n;

        if (end != NULL) {
            char *at;
            size_t length = 0;

            *ret_head = (size_t)(end - *buf) + 4;
            for (at = *buf; at < end; at++) {
                if (strncasecmp(at, "\r\nContent-Length:", 17) == 0) {
                    length = strtoul(at + 17, NULL, 10);
                }
            }
            *ret_whole = *ret_head + length;
            if (*ret_whole > REQUEST_MAX) {
                return false;
            }
            if (*have >= *ret_whole) {
                return true;
            }
        }
        *buf = realloc(*buf, *have + 65536 + 1);
        n = recv(fd, *buf + *have, 65536, 0);
        if (n <= 0) {
            return false;
        }
        *have += (size_t)n;
        (*buf)[*have] = '\0';
    }
}

static bool
send_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

        if (n <= 0) {
            return false;
        }
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

static bool
answer(struct http_server *s, int fd, char *request, size_t head, size_t whole)
{
    struct http_server_reply reply = {.status = 200};
    struct http_server_req req = {.method = request, .len = whole - head};
    char *space = strchr(request, ' '), *second = space != NULL ? strchr(space + 1, ' ') : NULL;
    char lines[1024];
    char *body;
    bool ok;
    int n;

    if (second == NULL) {
        return false;
    }
    *space = *second = '\0';
    req.target = space + 1;
    req.head = second + 1;
    body = malloc(req.len + 1);
    memcpy(body, request + head, req.len);
    body[req.len] = '\0';
    request[head - 2] = '\0';
    req.body = body;
    s->fn(s->ctx, &req, &reply);
    free(body);
    if (reply.status == -1) {
        free(reply.body);
        return false;
    }
    if (reply.body != NULL && reply.len == 0) {
        reply.len = strlen(reply.body);
    }
    n = snprintf(lines, sizeof(lines), "HTTP/1.1 %d Status\r\nContent-Length: %zu\r\n%s%s\r\n",
                 reply.status, reply.len, reply.headers,
                 strcasestr(reply.headers, "content-type:") == NULL
                     ? "Content-Type: application/json\r\n"
                     : "");
    ok = send_all(fd, lines, (size_t)n) && send_all(fd, reply.body, reply.len);
    free(reply.body);
    return ok;
}

static void *
connection_main(void *arg)
{
    struct connection c = *(struct connection *)arg;
    char *buf = NULL;
    size_t have = 0, head, whole;

    free(arg);
    while (read_request(c.fd, &buf, &have, &head, &whole)) {
        char saved = buf[whole];

        if (!answer(c.server, c.fd, buf, head, whole)) {
            break;
        }
        buf[whole] = saved;
        memmove(buf, buf + whole, have - whole);
        have -= whole;
    }
    free(buf);
    pthread_mutex_lock(&c.server->mutex);
    c.server->fds[c.slot] = -1;
    close(c.fd);
    c.server->open--;
    pthread_cond_broadcast(&c.server->left);
    pthread_mutex_unlock(&c.server->mutex);
    return NULL;
}

static void
start_connection(struct http_server *s, int fd)
{
    struct connection *c = malloc(sizeof(*c));
    pthread_attr_t attr;
    pthread_t thread;
    int slot = 0, one = 1;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    pthread_mutex_lock(&s->mutex);
    while (slot < CONNECTIONS_MAX && s->fds[slot] >= 0) {
        slot++;
    }
    if (slot == CONNECTIONS_MAX || s->stopping) {
        pthread_mutex_unlock(&s->mutex);
        close(fd);
        free(c);
        return;
    }
    s->fds[slot] = fd;
    s->open++;
    pthread_mutex_unlock(&s->mutex);
    *c = (struct connection){s, fd, slot};
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &attr, connection_main, c) != 0) {
        abort();
    }
    pthread_attr_destroy(&attr);
}

static void *
listener_main(void *arg)
{
    struct http_server *s = arg;
    int fd;

    while ((fd = accept(s->listener, NULL, NULL)) >= 0) {
        start_connection(s, fd);
    }
    return NULL;
}

struct http_server *
http_server_start(uint16_t port, http_server_fn *fn, void *ctx)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct http_server *s = calloc(1, sizeof(*s));
    socklen_t len = sizeof(at);
    int one = 1;

    s->fn = fn;
    s->ctx = ctx;
    pthread_mutex_init(&s->mutex, NULL);
    pthread_cond_init(&s->left, NULL);
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        s->fds[i] = -1;
    }
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)setsockopt(s->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (s->listener < 0 || bind(s->listener, (struct sockaddr *)&at, sizeof(at)) != 0 ||
        listen(s->listener, 64) != 0 ||
        getsockname(s->listener, (struct sockaddr *)&at, &len) != 0 ||
        pthread_create(&s->thread, NULL, listener_main, s) != 0) {
        perror("# test server");
        free(s);
        return NULL;
    }
    s->port = ntohs(at.sin_port);
    return s;
}

uint16_t
http_server_port(const struct http_server *s)
{
    return s->port;
}

void
http_server_stop(struct http_server *s)
{
    (void)shutdown(s->listener, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->listener);
    pthread_mutex_lock(&s->mutex);
    s->stopping = true;
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        if (s->fds[i] >= 0) {
            (void)shutdown(s->fds[i], SHUT_RDWR);
        }
    }
    while (s->open > 0) {
        pthread_cond_wait(&s->left, &s->mutex);
    }
    pthread_mutex_unlock(&s->mutex);
    free(s);
}

bool
http_server_query(const char *target, const char *name, char *to, size_t cap)
{
    const char *at = strchr(target, '?');
    size_t n = strlen(name);

    for (; at != NULL; at = strchr(at + 1, '&')) {
        if (strncmp(at + 1, name, n) == 0 && at[1 + n] == '=') {
            snprintf(to, cap, "%.*s", (int)strcspn(at + 2 + n, "&"), at + 2 + n);
            return true;
        }
    }
    return false;
}
