#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/api.h"
#include "lib/http_server.h"
#include "port/port.h"
#include "tap.h"

static struct http_server *server;
static char url[64];
static char folder[512];

/* What the server does is told by the path. */
static void
on_request(void *ctx, const struct http_server_req *req, struct http_server_reply *reply)
{
    (void)ctx;
    if (strcmp(req->target, "/echo") == 0) {
        int n = asprintf(
            &reply->body, "{\"method\":\"%s\",\"len\":%zu,\"auth\":%s,\"match\":%s,\"key\":%s}",
            req->method, req->len,
            strstr(req->head, "Authorization: Bearer let me in\r\n") != NULL ? "true" : "false",
            strstr(req->head, "If-Match: \"7\"\r\n") != NULL ? "true" : "false",
            strstr(req->head, "Idempotency-Key: k\r\n") != NULL ? "true" : "false");

        reply->status = n > 0 ? 200 : 500;
        snprintf(reply->headers, sizeof(reply->headers),
                 "ETag: \"42\"\r\nContent-Type: application/json; charset=utf-8\r\n");
    } else if (strcmp(req->target, "/problem") == 0) {
        reply->status = 409;
        reply->body = strdup("{\"title\":\"Conflict\",\"status\":409,\"detail\":\"the name is "
                             "taken\",\"code\":\"exists\"}");
        snprintf(reply->headers, sizeof(reply->headers),
                 "Content-Type: application/problem+json\r\nRetry-After: 7\r\n");
    } else if (strcmp(req->target, "/ok-problem") == 0) {
        reply->status = 500;
        reply->body = strdup("{\"code\":\"ok\"}");
    } else if (strcmp(req->target, "/html") == 0) {
        reply->body = strdup("<html>");
        snprintf(reply->headers, sizeof(reply->headers), "Content-Type: text/html\r\n");
    } else if (strcmp(req->target, "/gateway") == 0) {
        reply->status = 502;
        reply->body = strdup("<html>bad gateway");
        snprintf(reply->headers, sizeof(reply->headers), "Content-Type: text/html\r\n");
    } else if (strcmp(req->target, "/redirect") == 0) {
        reply->status = 307;
        snprintf(reply->headers, sizeof(reply->headers), "Location: /echo\r\n");
    } else if (strcmp(req->target, "/slow") == 0) {
        sleep(3);
    } else if (strcmp(req->target, "/die") == 0) {
        reply->status = -1;
    } else if (strcmp(req->target, "/huge") == 0) {
        reply->len = HTTP_REPLY_MAX + 1;
        reply->body = calloc(1, reply->len);
    } else {
        reply->status = 304;
    }
}

static struct http *
client(const char *bearer)
{
    struct http *h = NULL;
    struct al_fail fail = {0};

    if (http_open(&(struct http_conf){.url = url, .bearer = bearer, .program = "test"}, &h,
                  &fail) != AL_OK) {
        tap_fail(__FILE__, __LINE__, "%s", fail.text);
    }
    return h;
}

static int
get(struct http *h, const char *path, struct api_reply *r, struct al_fail *fail)
{
    return api_call(h, &(struct api_call){.method = "GET", .path = path, .timeout_ms = 1000}, r,
                    fail);
}

