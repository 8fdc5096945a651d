/* Imports: uploads piece by piece, looks, runs, what is refused, the watched folder; and hosts
 * without an agent. */
#include "world.h"

#include <fcntl.h>
#include <sys/time.h>

#include "server/service/import/import.h"

#define WAIT_S 60
#define DAY (INT64_C(86400) * SECOND)

#define ROW(path, size) path "," size ",2020-01-01T00:00:00Z\n"
#define HEAD "path,size,accessed\n"
static const char list_csv[] =
    HEAD ROW("/a/one.mov", "1000000") ROW("/a/two.mov", "2000000") ROW("/b/three.txt", "300");
static const char bad_rows_csv[] =
    HEAD ROW("/a/one.mov", "1000000") ROW("/a/two.mov", "many") ROW("/a/three.mov", "5");
static const char no_sense_csv[] =
    HEAD ROW("/a/one.mov", "x") ROW("/a/two.mov", "y") ROW("/a/three.mov", "z");
static const char no_path_csv[] = "number,size\n17,1000000\n18,2000000\n"; /* of what? */

/* ---- short ways ---- */

static void
begin(struct world *w, const struct side *s, const char *name, size_t size, al_id id)
{
    char body[256];

    snprintf(body, sizeof body, "{\"name\":\"%s\",\"size\":%zu}", name, size);
    must(w, &s->admin, "POST", path("volumes", s->volume, "/imports"), body);
    harness_id(&w->h, id);
    TAP_EQUAL_STR(harness_str(&w->h, "state"), "uploading");
}

static int
piece(struct world *w, const struct side *s, const char *id, const char *bytes, size_t len,
      size_t offset)
{
    char query[64];

    snprintf(query, sizeof query, "offset=%zu", offset);
    w->h.query = query;
    w->h.raw = (struct al_span){(const uint8_t *)bytes, len};
    return harness_call(&w->h, &s->admin, "PUT", path("imports", id, "/content"), NULL);
}

static void
upload(struct world *w, const struct side *s, const char *text, al_id id)
{
    begin(w, s, "list.csv", strlen(text), id);
    TAP_OK(piece(w, s, id, text, strlen(text), 0));
    TAP_EQUAL_STR(harness_str(&w->h, "state"), "ready");
}

static const char *
state_of(struct world *w, const char *id)
{
    must(w, &w->op, "GET", path("imports", id, ""), NULL);
    return harness_str(&w->h, "state");
}

/* Until it is over; the clock of the tests is the real one here. */
static void
wait_for(struct world *w, const char *id, const char *state)
{
    for (int i = 0; i < WAIT_S * 20; i++) {
        if (strcmp(state_of(w, id), "running") != 0) {
            break;
        }
        TAP_OK(service_tick(w->h.w, w->h.now_ns));
        usleep(50000);
    }
    TAP_EQUAL_STR(harness_str(&w->h, "state"), state);
}

static uint64_t
volume_files(struct world *w, const struct side *s)
{
    for (int i = 0; i < 100; i++) {
        w->h.now_ns += 2 * SECOND;
        TAP_OK(service_tick(w->h.w, w->h.now_ns));
        must(w, &s->admin, "GET", path("volumes", s->volume, ""), NULL);
        if (harness_u64(&w->h, "files") > 0) {
            break;
        }
        usleep(20000);
    }
    return harness_u64(&w->h, "files");
}

/* How many events of that act there are about the subject. */
static size_t
events(struct world *w, const char *id, const char *act)
{
    char query[128];

    snprintf(query, sizeof query, "subject_id=%s&act=%s", id, act);
    w->h.query = query;
    must(w, &w->op, "GET", V1 "/audit", NULL);
    return harness_items(&w->h);
}

static const char *
reply_text(struct world *w, char *to, size_t room)
{
    size_t len = 0;

    TAP_CHECK(w->h.reply.file != NULL && w->h.reply.file_bytes < room);
    TAP_OK(port_pread(port_native(), w->h.reply.file, to, room - 1, 0, &len));
    TAP_EQUAL_U64(len, w->h.reply.file_bytes);
    to[len] = '\0';
    return to;
}

static bool
is_there(struct world *w, const char *kind, const char *id)
{
    char where[256];
    struct stat st;

    snprintf(where, sizeof where, "%s/%s/%s", w->h.dir, kind, id);
    return stat(where, &st) == 0;
}

/* ---- uploads ---- */

