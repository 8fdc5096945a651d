/* control.c: see control.h. */
#include "gate/control.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "port/port.h"
#include "port/usock.h"

#define CONTROL_WAIT_MS 70000 /* a gate that takes over may wait for a lease of 45 s */
#define READY_SECONDS 10u
#define READY_SECONDS_MAX 3600u
#define READY_PAUSE_NS 50000000

static int
receive(int gate, struct al_buf *room, struct gatemsg *ret)
{
    size_t len = 0;
    int rc;

    al_buf_clear(room);
    rc = al_buf_reserve(room, GATEMSG_MAX);
    if (rc == AL_OK) {
        rc = port_usock_answer(gate, room->at, GATEMSG_MAX, &len, CONTROL_WAIT_MS);
    }
    return rc == AL_OK ? gatemsg_decode((struct al_span){room->at, len}, ret) : rc;
}

static int
send_message(int gate, const struct gatemsg *m, int fd)
{
    AL_CLEANUP(al_buf_free) struct al_buf b = {0};
    int rc;

    al_buf_init(&b, GATEMSG_MAX);
    rc = gatemsg_encode(m, &b);
    return rc == AL_OK ? port_usock_send(gate, b.at, b.len, &fd, fd >= 0 ? 1 : 0, CONTROL_WAIT_MS)
                       : rc;
}

int
gate_connect(const char *socket, int *ret, struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf room = {0};
    const struct gatemsg hello = {.type = GATEMSG_HELLO, .role = GATEMSG_CONTROL};
    struct port_peer peer;
    struct gatemsg m;
    int fd, rc;

    al_buf_init(&room, GATEMSG_MAX);
    rc = port_usock_connect(socket, &fd, &peer);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, 0, "no alto-gate answers at %s", socket);
    }
    port_fd_close(&peer.pidfd);
    rc = send_message(fd, &hello, -1);
    if (rc == AL_OK) {
        rc = receive(fd, &room, &m);
    }
    if (rc == AL_OK && m.type != GATEMSG_WELCOME) {
        rc = AL_ECORRUPT;
    }
    if (rc != AL_OK) {
        port_fd_close(&fd);
        return al_fail_set(fail, rc, 0, "alto-gate at %s does not welcome us", socket);
    }
    *ret = fd;
    return AL_OK;
}

int
gate_ask(int gate, struct gatemsg *m, int fd, struct gatemsg *ret, struct al_buf *text,
         struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf room = {0};
    struct gatemsg reply;
    int rc;

    al_buf_init(&room, GATEMSG_MAX);
    m->number = 1;
    rc = send_message(gate, m, fd);
    if (rc == AL_OK) {
        rc = receive(gate, &room, &reply);
    }
    if (rc != AL_OK || reply.type != GATEMSG_REPLY) {
        return al_fail_set(fail, rc == AL_OK ? AL_ECORRUPT : rc, 0, "alto-gate went away");
    }
    rc = al_buf_add(text, reply.text.at, reply.text.len);
    if (rc == AL_OK && reply.code != AL_OK) {
        rc = al_fail_set(fail, reply.code, 0, "%s",
                         text->len > 0 ? (const char *)text->at : al_code_name(reply.code));
    }
    reply.text = reply.handle = (struct al_span){0};
    *ret = reply;
    return rc;
}

static void
print_status(const char *text)
{
    AL_CLEANUP(al_json_freep) json_t *all = NULL;
    const char *key;
    json_t *value;
    size_t i;

    if (al_json_parse(al_span_of(text), &all, NULL) != AL_OK) {
        (void)puts(text);
        return;
    }
    json_object_foreach(all, key, value)
    {
        if (json_is_integer(value)) {
            (void)printf("%-10s %" JSON_INTEGER_FORMAT "\n", key, json_integer_value(value));
        } else if (json_is_boolean(value)) {
            (void)printf("%-10s %s\n", key, json_is_true(value) ? "yes" : "no");
        }
    }
    value = json_object_get(all, "marks");
    for (i = 0; i < json_array_size(value); i++) {
        const json_t *item = json_array_get(value, i);

        (void)printf("%-10s %s\n",
                     json_is_true(json_object_get(item, "marked")) ? "marked" : "UNMARKED",
                     json_string_value(json_object_get(item, "path")));
    }
}

