/* rescue_file.c: one file out of its object. A manifest is input from outside: nothing in its path
 * leaves the target folder. */
#include "cli/rescue.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "port/digest.h"

#define PART_MAX 1024u

struct place {
    struct port *port;
    struct port_file *root;  /* lent */
    struct port_file *below; /* owned; NULL: the root itself */
};

static struct port_file *
here(const struct place *at)
{
    return at->below != NULL ? at->below : at->root;
}

static void
place_end(struct place *at)
{
    port_close_quiet(at->port, &at->below);
}

/* Into the folder `name`, making it. A symbolic link there is not followed. */
static int
into(struct place *at, const char *name)
{
    struct port_file *next = NULL;
    int rc = port_mkdir(at->port, here(at), name, 0755);

    if (rc == AL_OK || rc == AL_EEXIST) {
        rc = port_open(at->port, here(at), name, PORT_READ | PORT_FOLDER, 0, &next);
    }
    if (rc == AL_OK) {
        place_end(at);
        at->below = next;
    }
    return rc;
}

/* Takes the next part off the front of *io. */
static int
part_of(struct al_span *io, char part[PART_MAX], bool *ret_last)
{
    const uint8_t *slash = memchr(io->at, '/', io->len);
    size_t len = slash != NULL ? (size_t)(slash - io->at) : io->len;

    if (len == 0 || len >= PART_MAX || memchr(io->at, 0, len) != NULL) {
        return AL_EINVAL;
    }
    memcpy(part, io->at, len);
    part[len] = '\0';
    if (strcmp(part, ".") == 0 || strcmp(part, "..") == 0) {
        return AL_EINVAL;
    }
    *ret_last = slash == NULL;
    io->at += len + !*ret_last;
    io->len -= len + !*ret_last;
    return AL_OK;
}

static int
find_place(struct rescue *r, const struct manifest_record *rec, struct place *at,
           char name[PART_MAX])
{
    struct al_span path = rec->path;
    bool last = false;
    int rc = r->several_volumes ? into(at, rec->volume_id) : AL_OK;

    while (rc == AL_OK && !last) {
        rc = part_of(&path, name, &last);
        if (rc == AL_OK && !last) {
            rc = into(at, name);
        }
    }
    return rc;
}

static void
get_freep(struct target_get **g)
{
    *g = target_get_end(*g);
}

static void
xxh_freep(struct al_xxh_state **s)
{
    *s = al_xxh_free(*s);
}

/* The object's bytes into the file; both hashes of the manifest must fit. */
static int
fill(struct rescue *r, const struct manifest_record *rec, struct port_file *f, struct al_fail *fail)
{
    AL_CLEANUP(get_freep) struct target_get *g = NULL;
    AL_CLEANUP(xxh_freep) struct al_xxh_state *xxh = al_xxh_new();
    AL_CLEANUP(port_sha256_freep) struct port_sha256 *sha = NULL;
    uint8_t digest[PORT_SHA256_LEN];
    uint64_t size = 0, at = 0;
    size_t got = 1;
    int rc = xxh != NULL ? port_sha256_new(&sha) : AL_ENOMEM;

    rc = rc != AL_OK ? rc : target_get_begin(r->target, rec->object_name, &g, &size, fail);
    while (rc == AL_OK && got > 0) {
        rc = target_get_read(g, r->chunk, RESCUE_CHUNK, &got, fail);
        if (rc == AL_OK && got > 0) {
            al_xxh_add(xxh, r->chunk, got);
            rc = port_sha256_add(sha, r->chunk, got);
        }
        rc = rc != AL_OK || got == 0 ? rc : port_pwrite(r->cli->port, f, r->chunk, got, at);
        at += got;
    }
    rc = rc != AL_OK ? rc : port_sha256_end(sha, digest);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(r->cli->port), "its object cannot be copied: %s",
                           al_code_name(rc));
    }
    if (at != rec->size || !al_xxh_equal(al_xxh_result(xxh), rec->xxh) ||
        memcmp(digest, rec->sha256, sizeof(digest)) != 0) {
        return al_fail_set(fail, AL_ECORRUPT, 0, "its object %.120s is not what was tiered",
                           rec->object_name);
    }
    return AL_OK;
}

