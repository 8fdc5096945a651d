/* gatelink.c: see gatelink.h. One thread owns the connection and reads; whoever has something to
 * say sends under the lock. */
#include "agent/recall/gatelink.h"

#include <string.h>

#include "base/list.h"
#include "base/mem.h"
#include "port/fan.h"
#include "port/thread.h"
#include "port/usock.h"
#include "wire/gatemsg.h"

#define RETRY_MS 50
#define SEND_MS 2000
#define DENY_MS 200 /* between two looks for a new gate */
#define NUMBER_BITS                                                                                \
    44 /* of the gate's event numbers; the rest tells one connection from the next */

struct request {
    struct al_list all;
    uint64_t number;
    int code;
    uint64_t count;
    bool done;
    port_cond answered; /* its own: an answer wakes nobody else */
};

struct gatelink {
    struct stub_gate gate; /* first: the stub layer hands it back */
    struct port *port;
    struct al_log *log;
    char *socket, *state_folder;
    void (*opened)(void *ctx, const struct gatelink_event *e);
    void *ctx;
    struct port_thread thread;
    int wake;

    port_mutex lock; /* everything below */
    port_cond changed;
    struct al_list requests;
    uint64_t request_count, epoch;
    int fd; /* the connection; -1: none */
    bool welcomed, stop;
    int64_t lost_ns; /* the link's thread alone writes it */

    /* of the thread alone */
    int group, table_fd;
    uint64_t group_id, wait_ms;
    int right; /* to read the group, while denying; -1 else */
};

static int
say(struct gatelink *l, const struct gatemsg *m, const int *fds, size_t fd_count)
{
    AL_CLEANUP(al_buf_free) struct al_buf b = {0};
    int rc;

    al_buf_init(&b, GATEMSG_MAX);
    rc = gatemsg_encode(m, &b);
    if (rc != AL_OK) {
        return rc;
    }
    return l->fd < 0 ? AL_EUNREACH : port_usock_send(l->fd, b.at, b.len, fds, fd_count, SEND_MS);
}

/* ---- what others ask ---- */

/* A gate that was lost a moment ago is being restarted: whoever begins something with it waits, so
 * that one restart does not refuse a job's files by the thousand. With the lock held. */
static void
wait_back(struct gatelink *l)
{
    int64_t end = l->lost_ns + GATELINK_BACK_MS * INT64_C(1000000), left;

    while (!l->welcomed && !l->stop && (left = end - port_mono_ns(l->port)) > 0) {
        (void)port_cond_wait_for(&l->changed, &l->lock, left); /* the loop looks for itself */
    }
}

static int
ask(struct gatelink *l, struct gatemsg *m, int fd, uint64_t *ret_count)
{
    struct request r = {.code = AL_EUNREACH};
    int64_t end;
    int rc = AL_EUNREACH;

    port_cond_init(&r.answered);
    port_mutex_lock(&l->lock);
    if (m->type == GATEMSG_GUARD) {
        wait_back(l);
    }
    end = port_mono_ns(l->port) + GATELINK_REPLY_MS * INT64_C(1000000);
    if (l->welcomed) {
        r.number = m->number = ++l->request_count;
        rc = say(l, m, &fd, fd >= 0 ? 1 : 0);
    }
    if (rc == AL_OK) {
        al_list_push(&l->requests, &r.all);
        while (!r.done) {
            int64_t left = end - port_mono_ns(l->port);

            if (left <= 0 || !port_cond_wait_for(&r.answered, &l->lock, left)) {
                r.code = r.done ? r.code : AL_ETIMEDOUT;
                break;
            }
        }
        al_list_drop(&r.all);
        rc = r.code;
    }
    port_mutex_unlock(&l->lock);
    port_cond_end(&r.answered);
    if (rc == AL_OK && ret_count != NULL) {
        *ret_count = r.count;
    }
    return rc;
}

