/* Rules at work: previews, runs, refusals, limits; files by path; browsing. */
#include "tap.h"

#include "work_help.h"

static void
rule_add(al_id id, const char *name, const char *action, const char *where, uint64_t position,
         uint64_t limit_files)
{
    struct scope all = scope_system();
    struct store_rule r = {
        .name = name,
        .where = where,
        .action = action,
        .position = position,
        .enabled = true,
        .limit_files = limit_files,
        .created_by = "boss",
        .created_ns = world.now_ns,
        .updated_ns = world.now_ns,
    };

    world_id(r.id);
    memcpy(r.customer_id, world.a.customer, sizeof(al_id));
    memcpy(r.volume_id, world.a.volume, sizeof(al_id));
    TAP_OK(store_begin(world.w->db, NULL));
    TAP_OK(store_rule_add(world.w->db, &all, &r, NULL));
    TAP_OK(store_commit(world.w->db, NULL));
    memcpy(id, r.id, sizeof(al_id));
}

static const struct seen_file files[] = {
    {"old.mov", 10 << 20, SECOND, 0},    {"older.mov", 20 << 20, SECOND, 0},
    {"linked.mov", 30 << 20, SECOND, 2}, {"empty.mov", 0, SECOND, 0},
    {"keep.mov", 40 << 20, SECOND, 0},   {"pin.mov", 50 << 20, SECOND, 0},
    {"small.txt", 100, SECOND, 0},       {"a\xff\n.mov", 60 << 20, SECOND, 0},
};

static void
scanned(void)
{
    send_scan(&world.a, files, AL_LEN(files));
}

static uint64_t
refused(const char *list, const char *reason)
{
    const json_t *all = json_object_get(world.json, list);

    for (size_t i = 0; i < json_array_size(all); i++) {
        if (strcmp(text_of(json_array_get(all, i), "reason"), reason) == 0) {
            return number_of(json_array_get(all, i), "files");
        }
    }
    return 0;
}

static void
three_rules(al_id rule)
{
    al_id id;

    rule_add(id, "keep", "exclude", "name = \"keep.mov\"", 9, 0);
    rule_add(id, "pin", "pin", "name = \"pin.mov\"", 1, 0);
    rule_add(rule, "tier", "tier", "ext = mov", 2, 0);
}

static void
test_a_preview_tells_what_would_happen_and_does_nothing(void)
{
    al_id rule;

    three_rules(rule);
    scanned();
    TAP_OK(ASK(rule_preview, .who = &world.a.admin, .id = rule, .body = "{}"));
    TAP_EQUAL_U64(number_of(world.json, "files"), 3);
    TAP_EQUAL_U64(number_of(world.json, "bytes"), UINT64_C(90) << 20);
    TAP_EQUAL_U64(number_of(world.json, "freed_bytes"), UINT64_C(90) << 20);
    TAP_EQUAL_U64(refused("refusals", "excluded"), 1);
    TAP_EQUAL_U64(refused("refusals", "pinned"), 1);
    TAP_EQUAL_U64(refused("refusals", "hard_linked"), 1);
    TAP_EQUAL_U64(refused("refusals", "saves_no_blocks"), 1);
    TAP_CHECK(json_is_number(json_object_get(world.json, "took_ms")));
    TAP_CHECK(json_is_string(json_object_get(world.json, "as_of_at")));
    TAP_EQUAL_U64(json_array_size(json_object_get(world.json, "sample")), 3);
    TAP_EQUAL_STR(text_of(json_array_get(json_object_get(world.json, "sample"), 0), "path_b64"),
                  "L2H/Ci5tb3Y=");
    TAP_OK(ASK(job_list, .who = &world.a.admin, .query = "kind=tier"));
    TAP_EQUAL_U64(json_array_size(json_object_get(world.json, "items")), 0);
    TAP_CODE(ASK(rule_preview, .who = &world.b.admin, .id = rule, .body = "{}"), AL_ENOENT);
}

