#include "server/service/file/file.h"
#include "server/service/file/ops.h"
#include "server/service/plan/ask.h"
#include "server/service/work/access.h"

#include <string.h>

#define WHY_EVENTS_MAX 500u /* the newest */
#define WHY_RULES_MAX 1000u
#define WHY_EXTRA 8u /* what the inventory knows, beside the events */

struct why { /* of one file */
    struct service_req *req;
    struct al_fail *fail;
    struct al_arena *arena;
    struct store_volume v;
    struct inventory_row row;
    struct rule_entry entry;
    struct access_record record; /* of a volume with audit logs */
    int64_t covered_ns;          /* its last access as plans take it; 0: as it is known */
    struct al_jsonout j;
    size_t rules;
    bool decided;
    bool pinned;          /* a client of a filespace has it, or what it lies in */
    bool held;            /* what decides would not, but for what is not known of accesses */
    struct store_rule by; /* the rule that decides */
    struct why_entry *told;
    size_t told_count;
};

int
kept_row(void *ctx, const struct inventory_row *row)
{
    struct kept_row *k = ctx;

    k->row = *row;
    k->row.path = al_arena_span(k->arena, row->path);
    k->row.name = al_arena_span(k->arena, row->name);
    k->row.owner = al_arena_span(k->arena, row->owner);
    return (row->path.len > 0 && k->row.path.at == NULL) ||
                   (row->name.len > 0 && k->row.name.at == NULL) ||
                   (row->owner.len > 0 && k->row.owner.at == NULL)
               ? AL_ENOMEM
               : AL_OK;
}

/* ---- the rules, in order ---- */

static void
entry_of(const struct inventory_row *row, struct rule_entry *e)
{
    *e = (struct rule_entry){
        .path = row->path,
        .size = row->size,
        .accessed_ns = row->accessed_ns,
        .modified_ns = row->mtime_ns,
        .created_ns = row->btime_ns,
        .uid = row->uid,
        .attrs = row->attrs,
        .mode = row->mode,
        .state = row->state,
    };
    if (row->owner.len > 0) {
        e->owner = row->owner;
    }
}

/* As plans do: where accesses are known only since some time, a file counts as used then. *ret_held: the
 * rule means it by what is known alone. */
static bool
rule_means(const struct why *y, const struct rule *rule, bool tiers, bool *ret_held)
{
    struct rule_entry covered = y->entry;
    bool known = rule_match(rule, &y->entry, y->req->now_ns);

    *ret_held = false;
    if (y->covered_ns == 0) {
        return known;
    }
    covered.accessed_ns = y->covered_ns;
    if (rule_match(rule, &covered, y->req->now_ns)) {
        return true;
    }
    *ret_held = known && tiers;
    return *ret_held;
}

static int
one_rule(void *ctx, const char *id)
{
    AL_CLEANUP(rule_freep) struct rule *rule = NULL;
    struct why *y = ctx;
    struct scope scope = service_scope(y->req->caller);
    struct store_rule r;
    bool matches, decides, held = false;

    if (++y->rules > WHY_RULES_MAX) {
        return AL_OK;
    }
    SV_TRY(store_rule_get(y->req->worker->db, &scope, id, y->req->arena, &r, y->fail));
    /* A rule of the store was parsed before it was kept; one that does not parse matches nothing. */
    matches = y->row.type != PORT_T_FOLDER &&
              rule_parse(al_span_of(r.where), NULL, &rule, NULL) == AL_OK &&
              rule_means(y, rule, strcmp(r.action, "tier") == 0 || strcmp(r.action, "archive") == 0,
                         &held);
    decides = matches && r.enabled && !y->decided;
    if (decides) {
        y->decided = true;
        y->held = held;
        y->by = r;
    }
    al_jo_object(&y->j, NULL);
    al_jo_str(&y->j, "id", r.id);
    al_jo_str(&y->j, "name", r.name);
    al_jo_str(&y->j, "action", r.action);
    al_jo_str(&y->j, "where", r.where);
    al_jo_bool(&y->j, "enabled", r.enabled);
    al_jo_bool(&y->j, "matches", matches);
    al_jo_bool(&y->j, "decides", decides);
    al_jo_close(&y->j);
    return y->j.rc;
}

static const char *
refusal_text(struct why *y, const char *refusal)
{
    const char *text =
        !y->held ? why_refusal_text(refusal)
                 : service_printf(y->req, "%s (%s)", why_refusal_text(refusal), y->record.text);

    return text == NULL ? refusal : text;
}

