/* doctor_gate.c: what a running gate says of itself and of a filesystem. It is asked as anybody who
 * controls it is (GATEMSG_CONTROL), beside the agent that may be connected. */
#include "agent/stub/doctor_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "port/fan.h"
#include "port/usock.h"
#include "wire/gatemsg.h"

#define GATE_START "systemctl start alto-hold alto-gate, then mount the volume with mount -t alto"

/* One message there (fd below 0: none beside it) and one back, whose text is borrowed from room. */
static int
ask(int gate, const struct gatemsg *m, int fd, struct al_buf *room, struct gatemsg *ret)
{
    AL_CLEANUP(al_buf_free) struct al_buf b = {0};
    size_t len = 0;
    int rc;

    al_buf_init(&b, GATEMSG_MAX);
    al_buf_clear(room);
    rc = gatemsg_encode(m, &b);
    if (rc == AL_OK) {
        rc = al_buf_reserve(room, GATEMSG_MAX);
    }
    if (rc == AL_OK) {
        rc = port_usock_send(gate, b.at, b.len, &fd, fd >= 0 ? 1 : 0, DOCTOR_GATE_MS);
    }
    if (rc == AL_OK) {
        rc = port_usock_answer(gate, room->at, GATEMSG_MAX, &len, DOCTOR_GATE_MS);
    }
    return rc == AL_OK ? gatemsg_decode((struct al_span){room->at, len}, ret) : rc;
}

static int
greet(struct doctor *d, struct al_buf *room, int *ret)
{
    const struct gatemsg hello = {.type = GATEMSG_HELLO, .role = GATEMSG_CONTROL};
    struct port_peer peer;
    struct gatemsg m;
    int fd, rc;

    rc = port_usock_connect(d->conf->gate_socket, &fd, &peer);
    if (rc != AL_OK) {
        return rc;
    }
    port_fd_close(&peer.pidfd);
    rc = ask(fd, &hello, -1, room, &m);
    if (rc == AL_OK && m.type != GATEMSG_WELCOME) {
        rc = AL_ECORRUPT;
    }
    if (rc != AL_OK) {
        port_fd_close(&fd);
        return rc;
    }
    *ret = fd;
    return AL_OK;
}

static void
judge_marks(struct doctor *d, const json_t *marks)
{
    size_t i;

    for (i = 0; i < json_array_size(marks); i++) {
        AL_CLEANUP(al_buf_free) struct al_buf path = {0};
        const json_t *item = json_array_get(marks, i);
        bool marked = false;

        al_buf_init(&path, 4096);
        if (al_json_get_bytes(item, "path", &path, NULL) != AL_OK ||
            al_json_bool(item, "marked", &marked, NULL) != AL_OK) {
            continue;
        }
        doctor_find(d->report, "marked", marked ? DOCTOR_GOOD : DOCTOR_BAD,
                    marked ? NULL
                           : "unmount it and mount it again with mount -t alto; or, if it is gone "
                             "for good, alto-gate unmark",
                    "%.200s is %s", (const char *)path.at,
                    marked ? "marked" : "not marked, or not mounted");
    }
}

static void
judge_status(struct doctor *d, struct al_span text)
{
    AL_CLEANUP(al_json_freep) json_t *all = NULL;
    uint64_t holders = 0, agent = 0, wait_ms = 0, waiting = 0;

    if (al_json_parse(text, &all, NULL) != AL_OK ||
        al_json_u64(all, "holders", &holders, NULL) != AL_OK ||
        al_json_u64(all, "agent_pid", &agent, NULL) != AL_OK ||
        al_json_u64(all, "wait_ms", &wait_ms, NULL) != AL_OK ||
        al_json_u64(all, "waiting", &waiting, NULL) != AL_OK) {
        doctor_find(d->report, "gate", DOCTOR_BAD, "run the same version of all of Alto's programs",
                    "alto-gate's status is not understood");
        return;
    }
    doctor_find(d->report, "gate", DOCTOR_GOOD, NULL,
                "alto-gate answers; an opener waits at most %llu s; %llu wait now",
                (unsigned long long)(wait_ms / 1000), (unsigned long long)waiting);
    /* The agent holds the group as well. */
    if (holders <= (agent != 0 ? 1u : 0u)) {
        doctor_find(d->report, "hold", DOCTOR_BAD, "systemctl start alto-hold",
                    "no alto-hold: when gate and agent die together, stubs read as zeros");
    } else {
        doctor_find(d->report, "hold", DOCTOR_GOOD, NULL, "alto-hold keeps the gate's group");
    }
    if (agent == 0) {
        doctor_find(d->report, "agent", DOCTOR_WARN, "systemctl start alto-agent",
                    "no agent is connected to the gate: openers of stubs wait and then fail");
    } else {
        doctor_find(d->report, "agent", DOCTOR_GOOD, NULL, "the agent is connected to the gate");
    }
    if (d->root == NULL) {
        judge_marks(d, json_object_get(all, "marks"));
    }
}

static void
judge_path(struct doctor *d, int gate, struct al_buf *room)
{
    struct gatemsg m = {.type = GATEMSG_CHECK, .number = 2, .text = al_span_of(d->conf->path)},
                   reply;
    int rc;

    rc = ask(gate, &m, port_native_fd(d->root), room, &reply);
    if (rc == AL_OK) {
        rc = reply.type == GATEMSG_REPLY ? reply.code : AL_ECORRUPT;
    }
    if (rc != AL_OK) {
        doctor_find(d->report, "marked", DOCTOR_BAD, "see the gate's log: journalctl -u alto-gate",
                    "the gate cannot say whether this filesystem is marked (%s)", al_code_name(rc));
    } else if (reply.count == 0) {
        doctor_find(d->report, "marked", DOCTOR_BAD,
                    "unmount it and mount it again with mount -t alto",
                    "alto-gate has not marked this filesystem");
    } else {
        doctor_find(d->report, "marked", DOCTOR_GOOD, NULL, "alto-gate has marked this filesystem");
    }
}

/* A gate keeps the list of its marks beside its socket; without one no gate has marked anything
 * since the host was started. */
static bool
gate_was_here(struct doctor *d)
{
    const char *slash = strrchr(d->conf->gate_socket, '/');
    char path[4096];
    struct port_stat st;

    if (slash == NULL) {
        return true;
    }
    (void)snprintf(path, sizeof(path), "%.*s/gate.marks", (int)(slash - d->conf->gate_socket),
                   d->conf->gate_socket);
    return port_stat_at(d->port, NULL, path, &st) != AL_ENOENT;
}

bool
doctor_gate(struct doctor *d)
{
    const struct gatemsg status = {.type = GATEMSG_STATUS, .number = 1};
    AL_CLEANUP(al_buf_free) struct al_buf room = {0};
    struct gatemsg reply;
    int gate = -1, rc;

    al_buf_init(&room, GATEMSG_MAX);
    rc = greet(d, &room, &gate);
    if (rc == AL_OK) {
        rc = ask(gate, &status, -1, &room, &reply);
    }
    if (rc == AL_OK && (reply.type != GATEMSG_REPLY || reply.code != AL_OK)) {
        rc = AL_ECORRUPT;
    }
    if (rc == AL_OK) {
        judge_status(d, reply.text);
        if (d->root != NULL) {
            judge_path(d, gate, &room);
        }
    } else {
        doctor_find(d->report, "gate", DOCTOR_BAD, GATE_START,
                    "no alto-gate answers at %.150s (%s)", d->conf->gate_socket, al_code_name(rc));
    }
    port_fd_close(&gate);
    return rc == AL_OK || !gate_was_here(d);
}
