/* Names: bytes above, UTF-16 below. */
#include <string.h>

#include "base/mem.h"
#include "port/win/win_priv.h"

#define PATH_UNITS_MAX                                                                             \
    32767u /* "maximum path of approximately 32,767 characters": Win32 naming files */

static const struct {
    DWORD error;
    int code;
} win32_codes[] = {
    {ERROR_FILE_NOT_FOUND, AL_ENOENT},
    {ERROR_PATH_NOT_FOUND, AL_ENOENT},
    {ERROR_INVALID_NAME, AL_EINVAL},
    {ERROR_DELETE_PENDING, AL_ENOENT},
    {ERROR_CANT_RESOLVE_FILENAME, AL_ELOOP},
    {ERROR_REM_NOT_LIST, AL_EUNREACH},
    {ERROR_BAD_NETPATH, AL_EUNREACH},
    {ERROR_DEV_NOT_EXIST, AL_EUNREACH},
    {ERROR_NETWORK_BUSY, AL_EUNREACH},
    {ERROR_BAD_NET_NAME, AL_EUNREACH},
    {ERROR_NETNAME_DELETED, AL_EUNREACH},
    {ERROR_UNEXP_NET_ERR, AL_EUNREACH},
    {ERROR_NETWORK_UNREACHABLE, AL_EUNREACH},
    {ERROR_HOST_UNREACHABLE, AL_EUNREACH},
    {ERROR_CONNECTION_REFUSED, AL_EUNREACH},
    {ERROR_CONNECTION_ABORTED, AL_EUNREACH},
    {ERROR_GRACEFUL_DISCONNECT, AL_EUNREACH},
    {ERROR_VC_DISCONNECTED, AL_EUNREACH},
    {ERROR_NO_NETWORK, AL_EUNREACH},
    {ERROR_NO_NET_OR_BAD_PATH, AL_EUNREACH},
    {ERROR_NOT_CONNECTED, AL_EUNREACH},
    {ERROR_NO_LOGON_SERVERS, AL_EUNREACH},
    {ERROR_DEVICE_NOT_CONNECTED, AL_EUNREACH},
    {ERROR_NOT_READY, AL_EUNREACH},
    {ERROR_UNRECOGNIZED_VOLUME, AL_EUNREACH},
    {ERROR_FILE_INVALID, AL_ESTALE}, /* the volume under it was replaced */
    {ERROR_SEM_TIMEOUT, AL_ETIMEDOUT},
    {ERROR_TIMEOUT, AL_ETIMEDOUT},
    {ERROR_LOGON_FAILURE, AL_EAUTH},
    {ERROR_INVALID_PASSWORD, AL_EAUTH},
    {ERROR_BAD_USERNAME, AL_EAUTH},
    {ERROR_ACCOUNT_RESTRICTION, AL_EAUTH},
    {ERROR_INVALID_LOGON_HOURS, AL_EAUTH},
    {ERROR_PASSWORD_EXPIRED, AL_EAUTH},
    {ERROR_ACCOUNT_DISABLED, AL_EAUTH},
    {ERROR_PASSWORD_MUST_CHANGE, AL_EAUTH},
    {ERROR_ACCOUNT_LOCKED_OUT, AL_EAUTH},
    {ERROR_ACCOUNT_EXPIRED, AL_EAUTH},
    {ERROR_LOGON_TYPE_NOT_GRANTED, AL_EAUTH},
    {ERROR_TIME_SKEW, AL_EAUTH},
    {1272 /* ERROR_SMB_GUEST_LOGON_BLOCKED */, AL_EAUTH},
    {ERROR_SESSION_CREDENTIAL_CONFLICT, AL_ECONFLICT},
    {ERROR_ACCESS_DENIED, AL_EACCES},
    {ERROR_NETWORK_ACCESS_DENIED, AL_EACCES},
    {ERROR_PRIVILEGE_NOT_HELD, AL_EACCES},
    {ERROR_INVALID_OWNER, AL_EPERM},
    {ERROR_ALREADY_EXISTS, AL_EEXIST},
    {ERROR_FILE_EXISTS, AL_EEXIST},
    {ERROR_DISK_FULL, AL_ENOSPC},
    {ERROR_HANDLE_DISK_FULL, AL_ENOSPC},
    {1295 /* ERROR_DISK_QUOTA_EXCEEDED */, AL_ENOSPC},
    {ERROR_WRITE_PROTECT, AL_EROFS},
    {ERROR_SHARING_VIOLATION, AL_EBUSY},
    {ERROR_LOCK_VIOLATION, AL_EBUSY},
    {ERROR_USER_MAPPED_FILE, AL_EBUSY},
    {ERROR_DIR_NOT_EMPTY, AL_ENOTEMPTY},
    {ERROR_DIRECTORY, AL_ENOTDIR},
    {ERROR_FILENAME_EXCED_RANGE, AL_ENAMETOOLONG},
    {ERROR_NOT_ENOUGH_MEMORY, AL_ENOMEM},
    {ERROR_OUTOFMEMORY, AL_ENOMEM},
    {ERROR_NO_SYSTEM_RESOURCES, AL_ENOMEM},
    {ERROR_NOT_SAME_DEVICE, AL_EXDEV},
    {ERROR_TOO_MANY_OPEN_FILES, AL_EMFILE},
    {ERROR_NOT_SUPPORTED, AL_ENOTSUP},
    {ERROR_INVALID_FUNCTION, AL_ENOTSUP},
    {ERROR_INVALID_PARAMETER, AL_EINVAL},
    {ERROR_CRC, AL_ECORRUPT},
    {ERROR_FILE_CORRUPT, AL_ECORRUPT},
    {ERROR_OPERATION_ABORTED, AL_ECANCELED},
};

