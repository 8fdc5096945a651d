/* repair.h: mends what a reconcile found, one file at a time, because a person asked for it
 * (model/orphan.h has the ways). Each is looked at afresh first: what is not as it was found is refused
 * ("changed"). Nothing is overwritten, freed or removed; an object is never touched. */
#ifndef ALTO_AGENT_RECONCILE_REPAIR_H
#define ALTO_AGENT_RECONCILE_REPAIR_H

#include "agent/reconcile/reconcile.h"

struct repair_item {     /* lent */
    struct al_span path; /* from the root */
    const char *object_id;
    enum orphan_way way; /* ORPHAN_W_RESTUB or ORPHAN_W_RESTORE */
    const char *job_id;
};
/* Tells its outcome: "repair" (reason "restubbed"), "recall" of what was brought back, or "refuse".
 * AL_OK: it is told, well or not. Else nothing is, and the item comes again: a code of the share's, of the
 * sink's, AL_ENOMEM, AL_ECANCELED never. volume: with its stubs; env->connect is to its share. */
int repair_one(const struct reconcile_env *env, const struct mover_env *mover_env,
               const struct recall_volume *volume, const struct mover_volume *place,
               const struct repair_item *item, struct al_fail *fail) AL_MUST_CHECK;

#endif
