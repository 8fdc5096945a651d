#include "agent/auditlog/digest.h"

#include <string.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/mem.h"

#define ROWS_FIRST 256u /* room at first; a larger one is given back when it was told */
#define NOWHERE UINT32_MAX
#define HOUR_NS (INT64_C(3600) * 1000000000)

struct person {
    struct al_span user, host, node;
    uint64_t hash;
    bool named; /* noise by the settings */
};
struct key { /* of a row that may count more */
    uint64_t hash;
    int64_t hour;
    uint32_t person, epoch;
};
struct moved { /* a path from or to which something was moved: by its hash, 0: free */
    uint64_t hash;
    uint32_t epoch;
};

struct digest {
    struct digest_conf conf;
    struct digest_counts counts;
    struct al_arena *names;
    size_t name_bytes;
    struct digest_row *rows;
    struct key *keys;
    uint32_t *table; /* of rows, by key; table_mask + 1 places, twice as many as rows */
    size_t count, cap;
    struct person *people;
    size_t person_count, person_cap;
    uint32_t last_person;
    struct moved *moves; /* NULL: none */
    size_t move_count, move_cap;
    uint32_t epoch; /* grows with each move */
};

static bool
rows_room(struct digest *d, size_t cap)
{
    struct digest_row *rows = al_realloc(d->rows, cap * sizeof(*rows));
    struct key *keys;
    uint32_t *table;

    if (rows == NULL) {
        return false;
    }
    d->rows = rows;
    keys = al_realloc(d->keys, cap * sizeof(*keys));
    if (keys == NULL) {
        return false;
    }
    d->keys = keys;
    table = al_realloc(d->table, cap * 2 * sizeof(*table));
    if (table == NULL) {
        return false;
    }
    d->table = table;
    d->cap = cap;
    memset(table, 0xff, cap * 2 * sizeof(*table));
    for (size_t i = 0; i < d->count; i++) {
        size_t at = keys[i].hash & (cap * 2 - 1);

        while (keys[i].hash != 0 && table[at] != NOWHERE) {
            at = (at + 1) & (cap * 2 - 1);
        }
        if (keys[i].hash != 0) {
            table[at] = (uint32_t)i;
        }
    }
    return true;
}

int
digest_new(const struct digest_conf *conf, struct digest **ret)
{
    struct digest *d = al_zalloc(sizeof(*d));

    if (d == NULL) {
        return AL_ENOMEM;
    }
    d->conf = *conf;
    d->last_person = NOWHERE;
    d->names = al_arena_new(DIGEST_BYTES_MAX + DIGEST_BYTES_MAX / 4);
    if (d->names == NULL || !rows_room(d, ROWS_FIRST)) {
        (void)digest_free(d); /* returns NULL */
        return AL_ENOMEM;
    }
    *ret = d;
    return AL_OK;
}

struct digest *
digest_free(struct digest *d)
{
    if (d != NULL) {
        (void)al_arena_free(d->names); /* returns NULL */
        al_free(d->rows);
        al_free(d->keys);
        al_free(d->table);
        al_free(d->people);
        al_free(d->moves);
        al_free(d);
    }
    return NULL;
}

struct digest_row *
digest_rows(struct digest *d, size_t *ret_count)
{
    *ret_count = d->count;
    return d->rows;
}

const struct digest_counts *
digest_counts(const struct digest *d)
{
    return &d->counts;
}

void
digest_resume(struct digest *d, const struct digest_counts *counts)
{
    d->counts = *counts;
}

void
digest_clear(struct digest *d)
{
    bool large = d->cap > ROWS_FIRST * 4;

    d->count = d->person_count = d->move_count = 0;
    d->last_person = NOWHERE;
    d->name_bytes = 0;
    d->epoch = 0;
    al_free(d->moves);
    d->moves = NULL;
    d->move_cap = 0;
    if (large) {
        struct al_arena *names = al_arena_new(DIGEST_BYTES_MAX + DIGEST_BYTES_MAX / 4);

        if (names != NULL) {               /* else what there is serves on */
            (void)al_arena_free(d->names); /* returns NULL */
            d->names = names;
        }
        al_free(d->people);
        d->people = NULL;
        d->person_cap = 0;
        if (rows_room(d, ROWS_FIRST)) {
            return;
        }
    }
    al_arena_reset(d->names);
    memset(d->table, 0xff, d->cap * 2 * sizeof(*d->table));
}

/* ---- people ---- */

static struct al_span
cut_name(struct al_span s)
{
    return (struct al_span){s.at, s.at == NULL                   ? 0
                                  : s.len > AUDIT_NAME_BYTES_MAX ? AUDIT_NAME_BYTES_MAX
                                                                 : s.len};
}

static bool
is_person(const struct person *p, struct al_span user, struct al_span host, struct al_span node)
{
    return al_span_equal(p->user, user) && al_span_equal(p->host, host) &&
           al_span_equal(p->node, node);
}

