/* Long polls, live events, time limits, the bounded pool, and stopping. */
#include <stdlib.h>
#include <sys/resource.h>

#include "client.h"
#include "fake_service.h"
#include "port/thread.h"
#include "server/api/limits.h"
#include "tap.h"

#define H " HTTP/1.1\r\nHost: x\r\n"

static void
stop(struct server *s)
{
    TAP_CHECK(server_stop(s, 5000));
}

/* ---- long polls ---- */

static void
test_a_wake_answers_a_parked_request_at_once(void)
{
    struct server *s = server_start(NULL);
    struct client c;
    int64_t began = mono_ms();

    client_open(&c, s);
    TAP_CHECK(client_send(&c, "GET /api/v1/park?topic=host:1&ms=8000" H "\r\n"));
    nap_ms(100);
    TAP_EQUAL_U64(fake_runs(), 1);
    fake_give("host:2"); /* somebody else's */
    nap_ms(50);
    TAP_EQUAL_U64(fake_runs(), 1);
    fake_give("host:1");
    TAP_CHECK(client_answer(&c, false) == 200);
    TAP_EQUAL_STR(c.a.body, "{\"got\":true}");
    TAP_CHECK(mono_ms() - began < 2000);
    TAP_CHECK(client_ask(&c, "GET /api/v1/health" H "\r\n") == 200);
    client_close(&c);
    stop(s);
}

static void
test_a_parked_request_is_answered_when_its_time_is_up(void)
{
    struct server *s = server_start(NULL);
    struct client c;
    int64_t began = mono_ms();

    TAP_CHECK(ask_once(s, "GET /api/v1/park?topic=t&ms=300" H "\r\n", &c) == 200);
    TAP_EQUAL_STR(c.a.body, "{\"got\":false}");
    TAP_CHECK(mono_ms() - began >= 300 && mono_ms() - began < 1500);
    client_close(&c);
    stop(s);
}

static void
test_wakes_for_nothing_do_not_prolong_the_wait(void)
{
    struct server *s = server_start(NULL);
    struct client c;
    int64_t began = mono_ms();

    client_open(&c, s);
    TAP_CHECK(client_send(&c, "GET /api/v1/park?topic=t&ms=1500" H "\r\n"));
    for (int i = 0; i < 8; i++) {
        nap_ms(150);
        fake_wake("t");
    }
    TAP_CHECK(client_answer(&c, false) == 200);
    TAP_EQUAL_STR(c.a.body, "{\"got\":false}");
    TAP_CHECK(mono_ms() - began < 2650);
    TAP_CHECK(fake_runs() >= 6);
    client_close(&c);
    stop(s);
}

static void
test_a_wake_between_looking_and_parking_is_not_lost(void)
{
    struct server *s = server_start(NULL);
    struct client c;
    int64_t began = mono_ms();

    client_open(&c, s);
    /* The operation looks, finds nothing, and takes 200 ms to say so. */
    TAP_CHECK(client_send(&c, "GET /api/v1/park?topic=t&ms=8000&dawdle=200" H "\r\n"));
    nap_ms(80);
    fake_give("t");
    TAP_CHECK(client_answer(&c, false) == 200);
    TAP_EQUAL_STR(c.a.body, "{\"got\":true}");
    TAP_CHECK(mono_ms() - began < 3000);
    client_close(&c);
    stop(s);
}

static void
test_nothing_is_given_to_a_client_that_has_gone(void)
{
    struct server *s = server_start(NULL);
    struct client a, b;

    client_open(&a, s);
    TAP_CHECK(client_send(&a, "GET /api/v1/park?topic=t&ms=8000" H "\r\n"));
    nap_ms(100);
    client_close(&a);
    nap_ms(50);
    client_open(&b, s);
    TAP_CHECK(client_send(&b, "GET /api/v1/park?topic=t&ms=8000" H "\r\n"));
    nap_ms(100);
    fake_give("t");
    TAP_CHECK(client_answer(&b, false) == 200);
    TAP_EQUAL_STR(b.a.body, "{\"got\":true}");
    client_close(&b);
    stop(s);
}

