#include "fixture.h"

#include <pthread.h>

/* A chain of n events of one customer, one transaction each. */
static void
make_events(struct fixture *f, const char *customer_id, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        char subject[32], detail[64];
        struct store_event e = {.customer_id = customer_id,
                                .at_ns = 1000 + i,
                                .actor_type = "user",
                                .actor_name = "anna",
                                .act = "file.tier",
                                .subject_type = "file",
                                .detail = {NULL, 0}};

        snprintf(subject, sizeof subject, "/data/file\xff %u \"\n", i); /* paths are bytes */
        snprintf(detail, sizeof detail, "{\"size\":%u}", i);
        e.subject = al_span_of(subject);
        e.detail = al_span_of(detail);
        TAP_OK(store_begin(f->s, NULL));
        TAP_OK(store_event_add(f->s, &e, NULL));
        TAP_EQUAL_U64(store_event_count(f->s), 1);
        TAP_OK(store_commit(f->s, NULL));
    }
}

static struct store_verify
verify(struct fixture *f, const char *customer_id)
{
    struct store_verify v = {0};

    TAP_OK(store_event_verify(f->s, &f->all, customer_id, &v, NULL));
    return v;
}

static void
test_an_untouched_chain_holds(void)
{
    struct store_verify v;
    struct fixture f;
    al_id acme, other;

    fixture_open(&f);
    make_customer(&f, "Acme", acme);
    make_customer(&f, "Other", other);
    v = verify(&f, acme);
    TAP_CHECK(v.ok && v.events == 0 && v.first_bad_seq == 0);
    make_events(&f, acme, 7);
    make_events(&f, other, 3);
    make_events(&f, NULL, 2);
    v = verify(&f, acme);
    TAP_CHECK(v.ok && v.events == 7 && v.first_bad_seq == 0);
    TAP_EQUAL_U64(verify(&f, other).events, 3);
    TAP_EQUAL_U64(verify(&f, "").events, 2);
    fixture_close(&f);
}

static void
test_several_chains_in_one_transaction_hold(void)
{
    struct fixture f;
    al_id acme, other;

    fixture_open(&f);
    make_customer(&f, "Acme", acme);
    make_customer(&f, "Other", other);
    for (int round = 0; round < 3; round++) {
        TAP_OK(store_begin(f.s, NULL));
        for (int i = 0; i < 10; i++) {
            struct store_event e = {.customer_id = i % 3 == 0   ? acme
                                                   : i % 3 == 1 ? other
                                                                : "",
                                    .at_ns = i,
                                    .act = "x"};

            TAP_OK(store_event_add(f.s, &e, NULL));
        }
        TAP_EQUAL_U64(store_event_count(f.s), 10);
        TAP_OK(store_commit(f.s, NULL));
    }
    TAP_EQUAL_U64(verify(&f, acme).events, 12);
    TAP_CHECK(verify(&f, acme).ok && verify(&f, other).ok && verify(&f, "").ok);
    fixture_close(&f);
}

static void
test_a_rolled_back_event_leaves_no_gap(void)
{
    struct fixture f;
    al_id acme;

    fixture_open(&f);
    make_customer(&f, "Acme", acme);
    make_events(&f, acme, 2);
    TAP_OK(store_begin(f.s, NULL));
    TAP_OK(store_event_add(f.s, &(struct store_event){.customer_id = acme, .at_ns = 1, .act = "x"},
                           NULL));
    store_rollback(f.s);
    make_events(&f, acme, 2);
    TAP_CHECK(verify(&f, acme).ok);
    TAP_EQUAL_U64(verify(&f, acme).events, 4);
    fixture_close(&f);
}

static void
test_every_column_is_under_the_hash(void)
{
    static const char *const changes[] = {
        "at_ns=at_ns+1",
        "actor_type='system'",
        "actor_id='x'",
        "actor_name='bert'",
        "act='file.recall'",
        "subject_type='folder'",
        "subject_id='x'",
        "subject=x'2f61'",
        "code='io_error'",
        "detail='{\"size\":9}'",
        "id=replace(id,'0','1')||'x'",
        "prev_hash=zeroblob(32)",
        "hash=zeroblob(32)",
        "hash=x'00'",
        "seq=seq+100",
    };
    struct fixture f;
    al_id acme;

    fixture_open(&f);
    make_customer(&f, "Acme", acme);
    make_events(&f, acme, 6);
    fixture_sql(&f, "CREATE TABLE kept AS SELECT * FROM event");
    for (size_t i = 0; i < AL_LEN(changes); i++) {
        struct store_verify v;
        char sql[256];

        snprintf(sql, sizeof sql, "UPDATE event SET %s WHERE seq=4", changes[i]);
        fixture_sql(&f, sql);
        v = verify(&f, acme);
        if (v.ok || v.first_bad_seq != 4) {
            tap_fail(__FILE__, __LINE__, "%s: ok %d, first bad %u", changes[i], v.ok,
                     (unsigned)v.first_bad_seq);
        }
        fixture_sql(&f, "DELETE FROM event; INSERT INTO event SELECT * FROM kept");
        TAP_CHECK(verify(&f, acme).ok);
    }
    fixture_close(&f);
}

