/* Batches of outcomes: applied once whatever fails in between, counted, told. */
#include "tap.h"

#include "base/fault.h"
#include "server/service/agent/intake_apply.h"
#include "work_help.h"

/* ---- once ---- */

static void
test_a_batch_sent_again_changes_nothing(void)
{
    char one[512];

    batch(&world.a, outcome(one, "recall", "ok", "", "", "a/b"));
    for (int i = 0; i < 3; i++) {
        TAP_OK(send_batch(&world.a, 1, outcome(one, "recall", "ok", "", "", "a/b")));
        TAP_EQUAL_U64(number_of(world.json, "applied_seq"), 1);
    }
    TAP_EQUAL_U64(events_of("file.recall"), 1);
    TAP_EQUAL_U64(figure("recalls_24h"), 1);
    chain_holds();
}

static void
test_another_batch_under_a_used_number_is_told_and_sent_to_a_new_stream(void)
{
    char one[512];

    batch(&world.a, outcome(one, "recall", "ok", "", "", "a"));
    TAP_OK(send_batch(&world.a, 1, outcome(one, "recall", "ok", "", "", "b")));
    TAP_EQUAL_U64(number_of(world.json, "applied_seq"), 2); /* not 1: that would be "applied" */
    TAP_EQUAL_U64(events_of("file.recall"), 1);
    TAP_EQUAL_U64(events_of("host.alarm"), 1);
    world_id(world.stream);
    TAP_OK(send_batch(&world.a, 1, outcome(one, "recall", "ok", "", "", "b")));
    TAP_EQUAL_U64(events_of("file.recall"), 2);
    chain_holds();
}

static void
test_a_gap_is_told_with_how_far_we_are(void)
{
    char one[512];

    batch(&world.a, outcome(one, "recall", "ok", "", "", "a"));
    TAP_OK(send_batch(&world.a, 3, outcome(one, "recall", "ok", "", "", "c")));
    TAP_EQUAL_U64(world.reply.status, 409);
    TAP_EQUAL_U64(number_of(world.json, "applied_seq"), 1);
    TAP_EQUAL_STR(text_of(world.json, "code"), "conflict");
    TAP_EQUAL_U64(events_of("file.recall"), 1);
    batch(&world.a, outcome(one, "recall", "ok", "", "", "b"));
    batch(&world.a, outcome(one, "recall", "ok", "", "", "c"));
    TAP_EQUAL_U64(events_of("file.recall"), 3);
}

static void
test_streams_and_hosts_are_numbered_apart(void)
{
    char one[512];
    al_id first;

    batch(&world.a, outcome(one, "recall", "ok", "", "", "a"));
    memcpy(first, world.stream, sizeof(al_id));
    world_id(world.stream);
    TAP_OK(send_batch(&world.a, 1, outcome(one, "recall", "ok", "", "", "b")));
    TAP_EQUAL_U64(number_of(world.json, "applied_seq"), 1);
    memcpy(world.stream, first, sizeof(al_id));
    /* The same stream name of another host is another stream; anna's volume is not its. */
    TAP_OK(send_batch(&world.b, 1, outcome(one, "recall", "ok", "", "", "b")));
    TAP_EQUAL_U64(events_of("file.recall"), 2);
}

static void
test_poison_is_set_aside_and_the_rest_counts(void)
{
    char one[512], two[512];
    static char all[2048];

    (void)snprintf(all, sizeof(all), "%s{\"t\":\"outcome\",\"act\n%s{\"t\":\"nonsense\"}\n",
                   outcome(one, "recall", "ok", "", "", "a"),
                   outcome(two, "recall", "ok", "", "", "b"));
    batch(&world.a, all);
    TAP_EQUAL_U64(events_of("file.recall"), 2);
    TAP_EQUAL_U64(events_of("host.rejected_record"), 2);
    TAP_EQUAL_U64(figure("errors_24h"), 2);
    batch(&world.a, outcome(one, "recall", "ok", "", "", "c"));
    chain_holds();
}

