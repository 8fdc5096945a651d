/* Which file a path meant depends on when: moves, found by the hash of where they begin and where they end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "server/inventory/access_priv.h"

void
inv_moves_end(struct inv_moves *m)
{
    al_free(m->all);
    al_free(m->names);
    al_free(m->by_from);
    al_free(m->by_to);
    al_free(m->table_from);
    al_free(m->table_to);
    memset(m, 0, sizeof(*m));
}

bool
inv_path_below(struct al_span path, struct al_span folder)
{
    return path.len >= folder.len &&
           (folder.len == 0 || memcmp(path.at, folder.at, folder.len) == 0) &&
           (path.len == folder.len || path.at[folder.len] == '/');
}

static int
add_name(struct inv_moves *m, struct al_span s, uint64_t *ret_at)
{
    if (m->names_len + s.len > m->names_cap) {
        uint64_t cap = 2 * (m->names_len + s.len) + 4096;
        uint8_t *grown = al_realloc(m->names, (size_t)cap);

        if (grown == NULL) {
            return AL_ENOMEM;
        }
        m->names = grown;
        m->names_cap = cap;
    }
    if (s.len > 0) {
        memcpy(m->names + m->names_len, s.at, s.len);
    }
    *ret_at = m->names_len;
    m->names_len += s.len;
    return AL_OK;
}

static struct al_span
from_of(const struct inv_moves *m, const struct inv_move *v)
{
    return (struct al_span){m->names + v->from_at, v->from_len};
}

static struct al_span
to_of(const struct inv_moves *m, const struct inv_move *v)
{
    return (struct al_span){m->names + v->to_at, v->to_len};
}

int
inv_moves_add(struct inv_moves *m, int64_t time_ns, uint64_t n, struct al_span from,
              struct al_span to, bool cut, bool active, uint32_t *ret)
{
    struct inv_move *v;
    int rc;

    if (m->count == m->cap) {
        uint32_t cap = m->cap > 0 ? 2 * m->cap : 256;
        struct inv_move *grown = al_realloc(m->all, (size_t)cap * sizeof(*grown));

        if (grown == NULL) {
            return AL_ENOMEM;
        }
        m->all = grown;
        m->cap = cap;
    }
    v = &m->all[m->count];
    *v = (struct inv_move){.time_ns = time_ns,
                           .n = n,
                           .from_len = (uint32_t)from.len,
                           .to_len = (uint32_t)to.len,
                           .cut = cut,
                           .active = active};
    rc = add_name(m, from, &v->from_at);
    if (rc == AL_OK) {
        rc = add_name(m, to, &v->to_at);
    }
    if (rc < 0) {
        return rc;
    }
    v->from_hash = al_xxh64(from.at, from.len, 0);
    v->to_hash = al_xxh64(to.at, to.len, 0);
    *ret = m->count++;
    return AL_OK;
}

struct sorted { /* of qsort, which has no context */
    uint64_t hash;
    int64_t time_ns;
    uint32_t index;
};

static int
by_hash_and_time(const void *a, const void *b)
{
    const struct sorted *x = a, *y = b;

    if (x->hash != y->hash) {
        return x->hash < y->hash ? -1 : 1;
    }
    if (x->time_ns != y->time_ns) {
        return x->time_ns < y->time_ns ? -1 : 1;
    }
    return x->index < y->index ? -1 : x->index > y->index;
}

static int
sort_by(const struct inv_moves *m, bool to, uint32_t *order, uint32_t *table)
{
    struct sorted *s = al_array((size_t)m->count + 1, sizeof(*s));

    if (s == NULL) {
        return AL_ENOMEM;
    }
    for (uint32_t i = 0; i < m->count; i++) {
        s[i] = (struct sorted){to ? m->all[i].to_hash : m->all[i].from_hash, m->all[i].time_ns, i};
    }
    qsort(s, m->count, sizeof(*s), by_hash_and_time);
    for (uint32_t i = 0; i < m->count; i++) {
        order[i] = s[i].index;
        if (i == 0 || s[i].hash != s[i - 1].hash) {
            uint64_t at = s[i].hash & m->table_mask;

            while (table[at] != 0) {
                at = (at + 1) & m->table_mask;
            }
            table[at] = i + 1;
        }
    }
    al_free(s);
    return AL_OK;
}

