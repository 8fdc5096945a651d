/* mount.h: mounting where nobody looks yet. A filesystem is made ready without a place in the tree,
 * so that it can be marked before the first open is possible, and is then put into its place
 * (fsopen(2), fsmount(2), move_mount(2); kernel 5.8). Linux only, needs CAP_SYS_ADMIN. Any
 * thread. */
#ifndef ALTO_PORT_MOUNT_H
#define ALTO_PORT_MOUNT_H

#include "base/result.h"

#define PORT_MOUNT_OPTIONS_MAX 128u

struct port_mount_conf {
    /* a block device, or an image: a regular file, put on a loop device that goes with the mount */
    const char *source;
    /* NULL: ext4, xfs or btrfs, by what the source's first blocks say */
    const char *type;
    /* each "key" or "key=value": what every mount knows (ro, nosuid, noatime ...), all else is the
     * filesystem's own */
    const char *const *options;
    size_t option_count;
};

/* Mounts detached; closing *ret_mount takes it down again as long as it has no place. An image that
 * already is on a loop device is mounted from that one, never from a second. AL_ENOENT, AL_EINVAL
 * (neither image nor device), AL_ENODATA (no known filesystem on it), AL_EACCES, AL_EBUSY; fail
 * carries the filesystem's own words. */
int port_mount_new(const struct port_mount_conf *conf, int *ret_mount,
                   struct al_fail *fail) AL_MUST_CHECK;

/* The folder to mount on, without opening it: *ret_path is its real name (al_free). AL_ENOENT,
 * AL_ENOTDIR. */
int port_mount_folder(const char *path, int *ret_folder, char **ret_path,
                      struct al_fail *fail) AL_MUST_CHECK;

/* Puts it into its place. The mount then lives on without its descriptor. */
int port_mount_place(int mount, int folder, struct al_fail *fail) AL_MUST_CHECK;

#endif
