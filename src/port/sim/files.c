#include <string.h>

#include "base/mem.h"
#include "port/sim/sim_priv.h"

void
sim_touch(struct sim *s, struct sim_meta *m)
{
    m->mtime_ns = m->ctime_ns = sim_now(s);
}

bool
sim_lease_in_the_way(struct sim_inode *i, const struct port_file *but)
{
    for (struct al_list *l = i->files.next; l != &i->files; l = l->next) {
        struct port_file *f = AL_LIST_ITEM(l, struct port_file, node);

        if (f != but && f->lease) {
            f->wanted = true;
            return true;
        }
    }
    return false;
}

static bool
part_is_fine(const char *name)
{
    return name[0] != '\0' && strchr(name, '/') == NULL && strcmp(name, ".") != 0 &&
           strcmp(name, "..") != 0;
}

int
sim_resolve(struct sim_door *d, struct port_file *dir, const char *name,
            struct sim_inode **ret_folder, const char **ret_last, struct sim_inode **ret)
{
    struct sim_inode *at = dir != NULL ? dir->inode : d->sim->root;

    if (dir != NULL) {
        int rc = sim_alive(d, dir);

        if (rc != AL_OK) {
            return rc;
        }
        if (!part_is_fine(name)) {
            return AL_EINVAL;
        }
    } else if (name[0] != '/') {
        return AL_EINVAL;
    }
    while (*name == '/') {
        name++;
    }
    for (const char *slash; (slash = strchr(name, '/')) != NULL;) {
        if (at->type != PORT_T_FOLDER) {
            return AL_ENOTDIR;
        }
        at = sim_lookup(&at->now, name, (size_t)(slash - name));
        if (at == NULL) {
            return AL_ENOENT;
        }
        for (name = slash; *name == '/'; name++) {
        }
    }
    if (at->type != PORT_T_FOLDER) {
        return AL_ENOTDIR;
    }
    *ret_folder = at;
    *ret_last = name;
    *ret = *name == '\0' ? at : sim_lookup(&at->now, name, strlen(name));
    return AL_OK;
}

/* A new open of an inode: what stands against it, and the object for it. */
static int
file_new(struct sim_door *d, struct sim_inode *i, uint32_t flags, struct port_file **ret)
{
    struct port_file *f;

    if (i->type == PORT_T_SYMLINK && (flags & PORT_PATH) == 0) {
        return AL_ELOOP;
    }
    if ((flags & PORT_FOLDER) != 0 && i->type != PORT_T_FOLDER) {
        return AL_ENOTDIR;
    }
    if (i->type == PORT_T_FOLDER && (flags & PORT_WRITE) != 0) {
        return AL_EISDIR;
    }
    if ((flags & (PORT_WRITE | PORT_TRUNC)) != 0 && d->sim->read_only && !d->other) {
        return AL_EROFS;
    }
    if ((flags & PORT_PATH) == 0 && sim_lease_in_the_way(i, NULL)) {
        return AL_EBUSY;
    }
    f = al_zalloc(sizeof(*f));
    if (f == NULL) {
        return AL_ENOMEM;
    }
    f->inode = i;
    f->door = d;
    f->flags = flags;
    f->epoch = d->sim->epoch;
    al_list_push(&i->files, &f->node);
    if (!d->other) {
        d->sim->open_files++;
    }
    *ret = f;
    return AL_OK;
}

static void
file_end(struct port_file *f)
{
    struct sim_inode *i = f->inode;

    if (!f->door->other) {
        f->door->sim->open_files--;
    }
    if (i->locked == f) {
        i->locked = NULL;
    }
    al_list_drop(&f->node); /* harmless where a restart dropped it before */
    if (al_list_empty(&i->files) && !sim_is_named(f->door->sim, i)) {
        i->gone = true;
    }
    al_free(f);
}

static int
make(struct sim_door *d, struct sim_inode *folder, const char *name, enum port_type type,
     uint32_t mode, struct sim_inode **ret)
{
    struct sim *s = d->sim;
    struct sim_meta m = folder->now.meta;
    struct sim_inode *i;
    int rc;

    if (s->read_only && !d->other) {
        return AL_EROFS;
    }
    if (strlen(name) > 255) {
        return AL_ENAMETOOLONG;
    }
    rc = sim_inode_new(s, type, mode, &i);
    if (rc == AL_OK) {
        rc = sim_change_name(s, NULL, NULL, folder, name, i);
    }
    if (rc == AL_OK) {
        sim_touch(s, &m);
        rc = sim_change_meta(s, folder, &m);
        *ret = i;
    }
    return rc;
}

