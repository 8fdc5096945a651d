/* The filter driver in the agent's life: settings, key, what is missing and its coming, volumes of a new
 * configuration, outcomes. Against the stand-in, in either flavour: driver_test FLAVOUR DLL. */
#define WORLD_SHARE "01arz3ndektsv4rrffq69g5fb1"
#define WORLD_CUSTOMER "01arz3ndektsv4rrffq69g5faw"
#include "../ease/ease_world.h"

#include "agent/run/driver.h"
#include "base/json.h"

#define HOST_ID "01arz3ndektsv4rrffq69g5fav"
#define VOLUME_ID "01arz3ndektsv4rrffq69g5fax"
#define VOLUME_2_ID "01arz3ndektsv4rrffq69g5fay"
#define KEY "STAND-IN-KEY"
#define TOLD_MAX 64

static const char *dll_path;
static bool is_b;

static struct {
    struct ease_world w;
    char state[WORLD_PATH + 40], volume_2[WORLD_PATH + 40];
    struct port_file *folder;
    struct driver *driver;
    struct journal *journal;
    struct outcome_sink sink;
    port_mutex lock;
    unsigned told;
    struct {
        int code;
        char path[200], volume[40], object[40], text[256], act[40];
        uint64_t size;
        uint32_t pid;
    } outcomes[TOLD_MAX];
} s;

/* ---- the scene ---- */

static int
on_put(struct outcome_sink *sink, const struct outcome *o)
{
    port_mutex_lock(&s.lock);
    if (s.told < TOLD_MAX) {
        s.outcomes[s.told].code = o->code;
        s.outcomes[s.told].size = o->size;
        s.outcomes[s.told].pid = o->pid;
        (void)snprintf(s.outcomes[s.told].path, 200, "%.*s", (int)o->path.len,
                       (const char *)o->path.at);
        (void)snprintf(s.outcomes[s.told].volume, 40, "%s", o->volume_id);
        (void)snprintf(s.outcomes[s.told].object, 40, "%s",
                       o->object_id != NULL ? o->object_id : "");
        (void)snprintf(s.outcomes[s.told].text, 256, "%s", o->text != NULL ? o->text : "");
        (void)snprintf(s.outcomes[s.told].act, 40, "%s", o->act);
    }
    s.told++;
    port_mutex_unlock(&s.lock);
    return AL_OK;
}

static void
scene_begin(void)
{
    uint64_t torn = 0;

    memset(&s, 0, sizeof(s));
    port_mutex_init(&s.lock);
    s.sink.put = on_put;
    world_make(&s.w, dll_path, is_b);
    (void)snprintf(s.state, sizeof(s.state), "%s/state", s.w.root);
    (void)snprintf(s.volume_2, sizeof(s.volume_2), "%s/vol2", s.w.root);
    TAP_OK(port_mkdirs(s.w.port, s.state, 0700));
    TAP_OK(port_mkdirs(s.w.port, s.volume_2, 0700));
    TAP_OK(port_open(s.w.port, NULL, s.state, PORT_READ | PORT_FOLDER, 0, &s.folder));
    TAP_OK(journal_open(s.w.port, s.folder, &s.journal, &torn, NULL));
}

static void
scene_end(void)
{
    s.driver = driver_close(s.driver);
    s.journal = journal_close(s.journal);
    port_close_quiet(s.w.port, &s.folder);
    world_end(&s.w);
    port_mutex_end(&s.lock);
}

static void
open_driver(const char *dll)
{
    const struct driver_conf conf = {.port = s.w.port,
                                     .log = &s.w.log,
                                     .state_path = s.state,
                                     .state = s.folder,
                                     .journal = s.journal,
                                     .sink = &s.sink,
                                     .dll = dll};

    TAP_OK(driver_open(&conf, &s.driver, NULL));
}

static void
key_put(const char *key)
{
    TAP_OK(driver_key_save(s.w.port, s.folder, al_span_of(key), NULL));
}

