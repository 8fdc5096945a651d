/* Shares in trouble: what waits, what goes on by itself, and how often altod asks. */
#include "tap.h"

#include "work_help.h"

static void
suspend_resume(const char *code, const char *state)
{
    char a[512], b[512];
    al_id job, work;
    char want[128];

    job_by_path(file_recall, "file_recall", "\"/1\",\"/2\"", job);
    take(work);
    batch(&world.a, lines("%s%s%s", outcome(a, "recall", "ok", "", job, "1"),
                          outcome(b, "recall", code, "", job, "2"), ""));
    batch(&world.a, work_end(a, work, code, "no answer for 10 s"));
    expect_job(job, "suspended", 1, 0, 1);
    (void)snprintf(want, sizeof(want), "Share anna: %s: no answer for 10 s", state);
    TAP_EQUAL_STR(text_of(world.json, "text"), want);
    TAP_EQUAL_U64(lease(&world.a, 4, ""), 0);
    TAP_OK(
        ask(share_get, "share_get", &(struct asked){.who = &world.a.admin, .id = world.a.share}));
    TAP_EQUAL_STR(text_of(world.json, "state"), state);

    /* altod asks again by itself: after 2 s, then each time the trouble has doubled, then every
     * 30 s, and no faster */
    static const int64_t waits[] = {2, 2, 4, 8, 16, 30, 30};
    for (size_t i = 0; i < AL_LEN(waits); i++) {
        tick_after((waits[i] - 1) * SECOND);
        TAP_EQUAL_U64(lease(&world.a, 4, ""), 0);
        tick_after(SECOND);
        take(work);
        TAP_EQUAL_STR(text_of(json_array_get(leased, 0), "kind"), "check_share");
        TAP_EQUAL_STR(text_of(json_array_get(leased, 0), "share_id"), world.a.share);
        share_is(code, "still not");
        batch(&world.a, work_end(a, work, "ok", ""));
        expect_job(job, "suspended", 1, 0, 1);
    }
    tick_after(30 * SECOND);
    take(work);
    tick_after(SECOND);
    TAP_EQUAL_U64(lease(&world.a, 4, ""), 0);
    share_is("ok", "");
    batch(&world.a, work_end(a, work, "ok", ""));
    expect_job(job, "running", 1, 0, 1);
    TAP_EQUAL_STR(text_of(world.json, "text"), "");
    take(work);
    TAP_EQUAL_U64(items_leased(), 1);
    batch(&world.a,
          lines("%s%s", outcome(a, "recall", "ok", "", job, "2"), work_end(b, work, "ok", "")));
    expect_job(job, "done", 2, 0, 0);
    TAP_EQUAL_U64(json_array_size(json_object_get(world.json, "reasons")), 0);
    TAP_OK(
        ask(share_get, "share_get", &(struct asked){.who = &world.a.admin, .id = world.a.share}));
    TAP_EQUAL_STR(text_of(world.json, "state"), "ok");
    TAP_EQUAL_U64(number_of(world.json, "bytes_total"), 1000);
    TAP_EQUAL_U64(number_of(world.json, "bytes_free"), 400);
}

static void
test_an_unreachable_share_suspends_and_resumes(void)
{
    suspend_resume("unreachable", "unreachable");
}

static void
test_a_wrong_password_suspends_and_resumes(void)
{
    suspend_resume("wrong_password", "wrong_password");
}

static void
test_a_foreign_share_suspends_and_resumes(void)
{
    suspend_resume("foreign", "foreign");
}

static void
test_a_full_share_does_not_stop_recalls(void)
{
    al_id job, work;

    share_is("full", "no space left");
    job_by_path(file_recall, "file_recall", "\"/1\"", job);
    expect_job(job, "queued", 0, 0, 0);
    take(work);
    TAP_EQUAL_STR(text_of(json_array_get(leased, 0), "kind"), "recall");
}

static void
test_another_trouble_is_told_to_jobs_that_wait_already(void)
{
    char a[512];
    al_id job, work;

    job_by_path(file_recall, "file_recall", "\"/1\"", job);
    take(work);
    batch(&world.a, work_end(a, work, "unreachable", "no answer"));
    expect_job(job, "suspended", 0, 0, 0);
    TAP_EQUAL_STR(text_of(world.json, "text"), "Share anna: unreachable: no answer");
    share_is("foreign", "another customer's");
    expect_job(job, "suspended", 0, 0, 0);
    TAP_EQUAL_STR(text_of(world.json, "text"), "Share anna: foreign: another customer's");
}

