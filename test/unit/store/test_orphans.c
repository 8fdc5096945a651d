/* What reconciles found, in the store: what ends a finding, and what must not. */
#include "fixture.h"

#include "server/store/orphan.h"

#define OBJECT "01j0000000000000000000000z"
#define OTHER "01j0000000000000000000000y"

struct things {
    struct fixture f;
    al_id customer, other, volume, theirs_volume;
    struct scope mine, theirs;
    int64_t now_ns;
};

static void
things_open(struct things *t)
{
    al_id host;

    fixture_open(&t->f);
    make_customer(&t->f, "Acme", t->customer);
    make_customer(&t->f, "Other", t->other);
    make_host(&t->f, t->customer, "fs1", host);
    make_volume(&t->f, t->customer, host, NULL, "space", t->volume);
    make_host(&t->f, t->other, "fs2", host);
    make_volume(&t->f, t->other, host, NULL, "theirs", t->theirs_volume);
    t->mine = scope_customer(t->customer);
    t->theirs = scope_customer(t->other);
    t->now_ns = 1000;
}

static bool
see(struct things *t, enum orphan_kind kind, const char *path, const char *object, uint64_t size)
{
    struct store_orphan o = {.kind = kind,
                             .path = al_span_of(path),
                             .object_id = object,
                             .size = size,
                             .mtime_ns = 5,
                             .text = ""};
    bool news = false;

    memcpy(o.volume_id, t->volume, sizeof(al_id));
    memcpy(o.customer_id, t->customer, sizeof(al_id));
    t->now_ns += 1000;
    TAP_OK(store_begin(t->f.s, NULL));
    TAP_OK(store_orphan_seen(t->f.s, &t->mine, &o, t->now_ns, &news, NULL));
    TAP_OK(store_commit(t->f.s, NULL));
    return news;
}

static void
walk_begins(struct things *t, const char *work)
{
    struct store_orphan_walk w = {.text = ""};

    memcpy(w.volume_id, t->volume, sizeof(al_id));
    memcpy(w.customer_id, t->customer, sizeof(al_id));
    memcpy(w.work_id, work, strlen(work));
    t->now_ns += 1000;
    TAP_OK(store_begin(t->f.s, NULL));
    TAP_OK(store_orphan_walk_begin(t->f.s, &t->mine, &w, t->now_ns, NULL));
    TAP_OK(store_commit(t->f.s, NULL));
}

static uint64_t
walk_ends(struct things *t, const char *work, bool stubs, bool objects)
{
    struct store_orphan_walk w = {.stubs = stubs, .objects = objects, .text = ""};
    uint64_t mended = 77;

    memcpy(w.volume_id, t->volume, sizeof(al_id));
    memcpy(w.customer_id, t->customer, sizeof(al_id));
    memcpy(w.work_id, work, strlen(work));
    t->now_ns += 1000;
    TAP_OK(store_begin(t->f.s, NULL));
    TAP_OK(store_orphan_walk_end(t->f.s, &t->mine, &w, t->now_ns, &mended, NULL));
    TAP_OK(store_commit(t->f.s, NULL));
    return mended;
}

struct counted {
    uint64_t findings[STORE_OR_STATES], bytes[STORE_OR_STATES];
};

static int
count(void *ctx, const struct store_orphan_sum *sum)
{
    struct counted *c = ctx;

    c->findings[sum->state] += sum->findings;
    c->bytes[sum->state] += sum->bytes;
    return AL_OK;
}

static struct counted
sums(struct things *t, const struct scope *scope)
{
    struct counted c = {{0}, {0}};

    TAP_OK(store_orphan_sums(t->f.s, scope, NULL, NULL, count, &c, NULL));
    return c;
}

/* The triggers' sums are those of the rows. */
static void
sums_hold(struct things *t)
{
    fixture_sql(&t->f, "CREATE TEMP TABLE bad(x CHECK(x=0)); INSERT INTO bad SELECT count(*) FROM"
                       " (SELECT kind, state, count(*) n, sum(size) b FROM orphan GROUP BY 1,2) r"
                       " LEFT JOIN orphan_sum s ON s.kind=r.kind AND s.state=r.state"
                       " WHERE s.findings IS NOT r.n OR s.bytes IS NOT r.b;");
}

