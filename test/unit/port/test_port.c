#include "tap.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"
#include "port/digest.h"
#include "port/port.h"
#include "port/thread.h"

static struct port *p;
static struct port_file *root;
static char root_path[256];

static struct port_file *
make(const char *name, const char *content)
{
    struct port_file *f = NULL;

    TAP_OK(port_open(p, root, name, PORT_READ | PORT_WRITE | PORT_CREATE | PORT_TRUNC, 0600, &f));
    TAP_OK(port_pwrite(p, f, content, strlen(content), 0));
    return f;
}

static void
test_read_stops_only_at_the_end(void)
{
    struct port_file *f = make("read", "0123456789");
    char buf[32];
    size_t got;

    TAP_OK(port_pread(p, f, buf, sizeof(buf), 4, &got));
    TAP_CHECK(got == 6 && memcmp(buf, "456789", 6) == 0);
    TAP_OK(port_pread(p, f, buf, sizeof(buf), 10, &got));
    TAP_EQUAL_U64(got, 0);
    TAP_OK(port_close(p, f));
}

static void
test_what_holds_no_data_is_told_from_what_does(void)
{
    struct port_file *f = make("hollow", "");
    bool has = true;
    int rc = port_has_data(p, f, 0, &has);

    if (rc == AL_ENOTSUP) {
        TAP_OK(port_close(p, f));
        tap_skip("this system tells of no holes");
    }
    TAP_OK(rc);
    TAP_CHECK(!has);
    TAP_OK(port_truncate(p, f, 1 << 20));
    TAP_OK(port_has_data(p, f, 1 << 20, &has));
    TAP_CHECK(!has);
    TAP_OK(port_pwrite(p, f, "x", 1, 1 << 19));
    TAP_OK(port_has_data(p, f, 1 << 20, &has));
    TAP_CHECK(has);
    TAP_OK(port_close(p, f));
}

static void
test_names_never_leave_the_folder(void)
{
    struct port_file *f = NULL;
    struct port_stat st;

    TAP_CODE(port_open(p, root, "..", PORT_READ | PORT_FOLDER, 0, &f), AL_EINVAL);
    TAP_CODE(port_open(p, root, "a/b", PORT_READ, 0, &f), AL_EINVAL);
    TAP_CODE(port_open(p, root, "", PORT_READ, 0, &f), AL_EINVAL);
    TAP_CODE(port_stat_at(p, root, ".", &st), AL_EINVAL);
    TAP_CODE(port_unlink(p, root, "../x"), AL_EINVAL);
    TAP_CODE(port_stat_at(p, root, "not there", &st), AL_ENOENT);
    TAP_CODE(port_stat_fresh_at(p, root, "..", &st), AL_EINVAL);
    TAP_CODE(port_stat_fresh_at(p, root, "not there", &st), AL_ENOENT);
}

static void
test_a_fresh_look_tells_what_is_there_now(void)
{
    struct port_file *f = make("grows", "1");
    struct port_stat st, fresh;

    TAP_OK(port_stat_fresh_at(p, root, "grows", &fresh));
    TAP_EQUAL_U64(fresh.size, 1);
    TAP_OK(port_pwrite(p, f, "22", 2, 1));
    TAP_OK(port_close(p, f));
    TAP_OK(port_stat_fresh_at(p, root, "grows", &fresh));
    TAP_OK(port_stat_at(p, root, "grows", &st));
    TAP_EQUAL_U64(fresh.size, 3);
    TAP_CHECK(st.size == fresh.size && st.ino == fresh.ino && st.mtime_ns == fresh.mtime_ns && st.type == fresh.type);
}

static void
test_create_exclusive_and_rename_without_replacing(void)
{
    struct port_file *f = make("one", "1"), *g = NULL;

    TAP_OK(port_close(p, f));
    TAP_CODE(port_open(p, root, "one", PORT_WRITE | PORT_CREATE | PORT_EXCL, 0600, &g), AL_EEXIST);
    f = make("two", "2");
    TAP_OK(port_close(p, f));
    TAP_CODE(port_rename(p, root, "one", root, "two", false), AL_EEXIST);
    TAP_OK(port_rename(p, root, "one", root, "two", true));
    TAP_CODE(port_unlink(p, root, "one"), AL_ENOENT);
    TAP_OK(port_unlink(p, root, "two"));
}