static void
test_a_file_comes_in_pieces_is_looked_at_and_run(void)
{
    size_t half = strlen(list_csv) / 2;
    const json_t *look, *result;
    struct world w;
    char text[256];
    al_id id;

    world_open(&w);
    begin(&w, &w.a, "list.csv", strlen(list_csv), id);
    TAP_EQUAL_U64(w.h.reply.status, 201);
    TAP_OK(piece(&w, &w.a, id, list_csv, half, 0));
    TAP_EQUAL_U64(harness_u64(&w.h, "received"), half);
    TAP_EQUAL_STR(harness_str(&w.h, "state"), "uploading");
    TAP_CHECK(json_is_null(json_object_get(w.h.json, "look")));
    TAP_OK(piece(&w, &w.a, id, list_csv + half, strlen(list_csv) - half, half));
    TAP_EQUAL_STR(harness_str(&w.h, "state"), "ready");
    look = json_object_get(w.h.json, "look");
    TAP_CHECK(json_is_null(json_object_get(look, "problem")));
    TAP_EQUAL_U64(json_array_size(json_object_get(look, "columns")), 3);
    TAP_EQUAL_U64(json_array_size(json_object_get(look, "rows")), 3);
    must(&w, &w.a.admin, "POST", path("imports", id, "/run"), NULL);
    TAP_EQUAL_U64(w.h.reply.status, 202);
    TAP_EQUAL_STR(harness_str(&w.h, "state"), "running");
    wait_for(&w, id, "done");
    result = json_object_get(w.h.json, "result");
    TAP_EQUAL_U64(json_integer_value(json_object_get(result, "files")), 3);
    TAP_EQUAL_U64(json_integer_value(json_object_get(result, "bytes")), 3000300);
    TAP_EQUAL_STR(harness_str(&w.h, "code"), "ok");
    TAP_EQUAL_U64(volume_files(&w, &w.a), 3);
    TAP_EQUAL_U64(events(&w, id, "import.create") + events(&w, id, "import.run") +
                      events(&w, id, "import.done"),
                  3);
    must(&w, &w.a.admin, "GET", path("imports", id, "/refused"), NULL);
    TAP_CHECK(strncmp(reply_text(&w, text, sizeof text), "line,reason,column,text", 23) == 0);
    TAP_CHECK(strchr(strchr(text, '\n') + 1, '\n') == NULL); /* none was refused */
    w.h.query = "path=/a/one.mov";
    must(&w, &w.a.admin, "GET", path("volumes", w.a.volume, "/file"), NULL);
    TAP_EQUAL_U64(harness_u64(&w.h, "size"), 1000000);
    TAP_EQUAL_STR(harness_str(&w.h, "accessed_source"), "import");
    world_close(&w);
}

static void
test_pieces_that_do_not_fit_change_nothing(void)
{
    size_t len = strlen(list_csv);
    struct world w;
    al_id id;

    world_open(&w);
    begin(&w, &w.a, "list.csv", len, id);
    TAP_OK(piece(&w, &w.a, id, list_csv, 10, 0));
    TAP_OK(piece(&w, &w.a, id, list_csv, 10, 0)); /* once more: told where it stands */
    TAP_EQUAL_U64(w.h.reply.status, 409);
    TAP_EQUAL_U64(harness_u64(&w.h, "received"), 10);
    TAP_OK(piece(&w, &w.a, id, list_csv + 20, 10, 20)); /* a gap */
    TAP_EQUAL_U64(w.h.reply.status, 409);
    TAP_EQUAL_U64(harness_u64(&w.h, "received"), 10);
    TAP_CODE(piece(&w, &w.a, id, list_csv, len, 10), AL_EINVAL); /* more than announced */
    TAP_CODE(piece(&w, &w.a, id, list_csv, 0, 10), AL_EINVAL);
    w.h.raw = al_span_of("x");
    TAP_CODE(harness_call(&w.h, &w.a.admin, "PUT", path("imports", id, "/content"), NULL),
             AL_EINVAL); /* no offset */
    TAP_CODE(harness_call(&w.h, &w.a.admin, "POST", path("imports", id, "/run"), NULL),
             AL_ECONFLICT); /* not whole */
    TAP_OK(piece(&w, &w.a, id, list_csv + 10, len - 10, 10));
    TAP_EQUAL_STR(harness_str(&w.h, "state"), "ready");
    TAP_OK(piece(&w, &w.a, id, "x", 1, len)); /* whole already */
    TAP_EQUAL_U64(w.h.reply.status, 409);
    TAP_EQUAL_STR(state_of(&w, id), "ready");
    world_close(&w);
}

