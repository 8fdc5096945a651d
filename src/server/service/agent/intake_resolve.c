#include "server/service/agent/intake_apply.h"

#include <string.h>

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
    if ((r->kind == INTAKE_ACCESS || r->kind == INTAKE_AUDIT) &&
        in->volumes[of->volume].v.audit == NULL) {
        intake_reject(r, "a volume without audit logs");
        return AL_OK;
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
