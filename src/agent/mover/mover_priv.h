/* mover_priv.h: a mover's inside, shared by mover.c (the way there), give_up.c (reports and the way
 * back), attrs.c (the manifest), archive.c and back.c. */
#ifndef ALTO_AGENT_MOVER_MOVER_PRIV_H
#define ALTO_AGENT_MOVER_MOVER_PRIV_H

#include "agent/mover/hasher.h"
#include "agent/mover/mover.h"
#include "agent/mover/place.h"
#include "port/thread.h"

enum mover_step { /* in order */
                  MOVER_S_TAKE,
                  MOVER_S_BEGIN,
                  MOVER_S_OPEN,
                  MOVER_S_COPY,
                  MOVER_S_FINISH,
                  MOVER_S_MANIFEST,
                  MOVER_S_HOLD,
                  MOVER_S_MARK,
                  MOVER_S_PUNCH,
                  MOVER_S_MAKE,  /* an exchange, after MANIFEST; then ASIDE and LAST */
                  MOVER_S_ASIDE, /* from here MOVER_ARCHIVE, after MANIFEST */
                  MOVER_S_AGAIN,
                  MOVER_S_PLACE,
                  MOVER_S_LAST,
                  MOVER_S_FIND, /* from here MOVER_BACK */
                  MOVER_S_FETCH,
                  MOVER_S_DRESS, /* an exchange */
                  MOVER_S_LAND,
                  MOVER_S_REPORT,
                  MOVER_S_ENDED
};

struct mover {
    const struct mover_env *env;
    struct target *target;
    struct mover_item item;
    struct port_names *names; /* or NULL */
    enum mover_step step;
    enum journal_state state; /* 0 before the journal knows of it */
    bool cancelled, may_repeat;
    int64_t began_ns;

    port_mutex watch; /* over the next four */
    struct stub_take *take;
    struct port_file *leased; /* lent: whose lease mover_watch gives back */
    bool lost;                /* mover_watch gave the lease back */
    bool sealing;             /* mover_watch must not any more */

    struct port_file *source; /* what is read: of take, or archive's own */
    struct archive *archive;  /* MOVER_ARCHIVE */
    struct back *back;        /* MOVER_BACK */
    struct swap *swap;        /* on a volume with a maker, for ARCHIVE's and BACK's */
    struct unswap *unswap;
    uint64_t new_ino; /* of the file that has the name after an exchange; 0: none */
    bool archived;    /* brought back as that, though the volume has a maker */
    bool keep_object; /* a stub of it is somewhere: it is nothing for the ledger */
    bool told;        /* the act itself is reported already */
    bool claimed;
    bool marking; /* the file may carry the marker */
    struct stub_facts facts;
    struct journal_item *intent;
    char object_name[TARGET_NAME_MAX];
    char ext[MARKER_EXT_LEN + 1];
    struct target_put *put;
    bool put_begun;
    bool maybe_there; /* the object may lie under its name */
    size_t chunk_bytes;
    uint64_t offset;
    struct hasher *hasher;
    struct al_xxh128 hash;
    uint8_t sha256[PORT_SHA256_LEN];
    struct attrs *attrs; /* from the manifest on */
    const char *reason;  /* of the act's outcome, unless it is refused; NULL: none */
    char note[256];      /* what people are told of an act that went well */
    char now_name[PLACE_NAME_MAX]; /* of a file that came back; "": as asked for */
    struct mover_result result;
};

void mover_let_go(struct mover *m);
/* Whether the rule still means the file, as facts.st has it. */
bool mover_rule_holds(const struct mover *m);
/* AL_OK with *refusal STUB_R_SHARE: the file is a share's. */
int mover_look_for_share(struct mover *m, struct port_file *root,
                         enum stub_refusal *refusal) AL_MUST_CHECK;
/* Of an error of the volume's own filesystem: never one that reads as the share's. */
int mover_local_code(int rc);
/* False: somebody archives or brings back this very file. */
bool mover_claim(struct mover *m);
bool mover_wanted(struct mover *m);
/* Durable before anything is done: what is known of the item, of facts.st and the object's id is filled
 * in; kind, object_name and what names the file are the caller's. */