static void
test_one_writes_at_a_time(void)
{
    struct world w;
    al_id id;

    world_open(&w);
    begin(&w, &w.a, "list.csv", strlen(list_csv), id);
    TAP_CHECK(background_write_begin(w.h.s->work->background, id));
    TAP_OK(piece(&w, &w.a, id, list_csv, 10, 0));
    TAP_EQUAL_U64(w.h.reply.status, 409);
    background_write_end(w.h.s->work->background, id);
    TAP_OK(piece(&w, &w.a, id, list_csv, 10, 0));
    TAP_EQUAL_U64(w.h.reply.status, 200);
    world_close(&w);
}

static void
test_an_upload_goes_on_after_a_restart_where_it_was(void)
{
    struct al_fail fail = {0};
    struct world w;
    al_id id;

    world_open(&w);
    begin(&w, &w.a, "list.csv", strlen(list_csv), id);
    TAP_OK(piece(&w, &w.a, id, list_csv, 10, 0));
    harness_stop(&w.h);
    TAP_OK(harness_start(&w.h, &fail));
    must(&w, &w.a.admin, "GET", path("imports", id, ""), NULL);
    TAP_EQUAL_U64(harness_u64(&w.h, "received"), 10);
    TAP_OK(piece(&w, &w.a, id, list_csv + 10, strlen(list_csv) - 10, 10));
    TAP_EQUAL_STR(harness_str(&w.h, "state"), "ready");
    world_close(&w);
}

static void
test_what_runs_at_the_end_is_run_again_at_the_next_start(void)
{
    struct al_fail fail = {0};
    struct world w;
    al_id id;

    world_open(&w);
    upload(&w, &w.a, list_csv, id);
    must(&w, &w.a.admin, "POST", path("imports", id, "/run"), NULL); /* nobody is there to do it */
    harness_stop(&w.h);
    TAP_OK(harness_start(&w.h, &fail));
    TAP_EQUAL_STR(state_of(&w, id), "running");
    wait_for(&w, id, "done");
    TAP_EQUAL_U64(volume_files(&w, &w.a), 3);
    TAP_EQUAL_U64(events(&w, id, "import.done"), 1);
    world_close(&w);
}

/* ---- looks and failures ---- */

static void
test_a_look_with_a_problem_is_not_run_until_somebody_tells_what_the_columns_mean(void)
{
    const json_t *look;
    struct world w;
    al_id id;

    world_open(&w);
    upload(&w, &w.a, no_path_csv, id);
    look = json_object_get(w.h.json, "look");
    TAP_CHECK(json_is_string(json_object_get(look, "problem")));
    TAP_CODE(harness_call(&w.h, &w.a.admin, "POST", path("imports", id, "/run"), "{}"), AL_EINVAL);
    TAP_CHECK(strstr(w.h.fail.text, "path") != NULL);
    TAP_CODE(harness_call(&w.h, &w.a.admin, "POST", path("imports", id, "/look"),
                          "{\"options\":{\"map\":{\"place\":\"number\"}}}"),
             AL_EINVAL);
    TAP_CODE(harness_call(&w.h, &w.a.admin, "POST", path("imports", id, "/look"),
                          "{\"options\":{\"delimiter\":\"ab\"}}"),
             AL_EINVAL);
    TAP_CODE(harness_call(&w.h, &w.a.admin, "POST", path("imports", id, "/look"),
                          "{\"options\":{\"dates\":\"martian\"}}"),
             AL_EINVAL);
    must(&w, &w.a.admin, "POST", path("imports", id, "/look"),
         "{\"options\":{\"map\":{\"path\":\"number\",\"owner\":null},\"mode\":\"add\"}}");
    look = json_object_get(w.h.json, "look");
    TAP_CHECK(json_is_null(json_object_get(look, "problem")));
    TAP_EQUAL_STR(json_string_value(json_object_get(
                      json_object_get(json_object_get(w.h.json, "options"), "map"), "path")),
                  "number");
    TAP_CHECK(json_is_null(
        json_object_get(json_object_get(json_object_get(w.h.json, "options"), "map"), "owner")));
    must(&w, &w.a.admin, "POST", path("imports", id, "/run"), "{}");
    wait_for(&w, id, "done");
    world_close(&w);
}

