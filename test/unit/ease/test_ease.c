/* The binding against the stand-in, in one of its flavours: life, answers, and what goes wrong. */
#include "ease_test.h"

#include <unistd.h>

static void
test_life(void)
{
    struct stand_counts c;
    struct ease_state state;
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};

    begin();
    world_start(&w);
    c = world_counts(&w);
    TAP_EQUAL_STR(c.order,
                  flavour_b ? "SetRegistrationKey StartFilter SetConnectionTimeout SetFilterType "
                              "ResetConfigData AddExcludedProcessId SetConnectionTimeout "
                              "SetFilterType AddFileFilterRule AddBooleanConfigToFilterRule"
                            : "SetRegistrationKey RegisterMessageCallback ResetConfigData "
                              "AddExcludedProcessId SetConnectionTimeout");
    TAP_EQUAL_U64(c.timeout_s, 8);
    TAP_EQUAL_U64(c.excluded, 1);
    TAP_EQUAL_U64(c.filter_type, flavour_b ? 0x40 : 0);
    TAP_EQUAL_U64(c.stub_rules, flavour_b ? 1 : 0);
    ease_state_get(w.ease, &state);
    TAP_CHECK(state.connected && state.driver_running);
    TAP_EQUAL_STR(state.version, flavour_b ? "5.8.7.1" : "3.3.1.2");
    al_buf_init(&text, 4096);
    TAP_OK(ease_state_text(&state, &text));
    TAP_CHECK(strstr((const char *)text.at, "connected; answered") != NULL);
    TAP_CHECK(strstr(w.said, "STAND-IN-KEY") == NULL);
    w.stand->drop();
    ease_state_get(w.ease, &state);
    TAP_CHECK(!state.connected);
    TAP_CHECK(ease_tend(w.ease));
    ease_state_get(w.ease, &state);
    TAP_CHECK(state.connected && state.times_connected == 2);
    c = world_counts(&w);
    TAP_EQUAL_U64(c.excluded, 1); /* set again after the second reset */
    TAP_EQUAL_U64(c.resets, 2);
    world_end(&w);
}

static void
start_fails(int code, const char *words)
{
    struct al_fail fail = {0};

    w.conf.answer.fetch = w.fetch;
    TAP_CODE(ease_start(&w.conf, &w.ease, &fail), code);
    if (strstr(fail.text, words) == NULL) {
        tap_fail(__FILE__, __LINE__, "\"%s\" has no \"%s\"", fail.text, words);
    }
    TAP_CHECK(strstr(fail.text, "WRONG-KEY") == NULL && strstr(w.said, "WRONG-KEY") == NULL);
}

static void
test_refused(void)
{
    struct ease *second = NULL;
    struct ease_conf conf;
    char none[WORLD_PATH + 20];

    begin();
    TAP_OK(ease_fetch_open(&w.fetch_conf, &w.fetch, NULL));
    w.conf.key_ctx = (void *)(uintptr_t) "WRONG-KEY";
    start_fails(AL_EACCES, "refused");
    w.conf.key_ctx = (void *)(uintptr_t) "";
    start_fails(AL_EINVAL, "licence key");
    w.conf.key_ctx = (void *)(uintptr_t) "STAND-IN-KEY";
    w.stand->set(&(struct stand_settings){.driver_runs = false});
    start_fails(AL_EUNREACH, "does not run");
    conf = w.conf;
    (void)snprintf(none, sizeof(none), "%s/none.dll", w.root);
    w.conf.dll = none;
    start_fails(AL_ENOENT, "DLL");
    w.conf.dll = "FilterAPI.dll"; /* never looked for elsewhere */
    start_fails(AL_ENOENT, "DLL");
    w.conf = conf;
    w.conf.install = true;
    TAP_OK(ease_start(&w.conf, &w.ease, NULL));
    TAP_CODE(ease_start(&w.conf, &second, NULL), AL_EBUSY);
    world_end(&w);
}

