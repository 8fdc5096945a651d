/* access.h: what hosts told of audit logs, as it stands; who used which file is the inventory's
 * (server/inventory/access.h). Scope, transactions and errors as in store.h. */
#ifndef ALTO_SERVER_STORE_ACCESS_H
#define ALTO_SERVER_STORE_ACCESS_H

#include "server/store/store.h"

#define STORE_ACCESS_NODES_MAX 20000u /* of a volume; those told of longest ago go first */

struct store_access {
    al_id volume_id, customer_id;
    const char *state; /* "untold", "absent", "denied", "silent", "live" */
    const char *text;
    int64_t since_ns, covered_ns; /* as the host told; 0: not told */
    int64_t floor_ns;             /* the record is not to be trusted from before; 0: no such time */
    int64_t last_event_ns, told_ns;
    struct al_span root, filespace, filespace_uuid; /* bytes; empty: not told */
    uint64_t files, active_files, behind_bytes;
    const char *counts, *sample_why; /* counts: a JSON object */
    const char *samples;             /* a JSON array; NULL in store_access_set: none */
    struct al_span sample;
    uint64_t rejected; /* rows that could not be taken, since the volume is there */
};
/* "untold" with everything else empty where the host told nothing yet; AL_ENOENT: the volume. */
int store_access_get(struct store *s, const struct scope *scope, const char *volume_id,
                     struct al_arena *a, struct store_access *ret,
                     struct al_fail *fail) AL_MUST_CHECK;
/* All but floor_ns and rejected. */
int store_access_set(struct store *s, const struct scope *scope, const struct store_access *x,
                     struct al_fail *fail) AL_MUST_CHECK;
int store_access_rejected(struct store *s, const struct scope *scope, const char *volume_id,
                          uint64_t more, struct al_fail *fail) AL_MUST_CHECK;
/* Only ever raised. */
int store_access_floor(struct store *s, const struct scope *scope, const char *volume_id,
                       int64_t floor_ns, struct al_fail *fail) AL_MUST_CHECK;

struct store_access_node {
    struct al_span node, host, user; /* bytes; host and user empty: not known */
    bool active;
    uint64_t files, behind_bytes;
    int64_t last_event_ns, last_grown_ns, told_ns;
};
int store_access_node_set(struct store *s, const struct scope *scope, const char *volume_id,
                          const struct store_access_node *n, struct al_fail *fail) AL_MUST_CHECK;
/* Down to STORE_ACCESS_NODES_MAX. */
int store_access_nodes_cut(struct store *s, const struct scope *scope, const char *volume_id,
                           struct al_fail *fail) AL_MUST_CHECK;

enum store_access_sort {
    STORE_AN_NODE,
    STORE_AN_HOST,
    STORE_AN_USER,
    STORE_AN_LAST_EVENT,
    STORE_AN_LAST_GROWN,
    STORE_AN_BEHIND,
    STORE_AN_SORTS
};
struct store_access_nodes_query {
    int active, behind; /* 1, 0, or -1: either */
    const char *q;      /* part of node, host or user, ASCII case ignored; NULL: any */
    enum store_access_sort sort;
    bool descending;
    uint64_t offset;
    uint32_t limit;
};
/* each: the spans live until it returns. */
int store_access_nodes(struct store *s, const struct scope *scope, const char *volume_id,
                       const struct store_access_nodes_query *q,
                       int (*each)(void *ctx, const struct store_access_node *n), void *ctx,
                       struct al_fail *fail) AL_MUST_CHECK;
struct store_access_sums {
    uint64_t total, active, behind;
};
/* q: of those alone; NULL: of all. */
int store_access_nodes_sum(struct store *s, const struct scope *scope, const char *volume_id,
                           const struct store_access_nodes_query *q, struct store_access_sums *ret,
                           struct al_fail *fail) AL_MUST_CHECK;

/* Volumes with audit logs for people to look at: first those whose logs are not live or were not told of since
 * that time, then the others, both by name. id lives until each returns. */
int store_access_volumes(struct store *s, const struct scope *scope, int64_t told_since_ns,
                         uint64_t offset, uint32_t limit, int (*each)(void *ctx, const char *id),
                         void *ctx, struct al_fail *fail) AL_MUST_CHECK;
/* How many there are. */
int store_access_volumes_sum(struct store *s, const struct scope *scope, uint64_t *ret,
                             struct al_fail *fail) AL_MUST_CHECK;
/* Volumes with audit logs, in the order of their ids, those after that one. */
int store_volume_each_audited(struct store *s, const struct scope *scope, const char *after,
                              uint32_t max,
                              int (*each)(void *ctx, const char *id, const char *customer_id),
                              void *ctx, struct al_fail *fail) AL_MUST_CHECK;

#endif
