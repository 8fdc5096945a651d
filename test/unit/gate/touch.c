/* touch make DIR N: N files of 4 KiB.  touch read DIR N: opens, reads and closes each; prints microseconds a file. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
    char room[4096], name[64];
    struct timespec a, b;
    int i, n;

    if (argc != 4) {
        return 2;
    }
    n = atoi(argv[3]);
    memset(room, 'x', sizeof(room));
    if (strcmp(argv[1], "make") == 0 && mkdir(argv[2], 0700) != 0) {
        return 1;
    }
    if (chdir(argv[2]) != 0) {
        return 1;
    }
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (i = 0; i < n; i++) {
        int make = argv[1][0] == 'm', fd;

        (void)snprintf(name, sizeof(name), "f%d", i);
        fd = open(name, make ? O_WRONLY | O_CREAT : O_RDONLY, 0600);
        if (fd < 0 || (make ? write(fd, room, sizeof(room)) : read(fd, room, sizeof(room))) != sizeof(room) || close(fd) != 0) {
            return 1;
        }
    }
    clock_gettime(CLOCK_MONOTONIC, &b);
    printf("%.2f\n", ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / 1000 / n);
    sync();
    return 0;
}
