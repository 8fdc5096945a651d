/* filespace.h: which LucidLink filespaces a host has mounted, out of what it says of itself: the table of mounts
 * (proc_pid_mountinfo(5)) and what `lucid list` and `lucid --instance N status` print. Pure: asks nobody.
 *
 * What is known of those texts: `list` is a table INSTANCE ID / FILESPACE / PORT / MODE, `status` has lines "Filespace:"
 * and "Mount point:". No program of a current client was seen, so all else may differ: what is not of that form is passed
 * over and counted, and nothing is taken for a filespace's id but what has the form of a UUID. How such a mount looks in the
 * table is not documented either: every mount of type "fuse" or "fuse.NAME" is kept as a candidate, and is called LucidLink's
 * only where its type or source says "lucid" or the program named it. One thread at a time. */
#ifndef ALTO_AGENT_AUDITLOG_FILESPACE_H
#define ALTO_AGENT_AUDITLOG_FILESPACE_H

#include "base/bytes.h"

#define FILESPACE_MOUNTS_MAX 64u       /* kept; further ones are counted */
#define FILESPACE_INSTANCES_MAX 32u    /* asked for their status */
#define FILESPACE_PATH_MAX 4096u       /* bytes */
#define FILESPACE_WORD_MAX 255u        /* bytes of a name, a type, a source, an id */
#define FILESPACE_NUMBER_MAX 10u       /* digits of an instance's number */
#define FILESPACE_SAID_MAX (64u << 10) /* bytes read of what the program prints */

enum filespace_logs {                         /* whether .lucid_audit is at its root */
                      FILESPACE_LOGS_UNKNOWN, /* not looked yet, or the mount does not answer */
                      FILESPACE_LOGS_ABSENT,
                      FILESPACE_LOGS_DENIED,
                      FILESPACE_LOGS_PRESENT
};
const char *filespace_logs_name(enum filespace_logs l); /* as on the wire */

struct filespace {              /* strings owned; NULL: not known */
    char *path, *type, *source; /* type and source: of the table of mounts */
    char *name, *id;            /* "shows.examplepost"; a UUID */
    char *instance, *mode;
    bool in_table, by_program,
        by_type; /* where it was found; by_type: its type or source says "lucid" */
    enum filespace_logs logs;
};
struct filespaces { /* zeroed: none */
    struct filespace at[FILESPACE_MOUNTS_MAX];
    size_t count;
    uint64_t more; /* mounts beyond FILESPACE_MOUNTS_MAX */
    uint64_t odd;  /* lines that were passed over */
};
void filespaces_end(struct filespaces *f); /* empty again */

/* Takes the FUSE mounts of a table; those of a part of a filesystem (a bind mount) are left out, and of two at one path the
 * later stays, since it covers the other. AL_ENOMEM. */
int filespaces_table(struct filespaces *f, struct al_span mountinfo) AL_MUST_CHECK;

struct filespace_instance {
    char number[FILESPACE_NUMBER_MAX + 1];
    char name[FILESPACE_WORD_MAX + 1], mode[FILESPACE_WORD_MAX + 1]; /* "": not told */
};
/* Lines of `list` that begin with a number. Returns how many there are, at most max are told. */
size_t filespaces_list(struct al_span said, struct filespace_instance *to, size_t max,
                       uint64_t *io_odd);
/* What `status` of that instance said: its mount is found among those of the table, or added. Without a line "Mount point:"
 * only its name is kept, as one without a path. AL_ENOMEM. */
int filespaces_status(struct filespaces *f, const struct filespace_instance *of,
                      struct al_span said) AL_MUST_CHECK;

#endif
