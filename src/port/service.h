/* service.h: the program as a service of the system: Windows' service manager and event log. On Linux
 * systemd needs neither: every call but port_service_run is AL_ENOTSUP there, and that runs the body
 * at once.
 *
 *   port_service_install ─▶ (the manager starts the program) ─▶ port_service_run ─▶ body ...
 *   stop or shutdown wished ─▶ port_stop_wanted (process.h) */
#ifndef ALTO_PORT_SERVICE_H
#define ALTO_PORT_SERVICE_H

#include "base/log.h"
#include "base/result.h"

#define PORT_SERVICE_NAME_MAX 64u
#define PORT_SERVICE_ARGS_MAX 4096u /* bytes of the command line */

struct port_service {            /* lent */
    const char *name;            /* "alto-agent": letters, digits, '-' */
    const char *display, *about; /* for people, UTF-8 */
    const char *const *args;     /* after the program's own path; quoted by us */
    size_t arg_count;
    /* "NT SERVICE\\alto-agent", a virtual account without a password, or "LocalSystem"; NULL: the one it
     * has, and of a new service the virtual one of its name */
    const char *account;
    /* what it needs of rights beyond an account's, as "SeBackupPrivilege"; the rest is taken off */
    const char *const *privileges;
    size_t privilege_count;
    uint32_t stop_ms; /* it may take to stop; told to the manager */
};

/* Makes or changes it: starts with the machine (delayed), restarts itself after a failure in 5 s, 30 s
 * and then every 60 s, the count begins anew after a day; its source in the event log. AL_EACCES: needs
 * an administrator; fail says so. */
int port_service_install(const struct port_service *s, struct al_fail *fail) AL_MUST_CHECK;
/* Stops it within timeout_ms (AL_ETIMEDOUT) and takes it and its event source away. AL_ENOENT. */
int port_service_remove(const char *name, uint32_t timeout_ms, struct al_fail *fail) AL_MUST_CHECK;
int port_service_start(const char *name, uint32_t timeout_ms, struct al_fail *fail) AL_MUST_CHECK;
int port_service_stop(const char *name, uint32_t timeout_ms, struct al_fail *fail) AL_MUST_CHECK;

enum port_service_state {
    PORT_SERVICE_NONE, /* there is none */
    PORT_SERVICE_STOPPED,
    PORT_SERVICE_STARTING,
    PORT_SERVICE_RUNNING,
    PORT_SERVICE_STOPPING
};
struct port_service_status {
    enum port_service_state state;
    uint32_t pid, exit_code;
    char account[256], command[PORT_SERVICE_ARGS_MAX]; /* UTF-8 */
};
int port_service_query(const char *name, struct port_service_status *ret,
                       struct al_fail *fail) AL_MUST_CHECK;

/* Runs body as the service `name`, which the manager started this process for: tells the manager that
 * it runs, turns its stop into port_stop_wanted, tells the end with body's result as exit code. AL_ENOTSUP:
 * not started by a manager (a console); nothing ran. Call from main's thread, once. *ret_code: body's. */
int port_service_run(const char *name, int (*body)(void *ctx), void *ctx,
                     int *ret_code) AL_MUST_CHECK;

/* Switches on, for the whole process, what of these privileges its account holds; files are opened with
 * backup intent everywhere, so SeBackupPrivilege and SeRestorePrivilege then count instead of the file's
 * rights. Call early in main. *ret_missing: bit i for names[i], which the account does not hold (at most 32
 * names). AL_ENOTSUP on Linux, where rights are the user's. */
int port_rights_on(const char *const *names, size_t count, uint32_t *ret_missing) AL_MUST_CHECK;

enum port_right { PORT_RIGHT_LACKS, PORT_RIGHT_OFF, PORT_RIGHT_ON };
#define PORT_ACCOUNT_MAX 256u /* bytes with NUL; what does not fit is cut */
/* As whom a process runs ("DOMAIN\\name" in UTF-8, a SID where it has no name), and which of these
 * privileges its account holds, switched on or off. pid 0: this process. Nothing is changed by looking.
 * AL_ENOENT: no such process; AL_EACCES: it may not be looked at, which for a service takes an elevated
 * administrator. AL_ENOTSUP on Linux. */
int port_rights_of(uint32_t pid, const char *const *names, size_t count, enum port_right *ret,
                   char account[PORT_ACCOUNT_MAX]) AL_MUST_CHECK;

/* One entry in the system's log (Windows: event log, source `name`, event id 1 started, 2 stopped, 3
 * warning, 4 error). UTF-8 text, cut at 8,000 bytes. Best effort, any thread, never blocks for long; for
 * start, stop and what an administrator must see, never for each file. Nothing on Linux. */
enum port_event {
    PORT_EVENT_STARTED = 1,
    PORT_EVENT_STOPPED,
    PORT_EVENT_WARNING,
    PORT_EVENT_ERROR
};
void port_event_write(const char *name, enum port_event event, const char *text);

#endif
