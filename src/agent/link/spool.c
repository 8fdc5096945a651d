/* spool.c: segment files and group commit. Whoever comes first to an idle spool writes and syncs
 * what all who came until then have added; those who come during that sync form the next group. So
 * n workers cost one fdatasync together, and a lone one waits for nobody. */
#include "agent/link/spool_priv.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

struct late { /* a record nobody waits for */
    struct al_list node;
    uint64_t pos, epoch; /* durable when that much is, unless a flush failed since */
    void (*done)(void *ctx, int code);
    void *ctx;
};

void
spool_segment_name(uint64_t base, char out[24])
{
    (void)snprintf(out, 24, "%016llx.seg", (unsigned long long)base);
}

static int
segment_push(struct spool *s, uint64_t base)
{
    if (s->segment_count == SPOOL_SEGMENTS_MAX) {
        return AL_ELIMIT;
    }
    if (s->segment_count == s->segment_cap) {
        size_t cap = s->segment_cap == 0 ? 16 : s->segment_cap * 2;
        uint64_t *grown = al_realloc(s->segments, cap * sizeof(*grown));

        if (grown == NULL) {
            return AL_ENOMEM;
        }
        s->segments = grown;
        s->segment_cap = cap;
    }
    s->segments[s->segment_count++] = base;
    return AL_OK;
}

/* "0123456789abcdef.seg" and nothing else. */
static bool
segment_parse(const char *name, size_t len, uint64_t *ret)
{
    uint8_t bytes[8];
    uint64_t v = 0;

    if (len != 20 || memcmp(name + 16, ".seg", 4) != 0 || al_unhex(name, 16, bytes) != AL_OK) {
        return false;
    }
    for (size_t i = 0; i < 8; i++) {
        v = v << 8 | bytes[i];
    }
    *ret = v;
    return true;
}

static void
segments_sort(struct spool *s)
{
    for (size_t i = 1; i < s->segment_count; i++) {
        uint64_t base = s->segments[i];
        size_t at = i;

        for (; at > 0 && s->segments[at - 1] > base; at--) {
            s->segments[at] = s->segments[at - 1];
        }
        s->segments[at] = base;
    }
}

int
spool_list(struct spool *s)
{
    struct port_dir *d = NULL;
    bool end = false;
    int rc = port_dir_open(s->port, s->dir, &d);

    while (rc == AL_OK) {
        struct port_dirent e = {0};
        uint64_t base;

        rc = port_dir_next(s->port, d, &e, &end);
        if (rc != AL_OK || end) {
            break;
        }
        if (segment_parse(e.name, e.name_len, &base)) {
            rc = segment_push(s, base);
        }
    }
    port_dir_close(s->port, &d);
    segments_sort(s);
    return rc;
}

/* Opens the segment that takes the bytes from `from` on. Called by the one who flushes, without the
 * mutex: tail is his alone then. */
static int
tail_ready(struct spool *s, uint64_t from)
{
    struct port_file *f = NULL;
    char name[24];
    int rc;

    if (s->tail != NULL && from - s->tail_base < s->segment_bytes) {
        return AL_OK;
    }
    port_close_quiet(s->port, &s->tail); /* synced by the flush that wrote it */
    spool_segment_name(from, name);
    /* Truncated: a file of that name holds at most what a failed flush left. */
    rc = port_open(s->port, s->dir, name, PORT_READ | PORT_WRITE | PORT_CREATE | PORT_TRUNC, 0600,
                   &f);
    if (rc == AL_OK) {
        rc = port_sync(s->port, s->dir);
    }
    if (rc != AL_OK) {
        port_close_quiet(s->port, &f);
        return rc;
    }
    port_mutex_lock(&s->mutex);
    if (s->segment_count == 0 || s->segments[s->segment_count - 1] != from) {
        rc = segment_push(s, from);
    }
    port_mutex_unlock(&s->mutex);
    if (rc != AL_OK) {
        port_close_quiet(s->port, &f);
        return rc;
    }
    s->tail = f;
    s->tail_base = from;
    return AL_OK;
}

static int
flush_bytes(struct spool *s, const struct al_buf *bytes, uint64_t from)
{
    int rc = tail_ready(s, from);

    if (rc == AL_OK) {
        rc = port_pwrite(s->port, s->tail, bytes->at, bytes->len, from - s->tail_base);
    }
    if (rc == AL_OK) {
        rc = port_datasync(s->port, s->tail);
    }
    return rc;
}

