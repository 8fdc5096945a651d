#include "agent/walk/walk_priv.h"

#include "base/mem.h"

void
out_init(struct out *o, uint32_t batch_records, unsigned walkers)
{
    *o = (struct out){.batch_records = batch_records, .walkers = walkers};
    port_mutex_init(&o->mutex);
    port_cond_init(&o->space);
    port_cond_init(&o->ready);
    al_buf_init(&o->body, ENTRIES_PLAIN_MAX);
    for (size_t i = 0; i < WALK_BATCHES_WAITING; i++) {
        al_buf_init(&o->ring[i].packed,
                    ENTRIES_PLAIN_MAX + (1u << 20)); /* zstd may grow what does not compress */
    }
}

void
out_end(struct out *o)
{
    for (size_t i = 0; i < WALK_BATCHES_WAITING; i++) {
        al_buf_free(&o->ring[i].packed);
    }
    al_buf_free(&o->body);
    port_cond_end(&o->ready);
    port_cond_end(&o->space);
    port_mutex_end(&o->mutex);
}

bool
out_chunk_full(const struct out *o, const struct chunk *c)
{
    return c->body.len >= WALK_CHUNK_BYTES || c->records >= o->batch_records / 4 + 1;
}

static void
fail_locked(struct out *o, int rc)
{
    if (o->rc == AL_OK) {
        o->rc = rc;
    }
    port_cond_broadcast(&o->space);
    port_cond_broadcast(&o->ready);
}

void
out_fail(struct out *o, int rc)
{
    port_mutex_lock(&o->mutex);
    fail_locked(o, rc);
    port_mutex_unlock(&o->mutex);
}

int
out_failed(struct out *o)
{
    int rc;

    port_mutex_lock(&o->mutex);
    rc = o->rc;
    port_mutex_unlock(&o->mutex);
    return rc;
}

/* With the mutex held: closes the batch under way, giving it its number, and packs it without the
 * mutex, so that the others go on filling the next one. */
static void
close_batch(struct out *o)
{
    struct al_buf body = o->body;
    uint64_t records = o->body_records;
    struct out_slot *slot = &o->ring[++o->filled % WALK_BATCHES_WAITING];
    int rc;

    al_buf_init(&o->body, ENTRIES_PLAIN_MAX);
    o->body_records = 0;
    port_mutex_unlock(&o->mutex);
    al_buf_clear(&slot->packed);
    rc = entries_pack(&body, records, &slot->packed);
    al_buf_free(&body);
    port_mutex_lock(&o->mutex);
    if (rc != AL_OK) {
        fail_locked(o, rc);
    }
    slot->ready = true;
    port_cond_broadcast(&o->ready);
}

static bool
fits(const struct out *o, const struct chunk *c)
{
    return o->body_records + c->records <= o->batch_records &&
           o->body.len + c->body.len <= ENTRIES_PLAIN_MAX - 64; /* magic and count */
}

int
out_join(struct out *o, struct chunk *c)
{
    int rc;

    if (c->records == 0) {
        return AL_OK;
    }
    port_mutex_lock(&o->mutex);
    while (o->rc == AL_OK && !fits(o, c)) {
        if (o->filled - o->sent < WALK_BATCHES_WAITING) {
            close_batch(o);
        } else {
            port_cond_wait(&o->space, &o->mutex);
        }
    }
    rc = o->rc;
    if (rc == AL_OK) {
        rc = al_buf_add(&o->body, c->body.at, c->body.len);
    }
    if (rc == AL_OK) {
        o->body_records += c->records;
    } else {
        fail_locked(o, rc);
    }
    port_mutex_unlock(&o->mutex);
    al_buf_clear(&c->body);
    c->records = 0;
    return rc;
}

void
out_walker_done(struct out *o)
{
    port_mutex_lock(&o->mutex);
    o->walkers--;
    port_cond_broadcast(&o->ready);
    port_mutex_unlock(&o->mutex);
}

/* With the mutex held: waits for the next batch. False when there is none any more. */
static bool
next_batch(struct out *o)
{
    for (;;) {
        if (o->rc != AL_OK) {
            return false;
        }
        if (o->filled > o->sent) {
            if (o->ring[(o->sent + 1) % WALK_BATCHES_WAITING].ready) {
                return true;
            }
        } else if (o->walkers == 0) {
            if (o->body_records == 0) {
                return false;
            }
            close_batch(o);
            continue;
        }
        port_cond_wait(&o->ready, &o->mutex);
    }
}

int
out_send(struct out *o, const struct walk_conf *conf, uint64_t *ret_batches)
{
    int rc;

    port_mutex_lock(&o->mutex);
    while (next_batch(o)) {
        uint64_t seq = o->sent + 1;
        struct out_slot *slot = &o->ring[seq % WALK_BATCHES_WAITING];

        port_mutex_unlock(&o->mutex);
        rc = conf->send(conf->ctx, seq, al_buf_span(&slot->packed));
        port_mutex_lock(&o->mutex);
        slot->ready = false;
        o->sent = seq;
        if (rc != AL_OK) {
            fail_locked(o, rc);
        }
        port_cond_broadcast(&o->space);
    }
    while (o->walkers > 0) { /* after a failure: they leave soon, and use what the caller frees */
        port_cond_wait(&o->ready, &o->mutex);
    }
    rc = o->rc;
    *ret_batches = o->sent;
    port_mutex_unlock(&o->mutex);
    return rc;
}
