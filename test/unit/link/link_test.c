/* The link against a small real server that plays altod's side of the protocol, with its faults:
 * lost answers, restarts, refusals. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/link/link.h"
#include "lib/http_server.h"
#include "tap.h"

#define HOST_ID "01arz3ndektsv4rrffq69g5fav"
#define CUSTOMER_ID "01arz3ndektsv4rrffq69g5faw"
#define VOLUME_ID "01arz3ndektsv4rrffq69g5fax"
#define WORK_ID "01arz3ndektsv4rrffq69g5fay"
#define ODD_WORK_ID "01arz3ndektsv4rrffq69g5faz"
#define SCAN_ID "01arz3ndektsv4rrffq69g5fb0"

static struct port *port;
static char base[512];
static unsigned folders;

/* ---- the server ---- */
static struct {
    pthread_mutex_t mutex;
    struct http_server *http;
    uint16_t port;
    uint64_t config_version;
    char give_work[1024]; /* JSON objects, given once */
    char cancel[64], pause[64];
    unsigned spaces; /* leases that told of a volume's space */
    char last_running[1024];
    unsigned last_workers;
    unsigned leases;
    char stream[32];
    uint64_t applied;
    char *body_of_applied;
    unsigned records[4096]; /* times record n was applied */
    unsigned lose_every;    /* every n-th batch is applied and not answered */
    unsigned batches;
    unsigned odd; /* requests that break the rules */
    char records_text[65536];
    uint64_t entries_applied;
    unsigned entries_refuse; /* so many times 503 first */
    bool revoked;
} srv;

static void
on_enrol(const struct http_server_req *req, struct http_server_reply *reply)
{
    if (strstr(req->body, "\"token\":\"good\"") == NULL) {
        reply->status = 401;
        reply->body = strdup("{\"code\":\"wrong_password\",\"detail\":\"the token is not known\"}");
        return;
    }
    srv.odd += strstr(req->head, "Authorization:") != NULL;
    reply->body = strdup("{\"host_id\":\"" HOST_ID
                         "\",\"secret\":\"s3cret\",\"customer_id\":\"" CUSTOMER_ID "\"}");
}

static void
on_lease(const struct http_server_req *req, struct http_server_reply *reply)
{
    const char *at = strstr(req->body, "\"running\":");
    char wait_s[8] = "0";
    bool parked;

    srv.leases++;
    snprintf(srv.last_running, sizeof(srv.last_running), "%s", at != NULL ? at : "");
    at = strstr(req->body, "\"workers\":");
    srv.last_workers = at != NULL ? (unsigned)strtoul(at + 10, NULL, 10) : 999;
    srv.odd += !http_server_query(req->target, "wait_s", wait_s, sizeof(wait_s));
    at = strstr(req->body, "\"config_version\":");
    srv.odd += at == NULL;
    srv.spaces += strstr(req->body, "\"bytes_free\":7") != NULL;
    parked = srv.give_work[0] == '\0' && srv.cancel[0] == '\0' && srv.pause[0] == '\0' && at != NULL &&
             strtoull(at + 17, NULL, 10) == srv.config_version;
    if (parked) { /* a short long poll */
        pthread_mutex_unlock(&srv.mutex);
        usleep(50000);
        pthread_mutex_lock(&srv.mutex);
    }
    if (asprintf(&reply->body,
                 "{\"work\":[%s],\"cancel\":[%s],\"pause\":[%s],\"config_version\":%llu}",
                 srv.give_work, srv.cancel, srv.pause, (unsigned long long)srv.config_version) < 0) {
        abort();
    }
    srv.give_work[0] = srv.cancel[0] = srv.pause[0] = '\0';
}

