/* audit_own.c: what Alto itself worked on, kept in a file beside the cursors, so that after a restart of the agent a recall
 * or an archive of before does not look like a use by a person. */
#include "agent/run/audit.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

#define OWN_FILE "own"
#define RECORD_BYTES                                                                               \
    32u /* hash, from, until (two's complement), XXH3-64 of them seeded with the record's number */
#define RECORDS_MAX (3u * AUDIT_OWN_MAX) /* then the file is written anew */
#define FILE_MAX ((size_t)RECORDS_MAX * 2 * RECORD_BYTES)

static void
print(const struct audit_span *s, uint64_t number, uint8_t to[RECORD_BYTES])
{
    al_put_u64(to, s->hash);
    al_put_u64(to + 8, (uint64_t)s->from_ns);
    al_put_u64(to + 16, (uint64_t)s->until_ns);
    al_put_u64(to + 24, al_xxh64(to, 24, number));
}

static bool
parse(const uint8_t *at, uint64_t number, struct audit_span *ret)
{
    *ret = (struct audit_span){.hash = al_get_u64(at),
                               .from_ns = (int64_t)al_get_u64(at + 8),
                               .until_ns = (int64_t)al_get_u64(at + 16)};
    return al_get_u64(at + 24) == al_xxh64(at, 24, number) && ret->from_ns <= ret->until_ns;
}

void
audit_own_end(struct audit_own *o, struct port *p)
{
    port_close_quiet(p, &o->file);
}

/* ---- reading ---- */

/* A work that was under way when the agent died is taken to have ended with the last sign of life: what it did later looks
 * like a use, and a use by a person never like ours. */
static void
take(struct audit_seen *s, struct al_span bytes, int64_t now_ns)
{
    int64_t alive_ns = 0;
    struct audit_span x;
    uint64_t count = 0;

    while ((count + 1) * RECORD_BYTES <= bytes.len &&
           parse(bytes.at + count * RECORD_BYTES, count, &x)) {
        count++;
        alive_ns = x.hash == 0 && x.until_ns > alive_ns ? x.until_ns : alive_ns;
    }
    for (uint64_t i = 0; i < count; i++) {
        (void)parse(bytes.at + i * RECORD_BYTES, i, &x); /* it holds: above */
        if (x.until_ns == INT64_MAX) {
            x.until_ns = alive_ns > x.from_ns ? alive_ns : x.from_ns;
        }
        if (x.hash != 0 && x.until_ns >= now_ns - AUDIT_OWN_KEPT_NS && x.until_ns <= now_ns) {
            audit_seen_again(s, &x);
        }
    }
}

static int
load(struct port *p, struct port_file *state, struct audit_seen *s, port_mutex *lock)
{
    AL_CLEANUP(al_buf_free) struct al_buf bytes = {0};
    int rc;

    al_buf_init(&bytes, FILE_MAX);
    rc = port_read_file(p, state, OWN_FILE, FILE_MAX, &bytes);
    if (rc != AL_OK) {
        return rc == AL_ENOENT || rc == AL_ELIMIT ? AL_OK : rc; /* nothing of ours */
    }
    port_mutex_lock(lock);
    take(s, al_buf_span(&bytes), port_now_ns(p));
    port_mutex_unlock(lock);
    return AL_OK;
}

/* ---- writing ---- */

static int
write_anew(struct audit_own *o, struct port *p, struct port_file *state, struct audit_seen *s,
           port_mutex *lock)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    int64_t old_ns = port_now_ns(p) - AUDIT_OWN_KEPT_NS;
    uint8_t record[RECORD_BYTES];
    uint64_t count = 0;
    int rc = AL_OK;

    audit_own_end(o, p);
    al_buf_init(&text, FILE_MAX);
    port_mutex_lock(lock);
    for (uint32_t i = 0; s->own != NULL && i < AUDIT_OWN_MAX && rc == AL_OK; i++) {
        if (s->own[i].hash != 0 && s->own[i].until_ns >= old_ns) {
            print(&s->own[i], count++, record);
            rc = al_buf_add(&text, record, sizeof(record));
        }
    }
    s->news_count = 0; /* they are in the table */
    port_mutex_unlock(lock);
    rc = rc != AL_OK ? rc : port_write_file(p, state, OWN_FILE, text.at, text.len, 0600);
    rc = rc != AL_OK ? rc : port_open(p, state, OWN_FILE, PORT_READ | PORT_WRITE, 0600, &o->file);
    o->count = count;
    return rc;
}

/* The news, and a sign of life where something is under way. */
static int
gather(struct audit_own *o, struct port *p, struct audit_seen *s, port_mutex *lock,
       struct al_buf *to, uint64_t *ret_count)
{
    int64_t now_ns = port_now_ns(p);
    struct audit_span alive = {0, now_ns, now_ns};
    uint8_t record[RECORD_BYTES];
    uint64_t count = o->count;
    int rc = AL_OK;

    port_mutex_lock(lock);
    for (uint32_t i = 0; i < s->news_count && rc == AL_OK; i++) {
        print(&s->news[i], count++, record);
        rc = al_buf_add(to, record, sizeof(record));
    }
    if (rc == AL_OK) {
        s->news_count = 0; /* what cannot be written comes with the whole table */
    }
    if (rc == AL_OK && s->under_way > 0 &&
        (now_ns - o->alive_ns >= AUDIT_OWN_ALIVE_NS || now_ns < o->alive_ns)) {
        print(&alive, count++, record);
        rc = al_buf_add(to, record, sizeof(record));
        o->alive_ns = now_ns;
    }
    port_mutex_unlock(lock);
    *ret_count = count;
    return rc;
}

int
audit_own_keep(struct audit_own *o, struct port *p, struct port_file *state, struct audit_seen *s,
               port_mutex *lock)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    uint64_t count;
    int rc;

    if (!o->loaded) {
        rc = load(p, state, s, lock);
        if (rc != AL_OK) {
            return rc;
        }
        o->loaded = true;
    }
    if (o->file == NULL || o->count >= RECORDS_MAX) {
        return write_anew(o, p, state, s, lock);
    }
    al_buf_init(&text, FILE_MAX);
    rc = gather(o, p, s, lock, &text, &count);
    if (rc == AL_OK && text.len > 0) {
        rc = port_pwrite(p, o->file, text.at, text.len, o->count * RECORD_BYTES);
    }
    if (rc == AL_OK) {
        o->count = count;
    } else {
        audit_own_end(o, p); /* written anew with the next call */
    }
    return rc;
}
