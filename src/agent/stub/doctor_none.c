/* doctor_none.c: a system without alto-gate. */
#include "agent/stub/doctor_priv.h"

void
doctor_system(struct doctor *d)
{
    doctor_find(d->report, "system", DOCTOR_BAD,
                "have the volume scanned; files are tiered by hosts that can hold stubs",
                "this system holds no stubs yet: its volumes are tracked only");
}
