/* When something happened last at or below a path: what tells whether a row comes late. */
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "server/inventory/access_priv.h"

void
inv_times_end(struct inv_times *t)
{
    al_free(t->at);
    memset(t, 0, sizeof(*t));
}

static struct inv_time *
place_of(const struct inv_times *t, uint64_t hash)
{
    uint64_t at = hash & t->mask;

    while (t->at[at].hash != 0 && t->at[at].hash != hash) {
        at = (at + 1) & t->mask;
    }
    return &t->at[at];
}

static int
make_room(struct inv_times *t)
{
    struct inv_times grown = {0};
    uint64_t size = t->at != NULL ? t->mask + 1 : 1024;

    if (t->at != NULL && 2 * (t->count + 1) <= t->mask) {
        return AL_OK;
    }
    for (uint64_t i = 0; t->at != NULL && i <= t->mask; i++) {
        grown.count += t->at[i].hash != 0 && t->at[i].time_ns != INT64_MIN;
    }
    size = 4 * (grown.count + 1) > size ? 2 * size : size; /* what was set to nothing goes */
    grown.at = al_array((size_t)size, sizeof(*grown.at));
    if (grown.at == NULL) {
        return AL_ENOMEM;
    }
    grown.mask = size - 1;
    for (uint64_t i = 0; t->at != NULL && i <= t->mask; i++) {
        if (t->at[i].hash != 0 && t->at[i].time_ns != INT64_MIN) {
            *place_of(&grown, t->at[i].hash) = t->at[i];
        }
    }
    al_free(t->at);
    *t = grown;
    return AL_OK;
}

static uint64_t
hash_of(struct al_span path)
{
    uint64_t hash = al_xxh64(path.at, path.len, 0);

    return hash != 0 ? hash : 1;
}

static int
slot_of(struct inv_times *t, struct al_span path, struct inv_time **ret)
{
    uint64_t hash = hash_of(path);
    int rc = make_room(t);

    if (rc < 0) {
        return rc;
    }
    *ret = place_of(t, hash);
    if ((*ret)->hash == 0) {
        **ret = (struct inv_time){hash, INT64_MIN};
        t->count++;
    }
    return AL_OK;
}

int
inv_times_put(struct inv_times *t, struct al_span path, int64_t time_ns)
{
    struct inv_time *p = NULL;
    int rc = slot_of(t, path, &p);

    if (rc == AL_OK && p->time_ns < time_ns) {
        p->time_ns = time_ns;
    }
    return rc;
}

int
inv_times_set(struct inv_times *t, struct al_span path, int64_t value)
{
    struct inv_time *p = NULL;
    int rc = slot_of(t, path, &p);

    if (rc == AL_OK) {
        p->time_ns = value;
    }
    return rc;
}

int
inv_times_add(struct inv_times *t, struct al_span path, int64_t time_ns)
{
    int rc = AL_OK;

    for (size_t end = 0; rc == AL_OK && end <= path.len; end++) {
        if (end == path.len || path.at[end] == '/') {
            rc = inv_times_put(t, (struct al_span){path.at, end}, time_ns);
        }
    }
    return rc;
}

int64_t
inv_times_at(const struct inv_times *t, struct al_span path)
{
    const struct inv_time *p = t->at != NULL ? place_of(t, hash_of(path)) : NULL;

    return p != NULL && p->hash != 0 ? p->time_ns : INT64_MIN;
}

int
inv_times_moves(struct inv_times *t, const struct inv_moves *m, bool ends)
{
    int rc = AL_OK;

    for (uint32_t i = 0; rc == AL_OK && i < m->count; i++) {
        const struct inv_move *v = &m->all[i];

        if (!v->active) {
            continue;
        }
        rc = inv_times_add(t, (struct al_span){m->names + v->from_at, v->from_len}, v->time_ns);
        if (rc == AL_OK && ends && !v->cut) {
            rc = inv_times_add(t, (struct al_span){m->names + v->to_at, v->to_len}, v->time_ns);
        }
    }
    return rc;
}

int
inv_times_touches(struct inv_times *t, struct inv_use *u, int64_t since_ns)
{
    INV_ROWS(rows);
    char sql[256];
    bool end = false;
    int rc;

    snprintf(sql, sizeof(sql),
             "SELECT path, last_ns FROM \"v_%s\".a_touch WHERE hour >= %lld AND last_ns > %lld",
             u->volume->id, (long long)(since_ns / INV_HOUR_NS - 24), (long long)since_ns);
    rc = inv_query(u->inv, u->conn, sql, true, &rows);
    while (rc == AL_OK) {
        rc = inv_next(&rows, &end);
        if (rc < 0 || end) {
            break;
        }
        rc = inv_times_add(t, inv_bytes(&rows, 0), inv_num(&rows, 1));
    }
    return rc;
}
