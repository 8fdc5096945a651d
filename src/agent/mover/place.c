#include "agent/mover/place.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define ARENA_MAX (1u << 20)
#define DIR_MODE 0755u

/* Makes the folders of path that are not there. */
static int
make_folders(struct place *p, struct port_file *root)
{
    AL_CLEANUP(port_holder_end) struct port_holder at = {.port = p->port};
    char *part = p->path, *slash;

    while ((slash = strchr(part, '/')) != NULL) {
        struct port_file *from = at.file != NULL ? at.file : root, *next = NULL;
        int rc;

        *slash = '\0';
        rc = port_mkdir(p->port, from, part, DIR_MODE);
        rc = rc == AL_OK || rc == AL_EEXIST
                 ? port_open(p->port, from, part, PORT_READ | PORT_FOLDER, 0, &next)
                 : rc;
        *slash = '/';
        if (rc != AL_OK) {
            return rc;
        }
        port_close_quiet(p->port, &at.file);
        at.file = next;
        part = slash + 1;
    }
    return AL_OK;
}

int
place_open(struct place *p, struct port *port, struct port_file *root, struct al_span path,
           const uint8_t *key, bool make, struct al_fail *fail)
{
    const char *name = NULL;
    int rc;

    *p = (struct place){.port = port, .key = key};
    p->path = al_span_dup(path);
    if (p->path == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    rc = port_walk_to(port, root, p->path, &p->dir, &name);
    if (rc == AL_ENOENT && make) {
        rc = make_folders(p, root);
        rc = rc != AL_OK ? rc : port_walk_to(port, root, p->path, &p->dir, &name);
    }
    if (rc == AL_OK && strlen(name) >= sizeof(p->name)) {
        rc = AL_ENAMETOOLONG;
    }
    if (rc != AL_OK) {
        (void)al_fail_set(fail, rc, port_os_error(port), "the file's folder cannot be opened");
        place_end(p);
        return rc;
    }
    memcpy(p->name, name, strlen(name) + 1);
    return AL_OK;
}

int
place_fs_tag(struct port *port, struct port_file *root, struct port_handle *ret)
{
    struct port_fs fs;
    int rc = port_fs(port, root, &fs);

    if (rc == AL_OK) {
        *ret = (struct port_handle){.type = (int32_t)fs.kind, .len = sizeof(fs.id)};
        memcpy(ret->bytes, fs.id, sizeof(fs.id));
    }
    return rc;
}

void
place_end(struct place *p)
{
    if (p->dir != NULL) {
        port_close_quiet(p->port, &p->dir);
    }
    al_free(p->path);
    p->path = NULL;
}

/* ---- names ---- */

int
place_holder_name(const char *name, char to[PLACE_NAME_MAX])
{
    size_t len = strlen(name);

    if (len + PLACEHOLDER_SUFFIX_LEN >= PLACE_NAME_MAX) {
        return AL_ENAMETOOLONG;
    }
    memcpy(to, name, len);
    memcpy(to + len, PLACEHOLDER_SUFFIX, PLACEHOLDER_SUFFIX_LEN + 1);
    return AL_OK;
}

void
place_own_name(const char *prefix, const char *id, char to[PLACE_NAME_MAX])
{
    (void)snprintf(to, PLACE_NAME_MAX, "%s%.26s", prefix, id);
}

void
place_other_name(const char *name, const char *word, unsigned n, char to[PLACE_NAME_MAX])
{
    const char *dot = strrchr(name, '.');
    char add[40];
    size_t stem, ext, more;

    /* An extension that people would call one; else it is part of the name. */
    ext = dot != NULL && dot != name && strlen(dot) <= 17 ? strlen(dot) : 0;
    stem = strlen(name) - ext;
    (void)(n > 1 ? snprintf(add, sizeof(add), " (%s %u)", word, n)
                 : snprintf(add, sizeof(add), " (%s)", word));
    more = strlen(add);
    if (stem + more + ext >= PLACE_NAME_MAX) {
        stem = PLACE_NAME_MAX - 1 - more - ext;
        while (stem > 1 && ((uint8_t)name[stem] & 0xc0u) == 0x80u) {
            stem--; /* no character is cut */
        }
    }
    (void)snprintf(to, PLACE_NAME_MAX, "%.*s%s%s", (int)stem, name, add,
                   ext > 0 ? name + strlen(name) - ext : "");
}

/* ---- what is done to them ---- */

/* Whether a file holds the other name and nothing else, as rename_over_own makes it. */
static bool
is_made_for(const struct place *p, const char *name, const char *from)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    struct port_stat st;

    if (port_stat_at(p->port, p->dir, name, &st) != AL_OK || st.type != PORT_T_FILE ||
        st.size >= PLACE_NAME_MAX) {
        return false;
    }
    al_buf_init(&text, PLACE_NAME_MAX);
    return port_read_file(p->port, p->dir, name, PLACE_NAME_MAX - 1, &text) == AL_OK &&
           ((p->healing && text.len == 0) || al_span_equal(al_buf_span(&text), al_span_of(from)));
}

