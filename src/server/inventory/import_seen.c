/* Whether a path came twice: 32 bits of a hash of each, in a table that all threads write at once. Of 10,000,000
 * paths that differ about one in three hundred lists has two that look alike; then, and when a path really comes
 * twice, the table of the rows is asked. */
#include "base/hash.h"
#include "base/mem.h"
#include "server/inventory/import_priv.h"

int
import_seen_begin(struct import_seen *s, uint64_t rows)
{
    uint64_t size = 1024;

    s->twice = 0;
    while (size < rows + rows / 3) {
        size *= 2;
    }
    if (size > IMPORT_SEEN_SLOTS_MAX) {
        return AL_OK;
    }
    s->slots = al_array((size_t)size, sizeof(*s->slots));
    s->mask = size - 1;
    return s->slots != NULL ? AL_OK : AL_ENOMEM;
}

void
import_seen_end(struct import_seen *s)
{
    al_free(s->slots);
    s->slots = NULL;
}

uint64_t
import_seen_hash(const struct import_entry *e)
{
    return al_xxh64(e->name.at, e->name.len, e->folder);
}

static bool
add(struct import_seen *s, uint64_t hash)
{
    uint32_t mark = (uint32_t)(hash >> 32);
    uint64_t at = hash & s->mask;

    mark = mark == 0 ? 1 : mark;
    for (;; at = (at + 1) & s->mask) {
        uint32_t there = __atomic_load_n(&s->slots[at], __ATOMIC_RELAXED);

        if (there == 0 && __atomic_compare_exchange_n(&s->slots[at], &there, mark, false,
                                                      __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
            return false;
        }
        if (there == mark) {
            return true;
        }
    }
}

void
import_seen_add(struct import_seen *s, const uint64_t *hashes, size_t count)
{
    uint64_t twice = 0;

    for (size_t i = 0; i < count; i++) {
        __builtin_prefetch(&s->slots[hashes[i] & s->mask], 1);
    }
    for (size_t i = 0; i < count; i++) {
        twice += add(s, hashes[i]);
    }
    if (twice > 0) {
        __atomic_add_fetch(&s->twice, twice, __ATOMIC_RELAXED);
    }
}
