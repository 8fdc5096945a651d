/* What reconciles found: how hosts tell it, what people see of it, and what they can have done. */
#include "tap.h"

#include "work_help.h"

#include "server/service/orphan/ops.h"

#define OTHER "01j0000000000000000000000y"

static const char *
step(char out[512], const char *name, const char *work, bool whole)
{
    (void)snprintf(out, 512,
                   "{\"t\":\"walk\",\"step\":\"%s\",\"work_id\":\"%s\",\"volume_id\":\"%s\","
                   "\"stubs\":%s,\"objects\":%s,\"objects_seen\":12,\"text\":\"%s\"}\n",
                   name, work, world.a.volume, whole ? "true" : "false", whole ? "true" : "false",
                   whole ? "" : "the share is away");
    return out;
}

static const char *
finding(char out[512], const char *kind, const char *path, const char *object)
{
    (void)snprintf(out, 512,
                   "{\"kind\":\"%s\",\"path\":\"%s\",\"object_id\":\"%s\",\"size\":5000,"
                   "\"mtime_ns\":7}",
                   kind, path, object);
    return out;
}

static const char *
findings(char out[2048], const char *items)
{
    (void)snprintf(out, 2048, "{\"t\":\"findings\",\"volume_id\":\"%s\",\"items\":[%s]}\n",
                   world.a.volume, items);
    return out;
}

static void
walk_begins(al_id work)
{
    char a[512];

    TAP_OK(ASK(volume_reconcile, .who = &world.a.admin, .id = world.a.volume));
    take(work);
    batch(&world.a, step(a, "begin", work, false));
}

static void
walk_ends(const char *work, bool whole)
{
    char a[512], b[512];

    batch(&world.a, lines("%s%s", step(a, "end", work, whole), work_end(b, work, "ok", "")));
}

/* One of each that the tests need: an alarm, and two that the walk found. */
static void
walk_finds(void)
{
    char a[512], b[512], c[512], f[2048], items[1200];
    al_id work;

    walk_begins(work);
    (void)snprintf(items, sizeof(items), "%s,%s", finding(a, "no_stub", "gone", OBJECT),
                   finding(b, "doubly_known", "twin", OTHER));
    batch(&world.a,
          lines("%s%s", outcome(c, "alarm", "io_error", "changed", "", "cut"), findings(f, items)));
    walk_ends(work, true);
}

static uint64_t
open_of(const struct caller *who, const char *query, const char *kind)
{
    const json_t *kinds;

    TAP_OK(ASK(orphan_sums, .who = who, .query = query));
    kinds = json_object_get(world.json, "kinds");
    for (size_t i = 0; i < json_array_size(kinds); i++) {
        const json_t *k = json_array_get(kinds, i);

        if (strcmp(text_of(k, "kind"), kind) == 0) {
            return number_of(json_object_get(k, "open"), "findings");
        }
    }
    return 999;
}

static const json_t *
item(size_t i)
{
    return json_array_get(json_object_get(world.json, "items"), i);
}

static void
the_id(const char *kind, al_id id)
{
    char query[64];

    (void)snprintf(query, sizeof(query), "kind=%s", kind);
    TAP_OK(ASK(orphan_list, .who = &world.a.admin, .id = world.a.volume, .query = query));
    (void)snprintf(id, sizeof(al_id), "%s", text_of(item(0), "id"));
}

