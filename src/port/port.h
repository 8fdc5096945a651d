/* port.h: the operating system behind one table: files, folders, attributes, leases, space, clock,
 * random numbers.
 *
 * Three implementations: port/linux, port/win, port/sim (in memory, seeded, loses power at any
 * call). Everything above takes a `struct port *` and never calls the system itself. An operation a
 * system does not have answers AL_ENOTSUP.
 *
 * Names: a path is a NUL-terminated byte string with '/' between parts (port/win turns it to UTF-16
 * with the long-path prefix). Where a call takes (dir, name), `dir` is an open folder or NULL, and
 * then `name` is an absolute path. With a `dir`, name is ONE part: '/', "." and ".." are refused
 * with AL_EINVAL, so nothing ever leaves the folder. Symbolic links are never followed in the last
 * part (AL_ELOOP on open).
 *
 * Ownership: every ret_ object belongs to the caller, who closes it. Sizes and offsets are bytes as
 * uint64_t; times are int64_t nanoseconds since 1970 UTC. Threads: a port may be used from any
 * thread; one port_file may be used from several threads at once for reads and writes at offsets,
 * but is closed once, by one. port/sim is for one thread.
 *
 * Errors: the codes of base/result.h; port_os_error() gives the system's own number for this
 * thread's last failed call. */
#ifndef ALTO_PORT_PORT_H
#define ALTO_PORT_PORT_H

#include "base/bytes.h"

struct port;
struct port_file; /* an open file or folder */
struct port_dir;  /* a listing under way */

enum port_open_flag {
    PORT_READ = 1,
    PORT_WRITE = 2,  /* with PORT_READ: both */
    PORT_CREATE = 4, /* make it if it is not there */
    PORT_EXCL = 8,   /* with PORT_CREATE: AL_EEXIST if it is there */
    PORT_TRUNC = 16,
    PORT_FOLDER = 32, /* a folder, for (dir, name) calls and for sync; AL_ENOTDIR otherwise */
    /* Windows: share nothing, so that nobody else has it open, or AL_EBUSY; Linux: no effect (leases
     * do it) */
    PORT_ALONE = 64,
    PORT_NOATIME = 128,  /* leave the access time alone where we may */
    PORT_NONBLOCK = 256, /* do not wait for somebody's lease (AL_EBUSY) and never for a FIFO */
    /* Linux O_PATH: a name held fast, nothing opened, raises no permission event; stat and
     * handle_get only */
    PORT_PATH = 512,
    /* Windows: the right to delete, which port_rename_open and port_remove_open need; Linux: no
     * effect */
    PORT_DELETE = 1024,
    /* Windows: the file at a reparse point itself, nobody's driver is asked for its content; what
     * leads elsewhere (symbolic link, junction) is AL_ELOOP as ever. Linux: no effect */
    PORT_REPARSE = 2048,
    /* Windows: reads go past this machine's cache, and come in pieces whose offset, length and memory are
     * multiples of PORT_DIRECT_BYTES; Linux: no effect */
    PORT_DIRECT = 4096,
};

#define PORT_DIRECT_BYTES 4096u /* no disk has larger sectors */

enum port_type {
    PORT_T_UNKNOWN,
    PORT_T_FILE,
    PORT_T_FOLDER,
    PORT_T_SYMLINK,
    PORT_T_FIFO,
    PORT_T_SOCKET,
    PORT_T_CHAR,
    PORT_T_BLOCK
};

enum port_attr { /* statx(2) stx_attributes, or what Windows has of it */
                 PORT_A_IMMUTABLE = 1,
                 PORT_A_APPEND = 2,
                 PORT_A_VERITY = 4,
                 PORT_A_ENCRYPTED = 8,
                 PORT_A_DAX = 16,
                 PORT_A_COMPRESSED = 32,
                 PORT_A_READONLY = 64,     /* Windows */
                 PORT_A_HIDDEN = 128,      /* Windows */
                 PORT_A_SYSTEM = 256,      /* Windows */
                 PORT_A_OFFLINE = 512,     /* Windows */
                 PORT_A_REPARSE = 1024,    /* Windows */
                 PORT_A_MOUNT_ROOT = 2048, /* another filesystem is mounted here */
                 PORT_A_SPARSE = 4096,     /* Windows */
                 PORT_A_RECALL =
                     8192, /* Windows: FILE_ATTRIBUTE_RECALL_ON_OPEN or _ON_DATA_ACCESS */
                 PORT_A_ARCHIVE = 16384,    /* Windows */
                 PORT_A_NOT_INDEXED = 32768 /* Windows */
};

