/* What a file is: statx(2), statfs(2). */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/btrfs.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/ioctl.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "port/linux/linux_priv.h"

#ifndef STATX_ATTR_DAX
#define STATX_ATTR_DAX 0x00200000 /* linux/stat.h; not in every C library's headers */
#endif
#ifndef STATX_ATTR_VERITY
#define STATX_ATTR_VERITY 0x00100000
#endif
#ifndef STATX_ATTR_MOUNT_ROOT
#define STATX_ATTR_MOUNT_ROOT 0x00002000
#endif

static int64_t
ns_of(struct statx_timestamp t)
{
    if (t.tv_sec > PORT_TIME_FAR / 1000000000 - 1) {
        return PORT_TIME_FAR;
    }
    if (t.tv_sec < -(PORT_TIME_FAR / 1000000000 - 1)) {
        return -PORT_TIME_FAR;
    }
    return t.tv_sec * 1000000000 + t.tv_nsec;
}

static enum port_type
type_of(uint16_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
        return PORT_T_FILE;
    case S_IFDIR:
        return PORT_T_FOLDER;
    case S_IFLNK:
        return PORT_T_SYMLINK;
    case S_IFIFO:
        return PORT_T_FIFO;
    case S_IFSOCK:
        return PORT_T_SOCKET;
    case S_IFCHR:
        return PORT_T_CHAR;
    case S_IFBLK:
        return PORT_T_BLOCK;
    default:
        return PORT_T_UNKNOWN;
    }
}

static uint32_t
attrs_of(uint64_t attributes)
{
    static const struct {
        uint64_t statx;
        uint32_t attr;
    } map[] = {
        {STATX_ATTR_IMMUTABLE, PORT_A_IMMUTABLE},
        {STATX_ATTR_APPEND, PORT_A_APPEND},
        {STATX_ATTR_VERITY, PORT_A_VERITY},
        {STATX_ATTR_ENCRYPTED, PORT_A_ENCRYPTED},
        {STATX_ATTR_DAX, PORT_A_DAX},
        {STATX_ATTR_COMPRESSED, PORT_A_COMPRESSED},
        {STATX_ATTR_MOUNT_ROOT, PORT_A_MOUNT_ROOT},
    };
    uint32_t attrs = 0;

    for (size_t i = 0; i < AL_LEN(map); i++) {
        if ((attributes & map[i].statx) != 0) {
            attrs |= map[i].attr;
        }
    }
    return attrs;
}

static int
stat_fill(int fd, const char *name, int flags, struct port_stat *ret)
{
    struct statx sx;

    if (statx(fd, name, flags | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
              STATX_BASIC_STATS | STATX_BTIME, &sx) != 0) {
        return linux_code(errno);
    }
    *ret = (struct port_stat){
        .type = type_of(sx.stx_mode),
        .mode = sx.stx_mode & 07777u,
        .uid = sx.stx_uid,
        .gid = sx.stx_gid,
        .nlink = sx.stx_nlink,
        .attrs = attrs_of(sx.stx_attributes),
        .size = sx.stx_size,
        .allocated = sx.stx_blocks * 512,
        .dev = makedev(sx.stx_dev_major, sx.stx_dev_minor),
        .ino = sx.stx_ino,
        .atime_ns = ns_of(sx.stx_atime),
        .mtime_ns = ns_of(sx.stx_mtime),
        .ctime_ns = ns_of(sx.stx_ctime),
        .btime_ns = (sx.stx_mask & STATX_BTIME) != 0 ? ns_of(sx.stx_btime) : 0,
    };
    return AL_OK;
}

int
linux_stat(struct port *p, struct port_file *f, struct port_stat *ret)
{
    return stat_fill(f->fd, "", AT_EMPTY_PATH, ret);
}

int
linux_stat_at(struct port *p, struct port_file *dir, const char *name, struct port_stat *ret)
{
    return stat_fill(dir == NULL ? AT_FDCWD : dir->fd, name, 0, ret);
}

int
linux_stat_fresh_at(struct port *p, struct port_file *dir, const char *name, struct port_stat *ret)
{
    return stat_fill(dir == NULL ? AT_FDCWD : dir->fd, name, AT_STATX_FORCE_SYNC, ret);
}

/* proc(5): the link behind a descriptor is the path that leads there now. */
static int
fd_path(int fd, char *to, size_t cap, size_t *ret_len)
{
    char link[32];
    ssize_t n;

    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, to, cap);
    if (n < 0) {
        return linux_code(errno);
    }
    if (n == 0 || (size_t)n == cap || to[0] != '/') {
        return AL_ENOENT;
    }
    *ret_len = (size_t)n;
    return AL_OK;
}

