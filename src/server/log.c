#include "server/log.h"

#include <stdio.h>

#include "base/jsonout.h"
#include "base/text.h"
#include "port/listen.h"

#define STDERR 2
#define LINE_BYTES_MAX 4096u

static const char *const names[] = {"error", "warn", "info", "debug"};

/* One write call a line, so that lines of several threads do not mix. Where nobody reads, nothing
 * can be done about it. */
static void
write_line(void *ctx, enum al_log_level level, const char *text)
{
    struct server_log *l = ctx;
    AL_CLEANUP(al_buf_free) struct al_buf line = {.max = LINE_BYTES_MAX};
    struct al_jsonout j;
    char at[AL_TIME_TEXT_MAX];
    int rc;

    if (l->json) {
        al_jo_begin(&j, &line);
        al_jo_object(&j, NULL);
        al_jo_time(&j, "at", port_now_ns(l->port));
        al_jo_str(&j, "level", names[level]);
        al_jo_str(&j, "text", text);
        al_jo_close(&j);
        rc = al_jo_end(&j);
    } else {
        al_time_text(port_now_ns(l->port) / 1000000 * 1000000, at);
        rc = al_buf_addf(&line, "%s %-5s ", at, names[level]);
        /* What came from outside must not look like a line of its own. */
        for (const char *c = text; rc == AL_OK && *c != '\0'; c++) {
            rc = (uint8_t)*c < 0x20 || *c == 0x7f
                     ? al_buf_addf(&line, "\\x%02x", (unsigned)(uint8_t)*c)
                     : al_buf_add(&line, c, 1);
        }
    }
    if (rc == AL_OK) {
        rc = al_buf_adds(&line, "\n");
    }
    if (rc == AL_OK) {
        rc = port_fd_write_all(STDERR, line.at, line.len);
    }
    (void)rc;
}

void
server_log_init(struct server_log *l, struct port *port, enum al_log_level level, bool json)
{
    l->log = (struct al_log){.level = level, .write = write_line, .ctx = l};
    l->port = port;
    l->json = json;
}
