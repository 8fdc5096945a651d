/* intake.h: the lines of an agent's batch (doc/format/protocol.md) as records. Pure: text in,
 * records out, nothing is looked up.
 *
 * A line that is no record becomes one all the same, of kind INTAKE_REJECTED with the reason, so
 * that whoever applies the batch tells it and goes on: an agent must never stand still before a
 * record it cannot make better. Only the batch as a whole can fail: AL_ELIMIT (too many lines,
 * arena full), AL_ENOMEM. One thread at a time. */
#ifndef ALTO_SERVER_SERVICE_AGENT_INTAKE_H
#define ALTO_SERVER_SERVICE_AGENT_INTAKE_H

#include "base/arena.h"
#include "base/text.h"
#include "server/inventory/access.h"
#include "server/store/access.h"
#include "server/store/orphan.h"

#define INTAKE_BODY_MAX (16u << 20)   /* bytes of a batch, uncompressed */
#define INTAKE_RECORDS_MAX 65536u     /* lines of a batch */
#define INTAKE_ARENA_MAX (256u << 20) /* bytes: records and copied strings of the largest batch */
/* bytes of a line: a path of 4 KiB in both forms, escaped, and much room */
#define INTAKE_LINE_MAX (64u << 10)
#define INTAKE_ROWS_MAX 2048u     /* of one record of accesses: more than fit into a line */
#define INTAKE_WHO_ROWS 64u       /* users, hosts and nodes that its short rows name */
#define INTAKE_NODES_MAX 200u     /* of one record; the host tells the others with the next ones */
#define INTAKE_TEXT_MAX 512u      /* bytes kept of a sentence */
#define INTAKE_NAME_MAX 64u       /* bytes of act, reason and process kept */
#define INTAKE_PATH_MAX 16384u    /* bytes of a path */
#define INTAKE_NOW_NAME_MAX 1024u /* bytes of a name; NTFS has 255 characters of up to 4 */
#define INTAKE_FILESPACES_MAX 64u /* of one record */
#define INTAKE_SAMPLES_MAX 32u    /* lines that were passed over, of one record */
#define INTAKE_FINDINGS_MAX 512u  /* of one record: more than fit into a line */
#define INTAKE_WHO_MAX 255u       /* bytes kept of a person, a machine or a client in audit logs */

enum intake_kind {
    INTAKE_REJECTED,
    INTAKE_OUTCOME,
    INTAKE_PROGRESS,
    INTAKE_WORK_END,
    INTAKE_SCAN_END,
    INTAKE_ACCESS,
    INTAKE_AUDIT,
    INTAKE_FILESPACES,
    INTAKE_DRIVER,
    INTAKE_SHARE_TEST,
    INTAKE_FINDINGS, /* of a reconcile */
    INTAKE_WALK      /* its begin or end */
};

enum intake_act { /* of an outcome */
                  INTAKE_A_OTHER,
                  INTAKE_A_TIER,
                  INTAKE_A_ARCHIVE,
                  INTAKE_A_RECALL,
                  INTAKE_A_READ, /* through a stub, which stays one */
                  INTAKE_A_REFUSE,
                  INTAKE_A_ADOPT,
                  INTAKE_A_DROP_MARKER,
                  INTAKE_A_RECONCILE,
                  INTAKE_A_REPAIR, /* of what a reconcile found */
                  INTAKE_A_SHARE_STATE,
                  INTAKE_A_VOLUME_STATE,
                  INTAKE_A_ALARM
};

struct intake_access { /* all in the arena */
    struct inventory_access *rows;
    size_t count;
    uint64_t rejected; /* rows that tell nothing, and why the first of them does not */
    const char *why;
};
struct intake_audit {
    struct store_access x; /* told_ns: by the host's clock */
    struct store_access_node *nodes;
    size_t node_count;
};

struct intake_findings {       /* in the arena */
    struct store_orphan *rows; /* ids: none */
    size_t count;
    uint64_t rejected; /* without kind, path or object */
};

struct intake_record { /* strings: NULL or "" where absent, as told; all in the arena */
    enum intake_kind kind;
    enum intake_act act;
    struct al_span line; /* as it came; borrowed from the body */
    const char *why;     /* INTAKE_REJECTED: a sentence */
    int code;
    const char *act_name;                /* never NULL for an outcome */
    const char *reason, *text, *process; /* "" where absent */
    /* NULL where absent, else valid ids */
    const char *volume_id, *share_id, *job_id, *rule_id, *object_id;
    const char *work_id, *scan_id; /* likewise */
    const char *follows;           /* scan_end: the scan that this one is an increment of */
    struct al_span path;           /* without leading '/' */
    struct al_span now_path;       /* a recall's: where the file is; empty: at path */
    uint64_t ino, size, freed;
    int64_t began_ns, ended_ns, mtime_ns;
    uint32_t pid, uid;
    uint64_t files, bytes;                  /* progress */
    uint64_t entries, folders, unreadable;  /* scan_end; unreadable of a reconcile's progress too */
    uint64_t later;                         /* progress of a reconcile */
    const struct intake_access *access;     /* INTAKE_ACCESS */
    const struct intake_audit *audit;       /* INTAKE_AUDIT */
    const struct intake_findings *findings; /* INTAKE_FINDINGS */
    bool begins;                            /* INTAKE_WALK; else its end */
    struct store_orphan_walk walk;
    bool signing, encryption; /* INTAKE_SHARE_TEST; its steps in found */
    const char *found; /* INTAKE_FILESPACES, INTAKE_DRIVER: a JSON object; told_ns in ended_ns */
};

struct intake_batch {
    struct intake_record *records; /* in the arena */
    size_t count;
};

int intake_parse(struct al_span body, struct al_arena *arena, struct intake_batch *ret,
                 struct al_fail *fail) AL_MUST_CHECK;
/* Turns a record into a rejected one; why is lent for good (static or in the arena). */
void intake_reject(struct intake_record *r, const char *why);
/* The path as it is kept everywhere: no leading, doubled or trailing '/'; in place of nothing: "".
 * False for what no path is ("..", NUL). */
bool intake_path_ok(struct al_span path);

#endif
