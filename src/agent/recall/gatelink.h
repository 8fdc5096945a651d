/* gatelink.h: the agent's end of the connection to alto-gate (Linux). It connects, and connects
 * again, by itself; hands over opens of stubs; carries answers back; and is the struct stub_gate
 * that tiering needs.
 *
 *   gatelink_start ─▶ (connected) ─▶ conf.opened(event) ... gatelink_answer(event number, code)      any
 *                                                                                                    thread
 *
 * While it lives it also keeps a duplicate of the gate's event group, so that openers go on waiting
 * when the gate dies; and when no gate comes back for longer than the gate's limit it denies them,
 * as alto-hold does. Start it before anything opens a stub in this process: until it is connected
 * the gate does not know this process, and its own opens of stubs would wait for itself.
 *
 * Threads: opened is called by the link's own thread and must not wait (queue the work). All other
 * calls: any thread. */
#ifndef ALTO_AGENT_RECALL_GATELINK_H
#define ALTO_AGENT_RECALL_GATELINK_H

#include "agent/stub/stub.h"
#include "base/log.h"

/* guard, hold, release: the gate answers in microseconds or is not there */
#define GATELINK_REPLY_MS 5000
/* a guard waits this long for a gate that was just lost, or at the start was not there yet */
#define GATELINK_BACK_MS 10000
#define GATELINK_REQUESTS_MAX 256u /* under way at once */

struct gatelink;

struct gatelink_event { /* somebody opens, maps or truncates a stub and waits */
    uint64_t number;    /* for the answer */
    uint64_t dev, ino;  /* as stat(2) tells them */
    struct port_handle handle;
    uint32_t pid, uid;
    char process[32]; /* command name, may be empty */
};

struct gatelink_conf {
    const char *socket;       /* where alto-gate listens */
    const char *state_folder; /* of this agent: the gate never marks its filesystem */
    struct port *port;        /* port_native(): the gate sees real files */
    struct al_log *log;       /* NULL: silent */
    void (*opened)(void *ctx, const struct gatelink_event *e);
    void *ctx;
};

/* AL_OK also when there is no gate yet. conf's strings are copied. AL_ENOMEM, AL_EMFILE. */
int gatelink_start(const struct gatelink_conf *conf, struct gatelink **ret,
                   struct al_fail *fail) AL_MUST_CHECK;
/* Ends the connection: the gate releases what was guarded, and keeps those waiting for the next
 * agent. NULL is fine; returns NULL. */
struct gatelink *gatelink_stop(struct gatelink *l);

/* AL_OK: the file is whole now, or it is no stub any more. Anything else: the opener gets EIO.
 * Answers to events of a gate that is gone do nothing: the new gate asks again. */
void gatelink_answer(struct gatelink *l, uint64_t number, int code);

bool gatelink_connected(struct gatelink *l);
/* Waits until connected, at most timeout_ms. */
bool gatelink_wait(struct gatelink *l, int64_t timeout_ms);
/* Whether the filesystem of f is marked. AL_EUNREACH without a gate. For the alarm about a volume
 * that is mounted unmarked. */
int gatelink_marked(struct gatelink *l, struct port_file *f, bool *ret) AL_MUST_CHECK;

/* For stub_volume_open_linux; lives as long as the link. */
struct stub_gate *gatelink_gate(struct gatelink *l);

#endif
