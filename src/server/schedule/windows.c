#include "server/schedule/schedule_priv.h"

#include <string.h>

#include "base/mem.h"

#define AHEAD_DAYS 15 /* looked at around now: a span lasts a day at most and comes every week */

struct windows {
    struct zone *zone;
    size_t count;
    struct schedule_span spans[SCHEDULE_SPANS_MAX];
};

static int
check_span(const struct schedule_span *p, struct al_fail *fail)
{
    if (p->days == 0 || p->days > 0x7f) {
        return al_fail_set(fail, AL_EINVAL, 0, "a window needs days: 1 (Monday) to 7 (Sunday)");
    }
    if (p->from >= SCHEDULE_DAY_MINUTES || p->to > SCHEDULE_DAY_MINUTES) {
        return al_fail_set(fail, AL_EINVAL, 0,
                           "a window goes from a time of 00:00 to 23:59 to one of 00:00 to 24:00");
    }
    return AL_OK;
}

int
windows_open(const char *zone, const struct schedule_span *spans, size_t count,
             struct windows **ret, struct al_fail *fail)
{
    struct windows *w;
    int rc;

    if (count == 0 || count > SCHEDULE_SPANS_MAX) {
        return al_fail_set(fail, AL_EINVAL, 0, "windows have 1 to %u spans", SCHEDULE_SPANS_MAX);
    }
    for (size_t i = 0; i < count; i++) {
        SC_TRY(check_span(&spans[i], fail));
    }
    w = al_zalloc(sizeof(*w));
    if (w == NULL) {
        return AL_ENOMEM;
    }
    rc = zone_open(zone, &w->zone, fail);
    if (rc != AL_OK) {
        (void)windows_close(w); /* returns NULL */
        return rc;
    }
    w->count = count;
    memcpy(w->spans, spans, count * sizeof(*spans));
    *ret = w;
    return AL_OK;
}

struct windows *
windows_close(struct windows *w)
{
    if (w != NULL) {
        w->zone = zone_close(w->zone);
        al_free(w);
    }
    return NULL;
}

void
windows_closep(struct windows **w)
{
    *w = windows_close(*w);
}

struct stretch {
    int64_t from, to; /* moments; to not in it */
};

static int
stretch_of(struct windows *w, const struct schedule_span *p, int64_t day, struct stretch *ret)
{
    struct local_time at;

    date_of(day, &at);
    at.minute = p->from;
    SC_TRY(zone_moment(w->zone, &at, &ret->from));
    if (p->to <= p->from) {
        date_of(day + 1, &at);
    }
    at.minute = p->to;
    return zone_moment(w->zone, &at, &ret->to);
}

/* Every stretch that begins from the day before `now` on. */
static int
gather(struct windows *w, int64_t now_ns, struct stretch *to, size_t *ret_count)
{
    struct local_time now;
    int64_t today;

    SC_TRY(zone_local(w->zone, now_ns, &now));
    today = days_of(now.year, now.month, now.day);
    *ret_count = 0;
    for (int64_t day = today - 1; day < today + AHEAD_DAYS; day++) {
        unsigned monday = (unsigned)(weekday_of(day) + 6) % 7;

        for (size_t i = 0; i < w->count; i++) {
            struct stretch *s = &to[*ret_count];

            if ((w->spans[i].days >> monday & 1) == 0) {
                continue;
            }
            SC_TRY(stretch_of(w, &w->spans[i], day, s));
            *ret_count += s->to > s->from ? 1 : 0; /* 02:00 to 02:30 on the day without */
        }
    }
    return AL_OK;
}

/* The end of the stretch of time that is covered from `at` on; `at` itself when it is not. */
static int64_t
covered_until(const struct stretch *s, size_t count, int64_t at)
{
    bool more = true;

    while (more) {
        more = false;
        for (size_t i = 0; i < count; i++) {
            if (s[i].from <= at && s[i].to > at) {
                at = s[i].to;
                more = true;
            }
        }
    }
    return at;
}

int
windows_at(struct windows *w, int64_t now_ns, bool *ret_open, int64_t *ret_until_ns)
{
    struct stretch *s = al_array((AHEAD_DAYS + 1) * w->count, sizeof(*s));
    int64_t until = INT64_MAX, last = INT64_MIN, covered;
    size_t count = 0;
    int rc;

    if (s == NULL) {
        return AL_ENOMEM;
    }
    rc = gather(w, now_ns, s, &count);
    if (rc == AL_OK) {
        covered = covered_until(s, count, now_ns);
        *ret_open = covered > now_ns;
        for (size_t i = 0; i < count; i++) {
            last = s[i].to > last ? s[i].to : last;
            if (s[i].from > now_ns && s[i].from < until) {
                until = s[i].from;
            }
        }
        /* Open as far as one looks: it is never closed. */
        *ret_until_ns = !*ret_open ? until : covered >= last ? INT64_MAX : covered;
    }
    al_free(s);
    return rc;
}

int
windows_text(const struct windows *w, struct al_buf *out)
{
    for (size_t i = 0; i < w->count; i++) {
        const struct schedule_span *p = &w->spans[i];

        SC_TRY(al_buf_adds(out, i == 0 ? "" : ", "));
        SC_TRY(words_days(p->days, out));
        if (p->from == p->to % SCHEDULE_DAY_MINUTES && p->from == 0) {
            SC_TRY(al_buf_adds(out, " all day"));
            continue;
        }
        SC_TRY(al_buf_adds(out, " "));
        SC_TRY(words_clock(p->from, out));
        SC_TRY(al_buf_adds(out, " to "));
        SC_TRY(words_clock(p->to, out));
    }
    return AL_OK;
}
