/* Names: bytes above, UTF-16 below. */
#include <string.h>

#include "base/mem.h"
#include "port/win/win_priv.h"

#define PATH_UNITS_MAX                                                                             \
    32767u /* "maximum path of approximately 32,767 characters": Win32 naming files */

int
win_code(DWORD error)
{
    static const struct {
        DWORD error;
        int code;
    } codes[] = {
        {ERROR_FILE_NOT_FOUND, AL_ENOENT},
        {ERROR_PATH_NOT_FOUND, AL_ENOENT},
        {ERROR_INVALID_NAME, AL_EINVAL},
        {ERROR_DELETE_PENDING, AL_ENOENT},
        {ERROR_BAD_NETPATH, AL_EUNREACH},
        {ERROR_BAD_NET_NAME, AL_EUNREACH},
        {ERROR_NETNAME_DELETED, AL_EUNREACH},
        {ERROR_UNEXP_NET_ERR, AL_EUNREACH},
        {ERROR_NETWORK_UNREACHABLE, AL_EUNREACH},
        {ERROR_HOST_UNREACHABLE, AL_EUNREACH},
        {ERROR_CONNECTION_REFUSED, AL_EUNREACH},
        {ERROR_SEM_TIMEOUT, AL_ETIMEDOUT},
        {ERROR_LOGON_FAILURE, AL_EAUTH},
        {ERROR_INVALID_PASSWORD, AL_EAUTH},
        {ERROR_ACCESS_DENIED, AL_EACCES},
        {ERROR_PRIVILEGE_NOT_HELD, AL_EACCES},
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
        {ERROR_NOT_SAME_DEVICE, AL_EXDEV},
        {ERROR_TOO_MANY_OPEN_FILES, AL_EMFILE},
        {ERROR_NOT_SUPPORTED, AL_ENOTSUP},
        {ERROR_INVALID_FUNCTION, AL_ENOTSUP},
        {ERROR_INVALID_PARAMETER, AL_EINVAL},
        {ERROR_CRC, AL_ECORRUPT},
        {ERROR_FILE_CORRUPT, AL_ECORRUPT},
        {ERROR_OPERATION_ABORTED, AL_ECANCELED},
    };

    for (size_t i = 0; i < AL_LEN(codes); i++) {
        if (codes[i].error == error) {
            return codes[i].code;
        }
    }
    return AL_EIO;
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
        if (len + 2 >= PATH_UNITS_MAX) {
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

int
win_path(const struct port_file *dir, const char *name, wchar_t **ret)
{
    wchar_t *out = al_alloc((PATH_UNITS_MAX + 1) * sizeof(*out));
    size_t len = 0;
    int rc;

    if (out == NULL) {
        return AL_ENOMEM;
    }
    if (dir != NULL) {
        len = wcslen(dir->path);
        memcpy(out, dir->path, len * sizeof(*out));
        if (strcmp(name, ".") == 0) {
            name = "";
        } else if (out[len - 1] != L'\\') {
            out[len++] = L'\\';
        }
    } else {
        const wchar_t *prefix = prefix_for(name);

        len = wcslen(prefix);
        memcpy(out, prefix, len * sizeof(*out));
        if (name[0] == '/' && name[1] != '/') {
            len += drive_of_now(
                out + len); /* "/dir" is meant on the drive we are on, as everywhere on Windows */
        }
        if (wcscmp(prefix, L"\\\\?\\UNC") == 0) {
            name++; /* "\\host\share" goes on behind "\\?\UNC" with one backslash */
        }
    }
    out[len] = L'\0';
    rc = units_add(out, &len, name);
    if (rc != AL_OK) {
        al_free(out);
        return rc;
    }
    *ret = out;
    return AL_OK;
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
    return (filetime.QuadPart - FILETIME_1970) * 100;
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