/* The name is made first, so that nobody else's file is replaced. It tells what it is for, so that
 * one that a crash left is known. */
static int
rename_over_own(const struct place *p, const char *from, const char *to)
{
    struct port_file *f = NULL;
    int rc = port_open(p->port, p->dir, to, PORT_WRITE | PORT_CREATE | PORT_EXCL, 0600, &f), closed;

    if (rc == AL_EEXIST && is_made_for(p, to, from)) {
        return port_rename(p->port, p->dir, from, p->dir, to, true);
    }
    if (rc != AL_OK) {
        return rc;
    }
    rc = port_pwrite(p->port, f, from, strlen(from), 0);
    closed = port_close(p->port, f);
    rc = rc != AL_OK ? rc : closed;
    rc = rc != AL_OK ? rc : port_rename(p->port, p->dir, from, p->dir, to, true);
    if (rc != AL_OK && port_unlink(p->port, p->dir, to) != AL_OK) {
        return rc; /* it stays, and is known when it is met again */
    }
    return rc;
}

int
place_rename(const struct place *p, const char *from, const char *to)
{
    int rc = port_rename(p->port, p->dir, from, p->dir, to, false);

    return rc == AL_EINVAL || rc == AL_ENOTSUP ? rename_over_own(p, from, to) : rc;
}

int
place_rename_free(const struct place *p, const char *from, const char *to, const char *word,
                  char got[PLACE_NAME_MAX])
{
    int rc = place_rename(p, from, to);

    (void)snprintf(got, PLACE_NAME_MAX, "%s", to);
    for (unsigned n = 1; rc == AL_EEXIST && n <= PLACE_OTHERS_MAX; n++) {
        place_other_name(to, word, n, got);
        rc = place_rename(p, from, got);
    }
    return rc;
}

int
place_remove(const struct place *p, const char *name)
{
    int rc = port_unlink(p->port, p->dir, name);

    return rc == AL_ENOENT ? AL_OK : rc;
}

int
place_clear(const struct place *p, const char *from, const char *to, const char *word)
{
    char name[PLACE_NAME_MAX];
    bool there = true;
    int rc = AL_OK;

    (void)snprintf(name, sizeof(name), "%s", to);
    for (unsigned n = 1; rc == AL_OK && there && n <= PLACE_OTHERS_MAX; n++) {
        if (is_made_for(p, name, from)) {
            return place_remove(p, name);
        }
        rc = place_is_there(p, name, &there);
        place_other_name(to, word, n, name);
    }
    return rc;
}

int
place_sync(const struct place *p)
{
    int rc = port_sync(p->port, p->dir);

    return rc == AL_ENOTSUP || rc == AL_EINVAL ? AL_OK : rc;
}

