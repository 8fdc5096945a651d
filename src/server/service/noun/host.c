#include "server/service/call/call.h"
#include "server/service/noun/ops.h"

int
host_list(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    return service_list(req, reply, &store_hosts, fail);
}

int
host_get(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    return service_one(req, reply, &store_hosts, req->ids[0], 0, fail);
}

/* A host that is expected: volumes can be added to it and inventories imported before an agent
 * comes, which takes it over by enrolling under its name. */
int
host_create(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    static const char *const keys[] = {"customer_id", "name", "os", NULL};
    static const char *const systems[] = {"linux", "windows", NULL};
    AL_CLEANUP(service_tx_end) struct service_tx tx = {0};
    struct scope scope = service_scope(req->caller);
    struct store_host h = {.expected = true, .agent_version = "", .boot_id = ""};

    SV_TRY(service_body_keys(req, keys, fail));
    SV_TRY(service_body_name(req, "name", true, &h.name, fail));
    SV_TRY(service_body_word(req, "os", systems, true, &h.os, fail));
    SV_TRY(service_begin(req, reply, &tx, fail));
    if (tx.replayed) {
        return AL_OK;
    }
    SV_TRY(service_body_customer(req, h.customer_id, fail));
    SV_TRY(store_id_make(tx.db, req->now_ns, h.id));
    SV_TRY(store_host_add(tx.db, &scope, &h, fail));
    SV_TRY(
        service_event(req, h.customer_id, "host.create", "host", h.id, h.name, NULL, NULL, fail));
    SV_TRY(service_one(req, reply, &store_hosts, h.id, 201, fail));
    SV_TRY(service_commit(&tx, reply, fail));
    service_publish_noun(req->worker, "host", &store_hosts, h.customer_id, h.id);
    return AL_OK;
}

int
host_update(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    static const char *const keys[] = {"name", NULL};
    AL_CLEANUP(service_tx_end) struct service_tx tx = {0};
    AL_CLEANUP(service_detail_free) struct service_detail d = {0};
    struct scope scope = service_scope(req->caller);
    struct store_host h;
    const char *was;

    SV_TRY(service_body_keys(req, keys, fail));
    SV_TRY(service_begin(req, reply, &tx, fail));
    SV_TRY(store_host_get(tx.db, &scope, req->ids[0], req->arena, &h, fail));
    SV_TRY(service_if_match(req, h.version, fail));
    was = h.name;
    SV_TRY(service_body_name(req, "name", false, &h.name, fail));
    service_detail_begin(&d);
    service_detail_text(&d, "name", was, h.name);
    SV_TRY(service_detail_end(&d));
    SV_TRY(store_host_set(tx.db, &scope, &h, fail));
    SV_TRY(service_event(req, h.customer_id, "host.update", "host", h.id, h.name, NULL, &d.text,
                         fail));
    SV_TRY(service_one(req, reply, &store_hosts, h.id, 200, fail));
    SV_TRY(service_commit(&tx, reply, fail));
    service_publish_noun(req->worker, "host", &store_hosts, h.customer_id, h.id);
    return AL_OK;
}

int
host_delete(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    AL_CLEANUP(service_tx_end) struct service_tx tx = {0};
    struct scope scope = service_scope(req->caller);
    struct store_host h;

    SV_TRY(service_begin(req, reply, &tx, fail));
    SV_TRY(store_host_get(tx.db, &scope, req->ids[0], req->arena, &h, fail));
    SV_TRY(service_if_match(req, h.version, fail));
    SV_TRY(store_host_del(tx.db, &scope, h.id, fail));
    SV_TRY(
        service_event(req, h.customer_id, "host.delete", "host", h.id, h.name, NULL, NULL, fail));
    SV_TRY(service_done(reply));
    SV_TRY(service_commit(&tx, reply, fail));
    service_publish_noun(req->worker, "host", &store_hosts, h.customer_id, h.id);
    service_wake_host(req->service, h.id); /* its parked poll ends with a refusal */
    return AL_OK;
}

/* What its agent found, as it was told last: a question of choosing a volume's path. */
int
host_filespaces(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    struct scope scope = service_scope(req->caller);
    const char *found;
    int64_t told_ns;
    struct al_jsonout j;

    SV_TRY(
        store_host_found(req->worker->db, &scope, req->ids[0], req->arena, &found, &told_ns, fail));
    al_jo_begin(&j, &reply->body);
    al_jo_object(&j, NULL);
    al_jo_str(&j, "host_id", req->ids[0]);
    al_jo_time(&j, "told_at", told_ns);
    if (found[0] == '\0') {
        al_jo_null(&j, "found");
    } else {
        al_jo_raw(&j, "found", al_span_of(found));
    }
    al_jo_close(&j);
    return al_jo_end(&j);
}
