#include "like_windows.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "port/sim/sim_priv.h"

#define ATTRS "trusted.alto.w.attrs"
#define BORN "trusted.alto.w.born"
#define RIGHTS "trusted.alto.w.rights"
#define OPEN_MAX 64u
#define STREAMS "/streams"

static struct {
    struct port_ops ops;
    struct { /* files that are open at the port under test */
        struct port_file *f, *dir;
        uint64_t ino;
        char name[256];
        bool alone, removed, used;
    } open[OPEN_MAX];
    bool mapped, fixed;
} win;

static int
slot_of(const struct port_file *f)
{
    for (int i = 0; i < (int)OPEN_MAX; i++) {
        if (win.open[i].used && win.open[i].f == f) {
            return i;
        }
    }
    return -1;
}

static void
get(struct port *p, struct port_file *f, const char *name, void *to, size_t len)
{
    size_t got;

    if (sim_ops.xattr_get(p, f, name, to, len, &got) != AL_OK || got != len) {
        memset(to, 0, len);
    }
}

static void
add(struct port *p, struct port_file *f, struct port_stat *st)
{
    uint32_t attrs;
    int64_t born;

    get(p, f, ATTRS, &attrs, sizeof(attrs));
    get(p, f, BORN, &born, sizeof(born));
    st->attrs |= attrs;
    st->btime_ns = born != 0 ? born : st->btime_ns;
    st->uid = st->gid = 0;
}

static int
win_stat(struct port *p, struct port_file *f, struct port_stat *ret)
{
    int rc = sim_ops.stat(p, f, ret);

    if (rc == AL_OK && ret->type == PORT_T_FILE) {
        add(p, f, ret);
    }
    return rc;
}

static int
win_stat_at(struct port *p, struct port_file *dir, const char *name, struct port_stat *ret)
{
    uint32_t attrs = 0;
    int64_t born = 0;
    size_t got;
    int rc = sim_ops.stat_at(p, dir, name, ret);

    if (rc == AL_OK && ret->type == PORT_T_FILE) {
        if (sim_ops.xattr_get_at(p, dir, name, ATTRS, &attrs, sizeof(attrs), &got) == AL_OK) {
            ret->attrs |= attrs;
        }
        if (sim_ops.xattr_get_at(p, dir, name, BORN, &born, sizeof(born), &got) == AL_OK) {
            ret->btime_ns = born;
        }
        ret->uid = ret->gid = 0;
    }
    return rc;
}

static int
win_open(struct port *p, struct port_file *dir, const char *name, uint32_t flags, uint32_t mode, struct port_file **ret)
{
    struct port_file *f = NULL;
    struct port_stat st;
    int rc = sim_ops.open(p, dir, name, flags, mode, &f), i;

    if (rc != AL_OK) {
        return rc;
    }
    rc = win_stat(p, f, &st);
    if (rc != AL_OK || st.type != PORT_T_FILE) {
        *ret = f; /* a folder, or the next call will tell */
        return AL_OK;
    }
    if ((st.attrs & PORT_A_READONLY) != 0 && (flags & PORT_WRITE) != 0) {
        rc = AL_EACCES;
    }
    for (i = 0; rc == AL_OK && i < (int)OPEN_MAX; i++) {
        if (win.open[i].used && win.open[i].ino == st.ino && (win.open[i].alone || (flags & PORT_ALONE) != 0)) {
            rc = AL_EBUSY; /* a sharing violation, of our own doing too */
        }
    }
    if (rc != AL_OK) {
        (void)sim_ops.close(p, f);
        return rc;
    }
    for (i = 0; i < (int)OPEN_MAX && win.open[i].used; i++) {
    }
    assert(i < (int)OPEN_MAX);
    win.open[i].f = f;
    win.open[i].dir = dir;
    win.open[i].ino = st.ino;
    win.open[i].alone = (flags & PORT_ALONE) != 0;
    win.open[i].removed = false;
    win.open[i].used = true;
    (void)snprintf(win.open[i].name, sizeof(win.open[i].name), "%s", name);
    *ret = f;
    return AL_OK;
}

static int
win_close(struct port *p, struct port_file *f)
{
    int i = slot_of(f), rc, removed = AL_OK;

    if (i >= 0) {
        win.open[i].used = false;
        removed = win.open[i].removed ? sim_ops.unlink(p, win.open[i].dir, win.open[i].name) : AL_OK;
    }
    rc = sim_ops.close(p, f);
    return rc != AL_OK ? rc : removed;
}

/* By name a file is neither renamed nor removed while it is held alone. */
static bool
held(struct port *p, struct port_file *dir, const char *name)
{
    struct port_stat st;

    if (sim_ops.stat_at(p, dir, name, &st) == AL_OK) {
        for (unsigned i = 0; i < OPEN_MAX; i++) {
            if (win.open[i].used && win.open[i].ino == st.ino && win.open[i].alone) {
                return true;
            }
        }
    }
    return false;
}

static int
win_rename(struct port *p, struct port_file *dir_a, const char *a, struct port_file *dir_b, const char *b, bool replace)
{
    return held(p, dir_a, a) ? AL_EBUSY : sim_ops.rename(p, dir_a, a, dir_b, b, replace);
}

