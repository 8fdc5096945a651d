/* sim_priv.h: how the disk of port/sim is kept. Blocks and attribute lists are never changed in
 * place: a change makes a new one, so that the state programs see, the state on the platter and the
 * operations between them share them. */
#ifndef ALTO_PORT_SIM_PRIV_H
#define ALTO_PORT_SIM_PRIV_H

#include "base/arena.h"
#include "base/list.h"
#include "port/sim/sim.h"

#define SIM_BLOCK 4096u
#define SIM_GRAIN_NS 4000000
#define SIM_CALL_NS 1000
#define SIM_ARENA_MAX (1ull << 30)     /* bytes of one disk with all its history */
#define SIM_FILE_BLOCKS_MAX (1u << 18) /* 1 GiB: sizes beyond are AL_ENOSPC */

struct sim_xattr { /* an immutable list, newest first */
    const struct sim_xattr *next;
    const char *name;
    const uint8_t *value;
    size_t len;
};

struct sim_name {
    struct sim_name *next;
    const char *name;
    struct sim_inode *inode;
};

struct sim_meta { /* what a journal would write of an inode, but size and blocks */
    uint32_t mode, uid, gid;
    int64_t atime_ns, mtime_ns, ctime_ns, btime_ns;
};

struct sim_state {
    struct sim_meta meta;
    uint64_t size;
    const struct sim_xattr *xattrs;
    const uint8_t **blocks; /* NULL entries are holes */
    uint32_t block_cap;
    struct sim_name *names; /* of a folder */
};

struct sim_inode {
    struct al_list node; /* in sim.inodes */
    uint64_t ino;
    uint32_t generation;
    enum port_type type;
    const char *link; /* of a symlink */
    struct sim_state now, disk;
    bool gone;             /* no name and nobody has it open: its handle is stale */
    struct al_list files;  /* open struct port_file */
    uint32_t pending, cut; /* while power is being lost */
    struct port_file *locked;
};

enum sim_op_kind { SIM_O_BLOCK, SIM_O_TRUNC, SIM_O_PUNCH, SIM_O_META, SIM_O_XATTR, SIM_O_NAME };

struct sim_op { /* one change that is not on the platter yet */
    struct al_list node;
    enum sim_op_kind kind;
    struct sim_inode *on;  /* SIM_O_NAME: the folder whose sync keeps it */
    uint64_t size;         /* BLOCK: least size; TRUNC: the size */
    uint32_t first, count; /* BLOCK: index; PUNCH: blocks */
    const uint8_t *block;
    struct sim_meta meta;
    const struct sim_xattr *xattrs;
    /* NAME: from_dir/from (NULL: none) loses its name, on/to (NULL: none) becomes inode */
    struct sim_inode *from_dir;
    const char *from, *to;
    struct sim_inode *inode;
};

struct sim_door {     /* a process's view of the disk */
    struct port port; /* first */
    struct sim *sim;
    bool other;
};

struct sim {
    struct sim_door main, other;
    struct al_arena *arena;
    enum sim_order order;
    uint64_t random_state;
    struct al_list inodes, ops, dirs;
    struct sim_inode *root;
    uint64_t ino_next;
    uint32_t generation_next;
    int64_t clock_ns;
    uint64_t blocks_left;
    bool read_only, plain_renames;
    /* crashing */
    uint64_t calls, crash_at;
    enum sim_crash crash_how;
    bool crash_after, crash_now, down, in_hook;
    int down_code;
    const struct sim *leader;
    uint32_t epoch;
    void (*hook)(void *ctx, uint64_t call);
    void *hook_ctx;
    unsigned open_files;
    uint64_t fs_id;
};

struct port_file {
    struct al_list node; /* in inode->files */
    struct sim_inode *inode;
    struct sim_door *door;
    uint32_t flags;
    uint32_t epoch;
    bool lease, wanted;
};

struct port_dir {
    struct al_list node; /* in sim.dirs */
    struct sim_door *door;
    struct sim_inode *inode;
    uint32_t epoch;
    uint64_t at; /* entries given out */
};

/* Begins a numbered call; AL_OK or the code to answer. Every call that began ends with
 * sim_leave. */
int sim_enter(struct sim_door *d);
int sim_leave(struct sim_door *d, int rc);
/* Whether this file may still be used. */
int sim_alive(struct sim_door *d, const struct port_file *f);

/* ---- state.c: changes, each of which is remembered as an operation. AL_ENOMEM before anything
 * changed. ---- */
