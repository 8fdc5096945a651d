/* work.h: a leased work as the agent sees it (doc/format/protocol.md). One thread at a time;
 * everything lies in the work's own arena. */
#ifndef ALTO_AGENT_LINK_WORK_H
#define ALTO_AGENT_LINK_WORK_H

#include "base/arena.h"
#include "base/json.h"
#include "base/text.h"
#include "model/orphan.h"

#define WORK_ITEMS_MAX 4096u       /* the server gives at most 500 */
#define WORK_BYTES_MAX (64u << 20) /* of one work in memory */

enum work_kind {
    WORK_SCAN,
    WORK_TIER,
    WORK_RECALL,
    WORK_CHECK_SHARE,
    WORK_RECONCILE,
    WORK_ARCHIVE,
    WORK_ADOPT,
    WORK_TEST_SHARE,
    WORK_REPAIR
};
const char *work_kind_name(enum work_kind k);

struct work_item {
    struct al_span path; /* relative to the volume's root, no leading '/'; adopt: "" for the root */
    uint64_t size, ino;  /* what the plan saw; 0 where not told */
    int64_t mtime_ns;
    int64_t accessed_ns; /* what the plan took as the last access; 0: not told */
    al_id object_id;     /* recall: what was archived there; "" where not. repair */
    enum orphan_way way; /* repair */
};
struct work {
    struct al_arena *arena; /* holds this struct too */
    enum work_kind kind;
    al_id work_id;
    al_id job_id, volume_id, scan_id, share_id, rule_id; /* "" where none */
    const char *rule_where;                              /* NULL: none */
    int64_t now_ns;                                      /* the rule's now */
    struct work_item *items;
    size_t item_count;
    const char *url, *user; /* test_share: NULL where none */
    char *password;         /* likewise; wiped by work_free */
};

/* AL_ENOTSUP: a kind this version does not know; AL_EINVAL; AL_ELIMIT. ret_id gets the work's id as
 * soon as it is known ("" before), also on failure. */
int work_parse(const json_t *j, struct work **ret, al_id ret_id,
               struct al_fail *fail) AL_MUST_CHECK;
struct work *work_free(struct work *w); /* NULL is fine; returns NULL */

#endif
