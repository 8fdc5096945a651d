#include "port/logon.h"

int
port_logon_new(const char *user, const char *password, struct port_logon **ret,
               struct al_fail *fail)
{
    return al_fail_set(fail, AL_ENOTSUP, 0, "this system has no logons of a thread's own");
}

struct port_logon *
port_logon_free(struct port_logon *l)
{
    return NULL;
}

int
port_logon_use(const struct port_logon *l)
{
    return l == NULL ? AL_OK : AL_ENOTSUP;
}
