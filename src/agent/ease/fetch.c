/* fetch.c: who asks, who waits, and what they are given. */
#include "agent/ease/fetch.h"

#include <stdio.h>
#include <string.h>

#include "agent/ease/fetch_priv.h"
#include "base/mem.h"

#define WORKER_STACK (512u << 10) /* bytes; manifests and SMB keep buffers there */

struct ease_held **
fetch_bucket(struct ease_fetch *f, const char *id)
{
    return &f->buckets[al_xxh64(id, strlen(id), 0) % FETCH_BUCKETS];
}

static struct ease_held *
held_free(struct ease_held *h)
{
    if (h != NULL) {
        port_cond_end(&h->changed);
        al_free(h->pieces);
        al_free(h->have);
        al_free(h->share_id);
        al_free(h);
    }
    return NULL;
}

void
fetch_unlist(struct ease_held *h)
{
    struct ease_held **at = fetch_bucket(h->pool, h->id);

    if (!h->listed) {
        return;
    }
    while (*at != h) {
        at = &(*at)->next;
    }
    *at = h->next;
    h->listed = false;
    h->pool->figures.objects--;
}

void
fetch_free_unused(struct ease_held *h)
{
    if (h->listed || h->users > 0) {
        return;
    }
    if (h->file != NULL) {
        fetch_file_drop(h->pool, h->file);
    }
    (void)held_free(h);
}

static struct ease_held *
held_new(struct ease_fetch *f, const struct ease_object *o)
{
    struct ease_held *h = al_zalloc(sizeof(*h));

    if (h == NULL) {
        return NULL;
    }
    port_cond_init(&h->changed);
    h->pool = f;
    memcpy(h->id, o->id, sizeof(h->id));
    memcpy(h->ext, o->tag->ext, sizeof(h->ext));
    h->size = o->tag->size;
    h->content = o->tag->content;
    h->piece_shift = o->tag->piece_shift;
    h->pieces_len = o->tag->pieces.len;
    h->target = o->target;
    h->share_id = al_strdup(o->share_id);
    h->pieces = h->pieces_len > 0 ? al_memdup(o->tag->pieces.at, h->pieces_len) : NULL;
    h->urgent = -1;
    h->piece_count = (uint32_t)(h->pieces_len / 8);
    h->have = h->piece_count > 0 ? al_zalloc(h->piece_count) : NULL;
    return h->share_id == NULL || (h->piece_count > 0 && (h->pieces == NULL || h->have == NULL))
               ? held_free(h)
               : h;
}

/* An id names one content for ever; a tag that says otherwise is not believed, nor its fetch shared. */
static bool
same_content(const struct ease_held *h, const struct ease_object *o)
{
    return h->size == o->tag->size && al_xxh_equal(h->content, o->tag->content) &&
           strcmp(h->share_id, o->share_id) == 0;
}

/* Locked: the object, one user more. */
static int
take(struct ease_fetch *f, const struct ease_object *o, struct ease_held **ret,
     struct al_fail *fail)
{
    struct ease_held **bucket = fetch_bucket(f, o->id), *h = *bucket;

