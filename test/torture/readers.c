/* readers: reads a file by one system call family and prints the SHA-256 of what it got, so that
 * each way into a stub can be compared with the original.
 *
 *   readers METHOD FILE      exit status 0 and the hash; 3 and the errno's name when the system
 * refused; 2 wrong usage readers --list           the methods */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/fs.h>
#include <openssl/evp.h>

#define CHUNK 65536u

static EVP_MD_CTX *sha;
static struct stat st; /* of the opened file: opened first, so that a recall has happened */

static _Noreturn void
refuse(const char *what)
{
    printf("%s: %s\n", what, strerrorname_np(errno));
    exit(3);
}

static void
add(const void *bytes, size_t len)
{
    if (EVP_DigestUpdate(sha, bytes, len) != 1) {
        exit(2);
    }
}

static int
open_it(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC);

    if (fd < 0) {
        refuse("open");
    }
    if (fstat(fd, &st) != 0) {
        refuse("fstat");
    }
    return fd;
}

/* What another descriptor holds now, read from its start: for the methods that move bytes
 * elsewhere. */
static void
add_all_of(int fd)
{
    char buf[CHUNK];
    off_t at = 0;
    ssize_t n;

    while ((n = pread(fd, buf, sizeof(buf), at)) > 0) {
        add(buf, (size_t)n);
        at += n;
    }
    if (n < 0) {
        refuse("pread of the copy");
    }
}

static int
temp_beside(const char *path)
{
    char name[4200];
    int fd;

    (void)snprintf(name, sizeof(name), "%.4096s", path);
    *(strrchr(name, '/') == NULL ? name : strrchr(name, '/')) = '\0';
    fd = open(name[0] == '\0' ? "." : name, O_TMPFILE | O_RDWR, 0600);
    if (fd < 0) {
        refuse("O_TMPFILE");
    }
    return fd;
}

static void
by_read(const char *path)
{
    char buf[CHUNK];
    int fd = open_it(path, O_RDONLY);
    ssize_t n;

    while ((n = read(fd, buf, sizeof(buf))) > 0) {
        add(buf, (size_t)n);
    }
    if (n < 0) {
        refuse("read");
    }
}

static void
by_direct(const char *path)
{
    char *buf = aligned_alloc(4096, CHUNK);
    int fd = open_it(path, O_RDONLY | O_DIRECT);
    ssize_t n;

    while ((n = read(fd, buf, CHUNK)) > 0) {
        add(buf, (size_t)n);
    }
    if (n < 0) {
        refuse("read");
    }
}

static void
map_it(const char *path, int kind)
{
    int fd = open_it(path, O_RDONLY);
    void *at;

    if (st.st_size == 0) {
        return;
    }
    at = mmap(NULL, (size_t)st.st_size, PROT_READ, kind, fd, 0);
    if (at == MAP_FAILED) {
        refuse("mmap");
    }
    (void)close(fd);
    add(at, (size_t)st.st_size);
}

static void
by_mmap_shared(const char *path)
{
    map_it(path, MAP_SHARED);
}

static void
by_mmap_private(const char *path)
{
    map_it(path, MAP_PRIVATE);
}

static void
by_sendfile(const char *path)
{
    int in = open_it(path, O_RDONLY), out = temp_beside(path);
    ssize_t n;

    while ((n = sendfile(out, in, NULL, 1 << 20)) > 0) {
    }
    if (n < 0) {
        refuse("sendfile");
    }
    add_all_of(out);
}

static void
by_splice(const char *path)
{
    int in = open_it(path, O_RDONLY), ends[2];
    char buf[CHUNK];
    ssize_t n;

    if (pipe(ends) != 0) {
        refuse("pipe");
    }
    while ((n = splice(in, NULL, ends[1], NULL, CHUNK, 0)) > 0) {
        for (ssize_t left = n; left > 0;) {
            ssize_t got = read(ends[0], buf, (size_t)left);

            if (got <= 0) {
                refuse("read of the pipe");
            }
            add(buf, (size_t)got);
            left -= got;
        }
    }
    if (n < 0) {
        refuse("splice");
    }
}

