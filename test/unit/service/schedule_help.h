/* schedule_help.h: rules on a volume of files, an evening before their windows open. Include after
 * tap.h, once. */
#ifndef ALTO_TEST_SCHEDULE_HELP_H
#define ALTO_TEST_SCHEDULE_HELP_H

#include "work_help.h"

#define MINUTE (60 * SECOND)
#define MANY 1200u

static inline int64_t
at(const char *time)
{
    int64_t ns = 0;

    TAP_OK(al_time_parse(time, &ns));
    return ns;
}

/* A Tuesday evening, 30 minutes before the windows below open. */
#define EVENING "2026-12-01T19:30:00Z"
#define NIGHTS                                                                                     \
    "\"windows\":{\"zone\":\"UTC\",\"spans\":[{\"days\":[1,2,3,4,5,6,7],\"from\":\"20:00\","       \
    "\"to\":\"06:00\"}]}"
#define AT_20 "\"schedule\":{\"cron\":\"0 20 * * *\",\"zone\":\"UTC\"}"

static inline void
seen(size_t count)
{
    static struct seen_file many[MANY];
    static char names[MANY][16];

    for (size_t i = 0; i < count; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "n%04zu", i);
        many[i] = (struct seen_file){names[i], 5000000, SECOND, 0};
    }
    send_scan(&world.a, many, count);
    world.now_ns = at(EVENING);
}

static inline void
make_rule(al_id id, const char *more)
{
    static unsigned count;
    char body[2048];

    (void)snprintf(body, sizeof(body),
                   "{\"volume_id\":\"%s\",\"name\":\"nightly %u\",\"where\":\"true\"%s%s}",
                   world.a.volume, count++, more[0] == '\0' ? "" : ",", more);
    TAP_OK(ASK(rule_create, .who = &world.a.admin, .body = body));
    (void)snprintf(id, sizeof(al_id), "%s", text_of(world.json, "id"));
}

static inline void
look_at_rule(const char *id)
{
    TAP_OK(ASK(rule_get, .who = &world.a.admin, .id = id));
}

/* Lines of outcomes, sent a hundred to a batch as an agent does. */
struct outcomes {
    size_t count, used;
    char lines[100 * 512];
};

static inline void
send_outcomes(struct outcomes *o)
{
    if (o->count > 0) {
        batch(&world.a, o->lines);
    }
    o->count = o->used = 0;
}

static inline void
add_outcome(struct outcomes *o, const char *act, const char *code, const char *job,
            const char *path)
{
    char line[512];
    size_t len = strlen(outcome(line, act, code, "", job, path));

    memcpy(o->lines + o->used, line, len + 1);
    o->used += len;
    if (++o->count == 100) {
        send_outcomes(o);
    }
}

#endif
