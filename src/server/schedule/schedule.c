#include "server/schedule/schedule_priv.h"

#include "base/mem.h"

struct schedule {
    struct zone *zone;
    struct cron cron;
};

int
schedule_open(const char *cron, const char *zone, struct schedule **ret, struct al_fail *fail)
{
    struct schedule *s;
    struct cron c;
    int rc;

    SC_TRY(cron_parse(cron, &c, fail));
    s = al_zalloc(sizeof(*s));
    if (s == NULL) {
        return AL_ENOMEM;
    }
    s->cron = c;
    rc = zone_open(zone, &s->zone, fail);
    if (rc != AL_OK) {
        (void)schedule_close(s); /* returns NULL */
        return rc;
    }
    *ret = s;
    return AL_OK;
}

struct schedule *
schedule_close(struct schedule *s)
{
    if (s != NULL) {
        s->zone = zone_close(s->zone);
        al_free(s);
    }
    return NULL;
}

void
schedule_closep(struct schedule **s)
{
    *s = schedule_close(*s);
}

/* The first moment of the day at or after local minute `from` that is later than after_ns;
 * AL_ENOENT. */
static int
next_of_day(struct schedule *s, struct local_time day, int from, int64_t after_ns, int64_t *ret_ns)
{
    const struct cron *c = &s->cron;
    int64_t ns;

    for (day.minute = from; day.minute < (int)SCHEDULE_DAY_MINUTES; day.minute++) {
        if ((c->hours >> (day.minute / 60) & 1) == 0) {
            day.minute += 59 - day.minute % 60;
            continue;
        }
        if ((c->minutes >> (day.minute % 60) & 1) == 0) {
            continue;
        }
        SC_TRY(zone_moment(s->zone, &day, &ns));
        if (ns > after_ns) {
            *ret_ns = ns;
            return AL_OK;
        }
    }
    return AL_ENOENT;
}

/* Moments never decrease with local time, so what lies before after_ns's own local time is over. */
int
schedule_next(struct schedule *s, int64_t after_ns, int64_t *ret_ns)
{
    struct local_time now, day;
    int64_t first;

    SC_TRY(zone_local(s->zone, after_ns, &now));
    first = days_of(now.year, now.month, now.day);
    for (unsigned i = 0; i < SCHEDULE_DAYS_MAX; i++) {
        int rc;

        date_of(first + i, &day);
        if (!cron_day(&s->cron, day.year, day.month, day.day, weekday_of(first + i))) {
            continue;
        }
        rc = next_of_day(s, day, i == 0 ? now.minute : 0, after_ns, ret_ns);
        if (rc != AL_ENOENT) {
            return rc == AL_ELIMIT ? AL_ENOENT : rc;
        }
    }
    return AL_ENOENT;
}

int
schedule_text(const struct schedule *s, struct al_buf *out)
{
    return cron_text(&s->cron, out);
}
