/* schedule.h: when a rule is due, and when it may work: cron expressions and weekly windows in a
 * time zone, and the same in plain English. Pure: no clock, no store; now is a parameter. The rules
 * for people stand in doc/format/schedule.md.
 *
 *   "0 20 * * 1-5" + "Europe/Berlin" ─▶ struct schedule ─▶ the next moment, a sentence
 *   spans of weekdays and local times ─▶ struct windows  ─▶ open or closed, and until when
 *
 * Local time that does not exist (a clock was put forward) is the first moment after; local time
 * that exists twice (it was put back) is the first of the two. So each local time of a schedule
 * happens once. Zones and their changes are those of the IANA database as it is installed (tzdata).
 *
 * Threads: an object belongs to one thread at a time; different objects may be used at the same
 * time. Times are nanoseconds since 1970. Errors besides those told: AL_ENOMEM. */
#ifndef ALTO_SERVER_SCHEDULE_SCHEDULE_H
#define ALTO_SERVER_SCHEDULE_SCHEDULE_H

#include "base/bytes.h"

#define SCHEDULE_CRON_BYTES_MAX 256u
#define SCHEDULE_ZONE_BYTES_MAX 64u
#define SCHEDULE_SPANS_MAX 32u  /* spans of one set of windows */
#define SCHEDULE_TEXT_MAX 2048u /* bytes of a sentence */
#define SCHEDULE_DAYS_MAX                                                                          \
    14976u /* days looked ahead: 41 years, as 29 February may fall on a Monday */
#define SCHEDULE_DAY_MINUTES 1440u

/* "2025b": the edition of the IANA database that is installed; "" where it does not say. */
#define SCHEDULE_EDITION_MAX 16
void schedule_zones_edition(char ret[SCHEDULE_EDITION_MAX]);

struct schedule;

/* Five fields (minute, hour, day of month, month, day of week) with lists, ranges, steps and
 * English names of three letters; L as day of month is its last day; @hourly, @daily, @midnight,
 * @weekly, @monthly, @yearly, @annually. Where both days are given (neither begins with *), one of
 * them is enough. zone: a name such as Europe/Berlin or UTC. AL_EINVAL with a sentence that names
 * the field and what is allowed there. */
int schedule_open(const char *cron, const char *zone, struct schedule **ret,
                  struct al_fail *fail) AL_MUST_CHECK;
struct schedule *schedule_close(struct schedule *s); /* NULL is fine; returns NULL */
void schedule_closep(struct schedule **s);           /* for AL_CLEANUP */
/* The first moment that is later than after_ns. AL_ENOENT: none (30 February). */
int schedule_next(struct schedule *s, int64_t after_ns, int64_t *ret_ns) AL_MUST_CHECK;
/* Appends "at 20:00 on Monday to Friday". */
int schedule_text(const struct schedule *s, struct al_buf *out) AL_MUST_CHECK;

struct schedule_span {
    uint8_t days;      /* on which it begins: bit 0 Monday ... bit 6 Sunday; at least one */
    uint16_t from, to; /* minutes since midnight, 0 to 1439; to also 1440. to <= from: next day */
};
struct windows;

/* Spans are copied; those that touch or overlap are one. AL_EINVAL with a sentence. */
int windows_open(const char *zone, const struct schedule_span *spans, size_t count,
                 struct windows **ret, struct al_fail *fail) AL_MUST_CHECK;
struct windows *windows_close(struct windows *w); /* NULL is fine; returns NULL */
void windows_closep(struct windows **w);          /* for AL_CLEANUP */
/* Whether it is open at now_ns, and when that changes; INT64_MAX: not within two weeks. */
int windows_at(struct windows *w, int64_t now_ns, bool *ret_open,
               int64_t *ret_until_ns) AL_MUST_CHECK;
/* Appends "Monday to Friday 20:00 to 06:00, Sunday all day". */
int windows_text(const struct windows *w, struct al_buf *out) AL_MUST_CHECK;

/* "20:00" as minutes of the day; "24:00" is 1440. AL_EINVAL. */
int schedule_minute(const char *text, uint16_t *ret) AL_MUST_CHECK;

#endif
