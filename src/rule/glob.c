/* Globs over bytes that are mostly UTF-8. Text and pattern are taken as characters: whole UTF-8
 * sequences, and single bytes that belong to none; so a pattern never matches half of a character.
 * No backtracking over more than the last '*' and the last '**': what an earlier star could still
 * reach, the later one reaches too, since a set of places behind an earlier match of what stands
 * between them contains those behind a later match. */
#include "rule/rule_priv.h"

#include <string.h>

#define BAD_BYTE 0x110000u /* + byte: a character number that no UTF-8 has */

static uint8_t
upper(uint8_t c)
{
    return c >= 'a' && c <= 'z' ? (uint8_t)(c - 32) : c;
}

void
rule_fold(struct al_span s, uint8_t *out)
{
    for (size_t i = 0; i < s.len; i++) {
        out[i] = al_lower(s.at[i]);
    }
}

/* Takes one character off at..end (not empty); *ret_len bytes of it. */
static uint32_t
character(const uint8_t *at, const uint8_t *end, size_t *ret_len)
{
    uint32_t c = at[0], min;
    size_t n, i;

    *ret_len = 1;
    if (c < 0x80) {
        return c;
    }
    if (c >= 0xc2 && c <= 0xdf) {
        n = 2, min = 0x80, c &= 0x1f;
    } else if (c >= 0xe0 && c <= 0xef) {
        n = 3, min = 0x800, c &= 0x0f;
    } else if (c >= 0xf0 && c <= 0xf4) {
        n = 4, min = 0x10000, c &= 0x07;
    } else {
        return BAD_BYTE + at[0];
    }
    if ((size_t)(end - at) < n) {
        return BAD_BYTE + at[0];
    }
    for (i = 1; i < n; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return BAD_BYTE + at[0];
        }
        c = c << 6 | (at[i] & 0x3f);
    }
    if (c < min || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
        return BAD_BYTE + at[0];
    }
    *ret_len = n;
    return c;
}

/* One member of a set, '\' resolved; *p is moved on. False at the end of the pattern. */
static bool
set_member(const uint8_t **p, const uint8_t *end, uint32_t *ret)
{
    size_t len;

    if (*p < end && **p == '\\') {
        (*p)++;
    }
    if (*p >= end) {
        return false;
    }
    *ret = character(*p, end, &len);
    *p += len;
    return true;
}

/* p stands behind '['. Whether c is in the set; *p is moved behind ']'. False for a malformed set.
 */
static bool
set_has(const uint8_t **io_p, const uint8_t *end, uint32_t c, bool fold, const char **ret_wrong)
{
    const uint8_t *p = *io_p;
    bool negated = false, in = false, first = true;
    uint32_t c2 = c;

    if (fold && c < 0x80) {
        c2 = al_lower((uint8_t)c) != c ? al_lower((uint8_t)c) : upper((uint8_t)c);
    }
    if (p < end && (*p == '!' || *p == '^')) {
        negated = true;
        p++;
    }
    while (p < end && (*p != ']' || first)) {
        uint32_t from, to;

        first = false;
        if (!set_member(&p, end, &from)) {
            break;
        }
        to = from;
        if (end - p >= 2 && p[0] == '-' && p[1] != ']') {
            p++;
            if (!set_member(&p, end, &to)) {
                break;
            }
        }
        if (from > to) {
            *ret_wrong = "a range in [..] runs backwards";
            return false;
        }
        in = in || (c >= from && c <= to) || (c2 >= from && c2 <= to);
    }
    if (p >= end) {
        *ret_wrong = "a [ is not closed by ]";
        return false;
    }
    *io_p = p + 1;
    return in != negated;
}

const char *
rule_glob_check(struct al_span pattern)
{
    const uint8_t *p = pattern.at, *end = pattern.at + pattern.len;
    const char *wrong = NULL;

    while (p < end) {
        uint8_t c = *p++;

        if (c == '\\') {
            if (p == end) {
                return "the pattern ends in the middle of a \\ escape";
            }
            p++;
        } else if (c == '[') {
            (void)set_has(&p, end, 0, false, &wrong); /* only for what is wrong */
            if (wrong != NULL) {
                return wrong;
            }
        }
    }
    return NULL;
}

bool
rule_glob_prefix(struct al_span pattern, uint8_t *out, size_t *ret_len)
{
    size_t n = 0, i = 0;

    while (i < pattern.len) {
        uint8_t c = pattern.at[i];

        if (c == '*') {
            /* Behind a '/' only: elsewhere bytes could be equal that are not the same characters.
             */
            *ret_len = n;
            return n > 0 && out[n - 1] == '/' && pattern.len - i == 2 && pattern.at[i + 1] == '*';
        }
        if (c == '?' || c == '[') {
            return false;
        }
        if (c == '\\') {
            i++;
        }
        out[n++] = pattern.at[i++];
    }
    return false;
}

