#include "world.h"

/* ---- first start ---- */

static void
must_verify(struct harness *h, const struct caller *who)
{
    TAP_OK(harness_call(h, who, "GET", V1 "/audit/verify", NULL));
    TAP_CHECK(json_is_true(json_object_get(h->json, "ok")));
}

static void
test_the_first_start_makes_one_operator_and_tells_the_password_once(void)
{
    struct caller op = {0};
    struct al_fail fail = {0};
    struct harness h;
    char *password;

    harness_open(&h);
    TAP_EQUAL_U64(strlen(h.first_password), AUTH_FIRST_PASSWORD);
    harness_login(&h, "admin", h.first_password, &op);
    TAP_CHECK(op.role == ROLE_OPERATOR && op.customer_id[0] == '\0' && op.csrf[0] != '\0');
    password = al_strdup(h.first_password);
    harness_stop(&h);
    TAP_OK(harness_start(&h, &fail));
    TAP_CHECK(h.first_password == NULL);
    harness_login(&h, "admin", password, &op);
    al_free(password);
    harness_close(&h);
}

static void
test_a_crash_before_the_first_password_was_told_locks_nobody_out(void)
{
    struct service_conf conf = {.port = port_native(), .version = "test"};
    struct caller op = {0};
    struct harness h = {.dir = "/tmp/alto-service-XXXXXX"};
    char *lost = NULL;

    TAP_CHECK(mkdtemp(h.dir) != NULL);
    conf.data_dir = h.dir;
    h.arena = al_arena_new(1 << 20);
    for (int i = 0; i < 2; i++) { /* opened, and gone before any worker */
        TAP_OK(service_open(&conf, &h.s, &lost, NULL));
        TAP_CHECK(lost != NULL);
        al_free(lost);
        lost = NULL;
        h.s = service_close(h.s);
    }
    h.now_ns = port_now_ns(port_native());
    TAP_OK(harness_start(&h, NULL));
    TAP_CHECK(h.first_password != NULL);
    harness_login(&h, "admin", h.first_password, &op);
    must_verify(&h, &op);
    harness_stop(&h);
    TAP_OK(harness_start(&h, NULL));
    TAP_CHECK(h.first_password == NULL); /* told, once and for all */
    harness_close(&h);
}

static void
test_a_lost_seal_key_is_noticed_at_the_start(void)
{
    struct al_fail fail = {0};
    struct harness h;
    char file[128];

    harness_open(&h);
    harness_stop(&h);
    snprintf(file, sizeof file, "%s/seal.key", h.dir);
    TAP_CHECK(unlink(file) == 0);
    TAP_CODE(harness_start(&h, &fail), AL_ECORRUPT);
    TAP_CHECK(strstr(fail.text, "seal.key") != NULL);
    harness_close(&h);
}

/* ---- repeating ---- */

static void
test_an_idempotency_key_repeats_the_answer_and_not_the_act(void)
{
    struct world w;
    al_id first;
    char again[AL_ID_LEN + 1];

    world_open(&w);
    w.h.key = "k1";
    must(&w, &w.op, "POST", V1 "/customers", "{\"name\":\"Once\"}");
    harness_id(&w.h, first);
    TAP_EQUAL_U64(w.h.reply.status, 201);
    w.h.key = "k1";
    must(&w, &w.op, "POST", V1 "/customers", "{\"name\":\"Once\"}");
    TAP_EQUAL_U64(w.h.reply.status, 201);
    TAP_EQUAL_U64(w.h.reply.etag, 1);
    TAP_CHECK(w.h.reply.location != NULL && strstr(w.h.reply.location, first) != NULL);
    snprintf(again, sizeof again, "%s", harness_str(&w.h, "id"));
    TAP_EQUAL_STR(again, first);
    w.h.key = "k1";
    TAP_CODE(harness_call(&w.h, &w.op, "POST", V1 "/customers", "{\"name\":\"Twice\"}"),
             AL_ECONFLICT);
    w.h.key = "k1"; /* another caller's keys are another world */
    must(&w, &w.a.admin, "POST", V1 "/shares", "{\"name\":\"s\",\"url\":\"file:///x\"}");
    w.h.now_ns += STORE_ANSWER_KEPT_NS + SECOND;
    w.h.key = "k1";
    TAP_CODE(harness_call(&w.h, &w.op, "POST", V1 "/customers", "{\"name\":\"Once\"}"),
             AL_ECONFLICT); /* the name is taken */
    TAP_CHECK(strstr(w.h.fail.text, "name") != NULL);
    world_close(&w);
}

