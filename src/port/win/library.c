#include "port/library.h"

#include <string.h>

#include "base/mem.h"
#include "port/win/win_priv.h"

struct port_library {
    HMODULE handle;
};

/* "C:\..." or "\\server\share\..." with either slash. */
static bool
is_absolute(const char *path)
{
    bool drive = (al_lower((uint8_t)path[0]) >= 'a' && al_lower((uint8_t)path[0]) <= 'z') &&
                 path[1] == ':' && (path[2] == '\\' || path[2] == '/');

    return drive || ((path[0] == '\\' || path[0] == '/') && path[1] == path[0]);
}

int
port_library_open(const char *path, struct port_library **ret, struct al_fail *fail)
{
    AL_CLEANUP(al_freep) wchar_t *wide = NULL;
    const wchar_t *plain;
    struct port_library *l;
    int rc;

    if (path == NULL || !is_absolute(path)) {
        return al_fail_set(fail, AL_EINVAL, 0, "a library is named by its whole path");
    }
    rc = win_path(path, &wide);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, 0, "not a path: %.200s", path);
    }
    /* A library asks for its own path to find what lies beside it, and expects a plain one. */
    plain = path[1] == ':' ? wide + 4 : wide;
    l = al_zalloc(sizeof(*l));
    if (l == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    l->handle = LoadLibraryExW(plain, NULL,
                               LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR | LOAD_LIBRARY_SEARCH_SYSTEM32);
    if (l->handle == NULL) {
        DWORD error = GetLastError();

        al_free(l);
        rc = error == ERROR_BAD_EXE_FORMAT   ? AL_ENOTSUP
             : error == ERROR_MOD_NOT_FOUND  ? AL_ENOENT
             : error == ERROR_PROC_NOT_FOUND ? AL_ENOTSUP
                                             : win_code(error);
        return al_fail_set(fail, rc, error, "cannot load the library %.200s", path);
    }
    *ret = l;
    return AL_OK;
}

port_symbol
port_library_symbol(struct port_library *l, const char *name)
{
    FARPROC at = GetProcAddress(l->handle, name);
    port_symbol ret;

    memcpy(&ret, &at, sizeof(ret));
    return ret;
}

struct port_library *
port_library_close(struct port_library *l)
{
    if (l != NULL) {
        (void)FreeLibrary(l->handle); /* nothing to be done about it */
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
    if (handle == NULL || handle == INVALID_HANDLE_VALUE) {
        return AL_EINVAL;
    }
    return CloseHandle(handle) ? AL_OK : win_code(GetLastError());
}
