/* arena.h: short-lived memory with a ceiling, dropped whole (one per request, work item, batch).
 * One thread at a time. */
#ifndef ALTO_BASE_ARENA_H
#define ALTO_BASE_ARENA_H

#include "base/bytes.h"

struct al_arena;

/* max_bytes bounds everything handed out. NULL on memory. */
struct al_arena *al_arena_new(size_t max_bytes) AL_MUST_CHECK;
struct al_arena *al_arena_free(struct al_arena *a); /* NULL is fine; returns NULL */
void al_arena_freep(struct al_arena **a);           /* for AL_CLEANUP */
/* all memory given out is gone; blocks are kept */
void al_arena_reset(struct al_arena *a);

/* NULL when memory or the ceiling is reached. Aligned for any type. Zeroed. */
void *al_arena_alloc(struct al_arena *a, size_t bytes) AL_MUST_CHECK;
char *al_arena_str(struct al_arena *a, const char *text) AL_MUST_CHECK;
/* .at NULL when refused and s.len > 0 */
struct al_span al_arena_span(struct al_arena *a, struct al_span s);

#endif