static void
test_a_host_tells_only_of_its_own(void)
{
    char one[512];
    al_id job;

    job_by_path(file_recall, "file_recall", "\"/x\"", job);
    /* bert's host with anna's volume, job and share */
    TAP_OK(send_batch(&world.b, 1, outcome(one, "recall", "ok", "", job, "x")));
    TAP_OK(send_batch(
        &world.b, 2,
        lines("{\"t\":\"outcome\",\"act\":\"share_state\",\"code\":\"foreign\",\"share_id\":\"%s\","
              "\"path\":\"\"}\n"
              "{\"t\":\"outcome\",\"act\":\"volume_state\",\"code\":\"ok\",\"reason\":\"unmarked\","
              "\"volume_id\":\"%s\"}\n"
              "{\"t\":\"outcome\",\"act\":\"alarm\",\"code\":\"ok\",\"job_id\":\"%s\"}\n",
              world.a.share, world.a.volume, job)));
    TAP_EQUAL_U64(number_of(world.json, "applied_seq"), 2);
    expect_job(job, "queued", 0, 0, 0);
    TAP_EQUAL_U64(events_of("file.recall"), 0);
    TAP_EQUAL_U64(events_of("share.state"), 0);
    TAP_EQUAL_U64(events_of("volume.state"), 0);
    /* and anna's work cannot be ended by bert */
    al_id work;
    take(work);
    TAP_OK(send_batch(&world.b, 3, work_end(one, work, "ok", "")));
    expect_job(job, "running", 0, 0, 0);
}

/* ---- counting ---- */

static void
test_outcomes_become_counters_reasons_and_an_end(void)
{
    char a[512], b[512], c[512], d[512], e[512];
    al_id job, work;

    job_by_path(file_recall, "file_recall", "\"/1\",\"/2\",\"/3\",\"/4\"", job);
    take(work);
    TAP_EQUAL_U64(items_leased(), 4);
    batch(&world.a, lines("%s%s%s%s", outcome(a, "recall", "ok", "", job, "1"),
                          outcome(b, "refuse", "busy", "open_elsewhere", job, "2"),
                          outcome(c, "refuse", "busy", "open_elsewhere", job, "3"),
                          outcome(d, "recall", "corrupt", "", job, "4")));
    expect_job(job, "running", 1, 2, 1);
    TAP_EQUAL_U64(number_of(world.json, "done_bytes"), 5000);
    batch(&world.a, work_end(e, work, "ok", ""));
    expect_job(job, "done", 1, 2, 1);
    const json_t *reasons = json_object_get(world.json, "reasons");
    TAP_EQUAL_U64(json_array_size(reasons), 2);
    TAP_EQUAL_STR(text_of(json_array_get(reasons, 0), "reason"), "open_elsewhere");
    TAP_EQUAL_U64(number_of(json_array_get(reasons, 0), "files"), 2);
    TAP_EQUAL_STR(text_of(json_array_get(reasons, 0), "sample_path"), "/2");
    TAP_EQUAL_STR(text_of(json_array_get(reasons, 1), "reason"), "corrupt");
    TAP_EQUAL_STR(text_of(world.json, "text"), "1 of 4 files failed");
    TAP_OK(ASK(job_outcomes, .who = &world.a.admin, .id = job,
               .query = "reason=open_elsewhere&limit=1&count=true"));
    TAP_EQUAL_U64(number_of(world.json, "total"), 2);
    TAP_EQUAL_U64(json_array_size(json_object_get(world.json, "items")), 1);
    TAP_CHECK(json_is_string(json_object_get(world.json, "next_cursor")));
    TAP_EQUAL_U64(events_of("file.refuse"), 2);
    TAP_EQUAL_U64(events_of("job.finish"), 1);
    chain_holds();
}

