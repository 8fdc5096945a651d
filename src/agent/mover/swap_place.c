/* swap_place.c: the names of an exchange, one at a time (swap.h). */
#include <stdio.h>
#include <string.h>

#include "agent/mover/swap.h"
#include "base/mem.h"

#define TAG_ROOM (64u << 10) /* bytes of tag data; no maker's has more */

int
swap_path(const struct mover_volume *v, const struct place *at, const char *name, struct al_buf *to)
{
    const char *slash = strrchr(at->path, '/');
    size_t folder = slash != NULL ? (size_t)(slash - at->path) : 0, root = strlen(v->root_path);
    int rc;

    while (root > 0 && v->root_path[root - 1] == '/') {
        root--;
    }
    rc = al_buf_add(to, v->root_path, root);
    rc = rc != AL_OK ? rc : al_buf_adds(to, "/");
    rc = rc != AL_OK || folder == 0 ? rc : al_buf_add(to, at->path, folder);
    rc = rc != AL_OK || folder == 0 ? rc : al_buf_adds(to, "/");
    return rc != AL_OK ? rc : al_buf_adds(to, name);
}

int
swap_look(const struct mover_volume *v, const struct place *at, const char *name,
          struct al_buf *bytes, struct stub_seen *ret, struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf path = {0};
    struct port_stat by_name;
    struct stub_seen seen;
    int rc = port_stat_at(at->port, at->dir, name, &by_name);

    if (rc != AL_OK) {
        return rc;
    }
    if (v->maker == NULL) {
        return al_fail_set(fail, AL_EIO, 0, "nobody is there who tells a stub from a file");
    }
    if (!v->maker->ops->may_be(v->maker, &by_name)) {
        *ret = (struct stub_seen){.is = STUB_IS_NONE, .st = by_name};
        return AL_OK;
    }
    al_buf_init(&path, SWAP_PATH_MAX);
    al_buf_init(bytes, TAG_ROOM);
    rc = swap_path(v, at, name, &path);
    rc = rc != AL_OK
             ? rc
             : v->maker->ops->look(v->maker, (const char *)path.at, v->key, bytes, &seen, fail);
    if (rc == AL_ENOENT || (rc == AL_OK && seen.st.ino != by_name.ino)) {
        rc = AL_EIO; /* the folder is elsewhere by now, or somebody is at it */
    }
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, 0, "whether the file is a stub cannot be seen");
    }
    *ret = seen;
    return AL_OK;
}

int
swap_is_at(const struct place *at, struct port_file *f, const char *name, bool *ret)
{
    struct port_stat by_name, by_fd;
    int rc = port_stat(at->port, f, &by_fd);

    if (rc == AL_OK) {
        rc = port_stat_at(at->port, at->dir, name, &by_name);
        *ret = rc == AL_OK && by_name.ino == by_fd.ino && by_name.dev == by_fd.dev;
    }
    return rc == AL_ENOENT ? AL_OK : rc;
}

int
swap_rename(const struct place *at, struct port_file *f, const char *from, const char *to)
{
    int rc = port_rename_open(at->port, f, at->dir, to);
    bool is = false;

    if (rc != AL_ENOTSUP) {
        return rc;
    }
    rc = swap_is_at(at, f, from, &is);
    return rc != AL_OK ? rc : is ? place_rename(at, from, to) : AL_ECHANGED;
}

int
swap_remove_open(const struct place *at, struct port_file **io_f, const char *name)
{
    struct port_stat st;
    bool there = true;
    int rc = port_stat(at->port, *io_f, &st), closed;

    if (rc == AL_OK && (st.attrs & PORT_A_READONLY) != 0) {
        rc = port_set_attrs(at->port, *io_f, 0, PORT_A_READONLY);
    }
    rc = rc != AL_OK ? rc : port_remove_open(at->port, *io_f);
    if (rc == AL_ENOTSUP) {
        rc = swap_is_at(at, *io_f, name, &there);
        rc = rc == AL_OK && there ? port_unlink(at->port, at->dir, name) : rc;
    }
    closed = port_close(at->port, *io_f);
    *io_f = NULL;
    rc = rc != AL_OK ? rc : closed;
    rc = rc != AL_OK ? rc : place_is_there(at, name, &there);
    return rc == AL_OK && there ? AL_EBUSY : rc;
}

int
swap_drop(const struct place *at, const char *name)
{
    struct port_file *f = NULL;
    int rc = port_open(at->port, at->dir, name, SWAP_ALONE, 0, &f);

    if (rc == AL_ENOENT) {
        return AL_OK;
    }
    return rc == AL_OK ? swap_remove_open(at, &f, name) : rc;
}

