#include "agent/run/audit.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

#define WAYS 4u /* places a path may be in */
#define PLACEHOLDER ".alto"
#define ID_LEN 26u /* letters and digits of an id */

/* Names that only Alto gives: agent/mover, agent/stub. id: one follows, and nothing else. */
static const struct {
    const char *prefix;
    bool id;
} own_names[] = {{".alto-aside-", true},
                 {".alto-new-", true},
                 {".alto-back-", true},
                 {".alto-probe-", false},
                 {".alto-doctor-", false}};

void
audit_seen_begin(struct audit_seen *s)
{
    *s = (struct audit_seen){0};
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
worked_on(const struct audit_seen *s, struct al_span path, int64_t time_ns)
{
    uint64_t hash = hash_of(path);
    const struct audit_span *at = place(s->own, AUDIT_OWN_MAX, hash);

    return at != NULL && at->hash == hash && time_ns >= at->from_ns - AUDIT_OWN_BEFORE_NS &&
           (at->until_ns == INT64_MAX || time_ns <= at->until_ns + AUDIT_OWN_AFTER_NS);
}

/* A file, or the placeholder that is made for it. */
static bool
worked_on_file(const struct audit_seen *s, const struct al_span *path, int64_t time_ns)
{
    const size_t len = sizeof(PLACEHOLDER) - 1;

    return path != NULL && s->own != NULL &&
           (worked_on(s, *path, time_ns) ||
            (path->len > len && memcmp(path->at + path->len - len, PLACEHOLDER, len) == 0 &&
             worked_on(s, (struct al_span){path->at, path->len - len}, time_ns)));
}

static bool
is_id(struct al_span s)
{
    bool is = s.len == ID_LEN;

    for (size_t i = 0; is && i < s.len; i++) {
        uint8_t c = al_lower(s.at[i]);

        is = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    }
    return is;
}

static struct al_span
name_of(struct al_span path)
{
    size_t at = path.len;

    while (at > 0 && path.at[at - 1] != '/') {
        at--;
    }
    return (struct al_span){path.at + at, path.len - at};
}

static bool
is_own_name(const struct al_span *path)
{
    struct al_span name = path != NULL ? name_of(*path) : (struct al_span){NULL, 0};

    for (size_t i = 0; i < AL_LEN(own_names); i++) {
        size_t len = strlen(own_names[i].prefix);

        if (name.len > len && memcmp(name.at, own_names[i].prefix, len) == 0) {
            return !own_names[i].id || is_id((struct al_span){name.at + len, name.len - len});
        }
    }
    return false;
}

static bool
is_own_move(struct audit_seen *s, const struct auditlog_event *e, const struct al_span *from,
            const struct al_span *to, int64_t now_ns)
{
    bool from_ours = is_own_name(from), to_ours = is_own_name(to);

    if (from_ours ==
        to_ours) { /* a person's rename that was taken for ours would leave behind what is known of the file */
        return from_ours;
    }
    if (worked_on_file(s, from_ours ? to : from, e->time_ns)) {
        audit_self_prove(s, e, now_ns);
        return true;
    }
    return to_ours || audit_self_is(s, e);
}

bool
audit_seen_own(struct audit_seen *s, const struct auditlog_event *e, const struct al_span *from,
               const struct al_span *to, int64_t now_ns)
{
    if (e->action == AUDITLOG_MOVE) {
        return is_own_move(s, e, from, to, now_ns);
    }
    if (is_own_name(from)) {
        if (s->probe[0] != '\0' && e->action == AUDITLOG_CREATE &&
            al_span_equal(*from, al_span_of(s->probe))) {
            audit_self_prove(s, e, now_ns);
            s->probe[0] = '\0';
        }
        return true;
    }
    return worked_on_file(s, from, e->time_ns) && audit_self_is(s, e);
}