static void
test_work_done_twice_counts_once(void)
{
    char a[512], b[512], c[512];
    al_id job, work;

    job_by_path(file_recall, "file_recall", "\"/1\",\"/2\"", job);
    take(work);
    batch(&world.a, lines("%s%s", outcome(a, "recall", "ok", "", job, "1"),
                          outcome(b, "refuse", "busy", "open_elsewhere", job, "2")));
    batch(&world.a, lines("%s%s", outcome(a, "refuse", "ok", "already_stub", job, "1"),
                          outcome(b, "recall", "ok", "", job, "2")));
    expect_job(job, "running", 2, 0, 0);
    TAP_EQUAL_U64(json_array_size(json_object_get(world.json, "reasons")), 0);
    batch(&world.a, work_end(c, work, "ok", ""));
    batch(&world.a, work_end(c, work, "ok", ""));
    expect_job(job, "done", 2, 0, 0);
    TAP_EQUAL_U64(figure("recalls_24h"), 2);
}

static void
test_a_job_of_which_everything_failed_has_failed(void)
{
    char a[512], b[512];
    al_id job, work;

    job_by_path(file_recall, "file_recall", "\"/1\"", job);
    take(work);
    batch(&world.a, lines("%s%s", outcome(a, "recall", "corrupt", "", job, "1"),
                          work_end(b, work, "ok", "")));
    expect_job(job, "failed", 0, 0, 1);
    TAP_EQUAL_U64(events_of("job.fail"), 1);
}

static void
test_files_without_a_word_are_failures_not_silence(void)
{
    char a[512], b[512];
    al_id job, work;

    job_by_path(file_recall, "file_recall", "\"/1\",\"/2\",\"/3\"", job);
    take(work);
    batch(&world.a,
          lines("%s%s", outcome(a, "recall", "ok", "", job, "1"), work_end(b, work, "ok", "")));
    expect_job(job, "done", 1, 0, 2);
    TAP_EQUAL_STR(text_of(json_array_get(json_object_get(world.json, "reasons"), 0), "reason"),
                  "no_outcome");
    TAP_EQUAL_STR(text_of(json_array_get(json_object_get(world.json, "reasons"), 0), "sample_path"),
                  "/2");
}

static void
test_an_agent_that_stops_gives_its_work_back(void)
{
    char a[512], b[512];
    al_id job, work, again;

    job_by_path(file_recall, "file_recall", "\"/1\",\"/2\",\"/3\"", job);
    take(work);
    batch(&world.a, lines("%s%s", outcome(a, "recall", "ok", "", job, "1"),
                          work_end(b, work, "cancelled", "stopping")));
    expect_job(job, "running", 1, 0, 0);
    take(again);
    TAP_EQUAL_STR(again, work);
    TAP_EQUAL_U64(items_leased(), 2);
}

static void
test_a_volume_tells_its_state_once(void)
{
    for (int i = 0; i < 2; i++) {
        batch(&world.a, lines("{\"t\":\"outcome\",\"act\":\"volume_state\",\"code\":\"ok\","
                              "\"reason\":\"tracked_only\",\"text\":\"no xattrs\","
                              "\"volume_id\":\"%s\",\"path\":\"\"}\n",
                              world.a.volume));
    }
    TAP_OK(ask(volume_get, "volume_get",
               &(struct asked){.who = &world.a.admin, .id = world.a.volume}));
    TAP_EQUAL_STR(text_of(world.json, "state"), "tracked_only");
    TAP_EQUAL_STR(text_of(world.json, "state_text"), "no xattrs");
    TAP_EQUAL_U64(events_of("volume.state"), 1);
    /* consoles hear of it at once, also of a volume that was never scanned and has no figures */
    TAP_EQUAL_U64(world.volume_events, 1);
    TAP_CHECK(strstr(world.volume_told, "\"state_text\":\"no xattrs\"") != NULL);
    TAP_CHECK(strstr(world.volume_told, world.a.volume) != NULL);
}

