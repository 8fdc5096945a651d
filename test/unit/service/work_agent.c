/* Agents: enrolment, configuration, leases and their end, cancelling, and that nobody sees
 * another's. */
#include "tap.h"

#include "base/fault.h"

#include "work_help.h"

static void
token_for(const struct side *s, const char *token)
{
    struct scope all = scope_system();
    struct store_token t = {.created_ns = world.now_ns, .expires_ns = world.now_ns + 3600 * SECOND};

    world_id(t.id);
    memcpy(t.customer_id, s->customer, sizeof(al_id));
    memcpy(t.created_by, world.operator_.id, sizeof(al_id));
    TAP_OK(auth_token_hash(token, t.hash));
    TAP_OK(store_begin(world.w->db, NULL));
    TAP_OK(store_token_add(world.w->db, &all, &t, NULL));
    TAP_OK(store_commit(world.w->db, NULL));
}

#define ENROL(token, name)                                                                         \
    "{\"token\":\"" token "\",\"name\":\"" name                                                    \
    "\",\"os\":\"Debian\",\"version\":\"1\",\"boot_id\":\"b\"}"

static void
test_a_token_enrols_one_host_once(void)
{
    struct caller nobody = {0}, who;
    char bearer[128];

    token_for(&world.a, "open-sesame");
    TAP_CODE(ASK(agent_enrol, .who = &nobody, .body = ENROL("wrong", "new")), AL_EAUTH);
    TAP_OK(ASK(agent_enrol, .who = &nobody, .body = ENROL("open-sesame", "new")));
    TAP_EQUAL_STR(text_of(world.json, "customer_id"), world.a.customer);
    (void)snprintf(bearer, sizeof(bearer), "%s.%s", text_of(world.json, "host_id"),
                   text_of(world.json, "secret"));
    TAP_CODE(ASK(agent_enrol, .who = &nobody, .body = ENROL("open-sesame", "other")), AL_EAUTH);
    TAP_OK(service_authenticate(world.w, bearer, NULL, world.now_ns, &who));
    TAP_CHECK(who.role == ROLE_HOST);
    TAP_EQUAL_STR(who.customer_id, world.a.customer);
    bearer[strlen(bearer) - 1] ^= 1;
    TAP_CODE(service_authenticate(world.w, bearer, NULL, world.now_ns, &who), AL_EAUTH);
}

static void
test_a_failed_enrolment_leaves_the_token_unused(void)
{
    struct caller nobody = {0};

    token_for(&world.a, "taken");
    TAP_CODE(ASK(agent_enrol, .who = &nobody, .body = ENROL("taken", "anna")), AL_ECONFLICT);
    TAP_OK(ASK(agent_enrol, .who = &nobody, .body = ENROL("taken", "z")));
}

static void
test_configuration_holds_only_the_hosts_own(void)
{
    const json_t *volume, *share;

    TAP_OK(ASK(agent_config, .who = &world.a.agent));
    TAP_EQUAL_U64(json_array_size(json_object_get(world.json, "volumes")), 1);
    TAP_EQUAL_U64(json_array_size(json_object_get(world.json, "shares")), 1);
    volume = json_array_get(json_object_get(world.json, "volumes"), 0);
    share = json_array_get(json_object_get(world.json, "shares"), 0);
    TAP_EQUAL_STR(text_of(volume, "id"), world.a.volume);
    TAP_EQUAL_STR(text_of(volume, "marker_key"),
                  "0100000000000000000000000000000000000000000000000000000000000000");
    TAP_EQUAL_STR(text_of(share, "id"), world.a.share);
    TAP_EQUAL_STR(text_of(share, "password"), "hush");
    TAP_CHECK(json_is_false(json_object_get(volume, "tracked_only")));
}

