#include "port/names.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>

#include "base/mem.h"

#define ANSWER_BYTES_MAX (1u << 20) /* a group may list very many members */

/* One try with a buffer of this size; ERANGE asks for more. */
static int
ask(uint32_t id, bool group, char *buffer, size_t size, const char **ret)
{
    struct passwd user, *found_user = NULL;
    struct group grp, *found_group = NULL;
    int e;

    if (group) {
        e = getgrgid_r((gid_t)id, &grp, buffer, size, &found_group);
        *ret = found_group != NULL ? grp.gr_name : NULL;
    } else {
        e = getpwuid_r((uid_t)id, &user, buffer, size, &found_user);
        *ret = found_user != NULL ? user.pw_name : NULL;
    }
    return e;
}

int
port_system_name(uint32_t id, bool group, char name[PORT_NAME_MAX])
{
    for (size_t size = 4096; size <= ANSWER_BYTES_MAX; size *= 4) {
        AL_CLEANUP(al_freep) char *buffer = al_alloc(size);
        const char *found = NULL;
        int e;

        if (buffer == NULL) {
            return AL_ENOMEM;
        }
        e = ask(id, group, buffer, size, &found);
        if (e == ERANGE) {
            continue;
        }
        if (found == NULL) { /* the manual lists half a dozen codes for "no such number" */
            return e == 0 || e == ENOENT || e == ESRCH ? AL_ENOENT : AL_EIO;
        }
        if (strlen(found) >= PORT_NAME_MAX) {
            return AL_ENOENT;
        }
        memcpy(name, found, strlen(found) + 1);
        return AL_OK;
    }
    return AL_EIO;
}
