/* make_entries FOLDER COUNT: so many entries below a new folder: 999 empty files to a folder, a
 * hundred folders to a folder. The same names every time: make_entries knows no other content. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES 999
#define FOLDERS 100

static int
fill(int top, int number)
{
    char name[32];
    int sub, fd;

    (void)snprintf(name, sizeof(name), "%03d", number / FOLDERS);
    if (number % FOLDERS == 0 && mkdirat(top, name, 0755) != 0) {
        return -1;
    }
    (void)snprintf(name, sizeof(name), "%03d/%05d", number / FOLDERS, number);
    if (mkdirat(top, name, 0755) != 0) {
        return -1;
    }
    sub = openat(top, name, O_RDONLY | O_DIRECTORY);
    for (int i = 0; sub >= 0 && i < FILES; i++) {
        (void)snprintf(name, sizeof(name), "file %04d.dat", i);
        fd = openat(sub, name, O_WRONLY | O_CREAT | O_EXCL, 0644);
        if (fd < 0 || close(fd) != 0) {
            return -1;
        }
    }
    return sub < 0 ? -1 : close(sub);
}

int
main(int argc, char **argv)
{
    int count = argc == 3 ? atoi(argv[2]) : 0, top;

    if (count < FILES + 1) {
        fprintf(stderr, "usage: make_entries FOLDER COUNT\n");
        return 2;
    }
    if (mkdir(argv[1], 0755) != 0 || (top = open(argv[1], O_RDONLY | O_DIRECTORY)) < 0) {
        perror(argv[1]);
        return 1;
    }
    for (int i = 0; i < count / (FILES + 1); i++) {
        if (fill(top, i) != 0) {
            perror("make_entries");
            return 1;
        }
    }
    return 0;
}