static void
test_configuration_has_a_version_that_changes_with_it(void)
{
    struct scope all = scope_system();
    struct store_volume v;
    uint64_t before, after;
    char etag[40], body[128];

    TAP_OK(ASK(agent_config, .who = &world.a.agent));
    before = number_of(world.json, "version");
    TAP_EQUAL_U64(world.reply.etag, before);
    (void)snprintf(etag, sizeof(etag), "\"%llu\"", (unsigned long long)before);
    (void)snprintf(body, sizeof(body), "{\"workers\":1,\"running\":[],\"config_version\":%llu}",
                   (unsigned long long)before);
    TAP_OK(ASK(agent_lease, .who = &world.a.agent, .query = "wait_s=20", .body = body));
    TAP_CHECK(world.reply.park_topic != NULL);
    TAP_OK(store_begin(world.w->db, NULL));
    TAP_OK(store_volume_get(world.w->db, &all, world.a.volume, world.arena, &v, NULL));
    v.name = "renamed";
    TAP_OK(store_volume_set(world.w->db, &all, &v, NULL));
    TAP_OK(store_commit(world.w->db, NULL));
    TAP_OK(
        ASK(agent_lease, .who = &world.a.agent, .query = "wait_s=20", .body = body, .again = true));
    TAP_CHECK(world.reply.park_topic == NULL);
    after = number_of(world.json, "config_version");
    TAP_CHECK(after != before && after > 0 && after < (UINT64_C(1) << 53));
}

static void
test_a_poll_parks_until_work_comes(void)
{
    char topic[64];
    unsigned wakes;

    TAP_OK(ASK(agent_config, .who = &world.a.agent));
    char body[128];
    (void)snprintf(body, sizeof(body), "{\"workers\":2,\"running\":[],\"config_version\":%llu}",
                   (unsigned long long)number_of(world.json, "version"));
    TAP_OK(ASK(agent_lease, .who = &world.a.agent, .query = "wait_s=20", .body = body));
    (void)snprintf(topic, sizeof(topic), "host:%s", world.a.host);
    TAP_EQUAL_STR(world.reply.park_topic, topic);
    TAP_CHECK(world.reply.park_until_ns == world.now_ns + 20 * SECOND);

    /* Woken for nothing: parks again, with the same end. */
    world.now_ns += SECOND;
    TAP_OK(
        ASK(agent_lease, .who = &world.a.agent, .query = "wait_s=20", .body = body, .again = true));
    TAP_CHECK(world.reply.park_topic != NULL);
    TAP_CHECK(world.reply.park_until_ns == world.now_ns + 19 * SECOND);

    struct service_reply parked = world.reply;
    wakes = world.wakes;
    TAP_OK(ASK(volume_scan, .who = &world.a.admin, .id = world.a.volume));
    TAP_EQUAL_U64(world.reply.status, 202);
    TAP_EQUAL_STR(text_of(world.json, "state"), "queued");
    TAP_CHECK(world.wakes > wakes);
    TAP_EQUAL_STR(world.woken, topic);
    parked.body = world.reply.body;
    world.reply = parked;
    TAP_OK(
        ASK(agent_lease, .who = &world.a.agent, .query = "wait_s=20", .body = body, .again = true));
    TAP_CHECK(world.reply.park_topic == NULL);
    TAP_EQUAL_U64(json_array_size(json_object_get(world.json, "work")), 1);
}

static void
test_a_poll_answers_when_its_time_is_over(void)
{
    char body[128];

    TAP_OK(ASK(agent_config, .who = &world.a.agent));
    (void)snprintf(body, sizeof(body), "{\"workers\":2,\"running\":[],\"config_version\":%llu}",
                   (unsigned long long)number_of(world.json, "version"));
    TAP_OK(ASK(agent_lease, .who = &world.a.agent, .query = "wait_s=5", .body = body));
    TAP_CHECK(world.reply.park_topic != NULL);
    world.now_ns += 5 * SECOND;
    TAP_OK(
        ASK(agent_lease, .who = &world.a.agent, .query = "wait_s=5", .body = body, .again = true));
    TAP_CHECK(world.reply.park_topic == NULL);
    TAP_EQUAL_U64(json_array_size(json_object_get(world.json, "work")), 0);
}

