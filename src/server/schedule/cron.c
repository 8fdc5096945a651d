#include "server/schedule/schedule_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define FIELDS 5u
#define PART_BYTES_MAX 64u

static const char *const month_names[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                          "jul", "aug", "sep", "oct", "nov", "dec"};
static const char *const day_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

static const struct field {
    const char *what;
    unsigned min, max;
    const char *const *names; /* NULL: numbers alone */
    unsigned name_count;      /* the first is min */
    const char *allowed;
} fields[FIELDS] = {
    {"minute", 0, 59, NULL, 0, "0 to 59"},
    {"hour", 0, 23, NULL, 0, "0 to 23"},
    {"day of month", 1, 31, NULL, 0, "1 to 31, or L for the last day"},
    {"month", 1, 12, month_names, 12, "1 to 12, or jan to dec"},
    {"day of week", 0, 7, day_names, 7, "0 to 7 (0 and 7 are Sunday), or sun to sat"},
};

static const struct macro {
    const char *name, *meaning;
} macros[] = {
    {"@hourly", "0 * * * *"},   {"@daily", "0 0 * * *"},   {"@midnight", "0 0 * * *"},
    {"@weekly", "0 0 * * 0"},   {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"},
    {"@annually", "0 0 1 1 *"},
};

static int
wrong(const struct field *f, const char *part, struct al_fail *fail)
{
    return al_fail_set(fail, AL_EINVAL, 0,
                       "the %s cannot be \"%.40s\": %s, * for all, with lists (1,3), ranges (1-5) "
                       "and steps (*/2)",
                       f->what, part, f->allowed);
}

static bool
same_word(const char *a, const char *b)
{
    for (; *a != '\0' && *b != '\0'; a++, b++) {
        if ((*a >= 'A' && *a <= 'Z' ? *a + 32 : *a) != *b) {
            return false;
        }
    }
    return *a == *b;
}

static bool
number(const struct field *f, const char *text, unsigned *ret)
{
    uint64_t v;

    for (unsigned i = 0; i < f->name_count; i++) {
        if (same_word(text, f->names[i])) {
            *ret = f->min + i;
            return true;
        }
    }
    if (al_parse_u64(text, &v) != AL_OK || v < f->min || v > f->max) {
        return false;
    }
    *ret = (unsigned)v;
    return true;
}

/* One part of a list: *, a, a-b, each with /step; a/step goes to the field's end. */
static bool
part_bits(const struct field *f, char *part, uint64_t *io)
{
    char *slash = strchr(part, '/'), *dash;
    unsigned from = f->min, to = f->max, step = 1;
    uint64_t v;

    if (slash != NULL) {
        *slash = '\0';
        if (al_parse_u64(slash + 1, &v) != AL_OK || v == 0 || v > f->max) {
            return false;
        }
        step = (unsigned)v;
    }
    if (strcmp(part, "*") != 0) {
        dash = strchr(part, '-');
        if (dash != NULL) {
            *dash = '\0';
        }
        if (!number(f, part, &from)) {
            return false;
        }
        to = dash != NULL || slash != NULL ? to : from;
        if (dash != NULL && !number(f, dash + 1, &to)) {
            return false;
        }
        /* fri-sun: Sunday is 7 there. */
        to = f->max == 7 && dash != NULL && to == 0 && from > 0 ? 7 : to;
        if (to < from) {
            return false;
        }
    } else if (f->max == 7) {
        to = 6;
    }
    for (unsigned i = from; i <= to; i += step) {
        *io |= UINT64_C(1) << i;
    }
    return true;
}

static int
field_bits(const struct field *f, const char *text, size_t len, uint64_t *ret, bool *ret_last,
           struct al_fail *fail)
{
    char part[PART_BYTES_MAX + 1], kept[PART_BYTES_MAX + 1];

    *ret = 0;
    for (size_t at = 0; at <= len;) {
        const char *comma = memchr(text + at, ',', len - at);
        size_t n = comma == NULL ? len - at : (size_t)(comma - text) - at;

        (void)snprintf(kept, sizeof(kept), "%.*s", (int)(n > PART_BYTES_MAX ? PART_BYTES_MAX : n),
                       text + at);
        memcpy(part, kept, sizeof(part));
        if (ret_last != NULL && same_word(part, "l")) {
            *ret_last = true;
        } else if (n > PART_BYTES_MAX || !part_bits(f, part, ret)) {
            return wrong(f, kept, fail);
        }
        at += n + 1;
    }
    return AL_OK;
}

/* The fields' places; more than FIELDS counts as FIELDS + 1. */
static size_t
split(const char *text, const char *at[FIELDS], size_t len[FIELDS])
{
    size_t count = 0;

    for (;;) {
        text += strspn(text, " \t");
        if (*text == '\0') {
            return count;
        }
        if (count == FIELDS) {
            return FIELDS + 1;
        }
        at[count] = text;
        len[count] = strcspn(text, " \t");
        text += len[count++];
    }
}

static int
parse_fields(const char *text, struct cron *c, struct al_fail *fail)
{
    const char *at[FIELDS];
    size_t len[FIELDS], count = split(text, at, len);
    uint64_t *const bits[FIELDS] = {&c->minutes, &c->hours, &c->doms, &c->months, &c->dows};

    if (count != FIELDS) {
        return al_fail_set(fail, AL_EINVAL, 0,
                           "a schedule has five fields (minute, hour, day of month, month, day of "
                           "week), not %s%zu: such as 0 20 * * 1-5, or @daily",
                           count > FIELDS ? "more than " : "", count > FIELDS ? FIELDS : count);
    }
    for (size_t i = 0; i < FIELDS; i++) {
        SC_TRY(field_bits(&fields[i], at[i], len[i], bits[i], i == 2 ? &c->last_dom : NULL, fail));
    }
    c->dom_star = at[2][0] == '*';
    c->dow_star = at[4][0] == '*';
    c->dows = (c->dows | c->dows >> 7) & 0x7f;
    return AL_OK;
}

int
cron_parse(const char *text, struct cron *ret, struct al_fail *fail)
{
    struct cron c = {0};
    size_t blank = strspn(text, " \t");

    if (strlen(text) > SCHEDULE_CRON_BYTES_MAX) {
        return al_fail_set(fail, AL_EINVAL, 0, "a schedule has at most %u bytes",
                           SCHEDULE_CRON_BYTES_MAX);
    }
    if (text[blank] == '@') {
        const char *meaning = NULL;

        for (size_t i = 0; i < AL_LEN(macros) && meaning == NULL; i++) {
            meaning = same_word(text + blank, macros[i].name) ? macros[i].meaning : NULL;
        }
        if (meaning == NULL) {
            return al_fail_set(fail, AL_EINVAL, 0,
                               "%.40s is none of @hourly, @daily, @midnight, @weekly, @monthly, "
                               "@yearly and @annually",
                               text + blank);
        }
        text = meaning;
    }
    SC_TRY(parse_fields(text, &c, fail));
    *ret = c;
    return AL_OK;
}

bool
cron_day(const struct cron *c, int year, int month, int day, int weekday)
{
    bool dom, dow = (c->dows >> weekday & 1) != 0;

    if ((c->months >> month & 1) == 0) {
        return false;
    }
    dom = (c->doms >> day & 1) != 0 || (c->last_dom && day == days_in_month(year, month));
    return c->dom_star || c->dow_star ? dom && dow : dom || dow;
}
