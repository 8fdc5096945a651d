/* walk.c: the folders. A node is a folder found and not yet done, or one whose children are not. It
 * holds its name and a reference on its parent, so that a child can be opened from the nearest
 * ancestor that is open. What is held open is bounded; the stack is last in, first out, so that the
 * walk goes deep and the number of pending folders stays small. */
#include "agent/walk/walk_priv.h"

#include <string.h>

#include "agent/stub/stub.h"
#include "base/mem.h"

#define STOP_EVERY 256u /* entries between two questions whether to stop */
#define STUB_ALLOCATED_MAX                                                                         \
    (64u << 10) /* a stub holds a marker and at most some blocks of attributes */

struct node {
    struct node *parent;
    struct node *next;    /* on the stack, or in a walker's list of children */
    struct port_file *fd; /* for the children's use while `shared` */
    bool shared;
    const struct walk_plan_node *plan; /* NULL: it and all below */
    bool untold;           /* its parent is not listed: its own entry is still to be told */
    _Atomic uint32_t refs; /* one while pending or listed, one per child */
    uint64_t id;
    char name[]; /* NUL-terminated */
};

struct walk {
    const struct walk_conf *conf;
    struct port *port;
    struct out out;
    struct owners *owners;
    uint64_t dev; /* of the root */
    _Atomic uint64_t last_id;
    _Atomic uint32_t open_folders;

    port_mutex mutex;
    port_cond work;
    struct node *stack;
    _Atomic uint64_t pending; /* on the stack; changed under the mutex, read without */
    uint64_t undone;          /* on the stack or being listed: 0 ends the walk */
};

struct walker {
    struct walk *walk;
    struct port_thread thread;
    struct chunk chunk;
    struct node *children; /* found, their folder's record not yet joined */
    uint64_t child_count;
    struct walk_result result;
};

static struct node *
node_new(struct walk *w, struct node *parent, const char *name, size_t name_len)
{
    struct node *n = al_alloc(sizeof(*n) + name_len + 1);

    if (n == NULL) {
        return NULL;
    }
    *n = (struct node){.parent = parent};
    atomic_init(&n->refs, 1);
    n->id = atomic_fetch_add(&w->last_id, 1) + 1;
    memcpy(n->name, name, name_len);
    n->name[name_len] = '\0';
    if (parent != NULL) {
        atomic_fetch_add(&parent->refs, 1);
    }
    return n;
}

static void
node_unref(struct walk *w, struct node *n)
{
    while (n != NULL && atomic_fetch_sub(&n->refs, 1) == 1) {
        struct node *parent = n->parent;

        if (n->shared) {
            atomic_fetch_sub(&w->open_folders, 1);
        }
        port_close_quiet(w->port, &n->fd);
        al_free(n);
        n = parent;
    }
}

#define OPEN_FLAGS (PORT_READ | PORT_FOLDER | PORT_NOATIME)

/* From the nearest ancestor that is open, part by part. Only for folders deeper than what may be
 * held open. */
static int
node_open_far(struct walk *w, const struct node *n, struct port_file **ret)
{
    const struct node *from = n->parent, **way;
    struct port_file *at = NULL;
    size_t steps = 1;
    int rc = AL_OK;

    for (; !from->shared; from = from->parent) {
        steps++;
    }
    way = al_array(steps, sizeof(*way));
    if (way == NULL) {
        return AL_ENOMEM;
    }
    for (size_t i = steps; i > 0; i--, n = n->parent) {
        way[i - 1] = n;
    }
    for (size_t i = 0; i < steps && rc == AL_OK; i++) {
        struct port_file *next = NULL;

        rc = port_open(w->port, at != NULL ? at : from->fd, way[i]->name, OPEN_FLAGS, 0, &next);
        port_close_quiet(w->port, &at);
        at = next;
    }
    al_free(way);
    if (rc == AL_OK) {
        *ret = at;
    }
    return rc;
}

static int
node_open(struct walk *w, const struct node *n, struct port_file **ret)
{
    if (n->parent == NULL) {
        return port_open(w->port, NULL, w->conf->root, OPEN_FLAGS, 0, ret);
    }
    if (n->parent->shared) {
        return port_open(w->port, n->parent->fd, n->name, OPEN_FLAGS, 0, ret);
    }
    return node_open_far(w, n, ret);
}

