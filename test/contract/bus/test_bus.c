/* What every kind of bus must do (src/server/bus/bus.h). Its URL is the first argument. */
#include <stdatomic.h>
#include <stdlib.h>

#include "base/mem.h"
#include "port/thread.h"
#include "server/bus/bus.h"
#include "tap.h"

#define THREADS 8
#define EACH 500

static const char *url;

struct ear {
    port_mutex lock;
    port_cond more;
    atomic_uint inside; /* callbacks running */
    unsigned count, overlaps, disorder;
    uint64_t last_seq;
    char event[64], customer[64], data[256], topic[BUS_TOPIC_MAX + 1];
};

static void
ear_init(struct ear *e)
{
    memset(e, 0, sizeof(*e));
    port_mutex_init(&e->lock);
    port_cond_init(&e->more);
}

static void
heard(struct ear *e)
{
    e->count++;
    port_cond_broadcast(&e->more);
}

static void
on_message(void *ctx, const struct bus_message *m)
{
    struct ear *e = ctx;

    e->overlaps += atomic_fetch_add(&e->inside, 1) > 0;
    port_mutex_lock(&e->lock);
    e->disorder += e->last_seq != 0 && m->seq != e->last_seq + 1;
    e->last_seq = m->seq;
    snprintf(e->event, sizeof(e->event), "%s", m->event);
    snprintf(e->customer, sizeof(e->customer), "%s", m->customer_id);
    snprintf(e->data, sizeof(e->data), "%s", m->data);
    heard(e);
    port_mutex_unlock(&e->lock);
    atomic_fetch_sub(&e->inside, 1);
}

static void
on_wake(void *ctx, const char *topic)
{
    struct ear *e = ctx;

    port_mutex_lock(&e->lock);
    snprintf(e->topic, sizeof(e->topic), "%s", topic);
    heard(e);
    port_mutex_unlock(&e->lock);
}

/* A bus that crosses machines takes its time. */
static bool
wait_for(struct ear *e, unsigned count)
{
    bool ok = true;

    port_mutex_lock(&e->lock);
    while (e->count < count && ok) {
        ok = port_cond_wait_for(&e->more, &e->lock, INT64_C(5000000000));
    }
    ok = e->count == count;
    port_mutex_unlock(&e->lock);
    return ok;
}

static struct bus *
open_bus(void)
{
    struct bus *b = NULL;
    struct al_fail fail = {0};

    if (bus_open(url, &b, &fail) != AL_OK) {
        tap_fail(__FILE__, __LINE__, "%s does not open: %s", url, fail.text);
    }
    return b;
}

static void
test_every_subscriber_hears_every_message_as_it_was_said(void)
{
    struct bus *b = open_bus();
    struct ear one, two;
    uint64_t first = 0, second = 0;

    ear_init(&one);
    ear_init(&two);
    TAP_OK(bus_publish(b, "job", "c", "{}",
                       NULL)); /* before anybody listens: nobody hears it, nothing breaks */
    TAP_OK(bus_subscribe(b, on_message, &one));
    TAP_OK(bus_subscribe(b, on_message, &two));
    TAP_OK(bus_publish(b, "job", "customer", "{\"a\":\"\xc3\xbc\"}", &first));
    TAP_OK(bus_publish(b, "host", NULL, "{}", &second));
    TAP_CHECK(wait_for(&one, 2) && wait_for(&two, 2));
    TAP_EQUAL_U64(second, first + 1);
    TAP_EQUAL_U64(one.last_seq, second);
    TAP_EQUAL_STR(one.event, "host");
    TAP_EQUAL_STR(one.customer, "");
    TAP_OK(bus_publish(b, "job", "customer", "{\"a\":\"\xc3\xbc\"}", NULL));
    TAP_CHECK(wait_for(&two, 3));
    TAP_EQUAL_STR(two.event, "job");
    TAP_EQUAL_STR(two.customer, "customer");
    TAP_EQUAL_STR(two.data, "{\"a\":\"\xc3\xbc\"}");
    bus_close(b);
}

