#include "server/service/agent/intake_apply.h"

#include <stdio.h>
#include <string.h>

#define MINUTE_NS (INT64_C(60) * 1000000000)

static const char *const metric_names[] = {
    [INTAKE_M_TIERED_FILES] = "tiered_files",
    [INTAKE_M_TIERED_BYTES] = "tiered_bytes",
    [INTAKE_M_RECALLED_FILES] = "recalled_files",
    [INTAKE_M_RECALLED_BYTES] = "recalled_bytes",
    [INTAKE_M_ERRORS] = "errors",
};

/* ---- sums ---- */

/* When it happened by the host's clock; never in our future, and now where the host did not say. */
static int64_t
when(const struct intake *in, const struct intake_record *r)
{
    return r->ended_ns > 0 && r->ended_ns < in->t.now_ns ? r->ended_ns : in->t.now_ns;
}

static int
add_point(struct intake *in, size_t volume, enum intake_metric metric, int64_t at_ns,
          uint64_t delta)
{
    int64_t minute = at_ns / MINUTE_NS * MINUTE_NS;
    size_t tried = 0;

    if (delta == 0) {
        return AL_OK;
    }
    /* Neighbours in time are neighbours here; an older twin only costs one more write. */
    for (size_t i = in->point_count; i > 0 && tried < 64; i--, tried++) {
        struct intake_point *p = &in->points[i - 1];
        if (p->volume == volume && p->metric == metric && p->minute_ns == minute) {
            p->delta += delta;
            return AL_OK;
        }
    }
    SV_TRY(intake_room(in, &in->points, sizeof(*in->points), in->point_count, &in->point_cap));
    in->points[in->point_count++] = (struct intake_point){volume, metric, minute, delta};
    return AL_OK;
}

static int
add_reason(struct intake *in, size_t job, const char *reason, const char *code, int64_t files,
           struct al_span sample)
{
    for (size_t i = 0; i < in->reason_count; i++) {
        struct intake_reason *x = &in->reasons[i];
        if (x->job == job && strcmp(x->reason, reason) == 0 && strcmp(x->code, code) == 0) {
            x->files += files;
            x->sample = x->sample.len == 0 ? sample : x->sample;
            return AL_OK;
        }
    }
    SV_TRY(intake_room(in, &in->reasons, sizeof(*in->reasons), in->reason_count, &in->reason_cap));
    in->reasons[in->reason_count++] = (struct intake_reason){job, reason, code, files, sample};
    return AL_OK;
}

static int
count_class(struct intake *in, size_t job, enum store_outcome_class class_, uint64_t size,
            uint64_t freed, const char *reason, const char *code, struct al_span path, int64_t sign)
{
    struct store_job_delta *d = &in->jobs[job].delta;

    in->jobs[job].touched = true;
    switch (class_) {
    case STORE_O_DONE:
        d->done_files += sign;
        d->done_bytes += sign * (int64_t)size;
        d->freed_bytes += sign * (int64_t)freed;
        return AL_OK;
    case STORE_O_REFUSED:
        d->refused_files += sign;
        break;
    case STORE_O_FAILED:
    case STORE_O_LATER:
        d->failed_files += sign;
        break;
    }
    return add_reason(in, job, reason[0] == '\0' ? code : reason, code, sign, path);
}

/* A marker that was put right: the walk itself tells how many it saw, and no bytes were moved. */
static void
count_marker(struct intake *in, size_t job, const struct intake_record *r)
{
    struct store_job_delta *d = &in->jobs[job].delta;

    in->jobs[job].touched = true;
    d->adopted_files += r->act == INTAKE_A_ADOPT;
    d->dropped_files += r->act == INTAKE_A_DROP_MARKER;
    d->finished_files += r->act == INTAKE_A_RECONCILE && strcmp(r->reason, "stub_finished") == 0;
}

static bool
is_move(const struct intake_record *r)
{
    return r->act == INTAKE_A_TIER || r->act == INTAKE_A_ARCHIVE || r->act == INTAKE_A_RECALL ||
           r->act == INTAKE_A_REPAIR;
}

