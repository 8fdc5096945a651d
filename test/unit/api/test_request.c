/* What the HTTP layer takes and refuses, byte by byte. */
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "client.h"
#include "fake_service.h"
#include "server/api/limits.h"
#include "tap.h"
#include "wire/zstd.h"

#define H " HTTP/1.1\r\nHost: x\r\n"
#define OP "Authorization: Bearer op\r\n"

static struct server *server;

static int
ask(const char *request, struct client *keep)
{
    return ask_once(server, request, keep);
}

static void
test_answers_keep_the_connection_and_carry_the_right_headers(void)
{
    struct client c;

    client_open(&c, server);
    for (int i = 0; i < 3; i++) {
        TAP_CHECK(client_ask(&c, "GET /api/v1/health" H "\r\n") == 200);
        TAP_EQUAL_STR(c.a.body, "{\"status\":\"ok\"}");
        TAP_EQUAL_STR(client_header(&c, "Content-Type"), "application/json");
        TAP_EQUAL_STR(client_header(&c, "Cache-Control"), "no-store");
        TAP_EQUAL_STR(client_header(&c, "X-Content-Type-Options"), "nosniff");
        TAP_EQUAL_STR(client_header(&c, "Strict-Transport-Security"), "");
    }
    client_close(&c);
}

static void
test_pipelined_requests_are_answered_in_order(void)
{
    struct client c;

    client_open(&c, server);
    TAP_CHECK(client_send(&c, "GET /api/v1/echo?q=1" H "\r\nGET /api/v1/slow?ms=30" H "\r\n"
                              "GET /api/v1/echo?q=3" H "\r\n"));
    TAP_CHECK(client_answer(&c, false) == 200);
    TAP_EQUAL_STR(c.a.body, "{\"q\":\"1\"}");
    TAP_CHECK(client_answer(&c, false) == 200);
    TAP_EQUAL_STR(c.a.body, "{}");
    TAP_CHECK(client_answer(&c, false) == 200);
    TAP_EQUAL_STR(c.a.body, "{\"q\":\"3\"}");
    client_close(&c);
}

static void
test_malformed_addresses_are_refused(void)
{
    static const char *const bad[] = {
        "/api/v1/health%00",
        "/api/v1/%",
        "/api/v1/%4",
        "/api/v1/%zz",
        "/api/v1/..%2fhealth",
        "/api/v1/../health",
        "/api/v1/./health",
        "/api//v1/health",
        "/api/v1/%c0%af",
        "/api/v1/%ff",
        "/api/v1/echo?q=%0",
        "/api/v1/echo?q=%00",
        "/api/v1/echo?q=1&q=2",
        "/api/v1/echo?q=%ed%a0%80",
        "http://x/api/v1/health",
        "/api/v1/%e0%80%af",
        "/api/v1/%2e%2e/health",
        "/api/v1/\x80",
    };
    char request[512];

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct client c;

        snprintf(request, sizeof(request), "GET %s" H "\r\n", bad[i]);
        if (ask(request, &c) != 400) {
            tap_fail(__FILE__, __LINE__, "%s gave %d", bad[i], c.a.status);
        }
        client_close(&c);
    }
    TAP_CHECK(ask("GET /api/v1/echo?q=%C3%BC+%2F%26" H "\r\n", NULL) == 200);
}

static void
test_values_are_decoded_once(void)
{
    struct client c;

    TAP_CHECK(ask("GET /api/v1/echo?a=&q=%C3%BC+%2F%2525&b" H "\r\n", &c) == 200);
    TAP_EQUAL_STR(c.a.body, "{\"q\":\"\xc3\xbc /%25\"}");
    client_close(&c);
    TAP_CHECK(ask("GET /api/v1/items/a%20b" H OP "\r\n", &c) == 200);
    TAP_EQUAL_STR(c.a.body, "{\"id\":\"a b\",\"by\":\"op\"}");
    client_close(&c);
}

