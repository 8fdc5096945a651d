/* kill -9 at any time: a child spools records from several threads and delivers them to a server,
 * which is this process; it is killed again and again. Afterwards every record whose put had
 * returned must have been applied, once, and no batch number ever carried two different contents.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/link/spool.h"
#include "base/hash.h"
#include "port/thread.h"
#include "tap.h"

#define ROUNDS 40
#define ENOUGH 500 /* records, for the test to mean something */
#define THREADS 4
#define PER_ROUND 4000 /* numbers a round may use */

static char folder[600];

/* ---- the child ---- */
struct putter {
    struct spool *spool;
    int ack_fd;
    unsigned next, step, end;
};

static void *
put_for_ever(void *arg)
{
    struct putter *p = arg;

    for (unsigned n = p->next; n < p->end; n += p->step) {
        char line[48];
        uint32_t number = n;

        snprintf(line, sizeof(line), "%u %s", n, n % 3 == 0 ? "some more bytes in this one" : "");
        if (spool_put(p->spool, al_span_of(line), NULL) != AL_OK ||
            write(p->ack_fd, &number, 4) != 4) {
            _exit(3);
        }
    }
    return NULL; /* the numbers behind it are of the next life */
}

/* One batch to the server over the socket: stream, seq, length, body; the answer is the applied
 * number. */
static int
send_batch(int fd, const char *stream, uint64_t seq, const struct al_buf *body,
           uint64_t *ret_applied)
{
    uint64_t head[2] = {seq, body->len};
    size_t at = 0;

    if (write(fd, stream, AL_ID_LEN) != AL_ID_LEN ||
        write(fd, head, sizeof(head)) != sizeof(head)) {
        return -1;
    }
    while (at < body->len) {
        ssize_t n = write(fd, body->at + at, body->len - at);

        if (n <= 0) {
            return -1;
        }
        at += (size_t)n;
    }
    return read(fd, ret_applied, 8) == 8 ? 0 : -1;
}

static void
child(int server_fd, int ack_fd, unsigned first, bool drain)
{
    struct spool_conf conf = {
        .port = port_native(), .path = folder, .segment_bytes = 16384, .batch_records = 64};
    struct spool *s = NULL;
    struct putter putters[THREADS];
    struct port_thread threads[THREADS];
    struct al_buf body;
    al_id stream;

    if (spool_open(&conf, &s, NULL) != AL_OK) {
        _exit(4);
    }
    al_buf_init(&body, 4u << 20);
    for (unsigned i = 0; i < THREADS && !drain; i++) {
        putters[i] = (struct putter){s, ack_fd, first + i, THREADS, first + PER_ROUND};
        if (port_thread_start(&threads[i], "put", 0, put_for_ever, &putters[i]) != AL_OK) {
            _exit(5);
        }
    }
    for (;;) {
        uint64_t seq, applied;
        bool any = false;

        (void)spool_wait(s, 1000000000);
        if (spool_batch(s, &body, stream, &seq, &any) != AL_OK) {
            _exit(6);
        }
        if (!any) {
            if (drain) {
                _exit(0);
            }
            continue;
        }
        if (send_batch(server_fd, stream, seq, &body, &applied) != 0 ||
            spool_applied(s, seq, applied) != AL_OK) {
            _exit(7);
        }
    }
}

/* ---- the server ---- */
static uint8_t applied_times[ROUNDS * PER_ROUND];
static bool acked[ROUNDS * PER_ROUND];
static char server_stream[AL_ID_LEN + 1];
static uint64_t server_seq;
static uint64_t last_hash; /* of the batch with number server_seq */
static unsigned resent;
static struct al_buf incoming; /* bytes of the socket, not yet a whole batch */

/* Applies what is whole; some answers get lost on purpose, by not being sent. */
static void
serve(int fd, bool answer)
{
    while (incoming.len >= AL_ID_LEN + 16) {
        uint64_t head[2];
        const char *body = (const char *)incoming.at + AL_ID_LEN + 16;
        size_t whole;

        memcpy(head, incoming.at + AL_ID_LEN, 16);
        whole = AL_ID_LEN + 16 + head[1];
        if (incoming.len < whole) {
            return;
        }
        if (server_stream[0] == '\0') {
            memcpy(server_stream, incoming.at, AL_ID_LEN);
        }
        TAP_CHECK(memcmp(server_stream, incoming.at, AL_ID_LEN) == 0);
        if (head[0] <= server_seq) {
            TAP_EQUAL_U64(head[0], server_seq);
            TAP_EQUAL_U64(al_xxh64(body, head[1], 0), last_hash);
            resent++;
        } else {
            TAP_EQUAL_U64(head[0], server_seq + 1);
            server_seq = head[0];
            last_hash = al_xxh64(body, head[1], 0);
            for (const char *at = body; at < body + head[1];
                 at = (const char *)memchr(at, '\n', head[1]) + 1) {
                unsigned long n = strtoul(at, NULL, 10);

                TAP_CHECK(n < AL_LEN(applied_times));
                applied_times[n]++;
            }
        }
        if (answer && write(fd, &server_seq, 8) != 8) {
            TAP_CHECK(errno == EPIPE);
        }
        memmove(incoming.at, incoming.at + whole, incoming.len - whole);
        incoming.len -= whole;
    }
}