static uint64_t
person_hash(struct al_span user, struct al_span host, struct al_span node)
{
    uint64_t h = al_xxh64(user.at, user.len, 1);

    h = al_xxh64(host.at, host.len, h);
    return al_xxh64(node.at, node.len, h);
}

/* The copy, counted. .at NULL: no memory. */
static struct al_span
keep(struct digest *d, struct al_span s)
{
    struct al_span copy = {(const uint8_t *)"", 0};

    if (s.len > 0) {
        copy = al_arena_span(d->names, s);
        d->name_bytes += s.len + 16;
    }
    return copy;
}

static int
person_add(struct digest *d, struct al_span user, struct al_span host, struct al_span node,
           uint64_t hash)
{
    struct person p = {.hash = hash};

    if (d->person_count == d->person_cap) {
        size_t cap = d->person_cap == 0 ? 32 : d->person_cap * 2;
        struct person *more =
            cap <= DIGEST_PEOPLE_MAX ? al_realloc(d->people, cap * sizeof(*more)) : NULL;

        if (more == NULL) {
            return cap > DIGEST_PEOPLE_MAX ? AL_ELIMIT : AL_ENOMEM;
        }
        d->people = more;
        d->person_cap = cap;
    }
    p.user = keep(d, user);
    p.host = keep(d, host);
    p.node = keep(d, node);
    if (p.user.at == NULL || p.host.at == NULL || p.node.at == NULL) {
        return AL_ENOMEM;
    }
    p.named = audit_names_match(&d->conf.settings->drop_users, user) ||
              audit_names_match(&d->conf.settings->drop_hosts, host) ||
              audit_names_match(&d->conf.settings->drop_nodes, node);
    d->people[d->person_count++] = p;
    return AL_OK;
}

/* Lines of one log are of one client, so the last one it mostly is. Others are few. */
static int
person_of(struct digest *d, const struct auditlog_event *e, uint32_t *ret)
{
    struct al_span user = cut_name(e->user), host = cut_name(e->host), node = cut_name(e->node);
    uint64_t hash;
    int rc;

    if (d->last_person != NOWHERE && is_person(&d->people[d->last_person], user, host, node)) {
        *ret = d->last_person;
        return AL_OK;
    }
    hash = person_hash(user, host, node);
    for (size_t i = d->person_count; i > 0; i--) {
        if (d->people[i - 1].hash == hash && is_person(&d->people[i - 1], user, host, node)) {
            *ret = d->last_person = (uint32_t)(i - 1);
            return AL_OK;
        }
    }
    rc = person_add(d, user, host, node, hash);
    if (rc == AL_OK) {
        *ret = d->last_person = (uint32_t)(d->person_count - 1);
    }
    return rc;
}

/* ---- moves ---- */

static uint64_t
path_hash(struct al_span path)
{
    uint64_t h = al_xxh64(path.at, path.len, 7);

    return h == 0 ? 1 : h;
}

static struct moved *
moved_at(const struct digest *d, uint64_t hash)
{
    size_t at = hash & (d->move_cap - 1);

    while (d->moves[at].hash != 0 && d->moves[at].hash != hash) {
        at = (at + 1) & (d->move_cap - 1);
    }
    return &d->moves[at];
}

static bool
moves_room(struct digest *d)
{
    struct moved *old = d->moves;
    size_t old_cap = d->move_cap, cap = old_cap == 0 ? 64 : old_cap * 2;

    if (d->move_count * 2 < old_cap) {
        return true;
    }
    d->moves = al_array(cap, sizeof(*d->moves));
    if (d->moves == NULL) {
        d->moves = old;
        return false;
    }
    d->move_cap = cap;
    for (size_t i = 0; i < old_cap; i++) {
        if (old[i].hash != 0) {
            *moved_at(d, old[i].hash) = old[i];
        }
    }
    al_free(old);
    return true;
}

/* With room for two. */
static void
moved_note(struct digest *d, struct al_span path)
{
    struct moved *m = moved_at(d, path_hash(path));

    d->move_count += m->hash == 0;
    *m = (struct moved){path_hash(path), d->epoch};
}

/* Whether something was moved from or to the path or a folder above it since then. */
static bool
moved_since(const struct digest *d, struct al_span path, uint32_t epoch)
{
    if (d->epoch == epoch || d->move_count == 0) {
        return false;
    }
    for (;;) {
        const struct moved *m = moved_at(d, path_hash(path));

        if (m->hash != 0 && m->epoch > epoch) {
            return true;
        }
        if (path.len == 0) {
            return false;
        }
        while (path.len > 0 && path.at[path.len - 1] != '/') {
            path.len--;
        }
        path.len -= path.len > 0;
    }
}

/* ---- rows ---- */