int
place_is_there(const struct place *p, const char *name, bool *ret)
{
    struct port_stat st;
    int rc = port_stat_at(p->port, p->dir, name, &st);

    if (rc != AL_OK && rc != AL_ENOENT) {
        return rc;
    }
    *ret = rc == AL_OK;
    return AL_OK;
}

/* ---- placeholders ---- */

int
place_read_holder(const struct place *p, const char *name, struct al_arena *arena,
                  struct placeholder *ret)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    struct port_stat st;
    int rc = port_stat_at(p->port, p->dir, name, &st);

    if (rc == AL_OK && (st.type != PORT_T_FILE || st.size > PLACEHOLDER_READ_MAX)) {
        return AL_ENODATA; /* nothing large is read: it may have to come from far */
    }
    al_buf_init(&text, PLACEHOLDER_READ_MAX + 1);
    rc = rc != AL_OK ? rc : port_read_file(p->port, p->dir, name, PLACEHOLDER_READ_MAX, &text);
    /* What may not be read is none that was made here: it must keep no original from its place. */
    if (rc == AL_ENOENT || rc == AL_ELIMIT || rc == AL_EACCES || rc == AL_ELOOP ||
        (rc == AL_OK && text.len == 0)) {
        return AL_ENODATA;
    }
    return rc != AL_OK ? rc : placeholder_parse(al_buf_span(&text), p->key, arena, ret);
}

int
place_holder_of(const struct place *p, const char *name, const char *object_id, bool *ret_ours,
                bool *ret_edited)
{
    AL_CLEANUP(al_arena_freep) struct al_arena *arena = al_arena_new(ARENA_MAX);
    struct placeholder h;
    int rc = arena != NULL ? place_read_holder(p, name, arena, &h) : AL_ENOMEM;

    if (rc != AL_OK && rc != AL_ENODATA) {
        return rc;
    }
    *ret_ours = rc == AL_OK && strcmp(h.file.object_id, object_id) == 0;
    *ret_edited = *ret_ours && h.edited;
    return AL_OK;
}

int
place_remove_holder(const struct place *p, const char *name, const char *object_id, bool *ret_kept)
{
    bool ours = false, edited = false;
    int rc = place_holder_of(p, name, object_id, &ours, &edited);

    if (rc == AL_OK && ours && !edited) {
        rc = place_remove(p, name);
    }
    if (rc == AL_OK && ret_kept != NULL) {
        *ret_kept = edited;
    }
    return rc;
}

/* ---- undoing ---- */

static int
remove_made(const struct place *p, const char *object_id)
{
    char holder[PLACE_NAME_MAX], fresh[PLACE_NAME_MAX];
    int rc = place_holder_name(p->name, holder);

    place_own_name(PLACE_NEW, object_id, fresh);
    if (rc == AL_OK) {
        rc = place_remove_holder(p, holder, object_id, NULL);
    }
    if (rc == AL_OK && is_made_for(p, holder, fresh)) {
        rc = place_remove(p, holder);
    }
    return rc != AL_OK ? rc : place_remove(p, fresh);
}

int
place_undo(const struct place *p, const char *object_id, char got[PLACE_NAME_MAX],
           struct al_fail *fail)
{
    char aside[PLACE_NAME_MAX], to[PLACE_NAME_MAX] = "";
    bool there = false;
    int rc = remove_made(p, object_id);

    place_own_name(PLACE_ASIDE, object_id, aside);
    rc = rc != AL_OK ? rc : place_is_there(p, aside, &there);
    if (rc == AL_OK && there) {
        /* What tells of the archive goes first, for good: whoever finds it finds an archive. */
        rc = place_sync(p);
        rc = rc != AL_OK ? rc : place_rename_free(p, aside, p->name, PLACE_KEPT, to);
    }
    rc = rc != AL_OK ? rc : place_sync(p);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(p->port),
                           "the file could not be put back: it lies beside its place as %s", aside);
    }
    (void)snprintf(got, PLACE_NAME_MAX, "%s", strcmp(to, p->name) == 0 ? "" : to);
    return AL_OK;
}