static void
a_walk_ends_only_what_it_came_to(void)
{
    struct things t;

    things_open(&t);
    walk_begins(&t, "01j0000000000000000000000a");
    TAP_CHECK(see(&t, ORPHAN_CHANGED, "a", OBJECT, 10));
    TAP_CHECK(see(&t, ORPHAN_NO_STUB, "b", OBJECT, 20));
    TAP_EQUAL_U64(walk_ends(&t, "01j0000000000000000000000a", true, true), 0);
    walk_begins(&t, "01j0000000000000000000000b");
    TAP_EQUAL_U64(walk_ends(&t, "01j0000000000000000000000b", false, false),
                  0); /* part of the way */
    TAP_EQUAL_U64(sums(&t, &t.mine).findings[STORE_OR_OPEN], 2);
    walk_begins(&t, "01j0000000000000000000000c");
    TAP_EQUAL_U64(walk_ends(&t, "01j0000000000000000000000c", false, true), 0); /* makes no sense */
    walk_begins(&t, "01j0000000000000000000000d");
    TAP_EQUAL_U64(walk_ends(&t, "01j0000000000000000000000d", true, false),
                  1); /* the share was away */
    TAP_EQUAL_U64(sums(&t, &t.mine).bytes[STORE_OR_OPEN], 20);
    walk_begins(&t, "01j0000000000000000000000e");
    TAP_EQUAL_U64(walk_ends(&t, "01j0000000000000000000000e", true, true), 1);
    TAP_EQUAL_U64(sums(&t, &t.mine).findings[STORE_OR_OPEN], 0);
    TAP_EQUAL_U64(sums(&t, &t.mine).findings[STORE_OR_MENDED], 2);
    sums_hold(&t);
    fixture_close(&t.f);
}

static void
what_is_seen_while_a_walk_is_under_way_is_not_older_than_it(void)
{
    struct things t;

    things_open(&t);
    (void)see(&t, ORPHAN_DATA, "before", OBJECT, 1);
    walk_begins(&t, "01j0000000000000000000000a");
    (void)see(&t, ORPHAN_DATA, "by a scan, behind the walk", OBJECT, 1);
    t.now_ns = 10; /* the clock was set back: it has no say */
    TAP_EQUAL_U64(walk_ends(&t, "01j0000000000000000000000a", true, true), 1);
    TAP_EQUAL_U64(sums(&t, &t.mine).findings[STORE_OR_OPEN], 1);
    fixture_close(&t.f);
}

static void
a_walk_that_was_begun_anew_has_one_end(void)
{
    struct things t;

    things_open(&t);
    (void)see(&t, ORPHAN_DATA, "a", OBJECT, 1);
    walk_begins(&t, "01j0000000000000000000000a");
    walk_begins(&t, "01j0000000000000000000000b");
    TAP_EQUAL_U64(walk_ends(&t, "01j0000000000000000000000a", true, true), 0); /* the other's */
    TAP_EQUAL_U64(sums(&t, &t.mine).findings[STORE_OR_OPEN], 1);
    TAP_EQUAL_U64(walk_ends(&t, "01j0000000000000000000000b", true, true), 1);
    (void)see(&t, ORPHAN_DATA, "b", OBJECT, 1);
    TAP_EQUAL_U64(walk_ends(&t, "01j0000000000000000000000b", true, true), 0); /* told twice */
    TAP_EQUAL_U64(sums(&t, &t.mine).findings[STORE_OR_OPEN], 1);
    fixture_close(&t.f);
}

static void
one_is_known_by_its_path_or_by_its_object(void)
{
    struct things t;

    things_open(&t);
    TAP_CHECK(see(&t, ORPHAN_FORGED, "a", "", 0));
    TAP_CHECK(!see(&t, ORPHAN_FORGED, "a", OBJECT, 30)); /* the same, and more is known of it */
    TAP_CHECK(!see(&t, ORPHAN_FORGED, "a", "", 0));      /* which is not forgotten */
    TAP_EQUAL_U64(sums(&t, &t.mine).bytes[STORE_OR_OPEN], 30);
    TAP_CHECK(see(&t, ORPHAN_NO_STUB, "a", OBJECT, 5));
    TAP_CHECK(see(&t, ORPHAN_NO_STUB, "a", OTHER, 6)); /* an earlier one of the path */
    TAP_EQUAL_U64(sums(&t, &t.mine).findings[STORE_OR_OPEN], 3);
    sums_hold(&t);
    fixture_close(&t.f);
}

static int
keep_id(void *ctx, const struct store_orphan *o)
{
    memcpy(ctx, o->id, sizeof(al_id));
    return AL_OK;
}