static int
open_it(struct sim_door *d, struct port_file *dir, const char *name, uint32_t flags, uint32_t mode,
        struct port_file **ret)
{
    struct sim_inode *folder, *i;
    const char *last;
    bool made = false;
    int rc;

    if (dir != NULL && strcmp(name, ".") == 0) { /* the folder itself, for port_walk_to alone */
        rc = sim_alive(d, dir);
        return rc == AL_OK ? file_new(d, dir->inode, flags, ret) : rc;
    }
    rc = sim_resolve(d, dir, name, &folder, &last, &i);
    if (rc != AL_OK) {
        return rc;
    }
    if (i != NULL && (flags & PORT_CREATE) != 0 && (flags & PORT_EXCL) != 0) {
        return AL_EEXIST;
    }
    if (i == NULL) {
        if ((flags & PORT_CREATE) == 0) {
            return AL_ENOENT;
        }
        rc = make(d, folder, last, PORT_T_FILE, mode, &i);
        if (rc != AL_OK) {
            return rc;
        }
        made = true;
    }
    rc = file_new(d, i, flags, ret);
    if (rc == AL_OK && (flags & PORT_TRUNC) != 0 && !made) {
        rc = sim_op_truncate(d->sim, i, 0);
        if (rc != AL_OK) {
            file_end(*ret);
        }
    }
    return rc;
}

static int
sim_open(struct port *p, struct port_file *dir, const char *name, uint32_t flags, uint32_t mode,
         struct port_file **ret)
{
    struct sim_door *d = sim_door_of(p);
    struct port_file *f = NULL;
    int rc = sim_enter(d);

    if (rc != AL_OK) {
        return rc;
    }
    rc = open_it(d, dir, name, flags, mode, &f);
    if (rc == AL_OK) {
        rc = sim_leave(d, AL_OK);
        if (rc != AL_OK) {
            file_end(f);
            return rc;
        }
        *ret = f;
        return AL_OK;
    }
    return sim_leave(d, rc);
}

static int
sim_open_handle(struct port *p, struct port_file *on_fs, const struct port_handle *h,
                uint32_t flags, struct port_file **ret)
{
    struct sim_door *d = sim_door_of(p);
    struct port_file *f = NULL;
    int rc = sim_enter(d);

    if (rc != AL_OK) {
        return rc;
    }
    rc = h->len == 12 && h->type == 1 ? sim_alive(d, on_fs) : AL_EINVAL;
    if (rc == AL_OK) {
        struct sim_inode *found = NULL;

        for (struct al_list *l = d->sim->inodes.next; l != &d->sim->inodes; l = l->next) {
            struct sim_inode *i = AL_LIST_ITEM(l, struct sim_inode, node);

            if (i->ino == al_get_u64(h->bytes) && i->generation == al_get_u32(h->bytes + 8)) {
                found = i;
            }
        }
        if (found == NULL || found->gone || !sim_is_named(d->sim, found)) {
            rc = AL_ESTALE;
        } else {
            rc = file_new(d, found, flags, &f);
        }
    }
    rc = sim_leave(d, rc);
    if (rc != AL_OK && f != NULL) {
        file_end(f);
    } else if (rc == AL_OK) {
        *ret = f;
    }
    return rc;
}

static int
sim_close(struct port *p, struct port_file *f)
{
    struct sim_door *d = sim_door_of(p);
    int rc = sim_enter(d);

    if (rc == AL_OK) {
        rc = sim_leave(d, sim_alive(d, f));
    }
    file_end(f);
    return rc;
}

