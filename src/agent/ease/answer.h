/* answer.h: what the driver is told when somebody reads a stub. One call per message, on the
 * driver's own threads, many at once; each waits for the share at most until the deadline and then
 * says no. Never a wrong or missing byte: what cannot be answered exactly is a failure.
 *
 *   read        policy "keep": the bytes asked for, once proven. "fill": the path of the whole file,
 *               which the driver puts in the stub's place; of a large one the bytes, until all of it
 *               is here; and bytes when no more paths may be given out (EASE_GIVEN_OF)
 *   mapping, first write      the path of the whole file
 *   notifications             nothing (there is no reply)
 *
 * A read that is odd (longer than a reply holds, of no length) is answered with the whole file, which
 * is right whatever the driver meant. One that starts at or behind the end gets "end of file". One
 * that reaches over the end gets the bytes up to the end: whether the driver wants them padded is not
 * known, and padding could be taken for content. */
#ifndef ALTO_AGENT_EASE_ANSWER_H
#define ALTO_AGENT_EASE_ANSWER_H

#include "agent/ease/fetch.h"
#include "agent/ease/message.h"

/* the answer is there this long before the driver gives up, so that it is not lost on the way */
#define EASE_ANSWER_EARLY_NS 5000000000
#define EASE_ANSWER_EARLY_PART 4 /* but at most a quarter of the driver's time */
/* up to here a read brings the whole file in policy "fill"; beyond, bytes until it is here */
#define EASE_FILL_AT_ONCE_BYTES (64u << 20)
#define EASE_PATH_BYTES_MAX 65536u
#define EASE_VOLUMES_MAX 65536u
/* the system itself, for others: SMB clients, read-ahead, write-back */
#define EASE_SYSTEM_PROCESS 4u
#define EASE_NO_RECALL_BYTES_MAX 512u /* of the list of programs that recall nothing, with NUL */
#define EASE_NO_RECALL_MAX 64u        /* programs in it */
/* lines about what was seen and is not understood; later ones are only counted */
#define EASE_ODD_LINES_MAX 200u

enum ease_policy { EASE_KEEP_STUB, EASE_FILL_STUB };

struct ease_volume { /* lent */
    const char *volume_id, *share_id;
    uint8_t marker_key[MARKER_KEY_LEN];
    struct target_conf target;
    const char *root; /* absolute, with '/'; NULL: names of its files are not told */
};

struct ease_told {                    /* lent to ease_answer_conf.told */
    const struct ease_volume *volume; /* NULL: the tag names none of ours */
    const struct ease_request *request;
    const char *object_id; /* "" where unknown */
    int code;              /* AL_OK: answered */
    uint32_t how;          /* enum ease_filter_status */
    uint64_t size;
    uint64_t file_id; /* of the stub; 0 where unknown */
    void *intent;     /* what filling gave; NULL: none */
    const char *text; /* for people, of a failure */
};

struct ease_answer_conf { /* copied; everything it points at is lent */
    struct port *port;
    struct al_log *log;
    struct ease_fetch *fetch;
    const struct ease_volume *volumes;
    size_t volume_count;
    enum ease_policy policy;
    uint32_t timeout_ms;  /* the driver's */
    uint32_t own_process; /* whose reads are never answered */
    /* Programs whose reads bring nothing back, by file name, with commas between ("backup.exe,scan.exe");
     * NULL: none. They are refused, as if the share were away: what a program reads that the driver
     * itself leaves alone is not known, and could be a stub's holes. Who asks from another machine, and
     * who has no name that can be seen, is answered. Copied. */
    const char *no_recall;
    bool held; /* from the start on until ease_answer_release: who asks waits */
    /* Before a reply that makes the stub a file again (policy "fill"), on the driver's thread: what
     * tells of it must be durable first. An error: it stays a stub, and the reader gets the bytes, or
     * a file of its own. NULL: nobody is told. */
    int (*filling)(void *ctx, const struct ease_told *told, void **ret_intent);
    /* After each request, on the driver's thread: must not block. NULL: nobody. */
    void (*told)(void *ctx, const struct ease_told *told);
    void *told_ctx;
};

/* Whether it is such a list: at most EASE_NO_RECALL_MAX names of 1 to 127 bytes that files can have. Upper
 * and lower case of A to Z are the same. */
bool ease_no_recall_good(const char *list);

struct ease_answer;
int ease_answer_new(const struct ease_answer_conf *conf, struct ease_answer **ret) AL_MUST_CHECK;
struct ease_answer *ease_answer_free(struct ease_answer *a); /* NULL is fine; returns NULL */
/* From the next request on these volumes. Lent, and those before too, until both this and the pool are
 * gone: requests under way and fetches point at them. AL_ENOMEM: the former ones hold. Any thread. */
int ease_answer_volumes(struct ease_answer *a, const struct ease_volume *volumes,
                        size_t count) AL_MUST_CHECK;
/* Exchanges that a crash cut were undone or finished: readers are answered from now on. Before, one
 * could bring a stub back and write to it whose original lies aside still. Any thread; again: no
 * matter. */
void ease_answer_release(struct ease_answer *a);
/* Fills the reply; NULL for notifications, and then nothing is written. turn: ease_fetch_turn, asked
 * before it was decided that there is to be an answer. Any thread, any number at once. */
void ease_answer(struct ease_answer *a, const struct ease_request *r, uint64_t turn, void *reply);
/* One line about what was seen and is not understood, as long as there were few. */
void ease_answer_odd(struct ease_answer *a, const struct ease_request *r, const char *what);

struct ease_answer_figures {
    uint64_t blocks, files, fills, ends, notices; /* answered, by kind */
    uint64_t failed, late;                        /* denied; of them because time was over */
    uint64_t excluded; /* refused for the program's name; not in failed */
    uint64_t odd;      /* not understood */
    unsigned running;
};
void ease_answer_figures(struct ease_answer *a, struct ease_answer_figures *ret);

#endif
