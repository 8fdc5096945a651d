#include "server/service/call/call.h"

#include <stdio.h>
#include <string.h>

#define DETAIL_MAX ((size_t)256 << 10) /* bytes: a rule's text twice, escaped, fits */
#define REQUEST_MAX ((size_t)16 << 20)

/* ---- answers kept under an Idempotency-Key ---- */

/* What a key stands for: the operation, the ids of its path, the body. */
static int
request_hash(struct service_req *req, uint8_t ret[STORE_HASH_LEN], struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {.max = REQUEST_MAX};

    SV_TRY(al_buf_addf(&text, "%s\n", req->op != NULL ? req->op : ""));
    for (size_t i = 0; i < 4 && req->ids[i] != NULL; i++) {
        SV_TRY(al_buf_addf(&text, "%s\n", req->ids[i]));
    }
    if (req->body != NULL) {
        SV_TRY(al_json_print(req->body, &text));
    }
    SV_TRY(auth_keyed_hash(req->service->auth, al_buf_span(&text), ret));
    al_wipe(text.at, text.len); /* it may hold a password */
    return AL_OK;
}

static const char *
bound_of(struct service_req *req)
{
    return service_printf(req, "answer:%s:%s", req->caller->id, req->idempotency_key);
}

/* Fills the reply from what was kept; AL_ENOENT when nothing was. */
static int
replay(struct service_tx *tx, struct service_reply *reply, struct al_fail *fail)
{
    struct service_req *req = tx->req;
    struct al_fail quiet = {0}; /* nothing kept is the usual case */
    const char *bound = bound_of(req);
    struct store_answer kept;
    int rc;

    if (bound == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    rc =
        store_answer_find(tx->db, req->caller->id, req->idempotency_key, req->arena, &kept, &quiet);
    if (rc == AL_ENOENT || (rc == AL_OK && kept.at_ns + STORE_ANSWER_KEPT_NS < req->now_ns)) {
        return AL_ENOENT;
    }
    if (rc != AL_OK) {
        return al_fail_pass(fail, rc, &quiet);
    }
    if (memcmp(kept.request_hash, tx->request_hash, STORE_HASH_LEN) != 0) {
        return al_fail_set(fail, AL_ECONFLICT, 0,
                           "this Idempotency-Key was used for another request");
    }
    SV_TRY(auth_unseal(req->service->auth, bound, kept.body_sealed, &reply->body));
    reply->status = kept.status;
    reply->location = kept.location;
    reply->etag = kept.etag;
    return AL_OK;
}

static int
keep(struct service_tx *tx, struct service_reply *reply, struct al_fail *fail)
{
    struct service_req *req = tx->req;
    AL_CLEANUP(al_buf_free) struct al_buf sealed = {.max = REQUEST_MAX};
    const char *bound = bound_of(req);
    struct store_answer n = {
        .caller_id = req->caller->id,
        .key = req->idempotency_key,
        .status = reply->status,
        .location = reply->location,
        .etag = reply->etag,
        .at_ns = req->now_ns,
    };

    if (bound == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    SV_TRY(auth_seal(req->service->auth, bound, al_buf_span(&reply->body), &sealed));
    n.body_sealed = al_buf_span(&sealed);
    memcpy(n.request_hash, tx->request_hash, STORE_HASH_LEN);
    return store_answer_add(tx->db, &n, fail);
}

/* ---- the transaction of a request ---- */

int
service_begin(struct service_req *req, struct service_reply *reply, struct service_tx *tx,
              struct al_fail *fail)
{
    int rc;

    *tx = (struct service_tx){.req = req, .db = req->worker->db};
    if (req->idempotency_key != NULL && req->caller->role != ROLE_NONE) {
        size_t len = strlen(req->idempotency_key);

        if (len == 0 || len > SERVICE_KEY_MAX) {
            return al_fail_set(fail, AL_EINVAL, 0, "an Idempotency-Key has 1 to %u bytes",
                               SERVICE_KEY_MAX);
        }
        SV_TRY(request_hash(req, tx->request_hash, fail));
        tx->keep = true;
    }
    SV_TRY(store_begin(tx->db, fail));
    tx->open = true;
    if (!tx->keep) {
        return AL_OK;
    }
    rc = replay(tx, reply, fail);
    if (rc == AL_ENOENT) {
        return AL_OK;
    }
    service_tx_end(tx);
    tx->replayed = rc == AL_OK;
    return rc;
}

void
service_tx_end(struct service_tx *tx)
{
    if (tx->open) {
        tx->open = false;
        store_rollback(tx->db);
    }
}

/* The newest event of the record, for consoles that watch it. */
static void
publish_event(struct service_req *req)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {.max = BUS_DATA_MAX};
    struct scope all = scope_system();
    struct al_fail quiet = {0};
    al_id id, customer_id;

    store_event_last(req->worker->db, id, customer_id);
    if (id[0] != '\0' &&
        store_one(req->worker->db, &all, &store_events, id, &text, NULL, &quiet) == AL_OK) {
        service_publish(req->service, "audit", customer_id, (const char *)text.at);
    }
}

int
service_commit(struct service_tx *tx, struct service_reply *reply, struct al_fail *fail)
{
    if (!tx->open || store_event_count(tx->db) == 0) {
        return al_fail_set(fail, AL_EINTERNAL, 0, "a change without an event");
    }
    if (tx->keep) {
        SV_TRY(keep(tx, reply, fail));
    }
    tx->open = false; /* the store rolls back by itself when it cannot commit */
    SV_TRY(store_commit(tx->db, fail));
    publish_event(tx->req);
    return AL_OK;
}

int
service_if_match(const struct service_req *req, uint64_t version, struct al_fail *fail)
{
    char tag[32];

    if (req->if_match == NULL) {
        return al_fail_set(fail, AL_ENODATA, 0, "say in If-Match which version you mean");
    }
    (void)snprintf(tag, sizeof tag, "\"%llu\"", (unsigned long long)version);
    if (strcmp(req->if_match, "*") != 0 && strcmp(req->if_match, tag) != 0) {
        return al_fail_set(fail, AL_ECHANGED, 0,
                           "somebody changed it meanwhile; it is at version %llu now",
                           (unsigned long long)version);
    }
    return AL_OK;
}

int
service_event(struct service_req *req, const char *customer_id, const char *act,
              const char *subject_type, const char *subject_id, const char *subject,
              const char *code, const struct al_buf *detail, struct al_fail *fail)
{
    const struct caller *c = req->caller;
    struct store_event e = {
        .customer_id = customer_id,
        .at_ns = req->now_ns,
        .actor_type = c->role == ROLE_HOST ? "host" : "user",
        .actor_id = c->id,
        .actor_name = c->name,
        .act = act,
        .subject_type = subject_type,
        .subject_id = subject_id,
        .subject = al_span_of(subject),
        .code = code,
        .detail = detail != NULL ? al_buf_span(detail) : (struct al_span){NULL, 0},
    };

    return store_event_add(req->worker->db, &e, fail);
}

/* ---- what an update changed ---- */

void
service_detail_begin(struct service_detail *d)
{
    al_buf_init(&d->text, DETAIL_MAX);
    al_jo_begin(&d->j, &d->text);
    al_jo_object(&d->j, NULL);
}

void
service_detail_text(struct service_detail *d, const char *key, const char *from, const char *to)
{
    if (from == to || (from != NULL && to != NULL && strcmp(from, to) == 0)) {
        return;
    }
    al_jo_object(&d->j, key);
    al_jo_str(&d->j, "from", from);
    al_jo_str(&d->j, "to", to);
    al_jo_close(&d->j);
}

void
service_detail_u64(struct service_detail *d, const char *key, uint64_t from, uint64_t to)
{
    if (from != to) {
        al_jo_object(&d->j, key);
        al_jo_u64(&d->j, "from", from);
        al_jo_u64(&d->j, "to", to);
        al_jo_close(&d->j);
    }
}

void
service_detail_bool(struct service_detail *d, const char *key, bool from, bool to)
{
    if (from != to) {
        al_jo_object(&d->j, key);
        al_jo_bool(&d->j, "from", from);
        al_jo_bool(&d->j, "to", to);
        al_jo_close(&d->j);
    }
}

int
service_detail_end(struct service_detail *d)
{
    al_jo_close(&d->j);
    return al_jo_end(&d->j);
}

void
service_detail_free(struct service_detail *d)
{
    al_buf_free(&d->text);
}

/* ---- after the commit ---- */

void
service_publish(struct service *s, const char *event, const char *customer_id, const char *json)
{
    int rc = bus_publish(s->bus, event, customer_id != NULL ? customer_id : "", json, NULL);

    if (rc != AL_OK) {
        al_log(s->log, AL_LOG_DEBUG, "a live event \"%s\" was lost: %s", event, al_code_name(rc));
    }
}

void
service_wake(struct service *s, const char *topic)
{
    int rc = bus_wake(s->bus, topic);

    if (rc != AL_OK) {
        al_log(s->log, AL_LOG_DEBUG, "nobody was woken for \"%s\": %s", topic, al_code_name(rc));
    }
}

void
service_wake_host(struct service *s, const char *host_id)
{
    char topic[BUS_TOPIC_MAX];

    (void)snprintf(topic, sizeof topic, "host:%s", host_id);
    service_wake(s, topic);
}

void
service_publish_noun(struct service_worker *w, const char *event, const struct store_noun *n,
                     const char *customer_id, const char *id)
{
    AL_CLEANUP(al_buf_free) struct al_buf text = {.max = BUS_DATA_MAX};
    struct scope all = scope_system();
    struct al_fail quiet = {0};
    int rc;

    rc = store_one(w->db, &all, n, id, &text, NULL, &quiet);
    if (rc == AL_ENOENT) {
        rc = al_buf_addf(&text, "{\"id\":\"%s\",\"deleted\":true}", id);
    }
    if (rc == AL_OK) {
        service_publish(w->service, event, customer_id, (const char *)text.at);
    }
}
