/* The time half of cells.h. */
#include "server/import/cells.h"

#include <string.h>

#define NS INT64_C(1000000000)
#define YEAR_MIN 1678 /* of those whose every nanosecond 64 bits hold */
#define YEAR_MAX 2261
#define FILETIME_1970 INT64_C(116444736000000000)

struct when {
    int y, mo, d, h, mi, s;
    int64_t ns;
    bool has_zone;
    int zone_minutes;
    struct import_time_looks looks;
};

static bool
is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* Days since 1970-01-01, years counted from March, so that leap days come last. */
static int64_t
days_of(int y, int m, int d)
{
    int64_t era, yoe, doy, year = (int64_t)y - (m <= 2);

    era = (year >= 0 ? year : year - 399) / 400;
    yoe = year - era * 400;
    doy = (153 * (int64_t)(m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static bool
is_day(int y, int m, int d)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;

    return m >= 1 && m <= 12 && d >= 1 && d <= (m == 2 && leap ? 29 : days[m - 1]);
}

/* ---- taking pieces off the front ---- */

static void
skip(struct al_span *c, size_t n)
{
    c->at += n;
    c->len -= n;
}

static bool
take(struct al_span *c, uint8_t what)
{
    if (c->len == 0 || c->at[0] != what) {
        return false;
    }
    skip(c, 1);
    return true;
}

/* Up to most digits; how many, the value in *ret. */
static size_t
take_number(struct al_span *c, size_t most, int *ret)
{
    size_t n = 0;
    int v = 0;

    while (n < most && n < c->len && is_digit(c->at[n])) {
        v = v * 10 + (c->at[n] - '0');
        n++;
    }
    skip(c, n);
    *ret = v;
    return n;
}

/* Blanks, the narrow and the wide no-break space of .NET among them. */
static void
take_blanks(struct al_span *c)
{
    for (;;) {
        if (c->len > 0 && (c->at[0] == ' ' || c->at[0] == '\t')) {
            skip(c, 1);
        } else if (c->len > 1 && c->at[0] == 0xc2 && c->at[1] == 0xa0) {
            skip(c, 2);
        } else if (c->len > 2 && c->at[0] == 0xe2 && c->at[1] == 0x80 &&
                   (c->at[2] == 0xaf || c->at[2] == 0x8e)) {
            skip(c, 3);
        } else {
            return;
        }
    }
}

static bool
take_fraction(struct al_span *c, int64_t *ret_ns)
{
    int64_t unit = NS / 10;

    *ret_ns = 0;
    if (c->len < 2 || (c->at[0] != '.' && c->at[0] != ',') || !is_digit(c->at[1])) {
        return true;
    }
    skip(c, 1);
    for (; c->len > 0 && is_digit(c->at[0]); skip(c, 1)) {
        *ret_ns += (c->at[0] - '0') * unit;
        unit /= 10; /* digits behind the ninth are dropped */
    }
    return true;
}

/* "Z", "UTC", "GMT", "+02:00", "+0200", "+02" */
static bool
take_zone(struct al_span *c, struct when *w)
{
    bool minus;
    int h, m = 0;

    take_blanks(c);
    if (c->len == 0) {
        return true;
    }
    if (import_is(*c, "z") || import_is(*c, "utc") || import_is(*c, "gmt")) {
        w->has_zone = true;
        c->len = 0;
        return true;
    }
    minus = c->at[0] == '-';
    if (!minus && c->at[0] != '+') {
        return true;
    }
    skip(c, 1);
    if (take_number(c, 2, &h) != 2 || (take(c, ':') && c->len == 0) ||
        (c->len > 0 && take_number(c, 2, &m) != 2) || h > 23 || m > 59) {
        return false;
    }
    w->has_zone = true;
    w->zone_minutes = (minus ? -1 : 1) * (h * 60 + m);
    return true;
}

static bool
take_am_pm(struct al_span *c, struct when *w)
{
    bool pm;

    take_blanks(c);
    if (c->len == 0 || ((c->at[0] | 0x20) != 'a' && (c->at[0] | 0x20) != 'p')) {
        return true;
    }
    pm = (c->at[0] | 0x20) == 'p';
    skip(c, 1);
    (void)take(c, '.');
    if (c->len == 0 || (c->at[0] | 0x20) != 'm' || w->h < 1 || w->h > 12) {
        return false;
    }
    skip(c, 1);
    (void)take(c, '.');
    w->h = w->h % 12 + (pm ? 12 : 0);
    w->looks.am_pm = true;
    return true;
}

/* "13:45", "1:45:10 PM", "13:45:10.1234567890+02:00"; nothing is midnight. */
static bool
take_clock(struct al_span *c, struct when *w)
{
    take_blanks(c);
    if (c->len == 0) {
        return true;
    }
    if (take_number(c, 2, &w->h) == 0 || (!take(c, ':') && !take(c, '.')) ||
        take_number(c, 2, &w->mi) != 2) {
        return false;
    }
    if (take(c, ':') || (c->len > 0 && c->at[0] == '.' && take(c, '.'))) {
        if (take_number(c, 2, &w->s) != 2 || !take_fraction(c, &w->ns)) {
            return false;
        }
    }
    return take_am_pm(c, w) && take_zone(c, w) && c->len == 0 && w->h <= 23 && w->mi <= 59 &&
           w->s <= 60;
}

/* ---- dates ---- */

/* 2024-05-31, 2024/05/31, 20240531, then 'T', '+' (find's %T+) or a blank and the clock. */
static bool
year_first(struct al_span c, struct when *w)
{
    uint8_t mark;

    if (take_number(&c, 4, &w->y) != 4 || c.len == 0) {
        return false;
    }
    mark = c.at[0];
    if (mark == '-' || mark == '/' || mark == '.') {
        skip(&c, 1);
        if (take_number(&c, 2, &w->mo) == 0 || !take(&c, mark) || take_number(&c, 2, &w->d) == 0) {
            return false;
        }
    } else if (c.len < 5 || take_number(&c, 2, &w->mo) != 2 || take_number(&c, 2, &w->d) != 2) {
        return false;
    }
    if (c.len > 0 && !take(&c, 'T') && !take(&c, 't') && !take(&c, '+') && c.at[0] != ' ') {
        return false;
    }
    return take_clock(&c, w) && is_day(w->y, w->mo, w->d);
}

static int
month_of(struct al_span *c)
{
    static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
    uint8_t l[3];

    if (c->len < 3) {
        return 0;
    }
    for (int i = 0; i < 3; i++) {
        l[i] = c->at[i] | 0x20;
    }
    for (int m = 0; m < 12; m++) {
        if (memcmp(l, names + 3 * m, 3) == 0) {
            skip(c, 3);
            while (c->len > 0 && (c->at[0] | 0x20) >= 'a' && (c->at[0] | 0x20) <= 'z') {
                skip(c, 1);
            }
            (void)take(c, '.');
            return m + 1;
        }
    }
    return 0;
}

static int
whole_year(int y, size_t digits)
{
    return digits == 2 ? y + (y < 70 ? 2000 : 1900) : y;
}

/* find's %t: "Wed May  1 13:45:10.0000000000 2024" */
static bool
ctime_form(struct al_span c, struct when *w)
{
    size_t year = c.len;
    struct al_span y;

    if (c.len < 20) {
        return false;
    }
    skip(&c, 3);
    take_blanks(&c);
    w->mo = month_of(&c);
    take_blanks(&c);
    if (w->mo == 0 || take_number(&c, 2, &w->d) == 0 || !take(&c, ' ')) {
        return false;
    }
    for (year = c.len; year > 0 && c.at[year - 1] != ' '; year--) {
    }
    y = (struct al_span){c.at + year, c.len - year};
    c.len = year > 0 ? year - 1 : 0;
    return take_number(&y, 4, &w->y) == 4 && y.len == 0 && c.len > 0 && take_clock(&c, w) &&
           is_day(w->y, w->mo, w->d);
}

/* "1-May-2024 13:45", "01 May 2024" */
static bool
month_name(struct al_span c, struct when *w)
{
    size_t digits;

    if (take_number(&c, 2, &w->d) == 0) {
        return false;
    }
    (void)take(&c, '.');
    (void)(take(&c, '-') || take(&c, ' '));
    take_blanks(&c);
    w->mo = month_of(&c);
    (void)(take(&c, '-') || take(&c, ' '));
    digits = w->mo > 0 ? take_number(&c, 4, &w->y) : 0;
    if (digits != 2 && digits != 4) {
        return false;
    }
    w->y = whole_year(w->y, digits);
    (void)take(&c, ',');
    return take_clock(&c, w) && is_day(w->y, w->mo, w->d);
}

/* 12/31/2024, 31.12.2024, 31-12-24: which of the two comes first is for `dates` to say. */
static bool
year_last(struct al_span c, enum import_dates dates, struct when *w)
{
    int a, b;
    size_t digits;
    uint8_t mark;
    bool us, eu;

    if (take_number(&c, 2, &a) == 0 || c.len == 0) {
        return false;
    }
    mark = c.at[0];
    if ((mark != '/' && mark != '.' && mark != '-') || !take(&c, mark) ||
        take_number(&c, 2, &b) == 0 || !take(&c, mark)) {
        return false;
    }
    digits = take_number(&c, 4, &w->y);
    if (digits != 2 && digits != 4) {
        return false;
    }
    w->y = whole_year(w->y, digits);
    (void)take(&c, ',');
    if (!take_clock(&c, w)) {
        return false;
    }
    us = is_day(w->y, a, b);
    eu = is_day(w->y, b, a);
    w->looks.us_only = us && !eu;
    w->looks.european_only = eu && !us;
    w->looks.dotted = mark == '.';
    if (dates == IMPORT_DATES_GUESS || dates == IMPORT_DATES_ISO) {
        dates = w->looks.dotted || w->looks.european_only ? IMPORT_DATES_EUROPEAN : IMPORT_DATES_US;
    }
    w->mo = dates == IMPORT_DATES_US ? a : b;
    w->d = dates == IMPORT_DATES_US ? b : a;
    return is_day(w->y, w->mo, w->d);
}

static bool
date_of(struct al_span c, enum import_dates dates, struct when *w)
{
    if (c.len < 6) {
        return false;
    }
    if (is_digit(c.at[0])) {
        if (c.len >= 8 && is_digit(c.at[1]) && is_digit(c.at[2]) && is_digit(c.at[3])) {
            return year_first(c, w);
        }
        if (year_last(c, dates, w)) {
            return true;
        }
        *w = (struct when){0};
        return month_name(c, w);
    }
    return ctime_form(c, w);
}

/* ---- numbers ---- */

/* [-]digits[.digits]; the fraction in ns of one. False: it is none. */
static bool
plain_number(struct al_span c, int64_t *ret, int64_t *ret_fraction, bool *ret_has_fraction)
{
    bool minus = take(&c, '-');
    int64_t v = 0;
    size_t n = 0;

    for (; n < c.len && is_digit(c.at[n]); n++) {
        int d = c.at[n] - '0';

        if (v > (INT64_MAX - d) / 10) {
            return false;
        }
        v = v * 10 + d;
    }
    skip(&c, n);
    *ret_has_fraction = c.len > 0;
    if (n == 0 || !take_fraction(&c, ret_fraction) || c.len > 0) {
        return false;
    }
    *ret = minus ? -v : v;
    *ret_fraction = minus ? -*ret_fraction : *ret_fraction;
    return true;
}

enum import_epoch
import_epoch_of(int64_t n)
{
    uint64_t v = n < 0 ? (uint64_t)0 - (uint64_t)n : (uint64_t)n;

    if (v < UINT64_C(100000000000)) {
        return IMPORT_EPOCH_S;
    }
    if (v < UINT64_C(100000000000000)) {
        return IMPORT_EPOCH_MS;
    }
    if (v < UINT64_C(100000000000000000)) {
        return IMPORT_EPOCH_US;
    }
    return v < UINT64_C(200000000000000000) ? IMPORT_EPOCH_FILETIME : IMPORT_EPOCH_NS;
}

int
import_epoch_ns(int64_t n, enum import_epoch epoch, int64_t *ret_ns)
{
    static const int64_t each[] = {[IMPORT_EPOCH_S] = NS,
                                   [IMPORT_EPOCH_MS] = 1000000,
                                   [IMPORT_EPOCH_US] = 1000,
                                   [IMPORT_EPOCH_NS] = 1,
                                   [IMPORT_EPOCH_FILETIME] = 100};
    int64_t first = days_of(YEAR_MIN, 1, 1) * 86400, end = days_of(YEAR_MAX + 1, 1, 1) * 86400,
            seconds;

    if (epoch == IMPORT_EPOCH_GUESS) {
        epoch = import_epoch_of(n);
    }
    if (epoch == IMPORT_EPOCH_FILETIME) {
        if (n == 0) {
            *ret_ns = IMPORT_TIME_UNKNOWN;
            return AL_OK;
        }
        if (n < 0) {
            return AL_EINVAL;
        }
        n -= FILETIME_1970;
    }
    seconds = n / (NS / each[epoch]);
    if (seconds < first || seconds >= end) {
        return AL_EINVAL;
    }
    *ret_ns = n * each[epoch];
    return AL_OK;
}

int
import_cell_time(struct al_span cell, enum import_dates dates, enum import_epoch epoch,
                 int zone_minutes, int64_t *ret_ns)
{
    struct al_span c = import_trim(cell);
    struct when w = {0};
    int64_t n, fraction = 0, seconds, ns;
    bool has_fraction;
    int rc;

    if (import_cell_empty(c)) {
        *ret_ns = IMPORT_TIME_UNKNOWN;
        return AL_OK;
    }
    if (plain_number(c, &n, &fraction, &has_fraction)) {
        rc = import_epoch_ns(
            n, has_fraction && epoch == IMPORT_EPOCH_GUESS ? IMPORT_EPOCH_S : epoch, &ns);
        if (rc == AL_OK && ns != IMPORT_TIME_UNKNOWN &&
            (epoch == IMPORT_EPOCH_GUESS || epoch == IMPORT_EPOCH_S)) {
            ns += has_fraction ? fraction : 0;
        }
        if (rc == AL_OK) {
            *ret_ns = ns;
        }
        return rc;
    }
    while (c.len > 2 && c.at[0] == 0xe2 && c.at[1] == 0x80 && c.at[2] == 0x8e) {
        skip(&c, 3); /* marks of writing direction, as Windows' programs put them into dates */
    }
    if (!date_of(c, dates, &w)) {
        return AL_EINVAL;
    }
    if (w.y == 1 || w.y == 1601) {
        *ret_ns = IMPORT_TIME_UNKNOWN;
        return AL_OK;
    }
    if (w.y < YEAR_MIN || w.y > YEAR_MAX) {
        return AL_EINVAL;
    }
    seconds = days_of(w.y, w.mo, w.d) * 86400 + (int64_t)w.h * 3600 + (int64_t)w.mi * 60 + w.s;
    seconds -= (int64_t)(w.has_zone ? w.zone_minutes : zone_minutes) * 60;
    if (seconds < days_of(YEAR_MIN, 1, 1) * 86400 ||
        seconds >= days_of(YEAR_MAX + 1, 1, 1) * 86400) {
        return AL_EINVAL;
    }
    *ret_ns = seconds * NS + w.ns;
    return AL_OK;
}

void
import_time_look(struct al_span cell, struct import_time_looks *ret)
{
    struct al_span c = import_trim(cell);
    struct when w = {0};
    int64_t n, fraction;
    bool has_fraction;

    *ret = (struct import_time_looks){0};
    if (plain_number(c, &n, &fraction, &has_fraction)) {
        ret->is_number = true;
        ret->has_fraction = has_fraction;
        ret->number = n;
        return;
    }
    while (c.len > 2 && c.at[0] == 0xe2 && c.at[1] == 0x80 && c.at[2] == 0x8e) {
        skip(&c, 3);
    }
    if (date_of(c, IMPORT_DATES_GUESS, &w)) {
        *ret = w.looks;
        ret->is_date = true;
    }
}