static void
test_a_failed_import_says_why_changes_nothing_and_can_be_run_again(void)
{
    struct world w;
    al_id good, bad;

    world_open(&w);
    upload(&w, &w.a, list_csv, good);
    must(&w, &w.a.admin, "POST", path("imports", good, "/run"), "{}");
    wait_for(&w, good, "done");
    TAP_EQUAL_U64(volume_files(&w, &w.a), 3);
    upload(&w, &w.a, no_sense_csv, bad);
    must(&w, &w.a.admin, "POST", path("imports", bad, "/run"), "{}");
    wait_for(&w, bad, "failed");
    TAP_EQUAL_STR(harness_str(&w.h, "code"), "limit");
    TAP_CHECK(harness_str(&w.h, "text")[0] != '\0');
    TAP_CHECK(json_is_null(json_object_get(w.h.json, "result")));
    TAP_EQUAL_U64(events(&w, bad, "import.failed"), 1);
    w.h.query = "path=/a/one.mov";
    must(&w, &w.a.admin, "GET", path("volumes", w.a.volume, "/file"), NULL);
    TAP_EQUAL_U64(harness_u64(&w.h, "size"), 1000000);
    must(&w, &w.a.admin, "POST", path("imports", bad, "/run"), "{}"); /* the same again */
    wait_for(&w, bad, "failed");
    TAP_CODE(harness_call(&w.h, &w.a.admin, "POST", path("imports", good, "/run"), "{}"),
             AL_ECONFLICT); /* but what is in stays in */
    world_close(&w);
}

static void
test_refused_rows_are_counted_and_handed_out(void)
{
    struct world w;
    char text[512];
    al_id id;

    world_open(&w);
    upload(&w, &w.a, bad_rows_csv, id);
    TAP_CODE(harness_call(&w.h, &w.a.admin, "GET", path("imports", id, "/refused"), NULL),
             AL_ENOENT); /* it did not run yet */
    must(&w, &w.a.admin, "POST", path("imports", id, "/run"), "{}");
    wait_for(&w, id, "done");
    TAP_EQUAL_U64(harness_u64(&w.h, "refused"), 1);
    must(&w, &w.a.auditor, "GET", path("imports", id, "/refused"), NULL);
    TAP_EQUAL_STR(w.h.reply.content_type, "text/csv");
    TAP_CHECK(strstr(reply_text(&w, text, sizeof text), "\n3,") != NULL); /* the line */
    TAP_CHECK(strstr(text, "many") != NULL);
    world_close(&w);
}

/* ---- cancelling, deleting, what is old ---- */

static void
test_cancelling_ends_what_is_open(void)
{
    struct world w;
    al_id half, ready, waiting;

    world_open(&w);
    begin(&w, &w.a, "half.csv", 100, half);
    TAP_OK(piece(&w, &w.a, half, list_csv, 10, 0));
    TAP_CHECK(is_there(&w, "imports", half));
    must(&w, &w.a.admin, "POST", path("imports", half, "/cancel"), NULL);
    TAP_EQUAL_STR(harness_str(&w.h, "state"), "cancelled");
    TAP_CHECK(!is_there(&w, "imports", half));
    TAP_OK(piece(&w, &w.a, half, list_csv + 10, 10, 10));
    TAP_EQUAL_U64(w.h.reply.status, 409);
    upload(&w, &w.a, list_csv, ready);
    must(&w, &w.a.admin, "POST", path("imports", ready, "/cancel"), "{}");
    TAP_EQUAL_STR(harness_str(&w.h, "state"), "cancelled");
    upload(&w, &w.a, list_csv, waiting);
    must(&w, &w.a.admin, "POST", path("imports", waiting, "/run"), "{}");
    must(&w, &w.a.admin, "POST", path("imports", waiting, "/cancel"), "{}"); /* before its turn */
    TAP_EQUAL_STR(harness_str(&w.h, "state"), "cancelled");
    TAP_CODE(harness_call(&w.h, &w.a.admin, "POST", path("imports", waiting, "/cancel"), NULL),
             AL_ECONFLICT);
    must(&w, &w.a.admin, "POST", path("imports", waiting, "/run"), "{}"); /* its file is kept */
    wait_for(&w, waiting, "done");
    world_close(&w);
}

