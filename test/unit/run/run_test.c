/* The agent as a whole, in this process, against a small server that plays altod. Volumes are
 * tracked only: what needs a gate is tested end to end. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/run/agent.h"
#include "agent/run/options.h"
#include "base/mem.h"
#include "lib/http_server.h"
#include "tap.h"

#define HOST_ID "01arz3ndektsv4rrffq69g5fav"
#define CUSTOMER_ID "01arz3ndektsv4rrffq69g5faw"
#define VOLUME_ID "01arz3ndektsv4rrffq69g5fax"
#define SHARE_ID "01arz3ndektsv4rrffq69g5fb1"
#define WORK_ID "01arz3ndektsv4rrffq69g5fay"
#define JOB_ID "01arz3ndektsv4rrffq69g5faz"
#define SCAN_ID "01arz3ndektsv4rrffq69g5fb0"

static struct port *port;
static char base[300];
static unsigned folders;

static struct {
    pthread_mutex_t mutex;
    struct http_server *http;
    char volume_path[600], share_url[700];
    const char *kind; /* of the volume, with what follows it */
    char work[2048]; /* given once */
    char cancel[64];
    char records[1 << 18];
    uint64_t applied, entries;
    size_t entry_bytes;
    bool hold_entries; /* answer 503 */
    const char *follows; /* which scan it has, as JSON; NULL: it does not know the question */
    unsigned asked;
} srv;

static void
on_request(void *ctx, const struct http_server_req *req, struct http_server_reply *reply)
{
    char seq[24] = "0";
    int n = 0;

    (void)ctx;
    pthread_mutex_lock(&srv.mutex);
    (void)http_server_query(req->target, "seq", seq, sizeof(seq));
    if (strstr(req->target, "/agent/enrol") != NULL) {
        n = asprintf(&reply->body, "{\"host_id\":\"" HOST_ID
                                   "\",\"secret\":\"s\",\"customer_id\":\"" CUSTOMER_ID "\"}");
    } else if (strstr(req->target, "/agent/config") != NULL) {
        n = asprintf(
            &reply->body,
            "{\"version\":1,\"host_id\":\"" HOST_ID "\",\"customer_id\":\"" CUSTOMER_ID
            "\",\"volumes\":[{\"id\":\"" VOLUME_ID
            "\",\"name\":\"v\",\"path\":\"%s\",\"kind\":%s,\"share_id\":\"" SHARE_ID
            "\",\"marker_key\":null,\"tracked_only\":true}],\"shares\":[{\"id\":\"" SHARE_ID
            "\",\"name\":\"s\",\"url\":\"%s\",\"user\":null,\"password\":null}],\"limits\":{"
            "\"recall_wait_ms\":60000,\"workers\":4}}",
            srv.volume_path, srv.kind != NULL ? srv.kind : "\"posix\"", srv.share_url);
    } else if (strstr(req->target, "/agent/lease") != NULL) {
        if (srv.work[0] == '\0' && srv.cancel[0] == '\0') {
            pthread_mutex_unlock(&srv.mutex);
            usleep(20000);
            pthread_mutex_lock(&srv.mutex);
        }
        n = asprintf(&reply->body, "{\"work\":[%s],\"cancel\":[%s],\"config_version\":1}", srv.work,
                     srv.cancel);
        srv.work[0] = srv.cancel[0] = '\0';
    } else if (strstr(req->target, "/agent/batch") != NULL) {
        if (strtoull(seq, NULL, 10) == srv.applied + 1) {
            srv.applied++;
            strncat(srv.records, req->body, sizeof(srv.records) - strlen(srv.records) - 1);
        }
        n = asprintf(&reply->body, "{\"applied_seq\":%llu}", (unsigned long long)srv.applied);
    } else if (strstr(req->target, "/agent/scans/") != NULL) {
        srv.asked++;
        reply->status = srv.follows != NULL ? 200 : 404;
        n = asprintf(&reply->body, "%s", srv.follows != NULL ? srv.follows : "{}");
    } else if (strstr(req->target, "/agent/entries") != NULL && srv.hold_entries) {
        reply->status = 503;
    } else {
        srv.entries = strtoull(seq, NULL, 10);
        srv.entry_bytes += req->len;
        n = asprintf(&reply->body, "{\"applied_seq\":%s}", seq);
    }
    if (n < 0) {
        abort();
    }
    pthread_mutex_unlock(&srv.mutex);
}