    while (h != NULL && (strcmp(h->id, o->id) != 0 || !same_content(h, o))) {
        h = h->next;
    }
    if (h != NULL) {
        h->users++;
        f->figures.joined++;
        *ret = h;
        return AL_OK;
    }
    if (f->figures.objects >= EASE_FETCH_OBJECTS_MAX) {
        fetch_files_sweep(f, port_now_ns(f->port), f->conf.bytes_max);
    }
    if (f->figures.objects >= EASE_FETCH_OBJECTS_MAX) {
        return al_fail_set(fail, AL_ELIMIT, 0, "too many recalls at once");
    }
    h = held_new(f, o);
    if (h == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    h->users = 1;
    h->listed = true;
    h->next = *bucket;
    *bucket = h;
    if (f->queue_last != NULL) {
        f->queue_last->queue_next = h;
    } else {
        f->queue_first = h;
    }
    f->queue_last = h;
    f->figures.objects++;
    f->figures.queued++;
    port_cond_signal(&f->work);
    *ret = h;
    return AL_OK;
}

/* Locked. */
static void
give_back(struct ease_held *h)
{
    h->users--;
    fetch_free_unused(h);
}

/* Locked: whether all pieces of a range are proven; else the first that is not is asked for. */
static bool
range_here(struct ease_held *h, uint64_t offset, uint32_t len)
{
    uint64_t i, last;

    if (len == 0 || h->piece_count == 0 || offset + len > h->size) {
        return false;
    }
    last = (offset + len - 1) >> h->piece_shift;
    for (i = offset >> h->piece_shift; i <= last; i++) {
        if (h->have[i] == 0) {
            h->urgent = (int64_t)i;
            return false;
        }
    }
    return true;
}

/* Locked: whether waiting is over, and how it ended. */
static bool
decided(struct ease_held *h, uint64_t offset, uint32_t len, uint64_t turn, int *ret_code)
{
    if (h->state == HELD_READY || range_here(h, offset, len)) {
        *ret_code = AL_OK;
        return true;
    }
    if (h->state == HELD_FAILED || h->pool->closing || h->pool->turn != turn) {
        *ret_code = h->state == HELD_FAILED ? h->code : AL_ECANCELED;
        return true;
    }
    return false;
}

int
ease_fetch_wait(struct ease_fetch *f, const struct ease_object *o, uint64_t offset, uint32_t len,
                int64_t until_ns, struct ease_held **ret, bool *ret_whole, struct al_fail *fail)
{
    struct ease_held *h = NULL;
    int rc;

    port_mutex_lock(&f->lock);
    rc = f->closing ? AL_ECANCELED : take(f, o, &h, fail);
    while (rc == AL_OK && !decided(h, offset, len, o->turn, &rc)) {
        int64_t left = until_ns - port_mono_ns(f->port);

        if (left <= 0) {
            rc = al_fail_set(fail, AL_ETIMEDOUT, 0, "it was not here in time (%u of %u pieces)",
                             h->have_count, h->piece_count);
            break;
        }
        (void)port_cond_wait_for(&h->changed, &f->lock, left);
    }
    if (rc == AL_OK) {
        *ret_whole = h->state == HELD_READY;
        *ret = h;
        if (h->file != NULL) {
            h->file->used_ns = port_now_ns(f->port);
        }
    } else if (h != NULL) {
        if (rc == h->code) {
            (void)al_fail_pass(fail, rc, &h->fail);
        }
        give_back(h);
    }
    port_mutex_unlock(&f->lock);
    return rc;
}

struct ease_held *
ease_held_end(struct ease_held *h)
{
    struct ease_fetch *f;

    if (h != NULL) {
        f = h->pool;
        port_mutex_lock(&f->lock);
        give_back(h);
        port_mutex_unlock(&f->lock);
    }
    return NULL;
}

/* ---- what is given out ---- */

/* Nobody but us may write there, but who was given the path might, whatever it was told. */
static bool
untouched(const struct port_stat *a, const struct port_stat *b)
{
    return a->size == b->size && a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns &&
           a->ino == b->ino;
}

static int
distrust(struct ease_held *h, struct al_fail *fail)
{
    port_mutex_lock(&h->pool->lock);
    fetch_unlist(h);
    fetch_file_give(h->pool, h->file); /* whoever did that has it open */
    port_mutex_unlock(&h->pool->lock);
    return al_fail_set(fail, AL_ECHANGED, 0, "the file %s in the folder for recalls was changed",
                       h->file->name);
}

/* The object's file, opened; of a whole one only if it is as it was when it was proven. */
static int
open_proven(struct ease_held *h, struct port_file **ret, struct al_fail *fail)
{
    struct ease_fetch *f = h->pool;
    AL_CLEANUP(port_holder_end) struct port_holder file = {.port = f->port};
    struct port_stat now, proven;
    bool ready;
    int rc = port_open(f->port, f->folder, h->file->name, PORT_READ, 0, &file.file);

    if (rc == AL_ENOENT) { /* somebody cleared the folder */
        return distrust(h, fail);
    }
    if (rc == AL_OK) {
        rc = port_stat(f->port, file.file, &now);
    }
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(f->port), "cannot open what was fetched");
    }
    port_mutex_lock(&f->lock);
    ready = h->state == HELD_READY;
    proven = h->proven;
    port_mutex_unlock(&f->lock);
    if (ready && !untouched(&now, &proven)) {
        return distrust(h, fail);
    }
    *ret = file.file;
    file.file = NULL;
    return AL_OK;
}

