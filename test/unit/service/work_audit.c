/* What audit logs tell, from an agent's batches to what people see: who used what, how it stands with
 * the logs, what is set aside, and who may see it. */
#include "tap.h"
#include "work_help.h"

#include "server/inventory/access.h"
#include "server/service/access/ops.h"
#include "server/service/file/ops.h"
#include "server/service/agent/intake_apply.h"
#include "server/store/access.h"

#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)

static al_id volume; /* anna's, with audit logs */

static void
make_volume(const char *more)
{
    char body[1024];

    (void)snprintf(body, sizeof(body),
                   "{\"host_id\":\"%s\",\"name\":\"space\",\"path\":\"/media/space\",\"kind\":"
                   "\"lucidlink\",\"share_id\":\"%s\"%s}",
                   world.a.host, world.a.share, more);
    TAP_OK(ASK(volume_create, .who = &world.a.admin, .body = body));
    memcpy(volume, text_of(world.json, "id"), sizeof(volume));
}

static const char *
row_text(char out[512], const char *kind, const char *path, int64_t at_ns, unsigned reads,
         const char *user)
{
    (void)snprintf(out, 512,
                   "{\"k\":\"%s\",\"path\":\"%s\",\"time_ns\":%lld,\"reads\":%u,\"user\":\"%s\","
                   "\"host\":\"mac1\",\"node\":\"7\"}",
                   kind, path, (long long)at_ns, reads, user);
    return out;
}

static const char *
access_line(const char *rows)
{
    return lines("{\"t\":\"access\",\"volume_id\":\"%s\",\"rows\":[%s]}\n", volume, rows);
}

static const char *
audit_line(const char *state, int64_t covered_ns, int64_t told_ns, const char *more)
{
    return lines("{\"t\":\"audit\",\"volume_id\":\"%s\",\"state\":\"%s\",\"since_ns\":%lld,"
                 "\"covered_since_ns\":%lld,\"told_ns\":%lld%s}\n",
                 volume, state, (long long)(world.now_ns - HOUR), (long long)covered_ns,
                 (long long)told_ns, more);
}

static size_t
items(void)
{
    return json_array_size(json_object_get(world.json, "items"));
}

static const json_t *
item(size_t at)
{
    return json_array_get(json_object_get(world.json, "items"), at);
}

static size_t
recent(const char *query)
{
    TAP_OK(ASK(access_recent, .who = &world.a.admin, .id = volume, .query = query));
    return items();
}

static const json_t *
status(void)
{
    TAP_OK(ASK(access_get, .who = &world.a.admin, .id = volume));
    return world.json;
}

static const char *
time_text(int64_t ns)
{
    static char text_at[AL_TIME_TEXT_MAX];

    al_time_text(ns, text_at);
    return text_at;
}

/* ---- settings ---- */

static void
test_settings_have_defaults_and_reach_the_agent(void)
{
    char query[64];

    make_volume("");
    TAP_EQUAL_U64(number_of(json_object_get(world.json, "audit"), "silence_hours"), 168);
    (void)snprintf(query, sizeof(query), "\"%llu\"",
                   (unsigned long long)number_of(world.json, "version"));
    TAP_OK(ASK(volume_update, .who = &world.a.admin, .id = volume, .if_match = query,
               .body = "{\"audit\":{\"drop_users\":[\"backup*\"],\"silence_hours\":24}}"));
    TAP_EQUAL_U64(number_of(json_object_get(world.json, "audit"), "silence_hours"), 24);
    TAP_OK(ASK(agent_config, .who = &world.a.agent));
    const json_t *volumes = json_object_get(world.json, "volumes"), *audit = NULL;
    for (size_t i = 0; i < json_array_size(volumes); i++) {
        const json_t *v = json_array_get(volumes, i);

        if (strcmp(text_of(v, "id"), volume) == 0) {
            audit = json_object_get(v, "audit");
        } else {
            TAP_CHECK(json_object_get(v, "audit") == NULL);
        }
    }
    TAP_EQUAL_U64(number_of(audit, "silence_hours"), 24);
    TAP_EQUAL_STR(json_string_value(json_array_get(json_object_get(audit, "drop_users"), 0)),
                  "backup*");
    TAP_CHECK(json_is_false(json_object_get(audit, "prehydrate")));
}

