/* What a file is, and what its filesystem is, from its handle. */
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "port/win/win_priv.h"

enum port_type
win_type(DWORD attributes, DWORD reparse_tag)
{
    /* Only name surrogates (symbolic links, junctions) lead elsewhere; other reparse points
     * (deduplication, cloud and tiered files) are files: IsReparseTagNameSurrogate of winnt.h. */
    if ((attributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0 && (reparse_tag & 0x20000000) != 0) {
        return PORT_T_SYMLINK;
    }
    return (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0 ? PORT_T_FOLDER : PORT_T_FILE;
}

static const struct {
    DWORD win;
    uint32_t attr;
    bool settable;
} attribute_map[] = {
    {FILE_ATTRIBUTE_READONLY, PORT_A_READONLY, true},
    {FILE_ATTRIBUTE_HIDDEN, PORT_A_HIDDEN, true},
    {FILE_ATTRIBUTE_SYSTEM, PORT_A_SYSTEM, true},
    {FILE_ATTRIBUTE_ARCHIVE, PORT_A_ARCHIVE, true},
    {FILE_ATTRIBUTE_OFFLINE, PORT_A_OFFLINE, true},
    {FILE_ATTRIBUTE_NOT_CONTENT_INDEXED, PORT_A_NOT_INDEXED, true},
    {FILE_ATTRIBUTE_REPARSE_POINT, PORT_A_REPARSE, false},
    {FILE_ATTRIBUTE_ENCRYPTED, PORT_A_ENCRYPTED, false},
    {FILE_ATTRIBUTE_COMPRESSED, PORT_A_COMPRESSED, false},
    {FILE_ATTRIBUTE_SPARSE_FILE, PORT_A_SPARSE, false},
    {0x00040000 /* FILE_ATTRIBUTE_RECALL_ON_OPEN */, PORT_A_RECALL, false},
    {0x00400000 /* FILE_ATTRIBUTE_RECALL_ON_DATA_ACCESS */, PORT_A_RECALL, false},
};

uint32_t
win_attrs(DWORD attributes)
{
    uint32_t attrs = 0;

    for (size_t i = 0; i < AL_LEN(attribute_map); i++) {
        if ((attributes & attribute_map[i].win) != 0) {
            attrs |= attribute_map[i].attr;
        }
    }
    return attrs;
}

DWORD
win_attributes(uint32_t attrs)
{
    DWORD attributes = 0;

    for (size_t i = 0; i < AL_LEN(attribute_map); i++) {
        if (attribute_map[i].settable && (attrs & attribute_map[i].attr) != 0) {
            attributes |= attribute_map[i].win;
        }
    }
    return attributes;
}

uint64_t
win_ino(const uint8_t id[16])
{
    uint64_t low = al_get_u64(id), high = al_get_u64(id + 8);

    if (high == 0) {
        return low;
    }
    return low == UINT64_MAX && high == UINT64_MAX ? 0 : al_xxh64(id, 16, 0);
}

static NTSTATUS
volume_info(HANDLE h, FS_INFORMATION_CLASS what, void *to, size_t size)
{
    IO_STATUS_BLOCK io;
    NTSTATUS s = NtQueryVolumeInformationFile(h, &io, to, (ULONG)size, what);

    return s == WIN_BUFFER_OVERFLOW ? 0 : s; /* of a name that did not fit */
}

struct volume { /* FILE_FS_VOLUME_INFORMATION with room for a label */
    FILE_FS_VOLUME_INFORMATION info;
    wchar_t label[64];
};

int
win_serial(HANDLE h, uint32_t *ret)
{
    struct volume v = {0};
    NTSTATUS s = volume_info(h, FileFsVolumeInformation, &v, sizeof(v));

    int rc = WIN_OK(s) ? AL_OK : win_status(s);

    if (rc == AL_ENOTSUP) {
        rc = AL_OK; /* a filesystem without one (Wine: without a device) is 0 */
    }
    if (rc == AL_OK) {
        *ret = v.info.VolumeSerialNumber;
    }
    return rc;
}

#define REMOTE_DEVICE 0x10u /* FILE_REMOTE_DEVICE, wdm.h */

bool
win_is_remote(const struct port_file *f)
{
    FILE_FS_DEVICE_INFORMATION d = {0};

    return WIN_OK(volume_info(f->handle, FileFsDeviceInformation, &d, sizeof(d))) &&
           (d.Characteristics & REMOTE_DEVICE) != 0;
}

/* FILE_ALL_INFORMATION with room for the beginning of a name, which nobody needs. */
struct all {
    FILE_ALL_INFORMATION info;
    wchar_t name[64];
};

/* What a sparse or compressed file really takes. */
static uint64_t
taken(const struct port_file *f, uint64_t otherwise)
{
    FILE_COMPRESSION_INFO c;

    return GetFileInformationByHandleEx(f->handle, FileCompressionInfo, &c, sizeof(c))
               ? (uint64_t)c.CompressedFileSize.QuadPart
               : otherwise;
}

/* ReFS gives ids of 128 bits; one that does not fit into 64 is told as -1. */
static uint64_t
ino_of(const struct port_file *f, int64_t index)
{
    FILE_ID_INFO id;

    if (index != -1) {
        return (uint64_t)index;
    }
    return GetFileInformationByHandleEx(f->handle, FileIdInfo, &id, sizeof(id))
               ? win_ino(id.FileId.Identifier)
               : 0;
}

int
win_stat(struct port *p, struct port_file *f, struct port_stat *ret)
{
    struct all all = {0};
    const FILE_BASIC_INFORMATION *basic = &all.info.BasicInformation;
    const FILE_STANDARD_INFORMATION *standard = &all.info.StandardInformation;
    FILE_ATTRIBUTE_TAG_INFO tag = {0};
    IO_STATUS_BLOCK io;
    NTSTATUS s = NtQueryInformationFile(f->handle, &io, &all, sizeof(all), FileAllInformation);

    if (!WIN_OK(s) && s != WIN_BUFFER_OVERFLOW) {
        return win_status(s);
    }
    if ((basic->FileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0 &&
        !GetFileInformationByHandleEx(f->handle, FileAttributeTagInfo, &tag, sizeof(tag))) {
        return win_code(GetLastError());
    }
    *ret = (struct port_stat){
        .type = win_type(basic->FileAttributes, tag.ReparseTag),
        .mode = (basic->FileAttributes & FILE_ATTRIBUTE_READONLY) != 0 ? 0444 : 0644,
        .nlink = standard->NumberOfLinks,
        .attrs = win_attrs(basic->FileAttributes),
        .size = (uint64_t)standard->EndOfFile.QuadPart,
        .allocated = (uint64_t)standard->AllocationSize.QuadPart,
        .dev = f->serial,
        .ino = ino_of(f, all.info.InternalInformation.IndexNumber.QuadPart),
        .reparse_tag = tag.ReparseTag,
        .atime_ns = win_ns(basic->LastAccessTime),
        .mtime_ns = win_ns(basic->LastWriteTime),
        .ctime_ns = win_ns(basic->ChangeTime),
        .btime_ns = win_ns(basic->CreationTime),
    };
    if ((ret->attrs & (PORT_A_SPARSE | PORT_A_COMPRESSED)) != 0 && ret->type == PORT_T_FILE) {
        ret->allocated = taken(f, ret->allocated);
    }
    return AL_OK;
}

int
win_stat_at(struct port *p, struct port_file *dir, const char *name, struct port_stat *ret)
{
    /* What is opened itself, and not what it leads to, lies on the folder's filesystem. */
    struct port_file f = {.serial = dir != NULL ? dir->serial : 0};
    struct win_name n;
    int rc = win_name(dir, name, &n);

    if (rc != AL_OK) {
        return rc;
    }
    /* FILE_READ_ATTRIBUTES alone opens past sharing modes and does not touch the access time. */
    rc = win_open_name(&n, FILE_READ_ATTRIBUTES, WIN_SHARE_ALL, FILE_OPEN, false, &f.handle);
    win_name_end(&n);
    if (rc != AL_OK) {
        return rc;
    }
    if (dir == NULL) {
        rc = win_serial(f.handle, &f.serial);
    }
    if (rc == AL_OK) {
        rc = win_stat(p, &f, ret);
    }
    (void)CloseHandle(f.handle); /* nothing was written through it */
    return rc;
}

/* ---- the filesystem ---- */

static uint32_t
fs_flags(struct port_file *f, ULONG flags)
{
    return ((flags & FILE_NAMED_STREAMS) != 0 ? PORT_FS_CAN_STREAMS : 0u) |
           ((flags & FILE_PERSISTENT_ACLS) != 0 ? PORT_FS_CAN_SECURITY : 0u) |
           ((flags & FILE_SUPPORTS_SPARSE_FILES) != 0 ? PORT_FS_CAN_SPARSE : 0u) |
           ((flags & FILE_SUPPORTS_REPARSE_POINTS) != 0 ? PORT_FS_CAN_REPARSE : 0u) |
           ((flags & FILE_SUPPORTS_OPEN_BY_FILE_ID) != 0 ? PORT_FS_CAN_OPEN_BY_ID : 0u) |
           ((flags & FILE_SUPPORTS_USN_JOURNAL) != 0 ? PORT_FS_CAN_JOURNAL : 0u) |
           (win_is_remote(f) ? PORT_FS_REMOTE : 0u);
}

static enum port_fs_kind
fs_kind(const char *name, uint32_t flags)
{
    return (flags & PORT_FS_REMOTE) != 0 ? PORT_FS_CIFS
           : strcmp(name, "NTFS") == 0   ? PORT_FS_NTFS
           : strcmp(name, "ReFS") == 0   ? PORT_FS_REFS
                                         : PORT_FS_OTHER;
}

struct attribute { /* FILE_FS_ATTRIBUTE_INFORMATION with room for the name */
    FILE_FS_ATTRIBUTE_INFORMATION info;
    wchar_t name[32];
};

int
win_fs(struct port *p, struct port_file *f, struct port_fs *ret)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {.max = 256};
    struct attribute a = {0};
    FILE_FS_FULL_SIZE_INFORMATION size = {0};
    struct port_fs fs = {0};
    NTSTATUS s = volume_info(f->handle, FileFsAttributeInformation, &a, sizeof(a));
    int rc = AL_OK;

    if (WIN_OK(s)) {
        s = volume_info(f->handle, FileFsFullSizeInformation, &size, sizeof(size));
    }
    if (!WIN_OK(s)) {
        return win_status(s);
    }
    if (a.info.FileSystemNameLength <= sizeof(a.name)) {
        rc = win_utf8(a.info.FileSystemName, a.info.FileSystemNameLength / sizeof(wchar_t), &text);
    }
    if (rc != AL_OK) {
        return rc;
    }
    if (text.len > 0 && text.len < sizeof(fs.name)) {
        memcpy(fs.name, text.at, text.len);
    }
    fs.flags = fs_flags(f, a.info.FileSystemAttributes);
    fs.kind = fs_kind(fs.name, fs.flags);
    fs.read_only = (a.info.FileSystemAttributes & FILE_READ_ONLY_VOLUME) != 0;
    fs.block_bytes = (uint64_t)size.SectorsPerAllocationUnit * size.BytesPerSector;
    fs.bytes_total = (uint64_t)size.TotalAllocationUnits.QuadPart * fs.block_bytes;
    fs.bytes_free = (uint64_t)size.CallerAvailableAllocationUnits.QuadPart * fs.block_bytes;
    al_put_u32(fs.id, f->serial);
    *ret = fs;
    return AL_OK;
}
