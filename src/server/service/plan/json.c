#include "server/service/plan/ask.h"
#include "server/service/work/access.h"

#include <string.h>

#define SECOND_NS INT64_C(1000000000)

void
plan_rows_json(struct al_jsonout *j, const char *key, const struct inventory_row *rows,
               size_t count)
{
    al_jo_array(j, key);
    for (size_t i = 0; i < count; i++) {
        file_row_json(j, NULL, &rows[i]);
    }
    al_jo_close(j);
}

void
plan_groups_json(struct al_jsonout *j, const char *key, const struct inventory_group *g,
                 size_t count, bool whole)
{
    al_jo_array(j, key);
    for (size_t i = 0; i < count; i++) {
        al_jo_object(j, NULL);
        al_jo_bytes(j, "name", g[i].name.at == NULL ? al_span_of("") : g[i].name);
        al_jo_u64(j, "files", g[i].files);
        al_jo_u64(j, "bytes", g[i].bytes);
        if (whole) {
            al_jo_u64(j, "allocated", g[i].allocated);
            al_jo_u64(j, "stub_files", g[i].stub_files);
            al_jo_u64(j, "stub_bytes", g[i].stub_bytes);
        }
        al_jo_close(j);
    }
    al_jo_close(j);
}

static void
edge(struct al_jsonout *j, const char *key, int64_t at, bool age)
{
    if (at == INT64_MAX || at == INT64_MIN) {
        al_jo_null(j, key);
    } else {
        al_jo_i64(j, key, age ? at / SECOND_NS : at);
    }
}

void
plan_buckets_json(struct al_jsonout *j, const char *key, const struct inventory_bucket *b,
                  size_t count, bool ages, bool whole)
{
    al_jo_array(j, key);
    for (size_t i = 0; i < count; i++) {
        al_jo_object(j, NULL);
        edge(j, ages ? "from_s" : "from", b[i].from, ages);
        edge(j, ages ? "to_s" : "to", b[i].to, ages);
        al_jo_u64(j, "files", b[i].files);
        al_jo_u64(j, "bytes", b[i].bytes);
        if (whole) {
            al_jo_u64(j, "stub_files", b[i].stub_files);
            al_jo_u64(j, "stub_bytes", b[i].stub_bytes);
        }
        al_jo_close(j);
    }
    al_jo_close(j);
}

static void
refusals_json(struct al_jsonout *j, const struct inventory_plan *plan)
{
    al_jo_array(j, "refusals");
    for (size_t i = 0; i < plan->refusal_count; i++) {
        const struct inventory_refusal *r = &plan->refusals[i];

        al_jo_object(j, NULL);
        al_jo_str(j, "reason", r->reason);
        al_jo_u64(j, "files", r->files);
        al_jo_u64(j, "bytes", r->bytes);
        al_jo_bytes(j, "sample", r->sample.at == NULL ? al_span_of("") : r->sample);
        al_jo_close(j);
    }
    al_jo_close(j);
}

void
plan_lists_json(struct al_jsonout *j, const struct inventory_plan *plan)
{
    refusals_json(j, plan);
    al_jo_array(j, "folders");
    for (size_t i = 0; i < plan->folder_count; i++) {
        al_jo_object(j, NULL);
        al_jo_bytes(j, "path", plan->folders[i].path);
        al_jo_u64(j, "files", plan->folders[i].files);
        al_jo_u64(j, "bytes", plan->folders[i].bytes);
        al_jo_close(j);
    }
    al_jo_close(j);
    plan_rows_json(j, "sample", plan->sample, plan->sample_count);
}

int
plan_held_json(struct service_req *req, const struct store_volume *v,
               const struct inventory_plan *plan, struct al_jsonout *j, struct al_fail *fail)
{
    struct access_record r;
    uint64_t files = 0, bytes = 0;

    if (v->audit == NULL) {
        al_jo_null(j, "held_for_access_record");
        al_jo_null(j, "access_record");
        return j->rc;
    }
    for (size_t i = 0; i < plan->refusal_count; i++) {
        if (strcmp(plan->refusals[i].reason, "no_access_record") == 0) {
            files += plan->refusals[i].files;
            bytes += plan->refusals[i].bytes;
        }
    }
    SV_TRY(access_record_get(req, v, &r, fail));
    al_jo_object(j, "held_for_access_record");
    al_jo_u64(j, "files", files);
    al_jo_u64(j, "bytes", bytes);
    al_jo_time(j, "covered_since_at", r.complete ? r.coverage.since_ns : 0);
    al_jo_close(j);
    return access_record_json(req, v, "access_record", j, fail);
}

void
plan_charts_json(struct al_jsonout *j, const struct inventory_plan_charts *c)
{
    al_jo_object(j, "charts");
    plan_buckets_json(j, "age", c->age, c->age_count, true, false);
    plan_buckets_json(j, "size", c->size, c->size_count, false, false);
    plan_groups_json(j, "exts", c->exts, c->ext_count, false);
    plan_groups_json(j, "owners", c->owners, c->owner_count, false);
    al_jo_close(j);
}
