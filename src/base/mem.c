#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#include "base/fault.h"

void *
al_alloc(size_t bytes)
{
    if (al_fault_hit(AL_FAULT_MEM)) {
        return NULL;
    }
    return malloc(bytes == 0 ? 1 : bytes);
}

void *
al_zalloc(size_t bytes)
{
    if (al_fault_hit(AL_FAULT_MEM)) {
        return NULL;
    }
    return calloc(1, bytes == 0 ? 1 : bytes);
}

void *
al_realloc(void *mem, size_t bytes)
{
    if (al_fault_hit(AL_FAULT_MEM)) {
        return NULL;
    }
    return realloc(mem, bytes == 0 ? 1 : bytes);
}

void *
al_array(size_t count, size_t item_bytes)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, item_bytes, &bytes)) {
        return NULL;
    }
    return al_zalloc(bytes);
}

void *
al_grow(void *list, size_t count, size_t *io_cap, size_t item_bytes)
{
    size_t cap = *io_cap == 0 ? 64 : *io_cap * 2, bytes;
    void *grown;

    if (count < *io_cap) {
        return list;
    }
    if (cap < *io_cap || __builtin_mul_overflow(cap, item_bytes, &bytes)) {
        return NULL;
    }
    grown = al_realloc(list, bytes);
    if (grown != NULL) {
        *io_cap = cap;
    }
    return grown;
}

char *
al_strdup(const char *text)
{
    return al_memdup(text, strlen(text) + 1);
}

void *
al_memdup(const void *from, size_t bytes)
{
    void *copy = al_alloc(bytes);

    if (copy != NULL && bytes > 0) {
        memcpy(copy, from, bytes);
    }
    return copy;
}

void
al_free(void *mem)
{
    free(mem);
}

void
al_wipe(void *mem, size_t bytes)
{
    if (bytes > 0) {
        memset(mem, 0, bytes);
        __asm__ volatile("" : : "r"(mem) : "memory");
    }
}

void
al_freep(void *pointer_to_pointer)
{
    void **at = pointer_to_pointer;

    al_free(*at);
    *at = NULL;
}
