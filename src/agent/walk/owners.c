/* owners.c: which users were met already in this walk. Without a lock, since it is asked for every
 * entry. */
#include "agent/walk/walk_priv.h"

bool
owners_first(struct owners *o, uint32_t uid)
{
    uint32_t mark = uid + 1; /* 0 is a free slot; (uid_t)-1 is nobody's number */
    size_t at = (uid * UINT32_C(2654435761)) % WALK_OWNERS_MAX;

    if (mark == 0) {
        return false;
    }
    for (size_t i = 0; i < WALK_OWNERS_MAX; i++, at = (at + 1) % WALK_OWNERS_MAX) {
        uint32_t there = atomic_load_explicit(&o->slot[at], memory_order_relaxed);

        if (there == 0 && atomic_compare_exchange_strong(&o->slot[at], &there, mark)) {
            return true;
        }
        if (there == mark) {
            return false;
        }
    }
    return false;
}
