/* access.h: what the operations on audit logs share. */
#ifndef ALTO_SERVER_SERVICE_ACCESS_ACCESS_H
#define ALTO_SERVER_SERVICE_ACCESS_ACCESS_H

#include "server/service/work/work.h"

/* The volume by the path's {id}, in scope. AL_ECONFLICT: it has no audit logs. */
int access_volume(struct service_req *req, struct store_volume *ret,
                  struct al_fail *fail) AL_MUST_CHECK;

#endif
