/* Opening: by name, by id, again; and where an open file is. */
#include <string.h>

#include "base/mem.h"
#include "port/win/win_priv.h"

#include <winioctl.h>

/* What leads elsewhere: symbolic links, junctions, volumes mounted as folders. */
#define TAG_IS_SURROGATE(tag) (((tag)&0x20000000u) != 0)

static int
create(struct win_name *n, ACCESS_MASK access, ULONG share, ULONG disposition, ULONG options,
       HANDLE *ret)
{
    IO_STATUS_BLOCK io;
    HANDLE h = NULL;
    NTSTATUS s = NtCreateFile(&h, access, &n->attr, &io, NULL, FILE_ATTRIBUTE_NORMAL, share,
                              disposition, options, NULL, 0);

    if (!WIN_OK(s)) {
        return win_status(s);
    }
    *ret = h;
    return AL_OK;
}

int
win_open_name(struct win_name *n, ACCESS_MASK access, ULONG share, ULONG disposition, bool through,
              HANDLE *ret)
{
    return create(n, access | SYNCHRONIZE, share, disposition,
                  FILE_SYNCHRONOUS_IO_NONALERT | FILE_OPEN_FOR_BACKUP_INTENT |
                      (through ? 0u : FILE_OPEN_REPARSE_POINT),
                  ret);
}

int
win_open_again(const struct port_file *f, ACCESS_MASK access, HANDLE *ret)
{
    struct win_name n;
    int rc = win_name(f, ".", &n);

    if (rc != AL_OK) {
        return rc;
    }
    rc = win_open_name(&n, access, WIN_SHARE_ALL, FILE_OPEN, false, ret);
    win_name_end(&n);
    return rc;
}

int
win_close(struct port *p, struct port_file *f)
{
    int rc = f->handle == NULL || CloseHandle(f->handle) ? AL_OK : win_code(GetLastError());

    al_free(f);
    return rc;
}

/* ---- by name ---- */

static ACCESS_MASK
access_of(uint32_t flags)
{
    ACCESS_MASK access = FILE_READ_ATTRIBUTES | SYNCHRONIZE;

    if ((flags & PORT_PATH) != 0) {
        return access;
    }
    access |= (flags & PORT_READ) != 0 ? GENERIC_READ : 0;
    access |= (flags & PORT_WRITE) != 0 ? GENERIC_WRITE : 0;
    access |= (flags & PORT_DELETE) != 0 ? DELETE : 0;
    access |= (flags & PORT_NOATIME) != 0 ? FILE_WRITE_ATTRIBUTES : 0;
    return access;
}

static ULONG
disposition_of(uint32_t flags)
{
    return (flags & PORT_CREATE) == 0 ? FILE_OPEN
           : (flags & PORT_EXCL) != 0 ? FILE_CREATE
                                      : FILE_OPEN_IF;
}

static int
open_handle_of(struct win_name *n, uint32_t flags, bool through, struct port_file *f)
{
    ULONG options = FILE_OPEN_FOR_BACKUP_INTENT | (through ? 0u : FILE_OPEN_REPARSE_POINT) |
                    (f->direct ? FILE_NO_INTERMEDIATE_BUFFERING : 0u) |
                    (f->async ? 0u : FILE_SYNCHRONOUS_IO_NONALERT);

    return create(n, access_of(flags), (flags & PORT_ALONE) != 0 ? 0 : WIN_SHARE_ALL,
                  disposition_of(flags), options, &f->handle);
}

static int
kind_of(struct port_file *f, FILE_ATTRIBUTE_TAG_INFO *ret)
{
    return GetFileInformationByHandleEx(f->handle, FileAttributeTagInfo, ret, sizeof(*ret))
               ? AL_OK
               : win_code(GetLastError());
}

#define REPARSE_BYTES 16384u /* MAXIMUM_REPARSE_DATA_BUFFER_SIZE, ntifs.h */
#define MOUNT_TEXT_AT 16u    /* REPARSE_DATA_BUFFER.MountPointReparseBuffer.PathBuffer */

