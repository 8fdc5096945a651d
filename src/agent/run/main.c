/* main.c: alto-agent's command line. Exit codes: 0 done, 1 failed, 2 wrong usage. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/run/agent.h"
#include "agent/run/checkup.h"
#include "agent/run/cmd.h"
#include "agent/run/options.h"
#include "agent/stub/doctor.h"
#include "base/mem.h"

#define DOCTOR_TEXT_MAX (64u << 10)
#define DOCTOR_SOCKET "/run/alto/gate.sock"

/* ---- accept ---- */

static int
accept_path(const char *state_path, const char *path, struct al_fail *fail)
{
    struct port *port = port_native();
    AL_CLEANUP(al_freep) char *state = NULL;
    AL_CLEANUP(port_holder_end) struct port_holder dir = {port, NULL};
    struct fs_memory *m = NULL;
    int rc = cmd_absolute(state_path, &state);

    rc = rc != AL_OK ? rc : port_open(port, NULL, state, PORT_READ | PORT_FOLDER, 0, &dir.file);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(port), "%s cannot be opened", state_path);
    }
    rc = fs_memory_open(port, dir.file, &m, fail);
    if (rc == AL_OK) {
        rc = fs_memory_forget(m, path);
    }
    m = fs_memory_close(m);
    return rc == AL_OK
               ? AL_OK
               : al_fail_set(fail, rc, 0, "%s is no volume's path that was seen before", path);
}

int
cmd_accept(int argc, char **argv)
{
    const char *state = NULL;
    const struct option options[] = {{"state", &state, NULL}};
    const char *words[OPTIONS_WORDS_MAX];
    struct al_fail fail = {0};
    size_t count = 0;
    int rc;

    if (options_read(argc, argv, options, AL_LEN(options), words, &count, &fail) != AL_OK) {
        return cmd_wrong(fail.text);
    }
    if (count != 1 || state == NULL) {
        return cmd_wrong("accept needs --state DIR and a path");
    }
    rc = accept_path(state, words[0], &fail);
    return rc == AL_OK ? 0 : cmd_failed(&fail, rc);
}

/* ---- doctor ---- */

static int
doctor(const struct doctor_conf *conf, bool json, struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    struct doctor_report report;
    int rc;

    al_buf_init(&text, DOCTOR_TEXT_MAX);
    doctor_examine(conf, &report);
    agent_checkup(conf, "alto-agent/" ALTO_VERSION, &report);
    rc = json ? doctor_json(conf, &report, &text) : doctor_text(&report, &text);
    if (rc != AL_OK) {
        return cmd_failed(fail, rc);
    }
    (void)printf("%s%s", (const char *)text.at, json ? "\n" : "");
    return doctor_can(&report) ? 0 : 1;
}

int
cmd_doctor(int argc, char **argv)
{
    const char *state = NULL, *gate = NULL;
    bool json = false;
    const struct option options[] = {
        {"state", &state, NULL}, {"gate-socket", &gate, NULL}, {"json", NULL, &json}};
    struct doctor_conf conf = {.port = port_native()};
    AL_CLEANUP(al_freep) char *path = NULL;
    AL_CLEANUP(al_freep) char *folder = NULL;
    const char *words[OPTIONS_WORDS_MAX];
    struct al_fail fail = {0};
    size_t count = 0;

    if (options_read(argc, argv, options, AL_LEN(options), words, &count, &fail) != AL_OK) {
        return cmd_wrong(fail.text);
    }
    if (count > 1 || (count == 1 && cmd_absolute(words[0], &path) != AL_OK) ||
        cmd_state_path(state, &folder) != AL_OK) {
        return cmd_wrong("doctor needs at most one path");
    }
    conf.path = path;
    conf.state = folder;
    conf.gate_socket = gate != NULL ? gate : DOCTOR_SOCKET;
    return doctor(&conf, json, &fail);
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } commands[] = {{"enrol", cmd_enrol},     {"enroll", cmd_enrol},  {"run", cmd_run},
                    {"accept", cmd_accept},   {"doctor", cmd_doctor}, {"setup", cmd_setup},
                    {"service", cmd_service}, {"driver", cmd_driver}};

    if (argc < 2) {
        return cmd_wrong("what shall it do?");
    }
    for (size_t i = 0; i < AL_LEN(commands); i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            return commands[i].run(argc, argv);
        }
    }
    if (strcmp(argv[1], "version") == 0 || strcmp(argv[1], "--version") == 0) {
        (void)printf("alto-agent %s (%s)\n", ALTO_VERSION, ALTO_OS);
        return 0;
    }
    if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0) {
        (void)printf("%s", cmd_usage);
        return 0;
    }
    return cmd_wrong("unknown command");
}
