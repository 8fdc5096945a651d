/* hold.c: alto-hold keeps a duplicate of the gate's event group and does nothing else, so that
 * openers wait instead of reading zeros while gate and agent are both dead. When nobody comes back
 * for longer than the limit, it denies everything. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "gate/gate.h"
#include "port/process.h"

#define HOLD_RETRY_NS 50000000
#define HOLD_DENY_MS 200 /* between two looks for a new gate */
#define HOLD_LOOK_MS 1000
#define HOLD_ASLEEP_NS                                                                             \
    5000000000 /* between two looks: then this process did not run itself, and knows nothing */

struct hold {
    const char *socket;
    struct port *port;
    int gate;  /* the connection; -1: none */
    int pidfd; /* of the process at its other end */
    int group, table_fd;
    struct table *table; /* NULL: not known yet */
    uint64_t beat;       /* as last seen, and since when */
    int64_t beat_ns, look_ns;
    uint64_t group_id;
    uint64_t wait_ms; /* the gate's, once it has told */
    int64_t lost_ns;
    int right; /* to read, while denying; -1 else */
};

static int
hello(struct hold *h)
{
    AL_CLEANUP(al_buf_free) struct al_buf b = {0};
    const struct gatemsg m = {.type = GATEMSG_HELLO, .role = GATEMSG_KEEPER, .group = h->group_id};
    const int fds[2] = {h->group, h->table_fd};
    struct port_peer peer;
    int fd, rc;

    al_buf_init(&b, GATEMSG_MAX);
    rc = port_usock_connect(h->socket, &fd, &peer);
    if (rc != AL_OK) {
        return rc;
    }
    rc = peer.uid == 0 ? gatemsg_encode(&m, &b) : AL_EACCES;
    if (rc == AL_OK) {
        rc = port_usock_send(fd, b.at, b.len, fds, h->group >= 0 ? 2 : 0, GATE_SEND_MS);
    }
    if (rc != AL_OK) {
        port_fd_close(&fd);
        port_fd_close(&peer.pidfd);
        return rc;
    }
    h->gate = fd;
    h->pidfd = peer.pidfd;
    h->beat_ns = h->look_ns = port_mono_ns(h->port);
    return AL_OK;
}

static void
lost(struct hold *h, int64_t since_ns)
{
    port_fd_close(&h->gate);
    port_fd_close(&h->pidfd);
    h->lost_ns = since_ns;
}

static void
welcome(struct hold *h, const struct gatemsg *m, const int fds[2])
{
    void *at = NULL;

    if (h->table == NULL || m->group != h->group_id) {
        port_shared_unmap(h->table, sizeof(*h->table));
        h->table = port_shared_map(fds[1], sizeof(*h->table), &at) == AL_OK ? at : NULL;
    }
    h->look_ns = 0; /* a new gate: its beat is counted from now on */
    port_fd_close(&h->group);
    port_fd_close(&h->table_fd);
    h->group = fds[0];
    h->table_fd = fds[1];
    h->group_id = m->group;
    h->wait_ms = m->wait_ms;
    (void)fprintf(stderr, "<6>alto-hold: holds group %llu\n", (unsigned long long)h->group_id);
}

/* A gate that lives but does not run (stopped, frozen, hung in the kernel) would keep its openers
 * for ever. Whatever it was doing, the next one takes over. One that does not even welcome us has
 * no beat that we know of: a hold that was started anew meets it so. */
static void
watch_gate(struct hold *h)
{
    int64_t now = port_mono_ns(h->port);
    uint64_t beat;

    if (h->gate < 0) {
        return;
    }
    beat = h->table != NULL ? atomic_load(&h->table->beat) : h->beat;
    if (beat != h->beat || now - h->look_ns > HOLD_ASLEEP_NS) {
        h->beat = beat;
        h->beat_ns = now;
    }
    h->look_ns = now;
    if (now - h->beat_ns > (int64_t)h->wait_ms * 1000000) {
        (void)fprintf(stderr, "<3>alto-hold: alto-gate has not run for %llu ms: killed\n",
                      (unsigned long long)h->wait_ms);
        if (port_pidfd_kill(h->pidfd) != AL_OK) {
            (void)fputs("<3>alto-hold: it cannot be killed\n", stderr);
        }
        lost(h, h->beat_ns); /* who waited since then has waited long enough */
    }
}