/* The last word on a stub that was told adopted before it was (protocol.md), and is not: it names the new
 * stub's inode. What the host could not do or see before it told anything says nothing of what was
 * done before, and names none. */
static bool
undoes(const struct intake_job *k, const struct intake_record *r, enum store_outcome_class class_)
{
    return k->j.kind == STORE_J_ADOPT && class_ != STORE_O_DONE && r->ino != 0 &&
           r->code != AL_ENOENT && strcmp(r->reason, "not_a_stub") != 0;
}

static enum store_outcome_class
class_of(const struct intake_record *r, bool has_share)
{
    enum store_job_kind kind =
        r->act == INTAKE_A_RECALL || r->act == INTAKE_A_REPAIR ? STORE_J_RECALL : STORE_J_TIER;

    if (r->act == INTAKE_A_REFUSE) {
        return STORE_O_REFUSED;
    }
    if (r->code == AL_OK) {
        return STORE_O_DONE;
    }
    if (!is_move(r)) {
        return STORE_O_FAILED;
    }
    return has_share && work_share_trouble(kind, r->code) ? STORE_O_LATER : STORE_O_FAILED;
}

/* ---- events ---- */

const char *
intake_act_of(const struct intake_record *r)
{
    switch (r->act) {
    case INTAKE_A_TIER:
        return "file.tier";
    case INTAKE_A_ARCHIVE:
        return "file.archive";
    case INTAKE_A_RECALL:
        return "file.recall";
    case INTAKE_A_READ:
        return "file.read";
    case INTAKE_A_REFUSE:
        return "file.refuse";
    case INTAKE_A_ADOPT:
        return "file.adopt";
    case INTAKE_A_DROP_MARKER:
        return "file.drop_marker";
    case INTAKE_A_RECONCILE:
        return "file.reconcile";
    case INTAKE_A_REPAIR:
        return "file.repair";
    case INTAKE_A_ALARM:
        return "host.alarm";
    default:
        return "host.report";
    }
}

static void
text_unless_empty(struct al_jsonout *j, const char *key, const char *text)
{
    if (text != NULL && text[0] != '\0') {
        al_jo_str(j, key, text);
    }
}

static int
outcome_event(struct intake *in, const struct intake_record *r, const struct intake_of *of)
{
    struct work_event e = {
        .customer_id = in->t.scope.customer_id,
        .act = intake_act_of(r),
        .subject_type = "file",
        .subject_id = r->volume_id,
        .subject = r->path,
        .code = al_code_name(r->code),
        .detail = &in->detail,
        .at_ns = when(in, r),
    };
    struct al_jsonout j;

    if (r->path.len > 0) { /* as files are shown everywhere */
        al_buf_clear(&in->path);
        SV_TRY(al_buf_adds(&in->path, "/"));
        SV_TRY(al_buf_add(&in->path, r->path.at, r->path.len));
        e.subject = al_buf_span(&in->path);
    }
    if (r->volume_id == NULL || r->path.len == 0) {
        e.subject_type = r->volume_id != NULL ? "volume" : "host";
        e.subject_id = r->volume_id != NULL ? r->volume_id : in->t.actor_id;
    }
    al_buf_clear(&in->detail);
    al_jo_begin(&j, &in->detail);
    al_jo_object(&j, NULL);
    if (r->act == INTAKE_A_OTHER) {
        al_jo_str(&j, "act", r->act_name);
    }
    text_unless_empty(&j, "reason", r->reason);
    text_unless_empty(&j, "text", r->text);
    text_unless_empty(&j, "job_id", r->job_id);
    text_unless_empty(&j, "rule_id", r->rule_id);
    text_unless_empty(&j, "share_id", r->share_id);
    text_unless_empty(&j, "object_id", r->object_id);
    if (r->now_path.len > 0) {
        al_jo_bytes(&j, "now_path", r->now_path);
    }
    if (r->size != 0 || r->freed != 0) {
        al_jo_u64(&j, "size", r->size);
        al_jo_u64(&j, "freed", r->freed);
    }
    if (r->began_ns != 0 && r->ended_ns >= r->began_ns) {
        al_jo_i64(&j, "took_ns", r->ended_ns - r->began_ns);
    }
    if ((r->act == INTAKE_A_RECALL || r->act == INTAKE_A_READ) && r->pid != 0) {
        al_jo_u64(&j, "pid", r->pid);
        al_jo_u64(&j, "uid", r->uid);
        text_unless_empty(&j, "process", r->process);
    }
    al_jo_close(&j);
    SV_TRY(al_jo_end(&j));
    return work_event(&in->t, &e);
}

