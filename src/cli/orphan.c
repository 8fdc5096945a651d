/* orphan.c: what reconciles found between volumes and shares. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

#include "model/orphan.h"

#define PATH_BYTES (64u << 10)

/* ---- list ---- */

static int
sum_row(const json_t *kind, json_t *rows)
{
    const json_t *open = json_object_get(kind, "open"), *aside = json_object_get(kind, "ignored");
    json_t *row;
    int rc;

    if (get_count(open, "findings") + get_count(aside, "findings") == 0) {
        return AL_OK;
    }
    row = json_object();
    rc = row == NULL || json_array_append_new(rows, row) != 0 ? AL_ENOMEM : AL_OK;
    rc = rc != AL_OK ? rc : al_json_set_str(row, "kind", get_text(kind, "kind"));
    rc = rc != AL_OK ? rc : al_json_set_str(row, "level", get_text(kind, "level"));
    rc = rc != AL_OK ? rc : al_json_set_u64(row, "open", get_count(open, "findings"));
    rc = rc != AL_OK ? rc : al_json_set_u64(row, "bytes", get_count(open, "bytes"));
    rc = rc != AL_OK ? rc : al_json_set_u64(row, "ignored", get_count(aside, "findings"));
    rc = rc != AL_OK ? rc : al_json_set_str(row, "way", get_text(kind, "way"));
    return rc != AL_OK ? rc : al_json_set_str(row, "what", get_text(kind, "what"));
}

/* What no table says: that a walk is missing, or did not come to everything. */
static void
say_walks(const json_t *volumes)
{
    for (size_t i = 0; i < json_array_size(volumes); i++) {
        const json_t *v = json_array_get(volumes, i), *walk = json_object_get(v, "walk");
        bool whole = json_is_true(json_object_get(walk, "objects"));

        if (json_is_object(walk) && whole) {
            continue;
        }
        (void)fprintf(stderr, "alto: volume ");
        out_shown(stderr, get_text(v, "name"));
        if (!json_is_object(walk)) {
            (void)fprintf(stderr, ": not reconciled yet (alto volume reconcile)\n");
        } else if (!json_is_string(json_object_get(walk, "ended_at"))) {
            (void)fprintf(stderr, ": its last reconcile is under way, or was cut\n");
        } else {
            (void)fprintf(stderr, ": its last reconcile was not whole: ");
            out_shown(stderr, get_text(walk, "text"));
            (void)fprintf(stderr, "\n");
        }
    }
}

static int
list_sums(struct cli *c)
{
    static const struct column columns[] = {
        {"KIND", "kind", COL_TEXT},    {"LEVEL", "level", COL_TEXT},    {"OPEN", "open", COL_COUNT},
        {"BYTES", "bytes", COL_BYTES}, {"ASIDE", "ignored", COL_COUNT}, {"REPAIR", "way", COL_TEXT},
        {"WHAT", "what", COL_TEXT}};
    AL_CLEANUP(al_json_freep) json_t *answer = NULL;
    AL_CLEANUP(al_json_freep) json_t *rows = json_array();
    AL_CLEANUP(al_buf_free) struct al_buf path = {.max = PATH_BYTES};
    const json_t *kinds;
    al_id id;
    int rc = rows == NULL ? AL_ENOMEM : al_buf_adds(&path, "/orphans");

    if (rc == AL_OK && args_get(c, "customer") != NULL) {
        rc = resolve_customer(c, args_get(c, "customer"), id);
        rc = rc != AL_OK ? rc : add_query(&path, "customer_id", id);
    }
    rc = rc != AL_OK ? rc : call(c, "GET", (const char *)path.at, NULL, &answer);
    if (rc != AL_OK || c->json) {
        return rc != AL_OK ? rc : out_json(answer);
    }
    kinds = json_object_get(answer, "kinds");
    for (size_t i = 0; i < json_array_size(kinds) && rc == AL_OK; i++) {
        rc = sum_row(json_array_get(kinds, i), rows);
    }
    rc = rc != AL_OK ? rc : out_table(c, rows, columns, AL_LEN(columns));
    say_walks(json_object_get(answer, "volumes"));
    return rc;
}

