/* target.h: a share, as mover, recall and rescue see it: a folder (file:///DIR), SMB through
 * libsmb2 (smb://HOST[:PORT]/SHARE[/DIR]), a UNC path on Windows. What lies on it is told in
 * doc/format/share.md.
 *
 *   target_conf ── target_open ──▶ struct target ── target_put_* / target_get_* / target_append ...
 *
 * One target is one connection and belongs to one thread; workers open one each. Every call ends
 * within the deadline of the configuration (AL_ETIMEDOUT), also with a hung server; after
 * AL_EUNREACH or AL_ETIMEDOUT the next call connects anew by itself. Objects under way when that
 * happens are lost and must be begun again. The program ignores SIGPIPE (port_stop_catch does).
 *
 * Names are relative to the share's root, '/' between parts, made by target_object_name or fixed by
 * the format; never from users.
 *
 * Codes every call may return, told apart so that people can act on them: AL_EUNREACH nobody
 * answers, AL_ETIMEDOUT, AL_EAUTH wrong user or password, AL_EACCES, AL_EFULL as AL_ENOSPC,
 * AL_EROFS read-only share, AL_EFOREIGN the identity file names another customer, AL_ENOENT,
 * AL_EEXIST, AL_EIO, AL_ENOMEM. AL_ENOENT is said only while the identity file is in its place: on
 * a share that lost it (another disk mounted there, the folder renamed) whatever is missing is
 * AL_EUNREACH. `fail` gets the sentence for people. */
#ifndef ALTO_AGENT_TARGET_TARGET_H
#define ALTO_AGENT_TARGET_TARGET_H

#include "base/hash.h"
#include "port/port.h"

struct target;

struct target_conf {
    const char *url;
    const char *user;     /* "name" or "DOMAIN\name"; NULL: guest */
    const char *password; /* NULL: none. Never logged */
    /* whose share this must be; NULL: whoever's (alto rescue), then no identity is made */
    const char *customer_id;
    uint32_t deadline_ms; /* of one request to the server; 0: TARGET_DEADLINE_MS */
    /* enum port_wire (port/remote.h) that must be: a server that signs or encrypts is told to, and a
     * connection that does not is not used. For smb:// alone; AL_EACCES or AL_EUNREACH without it */
    uint32_t wire;
};

#define TARGET_DEADLINE_MS 30000u
#define TARGET_NAME_MAX 512u              /* bytes of a name on the share, with NUL */
#define TARGET_IDENTITY "alto-share.json" /* at the root of each share */
/* bytes of an extension that is kept; longer or unsafe ones are dropped */
#define TARGET_EXT_MAX 16u
/* before writing, an identity file that was not looked at for so long is looked at again */
#define TARGET_IDENTITY_NS 1000000000
/* written and removed to learn whether a share can be written to */
#define TARGET_TRY_BYTES 65536u
#define TARGET_CHUNK_BYTES (1u << 20) /* what callers should hand over or ask for at a time */

/* Connects and checks the identity file. `create_identity`: when the root holds none *and is
 * empty*, write one for the customer; otherwise AL_ENOENT. conf is copied. port is used for file://
 * and the clock, and must outlive the target. */
int target_open(struct port *port, const struct target_conf *conf, bool create_identity,
                struct target **ret, struct al_fail *fail) AL_MUST_CHECK;
struct target *target_close(struct target *t); /* NULL is fine; returns NULL */
void target_closep(struct target **t);
/* Gives back memory that only makes the next object faster. Nothing may be under way. */
void target_rest(struct target *t);

struct target_space {
    uint64_t bytes_total, bytes_free;
};
/* Also looks at the identity file again: a share swapped meanwhile is AL_EFOREIGN. */
int target_check(struct target *t, struct target_space *ret, struct al_fail *fail) AL_MUST_CHECK;
/* Whether it can be written to now: puts TARGET_TRY_BYTES under "incoming/" and removes them.
 * AL_EROFS and AL_ENOSPC as they would come to a file. */
int target_try_write(struct target *t, struct al_fail *fail) AL_MUST_CHECK;
/* Asks the identity file now. A server can lay another disk or folder under a share while its
 * connections stay open; AL_OK tells that what was written lies on ours. Without a customer in the
 * configuration always AL_OK. */
int target_confirm(struct target *t, struct al_fail *fail) AL_MUST_CHECK;

