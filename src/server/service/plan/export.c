#include "server/service/import/import.h"
#include "server/service/plan/ask.h"
#include "server/service/plan/ops.h"

#include <string.h>

struct exporting { /* exporting_end for AL_CLEANUP */
    struct ask ask;
    bool has_rule;
    bool refused;
    struct store_volume v;
    struct al_buf folder;
    struct inventory_plan_query plan;
    struct inventory_export_query q;
    struct store_export x;
};

static void
exporting_end(struct exporting *e)
{
    ask_end(&e->ask);
    al_buf_free(&e->folder);
}

static int
read_folder(struct service_req *req, struct exporting *e, struct al_fail *fail)
{
    if (!service_body_has(req, "folder") && !service_body_has(req, "folder_b64")) {
        return AL_OK;
    }
    if (al_json_get_bytes(req->body, "folder", &e->folder, NULL) != AL_OK) {
        return al_fail_set(fail, AL_EINVAL, 0, "\"folder\" is the path of a folder of the volume");
    }
    e->q.folder = al_buf_span(&e->folder);
    return AL_OK;
}

static int
read_export(struct service_req *req, struct exporting *e, struct al_fail *fail)
{
    static const char *const keys[] = {"volume_id", "where",  "rule_id", "version",
                                       "action",    "now",    "folder",  "folder_b64",
                                       "refused",   "format", NULL};
    static const char *const formats[] = {"csv", "parquet", NULL};
    const char *format = "csv";
    int64_t now_ns;

    al_buf_init(&e->folder, INVENTORY_PATH_MAX);
    SV_TRY(service_body_keys(req, keys, fail));
    SV_TRY(ask_volume(req, &e->v, fail));
    SV_TRY(ask_now(req, &now_ns, fail));
    SV_TRY(service_body_word(req, "format", formats, false, &format, fail));
    SV_TRY(service_body_bool(req, "refused", &e->refused, fail));
    SV_TRY(read_folder(req, e, fail));
    e->x.format = format;
    e->q.format = strcmp(format, "csv") == 0 ? INVENTORY_EXPORT_CSV : INVENTORY_EXPORT_PARQUET;
    e->q.refused = e->refused;
    e->has_rule = service_body_has(req, "where") || service_body_has(req, "rule_id");
    if (e->has_rule && e->q.folder.at != NULL) {
        return al_fail_set(
            fail, AL_EINVAL, 0,
            "\"folder\" is a list of its own: give it, or a rule (which may say path "
            "matches \"/folder/**\")");
    }
    if (e->has_rule) {
        SV_TRY(ask_read(&e->ask, req, req->body, &e->v, fail));
        e->plan = ask_query(&e->ask, now_ns);
        e->q.plan = &e->plan;
    }
    return AL_OK;
}

/* "projects-2026-11-23.csv" */
static int
name_it(struct service_req *req, struct exporting *e)
{
    char day[AL_TIME_TEXT_MAX];

    al_time_text(req->now_ns, day);
    day[10] = '\0';
    e->x.name = service_printf(req, "%s-%s.%s", e->v.name, day, e->x.format);
    return e->x.name == NULL ? AL_ENOMEM : AL_OK;
}

