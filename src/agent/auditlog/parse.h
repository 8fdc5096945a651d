/* parse.h: bytes of an audit log into events. Knows nothing of files; whoever follows them gives
 * pieces that begin where a line begins.
 *
 * Tolerant: only `timestamp`, `operation.action` and `operation.entryPath` are needed; members that
 * are not known are passed over, the last of several with one name counts, and objects that are
 * missing or null are. Strict: a line that is no JSON object (RFC 8259) tells nothing, whatever it
 * holds; but a string may hold bytes that are no UTF-8 and halves of surrogate pairs, because names
 * do.
 *
 * Lines of one client look alike: what lies between the digits of the time and the action, and
 * between action and path, is mostly what it was in the line before, byte for byte. Then only the
 * rest is looked at. Results do not depend on it (test/unit/auditlog holds both ways equal).
 *
 * One thread at a time. Spans of events are lent from the piece and the parser, until the next call.
 * Memory: as much as a piece is long, once, where lines hold escapes. */
#ifndef ALTO_AGENT_AUDITLOG_PARSE_H
#define ALTO_AGENT_AUDITLOG_PARSE_H

#include "agent/auditlog/event.h"

#define AUDITLOG_LINE_MAX ((size_t)1 << 20) /* bytes; longer ones are passed over */
#define AUDITLOG_DEPTH_MAX 32u              /* objects and arrays within each other: beyond is junk */
#define AUDITLOG_SAMPLE_MAX 200u            /* bytes kept of a line that was passed over */
#define AUDITLOG_SAMPLES 4u                 /* lines kept for each reason: the latest */

/* What a piece is, in auditlog_parse. */
#define AUDITLOG_BEGIN 1u   /* the file's beginning: a byte order mark may stand there */
#define AUDITLOG_SETTLED 2u /* nothing more comes: a last line without its end counts, NULs are junk */

struct auditlog_counts {
    uint64_t lines;  /* looked at, blank ones not */
    uint64_t events; /* told */
    uint64_t other;  /* of them: of an action that is new to us */
    uint64_t skipped[AUDITLOG_SKIP_COUNT];
};
struct auditlog_sample { /* the front of a line that was passed over */
    uint64_t number;     /* of all that were, from 1; 0: none */
    size_t at;           /* bytes from the front of the piece that it was in */
    enum auditlog_skip why;
    uint8_t slot; /* among those of its reason */
    size_t len;
    uint8_t text[AUDITLOG_SAMPLE_MAX];
};

struct auditlog_parser;
/* AL_ENOMEM. */
int auditlog_parser_new(struct auditlog_parser **ret) AL_MUST_CHECK;
struct auditlog_parser *auditlog_parser_free(struct auditlog_parser *p);
void auditlog_parser_freep(struct auditlog_parser **p); /* for AL_CLEANUP */
/* Another file: nothing of the one before is expected any more. long_line: its piece begins inside of
 * a line that was longer than AUDITLOG_LINE_MAX, as auditlog_in_long_line told then. */
void auditlog_parser_begin(struct auditlog_parser *p, bool long_line);
bool auditlog_in_long_line(const struct auditlog_parser *p);

/* Up to `max` events of whole lines. *ret_used: bytes that are done with, from the front: whole lines,
 * and the front of a line that is too long. What follows is to be given again, with more behind it;
 * or, where *ret_count is max, at once. A NUL at a line's front or in a line without an end is data
 * that the network has not brought yet, and so is the rest; in a line with an end as long as it is not
 * AUDITLOG_SETTLED. AL_ENOMEM: nothing is done with. */
int auditlog_parse(struct auditlog_parser *p, struct al_span piece, unsigned what,
                   struct auditlog_event *events, size_t max, size_t *ret_count,
                   size_t *ret_used) AL_MUST_CHECK;

/* Since the parser was made, on top of what it was resumed with. */
const struct auditlog_counts *auditlog_counts(const struct auditlog_parser *p);
/* Counted on from there; samples of what would come later are dropped. */
void auditlog_resume(struct auditlog_parser *p, const struct auditlog_counts *counts);
/* The last line that was passed over; number 0: none. What is about the logs themselves is only counted. */
const struct auditlog_sample *auditlog_sample(const struct auditlog_parser *p);
/* AUDITLOG_SAMPLES of them, in no order. */
const struct auditlog_sample *auditlog_samples(const struct auditlog_parser *p,
                                               enum auditlog_skip why);
uint64_t auditlog_skipped(const struct auditlog_counts *c); /* for whatever reason */

#endif