/* rows: of a record whose others count; 0: the record as a whole. */
static int
rejected(struct intake *in, const struct intake_record *r, const char *why, uint64_t rows)
{
    struct al_span head = {.at = r->line.at, .len = r->line.len < 512 ? r->line.len : 512};
    struct al_jsonout j;

    in->rejected++;
    al_buf_clear(&in->detail);
    al_jo_begin(&j, &in->detail);
    al_jo_object(&j, NULL);
    al_jo_str(&j, "why", why);
    if (rows > 0) {
        al_jo_u64(&j, "rows", rows);
        al_jo_str(&j, "volume_id", r->volume_id);
    }
    al_jo_text(&j, "record", head);
    al_jo_u64(&j, "bytes", r->line.len);
    al_jo_str(&j, "stream", in->stream);
    al_jo_u64(&j, "seq", in->seq);
    al_jo_close(&j);
    SV_TRY(al_jo_end(&j));
    SV_TRY(add_point(in, INTAKE_NONE, INTAKE_M_ERRORS, in->t.now_ns, 1));
    return work_event(&in->t, &(struct work_event){
                                  .customer_id = in->t.scope.customer_id,
                                  .act = "host.rejected_record",
                                  .subject_type = "host",
                                  .subject_id = in->t.actor_id,
                                  .subject = al_span_of(in->t.actor_name),
                                  .code = al_code_name(AL_EINVAL),
                                  .detail = &in->detail,
                              });
}

/* ---- outcomes ---- */

static int
job_outcome(struct intake *in, const struct intake_record *r, size_t job, bool has_share,
            bool *ret_counted)
{
    struct intake_job *k = &in->jobs[job];
    enum store_outcome_class class_ = class_of(r, has_share);
    const char *code = al_code_name(r->code);
    uint64_t freed = r->act == INTAKE_A_TIER || r->act == INTAKE_A_ARCHIVE ? r->freed : 0;
    uint64_t size = k->j.kind == STORE_J_ADOPT ? 0 : r->size; /* no bytes were moved */
    struct store_outcome o = {
        .job_id = k->j.id,
        .path = r->path,
        .act = r->act_name,
        .code = code,
        .reason = r->reason,
        .text = r->text,
        .object_id = r->object_id,
        .class_ = class_,
        .size = size,
        .freed = freed,
        .at_ns = when(in, r),
        .undoes = undoes(k, r, class_),
    };
    struct store_outcome_before before;

    *ret_counted = false;
    SV_TRY(store_outcome_put(in->t.db, &in->t.scope, &o, &before, in->t.fail));
    if (before.kept) {
        return AL_OK;
    }
    if (before.there) {
        const char *reason = al_arena_str(in->t.arena, before.reason);
        const char *was = al_arena_str(in->t.arena, before.code);

        if (reason == NULL || was == NULL) {
            return AL_ENOMEM;
        }
        SV_TRY(count_class(in, job, before.class_, before.size, before.freed, reason, was,
                           (struct al_span){0}, -1));
    }
    *ret_counted = true;
    if (k->j.kind == STORE_J_RECONCILE && class_ == STORE_O_DONE) {
        count_marker(in, job, r);
        return AL_OK;
    }
    return count_class(in, job, class_, size, freed, r->reason, code, r->path, 1);
}

