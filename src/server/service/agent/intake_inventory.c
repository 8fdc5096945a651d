/* What a batch does to the inventories of its volumes. */
#include "server/service/agent/intake_apply.h"

#include <string.h>

#define BLOCK 4096u
/* An inventory's numbers must grow within a batch too, where other records lie between outcomes: one for
 * each record, and one where the rows of audit logs are more than one call takes. */
#define RUNS_MAX (INTAKE_RECORDS_MAX * 2u)

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

/* What was archived is a file again, under whatever name. Its inode is told of stubs alone. */
static void
came_back(const struct intake_record *r, struct inventory_outcome *o)
{
    o->path = r->now_path.len > 0 ? r->now_path : r->path;
    o->came_back = r->object_id;
    if (r->mtime_ns != 0) {
        o->set |= INVENTORY_SET_SIZE | INVENTORY_SET_MAKE;
        o->size = r->size;
        o->mtime_ns = r->mtime_ns;
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
        if (r->ino == 0 && r->object_id != NULL) {
            came_back(r, o);
        }
        if (strcmp(r->reason, "already_resident") == 0) {
            return true; /* nothing was moved, nobody read */
        }
        o->set |= INVENTORY_SET_ALLOCATED | INVENTORY_SET_ACCESSED;
        o->allocated = whole_blocks(r->freed > 0 ? r->freed : r->size);
        o->accessed_ns = r->ended_ns;
        o->source = INVENTORY_BY_RECALL;
        return true;
    case INTAKE_A_READ: /* it stays a stub; but somebody reads it */
        o->set = INVENTORY_SET_ACCESSED;
        o->accessed_ns = r->ended_ns;
        o->source = INVENTORY_BY_RECALL;
        return r->code == AL_OK;
    case INTAKE_A_ADOPT:
        became_stub(r, o);
        return r->code == AL_OK;
    case INTAKE_A_RECONCILE:
        became_stub(r, o);
        return r->code == AL_OK && strcmp(r->reason, "stub_finished") == 0;
    case INTAKE_A_REPAIR: /* a stub again; what was brought back is told as a recall */
        became_stub(r, o);
        return r->code == AL_OK;
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

/* What goes to the inventory of one volume as one numbered batch: outcomes, or rows of audit logs, up to
 * records of another kind, so that everything comes in the order in which the host told it. */
struct run {
    struct inventory_outcome *rows;
    struct inventory_access *accesses; /* INVENTORY_ACCESS_ROWS_MAX at most */
    size_t count, access_count, access_cap;
    uint64_t number;
};

/* *ret_rc: what the inventory said in the end. */
static int
give(struct intake *in, struct intake_volume *v, const struct run *run, uint64_t seq, int *ret_rc)
{
    struct inventory *inv = in->t.worker->service->work->inventory;
    struct inventory_scope scope = work_inventory_scope(v->v.customer_id);
    struct inventory_access_result result = {0};
    int rc = AL_ENOENT;

    for (int tries = 0; rc == AL_ENOENT && tries < 2; tries++) {
        if (tries > 0) {
            SV_TRY(inventory_volume_make(inv, &scope, v->v.id, 0, in->t.fail));
        }
        rc = run->access_count > 0
                 ? inventory_access_apply(inv, &scope, v->v.id, in->stream, seq, run->accesses,
                                          run->access_count, in->t.now_ns, &result)
                 : inventory_outcomes_apply(inv, &scope, v->v.id, in->stream, seq, run->rows,
                                            run->count, NULL);
    }
    if (rc == AL_OK && result.overflow) {
        v->floor_ns = in->t.now_ns;
    }
    *ret_rc = rc;
    return AL_OK;
}

static int
apply_run(struct intake *in, struct intake_volume *v, struct run *run)
{
    uint64_t seq = in->seq * RUNS_MAX + run->number;
    bool accesses;
    int rc;

    if (run->count == 0 && run->access_count == 0) {
        return AL_OK;
    }
    run->number++;
    accesses = run->access_count > 0;
    if (v->broken) {
        run->count = run->access_count = 0;
        v->floor_ns = accesses ? in->t.now_ns : v->floor_ns;
        return AL_OK;
    }
    SV_TRY(give(in, v, run, seq, &rc));
    run->count = run->access_count = 0;
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
    v->floor_ns =
        accesses ? in->t.now_ns : v->floor_ns; /* what was lost may have been any file's */
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
    rc = r->follows == NULL
             ? inventory_scan_end(inv, &scope, v->v.id, r->scan_id, in->t.now_ns, &of->scan->result)
             : inventory_increment_end(inv, &scope, v->v.id, r->scan_id, r->follows, in->t.now_ns,
                                       &of->scan->result);
    of->scan->rc = rc;
    if (rc == AL_OK) {
        rc = inventory_lost(inv, &scope, v->v.id, INTAKE_LOST_MAX, add_lost,
                            &(struct lost_list){in, of->scan});
    }
    return passes(rc) ? al_fail_set(in->t.fail, rc, 0, "the inventory did not take the scan's end")
                      : AL_OK; /* the job tells it; sending it again would not help */
}

/* ---- what audit logs told ---- */

static int
add_accesses(struct intake *in, struct intake_volume *v, struct run *run,
             const struct intake_access *a)
{
    for (size_t i = 0; i < a->count; i++) {
        if (run->access_count == run->access_cap) {
            SV_TRY(apply_run(in, v, run)); /* rather more batches than one above the limit */
        }
        run->accesses[run->access_count++] = a->rows[i];
    }
    return AL_OK;
}

static int
set_coverage(struct intake *in, const struct intake_volume *v, const struct inventory_coverage *c)
{
    struct inventory_scope scope = work_inventory_scope(v->v.customer_id);
    int rc = inventory_coverage_set(in->t.worker->service->work->inventory, &scope, v->v.id, c);

    if (passes(rc)) {
        return al_fail_set(in->t.fail, rc, 0, "the inventory does not take its coverage");
    }
    if (rc != AL_OK) { /* it goes stale by itself, and holds everything back */
        al_log(in->t.worker->service->log, AL_LOG_ERROR,
               "the inventory of volume %s does not take its coverage: %s", v->v.id,
               al_code_name(rc));
    }
    return AL_OK;
}

/* Accesses were lost, and the host says nothing of it in this batch. */
static int
coverage_anew(struct intake *in, struct intake_volume *v)
{
    struct inventory_scope scope = work_inventory_scope(v->v.customer_id);
    struct inventory_coverage c;

    if (v->floor_ns == 0 ||
        inventory_coverage(in->t.worker->service->work->inventory, &scope, v->v.id, &c) != AL_OK) {
        return AL_OK; /* nothing known is nothing trusted */
    }
    c.since_ns = c.since_ns == 0 || c.since_ns > v->floor_ns ? c.since_ns : v->floor_ns;
    return set_coverage(in, v, &c);
}

/* The time since which the record is complete. Whatever the host says, it is not before the inventory
 * had to begin anew: that shows where it is later than what was told. */
static int
coverage(struct intake *in, struct intake_volume *v, const struct intake_audit *told)
{
    struct inventory *inv = in->t.worker->service->work->inventory;
    struct inventory_scope scope = work_inventory_scope(v->v.customer_id);
    struct inventory_coverage c = {0}, was = {0};
    struct store_access known;
    int64_t before;
    int rc;

    SV_TRY(store_access_get(in->t.db, &in->t.scope, v->v.id, in->t.arena, &known, in->t.fail));
    rc = inventory_coverage(inv, &scope, v->v.id, &was);
    if (passes(rc)) {
        return al_fail_set(in->t.fail, rc, 0, "the inventory does not tell its coverage");
    }
    before = known.covered_ns > known.floor_ns ? known.covered_ns : known.floor_ns;
    if (was.since_ns > before && was.since_ns != told->x.covered_ns && v->floor_ns == 0) {
        v->floor_ns = was.since_ns;
    }
    v->floor_ns = v->floor_ns > known.floor_ns ? v->floor_ns : known.floor_ns;
    c.audited = true;
    c.live = strcmp(told->x.state, "live") == 0;
    c.since_ns = told->x.covered_ns == 0 || told->x.covered_ns > v->floor_ns ? told->x.covered_ns
                                                                             : v->floor_ns;
    c.since_ns = c.since_ns < in->t.now_ns ? c.since_ns : in->t.now_ns;
    c.told_ns = intake_heard_ns(in, told->x.told_ns);
    return set_coverage(in, v, &c);
}

/* ---- the whole ---- */

/* Room for what the batch brings to this volume. */
static int
run_begin(struct intake *in, size_t volume, struct run *run)
{
    size_t count = 1, accesses = 0;

    *run = (struct run){0};
    for (size_t i = 0; i < in->batch.count; i++) {
        if (in->of[i].volume == volume) {
            const struct intake_record *r = &in->batch.records[i];

            count += r->kind == INTAKE_OUTCOME;
            accesses += r->kind == INTAKE_ACCESS ? r->access->count : 0;
        }
    }
    run->access_cap = accesses < INVENTORY_ACCESS_ROWS_MAX ? accesses : INVENTORY_ACCESS_ROWS_MAX;
    run->rows = al_arena_alloc(in->t.arena, count * sizeof(*run->rows));
    run->accesses = al_arena_alloc(in->t.arena, (run->access_cap + 1) * sizeof(*run->accesses));
    return run->rows == NULL || run->accesses == NULL
               ? al_fail_set(in->t.fail, AL_ENOMEM, 0, "no memory for the batch")
               : AL_OK;
}

/* A file and its stub change places on Windows: each has a number of its own, so that only the name says
 * which row is meant. */
static bool
row_of(const struct intake_volume *v, const struct intake_record *r, struct inventory_outcome *o)
{
    bool is = outcome_row(r, o);

    if (strcmp(v->v.kind, "ntfs") == 0) {
        o->ino = 0;
    }
    return is;
}

static int
inventory_of_volume(struct intake *in, size_t volume)
{
    struct intake_volume *v = &in->volumes[volume];
    const struct intake_audit *told = NULL;
    struct run run;

    SV_TRY(run_begin(in, volume, &run));
    for (size_t i = 0; i < in->batch.count; i++) {
        const struct intake_record *r = &in->batch.records[i];

        if (in->of[i].volume != volume) {
            continue;
        }
        if (r->kind == INTAKE_SCAN_END) {
            SV_TRY(apply_run(in, v, &run));
            SV_TRY(end_scan(in, v, r, &in->of[i]));
        } else if (r->kind == INTAKE_ACCESS) {
            SV_TRY(run.count > 0 ? apply_run(in, v, &run) : AL_OK);
            SV_TRY(add_accesses(in, v, &run, r->access));
        } else if (r->kind == INTAKE_AUDIT) {
            told = r->audit; /* the last one counts: they tell how it stands, not what happened */
        } else if (!in->of[i].again && !in->of[i].late && r->kind == INTAKE_OUTCOME) {
            SV_TRY(run.access_count > 0 ? apply_run(in, v, &run) : AL_OK);
            run.count += row_of(v, r, &run.rows[run.count]);
        }
    }
    SV_TRY(apply_run(in, v, &run));
    return told == NULL ? coverage_anew(in, v) : coverage(in, v, told);
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
