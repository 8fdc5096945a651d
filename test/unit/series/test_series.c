/* Counters and gauges over time, on a real store. */
#include "../store/fixture.h"

#include "base/fault.h"
#include "server/series/series.h"
#include "tap.h"

#define S INT64_C(1000000000)
#define DAY (INT64_C(86400) * S)
#define NOW (INT64_C(20000) * DAY + 12 * 3600 * S) /* noon of some day */
#define A "01jaaaaaaaaaaaaaaaaaaaaaaa"
#define B "01jbbbbbbbbbbbbbbbbbbbbbbb"

struct points {
    unsigned count;
    int64_t first_ns, last_ns;
    uint64_t value[SERIES_POINTS_MAX + 1], sum;
    uint32_t step_s;
    int rc; /* to be answered to the caller */
};

static struct fixture f;
static struct series *s;

static int
on_point(void *ctx, int64_t at_ns, uint64_t value)
{
    struct points *p = ctx;

    if (p->count == 0) {
        p->first_ns = at_ns;
    }
    p->last_ns = at_ns;
    p->value[p->count++ % (SERIES_POINTS_MAX + 1)] = value;
    p->sum += value;
    return p->rc;
}

static void
setup(void)
{
    fixture_open(&f);
    TAP_OK(series_open(NULL, &s, NULL));
}

static void
teardown(void)
{
    s = series_close(s);
    fixture_close(&f);
}

static struct series_key
key(const char *metric, const char *customer, const char *volume)
{
    return (struct series_key){customer, volume, metric};
}

static void
count(const char *metric, const char *customer, const char *volume, int64_t at_ns, uint64_t n)
{
    struct series_key k = key(metric, customer, volume);

    TAP_OK(store_begin(f.s, NULL));
    TAP_OK(series_count(s, f.s, &k, at_ns, n));
    TAP_OK(store_commit(f.s, NULL));
}

static void
gauge(const char *metric, const char *customer, const char *volume, int64_t at_ns, uint64_t n)
{
    struct series_key k = key(metric, customer, volume);

    TAP_OK(store_begin(f.s, NULL));
    TAP_OK(series_gauge(s, f.s, &k, at_ns, n));
    TAP_OK(store_commit(f.s, NULL));
}

static struct points *
ask(const struct scope *scope, const char *metric, const char *customer, const char *volume,
    int64_t from_ns, int64_t to_ns, uint32_t step_s)
{
    static struct points p;
    struct series_query q = {metric, customer, volume, from_ns, to_ns, step_s};

    memset(&p, 0, sizeof(p));
    TAP_OK(series_ask(s, f.s, scope, &q, NOW, on_point, &p, &p.step_s));
    return &p;
}

static void
test_a_counter_is_the_sum_of_its_slot_at_every_step(void)
{
    struct points *p;

    setup();
    count("tiered_files", A, "v1", NOW, 2);
    count("tiered_files", A, "v1", NOW + 59 * S, 3);
    count("tiered_files", A, "v1", NOW + 60 * S, 10);
    count("tiered_files", A, "v2", NOW + 3600 * S, 100);
    p = ask(&f.all, "tiered_files", NULL, NULL, NOW, NOW + 120 * S, 60);
    TAP_CHECK(p->count == 2 && p->step_s == 60 && p->value[0] == 5 && p->value[1] == 10 &&
              p->first_ns == NOW);
    p = ask(&f.all, "tiered_files", NULL, NULL, NOW, NOW + 7200 * S, 3600);
    TAP_CHECK(p->count == 2 && p->step_s == 3600 && p->value[0] == 15 && p->value[1] == 100);
    p = ask(&f.all, "tiered_files", NULL, NULL, NOW, NOW + S, 86400);
    TAP_CHECK(p->count == 1 && p->value[0] == 115 && p->first_ns == NOW - 12 * 3600 * S);
    p = ask(&f.all, "tiered_files", A, "v2", NOW, NOW + 7200 * S, 3600);
    TAP_CHECK(p->value[0] == 0 && p->value[1] == 100);
    /* Never counted: zeros, no error. */
    p = ask(&f.all, "nothing", NULL, NULL, NOW, NOW + 300 * S, 60);
    TAP_CHECK(p->count == 5 && p->sum == 0);
    teardown();
}

