#include "base/hash.h"
#include "server/service/file/file.h"
#include "server/service/file/ops.h"
#include "server/service/job/job.h"

#include <string.h>

#define FILE_PATHS_MAX 10000u /* of one request */
#define FILE_ADOPT_MAX 100u   /* where walks of one request begin */
#define FILE_PATH_MAX                                                                              \
    16384u /* bytes of one without '/' around it: what hosts tell of, INTAKE_PATH_MAX */
#define FILE_UNKNOWN "unknown_to_inventory"
/* As hosts name placeholders, and what they read of one (doc/format/placeholder.md). */
#define FILE_HOLDER_SUFFIX ".alto"
#define FILE_HOLDER_MAX 65536u
#define FILE_UNKNOWN_BYTES_MAX (8u << 20) /* of one request's paths; its body is smaller */

/* Which paths are in already: a file named twice, or beside its folder, is one item. Keeps hashes
 * of 64 bits: two of a million paths share one with a chance of one in thirty million. */
struct seen {
    uint64_t *slots; /* al_alloc'ed; 0: free */
    size_t count, cap;
};

struct gathering { /* gathering_end for AL_CLEANUP */
    struct service_req *req;
    struct job_maker maker;
    struct seen seen;
    const struct store_volume *v;
    enum store_job_kind kind;
    struct al_fail *fail;
    bool folder, known;    /* known: at least one of the paths */
    struct al_buf unknown; /* paths without leading '/', a NUL behind each */
    size_t unknown_count;
};

static void
gathering_end(struct gathering *g)
{
    job_maker_end(&g->maker);
    al_free(g->seen.slots);
    al_buf_free(&g->unknown);
}

static size_t
slot_of(const struct seen *s, uint64_t hash)
{
    size_t at = (size_t)hash & (s->cap - 1);

    while (s->slots[at] != 0 && s->slots[at] != hash) {
        at = (at + 1) & (s->cap - 1);
    }
    return at;
}

static int
grow(struct seen *s)
{
    struct seen more = {.cap = s->cap == 0 ? 1024 : s->cap * 2, .count = s->count};

    more.slots = al_array(more.cap, sizeof(*more.slots));
    if (more.slots == NULL) {
        return AL_ENOMEM;
    }
    for (size_t i = 0; i < s->cap; i++) {
        if (s->slots[i] != 0) {
            more.slots[slot_of(&more, s->slots[i])] = s->slots[i];
        }
    }
    al_free(s->slots);
    *s = more;
    return AL_OK;
}

static int
is_new(struct seen *s, struct al_span path, bool *ret)
{
    uint64_t hash;
    size_t at;

    if (s->count * 2 >= s->cap) {
        SV_TRY(grow(s));
    }
    while (path.len > 0 && path.at[0] == '/') {
        path.at++;
        path.len--;
    }
    hash = al_xxh64(path.at, path.len, 0);
    hash = hash == 0 ? 1 : hash;
    at = slot_of(s, hash);
    *ret = s->slots[at] == 0;
    if (*ret) {
        s->slots[at] = hash;
        s->count++;
    }
    return AL_OK;
}

static int
add_item(struct gathering *g, struct al_span path, const struct inventory_row *row)
{
    bool fresh;
    int rc = is_new(&g->seen, path, &fresh);

    if (rc == AL_OK && fresh) {
        rc = job_maker_add(&g->maker, path, row);
    }
    if (rc == AL_ELIMIT) {
        return al_fail_set(g->fail, rc, 0, "one job takes at most %u files", JOB_ITEMS_MAX);
    }
    return rc;
}

static int
folder_row(void *ctx, const struct inventory_row *row)
{
    struct gathering *g = ctx;
    bool stub = row->state == RULE_S_STUB || row->state == RULE_S_ARCHIVED;

    if (row->type != PORT_T_FILE || stub != (g->kind == STORE_J_RECALL)) {
        return AL_OK;
    }
    return add_item(g, row->path, row);
}

/* Of a file that is no archived one's: it was renamed, or came with its folder, and its host says what it
 * is of. One that is none is a file that is there. */