static void
test_a_text_is_previewed_behind_the_rules_there_are(void)
{
    al_id rule;
    char body[256];

    three_rules(rule);
    scanned();
    (void)snprintf(body, sizeof(body), "{\"volume_id\":\"%s\",\"where\":\"size > 1MB\"}",
                   world.a.volume);
    TAP_OK(ASK(rule_preview_text, .who = &world.a.admin, .body = body));
    TAP_EQUAL_U64(number_of(world.json, "files"), 0);
    TAP_EQUAL_U64(refused("refusals", "earlier_rule"), 4);
    /* in the place of the rule being edited */
    (void)snprintf(body, sizeof(body),
                   "{\"volume_id\":\"%s\",\"where\":\"size > 15MB\",\"rule_id\":\"%s\"}",
                   world.a.volume, rule);
    TAP_OK(ASK(rule_preview_text, .who = &world.a.admin, .body = body));
    TAP_EQUAL_U64(number_of(world.json, "files"), 2);
    /* An exclusion decides before all that are none, wherever it was written. */
    for (int i = 0; i < 2; i++) {
        (void)snprintf(body, sizeof(body),
                       "{\"volume_id\":\"%s\",\"where\":\"ext = mov and size > 45MB\",\"action\":\"%s\"}",
                       world.a.volume, i == 0 ? "tier" : "exclude");
        TAP_OK(ASK(rule_preview_text, .who = &world.a.admin, .body = body));
        TAP_EQUAL_U64(number_of(world.json, "files"), i == 0 ? 0 : 2);
    }
    (void)snprintf(body, sizeof(body), "{\"volume_id\":\"%s\",\"where\":\"sise > 1\"}",
                   world.a.volume);
    TAP_CODE(ASK(rule_preview_text, .who = &world.a.admin, .body = body), AL_EINVAL);
    TAP_CHECK(strstr(world.fail.text, "byte 0") != NULL);
    (void)snprintf(body, sizeof(body), "{\"volume_id\":\"%s\",\"where\":\"true\"}", world.a.volume);
    TAP_CODE(ASK(rule_preview_text, .who = &world.b.admin, .body = body), AL_ENOENT);
}

static void
test_a_run_hands_out_what_the_preview_told(void)
{
    al_id rule, job;

    three_rules(rule);
    scanned();
    TAP_OK(ASK(rule_run, .who = &world.a.admin, .id = rule));
    TAP_EQUAL_U64(world.reply.status, 202);
    TAP_EQUAL_STR(text_of(world.json, "state"), "queued");
    TAP_EQUAL_U64(number_of(world.json, "total_files"), 7);
    TAP_EQUAL_U64(number_of(world.json, "total_bytes"), UINT64_C(90) << 20);
    TAP_EQUAL_U64(number_of(world.json, "refused_files"), 4);
    TAP_EQUAL_U64(refused("reasons", "excluded"), 1);
    (void)snprintf(job, sizeof(job), "%s", text_of(world.json, "id"));
    TAP_CODE(ASK(rule_run, .who = &world.a.admin, .id = rule), AL_ECONFLICT);
    TAP_CHECK(strstr(world.fail.text, job) != NULL);
    TAP_EQUAL_U64(lease(&world.a, 4, ""), 1);
    const json_t *w = json_array_get(leased, 0), *items = json_object_get(w, "items");
    TAP_EQUAL_STR(text_of(w, "kind"), "tier");
    TAP_EQUAL_STR(text_of(w, "rule_id"), rule);
    TAP_EQUAL_STR(text_of(w, "rule_where"), "ext = mov");
    TAP_EQUAL_U64(number_of(w, "now_ns"), (uint64_t)world.now_ns);
    TAP_EQUAL_U64(json_array_size(items), 3);
    bool odd = false;
    for (size_t i = 0; i < 3; i++) {
        const json_t *item = json_array_get(items, i);
        odd = odd || strcmp(text_of(item, "path_b64"), "Yf8KLm1vdg==") == 0;
        TAP_CHECK(number_of(item, "size") > 0 && number_of(item, "ino") >= 100);
        TAP_EQUAL_U64(number_of(item, "mtime_ns"), SECOND);
    }
    TAP_CHECK(odd);
}