static void
test_a_wake_reaches_every_waker_and_no_subscriber(void)
{
    struct bus *b = open_bus();
    struct ear wakes, messages;

    ear_init(&wakes);
    ear_init(&messages);
    TAP_OK(bus_wake(b, "nobody"));
    TAP_OK(bus_on_wake(b, on_wake, &wakes));
    TAP_OK(bus_subscribe(b, on_message, &messages));
    TAP_OK(bus_wake(b, "host:01"));
    TAP_CHECK(wait_for(&wakes, 1));
    TAP_EQUAL_STR(wakes.topic, "host:01");
    TAP_EQUAL_U64(messages.count, 0);
    bus_close(b);
}

static void *
say_much(void *arg)
{
    for (int i = 0; i < EACH; i++) {
        if (bus_publish(arg, "job", "c", "{}", NULL) != AL_OK || bus_wake(arg, "t") != AL_OK) {
            return arg;
        }
    }
    return NULL;
}

static void
test_messages_of_many_threads_come_one_at_a_time_in_order(void)
{
    struct bus *b = open_bus();
    struct port_thread t[THREADS];
    struct ear messages, wakes;

    ear_init(&messages);
    ear_init(&wakes);
    TAP_OK(bus_subscribe(b, on_message, &messages));
    TAP_OK(bus_on_wake(b, on_wake, &wakes));
    for (int i = 0; i < THREADS; i++) {
        TAP_OK(port_thread_start(&t[i], "speaker", 0, say_much, b));
    }
    for (int i = 0; i < THREADS; i++) {
        port_thread_join(&t[i]);
    }
    TAP_CHECK(wait_for(&messages, THREADS * EACH));
    TAP_EQUAL_U64(messages.overlaps, 0);
    TAP_EQUAL_U64(messages.disorder, 0);
    TAP_CHECK(wakes.count > 0);
    bus_close(b);
}

static void
test_what_is_too_large_is_refused_and_what_fits_is_not(void)
{
    struct bus *b = open_bus();
    char *data = malloc(BUS_DATA_MAX + 2), topic[BUS_TOPIC_MAX + 2], name[BUS_EVENT_NAME_MAX + 2];
    struct ear e;

    ear_init(&e);
    TAP_OK(bus_subscribe(b, on_message, &e));
    memset(data, 'x', BUS_DATA_MAX + 1);
    data[BUS_DATA_MAX + 1] = '\0';
    TAP_CODE(bus_publish(b, "job", "", data, NULL), AL_ELIMIT);
    data[BUS_DATA_MAX] = '\0';
    TAP_OK(bus_publish(b, "job", "", data, NULL));
    memset(topic, 't', sizeof(topic));
    topic[BUS_TOPIC_MAX + 1] = '\0';
    TAP_CODE(bus_wake(b, topic), AL_ELIMIT);
    topic[BUS_TOPIC_MAX] = '\0';
    TAP_OK(bus_wake(b, topic));
    memset(name, 'n', sizeof(name));
    name[BUS_EVENT_NAME_MAX + 1] = '\0';
    TAP_CODE(bus_publish(b, name, "", "{}", NULL), AL_ELIMIT);
    TAP_CHECK(wait_for(&e, 1));
    free(data);
    bus_close(b);
}

static void
test_more_subscribers_than_places_are_refused(void)
{
    struct bus *b = open_bus();
    struct ear e;

    ear_init(&e);
    for (unsigned i = 0; i < BUS_SUBSCRIBERS_MAX; i++) {
        TAP_OK(bus_subscribe(b, on_message, &e));
        TAP_OK(bus_on_wake(b, on_wake, &e));
    }
    TAP_CODE(bus_subscribe(b, on_message, &e), AL_ELIMIT);
    TAP_CODE(bus_on_wake(b, on_wake, &e), AL_ELIMIT);
    bus_close(b);
}

int
main(int argc, char **argv)
{
    url = argc > 1 ? argv[1] : "local:";
    TAP_RUN(test_every_subscriber_hears_every_message_as_it_was_said);
    TAP_RUN(test_a_wake_reaches_every_waker_and_no_subscriber);
    TAP_RUN(test_messages_of_many_threads_come_one_at_a_time_in_order);
    TAP_RUN(test_what_is_too_large_is_refused_and_what_fits_is_not);
    TAP_RUN(test_more_subscribers_than_places_are_refused);
    return tap_end();
}
