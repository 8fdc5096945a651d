#include "server/service/access/ops.h"

#include "server/service/access/access.h"
#include "server/service/file/file.h"
#include "server/service/plan/ask.h"
#include "server/service/work/access.h"

#include <stdio.h>
#include <string.h>

#define TOP_ROWS 20u
#define ROWS_MAX 1000u      /* of one answer */
#define WINDOW_DAYS 7       /* where nothing else is asked for */
#define NAME_MAX_BYTES 255u /* of a user or host that is asked for */

/* ---- nodes ---- */

static int
node_json(void *ctx, const struct store_access_node *n)
{
    struct al_jsonout *j = ctx;

    al_jo_object(j, NULL);
    al_jo_bytes(j, "node", n->node);
    al_jo_bytes(j, "host", n->host.at == NULL ? al_span_of("") : n->host);
    al_jo_bytes(j, "user", n->user.at == NULL ? al_span_of("") : n->user);
    al_jo_bool(j, "active", n->active);
    al_jo_u64(j, "files", n->files);
    al_jo_u64(j, "behind_bytes", n->behind_bytes);
    al_jo_time(j, "last_event_at", n->last_event_ns);
    al_jo_time(j, "last_grown_at", n->last_grown_ns);
    al_jo_time(j, "told_at", n->told_ns);
    al_jo_close(j);
    return j->rc;
}

/* -1: either. */
static int
asked_bool(struct service_req *req, const char *name, int *ret, struct al_fail *fail)
{
    bool yes;

    SV_TRY(service_query_bool(req, name, false, &yes, fail));
    *ret = service_query(req, name) == NULL ? -1 : yes;
    return AL_OK;
}

static int
asked_nodes(struct service_req *req, struct store_access_nodes_query *q, struct store_page *page,
            struct al_fail *fail)
{
    static const char *const sorts[] = {"node",       "host",       "user",
                                        "last_event", "last_grown", "behind"};
    static const char *const orders[] = {"asc", "desc"};
    size_t sort, order;

    SV_TRY(service_page(req, page, fail));
    SV_TRY(asked_bool(req, "active", &q->active, fail));
    SV_TRY(asked_bool(req, "behind", &q->behind, fail));
    SV_TRY(service_query_word(req, "sort", sorts, AL_LEN(sorts), STORE_AN_NODE, &sort, fail));
    SV_TRY(service_query_word(req, "order", orders, AL_LEN(orders), 0, &order, fail));
    q->sort = (enum store_access_sort)sort;
    q->descending = order == 1;
    q->q = service_query(req, "q");
    q->limit = page->limit == 0 ? STORE_PAGE_DEFAULT : page->limit;
    if (page->cursor != NULL &&
        (al_parse_u64(page->cursor, &q->offset) != AL_OK || q->offset > STORE_ACCESS_NODES_MAX)) {
        return al_fail_set(fail, AL_EINVAL, 0, "\"cursor\" is none of these pages");
    }
    return AL_OK;
}

int
access_nodes(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    struct store_access_nodes_query q = {0};
    struct scope scope = service_scope(req->caller);
    struct store_access_sums sums;
    struct store_page page;
    struct store_volume v;
    struct al_jsonout j;

    SV_TRY(access_volume(req, &v, fail));
    SV_TRY(asked_nodes(req, &q, &page, fail));
    SV_TRY(store_access_nodes_sum(req->worker->db, &scope, v.id, &q, &sums, fail));
    al_jo_begin(&j, &reply->body);
    al_jo_object(&j, NULL);
    al_jo_array(&j, "items");
    SV_TRY(store_access_nodes(req->worker->db, &scope, v.id, &q, node_json, &j, fail));
    al_jo_close(&j);
    al_jo_str(&j, "next_cursor",
              q.offset + q.limit < sums.total
                  ? service_printf(req, "%llu", (unsigned long long)(q.offset + q.limit))
                  : NULL);
    if (page.count) {
        al_jo_u64(&j, "total", sums.total);
    }
    al_jo_close(&j);
    return al_jo_end(&j);
}

/* ---- sums ---- */

struct window {
    struct al_span folder;
    int64_t from_ns, to_ns;
};

