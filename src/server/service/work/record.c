/* How far the record of accesses of a volume is to be trusted. */
#include "server/service/work/access.h"

#include <stdio.h>
#include <string.h>

static bool
is_stale(const struct inventory_coverage *c, int64_t now_ns)
{
    return now_ns - c->told_ns >= INVENTORY_COVERAGE_LAG_NS;
}

static bool
is_complete(const struct inventory_coverage *c, int64_t now_ns)
{
    return c->live && c->since_ns > 0 && !is_stale(c, now_ns);
}

static const char nothing_cold[] = "nothing is called cold";

/* "2026-11-23 08:30 UTC" */
static void
minute_text(int64_t ns, char to[AL_TIME_TEXT_MAX])
{
    al_time_text(ns, to);
    to[10] = ' ';
    (void)snprintf(to + 16, AL_TIME_TEXT_MAX - 16, " UTC");
}

static void
record_text(struct access_record *r)
{
    const char *state = r->told.state;
    char since[AL_TIME_TEXT_MAX], covered[AL_TIME_TEXT_MAX], heard[AL_TIME_TEXT_MAX];
    char *to = r->text;

    minute_text(r->told.since_ns, since);
    minute_text(r->coverage.since_ns, covered);
    minute_text(r->coverage.told_ns, heard);
    if (strcmp(state, "untold") == 0) {
        (void)snprintf(to, sizeof(r->text), "Nothing was told of the audit logs yet: %s",
                       nothing_cold);
    } else if (strcmp(state, "absent") == 0) {
        (void)snprintf(to, sizeof(r->text), "Audit logs are absent since %s: %s", since,
                       nothing_cold);
    } else if (strcmp(state, "denied") == 0) {
        (void)snprintf(to, sizeof(r->text), "Audit logs may not be read since %s: %s", since,
                       nothing_cold);
    } else if (strcmp(state, "silent") == 0) {
        (void)snprintf(to, sizeof(r->text),
                       "Nobody writes to the audit logs since %s, as if they were switched off: %s",
                       since, nothing_cold);
    } else if (r->stale) {
        (void)snprintf(to, sizeof(r->text), "Nothing was heard of the audit logs since %s: %s",
                       heard, nothing_cold);
    } else if (!r->complete) {
        (void)snprintf(to, sizeof(r->text),
                       "Audit logs are read, but it is not known yet since when they are complete: "
                       "%s",
                       nothing_cold);
    } else {
        (void)snprintf(to, sizeof(r->text),
                       "Audit logs are complete since %s: no file counts as unused for longer",
                       covered);
    }
}

int
access_record_get(struct service_req *req, const struct store_volume *v, struct access_record *ret,
                  struct al_fail *fail)
{
    struct inventory_scope inside = work_inventory_scope(v->customer_id);
    struct scope scope = service_scope(req->caller);
    struct access_record r = {0};
    int rc;

    SV_TRY(store_access_get(req->worker->db, &scope, v->id, req->arena, &r.told, fail));
    rc = inventory_coverage(req->service->work->inventory, &inside, v->id, &r.coverage);
    if (rc != AL_OK && rc != AL_ENOENT) {
        return al_fail_set(fail, rc, 0, "the inventory could not be asked: %s", al_code_name(rc));
    }
    r.stale = r.told.told_ns > 0 && is_stale(&r.coverage, req->now_ns);
    r.complete = is_complete(&r.coverage, req->now_ns);
    record_text(&r);
    *ret = r;
    return AL_OK;
}

int
access_record_json(struct service_req *req, const struct store_volume *v, const char *key,
                   struct al_jsonout *j, struct al_fail *fail)
{
    struct access_record r;

    if (v->audit == NULL) {
        al_jo_null(j, key);
        return j->rc;
    }
    SV_TRY(access_record_get(req, v, &r, fail));
    al_jo_object(j, key);
    al_jo_str(j, "state", r.told.state);
    al_jo_bool(j, "complete", r.complete);
    al_jo_time(j, "covered_since_at", r.coverage.since_ns);
    al_jo_str(j, "text", r.text);
    al_jo_close(j);
    return j->rc;
}
