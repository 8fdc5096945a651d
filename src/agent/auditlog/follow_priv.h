/* follow_priv.h: the inside of the follower: follow.c (rounds, state), look.c (listings, sizes and times), hot.c (those looked at each second and more often), read.c (bytes to
 * events), meta.c (metadata of what was written). */
#ifndef ALTO_AGENT_AUDITLOG_FOLLOW_PRIV_H
#define ALTO_AGENT_AUDITLOG_FOLLOW_PRIV_H

#include "agent/auditlog/cursors.h"
#include "agent/auditlog/follow.h"

#define FOLLOW_EVENTS 256u /* of one piece of reading */

struct log_list {
    struct log_file **at;
    size_t count, cap;
};
struct follow {
    struct follow_conf conf;
    struct port *port;
    char *audit; /* root/.lucid_audit */
    struct tree tree;
    struct coverage coverage;
    struct cursors *cursors;
    struct cursors_root fs;
    struct auditlog_parser *parser;
    struct digest *digest;
    struct follow_figures figures;
    struct log_list hot, fresh, queue, dirty; /* fresh: hot ones that grew, before the queue */
    struct log_file *reading;                 /* the parser's state is of it */
    bool continued;         /* it began as it did before, when it was opened last */
    struct port_file *open; /* a folder, while the queue is read; NULL: none */
    const struct log_folder *open_of;
    uint8_t *buffer;
    size_t buffer_cap;
    struct auditlog_event events[FOLLOW_EVENTS];
    struct al_buf path, path_b;
    uint64_t noted;   /* lines passed over, as far as samples of them were taken */
    uint64_t ignored; /* files that are no logs, at the last listings */
    bool overflow;    /* more logs or folders than may be */
    /* Turns. */
    uint32_t now_s, started_s; /* monotonic; never 0 */
    int64_t now_ns;
    int64_t ahead_ns;      /* of the wall clock before the monotonic one, at the last round */
    bool late;             /* since its last step forward something of the future was read */
    int64_t floor_ns;      /* of coverage, as far as it is of a time when the clock was right */
    int64_t next_s_ns;     /* monotonic: when a second's looks are due */
    int64_t next_quick_ns; /* monotonic: when those of quick are */
    struct log_file
        *quick[FOLLOW_QUICK]; /* of the hot ones those that changed last, the last first */
    size_t quick_count;
    uint32_t turn;        /* in tree.all */
    uint32_t new_folders; /* not listed since the start */
    int64_t tokens;       /* entries that may be looked at in turn */
    int64_t listed_tokens;
    uint32_t caught_s;       /* when all was last read to its end; 0: not since the start */
    uint32_t failing_s;      /* since when the folder cannot be looked at; 0: it can */
    int64_t kept_ns;         /* wall clock: of fs.caught_ns, as the cursors' file has it */
    bool present, unmounted; /* unmounted: absent because another filesystem is there */
    uint32_t bare_s;         /* since when it is mounted again, and without logs; 0: it is not */
    int failing;             /* with failing_s */
    uint32_t bad_files;      /* with LOG_BAD */
    uint32_t holed;          /* with a hole */
    bool file_denied;        /* one of them may not be looked at */
    bool denied;             /* it, or a folder that was listed before, at the last round */
    int put_rc;              /* of the last flush */
    bool strange;       /* a line was of another filespace than those before it, by its names */
    bool nameless;      /* and had no UUID, which those before it had */
    uint32_t strange_s; /* known_s of its log */
    int64_t
        named_ns; /* of the event by which the filespace is called now; of the first start alone */
};

int follow_list_add(struct log_list *l, struct log_file *f) AL_MUST_CHECK;
bool follow_stops(const struct follow *f);
/* An event was of the future. */
void follow_late(struct follow *f);

/* ---- look.c ---- */
/* Opens a folder below .lucid_audit, part by part. */
int look_open(struct follow *f, const struct log_folder *folder,
              struct port_file **ret) AL_MUST_CHECK;
/* What was answered to a look at it, or to reading it. */
void look_bad(struct follow *f, struct log_file *log, int rc);
/* The looks that are due. Errors of memory alone. */
int look_due(struct follow *f) AL_MUST_CHECK;
bool look_has_new(const struct follow *f);  /* folders not listed since the start that may be now */
bool look_unread(const struct log_file *f); /* has bytes that may be read yet */
bool look_torn(const struct log_file *f);   /* counts as read, and ends within a line */
/* Whether its node has begun a later log, as far as names tell. */
bool look_has_later(const struct log_file *f);
/* What its last line would have told of is not later, but for a clock that is somewhat wrong. */
int64_t look_torn_until(const struct follow *f, const struct log_file *log);
/* From now on it is looked at each second. */
int look_heat(struct follow *f, struct log_file *log) AL_MUST_CHECK;
/* Its cursor is written with the next flush. */
int follow_dirty(struct follow *f, struct log_file *log) AL_MUST_CHECK;
/* All is to be looked at anew, before anything counts as read to its end. */
void look_anew(struct follow *f);

/* Its sizes and times, and into the queue where there is more to read. dir NULL: by its path. AL_ENOENT: under none of the
 * names that were listed. */
int look_log(struct follow *f, struct log_file *log, struct port_file *dir) AL_MUST_CHECK;

/* By its own time alone, which may be wrong: then looks come half as often as they could. */
bool look_idle(const struct follow *f, int64_t mtime_ns);

/* ---- hot.c ---- */
/* The looks of a second at the hot ones. */
int hot_look(struct follow *f) AL_MUST_CHECK;
void quick_offer(struct follow *f,
                 struct log_file *log); /* one of the hot ones, until the next second's looks */
void quick_forget(struct follow *f, const struct log_file *log);
bool quick_due(const struct follow *f);
int64_t quick_wait_ns(const struct follow *f, int64_t wait_ns); /* wait_ns, or until it is due */
/* Errors of memory alone. */
int quick_look(struct follow *f) AL_MUST_CHECK;

/* ---- read.c ---- */
/* Reads of the queue until it is empty or the round's time is over. */
int read_queue(struct follow *f) AL_MUST_CHECK;
/* It waits for no bytes any more. */
void read_hole_end(struct follow *f, struct log_file *log);
/* The digest is put, then the cursors are written. */
int read_flush(struct follow *f) AL_MUST_CHECK;
/* Whether a log that is open begins as it did. AL_ECHANGED: it does not, or nothing of it is known. */
int read_check_head(struct follow *f, const struct log_file *log,
                    struct port_file *file) AL_MUST_CHECK;

/* ---- whose.c ---- */
/* An event in that log, whose front was compared (continued) or is new: which filespace does it speak of? */
void whose_event(struct follow *f, const struct log_file *log, const struct auditlog_event *e,
                 int64_t time_ns);
/* Before what was read counts as told: where lines were strange, and no log is what it was, this is another filespace, and
 * coverage begins anew. */
void whose_is_it(struct follow *f);
/* A node's folder is gone: and with it all that was known? */
bool whose_none_is_left(const struct follow *f, uint32_t gone_s);

/* ---- meta.c ---- */
/* Asks the mount about rows, at most FOLLOW_STATS_MAX. *ret_stats: to be freed when the rows are told; NULL: none. */
int meta_look(struct follow *f, struct digest_row *rows, size_t count,
              struct port_stat **ret_stats) AL_MUST_CHECK;

#endif
