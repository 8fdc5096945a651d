#include "fake_service.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"
#include "port/thread.h"

struct service {
    void (*on_event)(void *ctx, const struct service_event *e);
    void *on_event_ctx;
    void (*on_wake)(void *ctx, const char *topic);
    void *on_wake_ctx;
    atomic_uint running, running_max, runs;
    pthread_mutex_t lock;
    char given[64][64];
    unsigned given_count;
    char logged_out[32];
};

struct service_worker {
    int unused;
};

static struct service fake;

struct service *
fake_service(void)
{
    memset(&fake, 0, sizeof(fake));
    pthread_mutex_init(&fake.lock, NULL);
    return &fake;
}

/* ---- operations ---- */

static int
op_health(struct service_req *q, struct service_reply *r, struct al_fail *fail)
{
    return al_buf_adds(&r->body, "{\"status\":\"ok\"}");
}

static int
op_item_get(struct service_req *q, struct service_reply *r, struct al_fail *fail)
{
    if (strcmp(q->ids[0], "missing") == 0) {
        return al_fail_set(fail, AL_ENOENT, 0, "no such item");
    }
    r->etag = 7;
    if (q->if_none_match != NULL && strcmp(q->if_none_match, "\"7\"") == 0) {
        r->status = 304;
        return AL_OK;
    }
    return al_buf_addf(&r->body, "{\"id\":\"%s\",\"by\":\"%s\"}", q->ids[0], q->caller->name);
}

static int
op_item_patch(struct service_req *q, struct service_reply *r, struct al_fail *fail)
{
    if (q->if_match == NULL) {
        return al_fail_set(fail, AL_ENODATA, 0, "If-Match is needed");
    }
    if (strcmp(q->if_match, "\"7\"") != 0) {
        return al_fail_set(fail, AL_ECHANGED, 0, "somebody else was faster");
    }
    r->etag = 8;
    return al_buf_adds(&r->body, "{}");
}

static int
op_item_create(struct service_req *q, struct service_reply *r, struct al_fail *fail)
{
    const char *name;
    int rc = q->body == NULL ? al_fail_set(fail, AL_EINVAL, 0, "a body is needed")
                             : al_json_str(q->body, "name", &name, NULL);

    if (rc != AL_OK) {
        return al_fail_set(fail, AL_EINVAL, 0, "\"name\" is missing");
    }
    r->status = 201;
    r->location = "/api/v1/items/1";
    r->cookie = "alto_session=x; Path=/; HttpOnly";
    return al_buf_addf(&r->body, "{\"name\":\"%s\",\"key\":\"%s\",\"peer\":\"%s\"}", name,
                       q->idempotency_key != NULL ? q->idempotency_key : "", q->peer);
}

static void
sleep_ms(uint64_t ms)
{
    struct timespec t = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};

    nanosleep(&t, NULL);
}

static uint64_t
number(struct service_req *q, const char *name)
{
    const char *text = q->query(q->query_ctx, name);
    uint64_t n = 0;

    return text != NULL && al_parse_u64(text, &n) == AL_OK ? n : 0;
}

static int
op_slow(struct service_req *q, struct service_reply *r, struct al_fail *fail)
{
    unsigned now = atomic_fetch_add(&fake.running, 1) + 1, max = atomic_load(&fake.running_max);

    while (now > max && !atomic_compare_exchange_weak(&fake.running_max, &max, now)) {
    }
    sleep_ms(number(q, "ms"));
    atomic_fetch_sub(&fake.running, 1);
    return al_buf_adds(&r->body, "{}");
}

/* Answers {"got":true} when the topic was given something, {"got":false} when the time is up. */
static int
op_park(struct service_req *q, struct service_reply *r, struct al_fail *fail)
{
    const char *topic = q->query(q->query_ctx, "topic");
    int64_t until_ns =
        r->park_until_ns != 0 ? r->park_until_ns : q->now_ns + (int64_t)number(q, "ms") * 1000000;
    bool got = false;

    atomic_fetch_add(&fake.runs, 1);
    pthread_mutex_lock(&fake.lock);
    for (unsigned i = 0; !got && i < fake.given_count; i++) {
        if (strcmp(fake.given[i], topic) == 0) {
            memcpy(fake.given[i], fake.given[--fake.given_count], sizeof(fake.given[i]));
            got = true;
        }
    }
    pthread_mutex_unlock(&fake.lock);
    if (number(q, "dawdle") > 0 && !got) {
        sleep_ms(number(q, "dawdle")); /* what happens meanwhile must not be missed */
    }
    if (!got && q->now_ns < until_ns) {
        r->park_topic = topic;
        r->park_until_ns = until_ns;
        return AL_OK;
    }
    return al_buf_addf(&r->body, "{\"got\":%s}", got ? "true" : "false");
}

