#include "server/service/call/call.h"
#include "server/service/noun/ops.h"
#include "server/service/noun/volume.h"
#include "server/service/work/work.h"

#include <string.h>

#define MARKER_KEY_LEN 32u

int
volume_list(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    return service_list(req, reply, &store_volumes, fail);
}

int
volume_get(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    return service_one(req, reply, &store_volumes, req->ids[0], 0, fail);
}

const char *
volume_path_wrong(const char *path)
{
    bool drive = ((path[0] >= 'A' && path[0] <= 'Z') || (path[0] >= 'a' && path[0] <= 'z')) &&
                 path[1] == ':' && (path[2] == '/' || path[2] == '\\');
    const char *at = path;

    if (path[0] != '/' && !drive) {
        return "is absolute, like /srv/data or D:/data";
    }
    while ((at = strstr(at, "..")) != NULL) {
        bool begins = at == path || at[-1] == '/' || at[-1] == '\\';

        if (begins && (at[2] == '\0' || at[2] == '/' || at[2] == '\\')) {
            return "has \"..\" in it";
        }
        at += 2;
    }
    return NULL;
}

/* One folder has one spelling, or it would be two volumes: "/srv//a/./b/" is "/srv/a/b". On Linux a
 * backslash is a letter like others. */
static const char *
path_plain(struct service_req *req, const char *path)
{
    const char *slashes = path[0] == '/' ? "/" : "/\\";
    char *plain = al_arena_str(req->arena, path), *to = plain;

    for (const char *at = path; plain != NULL && *at != '\0'; at++) {
        bool begins = to > plain && strchr(slashes, to[-1]) != NULL;
        bool ends = at[1] == '\0' || strchr(slashes, at[1]) != NULL;

        if (!begins || (strchr(slashes, *at) == NULL && (*at != '.' || !ends))) {
            *to++ = *at;
        }
    }
    if (plain != NULL) {
        to -= to > plain + 1 && strchr(slashes, to[-1]) != NULL && to[-2] != ':';
        *to = '\0';
    }
    return plain;
}

/* A share of the same customer, or none. */
static int
share_good(struct service_req *req, const struct store_volume *v, struct al_fail *fail)
{
    struct scope scope = scope_customer(v->customer_id);
    struct store_share h;

    if (v->share_id[0] == '\0') {
        return AL_OK;
    }
    return store_share_get(req->worker->db, &scope, v->share_id, req->arena, &h, fail);
}

/* The key with which this volume's markers are checked; random, sealed, made once. */
static int
marker_key(struct service_req *req, struct store_volume *v, struct al_buf *sealed,
           struct al_fail *fail)
{
    const char *bound = service_printf(req, "volume:%s", v->id);
    uint8_t key[MARKER_KEY_LEN];
    int rc = port_random(req->service->port, key, sizeof key);

    if (rc == AL_OK) {
        rc = bound == NULL
                 ? AL_ENOMEM
                 : auth_seal(req->service->auth, bound, (struct al_span){key, sizeof key}, sealed);
    }
    al_wipe(key, sizeof key);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, 0, "the volume's key cannot be made");
    }
    v->marker_key_sealed = al_buf_span(sealed);
    return AL_OK;
}

