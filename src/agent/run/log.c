#include "agent/run/log.h"

#include <stdio.h>

#include "base/text.h"
#include "port/port.h"
#include "port/process.h"

static void
on_line(void *ctx, enum al_log_level level, const char *text)
{
    static const int priority[] = {3, 4, 6, 7}; /* syslog(3) */
    static const char *const names[] = {"error", "warning", "info", "debug"};
    const struct run_log *l = ctx;
    char time[AL_TIME_TEXT_MAX];

    if (l->journald) {
        (void)fprintf(stderr, "<%d>%s\n", priority[level],
                      text); /* nobody is left to tell that telling failed */
        return;
    }
    al_time_text(port_now_ns(port_native()) / 1000000 * 1000000, time);
    (void)fprintf(stderr, "%s %s: %s\n", time, names[level], text);
}

void
run_log_init(struct run_log *l, bool verbose)
{
    l->log =
        (struct al_log){.level = verbose ? AL_LOG_DEBUG : AL_LOG_INFO, .write = on_line, .ctx = l};
    l->journald = port_env("JOURNAL_STREAM") != NULL; /* systemd.exec(5) */
}