static void
test_limits_bound_a_run(void)
{
    al_id rule;

    rule_add(rule, "tier", "tier", "size > 0", 1, 2);
    scanned();
    TAP_OK(ASK(rule_run, .who = &world.a.admin, .id = rule));
    TAP_EQUAL_U64(number_of(world.json, "total_files") - number_of(world.json, "refused_files"), 2);
}

static void
test_a_run_of_nothing_is_done_at_once(void)
{
    al_id rule;

    rule_add(rule, "tier", "tier", "ext = nothing", 1, 0);
    TAP_OK(ASK(rule_run, .who = &world.a.admin, .id = rule)); /* never scanned */
    TAP_EQUAL_STR(text_of(world.json, "state"), "done");
    scanned();
    TAP_OK(ASK(rule_run, .who = &world.a.admin, .id = rule));
    TAP_EQUAL_STR(text_of(world.json, "state"), "done");
}

static void
test_what_is_no_work_is_not_run(void)
{
    al_id rule;

    rule_add(rule, "keep", "exclude", "true", 1, 0);
    TAP_CODE(ASK(rule_run, .who = &world.a.admin, .id = rule), AL_ECONFLICT);
    TAP_CODE(ASK(rule_run, .who = &world.b.admin, .id = rule), AL_ENOENT);
}

static void
test_works_hold_at_most_500_files(void)
{
    static struct seen_file many[1201];
    static char names[1201][16];
    al_id rule;
    size_t sizes[3] = {0};

    for (size_t i = 0; i < AL_LEN(many); i++) {
        (void)snprintf(names[i], sizeof(names[i]), "n%zu", i);
        many[i] = (struct seen_file){names[i], 10000, SECOND, 0};
    }
    send_scan(&world.a, many, AL_LEN(many));
    rule_add(rule, "tier", "tier", "true", 1, 0);
    TAP_OK(ASK(rule_run, .who = &world.a.admin, .id = rule));
    TAP_EQUAL_U64(number_of(world.json, "total_files"), 1201);
    TAP_EQUAL_U64(lease(&world.a, 2, ""), 2);
    sizes[0] = json_array_size(json_object_get(json_array_get(leased, 0), "items"));
    sizes[1] = json_array_size(json_object_get(json_array_get(leased, 1), "items"));
    TAP_EQUAL_U64(lease(&world.a, 9, ""), 1);
    sizes[2] = json_array_size(json_object_get(json_array_get(leased, 0), "items"));
    TAP_CHECK(sizes[0] == 500 && sizes[1] == 500 && sizes[2] == 201);
}

static void
test_a_key_makes_a_run_happen_once(void)
{
    al_id rule, job;

    rule_add(rule, "tier", "tier", "size > 0", 1, 0);
    scanned();
    TAP_OK(ASK(rule_run, .who = &world.a.admin, .id = rule, .key = "k1"));
    (void)snprintf(job, sizeof(job), "%s", text_of(world.json, "id"));
    TAP_OK(ASK(rule_run, .who = &world.a.admin, .id = rule, .key = "k1"));
    TAP_EQUAL_STR(text_of(world.json, "id"), job);
    TAP_EQUAL_U64(world.reply.status, 202);
}

