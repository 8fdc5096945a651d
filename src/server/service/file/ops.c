#include "server/service/file/file.h"
#include "server/service/file/ops.h"
#include "server/service/plan/ask.h"

#include <stdio.h>
#include <string.h>

#define FILE_PATHS_MAX 10000u /* of one request */
#define FILE_CURSOR_ARENA (1u << 20)

/* ---- reading ---- */

int
file_path_asked(struct service_req *req, const char *name, struct al_span *ret,
                struct al_fail *fail)
{
    struct al_buf AL_CLEANUP(al_buf_free) bytes = {0};
    const char *path = service_query(req, name), *b64;
    char name_b64[32];
    struct al_span kept;

    (void)snprintf(name_b64, sizeof name_b64, "%s_b64", name);
    b64 = service_query(req, name_b64);
    *ret = al_span_of(path == NULL ? "/" : path);
    if (b64 == NULL) {
        return AL_OK;
    }
    al_buf_init(&bytes, INVENTORY_PATH_MAX);
    if (al_unbase64(b64, strlen(b64), &bytes) != AL_OK) {
        return al_fail_set(fail, AL_EINVAL, 0, "\"%s\" is base64 of the path's bytes", name_b64);
    }
    kept = al_arena_span(req->arena, al_buf_span(&bytes));
    if (kept.at == NULL && bytes.len > 0) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    *ret = kept;
    return AL_OK;
}

static int
list_row(void *ctx, const struct inventory_row *row)
{
    struct al_jsonout *j = ctx;

    file_row_json(j, NULL, row);
    return j->rc;
}

static int
list_asked(struct service_req *req, struct inventory_list_query *q, struct al_fail *fail)
{
    static const char *const sorts[] = {"name", "size", "mtime", "accessed"};
    static const char *const orders[] = {"asc", "desc"};
    const char *state = service_query(req, "state");
    uint64_t limit;
    size_t sort, order;

    SV_TRY(file_path_asked(req, "path", &q->folder, fail));
    SV_TRY(service_query_u64(req, "limit", STORE_PAGE_DEFAULT, INVENTORY_PAGE_MAX, &limit, fail));
    SV_TRY(service_query_bool(req, "recursive", false, &q->recursive, fail));
    SV_TRY(service_query_bool(req, "count", false, &q->want_total, fail));
    q->limit = limit == 0 ? STORE_PAGE_DEFAULT : (size_t)limit;
    q->cursor = service_query(req, "cursor");
    q->search = al_span_of(service_query(req, "q"));
    q->state = -1;
    q->now_ns = req->now_ns;
    if (state != NULL) {
        q->state = (int)file_state_of(state);
        if (q->state == RULE_S_COUNT) {
            return al_fail_set(
                fail, AL_EINVAL, 0,
                "\"state\" is resident, stub, tiering, recalling, pinned or archived");
        }
    }
    SV_TRY(service_query_word(req, "order", orders, AL_LEN(orders), 0, &order, fail));
    SV_TRY(service_query_word(req, "sort", sorts, AL_LEN(sorts), INVENTORY_SORT_NAME, &sort, fail));
    q->descending = order == 1;
    q->sort = (enum inventory_sort)sort;
    return AL_OK;
}

bool
file_is_root(struct al_span path)
{
    return path.len == 0 || (path.len == 1 && path.at[0] == '/');
}

int
file_list(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    struct al_arena AL_CLEANUP(al_arena_freep) *arena = al_arena_new(FILE_CURSOR_ARENA);
    struct inventory *inv = req->service->work->inventory;
    struct inventory_list_query q = {.state = -1};
    struct inventory_page page = {0};
    struct inventory_scope scope;
    struct al_fail why = {0};
    struct store_volume v;
    struct al_jsonout j;
    int rc;

    if (arena == NULL) {
        return al_fail_set(fail, AL_ENOMEM, 0, "out of memory");
    }
    SV_TRY(work_volume(req, &v, fail));
    SV_TRY(list_asked(req, &q, fail));
    scope = work_ask_scope(req->service->work, v.customer_id);
    al_jo_begin(&j, &reply->body);
    al_jo_object(&j, NULL);
    al_jo_array(&j, "items");
    rc = inventory_list(inv, &scope, v.id, &q, list_row, &j, arena, &page, &why);
    if (rc == AL_ENOENT && file_is_root(q.folder)) {
        rc = AL_OK; /* never scanned: there is nothing to see yet */
    }
    if (rc != AL_OK) {
        al_buf_clear(&reply->body);
        if (rc == AL_ENOENT || rc == AL_ENOTDIR) {
            return al_fail_set(fail, AL_ENOENT, 0, "no such folder");
        }
        return why.text[0] != '\0' ? al_fail_set(fail, rc, 0, "%s", why.text)
                                   : ask_failed(fail, rc);
    }
    al_jo_close(&j);
    al_jo_str(&j, "next_cursor", page.next_cursor);
    if (q.want_total) {
        al_jo_u64(&j, "total", page.total);
    }
    al_jo_close(&j);
    return al_jo_end(&j);
}

static int
stat_row(void *ctx, const struct inventory_row *row)
{
    struct al_jsonout j;

    al_jo_begin(&j, ctx);
    file_row_json(&j, NULL, row);
    return al_jo_end(&j);
}

int
file_stat(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    struct inventory_scope scope;
    struct store_volume v;
    struct al_span path;
    int rc;

    SV_TRY(work_volume(req, &v, fail));
    SV_TRY(file_path_asked(req, "path", &path, fail));
    scope = work_ask_scope(req->service->work, v.customer_id);
    rc = inventory_stat(req->service->work->inventory, &scope, v.id, path, stat_row, &reply->body);
    if (rc == AL_ENODATA || rc == AL_ENOENT) {
        return al_fail_set(fail, AL_ENOENT, 0, "no such file, as far as the last scan saw");
    }
    return rc;
}