static void
scan_of(const struct side *s, al_id job)
{
    TAP_OK(ASK(volume_scan, .who = &s->admin, .id = s->volume));
    (void)snprintf(job, sizeof(al_id), "%s", text_of(world.json, "id"));
}

static const char *
job_state(const struct side *s, const char *job)
{
    TAP_OK(ASK(job_get, .who = &s->admin, .id = job));
    return text_of(world.json, "state");
}

static void
test_a_lease_that_runs_out_goes_back_with_a_new_scan_id(void)
{
    al_id job, scan, work;
    char running[64];

    scan_of(&world.a, job);
    TAP_EQUAL_U64(lease(&world.a, 4, ""), 1);
    (void)snprintf(scan, sizeof(scan), "%s", text_of(json_array_get(leased, 0), "scan_id"));
    (void)snprintf(work, sizeof(work), "%s", text_of(json_array_get(leased, 0), "work_id"));
    TAP_EQUAL_STR(job_state(&world.a, job), "running");
    (void)snprintf(running, sizeof(running), "\"%s\"", work);
    TAP_EQUAL_U64(lease(&world.a, 4, running), 0); /* it has it */
    TAP_EQUAL_U64(lease(&world.a, 4, ""), 0);
    tick_after(59 * SECOND);
    TAP_EQUAL_U64(lease(&world.a, 4, ""), 0);
    tick_after(2 * SECOND);
    TAP_EQUAL_U64(lease(&world.a, 4, ""), 1);
    TAP_EQUAL_STR(text_of(json_array_get(leased, 0), "work_id"), work);
    TAP_CHECK(strcmp(text_of(json_array_get(leased, 0), "scan_id"), scan) != 0);

    /* Prolonged by heartbeats it stays where it is. */
    for (int i = 0; i < 5; i++) {
        tick_after(40 * SECOND);
        TAP_EQUAL_U64(lease(&world.a, 4, running), 0);
        TAP_EQUAL_U64(json_array_size(json_object_get(world.json, "cancel")), 0);
    }
}

static void
test_work_answered_to_an_agent_that_died_comes_again_within_seconds(void)
{
    al_id job, work;

    scan_of(&world.a, job);
    TAP_EQUAL_U64(lease(&world.a, 4, ""), 1);
    (void)snprintf(work, sizeof(work), "%s", text_of(json_array_get(leased, 0), "work_id"));
    tick_after((WORK_TAKEN_S - 1) * SECOND);
    TAP_EQUAL_U64(lease(&world.a, 4, ""), 0);
    tick_after(2 * SECOND);
    TAP_EQUAL_U64(lease(&world.a, 4, ""), 1);
    TAP_EQUAL_STR(text_of(json_array_get(leased, 0), "work_id"), work);
}

static void
test_a_late_agent_gets_its_work_back_and_another_host_does_not(void)
{
    al_id job;
    char running[64];

    scan_of(&world.a, job);
    TAP_EQUAL_U64(lease(&world.a, 4, ""), 1);
    (void)snprintf(running, sizeof(running), "\"%s\"",
                   text_of(json_array_get(leased, 0), "work_id"));
    tick_after(70 * SECOND);
    TAP_EQUAL_U64(lease(&world.b, 4, ""), 0);
    TAP_EQUAL_U64(lease(&world.b, 4, running), 0);
    TAP_EQUAL_U64(json_array_size(json_object_get(world.json, "cancel")), 1);
    TAP_EQUAL_U64(lease(&world.a, 4, running), 0);
    TAP_EQUAL_U64(json_array_size(json_object_get(world.json, "cancel")), 0);
    tick_after(50 * SECOND);
    TAP_EQUAL_STR(job_state(&world.a, job), "running");
}

static size_t
scans_leased(void)
{
    size_t scans = 0;

    (void)lease(&world.a, 4, "");
    for (size_t i = 0; i < json_array_size(leased); i++) {
        scans += strcmp(text_of(json_array_get(leased, i), "kind"), "scan") == 0;
    }
    return scans;
}

