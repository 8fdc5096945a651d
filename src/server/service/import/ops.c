#include "server/service/import/import.h"
#include "server/service/import/ops.h"

#include <string.h>

int
import_list(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    return service_list(req, reply, &store_imports, fail);
}

int
import_get(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    return service_one(req, reply, &store_imports_whole, req->ids[0], 0, fail);
}

/* The import as it stands, after a change that is committed. */
static int
answer(struct service_req *req, struct service_reply *reply, struct service_tx *tx,
       const struct store_import *m, int status, struct al_fail *fail)
{
    SV_TRY(
        service_one(req, reply, &store_imports_whole, m->id, status == 201 ? 200 : status, fail));
    reply->status = status;
    if (status == 201 || status == 202) {
        reply->location = service_printf(req, "/api/v1/imports/%s", m->id);
        if (reply->location == NULL) {
            return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
        }
    }
    SV_TRY(service_commit(tx, reply, fail));
    import_publish(req->worker, m->customer_id, m->id);
    return AL_OK;
}

static int
get(struct service_req *req, struct store_import *ret, struct al_fail *fail)
{
    struct scope scope = service_scope(req->caller);

    return store_import_get(req->worker->db, &scope, req->ids[0], req->arena, ret, fail);
}

/* ---- making ---- */

int
import_create(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    static const char *const keys[] = {"name", "size", "options", NULL};
    AL_CLEANUP(service_tx_end) struct service_tx tx = {0};
    AL_CLEANUP(al_buf_free) struct al_buf options = {.max = IMPORT_OPTIONS_BYTES_MAX};
    struct import_new n = {.created_by = req->caller->name};
    struct import_options o;
    struct store_import m = {0};
    struct store_volume v;
    struct work_tx t;

    SV_TRY(work_volume(req, &v, fail));
    SV_TRY(service_body_keys(req, keys, fail));
    SV_TRY(service_body_text(req, "name", 1, IMPORT_NAME_BYTES_MAX, true, &n.name, fail));
    SV_TRY(service_body_u64(req, "size", INT64_MAX, &n.size, fail));
    if (n.name == NULL || n.size == 0) {
        return al_fail_set(fail, AL_EINVAL, 0,
                           n.name == NULL ? "\"name\" is missing"
                                          : "\"size\" is how many bytes the file has; an empty one "
                                            "is no list");
    }
    SV_TRY(import_options_read(json_object_get(req->body, "options"), req->arena, &o, fail));
    SV_TRY(import_options_text(&o, &options));
    SV_TRY(service_begin(req, reply, &tx, fail));
    if (tx.replayed) {
        return AL_OK;
    }
    work_tx_of(&t, req, fail);
    n.options = (const char *)options.at;
    n.volume_id = v.id;
    n.customer_id = v.customer_id;
    SV_TRY(import_make(&t, &n, m.id));
    memcpy(m.customer_id, v.customer_id, sizeof m.customer_id);
    return answer(req, reply, &tx, &m, 201, fail);
}

/* ---- its bytes ---- */

/* 409 with where it stands, so that whoever sends can go on there. */
static int
elsewhere(struct service_reply *reply, const char *sentence, uint64_t received)
{
    struct al_jsonout j;

    reply->status = 409;
    reply->content_type = "application/problem+json";
    al_jo_begin(&j, &reply->body);
    al_jo_object(&j, NULL);
    al_jo_str(&j, "type", "about:blank");
    al_jo_str(&j, "title", "Conflict");
    al_jo_u64(&j, "status", 409);
    al_jo_str(&j, "detail", sentence);
    al_jo_str(&j, "code", al_code_name(AL_ECONFLICT));
    al_jo_u64(&j, "received", received);
    al_jo_close(&j);
    return al_jo_end(&j);
}

/* Durable before it is told: first the file, then `received`. The last piece comes with the look. */
static int
keep_piece(struct service_req *req, const struct store_import *m, struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf look = {.max = 4 * IMPORT_LOOK_BYTES_MAX + (1u << 20)};
    AL_CLEANUP(al_json_freep) json_t *tree = NULL;
    struct service *s = req->service;
    struct scope scope = service_scope(req->caller);
    struct store_import_piece piece = {.from = m->received, .received = m->received + req->raw.len};
    bool whole = piece.received == m->size;
    struct import_options o;
    int rc;

    SV_TRY(import_piece_write(s, req->arena, m->id, req->raw, m->received, whole, fail));
    if (whole) {
        const char *path = import_path(s, req->arena, m->id, IMPORT_CONTENT);

        SV_TRY(import_options_parse(m->options, req->arena, &tree, &o, fail));
        if (path == NULL) {
            return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
        }
        SV_TRY(import_look_text(s, path, &o, req->arena, &look, &piece.problem, fail));
        piece.look = (const char *)look.at;
    }
    SV_TRY(store_begin(req->worker->db, fail));
    rc = store_import_received(req->worker->db, &scope, m->id, &piece, req->now_ns, fail);
    if (rc != AL_OK) {
        store_rollback(req->worker->db);
        return rc;
    }
    return store_commit(req->worker->db, fail);
}