int
inv_moves_sort(struct inv_moves *m)
{
    uint64_t size = 256;
    int rc;

    while (size < 2 * (uint64_t)m->count) {
        size *= 2;
    }
    al_free(m->by_from);
    al_free(m->by_to);
    al_free(m->table_from);
    al_free(m->table_to);
    m->table_mask = (uint32_t)(size - 1);
    m->by_from = al_array((size_t)m->count + 1, sizeof(*m->by_from));
    m->by_to = al_array((size_t)m->count + 1, sizeof(*m->by_to));
    m->table_from = al_array((size_t)size, sizeof(*m->table_from));
    m->table_to = al_array((size_t)size, sizeof(*m->table_to));
    if (m->by_from == NULL || m->by_to == NULL || m->table_from == NULL || m->table_to == NULL) {
        return AL_ENOMEM;
    }
    rc = sort_by(m, false, m->by_from, m->table_from);
    return rc < 0 ? rc : sort_by(m, true, m->by_to, m->table_to);
}

/* The group of moves from, or to, a path: its first place in the order, and the place behind its last. */
static bool
find_group(const struct inv_moves *m, bool to, struct al_span path, uint32_t *ret_first)
{
    const uint32_t *table = to ? m->table_to : m->table_from;
    const uint32_t *order = to ? m->by_to : m->by_from;
    uint64_t hash = al_xxh64(path.at, path.len, 0), at = hash & m->table_mask;

    while (table[at] != 0) {
        const struct inv_move *v = &m->all[order[table[at] - 1]];

        if ((to ? v->to_hash : v->from_hash) == hash) {
            *ret_first = table[at] - 1;
            return true;
        }
        at = (at + 1) & m->table_mask;
    }
    return false;
}

static bool
counts(const struct inv_move *v, const struct inv_asked *a)
{
    return v->active && v->n > a->above_n && v != a->but;
}

