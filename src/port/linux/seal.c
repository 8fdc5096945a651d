#include "port/seal.h"

bool
port_seals(void)
{
    return false;
}

int
port_seal(const char *purpose, struct al_span secret, struct al_buf *to, uint32_t *ret_os)
{
    return AL_ENOTSUP;
}

int
port_unseal(const char *purpose, struct al_span sealed, struct al_buf *to, uint32_t *ret_os)
{
    return AL_ENOTSUP;
}

int
port_private(struct port *p, struct port_file *folder, const char *extra)
{
    return extra != NULL ? AL_ENOTSUP : port_set_mode(p, folder, 0700);
}
