/* What hosts tell of audit logs, in the store. */
#include "fixture.h"

#include "server/store/access.h"

struct things {
    struct fixture f;
    al_id customer, other, volume;
    struct scope mine, theirs;
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
    t->mine = scope_customer(t->customer);
    t->theirs = scope_customer(t->other);
}

static void
set_node(struct things *t, const char *node, const char *host, bool active, uint64_t behind,
         int64_t told_ns)
{
    struct store_access_node n = {.node = al_span_of(node),
                                  .host = al_span_of(host),
                                  .active = active,
                                  .behind_bytes = behind,
                                  .told_ns = told_ns};

    TAP_OK(store_access_node_set(t->f.s, &t->mine, t->volume, &n, NULL));
}

struct seen {
    char text[256];
    size_t count;
};

static int
see(void *ctx, const struct store_access_node *n)
{
    struct seen *s = ctx;

    s->count++;
    snprintf(s->text + strlen(s->text), sizeof s->text - strlen(s->text), "%.*s ", (int)n->node.len,
             (const char *)n->node.at);
    return AL_OK;
}

static const char *
nodes(struct things *t, const struct scope *scope, const struct store_access_nodes_query *q)
{
    static struct seen s;

    s = (struct seen){0};
    TAP_OK(store_access_nodes(t->f.s, scope, t->volume, q, see, &s, NULL));
    return s.text;
}

static void
test_a_volume_nobody_told_of_is_untold(void)
{
    struct store_access x;
    struct things t;

    things_open(&t);
    TAP_OK(store_access_get(t.f.s, &t.mine, t.volume, t.f.arena, &x, NULL));
    TAP_EQUAL_STR(x.state, "untold");
    TAP_EQUAL_STR(x.counts, "{}");
    TAP_CHECK(x.covered_ns == 0 && x.rejected == 0 && x.root.len == 0);
    TAP_CODE(store_access_get(t.f.s, &t.theirs, t.volume, t.f.arena, &x, NULL), AL_ENOENT);
    fixture_close(&t.f);
}

static void
test_what_was_told_is_kept_and_floors_and_counts_outlive_it(void)
{
    static const uint8_t strange[] = {'/', 0xff, '\n'};
    struct store_access x = {.state = "live",
                             .text = "t",
                             .since_ns = 1,
                             .covered_ns = 2,
                             .told_ns = 4,
                             .root = {strange, sizeof strange},
                             .counts = "{\"lines\":3}",
                             .sample_why = "junk",
                             .files = 7};
    struct store_access got;
    struct things t;

    things_open(&t);
    memcpy(x.volume_id, t.volume, sizeof x.volume_id);
    TAP_CODE(store_access_set(t.f.s, &t.mine, &x, NULL), AL_EINTERNAL);
    TAP_OK(store_begin(t.f.s, NULL));
    TAP_CODE(store_access_set(t.f.s, &t.theirs, &x, NULL), AL_ENOENT);
    TAP_OK(store_access_rejected(t.f.s, &t.mine, t.volume, 3, NULL));
    TAP_OK(store_access_floor(t.f.s, &t.mine, t.volume, 50, NULL));
    TAP_OK(store_access_floor(t.f.s, &t.mine, t.volume, 20, NULL));
    TAP_OK(store_access_set(t.f.s, &t.mine, &x, NULL));
    TAP_OK(store_access_rejected(t.f.s, &t.mine, t.volume, 2, NULL));
    TAP_OK(store_commit(t.f.s, NULL));
    TAP_OK(store_access_get(t.f.s, &t.mine, t.volume, t.f.arena, &got, NULL));
    TAP_EQUAL_STR(got.state, "live");
    TAP_EQUAL_STR(got.counts, "{\"lines\":3}");
    TAP_CHECK(al_span_equal(got.root, x.root));
    TAP_CHECK(got.covered_ns == 2 && got.floor_ns == 50 && got.rejected == 5 && got.files == 7);
    fixture_close(&t.f);
}

