#include "server/service/agent/intake_apply.h"

#include <string.h>

#define BLOCK 4096u
/* An inventory's numbers must grow within a batch too, where a scan's end lies between outcomes. */
#define RUNS_MAX 65536u

int
intake_room(struct intake *in, void *io_array, size_t item, size_t count, size_t *io_cap)
{
    void *more;
    size_t cap;

    if (count < *io_cap) {
        return AL_OK;
    }
    cap = *io_cap == 0 ? 16 : *io_cap * 2;
    more = al_arena_alloc(in->t.arena, cap * item);
    if (more == NULL) {
        return al_fail_set(in->t.fail, AL_ENOMEM, 0, "no memory for the batch");
    }
    if (count > 0) {
        memcpy(more, *(void **)io_array, count * item);
    }
    *(void **)io_array = more;
    *io_cap = cap;
    return AL_OK;
}

/* ---- whose is it ---- */

struct volume_list {
    struct intake *in;
    size_t cap;
};

static int
add_volume(void *ctx, const struct store_volume *v)
{
    struct volume_list *l = ctx;
    struct intake *in = l->in;

    SV_TRY(intake_room(in, &in->volumes, sizeof(*in->volumes), in->volume_count, &l->cap));
    in->volumes[in->volume_count] = (struct intake_volume){.v = *v};
    in->volume_count++;
    return AL_OK;
}

static size_t
find_volume(const struct intake *in, const char *id, size_t hint)
{
    if (hint < in->volume_count && strcmp(in->volumes[hint].v.id, id) == 0) {
        return hint;
    }
    for (size_t i = 0; i < in->volume_count; i++) {
        if (strcmp(in->volumes[i].v.id, id) == 0) {
            return i;
        }
    }
    return INTAKE_NONE;
}

/* *ret INTAKE_NONE: no job of this host. */
static int
find_job(struct intake *in, const char *id, size_t *ret)
{
    struct store_job j;
    int rc;

    for (size_t i = in->job_count; i > 0; i--) {
        if (strcmp(in->jobs[i - 1].j.id, id) == 0) {
            *ret = i - 1;
            return AL_OK;
        }
    }
    *ret = INTAKE_NONE;
    rc = store_job_get(in->t.db, &in->t.scope, id, in->t.arena, &j, NULL);
    if (rc == AL_ENOENT || (rc == AL_OK && strcmp(j.host_id, in->t.actor_id) != 0)) {
        return AL_OK;
    }
    SV_TRY(rc);
    SV_TRY(intake_room(in, &in->jobs, sizeof(*in->jobs), in->job_count, &in->job_cap));
    in->jobs[in->job_count] = (struct intake_job){.j = j};
    *ret = in->job_count++;
    return AL_OK;
}

/* A share this host works with: that of one of its volumes, or of the job. */
static bool
share_is_ours(const struct intake *in, const char *id, const struct intake_of *of)
{
    for (size_t i = 0; i < in->volume_count; i++) {
        if (strcmp(in->volumes[i].v.share_id, id) == 0) {
            return true;
        }
    }
    return of->job != INTAKE_NONE && strcmp(in->jobs[of->job].j.share_id, id) == 0;
}

static int
resolve_one(struct intake *in, struct intake_record *r, struct intake_of *of, size_t hint)
{
    of->volume = INTAKE_NONE;
    of->job = INTAKE_NONE;
    if (r->volume_id != NULL) {
        of->volume = find_volume(in, r->volume_id, hint);
        if (of->volume == INTAKE_NONE) {
            intake_reject(r, "a volume that this host does not have");
            return AL_OK;
        }
    }
    if (r->job_id != NULL) {
        SV_TRY(find_job(in, r->job_id, &of->job));
        if (of->job == INTAKE_NONE) {
            intake_reject(r, "a job that this host does not have");
            return AL_OK;
        }
    }
    if (r->share_id != NULL && !share_is_ours(in, r->share_id, of)) {
        intake_reject(r, "a share that this host does not use");
    }
    return AL_OK;
}

int
intake_resolve(struct intake *in)
{
    struct volume_list l = {.in = in};
    size_t hint = 0;

    in->of = al_arena_alloc(in->t.arena, (in->batch.count + 1) * sizeof(*in->of));
    if (in->of == NULL) {
        return al_fail_set(in->t.fail, AL_ENOMEM, 0, "no memory for the batch");
    }
    SV_TRY(store_volume_each(in->t.db, &in->t.scope, in->t.actor_id, NULL, in->t.arena, add_volume,
                             &l, in->t.fail));
    for (size_t i = 0; i < in->batch.count; i++) {
        struct intake_record *r = &in->batch.records[i];

        in->of[i] = (struct intake_of){.volume = INTAKE_NONE, .job = INTAKE_NONE};
        if (r->kind == INTAKE_REJECTED) {
            continue;
        }
        SV_TRY(resolve_one(in, r, &in->of[i], hint));
        if (in->of[i].volume != INTAKE_NONE) {
            hint = in->of[i].volume;
        }
    }
    return intake_again(in);
}

