/* Names and attributes: what is changed of a file besides its bytes. */
#include <string.h>

#include "base/mem.h"
#include "port/win/win_priv.h"

static int
set_info(HANDLE h, FILE_INFORMATION_CLASS what, void *info, size_t size)
{
    IO_STATUS_BLOCK io;
    NTSTATUS s = NtSetInformationFile(h, &io, info, (ULONG)size, what);

    return WIN_OK(s) ? AL_OK : win_status(s);
}

/* ---- names ---- */

static int
remove_name(struct port_file *dir, const char *name, bool folder)
{
    FILE_DISPOSITION_INFORMATION gone = {.DoDeleteFile = TRUE};
    FILE_STANDARD_INFO st;
    struct win_name n;
    HANDLE h = NULL;
    int rc = win_name(dir, name, &n);

    if (rc != AL_OK) {
        return rc;
    }
    rc = win_open_name(&n, DELETE | FILE_READ_ATTRIBUTES, WIN_SHARE_ALL, FILE_OPEN, false, &h);
    win_name_end(&n);
    if (rc != AL_OK) {
        return rc;
    }
    if (!GetFileInformationByHandleEx(h, FileStandardInfo, &st, sizeof(st))) {
        rc = win_code(GetLastError());
    } else if (folder != (st.Directory != FALSE)) {
        rc = folder ? AL_ENOTDIR : AL_EISDIR;
    } else {
        rc = set_info(h, FileDispositionInformation, &gone, sizeof(gone));
    }
    if (!CloseHandle(h) && rc == AL_OK) { /* only now the name goes */
        rc = win_code(GetLastError());
    }
    return rc;
}

int
win_unlink(struct port *p, struct port_file *dir, const char *name)
{
    return remove_name(dir, name, false);
}

int
win_rmdir(struct port *p, struct port_file *dir, const char *name)
{
    return remove_name(dir, name, true);
}

int
win_mkdir(struct port *p, struct port_file *dir, const char *name, uint32_t mode)
{
    struct win_name n;
    IO_STATUS_BLOCK io;
    HANDLE h = NULL;
    NTSTATUS s;
    int rc = win_name(dir, name, &n);

    if (rc != AL_OK) {
        return rc;
    }
    s = NtCreateFile(&h, FILE_LIST_DIRECTORY | SYNCHRONIZE, &n.attr, &io, NULL,
                     FILE_ATTRIBUTE_NORMAL, WIN_SHARE_ALL, FILE_CREATE,
                     FILE_DIRECTORY_FILE | FILE_SYNCHRONOUS_IO_NONALERT | FILE_OPEN_REPARSE_POINT,
                     NULL, 0);
    win_name_end(&n);
    if (!WIN_OK(s)) {
        return win_status(s);
    }
    return CloseHandle(h) ? AL_OK : win_code(GetLastError());
}

/* The absolute name, for servers: what a redirector makes of an open folder as root of a new name is
 * not written down. Starts with "\??\" for "\\?\". */
static int
full_name(const struct port_file *dir, const wchar_t *name, wchar_t **ret)
{
    DWORD need = GetFinalPathNameByHandleW(dir->handle, NULL, 0, VOLUME_NAME_DOS), got;
    size_t len = wcslen(name);
    wchar_t *path;

    if (need == 0) {
        return win_code(GetLastError());
    }
    path = al_alloc((need + len + 3) * sizeof(*path));
    if (path == NULL) {
        return AL_ENOMEM;
    }
    got = GetFinalPathNameByHandleW(dir->handle, path, need + 1, VOLUME_NAME_DOS);
    if (got == 0 || got > need || wcsncmp(path, L"\\\\?\\", 4) != 0) {
        al_free(path);
        return AL_ECHANGED;
    }
    path[1] = L'?';
    if (path[got - 1] != L'\\') {
        path[got++] = L'\\';
    }
    memcpy(path + got, name, (len + 1) * sizeof(*path));
    *ret = path;
    return AL_OK;
}

static int
give_name(HANDLE h, struct port_file *dir, struct win_name *n, bool replace)
{
    AL_CLEANUP(al_freep) wchar_t *full = NULL;
    const wchar_t *units = n->units;
    FILE_RENAME_INFORMATION *info;
    size_t bytes, size;
    bool whole = dir == NULL;
    int rc = AL_OK;

    if (dir != NULL && win_is_remote(dir)) {
        rc = full_name(dir, units, &full);
        units = full;
        whole = true;
    }
    if (rc != AL_OK) {
        return rc;
    }
    bytes = wcslen(units) * sizeof(*units);
    size = offsetof(FILE_RENAME_INFORMATION, FileName) + bytes + sizeof(*units);
    size = size < sizeof(*info) ? sizeof(*info) : size;
    info = al_zalloc(size);
    if (info == NULL) {
        return AL_ENOMEM;
    }
    info->ReplaceIfExists = replace;
    info->RootDirectory = whole ? NULL : dir->handle;
    info->FileNameLength = (ULONG)bytes;
    memcpy(info->FileName, units, bytes);
    rc = set_info(h, FileRenameInformation, info, size);
    al_free(info);
    return rc;
}

