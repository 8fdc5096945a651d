/* What only Linux has: names of any bytes, links, FIFOs, mounts, markers, trees deeper than
 * PATH_MAX, and a tree that changes under the walk. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "agent/walk/walk.h"
#include "port/port.h"
#include "tap.h"
#include "wire/entries.h"

static char base[512];

struct seen {
    uint64_t entries, folder_records, unreadable, mounts, stubs, bad, owners;
    uint64_t frames; /* holes alone and no marker */
    bool root_told;
    bool name_seen[8];
    pthread_mutex_t lock; /* of what follows: walkers tell of it */
    uint64_t odd_count;
    char odd[16][128];
};
static const char *const names[8] = {"with space", "new\nline",  "\xff\xfe not utf-8", "quote\"'\\",
                                     "-rf",        "trailing. ", "\x01\x02\x7f",       "%s%n"};

static int
on_send(void *ctx, uint64_t seq, struct al_span packed)
{
    struct seen *s = ctx;
    AL_CLEANUP(al_buf_free) struct al_buf plain;
    struct entries_reader reader;
    struct entry_record r;
    bool end = false;
    int rc;

    (void)seq;
    al_buf_init(&plain, ENTRIES_PLAIN_MAX);
    rc = entries_unpack(packed, &plain, &reader);
    while (rc == AL_OK && !end) {
        rc = entries_next(&reader, &r, &end);
        if (rc != AL_OK || end) {
            break;
        }
        if (r.is_owner_record) {
            s->owners++;
            s->root_told |= r.uid == 0 && al_span_equal(r.name, al_span_of("root"));
            continue;
        }
        s->folder_records += r.is_folder_record;
        s->unreadable += r.is_folder_record && (r.flags & ENTRY_UNREADABLE);
        s->entries += !r.is_folder_record;
        s->mounts += !r.is_folder_record && (r.flags & ENTRY_MOUNT);
        s->stubs += !r.is_folder_record && (r.flags & ENTRY_STUB);
        s->frames +=
            !r.is_folder_record && (r.flags & ENTRY_STUB) == 0 && r.size > 0 && r.allocated == 0;
        for (size_t i = 0; i < AL_LEN(names); i++) {
            s->name_seen[i] |= al_span_equal(r.name, al_span_of(names[i]));
        }
    }
    s->bad += rc != AL_OK;
    return AL_OK;
}

static void
on_odd(void *ctx, struct al_span path)
{
    struct seen *s = ctx;

    pthread_mutex_lock(&s->lock);
    if (s->odd_count < AL_LEN(s->odd)) {
        snprintf(s->odd[s->odd_count], sizeof(s->odd[0]), "%.*s", (int)path.len,
                 (const char *)path.at);
    }
    s->odd_count++;
    pthread_mutex_unlock(&s->lock);
}

static void
port_names_free_p(struct port_names **n)
{
    *n = port_names_free(*n);
}

static struct port *walked_by; /* NULL: port_native() */

static struct seen
walk(const char *root, const struct marker_key *key, struct walk_result *res)
{
    struct seen s = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct al_fail fail = {0};
    struct walk_conf conf = {.port = walked_by != NULL ? walked_by : port_native(),
                             .root = root,
                             .key = key,
                             .threads = 4,
                             .batch_records = 100,
                             .send = on_send,
                             .odd = on_odd,
                             .ctx = &s};

    if (walk_run(&conf, res, &fail) != AL_OK) {
        tap_fail(__FILE__, __LINE__, "%s (%d)", fail.text, fail.code);
    }
    TAP_EQUAL_U64(s.bad, 0);
    return s;
}

static void
folder(char *path, size_t cap, const char *name)
{
    snprintf(path, cap, "%s/%s", base, name);
    TAP_CHECK(mkdir(path, 0755) == 0);
}

static void
touch(const char *root, const char *name, off_t size)
{
    char path[4096];
    int fd;

    snprintf(path, sizeof(path), "%s/%s", root, name);
    fd = open(path, O_CREAT | O_WRONLY, 0644);
    TAP_CHECK(fd >= 0);
    TAP_CHECK(ftruncate(fd, size) == 0);
    close(fd);
}

static void
names_of_any_bytes_come_through(void)
{
    char root[1024], longest[256];
    struct walk_result res;
    struct seen s;

    folder(root, sizeof(root), "names");
    for (size_t i = 0; i < AL_LEN(names); i++) {
        touch(root, names[i], 1);
    }
    memset(longest, 'n', 255);
    longest[255] = '\0';
    touch(root, longest, 1);
    s = walk(root, NULL, &res);
    TAP_EQUAL_U64(s.entries, 9);
    for (size_t i = 0; i < AL_LEN(names); i++) {
        TAP_CHECK(s.name_seen[i]);
    }
}