static void
plain_http_is_only_spoken_to_loopback(void)
{
    static const char *const good[] = {
        "https://a.example", "https://a.example:8443/", "http://127.0.0.1:80",  "http://localhost",
        "http://[::1]:8080", "http://127.3.2.1",        "https://[2001:db8::1]"};
    static const char *const bad[] = {"http://a.example",
                                      "http://127.example.org",
                                      "ftp://a",
                                      "https://",
                                      "https://a/b",
                                      "https://u:p@a",
                                      "https://a:0",
                                      "https://a:65536",
                                      "https://a:x",
                                      "a.example",
                                      "http://127.0.0.1.x",
                                      "https://[::1",
                                      "https:// a",
                                      "http://10.0.0.1:1",
                                      ""};
    struct http_url u;

    for (size_t i = 0; i < AL_LEN(good); i++) {
        struct al_fail fail = {0};

        if (http_url_parse(good[i], &u, &fail) != AL_OK) {
            tap_fail(__FILE__, __LINE__, "%s: %s", good[i], fail.text);
        }
    }
    for (size_t i = 0; i < AL_LEN(bad); i++) {
        struct al_fail fail = {0};

        if (http_url_parse(bad[i], &u, &fail) != AL_EINVAL || fail.text[0] == '\0') {
            tap_fail(__FILE__, __LINE__, "%s was accepted", bad[i]);
        }
    }
    TAP_OK(http_url_parse("https://[2001:db8::1]:99", &u, NULL));
    TAP_EQUAL_STR(u.host, "2001:db8::1");
    TAP_EQUAL_U64(u.port, 99);
    TAP_CHECK(u.tls && !u.loopback);
}

static void
any_bytes_can_be_escaped(void)
{
    AL_CLEANUP(al_buf_free) struct al_buf b = {0};

    al_buf_init(&b, 100);
    TAP_OK(http_escape(&b, (struct al_span){(const uint8_t *)"a/b ?\xff\0~", 8}));
    TAP_EQUAL_STR((const char *)b.at, "a%2Fb%20%3F%FF%00~");
}

static void
a_call_carries_credential_body_and_headers(void)
{
    AL_CLEANUP(http_closep) struct http *h = client("let me in");
    AL_CLEANUP(api_reply_end) struct api_reply r = {0};
    AL_CLEANUP(al_json_freep) json_t *body = json_pack("{s:s}", "name", "x");
    const char *method;
    uint64_t len;
    bool yes = false;

    for (unsigned i = 0; i < 3; i++) { /* the same connection again */
        TAP_OK(api_call(h,
                        &(struct api_call){.method = "PATCH",
                                           .path = "/echo",
                                           .body = body,
                                           .if_match = "\"7\"",
                                           .idempotency_key = "k"},
                        &r, NULL));
        TAP_OK(al_json_str(r.json, "method", &method, NULL));
        TAP_EQUAL_STR(method, "PATCH");
        TAP_OK(al_json_u64(r.json, "len", &len, NULL));
        TAP_EQUAL_U64(len, 12);
        TAP_OK(al_json_bool(r.json, "auth", &yes, NULL));
        TAP_CHECK(yes);
        TAP_OK(al_json_bool(r.json, "match", &yes, NULL));
        TAP_CHECK(yes);
        TAP_OK(al_json_bool(r.json, "key", &yes, NULL));
        TAP_CHECK(yes);
        TAP_EQUAL_STR(r.etag, "\"42\"");
    }
    TAP_OK(get(h, "/echo", &r, NULL)); /* and nothing of it stays for the next */
    TAP_OK(al_json_str(r.json, "method", &method, NULL));
    TAP_EQUAL_STR(method, "GET");
    TAP_OK(al_json_bool(r.json, "match", &yes, NULL));
    TAP_CHECK(!yes);
}

static void
problems_become_codes(void)
{
    AL_CLEANUP(http_closep) struct http *h = client(NULL);
    AL_CLEANUP(api_reply_end) struct api_reply r = {0};
    struct al_fail fail = {0};

    TAP_CODE(get(h, "/problem", &r, &fail), AL_EEXIST);
    TAP_EQUAL_STR(fail.text, "the name is taken");
    TAP_EQUAL_U64(r.status, 409);
    TAP_EQUAL_U64(r.retry_after_s, 7);
    TAP_CODE(get(h, "/ok-problem", &r, NULL), AL_EINTERNAL);
    TAP_CODE(get(h, "/html", &r, NULL), AL_ECORRUPT);
    TAP_CODE(get(h, "/gateway", &r, NULL), AL_EUNREACH);
    TAP_OK(get(h, "/nothing-new", &r, NULL));
    TAP_EQUAL_U64(r.status, 304);
    TAP_CHECK(r.json == NULL);
}