int
ease_held_read(struct ease_held *h, uint64_t offset, void *to, size_t len, struct al_fail *fail)
{
    struct ease_fetch *f = h->pool;
    AL_CLEANUP(port_holder_end) struct port_holder file = {.port = f->port};
    struct port_stat now;
    bool ready;
    size_t got;
    int rc = open_proven(h, &file.file, fail);

    if (rc != AL_OK) {
        return rc;
    }
    rc = port_pread(f->port, file.file, to, len, offset, &got);
    if (rc == AL_OK && got != len) {
        return distrust(h, fail);
    }
    port_mutex_lock(&f->lock);
    ready = h->state == HELD_READY;
    port_mutex_unlock(&f->lock);
    if (rc == AL_OK && ready) { /* and it was while we read */
        rc = port_stat(f->port, file.file, &now);
        if (rc == AL_OK && !untouched(&now, &h->proven)) {
            return distrust(h, fail);
        }
    }
    return rc == AL_OK
               ? AL_OK
               : al_fail_set(fail, rc, port_os_error(f->port), "cannot read what was fetched");
}

static int
copy_all(struct ease_held *h, struct port_file *from, struct port_file *to, int64_t until_ns,
         struct al_fail *fail)
{
    struct ease_fetch *f = h->pool;
    AL_CLEANUP(al_xxh_freep) struct al_xxh_state *xxh = al_xxh_new();
    AL_CLEANUP(al_freep) uint8_t *chunk = al_alloc(TARGET_CHUNK_BYTES);
    uint64_t at = 0;