int
swap_open_seen(const struct place *at, const char *name, const struct stub_seen *seen,
               uint32_t flags, struct port_file **ret)
{
    struct port_file *f = NULL;
    struct port_stat st;
    bool is = false;
    int rc = port_open(at->port, at->dir, name, SWAP_ALONE | flags, 0, &f);

    if (rc != AL_OK) {
        return rc == AL_ENOENT ? AL_ECHANGED : rc;
    }
    /* Where no sharing mode keeps others out, a lease tells of them, if there is one. */
    rc = port_lease_take(at->port, f);
    rc = rc == AL_EBUSY || rc == AL_ECRASH || rc == AL_ENOMEM ? rc : port_stat(at->port, f, &st);
    rc = rc != AL_OK ? rc : swap_is_at(at, f, name, &is);
    /* Whoever has written to it since has left another time, or other attributes. */
    if (rc == AL_OK && (!is || st.ino != seen->st.ino || st.size != seen->st.size ||
                        st.mtime_ns != seen->st.mtime_ns || st.attrs != seen->st.attrs ||
                        st.allocated != seen->st.allocated)) {
        rc = AL_ECHANGED;
    }
    if (rc != AL_OK) {
        port_close_quiet(at->port, &f);
        return rc;
    }
    *ret = f;
    return AL_OK;
}

const char *
swap_id_of(const char *name)
{
    size_t len = strlen(name);

    return len > AL_ID_LEN ? name + len - AL_ID_LEN : name;
}

/* ---- undoing ---- */

/* The stub, if it is there still, back to its own name: under that it is known until all is told. */
static int
take_stub_back(const struct mover_volume *v, const struct place *at, const char *object_id,
               const char *fresh, bool *ret_stub, struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf bytes = {0};
    struct port_file *f = NULL;
    struct stub_seen seen;
    int rc = swap_look(v, at, at->name, &bytes, &seen, fail);

    if (rc == AL_ENOENT) {
        return AL_OK;
    }
    if (rc != AL_OK || seen.is != STUB_IS_OURS || strcmp(seen.object_id, object_id) != 0) {
        return rc;
    }
    rc = swap_open_seen(at, at->name, &seen, 0, &f);
    if (rc == AL_OK) {
        rc = swap_rename(at, f, at->name, fresh);
        port_close_quiet(at->port, &f);
    }
    *ret_stub = rc == AL_OK;
    return rc == AL_ECHANGED ? AL_OK : rc; /* then it is somebody's, and stays */
}

/* An original that was read-only lost that right before it was to be removed; its stub has it. */
static int
read_only_again(const struct place *at, const char *aside, const char *fresh)
{
    struct port_file *f = NULL;
    struct port_stat st, stub;
    int rc = port_stat_at(at->port, at->dir, fresh, &stub), closed;

    if (rc != AL_OK || (stub.attrs & PORT_A_READONLY) == 0) {
        return rc;
    }
    rc = port_open(at->port, at->dir, aside, SWAP_ALONE, 0, &f);
    if (rc != AL_OK) {
        return rc;
    }
    rc = port_stat(at->port, f, &st);
    if (rc == AL_OK && (st.attrs & PORT_A_READONLY) == 0) {
        rc = port_set_attrs(at->port, f, PORT_A_READONLY, PORT_A_READONLY);
    }
    closed = port_close(at->port, f);
    return rc != AL_OK ? rc : closed;
}

int
swap_undo(const struct mover_volume *v, const struct place *at, const char *id,
          const char *object_id, char got[PLACE_NAME_MAX], bool *ret_stub, struct al_fail *fail)
{
    char aside[PLACE_NAME_MAX], fresh[PLACE_NAME_MAX], to[PLACE_NAME_MAX] = "";
    bool there = false, made = false;
    int rc;

    place_own_name(PLACE_ASIDE, id, aside);
    place_own_name(PLACE_NEW, id, fresh);
    rc = place_is_there(at, aside, &there);
    rc = rc != AL_OK ? rc : place_is_there(at, fresh, &made);
    if (rc == AL_OK && there) { /* what a rename that was cut may have left */
        rc = place_clear(at, fresh, at->name, PLACE_KEPT);
    }
    if (rc == AL_OK && there && !made) {
        rc = take_stub_back(v, at, object_id, fresh, &made, fail);
    }
    if (rc == AL_OK && there) {
        rc = made ? read_only_again(at, aside, fresh) : AL_OK;
        rc = rc != AL_OK ? rc : place_rename_free(at, aside, at->name, PLACE_KEPT, to);
    }
    rc = rc != AL_OK ? rc : place_sync(at);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(at->port),
                           "the file could not be put back: it may lie beside its place as %s",
                           aside);
    }
    *ret_stub = made;
    (void)snprintf(got, PLACE_NAME_MAX, "%s", strcmp(to, at->name) == 0 ? "" : to);
    return AL_OK;
}

int
swap_undone(const struct place *at, const char *id)
{
    char fresh[PLACE_NAME_MAX];
    int rc;

    place_own_name(PLACE_NEW, id, fresh);
    rc = swap_drop(at, fresh);
    return rc != AL_OK ? rc : place_sync(at);
}
