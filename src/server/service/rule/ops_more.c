#include "server/service/rule/ops.h"
#include "server/service/rule/templates.h"
#include "server/service/rule/when.h"

#include <string.h>

#define ORDER_MAX 1024u /* rules of a volume */
#define NEXT_SHOWN 5u

/* ---- versions ---- */

int
rule_versions(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    struct scope scope = service_scope(req->caller);
    struct store_filter filter = {"rule_id", req->ids[0]};
    struct store_page page;
    struct store_rule last;

    SV_TRY(store_rule_version(req->worker->db, &scope, req->ids[0], 0, req->arena, &last, fail));
    SV_TRY(service_page(req, &page, fail));
    return store_list(req->worker->db, &scope, &store_rule_versions, &filter, 1, &page,
                      &reply->body, fail);
}

/* ---- clone ---- */

static int
clone_of(struct service_req *req, struct service_tx *tx, const char *volume_id,
         struct store_rule *r, struct al_fail *fail)
{
    struct scope scope = service_scope(req->caller);
    struct store_volume v;

    if (volume_id[0] != '\0' && strcmp(volume_id, r->volume_id) != 0) {
        SV_TRY(store_volume_get(tx->db, &scope, volume_id, req->arena, &v, fail));
        if (strcmp(v.customer_id, r->customer_id) != 0) {
            r->share_id[0] = '\0'; /* a share belongs to one customer */
        }
        memcpy(r->volume_id, v.id, sizeof(al_id));
        memcpy(r->customer_id, v.customer_id, sizeof(al_id));
        if (r->share_id[0] != '\0' && strcmp(r->share_id, v.share_id) != 0) {
            r->share_id[0] = '\0'; /* the volume's own */
        }
    }
    r->position = 0;
    r->enabled = false; /* until somebody has looked at its plan there */
    r->created_by = req->caller->name;
    r->created_ns = req->now_ns;
    return store_id_make(tx->db, req->now_ns, r->id);
}

int
rule_clone(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    static const char *const keys[] = {"name", "volume_id", NULL};
    AL_CLEANUP(service_tx_end) struct service_tx tx = {0};
    AL_CLEANUP(al_buf_free) struct al_buf detail = {.max = 4096};
    struct scope scope = service_scope(req->caller);
    const char *name = NULL;
    struct al_jsonout j;
    struct store_rule r;
    al_id volume = "", from;

    SV_TRY(service_body_keys(req, keys, fail));
    SV_TRY(service_body_name(req, "name", false, &name, fail));
    SV_TRY(service_body_id(req, "volume_id", false, volume, fail));
    SV_TRY(service_begin(req, reply, &tx, fail));
    if (tx.replayed) {
        return AL_OK;
    }
    SV_TRY(store_rule_get(tx.db, &scope, req->ids[0], req->arena, &r, fail));
    if (name == NULL) {
        return al_fail_set(fail, AL_EINVAL, 0, "\"name\" is missing");
    }
    memcpy(from, r.id, sizeof(al_id));
    SV_TRY(clone_of(req, &tx, volume, &r, fail));
    r.name = name;
    SV_TRY(rule_when_good(&r, req->now_ns, fail));
    SV_TRY(store_rule_add(tx.db, &scope, &r, fail));
    al_jo_begin(&j, &detail);
    al_jo_object(&j, NULL);
    al_jo_str(&j, "from_rule_id", from);
    al_jo_str(&j, "volume_id", r.volume_id);
    al_jo_close(&j);
    SV_TRY(al_jo_end(&j));
    SV_TRY(
        service_event(req, r.customer_id, "rule.clone", "rule", r.id, r.name, NULL, &detail, fail));
    SV_TRY(service_one(req, reply, &store_rules, r.id, 201, fail));
    return service_commit(&tx, reply, fail);
}

/* ---- resume ---- */

int
rule_resume(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    AL_CLEANUP(service_tx_end) struct service_tx tx = {0};
    struct scope scope = service_scope(req->caller);
    struct store_rule r;
    int64_t next = 0;
    bool changed;

    SV_TRY(service_begin(req, reply, &tx, fail));
    if (tx.replayed) {
        return AL_OK;
    }
    SV_TRY(store_rule_get(tx.db, &scope, req->ids[0], req->arena, &r, fail));
    SV_TRY(rule_next_run(&r, req->now_ns, &next, fail));
    SV_TRY(store_rule_suspend(tx.db, &scope, r.id, "", "", req->now_ns, &changed, fail));
    if (changed) { /* what came while it was suspended is not made up */
        SV_TRY(store_rule_next(tx.db, &scope, r.id, next, 0, fail));
        SV_TRY(service_event(req, r.customer_id, "rule.resume", "rule", r.id, r.name, NULL, NULL,
                             fail));
    }
    SV_TRY(service_one(req, reply, &store_rules, r.id, 200, fail));
    return changed ? service_commit(&tx, reply, fail) : AL_OK;
}

