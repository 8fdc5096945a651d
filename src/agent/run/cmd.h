/* cmd.h: alto-agent's commands, and what they share. Each returns the exit code: 0 done, 1 failed, 2
 * wrong usage. One thread. */
#ifndef ALTO_AGENT_RUN_CMD_H
#define ALTO_AGENT_RUN_CMD_H

#include "port/port.h"

#define CMD_PATH_MAX (64u << 10)
#define CMD_SERVICE_WAIT_MS 60000u /* for a service to start or stop */

int cmd_enrol(int argc, char **argv);
int cmd_run(int argc, char **argv);   /* run.c */
int cmd_setup(int argc, char **argv); /* cmd_enrol.c, as enrol */
int cmd_accept(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_driver(int argc, char **argv);  /* cmd_driver.c */
int cmd_service(int argc, char **argv); /* cmd_service.c */

extern const char cmd_usage[];
int cmd_wrong(const char *text);                    /* says so and the usage; 2 */
int cmd_failed(const struct al_fail *fail, int rc); /* 1 */
/* al_alloc'ed; a path as the system's calls need it: absolute. */
int cmd_absolute(const char *path, char **ret) AL_MUST_CHECK;
/* The same of a state folder; NULL: where packages put it on this system. */
int cmd_state_path(const char *path, char **ret) AL_MUST_CHECK;
/* Opens one that must be there. *ret_path (may be NULL): absolute, al_alloc'ed. */
int cmd_state(const char *path, struct port_file **ret, char **ret_path,
              struct al_fail *fail) AL_MUST_CHECK;
/* Reads a secret from a file, "-" or NULL: a line of standard input; line ends behind it are taken off.
 * AL_ENODATA: there is none. The caller wipes. */
int cmd_secret(const char *file, size_t max, struct al_buf *to, struct al_fail *fail) AL_MUST_CHECK;

/* cmd_service.c: makes or changes the service, and the state folder its own. account NULL: the one it has,
 * at first the virtual one. */
int service_install(const char *state, const char *account, struct al_fail *fail) AL_MUST_CHECK;

#endif
