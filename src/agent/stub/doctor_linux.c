/* doctor_linux.c: what Linux, this filesystem and this host's settings allow. */
#include "agent/stub/doctor_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "port/fan.h"

const char doctor_reach[] = "Stubs are safe for whoever reads through this host's marked "
                            "filesystems. Block-level snapshots and images of the disk, "
                            "other hosts or kernels that mount it, and programs to whom the kernel "
                            "hands descriptors of watched files (fanotify without file handles, "
                            "as some virus scanners), see a stub as zeros: back up through the "
                            "filesystem.";

#define PROBE_BYTES 65536u
/* As long as the marker's, which decides whether it fits into the inode; not the marker itself,
 * since the gate would take the file for a stub. */
#define PROBE_XATTR "trusted.try0"
#define PROBE_XATTR_BYTES 64u /* marker.h */
#define LEASE_TRIES 50        /* the gate may still hold the event of our own open */
#define LEASE_PAUSE_NS 10000000
#define BREAK_SECONDS_MIN 5u
#define BREAK_SECONDS_MAX 60u
#define WATCHERS_MAX 16
#define FILES_MIN 200000u /* every waiting opener keeps descriptors here and in the gate */

static void
check_kernel(struct doctor *d)
{
    if (!port_kernel_at_least(5, 19)) {
        doctor_find(d->report, "kernel", DOCTOR_BAD, "run kernel 5.19 or later; 6.14 is better",
                    "this kernel has no evictable ignore marks");
    } else if (!port_kernel_at_least(6, 6)) {
        doctor_find(d->report, "kernel", DOCTOR_WARN,
                    "keep overlays (containers) off stub volumes, or run kernel 6.6 or later",
                    "this kernel asks nobody about opens through an overlay, nor about truncate(2) "
                    "by path");
    } else if (!port_kernel_at_least(6, 14)) {
        doctor_find(d->report, "kernel", DOCTOR_WARN,
                    "kernel 6.14 asks before a truncate(2) as well",
                    "a stub that is truncated by path is refused with EIO until somebody decides");
    } else {
        doctor_find(d->report, "kernel", DOCTOR_GOOD, NULL,
                    "the kernel asks about opens and accesses");
    }
}

/* A number, the n-th of a line of /proc. */
static int
proc_number(struct doctor *d, const char *path, unsigned nth, uint64_t *ret)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    char *rest, *word;
    int rc;

    al_buf_init(&text, 256);
    rc = port_read_file(d->port, NULL, path, 256, &text);
    if (rc != AL_OK || text.len == 0) {
        return rc != AL_OK ? rc : AL_ENODATA;
    }
    rest = (char *)text.at;
    while ((word = strsep(&rest, " \t\n")) != NULL) {
        if (nth-- == 0) {
            return al_parse_u64(word, ret);
        }
    }
    return AL_ENODATA;
}

static void
check_limits(struct doctor *d)
{
    uint64_t seconds = 0, used = 0, max = 0;

    if (proc_number(d, "/proc/sys/fs/lease-break-time", 0, &seconds) != AL_OK) {
        doctor_find(d->report, "leases", DOCTOR_WARN, "mount /proc",
                    "fs.lease-break-time cannot be read");
    } else if (seconds < BREAK_SECONDS_MIN || seconds > BREAK_SECONDS_MAX) {
        doctor_find(d->report, "leases", DOCTOR_WARN, "sysctl fs.lease-break-time=45",
                    "fs.lease-break-time is %llu s: %s", (unsigned long long)seconds,
                    seconds < BREAK_SECONDS_MIN
                        ? "a busy agent loses files it is tiering, which then stay as they are"
                        : "an opener can wait that long for a lease of Samba or of a hung agent");
    } else {
        doctor_find(d->report, "leases", DOCTOR_GOOD, NULL, "fs.lease-break-time is %llu s",
                    (unsigned long long)seconds);
    }
    if (proc_number(d, "/proc/sys/fs/file-nr", 0, &used) != AL_OK ||
        proc_number(d, "/proc/sys/fs/file-nr", 2, &max) != AL_OK) {
        doctor_find(d->report, "files", DOCTOR_WARN, "mount /proc", "fs.file-max cannot be read");
    } else if (max < FILES_MIN || used > max / 5 * 4) {
        doctor_find(d->report, "files", DOCTOR_WARN, "raise fs.file-max with sysctl",
                    "%llu of %llu open files are in use; waiting openers need two each",
                    (unsigned long long)used, (unsigned long long)max);
    } else {
        doctor_find(d->report, "files", DOCTOR_GOOD, NULL, "%llu of %llu open files are in use",
                    (unsigned long long)used, (unsigned long long)max);
    }
}

