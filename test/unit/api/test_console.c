/* The console's files, and how they are sent. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client.h"
#include "tap.h"

#define H " HTTP/1.1\r\nHost: x\r\n"

static char dir[64];

static void
put(const char *name, const char *content)
{
    char path[256];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    f = fopen(path, "w");
    TAP_CHECK(f != NULL && fputs(content, f) >= 0 && fclose(f) == 0);
}

static void
make_console(void)
{
    char path[256];

    snprintf(dir, sizeof(dir), "/tmp/alto-console-XXXXXX");
    TAP_CHECK(mkdtemp(dir) != NULL);
    snprintf(path, sizeof(path), "%s/assets", dir);
    TAP_CHECK(mkdir(path, 0700) == 0);
    put("index.html", "<html>console</html>");
    put("assets/index-4f2a.js", "script();");
    put("assets/index-4f2a.js.gz", "packed");
    put("favicon.svg", "<svg/>");
    put(".secret", "hidden");
    snprintf(path, sizeof(path), "%s/link.txt", dir);
    TAP_CHECK(symlink("/etc/passwd", path) == 0);
}

static void
remove_console(void)
{
    static const char *const names[] = {"assets/index-4f2a.js",
                                        "assets/index-4f2a.js.gz",
                                        "assets",
                                        "index.html",
                                        "favicon.svg",
                                        ".secret",
                                        "link.txt",
                                        ""};
    char path[256];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        TAP_CHECK(remove(path) == 0);
    }
}

static void
test_files_rooms_and_caching(void)
{
    struct server *s;
    struct client c;
    char request[256], etag[64];

    make_console();
    s = server_start(&(struct server_conf){.console_dir = dir});
    client_open(&c, s);
    TAP_CHECK(client_ask(&c, "GET /" H "\r\n") == 200);
    TAP_EQUAL_STR(c.a.body, "<html>console</html>");
    TAP_EQUAL_STR(client_header(&c, "Content-Type"), "text/html; charset=utf-8");
    TAP_EQUAL_STR(client_header(&c, "Cache-Control"), "no-cache");
    TAP_CHECK(strstr(client_header(&c, "Content-Security-Policy"), "script-src 'self';") != NULL);
    TAP_EQUAL_STR(client_header(&c, "X-Frame-Options"), "DENY");
    snprintf(etag, sizeof(etag), "%s", client_header(&c, "ETag"));
    snprintf(request, sizeof(request), "GET /" H "If-None-Match: %s\r\n\r\n", etag);
    TAP_CHECK(client_ask(&c, request) == 304);
    /* A room of the console is no file. */
    TAP_CHECK(client_ask(&c, "GET /volumes/01j/files?path=%2F" H "\r\n") == 200);
    TAP_EQUAL_STR(c.a.body, "<html>console</html>");
    /* Named after their content: for ever. */
    TAP_CHECK(client_ask(&c, "GET /assets/index-4f2a.js" H "\r\n") == 200);
    TAP_EQUAL_STR(c.a.body, "script();");
    TAP_EQUAL_STR(client_header(&c, "Cache-Control"), "public, max-age=31536000, immutable");
    TAP_CHECK(client_ask(&c, "GET /assets/index-4f2a.js" H "Accept-Encoding: br, gzip\r\n\r\n") ==
              200);
    TAP_EQUAL_STR(c.a.body, "packed");
    TAP_EQUAL_STR(client_header(&c, "Content-Encoding"), "gzip");
    TAP_EQUAL_STR(client_header(&c, "Content-Type"), "text/javascript; charset=utf-8");
    TAP_CHECK(client_ask(&c, "HEAD /favicon.svg" H "\r\n") == 200);
    TAP_EQUAL_STR(client_header(&c, "Content-Length"), "6");
    TAP_CHECK(client_ask(&c, "POST /" H "Content-Length: 0\r\n\r\n") == 405);
    client_close(&c);
    TAP_CHECK(server_stop(s, 5000));
    remove_console();
}

static void
test_nothing_outside_the_folder_is_sent(void)
{
    static const char *const outside[] = {
        "/assets/missing.js",
        "/link.txt",
        "/.secret",
        "/../client.c",
        "/assets/../../etc/passwd",
        "/%2e%2e/etc/passwd",
        "/assets/..%2f..%2fetc/passwd",
        "//etc/passwd",
        "/etc/passwd.txt",
        "/assets/",
        "/assets/index-4f2a.js/x.js",
    };
    struct server *s;
    struct client c;
    char request[256];

    make_console();
    s = server_start(&(struct server_conf){.console_dir = dir});
    for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
        int status;

        snprintf(request, sizeof(request), "GET %s" H "\r\n", outside[i]);
        status = ask_once(s, request, &c);
        if (status != 404 && status != 400) {
            tap_fail(__FILE__, __LINE__, "%s gave %d", outside[i], status);
        }
        client_close(&c);
    }
    TAP_CHECK(server_stop(s, 5000));
    remove_console();
}

static void
test_without_a_console_there_is_a_page_that_says_how_to_build_it(void)
{
    struct server *s = server_start(NULL);
    struct client c;

    TAP_CHECK(ask_once(s, "GET /volumes" H "\r\n", &c) == 200);
    TAP_CHECK(strstr(c.a.body, "npm run build") != NULL);
    client_close(&c);
    TAP_CHECK(ask_once(s, "GET /x.js" H "\r\n", NULL) == 404);
    TAP_CHECK(server_stop(s, 5000));
    s = server_start(&(struct server_conf){.console_dir = "/tmp/alto-no-such-console"});
    TAP_CHECK(ask_once(s, "GET /" H "\r\n", &c) == 200);
    TAP_CHECK(strstr(c.a.body, "npm run build") != NULL);
    client_close(&c);
    TAP_CHECK(server_stop(s, 5000));
}

int
main(void)
{
    TAP_RUN(test_files_rooms_and_caching);
    TAP_RUN(test_nothing_outside_the_folder_is_sent);
    TAP_RUN(test_without_a_console_there_is_a_page_that_says_how_to_build_it);
    return tap_end();
}
