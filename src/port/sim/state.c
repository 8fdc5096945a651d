#include <assert.h>
#include <string.h>

#include "port/sim/sim_priv.h"

/* Arena memory never goes back: a disk lives for one test, and its history shares most blocks. */

static struct sim_op *
op_new(struct sim *s, enum sim_op_kind kind, struct sim_inode *on)
{
    struct sim_op *op = al_arena_alloc(s->arena, sizeof(*op));

    if (op != NULL) {
        op->kind = kind;
        op->on = on;
    }
    return op;
}

int
sim_state_room(struct sim *s, struct sim_state *st, uint32_t blocks)
{
    uint32_t cap = st->block_cap == 0 ? 8 : st->block_cap;
    const uint8_t **more;

    if (blocks <= st->block_cap) {
        return AL_OK;
    }
    if (blocks > SIM_FILE_BLOCKS_MAX) {
        return AL_ENOSPC;
    }
    while (cap < blocks) {
        cap *= 2;
    }
    more = al_arena_alloc(s->arena, cap * sizeof(*more));
    if (more == NULL) {
        return AL_ENOMEM;
    }
    if (st->block_cap > 0) {
        memcpy(more, st->blocks, st->block_cap * sizeof(*more));
    }
    st->blocks = more;
    st->block_cap = cap;
    return AL_OK;
}

const uint8_t *
sim_block_at(const struct sim_state *st, uint32_t index)
{
    return index < st->block_cap ? st->blocks[index] : NULL;
}

static void
apply_trunc(struct sim_state *st, uint64_t size)
{
    uint64_t keep = (size + SIM_BLOCK - 1) / SIM_BLOCK;

    for (uint64_t k = keep; k < st->block_cap; k++) {
        st->blocks[k] = NULL;
    }
    st->size = size;
}

static void
apply_punch(struct sim_state *st, uint32_t first, uint32_t count)
{
    for (uint32_t k = first; k < first + count && k < st->block_cap; k++) {
        st->blocks[k] = NULL;
    }
}

static void
name_drop(struct sim_state *folder, const char *name)
{
    for (struct sim_name **at = &folder->names; *at != NULL; at = &(*at)->next) {
        if (strcmp((*at)->name, name) == 0) {
            *at = (*at)->next;
            return;
        }
    }
}

/* Needs one fresh struct sim_name, given by the caller so that applying cannot fail. */
static void
name_put(struct sim_state *folder, struct sim_name *fresh)
{
    struct sim_name **at;

    name_drop(folder, fresh->name);
    for (at = &folder->names; *at != NULL; at = &(*at)->next) {
    }
    fresh->next = NULL;
    *at = fresh;
}

struct sim_inode *
sim_lookup(const struct sim_state *folder, const char *name, size_t len)
{
    for (const struct sim_name *n = folder->names; n != NULL; n = n->next) {
        if (strlen(n->name) == len && memcmp(n->name, name, len) == 0) {
            return n->inode;
        }
    }
    return NULL;
}

bool
sim_is_named(const struct sim *s, const struct sim_inode *i)
{
    if (i == s->root) {
        return true;
    }
    for (struct al_list *l = s->inodes.next; l != &s->inodes; l = l->next) {
        const struct sim_inode *folder = AL_LIST_ITEM(l, struct sim_inode, node);

        for (const struct sim_name *n = folder->now.names; n != NULL; n = n->next) {
            if (n->inode == i) {
                return true;
            }
        }
    }
    return false;
}

/* To the platter. The disk state has room for every block it may get, reserved when the operation
 * was made. */
static void
platter(struct sim *s, struct sim_op *op)
{
    struct sim_state *disk = &op->on->disk;

    switch (op->kind) {
    case SIM_O_BLOCK:
        disk->blocks[op->first] = op->block;
        disk->size = disk->size < op->size ? op->size : disk->size;
        break;
    case SIM_O_TRUNC:
        apply_trunc(disk, op->size);
        break;
    case SIM_O_PUNCH:
        apply_punch(disk, op->first, op->count);
        break;
    case SIM_O_META:
        disk->meta = op->meta;
        break;
    case SIM_O_XATTR:
        disk->xattrs = op->xattrs;
        break;
    case SIM_O_NAME:
        if (op->from_dir != NULL) {
            name_drop(&op->from_dir->disk, op->from);
        }
        if (op->to != NULL) {
            struct sim_name *fresh = al_arena_alloc(s->arena, sizeof(*fresh));

            assert(fresh != NULL);
            fresh->name = op->to;
            fresh->inode = op->inode;
            name_put(disk, fresh);
        }
        break;
    }
    al_list_drop(&op->node);
}

