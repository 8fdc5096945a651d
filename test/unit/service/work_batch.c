/* Batches of outcomes: applied once whatever fails in between, counted, told, and what a share in trouble does to jobs. */
#include "tap.h"

#include "base/fault.h"
#include "server/service/intake_apply.h"
#include "work_help.h"

#define OBJECT "01j0000000000000000000000z"

static char text[1 << 16]; /* lines under way */

static const char *
lines(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return text;
}

/* One outcome of anna's volume as a line; job "" for none. */
static const char *
outcome(char out[512], const char *act, const char *code, const char *reason, const char *job, const char *path)
{
    (void)snprintf(out, 512,
                   "{\"t\":\"outcome\",\"act\":\"%s\",\"code\":\"%s\",\"reason\":\"%s\",\"text\":\"\",\"volume_id\":\"%s\","
                   "\"job_id\":\"%s\",\"path\":\"%s\",\"object_id\":\"" OBJECT "\",\"size\":5000,\"freed\":8192,"
                   "\"began_ns\":1,\"ended_ns\":%lld,\"mtime_ns\":5}\n",
                   act, code, reason, world.a.volume, job, path, (long long)(world.now_ns - SECOND));
    return out;
}

static const char *
work_end(char out[512], const char *work, const char *code, const char *said)
{
    (void)snprintf(out, 512, "{\"t\":\"work_end\",\"work_id\":\"%s\",\"code\":\"%s\",\"text\":\"%s\"}\n", work, code, said);
    return out;
}

static void
share_is(const char *code, const char *said)
{
    batch(&world.a, lines("{\"t\":\"outcome\",\"act\":\"share_state\",\"code\":\"%s\",\"reason\":\"\",\"text\":\"%s\",\"share_id\":\"%s\","
                          "\"path\":\"\",\"size\":1000,\"freed\":400}\n",
                          code, said, world.a.share));
}

static void
job_by_path(service_fn *fn, const char *op, const char *paths, al_id job)
{
    char body[1024];

    (void)snprintf(body, sizeof(body), "{\"paths\":[%s]}", paths);
    TAP_OK(ask(fn, op, &(struct asked){.who = &world.a.admin, .id = world.a.volume, .body = body}));
    TAP_EQUAL_U64(world.reply.status, 202);
    (void)snprintf(job, sizeof(al_id), "%s", text_of(world.json, "id"));
}

static void
look_at(const char *job)
{
    TAP_OK(ASK(job_get, .who = &world.a.admin, .id = job));
}

static void
expect_job(const char *job, const char *state, uint64_t done, uint64_t refused, uint64_t failed)
{
    look_at(job);
    TAP_EQUAL_STR(text_of(world.json, "state"), state);
    TAP_EQUAL_U64(number_of(world.json, "done_files"), done);
    TAP_EQUAL_U64(number_of(world.json, "refused_files"), refused);
    TAP_EQUAL_U64(number_of(world.json, "failed_files"), failed);
}

/* The next work's id; the job's share of one lease. */
static void
take(al_id work)
{
    TAP_EQUAL_U64(lease(&world.a, 4, ""), 1);
    (void)snprintf(work, sizeof(al_id), "%s", text_of(json_array_get(leased, 0), "work_id"));
}

static uint64_t
items_leased(void)
{
    return json_array_size(json_object_get(json_array_get(leased, 0), "items"));
}

static uint64_t
events_of(const char *act)
{
    char query[64];

    (void)snprintf(query, sizeof(query), "act=%s&count=true&limit=1", act);
    TAP_OK(ask(audit_list, "audit_list", &(struct asked){.who = &world.a.admin, .query = query}));
    return number_of(world.json, "total");
}

static uint64_t
figure(const char *key)
{
    TAP_OK(ASK(figures_get, .who = &world.a.admin));
    return number_of(world.json, key);
}

