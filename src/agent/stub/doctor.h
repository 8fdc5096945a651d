/* doctor.h: can this host, and this path, hold safe stubs; if not, why, and what to do next. For
 * `alto-agent doctor`.
 *
 * It opens no file that was there: what has to be tried is tried on a file of its own, which is
 * gone afterwards. Where a gate was but does not answer, nothing is tried, since an open could
 * wait. One thread; takes at most seconds. */
#ifndef ALTO_AGENT_STUB_DOCTOR_H
#define ALTO_AGENT_STUB_DOCTOR_H

#include "port/port.h"

#define DOCTOR_FINDINGS_MAX 48u
#define DOCTOR_GATE_MS 5000 /* a gate that answers takes microseconds */

enum doctor_level { DOCTOR_GOOD, DOCTOR_WARN, DOCTOR_BAD /* no safe stubs while it is so */ };

struct doctor_finding {
    const char *check; /* stable short name, static */
    enum doctor_level level;
    char text[256];
    char next[256]; /* what to do; empty when good */
};

struct doctor_report {
    /* what does not fit is counted in left_out, never silently good */
    struct doctor_finding items[DOCTOR_FINDINGS_MAX];
    size_t count, left_out;
};

struct doctor_conf {
    struct port *port;
    const char *path; /* absolute, of a folder; NULL: the host and what its gate marks */
    const char *gate_socket;
    const char *state; /* the agent's state folder */
};

/* What nothing on this host can promise (invariant 2), of its system; belongs under every report. */
extern const char doctor_reach[];

void doctor_examine(const struct doctor_conf *conf, struct doctor_report *ret);
/* Adds a finding, for whoever knows more than this host's kernel and gate. next: NULL or a
 * sentence, both copied; check is kept as it is. */
void doctor_find(struct doctor_report *r, const char *check, enum doctor_level level,
                 const char *next, const char *format, ...) AL_PRINTF(5, 6);
bool doctor_can(const struct doctor_report *r);         /* nothing bad, nothing left out */
const char *doctor_level_name(enum doctor_level level); /* "ok", "warn", "bad" */
/* {"can": bool, "path": bytes, "reach": text, "checks": [{"check", "level", "text", "next"}]} */
int doctor_json(const struct doctor_conf *conf, const struct doctor_report *r,
                struct al_buf *to) AL_MUST_CHECK;
int doctor_text(const struct doctor_report *r, struct al_buf *to) AL_MUST_CHECK;

#endif
