/* The list of refused rows: CSV, as the rows are judged; complete when it is closed. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "server/import/cells.h"
#include "server/inventory/import_priv.h"

#define LIST_MODE 0600u

static const char header[] = "line,reason,column,text\r\n";

int
import_refused_restart(struct import_refused *r)
{
    int rc = port_truncate(r->port, r->file, 0);

    r->at = r->kept = r->count = 0;
    if (rc == AL_OK) {
        rc = port_pwrite(r->port, r->file, header, sizeof(header) - 1, 0);
        r->at = sizeof(header) - 1;
    }
    return rc;
}

int
import_refused_begin(struct import_refused *r, struct port *port, const char *path,
                     struct al_fail *fail)
{
    int rc;

    r->port = port;
    r->path = path;
    port_mutex_init(&r->lock);
    rc = port_open(port, NULL, path, PORT_READ | PORT_WRITE | PORT_CREATE | PORT_TRUNC, LIST_MODE,
                   &r->file);
    if (rc == AL_OK) {
        rc = import_refused_restart(r);
    }
    return rc < 0 ? al_fail_set(fail, rc, port_os_error(port),
                                "the list of refused rows cannot be written")
                  : AL_OK;
}

int
import_refused_finish(struct import_refused *r)
{
    struct port_file *f = r->file;
    int rc = port_sync(r->port, f), closed;

    r->file = NULL;
    closed = port_close(r->port, f);
    return rc < 0 ? rc : closed;
}

void
import_refused_end(struct import_refused *r)
{
    if (r->port != NULL) {
        port_close_quiet(r->port, &r->file);
        port_mutex_end(&r->lock);
    }
}

static int
add_cell(struct al_buf *out, struct al_span s)
{
    AL_CLEANUP(al_buf_free) struct al_buf clean = {0};
    struct al_span cut = {s.at, s.len < IMPORT_REFUSED_TEXT_MAX ? s.len : IMPORT_REFUSED_TEXT_MAX};
    int rc;

    al_buf_init(&clean, 4 * IMPORT_REFUSED_TEXT_MAX);
    rc = cut.len > 0 ? al_utf8_clean(cut, &clean) : AL_OK;
    if (rc == AL_OK) {
        rc = al_buf_adds(out, clean.len > 0 && import_is_formula(clean.at[0]) ? "\"'" : "\"");
    }
    for (size_t i = 0; rc == AL_OK && i < clean.len; i++) {
        rc = al_buf_add(out, clean.at[i] == '"' ? "\"\"" : (const char *)clean.at + i,
                        clean.at[i] == '"' ? 2 : 1);
    }
    return rc == AL_OK ? al_buf_add(out, "\"", 1) : rc;
}

/* Behind the line's number. */
static int
format_rest(const struct import_refused_line *l, struct al_buf *out)
{
    int rc = al_buf_add(out, ",", 1);

    if (rc == AL_OK) {
        rc = add_cell(out, al_span_of(l->reason));
    }
    if (rc == AL_OK) {
        rc = al_buf_addf(out, ",%s,", l->column != NULL ? l->column : "");
    }
    if (rc == AL_OK) {
        rc = add_cell(out, l->text);
    }
    return rc == AL_OK ? al_buf_adds(out, "\r\n") : rc;
}

/* u64 line, u32 length, the rest */
int
import_refused_hold(struct al_buf *held, const struct import_refused_line *l)
{
    uint8_t head[12] = {0};
    size_t at = held->len;
    int rc = al_buf_add(held, head, sizeof(head));

    if (rc == AL_OK) {
        rc = format_rest(l, held);
    }
    if (rc == AL_OK) {
        al_put_u64(held->at + at, l->line);
        al_put_u32(held->at + at + 8, (uint32_t)(held->len - at - sizeof(head)));
    }
    return rc;
}

int
import_refused_add(struct import_refused *r, uint64_t base, struct al_span held, uint64_t count)
{
    AL_CLEANUP(al_buf_free) struct al_buf out = {0};
    int rc = AL_OK;

    al_buf_init(&out, 2 * held.len + 65536);
    port_mutex_lock(&r->lock);
    r->count += count;
    while (rc == AL_OK && held.len > 0 && r->kept < IMPORT_REFUSED_KEPT_MAX) {
        uint64_t line = al_get_u64(held.at) + base;
        size_t len = al_get_u32(held.at + 8);

        rc = al_buf_addf(&out, "%llu", (unsigned long long)line);
        if (rc == AL_OK) {
            rc = al_buf_add(&out, held.at + 12, len);
        }
        held.at += 12 + len;
        held.len -= 12 + len;
        r->kept++;
    }
    if (rc == AL_OK && out.len > 0) {
        rc = port_pwrite(r->port, r->file, out.at, out.len, r->at);
        r->at += out.len;
    }
    port_mutex_unlock(&r->lock);
    return rc;
}
