/* Versions of rules, what is refused as one, clones, and their order. */
#include "tap.h"

#include "schedule_help.h"

static const json_t *
version_at(const char *rule, size_t place)
{
    TAP_OK(ASK(rule_versions, .who = &world.a.admin, .id = rule));
    return json_array_get(json_object_get(world.json, "items"), place);
}

static void
test_each_version_is_kept_as_it_stood(void)
{
    struct scope all = scope_system(), other = scope_customer(world.b.customer);
    struct store_rule r;
    al_id rule;

    make_rule(rule, "");
    TAP_OK(ASK(rule_update, .who = &world.a.admin, .id = rule, .if_match = "\"1\"",
               .body = "{\"where\":\"size > 1MB\"," AT_20 "}"));
    TAP_OK(ASK(rule_delete, .who = &world.a.admin, .id = rule, .if_match = "\"2\""));
    TAP_EQUAL_STR(text_of(version_at(rule, 2), "where"), "true");
    TAP_EQUAL_STR(text_of(version_at(rule, 1), "where"), "size > 1MB");
    TAP_EQUAL_STR(text_of(json_object_get(version_at(rule, 1), "schedule"), "cron"), "0 20 * * *");
    TAP_EQUAL_STR(text_of(version_at(rule, 1), "by"), "boss");
    TAP_CHECK(json_is_false(json_object_get(version_at(rule, 1), "deleted")));
    TAP_CHECK(json_is_true(json_object_get(version_at(rule, 0), "deleted")));
    TAP_EQUAL_U64(number_of(version_at(rule, 0), "version"), 3);
    TAP_CODE(ASK(rule_versions, .who = &world.b.admin, .id = rule), AL_ENOENT);
    TAP_OK(store_rule_version(world.w->db, &all, rule, 1, world.arena, &r, NULL));
    TAP_EQUAL_STR(r.where, "true");
    TAP_CODE(store_rule_version(world.w->db, &all, rule, 9, world.arena, &r, NULL), AL_ENOENT);
    TAP_CODE(store_rule_version(world.w->db, &other, rule, 1, world.arena, &r, NULL), AL_ENOENT);
}

static void
test_a_refused_change_leaves_no_version(void)
{
    static const char *const bad[] = {
        "{\"schedule\":{\"cron\":\"0 20 * *\",\"zone\":\"UTC\"}}",
        "{\"schedule\":{\"cron\":\"0 20 * * *\",\"zone\":\"Nowhere\"}}",
        "{\"schedule\":{\"cron\":\"0 0 30 2 *\",\"zone\":\"UTC\"}}",
        "{\"schedule\":{\"cron\":\"0 20 * * *\"}}",
        "{\"schedule\":\"@daily\"}",
        "{\"windows\":{\"zone\":\"UTC\",\"spans\":[]}}",
        "{\"windows\":{\"zone\":\"UTC\",\"spans\":[{\"days\":[8],\"from\":\"1:00\",\"to\":\"2:00\"}"
        "]}}",
        "{\"windows\":{\"zone\":\"UTC\",\"spans\":[{\"days\":[1],\"from\":\"24:00\",\"to\":\"02:"
        "00\"}]}}",
        "{\"windows\":{\"spans\":[{\"days\":[1],\"from\":\"01:00\",\"to\":\"02:00\"}]}}",
        "{\"windows\":{\"zone\":\"UTC\",\"span\":[]}}",
        "{\"limit_minutes\":0}",
        "{\"limit_error_percent\":101}",
        "{\"start_used_percent\":80}",
        "{\"start_used_percent\":70,\"stop_used_percent\":70}",
        "{\"action\":\"recall\",\"start_used_percent\":80,\"stop_used_percent\":70}",
        "{\"action\":\"exclude\"," AT_20 "}",
    };
    al_id rule;

    make_rule(rule, "");
    for (size_t i = 0; i < AL_LEN(bad); i++) {
        int rc = ASK(rule_update, .who = &world.a.admin, .id = rule, .if_match = "\"1\"",
                     .body = bad[i]);

        if (rc != AL_EINVAL || world.fail.text[0] == '\0') {
            tap_fail(__FILE__, __LINE__, "%s gave %s", bad[i], al_code_name(rc));
        }
    }
    TAP_CHECK(version_at(rule, 1) == NULL);
}

static void
test_a_clone_is_off_and_of_the_same_customer_only(void)
{
    char body[256];
    al_id rule;

    make_rule(rule, AT_20 "," NIGHTS);
    (void)snprintf(body, sizeof(body), "{\"name\":\"copy\",\"volume_id\":\"%s\"}", world.b.volume);
    TAP_CODE(ASK(rule_clone, .who = &world.a.admin, .id = rule, .body = body), AL_ENOENT);
    TAP_OK(ASK(rule_clone, .who = &world.operator_, .id = rule, .body = body));
    TAP_EQUAL_STR(text_of(world.json, "customer_id"), world.b.customer);
    TAP_OK(ASK(rule_clone, .who = &world.a.admin, .id = rule, .body = "{\"name\":\"copy\"}"));
    TAP_EQUAL_U64(world.reply.status, 201);
    TAP_CHECK(json_is_false(json_object_get(world.json, "enabled")));
    TAP_EQUAL_STR(text_of(json_object_get(world.json, "schedule"), "cron"), "0 20 * * *");
    TAP_EQUAL_U64(number_of(world.json, "position"), 2);
    TAP_EQUAL_U64(events_of("rule.clone"), 1);
}

static void
test_the_order_is_of_all_rules_of_one_volume(void)
{
    char body[512];
    al_id first, second;

    make_rule(first, "");
    make_rule(second, "");
    (void)snprintf(body, sizeof(body), "{\"volume_id\":\"%s\",\"ids\":[\"%s\"]}", world.a.volume,
                   second);
    TAP_CODE(ASK(rule_order, .who = &world.a.admin, .body = body), AL_ECONFLICT);
    (void)snprintf(body, sizeof(body), "{\"volume_id\":\"%s\",\"ids\":[\"%s\",\"%s\"]}",
                   world.a.volume, second, second);
    TAP_CODE(ASK(rule_order, .who = &world.a.admin, .body = body), AL_EINVAL);
    (void)snprintf(body, sizeof(body), "{\"volume_id\":\"%s\",\"ids\":[\"%s\",\"%s\"]}",
                   world.a.volume, second, first);
    TAP_CODE(ASK(rule_order, .who = &world.b.admin, .body = body), AL_ENOENT);
    TAP_OK(ASK(rule_order, .who = &world.a.admin, .body = body));
    TAP_EQUAL_STR(text_of(json_array_get(json_object_get(world.json, "items"), 0), "id"), second);
    TAP_OK(ASK(rule_order, .who = &world.a.admin, .body = body)); /* it is so: no new version */
    TAP_EQUAL_U64(number_of(version_at(first, 0), "version"), 2);
    TAP_EQUAL_U64(number_of(version_at(first, 0), "position"), 2);
    TAP_EQUAL_U64(events_of("rule.order"), 1);
}

int
main(void)
{
    RUN(test_each_version_is_kept_as_it_stood);
    RUN(test_a_refused_change_leaves_no_version);
    RUN(test_a_clone_is_off_and_of_the_same_customer_only);
    RUN(test_the_order_is_of_all_rules_of_one_volume);
    json_decref(leased);
    return tap_end();
}