    if (xxh == NULL || chunk == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    while (at < h->size) {
        uint64_t left = h->size - at;
        size_t got, want = left < TARGET_CHUNK_BYTES ? (size_t)left : TARGET_CHUNK_BYTES;
        int rc = port_pread(f->port, from, chunk, want, at, &got);

        if (rc == AL_OK && got != want) {
            return distrust(h, fail);
        }
        if (rc == AL_OK && port_mono_ns(f->port) > until_ns) {
            return al_fail_set(fail, AL_ETIMEDOUT, 0, "the file was not copied in time");
        }
        if (rc == AL_OK) {
            rc = port_pwrite(f->port, to, chunk, got, at);
        }
        if (rc != AL_OK) {
            return al_fail_set(fail, rc, port_os_error(f->port), "cannot copy what was fetched");
        }
        al_xxh_add(xxh, chunk, got);
        at += got;
    }
    return al_xxh_equal(al_xxh_result(xxh), h->content) ? AL_OK : distrust(h, fail);
}

static int
copy_for_one(struct ease_held *h, int64_t until_ns, char name[FETCH_NAME_MAX], struct al_fail *fail)
{
    struct ease_fetch *f = h->pool;
    struct fetch_file *file = NULL;
    AL_CLEANUP(port_holder_end) struct port_holder from = {.port = f->port};
    struct port_file *to = NULL;
    int rc = open_proven(h, &from.file, fail);

    if (rc != AL_OK) {
        return rc;
    }
    port_mutex_lock(&f->lock);
    rc = fetch_file_new(f, h->id, h->size, &file, fail);
    port_mutex_unlock(&f->lock);
    if (rc != AL_OK) {
        return rc;
    }
    rc = port_open(f->port, f->folder, file->name, PORT_READ | PORT_WRITE | PORT_CREATE | PORT_EXCL,
                   0600, &to);
    if (rc == AL_OK) {
        int closed;

        rc = copy_all(h, from.file, to, until_ns, fail);
        closed = port_close(f->port, to);
        rc = rc != AL_OK ? rc : closed;
    }
    rc = rc == AL_OK
             ? rc
             : al_fail_set(fail, rc, port_os_error(f->port), "cannot copy what was fetched");
    port_mutex_lock(&f->lock);
    if (rc == AL_OK) {
        memcpy(name, file->name, FETCH_NAME_MAX);
        fetch_file_give(f, file);
        f->figures.given++;
    }
    fetch_file_drop(f, file);
    port_mutex_unlock(&f->lock);
    return rc;
}

static int
give_own(struct ease_held *h, char name[FETCH_NAME_MAX], struct al_fail *fail)
{
    struct ease_fetch *f = h->pool;
    AL_CLEANUP(port_holder_end) struct port_holder file = {.port = f->port};
    int rc = open_proven(h, &file.file, fail);

    if (rc != AL_OK) {
        return rc;
    }
    port_mutex_lock(&f->lock);
    memcpy(name, h->file->name, FETCH_NAME_MAX);
    fetch_file_give(f, h->file);
    f->figures.given++;
    port_mutex_unlock(&f->lock);
    return AL_OK;
}

/* Whether the fetched file can be the only user's own: nobody finds it from now on. */
static bool
part_with(struct ease_held *h)
{
    struct ease_fetch *f = h->pool;
    bool alone;

    port_mutex_lock(&f->lock);
    alone = h->users == 1 && h->size > EASE_COPY_BYTES && h->listed && !h->file->given;
    if (alone) {
        fetch_unlist(h);
    }
    port_mutex_unlock(&f->lock);
    return alone;
}

/* Before a copy is made for nothing; a little more may be given out when many come at once. */
static int
may_give(struct ease_held *h, bool for_self)
{
    struct ease_fetch *f = h->pool;
    bool may;

    port_mutex_lock(&f->lock);
    may = fetch_file_may_give(f, for_self ? NULL : h->file, h->size);
    if (!may) { /* what is old enough may have gone by now */
        fetch_files_sweep(f, port_now_ns(f->port), 0);
        may = fetch_file_may_give(f, for_self ? NULL : h->file, h->size);
    }
    port_mutex_unlock(&f->lock);
    return may ? AL_OK : AL_ENOSPC;
}

int
ease_held_path(struct ease_held *h, bool for_self, int64_t until_ns, struct al_buf *to,
               struct al_fail *fail)
{
    char name[FETCH_NAME_MAX];
    int rc = may_give(h, for_self);

