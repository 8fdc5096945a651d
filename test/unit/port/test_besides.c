/* What Windows has besides: open files that are renamed and removed, sharing modes, attributes and times of birth, streams,
 * security descriptors, mapped views, listings that know what stat tells. On other systems: that they say so. */
#include "tap.h"

#include <stdlib.h>

#if defined(_WIN32)
#include <windows.h>
#endif

#include "base/mem.h"
#include "base/text.h"
#include "port/port.h"

static struct port *p;
static struct port_file *root;
static char root_path[256];
static struct port_fs fs;

static bool
windows(void)
{
    return p->ops->rename_open != NULL;
}

/* Where Wine does what Windows does not, a test says so. */
static bool
wine(void)
{
#if defined(_WIN32)
    return GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "wine_get_version") != NULL;
#else
    return false;
#endif
}

static void
only_windows(void)
{
    if (!windows()) {
        tap_skip("not of this system");
    }
}

static struct port_file *
make(const char *name, const char *content, uint32_t flags)
{
    struct port_file *f = NULL;

    TAP_OK(port_open(p, root, name, PORT_READ | PORT_WRITE | PORT_CREATE | PORT_EXCL | flags, 0600, &f));
    TAP_OK(port_pwrite(p, f, content, strlen(content), 0));
    return f;
}

static void
must_hold(const char *name, const char *content)
{
    AL_CLEANUP(al_buf_free) struct al_buf got = {.max = 1u << 20};

    TAP_OK(port_read_file(p, root, name, 1u << 20, &got));
    TAP_CHECK(got.len == strlen(content) && (got.len == 0 || memcmp(got.at, content, got.len) == 0));
}

static int
stream_count(void *ctx, const char *name, uint64_t size)
{
    (*(unsigned *)ctx)++;
    return AL_OK;
}

static void
other_systems_say_that_they_have_it_not(void)
{
    AL_CLEANUP(al_buf_free) struct al_buf b = {.max = 100};
    struct port_file *f = make("elsewhere", "x", PORT_DELETE | PORT_REPARSE), *s = NULL;
    enum port_views views;
    bool mapped;
    unsigned n = 0;

    TAP_CODE(port_stream_open(p, f, "a:b", PORT_READ, &s), AL_EINVAL);
    TAP_CODE(port_stream_open(p, f, "", PORT_READ, &s), AL_EINVAL);
    TAP_CODE(port_stream_open(p, f, "a/b", PORT_READ, &s), AL_EINVAL);
    TAP_CODE(port_stream_open(p, f, "a", PORT_READ | PORT_FOLDER, &s), AL_EINVAL);
    TAP_CODE(port_set_attrs(p, f, 0, PORT_A_COMPRESSED), AL_EINVAL);
    TAP_CODE(port_rename_open(p, f, root, "../x"), AL_EINVAL);
    TAP_CODE(port_rename_open(p, f, NULL, "x"), AL_EINVAL);
    TAP_CODE(port_map_probe(p, NULL, "x", &views), AL_EINVAL);
    if (!windows()) {
        TAP_CODE(port_rename_open(p, f, root, "other"), AL_ENOTSUP);
        TAP_CODE(port_remove_open(p, f), AL_ENOTSUP);
        TAP_CODE(port_is_mapped(p, f, &mapped), AL_ENOTSUP);
        TAP_CODE(port_map_probe(p, root, "probe", &views), AL_ENOTSUP);
        TAP_CODE(port_security_get(p, f, &b), AL_ENOTSUP);
        TAP_CODE(port_security_set(p, f, al_span_of("x")), AL_ENOTSUP);
        TAP_CODE(port_stream_list(p, f, stream_count, &n), AL_ENOTSUP);
        TAP_CODE(port_stream_open(p, f, "a", PORT_READ, &s), AL_ENOTSUP);
        TAP_CODE(port_set_attrs(p, f, 0, PORT_A_HIDDEN), AL_ENOTSUP);
        TAP_CODE(port_set_born(p, f, 0), AL_ENOTSUP);
    }
    TAP_OK(port_close(p, f));
    TAP_OK(port_unlink(p, root, "elsewhere"));
}

