/* guard.c: files that the agent is about to empty. Why this is needed, and why in this order:
 * doc/adr/0002-guard-hold-release.md. */
#include "gate/gate.h"

#include "base/mem.h"

static struct guard *
find(struct gate *g, uint64_t agent_dev, uint64_t agent_ino)
{
    struct al_list *at;

    for (at = g->guards.next; at != &g->guards; at = at->next) {
        struct guard *guard = AL_LIST_ITEM(at, struct guard, all);

        if (guard->agent_dev == agent_dev && guard->agent_ino == agent_ino) {
            return guard;
        }
    }
    return NULL;
}

struct guard *
gate_guard_of(struct gate *g, uint64_t dev, uint64_t ino)
{
    struct al_list *at;

    for (at = g->guards.next; at != &g->guards; at = at->next) {
        struct guard *guard = AL_LIST_ITEM(at, struct guard, all);

        if (guard->dev == dev && guard->ino == ino) {
            return guard;
        }
    }
    return NULL;
}

int
gate_guard(struct gate *g, uint64_t dev, uint64_t ino, int fd)
{
    struct guard *guard;
    uint64_t allocated;
    bool marked = false;
    int rc;

    rc = port_fan_marked(g->group, fd, &marked);
    if (rc != AL_OK) {
        return rc;
    }
    if (!marked) {
        return AL_ENOTSUP;
    }
    if (find(g, dev, ino) != NULL) {
        return AL_EBUSY;
    }
    if (atomic_load(&g->guard_count) >= GATE_GUARDS_MAX) {
        return AL_ELIMIT;
    }
    guard = al_zalloc(sizeof(*guard));
    if (guard == NULL) {
        return AL_ENOMEM;
    }
    guard->agent_dev = dev;
    guard->agent_ino = ino;
    rc = port_fd_identity(fd, &guard->dev, &guard->ino, &allocated);
    if (rc == AL_OK) {
        rc = port_fd_path(fd, &guard->path);
    }
    if (rc != AL_OK) {
        al_free(guard);
        return rc;
    }
    /* First the guard is to be seen, then the marks go: an event in between finds the guard. They
     * all go here, before the lease, and none is set while the guard lasts: taking an inode's mark
     * away while an opener waits lets all later openers pass unasked until that one is answered
     * (tried on 6.18), which is harmless only as long as the file has its blocks. */
    al_list_push(&g->guards, &guard->all);
    atomic_fetch_add(&g->guard_count, 1);
    atomic_fetch_add(&g->guard_epoch, 1);
    rc = port_fan_forget(g->group, guard->path, atomic_load(&g->access));
    if (rc != AL_OK) {
        int ignored = gate_release(g, dev, ino);

        (void)ignored;
    }
    return rc;
}

int
gate_hold(struct gate *g, uint64_t dev, uint64_t ino, uint32_t *ret_passed)
{
    struct guard *guard = find(g, dev, ino);

    if (guard == NULL) {
        return AL_ENOENT;
    }
    guard->hold = true;
    *ret_passed = guard->passed;
    return AL_OK;
}

/* Those who waited are judged by what the file is now. */
static void
judge_held(struct gate *g, const struct guard *guard)
{
    struct al_list *at, *next;

    for (at = g->pending.next; at != &g->pending; at = next) {
        struct pending *p = AL_LIST_ITEM(at, struct pending, all);
        bool stub = true;

        next = at->next;
        if (!p->held || p->dev != guard->dev || p->ino != guard->ino) {
            continue;
        }
        if (port_fd_has_xattr(p->look, GATE_MARKER, &stub) == AL_OK && !stub) {
            gate_pending_end(g, p, true);
            continue;
        }
        p->held = false;
        atomic_fetch_add_explicit(&g->n_stubs, 1, memory_order_relaxed);
    }
    (void)gate_forward_all(g); /* what is left over, the main thread sends */
}

static void
release(struct gate *g, struct guard *guard)
{
    al_list_drop(&guard->all);
    atomic_fetch_sub(&g->guard_count, 1);
    judge_held(g, guard);
    port_fd_close(&guard->path);
    al_free(guard);
}

int
gate_release(struct gate *g, uint64_t dev, uint64_t ino)
{
    struct guard *guard = find(g, dev, ino);

    if (guard == NULL) {
        return AL_ENOENT;
    }
    release(g, guard);
    return AL_OK;
}

void
gate_release_all(struct gate *g)
{
    while (!al_list_empty(&g->guards)) {
        release(g, AL_LIST_ITEM(g->guards.next, struct guard, all));
    }
}
