#include "agent/run/cmd.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "port/ask.h"
#include "port/process.h"

const char cmd_usage[] =
    "usage: alto-agent enrol --server URL (--token-file FILE | --token T) --state DIR [--ca-file "
    "FILE] [--name NAME]\n"
    "       alto-agent run --state DIR [--gate-socket PATH] [--driver PATH] [--workers N] "
    "[--recallers N] [--walkers N]\n"
    "                      [--spool-limit SIZE] [--once] [--verbose]\n"
    "       alto-agent accept --state DIR PATH    trust the filesystem that is at a volume's path "
    "now\n"
    "       alto-agent doctor [PATH] [--state DIR] [--gate-socket PATH] [--json]    can PATH hold "
    "stubs, and why not\n"
    "       alto-agent version | help\n"
    "\n"
    "On Windows besides:\n"
    "       alto-agent setup [--server URL (--token-file FILE | --token T)] [--state DIR] "
    "[--ca-file "
    "FILE] [--name NAME]\n"
    "                  [--account NAME]    enrols, makes the service and starts it\n"
    "       alto-agent service install|remove|start|stop|status [--state DIR] [--account NAME] "
    "[--json]\n"
    "                  remove: [--recall-first | --leave-stubs]\n"
    "       alto-agent driver status|key|set|install|remove [--state DIR] [--json] [--key-file "
    "FILE]\n"
    "                  set: [--dll PATH] [--policy fill|keep] [--timeout SECONDS] [--threads N] "
    "[--room SIZE] [--install yes|no]\n"
    "                       [--no-recall PROGRAM.exe,...]    reads of these are refused; - for "
    "none\n"
    "                  remove: [--leave-stubs]\n"
    "\n"
    "enrol asks the server to know this host; the token is used up by it. Without --token and "
    "--token-file it is read from standard\n"
    "input. run goes on until SIGTERM; --once ends when nothing is left to do.\n";

int
cmd_wrong(const char *text)
{
    (void)fprintf(stderr, "alto-agent: %s\n%s", text, cmd_usage);
    return 2;
}

int
cmd_failed(const struct al_fail *fail, int rc)
{
    (void)fprintf(stderr, "alto-agent: %s (%s%s", fail->text[0] != '\0' ? fail->text : "failed",
                  al_code_name(rc), fail->os != 0 ? ", system " : ")\n");
    if (fail->os != 0) {
        (void)fprintf(stderr, "%u)\n", (unsigned)fail->os);
    }
    return 1;
}

/* With a drive or a server in front it is a path of Windows. */
static void
slashes(struct al_buf *path)
{
    if (path->len > 1 && (path->at[0] == '\\' || path->at[1] == ':')) {
        for (size_t i = 0; i < path->len; i++) {
            path->at[i] = path->at[i] == '\\' ? '/' : path->at[i];
        }
    }
}

int
cmd_absolute(const char *path, char **ret)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    bool is = path[0] == '/' || path[0] == '\\' || (path[0] != '\0' && path[1] == ':');
    size_t len;
    int rc = AL_OK;

    al_buf_init(&text, CMD_PATH_MAX);
    if (!is) {
        rc = port_folder_now(&text);
        rc = rc != AL_OK ? rc : al_buf_adds(&text, "/");
    }
    rc = rc != AL_OK ? rc : al_buf_adds(&text, path);
    if (rc == AL_OK) {
        slashes(&text);
        *ret = (char *)al_buf_take(&text, &len);
    }
    return rc;
}

int
cmd_state_path(const char *path, char **ret)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {0};
    const char *data = port_env("ProgramData"); /* Windows alone has it */
    size_t len;
    int rc;

    if (path != NULL) {
        return cmd_absolute(path, ret);
    }
    al_buf_init(&text, CMD_PATH_MAX);
    rc = data != NULL ? al_buf_addf(&text, "%s/Alto/agent", data)
                      : al_buf_adds(&text, "/var/lib/alto/agent");
    slashes(&text);
    if (rc == AL_OK) {
        *ret = (char *)al_buf_take(&text, &len);
    }
    return rc;
}

int
cmd_state(const char *path, struct port_file **ret, char **ret_path, struct al_fail *fail)
{
    AL_CLEANUP(al_freep) char *whole = NULL;
    int rc = cmd_state_path(path, &whole);

    rc = rc != AL_OK ? rc : port_open(port_native(), NULL, whole, PORT_READ | PORT_FOLDER, 0, ret);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(port_native()),
                           "the state folder %.200s cannot be opened", whole != NULL ? whole : "");
    }
    if (ret_path != NULL) {
        *ret_path = whole;
        whole = NULL;
    }
    return AL_OK;
}

int
cmd_secret(const char *file, size_t max, struct al_buf *to, struct al_fail *fail)
{
    AL_CLEANUP(al_freep) char *path = NULL;
    AL_CLEANUP(al_freep) char *line = NULL;
    int rc = AL_OK;

    if (file != NULL && strcmp(file, "-") != 0) {
        rc = cmd_absolute(file, &path);
        rc = rc != AL_OK ? rc : port_read_file(port_native(), NULL, path, max, to);
    } else {
        line = al_zalloc(max + 2);
        rc = line == NULL                               ? AL_ENOMEM
             : fgets(line, (int)max + 2, stdin) != NULL ? al_buf_adds(to, line)
                                                        : AL_ENODATA;
        if (line != NULL) {
            al_wipe(line, max + 2);
        }
    }
    while (to->len > 0 && (to->at[to->len - 1] == '\n' || to->at[to->len - 1] == '\r')) {
        to->at[--to->len] = '\0';
    }
    if (rc == AL_OK && to->len == 0) {
        rc = AL_ENODATA;
    }
    return rc == AL_OK ? AL_OK
                       : al_fail_set(fail, rc, port_os_error(port_native()),
                                     "there is nothing to read%s%.150s", file != NULL ? " in " : "",
                                     file != NULL ? file : "");
}