static void
test_what_is_no_http_is_refused_or_cut(void)
{
    static const char *const bad[] = {
        "GET\r\n\r\n",
        "\x16\x03\x01\x02\x7f\x01\x7f\x01\xfc\x03\x03\r\n\r\n",
        "GET /api/v1/health HTTP/1.1\r\n\r\n", /* no Host */
        "GET /api/v1/health HTTP/9.9\r\nHost: x\r\n\r\n",
        "POST /api/v1/open" H "Content-Length: -1\r\n\r\n",
        "POST /api/v1/open" H "Content-Length: 5x\r\n\r\n{\"\"}",
        "POST /api/v1/open" H "Content-Length: 99999999999999999999999\r\n\r\n",
        "POST /api/v1/open" H "Content-Length: 5\r\nContent-Length: 6\r\n\r\n12345",
        "POST /api/v1/open" H "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /api/v1/open" H "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST /api/v1/open" H
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "GET /api/v1/health" H "Host: y\r\n\r\n",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct client c;
        int status;

        client_open(&c, server);
        c.patience_ms = 1000;
        (void)client_send(&c, bad[i]);
        status = client_answer(&c, false);
        if (status != 0 && status != 400 && status != 413 && status != 501 && status != 505) {
            tap_fail(__FILE__, __LINE__, "request %zu gave %d", i, status);
        }
        client_close(&c);
    }
    TAP_CHECK(ask("GET /api/v1/health" H "\r\n", NULL) == 200);
}

static void
test_smuggled_lengths_close_the_connection(void)
{
    struct client c;

    client_open(&c, server);
    (void)client_send(&c, "POST /api/v1/open" H "Content-Type: application/json\r\n"
                          "Content-Length: 44\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
                          "GET /api/v1/health" H "\r\n");
    TAP_CHECK(client_answer(&c, false) != 200);
    TAP_CHECK(client_answer(&c, false) == 0);
    client_close(&c);
}

static void
test_long_addresses_and_headers_are_refused(void)
{
    size_t len = API_URI_BYTES_MAX + 100;
    char *request = calloc(1, len + 4096);
    int status;

    /* Longer than a path may be. */
    snprintf(request, len, "GET /api/v1/");
    memset(request + strlen(request), 'a', API_PATH_BYTES_MAX);
    strcat(request, H "\r\n");
    TAP_CHECK(ask(request, NULL) == 414);
    /* Longer than an address may be. */
    memset(request, 0, len);
    snprintf(request, len, "GET /api/v1/echo?q=");
    memset(request + strlen(request), 'a', API_URI_BYTES_MAX);
    strcat(request, H "\r\n");
    TAP_CHECK(ask(request, NULL) == 414);
    /* Headers. */
    memset(request, 0, len);
    snprintf(request, len, "GET /api/v1/health" H "X-Long: ");
    memset(request + strlen(request), 'a', 12000);
    strcat(request, "\r\nX-More: ");
    TAP_CHECK(ask(strcat(request, "b\r\n\r\n"), NULL) == 200);
    free(request);
    request = calloc(1, 80000);
    snprintf(request, 100, "GET /api/v1/health" H "X-Long: ");
    memset(request + strlen(request), 'a', 17000);
    strcat(request, "\r\n\r\n");
    TAP_CHECK(ask(request, NULL) == 431);
    memset(request, 0, 80000);
    snprintf(request, 100, "GET /api/v1/health" H "X-Long: ");
    memset(request + strlen(request), 'a', 70000);
    strcat(request, "\r\n\r\n");
    status = ask(request, NULL);
    TAP_CHECK(status == 431 || status == 0);
    free(request);
}