static void
test_an_unreferenced_object_enters_the_ledger_once(void)
{
    struct scope all = scope_system();
    uint64_t count;

    for (int i = 0; i < 2; i++) {
        batch(&world.a, lines("{\"t\":\"outcome\",\"act\":\"reconcile\",\"code\":\"ok\",\"reason\":"
                              "\"unreferenced_object\",\"share_id\":\"%s\","
                              "\"volume_id\":\"%s\",\"object_id\":\"" OBJECT "\",\"path\":\"a\"}\n",
                              world.a.share, world.a.volume));
    }
    TAP_OK(store_ledger_count(world.w->db, &all, &count, NULL));
    TAP_EQUAL_U64(count, 1);
}

/* An act that the agent's crash made it report again: once in the batch of the first report, once
 * in a later one, and once more after another crash. */
static void
told_again(const char *act, const char *event)
{
    char first[512], second[512];

    batch(&world.a, lines("%s%s", outcome(first, act, "ok", "", "", "a"),
                          outcome(second, act, "ok", "finished_by_reconcile", "", "a")));
    TAP_EQUAL_U64(events_of(event), 1);
    for (int i = 0; i < 2; i++) {
        tick_after(400 * SECOND);
        batch(&world.a, outcome(second, act, "ok", "finished_by_reconcile", "", "a"));
        TAP_EQUAL_U64(events_of(event), 1);
    }
    /* A report that nobody heard of before counts, and so does the same object elsewhere. */
    batch(&world.a, outcome(second, act, "ok", "finished_by_reconcile", "", "b"));
    batch(&world.a, outcome(second, act, "ok", "finished_by_reconcile", "", "b"));
    TAP_EQUAL_U64(events_of(event), 2);
    chain_holds();
}

static void
test_a_recall_that_is_reported_again_counts_once(void)
{
    told_again("recall", "file.recall");
    TAP_EQUAL_U64(figure("recalls_24h"), 2);
}

static void
test_a_tier_that_is_reported_again_counts_once(void)
{
    told_again("tier", "file.tier");
    TAP_EQUAL_U64(figure("tiered_24h"), 2);
}

static void
test_an_unreferenced_object_is_told_once(void)
{
    char one[512];

    for (int i = 0; i < 2; i++) {
        batch(&world.a, outcome(one, "reconcile", "ok", "unreferenced_object", "", "a"));
    }
    TAP_EQUAL_U64(events_of("file.reconcile"), 1);
}

/* ---- with the inventory ---- */

static const struct seen_file old_files[] = {
    {"f0", 10000, SECOND, 0},
    {"f1", 20000, SECOND, 0},
    {"f2", 30000, SECOND, 0},
    {"f3", 40000, SECOND, 0},
};

static void
file_is(const char *path, const char *state, const char *source)
{
    char query[64];

    (void)snprintf(query, sizeof(query), "path=%s", path);
    TAP_OK(ASK(file_stat, .who = &world.a.admin, .id = world.a.volume, .query = query));
    TAP_EQUAL_STR(text_of(world.json, "state"), state);
    TAP_EQUAL_STR(text_of(world.json, "accessed_source"), source);
}

static void
tier_two(al_id job, al_id work)
{
    send_scan(&world.a, old_files, AL_LEN(old_files));
    job_by_path(file_tier, "file_tier", "\"/f0\",\"/f1\"", job);
    take(work);
    TAP_EQUAL_STR(text_of(json_array_get(leased, 0), "kind"), "tier");
}

static const char *
two_tiered(const char *job, const char *work)
{
    char a[512], b[512], c[512];

    return lines("%s%s%s", outcome(a, "tier", "ok", "", job, "f0"),
                 outcome(b, "tier", "ok", "", job, "f1"), work_end(c, work, "ok", ""));
}