/* second: a second volume, with a key of its own. */
static void
apply(bool second)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    AL_CLEANUP(al_json_freep) json_t *j = NULL;
    struct agent_config *c = NULL;
    struct al_fail fail = {0};

    al_buf_init(&text, 65536);
    TAP_OK(al_buf_addf(&text,
                       "{\"version\":1,\"host_id\":\"" HOST_ID
                       "\",\"customer_id\":\"" WORLD_CUSTOMER "\",\"volumes\":["
                       "{\"id\":\"" VOLUME_ID "\",\"name\":\"a\",\"path\":\"%s\",\"kind\":\"ntfs\","
                       "\"share_id\":\"" WORLD_SHARE "\",\"tracked_only\":false,\"marker_key\":\""
                       "0102030000000000000000000000000000000000000000000000000000000000\"}",
                       s.w.volume));
    if (second) {
        TAP_OK(al_buf_addf(
            &text,
            ",{\"id\":\"" VOLUME_2_ID "\",\"name\":\"b\",\"path\":\"%s\",\"kind\":\"ntfs\","
            "\"share_id\":\"" WORLD_SHARE "\",\"tracked_only\":false,\"marker_key\":\""
            "0909090000000000000000000000000000000000000000000000000000000000\"}",
            s.volume_2));
    }
    TAP_OK(al_buf_addf(&text,
                       "],\"shares\":[{\"id\":\"" WORLD_SHARE
                       "\",\"name\":\"s\",\"url\":\"%s\",\"user\":null,\"password\":null}],"
                       "\"limits\":{\"recall_wait_ms\":1,\"workers\":1}}",
                       s.w.url));
    TAP_OK(al_json_parse(al_buf_span(&text), &j, &fail));
    if (agent_config_parse(j, &c, &fail) != AL_OK) {
        tap_fail(__FILE__, __LINE__, "configuration: %s", fail.text);
    }
    TAP_OK(driver_apply(s.driver, c));
    (void)agent_config_unref(c);
}

static enum driver_why
tend(void)
{
    struct driver_state st;

    driver_again(s.driver);
    (void)driver_tend(s.driver);
    driver_release(s.driver); /* as the keeper does when it has looked at what was cut */
    driver_state_get(s.driver, &st);
    return st.why;
}

static void
expect(enum driver_why why)
{
    struct driver_state st;

    (void)tend();
    driver_state_get(s.driver, &st);
    if (st.why != why) {
        tap_fail(__FILE__, __LINE__, "%s instead of %s: %s", driver_why_name(st.why),
                 driver_why_name(why), st.text);
    }
    TAP_CHECK((st.text[0] == '\0') == (why == DRIVER_OK));
}

static int
reads(const struct world_stub *stub)
{
    uint8_t *bytes = al_zalloc(stub->size + 1);
    size_t len = 0;
    int rc = s.w.stand->read(stub->path, WORLD_READER, 0, bytes, stub->size, &len);

    if (rc == STAND_OK && (len != stub->size || !world_same(stub->seed, 0, bytes, len))) {
        al_free(bytes);
        tap_fail(__FILE__, __LINE__, "%zu bytes are not those of the file", len);
    }
    al_free(bytes);
    return rc;
}

static bool
told_at_least(unsigned count)
{
    for (int i = 0; i < 500; i++) {
        unsigned now;

        port_mutex_lock(&s.lock);
        now = s.told;
        port_mutex_unlock(&s.lock);
        if (now >= count) {
            return true;
        }
        port_sleep_ns(s.w.port, 10000000);
    }
    return false;
}

/* ---- settings and key ---- */

static void
test_settings_are_kept_and_nonsense_is_refused(void)
{
    struct driver_settings in = {.keep = true,
                                 .install = true,
                                 .timeout_s = 30,
                                 .threads = 4,
                                 .room_bytes = 1ull << 30},
                           out = {0};
    struct al_fail fail = {0};

    scene_begin();
    TAP_OK(driver_settings_load(s.w.port, s.folder, &out, NULL));
    TAP_CHECK(!out.keep && !out.install && out.dll == NULL && out.timeout_s == 0);
    TAP_CHECK(out.no_recall == NULL);
    in.dll = s.w.dll;
    in.no_recall = (char *)(uintptr_t) "backup.exe,scan.exe";
    TAP_OK(driver_settings_save(s.w.port, s.folder, &in, NULL));
    TAP_OK(driver_settings_load(s.w.port, s.folder, &out, NULL));
    TAP_CHECK(out.keep && out.install && out.timeout_s == 30 && out.threads == 4 &&
              out.room_bytes == 1ull << 30);
    TAP_EQUAL_STR(out.dll, s.w.dll);
    TAP_EQUAL_STR(out.no_recall, "backup.exe,scan.exe");
    driver_settings_free(&out);
    in.no_recall = (char *)(uintptr_t) "backup.exe, scan.exe";
    TAP_CODE(driver_settings_save(s.w.port, s.folder, &in, NULL), AL_EINVAL);
    in.no_recall = NULL;
    in.dll = (char *)(uintptr_t) "FilterAPI.dll";
    TAP_CODE(driver_settings_save(s.w.port, s.folder, &in, NULL), AL_EINVAL);
    in.dll = NULL;
    in.timeout_s = EASE_TIMEOUT_S_MAX + 1;
    TAP_CODE(driver_settings_save(s.w.port, s.folder, &in, NULL), AL_EINVAL);
    in.timeout_s = 0;
    in.room_bytes = DRIVER_ROOM_MIN - 1;
    TAP_CODE(driver_settings_save(s.w.port, s.folder, &in, NULL), AL_EINVAL);
    for (const char *const *bad =
             (const char *const[]){"", "{", "[]", "{\"policy\":\"delete\"}", "{\"dll\":\"x.dll\"}",
                                   "{\"timeout_s\":-1}", "{\"threads\":65}", "{\"install\":1}",
                                   "{\"no_recall\":[]}", "{\"no_recall\":\"a/b\"}", NULL};
         *bad != NULL; bad++) {
        TAP_OK(port_write_file(s.w.port, s.folder, DRIVER_SETTINGS_FILE, *bad, strlen(*bad), 0600));
        TAP_CODE(driver_settings_load(s.w.port, s.folder, &out, &fail), AL_ECORRUPT);
    }
    scene_end();
}

