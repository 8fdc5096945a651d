/* cmd_service.c: `alto-agent service`: the agent as a service of Windows. */
#include <stdio.h>
#include <string.h>

#include "agent/run/agent.h"
#include "agent/run/cmd.h"
#include "agent/run/options.h"
#include "agent/run/rights.h"
#include "agent/run/stubs_left.h"
#include "base/json.h"
#include "base/mem.h"
#include "port/seal.h"
#include "port/service.h"

#define OUT_MAX (64u << 10)

struct call {
    const char *state, *account;
    bool json, recall_first, leave_stubs;
};

static int
done(const char *text)
{
    (void)printf("%s\n", text);
    return 0;
}

/* ---- install ---- */

/* The account that the service got exists from the moment on that its service does. */
static int
let_in(struct port *port, struct port_file *folder, const char *state, struct al_fail *fail)
{
    AL_CLEANUP(al_freep) struct port_service_status *s = al_zalloc(sizeof(*s));
    int rc = s == NULL ? AL_ENOMEM : port_service_query(AGENT_SERVICE, s, fail);

    if (rc != AL_OK) {
        return al_fail_set(fail, rc, 0, "the service's account cannot be seen");
    }
    rc = port_private(port, folder, strcmp(s->account, "LocalSystem") != 0 ? s->account : NULL);
    if (rc == AL_ENOENT) { /* Wine has no virtual accounts: its services run as whoever runs it */
        (void)fprintf(stderr, "alto-agent: this system does not know the account %s\n", s->account);
        rc = port_private(port, folder, NULL);
    }
    return rc == AL_OK ? AL_OK
                       : al_fail_set(fail, rc, port_os_error(port),
                                     "the service is there, but %.150s could not be made private: "
                                     "shares' passwords will lie there",
                                     state);
}

int
service_install(const char *state, const char *account, struct al_fail *fail)
{
    const char *args[] = {"run", "--service", "--state", state};
    const struct port_service s = {
        .name = AGENT_SERVICE,
        .display = "Alto agent",
        .about = "Walks volumes, moves cold files to shares, leaves stubs and recalls them.",
        .args = args,
        .arg_count = AL_LEN(args),
        .account = account,
        .privileges = rights_needed,
        .privilege_count = RIGHTS_COUNT,
        .stop_ms = AGENT_STOP_SERVICE_MS};
    struct port *port = port_native();
    AL_CLEANUP(port_holder_end) struct port_holder folder = {port, NULL};
    int rc = port_mkdirs(port, state, 0700);

    rc = rc != AL_OK ? rc : port_open(port, NULL, state, PORT_READ | PORT_FOLDER, 0, &folder.file);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(port), "the state folder %.200s cannot be made",
                           state);
    }
    rc = port_service_install(&s, fail);
    return rc == AL_OK ? let_in(port, folder.file, state, fail) : rc;
}

static int
install(const struct call *c, struct al_fail *fail)
{
    AL_CLEANUP(al_freep) char *state = NULL;
    int rc = cmd_state_path(c->state, &state);

    rc = rc != AL_OK ? rc : service_install(state, c->account, fail);
    return rc == AL_OK
               ? done("installed; it starts with the machine, or now: alto-agent service start")
               : cmd_failed(fail, rc);
}

/* ---- remove ---- */

static int
remove_service(const struct call *c, struct al_fail *fail)
{
    int rc = stubs_left_settle(c->state, c->recall_first, c->leave_stubs, fail);

    if (rc != AL_OK) {
        return cmd_failed(fail, rc);
    }
    rc = port_service_remove(AGENT_SERVICE, CMD_SERVICE_WAIT_MS, fail);
    return rc == AL_OK
               ? done("removed; the state folder stays, with who this host is: remove it when "
                      "nothing of it is needed any more")
               : cmd_failed(fail, rc);
}

/* ---- status ---- */

static const char *
state_name(enum port_service_state s)
{
    static const char *const names[] = {"none", "stopped", "starting", "running", "stopping"};

    return (size_t)s < AL_LEN(names) ? names[s] : "unknown";
}

static int
print_json(const struct port_service_status *s, struct al_buf *out)
{
    AL_CLEANUP(al_json_freep) json_t *j = json_object();
    int rc = j == NULL ? AL_ENOMEM : al_json_set_str(j, "state", state_name(s->state));

    rc = rc != AL_OK ? rc : al_json_set_u64(j, "pid", s->pid);
    rc = rc != AL_OK ? rc : al_json_set_u64(j, "exit_code", s->exit_code);
    rc = rc != AL_OK ? rc : al_json_set_str(j, "account", s->account);
    rc = rc != AL_OK ? rc : al_json_set_str(j, "command", s->command);
    rc = rc != AL_OK ? rc : al_json_print(j, out);
    return rc != AL_OK ? rc : al_buf_adds(out, "\n");
}

static int
status(const struct call *c, struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf out = {0};
    AL_CLEANUP(al_freep) struct port_service_status *s = al_zalloc(sizeof(*s));
    int rc = s == NULL ? AL_ENOMEM : port_service_query(AGENT_SERVICE, s, fail);

    al_buf_init(&out, OUT_MAX);
    if (rc == AL_OK && c->json) {
        rc = print_json(s, &out);
    } else if (rc == AL_OK) {
        rc = al_buf_addf(&out, "state     %s\n", state_name(s->state));
        if (rc == AL_OK && s->state != PORT_SERVICE_NONE) {
            rc = al_buf_addf(&out, "process   %u\naccount   %s\ncommand   %s\n", s->pid, s->account,
                             s->command);
        }
    }
    if (rc != AL_OK) {
        return cmd_failed(fail, rc);
    }
    (void)printf("%s", (const char *)out.at);
    return s->state == PORT_SERVICE_RUNNING ? 0 : 1;
}

static int
call(const struct call *c, const char *verb)
{
    struct al_fail fail = {0};
    int rc;

    if (strcmp(verb, "install") == 0) {
        return install(c, &fail);
    }
    if (strcmp(verb, "remove") == 0) {
        return remove_service(c, &fail);
    }
    if (strcmp(verb, "status") == 0) {
        return status(c, &fail);
    }
    if (strcmp(verb, "start") == 0) {
        rc = port_service_start(AGENT_SERVICE, CMD_SERVICE_WAIT_MS, &fail);
    } else if (strcmp(verb, "stop") == 0) {
        rc = port_service_stop(AGENT_SERVICE, CMD_SERVICE_WAIT_MS, &fail);
    } else {
        return cmd_wrong("service install|remove|start|stop|status");
    }
    return rc == AL_OK ? done(strcmp(verb, "start") == 0 ? "it runs" : "stopped")
                       : cmd_failed(&fail, rc);
}

int
cmd_service(int argc, char **argv)
{
    struct call c = {0};
    const struct option options[] = {{"state", &c.state, NULL},
                                     {"account", &c.account, NULL},
                                     {"json", NULL, &c.json},
                                     {"recall-first", NULL, &c.recall_first},
                                     {"leave-stubs", NULL, &c.leave_stubs}};
    const char *rest[OPTIONS_WORDS_MAX];
    struct al_fail fail = {0};
    size_t count = 0;

    if (options_read(argc, argv, options, AL_LEN(options), rest, &count, &fail) != AL_OK) {
        return cmd_wrong(fail.text);
    }
    if (count != 1 || (c.recall_first && c.leave_stubs)) {
        return cmd_wrong("service needs one of install, remove, start, stop, status");
    }
    return call(&c, rest[0]);
}
