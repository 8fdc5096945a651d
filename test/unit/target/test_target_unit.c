/* test_target_unit.c: names, manifests, the folder kind on a disk that loses power. Runs on every system, Wine included. */
#include "tap.h"

#include <stdlib.h>

#include "agent/target/manifest.h"
#include "agent/target/target_kind.h"
#include "base/fault.h"
#include "base/mem.h"
#include "port/process.h"
#include "port/sim/sim.h"

static const char id[] = "01hzxk5a9q3m7e8r2t4w6y0abc";
static const char customer[] = "01hzzzzzzzzzzzzzzzzzzzzzzz";

static void
check_name(const char *path, const char *want_ext)
{
    char name[TARGET_NAME_MAX], want[TARGET_NAME_MAX];

    TAP_OK(target_object_name(id, al_span_of(path), name));
    (void)snprintf(want, sizeof(want), "objects/b/c/%s%s", id, want_ext);
    TAP_EQUAL_STR(name, want);
    TAP_OK(target_name_check(name, NULL));
}

static void
test_an_object_keeps_an_extension_that_windows_can_bear(void)
{
    check_name("a/b/film.mov", ".mov");
    check_name("FILM.MOV", ".mov");
    check_name("x.tar.gz", ".gz");
    check_name("con.txt", ".txt");
    check_name("a.b/c", "");
    check_name("plain", "");
    check_name("", "");
    check_name(".profile", "");
    check_name("dir/.profile", "");
    check_name("ends.", "");
    check_name("blank. ", "");
    check_name("x.a b", "");
    check_name("x.a:b", "");
    check_name("x.\303\266", "");
    check_name("x.\377", "");
    check_name("x.*", "");
    check_name("x.abcdefghijklmno", ".abcdefghijklmno");
    check_name("x.abcdefghijklmnop", "");
    check_name("x.a\nb", "");
}

static void
test_only_identifiers_name_objects(void)
{
    char name[TARGET_NAME_MAX] = "untouched";

    TAP_CODE(target_object_name("../../etc/passwd", al_span_of("x"), name), AL_EINVAL);
    TAP_CODE(target_object_name("", al_span_of("x"), name), AL_EINVAL);
    TAP_CODE(target_object_name("01HZXK5A9Q3M7E8R2T4W6Y0ABCD", al_span_of("x"), name), AL_EINVAL);
    TAP_EQUAL_STR(name, "untouched");
}

static void
test_names_never_leave_the_share(void)
{
    static const char *const bad[] = {"",     "/",     "/a",   "a/",   "a//b", ".",    "..",  "a/..", "../a", "a/./b", "a\\b",
                                      "a:b",  "a*",    "a?",   "a\"",  "a<b",  "a>b",  "a|b", "a\nb", "a\001", "a./b", "a /b", "a."};
    static const char *const good[] = {"a", "a/b/c", "alto-share.json", "incoming/x.part", "a b/c", "\303\266"};
    char name[TARGET_NAME_MAX + 8], temp[TARGET_NAME_MAX];
    size_t i;

    for (i = 0; i < AL_LEN(bad); i++) {
        if (target_name_check(bad[i], NULL) != AL_EINVAL) {
            tap_fail(__FILE__, __LINE__, "\"%s\" was taken", bad[i]);
        }
    }
    for (i = 0; i < AL_LEN(good); i++) {
        TAP_OK(target_name_check(good[i], NULL));
    }
    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    TAP_CODE(target_name_check(name, NULL), AL_ENAMETOOLONG);
    name[TARGET_NAME_MAX - 1] = '\0';
    TAP_OK(target_name_check(name, NULL));
    TAP_CODE(target_temp_name(name, temp), AL_ENAMETOOLONG);
}

/* ---- manifest ---- */

static struct manifest_xattr xattrs[3];