static void
test_bodies_are_limited_by_route(void)
{
    char request[4096], body[2048];
    struct client c;

    memset(body, ' ', sizeof(body));
    memcpy(body, "{\"name\":\"n\"}", 12);
    body[1024] = '\0';
    snprintf(request, sizeof(request),
             "POST /api/v1/open" H
             "Content-Type: application/json\r\nContent-Length: 1024\r\n\r\n%s",
             body);
    TAP_CHECK(ask(request, NULL) == 201);
    snprintf(request, sizeof(request),
             "POST /api/v1/open" H
             "Content-Type: application/json\r\nContent-Length: 1025\r\n\r\n%s ",
             body);
    TAP_CHECK(ask(request, &c) == 413);
    TAP_CHECK(strstr(c.a.body, "\"code\":\"limit\"") != NULL);
    /* The refused body was read: the connection goes on. */
    TAP_CHECK(client_ask(&c, "GET /api/v1/health" H "\r\n") == 200);
    client_close(&c);
    /* A length that nobody wants to read. */
    TAP_CHECK(ask("POST /api/v1/open" H
                  "Content-Type: application/json\r\nContent-Length: 10000000000\r\n\r\n{",
                  NULL) == 413);
    /* Chunked, without a length. */
    snprintf(request, sizeof(request),
             "POST /api/v1/open" H "Content-Type: application/json\r\nTransfer-Encoding: "
             "chunked\r\n\r\n400\r\n%s\r\n1\r\n \r\n0\r\n\r\n",
             body);
    TAP_CHECK(ask(request, NULL) == 413);
    snprintf(request, sizeof(request),
             "POST /api/v1/open" H "Content-Type: application/json\r\nTransfer-Encoding: "
             "chunked\r\n\r\n400\r\n%s\r\n0\r\n\r\n",
             body);
    TAP_CHECK(ask(request, NULL) == 201);
    TAP_CHECK(ask("GET /api/v1/health" H
                  "Content-Length: 2\r\nContent-Type: application/json\r\n\r\n{}",
                  NULL) == 413);
}

static void
test_bodies_must_be_json_of_that_type(void)
{
    struct client c;

    TAP_CHECK(ask("POST /api/v1/open" H
                  "Content-Type: text/plain\r\nContent-Length: 12\r\n\r\n{\"name\":\"n\"}",
                  NULL) == 415);
    TAP_CHECK(ask("POST /api/v1/open" H "Content-Length: 12\r\n\r\n{\"name\":\"n\"}", NULL) == 415);
    TAP_CHECK(ask("POST /api/v1/open" H
                  "Content-Type: application/json; charset=utf-8\r\nContent-Length: "
                  "12\r\n\r\n{\"name\":\"n\"}",
                  NULL) == 201);
    TAP_CHECK(ask("POST /api/v1/open" H
                  "Content-Type: application/json\r\nContent-Length: 12\r\n\r\n{\"name\":\"n\"]",
                  &c) == 400);
    TAP_EQUAL_STR(client_header(&c, "Content-Type"), "application/problem+json");
    TAP_CHECK(strstr(c.a.body, "line 1") != NULL);
    client_close(&c);
    /* Right JSON, wrong content. */
    TAP_CHECK(ask("POST /api/v1/open" H
                  "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
                  &c) == 422);
    TAP_CHECK(strstr(c.a.body, "\"pointer\":\"/name\"") != NULL);
    client_close(&c);
    TAP_CHECK(ask("POST /api/v1/open" H "Content-Type: application/json\r\nContent-Encoding: "
                  "gzip\r\nContent-Length: 2\r\n\r\n{}",
                  NULL) == 415);
}

static int
send_packed(const void *plain, size_t len, bool cut, struct client *keep)
{
    struct al_buf packed;
    char head[512];
    struct client c;
    int status;

    al_buf_init(&packed, 1 << 22);
    if (wire_zstd_compress((struct al_span){plain, len}, &packed) != AL_OK) {
        return -1;
    }
    packed.len -= cut ? 3 : 0;
    snprintf(head, sizeof(head),
             "POST /api/v1/agent/batch" H
             "Authorization: Bearer host\r\nContent-Type: application/x-ndjson\r\n"
             "Content-Encoding: zstd\r\nContent-Length: %zu\r\n\r\n",
             packed.len);
    client_open(&c, server);
    status = client_send(&c, head) && client_send_bytes(&c, packed.at, packed.len)
                 ? client_answer(&c, false)
                 : 0;
    al_buf_free(&packed);
    if (keep != NULL) {
        *keep = c;
    } else {
        client_close(&c);
    }
    return status;
}

