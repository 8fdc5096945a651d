/* folder.c: a share that is a folder of this system: file:///DIR, a mounted share, on Windows a UNC
 * path (through unc.c).
 *
 * Everything goes through port by open folders, part by part, so that a symbolic link put among the
 * objects leads nowhere. A folder has no deadline of its own: a mount that hangs, hangs its caller
 * (mount with "soft" or use smb://). */
#include "agent/target/target_kind.h"

#include <stdio.h>
#include <string.h>

#include "base/fault.h"
#include "base/mem.h"

#define FOLDER_MODE 0700u
#define FILE_MODE 0600u

struct folder {
    struct port_file *root;     /* NULL after it went away: opened again by the next call */
    struct port_file *incoming; /* likewise, and made on demand */
};

enum folder_phase { FOLDER_FLUSH, FOLDER_BACK, FOLDER_NAME };

struct folder_put {
    struct port_file *file;
    struct port_file *back; /* for the read-back, where it is another handle */
    enum folder_phase phase;
    uint64_t at;     /* where the read-back stands */
    void *room;      /* where buffer lies */
    uint8_t *buffer; /* TARGET_CHUNK_BYTES, for the read-back; begins as PORT_DIRECT wants */
    bool temp_there; /* the temporary file is ours to remove */
};

struct folder_get {
    struct port_file *file;
};

/* Every request to a share can be made to fail by a test. */
static int
ask(void)
{
    return al_fault_hit(AL_FAULT_TARGET) ? AL_EIO : AL_OK;
}

static void
forget(struct target *t)
{
    struct folder *f = t->impl;

    port_close_quiet(t->port, &f->incoming);
    port_close_quiet(t->port, &f->root);
}

/* Tells what went wrong. A mount that was taken away is opened anew by the next call. */
static int
failed(struct target *t, struct al_fail *fail, int code, const char *what, const char *name)
{
    uint32_t os = port_os_error(t->port);

    if (code == AL_ESTALE) {
        forget(t);
        code = AL_EUNREACH;
    } else if (t->remote && (code == AL_EUNREACH || code == AL_ETIMEDOUT)) {
        forget(t); /* handles of a connection that broke stay broken */
    }
    return target_say(t, fail, code, os, what, name);
}

/* The folder of the address itself, when a share is set up; only its last part, so that a mistyped
 * address stays a mistake. */
static int
make_root(struct target *t)
{
    struct port_file *parent = NULL;
    char *slash = strrchr(t->root, '/');
    int r;

    if (!slash || slash[1] == '\0') {
        return AL_ENOENT;
    }
    *slash = '\0';
    r = port_open(t->port, NULL, slash > t->root ? t->root : "/", PORT_READ | PORT_FOLDER, 0,
                  &parent);
    *slash = '/';
    if (r == AL_OK) {
        r = port_mkdir(t->port, parent, slash + 1, FOLDER_MODE);
    }
    if (r == AL_OK || r == AL_EEXIST) {
        r = port_sync(t->port, parent);
    }
    port_close_quiet(t->port, &parent);
    return r;
}

static int
open_root(struct target *t, bool make)
{
    struct folder *f = t->impl;
    int r = ask();

    if (r != AL_OK || f->root) {
        return r;
    }
    r = port_open(t->port, NULL, t->root, PORT_READ | PORT_FOLDER, 0, &f->root);
    if (r == AL_ENOENT && make) {
        r = make_root(t);
        if (r == AL_OK) {
            r = port_open(t->port, NULL, t->root, PORT_READ | PORT_FOLDER, 0, &f->root);
        }
    }
    /* A share that is not there is not a missing object: nobody may conclude anything from it. */
    return r == AL_ENOENT || r == AL_ENOTDIR ? AL_EUNREACH : r;
}

static int
folder_open(struct target *t, bool make, struct al_fail *fail)
{
    char *c;
    int r;

    t->impl = al_zalloc(sizeof(struct folder));
    if (!t->impl) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    /* A UNC path; port takes '/' on every system. */
    if (t->root[0] == '\\') {
        for (c = t->root; *c; c++) {
            *c = *c == '\\' ? '/' : *c;
        }
    }
    for (c = t->root + strlen(t->root); c > t->root + 1 && c[-1] == '/'; c--) {
        c[-1] = '\0';
    }
    r = open_root(t, make);
    return r == AL_OK ? r : failed(t, fail, r, "open", "");
}