static void
test_a_key_is_one_word_and_is_shown_nowhere(void)
{
    struct al_buf text = {0};
    struct driver_state st;
    json_t *j = json_object();

    scene_begin();
    al_buf_init(&text, 1u << 20);
    TAP_CHECK(!driver_key_is(s.w.port, s.folder));
    TAP_CODE(driver_key_save(s.w.port, s.folder, al_span_of(" \r\n"), NULL), AL_EINVAL);
    TAP_CODE(driver_key_save(s.w.port, s.folder, al_span_of("two words"), NULL), AL_EINVAL);
    TAP_CODE(driver_key_save(s.w.port, s.folder, al_span_of("caf\xc3\xa9"), NULL), AL_EINVAL);
    TAP_CODE(
        driver_key_save(s.w.port, s.folder, (struct al_span){(const uint8_t *)"a\0b", 3}, NULL),
        AL_EINVAL);
    TAP_CHECK(!driver_key_is(s.w.port, s.folder));
    key_put("  " KEY "\r\n");
    TAP_CHECK(driver_key_is(s.w.port, s.folder));
    TAP_OK(driver_key_load(s.w.port, s.folder, &text, NULL));
    TAP_EQUAL_STR((const char *)text.at, KEY);
    open_driver(s.w.dll);
    apply(false);
    expect(DRIVER_OK);
    driver_state_get(s.driver, &st);
    TAP_CHECK(st.has_key);
    al_buf_clear(&text);
    TAP_OK(driver_state_json(&st, true, j));
    TAP_OK(al_json_print(j, &text));
    TAP_OK(driver_state_text(&st, &text));
    TAP_CHECK(strstr((const char *)text.at, KEY) == NULL);
    TAP_CHECK(strstr(s.w.said, KEY) == NULL);
    al_buf_free(&text);
    al_json_freep(&j);
    scene_end();
}

/* ---- what is missing ---- */

static void
test_what_is_missing_has_a_name_and_is_found_when_it_comes(void)
{
    char nowhere[WORLD_PATH + 60], text[256];
    struct driver_state st;

    scene_begin();
    (void)snprintf(nowhere, sizeof(nowhere), "%s/FilterAPI.dll", s.state);
    open_driver(nowhere);
    driver_state_get(s.driver, &st);
    TAP_CHECK(st.why == DRIVER_UNKNOWN && !driver_can_stub(&st, text, sizeof(text)));
    TAP_CHECK(tend() == DRIVER_UNKNOWN); /* no configuration yet */
    apply(false);
    expect(DRIVER_NO_DLL);
    TAP_OK(port_write_file(s.w.port, s.folder, "FilterAPI.dll", "MZ", 2, 0600));
    expect(DRIVER_OTHER_DLL);
    driver_state_get(s.driver, &st);
    TAP_CHECK(!driver_can_stub(&st, text, sizeof(text)) && strstr(text, "CloudTier") != NULL);
    s.driver = driver_close(s.driver);

    open_driver(s.w.dll);
    apply(false);
    expect(DRIVER_NO_KEY);
    driver_state_get(s.driver, &st);
    TAP_CHECK(st.ease.flavour == (is_b ? EASE_FRAMEWORK : EASE_CLOUDTIER) && !st.has_key);
    key_put("WRONG");
    expect(DRIVER_REFUSED);
    key_put(KEY);
    s.w.stand->set(&(struct stand_settings){.driver_runs = false});
    expect(DRIVER_NOT_RUNNING);
    s.w.stand->set(&(struct stand_settings){.driver_runs = true});
    TAP_CHECK(driver_maker(s.driver) == NULL);
    expect(DRIVER_OK);
    TAP_CHECK((driver_maker(s.driver) != NULL) == !is_b);
    driver_state_get(s.driver, &st);
    TAP_CHECK(driver_can_stub(&st, text, sizeof(text)) == !is_b);
    TAP_CHECK((text[0] == '\0') == !is_b);
    scene_end();
}

