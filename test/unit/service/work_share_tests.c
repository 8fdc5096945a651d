/* Shares that are tried out before they are saved: to one host alone, with a password that is nowhere else and
 * gone afterwards, and an end whatever becomes of the host. */
#include "tap.h"

#include "work_help.h"

static al_id test_id;

static int
begin(const struct caller *who, const char *host, const char *more)
{
    char body[512];
    int rc;

    snprintf(body, sizeof(body), "{\"host_id\":\"%s\",\"url\":\"smb://nas/new\"%s}", host, more);
    rc = ASK(share_test_create, .who = who, .body = body);
    if (rc == AL_OK) {
        TAP_EQUAL_U64(world.reply.status, 202);
        TAP_CHECK(strstr((char *)world.reply.body.at, "geheim") == NULL);
        memcpy(test_id, text_of(world.json, "id"), sizeof(al_id));
    }
    return rc;
}
#define SECRET ",\"user\":\"ACME\\\\alto\",\"password\":\"geheim-9\""

static void
look(const char *state)
{
    TAP_OK(ASK(share_test_get, .who = &world.a.admin, .id = test_id));
    TAP_EQUAL_STR(text_of(world.json, "state"), state);
    TAP_CHECK(strstr((char *)world.reply.body.at, "geheim") == NULL);
}

static const char *
found(bool ok)
{
    static char line[1024];

    snprintf(line, sizeof(line),
             "{\"t\":\"share_test\",\"work_id\":\"%s\",\"ok\":%s,\"bytes_total\":1000,\"bytes_free\":400,"
             "\"signing\":true,\"encryption\":false,\"steps\":[{\"step\":\"reach\",\"code\":\"ok\","
             "\"us\":1500,\"text\":\"the server answers\",\"next\":\"\"},{\"step\":\"log_in\",\"code\":"
             "\"%s\",\"us\":3,\"text\":\"said\",\"next\":\"%s\",\"more\":1}]}\n",
             test_id, ok ? "true" : "false", ok ? "ok" : "wrong_password",
             ok ? "" : "check the password");
    return line;
}

static bool
password_is_kept(void)
{
    struct scope all = scope_system();
    struct store_share_test t;

    TAP_OK(store_share_test_get(world.w->db, &all, test_id, world.arena, &t, NULL));
    return t.password_sealed.at != NULL;
}

static void
take_it(void)
{
    const json_t *work;

    TAP_EQUAL_U64(lease(&world.a, 4, ""), 1);
    work = json_array_get(leased, 0);
    TAP_EQUAL_STR(text_of(work, "kind"), "test_share");
    TAP_EQUAL_STR(text_of(work, "work_id"), test_id);
    TAP_EQUAL_STR(text_of(work, "url"), "smb://nas/new");
    TAP_EQUAL_STR(text_of(work, "user"), "ACME\\alto");
    TAP_EQUAL_STR(text_of(work, "password"), "geheim-9");
}

static void
open_world(void)
{
    world_open();
    (void)lease(&world.a, 4, ""); /* the hosts are online */
    (void)lease(&world.b, 4, "");
}

static void
a_test_goes_to_its_host_and_its_result_to_its_customer(void)
{
    char end[512], query[64];

    open_world();
    TAP_OK(begin(&world.a.admin, world.a.host, SECRET));
    look("queued");
    TAP_EQUAL_U64(lease(&world.b, 4, ""), 0);
    take_it();
    look("running");
    TAP_CHECK(password_is_kept());
    TAP_CODE(ASK(share_test_get, .who = &world.b.admin, .id = test_id), AL_ENOENT);
    TAP_OK(send_batch(&world.b, 1, found(true))); /* another host tells nothing of it */
    look("running");
    snprintf(query, sizeof(query), "wait_s=20");
    TAP_OK(ASK(share_test_get, .who = &world.a.admin, .id = test_id, .query = query));
    TAP_CHECK(world.reply.park_topic != NULL && world.reply.body.len == 0);
    world_id(world.stream);
    batch(&world.a, found(false));
    look("done");
    TAP_CHECK(!password_is_kept());
    TAP_CHECK(json_is_false(json_object_get(world.json, "ok")));
    TAP_EQUAL_U64(json_array_size(json_object_get(world.json, "steps")), 2);
    TAP_EQUAL_STR(text_of(json_array_get(json_object_get(world.json, "steps"), 1), "next"),
                  "check the password");
    TAP_CHECK(json_is_null(json_object_get(world.json, "signing")));
    batch(&world.a, work_end(end, test_id, "ok", ""));
    TAP_EQUAL_U64(lease(&world.a, 4, ""), 0);
    batch(&world.a, found(true)); /* what is over stays as it is */
    look("done");
    TAP_CHECK(json_is_false(json_object_get(world.json, "ok")));
    world_close();
}

