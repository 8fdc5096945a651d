/* gate.h: the inside of alto-gate. It answers the kernel's open hook: not a stub, go on; a stub,
 * ask the agent and wait, at most wait_ms.
 *
 *   readers (several threads) ── judge.c ──▶ allow, or a pending event
 *   main thread ── serve.c ──▶ clients: agent, alto-hold, control; deadlines
 *   takeover.c: what a dead gate left     marks.c: which filesystems     guard.c: files being
 *                                         tiered
 *
 * One mutex guards everything below it in struct gate. Nobody opens a file of a marked filesystem
 * here: the gate would wait for itself. */
#ifndef ALTO_GATE_GATE_H
#define ALTO_GATE_GATE_H

#include <stdatomic.h>

#include "base/list.h"
#include "base/log.h"
#include "gate/table.h"
#include "port/fan.h"
#include "port/thread.h"
#include "port/usock.h"
#include "wire/gatemsg.h"

/* agent/stub/marker.h; the gate asks whether it is there, and, where the agent lets somebody in all
 * the same, whether it says that the bytes are the file's own (state "untold") */
#define GATE_MARKER "trusted.alto"
#define GATE_MARKER_BYTES 64u
#define GATE_MARKER_STATE_AT 1u
#define GATE_MARKER_UNTOLD 4u
#define GATE_SOCKET "/run/alto/gate.sock"
#define GATE_CONF "/etc/alto/gate.conf"
#define GATE_WAIT_MS 60000u /* how long an opener waits for its file, agent absent or not */
#define GATE_WAIT_MS_MAX 3600000u
/* numbers below this are never an event's: what a gate opens at its start */
#define GATE_NUMBERS_LOW 32
/* nor are the last ones: clients. So a new gate's own numbers never meet a dead one's events */
#define GATE_NUMBERS_HIGH 512u
#define GATE_NUMBERS_SPARE 1024u /* descriptors kept for everything that is no waiting event */
#define GATE_HELD_SPARE 256u     /* of these: openers of files that are just being tiered */
#define GATE_CLIENTS_MAX 32u
#define GATE_GUARDS_MAX 256u /* files being tiered at once */
#define GATE_READERS 2u      /* threads that read events: one, and one to spare */
/* openers that may wait for somebody's lease at once before everybody waits */
#define GATE_READERS_MAX 1024u
#define GATE_CROWDED_NS 10000000000
/* a turn this long waits for a lease: the spare thread takes over */
#define GATE_STUCK_NS 1000000
/* after such a pause of events the spare thread sleeps until the next one */
#define GATE_QUIET_NS 50000000
/* a new gate waits this long for a holder of the group it should take over */
#define GATE_ADOPT_MS 3000
#define GATE_SEND_MS 2000 /* a client that takes no answer for this long is dropped */
#define GATE_MARKS_MAX 128u

struct gate_conf {
    const char *socket; /* absolute; its folder also holds the lock and the group's number */
    const char *conf;   /* file with lines "mark PATH"; NULL: none */
    uint32_t wait_ms;
    bool alone; /* mark without a second holder: for trials, not for data */
    struct al_log *log;
};

struct pending {
    struct al_list all;
    uint64_t number; /* unique while this gate lives: count << 16 | fd */
    int fd;          /* the event's number */
    int look;        /* what to look at: fd itself, or an O_PATH descriptor of a taken-over event */
    uint64_t dev, ino;
    struct port_handle handle;
    uint32_t pid, uid;
    char comm[32];
    int64_t deadline_ns;
    bool forwarded, held;
};

struct guard {
    struct al_list all;
    uint64_t dev, ino;             /* as the kernel tells them of events */
    uint64_t agent_dev, agent_ino; /* as the agent names them */
    int path;                      /* O_PATH: pins no lease */
    uint32_t passed;
    bool hold;
};

struct client {
    int fd; /* -1: free slot */
    struct port_peer peer;
    enum gatemsg_role role; /* 0 until HELLO */
    uint64_t group;         /* the group it said it holds */
    /* its duplicates of that group and table, until they are used; -1 else */
    int given[2];
    bool welcomed;
    char *state_folder; /* agent: its filesystem is never marked */
};

struct gate {
    struct gate_conf conf;
    struct port *port;
    struct port_file *folder; /* of socket, lock and group number */
    struct port_file *lock_file;
    int listener, wake, null_fd;
    int group, table_fd, right;
    uint64_t group_id;
    struct table *table;
    uint64_t pending_max; /* openers of stubs that may wait; further ones are denied */
    _Atomic bool access;  /* accesses are asked too */
    uint32_t self_pid;

