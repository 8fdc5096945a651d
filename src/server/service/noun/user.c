#include "server/service/call/call.h"
#include "server/service/noun/ops.h"

#include <string.h>

int
user_list(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    return service_list(req, reply, &store_users, fail);
}

int
user_get(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    return service_one(req, reply, &store_users, req->ids[0], 0, fail);
}

/* What a caller may make of a user: an admin makes no operators. */
static int
role_of(struct service_req *req, bool needed, enum service_role *io, struct al_fail *fail)
{
    static const char *const roles[] = {"operator", "admin", "auditor", NULL};
    const char *word = NULL;

    SV_TRY(service_body_word(req, "role", roles, needed, &word, fail));
    if (word == NULL) {
        return AL_OK;
    }
    if (model_role_of(word) == ROLE_OPERATOR && req->caller->role != ROLE_OPERATOR) {
        return al_fail_set(fail, AL_EPERM, 0, "only an operator makes operators");
    }
    *io = model_role_of(word);
    return AL_OK;
}

/* An operator belongs to no customer, everybody else to one. */
static int
customer_of(struct service_req *req, struct store_user *u, struct al_fail *fail)
{
    al_id id = "";

    if (u->role != ROLE_OPERATOR) {
        return service_body_customer(req, u->customer_id, fail);
    }
    SV_TRY(service_body_id(req, "customer_id", false, id, fail));
    if (id[0] != '\0') {
        return al_fail_set(fail, AL_EINVAL, 0,
                           "an operator belongs to no customer; leave \"customer_id\" out");
    }
    return AL_OK;
}

int
user_create(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    static const char *const keys[] = {"name", "role", "customer_id", "password", "disabled", NULL};
    AL_CLEANUP(service_tx_end) struct service_tx tx = {0};
    AL_CLEANUP(service_detail_free) struct service_detail d = {0};
    struct scope scope = service_scope(req->caller);
    char hash[AUTH_HASH_TEXT];
    struct store_user u = {.password_hash = hash, .created_ns = req->now_ns};
    const char *password = NULL;

    SV_TRY(service_body_keys(req, keys, fail));
    SV_TRY(service_body_name(req, "name", true, &u.name, fail));
    SV_TRY(role_of(req, true, &u.role, fail));
    SV_TRY(customer_of(req, &u, fail));
    SV_TRY(service_body_bool(req, "disabled", &u.disabled, fail));
    SV_TRY(service_body_text(req, "password", 1, AUTH_PASSWORD_MAX, true, &password, fail));
    SV_TRY(auth_password_good(password, fail));
    /* Before the transaction: it takes a tenth of a second, in which nobody could write. */
    SV_TRY(auth_password_hash(req->service->auth, password, hash));
    SV_TRY(service_begin(req, reply, &tx, fail));
    if (tx.replayed) {
        return AL_OK;
    }
    SV_TRY(store_id_make(tx.db, req->now_ns, u.id));
    SV_TRY(store_user_add(tx.db, &scope, &u, fail));
    service_detail_begin(&d);
    service_detail_text(&d, "role", NULL, model_role_name(u.role));
    SV_TRY(service_detail_end(&d));
    SV_TRY(service_event(req, u.customer_id, "user.create", "user", u.id, u.name, NULL, &d.text,
                         fail));
    SV_TRY(service_one(req, reply, &store_users, u.id, 201, fail));
    return service_commit(&tx, reply, fail);
}

/* Takes the body's changes into u and tells them in d. */
static int
change(struct service_req *req, struct store_user *u, struct service_detail *d,
       struct al_fail *fail)
{
    struct store_user was = *u;

    SV_TRY(service_body_name(req, "name", false, &u->name, fail));
    SV_TRY(role_of(req, false, &u->role, fail));
    SV_TRY(service_body_bool(req, "disabled", &u->disabled, fail));
    if ((was.role == ROLE_OPERATOR) != (u->role == ROLE_OPERATOR)) {
        return al_fail_set(
            fail, AL_EINVAL, 0,
            "an operator belongs to no customer; make a new user for the other role");
    }
    service_detail_begin(d);
    service_detail_text(d, "name", was.name, u->name);
    service_detail_text(d, "role", model_role_name(was.role), model_role_name(u->role));
    service_detail_bool(d, "disabled", was.disabled, u->disabled);
    return service_detail_end(d);
}