static void
test_settings_that_are_none_are_refused_with_a_sentence(void)
{
    static const struct {
        const char *audit, *says;
    } bad[] = {
        {"{\"silence_hours\":0}", "1 to 8760"},
        {"{\"silence_hours\":8761}", "1 to 8760"},
        {"{\"silence_hours\":\"7\"}", "1 to 8760"},
        {"{\"prehydrate\":1}", "true or false"},
        {"{\"root\":\"media\"}", "absolute"},
        {"{\"root\":\"/media/../x\"}", ".."},
        {"{\"root\":\"/a\\u0001\"}", "control"},
        {"{\"drop_users\":[\"\"]}", "1 to 200 bytes"},
        {"{\"drop_nodes\":[7]}", "1 to 200 bytes"},
        {"{\"drop_hosts\":\"x\"}", "a list"},
        {"{\"logs\":[\"a/b\"]}", "ending"},
        {"{\"log\":[]}", "nothing that can be set"},
        {"[]", "an object"},
    };
    char body[512], many[8192] = "{\"drop_users\":[\"x\"";

    for (size_t i = 0; i < AL_LEN(bad); i++) {
        (void)snprintf(body, sizeof(body),
                       "{\"host_id\":\"%s\",\"name\":\"n\",\"path\":\"/m\",\"kind\":\"lucidlink\","
                       "\"audit\":%s}",
                       world.a.host, bad[i].audit);
        TAP_CODE(ASK(volume_create, .who = &world.a.admin, .body = body), AL_EINVAL);
        if (strstr(world.fail.text, bad[i].says) == NULL) {
            tap_fail(__FILE__, __LINE__, "%s: %s", bad[i].audit, world.fail.text);
        }
    }
    (void)snprintf(body, sizeof(body),
                   "{\"host_id\":\"%s\",\"name\":\"n\",\"path\":\"/m\",\"audit\":{}}",
                   world.a.host);
    TAP_CODE(ASK(volume_create, .who = &world.a.admin, .body = body), AL_EINVAL);
    make_volume("");
    for (int i = 0; i < 100; i++) {
        strcat(many, ",\"x\"");
    }
    strcat(many, "]}");
    char *whole = al_alloc(sizeof(many) + 32);
    (void)snprintf(whole, sizeof(many) + 32, "{\"audit\":%s}", many);
    TAP_CODE(
        ASK(volume_update, .who = &world.a.admin, .id = volume, .if_match = "*", .body = whole),
        AL_EINVAL);
    al_free(whole);
}

/* ---- rows ---- */

static void
test_rows_show_in_recent_top_and_hours(void)
{
    char a[512], b[512], rows[2048];
    int64_t at = world.now_ns / HOUR * HOUR - HOUR + SECOND;

    make_volume("");
    (void)snprintf(rows, sizeof(rows),
                   "%s,%s,{\"k\":\"move\",\"path\":\"a/two\",\"target\":"
                   "\"b/two\",\"time_ns\":%lld}",
                   row_text(a, "used", "a/one.mov", at, 3, "anna"),
                   row_text(b, "used", "a/two", at + 1, 5, "bo"), (long long)(at + 2));
    batch(&world.a, access_line(rows));
    TAP_EQUAL_U64(recent(""), 3);
    TAP_EQUAL_STR(text_of(item(0), "kind"), "move");
    TAP_EQUAL_STR(text_of(item(0), "target"), "/b/two");
    TAP_EQUAL_STR(text_of(item(2), "path"), "/a/one.mov");
    TAP_EQUAL_U64(number_of(item(2), "reads"), 3);
    TAP_EQUAL_STR(text_of(item(2), "user"), "anna");
    TAP_EQUAL_STR(text_of(item(2), "at"), time_text(at));
    TAP_EQUAL_U64(recent("user=bo"), 1);
    TAP_EQUAL_U64(recent("kind=used"), 2);
    TAP_EQUAL_U64(recent("kind=used&user=bo"), 1);
    TAP_EQUAL_U64(recent("limit=1"), 1);
    uint64_t newest = number_of(item(0), "number");
    (void)snprintf(a, sizeof(a), "after=%llu", (unsigned long long)newest);
    TAP_EQUAL_U64(recent(a), 0);
    (void)snprintf(a, sizeof(a), "before=%llu&limit=1", (unsigned long long)newest);
    TAP_EQUAL_U64(recent(a), 1);
    TAP_EQUAL_U64(number_of(item(0), "number"), newest - 1);
    TAP_EQUAL_U64(number_of(status(), "last_number"), newest);
    TAP_OK(ASK(access_top, .who = &world.a.admin, .id = volume, .query = "by=user&limit=10"));
    TAP_CHECK(items() >= 2);
    TAP_EQUAL_STR(text_of(item(0), "what"), "bo");
    TAP_EQUAL_U64(number_of(item(0), "reads"), 5);
    TAP_OK(ASK(access_hours, .who = &world.a.admin, .id = volume));
    TAP_EQUAL_U64(items(), 1);
    TAP_EQUAL_U64(number_of(item(0), "reads"), 8);
    TAP_EQUAL_STR(text_of(item(0), "at"), time_text(at - SECOND));
}

