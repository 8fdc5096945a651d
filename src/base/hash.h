/* hash.h: XXH3-128, the answer to "did it arrive as it left?". Not a proof against an attacker:
 * that is SHA-256 (port/digest.h). The one place that includes xxhash. A state belongs to one
 * thread at a time. */
#ifndef ALTO_BASE_HASH_H
#define ALTO_BASE_HASH_H

#include "base/result.h"

struct al_xxh128 {
    uint64_t lo, hi;
};
struct al_xxh_state;

struct al_xxh_state *al_xxh_new(void) AL_MUST_CHECK; /* NULL on memory; ready to take bytes */
void al_xxh_reset(struct al_xxh_state *s);
void al_xxh_add(struct al_xxh_state *s, const void *bytes, size_t len);
struct al_xxh128 al_xxh_result(const struct al_xxh_state *s); /* may be asked at any time */
struct al_xxh_state *al_xxh_free(struct al_xxh_state *s);     /* NULL is fine; returns NULL */
void al_xxh_freep(struct al_xxh_state **s);

struct al_xxh128 al_xxh128(const void *bytes, size_t len);
uint64_t al_xxh64(const void *bytes, size_t len, uint64_t seed); /* for tables in memory */
bool al_xxh_equal(struct al_xxh128 a, struct al_xxh128 b);

#endif