static void
take_acks(int fd)
{
    uint32_t numbers[256];
    ssize_t n;

    while ((n = read(fd, numbers, sizeof(numbers))) > 0) {
        for (ssize_t i = 0; i < n / 4; i++) {
            acked[numbers[i]] = true;
        }
    }
}

static int64_t
now_ns(void)
{
    return port_mono_ns(port_native());
}

/* Starts a child, serves it for the given time, kills it (or, draining, lets it end). */
static void
one_round(unsigned round, int64_t life_ns, bool drain)
{
    int pair[2], acks[2], status = 0;
    int64_t end = now_ns() + life_ns;
    bool mute = round % 5 == 4; /* this server applies and never answers */
    pid_t pid;

    TAP_CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    TAP_CHECK(pipe2(acks, O_NONBLOCK) == 0);
    TAP_CHECK(fcntl(acks[1], F_SETFL, 0) == 0);
    pid = fork();
    TAP_CHECK(pid >= 0);
    if (pid == 0) {
        close(pair[0]);
        close(acks[0]);
        child(pair[1], acks[1], round * PER_ROUND, drain);
    }
    close(pair[1]);
    close(acks[1]);
    al_buf_clear(&incoming);
    while (drain || now_ns() < end) {
        struct pollfd p = {pair[0], POLLIN, 0};
        ssize_t n;

        (void)poll(&p, 1, 1);
        take_acks(acks[0]);
        TAP_OK(al_buf_reserve(&incoming, 1u << 20));
        n = recv(pair[0], incoming.at + incoming.len, 1u << 20, MSG_DONTWAIT);
        if (n == 0) {
            break;
        }
        if (n > 0) {
            incoming.len += (size_t)n;
            serve(pair[0], drain || !mute);
        }
    }
    if (!drain) {
        (void)kill(pid, SIGKILL);
    }
    TAP_CHECK(waitpid(pid, &status, 0) == pid);
    TAP_CHECK(drain ? WIFEXITED(status) && WEXITSTATUS(status) == 0 : WIFSIGNALED(status));
    take_acks(acks[0]);
    close(pair[0]);
    close(acks[0]);
}

static unsigned long
acknowledged(void)
{
    unsigned long total = 0;

    for (size_t i = 0; i < AL_LEN(acked); i++) {
        total += acked[i];
    }
    return total;
}

static void
after_kill_9_at_any_time_every_acknowledged_record_is_applied_once(void)
{
    unsigned long total = 0, lost = 0, twice = 0;
    unsigned seed = 20261123, longer = 1;

    al_buf_init(&incoming, 64u << 20);
    for (unsigned round = 0; round < ROUNDS; round++) {
        seed = seed * 1103515245u + 12345u;
        one_round(round, (1000000 + (int64_t)(seed >> 8) % 60000000) * longer, false);
        /* On a busy machine a life that short ends before it has begun. */
        longer = acknowledged() > (round + 1) * (2 * ENOUGH / ROUNDS) ? 1
                 : longer < 64                                        ? longer * 2
                                                                      : 64;
    }
    one_round(0, 0, true);
    for (size_t i = 0; i < AL_LEN(acked); i++) {
        total += acked[i];
        lost += acked[i] && applied_times[i] == 0;
        twice += applied_times[i] > 1;
    }
    printf("# %lu records acknowledged in %d lives, %lu batches, %u sent again\n", total, ROUNDS,
           (unsigned long)server_seq, resent);
    TAP_CHECK(total > ENOUGH);
    TAP_CHECK(resent > 0);
    TAP_EQUAL_U64(lost, 0);
    TAP_EQUAL_U64(twice, 0);
    al_buf_free(&incoming);
}

int
main(int argc, char **argv)
{
    (void)signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        printf("1..0 # SKIP give a folder to work in\n");
        return 0;
    }
    snprintf(folder, sizeof(folder), "%s/spool-kill-%lld", argv[1],
             (long long)port_now_ns(port_native()));
    TAP_RUN(after_kill_9_at_any_time_every_acknowledged_record_is_applied_once);
    return tap_end();
}