/* ---- the stack ---- */

static void
push_children(struct walker *me)
{
    struct walk *w = me->walk;
    struct node *last = me->children;

    if (last == NULL) {
        return;
    }
    while (last->next != NULL) {
        last = last->next;
    }
    port_mutex_lock(&w->mutex);
    last->next = w->stack;
    w->stack = me->children;
    w->pending += me->child_count;
    w->undone += me->child_count;
    if (me->child_count > 1) {
        port_cond_broadcast(&w->work);
    } else {
        port_cond_signal(&w->work);
    }
    port_mutex_unlock(&w->mutex);
    me->children = NULL;
    me->child_count = 0;
}

static struct node *
pop(struct walk *w)
{
    struct node *n;

    port_mutex_lock(&w->mutex);
    while (w->stack == NULL && w->undone > 0) {
        port_cond_wait(&w->work, &w->mutex);
    }
    n = w->stack;
    if (n != NULL) {
        w->stack = n->next;
        n->next = NULL;
        w->pending--;
    }
    port_mutex_unlock(&w->mutex);
    return n;
}

static void
done(struct walk *w, struct node *n)
{
    port_mutex_lock(&w->mutex);
    if (--w->undone == 0) {
        port_cond_broadcast(&w->work);
    }
    port_mutex_unlock(&w->mutex);
    node_unref(w, n);
}

/* ---- records ---- */

/* Joins the chunk; only then may others see the folders found, so that records of what is in them
 * come later. */
static int
hand_over(struct walker *me)
{
    int rc = out_join(&me->walk->out, &me->chunk);

    if (rc == AL_OK) {
        push_children(me);
    }
    return rc;
}

static int
add_record(struct walker *me, const struct entry_record *r)
{
    int rc = AL_OK;

    if (out_chunk_full(&me->walk->out, &me->chunk)) {
        rc = hand_over(me);
    }
    if (rc == AL_OK) {
        rc = entries_add(&me->chunk.body, r);
    }
    if (rc == AL_OK) {
        me->chunk.records++;
    }
    return rc;
}

/* Tells a path: of `name` in a folder; NULL: of the folder itself. */
static void
tell_path(const struct walk *w, void (*tell)(void *ctx, struct al_span path),
          const struct node *folder, const char *name)
{
    AL_CLEANUP(al_buf_free) struct al_buf path = {0};
    size_t len, at;

    if (name == NULL) {
        name = folder->name;
        folder = folder->parent != NULL ? folder->parent : folder;
    }
    len = strlen(name);
    for (const struct node *n = folder; n->parent != NULL; n = n->parent) {
        len += strlen(n->name) + 1;
    }
    al_buf_init(&path, len);
    if (al_buf_reserve(&path, len) != AL_OK) {
        return; /* the next walk meets it again */
    }
    path.len = at = len;
    for (const struct node *n = folder; at > 0; n = n->parent) {
        size_t part = strlen(name);

        at -= part;
        memcpy(path.at + at, name, part);
        if (at > 0) {
            path.at[--at] = '/';
            name = n->name;
        }
    }
    tell(w->conf->ctx, al_buf_span(&path));
}

static int
add_folder(struct walker *me, const struct node *n, uint32_t flags)
{
    struct entry_record r = {.is_folder_record = true,
                             .folder = n->id,
                             .parent = n->parent != NULL ? n->parent->id : 0,
                             .flags = flags,
                             .name = n->parent != NULL ? al_span_of(n->name) : al_span_of("")};

    if (flags & ENTRY_UNCHANGED) {
        me->result.unchanged++;
    } else if (flags & ENTRY_UNREADABLE) {
        me->result.unreadable++;
        if (me->walk->conf->unreadable != NULL) {
            tell_path(me->walk, me->walk->conf->unreadable, n, NULL);
        }
    }
    return add_record(me, &r);
}

#define LEFT_ALONE (ENTRY_UNREADABLE | ENTRY_UNCHANGED)

static int
push_later(struct walker *me, struct node *parent, const char *name, size_t len,
           const struct walk_plan_node *plan)
{
    struct node *child = node_new(me->walk, parent, name, len);

    if (child == NULL) {
        return AL_ENOMEM;
    }
    child->plan = plan != NULL && plan->how == WALK_WHOLE ? NULL : plan;
    child->next = me->children;
    me->children = child;
    me->child_count++;
    return AL_OK;
}