static void
test_zstd_bodies_are_unpacked_up_to_the_limit(void)
{
    size_t max = 1 << 20;
    char *plain = calloc(1, max + 1);
    struct client c;

    TAP_CHECK(send_packed(plain, max, false, &c) == 200);
    TAP_CHECK(strncmp(c.a.body, "{\"bytes\":1048576,", 17) == 0);
    client_close(&c);
    TAP_CHECK(send_packed(plain, max + 1, false, NULL) == 413);
    TAP_CHECK(send_packed(plain, max, true, NULL) == 400);
    free(plain);
}

static void
test_conditions_pass_through(void)
{
    struct client c;

    TAP_CHECK(ask("GET /api/v1/items/1" H OP "\r\n", &c) == 200);
    TAP_EQUAL_STR(client_header(&c, "ETag"), "\"7\"");
    TAP_CHECK(client_ask(&c, "GET /api/v1/items/1" H OP "If-None-Match: \"7\"\r\n\r\n") == 304);
    TAP_EQUAL_STR(client_header(&c, "ETag"), "\"7\"");
    TAP_CHECK(client_ask(&c, "GET /api/v1/items/1" H OP "If-None-Match: \"6\"\r\n\r\n") == 200);
    client_close(&c);
    TAP_CHECK(ask("DELETE /api/v1/items/1" H OP "\r\n", NULL) == 428);
    TAP_CHECK(ask("DELETE /api/v1/items/1" H OP "If-Match: \"6\"\r\n\r\n", NULL) == 412);
    TAP_CHECK(ask("DELETE /api/v1/items/1" H OP "If-Match: \"7\"\r\n\r\n", NULL) == 200);
    TAP_CHECK(ask("POST /api/v1/items" H OP
                  "Idempotency-Key: k1\r\nContent-Type: application/json\r\nContent-Length: "
                  "12\r\n\r\n{\"name\":\"n\"}",
                  &c) == 201);
    TAP_EQUAL_STR(c.a.body, "{\"name\":\"n\",\"key\":\"k1\",\"peer\":\"127.0.0.1\"}");
    TAP_EQUAL_STR(client_header(&c, "Location"), "/api/v1/items/1");
    TAP_EQUAL_STR(client_header(&c, "Set-Cookie"), "alto_session=x; Path=/; HttpOnly");
    client_close(&c);
}

static void
test_head_and_options(void)
{
    struct client c;

    client_open(&c, server);
    TAP_CHECK(client_ask(&c, "HEAD /api/v1/items/1" H OP "\r\n") == 200);
    TAP_EQUAL_STR(client_header(&c, "ETag"), "\"7\"");
    TAP_EQUAL_STR(client_header(&c, "Content-Length"), "20");
    TAP_CHECK(client_ask(&c, "OPTIONS /api/v1/items/1" H "\r\n") == 204);
    TAP_EQUAL_STR(client_header(&c, "Allow"), "OPTIONS, GET, HEAD, PATCH, DELETE");
    TAP_CHECK(client_ask(&c, "PUT /api/v1/items/1" H OP "\r\n") == 405);
    TAP_EQUAL_STR(client_header(&c, "Allow"), "OPTIONS, GET, HEAD, PATCH, DELETE");
    TAP_CHECK(client_ask(&c, "BREW /api/v1/items/1" H OP "\r\n") == 405);
    TAP_CHECK(client_ask(&c, "GET /api/v1/nothing" H OP "\r\n") == 404);
    TAP_CHECK(client_ask(&c, "OPTIONS /api/v1/nothing" H "\r\n") == 404);
    TAP_CHECK(client_ask(&c, "GET /api" H "\r\n") == 404);
    client_close(&c);
}

