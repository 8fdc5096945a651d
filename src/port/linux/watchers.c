/* Who else watches a filesystem by fanotify(7), as /proc/PID/fdinfo tells (proc_pid_fdinfo(5)). */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/fanotify.h>
#include <unistd.h>

#include "base/text.h"
#include "port/fan.h"
#include "port/linux/linux_priv.h"

#define OWN "alto-" /* the agent opens its files by such a group (unseen.c) */
#define LINE_MAX_BYTES 4096
#define MOUNT_KEY "mnt_id:\t"
/* Groups made with one of these are told file handles, and get no descriptors. */
#define BY_HANDLE (FAN_REPORT_FID | FAN_REPORT_DIR_FID | FAN_REPORT_NAME)

struct place {
    unsigned mount;
    unsigned dev; /* as fdinfo writes it: the kernel's own form, twenty bits of minor */
};

static void
end_dir(DIR **d)
{
    if (*d != NULL) {
        (void)closedir(*d); /* nothing was written */
    }
}

static void
end_file(FILE **f)
{
    if (*f != NULL) {
        (void)fclose(*f); /* nothing was written */
    }
}

/* The hexadecimal number behind a key, as fdinfo writes them. */
static bool
hex_after(const char *line, const char *key, unsigned *ret)
{
    const char *at = strstr(line, key);
    unsigned value = 0, digits = 0;

    for (at = at != NULL ? at + strlen(key) : ""; isxdigit((unsigned char)*at) && digits < 8;
         at++, digits++) {
        value = value << 4 |
                (unsigned)(isdigit((unsigned char)*at) ? *at - '0' : (*at | 32) - 'a' + 10);
    }
    *ret = digits > 0 ? value : *ret;
    return digits > 0;
}

/* The decimal number that the text begins with; *io_text goes behind it. */
static bool
number_at(char **io_text, const char *separator, unsigned *ret)
{
    char *word = strsep(io_text, separator);
    uint64_t value;

    if (word == NULL || al_parse_u64(word, &value) != AL_OK || value > UINT32_MAX) {
        return false;
    }
    *ret = (unsigned)value;
    return true;
}

static int
place_of(int fd, struct place *ret)
{
    AL_CLEANUP(end_file) FILE *mounts = NULL;
    char line[LINE_MAX_BYTES], name[64];
    bool known = false;

    (void)snprintf(name, sizeof(name), "/proc/self/fdinfo/%d", fd);
    {
        AL_CLEANUP(end_file) FILE *info = fopen(name, "re");

        if (info == NULL) {
            return linux_code(errno);
        }
        while (!known && fgets(line, sizeof(line), info) != NULL) {
            char *rest = line + sizeof(MOUNT_KEY) - 1;

            known = strncmp(line, MOUNT_KEY, sizeof(MOUNT_KEY) - 1) == 0 &&
                    number_at(&rest, "\n", &ret->mount);
        }
    }
    mounts = fopen("/proc/self/mountinfo", "re");
    if (mounts == NULL) {
        return linux_code(errno);
    }
    while (known && fgets(line, sizeof(line), mounts) != NULL) {
        unsigned id, parent, major, minor;
        char *rest = line;

        if (number_at(&rest, " ", &id) && id == ret->mount && number_at(&rest, " ", &parent) &&
            number_at(&rest, ":", &major) && number_at(&rest, " ", &minor)) {
            ret->dev = major << 20 | minor;
            return AL_OK;
        }
    }
    return AL_ENOENT;
}

/* Whether a descriptor is a group that gets descriptors of files there. */
static bool
watches(const char *fdinfo, const struct place *place, bool *ret_content)
{
    AL_CLEANUP(end_file) FILE *f = fopen(fdinfo, "re");
    char line[LINE_MAX_BYTES];
    unsigned flags = 0, value;
    bool here = false;

    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        if (strncmp(line, "fanotify ", 9) != 0 || hex_after(line, " flags:", &flags)) {
            continue;
        }
        here = here || (hex_after(line, " sdev:", &value) && value == place->dev) ||
               (hex_after(line, " mnt_id:", &value) && value == place->mount);
    }
    *ret_content = (flags & FAN_CLASS_CONTENT) != 0;
    return here && (flags & (BY_HANDLE | FAN_CLASS_PRE_CONTENT)) == 0;
}

static bool
process_watches(const char *pid, const struct place *place, bool *ret_content)
{
    AL_CLEANUP(end_dir) DIR *fds = NULL;
    char path[320], link[64];
    struct dirent *e;

    (void)snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
    fds = opendir(path);
    while (fds != NULL && (e = readdir(fds)) != NULL) {
        ssize_t n = readlinkat(dirfd(fds), e->d_name, link, sizeof(link) - 1);

        if (n < 0) {
            continue;
        }
        link[n] = '\0';
        if (strcmp(link, "anon_inode:[fanotify]") != 0) {
            continue;
        }
        (void)snprintf(path, sizeof(path), "/proc/%.20s/fdinfo/%.20s", pid, e->d_name);
        if (watches(path, place, ret_content)) {
            return true;
        }
    }
    return false;
}

static void
name_of(const char *pid, char name[PORT_FAN_WATCHER_NAME])
{
    AL_CLEANUP(end_file) FILE *f = NULL;
    char path[64];

    (void)snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
    f = fopen(path, "re");
    name[0] = '\0';
    if (f != NULL && fgets(name, PORT_FAN_WATCHER_NAME, f) != NULL) {
        name[strcspn(name, "\n")] = '\0';
    }
}

int
port_fan_watchers(int fd, struct port_fan_watcher *to, size_t cap, size_t *ret_count)
{
    AL_CLEANUP(end_dir) DIR *processes = NULL;
    struct place place = {0};
    struct dirent *e;
    size_t count = 0;
    int rc = place_of(fd, &place);

    if (rc != AL_OK) {
        return rc;
    }
    processes = opendir("/proc");
    if (processes == NULL) {
        return linux_code(errno);
    }
    while (count < cap && (e = readdir(processes)) != NULL) {
        uint64_t pid;

        if (al_parse_u64(e->d_name, &pid) != AL_OK ||
            !process_watches(e->d_name, &place, &to[count].content)) {
            continue;
        }
        name_of(e->d_name, to[count].name);
        if (strncmp(to[count].name, OWN, sizeof(OWN) - 1) != 0) {
            to[count++].pid = (uint32_t)pid;
        }
    }
    *ret_count = count;
    return AL_OK;
}
