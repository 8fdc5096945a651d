/* systemd starts, stops and restarts programs by files of its own, and keeps what they write. */
#include "port/service.h"

static int
none(struct al_fail *fail)
{
    return al_fail_set(fail, AL_ENOTSUP, 0, "services of this system are systemd's affair");
}

int
port_service_install(const struct port_service *s, struct al_fail *fail)
{
    return none(fail);
}

int
port_service_remove(const char *name, uint32_t timeout_ms, struct al_fail *fail)
{
    return none(fail);
}

int
port_service_start(const char *name, uint32_t timeout_ms, struct al_fail *fail)
{
    return none(fail);
}

int
port_service_stop(const char *name, uint32_t timeout_ms, struct al_fail *fail)
{
    return none(fail);
}

int
port_service_query(const char *name, struct port_service_status *ret, struct al_fail *fail)
{
    return none(fail);
}

int
port_service_run(const char *name, int (*body)(void *ctx), void *ctx, int *ret_code)
{
    *ret_code = body(ctx);
    return AL_OK;
}

int
port_rights_on(const char *const *names, size_t count, uint32_t *ret_missing)
{
    return AL_ENOTSUP;
}

int
port_rights_of(uint32_t pid, const char *const *names, size_t count, enum port_right *ret,
               char account[PORT_ACCOUNT_MAX])
{
    return AL_ENOTSUP;
}

void
port_event_write(const char *name, enum port_event event, const char *text)
{
}
