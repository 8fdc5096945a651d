/* judge.c: what becomes of one event, and of those that wait.
 *
 * The cheap way, for files that are no stubs: one fgetxattr, one ignore mark, one answer. No path
 * is looked up and nothing is opened. */
#include "gate/gate.h"

#include <string.h>

#include "base/mem.h"

static void
record(struct gate *g, int fd)
{
    atomic_store_explicit(&g->table->slots[fd].state, TABLE_READ, memory_order_release);
}

static void
record_file(struct gate *g, int fd, const struct port_handle *h, int32_t mount, uint32_t pid)
{
    struct table_slot *s = &g->table->slots[fd];

    if (h->len > TABLE_HANDLE_MAX) {
        return;
    }
    s->mount = mount;
    s->handle_type = h->type;
    s->handle_len = h->len;
    s->pid = pid;
    memcpy(s->handle, h->bytes, h->len);
    atomic_store_explicit(&s->state, TABLE_KNOWN, memory_order_release);
}

/* The order: answer, forget, close. The number is free for a new event only when the old one is
 * answered and forgotten. An answer that finds no event belongs to an opener that was killed. */
static void
answer(struct gate *g, int fd, bool allow)
{
    int ignored = port_fan_answer(g->group, fd, allow);

    (void)ignored;
    atomic_store_explicit(&g->table->slots[fd].state, TABLE_FREE, memory_order_release);
    port_fd_close(&fd);
    atomic_fetch_add_explicit(allow ? &g->n_allowed : &g->n_denied, 1, memory_order_relaxed);
}

/* The event's descriptor counts as an open of the file, which would make the agent's lease fail:
 * give it up before the agent goes on, but not its number. */
static void
answer_agent(struct gate *g, int fd)
{
    int rc = port_fd_vacate(fd, g->null_fd);

    (void)rc; /* at worst the agent is told that the file is busy */
    answer(g, fd, true);
}

/* The process that says so and no later one of the same number: it cannot have ended, since its
 * pidfd says that it lives now. */
static bool
from_agent(struct gate *g, uint32_t pid)
{
    return pid == g->self_pid || (pid != 0 && pid == atomic_load(&g->agent_pid) &&
                                  port_pidfd_alive(atomic_load(&g->agent_pidfd)));
}

/* Not asked about any more, until it is written or leaves the cache. A file of holes alone may
 * become a stub by a restore that only sets its marker: it is asked about every time. */
static void
ignore(struct gate *g, int fd, uint64_t allocated)
{
    int rc = AL_OK;

    if (allocated > 0) {
        rc = port_fan_ignore(g->group, fd, atomic_load(&g->access));
    }
    (void)rc; /* without the mark the next open asks again */
}

enum verdict { LET_GO, ASK_AGAIN, WAIT };

/* No marker was seen. Under the lock, since a guard may have come in between: then the marker may
 * have been written meanwhile. */
static enum verdict
judge_plain(struct gate *g, const struct port_fan_event *ev, uint64_t epoch)
{
    struct guard *guard = NULL;
    uint64_t dev = 0, ino = 0, allocated = 0;
    int rc;

    if (atomic_load(&g->guard_epoch) != epoch) {
        return ASK_AGAIN;
    }
    rc = port_fd_identity(ev->fd, &dev, &ino, &allocated);
    if (rc == AL_OK && atomic_load(&g->guard_count) > 0) {
        guard = gate_guard_of(g, dev, ino);
    }
    if (guard == NULL) {
        ignore(g, ev->fd, allocated);
        return LET_GO;
    }
    if (guard->hold) {
        return WAIT;
    }
    guard->passed++;
    return LET_GO;
}

/* One opener more, to wait for its file. Without a descriptor for it, it is denied at once: left in
 * the kernel's queue it would wait longer than the limit, and openers of plain files behind it.
 * Those of a file on its way to be a stub (held) wait for moments, and may use some of the spare. */
