/* control.h: talking to a running gate. */
#ifndef ALTO_GATE_CONTROL_H
#define ALTO_GATE_CONTROL_H

#include "wire/gatemsg.h"

/* Connects as GATEMSG_CONTROL and waits for the welcome. AL_EUNREACH: no gate. */
int gate_connect(const char *socket, int *ret, struct al_fail *fail) AL_MUST_CHECK;
/* Asks one thing (number is set here; fd below 0: none) and waits for its reply, whose code is the
 * result; text gets the reply's. */
int gate_ask(int gate, struct gatemsg *m, int fd, struct gatemsg *ret, struct al_buf *text,
             struct al_fail *fail) AL_MUST_CHECK;
/* `alto-gate VERB ...`; returns the exit code. */
int gate_control(const char *socket, const char *verb, char **args, int count, bool json);

#endif