int sim_state_room(struct sim *s, struct sim_state *st, uint32_t blocks) AL_MUST_CHECK;
int sim_change_block(struct sim *s, struct sim_inode *i, uint32_t index, const uint8_t *block,
                     uint64_t size) AL_MUST_CHECK;
int sim_change_size(struct sim *s, struct sim_inode *i, uint64_t size) AL_MUST_CHECK;
int sim_change_punch(struct sim *s, struct sim_inode *i, uint32_t first,
                     uint32_t count) AL_MUST_CHECK;
int sim_change_meta(struct sim *s, struct sim_inode *i, const struct sim_meta *m) AL_MUST_CHECK;
int sim_change_xattrs(struct sim *s, struct sim_inode *i,
                      const struct sim_xattr *list) AL_MUST_CHECK;
int sim_change_name(struct sim *s, struct sim_inode *from_dir, const char *from,
                    struct sim_inode *to_dir, const char *to,
                    struct sim_inode *inode) AL_MUST_CHECK;
int sim_sync(struct sim *s, struct sim_inode *i, bool data_only) AL_MUST_CHECK;
int sim_lose_power(struct sim *s) AL_MUST_CHECK;
int sim_inode_new(struct sim *s, enum port_type type, uint32_t mode,
                  struct sim_inode **ret) AL_MUST_CHECK;
struct sim_inode *sim_lookup(const struct sim_state *folder, const char *name, size_t len);
bool sim_is_named(const struct sim *s, const struct sim_inode *i);
const uint8_t *sim_block_at(const struct sim_state *st, uint32_t index);
int64_t sim_now(const struct sim *s); /* with the grain of file times */

/* ---- files.c, attrs.c: the operations of struct port_ops ---- */
struct sim_door *sim_door_of(struct port *p);
void sim_touch(struct sim *s, struct sim_meta *m); /* mtime and ctime become now */
int sim_write_block(struct sim *s, struct sim_inode *i, uint64_t offset, const uint8_t *from,
                    size_t len, uint64_t size) AL_MUST_CHECK;
int sim_op_truncate(struct sim *s, struct sim_inode *i, uint64_t size) AL_MUST_CHECK;
int sim_resolve(struct sim_door *d, struct port_file *dir, const char *name,
                struct sim_inode **ret_folder, const char **ret_last,
                struct sim_inode **ret) AL_MUST_CHECK;
bool sim_lease_in_the_way(struct sim_inode *i, const struct port_file *but);

extern const struct port_ops sim_ops;

/* attrs.c; the table is in files.c */
int sim_readlink(struct port *p, struct port_file *dir, const char *name, struct al_buf *to);
int sim_dir_open(struct port *p, struct port_file *folder, struct port_dir **ret);
int sim_dir_next(struct port *p, struct port_dir *l, struct port_dirent *ret, bool *ret_end);
void sim_dir_close(struct port *p, struct port_dir *l);
int sim_xattr_get(struct port *p, struct port_file *f, const char *name, void *to, size_t cap,
                  size_t *ret_len);
int sim_xattr_get_at(struct port *p, struct port_file *dir, const char *name, const char *attr,
                     void *to, size_t cap, size_t *ret_len);
int sim_xattr_set(struct port *p, struct port_file *f, const char *name, const void *value,
                  size_t len);
int sim_xattr_del(struct port *p, struct port_file *f, const char *name);
int sim_xattr_list(struct port *p, struct port_file *f, struct al_buf *to);
int sim_set_times(struct port *p, struct port_file *f, int64_t atime_ns, int64_t mtime_ns);
int sim_set_owner(struct port *p, struct port_file *f, uint32_t uid, uint32_t gid);
int sim_set_mode(struct port *p, struct port_file *f, uint32_t mode);
int sim_lock(struct port *p, struct port_file *f);
int sim_lease_take(struct port *p, struct port_file *f);
int sim_lease_state(struct port *p, struct port_file *f, enum port_lease *ret);
int sim_lease_drop(struct port *p, struct port_file *f);
int sim_handle_get(struct port *p, struct port_file *f, struct port_handle *ret);
int sim_generation(struct port *p, struct port_file *f, uint32_t *ret);
int sim_fs(struct port *p, struct port_file *f, struct port_fs *ret);
int64_t sim_now_ns(struct port *p);
void sim_sleep_ns(struct port *p, int64_t ns);
int sim_random_bytes(struct port *p, void *to, size_t len);
int sim_hostname(struct port *p, struct al_buf *to);
uint32_t sim_os_error(struct port *p);

#endif
