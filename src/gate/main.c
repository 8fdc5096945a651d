/* main.c: alto-gate: the daemon, and `alto-gate mark|unmark|status|ready` that speak to it. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "gate/control.h"
#include "gate/gate.h"
#include "port/process.h"

static const char usage[] =
    "usage: alto-gate [--socket PATH] [--conf FILE] [--wait-ms N] [--alone] [--verbose]\n"
    "       alto-gate [--socket PATH] mark PATH | unmark PATH | status [--json] | ready "
    "[SECONDS]\n";

static void
log_line(void *ctx, enum al_log_level level, const char *text)
{
    static const char *const names[] = {"<3>", "<4>", "<6>", "<7>"}; /* sd-daemon(3) */

    (void)fprintf(stderr, "%salto-gate: %s\n", names[level], text);
}

static int
gate_open(struct gate *g, struct al_fail *fail)
{
    AL_CLEANUP(al_freep) char *folder = al_strdup(g->conf.socket);
    char *slash = folder == NULL ? NULL : strrchr(folder, '/');
    int fd, rc;

    if (slash == NULL || slash == folder) {
        return al_fail_set(fail, AL_EINVAL, 0, "the socket needs an absolute path");
    }
    *slash = '\0';
    rc = port_mkdirs(g->port, folder, 0700);
    if (rc == AL_OK) {
        rc = port_open(g->port, NULL, folder, PORT_READ | PORT_FOLDER, 0, &g->folder);
    }
    if (rc == AL_OK) {
        rc = port_open(g->port, g->folder, "gate.lock", PORT_READ | PORT_WRITE | PORT_CREATE, 0600,
                       &g->lock_file);
    }
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(g->port), "cannot use the folder %s", folder);
    }
    rc = port_lock(g->port, g->lock_file);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, 0, "another alto-gate runs in %s", folder);
    }
    /* Event numbers must fit the table. */
    rc = port_fd_numbers_limit(PORT_FAN_NUMBERS_MAX);
    if (rc == AL_OK) {
        g->pending_max = port_fd_numbers() - GATE_NUMBERS_SPARE;
        rc = port_fd_open("/dev/null", &g->null_fd);
    }
    if (rc == AL_OK) {
        rc = port_wake_new(&g->wake);
    }
    if (rc == AL_OK) {
        rc = port_usock_listen(g->conf.socket, 0600, &g->listener);
    }
    for (fd = 0; rc == AL_OK && fd < GATE_NUMBERS_LOW; fd++) {
        if (!port_fd_is_open(fd)) {
            rc = port_fd_vacate(fd, g->null_fd);
        }
    }
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(g->port), "cannot listen on %s", g->conf.socket);
    }
    return AL_OK;
}

static struct gate *
gate_new(const struct gate_conf *conf)
{
    struct gate *g = al_zalloc(sizeof(*g));
    size_t i;

    if (g == NULL) {
        return NULL;
    }
    g->conf = *conf;
    g->port = port_native();
    g->self_pid = port_pid();
    g->listener = g->wake = g->null_fd = g->group = g->table_fd = g->right = -1;
    port_mutex_init(&g->lock);
    port_mutex_init(&g->turn.lock);
    port_cond_init(&g->turn.watch);
    al_list_init(&g->pending);
    al_list_init(&g->guards);
    for (i = 0; i < GATE_CLIENTS_MAX; i++) {
        g->clients[i] = (struct client){.fd = -1, .peer.pidfd = -1, .given = {-1, -1}};
    }
    g->by_fd = al_array(PORT_FAN_NUMBERS_MAX, sizeof(*g->by_fd));
    if (g->by_fd == NULL) {
        al_free(g);
        return NULL;
    }
    return g;
}

/* The process ends without taking anything down: whoever waits is the next gate's, and alto-hold
 * keeps the group. */
static int
gate_run(const struct gate_conf *conf, struct al_fail *fail)
{
    struct gate *g = gate_new(conf);
    size_t i;
    int rc;

    if (g == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    rc = gate_open(g, fail);
    if (rc == AL_OK) {
        rc = gate_group_begin(g, fail);
    }
    if (rc == AL_OK) {
        rc = gate_readers_start(g);
    }
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, 0, "cannot start");
    }
    for (i = 0; i < GATE_CLIENTS_MAX; i++) {
        if (g->clients[i].fd >= 0 && g->clients[i].role != 0) {
            gate_welcome(g, &g->clients[i]);
        }
    }
    gate_serve(g);
    return AL_OK;
}

int
main(int argc, char **argv)
{
    static const struct option options[] = {
        {"socket", required_argument, NULL, 's'},  {"conf", required_argument, NULL, 'c'},
        {"wait-ms", required_argument, NULL, 'w'}, {"alone", no_argument, NULL, 'a'},
        {"verbose", no_argument, NULL, 'v'},       {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0}};
    struct al_log log = {.level = AL_LOG_INFO, .write = log_line};
    struct gate_conf conf = {
        .socket = GATE_SOCKET, .conf = GATE_CONF, .wait_ms = GATE_WAIT_MS, .log = &log};
    struct al_fail fail = {0};
    bool json = false;
    uint64_t n;
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 's':
            conf.socket = optarg;
            break;
        case 'c':
            conf.conf = optarg;
            break;
        case 'w':
            if (al_parse_u64(optarg, &n) != AL_OK || n == 0 || n > GATE_WAIT_MS_MAX) {
                (void)fprintf(stderr, "alto-gate: --wait-ms takes 1 to %u\n", GATE_WAIT_MS_MAX);
                return 2;
            }
            conf.wait_ms = (uint32_t)n;
            break;
        case 'a':
            conf.alone = true;
            break;
        case 'v':
            log.level = AL_LOG_DEBUG;
            break;
        case 'j':
            json = true;
            break;
        default:
            (void)fputs(usage, c == 'h' ? stdout : stderr);
            return c == 'h' ? 0 : 2;
        }
    }
    if (optind < argc) {
        return gate_control(conf.socket, argv[optind], argv + optind + 1, argc - optind - 1, json);
    }
    port_stop_catch();
    if (gate_run(&conf, &fail) != AL_OK) {
        al_log(&log, AL_LOG_ERROR, "%s", fail.text);
        return 1;
    }
    return 0;
}
