/* mark.h: beside the file of cursors, which file that is and how much of it there was at least: so that one that was lost,
 * damaged or put back from a backup is not taken for one that knows all. Replaced as a whole.
 *
 *   "ALTOMRK1", u64 number, u64 bytes, u64 number, u64 bytes, u64 XXH3-64 of what is before it
 *
 * The second is a file that is about to take the place of the first; a number with 0 bytes is none. One thread. */
#ifndef ALTO_AGENT_AUDITLOG_MARK_H
#define ALTO_AGENT_AUDITLOG_MARK_H

#include "port/port.h"

#define MARK_FILE "followed"
#define MARK_BYTES 48u

struct mark {
    uint64_t number, bytes, next_number, next_bytes;
};

/* Of one that is there, and holds; else *ret_is is false. AL_EIO and other file codes; AL_ENOMEM. */
int mark_read(struct port *p, struct port_file *dir, struct mark *ret, bool *ret_is) AL_MUST_CHECK;
int mark_write(struct port *p, struct port_file *dir, const struct mark *m) AL_MUST_CHECK;
/* Whether a file of that number, of which so many bytes hold, is what it speaks of. 0 bytes: there is none. */
bool mark_holds(const struct mark *m, uint64_t number, uint64_t bytes);

#endif