/* Whether that many are parked, soon. */
static bool
parked_are(struct server *s, unsigned count)
{
    int64_t end = mono_ms() + 10000;
    char want[64];
    bool found = false;

    snprintf(want, sizeof(want), "alto_http_parked %u\n", count);
    while (!found && mono_ms() < end) {
        struct client c;

        found = ask_once(s, "GET /metrics" H "\r\n", &c) == 200 && strstr(c.a.body, want) != NULL;
        client_close(&c);
        nap_ms(found ? 0 : 50);
    }
    return found;
}

static void
test_a_thousand_parked_requests_leave_room_for_others(void)
{
    enum { COUNT = 1000 };
    struct rlimit files = {4096, 4096};
    struct server *s;
    struct client *c = calloc(COUNT, sizeof(*c));
    int64_t began;
    unsigned got = 0;

    (void)setrlimit(RLIMIT_NOFILE, &files);
    s = server_start(&(struct server_conf){.workers = 4, .queue_max = 2000});
    for (int i = 0; i < COUNT; i++) {
        char request[128];

        client_open(&c[i], s);
        snprintf(request, sizeof(request), "GET /api/v1/park?topic=host:%d&ms=60000" H "\r\n",
                 i % 10);
        TAP_CHECK(client_send(&c[i], request));
    }
    TAP_CHECK(parked_are(s, COUNT));
    began = mono_ms();
    for (int i = 0; i < 100; i++) {
        TAP_CHECK(ask_once(s, "GET /api/v1/health" H "\r\n", NULL) == 200);
        TAP_CHECK(ask_once(s, "GET /api/v1/slow?ms=0" H "\r\n", NULL) == 200);
    }
    printf("# %.2f ms a request beside %d parked ones\n", (double)(mono_ms() - began) / 200, COUNT);
    TAP_CHECK(mono_ms() - began < 4000);
    fake_wake("host:3"); /* a hundred look, and park again */
    for (int i = 0; i < 100 && fake_runs() < COUNT + COUNT / 10; i++) {
        nap_ms(50);
    }
    TAP_EQUAL_U64(fake_runs(), COUNT + COUNT / 10);
    /* Stopping answers them all. */
    TAP_CHECK(server_stop(s, 5000));
    for (int i = 0; i < COUNT; i++) {
        got += client_answer(&c[i], false) == 200 && strcmp(c[i].a.body, "{\"got\":false}") == 0;
        client_close(&c[i]);
    }
    TAP_EQUAL_U64(got, COUNT);
    free(c);
}

static void
test_more_than_may_be_parked_are_sent_away(void)
{
    struct server *s = server_start(&(struct server_conf){.parked_max = 2});
    struct client c[3];

    for (int i = 0; i < 2; i++) {
        client_open(&c[i], s);
        TAP_CHECK(client_send(&c[i], "GET /api/v1/park?topic=t&ms=5000" H "\r\n"));
    }
    nap_ms(100);
    TAP_CHECK(ask_once(s, "GET /api/v1/park?topic=t&ms=5000" H "\r\n", &c[2]) == 503);
    TAP_EQUAL_STR(client_header(&c[2], "Retry-After"), "5");
    for (int i = 0; i < 3; i++) {
        client_close(&c[i]);
    }
    stop(s);
}

/* ---- workers ---- */

static void
test_no_more_operations_run_at_once_than_there_are_workers(void)
{
    struct server *s = server_start(&(struct server_conf){.workers = 3});
    struct client c[12];
    int64_t began = mono_ms();

    for (int i = 0; i < 12; i++) {
        client_open(&c[i], s);
        TAP_CHECK(client_send(&c[i], i % 2 == 0 ? "GET /api/v1/ask?ms=400" H "Authorization: Bearer adm-a\r\n\r\n"
                                                : "GET /api/v1/ask?ms=400" H "Authorization: Bearer aud-b\r\n\r\n"));
    }
    nap_ms(50);
    /* Short questions do not wait behind them. */
    TAP_CHECK(ask_once(s, "GET /api/v1/health" H "\r\n", NULL) == 200);
    TAP_CHECK(mono_ms() - began < 390);
    for (int i = 0; i < 12; i++) {
        TAP_CHECK(client_answer(&c[i], false) == 200);
        client_close(&c[i]);
    }
    TAP_EQUAL_U64(fake_running_max(), 3);
    TAP_CHECK(mono_ms() - began >= 1600);
    stop(s);
}

