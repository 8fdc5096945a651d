/* gate_linux.c: alto-gate, as seen by the agent. */
#include "agent/run/agent.h"

#include <stdio.h>
#include <string.h>

#include "agent/recall/gatelink.h"
#include "agent/run/checkup.h"
#include "base/mem.h"
#include "port/fan.h"

#define WATCHERS_MAX 16
#define DEFAULT_SOCKET "/run/alto/gate.sock"

struct agent_gate {
    struct agent *agent;
    port_mutex mutex;
    struct gatelink *link; /* NULL before the start and after the stop */
};

static void
on_opened(void *ctx, const struct gatelink_event *e)
{
    struct agent_gate *g = ctx;
    struct agent_open o = {.number = e->number,
                           .dev = e->dev,
                           .ino = e->ino,
                           .handle = e->handle,
                           .pid = e->pid,
                           .uid = e->uid};

    memcpy(o.process, e->process, sizeof(o.process));
    o.process[sizeof(o.process) - 1] = '\0';
    agent_opened(g->agent, &o);
}

int
agent_gate_start(struct agent *a, struct agent_gate **ret, struct al_fail *fail)
{
    struct agent_gate *g = al_zalloc(sizeof(*g));
    struct gatelink_conf conf = {.socket = a->options.gate_socket != NULL ? a->options.gate_socket
                                                                          : DEFAULT_SOCKET,
                                 .state_folder = a->options.state,
                                 .port = a->port,
                                 .log = a->log,
                                 .opened = on_opened,
                                 .ctx = g};
    int rc;

    if (g == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    g->agent = a;
    port_mutex_init(&g->mutex);
    *ret = g; /* the first open may come before gatelink_start is back; its answer waits for the
                 mutex */
    port_mutex_lock(&g->mutex);
    rc = gatelink_start(&conf, &g->link, fail);
    port_mutex_unlock(&g->mutex);
    if (rc != AL_OK) {
        *ret = NULL;
        port_mutex_end(&g->mutex);
        al_free(g);
    }
    return rc;
}

struct agent_gate *
agent_gate_stop(struct agent_gate *g)
{
    if (g != NULL) {
        (void)gatelink_stop(g->link); /* returns NULL */
        port_mutex_end(&g->mutex);
        al_free(g);
    }
    return NULL;
}

struct stub_gate *
agent_gate_stub(struct agent_gate *g)
{
    return gatelink_gate(g->link);
}

bool
agent_gate_wait(struct agent_gate *g, int64_t timeout_ms)
{
    return gatelink_wait(g->link, timeout_ms);
}

int
agent_gate_apply(struct agent_gate *g, struct agent_config *c)
{
    (void)g;
    (void)c;
    return AL_OK;
}

bool
agent_gate_tend(struct agent_gate *g)
{
    (void)g;
    return false; /* gatelink connects anew by itself */
}

void
agent_gate_why_not(struct agent_gate *g, const char *kind, char *text, size_t cap)
{
    (void)g;
    text[0] = '\0';
    if (strcmp(kind, "posix") != 0) {
        (void)snprintf(text, cap,
                       "a volume of kind %s holds no stubs: it is walked, nothing is tiered", kind);
    }
}

bool
agent_gate_makes(struct agent_gate *g)
{
    (void)g;
    return false;
}

struct stub_maker *
agent_gate_maker(struct agent_gate *g)
{
    (void)g;
    return NULL;
}

void
agent_gate_release(struct agent_gate *g)
{
    (void)g; /* markers say what a file is, whatever was cut */
}

void
agent_gate_answer(struct agent_gate *g, uint64_t number, int code)
{
    port_mutex_lock(&g->mutex);
    gatelink_answer(g->link, number, code);
    port_mutex_unlock(&g->mutex);
}

int
agent_gate_marked(struct agent_gate *g, struct port_file *f, bool *ret)
{
    return gatelink_marked(g->link, f, ret);
}

bool
agent_gate_watched(struct port_file *f, char *text, size_t cap)
{
    struct port_fan_watcher list[WATCHERS_MAX];
    size_t count = 0;

    if (port_fan_watchers(port_native_fd(f), list, AL_LEN(list), &count) != AL_OK) {
        return false; /* the doctor tells that it cannot be seen */
    }
    for (size_t i = 0; i < count; i++) {
        if (!list[i].content) {
            (void)snprintf(text, cap,
                           "%s (process %u) listens on this filesystem and would read zeros from "
                           "stubs: alto-agent doctor tells what to do",
                           list[i].name, list[i].pid);
            return true;
        }
    }
    return false;
}

int
agent_stub_open(struct agent *a, const struct stub_volume_conf *conf, struct stub_volume **ret,
                struct al_fail *fail)
{
    return stub_volume_open_linux(a->port, conf, agent_gate_stub(a->gate), ret, fail);
}

void
agent_checkup_system(struct port *port, struct port_file *state, struct doctor_report *report)
{
    (void)port;
    (void)state;
    (void)report;
}
