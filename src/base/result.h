/* result.h: how every function of Alto says that it failed.
 *
 * A fallible function returns int: AL_OK (0) or one negative code of the list below. Results come
 * through ret_ parameters, which a failed call leaves untouched. A lookup that finds nothing is a
 * result where the header says so, not an error. errno and Win32 codes are translated in src/port
 * and nowhere else.
 *
 * struct al_fail carries what a code cannot: the text for a person and the operating system's own
 * number, for the log. Functions that talk to people's input or to a share take `struct al_fail
 * *fail`, which may be NULL; it is written only on failure, and the first failure wins (al_fail_set
 * on a filled struct does nothing).
 *
 * Threads: everything here may be called from any thread; a struct al_fail belongs to one thread at
 * a time. */
#ifndef ALTO_BASE_RESULT_H
#define ALTO_BASE_RESULT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AL_MUST_CHECK __attribute__((warn_unused_result))
/* AL_PRINTF_KIND comes from the build: to gcc for Windows plain "printf" means Microsoft's, ours is
 * C99's everywhere. */
#define AL_PRINTF(f, a) __attribute__((format(AL_PRINTF_KIND, f, a)))
/* Runs fn(&variable) when the variable leaves its scope. */
#define AL_CLEANUP(fn) __attribute__((cleanup(fn)))
#define AL_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* The numbers go over the wire and into journals: add at the end, never renumber. Names are what
 * users see (al_code_name). */
#define AL_CODES(X)                                                                                \
    X(AL_OK, 0, "ok")                                                                              \
    X(AL_ENOMEM, -1, "out_of_memory")                                                              \
    X(AL_EINVAL, -2, "invalid") /* bad input from outside, said so in al_fail */                   \
    X(AL_ENOENT, -3, "not_found")                                                                  \
    X(AL_EEXIST, -4, "exists")                                                                     \
    X(AL_EACCES, -5, "access_denied")                                                              \
    X(AL_EIO, -6, "io_error")                                                                      \
    X(AL_ENOSPC, -7, "full")                                                                       \
    X(AL_EROFS, -8, "read_only")                                                                   \
    X(AL_EBUSY, -9, "busy") /* open elsewhere, lease refused */                                    \
    X(AL_ETIMEDOUT, -10, "timed_out")                                                              \
    X(AL_EUNREACH, -11, "unreachable") /* nobody there, or the connection broke */                 \
    X(AL_EAUTH, -12, "wrong_password") /* the share or the server refused who we are */            \
    X(AL_EFOREIGN, -13, "foreign")     /* the share or object belongs to somebody else */          \
    X(AL_ECORRUPT, -14, "corrupt")     /* a checksum or a structure does not hold */               \
    X(AL_ELIMIT, -15, "limit")         /* a named limit was reached */                             \
    X(AL_ENOTSUP, -16, "not_supported")                                                            \
    X(AL_ECHANGED, -17, "changed") /* not what it was when we looked before */                     \
    X(AL_ECANCELED, -18, "cancelled")                                                              \
    X(AL_ENODATA, -19, "no_data") /* e.g. the attribute is not there */                            \
    X(AL_ENOTDIR, -20, "not_a_folder")                                                             \
    X(AL_EISDIR, -21, "is_a_folder")                                                               \
    X(AL_ENOTEMPTY, -22, "not_empty")                                                              \
    X(AL_ELOOP, -23, "symlink") /* a symbolic link where none is allowed */                        \
    X(AL_ENAMETOOLONG, -24, "name_too_long")                                                       \
    X(AL_EXDEV, -25, "other_filesystem")                                                           \
    X(AL_EMFILE, -26, "too_many_open")                                                             \
    X(AL_ESTALE, -27, "stale")           /* the file behind a handle is gone */                    \
    X(AL_ECONFLICT, -28, "conflict")     /* If-Match, unique name, state does not allow it */      \
    X(AL_EPERM, -29, "forbidden")        /* the caller's role or scope does not allow it */        \
    X(AL_ECRASH, -30, "simulated_crash") /* port/sim only: the power is off */                     \
    X(AL_EINTERNAL, -31, "internal")

enum al_code {
#define AL_CODE_ENUM(name, number, text) name = number,
    AL_CODES(AL_CODE_ENUM)
#undef AL_CODE_ENUM
};

struct al_fail {
    int code;    /* 0 while nothing failed */
    uint32_t os; /* errno, Win32 or NTSTATUS number; 0 where there is none */
    /* one sentence, UTF-8, without full stop; says what to do next where that is known */
    char text[256];
};

/* The stable short name of a code ("not_found"); "internal" for a number that is none. Never
 * NULL. */
const char *al_code_name(int code);

/* The code of a name, AL_EINTERNAL for an unknown one. */
int al_code_from_name(const char *name);

/* Fills *fail (NULL: does nothing) unless it is filled, and returns code, so that `return
 * al_fail_set(...)` works. */
int al_fail_set(struct al_fail *fail, int code, uint32_t os, const char *format, ...)
    AL_PRINTF(4, 5);

/* Hands on what another call told in `from`: its sentence, or the code's name where it told none.
 * Returns code. */
int al_fail_pass(struct al_fail *fail, int code, const struct al_fail *from);

#endif