static int
gate_guard(struct stub_gate *g, uint64_t dev, uint64_t ino, struct port_file *f)
{
    struct gatelink *l = (struct gatelink *)(void *)g;
    struct gatemsg m = {.type = GATEMSG_GUARD, .dev = dev, .ino = ino};

    return ask(l, &m, port_native_fd(f), NULL);
}

static int
gate_hold(struct stub_gate *g, uint64_t dev, uint64_t ino, uint32_t *ret_passed)
{
    struct gatelink *l = (struct gatelink *)(void *)g;
    struct gatemsg m = {.type = GATEMSG_HOLD, .dev = dev, .ino = ino};
    uint64_t passed = 0;
    int rc;

    rc = ask(l, &m, -1, &passed);
    if (rc == AL_OK) {
        *ret_passed = passed > UINT32_MAX ? UINT32_MAX : (uint32_t)passed;
    }
    return rc;
}

static int
gate_release(struct stub_gate *g, uint64_t dev, uint64_t ino)
{
    struct gatelink *l = (struct gatelink *)(void *)g;
    struct gatemsg m = {.type = GATEMSG_RELEASE, .dev = dev, .ino = ino};

    return ask(l, &m, -1, NULL);
}

static bool
gate_asks_truncates(struct stub_gate *g, struct port_file *root)
{
    struct gatelink *l = (struct gatelink *)(void *)g;
    struct gatemsg m = {.type = GATEMSG_CHECK};
    uint64_t marked = GATEMSG_UNMARKED;

    return ask(l, &m, port_native_fd(root), &marked) == AL_OK && marked == GATEMSG_MARKED_ACCESSES;
}

/* Said, not asked: the link's own thread comes here too, and nobody need wait, since a gate that has
 * not heard of it yet, or cannot, answers our opens. */
static void
gate_apart(struct stub_gate *g, struct port_file *apart, uint64_t *io_told)
{
    struct gatelink *l = (struct gatelink *)(void *)g;
    struct gatemsg m = {.type = GATEMSG_APART};
    int fd = port_native_fd(apart);

    port_mutex_lock(&l->lock);
    if (l->welcomed && l->epoch != *io_told) {
        m.number = ++l->request_count;
        if (say(l, &m, &fd, 1) == AL_OK) {
            *io_told = l->epoch;
        }
    }
    port_mutex_unlock(&l->lock);
}

int
gatelink_marked(struct gatelink *l, struct port_file *f, bool *ret)
{
    struct gatemsg m = {.type = GATEMSG_CHECK};
    uint64_t marked = 0;
    int rc;

    rc = ask(l, &m, port_native_fd(f), &marked);
    if (rc == AL_OK) {
        *ret = marked != GATEMSG_UNMARKED;
    }
    return rc;
}

void
gatelink_answer(struct gatelink *l, uint64_t number, int code)
{
    struct gatemsg m = {.type = GATEMSG_ANSWER,
                        .number = number & ((UINT64_C(1) << NUMBER_BITS) - 1),
                        .code = code};

    port_mutex_lock(&l->lock);
    if (l->welcomed && number >> NUMBER_BITS == (l->epoch & 0xfffff)) {
        int ignored = say(l, &m, NULL, 0);

        (void)ignored; /* a gate that is gone: the next one asks again */
    }
    port_mutex_unlock(&l->lock);
}

bool
gatelink_connected(struct gatelink *l)
{
    bool yes;

    port_mutex_lock(&l->lock);
    yes = l->welcomed;
    port_mutex_unlock(&l->lock);
    return yes;
}

bool
gatelink_wait(struct gatelink *l, int64_t timeout_ms)
{
    int64_t end = port_mono_ns(l->port) + timeout_ms * 1000000;
    int64_t left = timeout_ms * 1000000;
    bool yes;

    port_mutex_lock(&l->lock);
    while (!l->welcomed && left > 0) {
        (void)port_cond_wait_for(&l->changed, &l->lock, left); /* the loop looks for itself */
        left = end - port_mono_ns(l->port);
    }
    yes = l->welcomed;
    port_mutex_unlock(&l->lock);
    return yes;
}

