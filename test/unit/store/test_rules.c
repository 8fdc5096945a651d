/* Versions of rules, what is due, and jobs that are paused, ended early, or handed out in slices. */
#include "fixture.h"

#include "server/store/work.h"

#define SECOND INT64_C(1000000000)
#define NOW (INT64_C(1800000000) * SECOND)

struct site {
    struct fixture f;
    al_id customer, other, host, share, volume, rule, job;
    struct scope foreign;
};

static void
open_site(struct site *s)
{
    fixture_open(&s->f);
    make_customer(&s->f, "Acme", s->customer);
    make_customer(&s->f, "Other", s->other);
    make_host(&s->f, s->customer, "fs1", s->host);
    make_share(&s->f, s->customer, "cold", s->share);
    make_volume(&s->f, s->customer, s->host, s->share, "/data", s->volume);
    make_rule(&s->f, s->customer, s->volume, "old", "tier", 0, s->rule);
    s->foreign = scope_customer(s->other);
    TAP_OK(store_begin(s->f.s, NULL));
}

static void
close_site(struct site *s)
{
    store_rollback(s->f.s);
    fixture_close(&s->f);
}

/* A job of the rule with works of so many bytes each; later: to be handed out in slices. */
static void
make_job(struct site *s, size_t works, uint64_t bytes, bool later)
{
    struct store_job j = {
        .kind = STORE_J_TIER, .text = "", .created_by = "anna", .created_ns = NOW};

    TAP_OK(store_id_make(s->f.s, NOW, j.id));
    memcpy(s->job, j.id, sizeof(al_id));
    memcpy(j.customer_id, s->customer, sizeof(al_id));
    memcpy(j.host_id, s->host, sizeof(al_id));
    memcpy(j.volume_id, s->volume, sizeof(al_id));
    memcpy(j.rule_id, s->rule, sizeof(al_id));
    TAP_OK(store_job_add(s->f.s, &s->f.all, &j, NULL));
    for (size_t i = 0; i < works; i++) {
        struct store_work w = {.kind = STORE_J_TIER, .items = 1, .later = later, .bytes = bytes};

        TAP_OK(store_id_make(s->f.s, NOW + (int64_t)i * 1000000, w.id));
        memcpy(w.job_id, j.id, sizeof(al_id));
        memcpy(w.customer_id, s->customer, sizeof(al_id));
        memcpy(w.host_id, s->host, sizeof(al_id));
        w.json = al_span_of("[{\"path\":\"a\"}]");
        TAP_OK(store_work_add(s->f.s, &s->f.all, &w, NULL));
    }
}

static enum store_job_state
settled(struct site *s)
{
    enum store_job_state state;

    TAP_OK(store_job_settle(s->f.s, &s->f.all, s->job, NOW, &state, NULL, NULL));
    return state;
}

static int
note_work(void *ctx, const struct store_work *w)
{
    memcpy(ctx, w->id, sizeof(al_id));
    return AL_OK;
}

/* The last work of a lease of at most max; "" for none. */
static void
lease(struct site *s, size_t max, al_id last)
{
    last[0] = '\0';
    TAP_OK(store_work_lease(s->f.s, &s->f.all, s->host, max, 0, NOW, NOW + SECOND, s->f.arena,
                            note_work, last, NULL));
}

