/* Windows hosts: how it stands with their filter driver, which way files of their volumes go, and what an
 * agent asks before it goes for good. */
#include "tap.h"
#include "work_help.h"

#include "server/service/agent/intake_apply.h"

#define HOUR (3600 * SECOND)

static const json_t *
driver(void)
{
    TAP_OK(ASK(host_get, .who = &world.a.admin, .id = world.a.host));
    return json_object_get(world.json, "driver");
}

static void
test_the_driver_of_a_host_is_shown_and_nothing_strange_gets_through(void)
{
    size_t members;

    TAP_CHECK(json_is_null(driver()));
    batch(&world.a,
          lines("{\"t\":\"driver\",\"told_ns\":%lld,\"state\":\"no_key\",\"text\":\"it has none"
                "\",\"next\":\"give one\",\"dll\":\"C:/p/FilterAPI.dll\",\"flavour\":"
                "\"cloudtier\",\"product\":\"CloudTier\",\"version\":\"3.3.0.1\",\"running\":"
                "true,\"connected\":false,\"has_key\":false,\"policy\":\"keep\",\"timeout_s\":"
                "120,\"room_bytes\":1073741824,\"fills\":7,\"excluded\":3,\"no_recall\":\"a.exe,b.exe\",\"key\":\"SECRET\"}\n",
                (long long)(world.now_ns - HOUR)));
    TAP_EQUAL_STR(text_of(driver(), "state"), "no_key");
    TAP_EQUAL_STR(text_of(driver(), "flavour"), "cloudtier");
    TAP_EQUAL_STR(text_of(driver(), "policy"), "keep");
    TAP_EQUAL_STR(text_of(driver(), "version"), "3.3.0.1");
    TAP_EQUAL_U64(number_of(driver(), "fills"), 7);
    TAP_EQUAL_U64(number_of(driver(), "excluded"), 3);
    TAP_EQUAL_STR(text_of(driver(), "no_recall"), "a.exe,b.exe");
    TAP_CHECK(json_is_true(json_object_get(driver(), "running")));
    TAP_CHECK(json_object_get(driver(), "key") == NULL);
    members = json_object_size(driver());
    batch(&world.a, "{\"t\":\"driver\",\"told_ns\":\"x\",\"state\":\"<b>\",\"text\":7,\"dll\":[],"
                    "\"flavour\":\"other\",\"connected\":\"yes\",\"fills\":-1,\"policy\":null}\n");
    TAP_EQUAL_STR(text_of(driver(), "state"), "no_key"); /* set aside: its time is none */
    batch(&world.a,
          "{\"t\":\"driver\",\"state\":\"<b>\",\"flavour\":\"other\",\"connected\":\"yes\","
          "\"dll\":[],\"policy\":null}\n");
    TAP_EQUAL_STR(text_of(driver(), "state"), "unknown");
    TAP_EQUAL_STR(text_of(driver(), "flavour"), "");
    TAP_EQUAL_STR(text_of(driver(), "policy"), "fill");
    TAP_CHECK(json_is_false(json_object_get(driver(), "connected")));
    TAP_EQUAL_U64(json_object_size(driver()), members);
    TAP_CODE(ASK(host_get, .who = &world.b.admin, .id = world.a.host), AL_ENOENT);
    TAP_OK(ASK(host_get, .who = &world.b.admin, .id = world.b.host));
    TAP_CHECK(json_is_null(json_object_get(world.json, "driver")));
}

static al_id volume;

static const json_t *
way(void)
{
    TAP_OK(ASK(volume_get, .who = &world.a.admin, .id = volume));
    return json_object_get(world.json, "way");
}

static const char *
reason(void)
{
    const char *said = json_string_value(json_array_get(json_object_get(way(), "reasons"), 0));

    return said != NULL ? said : "(none)";
}

static void
volume_says(const char *state, const char *said)
{
    batch(&world.a,
          lines("{\"t\":\"outcome\",\"act\":\"volume_state\",\"code\":\"ok\",\"reason\":\"%s\","
                "\"text\":\"%s\",\"volume_id\":\"%s\",\"began_ns\":1,\"ended_ns\":2}\n",
                state, said, volume));
}

