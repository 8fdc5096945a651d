/* act.c: what is done about findings: repaired by jobs, put aside, taken up again. */
#include "server/service/orphan/ops.h"

#include <string.h>

#include "server/service/orphan/orphan.h"

/* ---- which are meant ---- */

static int
asked_ids(struct service_req *req, struct store_orphan_pick *ret, struct al_fail *fail)
{
    const json_t *list = json_object_get(req->body, "ids");
    size_t count = json_array_size(list);
    const char **ids = al_arena_alloc(req->arena, (count + 1) * sizeof(*ids));

    if (count == 0 || count > ORPHAN_IDS_MAX) {
        return al_fail_set(fail, AL_EINVAL, 0,
                           "\"ids\" names 1 to %u findings; name their \"kind\" for all of it",
                           ORPHAN_IDS_MAX);
    }
    if (ids == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        ids[i] = json_string_value(json_array_get(list, i));
        if (ids[i] == NULL || !al_id_valid(ids[i])) {
            return al_fail_set(fail, AL_EINVAL, 0, "\"ids\": number %zu is no id", i + 1);
        }
    }
    ret->ids = ids;
    ret->count = count;
    return AL_OK;
}

int
orphan_asked(struct service_req *req, const char *const *known, const char *volume_id,
             enum store_orphan_state state, struct store_orphan_pick *ret, struct al_fail *fail)
{
    const char *kind = NULL;

    SV_TRY(service_body(req, fail));
    SV_TRY(service_body_keys(req, known, fail));
    *ret = (struct store_orphan_pick){.volume_id = volume_id, .kind = ORPHAN_KINDS, .state = state};
    if (service_body_has(req, "ids") == service_body_has(req, "kind")) {
        return al_fail_set(fail, AL_EINVAL, 0,
                           "either \"ids\" or \"kind\" says which findings are meant");
    }
    if (service_body_has(req, "ids")) {
        return asked_ids(req, ret, fail);
    }
    SV_TRY(service_body_text(req, "kind", 1, 64, true, &kind, fail));
    ret->kind = orphan_kind_of(kind != NULL ? kind : "");
    return ret->kind != ORPHAN_KINDS
               ? AL_OK
               : al_fail_set(fail, AL_EINVAL, 0, "there is no kind \"%.60s\" of findings",
                             kind != NULL ? kind : "");
}

void
orphan_asked_json(struct al_jsonout *j, const struct store_orphan_pick *p)
{
    if (p->ids == NULL) {
        al_jo_str(j, "kind", orphan_kind_name(p->kind));
        return;
    }
    al_jo_u64(j, "named", p->count);
    al_jo_array(j, "ids");
    for (size_t i = 0; i < p->count && i < ORPHAN_IDS_TOLD; i++) {
        al_jo_str(j, NULL, p->ids[i]);
    }
    al_jo_close(j);
}

/* ---- repair ----
 * One job of each kind that does part of it: what is brought back in place or adopted is done as ever. */

enum by { BY_REPAIR, BY_RECALL, BY_ADOPT, BY_COUNT };
static const enum store_job_kind job_kinds[BY_COUNT] = {STORE_J_REPAIR, STORE_J_RECALL,
                                                        STORE_J_ADOPT};

struct repair { /* repair_end for AL_CLEANUP */
    struct service_req *req;
    struct store_orphan_pick pick;
    struct job_maker makers[BY_COUNT];
    uint64_t findings[ORPHAN_KINDS], bytes[ORPHAN_KINDS];
    uint64_t all, all_bytes;
    uint64_t without_way; /* nothing can be done about them from here */
    uint64_t again;       /* another of them is about the same path: after that one */
    const char *ids[BY_COUNT][ORPHAN_IDS_MAX];
    size_t id_count[BY_COUNT];
    struct al_buf last;    /* the path before, where all of a kind come in their order */
    struct al_span *paths; /* of those named */
    size_t path_count;
    struct al_fail *fail;
};