static void
links_are_not_followed_and_fifos_do_not_hold_it_up(void)
{
    char root[1024], path[2048];
    struct walk_result res;
    struct seen s;

    folder(root, sizeof(root), "links");
    snprintf(path, sizeof(path), "%s/to-root", root);
    TAP_CHECK(symlink("/", path) == 0);
    snprintf(path, sizeof(path), "%s/loop", root);
    TAP_CHECK(symlink(".", path) == 0);
    snprintf(path, sizeof(path), "%s/fifo", root);
    TAP_CHECK(mkfifo(path, 0644) == 0);
    s = walk(root, NULL, &res);
    TAP_EQUAL_U64(s.entries, 3);
    TAP_EQUAL_U64(res.folders, 1);
}

static void
another_filesystem_is_named_and_not_entered(void)
{
    char root[1024], path[2048];
    struct walk_result res;
    struct seen s;

    folder(root, sizeof(root), "mounts");
    snprintf(path, sizeof(path), "%s/other", root);
    TAP_CHECK(mkdir(path, 0755) == 0);
    if (mount("none", path, "tmpfs", 0, "size=64k") != 0) {
        tap_skip("mounting needs root");
    }
    touch(path, "inside", 1);
    s = walk(root, NULL, &res);
    TAP_CHECK(umount(path) == 0);
    TAP_EQUAL_U64(s.entries, 1);
    TAP_EQUAL_U64(s.mounts, 1);
    TAP_EQUAL_U64(res.folders, 1);
}

static void
a_tree_deeper_than_any_path_is_walked_to_its_end(void)
{
    enum { DEPTH = 1500 };
    char root[1024];
    struct walk_result res;
    struct seen s;
    int at;

    folder(root, sizeof(root), "deep");
    at = open(root, O_DIRECTORY | O_RDONLY);
    for (int i = 0; i < DEPTH; i++) {
        int next;

        TAP_CHECK(mkdirat(at, "a-folder", 0755) == 0);
        next = openat(at, "a-folder", O_DIRECTORY | O_RDONLY);
        TAP_CHECK(next >= 0);
        close(at);
        at = next;
    }
    close(at);
    s = walk(root, NULL, &res);
    TAP_EQUAL_U64(s.entries, DEPTH);
    TAP_EQUAL_U64(res.folders, DEPTH + 1);
    TAP_EQUAL_U64(res.unreadable, 0);
}

/* A frame with the marker that it would have as a stub, or with another one. */
static void
frame(const char *root, const char *name, const struct marker_key *key, int change, size_t cut)
{
    char path[4096];
    uint8_t bytes[MARKER_BYTES + 8] = {0};
    struct stat st;

    touch(root, name, 1 << 20);
    snprintf(path, sizeof(path), "%s/%s", root, name);
    TAP_CHECK(stat(path, &st) == 0);
    {
        struct marker m = {.state = MARKER_STUB,
                           .ino = st.st_ino + (change == 2),
                           .size = (1 << 20) + (change == 3),
                           .mtime_ns = st.st_mtim.tv_sec * INT64_C(1000000000) +
                                       st.st_mtim.tv_nsec + (change == 4)};

        TAP_OK(marker_encode(&m, key, bytes));
    }
    bytes[20] ^= change == 1;
    if (setxattr(path, MARKER_XATTR, bytes, cut, 0) != 0) {
        tap_skip("trusted attributes need root and a filesystem that has them");
    }
}

