/* tap.h: the smallest test protocol that works everywhere, Wine included: one line "ok 1 - name" or "not ok 1 - name" per test on
 * standard output, and a plan. Include it once, in the test program's only or main file.
 *
 *   static void test_something(void) { TAP_CHECK(1 + 1 == 2); TAP_EQUAL_U64(sum(2, 2), 4); }
 *   int main(void) { TAP_RUN(test_something); return tap_end(); }
 *
 * A failed check tells file, line and values as a diagnostic and leaves the test function at once. tap_skip("why") counts it as skipped. */
#ifndef ALTO_TEST_TAP_H
#define ALTO_TEST_TAP_H

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* What %zu and %lld mean depends on whose printf it is: mingw-w64 says which it takes. */
#if defined(__MINGW_PRINTF_FORMAT)
#define TAP_PRINTF __MINGW_PRINTF_FORMAT
#else
#define TAP_PRINTF printf
#endif

static struct {
    unsigned run, failed;
    const char *skip;
    jmp_buf out;
} tap;

__attribute__((unused, noreturn, format(TAP_PRINTF, 3, 4))) static void
tap_fail(const char *file, int line, const char *format, ...)
{
    va_list args;

    printf("# %s:%d: ", file, line);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
    longjmp(tap.out, 1);
}

__attribute__((unused, noreturn)) static void
tap_skip(const char *why)
{
    tap.skip = why;
    longjmp(tap.out, 2);
}

static inline void
tap_run(const char *name, void (*test)(void))
{
    int how;

    tap.run++;
    tap.skip = NULL;
    how = setjmp(tap.out);
    if (how == 0) {
        test();
        printf("ok %u - %s\n", tap.run, name);
    } else if (how == 2) {
        printf("ok %u - %s # SKIP %s\n", tap.run, name, tap.skip);
    } else {
        tap.failed++;
        printf("not ok %u - %s\n", tap.run, name);
    }
    fflush(stdout);
}

static inline int
tap_end(void)
{
    printf("1..%u\n", tap.run);
    return tap.failed == 0 ? 0 : 1;
}

#define TAP_RUN(test) tap_run(#test, test)
#define TAP_CHECK(condition)                                                                       \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            tap_fail(__FILE__, __LINE__, "does not hold: %s", #condition);                         \
        }                                                                                          \
    } while (0)
#define TAP_OK(call)                                                                               \
    do {                                                                                           \
        int tap_rc_ = (call);                                                                      \
        if (tap_rc_ != 0) {                                                                        \
            tap_fail(__FILE__, __LINE__, "%s gave %d", #call, tap_rc_);                            \
        }                                                                                          \
    } while (0)
#define TAP_CODE(call, expected)                                                                   \
    do {                                                                                           \
        int tap_rc_ = (call), tap_want_ = (expected);                                              \
        if (tap_rc_ != tap_want_) {                                                                \
            tap_fail(__FILE__, __LINE__, "%s gave %d, not %d", #call, tap_rc_, tap_want_);         \
        }                                                                                          \
    } while (0)
#define TAP_EQUAL_U64(a, b)                                                                        \
    do {                                                                                           \
        uint64_t tap_a_ = (uint64_t)(a), tap_b_ = (uint64_t)(b);                                   \
        if (tap_a_ != tap_b_) {                                                                    \
            tap_fail(__FILE__, __LINE__, "%s is %" PRIu64 ", not %" PRIu64, #a, tap_a_, tap_b_);   \
        }                                                                                          \
    } while (0)
#define TAP_EQUAL_STR(a, b)                                                                        \
    do {                                                                                           \
        const char *tap_a_ = (a), *tap_b_ = (b);                                                   \
        if (tap_a_ == NULL || tap_b_ == NULL || strcmp(tap_a_, tap_b_) != 0) {                     \
            tap_fail(__FILE__, __LINE__, "%s is \"%s\", not \"%s\"", #a, tap_a_ ? tap_a_ : "(null)", tap_b_ ? tap_b_ : "(null)"); \
        }                                                                                          \
    } while (0)

#endif