static struct manifest_record
record(void)
{
    struct manifest_record r = {
        .object_id = id,
        .object_name = "objects/b/c/01hzxk5a9q3m7e8r2t4w6y0abc.txt",
        .host_id = "01hzxk5a9q3m7e8r2t4w6y0hst",
        .volume_id = "01hzxk5a9q3m7e8r2t4w6y0v00",
        .path = al_span_of("dir \"x\"\n/na\377me\342\202\254"),
        .size = INT64_MAX,
        .atime_ns = -1,
        .mtime_ns = 1700000000123456789,
        .ctime_ns = INT64_MIN,
        .btime_ns = INT64_MAX,
        .mode = 06755,
        .uid = UINT32_MAX,
        .gid = 0,
        .owner = "j\303\266rg",
        .group = NULL,
        .xxh = {.lo = 0x0123456789abcdefull, .hi = 0xfedcba9876543210ull},
        .xattrs = xattrs,
        .xattr_count = AL_LEN(xattrs),
        .tiered_ns = 1,
    };
    unsigned i;

    xattrs[0] = (struct manifest_xattr){al_span_of("user.note"), {(const uint8_t *)"\0\1\377", 3}};
    xattrs[1] = (struct manifest_xattr){al_span_of("user.\377"), {(const uint8_t *)"", 0}};
    xattrs[2] = (struct manifest_xattr){al_span_of("system.posix_acl_access"), al_span_of("whatever it holds")};
    for (i = 0; i < 32; i++) {
        r.sha256[i] = (uint8_t)(i * 7 + 3);
    }
    return r;
}

static void
test_a_manifest_line_keeps_every_attribute(void)
{
    AL_CLEANUP(al_arena_freep) struct al_arena *arena = al_arena_new(1u << 20);
    AL_CLEANUP(al_buf_free) struct al_buf line = {.max = MANIFEST_LINE_MAX};
    struct manifest_record want = record(), got;
    size_t i;

    TAP_OK(manifest_print(&want, &line));
    TAP_CHECK(line.at[line.len - 1] == '\n' && memchr(line.at, '\n', line.len - 1) == NULL);
    TAP_OK(manifest_parse(al_buf_span(&line), arena, &got, NULL));
    TAP_EQUAL_STR(got.object_id, want.object_id);
    TAP_EQUAL_STR(got.object_name, want.object_name);
    TAP_EQUAL_STR(got.host_id, want.host_id);
    TAP_EQUAL_STR(got.volume_id, want.volume_id);
    TAP_CHECK(al_span_equal(got.path, want.path));
    TAP_EQUAL_U64(got.size, want.size);
    TAP_CHECK(got.atime_ns == want.atime_ns && got.mtime_ns == want.mtime_ns);
    TAP_CHECK(got.ctime_ns == want.ctime_ns && got.btime_ns == want.btime_ns && got.tiered_ns == want.tiered_ns);
    TAP_EQUAL_U64(got.mode, want.mode);
    TAP_CHECK(got.uid == want.uid && got.gid == want.gid);
    TAP_EQUAL_STR(got.owner, want.owner);
    TAP_CHECK(got.group == NULL);
    TAP_CHECK(al_xxh_equal(got.xxh, want.xxh));
    TAP_CHECK(memcmp(got.sha256, want.sha256, 32) == 0);
    TAP_EQUAL_U64(got.xattr_count, 3);
    for (i = 0; i < 3; i++) {
        TAP_CHECK(al_span_equal(got.xattrs[i].name, want.xattrs[i].name));
        TAP_CHECK(al_span_equal(got.xattrs[i].value, want.xattrs[i].value));
    }
}

static void
test_a_cut_manifest_line_is_never_taken_for_whole(void)
{
    AL_CLEANUP(al_arena_freep) struct al_arena *arena = al_arena_new(1u << 20);
    AL_CLEANUP(al_buf_free) struct al_buf line = {.max = MANIFEST_LINE_MAX};
    struct manifest_record r = record(), got;
    struct al_span s;

    TAP_OK(manifest_print(&r, &line));
    for (s = al_buf_span(&line), s.len -= 2;; s.len--) {
        TAP_CODE(manifest_parse(s, arena, &got, NULL), AL_ECORRUPT);
        al_arena_reset(arena);
        if (s.len == 0) {
            break;
        }
    }
}