/* What would be done now, and the sentence for it. */
static void
decision_json(struct why *y)
{
    const char *action = y->decided ? y->by.action : "none", *refusal = NULL, *text;
    const char *name = y->decided ? y->by.name : NULL;
    bool stub = y->row.state == RULE_S_STUB || y->row.state == RULE_S_ARCHIVED;
    bool archive = strcmp(action, "archive") == 0;

    if (!y->decided) {
        text = y->row.type == PORT_T_FOLDER ? "This is a folder: rules decide files"
                                            : "No rule that is switched on means this file: it "
                                              "stays as it is";
    } else if (archive || strcmp(action, "tier") == 0) {
        refusal = why_refusal_of(&y->row, archive);
        refusal = refusal == NULL && y->pinned ? "pinned_in_lucidlink" : refusal;
        y->held = y->held && refusal == NULL;
        refusal = y->held ? "no_access_record" : refusal;
        text = refusal == NULL
                   ? service_printf(y->req, "Rule \"%s\" %s it at its next run", name,
                                    archive ? "archives" : "tiers")
                   : service_printf(y->req, "Rule \"%s\" means it, but it is not %s: %s", name,
                                    archive ? "archived" : "tiered", refusal_text(y, refusal));
    } else if (strcmp(action, "recall") == 0) {
        text = service_printf(y->req,
                              stub ? "Rule \"%s\" brings it back at its next run"
                                   : "Rule \"%s\" brings it back, but it is on the host already",
                              name);
    } else {
        text = service_printf(y->req,
                              strcmp(action, "pin") == 0
                                  ? "Rule \"%s\" keeps it on the host"
                                  : "Rule \"%s\" excludes it: no other rule touches it",
                              name);
    }
    al_jo_object(&y->j, "decision");
    al_jo_str(&y->j, "action", action);
    al_jo_str(&y->j, "rule_id", y->decided ? y->by.id : NULL);
    al_jo_str(&y->j, "rule_name", name);
    al_jo_str(&y->j, "refusal", refusal);
    al_jo_str(&y->j, "text", text == NULL ? "" : text);
    al_jo_close(&y->j);
}

/* ---- the timeline ---- */

static int
on_event(void *ctx, const struct store_told *e)
{
    struct why *y = ctx;

    SV_TRY(why_of_event(e, y->arena, &y->told[y->told_count]));
    y->told_count++;
    return AL_OK;
}

static void
known(struct why *y, int64_t at_ns, const char *what, const char *text)
{
    if (at_ns != 0 && at_ns != RULE_TIME_UNKNOWN && text != NULL) {
        y->told[y->told_count++] = (struct why_entry){.at_ns = at_ns, .what = what, .text = text};
    }
}

/* What the inventory knows; who told it is said with it. */
static int
from_inventory(struct why *y)
{
    static const char *const evidence[INVENTORY_SOURCES] = {
        [INVENTORY_BY_WALK] = "Last read, by the access time that a scan saw on the file",
        [INVENTORY_BY_IMPORT] = "Last read, as an imported list says",
        [INVENTORY_BY_AUDIT] = "Last used, as audit logs tell",
        [INVENTORY_BY_RECALL] = "Last read, by the program for which it was brought back",
    };
    struct inventory_scope scope = work_ask_scope(y->req->service->work, y->v.customer_id);
    struct inventory_totals t = {0};
    bool imported = (y->row.flags & INVENTORY_IMPORTED) != 0;
    int rc = inventory_totals(y->req->service->work->inventory, &scope, y->v.id, &t);

    SV_TRY(rc == AL_OK ? AL_OK : ask_failed(y->fail, rc));
    known(y, y->row.btime_ns, "created", "Created, as its filesystem says");
    known(y, y->row.mtime_ns, "modified", "Last changed");
    known(y, y->row.accessed_ns, "accessed",
          (unsigned)y->row.source < INVENTORY_SOURCES ? evidence[y->row.source] : NULL);
    if (imported) {
        known(y, y->req->now_ns, "known",
              "Known from an imported list only: no scan has seen it yet");
    } else {
        known(y, t.last_scan_ns, "seen", "Seen by the last scan of its volume");
    }
    return AL_OK;
}

