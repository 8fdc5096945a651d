/* The property that holds the two evaluators together: for thousands of made-up rules and files,
 * what DuckDB finds by rule_sql is what rule_match says, file by file (with `like` the SQL may only
 * be wider: the inventory's own use of rule_match on top makes it equal, unless SQL was too
 * narrow). And parse(print(rule)) is the rule. */
#include "help.h"

#include "rule/rule.h"

#define FILES 700u

static uint64_t seed = 20261123;

static uint32_t
draw(uint32_t below)
{
    uint64_t z = (seed += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t)((z ^ (z >> 31)) % below);
}

#define PICK(array) ((array)[draw((uint32_t)AL_LEN(array))])

/* Names: pieces that meet the borders of case, globs, SQL, UTF-8. */
static const char *const pieces[] = {"a",
                                     "B",
                                     "ab",
                                     ".mov",
                                     ".MOV",
                                     ".",
                                     "..",
                                     "*",
                                     "?",
                                     "[",
                                     "]",
                                     "\\",
                                     "'",
                                     "\"",
                                     "%",
                                     "_",
                                     "\n",
                                     " ",
                                     "-",
                                     "\xc3\xa9",
                                     "\xc3",
                                     "\xa9",
                                     "\xff",
                                     "\xfe\xff",
                                     "\xf0\x9f\x98\x80",
                                     "\xed\xa0\x80",
                                     "x",
                                     "~",
                                     "{",
                                     "img_001",
                                     ".tar.gz",
                                     "\x01",
                                     "\x7f"};
static const char *const folders[] = {
    "/",      "/Active", "/active",         "/a",      "/a/b", "/a/b/cache",
    "/cache", "/\xff\n", "/a/b/cache/deep", "/Active0"};
static const int64_t times[] = {INT64_MIN,
                                INT64_MIN + 1,
                                -1,
                                0,
                                1,
                                NOW_NS,
                                NOW_NS - 1,
                                NOW_NS + 1,
                                NOW_NS - 90 * DAY_NS,
                                NOW_NS - 90 * DAY_NS - 1,
                                NOW_NS - 90 * DAY_NS + 1,
                                NOW_NS - 3600 * SECOND_NS,
                                NOW_NS - 365 * DAY_NS,
                                INT64_MAX,
                                NOW_NS - 30 * DAY_NS,
                                INT64_C(1767225600000000000),
                                INT64_C(1767225599999999999)};
static const uint64_t sizes[] = {
    0,    1,        999,     1000,     1001,          4095,      4096,
    4097, 10000000, 9999999, 10485760, 1000000000000, INT64_MAX, INT64_MAX - 1};
static const uint32_t uids[] = {0, 1000, 1001, 4294967295u};
static const uint32_t modes[] = {0, 0644, 04755, 02755, 01777, 0111, 0600};

static struct file {
    char path[512];
    size_t path_len;
    struct rule_entry entry;
    uint64_t folder;
    uint32_t flags;
} files[FILES];

static void
make_name(char *out, size_t size)
{
    size_t len;

    do {
        out[0] = '\0';
        for (uint32_t n = 1 + draw(4); n > 0; n--) {
            const char *piece = PICK(pieces);

            if (strlen(out) + strlen(piece) + 1 < size) {
                strcat(out, piece);
            }
        }
        len = strlen(out);
    } while (strcmp(out, ".") == 0 || strcmp(out, "..") == 0 || len == 0);
}

static const char *
owner_of(uint32_t uid)
{
    return uid == 0 ? "root" : uid == 1000 ? "Alice" : uid == 1001 ? "b\xff" : NULL;
}

