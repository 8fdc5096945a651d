/* bus_kind.h: what a kind of bus must bring. bus.c checks sizes and chooses; an instance starts
 * with its table. */
#ifndef ALTO_SERVER_BUS_BUS_KIND_H
#define ALTO_SERVER_BUS_BUS_KIND_H

#include "server/bus/bus.h"

struct bus_ops {
    struct bus *(*close)(struct bus *b);
    int (*publish)(struct bus *b, const char *event, const char *customer_id, const char *data,
                   uint64_t *ret_seq);
    int (*wake)(struct bus *b, const char *topic);
    int (*subscribe)(struct bus *b, bus_message_fn *on_message, void *ctx);
    int (*on_wake)(struct bus *b, bus_wake_fn *on_wake, void *ctx);
};

struct bus { /* first member of every kind */
    const struct bus_ops *ops;
};

/* In this process. */
int bus_local_open(struct bus **ret) AL_MUST_CHECK;

#endif