static void
the_id(struct things *t, enum orphan_kind kind, enum store_orphan_state state, al_id id)
{
    struct store_orphan_pick p = {.volume_id = t->volume, .kind = kind, .state = state};

    id[0] = '\0';
    TAP_OK(store_orphan_each(t->f.s, &t->mine, &p, keep_id, id, NULL));
    TAP_CHECK(id[0] != '\0');
}

static uint64_t
set_aside(struct things *t, const struct scope *scope, const struct store_orphan_pick *p,
          const char *reason, int code)
{
    uint64_t n = 0, left = 0;

    TAP_OK(store_begin(t->f.s, NULL));
    TAP_CODE(store_orphan_ignore(t->f.s, scope, p, reason, "anna", t->now_ns, &n, &left, NULL),
             code);
    TAP_EQUAL_U64(left, 0);
    TAP_OK(store_commit(t->f.s, NULL));
    return n;
}

static void
what_is_put_aside_stays_so_until_it_is_over_or_taken_up(void)
{
    struct store_orphan_pick p = {.kind = ORPHAN_NO_STUB, .state = STORE_OR_OPEN}, one;
    const char *ids[2];
    struct things t;
    al_id id;

    things_open(&t);
    p.volume_id = t.volume;
    (void)see(&t, ORPHAN_NO_STUB, "a", OBJECT, 5);
    (void)see(&t, ORPHAN_NO_STUB, "b", OTHER, 6);
    (void)see(&t, ORPHAN_DATA, "c", OBJECT, 7);
    TAP_EQUAL_U64(set_aside(&t, &t.theirs, &p, "why", AL_OK), 0); /* not theirs */
    TAP_EQUAL_U64(set_aside(&t, &t.mine, &p, "removed on purpose", AL_OK), 2);
    TAP_CHECK(!see(&t, ORPHAN_NO_STUB, "a", OBJECT, 5));
    TAP_EQUAL_U64(sums(&t, &t.mine).findings[STORE_OR_IGNORED], 2);
    TAP_EQUAL_U64(sums(&t, &t.mine).bytes[STORE_OR_OPEN], 7);
    the_id(&t, ORPHAN_NO_STUB, STORE_OR_IGNORED, id);
    ids[0] = id;
    ids[1] = OTHER; /* no finding */
    one = (struct store_orphan_pick){
        .volume_id = t.volume, .ids = ids, .count = 2, .state = STORE_OR_IGNORED};
    TAP_EQUAL_U64(set_aside(&t, &t.mine, &one, NULL, AL_ENOENT), 0);
    TAP_EQUAL_U64(sums(&t, &t.mine).findings[STORE_OR_IGNORED], 2); /* all or nothing */
    one.count = 1;
    TAP_EQUAL_U64(set_aside(&t, &t.theirs, &one, NULL, AL_ENOENT), 0);
    TAP_EQUAL_U64(set_aside(&t, &t.mine, &one, NULL, AL_OK), 1);
    TAP_EQUAL_U64(sums(&t, &t.mine).findings[STORE_OR_OPEN], 2);
    walk_begins(&t, "01j0000000000000000000000a");
    (void)see(&t, ORPHAN_DATA, "c", OBJECT, 7);
    TAP_EQUAL_U64(walk_ends(&t, "01j0000000000000000000000a", true, true), 2);
    TAP_EQUAL_U64(sums(&t, &t.mine).findings[STORE_OR_IGNORED], 0);
    TAP_CHECK(see(&t, ORPHAN_NO_STUB, "a", OBJECT, 5)); /* open again, whatever it was */
    TAP_EQUAL_U64(sums(&t, &t.mine).findings[STORE_OR_OPEN], 2);
    sums_hold(&t);
    fixture_close(&t.f);
}

