#include "server/service/work/access.h"

#include <stdio.h>
#include <string.h>

struct job_chunk {
    uint8_t *json;
    size_t len;
    uint32_t count;
    uint64_t bytes;
};

void
job_maker_begin(struct job_maker *m)
{
    *m = (struct job_maker){0};
    al_buf_init(&m->items, (size_t)WORK_ITEMS_BYTES_MAX * 2);
}

void
job_maker_end(struct job_maker *m)
{
    for (size_t i = 0; i < m->chunk_count; i++) {
        al_free(m->chunks[i].json);
    }
    al_free(m->chunks);
    al_buf_free(&m->items);
    *m = (struct job_maker){0};
}

/* What was gathered becomes one work. */
static int
cut(struct job_maker *m)
{
    struct job_chunk *c;

    if (m->count == 0) {
        return AL_OK;
    }
    if (m->chunk_count == m->chunk_cap) {
        size_t cap = m->chunk_cap == 0 ? 64 : m->chunk_cap * 2;
        struct job_chunk *more = al_realloc(m->chunks, cap * sizeof(*more));

        if (more == NULL) {
            return AL_ENOMEM;
        }
        m->chunks = more;
        m->chunk_cap = cap;
    }
    SV_TRY(al_buf_adds(&m->items, "]"));
    c = &m->chunks[m->chunk_count];
    c->count = m->walks ? 0 : m->count;
    c->bytes = m->chunk_bytes;
    m->chunk_bytes = 0;
    c->len = m->items.len;
    c->json = al_memdup(m->items.at, m->items.len);
    if (c->json == NULL) {
        return AL_ENOMEM;
    }
    m->chunk_count++;
    m->count = 0;
    al_buf_clear(&m->items);
    return AL_OK;
}

static int
item_begin(struct job_maker *m, struct al_jsonout *j, struct al_span path)
{
    while (path.len > 0 && path.at[0] == '/') {
        path.at++;
        path.len--;
    }
    if (m->files >= JOB_ITEMS_MAX) {
        return AL_ELIMIT;
    }
    SV_TRY(al_buf_adds(&m->items, m->count == 0 ? "[" : ","));
    al_jo_begin(j, &m->items);
    al_jo_object(j, NULL);
    al_jo_bytes(j, "path", path);
    return AL_OK;
}

static int
item_end(struct job_maker *m, struct al_jsonout *j, uint64_t bytes)
{
    al_jo_close(j);
    SV_TRY(al_jo_end(j));
    m->count++;
    m->files++;
    m->bytes += bytes;
    m->chunk_bytes += bytes;
    return m->count >= WORK_ITEMS_MAX || m->items.len >= WORK_ITEMS_BYTES_MAX ||
                   (m->slice_bytes > 0 && m->chunk_bytes >= m->slice_bytes)
               ? cut(m)
               : AL_OK;
}

int
job_maker_add(struct job_maker *m, struct al_span path, const struct inventory_row *row)
{
    struct al_jsonout j;

    SV_TRY(item_begin(m, &j, path));
    if (row != NULL) {
        al_jo_u64(&j, "size", row->size);
        al_jo_i64(&j, "mtime_ns", row->mtime_ns);
        al_jo_i64(&j, "ino", (int64_t)row->ino);
        if (m->coverage != NULL) {
            al_jo_i64(&j, "accessed_ns",
                      inventory_covered_access(m->coverage, row, m->plan_ns, NULL));
        }
        if (row->state == RULE_S_ARCHIVED && row->object_id[0] != '\0') {
            al_jo_str(&j, "object_id", row->object_id);
        }
    }
    return item_end(m, &j, row != NULL ? row->size : 0);
}

int
job_maker_add_finding(struct job_maker *m, const struct store_orphan *o, enum orphan_way way)
{
    struct al_jsonout j;

    SV_TRY(item_begin(m, &j, o->path));
    if (way == ORPHAN_W_RESTUB || way == ORPHAN_W_RESTORE) {
        al_jo_str(&j, "way", orphan_way_name(way));
        al_jo_str(&j, "object_id", o->object_id);
    }
    return item_end(m, &j, orphan_cost(way, o->size));
}

static int
add_work(struct work_tx *t, const struct store_job *job, const struct job_chunk *c, size_t place,
         bool later)
{
    struct store_work w = {.kind = job->kind, .created_ns = t->now_ns, .later = later};

    /* Works are leased in the order of their ids, which sort by the millisecond: the oldest files
     * go first. */
    SV_TRY(store_id_make(t->db, t->now_ns + (int64_t)place * 1000000, w.id));
    memcpy(w.job_id, job->id, sizeof(al_id));
    memcpy(w.customer_id, job->customer_id, sizeof(al_id));
    memcpy(w.host_id, job->host_id, sizeof(al_id));
    memcpy(w.volume_id, job->volume_id, sizeof(al_id));
    memcpy(w.share_id, job->share_id, sizeof(al_id));
    if (c != NULL) {
        w.items = c->count;
        w.bytes = c->bytes;
        w.json = (struct al_span){c->json, c->len};
    }
    return store_work_add(t->db, &t->scope, &w, t->fail);
}

