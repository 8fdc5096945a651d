/* read_all READERS FOLDER: so many threads open and read to the end all files of a folder between
 * them, each file once; prints seconds and bytes. The names are listed before the clock starts. */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "files.h"

#define BUF_BYTES (1u << 20)
#define READERS_MAX 64

static char **names;
static size_t count;
static _Atomic size_t next;
static _Atomic uint64_t bytes;
static _Atomic int failed;

static void *
reader(void *arg)
{
    char *buf = malloc(BUF_BYTES);
    size_t i;

    (void)arg;
    while (buf != NULL && (i = atomic_fetch_add(&next, 1)) < count) {
        int fd = open(names[i], O_RDONLY | O_CLOEXEC);
        ssize_t n = -1;

        while (fd >= 0 && (n = read(fd, buf, BUF_BYTES)) > 0) {
            atomic_fetch_add(&bytes, (uint64_t)n);
        }
        if (fd < 0 || n < 0) {
            perror(names[i]);
            atomic_store(&failed, 1);
        }
        if (fd >= 0) {
            (void)close(fd);
        }
    }
    free(buf);
    return NULL;
}

int
main(int argc, char **argv)
{
    pthread_t threads[READERS_MAX];
    int readers = argc == 3 ? atoi(argv[1]) : 0;
    double began;

    if (readers < 1 || readers > READERS_MAX || !files_of(argv[2], &names, &count)) {
        fprintf(stderr, "usage: read_all READERS FOLDER\n");
        return 2;
    }
    began = now();
    for (int i = 0; i < readers; i++) {
        if (pthread_create(&threads[i], NULL, reader, NULL) != 0) {
            fprintf(stderr, "read_all: no thread\n");
            return 1;
        }
    }
    for (int i = 0; i < readers; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    printf("%.6f %llu\n", now() - began, (unsigned long long)bytes);
    return failed;
}