static void
test_what_a_walk_found_is_kept_and_shown_to_its_customer(void)
{
    walk_finds();
    TAP_EQUAL_U64(open_of(&world.a.admin, NULL, "changed"), 1);
    TAP_EQUAL_U64(open_of(&world.a.admin, NULL, "no_stub"), 1);
    TAP_EQUAL_U64(open_of(&world.operator_, NULL, "doubly_known"), 1);
    TAP_EQUAL_U64(number_of(json_array_get(json_object_get(world.json, "volumes"), 0), "open"), 3);
    TAP_EQUAL_U64(
        number_of(json_array_get(json_object_get(world.json, "volumes"), 0), "unreadable"), 1);
    TAP_EQUAL_U64(open_of(&world.b.admin, NULL, "changed"), 0);
    TAP_EQUAL_U64(json_array_size(json_object_get(world.json, "volumes")), 0);
    TAP_OK(ASK(orphan_list, .who = &world.a.admin, .id = world.a.volume, .query = "count=true"));
    TAP_EQUAL_U64(number_of(world.json, "total"), 3);
    TAP_OK(ASK(orphan_list, .who = &world.a.admin, .id = world.a.volume, .query = "kind=changed"));
    TAP_EQUAL_STR(text_of(item(0), "path"), "/cut");
    TAP_EQUAL_STR(text_of(item(0), "object_id"), OBJECT);
    TAP_EQUAL_STR(text_of(item(0), "way"), "restub");
    TAP_EQUAL_U64(number_of(item(0), "cost_bytes"), 0);
    TAP_OK(ASK(orphan_list, .who = &world.a.admin, .id = world.a.volume, .query = "kind=no_stub"));
    TAP_EQUAL_U64(number_of(item(0), "cost_bytes"), 5000);
    TAP_CODE(ASK(orphan_list, .who = &world.b.admin, .id = world.a.volume), AL_ENOENT);
    TAP_CODE(ASK(orphan_list, .who = &world.a.admin, .id = world.a.volume, .query = "kind=no"),
             AL_EINVAL);
    TAP_CODE(
        ASK(orphan_sums, .who = &world.b.admin, .query = "volume_id=01j0000000000000000000000z"),
        AL_ENOENT);
    TAP_OK(ASK(orphan_list, .who = &world.a.admin, .id = world.a.volume,
               .query = "level=unreadable&state=open&limit=1"));
    TAP_EQUAL_U64(json_array_size(json_object_get(world.json, "items")), 1);
    TAP_CHECK(world.orphan_events >= 2 && strstr(world.orphans_told, "\"open\":3") != NULL);
    TAP_EQUAL_U64(events_of("volume.reconciled"), 1);
    chain_holds();
}

static void
test_only_a_whole_walk_ends_what_it_did_not_find(void)
{
    al_id work;

    walk_finds();
    walk_begins(work);
    walk_ends(work, false);
    TAP_EQUAL_U64(open_of(&world.a.admin, NULL, "no_stub"), 1);
    TAP_EQUAL_U64(open_of(&world.a.admin, NULL, "changed"), 1);
    walk_begins(work);
    { /* the agent was killed: no end */
        char a[512];

        batch(&world.a, work_end(a, work, "cancelled", "the agent was restarted"));
    }
    TAP_EQUAL_U64(open_of(&world.a.admin, NULL, "no_stub"), 1);
    take(work);
    {
        char a[512], f[2048], items[1200];

        batch(&world.a, step(a, "begin", work, false));
        (void)snprintf(items, sizeof(items), "%s", finding(a, "no_stub", "gone", OBJECT));
        batch(&world.a, findings(f, items));
    }
    walk_ends(work, true);
    TAP_EQUAL_U64(open_of(&world.a.admin, NULL, "no_stub"), 1);
    TAP_EQUAL_U64(open_of(&world.a.admin, NULL, "changed"), 0);
    TAP_EQUAL_U64(open_of(&world.a.admin, NULL, "doubly_known"), 0);
}

static void
test_a_plan_tells_what_a_repair_would_be_and_changes_nothing(void)
{
    walk_finds();
    TAP_OK(ASK(orphan_plan, .who = &world.a.admin, .id = world.a.volume,
               .body = "{\"kind\":\"no_stub\"}"));
    TAP_EQUAL_U64(number_of(world.json, "findings"), 1);
    TAP_EQUAL_U64(number_of(world.json, "bytes"), 5000);
    TAP_OK(ASK(orphan_plan, .who = &world.a.admin, .id = world.a.volume,
               .body = "{\"kind\":\"spare\"}"));
    TAP_EQUAL_U64(number_of(world.json, "findings"), 0);
    TAP_CODE(ASK(orphan_plan, .who = &world.b.admin, .id = world.a.volume,
                 .body = "{\"kind\":\"no_stub\"}"),
             AL_ENOENT);
    TAP_CODE(ASK(orphan_plan, .who = &world.a.admin, .id = world.a.volume, .body = "{}"),
             AL_EINVAL);
    TAP_CODE(ASK(orphan_plan, .who = &world.a.admin, .id = world.a.volume,
                 .body = "{\"kind\":\"no_stub\",\"ids\":[]}"),
             AL_EINVAL);
    TAP_CODE(ASK(orphan_plan, .who = &world.a.admin, .id = world.a.volume,
                 .body = "{\"ids\":[\"01j0000000000000000000000z\"]}"),
             AL_ENOENT);
    TAP_EQUAL_U64(lease(&world.a, 4, ""), 0);
    TAP_EQUAL_U64(events_of("orphan.repair"), 0);
}