static int
sim_pread(struct port *p, struct port_file *f, void *to, size_t len, uint64_t offset,
          size_t *ret_len)
{
    struct sim_door *d = sim_door_of(p);
    const struct sim_state *st = &f->inode->now;
    uint8_t *out = to;
    size_t done = 0;
    int rc = sim_enter(d);

    if (rc != AL_OK) {
        return rc;
    }
    rc = sim_alive(d, f);
    if (rc == AL_OK && (f->flags & PORT_READ) == 0) {
        rc = AL_EACCES;
    }
    while (rc == AL_OK && done < len && offset + done < st->size) {
        uint64_t at = offset + done;
        size_t part = SIM_BLOCK - (size_t)(at % SIM_BLOCK);
        const uint8_t *block = sim_block_at(st, (uint32_t)(at / SIM_BLOCK));

        part = part < len - done ? part : len - done;
        part = part < st->size - at ? part : (size_t)(st->size - at);
        if (block != NULL) {
            memcpy(out + done, block + at % SIM_BLOCK, part);
        } else {
            memset(out + done, 0, part);
        }
        done += part;
    }
    rc = sim_leave(d, rc);
    if (rc == AL_OK) {
        *ret_len = done;
    }
    return rc;
}

int
sim_write_block(struct sim *s, struct sim_inode *i, uint64_t offset, const uint8_t *from,
                size_t len, uint64_t size)
{
    uint32_t index = (uint32_t)(offset / SIM_BLOCK);
    const uint8_t *old = sim_block_at(&i->now, index);
    uint8_t *block;

    if (offset / SIM_BLOCK >= SIM_FILE_BLOCKS_MAX) {
        return AL_ENOSPC;
    }
    block = al_arena_alloc(s->arena, SIM_BLOCK);
    if (block == NULL) {
        return AL_ENOMEM;
    }
    if (old != NULL) {
        memcpy(block, old, SIM_BLOCK);
    }
    memcpy(block + offset % SIM_BLOCK, from, len);
    return sim_change_block(s, i, index, block, size);
}

/* write(2) and fallocate(2) by root take file capabilities away (measured); so does this disk. */
static int
strip_capability(struct sim *s, struct sim_inode *i)
{
    const struct sim_xattr *list = NULL;
    bool had = false;

    for (const struct sim_xattr *x = i->now.xattrs; x != NULL; x = x->next) {
        struct sim_xattr *copy;

        if (strcmp(x->name, "security.capability") == 0) {
            had = true;
            continue;
        }
        copy = al_arena_alloc(s->arena, sizeof(*copy));
        if (copy == NULL) {
            return AL_ENOMEM;
        }
        *copy = *x;
        copy->next = list;
        list = copy;
    }
    return had ? sim_change_xattrs(s, i, list) : AL_OK;
}

static int
modified(struct sim *s, struct sim_inode *i)
{
    struct sim_meta m = i->now.meta;
    int rc = strip_capability(s, i);

    if (rc != AL_OK) {
        return rc;
    }
    sim_touch(s, &m);
    return sim_change_meta(s, i, &m);
}

static int
may_write(struct sim_door *d, const struct port_file *f)
{
    int rc = sim_alive(d, f);

    if (rc != AL_OK) {
        return rc;
    }
    if ((f->flags & PORT_WRITE) == 0) {
        return AL_EACCES;
    }
    return d->sim->read_only && !d->other ? AL_EROFS : AL_OK;
}

static int
sim_pwrite(struct port *p, struct port_file *f, const void *from, size_t len, uint64_t offset)
{
    struct sim_door *d = sim_door_of(p);
    const uint8_t *in = from;
    int rc = sim_enter(d);

    if (rc != AL_OK) {
        return rc;
    }
    rc = may_write(d, f);
    if (rc == AL_OK && len > 0) {
        rc = modified(d->sim, f->inode);
    }
    while (rc == AL_OK && len > 0) {
        size_t part = SIM_BLOCK - (size_t)(offset % SIM_BLOCK);

        part = part < len ? part : len;
        rc = sim_write_block(d->sim, f->inode, offset, in, part, offset + part);
        in += part;
        offset += part;
        len -= part;
    }
    return sim_leave(d, rc);
}

static int
sim_sync_file(struct port *p, struct port_file *f, bool data_only)
{
    struct sim_door *d = sim_door_of(p);
    int rc = sim_enter(d);

    if (rc != AL_OK) {
        return rc;
    }
    rc = sim_alive(d, f);
    if (rc == AL_OK) {
        rc = sim_sync(d->sim, f->inode, data_only);
    }
    return sim_leave(d, rc);
}

