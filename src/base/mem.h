/* mem.h: the only way to allocate. malloc, calloc, realloc, strdup and free are banned elsewhere
 * (tools/check/banned).
 *
 * Every call counts in the thread's fault counter (fault.h), so that a test can make the n-th
 * allocation fail. NULL means out of memory. Any thread; memory may be freed by another thread than
 * the one that took it. */
#ifndef ALTO_BASE_MEM_H
#define ALTO_BASE_MEM_H

#include "base/result.h"

void *al_alloc(size_t bytes) AL_MUST_CHECK;              /* not cleared */
void *al_zalloc(size_t bytes) AL_MUST_CHECK;             /* all zero */
void *al_realloc(void *mem, size_t bytes) AL_MUST_CHECK; /* NULL: mem stays valid */
/* all zero; NULL on overflow too */
void *al_array(size_t count, size_t item_bytes) AL_MUST_CHECK;
/* Room for one more in a list of count items that has room for *io_cap: the list, moved and *io_cap
 * doubled (first 64) where there is none. NULL: no memory; the list stays valid. */
void *al_grow(void *list, size_t count, size_t *io_cap, size_t item_bytes) AL_MUST_CHECK;
char *al_strdup(const char *text) AL_MUST_CHECK;
void *al_memdup(const void *from, size_t bytes) AL_MUST_CHECK;
void al_free(void *mem); /* NULL is fine */
/* clears secrets; not optimised away */
void al_wipe(void *mem, size_t bytes);

/* For AL_CLEANUP on a `char *` or any other pointer to al_alloc'ed memory. */
void al_freep(void *pointer_to_pointer);

#endif