static void
two_are_stubs(const char *job)
{
    expect_job(job, "done", 2, 0, 0);
    TAP_EQUAL_U64(number_of(world.json, "done_bytes"), 10000);
    TAP_EQUAL_U64(number_of(world.json, "freed_bytes"), 16384);
    TAP_EQUAL_U64(events_of("file.tier"), 2);
    TAP_EQUAL_U64(figure("tiered_24h"), 2);
    file_is("/f0", "stub", "walk");
    file_is("/f2", "resident", "walk");
    tick_after(2 * SECOND);
    TAP_EQUAL_U64(figure("stub_files"), 2);
    TAP_EQUAL_U64(figure("files"), 4);
    chain_holds();
}

/* Through its stub, as the filter driver of Windows does: it stays one, and has been read. */
static void
test_a_read_through_a_stub_leaves_it_one(void)
{
    char one[512];
    al_id job, work;

    tier_two(job, work);
    batch(&world.a, two_tiered(job, work));
    two_are_stubs(job);
    batch(&world.a, outcome(one, "read", "ok", "", "", "f0"));
    file_is("/f0", "stub", "recall");
    TAP_EQUAL_U64(events_of("file.read"), 1);
    TAP_EQUAL_U64(events_of("file.recall"), 0);
    TAP_EQUAL_U64(figure("recalls_24h"), 0);
    chain_holds();
}

static void
test_tiered_files_are_stubs_everywhere(void)
{
    char one[512];
    al_id job, work;

    tier_two(job, work);
    batch(&world.a, two_tiered(job, work));
    two_are_stubs(job);
    batch(&world.a, outcome(one, "recall", "ok", "", "", "f0"));
    file_is("/f0", "resident", "recall");
    tick_after(2 * SECOND);
    TAP_EQUAL_U64(figure("stub_files"), 1);
    TAP_EQUAL_U64(figure("recalls_24h"), 1);
}

static void
test_a_tier_that_is_reported_again_makes_no_stub_of_a_recalled_file(void)
{
    char one[512];
    al_id job, work;

    tier_two(job, work);
    batch(&world.a, two_tiered(job, work));
    batch(&world.a, outcome(one, "recall", "ok", "", "", "f0"));
    batch(&world.a, outcome(one, "tier", "ok", "finished_by_reconcile", job, "f0"));
    file_is("/f0", "resident", "recall");
    TAP_EQUAL_U64(events_of("file.tier"), 2);
    /* Nobody had heard of this one, but its reader was quicker: it is told, and the file stays. */
    batch(&world.a, outcome(one, "recall", "ok", "", "", "f2"));
    batch(&world.a, outcome(one, "tier", "ok", "finished_by_reconcile", "", "f2"));
    file_is("/f2", "resident", "recall");
    TAP_EQUAL_U64(events_of("file.tier"), 3);
    expect_job(job, "done", 2, 0, 0);
    tick_after(2 * SECOND);
    TAP_EQUAL_U64(figure("stub_files"), 1);
}

static void
test_a_crash_between_inventory_and_store_is_healed_by_sending_again(void)
{
    struct intake in = {0};
    struct al_arena *arena = al_arena_new(INTAKE_ARENA_MAX);
    struct service_req req = {.service = world.s,
                              .worker = world.w,
                              .caller = &world.a.agent,
                              .now_ns = world.now_ns,
                              .arena = arena};
    al_id job, work;

    tier_two(job, work);
    /* What agent_batch does, up to the moment the power goes. */
    work_tx_of(&in.t, &req, NULL);
    in.t.arena = arena;
    in.stream = world.stream;
    in.seq = world.seq + 1;
    TAP_OK(intake_parse(al_span_of(two_tiered(job, work)), arena, &in.batch, NULL));
    TAP_OK(intake_resolve(&in));
    TAP_OK(intake_inventory(&in));
    al_arena_free(arena);
    file_is("/f0", "stub", "walk");
    expect_job(job, "running", 0, 0, 0);
    batch(&world.a, two_tiered(job, work));
    two_are_stubs(job);
}

/* One batch as an agent of its own connection would send it. */
struct sender {
    struct service_worker *w;
    struct al_arena *arena;
    const char *query;
    struct al_span body;
    struct service_reply reply;
    int rc;
};