struct glob {
    const uint8_t *p, *p_end, *t, *t_end;
    bool fold;
    const uint8_t *star_p,
        *star_t; /* last '*': the pattern behind it, where its match ends now; NULL: none */
    const uint8_t *wide_p, *wide_t; /* last '**' */
    bool wide_parts;                /* it was "/" "**" "/": may only end behind a '/' */
};

static bool
starts_parts(const uint8_t *p, const uint8_t *end)
{
    return end - p >= 3 && p[0] == '*' && p[1] == '*' && p[2] == '/';
}

/* "/" + "**" + "/" stands at p: one or more whole parts, or just the '/'. */
static bool
take_parts(struct glob *g)
{
    if (g->t >= g->t_end || *g->t != '/') {
        return false;
    }
    g->p += 4;
    while (starts_parts(g->p, g->p_end)) {
        g->p += 3;
    }
    g->t++;
    g->wide_p = g->p;
    g->wide_t = g->t;
    g->wide_parts = true;
    g->star_p = NULL;
    return true;
}

static void
take_star(struct glob *g)
{
    bool wide = false;

    while (g->p < g->p_end && *g->p == '*') {
        g->p++;
        wide = wide || (g->p < g->p_end && *g->p == '*');
    }
    if (wide) {
        g->wide_p = g->p;
        g->wide_t = g->t;
        g->wide_parts = false;
        g->star_p = NULL;
    } else {
        g->star_p = g->p;
        g->star_t = g->t;
    }
}

/* One plain element of the pattern against the text. */
static bool
take_one(struct glob *g)
{
    const char *wrong = NULL;
    const uint8_t *p = g->p + 1;
    size_t len = 1;
    uint8_t c = *g->p;

    if (g->t >= g->t_end) {
        return false;
    }
    if (c == '?' || c == '[') {
        uint32_t have = character(g->t, g->t_end, &len);

        if (have == '/' ||
            (c == '[' && (!set_has(&p, g->p_end, have, g->fold, &wrong) || wrong != NULL))) {
            return false;
        }
    } else {
        size_t want_len;

        if (c == '\\') {
            if (p == g->p_end) {
                return false;
            }
            c = *p++;
        }
        if (c < 0x80) {
            if (g->fold ? al_lower(c) != al_lower(*g->t) : c != *g->t) {
                return false;
            }
        } else {
            if (character(p - 1, g->p_end, &want_len) != character(g->t, g->t_end, &len)) {
                return false;
            }
            p += want_len - 1;
        }
    }
    g->p = p;
    g->t += len;
    return true;
}

/* After a mismatch: lets the last star take a little more. */
static bool
retreat(struct glob *g)
{
    size_t len;

    if (g->star_p != NULL && g->star_t < g->t_end && *g->star_t != '/') {
        (void)character(g->star_t, g->t_end, &len);
        g->star_t += len;
        g->p = g->star_p;
        g->t = g->star_t;
        return true;
    }
    if (g->wide_p == NULL || g->wide_t >= g->t_end) {
        return false;
    }
    if (g->wide_parts) {
        const uint8_t *slash = memchr(g->wide_t, '/', (size_t)(g->t_end - g->wide_t));

        if (slash == NULL) {
            return false;
        }
        g->wide_t = slash + 1;
    } else {
        (void)character(g->wide_t, g->t_end, &len);
        g->wide_t += len;
    }
    g->p = g->wide_p;
    g->t = g->wide_t;
    g->star_p = NULL;
    return true;
}

bool
rule_glob(struct al_span text, struct al_span pattern, bool fold)
{
    static const uint8_t nothing[1] = {0};
    struct glob g = {.p = pattern.at, .t = text.at, .fold = fold};

    g.p = pattern.len > 0 ? pattern.at : nothing;
    g.t = text.len > 0 ? text.at : nothing;
    g.p_end = g.p + pattern.len;
    g.t_end = g.t + text.len;
    for (;;) {
        bool fits;

        if (g.p == g.p_end) {
            if (g.t == g.t_end) {
                return true;
            }
            fits = false;
        } else if (*g.p == '*') {
            take_star(&g);
            fits = true;
        } else if (*g.p == '/' && starts_parts(g.p + 1, g.p_end)) {
            fits = take_parts(&g);
        } else {
            fits = take_one(&g);
        }
        if (!fits && !retreat(&g)) {
            return false;
        }
    }
}

struct al_span
rule_name_of(struct al_span path)
{
    size_t i = path.len;

    while (i > 0 && path.at[i - 1] != '/') {
        i--;
    }
    return (struct al_span){path.at + i, path.len - i};
}

struct al_span
rule_ext_of(struct al_span name)
{
    size_t i = name.len;

    while (i > 0 && name.at[i - 1] != '.') {
        i--;
    }
    /* i stands behind the last dot, or is 0. A dot in front hides a file, a dot at the end is part
     * of a name. */
    if (i <= 1 || i == name.len) {
        return (struct al_span){name.at, 0};
    }
    return (struct al_span){name.at + i, name.len - i};
}