/* Of very many so many at a time. */
static void
a_kind_is_put_aside_in_pieces(void)
{
    struct store_orphan_pick p = {.kind = ORPHAN_SPARE, .state = STORE_OR_OPEN};
    uint64_t n = 0, left = 0;
    struct things t;
    char sql[512];

    things_open(&t);
    p.volume_id = t.volume;
    snprintf(
        sql, sizeof sql,
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<%u)"
        " INSERT INTO orphan(id, customer_id, volume_id, kind, level, path, of, object_id, size,"
        " mtime_ns, text, state, first_ns, last_ns, mark) SELECT printf('%%026d', i), '%s', '%s',"
        " 'spare', 'harmless', CAST(i AS BLOB), i, i, 1, 1, '', 'open', 1, 1, 0 FROM n",
        STORE_ORPHAN_ACT_ROWS + 5, t.customer, t.volume);
    fixture_sql(&t.f, sql);
    TAP_OK(store_begin(t.f.s, NULL));
    TAP_OK(store_orphan_ignore(t.f.s, &t.mine, &p, "why", "anna", 1, &n, &left, NULL));
    TAP_OK(store_commit(t.f.s, NULL));
    TAP_EQUAL_U64(n, STORE_ORPHAN_ACT_ROWS);
    TAP_EQUAL_U64(left, 5);
    TAP_EQUAL_U64(set_aside(&t, &t.mine, &p, "why", AL_OK), 5);
    sums_hold(&t);
    fixture_close(&t.f);
}

static uint64_t
over(struct things *t, const struct scope *scope, const char *path, const char *object)
{
    uint64_t n = 0;

    TAP_OK(store_begin(t->f.s, NULL));
    TAP_OK(
        store_orphan_over(t->f.s, scope, t->volume, al_span_of(path), object, t->now_ns, &n, NULL));
    TAP_OK(store_commit(t->f.s, NULL));
    return n;
}

static void
an_act_ends_what_is_about_its_path(void)
{
    struct things t;

    things_open(&t);
    (void)see(&t, ORPHAN_DATA, "a", OBJECT, 1);
    (void)see(&t, ORPHAN_DATA, "b", OBJECT, 1);
    (void)see(&t, ORPHAN_SPARE, "a", OBJECT, 1);
    (void)see(&t, ORPHAN_NO_STUB, "a", OTHER, 1);
    TAP_EQUAL_U64(over(&t, &t.theirs, "a", OBJECT), 0);
    TAP_EQUAL_U64(over(&t, &t.mine, "a", OBJECT), 1); /* neither the spare nor the other object */
    TAP_EQUAL_U64(over(&t, &t.mine, "a", OTHER), 1);
    TAP_EQUAL_U64(sums(&t, &t.mine).findings[STORE_OR_OPEN], 2);
    fixture_close(&t.f);
}

static void
others_see_nothing_of_it(void)
{
    struct store_orphan_pick p = {.kind = ORPHAN_DATA, .state = STORE_OR_OPEN};
    struct store_orphan o = {
        .kind = ORPHAN_DATA, .path = al_span_of("a"), .object_id = "", .text = ""};
    struct things t;
    al_id id = "";
    bool news;

    things_open(&t);
    (void)see(&t, ORPHAN_DATA, "a", OBJECT, 1);
    p.volume_id = t.volume;
    TAP_OK(store_orphan_each(t.f.s, &t.theirs, &p, keep_id, id, NULL));
    TAP_CHECK(id[0] == '\0');
    TAP_EQUAL_U64(sums(&t, &t.theirs).findings[STORE_OR_OPEN], 0);
    TAP_EQUAL_U64(sums(&t, &t.f.all).findings[STORE_OR_OPEN], 1);
    memcpy(o.volume_id, t.volume, sizeof(al_id));
    memcpy(o.customer_id, t.customer, sizeof(al_id));
    TAP_OK(store_begin(t.f.s, NULL));
    TAP_CODE(store_orphan_seen(t.f.s, &t.theirs, &o, 1, &news, NULL), AL_ENOENT);
    TAP_OK(store_commit(t.f.s, NULL));
    TAP_CODE(store_orphan_seen(t.f.s, &t.mine, &o, 1, &news, NULL),
             AL_EINTERNAL); /* no transaction */
    fixture_close(&t.f);
}

static void
what_was_mended_long_ago_goes(void)
{
    struct things t;

    things_open(&t);
    (void)see(&t, ORPHAN_DATA, "a", OBJECT, 1);
    (void)see(&t, ORPHAN_DATA, "b", OBJECT, 1);
    TAP_EQUAL_U64(over(&t, &t.mine, "a", OBJECT), 1);
    TAP_OK(store_begin(t.f.s, NULL));
    TAP_OK(store_orphan_prune(t.f.s, t.now_ns + STORE_ORPHANS_KEPT_NS - 1, NULL));
    TAP_OK(store_commit(t.f.s, NULL));
    TAP_EQUAL_U64(sums(&t, &t.mine).findings[STORE_OR_MENDED], 1);
    TAP_OK(store_begin(t.f.s, NULL));
    TAP_OK(store_orphan_prune(t.f.s, t.now_ns + STORE_ORPHANS_KEPT_NS + 1, NULL));
    TAP_OK(store_commit(t.f.s, NULL));
    TAP_EQUAL_U64(sums(&t, &t.mine).findings[STORE_OR_MENDED], 0);
    TAP_EQUAL_U64(sums(&t, &t.mine).findings[STORE_OR_OPEN], 1);
    sums_hold(&t);
    fixture_close(&t.f);
}

