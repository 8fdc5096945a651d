/* Jobs that adopt copied stubs: who may ask, what the host is given, and that the last word on a file counts. */
#include "tap.h"

#include "work_help.h"

/* From here on the host's volume is another one, of a Windows host. */
static void
volume_is_ntfs(void)
{
    struct scope all = scope_system();
    struct store_volume v;

    TAP_OK(store_volume_get(world.w->db, &all, world.a.volume, world.arena, &v, NULL));
    v.kind = "ntfs";
    v.name = "of windows";
    v.path = "D:/Data";
    TAP_OK(store_begin(world.w->db, NULL));
    TAP_OK(store_id_make(world.w->db, world.now_ns, v.id));
    TAP_OK(store_volume_add(world.w->db, &all, &v, NULL));
    TAP_OK(store_commit(world.w->db, NULL));
    memcpy(world.a.volume, v.id, sizeof(world.a.volume));
}

static void
test_who_may_asks_and_the_host_is_given_the_paths(void)
{
    al_id job, work;
    const json_t *items;

    TAP_CODE(
        ASK(file_adopt, .who = &world.a.admin, .id = world.a.volume, .body = "{\"paths\":[\"/\"]}"),
        AL_ECONFLICT);
    TAP_CHECK(strstr(world.fail.text, "ntfs") != NULL);
    volume_is_ntfs();
    TAP_CODE(
        ASK(file_adopt, .who = &world.b.admin, .id = world.a.volume, .body = "{\"paths\":[\"/\"]}"),
        AL_ENOENT);
    TAP_CODE(ASK(file_adopt, .who = &world.a.admin, .id = world.a.volume,
                 .body = "{\"paths\":[\"/a/../b\"]}"),
             AL_EINVAL);
    TAP_CODE(ASK(file_adopt, .who = &world.a.admin, .id = world.a.volume, .body = "{}"), AL_EINVAL);
    TAP_EQUAL_U64(events_of("job.start"), 0);
    job_by_path(file_adopt, "file_adopt", "\"/restored/\", \"/one file\", \"/restored\", \"/\"",
                job);
    TAP_EQUAL_STR(text_of(world.json, "kind"), "adopt");
    TAP_EQUAL_U64(number_of(world.json, "total_files"), 0); /* nobody knows how many there are */
    TAP_EQUAL_U64(events_of("job.start"), 1);
    take(work);
    TAP_EQUAL_STR(text_of(json_array_get(leased, 0), "kind"), "adopt");
    items = json_object_get(json_array_get(leased, 0), "items");
    TAP_EQUAL_U64(json_array_size(items), 3); /* unknown to the inventory, all of them */
    TAP_EQUAL_STR(text_of(json_array_get(items, 0), "path"), "restored");
    TAP_EQUAL_STR(text_of(json_array_get(items, 1), "path"), "one file");
    TAP_EQUAL_STR(text_of(json_array_get(items, 2), "path"), "");
}

static void
test_too_many_paths_are_refused(void)
{
    char body[4096];
    size_t at;

    volume_is_ntfs();
    at = (size_t)snprintf(body, sizeof(body), "{\"paths\":[\"/0\"");
    for (unsigned i = 1; i <= 100; i++) {
        at += (size_t)snprintf(body + at, sizeof(body) - at, ",\"/%u\"", i);
    }
    (void)snprintf(body + at, sizeof(body) - at, "]}");
    TAP_CODE(ASK(file_adopt, .who = &world.a.admin, .id = world.a.volume, .body = body), AL_EINVAL);
    TAP_CHECK(strstr(world.fail.text, "100 paths") != NULL);
}

/* An outcome that names the inode of the stub that was told: the mover's undo. */
static const char *
undo(char out[512], const char *act, const char *code, const char *reason, const char *job,
     const char *path)
{
    size_t end;

    (void)outcome(out, act, code, reason, job, path);
    end = strlen(out) - 2; /* "}\n" */
    (void)snprintf(out + end, 512 - end, ",\"ino\":77}\n");
    return out;
}

