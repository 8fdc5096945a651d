/* orphan.h: what a reconcile can find wrong between a volume and its share, and what may be done with
 * it. doc/ops/orphans.md tells each kind to people. Plain values; any thread.
 *
 * No way deletes anything: an object stays on its share, and a file that gives way to another keeps
 * its content under another name. */
#ifndef ALTO_MODEL_ORPHAN_H
#define ALTO_MODEL_ORPHAN_H

#include "base/text.h"

enum orphan_kind {
    ORPHAN_OBJECT_MISSING, /* a stub whose object does not lie on the share */
    ORPHAN_OBJECT_DAMAGED, /* its object has another length than the file had */
    ORPHAN_CHANGED,        /* the frame has another length than the file had; nothing in it */
    ORPHAN_DATA,           /* somebody wrote into the frame past the gate */
    ORPHAN_FORGED,         /* its marker was not made by this volume */
    ORPHAN_MARKER_LOST,    /* the marker was taken away: it reads as zeros */
    ORPHAN_COPIED_STUB,    /* a filter driver's stub that was made for another file */
    ORPHAN_FOREIGN,        /* a filter driver's stub of another agent or product */
    ORPHAN_HALF_DONE,      /* an act was cut, and what became of it cannot be seen yet */
    ORPHAN_NO_STUB,        /* an object whose file is not at its path, as a stub or else */
    ORPHAN_DOUBLY_KNOWN,   /* a further stub of an object that has one */
    ORPHAN_SPARE,          /* an object whose file is on the volume itself */
    ORPHAN_KINDS
};
/* How much it matters. */
enum orphan_level {
    ORPHAN_L_UNREADABLE, /* somebody who opens the file gets an error, or wrong bytes */
    ORPHAN_L_ONLY_THERE, /* perhaps the only copy, and no way to it from the volume */
    ORPHAN_L_HARMLESS,   /* all can be read; it takes room, or may surprise */
    ORPHAN_LEVELS
};
enum orphan_way {
    ORPHAN_W_NONE,
    ORPHAN_W_RESTUB, /* the empty frame gets its length and time back, and is a stub again */
    ORPHAN_W_RESTORE, /* the object is brought to its path; what is there stays, under another name */
    ORPHAN_W_RECALL, /* the file is filled where it is */
    ORPHAN_W_ADOPT,  /* it becomes a stub of its own */
    ORPHAN_WAYS
};

const char *orphan_kind_name(enum orphan_kind kind);
/* ORPHAN_KINDS: none. */
enum orphan_kind orphan_kind_of(const char *name);
const char *orphan_level_name(enum orphan_level level);
enum orphan_level orphan_level_of(enum orphan_kind kind);
const char *orphan_way_name(enum orphan_way way);   /* "none" ... */
enum orphan_way orphan_way_named(const char *name); /* ORPHAN_W_NONE for no name of a way */
/* has_object: which object it is of is known. */
enum orphan_way orphan_way_of(enum orphan_kind kind, bool has_object);
/* Bytes that the way reads from the share and puts onto the volume. */
uint64_t orphan_cost(enum orphan_way way, uint64_t size);
/* Whether one is known by its object, so that a path may have several of the kind. */
bool orphan_by_object(enum orphan_kind kind);
/* Whether only a walk that held the share's objects against the volume can tell that it is over; else
 * a walk of the markers alone can. */
bool orphan_needs_objects(enum orphan_kind kind);
/* Sentences for people. */
const char *orphan_what(enum orphan_kind kind);
const char *orphan_next(enum orphan_kind kind);

#endif