static int
row_add(struct digest *d, const struct digest_row *from, uint32_t person, const struct key *key)
{
    const struct person *p = &d->people[person];
    struct digest_row r = *from;

    if (d->count == d->cap && (d->cap >= DIGEST_ROWS_MAX || !rows_room(d, d->cap * 2))) {
        return d->cap >= DIGEST_ROWS_MAX ? AL_ELIMIT : AL_ENOMEM;
    }
    if (d->name_bytes + r.path.len + r.target.len > DIGEST_BYTES_MAX) {
        return AL_ELIMIT;
    }
    r.path = keep(d, r.path);
    r.target = keep(d, r.target);
    if (r.path.at == NULL || r.target.at == NULL) {
        return AL_ENOMEM;
    }
    r.user = p->user;
    r.host = p->host;
    r.node = p->node;
    d->keys[d->count] = key != NULL ? *key : (struct key){0};
    d->rows[d->count++] = r;
    return AL_OK;
}

static void
count_in(struct digest_row *r, int64_t time_ns, bool write)
{
    r->time_ns = time_ns > r->time_ns ? time_ns : r->time_ns;
    if (write) {
        r->writes++;
        r->modified_ns = time_ns > r->modified_ns ? time_ns : r->modified_ns;
        r->look = DIGEST_LOOK_PATH;
    } else {
        r->reads++;
    }
}

static int
used(struct digest *d, struct al_span path, uint32_t person, int64_t time_ns, bool write)
{
    struct digest_row fresh = {.kind = DIGEST_USED, .path = path, .time_ns = time_ns};
    struct key key = {.hour = time_ns / HOUR_NS, .person = person, .epoch = d->epoch};
    size_t mask = d->cap * 2 - 1, at;
    int rc;

    key.hash = al_xxh64(path.at, path.len, (uint64_t)key.hour * 131071 + person);
    key.hash += key.hash == 0;
    for (at = key.hash & mask; d->table[at] != NOWHERE; at = (at + 1) & mask) {
        uint32_t i = d->table[at];
        struct key *k = &d->keys[i];

        if (k->hash == key.hash && k->person == person && k->hour == key.hour &&
            al_span_equal(d->rows[i].path, path)) {
            if (moved_since(d, path, k->epoch)) {
                break; /* the place is the new row's */
            }
            k->epoch = d->epoch;
            count_in(&d->rows[i], time_ns, write);
            return AL_OK;
        }
    }
    count_in(&fresh, time_ns, write);
    rc = row_add(d, &fresh, person, &key);
    if (rc == AL_OK) {
        mask = d->cap * 2 - 1; /* it may have grown */
        for (at = key.hash & mask; d->table[at] != NOWHERE; at = (at + 1) & mask) {
            uint32_t i = d->table[at];

            if (d->keys[i].hash == key.hash && d->keys[i].person == person &&
                d->keys[i].hour == key.hour && al_span_equal(d->rows[i].path, path)) {
                break;
            }
        }
        d->table[at] = (uint32_t)(d->count - 1);
    }
    return rc;
}

static int
plain(struct digest *d, enum digest_kind kind, enum digest_look look, struct al_span path,
      uint32_t person, int64_t time_ns)
{
    return row_add(
        d, &(struct digest_row){.kind = kind, .look = look, .path = path, .time_ns = time_ns},
        person, NULL);
}

bool
digest_below(const char *prefix, struct al_span path, struct al_span *ret)
{
    size_t len = strlen(prefix);

    if (path.len < len || memcmp(path.at, prefix, len) != 0 ||
        (path.len > len && path.at[len] != '/')) {
        return false;
    }
    path.at += len;
    path.len -= len;
    if (path.len > 0) { /* the '/' between */
        path.at++;
        path.len--;
    }
    *ret = path;
    return true;
}

/* What comes there brings the volume along. */
static bool
above(const char *prefix, struct al_span path)
{
    return path.len > 0 && path.len < strlen(prefix) && prefix[path.len] == '/' &&
           memcmp(prefix, path.at, path.len) == 0;
}

static int
move(struct digest *d, const struct auditlog_event *e, const struct al_span *from,
     const struct al_span *to, uint32_t person, int64_t time_ns)
{
    struct digest_row r = {.kind = DIGEST_MOVE, .look = DIGEST_LOOK_TARGET, .time_ns = time_ns};
    int rc;

    if (!moves_room(d)) {
        return AL_ENOMEM;
    }
    if (from != NULL && to != NULL) {
        r.path = *from;
        r.target = *to;
        rc = row_add(d, &r, person, NULL);
    } else if (from != NULL) {
        r.kind = DIGEST_DELETE;
        r.look = DIGEST_LOOK_OUTSIDE;
        r.path = *from;
        r.target = (struct al_span){e->target.at + 1, e->target.len - 1};
        rc = row_add(d, &r, person, NULL);
    } else {
        r.kind = DIGEST_CREATE;
        r.look = to->len > 0 ? DIGEST_LOOK_PATH : DIGEST_LOOK_NONE;
        r.path = *to;
        r.came = true;
        rc = row_add(d, &r, person, NULL);
    }
    if (rc == AL_OK) {
        d->epoch++;
        if (from != NULL) {
            moved_note(d, *from);
        }
        if (to != NULL) {
            moved_note(d, *to);
        }
    }
    return rc;
}

