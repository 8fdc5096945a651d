/* touch FOLDER: opens, reads 4 KiB of and closes every file of a folder, one after the other;
 * prints the seconds that took. The names are listed before the clock starts. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double
now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int
main(int argc, char **argv)
{
    char buf[4096], **names = NULL;
    size_t count = 0;
    double began;
    DIR *d = argc == 2 ? opendir(argv[1]) : NULL;

    if (d == NULL || chdir(argv[1]) != 0) {
        fprintf(stderr, "usage: touch FOLDER\n");
        return 2;
    }
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        if (e->d_name[0] != '.') {
            names = realloc(names, (count + 1) * sizeof(*names));
            names[count++] = strdup(e->d_name);
        }
    }
    began = now();
    for (size_t i = 0; i < count; i++) {
        int fd = open(names[i], O_RDONLY);

        if (fd < 0 || read(fd, buf, sizeof(buf)) < 0) {
            perror(names[i]);
            return 1;
        }
        (void)close(fd);
    }
    printf("%.6f\n", now() - began);
    return 0;
}