static void
on_log(void *ctx, enum al_log_level level, const char *text)
{
    (void)ctx;
    printf("# %d %s\n", (int)level, text);
}

static struct al_log a_log = {AL_LOG_WARN, on_log, NULL};
static struct agent *agent;
static char state[600];

/* Somebody who knows what changed, though this system does not. */
static struct {
    bool on;
    const char *list; /* the folder that changed; NULL: `full` says why that is not known */
    const char *full;
    unsigned place, since; /* of now; that was asked for, UINT32_MAX: none */
} journal;

static int
journal_since(void *ctx, struct port *p, struct port_file *root, struct al_span place, struct walk_since *ret)
{
    struct port_stat st;

    TAP_OK(port_stat(p, root, &st));
    *ret = (struct walk_since){.place_len = 4};
    al_put_u32(ret->place, ++journal.place);
    journal.since = place.len == 4 ? al_get_u32(place.at) : UINT32_MAX;
    if (place.len == 0 || journal.list == NULL) {
        ret->full = place.len == 0 ? "it was never walked before" : journal.full;
        return AL_OK;
    }
    ret->plan = walk_plan_new();
    TAP_OK(walk_plan_add(ret->plan, al_span_of(journal.list), WALK_LIST));
    return walk_plan_ready(ret->plan);
}

static const struct walk_changes journal_changes = {.since = journal_since};

static void
server_fresh(void)
{
    if (srv.http != NULL) {
        http_server_stop(srv.http);
    }
    memset(&srv, 0, sizeof(srv));
    pthread_mutex_init(&srv.mutex, NULL);
    srv.http = http_server_start(0, on_request, NULL);
    TAP_CHECK(srv.http != NULL);
}

static int
start(struct agent **ret, struct al_fail *fail)
{
    struct agent_options o = {.state = state,
                              .program = "alto-agent/test",
                              .gate_socket = "/nonexistent/gate.sock",
                              .changes = journal.on ? &journal_changes : NULL};

    return agent_start(&o, &a_log, ret, fail);
}

static void
make_file(const char *folder, const char *name, const char *text)
{
    char path[1400];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    f = fopen(path, "w");
    TAP_CHECK(f != NULL);
    fputs(text, f);
    fclose(f);
}

static void
begin(void)
{
    struct port_file *dir = NULL;
    struct al_fail fail = {0};
    char url[64];

    agent = agent_stop(agent); /* of a test that failed */
    server_fresh();
    snprintf(state, sizeof(state), "%s/state%u", base, ++folders);
    snprintf(srv.volume_path, sizeof(srv.volume_path), "%s/volume%u", base, folders);
    snprintf(srv.share_url, sizeof(srv.share_url), "file://%s/share%u", base, folders);
    TAP_OK(port_mkdirs(port, state, 0700));
    TAP_OK(port_mkdirs(port, srv.volume_path, 0755));
    TAP_OK(port_mkdirs(port, srv.share_url + 7, 0755));
    make_file(srv.volume_path, "one", "1");
    make_file(srv.volume_path, "two", "22");
    TAP_OK(port_open(port, NULL, state, PORT_READ | PORT_FOLDER, 0, &dir));
    snprintf(url, sizeof(url), "http://127.0.0.1:%u", http_server_port(srv.http));
    TAP_OK(identity_enrol(
        &(struct enrol_conf){
            .port = port, .state = dir, .server = url, .token = "t", .os = "test", .version = "1"},
        NULL));
    port_close_quiet(port, &dir);
    if (start(&agent, &fail) != AL_OK) {
        tap_fail(__FILE__, __LINE__, "%s", fail.text);
    }
}

static void
end(void)
{
    int64_t began = port_mono_ns(port);

    agent = agent_stop(agent);
    TAP_CHECK(port_mono_ns(port) - began < 5000000000);
}

static void
give(const char *work)
{
    pthread_mutex_lock(&srv.mutex);
    snprintf(srv.work, sizeof(srv.work), "%s", work);
    pthread_mutex_unlock(&srv.mutex);
}

