#include <stdio.h>
#include <stdlib.h>

#include "agent/target/manifest.h"
#include "base/hash.h"
#include "cli/cli.h"
#include "port/digest.h"
#include "share_put.h"
#include "tap.h"

static struct port *port;
static char base[400];

/* ---- arguments ---- */

static int
read_args(struct cli *c, const char *const *words)
{
    char *argv[CLI_WORDS_MAX + 8];
    int argc = 0;

    *c = (struct cli){.port = port};
    argv[argc++] = (char *)"alto";
    for (; *words != NULL; words++) {
        argv[argc++] = (char *)*words;
    }
    return args_read(c, argc, argv);
}
#define ARGS(c, ...) read_args(c, (const char *const[]){__VA_ARGS__, NULL})

static void
the_table_holds_together(void)
{
    size_t count;
    const struct cli_command *all = cli_commands(&count);

    for (size_t i = 0; i < count; i++) {
        size_t options = 0;

        TAP_CHECK(all[i].summary[0] != '\0' && all[i].run != NULL &&
                  all[i].words_min <= all[i].words_max);
        TAP_CHECK((all[i].words[0] == '\0') == (all[i].words_max == 0));
        for (const struct cli_option *o = all[i].options; o != NULL && o->name != NULL; o++) {
            TAP_CHECK(o->help[0] != '\0');
            for (const struct cli_option *g = cli_global_options; g->name != NULL; g++) {
                TAP_CHECK(strcmp(g->name, o->name) != 0);
            }
            options++;
        }
        TAP_CHECK(options <= CLI_OPTIONS_MAX);
        for (size_t k = 0; k < i; k++) {
            bool same = strcmp(all[k].noun, all[i].noun) == 0;

            /* A noun may be a command by itself beside its verbs, and then stands behind them. */
            TAP_CHECK(!same || (all[k].verb != NULL &&
                                (all[i].verb == NULL || strcmp(all[k].verb, all[i].verb) != 0)));
        }
    }
}

static void
options_stand_anywhere_and_words_find_their_command(void)
{
    struct cli c;
    uint64_t v = 0;
    bool given = false;

    TAP_OK(ARGS(&c, "--json", "rule", "add", "--volume", "v", "--name=a=b", "--where", "true",
                "--limit-bytes", "1.5 MiB", "--server=https://x"));
    TAP_EQUAL_STR(c.command->noun, "rule");
    TAP_EQUAL_STR(c.command->verb, "add");
    TAP_EQUAL_STR(args_get(&c, "name"), "a=b");
    TAP_EQUAL_STR(args_get(&c, "where"), "true");
    TAP_EQUAL_STR(c.server, "https://x");
    TAP_CHECK(c.json && args_get(&c, "action") == NULL);
    TAP_OK(args_size(&c, "limit-bytes", &v, &given));
    TAP_EQUAL_U64(v, 3 << 19);
    TAP_OK(ARGS(&c, "file", "recall", "v", "--wait", "--", "--strange-name", "other"));
    TAP_EQUAL_U64(c.word_count, 3);
    TAP_EQUAL_STR(c.words[1], "--strange-name");
    TAP_CHECK(args_flag(&c, "wait"));
    TAP_OK(ARGS(&c, "scan", "v"));
    TAP_EQUAL_STR(c.command->noun, "scan");
    TAP_OK(ARGS(&c, "import", "list", "--state", "done")); /* a verb of a noun that is a command */
    TAP_EQUAL_STR(c.command->verb, "list");
    TAP_EQUAL_STR(args_get(&c, "state"), "done");
    TAP_OK(ARGS(&c, "import", "vol", "list", "--wait"));
    TAP_CHECK(c.command->verb == NULL && c.word_count == 2 && args_flag(&c, "wait"));
    TAP_OK(ARGS(&c, "import", "--", "list", "file.csv"));
    TAP_CHECK(c.command->verb == NULL && c.word_count == 2);
    TAP_OK(ARGS(&c, "import", "--add", "list", "file.csv"));
    TAP_CHECK(c.command->verb == NULL && c.word_count == 2 && args_flag(&c, "add"));
    TAP_CODE(ARGS(&c, "import", "vol"), AL_EINVAL);
    TAP_OK(ARGS(&c, "file", "--help"));
    TAP_CHECK(c.help && c.command == NULL);
    TAP_EQUAL_STR(c.words[0], "file");
    TAP_OK(ARGS(&c, "help", "rule", "add"));
    TAP_CHECK(c.help && c.command != NULL && strcmp(c.command->verb, "add") == 0);
    TAP_OK(ARGS(&c, "help"));
    TAP_CHECK(c.help && c.command == NULL);
}