static void
on_config(struct http_server_reply *reply)
{
    if (asprintf(
            &reply->body,
            "{\"version\":%llu,\"host_id\":\"" HOST_ID "\",\"customer_id\":\"" CUSTOMER_ID
            "\",\"volumes\":[{\"id\":\"" VOLUME_ID "\",\"name\":\"v\",\"path\":\"/"
            "v\",\"kind\":\"posix\",\"share_id\":null,\"marker_key\":null,\"tracked_only\":true}],"
            "\"shares\":[],\"limits\":{\"recall_wait_ms\":60000,\"workers\":4}}",
            (unsigned long long)srv.config_version) < 0) {
        abort();
    }
}

static void
count_records(const char *body)
{
    for (const char *at = body; *at != '\0'; at = strchr(at, '\n') + 1) {
        unsigned long n;

        if (sscanf(at, "{\"n\":%lu}", &n) == 1 && n < 4096) {
            srv.records[n]++;
        }
    }
    if (strlen(srv.records_text) + strlen(body) < sizeof(srv.records_text)) {
        strcat(srv.records_text, body);
    }
}

static void
on_batch(const struct http_server_req *req, struct http_server_reply *reply)
{
    char stream[32] = "", seq_text[24] = "0";
    uint64_t seq;

    srv.odd += !http_server_query(req->target, "stream", stream, sizeof(stream)) ||
               !http_server_query(req->target, "seq", seq_text, sizeof(seq_text));
    seq = strtoull(seq_text, NULL, 10);
    if (srv.stream[0] == '\0') {
        snprintf(srv.stream, sizeof(srv.stream), "%s", stream);
    }
    srv.odd += strcmp(srv.stream, stream) != 0;
    srv.batches++;
    if (seq > srv.applied + 1) {
        reply->status = 409;
        if (asprintf(&reply->body, "{\"code\":\"conflict\",\"applied_seq\":%llu}",
                     (unsigned long long)srv.applied) < 0) {
            abort();
        }
        return;
    }
    if (seq == srv.applied + 1) {
        srv.applied = seq;
        free(srv.body_of_applied);
        srv.body_of_applied = strdup(req->body);
        count_records(req->body);
        if (srv.lose_every != 0 && srv.batches % srv.lose_every == 0) {
            reply->status = -1;
            return;
        }
    } else if (seq == srv.applied) {
        srv.odd += strcmp(srv.body_of_applied, req->body) != 0;
    }
    if (asprintf(&reply->body, "{\"applied_seq\":%llu}", (unsigned long long)srv.applied) < 0) {
        abort();
    }
}

static void
on_entries(const struct http_server_req *req, struct http_server_reply *reply)
{
    char seq_text[24] = "0", stream[32] = "";

    srv.odd += !http_server_query(req->target, "stream", stream, sizeof(stream)) ||
               strcmp(stream, SCAN_ID) != 0;
    srv.odd += !http_server_query(req->target, "seq", seq_text, sizeof(seq_text));
    if (srv.entries_refuse > 0) {
        srv.entries_refuse--;
        reply->status = 503;
        return;
    }
    if (strcmp(req->body, "gone") == 0) {
        reply->status = 404;
        reply->body = strdup("{\"code\":\"not_found\",\"detail\":\"not under way\"}");
        return;
    }
    srv.entries_applied = strtoull(seq_text, NULL, 10);
    if (asprintf(&reply->body, "{\"applied_seq\":%s}", seq_text) < 0) {
        abort();
    }
}

static void
on_request(void *ctx, const struct http_server_req *req, struct http_server_reply *reply)
{
    (void)ctx;
    pthread_mutex_lock(&srv.mutex);
    if (strcmp(req->target, "/api/v1/agent/enrol") == 0) {
        on_enrol(req, reply);
    } else if (srv.revoked) {
        reply->status = 401;
        reply->body = strdup("{\"code\":\"wrong_password\",\"detail\":\"this host is not known\"}");
    } else {
        srv.odd += strstr(req->head, "Authorization: Bearer " HOST_ID ".s3cret\r\n") == NULL;
        if (strncmp(req->target, "/api/v1/agent/lease?", 20) == 0) {
            on_lease(req, reply);
        } else if (strcmp(req->target, "/api/v1/agent/config") == 0) {
            on_config(reply);
        } else if (strncmp(req->target, "/api/v1/agent/batch?", 20) == 0) {
            on_batch(req, reply);
        } else if (strncmp(req->target, "/api/v1/agent/entries?", 22) == 0) {
            on_entries(req, reply);
        } else {
            srv.odd++;
            reply->status = 404;
        }
    }
    pthread_mutex_unlock(&srv.mutex);
}

