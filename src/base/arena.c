#include "base/arena.h"

#include <string.h>

#include "base/mem.h"

#define ARENA_BLOCK_MIN 4096u /* bytes; below it the block headers would dominate */
#define ARENA_ALIGN 16u

struct block {
    struct block *next;
    size_t cap, used;
    _Alignas(ARENA_ALIGN) uint8_t bytes[];
};

struct al_arena {
    struct block *first; /* the one being filled */
    size_t max, given;
};

struct al_arena *
al_arena_new(size_t max_bytes)
{
    struct al_arena *a = al_zalloc(sizeof(*a));

    if (a != NULL) {
        a->max = max_bytes;
    }
    return a;
}

struct al_arena *
al_arena_free(struct al_arena *a)
{
    if (a == NULL) {
        return NULL;
    }
    while (a->first != NULL) {
        struct block *next = a->first->next;

        al_free(a->first);
        a->first = next;
    }
    al_free(a);
    return NULL;
}

void
al_arena_freep(struct al_arena **a)
{
    *a = al_arena_free(*a);
}

void
al_arena_reset(struct al_arena *a)
{
    /* Only the newest block is kept: it is the largest, and holding on to all would keep one large
     * request's memory for ever. */
    while (a->first != NULL && a->first->next != NULL) {
        struct block *old = a->first->next;

        a->first->next = old->next;
        al_free(old);
    }
    if (a->first != NULL) {
        a->first->used = 0;
    }
    a->given = 0;
}

static struct block *
block_add(struct al_arena *a, size_t bytes)
{
    size_t cap = a->first == NULL ? ARENA_BLOCK_MIN : a->first->cap * 2;
    struct block *b;

    if (cap > a->max) {
        cap = a->max;
    }
    if (cap < bytes) {
        cap = bytes;
    }
    b = al_alloc(sizeof(*b) + cap);
    if (b == NULL) {
        return NULL;
    }
    b->cap = cap;
    b->used = 0;
    b->next = a->first;
    a->first = b;
    return b;
}

void *
al_arena_alloc(struct al_arena *a, size_t bytes)
{
    size_t need;
    struct block *b = a->first;
    void *at;

    if (__builtin_add_overflow(bytes, ARENA_ALIGN - 1, &need)) {
        return NULL;
    }
    need &= ~(size_t)(ARENA_ALIGN - 1);
    if (need == 0) {
        need = ARENA_ALIGN;
    }
    if (need > a->max || a->given > a->max - need) {
        return NULL;
    }
    if (b == NULL || b->cap - b->used < need) {
        b = block_add(a, need);
        if (b == NULL) {
            return NULL;
        }
    }
    at = b->bytes + b->used;
    b->used += need;
    a->given += need;
    memset(at, 0, bytes);
    return at;
}

char *
al_arena_str(struct al_arena *a, const char *text)
{
    return (char *)al_arena_span(a, (struct al_span){(const uint8_t *)text, strlen(text)}).at;
}

struct al_span
al_arena_span(struct al_arena *a, struct al_span s)
{
    uint8_t *at = s.len == SIZE_MAX ? NULL : al_arena_alloc(a, s.len + 1);

    if (at == NULL) {
        return (struct al_span){NULL, s.len};
    }
    if (s.len > 0) {
        memcpy(at, s.at, s.len);
    }
    return (struct al_span){at, s.len};
}