/* Times are nanoseconds since 1970 and reach from 1677 to 2262; what lies beyond is told as this, or
 * as this negative. */
#define PORT_TIME_FAR INT64_MAX
#define PORT_TIME_OMIT INT64_MIN /* to port_set_times: that time stays as it is */

struct port_stat {
    enum port_type type;
    uint32_t mode;     /* permission bits with setuid, setgid, sticky */
    uint32_t uid, gid; /* 0 on Windows */
    uint32_t nlink;    /* 0: unknown */
    uint32_t attrs;    /* enum port_attr */
    uint64_t size;
    uint64_t allocated; /* bytes of blocks really used */
    /* dev is the filesystem's, stable while mounted. ReFS: ino is made of an id of 128 bits that does
     * not fit; port_handle_get has it whole */
    uint64_t dev, ino;
    uint32_t
        reparse_tag; /* Windows: with PORT_A_REPARSE; whose it is, as winnt.h's IO_REPARSE_TAG_ */
    int64_t atime_ns, mtime_ns, ctime_ns, btime_ns; /* btime 0 where unknown */
};

/* name_to_handle_at(2), or the volume's serial number and the file's id: finds the inode without a
 * path, also after renames */
struct port_handle {
    int32_t type;
    uint32_t len;
    uint8_t bytes[128];
};

enum port_fs_kind {
    PORT_FS_OTHER,
    PORT_FS_EXT4,
    PORT_FS_XFS,
    PORT_FS_BTRFS,
    PORT_FS_TMPFS,
    PORT_FS_OVERLAY,
    PORT_FS_FUSE,
    PORT_FS_NFS,
    PORT_FS_CIFS,
    PORT_FS_NTFS,
    PORT_FS_REFS
};

enum port_fs_flag { /* what the filesystem says that it can; none on Linux */
                    PORT_FS_CAN_STREAMS = 1,
                    PORT_FS_CAN_SECURITY = 2,
                    PORT_FS_CAN_SPARSE = 4,
                    PORT_FS_CAN_REPARSE = 8,
                    PORT_FS_CAN_OPEN_BY_ID = 16,
                    PORT_FS_CAN_JOURNAL = 32, /* an USN journal */
                    PORT_FS_REMOTE = 64       /* a share of another machine */
};

struct port_fs {
    enum port_fs_kind kind;
    char name[16]; /* the system's own word: "ext4", "NTFS" */
    /* of the filesystem, the same after every mount: f_fsid, the UUID (XFS) or the volume serial
     * number, zero-padded */
    uint8_t id[16];
    uint64_t block_bytes; /* what an allocation is rounded to */
    uint64_t bytes_total, bytes_free /* for us */;
    bool read_only;
    uint32_t flags; /* enum port_fs_flag */
};

struct port_dirent {
    const char *name; /* NUL-terminated; borrowed until the next call on the listing */
    size_t name_len;
    uint64_t ino;        /* 0 where unknown */
    enum port_type type; /* PORT_T_UNKNOWN: stat it */
    /* Windows: the listing itself told what port_stat_at would, without the file being opened. As the
     * folder remembers it: sizes and times of a file that somebody is writing, or that has other
     * names, may be older than what port_stat says. nlink is 0, unknown. */
    bool stat_known;
    struct port_stat stat;
};

enum port_lease {
    PORT_LEASE_NONE,
    PORT_LEASE_HELD,
    PORT_LEASE_WANTED /* held, and somebody waits for it */
};

