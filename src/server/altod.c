/* altod: the server. Opens everything in order, waits for a wish to stop, closes everything in the
 * other order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "port/process.h"
#include "port/thread.h"
#include "server/api/api.h"
#include "server/log.h"
#include "server/options.h"
#include "server/schedule/schedule.h"
#include "server/service/service.h"
#include "server/tls.h"

#define TICK_NS INT64_C(1000000000)
#define LOOPS 2u
#define STOP_NS (INT64_C(5) * 1000000000)
#define LISTEN_BACKLOG 1024
#define STDOUT 1

struct altod;

/* A thread that calls one of the service's regular duties about once a second. */
struct loop {
    struct altod *d;
    const char *name;
    int (*turn)(struct service_worker *w, int64_t now_ns);
    struct service_worker *worker;
    struct port_thread thread;
    bool runs, stopped; /* stopped under altod.lock */
};

struct altod {
    struct options o;
    struct port *port;
    struct server_log log;
    char *data; /* absolute */
    struct port_holder folder, lock_file;
    struct tls tls;
    int socket;
    char url[128];
    struct service *service;
    struct api *api;
    struct loop loops[LOOPS]; /* housekeeping; rules that are due */
    port_mutex lock;
    port_cond wake;
    bool stop;
};

/* ---- regular duties ---- */

static void *
loop_main(void *arg)
{
    struct loop *l = arg;
    struct altod *d = l->d;

    port_mutex_lock(&d->lock);
    while (!d->stop) {
        int rc;

        port_mutex_unlock(&d->lock);
        rc = l->turn(l->worker, port_now_ns(d->port));
        if (rc != AL_OK) {
            al_log(&d->log.log, AL_LOG_WARN, "the %s failed, next try in a second: %s", l->name,
                   al_code_name(rc));
        }
        port_mutex_lock(&d->lock);
        if (!d->stop) {
            (void)port_cond_wait_for(&d->wake, &d->lock, TICK_NS);
        }
    }
    l->stopped = true;
    port_cond_broadcast(&d->wake);
    port_mutex_unlock(&d->lock);
    return NULL;
}

static bool
stop_loop(struct loop *l, int64_t end_ns)
{
    struct altod *d = l->d;
    bool stopped;

    if (!l->runs) {
        return true;
    }
    port_mutex_lock(&d->lock);
    d->stop = true;
    port_cond_broadcast(&d->wake);
    while (!l->stopped && port_mono_ns(d->port) < end_ns) {
        (void)port_cond_wait_for(&d->wake, &d->lock, end_ns - port_mono_ns(d->port));
    }
    stopped = l->stopped;
    port_mutex_unlock(&d->lock);
    if (stopped) {
        port_thread_join(&l->thread);
        l->runs = false;
    }
    return stopped;
}

static bool
stop_loops(struct altod *d, int64_t end_ns)
{
    bool stopped = true;

    for (size_t i = 0; i < LOOPS; i++) {
        stopped = stop_loop(&d->loops[i], end_ns) && stopped;
    }
    return stopped;
}

static int
start_loops(struct altod *d)
{
    int rc = AL_OK;

    for (size_t i = 0; i < LOOPS && rc == AL_OK; i++) {
        struct loop *l = &d->loops[i];

        rc = port_thread_start(&l->thread, l->name, (size_t)1 << 20, loop_main, l);
        l->runs = rc == AL_OK;
    }
    return rc;
}

/* ---- opening ---- */

/* The folder, for its owner alone, and locked: two altod on one folder would lease the same work
 * twice. */
