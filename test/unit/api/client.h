/* client.h: a client that says exactly the bytes it is told, on a blocking socket with a time limit. */
#ifndef ALTO_TEST_CLIENT_H
#define ALTO_TEST_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct server_conf {
    unsigned workers, queue_max, streams_max, connections_max, parked_max;
    int64_t idle_ms, head_ms, body_ms, send_ms, beat_ms, look_ms;
    const char *console_dir;
    bool tls;
};
struct server;
struct server *server_start(const struct server_conf *conf);
/* Whether everything ended within wait_ms; what is left is then not freed. */
bool server_stop(struct server *s, int64_t wait_ms);
uint16_t server_port(const struct server *s);

struct answer {
    int status;      /* 0: the connection was closed without an answer */
    char head[8192]; /* status line and headers */
    char *body;      /* NUL-terminated; freed by the next answer of the client */
    size_t len;
};
struct client {
    int fd;
    int patience_ms; /* for an answer; 0: ten seconds */
    char *have;
    size_t have_len;
    struct answer a;
};
void client_open(struct client *c, const struct server *s);
/* With a small receive buffer, so that the server soon finds no room; 0: the system's. */
void client_open_small(struct client *c, const struct server *s, int buffer);
void client_close(struct client *c);
bool client_send(struct client *c, const char *text);
bool client_send_bytes(struct client *c, const void *bytes, size_t len);
/* Reads one answer; head_only: to a HEAD. */
int client_answer(struct client *c, bool head_only);
/* One request of lines and its answer; returns the status. */
int client_ask(struct client *c, const char *request);
/* On a connection of its own. out may be NULL. */
int ask_once(const struct server *s, const char *request, struct client *keep);
/* Reads until `text` came (true), or timeout or end (false); what came is in c->have. */
bool client_until(struct client *c, const char *text, int timeout_ms);
/* True when the other end closes within timeout_ms. */
bool client_closed(struct client *c, int timeout_ms);
/* A header's value, "" when absent; valid until the next call. */
const char *client_header(const struct client *c, const char *name);
int64_t mono_ms(void);
void nap_ms(int ms);

#endif