struct stub_gate *
gatelink_gate(struct gatelink *l)
{
    return &l->gate;
}

/* ---- the thread ---- */

static void
on_welcome(struct gatelink *l, const struct gatemsg *m, int fds[2])
{
    port_fd_close(&l->group);
    port_fd_close(&l->table_fd);
    l->group = fds[0];
    l->table_fd = fds[1];
    l->group_id = m->group;
    l->wait_ms = m->wait_ms;
    port_mutex_lock(&l->lock);
    l->epoch++;
    l->welcomed = true;
    port_cond_broadcast(&l->changed);
    port_mutex_unlock(&l->lock);
    al_log(l->log, AL_LOG_DEBUG, "connected to alto-gate");
}

static void
on_event(struct gatelink *l, const struct gatemsg *m)
{
    struct gatelink_event e = {.dev = m->dev, .ino = m->ino, .pid = m->pid, .uid = m->uid};
    size_t len = m->text.len < sizeof(e.process) ? m->text.len : sizeof(e.process) - 1;

    e.number = (m->number & ((UINT64_C(1) << NUMBER_BITS) - 1)) | (l->epoch & 0xfffff)
                                                                      << NUMBER_BITS;
    e.handle.type = m->handle_type;
    e.handle.len = (uint32_t)m->handle.len;
    memcpy(e.handle.bytes, m->handle.at, m->handle.len);
    memcpy(e.process, m->text.at, len);
    l->opened(l->ctx, &e);
}

static void
on_reply(struct gatelink *l, const struct gatemsg *m)
{
    struct al_list *at;

    port_mutex_lock(&l->lock);
    for (at = l->requests.next; at != &l->requests; at = at->next) {
        struct request *r = AL_LIST_ITEM(at, struct request, all);

        if (r->number == m->number && !r->done) {
            r->code = m->code;
            r->count = m->count;
            r->done = true;
            port_cond_signal(&r->answered);
        }
    }
    port_mutex_unlock(&l->lock);
}

static void
lost(struct gatelink *l)
{
    struct al_list *at;

    port_mutex_lock(&l->lock);
    port_fd_close(&l->fd);
    l->welcomed = false;
    for (at = l->requests.next; at != &l->requests; at = at->next) {
        struct request *r = AL_LIST_ITEM(at, struct request, all);

        r->code = r->done ? r->code : AL_EUNREACH;
        r->done = true;
        port_cond_signal(&r->answered);
    }
    l->lost_ns = port_mono_ns(l->port);
    port_cond_broadcast(&l->changed);
    port_mutex_unlock(&l->lock);
    al_log(l->log, AL_LOG_DEBUG, "lost alto-gate");
}

static void
receive(struct gatelink *l)
{
    struct port_poll p[2] = {{.fd = l->fd}, {.fd = l->wake}};
    uint8_t room[GATEMSG_MAX];
    int fds[PORT_USOCK_FDS_MAX];
    size_t len, count = 0, i = 0;
    struct gatemsg m;
    int rc;

    rc = port_poll(p, AL_LEN(p), -1);
    if (rc != AL_OK || !p[0].readable) {
        return;
    }
    rc = port_usock_recv(l->fd, false, room, sizeof(room), &len, fds, &count);
    if (rc == AL_EBUSY) {
        return;
    }
    if (rc == AL_OK) {
        rc = gatemsg_decode((struct al_span){room, len}, &m);
    }
    if (rc != AL_OK) {
        lost(l);
    } else if (m.type == GATEMSG_WELCOME && count == 2) {
        on_welcome(l, &m, fds);
        i = 2;
    } else if (m.type == GATEMSG_EVENT) {
        on_event(l, &m);
    } else if (m.type == GATEMSG_REPLY) {
        on_reply(l, &m);
    }
    for (; i < count; i++) {
        port_fd_close(&fds[i]);
    }
}