static void
test_the_same_batch_twice_counts_once(void)
{
    char a[512];
    const char *line;

    make_volume("");
    line = access_line(row_text(a, "used", "f", world.now_ns - HOUR, 2, "anna"));
    batch(&world.a, line);
    TAP_OK(send_batch(&world.a, world.seq, line));
    TAP_EQUAL_U64(number_of(world.json, "applied_seq"), world.seq);
    TAP_EQUAL_U64(recent(""), 1);
    TAP_OK(ASK(access_top, .who = &world.a.admin, .id = volume));
    TAP_EQUAL_U64(number_of(item(0), "reads"), 2);
}

/* The inventory has it, the store does not: what a crash between the two leaves. */
static void
test_a_batch_that_only_the_inventory_took_counts_once(void)
{
    struct intake in = {0};
    struct al_arena *arena = al_arena_new(INTAKE_ARENA_MAX);
    struct service_req req = {.service = world.s,
                              .worker = world.w,
                              .caller = &world.a.agent,
                              .now_ns = world.now_ns,
                              .arena = arena};
    char a[512], line[4096];

    make_volume("");
    (void)snprintf(line, sizeof(line), "%s",
                   access_line(row_text(a, "used", "f", world.now_ns - HOUR, 2, "anna")));
    (void)strcat(line, audit_line("live", world.now_ns - 9 * DAY, world.now_ns, ""));
    work_tx_of(&in.t, &req, NULL);
    in.t.arena = arena;
    in.stream = world.stream;
    in.seq = world.seq + 1;
    TAP_OK(intake_parse(al_span_of(line), arena, &in.batch, NULL));
    TAP_OK(intake_resolve(&in));
    TAP_OK(intake_inventory(&in));
    al_arena_free(arena);
    TAP_EQUAL_STR(text_of(status(), "state"), "untold");
    batch(&world.a, line);
    TAP_EQUAL_U64(recent(""), 1);
    TAP_EQUAL_STR(text_of(status(), "covered_since_at"), time_text(world.now_ns - 9 * DAY));
    TAP_OK(ASK(audit_list, .who = &world.a.admin, .query = "act=access.coverage"));
    TAP_EQUAL_U64(items(), 1); /* it began; nothing was lost */
}

