/* work_help.h: a small altod without HTTP for the tests of agents, jobs and files: one customer
 * with a host, a share and a volume, a second customer with the like, and calls of operations by
 * function. Include after tap.h, once. */
#ifndef ALTO_TEST_WORK_HELP_H
#define ALTO_TEST_WORK_HELP_H

#include <stdlib.h>
#include <unistd.h>

#include "server/service/agent/ops.h"
#include "server/service/figure/ops.h"
#include "server/service/file/ops.h"
#include "server/service/job/ops.h"
#include "server/service/noun/ops.h"
#include "server/service/plan/ops.h"
#include "server/service/rule/ops.h"
#include "server/service/work/work.h"

#define SECOND INT64_C(1000000000)

struct side { /* one customer's things */
    al_id customer, host, share, volume;
    struct caller agent, admin;
};

static struct world {
    struct port *port;
    char dir[64];
    struct service *s;
    struct service_worker *w;
    struct side a, b;
    struct caller operator_;
    int64_t now_ns;
    uint64_t seq;
    al_id stream;
    struct al_arena *arena;
    /* of the last call */
    struct service_reply reply;
    struct al_fail fail;
    json_t *json; /* its body, NULL: none */
    unsigned wakes, job_events, volume_events, access_events, orphan_events;
    char woken[160], volume_told[2048], access_told[16384], orphans_told[1024];
} world;

static inline void
world_id(al_id id)
{
    TAP_OK(store_id_make(world.w->db, world.now_ns, id));
}

static inline void
make_side(struct side *s, const char *name)
{
    struct scope all = scope_system();
    struct store *db = world.w->db;
    struct al_buf sealed;
    uint8_t key[32] = {1};
    char bound[64];

    world_id(s->customer);
    world_id(s->host);
    world_id(s->share);
    world_id(s->volume);
    struct store_customer c = {.name = name, .created_ns = world.now_ns};
    struct store_host h = {.name = name, .os = "linux", .agent_version = "1", .boot_id = ""};
    struct store_share sh = {
        .name = name, .url = "file:///srv", .state = "unknown", .state_text = ""};
    struct store_volume v = {
        .name = name, .path = "/data", .kind = "posix", .state = "unknown", .state_text = ""};
    memcpy(c.id, s->customer, sizeof(al_id));
    memcpy(h.id, s->host, sizeof(al_id));
    memcpy(h.customer_id, s->customer, sizeof(al_id));
    memcpy(sh.id, s->share, sizeof(al_id));
    memcpy(sh.customer_id, s->customer, sizeof(al_id));
    memcpy(v.id, s->volume, sizeof(al_id));
    memcpy(v.customer_id, s->customer, sizeof(al_id));
    memcpy(v.host_id, s->host, sizeof(al_id));
    memcpy(v.share_id, s->share, sizeof(al_id));
    al_buf_init(&sealed, 4096);
    (void)snprintf(bound, sizeof(bound), "volume:%s", v.id);
    TAP_OK(auth_seal(world.s->auth, bound, (struct al_span){key, sizeof(key)}, &sealed));
    v.marker_key_sealed = al_buf_span(&sealed);
    (void)snprintf(bound, sizeof(bound), "share:%s", sh.id);
    struct al_buf password;
    al_buf_init(&password, 4096);
    TAP_OK(auth_seal(world.s->auth, bound, al_span_of("hush"), &password));
    sh.password_sealed = al_buf_span(&password);
    sh.user = "alto";
    TAP_OK(store_begin(db, NULL));
    TAP_OK(store_customer_add(db, &all, &c, NULL));
    TAP_OK(store_host_add(db, &all, &h, NULL));
    TAP_OK(store_share_add(db, &all, &sh, NULL));
    sh.state = "ok";
    sh.checked_ns = world.now_ns;
    TAP_OK(store_share_state(db, &all, &sh, NULL));
    TAP_OK(store_volume_add(db, &all, &v, NULL));
    TAP_OK(store_commit(db, NULL));
    al_buf_free(&sealed);
    al_buf_free(&password);
    s->agent = (struct caller){.role = ROLE_HOST};
    memcpy(s->agent.id, s->host, sizeof(al_id));
    memcpy(s->agent.customer_id, s->customer, sizeof(al_id));
    (void)snprintf(s->agent.name, sizeof(s->agent.name), "%s", name);
    s->admin = (struct caller){.role = ROLE_ADMIN, .name = "boss"};
    world_id(s->admin.id);
    memcpy(s->admin.customer_id, s->customer, sizeof(al_id));
}