static int
asked_window(struct service_req *req, struct window *w, struct al_fail *fail)
{
    SV_TRY(file_path_asked(req, "folder", &w->folder, fail));
    SV_TRY(service_query_time(req, "to", req->now_ns, &w->to_ns, fail));
    SV_TRY(service_query_time(req, "from", w->to_ns - WINDOW_DAYS * DAY_NS, &w->from_ns, fail));
    if (w->from_ns < 0 || w->from_ns > w->to_ns) {
        return al_fail_set(fail, AL_EINVAL, 0, "\"from\" is a time before \"to\"");
    }
    if (w->to_ns - w->from_ns > (int64_t)(INVENTORY_TOUCHES_DAYS + 1) * DAY_NS) {
        return al_fail_set(fail, AL_EINVAL, 0,
                           "\"from\" is at most %u days before \"to\": sums are kept for so long",
                           INVENTORY_TOUCHES_DAYS);
    }
    return AL_OK;
}

static void
window_json(struct al_jsonout *j, const struct window *w)
{
    al_jo_time(j, "from_at", w->from_ns);
    al_jo_time(j, "to_at", w->to_ns);
}

/* What the inventory said; a volume of which nothing is known has no accesses. */
static int
asked(struct service_reply *reply, int rc, struct al_fail *fail)
{
    if (rc == AL_OK || rc == AL_ENOENT || rc == AL_ENODATA) {
        return AL_OK;
    }
    al_buf_clear(&reply->body);
    return ask_failed(fail, rc);
}

static int
sum_json(void *ctx, const struct inventory_access_sum *s)
{
    struct al_jsonout *j = ctx;

    al_jo_object(j, NULL);
    al_jo_bytes(j, "what", s->what.at == NULL ? al_span_of("") : s->what);
    al_jo_u64(j, "reads", s->reads);
    al_jo_u64(j, "writes", s->writes);
    al_jo_u64(j, "files", s->files);
    al_jo_time(j, "last_at", s->last_ns);
    al_jo_close(j);
    return j->rc;
}

int
access_top(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    static const char *const by[] = {"file", "folder", "user", "host"};
    struct inventory_scope scope;
    struct store_volume v;
    struct al_jsonout j;
    struct window w;
    uint64_t limit;
    size_t which;

    SV_TRY(access_volume(req, &v, fail));
    SV_TRY(service_query_word(req, "by", by, AL_LEN(by), INVENTORY_BY_FILE, &which, fail));
    SV_TRY(service_query_u64(req, "limit", TOP_ROWS, ROWS_MAX, &limit, fail));
    SV_TRY(asked_window(req, &w, fail));
    scope = work_ask_scope(req->service->work, v.customer_id);
    al_jo_begin(&j, &reply->body);
    al_jo_object(&j, NULL);
    al_jo_str(&j, "by", by[which]);
    window_json(&j, &w);
    al_jo_array(&j, "items");
    SV_TRY(asked(reply,
                 inventory_access_top(req->service->work->inventory, &scope, v.id,
                                      (enum inventory_access_by)which, w.folder, w.from_ns, w.to_ns,
                                      limit == 0 ? TOP_ROWS : (size_t)limit, sum_json, &j),
                 fail));
    al_jo_close(&j);
    al_jo_close(&j);
    return al_jo_end(&j);
}

static int
hour_json(void *ctx, int64_t hour_ns, uint64_t reads, uint64_t writes)
{
    struct al_jsonout *j = ctx;

    al_jo_object(j, NULL);
    al_jo_time(j, "at", hour_ns);
    al_jo_u64(j, "reads", reads);
    al_jo_u64(j, "writes", writes);
    al_jo_close(j);
    return j->rc;
}

int
access_hours(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    struct inventory_scope scope;
    struct store_volume v;
    struct al_jsonout j;
    struct window w;

    SV_TRY(access_volume(req, &v, fail));
    SV_TRY(asked_window(req, &w, fail));
    scope = work_ask_scope(req->service->work, v.customer_id);
    al_jo_begin(&j, &reply->body);
    al_jo_object(&j, NULL);
    window_json(&j, &w);
    al_jo_array(&j, "items");
    SV_TRY(asked(reply,
                 inventory_access_hours(req->service->work->inventory, &scope, v.id, w.folder,
                                        w.from_ns, w.to_ns, hour_json, &j),
                 fail));
    al_jo_close(&j);
    al_jo_close(&j);
    return al_jo_end(&j);
}

/* ---- the latest ---- */

struct latest {
    struct al_jsonout j;
    struct al_span path, user, host; /* .at NULL: any */
    size_t kind;                     /* INVENTORY_ACCESS_KINDS: any */
    int64_t from_ns;
    uint64_t after, before, limit, told;
    uint64_t looked, lowest; /* by the call under way */
};

