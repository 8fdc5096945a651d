/* serve.c: the main thread: clients and their messages. */
#include "gate/gate.h"

#include "base/mem.h"
#include "port/process.h"

#define HOLD_SETTLE_TRIES 100u /* times this pause, 50 ms: the longest a hold waits for readers */
#define HOLD_SETTLE_NS 500000

static void
client_drop(struct gate *g, struct client *c)
{
    port_mutex_lock(&g->lock);
    if (c == g->agent) {
        struct al_list *at;

        atomic_store(&g->agent_pid, 0);
        g->agent = NULL;
        /* Its files are judged again; its recalls are asked of the next agent. */
        gate_release_all(g);
        for (at = g->pending.next; at != &g->pending; at = at->next) {
            AL_LIST_ITEM(at, struct pending, all)->forwarded = false;
        }
        al_log(g->conf.log, AL_LOG_INFO, "the agent is gone");
    }
    if (c->welcomed && c->role != GATEMSG_CONTROL) {
        g->holders--;
    }
    al_free(c->state_folder);
    port_fd_close(&c->fd);
    port_fd_close(&c->peer.pidfd);
    port_fd_close(&c->given[0]);
    port_fd_close(&c->given[1]);
    *c = (struct client){.fd = -1, .peer.pidfd = -1, .given = {-1, -1}};
    port_mutex_unlock(&g->lock);
}

int
gate_send(struct gate *g, struct client *c, const struct gatemsg *m, const int *fds,
          size_t fd_count, int64_t timeout_ms)
{
    AL_CLEANUP(al_buf_free) struct al_buf b = {0};
    int rc;

    al_buf_init(&b, GATEMSG_MAX);
    rc = gatemsg_encode(m, &b);
    if (rc != AL_OK) {
        return rc;
    }
    return port_usock_send(c->fd, b.at, b.len, fds, fd_count, timeout_ms);
}

void
gate_welcome(struct gate *g, struct client *c)
{
    const struct gatemsg m = {
        .type = GATEMSG_WELCOME, .group = g->group_id, .wait_ms = g->conf.wait_ms};
    const int fds[2] = {g->group, g->table_fd};
    bool keeps = c->role != GATEMSG_CONTROL;
    int rc;

    if (c->given[0] >= 0) {
        gate_group_drain(g, c->given[0], c->given[1]);
        c->given[0] = c->given[1] = -1;
    }

    rc = gate_send(g, c, &m, fds, keeps ? 2 : 0, GATE_SEND_MS);
    if (rc != AL_OK) {
        client_drop(g, c);
        return;
    }
    c->welcomed = true;
    if (!keeps) {
        return;
    }
    port_mutex_lock(&g->lock);
    g->holders++;
    if (c->role == GATEMSG_AGENT) {
        g->agent = c;
        atomic_store(&g->agent_pidfd, c->peer.pidfd);
        atomic_store(&g->agent_pid, c->peer.pid);
        gate_pending_let_go(g, c->peer.pid);
        gate_forward_all(g);
        al_log(g->conf.log, AL_LOG_INFO, "agent %u is here", c->peer.pid);
    }
    port_mutex_unlock(&g->lock);
}

void
gate_raise(struct gate *g, int *io_fd)
{
    int rc = *io_fd < 0 ? AL_OK : port_fd_raise(io_fd, port_fd_numbers() - GATE_NUMBERS_HIGH);

    (void)rc; /* at worst an event of a dead gate with this number is denied at a take-over */
}

static int
reply(struct gate *g, struct client *c, uint64_t number, int code, uint64_t count,
      struct al_span text)
{
    const struct gatemsg m = {
        .type = GATEMSG_REPLY, .number = number, .code = code, .count = count, .text = text};

    return gate_send(g, c, &m, NULL, 0, GATE_SEND_MS);
}

static int
on_hello(struct gate *g, struct client *c, const struct gatemsg *m, int fds[], size_t fd_count)
{
    if (c->role != 0 || m->role < GATEMSG_AGENT || m->role > GATEMSG_CONTROL) {
        return AL_ECORRUPT;
    }
    if (m->role == GATEMSG_AGENT && g->agent != NULL) {
        if (port_pidfd_alive(g->agent->peer.pidfd)) {
            al_log(g->conf.log, AL_LOG_WARN, "a second agent, %u, was sent away", c->peer.pid);
            return AL_EBUSY;
        }
        client_drop(g, g->agent);
    }
    if (fd_count == 2 && m->group != g->group_id) {
        c->given[0] = fds[0];
        c->given[1] = fds[1];
        gate_raise(g, &c->given[0]);
        gate_raise(g, &c->given[1]);
        fds[0] = fds[1] = -1;
    }
    if (m->role == GATEMSG_AGENT && m->text.len > 0) {
        c->state_folder = al_span_dup(m->text);
        if (c->state_folder == NULL) {
            return AL_ENOMEM;
        }
    }
    c->group = m->group;
    c->role = (enum gatemsg_role)m->role;
    if (g->group >= 0) {
        gate_welcome(g, c); /* else when the group is there */
    }
    return AL_OK;
}

