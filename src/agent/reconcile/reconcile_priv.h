/* reconcile_priv.h: what healing an intent and walking a volume share. */
#ifndef ALTO_AGENT_RECONCILE_PRIV_H
#define ALTO_AGENT_RECONCILE_PRIV_H

#include "agent/mover/place.h"
#include "agent/mover/swap.h"
#include "agent/reconcile/reconcile.h"

enum healed { HEALED_AS_WAS, HEALED_STUB, HEALED_REPORTED, HEALED_LATER };

struct told { /* what an outcome of reconcile is about */
    const char *volume_id, *share_id;
    const char *object_id; /* or NULL */
    struct al_span path;
    const char *now_name; /* as in struct outcome */
    uint64_t ino, size, freed;
    int64_t mtime_ns, began_ns;
    const char *job_id, *rule_id;
    uint32_t pid, uid; /* recall: who opened */
    const char *process;
};

int reconcile_tell(const struct reconcile_env *env, const struct told *t, const char *act, int code,
                   const char *reason, const char *text) AL_MUST_CHECK;
/* An intent of an archive or a way back. told: what it says, with its volume. */
enum healed reconcile_archive(const struct reconcile_env *env, struct journal_item *item,
                              const struct told *told);
/* ---- heal_swap.c: the same of exchanges ---- */
struct archive_case {
    const struct reconcile_env *env;
    struct journal_item *item;
    const struct journal_intent *in;
    const struct mover_volume *volume;
    struct place at;
    struct told told;
};
/* c's place is open. */
enum healed reconcile_swap(struct archive_case *c);
enum healed reconcile_unswap(struct archive_case *c);
/* c's place is not open: what the filter driver was told to bring back. */
enum healed reconcile_fill(struct archive_case *c);
int reconcile_tell_other_name(struct archive_case *c, const char *got) AL_MUST_CHECK;
/* The object of a file that is as it was goes to the deletion ledger. */
int reconcile_tell_unreferenced(struct archive_case *c) AL_MUST_CHECK;

/* ---- walk_made.c ---- */
void reconcile_judge_made(const struct reconcile_made *made, struct al_span path,
                          struct reconcile_counts *counts);
/* One that somebody named: told also when there is nothing to adopt. */
void reconcile_adopt_named(const struct reconcile_made *made, struct al_span path,
                           struct reconcile_counts *counts);

/* A finding that cannot be told makes the walk's silence mean nothing. */
void reconcile_find(const struct reconcile_env *env, const struct reconcile_finding *f);
/* AL_OK: the marker's object lies on the volume's share in the marker's length. AL_ENOENT,
 * AL_ECORRUPT: surely not. Else unknown. */
int reconcile_object_there(const struct reconcile_env *env, const struct recall_volume *v,
                           const struct marker *m, struct al_fail *fail) AL_MUST_CHECK;
/* A marker "filling" becomes a finished stub, durably. AL_EBUSY while somebody fills it. */
int reconcile_finish(const struct reconcile_env *env, const struct recall_volume *v,
                     const struct port_handle *h, const struct marker *m,
                     struct al_fail *fail) AL_MUST_CHECK;

#endif
