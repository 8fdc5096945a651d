#include "server/api/api_priv.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "port/listen.h"

#define SLOTS 1024u /* power of two */

/* A wake between "there is no work" and "so I park" must not be lost: every wake of a topic leaves
 * its number in the topic's slot, and who parks compares that with the number it saw before it
 * looked. Two topics in one slot cost a look too many, never one too few. */
struct park {
    struct api *api;
    port_mutex lock;
    uint64_t wakes;
    uint64_t last_wake[SLOTS];
    struct al_list slot[SLOTS];
    unsigned count, max;
    int64_t next_ns; /* when the housekeeper comes back at the latest */
};

int
park_open(struct api *a, unsigned max, struct park **ret)
{
    struct park *p = al_zalloc(sizeof(*p));

    if (p == NULL) {
        return AL_ENOMEM;
    }
    p->api = a;
    p->max = max;
    p->next_ns = INT64_MAX;
    port_mutex_init(&p->lock);
    for (size_t i = 0; i < SLOTS; i++) {
        al_list_init(&p->slot[i]);
    }
    *ret = p;
    return AL_OK;
}

struct park *
park_close(struct park *p)
{
    if (p != NULL) {
        port_mutex_end(&p->lock);
        al_free(p);
    }
    return NULL;
}

static uint32_t
slot_of(const char *topic)
{
    return (uint32_t)(al_xxh64(topic, strlen(topic), 0) & (SLOTS - 1));
}

uint64_t
park_wakes(struct park *p)
{
    uint64_t wakes;

    port_mutex_lock(&p->lock);
    wakes = p->wakes;
    port_mutex_unlock(&p->lock);
    return wakes;
}

enum park_result
park_put(struct park *p, struct request *r)
{
    enum park_result how = PARKED;
    bool sooner = false;

    r->park_slot = slot_of(r->topic);
    port_mutex_lock(&p->lock);
    if (p->last_wake[r->park_slot] > r->wakes_seen) {
        how = PARK_WOKEN;
    } else if (atomic_load(&p->api->stopping)) {
        r->due = true;
        how = PARK_WOKEN;
    } else if (p->count >= p->max) {
        how = PARK_FULL;
    } else {
        al_list_push(&p->slot[r->park_slot], &r->node);
        p->count++;
        sooner = r->due_mono_ns < p->next_ns;
        p->next_ns = sooner ? r->due_mono_ns : p->next_ns;
    }
    port_mutex_unlock(&p->lock);
    if (sooner) { /* r may be gone by now: nothing of it is touched */
        port_mutex_lock(&p->api->lock);
        port_cond_signal(&p->api->wake);
        port_mutex_unlock(&p->api->lock);
    }
    return how;
}

static void
unpark(struct park *p, struct request *r)
{
    al_list_drop(&r->node);
    p->count--;
    pool_put_parked(p->api->pool, r);
}

void
park_wake(void *park, const char *topic)
{
    struct park *p = park;
    uint32_t slot = slot_of(topic);
    struct al_list *n, *next;

    port_mutex_lock(&p->lock);
    p->last_wake[slot] = ++p->wakes;
    for (n = p->slot[slot].next; n != &p->slot[slot]; n = next) {
        struct request *r = AL_LIST_ITEM(n, struct request, node);

        next = n->next;
        if (strcmp(r->topic, topic) == 0) {
            unpark(p, r);
        }
    }
    port_mutex_unlock(&p->lock);
}

void
park_sweep(struct park *p, int64_t mono_ns, bool look, int64_t *ret_next_ns)
{
    bool stopping = atomic_load(&p->api->stopping);

    port_mutex_lock(&p->lock);
    p->next_ns = *ret_next_ns;
    for (size_t i = 0; p->count > 0 && i < SLOTS; i++) {
        struct al_list *n, *next;

        for (n = p->slot[i].next; n != &p->slot[i]; n = next) {
            struct request *r = AL_LIST_ITEM(n, struct request, node);

            next = n->next;
            if (stopping || mono_ns >= r->due_mono_ns) {
                r->due = true;
                unpark(p, r);
            } else if (look && port_socket_gone(http_socket(r->x))) {
                unpark(p, r); /* the worker finds it gone as well, and ends it */
            } else if (r->due_mono_ns < p->next_ns) {
                p->next_ns = r->due_mono_ns;
            }
        }
    }
    *ret_next_ns = p->next_ns;
    port_mutex_unlock(&p->lock);
}

unsigned
park_count(struct park *p)
{
    unsigned count;

    port_mutex_lock(&p->lock);
    count = p->count;
    port_mutex_unlock(&p->lock);
    return count;
}
