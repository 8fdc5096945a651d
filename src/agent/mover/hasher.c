#include "agent/mover/hasher.h"

#include "base/mem.h"
#include "port/thread.h"

struct hasher {
    struct al_xxh_state *xxh;
    struct port_sha256 *sha;
    uint8_t *room[2];
    unsigned turn; /* the room that is given next */

    bool apart; /* the helper runs */
    struct port_thread thread;
    port_mutex lock; /* everything below */
    port_cond changed;
    const uint8_t *at; /* what the helper is at; NULL: it is done */
    size_t len;
    int code; /* its first failure */
    bool stop;
};

static int
digest(struct hasher *h, const uint8_t *at, size_t len)
{
    al_xxh_add(h->xxh, at, len);
    return port_sha256_add(h->sha, at, len);
}

static void *
helper(void *arg)
{
    struct hasher *h = arg;

    port_mutex_lock(&h->lock);
    for (;;) {
        int rc;

        while (h->at == NULL && !h->stop) {
            port_cond_wait(&h->changed, &h->lock);
        }
        if (h->at == NULL) {
            break;
        }
        port_mutex_unlock(&h->lock);
        rc = digest(h, h->at, h->len);
        port_mutex_lock(&h->lock);
        h->code = h->code != AL_OK ? h->code : rc;
        h->at = NULL;
        port_cond_broadcast(&h->changed);
    }
    port_mutex_unlock(&h->lock);
    return NULL;
}

/* Until the helper is done with what it has; its first failure. */
static int
settle(struct hasher *h)
{
    int rc;

    port_mutex_lock(&h->lock);
    while (h->at != NULL) {
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
    bool large = file_bytes >= HASHER_APART_BYTES;
    int rc = AL_ENOMEM;

    if (h == NULL) {
        return AL_ENOMEM;
    }
    port_mutex_init(&h->lock);
    port_cond_init(&h->changed);
    h->xxh = al_xxh_new();
    h->room[0] = al_alloc(chunk_bytes);
    h->room[1] = large ? al_alloc(chunk_bytes) : h->room[0];
    if (h->xxh != NULL && h->room[0] != NULL && h->room[1] != NULL) {
        rc = port_sha256_new(&h->sha);
    }
    if (rc != AL_OK) {
        (void)hasher_free(h); /* returns NULL */
        return rc;
    }
    h->apart = large && port_thread_start(&h->thread, "hasher", 0, helper, h) == AL_OK;
    *ret = h;
    return AL_OK;
}

uint8_t *
hasher_room(struct hasher *h)
{
    /* The helper is at the other one: hasher_add waits until it has let go of that before it hands
     * over this. */
    return h->room[h->turn];
}

int
hasher_add(struct hasher *h, size_t len)
{
    const uint8_t *at = h->room[h->turn];
    int rc;

    h->turn ^= 1u;
    if (!h->apart) {
        return digest(h, at, len);
    }
    rc = settle(h);
    port_mutex_lock(&h->lock);
    h->at = at;
    h->len = len;
    port_cond_broadcast(&h->changed);
    port_mutex_unlock(&h->lock);
    return rc;
}

int
hasher_end(struct hasher *h, struct al_xxh128 *ret_xxh, uint8_t ret_sha256[PORT_SHA256_LEN])
{
    int rc = settle(h);

    if (rc == AL_OK) {
        rc = port_sha256_end(h->sha, ret_sha256);
    }
    if (rc == AL_OK) {
        *ret_xxh = al_xxh_result(h->xxh);
    }
    return rc;
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
    if (h->room[1] != h->room[0]) {
        al_free(h->room[1]);
    }
    al_free(h->room[0]);
    h->xxh = al_xxh_free(h->xxh);
    port_sha256_freep(&h->sha);
    port_cond_end(&h->changed);
    port_mutex_end(&h->lock);
    al_free(h);
    return NULL;
}