static inline void
on_wake(void *ctx, const char *topic)
{
    world.wakes++;
    (void)snprintf(world.woken, sizeof(world.woken), "%s", topic);
}

static inline void
on_event(void *ctx, const struct service_event *e)
{
    world.job_events += strcmp(e->event, "job") == 0;
    if (strcmp(e->event, "volume") == 0) {
        world.volume_events++;
        (void)snprintf(world.volume_told, sizeof(world.volume_told), "%s", e->data);
    }
    if (strcmp(e->event, "orphans") == 0) {
        world.orphan_events++;
        (void)snprintf(world.orphans_told, sizeof(world.orphans_told), "%s", e->data);
    }
    if (strcmp(e->event, "access") == 0) {
        world.access_events++;
        (void)snprintf(world.access_told, sizeof(world.access_told), "%s", e->data);
    }
}

static inline void
say(void *ctx, enum al_log_level level, const char *line)
{
    printf("# log: %s\n", line);
}

static inline void
world_start(void)
{
    static struct al_log log = {.level = AL_LOG_INFO, .write = say};
    struct service_conf conf = {.version = "0", .log = &log};
    char *password = NULL;

    conf.data_dir = world.dir;
    conf.port = world.port;
    TAP_OK(service_open(&conf, &world.s, &password, &world.fail));
    al_free(password);
    TAP_OK(service_worker_open(world.s, &world.w, &world.fail));
    TAP_OK(service_on_wake(world.s, on_wake, NULL));
    TAP_OK(service_subscribe(world.s, on_event, NULL));
}

/* altod ended and was started again on the same data. */
static inline void
world_again(void)
{
    world.w = service_worker_close(world.w);
    world.s = service_close(world.s);
    world_start();
}

static inline void
world_open(void)
{
    memset(&world, 0, sizeof(world));
    world.port = port_native();
    world.now_ns = port_now_ns(world.port);
    (void)snprintf(world.dir, sizeof(world.dir), "/tmp/alto-work-XXXXXX");
    TAP_CHECK(mkdtemp(world.dir) != NULL);
    world_start();
    world.arena = al_arena_new(256u << 20);
    al_buf_init(&world.reply.body, 64u << 20);
    make_side(&world.a, "anna");
    make_side(&world.b, "bert");
    world_id(world.stream);
    world.operator_ = (struct caller){.role = ROLE_OPERATOR, .name = "op"};
    world_id(world.operator_.id);
}

static inline void
world_close(void)
{
    char command[128];

    al_json_freep(&world.json);
    al_buf_free(&world.reply.body);
    world.w = service_worker_close(world.w);
    world.s = service_close(world.s);
    world.arena = al_arena_free(world.arena);
    (void)snprintf(command, sizeof(command), "rm -rf %s", world.dir);
    TAP_EQUAL_U64(system(command), 0);
}

/* Query as "name=value&name=value", undecoded. */
static inline const char *
find_query(void *ctx, const char *name)
{
    const char *at = ctx;
    size_t len = strlen(name);

    while (at != NULL && *at != '\0') {
        const char *end = strchr(at, '&');
        if (strncmp(at, name, len) == 0 && at[len] == '=') {
            size_t n = end == NULL ? strlen(at + len + 1) : (size_t)(end - at) - len - 1;
            char *text = al_arena_alloc(world.arena, n + 1);
            memcpy(text, at + len + 1, n);
            return text;
        }
        at = end == NULL ? NULL : end + 1;
    }
    return NULL;
}

struct asked {
    const struct caller *who;
    const char *id; /* the {id} of the path */
    const char *query, *body, *key, *if_match;
    struct al_span raw;
    bool again; /* a parked request is asked again: the reply is kept */
};

static inline int
ask(service_fn *fn, const char *op, const struct asked *a)
{
    struct service_req req = {
        .service = world.s,
        .worker = world.w,
        .caller = a->who,
        .op = op,
        .ids = {a->id},
        .query = find_query,
        .query_ctx = (void *)(uintptr_t)a->query,
        .raw = a->raw,
        .idempotency_key = a->key,
        .if_match = a->if_match,
        .peer = "test",
        .now_ns = world.now_ns,
        .arena = world.arena,
    };
    json_t *body = NULL;
    struct al_buf buf = world.reply.body;
    int rc;

    if (a->body != NULL) {
        TAP_OK(al_json_parse(al_span_of(a->body), &body, NULL));
        req.body = body;
    }
    if (!a->again) {
        al_arena_reset(world.arena);
        world.reply = (struct service_reply){.body = buf};
    }
    al_buf_clear(&world.reply.body);
    world.fail = (struct al_fail){0};
    world.reply.park_topic = NULL;
    rc = fn(&req, &world.reply, &world.fail);
    json_decref(body);
    al_json_freep(&world.json);
    if (rc == AL_OK && world.reply.body.len > 0) {
        TAP_OK(al_json_parse(al_buf_span(&world.reply.body), &world.json, NULL));
    }
    return rc;
}
#define ASK(fn, ...) ask(fn, #fn, &(struct asked){__VA_ARGS__})

