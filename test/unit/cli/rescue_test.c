/* What alto rescue gives back of a file besides its bytes, on the system it is built for and on a simulated disk that has what Windows has. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../sim/like_windows.h"
#include "agent/target/kept.h"
#include "base/hash.h"
#include "cli/cli.h"
#include "port/digest.h"
#include "port/seal.h"
#include "share_put.h"
#include "tap.h"

#define MANIFEST "manifests/01arz3ndektsv4rrffq69g5fav/20261123-01arz3ndektsv4rrffq69g5fay.jsonl"
#define BORN INT64_C(1111111111123456700)
#define WRITTEN INT64_C(1234567890123456700)

static struct port *native;
static struct port_stat own; /* who we are */
static char base[300], said[400];

struct place { /* a share and a folder to rescue to, of one port */
    struct port *port;
    char root[350];
    struct target *share;
    uint64_t manifest_at;
};

static void
place_open(struct place *at, struct port *port, const char *root)
{
    struct al_fail fail = {0};
    struct target_conf conf = {.customer_id = "01arz3ndektsv4rrffq69g5faw"};
    char url[500], path[400];

    *at = (struct place){.port = port};
    snprintf(at->root, sizeof(at->root), "%s", root);
    snprintf(path, sizeof(path), "%s/share", root);
    TAP_OK(port_mkdirs(port, path, 0755));
    snprintf(url, sizeof(url), "file://%s%s", path[0] == '/' ? "" : "/", path);
    conf.url = url;
    if (target_open(port, &conf, true, &at->share, &fail) != AL_OK) {
        tap_fail(__FILE__, __LINE__, "%s", fail.text);
    }
}

static void
tiered(struct place *at, unsigned n, const char *path, const char *content,
       const struct manifest_xattr *xattrs, size_t count)
{
    struct manifest_record r = {.host_id = "01arz3ndektsv4rrffq69g5fav",
                                .volume_id = "01arz3ndektsv4rrffq69g5fax",
                                .path = al_span_of(path),
                                .size = strlen(content),
                                .atime_ns = 100,
                                .mtime_ns = WRITTEN,
                                .btime_ns = BORN,
                                .mode = 04644,
                                .uid = own.uid,
                                .gid = own.gid,
                                .tiered_ns = 100,
                                .xattrs = xattrs,
                                .xattr_count = count};

    share_put(at->share, n, &r, content, false, MANIFEST, &at->manifest_at);
}

/* Runs it with its standard output in the file `said`. option: "--json", or NULL. */
static int
rescue(struct place *at, const char *option, bool list)
{
    struct cli c = {.port = at->port};
    char url[500], to[500];
    const char *const words[] = {"alto",
                                 "rescue",
                                 "--share",
                                 url,
                                 list ? "--list" : "--to",
                                 list ? option : to,
                                 list ? NULL : option};
    char *argv[AL_LEN(words)];
    int argc = 0, fd, saved, rc;

    snprintf(url, sizeof(url), "file://%s%s/share", at->root[0] == '/' ? "" : "/", at->root);
    snprintf(to, sizeof(to), "%s/out", at->root);
    while (argc < (int)AL_LEN(words) && words[argc] != NULL) {
        argv[argc] = (char *)words[argc];
        argc++;
    }
    TAP_OK(args_read(&c, argc, argv));
    fflush(stdout);
    saved = dup(1);
    fd = open(said, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    TAP_CHECK(saved >= 0 && fd >= 0 && dup2(fd, 1) >= 0);
    rc = c.command->run(&c);
    fflush(stdout);
    TAP_CHECK(dup2(saved, 1) >= 0);
    close(saved);
    close(fd);
    return rc;
}

static json_t *
answer(void)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    json_t *j = NULL;

    al_buf_init(&text, 1u << 20);
    TAP_OK(port_read_file(native, NULL, said, 1u << 20, &text));
    TAP_OK(al_json_parse(al_buf_span(&text), &j, NULL));
    return j;
}

/* The code with which a part was not set, "" where it was; *files: of how many. */
static const char *
not_set(const json_t *j, const char *what, uint64_t *files)
{
    const json_t *all = json_object_get(j, "not_set");

    TAP_CHECK(json_is_array(all));
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *one = json_array_get(all, i);

        if (strcmp(get_text(one, "what"), what) == 0) {
            TAP_EQUAL_STR(get_text(one, "kept_in"), "manifests");
            TAP_CHECK(get_text(one, "kept_as")[0] != '\0');
            *files = get_count(one, "files");
            return get_text(one, "code");
        }
    }
    *files = 0;
    return "";
}

