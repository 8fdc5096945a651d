#include "agent/mover/hasher.h"

#include "base/mem.h"
#include "port/thread.h"

#define ROOMS 8u /* so that neither of the two waits for the other's slower chunks */

struct hasher {
    struct port_sha256 *sha;
    uint8_t *room[ROOMS]; /* one alone without a helper */
    size_t len[ROOMS];
    unsigned rooms;

    bool apart; /* the helper runs */
    struct port_thread thread;
    port_mutex lock; /* everything below */
    port_cond changed;
    uint64_t given, done; /* chunks */
    int code;             /* the helper's first failure */
    bool stop;
};

static void *
helper(void *arg)
{
    struct hasher *h = arg;

    port_mutex_lock(&h->lock);
    for (;;) {
        unsigned at = (unsigned)(h->done % h->rooms);
        int rc;

        if (h->stop) {
            break;
        }
        if (h->done == h->given) {
            port_cond_wait(&h->changed, &h->lock);
            continue;
        }
        port_mutex_unlock(&h->lock);
        rc = port_sha256_add(h->sha, h->room[at], h->len[at]);
        port_mutex_lock(&h->lock);
        h->code = h->code != AL_OK ? h->code : rc;
        h->done++;
        port_cond_broadcast(&h->changed);
    }
    port_mutex_unlock(&h->lock);
    return NULL;
}

/* Until the helper has at most so many chunks left; its first failure. */
static int
settle(struct hasher *h, uint64_t left)
{
    int rc;

    port_mutex_lock(&h->lock);
    while (h->given - h->done > left) {
        port_cond_wait(&h->changed, &h->lock);
    }
    rc = h->code;
    port_mutex_unlock(&h->lock);
    return rc;
}

int
hasher_new(uint64_t file_bytes, size_t chunk_bytes, struct hasher **ret)
{
    struct hasher *h = al_zalloc(sizeof(*h));
    int rc;

    if (h == NULL) {
        return AL_ENOMEM;
    }
    port_mutex_init(&h->lock);
    port_cond_init(&h->changed);
    h->rooms = file_bytes >= HASHER_APART_BYTES ? ROOMS : 1;
    rc = port_sha256_new(&h->sha);
    for (unsigned i = 0; rc == AL_OK && i < h->rooms; i++) {
        h->room[i] = al_alloc(chunk_bytes);
        rc = h->room[i] != NULL ? AL_OK : AL_ENOMEM;
    }
    if (rc != AL_OK) {
        (void)hasher_free(h); /* returns NULL */
        return rc;
    }
    h->apart = h->rooms > 1 && port_thread_start(&h->thread, "hasher", 0, helper, h) == AL_OK;
    *ret = h;
    return AL_OK;
}

uint8_t *
hasher_room(struct hasher *h)
{
    if (h->apart) {
        int ignored = settle(h, h->rooms - 1);

        (void)ignored; /* hasher_add tells it */
    }
    return h->room[h->given % h->rooms];
}

int
hasher_add(struct hasher *h, size_t len)
{
    unsigned at = (unsigned)(h->given % h->rooms);
    int rc;

    if (!h->apart) {
        h->given++;
        return port_sha256_add(h->sha, h->room[at], len);
    }
    port_mutex_lock(&h->lock);
    h->len[at] = len;
    h->given++;
    rc = h->code;
    port_cond_broadcast(&h->changed);
    port_mutex_unlock(&h->lock);
    return rc;
}

int
hasher_end(struct hasher *h, uint8_t ret_sha256[PORT_SHA256_LEN])
{
    int rc = h->apart ? settle(h, 0) : AL_OK;

    return rc == AL_OK ? port_sha256_end(h->sha, ret_sha256) : rc;
}

struct hasher *
hasher_free(struct hasher *h)
{
    if (h == NULL) {
        return NULL;
    }
    if (h->apart) {
        port_mutex_lock(&h->lock);
        h->stop = true;
        port_cond_broadcast(&h->changed);
        port_mutex_unlock(&h->lock);
        port_thread_join(&h->thread);
    }
    for (unsigned i = 0; i < ROOMS; i++) {
        al_free(h->room[i]);
    }
    port_sha256_freep(&h->sha);
    port_cond_end(&h->changed);
    port_mutex_end(&h->lock);
    al_free(h);
    return NULL;
}