static void
test_broken_rows_are_set_aside_and_counted_and_the_others_count(void)
{
    char a[512], rows[4096];

    make_volume("");
    (void)snprintf(
        rows, sizeof(rows),
        "%s,{\"k\":\"used\",\"path\":\"../x\",\"time_ns\":5},"
        "{\"k\":\"folder_delete\",\"path\":\"\",\"time_ns\":5},"
        "{\"k\":\"move\",\"path\":\"y\",\"time_ns\":5},"
        "{\"k\":\"eat\",\"path\":\"y\",\"time_ns\":5},{\"k\":\"used\",\"path\":\"y\"},7,"
        "{\"k\":\"used\",\"path\":\"ok\",\"time_ns\":5,\"reads\":-1,\"user\":9,\"stat\":3}",
        row_text(a, "used", "f", world.now_ns - HOUR, 2, "anna"));
    batch(&world.a, access_line(rows));
    TAP_EQUAL_U64(recent(""), 2);
    TAP_EQUAL_U64(number_of(status(), "rejected"), 6);
    TAP_CHECK(strstr(text_of(world.json, "next_step"), "rejected_record") != NULL ||
              strcmp(text_of(world.json, "state"), "untold") == 0);
    TAP_OK(ASK(audit_list, .who = &world.a.admin, .query = "act=host.rejected_record"));
    TAP_EQUAL_U64(items(), 1);
    TAP_EQUAL_U64(number_of(json_object_get(item(0), "detail"), "rows"), 6);
}

static void
test_rows_of_a_volume_without_audit_logs_are_rejected(void)
{
    make_volume("");
    batch(&world.a, lines("{\"t\":\"access\",\"volume_id\":\"%s\",\"rows\":[]}\n", world.a.volume));
    batch(&world.a,
          lines("{\"t\":\"audit\",\"volume_id\":\"%s\",\"state\":\"live\"}\n", world.a.volume));
    batch(&world.a, lines("{\"t\":\"access\",\"volume_id\":\"%s\",\"rows\":[]}\n", world.b.volume));
    TAP_OK(ASK(audit_list, .who = &world.a.admin, .query = "act=host.rejected_record"));
    TAP_EQUAL_U64(items(), 3);
    TAP_CODE(ASK(access_get, .who = &world.a.admin, .id = world.a.volume), AL_ECONFLICT);
}

static void
test_another_customer_sees_none_of_it_and_an_auditor_all(void)
{
    static service_fn *const fns[] = {access_get, access_nodes, access_top, access_hours,
                                      access_recent};
    struct caller auditor = {.role = ROLE_AUDITOR};

    make_volume("");
    memcpy(auditor.customer_id, world.a.customer, sizeof(al_id));
    for (size_t i = 0; i < AL_LEN(fns); i++) {
        TAP_CODE(ask(fns[i], "x", &(struct asked){.who = &world.b.admin, .id = volume}), AL_ENOENT);
        TAP_OK(ask(fns[i], "x", &(struct asked){.who = &auditor, .id = volume}));
    }
}

/* ---- how it stands ---- */

static void
test_a_new_volume_is_untold_and_trusts_nothing(void)
{
    struct inventory_scope scope = {0};
    struct inventory_coverage c;

    make_volume("");
    scope.customer_id = world.a.customer;
    TAP_OK(inventory_coverage(world.s->work->inventory, &scope, volume, &c));
    TAP_CHECK(c.audited && !c.live && c.since_ns == 0);
    TAP_EQUAL_STR(text_of(status(), "state"), "untold");
    TAP_CHECK(json_is_false(json_object_get(world.json, "complete")));
    TAP_CHECK(text_of(world.json, "next_step")[0] != '\0');
}

