#include "base/hash.h"
#include "server/service/agent/agent.h"
#include "server/service/agent/ops.h"

#include <string.h>

#define AGENT_RECALL_WAIT_MS 60000u /* an opener waits that long for its file, then gets EIO */
#define AGENT_WORKERS 4u            /* files moved at the same time by one host */
#define VERSION_BITS 52u /* of a configuration's version: any JSON reader keeps it exactly */

/* ---- enrolment ---- */

static int
enrol_host(struct service_req *req, const struct store_token *token, struct store_host *h,
           struct al_fail *fail)
{
    struct scope scope = scope_customer(token->customer_id);
    struct work_tx t;

    memcpy(h->customer_id, token->customer_id, sizeof(h->customer_id));
    h->last_seen_ns = req->now_ns;
    h->enrolled_ns = req->now_ns;
    h->online = true;
    SV_TRY(store_host_enrol(req->worker->db, &scope, h, h->id, fail));
    if (h->id[0] == '\0') { /* nobody expected it */
        SV_TRY(store_id_make(req->worker->db, req->now_ns, h->id));
        SV_TRY(store_host_add(req->worker->db, &scope, h, fail));
    }
    work_tx_of(&t, req, fail);
    t.actor_type = "host";
    t.actor_id = h->id;
    t.actor_name = h->name;
    return work_event(&t, &(struct work_event){
                              .customer_id = h->customer_id,
                              .act = "host.enrol",
                              .subject_type = "host",
                              .subject_id = h->id,
                              .subject = al_span_of(h->name),
                          });
}

int
agent_enrol(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    static const char *const keys[] = {"token", "name", "os", "version", "boot_id", NULL};
    struct store *db = req->worker->db;
    struct store_token token;
    struct store_host h = {.os = "", .agent_version = "", .boot_id = ""};
    struct al_jsonout j;
    const char *text = NULL;
    char secret[AUTH_TOKEN_TEXT];
    uint8_t hash[STORE_HASH_LEN];
    int rc;

    SV_TRY(service_body(req, fail));
    SV_TRY(service_body_keys(req, keys, fail));
    SV_TRY(service_body_text(req, "token", 1, 256, true, &text, fail));
    SV_TRY(service_body_name(req, "name", true, &h.name, fail));
    SV_TRY(service_body_text(req, "os", 0, 127, true, &h.os, fail));
    SV_TRY(service_body_text(req, "version", 0, 63, true, &h.agent_version, fail));
    SV_TRY(service_body_text(req, "boot_id", 0, 63, true, &h.boot_id, fail));
    SV_TRY(auth_token_hash(text, hash));
    SV_TRY(auth_token_make(req->service->auth, secret, h.secret_hash));
    SV_TRY(store_begin(db, fail));
    rc = store_token_take(db, hash, req->now_ns, req->arena, &token, fail);
    if (rc == AL_OK) {
        rc = enrol_host(req, &token, &h, fail);
    }
    if (rc != AL_OK) {
        store_rollback(db);
        return rc;
    }
    SV_TRY(store_commit(db, fail));
    service_publish_noun(req->worker, "host", &store_hosts, h.customer_id, h.id);
    al_jo_begin(&j, &reply->body);
    al_jo_object(&j, NULL);
    al_jo_str(&j, "host_id", h.id);
    al_jo_str(&j, "secret", secret);
    al_jo_str(&j, "customer_id", h.customer_id);
    al_jo_close(&j);
    al_wipe(secret, sizeof(secret));
    return al_jo_end(&j);
}

/* ---- configuration ---- */

#define HOST_VOLUMES_MAX 4096u
#define HOST_SHARES_MAX 4096u

struct config {
    struct service_req *req;
    struct scope scope;
    struct al_jsonout j;
    bool secrets;  /* unsealed; otherwise as they are sealed, which changes when they change */
    al_id *shares; /* in the arena */
    size_t share_count;
    struct al_fail *fail;
};

static int
config_secret(struct config *c, const char *key, const char *noun, const char *id,
              struct al_span sealed, bool hex)
{
    struct al_buf AL_CLEANUP(al_buf_free) plain = {0};
    char bound[64];
    int rc;

    al_buf_init(&plain, 8192);
    if (sealed.at == NULL) {
        al_jo_null(&c->j, key);
        return c->j.rc;
    }
    if (!c->secrets) {
        al_jo_hex(&c->j, key, sealed);
        return c->j.rc;
    }
    (void)snprintf(bound, sizeof(bound), "%s:%s", noun, id);
    rc = auth_unseal(c->req->service->auth, bound, sealed, &plain);
    if (rc != AL_OK) {
        return al_fail_set(c->fail, rc, 0, "the secret of %s does not open: wrong seal.key?",
                           bound);
    }
    if (hex) {
        al_jo_hex(&c->j, key, al_buf_span(&plain));
    } else {
        al_jo_text(&c->j, key, al_buf_span(&plain));
    }
    al_wipe(plain.at, plain.len);
    return c->j.rc;
}

