/* main.c: alto-agent's command line. Exit codes: 0 done, 1 failed, 2 wrong usage. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/run/agent.h"
#include "agent/run/checkup.h"
#include "agent/run/log.h"
#include "agent/run/options.h"
#include "agent/stub/doctor.h"
#include "base/mem.h"
#include "port/process.h"

#define ONCE_PATIENCE_NS                                                                           \
    60000000000 /* for --once: how long a server that does not answer is waited for */
#define TOKEN_MAX 4096u
#define DOCTOR_TEXT_MAX (64u << 10)
#define DOCTOR_SOCKET "/run/alto/gate.sock"
#define DOCTOR_STATE "/var/lib/alto/agent"

static const char usage[] =
    "usage: alto-agent enrol --server URL (--token-file FILE | --token T) --state DIR [--ca-file "
    "FILE] [--name NAME]\n"
    "       alto-agent run --state DIR [--gate-socket PATH] [--workers N] [--recallers N] "
    "[--walkers N]\n"
    "                      [--spool-limit SIZE] [--once] [--verbose]\n"
    "       alto-agent accept --state DIR PATH    trust the filesystem that is at a volume's path "
    "now\n"
    "       alto-agent doctor [PATH] [--state DIR] [--gate-socket PATH] [--json]    can PATH hold "
    "stubs, and why not\n"
    "       alto-agent version | help\n"
    "\n"
    "enrol asks the server to know this host; the token is used up by it. Without --token and "
    "--token-file it is read from standard\n"
    "input. run goes on until SIGTERM; --once ends when nothing is left to do.\n";

static int
wrong(const char *text)
{
    (void)fprintf(stderr, "alto-agent: %s\n%s", text, usage);
    return 2;
}

static int
failed(const struct al_fail *fail, int rc)
{
    (void)fprintf(stderr, "alto-agent: %s (%s%s", fail->text[0] != '\0' ? fail->text : "failed",
                  al_code_name(rc), fail->os != 0 ? ", system " : ")\n");
    if (fail->os != 0) {
        (void)fprintf(stderr, "%u)\n", (unsigned)fail->os);
    }
    return 1;
}

/* A path as the system's calls need it: absolute. */
static int
absolute(const char *path, char **ret)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    const char *here = port_env("PWD");
    bool is = path[0] == '/' || path[0] == '\\' || (path[0] != '\0' && path[1] == ':');
    size_t len;
    int rc;

    al_buf_init(&text, 64u << 10);
    if (!is && here == NULL) {
        return AL_EINVAL;
    }
    rc = is ? al_buf_adds(&text, path) : al_buf_addf(&text, "%s/%s", here, path);
    if (rc == AL_OK) {
        *ret = (char *)al_buf_take(&text, &len);
    }
    return rc;
}

/* ---- enrol ---- */

static int
read_token(const char *file, struct al_buf *to, struct al_fail *fail)
{
    AL_CLEANUP(al_freep) char *path = NULL;
    int rc = AL_OK;

    if (file != NULL) {
        rc = absolute(file, &path);
        rc = rc != AL_OK ? rc : port_read_file(port_native(), NULL, path, TOKEN_MAX, to);
    } else {
        char line[TOKEN_MAX];

        rc = fgets(line, sizeof(line), stdin) != NULL ? al_buf_adds(to, line) : AL_ENODATA;
    }
    while (to->len > 0 && (to->at[to->len - 1] == '\n' || to->at[to->len - 1] == '\r')) {
        to->at[--to->len] = '\0';
    }
    if (rc == AL_OK && to->len == 0) {
        rc = AL_ENODATA;
    }
    return rc == AL_OK
               ? AL_OK
               : al_fail_set(fail, rc, port_os_error(port_native()), "there is no token to read");
}

static int
enrol_with(struct enrol_conf *conf, const char *state_path, const char *ca_file, const char *token,
           const char *token_file, struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    AL_CLEANUP(al_freep) char *state = NULL;
    AL_CLEANUP(al_freep) char *ca = NULL;
    AL_CLEANUP(port_holder_end) struct port_holder dir = {conf->port, NULL};
    int rc = absolute(state_path, &state);

    al_buf_init(&text, TOKEN_MAX);
    if (rc == AL_OK && ca_file != NULL) {
        rc = absolute(ca_file, &ca);
    }
    if (rc == AL_OK && token == NULL) {
        rc = read_token(token_file, &text, fail);
        token = (const char *)text.at;
    }
    rc = rc != AL_OK ? rc : port_mkdirs(conf->port, state, 0700);
    rc = rc != AL_OK ? rc
                     : port_open(conf->port, NULL, state, PORT_READ | PORT_FOLDER, 0, &dir.file);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(conf->port),
                           "the state directory %s cannot be made", state_path);
    }
    conf->state = dir.file;
    conf->ca_file = ca;
    conf->token = token;
    rc = identity_enrol(conf, fail);
    if (text.at != NULL) {
        al_wipe(text.at, text.len);
    }
    return rc;
}

