/* Rules that run by themselves: schedules, windows, limits, marks; jobs that are paused; versions. */
#include "tap.h"

#include "schedule_help.h"

static void
turn_after(int64_t ns)
{
    tick_after(ns);
    TAP_OK(service_schedule(world.w, world.now_ns));
}

static size_t
jobs_of(const char *rule, al_id last)
{
    char query[64];
    const json_t *items;

    (void)snprintf(query, sizeof(query), "rule_id=%s", rule);
    TAP_OK(ask(job_list, "job_list", &(struct asked){.who = &world.a.admin, .query = query}));
    items = json_object_get(world.json, "items");
    if (json_array_size(items) > 0) {
        (void)snprintf(last, sizeof(al_id), "%s", text_of(json_array_get(items, 0), "id"));
    }
    return json_array_size(items);
}

/* Leases tier works alone: a share may be due to be looked at. */
static size_t
lease_tier(unsigned workers, const char *running, al_id first)
{
    size_t count = 0;

    lease(&world.a, workers, running);
    for (size_t i = 0; i < json_array_size(leased); i++) {
        if (strcmp(text_of(json_array_get(leased, i), "kind"), "tier") == 0) {
            if (count == 0) {
                (void)snprintf(first, sizeof(al_id), "%s",
                               text_of(json_array_get(leased, i), "work_id"));
            }
            count++;
        }
    }
    return count;
}

static uint64_t
items_of(const char *work)
{
    for (size_t i = 0; i < json_array_size(leased); i++) {
        const json_t *w = json_array_get(leased, i);

        if (strcmp(text_of(w, "work_id"), work) == 0) {
            return json_array_size(json_object_get(w, "items"));
        }
    }
    return 0;
}

static const char *
quoted(const char *id)
{
    static char with_quotes[64];

    (void)snprintf(with_quotes, sizeof(with_quotes), "\"%s\"", id);
    return with_quotes;
}

/* Outcomes of files from..to of the job, all the same. */
static void
tell_outcomes(const char *job, size_t from, size_t to, const char *act, const char *code)
{
    static struct outcomes o;
    char path[16];

    for (size_t i = from; i < to; i++) {
        (void)snprintf(path, sizeof(path), "/n%04zu", i);
        add_outcome(&o, act, code, job, path);
    }
    send_outcomes(&o);
}

static void
end_work(const char *work, const char *code)
{
    char line[512];

    batch(&world.a, work_end(line, work, code, ""));
}

static const char *
pause_reason(const char *job)
{
    look_at(job);
    return text_of(json_object_get(world.json, "pause"), "reason");
}

/* ---- schedules ---- */

static void
test_a_rule_that_is_due_runs_once(void)
{
    al_id rule, job;

    seen(3);
    make_rule(rule, AT_20);
    TAP_EQUAL_STR(text_of(world.json, "next_run_at"), "2026-12-01T20:00:00Z");
    turn_after(29 * MINUTE);
    TAP_EQUAL_U64(jobs_of(rule, job), 0);
    turn_after(MINUTE);
    TAP_OK(service_schedule(world.w, world.now_ns));
    TAP_EQUAL_U64(jobs_of(rule, job), 1);
    look_at(job);
    TAP_EQUAL_STR(text_of(world.json, "created_by"), "schedule");
    TAP_EQUAL_U64(number_of(world.json, "total_files"), 3);
    TAP_EQUAL_U64(number_of(world.json, "rule_version"), 1);
    look_at_rule(rule);
    TAP_EQUAL_STR(text_of(world.json, "next_run_at"), "2026-12-02T20:00:00Z");
    TAP_EQUAL_STR(text_of(json_object_get(world.json, "last_run"), "job_id"), job);
    world_again(); /* altod is killed and started: the moment is not run again */
    TAP_OK(service_schedule(world.w, world.now_ns));
    TAP_EQUAL_U64(jobs_of(rule, job), 1);
    TAP_EQUAL_U64(events_of("job.start"), 2); /* the scan's, and this one */
    chain_holds();
}