static int
series_of(struct intake *in, const struct intake_record *r, size_t volume)
{
    int64_t at = when(in, r);

    if (r->code != AL_OK) {
        bool counts = is_move(r) || r->act == INTAKE_A_ALARM || r->act == INTAKE_A_RECONCILE;
        return counts ? add_point(in, volume, INTAKE_M_ERRORS, at, 1) : AL_OK;
    }
    if (r->act == INTAKE_A_TIER || r->act == INTAKE_A_ARCHIVE) {
        SV_TRY(add_point(in, volume, INTAKE_M_TIERED_FILES, at, 1));
        return add_point(in, volume, INTAKE_M_TIERED_BYTES, at, r->size);
    }
    if (r->act == INTAKE_A_RECALL && strcmp(r->reason, "already_resident") != 0) {
        SV_TRY(add_point(in, volume, INTAKE_M_RECALLED_FILES, at, 1));
        return add_point(in, volume, INTAKE_M_RECALLED_BYTES, at, r->size);
    }
    return r->act == INTAKE_A_ALARM ? add_point(in, volume, INTAKE_M_ERRORS, at, 1) : AL_OK;
}

static int
share_trouble(struct intake *in, const struct intake_record *r, const char *share_id)
{
    struct work_share_news n = {.share_id = share_id, .code = r->code, .text = r->text};

    if (strcmp(in->share_told, share_id) == 0 && in->share_code == r->code) {
        return AL_OK;
    }
    memcpy(in->share_told, share_id, sizeof(in->share_told));
    in->share_code = r->code;
    return work_share_told(&in->t, &n);
}

/* Whether this is the last word on a file of its job. On the way to it an agent tells of more: an
 * adopted stub that it then recalls, an object left over by an attempt. */
static bool
is_item(const struct intake *in, const struct intake_record *r, const struct intake_of *of)
{
    if (of->job == INTAKE_NONE || r->path.len == 0) {
        return false;
    }
    switch (r->act) {
    case INTAKE_A_TIER:
    case INTAKE_A_ARCHIVE:
    case INTAKE_A_RECALL:
    case INTAKE_A_REFUSE:
    case INTAKE_A_DROP_MARKER:
    case INTAKE_A_ALARM:
    case INTAKE_A_REPAIR:
        return true;
    default:
        return in->jobs[of->job].j.kind == STORE_J_RECONCILE ||
               (in->jobs[of->job].j.kind == STORE_J_ADOPT && r->act == INTAKE_A_ADOPT);
    }
}

static int
file_outcome(struct intake *in, const struct intake_record *r, const struct intake_of *of)
{
    const char *share_id = r->share_id;
    bool counted = true;

    if (share_id == NULL && of->volume != INTAKE_NONE) {
        share_id = in->volumes[of->volume].v.share_id;
    }
    if (r->code == AL_ECANCELED && is_move(r)) {
        return AL_OK; /* not begun, or put back: its work says that it stopped, and the file comes
                         again */
    }
    SV_TRY(outcome_event(in, r, of));
    SV_TRY(intake_orphan_outcome(in, r, of));
    if (is_item(in, r, of)) {
        SV_TRY(job_outcome(in, r, of->job, share_id != NULL && share_id[0] != '\0', &counted));
    }
    if (counted) {
        SV_TRY(series_of(in, r, of->volume));
    }
    if (share_id != NULL && share_id[0] != '\0' && class_of(r, true) == STORE_O_LATER) {
        SV_TRY(share_trouble(in, r, share_id));
    }
    if (r->act == INTAKE_A_RECONCILE && strcmp(r->reason, "unreferenced_object") == 0 &&
        r->object_id != NULL && share_id != NULL && share_id[0] != '\0') {
        struct store_ledger_entry e = {
            .share_id = share_id,
            .object_id = r->object_id,
            .customer_id = in->t.scope.customer_id,
            .host_id = in->t.actor_id,
            .volume_id = r->volume_id,
            .reason = r->reason,
            .path = r->path,
            .since_ns = when(in, r),
        };
        return store_ledger_add(in->t.db, &in->t.scope, &e, in->t.fail);
    }
    return AL_OK;
}