static void
test_a_rule_that_recalls_takes_its_stubs(void)
{
    al_id rule, job;
    char line[512];

    scanned();
    TAP_OK(ASK(file_tier, .who = &world.a.admin, .id = world.a.volume,
               .body = "{\"paths\":[\"/old.mov\"]}"));
    (void)snprintf(job, sizeof(job), "%s", text_of(world.json, "id"));
    TAP_EQUAL_U64(lease(&world.a, 1, ""), 1);
    TAP_EQUAL_STR(text_of(json_array_get(leased, 0), "rule_where"), "");
    (void)snprintf(line, sizeof(line),
                   "{\"t\":\"outcome\",\"act\":\"tier\",\"code\":\"ok\",\"volume_id\":\"%s\",\"job_"
                   "id\":\"%s\",\"path\":\"old.mov\","
                   "\"size\":10485760,\"freed\":10485760,\"mtime_ns\":%lld}\n{\"t\":\"work_end\","
                   "\"work_id\":\"%s\",\"code\":\"ok\"}\n",
                   world.a.volume, job, (long long)SECOND,
                   text_of(json_array_get(leased, 0), "work_id"));
    batch(&world.a, line);
    rule_add(rule, "back", "recall", "ext = mov", 1, 0);
    TAP_OK(ASK(rule_run, .who = &world.a.admin, .id = rule));
    TAP_EQUAL_STR(text_of(world.json, "kind"), "recall");
    TAP_EQUAL_U64(number_of(world.json, "total_files"), 1);
    TAP_EQUAL_U64(lease(&world.a, 4, ""), 1);
    const json_t *item = json_array_get(json_object_get(json_array_get(leased, 0), "items"), 0);
    TAP_EQUAL_STR(text_of(item, "path"), "old.mov");
}

static void
volume_says(const char *state, const char *why)
{
    batch(&world.a, lines("{\"t\":\"outcome\",\"act\":\"volume_state\",\"code\":\"ok\",\"reason\":\"%s\","
                          "\"text\":\"%s\",\"volume_id\":\"%s\",\"path\":\"\"}\n",
                          state, why, world.a.volume));
}

static const char *
way(const char *of)
{
    TAP_OK(ASK(volume_get, .who = &world.a.admin, .id = world.a.volume));
    const json_t *w = json_object_get(world.json, "way");
    return of == NULL ? json_string_value(json_array_get(json_object_get(w, "reasons"), 0)) : text_of(w, of);
}

static int
rule_by_hand(const char *name, const char *action)
{
    char body[512];

    (void)snprintf(body, sizeof(body), "{\"volume_id\":\"%s\",\"name\":\"%s\",\"where\":\"ext = mov\",\"action\":\"%s\"}",
                   world.a.volume, name, action);
    return ASK(rule_create, .who = &world.a.admin, .body = body);
}

static void
test_the_way_is_told_and_a_rule_of_another_refused(void)
{
    TAP_EQUAL_STR(way("kind"), "stub"); /* not told yet */
    TAP_CHECK(way(NULL) != NULL);
    volume_says("ok", "");
    TAP_EQUAL_STR(way("kind"), "stub");
    TAP_CHECK(way(NULL) == NULL);
    TAP_OK(rule_by_hand("stubs", "tier"));
    volume_says("tracked_only", "no trusted attributes here");
    TAP_EQUAL_STR(way("kind"), "archive");
    TAP_EQUAL_STR(way(NULL), "no trusted attributes here");
    TAP_CODE(rule_by_hand("more stubs", "tier"), AL_ECONFLICT);
    TAP_CHECK(strstr(world.fail.text, "no trusted attributes here") != NULL);
    TAP_CHECK(strstr(world.fail.text, "archive") != NULL);
    TAP_CODE(ASK(file_tier, .who = &world.a.admin, .id = world.a.volume, .body = "{\"paths\":[\"/old.mov\"]}"), AL_ECONFLICT);
    TAP_CHECK(strstr(world.fail.text, "archive") != NULL);
    TAP_OK(rule_by_hand("placeholders", "archive"));
    TAP_CODE(rule_by_hand("nonsense", "bury"), AL_EINVAL);
}

