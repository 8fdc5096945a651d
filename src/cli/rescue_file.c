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

/* What a run that was cut left, or one that failed. A file may be read-only by then, which on Windows keeps
 * it from being removed. */
static int
remove_temp(struct port *p, struct port_file *dir, const char *temp)
{
    struct port_file *f = NULL;
    int rc = port_unlink(p, dir, temp);

    if (rc == AL_OK || rc == AL_ENOENT || port_open(p, dir, temp, PORT_READ, 0, &f) != AL_OK) {
        return rc == AL_ENOENT ? AL_OK : rc;
    }
    if (port_set_attrs(p, f, 0, PORT_A_READONLY) == AL_OK) {
        port_close_quiet(p, &f);
        return port_unlink(p, dir, temp);
    }
    port_close_quiet(p, &f);
    return rc;
}

static int
make_temp(struct port *p, struct port_file *dir, const char *temp, struct port_file **ret)
{
    const uint32_t flags = PORT_READ | PORT_WRITE | PORT_CREATE | PORT_EXCL;
    int rc = port_open(p, dir, temp, flags, 0600, ret);

    if (rc == AL_EEXIST) {
        rc = remove_temp(p, dir, temp);
        rc = rc != AL_OK ? rc : port_open(p, dir, temp, flags, 0600, ret);
    }
    return rc;
}

/* Under its own name from here on, so that what it lacks is counted once. */
static void
count_missed(struct rescue *r, const struct kept_missed *missed)
{
    r->lesser += kept_all(missed) ? 0 : 1;
    for (size_t i = 0; i < KEPT_PARTS; i++) {
        if (missed->code[i] != AL_OK) {
            r->missed[i].code = r->missed[i].files == 0 ? missed->code[i] : r->missed[i].code;
            r->missed[i].files++;
        }
    }
}

static int
put(struct rescue *r, const struct manifest_record *rec, struct port_file *dir, const char *temp,
    const char *name, struct al_fail *fail)
{
    struct port *p = r->cli->port;
    struct port_file *f = NULL;
    struct kept_missed missed;
    int rc = make_temp(p, dir, temp, &f), closed;

    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(p), "cannot be made");
    }
    rc = kept_rights(p, f, rec, &missed);
    rc = rc != AL_OK ? rc : fill(r, rec, f, fail);
    if (rc == AL_OK) {
        rc = kept_rest(p, f, rec, &missed);
        rc = rc == AL_OK ? rc : al_fail_set(fail, rc, port_os_error(p), "its times cannot be set");
    }
    rc = rc != AL_OK ? rc : port_sync(p, f);
    closed = port_close(p, f);
    rc = rc != AL_OK ? rc : closed;
    rc = rc != AL_OK ? rc : port_rename(p, dir, temp, dir, name, false);
    if (rc == AL_OK) {
        count_missed(r, &missed);
    } else if (remove_temp(p, dir, temp) != AL_OK) {
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