static int
open_data(struct altod *d, struct al_fail *fail)
{
    struct port_stat st;
    int rc = port_path_absolute(d->o.data, &d->data);

    if (rc == AL_OK) {
        rc = port_mkdirs(d->port, d->data, 0700);
    }
    if (rc == AL_OK) {
        rc = port_open(d->port, NULL, d->data, PORT_READ | PORT_FOLDER, 0, &d->folder.file);
    }
    if (rc == AL_OK) {
        rc = port_stat(d->port, d->folder.file, &st);
    }
    if (rc == AL_OK && (st.mode & 0777) != 0700) {
        rc = port_set_mode(d->port, d->folder.file, 0700);
    }
    if (rc == AL_OK) {
        rc = port_open(d->port, d->folder.file, "altod.lock", PORT_READ | PORT_WRITE | PORT_CREATE,
                       0600, &d->lock_file.file);
    }
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(d->port), "cannot use the folder %.150s: %s",
                           d->o.data, al_code_name(rc));
    }
    rc = port_lock(d->port, d->lock_file.file);
    return rc == AL_OK ? AL_OK
                       : al_fail_set(fail, rc, port_os_error(d->port),
                                     "another altod is using the folder %.150s", d->o.data);
}

static int
open_tls(struct altod *d, struct al_fail *fail)
{
    int rc = AL_OK;

    if (d->o.tls_cert != NULL) {
        AL_CLEANUP(al_freep) char *cert = NULL;
        AL_CLEANUP(al_freep) char *key = NULL;

        rc = port_path_absolute(d->o.tls_cert, &cert);
        if (rc == AL_OK) {
            rc = port_path_absolute(d->o.tls_key, &key);
        }
        rc = rc == AL_OK ? tls_load(&d->tls, d->port, cert, key, fail) : rc;
    } else if (d->o.tls_self_signed) {
        rc = tls_own(&d->tls, d->port, d->data, d->o.listen.host, fail);
    }
    if (rc == AL_OK && d->tls.cert_pem.len > 0) {
        char until[AL_TIME_TEXT_MAX];

        al_time_text(d->tls.until_ns, until);
        al_log(&d->log.log, AL_LOG_INFO, "certificate valid until %s, SHA-256 %s", until,
               d->tls.fingerprint);
    }
    return rc == AL_OK ? AL_OK : al_fail_set(fail, rc, 0, "no TLS: %s", al_code_name(rc));
}

static int
open_socket(struct altod *d, struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf host = {.max = 64};
    const char *name = d->o.listen.host;
    int rc = port_listen(&d->o.listen, LISTEN_BACKLOG, &d->socket, fail);

    if (rc != AL_OK) {
        return rc;
    }
    if (name[0] == '\0') {
        rc = port_hostname(d->port, &host);
        name = rc == AL_OK && host.len > 0 ? (const char *)host.at : "localhost";
    }
    snprintf(d->url, sizeof(d->url), "http%s://%s%s%s:%u", d->tls.cert_pem.len > 0 ? "s" : "",
             d->o.listen.v6 ? "[" : "", name, d->o.listen.v6 ? "]" : "", d->o.listen.port);
    return AL_OK;
}

/* The password is handed out once and kept nowhere: if the file cannot be written it must be seen
 * all the same. */
static void
hand_out_password(struct altod *d, char *password)
{
    char text[512];
    int rc = AL_ENODATA, len;

    if (d->o.password_file != NULL) {
        len = snprintf(text, sizeof(text), "%s\n", password);
        rc = port_secret_file(d->o.password_file, text, (size_t)len);
        al_log(&d->log.log, rc == AL_OK ? AL_LOG_INFO : AL_LOG_ERROR,
               rc == AL_OK ? "the password of \"admin\" is in %s"
                           : "cannot write %s: the password goes to standard output",
               d->o.password_file);
    }
    if (rc != AL_OK) {
        len =
            snprintf(text, sizeof(text),
                     "First start. Log in as \"admin\" with this password, it is not shown again:\n"
                     "\n    %s\n\n",
                     password);
        rc = port_fd_write_all(STDOUT, text, (size_t)len);
    }
    if (rc != AL_OK) {
        al_log(
            &d->log.log, AL_LOG_ERROR,
            "nobody could be told the password of \"admin\": remove the data folder, start again");
    }
    al_wipe(text, sizeof(text));
    al_wipe(password, strlen(password));
    al_free(password);
}