int
win_code(DWORD error)
{
    for (size_t i = 0; i < AL_LEN(win32_codes); i++) {
        if (win32_codes[i].error == error) {
            return win32_codes[i].code;
        }
    }
    return AL_EIO;
}

int
win_status(NTSTATUS status)
{
    static const struct {
        NTSTATUS status;
        int code;
    } codes[] = {
        /* What Win32 has one number for, or a misleading one. */
        {(NTSTATUS)0xC00000BA /* FILE_IS_A_DIRECTORY */, AL_EISDIR},
        {(NTSTATUS)0xC0000103 /* NOT_A_DIRECTORY */, AL_ENOTDIR},
        {(NTSTATUS)0xC0000056 /* DELETE_PENDING */, AL_ENOENT},
        {(NTSTATUS)0x8000002D /* STOPPED_ON_SYMLINK */, AL_ELOOP},
        {(NTSTATUS)0xC000035C /* NETWORK_SESSION_EXPIRED */, AL_EUNREACH},
        {(NTSTATUS)0xC0000203 /* USER_SESSION_DELETED */, AL_EUNREACH},
        {(NTSTATUS)0xC000020C /* CONNECTION_DISCONNECTED */, AL_EUNREACH},
        {(NTSTATUS)0xC00000B5 /* IO_TIMEOUT */, AL_ETIMEDOUT},
    };

    SetLastError(RtlNtStatusToDosError(status));
    for (size_t i = 0; i < AL_LEN(codes); i++) {
        if (codes[i].status == status) {
            return codes[i].code;
        }
    }
    return win_code(GetLastError());
}

/* Decodes one WTF-8 sequence; the number of bytes, 0 when it is none. */
static size_t
wtf8_step(const uint8_t *at, size_t left, uint32_t *ret)
{
    uint32_t c = at[0];
    size_t len = c < 0x80                ? 1
                 : c >= 0xc2 && c < 0xe0 ? 2
                 : c >= 0xe0 && c < 0xf0 ? 3
                 : c >= 0xf0 && c < 0xf5 ? 4
                                         : 0;

    if (len == 0 || len > left) {
        return 0;
    }
    c &= len == 1 ? 0x7fu : len == 2 ? 0x1fu : len == 3 ? 0x0fu : 0x07u;
    for (size_t i = 1; i < len; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
        c = c << 6 | (at[i] & 0x3fu);
    }
    if ((len == 3 && c < 0x800) || (len == 4 && (c < 0x10000 || c > 0x10ffff))) {
        return 0;
    }
    *ret = c;
    return len;
}

/* Appends the UTF-16 of name; a byte that is no WTF-8 is AL_EINVAL: no Windows name can come from
 * it. */
static int
units_add(wchar_t *out, size_t *io_len, const char *name)
{
    size_t left = strlen(name), len = *io_len;
    const uint8_t *at = (const uint8_t *)name;

    while (left > 0) {
        uint32_t c;
        size_t step = wtf8_step(at, left, &c);

        if (step == 0) {
            return AL_EINVAL;
        }
        if (len + 3 >= PATH_UNITS_MAX) {
            return AL_ENAMETOOLONG;
        }
        if (c >= 0x10000) {
            out[len++] = (wchar_t)(0xd800 + ((c - 0x10000) >> 10));
            out[len++] = (wchar_t)(0xdc00 + ((c - 0x10000) & 0x3ff));
        } else {
            out[len++] = c == '/' ? L'\\' : (wchar_t)c;
        }
        at += step;
        left -= step;
    }
    out[len] = L'\0';
    *io_len = len;
    return AL_OK;
}

static const wchar_t *
prefix_for(const char *path)
{
    bool unc = (path[0] == '/' || path[0] == '\\') && path[1] == path[0];

    if (unc && (path[2] == '?' || path[2] == '.')) {
        return L"";
    }
    return unc ? L"\\\\?\\UNC" : L"\\\\?\\";
}

/* Writes "X:" of the current folder; how many units. None where that is a share. */
static size_t
drive_of_now(wchar_t *out)
{
    wchar_t now[MAX_PATH + 1];
    DWORD len = GetCurrentDirectoryW(MAX_PATH + 1, now);

    if (len < 2 || len > MAX_PATH || now[1] != L':') {
        return 0;
    }
    out[0] = now[0];
    out[1] = L':';
    return 2;
}