static void
who_has_it_alone_has_it_alone(void)
{
    struct port_file *a, *b = NULL;
    struct port_stat st;
    char got[8];
    size_t len;

    only_windows();
    a = make("alone", "content", PORT_ALONE | PORT_DELETE);
    TAP_CODE(port_open(p, root, "alone", PORT_READ, 0, &b), AL_EBUSY);
    TAP_CODE(port_open(p, root, "alone", PORT_READ | PORT_WRITE | PORT_CREATE | PORT_TRUNC, 0, &b), AL_EBUSY);
    TAP_CODE(port_unlink(p, root, "alone"), AL_EBUSY);
    TAP_CODE(port_rename(p, root, "alone", root, "alone 2", true), AL_EBUSY);
    TAP_OK(port_stat_at(p, root, "alone", &st)); /* it may be looked at */
    TAP_EQUAL_U64(st.size, 7);
    TAP_OK(port_pread(p, a, got, sizeof(got), 0, &len));
    TAP_CHECK(len == 7 && memcmp(got, "content", 7) == 0);
    TAP_OK(port_pread(p, a, got, sizeof(got), 7, &len));
    TAP_EQUAL_U64(len, 0);
    TAP_OK(port_pwrite(p, a, "CON", 3, 0));
    TAP_OK(port_sync(p, a));
    TAP_OK(port_close(p, a));
    must_hold("alone", "CONtent");
    TAP_OK(port_open(p, root, "alone", PORT_READ, 0, &b));
    TAP_CODE(port_open(p, root, "alone", PORT_READ | PORT_ALONE, 0, &a), AL_EBUSY);
    TAP_OK(port_close(p, b));
    TAP_OK(port_unlink(p, root, "alone"));
}

static void
an_open_file_gets_a_name_that_is_free_and_no_other(void)
{
    struct port_file *f, *other, *sub = NULL;
    struct port_stat before, after;
    char path[300];

    only_windows();
    f = make("original", "the bytes", PORT_ALONE | PORT_DELETE);
    other = make("taken", "another's", 0);
    TAP_OK(port_close(p, other));
    TAP_OK(port_stat(p, f, &before));
    TAP_CODE(port_rename_open(p, f, root, "taken"), AL_EEXIST);
    must_hold("taken", "another's");
    TAP_OK(port_rename_open(p, f, root, "renamed"));
    TAP_CODE(port_stat_at(p, root, "original", &after), AL_ENOENT);
    TAP_CODE(port_open(p, root, "renamed", PORT_READ, 0, &other), AL_EBUSY); /* still alone */
    (void)snprintf(path, sizeof(path), "%s/below", root_path);
    TAP_OK(port_mkdirs(p, path, 0700));
    TAP_OK(port_open(p, root, "below", PORT_READ | PORT_FOLDER, 0, &sub));
    TAP_OK(port_rename_open(p, f, sub, "deeper"));
    TAP_OK(port_stat_at(p, sub, "deeper", &after));
    TAP_CHECK(after.ino == before.ino && after.size == 9);
    TAP_OK(port_rename_open(p, f, root, "original"));
    TAP_OK(port_close(p, f));
    must_hold("original", "the bytes");
    TAP_OK(port_close(p, sub));
    TAP_OK(port_open(p, root, "original", PORT_READ | PORT_WRITE, 0, &f));
    if (!wine()) { /* which does not look */
        TAP_CODE(port_rename_open(p, f, root, "nobody may"), AL_EACCES);
        TAP_CODE(port_remove_open(p, f), AL_EACCES);
    }
    TAP_OK(port_close(p, f));
    must_hold("original", "the bytes");
    TAP_OK(port_unlink(p, root, "original"));
    TAP_OK(port_unlink(p, root, "taken"));
}