static void
test_deleting_takes_the_file_along_and_a_running_one_stays(void)
{
    struct world w;
    al_id id;

    world_open(&w);
    upload(&w, &w.a, list_csv, id);
    must(&w, &w.a.admin, "POST", path("imports", id, "/run"), "{}");
    TAP_CODE(harness_call(&w.h, &w.a.admin, "DELETE", path("imports", id, ""), NULL), AL_ECONFLICT);
    w.h.if_match = "*";
    must(&w, &w.op, "DELETE", path("rules", w.a.rule, ""), NULL);
    w.h.if_match = "*";
    TAP_CODE(harness_call(&w.h, &w.a.admin, "DELETE", path("volumes", w.a.volume, ""), NULL),
             AL_ECONFLICT); /* nor does its volume go */
    wait_for(&w, id, "done");
    must(&w, &w.a.admin, "DELETE", path("imports", id, ""), NULL);
    TAP_CHECK(!is_there(&w, "imports", id));
    TAP_CODE(harness_call(&w.h, &w.op, "GET", path("imports", id, ""), NULL), AL_ENOENT);
    TAP_EQUAL_U64(events(&w, id, "import.delete"), 1);
    upload(&w, &w.a, list_csv, id);
    w.h.if_match = "*";
    must(&w, &w.a.admin, "DELETE", path("volumes", w.a.volume, ""), NULL);
    TAP_CHECK(is_there(&w, "imports", id)); /* for some minutes: */
    TAP_OK(import_files_sweep(w.h.s, w.h.w->db, w.h.now_ns));
    TAP_CHECK(!is_there(&w, "imports", id));
    world_close(&w);
}

static void
test_files_go_after_a_week_and_what_nobody_knows_at_the_start(void)
{
    struct al_fail fail = {0};
    char stray[256];
    struct world w;
    al_id old, young, made_up = "01jd8m3v5x9qk2w7r4t6y8b0ce";

    world_open(&w);
    w.h.now_ns -= 8 * DAY;
    upload(&w, &w.a, list_csv, old);
    w.h.now_ns += 8 * DAY;
    upload(&w, &w.a, list_csv, young);
    snprintf(stray, sizeof stray, "%s/imports/%s", w.h.dir, made_up);
    TAP_CHECK(mkdir(stray, 0700) == 0);
    harness_stop(&w.h);
    TAP_OK(harness_start(&w.h, &fail));
    TAP_CHECK(!is_there(&w, "imports", made_up));
    TAP_CHECK(is_there(&w, "imports", old));
    TAP_OK(service_tick(w.h.w, w.h.now_ns));
    for (int i = 0; i < WAIT_S * 20 && is_there(&w, "imports", old); i++) {
        usleep(50000);
    }
    TAP_CHECK(!is_there(&w, "imports", old));
    TAP_EQUAL_STR(state_of(&w, old), "cancelled");
    TAP_CHECK(json_is_false(json_object_get(w.h.json, "kept")));
    TAP_CODE(harness_call(&w.h, &w.op, "POST", path("imports", old, "/run"), NULL), AL_ECONFLICT);
    TAP_CHECK(is_there(&w, "imports", young));
    TAP_EQUAL_STR(state_of(&w, young), "ready");
    world_close(&w);
}

static void
test_limits_are_held_before_a_byte_is_sent(void)
{
    struct world w;
    char body[128];
    al_id id;

    world_open(&w);
    snprintf(body, sizeof body, "{\"name\":\"x\",\"size\":%llu}",
             (unsigned long long)IMPORT_BYTES_MAX + 1);
    TAP_CODE(harness_call(&w.h, &w.a.admin, "POST", path("volumes", w.a.volume, "/imports"), body),
             AL_ELIMIT);
    TAP_CODE(harness_call(&w.h, &w.a.admin, "POST", path("volumes", w.a.volume, "/imports"),
                          "{\"name\":\"x\",\"size\":0}"),
             AL_EINVAL);
    TAP_CODE(harness_call(&w.h, &w.a.admin, "POST", path("volumes", w.a.volume, "/imports"),
                          "{\"name\":\"x\",\"size\":5,\"optoins\":{}}"),
             AL_EINVAL);
    for (unsigned i = 0; i < IMPORT_OPEN_MAX; i++) {
        begin(&w, &w.a, "x", 10, id);
    }
    TAP_CODE(harness_call(&w.h, &w.a.admin, "POST", path("volumes", w.a.volume, "/imports"),
                          "{\"name\":\"x\",\"size\":5}"),
             AL_ELIMIT);
    begin(&w, &w.b, "x", 10, id); /* another customer's are not counted */
    world_close(&w);
}