static bool
recorded(const char *what)
{
    for (unsigned i = 0; i < 8000; i++) {
        bool there;

        pthread_mutex_lock(&srv.mutex);
        there = strstr(srv.records, what) != NULL;
        pthread_mutex_unlock(&srv.mutex);
        if (there) {
            return true;
        }
        usleep(1000);
    }
    printf("# no %s in: %s\n", what, srv.records);
    return false;
}

#define SCAN                                                                                       \
    "{\"work_id\":\"" WORK_ID "\",\"job_id\":\"" JOB_ID                                            \
    "\",\"kind\":\"scan\",\"volume_id\":\"" VOLUME_ID "\",\"scan_id\":\"" SCAN_ID "\"}"

static void
a_scan_sends_entries_and_then_its_end(void)
{
    begin();
    TAP_CHECK(recorded("\"act\":\"volume_state\",\"code\":\"ok\",\"reason\":\"tracked_only\""));
    give(SCAN);
    TAP_CHECK(recorded("\"t\":\"scan_end\",\"scan_id\":\"" SCAN_ID "\",\"volume_id\":\"" VOLUME_ID
                       "\",\"code\":\"ok\",\"entries\":2,\"folders\":1"));
    TAP_EQUAL_U64(srv.entries, 1);
    for (unsigned i = 0; i < 5000 && !agent_idle(agent); i++) {
        usleep(1000);
    }
    TAP_CHECK(agent_idle(agent));
    end();
}

/* ---- increments ---- */

/* Scan n with the end it comes to. */
static void
scan_number(unsigned n, const char *end)
{
    char work[600], what[600];

    snprintf(work, sizeof(work), "{\"work_id\":\"01arz3ndektsv4rrffq69g0w%02u\",\"job_id\":\"" JOB_ID
             "\",\"kind\":\"scan\",\"volume_id\":\"" VOLUME_ID "\",\"scan_id\":\"01arz3ndektsv4rrffq69g0s%02u\"}", n, n);
    give(work);
    snprintf(what, sizeof(what), "\"scan_id\":\"01arz3ndektsv4rrffq69g0s%02u\",\"volume_id\":\"" VOLUME_ID "\",\"code\":\"ok\",%s", n, end);
    TAP_CHECK(recorded(what));
    for (unsigned i = 0; i < 5000 && !agent_idle(agent); i++) {
        usleep(1000);
    }
}

/* The server has scan n. */
static const char *
has(unsigned n)
{
    static char answer[100];

    snprintf(answer, sizeof(answer), "{\"follows\":\"01arz3ndektsv4rrffq69g0s%02u\",\"why\":\"\"}", n);
    return answer;
}

static void
kept_path(char path[800])
{
    snprintf(path, 800, "%s/scan-" VOLUME_ID, state);
}

/* Replaces what stands behind a key of what is kept. */
static void
kept_set(const char *key, const char *value)
{
    char path[800], text[4096] = "", *at, *end;
    FILE *f;
    size_t len;

    kept_path(path);
    f = fopen(path, "r");
    TAP_CHECK(f != NULL);
    len = fread(text, 1, sizeof(text) - 1, f);
    fclose(f);
    at = strstr(text, key);
    TAP_CHECK(len > 0 && at != NULL);
    at += strlen(key);
    end = at + strcspn(at, ",]}");
    f = fopen(path, "w");
    TAP_CHECK(f != NULL && fprintf(f, "%.*s%s%s", (int)(at - text), text, value, end) > 0 && fclose(f) == 0);
}

#define ALL "\"entries\":6,\"folders\":3,\"unreadable\":0,\"text\":\"\",\"why\":"
#define BELOW "\"entries\":2,\"folders\":1,\"unreadable\":0,\"text\":\"\",\"follows\":"

static void
begin_increments(void)
{
    char path[1400];

    journal.on = true;
    begin();
    snprintf(path, sizeof(path), "mkdir '%s/in' '%s/out'", srv.volume_path, srv.volume_path);
    TAP_CHECK(system(path) == 0);
    snprintf(path, sizeof(path), "%s/in", srv.volume_path);
    make_file(path, "below", "3");
    snprintf(path, sizeof(path), "%s/out", srv.volume_path);
    make_file(path, "other", "4");
    journal.list = "in";
    scan_number(1, ALL "\"it was never walked before\"");
    TAP_CHECK(srv.asked == 0 && journal.since == UINT32_MAX);
}

