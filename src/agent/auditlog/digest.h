/* digest.h: events of audit logs summed up into the rows of doc/format/protocol.md ("What audit logs tell"). Knows
 * nothing of files or clocks: whoever follows logs gives events, and takes the rows.
 *
 *   event ─▶ own, named, outside? ─▶ what it means ─▶ a row, or one more in the row of that file, person and hour
 *
 * Reads and writes of one path by one user, host and node within one hour are one row, unless a move from or to that
 * path or a folder above it came between (then they may be two files). All else is a row each, in order.
 *
 * What noise does is no use of a file, but the tree changes by it: what it creates and writes is told as noise, what it
 * deletes and moves like all else: a backup that moves a file takes what is known of it along.
 *
 * One thread at a time. Spans of rows are lent until digest_clear. Memory: at most DIGEST_ROWS_MAX rows and
 * DIGEST_BYTES_MAX of names; small while there is little to sum up. */
#ifndef ALTO_AGENT_AUDITLOG_DIGEST_H
#define ALTO_AGENT_AUDITLOG_DIGEST_H

#include "agent/auditlog/event.h"
#include "agent/auditlog/filter.h"
#include "port/port.h"

#define DIGEST_ROWS_MAX 65536u
#define DIGEST_BYTES_MAX ((size_t)12 << 20)
#define DIGEST_PATH_MAX 4096u   /* bytes: longer ones name no file on any system */
#define DIGEST_PEOPLE_MAX 8192u /* combinations of user, host and node in one digest */
#define DIGEST_FUTURE_NS (INT64_C(300) * 1000000000) /* later than now by more: of the future */

enum digest_kind {
    DIGEST_USED,
    DIGEST_CREATE,
    DIGEST_DELETE,
    DIGEST_FOLDER_DELETE,
    DIGEST_MOVE,
    DIGEST_PIN,
    DIGEST_UNPIN
};
/* What to ask the mount about a row, before it is told (meta.c). */
enum digest_look {
    DIGEST_LOOK_NONE,
    DIGEST_LOOK_PATH,   /* of path */
    DIGEST_LOOK_TARGET, /* of target */
    DIGEST_LOOK_NEEDED, /* of path; without an answer the row tells nothing */
    DIGEST_LOOK_OUTSIDE /* whether `target`, from the filespace's root, is a folder: of a move out of the volume */
};
struct digest_row {
    enum digest_kind kind;
    enum digest_look look;
    struct al_span path,
        target;          /* below the volume's root, without the leading '/'; "": the root */
    int64_t time_ns;     /* of the last event in it */
    int64_t modified_ns; /* of the last write; 0: none */
    uint64_t reads, writes;
    struct al_span user, host, node; /* "" unknown */
    const struct port_stat *stat;    /* NULL: not looked at. Lent by whoever looked */
    bool came;    /* a create: it came from outside, with all below; "": the volume itself did */
    bool dropped; /* tells nothing after all */
    bool noise;   /* USED, CREATE: no use of the file */
};

struct digest_counts { /* since the digest was made */
    uint64_t own;      /* about what Alto itself was working on */
    uint64_t named;    /* of users, hosts and nodes that are noise by the settings, told or not */
    uint64_t outside;  /* of paths outside the volume */
    uint64_t clamped;  /* of a time in the future: it counts as now, by the server's clock */
    uint64_t unusable; /* a path longer than DIGEST_PATH_MAX, a move without its target */
};

struct digest_conf {
    const struct audit_settings *settings; /* lent */
    const char *prefix; /* the volume's path from the filespace's root: "" or "/a/b"; lent */
    /* Whether an event is of Alto's own doing. from: its path below the volume's root, to: of a move its target's; NULL:
     * there is none there. May be NULL. */
    bool (*is_own)(void *ctx, const struct auditlog_event *e, const struct al_span *from,
                   const struct al_span *to);
    void *ctx;
};
struct digest;

int digest_new(const struct digest_conf *conf, struct digest **ret) AL_MUST_CHECK; /* AL_ENOMEM */
struct digest *digest_free(struct digest *d); /* NULL is fine; returns NULL */
/* now_ns: what the time of an event is held against. *ret_time (may be NULL): its time, or now where it is of the future. The row keeps the
 * time that was told: which of the two clocks is wrong only the server can say. AL_ELIMIT: full: nothing was taken; tell the rows,
 * clear, and give it again. AL_ENOMEM: nothing was taken. */
int digest_add(struct digest *d, const struct auditlog_event *e, int64_t now_ns,
               int64_t *ret_time) AL_MUST_CHECK;
struct digest_row *digest_rows(struct digest *d, size_t *ret_count);
/* The rows are told. Gives memory back that a large digest took. */
void digest_clear(struct digest *d);
void digest_resume(struct digest *d,
                   const struct digest_counts *counts); /* counted on from there */
const struct digest_counts *digest_counts(const struct digest *d);

/* Splits off the volume: *ret is `path` without the prefix and its '/'. False: it lies elsewhere. */
bool digest_below(const char *prefix, struct al_span path, struct al_span *ret);

#endif
