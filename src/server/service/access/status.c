/* How it stands with the audit logs of a volume, and what is to be done about it. */
#include "server/service/access/access.h"
#include "server/service/access/ops.h"
#include "server/service/work/access.h"

#include <stdio.h>
#include <string.h>

#define SECOND_NS INT64_C(1000000000)

/* ---- what to do next ---- */

/* Of the host: why nothing, or nothing more, is heard of it. */
static const char *
step_for_host(const struct store_host *h, bool told)
{
    if (h->expected) {
        return "Enrol an agent on this volume's host: none is there yet";
    }
    if (!h->online) {
        return "Start the agent of this volume's host, or see why it does not reach altod";
    }
    return told
               ? "The host is connected but tells nothing new of this volume: see its agent's log, "
                 "and whether its clock is right"
               : "The host is connected and tells within a minute; an agent of before audit logs "
                 "were followed has to be updated";
}

static const char *
next_step(const struct access_record *r, const struct store_host *h)
{
    const char *state = r->told.state;

    if (strcmp(state, "untold") == 0) {
        return step_for_host(h, false);
    }
    if (r->stale) {
        return step_for_host(h, true);
    }
    if (strcmp(state, "absent") == 0) {
        return "Switch the audit trail on as an administrator of the filespace (lucid3 config "
               "--global --set --Audit.FsEvents 1; before version 3: lucid config ...); where it "
               "is "
               "on, see whether the filespace is mounted on the host and set the volume's root";
    }
    if (strcmp(state, "denied") == 0) {
        return "Mount the filespace on the host as one of its administrators, and so that the "
               "agent may read the mount (--fuse-allow-other)";
    }
    if (strcmp(state, "silent") == 0) {
        return "Where people use the filespace, see whether the audit trail was switched off; "
               "where it is only quiet, raise the volume's silence_hours";
    }
    if (r->told.rejected > 0) {
        return "altod could not take some rows of the host: see the record of events for "
               "host.rejected_record, and update the older of agent and altod";
    }
    return "";
}

/* ---- counts ---- */

static const struct {
    const char *name, *kind, *text;
} counts[] =
    {
        {"lines", "read", "lines that were read"},
        {"events", "read", "lines that told of an event"},
        {"other", "read", "events of an action that is new to the agent"},
        {"clamped", "read", "events from the future, by a clock that is wrong"},
        {"outside", "dropped", "events outside of this volume"},
        {"own", "dropped", "events of the agent itself"},
        {"named", "dropped", "events of people, hosts and nodes that the volume's settings name"},
        {"ignored_files", "dropped", "files among the logs whose names are not those of logs"},
},
  skips[] = {
      {"junk", "skipped", "no JSON object"},
      {"time", "skipped", "no timestamp, or one before 2000"},
      {"action", "skipped", "no action"},
      {"path", "skipped", "no path that can be one"},
      {"long", "skipped", "longer than 1 MiB"},
      {"own", "skipped", "about the audit logs themselves"},
};

static void
count_json(struct al_jsonout *j, const char *name, const char *kind, const char *text,
           const json_t *value)
{
    al_jo_object(j, NULL);
    al_jo_str(j, "name", name);
    al_jo_str(j, "kind", kind);
    al_jo_str(j, "text", text);
    al_jo_u64(j, "count", (uint64_t)json_integer_value(value));
    al_jo_close(j);
}

static const char *
skip_text(const char *name)
{
    for (size_t i = 0; i < AL_LEN(skips); i++) {
        if (strcmp(skips[i].name, name) == 0) {
            return skips[i].text;
        }
    }
    return name;
}

static void
counts_json(struct al_jsonout *j, const char *told)
{
    AL_CLEANUP(al_json_freep) json_t *all = NULL;
    const char *key;
    json_t *value;

    al_jo_array(j, "counts");
    if (al_json_parse(al_span_of(told), &all, NULL) == AL_OK) { /* as intake wrote it */
        for (size_t i = 0; i < AL_LEN(counts); i++) {
            count_json(j, counts[i].name, counts[i].kind, counts[i].text,
                       json_object_get(all, counts[i].name));
        }
        json_object_foreach(json_object_get(all, "skipped"), key, value)
        {
            count_json(j, key, "skipped", skip_text(key), value);
        }
    }
    al_jo_close(j);
}

/* ---- the whole ---- */

static void
lag_json(struct al_jsonout *j, const char *key, int64_t at_ns, int64_t now_ns)
{
    if (at_ns == 0) {
        al_jo_null(j, key);
    } else {
        al_jo_i64(j, key, now_ns > at_ns ? (now_ns - at_ns) / SECOND_NS : 0);
    }
}

static void
bytes_json(struct al_jsonout *j, const char *key, struct al_span bytes)
{
    al_jo_bytes(j, key, bytes.at == NULL ? al_span_of("") : bytes);
}

