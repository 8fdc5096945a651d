#include "rule/rule.h"
#include "server/service/call/call.h"
#include "server/service/rule/ops.h"
#include "server/service/rule/when.h"
#include "server/service/work/work.h"

#include <string.h>

#define POSITION_MAX 1000000u
#define PRINTED_MAX                                                                                \
    (4u * RULE_TEXT_BYTES_MAX) /* canonical text may be longer than what was typed */

static const char *const actions[] = {"tier", "archive", "recall", "pin", "exclude", NULL};

int
rule_list(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    return service_list(req, reply, &store_rules, fail);
}

int
rule_get(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    return service_one(req, reply, &store_rules, req->ids[0], 0, fail);
}

/* The canonical text of what was typed. AL_EINVAL with *error filled; AL_ELIMIT becomes AL_EINVAL:
 * the text is what is wrong. */
static int
canonical(const char *text, struct al_buf *out, struct rule_error *error, struct al_fail *fail)
{
    AL_CLEANUP(rule_freep) struct rule *rule = NULL;
    int rc = rule_parse(al_span_of(text), NULL, &rule, error);

    if (rc == AL_EINVAL || rc == AL_ELIMIT) {
        return al_fail_set(fail, AL_EINVAL, 0, "\"where\": %s at byte %zu%s%.90s", error->message,
                           error->at, error->expected[0] != '\0' ? "; expected " : "",
                           error->expected);
    }
    if (rc == AL_OK) {
        rc = rule_print(rule, out);
    }
    return rc == AL_OK ? AL_OK : al_fail_set(fail, rc, 0, "the rule cannot be printed");
}

int
rule_check(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    static const char *const keys[] = {"where", NULL};
    AL_CLEANUP(al_buf_free) struct al_buf text = {.max = PRINTED_MAX};
    struct rule_error error = {0};
    struct al_fail quiet = {0};
    const json_t *where;
    struct al_jsonout j;
    int rc;

    SV_TRY(service_body_keys(req, keys, fail));
    where = json_object_get(req->body, "where");
    if (!json_is_string(where)) {
        return al_fail_set(fail, AL_EINVAL, 0, "\"where\" is a text");
    }
    rc = canonical(json_string_value(where), &text, &error, &quiet);
    if (rc != AL_OK && rc != AL_EINVAL) {
        return al_fail_pass(fail, rc, &quiet);
    }
    al_jo_begin(&j, &reply->body);
    al_jo_object(&j, NULL);
    al_jo_bool(&j, "ok", rc == AL_OK);
    al_jo_text(&j, "canonical", rc == AL_OK ? al_buf_span(&text) : (struct al_span){NULL, 0});
    if (rc == AL_OK) {
        al_jo_null(&j, "error");
    } else {
        al_jo_object(&j, "error");
        al_jo_u64(&j, "at", error.at);
        al_jo_u64(&j, "length", error.length);
        al_jo_str(&j, "message", error.message);
        al_jo_str(&j, "expected", error.expected);
        al_jo_close(&j);
    }
    al_jo_close(&j);
    return al_jo_end(&j);
}

/* Reads what may be set at any time into r, where it stands in the body. text receives a new
 * canonical where. */
static int
read_fields(struct service_req *req, struct store_rule *r, struct al_buf *text,
            struct al_fail *fail)
{
    struct rule_error error = {0};

    SV_TRY(service_body_name(req, "name", false, &r->name, fail));
    if (service_body_has(req, "where")) {
        const json_t *where = json_object_get(req->body, "where");

        if (!json_is_string(where)) {
            return al_fail_set(fail, AL_EINVAL, 0, "\"where\" is a text");
        }
        SV_TRY(canonical(json_string_value(where), text, &error, fail));
        r->where = (const char *)text->at;
    }
    SV_TRY(service_body_word(req, "action", actions, false, &r->action, fail));
    SV_TRY(service_body_id(req, "share_id", false, r->share_id, fail));
    SV_TRY(service_body_u64(req, "position", POSITION_MAX, &r->position, fail));
    SV_TRY(service_body_bool(req, "enabled", &r->enabled, fail));
    SV_TRY(service_body_u64(req, "limit_files", INT64_MAX, &r->limit_files, fail));
    SV_TRY(service_body_u64(req, "limit_bytes", INT64_MAX, &r->limit_bytes, fail));
    return rule_when_read(req, r, fail);
}

/* A share the rule names belongs to the same customer. */
static int
share_good(struct service_req *req, const struct store_rule *r, struct al_fail *fail)
{
    struct scope scope = scope_customer(r->customer_id);
    struct store_share h;

    if (r->share_id[0] == '\0') {
        return AL_OK;
    }
    return store_share_get(req->worker->db, &scope, r->share_id, req->arena, &h, fail);
}

static void
tell_change(struct service_detail *d, const struct store_rule *was, const struct store_rule *r)
{
    service_detail_text(d, "name", was->name, r->name);
    service_detail_text(d, "where", was->where, r->where);
    service_detail_text(d, "action", was->action, r->action);
    service_detail_text(d, "share_id", was->share_id, r->share_id);
    service_detail_u64(d, "position", was->position, r->position);
    service_detail_bool(d, "enabled", was->enabled, r->enabled);
    service_detail_u64(d, "limit_files", was->limit_files, r->limit_files);
    service_detail_u64(d, "limit_bytes", was->limit_bytes, r->limit_bytes);
    service_detail_u64(d, "limit_minutes", was->limit_minutes, r->limit_minutes);
    service_detail_u64(d, "limit_error_percent", was->limit_error_percent, r->limit_error_percent);
    service_detail_u64(d, "start_used_percent", was->start_used_percent, r->start_used_percent);
    service_detail_u64(d, "stop_used_percent", was->stop_used_percent, r->stop_used_percent);
    service_detail_text(d, "cron", was->cron, r->cron);
    service_detail_text(d, "zone", was->zone, r->zone);
    service_detail_text(d, "windows", was->windows, r->windows);
}

