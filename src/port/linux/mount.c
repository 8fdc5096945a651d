/* The mount calls of Linux 5.2 and loop devices as Linux 5.8 sets them up: see mount.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "port/linux/linux_priv.h"
#include "port/mount.h"
#include "port/usock.h"

#define LOOP_TRIES_MAX 64 /* somebody else may take the free device first */
#define LOOP_DEVICES_MAX                                                                           \
    4096 /* looked at for one that already has the image; loop.ko's numbers are dense */
#define PROBE_BYTES 66000u /* btrfs has its superblock at 64 KiB */

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000 /* kernel 5.14, linux/mount.h */
#endif

/* ---- what is on it ---- */

static int
probe(int fd, const char **ret)
{
    static const struct {
        const char *type, *magic;
        size_t at, len;
    } known[] = {
        {"xfs", "XFSB", 0, 4},
        {"ext4", "\x53\xef", 1024 + 56, 2},
        {"btrfs", "_BHRfS_M", 65536 + 64, 8},
    };
    AL_CLEANUP(al_freep) uint8_t *bytes = al_zalloc(PROBE_BYTES);
    size_t i, len = 0;

    if (bytes == NULL) {
        return AL_ENOMEM;
    }
    while (len < PROBE_BYTES) {
        ssize_t n = pread(fd, bytes + len, PROBE_BYTES - len, (off_t)len);

        if (n < 0 && errno != EINTR) {
            return linux_code(errno);
        }
        if (n == 0) {
            break;
        }
        len += n > 0 ? (size_t)n : 0;
    }
    for (i = 0; i < AL_LEN(known); i++) {
        if (memcmp(bytes + known[i].at, known[i].magic, known[i].len) == 0) {
            *ret = known[i].type;
            return AL_OK;
        }
    }
    return AL_ENODATA;
}

/* ---- loop devices ---- */

/* A device that already has the image: a second one would be a second filesystem on the same
 * blocks, and the end of both. */