static void
test_a_repair_is_a_job_of_each_way(void)
{
    char body[256], a[512], b[512];
    al_id cut, gone, twin, work, job;
    const json_t *jobs, *items;

    walk_finds();
    the_id("changed", cut);
    the_id("no_stub", gone);
    the_id("doubly_known", twin);
    (void)snprintf(body, sizeof(body), "{\"ids\":[\"%s\",\"%s\",\"%s\"]}", cut, gone, twin);
    TAP_CODE(ASK(orphan_repair, .who = &world.b.admin, .id = world.a.volume, .body = body),
             AL_ENOENT);
    TAP_OK(
        ASK(orphan_repair, .who = &world.a.admin, .id = world.a.volume, .body = body, .key = "k"));
    TAP_EQUAL_U64(world.reply.status, 202);
    jobs = json_object_get(world.json, "jobs");
    TAP_EQUAL_U64(json_array_size(jobs), 2);
    TAP_EQUAL_STR(text_of(json_array_get(jobs, 0), "kind"), "repair");
    TAP_EQUAL_U64(number_of(json_array_get(jobs, 0), "total_files"), 2);
    TAP_EQUAL_U64(number_of(json_array_get(jobs, 0), "total_bytes"), 5000);
    TAP_EQUAL_STR(text_of(json_array_get(jobs, 1), "kind"), "recall");
    (void)snprintf(job, sizeof(job), "%s", text_of(json_array_get(jobs, 0), "id"));
    TAP_OK(
        ASK(orphan_repair, .who = &world.a.admin, .id = world.a.volume, .body = body, .key = "k"));
    TAP_EQUAL_U64(events_of("orphan.repair"), 1); /* the same request, once */
    TAP_OK(ASK(orphan_list, .who = &world.a.admin, .id = world.a.volume, .query = "kind=changed"));
    TAP_EQUAL_STR(text_of(item(0), "job_id"), job);
    TAP_EQUAL_U64(lease(&world.a, 4, ""), 2);
    for (size_t i = 0; i < 2; i++) {
        const json_t *w = json_array_get(leased, i);

        if (strcmp(text_of(w, "kind"), "repair") != 0) {
            continue;
        }
        (void)snprintf(work, sizeof(work), "%s", text_of(w, "work_id"));
        items = json_object_get(w, "items");
        TAP_EQUAL_U64(json_array_size(items), 2);
        TAP_EQUAL_STR(text_of(json_array_get(items, 0), "way"), "restub");
        TAP_EQUAL_STR(text_of(json_array_get(items, 0), "object_id"), OBJECT);
        TAP_EQUAL_STR(text_of(json_array_get(items, 1), "way"), "restore");
        TAP_EQUAL_STR(text_of(json_array_get(items, 1), "path"), "gone");
    }
    batch(&world.a, lines("%s%s", outcome(a, "repair", "ok", "restubbed", job, "cut"),
                          outcome(b, "recall", "ok", "", job, "gone")));
    batch(&world.a, work_end(a, work, "ok", ""));
    expect_job(job, "done", 2, 0, 0);
    TAP_EQUAL_U64(open_of(&world.a.admin, NULL, "changed"), 0);
    TAP_EQUAL_U64(open_of(&world.a.admin, NULL, "no_stub"), 0);
    TAP_EQUAL_U64(open_of(&world.a.admin, NULL, "doubly_known"), 1);
    TAP_EQUAL_U64(events_of("file.repair"), 1);
    TAP_CODE(ASK(orphan_repair, .who = &world.a.admin, .id = world.a.volume,
                 .body = "{\"kind\":\"no_stub\"}"),
             AL_ECONFLICT); /* nothing is open */
    chain_holds();
}

