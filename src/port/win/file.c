/* Files and names: CreateFileW and its kin. What Windows has not (leases, holes by punching,
 * extended attributes of Linux) stays empty in the table and answers AL_ENOTSUP. */
#include <string.h>
#include <time.h>

#include <windows.h>

#include <bcrypt.h>

#include "base/mem.h"
#include "port/win/win_priv.h"

static DWORD
access_of(uint32_t flags)
{
    DWORD access = FILE_READ_ATTRIBUTES | SYNCHRONIZE;

    if ((flags & PORT_PATH) != 0) {
        return access;
    }
    access |= (flags & PORT_READ) != 0 ? GENERIC_READ : 0;
    access |= (flags & PORT_WRITE) != 0 ? GENERIC_WRITE : 0;
    return access;
}

static DWORD
disposition_of(uint32_t flags)
{
    if ((flags & PORT_CREATE) != 0) {
        return (flags & PORT_EXCL) != 0    ? CREATE_NEW
               : (flags & PORT_TRUNC) != 0 ? CREATE_ALWAYS
                                           : OPEN_ALWAYS;
    }
    return (flags & PORT_TRUNC) != 0 ? TRUNCATE_EXISTING : OPEN_EXISTING;
}

/* A symbolic link is never followed, and a folder is opened only when asked for. */
static int
kind_check(struct port *p, struct port_file *f, uint32_t flags)
{
    struct port_stat st;
    int rc = win_stat(p, f, &st);

    if (rc != AL_OK) {
        return rc;
    }
    if (st.type == PORT_T_SYMLINK) {
        return AL_ELOOP;
    }
    if ((flags & PORT_FOLDER) != 0) {
        return st.type == PORT_T_FOLDER ? AL_OK : AL_ENOTDIR;
    }
    return st.type == PORT_T_FOLDER && (flags & PORT_PATH) == 0 ? AL_EISDIR : AL_OK;
}

static int
file_close(struct port *p, struct port_file *f)
{
    int rc = AL_OK;

    if (f->handle != INVALID_HANDLE_VALUE && !CloseHandle(f->handle)) {
        rc = win_code(GetLastError());
    }
    al_free(f->path);
    al_free(f);
    return rc;
}

static int
file_open(struct port *p, struct port_file *dir, const char *name, uint32_t flags, uint32_t mode,
          struct port_file **ret)
{
    struct port_file *f = al_zalloc(sizeof(*f));
    DWORD share =
        (flags & PORT_ALONE) != 0 ? 0 : FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
    DWORD disposition = disposition_of(flags);
    int rc;

    if (f == NULL) {
        return AL_ENOMEM;
    }
    f->handle = INVALID_HANDLE_VALUE;
    rc = win_path(dir, name, &f->path);
    if (rc == AL_OK) {
        f->handle = CreateFileW(f->path, access_of(flags), share, NULL, disposition,
                                FILE_ATTRIBUTE_NORMAL | FILE_FLAG_BACKUP_SEMANTICS |
                                    FILE_FLAG_OPEN_REPARSE_POINT,
                                NULL);
        rc = f->handle == INVALID_HANDLE_VALUE ? win_code(GetLastError()) : kind_check(p, f, flags);
    }
    if (rc != AL_OK) {
        (void)file_close(p, f); /* the error that made us give up counts */
        return rc;
    }
    *ret = f;
    return AL_OK;
}

#define IO_BYTES_MAX (1u << 30) /* ReadFile counts in a DWORD */

static OVERLAPPED
overlapped_at(uint64_t offset)
{
    return (OVERLAPPED){.Offset = (DWORD)offset, .OffsetHigh = (DWORD)(offset >> 32)};
}

static int
file_pread(struct port *p, struct port_file *f, void *to, size_t len, uint64_t offset,
           size_t *ret_len)
{
    size_t done = 0;

    while (done < len) {
        OVERLAPPED at = overlapped_at(offset + done);
        DWORD want = len - done > IO_BYTES_MAX ? IO_BYTES_MAX : (DWORD)(len - done), got = 0;

        if (!ReadFile(f->handle, (char *)to + done, want, &got, &at)) {
            if (GetLastError() == ERROR_HANDLE_EOF) {
                break;
            }
            return win_code(GetLastError());
        }
        if (got == 0) {
            break;
        }
        done += got;
    }
    *ret_len = done;
    return AL_OK;
}

static int
file_pwrite(struct port *p, struct port_file *f, const void *from, size_t len, uint64_t offset)
{
    size_t done = 0;

    while (done < len) {
        OVERLAPPED at = overlapped_at(offset + done);
        DWORD want = len - done > IO_BYTES_MAX ? IO_BYTES_MAX : (DWORD)(len - done), got = 0;

        if (!WriteFile(f->handle, (const char *)from + done, want, &got, &at)) {
            return win_code(GetLastError());
        }
        if (got == 0) {
            return AL_EIO;
        }
        done += got;
    }
    return AL_OK;
}

static int
file_sync(struct port *p, struct port_file *f, bool data_only)
{
    if (FlushFileBuffers(f->handle)) {
        return AL_OK;
    }
    /* A handle without write access has nothing of its own to flush; NTFS journals names by itself,
     * so a folder's handle, which is read-only, is done too. */
    return GetLastError() == ERROR_ACCESS_DENIED || GetLastError() == ERROR_INVALID_HANDLE
               ? AL_OK
               : win_code(GetLastError());
}

