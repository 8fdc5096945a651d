#include "port/library.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "port/linux/linux_priv.h"

struct port_library {
    void *handle;
};

int
port_library_open(const char *path, struct port_library **ret, struct al_fail *fail)
{
    struct port_library *l;

    if (path == NULL || path[0] != '/') {
        return al_fail_set(fail, AL_EINVAL, 0, "a library is named by its whole path");
    }
    if (access(path, R_OK) != 0) {
        return al_fail_set(fail, linux_code(errno), (uint32_t)errno, "cannot read the library %s",
                           path);
    }
    l = al_zalloc(sizeof(*l));
    if (l == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    l->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (l->handle == NULL) {
        const char *why = dlerror();

        al_free(l);
        return al_fail_set(fail, AL_ENOTSUP, 0, "cannot load the library: %.160s",
                           why != NULL ? why : path);
    }
    *ret = l;
    return AL_OK;
}

port_symbol
port_library_symbol(struct port_library *l, const char *name)
{
    void *at = dlsym(l->handle, name);
    port_symbol ret;

    memcpy(&ret, &at, sizeof(ret)); /* ISO C has no cast from one to the other */
    return ret;
}

struct port_library *
port_library_close(struct port_library *l)
{
    if (l != NULL) {
        (void)dlclose(l->handle); /* nothing to be done about it */
        al_free(l);
    }
    return NULL;
}

struct port_library *
port_library_leave(struct port_library *l)
{
    al_free(l);
    return NULL;
}

int
port_foreign_close(void *handle)
{
    intptr_t fd = (intptr_t)handle;

    if (fd <= 2 || fd > INT32_MAX) {
        return AL_EINVAL;
    }
    return close((int)fd) == 0 ? AL_OK : linux_code(errno);
}
