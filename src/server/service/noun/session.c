#include "server/service/call/call.h"
#include "server/service/noun/ops.h"

#include <stdio.h>
#include <string.h>

#define COOKIE "alto_session"

static int
session_json(struct service_req *req, const char *token, const struct store_session *t,
             const char *user_id, struct al_buf *out, struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf user = {.max = 65536};
    struct scope all = scope_system(); /* of a user who has just proven who it is */
    struct al_jsonout j;

    SV_TRY(store_one(req->worker->db, &all, &store_users, user_id, &user, NULL, fail));
    al_jo_begin(&j, out);
    al_jo_object(&j, NULL);
    if (token != NULL) {
        al_jo_str(&j, "token", token);
    }
    al_jo_raw(&j, "user", al_buf_span(&user));
    al_jo_str(&j, "csrf", t->csrf);
    al_jo_time(&j, "expires_at", t->expires_ns);
    al_jo_close(&j);
    return al_jo_end(&j);
}

/* A wrong password leaves an event too, in the chain of the customer whose user it aimed at. */
static int
failed(struct service_req *req, const char *name, const struct store_user *known,
       struct al_fail *fail)
{
    struct store *db = req->worker->db;
    AL_CLEANUP(al_buf_free) struct al_buf detail = {.max = 4096};
    struct store_event e = {
        .customer_id = known->customer_id,
        .at_ns = req->now_ns,
        .actor_type = "user",
        .actor_name = name,
        .act = "session.create",
        .subject_type = "user",
        .subject_id = known->id,
        .subject = al_span_of(name),
        .code = al_code_name(AL_EAUTH),
    };
    struct al_jsonout j;
    bool locked = false;
    int rc;

    SV_TRY(store_begin(db, fail));
    rc = auth_failed(db, name, req->peer, req->now_ns, &locked, fail);
    if (rc == AL_OK) {
        al_jo_begin(&j, &detail);
        al_jo_object(&j, NULL);
        al_jo_str(&j, "peer", req->peer);
        al_jo_bool(&j, "locked", locked);
        al_jo_close(&j);
        rc = al_jo_end(&j);
    }
    if (rc == AL_OK) {
        e.detail = al_buf_span(&detail);
        rc = store_event_add(db, &e, fail);
    }
    if (rc != AL_OK) {
        store_rollback(db);
        return rc;
    }
    return store_commit(db, fail);
}

static int
begin(struct service_req *req, const struct store_user *user, struct auth_login *ret,
      struct al_fail *fail)
{
    struct store *db = req->worker->db;
    AL_CLEANUP(al_buf_free) struct al_buf detail = {.max = 4096};
    struct store_event e = {
        .customer_id = user->customer_id,
        .at_ns = req->now_ns,
        .actor_type = "user",
        .actor_id = user->id,
        .actor_name = user->name,
        .act = "session.create",
        .subject_type = "user",
        .subject_id = user->id,
        .subject = al_span_of(user->name),
    };
    struct al_jsonout j;
    int rc;

    al_jo_begin(&j, &detail);
    al_jo_object(&j, NULL);
    al_jo_str(&j, "peer", req->peer);
    al_jo_close(&j);
    SV_TRY(al_jo_end(&j));
    e.detail = al_buf_span(&detail);
    SV_TRY(store_begin(db, fail));
    rc = auth_begin(req->service->auth, db, user, req->peer, req->now_ns, ret, fail);
    if (rc == AL_OK) {
        rc = store_event_add(db, &e, fail);
    }
    if (rc != AL_OK) {
        store_rollback(db);
        return rc;
    }
    return store_commit(db, fail);
}

int
session_create(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    static const char *const keys[] = {"name", "password", NULL};
    const char *name = NULL, *password = NULL;
    struct store_user user, known = {0};
    struct auth_login login;
    int rc;

    SV_TRY(service_body_keys(req, keys, fail));
    SV_TRY(service_body_text(req, "name", 1, STORE_NAME_BYTES_MAX, true, &name, fail));
    SV_TRY(service_body_text(req, "password", 1, AUTH_PASSWORD_MAX, true, &password, fail));
    SV_TRY(
        auth_throttle(req->worker->db, name, req->peer, req->now_ns, &reply->retry_after_s, fail));
    rc = auth_check(req->service->auth, req->worker->db, name, password, req->arena, &user, &known,
                    fail);
    if (rc == AL_EAUTH) {
        SV_TRY(failed(req, name, &known, fail));
    }
    if (rc != AL_OK) {
        return rc;
    }
    SV_TRY(begin(req, &user, &login, fail));
    reply->cookie =
        service_printf(req, COOKIE "=%s; Path=/; HttpOnly; SameSite=Strict", login.token);
    if (reply->cookie == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    return session_json(req, login.token, &login.session, user.id, &reply->body, fail);
}

int
session_get(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    struct store_session t = {0};

    SV_TRY(store_session_get(req->worker->db, req->caller->session_id, &t, fail));
    return session_json(req, NULL, &t, req->caller->id, &reply->body, fail);
}

int
session_delete(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    const struct caller *c = req->caller;
    AL_CLEANUP(service_tx_end) struct service_tx tx = {0};

    SV_TRY(service_begin(req, reply, &tx, fail));
    SV_TRY(store_session_del(tx.db, c->session_id, fail));
    SV_TRY(service_event(req, c->customer_id, "session.delete", "user", c->id, c->name, NULL, NULL,
                         fail));
    reply->cookie = COOKIE "=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0";
    reply->status = 204;
    return service_commit(&tx, reply, fail);
}