/* Half of the workers at most: its questions wait for each other, those of all others do not wait. */
static void
test_slow_questions_of_one_customer_hold_up_no_other(void)
{
    static const char *const others[] = {"GET /api/v1/ask?ms=1" H "Authorization: Bearer aud-b\r\n\r\n",
                                         "GET /api/v1/ask?ms=1" H "Authorization: Bearer host\r\n\r\n",
                                         "GET /api/v1/ask?ms=1" H "Authorization: Bearer op\r\n\r\n",
                                         "GET /api/v1/slow?ms=1" H "\r\n"};
    struct server *s = server_start(&(struct server_conf){.workers = 4});
    struct client c[12];
    int64_t began = mono_ms();

    for (int i = 0; i < 12; i++) {
        client_open(&c[i], s);
        TAP_CHECK(client_send(&c[i], "GET /api/v1/ask?ms=500" H "Authorization: Bearer adm-a\r\n\r\n"));
    }
    nap_ms(50);
    for (int round = 0; round < 5; round++) {
        for (size_t i = 0; i < AL_LEN(others); i++) {
            TAP_CHECK(ask_once(s, others[i], NULL) == 200);
        }
    }
    TAP_CHECK(mono_ms() - began < 2900); /* the last of the twelve comes after three seconds */
    TAP_EQUAL_U64(fake_running_max(), 3);
    for (int i = 0; i < 12; i++) {
        TAP_CHECK(client_answer(&c[i], false) == 200);
        client_close(&c[i]);
    }
    TAP_CHECK(mono_ms() - began >= 3000);
    stop(s);
}

static void
test_a_full_queue_sends_away_and_recovers(void)
{
    struct server *s = server_start(&(struct server_conf){.workers = 1, .queue_max = 2});
    struct client c[6];
    int away = 0, done = 0;

    for (int i = 0; i < 6; i++) {
        client_open(&c[i], s);
        TAP_CHECK(client_send(&c[i], "GET /api/v1/slow?ms=200" H "\r\n"));
        nap_ms(20);
    }
    for (int i = 0; i < 6; i++) {
        int status = client_answer(&c[i], false);

        away += status == 503 && strcmp(client_header(&c[i], "Retry-After"), "1") == 0;
        done += status == 200;
        client_close(&c[i]);
    }
    TAP_CHECK(away == 3 && done == 3);
    TAP_CHECK(ask_once(s, "GET /api/v1/slow?ms=1" H "\r\n", NULL) == 200);
    stop(s);
}

static void
test_a_client_that_goes_away_while_its_operation_runs_does_no_harm(void)
{
    struct server *s = server_start(&(struct server_conf){.workers = 2});

    for (int i = 0; i < 20; i++) {
        struct client c;

        client_open(&c, s);
        TAP_CHECK(client_send(&c, "GET /api/v1/slow?ms=20" H "\r\n"));
        nap_ms(5);
        client_close(&c);
    }
    TAP_CHECK(ask_once(s, "GET /api/v1/slow?ms=1" H "\r\n", NULL) == 200);
    stop(s);
}

/* ---- live events ---- */

#define EVENTS(token) "GET /api/v1/events" H "Authorization: Bearer " token "\r\n"