static void
test_a_rule_that_archives_and_one_that_brings_back(void)
{
    al_id rule, job, work, back;
    char line[2048];

    scanned();
    rule_add(rule, "away", "archive", "ext = mov and size > 0", 1, 0);
    TAP_OK(ASK(rule_preview, .who = &world.a.admin, .id = rule, .body = "{}"));
    TAP_EQUAL_U64(number_of(world.json, "files"), 5);
    TAP_EQUAL_U64(refused("refusals", "hard_linked"), 1);
    TAP_OK(ASK(rule_run, .who = &world.a.admin, .id = rule));
    TAP_EQUAL_STR(text_of(world.json, "kind"), "archive");
    (void)snprintf(job, sizeof(job), "%s", text_of(world.json, "id"));
    take(work);
    TAP_EQUAL_STR(text_of(json_array_get(leased, 0), "kind"), "archive");
    TAP_EQUAL_STR(text_of(json_array_get(leased, 0), "rule_where"), "ext = mov and size > 0");
    TAP_EQUAL_U64(items_leased(), 5);
    (void)snprintf(line, sizeof(line),
                   "{\"t\":\"outcome\",\"act\":\"archive\",\"code\":\"ok\",\"volume_id\":\"%s\",\"job_id\":\"%s\",\"path\":\"old.mov\","
                   "\"object_id\":\"" OBJECT "\",\"size\":10485760,\"freed\":10485760,\"mtime_ns\":%lld}\n"
                   "{\"t\":\"outcome\",\"act\":\"refuse\",\"code\":\"ok\",\"reason\":\"exists_placeholder\",\"volume_id\":\"%s\","
                   "\"job_id\":\"%s\",\"path\":\"older.mov\"}\n{\"t\":\"work_end\",\"work_id\":\"%s\",\"code\":\"ok\"}\n",
                   world.a.volume, job, (long long)SECOND, world.a.volume, job, work);
    batch(&world.a, line);
    TAP_EQUAL_U64(events_of("file.archive"), 1);
    /* The same again, as a crash leaves it, counts once. */
    (void)snprintf(line, sizeof(line),
                   "{\"t\":\"outcome\",\"act\":\"archive\",\"code\":\"ok\",\"reason\":\"finished_by_reconcile\",\"volume_id\":\"%s\","
                   "\"job_id\":\"%s\",\"path\":\"old.mov\",\"object_id\":\"" OBJECT "\",\"size\":10485760,\"freed\":10485760,\"mtime_ns\":%lld}\n",
                   world.a.volume, job, (long long)SECOND);
    batch(&world.a, line);
    TAP_EQUAL_U64(events_of("file.archive"), 1);
    TAP_OK(ASK(file_list, .who = &world.a.admin, .id = world.a.volume, .query = "recursive=true&state=archived"));
    TAP_EQUAL_U64(json_array_size(json_object_get(world.json, "items")), 1);
    rule_add(back, "back", "recall", "state = archived", 2, 0);
    TAP_OK(ASK(rule_run, .who = &world.a.admin, .id = back));
    TAP_EQUAL_U64(number_of(world.json, "total_files"), 1);
    take(work);
    const json_t *item = json_array_get(json_object_get(json_array_get(leased, 0), "items"), 0);
    TAP_EQUAL_STR(text_of(item, "path"), "old.mov");
    TAP_EQUAL_STR(text_of(item, "object_id"), OBJECT);
}

