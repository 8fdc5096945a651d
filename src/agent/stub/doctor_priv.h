/* doctor_priv.h: shared by doctor*.c only. */
#ifndef ALTO_AGENT_STUB_DOCTOR_PRIV_H
#define ALTO_AGENT_STUB_DOCTOR_PRIV_H

#include "agent/stub/doctor.h"

struct doctor {
    const struct doctor_conf *conf;
    struct doctor_report *report;
    struct port *port;
    struct port_file *root; /* NULL: no path, or it cannot be opened */
};

/* doctor_linux.c or doctor_win.c: the checks of this system. */
void doctor_system(struct doctor *d);

/* doctor_gate.c: says what it finds of the gate, and whether opening a file of this filesystem can
 * wait for nobody. */
bool doctor_gate(struct doctor *d);

#endif