/* A flush has failed: those that were durable before stay so. */
static void
late_keep(struct spool *s)
{
    for (struct al_list *at = s->late.next; at != &s->late; at = at->next) {
        struct late *l = AL_LIST_ITEM(at, struct late, node);

        if (l->epoch + 1 == s->epoch && l->pos <= s->durable) {
            l->epoch = s->epoch;
        }
    }
}

/* With the mutex held, pending not empty, nobody flushing. Comes back with the mutex held. */
static void
flush_locked(struct spool *s)
{
    struct al_buf group = s->pending;
    uint64_t from = s->durable;
    unsigned turn = s->turn;
    int rc;

    assert(!s->flushing && from + group.len == s->end);
    al_buf_init(&s->pending, SPOOL_PENDING_MAX);
    s->flushing = true;
    s->turn ^= 1u;
    port_mutex_unlock(&s->mutex);
    rc = flush_bytes(s, &group, from);
    port_mutex_lock(&s->mutex);
    s->flushing = false;
    if (rc == AL_OK) {
        s->durable = from + group.len;
    } else {
        /* What a failed sync left on the disk is anybody's guess, and a second sync would not tell:
         * this file is given up, the next group begins a new one at the same position. Records
         * added meanwhile carry positions that no longer hold. */
        port_close_quiet(s->port, &s->tail);
        s->end = s->durable;
        al_buf_clear(&s->pending);
        s->epoch++;
        s->epoch_code = rc;
        late_keep(s);
        port_cond_broadcast(&s->turns[s->turn]); /* theirs are gone with it */
    }
    if (s->pending.at == NULL) {
        al_buf_clear(&group);
        s->pending = group; /* keeps its memory for the next group */
    } else {
        al_buf_free(&group);
    }
    port_cond_broadcast(&s->turns[turn]);
    port_cond_signal(&s->turns[s->turn]);
    port_cond_broadcast(&s->changed);
    port_cond_signal(&s->more);
}

static int
record_add(struct spool *s, struct al_span line)
{
    uint8_t header[SPOOL_HEADER];
    int rc;

    al_put_u32(header, SPOOL_MAGIC);
    al_put_u32(header + 4, (uint32_t)line.len);
    al_put_u64(header + 8, al_xxh64(line.at, line.len, s->end));
    rc = al_buf_reserve(&s->pending, sizeof(header) + line.len);
    if (rc != AL_OK) {
        return rc;
    }
    rc = al_buf_add(&s->pending, header, sizeof(header));
    if (rc == AL_OK) {
        rc = al_buf_add(&s->pending, line.at, line.len);
    }
    assert(rc == AL_OK); /* the room was reserved */
    s->end += sizeof(header) + line.len;
    return AL_OK;
}

int
spool_put(struct spool *s, struct al_span line, uint64_t *ret_pos)
{
    uint64_t mine, epoch;
    unsigned turn;
    int rc;

    if (line.len > SPOOL_RECORD_MAX || line.len == 0) {
        return AL_ELIMIT;
    }
    port_mutex_lock(&s->mutex);
    while (s->flushing && s->pending.len + SPOOL_HEADER + line.len > SPOOL_PENDING_MAX) {
        port_cond_wait(&s->changed, &s->mutex);
    }
    epoch = s->epoch;
    turn = s->turn;
    rc = record_add(s, line);
    mine = s->end;
    while (rc == AL_OK && s->durable < mine) {
        if (s->epoch != epoch) {
            rc = s->epoch_code;
        } else if (s->flushing) {
            port_cond_wait(&s->turns[turn], &s->mutex);
        } else {
            flush_locked(s);
        }
    }
    /* A failed flush takes positions back, so that somebody else's later success may pass `mine`.
     */
    if (rc == AL_OK && s->epoch != epoch) {
        rc = s->epoch_code;
    }
    port_mutex_unlock(&s->mutex);
    if (rc == AL_OK && ret_pos != NULL) {
        *ret_pos = mine;
    }
    return rc;
}

/* ---- records nobody waits for ---- */

