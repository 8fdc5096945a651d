/* batch.c: the batch thread, and the sending of a scan's entries. Both send one number until it is
 * applied. */
#include "agent/link/link_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define FOLLOWS_MS 30000u /* the server may have to open the volume's inventory */
#define BODY_MAX (SPOOL_BATCH_BYTES_MAX + SPOOL_RECORD_MAX + (1u << 20))
#define IDLE_NS                                                                                    \
    5000000000 /* how long the batch thread sleeps at most while there is nothing to send */
/* Between the beginnings of two batches, at least. Whatever it carries, a batch costs the server a
 * transaction in each of its databases (some 15 ms) and this host two syncs. */
#define LINGER_NS 200000000
/* A server that takes its time is given more: sending takes it a ninth of the time at most. */
#define LINGER_TIMES 8
#define LINGER_NS_MAX 1000000000
/* A batch is as large as what waits while the one before is applied, as long as full ones go this quickly: much of
 * what one costs the server does not depend on its size. */
#define GROW_NS (INT64_C(3) * 1000000000)
#define SHRINK_NS (INT64_C(15) * 1000000000)
/* For each SPOOL_BATCH_BYTES of a body, so that a line that was fast enough for small ones still is. */
#define TIMEOUT_MS 120000u

/* Posts number seq of a stream. AL_OK or AL_ECONFLICT: *ret_applied is what the server has. */
static int
post(struct http *h, const char *what, const char *type, const char *stream, uint64_t seq,
     struct al_span body, uint64_t *ret_applied, uint32_t *ret_retry_s, struct al_fail *fail)
{
    AL_CLEANUP(api_reply_end) struct api_reply reply = {0};
    struct al_fail refused = {0};
    char path[128];
    int rc;

    (void)snprintf(path, sizeof(path), "/api/v1/agent/%s?stream=%s&seq=%llu", what, stream,
                   (unsigned long long)seq);
    rc = api_call(h,
                  &(struct api_call){.method = "POST",
                                     .path = path,
                                     .raw = body,
                                     .raw_type = type,
                                     .timeout_ms = TIMEOUT_MS *
                                                   (1 + (uint32_t)(body.len / SPOOL_BATCH_BYTES))},
                  &reply, &refused);
    *ret_retry_s = reply.retry_after_s;
    if (rc == AL_OK || rc == AL_ECONFLICT) {
        int got = al_json_u64(reply.json, "applied_seq", ret_applied, NULL);

        if (got != AL_OK && rc == AL_OK) {
            return al_fail_set(fail, AL_ECORRUPT, 0,
                               "the server's answer to a batch has no applied_seq");
        }
        if (got == AL_OK) {
            return rc;
        }
    }
    return rc == AL_OK ? AL_OK : al_fail_set(fail, rc, refused.os, "%s", refused.text);
}

/* ---- the spool ---- */

/* One attempt with the batch that is due. *ret_any false: nothing was there. */
static int
send_one(struct link *l, struct al_buf *body, bool *ret_any, uint32_t *ret_retry_s,
         struct al_fail *fail)
{
    uint64_t seq = 0, applied = UINT64_MAX;
    al_id stream;
    int rc = spool_batch(l->conf.spool, body, stream, &seq, ret_any);

    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(l->conf.port), "the spool cannot be read");
    }
    if (!*ret_any) {
        return AL_OK;
    }
    rc = post(l->batch_http, "batch", "application/x-ndjson", stream, seq, al_buf_span(body),
              &applied, ret_retry_s, fail);
    if (rc != AL_OK && (rc != AL_ECONFLICT || applied == UINT64_MAX)) {
        return rc;
    }
    rc = spool_applied(l->conf.spool, seq, applied);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(l->conf.port), "the spool cannot be written");
    }
    if (applied + 1 == seq) {
        return al_fail_set(fail, AL_EUNREACH, 0, "the server has not applied the batch yet");
    }
    port_mutex_lock(&l->mutex);
    l->batches += applied == seq;
    port_cond_broadcast(&l->flushed);
    port_mutex_unlock(&l->mutex);
    return AL_OK;
}

/* Whether somebody waits for what is spooled: the end of a work, or of the link, or simply the next
 * full batch. With the mutex held. */
static bool
in_a_hurry(struct link *l)
{
    uint64_t applied = spool_applied_pos(l->conf.spool);
    bool hurry = l->flushing || atomic_load(&l->stopping) ||
                 spool_waiting(l->conf.spool) >= SPOOL_BATCH_BYTES;

    for (size_t i = 0; i < l->running_count && !hurry; i++) {
        hurry = l->running[i].ended && l->running[i].end_pos > applied;
    }
    return hurry;
}

/* A record that comes after a silence goes out at once; those behind it gather for a moment. */
static void
linger(struct link *l, int64_t until)
{
    struct port *port = l->conf.port;

    port_mutex_lock(&l->mutex);
    while (port_mono_ns(port) < until && !in_a_hurry(l)) {
        (void)port_cond_wait_for(&l->wake, &l->mutex,
                                 until - port_mono_ns(port)); /* the loop looks why it ended */
    }
    port_mutex_unlock(&l->mutex);
}