static int
op_batch(struct service_req *q, struct service_reply *r, struct al_fail *fail)
{
    return al_buf_addf(&r->body, "{\"bytes\":%zu,\"hash\":\"%016llx\"}", q->raw.len,
                       (unsigned long long)al_xxh64(q->raw.at, q->raw.len, 0));
}

static int
op_echo(struct service_req *q, struct service_reply *r, struct al_fail *fail)
{
    const char *text = q->query(q->query_ctx, "q");

    return al_buf_addf(&r->body, "{\"q\":\"%s\"}", text != NULL ? text : "");
}

static int
op_fail(struct service_req *q, struct service_reply *r, struct al_fail *fail)
{
    r->retry_after_s = (int)number(q, "retry");
    return al_fail_set(fail, al_code_from_name(q->query(q->query_ctx, "code")), 5, "secret words");
}

static int
op_figures(struct service_req *q, struct service_reply *r, struct al_fail *fail)
{
    return al_buf_adds(&r->body, "{\"hosts\":3,\"stub_bytes\":123456789012345}");
}

static int
op_big(struct service_req *q, struct service_reply *r, struct al_fail *fail)
{
    uint64_t bytes = number(q, "bytes");
    int rc = al_buf_reserve(&r->body, bytes);

    if (rc == AL_OK) {
        memset(r->body.at, 'x', bytes);
        r->body.len = bytes;
    }
    return rc;
}

/* A file of so many bytes, each block of eight its number; told: more bytes than it has. */
static int
op_file(struct service_req *q, struct service_reply *r, struct al_fail *fail)
{
    char path[] = "/tmp/alto-api-file-XXXXXX";
    uint64_t bytes = number(q, "bytes"), more = number(q, "more");
    int fd = mkstemp(path), rc = AL_OK;

    for (uint64_t i = 0, k = 0; i < bytes / 8 && rc == AL_OK; k = 0) {
        uint64_t block[4096];

        while (k < 4096 && i < bytes / 8) {
            block[k++] = i++;
        }
        rc = write(fd, block, k * 8) == (ssize_t)(k * 8) ? AL_OK : AL_EIO;
    }
    close(fd);
    rc = rc == AL_OK ? port_open(port_native(), NULL, path, PORT_READ, 0, &r->file) : rc;
    unlink(path);
    r->file_bytes = bytes + more;
    r->file_name = q->query(q->query_ctx, "name");
    r->content_type = "text/csv";
    return number(q, "fail") == 0 ? rc : al_fail_set(fail, AL_ENOENT, 0, "no such list");
}

#define A "/api/v1"
static const struct service_route routes[] = {
    {"GET", A "/health", 0, op_health, "health", 0, true},
    {"GET", A "/items/{id}", ROLES_READ, op_item_get, "item_get", 0, true},
    {"PATCH", A "/items/{id}", ROLES_WRITE, op_item_patch, "item_patch", 1024, false},
    {"DELETE", A "/items/{id}", ROLE_OPERATOR, op_item_patch, "item_delete", 0, false},
    {"POST", A "/items", ROLES_WRITE, op_item_create, "item_create", 1024, false},
    {"POST", A "/open", 0, op_item_create, "open_create", 1024, false},
    {"GET", A "/slow", 0, op_slow, "slow", 0, false},
    {"GET", A "/ask", ROLES_READ | ROLE_HOST, op_slow, "ask", 0, false},
    {"GET", A "/park", 0, op_park, "park", 0, false},
    {"POST", A "/agent/batch", ROLE_HOST, op_batch, "batch", 1 << 20, false},
    {"GET", A "/echo", 0, op_echo, "echo", 0, true},
    {"GET", A "/fail", 0, op_fail, "fail", 0, false},
    {"GET", A "/figures", ROLES_READ, op_figures, "figures_get", 0, false},
    {"GET", A "/big", 0, op_big, "big", 0, false},
    {"GET", A "/file", 0, op_file, "file", 0, false},
    {"PUT", A "/raw", 0, op_batch, "raw", 1 << 20, false, true},
};