static const char *
why_not(enum port_fs_kind kind)
{
    switch (kind) {
    case PORT_FS_TMPFS:
        return "it has no pre-content events and forgets everything at a restart";
    case PORT_FS_OVERLAY:
        return "it has no pre-content events; use the filesystem below it";
    case PORT_FS_FUSE:
        return "FUSE has no pre-content events (LucidLink among them)";
    case PORT_FS_NFS:
    case PORT_FS_CIFS:
        return "a network filesystem is read by hosts without an agent; run the agent on its "
               "server";
    case PORT_FS_NTFS:
        return "it keeps no trusted attributes on Linux";
    default:
        return "stubs were tried on ext4, XFS and btrfs alone";
    }
}

static bool
check_filesystem(struct doctor *d)
{
    struct port_fs fs;
    int rc = port_fs(d->port, d->root, &fs);

    if (rc != AL_OK) {
        doctor_find(d->report, "filesystem", DOCTOR_BAD, "look at it with stat -f",
                    "cannot ask which filesystem this is (%s)", al_code_name(rc));
        return false;
    }
    if (fs.kind != PORT_FS_EXT4 && fs.kind != PORT_FS_XFS && fs.kind != PORT_FS_BTRFS) {
        doctor_find(d->report, "filesystem", DOCTOR_BAD,
                    "have it tracked only, or move the files to ext4, XFS or btrfs", "%s: %s",
                    fs.name, why_not(fs.kind));
        return false;
    }
    doctor_find(d->report, "filesystem", DOCTOR_GOOD, NULL, "%s, blocks of %llu bytes", fs.name,
                (unsigned long long)fs.block_bytes);
    if (fs.kind == PORT_FS_BTRFS) {
        doctor_find(d->report, "send", DOCTOR_WARN,
                    "back up by reading files, or keep send for subvolumes without stubs",
                    "btrfs send opens nothing: a volume with stubs is sent with zeros in their "
                    "place");
    }
    if (fs.read_only) {
        doctor_find(d->report, "writable", DOCTOR_BAD, "mount it read-write",
                    "it is mounted read-only: nothing can be tiered, and no stub filled");
        return false;
    }
    return true;
}

static bool
check_place(struct doctor *d)
{
    const char *const places[] = {"/",    "/usr", "/etc",           "/var/lib",    "/run",
                                  "/bin", "/lib", "/proc/self/exe", d->conf->state};
    size_t i;

    for (i = 0; i < AL_LEN(places); i++) {
        bool same = false;
        int rc = port_fan_same_fs(port_native_fd(d->root), places[i], &same);

        if (rc == AL_EACCES) {
            doctor_find(d->report, "root", DOCTOR_BAD, "run it as root",
                        "not allowed to ask the kernel");
            return false;
        }
        if (rc == AL_OK && same) {
            doctor_find(d->report, "place", DOCTOR_BAD,
                        "use a filesystem of its own for the volume",
                        "this filesystem also holds %.150s: a gate that waits for its own programs "
                        "or state hangs the host",
                        places[i]);
            return false;
        }
    }
    doctor_find(d->report, "place", DOCTOR_GOOD, NULL,
                "it holds neither the system nor Alto's own state");
    return true;
}

static void
check_events(struct doctor *d)
{
    bool open = false, access = false;
    int rc = port_fan_can(port_native_fd(d->root), &open, &access);

    if (rc != AL_OK || !open) {
        doctor_find(d->report, "events", DOCTOR_BAD,
                    "run a kernel with CONFIG_FANOTIFY_ACCESS_PERMISSIONS, as root",
                    "no permission events here (%s)", al_code_name(rc == AL_OK ? AL_ENOTSUP : rc));
    } else if (!access) {
        doctor_find(d->report, "events", DOCTOR_WARN, "kernel 6.14 has them",
                    "opens are asked about here, accesses (truncate(2) by path) are not");
    } else {
        doctor_find(d->report, "events", DOCTOR_GOOD, NULL,
                    "opens and accesses are asked about here");
    }
}

static void
check_watchers(struct doctor *d)
{
    struct port_fan_watcher list[WATCHERS_MAX];
    size_t count = 0, i;
    int rc = port_fan_watchers(port_native_fd(d->root), list, AL_LEN(list), &count);

    if (rc != AL_OK) {
        doctor_find(d->report, "watchers", DOCTOR_WARN, "run it as root, with /proc mounted",
                    "cannot see who else watches this filesystem (%s)", al_code_name(rc));
        return;
    }
    for (i = 0; i < count; i++) {
        doctor_find(d->report, "watchers", DOCTOR_WARN,
                    "leave this filesystem out there, or have it use file handles "
                    "(FAN_REPORT_FID)",
                    list[i].content
                        ? "%s (process %u) is asked about opens here, after the gate: it sees "
                          "Alto's own opens of stubs as zeros"
                        : "%s (process %u) is given descriptors here that the kernel asks nobody "
                          "about: it would read zeros from stubs, so nothing is tiered",
                    list[i].name, list[i].pid);
    }
    if (count == 0) {
        doctor_find(d->report, "watchers", DOCTOR_GOOD, NULL,
                    "nobody else is given descriptors of its files");
    }
}