static int
cmd_enrol(int argc, char **argv)
{
    const char *server = NULL, *token = NULL, *token_file = NULL, *state = NULL, *ca_file = NULL,
               *name = NULL;
    const struct option options[] = {{"server", &server, NULL},         {"token", &token, NULL},
                                     {"token-file", &token_file, NULL}, {"state", &state, NULL},
                                     {"ca-file", &ca_file, NULL},       {"name", &name, NULL}};
    struct enrol_conf conf = {.port = port_native(), .os = ALTO_OS, .version = ALTO_VERSION};
    const char *words[OPTIONS_WORDS_MAX];
    struct al_fail fail = {0};
    size_t count = 0;
    int rc;

    if (options_read(argc, argv, options, AL_LEN(options), words, &count, &fail) != AL_OK) {
        return wrong(fail.text);
    }
    if (count > 0 || server == NULL || state == NULL || (token != NULL && token_file != NULL)) {
        return wrong("enrol needs --server, --state and one token");
    }
    conf.server = server;
    conf.name = name;
    rc = enrol_with(&conf, state, ca_file, token, token_file, &fail);
    if (rc != AL_OK) {
        return failed(&fail, rc);
    }
    (void)printf("enrolled; start it with: alto-agent run --state %s\n", state);
    return 0;
}

/* ---- run ---- */

/* A share that hangs must not hold the stop up: everything on disk is safe at any instruction. */
static void *
watchdog(void *log)
{
    port_sleep_ns(port_native(), AGENT_STOP_NS);
    al_log(log, AL_LOG_WARN,
           "something hangs, perhaps a share: leaving it; the next start heals what was under way");
    _Exit(0);
}

static int
run_until_stopped(struct agent *a, bool once)
{
    int64_t end = port_mono_ns(port_native()) + ONCE_PATIENCE_NS;

    while (!port_stop_wait(once ? 100000000 : 3600000000000)) {
        struct link_figures f;

        if (!once) {
            continue;
        }
        if (agent_idle(a)) {
            return 0;
        }
        link_figures(a->link, &f);
        if (f.online || f.running > 0) {
            end = port_mono_ns(port_native()) + ONCE_PATIENCE_NS;
        } else if (port_mono_ns(port_native()) > end) {
            (void)fprintf(stderr, "alto-agent: the server does not answer\n");
            return 1;
        }
    }
    return once ? 1 : 0;
}

static int
run(struct agent_options *o, struct al_log *log)
{
    struct agent *a = NULL;
    struct al_fail fail = {0};
    struct port_thread dog;
    int rc, status;

    port_stop_catch();
    port_memory_lean();
    rc = agent_start(o, log, &a, &fail);
    if (rc != AL_OK) {
        return failed(&fail, rc);
    }
    al_log(log, AL_LOG_INFO, "%s runs with %s", o->program, o->state);
    status = run_until_stopped(a, o->once);
    al_log(log, AL_LOG_INFO, "stopping");
    rc = port_thread_start(&dog, "watchdog", 0, watchdog, log);
    if (rc != AL_OK) {
        al_log(log, AL_LOG_WARN,
               "no watchdog over the stop: it may take as long as a share's deadline");
    }
    (void)agent_stop(a); /* returns NULL */
    al_log(log, AL_LOG_INFO, "stopped");
    return status;
}

static bool
number(const char *text, unsigned max, unsigned *ret)
{
    uint64_t v = 0;

    if (text == NULL) {
        return true;
    }
    if (al_parse_u64(text, &v) != AL_OK || v == 0 || v > max) {
        return false;
    }
    *ret = (unsigned)v;
    return true;
}

static unsigned
default_walkers(void)
{
    unsigned n = 4 * port_cpus();

    return n < AGENT_WALKERS_MIN   ? AGENT_WALKERS_MIN
           : n > AGENT_WALKERS_MAX ? AGENT_WALKERS_MAX
                                   : n;
}

static int
cmd_run(int argc, char **argv)
{
    const char *state = NULL, *gate = NULL, *movers = NULL, *recallers = NULL, *walkers = NULL,
               *limit = NULL;
    bool once = false, verbose = false;
    const struct option options[] = {{"state", &state, NULL},     {"gate-socket", &gate, NULL},
                                     {"workers", &movers, NULL},  {"recallers", &recallers, NULL},
                                     {"walkers", &walkers, NULL}, {"spool-limit", &limit, NULL},
                                     {"once", NULL, &once},       {"verbose", NULL, &verbose}};
    struct agent_options o = {.program = "alto-agent/" ALTO_VERSION,
                              .walk_threads = default_walkers()};
    AL_CLEANUP(al_freep) char *path = NULL;
    const char *words[OPTIONS_WORDS_MAX];
    struct al_fail fail = {0};
    struct run_log log;
    size_t count = 0;

    if (options_read(argc, argv, options, AL_LEN(options), words, &count, &fail) != AL_OK) {
        return wrong(fail.text);
    }
    if (count > 0 || state == NULL || absolute(state, &path) != AL_OK) {
        return wrong("run needs --state DIR");
    }
    if (!number(movers, MOVER_WORKERS_MAX, &o.movers) ||
        !number(recallers, RECALL_WORKERS_MAX, &o.recallers) ||
        !number(walkers, WALK_THREADS_MAX, &o.walk_threads) ||
        (limit != NULL && al_parse_size(limit, &o.spool_bytes) != AL_OK)) {
        return wrong("a number is out of its range");
    }
    o.state = path;
    o.gate_socket = gate;
    o.once = once;
    run_log_init(&log, verbose);
    return run(&o, &log.log);
}

