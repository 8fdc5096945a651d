#include "tap.h"

#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/mem.h"
#include "base/text.h"
#include "port/port.h"
#include "rule/rule.h"

#define DAY_NS (INT64_C(86400) * 1000000000)
#define NOW_NS (INT64_C(1800000000) * 1000000000)

static struct al_span
sp(const char *t)
{
    return al_span_of(t);
}

static struct rule *
parsed(const char *text)
{
    struct rule *r = NULL;
    struct rule_error e;
    int rc = rule_parse(sp(text), NULL, &r, &e);

    if (rc < 0) {
        tap_fail(__FILE__, __LINE__, "\"%s\": %s (at %zu)", text, e.message, e.at);
    }
    return r;
}

static bool
holds(const char *text, const struct rule_entry *e)
{
    AL_CLEANUP(rule_freep) struct rule *r = parsed(text);

    return rule_match(r, e, NOW_NS);
}

static struct rule_entry
sample(void)
{
    return (struct rule_entry){
        .path = sp("/projects/2024/Film.MOV"),
        .size = 10485760,
        .accessed_ns = NOW_NS - 100 * DAY_NS,
        .modified_ns = NOW_NS - 200 * DAY_NS,
        .created_ns = NOW_NS - 300 * DAY_NS,
        .uid = 1000,
        .owner = sp("alice"),
        .attrs = RULE_A_READONLY,
        .mode = 0644,
        .state = RULE_S_RESIDENT,
    };
}

static void
each_line_holds(const char *const *lines, size_t count, const struct rule_entry *e, bool expected)
{
    for (size_t i = 0; i < count; i++) {
        if (holds(lines[i], e) != expected) {
            tap_fail(__FILE__, __LINE__, "%s: expected %s", lines[i], expected ? "true" : "false");
        }
    }
}

static void
the_rule_of_the_design_matches_what_it_says(void)
{
    static const char rule[] = "size >= 10MB and accessed older than 90d and ext in (mov, mxf, "
                               "wav) and not path matches \"/Active/**\"";
    struct rule_entry e = sample();

    TAP_CHECK(holds(rule, &e));
    e.path = sp("/Active/Film.MOV");
    TAP_CHECK(!holds(rule, &e));
    e = sample();
    e.size = 9999999;
    TAP_CHECK(!holds(rule, &e));
    e = sample();
    e.accessed_ns = NOW_NS - 90 * DAY_NS;
    TAP_CHECK(!holds(rule, &e));
    e.accessed_ns--;
    TAP_CHECK(holds(rule, &e));
}

static void
comparisons_hold_where_they_should(void)
{
    static const char *const yes[] = {
        "true",
        "name = \"Film.MOV\"",
        "name = \"film.mov\"i",
        "name != \"film.mov\"",
        "path = \"/projects/2024/Film.MOV\"",
        "path in (\"/x\", \"/PROJECTS/2024/film.mov\"i)",
        "ext = mov",
        "EXT = \"MOV\"",
        "ext in (\"mov\")",
        "ext not in (mp4, 7z)",
        "size = 10MiB",
        "size=10485760",
        "size >= 10MiB",
        "size <= 10 mib",
        "size > 10MB",
        "size < 0.01GiB",
        "size in (1, 10MiB)",
        "size <> 1",
        "size == 10485760B",
        "accessed older than 99d",
        "accessed newer than 101d",
        "modified older than 6mo",
        "created older than 42w",
        "created newer than 1y",
        "accessed < \"2027-01-15\"",
        "accessed > \"2020-02-29T23:59:59.5+01:00\"",
        "owner = 1000",
        "owner = alice",
        "owner in (0, \"ALICE\"i)",
        "owner != bob",
        "owner not in (1, bob)",
        "owner matches \"al*\"",
        "owner like /^al/",
        "attributes = readonly",
        "attributes in (hidden, readonly)",
        "attributes != hidden",
        "attributes not in (executable, setuid)",
        "state = resident",
        "state in (stub, resident)",
        "state != pinned",
        "name like /^film\\.MOV$/i",
        "path like /2024\\/F/",
        "name not like /\\.mp4$/",
        "name not matches \"*.mp4\"",
        "not not true",
        "not (false or false)",
        "false or true and true",
        "NOT FALSE AND True",
        "ext matches \"m?v\"",
    };
    struct rule_entry e = sample();

    each_line_holds(yes, AL_LEN(yes), &e, true);
}