/* A placeholder that was renamed: the file is where it says, has been used, and is archived nowhere else. */
static void
test_what_came_back_under_another_name_counts_as_used(void)
{
    static const struct seen_file with[] = {{"f.mov.alto", 1700, SECOND, 0},
                                            {"note.alto", 1700, SECOND, 0},
                                            {"big.alto", 70000, SECOND, 0},
                                            {"x.alto.mov", 1700, SECOND, 0},
                                            {".alto", 1700, SECOND, 0}};
    char line[1024];
    al_id job, work;

    send_scan(&world.a, with, AL_LEN(with));
    (void)snprintf(line, sizeof(line),
                   "{\"t\":\"outcome\",\"act\":\"archive\",\"code\":\"ok\",\"volume_id\":\"%s\",\"path\":\"old.mov\","
                   "\"object_id\":\"" OBJECT "\",\"size\":10485760,\"freed\":10485760,\"mtime_ns\":%lld}\n",
                   world.a.volume, (long long)SECOND);
    batch(&world.a, line);
    TAP_OK(ASK(file_recall, .who = &world.a.admin, .id = world.a.volume, .body = "{\"paths\":[\"/\"]}"));
    TAP_EQUAL_U64(number_of(world.json, "total_files"), 3); /* old.mov, and what may be placeholders */
    (void)snprintf(job, sizeof(job), "%s", text_of(world.json, "id"));
    take(work);
    (void)snprintf(line, sizeof(line),
                   "{\"t\":\"outcome\",\"act\":\"recall\",\"code\":\"ok\",\"volume_id\":\"%s\",\"job_id\":\"%s\","
                   "\"path\":\"f.mov.alto\",\"now_name\":\"f.mov\",\"object_id\":\"" OBJECT
                   "\",\"size\":10485760,\"freed\":10485760,\"mtime_ns\":%lld,\"ended_ns\":%lld}\n",
                   world.a.volume, job, (long long)SECOND, (long long)(world.now_ns - SECOND));
    batch(&world.a, line);
    TAP_OK(ASK(file_stat, .who = &world.a.admin, .id = world.a.volume, .query = "path=/f.mov"));
    TAP_EQUAL_STR(text_of(world.json, "state"), "resident");
    TAP_EQUAL_STR(text_of(world.json, "accessed_source"), "recall");
    TAP_EQUAL_U64(number_of(world.json, "size"), 10485760);
    TAP_CODE(ASK(file_stat, .who = &world.a.admin, .id = world.a.volume, .query = "path=/old.mov"), AL_ENOENT);
    /* Of the job's three files one is told of: by the path that was asked for. */
    TAP_OK(ASK(job_get, .who = &world.a.admin, .id = job));
    TAP_EQUAL_U64(number_of(world.json, "done_files"), 1);
}

static void
test_a_folder_stands_for_its_files_each_once(void)
{
    scanned();
    TAP_OK(ASK(
        file_tier, .who = &world.a.admin, .id = world.a.volume,
        .body = "{\"paths\":[\"/\",\"/old.mov\",\"old.mov\"],\"paths_b64\":[\"L2H/Ci5tb3Y=\"]}"));
    TAP_EQUAL_U64(number_of(world.json, "total_files"), AL_LEN(files));
    TAP_CODE(ASK(file_tier, .who = &world.a.admin, .id = world.a.volume,
                 .body = "{\"paths\":[\"/nowhere\"]}"),
             AL_EINVAL);
    TAP_CODE(ASK(file_tier, .who = &world.a.admin, .id = world.a.volume, .body = "{\"paths\":[]}"),
             AL_EINVAL);
    TAP_CODE(ASK(file_tier, .who = &world.a.admin, .id = world.a.volume,
                 .body = "{\"paths_b64\":[\"*\"]}"),
             AL_EINVAL);
}

/* A host could do nothing with them but fail, and its word on a path of this kind is not taken. */
static void
test_what_no_path_is_makes_no_job(void)
{
    static const char *const bad[] = {"../x", "/..", "/a/../b",     "/a/./b",      ".",
                                      "//",   "",    "//sw2//0.bin", "/sw2//0.bin", "/a//"};
    static const char tail[] = "\"]}";
    char body[20100];

    scanned();
    for (size_t i = 0; i < AL_LEN(bad); i++) {
        (void)snprintf(body, sizeof(body), "{\"paths\":[\"/old.mov\",\"%s\"]}", bad[i]);
        TAP_CODE(ASK(file_recall, .who = &world.a.admin, .id = world.a.volume, .body = body),
                 AL_EINVAL);
        TAP_CODE(ASK(file_tier, .who = &world.a.admin, .id = world.a.volume, .body = body),
                 AL_EINVAL);
    }
    TAP_CODE(ASK(file_recall, .who = &world.a.admin, .id = world.a.volume,
                 .body = "{\"paths_b64\":[\"L2EAYg==\"]}"),
             AL_EINVAL); /* a NUL */
    for (size_t len = 16384; len <= 16385; len++) { /* bytes, without the first '/' */
        memset(body, 'x', sizeof(body));
        memcpy(body, "{\"paths\":[\"/", 12);
        memcpy(body + 12 + len, tail, sizeof(tail));
        TAP_CODE(ASK(file_recall, .who = &world.a.admin, .id = world.a.volume, .body = body),
                 len == 16384 ? AL_OK : AL_EINVAL);
    }
    TAP_OK(ASK(file_recall, .who = &world.a.admin, .id = world.a.volume,
               .body = "{\"paths\":[\"/..x\",\"/a/...\",\"old.mov/\",\"/old.mov\"]}"));
    TAP_EQUAL_U64(number_of(world.json, "total_files"), 3);
}