static void
test_events_reach_those_who_may_see_them(void)
{
    struct server *s = server_start(NULL);
    struct client op, a, b;

    TAP_CHECK(ask_once(s, "GET /api/v1/events" H "\r\n", NULL) == 401);
    TAP_CHECK(ask_once(s, EVENTS("host") "\r\n", NULL) == 403);
    client_open(&op, s);
    client_open(&a, s);
    client_open(&b, s);
    TAP_CHECK(client_send(&op, EVENTS("op") "\r\n") && client_send(&a, EVENTS("adm-a") "\r\n") &&
              client_send(&b, EVENTS("aud-b") "\r\n"));
    TAP_CHECK(client_until(&op, "retry:", 2000) && client_until(&a, "retry:", 2000) &&
              client_until(&b, "retry:", 2000));
    TAP_CHECK(strstr(op.have, "text/event-stream") != NULL);
    fake_publish("job", CUSTOMER_A, "{\"n\":\"to-a\"}");
    fake_publish("host", "", "{\"n\":\n\"to-operators\"}");
    fake_publish("job", CUSTOMER_B, "{\"n\":\"to-b\"}");
    TAP_CHECK(client_until(&op, "to-b", 2000) && client_until(&a, "to-a", 2000) &&
              client_until(&b, "to-b", 2000));
    TAP_CHECK(strstr(op.have, "event: job\ndata: {\"n\":\"to-a\"}\n\n") != NULL);
    TAP_CHECK(strstr(op.have, "event: host\ndata: {\"n\": \"to-operators\"}\n\n") != NULL);
    TAP_CHECK(!client_until(&a, "to-b", 200) && strstr(a.have, "to-operators") == NULL);
    TAP_CHECK(!client_until(&b, "to-a", 200) && strstr(b.have, "to-operators") == NULL);
    client_close(&op);
    client_close(&a);
    client_close(&b);
    stop(s);
}

static void
test_last_event_id_goes_on_where_the_client_was(void)
{
    struct server *s = server_start(NULL);
    struct client c;
    char id[64], request[256], *at;

    client_open(&c, s);
    TAP_CHECK(client_send(&c, EVENTS("adm-a") "\r\n") && client_until(&c, "retry:", 2000));
    fake_publish("job", CUSTOMER_A, "\"first\"");
    TAP_CHECK(client_until(&c, "first\"\n\n", 2000));
    at = strstr(c.have, "id: ");
    snprintf(id, sizeof(id), "%.*s", (int)strcspn(at + 4, "\n"), at + 4);
    client_close(&c);
    fake_publish("job", CUSTOMER_A, "\"second\"");
    fake_publish("job", CUSTOMER_B, "\"other\"");
    fake_publish("job", CUSTOMER_A, "\"third\"");

    client_open(&c, s);
    snprintf(request, sizeof(request), EVENTS("adm-a") "Last-Event-ID: %s\r\n\r\n", id);
    TAP_CHECK(client_send(&c, request) && client_until(&c, "third", 2000));
    TAP_CHECK(strstr(c.have, "second") != NULL && strstr(c.have, "first") == NULL &&
              strstr(c.have, "other") == NULL && strstr(c.have, "event: reset") == NULL);
    client_close(&c);
    /* Of another server's life: nothing of it is here. */
    client_open(&c, s);
    TAP_CHECK(client_send(&c, EVENTS("adm-a") "Last-Event-ID: 00000000-1\r\n\r\n") &&
              client_until(&c, "event: reset", 2000));
    client_close(&c);
    /* So long ago that the ring has gone round. */
    for (unsigned i = 0; i < API_EVENTS_KEPT + 5; i++) {
        fake_publish("job", CUSTOMER_A, "\"flood\"");
    }
    client_open(&c, s);
    TAP_CHECK(client_send(&c, request) && client_until(&c, "event: reset", 2000));
    client_close(&c);
    stop(s);
}

static void
test_a_stream_beats_and_ends_when_its_user_is_logged_out(void)
{
    struct server *s = server_start(&(struct server_conf){.beat_ms = 200});
    struct client c;

    client_open(&c, s);
    TAP_CHECK(client_send(&c, EVENTS("adm-a") "\r\n") && client_until(&c, ": beat\n\n", 4000));
    TAP_CHECK(!client_until(&c, "0\r\n\r\n", 50));
    fake_log_out("adm-a");
    TAP_CHECK(client_until(&c, "0\r\n\r\n", 4000)); /* the end, not a cut */
    client_close(&c);
    fake_log_out(NULL);
    stop(s);
}

