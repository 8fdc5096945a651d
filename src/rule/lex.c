#include "rule/parse_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

int
rule_fail(struct parser *p, int rc, size_t at, size_t len, const char *expected, const char *format,
          ...)
{
    AL_CLEANUP(al_buf_free) struct al_buf clean = {0};
    char raw[sizeof(p->error.message)];
    va_list args;

    al_buf_init(&clean, 4 * sizeof(raw));
    if (p->rc < 0) {
        return p->rc;
    }
    p->rc = rc;
    p->now.kind = T_BAD;
    p->error.at = at < p->len ? at : p->len;
    p->error.length = len < p->len - p->error.at ? len : p->len - p->error.at;
    snprintf(p->error.expected, sizeof(p->error.expected), "%s", expected);
    va_start(args, format);
    vsnprintf(raw, sizeof(raw), format, args);
    va_end(args);
    /* The message may quote the text, which need not be UTF-8, and be cut inside a character. */
    if (al_utf8_clean(al_span_of(raw), &clean) < 0 || clean.len >= sizeof(raw)) {
        for (size_t i = 0; raw[i] != '\0'; i++) {
            raw[i] = (unsigned char)raw[i] < 0x80 ? raw[i] : '?';
        }
        snprintf(p->error.message, sizeof(p->error.message), "%s", raw);
    } else {
        snprintf(p->error.message, sizeof(p->error.message), "%s",
                 clean.at != NULL ? (char *)clean.at : "");
    }
    return rc;
}

static bool
word_byte(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool
rule_word_is(const struct token *t, const char *word)
{
    size_t i;

    if (t->kind != T_WORD || t->len != strlen(word)) {
        return false;
    }
    for (i = 0; i < t->len; i++) {
        uint8_t c = t->text.at[i];

        if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != (uint8_t)word[i]) {
            return false;
        }
    }
    return true;
}

static int
hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte behind a '\' in a string; p->pos stands on it. -1: failed. */
static int
escape(struct parser *p)
{
    size_t at = p->pos - 1;
    int high, low;

    switch (p->text[p->pos++]) {
    case '"':
        return '"';
    case '\'':
        return '\'';
    case '\\':
        return '\\';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'x':
        high = p->pos < p->len ? hex_digit(p->text[p->pos]) : -1;
        low = p->pos + 1 < p->len ? hex_digit(p->text[p->pos + 1]) : -1;
        if (high < 0 || low < 0) {
            (void)rule_fail(p, AL_EINVAL, at, 2, "two hexadecimal digits, as in \\xff",
                            "incomplete \\x escape");
            return -1;
        }
        p->pos += 2;
        if (high == 0 && low == 0) {
            (void)rule_fail(p, AL_EINVAL, at, 4, "", "no name holds a zero byte");
            return -1;
        }
        return high << 4 | low;
    default:
        (void)rule_fail(p, AL_EINVAL, at, 2,
                        "\\\\ for a backslash, or one of \\\" \\' \\n \\r \\t \\xNN",
                        "unknown escape in a string");
        return -1;
    }
}

/* Keeps the bytes decoded into scratch. */
static void
keep(struct parser *p, const uint8_t *scratch, size_t len)
{
    p->now.text = al_arena_span(p->rule->arena, (struct al_span){scratch, len});
    if (p->now.text.at == NULL && len > 0) {
        (void)rule_fail(p, AL_ENOMEM, p->pos, 0, "", "out of memory");
    }
}

static void
flag_i(struct parser *p)
{
    size_t at = p->pos;

    while (p->pos < p->len && word_byte(p->text[p->pos])) {
        p->pos++;
    }
    if (p->pos == at) {
        return;
    }
    if (p->pos - at == 1 && p->text[at] == 'i') {
        p->now.fold = true;
        return;
    }
    (void)rule_fail(p, AL_EINVAL, at, p->pos - at, "i (upper and lower case alike), or a blank",
                    "unknown flag");
}

static void
lex_string(struct parser *p, uint8_t quote)
{
    uint8_t scratch[RULE_STRING_BYTES_MAX];
    size_t at = p->pos - 1, n = 0;

    while (p->pos < p->len && p->text[p->pos] != quote) {
        int c = p->text[p->pos++];

        if (c == '\\') {
            c = p->pos < p->len ? escape(p) : '\\';
        }
        if (c < 0) {
            return;
        }
        if (c == 0) {
            (void)rule_fail(p, AL_EINVAL, p->pos - 1, 1, "", "no name holds a zero byte");
            return;
        }
        if (n == sizeof(scratch)) {
            (void)rule_fail(p, AL_ELIMIT, at, p->pos - at, "", "a string is longer than %u bytes",
                            RULE_STRING_BYTES_MAX);
            return;
        }
        scratch[n++] = (uint8_t)c;
    }
    if (p->pos >= p->len) {
        (void)rule_fail(p, AL_EINVAL, at, p->len - at, quote == '"' ? "\"" : "'",
                        "the string is not closed");
        return;
    }
    p->pos++;
    p->now.kind = T_STRING;
    keep(p, scratch, n);
    flag_i(p);
}

