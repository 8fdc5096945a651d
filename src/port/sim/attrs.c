#include <string.h>

#include "base/mem.h"
#include "port/sim/sim_priv.h"

int
sim_readlink(struct port *p, struct port_file *dir, const char *name, struct al_buf *to)
{
    struct sim_door *d = sim_door_of(p);
    struct sim_inode *folder, *i = NULL;
    const char *last;
    int rc = sim_enter(d);

    if (rc != AL_OK) {
        return rc;
    }
    rc = sim_resolve(d, dir, name, &folder, &last, &i);
    if (rc == AL_OK) {
        rc = i == NULL ? AL_ENOENT : i->type != PORT_T_SYMLINK ? AL_EINVAL : AL_OK;
    }
    rc = sim_leave(d, rc);
    return rc == AL_OK ? al_buf_adds(to, i->link) : rc;
}

int
sim_dir_open(struct port *p, struct port_file *folder, struct port_dir **ret)
{
    struct sim_door *d = sim_door_of(p);
    struct port_dir *l;
    int rc = sim_enter(d);

    if (rc != AL_OK) {
        return rc;
    }
    rc = sim_alive(d, folder);
    if (rc == AL_OK && folder->inode->type != PORT_T_FOLDER) {
        rc = AL_ENOTDIR;
    }
    rc = sim_leave(d, rc);
    if (rc != AL_OK) {
        return rc;
    }
    l = al_zalloc(sizeof(*l));
    if (l == NULL) {
        return AL_ENOMEM;
    }
    l->door = d;
    l->inode = folder->inode;
    l->epoch = d->sim->epoch;
    if (!d->other) {
        d->sim->open_files++;
    }
    *ret = l;
    return AL_OK;
}

int
sim_dir_next(struct port *p, struct port_dir *l, struct port_dirent *ret, bool *ret_end)
{
    struct sim_door *d = sim_door_of(p);
    const struct sim_name *n = l->inode->now.names;
    int rc = sim_enter(d);

    if (rc != AL_OK) {
        return rc;
    }
    rc = sim_leave(d, l->epoch == d->sim->epoch ? AL_OK : d->sim->down_code);
    if (rc != AL_OK) {
        return rc;
    }
    for (uint64_t k = 0; k < l->at && n != NULL; k++) {
        n = n->next;
    }
    *ret_end = n == NULL;
    if (n != NULL) {
        l->at++;
        ret->name = n->name;
        ret->name_len = strlen(n->name);
        ret->ino = n->inode->ino;
        ret->type = n->inode->type;
    }
    return AL_OK;
}

void
sim_dir_close(struct port *p, struct port_dir *l)
{
    if (!l->door->other) {
        l->door->sim->open_files--;
    }
    al_free(l);
}

static const struct sim_xattr *
find_xattr(const struct sim_inode *i, const char *name)
{
    for (const struct sim_xattr *x = i->now.xattrs; x != NULL; x = x->next) {
        if (strcmp(x->name, name) == 0) {
            return x;
        }
    }
    return NULL;
}

static int
give_xattr(const struct sim_inode *i, const char *name, void *to, size_t cap, size_t *ret_len)
{
    const struct sim_xattr *x = find_xattr(i, name);

    if (x == NULL) {
        return AL_ENODATA;
    }
    if (x->len > cap) {
        return AL_ELIMIT;
    }
    if (x->len > 0) {
        memcpy(to, x->value, x->len);
    }
    *ret_len = x->len;
    return AL_OK;
}

int
sim_xattr_get(struct port *p, struct port_file *f, const char *name, void *to, size_t cap,
              size_t *ret_len)
{
    struct sim_door *d = sim_door_of(p);
    int rc = sim_enter(d);

    if (rc != AL_OK) {
        return rc;
    }
    rc = sim_leave(d, sim_alive(d, f));
    return rc == AL_OK ? give_xattr(f->inode, name, to, cap, ret_len) : rc;
}

int
sim_xattr_get_at(struct port *p, struct port_file *dir, const char *name, const char *attr,
                 void *to, size_t cap, size_t *ret_len)
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
    return rc == AL_OK ? give_xattr(i, attr, to, cap, ret_len) : rc;
}