/* One field changed in an otherwise good line. */
static void
refuse(const char *from, const char *to)
{
    AL_CLEANUP(al_arena_freep) struct al_arena *arena = al_arena_new(1u << 20);
    AL_CLEANUP(al_buf_free) struct al_buf line = {.max = MANIFEST_LINE_MAX}, bad = {.max = MANIFEST_LINE_MAX};
    struct manifest_record r = record(), got;
    struct al_fail fail = {0};
    char *at;

    r.path = al_span_of("a/b");
    TAP_OK(manifest_print(&r, &line));
    at = strstr((char *)line.at, from);
    if (!at) {
        al_buf_free(&bad);
        tap_fail(__FILE__, __LINE__, "%s is not in %s", from, (char *)line.at);
    }
    TAP_OK(al_buf_add(&bad, line.at, (size_t)(at - (char *)line.at)));
    TAP_OK(al_buf_adds(&bad, to));
    TAP_OK(al_buf_adds(&bad, at + strlen(from)));
    if (manifest_parse(al_buf_span(&bad), arena, &got, &fail) != AL_ECORRUPT) {
        tap_fail(__FILE__, __LINE__, "taken: %s", to);
    }
    TAP_CHECK(fail.text[0] != '\0');
    al_buf_free(&bad);
}

static void
test_a_damaged_manifest_line_is_refused(void)
{
    refuse("\"format\":1", "\"format\":2");
    refuse("\"format\":1,", "");
    refuse("\"path\":\"a/b\"", "\"path\":\"a/../b\"");
    refuse("\"path\":\"a/b\"", "\"path\":\"/a/b\"");
    refuse("\"path\":\"a/b\"", "\"path\":\"\"");
    refuse("\"path\":\"a/b\"", "\"path\":\"a\\u0000b\"");
    refuse("\"path\":\"a/b\"", "\"path\":7");
    refuse("\"object\":\"01", "\"object\":\"../01");
    refuse("\"name\":\"objects/", "\"name\":\"/objects/");
    refuse("\"name\":\"objects/", "\"name\":\"../objects/");
    refuse("\"mode\":\"6755\"", "\"mode\":\"6758\"");
    refuse("\"mode\":\"6755\"", "\"mode\":\"76755\"");
    refuse("\"mode\":\"6755\"", "\"mode\":\"\"");
    refuse("\"uid\":4294967295", "\"uid\":4294967296");
    refuse("\"size\":", "\"size\":-");
    refuse("\"xxh128\":\"f", "\"xxh128\":\"");
    refuse("\"xxh128\":\"f", "\"xxh128\":\"g");
    refuse("\"sha256\":\"0", "\"sha256\":\"00");
    refuse("\"value_b64\":\"AAH/\"", "\"value_b64\":\"AAH\"");
    refuse("\"xattrs\":[{", "\"xattrs\":[7,{");
    refuse("\"owner\":\"", "\"owner\":\"\\u0000");
}

static void
test_too_many_attributes_are_a_limit_not_a_cut(void)
{
    AL_CLEANUP(al_buf_free) struct al_buf line = {.max = 2 * MANIFEST_LINE_MAX};
    AL_CLEANUP(al_freep) uint8_t *big = al_zalloc(MANIFEST_LINE_MAX);
    struct manifest_record r = record();

    TAP_CHECK(big != NULL);
    TAP_OK(al_buf_adds(&line, "before\n"));
    xattrs[0].value = (struct al_span){big, MANIFEST_LINE_MAX * 3 / 4};
    TAP_CODE(manifest_print(&r, &line), AL_ELIMIT);
    TAP_EQUAL_STR((char *)line.at, "before\n");
    xattrs[0].value.len = MANIFEST_LINE_MAX / 2;
    TAP_OK(manifest_print(&r, &line));
}

/* ---- the folder kind on a simulated disk ---- */

#define OBJECT_BYTES 9000u

static int
open_sim(struct port *port, bool make, struct target **ret)
{
    struct target_conf conf = {.url = "file:///share", .customer_id = customer};

    return target_open(port, &conf, make, ret, NULL);
}