static int
loop_find(const struct stat *image, bool readonly, int *ret, char name[32])
{
    int i;

    for (i = 0; i < LOOP_DEVICES_MAX; i++) {
        struct loop_info64 info;
        int fd;

        (void)snprintf(name, 32, "/dev/loop%d", i);
        fd = open(name, (readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC);
        if (fd < 0 && errno == ENOENT) {
            return AL_ENOENT;
        }
        if (fd >= 0 && ioctl(fd, LOOP_GET_STATUS64, &info) == 0 &&
            info.lo_device == image->st_dev && info.lo_inode == image->st_ino) {
            *ret = fd;
            return info.lo_offset == 0 && info.lo_sizelimit == 0 ? AL_OK : AL_EBUSY;
        }
        port_fd_close(&fd);
    }
    return AL_ENOENT;
}

static int
loop_new(int image, bool readonly, int *ret, char name[32])
{
    struct loop_config config = {.fd = (uint32_t)image,
                                 .info.lo_flags =
                                     LO_FLAGS_AUTOCLEAR | (readonly ? LO_FLAGS_READ_ONLY : 0u)};
    int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), tries, n, fd, rc = AL_EBUSY;

    if (control < 0) {
        return linux_code(errno);
    }
    for (tries = 0; rc == AL_EBUSY && tries < LOOP_TRIES_MAX; tries++) {
        n = ioctl(control, LOOP_CTL_GET_FREE);
        if (n < 0) {
            rc = linux_code(errno);
            break;
        }
        (void)snprintf(name, 32, "/dev/loop%d", n);
        fd = open(name, (readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC);
        rc = fd < 0 || ioctl(fd, LOOP_CONFIGURE, &config) != 0 ? linux_code(errno) : AL_OK;
        if (rc == AL_OK) {
            *ret = fd;
        } else {
            port_fd_close(&fd);
        }
    }
    port_fd_close(&control);
    return rc;
}

/* The block device to mount. *ret_fd keeps a loop device from going before it is mounted. */
static int
device(const char *source, bool readonly, int *ret_fd, char to[4096], struct al_fail *fail)
{
    int fd = open(source, (readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK), loop = -1, rc;
    char name[32];
    struct stat st;

    if (fd < 0 || fstat(fd, &st) != 0) {
        rc = al_fail_set(fail, linux_code(errno), (uint32_t)errno, "cannot open %s", source);
        port_fd_close(&fd);
        return rc;
    }
    if (S_ISBLK(st.st_mode)) {
        *ret_fd = fd;
        (void)snprintf(to, 4096, "%s", source);
        return AL_OK;
    }
    if (!S_ISREG(st.st_mode)) {
        port_fd_close(&fd);
        return al_fail_set(fail, AL_EINVAL, 0, "%s is neither a block device nor an image", source);
    }
    rc = loop_find(&st, readonly, &loop, name);
    if (rc == AL_ENOENT) {
        rc = loop_new(fd, readonly, &loop, name);
    }
    port_fd_close(&fd);
    if (rc != AL_OK) {
        port_fd_close(&loop);
        return al_fail_set(fail, rc, (uint32_t)errno, "no loop device for %s", source);
    }
    *ret_fd = loop;
    (void)snprintf(to, 4096, "%s", name);
    return AL_OK;
}

/* ---- options ---- */

static const struct {
    const char *name;
    uint32_t set, clear;
    const char *flag; /* the filesystem as a whole is told too */
} common[] = {
    {"ro", MOUNT_ATTR_RDONLY, 0, "ro"},
    {"rw", 0, MOUNT_ATTR_RDONLY, NULL},
    {"nosuid", MOUNT_ATTR_NOSUID, 0, NULL},
    {"suid", 0, MOUNT_ATTR_NOSUID, NULL},
    {"nodev", MOUNT_ATTR_NODEV, 0, NULL},
    {"dev", 0, MOUNT_ATTR_NODEV, NULL},
    {"noexec", MOUNT_ATTR_NOEXEC, 0, NULL},
    {"exec", 0, MOUNT_ATTR_NOEXEC, NULL},
    {"relatime", 0, MOUNT_ATTR__ATIME, NULL},
    {"noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME, NULL},
    {"strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME, NULL},
    {"atime", 0, MOUNT_ATTR__ATIME, NULL},
    {"nodiratime", MOUNT_ATTR_NODIRATIME, 0, NULL},
    {"diratime", 0, MOUNT_ATTR_NODIRATIME, NULL},
    {"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0, NULL},
    {"symfollow", 0, MOUNT_ATTR_NOSYMFOLLOW, NULL},
};

static bool
wants_readonly(const struct port_mount_conf *conf)
{
    bool is = false;
    size_t i;

    for (i = 0; i < conf->option_count; i++) {
        if (strcmp(conf->options[i], "ro") == 0 || strcmp(conf->options[i], "rw") == 0) {
            is = conf->options[i][1] == 'o';
        }
    }
    return is;
}

static bool
option_common(const char *option, uint32_t *io_attributes)
{
    size_t i;

    for (i = 0; i < AL_LEN(common); i++) {
        if (strcmp(common[i].name, option) == 0) {
            *io_attributes = (*io_attributes & ~common[i].clear) | common[i].set;
            return true;
        }
    }
    return false;
}

/* A filesystem says what it refuses in lines "e xfs: Unknown parameter ..." to be read from its
 * context; the last is the reason. */
static int
refused(int context, const char *doing, struct al_fail *fail)
{
    int error_number = errno, code = linux_code(errno);
    char line[256], last[200] = "";
    ssize_t n;

    while ((n = read(context, line, sizeof(line) - 1)) > 0) {
        line[n] = '\0';
        line[strcspn(line, "\n")] = '\0';
        if (n > 2) {
            (void)snprintf(last, sizeof(last), "%.190s", line + 2);
        }
    }
    return al_fail_set(fail, code, (uint32_t)error_number, "%.80s: %s", doing,
                       last[0] != '\0' ? last : strerror(error_number));
}

static int
option_own(int context, const char *option, struct al_fail *fail)
{
    AL_CLEANUP(al_freep) char *key = al_strdup(option);
    char *value = key == NULL ? NULL : strchr(key, '=');
    int rc;

    if (key == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    if (value != NULL) {
        *value++ = '\0';
        rc = fsconfig(context, FSCONFIG_SET_STRING, key, value, 0);
    } else {
        rc = fsconfig(context, FSCONFIG_SET_FLAG, key, NULL, 0);
    }
    return rc == 0 ? AL_OK : refused(context, option, fail);
}

/* ---- mounting ---- */

static int
configure(int context, const struct port_mount_conf *conf, const char *block,
          uint32_t *ret_attributes, struct al_fail *fail)
{
    uint32_t attributes = 0;
    size_t i;
    int rc = AL_OK;

    if (fsconfig(context, FSCONFIG_SET_STRING, "source", block, 0) != 0) {
        return refused(context, block, fail);
    }
    if (wants_readonly(conf) && fsconfig(context, FSCONFIG_SET_FLAG, "ro", NULL, 0) != 0) {
        return refused(context, "ro", fail);
    }
    for (i = 0; rc == AL_OK && i < conf->option_count; i++) {
        if (!option_common(conf->options[i], &attributes)) {
            rc = option_own(context, conf->options[i], fail);
        }
    }
    if (rc == AL_OK && fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) != 0) {
        rc = refused(context, "the filesystem cannot be mounted", fail);
    }
    if (rc == AL_OK) {
        *ret_attributes = attributes;
    }
    return rc;
}

int
port_mount_new(const struct port_mount_conf *conf, int *ret_mount, struct al_fail *fail)
{
    int block = -1, context = -1, mounted = -1, rc;
    const char *type = conf->type;
    uint32_t attributes = 0;
    char name[4096];

    rc = device(conf->source, wants_readonly(conf), &block, name, fail);
    if (rc == AL_OK && type == NULL) {
        rc = probe(block, &type);
        if (rc != AL_OK) {
            rc = al_fail_set(fail, rc, 0, "%s holds no ext4, XFS or btrfs; name it with -t",
                             conf->source);
        }
    }
    if (rc == AL_OK) {
        context = fsopen(type, FSOPEN_CLOEXEC);
        if (context < 0) {
            rc = al_fail_set(fail, linux_code(errno), (uint32_t)errno,
                             "the kernel does not mount %s", type);
        }
    }
    /* A device held open for writing can be refused to its own filesystem (kernel 6.8,
     * CONFIG_BLK_DEV_WRITE_MOUNTED). */
    if (rc == AL_OK) {
        int held = open(name, O_RDONLY | O_CLOEXEC);

        port_fd_close(&block);
        block = held;
        rc = configure(context, conf, name, &attributes, fail);
    }
    if (rc == AL_OK) {
        mounted = fsmount(context, FSMOUNT_CLOEXEC, attributes);
        rc = mounted >= 0 ? AL_OK : refused(context, "it cannot be mounted", fail);
    }
    port_fd_close(&context);
    port_fd_close(&block);
    if (rc == AL_OK) {
        *ret_mount = mounted;
    }
    return rc;
}

int
port_mount_folder(const char *path, int *ret_folder, char **ret_path, struct al_fail *fail)
{
    int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC), rc = AL_OK;
    char link[32], real[4096];
    char *copy = NULL;
    ssize_t n = -1;

    if (fd >= 0) {
        (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        n = readlink(link, real, sizeof(real) - 1);
    }
    if (n < 0) {
        rc =
            al_fail_set(fail, linux_code(errno), (uint32_t)errno, "no folder %s to mount on", path);
    } else {
        real[n] = '\0';
        copy = al_strdup(real);
        rc = copy != NULL ? AL_OK : al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    if (rc != AL_OK) {
        port_fd_close(&fd);
        return rc;
    }
    *ret_folder = fd;
    *ret_path = copy;
    return AL_OK;
}

int
port_mount_place(int mount, int folder, struct al_fail *fail)
{
    if (move_mount(mount, "", folder, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0) {
        return al_fail_set(fail, linux_code(errno), (uint32_t)errno,
                           "the mount cannot be put into its place");
    }
    return AL_OK;
}

/* ---- a mount of one's own ---- */

/* The tree's descriptor alone is closed: the mount lives on as that of the folder, as after a lazy
 * umount (open_tree(2), tried on 6.18). */
int
linux_mount_apart(struct port *p, struct port_file *folder, struct port_file **ret)
{
    int tree = open_tree(folder->fd, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    int fd, rc;

    if (tree < 0) {
        return linux_code(errno);
    }
    fd = openat(tree, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    rc = fd < 0 ? linux_code(errno) : linux_file_new(fd, ret);
    (void)close(tree); /* a path alone */
    return rc;
}
