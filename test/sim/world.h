/* world.h: a host and a share in memory, for tests of mover, recall and reconcile: everything real but the disks, the gate and the
 * spool. The gate does what alto-gate does (guard, count, hold, release); the spool is a file with a line per outcome. */
#ifndef ALTO_TEST_SIM_WORLD_H
#define ALTO_TEST_SIM_WORLD_H

#include "agent/mover/mover.h"
#include "agent/recall/recall.h"
#include "agent/reconcile/reconcile.h"
#include "port/sim/sim.h"

#define WORLD_CUSTOMER "01kaz0000000000000000000aa"
#define WORLD_HOST "01kaz0000000000000000000hh"
#define WORLD_VOLUME "01kaz0000000000000000000vv"
#define WORLD_SHARE "01kaz0000000000000000000ss"
#define WORLD_CHUNK 8192u

struct world_gate {
    struct stub_gate gate; /* first */
    bool guarded, held;
    bool asks_truncates; /* a kernel from 6.14 on */
    uint64_t ino;
    uint32_t passed;
};

struct world_sink {
    struct outcome_sink sink; /* first */
    struct world *world;
    struct port_file *file;
    uint64_t size;
};

struct world {
    struct sim *host, *disk; /* the agent's computer; the share's */
    struct world_gate gate;
    /* of the running agent; all NULL while it is dead */
    struct port_file *state;
    struct world_sink sink;
    struct journal *journal;
    struct stub_volume *stub;
    struct manifest_writer *manifests;
    struct target *target;
    struct port_file *root; /* of the volume, to archive and bring back */
    struct claims *claims;
    struct mover_volume mover_volume;
    struct mover_env mover_env;
    struct recall_volume recall_volume;
    struct recall_env recall_env;
    uint64_t torn;
    struct stub_maker *maker; /* of the volume's stubs; NULL: Linux's. Before world_start */
    enum port_views views;    /* likewise */
    bool chunked;             /* recalls go chunk by chunk, as those of large files do; before world_start */
};

/* Makes both disks, a share with its identity, an empty volume and state folder; all durable. Asserts that it works. */
void world_make(struct world *w, uint64_t seed, enum sim_order order);
void world_end(struct world *w);

/* Starts and stops the agent's parts. start may fail where a crash or fault was armed. */
int world_start(struct world *w);
void world_stop(struct world *w);

/* Writes a file below the volume by somebody else, durable: size bytes drawn from seed. An odd seed gives it file capabilities. */
void world_file(struct world *w, const char *name, size_t size, uint64_t seed);
void world_bytes(uint8_t *to, size_t size, uint64_t seed);

/* Runs to the end; returns the result. */
struct mover_result world_tier(struct world *w, const char *name, int *ret_rc);
struct recall_result world_recall(struct world *w, const char *name, int *ret_rc);
/* As a job's item; NULL: somebody opened it. */
struct recall_result world_recall_for(struct world *w, const char *name, const char *job_id,
                                      int *ret_rc);
struct mover_result world_archive(struct world *w, const char *name, int *ret_rc);
struct mover_result world_adopt(struct world *w, const char *name, int *ret_rc);
/* object_id "": only a placeholder tells. */
struct mover_result world_back(struct world *w, const char *name, const char *object_id, int *ret_rc);
struct reconcile_env world_reconcile_env(struct world *w);

/* Facts, seen by somebody else. */
bool world_exists(struct world *w, const char *name);
bool world_has_marker(struct world *w, const char *name);
struct port_stat world_stat(struct world *w, const char *name);
/* The bytes of a file (al_free them). */
uint8_t *world_read(struct sim *on, const char *path, size_t *ret_size);
/* Whether the volume's file of that name holds just these bytes. */
bool world_reads(struct world *w, const char *name, const uint8_t *bytes, size_t size);
/* Counts lines of the spool that hold both texts (second may be NULL). */
unsigned world_told(struct world *w, const char *a, const char *b);
/* Calls each for every object on the share: its name without folder and its extension cut off, i.e. the object id. */
void world_objects(struct world *w, void (*each)(struct world *w, const char *id, void *ctx), void *ctx);
unsigned world_leftovers(struct world *w); /* files under incoming/ */

#endif
