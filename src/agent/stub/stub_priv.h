/* stub_priv.h: the bodies behind stub.h for recall at open. Only src/agent/stub includes it. */
#ifndef ALTO_AGENT_STUB_STUB_PRIV_H
#define ALTO_AGENT_STUB_STUB_PRIV_H

#include <stdatomic.h>

#include "agent/stub/stub.h"
#include "base/list.h"
#include "port/thread.h"

#define STUB_PATH_MAX 65536u    /* bytes of a path below a volume's root */
#define STUB_CAPABILITY_MAX 64u /* bytes of security.capability; version 3 has 24 */
#define LOOKUP_NS 2000000       /* how long somebody's lookup of a name may last */
#define STUB_CAPABILITY_XATTR "security.capability"

struct stub_volume {
    struct port *port;
    struct stub_gate *gate; /* NULL: none */
    struct port_file *root;
    struct port_file *apart; /* root through a mount of our own; NULL: there is none */
    _Atomic uint64_t told;   /* stub_gate_ops.apart */
    struct port_stat root_st;
    struct port_fs fs;
    struct marker_key key;
    uint32_t share_tag;
    char *volume_id;
    port_mutex fills_lock;
    struct al_list
        fills; /* struct stub_fill under way, so that one inode is filled once at a time */
};

/* What writing into a file or punching it takes away, and must be put back. Nobody can be kept from
 * setting times meanwhile, and who did has the last word: so the time is looked at right before and
 * right after each change of ours (doc/adr/0031-a-time-that-was-set.md). */
struct stub_keep {
    int64_t mtime_ns; /* as its owner set it last */
    int64_t left_ns;  /* what our own last change left instead */
    int64_t since_ns; /* wall clock before a change that was not looked at yet; 0: none */
    int64_t atime_ns; /* as last looked at */
    uint8_t capability[STUB_CAPABILITY_MAX];
    size_t capability_len; /* 0: none */
};

struct stub_take {
    struct stub_volume *v;
    struct port_file *file;
    struct stub_facts facts;
    struct stub_keep keep;
    struct marker marker; /* from stub_seal_mark on */
    bool guarded, leased, marked;
    uint64_t dev, ino; /* as told to the gate's guard */
    bool punching;     /* blocks may be gone: the file cannot be put back any more */
    bool done;
};

struct stub_fill {
    struct stub_volume *v;
    struct port_file *file;
    struct stub_facts facts;
    struct stub_keep keep;
    struct marker marker;
    /* what other fills compare, under the lock; the facts are read again by their owner alone */
    uint64_t claimed_ino;
    uint32_t claimed_generation;
    struct al_list in_volume;
    bool noted; /* stub_fill_begin */
    bool whole; /* the marker says so, though perhaps not on the disk */
    bool done;  /* nothing is left to undo */
};

/* Facts of an open file; any mode but PORT_PATH. */
int stub_facts_read(struct stub_volume *v, struct port_file *f, struct stub_facts *ret,
                    struct al_fail *fail) AL_MUST_CHECK;
int stub_keep_read(struct stub_volume *v, struct port_file *f, const struct port_stat *st,
                   struct stub_keep *ret, struct al_fail *fail) AL_MUST_CHECK;
/* With what the file is now: a time that no change of ours left there was set by somebody. */
void stub_keep_look(struct stub_volume *v, struct stub_keep *keep, const struct port_stat *now);
/* Around each change of ours. */
void stub_keep_begin(struct stub_volume *v, struct stub_keep *keep);
int stub_keep_changed(struct stub_volume *v, struct port_file *f, struct stub_keep *keep,
                      struct al_fail *fail) AL_MUST_CHECK;
/* Puts back what is not there. keep->mtime_ns is the file's then. */
int stub_keep_restore(struct stub_volume *v, struct port_file *f, struct stub_keep *keep,
                      struct al_fail *fail) AL_MUST_CHECK;
/* Encodes and sets the marker; not yet durable. */
int stub_marker_write(struct stub_volume *v, struct port_file *f, const struct marker *m,
                      struct al_fail *fail) AL_MUST_CHECK;
/* Punches the whole file, looks that only a hole is left (AL_EIO else), puts back what that took. */
int stub_empty(struct stub_volume *v, struct port_file *f, const struct port_stat *st,
               struct stub_keep *io_keep, struct al_fail *fail) AL_MUST_CHECK;
/* One fill or change of an inode at a time. begin: AL_EBUSY. */
int stub_fill_claim(struct stub_fill *f) AL_MUST_CHECK;
void stub_fill_unclaim(struct stub_fill *f);

#endif
