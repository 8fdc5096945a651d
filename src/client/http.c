/* http.c: what does not depend on the library underneath. */
#include "client/http.h"

#include <string.h>

#include "base/text.h"

static bool
is_loopback(const char *host)
{
    struct al_span h = al_span_of(host);

    if (strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0) {
        return true;
    }
    if (h.len < 9 ||
        memcmp(host, "127.", 4) != 0) { /* "127.0.0.1" is the shortest that is written out */
        return false;
    }
    for (size_t i = 4; i < h.len; i++) {
        if (host[i] != '.' && (host[i] < '0' || host[i] > '9')) {
            return false; /* a name such as 127.example.org */
        }
    }
    return true;
}

static int
parse_port(const char *text, uint16_t *ret)
{
    uint64_t v = 0;

    if (al_parse_u64(text, &v) != AL_OK || v == 0 || v > UINT16_MAX) {
        return AL_EINVAL;
    }
    *ret = (uint16_t)v;
    return AL_OK;
}

/* Splits "HOST[:PORT]" or "[V6][:PORT]" at *text (which is changed) into its two halves; *ret_port
 * NULL where there is none. */
static int
split(char *text, char **ret_host, char **ret_port)
{
    char *host = text, *colon;

    *ret_port = NULL;
    if (text[0] == '[') {
        char *end = strchr(text, ']');

        if (end == NULL || (end[1] != '\0' && end[1] != ':')) {
            return AL_EINVAL;
        }
        host = text + 1;
        *end = '\0';
        colon = end[1] == ':' ? end + 1 : NULL;
    } else {
        colon = strchr(text, ':');
    }
    if (colon != NULL) {
        *colon = '\0';
        *ret_port = colon + 1;
    }
    *ret_host = host;
    return host[0] == '\0' ? AL_EINVAL : AL_OK;
}

static bool
host_fits(const char *host)
{
    for (; *host != '\0'; host++) {
        char c = *host;
        bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '-' || c == '_' || c == ':';

        if (!ok) {
            return false;
        }
    }
    return true;
}

int
http_url_parse(const char *url, struct http_url *ret, struct al_fail *fail)
{
    struct http_url u = {0};
    char rest[HTTP_HOST_MAX + 16];
    char *host = NULL, *port = NULL;
    size_t len;

    if (strncmp(url, "https://", 8) == 0) {
        u.tls = true;
        url += 8;
    } else if (strncmp(url, "http://", 7) == 0) {
        url += 7;
    } else {
        return al_fail_set(
            fail, AL_EINVAL, 0,
            "the server's address must begin with https:// (or http:// for this machine)");
    }
    len = strlen(url);
    len -= len > 0 && url[len - 1] == '/';
    if (len == 0 || len >= sizeof(rest)) {
        return al_fail_set(fail, AL_EINVAL, 0,
                           "the server's address has no host, or one that is too long");
    }
    memcpy(rest, url, len);
    rest[len] = '\0';
    u.port = u.tls ? 443 : 80;
    if (split(rest, &host, &port) != AL_OK || strlen(host) >= sizeof(u.host) || !host_fits(host) ||
        (port != NULL && parse_port(port, &u.port) != AL_OK)) {
        return al_fail_set(fail, AL_EINVAL, 0,
                           "the server's address is not of the form https://HOST[:PORT]");
    }
    memcpy(u.host, host, strlen(host) + 1);
    u.loopback = is_loopback(u.host);
    if (!u.tls && !u.loopback) {
        return al_fail_set(fail, AL_EINVAL, 0,
                           "plain http is only spoken to this machine itself: use https://%s",
                           u.host);
    }
    *ret = u;
    return AL_OK;
}

int
http_escape(struct al_buf *to, struct al_span bytes)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t c = bytes.at[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '-' || c == '.' || c == '_' || c == '~';
        char escaped[3] = {'%', digits[c >> 4], digits[c & 15]};
        int rc = plain ? al_buf_add(to, &c, 1) : al_buf_add(to, escaped, 3);

        if (rc != AL_OK) {
            return rc;
        }
    }
    return AL_OK;
}

void
http_reply_init(struct http_reply *r)
{
    *r = (struct http_reply){0};
    al_buf_init(&r->body, HTTP_REPLY_MAX);
}

void
http_reply_end(struct http_reply *r)
{
    al_buf_free(&r->body);
}

void
http_closep(struct http **h)
{
    *h = http_close(*h);
}