static void
test_recalls_that_wait_go_on_when_the_share_can_be_read_again(void)
{
    char a[512];
    al_id job, work;

    job_by_path(file_recall, "file_recall", "\"/1\"", job);
    take(work);
    batch(&world.a, work_end(a, work, "unreachable", "no answer"));
    expect_job(job, "suspended", 0, 0, 0);
    share_is("read_only", "nobody may write");
    expect_job(job, "running", 0, 0, 0);
    take(work);
    TAP_EQUAL_STR(text_of(json_array_get(leased, 0), "kind"), "recall");
}

static void
test_new_jobs_wait_for_a_share_known_to_be_bad(void)
{
    al_id job;

    share_is("wrong_password", "refused");
    job_by_path(file_recall, "file_recall", "\"/1\"", job);
    expect_job(job, "suspended", 0, 0, 0);
    TAP_CHECK(strstr(text_of(world.json, "text"), "wrong_password") != NULL);
    TAP_EQUAL_U64(lease(&world.a, 4, ""), 0);
    share_is("ok", "");
    expect_job(job, "queued", 0, 0, 0);
    TAP_EQUAL_U64(lease(&world.a, 4, ""), 1);
}

static void
test_other_jobs_of_the_share_wait_too(void)
{
    char a[512];
    al_id first, second, work;

    job_by_path(file_recall, "file_recall", "\"/1\"", first);
    job_by_path(file_recall, "file_recall", "\"/2\"", second);
    TAP_EQUAL_U64(lease(&world.a, 1, "\"" OBJECT "\""), 2);
    TAP_OK(ASK(job_cancel, .who = &world.a.admin, .id = second));
    job_by_path(file_recall, "file_recall", "\"/3\"", second);
    for (size_t i = 0; i < 2; i++) {
        const json_t *w = json_array_get(leased, i);
        if (strcmp(text_of(w, "job_id"), first) == 0) {
            (void)snprintf(work, sizeof(work), "%s", text_of(w, "work_id"));
        }
    }
    batch(&world.a, work_end(a, work, "unreachable", "gone"));
    expect_job(first, "suspended", 0, 0, 0);
    expect_job(second, "suspended", 0, 0, 0);
    TAP_OK(ASK(job_cancel, .who = &world.a.admin, .id = first));
    share_is("ok", "");
    expect_job(first, "cancelled", 0, 0, 0);
    expect_job(second, "queued", 0, 0, 0);
}

static void
test_a_share_that_only_looks_well_is_tried_less_and_less(void)
{
    char a[512];
    al_id job, work;
    int tries = 0;

    job_by_path(file_recall, "file_recall", "\"/1\"", job);
    /* Ten minutes in which every check says ok and every try fails. */
    for (int s = 0; s < 600; s++) {
        tick_after(SECOND);
        for (size_t n = lease(&world.a, 4, ""); n > 0; n--) {
            const json_t *w = json_array_get(leased, n - 1);
            bool check = strcmp(text_of(w, "kind"), "check_share") == 0;

            (void)snprintf(work, sizeof(work), "%s", text_of(w, "work_id"));
            tries += !check;
            if (check) {
                share_is("ok", "");
            }
            batch(&world.a, work_end(a, work, check ? "ok" : "unreachable", "flaky"));
        }
    }
    TAP_CHECK(tries >= 5 && tries <= 12);
    look_at(job);
    TAP_EQUAL_STR(text_of(world.json, "state"), "suspended");
}

static void
test_shares_are_looked_at_now_and_then(void)
{
    char a[512];
    al_id work;

    /* Nobody is there to look. */
    tick_after(601 * SECOND);
    TAP_EQUAL_U64(lease(&world.a, 4, ""), 0);
    tick_after(SECOND);
    take(work);
    TAP_EQUAL_STR(text_of(json_array_get(leased, 0), "kind"), "check_share");
    TAP_EQUAL_STR(text_of(json_array_get(leased, 0), "job_id"), "");
    share_is("ok", "");
    batch(&world.a, work_end(a, work, "ok", ""));
    tick_after(599 * SECOND);
    TAP_EQUAL_U64(lease(&world.a, 4, ""), 0);
    TAP_EQUAL_U64(events_of("share.state"), 0);
}

static void
test_a_check_that_nobody_takes_is_made_anew_for_who_is_there(void)
{
    TAP_EQUAL_U64(lease(&world.a, 0, ""), 0);
    share_is("unreachable", "");
    tick_after(31 * SECOND); /* queued for anna, who goes silent */
    tick_after(200 * SECOND);
    struct scope all = scope_system();
    bool waiting;
    TAP_OK(store_work_waiting(world.w->db, &all, world.a.host, NULL, 0, 1, 1, &waiting, NULL));
    TAP_CHECK(!waiting);
    TAP_EQUAL_U64(lease(&world.a, 0, ""), 0);
    tick_after(SECOND);
    TAP_EQUAL_U64(lease(&world.a, 1, ""), 1);
}