static void
test_nodes_are_found_sorted_and_told_once(void)
{
    struct store_access_nodes_query q = {.active = -1, .behind = -1, .limit = 10};
    struct store_access_sums sums;
    struct things t;

    things_open(&t);
    TAP_OK(store_begin(t.f.s, NULL));
    set_node(&t, "3", "Mac1", true, 0, 1);
    set_node(&t, "1", "mac2", false, 9, 2);
    set_node(&t, "2", "srv", true, 5, 3);
    set_node(&t, "3", "", true, 7, 4); /* of an agent that was started anew: it is Mac1 still */
    TAP_OK(store_commit(t.f.s, NULL));
    TAP_EQUAL_STR(nodes(&t, &t.mine, &q), "1 2 3 ");
    TAP_EQUAL_STR(nodes(&t, &t.theirs, &q), "");
    q.q = "MAC";
    TAP_EQUAL_STR(nodes(&t, &t.mine, &q), "1 3 ");
    q.active = 1;
    TAP_EQUAL_STR(nodes(&t, &t.mine, &q), "3 ");
    q = (struct store_access_nodes_query){
        .active = -1, .behind = 1, .limit = 2, .sort = STORE_AN_BEHIND, .descending = true};
    TAP_EQUAL_STR(nodes(&t, &t.mine, &q), "1 3 ");
    q.offset = 2;
    TAP_EQUAL_STR(nodes(&t, &t.mine, &q), "2 ");
    TAP_OK(store_access_nodes_sum(t.f.s, &t.mine, t.volume, NULL, &sums, NULL));
    TAP_CHECK(sums.total == 3 && sums.active == 2 && sums.behind == 3);
    fixture_close(&t.f);
}

static void
test_too_many_nodes_lose_those_told_of_longest_ago(void)
{
    struct store_access_nodes_query q = {.active = -1, .behind = -1, .limit = 2};
    struct store_access_sums sums;
    struct things t;

    things_open(&t);
    TAP_OK(store_begin(t.f.s, NULL));
    for (unsigned i = 0; i < STORE_ACCESS_NODES_MAX + 5; i++) {
        char name[16];

        snprintf(name, sizeof name, "n%06u", i);
        set_node(&t, name, "", false, 0, i);
    }
    TAP_OK(store_access_nodes_cut(t.f.s, &t.mine, t.volume, NULL));
    TAP_OK(store_commit(t.f.s, NULL));
    TAP_OK(store_access_nodes_sum(t.f.s, &t.mine, t.volume, NULL, &sums, NULL));
    TAP_EQUAL_U64(sums.total, STORE_ACCESS_NODES_MAX);
    TAP_EQUAL_STR(nodes(&t, &t.mine, &q), "n000005 n000006 ");
    fixture_close(&t.f);
}

static void
test_what_was_told_goes_with_its_volume(void)
{
    struct store_access_sums sums;
    struct things t;

    things_open(&t);
    TAP_OK(store_begin(t.f.s, NULL));
    set_node(&t, "1", "", false, 0, 1);
    TAP_OK(store_access_rejected(t.f.s, &t.mine, t.volume, 3, NULL));
    TAP_OK(store_commit(t.f.s, NULL));
    TAP_OK(store_begin(t.f.s, NULL));
    TAP_OK(store_volume_del(t.f.s, &t.mine, t.volume, NULL));
    TAP_OK(store_commit(t.f.s, NULL));
    TAP_OK(store_access_nodes_sum(t.f.s, &t.f.all, t.volume, NULL, &sums, NULL));
    TAP_EQUAL_U64(sums.total, 0);
    fixture_close(&t.f);
}

static int
count_volume(void *ctx, const char *id, const char *customer_id)
{
    (void)id;
    (void)customer_id;
    ++*(size_t *)ctx;
    return AL_OK;
}

/* A store of before: its volumes of that kind get the defaults, and are found. */
static void
test_volumes_of_before_get_the_defaults(void)
{
    struct store_volume v;
    struct things t;
    size_t count = 0;

    things_open(&t);
    fixture_close_store(&t.f);
    fixture_sql(&t.f, "DELETE FROM schema_migration WHERE number IN (11, 14); DROP TABLE volume_access;"
                      "DROP TABLE volume_access_node; DROP INDEX volume_audited;"
                      "ALTER TABLE volume DROP COLUMN audit; UPDATE volume SET kind='lucidlink'");
    fixture_open_store(&t.f);
    TAP_OK(store_volume_get(t.f.s, &t.mine, t.volume, t.f.arena, &v, NULL));
    TAP_CHECK(v.audit != NULL && strstr(v.audit, "\"silence_hours\":168") != NULL);
    TAP_OK(store_volume_each_audited(t.f.s, &t.f.all, "", 10, count_volume, &count, NULL));
    TAP_EQUAL_U64(count, 1);
    TAP_OK(store_volume_each_audited(t.f.s, &t.theirs, "", 10, count_volume, &count, NULL));
    TAP_EQUAL_U64(count, 1);
    fixture_close(&t.f);
}

int
main(void)
{
    TAP_RUN(test_a_volume_nobody_told_of_is_untold);
    TAP_RUN(test_what_was_told_is_kept_and_floors_and_counts_outlive_it);
    TAP_RUN(test_nodes_are_found_sorted_and_told_once);
    TAP_RUN(test_too_many_nodes_lose_those_told_of_longest_ago);
    TAP_RUN(test_what_was_told_goes_with_its_volume);
    TAP_RUN(test_volumes_of_before_get_the_defaults);
    return tap_end();
}
