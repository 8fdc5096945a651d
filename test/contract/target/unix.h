/* unix.h: commands for the machine below. On Linux a shell; under Wine wine.py, which waits for files with commands, runs them
 * there and writes back what came of them. */
#ifndef ALTO_TEST_CONTRACT_TARGET_UNIX_H
#define ALTO_TEST_CONTRACT_TARGET_UNIX_H

#include <stddef.h>

/* The exit status, and what was written to standard output, cut at cap - 1; -1: it could not be run. One thread. */
int unix_run(const char *command, char *out, size_t cap);

#endif