static void
test_states_are_kept_shown_and_leave_events(void)
{
    const int64_t covered = world.now_ns - 40 * DAY;

    make_volume("");
    batch(&world.a,
          audit_line("live", covered, world.now_ns,
                     ",\"root\":\"/media\",\"filespace\":\"prod.acme\",\"files\":12,\"active\":3,"
                     "\"behind_bytes\":4096,\"lines\":100,\"events\":90,\"own\":4,\"skipped\":"
                     "{\"junk\":2,\"Bad Key\":3},\"sample\":{\"why\":\"junk\",\"text\":\"{x\"},"
                     "\"nodes\":[{\"node\":\"7\",\"host\":\"mac1\",\"user\":\"anna\","
                     "\"last_event_ns\":5,\"active\":true,\"files\":2,\"behind_bytes\":9},"
                     "{\"node\":\"8\",\"active\":false},{\"host\":\"no node\"}]"));
    TAP_EQUAL_STR(text_of(status(), "state"), "live");
    TAP_CHECK(json_is_true(json_object_get(world.json, "complete")));
    TAP_EQUAL_STR(text_of(world.json, "covered_since_at"), time_text(covered));
    TAP_EQUAL_STR(text_of(world.json, "filespace"), "prod.acme");
    TAP_EQUAL_STR(text_of(json_object_get(world.json, "sample"), "text"), "{x");
    TAP_EQUAL_U64(number_of(json_object_get(world.json, "nodes"), "total"), 2);
    TAP_EQUAL_U64(number_of(json_object_get(world.json, "nodes"), "active"), 1);
    TAP_EQUAL_U64(number_of(json_object_get(world.json, "nodes"), "behind"), 1);
    const json_t *counts = json_object_get(world.json, "counts");
    uint64_t junk = 0, lines_read = 0;
    for (size_t i = 0; i < json_array_size(counts); i++) {
        const json_t *x = json_array_get(counts, i);

        junk += strcmp(text_of(x, "name"), "junk") == 0 ? number_of(x, "count") : 0;
        lines_read += strcmp(text_of(x, "name"), "lines") == 0 ? number_of(x, "count") : 0;
        TAP_CHECK(strcmp(text_of(x, "name"), "Bad Key") != 0);
    }
    TAP_EQUAL_U64(junk, 2);
    TAP_EQUAL_U64(lines_read, 100);
    TAP_OK(ASK(access_nodes, .who = &world.a.admin, .id = volume,
               .query = "sort=node&order=desc&limit=1&count=true"));
    TAP_EQUAL_STR(text_of(item(0), "node"), "8");
    TAP_EQUAL_U64(number_of(world.json, "total"), 2);
    TAP_EQUAL_STR(text_of(world.json, "next_cursor"), "1");
    TAP_OK(ASK(access_nodes, .who = &world.a.admin, .id = volume, .query = "active=true&q=MAC"));
    TAP_EQUAL_U64(items(), 1);
    batch(&world.a, audit_line("denied", covered, world.now_ns, ""));
    TAP_EQUAL_STR(text_of(status(), "state"), "denied");
    TAP_CHECK(json_is_false(json_object_get(world.json, "complete")));
    TAP_CHECK(strstr(text_of(world.json, "next_step"), "administrator") != NULL);
    batch(&world.a, audit_line("live", covered, world.now_ns, ""));
    TAP_CHECK(json_is_true(json_object_get(status(), "complete")));
    TAP_OK(ASK(audit_list, .who = &world.a.admin, .query = "act=access.state"));
    TAP_EQUAL_U64(items(), 3);
    TAP_OK(ASK(audit_list, .who = &world.a.admin, .query = "act=access.coverage"));
    TAP_EQUAL_U64(items(), 1);
}

static void
test_volumes_with_logs_are_listed_trouble_first_and_of_the_customer_alone(void)
{
    al_id live, other;

    TAP_OK(ASK(access_list, .who = &world.a.admin, .query = "count=true"));
    TAP_EQUAL_U64(items(), 0);
    make_volume("");
    memcpy(live, volume, sizeof(al_id));
    batch(&world.a, audit_line("live", world.now_ns - DAY, world.now_ns,
                               ",\"nodes\":[{\"node\":\"7\",\"behind_bytes\":9}]"));
    TAP_OK(ask(volume_create, "x",
               &(struct asked){.who = &world.a.admin,
                               .body = lines("{\"host_id\":\"%s\",\"name\":\"zz untold\","
                                             "\"path\":\"/media/zz\",\"kind\":\"lucidlink\"}",
                                             world.a.host)}));
    memcpy(other, text_of(world.json, "id"), sizeof(al_id));
    TAP_OK(ASK(access_list, .who = &world.a.admin, .query = "count=true&limit=1"));
    TAP_EQUAL_STR(text_of(item(0), "volume_id"), other);
    TAP_EQUAL_STR(text_of(item(0), "state"), "untold");
    TAP_CHECK(text_of(item(0), "next_step")[0] != '\0');
    TAP_EQUAL_U64(number_of(world.json, "total"), 2);
    TAP_EQUAL_STR(text_of(world.json, "next_cursor"), "1");
    TAP_OK(ASK(access_list, .who = &world.a.admin, .query = "cursor=1&limit=1"));
    TAP_EQUAL_STR(text_of(item(0), "volume_id"), live);
    TAP_EQUAL_U64(number_of(json_object_get(item(0), "nodes"), "behind"), 1);
    TAP_CHECK(json_is_null(json_object_get(world.json, "next_cursor")));
    TAP_OK(ASK(access_list, .who = &world.b.admin, .query = "count=true"));
    TAP_EQUAL_U64(items(), 0);
    TAP_CODE(ASK(access_list, .who = &world.b.admin,
                 .query = lines("customer_id=%s", world.a.customer)),
             AL_ENOENT);
    TAP_CODE(ASK(access_list, .who = &world.a.admin, .query = "cursor=x"), AL_EINVAL);
    /* Not told of for an hour: it comes before those that are, by its name before the other. */
    world.now_ns += HOUR + SECOND;
    TAP_OK(ASK(access_list, .who = &world.a.admin));
    TAP_EQUAL_STR(text_of(item(0), "volume_id"), live);
    TAP_CHECK(json_is_true(json_object_get(item(0), "stale")));
}

