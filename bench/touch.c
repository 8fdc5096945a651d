/* touch FOLDER: opens, reads 4 KiB of and closes every file of a folder, one after the other;
 * prints the seconds that took. The names are listed before the clock starts. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "files.h"

int
main(int argc, char **argv)
{
    char buf[4096], **names = NULL;
    size_t count = 0;
    double began;

    if (!files_of(argc == 2 ? argv[1] : NULL, &names, &count)) {
        fprintf(stderr, "usage: touch FOLDER\n");
        return 2;
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