static void
by_copy_file_range(const char *path)
{
    int in = open_it(path, O_RDONLY), out = temp_beside(path);
    ssize_t n;

    while ((n = copy_file_range(in, NULL, out, NULL, 1 << 30, 0)) > 0) {
    }
    if (n < 0) {
        refuse("copy_file_range");
    }
    add_all_of(out);
}

static void
by_clone(const char *path)
{
    int in = open_it(path, O_RDONLY), out = temp_beside(path);

    if (ioctl(out, FICLONE, in) != 0) {
        refuse("FICLONE");
    }
    add_all_of(out);
}

/* What `cp` and `tar -S` do: only what SEEK_DATA shows is read, the rest taken for zeros. */
static void
by_seek_data(const char *path)
{
    static const char zeros[CHUNK];
    char buf[CHUNK];
    int fd = open_it(path, O_RDONLY);
    off_t at = 0;

    while (at < st.st_size) {
        off_t data = lseek(fd, at, SEEK_DATA), hole;

        if (data < 0) {
            data = st.st_size;
        }
        for (; at < data; at += (off_t)CHUNK < data - at ? (off_t)CHUNK : data - at) {
            add(zeros, (size_t)((off_t)CHUNK < data - at ? (off_t)CHUNK : data - at));
        }
        hole = data < st.st_size ? lseek(fd, data, SEEK_HOLE) : data;
        while (at < hole) {
            size_t want = (size_t)(hole - at) < sizeof(buf) ? (size_t)(hole - at) : sizeof(buf);
            ssize_t n = pread(fd, buf, want, at);

            if (n <= 0) {
                refuse("pread");
            }
            add(buf, (size_t)n);
            at += n;
        }
    }
}

static void
by_io_uring(const char *path)
{
    struct io_uring ring;
    char buf[CHUNK];
    int fd, rc = io_uring_queue_init(4, &ring, 0);
    uint64_t at = 0;

    if (rc < 0) {
        errno = -rc;
        refuse("io_uring");
    }
    /* Opened through the ring too. */
    io_uring_prep_openat(io_uring_get_sqe(&ring), AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    for (bool opened = false;; opened = true) {
        struct io_uring_cqe *cqe;

        (void)io_uring_submit(&ring);
        rc = io_uring_wait_cqe(&ring, &cqe);
        if (rc < 0 || cqe->res < 0) {
            errno = rc < 0 ? -rc : -cqe->res;
            refuse(opened ? "io_uring read" : "io_uring open");
        }
        rc = cqe->res;
        io_uring_cqe_seen(&ring, cqe);
        if (!opened) {
            fd = rc;
        } else if (rc == 0) {
            return;
        } else {
            add(buf, (size_t)rc);
            at += (uint64_t)rc;
        }
        io_uring_prep_read(io_uring_get_sqe(&ring), fd, buf, sizeof(buf), at);
    }
}

static const struct {
    const char *name;
    void (*run)(const char *path);
} methods[] = {
    {"read", by_read},
    {"direct", by_direct},
    {"mmap-shared", by_mmap_shared},
    {"mmap-private", by_mmap_private},
    {"sendfile", by_sendfile},
    {"splice", by_splice},
    {"copy_file_range", by_copy_file_range},
    {"clone", by_clone},
    {"seek-data", by_seek_data},
    {"io_uring", by_io_uring},
};

int
main(int argc, char **argv)
{
    unsigned char out[EVP_MAX_MD_SIZE];
    unsigned len;

    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
            puts(methods[i].name);
        }
        return 0;
    }
    for (size_t i = 0; argc == 3 && i < sizeof(methods) / sizeof(methods[0]); i++) {
        if (strcmp(argv[1], methods[i].name) != 0) {
            continue;
        }
        sha = EVP_MD_CTX_new();
        if (sha == NULL || EVP_DigestInit_ex(sha, EVP_sha256(), NULL) != 1) {
            return 2;
        }
        methods[i].run(argv[2]);
        if (EVP_DigestFinal_ex(sha, out, &len) != 1) {
            return 2;
        }
        for (unsigned k = 0; k < len; k++) {
            printf("%02x", out[k]);
        }
        printf("\n");
        return 0;
    }
    fprintf(stderr, "usage: readers METHOD FILE | readers --list\n");
    return 2;
}
