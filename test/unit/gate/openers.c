/* openers FILE COUNT BYTE: COUNT processes open FILE at once; tells "waiting" when all are on their way and "right N" for how many then
 * read BYTE first. Cheap processes: vfork-like clones that share memory, each with a small stack and its own open. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STACK = 16384 };
static const char *path;
static int byte;
static int *right;

static int
opener(void *arg)
{
    unsigned char c;
    int fd = open(path, O_RDONLY);

    if (fd >= 0 && read(fd, &c, 1) == 1 && c == byte) {
        __atomic_add_fetch(right, 1, __ATOMIC_RELAXED);
    }
    _exit(0);
}

int
main(int argc, char **argv)
{
    int count, i, started = 0;
    char *stacks;

    if (argc != 4) {
        return 2;
    }
    path = argv[1];
    count = atoi(argv[2]);
    byte = atoi(argv[3]);
    right = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    stacks = mmap(NULL, (size_t)count * STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (right == MAP_FAILED || stacks == MAP_FAILED) {
        return 1;
    }
    for (i = 0; i < count; i++) {
        if (clone(opener, stacks + (size_t)(i + 1) * STACK, CLONE_VM | SIGCHLD, NULL) > 0) {
            started++;
        }
    }
    printf("waiting\n");
    fflush(stdout);
    while (wait(NULL) > 0) {
    }
    printf("right %d\n", *right);
    return started == count ? 0 : 1;
}
