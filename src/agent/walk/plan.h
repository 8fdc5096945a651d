/* plan.h: which folders of a volume a walk is to list, when most of it is known to be as it was.
 *
 * A folder is one of: listed (its entries are told), whole (likewise with all below), on the way to one of
 * those (opened, not listed), or not in the plan (left alone). Paths are from the root, '/' between parts, ""
 * the root. Built by one thread, then only read. */
#ifndef ALTO_AGENT_WALK_PLAN_H
#define ALTO_AGENT_WALK_PLAN_H

#include "agent/walk/usn.h"

#define WALK_PLAN_MAX (4u * USN_FOLDERS_MAX) /* with the folders on the way */
#define WALK_PATH_MAX 131072u                /* bytes of a path in a plan */

enum walk_plan_how { WALK_ON_THE_WAY, WALK_LIST, WALK_WHOLE };

struct walk_plan_node {
    char *path;
    enum walk_plan_how how;
    uint32_t parent, first, next; /* in the plan; 0: none. The root is node 0 */
};

struct walk_plan {
    struct walk_plan_node *nodes; /* after walk_plan_ready: sorted, each path once */
    size_t count, cap;
};

struct walk_plan *walk_plan_new(void);                 /* NULL: no memory */
struct walk_plan *walk_plan_free(struct walk_plan *p); /* NULL is fine; returns NULL */
/* AL_ELIMIT: WALK_PLAN_MAX. */
int walk_plan_add(struct walk_plan *p, struct al_span path, enum walk_plan_how how) AL_MUST_CHECK;
/* After the last add: puts in the folders on the way. More may be added behind it; then again. */
int walk_plan_ready(struct walk_plan *p) AL_MUST_CHECK;
/* NULL: left alone. */
const struct walk_plan_node *walk_plan_find(const struct walk_plan *p, struct al_span path);

/* The plan of what changed: each folder's place asked for by its id. One that is gone by now is left out, its parent
 * changed too; and one that nobody lets us look at, which could not be listed either. *ret_full: NULL, or why everything
 * is to be walked (then there is no plan): a folder whose place cannot be told. */
int walk_plan_of(const struct usn_source *source, const struct usn_changes *changes,
                 struct walk_plan **ret, const char **ret_full) AL_MUST_CHECK;

#endif