static int
on_row(void *ctx, const struct inventory_access_event *e)
{
    struct latest *l = ctx;

    l->looked++;
    l->lowest = e->number;
    if ((l->user.at != NULL && !al_span_equal(l->user, e->row.user)) ||
        (l->host.at != NULL && !al_span_equal(l->host, e->row.host)) ||
        (l->kind != INVENTORY_ACCESS_KINDS && l->kind != (size_t)e->row.kind) ||
        e->row.time_ns < l->from_ns) {
        return AL_OK;
    }
    access_row_json(&l->j, e);
    l->told++;
    return l->j.rc != AL_OK ? l->j.rc : l->told == l->limit ? AL_ECANCELED : AL_OK;
}

static int
asked_kind(struct service_req *req, size_t *ret, struct al_fail *fail)
{
    const char *names[INVENTORY_ACCESS_KINDS];

    for (size_t i = 0; i < AL_LEN(names); i++) {
        names[i] = access_kind_name((enum inventory_access_kind)i);
    }
    return service_query_word(req, "kind", names, AL_LEN(names), INVENTORY_ACCESS_KINDS, ret, fail);
}

/* The query's `name` or `name`_b64. .at NULL: neither is given. */
static int
asked_who(struct service_req *req, const char *name, struct al_span *ret, struct al_fail *fail)
{
    AL_CLEANUP(al_buf_free) struct al_buf bytes = {0};
    const char *text = service_query(req, name), *b64;
    char name_b64[32];

    (void)snprintf(name_b64, sizeof(name_b64), "%s_b64", name);
    b64 = service_query(req, name_b64);
    *ret = text == NULL ? (struct al_span){0} : al_span_of(text);
    if (b64 != NULL) {
        al_buf_init(&bytes, (size_t)NAME_MAX_BYTES * 2);
        if (al_unbase64(b64, strlen(b64), &bytes) != AL_OK) {
            return al_fail_set(fail, AL_EINVAL, 0, "\"%s\" is base64 of the name's bytes", name_b64);
        }
        *ret = bytes.len == 0 ? al_span_of("") : al_arena_span(req->arena, al_buf_span(&bytes));
        if (ret->at == NULL) {
            return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
        }
    }
    return ret->len <= NAME_MAX_BYTES
               ? AL_OK
               : al_fail_set(fail, AL_EINVAL, 0, "\"%s\" has at most %u bytes", name,
                             NAME_MAX_BYTES);
}

static int
asked_latest(struct service_req *req, struct latest *l, struct al_fail *fail)
{
    SV_TRY(asked_who(req, "user", &l->user, fail));
    SV_TRY(asked_who(req, "host", &l->host, fail));
    SV_TRY(asked_kind(req, &l->kind, fail));
    SV_TRY(file_path_asked(req, "path", &l->path, fail));
    SV_TRY(service_query_time(req, "from", 0, &l->from_ns, fail));
    SV_TRY(service_query_u64(req, "after", 0, INT64_MAX, &l->after, fail));
    SV_TRY(service_query_u64(req, "before", 0, INT64_MAX, &l->before, fail));
    SV_TRY(service_query_u64(req, "limit", STORE_PAGE_DEFAULT, ROWS_MAX, &l->limit, fail));
    l->limit = l->limit == 0 ? STORE_PAGE_DEFAULT : l->limit;
    l->path = file_is_root(l->path) ? (struct al_span){0} : l->path;
    return AL_OK;
}

/* The inventory knows paths and numbers; people, hosts and kinds are looked for among what it gives. */
static int
tell_latest(struct service_req *req, const struct store_volume *v, struct latest *l)
{
    struct inventory_scope scope = work_ask_scope(req->service->work, v->customer_id);
    bool picks = l->user.at != NULL || l->host.at != NULL || l->from_ns > 0 ||
                 l->kind != INVENTORY_ACCESS_KINDS;
    int rc;

    do {
        size_t most = picks ? ROWS_MAX : (size_t)l->limit;

        l->looked = 0;
        rc = inventory_access_recent(req->service->work->inventory, &scope, v->id, l->path,
                                     l->after, l->before, most, on_row, l);
        l->before = l->lowest;
    } while (rc == AL_OK && picks && l->looked == ROWS_MAX);
    return rc == AL_ECANCELED && l->told == l->limit ? AL_OK : rc;
}

int
access_recent(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    struct latest l = {0};
    struct store_volume v;

    SV_TRY(access_volume(req, &v, fail));
    SV_TRY(asked_latest(req, &l, fail));
    al_jo_begin(&l.j, &reply->body);
    al_jo_object(&l.j, NULL);
    al_jo_array(&l.j, "items");
    SV_TRY(asked(reply, tell_latest(req, &v, &l), fail));
    al_jo_close(&l.j);
    al_jo_close(&l.j);
    return al_jo_end(&l.j);
}