static void
test_who_may(void)
{
    struct client c;

    TAP_CHECK(ask("GET /api/v1/items/1" H "\r\n", &c) == 401);
    TAP_EQUAL_STR(client_header(&c, "WWW-Authenticate"), "Bearer realm=\"alto\"");
    TAP_CHECK(strstr(c.a.body, "\"code\":\"wrong_password\"") != NULL);
    client_close(&c);
    TAP_CHECK(ask("GET /api/v1/items/1" H "Authorization: Bearer nobody\r\n\r\n", NULL) == 401);
    TAP_CHECK(ask("GET /api/v1/items/1" H "Authorization: Basic op\r\n\r\n", NULL) == 401);
    TAP_CHECK(ask("GET /api/v1/items/1" H "Authorization: bearer op\r\n\r\n", NULL) == 200);
    TAP_CHECK(ask("GET /api/v1/items/1" H "Authorization: Bearer host\r\n\r\n", NULL) == 403);
    TAP_CHECK(ask("DELETE /api/v1/items/1" H
                  "Authorization: Bearer adm-a\r\nIf-Match: \"7\"\r\n\r\n",
                  NULL) == 403);
    TAP_CHECK(ask("GET /api/v1/items/1" H "Cookie: a=b; alto_session=aud-b; c=d\r\n\r\n", &c) ==
              200);
    TAP_EQUAL_STR(c.a.body, "{\"id\":\"1\",\"by\":\"aud-b\"}");
    client_close(&c);
    TAP_CHECK(ask("GET /api/v1/items/1" H "Cookie: xalto_session=op\r\n\r\n", NULL) == 401);
    TAP_CHECK(ask("GET /api/v1/items/missing" H OP "\r\n", NULL) == 404);
    /* Refused before the body is looked at. */
    TAP_CHECK(ask("POST /api/v1/items" H
                  "Content-Type: application/json\r\nContent-Length: 10000000\r\n\r\n",
                  NULL) == 401);
}

#define PATCH_BY_COOKIE                                                                            \
    "PATCH /api/v1/items/1" H "Cookie: alto_session=adm-a\r\nIf-Match: \"7\"\r\nContent-Type: "    \
    "application/json\r\nContent-Length: 2\r\n"

static void
test_cookie_borne_writes_need_csrf_and_origin(void)
{
    TAP_CHECK(ask(PATCH_BY_COOKIE "\r\n{}", NULL) == 403);
    TAP_CHECK(ask(PATCH_BY_COOKIE "X-Alto-Csrf: csrf-adm-b\r\n\r\n{}", NULL) == 403);
    TAP_CHECK(ask(PATCH_BY_COOKIE "X-Alto-Csrf: csrf-adm-a\r\n\r\n{}", NULL) == 200);
    TAP_CHECK(ask(PATCH_BY_COOKIE "X-Alto-Csrf: csrf-adm-a\r\nOrigin: http://x\r\n\r\n{}", NULL) ==
              200);
    TAP_CHECK(ask(PATCH_BY_COOKIE "X-Alto-Csrf: csrf-adm-a\r\nOrigin: https://evil\r\n\r\n{}",
                  NULL) == 403);
    TAP_CHECK(ask(PATCH_BY_COOKIE "X-Alto-Csrf: csrf-adm-a\r\nOrigin: https://x.evil\r\n\r\n{}",
                  NULL) == 403);
    TAP_CHECK(ask(PATCH_BY_COOKIE "X-Alto-Csrf: csrf-adm-a\r\nOrigin: null\r\n\r\n{}", NULL) ==
              403);
    TAP_CHECK(ask(PATCH_BY_COOKIE "X-Alto-Csrf: csrf-adm-a\r\nSec-Fetch-Site: cross-site\r\n\r\n{}",
                  NULL) == 403);
    TAP_CHECK(ask(PATCH_BY_COOKIE
                  "X-Alto-Csrf: csrf-adm-a\r\nSec-Fetch-Site: same-origin\r\n\r\n{}",
                  NULL) == 200);
    /* Logging in from another site's page, where there is no cookie yet. */
    TAP_CHECK(ask("POST /api/v1/open" H
                  "Origin: https://evil\r\nContent-Type: application/json\r\nContent-Length: "
                  "12\r\n\r\n{\"name\":\"n\"}",
                  NULL) == 403);
    /* A token is no cookie: no page can make a browser send one. */
    TAP_CHECK(ask("DELETE /api/v1/items/1" H OP "Origin: https://evil\r\nIf-Match: \"7\"\r\n\r\n",
                  NULL) == 200);
}