static int
write_file(struct service_req *req, struct exporting *e, struct al_fail *fail)
{
    struct service *s = req->service;
    struct inventory_scope scope = work_limited_scope(e->v.customer_id, WORK_LIST_NS);
    const char *path = export_path(s, req->arena, e->x.id);
    struct port_stat st;
    int rc;

    if (path == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    SV_TRY(import_disk_room(s, 0, 0, fail));
    rc = inventory_export(s->work->inventory, &scope, e->v.id, &e->q, path, &e->x.rows);
    if (rc == AL_ENOENT || rc == AL_ENODATA) {
        return al_fail_set(fail, AL_ENOENT, 0,
                           rc == AL_ENOENT ? "nothing is known of this volume yet: scan it, or "
                                             "import an inventory"
                                           : "no such folder");
    }
    SV_TRY(ask_failed(fail, rc));
    rc = port_stat_at(s->port, NULL, path, &st);
    if (rc != AL_OK) {
        return al_fail_set(fail, rc, port_os_error(s->port), "the list is not there");
    }
    e->x.bytes = st.size;
    return AL_OK;
}

static int
tell_event(struct service_req *req, const struct exporting *e, struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf detail = {.max = 256u << 10};
    struct al_jsonout j;

    al_jo_begin(&j, &detail);
    al_jo_object(&j, NULL);
    al_jo_str(&j, "volume_id", e->v.id);
    if (e->has_rule) {
        al_jo_str(&j, "rule_id", e->ask.of.id[0] == '\0' ? NULL : e->ask.of.id);
        al_jo_str(&j, "where", e->ask.where);
    }
    al_jo_u64(&j, "rows", e->x.rows);
    al_jo_u64(&j, "bytes", e->x.bytes);
    al_jo_close(&j);
    SV_TRY(al_jo_end(&j));
    return service_event(req, e->v.customer_id, "export.create", "export", e->x.id, e->x.name, NULL,
                         &detail, fail);
}

static int
keep(struct service_req *req, struct service_reply *reply, struct service_tx *tx,
     struct exporting *e, struct al_fail *fail)
{
    struct scope scope = service_scope(req->caller);
    struct al_jsonout j;

    SV_TRY(store_export_add(tx->db, &scope, &e->x, fail));
    SV_TRY(tell_event(req, e, fail));
    reply->status = 201;
    reply->location = service_printf(req, "/api/v1/exports/%s/content", e->x.id);
    if (reply->location == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    al_jo_begin(&j, &reply->body);
    al_jo_object(&j, NULL);
    al_jo_str(&j, "id", e->x.id);
    al_jo_str(&j, "name", e->x.name);
    al_jo_u64(&j, "rows", e->x.rows);
    al_jo_u64(&j, "bytes", e->x.bytes);
    al_jo_str(&j, "content_url", reply->location);
    al_jo_time(&j, "expires_at", e->x.expires_ns);
    al_jo_close(&j);
    SV_TRY(al_jo_end(&j));
    return service_commit(tx, reply, fail);
}

/* The list is written before anything else: a request that is repeated under its key makes it
 * twice, and forgets the second. */
int
plan_export(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    AL_CLEANUP(exporting_end) struct exporting e = {0};
    AL_CLEANUP(service_tx_end) struct service_tx tx = {0};
    struct scope scope = service_scope(req->caller);
    uint64_t kept;
    int rc;

    SV_TRY(read_export(req, &e, fail));
    SV_TRY(store_export_count(req->worker->db, &scope, req->caller->id, &kept, fail));
    if (kept >= EXPORT_USER_MAX) {
        reply->retry_after_s = 60;
        return al_fail_set(fail, AL_ELIMIT, 0,
                           "%u of your lists are kept already, each for an hour: wait until the "
                           "oldest is gone",
                           EXPORT_USER_MAX);
    }
    SV_TRY(store_id_make(req->worker->db, req->now_ns, e.x.id));
    memcpy(e.x.customer_id, e.v.customer_id, sizeof(al_id));
    memcpy(e.x.volume_id, e.v.id, sizeof(al_id));
    memcpy(e.x.user_id, req->caller->id, sizeof(al_id));
    e.x.created_ns = req->now_ns;
    e.x.expires_ns = req->now_ns + EXPORT_KEPT_NS;
    SV_TRY(name_it(req, &e));
    rc = write_file(req, &e, fail);
    if (rc == AL_OK) {
        rc = service_begin(req, reply, &tx, fail);
    }
    if (rc == AL_OK && !tx.replayed) {
        rc = keep(req, reply, &tx, &e, fail);
        if (rc == AL_OK) {
            return AL_OK;
        }
    }
    export_file_drop(req->service, e.x.id);
    return rc;
}

int
export_content(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    struct scope scope = service_scope(req->caller);
    struct store_export x;
    bool csv;
    int rc = store_export_get(req->worker->db, &scope, req->ids[0], req->arena, &x, fail);

    if (rc == AL_OK && (strcmp(x.user_id, req->caller->id) != 0 || x.expires_ns <= req->now_ns)) {
        rc = al_fail_set(fail, AL_ENOENT, 0, "no such export");
    }
    SV_TRY(rc);
    csv = strcmp(x.format, "csv") == 0;
    rc = import_reply_file(req, reply, export_path(req->service, req->arena, x.id),
                           csv ? "text/csv" : "application/vnd.apache.parquet", x.name);
    return rc == AL_ENOENT ? al_fail_set(fail, rc, 0, "no such export") : rc;
}