static void
test_files_of_an_ntfs_volume_go_the_way_its_host_can(void)
{
    const json_t *list;

    TAP_OK(ASK(volume_create, .who = &world.a.admin,
               .body = lines("{\"host_id\":\"%s\",\"name\":\"d\",\"path\":\"D:\\\\Data\",\"kind\":"
                             "\"ntfs\",\"share_id\":\"%s\"}",
                             world.a.host, world.a.share)));
    memcpy(volume, text_of(world.json, "id"), sizeof(volume));
    TAP_EQUAL_STR(text_of(way(), "kind"), "archive");
    TAP_EQUAL_STR(reason(), "Its host has not told yet whether it holds stubs.");
    volume_says("tracked_only", "the filter driver has no licence key");
    TAP_EQUAL_STR(text_of(way(), "kind"), "archive");
    TAP_EQUAL_STR(reason(), "the filter driver has no licence key");
    volume_says("unreachable", "the disk is gone");
    TAP_EQUAL_STR(text_of(way(), "kind"), "archive");
    TAP_EQUAL_STR(reason(), "the disk is gone");
    volume_says("ok", "");
    TAP_EQUAL_STR(text_of(way(), "kind"), "stub");
    TAP_OK(ASK(agent_config, .who = &world.a.agent));
    list = json_object_get(world.json, "volumes");
    TAP_EQUAL_U64(json_array_size(list), 2);
    for (size_t i = 0; i < 2; i++) { /* the agent decides, not the kind */
        TAP_CHECK(json_is_false(json_object_get(json_array_get(list, i), "tracked_only")));
    }
}

static void
test_an_agent_that_goes_learns_of_its_stubs_and_brings_them_back(void)
{
    static const struct seen_file files[] = {{"a.mov", 5000, 5, 1}, {"b.mov", 5000, 5, 1}};
    char one[512];

    TAP_OK(ASK(agent_stubs, .who = &world.a.agent));
    TAP_EQUAL_U64(number_of(world.json, "files"), 0);
    send_scan(&world.a, files, 2);
    batch(&world.a, outcome(one, "tier", "ok", "", "", "a.mov"));
    tick_after(3 * SECOND);
    TAP_OK(ASK(agent_stubs, .who = &world.a.agent));
    TAP_EQUAL_U64(number_of(world.json, "files"), 1);
    TAP_EQUAL_U64(number_of(world.json, "bytes"), 5000);
    TAP_EQUAL_STR(text_of(json_array_get(json_object_get(world.json, "volumes"), 0), "volume_id"),
                  world.a.volume);
    TAP_OK(ASK(agent_stubs, .who = &world.b.agent));
    TAP_EQUAL_U64(number_of(world.json, "files"), 0);
    TAP_CODE(ASK(file_recall_own, .who = &world.b.agent, .id = world.a.volume,
                 .body = "{\"paths\":[\"/\"]}"),
             AL_ENOENT);
    TAP_OK(ASK(file_recall_own, .who = &world.a.agent, .id = world.a.volume,
               .body = "{\"paths\":[\"/\"]}"));
    TAP_EQUAL_STR(text_of(world.json, "kind"), "recall");
    TAP_EQUAL_U64(lease(&world.a, 4, ""), 1);
    TAP_EQUAL_STR(text_of(json_array_get(leased, 0), "kind"), "recall");
    TAP_EQUAL_U64(json_array_size(json_object_get(json_array_get(leased, 0), "items")), 1);
}

/* Another host of the same customer sees the volume, but it is not its own. */
static void
test_no_host_brings_back_what_lies_on_another(void)
{
    struct caller other = world.a.agent;

    world_id(other.id);
    TAP_CODE(
        ASK(file_recall_own, .who = &other, .id = world.a.volume, .body = "{\"paths\":[\"/\"]}"),
        AL_ENOENT);
    TAP_OK(ASK(agent_stubs, .who = &other));
    TAP_EQUAL_U64(json_array_size(json_object_get(world.json, "volumes")), 0);
}

int
main(void)
{
    RUN(test_the_driver_of_a_host_is_shown_and_nothing_strange_gets_through);
    RUN(test_files_of_an_ntfs_volume_go_the_way_its_host_can);
    RUN(test_an_agent_that_goes_learns_of_its_stubs_and_brings_them_back);
    RUN(test_no_host_brings_back_what_lies_on_another);
    json_decref(leased);
    return tap_end();
}
