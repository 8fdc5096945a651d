/* doctor.c: the report, whatever the system. */
#include "agent/stub/doctor_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/jsonout.h"

const char *
doctor_level_name(enum doctor_level level)
{
    static const char *const names[] = {"ok", "warn", "bad"};

    return names[level];
}

void
doctor_find(struct doctor_report *r, const char *check, enum doctor_level level, const char *next,
            const char *format, ...)
{
    struct doctor_finding *f;
    va_list args;

    if (r->count == DOCTOR_FINDINGS_MAX) {
        r->left_out++;
        return;
    }
    f = &r->items[r->count++];
    f->check = check;
    f->level = level;
    va_start(args, format);
    (void)vsnprintf(f->text, sizeof(f->text), format, args);
    va_end(args);
    (void)snprintf(f->next, sizeof(f->next), "%s", next == NULL ? "" : next);
}

void
doctor_examine(const struct doctor_conf *conf, struct doctor_report *ret)
{
    struct doctor d = {.conf = conf, .report = ret, .port = conf->port};
    int rc;

    memset(ret, 0, sizeof(*ret));
    if (conf->path != NULL) {
        rc = port_open(d.port, NULL, conf->path, PORT_READ | PORT_FOLDER, 0, &d.root);
        if (rc != AL_OK) {
            doctor_find(ret, "path", DOCTOR_BAD, "name a folder of the volume, as root",
                        "%.200s cannot be opened (%s)", conf->path, al_code_name(rc));
            return;
        }
    }
    doctor_system(&d);
    port_close_quiet(d.port, &d.root);
}

bool
doctor_can(const struct doctor_report *r)
{
    size_t i;

    for (i = 0; i < r->count; i++) {
        if (r->items[i].level == DOCTOR_BAD) {
            return false;
        }
    }
    return r->count > 0 && r->left_out == 0;
}

int
doctor_json(const struct doctor_conf *conf, const struct doctor_report *r, struct al_buf *to)
{
    struct al_jsonout j;
    size_t i;

    al_jo_begin(&j, to);
    al_jo_object(&j, NULL);
    al_jo_bool(&j, "can", doctor_can(r));
    if (conf->path != NULL) {
        al_jo_bytes(&j, "path", al_span_of(conf->path));
    }
    al_jo_str(&j, "reach", doctor_reach);
    al_jo_array(&j, "checks");
    for (i = 0; i < r->count; i++) {
        const struct doctor_finding *f = &r->items[i];

        al_jo_object(&j, NULL);
        al_jo_str(&j, "check", f->check);
        al_jo_str(&j, "level", doctor_level_name(f->level));
        al_jo_text(&j, "text", al_span_of(f->text));
        al_jo_text(&j, "next", f->next[0] == '\0' ? (struct al_span){0} : al_span_of(f->next));
        al_jo_close(&j);
    }
    al_jo_close(&j);
    al_jo_u64(&j, "left_out", r->left_out);
    al_jo_close(&j);
    return al_jo_end(&j);
}

/* As wide as the longest name wants it. */
static int
name_width(const struct doctor_report *r)
{
    size_t width = 11;

    for (size_t i = 0; i < r->count; i++) {
        size_t len = strlen(r->items[i].check);

        width = len > width ? len : width;
    }
    return (int)width;
}

int
doctor_text(const struct doctor_report *r, struct al_buf *to)
{
    size_t i;
    int rc = AL_OK, width = name_width(r);

    for (i = 0; rc == AL_OK && i < r->count; i++) {
        const struct doctor_finding *f = &r->items[i];

        rc = al_buf_addf(to, "%-4s  %-*s %s\n", doctor_level_name(f->level), width, f->check,
                         f->text);
        if (rc == AL_OK && f->next[0] != '\0') {
            rc = al_buf_addf(to, "%-4s  %-*s -> %s\n", "", width, "", f->next);
        }
    }
    if (rc == AL_OK && r->left_out > 0) {
        rc = al_buf_addf(to, "%zu more findings were left out\n", r->left_out);
    }
    return rc == AL_OK ? al_buf_addf(to, "\n%s\n", doctor_reach) : rc;
}
