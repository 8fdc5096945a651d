/* Reconcile jobs: how they are asked for, what they count while the host walks, and how they end. */
#include "tap.h"

#include "work_help.h"

static void
reconcile(al_id job)
{
    TAP_OK(ASK(volume_reconcile, .who = &world.a.admin, .id = world.a.volume));
    TAP_EQUAL_U64(world.reply.status, 202);
    TAP_EQUAL_STR(text_of(world.json, "kind"), "reconcile");
    (void)snprintf(job, sizeof(al_id), "%s", text_of(world.json, "id"));
}

static const char *
walked(char out[512], const char *work, unsigned markers, unsigned unreadable, unsigned later)
{
    (void)snprintf(out, 512,
                   "{\"t\":\"progress\",\"work_id\":\"%s\",\"files\":%u,\"bytes\":0,"
                   "\"unreadable\":%u,\"later\":%u}\n",
                   work, markers, unreadable, later);
    return out;
}

static uint64_t
counted(const char *key)
{
    return number_of(json_object_get(world.json, "reconcile"), key);
}

static void
test_it_is_asked_for_once_and_leased_to_the_host(void)
{
    al_id job, work;

    TAP_CODE(ASK(volume_reconcile, .who = &world.b.admin, .id = world.a.volume), AL_ENOENT);
    TAP_OK(ASK(volume_reconcile, .who = &world.a.admin, .id = world.a.volume, .key = "k1"));
    (void)snprintf(job, sizeof(job), "%s", text_of(world.json, "id"));
    TAP_CHECK(strstr(world.woken, world.a.host) != NULL);
    TAP_OK(ASK(volume_reconcile, .who = &world.a.admin, .id = world.a.volume, .key = "k1"));
    TAP_EQUAL_STR(text_of(world.json, "id"), job);
    TAP_OK(ASK(volume_reconcile, .who = &world.operator_, .id = world.a.volume));
    TAP_EQUAL_STR(text_of(world.json, "id"), job); /* it is under way */
    TAP_EQUAL_U64(events_of("job.start"), 1);
    take(work);
    TAP_EQUAL_STR(text_of(json_array_get(leased, 0), "kind"), "reconcile");
    TAP_EQUAL_STR(text_of(json_array_get(leased, 0), "volume_id"), world.a.volume);
    TAP_EQUAL_U64(lease(&world.a, 4, ""), 0);
}

static void
test_a_volume_that_holds_no_stubs_has_nothing_to_reconcile(void)
{
    struct scope all = scope_system();
    struct store_volume v;

    TAP_OK(store_volume_get(world.w->db, &all, world.a.volume, world.arena, &v, NULL));
    v.share_id[0] = '\0';
    TAP_OK(store_begin(world.w->db, NULL));
    TAP_OK(store_volume_set(world.w->db, &all, &v, NULL));
    TAP_OK(store_commit(world.w->db, NULL));
    TAP_CODE(ASK(volume_reconcile, .who = &world.a.admin, .id = world.a.volume), AL_ECONFLICT);
    TAP_CHECK(strstr(world.fail.text, "no share") != NULL);
}

