#include "rule/parse_priv.h"

#include <string.h>

#include "base/text.h"

#define SIZE_EXPECTED "a size: 4096, 10MB, 1.5GiB (units B, KB, MB, GB, TB, KiB, MiB, GiB, TiB)"
#define AGE_EXPECTED "an age: a whole number and h, d, w, mo or y, as in 90d"
#define DATE_EXPECTED "a date in quotes: \"2026-01-31\" or \"2026-01-31T10:30:00Z\""
/* 290 years: what fits into nanoseconds. */
#define AGE_NS_MAX (INT64_C(290) * 365 * 24 * 3600 * 1000000000)

struct size_unit {
    const char *name;
    uint64_t bytes;
};
static const struct size_unit size_units[] = {
    {"b", 1},
    {"kb", 1000},
    {"mb", 1000000},
    {"gb", 1000000000},
    {"tb", UINT64_C(1000000000000)},
    {"kib", UINT64_C(1) << 10},
    {"mib", UINT64_C(1) << 20},
    {"gib", UINT64_C(1) << 30},
    {"tib", UINT64_C(1) << 40},
};

static uint8_t
low(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

static bool
is_word(const uint8_t *at, size_t len, const char *word)
{
    size_t i;

    for (i = 0; i < len && word[i] != '\0'; i++) {
        if (low(at[i]) != (uint8_t)word[i]) {
            return false;
        }
    }
    return i == len && word[i] == '\0';
}

/* Digits off the front of *io; false for none or more than 64 bits hold. */
static bool
digits(struct al_span *io, uint64_t *ret, unsigned *ret_count)
{
    uint64_t v = 0;
    unsigned n = 0;

    while (n < io->len && io->at[n] >= '0' && io->at[n] <= '9') {
        if (__builtin_mul_overflow(v, (uint64_t)10, &v) ||
            __builtin_add_overflow(v, (uint64_t)(io->at[n] - '0'), &v)) {
            return false;
        }
        n++;
    }
    io->at += n;
    io->len -= n;
    *ret = v;
    *ret_count = n;
    return n > 0;
}

static int
bad_size(struct parser *p, const struct token *t)
{
    return rule_fail(p, AL_EINVAL, t->at, t->len, SIZE_EXPECTED, "\"%.*s\" is no size",
                     (int)(t->len < 60 ? t->len : 60), (const char *)p->text + t->at);
}

static int
size_bytes(struct parser *p, const struct token *t, uint64_t whole, uint64_t part,
           unsigned part_digits, uint64_t unit, uint64_t *ret)
{
    unsigned __int128 bytes = (unsigned __int128)part * unit;

    while (part_digits-- > 0) {
        bytes /= 10; /* rounds down to whole bytes */
    }
    bytes += (unsigned __int128)whole * unit;
    if (bytes > INT64_MAX) {
        return rule_fail(p, AL_EINVAL, t->at, t->len, SIZE_EXPECTED, "no file is that large");
    }
    *ret = (uint64_t)bytes;
    return AL_OK;
}

/* The index of a size unit, or -1. */
static int
find_size_unit(const uint8_t *at, size_t len)
{
    for (size_t i = 0; i < AL_LEN(size_units); i++) {
        if (is_word(at, len, size_units[i].name)) {
            return (int)i;
        }
    }
    return -1;
}

int
rule_take_size(struct parser *p, struct value *v)
{
    struct token t = p->now;
    struct al_span left = t.text;
    uint64_t whole = 0, part = 0, bytes = 0;
    unsigned n = 0, part_digits = 0;
    int unit = 0, rc;

    if (t.kind != T_WORD || !digits(&left, &whole, &n)) {
        return bad_size(p, &t);
    }
    if (left.len > 0 && left.at[0] == '.') {
        left.at++, left.len--;
        if (!digits(&left, &part, &part_digits)) {
            return bad_size(p, &t);
        }
    }
    rule_lex(p, false);
    if (left.len > 0) {
        unit = find_size_unit(left.at, left.len);
    } else if (p->now.kind == T_WORD && find_size_unit(p->now.text.at, p->now.text.len) >= 0) {
        unit = find_size_unit(p->now.text.at, p->now.text.len);
        rule_lex(p, false);
    }
    if (unit < 0) {
        return bad_size(p, &t);
    }
    rc = size_bytes(p, &t, whole, part, part_digits, size_units[unit].bytes, &bytes);
    if (rc < 0) {
        return rc;
    }
    v->number = bytes;
    return p->rc;
}

static int
find_age_unit(const uint8_t *at, size_t len)
{
    for (int i = 0; i < UNIT_COUNT; i++) {
        if (is_word(at, len, rule_units[i].name)) {
            return i;
        }
    }
    return -1;
}

int
rule_take_age(struct parser *p, struct value *v)
{
    struct token t = p->now;
    struct al_span left = t.text;
    uint64_t count = 0;
    unsigned n = 0;
    int unit = -1;

    if (t.kind != T_WORD || !digits(&left, &count, &n)) {
        return rule_fail(p, AL_EINVAL, t.at, t.len, AGE_EXPECTED, "an age is missing");
    }
    rule_lex(p, false);
    if (left.len > 0) {
        unit = find_age_unit(left.at, left.len);
    } else if (p->now.kind == T_WORD) {
        unit = find_age_unit(p->now.text.at, p->now.text.len);
        if (unit >= 0) {
            rule_lex(p, false);
        }
    }
    if (unit < 0) {
        return rule_fail(p, AL_EINVAL, t.at, t.len, AGE_EXPECTED, "\"%.*s\" is no age",
                         (int)(t.len < 60 ? t.len : 60), (const char *)t.text.at);
    }
    if (count > (uint64_t)(AGE_NS_MAX / rule_units[unit].ns)) {
        return rule_fail(p, AL_EINVAL, t.at, t.len, AGE_EXPECTED, "an age is at most 290 years");
    }
    v->number = count;
    v->unit = (unsigned)unit;
    return p->rc;
}

int
rule_take_date(struct parser *p, struct value *v)
{
    struct token t = p->now;
    char text[AL_TIME_TEXT_MAX + 16];
    size_t len = t.text.len;

    if (t.kind != T_STRING || t.fold || len == 0 || len > AL_TIME_TEXT_MAX) {
        return rule_fail(p, AL_EINVAL, t.at, t.len, DATE_EXPECTED, "a date is missing");
    }
    memcpy(text, t.text.at, len);
    text[len] = '\0';
    if (len == 10) {
        memcpy(text + len, "T00:00:00Z", sizeof("T00:00:00Z"));
    }
    if (al_time_parse(text, &v->time_ns) < 0) {
        text[len] = '\0';
        return rule_fail(p, AL_EINVAL, t.at, t.len, DATE_EXPECTED, "\"%s\" is no date", text);
    }
    rule_lex(p, false);
    return p->rc;
}

/* Copies the token's text into the rule, folded when asked. */
static int
take_text(struct parser *p, struct value *v, bool fold)
{
    struct token t = p->now;
    struct al_span copy = al_arena_span(p->rule->arena, t.text);

    if (copy.at == NULL && t.text.len > 0) {
        return rule_fail(p, AL_ENOMEM, t.at, 0, "", "out of memory");
    }
    if (fold) {
        rule_fold(copy, (uint8_t *)copy.at);
    }
    v->is_text = true;
    v->fold = fold;
    v->text = copy;
    rule_lex(p, false);
    return p->rc;
}

static int
check_text(struct parser *p, enum field f)
{
    struct token t = p->now;
    struct al_span s = t.text;

    if (f == F_NAME && s.len > 0 && memchr(s.at, '/', s.len) != NULL) {
        return rule_fail(p, AL_EINVAL, t.at, t.len, "path instead of name", "a name holds no '/'");
    }
    if (f == F_EXT && s.len > 0 && (s.at[0] == '.' || memchr(s.at, '/', s.len) != NULL)) {
        return rule_fail(p, AL_EINVAL, t.at, t.len, "as in ext = mov",
                         "an extension is written without its dot and holds no '/'");
    }
    if (f == F_PATH && (s.len < 2 || s.at[0] != '/' || s.at[s.len - 1] == '/')) {
        return rule_fail(p, AL_EINVAL, t.at, t.len, "as in path = \"/projects/old.mov\"",
                         "a path begins with '/' at the volume's root and does not end in '/'");
    }
    return AL_OK;
}

static int
take_owner(struct parser *p, struct value *v)
{
    struct token t = p->now;
    struct al_span left = t.text;
    uint64_t uid = 0;
    unsigned n = 0;

    if (t.kind == T_WORD && left.len > 0 && left.at[0] >= '0' && left.at[0] <= '9') {
        if (!digits(&left, &uid, &n) || left.len > 0 || uid > UINT32_MAX) {
            return rule_fail(p, AL_EINVAL, t.at, t.len, "a user number, or a name in quotes",
                             "this is no user number");
        }
        v->number = uid;
        rule_lex(p, false);
        return p->rc;
    }
    return take_text(p, v, t.fold);
}

static int
take_named(struct parser *p, enum field f, struct value *v)
{
    struct token t = p->now;
    size_t i, count = f == F_STATE ? (size_t)RULE_S_COUNT : (size_t)ATTR_COUNT;

    for (i = 0; i < count; i++) {
        const char *name = f == F_STATE ? rule_state_name((enum rule_state)i) : rule_attrs[i].name;

        if (is_word(t.text.at, t.text.len, name)) {
            v->number = i;
            rule_lex(p, false);
            return p->rc;
        }
    }
    return rule_fail(p, AL_EINVAL, t.at, t.len,
                     f == F_STATE ? "resident, stub, tiering, recalling, pinned or archived"
                                  : "immutable, append, verity, encrypted, dax, compressed, "
                                    "readonly, hidden, system, offline, reparse, "
                                    "setuid, setgid, sticky or executable",
                     "unknown %s", f == F_STATE ? "state" : "attribute");
}

int
rule_take_item(struct parser *p, const struct node *leaf, struct value *v)
{
    enum field f = leaf->field;
    int rc;

    if (rule_fields[f].kind == K_SIZE) {
        return rule_take_size(p, v);
    }
    if (rule_fields[f].kind == K_TIME) {
        return rule_take_date(p, v);
    }
    if (p->now.kind != T_WORD && p->now.kind != T_STRING) {
        return rule_fail(p, AL_EINVAL, p->now.at, p->now.len, "a word, or text in quotes",
                         "a value for %s is missing", rule_fields[f].name);
    }
    if (rule_fields[f].kind == K_ATTRS || rule_fields[f].kind == K_STATE) {
        return take_named(p, f, v);
    }
    if (rule_fields[f].kind == K_OWNER) {
        return take_owner(p, v);
    }
    rc = check_text(p, f);
    return rc < 0 ? rc : take_text(p, v, p->now.fold || f == F_EXT);
}

/* A pattern for paths that does not begin at the root is meant at any depth. */
static int
glob_of_path(struct parser *p, struct value *v)
{
    static const char any[] = "/**/";
    size_t any_len = sizeof(any) - 1;
    uint8_t *at;

    if (v->text.len > 0 && v->text.at[0] == '/') {
        return AL_OK;
    }
    at = al_arena_alloc(p->rule->arena, any_len + v->text.len);
    if (at == NULL) {
        return rule_fail(p, AL_ENOMEM, p->pos, 0, "", "out of memory");
    }
    memcpy(at, any, any_len);
    if (v->text.len > 0) {
        memcpy(at + any_len, v->text.at, v->text.len);
    }
    v->glob = (struct al_span){at, any_len + v->text.len};
    return AL_OK;
}

int
rule_take_glob(struct parser *p, const struct node *leaf, struct value *v)
{
    struct token t = p->now;
    const char *wrong;
    bool fold = t.fold || leaf->field == F_EXT;
    int rc;

    if (t.kind != T_STRING) {
        return rule_fail(p, AL_EINVAL, t.at, t.len, "a pattern in quotes, as in \"/Active/**\"",
                         "a pattern is missing");
    }
    if (leaf->field != F_PATH && t.text.len > 0 && memchr(t.text.at, '/', t.text.len) != NULL) {
        return rule_fail(p, AL_EINVAL, t.at, t.len, "path matches \"...\"", "%s holds no '/'",
                         rule_fields[leaf->field].name);
    }
    wrong = rule_glob_check(t.text);
    if (wrong != NULL) {
        return rule_fail(p, AL_EINVAL, t.at, t.len,
                         "* ** ? [a-z] [!a-z] and \\ before a character that is meant as it is (in "
                         "quotes: \\\\)",
                         "%s", wrong);
    }
    /* Not folded here: lower-casing "[A-_]" would change the set. */
    rc = take_text(p, v, false);
    if (rc < 0) {
        return rc;
    }
    v->fold = fold;
    v->glob = v->text;
    return leaf->field == F_PATH ? glob_of_path(p, v) : AL_OK;
}

int64_t
rule_border(const struct value *age, int64_t now_ns)
{
    int64_t ns = (int64_t)age->number * rule_units[age->unit].ns;

    /* One above the least, which stands for "unknown". */
    return now_ns < INT64_MIN + 1 + ns ? INT64_MIN + 1 : now_ns - ns;
}
