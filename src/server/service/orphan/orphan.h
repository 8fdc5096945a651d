/* orphan.h: what the room's files share. */
#ifndef ALTO_SERVER_SERVICE_ORPHAN_ORPHAN_H
#define ALTO_SERVER_SERVICE_ORPHAN_ORPHAN_H

#include "server/service/work/work.h"

#define ORPHAN_IDS_MAX 1000u   /* findings that one request names; more are meant by their kind */
#define ORPHAN_IDS_TOLD 100u   /* of them stand in the event */
#define ORPHAN_REASON_MAX 512u /* bytes of why something is put aside */
#define ORPHAN_VOLUMES_DEFAULT 100u /* of one answer, those with most unreadable files first */
#define ORPHAN_VOLUMES_MAX 1000u

/* Which findings a request means: "kind" or "ids" of its body, which may have the other keys of
 * `known` (NULL-ended). Strings are the request's. */
int orphan_asked(struct service_req *req, const char *const *known, const char *volume_id,
                 enum store_orphan_state state, struct store_orphan_pick *ret,
                 struct al_fail *fail) AL_MUST_CHECK;
/* Members of an event about them. */
void orphan_asked_json(struct al_jsonout *j, const struct store_orphan_pick *p);

#endif
