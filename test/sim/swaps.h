/* swaps.h: what swaps.c (crashes, power cuts, faults) and swap_people.c (other people) share. */
#ifndef ALTO_TEST_SIM_SWAPS_H
#define ALTO_TEST_SIM_SWAPS_H

#include "fake_maker.h"
#include "torture.h"

enum what { SWAP, UNSWAP, ADOPT };
extern enum what what; /* is done */
extern uint8_t want[SIZE]; /* the file's bytes */

void swaps_each_name(struct world *w, void (*each)(struct world *w, const char *name, void *ctx), void *ctx);
struct stub_seen swaps_seen_at(struct world *w, const char *name);
void swaps_nothing_of_ours_left(struct world *w);
unsigned swaps_whole_files(struct world *w, const uint8_t *bytes, size_t len);
void swaps_known(struct world *w, const char *id, void *ctx); /* of an object on the share */
void swaps_check_end(struct world *w); /* everything that must hold, nothing armed */
void swaps_make_world(struct world *w);
struct mover_result swaps_do_it(struct world *w);
extern const struct torture_test swaps_people[]; /* ends with a NULL name */
extern const struct torture_test swaps_windows[]; /* likewise */

#endif