static void
test_a_key_belongs_to_its_operation(void)
{
    struct world w;
    char where[256];

    world_open(&w);
    snprintf(where, sizeof where, "%s", path("customers", w.a.customer, "/enrol-tokens"));
    w.h.key = "same";
    must(&w, &w.op, "POST", where, "{\"name\":\"x\"}");
    w.h.key = "same";
    TAP_CODE(harness_call(&w.h, &w.op, "POST", V1 "/customers", "{\"name\":\"x\"}"), AL_ECONFLICT);
    w.h.key = "";
    TAP_CODE(harness_call(&w.h, &w.op, "POST", V1 "/customers", "{\"name\":\"x\"}"), AL_EINVAL);
    world_close(&w);
}

/* ---- secrets ---- */

/* Whether the bytes stand anywhere in the data folder's files. */
static bool
stands_on_disk(struct harness *h, const char *secret)
{
    static const char *const names[] = {"alto.db", "alto.db-wal"};
    bool found = false;

    for (size_t i = 0; i < AL_LEN(names); i++) {
        struct al_buf bytes = {.max = 64 << 20};
        char file[128];

        snprintf(file, sizeof file, "%s/%s", h->dir, names[i]);
        if (port_read_file(port_native(), NULL, file, bytes.max, &bytes) == AL_OK) {
            found = found || memmem(bytes.at, bytes.len, secret, strlen(secret)) != NULL;
        }
        al_buf_free(&bytes);
    }
    return found;
}

static void
test_secrets_are_neither_shown_nor_stored_in_the_clear(void)
{
    char token[64] = "", body[256];
    struct world w;

    world_open(&w);
    TAP_CHECK(stands_on_disk(&w.h, "smb://nas/cold")); /* the search finds what is there */
    TAP_CHECK(!stands_on_disk(&w.h, "geheim-7"));
    TAP_CHECK(!stands_on_disk(&w.h, "correct horse"));
    TAP_CHECK(!stands_on_disk(&w.h, w.h.first_password));
    must(&w, &w.a.admin, "GET", path("shares", w.a.share, ""), NULL);
    TAP_CHECK(strstr((char *)w.h.reply.body.at, "geheim") == NULL);
    TAP_CHECK(json_is_true(json_object_get(w.h.json, "has_password")));
    w.h.key = "k"; /* the kept answer has the token in it */
    must(&w, &w.a.admin, "POST", path("customers", w.a.customer, "/enrol-tokens"), "{\"hours\":1}");
    snprintf(token, sizeof token, "%s", harness_str(&w.h, "token"));
    TAP_EQUAL_U64(strlen(token), 43);
    TAP_CHECK(!stands_on_disk(&w.h, token));
    w.h.key = "k";
    must(&w, &w.a.admin, "POST", path("customers", w.a.customer, "/enrol-tokens"), "{\"hours\":1}");
    TAP_EQUAL_STR(harness_str(&w.h, "token"), token);
    w.h.query = "limit=500";
    must(&w, &w.op, "GET", V1 "/audit", NULL);
    TAP_CHECK(strstr((char *)w.h.reply.body.at, "geheim") == NULL);
    TAP_CHECK(strstr((char *)w.h.reply.body.at, "correct horse") == NULL);
    TAP_CHECK(strstr((char *)w.h.reply.body.at, "argon2") == NULL);
    must(&w, &w.op, "GET", V1 "/users", NULL);
    TAP_CHECK(strstr((char *)w.h.reply.body.at, "argon2") == NULL);
    w.h.if_match = "*";
    snprintf(body, sizeof body, "{\"password\":null}");
    must(&w, &w.a.admin, "PATCH", path("shares", w.a.share, ""), body);
    TAP_CHECK(json_is_false(json_object_get(w.h.json, "has_password")));
    world_close(&w);
}