static void
test_records_that_come_days_late_land_where_they_belong(void)
{
    struct points *p;

    setup();
    count("recalled_files", A, "v1", NOW, 1);
    count("recalled_files", A, "v1", NOW - 20 * DAY, 7);
    count("recalled_files", A, "v1", NOW - 500 * DAY, 9);
    TAP_OK(series_prune(s, f.s, NOW));
    p = ask(&f.all, "recalled_files", NULL, NULL, NOW - 20 * DAY, NOW - 20 * DAY + 3600 * S, 3600);
    TAP_CHECK(p->count == 1 && p->value[0] == 7);
    p = ask(&f.all, "recalled_files", NULL, NULL, NOW - 600 * DAY, NOW + S, 86400);
    TAP_CHECK(p->count == 601 && p->sum == 17 && p->value[100] == 9);
    teardown();
}

static void
test_what_is_rolled_back_was_never_counted(void)
{
    struct series_key k = key("errors", A, "v1");

    setup();
    TAP_OK(store_begin(f.s, NULL));
    TAP_OK(series_count(s, f.s, &k, NOW, 5));
    store_rollback(f.s);
    TAP_EQUAL_U64(ask(&f.all, "errors", NULL, NULL, NOW, NOW + 60 * S, 60)->sum, 0);
    TAP_CODE(series_count(s, f.s, &k, NOW, 5), AL_EINTERNAL); /* outside a transaction */
    teardown();
}

static void
test_a_gauge_keeps_its_last_value_and_ignores_older_ones(void)
{
    struct points *p;

    setup();
    fixture_sql(&f, "PRAGMA foreign_keys=off;"
                    "INSERT INTO customer(id,name,created_ns) VALUES('" A "','a',1);");
    gauge("files", A, "", NOW, 10);
    gauge("files", A, "", NOW + 30 * S, 20);
    gauge("files", A, "", NOW + 10 * S, 15); /* late and older than what stands */
    gauge("files", A, "", NOW + 180 * S, 40);
    p = ask(&f.all, "files", NULL, NULL, NOW - 60 * S, NOW + 300 * S, 60);
    TAP_CHECK(p->count == 6);
    TAP_CHECK(p->value[0] == 0 && p->value[1] == 20 && p->value[2] == 20 && p->value[3] == 20 &&
              p->value[4] == 40 && p->value[5] == 40);
    /* How it stood before the window. */
    p = ask(&f.all, "files", NULL, NULL, NOW + 600 * S, NOW + 720 * S, 60);
    TAP_CHECK(p->count == 2 && p->value[0] == 40 && p->value[1] == 40);
    /* Also when the minutes are long pruned. */
    TAP_OK(series_prune(s, f.s, NOW + 10 * DAY));
    p = ask(&f.all, "files", NULL, NULL, NOW + DAY, NOW + DAY + 60 * S, 60);
    TAP_CHECK(p->count == 1 && p->value[0] == 40);
    teardown();
}