static int
open_service(struct altod *d, struct al_fail *fail)
{
    struct service_conf conf = {
        .data_dir = d->data,
        .store_url = d->o.store,
        .inventory_url = d->o.inventory,
        .bus_url = d->o.bus,
        .series_url = d->o.series,
        .log = &d->log.log,
        .port = d->port,
        .version = ALTO_VERSION,
    };
    AL_CLEANUP(al_freep) char *import_dir = NULL;
    char *password = NULL;
    int rc = d->o.import_dir == NULL ? AL_OK : port_path_absolute(d->o.import_dir, &import_dir);

    if (rc != AL_OK) {
        return al_fail_set(fail, rc, 0, "--import-dir: %s", al_code_name(rc));
    }
    conf.import_dir = import_dir;
    rc = service_open(&conf, &d->service, &password, fail);

    if (rc == AL_OK && password != NULL) {
        hand_out_password(d, password);
    }
    for (size_t i = 0; i < LOOPS && rc == AL_OK; i++) {
        rc = service_worker_open(d->service, &d->loops[i].worker, fail);
    }
    return rc == AL_OK
               ? AL_OK
               : al_fail_set(fail, rc, 0, "the service does not start: %s", al_code_name(rc));
}

/* Where the console is: as told, installed, or just built. */
static bool
is_console(struct altod *d, const char *dir, char **ret)
{
    AL_CLEANUP(al_freep) char *path = NULL;
    AL_CLEANUP(al_buf_free) struct al_buf index = {.max = 8192};
    struct port_stat st;

    if (port_path_absolute(dir, &path) != AL_OK ||
        al_buf_addf(&index, "%s/index.html", path) != AL_OK ||
        port_stat_at(d->port, NULL, (const char *)index.at, &st) != AL_OK) {
        return false;
    }
    *ret = path;
    path = NULL;
    return true;
}

static int
open_api(struct altod *d, struct al_fail *fail)
{
    AL_CLEANUP(al_freep) char *console = NULL;
    struct api_conf conf = {
        .service = d->service,
        .port = d->port,
        .log = &d->log.log,
        .listen_socket = d->socket,
        .workers = d->o.workers,
        .cert_pem = (const char *)d->tls.cert_pem.at,
        .key_pem = (const char *)d->tls.key_pem.at,
        .version = ALTO_VERSION,
    };

    if (d->o.console != NULL) {
        if (!is_console(d, d->o.console, &console)) {
            return al_fail_set(fail, AL_ENOENT, 0, "there is no index.html in %.150s",
                               d->o.console);
        }
    } else if (!is_console(d, ALTO_CONSOLE_DIR, &console)) {
        (void)is_console(d, "console/dist", &console);
    }
    conf.console_dir = console;
    return api_open(&conf, &d->api, fail);
}

static int
open_all(struct altod *d, struct al_fail *fail)
{
    int rc = open_data(d, fail);

    if (rc == AL_OK) {
        rc = open_tls(d, fail);
    }
    /* The address before the service: the first start's password must not go to one who then fails.
     */
    if (rc == AL_OK) {
        rc = open_socket(d, fail);
    }
    if (rc == AL_OK) {
        rc = open_service(d, fail);
    }
    if (rc == AL_OK) {
        rc = open_api(d, fail);
    }
    if (rc == AL_OK) {
        rc = start_loops(d);
    }
    return rc;
}

static int
say_ready(struct altod *d, struct al_fail *fail)
{
    char line[160];
    int len = snprintf(line, sizeof(line), "ready %s\n", d->url);

    if (d->o.ready_fd >= 0 && port_fd_write_all(d->o.ready_fd, line, (size_t)len) != AL_OK) {
        return al_fail_set(fail, AL_EIO, 0, "cannot write to descriptor %d", d->o.ready_fd);
    }
    if (d->o.ready_fd > 2) {
        port_socket_close(d->o.ready_fd); /* who waits for the end of it should see one */
    }
    return AL_OK;
}

