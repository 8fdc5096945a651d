/* test_target.c: what every kind of share must do. Run with "folder", with "smb" (real
 * Samba), and under Wine with "unc". */
#include "subject.h"
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/target/manifest.h"
#include "base/fault.h"
#include "port/thread.h"

#define MIB (1u << 20)
#define HOST "01hzxk5a9q3m7e8r2t4w6y0hst"

static struct subject on;
static struct al_fail fail;

static struct target *
open_on(const struct subject *s)
{
    struct target_conf conf = subject_conf(s, 10000);
    struct target *t = NULL;
    int r;

    memset(&fail, 0, sizeof(fail));
    r = target_open(port_native(), &conf, true, &t, &fail);
    if (r != AL_OK) {
        printf("# %d %s\n", r, fail.text);
    }
    memset(&fail, 0, sizeof(fail));
    return t;
}

static void
test_every_size_comes_back_as_it_went(void)
{
    static const uint64_t sizes[] = {0,       1,       7,           8,       9,       4095,
                                     4096,    4097,    65535,       65536,   65537,   MIB,
                                     MIB - 1, MIB + 1, 3 * MIB + 5, 4 * MIB, 9 * MIB, 100ull * MIB};
    struct target *t = open_on(&on);
    char name[TARGET_NAME_MAX];
    size_t i;

    TAP_CHECK(t != NULL);
    for (i = 0; i < AL_LEN(sizes); i++) {
        subject_name("film.MOV", name);
        TAP_OK(subject_put(t, name, sizes[i], i + 1, TARGET_CHUNK_BYTES, &fail));
        TAP_OK(subject_get(t, name, sizes[i], i + 1, TARGET_CHUNK_BYTES, &fail));
    }
    TAP_EQUAL_U64(subject_files(&on, "incoming"), 0);
    TAP_EQUAL_U64(subject_files(&on, "objects"), AL_LEN(sizes));
    target_close(t);
}

static void
test_odd_pieces_make_no_difference(void)
{
    static const size_t pieces[] = {1, 777, 65536, 1000003, 5 * MIB};
    struct target *t = open_on(&on);
    char name[TARGET_NAME_MAX];
    size_t i;

    for (i = 0; i < AL_LEN(pieces); i++) {
        uint64_t size = pieces[i] == 1 ? 5000 : 4 * MIB + 4321;

        subject_name("x", name);
        TAP_OK(subject_put(t, name, size, i, pieces[i], &fail));
        TAP_OK(subject_get(t, name, size, i, pieces[AL_LEN(pieces) - 1 - i] == 1 ? 3 : pieces[i],
                           &fail));
    }
    target_close(t);
}

static void
test_a_get_goes_where_it_is_sent(void)
{
    static const uint64_t to[] = {9 * MIB, 0, 5 * MIB + 4096, 5 * MIB + 4096, 8, 20 * MIB, 64};
    static uint8_t got[70000], want[70000];
    struct target *t = open_on(&on);
    struct target_get *g = NULL;
    char name[TARGET_NAME_MAX];
    uint64_t size;
    size_t len;

    subject_name("film.mov", name);
    TAP_OK(subject_put(t, name, 20 * MIB, 7, TARGET_CHUNK_BYTES, &fail));
    TAP_OK(target_get_begin(t, name, &g, &size, &fail));
    for (size_t i = 0; i < AL_LEN(to); i++) {
        uint64_t at = to[i];

        TAP_OK(target_get_seek(g, to[i], &fail));
        for (unsigned more = 0; more < 3; more++, at += len) {
            TAP_OK(target_get_read(g, got, sizeof(got), &len, &fail));
            TAP_CHECK(to[i] == size ? len == 0 : len > 0);
            subject_fill(want, len, 7, at);
            TAP_CHECK(memcmp(got, want, len) == 0);
        }
    }
    TAP_CODE(target_get_seek(g, size + 1, NULL), AL_EINVAL);
    target_get_end(g);
    target_close(t);
}