/* A clock that stood years ahead for a moment must not keep a rule, or a job that waits for its window, for years. */
static void
test_a_clock_that_was_set_back_stops_no_schedule(void)
{
    al_id rule, job;

    seen(3);
    make_rule(rule, AT_20 "," NIGHTS);
    world.now_ns += 3650 * 24 * 60 * MINUTE;
    TAP_OK(service_schedule(world.w, world.now_ns));
    look_at_rule(rule);
    TAP_CHECK(strncmp(text_of(world.json, "next_run_at"), "2036-", 5) == 0);
    world.now_ns = at(EVENING) + MINUTE;
    turn_after(0);
    look_at_rule(rule);
    TAP_EQUAL_STR(text_of(world.json, "next_run_at"), "2026-12-01T20:00:00Z");
    turn_after(30 * MINUTE);
    look_at_rule(rule);
    TAP_EQUAL_STR(text_of(world.json, "next_run_at"), "2026-12-02T20:00:00Z");
    TAP_EQUAL_U64(jobs_of(rule, job), 1);
}

/* The same while altod did not run. */
static void
test_a_start_with_an_earlier_clock_stops_no_schedule(void)
{
    al_id rule;

    seen(3);
    make_rule(rule, AT_20);
    world.now_ns += 3650 * 24 * 60 * MINUTE;
    TAP_OK(service_schedule(world.w, world.now_ns));
    world_again();
    world.now_ns = at(EVENING) + MINUTE;
    turn_after(0);
    look_at_rule(rule);
    TAP_EQUAL_STR(text_of(world.json, "next_run_at"), "2026-12-01T20:00:00Z");
}

static void
test_a_rule_does_not_run_beside_itself(void)
{
    al_id rule, job;

    seen(3);
    make_rule(rule, AT_20);
    turn_after(30 * MINUTE);
    turn_after(24 * 60 * MINUTE);
    TAP_EQUAL_U64(jobs_of(rule, job), 1);
    TAP_EQUAL_U64(events_of("rule.skip"), 1);
    TAP_CHECK(strstr((const char *)world.reply.body.at, "at work already") != NULL);
    look_at_rule(rule);
    TAP_EQUAL_STR(text_of(world.json, "next_run_at"), "2026-12-03T20:00:00Z");
}

static void
test_missed_moments_are_one_run(void)
{
    al_id rule, job;

    seen(3);
    make_rule(rule, AT_20);
    world.now_ns += 5 * 24 * 60 * MINUTE; /* altod was away for days */
    world.s->opened_ns = world.now_ns;
    turn_after(SECOND);
    TAP_EQUAL_U64(jobs_of(rule, job), 1);
    TAP_EQUAL_U64(events_of("rule.late"), 1);
    TAP_EQUAL_U64(events_of("rule.skip"), 0);
    turn_after(SECOND);
    TAP_EQUAL_U64(jobs_of(rule, job), 1);
}

static void
test_a_missed_moment_is_not_made_up_while_the_window_is_closed(void)
{
    al_id rule, job;

    seen(3);
    make_rule(rule, AT_20 "," NIGHTS);
    world.now_ns = at("2026-12-02T12:00:00Z");
    world.s->opened_ns = world.now_ns;
    turn_after(SECOND);
    TAP_EQUAL_U64(jobs_of(rule, job), 0);
    TAP_EQUAL_U64(events_of("rule.skip"), 1);
    look_at_rule(rule);
    TAP_EQUAL_STR(text_of(world.json, "next_run_at"), "2026-12-02T20:00:00Z");
}

static void
test_a_moment_outside_the_windows_waits_for_the_next_one(void)
{
    al_id rule;

    seen(1);
    make_rule(rule, "\"schedule\":{\"cron\":\"0 12 * * *\",\"zone\":\"UTC\"}," NIGHTS);
    TAP_EQUAL_STR(text_of(world.json, "next_run_at"), "2026-12-02T20:00:00Z");
}

static void
test_what_is_off_or_suspended_does_not_run(void)
{
    al_id off, suspended, job;
    struct scope all = scope_system();
    bool changed;

    seen(3);
    make_rule(off, AT_20 ",\"enabled\":false");
    make_rule(suspended, AT_20);
    TAP_OK(store_begin(world.w->db, NULL));
    TAP_OK(store_rule_suspend(world.w->db, &all, suspended, "errors", "too many", world.now_ns,
                              &changed, NULL));
    TAP_OK(store_commit(world.w->db, NULL));
    turn_after(30 * MINUTE);
    TAP_EQUAL_U64(jobs_of(off, job), 0);
    TAP_EQUAL_U64(jobs_of(suspended, job), 0);
    TAP_CODE(ASK(rule_run, .who = &world.a.admin, .id = suspended), AL_ECONFLICT);
    TAP_CHECK(strstr(world.fail.text, "too many") != NULL);
    TAP_CODE(ASK(rule_resume, .who = &world.b.admin, .id = suspended), AL_ENOENT);
    TAP_OK(ASK(rule_resume, .who = &world.a.admin, .id = suspended));
    TAP_CHECK(json_is_null(json_object_get(world.json, "suspended")));
    TAP_EQUAL_STR(text_of(world.json, "next_run_at"), "2026-12-02T20:00:00Z"); /* not made up */
    TAP_EQUAL_U64(events_of("rule.resume"), 1);
}