int
win_rename(struct port *p, struct port_file *dir_a, const char *a, struct port_file *dir_b,
           const char *b, bool replace)
{
    struct win_name from, to;
    IO_STATUS_BLOCK io;
    HANDLE h = NULL;
    NTSTATUS s;
    int rc = win_name(dir_b, b, &to);

    if (rc != AL_OK) {
        return rc;
    }
    rc = win_name(dir_a, a, &from);
    if (rc == AL_OK) {
        /* Write-through: the new name is on the disk when it returns, as with MoveFileEx. */
        s = NtCreateFile(&h, DELETE | FILE_READ_ATTRIBUTES | SYNCHRONIZE, &from.attr, &io, NULL,
                         FILE_ATTRIBUTE_NORMAL, WIN_SHARE_ALL, FILE_OPEN,
                         FILE_SYNCHRONOUS_IO_NONALERT | FILE_OPEN_FOR_BACKUP_INTENT |
                             FILE_OPEN_REPARSE_POINT | FILE_WRITE_THROUGH,
                         NULL, 0);
        win_name_end(&from);
        rc = WIN_OK(s) ? give_name(h, dir_b, &to, replace) : win_status(s);
    }
    win_name_end(&to);
    if (h != NULL && !CloseHandle(h) && rc == AL_OK) {
        rc = win_code(GetLastError());
    }
    return rc;
}

int
win_rename_open(struct port *p, struct port_file *f, struct port_file *dir, const char *name)
{
    struct win_name to;
    int rc = win_name(dir, name, &to);

    if (rc != AL_OK) {
        return rc;
    }
    rc = give_name(f->handle, dir, &to, false);
    win_name_end(&to);
    return rc;
}

int
win_remove_open(struct port *p, struct port_file *f)
{
    FILE_DISPOSITION_INFORMATION gone = {.DoDeleteFile = TRUE};
    FILE_ATTRIBUTE_TAG_INFO kind;
    IO_STATUS_BLOCK io;
    NTSTATUS s =
        NtSetInformationFile(f->handle, &io, &gone, sizeof(gone), FileDispositionInformation);

    if (WIN_OK(s)) {
        return AL_OK;
    }
    if (s == WIN_CANNOT_DELETE &&
        GetFileInformationByHandleEx(f->handle, FileAttributeTagInfo, &kind, sizeof(kind)) &&
        (kind.FileAttributes & FILE_ATTRIBUTE_READONLY) == 0) {
        SetLastError(RtlNtStatusToDosError(s));
        return AL_EBUSY; /* a view or a running program: MmFlushForDelete */
    }
    return win_status(s);
}

/* ---- attributes ---- */

/* Through f where it may, else through a handle that may: a read-only file cannot be opened for
 * writing. Zero leaves a field of it as it is. */
static int
set_basic(struct port_file *f, FILE_BASIC_INFORMATION *info)
{
    HANDLE h = NULL;
    int rc = set_info(f->handle, FileBasicInformation, info, sizeof(*info));

    if (rc != AL_EACCES) {
        return rc;
    }
    rc = win_open_again(f, FILE_WRITE_ATTRIBUTES, &h);
    if (rc != AL_OK) {
        return rc;
    }
    rc = set_info(h, FileBasicInformation, info, sizeof(*info));
    (void)CloseHandle(h); /* what was set is set */
    return rc;
}

int
win_set_times(struct port *p, struct port_file *f, int64_t atime_ns, int64_t mtime_ns)
{
    FILE_BASIC_INFORMATION info = {0};

    if (atime_ns != PORT_TIME_OMIT) {
        info.LastAccessTime.QuadPart = win_filetime(atime_ns);
    }
    if (mtime_ns != PORT_TIME_OMIT) {
        info.LastWriteTime.QuadPart = win_filetime(mtime_ns);
    }
    return set_basic(f, &info);
}

int
win_set_born(struct port *p, struct port_file *f, int64_t btime_ns)
{
    FILE_BASIC_INFORMATION info = {.CreationTime.QuadPart = win_filetime(btime_ns)};

    return set_basic(f, &info);
}

int
win_set_attrs(struct port *p, struct port_file *f, uint32_t attrs, uint32_t mask)
{
    FILE_ATTRIBUTE_TAG_INFO now;
    FILE_BASIC_INFORMATION info = {0};

    if (!GetFileInformationByHandleEx(f->handle, FileAttributeTagInfo, &now, sizeof(now))) {
        return win_code(GetLastError());
    }
    info.FileAttributes =
        (now.FileAttributes & ~win_attributes(mask)) | win_attributes(attrs & mask);
    if (info.FileAttributes == 0) {
        info.FileAttributes = FILE_ATTRIBUTE_NORMAL; /* "none": zero would be "as they are" */
    }
    return set_basic(f, &info);
}