static int
take_piece(struct service_req *req, struct service_reply *reply, uint64_t offset,
           struct al_fail *fail)
{
    struct store_import m;

    SV_TRY(get(req, &m, fail));
    if (m.state != STORE_IM_UPLOADING) {
        return elsewhere(reply, "this import takes no more bytes", m.received);
    }
    if (offset != m.received) {
        return elsewhere(reply, "other bytes come next: go on at \"received\"", m.received);
    }
    if (req->raw.len > m.size - m.received) {
        return al_fail_set(fail, AL_EINVAL, 0,
                           "these are more bytes than the import was announced with: %llu come "
                           "behind offset %llu",
                           (unsigned long long)(m.size - m.received), (unsigned long long)offset);
    }
    SV_TRY(keep_piece(req, &m, fail));
    import_publish(req->worker, m.customer_id, m.id);
    return service_one(req, reply, &store_imports_whole, m.id, 200, fail);
}

int
import_content(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    struct background *b = req->service->work->background;
    struct store_import m;
    uint64_t offset;
    int rc;

    SV_TRY(get(req, &m, fail));
    if (service_query(req, "offset") == NULL) {
        return al_fail_set(fail, AL_EINVAL, 0,
                           "\"offset\" says where in the file these bytes belong");
    }
    SV_TRY(service_query_u64(req, "offset", 0, INT64_MAX, &offset, fail));
    if (req->raw.len == 0 || req->raw.len > IMPORT_CHUNK_BYTES_MAX) {
        return al_fail_set(fail, AL_EINVAL, 0, "a piece has 1 to %zu bytes",
                           IMPORT_CHUNK_BYTES_MAX);
    }
    if (!background_write_begin(b, m.id)) {
        return elsewhere(reply, "somebody else is just sending bytes of this import", m.received);
    }
    rc = take_piece(req, reply, offset, fail);
    background_write_end(b, m.id);
    return rc;
}

/* ---- looking and running ---- */

struct another_look { /* another_end for AL_CLEANUP */
    struct al_buf options, look;
    bool problem;
};

static void
another_end(struct another_look *l)
{
    al_buf_free(&l->options);
    al_buf_free(&l->look);
}

