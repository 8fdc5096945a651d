#include "server/service/figure/figure.h"
#include "server/service/figure/ops.h"
#include "server/service/file/file.h"
#include "server/service/plan/ask.h"

#include <string.h>

#define FIGURE_ROWS_DEFAULT 20u
#define FIGURE_VOLUMES_MAX 4096u /* of one customer's sum */
/* a volume is asked for more of a group than is shown, so that what is many everywhere is not lost */
#define FIGURE_MERGE_ROWS 200u
#define GROWTH_EVERY_NS (INT64_C(900) * 1000000000) /* between two rounds over all volumes */

static int
read_query(struct service_req *req, struct inventory_figures_query *q, struct al_fail *fail)
{
    uint64_t rows;

    SV_TRY(figure_want(req, &q->want, fail));
    SV_TRY(service_query_u64(req, "rows", FIGURE_ROWS_DEFAULT, INVENTORY_FIGURE_ROWS_MAX, &rows,
                             fail));
    q->rows = rows == 0 ? FIGURE_ROWS_DEFAULT : (size_t)rows;
    q->now_ns = req->now_ns;
    return AL_OK;
}

/* ---- a volume, or a folder of it ---- */

int
volume_figures(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    AL_CLEANUP(al_arena_freep) struct al_arena *arena = al_arena_new(ASK_ARENA_MAX);
    struct port *port = req->service->port;
    struct inventory_figures_query q = {0};
    struct inventory_figures f = {0};
    int64_t began_ns = port_mono_ns(port);
    struct inventory_scope scope;
    struct store_volume v;
    int rc;

    if (arena == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    SV_TRY(work_volume(req, &v, fail));
    SV_TRY(read_query(req, &q, fail));
    SV_TRY(file_path_asked(req, "folder", &q.folder, fail));
    scope = work_ask_scope(req->service->work, v.customer_id);
    rc = inventory_figures(req->service->work->inventory, &scope, v.id, &q, arena, &f);
    if (rc == AL_ENODATA || (rc == AL_ENOENT && !file_is_root(q.folder))) {
        return al_fail_set(fail, AL_ENOENT, 0, "no such folder");
    }
    SV_TRY(rc == AL_ENOENT ? AL_OK : ask_failed(fail, rc)); /* nothing is known of it yet */
    return figure_json(&reply->body, &f, q.want, NULL, 0, port_mono_ns(port) - began_ns);
}

/* ---- a customer ---- */

struct summing {
    struct service_req *req;
    struct inventory_figures_query q;
    struct figure_sum sum;
    size_t volumes;
    struct al_fail *fail;
};

static int
add_volume(void *ctx, const char *id, const char *customer_id)
{
    struct summing *s = ctx;
    struct inventory_scope scope = work_ask_scope(s->req->service->work, customer_id);
    struct inventory_figures f = {0};
    int rc =
        inventory_figures(s->req->service->work->inventory, &scope, id, &s->q, s->sum.arena, &f);

    if (rc == AL_ENOENT || rc == AL_ENODATA) {
        return AL_OK; /* nothing is known of it yet */
    }
    SV_TRY(ask_failed(s->fail, rc));
    s->volumes++;
    return figure_sum_add(&s->sum, id, &f);
}

/* The customer asked for, or the caller's own. */
static int
customer_asked(struct service_req *req, struct store_customer *ret, struct al_fail *fail)
{
    struct scope scope = service_scope(req->caller);
    const char *id = service_query(req, "customer_id");

    if (id == NULL && req->caller->customer_id[0] == '\0') {
        return al_fail_set(fail, AL_EINVAL, 0, "\"customer_id\" is missing");
    }
    return store_customer_get(req->worker->db, &scope, id != NULL ? id : req->caller->customer_id,
                              req->arena, ret, fail);
}

int
inventory_figures_get(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    AL_CLEANUP(al_arena_freep) struct al_arena *arena = al_arena_new(ASK_ARENA_MAX);
    struct port *port = req->service->port;
    struct summing s = {.req = req, .fail = fail};
    int64_t began_ns = port_mono_ns(port);
    struct store_customer c;
    struct scope scope;
    size_t rows;

    if (arena == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    SV_TRY(customer_asked(req, &c, fail));
    SV_TRY(read_query(req, &s.q, fail));
    rows = s.q.rows;
    s.q.rows = rows > FIGURE_MERGE_ROWS ? rows : FIGURE_MERGE_ROWS;
    figure_sum_begin(&s.sum, arena, rows);
    scope = scope_customer(c.id);
    SV_TRY(store_volume_each_after(req->worker->db, &scope, "", FIGURE_VOLUMES_MAX, add_volume, &s,
                                   fail));
    if (s.volumes == 0) {
        const struct inventory_figures none = {0};

        SV_TRY(figure_sum_add(&s.sum, "", &none));
    }
    figure_sum_end(&s.sum);
    return figure_json(&reply->body, &s.sum.all, s.q.want, &s.sum.from, s.volumes,
                       port_mono_ns(port) - began_ns);
}

/* ---- the tree ---- */

static void
folder_json(struct al_jsonout *j, const char *key, const struct inventory_folder *f)
{
    al_jo_object(j, key);
    al_jo_bytes(j, "path", f->path.len == 0 ? al_span_of("/") : f->path);
    al_jo_bytes(j, "name", f->name.at == NULL ? al_span_of("") : f->name);
    al_jo_u64(j, "files", f->files);
    al_jo_u64(j, "bytes", f->bytes);
    al_jo_u64(j, "allocated", f->allocated);
    al_jo_u64(j, "stub_files", f->stub_files);
    al_jo_u64(j, "stub_bytes", f->stub_bytes);
    al_jo_u64(j, "folders", f->folders);
    al_jo_time(j, "accessed_at", f->accessed_ns == RULE_TIME_UNKNOWN ? 0 : f->accessed_ns);
    al_jo_time(j, "modified_at", f->modified_ns == RULE_TIME_UNKNOWN ? 0 : f->modified_ns);
    al_jo_bool(j, "unreadable", f->unreadable);
    al_jo_bool(j, "has_children", f->has_children);
    al_jo_close(j);
}

static int
on_folder(void *ctx, const struct inventory_folder *f)
{
    struct al_jsonout *j = ctx;

    folder_json(j, NULL, f);
    return j->rc;
}

static int
tree_asked(struct service_req *req, struct inventory_tree_query *q, struct al_fail *fail)
{
    static const char *const sorts[] = {"bytes", "files", "name", "accessed"};
    uint64_t offset, limit;
    size_t sort;

    SV_TRY(file_path_asked(req, "folder", &q->folder, fail));
    SV_TRY(service_query_u64(req, "offset", 0, INT64_MAX, &offset, fail));
    SV_TRY(service_query_u64(req, "limit", STORE_PAGE_DEFAULT, INVENTORY_PAGE_MAX, &limit, fail));
    q->offset = (size_t)offset;
    q->limit = limit == 0 ? STORE_PAGE_DEFAULT : (size_t)limit;
    SV_TRY(service_query_word(req, "sort", sorts, AL_LEN(sorts), INVENTORY_TREE_BYTES, &sort, fail));
    q->sort = (enum inventory_tree_sort)sort;
    return AL_OK;
}

int
volume_tree(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    AL_CLEANUP(al_arena_freep) struct al_arena *arena = al_arena_new(ASK_ARENA_MAX);
    struct inventory_folder self = {.accessed_ns = RULE_TIME_UNKNOWN,
                                    .modified_ns = RULE_TIME_UNKNOWN};
    struct inventory_tree_query q = {0};
    struct inventory_scope scope;
    uint64_t total = 0;
    struct store_volume v;
    struct al_jsonout j;
    int rc;

    if (arena == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    SV_TRY(work_volume(req, &v, fail));
    SV_TRY(tree_asked(req, &q, fail));
    scope = work_ask_scope(req->service->work, v.customer_id);
    al_jo_begin(&j, &reply->body);
    al_jo_object(&j, NULL);
    al_jo_array(&j, "items");
    rc = inventory_tree(req->service->work->inventory, &scope, v.id, &q, arena, &self, &total,
                        on_folder, &j);
    if (rc == AL_ENOENT && file_is_root(q.folder)) {
        rc = AL_OK; /* nothing is known of it yet */
    }
    if (rc != AL_OK) {
        al_buf_clear(&reply->body);
        return rc == AL_ENOENT || rc == AL_ENODATA
                   ? al_fail_set(fail, AL_ENOENT, 0, "no such folder")
                   : ask_failed(fail, rc);
    }
    al_jo_close(&j);
    folder_json(&j, "self", &self);
    al_jo_u64(&j, "total", total);
    al_jo_close(&j);
    return al_jo_end(&j);
}

/* ---- growth ---- */

int
volume_growth(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    AL_CLEANUP(al_arena_freep) struct al_arena *arena = al_arena_new(ASK_ARENA_MAX);
    struct inventory_day *days = NULL;
    struct inventory_scope scope;
    struct store_volume v;
    struct al_jsonout j;
    int64_t from_ns;
    size_t count = 0;
    int rc;

    if (arena == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    SV_TRY(work_volume(req, &v, fail));
    SV_TRY(service_query_time(req, "from", 0, &from_ns, fail));
    scope = work_ask_scope(req->service->work, v.customer_id);
    rc = inventory_days(req->service->work->inventory, &scope, v.id, from_ns, arena, &days, &count);
    SV_TRY(rc == AL_ENOENT ? AL_OK : ask_failed(fail, rc));
    al_jo_begin(&j, &reply->body);
    al_jo_object(&j, NULL);
    al_jo_array(&j, "items");
    for (size_t i = 0; i < count; i++) {
        char day[AL_TIME_TEXT_MAX];

        al_time_text(days[i].day_ns, day);
        day[10] = '\0';
        al_jo_object(&j, NULL);
        al_jo_str(&j, "day", day);
        al_jo_u64(&j, "files", days[i].files);
        al_jo_u64(&j, "folders", days[i].folders);
        al_jo_u64(&j, "bytes", days[i].bytes);
        al_jo_u64(&j, "allocated", days[i].allocated);
        al_jo_u64(&j, "stub_files", days[i].stub_files);
        al_jo_u64(&j, "stub_bytes", days[i].stub_bytes);
        al_jo_u64(&j, "freed_bytes", days[i].freed_bytes);
        al_jo_close(&j);
    }
    al_jo_close(&j);
    al_jo_close(&j);
    return al_jo_end(&j);
}

struct next_volume {
    al_id id, customer_id;
};

static int
note_next(void *ctx, const char *id, const char *customer_id)
{
    struct next_volume *n = ctx;

    memcpy(n->id, id, sizeof(al_id));
    memcpy(n->customer_id, customer_id, sizeof(al_id));
    return AL_OK;
}

/* Called by one thread, the scheduler's: what it keeps needs no lock. */
void
growth_tick(struct service_worker *w, int64_t now_ns)
{
    struct work *k = w->service->work;
    struct scope all = scope_system();
    struct al_fail quiet = {0};
    struct next_volume next = {0};
    struct inventory_scope scope;
    int rc;

    if (now_ns < k->growth_ns && k->growth_ns - now_ns <= GROWTH_EVERY_NS) {
        return;
    }
    if (store_volume_each_after(w->db, &all, k->growth_after, 1, note_next, &next, &quiet) !=
        AL_OK) {
        return; /* with the next tick */
    }
    if (next.id[0] == '\0') {
        k->growth_after[0] = '\0';
        k->growth_ns = now_ns + GROWTH_EVERY_NS;
        return;
    }
    memcpy(k->growth_after, next.id, sizeof(al_id));
    scope = work_inventory_scope(next.customer_id);
    rc = inventory_day_keep(k->inventory, &scope, next.id, now_ns);
    if (rc != AL_OK && rc != AL_ENOENT) { /* the next round tries again */
        al_log(w->service->log, AL_LOG_WARN, "today's figures of volume %s are not kept: %s",
               next.id, al_code_name(rc));
    }
}
