/* Scans and increments of them: what a host is told before it scans, and what becomes of either. */
#include "tap.h"

#include "work_help.h"

#define ALONE (ENTRY_UNREADABLE | ENTRY_UNCHANGED)

struct given {
    al_id job, work, scan;
};

static void
scan(const char *body, struct given *g)
{
    TAP_OK(ASK(volume_scan, .who = &world.a.admin, .id = world.a.volume, .body = body));
    (void)snprintf(g->job, sizeof(al_id), "%s", text_of(world.json, "id"));
    TAP_CHECK(json_is_null(json_object_get(world.json, "scan")));
    TAP_EQUAL_U64(lease(&world.a, 4, ""), 1);
    (void)snprintf(g->work, sizeof(al_id), "%s", text_of(json_array_get(leased, 0), "work_id"));
    (void)snprintf(g->scan, sizeof(al_id), "%s", text_of(json_array_get(leased, 0), "scan_id"));
}

/* A root, with two files unless it is left alone. */
static void
entries(const struct given *g, uint32_t flags)
{
    struct entry_record root = {.is_folder_record = true, .folder = 1, .flags = flags};
    struct entry_record e = {.folder = 1, .type = PORT_T_FILE, .nlink = 1, .size = 10};
    struct al_buf body, packed;
    char query[128];

    al_buf_init(&body, ENTRIES_PLAIN_MAX);
    al_buf_init(&packed, ENTRIES_PLAIN_MAX);
    TAP_OK(entries_add(&body, &root));
    for (unsigned i = 0; i < 2 && flags == 0; i++) {
        e.name = al_span_of(i == 0 ? "a" : "b");
        e.ino = 5 + i;
        TAP_OK(entries_add(&body, &e));
    }
    TAP_OK(entries_pack(&body, flags == 0 ? 3 : 1, &packed));
    (void)snprintf(query, sizeof(query), "stream=%s&seq=1", g->scan);
    TAP_OK(ASK(agent_entries, .who = &world.a.agent, .query = query, .raw = al_buf_span(&packed)));
    al_buf_free(&body);
    al_buf_free(&packed);
}

static void
ended(const struct given *g, const char *more)
{
    char line[512];

    (void)snprintf(line, sizeof(line),
                   "{\"t\":\"scan_end\",\"scan_id\":\"%s\",\"volume_id\":\"%s\",\"code\":\"ok\",\"entries\":2%s}\n", g->scan,
                   world.a.volume, more);
    batch(&world.a, line);
    TAP_OK(ASK(job_get, .who = &world.a.admin, .id = g->job));
}

static void
must_follow(const struct given *g, const char *follows, const char *why)
{
    TAP_OK(ASK(agent_scan, .who = &world.a.agent, .id = g->scan));
    if (follows == NULL) {
        TAP_CHECK(json_is_null(json_object_get(world.json, "follows")));
    } else {
        TAP_EQUAL_STR(text_of(world.json, "follows"), follows);
    }
    TAP_EQUAL_STR(text_of(world.json, "why"), why);
}

static void
test_a_host_is_told_which_scan_it_may_follow_on(void)
{
    struct given first, second, third;
    const json_t *s;
    char more[128];

    scan(NULL, &first);
    must_follow(&first, NULL, "there was no scan before");
    TAP_CODE(ASK(agent_scan, .who = &world.b.agent, .id = first.scan), AL_ENOENT);
    entries(&first, 0);
    ended(&first, ",\"why\":\"the volume has no journal\"");
    TAP_EQUAL_STR(text_of(world.json, "state"), "done");
    s = json_object_get(world.json, "scan");
    TAP_EQUAL_STR(text_of(s, "kind"), "full");
    TAP_EQUAL_STR(text_of(s, "why"), "the volume has no journal");
    TAP_EQUAL_U64(number_of(s, "added"), 2);

    scan("{}", &second);
    must_follow(&second, first.scan, "");
    entries(&second, ALONE);
    (void)snprintf(more, sizeof(more), ",\"follows\":\"%s\",\"why\":\"\"", first.scan);
    ended(&second, more);
    TAP_EQUAL_STR(text_of(world.json, "state"), "done");
    TAP_EQUAL_U64(number_of(world.json, "done_files"), 2);
    s = json_object_get(world.json, "scan");
    TAP_EQUAL_STR(text_of(s, "kind"), "increment");
    TAP_CHECK(number_of(s, "added") == 0 && number_of(s, "gone") == 0 && number_of(s, "changed") == 0);

    TAP_CODE(ASK(volume_scan, .who = &world.a.admin, .id = world.a.volume, .body = "{\"ful\":true}"), AL_EINVAL);
    scan("{\"full\":true}", &third);
    must_follow(&third, NULL, "it was asked for");
    entries(&third, 0);
    ended(&third, ",\"why\":\"it was asked for\"");
    s = json_object_get(world.json, "scan");
    TAP_EQUAL_STR(text_of(s, "kind"), "full"); /* and it differs in nothing from what the increments said */
    TAP_CHECK(number_of(s, "added") == 0 && number_of(s, "gone") == 0 && number_of(s, "changed") == 0);
}

static void
test_an_increment_of_another_scan_is_given_back_and_walked_whole(void)
{
    struct given first, second;
    struct al_span was;

    scan(NULL, &first);
    entries(&first, 0);
    ended(&first, "");
    scan(NULL, &second);
    entries(&second, ALONE);
    ended(&second, ",\"follows\":\"01j0000000000000000000000y\",\"why\":\"\"");
    TAP_EQUAL_STR(text_of(world.json, "state"), "running");
    TAP_CHECK(json_is_null(json_object_get(world.json, "scan")));
    was = al_span_of(second.scan);
    TAP_EQUAL_U64(lease(&world.a, 4, ""), 1);
    TAP_EQUAL_STR(text_of(json_array_get(leased, 0), "work_id"), second.work);
    TAP_CHECK(!al_span_equal(was, al_span_of(text_of(json_array_get(leased, 0), "scan_id"))));
    (void)snprintf(second.scan, sizeof(al_id), "%s", text_of(json_array_get(leased, 0), "scan_id"));
    must_follow(&second, first.scan, "");
    entries(&second, 0);
    ended(&second, ",\"why\":\"the server has another scan than the last one of this host\"");
    TAP_EQUAL_STR(text_of(world.json, "state"), "done");
    TAP_EQUAL_STR(text_of(json_object_get(world.json, "scan"), "kind"), "full");
}

int
main(void)
{
    RUN(test_a_host_is_told_which_scan_it_may_follow_on);
    RUN(test_an_increment_of_another_scan_is_given_back_and_walked_whole);
    json_decref(leased);
    return tap_end();
}