static void
test_an_asked_for_check_tells_what_it_found(void)
{
    char a[512];
    al_id job, work;

    TAP_EQUAL_U64(lease(&world.a, 4, ""), 0); /* the host is there */
    TAP_OK(ASK(share_check, .who = &world.a.admin, .id = world.a.share));
    (void)snprintf(job, sizeof(job), "%s", text_of(world.json, "id"));
    take(work);
    batch(&world.a, lines("{\"t\":\"outcome\",\"act\":\"share_state\",\"code\":\"foreign\","
                          "\"text\":\"belongs to bert\",\"share_id\":\"%s\","
                          "\"job_id\":\"%s\",\"path\":\"\"}\n%s",
                          world.a.share, job, work_end(a, work, "ok", "")));
    look_at(job);
    TAP_EQUAL_STR(text_of(world.json, "state"), "failed");
    TAP_EQUAL_STR(text_of(world.json, "text"), "foreign: belongs to bert");
    TAP_EQUAL_U64(events_of("share.state"), 1);
}

static uint64_t
shares_configured(uint64_t *ret_version)
{
    TAP_OK(ASK(agent_config, .who = &world.a.agent));
    *ret_version = number_of(world.json, "version");
    return json_array_size(json_object_get(world.json, "shares"));
}

static void
new_share(al_id share)
{
    TAP_OK(ASK(share_create, .who = &world.a.admin,
               .body = "{\"name\":\"cold\",\"url\":\"smb://nas/cold\",\"user\":\"alto\","
                       "\"password\":\"hush\"}"));
    (void)snprintf(share, sizeof(al_id), "%s", text_of(world.json, "id"));
}

static void
test_a_share_of_no_volume_is_checked_by_any_online_host(void)
{
    uint64_t before, during, after;
    char a[512], body[64];
    al_id share, job, work;

    new_share(share);
    TAP_EQUAL_U64(lease(&world.b, 4, ""), 0); /* another customer's: none of ours is there */
    TAP_CODE(ASK(share_check, .who = &world.a.admin, .id = share), AL_ECONFLICT);
    TAP_CHECK(strstr(world.fail.text, "no host of this customer is online") != NULL);
    TAP_CHECK(strstr(world.fail.text, "alto host token") != NULL);
    TAP_EQUAL_U64(lease(&world.a, 4, ""), 0);
    TAP_EQUAL_U64(shares_configured(&before), 1);
    (void)snprintf(body, sizeof(body), "{\"host_id\":\"%s\"}", world.b.host);
    TAP_CODE(ASK(share_check, .who = &world.operator_, .id = share, .body = body), AL_ECONFLICT);
    (void)snprintf(body, sizeof(body), "{\"host_id\":\"%s\"}", world.a.host);
    TAP_OK(ASK(share_check, .who = &world.a.admin, .id = share, .body = body));
    TAP_EQUAL_U64(world.reply.status, 202);
    TAP_EQUAL_STR(text_of(world.json, "host_id"), world.a.host);
    TAP_CHECK(strstr(world.woken, world.a.host) != NULL);
    (void)snprintf(job, sizeof(job), "%s", text_of(world.json, "id"));
    /* the host is lent what it needs for as long as the check goes on */
    TAP_EQUAL_U64(shares_configured(&during), 2);
    const json_t *lent = json_array_get(json_object_get(world.json, "shares"), 1);
    TAP_EQUAL_STR(text_of(lent, "id"), share);
    TAP_EQUAL_STR(text_of(lent, "password"), "hush");
    TAP_CHECK(during != before);
    take(work);
    TAP_EQUAL_U64(number_of(world.json, "config_version"), during);
    world.woken[0] = '\0';
    batch(&world.a, lines("{\"t\":\"outcome\",\"act\":\"share_state\",\"code\":\"ok\","
                          "\"text\":\"\",\"share_id\":\"%s\",\"job_id\":\"%s\",\"path\":\"\","
                          "\"size\":1000,\"freed\":400}\n%s",
                          share, job, work_end(a, work, "ok", "")));
    TAP_CHECK(strstr(world.woken, world.a.host) != NULL); /* to give it back */
    expect_job(job, "done", 0, 0, 0);
    TAP_OK(ASK(share_get, .who = &world.a.admin, .id = share));
    TAP_EQUAL_STR(text_of(world.json, "state"), "ok");
    TAP_EQUAL_U64(number_of(world.json, "bytes_free"), 400);
    TAP_EQUAL_U64(shares_configured(&after), 1);
    TAP_EQUAL_U64(after, before);
}