static void
folder_close(struct target *t)
{
    forget(t);
    al_free(t->impl);
    t->impl = NULL;
}

/* Opens the folder that holds the last part of name; *ret_leaf points into name. With `make`,
 * folders that lack are made, and made durable. *ret_dir may be f->root itself, so it is closed
 * with drop_dir. */
static int
walk(struct target *t, const char *name, bool make, struct port_file **ret_dir,
     const char **ret_leaf)
{
    struct folder *f = t->impl;
    struct port_file *dir = f->root, *next = NULL;
    const char *slash;
    char part[TARGET_NAME_MAX];
    int r = AL_OK;

    while (r == AL_OK && (slash = strchr(name, '/')) != NULL) {
        memcpy(part, name, (size_t)(slash - name));
        part[slash - name] = '\0';
        r = port_open(t->port, dir, part, PORT_READ | PORT_FOLDER, 0, &next);
        if (r == AL_ENOENT && make) {
            r = port_mkdir(t->port, dir, part, FOLDER_MODE);
            /* Another worker may have been quicker; that its folder lasts is then our affair too.
             */
            if (r == AL_OK || r == AL_EEXIST) {
                r = port_sync(t->port, dir);
            }
            if (r == AL_OK) {
                r = port_open(t->port, dir, part, PORT_READ | PORT_FOLDER, 0, &next);
            }
        }
        if (dir != f->root) {
            port_close_quiet(t->port, &dir);
        }
        if (r == AL_OK) {
            dir = next;
            name = slash + 1;
        }
    }
    if (r != AL_OK) {
        return r;
    }
    *ret_dir = dir;
    *ret_leaf = name;
    return AL_OK;
}

static void
drop_dir(struct target *t, struct port_file *dir)
{
    struct folder *f = t->impl;

    if (dir != f->root) {
        port_close_quiet(t->port, &dir);
    }
}

/* The root opened and the way to name walked. */
static int
reach(struct target *t, const char *name, bool make, struct port_file **ret_dir,
      const char **ret_leaf)
{
    int r = open_root(t, false);

    return r == AL_OK ? walk(t, name, make, ret_dir, ret_leaf) : r;
}

static int
folder_refresh(struct target *t, struct al_fail *fail)
{
    int r;

    forget(t);
    r = open_root(t, false);
    return r == AL_OK ? r : failed(t, fail, r, "open", "");
}

/* A folder that was moved away, or a mount that another one took the place of, goes on taking what
 * is written to its descriptor. */
static int
folder_same(struct target *t, struct al_fail *fail)
{
    struct folder *f = t->impl;
    struct port_stat open, there;
    int r;

    if (!f->root) {
        return AL_OK;
    }
    r = port_stat(t->port, f->root, &open);
    if (r == AL_OK) {
        r = port_stat_at(t->port, NULL, t->root, &there);
        r = r == AL_ENOENT || r == AL_ENOTDIR ? AL_EUNREACH : r;
    }
    if (r == AL_OK && (open.dev != there.dev || open.ino != there.ino)) {
        forget(t);
        return al_fail_set(fail, AL_EUNREACH, 0,
                           "another folder than before is at share %.80s now: it is tried again",
                           t->url);
    }
    return r == AL_OK ? r : failed(t, fail, r, "look at", "");
}

static int
folder_space(struct target *t, struct target_space *ret, struct al_fail *fail)
{
    struct folder *f = t->impl;
    struct port_fs fs;
    int r = open_root(t, false);

    if (r == AL_OK) {
        r = port_fs(t->port, f->root, &fs);
    }
    if (r != AL_OK) {
        return failed(t, fail, r, "measure", "");
    }
    ret->bytes_total = fs.bytes_total;
    ret->bytes_free = fs.bytes_free;
    return AL_OK;
}

/* ---- putting ---- */

static int
open_incoming(struct target *t)
{
    struct folder *f = t->impl;
    const char *leaf;
    int r = open_root(t, false);

    if (r != AL_OK || f->incoming) {
        return r;
    }
    /* A name below it makes the folder itself. */
    return walk(t, TARGET_INCOMING "/x", true, &f->incoming, &leaf);
}