/* Waits for what the gate says; it says hello and then nothing, until it is gone. */
static void
listen_to_gate(struct hold *h)
{
    uint8_t room[GATEMSG_MAX];
    struct port_poll p = {.fd = h->gate};
    int fds[PORT_USOCK_FDS_MAX];
    size_t len, count = 0, i = 0;
    struct gatemsg m;

    if (port_poll(&p, 1, HOLD_LOOK_MS) != AL_OK || !p.readable) {
        return;
    }
    if (port_usock_recv(h->gate, false, room, sizeof(room), &len, fds, &count) != AL_OK ||
        gatemsg_decode((struct al_span){room, len}, &m) != AL_OK) {
        lost(h, port_mono_ns(h->port));
    } else if (m.type == GATEMSG_WELCOME && count == 2) {
        welcome(h, &m, fds);
        i = 2;
    }
    for (; i < count; i++) {
        port_fd_close(&fds[i]);
    }
}

static void
deny(struct hold *h)
{
    unsigned n;

    if (h->right < 0 && port_fan_right(h->table_fd, 0, &h->right) != AL_OK) {
        port_sleep_ns(h->port, HOLD_RETRY_NS); /* the agent denies, or a gate is starting */
        return;
    }
    n = port_fan_deny_for(h->group, HOLD_DENY_MS);
    if (n > 0) {
        (void)fprintf(stderr, "<3>alto-hold: no gate for %llu ms: %u openers denied\n",
                      (unsigned long long)h->wait_ms, n);
    }
}

static void
hold_run(struct hold *h)
{
    while (!port_stop_wanted()) {
        int64_t now;

        if (h->gate >= 0) {
            listen_to_gate(h);
            watch_gate(h);
            continue;
        }
        if (hello(h) == AL_OK) {
            /* Nothing is read any more before the right goes: what was read is answered. */
            port_fd_close(&h->right);
            continue;
        }
        now = port_mono_ns(h->port);
        if (h->group >= 0 && now - h->lost_ns > (int64_t)h->wait_ms * 1000000) {
            deny(h);
        } else {
            port_sleep_ns(h->port, HOLD_RETRY_NS);
        }
    }
}

int
main(int argc, char **argv)
{
    static const struct option options[] = {{"socket", required_argument, NULL, 's'},
                                            {"wait-ms", required_argument, NULL, 'w'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    struct hold h = {.socket = GATE_SOCKET,
                     .port = port_native(),
                     .gate = -1,
                     .pidfd = -1,
                     .group = -1,
                     .table_fd = -1,
                     .right = -1,
                     .wait_ms = GATE_WAIT_MS};
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 'w' && al_parse_u64(optarg, &h.wait_ms) == AL_OK && h.wait_ms > 0 &&
            h.wait_ms <= GATE_WAIT_MS_MAX) {
            continue;
        }
        if (c != 's') {
            (void)fprintf(c == 'h' ? stdout : stderr,
                          "usage: alto-hold [--socket PATH] [--wait-ms 1 to %u]\n",
                          GATE_WAIT_MS_MAX);
            return c == 'h' ? 0 : 2;
        }
        h.socket = optarg;
    }
    port_stop_catch();
    if (port_fd_numbers_limit(PORT_FAN_NUMBERS_MAX) != AL_OK) {
        (void)fputs("<4>alto-hold: cannot set the limit of descriptors\n", stderr);
    }
    hold_run(&h);
    return 0;
}
