#include "agent/mover/claims.h"

#include <string.h>

#include "base/list.h"
#include "base/mem.h"
#include "base/text.h"
#include "port/thread.h"

struct claim {
    struct al_list node;
    al_id volume_id;
    size_t len;
    uint8_t path[];
};

struct claims { /* as many as workers: a list is short enough */
    port_mutex lock;
    struct al_list all;
};

int
claims_new(struct claims **ret)
{
    struct claims *c = al_zalloc(sizeof(*c));

    if (c == NULL) {
        return AL_ENOMEM;
    }
    port_mutex_init(&c->lock);
    al_list_init(&c->all);
    *ret = c;
    return AL_OK;
}

struct claims *
claims_free(struct claims *c)
{
    struct al_list *node;

    if (c != NULL) {
        while ((node = al_list_pop(&c->all)) != NULL) {
            al_free(AL_LIST_ITEM(node, struct claim, node));
        }
        port_mutex_end(&c->lock);
        al_free(c);
    }
    return NULL;
}

/* With the lock held. */
static struct claim *
find(struct claims *c, const char *volume_id, struct al_span path)
{
    for (struct al_list *n = c->all.next; n != &c->all; n = n->next) {
        struct claim *k = AL_LIST_ITEM(n, struct claim, node);

        if (k->len == path.len && memcmp(k->path, path.at, path.len) == 0 &&
            strcmp(k->volume_id, volume_id) == 0) {
            return k;
        }
    }
    return NULL;
}

bool
claims_take(struct claims *c, const char *volume_id, struct al_span path)
{
    struct claim *k = al_zalloc(sizeof(*k) + path.len);
    bool taken;

    if (k == NULL) {
        return false;
    }
    memcpy(k->volume_id, volume_id, strnlen(volume_id, AL_ID_LEN));
    memcpy(k->path, path.at, path.len);
    k->len = path.len;
    port_mutex_lock(&c->lock);
    taken = find(c, volume_id, path) == NULL;
    if (taken) {
        al_list_push(&c->all, &k->node);
    }
    port_mutex_unlock(&c->lock);
    if (!taken) {
        al_free(k);
    }
    return taken;
}

void
claims_drop(struct claims *c, const char *volume_id, struct al_span path)
{
    struct claim *k;

    port_mutex_lock(&c->lock);
    k = find(c, volume_id, path);
    if (k != NULL) {
        al_list_drop(&k->node);
    }
    port_mutex_unlock(&c->lock);
    al_free(k);
}
