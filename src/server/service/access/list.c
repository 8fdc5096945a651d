/* All volumes with audit logs, and how it stands with each. */
#include "server/service/access/access.h"
#include "server/service/access/ops.h"

#include <string.h>

#define ROWS_MAX 100u /* of a page: each is asked for by itself */

struct ids {
    al_id *at;
    size_t count;
};

static int
keep(void *ctx, const char *id)
{
    struct ids *ids = ctx;

    memcpy(ids->at[ids->count++], id, strnlen(id, AL_ID_LEN));
    return AL_OK;
}

static int
asked_page(struct service_req *req, struct store_page *page, uint64_t *ret_offset,
           struct al_fail *fail)
{
    SV_TRY(service_page(req, page, fail));
    page->limit = page->limit == 0 ? STORE_PAGE_DEFAULT : page->limit;
    page->limit = page->limit < ROWS_MAX ? page->limit : ROWS_MAX;
    *ret_offset = 0;
    if (page->cursor != NULL &&
        (al_parse_u64(page->cursor, ret_offset) != AL_OK || *ret_offset > INT32_MAX)) {
        return al_fail_set(fail, AL_EINVAL, 0, "\"cursor\" is none of these pages");
    }
    return AL_OK;
}

/* A volume that was deleted meanwhile is left out. */
static int
one(struct service_req *req, const struct scope *scope, const char *id, struct al_jsonout *j,
    struct al_fail *fail)
{
    struct access_status s;
    struct store_volume v;
    int rc = store_volume_get(req->worker->db, scope, id, req->arena, &v, fail);

    rc = rc != AL_OK ? rc : access_status(req, &v, &s, fail);
    if (rc != AL_OK) {
        return rc == AL_ENOENT ? AL_OK : rc;
    }
    al_jo_object(j, NULL);
    access_status_json(j, &v, &s, req->now_ns);
    al_jo_str(j, "customer_id", v.customer_id);
    al_jo_str(j, "host_id", v.host_id);
    al_jo_str(j, "name", v.name);
    al_jo_close(j);
    return j->rc;
}

int
access_list(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    struct ids ids = {0};
    struct store_page page;
    struct al_jsonout j;
    struct scope scope;
    uint64_t offset, total;

    SV_TRY(service_asked_scope(req, &scope, fail));
    SV_TRY(asked_page(req, &page, &offset, fail));
    ids.at = al_arena_alloc(req->arena, page.limit * sizeof(al_id));
    if (ids.at == NULL) {
        return AL_ENOMEM;
    }
    memset(ids.at, 0, page.limit * sizeof(al_id));
    SV_TRY(store_access_volumes_sum(req->worker->db, &scope, &total, fail));
    SV_TRY(store_access_volumes(req->worker->db, &scope, req->now_ns - INVENTORY_COVERAGE_LAG_NS,
                                offset, page.limit, keep, &ids, fail));
    al_jo_begin(&j, &reply->body);
    al_jo_object(&j, NULL);
    al_jo_array(&j, "items");
    for (size_t i = 0; i < ids.count; i++) {
        SV_TRY(one(req, &scope, ids.at[i], &j, fail));
    }
    al_jo_close(&j);
    al_jo_str(&j, "next_cursor",
              offset + page.limit < total
                  ? service_printf(req, "%llu", (unsigned long long)(offset + page.limit))
                  : NULL);
    if (page.count) {
        al_jo_u64(&j, "total", total);
    }
    al_jo_close(&j);
    return al_jo_end(&j);
}