static int
file_truncate(struct port *p, struct port_file *f, uint64_t size)
{
    FILE_END_OF_FILE_INFO end = {.EndOfFile.QuadPart = (int64_t)size};

    return SetFileInformationByHandle(f->handle, FileEndOfFileInfo, &end, sizeof(end))
               ? AL_OK
               : win_code(GetLastError());
}

static int
file_rename(struct port *p, struct port_file *dir_a, const char *a, struct port_file *dir_b,
            const char *b, bool replace)
{
    AL_CLEANUP(al_freep) wchar_t *from = NULL;
    AL_CLEANUP(al_freep) wchar_t *to = NULL;
    int rc = win_path(dir_a, a, &from);

    if (rc == AL_OK) {
        rc = win_path(dir_b, b, &to);
    }
    if (rc != AL_OK) {
        return rc;
    }
    return MoveFileExW(from, to, MOVEFILE_WRITE_THROUGH | (replace ? MOVEFILE_REPLACE_EXISTING : 0))
               ? AL_OK
               : win_code(GetLastError());
}

/* The calls that take one path and nothing else. */
static int
path_call(struct port_file *dir, const char *name, BOOL(WINAPI *call)(LPCWSTR))
{
    AL_CLEANUP(al_freep) wchar_t *path = NULL;
    int rc = win_path(dir, name, &path);

    if (rc != AL_OK) {
        return rc;
    }
    return call(path) ? AL_OK : win_code(GetLastError());
}

static int
file_unlink(struct port *p, struct port_file *dir, const char *name)
{
    return path_call(dir, name, DeleteFileW);
}

static int
file_rmdir(struct port *p, struct port_file *dir, const char *name)
{
    return path_call(dir, name, RemoveDirectoryW);
}

static int
file_mkdir(struct port *p, struct port_file *dir, const char *name, uint32_t mode)
{
    AL_CLEANUP(al_freep) wchar_t *path = NULL;
    int rc = win_path(dir, name, &path);

    if (rc != AL_OK) {
        return rc;
    }
    return CreateDirectoryW(path, NULL) ? AL_OK : win_code(GetLastError());
}

static int
file_set_times(struct port *p, struct port_file *f, int64_t atime_ns, int64_t mtime_ns)
{
    /* Zero leaves a field as it is: FILE_BASIC_INFO. */
    FILE_BASIC_INFO info = {0};

    if (atime_ns != PORT_TIME_OMIT) {
        info.LastAccessTime.QuadPart = win_filetime(atime_ns);
    }
    if (mtime_ns != PORT_TIME_OMIT) {
        info.LastWriteTime.QuadPart = win_filetime(mtime_ns);
    }

    return SetFileInformationByHandle(f->handle, FileBasicInfo, &info, sizeof(info))
               ? AL_OK
               : win_code(GetLastError());
}

static int
file_lock(struct port *p, struct port_file *f)
{
    OVERLAPPED at = {0};

    return LockFileEx(f->handle, LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &at)
               ? AL_OK
               : win_code(GetLastError());
}

static int64_t
now_ns(struct port *p)
{
    FILETIME ft;
    LARGE_INTEGER t;

    GetSystemTimePreciseAsFileTime(&ft);
    t.LowPart = ft.dwLowDateTime;
    t.HighPart = (LONG)ft.dwHighDateTime;
    return win_ns(t);
}

static int64_t
mono_ns(struct port *p)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail: winpthreads has this clock */
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void
sleep_ns(struct port *p, int64_t ns)
{
    Sleep(ns <= 0 ? 0 : (DWORD)((ns + 999999) / 1000000));
}

static int
random_bytes(struct port *p, void *to, size_t len)
{
    return BCryptGenRandom(NULL, to, (ULONG)len, BCRYPT_USE_SYSTEM_PREFERRED_RNG) == 0 ? AL_OK
                                                                                       : AL_EIO;
}

static int
hostname(struct port *p, struct al_buf *to)
{
    wchar_t name[256];
    DWORD len = AL_LEN(name);

    if (!GetComputerNameExW(ComputerNameDnsHostname, name, &len)) {
        return win_code(GetLastError());
    }
    return win_utf8(name, len, to);
}

static uint32_t
os_error(struct port *p)
{
    return GetLastError();
}

static const struct port_ops win_ops = {
    .open = file_open,
    .close = file_close,
    .pread = file_pread,
    .pwrite = file_pwrite,
    .sync = file_sync,
    .truncate = file_truncate,
    .stat = win_stat,
    .stat_at = win_stat_at,
    .rename = file_rename,
    .unlink = file_unlink,
    .mkdir = file_mkdir,
    .rmdir = file_rmdir,
    .dir_open = win_dir_open,
    .dir_next = win_dir_next,
    .dir_close = win_dir_close,
    .set_times = file_set_times,
    .lock = file_lock,
    .fs = win_fs,
    .now_ns = now_ns,
    .mono_ns = mono_ns,
    .sleep_ns = sleep_ns,
    .random = random_bytes,
    .hostname = hostname,
    .os_error = os_error,
};

struct port *
port_native(void)
{
    static struct port native = {.ops = &win_ops};

    return &native;
}