/* ---- whose ---- */

static void
test_nobody_else_sees_an_import(void)
{
    static const struct {
        const char *method, *more, *body;
    } calls[] = {
        {"GET", "", NULL},         {"POST", "/look", "{}"},   {"POST", "/run", "{}"},
        {"POST", "/cancel", "{}"}, {"GET", "/refused", NULL}, {"DELETE", "", NULL},
    };
    struct world w;
    al_id id;

    world_open(&w);
    upload(&w, &w.a, bad_rows_csv, id);
    for (size_t i = 0; i < AL_LEN(calls); i++) {
        TAP_CODE(harness_call(&w.h, &w.b.admin, calls[i].method, path("imports", id, calls[i].more),
                              calls[i].body),
                 AL_ENOENT);
    }
    TAP_CODE(piece(&w, &w.b, id, "x", 1, 0), AL_ENOENT);
    TAP_CODE(harness_call(&w.h, &w.b.admin, "POST", path("volumes", w.a.volume, "/imports"),
                          "{\"name\":\"x\",\"size\":1}"),
             AL_ENOENT);
    must(&w, &w.b.admin, "GET", V1 "/imports", NULL);
    TAP_EQUAL_U64(harness_items(&w.h), 0);
    must(&w, &w.a.auditor, "GET", V1 "/imports", NULL);
    TAP_EQUAL_U64(harness_items(&w.h), 1);
    TAP_CODE(harness_call(&w.h, &w.a.auditor, "POST", path("imports", id, "/run"), "{}"), AL_EPERM);
    TAP_EQUAL_STR(state_of(&w, id), "ready");
    world_close(&w);
}

/* ---- hosts that are expected ---- */

static void
test_a_host_without_an_agent_takes_imports_and_is_nobody(void)
{
    char body[512], credential[128];
    struct caller who;
    struct world w;
    al_id host, volume, id;

    world_open(&w);
    TAP_CODE(
        harness_call(&w.h, &w.a.admin, "POST", V1 "/hosts", "{\"name\":\"soon\",\"os\":\"vms\"}"),
        AL_EINVAL);
    snprintf(body, sizeof body, "{\"name\":\"soon\",\"os\":\"linux\",\"customer_id\":\"%s\"}",
             w.b.customer);
    TAP_CODE(harness_call(&w.h, &w.a.admin, "POST", V1 "/hosts", body), AL_ENOENT);
    must(&w, &w.a.admin, "POST", V1 "/hosts", "{\"name\":\"soon\",\"os\":\"linux\"}");
    harness_id(&w.h, host);
    TAP_CHECK(json_is_null(json_object_get(w.h.json, "enrolled_at")));
    snprintf(credential, sizeof credential, "%s.%s", host,
             "0000000000000000000000000000000000000000000000000000");
    TAP_CODE(service_authenticate(w.h.w, credential, NULL, w.h.now_ns, &who), AL_EAUTH);
    snprintf(credential, sizeof credential, "%s.", host);
    TAP_CODE(service_authenticate(w.h.w, credential, NULL, w.h.now_ns, &who), AL_EAUTH);
    snprintf(body, sizeof body, "{\"host_id\":\"%s\",\"name\":\"later\",\"path\":\"/srv/later\"}",
             host);
    must(&w, &w.a.admin, "POST", V1 "/volumes", body);
    harness_id(&w.h, volume);
    snprintf(body, sizeof body, "{\"name\":\"l\",\"size\":%zu}", strlen(list_csv));
    must(&w, &w.a.admin, "POST", path("volumes", volume, "/imports"), body);
    harness_id(&w.h, id);
    TAP_OK(piece(&w, &w.a, id, list_csv, strlen(list_csv), 0));
    must(&w, &w.a.admin, "POST", path("imports", id, "/run"), NULL);
    wait_for(&w, id, "done");
    world_close(&w);
}