static void
an_open_file_is_removed_with_its_last_handle(void)
{
    struct port_file *f;
    struct port_stat st;
    char got[4];
    size_t len;

    only_windows();
    f = make("going", "abc", PORT_ALONE | PORT_DELETE);
    TAP_OK(port_remove_open(p, f));
    TAP_OK(port_pread(p, f, got, sizeof(got), 0, &len));
    TAP_EQUAL_U64(len, 3);
    TAP_OK(port_close(p, f));
    TAP_CODE(port_stat_at(p, root, "going", &st), AL_ENOENT);
}

static void
attributes_and_the_time_of_birth_are_set_and_times_stay(void)
{
    const int64_t born = 1234567890123456700, written = 1600000000123456700, used = 1700000000500000000;
    struct port_file *f;
    struct port_stat st;

    only_windows();
    f = make("attributes", "x", 0);
    TAP_OK(port_set_times(p, f, used, written));
    TAP_OK(port_set_attrs(p, f, PORT_A_READONLY | PORT_A_HIDDEN, PORT_A_READONLY | PORT_A_HIDDEN));
    TAP_OK(port_close(p, f));
    TAP_OK(port_open(p, root, "attributes", PORT_READ, 0, &f)); /* none for writing is to be had */
    TAP_OK(port_stat(p, f, &st));
    TAP_CHECK((st.attrs & (PORT_A_READONLY | PORT_A_HIDDEN | PORT_A_SYSTEM)) == (PORT_A_READONLY | PORT_A_HIDDEN));
    TAP_CHECK(st.mtime_ns == written && st.atime_ns == used);
    TAP_OK(port_set_attrs(p, f, 0, PORT_A_READONLY | PORT_A_HIDDEN));
    TAP_OK(port_set_times(p, f, used + 100, PORT_TIME_OMIT));
    TAP_OK(port_stat(p, f, &st));
    TAP_CHECK((st.attrs & (PORT_A_READONLY | PORT_A_HIDDEN)) == 0);
    TAP_CHECK(st.mtime_ns == written && st.atime_ns == used + 100);
    TAP_OK(port_set_born(p, f, born));
    TAP_OK(port_stat(p, f, &st));
    TAP_CHECK(st.mtime_ns == written && st.atime_ns == used + 100);
    if (st.btime_ns != born) {
        printf("# the time of birth does not stay here (Wine: the filesystem below cannot)\n");
    }
    TAP_OK(port_close(p, f));
    TAP_OK(port_unlink(p, root, "attributes"));
}

static void
the_access_time_is_left_alone(void)
{
    const int64_t written = 1600000000123456700, used = 1700000000500000000;
    struct port_file *f;
    struct port_stat st;
    char got[8];
    size_t len;

    only_windows();
    f = make("used", "content", 0);
    TAP_OK(port_set_times(p, f, used, written));
    TAP_OK(port_close(p, f));
    TAP_OK(port_open(p, root, "used", PORT_READ | PORT_NOATIME, 0, &f));
    TAP_OK(port_stat(p, f, &st));
    TAP_CHECK(st.atime_ns == used && st.mtime_ns == written);
    TAP_OK(port_pread(p, f, got, sizeof(got), 0, &len));
    TAP_EQUAL_U64(len, 7);
    TAP_OK(port_close(p, f));
    TAP_OK(port_stat_at(p, root, "used", &st));
    TAP_CHECK(st.mtime_ns == written && (wine() || st.atime_ns == used)); /* the system below it counts reads */
    TAP_OK(port_unlink(p, root, "used"));
}

static void
the_filesystem_tells_its_real_block_and_what_it_can(void)
{
    only_windows();
    printf("# %s, kind %d, blocks of %llu, flags %x\n", fs.name, (int)fs.kind, (unsigned long long)fs.block_bytes, fs.flags);
    TAP_CHECK(fs.block_bytes >= 512 && fs.block_bytes <= 2097152 && (fs.block_bytes & (fs.block_bytes - 1)) == 0);
    TAP_CHECK(fs.bytes_total >= fs.bytes_free && fs.bytes_total % fs.block_bytes == 0 && fs.bytes_total > 0);
    TAP_CHECK((fs.flags & PORT_FS_REMOTE) == 0);
}