static void
chain_holds(void)
{
    struct scope all = scope_system();
    struct store_verify v;

    TAP_OK(store_event_verify(world.w->db, &all, world.a.customer, &v, NULL));
    TAP_CHECK(v.ok && v.events > 0);
}

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

    (void)snprintf(all, sizeof(all), "%s{\"t\":\"outcome\",\"act\n%s{\"t\":\"nonsense\"}\n", outcome(one, "recall", "ok", "", "", "a"),
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
    TAP_OK(send_batch(&world.b, 2,
                      lines("{\"t\":\"outcome\",\"act\":\"share_state\",\"code\":\"foreign\",\"share_id\":\"%s\",\"path\":\"\"}\n"
                            "{\"t\":\"outcome\",\"act\":\"volume_state\",\"code\":\"ok\",\"reason\":\"unmarked\",\"volume_id\":\"%s\"}\n"
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
    batch(&world.a, lines("%s%s%s%s", outcome(a, "recall", "ok", "", job, "1"), outcome(b, "refuse", "busy", "open_elsewhere", job, "2"),
                          outcome(c, "refuse", "busy", "open_elsewhere", job, "3"), outcome(d, "recall", "corrupt", "", job, "4")));
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
    TAP_OK(ASK(job_outcomes, .who = &world.a.admin, .id = job, .query = "reason=open_elsewhere&limit=1&count=true"));
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
    batch(&world.a, lines("%s%s", outcome(a, "recall", "ok", "", job, "1"), outcome(b, "refuse", "busy", "open_elsewhere", job, "2")));
    batch(&world.a, lines("%s%s", outcome(a, "refuse", "ok", "already_stub", job, "1"), outcome(b, "recall", "ok", "", job, "2")));
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
    batch(&world.a, lines("%s%s", outcome(a, "recall", "corrupt", "", job, "1"), work_end(b, work, "ok", "")));
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
    batch(&world.a, lines("%s%s", outcome(a, "recall", "ok", "", job, "1"), work_end(b, work, "ok", "")));
    expect_job(job, "done", 1, 0, 2);
    TAP_EQUAL_STR(text_of(json_array_get(json_object_get(world.json, "reasons"), 0), "reason"), "no_outcome");
    TAP_EQUAL_STR(text_of(json_array_get(json_object_get(world.json, "reasons"), 0), "sample_path"), "/2");
}

static void
test_an_agent_that_stops_gives_its_work_back(void)
{
    char a[512], b[512];
    al_id job, work, again;

    job_by_path(file_recall, "file_recall", "\"/1\",\"/2\",\"/3\"", job);
    take(work);
    batch(&world.a, lines("%s%s", outcome(a, "recall", "ok", "", job, "1"), work_end(b, work, "cancelled", "stopping")));
    expect_job(job, "running", 1, 0, 0);
    take(again);
    TAP_EQUAL_STR(again, work);
    TAP_EQUAL_U64(items_leased(), 2);
}

/* ---- shares in trouble ---- */

static void
suspend_resume(const char *code, const char *state)
{
    char a[512], b[512];
    al_id job, work;
    char want[128];

    job_by_path(file_recall, "file_recall", "\"/1\",\"/2\"", job);
    take(work);
    batch(&world.a, lines("%s%s%s", outcome(a, "recall", "ok", "", job, "1"), outcome(b, "recall", code, "", job, "2"), ""));
    batch(&world.a, work_end(a, work, code, "no answer for 10 s"));
    expect_job(job, "suspended", 1, 0, 1);
    (void)snprintf(want, sizeof(want), "Share anna: %s: no answer for 10 s", state);
    TAP_EQUAL_STR(text_of(world.json, "text"), want);
    TAP_EQUAL_U64(lease(&world.a, 4, ""), 0);
    TAP_OK(ask(share_get, "share_get", &(struct asked){.who = &world.a.admin, .id = world.a.share}));
    TAP_EQUAL_STR(text_of(world.json, "state"), state);

    /* altod asks again by itself, every 30 s, and no faster */
    tick_after(20 * SECOND);
    TAP_EQUAL_U64(lease(&world.a, 4, ""), 0);
    tick_after(11 * SECOND);
    take(work);
    TAP_EQUAL_STR(text_of(json_array_get(leased, 0), "kind"), "check_share");
    TAP_EQUAL_STR(text_of(json_array_get(leased, 0), "share_id"), world.a.share);
    tick_after(SECOND);
    TAP_EQUAL_U64(lease(&world.a, 4, ""), 0);
    share_is(code, "still not");
    batch(&world.a, work_end(a, work, "ok", ""));
    expect_job(job, "suspended", 1, 0, 1);

    tick_after(31 * SECOND);
    take(work);
    share_is("ok", "");
    batch(&world.a, work_end(a, work, "ok", ""));
    expect_job(job, "running", 1, 0, 1);
    TAP_EQUAL_STR(text_of(world.json, "text"), "");
    take(work);
    TAP_EQUAL_U64(items_leased(), 1);
    batch(&world.a, lines("%s%s", outcome(a, "recall", "ok", "", job, "2"), work_end(b, work, "ok", "")));
    expect_job(job, "done", 2, 0, 0);
    TAP_EQUAL_U64(json_array_size(json_object_get(world.json, "reasons")), 0);
    TAP_OK(ask(share_get, "share_get", &(struct asked){.who = &world.a.admin, .id = world.a.share}));
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

    TAP_OK(ASK(share_check, .who = &world.a.admin, .id = world.a.share));
    (void)snprintf(job, sizeof(job), "%s", text_of(world.json, "id"));
    take(work);
    batch(&world.a, lines("{\"t\":\"outcome\",\"act\":\"share_state\",\"code\":\"foreign\",\"text\":\"belongs to bert\",\"share_id\":\"%s\","
                          "\"job_id\":\"%s\",\"path\":\"\"}\n%s",
                          world.a.share, job, work_end(a, work, "ok", "")));
    look_at(job);
    TAP_EQUAL_STR(text_of(world.json, "state"), "failed");
    TAP_EQUAL_STR(text_of(world.json, "text"), "foreign: belongs to bert");
    TAP_EQUAL_U64(events_of("share.state"), 1);
}

static void
test_a_volume_tells_its_state_once(void)
{
    for (int i = 0; i < 2; i++) {
        batch(&world.a, lines("{\"t\":\"outcome\",\"act\":\"volume_state\",\"code\":\"ok\",\"reason\":\"tracked_only\",\"text\":\"no xattrs\","
                              "\"volume_id\":\"%s\",\"path\":\"\"}\n",
                              world.a.volume));
    }
    TAP_OK(ask(volume_get, "volume_get", &(struct asked){.who = &world.a.admin, .id = world.a.volume}));
    TAP_EQUAL_STR(text_of(world.json, "state"), "tracked_only");
    TAP_EQUAL_STR(text_of(world.json, "state_text"), "no xattrs");
    TAP_EQUAL_U64(events_of("volume.state"), 1);
}

static void
test_an_unreferenced_object_enters_the_ledger_once(void)
{
    struct scope all = scope_system();
    uint64_t count;

    for (int i = 0; i < 2; i++) {
        batch(&world.a, lines("{\"t\":\"outcome\",\"act\":\"reconcile\",\"code\":\"ok\",\"reason\":\"unreferenced_object\",\"share_id\":\"%s\","
                              "\"volume_id\":\"%s\",\"object_id\":\"" OBJECT "\",\"path\":\"a\"}\n",
                              world.a.share, world.a.volume));
    }
    TAP_OK(store_ledger_count(world.w->db, &all, &count, NULL));
    TAP_EQUAL_U64(count, 1);
}

/* ---- with the inventory ---- */

static const struct seen_file old_files[] = {
    {"f0", 10000, SECOND, 0}, {"f1", 20000, SECOND, 0}, {"f2", 30000, SECOND, 0}, {"f3", 40000, SECOND, 0},
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

    return lines("%s%s%s", outcome(a, "tier", "ok", "", job, "f0"), outcome(b, "tier", "ok", "", job, "f1"), work_end(c, work, "ok", ""));
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
test_a_crash_between_inventory_and_store_is_healed_by_sending_again(void)
{
    struct intake in = {0};
    struct al_arena *arena = al_arena_new(INTAKE_ARENA_MAX);
    struct service_req req = {.service = world.s, .worker = world.w, .caller = &world.a.agent, .now_ns = world.now_ns, .arena = arena};
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

static void
test_a_batch_that_fails_anywhere_counts_once_in_the_end(void)
{
    al_id job, work;
    uint64_t nth = 1, failures = 0;
    int rc;

    tier_two(job, work);
    for (;; nth++) {
        const char *all = two_tiered(job, work);
        size_t len = strlen(all);
        char *copy = al_memdup(all, len + 1);

        al_fault_arm(AL_FAULT_MEM, nth, true);
        char query[128];
        (void)snprintf(query, sizeof(query), "stream=%s&seq=%llu", world.stream, (unsigned long long)world.seq + 1);
        struct service_req req = {.service = world.s, .worker = world.w, .caller = &world.a.agent, .op = "agent_batch", .query = find_query,
                                  .query_ctx = query, .raw = {(const uint8_t *)copy, len}, .now_ns = world.now_ns, .arena = world.arena};
        struct al_buf body = world.reply.body;
        al_buf_clear(&body);
        world.reply = (struct service_reply){.body = body};
        rc = agent_batch(&req, &world.reply, NULL);
        (void)al_fault_disarm();
        al_free(copy);
        TAP_CHECK(!store_in_tx(world.w->db));
        if (rc == AL_OK) {
            break;
        }
        failures++;
        TAP_CHECK(nth < 100000);
    }
    world.seq++;
    TAP_CHECK(failures > 10);
    two_are_stubs(job);
}

static void
test_scans_end_with_their_job_and_figures(void)
{
    send_scan(&world.a, old_files, AL_LEN(old_files));
    TAP_OK(ASK(job_list, .who = &world.a.admin, .query = "kind=scan"));
    TAP_EQUAL_STR(text_of(json_array_get(json_object_get(world.json, "items"), 0), "state"), "done");
    tick_after(SECOND);
    TAP_EQUAL_U64(figure("files"), 4);
    TAP_EQUAL_U64(figure("bytes"), 100000);
    TAP_OK(ASK(file_list, .who = &world.a.admin, .id = world.a.volume, .query = "sort=size&order=desc&limit=3&count=true"));
    TAP_EQUAL_U64(number_of(world.json, "total"), 4);
    TAP_EQUAL_STR(text_of(json_array_get(json_object_get(world.json, "items"), 0), "path"), "/f3");
    TAP_CHECK(json_is_string(json_object_get(world.json, "next_cursor")));
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
    batch(&world.a, lines("{\"t\":\"scan_end\",\"scan_id\":\"%s\",\"volume_id\":\"%s\",\"code\":\"io_error\",\"text\":\"the disk\"}\n", scan,
                          world.a.volume));
    look_at(job);
    TAP_EQUAL_STR(text_of(world.json, "state"), "failed");
    TAP_EQUAL_STR(text_of(world.json, "text"), "the disk");
    file_is("/f0", "resident", "walk");
    (void)snprintf(query, sizeof(query), "stream=%s&seq=1", scan);
    TAP_CODE(ASK(agent_entries, .who = &world.a.agent, .query = query, .raw = al_span_of("x")), AL_ENOENT);
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
    TAP_CODE(ASK(agent_entries, .who = &world.b.agent, .query = query, .raw = al_span_of("x")), AL_ENOENT);
    TAP_CODE(ASK(agent_entries, .who = &world.a.agent, .query = query, .raw = al_span_of("garbage")), AL_EINVAL);
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

#define RUN(test)                                                                                  \
    do {                                                                                           \
        world_open();                                                                              \
        TAP_RUN(test);                                                                             \
        world_close();                                                                             \
    } while (0)

int
main(void)
{
    RUN(test_a_batch_sent_again_changes_nothing);
    RUN(test_a_gap_is_told_with_how_far_we_are);
    RUN(test_streams_and_hosts_are_numbered_apart);
    RUN(test_poison_is_set_aside_and_the_rest_counts);
    RUN(test_a_host_tells_only_of_its_own);
    RUN(test_outcomes_become_counters_reasons_and_an_end);
    RUN(test_work_done_twice_counts_once);
    RUN(test_a_job_of_which_everything_failed_has_failed);
    RUN(test_files_without_a_word_are_failures_not_silence);
    RUN(test_an_agent_that_stops_gives_its_work_back);
    RUN(test_an_unreachable_share_suspends_and_resumes);
    RUN(test_a_wrong_password_suspends_and_resumes);
    RUN(test_a_foreign_share_suspends_and_resumes);
    RUN(test_a_full_share_does_not_stop_recalls);
    RUN(test_new_jobs_wait_for_a_share_known_to_be_bad);
    RUN(test_other_jobs_of_the_share_wait_too);
    RUN(test_a_share_that_only_looks_well_is_tried_less_and_less);
    RUN(test_shares_are_looked_at_now_and_then);
    RUN(test_a_check_that_nobody_takes_is_made_anew_for_who_is_there);
    RUN(test_an_asked_for_check_tells_what_it_found);
    RUN(test_a_volume_tells_its_state_once);
    RUN(test_an_unreferenced_object_enters_the_ledger_once);
    RUN(test_tiered_files_are_stubs_everywhere);
    RUN(test_a_crash_between_inventory_and_store_is_healed_by_sending_again);
    RUN(test_a_batch_that_fails_anywhere_counts_once_in_the_end);
    RUN(test_figures_follow_after_altod_died_before_writing_them);
    RUN(test_live_events_come_at_most_four_a_second);
    RUN(test_scans_end_with_their_job_and_figures);
    RUN(test_a_cut_scan_changes_nothing);
    RUN(test_entries_have_a_number_and_a_host);
    json_decref(leased);
    return tap_end();
}
