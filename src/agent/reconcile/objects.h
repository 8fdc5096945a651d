/* objects.h: which objects lie on a share, as its folders list them, and which of them a stub stands for.
 * 25 bytes each. One thread.
 *
 * A list is never the last word: an object that came after its folder was listed is not in it, so what
 * is not there has to be asked for by its name (reconcile_object_there). */
#ifndef ALTO_AGENT_RECONCILE_OBJECTS_H
#define ALTO_AGENT_RECONCILE_OBJECTS_H

#include "agent/target/target.h"

#define OBJECTS_MAX 8000000u /* of one share: 200 MB; beyond, it is not held against its volumes */

struct objects;
/* Lists them all. stop (may be NULL) is asked for every folder: AL_ECANCELED. AL_ELIMIT above
 * OBJECTS_MAX (max 0), or another max; the share's codes. Names that are no object's are passed by. */
int objects_list(struct target *t, size_t max, bool (*stop)(void *ctx), void *ctx,
                 struct objects **ret, struct al_fail *fail) AL_MUST_CHECK;
struct objects *objects_free(struct objects *o); /* NULL is fine; returns NULL */
size_t objects_count(const struct objects *o);
size_t objects_unmarked(const struct objects *o);
/* AL_ENOENT: it is not in the list. *ret_before: how many stubs of it were marked before (at most 255
 * are counted). */
int objects_mark(struct objects *o, const uint8_t object[16], uint64_t *ret_size,
                 unsigned *ret_before) AL_MUST_CHECK;
/* Whether it is in the list and no stub was marked; *ret_size only then. */
bool objects_is_left(const struct objects *o, const uint8_t object[16], uint64_t *ret_size);

#endif