/* ---- the inventories ---- */

static uint64_t
whole_blocks(uint64_t bytes)
{
    return bytes / BLOCK * BLOCK + (bytes % BLOCK > 0 ? BLOCK : 0);
}

static void
became_stub(const struct intake_record *r, struct inventory_outcome *o)
{
    o->set = INVENTORY_SET_STATE | INVENTORY_SET_ALLOCATED;
    o->state = RULE_S_STUB;
    o->allocated = 0;
    if (r->object_id != NULL) {
        o->set |= INVENTORY_SET_OBJECT;
        o->object_id = r->object_id;
    }
}

/* False: nothing about the file is to be changed. */
static bool
outcome_row(const struct intake_record *r, struct inventory_outcome *o)
{
    *o = (struct inventory_outcome){.path = r->path, .ino = r->ino};
    if (r->kind != INTAKE_OUTCOME || r->path.len == 0) {
        return false;
    }
    switch (r->act) {
    case INTAKE_A_TIER:
    case INTAKE_A_ARCHIVE:
        if (r->code != AL_OK) {
            return false;
        }
        became_stub(r, o);
        o->state = r->act == INTAKE_A_ARCHIVE ? RULE_S_ARCHIVED : RULE_S_STUB;
        if (r->mtime_ns != 0) {
            o->set |= INVENTORY_SET_SIZE;
            o->size = r->size;
            o->mtime_ns = r->mtime_ns;
        }
        return true;
    case INTAKE_A_RECALL:
        if (r->code != AL_OK) {
            return false;
        }
        o->set = INVENTORY_SET_STATE | INVENTORY_SET_OBJECT;
        o->state = RULE_S_RESIDENT;
        if (strcmp(r->reason, "already_resident") == 0) {
            return true; /* nothing was moved, nobody read */
        }
        o->set |= INVENTORY_SET_ALLOCATED | INVENTORY_SET_ACCESSED;
        o->allocated = whole_blocks(r->freed > 0 ? r->freed : r->size);
        o->accessed_ns = r->ended_ns;
        o->source = INVENTORY_BY_RECALL;
        return true;
    case INTAKE_A_ADOPT:
        became_stub(r, o);
        return r->code == AL_OK;
    case INTAKE_A_RECONCILE:
        became_stub(r, o);
        return r->code == AL_OK && strcmp(r->reason, "stub_finished") == 0;
    case INTAKE_A_DROP_MARKER:
        o->set = INVENTORY_SET_STATE | INVENTORY_SET_OBJECT;
        o->state = RULE_S_RESIDENT;
        return r->code == AL_OK;
    case INTAKE_A_REFUSE:
        o->ino = 0; /* of a file that is gone nobody knows it */
        o->set = INVENTORY_SET_GONE;
        return strcmp(r->reason, "gone") == 0;
    default:
        return false;
    }
}

/* Whether the same call may go well later. What will not must not stop the host's stream: it is
 * told, and passed by. */
static bool
passes(int rc)
{
    return rc == AL_ENOMEM || rc == AL_ENOSPC || rc == AL_EIO || rc == AL_EBUSY ||
           rc == AL_ECANCELED || rc == AL_ETIMEDOUT || rc == AL_EMFILE || rc == AL_EROFS;
}

struct run { /* outcomes of one volume up to a scan's end */
    struct inventory_outcome *rows;
    size_t count;
    uint64_t number;
};

static int
apply_run(struct intake *in, struct intake_volume *v, struct run *run)
{
    struct inventory *inv = in->t.worker->service->work->inventory;
    struct inventory_scope scope = work_inventory_scope(v->v.customer_id);
    uint64_t seq = in->seq * RUNS_MAX + run->number;
    int rc;

    run->number++;
    if (run->count == 0 || v->broken) {
        return AL_OK;
    }
    rc = inventory_outcomes_apply(inv, &scope, v->v.id, in->stream, seq, run->rows, run->count,
                                  NULL);
    if (rc == AL_ENOENT) {
        SV_TRY(inventory_volume_make(inv, &scope, v->v.id, 0, in->t.fail));
        rc = inventory_outcomes_apply(inv, &scope, v->v.id, in->stream, seq, run->rows, run->count,
                                      NULL);
    }
    run->count = 0;
    if (rc == AL_OK) {
        return AL_OK;
    }
    if (passes(rc)) {
        return al_fail_set(in->t.fail, rc, 0, "the inventory did not take the batch");
    }
    /* The agent's records go into audit and jobs all the same; the next scan finds the files as
     * they are. */
    al_log(in->t.worker->service->log, AL_LOG_ERROR,
           "the inventory of volume %s does not take outcomes (%s): scan it again", v->v.id,
           al_code_name(rc));
    v->broken = true;
    return AL_OK;
}

