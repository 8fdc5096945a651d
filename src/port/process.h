/* process.h: what a program's main needs of the system: signals as a wish to stop, a child
 * process. */
#ifndef ALTO_PORT_PROCESS_H
#define ALTO_PORT_PROCESS_H

#include "base/result.h"

/* From now on SIGINT, SIGTERM (Windows: Ctrl-C, Ctrl-Break, service stop) only set a flag and wake
 * port_stop_wait. Call once, first thing in main, before any thread. SIGPIPE is ignored. */
void port_stop_catch(void);
bool port_stop_wanted(void);
/* Waits until a stop is wanted (true) or timeout_ns passed (false). One thread. */
bool port_stop_wait(int64_t timeout_ns);

/* The environment variable, or NULL. */
const char *port_env(const char *name);
uint32_t port_pid(void);
#define PORT_PROCESS_NAME_MAX 512u /* bytes with NUL */
/* The file name of the program that a process runs ("backup.exe", UTF-8, without its folder; what does not
 * fit is cut). AL_ENOENT: no such process, or one of the system's own that runs no file; AL_EACCES. Any
 * thread. */
int port_process_name(uint32_t pid, char to[PORT_PROCESS_NAME_MAX]) AL_MUST_CHECK;
unsigned port_cpus(void); /* this process may use; at least 1 */
/* Once in main, before any thread: large blocks go back to the system when they are freed, and
 * threads share few heaps. For programs that live long beside somebody's work. */
void port_memory_lean(void);
/* What is free goes back to the system. Takes some ms. */
void port_memory_trim(void);
/* Whether standard output / error is a terminal, and how wide it is (80 where unknown). */
bool port_is_tty(int fd_number, unsigned *ret_columns);
/* Asks on the terminal without echo; the line without its end. AL_ENOTSUP: standard input is no
 * terminal; AL_ENODATA: nothing came; AL_ELIMIT: longer than fits. */
int port_ask_secret(const char *prompt, char *to, size_t cap) AL_MUST_CHECK;

#endif
