/* One search over everything: what is found, in which order, and by whom. */
#include "tap.h"

#include "work_help.h"

#include "server/service/search/ops.h"
#include "server/service/search/search.h"

static json_t *
group(const char *kind)
{
    const json_t *groups = json_object_get(world.json, "groups");

    for (size_t i = 0; i < json_array_size(groups); i++) {
        if (strcmp(text_of(json_array_get(groups, i), "kind"), kind) == 0) {
            return json_array_get(groups, i);
        }
    }
    tap_fail(__FILE__, __LINE__, "no group %s", kind);
    return NULL;
}

static size_t
hits(const char *kind)
{
    return json_array_size(json_object_get(group(kind), "items"));
}

static const json_t *
hit(const char *kind, size_t i)
{
    return json_array_get(json_object_get(group(kind), "items"), i);
}

static size_t
all_hits(void)
{
    const json_t *groups = json_object_get(world.json, "groups");
    size_t sum = 0;

    for (size_t i = 0; i < json_array_size(groups); i++) {
        sum += json_array_size(json_object_get(json_array_get(groups, i), "items"));
    }
    return sum;
}

static void
search(const struct caller *who, const char *query)
{
    TAP_OK(ASK(search_get, .who = who, .query = query));
}

static void
host_named(const char *customer, const char *name)
{
    struct scope all = scope_system();
    struct store_host h = {
        .name = name, .os = "linux", .agent_version = "1", .boot_id = "b", .enrolled_ns = 1};

    world_id(h.id);
    memcpy(h.customer_id, customer, sizeof(al_id));
    TAP_OK(store_begin(world.w->db, NULL));
    TAP_OK(store_host_add(world.w->db, &all, &h, NULL));
    TAP_OK(store_commit(world.w->db, NULL));
}

static void
what_is_named_so_comes_before_what_begins_so_and_what_has_it(void)
{
    static const char *const order[] = {"NODE", "node-1", "node-2", "a-node", "my node"};

    world_open();
    for (size_t i = AL_LEN(order); i > 0; i--) {
        host_named(world.a.customer, order[i - 1]);
    }
    host_named(world.b.customer, "node");
    search(&world.a.admin, "q=  noDE &kinds=host");
    TAP_EQUAL_U64(hits("host"), AL_LEN(order));
    for (size_t i = 0; i < AL_LEN(order); i++) {
        TAP_EQUAL_STR(text_of(hit("host", i), "name"), order[i]);
        TAP_EQUAL_STR(text_of(hit("host", i), "customer_id"), world.a.customer);
    }
    TAP_CHECK(!json_is_true(json_object_get(group("host"), "more")));
    search(&world.a.admin, "q=node&kinds=host&limit=4");
    TAP_EQUAL_U64(hits("host"), 4);
    TAP_CHECK(json_is_true(json_object_get(group("host"), "more")));
    search(&world.operator_, "q=node&kinds=host");
    TAP_EQUAL_U64(hits("host"), AL_LEN(order) + 1);
    world_close();
}

static void
every_kind_is_found_by_its_name_and_its_id(void)
{
    static const char *const nouns[] = {"customer", "host", "share", "volume"};
    const char *ids[] = {world.a.customer, world.a.host, world.a.share, world.a.volume};
    struct store_job job;
    char query[128];

    world_open();
    for (size_t i = 0; i < AL_LEN(nouns); i++) {
        snprintf(query, sizeof(query), "q=%s", ids[i]);
        search(&world.a.admin, query);
        TAP_EQUAL_U64(hits(nouns[i]), 1);
        TAP_EQUAL_STR(text_of(hit(nouns[i], 0), "id"), ids[i]);
        TAP_CHECK(text_of(hit(nouns[i], 0), "name")[0] != '\0');
        search(&world.b.admin, query); /* the other's ids find nothing */
        TAP_EQUAL_U64(all_hits(), 0);
    }
    TAP_OK(ASK(volume_scan, .who = &world.a.admin, .id = world.a.volume, .body = "{}"));
    memcpy(job.id, text_of(world.json, "id"), sizeof(al_id));
    search(&world.a.admin, "q=scan on&kinds=job");
    TAP_EQUAL_U64(hits("job"), 1);
    TAP_EQUAL_STR(text_of(hit("job", 0), "id"), job.id);
    TAP_EQUAL_STR(text_of(hit("job", 0), "detail"), "queued");
    TAP_EQUAL_STR(text_of(hit("job", 0), "volume_id"), world.a.volume);
    snprintf(query, sizeof(query), "q=%s&kinds=job", job.id);
    search(&world.b.admin, query);
    TAP_EQUAL_U64(all_hits(), 0);
    world_close();
}

