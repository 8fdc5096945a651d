/* The digests of a copy, with and without the helper's thread, beside those of the whole at once. */
#include "agent/mover/hasher.h"
#include "tap.h"

#include <string.h>

#include "base/fault.h"
#include "base/mem.h"

#define CHUNK (1u << 20)

static void
same_as_at_once(uint64_t size)
{
    AL_CLEANUP(al_freep) uint8_t *all = al_alloc((size_t)size + 1);
    uint8_t want[PORT_SHA256_LEN], got[PORT_SHA256_LEN];
    struct hasher *h = NULL;

    for (uint64_t k = 0; k < size; k++) {
        all[k] = (uint8_t)(k * 2654435761u >> 13);
    }
    TAP_OK(port_sha256_of(all, (size_t)size, want));
    TAP_OK(hasher_new(size, CHUNK, &h));
    for (uint64_t at = 0; at < size;) {
        size_t n = size - at < CHUNK ? (size_t)(size - at) : CHUNK;
        uint8_t *room = hasher_room(h);

        n = at % 3 == 1 && n > 5 ? n / 2 : n; /* not every read fills its room */
        memcpy(room, all + at, n);
        TAP_OK(hasher_add(h, n));
        TAP_CHECK(memcmp(room, all + at, n) == 0); /* is the caller's to read still */
        at += n;
    }
    TAP_OK(hasher_end(h, got));
    h = hasher_free(h);
    TAP_CHECK(memcmp(got, want, sizeof(want)) == 0);
}

static void
small_files_are_hashed_where_they_are_copied(void)
{
    same_as_at_once(0);
    same_as_at_once(1);
    same_as_at_once(CHUNK);
    same_as_at_once(CHUNK + 1);
    same_as_at_once(HASHER_APART_BYTES - 1);
}

static void
large_files_are_hashed_beside_their_copy(void)
{
    same_as_at_once(HASHER_APART_BYTES);
    same_as_at_once(HASHER_APART_BYTES + 1);
    same_as_at_once(3 * HASHER_APART_BYTES + 4097);
}

static void
a_copy_that_is_given_up_ends_its_hasher(void)
{
    struct hasher *h = NULL;

    TAP_CHECK(hasher_free(NULL) == NULL);
    TAP_OK(hasher_new(UINT64_C(1) << 40, CHUNK, &h));
    memset(hasher_room(h), 1, CHUNK);
    TAP_OK(hasher_add(h, CHUNK));
    TAP_CHECK(hasher_free(h) == NULL);
}

static void
without_memory_there_is_no_hasher(void)
{
    struct hasher *h = NULL;
    bool hit = true;

    for (uint64_t nth = 1; hit; nth++) {
        int rc;

        al_fault_arm(AL_FAULT_MEM, nth, false);
        rc = hasher_new(1, CHUNK, &h);
        hit = al_fault_disarm() >= nth;
        TAP_CHECK(hit ? rc == AL_ENOMEM && h == NULL : rc == AL_OK);
    }
    TAP_CHECK(hasher_free(h) == NULL);
}

int
main(void)
{
    TAP_RUN(small_files_are_hashed_where_they_are_copied);
    TAP_RUN(large_files_are_hashed_beside_their_copy);
    TAP_RUN(a_copy_that_is_given_up_ends_its_hasher);
    TAP_RUN(without_memory_there_is_no_hasher);
    return tap_end();
}