/* What is demanded of a share's connections is the agent's to keep, and changes of it stand in the record. */
static void
test_what_a_shares_connections_must_be(void)
{
    char body[300];
    struct world w;

    world_open(&w);
    must(&w, &w.a.admin, "GET", path("shares", w.a.share, ""), NULL);
    TAP_EQUAL_STR(harness_str(&w.h, "wire"), "any");
    w.h.if_match = "*";
    must(&w, &w.a.admin, "PATCH", path("shares", w.a.share, ""), "{\"wire\":\"encrypted\"}");
    TAP_EQUAL_STR(harness_str(&w.h, "wire"), "encrypted");
    w.h.if_match = "*";
    must(&w, &w.a.admin, "PATCH", path("shares", w.a.share, ""), "{\"name\":\"colder\"}"); /* stays */
    TAP_EQUAL_STR(harness_str(&w.h, "wire"), "encrypted");
    w.h.query = "act=share.update";
    must(&w, &w.a.auditor, "GET", V1 "/audit", NULL);
    TAP_CHECK(strstr((char *)w.h.reply.body.at, "encrypted") != NULL);
    w.h.if_match = "*";
    TAP_CODE(harness_call(&w.h, &w.a.admin, "PATCH", path("shares", w.a.share, ""), "{\"wire\":\"sealed\"}"), AL_EINVAL);
    w.h.if_match = "*";
    TAP_CODE(harness_call(&w.h, &w.a.admin, "PATCH", path("shares", w.a.share, ""),
                          "{\"url\":\"file:///srv/cold\",\"password\":null}"),
             AL_EINVAL);
    snprintf(body, sizeof body, "{\"customer_id\":\"%s\",\"name\":\"n\",\"url\":\"smb://nas/other\",\"wire\":\"signed\"}", w.a.customer);
    TAP_CODE(harness_call(&w.h, &w.a.admin, "POST", V1 "/shares", body), AL_EINVAL); /* a guest has no key */
    w.h.if_match = "*";
    TAP_CODE(harness_call(&w.h, &w.a.admin, "PATCH", path("shares", w.a.share, ""), "{\"user\":null}"), AL_EINVAL);
    w.h.if_match = "*";
    must(&w, &w.a.admin, "PATCH", path("shares", w.a.share, ""), "{\"user\":null,\"wire\":\"any\"}");
    w.h.if_match = "*";
    TAP_CODE(harness_call(&w.h, &w.a.admin, "PATCH", path("shares", w.a.share, ""), "{\"wire\":\"signed\"}"), AL_EINVAL);
    snprintf(body, sizeof body, "{\"customer_id\":\"%s\",\"name\":\"n\",\"url\":\"smb://nas/other\",\"user\":\"u\",\"wire\":\"signed\"}",
             w.a.customer);
    must(&w, &w.a.admin, "POST", V1 "/shares", body);
    TAP_EQUAL_STR(harness_str(&w.h, "wire"), "signed");
    world_close(&w);
}

/* ---- sessions ---- */

