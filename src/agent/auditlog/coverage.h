/* coverage.h: since when the logs of a filespace are known to be complete (doc/adr/0055). Pure: knows no files and no
 * clock. Durable with the cursors. One thread at a time. */
#ifndef ALTO_AGENT_AUDITLOG_COVERAGE_H
#define ALTO_AGENT_AUDITLOG_COVERAGE_H

#include "base/bytes.h"

#define COVERAGE_HOURS 35072u /* four years: older silence is not looked for */
#define COVERAGE_BYTES (COVERAGE_HOURS / 8 + 41u)

enum audit_state { AUDIT_ABSENT, AUDIT_DENIED, AUDIT_SILENT, AUDIT_LIVE };
const char *audit_state_name(enum audit_state s); /* as on the wire */

struct coverage {     /* zeroed: nothing is known */
    int64_t begin_ns; /* of the oldest log ever seen; 0: none */
    int64_t floor_ns; /* something was lost before it */
    int64_t last_event_ns;
    int64_t since_ns; /* of the state */
    enum audit_state state;
    int64_t
        newest_hour; /* since 1970; the hours before it are in `hours`, by hour % COVERAGE_HOURS */
    uint8_t hours[COVERAGE_HOURS / 8]; /* bit set: an event in it */
    uint8_t late[COVERAGE_HOURS / 8];  /* of those: only events of the future; in memory alone */
    bool changed;                      /* since it was last printed */
};

void coverage_event(struct coverage *c, int64_t time_ns);
/* An event of the future, that was read now. */
void coverage_late(struct coverage *c, int64_t now_ns);
/* Events of the future were perhaps of other hours than those they were read in. */
void coverage_forget(struct coverage *c);
/* A log is there that was begun then. */
void coverage_log(struct coverage *c, int64_t begin_ns);
/* Something before now was lost for good. */
void coverage_lost(struct coverage *c, int64_t now_ns);
void coverage_state(struct coverage *c, enum audit_state s, int64_t now_ns);
/* 0: not at all. The later of the oldest log's begin, what was lost, and the end of the last stretch of more than
 * silence_hours without an event. */
int64_t coverage_since(const struct coverage *c, uint32_t silence_hours);

/* COVERAGE_BYTES each; AL_ECORRUPT. */
void coverage_print(struct coverage *c, uint8_t *to);
int coverage_parse(struct al_span bytes, struct coverage *ret) AL_MUST_CHECK;

#endif