/* ---- order ---- */

static int
read_ids(struct service_req *req, const char *const **ret, size_t *ret_count, struct al_fail *fail)
{
    const json_t *list = json_object_get(req->body, "ids");
    size_t count = json_array_size(list);
    const char **ids = al_arena_alloc(req->arena, (count + 1) * sizeof(*ids));

    if (ids == NULL) {
        return AL_ENOMEM;
    }
    if (!json_is_array(list) || count == 0 || count > ORDER_MAX) {
        return al_fail_set(fail, AL_EINVAL, 0, "\"ids\" is a list of 1 to %u rules", ORDER_MAX);
    }
    for (size_t i = 0; i < count; i++) {
        ids[i] = json_string_value(json_array_get(list, i));
        if (ids[i] == NULL || !al_id_valid(ids[i])) {
            return al_fail_set(fail, AL_EINVAL, 0, "\"ids\" is a list of ids");
        }
        for (size_t k = 0; k < i; k++) {
            if (strcmp(ids[k], ids[i]) == 0) {
                return al_fail_set(fail, AL_EINVAL, 0, "\"ids\" names %s twice", ids[i]);
            }
        }
    }
    *ret = ids;
    *ret_count = count;
    return AL_OK;
}

static int
order_event(struct service_req *req, const struct store_volume *v, const char *const *ids,
            size_t count, struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf detail = {.max = 64u << 10};
    struct al_jsonout j;

    al_jo_begin(&j, &detail);
    al_jo_object(&j, NULL);
    al_jo_array(&j, "ids");
    for (size_t i = 0; i < count; i++) {
        al_jo_str(&j, NULL, ids[i]);
    }
    al_jo_close(&j);
    al_jo_close(&j);
    SV_TRY(al_jo_end(&j));
    return service_event(req, v->customer_id, "rule.order", "volume", v->id, v->name, NULL, &detail,
                         fail);
}

int
rule_order(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    static const char *const keys[] = {"volume_id", "ids", NULL};
    AL_CLEANUP(service_tx_end) struct service_tx tx = {0};
    struct scope scope = service_scope(req->caller);
    struct store_page page = {.limit = STORE_PAGE_MAX};
    struct store_filter filter = {"volume_id", NULL};
    const char *const *ids = NULL;
    struct store_volume v;
    uint64_t moved = 0;
    size_t count = 0;
    al_id volume = "";

    SV_TRY(service_body_keys(req, keys, fail));
    SV_TRY(service_body_id(req, "volume_id", true, volume, fail));
    SV_TRY(read_ids(req, &ids, &count, fail));
    SV_TRY(service_begin(req, reply, &tx, fail));
    if (tx.replayed) {
        return AL_OK;
    }
    SV_TRY(store_volume_get(tx.db, &scope, volume, req->arena, &v, fail));
    SV_TRY(store_rule_order(tx.db, &scope, volume, ids, count, req->caller->name, req->now_ns,
                            &moved, fail));
    if (moved > 0) {
        SV_TRY(order_event(req, &v, ids, count, fail));
    }
    filter.text = volume;
    SV_TRY(store_list(tx.db, &scope, &store_rules, &filter, 1, &page, &reply->body, fail));
    return moved > 0 ? service_commit(&tx, reply, fail) : AL_OK;
}

/* ---- templates ---- */

static void
number_or_null(struct al_jsonout *j, const char *key, uint64_t v)
{
    if (v == 0) {
        al_jo_null(j, key);
    } else {
        al_jo_u64(j, key, v);
    }
}

static void
template_json(struct al_jsonout *j, const struct rule_template *t)
{
    al_jo_object(j, NULL);
    al_jo_str(j, "id", t->id);
    al_jo_str(j, "name", t->name);
    al_jo_str(j, "text", t->text);
    al_jo_str(j, "where", t->where);
    al_jo_str(j, "action", t->action);
    if (t->cron == NULL) {
        al_jo_null(j, "schedule");
    } else {
        al_jo_object(j, "schedule");
        al_jo_str(j, "cron", t->cron);
        al_jo_str(j, "zone", "UTC");
        al_jo_close(j);
    }
    al_jo_object(j, "limits");
    number_or_null(j, "limit_minutes", t->limit_minutes);
    number_or_null(j, "limit_error_percent", t->limit_error_percent);
    number_or_null(j, "start_used_percent", t->start_used_percent);
    number_or_null(j, "stop_used_percent", t->stop_used_percent);
    al_jo_close(j);
    al_jo_close(j);
}