static int
folder_put_begin(struct target_put *p, uint64_t size_expected, struct al_fail *fail)
{
    struct target *t = p->t;
    struct folder *f = t->impl;
    struct folder_put *w = al_zalloc(sizeof(*w));
    int r;

    if (!w) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    p->impl = w;
    w->room = al_alloc(TARGET_CHUNK_BYTES + PORT_DIRECT_BYTES);
    w->buffer = (uint8_t *)(((uintptr_t)w->room + PORT_DIRECT_BYTES - 1) &
                            ~(uintptr_t)(PORT_DIRECT_BYTES - 1));
    r = w->room ? open_incoming(t) : AL_ENOMEM;
    if (r == AL_OK) {
        r = ask();
    }
    if (r == AL_OK) {
        r = port_open(t->port, f->incoming, p->temp + sizeof(TARGET_INCOMING),
                      PORT_READ | PORT_WRITE | PORT_CREATE | PORT_EXCL, FILE_MODE, &w->file);
    }
    if (r != AL_OK) {
        return failed(t, fail, r, "create", p->temp);
    }
    w->temp_there = true;
    return AL_OK;
}

static int
folder_put_write(struct target_put *p, const void *bytes, size_t len, struct al_fail *fail)
{
    struct folder_put *w = p->impl;
    int r = ask();

    if (r == AL_OK) {
        r = port_pwrite(p->t->port, w->file, bytes, len, p->size);
    }
    return r == AL_OK ? r : failed(p->t, fail, r, "write", p->temp);
}

/* Past this machine's cache, so that what comes back is the server's. */
static int
open_back(struct target_put *p)
{
    struct folder *f = p->t->impl;
    struct folder_put *w = p->impl;
    int r = open_incoming(p->t);

    return r == AL_OK ? port_open(p->t->port, f->incoming, p->temp + sizeof(TARGET_INCOMING),
                                  PORT_READ | PORT_DIRECT, 0, &w->back)
                      : r;
}

/* One chunk; one byte more than was written is asked for, so that a longer file is noticed too. */
static int
read_back(struct target_put *p, bool *ret_end)
{
    struct folder_put *w = p->impl;
    size_t got = 0;
    int r = p->t->remote && !w->back ? open_back(p) : AL_OK;

    if (r == AL_OK) {
        r = port_pread(p->t->port, w->back ? w->back : w->file, w->buffer, TARGET_CHUNK_BYTES,
                       w->at, &got);
    }
    if (r != AL_OK) {
        return r;
    }
    target_put_back(p, w->buffer, got);
    w->at += got;
    *ret_end = got < TARGET_CHUNK_BYTES || w->at > p->size;
    return AL_OK;
}

/* Closed first: Windows renames no open file. Nothing can be lost by then: it is flushed and was
 * read back. */
static int
give_name(struct target_put *p)
{
    struct target *t = p->t;
    struct folder *f = t->impl;
    struct folder_put *w = p->impl;
    struct port_file *file = w->file, *dir = NULL;
    const char *leaf;
    int r = open_incoming(t);

    w->file = NULL;
    port_close_quiet(t->port, &w->back); /* it only read */
    if (r != AL_OK) {
        port_close_quiet(t->port, &file);
        return r;
    }
    r = port_close(t->port, file);
    if (r == AL_OK) {
        r = walk(t, p->name, true, &dir, &leaf);
    }
    if (r != AL_OK) {
        return r;
    }
    r = port_rename(t->port, f->incoming, p->temp + sizeof(TARGET_INCOMING), dir, leaf, false);
    if (r == AL_OK) {
        w->temp_there = false;
        r = port_sync(t->port, dir);
    }
    drop_dir(t, dir);
    return r;
}

static int
folder_put_step(struct target_put *p, bool *ret_done, struct al_fail *fail)
{
    struct folder_put *w = p->impl;
    const char *what = "flush";
    bool end = false;
    int r = ask();

    *ret_done = false;
    if (r != AL_OK) {
        return failed(p->t, fail, r, "finish", p->name);
    }
    switch (w->phase) {
    case FOLDER_FLUSH:
        r = port_sync(p->t->port, w->file);
        w->phase = r == AL_OK ? FOLDER_BACK : FOLDER_FLUSH;
        break;
    case FOLDER_BACK:
        what = "read back";
        r = read_back(p, &end);
        if (r == AL_OK && end) {
            r = target_put_compare(p, fail);
            w->phase = r == AL_OK ? FOLDER_NAME : FOLDER_BACK;
        }
        break;
    case FOLDER_NAME:
        what = "rename";
        if (!w->temp_there || !w->file) {
            r = AL_EIO; /* it failed half-way before and cannot be repeated */
            break;
        }
        r = give_name(p);
        *ret_done = r == AL_OK;
        break;
    }
    return r == AL_OK ? r : failed(p->t, fail, r, what, p->name);
}