    if (rc != AL_OK) {
        return al_fail_set(fail, rc, 0,
                           "as many files as may be are in the filter driver's hands; allow the "
                           "folder for recalls more room");
    }
    rc =
        !for_self || part_with(h) ? give_own(h, name, fail) : copy_for_one(h, until_ns, name, fail);
    if (rc == AL_OK) {
        rc = al_buf_addf(to, "%s/%s", h->pool->folder_path, name);
    }
    return rc;
}

/* ---- the pool ---- */

int
ease_fetch_open(const struct ease_fetch_conf *conf, struct ease_fetch **ret, struct al_fail *fail)
{
    struct ease_fetch *f;
    int rc = AL_OK;

    if (conf->workers == 0 || conf->workers > EASE_FETCH_WORKERS_MAX || conf->folder == NULL) {
        return al_fail_set(fail, AL_EINVAL, 0, "1 to %u workers and a folder for recalls",
                           EASE_FETCH_WORKERS_MAX);
    }
    f = al_zalloc(sizeof(*f));
    if (f == NULL || (f->folder_path = al_strdup(conf->folder)) == NULL) {
        al_free(f);
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    f->conf = *conf;
    f->conf.keep_ns = conf->keep_ns != 0 ? conf->keep_ns : EASE_KEEP_NS;
    f->conf.idle_ns = conf->idle_ns != 0 ? conf->idle_ns : EASE_IDLE_NS;
    f->port = conf->port;
    port_mutex_init(&f->lock);
    port_cond_init(&f->work);
    rc = port_open(f->port, NULL, f->folder_path, PORT_READ | PORT_FOLDER, 0, &f->folder);
    if (rc != AL_OK) {
        rc = al_fail_set(fail, rc, port_os_error(f->port),
                         "cannot open the folder for recalls %.180s", f->folder_path);
    }
    if (rc == AL_OK) {
        rc = fetch_files_scan(f, fail);
    }
    while (rc == AL_OK && f->thread_count < conf->workers) {
        rc = port_thread_start(&f->threads[f->thread_count], "ease-fetch", WORKER_STACK,
                               fetch_worker, f);
        f->thread_count += rc == AL_OK ? 1 : 0;
    }
    if (rc != AL_OK) {
        (void)ease_fetch_close(f);
        return al_fail_set(fail, rc, 0, "cannot start threads for recalls");
    }
    *ret = f;
    return AL_OK;
}

/* Locked. */
static void
wake_all(struct ease_fetch *f)
{
    for (size_t i = 0; i < FETCH_BUCKETS; i++) {
        for (struct ease_held *h = f->buckets[i]; h != NULL; h = h->next) {
            port_cond_broadcast(&h->changed);
        }
    }
}

void
ease_fetch_interrupt(struct ease_fetch *f)
{
    port_mutex_lock(&f->lock);
    f->turn++;
    wake_all(f);
    port_mutex_unlock(&f->lock);
}

uint64_t
ease_fetch_turn(struct ease_fetch *f)
{
    uint64_t turn;

    port_mutex_lock(&f->lock);
    turn = f->turn;
    port_mutex_unlock(&f->lock);
    return turn;
}

void
ease_fetch_cancel(struct ease_fetch *f)
{
    port_mutex_lock(&f->lock);
    f->closing = true;
    port_cond_broadcast(&f->work);
    wake_all(f);
    port_mutex_unlock(&f->lock);
}

struct ease_fetch *
ease_fetch_close(struct ease_fetch *f)
{
    if (f == NULL) {
        return NULL;
    }
    ease_fetch_cancel(f);
    for (unsigned i = 0; i < f->thread_count; i++) {
        port_thread_join(&f->threads[i]);
    }
    port_mutex_lock(&f->lock);
    for (size_t i = 0; i < FETCH_BUCKETS; i++) {
        while (f->buckets[i] != NULL) {
            struct ease_held *h = f->buckets[i];

            fetch_unlist(h);
            fetch_free_unused(h);
        }
    }
    fetch_files_end(f);
    port_mutex_unlock(&f->lock);
    port_close_quiet(f->port, &f->folder);
    port_cond_end(&f->work);
    port_mutex_end(&f->lock);
    al_free(f->folder_path);
    al_free(f);
    return NULL;
}

void
ease_fetch_figures(struct ease_fetch *f, struct ease_fetch_figures *ret)
{
    port_mutex_lock(&f->lock);
    *ret = f->figures;
    port_mutex_unlock(&f->lock);
}

void
ease_fetch_sweep(struct ease_fetch *f, int64_t now_ns)
{
    port_mutex_lock(&f->lock);
    f->swept_ns = now_ns;
    fetch_files_sweep(f, now_ns, 0);
    port_mutex_unlock(&f->lock);
}