static void
test_what_is_another_customers_is_not_there(void)
{
    struct site s;
    struct store_rule r;
    struct store_volume v;
    const char *ids[1];
    uint64_t works;
    bool changed;

    open_site(&s);
    make_job(&s, 1, 1, false);
    ids[0] = s.rule;
    TAP_CODE(store_rule_version(s.f.s, &s.foreign, s.rule, 0, s.f.arena, &r, NULL), AL_ENOENT);
    TAP_CODE(store_rule_order(s.f.s, &s.foreign, s.volume, ids, 1, "x", NOW, NULL, NULL),
             AL_ECONFLICT); /* no rule at all is seen */
    TAP_CODE(store_rule_next(s.f.s, &s.foreign, s.rule, NOW, 0, NULL), AL_ENOENT);
    TAP_CODE(store_rule_rest(s.f.s, &s.foreign, s.rule, NOW, NULL), AL_ENOENT);
    TAP_CODE(store_rule_suspend(s.f.s, &s.foreign, s.rule, "errors", "", NOW, &changed, NULL),
             AL_ENOENT);
    TAP_OK(store_job_pause(s.f.s, &s.foreign, s.job, "user", 0, "", NOW, &changed, NULL));
    TAP_CHECK(!changed);
    TAP_OK(store_job_stop(s.f.s, &s.foreign, s.job, "limit", "", AL_OK, &changed, NULL));
    TAP_CHECK(!changed);
    TAP_OK(store_volume_space(s.f.s, &s.foreign, s.host, s.volume, 9, 1, NOW, NULL));
    TAP_OK(store_volume_space(s.f.s, &s.f.all, s.share, s.volume, 9, 1, NOW, NULL));
    TAP_OK(store_volume_get(s.f.s, &s.f.all, s.volume, s.f.arena, &v, NULL));
    TAP_EQUAL_U64(v.bytes_total, 0);
    TAP_OK(store_job_pause(s.f.s, &s.f.all, s.job, "user", 0, "", NOW, &changed, NULL));
    TAP_CHECK(changed);
    TAP_CHECK(settled(&s) == STORE_J_PAUSED);
    TAP_OK(store_job_resume(s.f.s, &s.foreign, s.job, NOW, &changed, NULL));
    TAP_CHECK(!changed);
    make_job(&s, 1, 1, true);
    TAP_CODE(store_job_slice(s.f.s, &s.foreign, s.job, 9, &works, NULL), AL_ENOENT);
    close_site(&s);
}

static void
test_nothing_changes_without_a_transaction(void)
{
    struct site s;
    bool changed;

    open_site(&s);
    store_rollback(s.f.s);
    TAP_CODE(store_rule_next(s.f.s, &s.f.all, s.rule, NOW, 0, NULL), AL_EINTERNAL);
    TAP_CODE(store_rule_suspend(s.f.s, &s.f.all, s.rule, "e", "", NOW, &changed, NULL),
             AL_EINTERNAL);
    TAP_CODE(store_job_pause(s.f.s, &s.f.all, s.rule, "user", 0, "", NOW, &changed, NULL),
             AL_EINTERNAL);
    TAP_CODE(store_volume_space(s.f.s, &s.f.all, s.host, s.volume, 9, 1, NOW, NULL), AL_EINTERNAL);
    close_site(&s);
}

static void
test_a_change_that_is_rolled_back_leaves_no_version(void)
{
    struct site s;
    struct store_rule r, v;

    open_site(&s);
    TAP_OK(store_rule_get(s.f.s, &s.f.all, s.rule, s.f.arena, &r, NULL));
    r.where = "false";
    r.updated_by = "anna";
    TAP_OK(store_rule_set(s.f.s, &s.f.all, &r, NULL));
    TAP_OK(store_rule_version(s.f.s, &s.f.all, s.rule, 0, s.f.arena, &v, NULL));
    TAP_EQUAL_U64(v.version, 2);
    TAP_EQUAL_STR(v.where, "false");
    TAP_EQUAL_STR(v.updated_by, "anna");
    store_rollback(s.f.s);
    TAP_OK(store_rule_version(s.f.s, &s.f.all, s.rule, 0, s.f.arena, &v, NULL));
    TAP_EQUAL_U64(v.version, 1);
    TAP_EQUAL_STR(v.where, "true");
    TAP_CODE(store_rule_version(s.f.s, &s.f.all, s.rule, 2, s.f.arena, &v, NULL), AL_ENOENT);
    close_site(&s);
}

static bool
is_due(struct site *s, int64_t now_ns)
{
    struct store_rule r;
    int rc = store_rule_due(s->f.s, &s->f.all, now_ns, s->f.arena, &r, NULL);

    TAP_CHECK(rc == AL_OK || rc == AL_ENOENT);
    return rc == AL_OK;
}

static void
test_a_schedule_is_due_from_its_moment_on(void)
{
    struct site s;
    struct store_rule r;
    bool changed;

    open_site(&s);
    TAP_CHECK(!is_due(&s, INT64_MAX));
    TAP_OK(store_rule_next(s.f.s, &s.f.all, s.rule, NOW, 0, NULL));
    TAP_CHECK(!is_due(&s, NOW - 1));
    TAP_CHECK(is_due(&s, NOW));
    TAP_OK(store_rule_suspend(s.f.s, &s.f.all, s.rule, "errors", "x", NOW, &changed, NULL));
    TAP_CHECK(changed && !is_due(&s, NOW));
    TAP_OK(store_rule_suspend(s.f.s, &s.f.all, s.rule, "", "", NOW, &changed, NULL));
    TAP_CHECK(changed && is_due(&s, NOW));
    TAP_OK(store_rule_get(s.f.s, &s.f.all, s.rule, s.f.arena, &r, NULL));
    r.enabled = false;
    TAP_OK(store_rule_set(s.f.s, &s.f.all, &r, NULL));
    TAP_CHECK(!is_due(&s, NOW));
    close_site(&s);
}

