/* intake_read.h: how members of an agent's record are read. The first thing wrong is kept in `bad`;
 * what is wrong or absent reads as nothing. For intake*.c alone. */
#ifndef ALTO_SERVER_SERVICE_AGENT_INTAKE_READ_H
#define ALTO_SERVER_SERVICE_AGENT_INTAKE_READ_H

#include "base/json.h"
#include "server/service/agent/intake.h"

struct intake_reading {
    struct al_arena *arena;
    const json_t *obj;
    const char *bad; /* a sentence; NULL: nothing so far */
    bool no_memory;
};

/* A string of at most max bytes, cut at a character's border; "" where absent or null. */
const char *intake_get_text(struct intake_reading *r, const char *key, size_t max);
const char *intake_get_id(struct intake_reading *r, const char *key); /* NULL where absent or "" */
int64_t intake_get_number(struct intake_reading *r, const char *key, int64_t min, int64_t max);
uint64_t intake_get_count(struct intake_reading *r, const char *key);
/* Without its leading '/'; empty where absent, or wrong. */
struct al_span intake_get_path(struct intake_reading *r, const char *key);
/* A byte string; what is longer than max is cut. Nothing is wrong with it: no string is an empty one. */
struct al_span intake_get_bytes(struct intake_reading *r, const char *key, size_t max);

/* ---- intake_access.c ---- */
void intake_read_access(struct intake_reading *r, struct intake_record *to);
void intake_read_audit(struct intake_reading *r, struct intake_record *to);

/* ---- intake_filespaces.c ---- */
void intake_read_filespaces(struct intake_reading *r, struct intake_record *to);

/* ---- intake_driver.c ---- */
void intake_read_driver(struct intake_reading *r, struct intake_record *to);

/* ---- intake_orphans.c ---- */
void intake_read_findings(struct intake_reading *r, struct intake_record *to);
void intake_read_walk(struct intake_reading *r, struct intake_record *to);

/* ---- share_test.c ---- */
void intake_read_share_test(struct intake_reading *r, struct intake_record *to);

#endif