int
user_update(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    static const char *const keys[] = {"name", "role", "disabled", NULL};
    AL_CLEANUP(service_tx_end) struct service_tx tx = {0};
    AL_CLEANUP(service_detail_free) struct service_detail d = {0};
    struct scope scope = service_scope(req->caller);
    struct store_user u;

    SV_TRY(service_body_keys(req, keys, fail));
    SV_TRY(service_begin(req, reply, &tx, fail));
    SV_TRY(store_user_get(tx.db, &scope, req->ids[0], req->arena, &u, fail));
    SV_TRY(service_if_match(req, u.version, fail));
    SV_TRY(change(req, &u, &d, fail));
    SV_TRY(store_user_set(tx.db, &scope, &u, fail));
    SV_TRY(service_event(req, u.customer_id, "user.update", "user", u.id, u.name, NULL, &d.text,
                         fail));
    SV_TRY(service_one(req, reply, &store_users, u.id, 200, fail));
    return service_commit(&tx, reply, fail);
}

int
user_delete(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    AL_CLEANUP(service_tx_end) struct service_tx tx = {0};
    struct scope scope = service_scope(req->caller);
    struct store_user u;

    SV_TRY(service_begin(req, reply, &tx, fail));
    SV_TRY(store_user_get(tx.db, &scope, req->ids[0], req->arena, &u, fail));
    SV_TRY(service_if_match(req, u.version, fail));
    SV_TRY(store_user_del(tx.db, &scope, u.id, fail));
    SV_TRY(
        service_event(req, u.customer_id, "user.delete", "user", u.id, u.name, NULL, NULL, fail));
    SV_TRY(service_done(reply));
    return service_commit(&tx, reply, fail);
}

/* ---- passwords ---- */

/* The own old password; wrong ones count like wrong logins, so that a stolen session cannot guess
 * it. */
static int
old_password(struct service_req *req, struct service_reply *reply, const struct store_user *u,
             struct al_fail *fail)
{
    struct store *db = req->worker->db;
    const char *old = NULL;
    bool locked = false;
    int rc;

    SV_TRY(service_body_text(req, "old_password", 1, AUTH_PASSWORD_MAX, true, &old, fail));
    SV_TRY(auth_throttle(db, u->name, req->peer, req->now_ns, &reply->retry_after_s, fail));
    rc = auth_password_check(req->service->auth, u->password_hash, old);
    if (rc != AL_EAUTH) {
        return rc;
    }
    SV_TRY(store_begin(db, fail));
    rc = auth_failed(db, u->name, req->peer, req->now_ns, &locked, fail);
    if (rc == AL_OK) {
        rc = service_event(req, u->customer_id, "user.password", "user", u->id, u->name,
                           al_code_name(AL_EAUTH), NULL, fail);
    }
    if (rc != AL_OK) {
        store_rollback(db);
        return rc;
    }
    SV_TRY(store_commit(db, fail));
    return al_fail_set(fail, AL_EINVAL, 0, "\"old_password\" is wrong");
}

int
user_password(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    static const char *const keys[] = {"password", "old_password", NULL};
    AL_CLEANUP(service_tx_end) struct service_tx tx = {0};
    struct scope scope = service_scope(req->caller);
    const char *password = NULL;
    char hash[AUTH_HASH_TEXT];
    struct store_user u;
    bool own = strcmp(req->ids[0], req->caller->id) == 0;

    if (!own && (req->caller->role & ROLES_WRITE) == 0) {
        return al_fail_set(fail, AL_EPERM, 0, "an auditor sets the own password only");
    }
    SV_TRY(service_body_keys(req, keys, fail));
    SV_TRY(store_user_get(req->worker->db, &scope, req->ids[0], req->arena, &u, fail));
    SV_TRY(service_body_text(req, "password", 1, AUTH_PASSWORD_MAX, true, &password, fail));
    SV_TRY(auth_password_good(password, fail));
    if (own) {
        SV_TRY(old_password(req, reply, &u, fail));
    }
    SV_TRY(auth_password_hash(req->service->auth, password, hash));
    SV_TRY(service_begin(req, reply, &tx, fail));
    if (tx.replayed) {
        return AL_OK;
    }
    SV_TRY(store_user_get(tx.db, &scope, req->ids[0], req->arena, &u,
                          fail)); /* it may have changed meanwhile */
    u.password_hash = hash;
    SV_TRY(store_user_set(tx.db, &scope, &u, fail));
    SV_TRY(store_session_del_of(tx.db, u.id, own ? req->caller->session_id : NULL, fail));
    SV_TRY(
        service_event(req, u.customer_id, "user.password", "user", u.id, u.name, NULL, NULL, fail));
    SV_TRY(service_done(reply));
    return service_commit(&tx, reply, fail);
}