    _Atomic uint32_t agent_pid; /* 0: none */
    _Atomic int agent_pidfd;
    _Atomic unsigned readers;
    struct {
        port_mutex lock;
        port_cond watch;                     /* the spare threads' */
        uint64_t leader, count;              /* who reads, 0: nobody; numbers given out */
        unsigned stuck;                      /* threads whose turn was taken from them */
        int64_t busy_since_ns, busy_last_ns; /* 0: the leader waits for events */
    } turn;
    _Atomic int64_t full_ns;      /* when it was last said that no more openers can wait */
    _Atomic int64_t crowded_ns;   /* when it was last said that all readers wait for leases */
    _Atomic uint64_t guard_epoch; /* counts guards ever made */
    _Atomic unsigned guard_count;
    _Atomic unsigned pending_count;
    _Atomic uint64_t n_opens, n_stubs, n_allowed, n_denied;

    port_mutex lock;
    struct client clients[GATE_CLIENTS_MAX];
    struct client *agent;
    struct al_list pending;
    struct pending **by_fd; /* PORT_FAN_NUMBERS_MAX */
    struct al_list guards;
    uint64_t event_count;
    unsigned holders;
    char *marks[GATE_MARKS_MAX]; /* where they were asked for; the kernel has the truth */
};

/* judge.c */
void gate_judge(struct gate *g, const struct port_fan_event *ev);
int gate_readers_start(struct gate *g) AL_MUST_CHECK;
/* With the lock held. */
int gate_pending_add(struct gate *g, int fd, int look, uint32_t pid, bool held) AL_MUST_CHECK;
void gate_pending_end(struct gate *g, struct pending *p, bool allow);
/* Lets go those of this process, which has turned out to be the agent: it would wait for its own
 * answer. */
void gate_pending_let_go(struct gate *g, uint32_t pid);
/* Whether any is left that the agent could not take is told by the result. */
bool gate_forward_all(struct gate *g);
void gate_answered(struct gate *g, uint64_t number, int code);
/* Denies what waited too long; returns milliseconds to the next deadline, -1 when nothing waits. */
int64_t gate_deadlines(struct gate *g);

/* guard.c, with the lock held */
int gate_guard(struct gate *g, uint64_t dev, uint64_t ino, int fd) AL_MUST_CHECK;
int gate_hold(struct gate *g, uint64_t dev, uint64_t ino, uint32_t *ret_passed) AL_MUST_CHECK;
int gate_release(struct gate *g, uint64_t dev, uint64_t ino) AL_MUST_CHECK;
void gate_release_all(struct gate *g);
struct guard *gate_guard_of(struct gate *g, uint64_t dev, uint64_t ino); /* NULL: none */

/* takeover.c */
int gate_group_begin(struct gate *g, struct al_fail *fail) AL_MUST_CHECK;
/* A holder turned up with a group that is not ours: its events are denied and its marks removed.
 * Takes the descriptors. */
void gate_group_drain(struct gate *g, int group, int table_fd);

/* marks.c */
int gate_mark(struct gate *g, int fd, const char *path, struct al_fail *fail) AL_MUST_CHECK;
int gate_unmark(struct gate *g, int fd, const char *path, struct al_fail *fail) AL_MUST_CHECK;
/* What the configuration names, and what was marked when a gate last ran here. One that cannot be
 * marked is logged; the others are. */
void gate_marks_begin(struct gate *g);
/* Whether an overlay mount of this text of /proc/self/mountinfo has a layer on the filesystem of
 * fd. */
bool gate_is_overlay_layer(int fd, const char *mountinfo);
int gate_status(struct gate *g, struct al_buf *out) AL_MUST_CHECK; /* JSON */

/* serve.c */
void gate_serve(struct gate *g); /* until a stop is wanted */
int gate_serve_once(struct gate *g, int64_t timeout_ms) AL_MUST_CHECK;
/* Moves a descriptor that came from outside out of the way of events. */
void gate_raise(struct gate *g, int *io_fd);
int gate_send(struct gate *g, struct client *c, const struct gatemsg *m, const int *fds,
              size_t fd_count, int64_t timeout_ms) AL_MUST_CHECK;
void gate_welcome(struct gate *g, struct client *c);

#endif
