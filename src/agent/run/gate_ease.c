/* gate_ease.c: what stands between opener and stub on Windows: the filter driver, through driver.c. Its
 * threads answer openers themselves, so nothing comes through agent_opened here. */
#include "agent/run/agent.h"

#include <stdio.h>
#include <string.h>

#include "agent/run/driver.h"
#include "base/mem.h"
#include "port/service.h"

#define RECORD_MAX (64u << 10)

struct agent_gate {
    struct agent *agent;
    struct driver *driver;
    int64_t told_ns;       /* the keeper's: when the server was told; 0: never */
    enum driver_why event; /* of the last entry in the system's log */
};

int
agent_gate_start(struct agent *a, struct agent_gate **ret, struct al_fail *fail)
{
    struct agent_gate *g = al_zalloc(sizeof(*g));
    int rc;

    if (g == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    g->agent = a;
    g->event = DRIVER_UNKNOWN;
    rc = driver_open(&(struct driver_conf){.port = a->port,
                                           .log = a->log,
                                           .state_path = a->options.state,
                                           .state = a->state,
                                           .journal = a->journal,
                                           .sink = &a->sink.sink,
                                           .dll = a->options.driver},
                     &g->driver, fail);
    if (rc != AL_OK) {
        al_free(g);
        return rc;
    }
    *ret = g;
    return AL_OK;
}

struct agent_gate *
agent_gate_stop(struct agent_gate *g)
{
    if (g != NULL) {
        g->driver = driver_close(g->driver);
        al_free(g);
    }
    return NULL;
}

/* Recalls go on, with what is known, before anything else starts. */
bool
agent_gate_wait(struct agent_gate *g, int64_t timeout_ms)
{
    struct driver_state s;

    (void)timeout_ms;
    (void)driver_tend(g->driver); /* the keeper tells how it went */
    driver_state_get(g->driver, &s);
    return s.why == DRIVER_OK;
}

int
agent_gate_apply(struct agent_gate *g, struct agent_config *c)
{
    return driver_apply(g->driver, c);
}

/* ---- telling ---- */

/* A copy stays in the state folder for `alto-agent driver status` and doctor. */
static void
tell(struct agent_gate *g, const struct driver_state *s)
{
    AL_CLEANUP(al_buf_free) struct al_buf line = {0};
    struct agent *a = g->agent;
    int rc;

    al_buf_init(&line, RECORD_MAX);
    rc = driver_state_record(s, port_now_ns(a->port), &line);
    rc = rc != AL_OK ? rc : spool_add(a->spool, al_buf_span(&line));
    rc = rc != AL_OK
             ? rc
             : port_write_file(a->port, a->state, DRIVER_STATE_FILE, line.at, line.len, 0600);
    if (rc == AL_OK) {
        g->told_ns = port_mono_ns(a->port);
    }
}

/* An administrator must see when recalls stopped, and when they came back. */
static void
event(struct agent_gate *g, const struct driver_state *s)
{
    char text[600];
    bool was_well = g->event == DRIVER_OK;

    if (s->why == g->event || (s->why != DRIVER_OK && !was_well)) {
        return;
    }
    g->event = s->why;
    (void)snprintf(text, sizeof(text), "%s%s%s%s",
                   s->why == DRIVER_OK ? "Stubs are recalled: the filter driver is connected."
                                       : "Stubs cannot be recalled: ",
                   s->text, s->why != DRIVER_OK ? ". Next: " : "", driver_why_next(s->why));
    port_event_write(AGENT_SERVICE, s->why == DRIVER_OK ? PORT_EVENT_STARTED : PORT_EVENT_ERROR,
                     text);
}

bool
agent_gate_tend(struct agent_gate *g)
{
    bool changed = driver_tend(g->driver);
    struct driver_state s;

    driver_state_get(g->driver, &s);
    if (changed || g->told_ns == 0 || port_mono_ns(g->agent->port) - g->told_ns >= DRIVER_TELL_NS) {
        tell(g, &s);
        event(g, &s);
    }
    return changed;
}

/* ---- volumes ---- */

void
agent_gate_why_not(struct agent_gate *g, const char *kind, char *text, size_t cap)
{
    struct driver_state s;

    if (strcmp(kind, "ntfs") != 0) {
        (void)snprintf(text, cap,
                       "a volume of kind %s holds no stubs on Windows: it is walked, nothing is "
                       "tiered",
                       kind);
        return;
    }
    driver_state_get(g->driver, &s);
    (void)driver_can_stub(&s, text, cap);
}

bool
agent_gate_makes(struct agent_gate *g)
{
    (void)g;
    return true;
}

struct stub_maker *
agent_gate_maker(struct agent_gate *g)
{
    return driver_maker(g->driver);
}

void
agent_gate_release(struct agent_gate *g)
{
    driver_release(g->driver);
}

int
agent_stub_open(struct agent *a, const struct stub_volume_conf *conf, struct stub_volume **ret,
                struct al_fail *fail)
{
    (void)a;
    (void)conf;
    (void)ret;
    return al_fail_set(fail, AL_ENOTSUP, 0, "stubs of this system are made beside their files");
}

/* ---- what only alto-gate has ---- */

struct stub_gate *
agent_gate_stub(struct agent_gate *g)
{
    (void)g;
    return NULL;
}

void
agent_gate_answer(struct agent_gate *g, uint64_t number, int code)
{
    (void)g;
    (void)number;
    (void)code;
}

int
agent_gate_marked(struct agent_gate *g, struct port_file *f, bool *ret)
{
    (void)g;
    (void)f;
    (void)ret;
    return AL_ENOTSUP;
}

bool
agent_gate_watched(struct port_file *f, char *text, size_t cap)
{
    (void)f;
    (void)text;
    (void)cap;
    return false;
}
