/* series.h: figures over time. Counters (tiered_files: what happened) and gauges (stub_bytes: how
 * it stands) per customer, volume and metric.
 *
 * Every value is kept in slots of a minute, an hour and a day at once, written in the same
 * transaction as the act it counts: so the three always agree, a record that comes days late (a
 * cut-off agent) lands where it belongs, and no catching up is ever needed. Minutes are pruned
 * after SERIES_MINUTES_KEPT_NS, hours after SERIES_HOURS_KEPT_NS; days stay.
 *
 *   counter slot = sum of what was added          gauge slot = the last value set in it
 *
 * Chosen by URL at start-up: NULL or "store:" (tables beside the nouns). db is the calling worker's
 * store connection: the built-in kind writes through it and joins the transaction that is open
 * there, so counters are exact; a kind that lives elsewhere uses it for nothing.
 *
 * Threads: a struct series is shared by all; each call belongs to the thread that owns db. */
#ifndef ALTO_SERVER_SERIES_SERIES_H
#define ALTO_SERVER_SERIES_SERIES_H

#include "base/result.h"

#define SERIES_METRIC_MAX 48u /* bytes of a metric's name */
/* of one answer; the step is widened to fit */
#define SERIES_POINTS_MAX 2000u
#define SERIES_MINUTES_KEPT_NS (INT64_C(3) * 86400 * 1000000000) /* a week-end to look into */
/* a year and a month, to compare with last year */
#define SERIES_HOURS_KEPT_NS (INT64_C(400) * 86400 * 1000000000)

struct series;
struct store;
struct scope;

struct series_key {
    const char *customer_id;
    const char *volume_id; /* "" for what belongs to no volume */
    const char *metric;    /* a-z, 0-9, _ */
};

/* AL_ENOTSUP for a kind this build does not know, AL_ENOMEM. */
int series_open(const char *url, struct series **ret, struct al_fail *fail) AL_MUST_CHECK;
struct series *series_close(struct series *s); /* NULL is fine; returns NULL */

/* Both need an open transaction. Errors: those of the store; AL_EINVAL for a metric's name, or a
 * counter used as a gauge. Adds delta to a counter at a point in time; a batch adds up first and
 * counts once. */
int series_count(struct series *s, struct store *db, const struct series_key *key, int64_t at_ns,
                 uint64_t delta) AL_MUST_CHECK;
/* Says how a gauge stands at a point in time; an older one than what the slot holds changes
 * nothing. */
int series_gauge(struct series *s, struct store *db, const struct series_key *key, int64_t at_ns,
                 uint64_t value) AL_MUST_CHECK;

/* A question: everything of `metric` in scope, of one customer and one volume where these are
 * given, in slots of step_s. */
struct series_query {
    const char *metric;
    const char *customer_id; /* NULL: all in scope */
    const char *volume_id;   /* NULL: all, summed */
    int64_t from_ns, to_ns;  /* [from, to); widened to whole slots */
    /* 0: chosen so that about 300 points come; otherwise rounded up to a multiple of 60, 3600 or
     * 86400 */
    uint32_t step_s;
};
/* Calls on_point once a slot, oldest first, without gaps. A counter's empty slot is 0; a gauge
 * keeps its last value until a newer one. *ret_step_s is the step really used. AL_EINVAL when from
 * is not before to, or a callback's code, which ends it. */
int series_ask(struct series *s, struct store *db, const struct scope *scope,
               const struct series_query *q, int64_t now_ns,
               int (*on_point)(void *ctx, int64_t at_ns, uint64_t value), void *ctx,
               uint32_t *ret_step_s) AL_MUST_CHECK;

/* The sum of a counter from q->from_ns to q->to_ns, widened to whole minutes (hours, days where
 * minutes, hours are pruned). AL_EINVAL. */
int series_sum(struct series *s, struct store *db, const struct scope *scope,
               const struct series_query *q, int64_t now_ns, uint64_t *ret) AL_MUST_CHECK;

/* Prunes a bounded piece in a transaction of its own; call about once a minute from
 * housekeeping. */
int series_prune(struct series *s, struct store *db, int64_t now_ns) AL_MUST_CHECK;

#endif
