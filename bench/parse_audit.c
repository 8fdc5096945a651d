/* parse_audit FILE ROUNDS: events of an audit log in mapped memory, each with the five fields the follower needs; "events hash seconds" a round. Wall clock: the
 * peer uses a second thread. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/auditlog/parse.h"

#define PIECE ((size_t)1 << 20)
#define EVENTS 1024u

static double
seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int
read_all(struct auditlog_parser *p, const uint8_t *bytes, size_t size, uint64_t *ret_count, uint64_t *ret_hash)
{
    static struct auditlog_event events[EVENTS];
    uint64_t n = 0, h = 0;
    size_t at = 0, count, used;

    while (at < size) {
        size_t len = size - at < PIECE ? size - at : PIECE;

        if (auditlog_parse(p, (struct al_span){bytes + at, len}, 0, events, EVENTS, &count, &used) != AL_OK) {
            return 1;
        }
        for (size_t i = 0; i < count; i++) {
            h += (uint64_t)events[i].time_ns + events[i].path.len + events[i].user.len + events[i].host.len + events[i].name.len;
        }
        if (used == 0) {
            break;
        }
        at += used;
        n += count;
    }
    *ret_count = n;
    *ret_hash = h;
    return 0;
}

int
main(int argc, char **argv)
{
    struct auditlog_parser *p = NULL;
    struct stat st;
    const uint8_t *bytes;
    int fd = argc == 3 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;

    if (fd < 0 || fstat(fd, &st) != 0 || auditlog_parser_new(&p) != AL_OK) {
        fprintf(stderr, "usage: parse_audit FILE ROUNDS\n");
        return 2;
    }
    bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (bytes == MAP_FAILED) {
        perror(argv[1]);
        return 1;
    }
    for (int i = 0; i < atoi(argv[2]); i++) {
        uint64_t n, h;
        double began = seconds();

        auditlog_parser_begin(p, false);
        if (read_all(p, bytes, (size_t)st.st_size, &n, &h) != 0) {
            return 1;
        }
        printf("%" PRIu64 " %" PRIx64 " %.6f\n", n, h, seconds() - began);
    }
    auditlog_parser_free(p);
    close(fd);
    return 0;
}