enum mount { MOUNT_JUNCTION, MOUNT_VOLUME, MOUNT_NOTHING };

/* What a folder that is a mount point leads to: another volume, which is then meant, or just elsewhere.
 * MOUNT_NOTHING: there is no data, it is the mounted filesystem's root already (Wine). */
static enum mount
mount_of(struct port_file *f)
{
    static const wchar_t volume[] = L"\\??\\Volume{";
    AL_CLEANUP(al_freep) uint8_t *data = al_alloc(REPARSE_BYTES);
    IO_STATUS_BLOCK io = {0};
    size_t at;
    NTSTATUS s;

    if (data == NULL || f->async) {
        return MOUNT_JUNCTION;
    }
    s = NtFsControlFile(f->handle, NULL, NULL, NULL, &io, FSCTL_GET_REPARSE_POINT, NULL, 0, data,
                        REPARSE_BYTES);
    if (!WIN_OK(s)) {
        return s == WIN_NOT_A_REPARSE_POINT ? MOUNT_NOTHING : MOUNT_JUNCTION;
    }
    if (io.Information < MOUNT_TEXT_AT || al_get_u32(data) != IO_REPARSE_TAG_MOUNT_POINT) {
        return MOUNT_JUNCTION;
    }
    at = MOUNT_TEXT_AT + al_get_u16(data + 8);
    return at + sizeof(volume) - sizeof(wchar_t) <= io.Information &&
                   memcmp(data + at, volume, sizeof(volume) - sizeof(wchar_t)) == 0
               ? MOUNT_VOLUME
               : MOUNT_JUNCTION;
}

/* Behind a reparse point of a filter driver (deduplicated, cloud, tiered) the content is what the
 * driver says, and not what lies at the point itself. The second open must lead to the same file. */
static int
open_through(struct port *p, struct win_name *n, uint32_t flags, bool same, struct port_file *f)
{
    struct port_stat before, after;
    int rc = win_stat(p, f, &before);

    if (rc != AL_OK) {
        return rc;
    }
    (void)CloseHandle(f->handle); /* nothing was written through it */
    f->handle = NULL;
    rc = open_handle_of(n, flags & ~(uint32_t)PORT_EXCL & ~(uint32_t)PORT_CREATE, true, f);
    if (rc == AL_OK) {
        rc = win_serial(f->handle, &f->serial);
    }
    if (rc == AL_OK) {
        rc = win_stat(p, f, &after);
    }
    if (rc != AL_OK) {
        return rc;
    }
    return !same || (after.dev == before.dev && after.ino == before.ino) ? AL_OK : AL_ECHANGED;
}

/* A symbolic link is never followed, and a folder is opened only when asked for. *ret_through: it must
 * be opened anew for what a driver makes of it. */