/* Each once. */
static int
config_add_share(void *ctx, const char *share_id)
{
    struct config *c = ctx;

    for (size_t i = 0; i < c->share_count; i++) {
        if (strcmp(c->shares[i], share_id) == 0) {
            return AL_OK;
        }
    }
    if (c->share_count == HOST_SHARES_MAX) {
        return al_fail_set(c->fail, AL_ELIMIT, 0, "a host uses at most %u shares", HOST_SHARES_MAX);
    }
    memcpy(c->shares[c->share_count++], share_id, strnlen(share_id, AL_ID_LEN));
    return AL_OK;
}

static int
config_volume(void *ctx, const struct store_volume *v)
{
    struct config *c = ctx;

    if (v->share_id[0] != '\0') {
        SV_TRY(config_add_share(c, v->share_id));
    }
    al_jo_object(&c->j, NULL);
    al_jo_str(&c->j, "id", v->id);
    al_jo_str(&c->j, "name", v->name);
    al_jo_str(&c->j, "path", v->path);
    al_jo_str(&c->j, "kind", v->kind);
    al_jo_str(&c->j, "share_id", v->share_id[0] == '\0' ? NULL : v->share_id);
    SV_TRY(config_secret(c, "marker_key", "volume", v->id, v->marker_key_sealed, true));
    al_jo_bool(&c->j, "tracked_only", v->share_id[0] == '\0' || strcmp(v->kind, "lucidlink") == 0);
    if (v->audit != NULL) {
        al_jo_raw(&c->j, "audit", al_span_of(v->audit));
    }
    al_jo_close(&c->j);
    return c->j.rc;
}

static int
config_share(struct config *c, const char *id)
{
    struct store_share s;

    SV_TRY(store_share_get(c->req->worker->db, &c->scope, id, c->req->arena, &s, c->fail));
    al_jo_object(&c->j, NULL);
    al_jo_str(&c->j, "id", s.id);
    al_jo_str(&c->j, "name", s.name);
    al_jo_str(&c->j, "url", s.url);
    al_jo_str(&c->j, "user", s.user);
    al_jo_str(&c->j, "wire", s.wire);
    SV_TRY(config_secret(c, "password", "share", s.id, s.password_sealed, false));
    al_jo_close(&c->j);
    return c->j.rc;
}

/* Everything but the opening brace's version, so that the version can be derived from it. */
static int
config_write(struct config *c, struct al_buf *out, uint64_t version)
{
    al_jo_begin(&c->j, out);
    al_jo_object(&c->j, NULL);
    al_jo_u64(&c->j, "version", version);
    al_jo_str(&c->j, "host_id", c->req->caller->id);
    al_jo_str(&c->j, "customer_id", c->req->caller->customer_id);
    al_jo_array(&c->j, "volumes");
    SV_TRY(store_volume_each(c->req->worker->db, &c->scope, c->req->caller->id, NULL, c->req->arena,
                             config_volume, c, c->fail));
    al_jo_close(&c->j);
    /* A share that no volume of this host uses is lent to it for as long as it shall look at it. */
    SV_TRY(store_work_shares(c->req->worker->db, &c->scope, c->req->caller->id, config_add_share, c,
                             c->fail));
    al_jo_array(&c->j, "shares");
    for (size_t i = 0; i < c->share_count; i++) {
        SV_TRY(config_share(c, c->shares[i]));
    }
    al_jo_close(&c->j);
    al_jo_object(&c->j, "limits");
    al_jo_u64(&c->j, "recall_wait_ms", AGENT_RECALL_WAIT_MS);
    al_jo_u64(&c->j, "workers", AGENT_WORKERS);
    al_jo_close(&c->j);
    al_jo_close(&c->j);
    return al_jo_end(&c->j);
}

static int
config_begin(struct config *c, struct service_req *req, bool secrets, struct al_fail *fail)
{
    *c = (struct config){
        .req = req, .scope = service_scope(req->caller), .secrets = secrets, .fail = fail};
    c->shares = al_arena_alloc(req->arena, HOST_SHARES_MAX * sizeof(al_id));
    return c->shares == NULL ? al_fail_set(fail, AL_ENOMEM, 0, "no memory") : AL_OK;
}

int
agent_config_version(struct service_req *req, uint64_t *ret, struct al_fail *fail)
{
    struct al_buf AL_CLEANUP(al_buf_free) text = {0};
    struct config c;
    uint64_t version;

    al_buf_init(&text, AL_JSON_BYTES_MAX);
    SV_TRY(config_begin(&c, req, false, fail));
    SV_TRY(config_write(&c, &text, 0));
    version = al_xxh64(text.at, text.len, 0) >> (64u - VERSION_BITS);
    *ret = version == 0 ? 1 : version;
    return AL_OK;
}

int
agent_config(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    struct config c;
    uint64_t version;
    char etag[32];

    SV_TRY(agent_config_version(req, &version, fail));
    (void)snprintf(etag, sizeof(etag), "\"%llu\"", (unsigned long long)version);
    reply->etag = version;
    if (req->if_none_match != NULL && strcmp(req->if_none_match, etag) == 0) {
        reply->status = 304;
        return AL_OK;
    }
    SV_TRY(config_begin(&c, req, true, fail));
    return config_write(&c, &reply->body, version);
}