static void
make_file(struct file *f, uint32_t number)
{
    uint32_t folder = draw((uint32_t)AL_LEN(folders));
    char name[200];

    /* Unique by a number that leaves most of the name to chance: half of them in front, half
     * behind. */
    do {
        make_name(name, sizeof(name));
        f->path_len = (size_t)snprintf(f->path, sizeof(f->path), "%s%s%s", folders[folder],
                                       folder == 0 ? "" : "/", name);
        for (uint32_t i = 0; i < number; i++) {
            if (strcmp(files[i].path, f->path) == 0) {
                f->path_len = 0;
                break;
            }
        }
        for (uint32_t i = 0; i < AL_LEN(folders); i++) {
            f->path_len = strcmp(folders[i], f->path) == 0 ? 0 : f->path_len;
        }
    } while (f->path_len == 0);
    f->folder = folder + 1;
    f->entry = (struct rule_entry){
        .path = {(const uint8_t *)f->path, f->path_len},
        .size = PICK(sizes),
        .accessed_ns = PICK(times),
        .modified_ns = PICK(times),
        .created_ns = draw(3) == 0 ? 0 : PICK(times),
        .uid = PICK(uids),
        .mode = PICK(modes),
        .state = draw(3) == 0 ? RULE_S_STUB : RULE_S_RESIDENT,
    };
    /* modified is always known on a filesystem. */
    if (f->entry.modified_ns == RULE_TIME_UNKNOWN) {
        f->entry.modified_ns++;
    }
    for (uint32_t bit = 0; bit < 11; bit++) {
        f->entry.attrs |= draw(5) == 0 ? 1u << bit : 0;
    }
    f->entry.owner = sp(owner_of(f->entry.uid));
    f->flags = (f->entry.state == RULE_S_STUB ? ENTRY_STUB : 0) | f->entry.attrs
                                                                      << ENTRY_ATTRS_SHIFT;
}

static void
send_files(struct help *h)
{
    struct scan s;

    scan_begin(&s, h, SCAN(01));
    for (uint32_t i = 0; i < AL_LEN(folders); i++) {
        const char *name = strrchr(folders[i], '/') + 1;
        uint64_t parent = i == 0 ? 0 : 1;

        for (uint32_t k = 1; k < AL_LEN(folders); k++) {
            if ((size_t)(name - 1 - folders[i]) == strlen(folders[k]) &&
                strncmp(folders[i], folders[k], strlen(folders[k])) == 0) {
                parent = k + 1;
            }
        }
        scan_folder(&s, i + 1, parent, name, 0);
    }
    for (uint32_t i = 0; i < AL_LEN(uids); i++) {
        struct entry_record o = {.is_owner_record = true, .uid = uids[i]};

        if (owner_of(uids[i]) != NULL) {
            o.name = sp(owner_of(uids[i]));
            scan_add(&s, &o);
        }
    }
    for (uint32_t i = 0; i < FILES; i++) {
        struct file *f = &files[i];
        struct entry_record e = {.folder = f->folder,
                                 .type = PORT_T_FILE,
                                 .flags = f->flags,
                                 .name = rule_name_of(f->entry.path),
                                 .mode = f->entry.mode,
                                 .uid = f->entry.uid,
                                 .nlink = 1,
                                 .ino = i + 1,
                                 .size = f->entry.size,
                                 .mtime_ns = f->entry.modified_ns,
                                 .atime_ns = f->entry.accessed_ns,
                                 .btime_ns = f->entry.created_ns};

        scan_add(&s, &e);
    }
    TAP_EQUAL_U64(scan_end(&s).entries, FILES + AL_LEN(folders) - 1);
}

/* ---- rules ---- */

static char text[60000];

__attribute__((format(printf, 1, 2))) static void
say(const char *format, ...)
{
    size_t len = strlen(text);
    va_list args;

    va_start(args, format);
    vsnprintf(text + len, sizeof(text) - len, format, args);
    va_end(args);
}

static void
say_bytes(const char *bytes, size_t len, bool glob)
{
    say("\"");
    for (size_t i = 0; i < len; i++) {
        uint8_t c = (uint8_t)bytes[i];

        if (glob && strchr("*?[]\\", c) != NULL && draw(2) == 0) {
            say("\\\\");
        }
        if (c == '"' || c == '\\') {
            say("\\%c", c);
        } else if (c < 0x20 || c >= 0x7f) {
            say("\\x%02x", c);
        } else {
            say("%c", c);
        }
    }
    say("\"");
}

