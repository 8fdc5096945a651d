/* fetch_work.c: one worker: takes an object, brings it, proves it. */
#include <stdio.h>
#include <string.h>

#include "agent/ease/fetch_priv.h"
#include "agent/target/target_cache.h"
#include "base/mem.h"

struct bringing { /* of one object */
    struct ease_fetch *f;
    struct ease_held *h;
    struct target *target;
    struct target_get *get;
    struct port_file *to;
    uint8_t *chunk;
    struct al_xxh_state *xxh, *piece_xxh;
    uint64_t hashed; /* bytes from the start that are in xxh */
    uint64_t at;     /* where the next byte of the share goes */
    struct al_fail fail;
};

static bool
stopped(struct ease_fetch *f)
{
    bool closing;

    port_mutex_lock(&f->lock);
    closing = f->closing;
    port_mutex_unlock(&f->lock);
    return closing;
}

static int
took(struct bringing *b, size_t len)
{
    int rc;

    if (b->at + len > b->h->size) {
        return al_fail_set(&b->fail, AL_ECORRUPT, 0, "object %s on the share is too long",
                           b->h->id);
    }
    rc = port_pwrite(b->f->port, b->to, b->chunk, len, b->at);
    if (rc != AL_OK) {
        return al_fail_set(&b->fail, rc, port_os_error(b->f->port),
                           "cannot write to the folder for recalls");
    }
    if (b->hashed == b->at) { /* in order, as nearly always */
        al_xxh_add(b->xxh, b->chunk, len);
        b->hashed += len;
    }
    if (b->piece_xxh != NULL) {
        al_xxh_add(b->piece_xxh, b->chunk, len);
    }
    b->at += len;
    return AL_OK;
}

static int
bring_small(struct bringing *b, const char *name)
{
    size_t len;
    int rc = target_get_small(b->target, name, b->chunk, TARGET_CHUNK_BYTES, &len, &b->fail);

    return rc == AL_OK ? took(b, len) : rc;
}

static int
open_object(struct bringing *b, const char *name)
{
    uint64_t size;
    int rc = target_get_begin(b->target, name, &b->get, &size, &b->fail);

    if (rc == AL_OK && size != b->h->size) {
        rc =
            al_fail_set(&b->fail, AL_ECORRUPT, 0, "object %s on the share has %llu bytes, not %llu",
                        b->h->id, (unsigned long long)size, (unsigned long long)b->h->size);
    }
    return rc;
}

/* From where it is to there. */
static int
bring_until(struct bringing *b, uint64_t end)
{
    int rc = AL_OK;

    while (rc == AL_OK && b->at < end) {
        uint64_t left = end - b->at;
        size_t len = 0, want = left < TARGET_CHUNK_BYTES ? (size_t)left : TARGET_CHUNK_BYTES;

        if (stopped(b->f)) {
            return AL_ECANCELED;
        }
        rc = target_get_read(b->get, b->chunk, want, &len, &b->fail);
        if (rc == AL_OK && len == 0) {
            rc = AL_EIO; /* target_get_read tells a short object itself */
        }
        rc = rc == AL_OK ? took(b, len) : rc;
    }
    return rc;
}

static int
bring_chunks(struct bringing *b, const char *name)
{
    int rc = open_object(b, name);

    return rc == AL_OK ? bring_until(b, b->h->size) : rc;
}

/* ---- by pieces: the one that somebody waits for, else the first that is not here ---- */

/* False: all are here. */
static bool
next_piece(struct bringing *b, uint32_t *io_first, uint32_t *ret)
{
    struct ease_held *h = b->h;
    bool found = true;

    port_mutex_lock(&b->f->lock);
    while (*io_first < h->piece_count && h->have[*io_first] != 0) {
        (*io_first)++;
    }
    if (h->urgent >= 0 && h->have[h->urgent] == 0) {
        *ret = (uint32_t)h->urgent;
    } else if (*io_first < h->piece_count) {
        *ret = *io_first;
    } else {
        found = false;
    }
    h->urgent = -1;
    port_mutex_unlock(&b->f->lock);
    return found;
}