static void
test_what_was_refused_or_failed_stays_open(void)
{
    char a[512], b[512];
    al_id work, job;

    walk_finds();
    TAP_OK(ASK(orphan_repair, .who = &world.a.admin, .id = world.a.volume,
               .body = "{\"kind\":\"changed\"}"));
    (void)snprintf(job, sizeof(job), "%s",
                   text_of(json_array_get(json_object_get(world.json, "jobs"), 0), "id"));
    take(work);
    batch(&world.a, lines("%s%s", outcome(a, "refuse", "ok", "changed", job, "cut"),
                          work_end(b, work, "ok", "")));
    expect_job(job, "done", 0, 1, 0);
    TAP_EQUAL_U64(open_of(&world.a.admin, NULL, "changed"), 1);
    TAP_OK(ASK(orphan_repair, .who = &world.a.admin, .id = world.a.volume,
               .body = "{\"kind\":\"changed\"}"));
    (void)snprintf(job, sizeof(job), "%s",
                   text_of(json_array_get(json_object_get(world.json, "jobs"), 0), "id"));
    take(work);
    batch(&world.a,
          work_end(a, work, "unreachable", "no route")); /* the share's trouble: it waits */
    look_at(job);
    TAP_EQUAL_STR(text_of(world.json, "state"), "suspended");
    TAP_EQUAL_U64(open_of(&world.a.admin, NULL, "changed"), 1);
}

static void
test_of_one_path_the_latest_goes_first(void)
{
    char a[512], b[512], f[2048], items[1200];
    al_id work;

    walk_begins(work);
    (void)snprintf(items, sizeof(items), "%s,%s", finding(a, "no_stub", "gone", OBJECT),
                   "{\"kind\":\"no_stub\",\"path\":\"gone\",\"object_id\":\"" OTHER
                   "\",\"size\":6,\"mtime_ns\":9}");
    batch(&world.a, findings(f, items));
    walk_ends(work, true);
    TAP_OK(ASK(orphan_repair, .who = &world.a.admin, .id = world.a.volume,
               .body = "{\"kind\":\"no_stub\"}"));
    TAP_EQUAL_U64(number_of(json_object_get(world.json, "plan"), "findings"), 1);
    TAP_EQUAL_U64(number_of(json_object_get(world.json, "plan"), "again"), 1);
    TAP_EQUAL_U64(number_of(json_object_get(world.json, "plan"), "bytes"), 6);
    take(work);
    TAP_EQUAL_U64(items_leased(), 1);
    TAP_EQUAL_STR(text_of(json_array_get(json_object_get(json_array_get(leased, 0), "items"), 0),
                          "object_id"),
                  OTHER);
    (void)b;
}

static void
test_some_are_put_aside_with_a_reason_and_taken_up_again(void)
{
    char body[256];
    al_id gone;

    walk_finds();
    the_id("no_stub", gone);
    (void)snprintf(body, sizeof(body), "{\"ids\":[\"%s\"],\"reason\":\"on purpose\"}", gone);
    TAP_CODE(ASK(orphan_ignore, .who = &world.b.admin, .id = world.a.volume, .body = body),
             AL_ENOENT);
    TAP_CODE(ASK(orphan_ignore, .who = &world.a.admin, .id = world.a.volume,
                 .body = "{\"kind\":\"no_stub\"}"),
             AL_EINVAL); /* why? */
    TAP_OK(ASK(orphan_ignore, .who = &world.a.admin, .id = world.a.volume, .body = body));
    TAP_EQUAL_U64(number_of(world.json, "findings"), 1);
    TAP_EQUAL_U64(open_of(&world.a.admin, NULL, "no_stub"), 0);
    TAP_OK(ASK(orphan_list, .who = &world.a.admin, .id = world.a.volume, .query = "state=ignored"));
    TAP_EQUAL_STR(text_of(json_object_get(item(0), "ignored"), "reason"), "on purpose");
    TAP_EQUAL_STR(text_of(json_object_get(item(0), "ignored"), "by"), "boss");
    TAP_CODE(ASK(orphan_repair, .who = &world.a.admin, .id = world.a.volume,
                 .body = "{\"kind\":\"no_stub\"}"),
             AL_ECONFLICT);
    TAP_OK(ASK(orphan_unignore, .who = &world.a.admin, .id = world.a.volume,
               .body = "{\"kind\":\"no_stub\"}"));
    TAP_EQUAL_U64(number_of(world.json, "findings"), 1);
    TAP_EQUAL_U64(open_of(&world.a.admin, NULL, "no_stub"), 1);
    TAP_EQUAL_U64(events_of("orphan.ignore"), 1);
    TAP_EQUAL_U64(events_of("orphan.unignore"), 1);
    chain_holds();
}