static void
test_paths_that_nobody_knows_are_refused_and_the_others_done(void)
{
    al_id job, work;
    char a[512], b[512];

    scanned();
    TAP_OK(ASK(file_tier, .who = &world.a.admin, .id = world.a.volume,
               .body = "{\"paths\":[\"/nowhere\",\"/old.mov\",\"nowhere\"],"
                       "\"paths_b64\":[\"L25vL//+\"]}"));
    TAP_EQUAL_U64(world.reply.status, 202);
    (void)snprintf(job, sizeof(job), "%s", text_of(world.json, "id"));
    TAP_EQUAL_U64(number_of(world.json, "total_files"), 3);
    expect_job(job, "queued", 0, 2, 0);
    const json_t *reason = json_array_get(json_object_get(world.json, "reasons"), 0);
    TAP_EQUAL_STR(text_of(reason, "reason"), "unknown_to_inventory");
    TAP_EQUAL_STR(text_of(reason, "code"), "not_found");
    TAP_EQUAL_STR(text_of(reason, "sample_path"), "/nowhere");
    TAP_EQUAL_U64(number_of(reason, "files"), 2);
    TAP_EQUAL_U64(events_of("file.refuse"), 2);
    TAP_OK(ASK(job_outcomes, .who = &world.a.admin, .id = job,
               .query = "reason=unknown_to_inventory"));
    const json_t *items = json_object_get(world.json, "items");
    TAP_EQUAL_U64(json_array_size(items), 2);
    TAP_EQUAL_STR(text_of(json_array_get(items, 0), "act"), "refuse");
    take(work);
    TAP_EQUAL_U64(items_leased(), 1);
    batch(&world.a,
          lines("%s%s", outcome(a, "tier", "ok", "", job, "old.mov"), work_end(b, work, "ok", "")));
    expect_job(job, "done", 1, 2, 0);
    chain_holds();
    /* none of them: there is nothing to make a job of */
    TAP_CODE(ASK(file_tier, .who = &world.a.admin, .id = world.a.volume,
                 .body = "{\"paths\":[\"/nowhere\",\"/no/one\"]}"),
             AL_EINVAL);
    TAP_CHECK(strstr(world.fail.text, "none of the 2 paths") != NULL);
    TAP_CHECK(strstr(world.fail.text, "scan the volume") != NULL);
    TAP_EQUAL_U64(events_of("file.refuse"), 2);
    /* a recall asks the host, which knows what is younger than the last scan */
    TAP_OK(ASK(file_recall, .who = &world.a.admin, .id = world.a.volume,
               .body = "{\"paths\":[\"/nowhere\",\"/old.mov\"]}"));
    TAP_EQUAL_U64(number_of(world.json, "total_files"), 2);
    TAP_EQUAL_U64(number_of(world.json, "refused_files"), 0);
}