/* The bytes of the last block behind a new end become zeros, as a filesystem leaves them. */
static int
clear_tail(struct sim *s, struct sim_inode *i, uint64_t from, uint64_t to)
{
    static const uint8_t zeros[SIM_BLOCK];

    if (from >= to || sim_block_at(&i->now, (uint32_t)(from / SIM_BLOCK)) == NULL) {
        return AL_OK;
    }
    return sim_write_block(s, i, from, zeros, (size_t)(to - from), 0);
}

int
sim_op_truncate(struct sim *s, struct sim_inode *i, uint64_t size)
{
    uint64_t end = (size + SIM_BLOCK - 1) / SIM_BLOCK * SIM_BLOCK;
    int rc;

    if (i->type != PORT_T_FILE) {
        return AL_EISDIR;
    }
    if (end / SIM_BLOCK > SIM_FILE_BLOCKS_MAX) {
        return AL_ENOSPC;
    }
    rc = modified(s, i);
    if (rc == AL_OK && size < i->now.size) {
        rc = clear_tail(s, i, size, end);
    }
    return rc == AL_OK ? sim_change_size(s, i, size) : rc;
}

static int
sim_truncate(struct port *p, struct port_file *f, uint64_t size)
{
    struct sim_door *d = sim_door_of(p);
    int rc = sim_enter(d);

    if (rc != AL_OK) {
        return rc;
    }
    rc = may_write(d, f);
    if (rc == AL_OK) {
        rc = sim_op_truncate(d->sim, f->inode, size);
    }
    return sim_leave(d, rc);
}

static int
sim_punch(struct port *p, struct port_file *f, uint64_t offset, uint64_t len)
{
    struct sim_door *d = sim_door_of(p);
    uint64_t end = offset + len, first = (offset + SIM_BLOCK - 1) / SIM_BLOCK;
    uint64_t last = end / SIM_BLOCK;
    int rc = sim_enter(d);

    if (rc != AL_OK) {
        return rc;
    }
    rc = may_write(d, f);
    if (rc == AL_OK && (len == 0 || end < offset)) {
        rc = AL_EINVAL;
    }
    if (rc == AL_OK) {
        struct sim_inode *i = f->inode;

        /* The part of a block behind the end of the file is free already. */
        last = end >= i->now.size ? (i->now.size + SIM_BLOCK - 1) / SIM_BLOCK : last;
        rc = modified(d->sim, i);
        if (rc == AL_OK && offset % SIM_BLOCK != 0) {
            rc = clear_tail(d->sim, i, offset, end < first * SIM_BLOCK ? end : first * SIM_BLOCK);
        }
        if (rc == AL_OK && last > first) {
            rc = sim_change_punch(d->sim, i, (uint32_t)first, (uint32_t)(last - first));
        }
        if (rc == AL_OK && end < i->now.size && end % SIM_BLOCK != 0 && last >= first) {
            rc = clear_tail(d->sim, i, last * SIM_BLOCK, end);
        }
    }
    return sim_leave(d, rc);
}

/* The first block at or behind offset that is data, or a hole; UINT64_MAX: none. */
static uint64_t
seek(const struct sim_state *st, uint64_t offset, bool data)
{
    for (uint64_t k = offset / SIM_BLOCK; k * SIM_BLOCK < st->size; k++) {
        if ((sim_block_at(st, (uint32_t)k) != NULL) == data) {
            return k * SIM_BLOCK > offset ? k * SIM_BLOCK : offset;
        }
    }
    return data ? UINT64_MAX : st->size;
}

static int
seek_file(struct port *p, struct port_file *f, uint64_t offset, bool data, uint64_t *ret_offset)
{
    struct sim_door *d = sim_door_of(p);
    uint64_t found = UINT64_MAX;
    int rc = sim_enter(d);

    if (rc != AL_OK) {
        return rc;
    }
    rc = sim_alive(d, f);
    if (rc == AL_OK) {
        found = offset >= f->inode->now.size ? UINT64_MAX : seek(&f->inode->now, offset, data);
        rc = found == UINT64_MAX ? AL_ENODATA : AL_OK;
    }
    rc = sim_leave(d, rc);
    if (rc == AL_OK) {
        *ret_offset = found;
    }
    return rc;
}