static void
test_small_objects_come_in_one_call(void)
{
    static const uint64_t sizes[] = {0, 1, 4097, 65536, MIB};
    static uint8_t got[MIB], want[MIB];
    struct target *t = open_on(&on);
    char name[TARGET_NAME_MAX];
    size_t i, len;

    for (i = 0; i < AL_LEN(sizes); i++) {
        subject_name("a.txt", name);
        TAP_OK(subject_put(t, name, sizes[i], 7, TARGET_CHUNK_BYTES, &fail));
        len = 99;
        TAP_OK(target_get_small(t, name, got, sizeof(got), &len, &fail));
        TAP_EQUAL_U64(len, sizes[i]);
        subject_fill(want, len, 7, 0);
        TAP_CHECK(memcmp(got, want, len) == 0);
    }
    TAP_CODE(target_get_small(t, name, got, MIB - 1, &len, &fail), AL_ELIMIT);
    TAP_OK(target_get_small(t, name, got, sizeof(got), &len, NULL));
    target_close(t);
}

static void
test_an_existing_name_is_never_replaced(void)
{
    struct target *t = open_on(&on);
    char name[TARGET_NAME_MAX];
    uint64_t sizes[] = {100, 3 * MIB};
    size_t i;

    for (i = 0; i < AL_LEN(sizes); i++) {
        subject_name("a.txt", name);
        TAP_OK(subject_put(t, name, sizes[i], 1, TARGET_CHUNK_BYTES, &fail));
        memset(&fail, 0, sizeof(fail));
        TAP_CODE(subject_put(t, name, sizes[i], 2, TARGET_CHUNK_BYTES, &fail), AL_EEXIST);
        TAP_CHECK(fail.text[0] != '\0');
        TAP_OK(subject_get(t, name, sizes[i], 1, TARGET_CHUNK_BYTES, &fail));
    }
    TAP_EQUAL_U64(subject_files(&on, "incoming"), 0);
    target_close(t);
}

