/* schedule_priv.h: what the files of this folder share: the fields of a cron expression (cron.c), a
 * time zone and the calendar (zone.c), and words (words.c). */
#ifndef ALTO_SERVER_SCHEDULE_SCHEDULE_PRIV_H
#define ALTO_SERVER_SCHEDULE_SCHEDULE_PRIV_H

#include "server/schedule/schedule.h"

#define SC_TRY(call)                                                                               \
    do {                                                                                           \
        int sc_rc = (call);                                                                        \
        if (sc_rc != AL_OK) {                                                                      \
            return sc_rc;                                                                          \
        }                                                                                          \
    } while (0)

/* Bits by the number itself: months from bit 1, weekdays from Sunday = bit 0. */
struct cron {
    uint64_t minutes, hours, doms, months, dows;
    bool last_dom;           /* the last day of the month too */
    bool dom_star, dow_star; /* the field begins with * */
};
int cron_parse(const char *text, struct cron *ret, struct al_fail *fail) AL_MUST_CHECK;
/* weekday: 0 Sunday. */
bool cron_day(const struct cron *c, int year, int month, int day, int weekday);
int cron_text(const struct cron *c, struct al_buf *out) AL_MUST_CHECK;

struct local_time {
    int year, month, day, minute; /* month 1 to 12; minute of the day */
};
struct zone;
/* AL_EINVAL: no such zone. */
int zone_open(const char *name, struct zone **ret, struct al_fail *fail) AL_MUST_CHECK;
struct zone *zone_close(struct zone *z);
int zone_local(struct zone *z, int64_t ns, struct local_time *ret) AL_MUST_CHECK;
/* minute may be 1440: midnight of the next day. */
int zone_moment(struct zone *z, const struct local_time *at, int64_t *ret_ns) AL_MUST_CHECK;

/* Days since 1970-01-01 and back; Gregorian. */
int64_t days_of(int year, int month, int day);
void date_of(int64_t days, struct local_time *ret); /* sets year, month, day */
int weekday_of(int64_t days);                       /* 0 Sunday */
int days_in_month(int year, int month);

/* Appends "Monday to Friday", "Monday and Sunday" of bits (bit 0 Monday). */
int words_days(uint8_t days, struct al_buf *out) AL_MUST_CHECK;
int words_clock(unsigned minute, struct al_buf *out) AL_MUST_CHECK; /* "06:00" */

#endif