static void
server_up(void)
{
    srv.http = http_server_start(srv.port, on_request, NULL);
    TAP_CHECK(srv.http != NULL);
    srv.port = http_server_port(srv.http);
}

static void
server_down(void)
{
    if (srv.http != NULL) {
        http_server_stop(srv.http);
        srv.http = NULL;
    }
}

/* ---- the agent's side ---- */
struct agent {
    char path[600], spool_path[700];
    struct port_file *state;
    struct identity *identity;
    struct spool *spool;
    struct link *link;
    _Atomic unsigned configs, works, cancels, pauses;
    _Atomic unsigned items;
    enum work_kind last_kind;
    struct al_log log;
};
static struct agent a;

static void
on_log(void *ctx, enum al_log_level level, const char *text)
{
    (void)ctx;
    printf("# log %d %s\n", (int)level, text);
}

static void
got_config(void *ctx, struct agent_config *c)
{
    (void)ctx;
    a.configs += c->volume_count == 1 && c->workers == 4;
}

static void
got_work(void *ctx, struct work *w)
{
    (void)ctx;
    a.last_kind = w->kind;
    a.items += (unsigned)w->item_count;
    a.works++;
    work_free(w);
}

static void
got_cancel(void *ctx, const char *work_id)
{
    (void)ctx;
    a.cancels += strcmp(work_id, WORK_ID) == 0;
}

static void
got_pause(void *ctx, const char *work_id)
{
    (void)ctx;
    a.pauses += strcmp(work_id, WORK_ID) == 0;
}

static int
tell_space(void *ctx, json_t *list)
{
    json_t *one = json_object();

    (void)ctx;
    TAP_OK(al_json_set_str(one, "volume_id", VOLUME_ID));
    TAP_OK(al_json_set_u64(one, "bytes_total", 9));
    TAP_OK(al_json_set_u64(one, "bytes_free", 7));
    return json_array_append_new(list, one) == 0 ? AL_OK : AL_ENOMEM;
}

static void
agent_state(void)
{
    TAP_CHECK(a.link == NULL);
    a = (struct agent){.log = {AL_LOG_WARN, on_log, NULL}};
    snprintf(a.path, sizeof(a.path), "%s/l%u", base, ++folders);
    snprintf(a.spool_path, sizeof(a.spool_path), "%s/spool", a.path);
    TAP_OK(port_mkdirs(port, a.path, 0700));
    TAP_OK(port_open(port, NULL, a.path, PORT_READ | PORT_FOLDER, 0, &a.state));
}

static int
enrol(const char *token, struct al_fail *fail)
{
    char url[64];

    snprintf(url, sizeof(url), "http://127.0.0.1:%u", srv.port);
    return identity_enrol(&(struct enrol_conf){.port = port,
                                               .state = a.state,
                                               .server = url,
                                               .token = token,
                                               .os = "test",
                                               .version = "1"},
                          fail);
}

static void
agent_up(void)
{
    struct agent_config *kept = NULL;

    TAP_OK(identity_load(port, a.state, &a.identity, NULL));
    TAP_OK(spool_open(&(struct spool_conf){.port = port,
                                           .path = a.spool_path,
                                           .segment_bytes = 4096,
                                           .batch_records = 7,
                                           .log = &a.log},
                      &a.spool, NULL));
    (void)!agent_config_load(port, a.state, &kept, NULL);
    TAP_OK(link_start(&(struct link_conf){.port = port,
                                          .state = a.state,
                                          .identity = a.identity,
                                          .spool = a.spool,
                                          .config = kept,
                                          .program = "alto-agent/test",
                                          .log = &a.log,
                                          .on_config = got_config,
                                          .on_work = got_work,
                                          .on_cancel = got_cancel,
                                          .on_pause = got_pause,
                                          .spaces = tell_space},
                      &a.link, NULL));
    (void)agent_config_unref(kept);
}