int
rule_create(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    static const char *const keys[] = {"volume_id",   "name",         "where",   "action",
                                       "share_id",    "position",     "enabled", "limit_files",
                                       "limit_bytes", RULE_WHEN_KEYS, NULL};
    AL_CLEANUP(service_tx_end) struct service_tx tx = {0};
    AL_CLEANUP(service_detail_free) struct service_detail d = {0};
    AL_CLEANUP(al_buf_free) struct al_buf text = {.max = PRINTED_MAX};
    struct scope scope = service_scope(req->caller);
    struct store_rule r = {.action = "tier", .enabled = true, .created_ns = req->now_ns},
                      none = {.enabled = true};
    struct store_volume v;

    r.created_by = req->caller->name;
    SV_TRY(service_body_keys(req, keys, fail));
    SV_TRY(service_body_id(req, "volume_id", true, r.volume_id, fail));
    SV_TRY(read_fields(req, &r, &text, fail));
    if (r.name == NULL || r.where == NULL) {
        return al_fail_set(fail, AL_EINVAL, 0, "\"%s\" is missing",
                           r.name == NULL ? "name" : "where");
    }
    SV_TRY(service_begin(req, reply, &tx, fail));
    if (tx.replayed) {
        return AL_OK;
    }
    SV_TRY(store_volume_get(tx.db, &scope, r.volume_id, req->arena, &v, fail));
    memcpy(r.customer_id, v.customer_id, sizeof r.customer_id);
    SV_TRY(share_good(req, &r, fail));
    SV_TRY(work_volume_takes(req, r.customer_id, r.volume_id, r.action, fail));
    SV_TRY(rule_when_good(&r, req->now_ns, fail));
    SV_TRY(store_id_make(tx.db, req->now_ns, r.id));
    SV_TRY(store_rule_add(tx.db, &scope, &r, fail));
    service_detail_begin(&d);
    tell_change(&d, &none, &r);
    SV_TRY(service_detail_end(&d));
    SV_TRY(service_event(req, r.customer_id, "rule.create", "rule", r.id, r.name, NULL, &d.text,
                         fail));
    SV_TRY(service_one(req, reply, &store_rules, r.id, 201, fail));
    return service_commit(&tx, reply, fail);
}

int
rule_update(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    static const char *const keys[] = {"name",         "where",   "action",      "share_id",
                                       "position",     "enabled", "limit_files", "limit_bytes",
                                       RULE_WHEN_KEYS, NULL};
    AL_CLEANUP(service_tx_end) struct service_tx tx = {0};
    AL_CLEANUP(service_detail_free) struct service_detail d = {0};
    AL_CLEANUP(al_buf_free) struct al_buf text = {.max = PRINTED_MAX};
    struct scope scope = service_scope(req->caller);
    struct store_rule r, was;

    SV_TRY(service_body_keys(req, keys, fail));
    SV_TRY(service_begin(req, reply, &tx, fail));
    SV_TRY(store_rule_get(tx.db, &scope, req->ids[0], req->arena, &r, fail));
    SV_TRY(service_if_match(req, r.version, fail));
    was = r;
    SV_TRY(read_fields(req, &r, &text, fail));
    if (r.position == 0) {
        return al_fail_set(fail, AL_EINVAL, 0, "\"position\" is a whole number from 1 to %u",
                           POSITION_MAX);
    }
    SV_TRY(share_good(req, &r, fail));
    if (strcmp(was.action, r.action) !=
        0) { /* an older rule can still be renamed or switched off */
        SV_TRY(work_volume_takes(req, r.customer_id, r.volume_id, r.action, fail));
    }
    SV_TRY(rule_when_good(&r, req->now_ns, fail));
    r.updated_ns = req->now_ns;
    r.updated_by = req->caller->name;
    service_detail_begin(&d);
    tell_change(&d, &was, &r);
    SV_TRY(service_detail_end(&d));
    SV_TRY(store_rule_set(tx.db, &scope, &r, fail));
    SV_TRY(service_event(req, r.customer_id, "rule.update", "rule", r.id, r.name, NULL, &d.text,
                         fail));
    SV_TRY(service_one(req, reply, &store_rules, r.id, 200, fail));
    return service_commit(&tx, reply, fail);
}

int
rule_delete(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    AL_CLEANUP(service_tx_end) struct service_tx tx = {0};
    AL_CLEANUP(service_detail_free) struct service_detail d = {0};
    struct scope scope = service_scope(req->caller);
    struct store_rule r, none = {.share_id = ""};

    SV_TRY(service_begin(req, reply, &tx, fail));
    SV_TRY(store_rule_get(tx.db, &scope, req->ids[0], req->arena, &r, fail));
    SV_TRY(service_if_match(req, r.version, fail));
    none.enabled = r.enabled;
    service_detail_begin(&d);
    tell_change(&d, &r, &none); /* so that the record says what was lost */
    SV_TRY(service_detail_end(&d));
    SV_TRY(store_rule_del(tx.db, &scope, r.id, req->caller->name, req->now_ns, fail));
    SV_TRY(service_event(req, r.customer_id, "rule.delete", "rule", r.id, r.name, NULL, &d.text,
                         fail));
    SV_TRY(service_done(reply));
    return service_commit(&tx, reply, fail);
}
