/* ask.h on Linux: a child in a process group of its own, watched through a pidfd (pidfd_open(2), kernel 5.3). */
#include "port/ask.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "port/linux/linux_priv.h"
#include "port/usock.h"

#define KILL_WAIT_MS 500 /* then it hangs in the kernel, and is left */
#define ENV_MAX 4096u    /* bytes of PATH and HOME handed on */
#define CHUNK 16384u
#define LOOK_MS 200 /* between two questions whether to stop */

int
port_mounts(struct al_buf *to)
{
    return port_read_file(port_native(), NULL, "/proc/self/mountinfo", PORT_MOUNTS_MAX, to);
}

static bool
may_run(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
           (st.st_uid == 0 || st.st_uid == geteuid()) && (st.st_mode & S_IWOTH) == 0 &&
           access(path, X_OK) == 0;
}

int
port_program_path(struct al_buf *to)
{
    return port_readlink(port_native(), NULL, "/proc/self/exe", to);
}

int
port_folder_now(struct al_buf *to)
{
    char path[PATH_MAX];

    return getcwd(path, sizeof(path)) != NULL ? al_buf_adds(to, path) : linux_code(errno);
}

int
port_program_find(const char *name, struct al_buf *to)
{
    const char *at = getenv("PATH");
    size_t before = to->len;

    while (at != NULL && *at != '\0') {
        size_t len = strcspn(at, ":");

        if (*at == '/') {
            int rc = al_buf_addf(to, "%.*s/%s", (int)len, at, name);

            if (rc != AL_OK) {
                return rc;
            }
            if (may_run((const char *)to->at + before)) {
                return AL_OK;
            }
            to->len = before;
        }
        at += len + (at[len] == ':');
    }
    return AL_ENOENT;
}

/* ---- a child ---- */

static int64_t
mono_ms(void)
{
    return port_mono_ns(port_native()) / 1000000;
}

static int
actions_of(posix_spawn_file_actions_t *a, int to_fd)
{
    int rc = posix_spawn_file_actions_addopen(a, 0, "/dev/null", O_RDONLY, 0);

    rc = rc != 0 ? rc : posix_spawn_file_actions_adddup2(a, to_fd, 1);
    rc = rc != 0 ? rc : posix_spawn_file_actions_addopen(a, 2, "/dev/null", O_WRONLY, 0);
    return rc != 0 ? rc : posix_spawn_file_actions_addclosefrom_np(a, 3);
}

static int
attr_of(posix_spawnattr_t *a)
{
    sigset_t none, all;
    int rc = posix_spawnattr_setflags(a, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                             POSIX_SPAWN_SETSIGDEF);

    (void)sigemptyset(&none); /* cannot fail */
    (void)sigfillset(&all);
    rc = rc != 0 ? rc : posix_spawnattr_setpgroup(a, 0);
    rc = rc != 0 ? rc : posix_spawnattr_setsigmask(a, &none);
    return rc != 0 ? rc : posix_spawnattr_setsigdefault(a, &all);
}

/* Few and plain variables, so that what it prints does not depend on who started the agent. */
static int
spawn_in(const struct port_child_conf *conf, const posix_spawn_file_actions_t *actions,
         const posix_spawnattr_t *attr, pid_t *ret)
{
    AL_CLEANUP(al_buf_free) struct al_buf path = {0};
    AL_CLEANUP(al_buf_free) struct al_buf home = {0};
    char lang[] = "LC_ALL=C", *env[] = {lang, NULL, NULL, NULL};
    const char *argv[PORT_CHILD_ARGS_MAX + 2] = {conf->program};
    const char *has_home = getenv("HOME"), *has_path = getenv("PATH");
    int rc;

    for (size_t i = 0; i < conf->arg_count; i++) {
        argv[i + 1] = conf->args[i];
    }
    al_buf_init(&path, ENV_MAX);
    al_buf_init(&home, ENV_MAX);
    rc = al_buf_addf(&path, "PATH=%s", has_path != NULL ? has_path : "/usr/bin:/bin");
    rc = rc != AL_OK ? rc : al_buf_addf(&home, "HOME=%s", has_home != NULL ? has_home : "/");
    if (rc != AL_OK) {
        return rc;
    }
    env[1] = (char *)path.at;
    env[2] = (char *)home.at;
    rc = posix_spawn(ret, conf->program, actions, attr, (char *const *)(uintptr_t)argv, env);
    return rc == 0 ? AL_OK : linux_code(rc);
}

static int
spawn(const struct port_child_conf *conf, int to_fd, pid_t *ret)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    int rc;

    if (posix_spawn_file_actions_init(&actions) != 0) {
        return AL_ENOMEM;
    }
    if (posix_spawnattr_init(&attr) != 0) {
        (void)posix_spawn_file_actions_destroy(&actions); /* nothing to be done about it */
        return AL_ENOMEM;
    }
    rc = actions_of(&actions, to_fd) == 0 && attr_of(&attr) == 0 ? AL_OK : AL_ENOMEM;
    rc = rc != AL_OK ? rc : spawn_in(conf, &actions, &attr, ret);
    (void)posix_spawnattr_destroy(&attr); /* likewise */
    (void)posix_spawn_file_actions_destroy(&actions);
    return rc;
}

