#include "server/schedule/schedule_priv.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define NS_PER_S INT64_C(1000000000)
#define DAY_S INT64_C(86400)
#define SECONDS_MAX INT64_C(9200000000) /* the years that nanoseconds reach */

struct zone {
    GTimeZone *tz;
};

/* ---- dates ---- */

static int64_t
floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0 ? 1 : 0);
}

/* Years begin in March here, so that the leap day is a year's last. */
int64_t
days_of(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year, era = floor_div(y, 400), in_era = y - era * 400;
    int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

    return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + of_year - 719468;
}

void
date_of(int64_t days, struct local_time *ret)
{
    int64_t z = days + 719468, era = floor_div(z, 146097), of_era = z - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100),
            month = (5 * of_year + 2) / 153;

    ret->day = (int)(of_year - (153 * month + 2) / 5 + 1);
    ret->month = (int)(month < 10 ? month + 3 : month - 9);
    ret->year = (int)(year + era * 400 + (ret->month <= 2 ? 1 : 0));
}

int
weekday_of(int64_t days)
{
    return (int)(days + 4 - floor_div(days + 4, 7) * 7); /* 1970-01-01 was a Thursday */
}

int
days_in_month(int year, int month)
{
    return (int)(days_of(month == 12 ? year + 1 : year, month == 12 ? 1 : month + 1, 1) -
                 days_of(year, month, 1));
}

/* ---- the zone ---- */

/* GLib takes "+02:00" and rules as POSIX has them too: only names of the database are let through. */
static bool
is_name(const char *name)
{
    return ((name[0] | 0x20) >= 'a' && (name[0] | 0x20) <= 'z') &&
           strlen(name) <= SCHEDULE_ZONE_BYTES_MAX &&
           name[strspn(
               name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/")] == '\0';
}

static char *
in_database(const char *name)
{
    const char *dir = g_getenv("TZDIR");

    return g_build_filename(dir != NULL ? dir : "/usr/share/zoneinfo", name, NULL);
}

static bool
is_there(const char *name)
{
    char *path = in_database(name);
    bool there = g_file_test(path, G_FILE_TEST_IS_REGULAR);

    g_free(path);
    return there;
}

int
zone_open(const char *name, struct zone **ret, struct al_fail *fail)
{
    struct zone *z;
    bool utc = strcmp(name, "UTC") == 0; /* is there where the database is not */
    GTimeZone *tz = utc ? g_time_zone_new_utc() : NULL;

    if (tz == NULL && is_name(name) && is_there(name)) {
        tz = g_time_zone_new_identifier(name);
    }
    if (tz == NULL) {
        return al_fail_set(fail, AL_EINVAL, 0,
                           is_there("Europe/Berlin")
                               ? "there is no time zone %.64s: give a name such as Europe/Berlin, "
                                 "America/New_York or UTC"
                               : "time zone %.64s: the database of time zones is not there; "
                                 "install the package tzdata",
                           name);
    }
    z = al_zalloc(sizeof(*z));
    if (z == NULL) {
        g_time_zone_unref(tz);
        return AL_ENOMEM;
    }
    z->tz = tz;
    *ret = z;
    return AL_OK;
}

struct zone *
zone_close(struct zone *z)
{
    if (z != NULL) {
        g_time_zone_unref(z->tz);
        al_free(z);
    }
    return NULL;
}

/* Seconds east of UTC at this moment. */
static int64_t
offset_at(struct zone *z, int64_t s)
{
    return g_time_zone_get_offset(z->tz, g_time_zone_find_interval(z->tz, G_TIME_TYPE_UNIVERSAL, s));
}

int
zone_local(struct zone *z, int64_t ns, struct local_time *ret)
{
    int64_t s = floor_div(ns, NS_PER_S), local = s + offset_at(z, s), days = floor_div(local, DAY_S);

    date_of(days, ret);
    ret->minute = (int)((local - days * DAY_S) / 60);
    return AL_OK;
}

/* The local time never was: the clock was put forward over it, between low and high. */
static int64_t
behind_the_hole(struct zone *z, int64_t local, int64_t low, int64_t high)
{
    while (low < high) {
        int64_t middle = low + (high - low) / 2;

        if (middle + offset_at(z, middle) >= local) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return high;
}

int
zone_moment(struct zone *z, const struct local_time *at, int64_t *ret_ns)
{
    int64_t local = days_of(at->year, at->month, at->day) * DAY_S + (int64_t)at->minute * 60;
    int64_t least = INT64_MAX, most = INT64_MIN, found = INT64_MAX;

    if (local < -SECONDS_MAX || local > SECONDS_MAX) {
        return AL_ELIMIT;
    }
    /* No zone is more than a day off: what counts then is what counted a day before or counts a day
     * after. */
    for (int64_t day = -1; day <= 1; day++) {
        int64_t offset = offset_at(z, local + day * DAY_S), s = local - offset;

        least = offset < least ? offset : least;
        most = offset > most ? offset : most;
        if (s < found && offset_at(z, s) == offset) {
            found = s; /* the first, where it was twice */
        }
    }
    if (found == INT64_MAX) {
        found = behind_the_hole(z, local, local - most, local - least);
    }
    *ret_ns = found * NS_PER_S;
    return AL_OK;
}

void
schedule_zones_edition(char ret[SCHEDULE_EDITION_MAX])
{
    static const char before[] = "# version "; /* in its first line */
    char *path = in_database("tzdata.zi"), *text = NULL;

    ret[0] = '\0';
    if (g_file_get_contents(path, &text, NULL, NULL) && g_str_has_prefix(text, before)) {
        const char *at = text + sizeof(before) - 1;

        (void)snprintf(ret, SCHEDULE_EDITION_MAX, "%.*s", (int)strcspn(at, "\r\n"), at);
    }
    g_free(text);
    g_free(path);
}