int mover_begin_intent(struct mover *m, struct journal_intent *in) AL_MUST_CHECK;

/* An id of its own for an act's names. */
int mover_fresh_id(struct mover *m, al_id ret) AL_MUST_CHECK;
/* A lease, where the kernel gives one here, tells of other programs of this host; it needs nobody
 * else to have the file open. Where there is none it goes without. */
int mover_ask_lease(struct mover *m, enum stub_refusal *refusal) AL_MUST_CHECK;
/* What an error of the volume's own filesystem is: a refusal, or a failure with this sentence. */
int mover_local_refusal(struct mover *m, int rc, enum stub_refusal *refusal,
                        const char *what) AL_MUST_CHECK;
/* The same for what changes the folder. */
int mover_change_refusal(struct mover *m, int rc, enum stub_refusal *refusal,
                         const char *what) AL_MUST_CHECK;
/* An alarm: the file that was put back had to be given another name. */
int mover_tell_other_name(struct mover *m, const char *got) AL_MUST_CHECK;
/* An alarm: the file was put back, and its stub is elsewhere. */
int mover_tell_stub_moved(struct mover *m) AL_MUST_CHECK;
int mover_tell_act(struct mover *m) AL_MUST_CHECK;

/* ---- swap.c: the steps TAKE and BEGIN, and MAKE to LAST ---- */
int swap_take(struct mover *m, enum stub_refusal *refusal) AL_MUST_CHECK;
int swap_begin(struct mover *m, struct journal_intent *in) AL_MUST_CHECK;
/* The next bytes of the file that is being copied. */
int swap_passed(struct mover *m, const uint8_t *bytes, size_t len) AL_MUST_CHECK;
int swap_step(struct mover *m, enum stub_refusal *refusal) AL_MUST_CHECK;
/* As archive_put_back. */
int swap_put_back(struct mover *m) AL_MUST_CHECK;
/* After the ledger was told. */
int swap_end_undo(struct mover *m) AL_MUST_CHECK;
void swap_end(struct mover *m);

/* ---- unswap.c: the steps FIND to LAND ---- */
int unswap_step(struct mover *m) AL_MUST_CHECK;
/* As back_give_up. */
int unswap_give_up(struct mover *m) AL_MUST_CHECK;
void unswap_end(struct mover *m);

/* ---- archive.c: the steps TAKE, and ASIDE to LAST ---- */
int archive_take(struct mover *m, enum stub_refusal *refusal) AL_MUST_CHECK;
int archive_step(struct mover *m, enum stub_refusal *refusal) AL_MUST_CHECK;
/* An error: the original may lie aside, the intent must stay open. */
int archive_put_back(struct mover *m) AL_MUST_CHECK;
void archive_end(struct mover *m);

/* ---- back.c: the steps FIND to LAND ---- */
int back_step(struct mover *m) AL_MUST_CHECK;
/* An error: what it came to is not known, the intent must stay open. */
int back_give_up(struct mover *m) AL_MUST_CHECK;
void back_end(struct mover *m);

/* Before a copied marker is dropped. Not as the job's: of each file the job counts one outcome, and
 * this is not the last. */
int mover_tell_copied(struct mover *m, const struct stub_facts *facts) AL_MUST_CHECK;
/* Likewise before a marker is dropped that alone tells of a recall. */
int mover_tell_recalled(struct mover *m, const struct marker *marker,
                        const struct stub_facts *facts) AL_MUST_CHECK;
/* Puts everything back, tells the ledger and reports; the mover has ended then. */
void mover_give_up(struct mover *m);
void mover_report(struct mover *m);
/* *refusal: STUB_R_ATTRS_TOO_LARGE. */
int mover_write_manifest(struct mover *m, enum stub_refusal *refusal) AL_MUST_CHECK;
/* After that: what the line said. Lent. */
const struct manifest_record *mover_record(const struct mover *m);
struct attrs *mover_attrs_free(struct attrs *a); /* NULL is fine; returns NULL */
/* A path that target_object_name gives the extension of a marker. */
void mover_ext_path(const char *ext, char path[MARKER_EXT_LEN + 3]);

#endif