static void
test_a_rule_that_cannot_run_says_so_and_holds_nobody_up(void)
{
    struct scope all = scope_system();
    struct store_volume v;
    al_id bad, job;

    seen(3);
    make_rule(bad, AT_20);
    TAP_OK(store_begin(world.w->db, NULL));
    TAP_OK(store_volume_get(world.w->db, &all, world.a.volume, world.arena, &v, NULL));
    v.share_id[0] = '\0';
    TAP_OK(store_volume_set(world.w->db, &all, &v, NULL));
    TAP_OK(store_commit(world.w->db, NULL));
    turn_after(30 * MINUTE);
    TAP_EQUAL_U64(jobs_of(bad, job), 0);
    TAP_EQUAL_U64(events_of("rule.skip"), 1);
    TAP_CHECK(strstr((const char *)world.reply.body.at, "no share") != NULL);
    look_at_rule(bad);
    TAP_EQUAL_STR(text_of(world.json, "next_run_at"), "2026-12-02T20:00:00Z");
}

static void
test_many_rules_due_at_once_run_piece_by_piece(void)
{
    al_id rule, job;
    uint64_t first;

    seen(3);
    for (size_t i = 0; i < 70; i++) {
        make_rule(rule, AT_20);
    }
    world.now_ns += 30 * MINUTE;
    TAP_OK(service_schedule(world.w, world.now_ns));
    first = events_of("job.start") - 1; /* the scan's */
    TAP_CHECK(first > 0 && first < 70);
    for (unsigned i = 0; i < 70 && events_of("job.start") - 1 < 70; i++) {
        tick_after(SECOND); /* housekeeping goes on in between */
        TAP_OK(service_schedule(world.w, world.now_ns));
    }
    TAP_EQUAL_U64(events_of("job.start") - 1, 70);
    TAP_EQUAL_U64(jobs_of(rule, job), 1);
    TAP_OK(service_schedule(world.w, world.now_ns));
    TAP_EQUAL_U64(events_of("job.start") - 1, 70);
}

/* ---- windows and pauses ---- */

static void
start_in_window(al_id rule, al_id job, const char *more)
{
    char all[1024];

    (void)snprintf(all, sizeof(all), AT_20 "," NIGHTS "%s", more);
    make_rule(rule, all);
    turn_after(30 * MINUTE);
    TAP_EQUAL_U64(jobs_of(rule, job), 1);
}

static void
test_a_window_that_closes_takes_works_back_and_the_next_goes_on(void)
{
    al_id rule, job, work, again;

    seen(MANY);
    start_in_window(rule, job, "");
    TAP_EQUAL_U64(lease_tier(1, "", work), 1);
    tell_outcomes(job, 0, 100, "tier", "ok");
    world.now_ns = at("2026-12-02T05:59:50Z");
    TAP_EQUAL_U64(lease_tier(1, quoted(work), again), 0); /* a heartbeat */
    tick_after(9 * SECOND);
    expect_job(job, "running", 100, 0, 0);
    tick_after(SECOND);
    TAP_EQUAL_STR(pause_reason(job), "window");
    TAP_EQUAL_STR(text_of(world.json, "state"), "paused");
    TAP_EQUAL_STR(text_of(json_object_get(world.json, "pause"), "until"), "2026-12-02T20:00:00Z");
    /* told once to a poll that waits, and again to each that asks anew; nothing else is given */
    TAP_EQUAL_U64(lease_tier(4, quoted(work), again), 0);
    TAP_EQUAL_U64(json_array_size(json_object_get(world.json, "pause")), 1);
    TAP_EQUAL_U64(json_array_size(json_object_get(world.json, "cancel")), 0);
    tell_outcomes(job, 100, 101, "tier", "ok"); /* the file in hand */
    end_work(work, "cancelled");
    expect_job(job, "paused", 101, 0, 0);
    world_again(); /* killed while paused */
    tick_after(MINUTE);
    expect_job(job, "paused", 101, 0, 0);
    TAP_EQUAL_U64(lease_tier(4, "", again), 0);
    TAP_CODE(ASK(job_resume, .who = &world.a.admin, .id = job), AL_ECONFLICT);
    TAP_CHECK(strstr(world.fail.text, "2026-12-02T20:00:00Z") != NULL);
    world.now_ns = at("2026-12-02T20:00:00Z");
    tick_after(0);
    TAP_EQUAL_STR(pause_reason(job), "(none)");
    TAP_EQUAL_U64(lease_tier(1, "", again), 1);
    TAP_EQUAL_STR(again, work);
    TAP_EQUAL_U64(items_of(again), 399); /* what is done is not handed out again */
    TAP_EQUAL_U64(events_of("job.pause"), 1);
    TAP_EQUAL_U64(events_of("job.resume"), 1);
    chain_holds();
}

