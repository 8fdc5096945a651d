/* stub.h: how a file is taken, emptied and filled again on this host: the seam between mover and
 * recall on one side and Linux open recall, Linux range recall and EaseFilter on the other.
 *
 *   tier:    stub_take ─▶ stub_read ... ─▶ (mover: object safe on the share) ─▶ stub_seal ─▶
 *            stub_let_go
 *   recall:  stub_fill_begin ─▶ stub_fill_write ... ─▶ stub_fill_end            or stub_fill_abort
 *
 * Owner of a take or fill is one thread. Everything here works on the file that was taken, by
 * descriptor, never by path again. */
#ifndef ALTO_AGENT_STUB_STUB_H
#define ALTO_AGENT_STUB_STUB_H

#include "agent/stub/marker.h"
#include "port/port.h"

/* Why a file is not tiered. Names (stub_refusal_name) are what console, job and audit show. Add at
 * the end. */
#define STUB_REFUSALS(X)                                                                           \
    X(STUB_R_NONE, "none")                                                                         \
    X(STUB_R_GONE, "gone")           /* not there any more */                                      \
    X(STUB_R_NOT_FILE, "not_a_file") /* symlink, FIFO, device, folder ... */                       \
    X(STUB_R_OPEN, "open_elsewhere") /* or mapped; the lease was refused or wanted */              \
    X(STUB_R_CHANGED, "changed")     /* not what the plan saw, or changed under us */              \
    X(STUB_R_NO_MATCH, "rule_no_longer_matches")                                                   \
    X(STUB_R_PINNED, "pinned")                                                                     \
    X(STUB_R_EXCLUDED, "excluded")                                                                 \
    X(STUB_R_NO_GAIN, "saves_no_blocks") /* empty, inline, or as small as its stub */              \
    X(STUB_R_HARD_LINKED, "hard_linked")                                                           \
    X(STUB_R_SPARSE, "sparse")                                                                     \
    X(STUB_R_IMMUTABLE, "immutable")                                                               \
    X(STUB_R_APPEND_ONLY, "append_only")                                                           \
    X(STUB_R_VERITY, "fs_verity")                                                                  \
    X(STUB_R_ENCRYPTED, "fscrypt")                                                                 \
    X(STUB_R_DAX, "dax")                                                                           \
    X(STUB_R_SWAP, "swap_file")                                                                    \
    X(STUB_R_ALREADY, "already_stub")                                                              \
    X(STUB_R_UNSUPPORTED, "unsupported_volume")                                                    \
    X(STUB_R_NO_GATE, "no_gate")           /* the gate is not there or the mount unmarked */       \
    X(STUB_R_OTHER_FS, "other_filesystem") /* below a mount point */                               \
    X(STUB_R_UNREADABLE, "unreadable")     /* the host refused us; code in the fail */             \
    X(STUB_R_ATTRS_TOO_LARGE, "attributes_too_large")                                              \
    X(STUB_R_TIME, "time_out_of_range") /* before 1677 or after 2262: a marker cannot keep it */   \
    X(STUB_R_WATCHED, "watched_by_others") /* somebody there would be given stubs unasked */       \
    X(STUB_R_SHARE, "part_of_a_share")     /* below an identity file of a share */                 \
    X(STUB_R_ARCHIVED, "already_archived") /* a placeholder stands in its place */                 \
    X(STUB_R_HOLDER, "is_placeholder")     /* a placeholder itself, or a file of Alto's own */     \
    X(STUB_R_HOLDER_THERE, "exists_placeholder") /* name.alto is taken */                          \
    X(STUB_R_NAME_TOO_LONG, "name_too_long")     /* with .alto behind it */                        \
    X(STUB_R_READ_ONLY, "read_only_folder")      /* its folder takes no change */                  \
    X(STUB_R_NO_ROOM, "no_room")        /* for a placeholder or a stub: disk or quota are full */  \
    X(STUB_R_COMPRESSED, "compressed")  /* by NTFS: it would come back larger than it was */       \
    X(STUB_R_OFFLINE, "offline")        /* another product has its content elsewhere */            \
    X(STUB_R_REPARSE, "reparse_point")  /* another product's, or a stub of another agent */        \
    X(STUB_R_RIGHTS, "rights_not_kept") /* owner, rights or streams cannot be given to a stub */