static void
test_many_foreign_events_do_not_cut_a_quiet_stream(void)
{
    struct server *s = server_start(NULL);
    struct client c;

    client_open(&c, s);
    TAP_CHECK(client_send(&c, EVENTS("aud-b") "\r\n") && client_until(&c, "retry:", 2000));
    nap_ms(50);
    for (unsigned i = 0; i < API_EVENTS_KEPT * 3; i++) {
        fake_publish("job", CUSTOMER_A, "\"not yours\"");
    }
    fake_publish("job", CUSTOMER_B, "\"yours\"");
    TAP_CHECK(client_until(&c, "\"yours\"", 2000));
    TAP_CHECK(strstr(c.have, "not yours") == NULL);
    client_close(&c);
    stop(s);
}

static void
test_a_client_that_does_not_read_is_cut(void)
{
    struct server *s = server_start(NULL);
    struct client c, m;
    char *data = calloc(1, 20002);

    client_open_small(&c, s, 65536);
    TAP_CHECK(client_send(&c, EVENTS("op") "\r\n") && client_until(&c, "retry:", 2000));
    memset(data, 'x', 20000);
    /* More than the sockets hold and more events than are kept. */
    for (unsigned i = 0; i < API_EVENTS_KEPT * 2; i++) {
        fake_publish("job", "", data);
    }
    nap_ms(100);
    TAP_CHECK(client_closed(&c, 5000));
    TAP_CHECK(ask_once(s, "GET /metrics" H "\r\n", &m) == 200);
    TAP_CHECK(strstr(m.a.body, "alto_http_streams_cut_total 1\n") != NULL);
    TAP_CHECK(strstr(m.a.body, "alto_http_streams 0\n") != NULL);
    client_close(&m);
    client_close(&c);
    free(data);
    stop(s);
}

static void
test_streams_are_limited_and_gone_ones_are_noticed(void)
{
    struct server *s = server_start(&(struct server_conf){.streams_max = 2, .look_ms = 100});
    struct client c[3];

    for (int i = 0; i < 2; i++) {
        client_open(&c[i], s);
        TAP_CHECK(client_send(&c[i], EVENTS("op") "\r\n") && client_until(&c[i], "retry:", 2000));
    }
    TAP_CHECK(ask_once(s, EVENTS("op") "\r\n", &c[2]) == 503);
    client_close(&c[2]);
    client_close(&c[0]);
    for (int i = 0; i < 50; i++) {
        nap_ms(100);
        client_open(&c[2], s);
        TAP_CHECK(client_send(&c[2], EVENTS("op") "\r\n"));
        if (client_until(&c[2], "retry:", 100)) {
            break;
        }
        client_close(&c[2]);
    }
    TAP_CHECK(c[2].fd >= 0);
    client_close(&c[1]);
    client_close(&c[2]);
    stop(s);
}

static void *
publish_much(void *arg)
{
    char data[32];

    for (int i = 0; i < 2000; i++) {
        snprintf(data, sizeof(data), "\"n%d\"", i);
        fake_publish("job", CUSTOMER_A, data);
        if (i % 50 == 0) {
            nap_ms(1);
        }
    }
    return NULL;
}

static void
test_events_come_whole_and_in_order_while_many_are_published(void)
{
    struct server *s = server_start(NULL);
    struct port_thread t;
    struct client c[4];

    for (int i = 0; i < 4; i++) {
        client_open(&c[i], s);
        TAP_CHECK(client_send(&c[i], EVENTS("adm-a") "\r\n") &&
                  client_until(&c[i], "retry:", 2000));
    }
    TAP_OK(port_thread_start(&t, "publisher", 0, publish_much, NULL));
    for (int i = 0; i < 4; i++) {
        const char *at;

        TAP_CHECK(client_until(&c[i], "\"n1999\"\n\n", 8000));
        at = c[i].have;
        for (int n = 0; n < 2000; n += 100) {
            char want[32];

            snprintf(want, sizeof(want), "\"n%d\"\n\n", n);
            at = strstr(at, want);
            TAP_CHECK(at != NULL);
        }
        client_close(&c[i]);
    }
    port_thread_join(&t);
    stop(s);
}