static void
test_each_file_counts_by_its_last_word(void)
{
    char a[512], b[512], c[512], d[512], e[512], f[512];
    al_id job, work;

    volume_is_ntfs();
    job_by_path(file_adopt, "file_adopt", "\"/restored\"", job);
    take(work);
    batch(&world.a, lines("%s%s%s", outcome(a, "adopt", "ok", "", job, "restored/a"),
                          outcome(b, "adopt", "ok", "", job, "restored/b"),
                          outcome(c, "adopt", "ok", "", job, "restored/c")));
    expect_job(job, "running", 3, 0, 0);
    TAP_EQUAL_U64(number_of(world.json, "done_bytes"), 0); /* nothing was moved */
    /* Told before they were adopted, and undone: somebody held them. */
    batch(&world.a, lines("%s%s%s%s", undo(a, "refuse", "ok", "open_elsewhere", job, "restored/a"),
                          undo(b, "adopt", "io_error", "", job, "restored/b"),
                          outcome(c, "adopt", "invalid", "not_a_stub", job, "restored/c"),
                          outcome(d, "alarm", "io_error", "changed", job, "restored/d")));
    expect_job(job, "running", 1, 1, 2);
    /* A work that was leased twice may not see now what it has done before. */
    batch(&world.a, lines("%s%s", outcome(a, "adopt", "access_denied", "", job, "restored/c"),
                          outcome(b, "refuse", "ok", "open_elsewhere", job, "restored/c")));
    expect_job(job, "running", 1, 1, 2);
    (void)snprintf(e, sizeof(e),
                   "{\"t\":\"progress\",\"work_id\":\"%s\",\"files\":4,\"bytes\":0,\"unreadable\":"
                   "2,\"later\":0}\n",
                   work);
    batch(&world.a, lines("%s%s", e, work_end(f, work, "ok", "")));
    expect_job(job, "done", 1, 1, 2);
    TAP_EQUAL_U64(number_of(world.json, "total_files"), 4);
    TAP_EQUAL_U64(left("unreadable"), 2);
    TAP_EQUAL_U64(left("open_elsewhere"), 1);
    TAP_EQUAL_U64(left("changed"), 1);
    TAP_CHECK(json_is_null(json_object_get(world.json, "reconcile")));
    TAP_EQUAL_U64(events_of("file.adopt"), 6);
    TAP_EQUAL_U64(events_of("host.alarm"), 1);
    chain_holds();
}

static void
test_a_cut_work_is_given_back_whole_and_counts_nothing_twice(void)
{
    char a[512], b[512];
    al_id job, work, again;

    volume_is_ntfs();
    job_by_path(file_adopt, "file_adopt", "\"/restored\", \"/x\"", job);
    take(work);
    batch(&world.a, lines("%s%s", outcome(a, "adopt", "ok", "", job, "restored/a"),
                          work_end(b, work, "cancelled", "the agent stopped")));
    take(again);
    TAP_EQUAL_STR(again, work);
    TAP_EQUAL_U64(items_leased(), 2);
    batch(&world.a, lines("%s%s", outcome(a, "adopt", "ok", "", job, "restored/a"),
                          work_end(b, work, "ok", "")));
    expect_job(job, "done", 1, 0, 0);
}

static void
test_what_cannot_be_begun_fails_with_the_hosts_sentence(void)
{
    char a[512];
    al_id job, work;

    volume_is_ntfs();
    job_by_path(file_adopt, "file_adopt", "\"/\"", job);
    take(work);
    batch(&world.a, work_end(a, work, "busy", "the driver is not connected"));
    expect_job(job, "failed", 0, 0, 0);
    TAP_EQUAL_STR(text_of(world.json, "text"), "the driver is not connected");
}

int
main(void)
{
    RUN(test_who_may_asks_and_the_host_is_given_the_paths);
    RUN(test_too_many_paths_are_refused);
    RUN(test_each_file_counts_by_its_last_word);
    RUN(test_a_cut_work_is_given_back_whole_and_counts_nothing_twice);
    RUN(test_what_cannot_be_begun_fails_with_the_hosts_sentence);
    json_decref(leased);
    return tap_end();
}
