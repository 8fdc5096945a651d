/* stand_in.h: a folder with a program that stands in for another one (stand_in.c), found by PATH. Include after tap.h, once.
 * argv[1]: a folder to work in; argv[2]: the program. */
#ifndef ALTO_TEST_STAND_IN_H
#define ALTO_TEST_STAND_IN_H

#include <stdlib.h>

#include "base/mem.h"
#include "port/port.h"

#if defined(_WIN32)
#define SUFFIX ".exe"
#define SEPARATOR ";"
#define DRIVE "Z:" /* Wine's of the whole tree */
#else
#define SUFFIX ""
#define SEPARATOR ":"
#define DRIVE ""
#endif

static struct port *port;
static char base[600];

static void
put(const char *name, const void *bytes, size_t len, uint32_t mode)
{
    char path[700];
    struct port_file *f = NULL;

    snprintf(path, sizeof(path), "%s/%s", base, name);
    TAP_OK(port_open(port, NULL, path, PORT_READ | PORT_WRITE | PORT_CREATE | PORT_TRUNC, mode, &f));
    TAP_OK(port_pwrite(port, f, bytes, len, 0));
    TAP_OK(port_close(port, f));
}

static void
says(const char *name, const char *text)
{
    put(name, text, strlen(text), 0644);
}

/* base, with the program under that name; PATH is `before`, base, and what it was. False: it cannot be. */
static bool
stand_in_begin(int argc, char **argv, const char *name, const char *before)
{
    static char path[4000];
    AL_CLEANUP(al_buf_free) struct al_buf exe = {.max = 64u << 20};
    const char *was = getenv("PATH");
    char file[64];

    port = port_native();
    if (argc < 3) {
        return false;
    }
    snprintf(base, sizeof(base), "%s%s/%s-%llx", argv[1][0] == '/' ? DRIVE : "", argv[1], name, (unsigned long long)port_now_ns(port));
    for (char *c = base; *c != '\0'; c++) {
        *c = *c == '\\' ? '/' : *c;
    }
    if (port_mkdirs(port, base, 0755) != AL_OK || port_read_file(port, NULL, argv[2], 64u << 20, &exe) != AL_OK) {
        printf("Bail out! %s cannot be read\n", argv[2]);
        return false;
    }
    snprintf(file, sizeof(file), "%s" SUFFIX, name);
    put(file, exe.at, exe.len, 0755);
    snprintf(path, sizeof(path), "PATH=%s%s" SEPARATOR "%s", before, base, was != NULL ? was : "");
    putenv(path);
    return true;
}

#endif
