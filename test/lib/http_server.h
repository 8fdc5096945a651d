/* http_server.h: a small real HTTP/1.1 server on loopback for tests: a thread per connection, keep-alive, bodies with Content-Length. */
#ifndef ALTO_TEST_HTTP_SERVER_H
#define ALTO_TEST_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_server;

struct http_server_req {
    const char *method;
    const char *target; /* path and query, as sent */
    const char *head;   /* all header lines */
    const char *body;   /* NUL-terminated behind len */
    size_t len;
};
struct http_server_reply {
    int status;         /* 200 unless set; -1: close without an answer, as if the server had died after doing it */
    char headers[512];  /* further whole lines with CR LF */
    char *body;         /* malloc'ed; NULL: none */
    size_t len;         /* 0: strlen(body) */
};
/* Called from several threads at once. May sleep: a long poll. */
typedef void http_server_fn(void *ctx, const struct http_server_req *req, struct http_server_reply *reply);

/* port 0: any. NULL: could not. */
struct http_server *http_server_start(uint16_t port, http_server_fn *fn, void *ctx);
uint16_t http_server_port(const struct http_server *s);
/* Closes the listener and every connection, also in the middle of an answer; waits for the threads. */
void http_server_stop(struct http_server *s);
/* The value of a query parameter in target; false: not there. */
bool http_server_query(const char *target, const char *name, char *to, size_t cap);

#endif