int
cmd_orphan_list(struct cli *c)
{
    static const struct column columns[] = {
        {"KIND", "kind", COL_TEXT},    {"STATE", "state", COL_TEXT},
        {"SIZE", "size", COL_BYTES},   {"FIRST SEEN", "first_seen_at", COL_TIME},
        {"WALKS", "walks", COL_COUNT}, {"REPAIR", "way", COL_TEXT},
        {"ID", "id", COL_TEXT},        {"PATH", "path", COL_TEXT}};
    AL_CLEANUP(al_json_freep) json_t *items = NULL;
    AL_CLEANUP(al_buf_free) struct al_buf path = {0};
    uint64_t limit = 1000;
    const char *state = args_get(c, "state");
    bool given;
    int rc;

    if (c->word_count == 0) {
        return list_sums(c);
    }
    rc = volume_path(c, "/orphans", &path);
    rc = rc != AL_OK ? rc : add_query(&path, "kind", args_get(c, "kind"));
    if (rc == AL_OK && (state == NULL || strcmp(state, "all") != 0)) {
        rc = add_query(&path, "state", state != NULL ? state : "open");
    }
    rc = rc != AL_OK ? rc : args_number(c, "limit", &limit, &given);
    rc = rc != AL_OK ? rc : call_list(c, (const char *)path.at, limit, &items);
    return rc != AL_OK ? rc : out_table(c, items, columns, AL_LEN(columns));
}

int
cmd_orphan_show(struct cli *c)
{
    AL_CLEANUP(al_json_freep) json_t *finding = NULL;
    AL_CLEANUP(al_buf_free) struct al_buf path = {0};
    enum orphan_kind kind;
    int rc = volume_path(c, "/orphans/", &path);

    rc = rc != AL_OK ? rc : al_buf_adds(&path, c->words[1]);
    rc = rc != AL_OK ? rc : call(c, "GET", (const char *)path.at, NULL, &finding);
    rc = rc != AL_OK ? rc : out_object(c, finding);
    kind = rc == AL_OK ? orphan_kind_of(get_text(finding, "kind")) : ORPHAN_KINDS;
    if (kind != ORPHAN_KINDS && !c->json) {
        (void)printf("\n%s\n%s\n", orphan_what(kind), orphan_next(kind));
    }
    return rc;
}

/* ---- acts ---- */

/* {"kind":..} or {"ids":[..]}, by what was given. */
static int
which(struct cli *c, json_t **ret)
{
    const char *kind = args_get(c, "kind");
    AL_CLEANUP(al_json_freep) json_t *body = json_object();
    json_t *ids;
    int rc = body == NULL ? AL_ENOMEM : AL_OK;

    if ((kind == NULL) == (c->word_count < 2)) {
        return al_fail_set(&c->fail, AL_EINVAL, 0, "either ids, or --kind for all of a kind");
    }
    if (rc == AL_OK && kind != NULL) {
        rc = al_json_set_str(body, "kind", kind);
    } else if (rc == AL_OK) {
        ids = json_array();
        for (size_t i = 1; ids != NULL && rc == AL_OK && i < c->word_count; i++) {
            rc = json_array_append_new(ids, json_string(c->words[i])) == 0 ? AL_OK : AL_ENOMEM;
        }
        rc = ids == NULL ? AL_ENOMEM : rc != AL_OK ? rc : al_json_set(body, "ids", ids);
    }
    if (rc == AL_OK) {
        *ret = body;
        body = NULL;
    }
    return rc;
}

static int
post(struct cli *c, const char *tail, json_t *body_taken, json_t **ret)
{
    AL_CLEANUP(al_buf_free) struct al_buf path = {0};
    int rc = volume_path(c, tail, &path);

    if (rc != AL_OK) {
        json_decref(body_taken);
        return rc;
    }
    return call(c, "POST", (const char *)path.at, body_taken, ret);
}

