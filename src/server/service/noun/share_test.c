#include "server/service/noun/ops.h"
#include "server/service/noun/share.h"
#include "server/service/work/work.h"

#include <string.h>

#define TEST_WAIT_S_MAX 60u

static int
read_body(struct service_req *req, struct store_share_test *t, const char **ret_password,
          struct al_fail *fail)
{
    static const char *const keys[] = {"host_id", "url", "user", "password", NULL};

    SV_TRY(service_body(req, fail));
    SV_TRY(service_body_keys(req, keys, fail));
    SV_TRY(service_body_id(req, "host_id", true, t->host_id, fail));
    SV_TRY(service_body_text(req, "url", 1, SHARE_URL_MAX, true, &t->url, fail));
    SV_TRY(share_url_good(t->url, fail));
    SV_TRY(service_body_text(req, "user", 1, SHARE_USER_MAX, false, &t->user, fail));
    return service_body_text(req, "password", 1, SHARE_SECRET_MAX, false, ret_password, fail);
}

static int
seal(struct service_req *req, struct store_share_test *t, const char *password, struct al_buf *out,
     struct al_fail *fail)
{
    const char *bound = service_printf(req, "share_test:%s", t->id);
    int rc = bound == NULL      ? AL_ENOMEM
             : password == NULL ? AL_OK
                                : auth_seal(req->service->auth, bound, al_span_of(password), out);

    if (rc != AL_OK) {
        return al_fail_set(fail, rc, 0, "out of memory");
    }
    t->password_sealed = password == NULL ? (struct al_span){NULL, 0} : al_buf_span(out);
    return AL_OK;
}

static int
find_host(struct service_req *req, struct service_tx *tx, struct store_share_test *t,
          struct store_host *ret, struct al_fail *fail)
{
    struct scope scope = service_scope(req->caller);

    SV_TRY(store_host_get(tx->db, &scope, t->host_id, req->arena, ret, fail));
    if (!ret->online) {
        return al_fail_set(fail, AL_ECONFLICT, 0,
                           "host %s is not online: start alto-agent there, or test from another "
                           "host",
                           ret->name);
    }
    memcpy(t->customer_id, ret->customer_id, sizeof(al_id));
    return AL_OK;
}

int
share_test_create(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    AL_CLEANUP(service_tx_end) struct service_tx tx = {0};
    AL_CLEANUP(service_detail_free) struct service_detail d = {0};
    AL_CLEANUP(al_buf_free)
    struct al_buf sealed = {.max = SHARE_SECRET_MAX + AUTH_SEAL_MORE};
    struct store_share_test t = {.created_by = req->caller->name, .created_ns = req->now_ns};
    struct scope scope = service_scope(req->caller);
    const char *password = NULL;
    struct store_host host;

    SV_TRY(read_body(req, &t, &password, fail));
    SV_TRY(service_begin(req, reply, &tx, fail));
    if (tx.replayed) {
        return AL_OK;
    }
    SV_TRY(find_host(req, &tx, &t, &host, fail));
    SV_TRY(store_id_make(tx.db, req->now_ns, t.id));
    SV_TRY(seal(req, &t, password, &sealed, fail));
    SV_TRY(store_share_test_add(tx.db, &scope, &t, fail));
    service_detail_begin(&d);
    service_detail_text(&d, "url", NULL, t.url);
    service_detail_text(&d, "user", NULL, t.user);
    SV_TRY(service_detail_end(&d));
    SV_TRY(service_event(req, t.customer_id, "share.test", "host", host.id, host.name, NULL,
                         &d.text, fail));
    SV_TRY(service_one(req, reply, &store_share_tests, t.id, 202, fail));
    SV_TRY(service_commit(&tx, reply, fail));
    service_wake_host(req->service, host.id);
    return AL_OK;
}

int
share_test_get(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    struct scope scope = service_scope(req->caller);
    struct store_share_test t;
    uint64_t wait_s;

    SV_TRY(service_query_u64(req, "wait_s", 0, TEST_WAIT_S_MAX, &wait_s, fail));
    SV_TRY(store_share_test_get(req->worker->db, &scope, req->ids[0], req->arena, &t, fail));
    if (reply->park_until_ns == 0) {
        reply->park_until_ns = req->now_ns + (int64_t)wait_s * 1000000000;
    }
    if (!t.open || wait_s == 0 || req->now_ns >= reply->park_until_ns) {
        return service_one(req, reply, &store_share_tests, t.id, 0, fail);
    }
    reply->park_topic = service_printf(req, "share_test:%s", t.id);
    return reply->park_topic == NULL ? AL_ENOMEM : AL_OK;
}
