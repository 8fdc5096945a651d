#include "server/service/plan/ask.h"

#include <string.h>

void
ask_end(struct ask *k)
{
    ranked_end(&k->ranked);
}

int
ask_failed(struct al_fail *fail, int rc)
{
    switch (rc) {
    case AL_OK:
        return AL_OK;
    case AL_ELIMIT:
        return al_fail_set(fail, rc, 0, "that is more than one answer can tell: ask for less");
    case AL_ENOSPC:
        return al_fail_set(fail, rc, 0, "altod's disk is full");
    case AL_ETIMEDOUT:
        return al_fail_set(fail, rc, 0,
                           "it took too long over so many files and was given up: patterns of "
                           "`like` are slow, so put size, age, ext or a folder before them");
    default:
        return al_fail_set(fail, rc, 0, "the inventory could not be asked: %s", al_code_name(rc));
    }
}

static int
prepare(struct ask *k)
{
    struct scope scope = service_scope(k->req->caller);
    struct ranked_of of = {
        .db = k->req->worker->db,
        .scope = &scope,
        .volume_id = k->v->id,
        .rule_id = k->of.id,
        .excludes = strcmp(k->action, "exclude") == 0,
        .where = k->where,
        .arena = k->req->arena,
    };

    return ranked_make(&k->ranked, &of, k->fail);
}

/* ---- which rule ---- */

/* The rule's text and action as that version had them; its place among the others is the one of
 * now. */
static int
as_it_was(struct ask *k, uint64_t version)
{
    struct scope scope = service_scope(k->req->caller);
    struct store_rule was;
    int rc;

    if (version == k->of.version) {
        return AL_OK;
    }
    rc = store_rule_version(k->req->worker->db, &scope, k->of.id, version, k->req->arena, &was,
                            NULL);
    if (rc == AL_ENOENT) {
        return al_fail_set(k->fail, AL_EINVAL, 0,
                           "\"version\": this rule has the versions 1 to %llu",
                           (unsigned long long)k->of.version);
    }
    if (rc == AL_OK) {
        k->of.where = was.where;
        k->of.action = was.action;
    }
    return rc;
}

static int
named_rule(struct ask *k, const char *rule_id, uint64_t version)
{
    struct scope scope = service_scope(k->req->caller);

    SV_TRY(store_rule_get(k->req->worker->db, &scope, rule_id, k->req->arena, &k->of, k->fail));
    if (strcmp(k->of.volume_id, k->v->id) != 0) {
        return al_fail_set(k->fail, AL_EINVAL, 0, "\"rule_id\" is a rule of another volume");
    }
    if (version != 0) {
        SV_TRY(as_it_was(k, version));
    }
    k->where = k->of.where;
    k->action = k->of.action;
    return AL_OK;
}

/* A text without an action is planned as its volume's files would go. */
static int
usual_action(struct ask *k)
{
    struct scope scope = service_scope(k->req->caller);
    const char *way, *reason;

    SV_TRY(store_volume_way(k->req->worker->db, &scope, k->v->id, k->req->arena, &way, &reason,
                            k->fail));
    k->action = strcmp(way, "archive") == 0 ? "archive" : "tier";
    return AL_OK;
}

int
ask_read(struct ask *k, struct service_req *req, const json_t *o, const struct store_volume *v,
         struct al_fail *fail)
{
    static const char *const actions[] = {"tier", "archive", "recall", "pin", "exclude", NULL};
    struct service_req part = *req;
    const char *where = NULL, *action = NULL;
    uint64_t version = 0;
    al_id rule = "";

    part.body = o;
    k->req = req;
    k->fail = fail;
    k->v = v;
    SV_TRY(usual_action(k));
    SV_TRY(service_body_text(&part, "where", 1, RULE_TEXT_BYTES_MAX, false, &where, fail));
    SV_TRY(service_body_id(&part, "rule_id", false, rule, fail));
    SV_TRY(service_body_u64(&part, "version", INT64_MAX, &version, fail));
    SV_TRY(service_body_word(&part, "action", actions, false, &action, fail));
    if (where == NULL && rule[0] == '\0') {
        return al_fail_set(fail, AL_EINVAL, 0, "\"where\" or \"rule_id\" says what to plan");
    }
    if (version != 0 && (where != NULL || rule[0] == '\0')) {
        return al_fail_set(fail, AL_EINVAL, 0,
                           "\"version\" is that of a rule, so it goes with \"rule_id\" alone");
    }
    if (rule[0] != '\0') {
        SV_TRY(named_rule(k, rule, version));
    }
    k->where = where != NULL ? where : k->where;
    k->action = action != NULL ? action : k->action;
    return prepare(k);
}

int
ask_rule(struct ask *k, struct service_req *req, const struct store_rule *r,
         const struct store_volume *v, struct al_fail *fail)
{
    k->req = req;
    k->fail = fail;
    k->v = v;
    k->of = *r;
    k->where = r->where;
    k->action = r->action;
    return prepare(k);
}

struct inventory_plan_query
ask_query(const struct ask *k, int64_t now_ns)
{
    struct inventory_plan_query q = ranked_query(&k->ranked, now_ns);

    q.archive = strcmp(k->action, "archive") == 0;
    return q;
}

bool
ask_tiers(const struct ask *k)
{
    return strcmp(k->action, "tier") == 0 || strcmp(k->action, "archive") == 0;
}

int
ask_volume(struct service_req *req, struct store_volume *ret, struct al_fail *fail)
{
    struct scope scope = service_scope(req->caller);
    al_id id = "";

    SV_TRY(service_body_id(req, "volume_id", true, id, fail));
    return store_volume_get(req->worker->db, &scope, id, req->arena, ret, fail);
}

int
ask_now(struct service_req *req, int64_t *ret, struct al_fail *fail)
{
    const char *text = NULL;

    *ret = req->now_ns;
    if (req->body == NULL) {
        return AL_OK;
    }
    SV_TRY(service_body_text(req, "now", 1, 64, false, &text, fail));
    if (text != NULL && al_time_parse(text, ret) != AL_OK) {
        return al_fail_set(fail, AL_EINVAL, 0, "\"now\" is a time like 2026-11-23T08:30:00Z");
    }
    return AL_OK;
}