static void
told_json(struct al_jsonout *j, const struct access_record *r)
{
    const struct store_access *x = &r->told;

    bytes_json(j, "root", x->root);
    bytes_json(j, "filespace", x->filespace);
    bytes_json(j, "filespace_uuid", x->filespace_uuid);
    al_jo_u64(j, "files", x->files);
    al_jo_u64(j, "active_files", x->active_files);
    counts_json(j, x->counts);
    al_jo_u64(j, "rejected", x->rejected);
    if (x->sample_why[0] == '\0') {
        al_jo_null(j, "sample");
        return;
    }
    al_jo_object(j, "sample");
    al_jo_str(j, "why", x->sample_why);
    bytes_json(j, "text", x->sample);
    al_jo_close(j);
}

static void
sample_json(struct al_jsonout *j, const json_t *s)
{
    static const char *const texts[] = {"log", "log_b64", "line", "line_b64"};
    const char *why = json_string_value(json_object_get(s, "why"));

    al_jo_object(j, NULL);
    al_jo_str(j, "why", why);
    al_jo_str(j, "text", why == NULL ? NULL : skip_text(why));
    al_jo_u64(j, "offset", (uint64_t)json_integer_value(json_object_get(s, "offset")));
    al_jo_time(j, "at", json_integer_value(json_object_get(s, "time_ns")));
    for (size_t i = 0; i < AL_LEN(texts); i++) {
        const char *text = json_string_value(json_object_get(s, texts[i]));

        if (text != NULL) {
            al_jo_str(j, texts[i], text);
        }
    }
    al_jo_close(j);
}

static void
samples_json(struct al_jsonout *j, const char *told)
{
    AL_CLEANUP(al_json_freep) json_t *all = NULL;

    al_jo_array(j, "samples");
    if (al_json_parse(al_span_of(told), &all, NULL) == AL_OK) { /* as intake wrote it */
        for (size_t i = 0; i < json_array_size(all); i++) {
            sample_json(j, json_array_get(all, i));
        }
    }
    al_jo_close(j);
}

static int
last_number(void *ctx, const struct inventory_access_event *e)
{
    *(uint64_t *)ctx = e->number;
    return AL_OK;
}

int
access_volume(struct service_req *req, struct store_volume *ret, struct al_fail *fail)
{
    SV_TRY(work_volume(req, ret, fail));
    return ret->audit != NULL
               ? AL_OK
               : al_fail_set(fail, AL_ECONFLICT, 0,
                             "this volume has no audit logs: only volumes of kind lucidlink do");
}

int
access_status(struct service_req *req, const struct store_volume *v, struct access_status *ret,
              struct al_fail *fail)
{
    struct scope scope = service_scope(req->caller);

    SV_TRY(access_record_get(req, v, &ret->record, fail));
    SV_TRY(store_host_get(req->worker->db, &scope, v->host_id, req->arena, &ret->host, fail));
    return store_access_nodes_sum(req->worker->db, &scope, v->id, NULL, &ret->nodes, fail);
}

void
access_status_json(struct al_jsonout *j, const struct store_volume *v,
                   const struct access_status *s, int64_t now_ns)
{
    const struct access_record *r = &s->record;

    al_jo_str(j, "volume_id", v->id);
    al_jo_str(j, "state", r->told.state);
    al_jo_bool(j, "stale", r->stale);
    al_jo_bool(j, "complete", r->complete);
    al_jo_str(j, "text", r->text);
    al_jo_str(j, "next_step", next_step(r, &s->host));
    al_jo_time(j, "since_at", r->told.since_ns);
    al_jo_time(j, "covered_since_at", r->coverage.since_ns);
    al_jo_time(j, "last_event_at", r->told.last_event_ns);
    al_jo_time(j, "told_at", r->told.told_ns);
    lag_json(j, "lag_s", r->told.told_ns, now_ns);
    lag_json(j, "event_lag_s", r->told.last_event_ns, now_ns);
    al_jo_u64(j, "behind_bytes", r->told.behind_bytes);
    al_jo_object(j, "nodes");
    al_jo_u64(j, "total", s->nodes.total);
    al_jo_u64(j, "active", s->nodes.active);
    al_jo_u64(j, "behind", s->nodes.behind);
    al_jo_close(j);
}

int
access_get(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    struct inventory_scope inside;
    struct access_status s;
    uint64_t number = 0;
    struct store_volume v;
    struct al_jsonout j;
    int rc;

    SV_TRY(access_volume(req, &v, fail));
    SV_TRY(access_status(req, &v, &s, fail));
    inside = work_ask_scope(req->service->work, v.customer_id);
    rc = inventory_access_recent(req->service->work->inventory, &inside, v.id, (struct al_span){0},
                                 0, 0, 1, last_number, &number);
    if (rc != AL_OK && rc != AL_ENOENT) {
        return al_fail_set(fail, rc, 0, "the inventory could not be asked: %s", al_code_name(rc));
    }
    al_jo_begin(&j, &reply->body);
    al_jo_object(&j, NULL);
    access_status_json(&j, &v, &s, req->now_ns);
    told_json(&j, &s.record);
    samples_json(&j, s.record.told.samples);
    al_jo_u64(&j, "last_number", number);
    al_jo_close(&j);
    return al_jo_end(&j);
}