static void
test_not_a_library(void)
{
    struct port_file *f = NULL;
    struct ease_state state;
    char path[WORLD_PATH + 20];
    struct port_library *l = NULL;

    begin();
    (void)snprintf(path, sizeof(path), "%s/FilterAPI.dll", w.root);
    TAP_OK(port_open(w.port, NULL, path, PORT_WRITE | PORT_CREATE, 0600, &f));
    TAP_OK(port_pwrite(w.port, f, "not a library", 13, 0));
    TAP_OK(port_close(w.port, f));
    TAP_CODE(ease_probe(w.port, path, &state, NULL), AL_ENOTSUP);
    TAP_CODE(port_library_open("FilterAPI.dll", &l, NULL), AL_EINVAL);
    TAP_CODE(port_library_open("./FilterAPI.dll", &l, NULL), AL_EINVAL);
    TAP_OK(ease_probe(w.port, w.dll, &state, NULL));
    TAP_EQUAL_U64(state.flavour, flavour_b ? EASE_FRAMEWORK : EASE_CLOUDTIER);
    world_end(&w);
}

/* A copy of the stand-in in which one word is another. */
static void
patched(const char *was, const char *now, bool wide, char path[WORLD_PATH + 20])
{
    AL_CLEANUP(al_buf_free) struct al_buf bytes = {0};
    size_t len = strlen(was), step = wide ? 2 : 1, changed = 0;
    struct port_file *f = NULL;

    al_buf_init(&bytes, 64u << 20);
    TAP_OK(port_read_file(w.port, NULL, w.dll, 64u << 20, &bytes));
    for (size_t at = 0; at + step * len <= bytes.len; at++) {
        size_t same = 0;

        while (same < len && bytes.at[at + step * same] == (uint8_t)was[same] &&
               (!wide || bytes.at[at + 2 * same + 1] == 0)) {
            same++;
        }
        for (size_t i = 0; same == len && i < len; i++) {
            bytes.at[at + step * i] = (uint8_t)now[i];
        }
        changed += same == len ? 1 : 0;
    }
    TAP_CHECK(changed > 0);
    (void)snprintf(path, WORLD_PATH + 20, "%.560s/%.40s.dll", w.root, now);
    TAP_OK(port_open(w.port, NULL, path, PORT_WRITE | PORT_CREATE | PORT_EXCL, 0700, &f));
    TAP_OK(port_pwrite(w.port, f, bytes.at, bytes.len, 0));
    TAP_OK(port_close(w.port, f));
}

static void
test_other_products(void)
{
    char path[WORLD_PATH + 20];
    struct ease_state state;
    struct al_fail fail = {0};

    begin();
    if (!flavour_b) {
        patched("CloudTier", "CloudFile", true, path);
        TAP_CODE(ease_probe(w.port, path, &state, &fail), AL_ENOTSUP);
        TAP_CHECK(strstr(fail.text, "CloudFile") != NULL);
        fail = (struct al_fail){0};
        patched("ResetConfigData", "ResetConfigDatX", false, path);
        TAP_CODE(ease_probe(w.port, path, &state, &fail), AL_ENOTSUP);
        if (strstr(fail.text, "no ResetConfigData") == NULL) {
            tap_fail(__FILE__, __LINE__, "%s", fail.text);
        }
        patched("RemoveExcludeProcessId", "RemoveExcludeProcessIX", false, path);
        TAP_OK(ease_probe(w.port, path, &state, &fail)); /* nobody needs it */
    } else {
        patched("SetFilterType", "SetFilterTypX", false, path);
        TAP_CODE(ease_probe(w.port, path, &state, &fail), AL_ENOTSUP);
        if (strstr(fail.text, "no SetFilterType") == NULL) {
            tap_fail(__FILE__, __LINE__, "%s", fail.text);
        }
        patched("StartFilter", "StartFilteX", false, path); /* as before 5.8.7.1 */
        TAP_OK(ease_probe(w.port, path, &state, &fail));
        TAP_EQUAL_U64(state.flavour, EASE_FRAMEWORK);
    }
    world_end(&w);
}

static void
test_not_a_message(void)
{
    struct world_stub s;
    struct ease_state state;
    uint8_t bytes[100];
    size_t got;

    begin();
    world_start(&w);
    world_stub(&w, &s, "a.mov", 1000, 7, false);
    w.stand->set(&(struct stand_settings){.driver_runs = true, .wrong_number = true});
    for (int i = 0; i < 3; i++) {
        TAP_CHECK(w.stand->read(s.path, WORLD_READER, 0, bytes, 100, &got) == STAND_DENIED);
    }
    ease_state_get(w.ease, &state);
    TAP_EQUAL_U64(state.unverified, 3);
    TAP_CHECK(strstr(w.said, "a message that is none of") != NULL);
    w.stand->set(&(struct stand_settings){.driver_runs = true, .no_transaction_time = true});
    TAP_CHECK(reads_right(&s));
    world_counts(&w);
    world_stub_end(&s);
    world_end(&w);
}