static int
put_sim(struct target *t, const char *name)
{
    static uint8_t bytes[OBJECT_BYTES];
    struct target_put *p = NULL;
    bool done = false;
    int r;

    memset(bytes, 'x', sizeof(bytes));
    r = target_put_begin(t, name, sizeof(bytes), &p, NULL);
    if (r == AL_OK) {
        r = target_put_write(p, bytes, sizeof(bytes), NULL);
    }
    while (r == AL_OK && !done) {
        r = target_put_step(p, &done, NULL);
    }
    target_put_end(p);
    return r;
}

/* Under its name there is nothing, or all of it. */
static bool
whole_or_absent(struct target *t, const char *name, bool *ret_there)
{
    static uint8_t got[OBJECT_BYTES + 1], want[OBJECT_BYTES];
    size_t len = 0;
    uint64_t size = 0;
    int r = target_size(t, name, &size, NULL);

    memset(want, 'x', sizeof(want));
    *ret_there = r == AL_OK;
    if (r != AL_OK) {
        return r == AL_ENOENT;
    }
    r = target_get_small(t, name, got, sizeof(got), &len, NULL);
    return r == AL_OK && len == OBJECT_BYTES && memcmp(got, want, len) == 0;
}

static void
power_cuts(enum sim_order order, enum sim_crash how, bool after)
{
    char name[TARGET_NAME_MAX];
    uint64_t nth;
    int r = AL_ECRASH;

    TAP_OK(target_object_name(id, al_span_of("a.txt"), name));
    for (nth = 1; r != AL_OK && nth < 500; nth++) {
        struct target *t = NULL;
        struct sim *sim = NULL;
        bool there = false;

        TAP_OK(sim_new(nth * 31 + (unsigned)how, order, &sim));
        TAP_OK(open_sim(sim_port(sim), true, &t));
        sim_crash_at(sim, nth, how, after);
        r = put_sim(t, name);
        target_close(t);
        TAP_OK(sim_restart(sim, how));
        TAP_OK(open_sim(sim_port(sim), false, &t));
        TAP_CHECK(whole_or_absent(t, name, &there));
        TAP_CHECK(r != AL_OK || there); /* what was said to be done is there */
        if (!there) {
            TAP_OK(put_sim(t, "objects/z/z/another"));
        }
        target_close(t);
        TAP_EQUAL_U64(sim_open_files(sim), 0);
        sim_free(sim);
    }
    TAP_CHECK(nth > 15 && nth < 500);
}

static void
test_an_object_is_whole_or_absent_after_any_crash(void)
{
    power_cuts(SIM_ORDER_GLOBAL, SIM_POWER, false);
    power_cuts(SIM_ORDER_GLOBAL, SIM_POWER, true);
    power_cuts(SIM_ORDER_OBJECT, SIM_POWER, false);
    power_cuts(SIM_ORDER_OBJECT, SIM_POWER, true);
    power_cuts(SIM_ORDER_GLOBAL, SIM_KILL, false);
    power_cuts(SIM_ORDER_GLOBAL, SIM_KILL, true);
}

static void
identity_cuts(enum sim_order order)
{
    uint64_t nth;
    int r = AL_ECRASH;

    for (nth = 1; r != AL_OK && nth < 500; nth++) {
        struct target *t = NULL;
        struct sim *sim = NULL;

        TAP_OK(sim_new(nth, order, &sim));
        sim_crash_at(sim, nth, SIM_POWER, false);
        r = open_sim(sim_port(sim), true, &t);
        t = target_close(t);
        TAP_OK(sim_restart(sim, SIM_POWER));
        TAP_OK(open_sim(sim_port(sim), true, &t)); /* the second start heals what the first left */
        t = target_close(t);
        TAP_OK(open_sim(sim_port(sim), false, &t));
        target_close(t);
        sim_free(sim);
    }
    TAP_CHECK(nth > 10 && nth < 500);
}

static void
test_a_share_can_be_set_up_again_after_any_power_cut(void)
{
    identity_cuts(SIM_ORDER_GLOBAL);
    identity_cuts(SIM_ORDER_OBJECT);
}

