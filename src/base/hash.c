#include "base/hash.h"

#include <xxhash.h>

#include "base/mem.h"

struct al_xxh_state {
    XXH3_state_t *xxh;
};

struct al_xxh_state *
al_xxh_new(void)
{
    struct al_xxh_state *s = al_zalloc(sizeof(*s));

    if (s == NULL) {
        return NULL;
    }
    s->xxh = XXH3_createState();
    if (s->xxh == NULL) {
        return al_xxh_free(s);
    }
    al_xxh_reset(s);
    return s;
}

void
al_xxh_reset(struct al_xxh_state *s)
{
    (void)XXH3_128bits_reset(s->xxh); /* fails only for NULL */
}

void
al_xxh_add(struct al_xxh_state *s, const void *bytes, size_t len)
{
    (void)XXH3_128bits_update(s->xxh, bytes, len); /* fails only for NULL */
}

struct al_xxh128
al_xxh_result(const struct al_xxh_state *s)
{
    XXH128_hash_t h = XXH3_128bits_digest(s->xxh);

    return (struct al_xxh128){h.low64, h.high64};
}

struct al_xxh_state *
al_xxh_free(struct al_xxh_state *s)
{
    if (s != NULL) {
        (void)XXH3_freeState(s->xxh);
        al_free(s);
    }
    return NULL;
}

void
al_xxh_freep(struct al_xxh_state **s)
{
    *s = al_xxh_free(*s);
}

struct al_xxh128
al_xxh128(const void *bytes, size_t len)
{
    XXH128_hash_t h = XXH3_128bits(bytes, len);

    return (struct al_xxh128){h.low64, h.high64};
}

uint64_t
al_xxh64(const void *bytes, size_t len, uint64_t seed)
{
    return XXH3_64bits_withSeed(bytes, len, seed);
}

bool
al_xxh_equal(struct al_xxh128 a, struct al_xxh128 b)
{
    return a.lo == b.lo && a.hi == b.hi;
}
