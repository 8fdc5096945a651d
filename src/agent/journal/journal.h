/* journal.h: what the agent is about to do to a file, written before it does it, so that the next
 * start can heal what a crash cut.
 *
 *   tier     journal_begin ─▶ [nothing was made before this was durable] ─▶ journal_note COPIED,
 *            MANIFESTED, MARKED, PUNCHED ─▶ journal_end
 *   recall   journal_begin_soon ─▶ (the share is asked) ─▶ journal_settle ─▶ (marker goes to
 *            "filling", data filled, marker gone) ─▶ journal_end
 *   archive and back, as tier; where it says that the next step is the last, journal_sync
 *
 * One append-only file, "journal", in the state directory; format in doc/format/journal.md. Only
 * begin and settle wait for the disk, and all who wait at the same time share one sync (group
 * commit: the first writes for all; no thread of its own). Notes and ends are written, not synced:
 * what they say can be seen from the file and the share as well, they only spare looking. So an
 * intent may be found open although its act was finished; healing is safe to repeat.
 *
 * When ended intents dominate, the file is written anew ("journal.new", synced, renamed over it,
 * folder synced). Opening does that always: nothing is ever appended behind a tail that was found
 * torn. After a write or sync that failed, the file's tail is unknown too: the next begin writes it
 * anew first. On a full disk opening goes on as if such a write had failed: the old file stays as
 * it is, tiering is refused, recalls go on (agent/recall).
 *
 * Threads: all functions from any thread; an item belongs to whoever began it. The port and the
 * state folder must outlive the journal. Errors: the file codes of port.h; AL_ECORRUPT the file is
 * no journal, or of a newer version; AL_ELIMIT JOURNAL_OPEN_MAX. */
#ifndef ALTO_AGENT_JOURNAL_JOURNAL_H
#define ALTO_AGENT_JOURNAL_JOURNAL_H

#include "base/text.h"
#include "port/port.h"

#define JOURNAL_FILE "journal"
#define JOURNAL_FILE_NEW "journal.new"
#define JOURNAL_PATH_MAX 65536u /* bytes of a path in an intent */
/* bytes of security.capability; the kernel's longest has 24 */
#define JOURNAL_CAPABILITY_MAX 64u
#define JOURNAL_CAPABILITY_XATTR "security.capability"
#define JOURNAL_PROCESS_MAX 64u   /* bytes of a command's name; the kernel's have 15 */
#define JOURNAL_RECORD_MAX 73000u /* bytes of one record's body */
/* intents not ended: workers, and what waits for a share that is away */
#define JOURNAL_OPEN_MAX 65536u
/* the file is written anew beyond this, when it is 4 × what is open */
#define JOURNAL_ROTATE_BYTES (4u << 20)
#define JOURNAL_FILE_MAX (256u << 20) /* bytes replay reads; 65,536 intents with long paths fit */
/* zeros written ahead, so that a sync finds the file's length and blocks as they were and writes the
 * records alone */
#define JOURNAL_ROOM_BYTES (64u << 10)

/* Archiving and bringing back act on names, not on an inode: their handle is what tells the volume's
 * filesystem (its kind as type, its id as bytes). JOURNAL_BACK: object_name is the name in the
 * volume's folder that it is fetched under. Exchanges (agent/mover/swap.h) too, with the file's id as
 * ino: UNSWAP's object_name is the name that it is fetched under, ADOPT's the name that the new stub
 * is made under. */
enum journal_kind {
    JOURNAL_TIER = 1,
    JOURNAL_RECALL = 2,
    JOURNAL_ARCHIVE = 3,
    JOURNAL_BACK = 4,
    JOURNAL_SWAP = 5,
    JOURNAL_UNSWAP = 6,
    JOURNAL_ADOPT = 7,
    JOURNAL_FILL = 8, /* the filter driver was told to bring a stub back; the file's id as ino */
    JOURNAL_KIND_LAST = JOURNAL_FILL
};

/* The states of mover and recall, in order; also what console and API show. Numbers are on disk:
 * add, never renumber. What they mean of an archive and a way back: doc/format/journal.md. */
#define JOURNAL_STATES(X)                                                                          \
    X(JOURNAL_BEGUN, 1, "begun")           /* tier: an object may lie under its temporary name */  \
    X(JOURNAL_COPIED, 2, "copied")         /* the object is complete on the share */               \
    X(JOURNAL_MANIFESTED, 3, "manifested") /* its manifest line is durable */                      \
    X(JOURNAL_MARKED, 4, "marked")         /* the file carries the marker, data still whole */     \
    X(JOURNAL_PUNCHED, 5, "punched")       /* blocks are free; recall: again */                    \
    X(JOURNAL_FILLED, 6, "filled")         /* recall: data durable, marker whole or gone */        \
    X(JOURNAL_ENDED, 7, "ended")           /* reported, or given up with everything put back */

enum journal_state {
#define JOURNAL_STATE_ENUM(name, number, text) name = number,
    JOURNAL_STATES(JOURNAL_STATE_ENUM)
#undef JOURNAL_STATE_ENUM
};
const char *journal_state_name(enum journal_state s); /* never NULL */