/* "objects/a/b/<object id><.ext>": fan-out from the last two characters of the id; `path` only
 * lends its extension, made safe for Windows. */
int target_object_name(const char *object_id, struct al_span path,
                       char name[TARGET_NAME_MAX]) AL_MUST_CHECK;

/* ---- putting an object: complete, flushed, read back, equal, and only then under its name ----
 *   begin ─▶ write ... ─▶ finish            or abort at any time
 * finish: waits for the writes, flushes on the server (SMB2 FLUSH, fsync), reads everything back
 * and compares its XXH3-128 and length with what was written, renames to `name`, which must not
 * exist (AL_EEXIST), and makes the name durable where the system lets us. After finish or abort the
 * put is gone. A put that was never finished leaves at most a file under "incoming/", and as long
 * as that lies there the same name is AL_EEXIST: take a new object id for each attempt. */
struct target_put;
int target_put_begin(struct target *t, const char *name, uint64_t size_expected,
                     struct target_put **ret, struct al_fail *fail) AL_MUST_CHECK;
/* In order from offset 0. The bytes are copied or sent before it returns. */
int target_put_write(struct target_put *p, const void *bytes, size_t len,
                     struct al_fail *fail) AL_MUST_CHECK;
/* One bounded piece of the finish, so that the caller can look after its lease in between:
 * *ret_done tells when all is done. On failure the put is still there: abort it. */
int target_put_step(struct target_put *p, bool *ret_done, struct al_fail *fail) AL_MUST_CHECK;
/* After *ret_done: what was written and proven. */
void target_put_result(const struct target_put *p, uint64_t *ret_size, struct al_xxh128 *ret_hash);
/* finished: frees; not finished: removes what lies there, best effort. NULL is fine; returns
 * NULL */
struct target_put *target_put_end(struct target_put *p);

/* ---- getting an object ---- */
struct target_get;
/* *ret_size: the object's length on the share. */
int target_get_begin(struct target *t, const char *name, struct target_get **ret,
                     uint64_t *ret_size, struct al_fail *fail) AL_MUST_CHECK;
/* In order; reads ahead by itself. *ret_len 0 means the end; fewer bytes than the object's length
 * before it are AL_EIO. */
int target_get_read(struct target_get *g, void *to, size_t cap, size_t *ret_len,
                    struct al_fail *fail) AL_MUST_CHECK;
/* The next read begins at offset, at most the object's length. What was read ahead is given up. */
int target_get_seek(struct target_get *g, uint64_t offset, struct al_fail *fail) AL_MUST_CHECK;
struct target_get *target_get_end(struct target_get *g); /* NULL is fine; returns NULL */

/* A small object in as few round trips as the server allows (open, read and close in one compound
 * request): `to` must hold the object's whole length. AL_ELIMIT when it is longer than cap. */
int target_get_small(struct target *t, const char *name, void *to, size_t cap, size_t *ret_len,
                     struct al_fail *fail) AL_MUST_CHECK;

/* ---- manifests and other small files ---- */
/* Writes bytes at `offset` of a file (made with its folders if missing) and flushes it on the
 * server: durable when it returns. AL_ECHANGED: the file does not end at offset. In a folder it is
 * left as it is; over SMB, where that is asked together with the write, the bytes may lie behind a
 * gap: who writes them anew elsewhere has them twice at most. */
int target_append(struct target *t, const char *name, uint64_t offset, const void *bytes,
                  size_t len, struct al_fail *fail) AL_MUST_CHECK;
int target_size(struct target *t, const char *name, uint64_t *ret,
                struct al_fail *fail) AL_MUST_CHECK;
/* Whole small file; AL_ELIMIT above max. */
int target_read_file(struct target *t, const char *name, size_t max, struct al_buf *to,
                     struct al_fail *fail) AL_MUST_CHECK;
/* Calls each for every entry of a folder (name without the folder); stops at the first result that
 * is not AL_OK and returns it. */
int target_list(struct target *t, const char *folder,
                int (*each)(void *ctx, const char *name, bool is_folder, uint64_t size,
                            int64_t mtime_ns),
                void *ctx, struct al_fail *fail) AL_MUST_CHECK;
/* Only for the deletion ledger and for what is under "incoming/". */
int target_remove(struct target *t, const char *name, struct al_fail *fail) AL_MUST_CHECK;

/* ---- inside: the seam each kind implements (target_kind.h) ---- */

#endif