static inline const char *
text_of(const json_t *j, const char *key)
{
    const char *text = json_string_value(json_object_get(j, key));

    return text == NULL ? "(none)" : text;
}

static inline uint64_t
number_of(const json_t *j, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(j, key));
}

/* How many files of the job that was asked for last were left for that reason. */
static inline uint64_t
left(const char *reason)
{
    const json_t *reasons = json_object_get(world.json, "reasons");

    for (size_t i = 0; i < json_array_size(reasons); i++) {
        if (strcmp(text_of(json_array_get(reasons, i), "reason"), reason) == 0) {
            return number_of(json_array_get(reasons, i), "files");
        }
    }
    return 0;
}

/* ---- an agent ---- */

static inline int
send_batch(const struct side *s, uint64_t seq, const char *lines)
{
    char query[128];

    (void)snprintf(query, sizeof(query), "stream=%s&seq=%llu", world.stream,
                   (unsigned long long)seq);
    return ASK(agent_batch, .who = &s->agent, .query = query, .raw = al_span_of(lines));
}

/* The next batch of the world's stream. */
static inline void
batch(const struct side *s, const char *lines)
{
    TAP_OK(send_batch(s, world.seq + 1, lines));
    TAP_EQUAL_U64(world.reply.status, 0);
    world.seq++;
    TAP_EQUAL_U64(number_of(world.json, "applied_seq"), world.seq);
}

static json_t *leased __attribute__((unused)); /* the last answer's work, owned */

static inline size_t
lease(const struct side *s, unsigned workers, const char *running)
{
    char body[4096];

    (void)snprintf(body, sizeof(body), "{\"workers\":%u,\"running\":[%s],\"config_version\":0}",
                   workers, running);
    TAP_OK(ASK(agent_lease, .who = &s->agent, .query = "wait_s=0", .body = body));
    json_decref(leased);
    leased = json_deep_copy(json_object_get(world.json, "work"));
    return json_array_size(leased);
}

/* One folder record for the root and entries for plain files of the given names and sizes, as the
 * walk of a scan. */
struct seen_file {
    const char *name;
    uint64_t size;
    int64_t atime_ns;
    uint32_t nlink;
};

static inline void
send_scan(const struct side *s, const struct seen_file *files, size_t count)
{
    struct al_buf body, packed;
    struct entry_record root = {.is_folder_record = true, .folder = 1};
    char query[128], line[512];
    const char *scan, *work;

    ASK(volume_scan, .who = &s->admin, .id = s->volume);
    TAP_EQUAL_U64(lease(s, 4, ""), 1);
    scan = text_of(json_array_get(leased, 0), "scan_id");
    work = text_of(json_array_get(leased, 0), "work_id");
    TAP_EQUAL_STR(text_of(json_array_get(leased, 0), "kind"), "scan");
    al_buf_init(&body, ENTRIES_PLAIN_MAX);
    al_buf_init(&packed, ENTRIES_PLAIN_MAX);
    TAP_OK(entries_add(&body, &root));
    for (size_t i = 0; i < count; i++) {
        struct entry_record e = {
            .folder = 1,
            .type = PORT_T_FILE,
            .name = al_span_of(files[i].name),
            .mode = 0644,
            .nlink = files[i].nlink == 0 ? 1 : files[i].nlink,
            .ino = 100 + i,
            .size = files[i].size,
            .allocated = (files[i].size + 4095) / 4096 * 4096,
            .mtime_ns = files[i].atime_ns,
            .ctime_ns = files[i].atime_ns,
            .atime_ns = files[i].atime_ns,
        };
        TAP_OK(entries_add(&body, &e));
    }
    TAP_OK(entries_pack(&body, count + 1, &packed));
    (void)snprintf(query, sizeof(query), "stream=%s&seq=1", scan);
    TAP_OK(ASK(agent_entries, .who = &s->agent, .query = query, .raw = al_buf_span(&packed)));
    TAP_EQUAL_U64(number_of(world.json, "applied_seq"), 1);
    (void)snprintf(line, sizeof(line),
                   "{\"t\":\"scan_end\",\"scan_id\":\"%s\",\"volume_id\":\"%s\",\"code\":\"ok\","
                   "\"entries\":%zu}\n"
                   "{\"t\":\"work_end\",\"work_id\":\"%s\",\"code\":\"ok\",\"text\":\"\"}\n",
                   scan, s->volume, count + 1, work);
    al_buf_free(&body);
    al_buf_free(&packed);
    batch(s, line);
}

