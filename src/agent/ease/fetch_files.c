/* fetch_files.c: which files lie in the folder, for how long, and whose room they take. */
#include "agent/ease/fetch_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

static void
count(struct ease_fetch *f, struct fetch_file *file)
{
    file->next = f->files;
    file->back = &f->files;
    if (file->next != NULL) {
        file->next->back = &file->next;
    }
    f->files = file;
    f->figures.files++;
    f->figures.bytes_held += file->bytes;
    f->figures.files_given += file->given ? 1 : 0;
    f->figures.bytes_given += file->given ? file->bytes : 0;
}

static void
uncount(struct ease_fetch *f, struct fetch_file *file)
{
    *file->back = file->next;
    if (file->next != NULL) {
        file->next->back = file->back;
    }
    f->figures.files--;
    f->figures.bytes_held -= file->bytes;
    f->figures.files_given -= file->given ? 1 : 0;
    f->figures.bytes_given -= file->given ? file->bytes : 0;
}

void
fetch_file_give(struct ease_fetch *f, struct fetch_file *file)
{
    if (!file->given) {
        file->given = true;
        f->figures.files_given++;
        f->figures.bytes_given += file->bytes;
    }
    file->used_ns = port_now_ns(f->port);
}

bool
fetch_file_may_give(const struct ease_fetch *f, const struct fetch_file *file, uint64_t bytes)
{
    uint64_t most = EASE_GIVEN_OF(f->conf.bytes_max);

    return (file != NULL && file->given) ||
           (f->figures.files_given < EASE_GIVEN_OF(EASE_FETCH_FILES_MAX) && bytes <= most &&
            f->figures.bytes_given <= most - bytes);
}

static int
scan_one(struct ease_fetch *f, const char *name)
{
    size_t len = strlen(name), tail = strlen(FETCH_SUFFIX);
    struct fetch_file *file;
    struct port_stat st;

    if (len != FETCH_NAME_MAX - 1 || strcmp(name + len - tail, FETCH_SUFFIX) != 0 ||
        port_stat_at(f->port, f->folder, name, &st) != AL_OK || st.type != PORT_T_FILE) {
        return AL_OK; /* not one of ours: stays */
    }
    file = al_zalloc(sizeof(*file));
    if (file == NULL) {
        return AL_ENOMEM;
    }
    memcpy(file->name, name, len + 1);
    file->bytes = st.size;
    file->given = true; /* it may have been */
    file->used_ns = st.mtime_ns > st.atime_ns ? st.mtime_ns : st.atime_ns;
    count(f, file);
    return AL_OK;
}

int
fetch_files_scan(struct ease_fetch *f, struct al_fail *fail)
{
    struct port_dir *d = NULL;
    struct port_dirent e;
    bool end = false;
    int rc = port_dir_open(f->port, f->folder, &d);

    while (rc == AL_OK) {
        rc = port_dir_next(f->port, d, &e, &end);
        if (rc != AL_OK || end) {
            break;
        }
        rc = f->figures.files >= EASE_FETCH_FILES_MAX ? AL_ELIMIT : scan_one(f, e.name);
    }
    port_dir_close(f->port, &d);
    return rc == AL_OK
               ? rc
               : al_fail_set(fail, rc, port_os_error(f->port),
                             "cannot look through the folder for recalls %.180s", f->folder_path);
}

/* Whether nothing keeps the file: its object's users, or the time for which a path stays good. */
static bool
may_go(const struct ease_fetch *f, const struct fetch_file *file, int64_t now_ns)
{
    /* A clock that was set back keeps files longer, never shorter than by the amount. */
    return !file->in_use && (!file->given || now_ns - file->used_ns >= f->conf.keep_ns);
}

/* An object that nobody uses gives its file up: after idle_ns, or at once when room is needed. The one
 * that was not used for longest, so that `want` takes no more than it must. */
static struct ease_held *
oldest_idle(struct ease_fetch *f, int64_t before_ns)
{
    struct ease_held *best = NULL;

    for (size_t i = 0; i < FETCH_BUCKETS; i++) {
        for (struct ease_held *h = f->buckets[i]; h != NULL; h = h->next) {
            if (h->users == 0 && h->state == HELD_READY && h->file->used_ns <= before_ns &&
                (best == NULL || h->file->used_ns < best->file->used_ns)) {
                best = h;
            }
        }
    }
    return best;
}

