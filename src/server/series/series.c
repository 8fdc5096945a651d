#include "server/series/series.h"

#include <string.h>

#include "base/mem.h"
#include "server/store/series.h"

#define NS_PER_S INT64_C(1000000000)
#define MINUTE_S 60u
#define HOUR_S 3600u
#define DAY_S 86400u
#define POINTS_WANTED 300u    /* what a chart of a console's width can show */
#define PRUNE_ROWS_MAX 20000u /* of one step at a time: some 50 ms of the one writer's time */

/* Only one kind yet: the tables in the store. An instance is needed all the same, so that a second
 * kind changes no caller. */
struct series {
    bool in_store;
};

int
series_open(const char *url, struct series **ret, struct al_fail *fail)
{
    struct series *s;

    if (url != NULL && strcmp(url, "store:") != 0) {
        return al_fail_set(fail, AL_ENOTSUP, 0,
                           "the series %.100s are not known; this build knows store:", url);
    }
    s = al_zalloc(sizeof(*s));
    if (s == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "no memory for the series");
    }
    s->in_store = true;
    *ret = s;
    return AL_OK;
}

struct series *
series_close(struct series *s)
{
    al_free(s);
    return NULL;
}

static bool
metric_valid(const char *metric)
{
    size_t len = strspn(metric, "abcdefghijklmnopqrstuvwxyz0123456789_");

    return len > 0 && len <= SERIES_METRIC_MAX && metric[len] == '\0';
}

static int
put(struct store *db, const struct series_key *key, bool gauge, int64_t at_ns, uint64_t value)
{
    struct store_series k = {.customer_id = key->customer_id == NULL ? "" : key->customer_id,
                             .volume_id = key->volume_id == NULL ? "" : key->volume_id,
                             .metric = key->metric,
                             .gauge = gauge};

    return metric_valid(key->metric) ? store_series_put(db, &k, at_ns, value, NULL) : AL_EINVAL;
}

int
series_count(struct series *s, struct store *db, const struct series_key *key, int64_t at_ns,
             uint64_t delta)
{
    return delta == 0 ? AL_OK : put(db, key, false, at_ns, delta);
}

int
series_gauge(struct series *s, struct store *db, const struct series_key *key, int64_t at_ns,
             uint64_t value)
{
    return put(db, key, true, at_ns, value);
}

/* ---- asking ---- */

struct answer {
    uint64_t *value; /* a slot each */
    size_t slots;
    int64_t from_s;
    uint32_t step_s;
    /* The gauge under way: */
    uint64_t series;
    bool any, gone;
    size_t next;   /* first slot that is not told yet */
    uint64_t last; /* how it stands before that */
    bool stands;
};

static int64_t
floor_to(int64_t value, int64_t unit)
{
    int64_t rest = value % unit;

    return value - (rest < 0 ? rest + unit : rest);
}

static uint32_t
round_up(uint64_t step_s, uint32_t unit)
{
    uint64_t up = (step_s + unit - 1) / unit * unit;

    return up > UINT32_MAX ? UINT32_MAX / unit * unit : (uint32_t)up;
}

/* The step that will be shown, and of which slots it is summed. */
static uint32_t
choose_step(const struct series_query *q, int64_t now_ns, uint32_t *ret_base_s)
{
    static const uint32_t nice_s[] = {60, 300, 900, 3600, 3 * 3600, 6 * 3600, 86400, 7 * 86400};
    uint64_t span_s = (uint64_t)(q->to_ns - q->from_ns) / (uint64_t)NS_PER_S + 1;
    uint64_t step_s = q->step_s;
    uint32_t base = MINUTE_S;

    if (step_s == 0) {
        size_t i = 0;

        while (i + 1 < AL_LEN(nice_s) && span_s / nice_s[i] > POINTS_WANTED) {
            i++;
        }
        step_s = nice_s[i];
    }
    if (span_s / step_s + 2 > SERIES_POINTS_MAX) {
        step_s = span_s / (SERIES_POINTS_MAX - 2) + 1;
    }
    if (q->from_ns < now_ns - SERIES_HOURS_KEPT_NS || step_s % DAY_S == 0) {
        base = DAY_S;
    } else if (q->from_ns < now_ns - SERIES_MINUTES_KEPT_NS || step_s % HOUR_S == 0) {
        base = HOUR_S;
    }
    *ret_base_s = base;
    return round_up(step_s, base);
}

static int
add_sum(void *ctx, int64_t slot_s, uint64_t value)
{
    struct answer *a = ctx;
    size_t i = (size_t)((slot_s - a->from_s) / a->step_s);

    if (slot_s >= a->from_s && i < a->slots) {
        a->value[i] += value;
    }
    return AL_OK;
}

/* Tells how the gauge under way stood in the slots before `until`. */
static void
carry(struct answer *a, size_t until)
{
    for (; a->next < until && a->next < a->slots; a->next++) {
        if (a->stands) {
            a->value[a->next] += a->last;
        }
    }
}