/* How a volume tells of views whose handles are closed: port_map_probe. */
enum port_views {
    PORT_VIEWS_HIDDEN,     /* not at all, or not so that we know it */
    PORT_VIEWS_BY_SHARING, /* PORT_ALONE is AL_EBUSY already (Wine) */
    PORT_VIEWS_BY_ASKING   /* port_is_mapped tells the truth */
};

/* Called with the name of each alternate data stream (UTF-8 as port/win makes it, without ':' and
 * "$DATA") and its size; ends the listing with the first result that is not AL_OK. */
typedef int (*port_stream_fn)(void *ctx, const char *name, uint64_t size);

struct port_ops { /* an operation that is NULL answers AL_ENOTSUP */
    /* port_walk_to alone passes "." as name, to open `dir` a second time. */
    int (*open)(struct port *, struct port_file *dir, const char *name, uint32_t flags,
                uint32_t mode, struct port_file **ret);
    int (*mount_apart)(struct port *, struct port_file *folder, struct port_file **ret);
    int (*open_unseen)(struct port *, struct port_file *dir, const char *name,
                       struct port_file **ret);
    int (*open_handle)(struct port *, struct port_file *on_fs, const struct port_handle *h,
                       uint32_t flags, struct port_file **ret);
    int (*close)(struct port *, struct port_file *f);
    int (*pread)(struct port *, struct port_file *f, void *to, size_t len, uint64_t offset,
                 size_t *ret_len);
    int (*pwrite)(struct port *, struct port_file *f, const void *from, size_t len,
                  uint64_t offset);
    int (*sync)(struct port *, struct port_file *f, bool data_only);
    int (*truncate)(struct port *, struct port_file *f, uint64_t size);
    int (*stat)(struct port *, struct port_file *f, struct port_stat *ret);
    int (*stat_at)(struct port *, struct port_file *dir, const char *name, struct port_stat *ret);
    /* NULL: as stat_at. */
    int (*stat_fresh_at)(struct port *, struct port_file *dir, const char *name,
                         struct port_stat *ret);
    int (*rename)(struct port *, struct port_file *dir_a, const char *a, struct port_file *dir_b,
                  const char *b, bool replace);
    int (*unlink)(struct port *, struct port_file *dir, const char *name);
    int (*mkdir)(struct port *, struct port_file *dir, const char *name, uint32_t mode);
    int (*rmdir)(struct port *, struct port_file *dir, const char *name);
    int (*readlink)(struct port *, struct port_file *dir, const char *name, struct al_buf *to);
    int (*symlink)(struct port *, struct port_file *dir, const char *name, const char *target);
    int (*dir_open)(struct port *, struct port_file *folder, struct port_dir **ret);
    int (*dir_next)(struct port *, struct port_dir *d, struct port_dirent *ret, bool *ret_end);
    void (*dir_close)(struct port *, struct port_dir *d);
    int (*xattr_get)(struct port *, struct port_file *f, const char *name, void *to, size_t cap,
                     size_t *ret_len);
    int (*xattr_get_at)(struct port *, struct port_file *dir, const char *name, const char *attr,
                        void *to, size_t cap, size_t *ret_len);
    int (*xattr_set)(struct port *, struct port_file *f, const char *name, const void *value,
                     size_t len);
    int (*xattr_del)(struct port *, struct port_file *f, const char *name);
    int (*xattr_list)(struct port *, struct port_file *f, struct al_buf *to);
    int (*set_times)(struct port *, struct port_file *f, int64_t atime_ns, int64_t mtime_ns);
    int (*set_owner)(struct port *, struct port_file *f, uint32_t uid, uint32_t gid);
    int (*set_mode)(struct port *, struct port_file *f, uint32_t mode);
    int (*lock)(struct port *, struct port_file *f);
    int (*lease_take)(struct port *, struct port_file *f);
    int (*lease_state)(struct port *, struct port_file *f, enum port_lease *ret);
    int (*lease_drop)(struct port *, struct port_file *f);
    int (*punch)(struct port *, struct port_file *f, uint64_t offset, uint64_t len);
    int (*next_data)(struct port *, struct port_file *f, uint64_t offset, uint64_t *ret_offset);
    int (*next_hole)(struct port *, struct port_file *f, uint64_t offset, uint64_t *ret_offset);
    int (*handle_get)(struct port *, struct port_file *f, struct port_handle *ret);
    int (*generation)(struct port *, struct port_file *f, uint32_t *ret);
    int (*path_of)(struct port *, struct port_file *root, struct port_file *f, struct al_buf *to);
    int (*fs)(struct port *, struct port_file *f, struct port_fs *ret);
    int (*rename_open)(struct port *, struct port_file *f, struct port_file *dir, const char *name);
    int (*remove_open)(struct port *, struct port_file *f);
    int (*is_mapped)(struct port *, struct port_file *f, bool *ret);
    int (*map_probe)(struct port *, struct port_file *folder, const char *name,
                     enum port_views *ret);
    int (*security_get)(struct port *, struct port_file *f, struct al_buf *to);
    int (*security_set)(struct port *, struct port_file *f, struct al_span descriptor);
    int (*stream_list)(struct port *, struct port_file *f, port_stream_fn each, void *ctx);
    int (*stream_open)(struct port *, struct port_file *f, const char *name, uint32_t flags,
                       struct port_file **ret);
    int (*set_attrs)(struct port *, struct port_file *f, uint32_t attrs, uint32_t mask);
    int (*set_born)(struct port *, struct port_file *f, int64_t btime_ns);
    int64_t (*now_ns)(struct port *);
    int64_t (*mono_ns)(struct port *);
    void (*sleep_ns)(struct port *, int64_t ns);
    int (*random)(struct port *, void *to, size_t len);
    int (*hostname)(struct port *, struct al_buf *to);
    uint32_t (*os_error)(struct port *);
};