/* Text of the kind that files have: a whole one, or pieces. */
static void
say_text(const char *field, bool path)
{
    const struct file *f = &files[draw(FILES)];
    struct al_span name = rule_name_of(f->entry.path), ext = rule_ext_of(name);
    char made[200];

    if (path) {
        say_bytes(f->path, f->path_len, false);
    } else if (strcmp(field, "ext") == 0) {
        do {
            make_name(made, sizeof(made));
        } while (made[0] == '.');
        if (draw(2) == 0 && ext.len > 0) {
            say_bytes((const char *)ext.at, ext.len, false);
        } else {
            say_bytes(made, strlen(made), false);
        }
    } else if (draw(2) == 0) {
        say_bytes((const char *)name.at, name.len, false);
    } else {
        make_name(made, sizeof(made));
        say_bytes(made, strlen(made), false);
    }
    say("%s", draw(3) == 0 && strcmp(field, "ext") != 0 ? "i" : "");
}

static void
say_glob(bool path)
{
    static const char *const stars[] = {
        "*",    "**", "?",    "[a-z]", "[!a-z]",          "[\\\\]x]",
        "a",    "B",  ".mov", "\\\\*", "[\xc3\xa9-\xff]", "\xc3\xa9",
        "\xff", "",   "*."};
    static const char *const ways[] = {"/",          "/**/",   "/*/", "/Active/", "/a/b/",
                                       "/**/cache/", "cache/", "**/", "/**",      "/\xff**"};

    say("\"");
    if (path && draw(4) > 0) {
        for (const char *c = PICK(ways); *c != '\0'; c++) {
            say((uint8_t)*c >= 0x80 ? "\\x%02x" : "%c", (uint8_t)*c);
        }
    }
    for (uint32_t n = draw(5); n > 0; n--) {
        for (const char *c = PICK(stars); *c != '\0'; c++) {
            say((uint8_t)*c >= 0x80 ? "\\x%02x" : "%c", (uint8_t)*c);
        }
        if (path && draw(5) == 0) {
            say("/");
        }
    }
    say("\"%s", draw(4) == 0 ? "i" : "");
}

static void
say_text_leaf(const char *field)
{
    static const char *const regexes[] = {"/^a/",       "/\\.mov$/i", "/[0-9]+/", "/./",
                                          "/\xc3\xa9/", "/a.*b/",     "/^$/",     "/\\//",
                                          "/(a|B)x?/i", "/\\n/"};
    bool path = strcmp(field, "path") == 0;

    switch (draw(5)) {
    case 0:
        say("%s %s ", field, draw(3) == 0 ? "!=" : "=");
        say_text(field, path);
        break;
    case 1:
        say("%s %sin (", field, draw(3) == 0 ? "not " : "");
        for (uint32_t n = draw(12) + 1; n > 0; n--) {
            say_text(field, path);
            say("%s", n > 1 ? ", " : ")");
        }
        break;
    case 2:
        say("%s %slike %s", field, draw(3) == 0 ? "not " : "", PICK(regexes));
        break;
    default:
        say("%s %smatches ", field, draw(4) == 0 ? "not " : "");
        say_glob(path);
    }
}