static void
repair_end(struct repair *r)
{
    for (size_t i = 0; i < BY_COUNT; i++) {
        job_maker_end(&r->makers[i]);
    }
    al_buf_free(&r->last);
}

static int
repair_begin(struct repair *r, struct service_req *req, struct al_fail *fail)
{
    *r = (struct repair){.req = req, .fail = fail};
    for (size_t i = 0; i < BY_COUNT; i++) {
        job_maker_begin(&r->makers[i]);
    }
    r->makers[BY_ADOPT].walks = true;
    al_buf_init(&r->last, INVENTORY_PATH_MAX);
    r->paths = al_arena_alloc(req->arena, ORPHAN_IDS_MAX * sizeof(*r->paths));
    return r->paths != NULL ? AL_OK : al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
}

/* Of a job each path has one outcome. */
static int
is_again(struct repair *r, const struct store_orphan *o, bool *ret)
{
    if (r->pick.ids == NULL) {
        *ret = r->all > 0 && al_span_equal(al_buf_span(&r->last), o->path);
        al_buf_clear(&r->last);
        return al_buf_add(&r->last, o->path.at, o->path.len);
    }
    *ret = false;
    for (size_t i = 0; i < r->path_count && !*ret; i++) {
        *ret = al_span_equal(r->paths[i], o->path);
    }
    if (!*ret && r->path_count < ORPHAN_IDS_MAX) {
        struct al_span kept = al_arena_span(r->req->arena, o->path);

        if (kept.at == NULL) {
            return al_fail_set(r->fail, AL_ENOMEM, 0, "out of memory");
        }
        r->paths[r->path_count++] = kept;
    }
    return AL_OK;
}

static int
keep_id(struct repair *r, enum by by, const char *id)
{
    if (r->pick.ids != NULL && r->id_count[by] < ORPHAN_IDS_MAX) {
        char *kept = al_arena_str(r->req->arena, id);

        if (kept == NULL) {
            return al_fail_set(r->fail, AL_ENOMEM, 0, "out of memory");
        }
        r->ids[by][r->id_count[by]++] = kept;
    }
    return AL_OK;
}

static int
add(void *ctx, const struct store_orphan *o)
{
    struct repair *r = ctx;
    enum orphan_way way = orphan_way_of(o->kind, o->object_id[0] != '\0');
    enum by by = way == ORPHAN_W_RECALL ? BY_RECALL : way == ORPHAN_W_ADOPT ? BY_ADOPT : BY_REPAIR;
    bool again;
    int rc;

    if (way == ORPHAN_W_NONE) {
        r->without_way++;
        return AL_OK;
    }
    SV_TRY(is_again(r, o, &again));
    if (again) {
        r->again++;
        return AL_OK;
    }
    rc = job_maker_add_finding(&r->makers[by], o, way);
    if (rc == AL_ELIMIT) {
        return al_fail_set(r->fail, rc, 0, "one job takes at most %u files", JOB_ITEMS_MAX);
    }
    SV_TRY(rc);
    r->findings[o->kind]++;
    r->bytes[o->kind] += orphan_cost(way, o->size);
    r->all++;
    r->all_bytes += orphan_cost(way, o->size);
    return keep_id(r, by, o->id);
}

static void
plan_json(struct al_jsonout *j, const char *key, const struct repair *r)
{
    al_jo_object(j, key);
    al_jo_u64(j, "findings", r->all);
    al_jo_u64(j, "bytes", r->all_bytes);
    al_jo_u64(j, "without_way", r->without_way);
    al_jo_u64(j, "again", r->again);
    al_jo_array(j, "kinds");
    for (unsigned i = 0; i < ORPHAN_KINDS; i++) {
        if (r->findings[i] > 0) {
            al_jo_object(j, NULL);
            al_jo_str(j, "kind", orphan_kind_name((enum orphan_kind)i));
            al_jo_str(j, "way", orphan_way_name(orphan_way_of((enum orphan_kind)i, true)));
            al_jo_u64(j, "findings", r->findings[i]);
            al_jo_u64(j, "bytes", r->bytes[i]);
            al_jo_close(j);
        }
    }
    al_jo_close(j);
    al_jo_close(j);
}