static void
end_increments(void)
{
    end();
    journal.on = false;
}

static void
a_scan_that_follows_on_the_servers_last_lists_what_changed(void)
{
    begin_increments();
    srv.follows = has(1);
    scan_number(2, BELOW "\"01arz3ndektsv4rrffq69g0s01\",\"why\":\"\"");
    TAP_CHECK(srv.asked == 1 && journal.since == 1);
    agent = agent_stop(agent); /* it is remembered */
    TAP_OK(start(&agent, NULL));
    srv.follows = has(2);
    scan_number(3, BELOW "\"01arz3ndektsv4rrffq69g0s02\",\"why\":\"\"");
    TAP_EQUAL_U64(journal.since, 2);
    /* A folder that could not be read is tried each time, changed or not. */
    kept_set("\"again\":", "[\"6f7574\"");
    srv.follows = has(3);
    scan_number(4, "\"entries\":4,\"folders\":2,\"unreadable\":0,\"text\":\"\",\"follows\":");
    srv.follows = has(4);
    scan_number(5, BELOW);
    end_increments();
}

static void
in_any_doubt_a_scan_walks_everything_and_says_why(void)
{
    char path[800], now[32];

    begin_increments();
    scan_number(2, ALL "\"the server did not say which scan it has\"");
    srv.follows = has(1); /* it did not hear of the second one's end */
    scan_number(3, ALL "\"the server has another scan than the last one of this host\"");
    srv.follows = "{\"follows\":null,\"why\":\"it was asked for\"}";
    scan_number(4, ALL "\"it was asked for\"");
    srv.follows = has(4);
    journal.list = NULL;
    journal.full = "the journal was made anew";
    scan_number(5, ALL "\"the journal was made anew\"");
    journal.list = "in";
    srv.follows = has(5);
    kept_set("\"full_ns\":", "1");
    scan_number(6, ALL "\"everything was walked ");
    srv.follows = has(6);
    snprintf(now, sizeof(now), "%lld", (long long)port_now_ns(port) + 3600000000000);
    kept_set("\"full_ns\":", now);
    scan_number(7, ALL "\"the clock went back");
    srv.follows = has(7);
    kept_set("\"root\":", "\"1\"");
    scan_number(8, ALL "\"another folder than before is at the volume's path\"");
    srv.follows = has(8);
    kept_set("\"again\":", "[\"xy\"");
    scan_number(9, ALL "\"what the last scan could not read is not known\"");
    snprintf(path, sizeof(path), "%s", state);
    make_file(path, "scan-" VOLUME_ID, "{");
    scan_number(10, ALL "\"what was kept of the last scan cannot be read\"");
    TAP_CHECK(journal.since == UINT32_MAX);
    srv.follows = has(10); /* and then it is well again */
    scan_number(11, BELOW);
    srv.follows = has(11);
    kept_set("\"looks\":", "3");
    scan_number(12, ALL "\"stubs are told from files in another way than before\"");
    end_increments();
}

static void
a_volume_that_is_not_there_is_unreachable_and_its_scan_sends_nothing(void)
{
    char path[700];

    begin();
    end();
    snprintf(path, sizeof(path), "rm -r '%s'", srv.volume_path);
    TAP_CHECK(system(path) == 0);
    TAP_OK(start(&agent, NULL));
    TAP_CHECK(recorded("\"reason\":\"unreachable\""));
    give(SCAN);
    TAP_CHECK(recorded("\"t\":\"scan_end\",\"scan_id\":\"" SCAN_ID "\",\"volume_id\":\"" VOLUME_ID
                       "\",\"code\":\"not_found\",\"entries\":0"));
    TAP_EQUAL_U64(srv.entries, 0);
    end();
}