/* Whether an extended attribute can mean anything outside its old host: not the marker and what
 * belongs to it. */
static bool
keeps(struct al_span name)
{
    static const char ours[] = "trusted.alto";
    size_t len = sizeof(ours) - 1;

    return name.len < len || memcmp(name.at, ours, len) != 0 ||
           (name.len > len && name.at[len] != '.');
}

/* As far as we may: only root can give files away and set all attributes. What could not be set is
 * told once. Times come last, since everything else changes them. */
static int
attributes(struct rescue *r, const struct manifest_record *rec, struct port_file *f,
           struct al_fail *fail)
{
    struct port *p = r->cli->port;
    bool whole = port_set_owner(p, f, rec->uid, rec->gid) == AL_OK;
    int rc;

    for (size_t i = 0; i < rec->xattr_count; i++) {
        char *name = al_span_dup(rec->xattrs[i].name);

        if (name == NULL) {
            return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
        }
        if (keeps(rec->xattrs[i].name) && port_xattr_set(p, f, name, rec->xattrs[i].value.at,
                                                         rec->xattrs[i].value.len) != AL_OK) {
            whole = false;
        }
        al_free(name);
    }
    /* setuid and setgid only for the owner they were given for. */
    rc = port_set_mode(p, f, whole ? rec->mode : rec->mode & 0777u);
    if (rc == AL_ENOTSUP) {
        rc = AL_OK;
    }
    if (!whole && !r->lesser) {
        r->lesser = true;
        (void)fprintf(stderr, "note: owner or extended attributes of some files could not be set; "
                              "as root, on a filesystem that has them, they can\n");
    }
    rc = rc != AL_OK ? rc : port_set_times(p, f, rec->atime_ns, rec->mtime_ns);
    return rc == AL_OK ? AL_OK
                       : al_fail_set(fail, rc, port_os_error(p), "its mode or times cannot be set");
}

static int
put(struct rescue *r, const struct manifest_record *rec, struct port_file *dir, const char *temp,
    const char *name, struct al_fail *fail)
{
    struct port *p = r->cli->port;
    struct port_file *f = NULL;
    int rc = port_open(p, dir, temp, PORT_READ | PORT_WRITE | PORT_CREATE | PORT_TRUNC, 0600, &f),
        closed;

    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(p), "cannot be made");
    }
    rc = fill(r, rec, f, fail);
    rc = rc != AL_OK ? rc : attributes(r, rec, f, fail);
    rc = rc != AL_OK ? rc : port_sync(p, f);
    closed = port_close(p, f);
    rc = rc != AL_OK ? rc : closed;
    rc = rc != AL_OK ? rc : port_rename(p, dir, temp, dir, name, false);
    if (rc != AL_OK && port_unlink(p, dir, temp) != AL_OK) {
        (void)fprintf(stderr, "note: %s stays behind\n", temp);
    }
    return rc == AL_OK || rc == AL_EEXIST
               ? rc
               : al_fail_set(fail, rc, port_os_error(p), "cannot be written");
}

int
rescue_file(struct rescue *r, const struct manifest_record *rec, struct al_fail *fail)
{
    AL_CLEANUP(place_end) struct place at = {.port = r->cli->port, .root = r->root};
    char name[PART_MAX] = "", temp[64];
    struct port_stat st;
    int rc = find_place(r, rec, &at, name);

    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(at.port), "its path cannot be made here (%s)",
                           al_code_name(rc));
    }
    rc = port_stat_at(at.port, here(&at), name, &st);
    if (rc == AL_OK) {
        return AL_EEXIST;
    }
    if (rc != AL_ENOENT) {
        return al_fail_set(fail, rc, port_os_error(at.port), "cannot be looked at");
    }
    (void)snprintf(temp, sizeof(temp), ".alto-rescue-%.26s", rec->object_id);
    return put(r, rec, here(&at), temp, name, fail);
}
