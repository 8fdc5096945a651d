#include "base/fault.h"

/* The one mutable state in base: thread-local and idle unless a test arms it, so that no call needs
 * a context just to be testable. */
static _Thread_local struct {
    unsigned kinds; /* 0: not armed */
    uint64_t nth, seen;
    bool from_then_on;
} fault;

void
al_fault_arm(unsigned kinds, uint64_t nth, bool from_then_on)
{
    fault.kinds = kinds;
    fault.nth = nth;
    fault.seen = 0;
    fault.from_then_on = from_then_on;
}

uint64_t
al_fault_disarm(void)
{
    fault.kinds = 0;
    return fault.seen;
}

bool
al_fault_hit(enum al_fault_kind kind)
{
    if ((fault.kinds & (unsigned)kind) == 0) {
        return false;
    }
    fault.seen++;
    if (fault.nth == 0) {
        return false;
    }
    return fault.from_then_on ? fault.seen >= fault.nth : fault.seen == fault.nth;
}