/* ---- answers ---- */

static void
test_reads(void)
{
    static const uint64_t sizes[] = {1, 4095, 65536, 65537, 300000, 1u << 20, (3u << 20) + 17};
    struct world_stub s;
    uint8_t bytes[65536];
    size_t got;
    char name[20];

    begin();
    world_start(&w);
    for (size_t i = 0; i < AL_LEN(sizes); i++) {
        (void)snprintf(name, sizeof(name), "f%zu.mov", i);
        world_stub(&w, &s, name, sizes[i], i + 1, i % 2 == 0);
        TAP_CHECK(reads_right(&s));
        TAP_CHECK(w.stand->is_stub(s.path)); /* policy "keep" */
        /* over the end, at it, behind it */
        TAP_EQUAL_U64(w.stand->read_once(s.path, WORLD_READER, s.size - 1, 4096, bytes, &got), 0);
        TAP_EQUAL_U64(got, 1);
        TAP_CHECK(world_same(s.seed, s.size - 1, bytes, 1));
        TAP_EQUAL_U64(w.stand->read_once(s.path, WORLD_READER, s.size, 4096, bytes, &got), 0);
        TAP_EQUAL_U64(got, 0);
        TAP_EQUAL_U64(w.stand->read_once(s.path, WORLD_READER, s.size + 9999999, 4096, bytes, &got),
                      0);
        TAP_EQUAL_U64(got, 0);
        world_stub_end(&s);
    }
    TAP_CHECK(world_counts(&w).lost == 0);
    world_end(&w);
}

static void
test_empty(void)
{
    struct world_stub s;
    uint8_t byte;
    size_t got = 9;

    begin();
    world_start(&w);
    world_stub(&w, &s, "empty.mov", 0, 3, false);
    TAP_CHECK(reads_right(&s));
    TAP_EQUAL_U64(w.stand->map(s.path, WORLD_READER, &byte, 1, &got), 0);
    TAP_EQUAL_U64(got, 0);
    TAP_EQUAL_U64(world_counts(&w).caches, 1);
    world_stub_end(&s);
    world_end(&w);
}

static void
test_whole_files(void)
{
    struct world_stub s;
    uint8_t *bytes = al_alloc(300000);
    size_t got = 0;
    struct ease_fetch_figures f;

    begin();
    world_start(&w);
    world_stub(&w, &s, "a.mov", 300000, 7, false);
    for (int i = 0; i < 3; i++) {
        TAP_EQUAL_U64(w.stand->map(s.path, WORLD_READER, bytes, 300000, &got), 0);
        TAP_CHECK(got == 300000 && world_same(7, 0, bytes, got));
    }
    ease_fetch_figures(w.fetch, &f);
    TAP_EQUAL_U64(f.fetched, 1);
    TAP_EQUAL_U64(f.given, 3);
    TAP_EQUAL_U64(f.files, 4); /* each opener got its own */
    TAP_CHECK(w.stand->is_stub(s.path));
    world_stop(&w);
    w.conf.answer.policy = EASE_FILL_STUB;
    world_start(&w);
    TAP_CHECK(reads_right(&s));
    TAP_CHECK(!w.stand->is_stub(s.path));
    TAP_CHECK(reads_right(&s));
    world_counts(&w);
    world_stub_end(&s);
    al_free(bytes);
    world_end(&w);
}

/* Odd lengths: with the whole file, never with a part. */
static void
test_odd_reads(void)
{
    struct world_stub s;
    uint8_t *bytes = al_alloc(200000);
    size_t got = 0;
    struct stand_counts c;

    begin();
    world_start(&w);
    world_stub(&w, &s, "a.mov", 200000, 7, false);
    TAP_EQUAL_U64(w.stand->read_once(s.path, WORLD_READER, 0, 200000, bytes, &got), 0);
    TAP_CHECK(got == 200000 && world_same(7, 0, bytes, got));
    TAP_EQUAL_U64(w.stand->read_once(s.path, WORLD_READER, 10, 0, bytes, &got), 0);
    c = world_counts(&w);
    TAP_EQUAL_U64(c.caches, 2);
    TAP_CHECK(strstr(w.said, "length that no reply has") != NULL);
    world_stub_end(&s);
    al_free(bytes);
    world_end(&w);
}