/* What is there now. *io_over: it was more than `to` holds. False: no more will come, or is wanted. */
static bool
drain(int fd, struct al_buf *to, bool *io_over)
{
    uint8_t chunk[CHUNK];

    while (!*io_over) {
        ssize_t n = read(fd, chunk, sizeof(chunk));

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 && errno == EAGAIN;
        }
        *io_over = al_buf_add(to, chunk, (size_t)n) != AL_OK;
    }
    return false;
}

/* Until the child has ended (true), the time is over, it says too much, or nobody wants to know any more. */
static bool
watch(const struct port_child_conf *conf, int out, int pidfd, struct al_buf *to, bool *io_over)
{
    int64_t until_ms = mono_ms() + conf->timeout_ns / 1000000;
    bool open = true;

    for (;;) {
        struct pollfd fds[2] = {{.fd = open ? out : -1, .events = POLLIN},
                                {.fd = pidfd, .events = POLLIN}};
        int64_t left = until_ms - mono_ms();

        if (left <= 0 || *io_over || (conf->stop != NULL && conf->stop(conf->ctx))) {
            return false;
        }
        if (poll(fds, 2, left > LOOK_MS ? LOOK_MS : (int)left) < 0 && errno != EINTR) {
            return false;
        }
        open = open && drain(out, to, io_over);
        if ((fds[1].revents & (POLLIN | POLLHUP)) != 0) {
            if (open) {
                (void)drain(out, to, io_over); /* what it said last */
            }
            return true;
        }
    }
}

static int
reap(struct port_child *c, pid_t pid, int pidfd, bool ended, int *ret_status)
{
    struct pollfd fd = {.fd = pidfd, .events = POLLIN};
    int status = 0;

    (void)kill(-pid, SIGKILL); /* whatever of its group is left; nobody: fine */
    if (!ended && poll(&fd, 1, KILL_WAIT_MS) <= 0) {
        c->left = pid;
        return AL_ETIMEDOUT;
    }
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) {
            return linux_code(errno);
        }
    }
    if (!ended) {
        return AL_ETIMEDOUT;
    }
    if (!WIFEXITED(status)) {
        return AL_ECANCELED;
    }
    *ret_status = WEXITSTATUS(status);
    return AL_OK;
}

static int
run(struct port_child *c, const struct port_child_conf *conf, int fds[2], struct al_buf *to,
    int *ret_status)
{
    int pidfd, rc, status = 0;
    bool over = false, ended;
    pid_t pid = 0;

    rc = spawn(conf, fds[1], &pid);
    port_fd_close(&fds[1]); /* so that its end is seen */
    if (rc != AL_OK) {
        return rc;
    }
    pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd < 0) {
        rc = linux_code(errno);
        (void)kill(-pid, SIGKILL); /* it is there: nobody waited for it */
        c->left = pid;
        return rc;
    }
    (void)fcntl(pidfd, F_SETFD, FD_CLOEXEC); /* it is, by the call's definition */
    ended = watch(conf, fds[0], pidfd, to, &over);
    rc = reap(c, pid, pidfd, ended, &status);
    port_fd_close(&pidfd);
    if (over && (rc == AL_OK || rc == AL_ETIMEDOUT)) {
        al_buf_free(to);
        return AL_ELIMIT;
    }
    if (rc == AL_OK) {
        *ret_status = status;
    }
    return rc == AL_ETIMEDOUT && conf->stop != NULL && conf->stop(conf->ctx) ? AL_ECANCELED : rc;
}

int
port_child_run(struct port_child *c, const struct port_child_conf *conf, struct al_buf *to,
               int *ret_status)
{
    int fds[2], rc;

    if (c->left != 0) {
        if (waitpid((pid_t)c->left, NULL, WNOHANG) == 0) {
            return AL_EBUSY;
        }
        c->left = 0;
    }
    if (conf->arg_count > PORT_CHILD_ARGS_MAX) {
        return AL_EINVAL;
    }
    for (size_t i = 0; i < conf->arg_count; i++) {
        if (!port_child_arg_ok(conf->args[i])) {
            return AL_EINVAL;
        }
    }
    if (pipe2(fds, O_CLOEXEC) != 0) {
        return linux_code(errno);
    }
    rc = fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0 ? AL_OK : linux_code(errno); /* ours alone */
    rc = rc != AL_OK ? rc : run(c, conf, fds, to, ret_status);
    port_fd_close(&fds[1]);
    port_fd_close(&fds[0]);
    return rc;
}
