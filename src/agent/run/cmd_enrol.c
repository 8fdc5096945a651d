/* cmd_enrol.c: `alto-agent enrol`, and `alto-agent setup`, which enrols, makes the service and starts it:
 * what the package of Windows calls. */
#include <stdio.h>
#include <string.h>

#include "agent/link/identity.h"
#include "agent/run/agent.h"
#include "agent/run/cmd.h"
#include "agent/run/options.h"
#include "base/mem.h"
#include "port/seal.h"
#include "port/service.h"

#define TOKEN_MAX 4096u

static int
enrol_with(struct enrol_conf *conf, const char *state_path, const char *ca_file, const char *token,
           const char *token_file, struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    AL_CLEANUP(al_freep) char *state = NULL;
    AL_CLEANUP(al_freep) char *ca = NULL;
    AL_CLEANUP(port_holder_end) struct port_holder dir = {conf->port, NULL};
    int rc = cmd_absolute(state_path, &state);

    al_buf_init(&text, TOKEN_MAX);
    if (rc == AL_OK && ca_file != NULL) {
        rc = cmd_absolute(ca_file, &ca);
    }
    if (rc == AL_OK && token == NULL) {
        rc = cmd_secret(token_file, TOKEN_MAX, &text, fail);
        token = (const char *)text.at;
    }
    rc = rc != AL_OK ? rc : port_mkdirs(conf->port, state, 0700);
    rc = rc != AL_OK ? rc
                     : port_open(conf->port, NULL, state, PORT_READ | PORT_FOLDER, 0, &dir.file);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(conf->port),
                           "the state directory %s cannot be made", state_path);
    }
    conf->state = dir.file;
    conf->ca_file = ca;
    conf->token = token;
    rc = identity_enrol(conf, fail);
    if (text.at != NULL) {
        al_wipe(text.at, text.len);
    }
    return rc;
}

struct wish { /* one command line */
    const char *server, *token, *token_file, *state, *ca_file, *name, *account;
};

/* A package hands on what it was given, and where that is nothing, nothing between quotes. */
static const char *
given(const char *text)
{
    return text != NULL && text[0] != '\0' ? text : NULL;
}

static int
enrol(const struct wish *w, const char *state, struct al_fail *fail)
{
    struct enrol_conf conf = {.port = port_native(),
                              .os = ALTO_OS,
                              .version = ALTO_VERSION,
                              .server = w->server,
                              .name = given(w->name)};

    return enrol_with(&conf, state, given(w->ca_file), given(w->token), given(w->token_file), fail);
}

int
cmd_enrol(int argc, char **argv)
{
    struct wish w = {0};
    const struct option options[] = {{"server", &w.server, NULL},         {"token", &w.token, NULL},
                                     {"token-file", &w.token_file, NULL}, {"state", &w.state, NULL},
                                     {"ca-file", &w.ca_file, NULL},       {"name", &w.name, NULL}};
    const char *words[OPTIONS_WORDS_MAX];
    struct al_fail fail = {0};
    size_t count = 0;
    int rc;

    if (options_read(argc, argv, options, AL_LEN(options), words, &count, &fail) != AL_OK) {
        return cmd_wrong(fail.text);
    }
    if (count > 0 || w.server == NULL || w.state == NULL ||
        (w.token != NULL && w.token_file != NULL)) {
        return cmd_wrong("enrol needs --server, --state and one token");
    }
    rc = enrol(&w, w.state, &fail);
    if (rc != AL_OK) {
        return cmd_failed(&fail, rc);
    }
    (void)printf("enrolled; start it with: alto-agent run --state %s\n", w.state);
    return 0;
}

/* ---- setup ---- */

static bool
is_enrolled(const char *state)
{
    AL_CLEANUP(port_holder_end) struct port_holder folder = {port_native(), NULL};
    struct port_stat st;

    return port_open(folder.port, NULL, state, PORT_READ | PORT_FOLDER, 0, &folder.file) == AL_OK &&
           port_stat_at(folder.port, folder.file, IDENTITY_FILE, &st) == AL_OK;
}

/* Before anything secret lies there; the service's own account is let in when it exists. */
static int
make_private(const char *state, struct al_fail *fail)
{
    struct port *port = port_native();
    AL_CLEANUP(port_holder_end) struct port_holder folder = {port, NULL};
    int rc = port_mkdirs(port, state, 0700);

    rc = rc != AL_OK ? rc : port_open(port, NULL, state, PORT_READ | PORT_FOLDER, 0, &folder.file);
    rc = rc != AL_OK ? rc : port_private(port, folder.file, NULL);
    return rc == AL_OK ? AL_OK
                       : al_fail_set(fail, rc, port_os_error(port),
                                     "the state folder %.200s cannot be made private", state);
}

static int
setup(const struct wish *w, struct al_fail *fail)
{
    AL_CLEANUP(al_freep) char *state = NULL;
    int rc = cmd_state_path(given(w->state), &state);
    bool known;

    if (rc != AL_OK) {
        return rc;
    }
    known = is_enrolled(state);
    if (!known && given(w->server) != NULL) {
        rc = make_private(state, fail);
        rc = rc != AL_OK ? rc : enrol(w, state, fail);
        known = rc == AL_OK;
    }
    rc = rc != AL_OK ? rc : service_install(state, given(w->account), fail);
    /* Without knowing whose it is it could only fail. */
    return rc != AL_OK || !known ? rc
                                 : port_service_start(AGENT_SERVICE, CMD_SERVICE_WAIT_MS, fail);
}

int
cmd_setup(int argc, char **argv)
{
    struct wish w = {0};
    const struct option options[] = {{"server", &w.server, NULL},         {"token", &w.token, NULL},
                                     {"token-file", &w.token_file, NULL}, {"state", &w.state, NULL},
                                     {"ca-file", &w.ca_file, NULL},       {"name", &w.name, NULL},
                                     {"account", &w.account, NULL}};
    const char *words[OPTIONS_WORDS_MAX];
    struct al_fail fail = {0};
    size_t count = 0;
    int rc;

    if (options_read(argc, argv, options, AL_LEN(options), words, &count, &fail) != AL_OK) {
        return cmd_wrong(fail.text);
    }
    if (count > 0 || (given(w.token) != NULL && given(w.token_file) != NULL) ||
        (given(w.server) != NULL && given(w.token) == NULL && given(w.token_file) == NULL)) {
        return cmd_wrong("setup needs one token where it has a server");
    }
    rc = setup(&w, &fail);
    if (rc != AL_OK) { /* a package's caller sees no standard error */
        port_event_write(AGENT_SERVICE, PORT_EVENT_ERROR, fail.text);
        return cmd_failed(&fail, rc);
    }
    (void)printf("set up\n");
    return 0;
}