static void
nothing_of_another_customer_is_seen_not_even_that_there_is_more(void)
{
    static const struct seen_file files[] = {{"secret.mov", 10, SECOND, 0},
                                             {"secret2.mov", 10, SECOND, 0}};
    char query[128];

    world_open();
    send_scan(&world.a, files, AL_LEN(files));
    host_named(world.a.customer, "secret host");
    search(&world.a.admin, "q=secret&limit=1");
    TAP_EQUAL_U64(hits("file"), 1);
    TAP_CHECK(json_is_true(json_object_get(group("file"), "more")));
    TAP_EQUAL_U64(hits("host"), 1);
    search(&world.b.admin, "q=secret&limit=1");
    TAP_EQUAL_U64(all_hits(), 0);
    TAP_CHECK(strstr((const char *)world.reply.body.at, "true") == NULL);
    TAP_CHECK(strstr((const char *)world.reply.body.at, world.a.customer) == NULL);
    snprintf(query, sizeof(query), "q=secret&customer_id=%s", world.a.customer);
    TAP_CODE(ASK(search_get, .who = &world.b.admin, .query = query), AL_ENOENT);
    search(&world.operator_, query);
    TAP_EQUAL_U64(hits("file"), 2);
    snprintf(query, sizeof(query), "q=secret&customer_id=%s", world.b.customer);
    search(&world.operator_, query);
    TAP_EQUAL_U64(all_hits(), 0);
    world_close();
}

static void
files_come_with_their_volume_and_a_search_out_of_time_says_so(void)
{
    static const struct seen_file files[] = {{"a\xff.mov", 10, SECOND, 0},
                                             {"b.mov", 10, SECOND, 0}};
    const json_t *f;

    world_open();
    send_scan(&world.a, files, AL_LEN(files));
    search(&world.a.admin, "q=.MOV&kinds=file");
    TAP_EQUAL_U64(json_array_size(json_object_get(world.json, "groups")), 1);
    TAP_EQUAL_U64(hits("file"), 2);
    f = hit("file", 0);
    TAP_CHECK(json_is_null(json_object_get(f, "id")));
    TAP_EQUAL_STR(text_of(f, "volume_id"), world.a.volume);
    TAP_CHECK(json_is_object(json_object_get(f, "file")));
    TAP_CHECK(!json_is_true(json_object_get(group("file"), "partial")));
    world.s->work->ask_ns = 0;
    search(&world.a.admin, "q=.mov");
    TAP_EQUAL_U64(hits("file"), 0);
    TAP_CHECK(json_is_true(json_object_get(group("file"), "partial")));
    world_close();
}

static void
text_is_text_whatever_it_holds(void)
{
    static const char *const odd[] = {
        "q=' OR 1=1 --", "q=\"; DROP TABLE host; --", "q=%", "q=*", "q=_", "q=?1", "q=\\"};

    world_open();
    for (size_t i = 0; i < AL_LEN(odd); i++) {
        search(&world.a.admin, odd[i]);
        for (size_t k = 0; k < hits("host"); k++) {
            TAP_CHECK(strstr(text_of(hit("host", k), "name"), odd[i] + 2) != NULL);
        }
        TAP_EQUAL_U64(hits("customer"), 0);
        TAP_EQUAL_U64(hits("user"), 0);
    }
    world_close();
}

static void
what_is_asked_wrongly_is_told(void)
{
    char query[SEARCH_TEXT_MAX + 16] = "q=";

    world_open();
    TAP_CODE(ASK(search_get, .who = &world.a.admin, .query = ""), AL_EINVAL);
    TAP_CODE(ASK(search_get, .who = &world.a.admin, .query = "q=   "), AL_EINVAL);
    TAP_CODE(ASK(search_get, .who = &world.a.admin, .query = "q=x&kinds=host,colour"), AL_EINVAL);
    TAP_CHECK(strstr(world.fail.text, "volume") != NULL);
    TAP_CODE(ASK(search_get, .who = &world.a.admin, .query = "q=x&limit=51"), AL_EINVAL);
    memset(query + 2, 'x', SEARCH_TEXT_MAX);
    search(&world.a.admin, query);
    query[2 + SEARCH_TEXT_MAX] = 'x';
    TAP_CODE(ASK(search_get, .who = &world.a.admin, .query = query), AL_EINVAL);
    world_close();
}

int
main(void)
{
    TAP_RUN(what_is_named_so_comes_before_what_begins_so_and_what_has_it);
    TAP_RUN(every_kind_is_found_by_its_name_and_its_id);
    TAP_RUN(nothing_of_another_customer_is_seen_not_even_that_there_is_more);
    TAP_RUN(files_come_with_their_volume_and_a_search_out_of_time_says_so);
    TAP_RUN(text_is_text_whatever_it_holds);
    TAP_RUN(what_is_asked_wrongly_is_told);
    return tap_end();
}
