#include <string.h>

#include "agent/reconcile/objects.h"
#include "agent/reconcile/reconcile_priv.h"
#include "base/list.h"
#include "base/mem.h"

struct folder { /* waits to be listed */
    struct al_list node;
    unsigned depth;
    size_t len;
    char path[]; /* from the root; "" for the root itself */
};

struct walk {
    const struct reconcile_env *env;
    const struct recall_volume *volume; /* or made, whose stubs a maker made */
    const struct reconcile_made *made;
    struct port_file *root;
    struct reconcile_counts *counts;
    uint64_t dev;
    struct al_list folders; /* the last is taken first: the list stays short */
};

static int
push(struct walk *w, const struct folder *in, struct al_span name)
{
    size_t base = in != NULL ? in->len : 0, len = name.len;
    struct folder *f = al_zalloc(sizeof(*f) + base + len + 2);

    if (f == NULL) {
        return AL_ENOMEM;
    }
    if (base > 0) {
        memcpy(f->path, in->path, base);
        f->path[base++] = '/';
    }
    if (len > 0) {
        memcpy(f->path + base, name.at, len);
    }
    f->len = base + len;
    f->depth = in != NULL ? in->depth + 1 : 0;
    al_list_push(&w->folders, &f->node);
    return AL_OK;
}

static void
alarm_about(struct walk *w, const struct told *t, const char *reason, const char *text)
{
    w->counts->alarms++;
    /* An alarm that the spool cannot take now is raised again by the next walk. */
    if (reconcile_tell(w->env, t, "alarm", AL_EIO, reason, text) != AL_OK) {
        w->counts->later++;
    }
}

static int
finish(struct walk *w, const struct told *t, const struct stub_facts *facts, const struct marker *m)
{
    struct al_fail fail = {0};
    int rc = reconcile_object_there(w->env, w->volume, m, &fail);

    if (rc == AL_OK) {
        rc = reconcile_finish(w->env, w->volume, &facts->handle, m, &fail);
    } else if (rc == AL_ENOENT || rc == AL_ECORRUPT) {
        alarm_about(w, t, "object_missing", fail.text);
        return AL_OK;
    }
    if (rc == AL_OK) {
        w->counts->stubs_finished++;
        rc = reconcile_tell(w->env, t, "reconcile", AL_OK, "stub_finished", "");
    }
    return rc;
}

/* Told first, done then: an adopted stub must be known before it is one. */
static int
tell_and_do(struct walk *w, const struct told *t, enum marker_verdict verdict,
            const struct stub_facts *facts)
{
    bool adopt = verdict == MARKER_V_ADOPT;
    int rc = reconcile_tell(w->env, t, adopt ? "adopt" : "drop_marker", AL_OK,
                            marker_verdict_name(verdict), "found on a walk");

    if (rc != AL_OK) {
        return rc;
    }
    rc = adopt ? stub_adopt(w->volume->stub, &facts->handle, NULL)
               : stub_drop_marker(w->volume->stub, &facts->handle, verdict, NULL);
    if (rc == AL_OK) {
        w->counts->adopted += adopt;
        w->counts->dropped += !adopt;
    }
    return rc;
}

void
reconcile_find(const struct reconcile_env *env, const struct reconcile_finding *f)
{
    if (env->finds->put(env->finds->ctx, f) != AL_OK) {
        env->finds->unknown = true;
    }
}

static void
find(struct walk *w, enum orphan_kind kind, const struct told *t, const char *text)
{
    const struct reconcile_finding f = {.kind = kind,
                                        .path = t->path,
                                        .object_id = t->object_id,
                                        .size = t->size,
                                        .mtime_ns = t->mtime_ns,
                                        .text = text};

    reconcile_find(w->env, &f);
}