static void
test_enrolling_takes_an_expected_host_over(void)
{
    char body[512], token[128], credential[256];
    struct caller who;
    struct world w;
    al_id host;

    world_open(&w);
    must(&w, &w.a.admin, "POST", V1 "/hosts", "{\"name\":\"soon\",\"os\":\"linux\"}");
    harness_id(&w.h, host);
    must(&w, &w.a.admin, "POST", path("customers", w.a.customer, "/enrol-tokens"), "{}");
    snprintf(token, sizeof token, "%s", harness_str(&w.h, "token"));
    snprintf(body, sizeof body,
             "{\"token\":\"%s\",\"name\":\"soon\",\"os\":\"Linux 6.1\",\"version\":\"1\","
             "\"boot_id\":\"b\"}",
             token);
    must(&w, NULL, "POST", V1 "/agent/enrol", body);
    TAP_EQUAL_STR(harness_str(&w.h, "host_id"), host);
    snprintf(credential, sizeof credential, "%s.%s", host, harness_str(&w.h, "secret"));
    TAP_OK(service_authenticate(w.h.w, credential, NULL, w.h.now_ns, &who));
    TAP_EQUAL_STR(who.id, host);
    must(&w, &w.a.admin, "GET", path("hosts", host, ""), NULL);
    TAP_EQUAL_STR(harness_str(&w.h, "os"), "Linux 6.1");
    TAP_CHECK(json_is_string(json_object_get(w.h.json, "enrolled_at")));
    /* A second one of that name is no takeover. */
    must(&w, &w.a.admin, "POST", path("customers", w.a.customer, "/enrol-tokens"), "{}");
    snprintf(token, sizeof token, "%s", harness_str(&w.h, "token"));
    snprintf(
        body, sizeof body,
        "{\"token\":\"%s\",\"name\":\"soon\",\"os\":\"x\",\"version\":\"1\",\"boot_id\":\"b\"}",
        token);
    TAP_CODE(harness_call(&w.h, NULL, "POST", V1 "/agent/enrol", body), AL_ECONFLICT);
    TAP_OK(service_authenticate(w.h.w, credential, NULL, w.h.now_ns, &who));
    world_close(&w);
}

/* ---- the watched folder ---- */

static void
put(const char *folder, const char *name, const char *text, bool old)
{
    char where[512];
    FILE *f;

    snprintf(where, sizeof where, "%s/%s", folder, name);
    f = fopen(where, "w");
    TAP_CHECK(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0);
    if (old) { /* as if it had been moved here */
        struct timeval times[2] = {{1500000000, 0}, {1500000000, 0}};

        TAP_CHECK(utimes(where, times) == 0);
    }
}

static bool
comes(const char *folder, const char *name)
{
    char where[512];
    struct stat st;

    snprintf(where, sizeof where, "%s/%s", folder, name);
    for (int i = 0; i < WAIT_S * 20 && lstat(where, &st) != 0; i++) {
        usleep(50000);
    }
    return lstat(where, &st) == 0;
}

static const char *
text_in(const char *folder, const char *name)
{
    static char text[4096];
    char where[512];
    size_t len;
    FILE *f;

    snprintf(where, sizeof where, "%s/%s", folder, name);
    f = fopen(where, "r");
    TAP_CHECK(f != NULL);
    len = fread(text, 1, sizeof text - 1, f);
    text[len] = '\0';
    fclose(f);
    return text;
}