static void
test_marks_are_due_when_used_is_at_the_mark(void)
{
    struct site s;
    struct store_rule r;

    open_site(&s);
    TAP_OK(store_rule_get(s.f.s, &s.f.all, s.rule, s.f.arena, &r, NULL));
    r.start_used_percent = 80;
    r.stop_used_percent = 70;
    TAP_OK(store_rule_set(s.f.s, &s.f.all, &r, NULL));
    TAP_CHECK(!is_due(&s, NOW)); /* nothing is known */
    TAP_OK(store_volume_space(s.f.s, &s.f.all, s.host, s.volume, 1000, 201, NOW, NULL));
    TAP_CHECK(!is_due(&s, NOW));
    TAP_OK(store_volume_space(s.f.s, &s.f.all, s.host, s.volume, 1000, 200, NOW, NULL));
    TAP_CHECK(is_due(&s, NOW));
    TAP_CHECK(!is_due(&s, NOW + 181 * SECOND)); /* told too long ago */
    TAP_OK(store_rule_rest(s.f.s, &s.f.all, s.rule, NOW + 1, NULL));
    TAP_CHECK(!is_due(&s, NOW));
    TAP_OK(store_rule_rest(s.f.s, &s.f.all, s.rule, 0, NULL));
    make_job(&s, 1, 1, false);
    TAP_CHECK(!is_due(&s, NOW)); /* it is at work */
    close_site(&s);
}

static void
test_slices_fit_and_are_never_empty(void)
{
    struct site s;
    uint64_t works;
    al_id work;

    open_site(&s);
    make_job(&s, 10, 100, true);
    TAP_CHECK(settled(&s) == STORE_J_QUEUED);
    lease(&s, 20, work);
    TAP_CHECK(work[0] == '\0');
    TAP_OK(store_job_slice(s.f.s, &s.f.all, s.job, 350, &works, NULL));
    TAP_EQUAL_U64(works, 3);
    TAP_OK(store_job_slice(s.f.s, &s.f.all, s.job, 1, &works, NULL));
    TAP_EQUAL_U64(works, 1);
    TAP_OK(store_job_slice(s.f.s, &s.f.all, s.job, UINT64_MAX, &works, NULL));
    TAP_EQUAL_U64(works, 6);
    TAP_OK(store_job_slice(s.f.s, &s.f.all, s.job, UINT64_MAX, &works, NULL));
    TAP_EQUAL_U64(works, 0);
    close_site(&s);
}

static void
test_a_paused_jobs_works_are_given_back_and_come_again(void)
{
    const char *running[1];
    enum store_held held[1];
    struct site s;
    struct store_work w;
    bool changed, waiting;
    al_id work, again;

    open_site(&s);
    make_job(&s, 2, 1, false);
    lease(&s, 1, work);
    running[0] = work;
    TAP_OK(store_job_pause(s.f.s, &s.f.all, s.job, "user", 0, "why", NOW, &changed, NULL));
    TAP_CHECK(changed && settled(&s) == STORE_J_PAUSED);
    lease(&s, 9, again);
    TAP_CHECK(again[0] == '\0');
    TAP_OK(store_work_waiting(s.f.s, &s.f.all, s.host, running, 1, 9, 0, &waiting, NULL));
    TAP_CHECK(waiting); /* something to tell */
    TAP_OK(store_work_prolong(s.f.s, &s.f.all, s.host, running, 1, true, NOW + 9, held, NULL));
    TAP_CHECK(held[0] == STORE_HELD_PAUSING);
    TAP_OK(store_work_told(s.f.s, &s.f.all, s.host, NULL));
    TAP_OK(store_work_waiting(s.f.s, &s.f.all, s.host, running, 1, 9, 0, &waiting, NULL));
    TAP_CHECK(!waiting);
    TAP_OK(store_work_prolong(s.f.s, &s.f.all, s.host, running, 1, true, NOW + 9, held, NULL));
    TAP_CHECK(held[0] == STORE_HELD_LEAVING);
    TAP_OK(store_work_pause(s.f.s, &s.f.all, work, 1, al_span_of("[{\"path\":\"b\"}]"), NULL));
    /* a call that has not heard of it yet leaves it where it is */
    TAP_OK(store_work_prolong(s.f.s, &s.f.all, s.host, running, 1, true, NOW + 9, held, NULL));
    TAP_CHECK(held[0] == STORE_HELD_LEAVING);
    TAP_OK(store_job_resume(s.f.s, &s.f.all, s.job, NOW, &changed, NULL));
    TAP_CHECK(changed);
    TAP_OK(store_work_prolong(s.f.s, &s.f.all, s.host, running, 1, false, NOW + 9, held, NULL));
    TAP_CHECK(held[0] == STORE_HELD);
    lease(&s, 9, again); /* both works: none was taken for running by the call that was parked */
    TAP_OK(store_work_waiting(s.f.s, &s.f.all, s.host, NULL, 0, 9, 0, &waiting, NULL));
    TAP_CHECK(!waiting);
    TAP_OK(store_work_get(s.f.s, &s.f.all, s.host, work, s.f.arena, &w, NULL));
    TAP_CHECK(!w.pausing && al_span_equal(w.json, al_span_of("[{\"path\":\"b\"}]")));
    close_site(&s);
}

