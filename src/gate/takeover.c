/* takeover.c: a gate that starts takes up the group of the dead one, from whoever kept a duplicate:
 * alto-hold or the agent.
 *
 *   1. the reader's right (nobody else reads or sweeps from here on)
 *   2. recorded numbers are reserved, so that no new event gets one of them while the old one waits
 *   3. recorded events are judged again by file handle: no stub → allow, stub → waits for its
 * recall, unknown → deny
 *   4. every other number is denied: an event may have been read but not recorded yet
 *   5. only then is anything read
 */
#include "gate/gate.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

#define GROUP_FILE "gate.group"
#define RIGHT_WAIT_MS                                                                              \
    60000 /* a holder that denies may itself wait for somebody's lease, 45 s at most */

static bool
is_pending(void *ctx, int number)
{
    const struct gate *g = ctx;

    return g->by_fd[number] != NULL;
}

static void
deny(struct gate *g, int number)
{
    int ignored = port_fan_answer(g->group, number, false);

    (void)ignored; /* its opener is gone */
    atomic_store(&g->table->slots[number].state, TABLE_FREE);
}

/* False: it was answered, or cannot be known. */
static bool
judge_again(struct gate *g, int number)
{
    const struct table_slot *s = &g->table->slots[number];
    struct port_handle h = {.type = s->handle_type, .len = s->handle_len};
    bool stub = true;
    int look, rc;

    if (atomic_load(&s->state) != TABLE_KNOWN || s->handle_len > TABLE_HANDLE_MAX) {
        return false;
    }
    memcpy(h.bytes, s->handle, s->handle_len);
    if (port_fd_by_handle(&h, s->mount, &look) != AL_OK) {
        return false;
    }
    rc = port_fd_has_xattr(look, GATE_MARKER, &stub);
    if (rc == AL_OK && stub) {
        return gate_pending_add(g, number, look, s->pid, false) == AL_OK;
    }
    port_fd_close(&look);
    if (rc == AL_OK) {
        rc = port_fan_answer(g->group, number, true);
        atomic_store(&g->table->slots[number].state, TABLE_FREE);
    }
    return rc == AL_OK;
}

static void
take_over_events(struct gate *g)
{
    unsigned taken = 0, swept;
    int n;

    for (n = 0; n < PORT_FAN_NUMBERS_MAX; n++) {
        if (atomic_load(&g->table->slots[n].state) == TABLE_FREE) {
            continue;
        }
        /* A number that this process itself uses cannot be reserved beside. */
        if (port_fd_is_open(n) || port_fd_vacate(n, g->null_fd) != AL_OK) {
            deny(g, n);
        }
    }
    for (n = 0; n < PORT_FAN_NUMBERS_MAX; n++) {
        if (atomic_load(&g->table->slots[n].state) == TABLE_FREE) {
            continue;
        }
        if (judge_again(g, n) && g->by_fd[n] != NULL) {
            taken++;
            continue;
        }
        if (g->by_fd[n] == NULL) {
            int number = n;

            deny(g, n);
            port_fd_close(&number);
        }
    }
    swept = port_fan_sweep(g->group, is_pending, g);
    al_log(g->conf.log, AL_LOG_INFO, "took over: %u stubs wait for their recall, %u openers denied",
           taken, swept);
}

static int
group_adopt(struct gate *g, int group, int table_fd, uint64_t id, struct al_fail *fail)
{
    void *at;
    int rc;

    rc = port_shared_map(table_fd, sizeof(struct table), &at);
    if (rc == AL_OK && ((struct table *)at)->magic != TABLE_MAGIC) {
        rc = AL_ECORRUPT;
    }
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, 0, "the table of the group to take over cannot be used");
    }
    rc = port_fan_right(table_fd, RIGHT_WAIT_MS, &g->right);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, 0, "somebody else reads the group's events");
    }
    gate_raise(g, &g->right);
    g->group = group;
    g->table_fd = table_fd;
    g->group_id = id;
    g->table = at;
    atomic_store(&g->access, ((struct table *)at)->access != 0);
    take_over_events(g);
    return AL_OK;
}

