#include "server/service/call/call.h"
#include "server/service/noun/ops.h"
#include "server/service/noun/share.h"

#include <string.h>

#define URL_MAX SHARE_URL_MAX
#define USER_MAX SHARE_USER_MAX
#define SECRET_MAX SHARE_SECRET_MAX

int
share_list(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    return service_list(req, reply, &store_shares, fail);
}

int
share_get(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    return service_one(req, reply, &store_shares, req->ids[0], 0, fail);
}

/* Whether "/a/b" has no empty part but the last, and no "." or "..", so that it stays where it
 * points. */
static bool
path_good(const char *path)
{
    while (*path == '/') {
        size_t len = strcspn(path + 1, "/");
        const char *part = path + 1;

        if ((len == 0 && part[0] == '/') || (len == 1 && part[0] == '.') ||
            (len == 2 && part[0] == '.' && part[1] == '.')) {
            return false;
        }
        path += 1 + len;
    }
    return *path == '\0';
}

int
share_url_good(const char *url, struct al_fail *fail)
{
    const char *rest;
    size_t host;

    if (strncmp(url, "file://", 7) == 0) {
        if (url[7] == '/' && url[8] != '\0' && path_good(url + 7)) {
            return AL_OK;
        }
        return al_fail_set(fail, AL_EINVAL, 0, "a folder is told as file:///path/to/it");
    }
    if (strncmp(url, "smb://", 6) != 0) {
        return al_fail_set(fail, AL_EINVAL, 0,
                           "\"url\" is smb://HOST[:PORT]/SHARE[/DIR] or file:///DIR");
    }
    rest = url + 6;
    host = strcspn(rest, "/");
    if (memchr(rest, '@', host) != NULL) {
        return al_fail_set(fail, AL_EINVAL, 0, "user and password do not belong into \"url\"");
    }
    if (host == 0 || strpbrk(url, "?#\\") != NULL || rest[host] != '/' || rest[host + 1] == '\0' ||
        !path_good(rest + host)) {
        return al_fail_set(fail, AL_EINVAL, 0, "a share is told as smb://HOST[:PORT]/SHARE[/DIR]");
    }
    return AL_OK;
}

/* "wire" of the body into h, whose url and user stand. A folder has none that could be signed. */
static int
wire_of(struct service_req *req, struct store_share *h, struct al_fail *fail)
{
    static const char *const words[] = {"any", "signed", "encrypted", NULL};

    SV_TRY(service_body_word(req, "wire", words, false, &h->wire, fail));
    h->wire = h->wire == NULL ? words[0] : h->wire;
    if (strcmp(h->wire, words[0]) == 0) {
        return AL_OK;
    }
    if (strncmp(h->url, "smb://", 6) != 0) {
        return al_fail_set(fail, AL_EINVAL, 0,
                           "\"wire\" is of smb:// alone: how a mounted folder is reached its mount "
                           "decides (sec=, seal)");
    }
    if (h->user == NULL || h->user[0] == '\0') { /* no session key to sign or seal with */
        return al_fail_set(
            fail, AL_EINVAL, 0,
            "a guest's connection can be neither signed nor encrypted: give \"user\" "
            "and \"password\", or let \"wire\" be any");
    }
    return AL_OK;
}

/* The sealed password is bound to the share's id: a row's secret opens in no other row. */
static int
seal(struct service_req *req, const char *share_id, const char *password, struct al_buf *out,
     struct al_span *ret, struct al_fail *fail)
{
    const char *bound = service_printf(req, "share:%s", share_id);
    int rc;

    if (password == NULL) {
        *ret = (struct al_span){NULL, 0};
        return AL_OK;
    }
    rc =
        bound == NULL ? AL_ENOMEM : auth_seal(req->service->auth, bound, al_span_of(password), out);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, 0, "out of memory");
    }
    *ret = al_buf_span(out);
    return AL_OK;
}

int
share_create(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    static const char *const keys[] = {"customer_id", "name", "url", "user",
                                       "password",    "wire", NULL};
    AL_CLEANUP(service_tx_end) struct service_tx tx = {0};
    AL_CLEANUP(service_detail_free) struct service_detail d = {0};
    AL_CLEANUP(al_buf_free) struct al_buf sealed = {.max = SECRET_MAX + AUTH_SEAL_MORE};
    struct scope scope = service_scope(req->caller);
    struct store_share h = {.created_ns = req->now_ns};
    const char *password = NULL;

    SV_TRY(service_body_keys(req, keys, fail));
    SV_TRY(service_body_customer(req, h.customer_id, fail));
    SV_TRY(service_body_name(req, "name", true, &h.name, fail));
    SV_TRY(service_body_text(req, "url", 1, URL_MAX, true, &h.url, fail));
    SV_TRY(share_url_good(h.url, fail));
    SV_TRY(service_body_text(req, "user", 1, USER_MAX, false, &h.user, fail));
    SV_TRY(wire_of(req, &h, fail));
    SV_TRY(service_body_text(req, "password", 1, SECRET_MAX, false, &password, fail));
    SV_TRY(service_begin(req, reply, &tx, fail));
    if (tx.replayed) {
        return AL_OK;
    }
    SV_TRY(store_id_make(tx.db, req->now_ns, h.id));
    SV_TRY(seal(req, h.id, password, &sealed, &h.password_sealed, fail));
    SV_TRY(store_share_add(tx.db, &scope, &h, fail));
    service_detail_begin(&d);
    service_detail_text(&d, "url", NULL, h.url);
    service_detail_text(&d, "user", NULL, h.user);
    service_detail_text(&d, "wire", NULL, h.wire);
    SV_TRY(service_detail_end(&d));
    SV_TRY(service_event(req, h.customer_id, "share.create", "share", h.id, h.name, NULL, &d.text,
                         fail));
    SV_TRY(service_one(req, reply, &store_shares, h.id, 201, fail));
    SV_TRY(service_commit(&tx, reply, fail));
    service_publish_noun(req->worker, "share", &store_shares, h.customer_id, h.id);
    return AL_OK;
}