static void
comparisons_fail_where_they_should(void)
{
    static const char *const no[] = {
        "false",
        "name = \"film.mov\"",
        "ext = mp4",
        "ext in (mo, movx)",
        "size > 10MiB",
        "size != 10MiB",
        "size not in (10MiB)",
        "accessed older than 100d",
        "accessed newer than 100d",
        "created newer than 300d",
        "owner = 1001",
        "owner = Alice",
        "attributes = executable",
        "state = stub",
        "name like /film/",
        "not true",
        "true and false",
        "(true or true) and false",
        "path matches \"/projects/*.MOV\"",
    };
    struct rule_entry e = sample();

    each_line_holds(no, AL_LEN(no), &e, false);
}

static void
what_is_unknown_matches_neither_way(void)
{
    static const char *const lines[] = {
        "created older than 1d",
        "created newer than 1d",
        "not created older than 1d",
        "created < \"2100-01-01\"",
        "not (created < \"2100-01-01\")",
        "accessed older than 1d",
        "not accessed older than 1d",
        "owner = alice",
        "owner != alice",
        "not owner in (bob)",
        "owner matches \"*\"",
        "not (created older than 1d and true)",
        "created older than 1d or false",
    };
    static const char *const decided[] = {"created older than 1d or true",
                                          "not (created older than 1d and false)",
                                          "owner in (alice, 1000)"};
    struct rule_entry e = sample();

    e.created_ns = 0;
    e.accessed_ns = RULE_TIME_UNKNOWN;
    e.owner = (struct al_span){NULL, 0};
    each_line_holds(lines, AL_LEN(lines), &e, false);
    each_line_holds(decided, AL_LEN(decided), &e, true);
}

static void
globs_mean_what_the_manual_says(void)
{
    static const struct {
        const char *text, *pattern;
        bool fold, expected;
    } cases[] = {
        {"/a/b.mov", "/a/*.mov", false, true},
        {"/a/x/b.mov", "/a/*.mov", false, false},
        {"/a/x/b.mov", "/a/**", false, true},
        {"/a", "/a/**", false, false},
        {"/a/b", "/**/b", false, true},
        {"/b", "/**/b", false, true},
        {"/a/xb", "/**/b", false, false},
        {"/a/b/c/d", "/a/**/d", false, true},
        {"/a/d", "/a/**/d", false, true},
        {"/ad", "/a/**/d", false, false},
        {"/a/b/c", "/**/**/c", false, true},
        {"/c", "/**/**/c", false, true},
        {"/x/cache/y/z", "/**/cache/**", false, true},
        {"/cache", "/**/cache/**", false, false},
        {"abc", "a?c", false, true},
        {"a/c", "a?c", false, false},
        {"a\xc3\xa9"
         "c",
         "a?c", false, true},
        {"a\xff"
         "c",
         "a?c", false, true},
        {"a\xc3\xa9"
         "c",
         "a??c", false, false},
        {"\xc3\xa9", "*[!\xc3\xa9]", false, false},
        {"\xc3\xa9", "*\xa9", false, false},
        {"abc", "a[a-c]c", false, true},
        {"adc", "a[a-c]c", false, false},
        {"adc", "a[!a-c]c", false, true},
        {"a]c", "a[]]c", false, true},
        {"a-c", "a[x-]c", false, true},
        {"a/c", "a[/]c", false, false},
        {"a/c", "a[!x]c", false, false},
        {"a*c", "a\\*c", false, true},
        {"abc", "a\\*c", false, false},
        {"a[c", "a[\\[]c", false, true},
        {"ABC", "a[a-c]c", true, true},
        {"AbC", "aBc", true, true},
        {"AbC", "aBc", false, false},
        {"", "", false, true},
        {"", "*", false, true},
        {"x", "", false, false},
        {"abcabd", "*ab?", false, true},
        {"aaaaaaaaaaaaaaaaaaaaaaab", "*a*a*a*a*a*b", false, true},
        {"a\nb", "a?b", false, true},
        {"/a/b/a/c", "/**/a/c", false, true},
        {"/x/a/y/b/z", "/**/a/**/b/*", false, true},
        {"foo/bar", "foo**bar", false, true},
        {"foo/x/bar", "foo*bar", false, false},
        {"abc", "[a-", false, false},
        {"abc", "abc\\", false, false},
        {"Z", "[A-_]", true, true},
        {"\xc3\x84", "[\xc3\x84-\xc3\x9c]", false, true},
    };

    for (size_t i = 0; i < AL_LEN(cases); i++) {
        if (rule_glob(sp(cases[i].text), sp(cases[i].pattern), cases[i].fold) !=
            cases[i].expected) {
            tap_fail(__FILE__, __LINE__, "\"%s\" against \"%s\": expected %d", cases[i].text,
                     cases[i].pattern, cases[i].expected);
        }
    }
}