/* The list may be older than the object, so the share is asked before anything is said against it. */
static void
ask_for_object(struct walk *w, const struct told *t, const struct marker *m)
{
    struct al_fail fail = {0};
    int rc = reconcile_object_there(w->env, w->volume, m, &fail);

    if (rc == AL_ENOENT) {
        find(w, ORPHAN_OBJECT_MISSING, t, fail.text);
    } else if (rc == AL_ECORRUPT) {
        find(w, ORPHAN_OBJECT_DAMAGED, t, fail.text);
    } else if (rc != AL_OK) {
        w->env->finds->unknown = true;
    }
}

/* A file that stands for an object: any whose marker is authentic, whether it fits or not. readable: one
 * that a recall would fill. */
static void
hold_against_objects(struct walk *w, const struct told *t, const struct marker *m, bool readable)
{
    struct reconcile_finds *finds = w->env->finds;
    unsigned before = 0;
    uint64_t size;
    int rc;

    if (finds == NULL || finds->objects == NULL ||
        m->share_tag != marker_share_tag(w->volume->share_id)) {
        return;
    }
    rc = objects_mark(finds->objects, m->object, &size, &before);
    if (readable && (rc != AL_OK || size != m->size)) {
        ask_for_object(w, t, m);
    } else if (readable && before > 0) {
        find(w, ORPHAN_DOUBLY_KNOWN, t, NULL);
    }
}

static bool
is_readable(enum marker_verdict verdict)
{
    return verdict == MARKER_V_STUB || verdict == MARKER_V_FILLING || verdict == MARKER_V_ADOPT;
}

/* One that does not fit its file counts where it was made for it: else it is a copy that went wrong, and
 * the stub it was made for stands for the object. */
static bool
stands_for_object(enum marker_verdict verdict, const struct marker *m,
                  const struct stub_facts *facts)
{
    return is_readable(verdict) || ((verdict == MARKER_V_CHANGED || verdict == MARKER_V_DATA) &&
                                    m->ino == facts->st.ino && m->generation == facts->generation);
}

static void
judge(struct walk *w, struct al_span path)
{
    struct told t = {
        .volume_id = w->volume->volume_id, .share_id = w->volume->share_id, .path = path};
    struct stub_facts facts;
    enum marker_verdict verdict;
    struct marker m;
    al_id id;
    int rc = stub_examine_path(w->volume->stub, path, &m, &verdict, &facts, NULL);

    if (rc == AL_ENODATA || rc == AL_ENOENT) {
        return; /* recalled, or gone, since it was listed */
    }
    if (rc != AL_OK) {
        w->counts->unreadable++;
        return;
    }
    if (verdict == MARKER_V_FORGED && w->env->is_anothers != NULL &&
        w->env->is_anothers(w->env->others_ctx, w->volume, &facts.handle)) {
        return;
    }
    w->counts->markers++;
    if (verdict != MARKER_V_FORGED && m.state != 0) { /* an empty marker names no object */
        marker_object_id(&m, id);
        t.object_id = id;
        t.size = m.size;
        t.mtime_ns = m.mtime_ns;
    }
    t.ino = facts.st.ino;
    if (stands_for_object(verdict, &m, &facts)) {
        hold_against_objects(w, &t, &m, is_readable(verdict));
    }
    switch (verdict) {
    case MARKER_V_STUB:
        break;
    case MARKER_V_FILLING:
        rc = finish(w, &t, &facts, &m);
        break;
    case MARKER_V_ADOPT:
    case MARKER_V_COPIED:
    case MARKER_V_TRUNCATED:
        rc = tell_and_do(w, &t, verdict, &facts);
        break;
    case MARKER_V_WHOLE: /* its recall has told, or its intent will */
        rc = stub_drop_marker(w->volume->stub, &facts.handle, verdict, NULL);
        w->counts->dropped += rc == AL_OK;
        break;
    case MARKER_V_UNTOLD:
        t.freed = m.size;
        rc = reconcile_tell(w->env, &t, "recall", AL_OK, "finished_by_reconcile", "");
        if (rc == AL_OK) {
            rc = stub_drop_marker(w->volume->stub, &facts.handle, verdict, NULL);
        }
        w->counts->dropped += rc == AL_OK;
        break;
    case MARKER_V_CHANGED:
    case MARKER_V_DATA:
    case MARKER_V_FORGED:
        alarm_about(w, &t, marker_verdict_name(verdict),
                    "the stub does not fit its file: decide what it shall be");
        break;
    }
    if (rc != AL_OK) {
        w->counts->later++;
        w->counts->busy += rc == AL_EBUSY && verdict == MARKER_V_FILLING;
    }
}