static void
test_what_makes_no_sense_is_set_aside_as_any_record(void)
{
    char a[512], f[2048];

    batch(&world.a, findings(f, finding(a, "no_such_kind", "x", OBJECT)));
    batch(&world.a, findings(f, finding(a, "no_stub", "", OBJECT)));
    batch(&world.a, findings(f, ""));
    batch(&world.a, lines("{\"t\":\"findings\",\"volume_id\":\"%s\",\"items\":[%s]}\n",
                          world.b.volume, finding(a, "no_stub", "x", OBJECT))); /* another's */
    batch(&world.a, lines("{\"t\":\"walk\",\"step\":\"middle\",\"work_id\":\"%s\",\"volume_id\":"
                          "\"%s\"}\n",
                          OBJECT, world.a.volume));
    TAP_EQUAL_U64(events_of("host.rejected_record"), 5);
    TAP_EQUAL_U64(open_of(&world.operator_, NULL, "no_stub"), 0);
    /* An end without a begin ends nothing. */
    batch(&world.a, step(a, "end", OBJECT, true));
    chain_holds();
}

static void
test_one_finding_is_asked_for_by_its_volume(void)
{
    struct service_req req = {.service = world.s};
    const struct service_route *route;
    const char *ids[4];
    bool wrong;
    char path[160];
    al_id cut;

    walk_finds();
    the_id("changed", cut);
    (void)snprintf(path, sizeof(path), "/api/v1/volumes/%s/orphans/%s", world.a.volume, cut);
    route = service_route_find("GET", path, world.arena, ids, &wrong);
    TAP_CHECK(route != NULL && route->fn == orphan_get);
    req.worker = world.w;
    req.caller = &world.a.admin;
    req.arena = world.arena;
    req.query = find_query;
    memcpy(req.ids, ids, sizeof(ids));
    al_buf_clear(&world.reply.body);
    TAP_OK(orphan_get(&req, &world.reply, &world.fail));
    req.ids[0] = world.b.volume;
    al_buf_clear(&world.reply.body);
    req.caller = &world.operator_;
    TAP_CODE(orphan_get(&req, &world.reply, &world.fail), AL_ENOENT);
    (void)snprintf(path, sizeof(path), "/api/v1/volumes/%s/orphans/plan", world.a.volume);
    route = service_route_find("POST", path, world.arena, ids, &wrong);
    TAP_CHECK(route != NULL && route->fn == orphan_plan);
}

int
main(void)
{
    RUN(test_what_a_walk_found_is_kept_and_shown_to_its_customer);
    RUN(test_only_a_whole_walk_ends_what_it_did_not_find);
    RUN(test_a_plan_tells_what_a_repair_would_be_and_changes_nothing);
    RUN(test_a_repair_is_a_job_of_each_way);
    RUN(test_what_was_refused_or_failed_stays_open);
    RUN(test_of_one_path_the_latest_goes_first);
    RUN(test_some_are_put_aside_with_a_reason_and_taken_up_again);
    RUN(test_what_makes_no_sense_is_set_aside_as_any_record);
    RUN(test_one_finding_is_asked_for_by_its_volume);
    json_decref(leased);
    return tap_end();
}