static void
keep_waiting(struct gate *g, const struct port_fan_event *ev, bool held)
{
    uint64_t max = g->pending_max + (held ? GATE_HELD_SPARE : 0);
    int64_t now;
    int rc;

    if (atomic_load(&g->pending_count) < max) {
        rc = gate_pending_add(g, ev->fd, ev->fd, ev->pid, held);
    } else {
        rc = AL_ELIMIT;
        now = port_mono_ns(g->port);
        if (now - atomic_load(&g->full_ns) > GATE_CROWDED_NS) {
            atomic_store(&g->full_ns, now);
            al_log(g->conf.log, AL_LOG_ERROR,
                   "%llu openers of stubs wait, more than that cannot: further ones are denied "
                   "until some have their file (LimitNOFILE)",
                   (unsigned long long)g->pending_max);
        }
    }
    if (rc != AL_OK) {
        answer(g, ev->fd, false);
    }
}

void
gate_judge(struct gate *g, const struct port_fan_event *ev)
{
    enum verdict verdict = ASK_AGAIN;
    bool stub = false;
    int rc;

    record(g, ev->fd);
    atomic_fetch_add_explicit(&g->n_opens, 1, memory_order_relaxed);
    if (from_agent(g, ev->pid)) {
        answer_agent(g, ev->fd);
        return;
    }
    while (verdict == ASK_AGAIN) {
        uint64_t epoch = atomic_load(&g->guard_epoch);

        rc = port_fd_has_xattr(ev->fd, GATE_MARKER, &stub);
        if (rc != AL_OK) {
            answer(g, ev->fd, false); /* a file that cannot be judged might be a stub */
            return;
        }
        if (stub) {
            verdict = WAIT;
            break;
        }
        port_mutex_lock(&g->lock);
        verdict = judge_plain(g, ev, epoch);
        if (verdict == WAIT) {
            keep_waiting(g, ev, true);
        }
        port_mutex_unlock(&g->lock);
        if (verdict == WAIT) {
            return;
        }
    }
    if (verdict == LET_GO) {
        answer(g, ev->fd, true);
        return;
    }
    atomic_fetch_add_explicit(&g->n_stubs, 1, memory_order_relaxed);
    port_mutex_lock(&g->lock);
    keep_waiting(g, ev, false);
    port_mutex_unlock(&g->lock);
}

/* ---- events that wait ---- */

static int
forward(struct gate *g, struct pending *p)
{
    struct gatemsg m = {.type = GATEMSG_EVENT,
                        .number = p->number,
                        .pid = p->pid,
                        .uid = p->uid,
                        .dev = p->dev,
                        .ino = p->ino,
                        .handle_type = p->handle.type,
                        .handle = {p->handle.bytes, p->handle.len},
                        .text = al_span_of(p->comm)};
    int rc;

    if (g->agent == NULL || p->forwarded || p->held) {
        return AL_OK;
    }
    rc = gate_send(g, g->agent, &m, NULL, 0, 0);
    p->forwarded = rc == AL_OK;
    return rc;
}

int
gate_pending_add(struct gate *g, int fd, int look, uint32_t pid, bool held)
{
    struct pending *p;
    uint64_t allocated;
    int32_t mount;
    int rc;

    p = al_zalloc(sizeof(*p));
    if (p == NULL) {
        return AL_ENOMEM;
    }
    rc = port_fd_identity(look, &p->dev, &p->ino, &allocated);
    if (rc == AL_OK) {
        rc = port_fd_handle(look, &p->handle, &mount);
    }
    if (rc != AL_OK) {
        al_free(p);
        return rc;
    }
    record_file(g, fd, &p->handle, mount, pid);
    port_pid_name(pid, p->comm, &p->uid);
    p->fd = fd;
    p->look = look;
    p->pid = pid;
    p->held = held;
    p->number = ++g->event_count << 16 | (uint32_t)fd;
    p->deadline_ns = port_mono_ns(g->port) + (int64_t)g->conf.wait_ms * 1000000;
    al_list_push(&g->pending, &p->all);
    g->by_fd[fd] = p;
    if (atomic_fetch_add(&g->pending_count, 1) == 0) {
        port_wake_set(g->wake); /* the main thread has a deadline now */
    }
    rc = forward(g, p);
    (void)rc; /* a busy or dying agent: the main thread tries again */
    return AL_OK;
}