const struct service_route *
service_routes(size_t *ret_count)
{
    *ret_count = AL_LEN(routes);
    return routes;
}

const struct service_route *
service_route_find(const char *method, const char *path, struct al_arena *arena, const char *ids[4],
                   bool *ret_method_wrong)
{
    bool wrong = false;

    for (size_t i = 0; i < AL_LEN(routes); i++) {
        const char *brace = strchr(routes[i].path, '{');
        size_t len = brace != NULL ? (size_t)(brace - routes[i].path) : strlen(routes[i].path);

        if (strncmp(path, routes[i].path, len) != 0 ||
            (brace == NULL ? path[len] != '\0'
                           : path[len] == '\0' || strchr(path + len, '/') != NULL)) {
            continue;
        }
        if (strcmp(routes[i].method, method) != 0) {
            wrong = true;
            continue;
        }
        ids[0] = brace != NULL ? al_arena_str(arena, path + len) : NULL;
        *ret_method_wrong = false;
        return &routes[i];
    }
    *ret_method_wrong = wrong;
    return NULL;
}

/* ---- the rest ---- */

int
service_worker_open(struct service *s, struct service_worker **ret, struct al_fail *fail)
{
    *ret = al_zalloc(sizeof(**ret));
    return *ret == NULL ? AL_ENOMEM : AL_OK;
}

struct service_worker *
service_worker_close(struct service_worker *w)
{
    al_free(w);
    return NULL;
}

int
service_authenticate(struct service_worker *w, const char *bearer, const char *cookie_token,
                     int64_t now_ns, struct caller *ret)
{
    static const struct {
        const char *token, *customer;
        enum service_role role;
    } known[] = {{"op", "", ROLE_OPERATOR},
                 {"adm-a", CUSTOMER_A, ROLE_ADMIN},
                 {"aud-b", CUSTOMER_B, ROLE_AUDITOR},
                 {"host", CUSTOMER_A, ROLE_HOST}};
    const char *token = bearer != NULL ? bearer : cookie_token;

    pthread_mutex_lock(&fake.lock);
    for (size_t i = 0; i < AL_LEN(known); i++) {
        if (strcmp(known[i].token, token) == 0 && strcmp(fake.logged_out, token) != 0) {
            memset(ret, 0, sizeof(*ret));
            ret->role = known[i].role;
            ret->by_cookie = bearer == NULL;
            snprintf(ret->name, sizeof(ret->name), "%s", token);
            snprintf(ret->id, sizeof(ret->id), "id-%s", token);
            snprintf(ret->csrf, sizeof(ret->csrf), "csrf-%s", token);
            snprintf(ret->customer_id, sizeof(ret->customer_id), "%s", known[i].customer);
            pthread_mutex_unlock(&fake.lock);
            return AL_OK;
        }
    }
    pthread_mutex_unlock(&fake.lock);
    return AL_EAUTH;
}

int
service_subscribe(struct service *s, void (*on_event)(void *ctx, const struct service_event *e),
                  void *ctx)
{
    s->on_event = on_event;
    s->on_event_ctx = ctx;
    return AL_OK;
}

int
service_on_wake(struct service *s, void (*on_wake)(void *ctx, const char *topic), void *ctx)
{
    s->on_wake = on_wake;
    s->on_wake_ctx = ctx;
    return AL_OK;
}

void
fake_log_out(const char *token)
{
    pthread_mutex_lock(&fake.lock);
    snprintf(fake.logged_out, sizeof(fake.logged_out), "%s", token != NULL ? token : "");
    pthread_mutex_unlock(&fake.lock);
}

void
fake_publish(const char *event, const char *customer_id, const char *data)
{
    struct service_event e = {.event = event, .customer_id = customer_id, .data = data};

    fake.on_event(fake.on_event_ctx, &e);
}

void
fake_wake(const char *topic)
{
    fake.on_wake(fake.on_wake_ctx, topic);
}

void
fake_give(const char *topic)
{
    pthread_mutex_lock(&fake.lock);
    snprintf(fake.given[fake.given_count++], sizeof(fake.given[0]), "%s", topic);
    pthread_mutex_unlock(&fake.lock);
    fake_wake(topic);
}

unsigned
fake_running_max(void)
{
    return atomic_load(&fake.running_max);
}

unsigned
fake_runs(void)
{
    return atomic_load(&fake.runs);
}