static void
test_a_run_by_hand_outside_the_window_waits_for_it(void)
{
    al_id rule, job, work;

    seen(3);
    make_rule(rule, NIGHTS);
    TAP_OK(ASK(rule_run, .who = &world.a.admin, .id = rule));
    (void)snprintf(job, sizeof(job), "%s", text_of(world.json, "id"));
    tick_after(SECOND);
    TAP_EQUAL_STR(pause_reason(job), "window");
    TAP_EQUAL_U64(lease_tier(4, "", work), 0);
    tick_after(30 * MINUTE);
    TAP_EQUAL_U64(lease_tier(4, "", work), 1);
}

static void
test_a_rule_that_is_deleted_or_has_no_windows_any_more_lets_its_job_go_on(void)
{
    struct scope all = scope_system();
    al_id rule, job;

    seen(3);
    make_rule(rule, NIGHTS);
    TAP_OK(ASK(rule_run, .who = &world.a.admin, .id = rule));
    (void)snprintf(job, sizeof(job), "%s", text_of(world.json, "id"));
    tick_after(SECOND);
    TAP_EQUAL_STR(pause_reason(job), "window");
    TAP_OK(ASK(rule_update, .who = &world.a.admin, .id = rule, .if_match = "\"1\"",
               .body = "{\"windows\":null}"));
    tick_after(SECOND);
    TAP_EQUAL_STR(pause_reason(job), "(none)");
    TAP_OK(ASK(rule_update, .who = &world.a.admin, .id = rule, .if_match = "\"2\"",
               .body = "{" NIGHTS "}"));
    tick_after(SECOND);
    TAP_EQUAL_STR(pause_reason(job), "window");
    TAP_OK(store_begin(world.w->db, NULL));
    TAP_OK(store_rule_del(world.w->db, &all, rule, "boss", world.now_ns, NULL));
    TAP_OK(store_commit(world.w->db, NULL));
    tick_after(SECOND);
    TAP_EQUAL_STR(pause_reason(job), "(none)");
}

static void
test_a_job_is_paused_by_hand_resumed_and_cancelled(void)
{
    al_id rule, job, work, again;

    seen(MANY);
    start_in_window(rule, job, "");
    TAP_EQUAL_U64(lease_tier(1, "", work), 1);
    TAP_CODE(ASK(job_pause, .who = &world.b.admin, .id = job), AL_ENOENT);
    TAP_OK(ASK(job_pause, .who = &world.a.admin, .id = job));
    TAP_EQUAL_STR(text_of(world.json, "state"), "paused");
    TAP_OK(ASK(job_pause, .who = &world.a.admin, .id = job)); /* it is so */
    TAP_EQUAL_U64(events_of("job.pause"), 1);
    world.now_ns = at("2026-12-02T12:00:00Z"); /* its window closes and opens: a person decides */
    tick_after(0);
    world.now_ns = at("2026-12-02T20:30:00Z");
    tick_after(0);
    TAP_EQUAL_STR(pause_reason(job), "user");
    end_work(work, "cancelled");
    TAP_OK(ASK(job_resume, .who = &world.a.admin, .id = job));
    TAP_EQUAL_STR(text_of(world.json, "state"), "running");
    TAP_EQUAL_U64(lease_tier(1, "", again), 1);
    TAP_OK(ASK(job_pause, .who = &world.a.admin, .id = job));
    TAP_OK(ASK(job_cancel, .who = &world.a.admin, .id = job));
    TAP_EQUAL_STR(text_of(world.json, "state"), "cancelled");
    TAP_EQUAL_U64(lease_tier(4, quoted(again), work), 0);
    TAP_EQUAL_U64(json_array_size(json_object_get(world.json, "cancel")), 1);
    TAP_CODE(ASK(job_pause, .who = &world.a.admin, .id = job), AL_ECONFLICT);
    chain_holds();
}

