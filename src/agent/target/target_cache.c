/* target_cache.c: a worker moves many files to few shares, and a connection costs more than a small
 * file. */
#include "agent/target/target_cache.h"

#include <string.h>

#include "agent/target/target_kind.h"
#include "base/mem.h"

static void
drop(struct target_cache *c, size_t k)
{
    c->at[k].target = target_close(c->at[k].target);
    al_free(c->at[k].share_id);
    memset(&c->at[k], 0, sizeof(c->at[k]));
}

/* A share that moved, whose user or password is another by now, or of whose connections something else is
 * demanded, is connected to anew. */
static bool
same(const struct target *t, const struct target_conf *conf)
{
    return t->wire == conf->wire && strcmp(t->url, conf->url) == 0 &&
           strcmp(t->customer_id, conf->customer_id) == 0 &&
           strcmp(t->user ? t->user : "", conf->user ? conf->user : "") == 0 &&
           strcmp(t->password ? t->password : "", conf->password ? conf->password : "") == 0;
}

int
target_cache_get(struct target_cache *c, const char *share_id, const struct target_conf *conf,
                 struct target **ret, struct al_fail *fail)
{
    size_t oldest = 0;
    int rc;

    c->now++;
    for (size_t k = 0; k < TARGET_CACHE_SHARES; k++) {
        if (c->at[k].target != NULL && strcmp(c->at[k].share_id, share_id) == 0) {
            if (same(c->at[k].target, conf)) {
                c->at[k].used = c->now;
                *ret = c->at[k].target;
                return AL_OK;
            }
            drop(c, k);
        }
        oldest = c->at[k].used < c->at[oldest].used ? k : oldest;
    }
    drop(c, oldest);
    c->at[oldest].share_id = al_strdup(share_id);
    if (c->at[oldest].share_id == NULL) {
        drop(c, oldest);
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    rc = target_open(c->port, conf, false, &c->at[oldest].target, fail);
    if (rc != AL_OK) {
        c->at[oldest].target = NULL;
        drop(c, oldest);
        return rc;
    }
    c->at[oldest].used = c->now;
    *ret = c->at[oldest].target;
    return AL_OK;
}

void
target_cache_rest(struct target_cache *c)
{
    for (size_t k = 0; k < TARGET_CACHE_SHARES; k++) {
        if (c->at[k].target != NULL) {
            target_rest(c->at[k].target);
        }
    }
}

void
target_cache_end(struct target_cache *c)
{
    for (size_t k = 0; k < TARGET_CACHE_SHARES; k++) {
        drop(c, k);
    }
}
