#include "server/schedule/schedule_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define TIMES_LISTED_MAX 6 /* more times of a day are told by their pattern */

static const char *const months[] = {"",        "January",  "February", "March",  "April",
                                     "May",     "June",     "July",     "August", "September",
                                     "October", "November", "December"};
static const char *const weekdays[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                       "Friday", "Saturday", "Sunday"};

static int
count_of(uint64_t bits)
{
    return __builtin_popcountll(bits);
}

/* Lists the numbers of bits as `name` writes them: "a", "a and b", "a, b and c", and "a to d" for
 * three or more in a row and nothing else. */
static int
list(uint64_t bits, int (*name)(unsigned n, struct al_buf *out), struct al_buf *out)
{
    int left = count_of(bits);
    unsigned first = (unsigned)__builtin_ctzll(bits), last = 63 - (unsigned)__builtin_clzll(bits);

    if (left >= 3 && last - first + 1 == (unsigned)left) {
        SC_TRY(name(first, out));
        SC_TRY(al_buf_adds(out, " to "));
        return name(last, out);
    }
    for (unsigned n = first; n <= last; n++) {
        if ((bits >> n & 1) == 0) {
            continue;
        }
        SC_TRY(name(n, out));
        left--;
        SC_TRY(al_buf_adds(out, left == 0 ? "" : left == 1 ? " and " : ", "));
    }
    return AL_OK;
}

static int
weekday_name(unsigned n, struct al_buf *out)
{
    return al_buf_adds(out, weekdays[n]);
}

static int
month_name(unsigned n, struct al_buf *out)
{
    return al_buf_adds(out, months[n]);
}

static int
plain_name(unsigned n, struct al_buf *out)
{
    return al_buf_addf(out, "%u", n);
}

static int
hour_name(unsigned n, struct al_buf *out)
{
    return al_buf_addf(out, "%02u", n);
}

static int
ordinal_name(unsigned n, struct al_buf *out)
{
    const char *end = n / 10 == 1   ? "th"
                      : n % 10 == 1 ? "st"
                      : n % 10 == 2 ? "nd"
                      : n % 10 == 3 ? "rd"
                                    : "th";

    return al_buf_addf(out, "%u%s", n, end);
}

int
words_days(uint8_t days, struct al_buf *out)
{
    return days == 0x7f ? al_buf_adds(out, "every day") : list(days, weekday_name, out);
}

int
words_clock(unsigned minute, struct al_buf *out)
{
    return al_buf_addf(out, "%02u:%02u", minute / 60, minute % 60);
}

/* The step of 0, n, 2n ... below `all`, which n divides; 0: another pattern. */
static unsigned
step_of(uint64_t bits, unsigned all)
{
    for (unsigned step = 1; step < all; step++) {
        uint64_t wanted = 0;

        for (unsigned i = 0; i < all; i += step) {
            wanted |= UINT64_C(1) << i;
        }
        if (all % step == 0 && wanted == bits) {
            return step;
        }
    }
    return 0;
}

static int
clock_times(const struct cron *c, struct al_buf *out)
{
    int left = count_of(c->minutes) * count_of(c->hours);

    SC_TRY(al_buf_adds(out, "at "));
    for (unsigned i = 0; i < SCHEDULE_DAY_MINUTES; i++) {
        if ((c->hours >> (i / 60) & 1) == 0 || (c->minutes >> (i % 60) & 1) == 0) {
            continue;
        }
        SC_TRY(words_clock(i, out));
        left--;
        SC_TRY(al_buf_adds(out, left == 0 ? "" : left == 1 ? " and " : ", "));
    }
    return AL_OK;
}

static int
minute_pattern(const struct cron *c, struct al_buf *out)
{
    unsigned step = step_of(c->minutes, 60);

    if (step == 1) {
        return al_buf_adds(out, "every minute");
    }
    if (step != 0) {
        return al_buf_addf(out, "every %u minutes", step);
    }
    SC_TRY(al_buf_adds(out, count_of(c->minutes) == 1 ? "at minute " : "at minutes "));
    SC_TRY(list(c->minutes, plain_name, out));
    return al_buf_adds(out, " of the hour");
}

static int
times(const struct cron *c, struct al_buf *out, bool *ret_clock)
{
    unsigned step = step_of(c->hours, 24);
    bool on_the_hour = c->minutes == 1;

    *ret_clock = count_of(c->minutes) * count_of(c->hours) <= TIMES_LISTED_MAX;
    if (*ret_clock) {
        return clock_times(c, out);
    }
    if (on_the_hour && step == 1) {
        return al_buf_adds(out, "every hour");
    }
    if (on_the_hour && step != 0) {
        return al_buf_addf(out, "every %u hours from midnight", step);
    }
    SC_TRY(on_the_hour ? al_buf_adds(out, "every hour") : minute_pattern(c, out));
    if (step == 1) {
        return AL_OK;
    }
    SC_TRY(al_buf_adds(out, " in the hours "));
    return list(c->hours, hour_name, out);
}

static int
days_of_month(const struct cron *c, struct al_buf *out)
{
    SC_TRY(al_buf_adds(out, "on the "));
    if (c->doms != 0) {
        SC_TRY(list(c->doms, ordinal_name, out));
        SC_TRY(al_buf_adds(out, c->last_dom ? " and the " : ""));
    }
    SC_TRY(al_buf_adds(out, c->last_dom ? "last day" : ""));
    return al_buf_adds(out, " of the month");
}

int
cron_text(const struct cron *c, struct al_buf *out)
{
    uint8_t week = (uint8_t)((c->dows >> 1 | (c->dows & 1) << 6) & 0x7f); /* Monday first */
    bool by_month = c->doms != UINT64_C(0xfffffffe), by_week = week != 0x7f, clock;
    bool every = !by_month && !by_week;

    /* One of the two is enough, and one of them always holds. */
    if (!c->dom_star && !c->dow_star && (!by_month || !by_week)) {
        by_month = by_week = false;
        every = true;
    }
    SC_TRY(times(c, out, &clock));
    SC_TRY(al_buf_adds(out, every && clock ? " every day" : ""));
    if (by_month) {
        SC_TRY(al_buf_adds(out, " "));
        SC_TRY(days_of_month(c, out));
    }
    if (by_week) {
        SC_TRY(al_buf_adds(out, !by_month                      ? " on "
                                : !c->dom_star && !c->dow_star ? " or on "
                                                               : " if it is "));
        SC_TRY(words_days(week, out));
    }
    if (c->months != 0x1ffe) {
        SC_TRY(al_buf_adds(out, " in "));
        SC_TRY(list(c->months, month_name, out));
    }
    return AL_OK;
}

/* ---- what people write of windows ---- */

int
schedule_minute(const char *text, uint16_t *ret)
{
    unsigned v[4];

    if (strlen(text) != 5 || text[2] != ':') {
        return AL_EINVAL;
    }
    for (unsigned i = 0; i < 4; i++) {
        char digit = text[i < 2 ? i : i + 1];

        if (digit < '0' || digit > '9') {
            return AL_EINVAL;
        }
        v[i] = (unsigned)(digit - '0');
    }
    if (v[2] > 5 || (v[0] * 10 + v[1]) * 60 + v[2] * 10 + v[3] > SCHEDULE_DAY_MINUTES) {
        return AL_EINVAL;
    }
    *ret = (uint16_t)((v[0] * 10 + v[1]) * 60 + v[2] * 10 + v[3]);
    return AL_OK;
}