void
reconcile_look(const struct reconcile_env *env, const struct recall_volume *volume,
               struct al_span path, struct reconcile_counts *counts)
{
    struct walk w = {.env = env, .volume = volume, .counts = counts};

    judge(&w, path);
}

static int
entry(struct walk *w, const struct folder *in, struct port_file *dir, const char *name)
{
    AL_CLEANUP(al_buf_free) struct al_buf path = {0};
    struct port_stat st;
    uint8_t marker[MARKER_BYTES];
    size_t len;
    int rc = port_stat_at(w->env->port, dir, name, &st);

    if (rc != AL_OK) {
        return AL_OK; /* gone since it was listed */
    }
    if (st.dev != w->dev || (st.attrs & PORT_A_MOUNT_ROOT) != 0) {
        return AL_OK;
    }
    if (st.type == PORT_T_FOLDER) {
        if (in->depth >= RECONCILE_DEPTH_MAX) {
            w->counts->unreadable++;
            return AL_OK;
        }
        return push(w, in, al_span_of(name));
    }
    if (st.type != PORT_T_FILE) {
        return AL_OK;
    }
    if (w->made != NULL && !w->made->volume->maker->ops->may_be(w->made->volume->maker, &st)) {
        return AL_OK;
    }
    rc = w->made != NULL ? AL_OK
                         : port_xattr_get_at(w->env->port, dir, name, MARKER_XATTR, marker,
                                             sizeof(marker), &len);
    if (rc != AL_OK && rc != AL_ELIMIT) {
        return AL_OK; /* no marker */
    }
    al_buf_init(&path, 1u << 20);
    rc = al_buf_add(&path, in->path, in->len);
    if (rc == AL_OK && in->len > 0) {
        rc = al_buf_adds(&path, "/");
    }
    if (rc == AL_OK) {
        rc = al_buf_adds(&path, name);
    }
    if (rc == AL_OK && w->made != NULL) {
        reconcile_judge_made(w->made, al_buf_span(&path), w->counts);
    } else if (rc == AL_OK) {
        judge(w, al_buf_span(&path));
    }
    return rc;
}

static int
open_folder(struct walk *w, const struct folder *f, struct port_file **ret)
{
    AL_CLEANUP(port_holder_end) struct port_holder above = {.port = w->env->port};
    struct port_file *root = w->root;
    const char *name;
    int rc;

    /* The folder above "x" is the root, opened a second time, so the root itself comes from a path
     * that is never used. */
    rc = port_walk_to(w->env->port, root, f->len > 0 ? f->path : "x", &above.file, &name);
    if (rc != AL_OK) {
        return rc;
    }
    if (f->len == 0) {
        *ret = above.file;
        above.file = NULL;
        return AL_OK;
    }
    return port_open(w->env->port, above.file, name, PORT_READ | PORT_FOLDER, 0, ret);
}

static int
list_folder(struct walk *w, const struct folder *f, bool (*stop)(void *ctx), void *ctx)
{
    AL_CLEANUP(port_holder_end) struct port_holder dir = {.port = w->env->port};
    struct port_dir *listing = NULL;
    bool end = false;
    int rc = open_folder(w, f, &dir.file);

    if (rc == AL_OK) {
        rc = port_dir_open(w->env->port, dir.file, &listing);
    }
    if (rc != AL_OK) {
        w->counts->unreadable += rc != AL_ENOENT;
        return rc == AL_ENOMEM ? rc : AL_OK;
    }
    while (rc == AL_OK) {
        struct port_dirent e;

        rc = port_dir_next(w->env->port, listing, &e, &end);
        if (rc != AL_OK) {
            w->counts->unreadable++;
            rc = AL_OK;
            break;
        }
        if (end) {
            break;
        }
        rc = stop != NULL && stop(ctx) ? AL_ECANCELED : entry(w, f, dir.file, e.name);
    }
    port_dir_close(w->env->port, &listing);
    return rc;
}

