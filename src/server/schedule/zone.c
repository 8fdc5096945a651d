#include "server/schedule/schedule_priv.h"

#include <string.h>
#include <unicode/ucal.h>
#include <unicode/ustring.h>

#include "base/mem.h"

#define NS_PER_MS INT64_C(1000000)

struct zone {
    UCalendar *calendar;
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

static bool
is_name(const char *name)
{
    return name[0] != '\0' && strlen(name) <= SCHEDULE_ZONE_BYTES_MAX &&
           name[strspn(
               name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/")] == '\0';
}

static int
known(const UChar *id, UErrorCode *status)
{
    UChar canonical[SCHEDULE_ZONE_BYTES_MAX * 2];
    UBool system = 0;

    (void)ucal_getCanonicalTimeZoneID(id, -1, canonical, (int32_t)AL_LEN(canonical), &system,
                                      status);
    if (*status == U_MEMORY_ALLOCATION_ERROR) {
        return AL_ENOMEM;
    }
    return U_SUCCESS(*status) && system ? AL_OK : AL_EINVAL;
}

int
zone_open(const char *name, struct zone **ret, struct al_fail *fail)
{
    UChar id[SCHEDULE_ZONE_BYTES_MAX + 1];
    UErrorCode status = U_ZERO_ERROR;
    struct zone *z;
    int rc = AL_EINVAL;

    if (is_name(name)) {
        u_charsToUChars(name, id, (int32_t)strlen(name) + 1);
        rc = known(id, &status);
    }
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, 0,
                           "there is no time zone %.64s: give a name such as Europe/Berlin, "
                           "America/New_York or UTC",
                           name);
    }
    z = al_zalloc(sizeof(*z));
    if (z == NULL) {
        return AL_ENOMEM;
    }
    z->calendar = ucal_open(id, -1, "en_US_POSIX", UCAL_GREGORIAN, &status);
    if (U_FAILURE(status)) {
        al_free(z);
        return al_fail_set(fail, AL_EINTERNAL, 0, "the time zones cannot be read: %s",
                           u_errorName(status));
    }
    ucal_setAttribute(z->calendar, UCAL_REPEATED_WALL_TIME, UCAL_WALLTIME_FIRST);
    ucal_setAttribute(z->calendar, UCAL_SKIPPED_WALL_TIME, UCAL_WALLTIME_NEXT_VALID);
    *ret = z;
    return AL_OK;
}

struct zone *
zone_close(struct zone *z)
{
    if (z != NULL) {
        ucal_close(z->calendar);
        al_free(z);
    }
    return NULL;
}

int
zone_local(struct zone *z, int64_t ns, struct local_time *ret)
{
    UErrorCode status = U_ZERO_ERROR;
    struct local_time t;

    ucal_setMillis(z->calendar, (double)floor_div(ns, NS_PER_MS), &status);
    t.year = ucal_get(z->calendar, UCAL_EXTENDED_YEAR, &status);
    t.month = ucal_get(z->calendar, UCAL_MONTH, &status) + 1;
    t.day = ucal_get(z->calendar, UCAL_DATE, &status);
    t.minute = ucal_get(z->calendar, UCAL_HOUR_OF_DAY, &status) * 60 +
               ucal_get(z->calendar, UCAL_MINUTE, &status);
    if (U_FAILURE(status)) {
        return AL_EINTERNAL;
    }
    *ret = t;
    return AL_OK;
}

int
zone_moment(struct zone *z, const struct local_time *at, int64_t *ret_ns)
{
    UErrorCode status = U_ZERO_ERROR;
    struct local_time t = *at;
    double ms;

    if (t.minute >= (int)SCHEDULE_DAY_MINUTES) {
        date_of(days_of(t.year, t.month, t.day) + 1, &t);
        t.minute -= (int)SCHEDULE_DAY_MINUTES;
    }
    ucal_clear(z->calendar);
    ucal_setDateTime(z->calendar, t.year, t.month - 1, t.day, t.minute / 60, t.minute % 60, 0,
                     &status);
    ms = ucal_getMillis(z->calendar, &status);
    if (U_FAILURE(status)) {
        return AL_EINTERNAL;
    }
    if (ms < -9.2e12 || ms > 9.2e12) {
        return AL_ELIMIT; /* beyond the years that nanoseconds reach */
    }
    *ret_ns = (int64_t)ms * NS_PER_MS;
    return AL_OK;
}
