/* ask.h: what the agent asks the system it runs on: which mounts there are, and another program for a few lines. */
#ifndef ALTO_PORT_ASK_H
#define ALTO_PORT_ASK_H

#include "port/port.h"

#define PORT_MOUNTS_MAX ((size_t)8 << 20) /* bytes of the table: some 40,000 mounts */
#define PORT_CHILD_ARGS_MAX 8u

/* Appends the table of mounts of this process as proc_pid_mountinfo(5) describes it. Touches no mount. AL_ENOTSUP: this
 * system has none (Windows); AL_ELIMIT above PORT_MOUNTS_MAX; AL_ENOMEM. */
int port_mounts(struct al_buf *to) AL_MUST_CHECK;

/* Where a program is that PATH has, absolute. Only folders that PATH names from the root count, and on Linux only a file that
 * belongs to root or to us and that not everybody may write. AL_ENOENT. */
int port_program_find(const char *name, struct al_buf *to) AL_MUST_CHECK;
/* Appends the absolute path of the program that runs, '/' between parts. */
int port_program_path(struct al_buf *to) AL_MUST_CHECK;
/* Appends the folder that relative paths begin at, absolute, '/' between parts. */
int port_folder_now(struct al_buf *to) AL_MUST_CHECK;

/* A child that did not even end when it was killed (it hangs in a call of the system). Zeroed: none. Its owner keeps
 * it: as long as it is there, no other is begun. */
struct port_child {
    int64_t left; /* its number; 0: none */
};
struct port_child_conf {
    const char *program; /* absolute */
    const char *const
        *args; /* at most PORT_CHILD_ARGS_MAX; letters, digits, '.', '_' and '-' alone */
    size_t arg_count;
    int64_t timeout_ns;
    bool (*stop)(void *ctx); /* asked some times a second: then it is killed; may be NULL */
    void *ctx;
};
/* Runs it, with nothing to read and standard error thrown away, and appends what it prints, until it ends or the time is over;
 * then it is killed, with all that it started. What is more than `to` may hold is thrown away: AL_ELIMIT, and `to` is
 * empty. *ret_status: what it ended with. AL_ETIMEDOUT; AL_EBUSY: the one before is still there; AL_EINVAL: an
 * argument; AL_ECANCELED: stopped, or it ended by a signal; what starting it said. One thread at a time for one port_child. */
int port_child_run(struct port_child *c, const struct port_child_conf *conf, struct al_buf *to,
                   int *ret_status) AL_MUST_CHECK;

/* For port/ alone: whether an argument may be given. */
bool port_child_arg_ok(const char *arg);

#endif