static void
test_a_resume_before_the_agent_gave_back_loses_nothing(void)
{
    al_id rule, job, work, again;

    seen(10);
    start_in_window(rule, job, "");
    TAP_EQUAL_U64(lease_tier(1, "", work), 1);
    TAP_OK(ASK(job_pause, .who = &world.a.admin, .id = job));
    TAP_EQUAL_U64(lease_tier(1, quoted(work), again), 0); /* told to give it back */
    TAP_OK(ASK(job_resume, .who = &world.a.admin, .id = job));
    tell_outcomes(job, 0, 1, "tier", "ok");
    end_work(work, "cancelled");
    TAP_EQUAL_U64(lease_tier(1, "", again), 1);
    TAP_EQUAL_STR(again, work);
    TAP_EQUAL_U64(items_of(again), 9);
    tell_outcomes(job, 1, 10, "tier", "ok");
    end_work(work, "ok");
    expect_job(job, "done", 10, 0, 0);
}

/* A poll that was parked names what the agent has given back since: that must neither take the work
 * for running, nor keep it from going on. */
static void
test_a_parked_poll_does_not_take_back_what_was_given_back(void)
{
    al_id rule, job, work;
    char body[256];
    struct service_reply parked;
    bool found = false;

    seen(10);
    start_in_window(rule, job, "");
    TAP_EQUAL_U64(lease_tier(1, "", work), 1);
    TAP_OK(ASK(agent_config, .who = &world.a.agent));
    (void)snprintf(body, sizeof(body),
                   "{\"workers\":4,\"running\":[\"%s\"],\"config_version\":%llu}", work,
                   (unsigned long long)number_of(world.json, "version"));
    TAP_OK(ASK(job_pause, .who = &world.a.admin, .id = job));
    TAP_OK(ASK(agent_lease, .who = &world.a.agent, .query = "wait_s=2", .body = body));
    TAP_EQUAL_U64(json_array_size(json_object_get(world.json, "pause")), 1);
    TAP_OK(ASK(agent_lease, .who = &world.a.agent, .query = "wait_s=2", .body = body));
    TAP_CHECK(world.reply.park_topic != NULL); /* told: nothing more to say */
    parked = world.reply;
    end_work(work, "cancelled");
    world.now_ns += 2 * SECOND;
    parked.body = world.reply.body;
    world.reply = parked;
    TAP_OK(
        ASK(agent_lease, .who = &world.a.agent, .query = "wait_s=2", .body = body, .again = true));
    TAP_CHECK(world.reply.park_topic == NULL);
    TAP_OK(ASK(agent_lease, .who = &world.a.agent, .query = "wait_s=2", .body = body));
    parked = world.reply;
    TAP_OK(ASK(job_resume, .who = &world.a.admin, .id = job));
    parked.body = world.reply.body;
    world.reply = parked;
    TAP_OK(
        ASK(agent_lease, .who = &world.a.agent, .query = "wait_s=2", .body = body, .again = true));
    for (size_t i = 0; i < json_array_size(json_object_get(world.json, "work")); i++) {
        const json_t *w = json_array_get(json_object_get(world.json, "work"), i);

        found = found || strcmp(text_of(w, "work_id"), work) == 0;
    }
    TAP_CHECK(found); /* at once, not when a lease runs out */
}

static void
test_an_agent_that_died_while_its_work_was_taken_back(void)
{
    al_id rule, job, work, again;

    seen(10);
    start_in_window(rule, job, "");
    TAP_EQUAL_U64(lease_tier(1, "", work), 1);
    TAP_OK(ASK(job_pause, .who = &world.a.admin, .id = job));
    tick_after((WORK_TAKEN_S + 1) * SECOND);
    TAP_EQUAL_U64(lease_tier(1, "", again), 0);
    TAP_OK(ASK(job_resume, .who = &world.a.admin, .id = job));
    TAP_EQUAL_U64(lease_tier(1, "", again), 1);
    TAP_EQUAL_STR(again, work);
    TAP_EQUAL_U64(items_of(again), 10);
    tell_outcomes(job, 0, 10, "tier", "ok");
    end_work(work, "ok");
    expect_job(job, "done", 10, 0, 0);
}