static void
test_odd_requests(void)
{
    struct world_stub s;
    struct ease_state state;

    begin();
    world_start(&w);
    world_stub(&w, &s, "a.mov", 1000, 7, false);
    TAP_CHECK(w.stand->send(0x02, s.path, WORLD_READER, 0, 0) == STAND_DENIED);
    TAP_CHECK(w.stand->send(0x04, s.path, WORLD_READER, 0, 0) == STAND_DENIED);
    TAP_CHECK(w.stand->send(0x10022, s.path, WORLD_READER, 0, 0) == STAND_DENIED);
    TAP_CHECK(w.stand->send(0x01, NULL, WORLD_READER, 0, 10) == STAND_DENIED); /* no tag */
    TAP_CHECK(w.stand->send(0x01, s.path, port_pid(), 0, 10) == STAND_DENIED); /* ourselves */
    TAP_CHECK(w.stand->read(s.path, port_pid(), 0, &state, 10, &(size_t){0}) == STAND_EXCLUDED);
    ease_state_get(w.ease, &state);
    TAP_EQUAL_U64(state.answered.failed, 5);
    TAP_CHECK(strstr(w.said, "our own read") != NULL);
    TAP_CHECK(reads_right(&s));
    world_counts(&w);
    world_stub_end(&s);
    world_end(&w);
}

struct heard {
    port_mutex lock;
    unsigned calls, good, denied, unknown;
    char text[256];
};

static void
hear(void *ctx, const struct ease_told *told)
{
    struct heard *h = ctx;

    port_mutex_lock(&h->lock);
    h->calls++;
    h->good += told->code == AL_OK && told->how == EASE_F_BLOCK && told->size == 1000 &&
                       told->volume == &w.volumes[0] && al_id_valid(told->object_id)
                   ? 1
                   : 0;
    h->unknown += told->volume == NULL && told->object_id[0] == '\0' ? 1 : 0;
    if (told->code != AL_OK) {
        h->denied++;
        (void)snprintf(h->text, sizeof(h->text), "%.255s", told->text);
    }
    port_mutex_unlock(&h->lock);
}

/* Whoever keeps the record is told of each request, with whose it was and why not. */
static void
test_told(void)
{
    struct world_stub s;
    static struct heard h;

    memset(&h, 0, sizeof(h));
    port_mutex_init(&h.lock);
    begin();
    w.conf.answer.told = hear;
    w.conf.answer.told_ctx = &h;
    world_start(&w);
    world_stub(&w, &s, "a.mov", 1000, 7, false);
    TAP_CHECK(reads_right(&s));
    TAP_EQUAL_U64(h.good, 1);
    TAP_CHECK(w.stand->send(0x01, NULL, WORLD_READER, 0, 10) == STAND_DENIED);
    TAP_EQUAL_U64(h.unknown, 1);
    TAP_OK(port_unlink(w.port, NULL, s.object_path));
    ease_fetch_sweep(w.fetch, port_now_ns(w.port) + EASE_IDLE_NS + 1000000000);
    TAP_CHECK(w.stand->send(0x01, s.path, WORLD_READER, 0, 10) == STAND_DENIED);
    TAP_EQUAL_U64(h.denied, 2);
    TAP_CHECK(strstr(h.text, "not_found") != NULL);
    world_stop(&w);
    port_mutex_end(&h.lock);
    world_stub_end(&s);
    world_end(&w);
}

/* Some process that is not us, which stays, and its program. */
static uint32_t
somebody(char name[PORT_PROCESS_NAME_MAX])
{
#if defined(_WIN32)
    for (uint32_t pid = 8; pid < 100000; pid += 4) { /* numbers of processes are multiples of 4 */
        if (pid != port_pid() && port_process_name(pid, name) == AL_OK) {
            return pid;
        }
    }
    return 0;
#else
    return port_process_name((uint32_t)getppid(), name) == AL_OK ? (uint32_t)getppid() : 0;
#endif
}