static void
reads(struct place *at, const char *name, const char *content, struct port_stat *ret)
{
    AL_CLEANUP(al_buf_free) struct al_buf b = {0};
    char path[600];

    al_buf_init(&b, 4096);
    snprintf(path, sizeof(path), "%s/out/%s", at->root, name);
    TAP_OK(port_read_file(at->port, NULL, path, 4096, &b));
    TAP_CHECK(al_span_equal(al_buf_span(&b), al_span_of(content)));
    TAP_OK(port_stat_at(at->port, NULL, path, ret));
    TAP_EQUAL_U64(ret->mtime_ns, WRITTEN);
}

/* ---- on a disk that has what Windows has ---- */

static const char rights[] = "O:owner D:rights";

static struct sim *
windows_disk(struct place *at)
{
    struct manifest_xattr line[] = {
        {al_span_of(KEPT_NTFS_SECURITY), al_span_of(rights)},
        {al_span_of(KEPT_NTFS_ATTRIBUTES), al_span_of("readonly,hidden")},
        {al_span_of(KEPT_NTFS_STREAM "note"), al_span_of("of a stream")}};
    struct sim *s = NULL;

    TAP_OK(sim_new(7, SIM_ORDER_GLOBAL, &s));
    like_windows(s);
    place_open(at, sim_port(s), "/w");
    tiered(at, 1, "f.txt", "its bytes", line, AL_LEN(line));
    return s;
}

static void
windows_end(struct place *at, struct sim *s)
{
    at->share = target_close(at->share);
    TAP_CHECK(sim_free(s) == NULL);
}

static void
a_file_of_windows_is_dressed_there_as_its_line_says(void)
{
    struct place at;
    struct sim *s = windows_disk(&at);
    struct port_stat st;
    json_t *j;

    TAP_OK(rescue(&at, "--json", false));
    reads(&at, "f.txt", "its bytes", &st);
    TAP_CHECK(like_windows_dressed(s, "/w/out/f.txt", PORT_A_READONLY | PORT_A_HIDDEN, rights,
                                   "note", "of a stream", 11, BORN));
    j = answer();
    TAP_EQUAL_U64(get_count(j, "restored"), 1);
    TAP_EQUAL_U64(get_count(j, "incomplete"), 0);
    TAP_EQUAL_U64(json_array_size(json_object_get(j, "not_set")), 0);
    json_decref(j);
    windows_end(&at, s);
}

static void
rights_that_may_not_be_set_are_told_and_the_rest_is_set(void)
{
    struct place at;
    struct sim *s = windows_disk(&at);
    struct port_stat st;
    uint64_t files;
    json_t *j;

    like_windows_fixed(true);
    TAP_OK(rescue(&at, "--json", false));
    like_windows_fixed(false);
    reads(&at, "f.txt", "its bytes", &st);
    TAP_CHECK(like_windows_dressed(s, "/w/out/f.txt", PORT_A_READONLY | PORT_A_HIDDEN,
                                   "rights of the folder", "note", "of a stream", 11, BORN));
    j = answer();
    TAP_EQUAL_STR(not_set(j, "security", &files), "forbidden");
    TAP_EQUAL_U64(files, 1);
    TAP_EQUAL_U64(json_array_size(json_object_get(j, "not_set")), 1);
    json_decref(j);
    windows_end(&at, s);
}

/* A run that was cut may leave a file that is read-only already. */
static void
what_a_run_that_was_cut_left_is_made_anew(void)
{
    static const char temp[] = "/w/out/.alto-rescue-01arz3ndektsv4rrffq69g5001";
    struct place at;
    struct sim *s = windows_disk(&at);
    struct port_file *f = NULL;
    struct port_stat st;

    TAP_OK(port_mkdirs(at.port, "/w/out", 0755));
    TAP_OK(port_open(at.port, NULL, temp, PORT_READ | PORT_WRITE | PORT_CREATE, 0600, &f));
    TAP_OK(port_pwrite(at.port, f, "longer than the file that is to come", 36, 0));
    TAP_OK(port_set_attrs(at.port, f, PORT_A_READONLY, PORT_A_READONLY));
    TAP_OK(port_close(at.port, f));
    TAP_CODE(port_open(at.port, NULL, temp, PORT_WRITE, 0, &f), AL_EACCES);
    TAP_OK(rescue(&at, "--json", false));
    reads(&at, "f.txt", "its bytes", &st);
    TAP_CODE(port_stat_at(at.port, NULL, temp, &st), AL_ENOENT);
    windows_end(&at, s);
}

