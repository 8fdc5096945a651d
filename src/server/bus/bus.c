#include "server/bus/bus_kind.h"

#include <string.h>

int
bus_open(const char *url, struct bus **ret, struct al_fail *fail)
{
    int rc;

    if (url != NULL && strcmp(url, "local:") != 0) {
        return al_fail_set(fail, AL_ENOTSUP, 0,
                           "the bus %.100s is not known; this build knows local:", url);
    }
    rc = bus_local_open(ret);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, 0, "no memory for the bus");
    }
    return AL_OK;
}

struct bus *
bus_close(struct bus *b)
{
    return b == NULL ? NULL : b->ops->close(b);
}

void
bus_closep(struct bus **b)
{
    *b = bus_close(*b);
}

int
bus_publish(struct bus *b, const char *event, const char *customer_id, const char *data,
            uint64_t *ret_seq)
{
    if (strlen(event) > BUS_EVENT_NAME_MAX || strlen(data) > BUS_DATA_MAX) {
        return AL_ELIMIT;
    }
    return b->ops->publish(b, event, customer_id == NULL ? "" : customer_id, data, ret_seq);
}

int
bus_wake(struct bus *b, const char *topic)
{
    return strlen(topic) > BUS_TOPIC_MAX ? AL_ELIMIT : b->ops->wake(b, topic);
}

int
bus_subscribe(struct bus *b, bus_message_fn *on_message, void *ctx)
{
    return b->ops->subscribe(b, on_message, ctx);
}

int
bus_on_wake(struct bus *b, bus_wake_fn *on_wake, void *ctx)
{
    return b->ops->on_wake(b, on_wake, ctx);
}