int
rule_templates(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    const struct rule_template *list;
    struct al_jsonout j;
    size_t count;

    (void)req;
    (void)fail;
    list = rule_template_list(&count);
    al_jo_begin(&j, &reply->body);
    al_jo_object(&j, NULL);
    al_jo_array(&j, "items");
    for (size_t i = 0; i < count; i++) {
        template_json(&j, &list[i]);
    }
    al_jo_close(&j);
    al_jo_close(&j);
    return al_jo_end(&j);
}

/* ---- what a schedule means ---- */

struct meaning {
    struct al_buf text, windows; /* sentences; empty: none */
    int64_t next[NEXT_SHOWN];
    size_t next_count;
};

static void
meaning_free(struct meaning *m)
{
    al_buf_free(&m->text);
    al_buf_free(&m->windows);
}

static int
mean(struct service_req *req, struct meaning *m, struct al_fail *fail)
{
    struct schedule AL_CLEANUP(schedule_closep) *s = NULL;
    struct windows AL_CLEANUP(windows_closep) *w = NULL;
    struct al_buf AL_CLEANUP(al_buf_free) json = {.max = RULE_WINDOWS_BYTES_MAX};
    struct store_rule r = {.cron = json_string_value(json_object_get(req->body, "cron")),
                           .zone = json_string_value(json_object_get(req->body, "zone"))};
    const json_t *windows = json_object_get(req->body, "windows");
    int64_t at = req->now_ns;

    if (r.cron != NULL) {
        SV_TRY(schedule_open(r.cron, r.zone, &s, fail));
        SV_TRY(schedule_text(s, &m->text));
    }
    if (windows != NULL && !json_is_null(windows)) {
        SV_TRY(rule_windows_read(windows, r.zone, &json, fail));
        SV_TRY(rule_windows_of((const char *)json.at, &w, fail));
        SV_TRY(windows_text(w, &m->windows));
        r.windows = (const char *)json.at;
    }
    while (m->next_count < NEXT_SHOWN && r.cron != NULL) {
        SV_TRY(rule_next_run(&r, at, &at, fail));
        if (at == 0) {
            break;
        }
        m->next[m->next_count++] = at;
    }
    if (r.cron != NULL && m->next_count == 0) {
        return al_fail_set(fail, AL_EINVAL, 0,
                           "it is never, or its windows never open: choose another day");
    }
    return AL_OK;
}

int
rule_schedule(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    static const char *const keys[] = {"cron", "zone", "windows", NULL};
    AL_CLEANUP(meaning_free)
    struct meaning m = {.text = {.max = SCHEDULE_TEXT_MAX},
                        .windows = {.max = SCHEDULE_TEXT_MAX * 4}};
    struct al_fail said = {0};
    const char *cron = NULL, *zone = NULL;
    struct al_jsonout j;
    int rc;

    SV_TRY(service_body(req, fail));
    SV_TRY(service_body_keys(req, keys, fail));
    SV_TRY(service_body_text(req, "cron", 0, SERVICE_TEXT_MAX, false, &cron, fail));
    SV_TRY(service_body_text(req, "zone", 0, SERVICE_TEXT_MAX, cron != NULL, &zone, fail));
    rc = mean(req, &m, &said);
    if (rc != AL_OK && rc != AL_EINVAL) {
        return al_fail_pass(fail, rc, &said);
    }
    al_jo_begin(&j, &reply->body);
    al_jo_object(&j, NULL);
    al_jo_bool(&j, "ok", rc == AL_OK);
    al_jo_text(&j, "text", al_buf_span(&m.text));
    al_jo_text(&j, "windows_text", al_buf_span(&m.windows));
    al_jo_array(&j, "next");
    for (size_t i = 0; i < m.next_count && rc == AL_OK; i++) {
        al_jo_time(&j, NULL, m.next[i]);
    }
    al_jo_close(&j);
    al_jo_str(&j, "error", rc == AL_OK ? NULL : said.text);
    al_jo_close(&j);
    return al_jo_end(&j);
}