static void
folder_put_end(struct target_put *p)
{
    struct target *t = p->t;
    struct folder *f = t->impl;
    struct folder_put *w = p->impl;

    port_close_quiet(t->port, &w->back);
    port_close_quiet(t->port, &w->file);
    if (w->temp_there && !p->done && f->incoming) {
        /* Best effort: what stays behind lies under "incoming/" and is found there. */
        int ignored = port_unlink(t->port, f->incoming, p->temp + sizeof(TARGET_INCOMING));
        (void)ignored;
    }
    al_free(w->room);
    al_free(w);
    p->impl = NULL;
}

/* ---- getting ---- */

static int
open_file(struct target *t, const char *name, struct port_file **ret, uint64_t *ret_size)
{
    struct port_file *dir = NULL, *file = NULL;
    struct port_stat st;
    const char *leaf;
    int r = reach(t, name, false, &dir, &leaf);

    if (r != AL_OK) {
        return r;
    }
    r = port_open(t->port, dir, leaf, PORT_READ | PORT_NONBLOCK, 0, &file);
    drop_dir(t, dir);
    if (r == AL_OK) {
        r = port_stat(t->port, file, &st);
    }
    if (r == AL_OK && st.type != PORT_T_FILE) {
        r = st.type == PORT_T_FOLDER ? AL_EISDIR : AL_EINVAL;
    }
    if (r != AL_OK) {
        port_close_quiet(t->port, &file);
        return r;
    }
    *ret = file;
    *ret_size = st.size;
    return AL_OK;
}

static int
folder_get_begin(struct target_get *g, const char *name, uint64_t *ret_size, struct al_fail *fail)
{
    struct folder_get *w = al_zalloc(sizeof(*w));
    int r;

    if (!w) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    r = open_file(g->t, name, &w->file, ret_size);
    if (r != AL_OK) {
        al_free(w);
        return failed(g->t, fail, r, "open", name);
    }
    g->impl = w;
    return AL_OK;
}

static int
folder_get_read(struct target_get *g, void *to, size_t cap, size_t *ret_len, struct al_fail *fail)
{
    struct folder_get *w = g->impl;
    int r = ask();

    if (r == AL_OK) {
        r = port_pread(g->t->port, w->file, to, cap, g->at, ret_len);
    }
    return r == AL_OK ? r : failed(g->t, fail, r, "read", "an object");
}

static void
folder_get_end(struct target_get *g)
{
    struct folder_get *w = g->impl;

    port_close_quiet(g->t->port, &w->file);
    al_free(w);
    g->impl = NULL;
}

static int
folder_get_small(struct target *t, const char *name, void *to, size_t cap, size_t *ret_len,
                 struct al_fail *fail)
{
    struct port_file *file = NULL;
    uint64_t size = 0;
    size_t got = 0;
    int r = open_file(t, name, &file, &size);

    if (r == AL_OK && size > cap) {
        r = AL_ELIMIT;
    } else if (r == AL_OK) {
        r = port_pread(t->port, file, to, (size_t)size, 0, &got);
        if (r == AL_OK && got < size) {
            r = AL_EIO;
        }
    }
    port_close_quiet(t->port, &file);
    if (r != AL_OK) {
        return failed(t, fail, r, "read", name);
    }
    *ret_len = got;
    return AL_OK;
}

/* ---- small files ---- */

static int
folder_append(struct target *t, const char *name, uint64_t offset, const void *bytes, size_t len,
              struct al_fail *fail)
{
    struct port_file *dir = NULL, *file = NULL;
    struct port_stat st;
    const char *leaf;
    bool made = false;
    int r = reach(t, name, true, &dir, &leaf);