static void
test_wrong_passwords_are_in_the_record_and_close_the_door(void)
{
    struct world w;
    size_t events;

    world_open(&w);
    for (unsigned i = 0; i < AUTH_FAILURES_MAX; i++) {
        w.h.peer = "10.1.1.1:7";
        TAP_CODE(harness_call(&w.h, NULL, "POST", V1 "/session",
                              "{\"name\":\"ACME-admin\",\"password\":\"wrong horse\"}"),
                 AL_EAUTH);
    }
    w.h.peer = "10.1.1.1:8";
    TAP_CODE(harness_call(&w.h, NULL, "POST", V1 "/session",
                          "{\"name\":\"acme-admin\",\"password\":\"correct horse\"}"),
             AL_ELIMIT);
    TAP_CHECK(w.h.reply.retry_after_s > 0);
    w.h.query = "act=session.create&code=wrong_password";
    must(&w, &w.a.auditor, "GET", V1 "/audit", NULL);
    events = harness_items(&w.h);
    TAP_EQUAL_U64(events, AUTH_FAILURES_MAX);
    TAP_CHECK(strstr((char *)w.h.reply.body.at, "10.1.1.1") != NULL);
    w.h.query = "act=session.create&code=wrong_password";
    must(&w, &w.b.auditor, "GET", V1 "/audit", NULL);
    TAP_EQUAL_U64(harness_items(&w.h), 0);
    w.h.now_ns += AUTH_WINDOW_NS + SECOND;
    w.h.peer = "10.1.1.1:8";
    must(&w, NULL, "POST", V1 "/session",
         "{\"name\":\"acme-admin\",\"password\":\"correct horse\"}");
    world_close(&w);
}

static void
test_a_session_says_who_and_ends_when_told(void)
{
    char token[64];
    struct caller c, again;
    struct world w;

    world_open(&w);
    must(&w, NULL, "POST", V1 "/session",
         "{\"name\":\"acme-admin\",\"password\":\"correct horse\"}");
    snprintf(token, sizeof token, "%s", harness_str(&w.h, "token"));
    TAP_CHECK(w.h.reply.cookie != NULL && strstr(w.h.reply.cookie, token) != NULL);
    TAP_CHECK(strstr(w.h.reply.cookie, "HttpOnly") != NULL &&
              strstr(w.h.reply.cookie, "SameSite=Strict") != NULL);
    TAP_OK(service_authenticate(w.h.w, NULL, token, w.h.now_ns, &c));
    TAP_CHECK(c.by_cookie && c.role == ROLE_ADMIN);
    TAP_EQUAL_STR(c.customer_id, w.a.customer);
    must(&w, &c, "GET", V1 "/session", NULL);
    TAP_EQUAL_STR(harness_str(&w.h, "csrf"), c.csrf);
    TAP_CHECK(json_object_get(w.h.json, "token") == NULL);
    must(&w, &c, "DELETE", V1 "/session", NULL);
    TAP_CHECK(w.h.reply.cookie != NULL && strstr(w.h.reply.cookie, "Max-Age=0") != NULL);
    TAP_CODE(service_authenticate(w.h.w, token, NULL, w.h.now_ns, &again), AL_EAUTH);
    TAP_CODE(service_authenticate(w.h.w, NULL, NULL, w.h.now_ns, &again), AL_EAUTH);
    world_close(&w);
}

static void
test_a_new_password_ends_all_other_sessions(void)
{
    struct caller one, two, got;
    char first[64], second[64];
    struct world w;

    world_open(&w);
    must(&w, NULL, "POST", V1 "/session",
         "{\"name\":\"acme-admin\",\"password\":\"correct horse\"}");
    snprintf(first, sizeof first, "%s", harness_str(&w.h, "token"));
    must(&w, NULL, "POST", V1 "/session",
         "{\"name\":\"acme-admin\",\"password\":\"correct horse\"}");
    snprintf(second, sizeof second, "%s", harness_str(&w.h, "token"));
    TAP_OK(service_authenticate(w.h.w, first, NULL, w.h.now_ns, &one));
    TAP_OK(service_authenticate(w.h.w, second, NULL, w.h.now_ns, &two));
    TAP_CODE(harness_call(&w.h, &one, "POST", path("users", w.a.admin_id, "/password"),
                          "{\"password\":\"battery staple\"}"),
             AL_EINVAL);
    TAP_CODE(harness_call(&w.h, &one, "POST", path("users", w.a.admin_id, "/password"),
                          "{\"password\":\"battery staple\",\"old_password\":\"wrong\"}"),
             AL_EINVAL);
    TAP_CODE(harness_call(&w.h, &one, "POST", path("users", w.a.admin_id, "/password"),
                          "{\"password\":\"short\",\"old_password\":\"correct horse\"}"),
             AL_EINVAL);
    must(&w, &one, "POST", path("users", w.a.admin_id, "/password"),
         "{\"password\":\"battery staple\",\"old_password\":\"correct horse\"}");
    TAP_OK(service_authenticate(w.h.w, first, NULL, w.h.now_ns, &got));
    TAP_CODE(service_authenticate(w.h.w, second, NULL, w.h.now_ns, &got), AL_EAUTH);
    TAP_CODE(harness_call(&w.h, NULL, "POST", V1 "/session",
                          "{\"name\":\"acme-admin\",\"password\":\"correct horse\"}"),
             AL_EAUTH);
    must(&w, NULL, "POST", V1 "/session",
         "{\"name\":\"acme-admin\",\"password\":\"battery staple\"}");
    must(&w, &w.op, "POST", path("users", w.a.admin_id, "/password"),
         "{\"password\":\"operator chose\"}"); /* no old one needed */
    TAP_CODE(service_authenticate(w.h.w, first, NULL, w.h.now_ns, &got), AL_EAUTH);
    world_close(&w);
}

