/* target_kind.h: the seam inside agent/target: what a kind of share (folder, SMB) implements, and
 * the parts all kinds have in common. Nobody outside this folder includes it. The calls mirror
 * target.h, whose contract they keep; target.c has checked names and arguments before it calls
 * them. */
#ifndef ALTO_AGENT_TARGET_TARGET_KIND_H
#define ALTO_AGENT_TARGET_TARGET_KIND_H

#include "agent/target/target.h"
#include "port/remote.h"

#define TARGET_URL_MAX 2048u            /* bytes of an URL: longer ones are refused */
#define TARGET_IDENTITY_MAX (64u << 10) /* bytes of the identity file; ours has about 150 */
#define TARGET_INCOMING "incoming"

typedef int (*target_each_fn)(void *ctx, const char *name, bool is_folder, uint64_t size,
                              int64_t mtime_ns);

struct target_kind {
    int (*open)(struct target *t, bool make_root, struct al_fail *fail); /* fills t->impl */
    void (*close)(struct target *t);
    void (*rest)(struct target *t); /* may be NULL */
    int (*refresh)(struct target *t,
                   struct al_fail *fail); /* may be NULL: look at the address anew */
    /* may be NULL: whether the address still leads to what is open; AL_EUNREACH when it does not,
     * and the next call opens it anew */
    int (*same)(struct target *t, struct al_fail *fail);
    int (*space)(struct target *t, struct target_space *ret, struct al_fail *fail);
    int (*put_begin)(struct target_put *p, uint64_t size_expected, struct al_fail *fail);
    int (*put_write)(struct target_put *p, const void *bytes, size_t len, struct al_fail *fail);
    int (*put_step)(struct target_put *p, bool *ret_done, struct al_fail *fail);
    void (*put_end)(
        struct target_put *p); /* frees p->impl; removes the temporary file unless done */
    int (*get_begin)(struct target_get *g, const char *name, uint64_t *ret_size,
                     struct al_fail *fail);
    int (*get_read)(struct target_get *g, void *to, size_t cap, size_t *ret_len,
                    struct al_fail *fail);
    /* may be NULL: get_read goes by g->at */
    int (*get_seek)(struct target_get *g, uint64_t offset, struct al_fail *fail);
    void (*get_end)(struct target_get *g);
    int (*get_small)(struct target *t, const char *name, void *to, size_t cap, size_t *ret_len,
                     struct al_fail *fail);
    int (*append)(struct target *t, const char *name, uint64_t offset, const void *bytes,
                  size_t len, struct al_fail *fail);
    int (*size)(struct target *t, const char *name, uint64_t *ret, struct al_fail *fail);
    int (*list)(struct target *t, const char *folder, target_each_fn each, void *ctx,
                struct al_fail *fail);
    int (*remove)(struct target *t, const char *name, struct al_fail *fail);
};

extern const struct target_kind target_folder_kind;
/* The kind of smb:// addresses: libsmb2, or on Windows the system's own client (unc.c). */
const struct target_kind *target_smb_kind(void);
/* The kind of \\HOST\SHARE addresses: a plain folder where these mean nothing. */
const struct target_kind *target_unc_kind(void);

struct target {
    const struct target_kind *kind;
    struct port *port;
    char *url, *user, *password, *customer_id;
    char *root; /* what follows the scheme: a path, or "HOST[:PORT]/SHARE[/DIR]" */
    uint32_t deadline_ms;
    uint32_t wire;   /* enum port_wire of port/remote.h */
    /* a folder on a server: read back through a handle without this machine's cache; handles end with the
     * connection */
    bool remote;
    void (*port_end)(struct target *t); /* where the kind put a port of its own; NULL */
    int64_t identity_ns; /* monotonic: when the identity file was last seen to be right */
    void *impl;
};

struct target_put {
    struct target *t;
    char name[TARGET_NAME_MAX];
    char temp[TARGET_NAME_MAX]; /* "incoming/<last part of name>.part" */
    struct al_xxh_state *hash_out, *hash_back;
    uint64_t size, size_back; /* bytes written, bytes read back */
    bool done;
    void *impl;
};

struct target_get {
    struct target *t;
    uint64_t size, at; /* length on the share; bytes handed out */
    void *impl;
};

/* target_open without looking whose share it is. make_root: the folder of the address is made. */
int target_connect(struct port *port, const struct target_conf *conf, bool make_root,
                   struct target **ret, struct al_fail *fail) AL_MUST_CHECK;

/* The temporary name of an object while it is being put. */
int target_temp_name(const char *name, char temp[TARGET_NAME_MAX]) AL_MUST_CHECK;
/* AL_EINVAL for what is not a relative name of plain parts: "", "/x", "a//b", ".", "..", '\\', ':'
 * and control characters. */
int target_name_check(const char *name, struct al_fail *fail) AL_MUST_CHECK;

/* Bytes read back, in order; then whether they are what was written (AL_ECORRUPT). */
void target_put_back(struct target_put *p, const void *bytes, size_t len);
int target_put_compare(struct target_put *p, struct al_fail *fail) AL_MUST_CHECK;

/* target_read_file without asking the identity file about what is missing. */
int target_read_plain(struct target *t, const char *name, size_t max, struct al_buf *to,
                      struct al_fail *fail) AL_MUST_CHECK;

/* The sentence for people: what was tried, what went wrong, what to do. Returns code. */
int target_say(struct target *t, struct al_fail *fail, int code, uint32_t os, const char *what,
               const char *name);
/* What to do about a code, or "" where there is nothing to say. Never NULL. */
const char *target_advice(int code);

#endif