/* What the plan has of `name` in a folder of it; NULL: nothing. */
static int
planned(const struct walk *w, const struct node *folder, const char *name,
        const struct walk_plan_node **ret)
{
    AL_CLEANUP(al_buf_free) struct al_buf path = {.max = WALK_PATH_MAX};
    int rc = al_buf_adds(&path, folder->plan->path);

    if (rc == AL_OK && path.len > 0) {
        rc = al_buf_adds(&path, "/");
    }
    if (rc == AL_OK) {
        rc = al_buf_adds(&path, name);
    }
    if (rc == AL_OK) {
        *ret = walk_plan_find(w->conf->only, al_buf_span(&path));
    }
    return rc;
}

/* A folder that a listing met: known as it was, unless the plan has it. */
static int
leave_alone(struct walker *me, struct node *folder, const struct port_dirent *e)
{
    struct node *n = node_new(me->walk, folder, e->name, e->name_len);
    int rc = n != NULL ? add_folder(me, n, LEFT_ALONE) : AL_ENOMEM;

    if (n != NULL) {
        node_unref(me->walk, n);
    }
    return rc;
}

/* Whatever is in the attribute: with it the gate lets nobody in unasked, so nobody is to take the
 * file for one that has its bytes. */
static bool
has_marker(struct walker *me, const struct node *in, struct port_file *folder, const char *name,
           const struct port_stat *st)
{
    const struct walk *w = me->walk;
    uint8_t bytes[MARKER_BYTES];
    struct marker m;
    bool authentic = false;
    size_t len;
    int rc;

    if (w->conf->key == NULL || st->type != PORT_T_FILE || st->allocated >= st->size ||
        st->allocated > STUB_ALLOCATED_MAX) {
        return false;
    }
    rc = port_xattr_get_at(w->port, folder, name, MARKER_XATTR, bytes, sizeof(bytes), &len);
    if (rc == AL_OK) {
        rc = marker_decode(bytes, len, w->conf->key, &m, &authentic);
    } else if (rc != AL_ELIMIT) { /* longer than ours */
        return false;
    }
    if (w->conf->odd != NULL &&
        (rc != AL_OK || !authentic || m.ino != st->ino || m.size != st->size ||
         m.state == MARKER_WHOLE || m.state == MARKER_UNTOLD ||
         (m.state == MARKER_STUB && m.mtime_ns != st->mtime_ns))) {
        tell_path(w, w->conf->odd, in, name);
    }
    return true;
}

/* What looked like a stub and has no marker may have been recalled between the two looks: then
 * neither what it was nor that it has no marker is the whole truth. */
#define LOOKS 3u

static bool
is_stub(struct walker *me, const struct node *in, struct port_file *folder, const char *name,
        struct port_stat *io_st)
{
    struct port_stat now;

    if (me->walk->conf->stub_of != NULL && io_st->type == PORT_T_FILE) {
        bool odd = false,
             is = me->walk->conf->stub_of(me->walk->conf->ctx, folder, name, io_st, &odd);

        if (odd && me->walk->conf->odd != NULL) {
            tell_path(me->walk, me->walk->conf->odd, in, name);
        }
        return is;
    }
    for (unsigned look = 0; look < LOOKS; look++) {
        if (has_marker(me, in, folder, name, io_st)) {
            return true;
        }
        if (me->walk->conf->key == NULL || io_st->type != PORT_T_FILE || io_st->size == 0 ||
            io_st->allocated > 0 || port_stat_at(me->walk->port, folder, name, &now) != AL_OK ||
            (now.ino == io_st->ino && now.ctime_ns == io_st->ctime_ns)) {
            return false;
        }
        *io_st = now;
    }
    return false;
}

/* Asking may take a while, where names come over the network. */
static int
tell_owner(struct walker *me, uint32_t uid)
{
    char name[PORT_NAME_MAX];
    struct entry_record r = {.is_owner_record = true, .uid = uid};

    if (!owners_first(me->walk->owners, uid) ||
        !port_names_user(me->walk->conf->names, uid, name)) {
        return AL_OK;
    }
    r.name = al_span_of(name);
    return add_record(me, &r);
}