static void
test_write_file_replaces_whole_and_read_file_keeps_its_limit(void)
{
    struct al_buf b;

    al_buf_init(&b, 1000);
    TAP_OK(port_write_file(p, root, "conf", "first", 5, 0600));
    TAP_OK(port_write_file(p, root, "conf", "second!", 7, 0600));
    TAP_OK(port_read_file(p, root, "conf", 7, &b));
    TAP_EQUAL_STR((char *)b.at, "second!");
    al_buf_clear(&b);
    TAP_CODE(port_read_file(p, root, "conf", 6, &b), AL_ELIMIT);
    al_buf_free(&b);
}

static void
test_walk_to_goes_part_by_part(void)
{
    struct port_file *dir = NULL, *f = NULL;
    const char *name;
    char deep[300];

    (void)snprintf(deep, sizeof(deep), "%s/x/y/z", root_path);
    TAP_OK(port_mkdirs(p, deep, 0700));
    TAP_OK(port_mkdirs(p, deep, 0700));
    TAP_OK(port_walk_to(p, root, "x/y/z/file", &dir, &name));
    TAP_EQUAL_STR(name, "file");
    TAP_OK(port_open(p, dir, name, PORT_WRITE | PORT_CREATE, 0600, &f));
    TAP_OK(port_close(p, f));
    TAP_OK(port_close(p, dir));
    TAP_OK(port_walk_to(p, root, "top", &dir, &name));
    TAP_OK(port_close(p, dir));
    TAP_CODE(port_walk_to(p, root, "x/../y", &dir, &name), AL_EINVAL);
    TAP_CODE(port_walk_to(p, root, "x/y/..", &dir, &name), AL_EINVAL);
    TAP_CODE(port_walk_to(p, root, "/etc/passwd", &dir, &name), AL_EINVAL);
    TAP_CODE(port_walk_to(p, root, "x//y", &dir, &name), AL_EINVAL);
}

static void
test_listing_gives_every_name_once(void)
{
    struct port_file *dir = NULL;
    struct port_dir *d = NULL;
    unsigned seen = 0;
    char path[300];

    (void)snprintf(path, sizeof(path), "%s/many", root_path);
    TAP_OK(port_mkdirs(p, path, 0700));
    TAP_OK(port_open(p, NULL, path, PORT_READ | PORT_FOLDER, 0, &dir));
    for (unsigned i = 0; i < 3000; i++) {
        struct port_file *f = NULL;
        char name[32];

        (void)snprintf(name, sizeof(name), "entry %u", i);
        TAP_OK(port_open(p, dir, name, PORT_WRITE | PORT_CREATE, 0600, &f));
        TAP_OK(port_close(p, f));
    }
    TAP_OK(port_dir_open(p, dir, &d));
    for (;;) {
        struct port_dirent e;
        bool end;

        TAP_OK(port_dir_next(p, d, &e, &end));
        if (end) {
            break;
        }
        TAP_CHECK(strncmp(e.name, "entry ", 6) == 0 && strlen(e.name) == e.name_len);
        TAP_CHECK(e.type == PORT_T_FILE || e.type == PORT_T_UNKNOWN);
        seen++;
    }
    TAP_EQUAL_U64(seen, 3000);
    port_dir_close(p, &d);
    TAP_OK(port_close(p, dir));
}

static void
test_times_are_set_to_the_nanosecond(void)
{
    struct port_file *f = make("times", "x");
    struct port_stat st;
    int rc;

    rc = port_set_times(p, f, -1, 1795422630123456700);
    TAP_OK(rc);
    TAP_OK(port_stat(p, f, &st));
    TAP_CHECK(st.mtime_ns == 1795422630123456700);
    TAP_CHECK(st.type == PORT_T_FILE && st.size == 1 && st.nlink == 1);
    TAP_OK(port_set_times(p, f, 1700000000500000000, PORT_TIME_OMIT));
    TAP_OK(port_set_times(p, f, PORT_TIME_OMIT, 1600000000123456700));
    TAP_OK(port_stat(p, f, &st));
    TAP_CHECK(st.atime_ns == 1700000000500000000 && st.mtime_ns == 1600000000123456700);
    TAP_OK(port_close(p, f));
}