int
spool_put_later(struct spool *s, struct al_span line, void (*done)(void *ctx, int code), void *ctx)
{
    struct late *l;
    bool taken;
    int rc = AL_OK;

    if (line.len > SPOOL_RECORD_MAX || line.len == 0) {
        return AL_ELIMIT;
    }
    l = al_zalloc(sizeof(*l));
    if (l == NULL) {
        return AL_ENOMEM;
    }
    port_mutex_lock(&s->mutex);
    taken = s->late_runs && s->pending.len < SPOOL_PENDING_MAX / 2;
    if (taken) {
        rc = record_add(s, line);
    }
    if (taken && rc == AL_OK) {
        *l = (struct late){.pos = s->end, .epoch = s->epoch, .done = done, .ctx = ctx};
        if (al_list_empty(&s->late)) {
            port_cond_signal(&s->late_come);
        }
        al_list_push(&s->late, &l->node);
    }
    port_mutex_unlock(&s->mutex);
    if (taken && rc == AL_OK) {
        return AL_OK;
    }
    al_free(l);
    if (!taken) {
        done(ctx, spool_put(s, line, NULL));
    }
    return rc;
}

/* Those whose fate is known. */
static void
late_answer(struct spool *s)
{
    struct al_list known;
    struct al_list *at, *next;
    uint64_t durable, epoch;
    int code;

    al_list_init(&known);
    port_mutex_lock(&s->mutex);
    durable = s->durable;
    epoch = s->epoch;
    code = s->epoch_code;
    for (at = s->late.next; at != &s->late; at = next) {
        struct late *l = AL_LIST_ITEM(at, struct late, node);

        next = at->next;
        if (l->epoch != epoch || l->pos <= durable) {
            al_list_drop(&l->node);
            al_list_push(&known, &l->node);
        }
    }
    port_mutex_unlock(&s->mutex);
    for (; (at = al_list_pop(&known)) != NULL;) {
        struct late *l = AL_LIST_ITEM(at, struct late, node);

        l->done(l->ctx, l->epoch != epoch ? code : AL_OK);
        al_free(l);
    }
}

void
spool_late_run(struct spool *s)
{
    bool more = true;

    while (more) {
        int64_t until;
        int rc;

        port_mutex_lock(&s->mutex);
        while (s->late_runs && al_list_empty(&s->late)) {
            port_cond_wait(&s->late_come, &s->mutex);
        }
        until = port_mono_ns(s->port) + SPOOL_LATE_NS;
        while (s->late_runs && port_mono_ns(s->port) < until) {
            (void)port_cond_wait_for(&s->late_come, &s->mutex,
                                     until - port_mono_ns(s->port)); /* the loop looks */
        }
        more = s->late_runs;
        port_mutex_unlock(&s->mutex);
        rc = spool_flush(s);
        (void)rc; /* late_answer tells each */
        late_answer(s);
    }
}

void
spool_late_begin(struct spool *s)
{
    port_mutex_lock(&s->mutex);
    s->late_runs = true;
    port_mutex_unlock(&s->mutex);
}

void
spool_late_end(struct spool *s)
{
    port_mutex_lock(&s->mutex);
    s->late_runs = false;
    port_cond_broadcast(&s->late_come);
    port_mutex_unlock(&s->mutex);
}

int
spool_add(struct spool *s, struct al_span line)
{
    int rc = AL_OK;

    if (line.len > SPOOL_RECORD_MAX || line.len == 0) {
        return AL_ELIMIT;
    }
    port_mutex_lock(&s->mutex);
    if (s->durable - s->begin <= s->limit && s->pending.len < SPOOL_PENDING_MAX / 2) {
        rc = record_add(s, line);
        port_cond_signal(&s->more);
    }
    port_mutex_unlock(&s->mutex);
    return rc;
}

bool
spool_full(struct spool *s)
{
    bool full;

    port_mutex_lock(&s->mutex);
    full = s->end - s->begin > s->limit;
    port_mutex_unlock(&s->mutex);
    return full;
}

uint64_t
spool_waiting(struct spool *s)
{
    uint64_t bytes;

    port_mutex_lock(&s->mutex);
    bytes = s->end - s->begin;
    port_mutex_unlock(&s->mutex);
    return bytes;
}

bool
spool_wait(struct spool *s, int64_t timeout_ns)
{
    bool there;

    port_mutex_lock(&s->mutex);
    if (s->end == s->begin && !s->woken) {
        (void)port_cond_wait_for(&s->more, &s->mutex,
                                 timeout_ns); /* why it came back does not matter */
    }
    s->woken = false;
    there = s->end != s->begin;
    port_mutex_unlock(&s->mutex);
    return there;
}

void
spool_wake(struct spool *s)
{
    port_mutex_lock(&s->mutex);
    s->woken = true;
    port_cond_signal(&s->more);
    port_mutex_unlock(&s->mutex);
}

