/* What reconciles found, into the store. Findings are no acts: the record of the audit has one event
 * of each walk, with its sums. */
#include "server/service/agent/intake_apply.h"
#include "server/service/agent/intake_read.h"

#include <string.h>

/* ---- read ---- */

/* False: it tells nothing that could be looked for. */
static bool
read_finding(struct intake_reading *r, struct store_orphan *to)
{
    const char *object = intake_get_id(r, "object_id");

    to->kind = orphan_kind_of(intake_get_text(r, "kind", INTAKE_NAME_MAX));
    to->path = intake_get_path(r, "path");
    to->object_id = object != NULL ? object : "";
    to->size = intake_get_count(r, "size");
    to->mtime_ns = intake_get_number(r, "mtime_ns", INT64_MIN, INT64_MAX);
    to->text = intake_get_text(r, "text", STORE_ORPHAN_TEXT_MAX);
    return r->bad == NULL && to->kind != ORPHAN_KINDS && to->path.len > 0 &&
           !(orphan_by_object(to->kind) && object == NULL);
}

void
intake_read_findings(struct intake_reading *r, struct intake_record *to)
{
    const json_t *items = json_object_get(r->obj, "items");
    struct intake_findings *f = al_arena_alloc(r->arena, sizeof(*f));
    size_t count = json_array_size(items);

    to->kind = INTAKE_FINDINGS;
    to->volume_id = intake_get_id(r, "volume_id");
    if (to->volume_id == NULL || count == 0 || count > INTAKE_FINDINGS_MAX) {
        r->bad = r->bad != NULL ? r->bad : "findings without their volume, none, or too many";
        return;
    }
    if (f != NULL) {
        f->rows = al_arena_alloc(r->arena, count * sizeof(*f->rows));
    }
    if (f == NULL || f->rows == NULL) {
        r->no_memory = true;
        return;
    }
    for (size_t i = 0; i < count && !r->no_memory; i++) {
        struct intake_reading one = {.arena = r->arena, .obj = json_array_get(items, i)};

        if (read_finding(&one, &f->rows[f->count])) {
            f->count++;
        } else {
            f->rejected++;
        }
        r->no_memory = r->no_memory || one.no_memory;
    }
    to->findings = f;
}

void
intake_read_walk(struct intake_reading *r, struct intake_record *to)
{
    const char *step = intake_get_text(r, "step", INTAKE_NAME_MAX);

    to->kind = INTAKE_WALK;
    to->volume_id = intake_get_id(r, "volume_id");
    to->work_id = intake_get_id(r, "work_id");
    to->begins = strcmp(step, "begin") == 0;
    if (to->volume_id == NULL || to->work_id == NULL || (!to->begins && strcmp(step, "end") != 0)) {
        r->bad = r->bad != NULL ? r->bad : "a walk without its volume, work or step";
        return;
    }
    to->walk.stubs = json_is_true(json_object_get(r->obj, "stubs"));
    to->walk.objects = json_is_true(json_object_get(r->obj, "objects"));
    to->walk.objects_seen = intake_get_count(r, "objects_seen");
    to->walk.text = intake_get_text(r, "text", INTAKE_TEXT_MAX);
    memcpy(to->walk.work_id, to->work_id, sizeof(al_id));
}

/* ---- store ---- */

static int
seen(struct intake *in, const struct store_volume *v, const struct store_orphan *found)
{
    struct store_orphan o = *found;
    bool news;

    memcpy(o.volume_id, v->id, sizeof(al_id));
    memcpy(o.customer_id, v->customer_id, sizeof(al_id));
    SV_TRY(store_orphan_seen(in->t.db, &in->t.scope, &o, in->t.now_ns, &news, in->t.fail));
    return news ? work_touch(&in->t, WORK_T_ORPHANS, v->id, v->customer_id) : AL_OK;
}

int
intake_store_findings(struct intake *in, const struct intake_record *r, const struct intake_of *of)
{
    const struct store_volume *v = &in->volumes[of->volume].v;

    for (size_t i = 0; i < r->findings->count; i++) {
        SV_TRY(seen(in, v, &r->findings->rows[i]));
    }
    return AL_OK;
}

