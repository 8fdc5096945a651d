/* tell.h: what the driver's threads did for readers, written down without holding them up
 * (doc/adr/0059-telling-of-reads.md).
 *
 *   fill    the stub becomes a file: a durable intent before the reply that says so; the outcome when
 *           the file is seen to be one. Where no intent can be written, nothing is filled: the reader
 *           gets the bytes, the stub stays
 *   keep    the stub stays: an outcome "read", one for each open of an object; changes nothing, so that none is waited for
 *   denied  an outcome "recall" with the code, one a minute for each object and code
 *
 *   driver's thread ─▶ ease_tell_filling, ease_tell ─▶ bounded queue ─▶ one thread ─▶ sink, journal
 *
 * What finds the queue full is counted: of a fill its intent is left to reconcile, of others an alarm
 * tells how many there were.
 *
 * Threads: filling and ease_tell from any, the others from one. */
#ifndef ALTO_AGENT_EASE_TELL_H
#define ALTO_AGENT_EASE_TELL_H

#include "agent/ease/answer.h"
#include "agent/journal/journal.h"
#include "agent/journal/outcome.h"

#define EASE_TELL_QUEUE 4096u /* outcomes that wait */
/* opens and denials remembered, so that each is told once; older ones give way */
#define EASE_TELL_KNOWN 4096u
#define EASE_TELL_AGAIN_NS 60000000000 /* a minute between two denials of one object and code */
/* a driver that was given a file copies it: looked at so often, the waits doubling from the first;
 * then it is reconcile's */
#define EASE_TELL_LOOK_NS 20000000
#define EASE_TELL_LOOKS 12u

struct ease_tell_conf { /* copied; what it points at is lent */
    struct port *port;
    struct al_log *log;
    struct journal *journal;
    struct outcome_sink *sink;
    unsigned queue_max; /* 0: EASE_TELL_QUEUE */
};

struct ease_tell;
int ease_tell_open(const struct ease_tell_conf *conf, struct ease_tell **ret,
                   struct al_fail *fail) AL_MUST_CHECK;
/* Who tells a stub from a file, after ease_start; NULL again before ease_stop, and nobody looks any
 * more when that returns. Without, fills are left to reconcile. */
void ease_tell_maker(struct ease_tell *t, struct stub_maker *maker);
/* Tells what is queued, as far as that goes at once; fills that are not seen yet are reconcile's.
 * After ease_stop. NULL is fine; returns NULL. */
struct ease_tell *ease_tell_close(struct ease_tell *t);

/* For ease_answer_conf.filling and .told, with told_ctx the struct ease_tell. */
int ease_tell_filling(void *ctx, const struct ease_told *told, void **ret_intent) AL_MUST_CHECK;
void ease_tell(void *ctx, const struct ease_told *told);

struct ease_tell_figures {
    uint64_t told, filled, left; /* outcomes; of them fills; intents left to reconcile */
    uint64_t lost;               /* outcomes of reads and denials that found no room */
    uint64_t unwritten;          /* fills that were none, since no intent could be written */
    unsigned queued;
};
void ease_tell_figures(struct ease_tell *t, struct ease_tell_figures *ret);

#endif