static void
security_descriptors_are_read_and_set(void)
{
    AL_CLEANUP(al_buf_free) struct al_buf was = {.max = PORT_SECURITY_MAX};
    AL_CLEANUP(al_buf_free) struct al_buf is = {.max = PORT_SECURITY_MAX};
    struct port_file *f;
    struct al_span d;
    int rc;

    only_windows();
    f = make("security", "x", PORT_ALONE);
    TAP_OK(port_security_get(p, f, &was));
    d = al_buf_span(&was);
    TAP_CHECK(d.len >= 20 && d.at[0] == 1 && (d.at[3] & 0x80) != 0); /* revision 1, self-relative */
    TAP_CHECK(al_get_u32(d.at + 4) != 0 && al_get_u32(d.at + 8) != 0);
    rc = port_security_set(p, f, d);
    TAP_OK(rc);
    TAP_OK(port_security_get(p, f, &is));
    TAP_CHECK(al_span_equal(al_buf_span(&is), d));
    TAP_CODE(port_security_set(p, f, al_span_of("no descriptor at all, by far")), AL_EINVAL);
    TAP_CODE(port_security_set(p, f, (struct al_span){d.at, 19}), AL_EINVAL);
    was.at[4] = was.at[5] = 0xff; /* an owner behind the end */
    TAP_CODE(port_security_set(p, f, al_buf_span(&was)), AL_EINVAL);
    TAP_OK(port_close(p, f));
    TAP_OK(port_unlink(p, root, "security"));
}

/* Every descriptor that is cut or has a byte changed is refused or set, and nothing is read beyond its end. */
static void
damaged_descriptors_are_refused_or_set(void)
{
    AL_CLEANUP(al_buf_free) struct al_buf was = {.max = PORT_SECURITY_MAX};
    struct port_file *f;
    unsigned refused = 0;

    only_windows();
    f = make("damaged", "x", 0);
    TAP_OK(port_security_get(p, f, &was));
    for (size_t i = 0; i < was.len; i++) {
        AL_CLEANUP(al_freep) uint8_t *copy = al_memdup(was.at, was.len);
        AL_CLEANUP(al_freep) uint8_t *cut = al_memdup(was.at, i + 1);

        copy[i] ^= 0xff;
        refused += port_security_set(p, f, (struct al_span){copy, was.len}) != AL_OK;
        if (i + 1 < was.len) {
            TAP_CODE(port_security_set(p, f, (struct al_span){cut, i + 1}), AL_EINVAL);
        }
    }
    TAP_CHECK(refused > 0);
    TAP_OK(port_security_set(p, f, al_buf_span(&was)));
    TAP_OK(port_close(p, f));
    TAP_OK(port_unlink(p, root, "damaged"));
}

struct seen {
    unsigned count;
    char name[64];
    uint64_t size;
};

static int
see(void *ctx, const char *name, uint64_t size)
{
    struct seen *s = ctx;

    s->count++;
    s->size = size;
    (void)snprintf(s->name, sizeof(s->name), "%s", name);
    return AL_OK;
}

