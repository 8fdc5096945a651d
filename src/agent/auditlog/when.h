/* when.h: the timestamps of audit logs. LucidLink's own reader divides by a million: microseconds
 * since 1970. Seconds, milliseconds and nanoseconds are told by their size, texts by RFC 3339. */
#ifndef ALTO_AGENT_AUDITLOG_WHEN_H
#define ALTO_AGENT_AUDITLOG_WHEN_H

#include "base/bytes.h"

#define AUDITLOG_TIME_MIN_NS (INT64_C(946684800) * 1000000000) /* 2000-01-01: no log is older */

/* A number by its size: from 1e17 ns, from 1e14 µs, from 1e11 ms, else s. What does not fit becomes
 * INT64_MAX: far in the future, as it says. */
int64_t auditlog_time_of(uint64_t number);
/* "1789067746120345", "1789067746.5", "1.7e9", "2026-09-10T19:15:46Z". False: none, or before
 * AUDITLOG_TIME_MIN_NS. */
bool auditlog_time_text(struct al_span text, int64_t *ret_ns);

#endif