/* ---- the record ---- */

static void
test_every_write_leaves_exactly_one_event_and_the_chains_hold(void)
{
    struct world w;
    uint64_t before;
    char query[64];

    world_open(&w);
    w.h.query = "count=true";
    must(&w, &w.op, "GET", V1 "/audit", NULL);
    before = harness_u64(&w.h, "total");
    w.h.if_match = "*";
    must(&w, &w.a.admin, "PATCH", path("shares", w.a.share, ""),
         "{\"url\":\"smb://nas2/cold\",\"password\":\"neu-geheim\"}");
    w.h.if_match = "*";
    must(&w, &w.a.admin, "PATCH", path("hosts", w.a.host, ""), "{\"name\":\"fs2\"}");
    must(&w, &w.a.admin, "POST", path("customers", w.a.customer, "/enrol-tokens"), NULL);
    TAP_CODE(harness_call(&w.h, &w.a.admin, "POST", V1 "/shares",
                          "{\"name\":\"cold\",\"url\":\"file:///x\"}"),
             AL_ECONFLICT);
    w.h.query = "count=true&limit=3";
    must(&w, &w.op, "GET", V1 "/audit", NULL);
    TAP_EQUAL_U64(harness_u64(&w.h, "total"), before + 3);
    {
        const json_t *e = json_array_get(json_object_get(w.h.json, "items"), 2);
        const json_t *detail = json_object_get(e, "detail");

        TAP_EQUAL_STR(json_string_value(json_object_get(e, "act")), "share.update");
        TAP_EQUAL_STR(json_string_value(json_object_get(e, "actor_name")), "acme-admin");
        TAP_EQUAL_STR(json_string_value(json_object_get(e, "customer_id")), w.a.customer);
        TAP_EQUAL_STR(json_string_value(json_object_get(json_object_get(detail, "url"), "from")),
                      "smb://nas/cold");
        TAP_EQUAL_STR(json_string_value(json_object_get(detail, "password")), "set");
    }
    must(&w, &w.a.auditor, "GET", V1 "/audit/verify", NULL);
    TAP_CHECK(json_is_true(json_object_get(w.h.json, "ok")));
    TAP_CHECK(harness_u64(&w.h, "events") > 5);
    must(&w, &w.op, "GET", V1 "/audit/verify", NULL);
    TAP_CHECK(json_is_true(json_object_get(w.h.json, "ok")));
    snprintf(query, sizeof query, "customer_id=%s", w.b.customer);
    w.h.query = query;
    must(&w, &w.op, "GET", V1 "/audit/verify", NULL);
    TAP_CHECK(json_is_true(json_object_get(w.h.json, "ok")));
    world_close(&w);
}

static unsigned events_seen, wakes_seen;
static char last_event[32], last_topic[64];

