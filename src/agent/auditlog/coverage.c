#include "agent/auditlog/coverage.h"

#include <string.h>

#define HOUR_NS (INT64_C(3600) * 1000000000)

const char *
audit_state_name(enum audit_state s)
{
    static const char *const names[] = {"absent", "denied", "silent", "live"};

    return (size_t)s < AL_LEN(names) ? names[s] : "absent";
}

static bool
hour_is_set(const uint8_t *hours, int64_t hour)
{
    size_t at = (size_t)(hour % COVERAGE_HOURS);

    return (hours[at / 8] >> (at % 8) & 1) != 0;
}

static void
hour_set(uint8_t *hours, int64_t hour, bool on)
{
    size_t at = (size_t)(hour % COVERAGE_HOURS);
    uint8_t bit = (uint8_t)(1u << (at % 8));

    hours[at / 8] = on ? hours[at / 8] | bit : hours[at / 8] & (uint8_t)~bit;
}

/* That hour and all since the newest are without an event. */
static void
go_on_to(struct coverage *c, int64_t hour)
{
    if (hour - c->newest_hour >= (int64_t)COVERAGE_HOURS) {
        memset(c->hours, 0, sizeof(c->hours));
        memset(c->late, 0, sizeof(c->late));
    } else {
        for (int64_t h = c->newest_hour + 1; h <= hour; h++) {
            hour_set(c->hours, h, false);
            hour_set(c->late, h, false);
        }
    }
    c->newest_hour = hour;
}

static void
take(struct coverage *c, int64_t time_ns, bool late)
{
    int64_t hour = time_ns / HOUR_NS;

    if (time_ns > c->last_event_ns) {
        c->last_event_ns = time_ns;
        c->changed = true;
    }
    if (time_ns <= 0 || hour <= c->newest_hour - (int64_t)COVERAGE_HOURS) {
        return;
    }
    if (hour > c->newest_hour) {
        go_on_to(c, hour);
    }
    if (!hour_is_set(c->hours, hour)) {
        hour_set(c->hours, hour, true);
        hour_set(c->late, hour, late);
        c->changed = true;
    } else if (!late) {
        hour_set(c->late, hour, false);
    }
}

void
coverage_event(struct coverage *c, int64_t time_ns)
{
    take(c, time_ns, false);
}

void
coverage_late(struct coverage *c, int64_t now_ns)
{
    take(c, now_ns, true);
}

void
coverage_forget(struct coverage *c)
{
    int64_t first = c->newest_hour - (int64_t)COVERAGE_HOURS + 1;

    for (size_t i = 0; i < sizeof(c->hours); i++) {
        c->hours[i] &= (uint8_t)~c->late[i];
        c->late[i] = 0;
    }
    while (c->newest_hour > first && c->newest_hour > 0 && !hour_is_set(c->hours, c->newest_hour)) {
        c->newest_hour--;
    }
    c->changed = true;
}

void
coverage_log(struct coverage *c, int64_t begin_ns)
{
    if (begin_ns > 0 && (c->begin_ns == 0 || begin_ns < c->begin_ns)) {
        c->begin_ns = begin_ns;
        c->changed = true;
    }
}

void
coverage_lost(struct coverage *c, int64_t now_ns)
{
    if (now_ns > c->floor_ns) {
        c->floor_ns = now_ns;
        c->changed = true;
    }
}

void
coverage_state(struct coverage *c, enum audit_state s, int64_t now_ns)
{
    if (s != c->state || c->since_ns == 0) {
        c->state = s;
        c->since_ns = now_ns;
        c->changed = true;
    }
}

int64_t
coverage_since(const struct coverage *c, uint32_t silence_hours)
{
    int64_t since = c->begin_ns, later = c->newest_hour,
            first = c->newest_hour - (int64_t)COVERAGE_HOURS + 1;
    int64_t begin_hour = c->begin_ns / HOUR_NS;

    if (c->begin_ns == 0) {
        return 0;
    }
    for (int64_t h = c->newest_hour; h >= first && h > begin_hour && h > 0; h--) {
        if (!hour_is_set(c->hours, h)) {
            continue;
        }
        if (later - h > (int64_t)silence_hours) {
            break;
        }
        later = h;
        if (h - begin_hour <= (int64_t)silence_hours) {
            later = begin_hour;
            break;
        }
    }
    /* Behind the hour of the first event after the silence: nobody knows when in it. */
    if (later > begin_hour && later > first + (int64_t)silence_hours) {
        since = (later + 1) * HOUR_NS;
    }
    return since > c->floor_ns ? since : c->floor_ns;
}

void
coverage_print(struct coverage *c, uint8_t *to)
{
    al_put_u64(to, (uint64_t)c->begin_ns);
    al_put_u64(to + 8, (uint64_t)c->floor_ns);
    al_put_u64(to + 16, (uint64_t)c->last_event_ns);
    al_put_u64(to + 24, (uint64_t)c->since_ns);
    al_put_u64(to + 32, (uint64_t)c->newest_hour);
    to[40] = (uint8_t)c->state;
    memcpy(to + 41, c->hours, sizeof(c->hours));
    c->changed = false;
}

int
coverage_parse(struct al_span bytes, struct coverage *ret)
{
    struct coverage c = {0};

    if (bytes.len != COVERAGE_BYTES || bytes.at[40] > AUDIT_LIVE) {
        return AL_ECORRUPT;
    }
    c.begin_ns = (int64_t)al_get_u64(bytes.at);
    c.floor_ns = (int64_t)al_get_u64(bytes.at + 8);
    c.last_event_ns = (int64_t)al_get_u64(bytes.at + 16);
    c.since_ns = (int64_t)al_get_u64(bytes.at + 24);
    c.newest_hour = (int64_t)al_get_u64(bytes.at + 32);
    if (c.begin_ns < 0 || c.floor_ns < 0 || c.last_event_ns < 0 || c.since_ns < 0 ||
        c.newest_hour < 0 || c.newest_hour > INT64_MAX / HOUR_NS - 2) {
        return AL_ECORRUPT;
    }
    c.state = (enum audit_state)bytes.at[40];
    memcpy(c.hours, bytes.at + 41, sizeof(c.hours));
    *ret = c;
    return AL_OK;
}
