#include "port/journal.h"

#include <string.h>

#include "port/win/win_priv.h"

#include <winioctl.h>

#include "base/mem.h"

struct port_journal {
    HANDLE volume;
};

/* READ_USN_JOURNAL_DATA_V1 of winioctl.h, Windows 8 and later: with the versions that are understood,
 * records of others do not come. */
struct read_data {
    int64_t start;
    uint32_t reasons;
    uint32_t only_on_close;
    uint64_t timeout, wait_for;
    uint64_t id;
    uint16_t version_min, version_max;
};

_Static_assert(sizeof(struct read_data) == 48, "READ_USN_JOURNAL_DATA_V1 has 48 bytes");

static int
code_of(DWORD error)
{
    switch (error) {
    case ERROR_JOURNAL_NOT_ACTIVE:
    case ERROR_JOURNAL_DELETE_IN_PROGRESS:
    case ERROR_INVALID_FUNCTION:
        return AL_ENOTSUP;
    case ERROR_JOURNAL_ENTRY_DELETED:
    case ERROR_INVALID_PARAMETER: /* another id, or a place that never was */
        return AL_ECHANGED;
    default:
        return win_code(error);
    }
}

/* "\\?\Volume{...}" of an open file, without the '\' that would make it a folder. */
static int
volume_of(struct port_file *f, wchar_t *to, size_t units)
{
    AL_CLEANUP(al_freep) wchar_t *path = NULL;
    DWORD need = GetFinalPathNameByHandleW(f->handle, NULL, 0, VOLUME_NAME_GUID), got;
    const wchar_t *end;

    if (need == 0) {
        return AL_ENOTSUP; /* a share has no such name */
    }
    path = al_alloc(((size_t)need + 1) * sizeof(*path));
    if (path == NULL) {
        return AL_ENOMEM;
    }
    got = GetFinalPathNameByHandleW(f->handle, path, need + 1, VOLUME_NAME_GUID);
    if (got == 0 || got > need || wcsncmp(path, L"\\\\?\\Volume{", 11) != 0) {
        return AL_ENOTSUP;
    }
    end = wcschr(path, L'}');
    if (end == NULL || (size_t)(end - path) + 2 > units) {
        return AL_ENOTSUP;
    }
    memcpy(to, path, (size_t)(end - path + 1) * sizeof(*to));
    to[end - path + 1] = L'\0';
    return AL_OK;
}

int
port_journal_open(struct port *p, struct port_file *on_fs, struct port_journal **ret)
{
    wchar_t name[64];
    struct port_journal *j;
    struct port_journal_state state;
    int rc = volume_of(on_fs, name, AL_LEN(name));

    if (rc != AL_OK) {
        return rc;
    }
    j = al_zalloc(sizeof(*j));
    if (j == NULL) {
        return AL_ENOMEM;
    }
    j->volume = CreateFileW(name, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL,
                            OPEN_EXISTING, 0, NULL);
    if (j->volume == INVALID_HANDLE_VALUE) {
        rc = code_of(GetLastError());
        al_free(j);
        return rc;
    }
    rc = port_journal_state(j, &state);
    if (rc != AL_OK) {
        j = port_journal_close(j);
        return rc;
    }
    *ret = j;
    return AL_OK;
}

struct port_journal *
port_journal_close(struct port_journal *j)
{
    if (j != NULL) {
        (void)CloseHandle(j->volume); /* it was read alone */
        al_free(j);
    }
    return NULL;
}

int
port_journal_state(struct port_journal *j, struct port_journal_state *ret)
{
    USN_JOURNAL_DATA data = {0};
    DWORD got = 0;

    if (!DeviceIoControl(j->volume, FSCTL_QUERY_USN_JOURNAL, NULL, 0, &data, sizeof(data), &got,
                         NULL)) {
        return code_of(GetLastError());
    }
    if (got < sizeof(data)) {
        return AL_ENOTSUP;
    }
    *ret = (struct port_journal_state){
        .id = data.UsnJournalID, .first = data.FirstUsn, .next = data.NextUsn};
    return AL_OK;
}

int
port_journal_handle(struct port_file *on_fs, const uint8_t id[16], struct port_handle *ret)
{
    *ret = win_handle_of(on_fs, id);
    return AL_OK;
}

int
port_journal_read(struct port_journal *j, uint64_t id, int64_t from, void *to, size_t cap,
                  size_t *ret_len)
{
    struct read_data ask = {
        .start = from, .reasons = UINT32_MAX, .id = id, .version_min = 2, .version_max = 3};
    DWORD got = 0;

    if (!DeviceIoControl(j->volume, FSCTL_READ_USN_JOURNAL, &ask, sizeof(ask), to, (DWORD)cap, &got,
                         NULL)) {
        return code_of(GetLastError());
    }
    if (got < 8) {
        return AL_ECORRUPT;
    }
    *ret_len = got;
    return AL_OK;
}