static void
append_cuts(enum sim_order order)
{
    AL_CLEANUP(al_buf_free) struct al_buf got = {.max = 100};
    uint64_t nth;
    int r = AL_ECRASH;

    for (nth = 1; r != AL_OK && nth < 500; nth++) {
        struct target *t = NULL;
        struct sim *sim = NULL;
        int first;

        TAP_OK(sim_new(nth, order, &sim));
        TAP_OK(open_sim(sim_port(sim), true, &t));
        sim_crash_at(sim, nth, SIM_POWER, false);
        first = target_append(t, "manifests/h/m.jsonl", 0, "one\n", 4, NULL);
        r = first == AL_OK ? target_append(t, "manifests/h/m.jsonl", 4, "two\n", 4, NULL) : first;
        target_close(t);
        TAP_OK(sim_restart(sim, SIM_POWER));
        TAP_OK(open_sim(sim_port(sim), false, &t));
        al_buf_clear(&got);
        if (first == AL_OK) {
            TAP_OK(target_read_file(t, "manifests/h/m.jsonl", 100, &got, NULL));
            TAP_CHECK(got.len >= 4 && memcmp(got.at, "one\n", 4) == 0);
        }
        if (r == AL_OK) {
            TAP_CHECK(got.len == 8 && memcmp(got.at, "one\ntwo\n", 8) == 0);
        }
        target_close(t);
        sim_free(sim);
    }
    TAP_CHECK(nth > 10 && nth < 500);
}

static void
test_appended_lines_last_once_they_are_said_to(void)
{
    append_cuts(SIM_ORDER_GLOBAL);
    append_cuts(SIM_ORDER_OBJECT);
}

/* ---- the manifest writer ---- */

static int
count_lines(void *ctx, const char *name, bool is_folder, uint64_t size, int64_t mtime_ns)
{
    unsigned *files = ctx;

    (*files)++;
    return AL_OK;
}

static void
test_a_failed_commit_never_appends_behind_an_unknown_end(void)
{
    struct target_conf conf = {.url = "file:///share", .customer_id = customer};
    struct manifest_record r = record();
    struct manifest_writer *w = NULL;
    struct sim *sim = NULL;
    struct target *t = NULL;
    struct al_fail fail = {0};
    unsigned files = 0;
    char folder[TARGET_NAME_MAX];

    TAP_OK(sim_new(1, SIM_ORDER_GLOBAL, &sim));
    TAP_OK(open_sim(sim_port(sim), true, &t));
    TAP_OK(manifest_writer_open(sim_port(sim), &conf, r.host_id, &w, &fail));
    TAP_OK(manifest_commit(w, &r, &fail));
    TAP_OK(manifest_commit(w, &r, &fail));
    (void)snprintf(folder, sizeof(folder), "manifests/%s", r.host_id);
    TAP_OK(target_list(t, folder, count_lines, &files, &fail));
    TAP_EQUAL_U64(files, 1);
    sim_read_only(sim, true);
    TAP_CODE(manifest_commit(w, &r, &fail), AL_EROFS);
    TAP_CHECK(fail.text[0] != '\0');
    memset(&fail, 0, sizeof(fail));
    sim_read_only(sim, false);
    TAP_OK(manifest_commit(w, &r, &fail));
    files = 0;
    TAP_OK(target_list(t, folder, count_lines, &files, &fail));
    TAP_EQUAL_U64(files, 2);
    sim_clock_add(sim, INT64_C(86400000000000));
    TAP_OK(manifest_commit(w, &r, &fail));
    files = 0;
    TAP_OK(target_list(t, folder, count_lines, &files, &fail));
    TAP_EQUAL_U64(files, 3); /* a new day, a new file */
    manifest_writer_close(w);
    target_close(t);
    sim_free(sim);
}