static int
take(struct digest *d, const struct auditlog_event *e, struct al_span path, uint32_t person,
     int64_t time_ns)
{
    switch (e->action) {
    case AUDITLOG_PREHYDRATE:
        if (!d->conf.settings->prehydrate) {
            return AL_OK;
        }
        return used(d, path, person, time_ns, false);
    case AUDITLOG_READ:
    case AUDITLOG_OTHER: /* nobody knows what it is: perhaps a read by a new name */
        return used(d, path, person, time_ns, false);
    case AUDITLOG_WRITE:
        return used(d, path, person, time_ns, true);
    case AUDITLOG_CREATE:
        return plain(d, DIGEST_CREATE, DIGEST_LOOK_PATH, path, person, time_ns);
    case AUDITLOG_FOLDER_CREATE:
    case AUDITLOG_LINK_CREATE: /* what it is, only a look tells; the next scan brings it else */
        return plain(d, DIGEST_CREATE, DIGEST_LOOK_NEEDED, path, person, time_ns);
    case AUDITLOG_DELETE:
        return plain(d, DIGEST_DELETE, DIGEST_LOOK_NONE, path, person, time_ns);
    case AUDITLOG_FOLDER_DELETE:
        return plain(d, DIGEST_FOLDER_DELETE, DIGEST_LOOK_NONE, path, person, time_ns);
    case AUDITLOG_PIN:
        return plain(d, DIGEST_PIN, DIGEST_LOOK_NONE, path, person, time_ns);
    case AUDITLOG_UNPIN:
        return plain(d, DIGEST_UNPIN, DIGEST_LOOK_NONE, path, person, time_ns);
    default:
        return AL_OK; /* attributes say nothing of use */
    }
}

static bool
changes_tree(enum auditlog_action a)
{
    return a == AUDITLOG_WRITE || a == AUDITLOG_CREATE || a == AUDITLOG_DELETE ||
           a == AUDITLOG_FOLDER_CREATE || a == AUDITLOG_FOLDER_DELETE || a == AUDITLOG_LINK_CREATE;
}

static int
take_noise(struct digest *d, const struct auditlog_event *e, struct al_span path, uint32_t person)
{
    size_t before = d->count;
    int rc = changes_tree(e->action) ? take(d, e, path, person, e->time_ns) : AL_OK;

    if (rc == AL_OK && d->count > before) {
        enum digest_kind kind = d->rows[before].kind;

        d->rows[before].noise = kind == DIGEST_USED || kind == DIGEST_CREATE;
    }
    return rc;
}

int
digest_add(struct digest *d, const struct auditlog_event *e, int64_t now_ns, int64_t *ret_time)
{
    bool late = e->time_ns > now_ns + DIGEST_FUTURE_NS, is_move = e->action == AUDITLOG_MOVE, named;
    int64_t time_ns = e->time_ns;
    struct al_span path, target, *from, *to = NULL;
    uint32_t person;
    int rc = person_of(d, e, &person);

    if (rc != AL_OK) {
        return rc;
    }
    if (ret_time != NULL) {
        *ret_time = late ? now_ns : time_ns;
    }
    if (e->path.len > DIGEST_PATH_MAX || (is_move && (e->target.at == NULL || e->target.len == 0 ||
                                                      e->target.len > DIGEST_PATH_MAX))) {
        d->counts.unusable++;
        return AL_OK;
    }
    from = digest_below(d->conf.prefix, e->path, &path) ? &path : NULL;
    if (is_move && digest_below(d->conf.prefix, e->target, &target)) {
        to = &target;
    } else if (is_move && above(d->conf.prefix, e->target)) {
        target = (struct al_span){(const uint8_t *)"", 0};
        to = &target;
    }
    if (from == NULL && to == NULL) {
        d->counts.outside++;
        return AL_OK;
    }
    if (d->conf.is_own != NULL && d->conf.is_own(d->conf.ctx, e, from, to)) {
        d->counts.own++;
        return AL_OK;
    }
    named = d->people[person].named;
    rc = is_move ? move(d, e, from, to, person, time_ns) /* or what is known stays behind */
         : named ? take_noise(d, e, path, person)
                 : take(d, e, path, person, time_ns);
    d->counts.named += rc == AL_OK && named;
    d->counts.clamped += rc == AL_OK && late;
    return rc;
}