/* ---- time limits ---- */

static void
test_who_drips_bytes_is_cut(void)
{
    struct server *s =
        server_start(&(struct server_conf){.idle_ms = 2000, .head_ms = 800, .body_ms = 800});
    struct client head, body;
    int64_t began = mono_ms();
    bool head_cut = false, body_cut = false;

    client_open(&head, s);
    client_open(&body, s);
    TAP_CHECK(client_send(&head, "GET /api/v1/health HTTP/1.1\r\nX-A: "));
    TAP_CHECK(client_send(&body, "POST /api/v1/open" H
                                 "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n"));
    while (mono_ms() - began < 6000 && !(head_cut && body_cut)) {
        head_cut = head_cut || !client_send(&head, "a") || client_closed(&head, 0);
        body_cut = body_cut || !client_send(&body, " ") || client_closed(&body, 0);
        nap_ms(100);
    }
    TAP_CHECK(head_cut && body_cut);
    TAP_CHECK(mono_ms() - began >= 700);
    client_close(&head);
    client_close(&body);
    stop(s);
}

static void
test_an_idle_connection_is_closed_and_a_parked_one_is_not(void)
{
    struct server *s = server_start(&(struct server_conf){.idle_ms = 1000, .head_ms = 1000});
    struct client idle, parked;

    client_open(&idle, s);
    client_open(&parked, s);
    TAP_CHECK(client_ask(&idle, "GET /api/v1/health" H "\r\n") == 200);
    TAP_CHECK(client_send(&parked, "GET /api/v1/park?topic=t&ms=4000" H "\r\n"));
    TAP_CHECK(client_closed(&idle, 6000));
    TAP_CHECK(client_answer(&parked, false) == 200);
    client_close(&idle);
    client_close(&parked);
    stop(s);
}

static void
test_who_does_not_take_the_answer_is_cut(void)
{
    struct server *s = server_start(&(struct server_conf){.send_ms = 500, .idle_ms = 30000});
    struct client c, m = {.fd = -1};
    int64_t end;

    client_open(&c, s);
    TAP_CHECK(client_send(&c, "GET /api/v1/big?bytes=30000" H "\r\n"));
    TAP_CHECK(client_answer(&c, false) == 200);
    /* 40 MB at 32 KiB/s would be allowed 20 minutes: this one is small enough to be over soon. */
    TAP_CHECK(client_send(&c, "GET /api/v1/big?bytes=65000" H "\r\nGET /api/v1/big?bytes=65000" H
                              "\r\n"));
    for (int i = 0; i < 200; i++) {
        if (!client_send(&c, "GET /api/v1/big?bytes=65000" H "\r\n")) {
            break;
        }
    }
    end = mono_ms() + 10000;
    do {
        nap_ms(200);
        client_close(&m);
        TAP_CHECK(ask_once(s, "GET /metrics" H "\r\n", &m) == 200);
    } while (strstr(m.a.body, "alto_http_connections 1\n") == NULL && mono_ms() < end);
    TAP_CHECK(strstr(m.a.body, "alto_http_connections 1\n") != NULL);
    client_close(&m);
    client_close(&c);
    stop(s);
}

static void
test_more_connections_than_allowed_wait_outside(void)
{
    struct server *s = server_start(&(struct server_conf){.connections_max = 8});
    struct client c[8], late;
    int answered = 0;

    for (int i = 0; i < 8; i++) {
        client_open(&c[i], s);
        (void)client_send(&c[i], "GET /api/v1/park?topic=t&ms=3000" H "\r\n");
    }
    nap_ms(200);
    client_open(&late, s);
    TAP_CHECK(client_send(&late, "GET /api/v1/health" H "\r\n"));
    for (int i = 0; i < 8; i++) {
        answered += client_answer(&c[i], false) == 200;
        client_close(&c[i]);
    }
    TAP_CHECK(answered >= 7); /* places are dealt out per I/O thread */
    TAP_CHECK(client_answer(&late, false) == 200);
    client_close(&late);
    stop(s);
}

