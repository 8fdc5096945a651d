/* walk.h: goes through a volume in parallel and hands out what it found as numbered batches of
 * wire/entries.h.
 *
 *                    ┌─ walker 1 ─┐ records          ┌ pack ┐
 *   shared stack ──▶ ├─ walker 2 ─┤ ───▶ one batch ─▶│      │─▶ ring in order of numbers ─▶ send (the calling thread)
 *   of folders       └─ walker N ─┘      under way   └──────┘
 *
 * Folders are opened one part at a time below the folder they lie in, never through a symbolic
 * link; no file is opened, no content read; one stat per entry, and none where the listing told it
 * already (Windows). Another filesystem mounted below is
 * entered nowhere (ENTRY_MOUNT). A folder that vanishes is gone; one that cannot be listed, wholly
 * or to its end, gets a folder record with ENTRY_UNREADABLE, so that nobody takes what is below it
 * for deleted (invariant 4). What Alto itself tries on a volume (STUB_PROBE_PREFIX, in the root) is
 * left out. The marker is looked for only where a file holds fewer bytes of blocks than its size.
 *
 * A folder's record stands before the records of anything in it and after the record of the folder
 * it lies in, over all batches in order. Folder 1 is the volume's root, with an empty name.
 *
 * Memory: a pending folder costs its name and about 80 bytes; batches wait in a ring of
 * WALK_BATCHES_WAITING, and walkers wait for it. */
#ifndef ALTO_AGENT_WALK_WALK_H
#define ALTO_AGENT_WALK_WALK_H

#include "agent/stub/marker.h"
#include "agent/walk/plan.h"
#include "base/bytes.h"
#include "port/names.h"
#include "port/port.h"

#define WALK_THREADS_MAX 64u
#define WALK_BATCHES_WAITING 4u
/* held open for their children; beyond it children are opened from the root again */
#define WALK_OPEN_FOLDERS_MAX 512u
/* folders found and not yet listed, about 200 MiB; more are given as unreadable */
#define WALK_PENDING_MAX (2u << 20)
#define WALK_OWNERS_MAX 16384u       /* users whose names are told; more go by their numbers */
#define WALK_CHUNK_BYTES (64u << 10) /* a walker's own records before they join the batch */

struct walk_conf {
    struct port *port;
    const char *root; /* absolute path */
    /* for MARKER_XATTR; NULL: markers are not looked for (a system without them) */
    const struct marker_key *key;
    /* Whether a file is a stub, where that stands in no attribute of ours (Windows: the filter
     * driver's, by reparse tag and tag data). Asked for each regular file with what is known of it, so
     * it must be quick for those that are none; instead of key. *ret_odd: `odd` is told of it. Called
     * by several walkers at once. May be NULL. */
    bool (*stub_of)(void *ctx, struct port_file *folder, const char *name,
                    const struct port_stat *st, bool *ret_odd);
    struct port_names *names; /* the names of owners are told besides; NULL: they are not */
    const char *leave_out;    /* a name in the root that is no part of the volume; NULL: none */
    bool no_access_times;     /* they mean nothing here: told as 0 */
    /* only these folders; others below a listed one, and those on the way, come as ENTRY_UNCHANGED. A folder of the
     * plan has its own entry even where the one it lies in is not listed. NULL: everything. Lent until walk_run ends */
    const struct walk_plan *only;
    unsigned threads;       /* 0: 2 */
    uint32_t batch_records; /* 0: ENTRIES_BATCH_RECORDS; smaller in tests */
    /* Takes batch number seq (1, 2, 3 ...), called by the thread that called walk_run. What it
     * returns ends the walk unless AL_OK. */
    int (*send)(void *ctx, uint64_t seq, struct al_span packed);
    /* Told of every file whose marker does not simply fit it: unreadable, not authentic, of another
     * inode, length or time. The path is from the root and lent. Called by several walkers at once.
     * What the file really is stub_examine_path tells. May be NULL. */
    void (*odd)(void *ctx, struct al_span path);
    /* Told of every folder that comes as ENTRY_UNREADABLE, by its path from the root; lent, by several walkers at once,
     * maybe more than once. May be NULL. */
    void (*unreadable)(void *ctx, struct al_span path);
    /* Asked often, from every walker: true ends the walk with AL_ECANCELED. May be NULL. */
    bool (*stop)(void *ctx);
    void *ctx;
};

struct walk_result {     /* filled also when the walk failed, as far as it came */
    uint64_t entries;    /* of every type, folders included, the root not */
    uint64_t folders;    /* listed, the root included */
    uint64_t unreadable; /* folders with ENTRY_UNREADABLE */
    uint64_t gone;       /* vanished while we looked */
    uint64_t unchanged;  /* folders with ENTRY_UNCHANGED */
    uint64_t stubs;      /* files with a marker */
    uint64_t batches;
};

/* The whole walk. AL_OK: every batch was sent. AL_ECANCELED; what send returned; AL_ENOENT,
 * AL_EACCES ... when the root itself cannot be listed (nothing was sent then: an unreachable volume
 * is not an empty one); AL_ENOMEM. */
int walk_run(const struct walk_conf *conf, struct walk_result *ret,
             struct al_fail *fail) AL_MUST_CHECK;

#endif