static int
judge(const FILE_ATTRIBUTE_TAG_INFO *kind, uint32_t flags, bool *ret_through)
{
    bool folder = (kind->FileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
    bool reparse = (kind->FileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0;

    if (reparse && TAG_IS_SURROGATE(kind->ReparseTag)) {
        return AL_ELOOP;
    }
    if ((flags & PORT_FOLDER) != 0 && !folder) {
        return AL_ENOTDIR;
    }
    if (folder && (flags & (PORT_FOLDER | PORT_PATH)) == 0) {
        return AL_EISDIR;
    }
    *ret_through = reparse && (flags & (PORT_REPARSE | PORT_PATH)) == 0;
    return AL_OK;
}

static int
settle(struct port *p, struct win_name *n, bool absolute, uint32_t flags, struct port_file *f)
{
    FILE_ATTRIBUTE_TAG_INFO kind;
    bool through = false;
    int rc = kind_of(f, &kind);

    if (rc == AL_OK) {
        rc = judge(&kind, flags, &through);
    }
    if (rc == AL_ELOOP && absolute && (flags & PORT_FOLDER) != 0) {
        enum mount mount = mount_of(f);

        return mount == MOUNT_JUNCTION ? rc
               : mount == MOUNT_VOLUME ? open_through(p, n, flags, false, f)
                                       : AL_OK;
    }
    return rc == AL_OK && through ? open_through(p, n, flags, true, f) : rc;
}

/* -1 for a time: what is done through this handle leaves it (FILE_BASIC_INFORMATION). Best effort; a
 * system that takes it for a time gets the right one back. */
static void
leave_access_time(struct port_file *f)
{
    FILE_BASIC_INFO before, after, leave = {.LastAccessTime.QuadPart = -1};

    if (!GetFileInformationByHandleEx(f->handle, FileBasicInfo, &before, sizeof(before)) ||
        !SetFileInformationByHandle(f->handle, FileBasicInfo, &leave, sizeof(leave)) ||
        !GetFileInformationByHandleEx(f->handle, FileBasicInfo, &after, sizeof(after))) {
        return;
    }
    if (after.LastAccessTime.QuadPart != before.LastAccessTime.QuadPart) {
        leave.LastAccessTime = before.LastAccessTime;
        (void)SetFileInformationByHandle(f->handle, FileBasicInfo, &leave, sizeof(leave));
    }
}

/* Whether the access time is to be left alone, which needs a right that we may not have. */
static uint32_t
access_time_flag(uint32_t flags)
{
    return (flags & PORT_READ) != 0 && (flags & (PORT_FOLDER | PORT_PATH | PORT_CREATE)) == 0
               ? flags & PORT_NOATIME
               : 0;
}

static int
cut_to_nothing(struct port_file *f)
{
    FILE_END_OF_FILE_INFO end = {0};

    return SetFileInformationByHandle(f->handle, FileEndOfFileInfo, &end, sizeof(end))
               ? AL_OK
               : win_code(GetLastError());
}

int
win_open(struct port *p, struct port_file *dir, const char *name, uint32_t flags, uint32_t mode,
         struct port_file **ret)
{
    struct port_file *f = al_zalloc(sizeof(*f));
    struct win_name n;
    int rc;

    if (f == NULL) {
        return AL_ENOMEM;
    }
    f->direct = (flags & PORT_DIRECT) != 0;
    f->async = (flags & PORT_ALONE) != 0; /* an oplock is granted to no other (is_mapped) */
    flags = (flags & ~(uint32_t)PORT_NOATIME) | access_time_flag(flags);
    rc = win_name(dir, name, &n);
    if (rc == AL_OK) {
        rc = open_handle_of(&n, flags, false, f);
    }
    if ((rc == AL_EACCES || rc == AL_EROFS) && (flags & PORT_NOATIME) != 0) {
        flags &= ~(uint32_t)PORT_NOATIME;
        rc = open_handle_of(&n, flags, false, f);
    }
    if (rc == AL_OK && dir != NULL) {
        f->serial = dir->serial; /* no reparse point was gone through */
    } else if (rc == AL_OK) {
        rc = win_serial(f->handle, &f->serial);
    }
    if (rc == AL_OK) {
        rc = settle(p, &n, dir == NULL, flags, f);
    }
    if (rc == AL_OK && (flags & PORT_TRUNC) != 0) {
        rc = cut_to_nothing(f); /* only now is it known what it is */
    }
    if (rc == AL_OK && (flags & PORT_NOATIME) != 0) {
        leave_access_time(f);
    }
    win_name_end(&n);
    if (rc != AL_OK) {
        DWORD os = GetLastError();

        (void)win_close(p, f); /* the error that made us give up counts */
        SetLastError(os);
        return rc;
    }
    *ret = f;
    return AL_OK;
}

/* ---- by id ---- */

enum { HANDLE_64 = 1, HANDLE_128 = 2 };

struct port_handle
win_handle_of(const struct port_file *f, const uint8_t id[16])
{
    struct port_handle h = {0};

    al_put_u32(h.bytes, f->serial);
    memcpy(h.bytes + 4, id, 16);
    h.type = al_get_u64(h.bytes + 12) == 0 ? HANDLE_64 : HANDLE_128;
    h.len = h.type == HANDLE_64 ? 12 : 20;
    return h;
}

int
win_handle_get(struct port *p, struct port_file *f, struct port_handle *ret)
{
    FILE_ID_INFO id = {0};

    if (!GetFileInformationByHandleEx(f->handle, FileIdInfo, &id, sizeof(id))) {
        return win_code(GetLastError());
    }
    *ret = win_handle_of(f, id.FileId.Identifier);
    return AL_OK;
}

int
win_generation(struct port *p, struct port_file *f, uint32_t *ret)
{
    struct port_handle h;
    uint32_t hash = 2166136261u;
    int rc = win_handle_get(p, f, &h);

    if (rc != AL_OK) {
        return rc;
    }
    /* FNV-1a of the whole; on NTFS the id's upper 16 bits count how often it was used. */
    for (uint32_t i = 0; i < h.len; i++) {
        hash = (hash ^ h.bytes[i]) * 16777619u;
    }
    *ret = hash;
    return AL_OK;
}

/* NTFS says "invalid parameter" to an id that no file has any more. Only where the filesystem opens by
 * id at all does that mean gone. */
static int
gone_or_not(struct port *p, struct port_file *on_fs, NTSTATUS s)
{
    struct port_fs fs;

    if (s == WIN_NAME_NOT_FOUND) {
        return AL_ESTALE;
    }
    if (s != WIN_INVALID_PARAMETER) {
        return win_status(s);
    }
    if (win_fs(p, on_fs, &fs) != AL_OK) {
        return AL_EIO;
    }
    return (fs.flags & PORT_FS_CAN_OPEN_BY_ID) != 0 ? AL_ESTALE : AL_ENOTSUP;
}

static int
open_id(struct port *p, struct port_file *on_fs, const struct port_handle *h, uint32_t flags,
        bool through, struct port_file *f)
{
    UNICODE_STRING text = {.Length = (USHORT)(h->len - 4),
                           .MaximumLength = (USHORT)(h->len - 4),
                           .Buffer = (PWSTR)(uintptr_t)(h->bytes + 4)};
    OBJECT_ATTRIBUTES attr;
    IO_STATUS_BLOCK io;
    NTSTATUS s;

    InitializeObjectAttributes(&attr, &text, OBJ_CASE_INSENSITIVE, on_fs->handle, NULL);
    s = NtCreateFile(&f->handle, access_of(flags), &attr, &io, NULL, FILE_ATTRIBUTE_NORMAL,
                     (flags & PORT_ALONE) != 0 ? 0 : WIN_SHARE_ALL, FILE_OPEN,
                     FILE_OPEN_BY_FILE_ID | FILE_OPEN_FOR_BACKUP_INTENT |
                         (through ? 0u : FILE_OPEN_REPARSE_POINT) |
                         (f->async ? 0u : FILE_SYNCHRONOUS_IO_NONALERT),
                     NULL, 0);
    return WIN_OK(s) ? AL_OK : gone_or_not(p, on_fs, s);
}

static int
settle_id(struct port *p, struct port_file *on_fs, const struct port_handle *h, uint32_t flags,
          struct port_file *f)
{
    FILE_ATTRIBUTE_TAG_INFO kind;
    bool through = false;
    int rc = kind_of(f, &kind);

    if (rc == AL_OK) {
        rc = judge(&kind, flags, &through);
    }
    if (rc != AL_OK || !through) {
        return rc;
    }
    (void)CloseHandle(
        f->handle); /* nothing was written through it; an id leads to one file alone */
    f->handle = NULL;
    return open_id(p, on_fs, h, flags, true, f);
}

int
win_open_handle(struct port *p, struct port_file *on_fs, const struct port_handle *h,
                uint32_t flags, struct port_file **ret)
{
    struct port_file *f;
    int rc;

    if (!((h->type == HANDLE_64 && h->len == 12) || (h->type == HANDLE_128 && h->len == 20)) ||
        (flags & (PORT_CREATE | PORT_TRUNC)) != 0) {
        return AL_EINVAL;
    }
    if (al_get_u32(h->bytes) != on_fs->serial) {
        return AL_EXDEV; /* ids are numbers from 1 up on every volume */
    }
    f = al_zalloc(sizeof(*f));
    if (f == NULL) {
        return AL_ENOMEM;
    }
    f->async = (flags & PORT_ALONE) != 0;
    f->serial = on_fs->serial;
    flags &= ~(uint32_t)PORT_NOATIME; /* the right to it may lack, and ids are for few files */
    rc = open_id(p, on_fs, h, flags, false, f);
    if (rc == AL_OK) {
        rc = settle_id(p, on_fs, h, flags, f);
    }
    if (rc != AL_OK) {
        (void)win_close(p, f); /* the error that made us give up counts */
        return rc;
    }
    *ret = f;
    return AL_OK;
}

/* ---- where it is ---- */

/* al_free it. Without the volume: "\folder\file", of a share "\host\share\folder\file". */
static int
final_path(const struct port_file *f, wchar_t **ret)
{
    DWORD len = GetFinalPathNameByHandleW(f->handle, NULL, 0, VOLUME_NAME_NONE), got;
    wchar_t *path;

    if (len == 0) {
        return win_code(GetLastError());
    }
    path = al_alloc(((size_t)len + 2) * sizeof(*path));
    if (path == NULL) {
        return AL_ENOMEM;
    }
    got = GetFinalPathNameByHandleW(f->handle, path, len + 1, VOLUME_NAME_NONE);
    if (got == 0 || got > len) {
        int rc = got == 0 ? win_code(GetLastError()) : AL_ECHANGED;

        al_free(path);
        return rc;
    }
    *ret = path;
    return AL_OK;
}

int
win_path_of(struct port *p, struct port_file *root, struct port_file *f, struct al_buf *to)
{
    AL_CLEANUP(al_freep) wchar_t *above = NULL;
    AL_CLEANUP(al_freep) wchar_t *path = NULL;
    size_t len, before = to->len;
    int rc = final_path(root, &above);

    if (rc == AL_OK) {
        rc = final_path(f, &path);
    }
    if (rc != AL_OK) {
        return rc;
    }
    len = wcslen(above);
    len -= len > 0 && above[len - 1] == L'\\';
    if (f->serial != root->serial || wcsncmp(path, above, len) != 0 ||
        (path[len] != L'\\' && path[len] != L'\0')) {
        return AL_ENOENT;
    }
    if (path[len] == L'\0') {
        return AL_OK; /* the root itself */
    }
    rc = win_utf8(path + len + 1, wcslen(path + len + 1), to);
    for (size_t i = before; rc == AL_OK && i < to->len; i++) {
        to->at[i] = to->at[i] == '\\' ? '/' : to->at[i];
    }
    return rc;
}

/* ---- streams ---- */

/* "name" of ":name:$DATA"; false for the file's own "::$DATA" and for what is no data. */
static bool
stream_name(const FILE_STREAM_INFO *s, const wchar_t **ret, size_t *ret_len)
{
    const wchar_t *at = s->StreamName, kind[] = L":$DATA";
    size_t len = s->StreamNameLength / sizeof(*at), tail = AL_LEN(kind) - 1;

    if (len <= tail + 1 || at[0] != L':' ||
        memcmp(at + len - tail, kind, tail * sizeof(*at)) != 0) {
        return false;
    }
    *ret = at + 1;
    *ret_len = len - tail - 1;
    return true;
}

static int
each_stream(const uint8_t *bytes, size_t len, port_stream_fn each, void *ctx)
{
    AL_CLEANUP(al_buf_free) struct al_buf name = {.max = PORT_STREAM_NAME_MAX};
    size_t at = 0, units;
    const wchar_t *text;
    int rc = AL_OK;

    while (rc == AL_OK && at + offsetof(FILE_STREAM_INFO, StreamName) <= len) {
        const FILE_STREAM_INFO *s = (const FILE_STREAM_INFO *)(const void *)(bytes + at);

        if (s->StreamNameLength > len - at - offsetof(FILE_STREAM_INFO, StreamName)) {
            return AL_ECORRUPT;
        }
        if (stream_name(s, &text, &units)) {
            al_buf_clear(&name);
            rc = win_utf8(text, units, &name);
            if (rc == AL_OK) {
                rc = each(ctx, (const char *)name.at, (uint64_t)s->StreamSize.QuadPart);
            }
        }
        if (s->NextEntryOffset == 0) {
            break;
        }
        at += s->NextEntryOffset;
    }
    return rc;
}

#define STREAMS_BYTES 16384u
#define STREAMS_BYTES_MAX (4u << 20) /* of a listing of streams */

int
win_stream_list(struct port *p, struct port_file *f, port_stream_fn each, void *ctx)
{
    struct port_fs fs;
    size_t size = STREAMS_BYTES;
    int rc = win_fs(p, f, &fs);

    if (rc != AL_OK) {
        return rc;
    }
    if ((fs.flags & PORT_FS_CAN_STREAMS) == 0) {
        return AL_OK;
    }
    for (; size <= STREAMS_BYTES_MAX; size *= 4) {
        AL_CLEANUP(al_freep) uint8_t *bytes = al_zalloc(size);

        if (bytes == NULL) {
            return AL_ENOMEM;
        }
        if (GetFileInformationByHandleEx(f->handle, FileStreamInfo, bytes, (DWORD)size)) {
            return each_stream(bytes, size, each, ctx);
        }
        if (GetLastError() == ERROR_HANDLE_EOF) {
            return AL_OK; /* a folder without any */
        }
        if (GetLastError() != ERROR_MORE_DATA && GetLastError() != ERROR_INSUFFICIENT_BUFFER) {
            return win_code(GetLastError());
        }
    }
    return AL_ELIMIT;
}

/* Its name stands behind the file's own, with a ':' between: opened below the file itself, as below a
 * folder. */
static int
stream_units(struct port_file *f, const char *name, struct win_name *ret)
{
    static const wchar_t kind[] = L":$DATA";
    wchar_t *units;
    size_t len;
    int rc = win_name(f, name, ret);

    if (rc != AL_OK) {
        return rc;
    }
    len = wcslen(ret->units);
    units = al_alloc((len + 1 + AL_LEN(kind)) * sizeof(*units));
    if (units == NULL) {
        win_name_end(ret);
        return AL_ENOMEM;
    }
    units[0] = L':';
    memcpy(units + 1, ret->units, len * sizeof(*units));
    memcpy(units + 1 + len, kind, sizeof(kind));
    win_name_end(ret);
    ret->units = ret->text.Buffer = units;
    ret->text.Length = (USHORT)(wcslen(units) * sizeof(*units));
    ret->text.MaximumLength = (USHORT)(ret->text.Length + sizeof(*units));
    ret->attr.ObjectName = &ret->text;
    return AL_OK;
}

int
win_stream_open(struct port *p, struct port_file *f, const char *name, uint32_t flags,
                struct port_file **ret)
{
    struct port_file *s;
    struct port_fs fs;
    struct win_name n;
    int rc = win_fs(p, f, &fs);

    if (rc != AL_OK) {
        return rc;
    }
    if ((fs.flags & PORT_FS_CAN_STREAMS) == 0) {
        return AL_ENOTSUP;
    }
    s = al_zalloc(sizeof(*s));
    if (s == NULL) {
        return AL_ENOMEM;
    }
    s->serial = f->serial;
    rc = stream_units(f, name, &n);
    if (rc == AL_OK) {
        rc = open_handle_of(&n, flags, false, s);
        win_name_end(&n);
    }
    if (rc == AL_OK && (flags & PORT_TRUNC) != 0) {
        rc = cut_to_nothing(s);
    }
    if (rc != AL_OK) {
        (void)win_close(p, s); /* the error that made us give up counts */
        return rc;
    }
    *ret = s;
    return AL_OK;
}
