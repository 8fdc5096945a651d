/* findings.c: what a reconcile found, on its way to the server. The server ends what a walk did not find
 * again, so the walk says when it began, and at its end what it came to; both are in the spool in order
 * with everything else that is told. */
#include "agent/run/agent.h"

#include <string.h>

#include "agent/reconcile/objects.h"
#include "base/jsonout.h"

#define LINE_MAX (64u << 10) /* of a record; the server takes no longer one */
#define LINE_ENOUGH (40u << 10)
#define FINDINGS_MAX 512u /* of a record, likewise */
#define END_MAX 4096u
#define WAIT_NS 200000000

static void
ids(struct al_jsonout *j, const struct agent_work *aw)
{
    al_jo_str(j, "work_id", aw->work->work_id);
    al_jo_str(j, "volume_id", aw->work->volume_id);
}

/* A full spool holds the walk up until the server has taken some of it. */
static int
flush(struct findings *f)
{
    struct spool *spool = f->aw->agent->spool;
    int rc;

    if (f->count == 0) {
        return AL_OK;
    }
    while (spool_full(spool) && !work_stops(f->aw)) {
        port_sleep_ns(f->aw->agent->port, WAIT_NS);
    }
    rc = al_buf_adds(&f->line, "]}");
    rc = rc != AL_OK ? rc : spool_put(spool, al_buf_span(&f->line), NULL);
    al_buf_clear(&f->line);
    f->count = 0;
    return rc;
}

static int
head(struct findings *f)
{
    struct al_jsonout j;
    int rc;

    al_jo_begin(&j, &f->line);
    al_jo_object(&j, NULL);
    al_jo_str(&j, "t", "findings");
    ids(&j, f->aw);
    al_jo_close(&j);
    rc = al_jo_end(&j);
    if (rc != AL_OK) {
        return rc;
    }
    f->line.len--; /* the items come in */
    return al_buf_adds(&f->line, ",\"items\":[");
}

static int
item(struct findings *f, const struct reconcile_finding *found)
{
    struct al_jsonout j;
    int rc = f->count > 0 ? al_buf_adds(&f->line, ",") : AL_OK;

    al_jo_begin(&j, &f->line);
    al_jo_object(&j, NULL);
    al_jo_str(&j, "kind", orphan_kind_name(found->kind));
    al_jo_bytes(&j, "path", found->path);
    if (found->object_id != NULL) {
        al_jo_str(&j, "object_id", found->object_id);
    }
    al_jo_u64(&j, "size", found->size);
    if (found->mtime_ns != 0) {
        al_jo_i64(&j, "mtime_ns", found->mtime_ns);
    }
    if (found->text != NULL && found->text[0] != '\0') {
        al_jo_str(&j, "text", found->text);
    }
    al_jo_close(&j);
    return rc != AL_OK ? rc : al_jo_end(&j);
}

static int
put(void *ctx, const struct reconcile_finding *found)
{
    struct findings *f = ctx;
    size_t before;
    int rc;

    if (found->path.len == 0) {
        return AL_OK; /* an intent of an opener's file that had no name left */
    }
    rc = f->count == 0 ? head(f) : AL_OK;
    before = f->line.len;
    rc = rc != AL_OK ? rc : item(f, found);
    if (rc != AL_OK) { /* one that does not fit must not take the others along */
        f->line.len = f->count > 0 ? before : 0;
        return rc;
    }
    f->count++;
    f->told++;
    return f->line.len >= LINE_ENOUGH || f->count == FINDINGS_MAX ? flush(f) : AL_OK;
}

static int
step(struct findings *f, const char *name, bool stubs, bool objects, const char *text)
{
    AL_CLEANUP(al_buf_free) struct al_buf line = {0};
    struct al_jsonout j;
    int rc;

    al_buf_init(&line, END_MAX);
    al_jo_begin(&j, &line);
    al_jo_object(&j, NULL);
    al_jo_str(&j, "t", "walk");
    al_jo_str(&j, "step", name);
    ids(&j, f->aw);
    if (strcmp(name, "end") == 0) {
        al_jo_bool(&j, "stubs", stubs);
        al_jo_bool(&j, "objects", objects);
        al_jo_u64(&j, "objects_seen", f->objects != NULL ? objects_count(f->objects) : 0);
        al_jo_str(&j, "text", text);
    }
    al_jo_close(&j);
    rc = al_jo_end(&j);
    return rc != AL_OK ? rc : spool_put(f->aw->agent->spool, al_buf_span(&line), NULL);
}

int
findings_begin(struct findings *f, struct agent_work *aw, const struct recall_volume *stubs,
               const struct recall_connect *connect, struct al_fail *fail)
{
    struct target *target = NULL;
    int rc;

    *f = (struct findings){.finds = {.put = put}, .aw = aw};
    f->finds.ctx = f;
    al_buf_init(&f->line, LINE_MAX);
    rc = step(f, "begin", false, false, "");
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, 0, "that the walk begins could not be spooled");
    }
    if (stubs == NULL) {
        (void)al_fail_set(&f->why, AL_ENOTSUP, 0,
                          "objects are not held against stubs of a filter driver");
        return AL_OK;
    }
    rc = connect->get(connect->ctx, stubs, &target, &f->why);
    rc = rc != AL_OK ? rc : objects_list(target, 0, work_stops, aw, &f->objects, &f->why);
    f->listed = rc == AL_OK;
    f->finds.objects = f->objects;
    if (rc == AL_ECANCELED) {
        return al_fail_set(fail, rc, 0, "the walk of the volume was cut");
    }
    return AL_OK; /* without the objects the stubs are looked at all the same */
}

static int
leftovers(struct findings *f, const struct reconcile_env *env, struct volume *v,
          const struct recall_volume *stubs)
{
    AL_CLEANUP(volume_place_end) struct volume_place place = {0};
    int rc = volume_place(v, &place, &f->why);

    return rc != AL_OK
               ? rc
               : reconcile_leftovers(env, stubs, &place.mover, f->aw->agent->mover_env.host_id,
                                     work_stops, f->aw, &f->why);
}

int
findings_finish(struct findings *f, const struct reconcile_env *env, struct volume *v,
                const struct recall_volume *stubs, bool whole, struct al_fail *fail)
{
    bool objects = f->listed && whole && !f->finds.unknown;
    int rc = AL_OK;

    if (!whole) {
        (void)al_fail_set(
            &f->why, AL_EBUSY, 0,
            "some folders or stubs could not be looked at, so nothing counts as gone");
    }
    if (objects) {
        rc = leftovers(f, env, v, stubs);
        objects = rc == AL_OK && !f->finds.unknown;
        if (rc == AL_ECANCELED) {
            return al_fail_set(fail, rc, 0, "the walk of the volume was cut");
        }
    }
    reconcile_waiting(env, v->id);
    if (flush(f) != AL_OK) {
        f->finds.unknown = true;
    }
    if (f->finds.unknown && f->why.text[0] == '\0') {
        (void)al_fail_set(&f->why, AL_EBUSY, 0, "not everything could be seen or told");
    }
    rc = step(f, "end", whole && !f->finds.unknown, objects && !f->finds.unknown,
              objects && !f->finds.unknown ? "" : f->why.text);
    return rc == AL_OK ? AL_OK
                       : al_fail_set(fail, rc, 0, "that the walk is over could not be spooled");
}

void
findings_end(struct findings *f)
{
    f->objects = objects_free(f->objects);
    al_buf_free(&f->line);
}