static int
group_make(struct gate *g, struct al_fail *fail)
{
    void *at;
    char text[32];
    int rc;

    rc = port_fan_group_new(&g->group);
    if (rc == AL_OK) {
        gate_raise(g, &g->group);
    }
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(g->port),
                           "cannot make an event group: root and a kernel with permission events "
                           "(CONFIG_FANOTIFY_ACCESS_PERMISSIONS) are needed");
    }
    rc = port_shared_new("alto-gate", sizeof(struct table), &g->table_fd);
    if (rc == AL_OK) {
        gate_raise(g, &g->table_fd);
        rc = port_shared_map(g->table_fd, sizeof(struct table), &at);
    }
    if (rc == AL_OK) {
        rc = port_fan_right(g->table_fd, 0, &g->right);
    }
    if (rc == AL_OK) {
        rc = port_random(g->port, &g->group_id, sizeof(g->group_id));
    }
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(g->port), "cannot make the table of events");
    }
    gate_raise(g, &g->right);
    g->group_id |= 1; /* 0 means none */
    g->table = at;
    g->table->magic = TABLE_MAGIC;
    g->table->group = g->group_id;
    (void)snprintf(text, sizeof(text), "%llu\n", (unsigned long long)g->group_id);
    rc = port_write_file(g->port, g->folder, GROUP_FILE, text, strlen(text), 0600);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(g->port), "cannot write " GROUP_FILE);
    }
    return AL_OK;
}

/* The group that was in use when a gate last ran here; 0: none. The folder is on tmpfs and empty
 * after a restart of the system. */
static uint64_t
group_expected(struct gate *g)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    uint64_t id = 0;

    al_buf_init(&text, 64);
    if (port_read_file(g->port, g->folder, GROUP_FILE, 64, &text) != AL_OK || text.len == 0) {
        return 0;
    }
    text.at[strcspn((char *)text.at, "\n")] = '\0';
    return al_parse_u64((char *)text.at, &id) == AL_OK ? id : 0;
}

int
gate_group_begin(struct gate *g, struct al_fail *fail)
{
    uint64_t expected = group_expected(g);
    int64_t end = port_mono_ns(g->port) + GATE_ADOPT_MS * INT64_C(1000000);
    size_t i;
    int rc;

    while (expected != 0 && port_mono_ns(g->port) < end) {
        rc = gate_serve_once(g, 50);
        if (rc != AL_OK) {
            return al_fail_set(fail, rc, 0, "cannot serve clients");
        }
        for (i = 0; i < GATE_CLIENTS_MAX; i++) {
            struct client *c = &g->clients[i];

            if (c->fd >= 0 && c->group == expected && c->given[0] >= 0) {
                rc = group_adopt(g, c->given[0], c->given[1], expected, fail);
                c->given[0] = c->given[1] = -1;
                return rc;
            }
        }
    }
    if (expected != 0) {
        al_log(
            g->conf.log, AL_LOG_WARN,
            "nobody kept the group of the last gate: whoever waited was let through by the kernel");
    }
    return group_make(g, fail);
}

void
gate_group_drain(struct gate *g, int group, int table_fd)
{
    unsigned denied = 0;
    int right;

    /* Our own marks cover the same filesystems by now. Without marks no event comes to the old
     * group any more. */
    if (port_fan_right(table_fd, 0, &right) == AL_OK) {
        int ignored = port_fan_unmark_all(group);

        (void)ignored;
        denied = port_fan_deny_for(group, 10);
        port_fd_close(&right);
    }
    al_log(g->conf.log, AL_LOG_WARN, "a stale group was drained: %u openers denied", denied);
    port_fd_close(&group);
    port_fd_close(&table_fd);
}