struct sums {
    uint64_t open[ORPHAN_KINDS];
};

static int
add_sum(void *ctx, const struct store_orphan_sum *sum)
{
    struct sums *s = ctx;

    s->open[sum->kind] += sum->state == STORE_OR_OPEN ? sum->findings : 0;
    return AL_OK;
}

static int
walk_event(struct intake *in, const struct store_volume *v, const struct intake_record *r,
           uint64_t mended)
{
    struct sums sums = {{0}};
    struct al_jsonout j;

    SV_TRY(store_orphan_sums(in->t.db, &in->t.scope, NULL, v->id, add_sum, &sums, in->t.fail));
    al_buf_clear(&in->detail);
    al_jo_begin(&j, &in->detail);
    al_jo_object(&j, NULL);
    al_jo_object(&j, "open");
    for (unsigned i = 0; i < ORPHAN_KINDS; i++) {
        if (sums.open[i] > 0) {
            al_jo_u64(&j, orphan_kind_name((enum orphan_kind)i), sums.open[i]);
        }
    }
    al_jo_close(&j);
    al_jo_u64(&j, "mended", mended);
    al_jo_bool(&j, "stubs", r->walk.stubs);
    al_jo_bool(&j, "objects", r->walk.objects);
    al_jo_str(&j, "text", r->walk.text);
    al_jo_close(&j);
    SV_TRY(al_jo_end(&j));
    return work_event(&in->t, &(struct work_event){
                                  .customer_id = v->customer_id,
                                  .act = "volume.reconciled",
                                  .subject_type = "volume",
                                  .subject_id = v->id,
                                  .subject = al_span_of(v->name),
                                  .detail = &in->detail,
                              });
}

int
intake_store_walk(struct intake *in, const struct intake_record *r, const struct intake_of *of)
{
    const struct store_volume *v = &in->volumes[of->volume].v;
    struct store_orphan_walk w = r->walk;
    uint64_t mended = 0;

    memcpy(w.volume_id, v->id, sizeof(al_id));
    memcpy(w.customer_id, v->customer_id, sizeof(al_id));
    SV_TRY(work_touch(&in->t, WORK_T_ORPHANS, v->id, v->customer_id));
    if (r->begins) {
        return store_orphan_walk_begin(in->t.db, &in->t.scope, &w, in->t.now_ns, in->t.fail);
    }
    SV_TRY(store_orphan_walk_end(in->t.db, &in->t.scope, &w, in->t.now_ns, &mended, in->t.fail));
    return walk_event(in, v, r, mended);
}

/* The reasons of alarms are names of kinds where a reconcile can find the same. */
static int
alarm(struct intake *in, const struct intake_record *r, const struct store_volume *v)
{
    struct store_orphan o = {
        .kind = orphan_kind_of(r->reason),
        .path = r->path,
        .object_id = r->object_id != NULL ? r->object_id : "",
        .size = r->size,
        .mtime_ns = r->mtime_ns,
        .text = r->text,
    };

    return o.kind == ORPHAN_KINDS || orphan_by_object(o.kind) ? AL_OK : seen(in, v, &o);
}

int
intake_orphan_outcome(struct intake *in, const struct intake_record *r, const struct intake_of *of)
{
    const struct store_volume *v;
    uint64_t over = 0;

    if (of->volume == INTAKE_NONE || r->path.len == 0) {
        return AL_OK;
    }
    v = &in->volumes[of->volume].v;
    if (r->act == INTAKE_A_ALARM) {
        return alarm(in, r, v);
    }
    if (r->code != AL_OK || (r->act != INTAKE_A_RECALL && r->act != INTAKE_A_ADOPT &&
                             r->act != INTAKE_A_DROP_MARKER && r->act != INTAKE_A_REPAIR)) {
        return AL_OK;
    }
    SV_TRY(store_orphan_over(in->t.db, &in->t.scope, v->id, r->path,
                             r->object_id != NULL ? r->object_id : "", in->t.now_ns, &over,
                             in->t.fail));
    return over > 0 ? work_touch(&in->t, WORK_T_ORPHANS, v->id, v->customer_id) : AL_OK;
}
