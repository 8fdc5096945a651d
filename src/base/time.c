/* The time half of text.h: RFC 3339 without the C library's calendar, which knows locales and
 * zones. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define NS 1000000000LL
#define YEAR_MIN 1678 /* of those whose every nanosecond 64 bits hold */
#define YEAR_MAX 2261

/* Days since 1970-01-01 of a proleptic Gregorian date: years counted from March, so that leap days
 * come last. */
static int64_t
days_from_civil(int64_t y, unsigned m, unsigned d)
{
    int64_t era, yoe, doy;

    y -= m <= 2;
    era = (y >= 0 ? y : y - 399) / 400;
    yoe = y - era * 400;
    doy = (153 * (int64_t)(m + (m > 2 ? -3 : 9)) + 2) / 5 + (int64_t)d - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static void
civil_from_days(int64_t days, int64_t *y, unsigned *m, unsigned *d)
{
    int64_t era, doe, yoe, doy, mp;

    days += 719468;
    era = (days >= 0 ? days : days - 146096) / 146097;
    doe = days - era * 146097;
    yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    mp = (5 * doy + 2) / 153;
    *d = (unsigned)(doy - (153 * mp + 2) / 5 + 1);
    *m = (unsigned)(mp < 10 ? mp + 3 : mp - 9);
    *y = yoe + era * 400 + (*m <= 2);
}

/* Lists have several times a row: no snprintf here. */
static void
put_digits(char *out, unsigned v, unsigned n)
{
    while (n > 0) {
        out[--n] = (char)('0' + v % 10);
        v /= 10;
    }
}

void
al_time_text(int64_t ns, char *out)
{
    int64_t seconds = ns / NS, rest = ns % NS, days, y;
    unsigned m, d, second_of_day;
    int len;

    if (rest < 0) {
        rest += NS;
        seconds--;
    }
    days = seconds / 86400;
    if (seconds % 86400 < 0) {
        days--;
    }
    second_of_day = (unsigned)(seconds - days * 86400);
    civil_from_days(days, &y, &m, &d);
    if (y < 0 || y > 9999) { /* what 64 bits of nanoseconds cannot reach */
        y = 0;
    }
    put_digits(out, (unsigned)y, 4);
    out[4] = '-';
    put_digits(out + 5, m, 2);
    out[7] = '-';
    put_digits(out + 8, d, 2);
    out[10] = 'T';
    put_digits(out + 11, second_of_day / 3600, 2);
    out[13] = ':';
    put_digits(out + 14, second_of_day / 60 % 60, 2);
    out[16] = ':';
    put_digits(out + 17, second_of_day % 60, 2);
    len = 19;
    if (rest != 0) {
        out[len] = '.';
        put_digits(out + len + 1, (unsigned)rest, 9);
        len += 10;
        while (out[len - 1] == '0') {
            len--;
        }
    }
    out[len] = 'Z';
    out[len + 1] = '\0';
}

/* Takes exactly n digits; the value, or -1. */
static int
take_digits(const char **p, unsigned n)
{
    int v = 0;

    for (unsigned i = 0; i < n; i++, (*p)++) {
        if (**p < '0' || **p > '9') {
            return -1;
        }
        v = v * 10 + (**p - '0');
    }
    return v;
}

static bool
take_char(const char **p, char c)
{
    if (**p != c) {
        return false;
    }
    (*p)++;
    return true;
}

static int
take_fraction(const char **p, int64_t *ret_ns)
{
    int64_t ns = 0, unit = NS / 10;

    *ret_ns = 0;
    if (!take_char(p, '.')) {
        return AL_OK;
    }
    if (**p < '0' || **p > '9') {
        return AL_EINVAL;
    }
    for (; **p >= '0' && **p <= '9'; (*p)++) {
        if (unit == 0) {
            return AL_EINVAL;
        }
        ns += (**p - '0') * unit;
        unit /= 10;
    }
    *ret_ns = ns;
    return AL_OK;
}

static int
take_offset(const char **p, int64_t *ret_s)
{
    bool minus = **p == '-';
    int h, m;

    if (**p == 'Z' || **p == 'z') {
        (*p)++;
        *ret_s = 0;
        return AL_OK;
    }
    if (!minus && **p != '+') {
        return AL_EINVAL;
    }
    (*p)++;
    h = take_digits(p, 2);
    if (h < 0 || h > 23 || !take_char(p, ':')) {
        return AL_EINVAL;
    }
    m = take_digits(p, 2);
    if (m < 0 || m > 59) {
        return AL_EINVAL;
    }
    *ret_s = (minus ? -1 : 1) * (h * 3600 + m * 60);
    return AL_OK;
}

static int
days_in_month(int y, int m)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;

    return m == 2 && leap ? 29 : days[m - 1];
}

int
al_time_parse(const char *text, int64_t *ret_ns)
{
    const char *p = text;
    int y, mo, d, h, mi, s;
    int64_t fraction, offset, seconds;

    y = take_digits(&p, 4);
    if (y < YEAR_MIN || y > YEAR_MAX || !take_char(&p, '-')) {
        return AL_EINVAL;
    }
    mo = take_digits(&p, 2);
    if (mo < 1 || mo > 12 || !take_char(&p, '-')) {
        return AL_EINVAL;
    }
    d = take_digits(&p, 2);
    if (d < 1 || d > days_in_month(y, mo) || (*p != 'T' && *p != 't' && *p != ' ')) {
        return AL_EINVAL;
    }
    p++;
    h = take_digits(&p, 2);
    if (h < 0 || h > 23 || !take_char(&p, ':')) {
        return AL_EINVAL;
    }
    mi = take_digits(&p, 2);
    if (mi < 0 || mi > 59 || !take_char(&p, ':')) {
        return AL_EINVAL;
    }
    s = take_digits(&p, 2);
    if (s < 0 || s > 60 || take_fraction(&p, &fraction) != AL_OK ||
        take_offset(&p, &offset) != AL_OK || *p != '\0') {
        return AL_EINVAL;
    }
    seconds = days_from_civil(y, (unsigned)mo, (unsigned)d) * 86400 + h * 3600 + mi * 60 + s;
    seconds -= offset;
    /* An offset or a leap second may leave the years again; what is taken here must print to text
     * that is taken again. */
    if (seconds < days_from_civil(YEAR_MIN, 1, 1) * 86400 ||
        seconds >= days_from_civil(YEAR_MAX + 1, 1, 1) * 86400) {
        return AL_EINVAL;
    }
    *ret_ns = seconds * NS + fraction;
    return AL_OK;
}
