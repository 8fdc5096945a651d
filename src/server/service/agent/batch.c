#include "base/hash.h"
#include "base/text.h"
#include "server/service/agent/intake_apply.h"
#include "server/service/agent/ops.h"

#include <string.h>

static int
stream_and_seq(struct service_req *req, const char **ret_stream, uint64_t *ret_seq,
               struct al_fail *fail)
{
    const char *stream = service_query(req, "stream");
    uint64_t seq;

    SV_TRY(service_query_u64(req, "seq", 0, UINT64_C(1) << 45, &seq, fail));
    if (stream == NULL || !al_id_valid(stream) || seq == 0) {
        return al_fail_set(fail, AL_EINVAL, 0, "stream must be an id and seq a number from 1");
    }
    *ret_stream = stream;
    *ret_seq = seq;
    return AL_OK;
}

static int
applied(struct service_reply *reply, uint64_t seq)
{
    struct al_jsonout j;

    al_jo_begin(&j, &reply->body);
    al_jo_object(&j, NULL);
    al_jo_u64(&j, "applied_seq", seq);
    al_jo_close(&j);
    return al_jo_end(&j);
}

/* A problem that tells how far we are, so that the agent goes on from there. */
static int
gap(struct service_reply *reply, uint64_t applied_seq)
{
    struct al_jsonout j;

    al_buf_clear(&reply->body);
    reply->status = 409;
    reply->content_type = "application/problem+json";
    al_jo_begin(&j, &reply->body);
    al_jo_object(&j, NULL);
    al_jo_str(&j, "type", "about:blank");
    al_jo_str(&j, "title", "Conflict");
    al_jo_u64(&j, "status", 409);
    al_jo_str(&j, "detail", "A batch before this one is missing");
    al_jo_str(&j, "code", al_code_name(AL_ECONFLICT));
    al_jo_u64(&j, "applied_seq", applied_seq);
    al_jo_close(&j);
    return al_jo_end(&j);
}

/* ---- outcomes ---- */

static void
intake_end(struct intake *in)
{
    al_buf_free(&in->detail);
    al_buf_free(&in->path);
}

/* Whoever sees a job done must find its volume's figures true: what ends a work brings them up to
 * date before the job's end is written. Should it fail, the next tick does it. */
static void
figures_first(struct service_req *req, struct intake *in)
{
    for (size_t i = 0; i < in->batch.count; i++) {
        enum intake_kind kind = in->batch.records[i].kind;
        const struct intake_volume *v;
        int rc;

        if ((kind != INTAKE_WORK_END && kind != INTAKE_SCAN_END) ||
            in->of[i].volume == INTAKE_NONE) {
            continue;
        }
        v = &in->volumes[in->of[i].volume];
        rc = work_figures_refresh(req->worker, v->v.customer_id, v->v.id, in->t.now_ns);
        if (rc != AL_OK) {
            al_log(req->service->log, AL_LOG_DEBUG, "figures of volume %s: %s", v->v.id,
                   al_code_name(rc));
        }
    }
}

static int
store_once(struct intake *in, uint64_t *ret_before)
{
    /* Asked again under the lock: the same batch may have come twice at the same time. */
    SV_TRY(store_intake_seq(in->t.db, &in->t.scope, in->t.actor_id, in->stream, ret_before,
                            in->t.fail));
    if (*ret_before + 1 != in->seq) {
        store_rollback(in->t.db);
        return AL_OK;
    }
    SV_TRY(intake_store(in));
    in->events = store_event_count(in->t.db);
    return store_commit(in->t.db, in->t.fail);
}

/* Of a batch's many events the last, for consoles that watch the record: they load the others. */
static void
tell_event(struct intake *in)
{
    al_id id, customer_id;

    store_event_last(in->t.db, id, customer_id);
    if (id[0] != '\0') {
        service_publish_noun(in->t.worker, "audit", &store_events, customer_id, id);
    }
}

/* A number that another batch had: two agents use one identity, or this host was set back to a state
 * of before. What the batch holds is not in the record, so the agent is sent to a new stream: told
 * of a later number, it begins one (agent/link/spool.h). */
static int
other_batch(struct service_req *req, struct service_reply *reply, struct intake *in,
            uint64_t before)
{
    struct al_jsonout j;

    al_log(req->service->log, AL_LOG_WARN,
           "host %s sends another batch under the number %llu: two agents use its identity, or its "
           "state was set back",
           req->caller->name, (unsigned long long)in->seq);
    al_jo_begin(&j, &in->detail);
    al_jo_object(&j, NULL);
    al_jo_str(&j, "reason", "identity_in_use_twice");
    al_jo_str(
        &j, "text",
        "Another batch came under a number that was used: two agents use this host's identity "
        "(a copied machine?), or its state folder was set back. Enrol the copy anew");
    al_jo_u64(&j, "seq", in->seq);
    al_jo_close(&j);
    SV_TRY(al_jo_end(&j));
    SV_TRY(store_begin(in->t.db, in->t.fail));
    SV_TRY(work_event(&in->t, &(struct work_event){
                                  .customer_id = in->t.scope.customer_id,
                                  .act = "host.alarm",
                                  .subject_type = "host",
                                  .subject_id = in->t.actor_id,
                                  .subject = al_span_of(in->t.actor_name),
                                  .code = al_code_name(AL_ECONFLICT),
                                  .detail = &in->detail,
                              }));
    SV_TRY(store_commit(in->t.db, in->t.fail));
    tell_event(in);
    return applied(reply, before + 1);
}