static void
lex_regex(struct parser *p)
{
    uint8_t scratch[RULE_STRING_BYTES_MAX];
    size_t at = p->pos - 1, n = 0;

    while (p->pos < p->len && p->text[p->pos] != '/') {
        uint8_t c = p->text[p->pos++];

        if (c == 0) {
            (void)rule_fail(p, AL_EINVAL, p->pos - 1, 1, "", "no name holds a zero byte");
            return;
        }
        /* "\/" is a '/'; every other escape is for the regular expression, its second byte with it
         * ("\\" before the end). */
        if (c == '\\' && p->pos < p->len) {
            if (p->text[p->pos] != '/') {
                if (n < sizeof(scratch)) {
                    scratch[n++] = c;
                }
            }
            c = p->text[p->pos++];
        }
        if (n == sizeof(scratch)) {
            (void)rule_fail(p, AL_ELIMIT, at, p->pos - at, "",
                            "a regular expression is longer than %u bytes", RULE_STRING_BYTES_MAX);
            return;
        }
        scratch[n++] = c;
    }
    if (p->pos >= p->len) {
        (void)rule_fail(p, AL_EINVAL, at, p->len - at, "/", "the regular expression is not closed");
        return;
    }
    p->pos++;
    p->now.kind = T_REGEX;
    keep(p, scratch, n);
    flag_i(p);
}

static void
lex_op(struct parser *p, enum op op, size_t len, bool negated)
{
    p->pos += len;
    p->now.kind = T_OP;
    p->now.op = op;
    p->now.negated = negated;
}

static void
lex_symbol(struct parser *p)
{
    uint8_t c = p->text[p->pos], d = p->pos + 1 < p->len ? p->text[p->pos + 1] : 0;

    if (c == '(' || c == ')' || c == ',') {
        p->pos++;
        p->now.kind = c == '(' ? T_OPEN : c == ')' ? T_CLOSE : T_COMMA;
    } else if (c == '=') {
        lex_op(p, O_EQ, d == '=' ? 2 : 1, false);
    } else if ((c == '!' && d == '=') || (c == '<' && d == '>')) {
        lex_op(p, O_EQ, 2, true);
    } else if (c == '<') {
        lex_op(p, d == '=' ? O_LE : O_LT, d == '=' ? 2 : 1, false);
    } else if (c == '>') {
        lex_op(p, d == '=' ? O_GE : O_GT, d == '=' ? 2 : 1, false);
    } else {
        (void)rule_fail(p, AL_EINVAL, p->pos, 1, "",
                        c >= 0x20 && c < 0x7f ? "unexpected '%c'" : "unexpected byte 0x%02x", c);
    }
}

/* A word, or a number with its unit: "mov", "90d", "1.5TiB". */
static void
lex_word(struct parser *p)
{
    bool number = p->text[p->pos] >= '0' && p->text[p->pos] <= '9';

    while (p->pos < p->len && (word_byte(p->text[p->pos]) || (number && p->text[p->pos] == '.'))) {
        p->pos++;
    }
    p->now.kind = T_WORD;
    p->now.text.at = p->text + p->now.at;
    p->now.text.len = p->pos - p->now.at;
}

void
rule_lex(struct parser *p, bool regex_next)
{
    uint8_t c;

    if (p->rc < 0) {
        p->now.kind = T_BAD;
        return;
    }
    while (p->pos < p->len &&
           (p->text[p->pos] == ' ' || (p->text[p->pos] >= '\t' && p->text[p->pos] <= '\r'))) {
        p->pos++;
    }
    memset(&p->now, 0, sizeof(p->now));
    p->now.at = p->pos;
    if (p->pos == p->len) {
        p->now.kind = T_END;
        return;
    }
    c = p->text[p->pos];
    if (c == '"' || c == '\'') {
        p->pos++;
        lex_string(p, c);
    } else if (c == '/' && regex_next) {
        p->pos++;
        lex_regex(p);
    } else if (word_byte(c)) {
        lex_word(p);
    } else {
        lex_symbol(p);
    }
    p->now.len = p->pos - p->now.at;
    if (p->rc < 0) {
        p->now.kind = T_BAD;
    }
}