static int
sim_next_data(struct port *p, struct port_file *f, uint64_t offset, uint64_t *ret_offset)
{
    return seek_file(p, f, offset, true, ret_offset);
}

static int
sim_next_hole(struct port *p, struct port_file *f, uint64_t offset, uint64_t *ret_offset)
{
    return seek_file(p, f, offset, false, ret_offset);
}

static uint32_t
count_names(const struct sim *s, const struct sim_inode *of)
{
    uint32_t n = 0;

    for (struct al_list *l = s->inodes.next; l != &s->inodes; l = l->next) {
        const struct sim_inode *folder = AL_LIST_ITEM(l, struct sim_inode, node);

        for (const struct sim_name *k = folder->now.names; k != NULL; k = k->next) {
            n += k->inode == of;
        }
    }
    return of == s->root ? 1 : n;
}

static void
fill_stat(const struct sim *s, const struct sim_inode *i, struct port_stat *ret)
{
    const struct sim_meta *m = &i->now.meta;

    *ret = (struct port_stat){.type = i->type, .mode = m->mode, .uid = m->uid, .gid = m->gid};
    ret->nlink = count_names(s, i);
    ret->size = i->type == PORT_T_SYMLINK ? strlen(i->link) : i->now.size;
    for (uint32_t k = 0; k < i->now.block_cap; k++) {
        ret->allocated += i->now.blocks[k] != NULL ? SIM_BLOCK : 0;
    }
    ret->dev = s->fs_id;
    ret->ino = i->ino;
    ret->atime_ns = m->atime_ns;
    ret->mtime_ns = m->mtime_ns;
    ret->ctime_ns = m->ctime_ns;
    ret->btime_ns = m->btime_ns;
}

static int
sim_stat(struct port *p, struct port_file *f, struct port_stat *ret)
{
    struct sim_door *d = sim_door_of(p);
    int rc = sim_enter(d);

    if (rc != AL_OK) {
        return rc;
    }
    rc = sim_leave(d, sim_alive(d, f));
    if (rc == AL_OK) {
        fill_stat(d->sim, f->inode, ret);
    }
    return rc;
}

static int
sim_stat_at(struct port *p, struct port_file *dir, const char *name, struct port_stat *ret)
{
    struct sim_door *d = sim_door_of(p);
    struct sim_inode *folder, *i = NULL;
    const char *last;
    int rc = sim_enter(d);

    if (rc != AL_OK) {
        return rc;
    }
    rc = sim_resolve(d, dir, name, &folder, &last, &i);
    rc = sim_leave(d, rc == AL_OK && i == NULL ? AL_ENOENT : rc);
    if (rc == AL_OK) {
        fill_stat(d->sim, i, ret);
    }
    return rc;
}

static int
rename_it(struct sim_door *d, struct port_file *dir_a, const char *a, struct port_file *dir_b,
          const char *b, bool replace)
{
    struct sim_inode *from, *to, *i, *there;
    const char *last_a, *last_b;
    int rc = sim_resolve(d, dir_a, a, &from, &last_a, &i);

    if (rc == AL_OK) {
        rc = i == NULL ? AL_ENOENT : sim_resolve(d, dir_b, b, &to, &last_b, &there);
    }
    if (rc != AL_OK) {
        return rc;
    }
    if (there != NULL && !replace) {
        return AL_EEXIST;
    }
    if (there == i) {
        return AL_OK;
    }
    rc = sim_change_name(d->sim, from, last_a, to, last_b, i);
    if (rc == AL_OK && there != NULL && al_list_empty(&there->files) &&
        !sim_is_named(d->sim, there)) {
        there->gone = true;
    }
    return rc;
}

static int
sim_rename(struct port *p, struct port_file *dir_a, const char *a, struct port_file *dir_b,
           const char *b, bool replace)
{
    struct sim_door *d = sim_door_of(p);
    int rc = sim_enter(d);

    if (rc != AL_OK) {
        return rc;
    }
    rc = d->sim->read_only && !d->other      ? AL_EROFS
         : !replace && d->sim->plain_renames ? AL_EINVAL
                                             : rename_it(d, dir_a, a, dir_b, b, replace);
    return sim_leave(d, rc);
}