/* Oldest first; what happened at the same time stays in the order in which it was told. */
static void
in_order(struct why *y)
{
    for (size_t i = 1; i < y->told_count; i++) {
        struct why_entry e = y->told[i];
        size_t k = i;

        for (; k > 0 && y->told[k - 1].at_ns > e.at_ns; k--) {
            y->told[k] = y->told[k - 1];
        }
        y->told[k] = e;
    }
}

static void
entry_json(struct al_jsonout *j, const struct why_entry *e)
{
    al_jo_object(j, NULL);
    al_jo_time(j, "at", e->at_ns);
    al_jo_str(j, "what", e->what);
    al_jo_str(j, "text", e->text);
    al_jo_str(j, "by", e->by);
    al_jo_str(j, "code", e->code);
    al_jo_str(j, "reason", e->reason);
    al_jo_str(j, "rule_id", e->rule_id);
    if (e->rule_version != 0) {
        al_jo_u64(j, "rule_version", e->rule_version);
    } else {
        al_jo_null(j, "rule_version");
    }
    al_jo_str(j, "job_id", e->job_id);
    al_jo_str(j, "event_id", e->event_id);
    al_jo_close(j);
}

static int
timeline(struct why *y)
{
    struct scope scope = service_scope(y->req->caller);

    y->told = al_arena_alloc(y->arena, (WHY_EVENTS_MAX + WHY_EXTRA) * sizeof(*y->told));
    if (y->told == NULL) {
        return AL_ENOMEM;
    }
    SV_TRY(store_event_each_of(y->req->worker->db, &scope, y->v.id, y->row.path, WHY_EVENTS_MAX,
                               on_event, y, y->fail));
    for (size_t i = 0; i < y->told_count / 2; i++) { /* they came newest first */
        struct why_entry e = y->told[i];

        y->told[i] = y->told[y->told_count - 1 - i];
        y->told[y->told_count - 1 - i] = e;
    }
    SV_TRY(from_inventory(y));
    in_order(y);
    al_jo_array(&y->j, "timeline");
    for (size_t i = 0; i < y->told_count; i++) {
        entry_json(&y->j, &y->told[i]);
    }
    al_jo_close(&y->j);
    return y->j.rc;
}

static int
accesses_known(struct why *y)
{
    struct inventory_scope scope = work_ask_scope(y->req->service->work, y->v.customer_id);
    int rc;

    if (y->v.audit == NULL) {
        return AL_OK;
    }
    rc = inventory_pinned(y->req->service->work->inventory, &scope, y->v.id, y->row.path,
                          &y->pinned);
    SV_TRY(rc == AL_OK ? AL_OK : ask_failed(y->fail, rc));
    SV_TRY(access_record_get(y->req, &y->v, &y->record, y->fail));
    y->covered_ns = inventory_covered_access(&y->record.coverage, &y->row, y->req->now_ns,
                                             &y->entry.accessed_ns);
    return AL_OK;
}

int
volume_why(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    AL_CLEANUP(al_arena_freep) struct al_arena *arena = al_arena_new(ASK_ARENA_MAX);
    struct scope scope = service_scope(req->caller);
    struct why y = {.req = req, .fail = fail, .arena = arena};
    struct kept_row found = {.arena = arena};
    struct inventory_scope inside;
    struct al_span path;
    int rc;

    if (arena == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    SV_TRY(work_volume(req, &y.v, fail));
    SV_TRY(file_path_asked(req, "path", &path, fail));
    inside = work_ask_scope(req->service->work, y.v.customer_id);
    rc = inventory_stat(req->service->work->inventory, &inside, y.v.id, path, kept_row, &found);
    if (rc == AL_ENOENT || rc == AL_ENODATA) {
        return al_fail_set(fail, AL_ENOENT, 0, "no such file, as far as scans and imports tell");
    }
    SV_TRY(ask_failed(fail, rc));
    y.row = found.row;
    entry_of(&y.row, &y.entry);
    SV_TRY(accesses_known(&y));
    al_jo_begin(&y.j, &reply->body);
    al_jo_object(&y.j, NULL);
    file_row_json(&y.j, "file", &y.row);
    al_jo_array(&y.j, "rules");
    SV_TRY(store_rule_each_id(req->worker->db, &scope, y.v.id, one_rule, &y, fail));
    al_jo_close(&y.j);
    decision_json(&y);
    SV_TRY(access_record_json(req, &y.v, "access_record", &y.j, fail));
    SV_TRY(timeline(&y));
    al_jo_close(&y.j);
    return al_jo_end(&y.j);
}