static void
a_redirect_is_not_followed(void)
{
    AL_CLEANUP(http_closep) struct http *h = client("let me in");
    AL_CLEANUP(api_reply_end) struct api_reply r = {0};

    TAP_OK(get(h, "/redirect", &r, NULL));
    TAP_EQUAL_U64(r.status, 307);
}

static void
a_server_that_is_slow_dead_or_absent_is_told_apart(void)
{
    AL_CLEANUP(http_closep) struct http *h = client(NULL);
    AL_CLEANUP(http_closep) struct http *none = NULL;
    AL_CLEANUP(api_reply_end) struct api_reply r = {0};
    struct al_fail fail = {0};

    TAP_CODE(get(h, "/slow", &r, NULL), AL_ETIMEDOUT);
    TAP_CODE(get(h, "/die", &r, NULL), AL_EUNREACH);
    TAP_CODE(get(h, "/huge", &r, NULL), AL_ELIMIT);
    TAP_OK(get(h, "/echo", &r, NULL)); /* and it goes on */
    TAP_OK(http_open(&(struct http_conf){.url = "http://127.0.0.1:1", .program = "test"}, &none,
                     NULL));
    TAP_CODE(get(none, "/echo", &r, &fail), AL_EUNREACH);
    TAP_CHECK(strstr(fail.text, "http://127.0.0.1:1") != NULL);
}

struct taken {
    uint64_t bytes, most; /* most: then it fails; 0: never */
};

static int
take(void *ctx, const void *bytes, size_t len)
{
    struct taken *t = ctx;

    t->bytes += len;
    return t->most > 0 && t->bytes > t->most ? AL_ENOSPC : AL_OK;
}

static void
an_answer_of_any_length_goes_where_it_is_told(void)
{
    AL_CLEANUP(http_closep) struct http *h = client(NULL);
    AL_CLEANUP(http_reply_end) struct http_reply r = {0};
    struct taken t = {0};
    struct http_req req = {.method = "GET", .path = "/huge", .sink = take, .sink_ctx = &t};

    http_reply_init(&r);
    TAP_OK(http_call(h, &req, &r, NULL));
    TAP_EQUAL_U64(t.bytes, (uint64_t)HTTP_REPLY_MAX + 1);
    TAP_EQUAL_U64(r.body.len, 0);
    t = (struct taken){.most = 1000000};
    TAP_CODE(http_call(h, &req, &r, NULL), AL_ENOSPC); /* what takes it has the last word */
    t = (struct taken){0};
    req.path = "/problem";
    TAP_OK(http_call(h, &req, &r, NULL)); /* a refusal is no such answer */
    TAP_EQUAL_U64(r.status, 409);
    TAP_EQUAL_U64(t.bytes, 0);
    TAP_CHECK(r.body.len > 0);
}

static void *
cancel_soon(void *arg)
{
    usleep(100000);
    http_cancel(arg);
    return NULL;
}

static void
a_call_is_cancelled_from_another_thread_at_once(void)
{
    AL_CLEANUP(http_closep) struct http *h = client(NULL);
    AL_CLEANUP(api_reply_end) struct api_reply r = {0};
    int64_t began = port_mono_ns(port_native());
    pthread_t thread;

    TAP_CHECK(pthread_create(&thread, NULL, cancel_soon, h) == 0);
    TAP_CODE(api_call(h, &(struct api_call){.method = "GET", .path = "/slow"}, &r, NULL),
             AL_ECANCELED);
    TAP_CHECK(port_mono_ns(port_native()) - began < 900000000);
    TAP_CODE(get(h, "/echo", &r, NULL), AL_ECANCELED);
    pthread_join(thread, NULL);
}