static void
test_a_host_that_falls_silent_makes_the_record_stale(void)
{
    make_volume("");
    batch(&world.a, audit_line("live", world.now_ns - DAY, world.now_ns, ""));
    TAP_CHECK(json_is_true(json_object_get(status(), "complete")));
    world.now_ns += HOUR + SECOND;
    TAP_CHECK(json_is_true(json_object_get(status(), "stale")));
    TAP_CHECK(json_is_false(json_object_get(world.json, "complete")));
    TAP_EQUAL_U64(number_of(world.json, "lag_s"), 3601);
    /* What lay on the host since then tells of then. */
    batch(&world.a, audit_line("live", world.now_ns - DAY, world.now_ns - 2 * HOUR, ""));
    TAP_CHECK(json_is_false(json_object_get(status(), "complete")));
    batch(&world.a, audit_line("live", world.now_ns - DAY, world.now_ns - 60 * SECOND, ""));
    TAP_CHECK(json_is_true(json_object_get(status(), "complete")));
}

static void
test_coverage_that_the_inventory_began_anew_stays_so_whatever_the_host_says(void)
{
    struct inventory_scope scope = {0};
    struct inventory_coverage c;
    const int64_t early = world.now_ns - 90 * DAY, anew = world.now_ns - DAY;

    make_volume("");
    scope.customer_id = world.a.customer;
    batch(&world.a, audit_line("live", early, world.now_ns, ""));
    TAP_OK(inventory_coverage(world.s->work->inventory, &scope, volume, &c));
    TAP_CHECK(c.since_ns == early);
    c.since_ns = anew;
    TAP_OK(inventory_coverage_set(world.s->work->inventory, &scope, volume, &c));
    batch(&world.a, audit_line("live", early, world.now_ns, ""));
    batch(&world.a, audit_line("live", early, world.now_ns, ""));
    TAP_OK(inventory_coverage(world.s->work->inventory, &scope, volume, &c));
    TAP_CHECK(c.since_ns == anew);
    batch(&world.a, audit_line("live", early - DAY, world.now_ns, ""));
    TAP_OK(inventory_coverage(world.s->work->inventory, &scope, volume, &c));
    TAP_CHECK(c.since_ns == anew);
    TAP_OK(ASK(audit_list, .who = &world.a.admin, .query = "act=access.coverage"));
    TAP_EQUAL_U64(items(), 3); /* begun, anew, and what the host said last */
    batch(&world.a, audit_line("live", world.now_ns - HOUR, world.now_ns, ""));
    TAP_OK(inventory_coverage(world.s->work->inventory, &scope, volume, &c));
    TAP_CHECK(c.since_ns == world.now_ns - HOUR);
}

