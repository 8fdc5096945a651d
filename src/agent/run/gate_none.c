/* gate_none.c: a system without alto-gate: its volumes are tracked only. */
#include "agent/run/agent.h"

#include "base/mem.h"

struct agent_gate {
    struct agent *agent;
};

int
agent_gate_start(struct agent *a, struct agent_gate **ret, struct al_fail *fail)
{
    struct agent_gate *g = al_zalloc(sizeof(*g));

    if (g == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    g->agent = a;
    *ret = g;
    return AL_OK;
}

struct agent_gate *
agent_gate_stop(struct agent_gate *g)
{
    al_free(g);
    return NULL;
}

struct stub_gate *
agent_gate_stub(struct agent_gate *g)
{
    (void)g;
    return NULL;
}

bool
agent_gate_wait(struct agent_gate *g, int64_t timeout_ms)
{
    (void)g;
    (void)timeout_ms;
    return true; /* there is nothing to wait for */
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

int
agent_stub_open(struct agent *a, const struct stub_volume_conf *conf, struct stub_volume **ret,
                struct al_fail *fail)
{
    (void)a;
    (void)conf;
    (void)ret;
    return al_fail_set(fail, AL_ENOTSUP, 0,
                       "this system holds no stubs yet: the volume is tracked only");
}
