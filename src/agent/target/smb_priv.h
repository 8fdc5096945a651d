/* smb_priv.h: SMB through libsmb2, shared by the smb_*.c files only. The only header that includes
 * smb2/.
 *
 *   smb_link    one connection: made on demand, dropped whole when anything about it fails, made
 *               again by the next call
 *   smb_call    one request and its answer
 *   smb_send    sends one request, or several that belong together as one compound message
 *   smb_wait    services the connection until a call is answered, or its deadline is over
 *
 * When the connection is dropped every call still open is answered with SMB2_STATUS_SHUTDOWN;
 * handles of before are told by their epoch. libsmb2 keeps pointers to calls and buffers until
 * then, so both live at least as long as their call is busy. */
#ifndef ALTO_AGENT_TARGET_SMB_PRIV_H
#define ALTO_AGENT_TARGET_SMB_PRIV_H

/* libsmb2's headers want these before them. */
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <smb2/smb2.h>
#include <smb2/libsmb2.h>
#include <smb2/libsmb2-raw.h>

#include "agent/target/target_kind.h"

#define SMB_IO_BYTES (1u << 20) /* one READ or WRITE; 16 credits */
#define SMB_DEPTH 4u            /* READs or WRITEs in flight of one object */
#define SMB_CHAIN_MAX 8u        /* requests in one compound message */
#define SMB_POOL_MAX 6u         /* buffers of SMB_IO_BYTES a connection keeps for the next object */

struct smb_link;

struct smb_call {
    struct smb_link *link;
    enum smb2_command command;
    bool busy;                 /* sent and not answered */
    bool orphan;               /* allocated, nobody waits: freed by its answer */
    uint32_t status;           /* NT status of the answer */
    uint32_t count;            /* READ, WRITE: bytes */
    uint64_t size;             /* CREATE: length of the file */
    smb2_file_id id;           /* CREATE: the handle */
    struct al_buf *out;        /* QUERY_DIRECTORY: where the answer goes */
    int out_code;              /* and how that went */
    struct target_space space; /* QUERY_INFO */
    uint32_t access;           /* TREE_CONNECT: what this user may do */
};

struct smb_handle {
    smb2_file_id id;
    uint64_t epoch; /* of the link; 0: not open */
};

struct smb_link {
    struct target *t;
    struct smb2_context *smb2;  /* NULL: not connected */
    uint64_t epoch;             /* counts connections, from 1 */
    char *server, *share, *dir; /* "HOST[:PORT]", "SHARE", "a\\b" or "" */
    char *host, *domain, *user; /* for the resolver; for NTLM */
    uint32_t io_bytes;          /* of one READ or WRITE on this connection */
    int64_t progress_ns;        /* when the server last answered anything */
    unsigned busy;              /* calls sent and not answered */
    int drop_code;              /* why the last connection was dropped */
    bool connecting, connected;
    int connect_status;
    bool deep; /* the server flushes in the middle of a compound message */
    uint8_t *pool[SMB_POOL_MAX];
    unsigned pooled;
    char append_name[TARGET_NAME_MAX]; /* the file last appended to stays open */
    struct smb_handle append;
    uint64_t append_size; /* its length when it was opened */
    uint8_t append_last;  /* the byte written last */
};

/* smb_link.c */
int smb_ready(struct smb_link *l, struct al_fail *fail) AL_MUST_CHECK;
void smb_drop(struct smb_link *l, int code);
bool smb_alive(const struct smb_link *l, const struct smb_handle *h);
/* Queues the requests as one message and hands as much of it to the system as it takes. A NULL pdu
 * stands for one that could not be built: nothing is sent. Takes the pdus in any case. AL_ENOMEM,
 * AL_EUNREACH. */
int smb_send(struct smb_link *l, struct smb2_pdu **pdus, struct smb_call **calls,
             size_t count) AL_MUST_CHECK;
/* AL_OK: answered, see call->status. Otherwise the connection is gone: AL_EUNREACH,
 * AL_ETIMEDOUT. */
int smb_wait(struct smb_link *l, struct smb_call *call) AL_MUST_CHECK;
void smb_answered(struct smb2_context *smb2, int status, void *reply, void *ctx);
uint8_t *smb_buffer(struct smb_link *l) AL_MUST_CHECK; /* SMB_IO_BYTES; NULL on memory */
void smb_buffer_back(struct smb_link *l, uint8_t *buffer);