static void
sender_open(struct sender *s, const char *query, const char *body)
{
    *s = (struct sender){.query = query, .arena = al_arena_new(1u << 20), .body = al_span_of(body)};
    TAP_OK(service_worker_open(world.s, &s->w, NULL));
    al_buf_init(&s->reply.body, 1u << 20);
}

static void
sender_close(struct sender *s)
{
    s->w = service_worker_close(s->w);
    s->arena = al_arena_free(s->arena);
    al_buf_free(&s->reply.body);
}

/* find_query's like without the world's arena, which belongs to the main thread. */
static const char *
sender_query(void *ctx, const char *name)
{
    static _Thread_local char stream[AL_ID_LEN + 1];
    const char *at = strstr(ctx, name);

    at = at == NULL ? "" : at + strlen(name) + 1;
    if (strcmp(name, "stream") != 0) {
        return at; /* the last of the query */
    }
    (void)snprintf(stream, sizeof(stream), "%.26s", at);
    return stream;
}

static void *
send_it(void *sender)
{
    struct sender *s = sender;
    struct service_req req = {.service = world.s,
                              .worker = s->w,
                              .caller = &world.a.agent,
                              .op = "agent_batch",
                              .query = sender_query,
                              .query_ctx = (void *)(uintptr_t)s->query,
                              .raw = s->body,
                              .now_ns = world.now_ns,
                              .arena = s->arena};

    al_buf_clear(&s->reply.body);
    s->rc = agent_batch(&req, &s->reply, NULL);
    return NULL;
}

static void
fail_everywhere(bool from_then_on)
{
    struct sender s;
    al_id job, work;
    char query[128];
    uint64_t nth = 1;

    tier_two(job, work);
    (void)snprintf(query, sizeof(query), "stream=%s&seq=%llu", world.stream,
                   (unsigned long long)world.seq + 1);
    char *body = al_strdup(two_tiered(job, work));
    sender_open(&s, query, body);
    do {
        al_fault_arm(AL_FAULT_MEM, nth++, from_then_on);
        (void)send_it(&s);
        (void)al_fault_disarm();
        TAP_CHECK(!store_in_tx(s.w->db) && nth < 10000);
    } while (s.rc != AL_OK);
    TAP_CHECK(nth > 10);
    world.seq++;
    sender_close(&s);
    al_free(body);
    two_are_stubs(job);
}

static void
test_a_batch_that_fails_anywhere_counts_once_in_the_end(void)
{
    fail_everywhere(true);
}

static void
test_a_batch_of_which_one_call_fails_counts_once_in_the_end(void)
{
    fail_everywhere(false);
}

static void
test_a_batch_that_comes_twice_at_the_same_time_counts_once(void)
{
    struct sender s[2];
    struct port_thread thread[2];
    al_id job, work;
    char query[128];

    tier_two(job, work);
    (void)snprintf(query, sizeof(query), "stream=%s&seq=%llu", world.stream,
                   (unsigned long long)world.seq + 1);
    char *body = al_strdup(two_tiered(job, work));
    for (int i = 0; i < 2; i++) {
        sender_open(&s[i], query, body);
    }
    for (int i = 0; i < 2; i++) {
        TAP_OK(port_thread_start(&thread[i], "sender", 4u << 20, send_it, &s[i]));
    }
    for (int i = 0; i < 2; i++) {
        port_thread_join(&thread[i]);
        TAP_OK(s[i].rc);
        TAP_EQUAL_STR((const char *)s[i].reply.body.at,
                      lines("{\"applied_seq\":%llu}", (unsigned long long)world.seq + 1));
    }
    for (int i = 0; i < 2; i++) {
        sender_close(&s[i]);
    }
    world.seq++;
    al_free(body);
    two_are_stubs(job);
}

