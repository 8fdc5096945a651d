#include "port/sim/sim.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "port/sim/sim_priv.h"

struct sim_door *
sim_door_of(struct port *p)
{
    return (struct sim_door *)(void *)p;
}

uint64_t
sim_random(struct sim *s)
{
    uint64_t z = (s->random_state += 0x9e3779b97f4a7c15ull); /* splitmix64 */

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

int64_t
sim_now(const struct sim *s)
{
    return s->clock_ns - s->clock_ns % SIM_GRAIN_NS;
}

int
sim_new(uint64_t seed, enum sim_order order, struct sim **ret)
{
    struct sim *s = al_zalloc(sizeof(*s));
    int rc;

    if (s == NULL) {
        return AL_ENOMEM;
    }
    s->arena = al_arena_new(SIM_ARENA_MAX);
    if (s->arena == NULL) {
        al_free(s);
        return AL_ENOMEM;
    }
    s->main = (struct sim_door){.port = {.ops = &sim_ops}, .sim = s};
    s->other = (struct sim_door){.port = {.ops = &sim_ops}, .sim = s, .other = true};
    s->order = order;
    s->random_state = seed;
    s->fs_id = sim_random(s);
    s->ino_next = 2;
    s->generation_next = (uint32_t)sim_random(s);
    s->clock_ns = 1790000000000000000 + (int64_t)(seed % 1000) * 1000000007;
    s->blocks_left = UINT64_MAX;
    s->down_code = AL_ECRASH;
    s->epoch = 1;
    al_list_init(&s->inodes);
    al_list_init(&s->ops);
    al_list_init(&s->dirs);
    rc = sim_inode_new(s, PORT_T_FOLDER, 0755, &s->root);
    if (rc != AL_OK) {
        sim_free(s);
        return rc;
    }
    *ret = s;
    return AL_OK;
}

struct sim *
sim_free(struct sim *s)
{
    if (s != NULL) {
        (void)al_arena_free(s->arena);
        al_free(s);
    }
    return NULL;
}

struct port *
sim_port(struct sim *s)
{
    return &s->main.port;
}

struct port *
sim_other(struct sim *s)
{
    return &s->other.port;
}

uint64_t
sim_calls(const struct sim *s)
{
    return s->calls;
}

void
sim_crash_at(struct sim *s, uint64_t nth, enum sim_crash how, bool after)
{
    s->calls = 0;
    s->crash_at = nth;
    s->crash_how = how;
    s->crash_after = after;
}

bool
sim_is_down(const struct sim *s)
{
    return s->down;
}

void
sim_down_code(struct sim *s, int code)
{
    s->down_code = code;
}

void
sim_follow(struct sim *s, const struct sim *leader)
{
    s->leader = leader;
}

void
sim_hook(struct sim *s, void (*fn)(void *ctx, uint64_t call), void *ctx)
{
    s->hook = fn;
    s->hook_ctx = ctx;
}

void
sim_space(struct sim *s, uint64_t blocks)
{
    s->blocks_left = blocks;
}

void
sim_read_only(struct sim *s, bool on)
{
    s->read_only = on;
}

void
sim_plain_renames(struct sim *s, bool on)
{
    s->plain_renames = on;
}

void
sim_clock_add(struct sim *s, int64_t ns)
{
    s->clock_ns += ns;
}

unsigned
sim_open_files(const struct sim *s)
{
    return s->open_files;
}

int
sim_enter(struct sim_door *d)
{
    struct sim *s = d->sim;

    if (d->other) {
        return s->down && s->crash_how == SIM_POWER ? s->down_code : AL_OK;
    }
    if (s->down) {
        return s->down_code;
    }
    if (s->leader != NULL && s->leader->down) {
        return AL_ECRASH;
    }
    if (s->hook != NULL && !s->in_hook) {
        s->in_hook = true;
        s->hook(s->hook_ctx, s->calls + 1);
        s->in_hook = false;
    }
    s->calls++;
    s->clock_ns += SIM_CALL_NS;
    if (s->crash_at != 0 && s->calls == s->crash_at) {
        if (!s->crash_after) {
            s->down = true;
            return s->down_code;
        }
        s->crash_now = true;
    }
    return AL_OK;
}

int
sim_leave(struct sim_door *d, int rc)
{
    struct sim *s = d->sim;

    if (!d->other && s->crash_now) {
        s->crash_now = false;
        s->down = true;
        return s->down_code;
    }
    return rc;
}

int
sim_alive(struct sim_door *d, const struct port_file *f)
{
    return f->epoch == d->sim->epoch || d->other ? AL_OK : d->sim->down_code;
}

/* The process has gone: what it had open is closed behind its back, with leases and locks. */
static void
drop_files(struct sim *s, bool others_too)
{
    for (struct al_list *l = s->inodes.next; l != &s->inodes; l = l->next) {
        struct sim_inode *i = AL_LIST_ITEM(l, struct sim_inode, node);
        struct al_list *next;

        for (struct al_list *k = i->files.next; k != &i->files; k = next) {
            struct port_file *f = AL_LIST_ITEM(k, struct port_file, node);

            next = k->next;
            if (!f->door->other || others_too) {
                f->lease = f->wanted = false;
                if (i->locked == f) {
                    i->locked = NULL;
                }
                al_list_drop(k);
            }
        }
    }
}

int
sim_restart(struct sim *s, enum sim_crash how)
{
    int rc = AL_OK;

    drop_files(s, how == SIM_POWER);
    if (how == SIM_POWER) {
        rc = sim_lose_power(s);
        s->clock_ns += 60000000000; /* a boot takes its time */
    }
    for (struct al_list *l = s->inodes.next; l != &s->inodes; l = l->next) {
        struct sim_inode *i = AL_LIST_ITEM(l, struct sim_inode, node);

        i->gone = !sim_is_named(s, i);
    }
    s->epoch++;
    s->down = s->crash_now = false;
    s->crash_at = s->calls = 0;
    return rc;
}

int
sim_poke(struct sim *s, struct port_file *f, uint64_t offset, const void *bytes, size_t len)
{
    const uint8_t *from = bytes;

    assert(f->door->other && (f->flags & PORT_WRITE) != 0);
    while (len > 0) {
        size_t part = SIM_BLOCK - (size_t)(offset % SIM_BLOCK);
        int rc;

        part = part < len ? part : len;
        rc = sim_write_block(s, f->inode, offset, from, part, f->inode->now.size);
        if (rc != AL_OK) {
            return rc;
        }
        offset += part;
        from += part;
        len -= part;
    }
    return AL_OK;
}

/* What a system call by path finds, which opens nothing. */
static int
by_path(struct sim *s, const char *path, struct sim_inode **ret)
{
    struct sim_inode *folder;
    const char *last;
    int rc = sim_resolve(&s->other, NULL, path, &folder, &last, ret);

    return rc == AL_OK && *ret == NULL ? AL_ENOENT : rc;
}

int
sim_truncate_path(struct sim *s, const char *path, uint64_t size)
{
    struct sim_inode *i;
    int rc = by_path(s, path, &i);

    if (rc == AL_OK && sim_lease_in_the_way(i, NULL)) {
        rc = AL_EBUSY;
    }
    return rc == AL_OK ? sim_op_truncate(s, i, size) : rc;
}

int
sim_times_path(struct sim *s, const char *path, int64_t atime_ns, int64_t mtime_ns)
{
    struct sim_inode *i;
    struct sim_meta m;
    int rc = by_path(s, path, &i);

    if (rc != AL_OK) {
        return rc;
    }
    m = i->now.meta;
    m.atime_ns = atime_ns;
    m.mtime_ns = mtime_ns;
    m.ctime_ns = sim_now(s);
    return sim_change_meta(s, i, &m);
}