static int
volume_state(struct intake *in, const struct intake_record *r, const struct intake_of *of)
{
    static const char *const states[] = {"ok", "tracked_only", "unmarked", "unreachable"};
    struct intake_volume *v = &in->volumes[of->volume];
    const char *state = NULL;

    for (size_t i = 0; i < AL_LEN(states); i++) {
        state = strcmp(states[i], r->reason) == 0 ? states[i] : state;
    }
    if (state == NULL) {
        return outcome_event(in, r, of);
    }
    if (strcmp(v->v.state, state) == 0 && strcmp(v->v.state_text, r->text) == 0) {
        return AL_OK;
    }
    SV_TRY(store_volume_state(in->t.db, &in->t.scope, v->v.id, state, r->text, in->t.fail));
    v->v.state = state;
    v->v.state_text = r->text;
    SV_TRY(work_touch(&in->t, WORK_T_VOLUME_STATE, v->v.id, v->v.customer_id));
    al_buf_clear(&in->detail);
    struct al_jsonout j;
    al_jo_begin(&j, &in->detail);
    al_jo_object(&j, NULL);
    al_jo_str(&j, "state", state);
    al_jo_str(&j, "text", r->text);
    al_jo_close(&j);
    SV_TRY(al_jo_end(&j));
    return work_event(&in->t, &(struct work_event){
                                  .customer_id = v->v.customer_id,
                                  .act = "volume.state",
                                  .subject_type = "volume",
                                  .subject_id = v->v.id,
                                  .subject = al_span_of(v->v.name),
                                  .code = al_code_name(r->code),
                                  .detail = &in->detail,
                              });
}

static int
share_state(struct intake *in, const struct intake_record *r, const struct intake_of *of)
{
    struct work_share_news n = {
        .share_id = r->share_id,
        .code = r->code,
        .text = r->text,
        .bytes_total = r->size,
        .bytes_free = r->freed,
        .job_id = r->job_id,
    };

    memcpy(in->share_told, r->share_id, sizeof(in->share_told));
    in->share_code = r->code;
    return work_share_told(&in->t, &n);
}

/* ---- works ---- */

/* Sums of this batch go to the job before anything is derived from its counters. */
static int
flush_job(struct intake *in, size_t at)
{
    struct intake_job *k = &in->jobs[at];

    if (!k->touched) {
        return AL_OK;
    }
    SV_TRY(store_job_count(in->t.db, &in->t.scope, k->j.id, &k->delta, in->t.fail));
    k->delta = (struct store_job_delta){0};
    k->touched = false;
    for (size_t i = 0; i < in->reason_count; i++) {
        struct intake_reason *x = &in->reasons[i];
        if (x->job == at && x->files != 0) {
            SV_TRY(store_job_reason(in->t.db, &in->t.scope, k->j.id, x->reason, x->code, x->files,
                                    x->sample, in->t.fail));
            x->files = 0;
        }
    }
    return work_touch(&in->t, WORK_T_JOB, k->j.id, k->j.customer_id);
}

static int
flush_jobs(struct intake *in)
{
    for (size_t i = 0; i < in->job_count; i++) {
        SV_TRY(flush_job(in, i));
    }
    return AL_OK;
}

static int
work_end(struct intake *in, const struct intake_record *r)
{
    struct store_work w;
    int rc =
        store_work_get(in->t.db, &in->t.scope, in->t.actor_id, r->work_id, in->t.arena, &w, NULL);

    if (rc == AL_ENOENT) {
        return AL_OK; /* told before, or taken away: nothing is left to end */
    }
    SV_TRY(rc);
    SV_TRY(flush_jobs(in));
    return work_ended(&in->t, &w, r->code, r->text);
}