static int
lease(struct doctor *d, struct port_file *f)
{
    int i, rc = AL_EBUSY;

    for (i = 0; rc == AL_EBUSY && i < LEASE_TRIES; i++) {
        rc = port_lease_take(d->port, f);
        if (rc == AL_EBUSY) {
            port_sleep_ns(d->port, LEASE_PAUSE_NS);
        }
    }
    return rc == AL_OK ? port_lease_drop(d->port, f) : rc;
}

static void
found(struct doctor *d, const char *check, int rc, const char *good, const char *bad)
{
    if (rc == AL_OK) {
        doctor_find(d->report, check, DOCTOR_GOOD, NULL, "%s", good);
    } else {
        doctor_find(d->report, check, DOCTOR_BAD,
                    "have it tracked only, or ask why in the kernel's log", "%s (%s)", bad,
                    al_code_name(rc));
    }
}

static void
try_file(struct doctor *d, struct port_file *f)
{
    static const uint8_t bytes[PROBE_BYTES] = {1};
    uint8_t value[PROBE_XATTR_BYTES] = {7};
    struct port_handle handle;
    struct port_stat st;
    uint64_t data = 0;
    size_t len = 0;
    int rc;

    rc = port_xattr_set(d->port, f, PROBE_XATTR, value, sizeof(value));
    rc = rc != AL_OK ? rc : port_xattr_get(d->port, f, PROBE_XATTR, value, sizeof(value), &len);
    rc = rc == AL_OK && len != sizeof(value) ? AL_ECORRUPT : rc;
    found(d, "attributes", rc, "trusted attributes of 64 bytes are kept",
          "no trusted attributes here");
    found(d, "handles", port_handle_get(d->port, f, &handle), "a file is found without its name",
          "no file handles here");
    rc = port_pwrite(d->port, f, bytes, sizeof(bytes), 0);
    rc = rc != AL_OK ? rc : port_sync(d->port, f);
    found(d, "write", rc, "a file can be written", "a file cannot be written");
    if (rc != AL_OK) {
        return;
    }
    found(d, "lease", lease(d, f), "a file can be taken with a write lease",
          "no write leases here");
    rc = port_punch(d->port, f, 0, sizeof(bytes));
    rc = rc != AL_OK ? rc : port_sync(d->port, f);
    rc = rc != AL_OK ? rc : port_stat(d->port, f, &st);
    if (rc == AL_OK && port_next_data(d->port, f, 0, &data) != AL_ENODATA) {
        rc = AL_ENOTSUP;
    }
    found(d, "holes", rc, "the blocks of a file can be freed",
          "the blocks of a file cannot be freed");
    if (rc == AL_OK && st.allocated != 0) {
        doctor_find(d->report, "cost", DOCTOR_WARN,
                    "make ext4 with inodes of 256 bytes (mkfs.ext4 -I 256)",
                    "a stub costs %llu bytes here: its marker does not fit into the inode",
                    (unsigned long long)st.allocated);
    }
}

static void
check_by_trying(struct doctor *d)
{
    AL_CLEANUP(port_holder_end) struct port_holder file = {d->port, NULL};
    char name[64];
    uint64_t tag;
    int rc;

    rc = port_random(d->port, &tag, sizeof(tag));
    if (rc == AL_OK) {
        (void)snprintf(name, sizeof(name), ".alto-doctor-%016llx", (unsigned long long)tag);
        rc = port_open(d->port, d->root, name, PORT_READ | PORT_WRITE | PORT_CREATE | PORT_EXCL,
                       0600, &file.file);
    }
    if (rc != AL_OK) {
        found(d, "write", rc, "", "no file can be made here");
        return;
    }
    try_file(d, file.file);
    rc = port_unlink(d->port, d->root, name);
    if (rc != AL_OK) {
        doctor_find(d->report, "write", DOCTOR_WARN, "remove it", "the file %s stayed (%s)", name,
                    al_code_name(rc));
    }
}

void
doctor_system(struct doctor *d)
{
    bool fit = true, calm;

    check_kernel(d);
    if (d->root != NULL) {
        fit = check_filesystem(d) && check_place(d);
        if (fit) {
            check_events(d);
            check_watchers(d);
        }
    }
    calm = doctor_gate(d);
    if (d->root != NULL && fit && calm) {
        check_by_trying(d);
    } else if (d->root != NULL && fit) {
        doctor_find(d->report, "write", DOCTOR_WARN, "bring the gate back and ask again",
                    "not tried: without its gate an open on this filesystem could wait");
    }
    check_limits(d);
}