/* The same file is read by one program and refused to another, in every way there is to ask for it. */
static void
test_programs_that_recall_nothing(void)
{
    char name[PORT_PROCESS_NAME_MAX], list[PORT_PROCESS_NAME_MAX + 40];
    uint32_t pid = somebody(name);
    struct ease_fetch_figures f;
    struct ease_state state;
    struct world_stub s;
    static struct heard h;
    uint8_t bytes[1000];
    size_t got = 0;

    TAP_CHECK(pid > EASE_SYSTEM_PROCESS);
    (void)snprintf(list, sizeof(list), "other.exe,%.100s,%.100s.exe", name, name);
    for (char *c = list; *c != '\0'; c++) { /* in whatever case */
        *c = (char)(*c >= 'a' && *c <= 'z' ? *c - 32 : *c);
    }
    memset(&h, 0, sizeof(h));
    port_mutex_init(&h.lock);
    begin();
    w.conf.answer.told = hear;
    w.conf.answer.told_ctx = &h;
    w.conf.answer.policy = EASE_FILL_STUB;
    w.conf.answer.no_recall = list;
    world_start(&w);
    memset(list, 0, sizeof(list)); /* it was copied */
    world_stub(&w, &s, "a.mov", 1000, 7, false);
    memset(bytes, 0xaa, sizeof(bytes));
    TAP_CHECK(w.stand->read(s.path, pid, 0, bytes, sizeof(bytes), &got) == STAND_DENIED);
    TAP_CHECK(w.stand->map(s.path, pid, bytes, sizeof(bytes), &got) == STAND_DENIED);
    TAP_CHECK(bytes[0] == 0xaa &&
              memcmp(bytes, bytes + 1, sizeof(bytes) - 1) == 0); /* not a byte */
    ease_fetch_figures(w.fetch, &f);
    TAP_CHECK(f.fetched == 0 && w.stand->is_stub(s.path));
    TAP_CHECK(reads_right(&s)); /* WORLD_READER, of whom nobody knows a name */
    TAP_CHECK(!w.stand->is_stub(s.path));
    ease_state_get(w.ease, &state);
    TAP_EQUAL_U64(state.answered.excluded, 2);
    TAP_EQUAL_U64(state.answered.failed, 0);
    TAP_EQUAL_U64(h.denied, 0); /* nothing for the server: a scanner meets every stub */
    TAP_CHECK(strstr(w.said, "recalls nothing, as set") != NULL);
    world_stop(&w);
    port_mutex_end(&h.lock);
    world_stub_end(&s);
    world_end(&w);
}

static bool
denied(const struct world_stub *s)
{
    uint8_t bytes[100];
    size_t got;

    return w.stand->read(s->path, WORLD_READER, 0, bytes, sizeof(bytes), &got) == STAND_DENIED &&
           w.stand->map(s->path, WORLD_READER, bytes, sizeof(bytes), &got) == STAND_DENIED &&
           w.stand->is_stub(s->path);
}

static void
test_foreign_and_changed(void)
{
    struct world_stub s;
    static const uint8_t other[] = "sitename:x;/y";

    begin();
    world_start(&w);
    world_stub(&w, &s, "a.mov", 1000, 7, false);
    s.tag[50] ^= 1; /* the hash: not authentic any more */
    world_stub_again(&w, &s);
    TAP_CHECK(denied(&s));
    s.tag[50] ^= 1;
    TAP_EQUAL_U64(w.stand->make(s.path, 1001, s.tag, (uint32_t)s.tag_len), 0);
    TAP_CHECK(denied(&s));
    TAP_EQUAL_U64(w.stand->make(s.path, 0, s.tag, (uint32_t)s.tag_len), 0);
    TAP_CHECK(denied(&s));
    TAP_EQUAL_U64(w.stand->make(s.path, 1000, other, sizeof(other)), 0);
    TAP_CHECK(denied(&s));
    TAP_EQUAL_U64(w.stand->make(s.path, 1000, other, 0), 0);
    TAP_CHECK(denied(&s));
    world_stub_again(&w, &s);
    TAP_CHECK(reads_right(&s));
    world_counts(&w);
    world_stub_end(&s);
    world_end(&w);
}