static bool
enough(const struct ease_fetch *f, uint64_t want)
{
    return want <= f->conf.bytes_max && f->figures.bytes_held <= f->conf.bytes_max - want;
}

/* All that may go, taken out of the list. */
static struct fetch_file *
take_old(struct ease_fetch *f, int64_t now_ns)
{
    struct fetch_file *old = NULL, *next;

    for (struct fetch_file *file = f->files; file != NULL; file = next) {
        next = file->next;
        if (may_go(f, file, now_ns)) {
            uncount(f, file);
            file->next = old;
            old = file;
        }
    }
    return old;
}

/* The lock is let go for each. What cannot be removed (somebody has it open: not ours to say when
 * that ends) is listed again. */
static void
remove_all(struct ease_fetch *f, struct fetch_file *old)
{
    struct fetch_file *stuck = NULL, *next;

    for (; old != NULL; old = next) {
        int rc;

        next = old->next;
        port_mutex_unlock(&f->lock);
        rc = port_unlink(f->port, f->folder, old->name);
        port_mutex_lock(&f->lock);
        if (rc == AL_OK || rc == AL_ENOENT) {
            al_free(old);
        } else {
            old->next = stuck;
            stuck = old;
        }
    }
    for (; stuck != NULL; stuck = next) {
        next = stuck->next;
        count(f, stuck);
    }
}

void
fetch_files_sweep(struct ease_fetch *f, int64_t now_ns, uint64_t want)
{
    struct ease_held *h;

    while ((h = oldest_idle(f, now_ns - f->conf.idle_ns)) != NULL) {
        fetch_unlist(h);
        fetch_free_unused(h);
    }
    remove_all(f, take_old(f, now_ns));
    while (want > 0 && !enough(f, want) && (h = oldest_idle(f, INT64_MAX)) != NULL) {
        fetch_unlist(h);
        fetch_free_unused(h); /* and its file, unless that was given out */
    }
}

int
fetch_file_new(struct ease_fetch *f, const char *id, uint64_t bytes, struct fetch_file **ret,
               struct al_fail *fail)
{
    struct fetch_file *file;
    uint8_t random[8];
    char hex[17];

    if (!enough(f, bytes)) {
        fetch_files_sweep(f, port_now_ns(f->port), bytes);
    }
    if (!enough(f, bytes)) {
        return al_fail_set(fail, AL_ENOSPC, 0,
                           "the folder for recalls is full: what lies there was given to the "
                           "filter driver and must stay for a while; allow it more room");
    }
    if (f->figures.files >= EASE_FETCH_FILES_MAX) {
        return al_fail_set(fail, AL_ELIMIT, 0, "too many files in the folder for recalls");
    }
    if (port_random(f->port, random, sizeof(random)) != AL_OK) {
        return al_fail_set(fail, AL_EIO, port_os_error(f->port), "no random numbers");
    }
    file = al_zalloc(sizeof(*file));
    if (file == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    al_hex(random, sizeof(random), hex);
    hex[16] = '\0';
    (void)snprintf(file->name, sizeof(file->name), "%s-%s" FETCH_SUFFIX, id, hex);
    file->bytes = bytes;
    file->used_ns = port_now_ns(f->port);
    file->in_use = true;
    count(f, file);
    *ret = file;
    return AL_OK;
}

void
fetch_file_drop(struct ease_fetch *f, struct fetch_file *file)
{
    int rc;

    file->in_use = false;
    if (file->given) {
        return; /* ages */
    }
    uncount(f, file);
    port_mutex_unlock(&f->lock);
    rc = port_unlink(f->port, f->folder, file->name);
    port_mutex_lock(&f->lock);
    if (rc == AL_OK || rc == AL_ENOENT) {
        al_free(file);
    } else {
        count(f, file);
    }
}

void
fetch_files_end(struct ease_fetch *f)
{
    struct fetch_file *file;

    while ((file = f->files) != NULL) {
        f->files = file->next;
        al_free(file);
    }
}
