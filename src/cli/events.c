/* events.c: the server's live events (server-sent events), as a sign that there is something to ask for. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

static void
end_of_line(struct events *e)
{
    static const char event[] = "event:", data[] = "data:";
    char *text = e->line;

    text[e->len] = '\0';
    if (e->len == 0) { /* the event's end */
        e->named[0] = '\0';
    } else if (strncmp(text, event, sizeof(event) - 1) == 0) {
        text += sizeof(event) - 1;
        text += *text == ' ';
        (void)snprintf(e->named, sizeof(e->named), "%s", text);
        e->news = e->news || strcmp(e->named, "reset") == 0; /* some were missed */
    } else if (strncmp(text, data, sizeof(data) - 1) == 0 && strcmp(e->named, e->what) == 0 &&
               strstr(text, e->id) != NULL) {
        e->news = true;
    }
    e->len = 0;
}

void
events_take(struct events *e, const void *bytes, size_t len)
{
    const char *at = bytes;

    for (size_t i = 0; i < len; i++) {
        if (at[i] == '\n') {
            end_of_line(e);
        } else if (at[i] != '\r' && at[i] != '\0' && e->len < sizeof(e->line) - 1) {
            e->line[e->len++] = at[i]; /* whose noun it is stands at the front */
        }
    }
}

static int
on_bytes(void *ctx, const void *bytes, size_t len)
{
    struct events *e = ctx;

    events_take(e, bytes, len);
    if (!e->news && e->begun) {
        return AL_OK;
    }
    e->news = false;
    e->begun = true; /* from the first bytes on nothing is missed */
    e->rc = e->fn(e->ctx);
    return e->rc;
}

/* A connection of its own: calls are made while it is open. */
static int
connect_own(struct cli *c, struct http **ret)
{
    struct http *kept = c->http;
    int rc;

    c->http = NULL;
    rc = session_http(c, ret);
    c->http = kept;
    return rc;
}

int
events_wait(struct cli *c, const char *what, const char *id, uint32_t timeout_ms,
            int (*fn)(void *ctx), void *ctx)
{
    AL_CLEANUP(http_reply_end) struct http_reply reply = {0};
    AL_CLEANUP(http_closep) struct http *h = NULL;
    struct events e = {.what = what, .id = id, .fn = fn, .ctx = ctx};
    struct http_req req = {.method = "GET",
                           .path = "/api/v1/events",
                           .timeout_ms = timeout_ms,
                           .sink = on_bytes,
                           .sink_ctx = &e};
    struct al_fail fail = {0};
    int rc = connect_own(c, &h);

    http_reply_init(&reply);
    rc = rc != AL_OK ? rc : http_call(h, &req, &reply, &fail);
    if (e.rc != AL_OK) {
        return e.rc;
    }
    if (rc == AL_ETIMEDOUT && e.begun) {
        return AL_OK;
    }
    if (rc != AL_OK && c->fail.code == 0) {
        c->fail = fail;
    }
    return rc == AL_OK && (reply.status >= 300 || !e.begun) ? AL_ENOTSUP : rc;
}