/* smb_status.c */
int smb_code(uint32_t status);
/* Waits for the call and tells what became of it: AL_OK, or the code, said to people. */
int smb_finish(struct smb_link *l, struct smb_call *call, struct al_fail *fail, const char *what,
               const char *name) AL_MUST_CHECK;
/* The same for a failure that has no call. */
int smb_say(struct smb_link *l, struct al_fail *fail, int code, uint32_t status, const char *what,
            const char *name);

/* smb_request.c: requests that the other files send. Each returns NULL on memory. */
struct smb_open {
    const char *name; /* relative to the share's root in the sense of target.h */
    uint32_t access, share, disposition, options;
};
struct smb2_pdu *smb_create(struct smb_link *l, const struct smb_open *o, struct smb_call *call);
struct smb2_pdu *smb_read(struct smb_link *l, const smb2_file_id id, uint64_t offset, void *to,
                          uint32_t len, struct smb_call *call);
struct smb2_pdu *smb_write(struct smb_link *l, const smb2_file_id id, uint64_t offset,
                           const void *from, uint32_t len, struct smb_call *call);
struct smb2_pdu *smb_flush(struct smb_link *l, const smb2_file_id id, struct smb_call *call);
struct smb2_pdu *smb_close(struct smb_link *l, const smb2_file_id id, struct smb_call *call);
struct smb2_pdu *smb_rename(struct smb_link *l, const smb2_file_id id, const char *to,
                            struct smb_call *call);
struct smb2_pdu *smb_delete(struct smb_link *l, const smb2_file_id id, struct smb_call *call);
/* One request alone, and waiting for it. */
int smb_do(struct smb_link *l, struct smb2_pdu *pdu, struct smb_call *call, struct al_fail *fail,
           const char *what, const char *name) AL_MUST_CHECK;
/* Closes without waiting; *h is no handle any more. */
void smb_close_later(struct smb_link *l, struct smb_handle *h);
/* Makes the folders above the last part of name, those that lack, in one round trip. */
int smb_mkdirs(struct smb_link *l, const char *name, struct al_fail *fail) AL_MUST_CHECK;
/* AL_EROFS instead of AL_EACCES where the share itself lets this user only read. Costs the
 * connection. */
int smb_why_denied(struct smb_link *l, int code);

/* smb_name.c: names in UTF-16, little-endian. A lone surrogate is three bytes, as everywhere in
 * Alto. */
int smb_to_utf16(struct al_span text, uint16_t *to, size_t cap, size_t *ret_units) AL_MUST_CHECK;
int smb_from_utf16(const uint8_t *bytes, size_t len, struct al_buf *to) AL_MUST_CHECK;

/* smb_put.c, smb_get.c, smb_file.c */
int smb_put_begin(struct target_put *p, uint64_t size_expected, struct al_fail *fail);
int smb_put_write(struct target_put *p, const void *bytes, size_t len, struct al_fail *fail);
int smb_put_step(struct target_put *p, bool *ret_done, struct al_fail *fail);
void smb_put_end(struct target_put *p);
int smb_get_begin(struct target_get *g, const char *name, uint64_t *ret_size, struct al_fail *fail);
int smb_get_seek(struct target_get *g, uint64_t offset, struct al_fail *fail);
int smb_get_read(struct target_get *g, void *to, size_t cap, size_t *ret_len, struct al_fail *fail);
void smb_get_end(struct target_get *g);
int smb_get_small(struct target *t, const char *name, void *to, size_t cap, size_t *ret_len,
                  struct al_fail *fail);
int smb_space(struct target *t, struct target_space *ret, struct al_fail *fail);
int smb_append(struct target *t, const char *name, uint64_t offset, const void *bytes, size_t len,
               struct al_fail *fail);
int smb_size(struct target *t, const char *name, uint64_t *ret, struct al_fail *fail);
int smb_list(struct target *t, const char *folder, target_each_fn each, void *ctx,
             struct al_fail *fail);
int smb_remove(struct target *t, const char *name, struct al_fail *fail);

#endif
