/* ease_test.h: what the tests of the binding begin with. */
#ifndef ALTO_TEST_UNIT_EASE_EASE_TEST_H
#define ALTO_TEST_UNIT_EASE_EASE_TEST_H

#include "ease_world.h"

static struct ease_world w;
static const char *dll;
static bool flavour_b;

static inline void
begin(void)
{
    world_make(&w, dll, flavour_b);
}

static inline bool
reads_right(const struct world_stub *s)
{
    uint8_t *have = al_alloc((size_t)s->size + 1);
    size_t got = 0;
    int rc = w.stand->read(s->path, WORLD_READER, 0, have, (size_t)s->size + 1, &got);
    bool same = rc == STAND_OK && got == s->size && world_same(s->seed, 0, have, got);

    if (!same) {
        printf("# %s: %d, %zu bytes\n", s->path, rc, got);
    }
    al_free(have);
    return same;
}

/* argv: a or b, the stand-in's library. False: they are not there. */
static inline bool
test_args(int argc, char **argv)
{
    if (argc < 3) {
        return false;
    }
    flavour_b = argv[1][0] == 'b';
    dll = argv[2];
    return true;
}

#endif