static void
live_events_are_read_in_any_pieces(void)
{
    static const char stream[] = "retry: 3000\n\n"
                                 "id: a-1\r\nevent: access\r\ndata: {\"volume_id\":\"other\"}\r\n\r\n"
                                 "id: a-2\nevent: job\ndata: {\"volume_id\":\"mine\"}\n\n"
                                 ": beat\n\n";
    static const char mine[] = "id: a-3\nevent:access\ndata: {\"volume_id\":\"mine\",\"rows\":[]}\n\n",
                      reset[] = "event: reset\ndata: {}\n\n", named[] = "event: access\n\ndata: mine\n\n";
    static char longest[3 * EVENTS_LINE_MAX];

    for (size_t piece = 1; piece < sizeof(stream); piece++) {
        struct events e = {.what = "access", .id = "mine"};

        for (size_t at = 0; at < sizeof(stream) - 1; at += piece) {
            size_t left = sizeof(stream) - 1 - at;

            events_take(&e, stream + at, left < piece ? left : piece);
        }
        TAP_CHECK(!e.news && e.named[0] == '\0');
        events_take(&e, named, sizeof(named) - 1);
        TAP_CHECK(!e.news); /* an event ends with an empty line */
        events_take(&e, mine, sizeof(mine) - 1 - piece % 3);
        TAP_CHECK(e.news || piece % 3 != 0);
        e = (struct events){.what = "access", .id = "mine"};
        events_take(&e, reset, sizeof(reset) - 1);
        TAP_CHECK(e.news);
    }
    struct events e = {.what = "access", .id = "mine"};
    memset(longest, 'x', sizeof(longest));
    memcpy(longest, "event: access\ndata: mine", 24);
    longest[sizeof(longest) - 1] = '\n';
    events_take(&e, longest, sizeof(longest));
    TAP_CHECK(e.news && e.len == 0);
}

static void
wrong_usage_is_told_with_what_was_meant(void)
{
    struct cli c;

    TAP_CODE(ARGS(&c, "fle"), AL_EINVAL);
    TAP_CHECK(strstr(c.fail.text, "fle") != NULL);
    TAP_CODE(ARGS(&c, "file", "lst"), AL_EINVAL);
    TAP_CHECK(strstr(c.fail.text, "alto file --help") != NULL);
    TAP_CODE(ARGS(&c, "file"), AL_EINVAL);
    TAP_CODE(ARGS(&c, "scan"), AL_EINVAL);
    TAP_CHECK(strstr(c.fail.text, "VOLUME") != NULL);
    TAP_CODE(ARGS(&c, "scan", "a", "b"), AL_EINVAL);
    TAP_CODE(ARGS(&c, "rule", "add", "--volume", "v", "--name", "n"), AL_EINVAL);
    TAP_CHECK(strstr(c.fail.text, "--where EXPR") != NULL);
    TAP_CODE(ARGS(&c, "rule", "list", "--limit"), AL_EINVAL);
    TAP_CODE(ARGS(&c, "rule", "list", "--limits", "3"), AL_EINVAL);
    TAP_CODE(ARGS(&c, "scan", "v", "--wait=yes"), AL_EINVAL);
}

/* ---- output ---- */

static void
sizes_are_short(void)
{
    char text[32];

    out_size(0, text);
    TAP_EQUAL_STR(text, "0 B");
    out_size(999, text);
    TAP_EQUAL_STR(text, "999 B");
    out_size(1500, text);
    TAP_EQUAL_STR(text, "1.5 kB");
    out_size(UINT64_MAX, text);
    TAP_EQUAL_STR(text, "18.4 EB");
}

static void
nothing_a_file_is_called_drives_the_terminal(void)
{
    AL_CLEANUP(al_buf_free) struct al_buf b = {0};

    al_buf_init(&b, 4096);
    TAP_OK(out_safe("a\x1b[2J\n\x7f \xc2\x9b"
                    "2J gr\xc3\xb6\xc3\x9f \xff",
                    &b));
    TAP_EQUAL_STR((const char *)b.at, "a\\x1b[2J\\n\\x7f \\x9b2J gr\xc3\xb6\xc3\x9f \xef\xbf\xbd");
}

