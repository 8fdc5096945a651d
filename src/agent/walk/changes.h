/* changes.h: the seam between a scan and who knows which folders changed since another one: the USN journal on Windows,
 * nobody on Linux, a made-up one in tests.
 *
 * Whoever knows it says so as a plan (plan.h): folders that are to be listed anew, and folders of which all is to be
 * walked. What he does not name is as it was, wherever it lies: so in any doubt he gives no plan, but the reason why
 * everything is to be walked. */
#ifndef ALTO_AGENT_WALK_CHANGES_H
#define ALTO_AGENT_WALK_CHANGES_H

#include "agent/walk/plan.h"

#define WALK_PLACE_MAX 64u /* bytes of a place */

struct walk_since {
    struct walk_plan *plan; /* walk_plan_free it; NULL: everything is to be walked */
    const char *full;       /* then why: a constant sentence, for people */
    /* The place of a moment before anything is looked at: what changes from it on comes the next time. 0 bytes: there
     * is none, and there will be no plan. */
    uint8_t place[WALK_PLACE_MAX];
    size_t place_len;
};

struct walk_changes {
    /* What changed below root since a place of before (0 bytes: only the place of now is wanted). AL_OK, unless
     * memory is out. Any thread. */
    int (*since)(void *ctx, struct port *port, struct port_file *root, struct al_span place,
                 struct walk_since *ret);
    void *ctx;
};

/* The USN journal of the volume that root lies on. */
extern const struct walk_changes walk_changes_usn;
/* The same of any source of records. */
int walk_since_usn(const struct usn_source *source, uint32_t serial, struct al_span place,
                   struct walk_since *ret) AL_MUST_CHECK;

#endif
