#include "server/api/api_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "port/listen.h"

/* One ring of formatted events for all streams; a stream is a place in it. So a slow client costs
 * nothing but its socket's buffer, and how far it may fall behind is the ring's length: beyond, it
 * is cut. An event that is being copied is held by its count. */
struct event {
    atomic_uint holders;
    al_id customer_id; /* "" for operators */
    size_t len;
    char text[];
};

struct stream {
    struct al_list node;
    struct request *request;
    struct scope scope;
    uint64_t next;    /* number of the next event to look at */
    struct event *at; /* half sent */
    size_t sent;
    bool waiting; /* suspended; whoever clears it resumes */
    bool gone, first, reset;
    int64_t wrote_ns;
};

struct streams {
    struct api *api;
    port_mutex lock;
    struct event *ring[API_EVENTS_KEPT];
    uint64_t oldest, next; /* numbers; from 1 */
    size_t bytes;
    char epoch[20]; /* tells this process's numbers from another's */
    int64_t beat_ns;
    struct al_list open;
    unsigned count, max;
    uint64_t cut;
    bool stopping;
};

int
streams_open(struct api *a, unsigned max, int64_t beat_ns, struct streams **ret)
{
    struct streams *s = al_zalloc(sizeof(*s));
    uint64_t random;

    if (s == NULL || port_random(a->port, &random, sizeof(random)) != AL_OK) {
        al_free(s);
        return AL_ENOMEM;
    }
    s->api = a;
    s->max = max;
    s->beat_ns = beat_ns;
    s->oldest = s->next = 1;
    snprintf(s->epoch, sizeof(s->epoch), "%08x", (unsigned)(random & 0xffffffffu));
    port_mutex_init(&s->lock);
    al_list_init(&s->open);
    *ret = s;
    return AL_OK;
}

static void
event_let_go(struct event *e)
{
    if (e != NULL && atomic_fetch_sub(&e->holders, 1) == 1) {
        al_free(e);
    }
}

struct streams *
streams_close(struct streams *s)
{
    if (s == NULL) {
        return NULL;
    }
    for (; s->oldest < s->next; s->oldest++) {
        event_let_go(s->ring[s->oldest % API_EVENTS_KEPT]);
    }
    port_mutex_end(&s->lock);
    al_free(s);
    return NULL;
}

/* ---- events in ---- */

static void
drop_oldest(struct streams *s)
{
    struct event *e = s->ring[s->oldest % API_EVENTS_KEPT];

    s->bytes -= e->len;
    s->ring[s->oldest % API_EVENTS_KEPT] = NULL;
    s->oldest++;
    event_let_go(e);
}

static void
resume(struct stream *t)
{
    if (t->waiting) {
        t->waiting = false;
        http_resume(t->request->x);
    }
}

/* A line break inside data would end the field; in JSON text it can only be a blank. */
static struct event *
event_new(const struct streams *s, const struct service_event *from, uint64_t number)
{
    size_t cap = strlen(from->event) + strlen(from->data) + 96;
    struct event *e = al_alloc(sizeof(*e) + cap);
    int n;

    if (e == NULL) {
        return NULL;
    }
    atomic_init(&e->holders, 1);
    snprintf(e->customer_id, sizeof(e->customer_id), "%s",
             from->customer_id != NULL ? from->customer_id : "");
    n = snprintf(e->text, cap, "id: %s-%llu\nevent: %s\ndata: ", s->epoch,
                 (unsigned long long)number, from->event);
    e->len = (size_t)n;
    for (const char *c = from->data; *c != '\0'; c++) {
        e->text[e->len++] = *c == '\n' || *c == '\r' ? ' ' : *c;
    }
    e->text[e->len++] = '\n';
    e->text[e->len++] = '\n';
    return e;
}