/* Whoever asked before the hold is judged before it is answered: an event still unread might be of
 * this file. Returns how many passed; a queue that does not run empty counts as one, and refuses a
 * file that nobody wanted: with both cores busy the readers take more than 5 ms at times. */
static uint32_t
hold_settle(struct gate *g, uint64_t dev, uint64_t ino)
{
    struct port_poll p = {.fd = g->group};
    uint32_t passed = 0;
    unsigned i;
    int rc = AL_EBUSY;

    for (i = 0; i < HOLD_SETTLE_TRIES; i++) {
        if (port_poll(&p, 1, 0) == AL_OK && !p.readable) {
            port_mutex_lock(&g->lock);
            rc = gate_hold(g, dev, ino, &passed);
            port_mutex_unlock(&g->lock);
            break;
        }
        port_sleep_ns(g->port, HOLD_SETTLE_NS);
    }
    return rc == AL_OK ? passed : 1;
}

static int
on_tiering(struct gate *g, struct client *c, const struct gatemsg *m, const int fds[],
           size_t fd_count)
{
    uint32_t passed = 0;
    int rc = AL_EINVAL;

    if (c != g->agent) {
        return AL_ECORRUPT;
    }
    port_mutex_lock(&g->lock);
    if (m->type == GATEMSG_GUARD && fd_count == 1) {
        rc = gate_guard(g, m->dev, m->ino, fds[0]);
    } else if (m->type == GATEMSG_HOLD) {
        rc = gate_hold(g, m->dev, m->ino, &passed);
    } else if (m->type == GATEMSG_RELEASE) {
        rc = gate_release(g, m->dev, m->ino);
    }
    port_mutex_unlock(&g->lock);
    if (rc == AL_OK && m->type == GATEMSG_HOLD && passed == 0) {
        passed = hold_settle(g, m->dev, m->ino);
    }
    return reply(g, c, m->number, rc, passed, (struct al_span){0});
}

static int
on_marking(struct gate *g, struct client *c, const struct gatemsg *m, const int fds[],
           size_t fd_count)
{
    AL_CLEANUP(al_freep) char *path = al_span_dup(m->text);
    struct al_fail fail = {0};
    bool marked = false;
    int fd = fd_count == 1 ? fds[0] : -1, own = -1, rc = AL_OK;

    if (path == NULL) {
        return AL_ENOMEM;
    }
    if (fd < 0) {
        rc = port_fd_open_folder(path, &own);
        fd = own;
        if (rc != AL_OK) {
            rc = al_fail_set(&fail, rc, port_os_error(g->port), "cannot open the folder %s", path);
        }
    }
    if (rc == AL_OK && m->type == GATEMSG_MARK) {
        rc = gate_mark(g, fd, path, &fail);
    } else if (rc == AL_OK && m->type == GATEMSG_UNMARK) {
        rc = gate_unmark(g, fd, path, &fail);
    } else if (rc == AL_OK) {
        rc = port_fan_marked(g->group, fd, &marked);
    }
    port_fd_close(&own);
    if (rc != AL_OK) {
        al_log(g->conf.log, AL_LOG_WARN, "%s: %s", path, fail.text);
    }
    return reply(g, c, m->number, rc,
                 !marked                              ? GATEMSG_UNMARKED
                 : g->table->access == TABLE_ACCESSES ? GATEMSG_MARKED_ACCESSES
                                                      : GATEMSG_MARKED,
                 al_span_of(fail.text));
}

static int
on_apart(struct gate *g, struct client *c, const struct gatemsg *m, const int fds[],
         size_t fd_count)
{
    int rc = fd_count == 1 ? port_fan_pass(g->group, fds[0]) : AL_EINVAL;

    if (rc != AL_OK) {
        al_log(g->conf.log, AL_LOG_WARN, "the agent's own opens go on being asked about: %s",
               al_code_name(rc));
    }
    return reply(g, c, m->number, rc, 0, (struct al_span){0});
}

static int
on_status(struct gate *g, struct client *c, const struct gatemsg *m)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    int rc;

    al_buf_init(&text, GATEMSG_TEXT_MAX);
    rc = gate_status(g, &text);
    return reply(g, c, m->number, rc, 0, al_buf_span(&text));
}