/* Consoles show the host as it stands now. */
static void
tell_host(struct intake *in)
{
    if (in->driver) {
        service_publish_noun(in->t.worker, "host", &store_hosts, in->t.scope.customer_id,
                             in->t.actor_id);
    }
}

static int
apply(struct service_req *req, struct service_reply *reply, struct intake *in, struct al_fail *fail)
{
    struct al_xxh128 hash = al_xxh128(req->raw.at, req->raw.len);
    bool other = false;
    uint64_t before;
    int rc;

    al_hex(&hash, sizeof(hash), in->body);
    SV_TRY(store_intake_seq(in->t.db, &in->t.scope, in->t.actor_id, in->stream, &before, fail));
    if (in->seq == before) {
        SV_TRY(store_intake_other(in->t.db, &in->t.scope, in->t.actor_id, in->stream, in->body,
                                  &other, fail));
    }
    if (other) {
        rc = other_batch(req, reply, in, before);
        if (rc != AL_OK) {
            store_rollback(in->t.db);
        }
        return rc;
    }
    if (in->seq <= before) {
        return applied(reply, before);
    }
    if (in->seq > before + 1) {
        return gap(reply, before);
    }
    SV_TRY(intake_parse(req->raw, in->t.arena, &in->batch, fail));
    SV_TRY(intake_resolve(in));
    SV_TRY(intake_inventory(in));
    figures_first(req, in);
    SV_TRY(store_begin(in->t.db, fail));
    rc = store_once(in, &before);
    if (rc != AL_OK) {
        store_rollback(in->t.db);
        return rc;
    }
    if (before + 1 == in->seq) {
        work_tell(&in->t);
        if (in->events > 0) {
            tell_event(in);
        }
        tell_host(in);
        before = in->seq;
    }
    if (in->rejected > 0) {
        al_log(req->service->log, AL_LOG_WARN, "host %s: %llu records set aside", req->caller->name,
               (unsigned long long)in->rejected);
    }
    return applied(reply, before);
}

int
agent_batch(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    struct al_arena AL_CLEANUP(al_arena_freep) *arena = al_arena_new(INTAKE_ARENA_MAX);
    struct intake AL_CLEANUP(intake_end) in = {0};

    al_buf_init(&in.detail, 64u << 10);
    al_buf_init(&in.path, (size_t)INTAKE_PATH_MAX + 1);
    if (arena == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "no memory for the batch");
    }
    SV_TRY(stream_and_seq(req, &in.stream, &in.seq, fail));
    work_tx_of(&in.t, req, fail);
    in.t.arena = arena;
    return apply(req, reply, &in, fail);
}

/* ---- entries ---- */

static int
entries_answer(struct service_reply *reply, int rc, uint64_t last, uint64_t seq,
               struct al_fail *fail)
{
    switch (rc) {
    case AL_OK:
        return applied(reply, last > seq ? last : seq);
    case AL_ECONFLICT:
        return gap(reply, last);
    case AL_ECHANGED:
        return al_fail_set(fail, AL_ENOENT, 0, "this scan is not under way any more");
    case AL_ECORRUPT:
    case AL_ELIMIT:
        return al_fail_set(fail, AL_EINVAL, 0, "the batch of entries does not hold together (%s)",
                           al_code_name(rc));
    default:
        return al_fail_set(fail, rc, 0, "the inventory did not take the entries");
    }
}

int
agent_entries(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    struct inventory *inv = req->service->work->inventory;
    struct scope scope = service_scope(req->caller);
    struct inventory_scope customer = work_inventory_scope(req->caller->customer_id);
    struct store_work w;
    const char *scan_id;
    uint64_t seq, last = 0;
    int rc;

    SV_TRY(stream_and_seq(req, &scan_id, &seq, fail));
    SV_TRY(store_work_of_scan(req->worker->db, &scope, req->caller->id, scan_id, req->arena, &w,
                              fail));
    if (w.dropped) {
        return al_fail_set(fail, AL_ENOENT, 0, "this scan was cancelled");
    }
    if (seq == 1) {
        SV_TRY(inventory_volume_make(inv, &customer, w.volume_id, 0, fail));
        rc = inventory_scan_begin(inv, &customer, w.volume_id, scan_id);
        if (rc != AL_OK) {
            return entries_answer(reply, rc, 0, seq, fail);
        }
    }
    rc = inventory_entries_apply(inv, &customer, w.volume_id, scan_id, seq, req->raw, &last);
    return entries_answer(reply, rc, last, seq, fail);
}