/* Looks with other options, before the transaction: reading a file takes its time. */
static int
look_anew(struct service_req *req, struct another_look *l, struct al_fail *fail)
{
    struct import_options o;
    struct store_import m;
    const char *path;

    al_buf_init(&l->options, IMPORT_OPTIONS_BYTES_MAX);
    al_buf_init(&l->look, 4 * IMPORT_LOOK_BYTES_MAX + (1u << 20));
    SV_TRY(get(req, &m, fail));
    path = import_path(req->service, req->arena, m.id, IMPORT_CONTENT);
    if (path == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    if (m.received != m.size || !m.kept || m.state == STORE_IM_RUNNING ||
        m.state == STORE_IM_DONE) {
        return al_fail_set(fail, AL_ECONFLICT, 0, "%s",
                           m.state == STORE_IM_UPLOADING ? "the file is not whole yet"
                           : !m.kept ? "the file is not kept any more: upload it again"
                                     : "this import is running or done");
    }
    SV_TRY(import_options_read(json_object_get(req->body, "options"), req->arena, &o, fail));
    SV_TRY(import_options_text(&o, &l->options));
    return import_look_text(req->service, path, &o, req->arena, &l->look, &l->problem, fail);
}

static int
keep_look(struct work_tx *t, const struct store_import *m, const struct another_look *l)
{
    return store_import_looked(t->db, &t->scope, m->id, (const char *)l->options.at,
                               (const char *)l->look.at, l->problem, t->now_ns, t->fail);
}

int
import_look(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    static const char *const keys[] = {"options", NULL};
    AL_CLEANUP(service_tx_end) struct service_tx tx = {0};
    AL_CLEANUP(another_end) struct another_look look = {0};
    struct store_import m;
    struct work_tx t;

    SV_TRY(service_body_keys(req, keys, fail));
    SV_TRY(look_anew(req, &look, fail));
    SV_TRY(service_begin(req, reply, &tx, fail));
    if (tx.replayed) {
        return AL_OK;
    }
    work_tx_of(&t, req, fail);
    SV_TRY(get(req, &m, fail));
    SV_TRY(keep_look(&t, &m, &look));
    SV_TRY(import_event(&t, &m, "import.look", NULL, NULL, NULL));
    return answer(req, reply, &tx, &m, 200, fail);
}

/* Why it cannot be run, from its look. */
static int
refuse_problem(struct service_req *req, const struct store_import *m, struct al_fail *fail)
{
    AL_CLEANUP(al_json_freep) json_t *look = NULL;
    const char *problem = NULL;
    struct scope scope = service_scope(req->caller);
    struct store_import now;

    SV_TRY(store_import_get(req->worker->db, &scope, m->id, req->arena, &now, fail));
    if (!now.problem || now.look == NULL) {
        return AL_OK;
    }
    SV_TRY(al_json_parse(al_span_of(now.look), &look, fail));
    problem = json_string_value(json_object_get(look, "problem"));
    return al_fail_set(fail, AL_EINVAL, 0, "it cannot be imported like this: %s",
                       problem != NULL ? problem : "look at it again");
}

int
import_run(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    static const char *const keys[] = {"options", NULL};
    AL_CLEANUP(service_tx_end) struct service_tx tx = {0};
    AL_CLEANUP(another_end) struct another_look look = {0};
    struct store_import m;
    struct work_tx t;

    if (req->body != NULL) {
        SV_TRY(service_body_keys(req, keys, fail));
    }
    if (service_body_has(req, "options")) {
        SV_TRY(look_anew(req, &look, fail));
    }
    SV_TRY(service_begin(req, reply, &tx, fail));
    if (tx.replayed) {
        return AL_OK;
    }
    work_tx_of(&t, req, fail);
    SV_TRY(get(req, &m, fail));
    if (service_body_has(req, "options")) {
        SV_TRY(keep_look(&t, &m, &look));
    }
    SV_TRY(refuse_problem(req, &m, fail));
    SV_TRY(store_import_run(t.db, &t.scope, m.id, t.now_ns, fail));
    SV_TRY(import_event(&t, &m, "import.run", NULL, NULL, NULL));
    SV_TRY(answer(req, reply, &tx, &m, 202, fail));
    background_wake(req->service->work->background);
    return AL_OK;
}

int
import_cancel(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    AL_CLEANUP(service_tx_end) struct service_tx tx = {0};
    struct background *b = req->service->work->background;
    struct store_import m;
    struct work_tx t;
    bool ended, open;

    SV_TRY(service_begin(req, reply, &tx, fail));
    if (tx.replayed) {
        return AL_OK;
    }
    work_tx_of(&t, req, fail);
    SV_TRY(get(req, &m, fail));
    open = m.state == STORE_IM_UPLOADING || m.state == STORE_IM_READY;
    SV_TRY(store_import_cancel(t.db, &t.scope, m.id, t.now_ns, &ended, fail));
    if (open) { /* nobody wants the file any more */
        SV_TRY(store_import_dropped(t.db, &t.scope, m.id, fail));
    }
    SV_TRY(import_event(&t, &m, "import.cancel", NULL, NULL, NULL));
    SV_TRY(answer(req, reply, &tx, &m, 200, fail));
    if (open) {
        import_files_drop(req->service, m.id);
    } else if (!ended) {
        background_cancel(b, m.id);
    }
    return AL_OK;
}

int
import_refused(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    struct store_import m;
    int rc;

    SV_TRY(get(req, &m, fail));
    rc = import_reply_file(req, reply, import_path(req->service, req->arena, m.id, IMPORT_REFUSED),
                           "text/csv", service_printf(req, "refused-%s.csv", m.id));
    if (rc == AL_ENOENT) {
        return al_fail_set(fail, rc, 0,
                           m.kept ? "this import has no list of refused rows: it did not run yet"
                                  : "the list of refused rows is not kept any more");
    }
    return rc;
}

int
import_delete(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    AL_CLEANUP(service_tx_end) struct service_tx tx = {0};
    struct store_import m;
    struct work_tx t;

    SV_TRY(service_begin(req, reply, &tx, fail));
    work_tx_of(&t, req, fail);
    SV_TRY(get(req, &m, fail));
    SV_TRY(store_import_del(t.db, &t.scope, m.id, fail));
    SV_TRY(import_event(&t, &m, "import.delete", NULL, NULL, NULL));
    SV_TRY(service_done(reply));
    SV_TRY(service_commit(&tx, reply, fail));
    import_files_drop(req->service, m.id);
    import_publish(req->worker, m.customer_id, m.id);
    return AL_OK;
}
