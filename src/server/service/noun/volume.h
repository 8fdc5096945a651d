/* volume.h: what the operations on volumes share. */
#ifndef ALTO_SERVER_SERVICE_NOUN_VOLUME_H
#define ALTO_SERVER_SERVICE_NOUN_VOLUME_H

#include "server/service/call/call.h"

#define VOLUME_PATH_MAX 4096u
#define VOLUME_SILENCE_HOURS 168u /* where nothing else is told */
#define VOLUME_SILENCE_HOURS_MAX 8760u
#define VOLUME_AUDIT_NAMES_MAX 100u /* of each list */
#define VOLUME_AUDIT_NAME_MAX 200u  /* bytes */

/* NULL, or what is wrong with it: absolute as Linux ("/srv") or Windows ("C:/data", "C:\data") says it,
 * without "..". */
const char *volume_path_wrong(const char *path);
bool volume_is_audited(const struct store_volume *v);
/* The body's "audit" laid over what the volume had, as canonical JSON text of the request's arena;
 * defaults where there is neither; NULL for a kind without audit logs. AL_EINVAL with a sentence. */
int volume_audit_read(struct service_req *req, struct store_volume *io,
                      struct al_fail *fail) AL_MUST_CHECK;

#endif