static void
test_a_work_that_ends_while_it_is_taken_back_is_over(void)
{
    al_id rule, job, work;

    seen(3);
    start_in_window(rule, job, "");
    TAP_EQUAL_U64(lease_tier(1, "", work), 1);
    TAP_OK(ASK(job_pause, .who = &world.a.admin, .id = job));
    tell_outcomes(job, 0, 3, "tier", "ok");
    end_work(work, "ok");
    expect_job(job, "done", 3, 0, 0); /* nothing is left to pause */
}

static void
test_walks_are_not_paused(void)
{
    TAP_OK(ASK(volume_scan, .who = &world.a.admin, .id = world.a.volume));
    al_id job;
    (void)snprintf(job, sizeof(job), "%s", text_of(world.json, "id"));
    TAP_CODE(ASK(job_pause, .who = &world.a.admin, .id = job), AL_ECONFLICT);
    TAP_CHECK(strstr(world.fail.text, "anew") != NULL);
}

/* ---- limits ---- */

static void
test_errors_suspend_the_rule_and_end_the_job(void)
{
    al_id rule, job, work, again;

    seen(MANY);
    start_in_window(rule, job, ",\"limit_error_percent\":20");
    TAP_EQUAL_U64(lease_tier(1, "", work), 1);
    tell_outcomes(job, 0, 60, "tier", "ok");
    tell_outcomes(job, 60, 99, "tier", "io_error");
    tell_outcomes(job, 99, 140, "tier", "unreachable"); /* the share's trouble is no error */
    tick_after(SECOND);
    look_at_rule(rule);
    TAP_CHECK(json_is_null(json_object_get(world.json, "suspended"))); /* 99 outcomes */
    tell_outcomes(job, 140, 141, "tier", "ok");
    tick_after(SECOND);
    look_at_rule(rule);
    TAP_EQUAL_STR(text_of(json_object_get(world.json, "suspended"), "reason"), "errors");
    TAP_CHECK(json_is_null(json_object_get(world.json, "next_run_at")));
    TAP_EQUAL_STR(pause_reason(job), "limit");
    TAP_EQUAL_U64(lease_tier(1, quoted(work), again), 0);
    TAP_EQUAL_U64(json_array_size(json_object_get(world.json, "pause")), 1);
    end_work(work, "cancelled");
    look_at(job);
    TAP_EQUAL_STR(text_of(world.json, "state"), "failed");
    TAP_CHECK(strstr(text_of(world.json, "text"), "39 of 100 files failed") != NULL);
    TAP_EQUAL_U64(events_of("rule.suspend"), 1);
    TAP_EQUAL_U64(events_of("job.stop"), 1);
    TAP_EQUAL_U64(events_of("job.fail"), 1);
    chain_holds();
}

/* No tick in between: it is over before anybody looked. */
static void
test_errors_of_a_run_that_is_over_suspend_the_rule_too(void)
{
    al_id rule, job, work;
    int works = 0;

    seen(MANY);
    start_in_window(rule, job, ",\"limit_error_percent\":20");
    tell_outcomes(job, 0, MANY / 2, "tier", "ok");
    tell_outcomes(job, MANY / 2, MANY, "tier", "io_error");
    while (works++ < 16 && lease_tier(1, "", work) == 1) {
        end_work(work, "ok");
    }
    look_at(job);
    TAP_EQUAL_STR(text_of(world.json, "state"), "done");
    look_at_rule(rule);
    TAP_EQUAL_STR(text_of(json_object_get(world.json, "suspended"), "reason"), "errors");
    TAP_EQUAL_U64(events_of("rule.suspend"), 1);
    chain_holds();
}

static void
test_minutes_of_work_end_the_job_as_done(void)
{
    al_id rule, job, work, again;

    seen(MANY);
    start_in_window(rule, job, ",\"limit_minutes\":10");
    TAP_EQUAL_U64(lease_tier(1, "", work), 1);
    tick_after(5 * MINUTE);
    TAP_EQUAL_U64(lease_tier(1, quoted(work), again), 0);
    TAP_OK(ASK(job_pause, .who = &world.a.admin, .id = job));
    tick_after(60 * MINUTE); /* a pause does not count */
    TAP_OK(ASK(job_resume, .who = &world.a.admin, .id = job));
    TAP_EQUAL_U64(lease_tier(1, "", work), 1);
    tick_after(4 * MINUTE + 59 * SECOND);
    TAP_EQUAL_STR(pause_reason(job), "(none)");
    TAP_EQUAL_U64(lease_tier(1, quoted(work), again), 0);
    tick_after(SECOND);
    TAP_EQUAL_STR(pause_reason(job), "limit");
    TAP_EQUAL_STR(text_of(world.json, "state"), "running"); /* the file in hand */
    tell_outcomes(job, 0, 7, "tier", "ok");
    end_work(work, "cancelled");
    expect_job(job, "done", 7, 0, 0);
    TAP_CHECK(strstr(text_of(world.json, "text"), "10 minutes are over") != NULL);
    TAP_EQUAL_STR(pause_reason(job), "limit");
    look_at_rule(rule);
    TAP_CHECK(json_is_null(json_object_get(world.json, "suspended")));
}

