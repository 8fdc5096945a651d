#include "port/names.h"

/* Owners are SIDs here, not numbers; struct port_stat carries none of them. */
int
port_system_name(uint32_t id, bool group, char name[PORT_NAME_MAX])
{
    return AL_ENOTSUP;
}