static void
say_plan(const json_t *plan)
{
    char size[32];

    out_size(get_count(plan, "bytes"), size);
    (void)fprintf(stderr, "alto: %llu to repair, %s to bring back from the share",
                  (unsigned long long)get_count(plan, "findings"), size);
    if (get_count(plan, "without_way") > 0) {
        (void)fprintf(stderr, "; %llu cannot be repaired from here",
                      (unsigned long long)get_count(plan, "without_way"));
    }
    if (get_count(plan, "again") > 0) {
        (void)fprintf(stderr, "; %llu of paths that are among them already",
                      (unsigned long long)get_count(plan, "again"));
    }
    (void)fprintf(stderr, "\n");
}

static int
out_plan(struct cli *c, const json_t *plan)
{
    static const struct column columns[] = {{"KIND", "kind", COL_TEXT},
                                            {"REPAIR", "way", COL_TEXT},
                                            {"FINDINGS", "findings", COL_COUNT},
                                            {"BYTES", "bytes", COL_BYTES}};
    int rc;

    if (c->json) {
        return out_json(plan);
    }
    rc = out_table(c, json_object_get(plan, "kinds"), columns, AL_LEN(columns));
    say_plan(plan);
    return rc;
}

/* With --json the jobs are one value, so they are printed when they are over. */
static int
out_jobs(struct cli *c, const json_t *answer)
{
    const json_t *jobs = json_object_get(answer, "jobs");
    int rc = AL_OK;

    if (c->json && !args_flag(c, "wait")) {
        return out_json(answer);
    }
    if (!c->json) {
        say_plan(json_object_get(answer, "plan"));
    }
    for (size_t i = 0; i < json_array_size(jobs); i++) {
        int one = job_out(c, json_array_get(jobs, i), args_flag(c, "wait"));

        rc = rc != AL_OK ? rc : one;
    }
    return rc;
}

int
cmd_orphan_repair(struct cli *c)
{
    AL_CLEANUP(al_json_freep) json_t *answer = NULL;
    json_t *body = NULL;
    bool plan = args_flag(c, "plan");
    int rc = which(c, &body);

    rc = rc != AL_OK ? rc : post(c, plan ? "/orphans/plan" : "/orphans/repair", body, &answer);
    return rc != AL_OK ? rc : plan ? out_plan(c, answer) : out_jobs(c, answer);
}

/* The server takes so many at once; of a kind there may be more. */
static int
put_all(struct cli *c, bool undo, const char *reason, uint64_t *ret)
{
    uint64_t left = 1;
    int rc = AL_OK;

    *ret = 0;
    while (rc == AL_OK && left > 0) {
        AL_CLEANUP(al_json_freep) json_t *answer = NULL;
        json_t *body = NULL;

        rc = which(c, &body);
        if (rc == AL_OK && !undo) {
            rc = al_json_set_str(body, "reason", reason);
        }
        if (rc != AL_OK) {
            json_decref(body);
            return rc;
        }
        rc = post(c, undo ? "/orphans/unignore" : "/orphans/ignore", body, &answer);
        *ret += get_count(answer, "findings");
        left = get_count(answer, "findings") > 0 ? get_count(answer, "left") : 0;
    }
    return rc;
}

int
cmd_orphan_ignore(struct cli *c)
{
    AL_CLEANUP(al_json_freep) json_t *answer = json_object();
    const char *reason = args_get(c, "reason");
    bool undo = args_flag(c, "undo");
    uint64_t count = 0;
    int rc;

    if (undo == (reason != NULL)) {
        return al_fail_set(&c->fail, AL_EINVAL, 0,
                           "--reason says why, and stands in the record; or --undo takes them up "
                           "again");
    }
    rc = answer == NULL ? AL_ENOMEM : put_all(c, undo, reason, &count);
    if (rc == AL_OK && c->json) {
        rc = al_json_set_u64(answer, "findings", count);
        return rc != AL_OK ? rc : out_json(answer);
    }
    if (rc == AL_OK) {
        (void)printf("%llu %s\n", (unsigned long long)count, undo ? "taken up again" : "put aside");
    }
    return rc;
}