static int
win_unlink(struct port *p, struct port_file *dir, const char *name)
{
    struct port_stat st;

    if (held(p, dir, name)) {
        return AL_EBUSY;
    }
    if (win_stat_at(p, dir, name, &st) == AL_OK && (st.attrs & PORT_A_READONLY) != 0) {
        return AL_EACCES;
    }
    return sim_ops.unlink(p, dir, name);
}

static int
win_rename_open(struct port *p, struct port_file *f, struct port_file *dir, const char *name)
{
    int i = slot_of(f), rc;

    assert(i >= 0);
    rc = sim_ops.rename(p, win.open[i].dir, win.open[i].name, dir, name, false);
    if (rc == AL_OK) {
        win.open[i].dir = dir;
        (void)snprintf(win.open[i].name, sizeof(win.open[i].name), "%s", name);
    }
    return rc;
}

static int
win_remove_open(struct port *p, struct port_file *f)
{
    struct port_stat st;
    int i = slot_of(f), rc = win_stat(p, f, &st);

    assert(i >= 0);
    if (rc != AL_OK) {
        return rc;
    }
    if ((st.attrs & PORT_A_READONLY) != 0) {
        return AL_EACCES;
    }
    if (win.mapped) {
        return AL_EBUSY;
    }
    win.open[i].removed = true;
    return AL_OK;
}

static int
win_is_mapped(struct port *p, struct port_file *f, bool *ret)
{
    struct port_stat st;

    if (win_stat(p, f, &st) != AL_OK || (st.attrs & PORT_A_READONLY) != 0) {
        return AL_ENOTSUP; /* of a file that is not open for writing */
    }
    *ret = win.mapped;
    return AL_OK;
}

static int
win_security_get(struct port *p, struct port_file *f, struct al_buf *to)
{
    size_t len = 0;
    int rc = al_buf_reserve(to, 256);

    rc = rc != AL_OK ? rc : sim_ops.xattr_get(p, f, RIGHTS, to->at + to->len, 256, &len);
    if (rc == AL_ENODATA) {
        return al_buf_adds(to, "rights of the folder");
    }
    to->len += rc == AL_OK ? len : 0;
    return rc;
}

static int
win_security_set(struct port *p, struct port_file *f, struct al_span rights)
{
    if (win.fixed) {
        return AL_EPERM;
    }
    return sim_ops.xattr_set(p, f, RIGHTS, rights.at, rights.len);
}

static int
win_set_attrs(struct port *p, struct port_file *f, uint32_t attrs, uint32_t mask)
{
    uint32_t now;

    get(p, f, ATTRS, &now, sizeof(now));
    now = (now & ~mask) | (attrs & mask);
    return sim_ops.xattr_set(p, f, ATTRS, &now, sizeof(now));
}

static int
win_set_born(struct port *p, struct port_file *f, int64_t btime_ns)
{
    return sim_ops.xattr_set(p, f, BORN, &btime_ns, sizeof(btime_ns));
}

/* A stream is a file of its own, by the number of the file it belongs to. */
static int
win_stream_open(struct port *p, struct port_file *f, const char *name, uint32_t flags, struct port_file **ret)
{
    struct port_file *folder = NULL, *stream = NULL;
    struct port_stat st = {0};
    char path[300];
    int rc = sim_ops.stat(p, f, &st);

    (void)snprintf(path, sizeof(path), STREAMS "/%llu-%s", (unsigned long long)st.ino, name);
    rc = rc != AL_OK ? rc : sim_ops.open(p, NULL, path, flags, 0600, &stream);
    if (rc != AL_OK) {
        return rc;
    }
    if ((flags & PORT_CREATE) == 0) {
        *ret = stream;
        return AL_OK;
    }
    rc = sim_ops.open(p, NULL, STREAMS, PORT_READ | PORT_FOLDER, 0, &folder);
    if (rc == AL_OK) {
        rc = sim_ops.sync(p, folder, false);
        (void)sim_ops.close(p, folder);
    }
    if (rc != AL_OK) {
        (void)sim_ops.close(p, stream);
        return rc;
    }
    *ret = stream;
    return AL_OK;
}

static int
win_stream_list(struct port *p, struct port_file *f, port_stream_fn each, void *ctx)
{
    struct port_file *folder = NULL;
    struct port_dir *d = NULL;
    struct port_dirent e;
    struct port_stat st, stream;
    char prefix[30], path[300];
    bool end = false;
    int rc = sim_ops.stat(p, f, &st);

    (void)snprintf(prefix, sizeof(prefix), "%llu-", (unsigned long long)st.ino);
    rc = rc != AL_OK ? rc : sim_ops.open(p, NULL, STREAMS, PORT_READ | PORT_FOLDER, 0, &folder);
    if (rc != AL_OK) {
        return rc;
    }
    rc = sim_ops.dir_open(p, folder, &d);
    while (rc == AL_OK && (rc = sim_ops.dir_next(p, d, &e, &end)) == AL_OK && !end) {
        if (strncmp(e.name, prefix, strlen(prefix)) == 0) {
            (void)snprintf(path, sizeof(path), STREAMS "/%s", e.name);
            rc = sim_ops.stat_at(p, NULL, path, &stream);
            rc = rc != AL_OK ? rc : each(ctx, e.name + strlen(prefix), stream.size);
        }
    }
    if (d != NULL) {
        sim_ops.dir_close(p, d);
    }
    (void)sim_ops.close(p, folder);
    return rc;
}

