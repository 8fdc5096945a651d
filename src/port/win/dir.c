/* Listing a folder: FindFirstFileExW with large fetches. */
#include <string.h>

#include "base/mem.h"
#include "port/win/win_priv.h"

struct port_dir {
    HANDLE find;
    WIN32_FIND_DATAW next;
    bool have_next;
    struct al_buf name;
};

int
win_dir_open(struct port *p, struct port_file *folder, struct port_dir **ret)
{
    AL_CLEANUP(al_freep) wchar_t *pattern = NULL;
    struct port_dir *d;
    int rc = win_path(folder, "*", &pattern);

    if (rc != AL_OK) {
        return rc;
    }
    d = al_zalloc(sizeof(*d));
    if (d == NULL) {
        return AL_ENOMEM;
    }
    al_buf_init(&d->name, 4096);
    d->find = FindFirstFileExW(pattern, FindExInfoBasic, &d->next, FindExSearchNameMatch, NULL,
                               FIND_FIRST_EX_LARGE_FETCH);
    if (d->find == INVALID_HANDLE_VALUE) {
        DWORD error = GetLastError();

        if (error != ERROR_FILE_NOT_FOUND) { /* an empty root folder has not even "." */
            al_free(d);
            return win_code(error);
        }
    }
    d->have_next = d->find != INVALID_HANDLE_VALUE;
    *ret = d;
    return AL_OK;
}

int
win_dir_next(struct port *p, struct port_dir *d, struct port_dirent *ret, bool *ret_end)
{
    for (;;) {
        const wchar_t *name = d->next.cFileName;
        bool dots;
        int rc;

        if (!d->have_next) {
            *ret_end = true;
            return AL_OK;
        }
        dots = wcscmp(name, L".") == 0 || wcscmp(name, L"..") == 0;
        if (!dots) {
            al_buf_clear(&d->name);
            rc = win_utf8(name, wcslen(name), &d->name);
            if (rc != AL_OK) {
                return rc;
            }
            *ret = (struct port_dirent){
                .name = (const char *)d->name.at,
                .name_len = d->name.len,
                .type = win_type(d->next.dwFileAttributes, d->next.dwReserved0),
            };
            *ret_end = false;
        }
        if (!FindNextFileW(d->find, &d->next)) {
            if (GetLastError() != ERROR_NO_MORE_FILES) {
                return win_code(GetLastError());
            }
            d->have_next = false;
        }
        if (!dots) {
            return AL_OK;
        }
    }
}

void
win_dir_close(struct port *p, struct port_dir *d)
{
    if (d->find != INVALID_HANDLE_VALUE) {
        (void)FindClose(d->find); /* a listing holds nothing that could be lost */
    }
    al_buf_free(&d->name);
    al_free(d);
}