static void
test_gauges_of_several_volumes_add_up_and_end_with_their_volume(void)
{
    struct points *p;

    setup();
    fixture_sql(
        &f, "PRAGMA foreign_keys=off; PRAGMA ignore_check_constraints=on;"
            "INSERT INTO volume(id,customer_id,host_id,name,path,kind,state,marker_key_sealed,created_ns)"
            " VALUES('v1','" A "','h','v1','/1','posix','ok',x'00',1);");
    gauge("bytes", A, "v1", NOW, 100);
    gauge("bytes", A, "v2", NOW, 7); /* a volume that is not there any more */
    gauge("bytes", A, "v2", NOW + 60 * S, 8);
    p = ask(&f.all, "bytes", NULL, NULL, NOW, NOW + 240 * S, 60);
    TAP_CHECK(p->count == 4 && p->value[0] == 107 && p->value[1] == 108 && p->value[2] == 100 &&
              p->value[3] == 100);
    p = ask(&f.all, "bytes", NULL, NULL, NOW + 600 * S, NOW + 660 * S, 60);
    TAP_EQUAL_U64(p->value[0], 100);
    teardown();
}

static void
test_a_scope_sees_its_own_customer_only(void)
{
    struct scope a = scope_customer(A), b = scope_customer(B), none = scope_customer("");

    setup();
    count("errors", A, "v1", NOW, 3);
    count("errors", B, "v2", NOW, 50);
    gauge("files", A, "", NOW, 1000);
    TAP_EQUAL_U64(ask(&f.all, "errors", NULL, NULL, NOW, NOW + 60 * S, 60)->sum, 53);
    TAP_EQUAL_U64(ask(&a, "errors", NULL, NULL, NOW, NOW + 60 * S, 60)->sum, 3);
    TAP_EQUAL_U64(ask(&b, "errors", A, NULL, NOW, NOW + 60 * S, 60)->sum, 0);
    TAP_EQUAL_U64(ask(&b, "files", NULL, NULL, NOW, NOW + 60 * S, 60)->sum, 0);
    TAP_EQUAL_U64(ask(&none, "errors", NULL, NULL, NOW, NOW + 60 * S, 60)->sum, 0);
    teardown();
}

static void
test_steps_are_chosen_and_widened(void)
{
    struct points *p;

    setup();
    count("errors", A, "v1", NOW, 1);
    p = ask(&f.all, "errors", NULL, NULL, NOW - DAY, NOW + S, 0);
    TAP_CHECK(p->step_s == 300 && p->sum == 1 && p->count <= 301);
    p = ask(&f.all, "errors", NULL, NULL, NOW - 365 * DAY, NOW + S, 0);
    TAP_CHECK(p->step_s == 7 * 86400 && p->sum == 1);
    p = ask(&f.all, "errors", NULL, NULL, NOW - 2 * DAY, NOW + S,
            60); /* 2,880 minutes are too many */
    TAP_CHECK(p->count <= SERIES_POINTS_MAX && p->step_s % 60 == 0 && p->step_s > 60 &&
              p->sum == 1);
    p = ask(&f.all, "errors", NULL, NULL, NOW - 60 * S, NOW + S, 61);
    TAP_EQUAL_U64(p->step_s, 120);
    p = ask(&f.all, "errors", NULL, NULL, 0, NOW, 1); /* half a century */
    TAP_CHECK(p->count <= SERIES_POINTS_MAX && p->step_s % 86400 == 0);
    teardown();
}

static void
test_wrong_questions_are_refused(void)
{
    struct series_query q = {"errors", NULL, NULL, NOW, NOW, 60};
    struct series_key k = key("Errors!", A, "v");
    struct points p = {.rc = AL_ECANCELED};
    uint64_t sum;

    setup();
    TAP_CODE(series_ask(s, f.s, &f.all, &q, NOW, on_point, &p, &p.step_s), AL_EINVAL);
    TAP_CODE(series_sum(s, f.s, &f.all, &q, NOW, &sum), AL_EINVAL);
    q.to_ns += 300 * S;
    TAP_CODE(series_ask(s, f.s, &f.all, &q, NOW, on_point, &p, &p.step_s),
             AL_ECANCELED); /* the callback's word counts */
    TAP_EQUAL_U64(p.count, 1);
    q.metric = "x'; DROP TABLE series";
    TAP_CODE(series_ask(s, f.s, &f.all, &q, NOW, on_point, &p, &p.step_s), AL_EINVAL);
    TAP_OK(store_begin(f.s, NULL));
    TAP_CODE(series_count(s, f.s, &k, NOW, 1), AL_EINVAL);
    k.metric = "errors";
    TAP_OK(series_count(s, f.s, &k, NOW, 1));
    TAP_CODE(series_gauge(s, f.s, &k, NOW, 1), AL_EINVAL); /* a counter is none */
    TAP_CODE(series_count(s, f.s, &k, NOW, UINT64_MAX), AL_ELIMIT);
    TAP_OK(series_count(s, f.s, &k, NOW, INT64_MAX)); /* stops there instead of overflowing */
    TAP_OK(store_commit(f.s, NULL));
    q.metric = "errors";
    TAP_OK(series_sum(s, f.s, &f.all, &q, NOW, &sum));
    TAP_CHECK(sum >= INT64_MAX - 1024);
    teardown();
}