static void
files_of_a_tracked_volume_are_refused_by_name(void)
{
    begin();
    give("{\"work_id\":\"" WORK_ID "\",\"job_id\":\"" JOB_ID
         "\",\"kind\":\"tier\",\"volume_id\":\"" VOLUME_ID "\",\"rule_where\":\"size > "
         "0\",\"now_ns\":1,\"items\":[{\"path\":\"/one\"},{\"path\":\"two\"}]}");
    TAP_CHECK(recorded("\"t\":\"work_end\",\"work_id\":\"" WORK_ID "\",\"code\":\"ok\""));
    TAP_CHECK(recorded("\"act\":\"refuse\",\"code\":\"ok\",\"reason\":\"unsupported_volume\""));
    TAP_CHECK(recorded("\"path\":\"one\""));
    TAP_CHECK(recorded("\"path\":\"two\""));
    end();
}

static void
a_rule_that_cannot_be_read_ends_the_work_with_its_place(void)
{
    begin();
    give("{\"work_id\":\"" WORK_ID "\",\"job_id\":\"" JOB_ID
         "\",\"kind\":\"tier\",\"volume_id\":\"" VOLUME_ID
         "\",\"rule_where\":\"sise > 0\",\"items\":[{\"path\":\"one\"}]}");
    TAP_CHECK(recorded("\"t\":\"work_end\",\"work_id\":\"" WORK_ID
                       "\",\"code\":\"invalid\",\"text\":\"the rule cannot be read at byte 0"));
    end();
}

static void
a_volume_that_is_not_open_cannot_be_reconciled_and_says_why(void)
{
    begin();
    TAP_CHECK(recorded("\"act\":\"volume_state\""));
    give("{\"work_id\":\"" WORK_ID "\",\"job_id\":\"" JOB_ID
         "\",\"kind\":\"reconcile\",\"volume_id\":\"" VOLUME_ID "\"}");
    TAP_CHECK(recorded("\"t\":\"work_end\",\"work_id\":\"" WORK_ID
                       "\",\"code\":\"not_found\",\"text\":\"the volume is not open here: "));
    TAP_CHECK(strstr(srv.records, "\"t\":\"progress\"") == NULL);
    end();
}

static void
a_share_is_checked_and_an_empty_one_taken(void)
{
    char path[1024];
    struct port_stat st;

    begin();
    give("{\"work_id\":\"" WORK_ID
         "\",\"job_id\":\"\",\"kind\":\"check_share\",\"share_id\":\"" SHARE_ID "\"}");
    TAP_CHECK(recorded("\"act\":\"share_state\",\"code\":\"ok\""));
    TAP_CHECK(recorded("\"t\":\"work_end\""));
    snprintf(path, sizeof(path), "%.700s/alto-share.json", srv.share_url + 7);
    TAP_OK(port_stat_at(port, NULL, path, &st));
    make_file(srv.share_url + 7, "alto-share.json",
              "{\"format\":1,\"customer_id\":\"01arz3ndektsv4rrffq69g5zzz\",\"made\":\"2026-01-"
              "01T00:00:00Z\"}");
    give("{\"work_id\":\"" JOB_ID
         "\",\"job_id\":\"\",\"kind\":\"check_share\",\"share_id\":\"" SHARE_ID "\"}");
    TAP_CHECK(recorded("\"act\":\"share_state\",\"code\":\"foreign\""));
    end();
}

static void
a_scan_is_cancelled_while_the_server_takes_nothing(void)
{
    begin();
    srv.hold_entries = true;
    give(SCAN);
    usleep(300000);
    pthread_mutex_lock(&srv.mutex);
    snprintf(srv.cancel, sizeof(srv.cancel), "\"" WORK_ID "\"");
    pthread_mutex_unlock(&srv.mutex);
    for (unsigned i = 0; i < 8000 && !agent_idle(agent); i++) {
        usleep(1000);
    }
    TAP_CHECK(agent_idle(agent));
    TAP_CHECK(strstr(srv.records, "scan_end") == NULL);
    end();
}

static void
a_stop_in_the_middle_of_a_scan_says_cancelled_and_is_quick(void)
{
    begin();
    srv.hold_entries = true;
    give(SCAN);
    usleep(300000);
    end();
    TAP_CHECK(recorded("\"t\":\"scan_end\",\"scan_id\":\"" SCAN_ID "\",\"volume_id\":\"" VOLUME_ID
                       "\",\"code\":\"cancelled\""));
}

