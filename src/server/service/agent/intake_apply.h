/* intake_apply.h: what a batch of records does: first to the inventories of its volumes, then in
 * one transaction to the store.
 *
 *   intake_resolve     whose volumes, jobs and shares the records name; a stranger's make the
 *                      record a rejected one      reads
 *   intake_inventory   states, evidence, scans; each volume's own watermark makes a second time do
 *                      nothing              inventory
 *   intake_store       events, counters, works, series, and the stream's watermark
 *                      one transaction
 *
 * A crash between the two leaves the inventories ahead of the store; the agent sends the batch
 * again, the inventories skip it, the store takes it. Resolving gives the same answer for the same
 * records both times as far as the inventory is concerned: volumes and hosts do not change hands.
 * One thread; one batch. */
#ifndef ALTO_SERVER_SERVICE_AGENT_INTAKE_APPLY_H
#define ALTO_SERVER_SERVICE_AGENT_INTAKE_APPLY_H

#include "server/service/agent/intake.h"
#include "server/service/work/work.h"

#define INTAKE_NONE SIZE_MAX
/* host clocks are set now and then, and are a little off */
#define INTAKE_CLOCK_NS (INT64_C(300) * 1000000000)

struct intake_volume {
    struct store_volume v;
    bool used, broken; /* broken: its inventory cannot be written; a scan will heal it */
    int64_t floor_ns;  /* its record of accesses is not to be trusted from before; 0: nothing new */
};
struct intake_job {
    struct store_job j;
    struct store_job_delta delta;
    bool touched;
};
struct intake_reason {
    size_t job;
    const char *reason, *code;
    int64_t files;
    struct al_span sample;
};
enum intake_metric {
    INTAKE_M_TIERED_FILES,
    INTAKE_M_TIERED_BYTES,
    INTAKE_M_RECALLED_FILES,
    INTAKE_M_RECALLED_BYTES,
    INTAKE_M_ERRORS
};
struct intake_point {
    size_t volume; /* INTAKE_NONE: of no volume */
    enum intake_metric metric;
    int64_t minute_ns;
    uint64_t delta;
};
#define INTAKE_LOST_MAX 1000u /* lost stubs that one scan tells of by name */
struct intake_lost {
    struct al_span path;   /* without leading '/' */
    const char *object_id; /* NULL: not known */
    uint64_t ino, size;
};
struct intake_scan { /* what the inventory said to a scan's end */
    int rc;
    struct inventory_scan_result result;
    struct intake_lost *lost;
    size_t lost_count, lost_cap;
};
struct intake_of { /* beside each record */
    size_t volume, job;
    struct intake_scan *scan; /* scan_end: NULL when the scan is not under way */
    bool again;               /* was told before: changes nothing */
    bool late;                /* the file was changed since: changes nothing in the inventory */
};

struct intake {
    struct work_tx t; /* actor: the host */
    const char *stream;
    char body[33]; /* hash of the batch, in hexadecimal */
    uint64_t seq;
    struct intake_batch batch;
    struct intake_of *of; /* batch.count */
    struct intake_volume *volumes;
    size_t volume_count;
    struct intake_job *jobs;
    size_t job_count, job_cap;
    struct intake_reason *reasons;
    size_t reason_count, reason_cap;
    struct intake_point *points;
    size_t point_count, point_cap;
    uint64_t rejected, events;
    bool driver;      /* the host told of its filter driver */
    al_id share_told; /* the last share whose trouble was told, and which */
    int share_code;
    struct al_buf detail, path; /* scratch */
};

int intake_resolve(struct intake *in) AL_MUST_CHECK;
/* Part of resolving. Its answer stays the same until the batch is in the store. */
int intake_again(struct intake *in) AL_MUST_CHECK;
const char *intake_act_of(const struct intake_record *r); /* the event's */
int intake_inventory(struct intake *in) AL_MUST_CHECK;
/* Inside the transaction; sets the watermark too. */
int intake_store(struct intake *in) AL_MUST_CHECK;

/* ---- intake_told.c: what audit logs told, into the store ---- */
/* When the host said so. What lay on the host while it was cut off tells of then, not of now. */
int64_t intake_heard_ns(const struct intake *in, int64_t told_ns);
int intake_store_access(struct intake *in, const struct intake_record *r,
                        const struct intake_of *of) AL_MUST_CHECK;
int intake_store_audit(struct intake *in, const struct intake_record *r,
                       const struct intake_of *of) AL_MUST_CHECK;
/* Once, behind all records. */
int intake_store_floors(struct intake *in) AL_MUST_CHECK;

/* ---- intake_orphans.c: what reconciles found ---- */
int intake_store_findings(struct intake *in, const struct intake_record *r,
                          const struct intake_of *of) AL_MUST_CHECK;
int intake_store_walk(struct intake *in, const struct intake_record *r,
                      const struct intake_of *of) AL_MUST_CHECK;
/* An outcome: an alarm about a file is a finding too, and what went well ends those about it. */
int intake_orphan_outcome(struct intake *in, const struct intake_record *r,
                          const struct intake_of *of) AL_MUST_CHECK;

/* Room for one more in a growing array of the arena; *io is moved. AL_ENOMEM. */
int intake_room(struct intake *in, void *io_array, size_t item, size_t count,
                size_t *io_cap) AL_MUST_CHECK;

/* ---- share_test.c ---- */
int intake_store_share_test(struct intake *in, const struct intake_record *r) AL_MUST_CHECK;

#endif