void
gate_pending_end(struct gate *g, struct pending *p, bool allow)
{
    if (p->look != p->fd) {
        port_fd_close(&p->look);
    }
    al_list_drop(&p->all);
    g->by_fd[p->fd] = NULL;
    answer(g, p->fd, allow);
    atomic_fetch_sub(&g->pending_count, 1);
    al_free(p);
}

void
gate_pending_let_go(struct gate *g, uint32_t pid)
{
    struct al_list *at = g->pending.next;

    while (at != &g->pending) {
        struct pending *p = AL_LIST_ITEM(at, struct pending, all);

        at = at->next;
        if (p->pid == pid) {
            int rc = p->look == p->fd ? port_fd_vacate(p->fd, g->null_fd) : AL_OK;

            (void)rc; /* as in answer_agent */
            gate_pending_end(g, p, true);
        }
    }
}

bool
gate_forward_all(struct gate *g)
{
    struct al_list *at;

    for (at = g->pending.next; g->agent != NULL && at != &g->pending; at = at->next) {
        if (forward(g, AL_LIST_ITEM(at, struct pending, all)) != AL_OK) {
            return true;
        }
    }
    return false;
}

/* No marker, or one that stayed because its recall could not be told of. */
static bool
is_whole(int fd)
{
    uint8_t marker[GATE_MARKER_BYTES];
    size_t len = 0;
    int rc = port_fd_xattr(fd, GATE_MARKER, marker, sizeof(marker), &len);

    return rc == AL_ENODATA || (rc == AL_OK && len == sizeof(marker) &&
                                marker[GATE_MARKER_STATE_AT] == GATE_MARKER_UNTOLD);
}

void
gate_answered(struct gate *g, uint64_t number, int code)
{
    struct pending *p = g->by_fd[number & 0xffff];
    uint64_t allocated;
    bool allow;

    if (p == NULL || p->number != number) {
        return; /* answered already: its time was over */
    }
    /* Whoever says so: as long as there is a marker of a stub nobody is let in. */
    allow = code == AL_OK && is_whole(p->look);
    if (allow && p->look == p->fd && gate_guard_of(g, p->dev, p->ino) == NULL &&
        port_fd_identity(p->fd, &p->dev, &p->ino, &allocated) == AL_OK) {
        ignore(g, p->fd, allocated); /* or the opener's first read would be asked about */
    }
    gate_pending_end(g, p, allow);
}

int64_t
gate_deadlines(struct gate *g)
{
    int64_t now = port_mono_ns(g->port);

    /* All wait equally long, so the list is in the order of the deadlines. */
    while (!al_list_empty(&g->pending)) {
        struct pending *p = AL_LIST_ITEM(g->pending.next, struct pending, all);

        if (p->deadline_ns > now) {
            return (p->deadline_ns - now) / 1000000 + 1;
        }
        gate_pending_end(g, p, false);
    }
    return -1;
}

/* ---- readers ---- */

static void *reader(void *arg);

static int
reader_add(struct gate *g)
{
    struct port_thread t;
    int rc;

    if (atomic_load(&g->readers) >= GATE_READERS_MAX) {
        int64_t now = port_mono_ns(g->port);

        if (now - atomic_exchange(&g->crowded_ns, now) > GATE_CROWDED_NS) {
            al_log(g->conf.log, AL_LOG_ERROR,
                   "%u openers wait for leases that other programs do not give back: until some do "
                   "(fs.lease-break-time), every opener on the marked filesystems waits",
                   GATE_READERS_MAX);
        }
        return AL_ELIMIT;
    }
    atomic_fetch_add(&g->readers, 1);
    rc = port_thread_start(&t, "gate-reader", 0, reader, g);
    if (rc != AL_OK) {
        atomic_fetch_sub(&g->readers, 1);
        return rc;
    }
    port_thread_leave(&t); /* it ends when it is one too many */
    return AL_OK;
}

