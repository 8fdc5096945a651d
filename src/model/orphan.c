#include "model/orphan.h"

#include <string.h>

struct kind {
    const char *name;
    enum orphan_level level;
    enum orphan_way way;
    bool wants_object; /* for its way */
    bool by_object, needs_objects;
    const char *what, *next;
};

static const struct kind kinds[ORPHAN_KINDS] = {
    [ORPHAN_OBJECT_MISSING] =
        {"object_missing", ORPHAN_L_UNREADABLE, ORPHAN_W_NONE, false, false, true,
         "The stub's object does not lie on the share.",
         "Bring the object back to the share from a backup or a snapshot of it, then reconcile. "
         "Leave the stub where it is: it says which object it wants."},
    [ORPHAN_OBJECT_DAMAGED] =
        {"object_damaged", ORPHAN_L_UNREADABLE, ORPHAN_W_NONE, false, false, true,
         "The stub's object has another length than the file had.",
         "Put a good copy of the object in its place, from a backup or a snapshot of the share, "
         "then reconcile."},
    [ORPHAN_CHANGED] = {"changed", ORPHAN_L_UNREADABLE, ORPHAN_W_RESTUB, true, false, false,
                        "The stub was cut or made longer past the gate. There is nothing in it.",
                        "Repair makes it the stub it was; nobody's bytes are lost by it."},
    [ORPHAN_DATA] =
        {"data", ORPHAN_L_UNREADABLE, ORPHAN_W_RESTORE, true, false, false,
         "Somebody wrote into the stub past the gate, so that it holds bytes of its own.",
         "Repair brings the file back as it was tiered, and keeps what was written beside it, "
         "under another name."},
    [ORPHAN_FORGED] =
        {"forged", ORPHAN_L_UNREADABLE, ORPHAN_W_RESTORE, true, false, false,
         "The file has a marker that this volume did not make: copied from elsewhere, or damaged.",
         "Where the object is known, repair brings the file back as it was tiered, and keeps what "
         "is there under another name. Else look at the file itself, and at the manifests of the "
         "share (alto rescue)."},
    [ORPHAN_MARKER_LOST] =
        {"marker_lost", ORPHAN_L_UNREADABLE, ORPHAN_W_RESTORE, true, false, true,
         "Somebody took the stub's marker away, so that it reads as zeros.",
         "Repair brings the file back as it was tiered, and keeps the empty frame under another "
         "name, which can be removed then."},
    [ORPHAN_COPIED_STUB] =
        {"copied_stub", ORPHAN_L_UNREADABLE, ORPHAN_W_ADOPT, false, false, false,
         "The stub was made for another file, by a copy or a restore.",
         "Look who put it there, and repair: it is adopted. Whoever can read it then can read what "
         "it stands for."},
    [ORPHAN_FOREIGN] = {"foreign", ORPHAN_L_UNREADABLE, ORPHAN_W_NONE, false, false, false,
                        "The stub is of another agent or another product.",
                        "Bring it back with the product that made it, or remove it."},
    [ORPHAN_HALF_DONE] =
        {"half_done", ORPHAN_L_UNREADABLE, ORPHAN_W_NONE, false, false, false,
         "An act on the file was cut, and what became of it cannot be seen yet.",
         "The agent tries to finish it once a minute: see that its share is reachable. The file "
         "reads as it did, or waits for the share."},
    [ORPHAN_NO_STUB] =
        {"no_stub", ORPHAN_L_ONLY_THERE, ORPHAN_W_RESTORE, true, true, true,
         "The object's file is not at its path any more: it was removed, or moved after a recall.",
         "Repair brings the file back to its path. If it was removed on purpose, put this aside; "
         "the object stays on the share either way."},
    [ORPHAN_DOUBLY_KNOWN] =
        {"doubly_known", ORPHAN_L_HARMLESS, ORPHAN_W_RECALL, false, false, true,
         "Two stubs stand for the same object, after a copy or a restore. Both can be read.",
         "Nothing has to be done. Repair brings this one back, so that each has its own bytes."},
    [ORPHAN_SPARE] =
        {"spare", ORPHAN_L_HARMLESS, ORPHAN_W_NONE, false, true, true,
         "The object's file is on the volume itself: it was recalled, or written anew.",
         "Nothing has to be done. The object is an older copy, and takes room on the share."},
};

static const char *const levels[ORPHAN_LEVELS] = {"unreadable", "only_there", "harmless"};
static const char *const ways[ORPHAN_WAYS] = {"none", "restub", "restore", "recall", "adopt"};

const char *
orphan_kind_name(enum orphan_kind kind)
{
    return (unsigned)kind < ORPHAN_KINDS ? kinds[kind].name : "unknown";
}

enum orphan_kind
orphan_kind_of(const char *name)
{
    for (unsigned i = 0; i < ORPHAN_KINDS; i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            return (enum orphan_kind)i;
        }
    }
    return ORPHAN_KINDS;
}

const char *
orphan_level_name(enum orphan_level level)
{
    return (unsigned)level < ORPHAN_LEVELS ? levels[level] : "unknown";
}

enum orphan_level
orphan_level_of(enum orphan_kind kind)
{
    return kinds[kind].level;
}

const char *
orphan_way_name(enum orphan_way way)
{
    return (unsigned)way < ORPHAN_WAYS ? ways[way] : "unknown";
}

enum orphan_way
orphan_way_named(const char *name)
{
    for (unsigned i = 0; name != NULL && i < ORPHAN_WAYS; i++) {
        if (strcmp(ways[i], name) == 0) {
            return (enum orphan_way)i;
        }
    }
    return ORPHAN_W_NONE;
}

enum orphan_way
orphan_way_of(enum orphan_kind kind, bool has_object)
{
    return kinds[kind].wants_object && !has_object ? ORPHAN_W_NONE : kinds[kind].way;
}

uint64_t
orphan_cost(enum orphan_way way, uint64_t size)
{
    return way == ORPHAN_W_RESTORE || way == ORPHAN_W_RECALL ? size : 0;
}

bool
orphan_by_object(enum orphan_kind kind)
{
    return kinds[kind].by_object;
}

bool
orphan_needs_objects(enum orphan_kind kind)
{
    return kinds[kind].needs_objects;
}

const char *
orphan_what(enum orphan_kind kind)
{
    return kinds[kind].what;
}

const char *
orphan_next(enum orphan_kind kind)
{
    return kinds[kind].next;
}
