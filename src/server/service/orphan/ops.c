#include "server/service/orphan/ops.h"

#include <string.h>

#include "server/service/orphan/orphan.h"

/* ---- sums ---- */

struct sums {
    uint64_t findings[ORPHAN_KINDS][STORE_OR_STATES], bytes[ORPHAN_KINDS][STORE_OR_STATES];
};

static int
add_sum(void *ctx, const struct store_orphan_sum *sum)
{
    struct sums *s = ctx;

    s->findings[sum->kind][sum->state] = sum->findings;
    s->bytes[sum->kind][sum->state] = sum->bytes;
    return AL_OK;
}

static void
kind_json(struct al_jsonout *j, const struct sums *s, enum orphan_kind kind)
{
    al_jo_object(j, NULL);
    al_jo_str(j, "kind", orphan_kind_name(kind));
    al_jo_str(j, "level", orphan_level_name(orphan_level_of(kind)));
    al_jo_str(j, "way", orphan_way_name(orphan_way_of(kind, true)));
    al_jo_str(j, "what", orphan_what(kind));
    al_jo_str(j, "next_step", orphan_next(kind));
    for (unsigned i = 0; i < STORE_OR_STATES; i++) {
        al_jo_object(j, store_orphan_state_name((enum store_orphan_state)i));
        al_jo_u64(j, "findings", s->findings[kind][i]);
        al_jo_u64(j, "bytes", s->bytes[kind][i]);
        al_jo_close(j);
    }
    al_jo_close(j);
}

struct volumes {
    struct al_jsonout *j;
    uint64_t left;
    bool more;
};

static void
walk_json(struct al_jsonout *j, const struct store_orphan_walk *w)
{
    if (w->began_ns == 0) {
        al_jo_null(j, "walk");
        return;
    }
    al_jo_object(j, "walk");
    al_jo_time(j, "began_at", w->began_ns);
    al_jo_time(j, "ended_at", w->ended_ns);
    al_jo_bool(j, "stubs", w->stubs);
    al_jo_bool(j, "objects", w->objects);
    al_jo_u64(j, "objects_seen", w->objects_seen);
    al_jo_u64(j, "left_out", w->left_out);
    al_jo_str(j, "text", w->text);
    al_jo_close(j);
}

static int
volume_json(void *ctx, const struct store_orphan_volume *v)
{
    struct volumes *list = ctx;
    struct al_jsonout *j = list->j;

    if (list->left == 0) {
        list->more = true;
        return AL_OK;
    }
    list->left--;
    al_jo_object(j, NULL);
    al_jo_str(j, "volume_id", v->volume_id);
    al_jo_str(j, "customer_id", v->customer_id);
    al_jo_str(j, "name", v->name);
    al_jo_u64(j, "open", v->open);
    al_jo_u64(j, "unreadable", v->unreadable);
    walk_json(j, &v->walk);
    al_jo_close(j);
    return j->rc;
}

/* The volume that is asked for, NULL for none. AL_ENOENT. */
static int
asked_volume(struct service_req *req, const struct scope *scope, const char **ret,
             struct al_fail *fail)
{
    const char *id = service_query(req, "volume_id");
    struct store_volume v;

    *ret = id;
    return id == NULL ? AL_OK : store_volume_get(req->worker->db, scope, id, req->arena, &v, fail);
}

int
orphan_sums(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    struct store *db = req->worker->db;
    struct sums sums = {{{0}}, {{0}}};
    struct volumes list;
    struct scope scope;
    struct al_jsonout j;
    const char *volume;
    uint64_t limit;

    SV_TRY(service_asked_scope(req, &scope, fail));
    SV_TRY(asked_volume(req, &scope, &volume, fail));
    SV_TRY(
        service_query_u64(req, "limit", ORPHAN_VOLUMES_DEFAULT, ORPHAN_VOLUMES_MAX, &limit, fail));
    SV_TRY(store_orphan_sums(db, &scope, NULL, volume, add_sum, &sums, fail));
    al_jo_begin(&j, &reply->body);
    al_jo_object(&j, NULL);
    al_jo_array(&j, "kinds");
    for (unsigned i = 0; i < ORPHAN_KINDS; i++) {
        kind_json(&j, &sums, (enum orphan_kind)i);
    }
    al_jo_close(&j);
    al_jo_array(&j, "volumes");
    list = (struct volumes){.j = &j, .left = limit};
    SV_TRY(store_orphan_volumes(db, &scope, NULL, volume, (uint32_t)limit + 1, volume_json, &list,
                                fail));
    al_jo_close(&j);
    al_jo_bool(&j, "more_volumes", list.more);
    al_jo_close(&j);
    return al_jo_end(&j);
}

/* ---- findings ---- */

static bool
is_word(const char *name, const char *text)
{
    if (strcmp(name, "kind") == 0) {
        return orphan_kind_of(text) != ORPHAN_KINDS;
    }
    for (unsigned i = 0; i < STORE_OR_STATES; i++) {
        if (strcmp(name, "state") == 0 &&
            strcmp(store_orphan_state_name((enum store_orphan_state)i), text) == 0) {
            return true;
        }
    }
    for (unsigned i = 0; i < ORPHAN_LEVELS; i++) {
        if (strcmp(name, "level") == 0 &&
            strcmp(orphan_level_name((enum orphan_level)i), text) == 0) {
            return true;
        }
    }
    return false;
}

int
orphan_list(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    static const char *const names[] = {"kind", "state", "level"};
    struct scope scope = service_scope(req->caller);
    struct store_filter filters[4];
    struct store_page page;
    struct store_volume v;
    size_t count = 1;

    SV_TRY(work_volume(req, &v, fail));
    filters[0] = (struct store_filter){"volume_id", v.id};
    SV_TRY(service_page(req, &page, fail));
    for (size_t i = 0; i < AL_LEN(names); i++) {
        const char *text = service_query(req, names[i]);

        if (text != NULL && !is_word(names[i], text)) {
            return al_fail_set(fail, AL_EINVAL, 0, "there is no %s \"%.60s\" of findings", names[i],
                               text);
        }
        if (text != NULL) {
            filters[count++] = (struct store_filter){names[i], text};
        }
    }
    return store_list(req->worker->db, &scope, &store_orphans, filters, count, &page, &reply->body,
                      fail);
}

static int
is_it(void *ctx, const struct store_orphan *o)
{
    (void)ctx;
    (void)o;
    return AL_OK;
}

int
orphan_get(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    struct scope scope = service_scope(req->caller);
    struct store_orphan_pick pick = {.ids = &req->ids[1], .count = 1};
    struct store_volume v;

    SV_TRY(work_volume(req, &v, fail));
    pick.volume_id = v.id;
    SV_TRY(
        store_orphan_each(req->worker->db, &scope, &pick, is_it, NULL, fail)); /* of that volume */
    return service_one(req, reply, &store_orphans, req->ids[1], 0, fail);
}