/* "X:" and "Volume{...}" name the device; its root folder has a '\' behind. */
static bool
is_volume_alone(const wchar_t *path)
{
    size_t len = wcslen(path);

    return (len == 2 && path[1] == L':') || (wcsncmp(path, L"Volume{", 7) == 0 &&
                                             path[len - 1] == L'}' && wcschr(path, L'\\') == NULL);
}

int
win_path(const char *name, wchar_t **ret)
{
    const wchar_t *prefix = prefix_for(name);
    size_t len = wcslen(prefix);
    wchar_t *out = al_alloc((strlen(name) + len + 8) * sizeof(*out));
    int rc;

    if (out == NULL) {
        return AL_ENOMEM;
    }
    memcpy(out, prefix, len * sizeof(*out));
    if (name[0] == '/' && name[1] != '/') {
        /* "/dir" is meant on the drive we are on, as everywhere on Windows */
        len += drive_of_now(out + len);
    }
    if (wcscmp(prefix, L"\\\\?\\UNC") == 0) {
        name++; /* "\\host\share" goes on behind "\\?\UNC" with one backslash */
    }
    out[len] = L'\0';
    rc = units_add(out, &len, name);
    if (rc != AL_OK) {
        al_free(out);
        return rc;
    }
    if (len > 4 && is_volume_alone(out + 4)) {
        out[len++] = L'\\';
        out[len] = L'\0';
    }
    *ret = out;
    return AL_OK;
}

static int
part_units(const char *name, wchar_t **ret)
{
    wchar_t *out;
    size_t len = 0;
    int rc;

    if (strcmp(name, ".") == 0) {
        name = "";
    }
    if (strpbrk(name, "\\/:") != NULL) {
        return AL_EINVAL;
    }
    out = al_alloc((strlen(name) + 1) * sizeof(*out));
    if (out == NULL) {
        return AL_ENOMEM;
    }
    rc = units_add(out, &len, name);
    if (rc != AL_OK) {
        al_free(out);
        return rc;
    }
    *ret = out;
    return AL_OK;
}

int
win_name(const struct port_file *dir, const char *name, struct win_name *ret)
{
    int rc;

    *ret = (struct win_name){0};
    rc = dir != NULL ? part_units(name, &ret->units) : win_path(name, &ret->units);
    if (rc != AL_OK) {
        return rc;
    }
    if (dir == NULL) {
        /* "\\?\" and "\\.\" are Win32's words for the object manager's folder "\??\". */
        ret->units[1] = ret->units[2] = L'?';
    }
    ret->text.Buffer = ret->units;
    ret->text.Length = (USHORT)(wcslen(ret->units) * sizeof(wchar_t));
    ret->text.MaximumLength = (USHORT)(ret->text.Length + sizeof(wchar_t));
    InitializeObjectAttributes(&ret->attr, &ret->text, OBJ_CASE_INSENSITIVE,
                               dir != NULL ? dir->handle : NULL, NULL);
    return AL_OK;
}

void
win_name_end(struct win_name *n)
{
    al_free(n->units);
    n->units = NULL;
}

int
win_utf8(const wchar_t *text, size_t len, struct al_buf *to)
{
    for (size_t i = 0; i < len; i++) {
        uint32_t c = (uint16_t)text[i];
        uint8_t bytes[4];
        size_t n;
        int rc;

        if (c >= 0xd800 && c < 0xdc00 && i + 1 < len && (uint16_t)text[i + 1] >= 0xdc00 &&
            (uint16_t)text[i + 1] < 0xe000) {
            c = 0x10000 + ((c - 0xd800) << 10) + ((uint16_t)text[++i] - 0xdc00u);
        }
        if (c < 0x80) {
            bytes[0] = (uint8_t)c;
            n = 1;
        } else if (c < 0x800) {
            bytes[0] = (uint8_t)(0xc0 | c >> 6);
            n = 2;
        } else if (c < 0x10000) {
            bytes[0] = (uint8_t)(0xe0 | c >> 12);
            n = 3;
        } else {
            bytes[0] = (uint8_t)(0xf0 | c >> 18);
            n = 4;
        }
        for (size_t k = 1; k < n; k++) {
            bytes[k] = (uint8_t)(0x80 | (c >> (6 * (n - 1 - k)) & 0x3f));
        }
        rc = al_buf_add(to, bytes, n);
        if (rc != AL_OK) {
            return rc;
        }
    }
    return AL_OK;
}

#define FILETIME_1970 116444736000000000LL /* 100 ns from 1601 to 1970 */

int64_t
win_ns(LARGE_INTEGER filetime)
{
    int64_t ticks = filetime.QuadPart - FILETIME_1970;

    /* FILETIME reaches to the year 30828. */
    return ticks > PORT_TIME_FAR / 100      ? PORT_TIME_FAR
           : ticks < -(PORT_TIME_FAR / 100) ? -PORT_TIME_FAR
                                            : ticks * 100;
}

int64_t
win_filetime(int64_t ns)
{
    int64_t ticks = ns / 100;

    if (ns % 100 < 0) {
        ticks--;
    }
    return ticks + FILETIME_1970;
}