/* Anything but AL_OK ends the connection. */
static int
on_message(struct gate *g, struct client *c, const struct gatemsg *m, int fds[], size_t fd_count)
{
    if (m->type == GATEMSG_HELLO) {
        return on_hello(g, c, m, fds, fd_count);
    }
    if (c->role == 0 || g->group < 0) {
        return AL_ECORRUPT;
    }
    switch (m->type) {
    case GATEMSG_ANSWER:
        if (c != g->agent) {
            return AL_ECORRUPT;
        }
        port_mutex_lock(&g->lock);
        gate_answered(g, m->number, m->code);
        port_mutex_unlock(&g->lock);
        return AL_OK;
    case GATEMSG_GUARD:
    case GATEMSG_HOLD:
    case GATEMSG_RELEASE:
        return on_tiering(g, c, m, fds, fd_count);
    case GATEMSG_MARK:
    case GATEMSG_UNMARK:
    case GATEMSG_CHECK:
        return on_marking(g, c, m, fds, fd_count);
    case GATEMSG_APART:
        return c != g->agent ? AL_ECORRUPT : on_apart(g, c, m, fds, fd_count);
    case GATEMSG_STATUS:
        return on_status(g, c, m);
    default:
        return AL_ECORRUPT;
    }
}

static void
client_read(struct gate *g, struct client *c)
{
    uint8_t room[GATEMSG_MAX];
    int fds[PORT_USOCK_FDS_MAX];
    size_t len, count = 0, i;
    struct gatemsg m;
    int rc;

    rc = port_usock_recv(c->fd, false, room, sizeof(room), &len, fds, &count);
    if (rc == AL_EBUSY) {
        return;
    }
    if (rc == AL_OK) {
        rc = gatemsg_decode((struct al_span){room, len}, &m);
    }
    if (rc == AL_OK) {
        rc = on_message(g, c, &m, fds, count);
    }
    for (i = 0; i < count; i++) {
        port_fd_close(&fds[i]);
    }
    if (rc != AL_OK && c->fd >= 0) {
        client_drop(g, c);
    }
}

static void
client_accept(struct gate *g)
{
    struct port_peer peer;
    int fd;
    size_t i;

    if (port_usock_accept(g->listener, &fd, &peer) != AL_OK) {
        return;
    }
    gate_raise(g, &fd);
    gate_raise(g, &peer.pidfd);
    for (i = 0; i < GATE_CLIENTS_MAX && peer.uid == 0; i++) {
        if (g->clients[i].fd < 0) {
            g->clients[i] = (struct client){.fd = fd, .peer = peer, .given = {-1, -1}};
            return;
        }
    }
    port_fd_close(&fd);
    port_fd_close(&peer.pidfd);
}

int
gate_serve_once(struct gate *g, int64_t timeout_ms)
{
    struct port_poll p[GATE_CLIENTS_MAX + 2];
    size_t i;
    int rc;

    p[0] = (struct port_poll){.fd = g->listener};
    p[1] = (struct port_poll){.fd = g->wake};
    for (i = 0; i < GATE_CLIENTS_MAX; i++) {
        p[i + 2] = (struct port_poll){.fd = g->clients[i].fd};
    }
    rc = port_poll(p, AL_LEN(p), timeout_ms);
    if (rc != AL_OK) {
        return rc;
    }
    if (p[1].readable) {
        port_wake_clear(g->wake);
    }
    /* While a group is being looked for, its holders' answers are read by who asked. */
    for (i = 0; i < GATE_CLIENTS_MAX; i++) {
        if (p[i + 2].readable && g->clients[i].fd == p[i + 2].fd) {
            client_read(g, &g->clients[i]);
        }
    }
    if (p[0].readable) {
        client_accept(g);
    }
    return AL_OK;
}

#define SERVE_TICK_MS                                                                              \
    1000 /* a wish to stop is noticed within this; signals may come to another thread */
#define SERVE_RETRY_MS 20 /* while the agent takes no more events */
#define SERVE_MARKS_MS                                                                             \
    3000 /* marks are asked for once somebody else holds the group, or after this */

void
gate_serve(struct gate *g)
{
    int64_t marks_at = port_mono_ns(g->port) + SERVE_MARKS_MS * INT64_C(1000000);
    bool marked = false;

    while (!port_stop_wanted()) {
        int64_t wait_ms;
        bool late;

        atomic_fetch_add(&g->table->beat, 1);
        port_mutex_lock(&g->lock);
        wait_ms = gate_deadlines(g);
        late = gate_forward_all(g);
        port_mutex_unlock(&g->lock);
        if (late) {
            wait_ms = SERVE_RETRY_MS;
        }
        if (wait_ms < 0 || wait_ms > SERVE_TICK_MS) {
            wait_ms = SERVE_TICK_MS;
        }
        if (!marked && (g->holders > 0 || g->conf.alone || port_mono_ns(g->port) > marks_at)) {
            gate_marks_begin(g);
            marked = true;
        }
        if (gate_serve_once(g, marked ? wait_ms : SERVE_RETRY_MS) != AL_OK) {
            al_log(g->conf.log, AL_LOG_ERROR, "cannot wait for clients");
            port_sleep_ns(g->port, 100000000);
        }
    }
}