static void
on_event(void *ctx, const struct service_event *e)
{
    (void)ctx;
    if (strcmp(e->event, "audit") != 0) {
        events_seen++;
        snprintf(last_event, sizeof last_event, "%s", e->event);
    }
}

static void
on_wake(void *ctx, const char *topic)
{
    (void)ctx;
    wakes_seen++;
    snprintf(last_topic, sizeof last_topic, "%s", topic);
}

static void
test_changes_are_told_live_and_wake_the_hosts_they_concern(void)
{
    struct world w;
    char topic[64];

    world_open(&w);
    TAP_OK(service_subscribe(w.h.s, on_event, NULL));
    TAP_OK(service_on_wake(w.h.s, on_wake, NULL));
    events_seen = wakes_seen = 0;
    snprintf(topic, sizeof topic, "host:%s", w.a.host);
    w.h.if_match = "*";
    must(&w, &w.a.admin, "PATCH", path("shares", w.a.share, ""),
         "{\"url\":\"smb://nas2/cold\",\"password\":\"p\"}");
    TAP_EQUAL_U64(events_seen, 1);
    TAP_EQUAL_STR(last_event, "share");
    TAP_EQUAL_U64(wakes_seen, 1);
    TAP_EQUAL_STR(last_topic, topic);
    w.h.if_match = "\"9\"";
    TAP_CODE(harness_call(&w.h, &w.a.admin, "PATCH", path("shares", w.a.share, ""),
                          "{\"url\":\"smb://nas3/cold\",\"password\":\"p\"}"),
             AL_ECHANGED);
    TAP_EQUAL_U64(events_seen, 1); /* nothing happened, nothing is told */
    world_close(&w);
}

/* ---- many at once ---- */

struct writer {
    struct harness *h;
    const struct caller *who;
    unsigned number;
    int rc;
};

static void *
write_shares(void *arg)
{
    struct writer *t = arg;
    struct harness own = {.s = t->h->s, .now_ns = t->h->now_ns};

    own.arena = al_arena_new(1 << 20);
    t->rc = own.arena == NULL ? AL_ENOMEM : service_worker_open(own.s, &own.w, NULL);
    for (int i = 0; i < 25 && t->rc == AL_OK; i++) {
        char body[128];

        snprintf(body, sizeof body, "{\"name\":\"s %u %d\",\"url\":\"file:///x\"}", t->number, i);
        t->rc = harness_call(&own, t->who, "POST", V1 "/shares", body);
        if (t->rc == AL_OK) {
            t->rc = harness_call(&own, t->who, "GET", V1 "/shares", NULL);
        }
        if (t->rc == AL_OK && i % 5 == 0) {
            t->rc = service_tick(own.w, own.now_ns);
        }
    }
    al_json_freep(&own.json);
    al_buf_free(&own.reply.body);
    own.w = service_worker_close(own.w);
    own.arena = al_arena_free(own.arena);
    return NULL;
}

static void
test_many_workers_write_and_read_at_once(void)
{
    struct writer t[4];
    pthread_t id[4];
    struct world w;

    world_open(&w);
    for (unsigned i = 0; i < 4; i++) {
        t[i] = (struct writer){&w.h, i % 2 ? &w.a.admin : &w.b.admin, i, AL_EINTERNAL};
        TAP_CHECK(pthread_create(&id[i], NULL, write_shares, &t[i]) == 0);
    }
    for (unsigned i = 0; i < 4; i++) {
        pthread_join(id[i], NULL);
        TAP_OK(t[i].rc);
    }
    w.h.query = "limit=500";
    must(&w, &w.a.admin, "GET", V1 "/shares", NULL);
    TAP_EQUAL_U64(harness_items(&w.h), 51);
    must(&w, &w.a.auditor, "GET", V1 "/audit/verify", NULL);
    TAP_CHECK(json_is_true(json_object_get(w.h.json, "ok")));
    world_close(&w);
}

/* ---- want of memory ---- */