/* ---- on the system here ---- */

/* A descriptor as the system here has them; text where it has none. */
static void
rights_here(const char *root, struct al_buf *to)
{
    struct port_file *f = NULL;
    char path[500];

    al_buf_init(to, PORT_SECURITY_MAX);
    snprintf(path, sizeof(path), "%s/any", root);
    TAP_OK(port_open(native, NULL, path, PORT_READ | PORT_WRITE | PORT_CREATE, 0640, &f));
    if (port_security_get(native, f, to) != AL_OK) {
        TAP_OK(al_buf_adds(to, "no descriptor here"));
    }
    TAP_OK(port_close(native, f));
}

static bool
has_streams(struct place *at, const char *name)
{
    struct port_file *f = NULL, *t = NULL;
    char path[600], got[20];
    size_t len = 0;
    bool has;

    snprintf(path, sizeof(path), "%s/out/%s", at->root, name);
    TAP_OK(port_open(native, NULL, path, PORT_READ, 0, &f));
    has = port_stream_open(native, f, "note", PORT_READ, &t) == AL_OK;
    if (has) {
        TAP_OK(port_pread(native, t, got, sizeof(got), 0, &len));
        TAP_CHECK(len == 11 && memcmp(got, "of a stream", 11) == 0);
        TAP_OK(port_close(native, t));
    }
    TAP_OK(port_close(native, f));
    return has;
}

static void
clear_readonly(struct place *at, const char *name) /* so that the folder can go */
{
    struct port_file *f = NULL;
    char path[600];

    snprintf(path, sizeof(path), "%s/out/%s", at->root, name);
    TAP_OK(port_open(native, NULL, path, PORT_READ, 0, &f));
    (void)!port_set_attrs(native, f, 0, PORT_A_READONLY);
    TAP_OK(port_close(native, f));
}

static void
check_native(struct place *at, const json_t *j, const struct port_stat *st)
{
    uint64_t files;

    if (port_seals()) { /* Windows, or Wine as far as it is */
        TAP_EQUAL_STR(not_set(j, "security", &files), "");
        TAP_EQUAL_STR(not_set(j, "attributes", &files), "");
        TAP_CHECK((st->attrs & (PORT_A_READONLY | PORT_A_HIDDEN)) ==
                  (PORT_A_READONLY | PORT_A_HIDDEN));
        TAP_CHECK(has_streams(at, "w.txt") == (not_set(j, "streams", &files)[0] == '\0'));
        TAP_CHECK(st->btime_ns == BORN || not_set(j, "born", &files)[0] != '\0' ||
                  st->btime_ns == WRITTEN /* Wine has none */);
    } else {
        static const char *const parts[] = {"security", "attributes", "streams", "born"};

        for (size_t i = 0; i < AL_LEN(parts); i++) {
            TAP_EQUAL_STR(not_set(j, parts[i], &files), "not_supported");
            TAP_EQUAL_U64(files, i == 2 ? 1 : 2);
        }
        TAP_EQUAL_U64(json_array_size(json_object_get(j, "not_set")), AL_LEN(parts));
        TAP_EQUAL_U64(get_count(j, "incomplete"), 2);
        TAP_EQUAL_U64(st->mode, 0600); /* whose rights nobody knows here is read by nobody else */
    }
}

static void
a_file_of_windows_is_told_of_where_it_cannot_be_dressed(void)
{
    AL_CLEANUP(al_buf_free) struct al_buf here = {0};
    struct manifest_xattr line[3];
    struct port_stat st;
    struct place at;
    char root[350];
    json_t *j;

    snprintf(root, sizeof(root), "%s/windows", base);
    place_open(&at, native, root);
    rights_here(root, &here);
    line[0] = (struct manifest_xattr){al_span_of(KEPT_NTFS_SECURITY), al_buf_span(&here)};
    line[1] =
        (struct manifest_xattr){al_span_of(KEPT_NTFS_ATTRIBUTES), al_span_of("readonly,hidden")};
    line[2] =
        (struct manifest_xattr){al_span_of(KEPT_NTFS_STREAM "note"), al_span_of("of a stream")};
    tiered(&at, 11, "w.txt", "its bytes", line, 3);
    tiered(&at, 12, "folder/v.txt", "others", line, 2);
    TAP_OK(rescue(&at, "--json", true));
    j = answer();
    TAP_EQUAL_U64(json_array_size(j), 2);
    TAP_EQUAL_STR(get_text(json_array_get(j, 0), "manifest"), MANIFEST);
    TAP_EQUAL_STR(
        json_string_value(json_array_get(json_object_get(json_array_get(j, 0), "xattrs"), 2)),
        KEPT_NTFS_STREAM "note");
    json_decref(j);
    TAP_OK(rescue(&at, "--json", false));
    reads(&at, "folder/v.txt", "others", &st);
    reads(&at, "w.txt", "its bytes", &st);
    j = answer();
    TAP_EQUAL_U64(get_count(j, "restored"), 2);
    check_native(&at, j, &st);
    json_decref(j);
    clear_readonly(&at, "w.txt");
    clear_readonly(&at, "folder/v.txt");
    at.share = target_close(at.share);
}

