/* Bytes, locks, clocks, and the table. What Windows has not (leases, holes by punching,
 * extended attributes of Linux) stays empty in the table and answers AL_ENOTSUP. */
#include <string.h>
#include <time.h>

#include <windows.h>

#include <bcrypt.h>

#include "base/mem.h"
#include "port/win/win_priv.h"

#define IO_BYTES_MAX (1u << 30) /* ReadFile counts in a DWORD */

static OVERLAPPED
overlapped_at(uint64_t offset, HANDLE event)
{
    return (OVERLAPPED){
        .Offset = (DWORD)offset, .OffsetHigh = (DWORD)(offset >> 32), .hEvent = event};
}

/* Waits for what was begun, on a handle that does not wait by itself. */
static bool
io_end(struct port_file *f, bool ok, OVERLAPPED *at, DWORD *ret_got)
{
    if (f->async && !ok && GetLastError() == ERROR_IO_PENDING) {
        ok = GetOverlappedResult(f->handle, at, ret_got, TRUE);
    }
    return ok;
}

/* The event a handle for asynchronous use needs for each operation; NULL for others. */
static int
io_event(const struct port_file *f, HANDLE *ret)
{
    *ret = f->async ? CreateEventW(NULL, TRUE, FALSE, NULL) : NULL;
    return f->async && *ret == NULL ? win_code(GetLastError()) : AL_OK;
}

static void
io_event_end(HANDLE *event)
{
    if (*event != NULL) {
        DWORD os = GetLastError();

        (void)CloseHandle(*event); /* nothing waits for it any more */
        SetLastError(os);
    }
}

static int
file_pread(struct port *p, struct port_file *f, void *to, size_t len, uint64_t offset,
           size_t *ret_len)
{
    AL_CLEANUP(io_event_end) HANDLE event = NULL;
    size_t done = 0;
    int rc = io_event(f, &event);

    if (rc != AL_OK) {
        return rc;
    }
    while (done < len) {
        OVERLAPPED at = overlapped_at(offset + done, event);
        DWORD want = len - done > IO_BYTES_MAX ? IO_BYTES_MAX : (DWORD)(len - done), got = 0;
        bool ok = ReadFile(f->handle, (char *)to + done, want, &got, &at);

        if (!io_end(f, ok, &at, &got)) {
            if (GetLastError() == ERROR_HANDLE_EOF) {
                break;
            }
            return win_code(GetLastError());
        }
        done += got;
        if (got == 0 || (f->direct && got % PORT_DIRECT_BYTES != 0)) {
            break; /* the end; without the cache nothing may be asked for from in between */
        }
    }
    *ret_len = done;
    return AL_OK;
}

static int
file_pwrite(struct port *p, struct port_file *f, const void *from, size_t len, uint64_t offset)
{
    AL_CLEANUP(io_event_end) HANDLE event = NULL;
    size_t done = 0;
    int rc = io_event(f, &event);

    if (rc != AL_OK) {
        return rc;
    }
    while (done < len) {
        OVERLAPPED at = overlapped_at(offset + done, event);
        DWORD want = len - done > IO_BYTES_MAX ? IO_BYTES_MAX : (DWORD)(len - done), got = 0;
        bool ok = WriteFile(f->handle, (const char *)from + done, want, &got, &at);

        if (!io_end(f, ok, &at, &got)) {
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
file_lock(struct port *p, struct port_file *f)
{
    AL_CLEANUP(io_event_end) HANDLE event = NULL;
    OVERLAPPED at;
    DWORD got = 0;
    bool ok;
    int rc = io_event(f, &event);

    if (rc != AL_OK) {
        return rc;
    }
    at = overlapped_at(0, event);
    ok = LockFileEx(f->handle, LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &at);
    return io_end(f, ok, &at, &got) ? AL_OK : win_code(GetLastError());
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
    .open = win_open,
    .open_handle = win_open_handle,
    .close = win_close,
    .pread = file_pread,
    .pwrite = file_pwrite,
    .sync = file_sync,
    .truncate = file_truncate,
    .stat = win_stat,
    .stat_at = win_stat_at,
    .rename = win_rename,
    .unlink = win_unlink,
    .mkdir = win_mkdir,
    .rmdir = win_rmdir,
    .dir_open = win_dir_open,
    .dir_next = win_dir_next,
    .dir_close = win_dir_close,
    .set_times = win_set_times,
    .lock = file_lock,
    .handle_get = win_handle_get,
    .generation = win_generation,
    .path_of = win_path_of,
    .fs = win_fs,
    .rename_open = win_rename_open,
    .remove_open = win_remove_open,
    .is_mapped = win_is_mapped,
    .map_probe = win_map_probe,
    .security_get = win_security_get,
    .security_set = win_security_set,
    .stream_list = win_stream_list,
    .stream_open = win_stream_open,
    .set_attrs = win_set_attrs,
    .set_born = win_set_born,
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
