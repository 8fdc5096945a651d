/* files.h: what the small programs of the bench share. */
#ifndef ALTO_BENCH_FILES_H
#define ALTO_BENCH_FILES_H

#include <dirent.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static inline double
now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The names in a folder, which becomes the working folder; they live as long as the program. False:
 * there is no such folder. */
static inline bool
files_of(const char *folder, char ***ret_names, size_t *ret_count)
{
    DIR *d = folder != NULL ? opendir(folder) : NULL;
    char **names = NULL;
    size_t count = 0;

    if (d == NULL || chdir(folder) != 0) {
        return false;
    }
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        if (e->d_name[0] != '.') {
            names = realloc(names, (count + 1) * sizeof(*names));
            names[count++] = strdup(e->d_name);
        }
    }
    (void)closedir(d);
    *ret_names = names;
    *ret_count = count;
    return true;
}

#endif