/* from: a folder of the volume, "" for its root. */
static int
walk_from(struct walk *w, struct al_span from, bool (*stop)(void *ctx), void *ctx,
          struct al_fail *fail)
{
    struct port_stat st;
    int rc = port_stat(w->env->port, w->root, &st);

    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(w->env->port), "the volume's root is not there");
    }
    w->dev = st.dev;
    al_list_init(&w->folders);
    rc = push(w, NULL, from);
    while (!al_list_empty(&w->folders)) {
        struct folder *f = AL_LIST_ITEM(w->folders.prev, struct folder, node);

        al_list_drop(&f->node);
        if (rc == AL_OK) {
            rc = list_folder(w, f, stop, ctx);
        }
        al_free(f);
    }
    return rc == AL_OK ? AL_OK : al_fail_set(fail, rc, 0, "the walk of the volume was cut");
}

int
reconcile_walk(const struct reconcile_env *env, const struct recall_volume *volume,
               bool (*stop)(void *ctx), void *ctx, struct reconcile_counts *counts,
               struct al_fail *fail)
{
    struct walk w = {.env = env, .volume = volume, .counts = counts};

    w.root = stub_volume_root(volume->stub);
    return walk_from(&w, al_span_of(""), stop, ctx, fail);
}

int
reconcile_walk_made(const struct reconcile_made *made, bool (*stop)(void *ctx), void *ctx,
                    struct reconcile_counts *counts, struct al_fail *fail)
{
    struct walk w = {.env = made->env, .made = made, .counts = counts};

    w.root = made->volume->root;
    return walk_from(&w, al_span_of(""), stop, ctx, fail);
}

/* Whether the path is a folder of the volume's own filesystem. AL_ENOENT and others: not to be seen. */
static int
is_folder(const struct reconcile_made *made, struct al_span path, bool *ret)
{
    struct port *port = made->env->port;
    AL_CLEANUP(port_holder_end) struct port_holder above = {.port = port};
    AL_CLEANUP(al_freep) char *text = al_span_dup(path);
    struct port_stat st, root;
    const char *name;
    int rc = text == NULL ? AL_ENOMEM : port_stat(port, made->volume->root, &root);

    rc = rc != AL_OK ? rc : port_walk_to(port, made->volume->root, text, &above.file, &name);
    rc = rc != AL_OK ? rc : port_stat_at(port, above.file, name, &st);
    if (rc != AL_OK) {
        return rc;
    }
    if (st.type == PORT_T_FOLDER && (st.dev != root.dev || (st.attrs & PORT_A_MOUNT_ROOT) != 0)) {
        return AL_EXDEV;
    }
    *ret = st.type == PORT_T_FOLDER;
    return AL_OK;
}

int
reconcile_adopt(const struct reconcile_made *made, struct al_span path, bool (*stop)(void *ctx),
                void *ctx, struct reconcile_counts *counts, struct al_fail *fail)
{
    struct walk w = {.env = made->env, .made = made, .counts = counts, .root = made->volume->root};
    bool folder = path.len == 0;
    int rc = folder ? AL_OK : is_folder(made, path, &folder);

    if (rc == AL_ENOMEM) {
        return al_fail_set(fail, rc, 0, "out of memory");
    }
    if (rc == AL_OK && folder) {
        return walk_from(&w, path, stop, ctx, fail);
    }
    reconcile_adopt_named(made, path, counts); /* and tells why not */
    return AL_OK;
}
