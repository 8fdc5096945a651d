/* download.c: answers that may be of any length. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define DOWNLOAD_MS (6u * 3600u * 1000u) /* a list of 100,000,000 files over a slow line */

struct down {
    struct cli *c;
    struct port_file *file; /* NULL: standard output */
    uint64_t bytes;
};

static int
on_bytes(void *ctx, const void *bytes, size_t len)
{
    struct down *d = ctx;
    int rc = AL_OK;

    if (d->file != NULL) {
        rc = port_pwrite(d->c->port, d->file, bytes, len, d->bytes);
    } else if (fwrite(bytes, 1, len, stdout) != len) {
        rc = AL_EIO;
    }
    d->bytes += len;
    return rc;
}

/* What a refused download says, from the problem's JSON. */
static int
refused(struct cli *c, const struct http_reply *r)
{
    AL_CLEANUP(al_json_freep) json_t *problem = NULL;
    int rc;

    if (al_json_parse(al_buf_span(&r->body), &problem, NULL) != AL_OK) {
        return al_fail_set(&c->fail, AL_EINTERNAL, 0, "the server answered with status %d",
                           r->status);
    }
    rc = al_code_from_name(get_text(problem, "code"));
    return al_fail_set(&c->fail, rc == AL_OK ? AL_EINTERNAL : rc, 0, "%s",
                       get_text(problem, "detail"));
}

static int
fetch(struct cli *c, const char *path, struct down *d)
{
    AL_CLEANUP(http_reply_end) struct http_reply reply = {0};
    AL_CLEANUP(al_buf_free) struct al_buf full = {.max = 64u << 10};
    struct http_req req = {
        .method = "GET", .timeout_ms = DOWNLOAD_MS, .sink = on_bytes, .sink_ctx = d};
    struct http *h = NULL;
    int rc = session_http(c, &h);

    http_reply_init(&reply);
    rc = rc != AL_OK ? rc : al_buf_addf(&full, "/api/v1%s", path);
    if (rc != AL_OK) {
        return rc;
    }
    req.path = (const char *)full.at;
    rc = http_call(h, &req, &reply, &c->fail);
    if (rc != AL_OK) {
        return rc;
    }
    return reply.status < 300 ? AL_OK : refused(c, &reply);
}

static int
into_file(struct cli *c, const char *path, const char *file, struct down *d)
{
    AL_CLEANUP(al_freep) char *whole = NULL;
    AL_CLEANUP(al_buf_free) struct al_buf part = {.max = 64u << 10};
    int rc = absolute_path(c, file, &whole), closed;

    rc = rc != AL_OK ? rc : al_buf_addf(&part, "%s.part", whole);
    rc = rc != AL_OK ? rc
                     : port_open(c->port, NULL, (const char *)part.at,
                                 PORT_WRITE | PORT_CREATE | PORT_TRUNC, 0600, &d->file);
    if (rc != AL_OK) {
        return al_fail_set(&c->fail, rc, 0, "%.200s cannot be written", file);
    }
    rc = fetch(c, path, d);
    if (rc == AL_OK) {
        rc = port_sync(c->port, d->file);
    }
    closed = port_close(c->port, d->file);
    rc = rc == AL_OK ? closed : rc;
    if (rc == AL_OK) {
        rc = port_rename(c->port, NULL, (const char *)part.at, NULL, whole, true);
    }
    if (rc != AL_OK) {
        closed = port_unlink(c->port, NULL, (const char *)part.at);
        (void)closed; /* there is an earlier failure */
        return al_fail_set(&c->fail, rc, 0, "%.200s cannot be written: %s", file, al_code_name(rc));
    }
    return AL_OK;
}

int
download(struct cli *c, const char *path, const char *file, uint64_t *ret_bytes)
{
    struct down d = {.c = c};
    int rc =
        file == NULL || strcmp(file, "-") == 0 ? fetch(c, path, &d) : into_file(c, path, file, &d);

    if (rc == AL_OK && ret_bytes != NULL) {
        *ret_bytes = d.bytes;
    }
    return rc;
}
