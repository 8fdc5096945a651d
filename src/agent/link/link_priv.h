/* link_priv.h: the inside of the link: link.c (start, running works), lease.c, batch.c (batches and
 * entries). */
#ifndef ALTO_AGENT_LINK_LINK_PRIV_H
#define ALTO_AGENT_LINK_LINK_PRIV_H

#include <stdatomic.h>

#include "agent/link/link.h"
#include "client/api.h"
#include "port/thread.h"

struct link_running {
    al_id id;
    bool ended; /* its end is spooled, before end_pos */
    uint64_t end_pos;
};

struct link {
    struct link_conf conf;
    struct http *lease_http, *batch_http;
    struct port_thread lease_thread, batch_thread, late_thread;

    port_mutex mutex;
    port_cond wake; /* stopping, or works changed */
    _Atomic bool stopping;
    bool flushing; /* link_stop waits for the spool */
    port_cond flushed;
    struct link_running running[LINK_RUNNING_MAX];
    size_t running_count;
    struct agent_config *config;
    uint64_t seen_version; /* of the configuration, as the server told last */
    bool online;
    int code[2]; /* last result of the lease thread, of the senders */
    uint64_t batches, polls;
    int64_t space_ns; /* the lease thread's: when it told of the volumes' space; 0: never */
    bool was_busy;    /* since then works ran */
};

struct pause {
    uint32_t ms; /* of the last pause; 0: none since the last success */
};
/* Waits longer each time, or what the server asked for; ends at once when the link stops. */
void link_pause(struct link *l, struct pause *p, uint32_t retry_after_s);
enum link_part { LINK_LEASE, LINK_SEND };
/* Keeps how the last call of a part went; tells the log when that changed. */
void link_told(struct link *l, enum link_part part, int code, const struct al_fail *fail);

/* STATE/works.json: which works run, so that after a crash they are given back at once instead of
 * when their leases run out. */
int link_works_save(struct link *l) AL_MUST_CHECK;
void link_works_give_back(struct link *l);

int link_http(struct link *l, struct http **ret, struct al_fail *fail);
void *lease_main(void *link);
void *batch_main(void *link);

#endif
