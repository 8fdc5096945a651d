/* What audit logs told, as far as the store keeps it: how it stands with them, and the events of what
 * changed. Who used which file is the inventory's. */
#include "server/service/agent/intake_apply.h"

#include <string.h>

int64_t
intake_heard_ns(const struct intake *in, int64_t told_ns)
{
    return told_ns > 0 && told_ns < in->t.now_ns - INTAKE_CLOCK_NS ? told_ns : in->t.now_ns;
}

/* Whether the volume's figures may be others now. */
static bool
changes_files(const struct intake_access *a)
{
    for (size_t i = 0; i < a->count; i++) {
        switch (a->rows[i].kind) {
        case INVENTORY_ACCESS_PIN:
        case INVENTORY_ACCESS_UNPIN:
            break;
        case INVENTORY_ACCESS_USED:
            if (a->rows[i].has_stat) {
                return true;
            }
            break;
        default:
            return true;
        }
    }
    return false;
}

int
intake_store_access(struct intake *in, const struct intake_record *r, const struct intake_of *of)
{
    const struct store_volume *v = &in->volumes[of->volume].v;

    if (r->access->rejected > 0) {
        SV_TRY(
            store_access_rejected(in->t.db, &in->t.scope, v->id, r->access->rejected, in->t.fail));
    }
    SV_TRY(changes_files(r->access) ? work_volume_news(&in->t, v) : AL_OK);
    return work_touch(&in->t, WORK_T_ACCESS, v->id, v->customer_id);
}

/* ---- how it stands ---- */

static int
access_event(struct intake *in, const struct store_volume *v, const char *act, int code)
{
    return work_event(&in->t, &(struct work_event){
                                  .customer_id = v->customer_id,
                                  .act = act,
                                  .subject_type = "volume",
                                  .subject_id = v->id,
                                  .subject = al_span_of(v->name),
                                  .code = al_code_name(code),
                                  .detail = &in->detail,
                              });
}

static int
state_event(struct intake *in, const struct store_volume *v, const char *from,
            const struct store_access *now)
{
    int code = strcmp(now->state, "live") == 0     ? AL_OK
               : strcmp(now->state, "denied") == 0 ? AL_EACCES
                                                   : AL_ENODATA;
    struct al_jsonout j;

    if (strcmp(from, now->state) == 0) {
        return AL_OK;
    }
    al_buf_clear(&in->detail);
    al_jo_begin(&j, &in->detail);
    al_jo_object(&j, NULL);
    al_jo_str(&j, "from", from);
    al_jo_str(&j, "to", now->state);
    al_jo_str(&j, "text", now->text);
    al_jo_close(&j);
    SV_TRY(al_jo_end(&j));
    return access_event(in, v, "access.state", code);
}

/* The record is complete since another time than before. */
static int
coverage_event(struct intake *in, const struct store_volume *v, int64_t from_ns, int64_t to_ns,
               const char *why)
{
    struct al_jsonout j;

    if (from_ns == to_ns) {
        return AL_OK;
    }
    al_buf_clear(&in->detail);
    al_jo_begin(&j, &in->detail);
    al_jo_object(&j, NULL);
    al_jo_time(&j, "from", from_ns);
    al_jo_time(&j, "to", to_ns);
    al_jo_str(&j, "text", why);
    al_jo_close(&j);
    SV_TRY(al_jo_end(&j));
    return access_event(in, v, "access.coverage", AL_OK);
}

static int
store_nodes(struct intake *in, const struct intake_audit *a, int64_t told_ns)
{
    for (size_t i = 0; i < a->node_count; i++) {
        struct store_access_node n = a->nodes[i];

        n.told_ns = told_ns;
        n.last_event_ns = n.last_event_ns < in->t.now_ns ? n.last_event_ns : in->t.now_ns;
        n.last_grown_ns = n.last_grown_ns < in->t.now_ns ? n.last_grown_ns : in->t.now_ns;
        SV_TRY(store_access_node_set(in->t.db, &in->t.scope, a->x.volume_id, &n, in->t.fail));
    }
    return a->node_count == 0
               ? AL_OK
               : store_access_nodes_cut(in->t.db, &in->t.scope, a->x.volume_id, in->t.fail);
}

int
intake_store_audit(struct intake *in, const struct intake_record *r, const struct intake_of *of)
{
    const struct store_volume *v = &in->volumes[of->volume].v;
    const struct intake_audit *a = r->audit;
    struct store_access was, now = a->x;

    SV_TRY(store_access_get(in->t.db, &in->t.scope, v->id, in->t.arena, &was, in->t.fail));
    now.told_ns = intake_heard_ns(in, a->x.told_ns);
    now.since_ns = now.since_ns < in->t.now_ns ? now.since_ns : in->t.now_ns;
    now.last_event_ns = now.last_event_ns < in->t.now_ns ? now.last_event_ns : in->t.now_ns;
    SV_TRY(store_access_set(in->t.db, &in->t.scope, &now, in->t.fail));
    SV_TRY(store_nodes(in, a, now.told_ns));
    SV_TRY(state_event(in, v, was.state, &now));
    SV_TRY(coverage_event(in, v, was.covered_ns, now.covered_ns,
                          was.covered_ns == 0 ? "The record of accesses begins"
                          : now.covered_ns > was.covered_ns
                              ? "The host says that the record of accesses begins anew"
                              : "The host says that the record of accesses reaches further back"));
    if (strcmp(was.state, now.state) != 0) {
        SV_TRY(work_touch(&in->t, WORK_T_VOLUME_STATE, v->id, v->customer_id));
    }
    return work_touch(&in->t, WORK_T_ACCESS, v->id, v->customer_id);
}

int
intake_store_floors(struct intake *in)
{
    for (size_t i = 0; i < in->volume_count; i++) {
        const struct intake_volume *v = &in->volumes[i];
        struct store_access was;

        if (v->floor_ns == 0) {
            continue;
        }
        SV_TRY(store_access_get(in->t.db, &in->t.scope, v->v.id, in->t.arena, &was, in->t.fail));
        if (v->floor_ns <= was.floor_ns) {
            continue;
        }
        SV_TRY(store_access_floor(in->t.db, &in->t.scope, v->v.id, v->floor_ns, in->t.fail));
        SV_TRY(coverage_event(in, &v->v, was.covered_ns, v->floor_ns,
                              "Accesses could not be kept: the record of accesses begins anew"));
    }
    return AL_OK;
}