/* The first place in the group at `first` whose time is later; m->count when there is none. */
static uint32_t
first_later(const struct inv_moves *m, bool to, uint32_t first, int64_t time_ns)
{
    const uint32_t *order = to ? m->by_to : m->by_from;
    const struct inv_move *head = &m->all[order[first]];
    uint64_t hash = to ? head->to_hash : head->from_hash;
    uint32_t low = first, high = m->count;

    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        const struct inv_move *v = &m->all[order[mid]];

        if ((to ? v->to_hash : v->from_hash) == hash && v->time_ns <= time_ns) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

/* The earliest move of this very path that is later than asked, and earlier than `best`. */
static const struct inv_move *
next_from(const struct inv_moves *m, struct al_span path, const struct inv_asked *a,
          int64_t time_ns, const struct inv_move *best)
{
    uint32_t first;

    if (!find_group(m, false, path, &first)) {
        return best;
    }
    for (uint32_t i = first_later(m, false, first, time_ns); i < m->count; i++) {
        const struct inv_move *v = &m->all[m->by_from[i]];

        if (v->from_hash != m->all[m->by_from[first]].from_hash ||
            (best != NULL && v->time_ns >= best->time_ns)) {
            break;
        }
        if (counts(v, a) && al_span_equal(from_of(m, v), path)) {
            return v;
        }
    }
    return best;
}

/* The latest move to this very path that is earlier than before_ns, and later than `best` and than asked. */
static const struct inv_move *
last_to(const struct inv_moves *m, struct al_span path, int64_t time_ns, int64_t before_ns,
        const struct inv_move *best)
{
    uint32_t first, i;

    if (!find_group(m, true, path, &first)) {
        return best;
    }
    for (i = first_later(m, true, first, before_ns - 1); i > first; i--) {
        const struct inv_move *v = &m->all[m->by_to[i - 1]];

        if (v->time_ns <= time_ns || (best != NULL && v->time_ns <= best->time_ns)) {
            break;
        }
        if (v->active && !v->cut && al_span_equal(to_of(m, v), path)) {
            return v;
        }
    }
    return best;
}

bool
inv_moves_twice(const struct inv_moves *m, uint32_t index)
{
    const struct inv_move *x = &m->all[index];
    uint32_t first;

    if (!find_group(m, false, from_of(m, x), &first)) {
        return false;
    }
    for (uint32_t i = first_later(m, false, first, x->time_ns - 1); i < m->count; i++) {
        const struct inv_move *v = &m->all[m->by_from[i]];

        if (v->from_hash != x->from_hash || v->time_ns != x->time_ns) {
            break;
        }
        if (m->by_from[i] < index && v->cut == x->cut &&
            al_span_equal(from_of(m, v), from_of(m, x)) &&
            al_span_equal(to_of(m, v), to_of(m, x))) {
            return true;
        }
    }
    return false;
}

const struct inv_move *
inv_moves_cut(const struct inv_moves *m, struct al_span path, int64_t time_ns)
{
    uint32_t first;

    if (m->count == 0 || !find_group(m, false, path, &first)) {
        return NULL;
    }
    for (uint32_t i = first_later(m, false, first, time_ns - 1); i < m->count; i++) {
        const struct inv_move *v = &m->all[m->by_from[i]];

        if (v->time_ns != time_ns) {
            break;
        }
        if (v->cut && al_span_equal(from_of(m, v), path)) {
            return v;
        }
    }
    return NULL;
}

/* cur = head + what of cur follows len. AL_ELIMIT when it is too long. */
static int
exchange_head(struct al_buf *cur, size_t len, struct al_span head)
{
    size_t rest = cur->len - len;
    int rc;

    if (head.len + rest > INVENTORY_PATH_MAX) {
        return AL_ELIMIT;
    }
    rc = head.len > len ? al_buf_reserve(cur, head.len - len) : AL_OK;
    if (rc < 0) {
        return rc;
    }
    memmove(cur->at + head.len, cur->at + len, rest);
    if (head.len > 0) {
        memcpy(cur->at, head.at, head.len);
    }
    cur->len = head.len + rest;
    return AL_OK;
}

/* The move that is next, of the path or of a folder above it. */
static const struct inv_move *
next_move(const struct inv_moves *m, struct al_span path, const struct inv_asked *a,
          int64_t time_ns)
{
    const struct inv_move *best = NULL;

    for (size_t end = 1; end <= path.len; end++) {
        if (end == path.len || path.at[end] == '/') {
            best = next_from(m, (struct al_span){path.at, end}, a, time_ns, best);
        }
    }
    return best;
}

int
inv_moves_resolve(const struct inv_moves *m, struct al_span path, const struct inv_asked *asked,
                  struct al_buf *out, bool *ret_gone)
{
    int64_t time_ns = asked->time_ns;
    int rc;

    *ret_gone = false;
    al_buf_clear(out);
    rc = al_buf_reserve(out, path.len + 1);
    if (rc == AL_OK && path.len > 0) {
        rc = al_buf_add(out, path.at, path.len);
    }
    for (uint32_t hops = 0; rc == AL_OK; hops++) {
        const struct inv_move *v =
            m->count > 0 ? next_move(m, al_buf_span(out), asked, time_ns) : NULL;

        if (asked->before != NULL && inv_times_at(asked->before, al_buf_span(out)) > time_ns) {
            *asked->ret_late = true;
        }
        if (asked->sources != NULL && inv_times_at(asked->sources, al_buf_span(out)) > time_ns) {
            *asked->ret_split = true;
        }
        if (v == NULL) {
            break;
        }
        if (v->cut || hops == INV_HOPS_MAX) {
            *ret_gone = true;
            break;
        }
        rc = exchange_head(out, v->from_len, to_of(m, v));
        time_ns = v->time_ns;
    }
    if (rc == AL_ELIMIT) {
        *ret_gone = true;
        rc = AL_OK;
    }
    return rc;
}

int
inv_moves_trace(const struct inv_moves *m, struct al_span path, int64_t time_ns, struct al_buf *out)
{
    int64_t before_ns = INT64_MAX;
    int rc;

    al_buf_clear(out);
    rc = al_buf_reserve(out, path.len + 1);
    if (rc == AL_OK && path.len > 0) {
        rc = al_buf_add(out, path.at, path.len);
    }
    for (uint32_t hops = 0; rc == AL_OK && m->count > 0 && hops < INV_HOPS_MAX; hops++) {
        const struct inv_move *best = NULL;

        for (size_t end = 1; end <= out->len; end++) {
            if (end == out->len || out->at[end] == '/') {
                best = last_to(m, (struct al_span){out->at, end}, time_ns, before_ns, best);
            }
        }
        if (best == NULL) {
            break;
        }
        rc = exchange_head(out, best->to_len, from_of(m, best));
        before_ns = best->time_ns;
    }
    return rc == AL_ELIMIT ? AL_OK : rc;
}

int
inv_moves_load(struct inv_use *u, int64_t since_ns, struct inv_moves *m)
{
    INV_ROWS(rows);
    char sql[256];
    bool end = false;
    uint32_t index;
    int rc;

    snprintf(sql, sizeof(sql),
             "SELECT time_ns, n, source, target FROM \"v_%s\".a_move WHERE time_ns > %lld",
             u->volume->id, (long long)since_ns);
    rc = inv_query(u->inv, u->conn, sql, true, &rows);
    while (rc == AL_OK) {
        struct al_span to;

        rc = inv_next(&rows, &end);
        if (rc < 0 || end) {
            break;
        }
        to = inv_bytes(&rows, 3);
        rc = inv_moves_add(m, inv_num(&rows, 0), (uint64_t)inv_num(&rows, 1), inv_bytes(&rows, 2),
                           to, to.at == NULL, true, &index);
    }
    return rc;
}