static void
streams_are_listed_read_and_written(void)
{
    struct port_file *f, *s = NULL;
    struct seen seen = {0};
    char got[16];
    size_t len;

    only_windows();
    f = make("streams", "own", 0);
    TAP_OK(port_stream_list(p, f, see, &seen));
    TAP_EQUAL_U64(seen.count, 0);
    TAP_CODE(port_stream_open(p, f, "none", PORT_READ, &s), (fs.flags & PORT_FS_CAN_STREAMS) != 0 ? AL_ENOENT : AL_ENOTSUP);
    if ((fs.flags & PORT_FS_CAN_STREAMS) == 0) {
        TAP_OK(port_close(p, f));
        TAP_OK(port_unlink(p, root, "streams"));
        tap_skip("no streams on this filesystem (Wine has none)");
    }
    TAP_OK(port_stream_open(p, f, "Zone.Identifier", PORT_READ | PORT_WRITE | PORT_CREATE, &s));
    TAP_OK(port_pwrite(p, s, "zone", 4, 0));
    TAP_OK(port_close(p, s));
    TAP_OK(port_stream_list(p, f, see, &seen));
    TAP_CHECK(seen.count == 1 && seen.size == 4);
    TAP_EQUAL_STR(seen.name, "Zone.Identifier");
    TAP_OK(port_stream_open(p, f, "Zone.Identifier", PORT_READ, &s));
    TAP_OK(port_pread(p, s, got, sizeof(got), 0, &len));
    TAP_CHECK(len == 4 && memcmp(got, "zone", 4) == 0);
    TAP_OK(port_close(p, s));
    TAP_OK(port_close(p, f));
    must_hold("streams", "own");
    TAP_OK(port_unlink(p, root, "streams"));
}

static void
views_are_told_or_it_is_said_that_they_cannot_be(void)
{
    enum port_views views = PORT_VIEWS_HIDDEN;
    struct port_file *f;
    struct port_stat st;
    bool mapped = true;
    int rc;

    only_windows();
    TAP_OK(port_map_probe(p, root, "probe", &views));
    printf("# views: %d\n", (int)views);
    TAP_CHECK(!wine() || views == PORT_VIEWS_BY_SHARING);
    TAP_CODE(port_stat_at(p, root, "probe", &st), AL_ENOENT);
    f = make("probe", "x", PORT_ALONE);
    rc = port_is_mapped(p, f, &mapped);
    TAP_CHECK(rc == AL_ENOTSUP ? views != PORT_VIEWS_BY_ASKING : rc == AL_OK && !mapped);
    TAP_CODE(port_map_probe(p, root, "probe", &views), AL_EEXIST);
    TAP_OK(port_close(p, f));
    must_hold("probe", "x");
    TAP_OK(port_open(p, root, "probe", PORT_READ, 0, &f));
    TAP_CODE(port_is_mapped(p, f, &mapped), AL_EINVAL);
    TAP_OK(port_close(p, f));
    TAP_OK(port_unlink(p, root, "probe"));
}

static void
where_an_open_file_is_and_what_its_handle_finds(void)
{
    AL_CLEANUP(al_buf_free) struct al_buf path = {.max = 4096};
    struct port_file *f, *again = NULL, *sub = NULL;
    struct port_handle h;
    struct port_stat a, b;
    int rc;

    only_windows();
    f = make("p\xC3\xA4th", "x", 0);
    TAP_OK(port_path_of(p, root, f, &path));
    TAP_EQUAL_STR((const char *)path.at, "p\xC3\xA4th");
    TAP_OK(port_mkdir(p, root, "sub", 0700));
    TAP_OK(port_open(p, root, "sub", PORT_READ | PORT_FOLDER, 0, &sub));
    TAP_CODE(port_path_of(p, sub, f, &path), AL_ENOENT);
    TAP_OK(port_handle_get(p, f, &h));
    TAP_OK(port_stat(p, f, &a));
    TAP_OK(port_rename(p, root, "p\xC3\xA4th", sub, "Moved", false));
    TAP_OK(port_close(p, f));
    TAP_OK(port_open_handle(p, root, &h, PORT_READ, &again));
    TAP_OK(port_stat(p, again, &b));
    TAP_CHECK(a.ino == b.ino && a.dev == b.dev && b.type == PORT_T_FILE);
    al_buf_clear(&path);
    TAP_OK(port_path_of(p, root, again, &path));
    TAP_EQUAL_STR((const char *)path.at, "sub/Moved");
    TAP_OK(port_close(p, again));
    TAP_CODE(port_open_handle(p, root, &h, PORT_READ | PORT_FOLDER, &again), AL_ENOTDIR);
    TAP_CODE(port_open_handle(p, root, &h, PORT_READ | PORT_CREATE, &again), AL_EINVAL);
    h.bytes[0] ^= 1; /* another volume's */
    TAP_CODE(port_open_handle(p, root, &h, PORT_READ, &again), AL_EXDEV);
    h.bytes[0] ^= 1;
    h.len = 11;
    TAP_CODE(port_open_handle(p, root, &h, PORT_READ, &again), AL_EINVAL);
    h.len = 12;
    TAP_OK(port_unlink(p, sub, "Moved"));
    rc = port_open_handle(p, root, &h, PORT_READ, &again);
    TAP_CODE(rc, AL_ESTALE);
    TAP_OK(port_close(p, sub));
    TAP_OK(port_rmdir(p, root, "sub"));
}