static void
a_header_cannot_smuggle_another(void)
{
    AL_CLEANUP(http_closep) struct http *h = client(NULL);
    AL_CLEANUP(api_reply_end) struct api_reply r = {0};

    TAP_CODE(api_call(h,
                      &(struct api_call){
                          .method = "GET", .path = "/echo", .if_match = "x\r\nIf-Match: \"7\""},
                      &r, NULL),
             AL_EINVAL);
}

static void
a_certificate_nobody_vouches_for_is_refused(void)
{
    char command[2048], tls_url[64], ca[600];
    AL_CLEANUP(api_reply_end) struct api_reply r = {0};
    struct al_fail fail = {0};
    int rc = AL_EUNREACH;
    unsigned tls_port = 20000 + (unsigned)getpid() % 20000;
    pid_t pid;

    if (system("openssl version >/dev/null 2>&1") != 0) {
        tap_skip("openssl is not there to play the server");
    }
    snprintf(ca, sizeof(ca), "%s/cert.pem", folder);
    snprintf(command, sizeof(command),
             "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "
             "/CN=localhost "
             "-addext subjectAltName=DNS:localhost -keyout %s/key.pem -out %s 2>/dev/null",
             folder, ca);
    TAP_CHECK(system(command) == 0);
    pid = fork();
    if (pid == 0) {
        char accept_at[16], key[600];

        snprintf(accept_at, sizeof(accept_at), "%u", tls_port);
        snprintf(key, sizeof(key), "%s/key.pem", folder);
        if (freopen("/dev/null", "w", stdout) == NULL ||
            freopen("/dev/null", "w", stderr) == NULL) {
            _exit(1);
        }
        execlp("openssl", "openssl", "s_server", "-accept", accept_at, "-cert", ca, "-key", key,
               "-www", (char *)NULL);
        _exit(1);
    }
    snprintf(tls_url, sizeof(tls_url), "https://localhost:%u", tls_port);
    for (unsigned i = 0; i < 100 && rc == AL_EUNREACH; i++) {
        AL_CLEANUP(http_closep) struct http *h = NULL;

        usleep(50000);
        if (http_open(&(struct http_conf){.url = tls_url, .program = "test"}, &h, NULL) == AL_OK) {
            rc = get(h, "/", &r, &fail);
        }
    }
    if (rc == AL_EACCES) {
        AL_CLEANUP(http_closep) struct http *h = NULL;

        if (http_open(&(struct http_conf){.url = tls_url, .ca_file = ca, .program = "test"}, &h,
                      NULL) == AL_OK) {
            rc = get(h, "/", &r, NULL) == AL_ECORRUPT && r.status == 200
                     ? AL_EACCES
                     : AL_EINTERNAL; /* s_server answers in HTML */
        }
    }
    (void)kill(pid, SIGTERM);
    (void)waitpid(pid, NULL, 0);
    TAP_CODE(rc, AL_EACCES);
}

int
main(int argc, char **argv)
{
    int rc;

    (void)signal(SIGPIPE, SIG_IGN);
    snprintf(folder, sizeof(folder), "%s", argc > 1 ? argv[1] : "/tmp");
    server = http_server_start(0, on_request, NULL);
    if (server == NULL) {
        printf("Bail out! no test server\n");
        return 1;
    }
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/", http_server_port(server));
    TAP_RUN(plain_http_is_only_spoken_to_loopback);
    TAP_RUN(any_bytes_can_be_escaped);
    TAP_RUN(a_call_carries_credential_body_and_headers);
    TAP_RUN(problems_become_codes);
    TAP_RUN(a_redirect_is_not_followed);
    TAP_RUN(a_server_that_is_slow_dead_or_absent_is_told_apart);
    TAP_RUN(an_answer_of_any_length_goes_where_it_is_told);
    TAP_RUN(a_call_is_cancelled_from_another_thread_at_once);
    TAP_RUN(a_header_cannot_smuggle_another);
    TAP_RUN(a_certificate_nobody_vouches_for_is_refused);
    rc = tap_end();
    http_server_stop(server);
    return rc;
}
