/* mount.c: mount.alto: mounts a volume of stubs so that no open slips in before the gate is asked
 * about it. Called by people, or by mount(8) for the type "alto", whose calling rules and exit
 * codes it keeps. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "gate/control.h"
#include "port/mount.h"
#include "port/usock.h"

#define SOCKET "/run/alto/gate.sock"
#define EXIT_USAGE 1 /* mount(8) */
#define EXIT_FAILED 32

static const char usage[] = "usage: mount.alto SOURCE DIR [-t ext4|xfs|btrfs] [-o OPTION,...]\n"
                            "       mount -t alto [-o fstype=xfs,socket=PATH,...] SOURCE DIR\n";

struct wish {
    char *source, *folder, *type, *socket;
    const char *options[PORT_MOUNT_OPTIONS_MAX];
    size_t option_count;
    bool fake, verbose;
};

/* The next of "a,b=\"c,d\",e", without the quotes; NULL at the end. */
static char *
option_next(char **io)
{
    char *from = *io, *at = *io, *to = *io;
    bool quoted = false;

    if (from == NULL) {
        return NULL;
    }
    for (; *at != '\0' && (quoted || *at != ','); at++) {
        if (*at == '"') {
            quoted = !quoted;
        } else {
            *to++ = *at;
        }
    }
    *io = *at == '\0' ? NULL : at + 1;
    *to = '\0';
    return from;
}

/* Options for mount(8), systemd and fstab's readers, not for the kernel. */
static bool
is_for_others(const char *option)
{
    static const char *const names[] = {"",       "defaults", "auto",    "noauto",  "user",
                                        "nouser", "users",    "nousers", "owner",   "noowner",
                                        "group",  "nogroup",  "nofail",  "_netdev", "loop"};
    static const char *const starts[] = {"x-", "X-", "comment=", "uhelper=", "loop=", "user="};
    size_t i;

    for (i = 0; i < AL_LEN(names); i++) {
        if (strcmp(option, names[i]) == 0) {
            return true;
        }
    }
    for (i = 0; i < AL_LEN(starts); i++) {
        if (strncmp(option, starts[i], strlen(starts[i])) == 0) {
            return true;
        }
    }
    return false;
}

static int
options_take(struct wish *w, char *list)
{
    static const char *const others[] = {"remount", "bind", "rbind", "move"};
    char *option;
    size_t i;

    while ((option = option_next(&list)) != NULL) {
        if (strncmp(option, "socket=", 7) == 0) {
            w->socket = option + 7;
            continue;
        }
        if (strncmp(option, "fstype=", 7) == 0) {
            w->type = option + 7;
            continue;
        }
        for (i = 0; i < AL_LEN(others); i++) {
            if (strcmp(option, others[i]) == 0) {
                (void)fprintf(stderr,
                              "mount.alto: no %s here; say it with the filesystem's own type, as "
                              "in mount -i -o %s\n",
                              option, option);
                return AL_EINVAL;
            }
        }
        if (is_for_others(option)) {
            continue;
        }
        if (w->option_count == AL_LEN(w->options)) {
            (void)fprintf(stderr, "mount.alto: more than %u options\n", PORT_MOUNT_OPTIONS_MAX);
            return AL_ELIMIT;
        }
        w->options[w->option_count++] = option;
    }
    return AL_OK;
}

