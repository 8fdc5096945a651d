/* claims.h: which paths somebody of this agent archives or brings back right now, so that no two do
 * at once. Any thread. */
#ifndef ALTO_AGENT_MOVER_CLAIMS_H
#define ALTO_AGENT_MOVER_CLAIMS_H

#include "base/bytes.h"

struct claims;
int claims_new(struct claims **ret) AL_MUST_CHECK; /* AL_ENOMEM */
struct claims *claims_free(struct claims *c);      /* NULL is fine; returns NULL */
/* False: it is claimed, or memory is short. */
bool claims_take(struct claims *c, const char *volume_id, struct al_span path) AL_MUST_CHECK;
void claims_drop(struct claims *c, const char *volume_id, struct al_span path);

#endif