static int
job_event(struct work_tx *t, const struct store_job *job)
{
    struct al_buf AL_CLEANUP(al_buf_free) detail = {0};
    struct al_jsonout j;

    al_buf_init(&detail, 128u << 10);
    al_jo_begin(&j, &detail);
    al_jo_object(&j, NULL);
    al_jo_str(&j, "kind", store_job_kind_name(job->kind));
    al_jo_str(&j, "volume_id", job->volume_id[0] == '\0' ? NULL : job->volume_id);
    if (job->rule_id[0] != '\0') {
        al_jo_str(&j, "rule_id", job->rule_id);
        al_jo_u64(&j, "rule_version", job->rule_version);
        al_jo_str(&j, "where", job->rule_where);
    }
    if (job->share_id[0] != '\0') {
        al_jo_str(&j, "share_id", job->share_id);
    }
    al_jo_u64(&j, "files", job->total_files);
    al_jo_u64(&j, "bytes", job->total_bytes);
    al_jo_close(&j);
    SV_TRY(al_jo_end(&j));
    return work_event(t, &(struct work_event){
                             .customer_id = job->customer_id,
                             .act = "job.start",
                             .subject_type = "job",
                             .subject_id = job->id,
                             .detail = &detail,
                         });
}

/* While the share is known to be in trouble new works wait at once: its next check lets them go. */
int
job_hold_if_bad(struct work_tx *t, const struct store_job *job)
{
    struct store_share share;
    char note[WORK_TEXT_MAX];
    bool writes_only, bad;

    if (job->share_id[0] == '\0' || !store_job_kind_moves(job->kind)) {
        return AL_OK;
    }
    SV_TRY(store_share_get(t->db, &t->scope, job->share_id, t->arena, &share, t->fail));
    writes_only = strcmp(share.state, "full") == 0 || strcmp(share.state, "read_only") == 0;
    bad = strcmp(share.state, "ok") != 0 && strcmp(share.state, "unknown") != 0;
    if (!bad || (writes_only && !store_job_kind_writes(job->kind))) {
        return AL_OK;
    }
    (void)snprintf(note, sizeof(note), "Share %s: %s%s%s", share.name, share.state,
                   share.state_text[0] == '\0' ? "" : ": ", share.state_text);
    SV_TRY(store_work_hold_job(t->db, &t->scope, job->id, t->now_ns, t->fail));
    return store_job_note(t->db, &t->scope, job->id, AL_OK, note, t->fail);
}

static int
started(struct work_tx *t, const struct store_job *job)
{
    SV_TRY(job_event(t, job));
    SV_TRY(job_hold_if_bad(t, job));
    SV_TRY(work_settle(t, job->id, job->customer_id));
    SV_TRY(work_touch(t, WORK_T_FIGURES, job->customer_id, job->customer_id));
    return work_touch(t, WORK_T_WAKE, job->host_id, job->customer_id);
}

int
job_maker_write(struct job_maker *m, struct work_tx *t, struct store_job *job)
{
    SV_TRY(cut(m));
    job->total_files = m->walks ? 0 : m->files + job->refused_files;
    job->total_bytes = m->bytes;
    SV_TRY(store_job_add(t->db, &t->scope, job, t->fail));
    for (size_t i = 0; i < m->chunk_count; i++) {
        SV_TRY(add_work(t, job, &m->chunks[i], i, m->slice_bytes > 0));
    }
    if (m->slice_bytes > 0) {
        uint64_t works;

        SV_TRY(store_job_slice(t->db, &t->scope, job->id, m->first_bytes, &works, t->fail));
    }
    return started(t, job);
}

int
job_make_plain(struct work_tx *t, struct store_job *job)
{
    SV_TRY(store_job_add(t->db, &t->scope, job, t->fail));
    SV_TRY(add_work(t, job, NULL, 0, false));
    return started(t, job);
}

int
job_start(struct work_tx *t, enum store_job_kind kind, const struct store_volume *v,
          struct store_job *ret)
{
    struct store_job j = {.kind = kind, .text = "", .created_ns = t->now_ns};

    SV_TRY(store_id_make(t->db, t->now_ns, j.id));
    memcpy(j.customer_id, v->customer_id, sizeof(al_id));
    memcpy(j.host_id, v->host_id, sizeof(al_id));
    memcpy(j.volume_id, v->id, sizeof(al_id));
    if (store_job_kind_moves(kind)) {
        memcpy(j.share_id, v->share_id, sizeof(al_id));
    }
    j.created_by = t->actor_name;
    *ret = j;
    return AL_OK;
}