static void
test_work_nobody_ever_finishes_is_given_up(void)
{
    al_id job;

    scan_of(&world.a, job);
    for (unsigned i = 0; i <= WORK_LOST_MAX; i++) {
        TAP_EQUAL_U64(scans_leased(), 1);
        tick_after(61 * SECOND);
    }
    TAP_EQUAL_U64(scans_leased(), 0);
    TAP_EQUAL_STR(job_state(&world.a, job), "failed");
    TAP_CHECK(strstr(text_of(world.json, "text"), "Given up") != NULL);
}

static void
test_cancel_reaches_the_agent_and_stays(void)
{
    al_id job;
    char running[64], line[256];

    scan_of(&world.a, job);
    TAP_EQUAL_U64(lease(&world.a, 4, ""), 1);
    (void)snprintf(running, sizeof(running), "\"%s\"",
                   text_of(json_array_get(leased, 0), "work_id"));
    TAP_CODE(ASK(job_cancel, .who = &world.b.admin, .id = job), AL_ENOENT);
    TAP_OK(ASK(job_cancel, .who = &world.a.admin, .id = job));
    TAP_EQUAL_STR(text_of(world.json, "state"), "cancelled");
    TAP_EQUAL_U64(lease(&world.a, 4, running), 0);
    TAP_EQUAL_U64(json_array_size(json_object_get(world.json, "cancel")), 1);
    (void)snprintf(line, sizeof(line),
                   "{\"t\":\"work_end\",\"work_id\":%s,\"code\":\"cancelled\",\"text\":\"\"}\n",
                   running);
    batch(&world.a, line);
    TAP_EQUAL_STR(job_state(&world.a, job), "cancelled");
    TAP_EQUAL_U64(lease(&world.a, 4, ""), 0);
    /* Again: nothing to do. */
    TAP_OK(ASK(job_cancel, .who = &world.a.admin, .id = job));
    TAP_EQUAL_STR(text_of(world.json, "state"), "cancelled");
    /* And a new scan may begin. */
    al_id second;
    scan_of(&world.a, second);
    TAP_CHECK(strcmp(job, second) != 0);
    TAP_EQUAL_U64(lease(&world.a, 4, ""), 1);
}

static void
test_a_second_scan_is_the_one_under_way(void)
{
    al_id first, second;

    scan_of(&world.a, first);
    scan_of(&world.a, second);
    TAP_EQUAL_STR(first, second);
    TAP_OK(ASK(job_cancel, .who = &world.a.admin, .id = first));
}

static void
test_only_as_much_is_leased_as_the_agent_can_hold(void)
{
    TAP_OK(ASK(file_recall, .who = &world.a.admin, .id = world.a.volume,
               .body = "{\"paths\":[\"/x\"]}"));
    scan_of(&world.a, (al_id){0});
    TAP_EQUAL_U64(lease(&world.a, 0, ""), 0);
    TAP_EQUAL_U64(lease(&world.a, 1, ""), 2); /* the scan, and the recall above it */
}