static void
a_share_that_passes_has_its_figures(void)
{
    open_world();
    TAP_OK(begin(&world.a.admin, world.a.host, SECRET));
    take_it();
    batch(&world.a, found(true));
    look("done");
    TAP_CHECK(json_is_true(json_object_get(world.json, "ok")));
    TAP_EQUAL_U64(number_of(world.json, "bytes_free"), 400);
    TAP_CHECK(json_is_true(json_object_get(world.json, "signing")) &&
              json_is_false(json_object_get(world.json, "encryption")));
    TAP_OK(ASK(audit_list, .who = &world.operator_, .query = "limit=500"));
    TAP_CHECK(strstr((char *)world.reply.body.at, "share.test") != NULL);
    TAP_CHECK(strstr((char *)world.reply.body.at, "geheim") == NULL);
    world_close();
}

static void
a_host_that_does_not_come_back_ends_the_test_and_the_password(void)
{
    open_world();
    TAP_OK(begin(&world.a.admin, world.a.host, SECRET));
    take_it();
    tick_after(SHARE_TEST_WAIT_NS - SECOND);
    TAP_CHECK(password_is_kept());
    tick_after(2 * SECOND);
    look("given_up");
    TAP_CHECK(!password_is_kept());
    TAP_CHECK(strstr(text_of(world.json, "text"), "alto-agent") != NULL);
    TAP_EQUAL_U64(lease(&world.a, 4, ""), 0);
    world_id(world.stream);
    batch(&world.a, found(true));
    look("given_up");
    world_close();
}

/* Begun while the clock stood a day ahead. */
static void
a_clock_that_goes_back_ends_the_test_and_the_password(void)
{
    open_world();
    world.now_ns += 86400 * SECOND;
    (void)lease(&world.a, 4, "");
    TAP_OK(begin(&world.a.admin, world.a.host, SECRET));
    world.now_ns -= 86400 * SECOND;
    tick_after(SECOND);
    look("queued");
    TAP_CHECK(password_is_kept());
    tick_after(SHARE_TEST_WAIT_NS + SECOND);
    look("given_up");
    TAP_CHECK(!password_is_kept());
    TAP_EQUAL_U64(lease(&world.a, 4, ""), 0); /* its work is gone, too */
    world_close();
}

static void
an_agent_that_cannot_do_it_says_why(void)
{
    char end[512];

    open_world();
    TAP_OK(begin(&world.a.admin, world.a.host, SECRET));
    take_it();
    batch(&world.a, work_end(end, test_id, "not_supported", "is it older than the server?"));
    look("done");
    TAP_CHECK(json_is_false(json_object_get(world.json, "ok")) && !password_is_kept());
    TAP_EQUAL_STR(text_of(world.json, "text"), "is it older than the server?");
    world_close();
}

static void
what_cannot_be_tested_is_told_at_once(void)
{
    open_world();
    TAP_CODE(begin(&world.b.admin, world.a.host, ""), AL_ENOENT);
    TAP_CODE(begin(&world.a.admin, world.a.host, ",\"name\":\"x\""), AL_EINVAL);
    TAP_CODE(ASK(share_test_create, .who = &world.a.admin,
                 .body = "{\"host_id\":\"01hzzzzzzzzzzzzzzzzzzzzzzz\",\"url\":\"http://x/y\"}"),
             AL_EINVAL);
    for (unsigned i = 0; i < SHARE_TESTS_OPEN_MAX; i++) {
        TAP_OK(begin(&world.a.admin, world.a.host, ""));
    }
    TAP_CODE(begin(&world.a.admin, world.a.host, ""), AL_ELIMIT);
    TAP_OK(begin(&world.b.admin, world.b.host, "")); /* another customer's is another's */
    tick_after(HOST_OFFLINE_NS + SECOND);
    TAP_CODE(begin(&world.a.admin, world.a.host, ""), AL_ECONFLICT);
    TAP_CHECK(strstr(world.fail.text, "alto-agent") != NULL);
    world_close();
}

static void
a_record_that_makes_no_sense_is_set_aside(void)
{
    char line[256];

    open_world();
    TAP_OK(begin(&world.a.admin, world.a.host, ""));
    snprintf(line, sizeof(line), "{\"t\":\"share_test\",\"work_id\":\"%s\",\"ok\":true}\n", test_id);
    batch(&world.a, line);
    batch(&world.a, "{\"t\":\"share_test\",\"ok\":true,\"steps\":[]}\n");
    look("queued");
    world_close();
}

int
main(void)
{
    TAP_RUN(a_test_goes_to_its_host_and_its_result_to_its_customer);
    TAP_RUN(a_share_that_passes_has_its_figures);
    TAP_RUN(a_host_that_does_not_come_back_ends_the_test_and_the_password);
    TAP_RUN(a_clock_that_goes_back_ends_the_test_and_the_password);
    TAP_RUN(an_agent_that_cannot_do_it_says_why);
    TAP_RUN(what_cannot_be_tested_is_told_at_once);
    TAP_RUN(a_record_that_makes_no_sense_is_set_aside);
    return tap_end();
}