/* A tag is good for its own file alone: who copies it to another reads nothing. */
static void
test_copied_tag(void)
{
    static const size_t at = 24; /* of the tag in the stand-in's form */
    struct world_stub s;
    struct stub_tag tag;
    struct port_file *f = NULL;
    struct port_stat st;
    struct al_buf bytes = {0};
    char other[WORLD_PATH + 64];
    uint8_t got[10];
    size_t len;

    begin();
    world_start(&w);
    world_stub(&w, &s, "a.mov", 1000, 7, false);
    TAP_OK(port_open(w.port, NULL, s.path, PORT_READ | PORT_WRITE, 0, &f));
    TAP_OK(port_stat(w.port, f, &st));
    TAP_OK(ease_tag_decode((struct al_span){s.tag, s.tag_len}, &tag));
    tag.file_id = st.ino;
    al_buf_init(&bytes, EASE_TAG_BYTES_MAX);
    TAP_OK(ease_tag_encode(&tag, w.volumes[0].marker_key, EASE_TAG_BYTES_MAX, &bytes));
    TAP_EQUAL_U64(bytes.len, s.tag_len);
    TAP_OK(port_pwrite(w.port, f, bytes.at, bytes.len, at)); /* the same file still */
    TAP_OK(port_close(w.port, f));
    TAP_CHECK(reads_right(&s));
    world_join(other, sizeof(other), w.volume, "copy.mov");
    TAP_EQUAL_U64(w.stand->make(other, 1000, bytes.at, (uint32_t)bytes.len), 0);
    TAP_CHECK(w.stand->read(other, WORLD_READER, 0, got, 10, &len) == STAND_DENIED);
    TAP_CHECK(w.stand->map(other, WORLD_READER, got, 10, &len) == STAND_DENIED);
    TAP_CHECK(strstr(w.said, "made for another file") != NULL);
    TAP_CHECK(reads_right(&s));
    world_counts(&w);
    al_buf_free(&bytes);
    world_stub_end(&s);
    world_end(&w);
}

/* ---- the share ---- */

static void
change_object(const struct world_stub *s, uint64_t at, bool cut)
{
    struct port_file *f = NULL;

    TAP_OK(port_open(w.port, NULL, s->object_path, PORT_READ | PORT_WRITE, 0, &f));
    if (cut) {
        TAP_OK(port_truncate(w.port, f, at));
    } else {
        TAP_OK(port_pwrite(w.port, f, "\x55\xaa\x55", 3, at));
    }
    TAP_OK(port_close(w.port, f));
}

static void
test_damaged(void)
{
    struct world_stub s;
    uint8_t bytes[4096];
    size_t got;

    begin();
    world_start(&w);
    world_stub(&w, &s, "small.mov", 1000, 7, false);
    change_object(&s, 500, false);
    TAP_CHECK(denied(&s));
    world_stub_end(&s);
    world_stub(&w, &s, "short.mov", 3u << 20, 7, false);
    change_object(&s, 1u << 20, true);
    TAP_CHECK(denied(&s));
    world_stub_end(&s);
    /* With pieces what is before the damage is given out, what is behind never. */
    world_stub(&w, &s, "pieces.mov", 3u << 20, 7, true);
    change_object(&s, (2u << 20) + 5, false);
    TAP_EQUAL_U64(w.stand->read_once(s.path, WORLD_READER, 100, 4096, bytes, &got), 0);
    TAP_CHECK(got == 4096 && world_same(7, 100, bytes, got));
    TAP_CHECK(w.stand->read_once(s.path, WORLD_READER, 2u << 20, 4096, bytes, &got) ==
              STAND_DENIED);
    TAP_CHECK(w.stand->read_once(s.path, WORLD_READER, (2u << 20) - 1, 2, bytes, &got) ==
              STAND_DENIED);
    TAP_EQUAL_U64(w.stand->read_once(s.path, WORLD_READER, 1u << 20, 4096, bytes, &got), 0);
    TAP_CHECK(world_same(7, 1u << 20, bytes, got));
    TAP_CHECK(w.stand->map(s.path, WORLD_READER, bytes, 10, &got) == STAND_DENIED);
    world_stub_end(&s);
    world_stub(&w, &s, "gone.mov", 1000, 7, false);
    TAP_OK(port_unlink(w.port, NULL, s.object_path));
    TAP_CHECK(denied(&s));
    world_stub_end(&s);
    TAP_CHECK(world_counts(&w).lost == 0);
    world_end(&w);
}

static void
test_share_away(void)
{
    struct world_stub s;

    begin();
    world_start(&w);
    world_stub(&w, &s, "a.mov", 1000, 7, false);
    TAP_OK(port_rename(w.port, NULL, w.share, NULL, w.away, false));
    TAP_CHECK(denied(&s));
    TAP_OK(port_rename(w.port, NULL, w.away, NULL, w.share, false));
    TAP_CHECK(reads_right(&s));
    TAP_CHECK(world_counts(&w).lost == 0);
    world_stub_end(&s);
    world_end(&w);
}

/* ---- the folder for recalls ---- */