static void
a_hostile_glob_takes_bounded_time(void)
{
    char text[4096], pattern[512];

    memset(text, 'a', sizeof(text));
    for (size_t i = 0; i + 1 < sizeof(pattern); i += 2) {
        pattern[i] = '*';
        pattern[i + 1] = 'a';
    }
    pattern[sizeof(pattern) - 1] = 'b';
    for (int i = 0; i < 20; i++) {
        TAP_CHECK(!rule_glob((struct al_span){(uint8_t *)text, sizeof(text)},
                             (struct al_span){(uint8_t *)pattern, sizeof(pattern)}, false));
    }
}

static void
a_pattern_without_a_slash_in_front_is_meant_at_any_depth(void)
{
    struct rule_entry e = sample();

    TAP_CHECK(holds("path matches \"*.MOV\"", &e));
    TAP_CHECK(holds("path matches \"2024/**\"", &e));
    TAP_CHECK(!holds("path matches \"024/**\"", &e));
    TAP_CHECK(!holds("path matches \"/2024/**\"", &e));
    TAP_CHECK(holds("path matches \"**/film.mov\"i", &e));
}

static void
a_leading_slash_of_the_entry_makes_no_difference(void)
{
    struct rule_entry e = sample();
    char deep[2000];

    e.path = sp("projects/2024/Film.MOV");
    TAP_CHECK(holds("path = \"/projects/2024/Film.MOV\" and path matches \"/projects/**\" and path "
                    "like /^\\/projects/",
                    &e));
    memset(deep, 'd', sizeof(deep));
    deep[1000] = '/';
    e.path = (struct al_span){(uint8_t *)deep, sizeof(deep)};
    TAP_CHECK(holds("path matches \"/d*/d*\" and path like /^.d{1000}.d{999}$/", &e));
}

static void
names_that_are_no_text_can_be_asked_for(void)
{
    struct rule_entry e = sample();

    e.path = sp("/a\xff\n\"'\\.x\xfe");
    TAP_CHECK(holds("name = \"a\\xff\\n\\\"'\\\\.x\\xfe\"", &e));
    TAP_CHECK(holds("name = 'a\\xFF\\n\"\\'\\\\.x\\xfe'", &e));
    TAP_CHECK(holds("ext = \"X\\xfe\"", &e));
    TAP_CHECK(holds("name matches \"a\\xff*\\xfe\"", &e));
    TAP_CHECK(!holds("name matches \"a\\xfe*\"", &e));
    TAP_CHECK(holds("name like /^a/", &e));
}

static void
extensions_follow_the_last_dot(void)
{
    static const char *const cases[][2] = {{"a.mov", "mov"}, {"a.tar.gz", "gz"}, {".bashrc", ""},
                                           {"a.", ""},       {"a", ""},          {"", ""},
                                           {"..x", "x"},     {".a.b", "b"}};

    for (size_t i = 0; i < AL_LEN(cases); i++) {
        TAP_CHECK(al_span_equal(rule_ext_of(sp(cases[i][0])), sp(cases[i][1])));
    }
    TAP_CHECK(al_span_equal(rule_name_of(sp("/a/b")), sp("b")));
    TAP_CHECK(al_span_equal(rule_name_of(sp("b")), sp("b")));
    TAP_CHECK(al_span_equal(rule_name_of(sp("/")), sp("")));
}

