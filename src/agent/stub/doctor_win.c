/* doctor_win.c: the checks of Windows that need no filter driver: filesystem, last access, long paths. The
 * driver itself is looked at by who is bound to it (agent/run/checkup_ease.c). */
#include "agent/stub/doctor_priv.h"

#include <stdio.h>
#include <string.h>

#include "port/setting.h"

const char doctor_reach[] = "Stubs are read through this host while its filter driver and agent "
                            "run. Without the driver a stub gives an error, "
                            "never bytes that are not the file's; snapshots and images of the "
                            "disk, other systems that read it and backups "
                            "below the filesystem hold the stub alone.";

static void
check_filesystem(struct doctor *d)
{
    struct port_fs fs;
    int rc;

    if (d->root == NULL) {
        return;
    }
    rc = port_fs(d->port, d->root, &fs);
    if (rc != AL_OK) {
        doctor_find(d->report, "filesystem", DOCTOR_BAD, "look whether the path is right",
                    "the filesystem cannot be asked (%s)", al_code_name(rc));
    } else if (fs.read_only) {
        doctor_find(d->report, "filesystem", DOCTOR_BAD, "mount it for writing",
                    "the volume is read-only");
    } else if (fs.kind == PORT_FS_NTFS) {
        doctor_find(d->report, "filesystem", DOCTOR_GOOD, NULL, "%s, %llu GiB free", fs.name,
                    (unsigned long long)(fs.bytes_free >> 30));
    } else {
        doctor_find(d->report, "filesystem", DOCTOR_BAD,
                    "stubs are for NTFS: keep the volume tracked, or archive with placeholders",
                    "the filesystem is %s; whether stubs hold on it nobody has shown",
                    fs.name[0] != '\0' ? fs.name : "unknown");
    }
}

/* NtfsDisableLastAccessUpdate: bit 0 off or on, bit 1 decided by the system [documentation of fsutil]. */
static void
check_last_access(struct doctor *d)
{
    uint32_t v = 0;
    int rc = port_setting(PORT_SETTING_LAST_ACCESS, &v);

    if (rc == AL_OK && (v & 1) == 0) {
        doctor_find(d->report, "last-access", DOCTOR_GOOD, NULL,
                    "last accesses are kept by the filesystem");
    } else {
        doctor_find(
            d->report, "last-access", DOCTOR_WARN,
            "fsutil behavior set disablelastaccess 0, then restart; or rules by \"modified\"",
            rc == AL_OK ? "last accesses are not kept: rules by \"accessed\" take the last change"
                        : "whether last accesses are kept cannot be read (%s)",
            al_code_name(rc));
    }
}

/* Alto takes long paths whatever this says; other programs, and people, do not. */
static void
check_long_paths(struct doctor *d)
{
    uint32_t v = 0;
    int rc = port_setting(PORT_SETTING_LONG_PATHS, &v);

    doctor_find(d->report, "long-paths", DOCTOR_GOOD, NULL, "%s",
                rc == AL_OK && v != 0
                    ? "paths beyond 260 characters are on for programs that want them"
                    : "paths beyond 260 characters are off for other programs; Alto "
                      "takes them all the same");
}

void
doctor_system(struct doctor *d)
{
    check_filesystem(d);
    check_last_access(d);
    check_long_paths(d);
}