/* Takes the body's changes into h and tells them in d; sealed holds a new password. */
static int
change(struct service_req *req, struct store_share *h, struct service_detail *d,
       struct al_buf *sealed, struct al_fail *fail)
{
    const char *password = NULL;
    struct store_share was = *h;

    SV_TRY(service_body_name(req, "name", false, &h->name, fail));
    SV_TRY(service_body_text(req, "url", 1, URL_MAX, false, &h->url, fail));
    if (h->url == NULL) {
        return al_fail_set(fail, AL_EINVAL, 0, "\"url\" cannot be empty");
    }
    SV_TRY(share_url_good(h->url, fail));
    SV_TRY(service_body_text(req, "user", 1, USER_MAX, false, &h->user, fail));
    SV_TRY(wire_of(req, h, fail));
    SV_TRY(service_body_text(req, "password", 1, SECRET_MAX, false, &password, fail));
    if (strcmp(was.url, h->url) != 0 && was.password_sealed.len > 0 &&
        !service_body_has(req, "password")) {
        /* Else whoever may edit a share could have its password sent to a server of their own. */
        return al_fail_set(fail, AL_EINVAL, 0,
                           "\"password\" must be given again with another \"url\": a password is "
                           "not sent to a server it was not given for");
    }
    service_detail_begin(d);
    service_detail_text(d, "name", was.name, h->name);
    service_detail_text(d, "url", was.url, h->url);
    service_detail_text(d, "user", was.user, h->user);
    service_detail_text(d, "wire", was.wire, h->wire);
    if (service_body_has(req, "password")) {
        SV_TRY(seal(req, h->id, password, sealed, &h->password_sealed, fail));
        al_jo_str(&d->j, "password", password != NULL ? "set" : "removed");
    }
    return service_detail_end(d);
}

/* ---- who must hear of it ---- */

static int
wake_one(void *ctx, const struct store_volume *v)
{
    service_wake_host(ctx, v->host_id);
    return AL_OK;
}

/* Agents hold a copy of url and password: their parked polls are answered with the new version. A
 * host that is not woken learns it with its next poll. */
static void
wake_users(struct service_req *req, const char *share_id)
{
    struct scope all = scope_system();
    struct al_fail quiet = {0};

    if (store_volume_each(req->worker->db, &all, NULL, share_id, req->arena, wake_one, req->service,
                          &quiet) != AL_OK) {
        al_log(req->service->log, AL_LOG_DEBUG, "hosts of a share were not woken: %s", quiet.text);
    }
}

int
share_update(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    static const char *const keys[] = {"name", "url", "user", "password", "wire", NULL};
    AL_CLEANUP(service_tx_end) struct service_tx tx = {0};
    AL_CLEANUP(service_detail_free) struct service_detail d = {0};
    AL_CLEANUP(al_buf_free) struct al_buf sealed = {.max = SECRET_MAX + AUTH_SEAL_MORE};
    struct scope scope = service_scope(req->caller);
    struct store_share h;

    SV_TRY(service_body_keys(req, keys, fail));
    SV_TRY(service_begin(req, reply, &tx, fail));
    SV_TRY(store_share_get(tx.db, &scope, req->ids[0], req->arena, &h, fail));
    SV_TRY(service_if_match(req, h.version, fail));
    SV_TRY(change(req, &h, &d, &sealed, fail));
    SV_TRY(store_share_set(tx.db, &scope, &h, fail));
    SV_TRY(service_event(req, h.customer_id, "share.update", "share", h.id, h.name, NULL, &d.text,
                         fail));
    SV_TRY(service_one(req, reply, &store_shares, h.id, 200, fail));
    SV_TRY(service_commit(&tx, reply, fail));
    service_publish_noun(req->worker, "share", &store_shares, h.customer_id, h.id);
    wake_users(req, h.id);
    return AL_OK;
}

int
share_delete(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    AL_CLEANUP(service_tx_end) struct service_tx tx = {0};
    struct scope scope = service_scope(req->caller);
    struct store_share h;

    SV_TRY(service_begin(req, reply, &tx, fail));
    SV_TRY(store_share_get(tx.db, &scope, req->ids[0], req->arena, &h, fail));
    SV_TRY(service_if_match(req, h.version, fail));
    SV_TRY(store_share_del(tx.db, &scope, h.id, fail));
    SV_TRY(
        service_event(req, h.customer_id, "share.delete", "share", h.id, h.name, NULL, NULL, fail));
    SV_TRY(service_done(reply));
    SV_TRY(service_commit(&tx, reply, fail));
    service_publish_noun(req->worker, "share", &store_shares, h.customer_id, h.id);
    return AL_OK;
}