/* The agent asks again only when its poll is answered: what ended meanwhile makes room in that answer. */
static void
test_what_ended_makes_room_in_the_poll_that_waits(void)
{
    char body[256], line[256], first[sizeof(al_id)];
    struct service_reply parked;
    unsigned wakes;

    TAP_OK(ASK(agent_config, .who = &world.a.agent));
    uint64_t version = number_of(world.json, "version");
    scan_of(&world.a, (al_id){0});
    TAP_EQUAL_U64(lease(&world.a, 1, ""), 1);
    (void)snprintf(first, sizeof(first), "%s", text_of(json_array_get(leased, 0), "work_id"));
    TAP_OK(ASK(volume_reconcile, .who = &world.a.admin, .id = world.a.volume));
    (void)snprintf(body, sizeof(body),
                   "{\"workers\":1,\"running\":[\"%s\"],\"config_version\":%llu}", first,
                   (unsigned long long)version);
    TAP_OK(ASK(agent_lease, .who = &world.a.agent, .query = "wait_s=20", .body = body));
    TAP_CHECK(world.reply.park_topic != NULL);
    parked = world.reply;
    wakes = world.wakes;
    (void)snprintf(line, sizeof(line),
                   "{\"t\":\"work_end\",\"work_id\":\"%s\",\"code\":\"io_error\",\"text\":\"x\"}\n", first);
    batch(&world.a, line);
    TAP_CHECK(world.wakes > wakes);
    parked.body = world.reply.body;
    world.reply = parked;
    TAP_OK(
        ASK(agent_lease, .who = &world.a.agent, .query = "wait_s=20", .body = body, .again = true));
    TAP_CHECK(world.reply.park_topic == NULL);
    TAP_EQUAL_U64(json_array_size(json_object_get(world.json, "work")), 1);
    TAP_EQUAL_STR(text_of(json_array_get(json_object_get(world.json, "work"), 0), "kind"),
                  "reconcile");
}

static void
test_hosts_are_online_by_their_heartbeat(void)
{
    struct scope all = scope_system();
    struct store_host h;

    TAP_EQUAL_U64(lease(&world.a, 0, ""), 0);
    TAP_OK(store_host_get(world.w->db, &all, world.a.host, world.arena, &h, NULL));
    TAP_CHECK(h.online && h.last_seen_ns == world.now_ns);
    tick_after(89 * SECOND);
    TAP_OK(store_host_get(world.w->db, &all, world.a.host, world.arena, &h, NULL));
    TAP_CHECK(h.online);
    tick_after(2 * SECOND);
    TAP_OK(store_host_get(world.w->db, &all, world.a.host, world.arena, &h, NULL));
    TAP_CHECK(!h.online);
}

static void
test_foreign_things_are_not_there(void)
{
    al_id job;

    scan_of(&world.a, job);
    TAP_CODE(ASK(job_get, .who = &world.b.admin, .id = job), AL_ENOENT);
    TAP_CODE(ASK(job_outcomes, .who = &world.b.admin, .id = job), AL_ENOENT);
    TAP_CODE(ASK(volume_scan, .who = &world.b.admin, .id = world.a.volume), AL_ENOENT);
    TAP_CODE(ASK(share_check, .who = &world.b.admin, .id = world.a.share), AL_ENOENT);
    TAP_CODE(ASK(file_list, .who = &world.b.admin, .id = world.a.volume), AL_ENOENT);
    TAP_CODE(ASK(file_stat, .who = &world.b.admin, .id = world.a.volume), AL_ENOENT);
    TAP_CODE(
        ASK(file_tier, .who = &world.b.admin, .id = world.a.volume, .body = "{\"paths\":[\"/x\"]}"),
        AL_ENOENT);
    TAP_CODE(ASK(file_recall, .who = &world.b.admin, .id = world.a.volume,
                 .body = "{\"paths\":[\"/x\"]}"),
             AL_ENOENT);
    TAP_OK(ASK(job_list, .who = &world.b.admin));
    TAP_EQUAL_U64(json_array_size(json_object_get(world.json, "items")), 0);
    TAP_OK(ASK(job_list, .who = &world.operator_));
    TAP_EQUAL_U64(json_array_size(json_object_get(world.json, "items")), 1);
    char query[64];
    (void)snprintf(query, sizeof(query), "customer_id=%s", world.a.customer);
    TAP_CODE(ASK(figures_get, .who = &world.b.admin, .query = query), AL_ENOENT);
    TAP_OK(ASK(figures_get, .who = &world.a.admin, .query = query));
    TAP_EQUAL_U64(number_of(world.json, "hosts"), 1);
    TAP_OK(ASK(figures_get, .who = &world.operator_));
    TAP_EQUAL_U64(number_of(world.json, "hosts"), 2);
}

/* Runs an operation with its n-th allocation failing, for every n, until it succeeds; *ret_failures
 * of it. */