static bool
is_left_out(const struct walk_conf *conf, const struct node *folder, const char *name)
{
    return (folder->parent == NULL &&
            ((conf->leave_out != NULL && strcmp(name, conf->leave_out) == 0) ||
             strncmp(name, STUB_PROBE_PREFIX, sizeof(STUB_PROBE_PREFIX) - 1) == 0)) ||
           strncmp(name, STUB_NEW_PREFIX, sizeof(STUB_NEW_PREFIX) - 1) == 0 ||
           strncmp(name, STUB_BACK_PREFIX, sizeof(STUB_BACK_PREFIX) - 1) == 0;
}

static bool
is_mount(const struct walk *w, const struct port_stat *st)
{
    return st->dev != w->dev || (st->attrs & PORT_A_MOUNT_ROOT) != 0;
}

/* The entry alone. fd: of the folder; not needed for an entry that is one itself. */
static int
tell_entry(struct walker *me, const struct node *folder, struct port_file *fd, const char *name,
           struct port_stat *st)
{
    struct walk *w = me->walk;
    bool mount = is_mount(w, st);
    bool stub = !mount && is_stub(me, folder, fd, name, st);
    struct entry_record r = {.folder = folder->id,
                             .type = (uint8_t)st->type,
                             .flags = st->attrs << ENTRY_ATTRS_SHIFT,
                             .name = al_span_of(name),
                             .mode = st->mode,
                             .uid = st->uid,
                             .gid = st->gid,
                             .nlink = st->nlink,
                             .ino = st->ino,
                             .size = st->size,
                             .allocated = st->allocated,
                             .mtime_ns = st->mtime_ns,
                             .ctime_ns = st->ctime_ns,
                             .atime_ns = me->walk->conf->no_access_times ? 0 : st->atime_ns,
                             .btime_ns = st->btime_ns};
    int rc;

    me->result.entries++;
    if (mount) {
        r.flags |= ENTRY_MOUNT;
    } else if (stub) {
        r.flags |= ENTRY_STUB;
        me->result.stubs++;
    }
    rc = add_record(me, &r);
    return rc == AL_OK && w->owners != NULL ? tell_owner(me, st->uid) : rc;
}

static int
add_entry(struct walker *me, struct node *folder, struct port_file *fd, const struct port_dirent *e,
          struct port_stat *st, bool *ret_too_many)
{
    struct walk *w = me->walk;
    int rc = tell_entry(me, folder, fd, e->name, st);

    if (rc == AL_OK && st->type == PORT_T_FOLDER && !is_mount(w, st) &&
        (st->attrs & PORT_A_REPARSE) == 0) {
        const struct walk_plan_node *plan = NULL;

        if (folder->plan != NULL) {
            rc = planned(w, folder, e->name, &plan);
        }
        if (rc != AL_OK) {
            return rc;
        }
        if (folder->plan != NULL && plan == NULL) {
            return leave_alone(me, folder, e);
        }
        if (w->pending + me->child_count >=
            WALK_PENDING_MAX) { /* a few more or less do not matter */
            *ret_too_many = true;
            return AL_OK;
        }
        rc = push_later(me, folder, e->name, e->name_len, plan);
    }
    return rc;
}

/* Goes through one open folder. *ret_whole false: something in it could not be seen. */
static int
list(struct walker *me, struct node *n, struct port_file *fd, bool *ret_whole)
{
    struct walk *w = me->walk;
    struct port_dir *d = NULL;
    unsigned since = 0;
    bool end = false, too_many = false;
    int rc = AL_OK;

    if (port_dir_open(w->port, fd, &d) != AL_OK) {
        *ret_whole = false;
        return AL_OK;
    }
    while (rc == AL_OK) {
        struct port_dirent e = {0};
        struct port_stat st;
        int seen = port_dir_next(w->port, d, &e, &end);

        if (seen != AL_OK) {
            *ret_whole = false;
            break;
        }
        if (end) {
            break;
        }
        if (since++ % STOP_EVERY == 0 && w->conf->stop != NULL && w->conf->stop(w->conf->ctx)) {
            rc = AL_ECANCELED;
            break;
        }
        if (is_left_out(w->conf, n, e.name)) {
            continue;
        }
        st = e.stat;
        seen = e.stat_known ? AL_OK : port_stat_at(w->port, fd, e.name, &st);
        if (seen == AL_ENOENT) {
            me->result.gone++;
        } else if (seen != AL_OK) {
            *ret_whole = false; /* known to be there, though not as what */
        } else {
            rc = add_entry(me, n, fd, &e, &st, &too_many);
        }
    }
    port_dir_close(w->port, &d);
    if (too_many) {
        *ret_whole = false;
    }
    return rc;
}

