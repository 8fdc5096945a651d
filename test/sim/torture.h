/* torture.h: what torture.c (crashes, power cuts, faults) and actors.c (other people) share. */
#ifndef ALTO_TEST_SIM_TORTURE_H
#define ALTO_TEST_SIM_TORTURE_H

#include "world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME "archive of 2019.dat"
#define SIZE 20000u

enum act { TIER, RECALL };
enum side { HOST, SHARE };

struct plan {
    enum act act;
    enum side side;
    enum sim_crash how;
    enum sim_order order;
    bool after;
    uint64_t nth, seed;
};

extern struct plan now; /* told when something does not hold */
extern uint64_t cases;

#define HOLDS(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            does_not_hold(__FILE__, __LINE__, #condition);                                         \
        }                                                                                          \
    } while (0)

/* Ends the test, and tells the plan. */
_Noreturn void does_not_hold(const char *file, int line, const char *condition);
bool reads_as(struct world *w, const char *path, const uint8_t *want, size_t size);
/* ---- plan.c ---- */
void plan_arm(struct world *w); /* what the plan says, for the run that comes */
/* Whatever died is there again, and nothing armed; the agent is not started. */
void plan_disks_again(struct world *w);
void plan_heal(struct world *w); /* and looks that nothing is left open */

/* The same, and that a journal is torn by power cuts alone. */
void reconcile_all(struct world *w);
/* A world with the file NAME, which is a stub for a recall. */
void make(struct world *w, uint8_t *want, enum act act);
void run(struct world *w, enum act act);

struct torture_test {
    const char *name;
    void (*test)(void);
};
extern const struct torture_test actors[]; /* ends with a NULL name */

#endif