struct lost_list {
    struct intake *in;
    struct intake_scan *scan;
};

static int
add_lost(void *ctx, const struct inventory_row *row)
{
    struct lost_list *l = ctx;
    struct intake_scan *s = l->scan;
    struct intake_lost lost = {.ino = row->ino, .size = row->size};

    SV_TRY(intake_room(l->in, &s->lost, sizeof(*s->lost), s->lost_count, &s->lost_cap));
    lost.path =
        al_arena_span(l->in->t.arena, (struct al_span){row->path.at + 1, row->path.len - 1});
    if (row->object_id[0] != '\0') {
        lost.object_id = al_arena_str(l->in->t.arena, row->object_id);
    }
    if (lost.path.at == NULL || (row->object_id[0] != '\0' && lost.object_id == NULL)) {
        return AL_ENOMEM;
    }
    s->lost[s->lost_count++] = lost;
    return AL_OK;
}

static int
end_scan(struct intake *in, struct intake_volume *v, const struct intake_record *r,
         struct intake_of *of)
{
    struct inventory *inv = in->t.worker->service->work->inventory;
    struct inventory_scope scope = work_inventory_scope(v->v.customer_id);
    struct store_work w;
    int rc = store_work_of_scan(in->t.db, &in->t.scope, in->t.actor_id, r->scan_id, in->t.arena, &w,
                                NULL);

    if (rc == AL_ENOENT || (rc == AL_OK && (w.dropped || r->code != AL_OK))) {
        /* Cancelled, begun anew, or cut: what it saw so far must not become the truth. */
        int dropped = inventory_scan_drop(inv, &scope, v->v.id, r->scan_id);
        if (passes(dropped)) {
            return al_fail_set(in->t.fail, dropped, 0, "the inventory did not drop the scan");
        }
    }
    if (rc == AL_ENOENT) {
        return AL_OK;
    }
    SV_TRY(rc);
    of->scan = al_arena_alloc(in->t.arena, sizeof(*of->scan));
    if (of->scan == NULL) {
        return AL_ENOMEM;
    }
    of->scan->rc = r->code;
    if (r->code != AL_OK || w.dropped) {
        return AL_OK;
    }
    rc = inventory_scan_end(inv, &scope, v->v.id, r->scan_id, in->t.now_ns, &of->scan->result);
    of->scan->rc = rc;
    if (rc == AL_OK) {
        rc = inventory_lost(inv, &scope, v->v.id, INTAKE_LOST_MAX, add_lost,
                            &(struct lost_list){in, of->scan});
    }
    return passes(rc) ? al_fail_set(in->t.fail, rc, 0, "the inventory did not take the scan's end")
                      : AL_OK; /* the job tells it; sending it again would not help */
}

static int
inventory_of_volume(struct intake *in, size_t volume)
{
    struct intake_volume *v = &in->volumes[volume];
    struct run run = {0};
    size_t count = 1;

    for (size_t i = 0; i < in->batch.count; i++) {
        count += in->of[i].volume == volume;
    }
    run.rows = al_arena_alloc(in->t.arena, count * sizeof(*run.rows));
    if (run.rows == NULL) {
        return al_fail_set(in->t.fail, AL_ENOMEM, 0, "no memory for the batch");
    }
    for (size_t i = 0; i < in->batch.count; i++) {
        const struct intake_record *r = &in->batch.records[i];

        if (in->of[i].volume != volume) {
            continue;
        }
        if (r->kind == INTAKE_SCAN_END) {
            SV_TRY(apply_run(in, v, &run));
            SV_TRY(end_scan(in, v, r, &in->of[i]));
        } else if (!in->of[i].again && !in->of[i].late && outcome_row(r, &run.rows[run.count])) {
            run.count++;
        }
    }
    return apply_run(in, v, &run);
}

int
intake_inventory(struct intake *in)
{
    for (size_t i = 0; i < in->batch.count; i++) {
        if (in->of[i].volume != INTAKE_NONE) {
            in->volumes[in->of[i].volume].used = true;
        }
    }
    for (size_t v = 0; v < in->volume_count; v++) {
        if (in->volumes[v].used) {
            SV_TRY(inventory_of_volume(in, v));
        }
    }
    return AL_OK;
}