/* Whether a gate answers and somebody beside it holds the group, so that it will mark. */
static bool
is_ready(const char *socket)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    AL_CLEANUP(al_json_freep) json_t *all = NULL;
    struct gatemsg m = {.type = GATEMSG_STATUS}, reply;
    struct al_fail fail = {0};
    uint64_t holders = 0;
    int gate = -1, rc;

    al_buf_init(&text, GATEMSG_MAX);
    rc = gate_connect(socket, &gate, &fail);
    rc = rc != AL_OK ? rc : gate_ask(gate, &m, -1, &reply, &text, &fail);
    port_fd_close(&gate);
    rc = rc != AL_OK ? rc : al_json_parse(al_buf_span(&text), &all, NULL);
    rc = rc != AL_OK ? rc : al_json_u64(all, "holders", &holders, NULL);
    return rc == AL_OK && holders > 0;
}

/* So that mounts wait for it when a machine starts. */
static int
wait_ready(const char *socket, const char *seconds)
{
    struct port *port = port_native();
    uint64_t n = READY_SECONDS;
    int64_t end;

    if (seconds != NULL && (al_parse_u64(seconds, &n) != AL_OK || n > READY_SECONDS_MAX)) {
        (void)fprintf(stderr, "alto-gate: ready takes 0 to %u seconds\n", READY_SECONDS_MAX);
        return 2;
    }
    end = port_mono_ns(port) + (int64_t)n * 1000000000;
    while (!is_ready(socket)) {
        if (port_mono_ns(port) >= end) {
            (void)fprintf(stderr, "alto-gate: no gate with a holder at %s after %u s\n", socket,
                          (unsigned)n);
            return 1;
        }
        port_sleep_ns(port, READY_PAUSE_NS);
    }
    return 0;
}

int
gate_control(const char *socket, const char *verb, char **args, int count, bool json)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    struct gatemsg m = {0}, reply;
    struct al_fail fail = {0};
    int gate = -1, rc;

    if (strcmp(verb, "ready") == 0 && count <= 1) {
        return wait_ready(socket, count == 1 ? args[0] : NULL);
    }
    if (strcmp(verb, "status") == 0 && count == 0) {
        m.type = GATEMSG_STATUS;
    } else if (strcmp(verb, "mark") == 0 && count == 1) {
        m.type = GATEMSG_MARK;
    } else if (strcmp(verb, "unmark") == 0 && count == 1) {
        m.type = GATEMSG_UNMARK;
    } else {
        (void)fprintf(stderr,
                      "alto-gate: mark PATH, unmark PATH, ready or status; see alto-gate(8)\n");
        return 2;
    }
    if (count == 1) {
        m.text = al_span_of(args[0]);
        if (args[0][0] != '/') {
            (void)fprintf(stderr, "alto-gate: %s: an absolute path, please\n", args[0]);
            return 2;
        }
    }
    al_buf_init(&text, GATEMSG_MAX);
    rc = gate_connect(socket, &gate, &fail);
    if (rc == AL_OK) {
        rc = gate_ask(gate, &m, -1, &reply, &text, &fail);
    }
    port_fd_close(&gate);
    if (rc != AL_OK) {
        (void)fprintf(stderr, "alto-gate: %s\n", fail.text);
        return 1;
    }
    if (m.type == GATEMSG_STATUS && json) {
        (void)puts((const char *)text.at);
    } else if (m.type == GATEMSG_STATUS) {
        print_status((const char *)text.at);
    }
    return 0;
}