static int64_t
linger_ns(int64_t took_ns)
{
    int64_t ns = took_ns * LINGER_TIMES;

    return ns < LINGER_NS ? LINGER_NS : ns > LINGER_NS_MAX ? LINGER_NS_MAX : ns;
}

/* How large the next ones may be, after one that was sent or was not. */
static void
pace(struct link *l, struct al_buf *body, size_t *io_limit, int rc, int64_t took_ns)
{
    if (rc != AL_OK || took_ns > SHRINK_NS) {
        *io_limit /= 2;
    } else if (body->len >= *io_limit && took_ns < GROW_NS) {
        *io_limit *= 2;
    }
    *io_limit = spool_batch_limit(l->conf.spool, *io_limit);
    if (body->cap > 2 * SPOOL_BATCH_BYTES) {
        al_buf_free(body);
    }
}

void *
batch_main(void *link)
{
    struct link *l = link;
    AL_CLEANUP(al_buf_free) struct al_buf body = {0};
    struct pause pause = {0};
    struct port *port = l->conf.port;
    int64_t began_ns, took_ns, due_ns = 0;
    size_t limit = SPOOL_BATCH_BYTES;

    al_buf_init(&body, BODY_MAX);
    while (!atomic_load(&l->stopping)) {
        struct al_fail fail = {0};
        uint32_t retry_s = 0;
        bool any = false;
        int rc;

        if (!spool_wait(l->conf.spool, IDLE_NS)) {
            continue;
        }
        linger(l, due_ns);
        began_ns = port_mono_ns(port);
        rc = send_one(l, &body, &any, &retry_s, &fail);
        took_ns = port_mono_ns(port) - began_ns;
        due_ns = began_ns + linger_ns(took_ns);
        pace(l, &body, &limit, rc, took_ns);
        if (rc == AL_ECANCELED) {
            break;
        }
        link_told(l, LINK_SEND, rc, &fail);
        if (rc == AL_OK) {
            pause.ms = 0;
            continue;
        }
        link_pause(l, &pause, retry_s);
    }
    return NULL;
}

/* ---- entries ---- */

struct link_entries {
    struct link *link;
    struct http *http;
    al_id scan_id;
};

int
link_entries_open(struct link *l, const char *scan_id, struct link_entries **ret,
                  struct al_fail *fail)
{
    struct link_entries *e = al_zalloc(sizeof(*e));
    int rc =
        e != NULL ? link_http(l, &e->http, fail) : al_fail_set(fail, AL_ENOMEM, 0, "out of memory");

    if (rc != AL_OK) {
        al_free(e);
        return rc;
    }
    e->link = l;
    (void)snprintf(e->scan_id, sizeof(e->scan_id), "%s", scan_id);
    *ret = e;
    return AL_OK;
}

/* What may be over in a minute. Everything else is the server's last word about this scan. */
static bool
passes(int code)
{
    return code == AL_EUNREACH || code == AL_ETIMEDOUT || code == AL_EINTERNAL ||
           code == AL_ENOMEM || code == AL_ENOSPC || code == AL_EBUSY || code == AL_EACCES ||
           code == AL_EIO;
}

int
link_entries_send(struct link_entries *e, uint64_t seq, struct al_span packed,
                  bool (*stop)(void *ctx), void *ctx, struct al_fail *fail)
{
    struct link *l = e->link;
    struct pause pause = {0};

    for (;;) {
        struct al_fail why = {0};
        uint64_t applied = 0;
        uint32_t retry_s = 0;
        int rc;

        if (atomic_load(&l->stopping) || (stop != NULL && stop(ctx))) {
            return al_fail_set(fail, AL_ECANCELED, 0, "cancelled");
        }
        rc = post(e->http, "entries", "application/octet-stream", e->scan_id, seq, packed, &applied,
                  &retry_s, &why);
        if (rc == AL_OK && applied >= seq) {
            return AL_OK;
        }
        if (rc != AL_OK && !passes(rc) && retry_s == 0) {
            return al_fail_set(fail, rc, why.os, "the server does not take this scan: %s",
                               why.text);
        }
        if (rc != AL_OK) {
            link_told(l, LINK_SEND, rc, &why);
        }
        link_pause(l, &pause, retry_s);
    }
}

int
link_entries_follows(struct link_entries *e, al_id ret, char *why, struct al_fail *fail)
{
    AL_CLEANUP(api_reply_end) struct api_reply reply = {0};
    char path[64];
    const struct api_call call = {.method = "GET", .path = path, .timeout_ms = FOLLOWS_MS};
    const char *id, *text;
    int rc;

    (void)snprintf(path, sizeof(path), "/api/v1/agent/scans/%s", e->scan_id);
    rc = api_call(e->http, &call, &reply, fail);
    if (rc != AL_OK) {
        return rc;
    }
    id = json_string_value(json_object_get(reply.json, "follows"));
    text = json_string_value(json_object_get(reply.json, "why"));
    (void)snprintf(ret, sizeof(al_id), "%s", id != NULL && al_id_valid(id) ? id : "");
    (void)snprintf(why, LINK_WHY_MAX, "%s", text != NULL ? text : "");
    return AL_OK;
}

struct link_entries *
link_entries_close(struct link_entries *e)
{
    if (e != NULL) {
        (void)http_close(e->http); /* returns NULL */
        al_free(e);
    }
    return NULL;
}
