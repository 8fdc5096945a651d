#include "server/service/call/call.h"
#include "server/service/noun/ops.h"

#include <string.h>

#define HOUR_NS (INT64_C(3600) * 1000000000)
#define TOKEN_HOURS_MAX 720u

int
customer_list(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    return service_list(req, reply, &store_customers, fail);
}

int
customer_get(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    return service_one(req, reply, &store_customers, req->ids[0], 0, fail);
}

int
customer_create(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    static const char *const keys[] = {"name", NULL};
    AL_CLEANUP(service_tx_end) struct service_tx tx = {0};
    struct scope scope = service_scope(req->caller);
    struct store_customer c = {.created_ns = req->now_ns};

    SV_TRY(service_body_keys(req, keys, fail));
    SV_TRY(service_body_name(req, "name", true, &c.name, fail));
    SV_TRY(service_begin(req, reply, &tx, fail));
    if (tx.replayed) {
        return AL_OK;
    }
    SV_TRY(store_id_make(tx.db, req->now_ns, c.id));
    SV_TRY(store_customer_add(tx.db, &scope, &c, fail));
    SV_TRY(service_event(req, c.id, "customer.create", "customer", c.id, c.name, NULL, NULL, fail));
    SV_TRY(service_one(req, reply, &store_customers, c.id, 201, fail));
    return service_commit(&tx, reply, fail);
}

int
customer_update(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    static const char *const keys[] = {"name", NULL};
    AL_CLEANUP(service_tx_end) struct service_tx tx = {0};
    AL_CLEANUP(service_detail_free) struct service_detail d = {0};
    struct scope scope = service_scope(req->caller);
    struct store_customer c;
    const char *was;

    SV_TRY(service_body_keys(req, keys, fail));
    SV_TRY(service_begin(req, reply, &tx, fail));
    SV_TRY(store_customer_get(tx.db, &scope, req->ids[0], req->arena, &c, fail));
    SV_TRY(service_if_match(req, c.version, fail));
    was = c.name;
    SV_TRY(service_body_name(req, "name", false, &c.name, fail));
    service_detail_begin(&d);
    service_detail_text(&d, "name", was, c.name);
    SV_TRY(service_detail_end(&d));
    SV_TRY(store_customer_set(tx.db, &scope, &c, fail));
    SV_TRY(
        service_event(req, c.id, "customer.update", "customer", c.id, c.name, NULL, &d.text, fail));
    SV_TRY(service_one(req, reply, &store_customers, c.id, 200, fail));
    return service_commit(&tx, reply, fail);
}

int
customer_delete(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    AL_CLEANUP(service_tx_end) struct service_tx tx = {0};
    struct scope scope = service_scope(req->caller);
    struct store_customer c;

    SV_TRY(service_begin(req, reply, &tx, fail));
    SV_TRY(store_customer_get(tx.db, &scope, req->ids[0], req->arena, &c, fail));
    SV_TRY(service_if_match(req, c.version, fail));
    SV_TRY(store_customer_del(tx.db, &scope, c.id, fail));
    SV_TRY(service_event(req, c.id, "customer.delete", "customer", c.id, c.name, NULL, NULL, fail));
    SV_TRY(service_done(reply));
    return service_commit(&tx, reply, fail);
}

/* ---- one-time permission to enrol a host ---- */

static int
token_add(struct service_req *req, struct service_tx *tx, const char *customer_id, const char *name,
          uint64_t hours, char token[AUTH_TOKEN_TEXT], int64_t *ret_expires_ns,
          struct al_fail *fail)
{
    struct scope scope = service_scope(req->caller);
    AL_CLEANUP(al_buf_free) struct al_buf detail = {.max = 4096};
    struct store_token t = {.name = name, .created_ns = req->now_ns};
    struct al_jsonout j;

    t.expires_ns = req->now_ns + (int64_t)hours * HOUR_NS;
    memcpy(t.customer_id, customer_id, sizeof t.customer_id);
    memcpy(t.created_by, req->caller->id, sizeof t.created_by);
    SV_TRY(store_id_make(tx->db, req->now_ns, t.id));
    SV_TRY(auth_token_make(req->service->auth, token, t.hash));
    SV_TRY(store_token_add(tx->db, &scope, &t, fail));
    al_jo_begin(&j, &detail);
    al_jo_object(&j, NULL);
    al_jo_time(&j, "expires_at", t.expires_ns);
    al_jo_close(&j);
    SV_TRY(al_jo_end(&j));
    *ret_expires_ns = t.expires_ns;
    return service_event(req, customer_id, "enrol_token.create", "enrol_token", t.id,
                         name != NULL ? name : "", NULL, &detail, fail);
}

int
enrol_token_create(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    static const char *const keys[] = {"name", "hours", NULL};
    AL_CLEANUP(service_tx_end) struct service_tx tx = {0};
    struct scope scope = service_scope(req->caller);
    char token[AUTH_TOKEN_TEXT];
    const char *name = NULL;
    struct store_customer c;
    struct al_jsonout j;
    uint64_t hours = 24;
    int64_t expires_ns = 0;

    if (req->body != NULL) {
        SV_TRY(service_body_keys(req, keys, fail));
    }
    SV_TRY(service_body_text(req, "name", 0, STORE_NAME_BYTES_MAX, false, &name, fail));
    SV_TRY(service_body_u64(req, "hours", TOKEN_HOURS_MAX, &hours, fail));
    if (hours == 0) {
        return al_fail_set(fail, AL_EINVAL, 0, "\"hours\" is a whole number from 1 to %u",
                           TOKEN_HOURS_MAX);
    }
    SV_TRY(service_begin(req, reply, &tx, fail));
    if (tx.replayed) {
        return AL_OK;
    }
    SV_TRY(store_customer_get(tx.db, &scope, req->ids[0], req->arena, &c, fail));
    SV_TRY(token_add(req, &tx, c.id, name, hours, token, &expires_ns, fail));
    al_jo_begin(&j, &reply->body);
    al_jo_object(&j, NULL);
    al_jo_str(&j, "token", token);
    al_jo_time(&j, "expires_at", expires_ns);
    al_jo_close(&j);
    SV_TRY(al_jo_end(&j));
    reply->status = 201;
    return service_commit(&tx, reply, fail);
}