static void
test_consoles_hear_of_it_at_once_and_not_too_often(void)
{
    char a[512];
    unsigned before;

    make_volume("");
    before = world.access_events;
    batch(&world.a, access_line(row_text(a, "used", "f1", world.now_ns - HOUR, 1, "anna")));
    TAP_EQUAL_U64(world.access_events, before + 1);
    TAP_CHECK(strstr(world.access_told, "/f1") != NULL &&
              strstr(world.access_told, volume) != NULL);
    for (int i = 0; i < 5; i++) {
        char path[8];

        (void)snprintf(path, sizeof(path), "g%d", i);
        batch(&world.a, access_line(row_text(a, "used", path, world.now_ns - HOUR, 1, "anna")));
    }
    TAP_EQUAL_U64(world.access_events, before + 1);
    tick_after(SECOND);
    TAP_EQUAL_U64(world.access_events, before + 2);
    TAP_CHECK(strstr(world.access_told, "/g0") != NULL &&
              strstr(world.access_told, "/g4") != NULL && strstr(world.access_told, "/f1") == NULL);
    tick_after(SECOND);
    TAP_EQUAL_U64(world.access_events, before + 2);
}

/* ---- why ---- */

static const char *
refusal_of(const char *path_of)
{
    char query[64];

    (void)snprintf(query, sizeof(query), "path=%s", path_of);
    TAP_OK(ASK(volume_why, .who = &world.a.admin, .id = volume, .query = query));
    const json_t *decision = json_object_get(world.json, "decision");
    TAP_EQUAL_STR(text_of(decision, "action"), "archive");
    return json_is_null(json_object_get(decision, "refusal")) ? "" : text_of(decision, "refusal");
}

static void
make_file(const char *path_of)
{
    char one[512];

    (void)snprintf(one, sizeof(one),
                   "{\"k\":\"create\",\"path\":\"%s\",\"time_ns\":%lld,\"stat\":{\"type\":\"file\","
                   "\"size\":9000,\"allocated\":12288,\"mtime_ns\":%lld}}",
                   path_of, (long long)(world.now_ns - 200 * DAY),
                   (long long)(world.now_ns - 200 * DAY));
    batch(&world.a, access_line(one));
}

static void
test_why_says_that_a_file_is_pinned_or_that_accesses_are_not_known(void)
{
    char body[512], a[512];

    make_volume("");
    (void)snprintf(body, sizeof(body),
                   "{\"volume_id\":\"%s\",\"name\":\"old\",\"action\":\"archive\","
                   "\"where\":\"accessed older than 90d\"}",
                   volume);
    TAP_OK(ASK(rule_create, .who = &world.a.admin, .body = body));
    make_file("d/one.mov");
    make_file("two.mov");
    batch(&world.a, audit_line("live", world.now_ns - 300 * DAY, world.now_ns, ""));
    TAP_EQUAL_STR(refusal_of("/d/one.mov"), "");
    batch(&world.a, access_line(row_text(a, "pin", "d", world.now_ns - HOUR, 0, "anna")));
    TAP_EQUAL_STR(refusal_of("/d/one.mov"), "pinned_in_lucidlink");
    TAP_CHECK(strstr(text_of(json_object_get(world.json, "decision"), "text"), "pinned it") !=
              NULL);
    TAP_EQUAL_STR(refusal_of("/two.mov"), "");
    batch(&world.a, audit_line("absent", 0, world.now_ns, ""));
    TAP_EQUAL_STR(refusal_of("/d/one.mov"), "pinned_in_lucidlink"); /* as in plans */
    TAP_EQUAL_STR(refusal_of("/two.mov"), "no_access_record");
    batch(&world.a, access_line(row_text(a, "unpin", "d", world.now_ns - SECOND, 0, "anna")));
    TAP_EQUAL_STR(refusal_of("/d/one.mov"), "no_access_record");
}

/* ---- filespaces of the host ---- */

static const json_t *
found_item(size_t at)
{
    return json_array_get(json_object_get(json_object_get(world.json, "found"), "items"), at);
}