static void
test_a_lost_connection_is_told_and_made_anew(void)
{
    struct driver_state st;
    bool ok = false;

    scene_begin();
    key_put(KEY);
    open_driver(s.w.dll);
    apply(false);
    expect(DRIVER_OK);
    s.w.stand->drop();
    for (int i = 0; i < 500 && !ok; i++) {
        port_sleep_ns(s.w.port, 10000000);
        ok = tend() == DRIVER_OK;
    }
    driver_state_get(s.driver, &st);
    TAP_CHECK(ok && st.ease.times_connected == 2);
    s.w.stand->drop();
    s.w.stand->set(&(struct stand_settings){.driver_runs = false});
    ok = false;
    for (int i = 0; i < 500 && !ok; i++) {
        port_sleep_ns(s.w.port, 10000000);
        ok = tend() == DRIVER_NOT_RUNNING;
    }
    TAP_CHECK(ok);
    scene_end();
}

static void
test_recalls_never_lie_in_a_volume(void)
{
    struct driver_state st;

    scene_begin();
    key_put(KEY);
    /* The state folder is below the root, and now the root is a volume. */
    (void)snprintf(s.w.volume, sizeof(s.w.volume), "%s", s.w.root);
    open_driver(s.w.dll);
    apply(false);
    expect(DRIVER_NO_FOLDER);
    driver_state_get(s.driver, &st);
    TAP_CHECK(strstr(st.text, "lies in the volume") != NULL);
    scene_end();
    TAP_CHECK(driver_path_within("D:\\Data", "d:/data/a") && driver_path_within("/", "/a") &&
              driver_path_within("/a/", "/a") && !driver_path_within("/a", "/ab") &&
              !driver_path_within("/a/b", "/a"));
}

/* ---- recalls ---- */

static void
test_volumes_of_a_new_configuration_are_answered_at_once(void)
{
    struct world_stub first, second;

    scene_begin();
    key_put(KEY);
    open_driver(s.w.dll);
    apply(false);
    expect(DRIVER_OK);
    world_stub(&s.w, &first, "a.mov", 5000, 1, true);
    memset(s.w.volumes[0].marker_key, 9, 3);
    world_stub(&s.w, &second, "b.mov", 7000, 2, true);
    TAP_EQUAL_U64(reads(&first), STAND_OK);
    world_stub_again(&s.w, &first); /* it was filled */
    TAP_EQUAL_U64(reads(&second), STAND_DENIED);
    apply(true);
    TAP_EQUAL_U64(reads(&second), STAND_OK);
    TAP_EQUAL_U64(reads(&first), STAND_OK);
    expect(DRIVER_OK); /* flavour B: bound anew, since it has another folder */
    world_stub_again(&s.w, &second);
    TAP_EQUAL_U64(reads(&second), STAND_OK);
    apply(false);
    world_stub_again(&s.w, &second);
    TAP_EQUAL_U64(reads(&second), STAND_DENIED);
    world_stub_end(&first);
    world_stub_end(&second);
    scene_end();
}