static int
holder_row(void *ctx, const struct inventory_row *row)
{
    static const size_t len = sizeof(FILE_HOLDER_SUFFIX) - 1;

    if (row->type != PORT_T_FILE || row->size == 0 || row->size > FILE_HOLDER_MAX ||
        row->name.len <= len ||
        memcmp(row->name.at + row->name.len - len, FILE_HOLDER_SUFFIX, len) != 0) {
        return AL_OK;
    }
    return add_item(ctx, row->path, row);
}

/* search: "", or what names must hold. */
static int
gather_state(struct gathering *g, struct al_span folder, int state, const char *search,
             inventory_row_fn *fn)
{
    struct inventory *inv = g->req->service->work->inventory;
    struct inventory_scope scope = work_limited_scope(g->v->customer_id, WORK_RUN_NS);
    struct al_arena AL_CLEANUP(al_arena_freep) *arena = al_arena_new(1u << 20);
    char AL_CLEANUP(al_freep) *cursor = NULL;
    struct inventory_list_query q = {
        .folder = folder,
        .recursive = true,
        .search = al_span_of(search),
        .state = state,
        .files_only = true,
        .now_ns = g->req->now_ns,
        .limit = INVENTORY_PAGE_MAX,
    };
    struct inventory_page page;

    if (arena == NULL) {
        return AL_ENOMEM;
    }
    do {
        page = (struct inventory_page){0};
        q.cursor = cursor;
        SV_TRY(inventory_list(inv, &scope, g->v->id, &q, fn, g, arena, &page, g->fail));
        al_free(cursor);
        cursor = NULL;
        if (page.next_cursor != NULL) {
            cursor = al_strdup(page.next_cursor);
            if (cursor == NULL) {
                return AL_ENOMEM;
            }
        }
        al_arena_reset(arena);
    } while (cursor != NULL);
    return AL_OK;
}

static int
gather_folder(struct gathering *g, struct al_span folder)
{
    if (g->kind != STORE_J_RECALL) {
        return gather_state(g, folder, -1, "", folder_row);
    }
    SV_TRY(gather_state(g, folder, RULE_S_STUB, "", folder_row));
    SV_TRY(gather_state(g, folder, RULE_S_ARCHIVED, "", folder_row));
    return gather_state(g, folder, RULE_S_RESIDENT, FILE_HOLDER_SUFFIX, holder_row);
}

static int
stat_row(void *ctx, const struct inventory_row *row)
{
    struct gathering *g = ctx;

    g->folder = row->type == PORT_T_FOLDER;
    return g->folder ? AL_OK : add_item(g, row->path, row);
}

/* Where a walk of the host begins: what was restored may be younger than the last scan. */
static int
gather_start(struct gathering *g, struct al_span path)
{
    bool fresh;

    g->known = true;
    SV_TRY(is_new(&g->seen, path, &fresh));
    if (fresh && g->maker.files == FILE_ADOPT_MAX) {
        return al_fail_set(g->fail, AL_EINVAL, 0, "at most %u paths at once: name their folder",
                           FILE_ADOPT_MAX);
    }
    return fresh ? job_maker_add(&g->maker, path, NULL) : AL_OK;
}

/* Only the host could say more of it, and a file that no scan has seen is not cold. */
static int
add_unknown(struct gathering *g, struct al_span path)
{
    bool fresh;

    SV_TRY(is_new(&g->seen, path, &fresh));
    if (!fresh) {
        return AL_OK;
    }
    while (path.len > 0 && path.at[0] == '/') {
        path.at++;
        path.len--;
    }
    g->unknown_count++;
    SV_TRY(al_buf_add(&g->unknown, path.at, path.len));
    return al_buf_add(&g->unknown, "", 1);
}

static int
gather_path(struct gathering *g, struct al_span path)
{
    struct inventory_scope scope = work_limited_scope(g->v->customer_id, WORK_RUN_NS);
    int rc;

    if (g->kind == STORE_J_ADOPT) {
        return gather_start(g, path);
    }
    g->folder = false;
    rc = inventory_stat(g->req->service->work->inventory, &scope, g->v->id, path, stat_row, g);
    if (rc == AL_ENODATA || rc == AL_ENOENT) {
        if (g->kind != STORE_J_RECALL) {
            return add_unknown(g, path);
        }
        g->known = true; /* younger than the last scan, perhaps: the host knows */
        return add_item(g, path, NULL);
    }
    SV_TRY(rc);
    g->known = true;
    return g->folder ? gather_folder(g, path) : AL_OK;
}

