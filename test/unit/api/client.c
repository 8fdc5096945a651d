#include "client.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "fake_service.h"
#include "port/listen.h"
#include "port/x509.h"
#include "server/api/api.h"

#define PATIENCE_MS 10000

struct server {
    struct api *api;
    struct port_addr addr;
    int socket;
    struct al_buf cert, key;
};

int64_t
mono_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void
nap_ms(int ms)
{
    poll(NULL, 0, ms);
}

struct server *
server_start(const struct server_conf *conf)
{
    static const struct server_conf nothing;
    struct server *s = calloc(1, sizeof(*s));
    struct al_fail fail = {0};
    const char *name = "localhost";
    char print[PORT_X509_FINGERPRINT_MAX];
    struct api_conf ac = {0};

    conf = conf != NULL ? conf : &nothing;
    al_buf_init(&s->cert, 1 << 16);
    al_buf_init(&s->key, 1 << 16);
    if (port_addr_parse("127.0.0.1:0", &s->addr, &fail) != AL_OK ||
        port_listen(&s->addr, 1024, &s->socket, &fail) != AL_OK ||
        (conf->tls && port_x509_self_signed(&name, 1, port_now_ns(port_native()), &s->cert, &s->key,
                                            print) != AL_OK)) {
        printf("Bail out! %s\n", fail.text);
        exit(1);
    }
    ac = (struct api_conf){
        .service = fake_service(),
        .port = port_native(),
        .listen_socket = s->socket,
        .workers = conf->workers,
        .io_threads = 2,
        .cert_pem = conf->tls ? (char *)s->cert.at : NULL,
        .key_pem = conf->tls ? (char *)s->key.at : NULL,
        .console_dir = conf->console_dir,
        .version = "test",
        .queue_max = conf->queue_max,
        .connections_max = conf->connections_max,
        .streams_max = conf->streams_max,
        .parked_max = conf->parked_max,
        .idle_ns = conf->idle_ms * 1000000,
        .head_ns = conf->head_ms * 1000000,
        .body_ns = conf->body_ms * 1000000,
        .send_ns = conf->send_ms * 1000000,
        .beat_ns = conf->beat_ms * 1000000,
        .look_ns = conf->look_ms * 1000000,
    };
    if (api_open(&ac, &s->api, &fail) != AL_OK) {
        printf("Bail out! %s\n", fail.text);
        exit(1);
    }
    return s;
}

bool
server_stop(struct server *s, int64_t wait_ms)
{
    bool ended = api_close(s->api, wait_ms * 1000000);

    if (ended) {
        port_socket_close(s->socket);
        al_buf_free(&s->cert);
        al_buf_free(&s->key);
        free(s);
    }
    return ended;
}

uint16_t
server_port(const struct server *s)
{
    return s->addr.port;
}

void
client_open(struct client *c, const struct server *s)
{
    client_open_small(c, s, 0);
}

void
client_open_small(struct client *c, const struct server *s, int buffer)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(s->addr.port)};

    memset(c, 0, sizeof(*c));
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (buffer > 0) {
        setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
    }
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
        printf("Bail out! no connection: %s\n", strerror(errno));
        exit(1);
    }
}

void
client_close(struct client *c)
{
    if (c->fd >= 0) {
        close(c->fd);
    }
    free(c->have);
    free(c->a.body);
    memset(c, 0, sizeof(*c));
    c->fd = -1;
}

bool
client_send_bytes(struct client *c, const void *bytes, size_t len)
{
    const char *at = bytes;

    while (len > 0) {
        ssize_t n = send(c->fd, at, len, MSG_NOSIGNAL);

        if (n <= 0) {
            return false;
        }
        at += n;
        len -= (size_t)n;
    }
    return true;
}

bool
client_send(struct client *c, const char *text)
{
    return client_send_bytes(c, text, strlen(text));
}