static int
bring_piece(struct bringing *b, uint32_t i)
{
    struct ease_held *h = b->h;
    uint64_t begin = (uint64_t)i << h->piece_shift, end = begin + (1ull << h->piece_shift);
    uint8_t sum[8];
    int rc = target_get_seek(b->get, begin, &b->fail);

    if (rc != AL_OK) {
        return rc;
    }
    b->at = begin;
    al_xxh_reset(b->piece_xxh);
    rc = bring_until(b, end < h->size ? end : h->size);
    if (rc != AL_OK) {
        return rc;
    }
    al_put_u64(sum, al_xxh_result(b->piece_xxh).lo);
    if (memcmp(sum, h->pieces + 8 * (size_t)i, sizeof(sum)) != 0) {
        return al_fail_set(&b->fail, AL_ECORRUPT, 0,
                           "object %s on the share is damaged: piece %u is not what was tiered",
                           h->id, i);
    }
    port_mutex_lock(&b->f->lock);
    h->have[i] = 1;
    h->have_count++;
    port_cond_broadcast(&h->changed);
    port_mutex_unlock(&b->f->lock);
    return AL_OK;
}

static int
bring_pieces(struct bringing *b, const char *name)
{
    uint32_t first = 0, i;
    int rc = open_object(b, name);

    while (rc == AL_OK && next_piece(b, &first, &i)) {
        rc = bring_piece(b, i);
    }
    return rc;
}

/* What came out of order goes into the hash of the whole from our own file. */
static int
hash_rest(struct bringing *b)
{
    while (b->hashed < b->h->size) {
        uint64_t left = b->h->size - b->hashed;
        size_t got, want = left < TARGET_CHUNK_BYTES ? (size_t)left : TARGET_CHUNK_BYTES;
        int rc = port_pread(b->f->port, b->to, b->chunk, want, b->hashed, &got);

        if (stopped(b->f)) {
            return AL_ECANCELED;
        }
        if (rc == AL_OK && got != want) {
            rc = AL_EIO;
        }
        if (rc != AL_OK) {
            return al_fail_set(&b->fail, rc, port_os_error(b->f->port),
                               "cannot read back what was fetched");
        }
        al_xxh_add(b->xxh, b->chunk, got);
        b->hashed += got;
    }
    return AL_OK;
}

static int
proven(struct bringing *b, struct port_stat *ret)
{
    int rc = b->piece_xxh != NULL ? hash_rest(b) : AL_OK;

    if (rc != AL_OK) {
        return rc;
    }
    if (b->hashed != b->h->size || !al_xxh_equal(al_xxh_result(b->xxh), b->h->content)) {
        return al_fail_set(&b->fail, AL_ECORRUPT, 0,
                           "object %s on the share is damaged: it is not what was tiered",
                           b->h->id);
    }
    return port_stat(b->f->port, b->to, ret);
}

static int
bring_into(struct bringing *b)
{
    struct ease_held *h = b->h;
    char path[MARKER_EXT_LEN + 3], name[TARGET_NAME_MAX];
    int rc;

    (void)snprintf(path, sizeof(path), h->ext[0] != '\0' ? "x.%s" : "x", h->ext);
    b->xxh = al_xxh_new();
    b->piece_xxh = h->piece_count > 0 ? al_xxh_new() : NULL;
    b->chunk = al_alloc(TARGET_CHUNK_BYTES);
    if (b->xxh == NULL || b->chunk == NULL || (h->piece_count > 0 && b->piece_xxh == NULL)) {
        return al_fail_set(&b->fail, AL_ENOMEM, 0, "out of memory");
    }
    rc = target_object_name(h->id, al_span_of(path), name);
    if (rc != AL_OK) {
        return al_fail_set(&b->fail, rc, 0, "not an object's id");
    }
    return h->piece_count > 0              ? bring_pieces(b, name)
           : h->size <= TARGET_CHUNK_BYTES ? bring_small(b, name)
                                           : bring_chunks(b, name);
}

/* The file was made for this; closed before it counts as there, since a handle that may write keeps
 * the driver from opening it, should that not share. */
