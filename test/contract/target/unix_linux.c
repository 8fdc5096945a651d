#include "unix.h"

#include <stdio.h>
#include <sys/wait.h>

int
unix_run(const char *command, char *out, size_t cap)
{
    FILE *p = popen(command, "r");
    char rest[4096];
    int status;

    if (!p) {
        return -1;
    }
    out[fread(out, 1, cap - 1, p)] = '\0';
    while (fread(rest, 1, sizeof(rest), p) > 0) {
    }
    status = pclose(p);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