static void
test_codes_become_statuses_without_inner_details(void)
{
    static const struct {
        const char *code;
        int status;
    } codes[] = {{"invalid", 400},  {"wrong_password", 401}, {"forbidden", 403}, {"not_found", 404},
                 {"conflict", 409}, {"exists", 409},         {"changed", 412},   {"limit", 413},
                 {"no_data", 428},  {"unreachable", 503},    {"busy", 503},      {"corrupt", 500},
                 {"io_error", 500}, {"internal", 500}};
    struct client c;
    char request[256];

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        snprintf(request, sizeof(request), "GET /api/v1/fail?code=%s" H "\r\n", codes[i].code);
        if (ask(request, &c) != codes[i].status) {
            tap_fail(__FILE__, __LINE__, "%s gave %d", codes[i].code, c.a.status);
        }
        TAP_EQUAL_STR(client_header(&c, "Content-Type"), "application/problem+json");
        TAP_CHECK((strstr(c.a.body, "secret words") == NULL) == (codes[i].status == 500));
        client_close(&c);
    }
    TAP_CHECK(ask("GET /api/v1/fail?code=limit&retry=7" H "\r\n", &c) == 429);
    TAP_EQUAL_STR(client_header(&c, "Retry-After"), "7");
    client_close(&c);
}

static void
test_large_answers_come_whole(void)
{
    struct client c;

    TAP_CHECK(ask("GET /api/v1/big?bytes=20000000" H "\r\n", &c) == 200);
    TAP_EQUAL_U64(c.a.len, 20000000);
    TAP_CHECK(c.a.body[0] == 'x' && c.a.body[19999999] == 'x');
    client_close(&c);
}

static void
test_a_file_is_sent_whole_with_its_name(void)
{
    const uint64_t bytes = 80000000; /* more than one answer may have in memory */
    struct client c;

    TAP_CHECK(ask("GET /api/v1/file?bytes=80000000&name=list.csv" H "\r\n", &c) == 200);
    TAP_EQUAL_U64(c.a.len, bytes);
    for (uint64_t i = 0; i < bytes / 8; i++) {
        uint64_t had;

        memcpy(&had, c.a.body + i * 8, 8);
        if (had != i) {
            tap_fail(__FILE__, __LINE__, "block %llu is wrong", (unsigned long long)i);
        }
    }
    TAP_EQUAL_STR(client_header(&c, "Content-Type"), "text/csv");
    TAP_EQUAL_STR(client_header(&c, "Content-Length"), "80000000");
    TAP_EQUAL_STR(client_header(&c, "Content-Disposition"), "attachment; filename=\"list.csv\"");
    TAP_CHECK(client_ask(&c, "GET /api/v1/health" H "\r\n") == 200); /* the connection goes on */
    client_close(&c);
    TAP_CHECK(ask("GET /api/v1/file?bytes=0&name=a" H "\r\n", &c) == 200);
    TAP_EQUAL_U64(c.a.len, 0);
    client_close(&c);
    TAP_CHECK(ask("GET /api/v1/file?bytes=8&name=a%22%5Cb%2F%C3%A4" H "\r\n", &c) == 200);
    TAP_EQUAL_STR(client_header(&c, "Content-Disposition"), "attachment; filename=\"a__b___\"");
    client_close(&c);
}

static void
test_a_file_that_is_cut_breaks_the_connection_and_a_problem_sends_none(void)
{
    struct client c;

    client_open(&c, server);
    TAP_CHECK(client_send(&c, "GET /api/v1/file?bytes=1000000&more=1000&name=a" H "\r\n"));
    TAP_CHECK(client_answer(&c, false) != 200 || c.a.len < 1001000);
    TAP_CHECK(client_closed(&c, 5000));
    client_close(&c);
    TAP_CHECK(ask("GET /api/v1/file?bytes=800&fail=1&name=a" H "\r\n", &c) == 404);
    TAP_EQUAL_STR(client_header(&c, "Content-Type"), "application/problem+json");
    TAP_EQUAL_STR(client_header(&c, "Content-Disposition"), "");
    client_close(&c);
    client_open(&c, server);
    TAP_CHECK(client_send(&c, "HEAD /api/v1/file?bytes=800&name=a" H "\r\n"));
    TAP_CHECK(client_answer(&c, true) == 200);
    TAP_EQUAL_STR(client_header(&c, "Content-Length"), "800");
    client_close(&c);
}