struct port { /* first member of every implementation */
    const struct port_ops *ops;
};

/* The port of the system this was built for. Lives for ever; needs no close. */
struct port *port_native(void);

/* ---- files ---- */
/* mode: permission bits of a file that is made, less the process's umask. Errors: any file code. */
int port_open(struct port *p, struct port_file *dir, const char *name, uint32_t flags,
              uint32_t mode, struct port_file **ret) AL_MUST_CHECK;
/* The folder again, through a mount of its own that nobody else can reach and that ends with the
 * last file opened through it. What is mounted below the folder is not there. For port_fan_pass:
 * files opened below raise no permission events then. AL_ENOTSUP where there is no such thing
 * (Windows, port/sim); AL_EPERM without CAP_SYS_ADMIN. */
int port_mount_apart(struct port *p, struct port_file *folder,
                     struct port_file **ret) AL_MUST_CHECK;
/* A regular file for reading and writing, so that what is done through it raises no permission and
 * no pre-content event, though the opening itself does: a file whose lease one holds must raise
 * none, since opening the event's descriptor would wait for the lease (tried on 6.18). Never waits
 * for a lease (AL_EBUSY). Without such a thing (Windows, port/sim) it is port_open. Needs root on
 * Linux. */
int port_open_unseen(struct port *p, struct port_file *dir, const char *name,
                     struct port_file **ret) AL_MUST_CHECK;
/* on_fs: any open file of the same filesystem. AL_ESTALE when the inode is gone. */
int port_open_handle(struct port *p, struct port_file *on_fs, const struct port_handle *h,
                     uint32_t flags, struct port_file **ret) AL_MUST_CHECK;
/* Always ends f, also when it fails. NULL is AL_OK. The result matters after writing. */
int port_close(struct port *p, struct port_file *f) AL_MUST_CHECK;
/* For clean-up of what was only read, or already failed: closes *f, ignores the result (there is an
 * earlier one), sets NULL. */
void port_close_quiet(struct port *p, struct port_file **f);
/* Reads until len bytes or the end of the file: *ret_len < len means end of file and nothing
 * else. */
int port_pread(struct port *p, struct port_file *f, void *to, size_t len, uint64_t offset,
               size_t *ret_len) AL_MUST_CHECK;
/* All of it or an error (then a part may be written). */
int port_pwrite(struct port *p, struct port_file *f, const void *from, size_t len,
                uint64_t offset) AL_MUST_CHECK;