/* Options may stand anywhere (getopt_long permutes), as mount(8) puts them behind. */
static int
arguments(int argc, char **argv, struct wish *w)
{
    static const struct option none[] = {{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    int c;

    while ((c = getopt_long(argc, argv, "o:t:fnsvrwhN:", none, NULL)) != -1) {
        switch (c) {
        case 'o':
            if (options_take(w, optarg) != AL_OK) {
                return EXIT_USAGE;
            }
            break;
        case 't':
            w->type = strncmp(optarg, "alto.", 5) == 0 ? optarg + 5 : optarg;
            break;
        case 'r':
        case 'w':
            if (w->option_count < AL_LEN(w->options)) {
                w->options[w->option_count++] = c == 'r' ? "ro" : "rw";
            }
            break;
        case 'f':
            w->fake = true;
            break;
        case 'v':
            w->verbose = true;
            break;
        case 'n': /* there has been no mtab to leave alone for long */
        case 's': /* what is unknown is refused by the filesystem, which is what people want of a
                     volume */
            break;
        case 'N':
            (void)fprintf(stderr, "mount.alto: the gate sees its own namespace alone; no -N\n");
            return EXIT_USAGE;
        default:
            (void)fputs(usage, c == 'h' ? stdout : stderr);
            return c == 'h' ? 0 : EXIT_USAGE;
        }
    }
    if (argc - optind != 2) {
        (void)fputs(usage, stderr);
        return EXIT_USAGE;
    }
    w->source = argv[optind];
    w->folder = argv[optind + 1];
    if (w->type != NULL && (strcmp(w->type, "auto") == 0 || strcmp(w->type, "alto") == 0)) {
        w->type = NULL;
    }
    return -1;
}

static int
ask(int gate, enum gatemsg_type type, int mount, const char *path, uint64_t *ret_count,
    struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    struct gatemsg m = {.type = type, .text = al_span_of(path)}, reply;
    int rc;

    al_buf_init(&text, GATEMSG_MAX);
    rc = gate_ask(gate, &m, mount, &reply, &text, fail);
    if (rc == AL_OK) {
        *ret_count = reply.count;
    }
    return rc;
}

/* The mark belongs to the filesystem, not to the mount: one that was there before, for another
 * mount of the same, stays. */
static int
mark_and_place(int gate, int mount, int folder, const char *path, struct al_fail *fail)
{
    uint64_t before = 0, marked = 0;
    int rc;

    rc = ask(gate, GATEMSG_CHECK, mount, path, &before, fail);
    if (rc == AL_OK) {
        rc = ask(gate, GATEMSG_MARK, mount, path, &marked, fail);
    }
    if (rc != AL_OK) {
        return rc;
    }
    rc = ask(gate, GATEMSG_CHECK, mount, path, &marked, fail);
    if (rc == AL_OK && marked == 0) {
        rc = al_fail_set(fail, AL_ECHANGED, 0, "the gate's mark is gone again");
    }
    if (rc == AL_OK) {
        rc = port_mount_place(mount, folder, fail);
    }
    if (rc != AL_OK && before == 0) {
        struct al_fail later = {0};
        int ignored = ask(gate, GATEMSG_UNMARK, mount, path, &marked, &later);

        (void)ignored; /* the mark goes with the mount anyway; this takes the path off the gate's
                          list */
    }
    return rc;
}

static int
mount_it(const struct wish *w, struct al_fail *fail)
{
    const struct port_mount_conf conf = {.source = w->source,
                                         .type = w->type,
                                         .options = w->options,
                                         .option_count = w->option_count};
    AL_CLEANUP(al_freep) char *path = NULL;
    int gate = -1, folder = -1, mount = -1, rc;

    rc = gate_connect(w->socket, &gate, fail);
    if (rc == AL_OK) {
        rc = port_mount_folder(w->folder, &folder, &path, fail);
    }
    if (rc == AL_OK && !w->fake) {
        rc = port_mount_new(&conf, &mount, fail);
    }
    if (rc == AL_OK && !w->fake) {
        rc = mark_and_place(gate, mount, folder, path, fail);
    }
    if (rc == AL_OK && w->verbose) {
        (void)printf("mount.alto: %s mounted on %s and marked\n", w->source, path);
    }
    port_fd_close(&mount);
    port_fd_close(&folder);
    port_fd_close(&gate);
    return rc;
}

int
main(int argc, char **argv)
{
    struct wish w = {.socket = (char[]){SOCKET}};
    struct al_fail fail = {0};
    int c;

    c = arguments(argc, argv, &w);
    if (c >= 0) {
        return c;
    }
    if (mount_it(&w, &fail) != AL_OK) {
        (void)fprintf(stderr, "mount.alto: %s is not mounted: %s\n", w.folder, fail.text);
        return EXIT_FAILED;
    }
    return 0;
}
