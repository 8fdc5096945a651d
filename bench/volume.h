/* volume.h: the volume that the programs of the inventory's bench share: how it is named, what lies in it, and the
 * clock, dice and end of a program that they have in common. */
#ifndef ALTO_BENCH_VOLUME_H
#define ALTO_BENCH_VOLUME_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "server/inventory/inventory.h"

#define CUSTOMER "01hc0000000000000000000000"
#define VOLUME "01hv0000000000000000000000"
#define NOW_NS INT64_C(1800000000000000000)
#define FILES_A_FOLDER 100u
#define FOLDERS_A_PROJECT 100u

static const struct inventory_scope own = {CUSTOMER};
static uint64_t seed = 42;

static inline double
now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static inline void
check(int rc, const char *what)
{
    if (rc < 0) {
        fprintf(stderr, "%s: %s\n", what, al_code_name(rc));
        exit(1);
    }
}

static inline uint64_t
draw(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* Of the i-th file of the volume. */
static inline void
file_name(uint64_t i, char *out, size_t len)
{
    static const char *const exts[] = {"jpg", "pdf", "docx", "mov", "mxf", "wav", "txt", "xlsx",
                                       "c",   "h",   "log",  "bak", "tif", "psd", "mp4"};
    static const char *const stems[] = {"IMG_", "report-", "scan", "Copy of invoice ", "DSC"};
    uint64_t mixed = (i * 0x9e3779b97f4a7c15u) >> 20;

    snprintf(out, len, "%s%" PRIu64 ".%s", stems[mixed % AL_LEN(stems)], mixed / 7 % 1000000,
             exts[mixed / 1000 % AL_LEN(exts)]);
}

#endif