/* ---- marks ---- */

static void
tell_space(const char *volume, uint64_t total, uint64_t free)
{
    char body[512];

    (void)snprintf(body, sizeof(body),
                   "{\"workers\":0,\"running\":[],\"config_version\":0,\"volumes\":[{\"volume_id\":"
                   "\"%s\",\"bytes_total\":%llu,\"bytes_free\":%llu}]}",
                   volume, (unsigned long long)total, (unsigned long long)free);
    TAP_OK(ASK(agent_lease, .who = &world.a.agent, .query = "wait_s=0", .body = body));
}

#define GB UINT64_C(1000000000)

static void
test_a_host_tells_of_its_own_volumes_alone(void)
{
    tell_space(world.b.volume, 100 * GB, GB);
    TAP_OK(ASK(volume_get, .who = &world.b.admin, .id = world.b.volume));
    TAP_EQUAL_U64(number_of(world.json, "bytes_total"), 0);
    tell_space(world.a.volume, 100 * GB, GB);
    TAP_OK(ASK(volume_get, .who = &world.a.admin, .id = world.a.volume));
    TAP_EQUAL_U64(number_of(world.json, "bytes_total"), 100 * GB);
    TAP_EQUAL_U64(number_of(world.json, "bytes_free"), GB);
    TAP_CHECK(json_is_string(json_object_get(world.json, "space_at")));
}

/* All works of one lease end with every file done. Files of 5 MB, in the order of their names. */
static size_t
do_works(const char *job, size_t *io_file)
{
    static struct outcomes o;
    size_t files = 0;

    lease(&world.a, 9, "");
    json_t *list = json_deep_copy(leased);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *w = json_array_get(list, i), *items = json_object_get(w, "items");
        char path[32];

        if (strcmp(text_of(w, "kind"), "tier") != 0) {
            continue;
        }
        for (size_t k = 0; k < json_array_size(items); k++) {
            (void)snprintf(path, sizeof(path), "/%.20s", text_of(json_array_get(items, k), "path"));
            add_outcome(&o, "tier", "ok", job, path);
            files++;
        }
        send_outcomes(&o);
        end_work(text_of(w, "work_id"), "ok");
    }
    json_decref(list);
    *io_file += files;
    return files;
}

static void
test_marks_run_a_rule_slice_by_slice_and_end_it(void)
{
    al_id rule, job = "";
    size_t files = 0, first;

    seen(MANY); /* 6 GB */
    make_rule(rule, "\"start_used_percent\":80,\"stop_used_percent\":70");
    TAP_CHECK(json_is_null(json_object_get(world.json, "next_run_at")));
    turn_after(SECOND);
    TAP_EQUAL_U64(jobs_of(rule, job), 0); /* nothing is known */
    tell_space(world.a.volume, 10 * GB, 2 * GB + 1);
    turn_after(SECOND);
    TAP_EQUAL_U64(jobs_of(rule, job), 0); /* below 80 % */
    tell_space(world.a.volume, 10 * GB, 2 * GB);
    turn_after(SECOND);
    TAP_EQUAL_U64(jobs_of(rule, job), 1);
    look_at(job);
    TAP_EQUAL_STR(text_of(world.json, "created_by"), "schedule");
    first = do_works(job, &files); /* 1 GB is missing: 200 files of 5 MB, an eighth is 25 */
    TAP_CHECK(first > 150 && first <= 200);
    tick_after(SECOND);
    TAP_EQUAL_U64(do_works(job, &files), 0); /* waits until the space is told anew */
    look_at(job);
    TAP_EQUAL_STR(text_of(world.json, "state"), "running");
    tell_space(world.a.volume, 10 * GB, 3 * GB - 10000000);
    tick_after(SECOND);
    TAP_EQUAL_U64(do_works(job, &files), 25); /* 10 MB are missing: one slice more */
    tell_space(world.a.volume, 10 * GB, 3 * GB);
    tick_after(SECOND);
    expect_job(job, "done", files, 0, 0);
    TAP_EQUAL_STR(pause_reason(job), "free_space");
    TAP_CHECK(strstr(text_of(world.json, "text"), "below the mark of 70 %") != NULL);
    turn_after(SECOND);
    TAP_EQUAL_U64(jobs_of(rule, job), 1); /* not again before 80 % */
    tell_space(world.a.volume, 10 * GB, GB);
    turn_after(SECOND);
    TAP_EQUAL_U64(jobs_of(rule, job), 2); /* but then at once */
    chain_holds();
}