static void
test_a_watched_folder_is_imported_by_itself(void)
{
    char dir[] = "/tmp/alto-watched-XXXXXX", by_id[256], by_name[256], other[256], where[512];
    struct al_fail fail = {0};
    struct world w;

    TAP_CHECK(mkdtemp(dir) != NULL);
    world_open(&w);
    harness_stop(&w.h);
    w.h.import_dir = dir;
    TAP_OK(harness_start(&w.h, &fail));
    snprintf(by_id, sizeof by_id, "%s/%s", dir, w.a.volume);
    snprintf(other, sizeof other, "%s/other", dir);
    snprintf(by_name, sizeof by_name, "%s/other/data", dir);
    TAP_CHECK(mkdir(by_id, 0700) == 0 && mkdir(other, 0700) == 0 && mkdir(by_name, 0700) == 0);
    put(by_id, "list.csv", list_csv, true);
    put(by_id, "half.csv.part", list_csv, true);
    put(by_id, "empty.csv", "", true);
    put(by_name, "bad.csv", no_path_csv, true);
    snprintf(where, sizeof where, "%s/link.csv", by_id);
    TAP_CHECK(symlink("/etc/passwd", where) == 0);
    TAP_OK(service_tick(w.h.w, w.h.now_ns));
    TAP_CHECK(comes(by_id, "done/list.csv.txt"));
    TAP_CHECK(strstr(text_in(by_id, "done/list.csv.txt"), "was imported") != NULL);
    TAP_EQUAL_STR(text_in(by_id, "done/list.csv"), list_csv);
    TAP_CHECK(comes(by_id, "refused/empty.csv.txt"));
    TAP_CHECK(strstr(text_in(by_id, "refused/empty.csv.txt"), "empty") != NULL);
    TAP_CHECK(comes(by_name, "refused/bad.csv.txt"));
    TAP_CHECK(strstr(text_in(by_name, "refused/bad.csv.txt"), "path") != NULL);
    TAP_CHECK(comes(by_id, "link.csv") && comes(by_id, "half.csv.part")); /* left alone */
    TAP_EQUAL_U64(volume_files(&w, &w.a), 3);
    /* The same name again does not overwrite what was done. */
    put(by_id, "list.csv", list_csv, true);

    for (int i = 0; i < WAIT_S * 20; i++) {
        w.h.query = "state=done";
        must(&w, &w.op, "GET", V1 "/imports", NULL);
        if (harness_items(&w.h) == 2) {
            break;
        }
        usleep(50000);
    }
    TAP_EQUAL_U64(harness_items(&w.h), 2);
    TAP_EQUAL_STR(text_in(by_id, "done/list.csv"), list_csv);
    world_close(&w);
    nftw(dir, harness_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void
test_a_file_that_still_grows_is_waited_for(void)
{
    char dir[] = "/tmp/alto-watched-XXXXXX", folder[256], where[512];
    struct al_fail fail = {0};
    struct world w;
    FILE *f;

    TAP_CHECK(mkdtemp(dir) != NULL);
    world_open(&w);
    harness_stop(&w.h);
    w.h.import_dir = dir;
    TAP_OK(harness_start(&w.h, &fail));
    snprintf(folder, sizeof folder, "%s/%s", dir, w.a.volume);
    TAP_CHECK(mkdir(folder, 0700) == 0);
    snprintf(where, sizeof where, "%s/list.csv", folder);
    f = fopen(where, "w");
    TAP_CHECK(f != NULL && fputs("path,size\n", f) >= 0);
    TAP_OK(service_tick(w.h.w, w.h.now_ns));
    for (int i = 0; i < 8; i++) { /* longer than it takes to come to rest */
        TAP_CHECK(fprintf(f, "/a/%d.mov,%d\n", i, 1000 + i) > 0 && fflush(f) == 0);
        usleep(1000000);
        must(&w, &w.op, "GET", V1 "/imports", NULL);
        TAP_EQUAL_U64(harness_items(&w.h), 0);
    }
    TAP_CHECK(fclose(f) == 0);
    TAP_CHECK(comes(folder, "done/list.csv.txt"));
    TAP_EQUAL_U64(volume_files(&w, &w.a), 8); /* all of it */
    world_close(&w);
    nftw(dir, harness_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int
main(void)
{
    TAP_RUN(test_a_file_comes_in_pieces_is_looked_at_and_run);
    TAP_RUN(test_pieces_that_do_not_fit_change_nothing);
    TAP_RUN(test_one_writes_at_a_time);
    TAP_RUN(test_an_upload_goes_on_after_a_restart_where_it_was);
    TAP_RUN(test_what_runs_at_the_end_is_run_again_at_the_next_start);
    TAP_RUN(test_a_look_with_a_problem_is_not_run_until_somebody_tells_what_the_columns_mean);
    TAP_RUN(test_a_failed_import_says_why_changes_nothing_and_can_be_run_again);
    TAP_RUN(test_refused_rows_are_counted_and_handed_out);
    TAP_RUN(test_cancelling_ends_what_is_open);
    TAP_RUN(test_deleting_takes_the_file_along_and_a_running_one_stays);
    TAP_RUN(test_files_go_after_a_week_and_what_nobody_knows_at_the_start);
    TAP_RUN(test_limits_are_held_before_a_byte_is_sent);
    TAP_RUN(test_nobody_else_sees_an_import);
    TAP_RUN(test_a_host_without_an_agent_takes_imports_and_is_nobody);
    TAP_RUN(test_enrolling_takes_an_expected_host_over);
    TAP_RUN(test_a_watched_folder_is_imported_by_itself);
    TAP_RUN(test_a_file_that_still_grows_is_waited_for);
    return tap_end();
}
