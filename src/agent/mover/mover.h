/* mover.h: tiers one file, step by step; archives one, or brings one back. Each
 * step is one bounded piece of work, so that whoever drives it looks after cancel, throttle and
 * shutdown in between; the states are the journal's (agent/journal/journal.h), design section 5.
 *
 *   mover_new ─▶ mover_step ... until MOVER_ENDED ─▶ mover_result ─▶ mover_free
 *
 *   take        stat afresh, refuse with a name, guard, lease; match the rule on fresh metadata
 *   begun       intent durable in the journal; from here on something may lie on the share
 *   copy        a chunk a step, hashed as it passes; finish: flush, read back, compare, rename
 *   manifest    the line durable on the share
 *   hold, mark, punch   (stub_seal_*)
 *   report      outcome durable, intent ended
 *
 * Archiving goes the same way up to the manifest, without guard and lease; then the original is
 * taken aside, read again, and gives way to a placeholder. Bringing back: the placeholder is looked
 * for, the object fetched under a name of ours and renamed. Both in
 * doc/adr/0056-archive-with-a-placeholder.md.
 *
 * On a volume with a maker tiering goes the same way up to the manifest, with the file held alone; then
 * its stub is made beside it and they change places, and so on the way back (swap.h).
 *
 * Whatever stops it (a refusal, an error, somebody who wants the file, cancel), the file is let go
 * first, as it was; then what may lie on the share is named in an outcome ("reconcile",
 * "unreferenced_object") for the deletion ledger; then the act itself is reported: "refuse" with
 * the refusal's name, or "tier" with the code. Objects are never deleted here. When even that
 * cannot be written, or a file could not be put back, the intent stays open for reconcile.
 *
 * Threads: a mover belongs to one thread; only mover_watch is called by another one. mover_pool.h
 * puts threads around it. */
#ifndef ALTO_AGENT_MOVER_MOVER_H
#define ALTO_AGENT_MOVER_MOVER_H

#include "agent/journal/journal.h"
#include "agent/journal/outcome.h"
#include "agent/mover/claims.h"
#include "agent/mover/stamps.h"
#include "agent/stub/maker.h"
#include "agent/stub/stub.h"
#include "agent/target/manifest.h"
#include "agent/target/target.h"
#include "port/names.h"
#include "rule/rule.h"

#define MOVER_XATTRS_MAX 256u        /* attributes of one file that go into its manifest line */
#define MOVER_XATTR_VALUE_MAX 65536u /* bytes of one; Linux allows no more */
/* all of them, so that the line (base64) fits MANIFEST_LINE_MAX; more is refused */
#define MOVER_XATTR_BYTES_MAX (160u << 10)

struct mover_volume { /* lent; outlives its movers */
    const char *volume_id, *share_id;
    struct stub_volume *stub;          /* to tier */
    struct manifest_writer *manifests; /* of the share, for this host */
    struct target_conf target;         /* for the pool's connections */
    struct port_file *root; /* to archive and bring back, as key: PLACEHOLDER_KEY_LEN bytes */
    const uint8_t *key;
    const char *name, *share_name; /* for people, in placeholders; NULL: unknown */
    /* Who makes stubs beside the files (agent/stub/maker.h): then tier, back and adopt are exchanges
     * (swap.h), which need root, key and root_path, the absolute path of root, and no stub. NULL:
     * not here. */
    struct stub_maker *maker;
    const char *root_path;
    /* How the volume tells of views whose handles are closed, for exchanges: port_map_probe, once. Where
     * no lease is given either, PORT_VIEWS_HIDDEN refuses every file. */
    enum port_views views;
};

struct mover_env { /* lent; the same for all movers of an agent */
    struct port *port;
    struct journal *journal;
    struct outcome_sink *sink;
    const char *host_id;
    size_t chunk_bytes;    /* 0: TARGET_CHUNK_BYTES */
    struct stamps *stamps; /* NULL: the clock alone */
    struct claims *claims; /* NULL: nobody else archives or brings back in these volumes */
};

/* MOVER_ADOPT: a stub of a maker that was made for another file becomes this one's, told before it is.
 * Only where somebody who may has asked for it: who may write a file can give it any tag that he has
 * seen, and would read with it what he may not. */
enum mover_act { MOVER_TIER, MOVER_ARCHIVE, MOVER_BACK, MOVER_ADOPT };
/* of its outcome: "tier", "archive", "recall", "adopt" */
const char *mover_act_name(enum mover_act act);

struct mover_item { /* lent to mover_new; copied by mover_pool_submit */
    const struct mover_volume *volume;
    struct al_span path;          /* relative to the volume's root */
    const struct rule *rule;      /* NULL: whatever it is (an operator named the file) */
    int64_t now_ns;               /* the rule's now */
    const char *job_id, *rule_id; /* NULL: none */
    enum mover_act act;
    /* The last access as the server knows it, where the mount's own means nothing; 0: the file's */
    int64_t accessed_ns;
    /* MOVER_BACK: what the server knows was archived there; "": only a placeholder tells */
    al_id object_id;
    /* MOVER_BACK of an object_id, without a maker: a file that has its name gives way to it, and stays
     * beside under another one (mover_result.kept). */
    bool aside;
};

enum mover_event { MOVER_MORE, MOVER_ENDED };

struct mover_result {
    bool tiered;               /* or archived, or brought back */
    int code;                  /* AL_OK: tiered or refused; else why it failed. AL_ECANCELED */
    enum stub_refusal refusal; /* STUB_R_NONE unless refused */
    bool reported;             /* the outcome is durable */
    /* nothing was reported: a new mover shall try the item again (mover_may_repeat) */
    bool repeat;
    uint64_t size, freed; /* bytes */
    int64_t gap_ns;       /* how long the file's name was nobody's, in an exchange; 0: never */
    al_id object_id;      /* "" when none was made */
    char kept[256];       /* name of what gave way to a file that came back; "": nothing did */
    struct al_fail fail;
};

struct mover;

/* target: the connection of the driving thread, lent until mover_free. AL_ENOMEM. item's strings
 * must live as long as the mover. */
int mover_new(const struct mover_env *env, struct target *target, const struct mover_item *item,
              struct mover **ret) AL_MUST_CHECK;
/* For owners' names in rules and manifests; lent until mover_free. Without it (and on Windows) they
 * are unknown. The pool has its own. */
void mover_use_names(struct mover *m, struct port_names *names);
/* For a first attempt, before its first step: should the share's connection break (AL_EUNREACH) or
 * the gate's (STUB_R_NO_GATE), the file is let go and the ledger told as ever, but the act is not
 * reported and mover_result tells `repeat`. One broken connection is no share that cannot be
 * reached, and a gate that was restarted no volume without one. */
void mover_may_repeat(struct mover *m);
enum mover_event mover_step(struct mover *m);
/* the next step gives up with AL_ECANCELED, unless the file is marked already */
void mover_cancel(struct mover *m);
enum journal_state mover_state(const struct mover *m);
uint64_t mover_bytes(const struct mover *m);                    /* copied so far */
const struct mover_result *mover_result(const struct mover *m); /* after MOVER_ENDED */
/* NULL is fine; returns NULL. One not ended gives up first */
struct mover *mover_free(struct mover *m);

/* From another thread, every few milliseconds: if somebody waits for the file, gives the lease back
 * at once, though the mover may be in the middle of a call to the share; its next step gives up.
 * Once the file is being sealed it does nothing: that ends by itself. */
void mover_watch(struct mover *m);

#endif