static int
progress(struct intake *in, const struct intake_record *r)
{
    struct store_work w;
    int rc =
        store_work_get(in->t.db, &in->t.scope, in->t.actor_id, r->work_id, in->t.arena, &w, NULL);

    if (rc == AL_ENOENT) {
        return AL_OK;
    }
    SV_TRY(rc);
    if ((w.kind != STORE_J_SCAN && w.kind != STORE_J_RECONCILE && w.kind != STORE_J_ADOPT) ||
        w.job_id[0] == '\0' || w.dropped) {
        return AL_OK; /* files that move tell for themselves */
    }
    if (w.kind == STORE_J_ADOPT) { /* so do those that are adopted */
        SV_TRY(store_job_unreadable(in->t.db, &in->t.scope, w.job_id, r->unreadable, in->t.fail));
        return work_touch(&in->t, WORK_T_JOB, w.job_id, w.customer_id);
    }
    if (w.kind == STORE_J_RECONCILE) {
        SV_TRY(flush_jobs(in)); /* alarms among the markers */
        SV_TRY(store_job_walked(in->t.db, &in->t.scope, w.job_id, r->files, r->unreadable, r->later,
                                in->t.fail));
    } else {
        SV_TRY(
            store_job_progress(in->t.db, &in->t.scope, w.job_id, r->files, r->bytes, in->t.fail));
    }
    return work_touch(&in->t, WORK_T_JOB, w.job_id, w.customer_id);
}

static int
tell_lost(struct intake *in, const struct intake_record *r, const struct intake_of *of)
{
    const struct intake_volume *v = &in->volumes[of->volume];

    for (size_t i = 0; i < of->scan->lost_count; i++) {
        const struct intake_lost *lost = &of->scan->lost[i];
        const struct intake_record alarm = {
            .kind = INTAKE_OUTCOME,
            .act = INTAKE_A_ALARM,
            .act_name = "alarm",
            .code = AL_EIO,
            .reason = "marker_lost",
            .text =
                "somebody took the marker of this stub away: it reads as zeros now; the content "
                "is in its object",
            .volume_id = v->v.id,
            .share_id = v->v.share_id,
            .object_id = lost->object_id,
            .path = lost->path,
            .ino = lost->ino,
            .size = lost->size,
            .ended_ns = r->ended_ns,
        };

        SV_TRY(outcome_event(in, &alarm, of));
        SV_TRY(intake_orphan_outcome(in, &alarm, of));
        SV_TRY(series_of(in, &alarm, of->volume));
    }
    return AL_OK;
}

/* What it was and came to: schemas/Scanned of the interface. */
static int
scanned(const struct intake_record *r, const struct inventory_scan_result *x, struct al_buf *to)
{
    struct al_jsonout j;

    al_jo_begin(&j, to);
    al_jo_object(&j, NULL);
    al_jo_str(&j, "kind", r->follows != NULL ? "increment" : "full");
    al_jo_text(&j, "why", al_span_of(r->reason != NULL ? r->reason : ""));
    al_jo_u64(&j, "added", x->added);
    al_jo_u64(&j, "changed", x->changed);
    al_jo_u64(&j, "gone", x->gone);
    al_jo_u64(&j, "moved", x->moved);
    al_jo_close(&j);
    return al_jo_end(&j);
}

static int
scan_end(struct intake *in, const struct intake_record *r, const struct intake_of *of)
{
    AL_CLEANUP(al_buf_free) struct al_buf json = {0};
    bool again = false;
    const struct intake_volume *v = &in->volumes[of->volume];
    struct store_work w;
    char text[WORK_TEXT_MAX];
    int rc;

    if (of->scan == NULL) {
        return AL_OK; /* not under way any more */
    }
    rc = store_work_of_scan(in->t.db, &in->t.scope, in->t.actor_id, r->scan_id, in->t.arena, &w,
                            NULL);
    if (rc == AL_ENOENT) {
        return AL_OK;
    }
    SV_TRY(rc);
    (void)snprintf(text, sizeof(text), "%s", r->text);
    if (of->scan->rc == AL_OK && w.job_id[0] != '\0' && !w.dropped) {
        const struct inventory_scan_result *x = &of->scan->result;

        al_buf_init(&json, 8u * INTAKE_TEXT_MAX);
        SV_TRY(scanned(r, x, &json));
        /* Folders have an entry each, but for the root. */
        SV_TRY(store_job_scanned(in->t.db, &in->t.scope, w.job_id,
                                 x->entries + 1 > x->folders ? x->entries + 1 - x->folders : 0,
                                 r->unreadable, al_buf_span(&json), in->t.fail));
    } else if (of->scan->rc != AL_OK && text[0] == '\0') {
        (void)snprintf(text, sizeof(text), "The scan could not be taken over: %s",
                       al_code_name(of->scan->rc));
    }
    SV_TRY(tell_lost(in, r, of));
    SV_TRY(work_volume_news(&in->t, &v->v));
    /* An increment of something else than the inventory holds, or one that was refused before (the batch came twice): the
     * host walks it all. */
    again = r->follows != NULL && (of->scan->rc == AL_ECONFLICT || of->scan->rc == AL_ECHANGED) &&
            w.lost < WORK_LOST_MAX;
    return work_ended(&in->t, &w, again ? AL_ECANCELED : of->scan->rc, text);
}

