/* file.h: what the operations on single files share. */
#ifndef ALTO_SERVER_SERVICE_FILE_FILE_H
#define ALTO_SERVER_SERVICE_FILE_FILE_H

#include "server/service/work/work.h"
#include "server/store/import.h"

/* ---- ops.c, as the other reads of files ---- */
/* The query's `name` or `name`_b64, the root where neither is given. Lent from the query or the
 * arena. */
int file_path_asked(struct service_req *req, const char *name, struct al_span *ret,
                    struct al_fail *fail) AL_MUST_CHECK;
bool file_is_root(struct al_span path); /* "" or "/" */
/* A row that outlives its callback. */
struct kept_row {
    struct al_arena *arena;
    struct inventory_row row;
};
int kept_row(void *ctx, const struct inventory_row *row);

/* ---- why_text.c: what happened to a file, as a sentence ---- */
struct why_entry {
    int64_t at_ns;
    const char *what; /* "tier", "recall", "seen" ... */
    const char *by, *code, *reason, *rule_id, *job_id, *event_id;
    uint64_t rule_version; /* 0: not told */
    const char *text;
};
/* From an event of the record; texts of the arena. */
int why_of_event(const struct store_told *e, struct al_arena *a,
                 struct why_entry *ret) AL_MUST_CHECK;
/* "it is hard-linked, and moving it would free nothing", for a name of STUB_REFUSALS or of an earlier
 * rule. */
const char *why_refusal_text(const char *reason);
/* NULL: nothing speaks against it. As the inventory judges for plans. */
const char *why_refusal_of(const struct inventory_row *row, bool archive);

#endif