enum stub_refusal {
#define STUB_R_ENUM(name, text) name,
    STUB_REFUSALS(STUB_R_ENUM)
#undef STUB_R_ENUM
        STUB_R_COUNT
};
const char *stub_refusal_name(enum stub_refusal r);
/* Why no file like this is moved off dev, whichever way; but: enum port_attr that do not matter to
 * that way. STUB_R_NONE: nothing of it. Sizes are the caller's to judge. */
enum stub_refusal stub_refusal_by_stat(const struct port_stat *st, uint64_t dev, uint32_t but);
/* What an error at the file's own filesystem means; STUB_R_NONE: it is a failure. */
enum stub_refusal stub_refusal_by_code(int rc);

/* files in a volume's root that stub_volume_probe makes and removes: nobody's data */
#define STUB_PROBE_PREFIX ".alto-probe-"
/* files in any folder that archiving and bringing back make and remove (agent/mover/place.h): no
 * data of anybody's own either, so a walk passes them by */
#define STUB_NEW_PREFIX ".alto-new-"
#define STUB_BACK_PREFIX ".alto-back-"

struct stub_volume; /* one volume's root on this host, opened; struct body per implementation */

struct stub_volume_conf {
    const char *volume_id;
    const char *root; /* absolute path */
    const char *share_id;
    uint8_t marker_key[MARKER_KEY_LEN];
    const char *gate_socket; /* where alto-gate listens; NULL: none (simulation, tests) */
};

/* The gate's help while a file is being tiered. Closing the last gap: an opener that the gate let
 * pass before the marker was there could still be on its way to the lease. From guard on the gate
 * sets no ignore mark for the inode and counts who it let pass; hold answers how many that were and
 * from then on lets nobody new pass until release. Faked in simulation. */
struct stub_gate;
struct stub_gate_ops {
    /* Drops the ignore mark. AL_EUNREACH without a gate, AL_ENOTSUP when the gate has no mark on
     * this filesystem, AL_EBUSY when it is guarded already. */
    int (*guard)(struct stub_gate *g, uint64_t dev, uint64_t ino, struct port_file *f);
    int (*hold)(struct stub_gate *g, uint64_t dev, uint64_t ino, uint32_t *ret_passed);
    int (*release)(struct stub_gate *g, uint64_t dev, uint64_t ino);
    /* truncate(2), which opens nothing, is asked about on the filesystem of root, like an open
     * (kernel 6.14). NULL, or false when it is not known: no. */
    bool (*asks_truncates)(struct stub_gate *g, struct port_file *root);
    /* Tells the gate that opens below this folder (port_mount_apart) need not be asked about: each
     * costs switches of processes, and each answer wakes all who wait for one. Waits for nobody:
     * until the gate has heard, and where it cannot, they are asked about, and answered. io_told: 0
     * at first, then what the last call left, so that each gate is told once. May be NULL. */
    void (*apart)(struct stub_gate *g, struct port_file *apart, uint64_t *io_told);
};
struct stub_gate {
    const struct stub_gate_ops *ops;
};

struct stub_ops;
/* Linux, recall at open. gate may be NULL only with a volume that is never read while the test
 * runs. Both must outlive the volume. */
int stub_volume_open_linux(struct port *port, const struct stub_volume_conf *conf,
                           struct stub_gate *gate, struct stub_volume **ret,
                           struct al_fail *fail) AL_MUST_CHECK;
struct stub_volume *stub_volume_close(struct stub_volume *v);
struct port *stub_volume_port(const struct stub_volume *v);
struct port_file *stub_volume_root(const struct stub_volume *v); /* borrowed */
/* To open files of the volume by handle, so that the gate need not be asked; their paths
 * (port_path_of) are not those that others see. Borrowed. */
struct port_file *stub_volume_inside(struct stub_volume *v);

/* Whether this volume can hold safe stubs; *ret_why (static text) says why not. For `alto-agent
 * doctor` and enrolment of volumes. */
