/* cmd_run.c: `alto-agent run`, in a console, under systemd or as a service of Windows. */
#include <stdio.h>
#include <stdlib.h>

#include "agent/run/agent.h"
#include "agent/run/cmd.h"
#include "agent/run/log.h"
#include "agent/run/options.h"
#include "agent/run/rights.h"
#include "base/mem.h"
#include "port/process.h"
#include "port/service.h"

/* for --once: how long a server that does not answer is waited for */
#define ONCE_PATIENCE_NS 60000000000

struct dog {
    struct al_log *log;
    int64_t ns;
};

/* A share that hangs must not hold the stop up: everything on disk is safe at any instruction. */
static void *
watchdog(void *arg)
{
    struct dog d = *(struct dog *)arg;

    al_free(arg);
    port_sleep_ns(port_native(), d.ns);
    al_log(d.log, AL_LOG_WARN,
           "something hangs, perhaps a share: leaving it; the next start heals what was under way");
    _Exit(0);
}

static void
watch_stop(struct al_log *log, bool service)
{
    struct dog *d = al_alloc(sizeof(*d));
    struct port_thread thread;
    int rc = d == NULL ? AL_ENOMEM : AL_OK;

    if (rc == AL_OK) {
        *d = (struct dog){log, service ? AGENT_STOP_SERVICE_NS : AGENT_STOP_NS};
        rc = port_thread_start(&thread, "watchdog", 0, watchdog, d);
    }
    if (rc != AL_OK) {
        al_free(d);
        al_log(log, AL_LOG_WARN,
               "no watchdog over the stop: it may take as long as a share's deadline");
    }
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

/* What run and the service's body share. */
struct running {
    struct agent_options *options;
    struct run_log *log;
};

static int
run(struct agent_options *o, struct al_log *log, bool service)
{
    struct agent *a = NULL;
    struct al_fail fail = {0};
    int rc, status;

    port_memory_lean();
    rc = agent_start(o, log, &a, &fail);
    if (rc != AL_OK) {
        al_log(log, AL_LOG_ERROR, "%s (%s)", fail.text, al_code_name(rc));
        return cmd_failed(&fail, rc);
    }
    al_log(log, AL_LOG_INFO, "%s runs with %s", o->program, o->state);
    status = run_until_stopped(a, o->once);
    al_log(log, AL_LOG_INFO, "stopping");
    watch_stop(log, service);
    (void)agent_stop(a); /* returns NULL */
    al_log(log, AL_LOG_INFO, "stopped");
    return status;
}

/* What the account was given counts only when it is switched on. Without some of it files are unreadable or
 * cannot be dressed, which is told file by file. */
static void
rights(struct running *r)
{
    uint32_t missing = 0;
    int rc = port_rights_on(rights_needed, RIGHTS_COUNT, &missing);

    for (size_t i = 0; rc == AL_OK && i < RIGHTS_COUNT; i++) {
        if ((missing & 1u << i) != 0) {
            al_log(&r->log->log, AL_LOG_WARN, "the service's account does not hold %s",
                   rights_needed[i]);
        }
    }
}

/* Nobody sees its standard error: lines go to a file, and the system's log has start, stop, errors. */
static int
body(void *ctx)
{
    struct running *r = ctx;
    struct al_fail fail = {0};
    char text[600];
    int code;

    if (run_log_to(r->log, r->options->state, &fail) != AL_OK) {
        port_event_write(AGENT_SERVICE, PORT_EVENT_ERROR, fail.text);
    }
    rights(r);
    (void)snprintf(text, sizeof(text), "%s starts with %.400s", r->options->program,
                   r->options->state);
    port_event_write(AGENT_SERVICE, PORT_EVENT_STARTED, text);
    code = run(r->options, &r->log->log, true);
    (void)snprintf(text, sizeof(text), "%s ended with %d", r->options->program, code);
    port_event_write(AGENT_SERVICE, code == 0 ? PORT_EVENT_STOPPED : PORT_EVENT_ERROR, text);
    return code;
}

static int
run_service(struct running *r)
{
    int code = 1, rc = port_service_run(AGENT_SERVICE, body, r, &code);

    if (rc == AL_ENOTSUP) {
        return cmd_wrong("--service is for the service manager: alto-agent service start");
    }
    return rc == AL_OK ? code : 1;
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

int
cmd_run(int argc, char **argv)
{
    const char *state = NULL, *gate = NULL, *movers = NULL, *recallers = NULL, *walkers = NULL,
               *limit = NULL, *driver = NULL;
    bool once = false, verbose = false, service = false;
    const struct option options[] = {{"state", &state, NULL},     {"gate-socket", &gate, NULL},
                                     {"workers", &movers, NULL},  {"recallers", &recallers, NULL},
                                     {"walkers", &walkers, NULL}, {"spool-limit", &limit, NULL},
                                     {"once", NULL, &once},       {"verbose", NULL, &verbose},
                                     {"driver", &driver, NULL},   {"service", NULL, &service}};
    struct agent_options o = {.program = "alto-agent/" ALTO_VERSION,
                              .walk_threads = default_walkers()};
    AL_CLEANUP(al_freep) char *path = NULL;
    AL_CLEANUP(al_freep) char *dll = NULL;
    const char *words[OPTIONS_WORDS_MAX];
    struct al_fail fail = {0};
    struct run_log log;
    size_t count = 0;
    int status;

    if (options_read(argc, argv, options, AL_LEN(options), words, &count, &fail) != AL_OK) {
        return cmd_wrong(fail.text);
    }
    if (count > 0 || state == NULL || cmd_absolute(state, &path) != AL_OK ||
        (driver != NULL && cmd_absolute(driver, &dll) != AL_OK)) {
        return cmd_wrong("run needs --state DIR");
    }
    if (!number(movers, MOVER_WORKERS_MAX, &o.movers) ||
        !number(recallers, RECALL_WORKERS_MAX, &o.recallers) ||
        !number(walkers, WALK_THREADS_MAX, &o.walk_threads) ||
        (limit != NULL && al_parse_size(limit, &o.spool_bytes) != AL_OK)) {
        return cmd_wrong("a number is out of its range");
    }
    o.state = path;
    o.gate_socket = gate;
    o.driver = dll;
    o.once = once;
    run_log_init(&log, verbose);
    port_stop_catch();
    status = service ? run_service(&(struct running){&o, &log}) : run(&o, &log.log, false);
    run_log_end(&log);
    return status;
}