static void
test_room(void)
{
    struct world_stub s[4];
    uint8_t *bytes = al_alloc(1u << 20);
    size_t got;
    struct ease_fetch_figures f;
    char name[20];

    begin();
    w.fetch_conf.bytes_max = 3u << 20;
    world_start(&w);
    for (size_t i = 0; i < 4; i++) { /* each replaces the one before */
        (void)snprintf(name, sizeof(name), "f%zu.mov", i);
        world_stub(&w, &s[i], name, 1u << 20, i + 1, false);
        TAP_CHECK(reads_right(&s[i]));
    }
    ease_fetch_figures(w.fetch, &f);
    TAP_EQUAL_U64(f.bytes_held, 3u << 20);
    /* what was given out as a path is not: the third asks for more than there is */
    TAP_EQUAL_U64(w.stand->map(s[0].path, WORLD_READER, bytes, 1u << 20, &got), 0);
    TAP_EQUAL_U64(w.stand->map(s[0].path, WORLD_READER, bytes, 1u << 20, &got), 0);
    TAP_CHECK(w.stand->map(s[0].path, WORLD_READER, bytes, 1u << 20, &got) == STAND_DENIED);
    ease_fetch_sweep(w.fetch, port_now_ns(w.port) + EASE_KEEP_NS / 2);
    TAP_CHECK(w.stand->map(s[1].path, WORLD_READER, bytes, 1u << 20, &got) == STAND_DENIED);
    ease_fetch_sweep(w.fetch, port_now_ns(w.port) + EASE_KEEP_NS + 1000000000);
    TAP_EQUAL_U64(w.stand->map(s[1].path, WORLD_READER, bytes, 1u << 20, &got), 0);
    TAP_CHECK(world_same(2, 0, bytes, got));
    for (size_t i = 0; i < 4; i++) {
        world_stub_end(&s[i]);
    }
    al_free(bytes);
    world_counts(&w);
    world_end(&w);
}

/* When all that may be is in the driver's hands, reads go on by blocks. */
static void
test_all_given_out(void)
{
    struct world_stub s[8];
    uint8_t bytes[100];
    size_t got, stubs = 0;
    struct ease_fetch_figures f;
    char name[20];

    begin();
    w.fetch_conf.bytes_max = 4u << 20;
    w.conf.answer.policy = EASE_FILL_STUB;
    world_start(&w);
    for (size_t i = 0; i < AL_LEN(s); i++) {
        (void)snprintf(name, sizeof(name), "f%zu.mov", i);
        world_stub(&w, &s[i], name, 1u << 20, i + 1, false);
        TAP_CHECK(reads_right(&s[i]));
        stubs += w.stand->is_stub(s[i].path) ? 1 : 0;
    }
    TAP_EQUAL_U64(stubs, 5);
    TAP_CHECK(w.stand->map(s[7].path, WORLD_READER, bytes, sizeof(bytes), &got) == STAND_DENIED);
    ease_fetch_figures(w.fetch, &f);
    TAP_EQUAL_U64(f.files_given, 3);
    TAP_EQUAL_U64(f.bytes_given, 3u << 20);
    ease_fetch_sweep(w.fetch, port_now_ns(w.port) + EASE_KEEP_NS + 1000000000);
    ease_fetch_figures(w.fetch, &f);
    TAP_EQUAL_U64(f.files_given, 0);
    TAP_CHECK(reads_right(&s[7]));
    TAP_CHECK(!w.stand->is_stub(s[7].path));
    for (size_t i = 0; i < AL_LEN(s); i++) {
        world_stub_end(&s[i]);
    }
    world_counts(&w);
    world_end(&w);
}

static void
test_touched_cache(void)
{
    struct world_stub s;
    struct port_file *folder = NULL, *f = NULL;
    struct port_dir *d = NULL;
    struct port_dirent e;
    bool end = false;
    uint8_t bytes[10];
    size_t got;

    begin();
    world_start(&w);
    world_stub(&w, &s, "a.mov", 1000, 7, false);
    TAP_EQUAL_U64(w.stand->read(s.path, WORLD_READER, 0, bytes, 10, &got), 0);
    TAP_OK(port_open(w.port, NULL, w.cache, PORT_READ | PORT_FOLDER, 0, &folder));
    TAP_OK(port_dir_open(w.port, folder, &d));
    TAP_OK(port_dir_next(w.port, d, &e, &end));
    TAP_CHECK(!end);
    TAP_OK(port_open(w.port, folder, e.name, PORT_READ | PORT_WRITE, 0, &f));
    TAP_OK(port_pwrite(w.port, f, "xxxxxxxxxx", 10, 0));
    TAP_OK(port_close(w.port, f));
    port_dir_close(w.port, &d);
    port_close_quiet(w.port, &folder);
    TAP_CHECK(reads_right(&s));
    world_counts(&w);
    world_stub_end(&s);
    world_end(&w);
}