static inline void
tick_after(int64_t ns)
{
    world.now_ns += ns;
    TAP_OK(service_tick(world.w, world.now_ns));
}

/* ---- what batches are made of, and what became of them ---- */

#define OBJECT "01j0000000000000000000000z"

static char text[1 << 16] __attribute__((unused)); /* lines under way */

static inline const char *
lines(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return text;
}

/* One outcome of anna's volume as a line; job "" for none. */
static inline const char *
outcome(char out[512], const char *act, const char *code, const char *reason, const char *job,
        const char *path)
{
    (void)snprintf(out, 512,
                   "{\"t\":\"outcome\",\"act\":\"%s\",\"code\":\"%s\",\"reason\":\"%s\",\"text\":"
                   "\"\",\"volume_id\":\"%s\","
                   "\"job_id\":\"%s\",\"path\":\"%s\",\"object_id\":\"" OBJECT
                   "\",\"size\":5000,\"freed\":8192,"
                   "\"began_ns\":1,\"ended_ns\":%lld,\"mtime_ns\":5}\n",
                   act, code, reason, world.a.volume, job, path,
                   (long long)(world.now_ns - SECOND));
    return out;
}

static inline const char *
work_end(char out[512], const char *work, const char *code, const char *said)
{
    (void)snprintf(out, 512,
                   "{\"t\":\"work_end\",\"work_id\":\"%s\",\"code\":\"%s\",\"text\":\"%s\"}\n",
                   work, code, said);
    return out;
}

static inline void
share_is(const char *code, const char *said)
{
    batch(&world.a, lines("{\"t\":\"outcome\",\"act\":\"share_state\",\"code\":\"%s\",\"reason\":"
                          "\"\",\"text\":\"%s\",\"share_id\":\"%s\","
                          "\"path\":\"\",\"size\":1000,\"freed\":400}\n",
                          code, said, world.a.share));
}

static inline void
job_by_path(service_fn *fn, const char *op, const char *paths, al_id job)
{
    char body[1024];

    (void)snprintf(body, sizeof(body), "{\"paths\":[%s]}", paths);
    TAP_OK(ask(fn, op, &(struct asked){.who = &world.a.admin, .id = world.a.volume, .body = body}));
    TAP_EQUAL_U64(world.reply.status, 202);
    (void)snprintf(job, sizeof(al_id), "%s", text_of(world.json, "id"));
}

static inline void
look_at(const char *job)
{
    TAP_OK(ASK(job_get, .who = &world.a.admin, .id = job));
}

static inline void
expect_job(const char *job, const char *state, uint64_t done, uint64_t refused, uint64_t failed)
{
    look_at(job);
    TAP_EQUAL_STR(text_of(world.json, "state"), state);
    TAP_EQUAL_U64(number_of(world.json, "done_files"), done);
    TAP_EQUAL_U64(number_of(world.json, "refused_files"), refused);
    TAP_EQUAL_U64(number_of(world.json, "failed_files"), failed);
}

/* The next work's id; the job's share of one lease. */
static inline void
take(al_id work)
{
    TAP_EQUAL_U64(lease(&world.a, 4, ""), 1);
    (void)snprintf(work, sizeof(al_id), "%s", text_of(json_array_get(leased, 0), "work_id"));
}

static inline uint64_t
items_leased(void)
{
    return json_array_size(json_object_get(json_array_get(leased, 0), "items"));
}

static inline uint64_t
events_of(const char *act)
{
    char query[64];

    (void)snprintf(query, sizeof(query), "act=%s&count=true&limit=1", act);
    TAP_OK(ask(audit_list, "audit_list", &(struct asked){.who = &world.a.admin, .query = query}));
    return number_of(world.json, "total");
}

static inline uint64_t
figure(const char *key)
{
    TAP_OK(ASK(figures_get, .who = &world.a.admin));
    return number_of(world.json, key);
}

static inline void
chain_holds(void)
{
    struct scope all = scope_system();
    struct store_verify v;

    TAP_OK(store_event_verify(world.w->db, &all, world.a.customer, &v, NULL));
    TAP_CHECK(v.ok && v.events > 0);
}

#define RUN(test)                                                                                  \
    do {                                                                                           \
        world_open();                                                                              \
        TAP_RUN(test);                                                                             \
        world_close();                                                                             \
    } while (0)

#endif