static void
what_nobody_sees_is_shown(void)
{
    static const struct {
        const char *raw, *shown;
    } cases[] = {
        {"rtl\xe2\x80\xaegpj.exe", "rtl\\u202egpj.exe"}, /* reads as "rtlexe.jpg" else */
        {"\xe2\x81\xa6x\xe2\x81\xa9", "\\u2066x\\u2069"},
        {"\xe2\x80\x8e\xd8\x9c", "\\u200e\\u061c"},
        {"a\xe2\x80\x8b" "b\xef\xbb\xbf\xc2\xad", "a\\u200bb\\ufeff\\u00ad"},
        {"a\xe2\x80\xa8" "b", "a\\u2028b"},
        {"\xf3\xa0\x81\xa1", "\\ue0061"},
        {"\xc2\x85", "\\x85"},
        /* Joiners, combining marks, scripts from right to left, and pictures are text. */
        {"\xe2\x80\x8d\xe2\x80\x8c", "\xe2\x80\x8d\xe2\x80\x8c"},
        {"e\xcc\x81 \xd7\xa9 \xf0\x9f\x8e\xac", "e\xcc\x81 \xd7\xa9 \xf0\x9f\x8e\xac"},
        {"\xc2\xa0", "\xc2\xa0"},
        {"", ""},
    };

    for (size_t i = 0; i < AL_LEN(cases); i++) {
        AL_CLEANUP(al_buf_free) struct al_buf b = {.max = 4096};

        TAP_OK(out_safe(cases[i].raw, &b));
        TAP_EQUAL_STR((const char *)b.at, cases[i].shown);
    }
}

/* Runs the command with its standard output in a file. */
static int
run_into(struct cli *c, const char *path)
{
    FILE *saved = stdout;
    int rc;

    fflush(stdout);
    stdout = fopen(path, "w");
    if (stdout == NULL) {
        stdout = saved;
        return AL_EIO;
    }
    rc = c->command->run(c);
    fclose(stdout);
    stdout = saved;
    return rc;
}

static void
completion_is_a_script_the_shell_accepts(void)
{
    char command[1200], path[600];
    struct cli c;

    if (system("command -v bash >/dev/null 2>&1") != 0) {
        tap_skip("no bash");
    }
    snprintf(path, sizeof(path), "%s/completion", base);
    TAP_OK(ARGS(&c, "completion", "bash"));
    TAP_OK(run_into(&c, path));
    snprintf(command, sizeof(command),
             "bash -c '. \"%s\"; COMP_WORDS=(alto ru); COMP_CWORD=1; _alto; [ \"${COMPREPLY[*]}\" "
             "= rule ] && COMP_WORDS=(alto rule pre); COMP_CWORD=2; "
             "_alto; [ \"${COMPREPLY[*]}\" = preview ] && COMP_WORDS=(alto rule run --w); "
             "COMP_CWORD=3; _alto; [ \"${COMPREPLY[*]}\" = --wait ]'",
             path);
    TAP_CHECK(system(command) == 0);
}

static const char *manual;

static void
the_manual_names_every_command_and_option(void)
{
    AL_CLEANUP(al_buf_free) struct al_buf raw = {0};
    AL_CLEANUP(al_buf_free) struct al_buf page = {0};
    size_t count;
    const struct cli_command *all = cli_commands(&count);

    al_buf_init(&raw, 1u << 20);
    al_buf_init(&page, 1u << 20);
    TAP_OK(port_read_file(port, NULL, manual, 1u << 20, &raw));
    for (size_t i = 0; i < raw.len; i++) { /* "\\-" is how a manual page writes a dash */
        if (raw.at[i] != '\\') {
            TAP_OK(al_buf_add(&page, raw.at + i, 1));
        }
    }
    for (size_t i = 0; i < count; i++) {
        char head[128];

        snprintf(head, sizeof(head), ".SS alto %s%s%s", all[i].noun, all[i].verb != NULL ? " " : "",
                 all[i].verb != NULL ? all[i].verb : "");
        if (strstr((const char *)page.at, head) == NULL) {
            tap_fail(__FILE__, __LINE__, "packaging/man/alto.1 lacks %s", head);
        }
        for (const struct cli_option *o = all[i].options; o != NULL && o->name != NULL; o++) {
            snprintf(head, sizeof(head), ".B --%s%s%s\n", o->name, o->value != NULL ? " " : "",
                     o->value != NULL ? o->value : "");
            if (strstr(strstr((const char *)page.at, all[i].noun), head) == NULL) {
                tap_fail(__FILE__, __LINE__, "packaging/man/alto.1 lacks %s of %s", head,
                         all[i].noun);
            }
        }
    }
}