static void
end_gauge(struct answer *a)
{
    if (a->any) {
        carry(a, a->gone && a->stands ? a->next + 1 : a->slots);
    }
}

static int
add_gauge(void *ctx, uint64_t series, bool gone, int64_t slot_s, uint64_t value)
{
    struct answer *a = ctx;

    if (!a->any || a->series != series) {
        end_gauge(a);
        a->series = series;
        a->any = true;
        a->gone = gone;
        a->next = 0;
        a->stands = false;
    }
    if (slot_s >= a->from_s) {
        carry(a, (size_t)((slot_s - a->from_s) / a->step_s));
    }
    a->last = value;
    /* A volume that is gone stood until its last slot: what was before the window is no part of it.
     */
    a->stands = !gone || slot_s >= a->from_s;
    return AL_OK;
}

int
series_ask(struct series *s, struct store *db, const struct scope *scope,
           const struct series_query *q, int64_t now_ns,
           int (*on_point)(void *ctx, int64_t at_ns, uint64_t value), void *ctx,
           uint32_t *ret_step_s)
{
    struct store_series_query sq = {
        .metric = q->metric, .customer_id = q->customer_id, .volume_id = q->volume_id};
    AL_CLEANUP(al_freep) uint64_t *value = NULL;
    struct answer a = {0};
    bool gauge, known;
    int64_t end_s;
    int rc;

    if (q->from_ns >= q->to_ns || !metric_valid(q->metric) ||
        (q->from_ns < 0 && q->to_ns > INT64_MAX + q->from_ns)) {
        return AL_EINVAL;
    }
    a.step_s = choose_step(q, now_ns, &sq.step_s);
    a.from_s = floor_to(floor_to(q->from_ns, NS_PER_S) / NS_PER_S, a.step_s);
    end_s = floor_to(q->to_ns - 1, NS_PER_S) / NS_PER_S;
    a.slots = (size_t)((end_s - a.from_s) / a.step_s) + 1;
    a.value = value = al_array(a.slots, sizeof(*value));
    if (value == NULL) {
        return AL_ENOMEM;
    }
    sq.from_s = a.from_s;
    sq.to_s = a.from_s + (int64_t)a.slots * a.step_s;
    rc = store_series_is_gauge(db, q->metric, &gauge, &known, NULL);
    if (rc == AL_OK && known) {
        rc = gauge ? store_series_each(db, scope, &sq, add_gauge, &a, NULL)
                   : store_series_sums(db, scope, &sq, add_sum, &a, NULL);
        end_gauge(&a);
    }
    for (size_t i = 0; rc == AL_OK && i < a.slots; i++) {
        rc = on_point(ctx, (a.from_s + (int64_t)i * a.step_s) * NS_PER_S, value[i]);
    }
    if (rc == AL_OK) {
        *ret_step_s = a.step_s;
    }
    return rc;
}

static int
add_total(void *ctx, int64_t slot_s, uint64_t value)
{
    uint64_t *total = ctx;

    *total += value;
    return AL_OK;
}

int
series_sum(struct series *s, struct store *db, const struct scope *scope,
           const struct series_query *q, int64_t now_ns, uint64_t *ret)
{
    struct store_series_query sq = {
        .metric = q->metric, .customer_id = q->customer_id, .volume_id = q->volume_id};
    uint64_t total = 0;
    int rc;

    if (q->from_ns >= q->to_ns || !metric_valid(q->metric)) {
        return AL_EINVAL;
    }
    sq.step_s = q->from_ns < now_ns - SERIES_HOURS_KEPT_NS     ? DAY_S
                : q->from_ns < now_ns - SERIES_MINUTES_KEPT_NS ? HOUR_S
                                                               : MINUTE_S;
    sq.from_s = floor_to(floor_to(q->from_ns, NS_PER_S) / NS_PER_S, sq.step_s);
    sq.to_s = floor_to(q->to_ns - 1, NS_PER_S) / NS_PER_S + 1;
    rc = store_series_sums(db, scope, &sq, add_total, &total, NULL);
    if (rc == AL_OK) {
        *ret = total;
    }
    return rc;
}

/* ---- housekeeping ---- */

int
series_prune(struct series *s, struct store *db, int64_t now_ns)
{
    static const struct {
        uint32_t step_s;
        int64_t kept_ns;
    } ages[] = {{MINUTE_S, SERIES_MINUTES_KEPT_NS}, {HOUR_S, SERIES_HOURS_KEPT_NS}};
    uint64_t deleted;
    int rc = store_begin(db, NULL);

    if (rc != AL_OK) {
        return rc;
    }
    for (size_t i = 0; rc == AL_OK && i < AL_LEN(ages); i++) {
        /* Whole slots only: one that reaches into the kept time stays. */
        rc = store_series_prune(db, ages[i].step_s,
                                (now_ns - ages[i].kept_ns) / NS_PER_S - ages[i].step_s,
                                PRUNE_ROWS_MAX, &deleted, NULL);
    }
    if (rc != AL_OK) {
        store_rollback(db);
        return rc;
    }
    return store_commit(db, NULL);
}