/* The list of i without `name`, with the given head (NULL: none). */
static int
list_without(struct sim *s, const struct sim_inode *i, const char *name, struct sim_xattr *head,
             const struct sim_xattr **ret)
{
    const struct sim_xattr *list = NULL;

    for (const struct sim_xattr *x = i->now.xattrs; x != NULL; x = x->next) {
        struct sim_xattr *copy;

        if (strcmp(x->name, name) == 0) {
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
    if (head != NULL) {
        head->next = list;
        list = head;
    }
    *ret = list;
    return AL_OK;
}

static int
changed(struct sim *s, struct sim_inode *i)
{
    struct sim_meta m = i->now.meta;

    m.ctime_ns = sim_now(s);
    return sim_change_meta(s, i, &m);
}

static int
put_xattr(struct sim *s, struct sim_inode *i, const char *name, const void *value, size_t len)
{
    struct sim_xattr *x = al_arena_alloc(s->arena, sizeof(*x));
    uint8_t *copy = al_arena_alloc(s->arena, len + 1);
    const struct sim_xattr *list;
    int rc;

    if (x == NULL || copy == NULL) {
        return AL_ENOMEM;
    }
    if (len > 0) {
        memcpy(copy, value, len);
    }
    x->name = al_arena_str(s->arena, name);
    x->value = copy;
    x->len = len;
    if (x->name == NULL) {
        return AL_ENOMEM;
    }
    rc = list_without(s, i, name, x, &list);
    if (rc == AL_OK) {
        rc = sim_change_xattrs(s, i, list);
    }
    return rc == AL_OK ? changed(s, i) : rc;
}

static int
may_change(struct sim_door *d, const struct port_file *f)
{
    int rc = sim_alive(d, f);

    return rc == AL_OK && d->sim->read_only && !d->other ? AL_EROFS : rc;
}

int
sim_xattr_set(struct port *p, struct port_file *f, const char *name, const void *value, size_t len)
{
    struct sim_door *d = sim_door_of(p);
    int rc = sim_enter(d);

    if (rc != AL_OK) {
        return rc;
    }
    rc = may_change(d, f);
    return sim_leave(d, rc == AL_OK ? put_xattr(d->sim, f->inode, name, value, len) : rc);
}

int
sim_xattr_del(struct port *p, struct port_file *f, const char *name)
{
    struct sim_door *d = sim_door_of(p);
    const struct sim_xattr *list = NULL;
    int rc = sim_enter(d);

    if (rc != AL_OK) {
        return rc;
    }
    rc = may_change(d, f);
    if (rc == AL_OK && find_xattr(f->inode, name) == NULL) {
        rc = AL_ENODATA;
    }
    if (rc == AL_OK) {
        rc = list_without(d->sim, f->inode, name, NULL, &list);
    }
    if (rc == AL_OK) {
        rc = sim_change_xattrs(d->sim, f->inode, list);
    }
    if (rc == AL_OK) {
        rc = changed(d->sim, f->inode);
    }
    return sim_leave(d, rc);
}

int
sim_xattr_list(struct port *p, struct port_file *f, struct al_buf *to)
{
    struct sim_door *d = sim_door_of(p);
    int rc = sim_enter(d);

    if (rc != AL_OK) {
        return rc;
    }
    rc = sim_leave(d, sim_alive(d, f));
    for (const struct sim_xattr *x = f->inode->now.xattrs; rc == AL_OK && x != NULL; x = x->next) {
        rc = al_buf_add(to, x->name, strlen(x->name) + 1);
    }
    return rc;
}

static int
set_meta(struct port *p, struct port_file *f, const struct sim_meta *wish, unsigned what)
{
    struct sim_door *d = sim_door_of(p);
    int rc = sim_enter(d);

    if (rc != AL_OK) {
        return rc;
    }
    rc = may_change(d, f);
    if (rc == AL_OK) {
        struct sim_meta m = f->inode->now.meta;

        if (what == 0) {
            m.atime_ns = wish->atime_ns == PORT_TIME_OMIT ? m.atime_ns : wish->atime_ns;
            m.mtime_ns = wish->mtime_ns == PORT_TIME_OMIT ? m.mtime_ns : wish->mtime_ns;
        } else if (what == 1) {
            m.uid = wish->uid;
            m.gid = wish->gid;
        } else {
            m.mode = wish->mode;
        }
        m.ctime_ns = sim_now(d->sim);
        rc = sim_change_meta(d->sim, f->inode, &m);
    }
    return sim_leave(d, rc);
}

int
sim_set_times(struct port *p, struct port_file *f, int64_t atime_ns, int64_t mtime_ns)
{
    return set_meta(p, f, &(struct sim_meta){.atime_ns = atime_ns, .mtime_ns = mtime_ns}, 0);
}

int
sim_set_owner(struct port *p, struct port_file *f, uint32_t uid, uint32_t gid)
{
    return set_meta(p, f, &(struct sim_meta){.uid = uid, .gid = gid}, 1);
}

int
sim_set_mode(struct port *p, struct port_file *f, uint32_t mode)
{
    return set_meta(p, f, &(struct sim_meta){.mode = mode}, 2);
}

int
sim_lock(struct port *p, struct port_file *f)
{
    struct sim_door *d = sim_door_of(p);
    int rc = sim_enter(d);

    if (rc != AL_OK) {
        return rc;
    }
    rc = sim_alive(d, f);
    if (rc == AL_OK && f->inode->locked != NULL && f->inode->locked != f) {
        rc = AL_EBUSY;
    }
    if (rc == AL_OK) {
        f->inode->locked = f;
    }
    return sim_leave(d, rc);
}

/* As the kernel: refused while any other open of the inode exists (O_PATH is none), and while
 * somebody waits. */
int
sim_lease_take(struct port *p, struct port_file *f)
{
    struct sim_door *d = sim_door_of(p);
    int rc = sim_enter(d);

    if (rc != AL_OK) {
        return rc;
    }
    rc = sim_alive(d, f);
    if (rc == AL_OK && (f->inode->type != PORT_T_FILE || (f->flags & PORT_READ) == 0)) {
        rc = AL_EINVAL;
    }
    if (rc == AL_OK && f->lease && f->wanted) {
        rc = AL_EBUSY;
    }
    for (struct al_list *l = f->inode->files.next; rc == AL_OK && l != &f->inode->files;
         l = l->next) {
        const struct port_file *o = AL_LIST_ITEM(l, struct port_file, node);

        if (o != f && (o->flags & PORT_PATH) == 0) {
            rc = AL_EBUSY;
        }
    }
    if (rc == AL_OK) {
        f->lease = true;
        f->wanted = false;
    }
    return sim_leave(d, rc);
}

int
sim_lease_state(struct port *p, struct port_file *f, enum port_lease *ret)
{
    struct sim_door *d = sim_door_of(p);
    int rc = sim_enter(d);

    if (rc != AL_OK) {
        return rc;
    }
    rc = sim_leave(d, sim_alive(d, f));
    if (rc == AL_OK) {
        *ret = !f->lease ? PORT_LEASE_NONE : f->wanted ? PORT_LEASE_WANTED : PORT_LEASE_HELD;
    }
    return rc;
}

int
sim_lease_drop(struct port *p, struct port_file *f)
{
    struct sim_door *d = sim_door_of(p);
    int rc = sim_enter(d);

    if (rc != AL_OK) {
        return rc;
    }
    rc = sim_alive(d, f);
    if (rc == AL_OK) {
        f->lease = f->wanted = false;
    }
    return sim_leave(d, rc);
}

int
sim_handle_get(struct port *p, struct port_file *f, struct port_handle *ret)
{
    struct sim_door *d = sim_door_of(p);
    int rc = sim_enter(d);

    if (rc != AL_OK) {
        return rc;
    }
    rc = sim_leave(d, sim_alive(d, f));
    if (rc == AL_OK) {
        *ret = (struct port_handle){.type = 1, .len = 12};
        al_put_u64(ret->bytes, f->inode->ino);
        al_put_u32(ret->bytes + 8, f->inode->generation);
    }
    return rc;
}

int
sim_generation(struct port *p, struct port_file *f, uint32_t *ret)
{
    struct sim_door *d = sim_door_of(p);
    int rc = sim_enter(d);

    if (rc != AL_OK) {
        return rc;
    }
    rc = sim_leave(d, sim_alive(d, f));
    if (rc == AL_OK) {
        *ret = f->inode->generation;
    }
    return rc;
}

int
sim_fs(struct port *p, struct port_file *f, struct port_fs *ret)
{
    struct sim_door *d = sim_door_of(p);
    int rc = sim_enter(d);

    if (rc != AL_OK) {
        return rc;
    }
    rc = sim_leave(d, sim_alive(d, f));
    if (rc == AL_OK) {
        uint64_t left = d->sim->blocks_left;

        *ret = (struct port_fs){.kind = PORT_FS_EXT4, .name = "ext4", .block_bytes = SIM_BLOCK};
        al_put_u64(ret->id, d->sim->fs_id);
        ret->bytes_total = SIM_ARENA_MAX;
        ret->bytes_free = left < SIM_ARENA_MAX / SIM_BLOCK ? left * SIM_BLOCK : SIM_ARENA_MAX;
        ret->read_only = d->sim->read_only;
    }
    return rc;
}

int64_t
sim_now_ns(struct port *p)
{
    struct sim *s = sim_door_of(p)->sim;

    s->clock_ns += SIM_CALL_NS;
    return s->clock_ns;
}

void
sim_sleep_ns(struct port *p, int64_t ns)
{
    sim_door_of(p)->sim->clock_ns += ns > 0 ? ns : 0;
}

int
sim_random_bytes(struct port *p, void *to, size_t len)
{
    struct sim_door *d = sim_door_of(p);
    uint8_t *out = to;
    int rc = sim_leave(d, sim_enter(d));

    for (size_t k = 0; rc == AL_OK && k < len; k++) {
        out[k] = (uint8_t)sim_random(d->sim);
    }
    return rc;
}

int
sim_hostname(struct port *p, struct al_buf *to)
{
    return al_buf_adds(to, "sim");
}

uint32_t
sim_os_error(struct port *p)
{
    return 0;
}