/* ---- the whole ---- */

static int
one_record(struct intake *in, const struct intake_record *r, const struct intake_of *of)
{
    switch (r->kind) {
    case INTAKE_REJECTED:
        return rejected(in, r, r->why, 0);
    case INTAKE_PROGRESS:
        return progress(in, r);
    case INTAKE_WORK_END:
        return work_end(in, r);
    case INTAKE_SCAN_END:
        return scan_end(in, r, of);
    case INTAKE_ACCESS:
        SV_TRY(r->access->rejected == 0 ? AL_OK
                                        : rejected(in, r, r->access->why, r->access->rejected));
        return intake_store_access(in, r, of);
    case INTAKE_AUDIT:
        return intake_store_audit(in, r, of);
    case INTAKE_FILESPACES:
        return store_host_found_set(in->t.db, &in->t.scope, in->t.actor_id, r->found,
                                    intake_heard_ns(in, r->ended_ns), in->t.fail);
    case INTAKE_DRIVER:
        SV_TRY(store_host_driver_set(in->t.db, &in->t.scope, in->t.actor_id, r->found,
                                     intake_heard_ns(in, r->ended_ns), in->t.fail));
        in->driver = true;
        return AL_OK;
    case INTAKE_SHARE_TEST:
        return intake_store_share_test(in, r);
    case INTAKE_FINDINGS:
        SV_TRY(r->findings->rejected == 0
                   ? AL_OK
                   : rejected(in, r, "findings without their kind, path or object",
                              r->findings->rejected));
        return intake_store_findings(in, r, of);
    case INTAKE_WALK:
        return intake_store_walk(in, r, of);
    case INTAKE_OUTCOME:
        break;
    }
    if (of->again) {
        return AL_OK;
    }
    if (r->act == INTAKE_A_SHARE_STATE) {
        return share_state(in, r, of);
    }
    return r->act == INTAKE_A_VOLUME_STATE ? volume_state(in, r, of) : file_outcome(in, r, of);
}

static int
flush_points(struct intake *in)
{
    for (size_t i = 0; i < in->point_count; i++) {
        const struct intake_point *p = &in->points[i];
        struct series_key key = {
            .customer_id = in->t.scope.customer_id,
            .volume_id = p->volume == INTAKE_NONE ? "" : in->volumes[p->volume].v.id,
            .metric = metric_names[p->metric],
        };
        SV_TRY(series_count(in->t.worker->service->series, in->t.db, &key, p->minute_ns, p->delta));
    }
    return AL_OK;
}

int
intake_store(struct intake *in)
{
    bool outcomes = false;

    for (size_t i = 0; i < in->batch.count; i++) {
        SV_TRY(one_record(in, &in->batch.records[i], &in->of[i]));
        outcomes = outcomes || in->batch.records[i].kind == INTAKE_OUTCOME;
    }
    SV_TRY(intake_store_floors(in));
    SV_TRY(flush_jobs(in));
    SV_TRY(flush_points(in));
    for (size_t i = 0; i < in->volume_count && outcomes; i++) {
        if (in->volumes[i].used) {
            SV_TRY(work_volume_news(&in->t, &in->volumes[i].v));
        }
    }
    return store_intake_set(in->t.db, &in->t.scope, in->t.actor_id, in->stream, in->seq, in->body,
                            in->t.now_ns, in->t.fail);
}
