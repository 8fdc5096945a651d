/* stamps.h: the times of manifest lines (tiered_ns), which say which of two versions of one path is
 * the newer one. A host's clock may go back; these do not.
 *
 * STATE/stamps has a bound, durable before any time up to it is given out, and rewritten when it is
 * reached: a sync for each STAMPS_AHEAD_NS of tiering. After a start times go on behind the bound,
 * so that they may be ahead of the clock by as much; after a clock that ran ahead, by as much as it
 * did. Any thread. */
#ifndef ALTO_AGENT_MOVER_STAMPS_H
#define ALTO_AGENT_MOVER_STAMPS_H

#include "base/result.h"
#include "port/port.h"

#define STAMPS_FILE "stamps"
#define STAMPS_AHEAD_NS 10000000000

struct stamps;

/* port and state_dir must outlive it. A file that cannot be understood counts as none. File
 * codes. */
int stamps_open(struct port *port, struct port_file *state_dir, struct stamps **ret,
                struct al_fail *fail) AL_MUST_CHECK;
struct stamps *stamps_close(struct stamps *s); /* NULL is fine; returns NULL */
/* Now by the clock, or just behind the last one given out. File codes: the bound could not be
 * made durable. */
int stamps_next(struct stamps *s, int64_t *ret, struct al_fail *fail) AL_MUST_CHECK;

#endif