static void
test_browsing_pages_and_finds(void)
{
    size_t seen = 0;
    char query[1024] = "limit=3";

    TAP_OK(ASK(file_list, .who = &world.a.admin, .id = world.a.volume));
    TAP_EQUAL_U64(json_array_size(json_object_get(world.json, "items")), 0);
    scanned();
    for (;;) {
        TAP_OK(ASK(file_list, .who = &world.a.admin, .id = world.a.volume, .query = query));
        seen += json_array_size(json_object_get(world.json, "items"));
        TAP_CHECK(seen <= AL_LEN(files));
        if (json_is_null(json_object_get(world.json, "next_cursor"))) {
            break;
        }
        (void)snprintf(query, sizeof(query), "limit=3&cursor=%s",
                       text_of(world.json, "next_cursor"));
    }
    TAP_EQUAL_U64(seen, AL_LEN(files));
    TAP_OK(ASK(file_list, .who = &world.a.admin, .id = world.a.volume,
               .query = "q=OLD&recursive=true"));
    TAP_EQUAL_U64(json_array_size(json_object_get(world.json, "items")), 2);
    TAP_OK(ASK(file_stat, .who = &world.a.admin, .id = world.a.volume,
               .query = "path_b64=L2H/Ci5tb3Y="));
    TAP_EQUAL_U64(number_of(world.json, "size"), UINT64_C(60) << 20);
    TAP_EQUAL_STR(text_of(world.json, "type"), "file");
    TAP_CODE(ASK(file_stat, .who = &world.a.admin, .id = world.a.volume, .query = "path=/nowhere"),
             AL_ENOENT);
    TAP_CODE(ASK(file_list, .who = &world.a.admin, .id = world.a.volume, .query = "path=/nowhere"),
             AL_ENOENT);
    TAP_CODE(ASK(file_list, .who = &world.a.admin, .id = world.a.volume, .query = "sort=colour"),
             AL_EINVAL);
    TAP_CODE(ASK(file_list, .who = &world.a.admin, .id = world.a.volume, .query = "state=frozen"),
             AL_EINVAL);
    TAP_OK(ASK(file_list, .who = &world.a.admin, .id = world.a.volume,
               .query = "state=stub&recursive=true"));
    TAP_EQUAL_U64(json_array_size(json_object_get(world.json, "items")), 0);
}

static void
test_series_follow_the_figures(void)
{
    scanned();
    tick_after(2 * SECOND);
    TAP_OK(ASK(series_get, .who = &world.a.admin, .query = "metric=files"));
    const json_t *points = json_object_get(world.json, "points");
    TAP_EQUAL_U64(number_of(json_array_get(points, json_array_size(points) - 1), "value"),
                  AL_LEN(files));
    TAP_CODE(ASK(series_get, .who = &world.a.admin, .query = "metric=secrets"), AL_EINVAL);
    TAP_OK(ASK(series_get, .who = &world.b.admin, .query = "metric=files"));
    points = json_object_get(world.json, "points");
    TAP_EQUAL_U64(number_of(json_array_get(points, json_array_size(points) - 1), "value"), 0);
}

int
main(void)
{
    RUN(test_a_preview_tells_what_would_happen_and_does_nothing);
    RUN(test_a_text_is_previewed_behind_the_rules_there_are);
    RUN(test_a_run_hands_out_what_the_preview_told);
    RUN(test_limits_bound_a_run);
    RUN(test_a_run_of_nothing_is_done_at_once);
    RUN(test_what_is_no_work_is_not_run);
    RUN(test_works_hold_at_most_500_files);
    RUN(test_a_key_makes_a_run_happen_once);
    RUN(test_a_rule_that_recalls_takes_its_stubs);
    RUN(test_the_way_is_told_and_a_rule_of_another_refused);
    RUN(test_a_rule_that_archives_and_one_that_brings_back);
    RUN(test_what_came_back_under_another_name_counts_as_used);
    RUN(test_a_folder_stands_for_its_files_each_once);
    RUN(test_what_no_path_is_makes_no_job);
    RUN(test_paths_that_nobody_knows_are_refused_and_the_others_done);
    RUN(test_browsing_pages_and_finds);
    RUN(test_series_follow_the_figures);
    json_decref(leased);
    return tap_end();
}