/* Parts with one '/' between them, and none that leads elsewhere; what a '/' behind it names is the
 * folder. The rest a host could only fail. */
static bool
is_path(struct al_span *io)
{
    struct al_span rest = {io->at + (io->at[0] == '/'), io->len - (io->at[0] == '/')};

    if (rest.len > 1 && rest.at[rest.len - 1] == '/') {
        rest.len--;
        io->len--;
    }
    if (rest.len > FILE_PATH_MAX || memchr(io->at, '\0', io->len) != NULL) {
        return false;
    }
    while (rest.len > 0) {
        const uint8_t *slash = memchr(rest.at, '/', rest.len);
        struct al_span part = {rest.at, slash != NULL ? (size_t)(slash - rest.at) : rest.len};
        size_t step = part.len + (slash != NULL);

        if (part.len == 0 || (slash != NULL && step == rest.len) ||
            al_span_equal(part, al_span_of(".")) || al_span_equal(part, al_span_of(".."))) {
            return false;
        }
        rest.at += step;
        rest.len -= step;
    }
    return true;
}

static int
gather_list(struct gathering *g, const char *key, bool base64)
{
    const json_t *list = json_object_get(g->req->body, key);
    struct al_buf AL_CLEANUP(al_buf_free) bytes = {0};

    al_buf_init(&bytes, INVENTORY_PATH_MAX);
    if (list == NULL || json_is_null(list)) {
        return AL_OK;
    }
    if (!json_is_array(list) || json_array_size(list) > FILE_PATHS_MAX) {
        return al_fail_set(g->fail, AL_EINVAL, 0, "\"%s\" is a list of at most %u paths", key,
                           FILE_PATHS_MAX);
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        struct al_span path = {(const uint8_t *)json_string_value(item), json_string_length(item)};

        if (path.at != NULL && base64) {
            al_buf_clear(&bytes);
            if (al_unbase64((const char *)path.at, path.len, &bytes) != AL_OK) {
                path.at = NULL;
            } else {
                path = al_buf_span(&bytes);
            }
        }
        if (path.at == NULL || path.len == 0 || !is_path(&path)) {
            return al_fail_set(g->fail, AL_EINVAL, 0,
                               "\"%s\": path %zu is none: at most %u bytes, no \"..\", and one '/' "
                               "between parts",
                               key, i + 1, FILE_PATH_MAX);
        }
        SV_TRY(gather_path(g, path));
    }
    return AL_OK;
}

static int
gather(struct gathering *g)
{
    static const char *const keys[] = {"paths", "paths_b64", NULL};

    SV_TRY(service_body(g->req, g->fail));
    SV_TRY(service_body_keys(g->req, keys, g->fail));
    if (json_array_size(json_object_get(g->req->body, "paths")) +
            json_array_size(json_object_get(g->req->body, "paths_b64")) ==
        0) {
        return al_fail_set(g->fail, AL_EINVAL, 0, "\"paths\" names at least one file or folder");
    }
    SV_TRY(gather_list(g, "paths", false));
    SV_TRY(gather_list(g, "paths_b64", true));
    if (g->known) {
        return AL_OK;
    }
    return g->unknown_count == 1
               ? al_fail_set(g->fail, AL_EINVAL, 0,
                             "\"/%.150s\" is not known; scan the volume first if it is there",
                             (const char *)g->unknown.at)
               : al_fail_set(g->fail, AL_EINVAL, 0,
                             "none of the %zu paths is known; scan the volume first if they are "
                             "there",
                             g->unknown_count);
}

/* ---- refusing ---- */

static int
refuse_event(struct gathering *g, struct work_tx *t, const struct store_job *job,
             const struct store_outcome *o)
{
    struct al_buf AL_CLEANUP(al_buf_free) detail = {0}, subject = {0};
    struct al_jsonout j;

    al_buf_init(&subject, o->path.len + 2);
    SV_TRY(al_buf_adds(&subject, "/"));
    SV_TRY(al_buf_add(&subject, o->path.at, o->path.len));
    al_buf_init(&detail, 4096);
    al_jo_begin(&j, &detail);
    al_jo_object(&j, NULL);
    al_jo_str(&j, "reason", o->reason);
    al_jo_str(&j, "text", o->text);
    al_jo_str(&j, "job_id", job->id);
    al_jo_close(&j);
    SV_TRY(al_jo_end(&j));
    return work_event(t, &(struct work_event){
                             .customer_id = job->customer_id,
                             .act = "file.refuse",
                             .subject_type = "file",
                             .subject_id = g->v->id,
                             .subject = al_buf_span(&subject),
                             .code = o->code,
                             .detail = &detail,
                         });
}