static void
a_listing_knows_what_stat_tells(void)
{
    struct port_file *f;
    struct port_dir *d = NULL, *second = NULL;
    struct port_dirent e;
    struct port_stat st;
    bool end = false;
    unsigned files = 0;

    only_windows();
    for (unsigned i = 0; i < 700; i++) { /* more than one piece */
        char name[120];

        (void)snprintf(name, sizeof(name), "a listing of rather long names goes on in pieces, whatever they hold, number %u", i);
        f = make(name, i % 2 ? "odd" : "", 0);
        TAP_OK(port_close(p, f));
    }
    TAP_OK(port_dir_open(p, root, &d));
    TAP_OK(port_dir_next(p, d, &e, &end));
    TAP_OK(port_dir_open(p, root, &second)); /* two at once do not meet */
    TAP_OK(port_dir_next(p, second, &e, &end));
    port_dir_close(p, &second);
    for (files = 1; !end; files++) {
        TAP_OK(port_dir_next(p, d, &e, &end));
        if (end) {
            break;
        }
        TAP_OK(port_stat_at(p, root, e.name, &st));
        TAP_CHECK(e.stat_known && e.stat.ino == st.ino && e.stat.dev == st.dev && e.stat.type == st.type);
        TAP_CHECK(e.stat.attrs == st.attrs && e.stat.mtime_ns == st.mtime_ns && e.stat.btime_ns == st.btime_ns);
        TAP_CHECK(st.type != PORT_T_FILE || (e.stat.size == st.size && e.stat.allocated == st.allocated));
        TAP_CHECK(e.stat.ctime_ns == st.ctime_ns && e.ino == st.ino && e.stat.reparse_tag == 0 && e.stat.nlink == 0);
        if (strncmp(e.name, "a listing", 9) == 0) {
            TAP_OK(port_unlink(p, root, e.name));
        }
    }
    TAP_CHECK(files >= 700);
    port_dir_close(p, &d);
}

static void
a_part_of_a_path_is_never_two_nor_a_stream(void)
{
    static const char *const bad[] = {"a\\b", "..\\x", "file:stream", "a::$DATA", "C:", "\\"};
    struct port_file *f = NULL;
    struct port_stat st;

    only_windows();
    for (size_t i = 0; i < AL_LEN(bad); i++) {
        TAP_CODE(port_open(p, root, bad[i], PORT_WRITE | PORT_CREATE, 0600, &f), AL_EINVAL);
        TAP_CODE(port_stat_at(p, root, bad[i], &st), AL_EINVAL);
        TAP_CODE(port_unlink(p, root, bad[i]), AL_EINVAL);
        TAP_CODE(port_mkdir(p, root, bad[i], 0700), AL_EINVAL);
        TAP_CODE(port_rename(p, root, bad[i], root, "y", false), AL_EINVAL);
        TAP_CODE(port_rename(p, root, "y", root, bad[i], false), AL_EINVAL);
    }
}