static int
read_new(struct service_req *req, struct store_volume *v, struct al_fail *fail)
{
    static const char *const keys[] = {"customer_id", "host_id",  "name",  "path",
                                       "kind",        "share_id", "audit", NULL};
    static const char *const kinds[] = {"posix", "ntfs", "lucidlink", NULL};
    const char *wrong;

    SV_TRY(service_body_keys(req, keys, fail));
    SV_TRY(service_body_id(req, "host_id", true, v->host_id, fail));
    SV_TRY(service_body_name(req, "name", true, &v->name, fail));
    SV_TRY(service_body_text(req, "path", 1, VOLUME_PATH_MAX, true, &v->path, fail));
    wrong = volume_path_wrong(v->path);
    if (wrong != NULL) {
        return al_fail_set(fail, AL_EINVAL, 0, "\"path\" %s", wrong);
    }
    v->path = path_plain(req, v->path);
    if (v->path == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    v->kind = "posix";
    SV_TRY(service_body_word(req, "kind", kinds, false, &v->kind, fail));
    SV_TRY(service_body_id(req, "share_id", false, v->share_id, fail));
    return volume_audit_read(req, v, fail);
}

static void
audit_detail(struct service_detail *d, const char *from, const char *to)
{
    if (to == NULL || (from != NULL && strcmp(from, to) == 0)) {
        return;
    }
    al_jo_object(&d->j, "audit");
    al_jo_raw(&d->j, "from", al_span_of(from != NULL ? from : "null"));
    al_jo_raw(&d->j, "to", al_span_of(to));
    al_jo_close(&d->j);
}

int
volume_create(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    AL_CLEANUP(service_tx_end) struct service_tx tx = {0};
    AL_CLEANUP(service_detail_free) struct service_detail d = {0};
    AL_CLEANUP(al_buf_free) struct al_buf sealed = {.max = MARKER_KEY_LEN + AUTH_SEAL_MORE};
    struct scope scope = service_scope(req->caller);
    struct store_volume v = {.created_ns = req->now_ns};
    struct store_host h;

    SV_TRY(read_new(req, &v, fail));
    SV_TRY(service_begin(req, reply, &tx, fail));
    if (tx.replayed) {
        return AL_OK;
    }
    SV_TRY(store_host_get(tx.db, &scope, v.host_id, req->arena, &h, fail));
    memcpy(v.customer_id, h.customer_id, sizeof v.customer_id);
    SV_TRY(share_good(req, &v, fail));
    SV_TRY(store_id_make(tx.db, req->now_ns, v.id));
    SV_TRY(marker_key(req, &v, &sealed, fail));
    SV_TRY(store_volume_add(tx.db, &scope, &v, fail));
    service_detail_begin(&d);
    service_detail_text(&d, "host", NULL, h.name);
    service_detail_text(&d, "path", NULL, v.path);
    service_detail_text(&d, "share_id", NULL, v.share_id[0] != '\0' ? v.share_id : NULL);
    audit_detail(&d, NULL, v.audit);
    SV_TRY(service_detail_end(&d));
    SV_TRY(service_event(req, v.customer_id, "volume.create", "volume", v.id, v.name, NULL, &d.text,
                         fail));
    SV_TRY(volume_is_audited(&v) ? work_volume_audited(req->service, v.customer_id, v.id, fail)
                                 : AL_OK);
    SV_TRY(service_one(req, reply, &store_volumes, v.id, 201, fail));
    SV_TRY(service_commit(&tx, reply, fail));
    service_publish_noun(req->worker, "volume", &store_volumes, v.customer_id, v.id);
    service_wake_host(req->service, v.host_id);
    return AL_OK;
}

int
volume_update(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    static const char *const keys[] = {"name", "share_id", "audit", NULL};
    AL_CLEANUP(service_tx_end) struct service_tx tx = {0};
    AL_CLEANUP(service_detail_free) struct service_detail d = {0};
    struct scope scope = service_scope(req->caller);
    struct store_volume v, was;

    SV_TRY(service_body_keys(req, keys, fail));
    SV_TRY(service_begin(req, reply, &tx, fail));
    SV_TRY(store_volume_get(tx.db, &scope, req->ids[0], req->arena, &v, fail));
    SV_TRY(service_if_match(req, v.version, fail));
    was = v;
    SV_TRY(service_body_name(req, "name", false, &v.name, fail));
    SV_TRY(service_body_id(req, "share_id", false, v.share_id, fail));
    SV_TRY(share_good(req, &v, fail));
    SV_TRY(volume_audit_read(req, &v, fail));
    if (strcmp(was.share_id, v.share_id) != 0 && was.stub_files > 0) {
        return al_fail_set(
            fail, AL_ECONFLICT, 0,
            "this volume has stubs on its share; recall them before it gets another");
    }
    service_detail_begin(&d);
    service_detail_text(&d, "name", was.name, v.name);
    service_detail_text(&d, "share_id", was.share_id, v.share_id);
    audit_detail(&d, was.audit, v.audit);
    SV_TRY(service_detail_end(&d));
    SV_TRY(store_volume_set(tx.db, &scope, &v, fail));
    SV_TRY(service_event(req, v.customer_id, "volume.update", "volume", v.id, v.name, NULL, &d.text,
                         fail));
    SV_TRY(service_one(req, reply, &store_volumes, v.id, 200, fail));
    SV_TRY(service_commit(&tx, reply, fail));
    service_publish_noun(req->worker, "volume", &store_volumes, v.customer_id, v.id);
    service_wake_host(req->service, v.host_id);
    return AL_OK;
}

int
volume_delete(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    AL_CLEANUP(service_tx_end) struct service_tx tx = {0};
    struct scope scope = service_scope(req->caller);
    struct store_volume v;

    SV_TRY(service_begin(req, reply, &tx, fail));
    SV_TRY(store_volume_get(tx.db, &scope, req->ids[0], req->arena, &v, fail));
    SV_TRY(service_if_match(req, v.version, fail));
    SV_TRY(store_volume_del(tx.db, &scope, v.id, fail));
    SV_TRY(service_event(req, v.customer_id, "volume.delete", "volume", v.id, v.name, NULL, NULL,
                         fail));
    SV_TRY(service_done(reply));
    SV_TRY(service_commit(&tx, reply, fail));
    work_volume_gone(req->service, v.customer_id, v.id);
    service_publish_noun(req->worker, "volume", &store_volumes, v.customer_id, v.id);
    service_wake_host(req->service, v.host_id);
    return AL_OK;
}
