#include "server/service/call/call.h"
#include "server/service/noun/ops.h"

int
audit_list(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    return service_list(req, reply, &store_events, fail);
}

/* An operator says whose chain; without, the system's. Everybody else has one. */
int
audit_verify(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    struct scope scope = service_scope(req->caller);
    const char *customer_id = service_query(req, "customer_id");
    struct store_verify v;
    struct al_jsonout j;

    if (customer_id == NULL) {
        customer_id = req->caller->customer_id; /* "" for an operator */
    }
    SV_TRY(store_event_verify(req->worker->db, &scope, customer_id, &v, fail));
    al_jo_begin(&j, &reply->body);
    al_jo_object(&j, NULL);
    al_jo_bool(&j, "ok", v.ok);
    al_jo_u64(&j, "events", v.events);
    if (v.ok) {
        al_jo_null(&j, "first_bad_seq");
    } else {
        al_jo_u64(&j, "first_bad_seq", v.first_bad_seq);
    }
    al_jo_close(&j);
    return al_jo_end(&j);
}
