#include "agent/run/log.h"

#include <stdio.h>
#include <string.h>

#include "agent/run/agent.h"
#include "base/text.h"
#include "port/process.h"
#include "port/service.h"

#define HOUR_NS 3600000000000

static int
open_file(struct run_log *l)
{
    struct port *port = port_native();
    struct port_stat st;
    int rc = port_open(port, l->folder, RUN_LOG_FILE, PORT_READ | PORT_WRITE | PORT_CREATE, 0600,
                       &l->file);

    rc = rc != AL_OK ? rc : port_stat(port, l->file, &st);
    if (rc == AL_OK) {
        l->at = st.size;
    } else {
        port_close_quiet(port, &l->file);
    }
    return rc;
}

/* What cannot be written is lost: there is nobody left to tell. */
static void
to_file(struct run_log *l, const char *line, size_t len)
{
    struct port *port = port_native();

    if (l->at + len > RUN_LOG_BYTES_MAX && l->file != NULL) {
        port_close_quiet(port, &l->file);
        if (port_rename(port, l->folder, RUN_LOG_FILE, l->folder, RUN_LOG_OLD, true) != AL_OK ||
            open_file(l) != AL_OK) {
            l->at = 0; /* from its beginning then */
        }
    }
    if (l->file == NULL && open_file(l) != AL_OK) {
        return;
    }
    if (port_pwrite(port, l->file, line, len, l->at) == AL_OK) {
        l->at += len;
    }
}

static void
to_system(struct run_log *l, const char *text)
{
    int64_t now = port_mono_ns(port_native());

    if (l->events == 0 || now - l->hour_ns > HOUR_NS) {
        l->hour_ns = now;
        l->events = 0;
    }
    if (l->events++ < RUN_LOG_EVENTS_MAX) {
        port_event_write(AGENT_SERVICE, PORT_EVENT_ERROR, text);
    }
}

static void
on_line(void *ctx, enum al_log_level level, const char *text)
{
    static const int priority[] = {3, 4, 6, 7}; /* syslog(3) */
    static const char *const names[] = {"error", "warning", "info", "debug"};
    struct run_log *l = ctx;
    char time[AL_TIME_TEXT_MAX], line[RUN_LOG_LINE_MAX];
    int len;

    if (l->journald) {
        (void)fprintf(stderr, "<%d>%s\n", priority[level],
                      text); /* nobody is left to tell that telling failed */
        return;
    }
    al_time_text(port_now_ns(port_native()) / 1000000 * 1000000, time);
    port_mutex_lock(&l->lock);
    if (l->folder == NULL) {
        (void)fprintf(stderr, "%s %s: %s\n", time, names[level], text);
    } else {
        len = snprintf(line, sizeof(line), "%s %s: %s\n", time, names[level], text);
        if (len >= (int)sizeof(line)) {
            len = (int)sizeof(line) - 1;
            line[len - 1] = '\n';
        }
        to_file(l, line, len > 0 ? (size_t)len : 0);
        if (level == AL_LOG_ERROR) {
            to_system(l, text);
        }
    }
    port_mutex_unlock(&l->lock);
}

void
run_log_init(struct run_log *l, bool verbose)
{
    *l = (struct run_log){
        .log = {.level = verbose ? AL_LOG_DEBUG : AL_LOG_INFO, .write = on_line, .ctx = l},
        .journald = port_env("JOURNAL_STREAM") != NULL}; /* systemd.exec(5) */
    port_mutex_init(&l->lock);
}

int
run_log_to(struct run_log *l, const char *folder, struct al_fail *fail)
{
    struct port_file *f = NULL;
    int rc = port_open(port_native(), NULL, folder, PORT_READ | PORT_FOLDER, 0, &f);

    if (rc == AL_OK) {
        port_mutex_lock(&l->lock);
        l->folder = f;
        l->journald = false;
        rc = open_file(l);
        port_mutex_unlock(&l->lock);
    }
    return rc == AL_OK ? AL_OK
                       : al_fail_set(fail, rc, port_os_error(port_native()),
                                     "no log can be written into %.200s", folder);
}

void
run_log_end(struct run_log *l)
{
    port_close_quiet(port_native(), &l->file);
    port_close_quiet(port_native(), &l->folder);
    port_mutex_end(&l->lock);
}
