/* What a file is, from its handle. */
#include <string.h>

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

uint32_t
win_attrs(DWORD attributes)
{
    static const struct {
        DWORD win;
        uint32_t attr;
    } map[] = {
        {FILE_ATTRIBUTE_READONLY, PORT_A_READONLY},
        {FILE_ATTRIBUTE_HIDDEN, PORT_A_HIDDEN},
        {FILE_ATTRIBUTE_SYSTEM, PORT_A_SYSTEM},
        {FILE_ATTRIBUTE_OFFLINE, PORT_A_OFFLINE},
        {FILE_ATTRIBUTE_REPARSE_POINT, PORT_A_REPARSE},
        {FILE_ATTRIBUTE_ENCRYPTED, PORT_A_ENCRYPTED},
        {FILE_ATTRIBUTE_COMPRESSED, PORT_A_COMPRESSED},
    };
    uint32_t attrs = 0;

    for (size_t i = 0; i < AL_LEN(map); i++) {
        if ((attributes & map[i].win) != 0) {
            attrs |= map[i].attr;
        }
    }
    return attrs;
}

int
win_stat(struct port *p, struct port_file *f, struct port_stat *ret)
{
    FILE_BASIC_INFO basic;
    FILE_STANDARD_INFO standard;
    FILE_ATTRIBUTE_TAG_INFO tag = {0};
    BY_HANDLE_FILE_INFORMATION by_handle;

    if (!GetFileInformationByHandleEx(f->handle, FileBasicInfo, &basic, sizeof(basic)) ||
        !GetFileInformationByHandleEx(f->handle, FileStandardInfo, &standard, sizeof(standard)) ||
        !GetFileInformationByHandle(f->handle, &by_handle)) {
        return win_code(GetLastError());
    }
    if ((basic.FileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0 &&
        !GetFileInformationByHandleEx(f->handle, FileAttributeTagInfo, &tag, sizeof(tag))) {
        return win_code(GetLastError());
    }
    *ret = (struct port_stat){
        .type = win_type(basic.FileAttributes, tag.ReparseTag),
        .mode = (basic.FileAttributes & FILE_ATTRIBUTE_READONLY) != 0 ? 0444 : 0644,
        .nlink = standard.NumberOfLinks,
        .attrs = win_attrs(basic.FileAttributes),
        .size = (uint64_t)standard.EndOfFile.QuadPart,
        .allocated = (uint64_t)standard.AllocationSize.QuadPart,
        .dev = by_handle.dwVolumeSerialNumber,
        .ino = (uint64_t)by_handle.nFileIndexHigh << 32 | by_handle.nFileIndexLow,
        .atime_ns = win_ns(basic.LastAccessTime),
        .mtime_ns = win_ns(basic.LastWriteTime),
        .ctime_ns = win_ns(basic.ChangeTime),
        .btime_ns = win_ns(basic.CreationTime),
    };
    return AL_OK;
}

int
win_stat_at(struct port *p, struct port_file *dir, const char *name, struct port_stat *ret)
{
    AL_CLEANUP(al_freep) wchar_t *path = NULL;
    struct port_file f = {0};
    int rc = win_path(dir, name, &path);

    if (rc != AL_OK) {
        return rc;
    }
    /* FILE_READ_ATTRIBUTES alone opens past sharing modes and does not touch the access time. */
    f.handle = CreateFileW(
        path, FILE_READ_ATTRIBUTES, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
        OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT, NULL);
    if (f.handle == INVALID_HANDLE_VALUE) {
        return win_code(GetLastError());
    }
    rc = win_stat(p, &f, ret);
    (void)CloseHandle(f.handle); /* nothing was written through it */
    return rc;
}

int
win_fs(struct port *p, struct port_file *f, struct port_fs *ret)
{
    wchar_t root[MAX_PATH + 1], name[16];
    DWORD serial, flags;
    ULARGE_INTEGER free_for_us, total;
    AL_CLEANUP(al_buf_free) struct al_buf text = {.max = sizeof(ret->name) * 3};
    int rc;

    if (!GetVolumePathNameW(f->path, root, MAX_PATH) ||
        !GetVolumeInformationW(root, NULL, 0, &serial, NULL, &flags, name, 16) ||
        !GetDiskFreeSpaceExW(root, &free_for_us, &total, NULL)) {
        return win_code(GetLastError());
    }
    rc = win_utf8(name, wcslen(name), &text);
    if (rc != AL_OK) {
        return rc;
    }
    *ret = (struct port_fs){
        .kind = wcscmp(name, L"NTFS") == 0 ? PORT_FS_NTFS : PORT_FS_OTHER,
        .block_bytes = 4096,
        .bytes_total = total.QuadPart,
        .bytes_free = free_for_us.QuadPart,
        .read_only = (flags & FILE_READ_ONLY_VOLUME) != 0,
    };
    if (text.len > 0 && text.len < sizeof(ret->name)) {
        memcpy(ret->name, text.at, text.len);
    }
    memcpy(ret->id, &serial, sizeof(serial));
    return AL_OK;
}
