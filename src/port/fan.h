/* fan.h: fanotify(7) permission and pre-content events, for alto-gate, alto-hold and the agent's
 * end of the gate. Linux only.
 *
 * A group is a descriptor; any number of processes may hold duplicates, and while one does, openers
 * of marked filesystems wait for answers instead of being let through (measured,
 * doc/adr/0003-three-holders.md). An event is answered by the *number* its descriptor had in the
 * process that read it, by whoever holds the group. Therefore only one process may read at a time:
 * it holds the reader's right (port_fan_right) of the table that goes with the group.
 *
 * Plain descriptors (int) belong to the caller, who ends them with port_fd_close. Any thread may
 * call anything here. Codes: those of base/result.h; AL_ENOTSUP where the kernel or the filesystem
 * has no such events. */
#ifndef ALTO_PORT_FAN_H
#define ALTO_PORT_FAN_H

#include "port/port.h"

/* Event descriptors have numbers below this: the gate lowers its own descriptor limit to it, so
 * that a sweep of all numbers is bounded (65,536 answers took 21 ms). */
#define PORT_FAN_NUMBERS_MAX 65536
/* events of one read: one that waits for a lease keeps at most one other waiting */
#define PORT_FAN_READ_MAX 2

/* Class pre-content, unlimited queue and marks, read-only event descriptors. AL_EACCES without
 * CAP_SYS_ADMIN. */
int port_fan_group_new(int *ret_group) AL_MUST_CHECK;

/* Marks the whole filesystem of fd for opens and, where the kernel can (6.14), for accesses
 * (*ret_access). */
int port_fan_mark(int group, int fd, bool *ret_access) AL_MUST_CHECK;
int port_fan_unmark(int group, int fd) AL_MUST_CHECK; /* AL_ENOENT: there was no mark */
int port_fan_unmark_all(int group) AL_MUST_CHECK;     /* filesystem marks and ignore marks */
/* a mark is lost silently at unmount */
int port_fan_marked(int group, int fd, bool *ret) AL_MUST_CHECK;
/* Whether a mark on the filesystem of fd would cover path as well: exactly what marking asks, also
 * for detached mounts and subvolumes. */
int port_fan_same_fs(int fd, const char *path, bool *ret) AL_MUST_CHECK;

/* Whether the kernel asks about opens and about accesses on the filesystem of the folder fd: tried
 * with a mark on the folder's own inode, which raises no event. AL_EACCES without CAP_SYS_ADMIN. */
int port_fan_can(int folder_fd, bool *ret_open, bool *ret_access) AL_MUST_CHECK;

#define PORT_FAN_WATCHER_NAME 32
struct port_fan_watcher {
    uint32_t pid;
    char name[PORT_FAN_WATCHER_NAME]; /* command name; may be empty */
    bool content; /* class content: asked after ours whenever somebody opens a file */
};
/* Processes, Alto's own left out, that hold a group which is given descriptors of
 * files on the filesystem of fd. What is read through such a descriptor raises no event for anybody
 * (FMODE_NONOTIFY in the kernel; tried on 6.18). Groups that are told file handles are left out,
 * and those of class pre-content, which are asked before a file is opened, as ours. AL_ENOENT: fd's
 * mount is detached. AL_EACCES without root. */
int port_fan_watchers(int fd, struct port_fan_watcher *to, size_t cap,
                      size_t *ret_count) AL_MUST_CHECK;

/* This inode raises no more events until it leaves the cache or is modified. `access`: what
 * port_fan_mark told. */
int port_fan_ignore(int group, int fd, bool access) AL_MUST_CHECK;
/* Everything is asked again. fd may be an O_PATH one (port_fd_path). Only while the file has its
 * blocks: as long as somebody who asked before waits for an answer, later openers pass unasked,
 * since the kernel does not wait for listeners of a mark that is going (fs/notify/fanotify, tried
 * on 6.18). */
int port_fan_forget(int group, int fd, bool access) AL_MUST_CHECK;

/* What is opened through the mount of this folder raises no event for this group. AL_ECONFLICT: the
 * mount is in /proc/self/mountinfo, so that others may open through it (port_mount_apart makes one
 * that is not). Lasts as long as mount and group. */
int port_fan_pass(int group, int folder_fd) AL_MUST_CHECK;

struct port_fan_event {
    int fd;       /* its number is the event's name; owned by the reader */
    uint32_t pid; /* of the process that waits */
    bool access;  /* not an open: a read, mapping, clone or truncate(2) */
};
/* Up to PORT_FAN_READ_MAX events. 0 events when there are none. May itself wait for somebody's
 * lease: have another thread to spare. */
int port_fan_read(int group, struct port_fan_event *to, size_t *ret_count) AL_MUST_CHECK;
/* Lets the opener on, or fails it with EIO (EPERM before kernel 6.14). AL_ENOENT: no such event, or
 * its opener was killed. */
int port_fan_answer(int group, int number, bool allow) AL_MUST_CHECK;
/* Denies every number from 0 to PORT_FAN_NUMBERS_MAX - 1 for which keep(ctx, number) is false (keep
 * NULL: all). Returns how many were waiting. */
unsigned port_fan_sweep(int group, bool (*keep)(void *ctx, int number), void *ctx);
/* Denies all that waits and all that comes, for at most ms; needs the reader's right. Returns how
 * many were denied. */
unsigned port_fan_deny_for(int group, int64_t ms);

/* The descriptor of a file of port_native(), borrowed. */
int port_native_fd(const struct port_file *f);

/* What a gate must know of an event's file. */
int port_fd_has_xattr(int fd, const char *name, bool *ret) AL_MUST_CHECK;
/* Its value. AL_ENODATA; AL_ELIMIT: longer than cap. */
int port_fd_xattr(int fd, const char *name, void *to, size_t cap, size_t *ret_len) AL_MUST_CHECK;
/* allocated: bytes */
int port_fd_identity(int fd, uint64_t *ret_dev, uint64_t *ret_ino,
                     uint64_t *ret_allocated) AL_MUST_CHECK;
int port_fd_handle(int fd, struct port_handle *ret, int32_t *ret_mount) AL_MUST_CHECK;
int port_fd_fs(int fd, struct port_fs *ret) AL_MUST_CHECK;
bool port_kernel_at_least(unsigned major, unsigned minor);
/* Opens the inode by handle through the mount with this number (/proc/self/mountinfo). AL_ENOENT
 * when there is no such mount any more. */
int port_fd_by_handle(const struct port_handle *h, int32_t mount, int *ret) AL_MUST_CHECK;
/* Makes number refer to what null_fd refers to: whatever it was is closed, yet the number stays
 * taken and so goes to no new event. */
int port_fd_vacate(int number, int null_fd) AL_MUST_CHECK;
bool port_fd_is_open(int fd);

/* An area of memory shared by descriptor: survives its maker while anybody holds it. All zero at
 * first. */
int port_shared_new(const char *name, size_t bytes, int *ret_fd) AL_MUST_CHECK;
/* until port_shared_unmap or the process's end; AL_ECORRUPT when it is smaller */
int port_shared_map(int fd, size_t bytes, void **ret) AL_MUST_CHECK;
void port_shared_unmap(void *at, size_t bytes); /* NULL is fine */
/* The right to read the group whose table this is: it lasts until *ret_right is closed, by hand or
 * by the end of the process. AL_EBUSY at once, or waits up to timeout_ms for it (AL_ETIMEDOUT). */
int port_fan_right(int shared_fd, int64_t timeout_ms, int *ret_right) AL_MUST_CHECK;

#endif