static bool
connect_gate(struct gatelink *l)
{
    const struct gatemsg m = {.type = GATEMSG_HELLO,
                              .role = GATEMSG_AGENT,
                              .group = l->group_id,
                              .text = al_span_of(l->state_folder)};
    const int fds[2] = {l->group, l->table_fd};
    struct port_peer peer;
    int fd, rc;

    if (port_usock_connect(l->socket, &fd, &peer) != AL_OK) {
        return false;
    }
    port_fd_close(&peer.pidfd);
    if (peer.uid != 0) {
        port_fd_close(&fd); /* whoever can open stubs for others is root */
        return false;
    }
    port_mutex_lock(&l->lock);
    l->fd = fd;
    rc = say(l, &m, fds, l->group >= 0 ? 2 : 0);
    port_mutex_unlock(&l->lock);
    if (rc != AL_OK) {
        lost(l);
        return false;
    }
    return true;
}

static void
without_gate(struct gatelink *l)
{
    struct port_poll p = {.fd = l->wake};
    int64_t away = port_mono_ns(l->port) - l->lost_ns;
    int rc;

    if (connect_gate(l)) {
        port_fd_close(&l->right);
        return;
    }
    if (l->group >= 0 && away > (int64_t)l->wait_ms * 1000000 &&
        (l->right >= 0 || port_fan_right(l->table_fd, 0, &l->right) == AL_OK)) {
        (void)port_fan_deny_for(l->group, DENY_MS);
        return;
    }
    rc = port_poll(&p, 1, RETRY_MS);
    (void)rc; /* only a pause */
}

static void *
link_thread(void *arg)
{
    struct gatelink *l = arg;
    bool stop = false;

    while (!stop) {
        if (l->fd >= 0) {
            receive(l);
        } else {
            without_gate(l);
        }
        port_mutex_lock(&l->lock);
        stop = l->stop;
        port_mutex_unlock(&l->lock);
    }
    lost(l);
    return NULL;
}

static struct gatelink *
link_free(struct gatelink *l)
{
    port_fd_close(&l->fd);
    port_fd_close(&l->group);
    port_fd_close(&l->table_fd);
    port_fd_close(&l->right);
    port_fd_close(&l->wake);
    port_cond_end(&l->changed);
    port_mutex_end(&l->lock);
    al_free(l->socket);
    al_free(l->state_folder);
    al_free(l);
    return NULL;
}

int
gatelink_start(const struct gatelink_conf *conf, struct gatelink **ret, struct al_fail *fail)
{
    static const struct stub_gate_ops ops = {.guard = gate_guard,
                                             .hold = gate_hold,
                                             .release = gate_release,
                                             .asks_truncates = gate_asks_truncates,
                                             .apart = gate_apart};
    struct gatelink *l = al_zalloc(sizeof(*l));
    int rc;

    if (l == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    l->gate.ops = &ops;
    l->port = conf->port;
    l->log = conf->log;
    l->opened = conf->opened;
    l->ctx = conf->ctx;
    l->fd = l->group = l->table_fd = l->right = l->wake = -1;
    l->lost_ns = port_mono_ns(conf->port);
    al_list_init(&l->requests);
    port_mutex_init(&l->lock);
    port_cond_init(&l->changed);
    l->socket = al_strdup(conf->socket);
    l->state_folder = al_strdup(conf->state_folder);
    rc = l->socket == NULL || l->state_folder == NULL ? AL_ENOMEM : port_wake_new(&l->wake);
    if (rc == AL_OK) {
        rc = port_thread_start(&l->thread, "gatelink", 0, link_thread, l);
    }
    if (rc != AL_OK) {
        l = link_free(l);
        return al_fail_set(fail, rc, 0, "cannot start the link to alto-gate");
    }
    *ret = l;
    return AL_OK;
}

struct gatelink *
gatelink_stop(struct gatelink *l)
{
    if (l == NULL) {
        return NULL;
    }
    port_mutex_lock(&l->lock);
    l->stop = true;
    port_cond_broadcast(&l->changed);
    port_mutex_unlock(&l->lock);
    port_wake_set(l->wake);
    port_thread_join(&l->thread);
    return link_free(l);
}
