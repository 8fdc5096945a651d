/* gatemsg.h: messages between alto-gate and its clients (agent, alto-hold, control) over local
 * sockets that keep message borders.
 *
 * A message is "AG1", a type byte, then fields as tag byte, varint length, bytes; unknown tags are
 * skipped, so that programs of neighbouring versions understand each other. Descriptors travel
 * beside it (SCM_RIGHTS). At most GATEMSG_MAX bytes.
 *
 *   HELLO      client → gate   role, text (agent: its state folder). Agent and hold add the group
 *              they hold (its number, and descriptors: group,
 *                              table), so that a new gate can take it over
 *   WELCOME    gate → client   group (its number), wait_ms; to agent and hold with descriptors:
 *              group, table
 *   EVENT      gate → agent    number, pid, uid, text (command name), dev, ino, handle; descriptor:
 *              none
 *   ANSWER     agent → gate    number, code (AL_OK: the file is whole now; else the opener gets an
 *              error)
 *   GUARD      agent → gate    number (of the request), dev, ino; descriptor: the file
 *   HOLD, RELEASE  agent → gate   number, dev, ino: doc/adr/0002-guard-hold-release.md
 *   APART      agent → gate    number; descriptor: a folder of a mount that is the agent's alone:
 *              what it opens there is asked about no more
 *   MARK, UNMARK, CHECK        control or agent → gate: number, text (path) or a descriptor
 *   STATUS     control → gate  number
 *   REPLY      gate → client   number, code, count (HOLD: openers that passed; CHECK: enum
 *              gatemsg_marked), text (sentence, or STATUS: JSON)
 * / */
#ifndef ALTO_WIRE_GATEMSG_H
#define ALTO_WIRE_GATEMSG_H

#include "base/bytes.h"

#define GATEMSG_MAX 32768u /* bytes; a status of many filesystems is the longest */
#define GATEMSG_TEXT_MAX 32000u
#define GATEMSG_HANDLE_MAX 128u /* MAX_HANDLE_SZ, open_by_handle_at(2) */

enum gatemsg_type {
    GATEMSG_HELLO = 1,
    GATEMSG_WELCOME,
    GATEMSG_EVENT,
    GATEMSG_ANSWER,
    GATEMSG_GUARD,
    GATEMSG_HOLD,
    GATEMSG_RELEASE,
    GATEMSG_MARK,
    GATEMSG_UNMARK,
    GATEMSG_CHECK,
    GATEMSG_STATUS,
    GATEMSG_REPLY,
    GATEMSG_APART,
    GATEMSG_TYPE_END
};

enum gatemsg_marked {
    GATEMSG_UNMARKED,
    GATEMSG_MARKED,
    GATEMSG_MARKED_ACCESSES /* and truncate(2) is asked about like an open */
};

enum gatemsg_role { GATEMSG_AGENT = 1, GATEMSG_KEEPER, GATEMSG_CONTROL };

struct gatemsg {
    enum gatemsg_type type;
    uint64_t number;
    uint64_t group; /* a random number that names a group of event descriptors; 0: none */
    uint64_t dev, ino;
    uint64_t count;
    uint64_t wait_ms;
    uint32_t pid, uid;
    uint32_t role; /* enum gatemsg_role */
    int32_t code;
    int32_t handle_type;
    struct al_span handle; /* borrowed; at most GATEMSG_HANDLE_MAX */
    struct al_span text;   /* borrowed; at most GATEMSG_TEXT_MAX */
};

/* Appends the message to out (made with a maximum of GATEMSG_MAX). AL_ELIMIT, AL_ENOMEM. */
int gatemsg_encode(const struct gatemsg *m, struct al_buf *out) AL_MUST_CHECK;
/* handle and text point into bytes. AL_ECORRUPT. */
int gatemsg_decode(struct al_span bytes, struct gatemsg *ret) AL_MUST_CHECK;

#endif
