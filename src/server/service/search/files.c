/* Files of all volumes in scope, one after the other, as far as the time reaches. */
#include "server/service/search/search.h"

#include <string.h>

struct volume_ids {
    al_id id, customer_id;
};

struct looking {
    struct search *search;
    struct volume_ids *volumes; /* in the arena of the request */
    size_t count, cap;
    const struct volume_ids *now;
    struct store_volume volume; /* of `now`, asked for with its first hit */
    struct store_customer customer;
    uint32_t hits;
    bool known, more;
};

static int
note_volume(void *ctx, const char *id, const char *customer_id)
{
    struct looking *l = ctx;

    if (l->count == l->cap) {
        size_t cap = l->cap == 0 ? 64 : 2 * l->cap;
        struct volume_ids *grown =
            al_arena_alloc(l->search->req->arena, cap * sizeof(struct volume_ids));

        if (grown == NULL) {
            return AL_ENOMEM;
        }
        if (l->count > 0) {
            memcpy(grown, l->volumes, l->count * sizeof(*grown));
        }
        l->volumes = grown;
        l->cap = cap;
    }
    memcpy(l->volumes[l->count].id, id, sizeof(al_id));
    memcpy(l->volumes[l->count++].customer_id, customer_id, sizeof(al_id));
    return AL_OK;
}

static int
know_volume(struct looking *l)
{
    struct search *s = l->search;
    struct store *db = s->req->worker->db;

    if (l->known) {
        return AL_OK;
    }
    SV_TRY(store_volume_get(db, &s->scope, l->now->id, s->req->arena, &l->volume, s->fail));
    SV_TRY(store_customer_get(db, &s->scope, l->now->customer_id, s->req->arena, &l->customer,
                              s->fail));
    l->known = true;
    return AL_OK;
}

static int
on_row(void *ctx, const struct inventory_row *row)
{
    struct looking *l = ctx;
    struct al_jsonout *j = l->search->j;

    if (l->hits == l->search->limit) {
        l->more = true;
        return AL_ECANCELED;
    }
    SV_TRY(know_volume(l));
    l->hits++;
    al_jo_object(j, NULL);
    al_jo_str(j, "kind", "file");
    al_jo_null(j, "id");
    al_jo_bytes(j, "name", row->name);
    al_jo_str(j, "customer_id", l->customer.id);
    al_jo_str(j, "customer", l->customer.name);
    al_jo_str(j, "volume_id", l->volume.id);
    al_jo_str(j, "volume", l->volume.name);
    al_jo_str(j, "detail", "");
    file_row_json(j, "file", row);
    al_jo_close(j);
    return j->rc;
}

/* Whether to go on; a volume that cannot be read hides no hits of the others. */
static int
look_through(struct looking *l, int64_t limit_ns, bool *io_partial)
{
    struct service_req *req = l->search->req;
    struct inventory_scope scope = work_limited_scope(l->now->customer_id, limit_ns);
    size_t most = (size_t)l->search->limit - l->hits + 1;
    int rc = inventory_find(req->service->work->inventory, &scope, l->now->id,
                            al_span_of(l->search->text), most, on_row, l);

    if (rc == AL_OK || rc == AL_ECANCELED || rc == AL_ENOENT) {
        return AL_OK; /* AL_ENOENT: nothing is known of it yet, or it was deleted meanwhile */
    }
    if (rc == AL_ENOMEM || rc == AL_ELIMIT || l->search->j->rc != AL_OK) {
        return rc;
    }
    if (rc != AL_ETIMEDOUT) {
        al_log(req->service->log, AL_LOG_WARN, "volume %s could not be searched: %s", l->now->id,
               al_code_name(rc));
    }
    *io_partial = true;
    return AL_OK;
}

int
search_files(struct search *s, bool *ret_more, bool *ret_partial)
{
    struct port *port = s->req->service->port;
    int64_t most_ns = s->req->service->work->ask_ns;
    struct looking l = {.search = s};
    bool partial = false;
    int64_t end_ns;

    most_ns = most_ns < SEARCH_FILES_NS ? most_ns : SEARCH_FILES_NS;
    end_ns = port_mono_ns(port) + most_ns;
    SV_TRY(store_volume_each_after(s->req->worker->db, &s->scope, "", SEARCH_VOLUMES, note_volume,
                                   &l, s->fail));
    for (size_t i = 0; i < l.count && !l.more; i++) {
        int64_t left_ns = end_ns - port_mono_ns(port);

        if (left_ns <= 0) {
            partial = true;
            break;
        }
        l.now = &l.volumes[i];
        l.known = false;
        SV_TRY(look_through(&l, left_ns, &partial));
    }
    *ret_more = l.more;
    *ret_partial = partial || l.count == SEARCH_VOLUMES;
    return AL_OK;
}