int
sim_change_block(struct sim *s, struct sim_inode *i, uint32_t index, const uint8_t *block,
                 uint64_t size)
{
    struct sim_op *op;
    int rc = sim_state_room(s, &i->now, index + 1);

    if (rc == AL_OK) {
        rc = sim_state_room(s, &i->disk, index + 1);
    }
    if (rc != AL_OK) {
        return rc;
    }
    if (i->now.blocks[index] == NULL && s->blocks_left == 0) {
        return AL_ENOSPC;
    }
    op = op_new(s, SIM_O_BLOCK, i);
    if (op == NULL) {
        return AL_ENOMEM;
    }
    if (i->now.blocks[index] == NULL && s->blocks_left != UINT64_MAX) {
        s->blocks_left--;
    }
    op->first = index;
    op->block = block;
    op->size = size;
    i->now.blocks[index] = block;
    i->now.size = i->now.size < size ? size : i->now.size;
    al_list_push(&s->ops, &op->node);
    return AL_OK;
}

int
sim_change_size(struct sim *s, struct sim_inode *i, uint64_t size)
{
    struct sim_op *op = op_new(s, SIM_O_TRUNC, i);

    if (op == NULL) {
        return AL_ENOMEM;
    }
    op->size = size;
    apply_trunc(&i->now, size);
    al_list_push(&s->ops, &op->node);
    return AL_OK;
}

int
sim_change_punch(struct sim *s, struct sim_inode *i, uint32_t first, uint32_t count)
{
    struct sim_op *op = op_new(s, SIM_O_PUNCH, i);

    if (op == NULL) {
        return AL_ENOMEM;
    }
    op->first = first;
    op->count = count;
    apply_punch(&i->now, first, count);
    al_list_push(&s->ops, &op->node);
    return AL_OK;
}

int
sim_change_meta(struct sim *s, struct sim_inode *i, const struct sim_meta *m)
{
    struct sim_op *op = op_new(s, SIM_O_META, i);

    if (op == NULL) {
        return AL_ENOMEM;
    }
    op->meta = *m;
    i->now.meta = *m;
    al_list_push(&s->ops, &op->node);
    return AL_OK;
}

int
sim_change_xattrs(struct sim *s, struct sim_inode *i, const struct sim_xattr *list)
{
    struct sim_op *op = op_new(s, SIM_O_XATTR, i);

    if (op == NULL) {
        return AL_ENOMEM;
    }
    op->xattrs = list;
    i->now.xattrs = list;
    al_list_push(&s->ops, &op->node);
    return AL_OK;
}

int
sim_change_name(struct sim *s, struct sim_inode *from_dir, const char *from,
                struct sim_inode *to_dir, const char *to, struct sim_inode *inode)
{
    struct sim_inode *on = to_dir != NULL ? to_dir : from_dir;
    struct sim_op *op = op_new(s, SIM_O_NAME, on);
    struct sim_name *fresh = al_arena_alloc(s->arena, sizeof(*fresh));

    if (op == NULL || fresh == NULL) {
        return AL_ENOMEM;
    }
    if (from_dir != NULL) {
        op->from_dir = from_dir;
        op->from = al_arena_str(s->arena, from);
        if (op->from == NULL) {
            return AL_ENOMEM;
        }
    }
    if (to_dir != NULL) {
        op->to = al_arena_str(s->arena, to);
        if (op->to == NULL) {
            return AL_ENOMEM;
        }
        op->inode = fresh->inode = inode;
        fresh->name = op->to;
    }
    if (from_dir != NULL) {
        name_drop(&from_dir->now, from);
    }
    if (to_dir != NULL) {
        name_put(&to_dir->now, fresh);
    }
    al_list_push(&s->ops, &op->node);
    return AL_OK;
}

int
sim_inode_new(struct sim *s, enum port_type type, uint32_t mode, struct sim_inode **ret)
{
    struct sim_inode *i = al_arena_alloc(s->arena, sizeof(*i));
    struct sim_meta m = {.mode = mode};

    if (i == NULL) {
        return AL_ENOMEM;
    }
    m.atime_ns = m.mtime_ns = m.ctime_ns = m.btime_ns = sim_now(s);
    i->ino = s->ino_next++;
    i->generation = s->generation_next;
    s->generation_next = s->generation_next * 1664525u + 1013904223u;
    i->type = type;
    i->now.meta = i->disk.meta = m;
    al_list_init(&i->files);
    al_list_push(&s->inodes, &i->node);
    *ret = i;
    return AL_OK;
}

static bool
is_meta(const struct sim_op *op)
{
    return op->kind != SIM_O_BLOCK;
}

/* Whether a sync of data alone must write the inode's metadata too: sizes and holes are needed to
 * read the data back. */