static void
for_people_it_says_what_and_where(void)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    struct manifest_xattr line[] = {{al_span_of(KEPT_NTFS_SECURITY), al_span_of("x")},
                                    {al_span_of("ntfs.of a later version"), al_span_of("y")}};
    struct place at;
    char root[350];

    snprintf(root, sizeof(root), "%s/people", base);
    place_open(&at, native, root);
    tiered(&at, 21, "w.txt", "its bytes", line, 2);
    TAP_OK(rescue(&at, NULL, false));
    al_buf_init(&text, 1u << 16);
    TAP_OK(port_read_file(native, NULL, said, 1u << 16, &text));
    TAP_CHECK(strstr((const char *)text.at, "1 files restored") != NULL);
    TAP_CHECK(strstr((const char *)text.at,
                     "not set: the security descriptor (owner, rights) of 1 files") != NULL);
    TAP_CHECK(strstr((const char *)text.at, "not set: extended attributes of 1 files") != NULL);
    TAP_CHECK(strstr((const char *)text.at, "in each file's line of manifests/") != NULL);
    at.share = target_close(at.share);
}

static void
a_file_of_linux_has_its_owner_and_mode_where_there_are_such(void)
{
    struct manifest_xattr line[] = {{al_span_of("user.note"), al_span_of("kept")}};
    struct port_stat st;
    struct place at;
    uint64_t files;
    char root[350];
    json_t *j;

    snprintf(root, sizeof(root), "%s/linux", base);
    place_open(&at, native, root);
    tiered(&at, 31, "l.txt", "its bytes", line, 1);
    TAP_OK(rescue(&at, "--json", false));
    reads(&at, "l.txt", "its bytes", &st);
    j = answer();
    TAP_EQUAL_STR(not_set(j, "security", &files), "");
    if (port_seals()) {
        TAP_EQUAL_STR(not_set(j, "owner", &files), "not_supported");
        TAP_EQUAL_STR(not_set(j, "mode", &files), "not_supported");
        TAP_EQUAL_STR(not_set(j, "xattrs", &files), "not_supported");
    } else {
        bool whole = not_set(j, "xattrs", &files)[0] == '\0'; /* not on every filesystem */

        TAP_EQUAL_STR(not_set(j, "owner", &files), "");
        TAP_EQUAL_STR(not_set(j, "mode", &files), whole ? "" : "forbidden");
        TAP_EQUAL_U64(st.mode, whole ? 04644 : 0644);
        TAP_EQUAL_STR(not_set(j, "born", &files), "");
    }
    json_decref(j);
    at.share = target_close(at.share);
}

int
main(int argc, char **argv)
{
    native = port_native();
    if (argc < 2) {
        printf("1..0 # SKIP give a folder to work in\n");
        return 0;
    }
    snprintf(base, sizeof(base), "%s/rescue-test-%lld", argv[1], (long long)port_now_ns(native));
    snprintf(said, sizeof(said), "%s/said", base);
    if (port_mkdirs(native, base, 0700) != AL_OK ||
        port_stat_at(native, NULL, base, &own) != AL_OK) {
        printf("Bail out! cannot make %s\n", base);
        return 1;
    }
    TAP_RUN(a_file_of_windows_is_dressed_there_as_its_line_says);
    TAP_RUN(rights_that_may_not_be_set_are_told_and_the_rest_is_set);
    TAP_RUN(what_a_run_that_was_cut_left_is_made_anew);
    TAP_RUN(a_file_of_windows_is_told_of_where_it_cannot_be_dressed);
    TAP_RUN(for_people_it_says_what_and_where);
    TAP_RUN(a_file_of_linux_has_its_owner_and_mode_where_there_are_such);
    return tap_end();
}