static void
a_marker_makes_a_stub_and_one_that_does_not_fit_is_told(void)
{
    static const char *const odd[] = {"forged",          "sub/other inode", "sub/folder/length",
                                      "sub/folder/time", "empty",           "cut",
                                      "sub/folder/long"};
    char root[1024], path[2048];
    struct walk_result res;
    struct seen s;
    struct marker_key key = {{1}, {2}};

    folder(root, sizeof(root), "markers");
    snprintf(path, sizeof(path), "%s/sub", root);
    TAP_CHECK(mkdir(path, 0755) == 0);
    snprintf(path, sizeof(path), "%s/sub/folder", root);
    TAP_CHECK(mkdir(path, 0755) == 0);
    touch(root, "sparse", 1 << 20);
    frame(root, "stub", &key, 0, MARKER_BYTES);
    frame(root, "sub/stub", &key, 0, MARKER_BYTES);
    for (int i = 0; i < 4; i++) {
        frame(root, odd[i], &key, i + 1, MARKER_BYTES);
    }
    frame(root, odd[4], &key, 0, 0);
    frame(root, odd[5], &key, 0, MARKER_BYTES - 1);
    frame(root, odd[6], &key, 0, MARKER_BYTES + 8);
    s = walk(root, &key, &res);
    TAP_EQUAL_U64(s.entries, 12);
    TAP_EQUAL_U64(s.stubs, 2 + AL_LEN(odd));
    TAP_EQUAL_U64(res.stubs, 2 + AL_LEN(odd));
    TAP_EQUAL_U64(s.odd_count, AL_LEN(odd));
    for (size_t i = 0; i < AL_LEN(odd); i++) {
        bool told = false;

        for (size_t k = 0; k < AL_LEN(s.odd); k++) {
            told |= strcmp(s.odd[k], odd[i]) == 0;
        }
        if (!told) {
            tap_fail(__FILE__, __LINE__, "%s was not told", odd[i]);
        }
    }
}

static void
owners_are_told_once_by_their_names_and_probes_are_left_out(void)
{
    char root[1024], path[2048];
    AL_CLEANUP(port_names_free_p) struct port_names *users = NULL;
    struct walk_result res;
    struct seen s = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct walk_conf conf = {.port = walked_by != NULL ? walked_by : port_native(),
                             .root = root,
                             .threads = 4,
                             .batch_records = 100,
                             .send = on_send,
                             .ctx = &s};
    struct al_fail fail = {0};

    if (geteuid() != 0) {
        tap_skip("giving files away needs root");
    }
    folder(root, sizeof(root), "owners");
    snprintf(path, sizeof(path), "%s/sub", root);
    TAP_CHECK(mkdir(path, 0755) == 0);
    for (int i = 0; i < 300; i++) {
        snprintf(path, sizeof(path), "%s%d", i % 2 == 0 ? "" : "sub/", i);
        touch(root, path, 10);
        snprintf(path, sizeof(path), "%s/%s%d", root, i % 2 == 0 ? "" : "sub/", i);
        TAP_CHECK(chown(path, i % 3 == 0 ? 0 : i % 3 == 1 ? 3999999999u : 4000000000u, 0) == 0);
    }
    touch(root, ".alto-probe-0123456789abcdef", 10);
    touch(root, "sub/.alto-probe-kept", 10);
    TAP_OK(port_names_new(&users));
    conf.names = users;
    TAP_OK(walk_run(&conf, &res, &fail));
    TAP_EQUAL_U64(s.owners, 1); /* the others have no name */
    TAP_CHECK(s.root_told);
    TAP_EQUAL_U64(s.entries, 302);
    TAP_EQUAL_U64(res.entries, 302);
    s = (struct seen){.lock = PTHREAD_MUTEX_INITIALIZER};
    conf.names = NULL;
    TAP_OK(walk_run(&conf, &res, &fail));
    TAP_EQUAL_U64(s.owners, 0);
}

static void
a_folder_one_may_not_read_is_called_unreadable(void)
{
    char root[1024], path[2048];
    struct walk_result res;
    struct seen s;
    uid_t was = geteuid();

    folder(root, sizeof(root), "locked");
    snprintf(path, sizeof(path), "%s/closed", root);
    TAP_CHECK(mkdir(path, 0700) == 0);
    touch(path, "inside", 1);
    if (was != 0) {
        tap_skip("needs root, to become somebody else");
    }
    TAP_CHECK(chmod(base, 0755) == 0);
    TAP_CHECK(seteuid(65534) == 0);
    if (access(root, R_OK) != 0) {
        TAP_CHECK(seteuid(was) == 0);
        tap_skip("the working folder is closed to others");
    }
    s = walk(root, NULL, &res);
    TAP_CHECK(seteuid(was) == 0);
    TAP_EQUAL_U64(s.entries, 1);
    TAP_EQUAL_U64(s.unreadable, 1);
    TAP_EQUAL_U64(res.unreadable, 1);
}

static _Atomic bool over;

static void *
change(void *arg)
{
    const char *root = arg;

    for (unsigned i = 0; !atomic_load(&over); i++) {
        char a[2048], b[2048];

        snprintf(a, sizeof(a), "%s/c%u", root, i % 50);
        snprintf(b, sizeof(b), "%s/c%u/moved", root, (i + 1) % 50);
        (void)rename(a, b);
        (void)symlink("/", a); /* a folder that becomes a link must not be followed */
        (void)unlink(a);
        (void)rename(b, a);
        snprintf(b, sizeof(b), "%.1500s/f", a);
        close(open(b, O_CREAT | O_WRONLY, 0644));
        (void)unlink(b);
        (void)rmdir(a);
        (void)symlink("/etc", a);
        (void)unlink(a);
        (void)mkdir(a, 0755);
    }
    return NULL;
}