static bool
holds_at(const char *text, const struct rule_entry *e, int64_t now_ns)
{
    AL_CLEANUP(rule_freep) struct rule *r = parsed(text);

    return rule_match(r, e, now_ns);
}

static void
times_at_the_ends_of_the_range_do_not_wrap(void)
{
    struct rule_entry e = sample();

    e.accessed_ns = INT64_MIN + 1;
    TAP_CHECK(holds_at("accessed < \"1970-01-01\"", &e, INT64_MIN + 5));
    TAP_CHECK(!holds_at("accessed older than 290y", &e, INT64_MIN + 5));
    e.accessed_ns = INT64_MAX;
    TAP_CHECK(holds_at("accessed newer than 290y", &e, INT64_MIN + 5));
    TAP_CHECK(!holds_at("accessed newer than 0h", &e, INT64_MAX));
}

static void
a_hostile_regex_ends_at_its_limit_and_matches_nothing(void)
{
    struct rule_entry e = sample();
    char text[4000];

    memset(text, 'a', sizeof(text));
    text[sizeof(text) - 1] = 'b';
    e.path = (struct al_span){(uint8_t *)text, sizeof(text)};
    TAP_CHECK(!holds("name like /^(a|a|aa)+$/", &e));
    TAP_CHECK(!holds("not name like /^(a|a|aa)+$/", &e));
    TAP_CHECK(!holds("name like /^(a+)+\\1$/", &e));
}

static void
errors_point_at_the_place(void)
{
    static const struct {
        const char *text;
        int rc;
        size_t at, length;
        const char *message, *expected;
    } cases[] = {
        {"", AL_EINVAL, 0, 0, "empty", "name, path"},
        {"sise > 1", AL_EINVAL, 0, 4, "unknown field \"sise\"", "size"},
        {"size > ", AL_EINVAL, 7, 0, "", "10MB"},
        {"size > 10XB", AL_EINVAL, 7, 4, "\"10XB\" is no size", "KiB"},
        {"size > 10MB and", AL_EINVAL, 15, 0, "too early", "a field"},
        {"size > 10MB name = a", AL_EINVAL, 12, 4, "does not belong", "and, or"},
        {"size older than 3d", AL_EINVAL, 5, 5, "cannot be asked of size", ">="},
        {"size > 99999999999TiB", AL_EINVAL, 7, 14, "no file is that large", ""},
        {"accessed older 3d", AL_EINVAL, 15, 2, "than is missing", "than"},
        {"accessed older than 3", AL_EINVAL, 20, 1, "\"3\" is no age", "90d"},
        {"accessed older than 3min", AL_EINVAL, 20, 4, "is no age", "mo"},
        {"accessed older than 300y", AL_EINVAL, 20, 4, "290 years", ""},
        {"accessed < 2026", AL_EINVAL, 11, 4, "date", "2026-01-31"},
        {"accessed < \"2026-02-30\"", AL_EINVAL, 11, 12, "no date", ""},
        {"name = \"abc", AL_EINVAL, 7, 4, "not closed", "\""},
        {"name = \"a\\q\"", AL_EINVAL, 9, 2, "escape", "\\\\"},
        {"name = \"a\\x0\"", AL_EINVAL, 9, 2, "\\x", "hex"},
        {"name = \"a\\x00\"", AL_EINVAL, 9, 4, "zero byte", ""},
        {"name = \"a/b\"", AL_EINVAL, 7, 5, "no '/'", "path"},
        {"path = \"a/b\"", AL_EINVAL, 7, 5, "begins with '/'", ""},
        {"ext = \".mov\"", AL_EINVAL, 6, 6, "without its dot", "mov"},
        {"name matches \"a[b\"", AL_EINVAL, 13, 5, "not closed", "[a-z]"},
        {"name matches \"[z-a]\"", AL_EINVAL, 13, 7, "backwards", ""},
        {"name matches \"a\\\\\"", AL_EINVAL, 13, 5, "escape", ""},
        {"name like /a(b/", AL_EINVAL, 14, 1, "regular expression", ""},
        {"name like \"a\"", AL_EINVAL, 10, 3, "missing", "slashes"},
        {"name like /ab", AL_EINVAL, 10, 3, "not closed", "/"},
        {"name like /a/x", AL_EINVAL, 13, 1, "flag", "i"},
        {"(size > 1", AL_EINVAL, 9, 0, "not closed", ")"},
        {"size in 1", AL_EINVAL, 8, 1, "list", "("},
        {"size in (1, 2", AL_EINVAL, 13, 0, "not closed", ", or )"},
        {"size in ()", AL_EINVAL, 9, 1, "", "size"},
        {"state = frozen", AL_EINVAL, 8, 6, "unknown state", "resident"},
        {"attributes = shiny", AL_EINVAL, 13, 5, "unknown attribute", "readonly"},
        {"owner = 99999999999", AL_EINVAL, 8, 11, "user number", ""},
        {"size > 1 # x", AL_EINVAL, 9, 1, "'#'", ""},
        {"size > 1 \xff", AL_EINVAL, 9, 1, "0xff", ""},
        {"name newer than 1d", AL_EINVAL, 5, 5, "cannot be asked of name", "like"},
    };

    for (size_t i = 0; i < AL_LEN(cases); i++) {
        struct rule *r = NULL;
        struct rule_error e = {0};
        int rc = rule_parse(sp(cases[i].text), NULL, &r, &e);

        if (rc != cases[i].rc || e.at != cases[i].at || e.length != cases[i].length ||
            strstr(e.message, cases[i].message) == NULL ||
            strstr(e.expected, cases[i].expected) == NULL || r != NULL) {
            tap_fail(__FILE__, __LINE__, "%s: gave %d at %zu+%zu \"%s\" expected \"%s\"",
                     cases[i].text, rc, e.at, e.length, e.message, e.expected);
        }
        TAP_CHECK(al_utf8_valid(sp(e.message)));
    }
}