static void
test_lock_is_exclusive(void)
{
    struct port_file *a = make("lock", ""), *b = NULL;

    TAP_OK(port_open(p, root, "lock", PORT_READ | PORT_WRITE, 0, &b));
    TAP_OK(port_lock(p, a));
    TAP_CODE(port_lock(p, b), AL_EBUSY);
    TAP_OK(port_close(p, a));
    TAP_OK(port_lock(p, b));
    TAP_OK(port_close(p, b));
}

static void
test_lease_is_refused_while_another_has_the_file_open(void)
{
    struct port_file *a = make("lease", "x"), *b = NULL;
    enum port_lease state;

    if (p->ops->lease_take == NULL) {
        TAP_OK(port_close(p, a));
        tap_skip("this system has no leases");
    }
    TAP_OK(port_lease_take(p, a));
    TAP_OK(port_lease_state(p, a, &state));
    TAP_CHECK(state == PORT_LEASE_HELD);
    TAP_OK(port_lease_take(p, a));
    TAP_CODE(port_open(p, root, "lease", PORT_READ | PORT_NONBLOCK, 0, &b), AL_EBUSY);
    TAP_OK(port_lease_state(p, a, &state));
    TAP_CHECK(state == PORT_LEASE_WANTED);
    TAP_CODE(port_lease_take(p, a), AL_EBUSY);
    TAP_OK(port_lease_drop(p, a));
    TAP_OK(port_open(p, root, "lease", PORT_READ | PORT_NONBLOCK, 0, &b));
    TAP_CODE(port_lease_take(p, a), AL_EBUSY);
    TAP_OK(port_close(p, b));
    TAP_OK(port_close(p, a));
}

static void
test_handles_find_the_file_after_a_rename_and_tell_stale(void)
{
    struct port_file *a = make("handle", "x"), *b = NULL;
    struct port_handle h;
    uint32_t gen_a, gen_b;

    if (p->ops->handle_get == NULL) {
        TAP_OK(port_close(p, a));
        tap_skip("this system has no file handles");
    }
    TAP_OK(port_handle_get(p, a, &h));
    TAP_OK(port_generation(p, a, &gen_a));
    TAP_OK(port_rename(p, root, "handle", root, "handle 2", false));
    if (port_open_handle(p, root, &h, PORT_READ, &b) == AL_EACCES) {
        tap_skip("opening by handle needs root");
    }
    TAP_OK(port_generation(p, b, &gen_b));
    TAP_EQUAL_U64(gen_a, gen_b);
    TAP_OK(port_close(p, b));
    TAP_OK(port_close(p, a));
    TAP_OK(port_unlink(p, root, "handle 2"));
    TAP_CODE(port_open_handle(p, root, &h, PORT_READ, &b), AL_ESTALE);
}

static void
test_punched_file_reads_as_a_hole(void)
{
    char block[65536];
    struct port_file *f = make("holes", "");
    uint64_t at;

    if (p->ops->punch == NULL) {
        TAP_OK(port_close(p, f));
        tap_skip("this system punches no holes here");
    }
    memset(block, 'x', sizeof(block));
    TAP_OK(port_pwrite(p, f, block, sizeof(block), 0));
    TAP_OK(port_next_data(p, f, 0, &at));
    TAP_EQUAL_U64(at, 0);
    TAP_OK(port_punch(p, f, 0, sizeof(block)));
    TAP_CODE(port_next_data(p, f, 0, &at), AL_ENODATA);
    TAP_OK(port_close(p, f));
}