/* fsync; on a folder: its names */
int port_sync(struct port *p, struct port_file *f) AL_MUST_CHECK;
int port_datasync(struct port *p, struct port_file *f) AL_MUST_CHECK; /* fdatasync */
int port_truncate(struct port *p, struct port_file *f, uint64_t size) AL_MUST_CHECK;
int port_stat(struct port *p, struct port_file *f, struct port_stat *ret) AL_MUST_CHECK;
int port_stat_at(struct port *p, struct port_file *dir, const char *name,
                 struct port_stat *ret) AL_MUST_CHECK;
/* The same, and not from what the kernel remembers of a file of a network or FUSE filesystem, which is a second old by default
 * (statx(2), AT_STATX_FORCE_SYNC; fuse(4), attr_timeout): a round trip each. */
int port_stat_fresh_at(struct port *p, struct port_file *dir, const char *name,
                       struct port_stat *ret) AL_MUST_CHECK;

/* ---- names ---- */
/* With replace false an existing b is AL_EEXIST (renameat2 RENAME_NOREPLACE). */
int port_rename(struct port *p, struct port_file *dir_a, const char *a, struct port_file *dir_b,
                const char *b, bool replace) AL_MUST_CHECK;
int port_unlink(struct port *p, struct port_file *dir, const char *name) AL_MUST_CHECK;
/* AL_EEXIST */
int port_mkdir(struct port *p, struct port_file *dir, const char *name,
               uint32_t mode) AL_MUST_CHECK;
int port_rmdir(struct port *p, struct port_file *dir, const char *name) AL_MUST_CHECK;
int port_readlink(struct port *p, struct port_file *dir, const char *name,
                  struct al_buf *to) AL_MUST_CHECK;
int port_symlink(struct port *p, struct port_file *dir, const char *name,
                 const char *target) AL_MUST_CHECK;
/* A listing of an open folder, in the system's order, without "." and "..". The folder must stay
 * open. */
int port_dir_open(struct port *p, struct port_file *folder, struct port_dir **ret) AL_MUST_CHECK;
int port_dir_next(struct port *p, struct port_dir *d, struct port_dirent *ret,
                  bool *ret_end) AL_MUST_CHECK;
void port_dir_close(struct port *p, struct port_dir **d);

/* ---- attributes (Linux: extended attributes, ACLs among them as system.posix_acl_*; Windows:
 * AL_ENOTSUP) ---- */
/* AL_ENODATA; AL_ELIMIT if longer than cap */
int port_xattr_get(struct port *p, struct port_file *f, const char *name, void *to, size_t cap,
                   size_t *ret_len) AL_MUST_CHECK;
/* By name and without opening the file, so that no permission event is raised. */
int port_xattr_get_at(struct port *p, struct port_file *dir, const char *name, const char *attr,
                      void *to, size_t cap, size_t *ret_len) AL_MUST_CHECK;
int port_xattr_set(struct port *p, struct port_file *f, const char *name, const void *value,
                   size_t len) AL_MUST_CHECK;
/* AL_ENODATA */
int port_xattr_del(struct port *p, struct port_file *f, const char *name) AL_MUST_CHECK;
/* NUL-terminated names one after the other */
int port_xattr_list(struct port *p, struct port_file *f, struct al_buf *to) AL_MUST_CHECK;
/* Either may be PORT_TIME_OMIT. */
int port_set_times(struct port *p, struct port_file *f, int64_t atime_ns,
                   int64_t mtime_ns) AL_MUST_CHECK;
int port_set_owner(struct port *p, struct port_file *f, uint32_t uid, uint32_t gid) AL_MUST_CHECK;
int port_set_mode(struct port *p, struct port_file *f, uint32_t mode) AL_MUST_CHECK;

/* ---- taking a file, freeing its blocks ---- */
/* An exclusive lock for the life of f, so that there is one agent per state directory. AL_EBUSY.
 * flock(2), LockFileEx. */