static void
test_a_manifest_that_was_cut_gets_no_line_behind_its_cut(void)
{
    struct target_conf conf = {.url = "file:///share", .customer_id = customer};
    struct manifest_record r = record();
    struct manifest_writer *w = NULL;
    struct sim *sim = NULL;
    struct target *t = NULL;
    struct al_fail fail = {0};
    unsigned files = 0;
    char folder[TARGET_NAME_MAX], path[TARGET_NAME_MAX + 10];
    struct port_file *f = NULL, *dir = NULL;
    struct port_dir *listing = NULL;
    struct port_dirent e;
    bool end = false;

    TAP_OK(sim_new(1, SIM_ORDER_GLOBAL, &sim));
    TAP_OK(open_sim(sim_port(sim), true, &t));
    TAP_OK(manifest_writer_open(sim_port(sim), &conf, r.host_id, &w, &fail));
    TAP_OK(manifest_commit(w, &r, &fail));
    (void)snprintf(folder, sizeof(folder), "manifests/%s", r.host_id);
    (void)snprintf(path, sizeof(path), "/share/%s", folder);
    TAP_OK(port_open(sim_port(sim), NULL, path, PORT_READ | PORT_FOLDER, 0, &dir));
    TAP_OK(port_dir_open(sim_port(sim), dir, &listing));
    TAP_OK(port_dir_next(sim_port(sim), listing, &e, &end));
    TAP_OK(port_open(sim_port(sim), dir, e.name, PORT_READ | PORT_WRITE, 0, &f));
    TAP_OK(port_truncate(sim_port(sim), f, 10));
    TAP_OK(port_close(sim_port(sim), f));
    port_dir_close(sim_port(sim), &listing);
    TAP_OK(port_close(sim_port(sim), dir));
    TAP_OK(manifest_commit(w, &r, &fail));
    TAP_EQUAL_STR(fail.text, "");
    TAP_OK(target_list(t, folder, count_lines, &files, &fail));
    TAP_EQUAL_U64(files, 2); /* the line is in one of its own */
    manifest_writer_close(w);
    target_close(t);
    sim_free(sim);
}

/* What is open would take lines for ever, where nobody looks for them. */
static void
test_lines_do_not_follow_a_share_that_is_moved_away(void)
{
    struct target_conf conf = {.url = "file:///share", .customer_id = customer};
    struct manifest_record r = record();
    struct manifest_writer *w = NULL;
    struct port_file *root = NULL;
    struct sim *sim = NULL;
    struct target *old = NULL, *there = NULL;
    struct port *port;
    struct al_fail fail = {0};
    unsigned files = 0;
    char folder[TARGET_NAME_MAX];

    TAP_OK(sim_new(1, SIM_ORDER_GLOBAL, &sim));
    port = sim_port(sim);
    TAP_OK(open_sim(port, true, &old));
    TAP_OK(manifest_writer_open(port, &conf, r.host_id, &w, &fail));
    TAP_OK(manifest_commit(w, &r, &fail));
    TAP_OK(port_open(port, NULL, "/", PORT_READ | PORT_FOLDER, 0, &root));
    TAP_OK(port_rename(port, root, "share", root, "moved", false));
    TAP_CODE(manifest_commit(w, &r, &fail), AL_EUNREACH);
    TAP_OK(open_sim(port, true, &there));
    TAP_OK(target_confirm(there, &fail));
    TAP_CODE(target_confirm(old, &fail), AL_EUNREACH);
    TAP_CODE(manifest_commit(w, &r, &fail), AL_EUNREACH);
    memset(&fail, 0, sizeof(fail));
    TAP_OK(manifest_commit(w, &r, &fail));
    (void)snprintf(folder, sizeof(folder), "manifests/%s", r.host_id);
    TAP_OK(target_list(there, folder, count_lines, &files, &fail));
    TAP_EQUAL_U64(files, 1);
    manifest_writer_close(w);
    target_close(old);
    target_close(there);
    TAP_OK(port_close(port, root));
    sim_free(sim);
}

/* ---- the folder kind on this system's own files ---- */

static void
wipe(struct port *port, struct port_file *dir, const char *name)
{
    struct port_file *self = NULL;
    struct port_dir *listing = NULL;
    struct port_dirent e;
    char kept[64][128];
    unsigned count = 0;
    bool end = false;

    if (port_open(port, dir, name, PORT_READ | PORT_FOLDER, 0, &self) != AL_OK) {
        TAP_OK(port_unlink(port, dir, name));
        return;
    }
    TAP_OK(port_dir_open(port, self, &listing));
    while (count < AL_LEN(kept) && port_dir_next(port, listing, &e, &end) == AL_OK && !end) {
        (void)snprintf(kept[count++], sizeof(kept[0]), "%s", e.name);
    }
    port_dir_close(port, &listing);
    while (count > 0) {
        wipe(port, self, kept[--count]);
    }
    port_close_quiet(port, &self);
    TAP_OK(port_rmdir(port, dir, name));
}