static void
test_sums_count_from_a_point_in_time(void)
{
    struct series_query q = {"tiered_bytes", A, NULL, NOW - DAY, NOW + S, 0};
    uint64_t sum = 0;

    setup();
    count("tiered_bytes", A, "v1", NOW - 2 * DAY, 1000);
    count("tiered_bytes", A, "v1", NOW - DAY + 60 * S, 20);
    count("tiered_bytes", A, "v2", NOW, 5);
    TAP_OK(series_sum(s, f.s, &f.all, &q, NOW, &sum));
    TAP_EQUAL_U64(sum, 25);
    q.from_ns = NOW - 100 * DAY;
    TAP_OK(series_sum(s, f.s, &f.all, &q, NOW, &sum));
    TAP_EQUAL_U64(sum, 1025);
    teardown();
}

static void
test_pruning_drops_minutes_and_hours_but_no_days(void)
{
    uint64_t sum = 0;
    struct series_query q = {"errors", NULL, NULL, NOW - 30 * DAY, NOW + S, 60};

    setup();
    count("errors", A, "v1", NOW, 1);
    count("errors", A, "v1", NOW - SERIES_MINUTES_KEPT_NS - 180 * S, 2);
    count("errors", A, "v1", NOW - SERIES_HOURS_KEPT_NS - 2 * DAY, 4);
    TAP_OK(series_prune(s, f.s, NOW));
    fixture_sql(&f,
                "CREATE TABLE seen AS SELECT step_s, count(*) n FROM series_slot GROUP BY step_s;"
                "CREATE TABLE must(x CHECK(x = 1));"
                "INSERT INTO must SELECT (SELECT n FROM seen WHERE step_s=60)=1;"
                "INSERT INTO must SELECT (SELECT n FROM seen WHERE step_s=3600)=2;"
                "INSERT INTO must SELECT (SELECT n FROM seen WHERE step_s=86400)=3;");
    TAP_OK(series_sum(s, f.s, &f.all, &q, NOW, &sum));
    TAP_EQUAL_U64(sum, 3);
    TAP_OK(series_prune(s, f.s, NOW)); /* again: nothing to do */
    teardown();
}

int
main(void)
{
    TAP_RUN(test_a_counter_is_the_sum_of_its_slot_at_every_step);
    TAP_RUN(test_records_that_come_days_late_land_where_they_belong);
    TAP_RUN(test_what_is_rolled_back_was_never_counted);
    TAP_RUN(test_a_gauge_keeps_its_last_value_and_ignores_older_ones);
    TAP_RUN(test_gauges_of_several_volumes_add_up_and_end_with_their_volume);
    TAP_RUN(test_a_scope_sees_its_own_customer_only);
    TAP_RUN(test_steps_are_chosen_and_widened);
    TAP_RUN(test_wrong_questions_are_refused);
    TAP_RUN(test_sums_count_from_a_point_in_time);
    TAP_RUN(test_pruning_drops_minutes_and_hours_but_no_days);
    return tap_end();
}