static void
audit_logs_of_a_lucidlink_volume_become_records(void)
{
    char folder[1024], log[1100];
    FILE *f;

    begin();
    end();
    srv.kind = "\"lucidlink\",\"audit\":{\"root\":\"\",\"prehydrate\":false,\"silence_hours\":168,\"drop_users\":[\"backup*\"],"
               "\"drop_hosts\":[],\"drop_nodes\":[],\"logs\":[]}";
    TAP_OK(start(&agent, NULL));
    TAP_CHECK(recorded("\"t\":\"audit\",\"volume_id\":\"" VOLUME_ID "\",\"state\":\"absent\""));
    snprintf(folder, sizeof(folder), "%s/.lucid_audit/42/2026/11", srv.volume_path);
    TAP_OK(port_mkdirs(port, folder, 0755));
    snprintf(log, sizeof(log), "%s/2026-11-01T00.00.00Z.log.active", folder);
    f = fopen(log, "w");
    TAP_CHECK(f != NULL);
    for (unsigned i = 0; i < 2; i++) {
        fprintf(f, "{\"timestamp\":1790000000000000,\"user\":{\"name\":\"%s\"},\"device\":{\"hostName\":\"bay\"},\"operation\":{\"action\":"
                   "\"FileWritten\",\"entryPath\":\"/two\"}}\n", i == 0 ? "mara" : "Backup-1");
    }
    TAP_CHECK(fclose(f) == 0);
    TAP_CHECK(recorded("\"t\":\"access\",\"volume_id\":\"" VOLUME_ID
                       "\",\"rows\":[{\"k\":\"used\",\"path\":\"two\",\"time_ns\":1790000000000000000,\"modified_ns\":1790000000000000000,"
                       "\"writes\":1,\"user\":\"mara\",\"host\":\"bay\",\"node\":\"42\",\"stat\":{\"type\":\"file\",\"size\":2,"));
    TAP_CHECK(recorded("\"state\":\"silent\"") || recorded("\"state\":\"live\""));
    TAP_CHECK(recorded("\"files\":1,\"active\":1,\"behind_bytes\":0,\"lines\":2,\"events\":2"));
    TAP_CHECK(strstr(srv.records, "Backup-1\"") == NULL || strstr(srv.records, "\"named\":1") != NULL);
    TAP_CHECK(audit_recent(agent, VOLUME_ID, al_span_of("one")) == 0);
    give(SCAN); /* .lucid_audit is no part of the volume */
    TAP_CHECK(recorded("\"code\":\"ok\",\"entries\":2,\"folders\":1"));
    end();
}

static void
a_second_agent_on_the_same_state_is_refused(void)
{
    struct agent *second = NULL;
    struct al_fail fail = {0};

    begin();
    TAP_CODE(start(&second, &fail), AL_EBUSY);
    TAP_CHECK(strstr(fail.text, "another alto-agent") != NULL);
    end();
    TAP_OK(start(&agent, NULL));
    end();
}

static void
another_filesystem_at_the_path_is_noticed_until_accepted(void)
{
    struct port_file *dir = NULL;
    struct fs_memory *m = NULL;
    struct al_fail fail = {0};
    char at[400], command[4000];
    int first, other, accepted;

    if (geteuid() != 0 || system("command -v mkfs.ext4 >/dev/null") != 0) {
        tap_skip("needs root and mkfs.ext4");
    }
    snprintf(at, sizeof(at), "%s/mounted", base);
    TAP_OK(port_mkdirs(port, at, 0755));
    snprintf(command, sizeof(command),
             "truncate -s 4M '%s/a.img' '%s/b.img' && mkfs.ext4 -q -F '%s/a.img' && mkfs.ext4 -q "
             "-F '%s/b.img' && mount -o loop '%s/a.img' '%s'",
             base, base, base, base, base, at);
    if (system(command) != 0) {
        tap_skip("loop mounts do not work here");
    }
    TAP_OK(port_open(port, NULL, base, PORT_READ | PORT_FOLDER, 0, &dir));
    TAP_OK(fs_memory_open(port, dir, &m, NULL));
    first = fs_memory_check(m, VOLUME_ID, at, NULL);
    m = fs_memory_close(m);
    snprintf(command, sizeof(command), "umount '%s' && mount -o loop '%s/b.img' '%s'", at, base,
             at);
    TAP_CHECK(system(command) == 0);
    TAP_OK(fs_memory_open(port, dir, &m, NULL)); /* also after a restart */
    other = fs_memory_check(m, VOLUME_ID, at, &fail);
    accepted = fs_memory_forget(m, at);
    accepted = accepted == AL_OK ? fs_memory_check(m, VOLUME_ID, at, NULL) : accepted;
    snprintf(command, sizeof(command), "umount '%s'", at);
    TAP_CHECK(system(command) == 0);
    TAP_OK(first);
    TAP_CODE(other, AL_ECHANGED);
    TAP_CHECK(strstr(fail.text, "alto-agent doctor") != NULL);
    TAP_OK(accepted);
    /* Unmounted: the empty folder below is another filesystem too. */
    TAP_CODE(fs_memory_check(m, VOLUME_ID, at, NULL), AL_ECHANGED);
    fs_memory_close(m);
    port_close_quiet(port, &dir);
}

