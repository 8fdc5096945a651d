#include "server/service/access/ops.h"

static int
not_yet(struct al_fail *fail)
{
    return al_fail_set(fail, AL_ENOTSUP, 0, "this altod does not tell of audit logs yet");
}

int
access_get(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    (void)req;
    (void)reply;
    return not_yet(fail);
}

int
access_nodes(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    (void)req;
    (void)reply;
    return not_yet(fail);
}

int
access_top(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    (void)req;
    (void)reply;
    return not_yet(fail);
}

int
access_hours(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    (void)req;
    (void)reply;
    return not_yet(fail);
}

int
access_recent(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    (void)req;
    (void)reply;
    return not_yet(fail);
}