int port_lock(struct port *p, struct port_file *f) AL_MUST_CHECK;
/* A write lease, fcntl(2) F_SETLEASE F_WRLCK: AL_EBUSY while anybody else has the file open, or
 * waits for the lease. Taking it again while holding it re-asks the kernel and fails with AL_EBUSY
 * if somebody came meanwhile. f needs READ (tried on 6.18). */
int port_lease_take(struct port *p, struct port_file *f) AL_MUST_CHECK;
int port_lease_state(struct port *p, struct port_file *f, enum port_lease *ret) AL_MUST_CHECK;
int port_lease_drop(struct port *p, struct port_file *f) AL_MUST_CHECK;
/* fallocate(2) PUNCH_HOLE | KEEP_SIZE. */
int port_punch(struct port *p, struct port_file *f, uint64_t offset, uint64_t len) AL_MUST_CHECK;
/* lseek(2) SEEK_DATA: the first data at or behind offset; AL_ENODATA when only a hole follows. */
int port_next_data(struct port *p, struct port_file *f, uint64_t offset,
                   uint64_t *ret_offset) AL_MUST_CHECK;
/* Whether there is data in the first size bytes; if not, they are a hole. Codes of port_next_data, but AL_ENODATA. */
int port_has_data(struct port *p, struct port_file *f, uint64_t size, bool *ret) AL_MUST_CHECK;
/* lseek(2) SEEK_HOLE: the first hole at or behind offset, the end of the file where there is none.
 * AL_ENODATA when offset is behind the end. */
int port_next_hole(struct port *p, struct port_file *f, uint64_t offset,
                   uint64_t *ret_offset) AL_MUST_CHECK;
int port_handle_get(struct port *p, struct port_file *f, struct port_handle *ret) AL_MUST_CHECK;
/* A number that differs when an inode number is used again for another file: a hash of the file
 * handle, which holds the generation. */
int port_generation(struct port *p, struct port_file *f, uint32_t *ret) AL_MUST_CHECK;
/* Appends where f is now, relative to the folder root, as the system remembers it: a name to tell
 * people, not to act on. AL_ENOENT: it has no name any more, or lies elsewhere; AL_ENOTSUP. */
int port_path_of(struct port *p, struct port_file *root, struct port_file *f,
                 struct al_buf *to) AL_MUST_CHECK;
int port_fs(struct port *p, struct port_file *f, struct port_fs *ret) AL_MUST_CHECK;

/* ---- what Windows has besides; AL_ENOTSUP elsewhere ---- */
#define PORT_SECURITY_MAX 65536u   /* bytes of a security descriptor; an ACL has at most 64 KiB */
#define PORT_STREAM_NAME_MAX 1024u /* bytes with NUL; NTFS: 255 characters */
/* The open file itself gets another name on its volume, never one that is taken (AL_EEXIST); it may be
 * open to nobody else (PORT_ALONE) meanwhile and stays so. f needs PORT_DELETE.
 * FileRenameInformation. */
int port_rename_open(struct port *p, struct port_file *f, struct port_file *dir,
                     const char *name) AL_MUST_CHECK;
/* The open file goes with its last handle. f needs PORT_DELETE. AL_EBUSY: somebody has a view of it
 * mapped, or it runs as a program (then it stays as it is: NTFS refuses that); AL_EACCES: it is
 * PORT_A_READONLY. FileDispositionInformation. */
int port_remove_open(struct port *p, struct port_file *f) AL_MUST_CHECK;
/* Whether somebody can change the file through a view, which outlives the handle it was made from and
 * which no sharing mode shows. f is open with PORT_ALONE, PORT_READ and PORT_WRITE and has no range
 * locked. Nothing is changed by asking: a read oplock (FSCTL_REQUEST_OPLOCK) is granted only where there
 * is no writable section, and is given back at once. Views that can only read are not told: they show
 * the same bytes before and after. AL_ENOTSUP: it cannot be told. Older systems may not look at sections
 * at all and grant: hence port_map_probe. */