/* False: something was still running when the time was over, and may still use everything. */
static bool
close_all(struct altod *d)
{
    int64_t end_ns = port_mono_ns(d->port) + STOP_NS;

    /* These first: they wake what is parked in the api. */
    if (!stop_loops(d, end_ns) || !api_close(d->api, end_ns - port_mono_ns(d->port))) {
        return false;
    }
    for (size_t i = 0; i < LOOPS; i++) {
        service_worker_close(d->loops[i].worker);
    }
    service_close(d->service);
    port_socket_close(d->socket);
    tls_end(&d->tls);
    port_holder_end(&d->lock_file);
    port_holder_end(&d->folder);
    al_free(d->data);
    port_cond_end(&d->wake);
    port_mutex_end(&d->lock);
    return true;
}

static int
run(struct altod *d)
{
    struct al_fail fail = {0};
    char zones[SCHEDULE_EDITION_MAX];
    int rc = open_all(d, &fail);

    if (rc == AL_OK) {
        rc = say_ready(d, &fail);
    }
    if (rc == AL_OK) {
        schedule_zones_edition(zones);
        al_log(&d->log.log, AL_LOG_INFO, "altod %s serves %s from %s; time zones: edition %s",
               ALTO_VERSION, d->url, d->data, zones[0] != '\0' ? zones : "unknown");
        while (!port_stop_wait(INT64_C(3600) * 1000000000)) {
        }
        al_log(&d->log.log, AL_LOG_INFO, "stopping");
    } else {
        al_log(&d->log.log, AL_LOG_ERROR, "%s",
               fail.text[0] != '\0' ? fail.text : al_code_name(rc));
    }
    if (!close_all(d)) {
        /* All that counts is in committed transactions; what still runs would never end by itself.
         */
        al_log(&d->log.log, AL_LOG_WARN, "something was still running after %d s",
               (int)(STOP_NS / 1000000000));
        fflush(NULL);
        _Exit(rc == AL_OK ? 0 : 1);
    }
    return rc == AL_OK ? 0 : 1;
}

/* "POST /api/v1/customers customer_create", a route a line: tools/check/openapi compares it with
 * api/openapi.yaml. */
static int
print_routes(void)
{
    size_t count;
    const struct service_route *routes = service_routes(&count);

    for (size_t i = 0; i < count; i++) {
        printf("%s %s %s %u %zu\n", routes[i].method, routes[i].path, routes[i].op, routes[i].roles,
               routes[i].body_max);
    }
    /* These two are the api's own: a stream and a text, no operations. */
    printf("GET /api/v1/events events_get %u 0\nGET /metrics metrics_get 0 0\n", ROLES_READ);
    return fflush(stdout) == 0 ? 0 : 1;
}

int
main(int argc, char **argv)
{
    struct altod d = {.socket = -1};
    struct al_fail fail = {0};

    port_stop_catch();
    d.port = port_native();
    d.loops[0] = (struct loop){.d = &d, .name = "housekeeping", .turn = service_tick};
    d.loops[1] = (struct loop){.d = &d, .name = "schedule", .turn = service_schedule};
    d.folder.port = d.lock_file.port = d.port;
    if (options_parse(&d.o, argc, argv, &fail) != AL_OK) {
        fprintf(stderr, "altod: %s\n", fail.text);
        return 2;
    }
    if (d.o.help || d.o.version) {
        printf("%s%s", d.o.help ? options_help : "altod " ALTO_VERSION, d.o.help ? "" : "\n");
        return fflush(stdout) == 0 ? 0 : 1;
    }
    if (d.o.print_routes) {
        return print_routes();
    }
    server_log_init(&d.log, d.port, d.o.log_level, d.o.log_json);
    tls_init(&d.tls);
    port_mutex_init(&d.lock);
    port_cond_init(&d.wake);
    return run(&d);
}