static void
test_a_removed_event_is_missed_wherever_it_stood(void)
{
    static const unsigned gone[] = {1, 3, 6};

    for (size_t i = 0; i < AL_LEN(gone); i++) {
        struct store_verify v;
        struct fixture f;
        char sql[128];
        al_id acme;

        fixture_open(&f);
        make_customer(&f, "Acme", acme);
        make_events(&f, acme, 6);
        snprintf(sql, sizeof sql, "DELETE FROM event WHERE seq=%u", gone[i]);
        fixture_sql(&f, sql);
        v = verify(&f, acme);
        TAP_CHECK(!v.ok);
        TAP_EQUAL_U64(v.first_bad_seq, gone[i]);
        fixture_close(&f);
    }
}

static void
test_removing_all_events_is_noticed(void)
{
    struct fixture f;
    al_id acme;

    fixture_open(&f);
    make_customer(&f, "Acme", acme);
    make_events(&f, acme, 3);
    fixture_sql(&f, "DELETE FROM event");
    TAP_CHECK(!verify(&f, acme).ok);
    TAP_EQUAL_U64(verify(&f, acme).first_bad_seq, 1);
    fixture_close(&f);
}

static void
test_exchanged_events_are_noticed(void)
{
    struct store_verify v;
    struct fixture f;
    al_id acme;

    fixture_open(&f);
    make_customer(&f, "Acme", acme);
    make_events(&f, acme, 6);
    fixture_sql(&f, "UPDATE event SET seq=1000 WHERE seq=3; UPDATE event SET seq=3 WHERE seq=4;"
                    "UPDATE event SET seq=4 WHERE seq=1000");
    v = verify(&f, acme);
    TAP_CHECK(!v.ok);
    TAP_EQUAL_U64(v.first_bad_seq, 3);
    fixture_close(&f);
}

static void
test_an_event_moved_to_another_customer_is_noticed(void)
{
    struct fixture f;
    al_id acme, other;
    char sql[256];

    fixture_open(&f);
    make_customer(&f, "Acme", acme);
    make_customer(&f, "Other", other);
    make_events(&f, acme, 1);
    snprintf(sql, sizeof sql,
             "UPDATE event SET customer_id='%s'; UPDATE chain SET customer_id='%s'", other, other);
    fixture_sql(&f, sql);
    TAP_CHECK(!verify(&f, other).ok);
    fixture_close(&f);
}

static void
test_a_chain_is_verified_within_the_scope_alone(void)
{
    struct scope own, empty = scope_customer("");
    struct store_verify v;
    struct fixture f;
    al_id acme, other;

    fixture_open(&f);
    make_customer(&f, "Acme", acme);
    make_customer(&f, "Other", other);
    own = scope_customer(acme);
    TAP_OK(store_event_verify(f.s, &own, acme, &v, NULL));
    TAP_CODE(store_event_verify(f.s, &own, other, &v, NULL), AL_ENOENT);
    TAP_CODE(store_event_verify(f.s, &own, "", &v, NULL), AL_ENOENT);
    TAP_CODE(store_event_verify(f.s, &empty, "", &v, NULL), AL_ENOENT);
    fixture_close(&f);
}

struct writer {
    struct store_db *db;
    const char *customer_id;
    int rc;
};

static void *
write_many(void *arg)
{
    struct writer *w = arg;
    struct store *s = NULL;

    w->rc = store_open(w->db, &s, NULL);
    for (int i = 0; i < 50 && w->rc == AL_OK; i++) {
        struct store_event e = {.customer_id = w->customer_id, .at_ns = i, .act = "x"};

        w->rc = store_begin(s, NULL);
        if (w->rc == AL_OK) {
            w->rc = store_event_add(s, &e, NULL);
        }
        if (w->rc == AL_OK) {
            w->rc = store_commit(s, NULL);
        }
    }
    s = store_close(s);
    return NULL;
}

static void
test_many_writers_make_one_chain(void)
{
    struct writer w[4];
    pthread_t t[4];
    struct fixture f;
    al_id acme;

    fixture_open(&f);
    make_customer(&f, "Acme", acme);
    for (int i = 0; i < 4; i++) {
        w[i] = (struct writer){f.db, acme, AL_EINTERNAL};
        TAP_CHECK(pthread_create(&t[i], NULL, write_many, &w[i]) == 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(t[i], NULL);
        TAP_OK(w[i].rc);
    }
    TAP_CHECK(verify(&f, acme).ok);
    TAP_EQUAL_U64(verify(&f, acme).events, 200);
    fixture_close(&f);
}

int
main(void)
{
    TAP_RUN(test_an_untouched_chain_holds);
    TAP_RUN(test_several_chains_in_one_transaction_hold);
    TAP_RUN(test_a_rolled_back_event_leaves_no_gap);
    TAP_RUN(test_every_column_is_under_the_hash);
    TAP_RUN(test_a_removed_event_is_missed_wherever_it_stood);
    TAP_RUN(test_removing_all_events_is_noticed);
    TAP_RUN(test_exchanged_events_are_noticed);
    TAP_RUN(test_an_event_moved_to_another_customer_is_noticed);
    TAP_RUN(test_a_chain_is_verified_within_the_scope_alone);
    TAP_RUN(test_many_writers_make_one_chain);
    return tap_end();
}
