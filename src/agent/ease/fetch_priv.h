/* fetch_priv.h: the inside of fetch.h, shared by fetch.c (who asks), fetch_work.c (who fetches) and
 * fetch_files.c (what lies in the folder). */
#ifndef ALTO_AGENT_EASE_FETCH_PRIV_H
#define ALTO_AGENT_EASE_FETCH_PRIV_H

#include "agent/ease/fetch.h"
#include "port/thread.h"

#define FETCH_BUCKETS 1024u
#define FETCH_SUFFIX ".obj"
/* "<id>-<16 hex digits>.obj" and its NUL */
#define FETCH_NAME_MAX (AL_ID_LEN + 1 + 16 + 4 + 1)

struct fetch_file { /* one in the folder; under the pool's lock */
    char name[FETCH_NAME_MAX];
    uint64_t bytes;                  /* counted in bytes_held */
    int64_t used_ns;                 /* port_now_ns: when it was made, asked for or given out */
    bool given;                      /* its path: stays for keep_ns from then on */
    bool in_use;                     /* an object's own: goes with that */
    struct fetch_file *next, **back; /* what points here */
};

enum held_state { HELD_QUEUED, HELD_RUNNING, HELD_READY, HELD_FAILED };

struct ease_held {
    struct ease_fetch *pool;
    al_id id;
    char ext[MARKER_EXT_LEN + 1];
    uint64_t size;
    struct al_xxh128 content;
    unsigned piece_shift;
    uint8_t *pieces; /* al_alloc'ed */
    size_t pieces_len;
    char *share_id;
    const struct target_conf *target;
    /* under the pool's lock from here on */
    enum held_state state;
    unsigned users;
    bool listed;   /* in the table: found by who asks */
    uint8_t *have; /* of each piece: 1 when it is proven; al_alloc'ed, NULL without pieces */
    uint32_t piece_count, have_count;
    int64_t urgent; /* a piece that somebody waits for; -1: none in particular */
    int code;       /* HELD_FAILED */
    struct al_fail fail;
    struct fetch_file *file; /* from HELD_RUNNING on */
    struct port_stat proven; /* HELD_READY: the file as it was then */
    port_cond changed;
    struct ease_held *next;       /* of the bucket */
    struct ease_held *queue_next; /* HELD_QUEUED */
};

struct ease_fetch {
    struct ease_fetch_conf conf;
    char *folder_path;
    struct port *port;
    struct port_file *folder;
    port_mutex lock;
    port_cond work;
    struct ease_held *buckets[FETCH_BUCKETS];
    struct ease_held *queue_first, *queue_last;
    struct fetch_file *files;
    int64_t swept_ns;
    bool closing;
    uint64_t turn; /* how often who waits was interrupted */
    unsigned thread_count;
    struct port_thread threads[EASE_FETCH_WORKERS_MAX];
    struct ease_fetch_figures figures;
};

/* ---- fetch.c ---- */
struct ease_held **fetch_bucket(struct ease_fetch *f, const char *id);
/* Locked: takes it out of the table; who holds it may go on. */
void fetch_unlist(struct ease_held *h);
/* Locked: frees one that nobody holds and nobody finds. */
void fetch_free_unused(struct ease_held *h);

/* ---- fetch_work.c ---- */
void *fetch_worker(void *pool);

/* ---- fetch_files.c: all with the lock held, unless said ---- */
/* Lists what an earlier run left. Without the lock, before the threads. */
int fetch_files_scan(struct ease_fetch *f, struct al_fail *fail) AL_MUST_CHECK;
/* Room and a record for a new file; the lock is let go while others are removed. *ret is not there
 * on disk yet. AL_ENOSPC, AL_ELIMIT, AL_ENOMEM. */
int fetch_file_new(struct ease_fetch *f, const char *id, uint64_t bytes, struct fetch_file **ret,
                   struct al_fail *fail) AL_MUST_CHECK;
/* The record and, unless its path was given out, the file. The lock is let go meanwhile. */
void fetch_file_drop(struct ease_fetch *f, struct fetch_file *file);
/* From now on its path is somebody's, and it stays for keep_ns. */
void fetch_file_give(struct ease_fetch *f, struct fetch_file *file);
/* Whether that may be, as far as room goes. */
bool fetch_file_may_give(const struct ease_fetch *f, const struct fetch_file *file, uint64_t bytes);
/* Removes what is old; everything but what must stay when `want` bytes are needed. */
void fetch_files_sweep(struct ease_fetch *f, int64_t now_ns, uint64_t want);
void fetch_files_end(struct ease_fetch *f); /* frees the records alone */

#endif