static bool
means_gone(int rc)
{
    /* Replaced by something else counts as gone: the new thing is the next walk's. */
    return rc == AL_ENOENT || rc == AL_ESTALE || rc == AL_ENOTDIR || rc == AL_ELOOP;
}

/* Not listed, only gone through. */
static int
go_on(struct walker *me, struct node *n)
{
    const struct walk_plan *p = me->walk->conf->only;
    int rc = AL_OK;

    for (uint32_t i = n->plan->first; rc == AL_OK && i != 0; i = p->nodes[i].next) {
        const char *slash = strrchr(p->nodes[i].path, '/');
        const char *name = slash != NULL ? slash + 1 : p->nodes[i].path;

        if (is_left_out(me->walk->conf, n, name)) {
            continue;
        }
        rc = push_later(me, n, name, strlen(name), &p->nodes[i]);
        if (rc == AL_OK) {
            me->children->untold = p->nodes[i].how != WALK_ON_THE_WAY;
        }
    }
    return rc;
}

static int
visit_open(struct walker *me, struct node *n, struct port_stat *st)
{
    struct walk *w = me->walk;
    bool whole = true;
    int rc;

    /* Children may use the descriptor as soon as they are pushed, which happens while the listing
     * goes on. */
    if (atomic_fetch_add(&w->open_folders, 1) < WALK_OPEN_FOLDERS_MAX || n->parent == NULL) {
        n->shared = true;
    } else {
        atomic_fetch_sub(&w->open_folders, 1);
    }
    if (n->plan != NULL && n->plan->how == WALK_ON_THE_WAY) {
        rc = add_folder(me, n, LEFT_ALONE);
        rc = rc == AL_OK ? go_on(me, n) : rc;
    } else {
        rc = n->untold ? tell_entry(me, n->parent, NULL, n->name, st) : AL_OK;
        rc = rc == AL_OK ? add_folder(me, n, 0) : rc;
        if (rc == AL_OK) {
            me->result.folders++;
            rc = list(me, n, n->fd, &whole);
        }
    }
    if (rc == AL_OK && !whole) {
        rc = add_folder(
            me, n,
            ENTRY_UNREADABLE); /* said again, since the first record may be gone to the server */
    }
    if (rc == AL_OK && me->children != NULL) {
        rc = hand_over(me);
    }
    if (!n->shared) {
        port_close_quiet(w->port, &n->fd);
    }
    return rc;
}

static int
visit(struct walker *me, struct node *n)
{
    struct walk *w = me->walk;
    struct port_stat st;
    int rc = n->fd != NULL ? AL_OK : node_open(w, n, &n->fd);

    if (rc == AL_OK) {
        rc = port_stat(w->port, n->fd, &st);
    }
    if (rc == AL_OK && st.dev != w->dev) {
        rc = AL_EXDEV; /* mounted since its parent was listed: what is below is hidden, not gone */
    }
    if (rc == AL_OK) {
        return visit_open(me, n, &st);
    }
    port_close_quiet(w->port, &n->fd);
    if (rc == AL_ENOMEM) {
        return rc;
    }
    if (means_gone(rc)) {
        me->result.gone++;
        return AL_OK;
    }
    return add_folder(me, n, ENTRY_UNREADABLE);
}

/* ---- threads ---- */

static void *
walker_main(void *arg)
{
    struct walker *me = arg;
    struct walk *w = me->walk;
    struct node *n;
    int rc = AL_OK;

    while ((n = pop(w)) != NULL) {
        if (rc == AL_OK) {
            rc = out_failed(&w->out);
        }
        if (rc == AL_OK && w->conf->stop != NULL && w->conf->stop(w->conf->ctx)) {
            rc = AL_ECANCELED;
        }
        if (rc == AL_OK) {
            rc = visit(me, n);
        }
        if (rc != AL_OK) { /* from here on the stack is only emptied */
            out_fail(&w->out, rc);
            push_children(me);
        }
        done(w, n);
    }
    if (rc == AL_OK) {
        rc = out_join(&w->out, &me->chunk);
    }
    if (rc != AL_OK) {
        out_fail(&w->out, rc);
    }
    out_walker_done(&w->out);
    return NULL;
}

