#include "agent/reconcile/objects.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/stub/marker.h"
#include "base/mem.h"

#define FOLDERS_MAX 64u /* in one: they are named by one of 32 characters */

struct object {
    uint8_t id[16];
    uint8_t size[8]; /* unaligned, so that one takes 25 bytes */
    uint8_t stubs;
};

struct objects {
    struct object *at;
    size_t count, cap, max, marked;
};

struct listing {
    struct target *target;
    struct objects *o;
    char *names; /* of folders, a character each */
    bool (*stop)(void *ctx);
    void *ctx;
    struct al_fail *fail;
};

static int
by_id(const void *a, const void *b)
{
    return memcmp(a, b, 16);
}

static int
add(struct objects *o, const char *name, uint64_t size)
{
    struct object *to;
    char id[AL_ID_LEN + 1];

    (void)snprintf(id, sizeof(id), "%.*s", (int)AL_ID_LEN, name);
    if (!al_id_valid(id) || (name[AL_ID_LEN] != '\0' && name[AL_ID_LEN] != '.')) {
        return AL_OK;
    }
    if (o->count == o->max) {
        return AL_ELIMIT;
    }
    if (o->count == o->cap) {
        size_t cap = o->cap == 0 ? 4096 : o->cap * 2;
        struct object *more = al_realloc(o->at, cap * sizeof(*more));

        if (more == NULL) {
            return AL_ENOMEM;
        }
        o->at = more;
        o->cap = cap;
    }
    to = &o->at[o->count];
    if (marker_object_from_id(id, to->id) != AL_OK) {
        return AL_OK;
    }
    memcpy(to->size, &size, sizeof(to->size));
    to->stubs = 0;
    o->count++;
    return AL_OK;
}

static int
on_object(void *ctx, const char *name, bool is_folder, uint64_t size, int64_t mtime_ns)
{
    struct listing *l = ctx;

    (void)mtime_ns;
    return is_folder || strlen(name) < AL_ID_LEN ? AL_OK : add(l->o, name, size);
}

/* A folder that went away or never was holds nothing. */
static int
list(struct listing *l, const char *folder,
     int (*each)(void *, const char *, bool, uint64_t, int64_t))
{
    int rc = l->stop != NULL && l->stop(l->ctx) ? AL_ECANCELED : AL_OK;

    rc = rc != AL_OK ? rc : target_list(l->target, folder, each, l, l->fail);
    return rc == AL_ENOENT ? AL_OK : rc;
}

/* Children are listed when their parent's listing is over, so that no more than one is open. */
static int
on_folder(void *ctx, const char *name, bool is_folder, uint64_t size, int64_t mtime_ns)
{
    struct listing *l = ctx;
    size_t count = strlen(l->names);

    (void)size;
    (void)mtime_ns;
    if (is_folder && strlen(name) == 1 && count + 1 < FOLDERS_MAX) {
        l->names[count] = name[0];
        l->names[count + 1] = '\0';
    }
    return AL_OK;
}

static int
children(struct listing *l, const char *folder, char names[FOLDERS_MAX])
{
    names[0] = '\0';
    l->names = names;
    return list(l, folder, on_folder);
}

static int
list_all(struct listing *l)
{
    char first[FOLDERS_MAX], second[FOLDERS_MAX], folder[32];
    int rc = children(l, "objects", first);

    for (size_t i = 0; rc == AL_OK && first[i] != '\0'; i++) {
        (void)snprintf(folder, sizeof(folder), "objects/%c", first[i]);
        rc = children(l, folder, second);
        for (size_t k = 0; rc == AL_OK && second[k] != '\0'; k++) {
            (void)snprintf(folder, sizeof(folder), "objects/%c/%c", first[i], second[k]);
            rc = list(l, folder, on_object);
        }
    }
    return rc;
}

int
objects_list(struct target *t, size_t max, bool (*stop)(void *ctx), void *ctx, struct objects **ret,
             struct al_fail *fail)
{
    struct objects *o = al_zalloc(sizeof(*o));
    struct listing l = {.target = t, .o = o, .stop = stop, .ctx = ctx, .fail = fail};
    int rc;

    if (o == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    o->max = max != 0 ? max : OBJECTS_MAX;
    rc = list_all(&l);
    if (rc != AL_OK) {
        if (rc == AL_ELIMIT) {
            rc = al_fail_set(fail, rc, 0, "the share has more than %zu objects", o->max);
        } else if (rc == AL_ENOMEM) {
            rc = al_fail_set(fail, rc, 0, "out of memory");
        }
        (void)objects_free(o); /* returns NULL */
        return rc;
    }
    if (o->count > 0) {
        qsort(o->at, o->count, sizeof(*o->at), by_id);
    }
    *ret = o;
    return AL_OK;
}

struct objects *
objects_free(struct objects *o)
{
    if (o != NULL) {
        al_free(o->at);
        al_free(o);
    }
    return NULL;
}

size_t
objects_count(const struct objects *o)
{
    return o->count;
}

size_t
objects_unmarked(const struct objects *o)
{
    return o->count - o->marked;
}

static struct object *
find(const struct objects *o, const uint8_t object[16])
{
    return o->count == 0 ? NULL : bsearch(object, o->at, o->count, sizeof(*o->at), by_id);
}

int
objects_mark(struct objects *o, const uint8_t object[16], uint64_t *ret_size, unsigned *ret_before)
{
    struct object *it = find(o, object);

    if (it == NULL) {
        return AL_ENOENT;
    }
    memcpy(ret_size, it->size, sizeof(*ret_size));
    *ret_before = it->stubs;
    o->marked += it->stubs == 0;
    it->stubs += it->stubs < UINT8_MAX;
    return AL_OK;
}

bool
objects_is_left(const struct objects *o, const uint8_t object[16], uint64_t *ret_size)
{
    const struct object *it = find(o, object);

    if (it == NULL || it->stubs > 0) {
        return false;
    }
    memcpy(ret_size, it->size, sizeof(*ret_size));
    return true;
}