static void
odd_names_keep_every_unit(void)
{
    static const char *const names[] = {"\xED\xA0\x80 lone", "dot.", "blank ", "CON", "\xF0\x9D\x84\x9E", "UPPER lower"};
    struct port_file *f = NULL;
    struct port_stat st;

    only_windows();
    for (size_t i = 0; i < AL_LEN(names); i++) {
        struct port_dir *d = NULL;
        struct port_dirent e;
        bool end = false, found = false;

        if (wine() && (uint8_t)names[i][0] == 0xED) {
            continue; /* the filesystem below has UTF-8 names */
        }
        f = make(names[i], "x", 0);
        TAP_OK(port_close(p, f));
        TAP_OK(port_dir_open(p, root, &d));
        while (!end) {
            TAP_OK(port_dir_next(p, d, &e, &end));
            found = found || (!end && strcmp(e.name, names[i]) == 0);
        }
        port_dir_close(p, &d);
        TAP_CHECK(found);
        TAP_OK(port_unlink(p, root, names[i]));
        TAP_CODE(port_stat_at(p, root, names[i], &st), AL_ENOENT);
    }
    f = make("Case", "x", 0);
    TAP_OK(port_close(p, f));
    TAP_OK(port_stat_at(p, root, "cASE", &st));
    TAP_CODE(port_open(p, root, "CASE", PORT_WRITE | PORT_CREATE | PORT_EXCL, 0600, &f), AL_EEXIST);
    TAP_OK(port_rename(p, root, "Case", root, "case", true)); /* the same file */
    TAP_OK(port_unlink(p, root, "case"));
}

static void
a_folder_stays_the_folder_under_another_name(void)
{
    struct port_file *dir = NULL, *f = NULL;
    struct port_stat st;

    only_windows();
    if (wine()) {
        tap_skip("Wine keeps the path of an open folder");
    }
    TAP_OK(port_mkdir(p, root, "before", 0700));
    TAP_OK(port_open(p, root, "before", PORT_READ | PORT_FOLDER, 0, &dir));
    TAP_OK(port_rename(p, root, "before", root, "after", false));
    TAP_OK(port_mkdir(p, root, "before", 0700)); /* somebody else's */
    TAP_OK(port_open(p, dir, "mine", PORT_WRITE | PORT_CREATE | PORT_EXCL, 0600, &f));
    TAP_OK(port_close(p, f));
    TAP_OK(port_stat_at(p, dir, "mine", &st));
    TAP_OK(port_unlink(p, dir, "mine"));
    TAP_OK(port_close(p, dir));
    TAP_OK(port_rmdir(p, root, "before"));
    TAP_OK(port_rmdir(p, root, "after"));
}

#if defined(_WIN32)
static void
names_of_one_file_are_counted_and_volumes_have_several(void)
{
    static const char *const volumes[] = {"C:", "C:/", "//?/C:", "//./C:/"};
    struct port_file *f = make("one name", "x", 0), *c = NULL;
    struct port_stat st, first = {0};
    char from[300], to[300], guid[64] = "";

    TAP_OK(port_close(p, f));
    (void)snprintf(from, sizeof(from), "%s/one name", root_path);
    (void)snprintf(to, sizeof(to), "%s/another", root_path);
    TAP_CHECK(CreateHardLinkA(to, from, NULL));
    TAP_OK(port_stat_at(p, root, "another", &st));
    TAP_EQUAL_U64(st.nlink, 2);
    TAP_OK(port_unlink(p, root, "one name"));
    TAP_OK(port_stat_at(p, root, "another", &st));
    TAP_EQUAL_U64(st.nlink, 1);
    TAP_OK(port_unlink(p, root, "another"));
    for (size_t i = 0; i < AL_LEN(volumes); i++) {
        TAP_OK(port_open(p, NULL, volumes[i], PORT_READ | PORT_FOLDER, 0, &c));
        TAP_OK(port_stat(p, c, &st));
        first = i == 0 ? st : first;
        TAP_CHECK(st.type == PORT_T_FOLDER && st.ino == first.ino && st.dev == first.dev);
        TAP_OK(port_close(p, c));
    }
    if (GetVolumeNameForVolumeMountPointA("C:\\", guid, sizeof(guid))) {
        int rc;

        guid[strlen(guid) - 1] = '\0'; /* without the backslash it would be the device */
        rc = port_open(p, NULL, guid, PORT_READ | PORT_FOLDER, 0, &c);
        printf("# %s: %s\n", guid, al_code_name(rc));
        TAP_CHECK(rc == AL_OK || wine());
        if (rc == AL_OK) {
            TAP_OK(port_stat(p, c, &st));
            TAP_EQUAL_U64(st.ino, first.ino);
            TAP_OK(port_close(p, c));
        }
    }
}
#endif