void
streams_publish(void *streams, const struct service_event *from)
{
    struct streams *s = streams;
    struct event *e;

    port_mutex_lock(&s->lock);
    e = event_new(s, from, s->next);
    if (e != NULL) {
        while (s->oldest < s->next && (s->next - s->oldest == API_EVENTS_KEPT ||
                                       s->bytes + e->len > API_EVENTS_BYTES_MAX)) {
            drop_oldest(s);
        }
        s->ring[s->next++ % API_EVENTS_KEPT] = e;
        s->bytes += e->len;
        for (struct al_list *n = s->open.next; n != &s->open; n = n->next) {
            struct stream *t = AL_LIST_ITEM(n, struct stream, node);

            if (scope_sees(&t->scope, e->customer_id)) {
                resume(t);
            } else if (t->waiting) {
                t->next = s->next; /* others' events do not make it fall behind */
            }
        }
    }
    port_mutex_unlock(&s->lock);
}

/* ---- events out, on the stream's I/O thread ---- */

/* The next event of the stream's scope, held; NULL: none. *ret_lost: it fell too far behind. */
static struct event *
next_event(struct streams *s, struct stream *t, bool *ret_lost)
{
    *ret_lost = t->next < s->oldest;
    while (!*ret_lost && t->next < s->next) {
        struct event *e = s->ring[t->next % API_EVENTS_KEPT];

        t->next++;
        if (scope_sees(&t->scope, e->customer_id)) {
            atomic_fetch_add(&e->holders, 1);
            return e;
        }
    }
    return NULL;
}

static size_t
put_text(uint8_t *to, size_t room, const char *text)
{
    size_t len = strlen(text);

    if (len > room) {
        return 0;
    }
    memcpy(to, text, len);
    return len;
}

/* Whoever is logged out, or disabled, sees no more. */
static bool
still_allowed(struct request *r)
{
    struct caller now;

    if (r->io->worker == NULL) {
        return true;
    }
    return service_authenticate(r->io->worker, r->bearer, r->cookie, port_now_ns(r->api->port),
                                &now) != AL_EAUTH;
}

static size_t
first_words(struct stream *t, uint8_t *to, size_t room)
{
    size_t len = put_text(to, room, "retry: 3000\n\n");

    if (t->reset) {
        len += put_text(to + len, room - len, "event: reset\ndata: {}\n\n");
    }
    t->first = false;
    return len;
}

/* Copies what there is. False: the stream is lost. */
static bool
copy_events(struct streams *s, struct stream *t, uint8_t *to, size_t room, size_t *io_len)
{
    bool lost = false;

    while (*io_len < room) {
        size_t n;

        if (t->at == NULL) {
            port_mutex_lock(&s->lock);
            t->at = next_event(s, t, &lost);
            port_mutex_unlock(&s->lock);
            t->sent = 0;
        }
        if (t->at == NULL) {
            break;
        }
        n = t->at->len - t->sent;
        n = n < room - *io_len ? n : room - *io_len;
        memcpy(to + *io_len, t->at->text + t->sent, n);
        t->sent += n;
        *io_len += n;
        if (t->sent == t->at->len) {
            event_let_go(t->at);
            t->at = NULL;
        }
    }
    return !lost;
}

static enum http_next
fill(void *request, uint8_t *to, size_t room, size_t *ret_len)
{
    struct request *r = request;
    struct stream *t = r->stream;
    struct streams *s = r->api->streams;
    int64_t now_ns = port_mono_ns(r->api->port);
    enum http_next next = HTTP_GO_ON;
    size_t len = 0;

    if (t->gone) {
        return HTTP_CUT;
    }
    if (t->first) {
        len = first_words(t, to, room);
    }
    if (!copy_events(s, t, to, room, &len)) {
        port_mutex_lock(&s->lock);
        s->cut++;
        port_mutex_unlock(&s->lock);
        return HTTP_CUT;
    }
    if (len == 0 && now_ns - t->wrote_ns >= s->beat_ns) {
        if (!still_allowed(r)) {
            return HTTP_ANSWERED;
        }
        len = put_text(to, room, ": beat\n\n");
    }
    if (len > 0) {
        t->wrote_ns = now_ns;
        *ret_len = len;
        return HTTP_GO_ON;
    }
    port_mutex_lock(&s->lock);
    if (s->stopping) {
        next = HTTP_ANSWERED;
    } else if (t->next == s->next) {
        /* Under the lock: whoever publishes from now on finds it waiting. */
        t->waiting = true;
        http_suspend(r->x);
        next = HTTP_SUSPENDED;
    }
    port_mutex_unlock(&s->lock);
    return next;
}

/* ---- streams ---- */