static int
keep_left_out(void *ctx, const struct store_orphan_volume *v)
{
    *(uint64_t *)ctx = v->walk.left_out;
    return AL_OK;
}

/* The sums say that the volume has as many as it may; no test makes a million. */
static void
beyond_the_limit_they_are_counted(void)
{
    struct things t;
    uint64_t left_out = 0;
    char sql[256];

    things_open(&t);
    walk_begins(&t, "01j0000000000000000000000a");
    (void)see(&t, ORPHAN_DATA, "known", OBJECT, 1);
    snprintf(sql, sizeof sql,
             "INSERT INTO orphan_sum VALUES('%s','changed','open','unreadable','%s',%u,0)",
             t.volume, t.customer, STORE_ORPHANS_MAX - 1);
    fixture_sql(&t.f, sql);
    TAP_CHECK(!see(&t, ORPHAN_DATA, "one more", OBJECT, 1));
    TAP_CHECK(!see(&t, ORPHAN_DATA, "known", OBJECT, 1)); /* is seen all the same */
    TAP_OK(store_orphan_volumes(t.f.s, &t.mine, NULL, t.volume, 1, keep_left_out, &left_out, NULL));
    TAP_EQUAL_U64(left_out, 1);
    TAP_EQUAL_U64(walk_ends(&t, "01j0000000000000000000000a", true, true), 0);
    fixture_close(&t.f);
}

/* What lists and acts say of a way is the same. */
static void
the_ways_of_lists_are_those_of_acts(void)
{
    static const char *const objects[] = {"", OBJECT};
    struct things t;

    things_open(&t);
    for (unsigned k = 0; k < ORPHAN_KINDS; k++) {
        for (unsigned i = 0; i < 2; i++) {
            enum orphan_kind kind = (enum orphan_kind)k;
            AL_CLEANUP(al_buf_free) struct al_buf out = {.max = 65536};
            char path[16], way[64], cost[64];
            enum orphan_way w = orphan_way_of(kind, i == 1);
            al_id id = "";

            if (orphan_by_object(kind) && i == 0) {
                continue;
            }
            TAP_EQUAL_U64(orphan_kind_of(orphan_kind_name(kind)), kind);
            TAP_CHECK(orphan_what(kind)[0] != '\0' && orphan_next(kind)[0] != '\0');
            fixture_sql(&t.f, "DELETE FROM orphan");
            snprintf(path, sizeof path, "%u.%u", k, i);
            (void)see(&t, kind, path, objects[i], 9);
            the_id(&t, kind, STORE_OR_OPEN, id);
            TAP_OK(store_one(t.f.s, &t.mine, &store_orphans, id, &out, NULL, NULL));
            snprintf(way, sizeof way, "\"way\":\"%s\"", orphan_way_name(w));
            snprintf(cost, sizeof cost, "\"cost_bytes\":%llu,",
                     (unsigned long long)orphan_cost(w, 9));
            if (strstr((char *)out.at, way) == NULL || strstr((char *)out.at, cost) == NULL) {
                tap_fail(__FILE__, __LINE__, "%s %s: %s", way, cost, (char *)out.at);
            }
        }
    }
    fixture_close(&t.f);
}

int
main(void)
{
    TAP_RUN(a_walk_ends_only_what_it_came_to);
    TAP_RUN(what_is_seen_while_a_walk_is_under_way_is_not_older_than_it);
    TAP_RUN(a_walk_that_was_begun_anew_has_one_end);
    TAP_RUN(one_is_known_by_its_path_or_by_its_object);
    TAP_RUN(what_is_put_aside_stays_so_until_it_is_over_or_taken_up);
    TAP_RUN(a_kind_is_put_aside_in_pieces);
    TAP_RUN(an_act_ends_what_is_about_its_path);
    TAP_RUN(others_see_nothing_of_it);
    TAP_RUN(what_was_mended_long_ago_goes);
    TAP_RUN(beyond_the_limit_they_are_counted);
    TAP_RUN(the_ways_of_lists_are_those_of_acts);
    return tap_end();
}