int port_is_mapped(struct port *p, struct port_file *f, bool *ret) AL_MUST_CHECK;
/* How this volume tells of a view whose handles are closed. Found out on a new file `name` in folder,
 * which is removed again; once for each volume. Where it is PORT_VIEWS_HIDDEN, take every file for
 * mapped, or let go of the original only by port_remove_open, which is refused while there is a view. */
int port_map_probe(struct port *p, struct port_file *folder, const char *name,
                   enum port_views *ret) AL_MUST_CHECK;
/* Appends the security descriptor, self-relative: owner, group, DACL, and what is in the SACL where the
 * process holds SeSecurityPrivilege. Backup, restore and security privileges are switched on for this
 * thread and this call alone. Whatever access f was opened with. AL_ELIMIT: more than
 * PORT_SECURITY_MAX. */
int port_security_get(struct port *p, struct port_file *f, struct al_buf *to) AL_MUST_CHECK;
/* Sets what the descriptor has of it, protection from inheritance included, in one call of the
 * system's. Times stay, but for that of the last change of the file's metadata. AL_EPERM: an owner or a
 * SACL that this process may not set; then nothing of it is set. AL_EINVAL: none. */
int port_security_set(struct port *p, struct port_file *f, struct al_span descriptor) AL_MUST_CHECK;
/* The named streams; none where the filesystem has no such thing. */
int port_stream_list(struct port *p, struct port_file *f, port_stream_fn each,
                     void *ctx) AL_MUST_CHECK;
/* A stream of the file, for reading and writing at offsets; closed by port_close, and lives on its
 * own. flags: PORT_READ, PORT_WRITE, PORT_CREATE, PORT_EXCL, PORT_TRUNC. AL_EINVAL: no name of a
 * stream; AL_ENOENT. Setting a stream changes the file's modification time. */
int port_stream_open(struct port *p, struct port_file *f, const char *name, uint32_t flags,
                     struct port_file **ret) AL_MUST_CHECK;
/* Sets and clears what mask names: READONLY, HIDDEN, SYSTEM, ARCHIVE, OFFLINE, NOT_INDEXED; AL_EINVAL for
 * others. Times stay. */
int port_set_attrs(struct port *p, struct port_file *f, uint32_t attrs,
                   uint32_t mask) AL_MUST_CHECK;
int port_set_born(struct port *p, struct port_file *f, int64_t btime_ns) AL_MUST_CHECK;

/* ---- the rest ---- */
int64_t port_now_ns(struct port *p);  /* wall clock */
int64_t port_mono_ns(struct port *p); /* never steps back; for waiting */
void port_sleep_ns(struct port *p, int64_t ns);
int port_random(struct port *p, void *to, size_t len) AL_MUST_CHECK; /* fit for secrets */
int port_hostname(struct port *p, struct al_buf *to) AL_MUST_CHECK;
uint32_t port_os_error(struct port *p);

/* ---- built of the above (port.c), the same on every system ---- */
/* Whole small file; AL_ELIMIT above max. */
int port_read_file(struct port *p, struct port_file *dir, const char *name, size_t max,
                   struct al_buf *to) AL_MUST_CHECK;
/* Replaces a file so that after a power cut the old or the new one is there whole: temporary name,
 * sync, rename, sync of folder. `dir` must be an open folder. */
int port_write_file(struct port *p, struct port_file *dir, const char *name, const void *bytes,
                    size_t len, uint32_t mode) AL_MUST_CHECK;
/* mkdir -p of an absolute path. */
int port_mkdirs(struct port *p, const char *path, uint32_t mode) AL_MUST_CHECK;
/* Opens `path` part by part below `root` without ever following a symbolic link or leaving it
 * (AL_ELOOP, AL_EINVAL on ".."): *ret_dir is the folder of the last part (to be closed), *ret_name
 * points at the last part inside path. path is relative with '/' between parts and not empty. */
int port_walk_to(struct port *p, struct port_file *root, const char *path,
                 struct port_file **ret_dir, const char **ret_name) AL_MUST_CHECK;

/* For AL_CLEANUP of locals together with their port. */
struct port_holder {
    struct port *port;
    struct port_file *file;
};
void port_holder_end(struct port_holder *h);

#endif