/* ---- stopping ---- */

static void
test_stopping_finishes_what_runs_and_closes_the_rest(void)
{
    struct server *s = server_start(NULL);
    struct client slow, stream, idle, parked;
    int64_t began;

    client_open(&slow, s);
    client_open(&stream, s);
    client_open(&idle, s);
    client_open(&parked, s);
    TAP_CHECK(client_ask(&idle, "GET /api/v1/health" H "\r\n") == 200);
    TAP_CHECK(client_send(&stream, EVENTS("op") "\r\n") && client_until(&stream, "retry:", 2000));
    TAP_CHECK(client_send(&parked, "GET /api/v1/park?topic=t&ms=60000" H "\r\n"));
    TAP_CHECK(client_send(&slow, "GET /api/v1/slow?ms=700" H "\r\n"));
    nap_ms(100);
    began = mono_ms();
    TAP_CHECK(server_stop(s, 5000));
    TAP_CHECK(mono_ms() - began < 3000);
    TAP_CHECK(client_answer(&slow, false) == 200);
    TAP_CHECK(client_answer(&parked, false) == 200);
    TAP_CHECK(
        client_until(&stream, "0\r\n\r\n", 1000)); /* the end of a chunked body, not a cut one */
    TAP_CHECK(client_closed(&idle, 1000));
    client_close(&slow);
    client_close(&stream);
    client_close(&idle);
    client_close(&parked);
}

static void
test_stopping_does_not_wait_for_ever(void)
{
    struct server *s = server_start(NULL);
    struct client c;
    int64_t began;

    client_open(&c, s);
    TAP_CHECK(client_send(&c, "GET /api/v1/slow?ms=3000" H "\r\n"));
    nap_ms(100);
    began = mono_ms();
    TAP_CHECK(!server_stop(s, 500));
    TAP_CHECK(mono_ms() - began < 2000);
    TAP_CHECK(server_stop(s, 10000)); /* given more time it ends */
    client_close(&c);
}

int
main(void)
{
    TAP_RUN(test_a_wake_answers_a_parked_request_at_once);
    TAP_RUN(test_a_parked_request_is_answered_when_its_time_is_up);
    TAP_RUN(test_wakes_for_nothing_do_not_prolong_the_wait);
    TAP_RUN(test_a_wake_between_looking_and_parking_is_not_lost);
    TAP_RUN(test_nothing_is_given_to_a_client_that_has_gone);
    TAP_RUN(test_a_thousand_parked_requests_leave_room_for_others);
    TAP_RUN(test_more_than_may_be_parked_are_sent_away);
    TAP_RUN(test_no_more_operations_run_at_once_than_there_are_workers);
    TAP_RUN(test_slow_questions_of_one_customer_hold_up_no_other);
    TAP_RUN(test_a_full_queue_sends_away_and_recovers);
    TAP_RUN(test_a_client_that_goes_away_while_its_operation_runs_does_no_harm);
    TAP_RUN(test_events_reach_those_who_may_see_them);
    TAP_RUN(test_last_event_id_goes_on_where_the_client_was);
    TAP_RUN(test_a_stream_beats_and_ends_when_its_user_is_logged_out);
    TAP_RUN(test_many_foreign_events_do_not_cut_a_quiet_stream);
    TAP_RUN(test_a_client_that_does_not_read_is_cut);
    TAP_RUN(test_streams_are_limited_and_gone_ones_are_noticed);
    TAP_RUN(test_events_come_whole_and_in_order_while_many_are_published);
    TAP_RUN(test_who_drips_bytes_is_cut);
    TAP_RUN(test_an_idle_connection_is_closed_and_a_parked_one_is_not);
    TAP_RUN(test_who_does_not_take_the_answer_is_cut);
    TAP_RUN(test_more_connections_than_allowed_wait_outside);
    TAP_RUN(test_stopping_finishes_what_runs_and_closes_the_rest);
    TAP_RUN(test_stopping_does_not_wait_for_ever);
    return tap_end();
}
