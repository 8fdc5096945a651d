/* series.h (store): the tables below src/server/series: values in slots of a minute, an hour and a
 * day.
 *
 * A series is a metric of one customer and one volume ("" for none), a counter or a gauge for ever.
 * Times here are seconds since 1970, slots begin at multiples of their step. Errors besides those
 * told: as in store.h. One thread at a time, as for every connection. */
#ifndef ALTO_SERVER_STORE_SERIES_H
#define ALTO_SERVER_STORE_SERIES_H

#include "server/store/store.h"

struct store_series {
    const char *customer_id, *volume_id, *metric;
    bool gauge;
};

/* Adds to (counter) or replaces (gauge, unless the slot holds something later than at_ns) the value
 * of every step's slot that at_ns falls into. Needs an open transaction. AL_ELIMIT for a value
 * above INT64_MAX, AL_EINVAL when the series is of the other kind. */
int store_series_put(struct store *s, const struct store_series *k, int64_t at_ns, uint64_t value,
                     struct al_fail *fail) AL_MUST_CHECK;

struct store_series_query {
    const char *metric;
    const char *customer_id, *volume_id; /* NULL: all in scope */
    uint32_t step_s;                     /* 60, 3600 or 86400 */
    int64_t from_s, to_s;                /* [from, to) */
};
/* *ret_known false when nothing of that metric was ever put. */
int store_series_is_gauge(struct store *s, const char *metric, bool *ret_gauge, bool *ret_known,
                          struct al_fail *fail) AL_MUST_CHECK;
/* Calls each slot by slot in order of time, all series summed. */
int store_series_sums(struct store *s, const struct scope *scope,
                      const struct store_series_query *q,
                      int (*each)(void *ctx, int64_t slot_s, uint64_t value), void *ctx,
                      struct al_fail *fail) AL_MUST_CHECK;
/* Series after series, each in order of time, and before its first slot the last one in front of
 * from_s, where there is one (then slot_s < from_s). `gone`: its volume is no more, so it does not
 * stand beyond its last slot. */
int store_series_each(struct store *s, const struct scope *scope,
                      const struct store_series_query *q,
                      int (*each)(void *ctx, uint64_t series, bool gone, int64_t slot_s,
                                  uint64_t value),
                      void *ctx, struct al_fail *fail) AL_MUST_CHECK;
/* Deletes at most max_rows slots of a step that began before before_s. Needs an open
 * transaction. */
int store_series_prune(struct store *s, uint32_t step_s, int64_t before_s, uint32_t max_rows,
                       uint64_t *ret_deleted, struct al_fail *fail) AL_MUST_CHECK;

#endif
