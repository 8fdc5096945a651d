/* ease_priv.h: shared by ease.c and stub.c of this folder. */
#ifndef ALTO_AGENT_EASE_EASE_PRIV_H
#define ALTO_AGENT_EASE_EASE_PRIV_H

#include <stdatomic.h>

#include "agent/ease/ease.h"
#include "port/thread.h"

struct ease {
    struct stub_maker maker; /* first */
    struct ease_conf conf;
    struct ease_api api;
    struct ease_answer *answer;
    uint32_t process;
    atomic_bool stopping;
    atomic_bool serves; /* connected and configured */
    atomic_bool gone;   /* the driver said that the connection ended */
    atomic_uint_fast64_t unverified;
    bool was_connected, connected;
    uint32_t times_connected;
    int64_t again_ns, wait_ns; /* mono: not before; how long the next time */
    port_mutex lock;           /* over last_error and the two before */
    char last_error[256];
    port_mutex calls; /* the DLL's own calls about stubs: one at a time, since nothing says more */
};

extern const struct stub_maker_ops ease_maker_ops;

/* Notes and passes on what went wrong: our sentence and the DLL's own words. Returns code. */
int ease_failed(struct ease *e, struct al_fail *fail, int code, const char *what);

#endif
