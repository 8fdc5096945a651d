/* bus.h: how the parts of altod, and in time several altod, tell each other that something
 * happened.
 *
 *   bus_publish ─▶ numbered message ─▶ every subscriber          live events: what the console
 *                                                                shows
 *   bus_wake    ─▶ topic            ─▶ every waker               "work for host:01J…": parked long
 *               polls are asked again
 *
 * A bus is a nudge, never the truth: what was published before a subscription is not repeated, a
 * message may be lost when a process dies, and whoever is woken looks the state up in the store. So
 * publish after the transaction is committed, never inside it.
 *
 * Chosen by URL at start-up: "local:" (this process alone). One contract suite (test/contract/bus),
 * every kind runs it.
 *
 * Threads: everything but bus_open and bus_close from any thread at once. A callback runs in
 * whatever thread published, or one of the bus's own; those of one subscription never run at the
 * same time, and messages come in the order of their numbers. A callback must not block, and must
 * not call this bus. */
#ifndef ALTO_SERVER_BUS_BUS_H
#define ALTO_SERVER_BUS_BUS_H

#include "base/result.h"

/* parts of one process, not clients: those hang on a subscriber */
#define BUS_SUBSCRIBERS_MAX 16u
#define BUS_EVENT_NAME_MAX 32u    /* bytes of an event's name */
#define BUS_TOPIC_MAX 128u        /* bytes of a wake topic */
#define BUS_DATA_MAX (256u << 10) /* bytes of one message's data: one noun as JSON */

struct bus;

struct bus_message {
    uint64_t seq;            /* from 1, without gaps while this bus is open */
    const char *event;       /* "job", "host" ... */
    const char *customer_id; /* "" where it belongs to no customer: for operators */
    const char *data;        /* JSON text */
};                           /* all lent for the callback */

typedef void bus_message_fn(void *ctx, const struct bus_message *m);
typedef void bus_wake_fn(void *ctx, const char *topic);

/* url NULL is "local:". AL_ENOTSUP for a kind this build does not know (the sentence names those it
 * does), AL_ENOMEM. */
int bus_open(const char *url, struct bus **ret, struct al_fail *fail) AL_MUST_CHECK;
/* Nobody may be inside a call; no callback runs afterwards. NULL is fine; returns NULL. */
struct bus *bus_close(struct bus *b);
void bus_closep(struct bus **b); /* for AL_CLEANUP */

/* AL_ELIMIT above BUS_EVENT_NAME_MAX or BUS_DATA_MAX, AL_EUNREACH when the bus is elsewhere and not
 * there. *ret_seq (may be NULL) is the message's number. */
int bus_publish(struct bus *b, const char *event, const char *customer_id, const char *data,
                uint64_t *ret_seq) AL_MUST_CHECK;
/* AL_ELIMIT above BUS_TOPIC_MAX, AL_EUNREACH as above. */
int bus_wake(struct bus *b, const char *topic) AL_MUST_CHECK;

/* Until bus_close. AL_ELIMIT above BUS_SUBSCRIBERS_MAX of each kind. */
int bus_subscribe(struct bus *b, bus_message_fn *on_message, void *ctx) AL_MUST_CHECK;
int bus_on_wake(struct bus *b, bus_wake_fn *on_wake, void *ctx) AL_MUST_CHECK;

#endif