static void
test_each_call_that_fails_while_opening_leaves_a_service_that_opens(void)
{
    struct service_conf conf = {.port = port_native(), .version = "test"};
    struct harness h = {.dir = "/tmp/alto-service-XXXXXX"};
    struct caller op = {0};
    unsigned refused = 0;

    TAP_CHECK(mkdtemp(h.dir) != NULL);
    conf.data_dir = h.dir;
    h.arena = al_arena_new(1 << 20);
    for (uint64_t nth = 1; nth < 2000; nth++) {
        struct al_fail fail = {0};
        char *password = NULL;
        uint64_t calls;
        int rc;

        al_fault_arm(AL_FAULT_MEM | AL_FAULT_PORT, nth, false);
        rc = service_open(&conf, &h.s, &password, &fail);
        calls = al_fault_disarm();
        TAP_CHECK((rc == AL_OK) == (h.s != NULL));
        TAP_CHECK(rc == AL_OK || (password == NULL && fail.text[0] != 0));
        refused += rc != AL_OK;
        al_free(password);
        h.s = service_close(h.s);
        if (calls < nth) {
            TAP_OK(rc);
            break;
        }
    }
    TAP_CHECK(refused > 20);
    h.now_ns = port_now_ns(port_native());
    TAP_OK(harness_start(&h, NULL));
    harness_login(&h, "admin", h.first_password, &op);
    must_verify(&h, &op);
    harness_close(&h);
}

static void
test_no_memory_in_a_request_leaves_all_of_it_or_nothing(void)
{
    unsigned refused = 0, made = 0;
    struct world w;

    world_open(&w);
    for (uint64_t nth = 1; nth < 1000; nth++) {
        char body[128];
        size_t shares;
        uint64_t calls;
        int rc;

        snprintf(body, sizeof body,
                 "{\"name\":\"s%u\",\"url\":\"file:///x\",\"password\":\"geheim\"}", (unsigned)nth);
        w.h.key = body;
        w.h.fault = nth;
        rc = harness_call(&w.h, &w.a.admin, "POST", V1 "/shares", body);
        calls = w.h.fault_calls;
        TAP_CHECK(rc == AL_OK || rc == AL_ENOMEM);
        refused += rc == AL_ENOMEM;
        made += rc == AL_OK;
        w.h.query = "limit=500";
        must(&w, &w.a.admin, "GET", V1 "/shares", NULL);
        shares = harness_items(&w.h);
        TAP_EQUAL_U64(shares, 1 + made);
        if (calls < nth) {
            break;
        }
    }
    TAP_CHECK(refused > 5);
    must(&w, &w.a.auditor, "GET", V1 "/audit/verify", NULL);
    TAP_CHECK(json_is_true(json_object_get(w.h.json, "ok")));
    world_close(&w);
}

int
main(void)
{
    TAP_RUN(test_the_first_start_makes_one_operator_and_tells_the_password_once);
    TAP_RUN(test_a_crash_before_the_first_password_was_told_locks_nobody_out);
    TAP_RUN(test_a_lost_seal_key_is_noticed_at_the_start);
    TAP_RUN(test_an_idempotency_key_repeats_the_answer_and_not_the_act);
    TAP_RUN(test_a_key_belongs_to_its_operation);
    TAP_RUN(test_what_a_shares_connections_must_be);
    TAP_RUN(test_secrets_are_neither_shown_nor_stored_in_the_clear);
    TAP_RUN(test_wrong_passwords_are_in_the_record_and_close_the_door);
    TAP_RUN(test_a_session_says_who_and_ends_when_told);
    TAP_RUN(test_a_new_password_ends_all_other_sessions);
    TAP_RUN(test_every_write_leaves_exactly_one_event_and_the_chains_hold);
    TAP_RUN(test_changes_are_told_live_and_wake_the_hosts_they_concern);
    TAP_RUN(test_many_workers_write_and_read_at_once);
    TAP_RUN(test_each_call_that_fails_while_opening_leaves_a_service_that_opens);
    TAP_RUN(test_no_memory_in_a_request_leaves_all_of_it_or_nothing);
    return tap_end();
}