/* More bytes into c->have. False: end, error or time over. */
static bool
more(struct client *c, int timeout_ms)
{
    struct pollfd p = {.fd = c->fd, .events = POLLIN};
    ssize_t n;

    if (timeout_ms < 0 || poll(&p, 1, timeout_ms) != 1) {
        return false;
    }
    c->have = realloc(c->have, c->have_len + 65537);
    n = recv(c->fd, c->have + c->have_len, 65536, 0);
    if (n <= 0) {
        return false;
    }
    c->have_len += (size_t)n;
    c->have[c->have_len] = '\0';
    return true;
}

static void
drop(struct client *c, size_t len)
{
    memmove(c->have, c->have + len, c->have_len - len);
    c->have_len -= len;
    c->have[c->have_len] = '\0';
}

static bool
need(struct client *c, size_t len)
{
    while (c->have_len < len) {
        if (!more(c, c->patience_ms > 0 ? c->patience_ms : PATIENCE_MS)) {
            return false;
        }
    }
    return true;
}

int
client_answer(struct client *c, bool head_only)
{
    char *end;
    size_t len;

    free(c->a.body);
    memset(&c->a, 0, sizeof(c->a));
    for (;;) {
        end = c->have == NULL ? NULL : strstr(c->have, "\r\n\r\n");
        if (end != NULL && strncmp(c->have, "HTTP/1.1 100", 12) == 0) {
            drop(c, (size_t)(end - c->have) + 4);
            continue;
        }
        if (end != NULL) {
            break;
        }
        if (!more(c, c->patience_ms > 0 ? c->patience_ms : PATIENCE_MS)) {
            return 0;
        }
    }
    len = (size_t)(end - c->have) + 4;
    assert(len < sizeof(c->a.head));
    memcpy(c->a.head, c->have, len);
    drop(c, len);
    c->a.status = atoi(c->a.head + 9);
    len = (size_t)atoll(client_header(c, "Content-Length"));
    if (head_only || c->a.status == 304 || c->a.status == 204) {
        return c->a.status;
    }
    if (!need(c, len)) {
        return 0;
    }
    c->a.body = calloc(1, len + 1);
    memcpy(c->a.body, c->have != NULL ? c->have : "", len);
    c->a.len = len;
    if (len > 0) {
        drop(c, len);
    }
    return c->a.status;
}

int
client_ask(struct client *c, const char *request)
{
    return client_send(c, request) ? client_answer(c, strncmp(request, "HEAD ", 5) == 0) : 0;
}

int
ask_once(const struct server *s, const char *request, struct client *keep)
{
    struct client c;
    int status;

    client_open(&c, s);
    (void)client_send(&c, request); /* who is refused early may be cut while sending */
    status = client_answer(&c, strncmp(request, "HEAD ", 5) == 0);
    if (keep != NULL) {
        *keep = c;
    } else {
        client_close(&c);
    }
    return status;
}

bool
client_until(struct client *c, const char *text, int timeout_ms)
{
    int64_t end = mono_ms() + timeout_ms;

    while (c->have == NULL || strstr(c->have, text) == NULL) {
        if (!more(c, (int)(end - mono_ms()))) {
            return false;
        }
    }
    return true;
}

bool
client_closed(struct client *c, int timeout_ms)
{
    int64_t end = mono_ms() + timeout_ms;
    char byte[4096];

    for (;;) {
        struct pollfd p = {.fd = c->fd, .events = POLLIN};
        int left = (int)(end - mono_ms());

        if (left < 0 || poll(&p, 1, left) != 1) {
            return false;
        }
        if (recv(c->fd, byte, sizeof(byte), 0) <= 0) {
            return true;
        }
    }
}

const char *
client_header(const struct client *c, const char *name)
{
    static char value[2048];
    size_t len = strlen(name);

    for (const char *line = c->a.head; line != NULL && *line != '\0';) {
        const char *end = strstr(line, "\r\n");

        if (strncasecmp(line, name, len) == 0 && line[len] == ':') {
            const char *from = line + len + 1 + strspn(line + len + 1, " ");

            snprintf(value, sizeof(value), "%.*s", (int)(end - from), from);
            return value;
        }
        line = end == NULL ? NULL : end + 2;
    }
    return "";
}
