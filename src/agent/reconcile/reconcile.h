/* reconcile.h: heals what a crash, a cut or a share that was away left behind, by looking at file
 * and share, never by guessing.
 *
 *   at start   reconcile_found: every open intent of the journal
 *   later      the same, every RECONCILE_AGAIN_NS: intents that were put back
 *   walk       reconcile_walk: every marker of a volume; due after a torn journal, a restore from
 *              backup, or on request
 *
 * A tier intent ends in one of two ways: the file is as it was, and the object goes to the deletion
 * ledger; or it is a finished stub. A recall intent: the file is whole and reported, or a stub
 * again. Blocks are freed only when the object is seen on the share in its full length. Whatever
 * cannot be seen now (share or volume away) is not judged: the intent stays and is looked at again
 * ("unknown is not absent").
 *
 * Threads: one at a time per struct; may run beside movers and recalls (one inode is filled by one
 * at a time, agent/stub). */
#ifndef ALTO_AGENT_RECONCILE_RECONCILE_H
#define ALTO_AGENT_RECONCILE_RECONCILE_H

#include "agent/mover/mover.h"
#include "agent/recall/recall.h"
#include "model/orphan.h"

#define RECONCILE_AGAIN_NS 60000000000 /* a minute between looks at what could not be healed */
/* folders within folders on a walk; deeper ones are counted as unreadable */
#define RECONCILE_DEPTH_MAX 4096u

/* What is found and nobody mends by itself (doc/ops/orphans.md). Alarms are told as outcomes besides. */
struct reconcile_finding { /* lent for the call */
    enum orphan_kind kind;
    struct al_span path;   /* from the root */
    const char *object_id; /* NULL: not known */
    uint64_t size;
    int64_t mtime_ns; /* 0: not known */
    const char *text; /* more than the kind says; NULL: nothing */
};
struct objects; /* objects.h */
struct reconcile_finds {
    int (*put)(void *ctx, const struct reconcile_finding *f);
    void *ctx;
    struct objects *objects; /* of the volume's share; NULL: stubs are not held against them */
    /* set: something could not be seen, or told, so that what was not found may be there */
    bool unknown;
};

struct reconcile_env { /* lent */
    struct port *port;
    struct journal *journal;
    struct outcome_sink *sink;
    /* The volume of an id, NULL while it is not there. Lent for the call. */
    const struct recall_volume *(*volume)(void *ctx, const char *volume_id);
    void *volume_ctx;
    /* The same, to archive and bring back: with its root and key. NULL: nothing is archived here. */
    const struct mover_volume *(*place)(void *ctx, const char *volume_id);
    struct recall_connect connect; /* to a volume's share */
    /* Whether a marker that this volume's key does not fit is another volume's of this host, on the
     * same filesystem: then it is that one's to judge. NULL: there are no others. */
    bool (*is_anothers)(void *ctx, const struct recall_volume *v, const struct port_handle *h);
    void *others_ctx;
    struct reconcile_finds *finds; /* of a walk; NULL: nobody asks */
};

struct reconcile_counts {
    uint64_t intents, put_back_as_was, stubs_finished, reported, later;
    uint64_t markers, adopted, dropped, alarms, unreadable; /* walk */
    uint64_t
        busy; /* of later: somebody fills the file just now, so that nothing is wrong with it */
};

/* Looks once at each intent that waits. Returns AL_OK also when some must wait (counts->later); an
 * error only for AL_ENOMEM. */
int reconcile_found(const struct reconcile_env *env, struct reconcile_counts *counts) AL_MUST_CHECK;

/* Walks a volume. stop (may be NULL) is asked for every entry; true ends the walk with
 * AL_ECANCELED. Folders that cannot be listed are counted, not judged. Does not cross into other
 * filesystems. */
int reconcile_walk(const struct reconcile_env *env, const struct recall_volume *volume,
                   bool (*stop)(void *ctx), void *ctx, struct reconcile_counts *counts,
                   struct al_fail *fail) AL_MUST_CHECK;

/* The same for one file, found odd by another walk: path from the root. What cannot be judged now
 * is counted in later or unreadable. */
void reconcile_look(const struct reconcile_env *env, const struct recall_volume *volume,
                    struct al_span path, struct reconcile_counts *counts);

/* Intents of this volume that wait to be healed, as ORPHAN_HALF_DONE. May run beside reconcile_found. */
void reconcile_waiting(const struct reconcile_env *env, const char *volume_id);
/* After a walk that came to everything: objects that no stub was marked for, and that this host put
 * there from this volume by its manifests. Puts ORPHAN_NO_STUB, ORPHAN_SPARE, ORPHAN_MARKER_LOST, and
 * ORPHAN_FORGED with its object. place: with root and key. The share's codes; AL_ECANCELED. */
int reconcile_leftovers(const struct reconcile_env *env, const struct recall_volume *volume,
                        const struct mover_volume *place, const char *host_id,
                        bool (*stop)(void *ctx), void *ctx, struct al_fail *fail) AL_MUST_CHECK;

/* ---- volumes whose stubs a maker makes (agent/stub/maker.h) ---- */
struct reconcile_made { /* lent */
    const struct reconcile_env *env;
    const struct mover_env *mover_env;
    const struct mover_volume *volume; /* with its maker */
    /* Adopt stubs that were made for another file (MOVER_ADOPT): an administrator has asked for this
     * walk or this file. Else an alarm tells of each. */
    bool adopt;
    const char *job_id; /* of who asked; NULL: none */
};
/* As reconcile_walk and reconcile_look. A stub needs nothing here but its alarm when it does not fit
 * its file, or adopting. */
int reconcile_walk_made(const struct reconcile_made *made, bool (*stop)(void *ctx), void *ctx,
                        struct reconcile_counts *counts, struct al_fail *fail) AL_MUST_CHECK;
void reconcile_look_made(const struct reconcile_made *made, struct al_span path,
                         struct reconcile_counts *counts);
/* Adopts one stub, or each below a folder that does not fit its file for having been made for another;
 * path from the root, "" for the root itself. made->adopt is set. What could not be adopted is told as an
 * outcome of its own ("adopt" with a code, "refuse", or an alarm), as is a path that is named but is no
 * stub (RECONCILE_NO_STUB) or not there; what could not even be told is counted in later. */
#define RECONCILE_NO_STUB "not_a_stub"
int reconcile_adopt(const struct reconcile_made *made, struct al_span path, bool (*stop)(void *ctx),
                    void *ctx, struct reconcile_counts *counts, struct al_fail *fail) AL_MUST_CHECK;

#endif