static void
test_a_folder_of_this_system_is_a_share(void)
{
    static uint8_t got[OBJECT_BYTES];
    struct port *port = port_native();
    const char *temp = port_env("TEMP") ? port_env("TEMP") : "/tmp";
    char path[300], url[400], name[TARGET_NAME_MAX], *c;
    struct target_conf conf = {.url = url, .customer_id = customer};
    struct target_space space;
    struct target *t = NULL;
    uint8_t chance[10];
    uint64_t size = 0;
    unsigned files = 0;
    size_t len = 0;
    al_id one;

    TAP_OK(port_random(port, chance, sizeof(chance)));
    al_id_make(port_now_ns(port), chance, one);
    (void)snprintf(path, sizeof(path), "%s/alto-%s", temp, one);
    for (c = path; *c; c++) {
        *c = *c == '\\' ? '/' : *c;
    }
    (void)snprintf(url, sizeof(url), "file://%s%s", path[0] == '/' ? "" : "/", path);
    TAP_OK(target_object_name(one, al_span_of("a.txt"), name));
    TAP_CHECK(target_open(port, &conf, false, &t, NULL) != AL_OK);
    TAP_OK(target_open(port, &conf, true, &t, NULL));
    TAP_OK(target_check(t, &space, NULL));
    TAP_CHECK(space.bytes_total >= space.bytes_free && space.bytes_total > 0);
    TAP_OK(put_sim(t, name));
    TAP_CODE(put_sim(t, name), AL_EEXIST);
    TAP_OK(target_get_small(t, name, got, sizeof(got), &len, NULL));
    TAP_CHECK(len == OBJECT_BYTES && got[0] == 'x' && got[OBJECT_BYTES - 1] == 'x');
    TAP_OK(target_append(t, "manifests/h/m.jsonl", 0, "one\n", 4, NULL));
    TAP_OK(target_append(t, "manifests/h/m.jsonl", 4, "two\n", 4, NULL));
    TAP_OK(target_size(t, "manifests/h/m.jsonl", &size, NULL));
    TAP_EQUAL_U64(size, 8);
    TAP_OK(target_list(t, "", count_lines, &files, NULL));
    TAP_EQUAL_U64(files, 4); /* identity, incoming, objects, manifests */
    files = 0;
    TAP_OK(target_list(t, TARGET_INCOMING, count_lines, &files, NULL));
    TAP_EQUAL_U64(files, 0);
    TAP_OK(target_remove(t, name, NULL));
    TAP_CODE(target_size(t, name, &size, NULL), AL_ENOENT);
    target_close(t);
    wipe(port, NULL, path);
}

int
main(void)
{
    TAP_RUN(test_an_object_keeps_an_extension_that_windows_can_bear);
    TAP_RUN(test_only_identifiers_name_objects);
    TAP_RUN(test_names_never_leave_the_share);
    TAP_RUN(test_a_manifest_line_keeps_every_attribute);
    TAP_RUN(test_a_cut_manifest_line_is_never_taken_for_whole);
    TAP_RUN(test_a_damaged_manifest_line_is_refused);
    TAP_RUN(test_too_many_attributes_are_a_limit_not_a_cut);
    TAP_RUN(test_an_object_is_whole_or_absent_after_any_crash);
    TAP_RUN(test_a_share_can_be_set_up_again_after_any_power_cut);
    TAP_RUN(test_appended_lines_last_once_they_are_said_to);
    TAP_RUN(test_a_failed_commit_never_appends_behind_an_unknown_end);
    TAP_RUN(test_a_manifest_that_was_cut_gets_no_line_behind_its_cut);
    TAP_RUN(test_lines_do_not_follow_a_share_that_is_moved_away);
    TAP_RUN(test_a_folder_of_this_system_is_a_share);
    return tap_end();
}