static void
say_leaf(void)
{
    static const char *const cmps[] = {"=", "!=", "<", "<=", ">", ">="};
    static const char *const time_fields[] = {"accessed", "modified", "created"};
    static const char *const ages[] = {"0h", "1h", "90d", "1y", "30d", "1mo", "290y", "52w"};
    static const char *const dates[] = {"\"2026-01-01\"", "\"1970-01-01\"",
                                        "\"2027-01-15T08:00:00Z\"",
                                        "\"2025-12-31T23:59:59.999999999Z\""};
    static const char *const attrs[] = {"immutable", "append",     "verity",    "encrypted",
                                        "dax",       "compressed", "readonly",  "hidden",
                                        "system",    "offline",    "reparse",   "setuid",
                                        "setgid",    "sticky",     "executable"};
    static const char *const states[] = {"resident", "stub", "tiering", "recalling", "pinned", "archived"};
    static const char *const owners[] = {"0",          "1000",  "4294967295", "root",
                                         "\"alice\"i", "Alice", "\"b\\xff\"", "\"B\\xff\"i",
                                         "nobody",     "77"};

    switch (draw(9)) {
    case 0:
        say_text_leaf("name");
        break;
    case 1:
    case 2:
        say_text_leaf("path");
        break;
    case 3:
        say_text_leaf("ext");
        break;
    case 4:
        if (draw(4) == 0) {
            say("size %sin (%lluB, %lluB)", draw(2) == 0 ? "not " : "",
                (unsigned long long)PICK(sizes), (unsigned long long)PICK(sizes));
        } else {
            say("size %s %lluB", PICK(cmps), (unsigned long long)PICK(sizes));
        }
        break;
    case 5:
        if (draw(2) == 0) {
            say("%s %s than %s", PICK(time_fields), draw(2) == 0 ? "older" : "newer", PICK(ages));
        } else {
            say("%s %s %s", PICK(time_fields), PICK(cmps), PICK(dates));
        }
        break;
    case 6:
        if (draw(2) == 0) {
            say("owner %s %s", draw(3) == 0 ? "!=" : "=", PICK(owners));
        } else if (draw(3) == 0) {
            say("owner %smatches \"*%c*\"%s", draw(2) == 0 ? "not " : "", draw(2) == 0 ? 'A' : 'o',
                draw(2) == 0 ? "i" : "");
        } else {
            say("owner %sin (%s, %s, %s)", draw(2) == 0 ? "not " : "", PICK(owners), PICK(owners),
                PICK(owners));
        }
        break;
    case 7:
        if (draw(2) == 0) {
            say("attributes %s %s", draw(3) == 0 ? "!=" : "=", PICK(attrs));
        } else {
            say("attributes %sin (%s, %s)", draw(2) == 0 ? "not " : "", PICK(attrs), PICK(attrs));
        }
        break;
    default:
        say("state %s %s", draw(3) == 0 ? "!=" : "=", PICK(states));
    }
}

static void
say_rule(uint32_t depth)
{
    uint32_t kind = draw(depth == 0 ? 4 : 9);

    if (kind < 4) {
        if (draw(40) == 0) {
            say("%s", draw(2) == 0 ? "true" : "false");
        } else {
            say_leaf();
        }
    } else if (kind < 5) {
        say("not (");
        say_rule(depth - 1);
        say(")");
    } else {
        const char *op = kind < 7 ? " and " : " or ";

        say("(");
        for (uint32_t n = draw(3) + 2; n > 0; n--) {
            say_rule(depth - 1);
            say("%s", n > 1 ? op : ")");
        }
    }
}

/* ---- comparing ---- */

static int
mark(void *ctx, const struct inventory_row *row)
{
    bool *found = ctx;

    for (uint32_t i = 0; i < FILES; i++) {
        if (files[i].path_len == row->path.len &&
            memcmp(files[i].path, row->path.at, row->path.len) == 0) {
            found[i] = true;
            return AL_OK;
        }
    }
    return AL_EINTERNAL;
}

static void
check_rule(struct help *h, const struct rule *r, uint64_t *io_matches)
{
    struct inventory_list_query q = {.recursive = true,
                                     .state = -1,
                                     .files_only = true,
                                     .rule = r,
                                     .now_ns = NOW_NS,
                                     .limit = INVENTORY_PAGE_MAX};
    struct al_arena *arena = al_arena_new(1u << 20);
    struct inventory_page page;
    struct al_fail fail = {0};
    bool found[FILES] = {false};
    int rc = inventory_list(h->inv, &own, VOLUME, &q, mark, found, arena, &page, &fail);

    al_arena_free(arena);
    if (rc < 0) {
        tap_fail(__FILE__, __LINE__, "rule %s: inventory_list gave %d", text, rc);
    }
    for (uint32_t i = 0; i < FILES; i++) {
        bool is = rule_match(r, &files[i].entry, NOW_NS);

        *io_matches += is;
        if (is != found[i]) {
            tap_fail(__FILE__, __LINE__, "rule %s on file %u: native %d, DuckDB %d", text, i, is,
                     found[i]);
        }
    }
}

static void
check_print(const struct rule *r)
{
    AL_CLEANUP(rule_freep) struct rule *again = NULL;
    struct rule_error e;
    struct al_buf out, twice;

    al_buf_init(&out, 1u << 20);
    al_buf_init(&twice, 1u << 20);
    TAP_OK(rule_print(r, &out));
    if (!al_utf8_valid(al_buf_span(&out)) || rule_parse(al_buf_span(&out), NULL, &again, &e) < 0 ||
        !rule_equal(r, again)) {
        tap_fail(__FILE__, __LINE__, "rule %s does not come back from its print %s", text,
                 (char *)out.at);
    }
    TAP_OK(rule_print(again, &twice));
    TAP_EQUAL_STR((char *)out.at, (char *)twice.at);
    al_buf_free(&out);
    al_buf_free(&twice);
}