void
like_windows(struct sim *s)
{
    struct port_file *root = NULL;

    memset(&win, 0, sizeof(win));
    win.ops = sim_ops;
    win.ops.open = win_open;
    win.ops.close = win_close;
    win.ops.stat = win_stat;
    win.ops.stat_at = win_stat_at;
    win.ops.rename = win_rename;
    win.ops.unlink = win_unlink;
    win.ops.rename_open = win_rename_open;
    win.ops.remove_open = win_remove_open;
    win.ops.is_mapped = win_is_mapped;
    win.ops.security_get = win_security_get;
    win.ops.security_set = win_security_set;
    win.ops.stream_list = win_stream_list;
    win.ops.stream_open = win_stream_open;
    win.ops.set_attrs = win_set_attrs;
    win.ops.set_born = win_set_born;
    win.ops.xattr_list = NULL;
    win.ops.set_owner = NULL;
    win.ops.lease_take = NULL;
    win.ops.lease_state = NULL;
    win.ops.lease_drop = NULL;
    win.ops.punch = NULL;
    win.ops.next_data = NULL;
    win.ops.next_hole = NULL;
    sim_port(s)->ops = &win.ops;
    if (port_mkdir(sim_other(s), NULL, STREAMS, 0700) == AL_OK) {
        assert(port_open(sim_other(s), NULL, "/", PORT_READ | PORT_FOLDER, 0, &root) == AL_OK);
        assert(port_sync(sim_other(s), root) == AL_OK && port_close(sim_other(s), root) == AL_OK);
    }
}

void
like_windows_mapped(bool on)
{
    win.mapped = on;
}

void
like_windows_dress(struct sim *s, const char *path, uint32_t attrs, const char *rights, const char *stream, const void *bytes,
                   size_t len, int64_t btime_ns)
{
    struct port *p = sim_other(s);
    struct port_file *f = NULL, *t = NULL;
    struct port_stat st;

    assert(port_open(p, NULL, path, PORT_READ | PORT_WRITE, 0, &f) == AL_OK && port_stat(p, f, &st) == AL_OK);
    assert(win_set_attrs(p, f, attrs, UINT32_MAX) == AL_OK && win_set_born(p, f, btime_ns) == AL_OK);
    assert(win_security_set(p, f, al_span_of(rights)) == AL_OK);
    assert(win_stream_open(p, f, stream, PORT_READ | PORT_WRITE | PORT_CREATE | PORT_TRUNC, &t) == AL_OK);
    assert(port_pwrite(p, t, bytes, len, 0) == AL_OK && port_sync(p, t) == AL_OK && port_close(p, t) == AL_OK);
    assert(port_set_times(p, f, st.atime_ns, st.mtime_ns) == AL_OK);
    assert(port_sync(p, f) == AL_OK && port_close(p, f) == AL_OK);
}

void
like_windows_fixed(bool on)
{
    win.fixed = on;
}

static int
count(void *ctx, const char *name, uint64_t size)
{
    ++*(unsigned *)ctx;
    return AL_OK;
}

bool
like_windows_dressed(struct sim *s, const char *path, uint32_t attrs, const char *rights, const char *stream, const void *bytes,
                     size_t len, int64_t btime_ns)
{
    AL_CLEANUP(al_buf_free) struct al_buf have = {0};
    struct port *p = sim_other(s);
    struct port_file *f = NULL, *t = NULL;
    struct port_stat st = {0};
    uint8_t got[256];
    size_t n = 0;
    unsigned streams = 0;
    bool ok;

    al_buf_init(&have, 4096);
    assert(port_open(p, NULL, path, PORT_READ, 0, &f) == AL_OK);
    add(p, f, &st);
    ok = (st.attrs & ~(uint32_t)PORT_A_OFFLINE) == attrs && st.btime_ns == btime_ns;
    ok = ok && win_security_get(p, f, &have) == AL_OK && al_span_equal(al_buf_span(&have), al_span_of(rights));
    ok = ok && win_stream_list(p, f, count, &streams) == AL_OK && streams == 1;
    if (ok && win_stream_open(p, f, stream, PORT_READ, &t) == AL_OK) {
        ok = port_pread(p, t, got, sizeof(got), 0, &n) == AL_OK && n == len && memcmp(got, bytes, len) == 0;
        (void)!port_close(p, t);
    } else {
        ok = false;
    }
    (void)!port_close(p, f);
    return ok;
}

bool
like_windows_rights(struct sim *s, const char *path, const char *rights)
{
    uint8_t have[256];
    size_t len;

    return port_xattr_get_at(sim_other(s), NULL, path, RIGHTS, have, sizeof(have), &len) == AL_OK &&
           al_span_equal((struct al_span){have, len}, al_span_of(rights));
}