int stub_volume_probe(struct stub_volume *v, bool *ret_can, const char **ret_why) AL_MUST_CHECK;

/* ---- tier ---- */
struct stub_take;
struct stub_facts { /* of the file as taken; stays true while the take holds */
    struct port_stat st;
    uint32_t generation;
    struct port_handle handle;
};

/* Opens `path` (relative to the volume's root) without following links, refuses what must not be
 * tiered (*ret_refusal, result AL_OK and *ret NULL), guards the inode and takes the lease, before a
 * byte is read. */
int stub_take(struct stub_volume *v, struct al_span path, struct stub_take **ret,
              enum stub_refusal *ret_refusal, struct al_fail *fail) AL_MUST_CHECK;
const struct stub_facts *stub_take_facts(const struct stub_take *t);
struct port_file *stub_take_file(const struct stub_take *t); /* borrowed: for attributes */
/* True when somebody waits for the file: abort within 10 ms. Cheap; ask between any two pieces of
 * work. */
bool stub_take_wanted(struct stub_take *t);
int stub_take_read(struct stub_take *t, void *to, size_t len, uint64_t offset, size_t *ret_len,
                   struct al_fail *fail) AL_MUST_CHECK;

/* Step 4 of design section 5. Each piece apart, since the journal writes between them:
 *   hold      nobody passes the gate any more and nobody has passed since stub_take; else
 *             *ret_refusal STUB_R_OPEN
 *   mark      facts unchanged (else STUB_R_CHANGED); marker written in state "filling" (the truth
 *             is on the share from here on, whatever is left of the blocks), fsync
 *   punch     the lease taken a second time; blocks freed, times and capabilities restored, marker
 *             "stub", fsync
 * After mark, while punch was refused or not asked: stub_unmark puts everything back (the data is
 * still whole); AL_ECONFLICT once blocks may be gone. A crash between mark and the end of punch
 * leaves MARKER_V_FILLING: stub_finish makes a stub of it, a recall fills it. */
int stub_seal_hold(struct stub_take *t, enum stub_refusal *ret_refusal,
                   struct al_fail *fail) AL_MUST_CHECK;
/* ext and content go into the marker as they are (marker.h). */
int stub_seal_mark(struct stub_take *t, const char *object_id, const char *ext, uint32_t content,
                   enum stub_refusal *ret_refusal, struct al_fail *fail) AL_MUST_CHECK;
int stub_seal_punch(struct stub_take *t, enum stub_refusal *ret_refusal, uint64_t *ret_freed,
                    struct al_fail *fail) AL_MUST_CHECK;
int stub_unmark(struct stub_take *t, struct al_fail *fail) AL_MUST_CHECK;
/* drops lease, guard and descriptor. NULL is fine; returns NULL */
struct stub_take *stub_let_go(struct stub_take *t);

/* ---- recall ---- */
struct stub_fill;
/* What the file at an open descriptor (any mode, PORT_PATH too) or a path is. AL_ENODATA: no
 * marker. */
int stub_examine(struct stub_volume *v, struct port_file *f, struct marker *ret,
                 enum marker_verdict *ret_verdict, struct stub_facts *ret_facts,
                 struct al_fail *fail) AL_MUST_CHECK;
int stub_examine_path(struct stub_volume *v, struct al_span path, struct marker *ret,
                      enum marker_verdict *ret_verdict, struct stub_facts *ret_facts,
                      struct al_fail *fail) AL_MUST_CHECK;
/* The file opened for filling by handle; verdict must be STUB or FILLING (adopted ones after
 * stub_adopt). Marker to "filling"; durable, unless noted: the caller's durable intent will name
 * the file to reconcile, should a power cut keep bytes of the fill and not the marker's change
 * (stub_fill_was_cut). One fill of an inode at a time: AL_EBUSY. */
int stub_fill_begin(struct stub_volume *v, const struct port_handle *h, bool noted,
                    struct stub_fill **ret, struct marker *ret_marker,
                    struct al_fail *fail) AL_MUST_CHECK;
/* Likewise for a file that is open for reading and writing: taken over when it succeeds, *io_file
 * is NULL then. */