static void
paths_are_long(void)
{
    char part[201], path[3000];
    struct port_file *f = NULL, *dir = NULL;
    const char *name;

    memset(part, 'l', 200);
    part[200] = '\0';
    (void)snprintf(path, sizeof(path), "%s/%s/%s/%s", root_path, part, part, part);
    TAP_OK(port_mkdirs(p, path, 0700));
    (void)snprintf(path, sizeof(path), "%s/%s/%s/file", part, part, part);
    TAP_OK(port_walk_to(p, root, path, &dir, &name));
    TAP_OK(port_open(p, dir, name, PORT_WRITE | PORT_CREATE, 0600, &f));
    TAP_OK(port_close(p, f));
    TAP_OK(port_close(p, dir));
    (void)snprintf(path, sizeof(path), "%s/%s/%s/%s/file", root_path, part, part, part);
    TAP_OK(port_open(p, NULL, path, PORT_READ, 0, &f));
    TAP_OK(port_close(p, f));
    TAP_OK(port_unlink(p, NULL, path));
    for (unsigned i = 0; i < 3; i++) {
        *strrchr(path, '/') = '\0';
        TAP_OK(port_rmdir(p, NULL, path));
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
    (void)snprintf(root_path, sizeof(root_path), "%s/alto-besides-%s", base != NULL ? base : TEST_TEMP, hex);
    TAP_OK(port_mkdirs(p, root_path, 0700));
    TAP_OK(port_open(p, NULL, root_path, PORT_READ | PORT_FOLDER, 0, &root));
    TAP_OK(port_fs(p, root, &fs));
}

/* Nothing is left but what a failed test left. */
static void
teardown(void)
{
    int rc;

    TAP_OK(port_close(p, root));
    rc = port_rmdir(p, NULL, root_path);
    TAP_CHECK(rc == AL_OK || rc == AL_ENOTEMPTY);
}

int
main(void)
{
    TAP_RUN(setup);
    TAP_RUN(other_systems_say_that_they_have_it_not);
    TAP_RUN(who_has_it_alone_has_it_alone);
    TAP_RUN(an_open_file_gets_a_name_that_is_free_and_no_other);
    TAP_RUN(an_open_file_is_removed_with_its_last_handle);
    TAP_RUN(attributes_and_the_time_of_birth_are_set_and_times_stay);
    TAP_RUN(the_access_time_is_left_alone);
    TAP_RUN(the_filesystem_tells_its_real_block_and_what_it_can);
    TAP_RUN(security_descriptors_are_read_and_set);
    TAP_RUN(damaged_descriptors_are_refused_or_set);
    TAP_RUN(streams_are_listed_read_and_written);
    TAP_RUN(views_are_told_or_it_is_said_that_they_cannot_be);
    TAP_RUN(where_an_open_file_is_and_what_its_handle_finds);
    TAP_RUN(a_listing_knows_what_stat_tells);
    TAP_RUN(a_part_of_a_path_is_never_two_nor_a_stream);
    TAP_RUN(odd_names_keep_every_unit);
    TAP_RUN(a_folder_stays_the_folder_under_another_name);
#if defined(_WIN32)
    TAP_RUN(names_of_one_file_are_counted_and_volumes_have_several);
#endif
    TAP_RUN(paths_are_long);
    TAP_RUN(teardown);
    return tap_end();
}