static void
test_a_check_that_waits_for_a_host_that_went_goes_to_another(void)
{
    struct scope all = scope_system();
    struct store_host h = {.name = "second", .os = "linux", .agent_version = "1", .boot_id = ""};
    struct side second = world.a;
    al_id share, job;

    new_share(share);
    TAP_EQUAL_U64(lease(&world.a, 4, ""), 0);
    TAP_OK(ASK(share_check, .who = &world.a.admin, .id = share));
    (void)snprintf(job, sizeof(job), "%s", text_of(world.json, "id"));
    TAP_OK(ASK(share_check, .who = &world.a.admin, .id = share));
    TAP_EQUAL_STR(text_of(world.json, "id"), job); /* it is under way */
    tick_after(HOST_OFFLINE_NS + SECOND);
    TAP_CODE(ASK(share_check, .who = &world.a.admin, .id = share), AL_ECONFLICT);
    expect_job(job, "queued", 0, 0, 0);
    world_id(h.id);
    memcpy(h.customer_id, world.a.customer, sizeof(al_id));
    TAP_OK(store_begin(world.w->db, NULL));
    TAP_OK(store_host_add(world.w->db, &all, &h, NULL));
    TAP_OK(store_commit(world.w->db, NULL));
    memcpy(second.agent.id, h.id, sizeof(al_id));
    TAP_EQUAL_U64(lease(&second, 4, ""), 0);
    TAP_OK(ASK(share_check, .who = &world.a.admin, .id = share));
    TAP_CHECK(strcmp(text_of(world.json, "id"), job) != 0);
    TAP_EQUAL_STR(text_of(world.json, "host_id"), h.id);
    expect_job(job, "cancelled", 0, 0, 0);
    TAP_EQUAL_U64(lease(&second, 4, ""), 1);
}

/* All times lie a day ahead, as after a repair of the machine's clock. */
static void
test_a_clock_that_goes_back_holds_nothing_up(void)
{
    char a[512];
    al_id job, work;

    world.now_ns += 86400 * SECOND;
    TAP_EQUAL_U64(lease(&world.a, 4, ""), 0);
    job_by_path(file_recall, "file_recall", "\"/1\"", job);
    take(work);
    batch(&world.a, work_end(a, work, "unreachable", "no answer"));
    expect_job(job, "suspended", 0, 0, 0);
    world.now_ns -= 86400 * SECOND;
    tick_after(SECOND);
    tick_after(SHARE_CHECK_EVERY_NS + SECOND);
    take(work); /* whether the share is back */
    TAP_EQUAL_STR(text_of(json_array_get(leased, 0), "kind"), "check_share");
    tick_after(HOST_OFFLINE_NS + SECOND);
    TAP_OK(ASK(host_get, .who = &world.a.admin, .id = world.a.host));
    TAP_EQUAL_STR(text_of(world.json, "state"), "offline");
}

static void
test_a_lease_from_before_the_clock_went_back_runs_out(void)
{
    al_id job, work, again;

    world.now_ns += 86400 * SECOND;
    job_by_path(file_recall, "file_recall", "\"/1\"", job);
    take(work); /* by an agent that dies with it */
    world.now_ns -= 86400 * SECOND;
    tick_after(SECOND);
    tick_after(WORK_LEASE_NS + SECOND);
    take(again);
    TAP_EQUAL_STR(again, work);
}

int
main(void)
{
    RUN(test_an_unreachable_share_suspends_and_resumes);
    RUN(test_a_wrong_password_suspends_and_resumes);
    RUN(test_a_foreign_share_suspends_and_resumes);
    RUN(test_a_full_share_does_not_stop_recalls);
    RUN(test_another_trouble_is_told_to_jobs_that_wait_already);
    RUN(test_recalls_that_wait_go_on_when_the_share_can_be_read_again);
    RUN(test_new_jobs_wait_for_a_share_known_to_be_bad);
    RUN(test_other_jobs_of_the_share_wait_too);
    RUN(test_a_share_that_only_looks_well_is_tried_less_and_less);
    RUN(test_shares_are_looked_at_now_and_then);
    RUN(test_a_check_that_nobody_takes_is_made_anew_for_who_is_there);
    RUN(test_an_asked_for_check_tells_what_it_found);
    RUN(test_a_share_of_no_volume_is_checked_by_any_online_host);
    RUN(test_a_check_that_waits_for_a_host_that_went_goes_to_another);
    RUN(test_a_clock_that_goes_back_holds_nothing_up);
    RUN(test_a_lease_from_before_the_clock_went_back_runs_out);
    json_decref(leased);
    return tap_end();
}