static void
test_sha256_and_hmac_give_the_published_values(void)
{
    uint8_t out[32];
    char hex[65];

    TAP_OK(port_sha256_of("abc", 3, out)); /* FIPS 180-2, appendix B.1 */
    al_hex(out, 32, hex);
    TAP_EQUAL_STR(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    TAP_OK(port_hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28,
                            out)); /* RFC 4231, case 2 */
    al_hex(out, 32, hex);
    TAP_EQUAL_STR(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    TAP_CHECK(port_same_secret("abc", "abc", 3) && !port_same_secret("abc", "abd", 3));
}

static void *
thread_body(void *arg)
{
    *(int *)arg = 7;
    return NULL;
}

static void
test_threads_run_and_waits_time_out(void)
{
    struct port_thread t;
    port_mutex m;
    port_cond c;
    int value = 0;
    int64_t before = port_mono_ns(p);

    TAP_OK(port_thread_start(&t, "test", 0, thread_body, &value));
    port_thread_join(&t);
    TAP_CHECK(value == 7);
    port_mutex_init(&m);
    port_cond_init(&c);
    port_mutex_lock(&m);
    TAP_CHECK(!port_cond_wait_for(&c, &m, 20000000));
    port_mutex_unlock(&m);
    /* Half of it: Windows counts waits in ticks of its own, by another clock than this one. */
    TAP_CHECK(port_mono_ns(p) - before >= 10000000);
    port_cond_end(&c);
    port_mutex_end(&m);
}

static void
remove_tree(struct port_file *dir)
{
    bool again = true;

    while (again) { /* a listing is not stable under removal: begin anew until it is empty */
        struct port_dir *d = NULL;
        bool end = false;

        again = false;
        TAP_OK(port_dir_open(p, dir, &d));
        while (!end) {
            struct port_dirent e;
            struct port_file *sub = NULL;

            TAP_OK(port_dir_next(p, d, &e, &end));
            if (end) {
                break;
            }
            again = true;
            if (port_unlink(p, dir, e.name) == AL_OK) {
                continue;
            }
            TAP_OK(port_open(p, dir, e.name, PORT_READ | PORT_FOLDER, 0, &sub));
            remove_tree(sub);
            TAP_OK(port_close(p, sub));
            TAP_OK(port_rmdir(p, dir, e.name));
        }
        port_dir_close(p, &d);
    }
}

static void
setup(void)
{
    uint8_t random[6];
    char hex[13];
    const char *base = getenv("TMPDIR");

    p = port_native();
    TAP_OK(port_random(p, random, sizeof(random)));
    al_hex(random, sizeof(random), hex);
    (void)snprintf(root_path, sizeof(root_path), "%s/alto-port-%s", base != NULL ? base : TEST_TEMP,
                   hex);
    TAP_OK(port_mkdirs(p, root_path, 0700));
    TAP_OK(port_open(p, NULL, root_path, PORT_READ | PORT_FOLDER, 0, &root));
}

static void
teardown(void)
{
    remove_tree(root);
    TAP_OK(port_close(p, root));
    TAP_OK(port_rmdir(p, NULL, root_path));
}

int
main(void)
{
    TAP_RUN(setup);
    TAP_RUN(test_read_stops_only_at_the_end);
    TAP_RUN(test_what_holds_no_data_is_told_from_what_does);
    TAP_RUN(test_names_never_leave_the_folder);
    TAP_RUN(test_a_fresh_look_tells_what_is_there_now);
    TAP_RUN(test_create_exclusive_and_rename_without_replacing);
    TAP_RUN(test_write_file_replaces_whole_and_read_file_keeps_its_limit);
    TAP_RUN(test_walk_to_goes_part_by_part);
    TAP_RUN(test_listing_gives_every_name_once);
    TAP_RUN(test_times_are_set_to_the_nanosecond);
    TAP_RUN(test_lock_is_exclusive);
    TAP_RUN(test_lease_is_refused_while_another_has_the_file_open);
    TAP_RUN(test_handles_find_the_file_after_a_rename_and_tell_stale);
    TAP_RUN(test_punched_file_reads_as_a_hole);
    TAP_RUN(test_sha256_and_hmac_give_the_published_values);
    TAP_RUN(test_threads_run_and_waits_time_out);
    TAP_RUN(teardown);
    return tap_end();
}