/* As the host refuses files of a job; the job itself counts them already. */
static int
refuse_unknown(struct gathering *g, struct work_tx *t, const struct store_job *job)
{
    struct store_outcome o = {
        .job_id = job->id,
        .act = "refuse",
        .code = al_code_name(AL_ENOENT),
        .reason = FILE_UNKNOWN,
        .text = "no scan has seen it; scan the volume if it is there",
        .class_ = STORE_O_REFUSED,
        .at_ns = t->now_ns,
    };
    struct store_outcome_before before;
    struct al_span sample = {0};

    for (size_t at = 0; at < g->unknown.len; at += o.path.len + 1) {
        o.path = al_span_of((const char *)g->unknown.at + at);
        sample = at == 0 ? o.path : sample;
        SV_TRY(store_outcome_put(t->db, &t->scope, &o, &before, t->fail));
        SV_TRY(refuse_event(g, t, job, &o));
    }
    return g->unknown_count == 0 ? AL_OK
                                 : store_job_reason(t->db, &t->scope, job->id, o.reason, o.code,
                                                    (int64_t)g->unknown_count, sample, t->fail);
}

static int
move(struct service_req *req, struct service_reply *reply, enum store_job_kind kind,
     struct al_fail *fail)
{
    struct gathering AL_CLEANUP(gathering_end) g = {.req = req, .kind = kind, .fail = fail};
    struct service_tx AL_CLEANUP(service_tx_end) tx = {0};
    struct store_volume v;
    struct store_job job;
    struct work_tx t;

    job_maker_begin(&g.maker);
    al_buf_init(&g.unknown, FILE_UNKNOWN_BYTES_MAX);
    SV_TRY(work_volume(req, &v, fail));
    if (v.share_id[0] == '\0') {
        return al_fail_set(fail, AL_ECONFLICT, 0, "this volume has no share");
    }
    g.v = &v;
    g.maker.walks = kind == STORE_J_ADOPT;
    if (g.maker.walks && strcmp(v.kind, "ntfs") != 0) {
        return al_fail_set(
            fail, AL_ECONFLICT, 0,
            "only on volumes of kind ntfs a stub that was restored has to be adopted "
            "by name; here that happens when it is read, or with a reconcile");
    }
    if (kind == STORE_J_TIER) {
        SV_TRY(work_volume_takes(req, v.customer_id, v.id, "tier", fail));
    }
    SV_TRY(gather(&g));
    SV_TRY(service_begin(req, reply, &tx, fail));
    if (tx.replayed) {
        return AL_OK;
    }
    work_tx_of(&t, req, fail);
    SV_TRY(work_volume(req, &v, fail)); /* as it stands now that nobody else changes it */
    SV_TRY(job_start(&t, kind, &v, &job));
    job.plan_ns = req->now_ns;
    job.refused_files = g.unknown_count;
    SV_TRY(job_maker_write(&g.maker, &t, &job));
    SV_TRY(refuse_unknown(&g, &t, &job));
    return job_answer(req, reply, &tx, &t, &job, fail);
}

int
file_tier(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    return move(req, reply, STORE_J_TIER, fail);
}

/* A host's agent brings back what lies on its own volumes: it is about to go. */
int
file_recall_own(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    struct store_volume v;

    SV_TRY(work_volume(req, &v, fail));
    if (strcmp(v.host_id, req->caller->id) != 0) {
        return al_fail_set(fail, AL_ENOENT, 0, "no such volume");
    }
    return move(req, reply, STORE_J_RECALL, fail);
}

int
file_recall(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    return move(req, reply, STORE_J_RECALL, fail);
}

int
file_adopt(struct service_req *req, struct service_reply *reply, struct al_fail *fail)
{
    return move(req, reply, STORE_J_ADOPT, fail);
}
