/* fault.h: makes the n-th fallible call of this thread fail, for tests ("every fallible call fails
 * once").
 *
 * A fallible primitive (allocation, each call of src/port, each request to a share) asks
 * al_fault_hit(kind) first and fails by its own rules when told so. Nothing is ever hit unless a
 * test armed it in the same thread; the cost else is one thread-local read. */
#ifndef ALTO_BASE_FAULT_H
#define ALTO_BASE_FAULT_H

#include "base/result.h"

enum al_fault_kind { AL_FAULT_MEM = 1, AL_FAULT_PORT = 2, AL_FAULT_TARGET = 4, AL_FAULT_ALL = 7 };

/* From now on the call number `nth` (1 = the next) of the given kinds fails in this thread; with
 * `from_then_on` all later ones too. nth 0 only counts. */
void al_fault_arm(unsigned kinds, uint64_t nth, bool from_then_on);

/* Stops it; returns how many calls were counted since arming. */
uint64_t al_fault_disarm(void);

/* True when this very call must fail. */
bool al_fault_hit(enum al_fault_kind kind);

#endif
