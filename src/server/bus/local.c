#include "server/bus/bus_kind.h"

#include "base/mem.h"
#include "port/thread.h"

/* One lock per direction is held while callbacks run: that is what keeps messages in order and a
 * callback alone, and why a callback must not call the bus. Wakes have their own, so that a slow
 * subscriber of events delays no agent. */
struct local {
    struct bus bus;
    port_mutex events_lock;
    uint64_t seq;
    size_t subscribers;
    struct {
        bus_message_fn *fn;
        void *ctx;
    } subscriber[BUS_SUBSCRIBERS_MAX];
    port_mutex wakes_lock;
    size_t wakers;
    struct {
        bus_wake_fn *fn;
        void *ctx;
    } waker[BUS_SUBSCRIBERS_MAX];
};

static struct bus *
local_close(struct bus *b)
{
    struct local *l = (struct local *)b;

    port_mutex_end(&l->events_lock);
    port_mutex_end(&l->wakes_lock);
    al_free(l);
    return NULL;
}

static int
local_publish(struct bus *b, const char *event, const char *customer_id, const char *data,
              uint64_t *ret_seq)
{
    struct local *l = (struct local *)b;
    struct bus_message m = {.event = event, .customer_id = customer_id, .data = data};

    port_mutex_lock(&l->events_lock);
    m.seq = ++l->seq;
    for (size_t i = 0; i < l->subscribers; i++) {
        l->subscriber[i].fn(l->subscriber[i].ctx, &m);
    }
    port_mutex_unlock(&l->events_lock);
    if (ret_seq != NULL) {
        *ret_seq = m.seq;
    }
    return AL_OK;
}

static int
local_wake(struct bus *b, const char *topic)
{
    struct local *l = (struct local *)b;

    port_mutex_lock(&l->wakes_lock);
    for (size_t i = 0; i < l->wakers; i++) {
        l->waker[i].fn(l->waker[i].ctx, topic);
    }
    port_mutex_unlock(&l->wakes_lock);
    return AL_OK;
}

static int
local_subscribe(struct bus *b, bus_message_fn *on_message, void *ctx)
{
    struct local *l = (struct local *)b;
    int rc = AL_ELIMIT;

    port_mutex_lock(&l->events_lock);
    if (l->subscribers < BUS_SUBSCRIBERS_MAX) {
        l->subscriber[l->subscribers].fn = on_message;
        l->subscriber[l->subscribers++].ctx = ctx;
        rc = AL_OK;
    }
    port_mutex_unlock(&l->events_lock);
    return rc;
}

static int
local_on_wake(struct bus *b, bus_wake_fn *on_wake, void *ctx)
{
    struct local *l = (struct local *)b;
    int rc = AL_ELIMIT;

    port_mutex_lock(&l->wakes_lock);
    if (l->wakers < BUS_SUBSCRIBERS_MAX) {
        l->waker[l->wakers].fn = on_wake;
        l->waker[l->wakers++].ctx = ctx;
        rc = AL_OK;
    }
    port_mutex_unlock(&l->wakes_lock);
    return rc;
}

int
bus_local_open(struct bus **ret)
{
    static const struct bus_ops ops = {
        .close = local_close,
        .publish = local_publish,
        .wake = local_wake,
        .subscribe = local_subscribe,
        .on_wake = local_on_wake,
    };
    struct local *l = al_zalloc(sizeof(*l));

    if (l == NULL) {
        return AL_ENOMEM;
    }
    l->bus.ops = &ops;
    port_mutex_init(&l->events_lock);
    port_mutex_init(&l->wakes_lock);
    *ret = &l->bus;
    return AL_OK;
}