static bool
needs_commit(struct sim *s, const struct sim_inode *i)
{
    for (struct al_list *l = s->ops.next; l != &s->ops; l = l->next) {
        const struct sim_op *op = AL_LIST_ITEM(l, struct sim_op, node);

        if (op->on == i && (op->kind == SIM_O_TRUNC || op->kind == SIM_O_PUNCH)) {
            return true;
        }
    }
    return sim_random(s) % 2 == 0;
}

int
sim_sync(struct sim *s, struct sim_inode *i, bool data_only)
{
    bool commit = !data_only || needs_commit(s, i);
    struct al_list *next;

    for (struct al_list *l = s->ops.next; l != &s->ops; l = next) {
        struct sim_op *op = AL_LIST_ITEM(l, struct sim_op, node);
        bool mine = op->on == i;
        bool journal = commit && is_meta(op) && (mine || s->order == SIM_ORDER_GLOBAL);

        next = l->next;
        if (journal || (mine && op->kind == SIM_O_BLOCK)) {
            platter(s, op);
        }
    }
    return AL_OK;
}

/* How many of n ordered changes survive: often none or all, since those are the usual cases of real
 * life. */
static uint32_t
choose_cut(struct sim *s, uint32_t n)
{
    switch (sim_random(s) % 4) {
    case 0:
        return 0;
    case 1:
        return n;
    default:
        return (uint32_t)(sim_random(s) % (n + 1u));
    }
}

static void
count_pending(struct sim *s, uint32_t *ret_all)
{
    *ret_all = 0;
    for (struct al_list *l = s->inodes.next; l != &s->inodes; l = l->next) {
        AL_LIST_ITEM(l, struct sim_inode, node)->pending = 0;
    }
    for (struct al_list *l = s->ops.next; l != &s->ops; l = l->next) {
        struct sim_op *op = AL_LIST_ITEM(l, struct sim_op, node);

        if (is_meta(op)) {
            op->on->pending++;
            (*ret_all)++;
        }
    }
    for (struct al_list *l = s->inodes.next; l != &s->inodes; l = l->next) {
        struct sim_inode *i = AL_LIST_ITEM(l, struct sim_inode, node);

        i->cut = choose_cut(s, i->pending);
        i->pending = 0;
    }
}

static int
copy_state(struct sim *s, struct sim_inode *i)
{
    const uint8_t **blocks = i->now.blocks;
    uint32_t cap = i->now.block_cap;
    struct sim_name **tail = &i->now.names;

    assert(i->now.block_cap >= i->disk.block_cap || i->disk.block_cap <= SIM_FILE_BLOCKS_MAX);
    if (cap < i->disk.block_cap) {
        int rc = sim_state_room(s, &i->now, i->disk.block_cap);

        if (rc != AL_OK) {
            return rc;
        }
        blocks = i->now.blocks;
        cap = i->now.block_cap;
    }
    for (uint32_t k = 0; k < cap; k++) {
        blocks[k] = sim_block_at(&i->disk, k);
    }
    i->now = i->disk;
    i->now.blocks = blocks;
    i->now.block_cap = cap;
    *tail = NULL;
    for (const struct sim_name *n = i->disk.names; n != NULL; n = n->next) {
        struct sim_name *copy = al_arena_alloc(s->arena, sizeof(*copy));

        if (copy == NULL) {
            return AL_ENOMEM;
        }
        *copy = *n;
        copy->next = NULL;
        *tail = copy;
        tail = &copy->next;
    }
    return AL_OK;
}

int
sim_lose_power(struct sim *s)
{
    uint32_t all, cut, seen = 0;
    uint64_t data = sim_random(s) % 3; /* blocks: none, all, each by itself */
    struct al_list *next;

    count_pending(s, &all);
    cut = choose_cut(s, all);
    for (struct al_list *l = s->ops.next; l != &s->ops; l = next) {
        struct sim_op *op = AL_LIST_ITEM(l, struct sim_op, node);
        uint32_t at = s->order == SIM_ORDER_GLOBAL ? seen : op->on->pending;
        uint32_t end = s->order == SIM_ORDER_GLOBAL ? cut : op->on->cut;
        bool keep;

        next = l->next;
        if (is_meta(op)) {
            seen++;
            op->on->pending++;
            keep = at < end;
            if (at == end && op->kind == SIM_O_PUNCH) { /* a long punch is several transactions */
                op->count = (uint32_t)(sim_random(s) % (op->count + 1u));
                keep = true;
            }
        } else {
            keep = data == 1 || (data == 2 && sim_random(s) % 2 == 0);
        }
        if (keep) {
            platter(s, op);
        } else {
            al_list_drop(&op->node);
        }
    }
    for (struct al_list *l = s->inodes.next; l != &s->inodes; l = l->next) {
        int rc = copy_state(s, AL_LIST_ITEM(l, struct sim_inode, node));

        if (rc != AL_OK) {
            return rc;
        }
    }
    return AL_OK;
}