/* ---- rescue ---- */

static struct target *
share(void)
{
    struct target *t = NULL;
    struct al_fail fail = {0};
    char url[600], path[500];

    snprintf(path, sizeof(path), "%s/share", base);
    TAP_OK(port_mkdirs(port, path, 0755));
    snprintf(url, sizeof(url), "file://%s", path);
    if (target_open(port,
                    &(struct target_conf){.url = url, .customer_id = "01arz3ndektsv4rrffq69g5faw"},
                    true, &t, &fail) != AL_OK) {
        tap_fail(__FILE__, __LINE__, "%s", fail.text);
    }
    return t;
}

static uint64_t manifest_at, second_at;
static bool in_second; /* the next lines go to another manifest of the host */
#define CUT_MANIFEST                                                                               \
    "manifests/01arz3ndektsv4rrffq69g5fav/20261123-01arz3ndektsv4rrffq69g5faz.jsonl"
static struct manifest_xattr *extra; /* of the next file */
static size_t extra_count;
#define SECOND_MANIFEST                                                                            \
    "manifests/01arz3ndektsv4rrffq69g5fav/20261122-01arz3ndektsv4rrffq69g5fau.jsonl"
#define MANIFEST "manifests/01arz3ndektsv4rrffq69g5fav/20261123-01arz3ndektsv4rrffq69g5fay.jsonl"

/* One tiered version of a path, as an agent leaves it. spoil: the object is not what the manifest
 * says. */
static void
tiered(struct target *t, unsigned n, const char *path, const char *content, int64_t when,
       bool spoil)
{
    struct manifest_record r = {.host_id = "01arz3ndektsv4rrffq69g5fav",
                                .volume_id = "01arz3ndektsv4rrffq69g5fax",
                                .path = al_span_of(path),
                                .size = strlen(content),
                                .atime_ns = 5,
                                .mtime_ns = 1234567890123456789,
                                .mode = 0640,
                                .tiered_ns = when,
                                .xattrs = extra,
                                .xattr_count = extra_count};

    share_put(t, n, &r, content, spoil, in_second ? SECOND_MANIFEST : MANIFEST, in_second ? &second_at : &manifest_at);
}

static int
rescue(const char *option, const char *value, struct cli *c)
{
    static char url[500], to[500], said[500];

    snprintf(url, sizeof(url), "file://%s/share", base);
    snprintf(to, sizeof(to), "%s/out", base);
    TAP_OK(ARGS(c, "rescue", "--share", url, "--to", to, option, value));
    snprintf(said, sizeof(said), "%s/said", base);
    return run_into(c, said);
}

static void
is_file(const char *name, const char *content)
{
    AL_CLEANUP(al_buf_free) struct al_buf b = {0};
    struct port_stat st;
    char path[1000];

    al_buf_init(&b, 4096);
    snprintf(path, sizeof(path), "%s/out/%s", base, name);
    TAP_OK(port_read_file(port, NULL, path, 4096, &b));
    TAP_CHECK(al_span_equal(al_buf_span(&b), al_span_of(content)));
    TAP_OK(port_stat_at(port, NULL, path, &st));
    TAP_EQUAL_U64(st.mtime_ns, 1234567890123456789);
}