/* The root is opened and looked at here, so that a volume that is not there is an error and not an
 * empty list. */
static int
root_open(struct walk *w, struct al_fail *fail)
{
    struct port_stat st;
    struct port_dir *d = NULL;
    struct node *root = node_new(w, NULL, "", 0);
    int rc = root != NULL ? node_open(w, root, &root->fd) : AL_ENOMEM;

    if (rc == AL_OK) {
        rc = port_stat(w->port, root->fd, &st);
    }
    if (rc == AL_OK) {
        rc = port_dir_open(w->port, root->fd, &d);
    }
    if (rc == AL_OK) {
        struct port_dirent e;
        bool end;

        rc = port_dir_next(w->port, d, &e, &end);
    }
    port_dir_close(w->port, &d);
    if (rc != AL_OK) {
        (void)al_fail_set(fail, rc, port_os_error(w->port), "%s cannot be listed", w->conf->root);
        node_unref(w, root);
        return rc;
    }
    if (w->conf->only != NULL && w->conf->only->nodes[0].how != WALK_WHOLE) {
        root->plan = &w->conf->only->nodes[0];
    }
    w->dev = st.dev;
    w->stack = root;
    w->pending = w->undone = 1;
    return AL_OK;
}

static void
result_add(struct walk_result *to, const struct walk_result *r)
{
    to->entries += r->entries;
    to->folders += r->folders;
    to->unreadable += r->unreadable;
    to->unchanged += r->unchanged;
    to->gone += r->gone;
    to->stubs += r->stubs;
}

static int
run_threads(struct walk *w, struct walker *walkers, unsigned count, struct walk_result *ret)
{
    unsigned started = 0;
    int rc = AL_OK;

    for (unsigned i = 0; i < count; i++) {
        walkers[i].walk = w;
        al_buf_init(&walkers[i].chunk.body, ENTRIES_PLAIN_MAX);
        if (rc == AL_OK) {
            rc = port_thread_start(&walkers[i].thread, "walk", 0, walker_main, &walkers[i]);
            started += rc == AL_OK;
        }
        if (rc != AL_OK) { /* fewer walkers would do, but a system that cannot start a thread has
                              other troubles */
            out_fail(&w->out, rc);
            out_walker_done(&w->out);
        }
    }
    rc = out_send(&w->out, w->conf, &ret->batches);
    for (unsigned i = 0; i < count; i++) {
        if (i < started) {
            port_thread_join(&walkers[i].thread);
        }
        result_add(ret, &walkers[i].result);
        al_buf_free(&walkers[i].chunk.body);
    }
    while (w->stack != NULL) { /* only when no thread could be started */
        struct node *n = w->stack;

        w->stack = n->next;
        node_unref(w, n);
    }
    return rc;
}

int
walk_run(const struct walk_conf *conf, struct walk_result *ret, struct al_fail *fail)
{
    unsigned count = conf->threads == 0 ? 2 : conf->threads;
    struct walk w = {.conf = conf, .port = conf->port};
    struct walk_result result = {0};
    struct walker *walkers;
    int rc;

    count = count > WALK_THREADS_MAX ? WALK_THREADS_MAX : count;
    walkers = al_array(count, sizeof(*walkers));
    if (walkers == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    if (conf->names != NULL) {
        w.owners = al_zalloc(sizeof(*w.owners)); /* without it owners go by their numbers */
    }
    port_mutex_init(&w.mutex);
    port_cond_init(&w.work);
    rc = root_open(&w, fail);
    if (rc == AL_OK) {
        out_init(&w.out, conf->batch_records != 0 ? conf->batch_records : ENTRIES_BATCH_RECORDS,
                 count);
        rc = run_threads(&w, walkers, count, &result);
        out_end(&w.out);
        if (rc != AL_OK) {
            (void)al_fail_set(fail, rc, 0, "the walk of %s was not finished: %s", conf->root,
                              al_code_name(rc));
        }
    }
    port_cond_end(&w.work);
    port_mutex_end(&w.mutex);
    al_free(w.owners);
    al_free(walkers);
    *ret = result;
    return rc;
}