static void
test_it_tells_what_it_saw_while_it_walks_and_at_its_end(void)
{
    char a[512], b[512], c[512], d[512], e[512], f[512];
    al_id job, work;

    reconcile(job);
    take(work);
    batch(&world.a, walked(a, work, 3, 1, 0));
    expect_job(job, "running", 3, 0, 0);
    TAP_EQUAL_U64(number_of(world.json, "total_files"), 0); /* nobody knows how many there are */
    TAP_EQUAL_U64(counted("markers"), 3);
    TAP_EQUAL_U64(counted("unreadable"), 1);
    TAP_CHECK(world.job_events > 0);
    batch(&world.a, lines("%s%s%s%s%s%s", outcome(a, "adopt", "ok", "adopt", job, "a"),
                          outcome(b, "drop_marker", "ok", "copied", job, "b"),
                          outcome(c, "alarm", "io_error", "changed", job, "c"),
                          outcome(d, "reconcile", "ok", "stub_finished", job, "d"),
                          walked(e, work, 10, 2, 1), work_end(f, work, "ok", "")));
    expect_job(job, "done", 8, 1, 1);
    TAP_EQUAL_U64(number_of(world.json, "total_files"), 10);
    TAP_EQUAL_U64(number_of(world.json, "done_bytes"), 0); /* nothing was moved */
    TAP_EQUAL_U64(counted("markers"), 10);
    TAP_EQUAL_U64(counted("adopted"), 1);
    TAP_EQUAL_U64(counted("dropped"), 1);
    TAP_EQUAL_U64(counted("finished"), 1);
    TAP_EQUAL_U64(counted("alarms"), 1);
    TAP_EQUAL_U64(counted("unreadable"), 2);
    TAP_EQUAL_U64(counted("waiting"), 1);
    TAP_EQUAL_U64(left("unreadable"), 2);
    TAP_EQUAL_U64(left("must_wait"), 1);
    TAP_EQUAL_U64(left("changed"), 1);
    TAP_CHECK(strstr(text_of(world.json, "text"), "1 stub does not fit its file") != NULL);
    TAP_OK(ASK(job_outcomes, .who = &world.a.admin, .id = job));
    TAP_EQUAL_U64(json_array_size(json_object_get(world.json, "items")), 4);
    TAP_EQUAL_U64(events_of("file.adopt"), 1);
    TAP_EQUAL_U64(events_of("host.alarm"), 1);
    TAP_EQUAL_U64(events_of("job.finish"), 1);
    chain_holds();
}

static void
test_a_walk_that_starts_anew_counts_nothing_twice(void)
{
    char a[512], b[512], c[512], d[512];
    al_id job, work, again;

    reconcile(job);
    take(work);
    batch(&world.a,
          lines("%s%s%s%s", outcome(a, "adopt", "ok", "adopt", job, "a"),
                outcome(b, "alarm", "io_error", "data", job, "c"), walked(c, work, 7, 2, 1),
                work_end(d, work, "cancelled", "the agent was restarted")));
    expect_job(job, "running", 5, 1, 1);
    take(again);
    TAP_EQUAL_STR(again, work);
    batch(&world.a, walked(c, work, 2, 0, 0));
    expect_job(job, "running", 1, 0, 1);
    TAP_EQUAL_U64(left("unreadable"), 0);
    batch(&world.a, lines("%s%s%s", outcome(b, "alarm", "io_error", "data", job, "c"),
                          walked(c, work, 9, 0, 0), work_end(d, work, "ok", "")));
    expect_job(job, "done", 8, 0, 1);
    TAP_EQUAL_U64(counted("markers"), 9);
    TAP_EQUAL_U64(counted("adopted"), 1);
    TAP_EQUAL_U64(counted("alarms"), 1);
}

static void
test_alarms_alone_do_not_fail_it_but_a_walk_that_cannot_be_made_does(void)
{
    char a[512], b[512], c[512];
    al_id job, work;

    reconcile(job);
    take(work);
    batch(&world.a, lines("%s%s%s", outcome(a, "alarm", "io_error", "data", job, "c"),
                          walked(b, work, 1, 0, 0), work_end(c, work, "ok", "")));
    expect_job(job, "done", 0, 0, 1);
    reconcile(job);
    take(work);
    batch(&world.a, work_end(c, work, "not_found", "the volume is not open here"));
    expect_job(job, "failed", 0, 0, 0);
    TAP_EQUAL_STR(text_of(world.json, "text"), "the volume is not open here");
    job_by_path(file_recall, "file_recall", "\"/1\"", job);
    look_at(job);
    TAP_CHECK(json_is_null(json_object_get(world.json, "reconcile"))); /* of no other kind */
}

int
main(void)
{
    RUN(test_it_is_asked_for_once_and_leased_to_the_host);
    RUN(test_a_volume_that_holds_no_stubs_has_nothing_to_reconcile);
    RUN(test_it_tells_what_it_saw_while_it_walks_and_at_its_end);
    RUN(test_a_walk_that_starts_anew_counts_nothing_twice);
    RUN(test_alarms_alone_do_not_fail_it_but_a_walk_that_cannot_be_made_does);
    json_decref(leased);
    return tap_end();
}
