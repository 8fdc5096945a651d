/* tree.h: the logs of a filespace as they were last seen, and how far each was read: a tree of folders in memory. A log is
 * known by its folder and its name without a trailing ".active", so that it stays the same when it is rotated (a
 * rename) and when both names are there for a moment. Inode numbers mean nothing on such a mount.
 *
 * About 130 bytes for a log. Names are bytes. One thread at a time. */
#ifndef ALTO_AGENT_AUDITLOG_TREE_H
#define ALTO_AGENT_AUDITLOG_TREE_H

#include "agent/auditlog/filter.h"
#include "base/bytes.h"

#define TREE_FILES_MAX 2000000u
#define TREE_FOLDERS_MAX 200000u
#define TREE_DEPTH_MAX 16u /* folders within each other below .lucid_audit */
#define TREE_NAME_MAX 255u

enum log_flag {
    LOG_LONG = 1,        /* the offset lies within a line that is too long; durable */
    LOG_DONE = 2,        /* nothing more to be had before it changes */
    LOG_PLAIN = 4,       /* there without ".active" */
    LOG_ACTIVE = 8,      /* there with it */
    LOG_USE_ACTIVE = 16, /* that one is the longer */
    LOG_SEEN = 32,       /* by the listing under way */
    LOG_HOT = 64,        /* in the list of those that are looked at each second */
    LOG_QUEUED = 128,    /* waits to be read */
    LOG_DIRTY = 256,     /* its cursor is to be written */
    LOG_GONE = 512,      /* was not there for a while */
    LOG_ZIPPED = 1024,   /* compressed: not read */
    LOG_BAD = 2048,      /* could not be read the last time */
    LOG_WRITTEN = 4096,  /* the file of cursors knows its name */
    LOG_NEW = 8192,      /* not looked at since the start */
    LOG_WHOLE =
        16384, /* closed, or its client has gone on to another, and read to its end; durable */
    LOG_COUNTED = 32768 /* the line that it ends within is counted as passed over; durable */
};
struct log_node { /* a folder right below .lucid_audit: one client */
    int64_t last_event_ns, last_grown_ns;
    char *host, *user; /* of its last event; NULL unknown */
    bool changed;      /* since it was last told */
};
struct log_folder {
    struct log_folder *parent;   /* NULL: .lucid_audit itself */
    struct log_node *node;       /* lent from the folder right below the root; NULL at the root */
    struct log_folder **folders; /* by name */
    struct log_file **files;     /* by name */
    uint32_t folder_count, folder_cap, file_count, file_cap;
    uint32_t listed_s, check_s, missing_s; /* monotonic; 0 never. check_s: to be listed then */
    uint32_t known_s;                      /* as a log's */
    uint32_t ignored;                      /* what lies in it and is no log */
    uint16_t depth;                        /* 0: the root */
    /* bad: could not be listed; denied: because it may not be; new: was not yet since the start; recent: new logs come here */
    bool seen, bad, denied, new, recent, gone; /* gone: was not there for a while */
    int64_t mtime_ns;
    char name[];
};
struct log_hole { /* bytes that are not there yet, at a log's offset */
    uint64_t
        size; /* of the log, when they were first seen: what is 0 below it has been 0 since then */
    uint32_t since_s; /* monotonic */
};
struct log_file {
    struct log_folder *in;
    struct log_hole *hole; /* owned; NULL: none */
    uint64_t offset;       /* everything before it is told or in the digest */
    uint64_t size;
    int64_t mtime_ns; /* 0: not looked at */
    uint64_t head_hash;
    uint32_t id;        /* in the file of cursors */
    uint32_t changed_s; /* monotonic */
    uint32_t missing_s; /* 0: it is there */
    uint32_t known_s;   /* monotonic: since when; 0: the file of cursors told of it */
    uint32_t
        end_s; /* monotonic: when there was nothing in it that was not read; 0: not since the start */
    uint16_t head_len; /* bytes at its front that head_hash is of */
    uint16_t flags;
    bool was_whole; /* before it became what has not been read yet */
    char name[];    /* without ".active" */
};
struct tree {
    struct log_folder *root;
    struct log_folder **all; /* every folder, in no order */
    uint32_t folder_count, folder_cap, file_count;
    uint32_t last_id;
};

int tree_begin(struct tree *t) AL_MUST_CHECK; /* AL_ENOMEM */
void tree_end(struct tree *t);
/* *ret: found or made; *ret_new (may be NULL). AL_ELIMIT above TREE_FOLDERS_MAX, TREE_DEPTH_MAX or TREE_NAME_MAX. */
int tree_folder(struct tree *t, struct log_folder *in, struct al_span name, struct log_folder **ret,
                bool *ret_new) AL_MUST_CHECK;
int tree_file(struct tree *t, struct log_folder *in, struct al_span name, struct log_file **ret,
              bool *ret_new) AL_MUST_CHECK;
void tree_forget_file(struct tree *t, struct log_file *f);
/* With nothing in it, and not the root. */
void tree_forget_folder(struct tree *t, struct log_folder *f);
/* Appends the folder's path from .lucid_audit: "" for the root, else "42/2026/09". */
int tree_path(const struct log_folder *f, struct al_buf *to) AL_MUST_CHECK;
/* Whether a name is a log's; *ret_key: without ".active", *ret_active whether it had it. */
bool tree_is_log(struct al_span name, const struct audit_names *endings, struct al_span *ret_key,
                 bool *ret_active);
/* When the log was begun, by its name (2026-09-10T19.15.00Z.log); 0: it does not tell. */
int64_t tree_begin_of(const char *name);
/* The last by name, numbers by their value: where new logs come. */
const struct log_folder *tree_last_folder(const struct log_folder *in);

#endif