static void
test_what_a_host_found_of_filespaces_is_shown_and_nothing_strange_gets_through(void)
{
    AL_CLEANUP(al_buf_free) struct al_buf many = {.max = 1u << 20};

    TAP_OK(ASK(host_filespaces, .who = &world.a.admin, .id = world.a.host));
    TAP_CHECK(json_is_null(json_object_get(world.json, "found")));
    TAP_CHECK(json_is_null(json_object_get(world.json, "told_at")));
    batch(
        &world.a,
        lines("{\"t\":\"filespaces\",\"told_ns\":%lld,\"program\":\"/usr/bin/lucid\",\"text\":\"\","
              "\"odd\":2,\"more\":0,\"items\":[{\"path\":\"/media/a/b\",\"type\":\"fuse.x\","
              "\"filespace\":\"b.a\",\"lucidlink\":true,\"mounted\":true,\"named\":true,"
              "\"logs\":\"denied\"},{\"path\":7,\"type\":[],\"lucidlink\":\"yes\",\"logs\":\"<b>\","
              "\"more\":{\"x\":1}},3]}\n",
              (long long)(world.now_ns - HOUR)));
    TAP_OK(ASK(host_filespaces, .who = &world.a.admin, .id = world.a.host));
    TAP_EQUAL_STR(text_of(world.json, "told_at"), time_text(world.now_ns - HOUR));
    TAP_EQUAL_STR(text_of(json_object_get(world.json, "found"), "program"), "/usr/bin/lucid");
    TAP_EQUAL_STR(text_of(found_item(0), "path"), "/media/a/b");
    TAP_EQUAL_STR(text_of(found_item(0), "filespace"), "b.a");
    TAP_EQUAL_STR(text_of(found_item(0), "logs"), "denied");
    TAP_CHECK(json_is_true(json_object_get(found_item(0), "lucidlink")));
    TAP_EQUAL_STR(text_of(found_item(1), "path"), "");
    TAP_EQUAL_STR(text_of(found_item(1), "logs"), "unknown");
    TAP_CHECK(json_is_false(json_object_get(found_item(1), "lucidlink")));
    TAP_CHECK(json_object_size(found_item(1)) == json_object_size(found_item(0)));
    TAP_CODE(ASK(host_filespaces, .who = &world.b.admin, .id = world.a.host), AL_ENOENT);
    TAP_OK(al_buf_adds(&many, "{\"t\":\"filespaces\",\"items\":["));
    for (unsigned i = 0; i < INTAKE_FILESPACES_MAX + 9; i++) {
        TAP_OK(al_buf_addf(&many, "%s{\"path\":\"/m/%u\"}", i > 0 ? "," : "", i));
    }
    TAP_OK(al_buf_adds(&many, "]}\n"));
    batch(&world.a, (const char *)many.at);
    TAP_OK(ASK(host_filespaces, .who = &world.a.admin, .id = world.a.host));
    TAP_EQUAL_U64(json_array_size(json_object_get(json_object_get(world.json, "found"), "items")),
                  INTAKE_FILESPACES_MAX);
    batch(&world.a,
          "{\"t\":\"filespaces\",\"items\":{}}\n"); /* set aside; what was told before stays */
    TAP_OK(ASK(host_filespaces, .who = &world.a.admin, .id = world.a.host));
    TAP_EQUAL_STR(text_of(found_item(0), "path"), "/m/0");
}

int
main(void)
{
    RUN(test_settings_have_defaults_and_reach_the_agent);
    RUN(test_settings_that_are_none_are_refused_with_a_sentence);
    RUN(test_rows_show_in_recent_top_and_hours);
    RUN(test_the_same_batch_twice_counts_once);
    RUN(test_a_batch_that_only_the_inventory_took_counts_once);
    RUN(test_broken_rows_are_set_aside_and_counted_and_the_others_count);
    RUN(test_rows_of_a_volume_without_audit_logs_are_rejected);
    RUN(test_another_customer_sees_none_of_it_and_an_auditor_all);
    RUN(test_a_new_volume_is_untold_and_trusts_nothing);
    RUN(test_states_are_kept_shown_and_leave_events);
    RUN(test_volumes_with_logs_are_listed_trouble_first_and_of_the_customer_alone);
    RUN(test_a_host_that_falls_silent_makes_the_record_stale);
    RUN(test_coverage_that_the_inventory_began_anew_stays_so_whatever_the_host_says);
    RUN(test_consoles_hear_of_it_at_once_and_not_too_often);
    RUN(test_why_says_that_a_file_is_pinned_or_that_accesses_are_not_known);
    RUN(test_what_a_host_found_of_filespaces_is_shown_and_nothing_strange_gets_through);
    json_decref(leased);
    return tap_end();
}