static int
parse_code(struct al_buf *b, const struct rule_limits *l, struct rule_error *e)
{
    AL_CLEANUP(rule_freep) struct rule *r = NULL;

    return rule_parse(al_buf_span(b), l, &r, e);
}

static void
each_cap_is_reached_and_said(void)
{
    struct al_buf b;
    struct rule_error e;

    al_buf_init(&b, 1 << 20);
    for (unsigned i = 0; i < RULE_DEPTH_MAX; i++) {
        TAP_OK(al_buf_adds(&b, "("));
    }
    TAP_OK(al_buf_adds(&b, "true"));
    for (unsigned i = 0; i < RULE_DEPTH_MAX; i++) {
        TAP_OK(al_buf_adds(&b, ")"));
    }
    TAP_OK(parse_code(&b, NULL, &e));
    TAP_CODE(parse_code(&b, &(struct rule_limits){.depth = 63}, &e), AL_ELIMIT);
    TAP_EQUAL_U64(e.at, 63);
    al_buf_clear(&b);
    for (unsigned i = 0; i <= RULE_DEPTH_MAX; i++) {
        TAP_OK(al_buf_adds(&b, "not "));
    }
    TAP_OK(al_buf_adds(&b, "true"));
    TAP_CODE(parse_code(&b, NULL, &e), AL_ELIMIT);
    al_buf_clear(&b);
    TAP_OK(al_buf_adds(&b, "true"));
    for (unsigned i = 0; i < RULE_NODES_MAX; i++) {
        TAP_OK(al_buf_adds(&b, " or true"));
    }
    TAP_CODE(parse_code(&b, NULL, &e), AL_ELIMIT);
    TAP_CHECK(strstr(e.message, "4096") != NULL);
    al_buf_clear(&b);
    TAP_OK(al_buf_adds(&b, "ext in (a"));
    for (unsigned i = 1; i < RULE_LIST_MAX; i++) {
        TAP_OK(al_buf_addf(&b, ",x%u", i));
    }
    TAP_OK(al_buf_adds(&b, ")"));
    TAP_OK(parse_code(&b, NULL, &e));
    b.len--;
    TAP_OK(al_buf_adds(&b, ",b)"));
    TAP_CODE(parse_code(&b, NULL, &e), AL_ELIMIT);
    al_buf_clear(&b);
    TAP_OK(al_buf_adds(&b, "name = \""));
    for (unsigned i = 0; i <= RULE_STRING_BYTES_MAX; i++) {
        TAP_OK(al_buf_adds(&b, "x"));
    }
    TAP_OK(al_buf_adds(&b, "\""));
    TAP_CODE(parse_code(&b, NULL, &e), AL_ELIMIT);
    al_buf_clear(&b);
    TAP_OK(al_buf_adds(&b, "name like /a/"));
    for (unsigned i = 0; i < RULE_REGEX_MAX; i++) {
        TAP_OK(al_buf_adds(&b, " or name like /a/"));
    }
    TAP_CODE(parse_code(&b, NULL, &e), AL_ELIMIT);
    al_buf_clear(&b);
    for (unsigned i = 0; i <= RULE_TEXT_BYTES_MAX; i++) {
        TAP_OK(al_buf_adds(&b, " "));
    }
    TAP_CODE(parse_code(&b, NULL, &e), AL_ELIMIT);
    al_buf_free(&b);
}