static uint32_t rounds = 2000;

static void
sql_and_native_agree_on_made_up_rules_and_files(void)
{
    struct help h;
    uint64_t matches = 0;
    uint32_t parsed = 0;

    for (uint32_t i = 0; i < FILES; i++) {
        make_file(&files[i], i);
    }
    help_begin(&h);
    send_files(&h);
    for (uint32_t i = 0; i < rounds; i++) {
        AL_CLEANUP(rule_freep) struct rule *r = NULL;
        struct rule_error e;

        text[0] = '\0';
        say_rule(3);
        if (rule_parse(sp(text), NULL, &r, &e) < 0) {
            /* Some texts are no paths or globs; that must be said, and not be most of them. */
            TAP_CHECK(e.message[0] != '\0');
            continue;
        }
        parsed++;
        check_print(r);
        check_rule(&h, r, &matches);
    }
    /* Rules that match nothing, or everything, would prove nothing. */
    printf("# %u rules, %u files, %.1f %% of the pairs match\n", parsed, FILES,
           100.0 * (double)matches / parsed / FILES);
    TAP_CHECK(parsed > rounds * 2 / 3);
    TAP_CHECK(matches > (uint64_t)parsed * FILES / 20 &&
              matches < (uint64_t)parsed * FILES * 19 / 20);
    help_end(&h);
}

static void
a_rule_at_its_caps_compiles_and_runs(void)
{
    struct help h;
    struct scan s;
    struct al_buf b;
    struct rule *r = NULL;
    struct rule_error e;
    uint64_t matches = 0;

    help_begin(&h);
    for (uint32_t i = 0; i < FILES; i++) {
        files[i].path_len = 0; /* none is there */
    }
    scan_begin(&s, &h, SCAN(01));
    scan_folder(&s, 1, 0, "", 0);
    (void)scan_end(&s);
    al_buf_init(&b, 1u << 20);
    TAP_OK(al_buf_adds(&b, "size=1"));
    for (uint32_t i = 2; i < RULE_NODES_MAX; i++) {
        TAP_OK(al_buf_addf(&b, i % 7 == 0 ? " or size=%u" : " and size=%u", i % 10));
    }
    snprintf(text, sizeof(text), "of %u parts", RULE_NODES_MAX);
    TAP_CODE(rule_parse(al_buf_span(&b), NULL, &r, &e), AL_ELIMIT);
    al_buf_clear(&b);
    TAP_OK(al_buf_adds(&b, "size=1"));
    for (uint32_t i = 2; i < RULE_NODES_MAX; i++) {
        TAP_OK(al_buf_addf(&b, " and size=%u", i % 10));
    }
    TAP_OK(rule_parse(al_buf_span(&b), NULL, &r, &e));
    check_rule(&h, r, &matches);
    rule_free(r);
    al_buf_clear(&b);
    for (uint32_t i = 0; i < RULE_DEPTH_MAX; i++) {
        TAP_OK(al_buf_adds(&b, i % 2 == 0 ? "(size=1 and " : "(size=2 or "));
    }
    TAP_OK(al_buf_adds(&b, "size=3"));
    for (uint32_t i = 0; i < RULE_DEPTH_MAX; i++) {
        TAP_OK(al_buf_adds(&b, ")"));
    }
    TAP_OK(rule_parse(al_buf_span(&b), NULL, &r, &e));
    check_rule(&h, r, &matches);
    rule_free(r);
    al_buf_free(&b);
    help_end(&h);
}

int
main(int argc, char **argv)
{
    if (argc > 1) {
        rounds = (uint32_t)strtoul(argv[1], NULL, 10);
    }
    if (argc > 2) {
        seed = strtoull(argv[2], NULL, 10);
    }
    TAP_RUN(sql_and_native_agree_on_made_up_rules_and_files);
    TAP_RUN(a_rule_at_its_caps_compiles_and_runs);
    return tap_end();
}