static void
with_every_fault(service_fn *fn, const char *op, const struct asked *a, uint64_t *ret_failures)
{
    *ret_failures = 0;
    for (uint64_t nth = 1;; nth++) {
        struct service_req req = {.service = world.s,
                                  .worker = world.w,
                                  .caller = a->who,
                                  .op = op,
                                  .ids = {a->id},
                                  .query = find_query,
                                  .query_ctx = (void *)(uintptr_t)a->query,
                                  .now_ns = world.now_ns,
                                  .arena = world.arena};
        json_t *body = NULL;
        struct al_buf buf = world.reply.body;
        int rc;

        if (a->body != NULL) {
            TAP_OK(al_json_parse(al_span_of(a->body), &body, NULL));
            req.body = body;
        }
        al_arena_reset(world.arena);
        al_buf_clear(&buf);
        world.reply = (struct service_reply){.body = buf};
        al_fault_arm(AL_FAULT_MEM, nth, true);
        rc = fn(&req, &world.reply, NULL);
        (void)al_fault_disarm();
        json_decref(body);
        TAP_CHECK(!store_in_tx(world.w->db));
        if (rc == AL_OK) {
            return;
        }
        *ret_failures += 1;
        TAP_CHECK(nth < 10000);
    }
}

static void
test_a_lease_that_fails_anywhere_gives_its_work_later(void)
{
    al_id job;
    uint64_t failures;

    scan_of(&world.a, job);
    with_every_fault(agent_lease, "agent_lease",
                     &(struct asked){.who = &world.a.agent,
                                     .query = "wait_s=0",
                                     .body = "{\"workers\":4,\"running\":[],\"config_version\":0}"},
                     &failures);
    TAP_CHECK(failures > 3);
    al_json_freep(&world.json);
    TAP_OK(al_json_parse(al_buf_span(&world.reply.body), &world.json, NULL));
    TAP_EQUAL_U64(json_array_size(json_object_get(world.json, "work")), 1);
}

static void
test_a_job_that_fails_to_be_made_is_not_there(void)
{
    uint64_t failures;

    with_every_fault(file_recall, "file_recall",
                     &(struct asked){.who = &world.a.admin,
                                     .id = world.a.volume,
                                     .body = "{\"paths\":[\"/x\",\"/y\"]}"},
                     &failures);
    TAP_CHECK(failures > 3);
    TAP_OK(ASK(job_list, .who = &world.a.admin));
    TAP_EQUAL_U64(json_array_size(json_object_get(world.json, "items")), 1);
    TAP_EQUAL_U64(lease(&world.a, 4, ""), 1);
}

int
main(void)
{
    RUN(test_a_token_enrols_one_host_once);
    RUN(test_a_failed_enrolment_leaves_the_token_unused);
    RUN(test_configuration_holds_only_the_hosts_own);
    RUN(test_configuration_has_a_version_that_changes_with_it);
    RUN(test_a_poll_parks_until_work_comes);
    RUN(test_a_poll_answers_when_its_time_is_over);
    RUN(test_a_lease_that_runs_out_goes_back_with_a_new_scan_id);
    RUN(test_work_answered_to_an_agent_that_died_comes_again_within_seconds);
    RUN(test_a_late_agent_gets_its_work_back_and_another_host_does_not);
    RUN(test_work_nobody_ever_finishes_is_given_up);
    RUN(test_cancel_reaches_the_agent_and_stays);
    RUN(test_a_second_scan_is_the_one_under_way);
    RUN(test_only_as_much_is_leased_as_the_agent_can_hold);
    RUN(test_what_ended_makes_room_in_the_poll_that_waits);
    RUN(test_hosts_are_online_by_their_heartbeat);
    RUN(test_a_lease_that_fails_anywhere_gives_its_work_later);
    RUN(test_a_job_that_fails_to_be_made_is_not_there);
    RUN(test_foreign_things_are_not_there);
    json_decref(leased);
    return tap_end();
}
