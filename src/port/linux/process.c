#include "port/process.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/* Signals have no argument: this is the one place that must be global. */
static volatile sig_atomic_t stop_wanted;
static int stop_fd = -1;

static void
on_stop(int signal_number)
{
    uint64_t one = 1;
    int saved = errno;

    stop_wanted = 1;
    if (write(stop_fd, &one, sizeof(one)) < 0) {
        /* A full counter has woken whoever waits already. */
    }
    errno = saved;
}

void
port_stop_catch(void)
{
    struct sigaction act = {.sa_handler = on_stop};
    struct sigaction ignore = {.sa_handler = SIG_IGN};

    stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    (void)sigaction(SIGINT, &act, NULL); /* fail only for signals that do not exist */
    (void)sigaction(SIGTERM, &act, NULL);
    (void)sigaction(SIGPIPE, &ignore, NULL);
}

bool
port_stop_wanted(void)
{
    return stop_wanted != 0;
}

bool
port_stop_wait(int64_t timeout_ns)
{
    struct pollfd pfd = {.fd = stop_fd, .events = POLLIN};
    struct timespec t = {.tv_sec = (time_t)(timeout_ns / 1000000000),
                         .tv_nsec = timeout_ns % 1000000000};

    if (stop_wanted == 0) {
        (void)ppoll(&pfd, 1, &t, NULL); /* a signal ends the wait, which is what it is for */
    }
    return stop_wanted != 0;
}

const char *
port_env(const char *name)
{
    return getenv(name);
}

uint32_t
port_pid(void)
{
    return (uint32_t)getpid();
}

int
port_process_name(uint32_t pid, char to[PORT_PROCESS_NAME_MAX])
{
    char link[40], path[4096];
    const char *name;
    ssize_t len;

    (void)snprintf(link, sizeof(link), "/proc/%u/exe", pid);
    len = readlink(link, path, sizeof(path) - 1);
    if (len < 0) { /* a thread of the kernel has the link, and it leads nowhere */
        return errno == EACCES || errno == EPERM ? AL_EACCES : AL_ENOENT;
    }
    path[len] = '\0';
    name = strrchr(path, '/');
    (void)snprintf(to, PORT_PROCESS_NAME_MAX, "%.500s", name != NULL ? name + 1 : path);
    return AL_OK;
}

unsigned
port_cpus(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);

    return n < 1 ? 1 : (unsigned)n;
}

void
port_memory_lean(void)
{
    /* Fixed, since it else grows with the first large block that is freed. */
    (void)mallopt(M_MMAP_THRESHOLD, 256 << 10); /* fails only for values out of range */
    (void)mallopt(M_TRIM_THRESHOLD, 256 << 10);
    (void)mallopt(M_ARENA_MAX, 4);
}

void
port_memory_trim(void)
{
    (void)malloc_trim(0); /* nothing to give back is fine */
}

bool
port_is_tty(int fd_number, unsigned *ret_columns)
{
    struct winsize size;

    *ret_columns = 80;
    if (isatty(fd_number) == 0) {
        return false;
    }
    if (ioctl(fd_number, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        *ret_columns = size.ws_col;
    }
    return true;
}

int
port_ask_secret(const char *prompt, char *to, size_t cap)
{
    struct termios shown, hidden;
    size_t len = 0;
    char c = 0;

    if (tcgetattr(STDIN_FILENO, &shown) != 0) {
        return AL_ENOTSUP;
    }
    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    if (write(STDERR_FILENO, prompt, strlen(prompt)) < 0 ||
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden) != 0) {
        return AL_EIO;
    }
    while (read(STDIN_FILENO, &c, 1) == 1 && c != '\n') {
        if (len < cap) {
            to[len] = c;
        }
        len++;
    }
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown); /* the terminal was just willing */
    if (write(STDERR_FILENO, "\n", 1) < 0 || (len == 0 && c != '\n')) {
        return AL_ENODATA;
    }
    if (len >= cap) {
        return AL_ELIMIT;
    }
    to[len] = '\0';
    return AL_OK;
}
