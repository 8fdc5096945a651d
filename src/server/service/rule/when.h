/* when.h: a rule's schedule, windows, limits and marks: from a request's body, and what they
 * mean for a moment (when.c). The rules for people: doc/format/schedule.md. */
#ifndef ALTO_SERVER_SERVICE_RULE_WHEN_H
#define ALTO_SERVER_SERVICE_RULE_WHEN_H

#include "server/schedule/schedule.h"
#include "server/service/call/call.h"

#define RULE_MINUTES_MAX 525600u /* a year */
#define RULE_WINDOWS_BYTES_MAX (8u << 10)

/* NULL-ended: what rule_when_read reads, for lists of known keys. */
#define RULE_WHEN_KEYS                                                                             \
    "limit_minutes", "limit_error_percent", "start_used_percent", "stop_used_percent", "schedule", \
        "windows"
/* Into r, texts into the request's arena; what is absent stays. AL_EINVAL names the member. */
int rule_when_read(struct service_req *req, struct store_rule *r,
                   struct al_fail *fail) AL_MUST_CHECK;
/* Whether all of it fits together, once everything is read; sets next_run_ns. */
int rule_when_good(struct store_rule *r, int64_t now_ns, struct al_fail *fail) AL_MUST_CHECK;
/* {cron, zone} of an object; NULL pointers for null. */
int rule_schedule_read(const json_t *v, const char **ret_cron, const char **ret_zone,
                       struct al_fail *fail) AL_MUST_CHECK;
/* The windows of an object as canonical JSON; zone NULL: its own member. */
int rule_windows_read(const json_t *v, const char *zone, struct al_buf *out,
                      struct al_fail *fail) AL_MUST_CHECK;

/* Windows as the store keeps them. AL_ECORRUPT. */
int rule_windows_of(const char *json, struct windows **ret, struct al_fail *fail) AL_MUST_CHECK;
/* Whether a rule may work at now_ns, and until when that stays (INT64_MAX: always). */
int rule_window_at(const char *windows, int64_t now_ns, bool *ret_open, int64_t *ret_until_ns,
                   struct al_fail *fail) AL_MUST_CHECK;
/* When the schedule has it run next, inside its windows; 0: never, or no schedule. */
int rule_next_run(const struct store_rule *r, int64_t after_ns, int64_t *ret_ns,
                  struct al_fail *fail) AL_MUST_CHECK;

/* Of the volume's capacity as it was told last; 0: unknown. Rounded down. */
unsigned rule_used_percent(const struct store_volume *v);
/* Bytes used above the stop mark; 0: none, or unknown. */
uint64_t rule_missing(const struct store_rule *r, const struct store_volume *v);

#endif