static void
test_restart_keeps(void)
{
    struct world_stub s;
    uint8_t bytes[10];
    size_t got;
    struct ease_fetch_figures f;

    begin();
    world_start(&w);
    world_stub(&w, &s, "a.mov", 1000, 7, false);
    TAP_EQUAL_U64(w.stand->map(s.path, WORLD_READER, bytes, 10, &got), 0);
    world_stop(&w);
    world_start(&w);
    ease_fetch_figures(w.fetch, &f);
    TAP_CHECK(f.files >= 1); /* the path that was given out is good still */
    ease_fetch_sweep(w.fetch, port_now_ns(w.port) + EASE_KEEP_NS / 2);
    ease_fetch_figures(w.fetch, &f);
    TAP_CHECK(f.files >= 1);
    ease_fetch_sweep(w.fetch, port_now_ns(w.port) + 2 * EASE_KEEP_NS);
    ease_fetch_figures(w.fetch, &f);
    TAP_EQUAL_U64(f.files, 0);
    TAP_EQUAL_U64(f.bytes_held, 0);
    world_stub_end(&s);
    world_end(&w);
}

/* ---- stubs ---- */

static void
test_stub_calls(void)
{
    struct world_stub s;
    AL_CLEANUP(al_buf_free) struct al_buf tag = {0};
    struct port_file *f = NULL;

    begin();
    world_start(&w);
    world_stub(&w, &s, "a.mov", 5000, 7, false);
    TAP_OK(port_unlink(w.port, NULL, s.path));
    if (!flavour_b) { /* of a file that is there */
        TAP_OK(port_open(w.port, NULL, s.path, PORT_WRITE | PORT_CREATE, 0600, &f));
        TAP_OK(port_pwrite(w.port, f, "x", 1, 0));
        TAP_CODE(ease_stub_create(w.ease, s.path, (struct al_span){s.tag, s.tag_len}, 0, NULL),
                 AL_ECONFLICT);
        TAP_OK(port_truncate(w.port, f, 0));
        TAP_OK(port_close(w.port, f));
    }
    TAP_CODE(ease_stub_create(w.ease, s.path, al_span_of("\x6f\x5d\xa6\xbb"), 0, NULL), AL_EINVAL);
    TAP_OK(ease_stub_create(w.ease, s.path, (struct al_span){s.tag, s.tag_len}, 0, NULL));
    TAP_CHECK(w.stand->is_stub(s.path));
    al_buf_init(&tag, 65536);
    TAP_OK(ease_stub_tag(w.ease, s.path, &tag, NULL));
    TAP_CHECK(al_span_equal(al_buf_span(&tag), (struct al_span){s.tag, s.tag_len}));
    TAP_CHECK(reads_right(&s));
    if (flavour_b) {
        TAP_CODE(ease_stub_create(w.ease, s.path, al_buf_span(&tag), 0, NULL), AL_ECONFLICT);
        TAP_CODE(ease_stub_untag(w.ease, s.path, NULL), AL_ENOTSUP);
    } else {
        TAP_OK(ease_stub_untag(w.ease, s.path, NULL));
        TAP_CODE(ease_stub_tag(w.ease, s.path, &tag, NULL), AL_ENODATA);
    }
    world_counts(&w);
    world_stub_end(&s);
    world_end(&w);
}

int
main(int argc, char **argv)
{
    if (!test_args(argc, argv)) {
        return 2;
    }
    TAP_RUN(test_life);
    TAP_RUN(test_refused);
    TAP_RUN(test_not_a_library);
    TAP_RUN(test_other_products);
    TAP_RUN(test_not_a_message);
    TAP_RUN(test_reads);
    TAP_RUN(test_empty);
    TAP_RUN(test_whole_files);
    TAP_RUN(test_odd_reads);
    TAP_RUN(test_odd_requests);
    TAP_RUN(test_told);
    TAP_RUN(test_programs_that_recall_nothing);
    TAP_RUN(test_foreign_and_changed);
    TAP_RUN(test_copied_tag);
    TAP_RUN(test_damaged);
    TAP_RUN(test_share_away);
    TAP_RUN(test_room);
    TAP_RUN(test_all_given_out);
    TAP_RUN(test_touched_cache);
    TAP_RUN(test_restart_keeps);
    TAP_RUN(test_stub_calls);
    return tap_end();
}
