/* journal_priv.h: the journal's own structures, for journal.c and replay.c. */
#ifndef ALTO_AGENT_JOURNAL_PRIV_H
#define ALTO_AGENT_JOURNAL_PRIV_H

#include "agent/journal/journal.h"
#include "base/list.h"
#include "port/thread.h"

#define JOURNAL_HEADER_BYTES 24u /* "ALTOJ1\n\0", u64 seed, u64 checksum of both */
#define JOURNAL_PENDING_MAX (64u << 20)

struct journal_waiter { /* a begin or sync that waits for the group's sync */
    struct al_list node;
    unsigned turn;
    bool done;
    int rc;
};

struct journal_item {
    struct al_list open;          /* in journal.open */
    struct al_list found;         /* in journal.found, or alone */
    struct journal_waiter waiter; /* of its begin */
    uint64_t seq;
    size_t bytes; /* of its whole record */
    struct journal_intent intent;
    char strings[]; /* of the intent */
};

struct journal {
    struct port *port;
    struct port_file *dir;
    port_mutex lock;
    /* Those of one group wait on one of the two, those who come while it is written on the other:
     * so each is woken once, and of the next group only the one who writes. */
    port_cond turns[2];
    unsigned turn; /* of who comes now */
    /* all below under the lock; `file` and `size` belong to the writer while `writing` */
    struct port_file *file;
    uint64_t seed, size;
    uint64_t room; /* bytes the file has; zeros behind size */
    bool writing;
    bool tail_unknown; /* a write failed: write anew before anything is promised again */
    struct al_buf pending;
    struct al_list waiters;
    struct al_list open, found;
    uint64_t seq_next, open_bytes;
    uint64_t durable_below; /* begins of smaller numbers have been synced */
    struct journal_figures figures;
};

int journal_item_new(const struct journal_intent *in, uint64_t seq,
                     struct journal_item **ret) AL_MUST_CHECK;
/* Whole records of all open items behind a fresh header. */
int journal_image(struct journal *j, uint64_t seed, struct al_buf *to) AL_MUST_CHECK;
/* Puts a complete image in the journal's place, durably. *ret_file is open for appending. */
int journal_replace(struct port *port, struct port_file *dir, const struct al_buf *image,
                    struct port_file **ret_file) AL_MUST_CHECK;
int journal_replay(struct journal *j, uint64_t *ret_torn, struct al_fail *fail) AL_MUST_CHECK;

#endif