int stub_fill_begin_open(struct stub_volume *v, struct port_file **io_file, bool noted,
                         struct stub_fill **ret, struct marker *ret_marker,
                         struct al_fail *fail) AL_MUST_CHECK;
int stub_fill_write(struct stub_fill *f, const void *bytes, size_t len, uint64_t offset,
                    struct al_fail *fail) AL_MUST_CHECK;
/* fdatasync, times and capabilities as found, the marker "whole" and durable, and only then no
 * marker. Whoever is let in may write in place and fdatasync, which on ext4 does not take the
 * marker's removal along (tried on 6.18): "filling" would come back with a power cut, and the file
 * be filled over. "whole" may come back; it is dropped. */
int stub_fill_end(struct stub_fill *f, struct al_fail *fail) AL_MUST_CHECK;
/* Likewise, where nothing durable tells of the recall: the marker becomes "untold" and stays. */
int stub_fill_end_untold(struct stub_fill *f, struct al_fail *fail) AL_MUST_CHECK;
/* Ends it without finishing: blocks punched again and marker back to "stub". An error: it may have
 * stayed "filling", or, where it was noted, what the disk has is not known; the intent must stay
 * open. AL_OK also for NULL, after a successful stub_fill_end, and where somebody else has changed
 * the file meanwhile, which is left as it is then. */
int stub_fill_undo(struct stub_fill *f) AL_MUST_CHECK;
/* stub_fill_undo as well as it goes, and frees. NULL is fine; returns NULL. */
struct stub_fill *stub_fill_abort(struct stub_fill *f);
/* An open intent says that this object was being filled into this file: where a power cut kept some
 * of its bytes, and a marker that still says "stub" (MARKER_V_DATA, of full length), the marker goes
 * to "filling" with the file's own time, durably. AL_ECONFLICT for any other verdict or object,
 * AL_EBUSY while somebody fills it. */
int stub_fill_was_cut(struct stub_volume *v, const struct port_handle *h, const char *object_id,
                      int64_t mtime_ns, struct al_fail *fail) AL_MUST_CHECK;
/* For reconcile, when the journal says that object_id is safe on the share and its file was marked:
 * a marker "filling" of this object becomes a finished stub (blocks freed, times restored,
 * durable). AL_OK also when it is one; AL_ECONFLICT for any other verdict or object. */
int stub_finish(struct stub_volume *v, const struct port_handle *h, const char *object_id,
                struct al_fail *fail) AL_MUST_CHECK;
/* The decisions of the table that change the file. drop: expected is MARKER_V_COPIED,
 * MARKER_V_TRUNCATED, MARKER_V_WHOLE or MARKER_V_UNTOLD (told before), AL_ECONFLICT for others,
 * AL_ECHANGED when the verdict is another now. */
int stub_adopt(struct stub_volume *v, const struct port_handle *h,
               struct al_fail *fail) AL_MUST_CHECK;
int stub_drop_marker(struct stub_volume *v, const struct port_handle *h,
                     enum marker_verdict expected, struct al_fail *fail) AL_MUST_CHECK;

/* ---- what a person may ask for (agent/reconcile/repair.h); nothing is overwritten, nothing freed ----
 * restub: a frame of this object that was cut or made longer, and holds not one byte
 * (MARKER_V_CHANGED), gets the length and time of its marker, durably. AL_OK also when it is a stub of
 * it. The caller has seen the object on the share. AL_ECONFLICT for any other verdict or object, for
 * one made for another inode, or with data; AL_EBUSY while somebody fills it or has it open;
 * AL_ECHANGED. */
int stub_restub(struct stub_volume *v, const struct port_handle *h, const char *object_id,
                struct al_fail *fail) AL_MUST_CHECK;
/* A file whose marker is MARKER_V_DATA or MARKER_V_FORGED and that has no hole becomes a file without
 * marker: its bytes are its own. AL_ECONFLICT where a hole would read as zeros, or for any other
 * verdict; AL_EBUSY. */
int stub_keep_data(struct stub_volume *v, const struct port_handle *h,
                   struct al_fail *fail) AL_MUST_CHECK;

#endif