static void
a_command_line_is_read_or_refused_with_a_sentence(void)
{
    const char *value = NULL, *words[OPTIONS_WORDS_MAX];
    bool flag = false;
    const struct option options[] = {{"value", &value, NULL}, {"flag", NULL, &flag}};
    char *good[] = {(char *)"p",      (char *)"c",  (char *)"--value=a=b", (char *)"word",
                    (char *)"--flag", (char *)"--", (char *)"--value"};
    char *lacks[] = {(char *)"p", (char *)"c", (char *)"--value"};
    char *unknown[] = {(char *)"p", (char *)"c", (char *)"--valu=1"};
    char *too_much[] = {(char *)"p", (char *)"c", (char *)"--flag=1"};
    struct al_fail fail = {0};
    size_t count = 0;

    TAP_OK(options_read(7, good, options, 2, words, &count, NULL));
    TAP_EQUAL_STR(value, "a=b");
    TAP_CHECK(flag);
    TAP_EQUAL_U64(count, 2);
    TAP_EQUAL_STR(words[1], "--value");
    TAP_CODE(options_read(3, lacks, options, 2, words, &count, &fail), AL_EINVAL);
    TAP_EQUAL_STR(fail.text, "--value needs a value");
    TAP_CODE(options_read(3, unknown, options, 2, words, &count, NULL), AL_EINVAL);
    TAP_CODE(options_read(3, too_much, options, 2, words, &count, NULL), AL_EINVAL);
}

int
main(int argc, char **argv)
{
    int rc;

    (void)signal(SIGPIPE, SIG_IGN);
    port = port_native();
    snprintf(base, sizeof(base), "%s/run-test-%lld", argc > 1 ? argv[1] : "/tmp",
             (long long)port_now_ns(port));
    TAP_RUN(a_scan_sends_entries_and_then_its_end);
    TAP_RUN(a_scan_that_follows_on_the_servers_last_lists_what_changed);
    TAP_RUN(in_any_doubt_a_scan_walks_everything_and_says_why);
    TAP_RUN(a_volume_that_is_not_there_is_unreachable_and_its_scan_sends_nothing);
    TAP_RUN(files_of_a_tracked_volume_are_refused_by_name);
    TAP_RUN(a_rule_that_cannot_be_read_ends_the_work_with_its_place);
    TAP_RUN(a_volume_that_is_not_open_cannot_be_reconciled_and_says_why);
    TAP_RUN(a_share_is_checked_and_an_empty_one_taken);
    TAP_RUN(a_scan_is_cancelled_while_the_server_takes_nothing);
    TAP_RUN(a_stop_in_the_middle_of_a_scan_says_cancelled_and_is_quick);
    TAP_RUN(audit_logs_of_a_lucidlink_volume_become_records);
    TAP_RUN(a_second_agent_on_the_same_state_is_refused);
    TAP_RUN(another_filesystem_at_the_path_is_noticed_until_accepted);
    TAP_RUN(a_command_line_is_read_or_refused_with_a_sentence);
    rc = tap_end();
    agent = agent_stop(agent);
    http_server_stop(srv.http);
    return rc;
}