static void
rescue_rebuilds_the_last_version_of_each_path_and_says_what_it_cannot(void)
{
    struct target *t = share();
    struct port_stat st;
    char path[600];
    struct cli c;

    tiered(t, 1, "a/b/file.txt", "old", 100, false);
    tiered(t, 2, "a/b/file.txt", "newest", 300, false);
    in_second = true;
    tiered(t, 3, "a/b/file.txt", "older, wherever it is read", 200, false);
    in_second = false;
    tiered(t, 6, "clock.txt", "written while the clock was ahead", 9000, false);
    tiered(t, 7, "clock.txt", "written later", 400, false);
    in_second = true;
    tiered(t, 8, "clock.txt", "written earlier", 350, false);
    in_second = false;
    tiered(t, 4, "empty", "", 100, false);
    tiered(t, 5, "spoilt", "as it was", 100, true);
    TAP_OK(target_append(t, CUT_MANIFEST, 0, "{\"cut", 5, NULL)); /* a line that lost power */
    TAP_CODE(rescue("--path", "", &c), AL_EIO);
    is_file("a/b/file.txt", "newest");
    is_file("empty", "");
    is_file("clock.txt", "written later");
    snprintf(path, sizeof(path), "%s/out/spoilt", base);
    TAP_CODE(port_stat_at(port, NULL, path, &st), AL_ENOENT);
    TAP_CODE(rescue("--path", "/a/", &c),
             AL_ECORRUPT); /* all there; of the cut line nobody knows */
    is_file("a/b/file.txt", "newest");
    TAP_OK(target_remove(t, CUT_MANIFEST, NULL));
    TAP_OK(rescue("--path", "/a/", &c)); /* again: all there, nothing done anew */
    is_file("a/b/file.txt", "newest");
    target_close(t);
}

/* Manifests never have one; a share is input from outside. On a volume it would make the file a
 * stub that nothing can recall. */
static void
a_marker_in_a_manifest_is_not_restored(void)
{
    struct manifest_xattr two[] = {{al_span_of("trusted.alto"), al_span_of("x")},
                                   {al_span_of("user.note"), al_span_of("kept")}};
    struct target *t = share();
    char path[600], value[16];
    size_t len = 0;
    struct cli c;
    int rc;

    extra = two;
    extra_count = 2;
    tiered(t, 21, "marked", "its bytes", 100, false);
    extra_count = 0;
    TAP_OK(rescue("--path", "marked", &c));
    is_file("marked", "its bytes");
    snprintf(path, sizeof(path), "%s/out/marked", base);
    rc = port_xattr_get_at(port, NULL, path, "user.note", value, sizeof(value), &len);
    TAP_CHECK(rc == AL_OK || rc == AL_ENOTSUP); /* not on every filesystem */
    if (rc == AL_OK) {
        TAP_CODE(port_xattr_get_at(port, NULL, path, "trusted.alto", value, sizeof(value), &len),
                 AL_ENODATA);
    }
    target_close(t);
}

static void
a_manifest_cannot_write_outside_the_target_folder(void)
{
    struct target *t = share();
    struct port_stat st;
    char path[600], link_to[600];
    struct cli c;

    tiered(t, 11, "x/../../evil", "evil", 100, false);
    tiered(t, 12, "/abs", "evil", 100, false);
    tiered(t, 13, "link/evil", "evil", 100, false);
    snprintf(path, sizeof(path), "%s/out/link", base);
    snprintf(link_to, sizeof(link_to), "%s", base);
    (void)!port_symlink(port, NULL, path,
                        link_to); /* not on every system; then it is a plain folder */
    TAP_CODE(rescue("--path", "", &c), AL_EIO);
    snprintf(path, sizeof(path), "%s/evil", base);
    TAP_CODE(port_stat_at(port, NULL, path, &st), AL_ENOENT);
    target_close(t);
}

int
main(int argc, char **argv)
{
    port = port_native();
    if (argc < 3) {
        printf("1..0 # SKIP give a folder to work in and the manual page\n");
        return 0;
    }
    manual = argv[2];
    snprintf(base, sizeof(base), "%s/cli-test-%lld", argv[1], (long long)port_now_ns(port));
    if (port_mkdirs(port, base, 0700) != AL_OK) {
        printf("Bail out! cannot make %s\n", base);
        return 1;
    }
    TAP_RUN(the_table_holds_together);
    TAP_RUN(options_stand_anywhere_and_words_find_their_command);
    TAP_RUN(live_events_are_read_in_any_pieces);
    TAP_RUN(wrong_usage_is_told_with_what_was_meant);
    TAP_RUN(sizes_are_short);
    TAP_RUN(nothing_a_file_is_called_drives_the_terminal);
    TAP_RUN(what_nobody_sees_is_shown);
    TAP_RUN(completion_is_a_script_the_shell_accepts);
    TAP_RUN(the_manual_names_every_command_and_option);
    TAP_RUN(rescue_rebuilds_the_last_version_of_each_path_and_says_what_it_cannot);
    TAP_RUN(a_marker_in_a_manifest_is_not_restored);
    TAP_RUN(a_manifest_cannot_write_outside_the_target_folder);
    return tap_end();
}