static void
test_what_came_back_and_who_was_denied_is_told_once(void)
{
    struct world_stub good, bad;
    unsigned told = 0;

    scene_begin();
    key_put(KEY);
    open_driver(s.w.dll);
    apply(false);
    expect(DRIVER_OK);
    world_stub(&s.w, &good, "good \xc3\xbc.mov", 90000, 1, true);
    world_stub(&s.w, &bad, "bad.mov", 3000, 2, true);
    TAP_OK(port_unlink(s.w.port, NULL, bad.object_path));
    TAP_EQUAL_U64(reads(&good), STAND_OK);
    if (!is_b) { /* of B's nobody can say whether they are files again: reconcile tells */
        TAP_CHECK(told_at_least(++told));
        TAP_EQUAL_U64(s.outcomes[0].code, AL_OK);
        TAP_EQUAL_STR(s.outcomes[0].path, "good \xc3\xbc.mov");
        TAP_EQUAL_STR(s.outcomes[0].volume, VOLUME_ID);
        TAP_EQUAL_STR(s.outcomes[0].object, good.object);
        TAP_EQUAL_U64(s.outcomes[0].size, 90000);
        TAP_EQUAL_U64(s.outcomes[0].pid, WORLD_READER);
    }
    for (int i = 0; i < 5; i++) {
        TAP_EQUAL_U64(reads(&bad), STAND_DENIED);
    }
    TAP_CHECK(told_at_least(++told));
    TAP_CHECK(s.outcomes[told - 1].code != AL_OK && s.outcomes[told - 1].text[0] != '\0');
    TAP_EQUAL_STR(s.outcomes[told - 1].path, "bad.mov");
    world_stub_end(&good);
    world_stub_end(&bad);
    s.driver = driver_close(s.driver);
    TAP_EQUAL_U64(s.told, told);
    scene_end();
}

static void
test_what_was_read_of_a_stub_that_stays_one_is_told(void)
{
    const struct driver_settings keep = {.keep = true};
    struct world_stub stub;
    struct driver_state st;

    scene_begin();
    TAP_OK(driver_settings_save(s.w.port, s.folder, &keep, NULL));
    key_put(KEY);
    open_driver(s.w.dll);
    apply(false);
    expect(DRIVER_OK);
    world_stub(&s.w, &stub, "a.mov", 200000, 1, true);
    TAP_EQUAL_U64(reads(&stub), STAND_OK);
    TAP_CHECK(s.w.stand->is_stub(stub.path));
    driver_state_get(s.driver, &st);
    TAP_CHECK(st.keep && tend() == DRIVER_OK);
    driver_state_get(s.driver, &st);
    TAP_CHECK(st.ease.answered.blocks > 0 && st.ease.answered.fills == 0);
    s.driver = driver_close(s.driver);
    TAP_CHECK(s.told > 0); /* once an open; the stand-in's reads are an open each */
    TAP_EQUAL_STR(s.outcomes[0].act, "read");
    world_stub_end(&stub);
    scene_end();
}

static void
test_the_record_for_the_server_is_whole(void)
{
    AL_CLEANUP(al_buf_free) struct al_buf line = {0};
    AL_CLEANUP(al_json_freep) json_t *j = NULL;
    struct driver_state st;
    const char *text = NULL;
    bool connected = true;

    scene_begin();
    open_driver(s.w.dll);
    apply(false);
    expect(DRIVER_NO_KEY);
    driver_state_get(s.driver, &st);
    al_buf_init(&line, 65536);
    TAP_OK(driver_state_record(&st, 12345, &line));
    TAP_OK(al_json_parse(al_buf_span(&line), &j, NULL));
    TAP_OK(al_json_str(j, "t", &text, NULL));
    TAP_EQUAL_STR(text, "driver");
    TAP_OK(al_json_str(j, "state", &text, NULL));
    TAP_EQUAL_STR(text, "no_key");
    TAP_OK(al_json_str(j, "flavour", &text, NULL));
    TAP_EQUAL_STR(text, is_b ? "framework" : "cloudtier");
    TAP_OK(al_json_bool(j, "connected", &connected, NULL));
    TAP_CHECK(!connected);
    scene_end();
}

int
main(int argc, char **argv)
{
    if (argc < 3) {
        return 2;
    }
    is_b = strcmp(argv[1], "b") == 0;
    dll_path = argv[2];
    TAP_RUN(test_settings_are_kept_and_nonsense_is_refused);
    TAP_RUN(test_a_key_is_one_word_and_is_shown_nowhere);
    TAP_RUN(test_what_is_missing_has_a_name_and_is_found_when_it_comes);
    TAP_RUN(test_a_lost_connection_is_told_and_made_anew);
    TAP_RUN(test_recalls_never_lie_in_a_volume);
    TAP_RUN(test_volumes_of_a_new_configuration_are_answered_at_once);
    TAP_RUN(test_what_came_back_and_who_was_denied_is_told_once);
    TAP_RUN(test_what_was_read_of_a_stub_that_stays_one_is_told);
    TAP_RUN(test_the_record_for_the_server_is_whole);
    return tap_end();
}
