/* What an agent asks before it goes for good: how many stubs lie on its host's volumes. */
#include "base/jsonout.h"
#include "server/service/agent/ops.h"
#include "server/service/work/work.h"
#include "server/store/store.h"

struct counting {
    struct al_jsonout j;
    uint64_t files, bytes;
};

static int
count(void *ctx, const struct store_volume *v)
{
    struct counting *c = ctx;

    if (v->stub_files == 0) {
        return AL_OK;
    }
    al_jo_object(&c->j, NULL);
    al_jo_str(&c->j, "volume_id", v->id);
    al_jo_str(&c->j, "name", v->name);
    al_jo_u64(&c->j, "files", v->stub_files);
    al_jo_u64(&c->j, "bytes", v->stub_bytes);
    al_jo_close(&c->j);
    c->files += v->stub_files;
    c->bytes += v->stub_bytes;
    return c->j.rc;
}

int
agent_stubs(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    struct scope scope = service_scope(req->caller);
    struct counting c = {0};

    al_jo_begin(&c.j, &reply->body);
    al_jo_object(&c.j, NULL);
    al_jo_array(&c.j, "volumes");
    SV_TRY(store_volume_each(req->worker->db, &scope, req->caller->id, NULL, req->arena, count, &c,
                             fail));
    al_jo_close(&c.j);
    al_jo_u64(&c.j, "files", c.files);
    al_jo_u64(&c.j, "bytes", c.bytes);
    al_jo_close(&c.j);
    return al_jo_end(&c.j);
}