static void
test_scans_end_with_their_job_and_figures(void)
{
    send_scan(&world.a, old_files, AL_LEN(old_files));
    TAP_OK(ASK(job_list, .who = &world.a.admin, .query = "kind=scan"));
    TAP_EQUAL_STR(text_of(json_array_get(json_object_get(world.json, "items"), 0), "state"),
                  "done");
    tick_after(SECOND);
    TAP_EQUAL_U64(figure("files"), 4);
    TAP_EQUAL_U64(figure("bytes"), 100000);
    TAP_OK(ASK(file_list, .who = &world.a.admin, .id = world.a.volume,
               .query = "sort=size&order=desc&limit=3&count=true"));
    TAP_EQUAL_U64(number_of(world.json, "total"), 4);
    TAP_EQUAL_STR(text_of(json_array_get(json_object_get(world.json, "items"), 0), "path"), "/f3");
    TAP_CHECK(json_is_string(json_object_get(world.json, "next_cursor")));
}

static void
test_a_walk_tells_how_far_it_is(void)
{
    al_id job, work;

    TAP_OK(ASK(volume_scan, .who = &world.a.admin, .id = world.a.volume));
    (void)snprintf(job, sizeof(job), "%s", text_of(world.json, "id"));
    take(work);
    batch(&world.a,
          lines("{\"t\":\"progress\",\"work_id\":\"%s\",\"files\":70000,\"bytes\":9}\n", work));
    expect_job(job, "running", 70000, 0, 0);
    /* of work that is nobody's there is nothing to tell, and nothing to complain of */
    batch(&world.a,
          lines("{\"t\":\"progress\",\"work_id\":\"%s\",\"files\":1,\"bytes\":9}\n", job));
    expect_job(job, "running", 70000, 0, 0);
    TAP_EQUAL_U64(events_of("host.rejected_record"), 0);
}

static void
test_a_cut_scan_changes_nothing(void)
{
    al_id job, work;
    char scan[32], query[128];

    send_scan(&world.a, old_files, AL_LEN(old_files));
    TAP_OK(ASK(volume_scan, .who = &world.a.admin, .id = world.a.volume));
    (void)snprintf(job, sizeof(job), "%s", text_of(world.json, "id"));
    take(work);
    (void)snprintf(scan, sizeof(scan), "%s", text_of(json_array_get(leased, 0), "scan_id"));
    batch(&world.a, lines("{\"t\":\"scan_end\",\"scan_id\":\"%s\",\"volume_id\":\"%s\",\"code\":"
                          "\"io_error\",\"text\":\"the disk\"}\n",
                          scan, world.a.volume));
    look_at(job);
    TAP_EQUAL_STR(text_of(world.json, "state"), "failed");
    TAP_EQUAL_STR(text_of(world.json, "text"), "the disk");
    file_is("/f0", "resident", "walk");
    (void)snprintf(query, sizeof(query), "stream=%s&seq=1", scan);
    TAP_CODE(ASK(agent_entries, .who = &world.a.agent, .query = query, .raw = al_span_of("x")),
             AL_ENOENT);
}

static void
test_entries_have_a_number_and_a_host(void)
{
    al_id work;
    char scan[32], query[128];

    TAP_OK(ASK(volume_scan, .who = &world.a.admin, .id = world.a.volume));
    take(work);
    (void)snprintf(scan, sizeof(scan), "%s", text_of(json_array_get(leased, 0), "scan_id"));
    (void)snprintf(query, sizeof(query), "stream=%s&seq=1", scan);
    TAP_CODE(ASK(agent_entries, .who = &world.b.agent, .query = query, .raw = al_span_of("x")),
             AL_ENOENT);
    TAP_CODE(
        ASK(agent_entries, .who = &world.a.agent, .query = query, .raw = al_span_of("garbage")),
        AL_EINVAL);
    (void)snprintf(query, sizeof(query), "stream=%s&seq=7", scan);
    struct al_buf body = {.max = 4096}, packed = {.max = 4096};
    struct entry_record root = {.is_folder_record = true, .folder = 1};
    TAP_OK(entries_add(&body, &root));
    TAP_OK(entries_pack(&body, 1, &packed));
    TAP_OK(ASK(agent_entries, .who = &world.a.agent, .query = query, .raw = al_buf_span(&packed)));
    TAP_EQUAL_U64(world.reply.status, 409);
    TAP_EQUAL_U64(number_of(world.json, "applied_seq"), 0);
    al_buf_free(&body);
    al_buf_free(&packed);
}