static void
a_tree_that_changes_under_it_does_not_break_it(void)
{
    char root[1024], path[2048];
    pthread_t thread;

    folder(root, sizeof(root), "changing");
    for (unsigned i = 0; i < 50; i++) {
        snprintf(path, sizeof(path), "%s/c%u", root, i);
        TAP_CHECK(mkdir(path, 0755) == 0);
    }
    touch(root, "stays", 5);
    TAP_CHECK(pthread_create(&thread, NULL, change, root) == 0);
    for (unsigned i = 0; i < 100; i++) {
        struct walk_result res;
        struct seen s = walk(root, NULL, &res);

        TAP_CHECK(s.entries >= 1);
        TAP_CHECK(s.entries < 200); /* /etc or / would be more */
    }
    atomic_store(&over, true);
    pthread_join(thread, NULL);
}

/* A recall ends between the walk's look at the file and its look for the marker. */
static struct {
    const char *path;
    bool done;
} recalled;

static void
fill_and_unmark(const char *path)
{
    static const uint8_t bytes[1 << 20] = {1};
    struct stat st;
    int fd;

    TAP_CHECK(stat(path, &st) == 0);
    fd = open(path, O_WRONLY);
    TAP_CHECK(fd >= 0 && write(fd, bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes));
    TAP_CHECK(fsync(fd) == 0 && fremovexattr(fd, MARKER_XATTR) == 0);
    TAP_CHECK(futimens(fd, (struct timespec[]){st.st_atim, st.st_mtim}) == 0);
    close(fd);
}

static int
xattr_after_a_recall(struct port *p, struct port_file *dir, const char *name, const char *attr,
                     void *to, size_t cap, size_t *ret_len)
{
    if (!recalled.done) {
        recalled.done = true;
        fill_and_unmark(recalled.path);
    }
    return port_native()->ops->xattr_get_at(p, dir, name, attr, to, cap, ret_len);
}

static void
a_stub_that_is_recalled_between_two_looks_is_no_frame(void)
{
    struct marker_key key = {{7}, {9}};
    struct port_ops ops = *port_native()->ops;
    struct port port = {.ops = &ops};
    struct walk_result res;
    char root[1024], path[2048];
    struct seen s;

    folder(root, sizeof(root), "recalled");
    frame(root, "stub", &key, 0, MARKER_BYTES);
    snprintf(path, sizeof(path), "%s/stub", root);
    recalled.path = path;
    ops.xattr_get_at = xattr_after_a_recall;
    walked_by = &port;
    s = walk(root, &key, &res);
    walked_by = NULL;
    TAP_CHECK(recalled.done);
    TAP_EQUAL_U64(s.entries, 1);
    TAP_EQUAL_U64(s.stubs, 0);
    TAP_EQUAL_U64(s.frames, 0);
}

int
main(int argc, char **argv)
{
    char command[600];
    int rc;

    if (argc < 2) {
        printf("1..0 # SKIP give a folder to work in\n");
        return 0;
    }
    snprintf(base, sizeof(base), "%s/walk-linux-%lld", argv[1],
             (long long)port_now_ns(port_native()));
    if (mkdir(base, 0755) != 0) {
        printf("Bail out! cannot make %s\n", base);
        return 1;
    }
    TAP_RUN(names_of_any_bytes_come_through);
    TAP_RUN(links_are_not_followed_and_fifos_do_not_hold_it_up);
    TAP_RUN(another_filesystem_is_named_and_not_entered);
    TAP_RUN(a_tree_deeper_than_any_path_is_walked_to_its_end);
    TAP_RUN(a_marker_makes_a_stub_and_one_that_does_not_fit_is_told);
    TAP_RUN(owners_are_told_once_by_their_names_and_probes_are_left_out);
    TAP_RUN(a_folder_one_may_not_read_is_called_unreadable);
    TAP_RUN(a_tree_that_changes_under_it_does_not_break_it);
    TAP_RUN(a_stub_that_is_recalled_between_two_looks_is_no_frame);
    rc = tap_end();
    snprintf(command, sizeof(command), "rm -rf '%s'", base);
    (void)!system(command);
    return rc;
}