/* What an intent says. Spans and strings are borrowed for the call. */
struct journal_intent {
    enum journal_kind kind;
    enum journal_state state;
    const char *volume_id, *share_id; /* al_id, as all ids here */
    const char *job_id, *rule_id;     /* NULL: none */
    const char *object_id;
    const char *object_name; /* tier: its name on the share */
    /* relative to the volume's root; empty where unknown (recall by handle) */
    struct al_span path;
    struct port_handle handle;
    uint64_t ino;
    uint32_t generation;
    uint64_t size;
    int64_t atime_ns, mtime_ns;
    int64_t began_ns;
    /* The file's security.capability, empty where it has none: writing and punching take it away at
     * once (measured), and a crash before it is put back would lose it. */
    struct al_span capability;
    /* recall: who opened; 0 and NULL unknown. At most JOURNAL_PROCESS_MAX bytes are kept */
    uint32_t pid, uid;
    const char *process;
};

struct journal;
struct journal_item; /* an open intent */

/* Reads what a former run left, drops a torn tail, writes the open intents anew and is ready.
 * *ret_torn (may be NULL): bytes that were dropped; then a walk of the volumes for markers is due
 * as well, since intents may be missing. */
int journal_open(struct port *port, struct port_file *state_dir, struct journal **ret,
                 uint64_t *ret_torn, struct al_fail *fail) AL_MUST_CHECK;
/* no sync: closing is no different from a crash. NULL is fine; returns NULL */
struct journal *journal_close(struct journal *j);

/* Durable when it returns. `in->state` is JOURNAL_BEGUN. */
int journal_begin(struct journal *j, const struct journal_intent *in, struct journal_item **ret,
                  struct al_fail *fail) AL_MUST_CHECK;
/* Written, not synced: for a recall, which has the share to ask before it touches the file.
 * journal_settle then makes it durable, at no cost if somebody's sync already took it along. Where
 * it cannot be written (a full disk) the item is kept in memory alone, settle says so, and the next
 * time that the journal can be written takes it along. */
int journal_begin_soon(struct journal *j, const struct journal_intent *in,
                       struct journal_item **ret, struct al_fail *fail) AL_MUST_CHECK;
int journal_settle(struct journal *j, struct journal_item *item) AL_MUST_CHECK;
/* Written, not synced. A failure is remembered and heals with the next begin; it is no reason to
 * stop the act. */
void journal_note(struct journal *j, struct journal_item *item, enum journal_state state);
/* As note, and durable: AL_OK. For a state that must be known before what follows it is done. */
int journal_say(struct journal *j, struct journal_item *item,
                enum journal_state state) AL_MUST_CHECK;
/* As note, and the item is gone. */
void journal_end(struct journal *j, struct journal_item *item);
/* Makes every note and end so far durable. */
int journal_sync(struct journal *j) AL_MUST_CHECK;

/* Intents that journal_open found and nobody took yet, oldest first: *ret NULL when there are none.
 * A taken item is the caller's, who heals and ends it, or gives it back for later
 * (journal_put_back: to the end of the line). The intent's strings live as long as the item. */
struct journal_item *journal_take_found(struct journal *j);
void journal_put_back(struct journal *j, struct journal_item *item);
/* Whether an open intent, found or begun, says that this object is being filled into this file
 * (volume, inode and generation of `like`) and neither whole nor a stub again, and with which time
 * of its own (*ret_mtime_ns). */
bool journal_open_fill(struct journal *j, const struct journal_intent *like, int64_t *ret_mtime_ns);
const struct journal_intent *journal_intent_of(const struct journal_item *item);

struct journal_figures {
    uint64_t begun, ended, syncs, rotations, bytes;
    uint32_t open, found;
    bool unwritten; /* the last write failed: what is open may be in memory alone */
};
void journal_figures(struct journal *j, struct journal_figures *ret);

/* ---- the records, pure, for the journal and its fuzzer ---- */
struct journal_record {
    uint64_t seq;
    enum journal_state state;
    struct journal_intent intent; /* only of a record with state JOURNAL_BEGUN or `whole` */
    bool whole;                   /* carries the intent; else only a new state of seq */
};
/* what `strings` must hold */
#define JOURNAL_STRINGS_MAX                                                                        \
    (6u * 1024u + JOURNAL_PATH_MAX + JOURNAL_CAPABILITY_MAX + JOURNAL_PROCESS_MAX + 1u)
/* Appends one framed record: length, checksum (XXH64 with the file's seed), body. */
int journal_record_print(const struct journal_record *r, uint64_t seed,
                         struct al_buf *to) AL_MUST_CHECK;
/* Takes one off the front. Strings of the intent are copied to `strings` (JOURNAL_STRINGS_MAX
 * bytes). AL_ECORRUPT: cut, damaged or nonsense; *io is then unchanged. */
int journal_record_parse(struct al_span *io, uint64_t seed, char *strings,
                         struct journal_record *ret) AL_MUST_CHECK;

#endif