/* Where a client goes on: "<epoch>-<number>" of what it saw last. *ret_reset: what came since is
 * not all here. */
static uint64_t
place_of(const struct streams *s, const char *last, bool *ret_reset)
{
    size_t epoch = strlen(s->epoch);
    uint64_t number;

    *ret_reset = false;
    if (last == NULL || last[0] == '\0') {
        return s->next;
    }
    if (strncmp(last, s->epoch, epoch) != 0 || last[epoch] != '-' ||
        al_parse_u64(last + epoch + 1, &number) != AL_OK || number >= s->next ||
        number + 1 < s->oldest) {
        *ret_reset = true;
        return s->next;
    }
    return number + 1;
}

static bool
add(struct streams *s, struct stream *t, const char *last)
{
    const struct caller *who = &t->request->caller;
    unsigned own = 0;
    bool ok;

    port_mutex_lock(&s->lock);
    for (struct al_list *n = s->open.next; n != &s->open; n = n->next) {
        own += strcmp(AL_LIST_ITEM(n, struct stream, node)->request->caller.id, who->id) == 0;
    }
    ok = !s->stopping && s->count < s->max && own < API_STREAMS_PER_CALLER_MAX;
    if (ok) {
        t->next = place_of(s, last, &t->reset);
        al_list_push(&s->open, &t->node);
        s->count++;
    }
    port_mutex_unlock(&s->lock);
    return ok;
}

enum http_next
streams_begin(struct streams *s, struct request *r)
{
    const char *last = http_header(r->x, "Last-Event-ID");
    struct http_answer answer = {.status = 200, .stream = fill};
    struct stream *t = al_zalloc(sizeof(*t));

    if (t == NULL) {
        (void)request_fail(r, 0, AL_ENOMEM, "no memory for the stream");
        return reply_send(r);
    }
    t->request = r;
    t->scope =
        r->caller.role == ROLE_OPERATOR ? scope_system() : scope_customer(r->caller.customer_id);
    t->first = true;
    t->wrote_ns = port_mono_ns(r->api->port);
    if (!add(s, t, last != NULL ? last : uri_param(&r->uri, "last_event_id"))) {
        al_free(t);
        r->reply.retry_after_s = 30;
        (void)request_fail(r, 503, AL_ELIMIT, "too many streams of events are open");
        return reply_send(r);
    }
    r->stream = t;
    http_answer_field(&answer, "Content-Type", "text/event-stream");
    http_answer_field(&answer, "Cache-Control", "no-store");
    http_answer_field(&answer, "X-Accel-Buffering", "no");
    http_answer_field(&answer, "X-Content-Type-Options", "nosniff");
    return http_answer(r->x, &answer);
}

void
streams_end(struct streams *s, struct request *r)
{
    struct stream *t = r->stream;

    if (t == NULL) {
        return;
    }
    port_mutex_lock(&s->lock);
    al_list_drop(&t->node);
    s->count--;
    port_mutex_unlock(&s->lock);
    event_let_go(t->at);
    al_free(t);
    r->stream = NULL;
}

void
streams_sweep(struct streams *s, int64_t mono_ns, bool look)
{
    port_mutex_lock(&s->lock);
    for (struct al_list *n = s->open.next; n != &s->open; n = n->next) {
        struct stream *t = AL_LIST_ITEM(n, struct stream, node);

        if (t->waiting && look && port_socket_gone(http_socket(t->request->x))) {
            t->gone = true;
            resume(t);
        } else if (t->waiting && mono_ns - t->wrote_ns >= s->beat_ns) {
            resume(t);
        }
    }
    port_mutex_unlock(&s->lock);
}

void
streams_stop(struct streams *s)
{
    port_mutex_lock(&s->lock);
    s->stopping = true;
    for (struct al_list *n = s->open.next; n != &s->open; n = n->next) {
        resume(AL_LIST_ITEM(n, struct stream, node));
    }
    port_mutex_unlock(&s->lock);
}

void
streams_count(struct streams *s, unsigned *ret_open, uint64_t *ret_cut)
{
    port_mutex_lock(&s->lock);
    *ret_open = s->count;
    *ret_cut = s->cut;
    port_mutex_unlock(&s->lock);
}