static void
test_figures_follow_after_altod_died_before_writing_them(void)
{
    al_id job, work;

    tier_two(job, work);
    tick_after(2 * SECOND);
    TAP_EQUAL_U64(figure("stub_files"), 0);
    batch(&world.a, two_tiered(job, work));
    TAP_EQUAL_U64(figure("stub_files"), 0);
    world_again();
    tick_after(SECOND);
    TAP_EQUAL_U64(figure("stub_files"), 2);
    TAP_EQUAL_U64(figure("files"), 4);
    two_are_stubs(job);
}

static void
test_live_events_come_at_most_four_a_second(void)
{
    char one[512], path[16];
    al_id job, work;
    unsigned before;

    job_by_path(file_recall, "file_recall", "\"/1\"", job);
    take(work);
    world.now_ns += SECOND;
    before = world.job_events;
    for (int i = 0; i < 40; i++) { /* a second's worth of batches */
        (void)snprintf(path, sizeof(path), "p%d", i);
        batch(&world.a, outcome(one, "recall", "ok", "", job, path));
        world.now_ns += 25 * SECOND / 1000;
    }
    TAP_CHECK(world.job_events - before >= 2 && world.job_events - before <= 5);
    before = world.job_events;
    tick_after(SECOND);
    TAP_CHECK(world.job_events - before == 1);
    tick_after(SECOND);
    TAP_CHECK(world.job_events - before == 1);
    batch(&world.a, work_end(one, work, "ok", ""));
    TAP_CHECK(world.job_events - before == 2); /* an end is told at once */
}

int
main(void)
{
    RUN(test_a_batch_sent_again_changes_nothing);
    RUN(test_another_batch_under_a_used_number_is_told_and_sent_to_a_new_stream);
    RUN(test_a_gap_is_told_with_how_far_we_are);
    RUN(test_a_read_through_a_stub_leaves_it_one);
    RUN(test_streams_and_hosts_are_numbered_apart);
    RUN(test_poison_is_set_aside_and_the_rest_counts);
    RUN(test_a_host_tells_only_of_its_own);
    RUN(test_outcomes_become_counters_reasons_and_an_end);
    RUN(test_work_done_twice_counts_once);
    RUN(test_a_job_of_which_everything_failed_has_failed);
    RUN(test_files_without_a_word_are_failures_not_silence);
    RUN(test_an_agent_that_stops_gives_its_work_back);
    RUN(test_a_volume_tells_its_state_once);
    RUN(test_an_unreferenced_object_enters_the_ledger_once);
    RUN(test_a_recall_that_is_reported_again_counts_once);
    RUN(test_a_tier_that_is_reported_again_counts_once);
    RUN(test_an_unreferenced_object_is_told_once);
    RUN(test_a_tier_that_is_reported_again_makes_no_stub_of_a_recalled_file);
    RUN(test_tiered_files_are_stubs_everywhere);
    RUN(test_a_crash_between_inventory_and_store_is_healed_by_sending_again);
    RUN(test_a_batch_that_fails_anywhere_counts_once_in_the_end);
    RUN(test_a_batch_of_which_one_call_fails_counts_once_in_the_end);
    RUN(test_a_batch_that_comes_twice_at_the_same_time_counts_once);
    RUN(test_figures_follow_after_altod_died_before_writing_them);
    RUN(test_live_events_come_at_most_four_a_second);
    RUN(test_scans_end_with_their_job_and_figures);
    RUN(test_a_walk_tells_how_far_it_is);
    RUN(test_a_cut_scan_changes_nothing);
    RUN(test_entries_have_a_number_and_a_host);
    json_decref(leased);
    return tap_end();
}