    if (r != AL_OK) {
        return failed(t, fail, r, "reach", name);
    }
    r = port_open(t->port, dir, leaf, PORT_READ | PORT_WRITE, 0, &file);
    if (r == AL_ENOENT) {
        made = true;
        r = port_open(t->port, dir, leaf, PORT_READ | PORT_WRITE | PORT_CREATE, FILE_MODE, &file);
    }
    if (r == AL_OK) {
        r = port_stat(t->port, file, &st);
    }
    if (r == AL_OK && st.size != offset) {
        r = AL_ECHANGED; /* cut, or put back: behind it a line would not be read as one */
    }
    if (r == AL_OK) {
        r = port_pwrite(t->port, file, bytes, len, offset);
    }
    if (r == AL_OK) {
        r = port_sync(t->port, file);
    }
    if (r == AL_OK && made) {
        r = port_sync(t->port, dir);
    }
    if (r == AL_OK) {
        r = port_close(t->port, file);
    } else {
        port_close_quiet(t->port, &file);
    }
    drop_dir(t, dir);
    return r == AL_OK ? r : failed(t, fail, r, "write", name);
}

static int
folder_size(struct target *t, const char *name, uint64_t *ret, struct al_fail *fail)
{
    struct port_file *dir = NULL;
    struct port_stat st;
    const char *leaf;
    int r = reach(t, name, false, &dir, &leaf);

    if (r == AL_OK) {
        r = port_stat_at(t->port, dir, leaf, &st);
        drop_dir(t, dir);
    }
    if (r == AL_OK && st.type != PORT_T_FILE) {
        r = st.type == PORT_T_FOLDER ? AL_EISDIR : AL_EINVAL;
    }
    if (r != AL_OK) {
        return failed(t, fail, r, "look at", name);
    }
    *ret = st.size;
    return AL_OK;
}

/* Hands the entries of an open folder over. A file that vanishes meanwhile is left out. */
static int
list_dir(struct target *t, struct port_file *dir, target_each_fn each, void *ctx, int *ret_of_each)
{
    struct port_dir *listing = NULL;
    struct port_dirent entry;
    struct port_stat st;
    bool end = false;
    int r = port_dir_open(t->port, dir, &listing);

    while (r == AL_OK && !end) {
        r = port_dir_next(t->port, listing, &entry, &end);
        if (r != AL_OK || end) {
            break;
        }
        r = port_stat_at(t->port, dir, entry.name, &st);
        if (r == AL_ENOENT) {
            r = AL_OK;
            continue;
        }
        if (r == AL_OK) {
            *ret_of_each = each(ctx, entry.name, st.type == PORT_T_FOLDER, st.size, st.mtime_ns);
            end = *ret_of_each != AL_OK;
        }
    }
    port_dir_close(t->port, &listing);
    return r;
}

static int
folder_list(struct target *t, const char *folder, target_each_fn each, void *ctx,
            struct al_fail *fail)
{
    struct folder *f = t->impl;
    struct port_file *parent = NULL, *dir = NULL;
    const char *leaf;
    int r, of_each = AL_OK;

    if (folder[0] == '\0') {
        r = open_root(t, false);
        if (r == AL_OK) {
            r = list_dir(t, f->root, each, ctx, &of_each);
        }
    } else {
        r = reach(t, folder, false, &parent, &leaf);
        if (r == AL_OK) {
            r = port_open(t->port, parent, leaf, PORT_READ | PORT_FOLDER, 0, &dir);
            drop_dir(t, parent);
        }
        if (r == AL_OK) {
            r = list_dir(t, dir, each, ctx, &of_each);
        }
        port_close_quiet(t->port, &dir);
    }
    return r == AL_OK ? of_each : failed(t, fail, r, "list", folder);
}

static int
folder_remove(struct target *t, const char *name, struct al_fail *fail)
{
    struct port_file *dir = NULL;
    const char *leaf;
    int r = reach(t, name, false, &dir, &leaf);

    if (r == AL_OK) {
        r = port_unlink(t->port, dir, leaf);
        if (r == AL_OK) {
            r = port_sync(t->port, dir);
        }
        drop_dir(t, dir);
    }
    return r == AL_OK ? r : failed(t, fail, r, "remove", name);
}

const struct target_kind target_folder_kind = {
    .open = folder_open,
    .close = folder_close,
    .refresh = folder_refresh,
    .same = folder_same,
    .space = folder_space,
    .put_begin = folder_put_begin,
    .put_write = folder_put_write,
    .put_step = folder_put_step,
    .put_end = folder_put_end,
    .get_begin = folder_get_begin,
    .get_read = folder_get_read,
    .get_end = folder_get_end,
    .get_small = folder_get_small,
    .append = folder_append,
    .size = folder_size,
    .list = folder_list,
    .remove = folder_remove,
};
