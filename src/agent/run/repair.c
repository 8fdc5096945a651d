/* repair.c: the work that mends what reconciles found, file by file. */
#include "agent/reconcile/repair.h"
#include "agent/run/agent.h"

static int
repair_items(struct agent_work *aw, const struct reconcile_env *env, const struct recall_volume *rv,
             const struct mover_volume *place, struct al_fail *fail)
{
    struct agent *a = aw->agent;
    const struct work *w = aw->work;
    int rc = AL_OK;

    for (size_t i = 0; i < w->item_count && rc == AL_OK; i++) {
        const struct repair_item item = {.path = w->items[i].path,
                                         .object_id = w->items[i].object_id,
                                         .way = w->items[i].way,
                                         .job_id = w->job_id[0] != '\0' ? w->job_id : NULL};

        while (spool_full(a->spool) && !work_stops(aw)) {
            port_sleep_ns(a->port, 200000000);
        }
        rc = work_stops(aw) ? al_fail_set(fail, AL_ECANCELED, 0,
                                          "the agent stopped or the work was taken back")
                            : repair_one(env, &a->mover_env, rv, place, &item, fail);
    }
    return rc;
}

static int
repair(struct agent_work *aw, struct volume *v, const struct recall_volume *rv,
       struct al_fail *fail)
{
    AL_CLEANUP(share_connection_end) struct share_connection c = {.port = aw->agent->port};
    AL_CLEANUP(volume_place_end) struct volume_place place = {0};
    struct reconcile_env env = {.port = aw->agent->port,
                                .journal = aw->agent->journal,
                                .sink = &aw->agent->sink.sink,
                                .connect = {.get = share_connection_get, .ctx = &c}};
    int rc;

    if (rv == NULL) {
        return al_fail_set(fail, AL_ENOTSUP, 0,
                           "stubs of a filter driver are not mended this way: adopt them, or bring "
                           "them back by their path");
    }
    rc = volume_place(v, &place, fail);
    return rc != AL_OK ? rc : repair_items(aw, &env, rv, &place.mover, fail);
}

void
work_repair(struct agent_work *aw)
{
    const struct recall_volume *rv;
    struct volume *v;
    struct al_fail fail = {0};
    int rc = work_volume_open(aw, &v, &rv, &fail);

    rc = rc != AL_OK ? rc : repair(aw, v, rv, &fail);
    work_end(aw, rc, rc == AL_OK ? "" : fail.text);
    volume_unref(v);
}