static void
test_marks_without_files_rest_and_old_news_of_space_count_for_nothing(void)
{
    al_id rule, job;

    seen(1);
    make_rule(rule, "\"start_used_percent\":80,\"stop_used_percent\":70,\"limit_files\":1");
    tell_space(world.a.volume, 10 * GB, GB);
    turn_after(200 * SECOND);
    TAP_EQUAL_U64(jobs_of(rule, job), 0); /* told too long ago */
    tell_space(world.a.volume, 10 * GB, GB);
    turn_after(SECOND);
    TAP_EQUAL_U64(jobs_of(rule, job), 1);
    size_t files = 0;
    TAP_EQUAL_U64(do_works(job, &files), 1);
    expect_job(job, "done", 1, 0, 0);
    tell_space(world.a.volume, 10 * GB, GB);
    turn_after(SECOND);
    TAP_EQUAL_U64(jobs_of(rule, job), 1); /* it rests: nothing more was found */
    world.now_ns += 600 * SECOND;
    tell_space(world.a.volume, 10 * GB, GB);
    turn_after(SECOND);
    TAP_EQUAL_U64(jobs_of(rule, job), 2);
}

static void
test_a_run_by_hand_with_nothing_to_free_is_refused(void)
{
    al_id rule;

    seen(3);
    make_rule(rule, "\"start_used_percent\":80,\"stop_used_percent\":70");
    tell_space(world.a.volume, 10 * GB, 5 * GB);
    TAP_CODE(ASK(rule_run, .who = &world.a.admin, .id = rule), AL_ECONFLICT);
    TAP_CHECK(strstr(world.fail.text, "used to 50 %") != NULL);
}

int
main(void)
{
    RUN(test_a_rule_that_is_due_runs_once);
    RUN(test_a_clock_that_was_set_back_stops_no_schedule);
    RUN(test_a_start_with_an_earlier_clock_stops_no_schedule);
    RUN(test_a_rule_does_not_run_beside_itself);
    RUN(test_missed_moments_are_one_run);
    RUN(test_a_missed_moment_is_not_made_up_while_the_window_is_closed);
    RUN(test_a_moment_outside_the_windows_waits_for_the_next_one);
    RUN(test_what_is_off_or_suspended_does_not_run);
    RUN(test_a_rule_that_cannot_run_says_so_and_holds_nobody_up);
    RUN(test_many_rules_due_at_once_run_piece_by_piece);
    RUN(test_a_window_that_closes_takes_works_back_and_the_next_goes_on);
    RUN(test_a_run_by_hand_outside_the_window_waits_for_it);
    RUN(test_a_rule_that_is_deleted_or_has_no_windows_any_more_lets_its_job_go_on);
    RUN(test_a_job_is_paused_by_hand_resumed_and_cancelled);
    RUN(test_a_resume_before_the_agent_gave_back_loses_nothing);
    RUN(test_a_parked_poll_does_not_take_back_what_was_given_back);
    RUN(test_an_agent_that_died_while_its_work_was_taken_back);
    RUN(test_a_work_that_ends_while_it_is_taken_back_is_over);
    RUN(test_walks_are_not_paused);
    RUN(test_errors_suspend_the_rule_and_end_the_job);
    RUN(test_errors_of_a_run_that_is_over_suspend_the_rule_too);
    RUN(test_minutes_of_work_end_the_job_as_done);
    RUN(test_a_host_tells_of_its_own_volumes_alone);
    RUN(test_marks_run_a_rule_slice_by_slice_and_end_it);
    RUN(test_marks_without_files_rest_and_old_news_of_space_count_for_nothing);
    RUN(test_a_run_by_hand_with_nothing_to_free_is_refused);
    json_decref(leased);
    return tap_end();
}