static void
test_an_aborted_put_leaves_nothing(void)
{
    static uint8_t bytes[MIB];
    uint64_t sizes[] = {0, 1000, 5 * MIB};
    int before = subject_files(&on, "objects");
    struct target *t = open_on(&on);
    char name[TARGET_NAME_MAX];
    unsigned steps;
    size_t i;

    for (i = 0; i < AL_LEN(sizes); i++) {
        for (steps = 0; steps < 5; steps++) {
            struct target_put *p = NULL;
            bool done = false;
            uint64_t at;
            unsigned k;

            subject_name("x", name);
            TAP_OK(target_put_begin(t, name, sizes[i], &p, &fail));
            for (at = 0; at < sizes[i]; at += sizeof(bytes)) {
                TAP_OK(target_put_write(
                    p, bytes, sizes[i] - at < MIB ? (size_t)(sizes[i] - at) : MIB, &fail));
            }
            for (k = 0; k < steps && !done; k++) {
                TAP_OK(target_put_step(p, &done, &fail));
            }
            target_put_end(p);
            before += done;
        }
    }
    TAP_EQUAL_U64(subject_files(&on, "incoming"), 0);
    TAP_EQUAL_U64(subject_files(&on, "objects"), before);
    target_close(t);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
/* The server's disk gives back something else than it was given: once all is written, or when
 * `after` bytes are. */
static void
corrupt(const char *how, uint64_t size, uint64_t after)
{
    static uint8_t bytes[MIB];
    struct target *t = open_on(&on);
    struct target_put *p = NULL;
    char name[TARGET_NAME_MAX], *base;
    bool done = false;
    uint64_t at;
    int r = AL_OK;

    subject_name("x", name);
    base = strrchr(name, '/') + 1;
    TAP_OK(target_put_begin(t, name, size, &p, &fail));
    for (at = 0; at < size; at += sizeof(bytes)) {
        subject_fill(bytes, sizeof(bytes), 3, at);
        TAP_OK(target_put_write(p, bytes, MIB, &fail));
        if (at == after) {
            TAP_EQUAL_U64(subject_shell(how, on.dir, base), 0);
        }
    }
    TAP_OK(target_put_step(p, &done, &fail));
    TAP_CHECK(!done);
    if (after >= size) {
        TAP_EQUAL_U64(subject_shell(how, on.dir, base), 0);
    }
    while (r == AL_OK && !done) {
        r = target_put_step(p, &done, &fail);
    }
    TAP_CODE(r, AL_ECORRUPT);
    TAP_CHECK(strstr(fail.text, "not what was written") != NULL);
    memset(&fail, 0, sizeof(fail));
    TAP_CHECK(target_put_step(p, &done, NULL) != AL_OK); /* it cannot be talked into it */
    target_put_end(p);
    TAP_CODE(subject_get(t, name, size, 3, MIB, NULL), AL_ENOENT);
    target_close(t);
}

static void
test_a_changed_byte_is_found_by_the_read_back(void)
{
    static const char flip[] = "printf '\\125\\252' | dd of='%s/incoming/%s.part' bs=1 seek=700001 "
                               "conv=notrunc status=none";
    static const char longer[] = "printf x >>'%s/incoming/%s.part'";
    static const char shorter[] = "truncate -s 1048000 '%s/incoming/%s.part'";

    corrupt(flip, MIB, MIB);
    corrupt(flip, 6 * MIB, 6 * MIB);
    corrupt(longer, MIB, MIB);
    corrupt(longer, 6 * MIB, 6 * MIB);
    corrupt(shorter, MIB, MIB);
    corrupt(shorter, 6 * MIB, 6 * MIB);
    TAP_EQUAL_U64(subject_files(&on, "incoming"), 0);
}

/* What a large object's early flushes made durable is read back while the rest is written. */
static void
test_a_changed_byte_of_a_large_object_is_found_wherever_it_is(void)
{
    static const char early[] =
        "printf '\\125\\252' | dd of='%s/incoming/%s.part' bs=1 seek=700001 "
        "conv=notrunc status=none";
    static const char late[] =
        "printf '\\125\\252' | dd of='%s/incoming/%s.part' bs=1 seek=73300001 "
        "conv=notrunc status=none";

    corrupt(early, 80 * MIB, 20 * MIB);
    corrupt(late, 80 * MIB, 80 * MIB);
    TAP_EQUAL_U64(subject_files(&on, "incoming"), 0);
}
#pragma GCC diagnostic pop

static void
test_what_is_not_there_is_told(void)
{
    struct target *t = open_on(&on);
    char name[TARGET_NAME_MAX];
    uint64_t size;
    uint8_t b[8];
    size_t len;

    subject_name("x", name);
    TAP_CODE(subject_get(t, name, 1, 1, 1, &fail), AL_ENOENT);
    TAP_CODE(target_get_small(t, name, b, sizeof(b), &len, NULL), AL_ENOENT);
    TAP_CODE(target_size(t, name, &size, NULL), AL_ENOENT);
    TAP_CODE(target_remove(t, name, NULL), AL_ENOENT);
    TAP_CODE(target_size(t, "manifests/none/at/all", &size, NULL), AL_ENOENT);
    TAP_CODE(target_size(t, "../up", &size, NULL), AL_EINVAL);
    TAP_CODE(target_size(t, "/abs", &size, NULL), AL_EINVAL);
    TAP_CODE(target_remove(t, "a//b", NULL), AL_EINVAL);
    target_close(t);
}

static void
test_a_share_without_its_identity_knows_nothing(void)
{
    struct target *t = open_on(&on);
    struct target_space space;
    char name[TARGET_NAME_MAX];
    uint64_t size;

    subject_name("x", name);
    TAP_OK(target_check(t, &space, &fail));
    TAP_CHECK(space.bytes_total > 0 && space.bytes_free <= space.bytes_total);
    TAP_EQUAL_U64(subject_shell("mv '%s/alto-share.json' '%s/away'", on.dir, on.work), 0);
    TAP_CODE(target_size(t, name, &size, &fail), AL_EUNREACH);
    memset(&fail, 0, sizeof(fail));
    TAP_CODE(subject_get(t, name, 1, 1, 1, NULL), AL_EUNREACH);
    TAP_CODE(target_remove(t, name, NULL), AL_EUNREACH);
    TAP_CODE(target_check(t, &space, &fail), AL_EUNREACH);
    memset(&fail, 0, sizeof(fail));
    TAP_EQUAL_U64(subject_shell("mv '%s/away' '%s/alto-share.json'", on.work, on.dir), 0);
    TAP_OK(target_check(t, &space, &fail));
    TAP_CODE(target_size(t, name, &size, NULL), AL_ENOENT);
    target_close(t);
}

static void
test_somebody_elses_share_is_refused(void)
{
    struct subject other;
    struct target_conf conf;
    struct target *t = NULL, *ours;
    struct target_space space;

    subject_other(&on, "foreign", &other);
    conf = subject_conf(&other, 5000);
    TAP_CODE(target_open(port_native(), &conf, true, &t, &fail), AL_EFOREIGN);
    TAP_CHECK(strstr(fail.text, "another customer") != NULL);
    TAP_EQUAL_U64(subject_files(&other, "."), 1);
    /* Swapped while open. */
    ours = open_on(&on);
    TAP_EQUAL_U64(
        subject_shell("cd '%s' && cp alto-share.json '%s/ours' && cp '%s/alto-share.json' .",
                      on.dir, on.work, other.dir),
        0);
    TAP_CODE(target_check(ours, &space, &fail), AL_EFOREIGN);
    memset(&fail, 0, sizeof(fail));
    TAP_EQUAL_U64(subject_shell("cp '%s/ours' '%s/alto-share.json'", on.work, on.dir), 0);
    TAP_OK(target_check(ours, &space, &fail));
    target_close(ours);
}

static void
test_an_identity_is_made_in_an_empty_root_only(void)
{
    struct subject sub = on;
    struct target_conf conf;
    struct target *t = NULL;

    (void)snprintf(sub.url + strlen(sub.url), 16, "/below");
    (void)snprintf(sub.dir + strlen(sub.dir), 16, "/below");
    conf = subject_conf(&sub, 5000);
    TAP_CHECK(target_open(port_native(), &conf, false, &t, NULL) != AL_OK);
    TAP_OK(target_open(port_native(), &conf, true, &t, &fail));
    target_close(t);
    TAP_OK(target_open(port_native(), &conf, false, &t, &fail));
    target_close(t);
    TAP_EQUAL_U64(
        subject_shell("rm '%s/alto-share.json' && touch '%s/something'", sub.dir, sub.dir), 0);
    TAP_CODE(target_open(port_native(), &conf, false, &t, NULL), AL_ENOENT);
    TAP_CODE(target_open(port_native(), &conf, true, &t, NULL), AL_ENOTEMPTY);
    TAP_EQUAL_U64(subject_shell("rm -r '%s'", sub.dir), 0);
}

static void *
use_first(void *arg)
{
    struct target_conf conf = subject_conf(arg, 20000);
    struct target *t = NULL;
    int r = target_open(port_native(), &conf, true, &t, NULL);

    if (r == AL_OK) {
        r = target_try_write(t, NULL); /* from now on the root is not empty */
    }
    target_close(t);
    return (void *)(intptr_t)r;
}

static void
test_many_use_an_empty_share_first(void)
{
    for (unsigned round = 0; round < 12; round++) {
        struct subject sub = on;
        pthread_t id[8];
        void *r;

        (void)snprintf(sub.url + strlen(sub.url), 16, "/first%u", round);
        (void)snprintf(sub.dir + strlen(sub.dir), 16, "/first%u", round);
        TAP_EQUAL_U64(subject_shell("mkdir '%s'", sub.dir), 0);
        for (size_t i = 0; i < AL_LEN(id); i++) {
            TAP_EQUAL_U64(pthread_create(&id[i], NULL, use_first, &sub), 0);
        }
        for (size_t i = 0; i < AL_LEN(id); i++) {
            pthread_join(id[i], &r);
            TAP_CODE((int)(intptr_t)r, AL_OK);
        }
        TAP_EQUAL_U64(subject_shell("rm -r '%s'", sub.dir), 0);
    }
}

static void
test_a_full_share_says_so_and_goes_on_when_there_is_room(void)
{
    struct subject small;
    struct target *t;
    char name[TARGET_NAME_MAX], kept[TARGET_NAME_MAX] = "";
    unsigned i, good = 0;
    int r = AL_OK;

    if (!subject_is_root()) {
        tap_skip("needs root for a small file system");
    }
    subject_other(&on, "small", &small);
    t = open_on(&small);
    TAP_CHECK(t != NULL);
    subject_name("x", name);
    TAP_CODE(subject_put(t, name, 9 * MIB, 1, TARGET_CHUNK_BYTES, &fail), AL_ENOSPC);
    TAP_CHECK(strstr(fail.text, "full") != NULL);
    memset(&fail, 0, sizeof(fail));
    for (i = 0; i < 100 && r == AL_OK; i++) {
        subject_name("x", name);
        r = subject_put(t, name, 65536, i, TARGET_CHUNK_BYTES, NULL);
        if (r == AL_OK) {
            memcpy(kept, name, sizeof(kept));
            good++;
        }
    }
    TAP_CODE(r, AL_ENOSPC);
    TAP_CHECK(good > 10);
    TAP_OK(subject_get(t, kept, 65536, good - 1, TARGET_CHUNK_BYTES, &fail));
    TAP_EQUAL_U64(subject_files(&small, "incoming"), 0);
    TAP_OK(target_remove(t, kept, &fail));
    TAP_OK(subject_put(t, kept, 65536, 5, TARGET_CHUNK_BYTES, &fail));
    target_close(t);
}

/* Windows has one error for a share that nobody may write to and for a folder that we may not. */
#define SAYS_READ_ONLY(call) subject_says(call, AL_EROFS, on.unc ? AL_EACCES : AL_EROFS)

static void
test_a_read_only_share_is_told_from_a_forbidden_one(void)
{
    struct subject ro;
    struct target *t = open_on(&on);
    char name[TARGET_NAME_MAX], other[TARGET_NAME_MAX];

    if (!subject_is_root()) {
        tap_skip("needs root");
    }
    subject_name("x", name);
    subject_name("x", other);
    TAP_OK(subject_put(t, name, 1000, 1, 1000, &fail));
    target_close(t);
    if (on.smb) {
        subject_other(&on, "readonly", &ro);
    } else {
        subject_other(&on, "small", &ro);
        t = open_on(&ro);
        TAP_OK(subject_put(t, name, 1000, 1, 1000, &fail));
        target_close(t);
        TAP_EQUAL_U64(subject_shell("mount -o remount,ro '%s'", ro.dir), 0);
    }
    t = open_on(&ro);
    TAP_CHECK(t != NULL);
    TAP_OK(subject_get(t, name, 1000, 1, 1000, &fail));
    TAP_CHECK(SAYS_READ_ONLY(subject_put(t, other, 1000, 1, 1000, &fail)));
    memset(&fail, 0, sizeof(fail));
    TAP_CHECK(SAYS_READ_ONLY(subject_put(t, other, 3 * MIB, 1, MIB, &fail)));
    memset(&fail, 0, sizeof(fail));
    TAP_CHECK(SAYS_READ_ONLY(target_append(t, "manifests/x.jsonl", 0, "x\n", 2, NULL)));
    if (!on.unc) { /* Wine says yes and does nothing */
        TAP_CODE(target_remove(t, name, NULL), AL_EROFS);
    }
    TAP_OK(subject_get(t, name, 1000, 1, 1000, &fail));
    target_close(t);
    if (!on.smb) {
        TAP_EQUAL_U64(subject_shell("mount -o remount,rw '%s'", ro.dir), 0);
    }
}

static void
test_appended_bytes_lie_where_they_belong(void)
{
    static const char file[] = "manifests/h/20260101-x.jsonl";
    AL_CLEANUP(al_buf_free) struct al_buf got;
    struct target *t = open_on(&on);
    static uint8_t big[3 * MIB + 8];
    uint64_t size;

    al_buf_init(&got, 16 * MIB);
    TAP_OK(target_append(t, file, 0, "one\n", 4, &fail));
    TAP_OK(target_append(t, file, 4, "two5678\n", 8, &fail));
    TAP_OK(target_append(t, "manifests/h/other.jsonl", 0, "other", 5, &fail));
    TAP_OK(target_append(t, file, 12, "three", 5, &fail));
    TAP_OK(target_size(t, file, &size, &fail));
    TAP_EQUAL_U64(size, 17);
    TAP_OK(target_read_file(t, file, 100, &got, &fail));
    TAP_EQUAL_STR((char *)got.at, "one\ntwo5678\nthree");
    TAP_CODE(target_read_file(t, file, 16, &got, NULL), AL_ELIMIT);
    subject_fill(big, sizeof(big), 9, 0);
    TAP_OK(target_append(t, file, 17, big, sizeof(big), &fail));
    al_buf_clear(&got);
    TAP_OK(target_read_file(t, file, 8 * MIB, &got, &fail));
    TAP_EQUAL_U64(got.len, 17 + sizeof(big));
    TAP_CHECK(memcmp(got.at + 17, big, sizeof(big)) == 0);
    TAP_OK(target_remove(t, file, &fail));
    TAP_CODE(target_size(t, file, &size, NULL), AL_ENOENT);
    TAP_OK(target_append(t, file, 0, "new", 3, &fail));
    TAP_OK(target_size(t, file, &size, &fail));
    TAP_EQUAL_U64(size, 3);
    target_close(t);
}

/* As a share that is put back to an earlier state does it, or a disk that lost an end. */
static void
test_nothing_is_appended_behind_an_end_that_moved(void)
{
    static const char file[] = "manifests/h/20260102-x.jsonl";
    struct target *t = open_on(&on);

    TAP_OK(target_append(t, file, 0, "one\n", 4, &fail));
    TAP_OK(target_append(t, file, 4, "two\n", 4, &fail));
    TAP_EQUAL_U64(subject_shell("truncate -s 5 '%s/%s'", on.dir, file), 0);
    TAP_CODE(target_append(t, file, 8, "lost\n", 5, NULL), AL_ECHANGED);
    TAP_CODE(target_append(t, file, 100, "lost\n", 5, NULL), AL_ECHANGED);
    TAP_EQUAL_U64(subject_shell("truncate -s 4 '%s/%s'", on.dir, file), 0);
    TAP_OK(target_append(t, file, 4, "two\n", 4, &fail));
    TAP_OK(target_append(t, file, 8, "three\n", 6, &fail));
    TAP_EQUAL_U64(subject_shell("test \"$(cat '%s/%s' | tr '\\n' ,)\" = one,two,three,", on.dir, file), 0);
    target_close(t);
}

struct seen {
    unsigned count, folders;
    uint64_t bytes;
    int64_t newest;
    unsigned stop_at;
};

static int
see(void *ctx, const char *name, bool is_folder, uint64_t size, int64_t mtime_ns)
{
    struct seen *s = ctx;

    s->count++;
    s->folders += is_folder;
    s->bytes += is_folder ? 0 : size;
    s->newest = mtime_ns > s->newest ? mtime_ns : s->newest;
    return s->count == s->stop_at ? AL_ECANCELED : AL_OK;
}

static void
test_a_listing_is_whole(void)
{
    struct target *t = open_on(&on);
    struct seen s = {0};
    int64_t now = port_now_ns(port_native());

    TAP_EQUAL_U64(subject_shell("mkdir -p '%s/manifests/list/sub'", on.dir), 0);
    TAP_EQUAL_U64(subject_shell("cd '%s/manifests/list' && for i in $(seq 1500); do echo 12345 "
                                ">a-rather-long-name-of-a-file-$i; done",
                                on.dir),
                  0);
    TAP_OK(target_list(t, "manifests/list", see, &s, &fail));
    TAP_EQUAL_U64(s.count, 1501);
    TAP_EQUAL_U64(s.folders, 1);
    TAP_EQUAL_U64(s.bytes, 1500 * 6);
    TAP_CHECK(s.newest > now - 60000000000 && s.newest < now + 60000000000);
    memset(&s, 0, sizeof(s));
    s.stop_at = 10;
    TAP_CODE(target_list(t, "manifests/list", see, &s, &fail), AL_ECANCELED);
    TAP_EQUAL_U64(s.count, 10);
    memset(&s, 0, sizeof(s));
    TAP_OK(target_list(t, "manifests/list/sub", see, &s, &fail));
    TAP_EQUAL_U64(s.count, 0);
    TAP_CODE(target_list(t, "manifests/none", see, &s, NULL), AL_ENOENT);
    target_close(t);
}

static void
test_an_object_that_lost_its_name_is_still_found(void)
{
    struct target *t = open_on(&on);
    char name[TARGET_NAME_MAX];
    static uint8_t b[2000];
    size_t len;

    subject_name("x.doc", name);
    TAP_OK(subject_put(t, name, 1234, 5, 1234, &fail));
    TAP_EQUAL_U64(subject_shell("mv '%s/%s' '%s/incoming/%s.part'", on.dir, name, on.dir,
                                strrchr(name, '/') + 1),
                  0);
    TAP_OK(subject_get(t, name, 1234, 5, 1000, &fail));
    TAP_OK(target_get_small(t, name, b, sizeof(b), &len, &fail));
    TAP_EQUAL_U64(len, 1234);
    TAP_EQUAL_U64(subject_shell("rm '%s/incoming/%s.part'", on.dir, strrchr(name, '/') + 1), 0);
    target_close(t);
}

#define WORKERS 4u
#define EACH 40u

static void *
work(void *arg)
{
    struct target_conf conf = subject_conf(&on, 20000);
    unsigned long failed = 0, i;
    struct target *t = NULL;

    if (target_open(port_native(), &conf, true, &t, NULL) != AL_OK) {
        return (void *)1;
    }
    for (i = 0; i < EACH; i++) {
        char name[TARGET_NAME_MAX];
        uint64_t size = (i * 7919) % 200000;

        subject_name("x.bin", name);
        failed += subject_put(t, name, size, i, 65536, NULL) != AL_OK;
        failed += subject_get(t, name, size, i, 65536, NULL) != AL_OK;
    }
    target_close(t);
    return (void *)(uintptr_t)failed;
}

static void
test_many_workers_share_a_share(void)
{
    pthread_t id[WORKERS];
    unsigned i;
    void *failed;
    unsigned long all = 0;

    for (i = 0; i < WORKERS; i++) {
        TAP_EQUAL_U64(pthread_create(&id[i], NULL, work, NULL), 0);
    }
    for (i = 0; i < WORKERS; i++) {
        pthread_join(id[i], &failed);
        all += (uintptr_t)failed;
    }
    TAP_EQUAL_U64(all, 0);
}

static void *
commit(void *arg)
{
    struct manifest_writer *w = arg;
    unsigned long failed = 0, i;

    for (i = 0; i < EACH; i++) {
        char name[TARGET_NAME_MAX];
        char object[AL_ID_LEN + 1];
        struct manifest_record r = {
            .object_id = object,
            .object_name = name,
            .host_id = HOST,
            .volume_id = HOST,
            .path = al_span_of("some/where"),
            .size = i,
        };

        subject_name("x", name);
        memcpy(object, strrchr(name, '/') + 1, AL_ID_LEN + 1);
        failed += manifest_commit(w, &r, NULL) != AL_OK;
    }
    return (void *)(uintptr_t)failed;
}

static int
first_file(void *ctx, const char *name, bool is_folder, uint64_t size, int64_t mtime_ns)
{
    (void)snprintf(ctx, TARGET_NAME_MAX, "manifests/" HOST "/%s", name);
    return AL_OK;
}

static void
test_workers_commit_to_one_manifest_without_losing_a_line(void)
{
    AL_CLEANUP(al_arena_freep) struct al_arena *arena = al_arena_new(8u << 20);
    AL_CLEANUP(al_buf_free) struct al_buf text = {.max = 8u << 20};
    struct target_conf conf = subject_conf(&on, 20000);
    struct manifest_writer *w = NULL;
    struct target *t = open_on(&on);
    char file[TARGET_NAME_MAX] = "";
    pthread_t worker[WORKERS];
    unsigned long all = 0, lines = 0;
    struct manifest_record r;
    unsigned i;
    uint8_t *at, *end;
    void *failed;

    TAP_OK(manifest_writer_open(port_native(), &conf, HOST, &w, &fail));
    for (i = 0; i < WORKERS; i++) {
        TAP_EQUAL_U64(pthread_create(&worker[i], NULL, commit, w), 0);
    }
    for (i = 0; i < WORKERS; i++) {
        pthread_join(worker[i], &failed);
        all += (uintptr_t)failed;
    }
    manifest_writer_close(w);
    TAP_EQUAL_U64(all, 0);
    TAP_OK(target_list(t, "manifests/" HOST, first_file, file, &fail));
    TAP_OK(target_read_file(t, file, 8u << 20, &text, &fail));
    for (at = text.at; at < text.at + text.len; at = end + 1) {
        struct al_span line = {.at = at};

        end = memchr(at, '\n', (size_t)(text.at + text.len - at));
        TAP_CHECK(end != NULL);
        line.len = (size_t)(end - at);
        TAP_OK(manifest_parse(line, arena, &r, &fail));
        al_arena_reset(arena);
        lines++;
    }
    TAP_EQUAL_U64(lines, WORKERS * EACH);
    target_close(t);
}

/* One put and one get with the n-th call failing: an error or the right result, never anything
 * else, and all is well afterwards. */
static void
one_fault(struct target *t, unsigned kind, bool for_ever, uint64_t size)
{
    uint64_t n, calls = 1;

    for (n = 1; n <= calls + 1; n++) {
        char name[TARGET_NAME_MAX];
        int put, get = AL_OK;

        subject_name("x", name);
        al_fault_arm(kind, n, for_ever);
        put = subject_put(t, name, size, n, MIB, NULL);
        if (put == AL_OK) {
            get = subject_get(t, name, size, n, MIB, NULL);
        }
        calls = al_fault_disarm();
        if (put == AL_OK && get == AL_OK && n < calls && for_ever) {
            tap_fail(__FILE__, __LINE__, "call %llu did not fail", (unsigned long long)n);
        }
        TAP_CHECK(put != AL_EEXIST && put != AL_ECORRUPT && get != AL_ECORRUPT && get != AL_ENOENT);
        if (put == AL_OK) {
            TAP_OK(subject_get(t, name, size, n, MIB, &fail));
        } else {
            subject_name("x", name);
            TAP_OK(subject_put(t, name, size, n, MIB, &fail));
        }
    }
}

static void
test_every_request_may_fail_once_and_for_ever(void)
{
    struct target *t = open_on(&on);

    one_fault(t, AL_FAULT_TARGET, false, 1001);
    one_fault(t, AL_FAULT_TARGET, true, 1001);
    one_fault(t, AL_FAULT_TARGET, false, 5 * MIB);
    one_fault(t, AL_FAULT_TARGET, true, 5 * MIB);
    target_close(t);
}

static void
test_memory_and_system_may_fail_at_every_call(void)
{
    struct target *t = open_on(&on);

    one_fault(t, AL_FAULT_MEM, false, 1001);
    one_fault(t, AL_FAULT_MEM, true, 1001);
    one_fault(t, AL_FAULT_MEM, false, 5 * MIB);
    one_fault(t, AL_FAULT_PORT, false, 1001);
    one_fault(t, AL_FAULT_PORT, true, 2 * MIB);
    target_close(t);
}

int
main(int argc, char **argv)
{
    const char *why_not = NULL;

    if (!subject_begin(&on, argc > 1 ? argv[1] : "folder", &why_not)) {
        printf(why_not ? "1..0 # SKIP %s\n" : "Bail out! no share to test%s\n",
               why_not ? why_not : "");
        subject_end(&on);
        return why_not ? 0 : 1;
    }
    TAP_RUN(test_every_size_comes_back_as_it_went);
    TAP_RUN(test_odd_pieces_make_no_difference);
    TAP_RUN(test_a_get_goes_where_it_is_sent);
    TAP_RUN(test_small_objects_come_in_one_call);
    TAP_RUN(test_an_existing_name_is_never_replaced);
    TAP_RUN(test_an_aborted_put_leaves_nothing);
    TAP_RUN(test_a_changed_byte_is_found_by_the_read_back);
    TAP_RUN(test_a_changed_byte_of_a_large_object_is_found_wherever_it_is);
    TAP_RUN(test_what_is_not_there_is_told);
    TAP_RUN(test_a_share_without_its_identity_knows_nothing);
    TAP_RUN(test_somebody_elses_share_is_refused);
    TAP_RUN(test_an_identity_is_made_in_an_empty_root_only);
    TAP_RUN(test_many_use_an_empty_share_first);
    TAP_RUN(test_a_full_share_says_so_and_goes_on_when_there_is_room);
    TAP_RUN(test_a_read_only_share_is_told_from_a_forbidden_one);
    TAP_RUN(test_appended_bytes_lie_where_they_belong);
    TAP_RUN(test_nothing_is_appended_behind_an_end_that_moved);
    TAP_RUN(test_a_listing_is_whole);
    TAP_RUN(test_an_object_that_lost_its_name_is_still_found);
    TAP_RUN(test_many_workers_share_a_share);
    TAP_RUN(test_workers_commit_to_one_manifest_without_losing_a_line);
    TAP_RUN(test_every_request_may_fail_once_and_for_ever);
    TAP_RUN(test_memory_and_system_may_fail_at_every_call);
    subject_end(&on);
    return tap_end();
}
