/* access.h: what the operations on audit logs share. */
#ifndef ALTO_SERVER_SERVICE_ACCESS_ACCESS_H
#define ALTO_SERVER_SERVICE_ACCESS_ACCESS_H

#include "server/service/work/access.h"

/* The volume by the path's {id}, in scope. AL_ECONFLICT: it has no audit logs. */
int access_volume(struct service_req *req, struct store_volume *ret,
                  struct al_fail *fail) AL_MUST_CHECK;

struct access_status {
    struct access_record record;
    struct store_host host;
    struct store_access_sums nodes;
};
/* How it stands with its logs; lives as long as the request. AL_ENOENT: the volume. */
int access_status(struct service_req *req, const struct store_volume *v, struct access_status *ret,
                  struct al_fail *fail) AL_MUST_CHECK;
/* The members of an AccessBrief, into the object that is open. */
void access_status_json(struct al_jsonout *j, const struct store_volume *v,
                        const struct access_status *s, int64_t now_ns);

#endif