static void
test_a_lease_that_is_over_is_as_good_as_given_back(void)
{
    struct store_work_ref *refs;
    struct site s;
    size_t count;
    bool changed, due;
    al_id work;

    open_site(&s);
    make_job(&s, 2, 1, false);
    lease(&s, 1, work);
    TAP_OK(store_job_pause(s.f.s, &s.f.all, s.job, "user", 0, "why", NOW, &changed, NULL));
    TAP_OK(store_work_left_due(s.f.s, &s.f.all, NOW, &due, NULL));
    TAP_CHECK(!due);
    TAP_OK(store_work_left_due(s.f.s, &s.f.all, NOW + SECOND, &due, NULL));
    TAP_CHECK(due);
    TAP_OK(store_work_left(s.f.s, &s.f.all, NOW + SECOND, s.f.arena, &refs, &count, NULL));
    TAP_EQUAL_U64(count, 1);
    TAP_CHECK(settled(&s) == STORE_J_PAUSED);
    TAP_OK(store_job_stop(s.f.s, &s.f.all, s.job, "limit", "enough", AL_OK, &changed, NULL));
    TAP_CHECK(changed && settled(&s) == STORE_J_DONE); /* nothing is in hand */
    TAP_OK(store_job_resume(s.f.s, &s.f.all, s.job, NOW, &changed, NULL));
    TAP_CHECK(!changed);
    close_site(&s);
}

static void
test_a_stopped_job_is_over_with_its_last_work(void)
{
    struct store_work_ref *refs;
    struct site s;
    struct store_job j;
    size_t count;
    bool changed;
    al_id work;

    open_site(&s);
    make_job(&s, 3, 1, false);
    lease(&s, 1, work);
    TAP_OK(store_job_stop(s.f.s, &s.f.all, s.job, "limit", "too many", AL_ELIMIT, &changed, NULL));
    TAP_CHECK(changed && settled(&s) == STORE_J_RUNNING);
    TAP_OK(store_job_pause(s.f.s, &s.f.all, s.job, "user", 0, "", NOW, &changed, NULL));
    TAP_CHECK(!changed);
    TAP_OK(store_work_left(s.f.s, &s.f.all, NOW + SECOND, s.f.arena, &refs, &count, NULL));
    TAP_CHECK(settled(&s) == STORE_J_FAILED);
    TAP_OK(store_job_get(s.f.s, &s.f.all, s.job, s.f.arena, &j, NULL));
    TAP_EQUAL_STR(j.text, "too many");
    TAP_EQUAL_STR(j.pause_reason, "limit");
    close_site(&s);
}

int
main(void)
{
    TAP_RUN(test_what_is_another_customers_is_not_there);
    TAP_RUN(test_nothing_changes_without_a_transaction);
    TAP_RUN(test_a_change_that_is_rolled_back_leaves_no_version);
    TAP_RUN(test_a_schedule_is_due_from_its_moment_on);
    TAP_RUN(test_marks_are_due_when_used_is_at_the_mark);
    TAP_RUN(test_slices_fit_and_are_never_empty);
    TAP_RUN(test_a_paused_jobs_works_are_given_back_and_come_again);
    TAP_RUN(test_a_lease_that_is_over_is_as_good_as_given_back);
    TAP_RUN(test_a_stopped_job_is_over_with_its_last_work);
    return tap_end();
}