static int
remove_it(struct sim_door *d, struct port_file *dir, const char *name, bool folder_wanted)
{
    struct sim_inode *folder, *i;
    const char *last;
    int rc = sim_resolve(d, dir, name, &folder, &last, &i);

    if (rc != AL_OK) {
        return rc;
    }
    if (i == NULL) {
        return AL_ENOENT;
    }
    if (d->sim->read_only && !d->other) {
        return AL_EROFS;
    }
    if (folder_wanted != (i->type == PORT_T_FOLDER)) {
        return folder_wanted ? AL_ENOTDIR : AL_EISDIR;
    }
    if (folder_wanted && i->now.names != NULL) {
        return AL_ENOTEMPTY;
    }
    rc = sim_change_name(d->sim, folder, last, NULL, NULL, NULL);
    if (rc == AL_OK && al_list_empty(&i->files) && !sim_is_named(d->sim, i)) {
        i->gone = true;
    }
    return rc;
}

static int
sim_unlink(struct port *p, struct port_file *dir, const char *name)
{
    struct sim_door *d = sim_door_of(p);
    int rc = sim_enter(d);

    return rc != AL_OK ? rc : sim_leave(d, remove_it(d, dir, name, false));
}

static int
sim_rmdir(struct port *p, struct port_file *dir, const char *name)
{
    struct sim_door *d = sim_door_of(p);
    int rc = sim_enter(d);

    return rc != AL_OK ? rc : sim_leave(d, remove_it(d, dir, name, true));
}

static int
sim_make(struct port *p, struct port_file *dir, const char *name, enum port_type type,
         uint32_t mode, const char *link)
{
    struct sim_door *d = sim_door_of(p);
    struct sim_inode *folder, *i;
    const char *last;
    int rc = sim_enter(d);

    if (rc != AL_OK) {
        return rc;
    }
    rc = sim_resolve(d, dir, name, &folder, &last, &i);
    if (rc == AL_OK && i != NULL) {
        rc = AL_EEXIST;
    }
    if (rc == AL_OK) {
        const char *copy = link != NULL ? al_arena_str(d->sim->arena, link) : NULL;

        rc = link != NULL && copy == NULL ? AL_ENOMEM : make(d, folder, last, type, mode, &i);
        if (rc == AL_OK) {
            i->link = copy;
        }
    }
    return sim_leave(d, rc);
}

static int
sim_mkdir(struct port *p, struct port_file *dir, const char *name, uint32_t mode)
{
    return sim_make(p, dir, name, PORT_T_FOLDER, mode, NULL);
}

static int
sim_symlink(struct port *p, struct port_file *dir, const char *name, const char *target)
{
    return sim_make(p, dir, name, PORT_T_SYMLINK, 0777, target);
}

const struct port_ops sim_ops = {
    .open = sim_open,
    .open_handle = sim_open_handle,
    .close = sim_close,
    .pread = sim_pread,
    .pwrite = sim_pwrite,
    .sync = sim_sync_file,
    .truncate = sim_truncate,
    .stat = sim_stat,
    .stat_at = sim_stat_at,
    .rename = sim_rename,
    .unlink = sim_unlink,
    .mkdir = sim_mkdir,
    .rmdir = sim_rmdir,
    .readlink = sim_readlink,
    .symlink = sim_symlink,
    .dir_open = sim_dir_open,
    .dir_next = sim_dir_next,
    .dir_close = sim_dir_close,
    .xattr_get = sim_xattr_get,
    .xattr_get_at = sim_xattr_get_at,
    .xattr_set = sim_xattr_set,
    .xattr_del = sim_xattr_del,
    .xattr_list = sim_xattr_list,
    .set_times = sim_set_times,
    .set_owner = sim_set_owner,
    .set_mode = sim_set_mode,
    .lock = sim_lock,
    .lease_take = sim_lease_take,
    .lease_state = sim_lease_state,
    .lease_drop = sim_lease_drop,
    .punch = sim_punch,
    .next_data = sim_next_data,
    .next_hole = sim_next_hole,
    .handle_get = sim_handle_get,
    .generation = sim_generation,
    .fs = sim_fs,
    .now_ns = sim_now_ns,
    .mono_ns = sim_now_ns,
    .sleep_ns = sim_sleep_ns,
    .random = sim_random_bytes,
    .hostname = sim_hostname,
    .os_error = sim_os_error,
};