static int
bring(struct bringing *b, const char *name, struct port_stat *ret)
{
    struct port *port = b->f->port;
    int rc = port_open(port, b->f->folder, name, PORT_READ | PORT_WRITE | PORT_CREATE | PORT_EXCL,
                       0600, &b->to);
    int closed;

    if (rc != AL_OK) {
        return al_fail_set(&b->fail, rc, port_os_error(port),
                           "cannot make a file in the folder for recalls");
    }
    rc = bring_into(b);
    rc = rc == AL_OK ? proven(b, ret) : rc;
    b->get = target_get_end(b->get);
    b->xxh = al_xxh_free(b->xxh);
    b->piece_xxh = al_xxh_free(b->piece_xxh);
    al_free(b->chunk);
    b->chunk = NULL;
    closed = port_close(port, b->to);
    b->to = NULL;
    return rc != AL_OK ? rc : closed;
}

/* Locked before and after. */
static int
fetch_once(struct ease_fetch *f, struct target_cache *cache, struct ease_held *h,
           struct port_stat *ret, struct al_fail *fail)
{
    struct bringing b = {.f = f, .h = h};
    struct fetch_file *file = NULL;
    int rc = fetch_file_new(f, h->id, h->size, &file, fail);

    if (rc != AL_OK) {
        return rc;
    }
    h->file = file; /* before any piece is here, and never another then */
    port_mutex_unlock(&f->lock);
    rc = target_cache_get(cache, h->share_id, h->target, &b.target, &b.fail);
    if (rc == AL_OK) {
        rc = bring(&b, file->name, ret);
    }
    port_mutex_lock(&f->lock);
    if (rc != AL_OK) {
        (void)al_fail_pass(fail, rc, &b.fail);
    }
    return rc;
}

static void
fetch_one(struct ease_fetch *f, struct target_cache *cache, struct ease_held *h)
{
    struct port_stat st;
    struct al_fail fail = {0};
    int64_t until = port_mono_ns(f->port) + EASE_FETCH_AGAIN_NS;
    int rc;

    h->users++; /* somebody may take it out of the table meanwhile */
    rc = fetch_once(f, cache, h, &st, &fail);
    /* A connection that broke is no share that cannot be reached; what was given out stays. */
    while (rc == AL_EUNREACH && h->have_count == 0 && !f->closing &&
           port_mono_ns(f->port) < until) {
        struct fetch_file *old = h->file;

        h->file = NULL;
        if (old != NULL) {
            fetch_file_drop(f, old);
        }
        fail = (struct al_fail){0};
        port_mutex_unlock(&f->lock);
        port_sleep_ns(f->port, EASE_FETCH_AGAIN_NS / 8);
        port_mutex_lock(&f->lock);
        rc = fetch_once(f, cache, h, &st, &fail);
    }
    if (rc == AL_OK) {
        h->proven = st;
        h->state = HELD_READY;
        f->figures.fetched++;
        f->figures.bytes += h->size;
    } else {
        h->code = rc;
        h->fail = fail;
        h->state = HELD_FAILED;
        f->figures.failed++;
        fetch_unlist(h); /* the next who asks begins anew */
    }
    port_cond_broadcast(&h->changed);
    f->figures.running--;
    h->users--;
    fetch_free_unused(h);
}

void *
fetch_worker(void *pool)
{
    struct ease_fetch *f = pool;
    struct target_cache cache = {.port = f->port};

    port_mutex_lock(&f->lock);
    while (!f->closing) {
        struct ease_held *h = f->queue_first;
        int64_t now = port_now_ns(f->port);

        if (h != NULL) {
            f->queue_first = h->queue_next;
            f->queue_last = f->queue_first == NULL ? NULL : f->queue_last;
            f->figures.queued--;
            f->figures.running++;
            h->state = HELD_RUNNING;
            fetch_one(f, &cache, h);
        } else if (now - f->swept_ns >= EASE_SWEEP_NS || now < f->swept_ns) {
            f->swept_ns = now;
            fetch_files_sweep(f, now, 0);
        } else if (!port_cond_wait_for(&f->work, &f->lock, EASE_SWEEP_NS)) {
            port_mutex_unlock(&f->lock);
            target_cache_rest(&cache);
            port_mutex_lock(&f->lock);
        }
    }
    port_mutex_unlock(&f->lock);
    target_cache_end(&cache);
    return NULL;
}