/* ---- accept ---- */

static int
accept_path(const char *state_path, const char *path, struct al_fail *fail)
{
    struct port *port = port_native();
    AL_CLEANUP(al_freep) char *state = NULL;
    AL_CLEANUP(port_holder_end) struct port_holder dir = {port, NULL};
    struct fs_memory *m = NULL;
    int rc = absolute(state_path, &state);

    rc = rc != AL_OK ? rc : port_open(port, NULL, state, PORT_READ | PORT_FOLDER, 0, &dir.file);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(port), "%s cannot be opened", state_path);
    }
    rc = fs_memory_open(port, dir.file, &m, fail);
    if (rc == AL_OK) {
        rc = fs_memory_forget(m, path);
    }
    m = fs_memory_close(m);
    return rc == AL_OK
               ? AL_OK
               : al_fail_set(fail, rc, 0, "%s is no volume's path that was seen before", path);
}

static int
cmd_accept(int argc, char **argv)
{
    const char *state = NULL;
    const struct option options[] = {{"state", &state, NULL}};
    const char *words[OPTIONS_WORDS_MAX];
    struct al_fail fail = {0};
    size_t count = 0;
    int rc;

    if (options_read(argc, argv, options, AL_LEN(options), words, &count, &fail) != AL_OK) {
        return wrong(fail.text);
    }
    if (count != 1 || state == NULL) {
        return wrong("accept needs --state DIR and a path");
    }
    rc = accept_path(state, words[0], &fail);
    return rc == AL_OK ? 0 : failed(&fail, rc);
}

/* ---- doctor ---- */

static int
doctor(const struct doctor_conf *conf, bool json, struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    struct doctor_report report;
    int rc;

    al_buf_init(&text, DOCTOR_TEXT_MAX);
    doctor_examine(conf, &report);
    agent_checkup(conf, "alto-agent/" ALTO_VERSION, &report);
    rc = json ? doctor_json(conf, &report, &text) : doctor_text(&report, &text);
    if (rc != AL_OK) {
        return failed(fail, rc);
    }
    (void)printf("%s%s", (const char *)text.at, json ? "\n" : "");
    return doctor_can(&report) ? 0 : 1;
}

static int
cmd_doctor(int argc, char **argv)
{
    const char *state = NULL, *gate = NULL;
    bool json = false;
    const struct option options[] = {
        {"state", &state, NULL}, {"gate-socket", &gate, NULL}, {"json", NULL, &json}};
    struct doctor_conf conf = {.port = port_native()};
    AL_CLEANUP(al_freep) char *path = NULL;
    AL_CLEANUP(al_freep) char *folder = NULL;
    const char *words[OPTIONS_WORDS_MAX];
    struct al_fail fail = {0};
    size_t count = 0;

    if (options_read(argc, argv, options, AL_LEN(options), words, &count, &fail) != AL_OK) {
        return wrong(fail.text);
    }
    if (count > 1 || (count == 1 && absolute(words[0], &path) != AL_OK) ||
        absolute(state != NULL ? state : DOCTOR_STATE, &folder) != AL_OK) {
        return wrong("doctor needs at most one path");
    }
    conf.path = path;
    conf.state = folder;
    conf.gate_socket = gate != NULL ? gate : DOCTOR_SOCKET;
    return doctor(&conf, json, &fail);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } commands[] = {{"enrol", cmd_enrol},
                    {"enroll", cmd_enrol},
                    {"run", cmd_run},
                    {"accept", cmd_accept},
                    {"doctor", cmd_doctor}};

    if (argc < 2) {
        return wrong("what shall it do?");
    }
    for (size_t i = 0; i < AL_LEN(commands); i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            return commands[i].run(argc, argv);
        }
    }
    if (strcmp(argv[1], "version") == 0 || strcmp(argv[1], "--version") == 0) {
        (void)printf("alto-agent %s (%s)\n", ALTO_VERSION, ALTO_OS);
        return 0;
    }
    if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0) {
        (void)printf("%s", usage);
        return 0;
    }
    return wrong("unknown command");
}