static void
test_bytes_are_taken_where_a_route_takes_them(void)
{
    struct client c;

    TAP_CHECK(ask("PUT /api/v1/raw" H "Content-Type: application/octet-stream\r\nContent-Length: "
                  "3\r\n\r\na{b",
                  &c) == 200);
    TAP_CHECK(strncmp(c.a.body, "{\"bytes\":3,", 11) == 0);
    client_close(&c);
    TAP_CHECK(ask("PUT /api/v1/raw" H
                  "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
                  NULL) == 415);
    TAP_CHECK(ask("PUT /api/v1/raw" H "Content-Length: 2\r\n\r\n{}", NULL) == 415);
    TAP_CHECK(ask("PUT /api/v1/raw" H
                  "Content-Type: application/octet-stream\r\nContent-Length: 1048577\r\n\r\n",
                  NULL) == 413);
}

static void
test_metrics_are_for_loopback_or_an_operator(void)
{
    struct client c;

    TAP_CHECK(ask("GET /metrics" H "\r\n", &c) == 200);
    TAP_CHECK(strstr(client_header(&c, "Content-Type"), "text/plain") != NULL);
    TAP_CHECK(strstr(c.a.body, "alto_hosts 3\n") != NULL);
    TAP_CHECK(strstr(c.a.body, "alto_stub_bytes 123456789012345\n") != NULL);
    TAP_CHECK(strstr(c.a.body, "alto_http_requests_total{operation=\"health\",status=\"200\"}") !=
              NULL);
    TAP_CHECK(strstr(c.a.body,
                     "alto_http_request_seconds_bucket{operation=\"health\",le=\"+Inf\"}") != NULL);
    TAP_CHECK(strstr(c.a.body, "alto_workers 8\n") != NULL);
    TAP_CHECK(strstr(c.a.body, CUSTOMER_A) == NULL);
    client_close(&c);
    /* Forwarded by a proxy on this machine: not loopback at all. */
    TAP_CHECK(ask("GET /metrics" H "X-Forwarded-For: 9.9.9.9\r\n\r\n", NULL) == 401);
    TAP_CHECK(ask("GET /metrics" H
                  "X-Forwarded-For: 9.9.9.9\r\nAuthorization: Bearer adm-a\r\n\r\n",
                  NULL) == 403);
    TAP_CHECK(ask("GET /metrics" H "X-Forwarded-For: 9.9.9.9\r\n" OP "\r\n", NULL) == 200);
}

int
main(void)
{
    server = server_start(NULL);
    TAP_RUN(test_answers_keep_the_connection_and_carry_the_right_headers);
    TAP_RUN(test_pipelined_requests_are_answered_in_order);
    TAP_RUN(test_malformed_addresses_are_refused);
    TAP_RUN(test_values_are_decoded_once);
    TAP_RUN(test_what_is_no_http_is_refused_or_cut);
    TAP_RUN(test_smuggled_lengths_close_the_connection);
    TAP_RUN(test_long_addresses_and_headers_are_refused);
    TAP_RUN(test_bodies_are_limited_by_route);
    TAP_RUN(test_bodies_must_be_json_of_that_type);
    TAP_RUN(test_zstd_bodies_are_unpacked_up_to_the_limit);
    TAP_RUN(test_conditions_pass_through);
    TAP_RUN(test_head_and_options);
    TAP_RUN(test_who_may);
    TAP_RUN(test_cookie_borne_writes_need_csrf_and_origin);
    TAP_RUN(test_codes_become_statuses_without_inner_details);
    TAP_RUN(test_large_answers_come_whole);
    TAP_RUN(test_a_file_is_sent_whole_with_its_name);
    TAP_RUN(test_a_file_that_is_cut_breaks_the_connection_and_a_problem_sends_none);
    TAP_RUN(test_bytes_are_taken_where_a_route_takes_them);
    TAP_RUN(test_metrics_are_for_loopback_or_an_operator);
    if (!server_stop(server, 5000)) {
        printf("Bail out! the server does not stop\n");
        return 1;
    }
    return tap_end();
}