/* One thread, the leader, waits for events, reads and judges them; the others watch. A turn that
 * takes longer than any that waits for nobody is taken over by one of them, who sees to a new spare
 * one. Only the leader sleeps on the group: an event wakes one thread. */
static bool
turn_begin(struct gate *g, uint64_t me)
{
    int64_t now;
    bool mine;

    port_mutex_lock(&g->turn.lock);
    now = port_mono_ns(g->port); /* read under the lock: both sides compare it */
    mine = g->turn.leader == me;
    if (mine) {
        if (now - g->turn.busy_last_ns > GATE_QUIET_NS / 2) {
            port_cond_signal(&g->turn.watch); /* it may sleep */
        }
        g->turn.busy_since_ns = g->turn.busy_last_ns = now;
    }
    port_mutex_unlock(&g->turn.lock);
    return mine;
}

static void
turn_end(struct gate *g, uint64_t me)
{
    port_mutex_lock(&g->turn.lock);
    if (g->turn.leader == me) {
        g->turn.busy_since_ns = 0;
    } else {
        g->turn.stuck--; /* somebody took over meanwhile */
    }
    port_mutex_unlock(&g->turn.lock);
}

/* True: the turn is ours. Else looks after a while again, or when events come. */
static bool
turn_watch(struct gate *g, uint64_t me)
{
    int64_t now;
    bool over, mine;

    port_mutex_lock(&g->turn.lock);
    now = port_mono_ns(g->port);
    over = g->turn.busy_since_ns != 0 && now - g->turn.busy_since_ns >= GATE_STUCK_NS;
    if (over && g->turn.leader != me) {
        g->turn.stuck++;
    }
    if (over || g->turn.leader == 0) {
        g->turn.leader = me;
        g->turn.busy_since_ns = 0;
    }
    mine = g->turn.leader == me;
    if (!mine && g->turn.busy_since_ns == 0 && now - g->turn.busy_last_ns > GATE_QUIET_NS) {
        port_cond_wait(&g->turn.watch, &g->turn.lock);
    } else if (!mine) {
        (void)port_cond_wait_for(&g->turn.watch, &g->turn.lock, GATE_STUCK_NS); /* looks again */
    }
    port_mutex_unlock(&g->turn.lock);
    if (over) {
        int rc = reader_add(g);
        (void)rc; /* the limit: then those that are there must do */
    }
    return mine;
}

static bool
reader_may_end(struct gate *g, uint64_t me)
{
    bool end;

    port_mutex_lock(&g->turn.lock);
    end = g->turn.leader != me && atomic_load(&g->readers) > GATE_READERS + g->turn.stuck;
    if (end) {
        atomic_fetch_sub(&g->readers, 1);
    }
    port_mutex_unlock(&g->turn.lock);
    return end;
}

static void
read_and_judge(struct gate *g)
{
    struct port_fan_event events[PORT_FAN_READ_MAX];
    size_t n = 0, i;
    int rc = port_fan_read(g->group, events, &n);

    if (rc != AL_OK) {
        /* The kernel has denied the event that could not be read. */
        al_log(g->conf.log, AL_LOG_WARN, "cannot read events: %s", al_code_name(rc));
        port_sleep_ns(g->port, 1000000);
    }
    for (i = 0; rc == AL_OK && i < n; i++) {
        gate_judge(g, &events[i]);
    }
}

static void *
reader(void *arg)
{
    struct gate *g = arg;
    struct port_poll p = {.fd = g->group};
    uint64_t me;

    port_mutex_lock(&g->turn.lock);
    me = ++g->turn.count;
    port_mutex_unlock(&g->turn.lock);
    do {
        if (!turn_watch(g, me)) {
            continue;
        }
        if (port_poll(&p, 1, -1) == AL_OK && p.readable && turn_begin(g, me)) {
            read_and_judge(g);
            turn_end(g, me);
        }
    } while (!reader_may_end(g, me));
    return NULL;
}

int
gate_readers_start(struct gate *g)
{
    unsigned i;
    int rc = AL_OK;

    for (i = 0; rc == AL_OK && i < GATE_READERS; i++) {
        rc = reader_add(g);
    }
    return rc;
}