static void
canonical_text_is_short_and_stable(void)
{
    static const char *const cases[][2] = {
        {"SIZE>=10 mb AND((ext IN(MOV,mxf)))", "size >= 10MB and ext in (mov, mxf)"},
        {"size = 1.5TiB or size = 0", "size = 1536GiB or size = 0B"},
        {"(a_b)", NULL},
        {"(true and false) and true", "true and false and true"},
        {"true and (false or true)", "true and (false or true)"},
        {"(true and false) or true", "true and false or true"},
        {"not(not(name='x'))", "not not name = \"x\""},
        {"not (true or false)", "not (true or false)"},
        {"accessed < '2026-01-01T00:00:00Z'", "accessed < \"2026-01-01\""},
        {"accessed < '2026-01-01T01:00:00+01:00'", "accessed < \"2026-01-01\""},
        {"accessed < '2026-01-01T00:00:00.25Z'", "accessed < \"2026-01-01T00:00:00.25Z\""},
        {"modified OLDER THAN 6MO", "modified older than 6mo"},
        {"name = 'A\\xffB\xc3\xa9'i", "name = \"a\\xffb\xc3\xa9\"i"},
        {"owner = '1000' or owner = 1000 or owner = bob",
         "owner = \"1000\" or owner = 1000 or owner = bob"},
        {"path like /a\\/b\\\\/i", "path like /a\\/b\\\\/i"},
        {"name != x", "name != \"x\""},
        {"name not in (a,b)", "name not in (\"a\", \"b\")"},
        {"name not like /x/", "name not like /x/"},
        /* 19 digits, which are read again as well */
        {"size > 1000000.000000000001TiB", "size > 1099511627776000001B"},
        {"size > 9223372036854775807", "size > 9223372036854775807B"},
        {"size > 9223372036854775808", NULL},
        {"size > 99999999999999999999", NULL},
        /* Dates whose text in UTC would be of a year that is not taken */
        {"modified > '1678-01-01T00:00:00-01:00'", "modified > \"1678-01-01T01:00:00Z\""},
        {"modified > '1678-01-01T00:00:00+01:00'", NULL},
        {"modified > '2261-12-31T23:59:60Z'", NULL},
    };

    for (size_t i = 0; i < AL_LEN(cases); i++) {
        AL_CLEANUP(rule_freep) struct rule *r = NULL;
        struct al_buf b;

        if (cases[i][1] == NULL) {
            TAP_CODE(rule_parse(sp(cases[i][0]), NULL, &r, NULL), AL_EINVAL);
            continue;
        }
        r = parsed(cases[i][0]);
        al_buf_init(&b, 4096);
        TAP_OK(rule_print(r, &b));
        TAP_EQUAL_STR((char *)b.at, cases[i][1]);
        al_buf_free(&b);
    }
}