static int
gather(struct repair *r, const struct store_volume *v)
{
    static const char *const keys[] = {"kind", "ids", NULL};
    struct scope scope = service_scope(r->req->caller);

    SV_TRY(orphan_asked(r->req, keys, v->id, STORE_OR_OPEN, &r->pick, r->fail));
    return store_orphan_each(r->req->worker->db, &scope, &r->pick, add, r, r->fail);
}

static struct repair *
repair_of(struct service_req *req)
{
    return al_arena_alloc(req->arena, sizeof(struct repair));
}

static void
repair_endp(struct repair **r)
{
    if (*r != NULL) {
        repair_end(*r);
    }
}

int
orphan_plan(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    AL_CLEANUP(repair_endp) struct repair *r = repair_of(req);
    struct store_volume v;
    struct al_jsonout j;

    if (r == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    SV_TRY(repair_begin(r, req, fail));
    SV_TRY(work_volume(req, &v, fail));
    SV_TRY(gather(r, &v));
    al_jo_begin(&j, &reply->body);
    plan_json(&j, NULL, r);
    return al_jo_end(&j);
}

static int
tell(struct repair *r, const struct store_volume *v, const al_id *jobs, size_t count)
{
    struct service_detail AL_CLEANUP(service_detail_free) d = {0};

    service_detail_begin(&d);
    orphan_asked_json(&d.j, &r->pick);
    al_jo_u64(&d.j, "findings", r->all);
    al_jo_u64(&d.j, "bytes", r->all_bytes);
    al_jo_array(&d.j, "jobs");
    for (size_t i = 0; i < count; i++) {
        al_jo_str(&d.j, NULL, jobs[i]);
    }
    al_jo_close(&d.j);
    SV_TRY(service_detail_end(&d));
    return service_event(r->req, v->customer_id, "orphan.repair", "volume", v->id, v->name, NULL,
                         &d.text, r->fail);
}

static int
make_job(struct repair *r, enum by by, struct work_tx *t, const struct store_volume *v,
         al_id ret_id)
{
    struct store_orphan_pick asked = r->pick;
    struct store_job job;

    SV_TRY(job_start(t, job_kinds[by], v, &job));
    job.plan_ns = t->now_ns;
    SV_TRY(job_maker_write(&r->makers[by], t, &job));
    if (asked.ids != NULL) {
        asked.ids = r->ids[by];
        asked.count = r->id_count[by];
    }
    memcpy(ret_id, job.id, sizeof(al_id));
    return store_orphan_asked(t->db, &t->scope, &asked, job.id, t->fail);
}

static int
answer(struct repair *r, struct service_reply *reply, const al_id *jobs, size_t count)
{
    struct scope scope = service_scope(r->req->caller);
    struct al_jsonout j;

    al_jo_begin(&j, &reply->body);
    al_jo_object(&j, NULL);
    plan_json(&j, "plan", r);
    al_jo_array(&j, "jobs");
    for (size_t i = 0; i < count; i++) {
        AL_CLEANUP(al_buf_free) struct al_buf job = {.max = 1u << 20};

        SV_TRY(store_one(r->req->worker->db, &scope, &store_jobs, jobs[i], &job, NULL, r->fail));
        al_jo_raw(&j, NULL, al_buf_span(&job));
    }
    al_jo_close(&j);
    al_jo_close(&j);
    reply->status = 202;
    return al_jo_end(&j);
}

int
orphan_repair(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    AL_CLEANUP(repair_endp) struct repair *r = repair_of(req);
    struct service_tx AL_CLEANUP(service_tx_end) tx = {0};
    al_id jobs[BY_COUNT];
    struct store_volume v;
    struct work_tx t;
    size_t count = 0;

    if (r == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    SV_TRY(repair_begin(r, req, fail));
    SV_TRY(work_volume(req, &v, fail));
    SV_TRY(
        gather(r, &v)); /* before the transaction, which others wait for: hosts look again anyway */
    SV_TRY(service_begin(req, reply, &tx, fail));
    if (tx.replayed) {
        return AL_OK;
    }
    work_tx_of(&t, req, fail);
    SV_TRY(work_volume(req, &v, fail)); /* as it stands now */
    if (r->all == 0) {
        return al_fail_set(fail, AL_ECONFLICT, 0,
                           "none of them is open and can be repaired from here: see what each asks "
                           "for (alto orphan show)");
    }
    for (size_t by = 0; by < BY_COUNT; by++) {
        if (r->makers[by].files > 0) {
            SV_TRY(make_job(r, (enum by)by, &t, &v, jobs[count]));
            count++;
        }
    }
    SV_TRY(tell(r, &v, jobs, count));
    SV_TRY(work_touch(&t, WORK_T_ORPHANS, v.id, v.customer_id));
    SV_TRY(answer(r, reply, jobs, count));
    SV_TRY(service_commit(&tx, reply, fail));
    work_tell(&t);
    return AL_OK;
}

/* ---- put aside, and taken up again ---- */

static int
put(struct service_req *req, struct service_reply *reply, bool aside, struct al_fail *fail)
{
    static const char *const with_reason[] = {"kind", "ids", "reason", NULL};
    static const char *const without[] = {"kind", "ids", NULL};
    struct service_tx AL_CLEANUP(service_tx_end) tx = {0};
    struct service_detail AL_CLEANUP(service_detail_free) d = {0};
    struct store_orphan_pick pick;
    struct store_volume v;
    struct work_tx t;
    struct al_jsonout j;
    const char *reason = NULL;
    uint64_t count, left;

    SV_TRY(service_begin(req, reply, &tx, fail));
    if (tx.replayed) {
        return AL_OK;
    }
    work_tx_of(&t, req, fail);
    SV_TRY(work_volume(req, &v, fail));
    SV_TRY(orphan_asked(req, aside ? with_reason : without, v.id,
                        aside ? STORE_OR_OPEN : STORE_OR_IGNORED, &pick, fail));
    if (aside) {
        SV_TRY(service_body_text(req, "reason", 1, ORPHAN_REASON_MAX, true, &reason, fail));
        if (reason == NULL) {
            return al_fail_set(fail, AL_EINVAL, 0, "\"reason\" says why they are put aside");
        }
    }
    SV_TRY(store_orphan_ignore(t.db, &t.scope, &pick, reason, req->caller->name, t.now_ns, &count,
                               &left, fail));
    service_detail_begin(&d);
    orphan_asked_json(&d.j, &pick);
    al_jo_u64(&d.j, "findings", count);
    if (aside) {
        al_jo_str(&d.j, "reason", reason);
    }
    SV_TRY(service_detail_end(&d));
    SV_TRY(service_event(req, v.customer_id, aside ? "orphan.ignore" : "orphan.unignore", "volume",
                         v.id, v.name, NULL, &d.text, fail));
    SV_TRY(work_touch(&t, WORK_T_ORPHANS, v.id, v.customer_id));
    al_jo_begin(&j, &reply->body);
    al_jo_object(&j, NULL);
    al_jo_u64(&j, "findings", count);
    al_jo_u64(&j, "left", left);
    al_jo_close(&j);
    SV_TRY(al_jo_end(&j));
    SV_TRY(service_commit(&tx, reply, fail));
    work_tell(&t);
    return AL_OK;
}

int
orphan_ignore(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    return put(req, reply, true, fail);
}

int
orphan_unignore(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    return put(req, reply, false, fail);
}
