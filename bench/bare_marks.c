/* bare_marks FOLDER: what the kernel alone asks for files that nobody is asked about any more: the
 * least that a program with permission events can cost. Opens, reads and closes each file of a
 * folder: without a mark, with a group that is asked about opens, and with one that is asked about
 * opens and accesses, each file with an ignore mark. Prints three medians, microseconds a file. */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/fanotify.h>
#include <unistd.h>

#include "files.h"

#ifndef FAN_PRE_ACCESS
#define FAN_PRE_ACCESS 0x00100000u /* kernel 6.14, include/uapi/linux/fanotify.h */
#endif
#define PASSES 5

static char **names;
static size_t count;

static int
ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static bool
pass(double *ret_us)
{
    static char buf[4096];
    double began = now();

    for (size_t i = 0; i < count; i++) {
        int fd = open(names[i], O_RDONLY | O_CLOEXEC);

        if (fd < 0 || read(fd, buf, sizeof(buf)) < 0) {
            perror(names[i]);
            return false;
        }
        (void)close(fd);
    }
    *ret_us = (now() - began) / (double)count * 1e6;
    return true;
}

static bool
median(double *ret_us)
{
    double us[PASSES];

    for (int i = 0; i < PASSES; i++) {
        if (!pass(&us[i])) {
            return false;
        }
    }
    qsort(us, PASSES, sizeof(us[0]), ascending);
    *ret_us = us[PASSES / 2];
    return true;
}

/* First the ignore marks, then the mark: nobody is there to answer. */
static bool
marked(uint64_t mask, double *ret_us)
{
    const unsigned ignore = FAN_MARK_ADD | FAN_MARK_IGNORE | FAN_MARK_EVICTABLE;
    int group = fanotify_init(
        FAN_CLASS_PRE_CONTENT | FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS | FAN_CLOEXEC, O_RDONLY);
    bool done = group >= 0;

    for (size_t i = 0; done && i < count; i++) {
        done = fanotify_mark(group, ignore, mask, AT_FDCWD, names[i]) == 0;
    }
    done =
        done && fanotify_mark(group, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, mask, AT_FDCWD, ".") == 0;
    if (!done) {
        perror("fanotify");
    }
    done = done && median(ret_us);
    if (group >= 0) {
        (void)close(group);
    }
    return done;
}

int
main(int argc, char **argv)
{
    double none, opens, accesses;

    if (!files_of(argc == 2 ? argv[1] : NULL, &names, &count)) {
        fprintf(stderr, "usage: bare_marks FOLDER\n");
        return 2;
    }
    if (count == 0 || !pass(&none) || !median(&none) || !marked(FAN_OPEN_PERM, &opens) ||
        !marked(FAN_OPEN_PERM | FAN_PRE_ACCESS, &accesses)) {
        return 1;
    }
    printf("%.3f %.3f %.3f\n", none, opens, accesses);
    return 0;
}
