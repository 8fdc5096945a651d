#include "agent/run/audit.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

#define WAYS 4u             /* places a path may be in */
#define OWN_PREFIX ".alto-" /* names that only Alto gives: agent/stub, agent/mover */
#define PLACEHOLDER ".alto"

void
audit_seen_begin(struct audit_seen *s, struct port *p)
{
    AL_CLEANUP(al_buf_free) struct al_buf name = {0};

    *s = (struct audit_seen){0};
    al_buf_init(&name, sizeof(s->host) - 1);
    if (port_hostname(p, &name) == AL_OK && name.at != NULL) {
        const uint8_t *dot = memchr(name.at, '.', name.len);

        memcpy(s->host, name.at, dot != NULL ? (size_t)(dot - name.at) : name.len);
    }
}

void
audit_seen_end(struct audit_seen *s)
{
    al_free(s->recent);
    al_free(s->own);
    al_free(s->news);
    s->recent = s->own = s->news = NULL;
    s->news_count = 0;
}

static uint64_t
hash_of(struct al_span path)
{
    uint64_t h = al_xxh64(path.at, path.len, 11);

    return h == 0 ? 1 : h;
}

/* Its place, or the one of those it may have that says the least; NULL where there is no table. */
static struct audit_span *
place(struct audit_span *table, uint32_t max, uint64_t hash)
{
    struct audit_span *first, *least;

    if (table == NULL) {
        return NULL;
    }
    first = least = &table[hash % (max / WAYS) * WAYS];
    for (unsigned i = 0; i < WAYS; i++) {
        if (first[i].hash == hash) {
            return &first[i];
        }
        if (first[i].until_ns < least->until_ns) {
            least = &first[i];
        }
    }
    return least;
}

void
audit_seen_used(struct audit_seen *s, struct al_span path, int64_t time_ns, int64_t now_ns)
{
    uint64_t hash = hash_of(path);
    int64_t turn_ns = time_ns < now_ns ? time_ns : now_ns;
    struct audit_span *at;

    if (s->recent == NULL) {
        s->recent = al_array(AUDIT_RECENT_MAX, sizeof(*s->recent));
    }
    at = place(s->recent, AUDIT_RECENT_MAX, hash);
    if (at != NULL && (at->hash == hash ||
                       at->until_ns < turn_ns)) { /* without memory the plan's time decides alone */
        at->from_ns = at->hash == hash && at->from_ns > time_ns ? at->from_ns : time_ns;
        at->until_ns = at->hash == hash && at->until_ns > turn_ns ? at->until_ns : turn_ns;
        at->hash = hash;
    }
}

int64_t
audit_seen_recent(const struct audit_seen *s, struct al_span path)
{
    uint64_t hash = hash_of(path);
    const struct audit_span *at = place(s->recent, AUDIT_RECENT_MAX, hash);

    return at != NULL && at->hash == hash ? at->from_ns : 0;
}

/* Without memory it looks like a use: nothing is tiered too early. */
static struct audit_span *
own_place(struct audit_seen *s, uint64_t hash)
{
    if (s->own == NULL) {
        s->own = al_array(AUDIT_OWN_MAX, sizeof(*s->own));
    }
    return place(s->own, AUDIT_OWN_MAX, hash);
}

void
audit_seen_work(struct audit_seen *s, struct al_span path, int64_t from_ns, int64_t until_ns)
{
    struct audit_span x = {hash_of(path), from_ns, until_ns};
    struct audit_span *at = own_place(s, x.hash);

    if (at != NULL) {
        *at = x;
    }
    if (s->news == NULL) {
        s->news = al_array(AUDIT_NEWS_MAX, sizeof(*s->news));
    }
    if (s->news != NULL && s->news_count < AUDIT_NEWS_MAX) {
        s->news[s->news_count++] = x;
    }
}

void
audit_seen_again(struct audit_seen *s, const struct audit_span *x)
{
    struct audit_span *at = own_place(s, x->hash);

    if (at != NULL &&
        (at->hash == x->hash ? at->from_ns <= x->from_ns : at->until_ns < x->until_ns)) {
        *at = *x;
    }
}

static bool
is_this_host(const struct audit_seen *s, struct al_span host)
{
    size_t len = strlen(s->host);

    if (host.at == NULL || host.len == 0) {
        return true;
    }
    if (len == 0 || host.len < len || (host.len > len && host.at[len] != '.')) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (al_lower(host.at[i]) != al_lower((uint8_t)s->host[i])) {
            return false;
        }
    }
    return true;
}

static bool
worked_on(const struct audit_seen *s, struct al_span path, int64_t time_ns)
{
    uint64_t hash = hash_of(path);
    const struct audit_span *at = place(s->own, AUDIT_OWN_MAX, hash);

    return at != NULL && at->hash == hash && time_ns >= at->from_ns - AUDIT_OWN_BEFORE_NS &&
           (at->until_ns == INT64_MAX || time_ns <= at->until_ns + AUDIT_OWN_AFTER_NS);
}

bool
audit_seen_own(const struct audit_seen *s, struct al_span path, struct al_span host,
               int64_t time_ns, bool is_move)
{
    size_t name = path.len, ending = sizeof(PLACEHOLDER) - 1;

    while (name > 0 && path.at[name - 1] != '/') {
        name--;
    }
    if (path.len - name >= sizeof(OWN_PREFIX) - 1 &&
        memcmp(path.at + name, OWN_PREFIX, sizeof(OWN_PREFIX) - 1) == 0) {
        return true;
    }
    if (is_move || s->own == NULL || !is_this_host(s, host)) {
        return false;
    }
    if (worked_on(s, path, time_ns)) {
        return true;
    }
    if (path.len - name <= ending ||
        memcmp(path.at + path.len - ending, PLACEHOLDER, ending) != 0) {
        return false;
    }
    path.len -= ending;
    return worked_on(s, path, time_ns);
}