static void
attribute_bits_are_those_of_the_port(void)
{
    TAP_EQUAL_U64(RULE_A_IMMUTABLE, PORT_A_IMMUTABLE);
    TAP_EQUAL_U64(RULE_A_APPEND, PORT_A_APPEND);
    TAP_EQUAL_U64(RULE_A_VERITY, PORT_A_VERITY);
    TAP_EQUAL_U64(RULE_A_ENCRYPTED, PORT_A_ENCRYPTED);
    TAP_EQUAL_U64(RULE_A_DAX, PORT_A_DAX);
    TAP_EQUAL_U64(RULE_A_COMPRESSED, PORT_A_COMPRESSED);
    TAP_EQUAL_U64(RULE_A_READONLY, PORT_A_READONLY);
    TAP_EQUAL_U64(RULE_A_HIDDEN, PORT_A_HIDDEN);
    TAP_EQUAL_U64(RULE_A_SYSTEM, PORT_A_SYSTEM);
    TAP_EQUAL_U64(RULE_A_OFFLINE, PORT_A_OFFLINE);
    TAP_EQUAL_U64(RULE_A_REPARSE, PORT_A_REPARSE);
}

static void
every_allocation_of_the_parser_may_fail(void)
{
    static const char text[] = "ext in (a,b,c,d,e,f,g,h,i,j) and name like /x+/ and (path matches "
                               "\"x\" or not name = \"y\") and size > 1";
    uint64_t n = 0;
    int rc = AL_ENOMEM;

    while (rc != AL_OK) {
        AL_CLEANUP(rule_freep) struct rule *r = NULL;

        al_fault_arm(AL_FAULT_MEM, ++n, false);
        rc = rule_parse(sp(text), NULL, &r, NULL);
        (void)al_fault_disarm();
        TAP_CHECK(rc == AL_OK || (rc == AL_ENOMEM && r == NULL));
        TAP_CHECK(n < 1000);
    }
    TAP_CHECK(n > 5);
}

static void
sql_holds_no_byte_of_the_text_unescaped(void)
{
    AL_CLEANUP(rule_freep)
    struct rule *r =
        parsed("name = \"'; DROP TABLE x; --\" or name matches \"*'*\" or owner = \"'\"");
    struct al_buf b;
    bool exact = false;

    al_buf_init(&b, 4096);
    TAP_OK(rule_sql(r, NOW_NS, &b, &exact));
    TAP_CHECK(exact);
    TAP_CHECK(strstr((char *)b.at, "DROP") == NULL && strstr((char *)b.at, "''") == NULL &&
              strstr((char *)b.at, "';") == NULL);
    al_buf_free(&b);
}

int
main(void)
{
    TAP_RUN(the_rule_of_the_design_matches_what_it_says);
    TAP_RUN(comparisons_hold_where_they_should);
    TAP_RUN(comparisons_fail_where_they_should);
    TAP_RUN(what_is_unknown_matches_neither_way);
    TAP_RUN(globs_mean_what_the_manual_says);
    TAP_RUN(a_hostile_glob_takes_bounded_time);
    TAP_RUN(a_pattern_without_a_slash_in_front_is_meant_at_any_depth);
    TAP_RUN(a_leading_slash_of_the_entry_makes_no_difference);
    TAP_RUN(names_that_are_no_text_can_be_asked_for);
    TAP_RUN(extensions_follow_the_last_dot);
    TAP_RUN(times_at_the_ends_of_the_range_do_not_wrap);
    TAP_RUN(a_hostile_regex_ends_at_its_limit_and_matches_nothing);
    TAP_RUN(errors_point_at_the_place);
    TAP_RUN(each_cap_is_reached_and_said);
    TAP_RUN(canonical_text_is_short_and_stable);
    TAP_RUN(attribute_bits_are_those_of_the_port);
    TAP_RUN(every_allocation_of_the_parser_may_fail);
    TAP_RUN(sql_holds_no_byte_of_the_text_unescaped);
    return tap_end();
}