int
linux_path_of(struct port *p, struct port_file *root, struct port_file *f, struct al_buf *to)
{
    char base[PATH_MAX], path[PATH_MAX];
    struct stat st;
    size_t base_len, len;
    int rc = fd_path(root->fd, base, sizeof(base), &base_len);

    if (rc == AL_OK) {
        rc = fd_path(f->fd, path, sizeof(path), &len);
    }
    if (rc != AL_OK) {
        return rc;
    }
    if (fstat(f->fd, &st) != 0 || st.st_nlink == 0) {
        return AL_ENOENT; /* the link then ends in " (deleted)" */
    }
    if (base_len == 1) { /* "/" */
        base_len = 0;
    }
    if (len <= base_len + 1 || memcmp(path, base, base_len) != 0 || path[base_len] != '/') {
        return AL_ENOENT;
    }
    return al_buf_add(to, path + base_len + 1, len - base_len - 1);
}

/* XFS makes f_fsid of the device's number, which is another one after the next start (loop devices,
 * LVM); btrfs makes it of the subvolume's number too, which is another one after a rollback to a
 * snapshot. So both are asked for the UUID. Layout and numbers: include/uapi/linux/fs.h (6.9),
 * include/uapi/linux/btrfs.h and fs/xfs/libxfs/xfs_fs.h. */
struct fs_uuid {
    uint8_t len;
    uint8_t uuid[16];
};
struct xfs_geometry_v1 {
    uint32_t words[8];
    uint64_t counts[4];
    uint8_t uuid[16];
    uint32_t rest[7];
};
#define IOC_FS_UUID _IOR(0x15, 0, struct fs_uuid)
#define IOC_XFS_GEOMETRY_V1 _IOR('X', 100, struct xfs_geometry_v1)

static bool
fs_uuid(int fd, enum port_fs_kind kind, uint8_t id[16])
{
    struct fs_uuid uuid = {0};
    struct btrfs_ioctl_fs_info_args info = {0};
    struct xfs_geometry_v1 geometry;

    if (ioctl(fd, IOC_FS_UUID, &uuid) == 0 && uuid.len == sizeof(uuid.uuid)) {
        memcpy(id, uuid.uuid, sizeof(uuid.uuid));
        return true;
    }
    if (kind == PORT_FS_XFS && ioctl(fd, IOC_XFS_GEOMETRY_V1, &geometry) == 0) {
        memcpy(id, geometry.uuid, sizeof(geometry.uuid));
        return true;
    }
    if (kind == PORT_FS_BTRFS && ioctl(fd, BTRFS_IOC_FS_INFO, &info) == 0) {
        memcpy(id, info.fsid, sizeof(info.fsid));
        return true;
    }
    return false;
}

int
linux_fs(struct port *p, struct port_file *f, struct port_fs *ret)
{
    static const struct {
        uint32_t magic; /* statfs(2) */
        enum port_fs_kind kind;
        const char *name;
    } kinds[] = {
        {0xef53, PORT_FS_EXT4, "ext4"},
        {0x58465342, PORT_FS_XFS, "xfs"},
        {0x9123683e, PORT_FS_BTRFS, "btrfs"},
        {0x01021994, PORT_FS_TMPFS, "tmpfs"},
        {0x794c7630, PORT_FS_OVERLAY, "overlay"},
        {0x65735546, PORT_FS_FUSE, "fuse"},
        {0x6969, PORT_FS_NFS, "nfs"},
        {0xff534d42, PORT_FS_CIFS, "cifs"},
        {0xfe534d42, PORT_FS_CIFS, "smb3"},
        {0x7366746e, PORT_FS_NTFS, "ntfs3"},
    };
    struct statfs st;

    if (fstatfs(f->fd, &st) != 0) {
        return linux_code(errno);
    }
    *ret = (struct port_fs){
        .kind = PORT_FS_OTHER,
        .block_bytes = (uint64_t)st.f_bsize,
        .bytes_total = (uint64_t)st.f_blocks * (uint64_t)st.f_bsize,
        .bytes_free = (uint64_t)st.f_bavail * (uint64_t)st.f_bsize,
        .read_only = (st.f_flags & ST_RDONLY) != 0,
    };
    (void)snprintf(ret->name, sizeof(ret->name), "%x", (unsigned)st.f_type);
    for (size_t i = 0; i < AL_LEN(kinds); i++) {
        if ((uint32_t)st.f_type == kinds[i].magic) {
            ret->kind = kinds[i].kind;
            (void)snprintf(ret->name, sizeof(ret->name), "%s", kinds[i].name);
        }
    }
    if ((ret->kind != PORT_FS_XFS && ret->kind != PORT_FS_BTRFS) ||
        !fs_uuid(f->fd, ret->kind, ret->id)) {
        memcpy(ret->id, &st.f_fsid, sizeof(st.f_fsid));
    }
    return AL_OK;
}