int
spool_flush(struct spool *s)
{
    uint64_t epoch;
    int rc = AL_OK;

    port_mutex_lock(&s->mutex);
    epoch = s->epoch;
    while (s->flushing) {
        port_cond_wait(&s->changed, &s->mutex);
    }
    if (s->pending.len > 0) {
        flush_locked(s);
    }
    if (s->epoch != epoch) {
        rc = s->epoch_code;
    }
    port_mutex_unlock(&s->mutex);
    return rc;
}

static int
folder_open(struct spool *s, const char *path)
{
    int rc = port_mkdirs(s->port, path, 0700);

    if (rc != AL_OK) {
        return rc;
    }
    return port_open(s->port, NULL, path, PORT_READ | PORT_FOLDER, 0, &s->dir);
}

/* The last segment goes on being written when it is whole and not yet long; a torn one is cut and
 * synced first, so that what is there stays there. */
static int
tail_resume(struct spool *s)
{
    bool cut = false;
    char name[24];
    uint64_t base;
    int rc = spool_scan_tail(s, &cut);

    if (rc != AL_OK || s->segment_count == 0) {
        return rc;
    }
    base = s->segments[s->segment_count - 1];
    spool_segment_name(base, name);
    rc = port_open(s->port, s->dir, name, PORT_READ | PORT_WRITE, 0600, &s->tail);
    if (rc == AL_OK && cut) {
        rc = port_truncate(s->port, s->tail, s->durable - base);
    }
    /* The records found may be those of a process that died before its sync returned. */
    if (rc == AL_OK) {
        rc = port_sync(s->port, s->tail);
    }
    s->tail_base = base;
    return rc;
}

static int
load(struct spool *s, const char *path)
{
    int rc = folder_open(s, path);

    if (rc == AL_OK) {
        rc = spool_list(s);
    }
    if (rc == AL_OK) {
        rc = spool_head_load(s);
    }
    if (rc == AL_OK) {
        rc = tail_resume(s);
    }
    if (rc != AL_OK) {
        return rc;
    }
    /* The head knows of records that are no longer there: only damage from outside does that.
     * Positions must not go back. */
    if (s->durable < s->end_of_batch || s->durable < s->begin) {
        al_log(s->log, AL_LOG_ERROR,
               "spool: records up to position %llu are missing; they were not delivered",
               (unsigned long long)s->end_of_batch);
        port_close_quiet(s->port, &s->tail);
        s->durable = s->end = s->end_of_batch;
        s->begin = s->end_of_batch;
        return spool_new_stream(s);
    }
    return AL_OK;
}

int
spool_open(const struct spool_conf *conf, struct spool **ret, struct al_fail *fail)
{
    struct spool *s = al_zalloc(sizeof(*s));
    int rc;

    if (s == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    s->port = conf->port;
    s->log = conf->log;
    s->limit = conf->limit_bytes != 0 ? conf->limit_bytes : SPOOL_LIMIT_BYTES;
    s->segment_bytes = conf->segment_bytes != 0 ? conf->segment_bytes : SPOOL_SEGMENT_BYTES;
    s->batch_records = conf->batch_records != 0 ? conf->batch_records : SPOOL_BATCH_RECORDS;
    s->batch_bytes = SPOOL_BATCH_BYTES;
    al_buf_init(&s->pending, SPOOL_PENDING_MAX);
    port_mutex_init(&s->mutex);
    port_cond_init(&s->changed);
    port_cond_init(&s->turns[0]);
    port_cond_init(&s->turns[1]);
    port_cond_init(&s->more);
    port_cond_init(&s->late_come);
    al_list_init(&s->late);
    rc = load(s, conf->path);
    if (rc != AL_OK) {
        (void)al_fail_set(fail, rc, port_os_error(s->port), "the spool %s cannot be opened",
                          conf->path);
        (void)spool_close(s);
        return rc;
    }
    *ret = s;
    return AL_OK;
}

struct spool *
spool_close(struct spool *s)
{
    if (s == NULL) {
        return NULL;
    }
    if (s->pending.len > 0) {
        (void)spool_flush(s); /* only what spool_add took; those who put have their answer */
    }
    port_close_quiet(s->port, &s->tail);
    port_close_quiet(s->port, &s->dir);
    al_buf_free(&s->pending);
    al_free(s->segments);
    port_cond_end(&s->late_come);
    port_cond_end(&s->more);
    port_cond_end(&s->changed);
    port_cond_end(&s->turns[0]);
    port_cond_end(&s->turns[1]);
    port_mutex_end(&s->mutex);
    al_free(s);
    return NULL;
}