static void
agent_down(void)
{
    a.link = link_stop(a.link);
    a.spool = spool_close(a.spool);
    a.identity = identity_free(a.identity);
}

static void
server_fresh(void)
{
    server_down();
    free(srv.body_of_applied);
    memset(&srv, 0, sizeof(srv));
    pthread_mutex_init(&srv.mutex, NULL);
    srv.config_version = 5;
    server_up();
}

static void
begin(void)
{
    if (a.link != NULL) { /* left by a test that failed */
        agent_down();
    }
    server_fresh();
    agent_state();
    TAP_OK(enrol("good", NULL));
    agent_up();
}

static void
end(void)
{
    agent_down();
    port_close_quiet(port, &a.state);
    pthread_mutex_lock(&srv.mutex);
    TAP_EQUAL_U64(srv.odd, 0);
    pthread_mutex_unlock(&srv.mutex);
}

/* Waits until the condition holds, at most five seconds. */
#define EVENTUALLY(condition)                                                                      \
    do {                                                                                           \
        bool holds_ = false;                                                                       \
        for (unsigned i_ = 0; i_ < 5000 && !holds_; i_++) {                                        \
            pthread_mutex_lock(&srv.mutex);                                                        \
            holds_ = (condition);                                                                  \
            pthread_mutex_unlock(&srv.mutex);                                                      \
            if (!holds_) {                                                                         \
                usleep(1000);                                                                      \
            }                                                                                      \
        }                                                                                          \
        TAP_CHECK(holds_ &&#condition);                                                            \
    } while (0)

static void
enrolment_is_kept_private_and_happens_once(void)
{
    struct al_fail fail = {0}, again = {0};
    struct identity *id = NULL;
    struct port_stat st;

    server_fresh();
    agent_state();
    TAP_CODE(identity_load(port, a.state, &id, NULL), AL_ENOENT);
    TAP_CODE(enrol("bad", &fail), AL_EAUTH);
    TAP_EQUAL_STR(fail.text, "the token is not known");
    TAP_OK(enrol("good", NULL));
    TAP_OK(port_stat_at(port, a.state, "agent.json", &st));
    TAP_EQUAL_U64(st.mode, 0600);
    TAP_OK(identity_load(port, a.state, &id, NULL));
    TAP_EQUAL_STR(id->bearer, HOST_ID ".s3cret");
    TAP_EQUAL_STR(id->customer_id, CUSTOMER_ID);
    TAP_CODE(enrol("good", &again), AL_EEXIST);
    identity_free(id);
    port_close_quiet(port, &a.state);
}

static void
the_configuration_arrives_and_is_kept_for_a_start_without_server(void)
{
    struct agent_config *kept = NULL;
    struct port_stat st;

    begin();
    EVENTUALLY(a.configs == 1);
    TAP_OK(port_stat_at(port, a.state, CONFIG_FILE, &st));
    TAP_EQUAL_U64(st.mode, 0600);
    pthread_mutex_lock(&srv.mutex);
    srv.config_version = 6;
    pthread_mutex_unlock(&srv.mutex);
    EVENTUALLY(a.configs == 2);
    agent_down();
    server_down();
    TAP_OK(agent_config_load(port, a.state, &kept, NULL));
    TAP_EQUAL_U64(kept->version, 6);
    TAP_EQUAL_STR(agent_config_volume(kept, VOLUME_ID)->path, "/v");
    agent_config_unref(kept);
    agent_up(); /* the server is away: nothing breaks */
    usleep(100000);
    server_up();
    EVENTUALLY(srv.leases > 3);
    TAP_EQUAL_U64(a.configs, 2); /* the kept one was good */
    end();
}

static void
work_is_told_as_running_until_its_end_is_applied(void)
{
    begin();
    pthread_mutex_lock(&srv.mutex);
    snprintf(srv.give_work, sizeof(srv.give_work),
             "{\"work_id\":\"" WORK_ID
             "\",\"job_id\":\"\",\"kind\":\"tier\",\"volume_id\":\"" VOLUME_ID
             "\",\"lease_s\":60,\"rule_id\":null,\"rule_where\":\"\",\"now_ns\":5,\"items\":[{"
             "\"path\":\"a/b\",\"size\":3,\"mtime_ns\":-1,\"ino\":9},"
             "{\"path\":\"x?\",\"path_b64\":\"eP8=\"}]}");
    pthread_mutex_unlock(&srv.mutex);
    EVENTUALLY(a.works == 1 && strstr(srv.last_running, WORK_ID) != NULL);
    TAP_EQUAL_U64(a.items, 2);
    TAP_EQUAL_U64(a.last_kind, WORK_TIER);
    TAP_OK(link_work_end(a.link, WORK_ID, AL_OK, ""));
    EVENTUALLY(strstr(srv.records_text,
                      "\"t\":\"work_end\",\"work_id\":\"" WORK_ID "\",\"code\":\"ok\"") != NULL);
    EVENTUALLY(strstr(srv.last_running, WORK_ID) == NULL);
    end();
}

static void
works_that_a_crash_cut_are_given_back_at_the_next_start(void)
{
    char from[700], to[700];

    begin();
    pthread_mutex_lock(&srv.mutex);
    snprintf(srv.give_work, sizeof(srv.give_work),
             "{\"work_id\":\"" WORK_ID "\",\"kind\":\"reconcile\",\"volume_id\":\"" VOLUME_ID
             "\"}");
    pthread_mutex_unlock(&srv.mutex);
    EVENTUALLY(a.works == 1);
    snprintf(from, sizeof(from), "%s/works.json", a.path);
    snprintf(to, sizeof(to), "%s/kept", a.path);
    TAP_OK(port_rename(port, NULL, from, NULL, to, true)); /* what kill -9 leaves */
    TAP_OK(link_work_end(a.link, WORK_ID, AL_OK, ""));
    agent_down();
    TAP_CHECK(strstr(srv.records_text, "cancelled") == NULL);
    agent_up(); /* after a clean stop nothing is given back */
    usleep(200000);
    TAP_CHECK(strstr(srv.records_text, "cancelled") == NULL);
    agent_down();
    TAP_OK(port_rename(port, NULL, to, NULL, from, true));
    agent_up();
    EVENTUALLY(strstr(srv.records_text, "\"work_id\":\"" WORK_ID "\",\"code\":\"cancelled\"") !=
               NULL);
    end();
}

static void
a_work_of_an_unknown_kind_is_answered_not_swallowed(void)
{
    begin();
    pthread_mutex_lock(&srv.mutex);
    snprintf(srv.give_work, sizeof(srv.give_work),
             "{\"work_id\":\"" ODD_WORK_ID "\",\"kind\":\"defragment\"}");
    pthread_mutex_unlock(&srv.mutex);
    EVENTUALLY(strstr(srv.records_text,
                      "\"work_id\":\"" ODD_WORK_ID "\",\"code\":\"not_supported\"") != NULL);
    TAP_EQUAL_U64(a.works, 0);
    end();
}

static void
a_work_whose_lease_is_lost_is_cancelled_and_gets_no_end(void)
{
    begin();
    pthread_mutex_lock(&srv.mutex);
    snprintf(srv.give_work, sizeof(srv.give_work),
             "{\"work_id\":\"" WORK_ID "\",\"kind\":\"reconcile\",\"volume_id\":\"" VOLUME_ID
             "\"}");
    pthread_mutex_unlock(&srv.mutex);
    EVENTUALLY(a.works == 1);
    pthread_mutex_lock(&srv.mutex);
    snprintf(srv.cancel, sizeof(srv.cancel), "\"" WORK_ID "\"");
    pthread_mutex_unlock(&srv.mutex);
    EVENTUALLY(a.cancels == 1);
    TAP_OK(link_work_end(a.link, WORK_ID, AL_OK, ""));
    usleep(100000);
    EVENTUALLY(strstr(srv.last_running, WORK_ID) == NULL);
    TAP_CHECK(strstr(srv.records_text, WORK_ID) == NULL);
    end();
}

static void
a_work_to_be_given_back_stays_ours_until_its_end_is_told(void)
{
    begin();
    pthread_mutex_lock(&srv.mutex);
    snprintf(srv.give_work, sizeof(srv.give_work),
             "{\"work_id\":\"" WORK_ID "\",\"kind\":\"reconcile\",\"volume_id\":\"" VOLUME_ID
             "\"}");
    pthread_mutex_unlock(&srv.mutex);
    EVENTUALLY(a.works == 1);
    pthread_mutex_lock(&srv.mutex);
    snprintf(srv.pause, sizeof(srv.pause), "\"" WORK_ID "\"");
    pthread_mutex_unlock(&srv.mutex);
    EVENTUALLY(a.pauses == 1);
    EVENTUALLY(strstr(srv.last_running, WORK_ID) != NULL);
    TAP_EQUAL_U64(a.cancels, 0);
    TAP_OK(link_work_end(a.link, WORK_ID, AL_ECANCELED, "given back"));
    EVENTUALLY(strstr(srv.records_text, "\"work_id\":\"" WORK_ID "\",\"code\":\"cancelled\"") !=
               NULL);
    end();
}

static void
space_is_told_now_and_then_and_not_with_every_call(void)
{
    unsigned before;

    begin();
    EVENTUALLY(srv.leases >= 5);
    before = srv.spaces;
    TAP_EQUAL_U64(before, 1);
    end();
}

static void
records_arrive_once_though_answers_get_lost_and_the_server_restarts(void)
{
    unsigned n = 0;

    begin();
    srv.lose_every = 3;
    for (unsigned round = 0; round < 4; round++) {
        for (unsigned i = 0; i < 60; i++, n++) {
            char line[32];

            snprintf(line, sizeof(line), "{\"n\":%u}", n);
            TAP_OK(spool_put(a.spool, al_span_of(line), NULL));
        }
        if (round == 1) {
            server_down();
            usleep(50000);
            server_up();
        }
        if (round == 2) {
            agent_down();
            agent_up();
        }
    }
    for (unsigned i = 0; i < 20000; i++) {
        if (spool_waiting(a.spool) == 0) {
            break;
        }
        usleep(1000);
    }
    pthread_mutex_lock(&srv.mutex);
    for (unsigned i = 0; i < n; i++) {
        if (srv.records[i] != 1) {
            pthread_mutex_unlock(&srv.mutex);
            tap_fail(__FILE__, __LINE__, "record %u was applied %u times", i, srv.records[i]);
        }
    }
    TAP_CHECK(srv.batches > srv.applied); /* some were sent again */
    pthread_mutex_unlock(&srv.mutex);
    end();
}

static void
a_full_spool_takes_no_new_work(void)
{
    server_fresh();
    agent_state();
    TAP_OK(enrol("good", NULL));
    pthread_mutex_lock(&srv.mutex);
    pthread_mutex_unlock(&srv.mutex);
    TAP_OK(identity_load(port, a.state, &a.identity, NULL));
    TAP_OK(spool_open(&(struct spool_conf){.port = port, .path = a.spool_path, .limit_bytes = 1},
                      &a.spool, NULL));
    srv.revoked = true; /* nothing is taken, so that the spool stays full */
    TAP_OK(spool_put(a.spool, al_span_of("{\"n\":1}"), NULL));
    TAP_OK(link_start(&(struct link_conf){.port = port,
                                          .state = a.state,
                                          .identity = a.identity,
                                          .spool = a.spool,
                                          .program = "t",
                                          .workers = 3,
                                          .on_config = got_config,
                                          .on_work = got_work,
                                          .on_cancel = got_cancel},
                      &a.link, NULL));
    usleep(300000);
    TAP_EQUAL_U64(srv.leases, 0);
    pthread_mutex_lock(&srv.mutex);
    srv.revoked = false;
    srv.applied =
        UINT64_MAX - 10; /* a stream that seems set back, so that the batch is not taken either */
    pthread_mutex_unlock(&srv.mutex);
    EVENTUALLY(srv.leases > 0 && srv.last_workers == 0);
    pthread_mutex_lock(&srv.mutex);
    srv.applied = 0;
    srv.stream[0] = '\0';
    pthread_mutex_unlock(&srv.mutex);
    EVENTUALLY(srv.records[1] == 1);
    EVENTUALLY(srv.last_workers == 3);
    agent_down();
    port_close_quiet(port, &a.state);
}

static bool
never(void *ctx)
{
    (void)ctx;
    return false;
}

static void
entries_are_sent_until_they_are_applied_or_refused_for_good(void)
{
    struct link_entries *e = NULL;
    struct al_fail fail = {0};

    begin();
    srv.entries_refuse = 2;
    TAP_OK(link_entries_open(a.link, SCAN_ID, &e, NULL));
    TAP_OK(link_entries_send(e, 1, al_span_of("one"), never, NULL, NULL));
    TAP_OK(link_entries_send(e, 2, al_span_of("two"), never, NULL, NULL));
    TAP_EQUAL_U64(srv.entries_applied, 2);
    TAP_CODE(link_entries_send(e, 3, al_span_of("gone"), never, NULL, &fail), AL_ENOENT);
    TAP_CHECK(strstr(fail.text, "not under way") != NULL);
    link_entries_close(e);
    end();
}

static void
stopping_is_quick_with_and_without_a_server(void)
{
    int64_t began;

    begin();
    EVENTUALLY(srv.leases > 1); /* the first was answered */
    TAP_OK(spool_put(a.spool, al_span_of("{\"n\":3}"), NULL));
    began = port_mono_ns(port);
    agent_down(); /* and delivers what is there */
    TAP_CHECK(port_mono_ns(port) - began < 2500000000);
    TAP_EQUAL_U64(srv.records[3], 1);
    server_down();
    agent_up();
    usleep(300000);
    began = port_mono_ns(port);
    agent_down();
    TAP_CHECK(port_mono_ns(port) - began < 1000000000);
    port_close_quiet(port, &a.state);
}

int
main(int argc, char **argv)
{
    int rc;

    (void)signal(SIGPIPE, SIG_IGN);
    port = port_native();
    snprintf(base, sizeof(base), "%s/link-test-%lld", argc > 1 ? argv[1] : "/tmp",
             (long long)port_now_ns(port));
    TAP_RUN(enrolment_is_kept_private_and_happens_once);
    TAP_RUN(the_configuration_arrives_and_is_kept_for_a_start_without_server);
    TAP_RUN(work_is_told_as_running_until_its_end_is_applied);
    TAP_RUN(works_that_a_crash_cut_are_given_back_at_the_next_start);
    TAP_RUN(a_work_of_an_unknown_kind_is_answered_not_swallowed);
    TAP_RUN(a_work_whose_lease_is_lost_is_cancelled_and_gets_no_end);
    TAP_RUN(a_work_to_be_given_back_stays_ours_until_its_end_is_told);
    TAP_RUN(space_is_told_now_and_then_and_not_with_every_call);
    TAP_RUN(records_arrive_once_though_answers_get_lost_and_the_server_restarts);
    TAP_RUN(a_full_spool_takes_no_new_work);
    TAP_RUN(entries_are_sent_until_they_are_applied_or_refused_for_good);
    TAP_RUN(stopping_is_quick_with_and_without_a_server);
    rc = tap_end();
    server_down();
    return rc;
}
